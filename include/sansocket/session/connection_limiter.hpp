// How many connections a server takes, and how often, from each client and in all (§10.4).
#ifndef SANSOCKET_SESSION_CONNECTION_LIMITER_HPP
#define SANSOCKET_SESSION_CONNECTION_LIMITER_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/session/rate_limiter.hpp"

namespace sansocket {

/// Whose connections count together, by network address. Of an IPv6 address only a prefix counts, for
/// one client has a whole network of them.
/// Takes: 4 or 16 bytes in network order, and how many bits of an IPv6 address tell clients apart. An
///        IPv6 address that stands for an IPv4 one (::ffff:a.b.c.d) is that one. Whatever has another
///        size is no address, and all of those share one key.
class address_key {
 public:
  constexpr explicit address_key(const_bytes address, unsigned ipv6_prefix = 64) noexcept;

  /// The key's bytes: as many for every address, so that others can be put behind them.
  /// Life: a view of this object.
  constexpr const_bytes view() const noexcept { return bytes_; }

  friend constexpr bool operator==(const address_key&, const address_key&) = default;

 private:
  std::array<std::byte, 17> bytes_{};  // the version, 4 or 6, and the address; what is not used is 0
};

/// What a server takes. `unlimited` can be spelled for all but the keys.
struct connection_limits {
  std::uint64_t per_key = 16;     ///< connections at a time
  std::uint64_t in_all = 10'000;  ///< connections at a time
  std::uint64_t attempts_per_key = 60;
  std::uint64_t attempts_in_all = 6'000;
  /// The attempts may come at once; from then on there is one for each window / attempts that passes. So
  /// any window has at most twice as many.
  std::chrono::nanoseconds window = std::chrono::minutes(1);
  /// How many keys are told apart at a time. Their memory is taken at once: 48 bytes each.
  std::uint32_t keys = 16'384;
};

/// 16 bytes that nobody else can know: fill them from a random_source.
using limiter_seed = std::array<std::byte, 16>;

/// Whether a connection is let in. The limits of its key go with HTTP's 429, the others with 503.
enum class connection_verdict : std::uint8_t {
  admitted,
  too_many_connections_of_key,
  too_many_connections,  ///< or every key that can be held has a connection, or there is no memory
  too_many_attempts_of_key,
  too_many_attempts,
};

namespace detail {

/// SipHash-2-4: a hash that nobody who does not know the seed can find two equal values of.
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
class sip_hash {
 public:
  static constexpr std::uint64_t of(const_bytes data, const limiter_seed& seed) noexcept;

 private:
  constexpr explicit sip_hash(const limiter_seed& seed) noexcept
      : a_(word(const_bytes(seed).first(8)) ^ 0x736f6d6570736575U),
        b_(word(const_bytes(seed).last(8)) ^ 0x646f72616e646f6dU),
        c_(word(const_bytes(seed).first(8)) ^ 0x6c7967656e657261U),
        d_(word(const_bytes(seed).last(8)) ^ 0x7465646279746573U) {}

  /// Up to 8 bytes, the first one lowest.
  static constexpr std::uint64_t word(const_bytes data) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < data.size(); ++i) value |= std::uint64_t{value_of(data[i])} << (8 * i);
    return value;
  }

  constexpr void rounds(int count) noexcept;

  constexpr void absorb(std::uint64_t word) noexcept {
    d_ ^= word;
    rounds(2);
    a_ ^= word;
  }

  std::uint64_t a_, b_, c_, d_;
};

}  // namespace detail

/// Counts the connections of each key and the attempts to make one.
///
/// A key is any bytes: an address_key, a user's name, or one behind the other. To limit each for itself,
/// use two limiters. Only a hash of the key is kept, 64 bits of which nobody can foresee one, so a key
/// costs the same whatever it is, and no choice of keys makes the limiter slow.
///
/// An attempt counts if it is admitted. So who is refused does not wait longer for having asked, and
/// cannot use up what others may do.
///
/// A key without connections is forgotten when nothing is left of its attempts, which is never later than
/// a window after the last one. If the table is full before, the one that is nearest to that gives way; one
/// with connections never does.
///
/// Takes: a clock, for its time_point alone: times are given by the caller. One that goes back counts as
///        the latest one seen. And a heap (see c_heap).
/// Life:  stays where it is; use it from one thread at a time.
/// Cost:  one allocation, when it is made. O(1) on average for each call, and at most O(log keys) for a
///        key that comes back within the window.
template <class Clock, class Heap = c_heap>
class basic_connection_limiter {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;

