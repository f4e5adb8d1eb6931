#include "sansocket/codec/base64.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// Encodes into a block of exactly the size that is asked for.
std::string encode(std::string_view data) {
  const exact_buffer input(data);
  std::vector<char> out(base64_encoded_size(data.size()));
  const std::string_view written = encode_base64(input.view(), out);
  CHECK(written.data() == out.data());
  CHECK(written.size() == out.size());
  return std::string(written);
}

/// Decodes into a block of exactly the size that is asked for.
result<std::string> decode(std::string_view text) {
  const exact_buffer input(text);
  exact_buffer out(text.size() / 4 * 3);
  const auto size = decode_base64(text_of(std::as_const(input).view()), out.view());
  if (!size) return size.error();
  return out.text().substr(0, *size);
}

bool refuses(std::string_view text) { return decode(text).error() == error::base64_malformed; }

// RFC 4648, table 1.
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct test_vector {
  std::string_view data;
  std::string_view text;
};

// RFC 4648 §10.
constexpr std::array vectors{
    test_vector{"", ""},
    test_vector{"f", "Zg=="},
    test_vector{"fo", "Zm8="},
    test_vector{"foo", "Zm9v"},
    test_vector{"foob", "Zm9vYg=="},
    test_vector{"fooba", "Zm9vYmE="},
    test_vector{"foobar", "Zm9vYmFy"},
};

}  // namespace

TEST_CASE("base64: encodes and decodes the vectors of RFC 4648", "[base64]") {
  for (const test_vector& each : vectors) {
    CHECK(encode(each.data) == each.text);
    const auto decoded = decode(each.text);
    CHECK(decoded.error() == error::none);
    CHECK(*decoded == each.data);
  }
}

