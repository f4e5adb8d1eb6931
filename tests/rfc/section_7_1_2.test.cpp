#include "sansocket/connection/connection.hpp"

#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::take_sent;

TEST_CASE("7.1.2: starting the closing handshake sends one Close with the code and reason given", "[7.1.2]") {
  each_role([](auto own) {
    const auto sent = [&](close_code code, std::string_view reason) {
      endpoint<own()> ws;
      REQUIRE(ws.send_close(code, reason) == error::none);
      CHECK_FALSE(ws.is_open());
      CHECK(ws.send_close(code, reason) == error::closing);
      return take_sent(ws);
    };
    CHECK(sent(close_code::normal, "") == "88 02 03 e8");
    CHECK(sent(close_code::going_away, "bye") == "88 05 03 e9 62 79 65");
    CHECK(sent(close_code{3000}, "\xC3\xA9") == "88 04 0b b8 c3 a9");
    CHECK(sent(close_code{4999}, "x") == "88 03 13 87 78");
    CHECK(sent(close_code::no_status, "") == "88 00");
  });
}

TEST_CASE("7.1.2: once both Closes are out, the end that began says close or wait", "[7.1.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code::normal, "done") == error::none);
    (void)take_sent(ws);
    CHECK(ws.transport() == transport_action::keep);
    const close_report why = feed(ws, frame_to(own, 0x88, "\x03\xE8")).why;
    CHECK(why.clean());
    CHECK(why.initiator == which_end::local);
    CHECK(ws.transport() == (own() == role::server ? transport_action::close : transport_action::await_eof));
  });
}
