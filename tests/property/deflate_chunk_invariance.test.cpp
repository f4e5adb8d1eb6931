// Invariant: what a stream with compressed messages leads to, events, report, output and verdict, does not depend on
// how it was cut into chunks, nor on where its messages were cut into frames or what control frames stand between.
#include "sansocket/deflate/permessage_deflate.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "deflate_streams.hpp"
#include "endpoints.hpp"
#include "fixed_random.hpp"
#include "recording.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::deflate_bits;
using sansocket::tests::deflated;
using sansocket::tests::each_role;
using sansocket::tests::from_hex;
using sansocket::tests::peer_deflater;
using sansocket::tests::record;
using sansocket::tests::record_restless;
using sansocket::tests::recorded_event;
using sansocket::tests::recording;
using sansocket::tests::stream_frame;
using sansocket::tests::stream_message;
using sansocket::tests::words;

namespace {

struct heap_policy : default_policy {
  using random_source = counting_random;
  template <role Role>
  using extension = permessage_deflate<Role>;
};

/// Holds only part of what some streams bring: then the verdict must not depend on the cuts either.
struct fixed_policy : heap_policy {
  using message_buffer = inplace_buffer<325>;
  using output_buffer = inplace_buffer<1024>;
  using retained_buffer = inplace_buffer<64>;
};

struct frame {
  unsigned first;
  std::string payload;
};

/// One stream, and what must come of it.
struct stream_case {
  std::string name;
  std::vector<frame> frames;
  std::string outcome;  // the events' types with delivery::messages, then `open`, the peer's code or the error
  std::vector<std::string> messages{};  // those that come whole
  message_limits limits{.message = 2000, .fragments = 12};
  std::uint64_t max_ratio = unlimited;
  bool takeover = true;
};

std::string stream_of(role receiver, const std::vector<frame>& frames) {
  std::string out;
  for (const frame& one : frames) out += stream_frame(receiver, one.first, one.payload);
  return out;
}

const auto whole = [](std::size_t rest) { return rest; };
const auto byte_by_byte = [](std::size_t) { return std::size_t{1}; };

auto split_at(std::size_t position) {
  return [position, first = true](std::size_t rest) mutable { return std::exchange(first, false) ? position : rest; };
}

auto random_cuts(std::minstd_rand& random) {
  return [&random](std::size_t) { return std::size_t{1 + random() % (random() % 4 == 0 ? 5000 : 9)}; };
}

/// The ends of connections that are fed the same stream in different ways.
template <role Role, class Policy>
class subject {
 public:
  subject(std::string_view name, std::string_view stream, const stream_case& how, delivery delivered)
      : name_(name), stream_(stream), pool_({.max_ratio = how.max_ratio}) {
    agreed_.server_no_context_takeover = agreed_.client_no_context_takeover = !how.takeover;
    options_.limits = how.limits;
    options_.delivery = delivered;
  }

  void set_window(std::uint8_t bits) { agreed_.server_max_window_bits = agreed_.client_max_window_bits = bits; }

  template <class Sizes>
  recording run(Sizes sizes) {
    auto ws = make();
    return record(ws, stream_, sizes);
  }

  /// Byte by byte and in random cuts.
  recording check_some(int rounds) {
    recording wanted = run(whole);
    compare("byte by byte", run(byte_by_byte), wanted);
    std::minstd_rand random(static_cast<unsigned>(stream_.size()) + 1);
    for (int i = 0; i < rounds; ++i) {
      compare("random cuts " + std::to_string(i), run(random_cuts(random)), wanted);
      auto restless = make();
      compare("restless " + std::to_string(i), record_restless(restless, stream_, random), wanted);
    }
    return wanted;
  }

  void check_split(std::size_t position, const recording& wanted) {
    compare("split at " + std::to_string(position), run(split_at(position)), wanted);
  }

  /// Those and every two parts; of a large message some.
  recording check_all(int rounds = 8) {
    const std::size_t size = stream_.size();
    const bool large = options_.limits.message > 10'000;
    recording wanted = check_some(large ? 2 : rounds);
    std::minstd_rand random(static_cast<unsigned>(size) + 2);
    for (std::size_t i = 1; i < size; ++i) {
      if (!large || i < 12 || i + 12 > size || random() % size < 10) {
        check_split(i, wanted);
      }
    }
    return wanted;
  }

