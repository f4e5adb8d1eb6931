#include "sansocket/connection/connection.hpp"

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::take_sent;

TEST_CASE("7.4.1: sending a Close with 1005, 1006 or 1015 is refused and sends nothing", "[7.4.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    for (const unsigned code : {1005U, 1006U, 1015U, 1004U, 999U, 0U}) {
      CAPTURE(own() == role::server, code);
      CHECK(ws.send_close(static_cast<close_code>(code), "reason") == error::close_code_not_sendable);
      if (code != 1005) CHECK(ws.send_close(static_cast<close_code>(code)) == error::close_code_not_sendable);
      CHECK(ws.buffered() == 0);
      CHECK(ws.is_open());
    }
    // 1005 alone is the way to ask for a Close without a code: the value itself is not sent.
    REQUIRE(ws.send_close(close_code::no_status) == error::none);
    CHECK(take_sent(ws) == "88 00");
  });
}

TEST_CASE("7.4.1: a Close received with 1005, 1006 or 1015 fails the connection with 1002", "[7.4.1]") {
  each_role([](auto own) {
    for (const char* const code : {"03 ed", "03 ee", "03 f7", "03 ec", "03 e7", "00 00", "13 88", "ff ff"}) {
      check_fails<own()>(frame_to(own, 0x88, from_hex(code)), error::close_code_invalid, 1002);
      check_fails<own()>(frame_to(own, 0x88, from_hex(code) + "reason"), error::close_code_invalid, 1002);
    }
  });
}

TEST_CASE("7.4.1: no Close that the library makes by itself carries 1005, 1006 or 1015", "[7.4.1]") {
  each_role([](auto own) {
    endpoint<own()> answered;
    feed(answered, frame_to(own, 0x88, ""));
    CHECK(take_sent(answered) == "88 00");
    endpoint<own()> cut;
    cut.receive_eof();
    CHECK(cut.poll().why.received == close_code::abnormal);
    CHECK(cut.buffered() == 0);
  });
}
