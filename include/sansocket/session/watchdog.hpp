// The deadlines of one connection: its opening, the peer's signs of life, its closing (§4.1, §5.5.2, §7.1.1).
#ifndef SANSOCKET_SESSION_WATCHDOG_HPP
#define SANSOCKET_SESSION_WATCHDOG_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace sansocket {

/// How long each thing may take; a limit below zero is taken as zero.
template <class Duration>
struct basic_watchdog_limits {
  /// The spelling of "no limit".
  static constexpr Duration never = Duration::max();

  Duration opening = std::chrono::seconds{10};      ///< from the start to opened()
  Duration ping_after = std::chrono::seconds{30};   ///< of silence, then a ping is due
  Duration pong_within = std::chrono::seconds{10};  ///< for any byte of the peer, once the ping was sent
  Duration stalled = std::chrono::seconds{60};      ///< for a due ping to be sent: the peer may have stopped reading
  Duration closing = std::chrono::seconds{5};       ///< from the first Close to the end of the transport
  Duration idle = never;                            ///< without a message either way, then the connection is closed
};

/// What is to be done now.
enum class watchdog_action : std::uint8_t {
  nothing,    ///< until deadline()
  send_ping,  ///< queue a ping, and say ping_sent() once its last byte went
  close,      ///< send a Close frame, and go on until the transport ends
  drop,       ///< end the transport at once
};

/// Why the last close or drop was asked for.
enum class watchdog_reason : std::uint8_t {
  none,     ///< neither was
  opening,  ///< the opening handshake took too long
  silent,   ///< nothing came, and no answer to a ping
  stalled,  ///< a ping could not be sent
  closing,  ///< the transport did not end after a Close
  idle,     ///< there was no message for too long
};

/// A reason in a few words.
constexpr std::string_view name(watchdog_reason reason) noexcept;

/// How long pings took to be answered; all zero before the first pong.
template <class Duration>
struct basic_round_trip_times {
  Duration last{};
  Duration smoothed{};  ///< RFC 6298 §2.3 with alpha 1/8
  Duration min{};
  Duration max{};
  std::uint64_t count = 0;
};

/// Watches over one connection. It has no timer and no clock: say what happened and when, arm one
/// timer for deadline(), and do what expire() says. A time that lies before the last one is taken as
/// the last one.
///
///     opening --opened--> quiet --expire: send_ping--> ping_due --ping_sent--> ping_sent
///                           ^---------------------- pong_received -------------------'
///     any of these --closing, or expire: close--> closing
///     any state but quiet --expire: drop--> dropped
///
/// Besides a connection:
///
///     dog.received(now); ws.receive(chunk);                    // whatever came
///     event of a message: dog.active(now); of a pong: dog.pong_received(now); of closed: dog.closing(now)
///     ws.sent(n); if (!ws.ping_waits()) dog.ping_sent(now);    // whenever output went
///     ws.send_close(code); dog.closing(now);
///     timer: read what is there first, then switch (dog.expire(now))
///
/// A peer that has fallen silent is dropped ping_after + pong_within after its last byte, and later
/// only by as much as the ping waited to be sent, which is `stalled` at the most. One whose bytes
/// are never further apart than ping_after is never dropped for silence, even if it never answers a
/// ping.
template <class Clock>
class basic_watchdog {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  using limits = basic_watchdog_limits<duration>;
  using round_trip_times = basic_round_trip_times<duration>;

  /// Begins with the opening handshake: its limit runs from now.
  constexpr basic_watchdog(const limits& chosen, time_point now) noexcept
      : limits_(chosen), latest_(now), since_(now), last_byte_(now), last_message_(now) {}

  /// The opening handshake is done.
  constexpr void opened(time_point now) noexcept;

  /// Bytes came, whichever: each is a sign of life.
  constexpr void received(time_point now) noexcept { last_byte_ = advance(now); }

  /// A message was sent or received.
  constexpr void active(time_point now) noexcept { last_message_ = advance(now); }

  /// The last byte of the ping that was asked for went to the transport. Without such a ping it means nothing.
  constexpr void ping_sent(time_point now) noexcept;

  /// A pong came: the answer to the ping in flight if there is one, otherwise a sign of life like any byte.
  constexpr void pong_received(time_point now) noexcept;

  /// The first Close frame went or came, or the handshake was refused; saying it again changes nothing.
  constexpr void closing(time_point now) noexcept;

  /// When expire() has something to say; time_point::max() if never. It moves with every call above.
  constexpr time_point deadline() const noexcept;

  /// Says what is due. Read first what the transport has, and do not ask while this end reads nothing of
  /// its own will: the peer's bytes may be waiting there.
  /// Gives: nothing before deadline(), and nothing changes; send_ping once for each ping; close once:
  ///        the limit of the closing runs from then; after drop, drop for ever.
  constexpr watchdog_action expire(time_point now) noexcept;

  /// Why the last close or drop was asked for.
  constexpr watchdog_reason why() const noexcept { return why_; }

  constexpr const round_trip_times& round_trip() const noexcept { return round_trip_; }

 private:
  enum class state : std::uint8_t {
    opening,
    quiet,      ///< open, and no ping is on its way
    ping_due,   ///< asked for, not reported sent
    ping_sent,  ///< and not answered
    closing,
    dropped,
  };

  constexpr bool is_open() const noexcept {
    return state_ == state::quiet || state_ == state::ping_due || state_ == state::ping_sent;
  }