 private:
  connection<Role, Policy> make() {
    return connection<Role, Policy>(permessage_deflate<Role>(agreed_, pool_), options_);
  }

  void compare(const std::string& how, const recording& seen, const recording& wanted) const {
    if (!(seen == wanted)) FAIL(name_ << ", " << how << ":\n" << words(seen) << "\nwhole:\n" << words(wanted));
  }

  std::string_view name_;
  std::string_view stream_;
  deflate_pool pool_;
  deflate_agreement agreed_;
  connection_options options_;
};

std::string outcome(const recording& seen) {
  constexpr std::array<std::string_view, 6> types = {"none", "text", "binary", "ping", "pong", "closed"};
  std::string out;
  for (const recorded_event& one : seen.events) out += std::string(types[static_cast<std::size_t>(one.type)]) + " ";
  if (seen.reports == 0) return out + "open";
  if (seen.fault != error::none) return out + std::string(name(seen.fault));
  return out + std::to_string(static_cast<unsigned>(seen.received));
}

/// The messages that came whole, or all that is no message.
std::vector<recorded_event> select(const recording& seen, bool messages) {
  std::vector<recorded_event> out;
  for (const recorded_event& one : seen.events) {
    const bool is_message = one.type == event_type::text || one.type == event_type::binary;
    if (is_message != messages) continue;
    if (!messages || one.first) {
      out.push_back(one);
    } else {
      out.back().payload += one.payload;
      out.back().last = one.last;
    }
  }
  if (messages && !out.empty() && !out.back().last) out.pop_back();
  return out;
}

template <role Role>
void check_case(const stream_case& one) {
  const std::string stream = stream_of(Role, one.frames);
  const recording messages = subject<Role, heap_policy>(one.name, stream, one, delivery::messages).check_all();
  const recording pieces = subject<Role, heap_policy>(one.name, stream, one, delivery::pieces).check_all();
  subject<Role, fixed_policy>(one.name, stream, one, delivery::messages).check_all(4);
  subject<Role, fixed_policy>(one.name, stream, one, delivery::pieces).check_all(4);

  INFO(one.name);
  CHECK(outcome(messages) == one.outcome);
  CHECK(select(pieces, true) == select(messages, true));
  CHECK(select(pieces, false) == select(messages, false));
  CHECK(pieces.output == messages.output);
  CHECK(pieces.fault == messages.fault);
  const auto came = select(messages, true);
  REQUIRE(came.size() >= one.messages.size());
  for (std::size_t i = 0; i < one.messages.size(); ++i) CHECK(came[i].payload == one.messages[i]);
}

void check_cases(const std::vector<stream_case>& cases) {
  each_role([&](auto own) {
    for (const stream_case& one : cases) check_case<own()>(one);
  });
}

/// One message in one frame.
stream_case alone(std::string name, std::string payload, std::string outcome, std::vector<std::string> messages = {}) {
  return {std::move(name), {{0xC1, std::move(payload)}}, std::move(outcome), std::move(messages)};
}

/// Text of exactly that size that does not end within a code point.
std::string text_of_size(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() + 12 < size; ++i) {
    out += i % 5 == 0 ? "\xE2\x82\xAC" : i % 7 == 0 ? "\xF0\x9F\x98\x80" : i % 11 == 0 ? "compressed " : "x";
  }
  return out.append(size - out.size(), '.');
}

}  // namespace

