// Both ends of a connection, and frames put together and taken apart by hand.
#ifndef SANSOCKET_TESTS_ENDPOINTS_HPP
#define SANSOCKET_TESTS_ENDPOINTS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/connection/connection.hpp"

namespace sansocket::tests {

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
inline std::string frame_to(role receiver, unsigned first, std::string_view payload) {
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
      CHECK(why.initiator == which_end::local);
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

}  // namespace sansocket::tests

#endif
