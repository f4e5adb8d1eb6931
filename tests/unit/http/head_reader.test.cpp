#include "sansocket/http/head_reader.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

// §1.3.
constexpr std::string_view example_request =
    "GET /chat HTTP/1.1\r\n"
    "Host: server.example.com\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";

/// Counts what is done to it, and can have no room left. The reader owns its buffer, so the counts lie outside.
struct counting_buffer {
  static inline std::size_t appended = 0;
  static inline std::size_t looked_at = 0;
  static inline bool has_room = true;

  static void reset() {
    appended = looked_at = 0;
    has_room = true;
  }

  heap_buffer inner;

  std::size_t size() const { return inner.size(); }
  std::size_t capacity() const { return inner.capacity(); }
  static std::size_t max_size() { return heap_buffer::max_size(); }
  bytes view() {
    ++looked_at;
    return inner.view();
  }
  const_bytes view() const {
    ++looked_at;
    return inner.view();
  }
  bytes extend(std::size_t count, std::size_t most) {
    if (!has_room) return {};
    appended += count;
    return inner.extend(count, most);
  }
  void truncate(std::size_t size) { inner.truncate(size); }
  void erase(std::size_t position, std::size_t count) { inner.erase(position, count); }
  void clear() { inner.clear(); }
  void release() { inner.release(); }
};

/// Feeds one piece; the block that it lay in is gone afterwards, so going back to it is a sanitizer report.
template <class Buffer>
partial<std::string_view> feed(head_reader<Buffer>& reader, std::string_view piece, std::string* left = nullptr) {
  exact_buffer exact(piece);
  bytes input = exact.view();
  const auto outcome = reader.read(input);
  if (left != nullptr) *left = text_of(input);
  return outcome;
}

}  // namespace

TEST_CASE("head_reader: gives a head that comes in one piece", "[head_reader][1.3]") {
  head_reader reader(head_kind::request);
  CHECK(reader.untouched());
  CHECK_FALSE(reader.complete());
  std::string left;
  const auto text = feed(reader, std::string(example_request) + "\x81\x80", &left);
  REQUIRE(text.complete());
  CHECK(*text == example_request);
  CHECK(reader.text() == example_request);
  CHECK(reader.complete());
  CHECK_FALSE(reader.untouched());
  CHECK(left == "\x81\x80");
}

// Invariant: where a head is cut changes neither the text nor what is left.
TEST_CASE("head_reader: gives the same head at every cut", "[head_reader]") {
  const std::string stream = std::string(example_request) + "behind";
  for (std::size_t cut = 0; cut < example_request.size(); ++cut) {
    head_reader reader(head_kind::request);
    std::string left;
    REQUIRE(feed(reader, stream.substr(0, cut), &left).missing() == 1);
    REQUIRE(left.empty());
    REQUIRE(reader.untouched() == (cut == 0));
    REQUIRE(reader.text() == example_request.substr(0, cut));
    const auto text = feed(reader, stream.substr(cut), &left);
    REQUIRE(text.complete());
    REQUIRE(*text == example_request);
    REQUIRE(left == "behind");
  }
}

