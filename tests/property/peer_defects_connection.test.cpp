// Defects that connections of other implementations have: none may exist here.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "deflate_streams.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "recording.hpp"
#include "sansocket/connection/connection.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::deflate_bits;
using sansocket::tests::each_role;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::record;
using sansocket::tests::recording;
using sansocket::tests::to_hex;

namespace {

/// A heap buffer that counts the bytes held by all of its kind, and the most that ever were.
class counted_buffer : public heap_buffer {
 public:
  static inline std::size_t held = 0;
  static inline std::size_t most_held = 0;

  counted_buffer() = default;
  counted_buffer(counted_buffer&&) = default;
  counted_buffer& operator=(counted_buffer&&) = default;
  ~counted_buffer() { held -= capacity(); }

  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    const std::size_t before = capacity();
    const bytes room = heap_buffer::extend(count, most);
    held += capacity() - before;
    most_held = std::max(most_held, held);
    return room;
  }

  void release() noexcept {
    held -= capacity();
    heap_buffer::release();
  }
};

/// All memory counted; a client's masking keys are 00 01 02 03, 04 05 06 07, ...
struct counted_policy : default_policy {
  using message_buffer = counted_buffer;
  using output_buffer = counted_buffer;
  using retained_buffer = counted_buffer;
  using random_source = counting_random;
};
template <role Own>
using endpoint = connection<Own, counted_policy>;

/// The same with compression.
struct compressed_policy : counted_policy {
  template <role Role>
  using extension = permessage_deflate<Role>;
};

constexpr char as_char(std::uint64_t value) { return static_cast<char>(value & 0xFFU); }

/// A header as the other end sends it: the length in the fewest bytes, a client's key 37 fa 21 3d.
std::string header_to(role receiver, unsigned first, std::uint64_t length) {
  const unsigned mask_bit = receiver == role::server ? 0x80 : 0;
  const std::size_t size = length < 126 ? 0 : length <= 0xFFFF ? 2 : 8;
  std::string out{as_char(first), as_char(mask_bit | (size == 0 ? length : size == 2 ? 126 : 127))};
  for (std::size_t i = size; i != 0; --i) out += as_char(length >> (8 * (i - 1)));
  return receiver == role::server ? out + from_hex("37 fa 21 3d") : out;
}

/// A whole frame as the other end sends it.
std::string frame_to(role receiver, unsigned first, std::string_view payload) {
  std::string out = header_to(receiver, first, payload.size());
  const std::string key = receiver == role::server ? from_hex("37 fa 21 3d") : std::string(4, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

template <role Own>
recording heard_in_steps(const std::string& stream, std::size_t step, const connection_options& options = {}) {
  endpoint<Own> ws(options);
  return record(ws, stream, [&](std::size_t) { return step; });
}

/// A stream fails the connection, in any steps and with either delivery.
template <role Own>
void check_fails(const std::string& stream, error what, close_code code) {
  CAPTURE(Own == role::server, to_hex(bytes_of(std::string_view(stream))));
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      const recording seen = heard_in_steps<Own>(stream, step, {.delivery = how});
      CHECK(seen.reports == 1);
      CHECK(seen.fault == what);
      CHECK(seen.sent == code);
      CHECK(seen.after == transport_action::close);
    }
  }
}
}  // namespace

// Invariant: no byte of a frame that is not masked reaches a server's application.
TEST_CASE("D1: an unmasked frame from a client is refused at its header and never delivered", "[defects][5.1]") {
  for (const char* const header : {"81 05", "82 7e", "82 7f", "00 05", "88 02", "89 05", "8a 00"}) {
    check_fails<role::server>(from_hex(header), error::mask_missing, close_code::protocol_error);
  }
  for (std::size_t step = 1; step < 8; ++step) {
    const recording seen = heard_in_steps<role::server>(from_hex("81 05 48 65 6c 6c 6f"), step);
    CHECK(seen.events.empty());
    CHECK(seen.fault == error::mask_missing);
  }
}

