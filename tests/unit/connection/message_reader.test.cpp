#include "sansocket/connection/message_reader.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/core/error_info.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// A heap buffer that counts its allocations and can be told that there is no memory.
class counted_buffer : public heap_buffer {
 public:
  static inline std::size_t allocations = 0;
  static inline std::size_t capacity_now = 0;
  static inline bool no_memory = false;

  static void start() {
    allocations = 0;
    no_memory = false;
  }

  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    if (no_memory) return {};
    const std::size_t before = capacity();
    const bytes room = heap_buffer::extend(count, most);
    if (capacity() != before) ++allocations;
    capacity_now = capacity();
    return room;
  }

  void release() noexcept {
    heap_buffer::release();
    capacity_now = 0;
  }
};

template <role Role>
using reader_of = message_reader<Role, counted_buffer>;

/// What an event says, in words: "text(Hello)"; a piece that is not first begins with '+', one that
/// is not last ends with '+'.
std::string words(const event& seen) {
  std::string out;
  switch (seen.type) {
    case event_type::none: return "none";
    case event_type::text: out = "text("; break;
    case event_type::binary: out = "binary("; break;
    case event_type::ping: out = "ping("; break;
    case event_type::pong: out = "pong("; break;
    case event_type::closed: out = "close("; break;
  }
  if (!seen.first) out.insert(0, "+");
  out.append(seen.text()).append(seen.last ? ") " : ")+ ");
  return out;
}

/// Reads a stream in chunks of `step` bytes until it ends or a rule is broken; the events in words, then the error.
template <class Reader>
std::string read(Reader& reader, std::string_view stream, std::size_t step, const message_limits& limits = {},
                 delivery how = delivery::messages) {
  std::string seen;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    bytes input = chunk.view();
    for (;;) {
      event next;
      if (const error broken = reader.next(input, next, limits, how); broken != error::none) {
        return seen.append(name(broken));
      }
      if (!next) break;
      seen += words(next);
      if (next.type == event_type::closed) return seen;
    }
    CHECK(input.empty());
  }
  return seen;
}

/// The same verdict on a stream, whole, at every split in two and byte by byte.
template <role Role>
void check_messages(std::string_view hex, const std::string& expected, const message_limits& limits = {}) {
  CAPTURE(hex);
  const std::string stream = from_hex(hex);
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    reader_of<Role> reader;
    CHECK(read(reader, stream, step, limits) == expected);
  }
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    CAPTURE(cut);
    reader_of<Role> reader;
    const std::string before = read(reader, stream.substr(0, cut), cut, limits);
    if (before == expected) continue;  // the verdict was there before the cut
    CHECK(before + read(reader, stream.substr(cut), stream.size(), limits) == expected);
  }
}

/// The same for pieces; those of one message are put together first, so that only where it was cut is lost.
template <role Role>
void check_pieces(std::string_view hex, const std::string& expected, const message_limits& limits = {}) {
  CAPTURE(hex);
  const std::string stream = from_hex(hex);
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    reader_of<Role> reader;
    std::string seen = read(reader, stream, step, limits, delivery::pieces);
    for (const std::string_view joint : {")+ +text(", ")+ +binary("}) {
      for (std::size_t at = seen.find(joint); at != std::string::npos; at = seen.find(joint)) {
        seen.erase(at, joint.size());
      }
    }
    CHECK(seen == expected);
  }
}

}  // namespace

TEST_CASE("message_reader: gives whole messages however the stream is cut", "[message_reader][6.2]") {
  counted_buffer::start();
  check_messages<role::client>("81 05 48 65 6c 6c 6f  82 00  81 02 c3 a9  82 01 41",
                               "text(Hello) binary() text(\xC3\xA9) binary(A) ");
  check_messages<role::server>("81 85 37 fa 21 3d 7f 9f 4d 51 58  82 80 01 02 03 04  82 81 01 00 00 00 40",
                               "text(Hello) binary() binary(A) ");
}

TEST_CASE("message_reader: puts fragments together, empty ones too", "[message_reader][5.4]") {
  counted_buffer::start();
  check_messages<role::client>("01 03 48 65 6c  80 02 6c 6f", "text(Hello) ");
  check_messages<role::client>("02 00  00 00  00 02 61 62  00 00  00 01 63  80 00", "binary(abc) ");
  check_messages<role::client>("01 00  80 00  02 00 80 00", "text() binary() ");
  check_messages<role::server>("01 83 37 fa 21 3d 7f 9f 4d  80 82 01 02 03 04 6d 6d", "text(Hello) ");
}

TEST_CASE("message_reader: gives control frames between fragments and keeps the message", "[message_reader][5.4]") {
  counted_buffer::start();
  check_messages<role::client>("01 03 48 65 6c  89 02 70 71  8a 00  00 01 6c  89 01 72  80 01 6f",
                               "ping(pq) pong() ping(r) text(Hello) ");
  check_messages<role::server>("01 82 00 00 00 00 48 65  89 82 01 01 01 01 71 70  80 81 ff 00 00 00 96",
                               "ping(pq) text(Hei) ");
}

