#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::take_sent;
using sansocket::tests::to_hex;

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
        CHECK(feed(ws, stream, step).why.initiator == which_end::peer);
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
