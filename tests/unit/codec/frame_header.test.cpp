#include "sansocket/codec/frame_header.hpp"

#include <array>
#include <string>

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

TEST_CASE("frame_header: refuses a 64-bit length with its highest bit set, before the key is there", "[frame_header][5.2]") {
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
  CHECK(encode_frame_header({.payload_length = max_payload_length + 1}, out).error() == error::payload_length_too_large);
}
