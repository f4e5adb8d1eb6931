#include "sansocket/connection/frame_writer.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::failing_random;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

using server_writer = frame_writer<role::server, heap_buffer, no_random>;
using client_writer = frame_writer<role::client, heap_buffer, counting_random>;

constexpr frame_header text_frame{.opcode = opcode::text};
constexpr frame_header binary_frame{.opcode = opcode::binary};

template <class Writer>
std::string waiting(const Writer& writer) {
  std::string out;
  for (const const_bytes run : writer.runs()) out += text_of(run);
  CHECK(out.size() == writer.size());
  return out;
}

template <class Writer>
std::string waiting_hex(const Writer& writer) {
  return to_hex(bytes_of(std::string_view(waiting(writer))));
}

/// Sends some bytes: what they were.
template <class Writer>
std::string send(Writer& writer, std::size_t count) {
  std::string out = waiting(writer).substr(0, count);
  REQUIRE(writer.sent(count) == error::none);
  return out;
}

}  // namespace

TEST_CASE("frame_writer: a server's frames are not masked", "[frame_writer][5.1]") {
  server_writer writer{{}};
  REQUIRE(writer.add(text_frame, bytes_of("Hello")) == error::none);
  REQUIRE(writer.add({.fin = false, .opcode = opcode::binary}, {}) == error::none);
  CHECK(waiting_hex(writer) == "81 05 48 65 6c 6c 6f 02 00");
}

TEST_CASE("frame_writer: a client's frames are masked, each with the next key", "[frame_writer][5.3]") {
  client_writer writer{{.next = 1}};
  REQUIRE(writer.add(text_frame, bytes_of("Hello")) == error::none);
  REQUIRE(writer.add(binary_frame, {}) == error::none);
  REQUIRE(writer.add(text_frame, bytes_of("Hello")) == error::none);
  // 48^01 65^02 6c^03 6c^04 6f^01, then 48^09 65^0a 6c^0b 6c^0c 6f^09
  CHECK(waiting_hex(writer) == "81 85 01 02 03 04 49 67 6f 68 6e 82 80 05 06 07 08 81 85 09 0a 0b 0c 41 6f 67 60 66");
}