// Invariant: what a header shows broken fails the connection before a byte of payload comes.
TEST_CASE("D2: lengths not minimal, RSV1 where it means nothing and interleaved messages fail at the header",
          "[defects][5.2][5.4]") {
  check_fails<role::server>(from_hex("82 fe 00 7d"), error::length_not_minimal, close_code::protocol_error);
  check_fails<role::client>(from_hex("82 7f 00 00 00 00 00 00 00 01"), error::length_not_minimal,
                            close_code::protocol_error);
  each_role([](auto own) {
    const auto begins = [&](unsigned first) { return header_to(own, first, 5).substr(0, 2); };
    const std::string begun = frame_to(own, 0x01, "a");
    const auto fails = check_fails<own()>;
    fails(begins(0xC9), error::reserved_bits_set, close_code::protocol_error);
    fails(begun + begins(0xC9), error::reserved_bits_set, close_code::protocol_error);
    fails(begun + begins(0xC0), error::reserved_bits_set, close_code::protocol_error);
    fails(begun + begins(0x40), error::reserved_bits_set, close_code::protocol_error);
    fails(begun + begins(0x81), error::message_interrupted, close_code::protocol_error);
    fails(begun + begins(0x02), error::message_interrupted, close_code::protocol_error);
    fails(begun + frame_to(own, 0x89, "p") + begins(0x81), error::message_interrupted, close_code::protocol_error);
    fails(begun + frame_to(own, 0x89, "") + begins(0x01), error::message_interrupted, close_code::protocol_error);
  });
}

// Invariant: of all 65,536 codes, those that may be sent arrive as they are and are echoed, all others fail.
TEST_CASE("D3: every close code that may be sent is kept, a Close of one byte is not a Close", "[defects][7.4]") {
  each_role([](auto own) {
    for (unsigned code = 0; code <= 0xFFFF; ++code) {
      endpoint<own()> ws;
      exact_buffer chunk(frame_to(own, 0x88, std::string{as_char(code >> 8U), as_char(code)}));
      REQUIRE(ws.receive(chunk.view()) == error::none);
      const event last = ws.poll();
      const bool sendable =
          (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
      if (last.type != event_type::closed || last.why.clean() != sendable) FAIL("code " << code);
      if (last.why.received != (sendable ? static_cast<close_code>(code) : close_code::abnormal)) FAIL("code " << code);
      if (last.why.sent != (sendable ? static_cast<close_code>(code) : close_code::protocol_error)) {
        FAIL("code " << code);
      }
    }
    check_fails<own()>(frame_to(own, 0x88, "\x03"), error::close_payload_short, close_code::protocol_error);
  });
}

// Invariant: the verdict on a Close's reason is the same however its bytes were read.
TEST_CASE("D4: the verdict on a Close's reason does not depend on how it was cut", "[defects][7.1.6]") {
  each_role([](auto own) {
    for (const std::string_view reason : {"", "plain", "\xE2\x82\xAC", "a\xF0\x9F\x92\xA9z"}) {
      const std::string stream = frame_to(own, 0x88, "\x03\xE8" + std::string(reason));
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        const recording seen = heard_in_steps<own()>(stream, step);
        CHECK(seen.fault == error::none);
        CHECK(seen.reason == reason);
      }
    }
    for (const std::string_view reason : {"\xE2\x82",
                                          "a\xFF"
                                          "b",
                                          "\xC3", "ok\xED\xA0\x80", "\xE2\x28\xA1"}) {
      check_fails<own()>(frame_to(own, 0x88, "\x03\xE8" + std::string(reason)), error::close_reason_not_utf8,
                         close_code::invalid_payload);
    }
  });
}

// Invariant: control frames between the fragments of a compressed message do not touch what inflates it.
TEST_CASE("D5: a compressed message and its context outlive control frames between its fragments",
          "[defects][5.4][7692-6]") {
  each_role([](auto own) {
    // RFC 7692 §7.2.3.2: "Hello", then "Hello" again by the window that the first one left.
    const std::array<std::string, 2> payloads = {from_hex("f2 48 cd c9 c9 07 00"), from_hex("f2 00 11 00 00")};
    for (const std::string& between : {frame_to(own(), 0x89, ""), frame_to(own(), 0x89, "ping"),
                                       frame_to(own(), 0x8A, "pong") + frame_to(own(), 0x89, std::string(125, 'p'))}) {
      for (std::size_t at = 0; at <= payloads[0].size(); ++at) {
        std::string stream;
        for (const std::string& payload : payloads) {
          const std::size_t cut = std::min(at, payload.size());
          stream += frame_to(own(), 0x41, payload.substr(0, cut)) + between;
          stream += frame_to(own(), 0x80, payload.substr(cut)) + between;
        }
        for (const delivery how : {delivery::messages, delivery::pieces}) {
          for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, stream.size()}) {
            CAPTURE(own() == role::server, at, step, how == delivery::pieces);
            deflate_pool pool;
            const connection_options options{.delivery = how};
            connection<own(), compressed_policy> ws(permessage_deflate<own()>(deflate_agreement{}, pool), options);
            const recording seen = record(ws, stream, [&](std::size_t) { return step; });
            std::string text;
            for (const auto& one : seen.events) {
              if (one.type == event_type::text) text += one.payload + (one.last ? "." : "");
            }
            CHECK(text == "Hello.Hello.");
            CHECK(seen.reports == 0);
          }
        }
      }
    }
  });
}

