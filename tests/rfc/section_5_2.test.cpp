#include "sansocket/connection/connection.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "wire_frames.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::every_kind_of_frame;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::heard;
using sansocket::tests::to_hex;

namespace {

/// Ends that agreed on permessage-deflate, which gives RSV1 a meaning (RFC 7692 §6).
struct deflating : sansocket::tests::foreseeable {
  template <role Role>
  using extension = permessage_deflate<Role>;
};

}  // namespace

TEST_CASE("5.2: no frame is sent with a reserved bit set unless an extension in use sets it", "[5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 5});
    const std::string wire = every_kind_of_frame(ws);
    std::size_t frames = 0;
    for (std::size_t at = 0; at < wire.size(); ++frames) {
      CHECK((static_cast<unsigned char>(wire[at]) & 0x70U) == 0);
      at += 2 + (own() == role::client ? 4U : 0U) + (static_cast<unsigned char>(wire.at(at + 1)) & 0x7FU);
    }
    CHECK(frames == (own() == role::server ? 12 : 10));
  });
}

TEST_CASE("5.2: a reserved bit that no extension in use defines fails the connection with 1002", "[5.2]") {
  each_role([](auto own) {
    for (const unsigned bits : {0x10U, 0x20U, 0x40U, 0x70U}) {
      for (const unsigned opcode : {0x1U, 0x2U, 0x8U, 0x9U, 0xAU}) {
        check_fails<own()>(frame_to(own, 0x80 | bits | opcode, "").substr(0, 2), error::reserved_bits_set, 1002);
      }
      check_fails<own()>(frame_to(own, bits | 0x1, "a").substr(0, 2), error::reserved_bits_set, 1002);
      check_fails<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x80 | bits, "b"), error::reserved_bits_set, 1002);
      check_fails<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x89 | bits, ""), error::reserved_bits_set, 1002);
    }
  });
}

TEST_CASE("5.2: an extension in use sets RSV1 where it defines it, and no other reserved bit", "[5.2]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 16});
    connection<own(), deflating> ws({deflate_agreement{}, pool}, {.fragment_size = 5});
    REQUIRE(ws.send_text(std::string(30, 'a')) == error::none);
    REQUIRE(ws.send_text("too short") == error::none);
    REQUIRE(ws.send_ping(bytes_of("aaaaaaaaaaaaaaaaaaaaaaaaa")) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("first"), false) == error::none);
    feed(ws, frame_to(own, 0x89, "asked"));
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("last"), true) == error::none);
    REQUIRE(ws.send_close(close_code::normal, "aaaaaaaaaaaaaaaaaaaaaaaaa") == error::none);
    std::string seen;
    for (const auto& frame : sansocket::tests::frames_of(text_of(ws.output()))) {
      seen += to_hex(bytes_of(std::string_view(std::string(1, static_cast<char>(frame.first))))) + " ";
    }
    // Compressed text in two frames, plain text in two, a ping, compressed pieces with a pong between, a Close.
    CHECK(seen == "41 80 01 80 89 42 8a 80 88 ");
  });
}

TEST_CASE("5.2: a reserved bit that the extension in use does not define fails the connection with 1002", "[5.2]") {
  each_role([](auto own) {
    const auto check = [&](const std::string& stream) {
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        deflate_pool pool;
        connection<own(), deflating> ws({deflate_agreement{}, pool});
        const close_report why = feed(ws, stream, step).why;
        CHECK(why.fault == error::reserved_bits_set);
        CHECK(why.sent == close_code::protocol_error);
      }
    };
    for (const unsigned bits : {0x10U, 0x20U, 0x30U, 0x50U, 0x60U, 0x70U}) {
      for (const unsigned opcode : {0x1U, 0x2U, 0x8U, 0x9U, 0xAU}) {
        check(frame_to(own, 0x80 | bits | opcode, "").substr(0, 2));
      }
    }
    for (const unsigned opcode : {0x8U, 0x9U, 0xAU}) check(frame_to(own, 0xC0 | opcode, "").substr(0, 2));
    for (const unsigned first : {0x01U, 0x41U}) {
      check(frame_to(own, first, "") + frame_to(own, 0xC0, "").substr(0, 2));
      check(frame_to(own, first, "") + frame_to(own, 0xC9, "").substr(0, 2));
    }
  });
}