TEST_CASE("frame_writer: writes each length in the fewest bytes", "[frame_writer][5.2]") {
  const auto head = [](std::size_t size, std::size_t count) {
    server_writer writer{{}};
    const exact_buffer payload(size);
    REQUIRE(writer.add(binary_frame, payload.view()) == error::none);
    CHECK(writer.size() == count + size);
    return waiting_hex(writer).substr(0, 3 * count - 1);
  };
  CHECK(head(125, 2) == "82 7d");
  CHECK(head(126, 4) == "82 7e 00 7e");
  CHECK(head(65'535, 4) == "82 7e ff ff");
  CHECK(head(65'536, 10) == "82 7f 00 00 00 00 00 01 00 00");
}

TEST_CASE("frame_writer: nothing is queued when there is no random key", "[frame_writer][5.3]") {
  frame_writer<role::client, heap_buffer, failing_random> writer{{}};
  CHECK(writer.add(text_frame, bytes_of("Hello")) == error::random_failed);
  CHECK(writer.add_ping({}) == error::random_failed);
  CHECK(writer.add_pong({}) == error::random_failed);
  CHECK(writer.size() == 0);
  CHECK_FALSE(writer.ping_waits());
}

TEST_CASE("frame_writer: what was sent comes off the front, byte by byte", "[frame_writer]") {
  server_writer writer{{}};
  REQUIRE(writer.add(text_frame, bytes_of("Hello")) == error::none);
  std::string out;
  while (writer.size() != 0) out += send(writer, 1);
  CHECK(to_hex(bytes_of(std::string_view(out))) == "81 05 48 65 6c 6c 6f");
  CHECK(writer.sent(0) == error::none);
}

TEST_CASE("frame_writer: more sent than there was is refused and changes nothing", "[frame_writer]") {
  server_writer writer{{}};
  CHECK(writer.sent(1) == error::sent_too_much);
  REQUIRE(writer.add_lent(text_frame, bytes_of("Hello")) == error::none);
  REQUIRE(writer.add_ping({}) == error::none);
  CHECK(writer.sent(10) == error::sent_too_much);
  CHECK(waiting_hex(writer) == "81 05 48 65 6c 6c 6f 89 00");
  CHECK(writer.lends());
  CHECK(writer.sent(9) == error::none);
}

TEST_CASE("frame_writer: the high-water mark is exact, and one message may pass it alone", "[frame_writer]") {
  server_writer writer{{}};
  CHECK(writer.check_room(10'000, 10) == error::none);  // nothing waits
  REQUIRE(writer.add(text_frame, bytes_of("Hello")) == error::none);
  CHECK(writer.check_room(3, 10) == error::none);
  CHECK(writer.check_room(4, 10) == error::would_block);
  CHECK(writer.check_room(0, 7) == error::would_block);
  CHECK(writer.check_room(~std::size_t{0} / 8, 10) == error::would_block);
  (void)send(writer, 1);
  CHECK(writer.check_room(4, 10) == error::none);
  (void)send(writer, 6);
  CHECK(writer.check_room(10'000, 0) == error::none);
}

TEST_CASE("frame_writer: in a fixed buffer messages leave room for control frames", "[frame_writer]") {
  using small_writer = frame_writer<role::client, inplace_buffer<600>, counting_random>;
  static_assert(small_writer::control_reserve == 4 * (2 + 4 + 125));
  constexpr std::size_t room = 600 - small_writer::control_reserve;
  small_writer writer{{}};
  CHECK(writer.check_room(room + 1, 1000) == error::buffer_full);
  CHECK(writer.check_room(room, 1000) == error::none);
  REQUIRE(writer.add(binary_frame, exact_buffer(room - 6).view()) == error::none);
  CHECK(writer.check_room(1, 1000) == error::would_block);
  CHECK(writer.check_room(0, 1000) == error::none);
  // A pong that is half sent, one that waits, a ping and a Close.
  const exact_buffer payload(125);
  REQUIRE(writer.add_pong(payload.view()) == error::none);
  (void)send(writer, room + 1);
  REQUIRE(writer.add_ping(payload.view()) == error::none);
  REQUIRE(writer.add(binary_frame, exact_buffer(room - 6).view()) == error::none);
  for (int i = 0; i < 3; ++i) REQUIRE(writer.add_pong(payload.view()) == error::none);
  REQUIRE(writer.add({.opcode = opcode::close}, payload.view()) == error::none);
  CHECK(writer.size() == 599);
}

TEST_CASE("frame_writer: a pong that waits makes way for the next", "[frame_writer][5.5.3]") {
  server_writer writer{{}};
  REQUIRE(writer.add_pong(bytes_of("first")) == error::none);
  REQUIRE(writer.add(text_frame, bytes_of("a")) == error::none);
  REQUIRE(writer.add_pong(bytes_of("second")) == error::none);
  CHECK(waiting_hex(writer) == "81 01 61 8a 06 73 65 63 6f 6e 64");
  REQUIRE(writer.add_pong({}) == error::none);
  CHECK(waiting_hex(writer) == "81 01 61 8a 00");
}

TEST_CASE("frame_writer: a client's pong makes way with its masking key", "[frame_writer][5.5.3]") {
  client_writer writer{{}};
  REQUIRE(writer.add_pong(bytes_of("first")) == error::none);
  REQUIRE(writer.add(text_frame, {}) == error::none);
  REQUIRE(writer.add_pong(bytes_of("a")) == error::none);
  CHECK(waiting_hex(writer) == "81 80 04 05 06 07 8a 81 08 09 0a 0b 69");
}

TEST_CASE("frame_writer: a pong is whole or gone, whatever was sent of it", "[frame_writer][5.5.3]") {
  for (std::size_t count = 0; count <= 9; ++count) {
    CAPTURE(count);
    server_writer writer{{}};
    REQUIRE(writer.add(text_frame, {}) == error::none);
    REQUIRE(writer.add_pong(bytes_of("first")) == error::none);
    std::string out = send(writer, count);
    REQUIRE(writer.add_pong(bytes_of("second")) == error::none);
    out += waiting(writer);
    const bool begun = count > 2;
    CHECK(to_hex(bytes_of(std::string_view(out))) ==
          std::string("81 00 ") + (begun ? "8a 05 66 69 72 73 74 " : "") + "8a 06 73 65 63 6f 6e 64");
  }
}

TEST_CASE("frame_writer: a pong queued by itself is not taken for an answer", "[frame_writer][5.5.3]") {
  server_writer writer{{}};
  REQUIRE(writer.add({.opcode = opcode::pong}, bytes_of("a")) == error::none);
  REQUIRE(writer.add_pong(bytes_of("b")) == error::none);
  REQUIRE(writer.add_pong(bytes_of("c")) == error::none);
  CHECK(waiting_hex(writer) == "8a 01 61 8a 01 63");
}

TEST_CASE("frame_writer: a ping waits until its last byte is sent", "[frame_writer][5.5.2]") {
  server_writer writer{{}};
  CHECK_FALSE(writer.ping_waits());
  REQUIRE(writer.add_pong(bytes_of("x")) == error::none);
  REQUIRE(writer.add_ping(bytes_of("ab")) == error::none);
  REQUIRE(writer.add_pong(bytes_of("y")) == error::none);  // takes the pong before the ping away
  CHECK(waiting_hex(writer) == "89 02 61 62 8a 01 79");
  for (int i = 0; i < 4; ++i) {
    CHECK(writer.ping_waits());
    (void)send(writer, 1);
  }
  CHECK_FALSE(writer.ping_waits());
  (void)send(writer, 3);
  CHECK_FALSE(writer.ping_waits());
}

TEST_CASE("frame_writer: a lent payload is shown where it lies, at every partial send", "[frame_writer]") {
  const exact_buffer payload("Hello");
  for (std::size_t count = 0; count <= 14; ++count) {
    CAPTURE(count);
    server_writer writer{{}};
    REQUIRE(writer.add_ping(bytes_of("p")) == error::none);
    REQUIRE(writer.add_lent(text_frame, payload.view()) == error::none);
    REQUIRE(writer.add(binary_frame, bytes_of("xy")) == error::none);
    CHECK(writer.runs()[1].data() == payload.view().data());
    std::string out = send(writer, count);
    CHECK(writer.lends() == (count < 10));
    if (count > 5 && count < 10) CHECK(writer.runs()[1].data() == payload.view().data() + (count - 5));
    CHECK(writer.ping_waits() == (count < 3));
    out += send(writer, writer.size());
    CHECK(to_hex(bytes_of(std::string_view(out))) == "89 01 70 81 05 48 65 6c 6c 6f 82 02 78 79");
    CHECK_FALSE(writer.lends());
  }
}

TEST_CASE("frame_writer: a lent payload that is settled can go, at every partial send", "[frame_writer]") {
  for (std::size_t count = 0; count <= 15; ++count) {
    CAPTURE(count);
    exact_buffer payload("Hello");
    server_writer writer{{}};
    REQUIRE(writer.add_pong(bytes_of("o")) == error::none);
    REQUIRE(writer.add_lent(text_frame, payload.view()) == error::none);
    REQUIRE(writer.add_ping(bytes_of("i")) == error::none);
    REQUIRE(writer.add({.opcode = opcode::close}, {}) == error::none);
    std::string out = send(writer, count);
    REQUIRE(writer.settle() == error::none);
    CHECK_FALSE(writer.lends());
    CHECK(writer.ping_waits() == (count < 13));
    std::ranges::fill(payload.view(), std::byte{0});
    REQUIRE(writer.add_pong(bytes_of("n")) == error::none);
    out += send(writer, writer.size());
    CHECK(to_hex(bytes_of(std::string_view(out))) ==
          std::string(count == 0 ? "" : "8a 01 6f ") + "81 05 48 65 6c 6c 6f 89 01 69 88 00 8a 01 6e");
  }
}

TEST_CASE("frame_writer: a pong behind a lent payload makes way before and after it is settled", "[frame_writer]") {
  for (const bool settles : {false, true}) {
    for (std::size_t count = 0; count <= 7; ++count) {
      CAPTURE(settles, count);
      const exact_buffer payload("Hello");
      server_writer writer{{}};
      REQUIRE(writer.add_lent(text_frame, payload.view()) == error::none);
      REQUIRE(writer.add_pong(bytes_of("a")) == error::none);
      std::string out = send(writer, count);
      if (settles) REQUIRE(writer.settle() == error::none);
      REQUIRE(writer.add_pong(bytes_of("b")) == error::none);
      out += send(writer, writer.size());
      CHECK(to_hex(bytes_of(std::string_view(out))) == "81 05 48 65 6c 6c 6f 8a 01 62");
    }
  }
}

TEST_CASE("frame_writer: nothing changes when there is no room to settle", "[frame_writer]") {
  using small_output = frame_writer<role::server, inplace_buffer<1000>, no_random>;
  small_output writer{{}};
  const exact_buffer payload(600);
  REQUIRE(writer.add_lent(binary_frame, payload.view()) == error::none);
  REQUIRE(writer.add_ping({}) == error::none);
  (void)send(writer, 5);
  const std::string before = waiting(writer);
  CHECK(writer.settle() == error::buffer_full);
  CHECK(writer.lends());
  CHECK(waiting(writer) == before);
  (void)send(writer, 110);  // 489 bytes are left of it, and the ping
  CHECK(writer.settle() == error::none);
  CHECK(writer.size() == 491);
}

TEST_CASE("frame_writer: control frames fit beside what was settled", "[frame_writer]") {
  frame_writer<role::server, inplace_buffer<1500>, no_random> writer{{}};
  const exact_buffer payload(1490);
  const exact_buffer control(125);
  REQUIRE(writer.add_lent(binary_frame, payload.view()) == error::none);
  CHECK(writer.settle() == error::buffer_full);
  (void)send(writer, 1494 - 992);
  REQUIRE(writer.settle() == error::none);
  REQUIRE(writer.add_pong(control.view()) == error::none);
  (void)send(writer, 992 + 1);  // that pong is half sent: another one must wait beside it
  REQUIRE(writer.add_pong(control.view()) == error::none);
  REQUIRE(writer.add_ping(control.view()) == error::none);
  CHECK(writer.add({.opcode = opcode::close}, control.view()) == error::none);
}

TEST_CASE("frame_writer: encoded frames are queued or lent as they are", "[frame_writer]") {
  const exact_buffer frame(from_hex("82 02 61 62"));
  server_writer writer{{}};
  REQUIRE(writer.add_encoded(frame.view()) == error::none);
  writer.lend(frame.view());
  REQUIRE(writer.add_encoded({}) == error::none);
  CHECK(waiting_hex(writer) == "82 02 61 62 82 02 61 62");
  CHECK(writer.runs()[1].data() == frame.view().data());
}

TEST_CASE("frame_writer: takes the last bytes back", "[frame_writer]") {
  server_writer writer{{}};
  REQUIRE(writer.add(text_frame, bytes_of("a")) == error::none);
  REQUIRE(writer.add(text_frame, bytes_of("b")) == error::none);
  writer.take_back(3);
  CHECK(waiting_hex(writer) == "81 01 61");
}

TEST_CASE("frame_writer: hands over all that waits and begins anew", "[frame_writer]") {
  server_writer writer{{}};
  REQUIRE(writer.add_ping(bytes_of("a")) == error::none);
  REQUIRE(writer.add_pong(bytes_of("b")) == error::none);
  (void)send(writer, 1);
  const heap_buffer taken = writer.take();
  CHECK(to_hex(taken.view()) == "01 61 8a 01 62");
  CHECK(writer.size() == 0);
  CHECK_FALSE(writer.ping_waits());
  REQUIRE(writer.add_pong(bytes_of("c")) == error::none);
  CHECK(waiting_hex(writer) == "8a 01 63");
  (void)send(writer, 3);
  CHECK(writer.take().size() == 0);
}

TEST_CASE("frame_writer: a stream that is never drained to the end takes bounded memory", "[frame_writer]") {
  server_writer writer{{}};
  const exact_buffer payload(98);
  REQUIRE(writer.add(binary_frame, payload.view()) == error::none);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(writer.add(binary_frame, payload.view()) == error::none);
    (void)send(writer, 100);
  }
  CHECK(writer.size() == 100);
  CHECK(writer.take().capacity() <= 1000);
}

namespace {

/// What frame_writer does, done the slow and obvious way: a list of frames, each a string.
template <role Role>
class model {
 public:
  void add(unsigned first, std::string_view payload, bool is_answer = false) {
    std::string wire{static_cast<char>(first)};
    wire += static_cast<char>(payload.size() | (Role == role::client ? 0x80U : 0U));
    std::array<unsigned, 4> key{};
    if (Role == role::client) {
      for (unsigned& byte : key) wire += static_cast<char>(byte = next_key_++ & 0xFFU);
    }
    for (std::size_t i = 0; i < payload.size(); ++i) {
      wire += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]);
    }
    frames_.push_back({wire, is_answer, first == 0x89});
  }

  void answer(std::string_view payload) {
    for (auto at = frames_.begin(); at != frames_.end(); ++at) {
      if (at->is_answer && !at->begun) {
        frames_.erase(at);
        break;
      }
    }
    add(0x8A, payload, true);
  }

  void sent(std::size_t count) {
    while (count != 0) {
      frame& front = frames_.front();
      const std::size_t part = std::min(count, front.bytes.size());
      front.bytes.erase(0, part);
      front.begun = true;
      count -= part;
      if (front.bytes.empty()) frames_.pop_front();
    }
  }

  void clear() { frames_.clear(); }

  std::string waiting() const {
    std::string out;
    for (const frame& each : frames_) out += each.bytes;
    return out;
  }

  bool ping_waits() const {
    return std::ranges::any_of(frames_, [](const frame& each) { return each.is_ping; });
  }

 private:
  struct frame {
    std::string bytes;
    bool is_answer = false;
    bool is_ping = false;
    bool begun = false;
  };
  std::deque<frame> frames_;
  unsigned next_key_ = 0;
};

// Invariant: whatever is queued, answered, lent, settled, taken and partly sent, in whatever order,
// the bytes that wait are those of the model.
template <role Role, class Buffer>
void compare_with_model(unsigned seed) {
  using random_type = std::conditional_t<Role == role::client, counting_random, no_random>;
  frame_writer<Role, Buffer, random_type> writer{{}};
  model<Role> expected;
  std::minstd_rand random(seed);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
  std::deque<exact_buffer> lent;  // none goes before the writer does
  for (int i = 0; i < 400; ++i) {
    const std::string payload(below(40), static_cast<char>('a' + below(26)));
    const const_bytes data = bytes_of(std::string_view(payload));
    switch (below(8)) {
      case 0:
        if (writer.check_room(payload.size() + 6, 1000) != error::none) break;
        REQUIRE(writer.add(binary_frame, data) == error::none);
        expected.add(0x82, payload);
        break;
      case 1:
      case 2:
        REQUIRE(writer.add_pong(data) == error::none);
        expected.answer(payload);
        break;
      case 3:
        if (writer.ping_waits()) break;
        REQUIRE(writer.add_ping(data) == error::none);
        expected.add(0x89, payload);
        break;
      case 4:
        if constexpr (Role == role::server) {
          if (writer.lends() || writer.check_room(payload.size() + 6, 1000) != error::none) break;
          lent.emplace_back(payload);
          REQUIRE(writer.add_lent(text_frame, lent.back().view()) == error::none);
          expected.add(0x81, payload);
        }
        break;
      case 5:
        if (below(4) == 0) {
          const bool fits =
              writer.size() <= Buffer::max_size() - frame_writer<Role, Buffer, counting_random>::control_reserve;
          const error settled = writer.settle();
          CHECK((settled == error::none || (settled == error::buffer_full && !fits)));
        }
        break;
      case 6: {
        if (below(20) != 0) break;
        REQUIRE(writer.settle(0) == error::none);
        const Buffer taken = writer.take();
        CHECK(text_of(taken.view()) == expected.waiting());
        expected.clear();
        break;
      }
      default: {
        const std::size_t count = below(writer.size() + 1);
        REQUIRE(writer.sent(count) == error::none);
        expected.sent(count);
        break;
      }
    }
    REQUIRE(waiting(writer) == expected.waiting());
    REQUIRE(writer.ping_waits() == expected.ping_waits());
  }
}

}  // namespace

TEST_CASE("frame_writer: does what a list of frames does, in every order", "[frame_writer]") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    compare_with_model<role::server, heap_buffer>(seed);
    compare_with_model<role::client, heap_buffer>(seed);
    compare_with_model<role::server, inplace_buffer<700>>(seed);
    compare_with_model<role::client, inplace_buffer<700>>(seed);
  }
}