TEST_CASE("deflate_chunk_invariance: good messages", "[deflate_chunk_invariance][7692-7.2.3]") {
  const std::string hello = "Hello";
  std::vector<stream_case> cases = {
      // The examples of RFC 7692 §7.2.3.
      alone("7.2.3.1", from_hex("f2 48 cd c9 c9 07 00"), "text open", {hello}),
      {"7.2.3.1 fragmented", {{0x41, from_hex("f2 48 cd")}, {0x80, from_hex("c9 c9 07 00")}}, "text open", {hello}},
      {"7.2.3.2",
       {{0xC1, from_hex("f2 48 cd c9 c9 07 00")}, {0xC1, from_hex("f2 00 11 00 00")}},
       "text text open",
       {hello, hello}},
      alone("7.2.3.3", from_hex("00 05 00 fa ff 48 65 6c 6c 6f 00"), "text open", {hello}),
      alone("7.2.3.4", from_hex("f3 48 cd c9 c9 07 00 00"), "text open", {hello}),
      alone("7.2.3.5", from_hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"), "text open", {hello}),
      alone("7.2.3.6", from_hex("00"), "text open", {""}),
      // Blocks of every kind.
      alone("final blocks only",
            deflate_bits().fixed("a", true).align().stored("b", true).fixed("c", true).align().end(), "text open",
            {"abc"}),
      alone("a final block among others", deflate_bits().fixed("a").stored("b", true).fixed("c").end(), "text open",
            {"abc"}),
      alone("zeros", deflate_bits().zeros(1500).end(), "text open", {std::string(1500, '\0')}),
      alone("zeros after a final block of zeros", deflate_bits().zeros(700, true).align().zeros(800).stored("x").end(),
            "text open", {std::string(1500, '\0') + "x"}),
      alone("what a final block left can be referred to",
            deflate_bits().fixed("abc", true).align().block(1).fixed_three_from(2, 0, 0).fixed_end().end(), "text open",
            {"abcabc"}),
      {"what a message before left can be referred to",
       {{0xC1, deflate_bits().fixed("abc", true).align().end()},
        {0x81, "plain"},
        {0xC1, deflate_bits().block(1).fixed_three_from(2, 0, 0).fixed_end().end()}},
       "text text text open",
       {"abc", "plain", "abc"}},
      {"without takeover, a message for itself",
       {{0xC1, deflated("abc")}, {0xC2, deflated("abc")}},
       "text binary open",
       {"abc", "abc"},
       {},
       unlimited,
       false},
      {"a stored block whose content is the flush's",
       {{0xC2, from_hex("00 04 00 fb ff")}},
       "binary open",
       {from_hex("00 00 ff ff")}},
      // Mixed, in fragments, with control frames.
      {"plain and compressed",
       {{0xC1, deflated("one")}, {0x81, "two"}, {0x02, "th"}, {0x80, "ree"}, {0x42, deflated("four")}, {0x80, ""}},
       "text text binary binary open",
       {"one", "two", "three", "four"}},
      {"an empty first fragment", {{0x41, ""}, {0x80, deflated("text")}}, "text open", {"text"}},
      {"the flush's byte alone in the last fragment",
       {{0x41, from_hex("f2 48 cd c9 c9 07")}, {0x89, "p"}, {0x80, from_hex("00")}},
       "ping text open",
       {hello}},
      {"flushed in full in the first fragment",
       {{0x41, from_hex("f2 48 cd c9 c9 07 00 00 00 ff ff")}, {0x80, from_hex("00")}},
       "text open",
       {hello}},
      {"pings within a code point",
       {{0x41, deflate_bits().stored("\xE2").so_far()},
        {0x89, "one"},
        {0x00, deflate_bits().stored("\x82").so_far()},
        {0x8A, ""},
        {0x80, deflate_bits().stored("\xAC").end()}},
       "ping pong text open",
       {"\xE2\x82\xAC"}},
      {"Close between fragments",
       {{0x41, deflate_bits().stored("abc").so_far()}, {0x88, from_hex("03 e8")}, {0x80, from_hex("00")}},
       "1000"},
      {"a fragment and no more", {{0x41, deflate_bits().stored("abc").so_far()}, {0x89, ""}}, "ping open"},
      {"as many fragments as there may be",
       {{0x41, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x80, from_hex("00")}},
       "text open",
       {""}},
  };
  // Around what is inflated at once, and around half and double of that.
  for (const std::size_t size : {255U, 256U, 257U, 2000U, 16'383U, 16'384U, 16'385U, 20'480U, 20'481U, 40'000U}) {
    const std::string text = text_of_size(size);
    stream_case one = alone(std::to_string(size) + " bytes", deflated(text), "text open", {text});
    one.limits.message = 40'000;
    cases.push_back(one);
    if (size % 2 == 0) one.frames = {{0xC2, deflated(text, 0)}};
    if (size % 2 == 0) one.outcome = "binary open";
    if (size % 2 == 0) cases.push_back(one);
  }
  check_cases(cases);
}

TEST_CASE("deflate_chunk_invariance: broken streams", "[deflate_chunk_invariance][7692-7.2.2]") {
  const std::string bad = "compressed_data_invalid";
  const std::string good = deflated("before");
  std::vector<stream_case> cases = {
      alone("no payload", "", bad),
      alone("the reserved block type", deflate_bits().fixed("abc").block(3).end(), bad),
      alone("the reserved block type at once", from_hex("07"), bad),
      alone("a stored length and another", from_hex("00 05 00 fa fe 48 65 6c 6c 6f 00"), bad),
      alone("a distance before the beginning",
            deflate_bits().block(1).fixed_literals("ab").fixed_three_from(2, 0, 0).fixed_end().end(), bad),
      alone("a distance before the beginning, in a later block",
            deflate_bits().stored("ab").fixed("", true).align().block(1).fixed_three_from(3, 0, 0).fixed_end().end(),
            bad),
      alone("a distance that does not exist",
            deflate_bits().stored(std::string(300, 'x')).block(1).fixed_three_from(30, 0, 0).fixed_end().end(), bad),
      alone("a length that does not exist", deflate_bits().block(1).fixed_literals("a").code(0xC6, 8).fixed_end().end(),
            bad),
      alone("too many codes", deflate_bits().block(2).number(31, 5).number(31, 5).number(0, 4).end(), bad),
      alone("code lengths over full",
            deflate_bits().block(2).number(0, 5).number(0, 5).number(0, 4).number(0x249, 12).end(), bad),
      alone("a repetition of nothing",
            deflate_bits()
                .block(2)
                .number(0, 5)
                .number(0, 5)
                .number(0, 4)
                .number(1, 3)
                .number(1, 3)
                .number(0, 6)
                .number(0, 20)
                .number(0, 20)
                .end(),
            bad),
      alone("no code for the block's end", from_hex("04 e0 81 08 00 00 00 00 20 7f eb 0b 00 00"), bad),
      alone("unfinished fixed block", from_hex("f2 48 cd c9"), bad),
      {"unfinished stored block", {{0xC2, from_hex("00 09 00 f6 ff 48 65")}}, bad},
      alone("unfinished dynamic block", deflate_bits().zeros(100).so_far().substr(0, 9), bad),
      alone("no flush behind the last block",
            deflate_bits().stored("abc").block(1).fixed_literals("d").fixed_three_from(2, 0, 0).fixed_end().so_far(),
            bad),
      alone("a byte too many", from_hex("f2 48 cd c9 c9 07 00 01"), bad),
      alone("many bytes too many", deflated("abc") + std::string(100, 'x'), bad),
      alone("the flush was not taken off", from_hex("f2 48 cd c9 c9 07 00 00 00 ff ff"), bad),
      alone("nothing but 0xFF", std::string(20, '\xFF'), bad),
      {"good, then bad", {{0xC1, good}, {0xC1, from_hex("07")}, {0xC1, good}}, "text " + bad, {"before"}},
      {"bad, then a broken header", {{0x41, from_hex("07")}, {0xC0, "x"}}, bad},
      {"a broken header before the fault could come", {{0x41, from_hex("f2")}, {0xC0, "x"}}, "reserved_bits_set"},
      {"a reference to the message before without takeover",
       {{0xC1, from_hex("f2 48 cd c9 c9 07 00")}, {0xC1, from_hex("f2 00 11 00 00")}},
       "text " + bad,
       {"Hello"},
       {},
       unlimited,
       false},
      {"the message ends with the fragment before",
       {{0x41, from_hex("f2 48 cd c9 c9 07 00")}, {0x80, ""}},
       "text open",
       {"Hello"}},
      {"bits left over at the end",
       {{0xC1, from_hex("f2 48 cd c9 c9 07 00")}, {0xC1, from_hex("02")}},
       "text " + bad,
       {"Hello"}},
      // Marks in wrong places.
      {"RSV1 on a continuation", {{0x41, good.substr(0, 3)}, {0xC0, good.substr(3)}}, "reserved_bits_set"},
      {"RSV1 on a continuation of a plain message", {{0x01, "a"}, {0xC0, "b"}}, "reserved_bits_set"},
      {"RSV1 on a ping", {{0xC1, good}, {0xC9, ""}}, "text reserved_bits_set", {"before"}},
      {"RSV1 on a ping between fragments", {{0x41, good.substr(0, 3)}, {0xC9, ""}}, "reserved_bits_set"},
      {"RSV1 on a pong", {{0xCA, "x"}}, "reserved_bits_set"},
      {"RSV1 on a Close", {{0xC8, from_hex("03 e8")}}, "reserved_bits_set"},
      {"RSV1 and RSV2", {{0xE1, good}}, "reserved_bits_set"},
      {"RSV2 on a compressed continuation", {{0x41, good.substr(0, 3)}, {0xA0, good.substr(3)}}, "reserved_bits_set"},
      {"RSV3 on a plain message", {{0x91, "a"}}, "reserved_bits_set"},
      {"a second first fragment", {{0x41, good.substr(0, 3)}, {0xC1, good}}, "message_interrupted"},
      {"a plain message within", {{0x41, good.substr(0, 3)}, {0x81, "x"}}, "message_interrupted"},
      {"one fragment more than there may be",
       {{0x41, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x00, ""},
        {0x80, from_hex("00")}},
       "too_many_fragments"},
      {"a frame above its limit",
       {{0xC1, good}, {0xC1, std::string(301, '\0')}},
       "text frame_too_big",
       {"before"},
       {.frame = 300, .message = 2000}},
  };
  check_cases(cases);
}

TEST_CASE("deflate_chunk_invariance: limits", "[deflate_chunk_invariance][7692-8]") {
  std::vector<stream_case> cases;
  for (const std::size_t limit : {0U, 1U, 100U, 2000U, 16'384U, 20'480U}) {
    for (const std::size_t more : {0U, 1U, 5000U}) {
      const std::string name = std::to_string(limit) + " and " + std::to_string(more);
      const std::string result = more == 0 ? "text open" : "message_too_big";
      stream_case one = alone(name, deflate_bits().zeros(limit + more).end(), result);
      one.limits = {.message = limit, .fragments = 12};
      cases.push_back(one);
      const std::string payload = one.frames[0].payload;
      one.frames = {
          {0x41, payload.substr(0, 7)}, {0x89, "p"}, {0x00, payload.substr(7, 5)}, {0x80, payload.substr(12)}};
      cases.push_back(one);
      cases.back().outcome = "ping " + result;
    }
  }
  // The fault that comes first counts.
  const std::string at_limit = std::string(100, 'x');
  for (const auto& [payload, result] : std::vector<std::pair<std::string, std::string>>{
           {deflate_bits().stored(at_limit).block(3).end(), "compressed_data_invalid"},
           {deflate_bits().stored(at_limit).stored("y").block(3).end(), "message_too_big"},
           {deflate_bits().stored(at_limit + "\xFF").end(), "message_too_big"},
           {deflate_bits().stored(at_limit.substr(1) + "\xFF" + "\xFF").end(), "text_not_utf8"},
           {deflate_bits().stored(at_limit.substr(1) + "\xFF").block(3).end(), "text_not_utf8"},
           {deflate_bits().stored(at_limit.substr(1) + "\xE2").end(), "text_not_utf8"},
           {deflate_bits().stored(at_limit.substr(1) + "\xE2").block(3).end(), "compressed_data_invalid"},
           {deflate_bits().stored(at_limit.substr(1) + "\xE2\x82").end(), "message_too_big"},
           {deflate_bits().fixed(at_limit.substr(1)).stored("").fixed("").stored("\n", true).fixed("").end(),
            "text open"},
       }) {
    stream_case one = alone("at the limit: " + result, payload, result);
    one.limits.message = 100;
    cases.push_back(one);
  }
  // What stands for the message's end may be content: of a block that lacks four bytes.
  for (const std::size_t limit : {1000U, 1001U, 1002U, 1003U, 1004U}) {
    const std::string lacking = deflate_bits().stored(std::string(1004, 'x')).so_far().substr(0, 1005);
    const std::string content = std::string(1000, 'x') + from_hex("00 00 ff ff");
    stream_case one{"content at the end", {{0xC2, lacking}}, limit == 1004 ? "binary open" : "message_too_big"};
    if (limit == 1004) one.messages = {content};
    one.limits.message = limit;
    cases.push_back(one);
  }
  // A ratio counts from 64 KiB on, against each started KiB and against the whole: this is some 320 bytes.
  const std::string payload = deflate_bits().zeros(70'000).stored(std::string(200, 'x')).end();
  for (const auto& [ratio, result] :
       std::vector<std::pair<std::uint64_t, std::string>>{{1, "compressed_ratio_too_high"},
                                                          {70, "compressed_ratio_too_high"},
                                                          {200, "compressed_ratio_too_high"},
                                                          {300, "text open"}}) {
    stream_case one = alone("ratio " + std::to_string(ratio), payload, result);
    one.max_ratio = ratio;
    one.limits.message = 1024 * 1024;
    cases.push_back(one);
    one.name += " in fragments";
    one.frames = {{0x41, payload.substr(0, 100)}, {0x89, "p"}, {0x80, payload.substr(100)}};
    // What is more than the first KiB may come to is not waited for.
    one.outcome = ratio == 1 ? result : "ping " + result;
    cases.push_back(one);
    one.name += " and a limit";
    one.limits.message = 64 * 1024;
    one.outcome = ratio == 1 ? result : "message_too_big";
    cases.push_back(one);
  }
  check_cases(cases);
}

TEST_CASE("deflate_chunk_invariance: a ratio that is passed where a KiB ends", "[deflate_chunk_invariance][7692-8]") {
  // Each byte comes to 1032; where a KiB ends, the bound lies within what its last byte comes to, or next to it.
  for (const std::size_t before : {0U, 40U, 80U, 120U}) {
    const std::size_t about = (before + (1024 - 19 - before) * 1032) / 1024;
    for (std::uint64_t ratio = about - 1; ratio <= about + 1; ++ratio) {
      deflate_bits message;
      message.stored(std::string(before, 'x')).zeros(1'100'000);
      for (int i = 0; i < 150; ++i) message.stored("");
      const std::string stream = stream_frame(role::server, 0xC2, message.end());
      const stream_case one{"ratio", {}, "", {}, {.message = 2 * 1024 * 1024}, ratio};
      INFO("ratio " << ratio << ", " << before << " bytes before");
      error verdict = error::none;
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        subject<role::server, heap_policy> end("ratio", stream, one, how);
        const recording seen = end.check_some(1);
        constexpr std::size_t header = 8;
        for (std::size_t at = 1020; at < 1028; ++at) end.check_split(header + at, seen);
        if (how == delivery::messages) verdict = seen.fault;
        CHECK(seen.fault == verdict);
      }
    }
  }
}

TEST_CASE("deflate_chunk_invariance: text that is not UTF-8, at every position and in every kind of block",
          "[deflate_chunk_invariance][8.1]") {
  const std::string text = "k\xC3\xA9 \xE2\x82\xAC caf\xC3\xA9 \xF0\x9F\x98\x80!";
  each_role([&](auto own) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      for (const std::string_view fault : {"\xFF", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xED\xA0"}) {
        std::string broken = text.substr(0, at) + std::string(fault) + text.substr(at);
        const std::array payloads = {deflated(broken, 0), deflated(broken, 6, Z_FIXED), deflated(broken + broken)};
        const std::string& payload = payloads[at % payloads.size()];
        std::vector<frame> frames = {{0xC1, payload}};
        if (fault.size() == 1) frames = {{0x41, payload.substr(0, at)}, {0x89, "p"}, {0x80, payload.substr(at)}};
        const stream_case one{"text", frames, ""};
        const std::string stream = stream_of(own(), frames);
        const recording messages = subject<own(), heap_policy>("text", stream, one, delivery::messages).check_some(1);
        const recording pieces = subject<own(), heap_policy>("text", stream, one, delivery::pieces).check_some(1);
        CAPTURE(at, broken);
        CHECK(messages.fault == error::text_not_utf8);
        CHECK(pieces.fault == error::text_not_utf8);
        CHECK(select(pieces, true).empty());
        CHECK(select(pieces, false) == select(messages, false));
      }
    }
  });
}

