// Invariant: for every sequence of up to four frames, legal or not, in both roles and both ways of delivery, a
// connection tells, reports and sends what the oracle reads off the RFC, and nothing once the end has come.
#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "fixed_random.hpp"
#include "oracle.hpp"
#include "recording.hpp"

using namespace sansocket;
using sansocket::tests::recording;
namespace oracle = sansocket::tests::oracle;

namespace {

using enum oracle::length_form;

struct counting_policy : default_policy {
  using random_source = tests::counting_random;
};

/// Small enough that four frames reach every one of them.
constexpr oracle::limits limits{.frame = 8, .message = 10, .fragments = 3};

/// A Close frame's payload.
std::string closing(unsigned code, std::string_view reason = {}) {
  std::string payload{static_cast<char>(code / 256), static_cast<char>(code % 256)};
  return payload += reason;
}

struct letter {
  std::string_view name;
  oracle::frame frame;
  bool wrong_mask = false;
};

std::vector<letter> alphabet(role receiver) {
  std::vector<letter> letters{
      // Legal in the right place.
      {"text", {.opcode = 0x1, .payload = "a\xC2\xA2"}},
      {"empty text", {.opcode = 0x1}},
      {"text begins, a code point is cut", {.fin = false, .opcode = 0x1, .payload = "\xE2\x82"}},
      {"text begins, empty", {.fin = false, .opcode = 0x1}},
      {"binary", {.opcode = 0x2, .payload = std::string("\x00\xFF", 2)}},
      {"binary begins", {.fin = false, .opcode = 0x2, .payload = "\xFF"}},
      {"binary begins, as long as a frame may be", {.fin = false, .opcode = 0x2, .payload = "12345678"}},
      {"goes on", {.fin = false, .opcode = 0x0, .payload = "\xAC"}},
      {"goes on, empty", {.fin = false, .opcode = 0x0}},
      {"ends", {.opcode = 0x0, .payload = "\xAC"}},
      {"ends, empty", {.opcode = 0x0}},
      {"ends, three bytes", {.opcode = 0x0, .payload = "123"}},
      {"empty ping", {.opcode = 0x9}},
      {"ping", {.opcode = 0x9, .payload = "p"}},
      {"pong", {.opcode = 0xA, .payload = "q"}},
      // The end, clean.
      {"empty Close", {.opcode = 0x8}},
      {"Close 1000", {.opcode = 0x8, .payload = closing(1000)}},
      {"Close 4999 with a reason", {.opcode = 0x8, .payload = closing(4999, "bye \xE2\x82\xAC")}},
      // The end, and whose fault it is.
      {"Close of one byte", {.opcode = 0x8, .payload = "\x03"}},
      {"Close 999", {.opcode = 0x8, .payload = closing(999)}},
      {"Close 1004", {.opcode = 0x8, .payload = closing(1004)}},
      {"Close 1005", {.opcode = 0x8, .payload = closing(1005)}},
      {"Close 1015", {.opcode = 0x8, .payload = closing(1015)}},
      {"Close 5000", {.opcode = 0x8, .payload = closing(5000)}},
      {"Close, the reason is not UTF-8", {.opcode = 0x8, .payload = closing(1000, "\xC0\x80")}},
      {"Close, the reason is cut", {.opcode = 0x8, .payload = closing(1000, "\xE2\x82")}},
      {"text, overlong", {.opcode = 0x1, .payload = "a\xC0\x80"}},
      {"text, a surrogate", {.opcode = 0x1, .payload = "\xED\xA0\x80"}},
      {"text, cut", {.opcode = 0x1, .payload = "\xE2\x82"}},
      {"text begins, above U+10FFFF", {.fin = false, .opcode = 0x1, .payload = "\xF4\x90\x80\x80"}},
      {"RSV1 on text", {.rsv = 4, .opcode = 0x1, .payload = "a"}},
      {"RSV2 on binary", {.rsv = 2, .opcode = 0x2}},
      {"RSV3 on a ping", {.rsv = 1, .opcode = 0x9}},
      {"RSV1 on a continuation", {.rsv = 4, .opcode = 0x0}},
      {"opcode 3", {.opcode = 0x3}},
      {"opcode 7, not final", {.fin = false, .opcode = 0x7}},
      {"opcode 11", {.opcode = 0xB}},
      {"opcode 15, with a payload", {.opcode = 0xF, .payload = "a"}},
      {"ping, not final", {.fin = false, .opcode = 0x9}},
      {"Close, not final", {.fin = false, .opcode = 0x8, .payload = closing(1000)}},
      {"ping of 126 bytes", {.opcode = 0x9, .announced = 126}},
      {"Close of 65536 bytes", {.opcode = 0x8, .announced = 65'536}},
      {"pong, length not minimal", {.opcode = 0xA, .form = in_16_bits, .payload = "q"}},
      {"text, mask wrong", {.opcode = 0x1, .payload = "a"}, true},
      {"ping, mask wrong", {.opcode = 0x9}, true},
      {"ends, mask wrong", {.opcode = 0x0}, true},
      {"text of 125 bytes in 16 bits", {.opcode = 0x1, .form = in_16_bits, .announced = 125}},
      {"binary begins with 65535 bytes in 64 bits",
       {.fin = false, .opcode = 0x2, .form = in_64_bits, .announced = 65'535}},
      {"goes on, length not minimal", {.fin = false, .opcode = 0x0, .form = in_64_bits, .payload = "a"}},
      {"binary, highest bit of the length", {.opcode = 0x2, .announced = 0x8000'0000'0000'0000U}},
      {"ends, highest bit of the length", {.opcode = 0x0, .announced = 0xFFFF'FFFF'FFFF'FFFFU}},
      {"text, too long", {.opcode = 0x1, .announced = 9}},
      {"ends, too long", {.opcode = 0x0, .announced = 0x7FFF'FFFF'FFFF'FFFFU}},
  };
  for (letter& one : letters) one.frame.masked = (receiver == role::server) != one.wrong_mask;
  return letters;
}

/// What a connection sent, taken apart by hand.
std::vector<oracle::reply> replies_in(std::string_view output, role sender, std::string& fault) {
  std::vector<oracle::reply> replies;
  const auto octet = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(output[at])); };
  while (!output.empty()) {
    const bool masked = sender == role::client;
    const std::size_t header = masked ? 6 : 2;
    if (output.size() < header) return fault = "a cut header", replies;
    const std::size_t length = octet(1) & 0x7FU;
    if ((octet(0) & 0xF0U) != 0x80 || (octet(1) >= 0x80) != masked || length > 125)
      return fault = "a bad header", replies;
    if (output.size() < header + length) return fault = "a cut payload", replies;
    std::string payload(output.substr(header, length));
    for (std::size_t i = 0; masked && i < length; ++i) {
      payload[i] = static_cast<char>(static_cast<unsigned char>(payload[i]) ^ octet(2 + i % 4));
    }

    oracle::reply one{octet(0) & 0x0FU, {}, {}};
    if (one.opcode == 0xA) {
      one.payload = payload;
    } else if (one.opcode == 0x8) {
      one.code = close_code::no_status;
      if (length == 1) return fault = "a Close of one byte", replies;
      if (length >= 2) {
        one.code = static_cast<close_code>(static_cast<unsigned char>(payload[0]) * 256 +
                                           static_cast<unsigned char>(payload[1]));
        const std::string_view reason = std::string_view(payload).substr(2);
        const auto verdict = oracle::judge_text(reason);
        if (verdict.possible != reason.size() || !verdict.complete) return fault = "a bad reason", replies;
      }
    } else {
      return fault = "a frame that nobody asked for", replies;
    }
    replies.push_back(one);
    output.remove_prefix(header + length);
  }
  return replies;
}

/// What a recording must be, but for the output.
recording expected(const oracle::outcome& right, oracle::transport then, bool closes_first) {
  recording out;
  for (const oracle::happening& one : right.events) {
    constexpr event_type types[] = {event_type::text, event_type::binary, event_type::ping, event_type::pong};
    out.events.push_back({types[static_cast<std::size_t>(one.what)], one.first, one.last, one.payload});
  }
  constexpr transport_action actions[] = {transport_action::keep, transport_action::await_eof, transport_action::close};
  out.after = actions[static_cast<std::size_t>(then)];
  out.before = right.replies.empty() ? out.after : transport_action::keep;
  out.open = !right.over && !closes_first;
  if (!right.over) return out;
  constexpr which_end ends[] = {which_end::neither, which_end::local, which_end::peer};
  out.reports = 1;
  out.fault = right.fault;
  out.first = ends[static_cast<std::size_t>(right.first)];
  out.sent = right.sent;
  out.received = right.received;
  out.reason = right.reason;
  return out;
}

/// §5.5.3: a pong that waits makes way for a later one.
std::vector<oracle::reply> with_last_pong_only(const std::vector<oracle::reply>& all) {
  std::vector<oracle::reply> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    bool later = false;
    for (std::size_t k = i + 1; k < all.size(); ++k) later = later || all[k].opcode == 0xA;
    if (all[i].opcode != 0xA || !later) out.push_back(all[i]);
  }
  return out;
}

template <role Role>
class walk {
 public:
  walk(std::size_t depth, bool in_pieces, bool closes_first)
      : letters_(alphabet(Role)), depth_(depth), in_pieces_(in_pieces), closes_first_(closes_first) {
    for (const letter& one : letters_) wires_.push_back(oracle::wire(one.frame));
  }

  /// How many sequences were walked; Catch is told of the first that went wrong.
  std::size_t run() {
    oracle::endpoint start(Role, limits, in_pieces_);
    if (closes_first_) start.send_close(close_code::going_away);
    visit(start, 0);
    return walked_;
  }

 private:
  void visit(const oracle::endpoint& before, std::size_t length) {
    for (std::size_t i = 0; i < letters_.size(); ++i) {
      path_.push_back(i);
      oracle::endpoint after = before;
      after.receive(letters_[i].frame);
      const bool over = after.result().over;
      check(after, over);
      if (!over && length + 1 < depth_) visit(after, length + 1);
      path_.pop_back();
    }
  }

  connection<Role, counting_policy> make() const {
    const connection_options options{
        .limits = {.frame = limits.frame, .message = limits.message, .fragments = limits.fragments},
        .delivery = in_pieces_ ? delivery::pieces : delivery::messages};
    connection<Role, counting_policy> ws(options);
    if (closes_first_ && ws.send_close(close_code::going_away) != error::none) FAIL("send_close");
    return ws;
  }

  void check(const oracle::endpoint& right, bool over) {
    ++walked_;
    // Once the end has come, what follows is discarded, whatever it is.
    std::vector<std::string_view> frames;
    for (const std::size_t i : path_) frames.push_back(wires_[i]);
    if (over) frames.insert(frames.end(), {wires_[0], "\xFF\xFF\xFF\xFF", wires_[13]});

    std::string stream;
    for (const std::string_view one : frames) stream += one;
    auto ws = make();
    const recording seen = tests::record(ws, stream, [](std::size_t rest) { return rest; });
    compare(seen, right, with_last_pong_only(right.result().replies), "at once");
    // What sending in between adds shows in shorter sequences.
    if (path_.size() < 4) check_frame_by_frame(right, frames);
  }

  /// All is sent after each frame, and the transport ends after the last one.
  void check_frame_by_frame(oracle::endpoint right, const std::vector<std::string_view>& frames) {
    auto ws = make();
    recording seen;
    const auto finish = [&](std::string_view how) {
      tests::finish(ws, seen);
      // All was sent before, so this says the same as `after`.
      if (!right.result().replies.empty()) seen.before = transport_action::keep;
      compare(seen, right, right.result().replies, how);
    };
    for (const std::string_view one : frames) {
      tests::exact_buffer chunk(one);
      if (ws.receive(chunk.view()) != error::none) seen.chunk_refused = true;
      ws.drain([&](const event& next) { seen.add(next); });
      tests::send_all(ws, seen.output);
    }
    finish("frame by frame");

    right.receive_eof();
    ws.receive_eof();
    ws.drain([&](const event& next) { seen.add(next); });
    finish("with the transport's end");
  }

  void compare(const recording& seen, const oracle::endpoint& right, const std::vector<oracle::reply>& replies,
               std::string_view how) const {
    recording wanted = expected(right.result(), right.then(), closes_first_);
    wanted.output = seen.output;
    std::string fault;
    const bool same_replies = replies_in(seen.output, Role, fault) == replies;
    if (fault.empty() && same_replies && seen == wanted) return;

    std::string sequence;
    for (const std::size_t i : path_) sequence += "\n  " + std::string(letters_[i].name);
    FAIL((Role == role::server ? "server, " : "client, ")
         << how << (in_pieces_ ? ", in pieces" : "") << (closes_first_ ? ", closes first" : "") << ":" << sequence
         << "\nseen:\n"
         << tests::words(seen) << "\nwanted:\n"
         << tests::words(wanted) << "\noutput: " << fault
         << (same_replies ? "as it should be" : "not what it should be"));
  }

  std::vector<letter> letters_;
  std::vector<std::string> wires_;
  std::size_t depth_;
  bool in_pieces_;
  bool closes_first_;
  std::vector<std::size_t> path_;
  std::size_t walked_ = 0;
};

}  // namespace

TEST_CASE("exhaustive_walk: a server agrees with the oracle on all sequences of four frames",
          "[exhaustive_walk][5.2][5.4][5.5][7.1]") {
  CHECK(walk<role::server>(4, false, false).run() > 40'000);
  CHECK(walk<role::server>(3, true, false).run() > 4'000);
}

TEST_CASE("exhaustive_walk: a client agrees with the oracle on all sequences of four frames",
          "[exhaustive_walk][5.2][5.4][5.5][7.1]") {
  CHECK(walk<role::client>(4, false, false).run() > 40'000);
  CHECK(walk<role::client>(3, true, false).run() > 4'000);
}

TEST_CASE("exhaustive_walk: both agree with the oracle on what comes after a Close frame of their own",
          "[exhaustive_walk][5.5.1][7.1]") {
  CHECK(walk<role::server>(3, false, true).run() > 4'000);
  CHECK(walk<role::server>(2, true, true).run() > 400);
  CHECK(walk<role::client>(3, false, true).run() > 4'000);
  CHECK(walk<role::client>(2, true, true).run() > 400);
}
