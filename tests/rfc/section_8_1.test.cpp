#include "sansocket/sansocket.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sample_nonce.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::sample_handshake;
using sansocket::tests::sample_nonce;

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