  constexpr time_point advance(time_point now) noexcept { return latest_ = std::max(latest_, now); }

  constexpr void enter(state next) noexcept {
    state_ = next;
    since_ = latest_;
  }

  constexpr watchdog_action ask(watchdog_action action, state next, watchdog_reason why) noexcept {
    enter(next);
    why_ = why;
    return action;
  }

  /// A limit that never ends, or ends behind the end of time, ends at time_point::max().
  static constexpr time_point after(time_point start, duration limit) noexcept {
    if (limit == limits::never) return time_point::max();
    limit = std::max(limit, duration::zero());
    return start > time_point::max() - limit ? time_point::max() : start + limit;
  }

  constexpr bool is_over(time_point end) const noexcept { return end != time_point::max() && latest_ >= end; }

  /// When the state has lasted too long.
  constexpr time_point end_of_state() const noexcept;
  constexpr time_point end_of_idling() const noexcept { return after(last_message_, limits_.idle); }

  /// Why a connection is dropped whose state has lasted too long.
  constexpr watchdog_reason reason_of_state() const noexcept;

  limits limits_;
  time_point latest_;        // never goes back
  time_point since_;         // when the state was entered
  time_point last_byte_;     // of the peer
  time_point last_message_;  // either way
  round_trip_times round_trip_{};
  state state_ = state::opening;
  watchdog_reason why_ = watchdog_reason::none;
};

using watchdog = basic_watchdog<std::chrono::steady_clock>;
using watchdog_limits = watchdog::limits;

constexpr std::string_view name(watchdog_reason reason) noexcept {
  switch (reason) {
    case watchdog_reason::none: return "nothing is wrong";
    case watchdog_reason::opening: return "the opening handshake took too long";
    case watchdog_reason::silent: return "the peer is silent and does not answer a ping";
    case watchdog_reason::stalled: return "the peer takes no bytes";
    case watchdog_reason::closing: return "the transport did not end after a Close";
    case watchdog_reason::idle: return "no message for too long";
  }
  return "no reason";
}

template <class Clock>
constexpr void basic_watchdog<Clock>::opened(time_point now) noexcept {
  advance(now);
  if (state_ != state::opening) return;
  last_byte_ = latest_;
  last_message_ = latest_;
  enter(state::quiet);
}

template <class Clock>
constexpr void basic_watchdog<Clock>::ping_sent(time_point now) noexcept {
  advance(now);
  if (state_ == state::ping_due) enter(state::ping_sent);
}

template <class Clock>
constexpr void basic_watchdog<Clock>::pong_received(time_point now) noexcept {
  received(now);
  if (state_ == state::ping_sent) {
    // A difference that no duration holds is the longest that one does.
    const bool too_long = since_ < time_point{} && latest_ > time_point::max() + since_.time_since_epoch();
    const duration took = too_long ? duration::max() : latest_ - since_;
    round_trip_times& times = round_trip_;
    const bool first = times.count == 0;
    times.last = took;
    times.smoothed = first ? took : times.smoothed + ((took - times.smoothed) / 8);
    times.min = first ? took : std::min(times.min, took);
    times.max = std::max(times.max, took);
    ++times.count;
    enter(state::quiet);
  } else if (state_ == state::ping_due) {
    // Where sending is reported late, the answer may come before it: the peer is there, the time is unknown.
    enter(state::quiet);
  }
}

template <class Clock>
constexpr void basic_watchdog<Clock>::closing(time_point now) noexcept {
  advance(now);
  if (state_ == state::opening || is_open()) enter(state::closing);
}

template <class Clock>
constexpr typename basic_watchdog<Clock>::time_point basic_watchdog<Clock>::end_of_state() const noexcept {
  switch (state_) {
    case state::opening: return after(since_, limits_.opening);
    case state::quiet: return after(last_byte_, limits_.ping_after);
    case state::ping_due: return after(since_, limits_.stalled);
    // The answer may take pong_within; a peer that has sent something else keeps its time of silence as well.
    case state::ping_sent: return after(std::max(since_, after(last_byte_, limits_.ping_after)), limits_.pong_within);
    case state::closing: return after(since_, limits_.closing);
    case state::dropped: break;
  }
  return since_;
}

template <class Clock>
constexpr watchdog_reason basic_watchdog<Clock>::reason_of_state() const noexcept {
  switch (state_) {
    case state::opening: return watchdog_reason::opening;
    case state::ping_due: return watchdog_reason::stalled;
    case state::closing: return watchdog_reason::closing;
    case state::quiet:
    case state::ping_sent:
    case state::dropped: break;
  }
  return watchdog_reason::silent;
}

template <class Clock>
constexpr typename basic_watchdog<Clock>::time_point basic_watchdog<Clock>::deadline() const noexcept {
  return is_open() ? std::min(end_of_state(), end_of_idling()) : end_of_state();
}

template <class Clock>
constexpr watchdog_action basic_watchdog<Clock>::expire(time_point now) noexcept {
  advance(now);
  if (state_ == state::dropped) return watchdog_action::drop;
  const bool over = is_over(end_of_state());
  if (over && state_ != state::quiet) return ask(watchdog_action::drop, state::dropped, reason_of_state());
  if (is_open() && is_over(end_of_idling())) {
    return ask(watchdog_action::close, state::closing, watchdog_reason::idle);
  }
  return over ? ask(watchdog_action::send_ping, state::ping_due, why_) : watchdog_action::nothing;
}

}  // namespace sansocket

#endif
