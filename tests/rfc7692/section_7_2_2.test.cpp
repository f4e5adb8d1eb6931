// Section 7.2.2: decompressing a message.
#include <string>
#include <string_view>

#include "catch.hpp"
#include "compressed.hpp"

using namespace sansocket;
using namespace sansocket::tests;

TEST_CASE("7.2.2: the four octets are put behind the payload of the message, whatever its frames", "[7.2.2]") {
  each_role([](auto own) {
    for (std::size_t step = 1; step < 40; ++step) {
      deflate_pool pool;
      compressed_end<own()> ws({fresh_each_time, pool});
      const std::string stream = frame_to(own, 0xC1, hello) + frame_to(own, 0x41, hello) + frame_to(own, 0x80, "") +
                                 frame_to(own, 0xC1, std::string(1, '\0'));
      CHECK(feed(ws, stream, step).words == "text(Hello) text(Hello) text() ");
    }
    // They are no part of what the peer sends: with them there would be eight. 00 00 begins a stored block.
    deflate_pool pool;
    compressed_end<own()> twice({fresh_each_time, pool});
    CHECK(feed(twice, frame_to(own, 0xC1, hello + from_hex("00 00 ff ff"))).why.fault ==
          error::compressed_data_invalid);
    compressed_end<own()> early({fresh_each_time, pool});
    CHECK(feed(early, frame_to(own, 0xC1, hello.substr(0, 6))).why.fault == error::compressed_data_invalid);
  });
}

TEST_CASE("7.2.2: what is no DEFLATE fails the connection with 1007", "[7.2.2]") {
  each_role([](auto own) {
    // A reserved block type; a stored block's length that its complement denies; a distance to before the start.
    for (const std::string_view payload : {"06", "07 00", "00 05 00 00 00 48", "f2 00 11 00 00"}) {
      for (const std::size_t step : {1U, 100U}) {
        deflate_pool pool;
        compressed_end<own()> ws({deflate_agreement{}, pool});
        const heard seen = feed(ws, frame_to(own, 0xC2, from_hex(payload)), step);
        CHECK(seen.why.fault == error::compressed_data_invalid);
        CHECK(seen.why.sent == close_code::invalid_payload);
        CHECK(ws.transport() == transport_action::keep);
      }
    }
  });
}

TEST_CASE("7.2.2: with context takeover a message is read with the window of the last compressed one", "[7.2.2]") {
  each_role([](auto own) {
    const bool server = own() == role::server;
    // The peer takes its context over; whether this end does makes no difference.
    for (const bool mine : {false, true}) {
      const deflate_agreement how{.server_no_context_takeover = server && mine,
                                  .client_no_context_takeover = !server && mine};
      for (std::size_t step = 1; step < 60; ++step) {
        deflate_pool pool;
        compressed_end<own()> ws({how, pool});
        const std::string stream = frame_to(own, 0xC1, hello) + frame_to(own, 0xC1, hello_again) +
                                   frame_to(own, 0x81, "plain") + frame_to(own, 0x89, "ping") +
                                   frame_to(own, 0x41, hello_again.substr(0, 2)) + frame_to(own, 0x89, "pong") +
                                   frame_to(own, 0x80, hello_again.substr(2));
        CHECK(feed(ws, stream, step).words == "text(Hello) text(Hello) text(plain) ping(ping) ping(pong) text(Hello) ");
      }
    }
  });
}

TEST_CASE("7.2.2: without context takeover every message is read with an empty window", "[7.2.2]") {
  each_role([](auto own) {
    const bool server = own() == role::server;
    const deflate_agreement how{.server_no_context_takeover = !server, .client_no_context_takeover = server};
    deflate_pool pool;
    compressed_end<own()> ws({how, pool});
    CHECK(feed(ws, frame_to(own, 0xC1, hello) + frame_to(own, 0xC1, hello)).words == "text(Hello) text(Hello) ");
    CHECK(feed(ws, frame_to(own, 0xC1, hello_again)).why.fault == error::compressed_data_invalid);
  });
}
