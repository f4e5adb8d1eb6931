#include "sansocket/core/opcode.hpp"

#include <array>
#include <string_view>

#include "catch.hpp"

using namespace sansocket;

namespace {

struct row {
  std::uint8_t value;
  bool control;
  bool reserved;
  std::string_view name;
};

// §5.2 and §11.8, written out.
constexpr std::array<row, 16> table{{
    {0x0, false, false, "continuation"},
    {0x1, false, false, "text"},
    {0x2, false, false, "binary"},
    {0x3, false, true, "reserved"},
    {0x4, false, true, "reserved"},
    {0x5, false, true, "reserved"},
    {0x6, false, true, "reserved"},
    {0x7, false, true, "reserved"},
    {0x8, true, false, "close"},
    {0x9, true, false, "ping"},
    {0xA, true, false, "pong"},
    {0xB, true, true, "reserved"},
    {0xC, true, true, "reserved"},
    {0xD, true, true, "reserved"},
    {0xE, true, true, "reserved"},
    {0xF, true, true, "reserved"},
}};

}  // namespace

TEST_CASE("opcode: the enumerators are the RFC's numbers", "[opcode][5.2][11.8]") {
  STATIC_REQUIRE(static_cast<int>(opcode::continuation) == 0x0);
  STATIC_REQUIRE(static_cast<int>(opcode::text) == 0x1);
  STATIC_REQUIRE(static_cast<int>(opcode::binary) == 0x2);
  STATIC_REQUIRE(static_cast<int>(opcode::close) == 0x8);
  STATIC_REQUIRE(static_cast<int>(opcode::ping) == 0x9);
  STATIC_REQUIRE(static_cast<int>(opcode::pong) == 0xA);
}

TEST_CASE("opcode: a message's type is its first frame's opcode", "[opcode][5.6]") {
  STATIC_REQUIRE(static_cast<int>(message_type::text) == static_cast<int>(opcode::text));
  STATIC_REQUIRE(static_cast<int>(message_type::binary) == static_cast<int>(opcode::binary));
}

TEST_CASE("opcode: all sixteen are sorted and named", "[opcode][5.2][5.5]") {
  for (const row& expected : table) {
    const auto code = static_cast<opcode>(expected.value);
    CAPTURE(static_cast<int>(expected.value));
    CHECK(is_control(code) == expected.control);
    CHECK(is_reserved(code) == expected.reserved);
    CHECK(name(code) == expected.name);
  }
}

TEST_CASE("opcode: the questions can be asked at compile time", "[opcode]") {
  STATIC_REQUIRE(is_control(opcode::close));
  STATIC_REQUIRE(is_control(static_cast<opcode>(0xF)));
  STATIC_REQUIRE_FALSE(is_control(static_cast<opcode>(0x7)));
  STATIC_REQUIRE(is_reserved(static_cast<opcode>(0x3)));
  STATIC_REQUIRE(is_reserved(static_cast<opcode>(0xB)));
  STATIC_REQUIRE_FALSE(is_reserved(opcode::binary));
  STATIC_REQUIRE_FALSE(is_reserved(opcode::pong));
  STATIC_REQUIRE(name(opcode::pong) == "pong");
}
