#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// A frame as it lies on the wire.
struct wire_frame {
  unsigned first = 0;
  bool masked = false;
  std::string key;
  std::string payload;  // the mask, if there is one, taken off by hand
};

/// Takes a wire apart into its frames, by hand: of at most 125 bytes each.
std::vector<wire_frame> frames_of(std::string_view wire) {
  std::vector<wire_frame> out;
  while (!wire.empty()) {
    wire_frame frame;
    frame.first = static_cast<unsigned char>(wire.at(0));
    const auto second = static_cast<unsigned char>(wire.at(1));
    frame.masked = (second & 0x80U) != 0;
    wire.remove_prefix(2);
    if (frame.masked) frame.key = wire.substr(0, 4);
    wire.remove_prefix(frame.key.size());
    REQUIRE(wire.size() >= (second & 0x7FU));
    frame.payload = wire.substr(0, second & 0x7FU);
    wire.remove_prefix(frame.payload.size());
    for (std::size_t i = 0; frame.masked && i < frame.payload.size(); ++i) {
      frame.payload[i] = static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
    }
    out.push_back(frame);
  }
  return out;
}

/// Has one end send every kind of frame that it can send: the whole wire.
template <role Own>
std::string every_kind_of_frame(endpoint<Own>& ws) {
  REQUIRE(ws.send_text("whole") == error::none);
  REQUIRE(ws.send_binary({}) == error::none);
  REQUIRE(ws.send_text("fragmented") == error::none);  // more than the fragment size
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("first"), false) == error::none);
  REQUIRE(ws.send_ping(bytes_of("ping")) == error::none);
  REQUIRE(ws.send_pong(bytes_of("pong")) == error::none);
  feed(ws, frame_to(Own, 0x89, "asked"));
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("last"), true) == error::none);
  if constexpr (Own == role::server) {
    REQUIRE(ws.send(*prepared_message::text("prep")) == error::none);
    REQUIRE(ws.send_lent(message_type::text, bytes_of("lent")) == error::none);
    REQUIRE(ws.settle() == error::none);
  }
  REQUIRE(ws.send_close(close_code::normal, "bye") == error::none);
  return std::string(text_of(ws.output()));
}
}  // namespace

TEST_CASE("5.1: every frame that a client sends is masked", "[5.1]") {
  endpoint<role::client> ws({.fragment_size = 5});
  const auto frames = frames_of(every_kind_of_frame(ws));
  std::string payloads;
  for (const wire_frame& frame : frames) {
    CHECK(frame.masked);
    payloads += frame.payload + " ";
  }
  CHECK(payloads ==
        "whole  fragm ented first ping pong asked last \x03\xE8"
        "bye ");

  // The Close that fails the connection, and the one that answers.
  endpoint<role::client> failed;
  feed(failed, frame_to(role::client, 0x83, ""));
  CHECK(frames_of(text_of(failed.output())).at(0).masked);
  endpoint<role::client> answered;
  feed(answered, frame_to(role::client, 0x88, "\x03\xE8"));
  CHECK(to_hex(answered.output()) == "88 82 00 01 02 03 03 e9");  // 03^00 e8^01
}

TEST_CASE("5.1: no frame that a server sends is masked", "[5.1]") {
  endpoint<role::server> ws({.fragment_size = 5});
  const auto frames = frames_of(every_kind_of_frame(ws));
  std::string payloads;
  for (const wire_frame& frame : frames) {
    CHECK_FALSE(frame.masked);
    payloads += frame.payload + " ";
  }
  CHECK(payloads ==
        "whole  fragm ented first ping pong asked last prep lent \x03\xE8"
        "bye ");

  endpoint<role::server> failed;
  feed(failed, frame_to(role::server, 0x83, ""));
  CHECK_FALSE(frames_of(text_of(failed.output())).at(0).masked);
  endpoint<role::server> answered;
  feed(answered, frame_to(role::server, 0x88, "\x03\xE8"));
  CHECK(to_hex(answered.output()) == "88 02 03 e8");
}

TEST_CASE("5.1: an unmasked frame fails a server with 1002 and its transport is to be closed", "[5.1]") {
  for (const std::string_view header : {"81 05", "01 00", "82 7e", "82 7f", "88 00", "89 04", "8a 00"}) {
    check_fails<role::server>(from_hex(header), error::mask_missing, 1002);
  }
  // Also behind frames that are as they should be.
  check_fails<role::server>(frame_to(role::server, 0x01, "a") + from_hex("80 00"), error::mask_missing, 1002);
}

TEST_CASE("5.1: a masked frame fails a client with 1002 and its transport is to be closed", "[5.1]") {
  for (const std::string_view header : {"81 85", "01 80", "82 fe", "82 ff", "88 80", "89 84", "8a 80"}) {
    check_fails<role::client>(from_hex(header), error::mask_forbidden, 1002);
  }
  check_fails<role::client>(frame_to(role::client, 0x01, "a") + from_hex("80 80"), error::mask_forbidden, 1002);
}
