#include "sansocket/core/bytes.hpp"

#include <array>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::to_hex;

namespace {

// What bytes_of gives for an lvalue of a type.
template <class Range>
using view_of = decltype(bytes_of(std::declval<Range&>()));

}  // namespace

TEST_CASE("bytes: a range that may be written to gives a view that may be written to", "[bytes]") {
  STATIC_REQUIRE(std::is_same_v<view_of<std::string>, bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<std::vector<char>>, bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<std::array<std::uint8_t, 4>>, bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<char[4]>, bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<bytes>, bytes>);
  // A span's own constness says nothing of its elements.
  STATIC_REQUIRE(std::is_same_v<view_of<const bytes>, bytes>);

  std::string text = "abc";
  bytes_of(text)[1] = std::byte{'x'};
  CHECK(text == "axc");
}

TEST_CASE("bytes: a range that may not be written to gives a view that may not", "[bytes]") {
  STATIC_REQUIRE(std::is_same_v<view_of<const std::string>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<const std::vector<unsigned char>>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<const std::array<char, 4>>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<std::string_view>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<const std::string_view>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<const_bytes>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<view_of<const char[4]>, const_bytes>);
  STATIC_REQUIRE(std::is_same_v<decltype(bytes_of(std::string_view())), const_bytes>);
}

TEST_CASE("bytes: the view lies on the range, all of it", "[bytes]") {
  std::vector<unsigned char> octets{0x01, 0x80, 0xFF};
  CHECK(static_cast<void*>(bytes_of(octets).data()) == static_cast<void*>(octets.data()));
  CHECK(to_hex(bytes_of(octets)) == "01 80 ff");

  const std::string text("a\0b", 3);
  CHECK(to_hex(bytes_of(text)) == "61 00 62");
  CHECK(to_hex(bytes_of(std::string_view(text).substr(1))) == "00 62");

  char array[4] = {'a', 'b', 'c', 'd'};
  CHECK(bytes_of(array).size() == 4);

  const std::string empty;
  CHECK(bytes_of(empty).empty());
  CHECK(bytes_of(std::string_view()).empty());
}

TEST_CASE("bytes: a string literal is taken without its terminator", "[bytes]") {
  CHECK(to_hex(bytes_of("Hello")) == "48 65 6c 6c 6f");
  CHECK(to_hex(bytes_of("a\0b")) == "61 00 62");
  CHECK(bytes_of("").empty());
}

TEST_CASE("bytes: text_of is the way back", "[bytes]") {
  const std::string text("\x00\x7F\x80\xFF", 4);
  const std::string_view seen = text_of(bytes_of(text));
  CHECK(seen == text);
  CHECK(seen.data() == text.data());
  CHECK(text_of({}).empty());
}

TEST_CASE("bytes: value_of is the byte's number", "[bytes]") {
  STATIC_REQUIRE(value_of(std::byte{0x00}) == 0);
  STATIC_REQUIRE(value_of(std::byte{0x80}) == 128);
  STATIC_REQUIRE(value_of(std::byte{0xFF}) == 255);
  STATIC_REQUIRE(std::is_same_v<decltype(value_of(std::byte{})), std::uint8_t>);
}

TEST_CASE("bytes: an array of characters loses nothing but the NUL of a literal", "[bytes]") {
  const char raw[] = {'a', 'b', 'c'};
  CHECK(bytes_of(raw).size() == 3);
  CHECK(bytes_of("abc").size() == 3);
  char buffer[8] = {};
  CHECK(bytes_of(buffer).size() == 8);
  std::string text = "abc";
  CHECK(bytes_of(std::span(text)).size() == 3);
  CHECK(bytes_of(std::string_view(text)).size() == 3);
}
