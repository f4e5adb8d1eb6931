// When a client may come back after its connection has ended (§7.2.3).
#ifndef SANSOCKET_SESSION_BACKOFF_HPP
#define SANSOCKET_SESSION_BACKOFF_HPP

#include <algorithm>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "sansocket/core/close_code.hpp"

namespace sansocket {

/// How long a client waits; a duration below zero is taken as zero.
template <class Duration>
struct basic_backoff_options {
  /// The first wait is at most this long, each that follows at most twice as long as the one before.
  Duration base = std::chrono::milliseconds{500};
  Duration cap = std::chrono::seconds{60};     ///< but no longer than this
  Duration stable = std::chrono::seconds{30};  ///< a connection that lasted so long makes the next wait a first one
  /// The least wait after the server said that it is overloaded or restarting.
  Duration overload = std::chrono::seconds{5};
  /// Such a wait is drawn from a range at least this wide, for many others were told the same: 5 s to
  /// 30 s is what code 1012 was registered with.
  Duration overload_spread = std::chrono::seconds{25};
  Duration retry_after_cap = std::chrono::hours{1};  ///< no server may send a client away for longer
  std::uint32_t max_attempts = 0;                    ///< in a row, then it gives up; 0: it never does
};

/// What is known of the end of a connection, or of an attempt.
struct disconnect_reason {
  close_code code = close_code::none;  ///< as received from the server
  std::uint16_t status = 0;            ///< of the HTTP response that refused the handshake; 0 if none did
  std::optional<std::chrono::seconds> retry_after{};  ///< what its Retry-After says
};

/// Reads the value of a Retry-After field.
/// Takes:  the value without the whitespace around it.
/// Gives:  its seconds, the largest possible if they are more; none if it is a date, or nothing that makes sense.
/// Source: RFC 9110 §10.2.3.
constexpr std::optional<std::chrono::seconds> parse_retry_after(std::string_view text) noexcept;

/// Spreads a client's attempts to reconnect over time. It has no timer and no clock.
///
/// Waits are drawn evenly from nothing to a bound that doubles with each attempt ("full jitter"), so
/// that clients which were cut off in one moment do not come back in one. If the server said that it
/// is overloaded (1013, 429, 503), restarts (1012) or names a time, that bound is at least
/// overload_spread, and the least wait comes before what was drawn.
///
/// The seed need not be secret, but each client needs its own: from a random device, say. Clients
/// with one seed, or with the time as their seed, come back together.
template <class Clock>
class basic_backoff {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  using options = basic_backoff_options<duration>;
  static_assert(std::integral<typename duration::rep>, "waits are drawn in whole ticks");

  constexpr basic_backoff(const options& chosen, std::uint64_t seed) noexcept : options_(chosen), random_(seed) {}

  /// The opening handshake is done.
  constexpr void connected(time_point now) noexcept { up_since_ = advance(now); }

  /// The connection has ended, or an attempt has failed.
  /// Gives: how long to wait before the next attempt; nothing if there is to be none.
  constexpr std::optional<duration> failed(time_point now, const disconnect_reason& why = {}) noexcept;

 private:
  constexpr time_point advance(time_point now) noexcept { return latest_ = std::max(latest_, now); }
  constexpr bool was_stable() const noexcept;
  constexpr duration least_wait(const disconnect_reason& why) const noexcept;
  constexpr duration bound() const noexcept;
  constexpr duration draw(duration bound) noexcept;
  constexpr std::uint64_t next_random() noexcept;

  options options_;
  std::uint64_t random_;
  time_point latest_ = time_point::min();  // never goes back
  std::optional<time_point> up_since_;     // of the connection that is up
  std::uint32_t attempts_ = 0;             // asked for since the last stable connection
};

using backoff = basic_backoff<std::chrono::steady_clock>;
using backoff_options = backoff::options;

constexpr std::optional<std::chrono::seconds> parse_retry_after(std::string_view text) noexcept {
  using rep = std::chrono::seconds::rep;
  constexpr rep most = std::numeric_limits<rep>::max();
  if (text.empty()) return std::nullopt;
  rep value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const rep digit = c - '0';
    value = value > (most - digit) / 10 ? most : (value * 10) + digit;
  }
  return std::chrono::seconds{value};
}

template <class Clock>
constexpr std::optional<typename basic_backoff<Clock>::duration> basic_backoff<Clock>::failed(
    time_point now, const disconnect_reason& why) noexcept {
  advance(now);
  if (was_stable()) attempts_ = 0;
  up_since_.reset();
  if (options_.max_attempts != 0 && attempts_ >= options_.max_attempts) return std::nullopt;
  const bool told = why.code == close_code::service_restart || why.code == close_code::try_again_later ||
                    why.status == 429 || why.status == 503 || why.retry_after.has_value();
  const duration least = told ? least_wait(why) : duration::zero();
  const duration jitter = draw(told ? std::max(bound(), options_.overload_spread) : bound());
  if (attempts_ != std::numeric_limits<std::uint32_t>::max()) ++attempts_;
  return least > duration::max() - jitter ? duration::max() : least + jitter;
}

/// The connection that has ended had been up long enough.
template <class Clock>
constexpr bool basic_backoff<Clock>::was_stable() const noexcept {
  if (!up_since_ || options_.stable == duration::max()) return false;
  const duration stable = std::max(options_.stable, duration::zero());
  // Asked this way round, no extreme time overflows.
  return latest_ >= time_point::min() + stable && latest_ - stable >= *up_since_;
}

template <class Clock>
constexpr typename basic_backoff<Clock>::duration basic_backoff<Clock>::least_wait(
    const disconnect_reason& why) const noexcept {
  using std::chrono::seconds;
  const seconds asked = std::max(why.retry_after.value_or(seconds::zero()), seconds::zero());
  // Whole seconds are compared first: more of them may be asked for than a duration can hold.
  const duration cap = options_.retry_after_cap;
  const duration granted = asked > std::chrono::floor<seconds>(cap) ? cap : duration{asked};
  return std::max({duration::zero(), options_.overload, granted});
}

/// The longest wait that may be drawn: min(cap, base * 2^attempts).
template <class Clock>
constexpr typename basic_backoff<Clock>::duration basic_backoff<Clock>::bound() const noexcept {
  const duration base = std::max(options_.base, duration::zero());
  const duration cap = std::max(options_.cap, duration::zero());
  constexpr std::uint32_t most_doublings = std::numeric_limits<typename duration::rep>::digits - 1;
  const std::uint32_t doublings = std::min(attempts_, most_doublings);
  if (base.count() > (cap.count() >> doublings)) return cap;
  return duration{base.count() << doublings};
}

/// Gives: a duration from zero to the bound, both included, each equally likely.
template <class Clock>
constexpr typename basic_backoff<Clock>::duration basic_backoff<Clock>::draw(duration bound) noexcept {
  const auto most = static_cast<std::uint64_t>(bound.count());
  const std::uint64_t mask = std::numeric_limits<std::uint64_t>::max() >> std::countl_zero(most | 1U);
  // What lies above the bound is drawn again: a remainder would favour short waits.
  std::uint64_t drawn = next_random() & mask;
  while (drawn > most) drawn = next_random() & mask;
  return duration{static_cast<typename duration::rep>(drawn)};
}

/// SplitMix64: small, and as good with one seed as with the next.
template <class Clock>
constexpr std::uint64_t basic_backoff<Clock>::next_random() noexcept {
  random_ += 0x9E37'79B9'7F4A'7C15U;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
  return z ^ (z >> 31U);
}

}  // namespace sansocket

#endif
