#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::heard;
using sansocket::tests::take_sent;
using sansocket::tests::to_hex;

namespace {

/// Streams that break a rule, each in another layer.
std::vector<std::string> faults_for(role own) {
  return {frame_to(own, 0x83, ""),        frame_to(own, 0xC1, "a"),    frame_to(own, 0x80, "a"),
          frame_to(own, 0x81, "\xFF"),    frame_to(own, 0x88, "\x03"), frame_to(peer_of(own), 0x81, "a"),
          frame_to(own, 0x88, "\x03\xED")};
}

template <role Own>
void check_transport_after_failure() {
  for (const std::string& fault : faults_for(Own)) {
    CAPTURE(to_hex(bytes_of(std::string_view(fault))));
    endpoint<Own> ws;
    REQUIRE(ws.send_text("waiting") == error::none);
    CHECK_FALSE(feed(ws, fault).why.clean());
    // The Close that says why goes first.
    std::string wire;
    while (ws.buffered() != 0) {
      CHECK(ws.transport() == transport_action::keep);
      wire += text_of(ws.output().first(1));
      REQUIRE(ws.sent(1) == error::none);
    }
    CHECK(ws.transport() == transport_action::close);
    const std::size_t text_size = Own == role::server ? 9 : 13;
    CHECK(wire.size() > text_size + 2);
    CHECK(wire.substr(text_size, 1) == "\x88");
    // Without waiting for the peer's Close, and none of it changes that.
    feed(ws, frame_to(Own, 0x88, ""));
    CHECK(ws.transport() == transport_action::close);

    endpoint<Own> closing;
    REQUIRE(closing.send_close() == error::none);
    REQUIRE(closing.sent(closing.buffered()) == error::none);
    CHECK_FALSE(feed(closing, fault).why.clean());
    CHECK(closing.buffered() == 0);
    CHECK(closing.transport() == transport_action::close);
  }
}
}  // namespace

TEST_CASE("7.1.7: a client that fails the connection is to close its transport", "[7.1.7]") {
  check_transport_after_failure<role::client>();
}

TEST_CASE("7.1.7: a server that fails the connection is to close its transport", "[7.1.7]") {
  check_transport_after_failure<role::server>();
}

TEST_CASE("7.1.7: after failing the connection nothing received is processed, not even a Close", "[7.1.7]") {
  each_role([](auto own) {
    const std::string behind =
        frame_to(own, 0x81, "text") + frame_to(own, 0x89, "ping") + frame_to(own, 0x88, "\x03\xE8");
    for (const std::string& fault : faults_for(own)) {
      CAPTURE(own() == role::server, to_hex(bytes_of(std::string_view(fault))));
      // In the same chunk, in the next ones, and byte by byte.
      for (std::size_t step = 1; step <= fault.size() + behind.size(); ++step) {
        endpoint<own()> ws;
        const heard seen = feed(ws, fault + behind, step);
        CHECK(seen.words == "closed() ");
        CHECK_FALSE(seen.why.clean());
        CHECK(seen.why.received == close_code::abnormal);
        const std::string sent = take_sent(ws);
        CHECK(sent.substr(0, 2) == "88");
        CHECK(sent.size() ==
              std::size_t{3} * (2 + std::stoul(sent.substr(3, 2), nullptr, 16)) - 1);  // nothing behind it
        CHECK(feed(ws, behind).words.empty());
        CHECK(ws.buffered() == 0);
        ws.receive_eof();
        CHECK_FALSE(ws.poll());
      }
    }
  });
}
