#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::heard;
using sansocket::tests::take_sent;

TEST_CASE("5.5: a control frame over 125 bytes fails the connection with 1002", "[5.5]") {
  for (const char* const opcode : {"88", "89", "8a"}) {
    // At the second byte: 126 and 127 say that the length is longer.
    check_fails<role::server>(from_hex(opcode) + from_hex("fe"), error::control_too_long, 1002);
    check_fails<role::server>(from_hex(opcode) + from_hex("ff"), error::control_too_long, 1002);
    check_fails<role::client>(from_hex(opcode) + from_hex("7e"), error::control_too_long, 1002);
    check_fails<role::client>(from_hex(opcode) + from_hex("7f"), error::control_too_long, 1002);
    check_fails<role::client>(from_hex("01 01 61") + from_hex(opcode) + from_hex("7e"), error::control_too_long, 1002);
  }
}

TEST_CASE("5.5: a control frame of 125 bytes is accepted", "[5.5]") {
  each_role([](auto own) {
    const std::string most(125, 'm');
    endpoint<own()> ws;
    const std::string close = "\x03\xE8" + most.substr(2);
    const heard seen = feed(ws, frame_to(own, 0x89, most) + frame_to(own, 0x8A, most) + frame_to(own, 0x88, close), 50);
    CHECK(seen.words == "ping(" + most + ") pong(" + most + ") closed(" + most.substr(2) + ") ");
    CHECK(seen.why.clean());
  });
}

TEST_CASE("5.5: a ping or pong over 125 bytes is refused, and a Close never exceeds 125 bytes", "[5.5]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    const exact_buffer long_payload(126);
    CHECK(ws.send_ping(long_payload.view()) == error::control_payload_too_long);
    CHECK(ws.send_pong(long_payload.view()) == error::control_payload_too_long);
    CHECK(ws.buffered() == 0);
    CHECK(ws.send_ping(long_payload.view().first(125)) == error::none);
    CHECK(ws.send_pong(long_payload.view().first(125)) == error::none);
    CHECK(take_sent(ws).substr(0, 5) == "89 7d");
    for (std::size_t length = 120; length < 130; ++length) {
      endpoint<own()> closing;
      REQUIRE(closing.send_close(close_code::normal, std::string(length, 'r')) == error::none);
      CHECK(take_sent(closing).size() == 3 * (2 + std::min<std::size_t>(2 + length, 125)) - 1);
    }
    // The reason is cut between code points.
    endpoint<own()> closing;
    REQUIRE(closing.send_close(close_code::normal, std::string(121, 'r') + "\xE2\x82\xAC") == error::none);
    CHECK(take_sent(closing).substr(0, 11) == "88 7b 03 e8");
  });
}