TEST_CASE("base64: encodes and decodes the key and the answer of the RFC's example", "[base64][1.3]") {
  CHECK(encode("the sample nonce") == "dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(*decode("dGhlIHNhbXBsZSBub25jZQ==") == "the sample nonce");
  CHECK(*decode("AQIDBAUGBwgJCgsMDQ4PEA==") == from_hex("01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10"));

  const std::string digest = from_hex("b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea");
  CHECK(encode(digest) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(*decode("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == digest);
}

TEST_CASE("base64: every character of the alphabet stands for its number", "[base64]") {
  // The numbers 0 to 63, six bits each.
  const std::string numbers =
      from_hex("00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29aabb2dbafc31cb3d35db7e39ebbf3dfbf");
  CHECK(encode(numbers) == alphabet);
  CHECK(*decode(alphabet) == numbers);
}

TEST_CASE("base64: four characters for every three bytes begun", "[base64]") {
  STATIC_REQUIRE(base64_encoded_size(0) == 0);
  STATIC_REQUIRE(base64_encoded_size(1) == 4);
  STATIC_REQUIRE(base64_encoded_size(3) == 4);
  STATIC_REQUIRE(base64_encoded_size(4) == 8);
  STATIC_REQUIRE(base64_encoded_size(16) == 24);
  STATIC_REQUIRE(base64_encoded_size(20) == 28);
}

// Invariant: what is encoded decodes to itself.
TEST_CASE("base64: every length comes back", "[base64]") {
  std::string data;
  for (unsigned size = 0; size < 100; ++size) {
    CAPTURE(size);
    CHECK(*decode(encode(data)) == data);
    data.push_back(static_cast<char>(size * 89 + 131));
  }
}

TEST_CASE("base64: leaves what lies behind its output alone", "[base64]") {
  std::array<char, 6> text{'#', '#', '#', '#', '#', '#'};
  CHECK(encode_base64(bytes_of("foo"), text) == "Zm9v");
  CHECK(text[4] == '#');

  std::array<std::byte, 4> data{};
  data.fill(std::byte{'#'});
  CHECK(*decode_base64("Zg==", data) == 1);
  CHECK(to_hex(data) == "66 23 23 23");
}

TEST_CASE("base64: the bits that stand for nothing must be zero", "[base64]") {
  // Behind one byte four bits are left over, behind two bytes two.
  for (std::size_t number = 0; number < 64; ++number) {
    CAPTURE(number);
    const std::string one = std::string("A") + alphabet[number] + "==";
    const std::string two = std::string("AA") + alphabet[number] + "=";
    CHECK(refuses(one) == ((number & 0x0FU) != 0));
    CHECK(refuses(two) == ((number & 0x03U) != 0));
    CHECK(refuses("AAAA" + one) == ((number & 0x0FU) != 0));
    CHECK(refuses("AAAA" + two) == ((number & 0x03U) != 0));
  }
}

TEST_CASE("base64: each single unused bit of a key is looked at", "[base64][4.2.1]") {
  CHECK(decode("dGhlIHNhbXBsZSBub25jZQ=="));
  CHECK(refuses("dGhlIHNhbXBsZSBub25jZR=="));
  CHECK(refuses("dGhlIHNhbXBsZSBub25jZS=="));
  CHECK(refuses("dGhlIHNhbXBsZSBub25jZU=="));
  CHECK(refuses("dGhlIHNhbXBsZSBub25jZY=="));
}

TEST_CASE("base64: refuses every foreign character at every place", "[base64]") {
  for (const std::string_view valid : {"AAAAAAAA", "AAAAAA==", "AAAAAAA="}) {
    const std::size_t end = std::min(valid.find('='), valid.size());
    for (std::size_t place = 0; place < end; ++place) {
      for (unsigned value = 0; value < 256; ++value) {
        std::string text(valid);
        text[place] = static_cast<char>(value);
        if (alphabet.find(text[place]) != std::string_view::npos) continue;
        // One more padding character at the end is another text, and a valid one.
        if (text == "AAAAAAA=" || text == "AAAAAA==") continue;
        if (!refuses(text)) FAIL("took byte " << value << " at " << place << " of " << valid);
      }
    }
  }
}

TEST_CASE("base64: refuses padding that is missing, misplaced or too much", "[base64]") {
  for (const std::string_view text :
       {"Zg",   "Zg=",  "Zm8",  "Zg===", "=",        "==",       "===",      "====",     "Z===",     "=AAA",    "A=AA",
        "AA=A", "=AA=", "A=A=", "==AA",  "AA==AA==", "AA==AAAA", "AAA=AAAA", "AAAA====", "AAAAA===", "AAAA=AAA"}) {
    INFO(text);
    CHECK(refuses(text));
  }
}

TEST_CASE("base64: refuses lengths that are no multiple of four", "[base64]") {
  std::string text;
  for (unsigned size = 1; size < 32; ++size) {
    text.push_back('A');
    CAPTURE(size);
    CHECK(refuses(text) == (size % 4 != 0));
  }
}

TEST_CASE("base64: refuses white space and the alphabet of URLs", "[base64]") {
  for (const std::string_view text :
       {" Zm9v", "Zm9v ", "Zm 9", "Zm9v\r\n", "Zm\n9", "\tZm9", "-_-_", "AAA_", "Zg==\n"}) {
    INFO(text);
    CHECK(refuses(text));
  }
}

TEST_CASE("base64: gives the same at compile time", "[base64]") {
  constexpr auto encoded = [] {
    constexpr std::array<std::byte, 4> data{std::byte{'f'}, std::byte{'o'}, std::byte{'o'}, std::byte{'b'}};
    std::array<char, 8> text{};
    return encode_base64(data, text).size() == 8 ? text : std::array<char, 8>{};
  }();
  STATIC_REQUIRE(std::string_view(encoded.data(), encoded.size()) == "Zm9vYg==");

  constexpr auto decoded = [] {
    std::array<std::byte, 6> data{};
    return decode_base64("Zm9vYg==", data).value_or(0) == 4 ? data : std::array<std::byte, 6>{};
  }();
  STATIC_REQUIRE(decoded[3] == std::byte{'b'});
  constexpr auto refused = [] {
    std::array<std::byte, 6> data{};
    return decode_base64("Zm9vYh==", data).error();
  }();
  STATIC_REQUIRE(refused == error::base64_malformed);
}
