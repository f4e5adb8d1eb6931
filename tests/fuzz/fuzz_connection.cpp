// Invariant: whatever bytes come, a connection's events, report and output do not depend on how they were cut, text
// is UTF-8, nothing is larger than the limits, the report comes once and last, and what is sent is well formed.
#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "fixed_random.hpp"
#include "oracle.hpp"
#include "recording.hpp"
#include "require.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

struct heap_policy : default_policy {
  using random_source = counting_random;
};

struct fixed_policy : default_policy {
  using message_buffer = inplace_buffer<200>;
  using output_buffer = inplace_buffer<700>;
  using retained_buffer = inplace_buffer<16>;
  using random_source = counting_random;
};

struct setup {
  connection_options options;
  bool closes_first;
  unsigned seed;
};

template <class Connection>
Connection make(const setup& how) {
  Connection ws(how.options);
  if (how.closes_first) require(ws.send_close(close_code::normal) == error::none, "a Close can be sent");
  return ws;
}

/// Small final control frames, masked if a client sent them; the Close frame is the last but for pongs.
void check_output(std::string_view output, bool masked, bool closes_first) {
  std::size_t closes = 0;
  while (!output.empty()) {
    const auto octet = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(output[at])); };
    require(output.size() >= 2, "no header is cut");
    require(octet(0) == 0x88 || octet(0) == 0x8A, "only pongs and Close frames are sent");
    require((octet(1) >= 0x80) == masked && (octet(1) & 0x7FU) <= 125, "the header is legal");
    require(closes == 0 || closes_first, "nothing follows the answer to a Close frame");
    if (octet(0) == 0x88) ++closes;
    const std::size_t size = 2 + (masked ? 4 : 0) + (octet(1) & 0x7FU);
    require(output.size() >= size, "no payload is cut");
    output.remove_prefix(size);
  }
  require(closes <= 1, "one Close frame is sent");
}

void check(const recording& seen, const setup& how) {
  require(seen.reports <= 1 && !seen.event_after_report, "the report comes once and last");
  require(!seen.chunk_refused, "a chunk is taken when the one before is used up");
  require((seen.fault == error::none) || close_code_for(seen.fault) != close_code::none, "each fault has a close code");
  const auto reason = oracle::judge_text(seen.reason);
  require(reason.complete && reason.possible == seen.reason.size(), "a reason is UTF-8");

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

template <role Role, class Policy>
void run(std::string_view stream, const setup& how) {
  using end = connection<Role, Policy>;
  auto whole = make<end>(how);
  const recording wanted = record(whole, stream, [](std::size_t rest) { return rest; });
  check(wanted, how);
  check_output(wanted.output, Role == role::client, how.closes_first);

  std::minstd_rand random(how.seed + 1);
  auto cut = make<end>(how);
  const unsigned most = 1 + how.seed % 7;
  require(record(cut, stream, [&](std::size_t) { return 1 + random() % most; }) == wanted, "cuts do not matter");
  auto restless = make<end>(how);
  require(record_restless(restless, stream, random) == wanted, "retaining and resting do not matter");

  // The transport's end is the last thing that can happen.
  cut.receive_eof();
  std::size_t reports = wanted.reports;
  cut.drain([&](const event& last) { reports += last.type == event_type::closed ? 1 : 2; });
  require(reports == 1, "there is a report after the transport's end");
  require(cut.transport() == transport_action::close, "the transport is to be closed after its end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned choices = data[0];
  setup how{};
  how.options.delivery = (choices & 2U) != 0 ? delivery::pieces : delivery::messages;
  how.closes_first = (choices & 8U) != 0;
  how.seed = data[1];
  if ((choices & 16U) != 0) how.options.limits = {.frame = 20, .message = 50, .fragments = 4};
  if ((choices & 32U) != 0) how.options.limits = {.frame = unlimited, .message = unlimited, .fragments = 300};

  const exact_buffer stream(const_bytes(std::as_bytes(std::span(data, size))).subspan(2));
  const std::string_view text = text_of(stream.view());
  const bool fixed = (choices & 4U) != 0;
  if ((choices & 1U) != 0)
    fixed ? run<role::client, fixed_policy>(text, how) : run<role::client, heap_policy>(text, how);
  else fixed ? run<role::server, fixed_policy>(text, how) : run<role::server, heap_policy>(text, how);
  return 0;
}
