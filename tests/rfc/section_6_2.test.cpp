#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::heard;
using sansocket::tests::take_sent;

TEST_CASE("6.2: bytes received are read as frames, however they were cut", "[6.2]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "Hello") + frame_to(own, 0x89, "p") + frame_to(own, 0x02, "a") +
                               frame_to(own, 0x80, std::string(125, 'b')) + frame_to(own, 0x82, "") +
                               frame_to(own, 0x88, "\x03\xE8why");
    const std::string words = "text(Hello) ping(p) binary(a" + std::string(125, 'b') + ") binary() closed(why) ";
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(own() == role::server, step);
      endpoint<own()> ws;
      CHECK(feed(ws, stream, step).words == words);
    }
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      CAPTURE(own() == role::server, cut);
      endpoint<own()> ws;
      const std::string before = feed(ws, stream.substr(0, cut)).words;
      CHECK(before + feed(ws, stream.substr(cut)).words == words);
    }
  });
}

TEST_CASE("6.2: each control frame is acted upon and never becomes part of a message", "[6.2]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x01, "a") + frame_to(own, 0x89, "ping") + frame_to(own, 0x00, "b") +
                               frame_to(own, 0x8A, "pong") + frame_to(own, 0x80, "c") + frame_to(own, 0x88, "\x03\xE9");
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(own() == role::server, step);
      endpoint<own()> ws;
      const heard seen = feed(ws, stream, step);
      CHECK(seen.words == "ping(ping) pong(pong) text(abc) closed() ");
      CHECK(seen.why.received == close_code::going_away);
      CHECK(take_sent(ws) == "8a 04 70 69 6e 67 88 02 03 e9");
    }
  });
}

TEST_CASE("6.2: a message has the type of its first frame", "[6.2]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "a") + frame_to(own, 0x82, "\xFF") + frame_to(own, 0x01, "b") +
                               frame_to(own, 0x80, "c") + frame_to(own, 0x02, "\xFE") + frame_to(own, 0x00, "\xFD") +
                               frame_to(own, 0x80, "\xFC");
    endpoint<own()> ws;
    CHECK(feed(ws, stream).words == "text(a) binary(\xFF) text(bc) binary(\xFE\xFD\xFC) ");
    endpoint<own()> pieces({.delivery = delivery::pieces});
    CHECK(feed(pieces, stream).words == "text(a) binary(\xFF) text(b) text(c) binary(\xFE) binary(\xFD) binary(\xFC) ");
  });
}

TEST_CASE("6.2: a data frame behind a final one begins a new message", "[6.2]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "a") + frame_to(own, 0x01, "b") + frame_to(own, 0x80, "c") +
                               frame_to(own, 0x82, "") + frame_to(own, 0x81, "d");
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      endpoint<own()> ws;
      CHECK(feed(ws, stream, step).words == "text(a) text(bc) binary() text(d) ");
    }
    endpoint<own()> pieces({.delivery = delivery::pieces});
    exact_buffer chunk(stream);
    REQUIRE(pieces.receive(chunk.view()) == error::none);
    std::string edges;
    pieces.drain(
        [&](const event& next) { edges += std::string(next.first ? "<" : "") + "." + (next.last ? ">" : ""); });
    CHECK(edges == "<.><..><.><.>");
  });
}

TEST_CASE("6.2: a server hands over payloads unmasked, wherever the frame was cut", "[6.2][5.3]") {
  for (const std::string_view key : {"37 fa 21 3d", "00 00 00 00", "ff 00 01 80"}) {
    for (std::size_t size = 0; size <= 40; ++size) {
      std::string payload;
      for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>(i * 7);
      std::string stream;
      // Twice: the second frame's mask begins anew.
      for (int i = 0; i < 2; ++i) {
        stream += '\x82';
        stream += static_cast<char>(0x80U | size);
        stream += from_hex(key);
        for (std::size_t at = 0; at < size; ++at) stream += static_cast<char>(payload[at] ^ from_hex(key)[at % 4]);
      }
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
          endpoint<role::server> ws({.delivery = how});
          std::string seen;
          for (const std::string& part : {stream.substr(0, cut), stream.substr(cut)}) {
            exact_buffer chunk(part);
            REQUIRE(ws.receive(chunk.view()) == error::none);
            ws.drain([&](const event& next) { seen += next.text(); });
          }
          CAPTURE(key, size, cut);
          REQUIRE(seen == payload + payload);
        }
      }
    }
  }
}