  struct decision {
    connection_verdict verdict;
    /// If the attempt is refused, the time after which it is not, unless something else happens. Nothing
    /// if it is admitted, or if time alone does not help: some connection has to end first.
    std::optional<duration> retry_after{};

    constexpr explicit operator bool() const noexcept { return verdict == connection_verdict::admitted; }
  };

  /// If there is no memory, every attempt is refused.
  basic_connection_limiter(const connection_limits& limits, const limiter_seed& seed) noexcept;
  basic_connection_limiter(const basic_connection_limiter&) = delete;
  basic_connection_limiter& operator=(const basic_connection_limiter&) = delete;
  ~basic_connection_limiter() = default;

  /// Judges an attempt, and counts it and its connection if it is admitted: leave() is due then, once.
  decision admit(const_bytes key, time_point now) noexcept;

  /// Says that a connection of a key has ended. Changes nothing if the key has none.
  void leave(const_bytes key) noexcept;

  /// Connections that were admitted and have not left.
  std::size_t connections() const noexcept { return connections_; }

  /// Keys that are held: those with connections, and those whose attempts are still counted.
  std::size_t keys() const noexcept { return held_; }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// A key's entry. And, only to lie in the same allocation, one place each of two other tables.
  struct slot {
    std::uint64_t tag;
    detail::time_debt attempts;  // from the limiter's beginning to when nothing is left of them
    std::uint32_t connections;   // 0 in a free slot
    std::uint32_t next;          // the next entry in the same bucket, or the next free one
    std::uint32_t place;         // in the heap, if it is without connections
    std::uint32_t bucket;        // table of buckets: the first entry in this one
    std::uint32_t heap_entry;    // heap of the entries without connections, the first to be forgotten on top
  };

  struct give_back {
    void operator()(slot* slots) const noexcept { Heap::release(slots); }
  };

  /// One limit of attempts.
  struct attempt_limit {
    attempt_limit(std::uint64_t count, std::int64_t window) noexcept
        : pace(count, window), each(pace.worth(1)), all(pace.worth(count)), never(count == 0) {}

    detail::pace pace;
    detail::time_debt each;
    detail::time_debt all;
    bool never;
  };

  // Times are counted from the first attempt, and stand still after half of what 64 bits can count, so
  // that a window more is always in range.
  static constexpr std::int64_t last_time = detail::longest_time / 2;
  static constexpr std::int64_t longest_window = detail::longest_time / 4;

  void advance(time_point now) noexcept;
  std::uint32_t& bucket_of(std::uint64_t tag) noexcept {
    return slots_[((tag >> 32U) * capacity_) >> 32U].bucket;  // spread over a number that is no power of two
  }
  std::uint32_t find(std::uint64_t tag) noexcept {
    std::uint32_t entry = capacity_ == 0 ? none : bucket_of(tag);
    while (entry != none && slots_[entry].tag != tag) entry = slots_[entry].next;
    return entry;
  }
  std::uint32_t make_entry(std::uint64_t tag) noexcept;
  void forget(std::uint32_t entry) noexcept;
  void count(detail::time_debt& attempts, const attempt_limit& limit) const noexcept {
    attempts = limit.pace.sum(detail::left_after(attempts, clock_), limit.each);
    attempts.ticks += clock_;
  }

  bool before(std::uint32_t a, std::uint32_t b) const noexcept { return slots_[a].attempts < slots_[b].attempts; }
  void put(std::uint32_t place, std::uint32_t entry) noexcept {
    slots_[place].heap_entry = entry;
    slots_[entry].place = place;
  }
  void sift(std::uint32_t place, std::uint32_t entry) noexcept;
  void take_from_heap(std::uint32_t entry) noexcept;