TEST_CASE("message_reader: gives a Close as it came, unjudged, and a message may be under way",
          "[message_reader][5.5.1]") {
  counted_buffer::start();
  check_messages<role::client>("88 00", "close() ");
  check_messages<role::client>("01 01 61  88 01 7a", "close(z) ");
}

TEST_CASE("message_reader: gives pieces that say where a message begins and ends", "[message_reader][5.4]") {
  counted_buffer::start();
  const std::string stream = from_hex("01 03 48 65 6c  89 01 70  80 02 6c 6f  82 01 41");
  reader_of<role::client> reader;
  CHECK(read(reader, stream, stream.size(), {}, delivery::pieces) == "text(Hel)+ ping(p) +text(lo) binary(A) ");
  reader_of<role::client> slow;
  CHECK(read(slow, stream, 1, {}, delivery::pieces) ==
        "text(H)+ +text(e)+ +text(l)+ ping(p) +text(l)+ +text(o) binary(A) ");
}

TEST_CASE("message_reader: pieces are the same bytes however the stream is cut", "[message_reader][5.4]") {
  counted_buffer::start();
  check_pieces<role::client>("01 03 48 65 6c  80 02 6c 6f  82 03 61 62 63", "text(Hello) binary(abc) ");
  check_pieces<role::server>("01 83 37 fa 21 3d 7f 9f 4d  80 82 01 02 03 04 6d 6d", "text(Hello) ");
}

TEST_CASE("message_reader: an empty message is one empty piece, empty fragments are none", "[message_reader][5.6]") {
  counted_buffer::start();
  check_pieces<role::client>("81 00  82 00  01 00 00 00 80 00", "text() binary() text() ");
  check_pieces<role::client>("02 01 61  00 00  80 00", "binary(a) ");
  const std::string stream = from_hex("02 01 61 00 00 80 00");
  reader_of<role::client> reader;
  CHECK(read(reader, stream, stream.size(), {}, delivery::pieces) == "binary(a)+ +binary() ");
}

TEST_CASE("message_reader: pieces of text may end within a code point", "[message_reader][8.1]") {
  counted_buffer::start();
  check_pieces<role::client>("01 02 e2 82  89 00  80 01 ac", "text(\xE2\x82)+ ping() +text(\xAC) ");
  check_pieces<role::client>("81 04 f0 9f 92 a9", "text(\xF0\x9F\x92\xA9) ");
}

TEST_CASE("message_reader: fails text at the first byte that cannot be valid", "[message_reader][8.1]") {
  counted_buffer::start();
  check_messages<role::client>("81 7e 04 00 61 ff", "text_not_utf8");
  check_messages<role::client>("01 01 e2  80 7e 04 00 28", "text_not_utf8");
  check_messages<role::client>("81 01 61  81 01 c3  81 01 61", "text(a) text_not_utf8");  // ends within a code point
  check_messages<role::client>("01 01 c3  89 01 70  80 00", "ping(p) text_not_utf8");
  check_messages<role::server>("81 fe 04 00 01 02 03 04 60 fd", "text_not_utf8");
}

TEST_CASE("message_reader: pieces before the impossible byte are given first", "[message_reader][8.1]") {
  counted_buffer::start();
  check_pieces<role::client>("81 7e 04 00 61 62 ff 63", "text(ab)+ text_not_utf8");
  check_pieces<role::client>("81 03 61 e2 82", "text(a\xE2\x82)+ text_not_utf8");
  check_pieces<role::client>("01 02 61 c3  80 00", "text(a\xC3)+ text_not_utf8");
  check_pieces<role::client>("81 01 ff", "text_not_utf8");
}

TEST_CASE("message_reader: fails at the header, before any payload", "[message_reader][5.4]") {
  counted_buffer::start();
  check_messages<role::client>("80", "");
  check_messages<role::client>("80 00", "continuation_unexpected");
  check_messages<role::client>("00 7f", "continuation_unexpected");
  check_messages<role::client>("81 01 61  00 01", "text(a) continuation_unexpected");
  check_messages<role::client>("01 01 61  81 7f", "message_interrupted");
  check_messages<role::client>("01 01 61  89 00  02 7e", "ping() message_interrupted");
  check_messages<role::client>("81 80", "mask_forbidden");
  check_messages<role::server>("81 05", "mask_missing");
  check_messages<role::client>("c1 05", "reserved_bits_set");
  check_messages<role::client>("83 05", "opcode_reserved");
  check_messages<role::client>("09 00", "control_fragmented");
  check_messages<role::client>("8a 7e", "control_too_long");
  check_messages<role::client>("82 7e 00 7d", "length_not_minimal");
  check_messages<role::client>("82 7f 80 00 00 00 00 00 00 00", "length_msb_set");
}

