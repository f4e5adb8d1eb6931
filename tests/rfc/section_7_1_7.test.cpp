#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
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

/// Streams that break a rule, each in another layer.
std::vector<std::string> faults_for(role own) {
  return {frame_to(own, 0x83, ""),        frame_to(own, 0xC1, "a"),    frame_to(own, 0x80, "a"),
          frame_to(own, 0x81, "\xFF"),    frame_to(own, 0x88, "\x03"), frame_to(peer_of(own), 0x81, "a"),
          frame_to(own, 0x88, "\x03\xED")};
}

template <role Own>
void check_transport_after_failure() {
  for (const std::string& fault : faults_for(Own)) {
    CAPTURE(to_hex(bytes_of(std::string_view(fault))));
    endpoint<Own> ws;
    REQUIRE(ws.send_text("waiting") == error::none);
    CHECK_FALSE(feed(ws, fault).why.clean());
    // The Close that says why goes first.
    std::string wire;
    while (ws.buffered() != 0) {
      CHECK(ws.transport() == transport_action::keep);
      wire += text_of(ws.output().first(1));
      REQUIRE(ws.sent(1) == error::none);
    }
    CHECK(ws.transport() == transport_action::close);
    const std::size_t text_size = Own == role::server ? 9 : 13;
    CHECK(wire.size() > text_size + 2);
    CHECK(wire.substr(text_size, 1) == "\x88");
    // Without waiting for the peer's Close, and none of it changes that.
    feed(ws, frame_to(Own, 0x88, ""));
    CHECK(ws.transport() == transport_action::close);

    endpoint<Own> closing;
    REQUIRE(closing.send_close() == error::none);
    REQUIRE(closing.sent(closing.buffered()) == error::none);
    CHECK_FALSE(feed(closing, fault).why.clean());
    CHECK(closing.buffered() == 0);
    CHECK(closing.transport() == transport_action::close);
  }
}

}  // namespace

TEST_CASE("7.1.7: a client that fails the connection is to close its transport", "[7.1.7]") {
  check_transport_after_failure<role::client>();
}

TEST_CASE("7.1.7: a server that fails the connection is to close its transport", "[7.1.7]") {
  check_transport_after_failure<role::server>();
}

TEST_CASE("7.1.7: after failing the connection nothing received is processed, not even a Close", "[7.1.7]") {
  each_role([](auto own) {
    const std::string behind =
        frame_to(own, 0x81, "text") + frame_to(own, 0x89, "ping") + frame_to(own, 0x88, "\x03\xE8");
    for (const std::string& fault : faults_for(own)) {
      CAPTURE(own() == role::server, to_hex(bytes_of(std::string_view(fault))));
      // In the same chunk, in the next ones, and byte by byte.
      for (std::size_t step = 1; step <= fault.size() + behind.size(); ++step) {
        endpoint<own()> ws;
        const heard seen = feed(ws, fault + behind, step);
        CHECK(seen.words == "closed() ");
        CHECK_FALSE(seen.why.clean());
        CHECK(seen.why.received == close_code::abnormal);
        const std::string sent = take_sent(ws);
        CHECK(sent.substr(0, 2) == "88");
        CHECK(sent.size() ==
              std::size_t{3} * (2 + std::stoul(sent.substr(3, 2), nullptr, 16)) - 1);  // nothing behind it
        CHECK(feed(ws, behind).words.empty());
        CHECK(ws.buffered() == 0);
        ws.receive_eof();
        CHECK_FALSE(ws.poll());
      }
    }
  });
}
