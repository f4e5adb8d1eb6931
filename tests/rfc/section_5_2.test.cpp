#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// Either end; a client's masking keys are 00 01 02 03, 04 05 06 07, ...
struct foreseeable : default_policy {
  using random_source = counting_random;
};
template <role Own>
using endpoint = connection<Own, foreseeable>;

template <class Check>
void each_role(Check check) {
  check(std::integral_constant<role, role::server>{});
  check(std::integral_constant<role, role::client>{});
}

/// A frame as the other end sends it, put together by hand: a client masks, with the key 37 fa 21 3d.
/// Takes: at most 125 bytes of payload.
std::string frame_to(role receiver, unsigned first, std::string_view payload) {
  const std::size_t mask_bit = receiver == role::server ? 0x80 : 0;
  std::string out{static_cast<char>(first), static_cast<char>(mask_bit | payload.size())};
  if (receiver == role::client) return out.append(payload);
  const std::string key = from_hex("37 fa 21 3d");
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

/// What one end heard: its events in words, and the report if there was one.
struct heard {
  std::string words;
  close_report why;
};

/// Feeds a stream in chunks of `step` bytes, each gone when the next comes.
template <class Connection>
heard feed(Connection& ws, std::string_view stream, std::size_t step = ~std::size_t{0}) {
  heard out;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    ws.drain([&](const event& next) {
      constexpr std::array kinds = {"", "text(", "binary(", "ping(", "pong(", "closed("};
      out.words.append(kinds[static_cast<std::size_t>(next.type)]).append(next.text()).append(") ");
      if (next.type == event_type::closed) out.why = next.why;
    });
  }
  return out;
}

/// Has one end send every kind of frame that it can send: the whole wire.
template <role Own>
std::string every_kind_of_frame(endpoint<Own>& ws) {
  REQUIRE(ws.send_text("whole") == error::none);
  REQUIRE(ws.send_binary({}) == error::none);
  REQUIRE(ws.send_text("fragmented") == error::none);  // more than the fragment size
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("first"), false) == error::none);
  REQUIRE(ws.send_ping(bytes_of("ping")) == error::none);
  REQUIRE(ws.send_pong(bytes_of("pong")) == error::none);
  feed(ws, frame_to(Own, 0x89, "asked"));
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("last"), true) == error::none);
  if constexpr (Own == role::server) {
    REQUIRE(ws.send(*prepared_message::text("prep")) == error::none);
    REQUIRE(ws.send_lent(message_type::text, bytes_of("lent")) == error::none);
    REQUIRE(ws.settle() == error::none);
  }
  REQUIRE(ws.send_close(close_code::normal, "bye") == error::none);
  return std::string(text_of(ws.output()));
}

/// All that waits to be sent, sent: in hex, a client's frames without key and mask, which are taken
/// off by hand. Takes: frames of at most 125 bytes.
template <role Own>
std::string take_sent(endpoint<Own>& ws) {
  const std::string wire(text_of(ws.output()));
  REQUIRE(ws.sent(wire.size()) == error::none);
  if (Own == role::server) return to_hex(bytes_of(std::string_view(wire)));
  std::string out;
  for (std::size_t at = 0; at < wire.size();) {
    const auto second = static_cast<unsigned char>(wire.at(at + 1));
    REQUIRE(second >= 0x80);
    const std::size_t length = second - 0x80U;
    out += {wire[at], static_cast<char>(length)};
    for (std::size_t i = 0; i < length; ++i) out += static_cast<char>(wire.at(at + 6 + i) ^ wire[at + 2 + i % 4]);
    at += 6 + length;
  }
  return to_hex(bytes_of(std::string_view(out)));
}

/// Checks that a stream fails the connection, with the error and the code given, however it is cut
/// and however messages are delivered: a Close says so, then the transport is to be closed.
template <role Own>
void check_fails(const std::string& stream, error what, std::uint16_t code) {
  CAPTURE(Own == role::server, to_hex(bytes_of(std::string_view(stream))));
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      endpoint<Own> ws({.delivery = how});
      const close_report why = feed(ws, stream, step).why;
      CHECK(why.fault == what);
      CHECK(why.first == which_end::local);
      CHECK(why.sent == close_code{code});
      CHECK(ws.transport() == transport_action::keep);
      const std::string sent = take_sent(ws);
      REQUIRE(sent.size() > 10);
      CHECK(sent.substr(0, 2) == "88");
      CHECK(sent.substr(6, 5) == (code == 1002 ? "03 ea" : code == 1007 ? "03 ef" : code == 1008 ? "03 f0" : "03 f1"));
      CHECK(ws.transport() == transport_action::close);
    }
  }
}

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
