#include "sansocket/core/close_code.hpp"

#include <array>
#include <set>
#include <string_view>
#include <vector>

#include "catch.hpp"

using namespace sansocket;

namespace {

struct row {
  close_code code;
  unsigned value;
  std::string_view name;
};

// §7.4.1, and 1012 to 1014 from the registry that §11.7 set up.
constexpr std::array<row, 16> listed{{
    {close_code::none, 0, "no Close frame"},
    {close_code::normal, 1000, "normal closure"},
    {close_code::going_away, 1001, "going away"},
    {close_code::protocol_error, 1002, "protocol error"},
    {close_code::unsupported_data, 1003, "unsupported data"},
    {close_code::no_status, 1005, "no status received"},
    {close_code::abnormal, 1006, "abnormal closure"},
    {close_code::invalid_payload, 1007, "invalid payload data"},
    {close_code::policy_violation, 1008, "policy violation"},
    {close_code::message_too_big, 1009, "message too big"},
    {close_code::mandatory_extension, 1010, "mandatory extension"},
    {close_code::internal_error, 1011, "internal error"},
    {close_code::service_restart, 1012, "service restart"},
    {close_code::try_again_later, 1013, "try again later"},
    {close_code::bad_gateway, 1014, "bad gateway"},
    {close_code::tls_handshake, 1015, "TLS handshake"},
}};

close_code code_of(unsigned value) { return static_cast<close_code>(value); }

}  // namespace

TEST_CASE("close_code: the enumerators are the registered numbers, each with its own name", "[close_code][7.4.1]") {
  std::set<std::string_view> names;
  for (const row& expected : listed) {
    CAPTURE(expected.value);
    CHECK(static_cast<unsigned>(expected.code) == expected.value);
    CHECK(name(expected.code) == expected.name);
    CHECK(names.insert(name(expected.code)).second);
  }
}

TEST_CASE("close_code: exactly the codes that may be sent are sendable, of all 65536", "[close_code][7.4]") {
  std::vector<bool> sendable(65'536, false);
  for (const unsigned value : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U, 1014U})
    sendable[value] = true;
  for (unsigned value = 3000; value < 5000; ++value) sendable[value] = true;

  for (unsigned value = 0; value < 65'536; ++value) {
    if (is_sendable(code_of(value)) != sendable[value]) FAIL("is_sendable is wrong about " << value);
  }
}

TEST_CASE("close_code: codes without a name of their own have their range's", "[close_code][7.4.2]") {
  CHECK(name(code_of(1)) == "reserved");
  CHECK(name(code_of(999)) == "reserved");
  CHECK(name(code_of(1004)) == "reserved");
  CHECK(name(code_of(1016)) == "reserved");
  CHECK(name(code_of(2999)) == "reserved");
  CHECK(name(code_of(3000)) == "registered by a framework");
  CHECK(name(code_of(3999)) == "registered by a framework");
  CHECK(name(code_of(4000)) == "private use");
  CHECK(name(code_of(4999)) == "private use");
  CHECK(name(code_of(5000)) == "reserved");
  CHECK(name(code_of(65'535)) == "reserved");
}

TEST_CASE("close_code: the questions can be asked at compile time", "[close_code][7.4]") {
  STATIC_REQUIRE(is_sendable(close_code::normal));
  STATIC_REQUIRE_FALSE(is_sendable(close_code::none));
  STATIC_REQUIRE_FALSE(is_sendable(close_code::no_status));
  STATIC_REQUIRE_FALSE(is_sendable(close_code::abnormal));
  STATIC_REQUIRE_FALSE(is_sendable(close_code::tls_handshake));
  STATIC_REQUIRE_FALSE(is_sendable(static_cast<close_code>(1004)));
  STATIC_REQUIRE(name(static_cast<close_code>(4000)) == "private use");
}
