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

TEST_CASE("5.5.3: a pong has the application data of the ping that it answers", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    feed(ws, frame_to(own, 0x89, std::string(125, 'a')));
    const std::string pong = frame_to(role::client, 0x8A, std::string(125, 'a'));
    CHECK(take_sent(ws) == to_hex(bytes_of(std::string_view(pong))));
  });
}

TEST_CASE("5.5.3: of pings that came before the answer left, the most recent one is answered", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    feed(ws, frame_to(own, 0x89, "first") + frame_to(own, 0x81, "text") + frame_to(own, 0x89, "second"), 3);
    CHECK(take_sent(ws) == "8a 06 73 65 63 6f 6e 64");
    feed(ws, frame_to(own, 0x89, "third"));
    CHECK(take_sent(ws) == "8a 05 74 68 69 72 64");
  });
}

TEST_CASE("5.5.3: a pong that was not asked for is not answered, and one can be sent", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x8A, "beat")).words == "pong(beat) ");
    CHECK(ws.buffered() == 0);
    REQUIRE(ws.send_pong(bytes_of("beat")) == error::none);
    CHECK(take_sent(ws) == "8a 04 62 65 61 74");
  });
}
