// Invariant: whatever bytes a client sends to a server that inflates, events, report and output do not depend on how
// they were cut, text is UTF-8, no message is larger than its limit, and no more is held than that and 64 KiB.
#include "sansocket/deflate/permessage_deflate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fixed_random.hpp"
#include "oracle.hpp"
#include "recording.hpp"
#include "require.hpp"

using namespace sansocket;
using namespace sansocket::tests;

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
    // While it grows the old block and the new one are there.
    if (capacity() != before) most_held = std::max(most_held, held + capacity());
    held += capacity() - before;
    return room;
  }

  void release() noexcept {
    held -= capacity();
    heap_buffer::release();
  }
};

struct heap_policy : default_policy {
  using message_buffer = counted_buffer;
  using random_source = counting_random;
  template <role Role>
  using extension = permessage_deflate<Role>;
};

struct fixed_policy : heap_policy {
  using message_buffer = inplace_buffer<400>;
  using output_buffer = inplace_buffer<700>;
  using retained_buffer = inplace_buffer<16>;
};

/// What the first bytes of an input choose.
struct setup {
  connection_options options;
  deflate_agreement agreed;
  deflate_settings settings;
  std::span<const std::uint8_t> cuts;
};

void check(const recording& seen, const setup& how) {
  require(seen.reports <= 1 && !seen.event_after_report, "the report comes once and last");
  require(!seen.chunk_refused, "a chunk is taken when the one before is used up");
  require((seen.fault == error::none) || close_code_for(seen.fault) != close_code::none, "each fault has a close code");
  std::string text;
  std::uint64_t length = 0;
  for (const recorded_event& one : seen.events) {
    if (one.type != event_type::text && one.type != event_type::binary) {
      require(one.payload.size() <= 125, "control frames are small");
      continue;
    }
    if (one.first) {
      text.clear();
      length = 0;
    }
    length += one.payload.size();
    require(length <= how.options.limits.message, "a message obeys its limit");
    if (one.type != event_type::text) continue;
    text += one.payload;
    const auto verdict = oracle::judge_text(text);
    require(verdict.possible == text.size() && (verdict.complete || !one.last), "text is UTF-8");
  }
}

template <class Policy>
recording run(std::string_view stream, const setup& how) {
  using end = connection<role::server, Policy>;
  deflate_pool pool(how.settings);
  const auto make = [&] { return end(typename end::extension_type(how.agreed, pool), how.options); };
  // Each end by itself, beside what those before it still hold.
  const auto bounded = [&](auto feed) {
    const std::size_t before = counted_buffer::held;
    counted_buffer::most_held = before;
    recording seen = feed();
    require(counted_buffer::most_held - before <= how.options.limits.message + 64 * 1024, "memory is bounded");
    return seen;
  };
  auto whole = make();
  const recording wanted = bounded([&] { return record(whole, stream, [](std::size_t rest) { return rest; }); });
  check(wanted, how);

  auto cut = make();
  const auto sizes = [&, next = std::size_t{0}](std::size_t) mutable {
    const std::size_t size = how.cuts[next++ % how.cuts.size()];
    return 1 + (size < 200 ? size % 32 : size * 16);
  };
  require(bounded([&] { return record(cut, stream, sizes); }) == wanted, "cuts do not matter");
  if (stream.size() < 3000) {
    auto bytewise = make();
    const auto one = [](std::size_t) { return std::size_t{1}; };
    require(bounded([&] { return record(bytewise, stream, one); }) == wanted, "no cut matters");
  }
  std::minstd_rand random(how.cuts[0] + 1U);
  auto restless = make();
  require(record_restless(restless, stream, random) == wanted, "retaining and resting do not matter");

  // The transport's end is the last thing that can happen.
  cut.receive_eof();
  std::size_t reports = wanted.reports;
  cut.drain([&](const event& last) { reports += last.type == event_type::closed ? 1 : 2; });
  require(reports == 1, "there is a report after the transport's end");
  require(cut.transport() == transport_action::close, "the transport is to be closed after its end");
  return wanted;
}

/// The messages that came whole.
std::vector<recorded_event> messages_of(const recording& seen) {
  std::vector<recorded_event> out;
  for (const recorded_event& one : seen.events) {
    if (one.type != event_type::text && one.type != event_type::binary) continue;
    if (one.first) {
      out.push_back(one);
    } else {
      out.back().payload += one.payload;
      out.back().last = one.last;
    }
  }
  if (!out.empty() && !out.back().last) out.pop_back();
  return out;
}

/// Puts bytes into masked frames of a compressed message, with pings between: so that bytes that inflate need not be
/// found together with their frames.
std::string framed(std::string_view payload, std::span<const std::uint8_t> cuts) {
  std::string out;
  unsigned first = 0x41U + cuts[0] % 2U;
  for (std::size_t i = 0;; ++i) {
    const std::size_t choice = cuts[i % cuts.size()];
    const std::size_t size = std::min<std::size_t>(payload.size(), choice < 128 ? choice % 126 : 126 + choice * 8);
    const bool last = size == payload.size();
    out += static_cast<char>(last ? first | 0x80U : first);
    out += static_cast<char>(0x80U | (size < 126 ? size : 126U));
    if (size >= 126) out += {static_cast<char>(size >> 8U), static_cast<char>(size & 0xFFU)};
    out.append(4, '\0');
    out += payload.substr(0, size);
    payload.remove_prefix(size);
    first = 0;
    if (last) return out;
    if (choice % 3 == 0) out += std::string_view("\x89\x82\0\0\0\0hi", 8);
    if (i > 4 && size == 0) return out;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 6) return 0;
  const unsigned choices = data[0];
  setup how{};
  how.agreed.client_no_context_takeover = (choices & 1U) != 0;
  if ((choices & 128U) != 0) how.agreed.client_max_window_bits = 8;
  how.settings.max_ratio = (choices & 2U) != 0 ? 20 : unlimited;
  how.options.limits = {.frame = (choices & 8U) != 0 ? 300 : unlimited, .message = 2000, .fragments = 100};
  if ((choices & 16U) != 0) how.options.limits.message = 70'000;
  if ((choices & 32U) != 0) how.options.limits.message = 60;
  how.cuts = std::span(data, size).subspan(1, 4);

  const exact_buffer input(const_bytes(std::as_bytes(std::span(data, size))).subspan(5));
  std::string stream(text_of(input.view()));
  if ((choices & 64U) != 0) stream = framed(stream, how.cuts);

  const bool fixed = (choices & 4U) != 0;
  const recording whole = fixed ? run<fixed_policy>(stream, how) : run<heap_policy>(stream, how);
  require(counted_buffer::held == 0, "nothing is held when the ends are gone");
  how.options.delivery = delivery::pieces;
  const recording pieces = fixed ? run<fixed_policy>(stream, how) : run<heap_policy>(stream, how);
  if (fixed) return 0;  // whole messages end at what the buffer holds, pieces do not
  require(pieces.fault == whole.fault && pieces.output == whole.output, "the verdict is the same in pieces");
  require(messages_of(pieces) == messages_of(whole), "the messages are the same in pieces");
  return 0;
}