// Invariant: the message limit is on what a message inflates to, and nothing beyond it is ever made.
TEST_CASE("D6: 194 KB that inflate to 200 MB stop at the message limit", "[defects][10.4][7692-8]") {
  each_role([](auto own) {
    constexpr std::size_t limit = 1024 * 1024;
    for (const std::size_t size : {std::size_t{200'000'000}, limit + 1, limit}) {
      const std::string payload = deflate_bits().zeros(size).end();
      REQUIRE(payload.size() < 194'000);
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        const std::size_t before = counted_buffer::held;
        counted_buffer::most_held = before;
        deflate_pool pool;
        const connection_options options{.delivery = how};
        connection<own(), compressed_policy> ws(permessage_deflate<own()>(deflate_agreement{}, pool), options);
        exact_buffer chunk(frame_to(own(), 0xC2, payload));
        REQUIRE(ws.receive(chunk.view()) == error::none);
        std::size_t heard = 0;
        close_report why;
        ws.drain([&](const event& next) {
          heard += next.is_message() ? next.payload.size() : 0;
          if (next.type == event_type::closed) why = next.why;
        });
        CHECK(why.fault == (size == limit ? error::none : error::message_too_big));
        CHECK(why.sent == (size == limit ? close_code::none : close_code::message_too_big));
        CHECK(heard == (size == limit || how == delivery::pieces ? limit : 0));
        CHECK(counted_buffer::most_held - before <= limit + 64 * 1024);
      }
    }
  });
}

// Invariant: the byte that cannot be UTF-8 is the last that is read, wherever the message would end.
TEST_CASE("D8: text fails at the first byte that cannot be valid, long before its message ends", "[defects][8.1]") {
  each_role([](auto own) {
    const std::string valid = "valid \xE2\x82\xAC";
    for (const std::string_view fault : {"\xFF", "\xC0", "\xED\xA0", "\xE2\x28", "\xF4\x90"}) {
      const std::string text = valid + std::string(fault);
      const std::string stream =
          header_to(own, 0x81, 1'000'000) + frame_to(own, 0x81, text).substr(own() == role::server ? 6 : 2);
      check_fails<own()>(stream, error::text_not_utf8, close_code::invalid_payload);
      const recording before = heard_in_steps<own()>(stream.substr(0, stream.size() - 1), 1);
      CHECK(before.reports == 0);
      CHECK(before.open);
      const std::string fragments = frame_to(own, 0x01, valid) + frame_to(own, 0x00, fault);
      check_fails<own()>(fragments, error::text_not_utf8, close_code::invalid_payload);
    }
  });
}

