#include "sansocket/sansocket.hpp"

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

/// Gives the nonce of the RFC's example, whose answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.
struct sample_nonce {
  bool operator()(bytes out) const {
    constexpr std::string_view nonce = "the sample nonce";
    std::ranges::copy(bytes_of(std::string_view(nonce)).first(out.size()), out.begin());
    return true;
  }
};
using sample_handshake = basic_client_handshake<sample_nonce, openssl_sha1>;

}  // namespace

TEST_CASE("8.1: text fails the connection with 1007 at the first byte that cannot be UTF-8", "[8.1]") {
  // The bytes up to the first that cannot be part of valid text, that one included.
  for (const std::string_view hex :
       {"ff", "80", "c0", "c1", "f5", "61 bf", "c3 28", "e0 9f", "ed a0", "e2 82 28", "e2 28", "f0 8f", "f4 90",
        "f0 9f 92 28", "f0 9f c3", "ce ba e1 bd b9 cf 83 ed a0", "61 62 63 64 65 66 67 68 69 c3 c3"}) {
    const std::string text = from_hex(hex);
    each_role([&](auto own) {
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        for (const bool fragmented : {false, true}) {
          CAPTURE(hex, own() == role::server, fragmented);
          // The frame is announced longer than what comes of it: the verdict does not wait for its end.
          std::string stream;
          if (fragmented) stream = frame_to(own, 0x01, text.substr(0, text.size() / 2));
          const std::string rest = fragmented ? text.substr(text.size() / 2) : text;
          const std::string frame = frame_to(own, fragmented ? 0x00 : 0x81, rest + std::string(20, 'a'));
          stream += frame.substr(0, frame.size() - 20);
          for (const std::size_t step : {std::size_t{1}, std::size_t{3}, stream.size()}) {
            endpoint<own()> ws({.delivery = how});
            const close_report why = feed(ws, stream, step).why;
            CHECK(why.fault == error::text_not_utf8);
            CHECK(why.sent == close_code::invalid_payload);
            endpoint<own()> before({.delivery = how});
            feed(before, std::string_view(stream).substr(0, stream.size() - 1), step);
            CHECK(before.is_open());
          }
        }
      }
    });
  }
}

TEST_CASE("8.1: text that ends within a code point fails the connection with 1007", "[8.1]") {
  each_role([](auto own) {
    for (const std::string_view text : {"\xC3", "\xE2\x82", "\xF0\x9F\x92", "abc\xE2"}) {
      check_fails<own()>(frame_to(own, 0x81, text), error::text_not_utf8, 1007);
      check_fails<own()>(frame_to(own, 0x01, text) + frame_to(own, 0x80, ""), error::text_not_utf8, 1007);
    }
  });
}

TEST_CASE("8.1: valid text of every length of code point is accepted", "[8.1]") {
  each_role([](auto own) {
    const std::string text = from_hex("00 7f c2 80 df bf e0 a0 80 ed 9f bf ee 80 80 ef bf bf f0 90 80 80 f4 8f bf bf");
    const std::string stream = frame_to(own, 0x81, text);
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      endpoint<own()> ws;
      CHECK(feed(ws, stream, step).words == "text(" + text + ") ");
    }
  });
}

TEST_CASE("8.1: a close reason that is not valid UTF-8 fails the connection with 1007", "[8.1]") {
  each_role([](auto own) {
    for (const std::string_view reason : {"\xFF", "a\xC0\xAF", "\xE2\x82", "ok\xED\xA0\x80"}) {
      check_fails<own()>(frame_to(own, 0x88, "\x03\xE8" + std::string(reason)), error::close_reason_not_utf8, 1007);
    }
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x88, "\x03\xE8\xE2\x82\xAC"), 1).words == "closed(\xE2\x82\xAC) ");
  });
}

TEST_CASE("8.1: bytes outside ASCII in the request target or a Sec-WebSocket field fail the handshake", "[8.1]") {
  const std::string_view subprotocols[] = {"chat"};
  const server_options options{.subprotocols = subprotocols};
  const std::string request =
      "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x-ext\r\n\r\n";
  const auto is_accepted = [&](const std::string& head) {
    server_handshake handshake(options);
    exact_buffer chunk(head);
    CHECK(handshake.receive(chunk.view()) == handshake_status::done);
    return handshake.accepted();
  };
  CHECK(is_accepted(request));
  for (const std::string_view place : {"chat HTTP", "dGhlI", "13\r\n", "chat\r\nSec", "x-ext"}) {
    // UTF-8 and what is not UTF-8: neither is ASCII.
    for (const std::string_view foreign : {"\xC3\xA9", "\xFF"}) {
      CAPTURE(place, foreign);
      std::string head = request;
      CHECK_FALSE(is_accepted(head.insert(head.find(place), foreign)));
    }
  }

  const std::string response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
  const client_options asked{.subprotocols = subprotocols};
  const auto status_after = [&](const std::string& head) {
    sample_handshake handshake("ws://server.example.com/chat", asked);
    exact_buffer chunk(head);
    return handshake.receive(chunk.view());
  };
  CHECK(status_after(response) == client_status::accepted);
  for (const std::string_view place : {"s3pPL", "chat\r\n"}) {
    for (const std::string_view foreign : {"\xC3\xA9", "\xFF"}) {
      CAPTURE(place, foreign);
      std::string head = response;
      CHECK(status_after(head.insert(head.find(place), foreign)) == client_status::failed);
    }
  }
  // And a client sends none.
  const std::string_view foreign[] = {"\xC3\xA9"};
  const client_options strange{.subprotocols = foreign};
  CHECK(sample_handshake("ws://server.example.com/", strange).status() == client_status::failed);
  CHECK(sample_handshake("ws://server.example.com/\xC3\xA9", asked).status() == client_status::failed);
}
