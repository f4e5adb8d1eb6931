#include "sansocket/session/rate_limiter.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <ratio>
#include <type_traits>

#include "catch.hpp"
#include "fake_clock.hpp"

using namespace sansocket;
using namespace std::chrono_literals;

namespace {

using nano_clock = tests::fake_clock<std::nano>;
using limiter = basic_rate_limiter<nano_clock>;
using time_point = nano_clock::time_point;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t none = 1'000'000'000'000;  // a burst that no test uses up

/// Ten messages a second, five at once; bytes do not matter.
constexpr rate_limits ten_messages{10, 5, unlimited, none, 1min};
/// A thousand bytes a second, two thousand at once; messages do not matter.
constexpr rate_limits thousand_bytes{unlimited, none, 1000, 2000, 1min};

constexpr std::int64_t wait_of_sixth_message() {
  limiter one(ten_messages);
  for (int i = 0; i < 5; ++i) {
    if (one.spend(0, time_point(1h)).verdict != rate_verdict::proceed) return -1;
  }
  return one.spend(0, time_point(1h)).wait.count();
}
static_assert(wait_of_sixth_message() == 100'000'000);

// There is one for each connection.
static_assert(sizeof(rate_limiter) == 48 && std::is_trivially_copyable_v<rate_limiter>);
static_assert(!std::is_constructible_v<rate_limiter, rate_limits>);

}  // namespace

TEST_CASE("rate_limiter: lets a burst through, then asks for the time of each message", "[rate_limiter]") {
  limiter peer(ten_messages);
  time_point now(1h);
  for (int i = 0; i < 5; ++i) {
    CAPTURE(i);
    const auto spent = peer.spend(100, now);
    CHECK(spent.verdict == rate_verdict::proceed);
    CHECK(spent.wait == 0ns);
  }
  for (int i = 0; i < 5; ++i) {
    CAPTURE(i);
    const auto spent = peer.spend(100, now);
    CHECK(spent.verdict == rate_verdict::wait);
    CHECK(spent.wait == 100ms);
    now += spent.wait;
  }
  CHECK(peer.spend(100, now - 1ns).wait == 100ms + 1ns);
}

TEST_CASE("rate_limiter: a message is counted also where it is too much", "[rate_limiter]") {
  limiter peer(thousand_bytes);
  const time_point now(1h);
  CHECK(peer.spend(5000, now).wait == 3s);
  CHECK(peer.spend(0, now).wait == 3s);
  CHECK(peer.spend(1, now).wait == 3s + 1ms);
  CHECK(peer.spend(0, now + 3s).wait == 1ms);
  CHECK(peer.spend(0, now + 3s + 1ms).verdict == rate_verdict::proceed);
  CHECK(peer.spend(1, now + 3s + 1ms).wait == 1ms);
}

TEST_CASE("rate_limiter: a quiet time gives back no more than the burst", "[rate_limiter]") {
  limiter peer(thousand_bytes);
  time_point now(1h);
  CHECK(peer.spend(2000, now).verdict == rate_verdict::proceed);
  now += 24h;
  CHECK(peer.spend(2000, now).verdict == rate_verdict::proceed);
  CHECK(peer.spend(1, now).wait == 1ms);
  now += 501ms;  // that one, and half of a second
  CHECK(peer.spend(500, now).verdict == rate_verdict::proceed);
  CHECK(peer.spend(1, now).wait == 1ms);
}

TEST_CASE("rate_limiter: messages and bytes are counted apart, and the longer wait holds", "[rate_limiter]") {
  const rate_limits limits{10, 2, 1000, 1000, 1min};
  limiter peer(limits);
  const time_point now(1h);
  CHECK(peer.spend(1000, now).verdict == rate_verdict::proceed);
  CHECK(peer.spend(10, now).wait == 10ms);   // bytes
  CHECK(peer.spend(10, now).wait == 100ms);  // messages
  CHECK(peer.spend(980, now).wait == 1s);    // bytes again
}

