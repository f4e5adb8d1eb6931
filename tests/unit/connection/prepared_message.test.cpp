#include "sansocket/connection/prepared_message.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::to_hex;

static_assert(std::is_nothrow_move_constructible_v<prepared_message>);
static_assert(!std::is_copy_constructible_v<prepared_message>, "it owns its frame");

TEST_CASE("prepared_message: is the unmasked frame of the RFC's examples", "[prepared_message][5.7]") {
  const auto text = prepared_message::text("Hello");
  REQUIRE(text);
  CHECK(to_hex(text->frame()) == "81 05 48 65 6c 6c 6f");
  const auto binary = prepared_message::binary(bytes_of("ab"));
  REQUIRE(binary);
  CHECK(to_hex(binary->frame()) == "82 02 61 62");
}

TEST_CASE("prepared_message: an empty message is a frame too", "[prepared_message][5.6]") {
  CHECK(to_hex(prepared_message::text("")->frame()) == "81 00");
  CHECK(to_hex(prepared_message::binary({})->frame()) == "82 00");
}

TEST_CASE("prepared_message: has the length in the fewest bytes", "[prepared_message][5.2]") {
  const auto head = [](std::size_t size, std::size_t count) {
    const exact_buffer payload(size);
    const auto message = prepared_message::binary(payload.view());
    REQUIRE(message);
    CHECK(message->frame().size() == count + size);
    return to_hex(message->frame().first(count));
  };
  CHECK(head(125, 2) == "82 7d");
  CHECK(head(126, 4) == "82 7e 00 7e");
  CHECK(head(65'535, 4) == "82 7e ff ff");
  CHECK(head(65'536, 10) == "82 7f 00 00 00 00 00 01 00 00");
}

TEST_CASE("prepared_message: refuses text that is not UTF-8", "[prepared_message][5.6]") {
  CHECK(prepared_message::text("\xE2\x82").error() == error::payload_not_utf8);
  CHECK(prepared_message::text("\xED\xA0\x80").error() == error::payload_not_utf8);
  CHECK(prepared_message::text("\xE2\x82\xAC"));
  CHECK(prepared_message::binary(bytes_of("\xE2\x82")));
}

TEST_CASE("prepared_message: keeps its own copy and can be moved", "[prepared_message]") {
  std::string payload = "Hello";
  auto message = prepared_message::text(payload);
  payload.assign(5, '-');
  REQUIRE(message);
  const prepared_message moved = std::move(*message);
  CHECK(to_hex(moved.frame()) == "81 05 48 65 6c 6c 6f");
}

TEST_CASE("prepared_message: one that was never made holds nothing", "[prepared_message]") {
  CHECK(prepared_message().frame().empty());
  CHECK(prepared_message().compressed_frame().empty());
  CHECK(prepared_message().payload().empty());
  CHECK(prepared_message().window_bits() == 0);
}

TEST_CASE("prepared_message: shows what was encoded, and of which type it is", "[prepared_message]") {
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65'535U, 65'536U}) {
    const std::string text(size, 'x');
    const auto message = prepared_message::text(text);
    REQUIRE(message);
    CHECK(message->type() == message_type::text);
    CHECK((text_of(message->payload()) == text));
    CHECK(message->compressed_frame().empty());
    CHECK(message->window_bits() == 0);
  }
  const auto binary = prepared_message::binary(bytes_of("ab"));
  REQUIRE(binary);
  CHECK(binary->type() == message_type::binary);
  CHECK(text_of(binary->payload()) == "ab");
}

// With an extension

namespace {

/// What was made of a message and an extension.
std::string compressed_hex(const result<prepared_message>& message) {
  REQUIRE(message);
  return to_hex(message->compressed_frame());
}

/// An extension that compresses any message to "zip", or fails.
struct zipping {
  std::uint8_t independent = 11;
  std::size_t threshold = 0;
  error fails_with = error::none;
  std::string finished{};

  bool active() const { return true; }
  transform_step inflate(const_bytes, bytes, bool) { return {}; }
  error finish_inflate() { return error::none; }
  bool wants(std::size_t size) const { return size >= threshold; }
  transform_step deflate(const_bytes in, bytes out) {
    if (fails_with != error::none) return {.fault = fails_with};
    std::ranges::copy(bytes_of("zip\x00\x00\xFF\xFF"), out.begin());
    return {.used = in.size(), .made = 7};
  }
  void finish_deflate(bool sent) { finished += sent ? 's' : '-'; }
  std::uint8_t independent_window_bits() const { return independent; }
  void release() {}
};

}  // namespace

TEST_CASE("prepared_message: has a compressed form too if it was made with an extension",
          "[prepared_message][rfc7692][6.1]") {
  zipping extension;
  const auto text = prepared_message::text("Hello", extension);
  REQUIRE(text);
  CHECK(to_hex(text->frame()) == "81 05 48 65 6c 6c 6f");
  CHECK(to_hex(text->compressed_frame()) == "c1 03 7a 69 70");
  CHECK(text->window_bits() == 11);
  CHECK(text_of(text->payload()) == "Hello");
  CHECK(text->type() == message_type::text);
  CHECK(compressed_hex(prepared_message::binary(bytes_of("Hello"), extension)) == "c2 03 7a 69 70");
  CHECK(extension.finished == "--");  // no connection has sent it
  CHECK(prepared_message::text("\xE2\x82", extension).error() == error::payload_not_utf8);
  CHECK(extension.finished == "--");
}

TEST_CASE("prepared_message: has no compressed form where none is worth it or could be sent",
          "[prepared_message][rfc7692][7.1.1]") {
  zipping extension{.threshold = 5};
  for (const std::string_view text : {"", "abc", "abcd"}) {
    const auto message = prepared_message::text(text, extension);  // below the threshold
    CHECK(compressed_hex(message).empty());
    CHECK(message->window_bits() == 0);
    CHECK(text_of(message->payload()) == text);
  }
  CHECK(extension.finished.empty());
  extension.threshold = 0;
  for (const std::string_view text : {"", "a", "abc"}) {
    const auto message = prepared_message::text(text, extension);  // it does not shrink
    CHECK(compressed_hex(message).empty());
    CHECK(message->window_bits() == 0);
    CHECK(text_of(message->payload()) == text);
  }
  CHECK(extension.finished == "---");
  // Context is taken over: the message would not stand for itself.
  zipping dependent{.independent = 0};
  CHECK(compressed_hex(prepared_message::text("Hello", dependent)).empty());
  CHECK(dependent.finished.empty());
}

TEST_CASE("prepared_message: says so when it cannot be compressed", "[prepared_message]") {
  zipping extension{.fails_with = error::out_of_memory};
  CHECK(prepared_message::text("Hello", extension).error() == error::out_of_memory);
  CHECK(prepared_message::binary(bytes_of("Hello"), extension).error() == error::out_of_memory);
  CHECK(extension.finished == "--");
}

TEST_CASE("prepared_message: with zlib, is what RFC 7692 shows, each time anew",
          "[prepared_message][rfc7692][7.2.3.1]") {
  deflate_pool pool({.threshold = 0});
  // "Hello" does not shrink: f2 48 cd c9 c9 07 00.
  CHECK(compressed_hex(prepared_message::text("Hello", independent_deflate(pool))).empty());
  for (int i = 0; i < 3; ++i) {
    // 16 times 'a', as Python's zlib.compressobj(6, DEFLATED, -15) and Z_SYNC_FLUSH have it.
    const auto message = prepared_message::text("aaaaaaaaaaaaaaaa", independent_deflate(pool, 10));
    CHECK(compressed_hex(message) == "c1 06 4a 4c 44 05 00 00");
    CHECK(message->window_bits() == 10);
  }
  CHECK(pool.idle() == 2);
  // zlib does not compress with 8 bits.
  CHECK(compressed_hex(prepared_message::text("aaaaaaaaaaaaaaaa", independent_deflate(pool, 8))).empty());
}