TEST_CASE("head_reader: a head of 64 KiB byte by byte costs each byte once", "[head_reader][10.4]") {
  std::string head = "GET / HTTP/1.1\r\n";
  while (head.size() < 65'536 - 200) head += "Field: " + std::string(100, 'x') + "\r\n";
  head += "Last: " + std::string(65'536 - head.size() - 10, 'y') + "\r\n\r\n";
  REQUIRE(head.size() == 65'536);

  counting_buffer::reset();
  head_reader<counting_buffer> reader(head_kind::request, {.bytes = 65'536, .fields = 1000});
  for (std::size_t i = 0; i + 1 < head.size(); ++i) {
    if (feed(reader, std::string_view(head).substr(i, 1)).missing() != 1) FAIL("byte " << i);
  }
  // Nothing of what is kept was read again on the way.
  CHECK(counting_buffer::appended == head.size() - 1);
  CHECK(counting_buffer::looked_at == 0);

  const auto text = feed(reader, std::string_view(head).substr(head.size() - 1));
  REQUIRE(text.complete());
  CHECK(*text == head);
  CHECK(counting_buffer::appended == head.size());
  CHECK(counting_buffer::looked_at == 1);
}

TEST_CASE("head_reader: keeps nothing of what is behind the head", "[head_reader]") {
  counting_buffer::reset();
  head_reader<counting_buffer> reader(head_kind::request);
  REQUIRE(feed(reader, std::string(example_request) + std::string(100'000, 'x')).complete());
  CHECK(counting_buffer::appended == example_request.size());
}

TEST_CASE("head_reader: gives the head again, and takes nothing more", "[head_reader]") {
  head_reader reader(head_kind::request);
  REQUIRE(feed(reader, example_request).complete());
  std::string left;
  const auto again = feed(reader, "behind", &left);
  REQUIRE(again.complete());
  CHECK(*again == example_request);
  CHECK(left == "behind");
}

TEST_CASE("head_reader: reads responses too", "[head_reader]") {
  head_reader reader(head_kind::response);
  CHECK(feed(reader, "HTTP/1.1 101 Swit").missing() == 1);
  CHECK(*feed(reader, "ching Protocols\r\n\r\n") == "HTTP/1.1 101 Switching Protocols\r\n\r\n");

  head_reader malformed(head_kind::response);
  CHECK(feed(malformed, "GET").error() == error::status_line_malformed);
}

TEST_CASE("head_reader: a fault is found at its byte, takes nothing off and stays", "[head_reader]") {
  struct row {
    std::string_view text;
    error fault;
  };
  for (const row& each :
       {row{"GET / HTTP/1.10", error::request_line_malformed}, row{"GET / HTTP/1.1\r\nHost ", error::field_malformed},
        row{"GET / HTTP/1.1\r\nHost: a\n", error::field_malformed}}) {
    INFO(each.text);
    head_reader reader(head_kind::request);
    CHECK(feed(reader, each.text.substr(0, each.text.size() - 1)).missing() == 1);
    std::string left;
    CHECK(feed(reader, each.text.substr(each.text.size() - 1), &left).error() == each.fault);
    CHECK(left.size() == 1);
    CHECK_FALSE(reader.complete());
    CHECK(feed(reader, "\r\n\r\n", &left).error() == each.fault);
    CHECK(left == "\r\n\r\n");
    CHECK_FALSE(reader.complete());
  }
}

TEST_CASE("head_reader: the limits are exact, in one piece and byte by byte", "[head_reader][10.4]") {
  const std::size_t size = example_request.size();
  for (const std::size_t limit : {size - 1, size}) {
    const head_limits limits{.bytes = limit};
    head_reader whole(head_kind::request, limits);
    head_reader slow(head_kind::request, limits);
    error fault = error::none;
    for (const char& c : example_request) fault = feed(slow, std::string_view(&c, 1)).error();
    CHECK(fault == (limit < size ? error::head_too_large : error::none));
    CHECK(feed(whole, example_request).error() == fault);
    CHECK(whole.complete() == (limit == size));
    CHECK(slow.complete() == (limit == size));
  }

  head_reader four(head_kind::request, {.fields = 4});
  CHECK(feed(four, example_request).error() == error::too_many_fields);
  head_reader five(head_kind::request, {.fields = 5});
  CHECK(feed(five, example_request).complete());
}

TEST_CASE("head_reader: keeps no more than the limit, whatever is sent", "[head_reader][10.4]") {
  counting_buffer::reset();
  head_reader<counting_buffer> reader(head_kind::request, {.bytes = 1000});
  error fault = error::none;
  for (int i = 0; i < 100 && fault == error::none; ++i) fault = feed(reader, std::string(97, 'G')).error();
  CHECK(fault == error::head_too_large);
  CHECK(counting_buffer::appended <= 1000);
}

TEST_CASE("head_reader: works without a heap", "[head_reader]") {
  head_reader<inplace_buffer<example_request.size()>> reader(head_kind::request);
  CHECK(feed(reader, example_request.substr(0, 30)).missing() == 1);
  CHECK(*feed(reader, example_request.substr(30)) == example_request);
}

TEST_CASE("head_reader: a head that outgrows a fixed buffer is too large", "[head_reader][10.4]") {
  head_reader<inplace_buffer<30>> reader(head_kind::request);
  CHECK(feed(reader, example_request.substr(0, 30)).missing() == 1);
  std::string left;
  CHECK(feed(reader, example_request.substr(30, 1), &left).error() == error::head_too_large);
  CHECK(left.size() == 1);
}

TEST_CASE("head_reader: a heap that has no room left is told from a head that is too large", "[head_reader]") {
  counting_buffer::reset();
  head_reader<counting_buffer> reader(head_kind::request);
  CHECK(feed(reader, "GET ").missing() == 1);
  counting_buffer::has_room = false;
  std::string left;
  CHECK(feed(reader, "/ HTTP/1.1\r\n", &left).error() == error::out_of_memory);
  CHECK(left == "/ HTTP/1.1\r\n");
}

TEST_CASE("head_reader: a head that could not be kept is not complete", "[head_reader]") {
  // All of it in one chunk: its end was seen, but there is no text.
  head_reader<inplace_buffer<30>> fixed(head_kind::request);
  REQUIRE(feed(fixed, example_request).error() == error::head_too_large);
  CHECK_FALSE(fixed.complete());

  counting_buffer::reset();
  counting_buffer::has_room = false;
  head_reader<counting_buffer> exhausted(head_kind::request);
  REQUIRE(feed(exhausted, example_request).error() == error::out_of_memory);
  CHECK_FALSE(exhausted.complete());
}

TEST_CASE("head_reader: no head is made of the bytes around those that could not be kept", "[head_reader]") {
  head_reader<inplace_buffer<30>> fixed(head_kind::request);
  REQUIRE(feed(fixed, example_request.substr(0, 40)).error() == error::head_too_large);
  CHECK(feed(fixed, "\r\n\r\n").error() == error::head_too_large);
  CHECK_FALSE(fixed.complete());
}

TEST_CASE("head_reader: an empty chunk changes nothing", "[head_reader]") {
  head_reader reader(head_kind::request);
  CHECK(feed(reader, "").missing() == 1);
  CHECK(reader.untouched());
  CHECK(feed(reader, "GET").missing() == 1);
  CHECK(feed(reader, "").missing() == 1);
  CHECK(reader.text() == "GET");
}
