#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::to_hex;

namespace {

/// A wire in hex; a client's frames of at most 125 bytes without key and mask, which are taken off by hand.
std::string without_masks(role own, const std::string& wire) {
  if (own == role::server) return to_hex(bytes_of(std::string_view(wire)));
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

template <role Own>
std::string sent_wire(endpoint<Own>& ws) {
  const std::string wire(text_of(ws.output()));
  REQUIRE(ws.sent(wire.size()) == error::none);
  return without_masks(Own, wire);
}

/// The first byte of each frame that waits to be sent.
template <role Own>
std::vector<unsigned> first_bytes_of(const endpoint<Own>& ws) {
  std::vector<unsigned> out;
  const const_bytes wire = ws.output();
  for (std::size_t at = 0; at < wire.size();) {
    out.push_back(value_of(wire[at]));
    at += 2 + (Own == role::client ? 4U : 0U) + (value_of(wire[at + 1]) & 0x7FU);
  }
  return out;
}

template <role Own>
void leave_open_state(endpoint<Own>& ws, std::string_view way) {
  if (way == "our Close") REQUIRE(ws.send_close() == error::none);
  if (way == "the peer's Close") feed(ws, frame_to(Own, 0x88, ""));
  if (way == "a failure") feed(ws, frame_to(Own, 0x83, ""));
  if (way == "the end of the transport") {
    ws.receive_eof();
    CHECK(ws.poll().type == event_type::closed);
  }
}
}  // namespace

TEST_CASE("6.1: data sent comes out as the frames that its type, size and fragmentation call for", "[6.1]") {
  each_role([](auto own) {
    const auto sent = [&](message_type type, std::string_view data, std::uint32_t fragment_size) {
      endpoint<own()> ws({.fragment_size = fragment_size});
      REQUIRE(ws.send(type, bytes_of(data)) == error::none);
      return sent_wire(ws);
    };
    CHECK(sent(message_type::text, "", unfragmented) == "81 00");
    CHECK(sent(message_type::binary, "", 1) == "82 00");
    CHECK(sent(message_type::text, "abc", unfragmented) == "81 03 61 62 63");
    CHECK(sent(message_type::binary, "abc", 3) == "82 03 61 62 63");
    CHECK(sent(message_type::text, "abc", 2) == "01 02 61 62 80 01 63");
    CHECK(sent(message_type::binary, "abcd", 2) == "02 02 61 62 80 02 63 64");
    CHECK(sent(message_type::binary, "abc", 1) == "02 01 61 00 01 62 80 01 63");
  });
}

TEST_CASE("6.1: sending outside the open state is refused and changes nothing", "[6.1]") {
  each_role([](auto own) {
    for (const char* const way : {"our Close", "the peer's Close", "a failure", "the end of the transport"}) {
      CAPTURE(own() == role::server, way);
      endpoint<own()> ws;
      leave_open_state<own()>(ws, way);
      const std::string before = to_hex(ws.output());
      CHECK_FALSE(ws.is_open());
      CHECK(ws.send_text("a") == error::closing);
      CHECK(ws.send_binary(bytes_of("a")) == error::closing);
      CHECK(ws.send_piece(message_type::text, bytes_of("a"), true) == error::closing);
      if constexpr (own() == role::server) {
        CHECK(ws.send(*prepared_message::text("a")) == error::closing);
        CHECK(ws.send_lent(message_type::text, bytes_of("a")) == error::closing);
        CHECK_FALSE(ws.lends());
      }
      CHECK(to_hex(ws.output()) == before);
    }
  });
}

TEST_CASE("6.1: a fragmented message cannot be continued once the connection has left the open state", "[6.1]") {
  each_role([](auto own) {
    for (const char* const way : {"our Close", "the peer's Close", "a failure", "the end of the transport"}) {
      CAPTURE(own() == role::server, way);
      endpoint<own()> ws;
      REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
      leave_open_state<own()>(ws, way);
      const std::string before = to_hex(ws.output());
      CHECK(ws.send_piece(message_type::text, bytes_of("b"), false) == error::closing);
      CHECK(ws.send_piece(message_type::text, bytes_of("b"), true) == error::closing);
      CHECK(to_hex(ws.output()) == before);
      CHECK(sent_wire(ws).substr(0, 8) == "01 01 61");
    }
  });
}

TEST_CASE("6.1: the first frame carries the opcode of its type and later ones carry 0", "[6.1]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 1});
    REQUIRE(ws.send_text("abcd") == error::none);
    REQUIRE(ws.send_binary(bytes_of("ab")) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("a"), false) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("b"), true) == error::none);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), true) == error::none);
    std::string opcodes;
    for (const unsigned first : first_bytes_of<own()>(ws)) opcodes += "0123456789abcdef"[first & 0x0FU];
    CHECK(opcodes ==
          "1000"
          "20"
          "20"
          "1");
  });
}

TEST_CASE("6.1: FIN is set on the last frame of a message and on no other", "[6.1]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 1});
    REQUIRE(ws.send_text("abcd") == error::none);
    REQUIRE(ws.send_binary({}) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("a"), false) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, {}, false) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, {}, true) == error::none);
    REQUIRE(ws.send_text("ab") == error::none);
    std::string fins;
    for (const unsigned first : first_bytes_of<own()>(ws)) fins += (first & 0x80U) != 0 ? '1' : '0';
    CHECK(fins ==
          "0001"
          "1"
          "001"
          "01");
  });
}

TEST_CASE("6.1: every queued byte comes out once and in order, through partial sends too", "[6.1]") {
  each_role([](auto own) {
    for (std::size_t step = 1; step < 20; ++step) {
      CAPTURE(own() == role::server, step);
      endpoint<own()> ws;
      std::string wire;
      std::string queued;
      // More is queued while some of it is on its way.
      for (int i = 0; i < 30; ++i) {
        const std::string text = std::to_string(i);
        REQUIRE(ws.send_text(text) == error::none);
        queued += "81 0" + std::to_string(text.size()) + " " + to_hex(bytes_of(std::string_view(text))) + " ";
        const std::size_t count = std::min(step, ws.buffered());
        wire += text_of(ws.output().first(count));
        REQUIRE(ws.sent(count) == error::none);
      }
      CHECK(ws.sent(ws.buffered() + 1) == error::sent_too_much);
      while (!ws.output().empty()) {
        wire += text_of(ws.output().first(1));
        REQUIRE(ws.sent(1) == error::none);
      }
      CHECK(without_masks(own, wire) + " " == queued);
    }
  });
}

TEST_CASE("6.1: a lent payload's bytes come out once and in order, through partial sends too", "[6.1]") {
  const exact_buffer payload("payload");
  for (std::size_t step = 1; step < 20; ++step) {
    endpoint<role::server> ws;
    REQUIRE(ws.send_text("a") == error::none);
    REQUIRE(ws.send_lent(message_type::text, payload.view()) == error::none);
    REQUIRE(ws.send_text("b") == error::none);
    std::string wire;
    while (ws.buffered() != 0) {
      std::string all;
      for (const const_bytes run : ws.output_runs()) all += text_of(run);
      wire += all.substr(0, step);
      REQUIRE(ws.sent(std::min(step, all.size())) == error::none);
    }
    CHECK(to_hex(bytes_of(std::string_view(wire))) == "81 01 61 81 07 70 61 79 6c 6f 61 64 81 01 62");
  }
}
