#include "sansocket/session/watchdog.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <ratio>
#include <string_view>

#include "catch.hpp"
#include "fake_clock.hpp"

using namespace sansocket;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

using ms_clock = tests::fake_clock<std::milli>;
using dog = basic_watchdog<ms_clock>;
using limits = dog::limits;
using ms = ms_clock::duration;
using time_point = ms_clock::time_point;
using action = watchdog_action;
using reason = watchdog_reason;

constexpr time_point at(ms since_start) { return time_point(since_start); }
constexpr auto no_deadline = time_point::max();
constexpr auto never = limits::never;

/// opening 10 s, ping after 30 s, pong within 10 s, stalled 60 s, closing 5 s, no limit of idling.
constexpr dog opened_at_0(const limits& chosen = {}) {
  dog subject(chosen, at(0s));
  subject.opened(at(0s));
  return subject;
}

/// A ping was asked for at 30 s and its sending reported at `sent`.
constexpr dog pinged(ms sent, const limits& chosen = {}) {
  dog subject = opened_at_0(chosen);
  (void)subject.expire(at(30s));
  subject.ping_sent(at(sent));
  return subject;
}

constexpr dog closing_at(ms now) {
  dog subject = opened_at_0();
  subject.closing(at(now));
  return subject;
}

constexpr dog dropped_at_10s() {
  dog subject({}, at(0s));
  (void)subject.expire(at(10s));
  return subject;
}

/// One more round: silence, a ping, and its pong after `took`.
void round_trip(dog& subject, ms took) {
  const time_point due = subject.deadline();
  REQUIRE(subject.expire(due) == action::send_ping);
  subject.ping_sent(due);
  subject.pong_received(due + took);
}

static_assert(pinged(31s).deadline() == at(41s));
static_assert(closing_at(1s).deadline() == at(6s));
static_assert(dropped_at_10s().why() == reason::opening);
static_assert(sizeof(watchdog) <= 128, "there is one for each connection");

}  // namespace