TEST_CASE("5.2: opcodes 3-7 and B-F fail the connection with 1002 at the header", "[5.2]") {
  each_role([](auto own) {
    for (const unsigned opcode : {0x3U, 0x4U, 0x5U, 0x6U, 0x7U, 0xBU, 0xCU, 0xDU, 0xEU, 0xFU}) {
      for (const unsigned fin : {0x00U, 0x80U}) {
        // Two bytes, and the payload that they announce never comes.
        check_fails<own()>(frame_to(own, fin | opcode, "payload").substr(0, 2), error::opcode_reserved, 1002);
      }
      check_fails<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x80 | opcode, ""), error::opcode_reserved, 1002);
    }
  });
}

TEST_CASE("5.2: the six opcodes that are defined are accepted", "[5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    const heard seen = feed(ws, frame_to(own, 0x01, "a") + frame_to(own, 0x89, "b") + frame_to(own, 0x8A, "c") +
                                    frame_to(own, 0x80, "d") + frame_to(own, 0x82, "e") + frame_to(own, 0x88, ""));
    CHECK(seen.words == "ping(b) pong(c) text(ad) binary(e) closed() ");
    CHECK(seen.why.clean());
  });
}

TEST_CASE("5.2: a 64-bit length with its most significant bit set fails the connection with 1002", "[5.2]") {
  for (const std::string_view length :
       {"80 00 00 00 00 00 00 00", "ff ff ff ff ff ff ff ff", "80 00 00 00 00 00 00 01"}) {
    check_fails<role::server>(from_hex("82 ff") + from_hex(length), error::length_msb_set, 1002);
    check_fails<role::client>(from_hex("82 7f") + from_hex(length), error::length_msb_set, 1002);
  }
}

TEST_CASE("5.2: a header with a length of 2^63 or more cannot be encoded", "[5.2]") {
  for (const std::uint64_t length : {0x8000'0000'0000'0000U, 0x8000'0000'0000'0001U, 0xFFFF'FFFF'FFFF'FFFFU}) {
    std::array<std::byte, max_frame_header_size> out{};
    CHECK(encode_frame_header({.payload_length = length}, out).error() == error::payload_length_too_large);
  }
  std::array<std::byte, max_frame_header_size> out{};
  REQUIRE(encode_frame_header({.payload_length = 0x7FFF'FFFF'FFFF'FFFF}, out));
  CHECK(to_hex(const_bytes(out).first(10)) == "82 7f 7f ff ff ff ff ff ff ff");
}

TEST_CASE("5.2: lengths of 0, 125, 126, 65535 and 65536 are encoded in the fewest bytes", "[5.2]") {
  const std::vector<std::pair<std::size_t, std::string>> lengths = {
      {0, "00"}, {125, "7d"}, {126, "7e 00 7e"}, {65'535, "7e ff ff"}, {65'536, "7f 00 00 00 00 00 01 00 00"}};
  for (const auto& [length, hex] : lengths) {
    CAPTURE(length);
    const std::string encoded = from_hex(hex);
    const exact_buffer payload(length);
    endpoint<role::server> server;
    REQUIRE(server.send_binary(payload.view()) == error::none);
    CHECK(server.buffered() == 1 + encoded.size() + length);
    CHECK(to_hex(server.output().subspan(1, encoded.size())) == hex);

    endpoint<role::client> client;
    REQUIRE(client.send_binary(payload.view()) == error::none);
    CHECK(client.buffered() == 1 + encoded.size() + 4 + length);
    std::string masked = encoded;
    masked[0] = static_cast<char>(masked[0] | '\x80');
    CHECK(to_hex(client.output().subspan(1, encoded.size())) == to_hex(bytes_of(std::string_view(masked))));
  }
}

TEST_CASE("5.2: a length encoded in more bytes than needed fails the connection with 1002", "[5.2]") {
  for (const std::string_view length :
       {"7e 00 00", "7e 00 01", "7e 00 7c", "7e 00 7d", "7f 00 00 00 00 00 00 00 00", "7f 00 00 00 00 00 00 00 7d",
        "7f 00 00 00 00 00 00 00 7e", "7f 00 00 00 00 00 00 ff ff"}) {
    const std::string unmasked = from_hex("82") + from_hex(length);
    std::string masked = unmasked;
    masked[1] = static_cast<char>(masked[1] | '\x80');
    check_fails<role::client>(unmasked, error::length_not_minimal, 1002);
    check_fails<role::server>(masked, error::length_not_minimal, 1002);
  }
  for (const std::string_view length : {"7e 00 7e", "7f 00 00 00 00 00 01 00 00"}) {
    endpoint<role::client> ws;
    CHECK(feed(ws, from_hex("82") + from_hex(length)).why.clean());
    CHECK(ws.is_open());
  }
}