TEST_CASE("rate_limiter: a peer that is further ahead than the patience is a flood", "[rate_limiter]") {
  rate_limits limits = thousand_bytes;
  limits.patience = 10s;
  const time_point now(1h);
  limiter peer(limits);
  CHECK(peer.spend(12'000, now).verdict == rate_verdict::wait);
  const auto flood = peer.spend(1, now);
  CHECK(flood.verdict == rate_verdict::close);
  CHECK(flood.wait == 10s + 1ms);

  limits.patience = -1s;  // none at all
  limiter other(limits);
  CHECK(other.spend(2000, now).verdict == rate_verdict::proceed);
  CHECK(other.spend(1, now).verdict == rate_verdict::close);

  limits.patience = std::chrono::nanoseconds::max();
  limiter third(limits);
  CHECK(third.spend(most, now).verdict == rate_verdict::wait);
  CHECK(third.spend(most, now).wait == std::chrono::nanoseconds::max() - 2s);
}

TEST_CASE("rate_limiter: rates that divide no second keep to it exactly", "[rate_limiter]") {
  // Invariant: who reads at the first moment that is allowed has read, n messages later, for n / rate seconds, less the
  // burst.
  for (const std::uint64_t rate : {3U, 7U, 999U, 1'000'003U, 999'999'937U, 4'294'967'291U}) {
    CAPTURE(rate);
    const rate_limits limits{rate, 10, unlimited, none, 1min};
    limiter peer(limits);
    const time_point start(1h);
    time_point now = start;
    constexpr std::uint64_t messages = 100'000;
    for (std::uint64_t i = 0; i < messages; ++i) now += peer.spend(1, now).wait;
    const std::uint64_t exact = (((messages - 10) * 1'000'000'000) + rate - 1) / rate;  // rounded up
    CHECK(static_cast<std::uint64_t>((now - start).count()) == exact);
  }
}

TEST_CASE("rate_limiter: agrees with a plain token bucket", "[rate_limiter]") {
  // Invariant: any messages at any times get what two buckets of whole tokens, counted in 1e-9, say.
  constexpr std::int64_t token = 1'000'000'000;
  struct bucket {
    std::int64_t rate;
    std::int64_t burst;
    std::int64_t tokens = burst * token;

    std::int64_t spend(std::int64_t amount, std::int64_t passed) {
      tokens = std::min(burst * token, tokens + (passed * rate)) - (amount * token);
      return tokens >= 0 ? 0 : (-tokens + rate - 1) / rate;
    }
  };
  int proceeded = 0;
  int waited = 0;
  int closed = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t end) { return static_cast<std::int64_t>(random() % end); };
    bucket messages{1 + below(50), below(20)};
    bucket bytes{1 + below(5000), below(9000)};
    const rate_limits limits{static_cast<std::uint64_t>(messages.rate), static_cast<std::uint64_t>(messages.burst),
                             static_cast<std::uint64_t>(bytes.rate), static_cast<std::uint64_t>(bytes.burst), 5s};
    limiter peer(limits);
    time_point now(1h);
    bool same = true;
    for (int i = 0; i < 2000; ++i) {
      const std::int64_t passed = below(4) == 0 ? 0 : below(300'000'000);
      now += std::chrono::nanoseconds(passed);
      const std::int64_t size = below(300);
      const auto spent = peer.spend(static_cast<std::uint64_t>(size), now);
      const std::int64_t wait = std::max(messages.spend(1, passed), bytes.spend(size, passed));
      const rate_verdict verdict = wait == 0               ? rate_verdict::proceed
                                   : wait <= 5'000'000'000 ? rate_verdict::wait
                                                           : rate_verdict::close;
      same = same && spent.wait.count() == wait && spent.verdict == verdict;
      proceeded += verdict == rate_verdict::proceed ? 1 : 0;
      waited += verdict == rate_verdict::wait ? 1 : 0;
      closed += verdict == rate_verdict::close ? 1 : 0;
      if (verdict == rate_verdict::close) {  // so that the walk stays where verdicts differ
        now += spent.wait;
        peer.spend(0, now);
        messages.spend(1, wait);
        bytes.spend(0, wait);
      }
    }
    CHECK(same);
  }
  CHECK(std::min({proceeded, waited, closed}) > 500);
}

TEST_CASE("rate_limiter: a clock that goes back counts as the latest time seen", "[rate_limiter]") {
  limiter peer(ten_messages);
  const time_point now(1h);
  for (int i = 0; i < 5; ++i) peer.spend(0, now);
  CHECK(peer.spend(0, now - 1h).wait == 100ms);
  CHECK(peer.spend(0, time_point::min()).wait == 200ms);
  CHECK(peer.spend(0, now).wait == 300ms);
  CHECK(peer.spend(0, now + 300ms).wait == 100ms);
}

TEST_CASE("rate_limiter: no rate, size or time is too large", "[rate_limiter]") {
  const time_point last = time_point::max();
  SECTION("no limit at all") {
    const rate_limits limits{unlimited, unlimited, unlimited, unlimited, 0s};
    limiter peer(limits);
    for (int i = 0; i < 3; ++i) CHECK(peer.spend(most, time_point::min()).verdict == rate_verdict::proceed);
    CHECK(peer.spend(most, last).verdict == rate_verdict::proceed);
  }
  SECTION("no limit but no burst") {
    const rate_limits limits{1ULL << 32U, 0, 1ULL << 32U, 0, 0s};
    limiter peer(limits);
    CHECK(peer.spend(most, last).verdict == rate_verdict::proceed);
  }
  SECTION("the highest rate that is one") {
    const rate_limits limits{unlimited, 0, (1ULL << 32U) - 1, 0, 1h};
    limiter peer(limits);
    CHECK(peer.spend((1ULL << 32U) - 1, last).wait == 1s);
    CHECK(peer.spend((1ULL << 32U) - 2, last).wait == 2s);
    CHECK(peer.spend(1, last).wait == 2s);
    CHECK(peer.spend(1, last).wait == 2s + 1ns);
  }
  SECTION("a rate of 0 counts as 1") {
    const rate_limits limits{0, 1, 0, none, 1h};
    limiter peer(limits);
    CHECK(peer.spend(0, last).verdict == rate_verdict::proceed);
    CHECK(peer.spend(0, last).wait == 1s);
  }
  SECTION("the longest debt there is, from the first time to the last") {
    const rate_limits limits{1, 0, 1, 0, 1h};
    limiter peer(limits);
    CHECK(peer.spend(most, time_point::min()).wait == std::chrono::nanoseconds::max());
    CHECK(peer.spend(most, time_point::min()).verdict == rate_verdict::close);
    const auto later = peer.spend(0, last);
    CHECK(later.verdict == rate_verdict::wait);
    CHECK(later.wait == 1s);
  }
}

TEST_CASE("rate_limiter: coarse clocks do", "[rate_limiter]") {
  using seconds_clock = tests::fake_clock<std::ratio<1>>;
  const rate_limits limits{3, 0, unlimited, none, 2s};
  basic_rate_limiter<seconds_clock> peer(limits);
  const seconds_clock::time_point now(1h);
  for (int i = 0; i < 3; ++i) CHECK(peer.spend(0, now).wait == 1s);
  for (int i = 0; i < 3; ++i) CHECK(peer.spend(0, now).wait == 2s);
  CHECK(peer.spend(0, now).verdict == rate_verdict::close);
  CHECK(peer.spend(0, now + 2s).wait == 1s);

  rate_limits patient = limits;
  patient.bytes_per_second = 1;
  patient.patience = std::chrono::nanoseconds::max();  // seconds reach further than that
  basic_rate_limiter<seconds_clock> other(patient);
  for (int i = 0; i < 3; ++i) CHECK(other.spend(most, now).verdict == rate_verdict::wait);
}

TEST_CASE("rate_limiter: the limits that are set unless others are let an ordinary peer through", "[rate_limiter]") {
  const rate_limits limits;
  rate_limiter peer(limits);
  const std::chrono::steady_clock::time_point start{};
  for (int i = 0; i < 100; ++i) {
    CHECK(peer.spend(1000, start + (i * 20ms)).verdict == rate_verdict::proceed);
  }
  // Messages as large as a connection takes by default: two at once, ten more in ten seconds' patience.
  limiter other(limits);
  for (int i = 0; i < 2; ++i) CHECK(other.spend(1024 * 1024, time_point(1h)).verdict == rate_verdict::proceed);
  for (int i = 0; i < 10; ++i) CHECK(other.spend(1024 * 1024, time_point(1h)).verdict == rate_verdict::wait);
  CHECK(other.spend(1024 * 1024, time_point(1h)).verdict == rate_verdict::close);
}
