#include "sansocket/codec/frame_header.hpp"

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

partial<decoded_frame_header> decode(std::string_view hex) {
  const exact_buffer stream(from_hex(hex));
  return decode_frame_header(stream.view());
}

std::string encode(const frame_header& header) {
  std::array<std::byte, max_frame_header_size> out{};
  const auto size = encode_frame_header(header, out);
  REQUIRE(size);
  return to_hex(const_bytes(out).first(*size));
}

constexpr masking_key example_key{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};

/// A payload length and how the RFC writes it, without a mask: the second byte and those behind it.
struct length_row {
  std::uint64_t length;
  std::string_view hex;
};
constexpr std::array lengths{
    length_row{0, "00"},
    length_row{1, "01"},
    length_row{125, "7d"},
    length_row{126, "7e 00 7e"},
    length_row{127, "7e 00 7f"},
    length_row{255, "7e 00 ff"},
    length_row{256, "7e 01 00"},
    length_row{65'535, "7e ff ff"},
    length_row{65'536, "7f 00 00 00 00 00 01 00 00"},
    length_row{0xFFFF'FFFF, "7f 00 00 00 00 ff ff ff ff"},
    length_row{0x1'0000'0000, "7f 00 00 00 01 00 00 00 00"},
    length_row{0x0123'4567'89AB'CDEF, "7f 01 23 45 67 89 ab cd ef"},
    length_row{0x7FFF'FFFF'FFFF'FFFF, "7f 7f ff ff ff ff ff ff ff"},
};

/// The same with the MASK bit set and the example's key behind it.
std::string masked_hex(const length_row& row) {
  std::string stream = from_hex(row.hex);
  stream[0] = static_cast<char>(stream[0] | static_cast<char>(0x80));
  return to_hex(bytes_of(stream)) + " 37 fa 21 3d";
}

/// What §5.1, §5.2 and §5.5 say of the first two bytes of a frame, read bit by bit.
error judged_slowly(unsigned first, unsigned second, role receiver, unsigned allowed_rsv) {
  const bool fin = first >= 128;
  const unsigned rsv = first / 16 % 8;
  const unsigned code = first % 16;
  const bool masked = second >= 128;
  const unsigned length7 = second % 128;
  for (const unsigned bit : {4U, 2U, 1U}) {
    if (rsv / bit % 2 == 1 && allowed_rsv / bit % 2 == 0) return error::reserved_bits_set;
  }
  if ((code >= 3 && code <= 7) || code >= 11) return error::opcode_reserved;
  if (code >= 8 && !fin) return error::control_fragmented;
  if (code >= 8 && length7 > 125) return error::control_too_long;
  if (receiver == role::server && !masked) return error::mask_missing;
  if (receiver == role::client && masked) return error::mask_forbidden;
  return error::none;
}

}  // namespace

TEST_CASE("frame_header: decodes the unmasked text frame of the RFC's examples", "[frame_header][5.7]") {
  const auto decoded = decode("81 05 48 65 6c 6c 6f");
  REQUIRE(decoded.complete());
  CHECK(decoded->size == 2);
  CHECK(decoded->header == frame_header{.fin = true, .opcode = opcode::text, .payload_length = 5});
}

TEST_CASE("frame_header: decodes the masked text frame of the RFC's examples", "[frame_header][5.7]") {
  const auto decoded = decode("81 85 37 fa 21 3d 7f 9f 4d 51 58");
  REQUIRE(decoded.complete());
  CHECK(decoded->size == 6);
  CHECK(decoded->header.masked);
  CHECK(to_hex(decoded->header.key) == "37 fa 21 3d");
}

TEST_CASE("frame_header: says how many more bytes are needed", "[frame_header][5.2]") {
  CHECK(decode("").missing() == 2);
  CHECK(decode("81").missing() == 1);
  CHECK(decode("81 7e").missing() == 2);
  CHECK(decode("81 7e 01").missing() == 1);
  CHECK(decode("81 fe").missing() == 6);
  CHECK(decode("81 ff").missing() == 12);
  CHECK(decode("81 85 37 fa 21").missing() == 1);
}

TEST_CASE("frame_header: refuses lengths that are not minimal", "[frame_header][5.2]") {
  CHECK(decode("82 7e 00 7d").error() == error::length_not_minimal);
  CHECK(decode("82 7f 00 00 00 00 00 00 ff ff").error() == error::length_not_minimal);
  CHECK(decode("82 7e 00 7e")->header.payload_length == 126);
  CHECK(decode("82 7f 00 00 00 00 00 01 00 00")->header.payload_length == 65'536);
}

TEST_CASE("frame_header: refuses a 64-bit length with its highest bit set, before the key is there",
          "[frame_header][5.2]") {
  CHECK(decode("82 ff 80 00 00 00 00 00 00 00").error() == error::length_msb_set);
  CHECK(decode("82 7f 7f ff ff ff ff ff ff ff")->header.payload_length == max_payload_length);
}

TEST_CASE("frame_header: writes each length in the fewest bytes", "[frame_header][5.2]") {
  CHECK(encode({.opcode = opcode::binary, .payload_length = 125}) == "82 7d");
  CHECK(encode({.opcode = opcode::binary, .payload_length = 126}) == "82 7e 00 7e");
  CHECK(encode({.opcode = opcode::binary, .payload_length = 256}) == "82 7e 01 00");
  CHECK(encode({.opcode = opcode::binary, .payload_length = 65'535}) == "82 7e ff ff");
  CHECK(encode({.opcode = opcode::binary, .payload_length = 65'536}) == "82 7f 00 00 00 00 00 01 00 00");
}

TEST_CASE("frame_header: refuses to write a length of 64 bits", "[frame_header][5.2]") {
  std::array<std::byte, max_frame_header_size> out{};
  CHECK(encode_frame_header({.payload_length = max_payload_length + 1}, out).error() ==
        error::payload_length_too_large);
}

TEST_CASE("frame_header: reads every bit of the first two bytes into its place", "[frame_header][5.2]") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const frame_header header = decode_first_two(static_cast<std::byte>(first), static_cast<std::byte>(second));
      const bool right = header.fin == (first >= 128) && header.rsv == first / 16 % 8 &&
                         static_cast<unsigned>(header.opcode) == first % 16 && header.masked == (second >= 128) &&
                         header.payload_length == second % 128 && header.key == masking_key{};
      if (!right) FAIL(first << " " << second);
    }
  }
}

TEST_CASE("frame_header: RSV1 is the highest of the three reserved bits", "[frame_header][5.2]") {
  STATIC_REQUIRE(decode_first_two(std::byte{0xC1}, std::byte{0}).rsv == rsv1);
  STATIC_REQUIRE(decode_first_two(std::byte{0xA1}, std::byte{0}).rsv == 2);
  STATIC_REQUIRE(decode_first_two(std::byte{0x91}, std::byte{0}).rsv == 1);
}

TEST_CASE("frame_header: decodes every length, with a key and without", "[frame_header][5.2]") {
  for (const length_row& row : lengths) {
    CAPTURE(row.length);
    const auto plain = decode("82 " + std::string(row.hex));
    REQUIRE(plain.complete());
    CHECK(plain->header == frame_header{.payload_length = row.length});
    CHECK(plain->size == 1 + from_hex(row.hex).size());

    const auto masked = decode("82 " + masked_hex(row));
    REQUIRE(masked.complete());
    CHECK(masked->header == frame_header{.masked = true, .key = example_key, .payload_length = row.length});
    CHECK(masked->size == 5 + from_hex(row.hex).size());
  }
}

TEST_CASE("frame_header: encodes every length, with a key and without", "[frame_header][5.2]") {
  for (const length_row& row : lengths) {
    CAPTURE(row.length);
    CHECK(encode({.payload_length = row.length}) == "82 " + std::string(row.hex));
    CHECK(encode({.masked = true, .key = example_key, .payload_length = row.length}) == "82 " + masked_hex(row));
    CHECK(frame_header_size(row.length, false) == 1 + from_hex(row.hex).size());
    CHECK(frame_header_size(row.length, true) == 5 + from_hex(row.hex).size());
  }
}

TEST_CASE("frame_header: every first byte is decoded, reserved ones too, and written back", "[frame_header][5.2]") {
  for (unsigned first = 0; first < 256; ++first) {
    const std::string stream{static_cast<char>(first), '\x05'};
    const exact_buffer input(stream);
    const auto decoded = decode_frame_header(input.view());
    REQUIRE(decoded.complete());
    REQUIRE(decoded->size == 2);
    REQUIRE(static_cast<unsigned>(decoded->header.opcode) == first % 16);
    REQUIRE(encode(decoded->header) == to_hex(input.view()));
  }
}

TEST_CASE("frame_header: encodes no more bits than a field has", "[frame_header][5.2]") {
  CHECK(encode({.fin = false, .rsv = 0xFF, .opcode = static_cast<opcode>(0xF2)}) == "72 00");
  CHECK(encode({.fin = true, .rsv = 0x08, .opcode = static_cast<opcode>(0x1A)}) == "8a 00");
}

TEST_CASE("frame_header: writes the key only into a masked frame", "[frame_header][5.2]") {
  CHECK(encode({.masked = false, .key = example_key}) == "82 00");
  CHECK(encode({.masked = true}) == "82 80 00 00 00 00");
}

TEST_CASE("frame_header: touches nothing behind what it writes, and nothing on an error", "[frame_header][5.2]") {
  const auto written = [](const frame_header& header) {
    exact_buffer out(max_frame_header_size);
    std::ranges::fill(out.view(), std::byte{0xEE});
    (void)encode_frame_header(header, out.view().first<max_frame_header_size>());
    return to_hex(out.view());
  };
  CHECK(written({.payload_length = 5}) == "82 05 ee ee ee ee ee ee ee ee ee ee ee ee");
  CHECK(written({.payload_length = 300}) == "82 7e 01 2c ee ee ee ee ee ee ee ee ee ee");
  CHECK(written({.payload_length = max_payload_length + 1}) == "ee ee ee ee ee ee ee ee ee ee ee ee ee ee");
  CHECK(written({.payload_length = ~std::uint64_t{0}}) == "ee ee ee ee ee ee ee ee ee ee ee ee ee ee");
}

// Invariant: a prefix never fails or completes where the whole does not, and what is said to be missing is missing.
TEST_CASE("frame_header: at every cut asks for no more than is missing, and gets there", "[frame_header][5.2]") {
  for (const length_row& row : lengths) {
    for (const std::string& hex : {"82 " + std::string(row.hex), "82 " + masked_hex(row)}) {
      const std::string whole = from_hex(hex);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        const exact_buffer prefix(std::string_view(whole).substr(0, size));
        const auto outcome = decode_frame_header(prefix.view());
        INFO(hex << " cut at " << size);
        REQUIRE_FALSE(outcome.complete());
        REQUIRE_FALSE(outcome.failed());
        REQUIRE(outcome.missing() >= 1);
        REQUIRE(outcome.missing() <= whole.size() - size);
        // Two bytes tell how long the header is.
        if (size >= 2) REQUIRE(outcome.missing() == whole.size() - size);
      }
    }
  }
}

TEST_CASE("frame_header: reads nothing of the payload", "[frame_header][5.2]") {
  const auto bare = decode("82 85 37 fa 21 3d");
  const auto followed = decode("82 85 37 fa 21 3d ff ff ff ff ff ff ff ff ff ff ff ff");
  REQUIRE(bare.complete());
  REQUIRE(followed.complete());
  CHECK(bare->header == followed->header);
  CHECK(bare->size == followed->size);
}

TEST_CASE("frame_header: refuses every 16-bit length below 126 and every 64-bit one below 65536, masked or not",
          "[frame_header][5.2]") {
  for (std::uint64_t length = 0; length < 126; ++length) {
    for (const char second : {'\x7E', '\xFE'}) {
      const std::string stream{'\x82', second, '\0', static_cast<char>(length)};
      REQUIRE(decode_frame_header(exact_buffer(stream).view()).error() == error::length_not_minimal);
    }
  }
  for (const std::string_view low : {"00 00", "00 01", "00 7d", "00 7e", "00 7f", "01 00", "ff fe", "ff ff"}) {
    CHECK(decode("82 7f 00 00 00 00 00 00 " + std::string(low)).error() == error::length_not_minimal);
    CHECK(decode("82 ff 00 00 00 00 00 00 " + std::string(low)).error() == error::length_not_minimal);
  }
}

TEST_CASE("frame_header: refuses every 64-bit length with its highest bit set", "[frame_header][5.2]") {
  for (const std::string_view high : {"80", "81", "c0", "ff"}) {
    CHECK(decode("82 7f " + std::string(high) + " 00 00 00 00 00 00 00").error() == error::length_msb_set);
    CHECK(decode("82 7f " + std::string(high) + " ff ff ff ff ff ff ff").error() == error::length_msb_set);
  }
  CHECK(decode("82 7f 80 00 00 00 00 00 00").missing() == 1);
}

// Invariant: the verdict is that of a slow reading of the three sections.
TEST_CASE("frame_header: judges all first two bytes for both ends and every use of the reserved bits",
          "[frame_header][5.1][5.2][5.5]") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const frame_header header = decode_first_two(static_cast<std::byte>(first), static_cast<std::byte>(second));
      for (const role receiver : {role::server, role::client}) {
        for (unsigned allowed = 0; allowed < 8; ++allowed) {
          const error verdict = check_frame_header(header, receiver, static_cast<std::uint8_t>(allowed));
          if (verdict != judged_slowly(first, second, receiver, allowed))
            FAIL(first << " " << second << " allowed " << allowed << ": " << static_cast<int>(verdict));
        }
      }
    }
  }
}

TEST_CASE("frame_header: judges a whole header as it judges its first two bytes", "[frame_header][5.5]") {
  for (unsigned first = 0; first < 256; ++first) {
    for (const length_row& row : lengths) {
      for (const std::string& hex : {std::string(row.hex), masked_hex(row)}) {
        const std::string stream = static_cast<char>(first) + from_hex(hex);
        const exact_buffer input(stream);
        const auto whole = decode_frame_header(input.view());
        REQUIRE(whole.complete());
        const frame_header two = decode_first_two(input.view()[0], input.view()[1]);
        for (const role receiver : {role::server, role::client})
          REQUIRE(check_frame_header(whole->header, receiver) == check_frame_header(two, receiver));
      }
    }
  }
}

TEST_CASE("frame_header: no reserved bit is allowed unless it is said", "[frame_header][5.2]") {
  for (std::uint8_t rsv = 1; rsv < 8; ++rsv) {
    CHECK(check_frame_header({.rsv = rsv, .masked = true}, role::server) == error::reserved_bits_set);
    CHECK(check_frame_header({.rsv = rsv, .masked = true}, role::server, rsv) == error::none);
  }
  CHECK(check_frame_header({.rsv = rsv1 | 1, .masked = true}, role::server, rsv1) == error::reserved_bits_set);
}

TEST_CASE("frame_header: a control frame has at most 125 bytes and is not fragmented", "[frame_header][5.5]") {
  for (const opcode code : {opcode::close, opcode::ping, opcode::pong}) {
    CHECK(check_frame_header({.opcode = code, .payload_length = 125}, role::client) == error::none);
    CHECK(check_frame_header({.opcode = code, .payload_length = 126}, role::client) == error::control_too_long);
    CHECK(check_frame_header({.opcode = code, .payload_length = max_payload_length}, role::client) ==
          error::control_too_long);
    CHECK(check_frame_header({.fin = false, .opcode = code}, role::client) == error::control_fragmented);
  }
  for (const opcode code : {opcode::continuation, opcode::text, opcode::binary}) {
    CHECK(check_frame_header({.fin = false, .opcode = code, .payload_length = 126}, role::client) == error::none);
  }
}

TEST_CASE("frame_header: clients mask and servers do not", "[frame_header][5.1]") {
  CHECK(check_frame_header({.masked = true}, role::server) == error::none);
  CHECK(check_frame_header({.masked = false}, role::server) == error::mask_missing);
  CHECK(check_frame_header({.masked = false}, role::client) == error::none);
  CHECK(check_frame_header({.masked = true}, role::client) == error::mask_forbidden);
}

TEST_CASE("frame_header: gives the same at compile time", "[frame_header][5.2]") {
  constexpr auto decoded = [] {
    constexpr std::array<std::byte, 8> stream{std::byte{0x01}, std::byte{0xFE}, std::byte{0x01}, std::byte{0x00},
                                              std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};
    return decode_frame_header(stream);
  }();
  STATIC_REQUIRE(decoded.complete());
  STATIC_REQUIRE(decoded->size == 8);
  STATIC_REQUIRE(
      decoded->header ==
      frame_header{.fin = false, .opcode = opcode::text, .masked = true, .key = example_key, .payload_length = 256});

  constexpr auto encoded = [] {
    std::array<std::byte, max_frame_header_size> out{};
    return encode_frame_header({.payload_length = 65'536}, out).value_or(0) == 10 ? out : decltype(out){};
  }();
  STATIC_REQUIRE(encoded[0] == std::byte{0x82});
  STATIC_REQUIRE(encoded[1] == std::byte{0x7F});
  STATIC_REQUIRE(encoded[7] == std::byte{0x01});

  STATIC_REQUIRE(frame_header_size(125, false) == 2);
  STATIC_REQUIRE(frame_header_size(126, true) == 8);
  STATIC_REQUIRE(frame_header_size(65'536, true) == max_frame_header_size);
  STATIC_REQUIRE(check_frame_header({.opcode = opcode::text}, role::server) == error::mask_missing);
  STATIC_REQUIRE(check_frame_header({.opcode = static_cast<opcode>(0x3)}, role::client) == error::opcode_reserved);
}
