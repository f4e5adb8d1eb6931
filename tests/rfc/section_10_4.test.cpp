#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::foreseeable;
using sansocket::tests::frame_to;
using sansocket::tests::from_hex;

namespace {

/// A message buffer that cannot hold a byte.
struct no_buffer : heap_buffer {
  static bytes extend(std::size_t /*count*/, std::size_t /*most*/ = 0) noexcept { return {}; }
};
struct no_memory : foreseeable {
  using message_buffer = no_buffer;
};
template <role Own>
using limited = connection<Own, no_memory>;
}  // namespace

TEST_CASE(
    "10.4: a frame over the frame limit fails the connection with 1009 at its header, and its length alone allocates "
    "nothing",
    "[10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      for (const auto& [limit, length] : {std::pair{std::uint64_t{10}, "0b"}, std::pair{std::uint64_t{125}, "7e 00 7e"},
                                          std::pair{std::uint64_t{65'535}, "7f 00 00 00 00 00 01 00 00"},
                                          std::pair{std::uint64_t{65'535}, "7f 7f ff ff ff ff ff ff ff"}}) {
        std::string header = from_hex("82") + from_hex(length);
        if (own() == role::server) {
          header[1] = static_cast<char>(header[1] | '\x80');
          header += "key!";
        }
        for (std::size_t step = 1; step <= header.size(); ++step) {
          CAPTURE(own() == role::server, limit, step);
          limited<own()> ws({.limits = {.frame = limit, .message = unlimited}, .delivery = how});
          const close_report why = feed(ws, header, step).why;
          CHECK(why.fault == error::frame_too_big);
          CHECK(why.sent == close_code::message_too_big);
        }
      }
      // Exactly the limit is no fault.
      limited<own()> ws({.limits = {.frame = 10}, .delivery = how});
      CHECK(feed(ws, frame_to(own, 0x82, "0123456789")).words == "binary(0123456789) ");
    }
    // Without a frame limit, the length alone is no reason to take memory.
    limited<own()> ws({.limits = {.message = unlimited}});
    CHECK(feed(ws, own() == role::server ? from_hex("82 ff 00 00 00 ff ff ff ff ff 01 02 03 04")
                                         : from_hex("82 7f 00 00 00 ff ff ff ff ff"))
              .words.empty());
    CHECK(ws.is_open());
  });
}

TEST_CASE("10.4: fragments that add up to more than the message limit fail the connection with 1009", "[10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const connection_options ten{.limits = {.message = 10}, .delivery = how};
      const std::string start = frame_to(own, 0x02, "0123") + frame_to(own, 0x00, "4567");
      const std::string too_much = frame_to(own, 0x80, "89a");
      for (std::size_t step = 1; step <= start.size(); ++step) {
        CAPTURE(own() == role::server, step);
        endpoint<own()> ws(ten);
        feed(ws, start, step);
        CHECK(ws.is_open());
        // At the header of the frame that is too much, before any of its payload.
        const close_report why = feed(ws, too_much.substr(0, too_much.size() - 3), step).why;
        CHECK(why.fault == error::message_too_big);
        CHECK(why.sent == close_code::message_too_big);
        endpoint<own()> exact(ten);
        feed(exact, start + frame_to(own, 0x80, "89"), step);
        feed(exact, frame_to(own, 0x82, "0123456789"), step);  // each message is counted by itself
        CHECK(exact.is_open());
      }
      endpoint<own()> one_frame(ten);
      CHECK(feed(one_frame, frame_to(own, 0x82, "0123456789a")).why.fault == error::message_too_big);
    }
  });
}

TEST_CASE("10.4: a message of more fragments than the limit allows fails the connection", "[10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const connection_options three{.limits = {.fragments = 3}, .delivery = how};
      const std::string start = frame_to(own, 0x02, "") + frame_to(own, 0x00, "a") + frame_to(own, 0x8A, "");
      for (std::size_t step = 1; step <= start.size(); ++step) {
        endpoint<own()> ws(three);
        feed(ws, start + frame_to(own, 0x00, ""), step);
        CHECK(ws.is_open());
        const close_report why = feed(ws, frame_to(own, 0x80, ""), step).why;
        CHECK(why.fault == error::too_many_fragments);
        CHECK(why.sent == close_code::policy_violation);
        endpoint<own()> exact(three);
        feed(exact, start + frame_to(own, 0x80, "") + start + frame_to(own, 0x80, ""), step);
        CHECK(exact.is_open());
      }
    }
  });
}

TEST_CASE("10.4: every limit is on unless it is lifted", "[10.4]") {
  each_role([](auto own) {
    const std::string header = own() == role::server ? from_hex("82 ff 00 00 00 00 00 10 00 01 01 02 03 04")
                                                     : from_hex("82 7f 00 00 00 00 00 10 00 01");
    endpoint<own()> ws;  // 1 MiB and one byte
    CHECK(feed(ws, header).why.fault == error::message_too_big);
    endpoint<own()> fragments;
    std::string stream = frame_to(own, 0x02, "");
    for (int i = 0; i < 16 * 1024; ++i) stream += frame_to(own, 0x00, "");
    CHECK(feed(fragments, stream).why.fault == error::too_many_fragments);
  });
}

namespace {

struct deflating : foreseeable {
  template <role Role>
  using extension = permessage_deflate<Role>;
};

}  // namespace

TEST_CASE("10.4: the message limit binds what a compressed message inflates to, and fails the connection with 1009",
          "[10.4]") {
  // 100'000 times 'a', made with Python's zlib.compressobj(9, DEFLATED, -15, 9) and Z_SYNC_FLUSH: 115 bytes.
  const std::string many =
      from_hex("ec c1 31 01 00 00 00 c2 a0 ac eb 5f c2 1a 1e 40 01") + std::string(96, '\0') + from_hex("af 06");
  each_role([&](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      for (const std::uint64_t limit : {std::uint64_t{50'000}, std::uint64_t{99'999}, std::uint64_t{100'000}}) {
        for (const std::size_t step : {1U, 50U, 1000U}) {
          CAPTURE(own() == role::server, limit, step);
          deflate_pool pool;
          connection<own(), deflating> ws({deflate_agreement{}, pool}, {.limits = {.message = limit}, .delivery = how});
          const auto seen = feed(ws, frame_to(own, 0xC2, many), step);
          CHECK(seen.why.fault == (limit < 100'000 ? error::message_too_big : error::none));
          CHECK(seen.why.sent == (limit < 100'000 ? close_code::message_too_big : close_code::none));
          const auto given = static_cast<std::size_t>(std::count(seen.words.begin(), seen.words.end(), 'a'));
          if (limit == 100'000) CHECK(given >= 100'000);
          else if (how == delivery::messages) CHECK(given < 10);
        }
      }
    }
  });
}