  limiter_seed seed_;
  std::uint64_t per_key_;
  std::uint64_t in_all_;
  attempt_limit of_key_;
  attempt_limit of_all_;
  detail::time_debt attempts_{};  // of all keys, as a slot's
  std::optional<time_point> latest_{};
  std::int64_t clock_ = 0;
  std::unique_ptr<slot[], give_back> slots_;
  std::uint32_t capacity_ = 0;  // 0 if there is no memory
  std::uint32_t used_ = 0;      // slots that have ever held an entry
  std::uint32_t free_ = none;   // of those, the first that holds none now
  std::uint32_t held_ = 0;
  std::uint32_t idle_ = 0;  // how many entries the heap has
  std::size_t connections_ = 0;
};

using connection_limiter = basic_connection_limiter<std::chrono::steady_clock>;

constexpr address_key::address_key(const_bytes address, unsigned ipv6_prefix) noexcept {
  constexpr std::array<std::byte, 12> mapped{
      {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::byte{0xFF}, std::byte{0xFF}}};
  if (address.size() == 16 && std::ranges::equal(address.first(12), mapped)) address = address.subspan(12);
  if (address.size() != 4 && address.size() != 16) return;
  const bool version_4 = address.size() == 4;
  bytes_[0] = static_cast<std::byte>(version_4 ? 4 : 6);
  std::size_t bits = version_4 ? 32 : ipv6_prefix;
  for (std::size_t i = 0; i < address.size() && bits > 0; ++i) {
    bytes_[i + 1] = bits >= 8 ? address[i] : address[i] & (std::byte{0xFF} << (8 - bits));
    bits -= std::min<std::size_t>(bits, 8);
  }
}

constexpr std::uint64_t detail::sip_hash::of(const_bytes data, const limiter_seed& seed) noexcept {
  sip_hash state(seed);
  const std::uint64_t size = data.size();
  for (; data.size() >= 8; data = data.subspan(8)) state.absorb(word(data.first(8)));
  state.absorb(word(data) | (size << 56U));
  state.c_ ^= 0xFFU;
  state.rounds(4);
  return state.a_ ^ state.b_ ^ state.c_ ^ state.d_;
}

constexpr void detail::sip_hash::rounds(int count) noexcept {
  for (; count > 0; --count) {
    a_ += b_;
    b_ = std::rotl(b_, 13) ^ a_;
    a_ = std::rotl(a_, 32);
    c_ += d_;
    d_ = std::rotl(d_, 16) ^ c_;
    a_ += d_;
    d_ = std::rotl(d_, 21) ^ a_;
    c_ += b_;
    b_ = std::rotl(b_, 17) ^ c_;
    c_ = std::rotl(c_, 32);
  }
}

template <class Clock, class Heap>
basic_connection_limiter<Clock, Heap>::basic_connection_limiter(const connection_limits& limits,
                                                                const limiter_seed& seed) noexcept
    : seed_(seed),
      per_key_(std::min<std::uint64_t>(limits.per_key, none)),
      in_all_(limits.in_all),
      of_key_(limits.attempts_per_key, std::min(detail::ticks_of<Clock>(limits.window), longest_window)),
      of_all_(limits.attempts_in_all, std::min(detail::ticks_of<Clock>(limits.window), longest_window)) {
  if (limits.keys > std::numeric_limits<std::size_t>::max() / sizeof(slot)) return;
  void* memory = Heap::resize(nullptr, limits.keys * sizeof(slot));
  if (memory == nullptr) return;
  slots_.reset(static_cast<slot*>(memory));
  capacity_ = limits.keys;
  std::uninitialized_fill_n(slots_.get(), capacity_, slot{{}, {}, {}, {}, {}, none, {}});
}