TEST_CASE("message_reader: the message limit holds for one frame and for many", "[message_reader][10.4]") {
  counted_buffer::start();
  const message_limits four{.message = 4};
  check_messages<role::client>("82 04 61 62 63 64", "binary(abcd) ", four);
  check_messages<role::client>("82 05", "message_too_big", four);
  check_messages<role::client>("02 02 61 62  80 02 63 64  82 04 61 62 63 64", "binary(abcd) binary(abcd) ", four);
  check_messages<role::client>("02 02 61 62  00 03", "message_too_big", four);
  check_messages<role::client>("02 7f 7f ff ff ff ff ff ff ff", "message_too_big", four);
  check_messages<role::client>("02 02 61 62  00 7f 7f ff ff ff ff ff ff ff", "message_too_big", four);
  check_pieces<role::client>("02 02 61 62  80 02 63 64", "binary(abcd) ", four);
  check_pieces<role::client>("02 02 61 62  80 03", "binary(ab)+ message_too_big", four);
}

TEST_CASE("message_reader: the frame limit holds for data frames alone", "[message_reader][10.4]") {
  counted_buffer::start();
  const message_limits two{.frame = 2};
  check_messages<role::client>("02 02 61 62  80 02 63 64  89 03 70 70 70", "binary(abcd) ping(ppp) ", two);
  check_messages<role::client>("82 03", "frame_too_big", two);
  check_messages<role::client>("02 02 61 62  00 03", "frame_too_big", two);
  check_pieces<role::client>("82 03", "frame_too_big", two);
}

TEST_CASE("message_reader: the fragment limit counts empty frames, and control frames not", "[message_reader][10.4]") {
  counted_buffer::start();
  const message_limits three{.fragments = 3};
  check_messages<role::client>("02 00  00 00  89 00  89 00  80 01 61  02 00 00 00 80 00",
                               "ping() ping() binary(a) binary() ", three);
  check_messages<role::client>("02 00  00 00  00 00  80 00", "too_many_fragments", three);
  check_pieces<role::client>("02 00  00 00  00 00  80 00", "too_many_fragments", three);
}

