#include "sansocket/session/backoff.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fake_clock.hpp"

using namespace sansocket;
using namespace std::chrono_literals;
using sansocket::tests::exact_buffer;

namespace {

using ms_clock = tests::fake_clock<std::milli>;
using waits = basic_backoff<ms_clock>;
using options = waits::options;
using ms = ms_clock::duration;
using time_point = ms_clock::time_point;

constexpr time_point at(ms since_start) { return time_point(since_start); }

/// The first numbers that SplitMix64 gives with the seed 1234567, as published with it.
constexpr std::uint64_t known_seed = 1'234'567;
constexpr std::array<std::uint64_t, 5> known_numbers{6'457'827'717'110'365'317U, 3'203'168'211'198'807'973U,
                                                     9'817'491'932'198'370'423U, 4'593'380'528'125'082'431U,
                                                     16'408'922'859'458'223'821U};

constexpr disconnect_reason restart{.code = close_code::service_restart};

/// What a thousand clients are told, each with a seed of its own, at the end of the same story.
template <class Story>
std::vector<ms> thousand(const options& chosen, Story story) {
  std::vector<ms> out;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    waits client(chosen, seed);
    const std::optional<ms> wait = story(client);
    if (wait) out.push_back(*wait);
  }
  REQUIRE(out.size() == 1'000);
  std::ranges::sort(out);
  return out;
}

/// All waits are from `least` to `most`, and reach close to both ends.
bool fill(const std::vector<ms>& sorted, ms least, ms most) {
  const ms margin = (most - least) / 50;
  return sorted.front() >= least && sorted.front() <= least + margin && sorted.back() <= most &&
         sorted.back() >= most - margin;
}

/// The most clients that come back within a span of time.
std::size_t most_within(const std::vector<ms>& sorted, ms span) {
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < sorted.size(); ++last) {
    while (sorted[last] - sorted[first] > span) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

/// How far draws from 0 to 6 are from even: chi-square with 6 degrees of freedom.
double unevenness(std::uint64_t seed) {
  constexpr int draws = 70'000;
  constexpr double expected = draws / 7.0;
  waits subject({.base = 6ms, .cap = 6ms}, seed);
  std::array<int, 7> counts{};
  for (int i = 0; i < draws; ++i) ++counts.at(static_cast<std::size_t>(subject.failed(at(0s))->count()));
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

constexpr ms first_wait(std::uint64_t seed) { return waits({}, seed).failed(at(0s)).value_or(-1ms); }
static_assert(first_wait(1) >= 0ms && first_wait(1) <= 500ms);
static_assert(parse_retry_after("120") == 120s);
static_assert(!parse_retry_after("tomorrow"));

}  // namespace

TEST_CASE("backoff: waits come from the known numbers of SplitMix64, the lowest bits of each", "[backoff]") {
  waits whole({.base = ms::max(), .cap = ms::max()}, known_seed);
  waits masked({.base = 1'023ms, .cap = 1'023ms}, known_seed);
  for (const std::uint64_t number : known_numbers) {
    CHECK(whole.failed(at(0s)).value_or(-1ms) == ms(static_cast<std::int64_t>(number & 0x7FFF'FFFF'FFFF'FFFFU)));
    CHECK(masked.failed(at(0s)).value_or(-1ms) == ms(static_cast<std::int64_t>(number & 0x3FFU)));
  }
}

TEST_CASE("backoff: what lies above the bound is drawn again", "[backoff]") {
  // The lowest 10 bits of the known numbers: 133, 933, 119, 831, 717.
  waits subject({.base = 600ms, .cap = 600ms}, known_seed);
  CHECK(subject.failed(at(0s)).value_or(-1ms) == 133ms);
  CHECK(subject.failed(at(0s)).value_or(-1ms) == 119ms);
}

TEST_CASE("backoff: every wait up to the bound is equally likely", "[backoff]") {
  // One of a thousand even sources is above 22.46; one of a thousand is below 0.38.
  for (const std::uint64_t seed : {0U, 1U, 2U, 42U, 0xFFFF'FFFFU}) {
    CAPTURE(seed);
    CHECK(unevenness(seed) < 22.46);
    CHECK(unevenness(seed) > 0.38);
  }
}

TEST_CASE("backoff: the bound doubles with each attempt up to the cap", "[backoff][7.2.3]") {
  ms bound = 500ms;
  for (int attempts = 0; attempts < 12; ++attempts) {
    CAPTURE(attempts);
    const std::vector<ms> sorted = thousand({}, [attempts](waits& client) {
      for (int i = 0; i < attempts; ++i) (void)client.failed(at(0s));
      return client.failed(at(0s));
    });
    CHECK(fill(sorted, 0ms, bound));
    bound = std::min(bound * 2, ms(60s));
  }
}

TEST_CASE("backoff: doubling does not overflow, however long it goes on", "[backoff]") {
  waits slow({.base = 1ms, .cap = ms::max()}, 1);
  waits fast({.base = ms::max(), .cap = ms::max()}, 2);
  waits capped({.base = 3ms, .cap = 1s}, 3);
  ms longest = 0ms;
  for (int i = 0; i < 200; ++i) {
    const std::optional<ms> wait = slow.failed(at(0s), restart);
    longest = std::max(longest, *wait);
    REQUIRE(wait >= 5s);  // not negative, for one
    REQUIRE(fast.failed(at(0s)) >= 0ms);
    REQUIRE(capped.failed(at(0s)) <= 1s);
  }
  CHECK(longest > ms::max() / 4);
}

TEST_CASE("backoff: a wait that no duration holds is the longest that one does", "[backoff]") {
  waits subject({.overload = ms::max(), .overload_spread = ms::max()}, 1);
  CHECK(subject.failed(at(0s), restart) == ms::max());
}

TEST_CASE("backoff: D22, a thousand clients that are cut off in one moment do not come back in one",
          "[backoff][defects][7.2.3]") {
  const auto cut_off = [](int attempts_before) {
    return [attempts_before](waits& client) {
      client.connected(at(0s));
      for (int i = 0; i < attempts_before; ++i) (void)client.failed(at(1h));
      return client.failed(at(1h));
    };
  };
  // Evenly spread there were 20, 10 and 17 in each of these spans.
  CHECK(most_within(thousand({}, cut_off(0)), 10ms) <= 45);
  CHECK(most_within(thousand({}, cut_off(4)), 80ms) <= 30);
  CHECK(most_within(thousand({}, cut_off(10)), 1s) <= 40);
}

TEST_CASE(
    "backoff: D22, a server that restarts or is overloaded is left alone for longer, and its clients are "
    "spread wider",
    "[backoff][defects]") {
  for (const disconnect_reason& why :
       {disconnect_reason{.code = close_code::service_restart}, disconnect_reason{.code = close_code::try_again_later},
        disconnect_reason{.status = 429}, disconnect_reason{.status = 503}}) {
    CAPTURE(static_cast<int>(why.code), why.status);
    const std::vector<ms> sorted = thousand({}, [&](waits& client) { return client.failed(at(0s), why); });
    CHECK(fill(sorted, 5s, 30s));
    CHECK(most_within(sorted, 1s) <= 75);  // 40 if they were spread evenly
  }
}

TEST_CASE("backoff: other codes and statuses are ordinary failures", "[backoff]") {
  for (const disconnect_reason& why :
       {disconnect_reason{}, disconnect_reason{.code = close_code::normal},
        disconnect_reason{.code = close_code::going_away}, disconnect_reason{.code = close_code::abnormal},
        disconnect_reason{.code = close_code::internal_error}, disconnect_reason{.code = close_code::bad_gateway},
        disconnect_reason{.status = 101}, disconnect_reason{.status = 500}, disconnect_reason{.status = 502}}) {
    CAPTURE(static_cast<int>(why.code), why.status);
    CHECK(fill(thousand({}, [&](waits& client) { return client.failed(at(0s), why); }), 0ms, 500ms));
  }
}

TEST_CASE("backoff: after many attempts an overloaded server is spared by the longer of the two ranges", "[backoff]") {
  const std::vector<ms> sorted = thousand({}, [](waits& client) {
    for (int i = 0; i < 10; ++i) (void)client.failed(at(0s), restart);
    return client.failed(at(0s), restart);
  });
  CHECK(fill(sorted, 5s, 65s));
}

TEST_CASE("backoff: D22, waits begin anew only after a connection that was up for a stable time",
          "[backoff][defects]") {
  const auto ended_after = [](ms up) {
    return [up](waits& client) {
      for (int i = 0; i < 10; ++i) (void)client.failed(at(0s));
      client.connected(at(100s));
      return client.failed(at(100s + up));
    };
  };
  CHECK(fill(thousand({}, ended_after(0s)), 0ms, 60s));
  CHECK(fill(thousand({}, ended_after(29'999ms)), 0ms, 60s));
  CHECK(fill(thousand({}, ended_after(30s)), 0ms, 500ms));
}

TEST_CASE("backoff: a server that lets clients in and cuts them off at once is asked less and less often",
          "[backoff]") {
  const std::vector<ms> sorted = thousand({}, [](waits& client) {
    for (int i = 0; i < 10; ++i) {
      client.connected(at(i * 100s));
      (void)client.failed(at((i * 100s) + 1s));
    }
    return client.failed(at(2'000s));
  });
  CHECK(fill(sorted, 0ms, 60s));
}

TEST_CASE("backoff: time that passes without a connection does not count as stable", "[backoff]") {
  const std::vector<ms> sorted = thousand({}, [](waits& client) {
    client.connected(at(0s));
    for (int i = 1; i <= 10; ++i) (void)client.failed(at(i * 1h));
    return client.failed(at(100h));
  });
  CHECK(fill(sorted, 0ms, 60s));
}

TEST_CASE("backoff: of two connections without an end between them, the second counts", "[backoff]") {
  const std::vector<ms> sorted = thousand({}, [](waits& client) {
    for (int i = 0; i < 10; ++i) (void)client.failed(at(0s));
    client.connected(at(1s));
    client.connected(at(100s));
    return client.failed(at(101s));
  });
  CHECK(fill(sorted, 0ms, 60s));
}

TEST_CASE("backoff: a time that goes back is taken as the last one", "[backoff]") {
  const std::vector<ms> late = thousand({}, [](waits& client) {
    for (int i = 0; i < 10; ++i) (void)client.failed(at(100s));
    client.connected(at(0s));
    return client.failed(at(129s));
  });
  CHECK(fill(late, 0ms, 60s));
  const std::vector<ms> early = thousand({}, [](waits& client) {
    for (int i = 0; i < 10; ++i) (void)client.failed(at(0s));
    client.connected(at(100s));
    return client.failed(at(0s));
  });
  CHECK(fill(early, 0ms, 60s));
}

TEST_CASE("backoff: a stable time of zero, of more than there is, and of never", "[backoff]") {
  const auto up_from_to = [](time_point from, time_point to) {
    return [from, to](waits& client) {
      for (int i = 0; i < 10; ++i) (void)client.failed(time_point::min());
      client.connected(from);
      return client.failed(to);
    };
  };
  const auto all_time = up_from_to(time_point::min(), time_point::max());
  CHECK(fill(thousand({.stable = 0s}, up_from_to(at(0s), at(0s))), 0ms, 500ms));
  CHECK(fill(thousand({.stable = -1s}, up_from_to(time_point::min(), time_point::min())), 0ms, 500ms));
  CHECK(fill(thousand({.stable = 1ms}, up_from_to(time_point::min(), time_point::min())), 0ms, 60s));
  CHECK(fill(thousand({.stable = 1h}, all_time), 0ms, 500ms));
  CHECK(fill(thousand({.stable = ms::max() - 1ms}, all_time), 0ms, 500ms));
  CHECK(fill(thousand({.stable = ms::max()}, all_time), 0ms, 60s));
}

TEST_CASE("backoff: Retry-After is the least wait, jitter comes on top", "[backoff]") {
  const auto told = [](std::chrono::seconds retry_after) {
    return [retry_after](waits& client) { return client.failed(at(0s), {.retry_after = retry_after}); };
  };
  CHECK(fill(thousand({}, told(120s)), 120s, 145s));
  CHECK(fill(thousand({}, told(6s)), 6s, 31s));
  CHECK(fill(thousand({}, told(5s)), 5s, 30s));
  CHECK(fill(thousand({}, told(0s)), 5s, 30s));
  CHECK(fill(thousand({}, told(-1s)), 5s, 30s));
  CHECK(fill(thousand({}, told(std::chrono::seconds::min())), 5s, 30s));
}

TEST_CASE("backoff: no server can send a client away for a year", "[backoff]") {
  const auto told = [](std::chrono::seconds retry_after) {
    return [retry_after](waits& client) { return client.failed(at(0s), {.status = 503, .retry_after = retry_after}); };
  };
  CHECK(fill(thousand({}, told(3'600s)), 3'600s, 3'625s));
  CHECK(fill(thousand({}, told(3'601s)), 3'600s, 3'625s));
  CHECK(fill(thousand({}, told(std::chrono::seconds::max())), 3'600s, 3'625s));
  CHECK(fill(thousand({.retry_after_cap = 8'500ms}, told(8s)), 8s, 33s));
  CHECK(fill(thousand({.retry_after_cap = 8'500ms}, told(9s)), 8'500ms, 33'500ms));
  CHECK(fill(thousand({.retry_after_cap = 24h}, told(86'400s)), 86'400s, 86'425s));
  CHECK(fill(thousand({.retry_after_cap = 0s}, told(100s)), 5s, 30s));
  CHECK(fill(thousand({.retry_after_cap = -1s}, told(100s)), 5s, 30s));
}

TEST_CASE("backoff: gives up after as many attempts as it may ask for, until a connection was stable", "[backoff]") {
  waits subject({.max_attempts = 3}, 1);
  CHECK(subject.failed(at(0s)).has_value());
  CHECK(subject.failed(at(0s)).has_value());
  CHECK(subject.failed(at(0s), restart).has_value());
  CHECK_FALSE(subject.failed(at(0s)).has_value());
  CHECK_FALSE(subject.failed(at(1h), restart).has_value());
  subject.connected(at(1h));
  CHECK_FALSE(subject.failed(at(1h)).has_value());
  subject.connected(at(1h));
  CHECK(subject.failed(at(2h)).has_value());
}

TEST_CASE("backoff: after a stable connection there are as many attempts as at first", "[backoff]") {
  waits subject({.max_attempts = 2}, 1);
  subject.connected(at(0s));
  CHECK(subject.failed(at(1h)).has_value());
  CHECK(subject.failed(at(1h)).has_value());
  CHECK_FALSE(subject.failed(at(1h)).has_value());
}

TEST_CASE("backoff: durations below zero are zero", "[backoff]") {
  for (const ms below : {ms::min(), ms(-3ms), ms(-1ms), ms(0ms)}) {
    waits no_base({.base = below}, 1);
    waits no_cap({.cap = below}, 1);
    waits no_least({.base = below, .overload = below, .overload_spread = below, .retry_after_cap = below}, 1);
    for (int i = 0; i < 100; ++i) {
      REQUIRE(no_base.failed(at(0s)) == 0ms);
      REQUIRE(no_cap.failed(at(0s)) == 0ms);
      REQUIRE(no_least.failed(at(0s), restart) == 0ms);
    }
  }
}

TEST_CASE("backoff: one seed, one sequence; another seed, another", "[backoff]") {
  waits one({}, 7);
  waits same({}, 7);
  waits other({}, 8);
  int different = 0;
  for (int i = 0; i < 20; ++i) {
    const std::optional<ms> wait = one.failed(at(0s));
    CHECK(wait == same.failed(at(0s)));
    different += wait != other.failed(at(0s)) ? 1 : 0;
  }
  CHECK(different >= 18);
}

TEST_CASE("backoff: the one for everyday use takes the steady clock's times, and overflows nowhere", "[backoff]") {
  const std::chrono::steady_clock::time_point now{};
  backoff subject({.base = 100ms}, 1);
  CHECK(subject.failed(now) <= 100ms);
  CHECK(subject.failed(now, {.retry_after = std::chrono::seconds::max()}) <= 1h + 25s);
  backoff patient({.retry_after_cap = backoff::duration::max()}, 1);
  CHECK(patient.failed(now, {.retry_after = std::chrono::seconds::max()}) == backoff::duration::max());
}

TEST_CASE("parse_retry_after: reads whole seconds, more than fit are the most that fit", "[backoff]") {
  const auto read = [](std::string_view text) {
    const exact_buffer buffer(text);
    return parse_retry_after(text_of(buffer.view()));
  };
  CHECK(read("0") == 0s);
  CHECK(read("9") == 9s);
  CHECK(read("120") == 120s);
  CHECK(read("00120") == 120s);
  CHECK(read("2147483648") == 2'147'483'648s);
  CHECK(read("9223372036854775806") == std::chrono::seconds::max() - 1s);
  CHECK(read("9223372036854775807") == std::chrono::seconds::max());
  CHECK(read("9223372036854775808") == std::chrono::seconds::max());
  CHECK(read("9223372036854775810") == std::chrono::seconds::max());
  CHECK(read("99999999999999999999999999999999") == std::chrono::seconds::max());
}

TEST_CASE("parse_retry_after: refuses dates and whatever else is not all digits", "[backoff]") {
  for (const std::string_view text : {"", " ", "-1", "+1", " 1", "1 ", "1.5", "1,2", "0x10", "1e3", "12s",
                                      "99999999999999999999x", "/", ":", "\xB2", "Fri, 31 Dec 1999 23:59:59 GMT"}) {
    CAPTURE(text);
    const exact_buffer buffer(text);
    CHECK_FALSE(parse_retry_after(text_of(buffer.view())).has_value());
  }
}
