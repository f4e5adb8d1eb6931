#include "sansocket/connection/connection.hpp"

#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::take_sent;
using sansocket::tests::to_hex;

TEST_CASE("5.5.3: a pong has the application data of the ping that it answers", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    feed(ws, frame_to(own, 0x89, std::string(125, 'a')));
    const std::string pong = frame_to(role::client, 0x8A, std::string(125, 'a'));
    CHECK(take_sent(ws) == to_hex(bytes_of(std::string_view(pong))));
  });
}

TEST_CASE("5.5.3: of pings that came before the answer left, the most recent one is answered", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    feed(ws, frame_to(own, 0x89, "first") + frame_to(own, 0x81, "text") + frame_to(own, 0x89, "second"), 3);
    CHECK(take_sent(ws) == "8a 06 73 65 63 6f 6e 64");
    feed(ws, frame_to(own, 0x89, "third"));
    CHECK(take_sent(ws) == "8a 05 74 68 69 72 64");
  });
}

TEST_CASE("5.5.3: a pong that was not asked for is not answered, and one can be sent", "[5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x8A, "beat")).words == "pong(beat) ");
    CHECK(ws.buffered() == 0);
    REQUIRE(ws.send_pong(bytes_of("beat")) == error::none);
    CHECK(take_sent(ws) == "8a 04 62 65 61 74");
  });
}
