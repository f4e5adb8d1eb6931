// How fast a peer may send messages and bytes on one connection (§10.4).
#ifndef SANSOCKET_SESSION_RATE_LIMITER_HPP
#define SANSOCKET_SESSION_RATE_LIMITER_HPP

#include <algorithm>
#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <ratio>

#include "sansocket/core/limits.hpp"  // the spelling of no limit

namespace sansocket {

/// How fast a peer may send. A rate of 0 counts as 1; one of more than 2^32 - 1 is none, so that
/// `unlimited` can be spelled.
struct rate_limits {
  std::uint64_t messages_per_second = 100;
  std::uint64_t message_burst = 200;  ///< how many may come at once after a quiet time
  std::uint64_t bytes_per_second = 1024 * 1024;
  std::uint64_t byte_burst = 2 * 1024 * 1024;
  /// A peer is asked to wait no longer than this: one that is further ahead of its rate is a flood. The
  /// largest message that is accepted should be worth less time. nanoseconds::max() means never a flood.
  std::chrono::nanoseconds patience = std::chrono::seconds(10);
};

/// What to do about a message.
enum class rate_verdict : std::uint8_t {
  proceed,  ///< handle it
  wait,     ///< handle it, then read nothing for a time
  close,    ///< it is a flood: close_code::policy_violation
};

namespace detail {

inline constexpr std::int64_t longest_time = std::numeric_limits<std::int64_t>::max();

/// A time in a clock's ticks: never negative, and never overflowing, for the clock is as coarse as the
/// argument or coarser.
template <class Clock>
constexpr std::int64_t ticks_of(std::chrono::nanoseconds time) noexcept {
  static_assert(std::signed_integral<typename Clock::rep> && sizeof(typename Clock::rep) == sizeof(std::int64_t) &&
                    std::ratio_greater_equal_v<typename Clock::period, std::nano>,
                "a clock counts in signed 64-bit ticks of a nanosecond or more");
  if (time == std::chrono::nanoseconds::max()) return longest_time;
  return std::max<std::int64_t>(0, std::chrono::duration_cast<typename Clock::duration>(time).count());
}

/// How many ticks lie between two times; 0 if the clock went back.
template <class TimePoint>
constexpr std::int64_t ticks_between(TimePoint earlier, TimePoint later) noexcept {
  const std::int64_t from = earlier.time_since_epoch().count();
  const std::int64_t to = later.time_since_epoch().count();
  if (to <= from) return 0;
  return from < 0 && to > longest_time + from ? longest_time : to - from;
}

/// Time that someone is ahead of a rate by, exactly.
struct time_debt {
  std::int64_t ticks = 0;  // never negative
  std::uint32_t part = 0;  // of a tick, in units of 1 / the rate's count: what whole ticks would lose
  friend constexpr auto operator<=>(const time_debt&, const time_debt&) = default;
};

/// What is left of a debt when some time has passed.
constexpr time_debt left_after(time_debt owed, std::int64_t passed) noexcept {
  return owed.ticks < passed ? time_debt{} : time_debt{owed.ticks - passed, owed.part};
}

/// The whole ticks, rounded up, after which no more is owed than may be.
constexpr std::int64_t until_within(time_debt owed, time_debt allowed) noexcept {
  if (owed <= allowed) return 0;
  return owed.ticks - allowed.ticks + (owed.part > allowed.part ? 1 : 0);
}

/// A rate: so many in a period. Each takes period / count, which is kept as a fraction.
class pace {
 public:
  /// Takes: count times period below 2^63, or amounts that are 1 or multiples of the count.
  constexpr pace(std::uint64_t count, std::int64_t period) noexcept
      : count_(static_cast<std::uint32_t>(std::clamp<std::uint64_t>(count, 1, most))),
        period_(count > most ? 0 : static_cast<std::uint64_t>(period)) {}

  /// The time that an amount is worth.
  constexpr time_debt worth(std::uint64_t amount) const noexcept {
    const std::uint64_t whole = amount / count_;
    const std::uint64_t rest = (amount % count_) * period_;
    constexpr auto longest = static_cast<std::uint64_t>(longest_time);
    if (period_ != 0 && whole > (longest - rest / count_) / period_) return {longest_time, 0};
    return {static_cast<std::int64_t>((whole * period_) + (rest / count_)), static_cast<std::uint32_t>(rest % count_)};
  }

  constexpr time_debt sum(time_debt a, time_debt b) const noexcept {
    const std::uint64_t parts = std::uint64_t{a.part} + b.part;
    const std::int64_t carry = parts >= count_ ? 1 : 0;
    if (a.ticks > longest_time - carry - b.ticks) return {longest_time, 0};
    return {a.ticks + b.ticks + carry, static_cast<std::uint32_t>(parts % count_)};
  }

 private:
  static constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t count_;
  std::uint64_t period_;
};

}  // namespace detail

/// Two token buckets for what one peer sends, messages and bytes. Both are full at first.
///
/// A message is always counted, also one that is too much: the peer then owes time, and the verdict says
/// how long to read nothing. Who keeps to that reads at exactly the rate, however odd it is and however
/// often it is asked for, if a burst is worth a tick of the clock.
/// Takes: a clock, for its time_point alone: times are given by the caller. One that goes back counts as
///        the latest one seen.
/// Life:  a view of the limits, which many connections share.
template <class Clock>
class basic_rate_limiter {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;

  struct decision {
    rate_verdict verdict = rate_verdict::proceed;
    duration wait{};  ///< until the peer keeps to its rates again; 0 if it does
  };

  constexpr explicit basic_rate_limiter(const rate_limits& limits) noexcept : limits_(&limits) {}
  explicit basic_rate_limiter(const rate_limits&&) = delete;  // they would be gone at once

  /// Counts a message, or whatever else makes work: a piece of one, or a ping.
  /// Takes: its size in bytes, and the time at which it came.
  /// Cost:  a few divisions.
  constexpr decision spend(std::uint64_t size, time_point now) noexcept {
    const std::int64_t passed = detail::ticks_between(latest_, now);
    latest_ = std::max(latest_, now);
    const std::int64_t wait = std::max(add(messages_, 1, limits_->messages_per_second, limits_->message_burst, passed),
                                       add(bytes_, size, limits_->bytes_per_second, limits_->byte_burst, passed));
    if (wait == 0) return {};
    const bool flood = wait > detail::ticks_of<Clock>(limits_->patience);
    return {flood ? rate_verdict::close : rate_verdict::wait, duration(wait)};
  }

 private:
  /// Adds to what is owed in one bucket.
  /// Gives: the time until the bucket is not overdrawn.
  static constexpr std::int64_t add(detail::time_debt& owed, std::uint64_t amount, std::uint64_t rate,
                                    std::uint64_t burst, std::int64_t passed) noexcept {
    const detail::pace pace(rate, detail::ticks_of<Clock>(std::chrono::seconds(1)));
    owed = pace.sum(detail::left_after(owed, passed), pace.worth(amount));
    return detail::until_within(owed, pace.worth(burst));
  }

  const rate_limits* limits_;
  time_point latest_ = time_point::min();
  detail::time_debt messages_;
  detail::time_debt bytes_;
};

using rate_limiter = basic_rate_limiter<std::chrono::steady_clock>;

}  // namespace sansocket

#endif