// Invariant: no control frame is longer than 125 bytes, none is silently dropped, no message replaces another.
TEST_CASE("D9: the cap of 125 bytes is on every control frame, and no message replaces another", "[defects][5.5]") {
  each_role([](auto own) {
    for (const unsigned first : {0x88U, 0x89U, 0x8AU}) {
      check_fails<own()>(header_to(own, first, 126).substr(0, 2), error::control_too_long, close_code::protocol_error);
      check_fails<own()>(header_to(own, first, 65'536).substr(0, 2), error::control_too_long,
                         close_code::protocol_error);
    }
    const recording seen = heard_in_steps<own()>(frame_to(own, 0x01, "first") + frame_to(own, 0x01, "second"), 3);
    CHECK(seen.events.empty());
    CHECK(seen.fault == error::message_interrupted);
  });
}

// Invariant: a key is used for one frame, and who knows it knows nothing of the next.
TEST_CASE("D10: every frame has a masking key of its own, from the cryptographic source; limits are on",
          "[defects][5.3][10.3]") {
  static_assert(std::is_same_v<client_connection::random_type, openssl_random>);
  std::set<std::string> keys;
  std::array<std::set<char>, 4> bytes_seen;
  for (int i = 0; i < 4; ++i) {
    client_connection ws;
    for (int j = 0; j < 50; ++j) {
      REQUIRE(ws.send_binary({}) == error::none);
      const std::string key(text_of(ws.output().subspan(2, 4)));
      keys.insert(key);
      for (std::size_t at = 0; at < 4; ++at) bytes_seen[at].insert(key[at]);
      REQUIRE(ws.sent(6) == error::none);
    }
  }
  CHECK(keys.size() == 200);
  // A clock's seconds or a counter would move in the last byte alone: of 200 fair draws, some 138 values differ.
  for (const std::set<char>& values : bytes_seen) CHECK(values.size() > 90);

  each_role([](auto own) {
    CHECK(heard_in_steps<own()>(header_to(own, 0x82, 1024 * 1024), 1).reports == 0);
    CHECK(heard_in_steps<own()>(header_to(own, 0x82, 1024 * 1024 + 1), 1).fault == error::message_too_big);
  });
}

// Invariant: while output is blocked, pings cost the memory of one pong, and the latest is answered.
TEST_CASE("D11: ten thousand pings with blocked output leave one pong", "[defects][5.5.3]") {
  each_role([](auto own) {
    for (const std::size_t sent_of_first : {0U, 50U}) {
      CAPTURE(own() == role::server, sent_of_first);
      const std::size_t held_before = counted_buffer::held;
      counted_buffer::most_held = held_before;
      endpoint<own()> ws;
      exact_buffer first(frame_to(own, 0x89, std::string(125, 'f')));
      REQUIRE(ws.receive(first.view()) == error::none);
      ws.drain([](const event&) {});
      const std::string begun(text_of(ws.output().first(sent_of_first)));
      REQUIRE(ws.sent(sent_of_first) == error::none);
      for (int i = 0; i < 10'000; ++i) {
        exact_buffer chunk(frame_to(own, 0x89,
                                    std::string(121, '.') + std::to_string(i % 10'000 / 1000) +
                                        std::to_string(i % 1000 / 100) + std::to_string(i % 100 / 10) +
                                        std::to_string(i % 10)));
        REQUIRE(ws.receive(chunk.view()) == error::none);
        ws.drain([](const event&) {});
        if (ws.buffered() > 2 * 131) FAIL("the output has grown to " << ws.buffered() << " bytes");
      }
      CHECK(counted_buffer::most_held - held_before <= 1024);
      const std::string wire = begun + std::string(text_of(ws.output()));
      const std::size_t pong_size = own() == role::server ? 127 : 131;
      REQUIRE(wire.size() == (sent_of_first == 0 ? pong_size : 2 * pong_size));
      const std::size_t header = pong_size - 125;
      std::string last;
      for (std::size_t i = 0; i < 125; ++i) {
        const std::size_t at = wire.size() - 125 + i;
        const char key = own() == role::server ? '\0' : wire[wire.size() - 125 - 4 + i % 4];
        last += static_cast<char>(wire[at] ^ key);
      }
      CHECK(last == std::string(121, '.') + "9999");
      if (sent_of_first == 0) continue;
      std::string torn;
      for (std::size_t i = 0; i < 125; ++i) {
        torn += static_cast<char>(wire[header + i] ^ (own() == role::server ? '\0' : wire[2 + i % 4]));
      }
      CHECK(torn == std::string(125, 'f'));
    }
  });
}

// Invariant: memory is bounded by the bytes that came, not by the length that was announced.
TEST_CASE("D12: a length alone takes no memory", "[defects][10.4]") {
  each_role([](auto own) {
    for (const std::uint64_t length : {std::uint64_t{0x7FFF'FFFF}, std::uint64_t{0x10'0000'0000}}) {
      const std::size_t before = counted_buffer::held;
      counted_buffer::most_held = before;
      endpoint<own()> ws({.limits = {.message = unlimited}});
      std::size_t came = 0;
      const auto feed = [&](const std::string& part) {
        exact_buffer chunk(part);
        REQUIRE(ws.receive(chunk.view()) == error::none);
        ws.drain([](const event&) { FAIL("nothing is whole yet"); });
      };
      feed(header_to(own, 0x82, length));
      CHECK(counted_buffer::most_held == before);
      for (int i = 0; i < 100; ++i) {
        feed(std::string(1000, 'x'));
        came += 1000;
        REQUIRE(counted_buffer::most_held - before <= 2 * came + 256);
      }
      CHECK(ws.is_open());
    }
  });
}

// Invariant: no byte of payload is waited for once the header shows a rule broken.
TEST_CASE("D13: an illegal header with 16 MiB of payload announced is judged at once", "[defects][5.2]") {
  each_role([](auto own) {
    constexpr std::uint64_t length = 16 * 1024 * 1024;
    const std::vector<std::pair<unsigned, error>> cases = {{0xC2, error::reserved_bits_set},
                                                           {0x83, error::opcode_reserved},
                                                           {0x80, error::continuation_unexpected},
                                                           {0x89, error::control_too_long},
                                                           {0x09, error::control_fragmented}};
    for (const auto& [first, what] : cases) {
      check_fails<own()>(header_to(own, first, length).substr(0, 2), what, close_code::protocol_error);
    }
    check_fails<own()>(header_to(own, 0x82, length), error::message_too_big, close_code::message_too_big);
    check_fails<own()>(header_to(peer_of(own), 0x82, length).substr(0, 2),
                       own() == role::server ? error::mask_missing : error::mask_forbidden, close_code::protocol_error);
  });
}

// Invariant: memory held for a message is bounded by its limit, whatever it is cut into.
TEST_CASE("D14: a flood of tiny fragments holds no more memory than their message may have", "[defects][10.4]") {
  each_role([](auto own) {
    const std::size_t before = counted_buffer::held;
    for (const std::string_view payload : {"", "x"}) {
      std::string stream = frame_to(own, 0x02, payload);
      const std::string next = frame_to(own, 0x00, payload);
      for (int i = 1; i < 16 * 1024; ++i) stream += next;
      counted_buffer::most_held = before;
      endpoint<own()> ws;
      exact_buffer chunk(stream);
      REQUIRE(ws.receive(chunk.view()) == error::none);
      CHECK_FALSE(ws.poll());
      CHECK(counted_buffer::most_held - before <= 2 * 16 * 1024);
      exact_buffer one_more(next);
      REQUIRE(ws.receive(one_more.view()) == error::none);
      const event last = ws.poll();
      CHECK(last.why.fault == error::too_many_fragments);
      CHECK(last.why.sent == close_code::policy_violation);
      (void)ws.poll();
      CHECK(ws.sent(ws.buffered()) == error::none);
      CHECK(counted_buffer::held == before);
    }

    // With that limit lifted, the message's own holds.
    constexpr std::size_t count = 200'000;
    const std::string next = frame_to(own, 0x00, "x");
    std::string stream;
    stream.reserve(count * next.size());
    for (std::size_t i = 0; i < count; ++i) stream += next;
    counted_buffer::most_held = before;
    endpoint<own()> ws({.limits = {.message = count, .fragments = 0xFFFF'FFFF}});
    exact_buffer begin(frame_to(own, 0x02, ""));
    REQUIRE(ws.receive(begin.view()) == error::none);
    CHECK_FALSE(ws.poll());
    exact_buffer chunk(stream);
    REQUIRE(ws.receive(chunk.view()) == error::none);
    CHECK_FALSE(ws.poll());
    CHECK(counted_buffer::held - before == count);
    exact_buffer one_more(frame_to(own, 0x80, "x"));
    REQUIRE(ws.receive(one_more.view()) == error::none);
    CHECK(ws.poll().why.fault == error::message_too_big);
  });
}

namespace {

/// What must be told of how a connection ends, worked out one step at a time.
///   L this end closes   c the peer's Close comes   f a broken frame comes   m a message comes
///   E the transport ends   p all is polled
class expected_end {
 public:
  void step(char action) {
    switch (action) {
      case 'L':
        if (ended_ || report_.sent != close_code::none) break;
        report_.initiator = which_end::local;
        report_.sent = close_code::going_away;
        break;
      case 'E': eof_ = true; break;
      case 'p': poll(); break;
      default:
        if (!ended_ && came_ == 0) came_ = action;
        break;
    }
  }

  bool pending() const { return came_ != 0; }
  bool ended() const { return ended_; }
  bool reply_due() const { return report_.sent != close_code::none; }
  const close_report& report() const { return report_; }

  transport_action transport(role own) const {
    if (!ended_) return transport_action::keep;
    const bool waits = own == role::client && report_.fault == error::none && !eof_;
    return waits ? transport_action::await_eof : transport_action::close;
  }

 private:
  void poll() {
    const char came = std::exchange(came_, '\0');
    if (ended_) return;
    if (came == 'c') {
      ended_ = true;
      report_.received = close_code{3001};
      answer(which_end::peer, close_code{3001});
    } else if (came == 'f') {
      ended_ = true;
      report_.fault = error::opcode_reserved;
      answer(which_end::local, close_code::protocol_error);
    } else if (eof_) {
      ended_ = true;
      report_.fault = error::connection_cut;
    }
  }

  void answer(which_end first, close_code code) {
    if (report_.sent != close_code::none) return;
    report_.initiator = first;
    report_.sent = code;
  }

  char came_ = '\0';  // what was received and not polled
  bool eof_ = false;
  bool ended_ = false;
  close_report report_;
};

template <role Own>
void check_end(const std::string& actions) {
  endpoint<Own> ws;
  expected_end expected;
  std::vector<exact_buffer> chunks;  // each stays until the connection is gone
  chunks.reserve(actions.size());
  int reports = 0;
  close_report report;
  const auto poll_all = [&] {
    ws.drain([&](const event& next) {
      if (next.type != event_type::closed) return;
      ++reports;
      report = next.why;
    });
  };
  for (const char action : actions) {
    if (action == 'L') {
      if ((ws.send_close(close_code::going_away) == error::none) == (expected.ended() || expected.reply_due())) {
        FAIL("a Close at the wrong time");
      }
    } else if (action == 'E') {
      ws.receive_eof();
    } else if (action == 'p') {
      poll_all();
    } else {
      chunks.emplace_back(action == 'c'   ? frame_to(Own, 0x88, "\x0B\xB9")
                          : action == 'f' ? frame_to(Own, 0x83, "")
                                          : frame_to(Own, 0x81, "message"));
      const error taken = ws.receive(chunks.back().view());
      if (taken != (expected.pending() ? error::input_pending : error::none)) FAIL("input is pending or is not");
    }
    expected.step(action);
  }
  const bool same = report.fault == expected.report().fault && report.initiator == expected.report().initiator &&
                    report.sent == expected.report().sent && report.received == expected.report().received;
  if (reports != (expected.ended() ? 1 : 0)) FAIL(reports << " reports");
  if (reports == 1 && !same) FAIL("another report");
  const std::size_t close_size = Own == role::server ? 2 : 6;
  const std::size_t closes = ws.buffered();
  if ((closes >= close_size) != expected.reply_due()) FAIL(closes << " bytes of output");
  if (closes != 0 && (value_of(ws.output()[1]) & 0x7FU) + close_size != closes) FAIL("more than one Close");
  if (ws.sent(closes) != error::none || ws.transport() != expected.transport(Own)) FAIL("the wrong transport action");
  poll_all();
  ws.receive_eof();
  poll_all();
  poll_all();
  if (reports != 1) FAIL(reports << " reports in the end");
}

}  // namespace

// Invariant: in whatever order Closes, faults and the transport's end come, the last event comes once and tells it.
TEST_CASE("D17: every order of ends is told exactly once, as it was", "[defects][7.1]") {
  constexpr std::string_view letters = "LcfmEp";
  constexpr int length = 5;
  int orders = 1;
  for (int i = 0; i < length; ++i) orders *= static_cast<int>(letters.size());
  for (int order = 0; order < orders; ++order) {
    std::string actions;
    for (int rest = order; actions.size() < length; rest /= 6) actions += letters[static_cast<std::size_t>(rest % 6)];
    for (const char* const end : {"", "p"}) {
      INFO(actions << end);
      check_end<role::server>(actions + end);
      check_end<role::client>(actions + end);
    }
  }
  CHECK(orders == 7776);
}

// Invariant: an empty message is an event that is true, once for each message, like any other.
TEST_CASE("D23: empty messages are ordinary events", "[defects][5.6]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const std::string stream = frame_to(own, 0x81, "") + frame_to(own, 0x82, "") + frame_to(own, 0x01, "") +
                                 frame_to(own, 0x89, "") + frame_to(own, 0x80, "") + frame_to(own, 0x8A, "");
      for (std::size_t step = 1; step <= stream.size(); ++step) {
        const recording seen = heard_in_steps<own()>(stream, step, {.delivery = how});
        REQUIRE(seen.events.size() == 5);
        const std::array types = {event_type::text, event_type::binary, event_type::ping, event_type::text,
                                  event_type::pong};
        for (std::size_t i = 0; i < 5; ++i) {
          CHECK(seen.events[i].type == types[i]);
          CHECK(seen.events[i].payload.empty());
          CHECK(seen.events[i].first);
          CHECK(seen.events[i].last);
        }
      }
    }
    endpoint<own()> ws;
    REQUIRE(ws.send_text("") == error::none);
    CHECK(ws.buffered() == (own() == role::server ? 2 : 6));
  });
}
