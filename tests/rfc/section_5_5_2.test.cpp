#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

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

}  // namespace

TEST_CASE("5.5.2: a ping is answered with a pong", "[5.5.2]") {
  each_role([](auto own) {
    for (const std::string_view payload : {"", "Hello", "\xFF\xFE"}) {
      const std::string stream = frame_to(own, 0x89, payload);
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        endpoint<own()> ws;
        feed(ws, stream, step);
        const std::string pong = frame_to(role::client, 0x8A, payload);
        CHECK(take_sent(ws) == to_hex(bytes_of(std::string_view(pong))));
      }
    }
  });
}

TEST_CASE("5.5.2: a ping is answered in the middle of a message, received or sent", "[5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    feed(ws, frame_to(own, 0x01, "x") + frame_to(own, 0x89, "p"));
    REQUIRE(ws.send_piece(message_type::text, bytes_of("b"), true) == error::none);
    CHECK(take_sent(ws) == "01 01 61 8a 01 70 80 01 62");
  });
}

TEST_CASE("5.5.2: a ping is answered also when our Close is out and the peer's has not come", "[5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close() == error::none);
    feed(ws, frame_to(own, 0x89, "p"));
    CHECK(take_sent(ws) == "88 02 03 e8 8a 01 70");
  });
}

TEST_CASE("5.5.2: a ping behind a Close is not answered", "[5.5.2]") {
  each_role([](auto own) {
    const std::string close = frame_to(own, 0x88, "\x03\xE8");
    const std::string ping = frame_to(own, 0x89, "p");
    endpoint<own()> together;
    CHECK(feed(together, close + ping).words == "closed() ");
    CHECK(take_sent(together) == "88 02 03 e8");
    endpoint<own()> apart;
    feed(apart, close);
    CHECK(feed(apart, ping).words.empty());
    CHECK(take_sent(apart) == "88 02 03 e8");
    endpoint<own()> ours_first;
    REQUIRE(ours_first.send_close() == error::none);
    feed(ours_first, close + ping);
    CHECK(take_sent(ours_first) == "88 02 03 e8");
  });
}
