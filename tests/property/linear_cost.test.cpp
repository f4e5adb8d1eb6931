// Invariant: what the peer sends, and what is sent to it, costs steps and copied bytes in proportion to its
// size, however it is cut, for messages as for heads.
#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "heap_meter.hpp"
#include "sansocket/sansocket.hpp"
#include "step_counter.hpp"

using namespace sansocket;
using tests::heap_meter;
using tests::steps_taken;

namespace {

/// What one piece of work took.
struct cost {
  double steps;
  double allocated;  // bytes of all blocks that were made on the way: more than what growing them copied
};

cost cost_of(const std::function<void()>& work) {
  const heap_meter heap;
  const auto before = steps_taken();
  work();
  return {static_cast<double>(steps_taken() - before), static_cast<double>(heap.total())};
}

/// Does work of ever four times the size, and holds the cost of each unit of the larger ones against that of
/// the smallest: what is square, even in a small part, would show in the last.
void require_linear(const std::function<std::function<void()>(std::size_t)>& prepare, std::size_t smallest) {
  const cost first = cost_of(prepare(smallest));
  REQUIRE(first.steps > static_cast<double>(smallest) / 256);  // it is counted
  for (std::size_t factor = 4; factor <= 64; factor *= 4) {
    INFO(factor << " times " << smallest);
    const auto work = prepare(smallest * factor);
    const cost larger = cost_of(work);
    const auto times = static_cast<double>(factor);
    CHECK(larger.steps <= 1.5 * times * first.steps);
    CHECK(larger.allocated <= 2 * times * std::max(first.allocated, 2.0 * static_cast<double>(smallest)));
  }
}

std::string text_of_size(std::size_t size) {
  const std::string_view words = "Straße und Fluß, \u65E5\u672C\u8A9E and plain words. ";
  std::string text;
  while (text.size() < size) text += words;
  text.resize(size);
  // A code point that is cut at the end makes way.
  text.resize(utf8_prefix(text, size - 4).size());
  return text;
}

std::string masked_frame(unsigned first, std::string payload) {
  std::array<std::byte, max_frame_header_size> header{};
  frame_header frame = decode_first_two(static_cast<std::byte>(first), std::byte{0x80});
  frame.payload_length = payload.size();
  frame.key = {std::byte{0x11}, std::byte{0x22}, std::byte{0x33}, std::byte{0x44}};
  const std::size_t size = *encode_frame_header(frame, header);
  apply_mask(bytes_of(payload), frame.key);
  return std::string(text_of(const_bytes(header).first(size))) + payload;
}

connection_options without_limits() {
  return {.limits = {.frame = unlimited, .message = unlimited, .fragments = unlimited}, .high_water = unlimited};
}

/// Has a server read a wire in chunks.
/// Gives: the messages that came.
std::size_t read(std::string& wire, std::size_t chunk) {
  server_connection ws{without_limits()};
  std::size_t messages = 0;
  for (bytes left = bytes_of(wire); !left.empty();) {
    const std::size_t count = std::min(chunk, left.size());
    REQUIRE(ws.receive(left.first(count)) == error::none);
    while (const event next = ws.poll()) messages += next.is_message() ? 1U : 0U;
    left = left.subspan(count);
  }
  REQUIRE(ws.is_open());
  return messages;
}

/// Work for require_linear: a server that reads what `wire(size)` gives.
auto reading(const std::function<std::string(std::size_t)>& wire, std::size_t chunk) {
  return [=](std::size_t size) -> std::function<void()> {
    return [made = wire(size), chunk]() mutable { REQUIRE(read(made, chunk) > 0); };
  };
}

std::string request(const std::string& more) {
  return "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         more + "\r\n";
}

constexpr std::array<std::string_view, 2> subprotocols{"chat.v2", "chat.v1"};
const server_options generous{
    .subprotocols = subprotocols, .deflate = deflate_options{}, .head = {.bytes = 1U << 28U, .fields = 1U << 28U}};

/// Work for require_linear: a server's handshake over a request with what `more(size)` gives.
auto upgrading(const std::function<std::string(std::size_t)>& more, std::size_t chunk) {
  return [=](std::size_t size) -> std::function<void()> {
    return [wire = request(more(size)), chunk]() mutable {
      server_handshake upgrade{generous};
      for (bytes left = bytes_of(wire); !left.empty();) {
        const std::size_t count = std::min(chunk, left.size());
        upgrade.receive(left.first(count));
        left = left.subspan(count);
      }
      INFO(text_of(upgrade.response()));
      REQUIRE(upgrade.accepted());
    };
  };
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("linear_cost: messages, whole, in reads, and one byte a read", "[linear_cost]") {
  for (const unsigned first : {0x81U, 0x82U}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1460}, std::size_t{65'536}}) {
      CAPTURE(first, chunk);
      const std::size_t smallest = chunk == 1 ? 1024 : 4 * chunk;
      require_linear(reading([=](std::size_t size) { return masked_frame(first, text_of_size(size)); }, chunk),
                     smallest);
    }
  }
}

TEST_CASE("linear_cost: a message in many frames, pings between them", "[linear_cost]") {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{65'536}}) {
    CAPTURE(chunk);
    const auto wire = [](std::size_t size) {
      std::string all = masked_frame(0x02, "begin");
      for (std::size_t i = 0; i < size / 16; ++i) all += masked_frame(0x00, "four") + masked_frame(0x89, "ping");
      return all + masked_frame(0x80, "");
    };
    require_linear(reading(wire, chunk), 1024);
  }
}

TEST_CASE("linear_cost: many small messages in one read", "[linear_cost]") {
  const auto wire = [](std::size_t size) { return repeated(masked_frame(0x81, "four"), size / 10); };
  require_linear(reading(wire, 1U << 20U), 1024);
}

TEST_CASE("linear_cost: messages that wait and are sent a few bytes at a time", "[linear_cost]") {
  for (const std::size_t taken : {std::size_t{1}, std::size_t{100}, std::size_t{4096}}) {
    CAPTURE(taken);
    require_linear(
        [=](std::size_t size) -> std::function<void()> {
          return [=] {
            server_connection ws{without_limits()};
            for (std::size_t i = 0; i < size / 16; ++i) {
              REQUIRE(ws.send_text("sixteen bytes...") == error::none);
              REQUIRE(ws.sent(std::min(taken, ws.buffered()) / 2) == error::none);
            }
            while (ws.buffered() != 0) REQUIRE(ws.sent(std::min(taken, ws.output().size())) == error::none);
          };
        },
        1024);
  }
}

TEST_CASE("linear_cost: one message queued for each that is sent, while much waits", "[linear_cost]") {
  const auto work = [](std::size_t size) -> std::function<void()> {
    return [size] {
      const std::string_view message = "sixteen bytes...";
      server_connection ws{without_limits()};
      for (std::size_t i = 0; i < size / 16; ++i) REQUIRE(ws.send_text(message) == error::none);
      for (std::size_t i = 0; i < size / 16; ++i) {
        REQUIRE(ws.sent(2 + message.size()) == error::none);
        REQUIRE(ws.send_text(message) == error::none);
      }
    };
  };
  require_linear(work, 1024);
}

TEST_CASE("linear_cost: heads, whole and one byte a read", "[linear_cost]") {
  using more = std::function<std::string(std::size_t)>;
  const std::vector<std::pair<std::string_view, more>> heads{
      {"many fields", [](std::size_t size) { return repeated("X-Field: value\r\n", size / 16); }},
      {"a long value", [](std::size_t size) { return "X-Field: " + std::string(size, 'x') + "\r\n"; }},
      {"a value with much space", [](std::size_t size) { return "X-Field: a" + std::string(size, ' ') + "b\r\n"; }},
      {"a long list", [](std::size_t size) { return "Connection: " + repeated("a, ", size / 3) + "b\r\n"; }},
      {"lists of many lines", [](std::size_t size) { return repeated("Connection: close\r\n", size / 19); }},
      {"subprotocols as long as their number allows",
       [](std::size_t size) {
         std::string line = "Sec-WebSocket-Protocol: chat.v1";
         for (char last = '!' + 1; last < '['; ++last) {
           if (is_token(std::string_view(&last, 1))) line += ", " + std::string(size / 48, 'a') + last;
         }
         return line + "\r\n";
       }},
      {"extensions",
       [](std::size_t size) {
         return "Sec-WebSocket-Extensions: " + repeated("foo; bar=\"baz\", ", size / 16) + "permessage-deflate\r\n";
       }},
      {"offers of compression",
       [](std::size_t size) {
         return "Sec-WebSocket-Extensions: " + repeated("permessage-deflate; what, ", size / 26) +
                "permessage-deflate\r\n";
       }},
  };
  for (const auto& [name, head] : heads) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1460}, std::size_t{1U << 20U}}) {
      CAPTURE(name, chunk);
      require_linear(upgrading(head, chunk), 2048);
    }
  }
}
