#include "sansocket/connection/extension.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// An extension that makes of a part of a message what it was told to, and writes down how it was asked.
struct scripted {
  std::string makes{};               // of the next part
  std::size_t takes_at_once = 1000;  // bytes of the input
  std::size_t fails_at = 1000;       // the call that does
  error fails_with = error::out_of_memory;
  std::size_t calls = 0;
  std::size_t least_room = 1000'000;
  std::string taken{};

  bool active() const { return true; }
  transform_step inflate(const_bytes, bytes, bool) { return {}; }
  error finish_inflate() { return error::none; }
  bool wants(std::size_t) const { return true; }
  transform_step deflate(const_bytes in, bytes out) {
    least_room = std::min(least_room, out.size());
    if (calls++ == fails_at) return {.fault = fails_with};
    const std::size_t used = std::min(in.size(), takes_at_once);
    taken += text_of(in.first(used));
    const std::size_t made = std::min(makes.size(), out.size());
    std::ranges::copy(bytes_of(std::string_view(makes)).first(made), out.begin());
    makes.erase(0, made);
    return {.used = used, .made = made};
  }
  void finish_deflate(bool) {}
  std::uint8_t independent_window_bits() const { return 0; }
  void release() {}
};

const std::string tail = from_hex("00 00 ff ff");

std::string hex(const heap_buffer& buffer) { return to_hex(buffer.view()); }

}  // namespace

static_assert(message_extension<scripted>);
static_assert(!message_extension<no_extension>, "it asks for nothing and costs nothing");
static_assert(std::is_empty_v<no_extension>);
static_assert(!message_extension<int>);
static_assert(compression{} == compression::automatic);

TEST_CASE("extension: what is compressed whole loses the four bytes that RFC 7692 takes off",
          "[extension][rfc7692][7.2.1]") {
  scripted extension{.makes = "zip" + tail};
  heap_buffer packed;
  CHECK(detail::compress(extension, bytes_of("Hello"), packed) == error::none);
  CHECK(hex(packed) == "7a 69 70");
  CHECK(extension.taken == "Hello");
}

TEST_CASE("extension: a message that does not shrink is not taken", "[extension]") {
  for (std::size_t size = 4; size < 600; size += size < 20 ? 1 : 97) {
    CAPTURE(size);
    const exact_buffer payload(std::string(300, 'p'));
    scripted extension{.makes = std::string(size, 'z') + tail};
    heap_buffer packed;
    const error fault = detail::compress(extension, payload.view(), packed);
    CHECK(fault == (size < 300 ? error::none : error::would_block));
    if (size < 300) CHECK(packed.size() == size);
  }
  // To the byte.
  for (const std::size_t size : {298U, 299U, 300U, 301U}) {
    const exact_buffer payload(std::string(300, 'p'));
    scripted extension{.makes = std::string(size, 'z') + tail};
    heap_buffer packed;
    CHECK(detail::compress(extension, payload.view(), packed) == (size < 300 ? error::none : error::would_block));
  }
  // No message is smaller than one without a byte.
  scripted extension{.makes = tail};
  heap_buffer packed;
  CHECK(detail::compress(extension, {}, packed) == error::would_block);
  CHECK(extension.calls == 0);
}

TEST_CASE("extension: a piece keeps all that was made of it", "[extension][rfc7692][7.2.1]") {
  scripted extension{.makes = "zip" + tail};
  heap_buffer packed;
  CHECK(detail::compress_piece(extension, bytes_of("Hello"), packed, 100) == error::none);
  CHECK(hex(packed) == "7a 69 70 00 00 ff ff");
  // The next is put behind it; of nothing may come nothing.
  extension.makes = "y" + tail;
  CHECK(detail::compress_piece(extension, bytes_of("!"), packed, 100) == error::none);
  CHECK(hex(packed) == "7a 69 70 00 00 ff ff 79 00 00 ff ff");
  heap_buffer none;
  CHECK(detail::compress_piece(extension, {}, none, 100) == error::none);
  CHECK(none.size() == 0);
  CHECK(extension.taken == "Hello!");
}

TEST_CASE("extension: more than a piece may come to is refused, to the byte", "[extension]") {
  for (const std::size_t most : {0U, 1U, 4U, 10U, 255U, 256U, 257U, 1000U, 5000U}) {
    for (const std::size_t size :
         {most - std::min<std::size_t>(most, 1), most, most + 1, most + 7, most + 8, most + 9}) {
      CAPTURE(most, size);
      scripted extension{.makes = std::string(size, 'z')};
      heap_buffer packed;
      CHECK(detail::compress_piece(extension, bytes_of("Hello"), packed, most) ==
            (size <= most ? error::none : error::would_block));
      if (size <= most) CHECK(packed.size() == size);
    }
  }
}

TEST_CASE("extension: gives room of at least eight bytes, and goes on until some is left", "[extension]") {
  for (const std::size_t takes : {1U, 3U, 1000U}) {
    for (const std::size_t size : {0U, 7U, 8U, 248U, 255U, 256U, 263U, 264U, 265U, 1000U, 4000U}) {
      CAPTURE(takes, size);
      const exact_buffer payload(std::string(500, 'p'));
      scripted extension{.makes = std::string(size, 'z'), .takes_at_once = takes};
      heap_buffer packed;
      CHECK(detail::compress_piece(extension, payload.view(), packed, 4000) == error::none);
      CHECK(packed.size() == size);
      CHECK(extension.taken.size() == 500);
      CHECK(extension.least_room >= 8);
    }
  }
}

TEST_CASE("extension: what the extension fails with is told", "[extension]") {
  for (const error what : {error::out_of_memory, error::random_failed}) {
    for (const std::size_t at : {0U, 1U, 2U}) {
      scripted extension{.makes = std::string(3000, 'z'), .fails_at = at, .fails_with = what};
      const exact_buffer payload(std::string(5000, 'p'));
      heap_buffer packed;
      CHECK(detail::compress_piece(extension, payload.view(), packed, 4000) == what);
      extension.calls = 0;
      extension.makes = std::string(3000, 'z');
      heap_buffer whole;
      CHECK(detail::compress(extension, payload.view(), whole) == what);
    }
  }
}

TEST_CASE("extension: takes no more memory than the most that may come", "[extension][10.4]") {
  scripted extension{.makes = std::string(100'000, 'z')};
  heap_buffer packed;
  CHECK(detail::compress_piece(extension, bytes_of("Hello"), packed, 1000) == error::would_block);
  CHECK(packed.capacity() <= 1008);
}

TEST_CASE("extension: what a piece can come to at most is its size, an eighth more and a flush", "[extension]") {
  STATIC_REQUIRE(detail::most_compressed(0) == 64);
  STATIC_REQUIRE(detail::most_compressed(7) == 71);
  STATIC_REQUIRE(detail::most_compressed(8) == 73);
  STATIC_REQUIRE(detail::most_compressed(80'000) == 90'064);
}
