#include "sansocket/connection/connection.hpp"

#include <cstddef>
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

TEST_CASE("5.5.2: a ping is answered with a pong", "[5.5.2]") {
  each_role([](auto own) {
    for (const std::string_view payload : {"", "Hello", "\xFF\xFE"}) {
      const std::string stream = frame_to(own, 0x89, payload);
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        endpoint<own()> ws;
        feed(ws, stream, step);
        const std::string pong = frame_to(role::client, 0x8A, payload);
        CHECK(take_sent(ws) == to_hex(bytes_of(std::string_view(pong))));
      }
    }
  });
}

TEST_CASE("5.5.2: a ping is answered in the middle of a message, received or sent", "[5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    feed(ws, frame_to(own, 0x01, "x") + frame_to(own, 0x89, "p"));
    REQUIRE(ws.send_piece(message_type::text, bytes_of("b"), true) == error::none);
    CHECK(take_sent(ws) == "01 01 61 8a 01 70 80 01 62");
  });
}

TEST_CASE("5.5.2: a ping is answered also when our Close is out and the peer's has not come", "[5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close() == error::none);
    feed(ws, frame_to(own, 0x89, "p"));
    CHECK(take_sent(ws) == "88 02 03 e8 8a 01 70");
  });
}

TEST_CASE("5.5.2: a ping behind a Close is not answered", "[5.5.2]") {
  each_role([](auto own) {
    const std::string close = frame_to(own, 0x88, "\x03\xE8");
    const std::string ping = frame_to(own, 0x89, "p");
    endpoint<own()> together;
    CHECK(feed(together, close + ping).words == "closed() ");
    CHECK(take_sent(together) == "88 02 03 e8");
    endpoint<own()> apart;
    feed(apart, close);
    CHECK(feed(apart, ping).words.empty());
    CHECK(take_sent(apart) == "88 02 03 e8");
    endpoint<own()> ours_first;
    REQUIRE(ours_first.send_close() == error::none);
    feed(ours_first, close + ping);
    CHECK(take_sent(ours_first) == "88 02 03 e8");
  });
}