template <class Clock, class Heap>
auto basic_connection_limiter<Clock, Heap>::admit(const_bytes key, time_point now) noexcept -> decision {
  advance(now);
  const std::uint64_t tag = detail::sip_hash::of(key, seed_);
  std::uint32_t entry = find(tag);
  const bool known = entry != none;
  if ((known ? slots_[entry].connections : 0) >= per_key_) return {connection_verdict::too_many_connections_of_key};
  if (connections_ >= in_all_) return {connection_verdict::too_many_connections};
  if (!known && held_ == capacity_ && idle_ == 0) return {connection_verdict::too_many_connections};

  const auto wait = [this](detail::time_debt attempts, const attempt_limit& limit) {
    if (limit.never) return detail::longest_time;
    return detail::until_within(limit.pace.sum(detail::left_after(attempts, clock_), limit.each), limit.all);
  };
  const std::int64_t of_key = wait(known ? slots_[entry].attempts : detail::time_debt{}, of_key_);
  const std::int64_t of_all = wait(attempts_, of_all_);
  if (const std::int64_t longer = std::max(of_key, of_all); longer > 0) {
    decision refused{of_key > 0 ? connection_verdict::too_many_attempts_of_key : connection_verdict::too_many_attempts};
    if (longer != detail::longest_time) refused.retry_after = duration(longer);
    return refused;
  }

  if (!known) {
    entry = make_entry(tag);
  } else if (slots_[entry].connections == 0) {
    take_from_heap(entry);
  }
  count(slots_[entry].attempts, of_key_);
  count(attempts_, of_all_);
  ++slots_[entry].connections;
  ++connections_;
  return {connection_verdict::admitted};
}

template <class Clock, class Heap>
void basic_connection_limiter<Clock, Heap>::leave(const_bytes key) noexcept {
  const std::uint32_t entry = find(detail::sip_hash::of(key, seed_));
  if (entry == none || slots_[entry].connections == 0) return;
  --connections_;
  if (--slots_[entry].connections > 0) return;
  if (detail::left_after(slots_[entry].attempts, clock_) == detail::time_debt{}) return forget(entry);
  sift(idle_++, entry);
}

/// Moves the time on, and forgets the keys of which nothing is left.
template <class Clock, class Heap>
void basic_connection_limiter<Clock, Heap>::advance(time_point now) noexcept {
  if (!latest_) latest_ = now;
  clock_ += std::min(detail::ticks_between(*latest_, now), last_time - clock_);
  latest_ = std::max(*latest_, now);
  while (idle_ > 0) {
    const std::uint32_t first = slots_[0].heap_entry;
    if (detail::left_after(slots_[first].attempts, clock_) != detail::time_debt{}) return;
    take_from_heap(first);
    forget(first);
  }
}

template <class Clock, class Heap>
std::uint32_t basic_connection_limiter<Clock, Heap>::make_entry(std::uint64_t tag) noexcept {
  if (held_ == capacity_) {
    const std::uint32_t first = slots_[0].heap_entry;
    take_from_heap(first);
    forget(first);
  }
  std::uint32_t entry = used_;
  if (free_ != none) {
    entry = free_;
    free_ = slots_[entry].next;
  } else {
    ++used_;
  }
  ++held_;
  slots_[entry].tag = tag;
  slots_[entry].attempts = {};
  slots_[entry].next = std::exchange(bucket_of(tag), entry);
  return entry;
}

template <class Clock, class Heap>
void basic_connection_limiter<Clock, Heap>::forget(std::uint32_t entry) noexcept {
  std::uint32_t* link = &bucket_of(slots_[entry].tag);
  while (*link != entry) link = &slots_[*link].next;
  *link = slots_[entry].next;
  slots_[entry].next = std::exchange(free_, entry);
  --held_;
}

/// Puts an entry into the heap, where `place` is empty.
template <class Clock, class Heap>
void basic_connection_limiter<Clock, Heap>::sift(std::uint32_t place, std::uint32_t entry) noexcept {
  while (place > 0 && before(entry, slots_[(place - 1) / 2].heap_entry)) {
    put(place, slots_[(place - 1) / 2].heap_entry);
    place = (place - 1) / 2;
  }
  for (std::uint64_t child = (std::uint64_t{2} * place) + 1; child < idle_; child = (2 * child) + 1) {
    if (child + 1 < idle_ && before(slots_[child + 1].heap_entry, slots_[child].heap_entry)) ++child;
    if (!before(slots_[child].heap_entry, entry)) break;
    put(place, slots_[child].heap_entry);
    place = static_cast<std::uint32_t>(child);
  }
  put(place, entry);
}

template <class Clock, class Heap>
void basic_connection_limiter<Clock, Heap>::take_from_heap(std::uint32_t entry) noexcept {
  const std::uint32_t place = slots_[entry].place;
  const std::uint32_t last = slots_[--idle_].heap_entry;
  if (last != entry) sift(place, last);
}

}  // namespace sansocket

#endif