TEST_CASE("watchdog: an opening handshake that takes too long is dropped, however busy", "[watchdog]") {
  dog subject({}, at(0s));
  CHECK(subject.deadline() == at(10s));
  subject.received(at(9s));
  subject.active(at(9s));
  CHECK(subject.deadline() == at(10s));
  CHECK(subject.expire(at(9'999ms)) == action::nothing);
  CHECK(subject.why() == reason::none);
  CHECK(subject.expire(at(10s)) == action::drop);
  CHECK(subject.why() == reason::opening);
}

TEST_CASE("watchdog: silence and idling count from opened(), which counts once", "[watchdog]") {
  dog subject({.idle = 100s}, at(0s));
  subject.opened(at(8s));
  CHECK(subject.deadline() == at(38s));
  subject.opened(at(9s));
  CHECK(subject.deadline() == at(38s));
  CHECK(subject.expire(at(38s)) == action::send_ping);
  subject.ping_sent(at(38s));
  subject.opened(at(39s));
  CHECK(subject.deadline() == at(48s));
  subject.received(at(45s));
  CHECK(subject.deadline() == at(85s));
  subject.received(at(80s));
  CHECK(subject.deadline() == at(108s));  // idle
}

TEST_CASE("watchdog: a ping is asked for after silence, and only once", "[watchdog]") {
  dog subject = opened_at_0();
  CHECK(subject.deadline() == at(30s));
  CHECK(subject.expire(at(29'999ms)) == action::nothing);
  CHECK(subject.expire(at(30s)) == action::send_ping);
  CHECK(subject.expire(at(31s)) == action::nothing);
  subject.ping_sent(at(32s));
  CHECK(subject.expire(at(33s)) == action::nothing);
  CHECK(subject.why() == reason::none);
}

TEST_CASE("watchdog: D21, any byte that comes counts as life: before a ping, and while one is in flight",
          "[watchdog][defects]") {
  dog subject = opened_at_0();
  subject.received(at(29s));
  CHECK(subject.deadline() == at(59s));
  CHECK(subject.expire(at(58'999ms)) == action::nothing);
  CHECK(subject.expire(at(59s)) == action::send_ping);
  subject.ping_sent(at(59s));
  CHECK(subject.deadline() == at(69s));
  subject.received(at(69s));  // no pong, but part of a long message
  CHECK(subject.expire(at(69s)) == action::nothing);
  CHECK(subject.deadline() == at(109s));
}

TEST_CASE("watchdog: D21, the pong's deadline starts when the ping was reported sent", "[watchdog][defects]") {
  dog subject = opened_at_0();
  CHECK(subject.expire(at(30s)) == action::send_ping);
  CHECK(subject.expire(at(40s)) == action::nothing);  // it waits behind a large message
  CHECK(subject.expire(at(89s)) == action::nothing);
  subject.ping_sent(at(89s));
  CHECK(subject.deadline() == at(99s));
  CHECK(subject.expire(at(98'999ms)) == action::nothing);
  CHECK(subject.expire(at(99s)) == action::drop);
  CHECK(subject.why() == reason::silent);
}

TEST_CASE("watchdog: a peer that never answers a ping lives as long as it says something", "[watchdog]") {
  dog subject = pinged(30s);
  ms now = 30s;
  for (int i = 0; i < 1'000; ++i) {
    now += 30s;
    subject.received(at(now));
    REQUIRE(subject.expire(at(now)) == action::nothing);
  }
  CHECK(subject.deadline() == at(now + 40s));
  CHECK(subject.expire(at(now + 40s)) == action::drop);
  CHECK(subject.why() == reason::silent);
}

TEST_CASE("watchdog: a byte just after the ping was asked for counts as much as one after it was sent", "[watchdog]") {
  dog subject = opened_at_0();
  CHECK(subject.expire(at(30s)) == action::send_ping);
  subject.received(at(30s));
  subject.ping_sent(at(31s));
  CHECK(subject.deadline() == at(70s));
}

TEST_CASE("watchdog: a ping that cannot be sent for too long drops the connection, though bytes come", "[watchdog]") {
  dog subject = opened_at_0();
  CHECK(subject.expire(at(30s)) == action::send_ping);
  CHECK(subject.deadline() == at(90s));
  subject.received(at(80s));
  CHECK(subject.expire(at(89'999ms)) == action::nothing);
  CHECK(subject.expire(at(90s)) == action::drop);
  CHECK(subject.why() == reason::stalled);
}

TEST_CASE("watchdog: ping_sent means nothing without a ping that was asked for", "[watchdog]") {
  dog opening({}, at(0s));
  opening.ping_sent(at(1s));
  CHECK(opening.deadline() == at(10s));

  dog quiet = opened_at_0();
  quiet.ping_sent(at(1s));
  CHECK(quiet.deadline() == at(30s));
  quiet.pong_received(at(2s));
  CHECK(quiet.round_trip().count == 0);

  dog in_flight = pinged(30s);
  in_flight.ping_sent(at(35s));
  CHECK(in_flight.deadline() == at(40s));

  dog closing = closing_at(1s);
  closing.ping_sent(at(2s));
  CHECK(closing.deadline() == at(6s));
}

TEST_CASE("watchdog: a pong ends the wait, and silence begins anew", "[watchdog]") {
  dog subject = pinged(30s);
  subject.pong_received(at(32s));
  CHECK(subject.deadline() == at(62s));
  CHECK(subject.expire(at(61'999ms)) == action::nothing);
  CHECK(subject.expire(at(62s)) == action::send_ping);
}

TEST_CASE("watchdog: a pong that comes before its ping was reported sent kills nobody and measures nothing",
          "[watchdog]") {
  dog subject = opened_at_0();
  CHECK(subject.expire(at(30s)) == action::send_ping);
  subject.pong_received(at(31s));
  subject.ping_sent(at(32s));
  CHECK(subject.round_trip().count == 0);
  CHECK(subject.deadline() == at(61s));
  CHECK(subject.expire(at(61s)) == action::send_ping);
}

TEST_CASE("watchdog: a pong that nobody asked for is a sign of life, but no round trip", "[watchdog]") {
  dog subject = opened_at_0();
  subject.pong_received(at(10s));
  CHECK(subject.round_trip().count == 0);
  CHECK(subject.deadline() == at(40s));

  dog twice = pinged(30s);
  twice.pong_received(at(31s));
  twice.pong_received(at(39s));
  CHECK(twice.round_trip().count == 1);
  CHECK(twice.round_trip().last == 1s);

  dog closing = pinged(30s);
  closing.closing(at(31s));
  closing.pong_received(at(32s));
  CHECK(closing.round_trip().count == 0);
  CHECK(closing.deadline() == at(36s));
}

TEST_CASE("watchdog: round trips run from the report of sending, and are smoothed by an eighth", "[watchdog]") {
  dog subject = opened_at_0();
  CHECK(subject.round_trip().count == 0);
  CHECK(subject.round_trip().smoothed == 0ms);
  CHECK(subject.expire(at(30s)) == action::send_ping);
  subject.ping_sent(at(40s));
  subject.pong_received(at(40'800ms));
  CHECK(subject.round_trip().last == 800ms);
  CHECK(subject.round_trip().smoothed == 800ms);
  CHECK(subject.round_trip().min == 800ms);
  CHECK(subject.round_trip().max == 800ms);
  round_trip(subject, 1'600ms);
  CHECK(subject.round_trip().last == 1'600ms);
  CHECK(subject.round_trip().smoothed == 900ms);
  round_trip(subject, 100ms);
  CHECK(subject.round_trip().last == 100ms);
  CHECK(subject.round_trip().smoothed == 800ms);
  CHECK(subject.round_trip().min == 100ms);
  CHECK(subject.round_trip().max == 1'600ms);
  CHECK(subject.round_trip().count == 3);
}

TEST_CASE("watchdog: without messages either way the connection is closed; bytes and pongs are no messages",
          "[watchdog]") {
  dog subject = opened_at_0({.idle = 50s});
  subject.active(at(9s));
  CHECK(subject.expire(at(30s)) == action::send_ping);
  subject.ping_sent(at(30s));
  subject.pong_received(at(31s));
  subject.received(at(32s));
  CHECK(subject.deadline() == at(59s));
  CHECK(subject.expire(at(58'999ms)) == action::nothing);
  CHECK(subject.expire(at(59s)) == action::close);
  CHECK(subject.why() == reason::idle);
}

TEST_CASE("watchdog: close is asked for once, and the closing has its limit from then on", "[watchdog]") {
  dog subject = opened_at_0({.ping_after = never, .idle = 20s});
  CHECK(subject.expire(at(20s)) == action::close);
  CHECK(subject.expire(at(21s)) == action::nothing);
  CHECK(subject.why() == reason::idle);
  CHECK(subject.deadline() == at(25s));
  subject.closing(at(22s));
  subject.active(at(23s));
  subject.received(at(23s));
  CHECK(subject.deadline() == at(25s));
  CHECK(subject.expire(at(25s)) == action::drop);
  CHECK(subject.why() == reason::closing);
}

TEST_CASE("watchdog: of two limits that are over, the one that says more counts", "[watchdog]") {
  // A Close is as good a question as a ping.
  dog quiet = opened_at_0({.idle = 35s});
  CHECK(quiet.expire(at(100s)) == action::close);

  // Nobody is there to answer a Close.
  dog silent = pinged(30s, {.idle = 35s});
  CHECK(silent.deadline() == at(35s));
  CHECK(silent.expire(at(100s)) == action::drop);
  CHECK(silent.why() == reason::silent);

  dog stalled = opened_at_0({.stalled = 20s, .idle = 40s});
  CHECK(stalled.expire(at(30s)) == action::send_ping);
  CHECK(stalled.deadline() == at(40s));
  CHECK(dog(stalled).expire(at(49'999ms)) == action::close);
  CHECK(stalled.expire(at(50s)) == action::drop);
  CHECK(stalled.why() == reason::stalled);
}

TEST_CASE("watchdog: after a Close the transport must end in time; no ping is asked for any more",
          "[watchdog][7.1.1]") {
  dog subject = opened_at_0({.ping_after = 2s, .idle = 3s});
  subject.closing(at(1s));
  CHECK(subject.deadline() == at(6s));
  subject.closing(at(5s));
  subject.received(at(5s));
  subject.opened(at(5s));
  CHECK(subject.expire(at(5'999ms)) == action::nothing);
  CHECK(subject.expire(at(6s)) == action::drop);
  CHECK(subject.why() == reason::closing);
}

TEST_CASE("watchdog: closing may begin in every state", "[watchdog]") {
  dog opening({}, at(0s));
  opening.closing(at(9s));
  CHECK(opening.deadline() == at(14s));

  dog asked = opened_at_0();
  CHECK(asked.expire(at(30s)) == action::send_ping);
  asked.closing(at(31s));
  CHECK(asked.deadline() == at(36s));

  dog in_flight = pinged(30s);
  in_flight.closing(at(39s));
  CHECK(in_flight.deadline() == at(44s));
}

TEST_CASE("watchdog: after drop comes drop, whatever happens", "[watchdog]") {
  dog subject = dropped_at_10s();
  subject.opened(at(11s));
  subject.received(at(11s));
  subject.active(at(11s));
  subject.ping_sent(at(11s));
  subject.pong_received(at(11s));
  subject.closing(at(11s));
  CHECK(subject.deadline() == at(10s));
  CHECK(subject.expire(at(0s)) == action::drop);
  CHECK(subject.expire(at(12s)) == action::drop);
  CHECK(subject.why() == reason::opening);
  CHECK(subject.round_trip().count == 0);
}

TEST_CASE("watchdog: a limit of `never` never runs out, not even at the end of time", "[watchdog]") {
  constexpr limits unlimited_time{
      .opening = never, .ping_after = never, .pong_within = never, .stalled = never, .closing = never, .idle = never};
  for (const time_point start : {time_point::min(), at(-1ms), at(0s), at(1ms), time_point::max() - 1ms}) {
    dog subject(unlimited_time, start);
    CHECK(subject.deadline() == no_deadline);
    CHECK(dog(subject).expire(no_deadline) == action::nothing);
    subject.opened(start);
    CHECK(subject.deadline() == no_deadline);
    CHECK(dog(subject).expire(no_deadline) == action::nothing);
    subject.closing(start);
    CHECK(subject.deadline() == no_deadline);
    CHECK(subject.expire(no_deadline) == action::nothing);
  }
  dog asked = opened_at_0({.pong_within = never, .stalled = never});
  CHECK(asked.expire(at(30s)) == action::send_ping);
  CHECK(asked.deadline() == no_deadline);
  asked.ping_sent(at(31s));
  CHECK(asked.deadline() == no_deadline);
  CHECK(asked.expire(no_deadline) == action::nothing);
}

TEST_CASE("watchdog: a limit that ends behind the end of time never ends", "[watchdog]") {
  const dog subject({.opening = never - 1ms}, at(2ms));
  CHECK(subject.deadline() == no_deadline);
  dog late({}, time_point::max() - 1s);
  CHECK(late.deadline() == no_deadline);
  late.opened(time_point::max());
  CHECK(late.expire(time_point::max()) == action::nothing);
}

TEST_CASE("watchdog: a round trip that no duration holds is the longest that one does", "[watchdog]") {
  dog subject({.ping_after = 0s, .pong_within = never}, time_point::min());
  subject.opened(time_point::min());
  CHECK(subject.expire(time_point::min()) == action::send_ping);
  subject.ping_sent(time_point::min());
  subject.pong_received(time_point::max());
  CHECK(subject.round_trip().last == ms::max());
  CHECK(subject.round_trip().smoothed == ms::max());
}

TEST_CASE("watchdog: a time that goes back is taken as the last one", "[watchdog]") {
  dog subject({}, at(5s));
  CHECK(subject.expire(at(9s)) == action::nothing);
  subject.opened(at(-100s));
  CHECK(subject.deadline() == at(39s));
  subject.received(at(20s));
  subject.received(at(10s));
  CHECK(subject.deadline() == at(50s));
  CHECK(subject.expire(at(50s)) == action::send_ping);
  subject.ping_sent(at(40s));
  CHECK(subject.deadline() == at(60s));
  subject.pong_received(at(1s));
  CHECK(subject.round_trip().last == 0ms);
  subject.closing(at(0s));
  CHECK(subject.deadline() == at(55s));
  CHECK(subject.expire(at(54s)) == action::nothing);
  CHECK(subject.expire(at(55s)) == action::drop);
  CHECK(subject.expire(time_point::min()) == action::drop);
}

TEST_CASE("watchdog: limits below zero are zero", "[watchdog]") {
  constexpr limits below{.opening = ms::min(), .ping_after = -1s, .pong_within = -1s, .stalled = -1s, .closing = -1s};
  dog subject(below, at(7s));
  CHECK(subject.deadline() == at(7s));
  subject.opened(at(7s));
  CHECK(subject.deadline() == at(7s));
  CHECK(subject.expire(at(7s)) == action::send_ping);
  subject.ping_sent(at(7s));
  CHECK(subject.deadline() == at(7s));
  subject.closing(at(7s));
  CHECK(subject.expire(at(7s)) == action::drop);
}

TEST_CASE("watchdog: every reason has words of its own", "[watchdog]") {
  constexpr std::array reasons{reason::none,    reason::opening, reason::silent,
                               reason::stalled, reason::closing, reason::idle};
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    CHECK_FALSE(name(reasons[i]).empty());
    for (std::size_t j = 0; j < i; ++j) CHECK(name(reasons[i]) != name(reasons[j]));
  }
}

TEST_CASE("watchdog: the one for everyday use takes the steady clock's times", "[watchdog]") {
  const std::chrono::steady_clock::time_point now{};
  watchdog subject({.opening = 3s, .idle = watchdog_limits::never}, now);
  CHECK(subject.deadline() == now + 3s);
  CHECK(subject.expire(now + 3s) == action::drop);
}

namespace {

/// A connection with chance at both ends. expire() is called whenever the deadline has come, as a
/// timer would.
class walk {
 public:
  walk(std::uint32_t seed, bool random_opening)
      : random_(seed),
        limits_{.opening = ms(some(50)),
                .ping_after = ms(1 + some(50)),
                .pong_within = ms(1 + some(20)),
                .stalled = ms(1 + some(80)),
                .closing = ms(some(20)),
                .idle = random_opening && some(2) == 0 ? ms(some(200)) : never},
        subject_(limits_, now_) {
    if (!random_opening) subject_.opened(now_);
  }

  std::uint32_t some(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  const limits& chosen() const { return limits_; }
  const dog& subject() const { return subject_; }
  time_point now() const { return now_; }
  time_point last_byte() const { return last_byte_; }
  bool over() const { return over_ || !broken_.empty(); }
  bool ping_waits() const { return ping_waits_; }
  bool ping_out() const { return ping_out_; }
  std::string_view broken() const { return broken_; }

  /// Lets time go by, and does what is due.
  void wait(ms time) {
    const time_point until = now_ + time;
    while (!over() && subject_.deadline() <= until) {
      // Deadlines of the past are due at once.
      check_before(std::max(now_, subject_.deadline()));
      now_ = std::max(now_, subject_.deadline());
      obey(subject_.expire(now_));
    }
    if (!over()) check_before(until + 1ms);
    if (!over()) now_ = until;
  }

  void byte() {
    subject_.received(now_);
    last_byte_ = now_;
  }

  void sent() {
    subject_.ping_sent(now_);
    ping_waits_ = false;
  }

  void pong() {
    subject_.pong_received(now_);
    last_byte_ = now_;
    ping_waits_ = false;
    ping_out_ = false;
  }

  void anything() {
    switch (some(8)) {
      case 0: subject_.opened(now_); return;
      case 1: subject_.active(now_); return;
      case 2: pong(); return;
      case 3: sent(); return;
      case 4:
        if (some(50) == 0) subject_.closing(now_);
        return;
      default: byte(); return;
    }
  }

 private:
  void obey(watchdog_action what) {
    switch (what) {
      case action::nothing:
        if (subject_.deadline() <= now_) broken_ = "a deadline has come and nothing happens";
        return;
      case action::send_ping:
        if (ping_out_) broken_ = "a second ping in flight";
        ping_out_ = true;
        ping_waits_ = true;
        return;
      case action::close:
        if (closed_) broken_ = "close a second time";
        closed_ = true;
        return;
      case action::drop: over_ = true; return;
    }
  }

  /// Just before the deadline nothing is due, and asking changes nothing.
  void check_before(time_point end) {
    if (end - 1ms < now_) return;
    dog asked = subject_;
    if (asked.expire(end - 1ms) != action::nothing) broken_ = "something is due before its time";
    if (asked.deadline() != subject_.deadline()) broken_ = "asking too early changes something";
  }

  std::minstd_rand random_;
  time_point now_{};
  limits limits_;
  dog subject_;
  time_point last_byte_{};
  bool ping_waits_ = false;
  bool ping_out_ = false;
  bool closed_ = false;
  bool over_ = false;
  std::string_view broken_;
};

constexpr std::uint32_t walks = 1'000;

}  // namespace

// Invariant: there is never more than one ping in flight, nothing is due before deadline(), and when it has come
// expire() either asks for something or moves it: a loop around it cannot spin.
TEST_CASE("watchdog: one ping at a time, and every deadline leads on", "[watchdog][property]") {
  std::uint32_t dropped = 0;
  for (std::uint32_t seed = 1; seed <= walks; ++seed) {
    CAPTURE(seed);
    walk chance(seed, true);
    for (int step = 0; step < 200 && !chance.over(); ++step) {
      chance.wait(ms(chance.some(30)));
      chance.anything();
    }
    dropped += chance.over() ? 1U : 0U;
    REQUIRE(chance.broken() == ""sv);
  }
  CHECK(dropped > walks / 2);
}

// Invariant: a peer that has fallen silent lives for ping_after + pong_within after its last byte, and longer only
// while a ping waits to be sent, at most `stalled`.
TEST_CASE("watchdog: a silent peer lives as long as the limits say", "[watchdog][property]") {
  for (std::uint32_t seed = 1; seed <= walks; ++seed) {
    CAPTURE(seed);
    walk chance(seed, false);
    for (int step = 0; step < 20 && !chance.over(); ++step) {
      chance.wait(ms(chance.some(30)));
      if (chance.some(3) == 0) chance.sent();
      if (chance.some(4) == 0) chance.pong();
      if (chance.some(3) == 0) chance.byte();
    }
    if (chance.over()) continue;
    while (!chance.over() && chance.now() < at(1h)) {
      chance.wait(ms(1 + chance.some(10)));
      if (chance.ping_waits() && chance.some(4) == 0) chance.sent();
    }
    REQUIRE(chance.broken() == ""sv);
    const ms lived = chance.now() - chance.last_byte();
    const ms answered = chance.chosen().ping_after + chance.chosen().pong_within;
    CHECK(lived <= answered + chance.chosen().stalled);
    if (chance.subject().why() == reason::silent) CHECK(lived >= answered);
    else CHECK(chance.subject().why() == reason::stalled);
  }
}

// Invariant: a peer whose bytes are at most ping_after apart is never dropped, if what it is sent gets through,
// even if it never answers a ping.
TEST_CASE("watchdog: a peer that talks lives for ever", "[watchdog][property]") {
  std::uint32_t pings = 0;
  for (std::uint32_t seed = 1; seed <= walks; ++seed) {
    CAPTURE(seed);
    walk chance(seed, false);
    for (int step = 0; step < 100 && !chance.over(); ++step) {
      // Often as late as it may: then expire() comes first, and asks for a ping.
      const auto gap = static_cast<std::uint32_t>(chance.chosen().ping_after.count());
      chance.wait(chance.some(2) == 0 ? ms(gap) : ms(chance.some(gap)));
      if (chance.some(2) == 0) chance.byte();
      if (chance.ping_waits()) chance.sent();
      chance.byte();
    }
    pings += chance.ping_out() ? 1U : 0U;
    REQUIRE(chance.broken() == ""sv);
    REQUIRE_FALSE(chance.over());
  }
  CHECK(pings > walks / 2);
}

// Invariant: no order of calls and no times, however wild, overflow (the sanitizers watch) or wake a connection that
// was dropped.
TEST_CASE("watchdog: wild times do no harm", "[watchdog][property]") {
  constexpr std::array wild{time_point::min(), time_point::min() + 1ms, at(-1ms),         at(0ms), at(1ms),
                            at(40s),           time_point::max() - 1ms, time_point::max()};
  constexpr std::array spans{ms::min(), -1ms, 0ms, 1ms, 30'000ms, ms::max() - 1ms, ms::max()};
  std::minstd_rand random(7);
  const auto any_time = [&] { return wild[random() % wild.size()]; };
  const auto any_span = [&] { return spans[random() % spans.size()]; };
  for (std::uint32_t round = 0; round < walks; ++round) {
    CAPTURE(round);
    const limits chosen{any_span(), any_span(), any_span(), any_span(), any_span(), any_span()};
    dog subject(chosen, any_time());
    bool dropped = false;
    bool came_back = false;
    for (int step = 0; step < 30; ++step) {
      switch (random() % 6) {
        case 0: subject.opened(any_time()); break;
        case 1: subject.received(any_time()); break;
        case 2: subject.ping_sent(any_time()); break;
        case 3: subject.pong_received(any_time()); break;
        case 4: subject.active(any_time()); break;
        default: subject.closing(any_time()); break;
      }
      const watchdog_action said = subject.expire(any_time());
      came_back = came_back || (dropped && said != action::drop);
      dropped = said == action::drop;
    }
    REQUIRE_FALSE(came_back);
    REQUIRE(subject.round_trip().min >= 0ms);
    REQUIRE(subject.round_trip().smoothed <= subject.round_trip().max);
  }
}