TEST_CASE("message_reader: every limit can be lifted", "[message_reader][10.4]") {
  counted_buffer::start();
  const message_limits none{.frame = unlimited, .message = unlimited, .fragments = 0xFFFF'FFFF};
  check_messages<role::client>("02 01 61  80 7f 20 00 00 00 00 00 00 00", "", none);
  check_pieces<role::client>("02 01 61  80 7f 7f ff ff ff ff ff ff ff", "binary(a)+ ", none);
  // What no memory can hold is refused at its header even so.
  check_messages<role::client>("82 7f 7f ff ff ff ff ff ff ff", "message_too_big", none);
}

TEST_CASE("message_reader: a message that lies whole in the chunk is shown there", "[message_reader]") {
  counted_buffer::start();
  reader_of<role::server> reader;
  exact_buffer chunk(from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58  89 81 01 00 00 00 60  82 80 01 02 03 04"));
  bytes input = chunk.view();
  event next;
  REQUIRE(reader.next(input, next, {}, delivery::messages) == error::none);
  CHECK(next.payload.data() == chunk.view().data() + 6);
  CHECK(next.text() == "Hello");
  REQUIRE(reader.next(input, next, {}, delivery::messages) == error::none);
  CHECK(next.payload.data() == chunk.view().data() + 17);
  REQUIRE(reader.next(input, next, {}, delivery::messages) == error::none);
  CHECK(counted_buffer::allocations == 0);
}

TEST_CASE("message_reader: pieces never take memory, whatever the frame's length", "[message_reader]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  const std::string stream = from_hex("02 7e 10 00") + std::string(4096, 'x') + from_hex("80 00");
  (void)read(reader, stream, 100, {}, delivery::pieces);
  CHECK(counted_buffer::allocations == 0);
}

TEST_CASE("message_reader: memory grows with what came, not with what was announced", "[message_reader][10.4]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  const message_limits none{.message = unlimited};
  CHECK(read(reader, from_hex("82 7f 20 00 00 00 00 00 00 00") + std::string(10, 'x'), 64, none).empty());
  CHECK(counted_buffer::allocations == 1);
  CHECK(counted_buffer::capacity_now <= 256);
  CHECK(read(reader, std::string(10'000, 'x'), 100, none).empty());
  CHECK(counted_buffer::capacity_now <= 2 * 10'110);
  CHECK(counted_buffer::allocations < 10);
}

TEST_CASE("message_reader: memory grows to the message's length at most, where that is known",
          "[message_reader][10.4]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  CHECK(read(reader, from_hex("82 7e 0b b8") + std::string(2990, 'x'), 1).empty());
  CHECK(counted_buffer::capacity_now == 3000);
  // Of fragments, the limit is what is known.
  reader_of<role::client> fragments;
  CHECK(read(fragments, from_hex("02 7e 0b b8") + std::string(2990, 'x'), 1, {.message = 3001}).empty());
  CHECK(counted_buffer::capacity_now == 3001);
  CHECK(read(fragments, std::string(10, 'x') + from_hex("89 64") + std::string(99, 'p'), 1, {.message = 3001}).empty());
  CHECK(counted_buffer::capacity_now == 3001 + 125);  // the limit and the longest control payload
}

TEST_CASE("message_reader: gives its memory back once no message is under way", "[message_reader]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  const std::string stream = from_hex("82 7e 0b b8") + std::string(3000, 'x');
  CHECK(read(reader, stream.substr(0, 2000), 2000).empty());
  CHECK(counted_buffer::capacity_now >= 1996);
  CHECK(read(reader, stream.substr(2000), 2000).size() == 3000 + std::string_view("binary() ").size());
  CHECK(counted_buffer::capacity_now == 0);  // read() went on until nothing came
  CHECK(read(reader, from_hex("89 02 70"), 2).empty());
  CHECK(counted_buffer::capacity_now != 0);
  CHECK(read(reader, from_hex("71"), 2) == "ping(pq) ");
  CHECK(counted_buffer::capacity_now == 0);
  CHECK(read(reader, from_hex("02 01 61"), 3).empty());
  CHECK(counted_buffer::capacity_now != 0);
  reader.release();
  CHECK(counted_buffer::capacity_now == 0);
}

#ifndef NDEBUG
TEST_CASE("message_reader: a view used too long shows DD in a debug build", "[message_reader]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  exact_buffer first(from_hex("82 02 61"));
  bytes input = first.view();
  event next;
  REQUIRE(reader.next(input, next, {}, delivery::messages) == error::none);
  exact_buffer second(from_hex("62  82 02 63"));
  input = second.view();
  REQUIRE(reader.next(input, next, {}, delivery::messages) == error::none);
  const const_bytes old = next.payload;
  CHECK(to_hex(old) == "61 62");
  event later;
  REQUIRE(reader.next(input, later, {}, delivery::messages) == error::none);
  CHECK_FALSE(later);
  CHECK(to_hex(old) == "63 dd");  // the message that is under way now, and what is left of the old one
}
#endif

TEST_CASE("message_reader: a control frame's view ends, the message under way stays", "[message_reader][5.4]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  CHECK(read(reader, from_hex("01 03 48 65 6c  89 04 70"), 8).empty());
  CHECK(read(reader, from_hex("71 72"), 8).empty());
  CHECK(read(reader, from_hex("73  8a 02 74"), 8) == "ping(pqrs) ");
  CHECK(read(reader, from_hex("75  80 02 6c"), 8) == "pong(tu) ");
  CHECK(read(reader, from_hex("6f"), 8) == "text(Hello) ");
}

TEST_CASE("message_reader: says so when there is no memory", "[message_reader]") {
  counted_buffer::start();
  const std::string whole = from_hex("81 02 61 62");
  counted_buffer::no_memory = true;
  reader_of<role::client> reader;
  CHECK(read(reader, whole + whole, 8) == "text(ab) text(ab) ");
  CHECK(read(reader, whole, 3) == "out_of_memory");
  reader_of<role::client> fragments;
  CHECK(read(fragments, from_hex("01 01 61"), 3) == "out_of_memory");
  reader_of<role::client> ping;
  CHECK(read(ping, from_hex("89 02 61"), 3) == "out_of_memory");
  counted_buffer::start();
}

TEST_CASE("message_reader: a fixed buffer sets the largest message, in one chunk or many", "[message_reader][10.4]") {
  using small_reader = message_reader<role::client, inplace_buffer<125 + 4>>;
  for (const std::size_t step : {1U, 3U, 100U}) {
    CAPTURE(step);
    small_reader reader;
    CHECK(read(reader, from_hex("82 04 61 62 63 64  02 04 61 62 63 64"), step) == "binary(abcd) ");
    const std::string ping = std::string(125, 'p');
    CHECK(read(reader, from_hex("89 7d") + ping + from_hex("80 00"), step) == "ping(" + ping + ") binary(abcd) ");
    CHECK(read(reader, from_hex("82 05 61 62 63 64 65"), step) == "message_too_big");
    small_reader fragments;
    CHECK(read(fragments, from_hex("02 04 61 62 63 64  00 00  80 01"), step) == "message_too_big");
    small_reader pieces;
    CHECK(read(pieces, from_hex("82 06 61 62 63 64 65 66"), 100, {}, delivery::pieces) == "binary(abcdef) ");
  }
}

TEST_CASE("message_reader: a buffer that was shown takes the next message", "[message_reader]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  std::string stream;
  std::string expected;
  for (char c = 'a'; c < 'z'; ++c) {
    const std::string text(static_cast<std::size_t>(c - 'a'), c);
    stream += from_hex("81") + static_cast<char>(text.size()) + text;
    expected += "text(" + text + ") ";
  }
  for (std::size_t step = 1; step < 64; ++step) CHECK(read(reader, stream, step) == expected);
}

TEST_CASE("message_reader: control frames that come cut do not make a message's buffer grow by little",
          "[message_reader][10.4]") {
  // The buffer is brought to its capacity, and then every chunk ends within a pong and goes on with a
  // fragment of the pong's size.
  reader_of<role::client> reader;
  counted_buffer::start();
  const std::string pong = from_hex("8a 7d") + std::string(125, 'p');
  const std::string fragment = from_hex("00 7d") + std::string(125, 'f');
  std::string seen = read(reader, from_hex("02 7e 00f0") + std::string(240, 'a') + pong.substr(0, 66), 10'000);
  constexpr int rounds = 2'000;
  for (int i = 0; i < rounds; ++i) read(reader, pong.substr(66) + fragment + pong.substr(0, 66), 10'000);
  CHECK(counted_buffer::allocations < 20);
  CHECK(seen.empty());
}

// With an extension

namespace {

/// An extension that gives every byte of a payload `times` times, and a '!' behind a message's end. 'X'
/// is invalid, of '.' nothing comes, and behind '$' it takes no more.
struct repeating {
  bool is_active = true;
  std::size_t times = 2;
  error at_end = error::none;
  std::string told{};  // of ends
  std::size_t given = 0;
  bool ended = false;
  bool closed = false;

  bool active() const { return is_active; }
  transform_step inflate(const_bytes in, bytes out, bool end) {
    transform_step step;
    for (; step.used < in.size(); ++step.used, given = 0) {
      const char next = text_of(in)[step.used];
      if (closed) return step;
      if (next == 'X') {
        step.fault = error::compressed_data_invalid;
        return step;
      }
      closed = next == '$';
      if (next == '.' || closed) continue;
      for (; given < times; ++given) {
        if (step.made == out.size()) return step;
        out[step.made++] = in[step.used];
      }
    }
    if (end && !ended && step.made < out.size()) {
      out[step.made++] = std::byte{'!'};
      ended = true;
    }
    return step;
  }
  error finish_inflate() {
    told += ended ? "end " : "too early ";
    ended = false;
    return at_end;
  }
  bool wants(std::size_t) const { return false; }
  transform_step deflate(const_bytes, bytes) { return {}; }
  void finish_deflate(bool) {}
  std::uint8_t independent_window_bits() const { return 0; }
  void release() {}
};

/// Reads a stream in chunks of `step` bytes, as `read` does. Pieces of one message are put together if
/// `join` is set.
template <class Reader, class Extension>
std::string read_extended(Reader& reader, Extension& extension, std::string_view stream, std::size_t step,
                          const message_limits& limits = {}, delivery how = delivery::messages, bool join = false) {
  std::string seen;
  const auto joined = [&] {
    for (const std::string_view joint : {")+ +text(", ")+ +binary("}) {
      for (auto at = seen.find(joint); join && at != std::string::npos; at = seen.find(joint)) {
        seen.erase(at, joint.size());
      }
    }
    return seen;
  };
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    bytes input = chunk.view();
    for (;;) {
      event next;
      if (const error broken = reader.next(input, next, limits, how, extension); broken != error::none) {
        seen += name(broken);
        return joined();
      }
      if (!next) break;
      seen += words(next);
    }
    CHECK(input.empty());
  }
  return joined();
}

/// A frame to one end, put together by hand: a client masks, with the key 01 02 03 04.
template <role Role>
std::string frame_for(unsigned first, std::string_view payload) {
  REQUIRE(payload.size() < 126);
  std::string out{static_cast<char>(first), static_cast<char>((Role == role::server ? 0x80U : 0U) | payload.size())};
  if (Role == role::client) return out.append(payload);
  const std::string key = from_hex("01 02 03 04");
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

/// The same verdict however the stream is cut, whole and in pieces, in both roles; `frames` makes the
/// stream of a role.
template <class Frames>
void check_extended(Frames frames, const std::string& expected, const repeating& extension = {},
                    const message_limits& limits = {}) {
  const auto check = [&]<role Role>(std::integral_constant<role, Role>) {
    const std::string stream =
        frames([](unsigned first, std::string_view payload) { return frame_for<Role>(first, payload); });
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(Role == role::server, step, expected);
      counted_buffer::start();
      reader_of<Role> reader;
      repeating fresh = extension;
      CHECK(read_extended(reader, fresh, stream, step, limits) == expected);
    }
  };
  check(std::integral_constant<role, role::server>{});
  check(std::integral_constant<role, role::client>{});
}
template <class Frames>
void check_extended_pieces(Frames frames, const std::string& expected, const repeating& extension = {},
                           const message_limits& limits = {}) {
  const auto check = [&]<role Role>(std::integral_constant<role, Role>) {
    const std::string stream =
        frames([](unsigned first, std::string_view payload) { return frame_for<Role>(first, payload); });
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(Role == role::server, step, expected);
      counted_buffer::start();
      reader_of<Role> reader;
      repeating fresh = extension;
      CHECK(read_extended(reader, fresh, stream, step, limits, delivery::pieces, true) == expected);
    }
  };
  check(std::integral_constant<role, role::server>{});
  check(std::integral_constant<role, role::client>{});
}

}  // namespace

static_assert(message_extension<repeating>);

TEST_CASE("message_reader: RSV1 means something only where the extension is active",
          "[message_reader][5.2][rfc7692][6]") {
  for (const unsigned opcode : {0x1U, 0x2U}) {
    for (const unsigned fin : {0x00U, 0x80U}) {
      const auto first = [&](auto frame) { return frame(fin | 0x40 | opcode, "a"); };
      check_extended(first, "reserved_bits_set", {.is_active = false});
    }
  }
  check_extended([](auto frame) { return frame(0xC1, "ab") + frame(0xC2, "c"); }, "text(aabb!) binary(cc!) ");
}

TEST_CASE("message_reader: RSV1 stands in the first frame of a message alone", "[message_reader][rfc7692][6.1]") {
  // Control frames, within a compressed message and without.
  for (const unsigned opcode : {0x8U, 0x9U, 0xAU}) {
    check_extended([&](auto frame) { return frame(0xC0 | opcode, ""); }, "reserved_bits_set");
    check_extended([&](auto frame) { return frame(0x41, "a") + frame(0xC0 | opcode, ""); }, "reserved_bits_set");
  }
  // Fragments that are not the first, of compressed messages and of plain ones.
  for (const unsigned fin : {0x00U, 0x80U}) {
    check_extended([&](auto frame) { return frame(0x41, "a") + frame(0x40 | fin, "b"); }, "reserved_bits_set");
    check_extended([&](auto frame) { return frame(0x01, "a") + frame(0x40 | fin, "b"); }, "reserved_bits_set");
  }
  // The other two bits mean nothing to anyone.
  for (const unsigned bits : {0x10U, 0x20U, 0x30U, 0x50U, 0x60U, 0x70U}) {
    for (const unsigned opcode : {0x1U, 0x2U, 0x9U}) {
      check_extended([&](auto frame) { return frame(0x80 | bits | opcode, ""); }, "reserved_bits_set");
    }
    check_extended([&](auto frame) { return frame(0x41, "a") + frame(0x80 | bits, "b"); }, "reserved_bits_set");
  }
  // A message that begins within another is that, with the bit or without.
  check_extended([](auto frame) { return frame(0x41, "a") + frame(0xC1, "b"); }, "message_interrupted");
  check_extended([](auto frame) { return frame(0x01, "a") + frame(0xC1, "b"); }, "message_interrupted");
  check_extended([](auto frame) { return frame(0xC0, "a"); }, "reserved_bits_set");
}

TEST_CASE("message_reader: reads compressed messages and plain ones in turn", "[message_reader][rfc7692][6.2]") {
  const auto frames = [](auto frame) {
    return frame(0xC1, "ab") + frame(0x81, "ab") + frame(0x42, "c") + frame(0x00, "") + frame(0x80, "de") +
           frame(0x02, "f") + frame(0x80, "g") + frame(0x41, "") + frame(0x80, "h") + frame(0x41, "i") +
           frame(0x80, "");
  };
  const std::string expected = "text(aabb!) text(ab) binary(ccddee!) binary(fg) text(hh!) text(ii!) ";
  check_extended(frames, expected);
  check_extended_pieces(frames, expected);
}

TEST_CASE("message_reader: control frames never reach the extension", "[message_reader][5.4][rfc7692][6.1]") {
  const auto frames = [](auto frame) {
    return frame(0x41, "ab") + frame(0x89, "ping") + frame(0x00, "c") + frame(0x8A, "") + frame(0x89, "pong") +
           frame(0x80, "d");
  };
  check_extended(frames, "ping(ping) pong() ping(pong) text(aabbccdd!) ");
  counted_buffer::start();
  reader_of<role::client> reader;
  repeating extension;
  const std::string stream = from_hex("41 02 61 62  89 04 70 69 6e 67  00 01 63  80 00  81 01 61  c2 03 61 62 63");
  CHECK(read_extended(reader, extension, stream, 3) == "ping(ping) text(aabbcc!) text(a) binary(aabbcc!) ");
  CHECK(extension.told == "end end ");
}

TEST_CASE("message_reader: an empty compressed message leaves the next ones whole",
          "[message_reader][rfc7692][7.2.3.6]") {
  // Of '.' nothing comes, and nothing comes at the end: the message has no byte.
  struct quiet : repeating {
    transform_step inflate(const_bytes in, bytes out, bool) { return repeating::inflate(in, out, false); }
  };
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    const std::string stream = from_hex(
        "c1 01 2e  81 05 48 65 6c 6c 6f  c1 00  89 05 48 65 6c 6c 6f  41 00 80 01 2e  02 02 61 62 80 01 63  "
        "c2 01 2e  c1 02 61 62");
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(how == delivery::pieces, step);
      counted_buffer::start();
      reader_of<role::client> reader;
      quiet extension;
      CHECK(read_extended(reader, extension, stream, step, {}, how, true) ==
            "text() text(Hello) text() ping(Hello) text() binary(abc) binary() text(aabb) ");
    }
  }
}

TEST_CASE("message_reader: a compressed message is measured by what it inflates to", "[message_reader][10.4]") {
  const auto frames = [](auto frame) { return frame(0xC2, "abc") + frame(0x42, "d") + frame(0x80, "ef"); };
  check_extended(frames, "binary(aabbcc!) binary(ddeeff!) ", {}, {.message = 7});
  check_extended_pieces(frames, "binary(aabbcc!) binary(ddeeff!) ", {}, {.message = 7});
  check_extended(frames, "message_too_big", {}, {.message = 6});
  check_extended_pieces(frames, "binary(aabbcc)+ message_too_big", {}, {.message = 6});
  check_extended(frames, "message_too_big", {}, {.message = 0});
  // Its payload may be larger than that; a frame has a limit of its own.
  const auto idle = [](auto frame) { return frame(0xC2, "a........."); };
  check_extended(idle, "binary(aa!) ", {}, {.message = 3});
  check_extended(idle, "binary(aa!) ", {}, {.frame = 10, .message = 3});
  check_extended(idle, "frame_too_big", {}, {.frame = 9, .message = 3});
  check_extended(frames, "binary(aabbcc!) too_many_fragments", {}, {.fragments = 1});
  check_extended(frames, "binary(aabbcc!) binary(ddeeff!) ", {}, {.fragments = 2});
  // What a compressed message inflates to does not count for the next one.
  check_extended([](auto frame) { return frame(0xC2, "abc") + frame(0x82, "abcdefg") + frame(0x82, "abcdefgh"); },
                 "binary(aabbcc!) binary(abcdefg) message_too_big", {}, {.message = 7});
}

TEST_CASE("message_reader: a message that grows large comes in pieces of a bounded size", "[message_reader][10.4]") {
  const std::string stream = from_hex("c2 02 61 62  89 01 70  41 01 63  80 01 64");
  for (const std::size_t step : {1U, 3U, 100U}) {
    for (const std::size_t times : {1U, 8191U, 8192U, 10'239U, 10'240U, 16'384U, 20'480U, 100'000U}) {
      CAPTURE(step, times);
      counted_buffer::start();
      reader_of<role::client> reader;
      repeating extension{.times = times};
      std::string text;
      std::size_t largest = 0;
      std::string flags;
      for (std::size_t at = 0; at < stream.size(); at += step) {
        exact_buffer chunk(stream.substr(at, step));
        bytes input = chunk.view();
        for (;;) {
          event next;
          REQUIRE(reader.next(input, next, {}, delivery::pieces, extension) == error::none);
          if (!next) break;
          if (next.type == event_type::ping) {
            flags += "p";
            continue;
          }
          text += next.text();
          largest = std::max(largest, next.payload.size());
          if (next.first) flags += "<";
          if (next.last) flags += ">";
        }
      }
      const auto run = [&](char c) { return std::string(times, c); };
      CHECK((text == run('a') + run('b') + "!" + run('c') + run('d') + "!"));
      CHECK(flags == "<>p<>");
      CHECK(largest <= 32 * 1024);
      CHECK(counted_buffer::capacity_now <= 64 * 1024);
    }
  }
}

TEST_CASE("message_reader: a piece is given with the bytes that it came of", "[message_reader][rfc7692][6.2]") {
  counted_buffer::start();
  reader_of<role::client> reader;
  repeating extension;
  const auto feed = [&](std::string_view hex) {
    return read_extended(reader, extension, from_hex(hex), 100, {}, delivery::pieces);
  };
  CHECK(feed("41 02 61") == "text(aa)+ ");
  CHECK(feed("62") == "+text(bb)+ ");
  CHECK(feed("00 01 63  89 01") == "+text(cc)+ ");
  CHECK(feed("70  00 00") == "ping(p) ");
  CHECK(feed("80 02 64") == "+text(dd)+ ");
  CHECK(feed("65") == "+text(ee!) ");
}

TEST_CASE("message_reader: what the extension refuses ends the connection, and pieces before it are given",
          "[message_reader][rfc7692][7.2.2]") {
  const auto bad = [](auto frame) { return frame(0x81, "a") + frame(0x42, "bc") + frame(0x80, "dXe"); };
  check_extended(bad, "text(a) compressed_data_invalid");
  check_extended_pieces(bad, "text(a) binary(bbccdd)+ compressed_data_invalid");
  // A part of the payload that nobody takes.
  const auto beyond = [](auto frame) { return frame(0xC2, "ab$c"); };
  check_extended(beyond, "compressed_data_invalid");
  check_extended_pieces(beyond, "binary(aabb)+ compressed_data_invalid");
  // The end, if it is none.
  const auto good = [](auto frame) { return frame(0xC2, "ab"); };
  check_extended(good, "compressed_data_invalid", {.at_end = error::compressed_data_invalid});
  check_extended_pieces(good, "binary(aabb!)+ compressed_data_invalid", {.at_end = error::compressed_data_invalid});
}

TEST_CASE("message_reader: compressed text is judged as what it inflates to", "[message_reader][8.1][rfc7692][6.1]") {
  // Each byte once. What is compressed need not be UTF-8; what comes of it must be.
  const repeating once{.times = 1};
  check_extended([](auto frame) { return frame(0x41, "a\xE2\x82") + frame(0x80, "\xAC"); }, "text(a\xE2\x82\xAC!) ",
                 once);
  for (const std::string_view end : {"\xFF", "\xC3", "\xE2\x82", "\xED\xA0\x80"}) {
    const auto frames = [&](auto frame) {
      return frame(0x41, "ab") + frame(0x80, std::string("c") + std::string(end));
    };
    check_extended(frames, "text_not_utf8", once);
  }
  const auto bad = [](auto frame) {
    return frame(0xC1,
                 "ab\xFF"
                 "c");
  };
  check_extended(bad, "text_not_utf8", once);
  check_extended_pieces(bad, "text(ab)+ text_not_utf8", once);
  // Of two faults the one that comes first.
  check_extended(
      [](auto frame) {
        return frame(0xC1,
                     "ab\xFF"
                     "cX");
      },
      "text_not_utf8", once);
  check_extended([](auto frame) { return frame(0xC1, "abX\xFF"); }, "compressed_data_invalid", once);
  // Binary messages are not judged, and leave nothing for text behind them.
  check_extended([](auto frame) { return frame(0xC2, "\xC3") + frame(0xC1, "a") + frame(0x81, "\xC3\xA9"); },
                 "binary(\xC3!) text(a!) text(\xC3\xA9) ", once);
}

TEST_CASE("message_reader: text that ends within a code point is not whole when its compressed end comes",
          "[message_reader][8.1]") {
  struct quiet : repeating {
    transform_step inflate(const_bytes in, bytes out, bool) { return repeating::inflate(in, out, false); }
  };
  for (const std::size_t step : {1U, 2U, 100U}) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      counted_buffer::start();
      reader_of<role::client> reader;
      quiet extension;
      extension.times = 1;
      CHECK(read_extended(reader, extension, from_hex("c1 03 61 e2 82"), step, {}, how, true) ==
            (how == delivery::pieces ? "text(a\xE2\x82)+ text_not_utf8" : "text_not_utf8"));
    }
  }
}

TEST_CASE("message_reader: says so when there is no memory to inflate into", "[message_reader]") {
  counted_buffer::start();
  counted_buffer::no_memory = true;
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    reader_of<role::client> reader;
    repeating extension;
    CHECK(read_extended(reader, extension, from_hex("81 01 61  c2 01 61"), 10, {}, how) == "text(a) out_of_memory");
  }
  counted_buffer::start();
}

TEST_CASE("message_reader: an inflated message grows its buffer a few times and gives it back",
          "[message_reader][10.4]") {
  for (const std::uint64_t limit : {std::uint64_t{200'001}, std::uint64_t{1'000'000}, unlimited}) {
    CAPTURE(limit);
    counted_buffer::start();
    reader_of<role::client> reader;
    repeating extension{.times = 2000};
    const std::string stream = from_hex("c2 64") + std::string(100, 'a');
    CHECK(read_extended(reader, extension, stream, 7, {.message = limit}).size() == 200'001 + 9);
    CHECK(counted_buffer::allocations < 30);
    CHECK(counted_buffer::capacity_now <= std::min<std::uint64_t>(limit, 400'000) + 40'000);
    // Nothing is kept once the event was looked at.
    bytes none;
    event next;
    REQUIRE(reader.next(none, next, {}, delivery::messages, extension) == error::none);
    CHECK(counted_buffer::capacity_now == 0);
    // What a length announces takes nothing.
    CHECK(read_extended(reader, extension, from_hex("c2 7e ff ff 2e 2e"), 100, {.message = limit}).empty());
    CHECK(counted_buffer::capacity_now <= 4096);
  }
}

TEST_CASE("message_reader: a fixed buffer sets the largest inflated message", "[message_reader][10.4]") {
  using small_reader = message_reader<role::client, inplace_buffer<125 + 5>>;
  for (const std::size_t step : {1U, 3U, 100U}) {
    CAPTURE(step);
    small_reader reader;
    repeating extension;
    const std::string ping = std::string(125, 'p');
    CHECK(read_extended(reader, extension, from_hex("42 02 61 62  89 7d") + ping + from_hex("80 00"), step) ==
          "ping(" + ping + ") binary(aabb!) ");
    CHECK(read_extended(reader, extension, from_hex("c2 03 61 62 63"), step) == "message_too_big");
    small_reader pieces;
    repeating fresh;
    CHECK(read_extended(pieces, fresh, from_hex("c2 06 61 62 63 64 65 66"), step, {}, delivery::pieces, true) ==
          "binary(aabbccddeeff!) ");
  }
}

TEST_CASE("message_reader: what the extension does not take at once stays masked as it came", "[message_reader][5.3]") {
  // More than is inflated at once comes of each byte, and the rest of the chunk waits meanwhile.
  counted_buffer::start();
  reader_of<role::server> reader;
  repeating extension{.times = 50'000};
  exact_buffer chunk(frame_for<role::server>(0xC2, "abcdefg"));
  bytes input = chunk.view();
  std::string text;
  for (;;) {
    event next;
    const std::string waits(text_of(input));
    REQUIRE(reader.next(input, next, {}, delivery::pieces, extension) == error::none);
    if (!next) break;
    // Bytes that wait are as they were sent.
    CHECK(waits.ends_with(text_of(input)));
    text += next.text();
  }
  std::string expected;
  for (char c = 'a'; c <= 'g'; ++c) expected += std::string(50'000, c);
  CHECK((text == expected + "!"));
}