TEST_CASE("deflate_chunk_invariance: pieces end where text is no longer valid", "[deflate_chunk_invariance][8.1]") {
  const std::string valid = text_of_size(300);
  for (const std::string_view fault : {"\xFF", "\xE2\x28", "\xED\xA0\x80"}) {
    const std::vector<frame> frames = {{0xC1, deflated(valid + std::string(fault) + valid)}};
    const stream_case one{"text", frames, ""};
    const std::string stream = stream_of(role::server, frames);
    const recording seen = subject<role::server, heap_policy>("text", stream, one, delivery::pieces).check_all();
    REQUIRE(seen.events.size() == 1);
    CHECK(seen.events[0].payload == valid + std::string(fault.substr(0, fault.size() == 1 ? 0 : 1)));
    CHECK_FALSE(seen.events[0].last);
    CHECK(seen.fault == error::text_not_utf8);
  }
}

TEST_CASE("deflate_chunk_invariance: fragments and control frames at every point",
          "[deflate_chunk_invariance][7692-6][5.4]") {
  const std::string text = "caf\xC3\xA9 caf\xC3\xA9 caf\xC3\xA9";
  const std::array<std::pair<std::string, error>, 6> payloads = {{
      {deflated(text), error::none},
      {deflated(text, 0), error::none},
      {deflate_bits()
           .fixed("caf\xC3\xA9 caf\xC3\xA9", true)
           .align()
           .stored(" caf")
           .fixed("\xC3\xA9", true)
           .align()
           .end(),
       error::none},
      {deflate_bits().fixed("caf\xC3\xA9").block(3).end(), error::compressed_data_invalid},
      {deflate_bits().stored("caf\xC3").fixed("x").end(), error::text_not_utf8},
      {deflate_bits().zeros(41).end(), error::message_too_big},
  }};
  const std::array<std::vector<frame>, 4> controls = {
      {{}, {{0x89, ""}}, {{0x89, "ping"}, {0x8A, "pong"}}, {{0x8A, ""}, {0x89, std::string(125, 'p')}}}};
  each_role([&](auto own) {
    for (const auto& [payload, fault] : payloads) {
      INFO(sansocket::tests::to_hex(bytes_of(std::string_view(payload))));
      for (std::size_t i = 0; i <= payload.size(); ++i) {
        for (std::size_t j = i; j <= payload.size(); j += 1 + (j - i) / 4) {
          for (std::size_t k = 0; k < controls.size(); ++k) {
            std::vector<frame> frames = {{0x41, payload.substr(0, i)}};
            frames.insert(frames.end(), controls[k].begin(), controls[k].end());
            frames.push_back({0x00, payload.substr(i, j - i)});
            const auto& others = controls[(k + 1) % controls.size()];
            frames.insert(frames.end(), others.begin(), others.end());
            frames.push_back({0x80, payload.substr(j)});
            const stream_case one{"fragments", frames, "", {}, {.message = 40}};
            const std::string stream = stream_of(own(), frames);
            const bool rare = (i + j + k) % 7 == 0;
            subject<own(), heap_policy> messages("fragments", stream, one, delivery::messages);
            subject<own(), heap_policy> pieces("fragments", stream, one, delivery::pieces);
            const recording seen = messages.check_some(rare ? 1 : 0);
            const recording parts = pieces.check_some(rare ? 1 : 0);
            CAPTURE(i, j, k);
            if (seen.fault != fault) FAIL("another fault: " << name(seen.fault));
            if (select(seen, true) != select(parts, true)) FAIL("other messages in pieces");
            if (select(seen, false) != select(parts, false)) FAIL("other control frames in pieces");
            if (fault != error::none) continue;
            const auto came = select(seen, true);
            if (came.size() != 1 || came[0].payload != text) FAIL("another message");
            if (select(seen, false).size() != controls[k].size() + others.size()) FAIL("a control frame is lost");
          }
        }
      }
    }
  });
}

