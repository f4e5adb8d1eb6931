#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::take_sent;

TEST_CASE("5.6: a text message that is not valid UTF-8 as a whole fails the connection with 1007", "[5.6]") {
  each_role([](auto own) {
    for (const std::string_view text : {"\xFF", "a\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
      check_fails<own()>(frame_to(own, 0x81, text), error::text_not_utf8, 1007);
    }
    check_fails<own()>(frame_to(own, 0x01, "\xE2") + frame_to(own, 0x80, "\x82"), error::text_not_utf8, 1007);
    check_fails<own()>(frame_to(own, 0x01, "\xE2\x82") + frame_to(own, 0x80, ""), error::text_not_utf8, 1007);
    check_fails<own()>(frame_to(own, 0x01, "\xC3") + frame_to(own, 0x00, "\x28"), error::text_not_utf8, 1007);
  });
}

TEST_CASE("5.6: a code point cut by a frame boundary is valid in the whole message", "[5.6]") {
  each_role([](auto own) {
    const std::string text = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const std::string stream = frame_to(own, 0x01, text.substr(0, cut)) + frame_to(own, 0x89, "") +
                                 frame_to(own, 0x00, "") + frame_to(own, 0x80, text.substr(cut));
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        CAPTURE(cut, step);
        endpoint<own()> ws;
        CHECK(feed(ws, stream, step).words == "ping() text(" + text + ") ");
      }
    }
  });
}

TEST_CASE("5.6: sending text that is not valid UTF-8 is refused and sends nothing", "[5.6]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    for (const std::string_view text : {"\xFF", "a\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
      CHECK(ws.send_text(text) == error::payload_not_utf8);
      CHECK(ws.send(message_type::text, bytes_of(text)) == error::payload_not_utf8);
      CHECK(ws.send_piece(message_type::text, bytes_of(text), true) == error::payload_not_utf8);
      CHECK(prepared_message::text(text).error() == error::payload_not_utf8);
      if constexpr (own() == role::server) {
        CHECK(ws.send_lent(message_type::text, bytes_of(text)) == error::payload_not_utf8);
      }
      CHECK(ws.buffered() == 0);
    }
    // Not valid as a whole, though the pieces before the last may cut a code point.
    REQUIRE(ws.send_piece(message_type::text, bytes_of("\xE2\x82"), false) == error::none);
    CHECK(ws.send_piece(message_type::text, {}, true) == error::payload_not_utf8);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("\xAC"), true) == error::none);
    CHECK(take_sent(ws) == "01 02 e2 82 80 01 ac");
  });
}

TEST_CASE("5.6: binary messages are any bytes, and empty messages are messages", "[5.6]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x82, "\xFF\xC0") + frame_to(own, 0x81, "") + frame_to(own, 0x82, "")).words ==
          "binary(\xFF\xC0) text() binary() ");
    REQUIRE(ws.send_binary(bytes_of("\xFF\xC0")) == error::none);
    REQUIRE(ws.send_text("") == error::none);
    CHECK(take_sent(ws) == "82 02 ff c0 81 00");
  });
}
