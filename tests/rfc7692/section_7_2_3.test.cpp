// Section 7.2.3: the examples, as they are printed there.
#include <string>
#include <string_view>

#include "catch.hpp"
#include "compressed.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

/// Checks what each end hears, in chunks of every size.
void check_examples(std::string_view first_payload, std::string_view second_payload, const std::string& words) {
  each_role([&](auto own) {
    std::string stream = frame_to(own, 0xC1, from_hex(first_payload));
    if (!second_payload.empty()) stream += frame_to(own, 0xC1, from_hex(second_payload));
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(own() == role::server, step);
      deflate_pool pool;
      compressed_end<own()> ws({deflate_agreement{}, pool});
      CHECK(feed(ws, stream, step).words == words);
    }
  });
}

}  // namespace

TEST_CASE("7.2.3.1: a message in one compressed block, whole and fragmented", "[7.2.3.1]") {
  check_examples("f2 48 cd c9 c9 07 00", "", "text(Hello) ");
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x41, from_hex("f2 48 cd")) + frame_to(own, 0x80, from_hex("c9 c9 07 00"));
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      deflate_pool pool;
      compressed_end<own()> ws({deflate_agreement{}, pool});
      CHECK(feed(ws, stream, step).words == "text(Hello) ");
    }
  });
  // A server's frames: c1 07 and what is above; 41 03 f2 48 cd, 80 04 c9 c9 07 00.
  for (const std::string_view wire : {"c1 07 f2 48 cd c9 c9 07 00", "41 03 f2 48 cd 80 04 c9 c9 07 00"}) {
    deflate_pool pool;
    compressed_end<role::client> ws({deflate_agreement{}, pool});
    CHECK(feed(ws, from_hex(wire)).words == "text(Hello) ");
  }
  deflate_pool pool({.threshold = 0});
  compressed_end<role::server> ws({deflate_agreement{}, pool});
  REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
  CHECK(to_hex(ws.output()) == "c1 07 f2 48 cd c9 c9 07 00");
}

TEST_CASE("7.2.3.2: two messages that share the window", "[7.2.3.2]") {
  check_examples("f2 48 cd c9 c9 07 00", "f2 48 cd c9 c9 07 00", "text(Hello) text(Hello) ");
  check_examples("f2 48 cd c9 c9 07 00", "f2 00 11 00 00", "text(Hello) text(Hello) ");
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({deflate_agreement{}, pool});
    REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
    CHECK(take_hex(ws) == "c1 f2 48 cd c9 c9 07 00 | c1 f2 00 11 00 00");
  });
}

TEST_CASE("7.2.3.3: a block without compression", "[7.2.3.3]") {
  check_examples("00 05 00 fa ff 48 65 6c 6c 6f 00", "", "text(Hello) ");
  // It is in the window like any other.
  check_examples("00 05 00 fa ff 48 65 6c 6c 6f 00", "f2 00 11 00 00", "text(Hello) text(Hello) ");
}

TEST_CASE("7.2.3.4: a block that is marked as the last", "[7.2.3.4]") {
  check_examples("f3 48 cd c9 c9 07 00 00", "", "text(Hello) ");
  check_examples("f3 48 cd c9 c9 07 00 00", "f3 48 cd c9 c9 07 00 00", "text(Hello) text(Hello) ");
  check_examples("f3 48 cd c9 c9 07 00 00", "f2 00 11 00 00", "text(Hello) text(Hello) ");
}

TEST_CASE("7.2.3.5: two blocks in one message", "[7.2.3.5]") {
  check_examples("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "", "text(Hello) ");
  check_examples("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "f2 00 11 00 00", "text(Hello) text(Hello) ");
}

TEST_CASE("7.2.3.6: an empty fragment is one octet", "[7.2.3.6]") {
  check_examples("00", "", "text() ");
  check_examples("00", "f2 48 cd c9 c9 07 00", "text() text(Hello) ");
  each_role([](auto own) {
    const std::string parts =
        frame_to(own, 0x41, hello + from_hex("00 00 ff ff")) + frame_to(own, 0x80, std::string(1, '\0'));
    for (std::size_t step = 1; step <= parts.size(); ++step) {
      deflate_pool pool;
      compressed_end<own()> ws({deflate_agreement{}, pool});
      CHECK(feed(ws, parts, step).words == "text(Hello) ");
    }
    // Sending: the end of the data comes when there is no more of it.
    deflate_pool pool;
    compressed_end<own()> ws({deflate_agreement{}, pool});
    REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), false) == error::none);
    REQUIRE(ws.send_piece(message_type::text, {}, true) == error::none);
    CHECK(take_hex(ws) == "41 f2 48 cd c9 c9 07 00 00 00 ff ff | 80 00");
  });
}