TEST_CASE("deflate_chunk_invariance: random sessions", "[deflate_chunk_invariance][7692-6]") {
  std::minstd_rand random(1951);
  each_role([&](auto own) {
    for (int round = 0; round < 60; ++round) {
      const bool takeover = random() % 2 == 0;
      peer_deflater peer;
      std::string stream;
      for (int i = 0; i < 8; ++i) {
        const std::string content = text_of_size(13 + random() % (random() % 4 == 0 ? 30'000 : 300));
        const unsigned type = 1 + random() % 2;
        if (random() % 4 == 0) {
          stream += stream_message(own(), type, content, 1 + random() % 4000);
          continue;
        }
        std::string payload = takeover ? peer.message(content) : deflated(content);
        if (random() % 12 == 0) payload[random() % payload.size()] = static_cast<char>(random() & 0xFFU);
        const std::string between =
            random() % 2 == 0 ? stream_frame(own(), 0x89U + random() % 2, std::string(random() % 126, 'c')) : "";
        stream += stream_message(own(), 0x40U | type, payload, 1 + random() % (payload.size() + 5), between);
      }
      const stream_case one{"session", {}, "", {}, {.message = 29'000}, unlimited, takeover};
      INFO("round " << round);
      const recording messages = subject<own(), heap_policy>("session", stream, one, delivery::messages).check_some(3);
      const recording pieces = subject<own(), heap_policy>("session", stream, one, delivery::pieces).check_some(3);
      CHECK(select(pieces, true) == select(messages, true));
      CHECK(select(pieces, false) == select(messages, false));
      CHECK(pieces.fault == messages.fault);
    }
  });
}

TEST_CASE("deflate_chunk_invariance: payloads that end with a final block and without the byte behind it",
          "[deflate_chunk_invariance][7692-7.2.3.4]") {
  each_role([](auto own) {
    for (const std::size_t size : {0U, 5U, 500U, 505U, 510U, 520U, 1500U}) {
      const std::string payload = deflate_bits().stored(std::string(size, 'x')).fixed("Hello", true).so_far();
      const std::vector<std::vector<frame>> ways = {
          {{0xC1, payload}},
          {{0x41, payload}, {0x80, ""}},
          {{0x41, payload.substr(0, payload.size() - 1)}, {0x80, payload.substr(payload.size() - 1)}}};
      std::string verdict;
      for (const auto& frames : ways) {
        INFO(size << " bytes before the last block");
        const stream_case one{"final", frames, ""};
        const std::string stream = stream_of(own(), frames);
        for (const delivery how : {delivery::messages, delivery::pieces}) {
          const recording seen = subject<own(), heap_policy>("final", stream, one, how).check_all(2);
          const std::string now(name(seen.fault));
          if (verdict.empty()) verdict = now;
          CHECK(now == verdict);
        }
      }
    }
  });
}

TEST_CASE("deflate_chunk_invariance: distances beyond the window that was agreed on",
          "[deflate_chunk_invariance][7692-7.1.2]") {
  each_role([](auto own) {
    // Three bytes from 257, of which a window of 8 bits knows nothing.
    const std::string payload =
        deflate_bits().stored(std::string(1000, 'x')).block(1).fixed_three_from(16, 0, 7).fixed_end().end();
    const std::vector<frame> frames = {{0xC1, payload}};
    const stream_case one{"window", frames, ""};
    const std::string stream = stream_of(own(), frames);
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      subject<own(), heap_policy> end("window", stream, one, how);
      end.set_window(8);
      (void)end.check_all(4);
    }
  });
}
