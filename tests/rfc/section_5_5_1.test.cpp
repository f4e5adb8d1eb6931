#include "sansocket/connection/connection.hpp"

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

TEST_CASE("5.5.1: a Close with a body of one byte fails the connection with 1002", "[5.5.1]") {
  each_role([](auto own) {
    check_fails<own()>(frame_to(own, 0x88, "\x03"), error::close_payload_short, 1002);
    check_fails<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x88, "\x03"), error::close_payload_short, 1002);
  });
}

TEST_CASE("5.5.1: a Close with a body is sent with its code first, in network byte order", "[5.5.1]") {
  each_role([](auto own) {
    const auto sent = [&](close_code code, std::string_view reason) {
      endpoint<own()> ws;
      REQUIRE(ws.send_close(code, reason) == error::none);
      return take_sent(ws);
    };
    CHECK(sent(close_code::normal, "") == "88 02 03 e8");
    CHECK(sent(close_code::going_away, "bye") == "88 05 03 e9 62 79 65");
    CHECK(sent(close_code{4660}, "r") == "88 03 12 34 72");
    CHECK(sent(close_code::no_status, "") == "88 00");
  });
}

TEST_CASE("5.5.1: sending a message behind a Close is refused and sends nothing", "[5.5.1]") {
  each_role([](auto own) {
    const auto check_refused = [&](endpoint<own()>& ws) {
      const std::string before = to_hex(ws.output());
      CHECK(ws.send_text("a") == error::closing);
      CHECK(ws.send_binary({}) == error::closing);
      CHECK(ws.send_piece(message_type::text, bytes_of("a"), true) == error::closing);
      if constexpr (own() == role::server) {
        const auto prepared = prepared_message::text("a");
        CHECK(ws.send(*prepared) == error::closing);
        CHECK(ws.send_lent(*prepared) == error::closing);
        CHECK(ws.send_lent(message_type::text, bytes_of("a")) == error::closing);
      }
      CHECK(to_hex(ws.output()) == before);
    };
    endpoint<own()> local;
    REQUIRE(local.send_close() == error::none);
    check_refused(local);
    (void)take_sent(local);
    check_refused(local);
    feed(local, frame_to(own, 0x88, ""));
    check_refused(local);

    endpoint<own()> answering;
    feed(answering, frame_to(own, 0x88, ""));
    check_refused(answering);
  });
}

TEST_CASE("5.5.1: a Close is answered with one Close that echoes its code", "[5.5.1]") {
  each_role([](auto own) {
    const auto answer = [&](std::string_view payload) {
      const std::string stream = frame_to(own, 0x88, payload);
      std::string sent;
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        endpoint<own()> ws;
        CHECK(feed(ws, stream, step).why.first == which_end::peer);
        sent = take_sent(ws);
        CHECK(sent.substr(0, 2) == "88");
        CHECK(feed(ws, stream).words.empty());  // a second Close is not answered
        CHECK(take_sent(ws).empty());
      }
      return sent;
    };
    CHECK(answer("") == "88 00");
    CHECK(answer("\x03\xE8") == "88 02 03 e8");
    CHECK(answer("\x03\xE9reason") == "88 02 03 e9");
    CHECK(answer("\x0B\xB8") == "88 02 0b b8");
    CHECK(answer("\x13\x87") == "88 02 13 87");
  });
}

TEST_CASE("5.5.1: a Close that answers ours is not answered", "[5.5.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code::normal) == error::none);
    CHECK(take_sent(ws) == "88 02 03 e8");
    CHECK(feed(ws, frame_to(own, 0x88, "\x03\xE8")).why.clean());
    CHECK(ws.buffered() == 0);
  });
}

TEST_CASE("5.5.1: after a Close both ways a client waits for the end of the transport, then is to close it",
          "[5.5.1]") {
  for (const bool local_first : {true, false}) {
    CAPTURE(local_first);
    endpoint<role::client> ws;
    if (local_first) REQUIRE(ws.send_close() == error::none);
    CHECK(ws.transport() == transport_action::keep);
    feed(ws, frame_to(role::client, 0x88, "\x03\xE8"));
    CHECK(ws.transport() == transport_action::keep);  // its own is not sent yet
    (void)take_sent(ws);
    CHECK(ws.transport() == transport_action::await_eof);
    ws.receive_eof();
    CHECK(ws.transport() == transport_action::close);
  }
}

TEST_CASE("5.5.1: after a Close both ways a server is to close its transport as soon as its output is sent",
          "[5.5.1]") {
  for (const bool local_first : {true, false}) {
    CAPTURE(local_first);
    endpoint<role::server> ws;
    REQUIRE(ws.send_text("before") == error::none);
    if (local_first) REQUIRE(ws.send_close() == error::none);
    feed(ws, frame_to(role::server, 0x88, "\x03\xE8"));
    while (ws.buffered() != 0) {
      CHECK(ws.transport() == transport_action::keep);
      REQUIRE(ws.sent(1) == error::none);
    }
    CHECK(ws.transport() == transport_action::close);
  }
}
