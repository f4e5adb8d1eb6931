#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"
#include "wire_frames.hpp"

using namespace sansocket;
using sansocket::tests::check_fails;
using sansocket::tests::endpoint;
using sansocket::tests::every_kind_of_frame;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::frames_of;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;
using sansocket::tests::wire_frame;

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
