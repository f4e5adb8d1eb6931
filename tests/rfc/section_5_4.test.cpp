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

TEST_CASE("5.4: a control frame with FIN clear fails the connection with 1002", "[5.4][5.5]") {
  each_role([](auto own) {
    for (const unsigned opcode : {0x8U, 0x9U, 0xAU}) {
      check_fails<own()>(frame_to(own, opcode, "abc").substr(0, 2), error::control_fragmented, 1002);
      check_fails<own()>(frame_to(own, 0x01, "a") + frame_to(own, opcode, ""), error::control_fragmented, 1002);
    }
  });
}

TEST_CASE("5.4: control frames are always sent with FIN set, also in the middle of a fragmented message",
          "[5.4][5.5]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 2});
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    REQUIRE(ws.send_ping(bytes_of("long ping")) == error::none);
    REQUIRE(ws.send_pong(bytes_of("long pong")) == error::none);
    feed(ws, frame_to(own, 0x89, "long question"));
    REQUIRE(ws.send_close(close_code::normal, "long reason") == error::none);
    CHECK(take_sent(ws) ==
          "01 01 61 89 09 6c 6f 6e 67 20 70 69 6e 67 8a 09 6c 6f 6e 67 20 70 6f 6e 67 "
          "8a 0d 6c 6f 6e 67 20 71 75 65 73 74 69 6f 6e 88 0d 03 e8 6c 6f 6e 67 20 72 65 61 73 6f 6e");
  });
}

TEST_CASE("5.4: fragments leave in the order given and arrive in the order sent", "[5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    for (const char c : std::string("abcde")) {
      REQUIRE(ws.send_piece(message_type::text, bytes_of(std::string_view(&c, 1)), c == 'e') == error::none);
    }
    CHECK(take_sent(ws) == "01 01 61 00 01 62 00 01 63 00 01 64 80 01 65");

    std::string stream;
    for (const char c : std::string("abcde")) {
      stream += frame_to(own, c == 'a' ? 0x01 : c == 'e' ? 0x80 : 0x00, {&c, 1});
    }
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      endpoint<own()> whole;
      CHECK(feed(whole, stream, step).words == "text(abcde) ");
      endpoint<own()> pieces({.delivery = delivery::pieces});
      CHECK(feed(pieces, stream, step).words == "text(a) text(b) text(c) text(d) text(e) ");
    }
  });
}

TEST_CASE("5.4: a new data frame in the middle of a fragmented message fails the connection with 1002", "[5.4]") {
  each_role([](auto own) {
    for (const unsigned begun : {0x01U, 0x02U}) {
      for (const unsigned first : {0x01U, 0x02U, 0x81U, 0x82U}) {
        const std::string interrupting = frame_to(own, first, "new").substr(0, 2);
        check_fails<own()>(frame_to(own, begun, "") + interrupting, error::message_interrupted, 1002);
        check_fails<own()>(frame_to(own, begun, "a") + frame_to(own, 0x00, "b") + interrupting,
                           error::message_interrupted, 1002);
        check_fails<own()>(frame_to(own, begun, "a") + frame_to(own, 0x8A, "") + interrupting,
                           error::message_interrupted, 1002);
      }
    }
  });
}

TEST_CASE("5.4: beginning a message before the last one is finished is refused and sends nothing", "[5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    const std::size_t before = ws.buffered();
    CHECK(ws.send_text("b") == error::message_in_progress);
    CHECK(ws.send_binary(bytes_of("b")) == error::message_in_progress);
    CHECK(ws.send_piece(message_type::binary, bytes_of("b"), false) == error::message_type_mismatch);
    if constexpr (own() == role::server) {
      CHECK(ws.send(*prepared_message::text("b")) == error::message_in_progress);
      CHECK(ws.send_lent(message_type::text, bytes_of("b")) == error::message_in_progress);
    }
    CHECK(ws.buffered() == before);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("c"), true) == error::none);
    CHECK(take_sent(ws) == "01 01 61 80 01 63");
  });
}

TEST_CASE("5.4: a ping between two fragments is answered and the message still arrives whole", "[5.4]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x01, "Hel") + frame_to(own, 0x89, "ping") + frame_to(own, 0x80, "lo");
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(step);
      endpoint<own()> ws;
      CHECK(feed(ws, stream, step).words == "ping(ping) text(Hello) ");
      CHECK(take_sent(ws) == "8a 04 70 69 6e 67");
    }
  });
}

TEST_CASE("5.4: a message arrives the same whether it came as one frame or as many", "[5.4]") {
  each_role([](auto own) {
    // Each bit says whether the message is cut there: all the ways to cut it.
    const std::string text =
        "a\xE2\x82\xAC"
        "bc";
    for (unsigned cuts = 0; cuts < 32; ++cuts) {
      for (const std::string& between : {std::string(), frame_to(own, 0x00, "")}) {
        std::string stream;
        std::string fragment;
        unsigned opcode = 0x01;
        for (std::size_t i = 0; i < text.size(); ++i) {
          fragment += text[i];
          const bool last = i + 1 == text.size();
          if (!last && (cuts >> i & 1U) == 0) continue;
          stream += frame_to(own, opcode | (last ? 0x80U : 0U), fragment);
          if (!last) stream += between;
          fragment.clear();
          opcode = 0x00;
        }
        for (const std::size_t step : {std::size_t{1}, stream.size()}) {
          endpoint<own()> ws;
          CHECK(feed(ws, stream, step).words == "text(" + text + ") ");
        }
      }
    }
  });
}

TEST_CASE("5.4: a continuation frame with no message begun fails the connection with 1002", "[5.4]") {
  each_role([](auto own) {
    for (const unsigned first : {0x00U, 0x80U}) {
      const std::string continuation = frame_to(own, first, "a").substr(0, 2);
      check_fails<own()>(continuation, error::continuation_unexpected, 1002);
      check_fails<own()>(frame_to(own, 0x81, "whole") + continuation, error::continuation_unexpected, 1002);
      check_fails<own()>(frame_to(own, 0x02, "a") + frame_to(own, 0x80, "b") + continuation,
                         error::continuation_unexpected, 1002);
      check_fails<own()>(frame_to(own, 0x8A, "") + continuation, error::continuation_unexpected, 1002);
    }
  });
}
