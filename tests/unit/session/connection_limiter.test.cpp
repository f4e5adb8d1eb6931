#include "sansocket/session/connection_limiter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fake_clock.hpp"
#include "hex.hpp"

using namespace sansocket;
using namespace std::chrono_literals;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

using nano_clock = tests::fake_clock<std::nano>;
using time_point = nano_clock::time_point;
using verdict = connection_verdict;

/// A heap that counts, and that can be out of memory.
struct counted_heap {
  static inline std::size_t blocks = 0;
  static inline std::size_t asked_for = 0;
  static inline bool no_memory = false;

  static void* resize(void* block, std::size_t size) noexcept {
    if (no_memory) return nullptr;
    ++blocks;
    asked_for += size;
    return c_heap::resize(block, size);
  }
  static void release(void* block) noexcept {
    --blocks;
    c_heap::release(block);
  }
};

constexpr limiter_seed seed = [] {
  limiter_seed bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}();

/// A limiter whose keys are texts.
struct limiter : basic_connection_limiter<nano_clock, counted_heap> {
  explicit limiter(const connection_limits& limits) : basic_connection_limiter(limits, seed) {}

  decision admit(std::string_view key, time_point now) {
    const exact_buffer copy(key);
    return basic_connection_limiter::admit(copy.view(), now);
  }
  void leave(std::string_view key) { basic_connection_limiter::leave(bytes_of(key)); }
};

constexpr time_point start(1h);

/// Nothing limits but what a test sets.
constexpr connection_limits free_for_all{unlimited, unlimited, unlimited, unlimited, 1min, 1000};

connection_limits attempts(std::uint64_t per_key, std::uint64_t in_all, std::chrono::nanoseconds window = 1min) {
  connection_limits limits = free_for_all;
  limits.attempts_per_key = per_key;
  limits.attempts_in_all = in_all;
  limits.window = window;
  return limits;
}

/// An attempt whose connection ends at once.
limiter::decision knock(limiter& door, std::string_view key, time_point now) {
  const auto told = door.admit(key, now);
  if (told) door.leave(key);
  return told;
}

address_key key_of(std::string_view hex, unsigned prefix = 64) {
  const exact_buffer address(from_hex(hex));
  return address_key(address.view(), prefix);
}

std::string text_of_key(const address_key& key) { return to_hex(key.view()); }

constexpr std::array<std::byte, 4> loopback{std::byte{127}, {}, {}, std::byte{1}};
static_assert(address_key(loopback) == address_key(loopback));
static_assert(address_key(loopback) != address_key(std::span(loopback).first(3)));
static_assert(!std::is_copy_constructible_v<connection_limiter> && !std::is_move_constructible_v<connection_limiter>);

}  // namespace

TEST_CASE("address_key: an IPv4 address counts for itself", "[connection_limiter]") {
  CHECK(text_of_key(key_of("c0 00 02 01")) == "04 c0 00 02 01 00 00 00 00 00 00 00 00 00 00 00 00");
  CHECK(key_of("c0 00 02 01") == key_of("c0 00 02 01", 0));
  CHECK_FALSE(key_of("c0 00 02 01") == key_of("c0 00 02 02"));
}

TEST_CASE("address_key: an IPv4 address in an IPv6 one is that address", "[connection_limiter]") {
  const address_key plain = key_of("c0 00 02 01");
  for (const unsigned prefix : {0U, 64U, 128U}) {
    CHECK(key_of("00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01", prefix) == plain);
  }
  CHECK_FALSE(key_of("00 00 00 00 00 00 00 00 00 00 00 00 c0 00 02 01", 128) == plain);
  CHECK_FALSE(key_of("00 00 00 00 00 00 00 00 00 01 ff ff c0 00 02 01", 128) == plain);
  CHECK_FALSE(key_of("c0 00 02 01 00 00 00 00 00 00 00 00 00 00 00 00", 128) == plain);
}

TEST_CASE("address_key: of an IPv6 address the prefix counts", "[connection_limiter]") {
  const std::string_view address = "20 01 0d b8 12 34 56 7f ff ff ff ff ff ff ff ff";
  CHECK(text_of_key(key_of(address)) == "06 20 01 0d b8 12 34 56 7f 00 00 00 00 00 00 00 00");
  CHECK(text_of_key(key_of(address, 48)) == "06 20 01 0d b8 12 34 00 00 00 00 00 00 00 00 00 00");
  CHECK(text_of_key(key_of(address, 60)) == "06 20 01 0d b8 12 34 56 70 00 00 00 00 00 00 00 00");
  CHECK(text_of_key(key_of(address, 57)) == "06 20 01 0d b8 12 34 56 00 00 00 00 00 00 00 00 00");
  CHECK(text_of_key(key_of(address, 1)) == "06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
  CHECK(text_of_key(key_of(address, 127)) == "06 20 01 0d b8 12 34 56 7f ff ff ff ff ff ff ff fe");
  for (const unsigned whole : {128U, 129U, ~0U}) {
    CHECK(text_of_key(key_of(address, whole)) == "06 20 01 0d b8 12 34 56 7f ff ff ff ff ff ff ff ff");
  }
  CHECK(key_of(address, 0) == key_of("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01", 0));
  CHECK_FALSE(key_of("04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00") == key_of("04 00 00 00"));
}

TEST_CASE("address_key: what is no address shares one key, which no address has", "[connection_limiter]") {
  const address_key nobody = key_of("");
  CHECK(key_of("01") == nobody);
  CHECK(key_of("01 02 03 04 05") == nobody);
  CHECK(key_of("00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01 00") == nobody);
  CHECK(key_of("00 00 00 00 00 00 00 00 00 00 ff ff 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01") == nobody);
  CHECK_FALSE(key_of("00 00 00 00") == nobody);
  CHECK_FALSE(key_of("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", 0) == nobody);
}

TEST_CASE("connection_limiter: hashes as SipHash-2-4 does", "[connection_limiter]") {
  // The vectors that its authors published: the key 00 01 .. 0f, and 00 01 .. of each length.
  struct vector {
    std::size_t size;
    std::uint64_t hash;
  };
  constexpr std::array<vector, 4> vectors{{{0, 0x726f'db47'dd0e'0e31},
                                           {1, 0x74f8'39c5'93dc'67fd},
                                           {8, 0x93f5'f579'9a93'2462},
                                           {15, 0xa129'ca61'49be'45e5}}};
  for (const auto& [size, hash] : vectors) {
    CAPTURE(size);
    exact_buffer data(size);
    for (std::size_t i = 0; i < size; ++i) data.view()[i] = static_cast<std::byte>(i);
    CHECK(detail::sip_hash::of(data.view(), seed) == hash);
  }
  CHECK(detail::sip_hash::of({}, limiter_seed{}) != vectors[0].hash);
}

TEST_CASE("connection_limiter: a key has so many connections at a time", "[connection_limiter]") {
  connection_limits limits = free_for_all;
  limits.per_key = 2;
  limiter door(limits);
  CHECK(door.admit("a", start));
  CHECK(door.admit("a", start));
  const auto refused = door.admit("a", start);
  CHECK_FALSE(refused);
  CHECK(refused.verdict == verdict::too_many_connections_of_key);
  CHECK_FALSE(refused.retry_after);
  CHECK(door.admit("b", start).verdict == verdict::admitted);
  CHECK(door.connections() == 3);

  door.leave("a");
  CHECK(door.connections() == 2);
  CHECK(door.admit("a", start));
  CHECK(door.admit("a", start + 1000h).verdict == verdict::too_many_connections_of_key);

  limits.per_key = 0;
  limiter shut(limits);
  CHECK(shut.admit("a", start).verdict == verdict::too_many_connections_of_key);
}

TEST_CASE("connection_limiter: all keys together have so many", "[connection_limiter]") {
  connection_limits limits = free_for_all;
  limits.in_all = 3;
  limiter door(limits);
  for (const std::string_view key : {"a", "b", "b"}) CHECK(door.admit(key, start));
  for (const std::string_view key : {"a", "c"}) {
    const auto refused = door.admit(key, start + 1000h);
    CHECK(refused.verdict == verdict::too_many_connections);
    CHECK_FALSE(refused.retry_after);
  }
  door.leave("b");
  CHECK(door.admit("c", start));
  CHECK(door.connections() == 3);
}

TEST_CASE("connection_limiter: attempts come at once, then each takes its share of the window",
          "[connection_limiter]") {
  limiter door(attempts(3, unlimited));
  for (int i = 0; i < 3; ++i) CHECK(knock(door, "a", start));
  const auto refused = door.admit("a", start);
  CHECK(refused.verdict == verdict::too_many_attempts_of_key);
  CHECK(refused.retry_after == 20s);
  CHECK(knock(door, "b", start));

  CHECK(door.admit("a", start + 20s - 1ns).retry_after == 1ns);
  CHECK(knock(door, "a", start + 20s));
  CHECK(door.admit("a", start + 20s).retry_after == 20s);
  for (int i = 0; i < 3; ++i) CHECK(knock(door, "a", start + 80s));
  CHECK(door.admit("a", start + 80s).retry_after == 20s);
}

TEST_CASE("connection_limiter: attempts of all keys are limited as those of each", "[connection_limiter]") {
  limiter door(attempts(unlimited, 2));
  CHECK(knock(door, "a", start));
  CHECK(knock(door, "b", start));
  const auto refused = door.admit("c", start + 10s);
  CHECK(refused.verdict == verdict::too_many_attempts);
  CHECK(refused.retry_after == 20s);
  CHECK(knock(door, "c", start + 30s));
}

TEST_CASE("connection_limiter: the longer of two waits is the one that is true", "[connection_limiter]") {
  limiter door(attempts(1, 2));  // the key's every 60 s, all every 30 s
  CHECK(knock(door, "a", start));
  CHECK(door.admit("a", start).retry_after == 60s);
  CHECK(knock(door, "b", start + 40s));
  CHECK(knock(door, "c", start + 40s));  // all: the next at 70 s
  const auto both = door.admit("a", start + 45s);
  CHECK(both.verdict == verdict::too_many_attempts_of_key);
  CHECK(both.retry_after == 25s);
  CHECK(door.admit("a", start + 60s).verdict == verdict::too_many_attempts);
  CHECK(door.admit("a", start + 60s).retry_after == 10s);
  CHECK(door.admit("b", start + 60s).verdict == verdict::too_many_attempts_of_key);
  CHECK(door.admit("b", start + 60s).retry_after == 40s);
  CHECK(knock(door, "a", start + 70s));
  CHECK(knock(door, "b", start + 100s));
}

TEST_CASE("connection_limiter: an attempt that is refused uses nothing up", "[connection_limiter]") {
  limiter door(attempts(2, 4));
  CHECK(door.admit("a", start));
  CHECK(door.admit("a", start));
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(door.admit("a", start + 1ms * i));
  CHECK(door.keys() == 1);
  CHECK(door.admit("a", start + 1s).retry_after == 29s);  // as long as ever
  CHECK(knock(door, "b", start + 1s));                    // and the others as before
  CHECK(knock(door, "b", start + 1s));
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(door.admit("c" + std::to_string(i), start + 1s));
  CHECK(door.keys() == 2);
  CHECK(door.connections() == 2);
}

TEST_CASE("connection_limiter: leaving without having been admitted changes nothing", "[connection_limiter]") {
  limiter door(attempts(2, unlimited));
  door.leave("a");
  CHECK(door.connections() == 0);
  CHECK(door.keys() == 0);

  CHECK(knock(door, "a", start));
  door.leave("a");
  door.leave("a");
  CHECK(door.connections() == 0);
  CHECK(door.keys() == 1);
  CHECK(door.admit("b", start));
  door.leave("c");
  CHECK(door.connections() == 1);
  CHECK(door.admit("a", start));
  CHECK(door.admit("a", start).verdict == verdict::too_many_attempts_of_key);
}

TEST_CASE("connection_limiter: a key is forgotten when nothing is left of it", "[connection_limiter]") {
  limiter door(attempts(3, unlimited));
  CHECK(knock(door, "a", start));
  CHECK(knock(door, "a", start));
  CHECK(knock(door, "b", start));
  CHECK(door.admit("c", start));
  CHECK(door.keys() == 3);
  CHECK(knock(door, "d", start + 20s - 1ns));
  CHECK(door.keys() == 4);
  CHECK(knock(door, "d", start + 20s));
  CHECK(door.keys() == 3);  // b's attempt is over, to the nanosecond
  CHECK(knock(door, "d", start + 41s));
  CHECK(door.keys() == 2);
  door.leave("c");
  CHECK(door.keys() == 1);  // its attempt was over long ago
}

TEST_CASE("connection_limiter: in a full table, the key without connections that is over first gives way",
          "[connection_limiter]") {
  connection_limits limits = attempts(6, unlimited);  // one each 10 s
  limits.keys = 3;
  limiter door(limits);
  for (int i = 0; i < 6; ++i) CHECK(knock(door, "a", start));
  for (int i = 0; i < 5; ++i) CHECK(knock(door, "b", start));
  CHECK(door.admit("c", start));
  CHECK(door.admit("d", start + 1s));  // b gives way, though a came first
  CHECK(door.keys() == 3);
  CHECK(door.admit("a", start + 1s).verdict == verdict::too_many_attempts_of_key);
  CHECK(door.admit("e", start + 1s));  // then a
  CHECK(door.keys() == 3);

  const auto refused = door.admit("f", start + 1000h);  // nobody who has a connection does
  CHECK(refused.verdict == verdict::too_many_connections);
  CHECK_FALSE(refused.retry_after);
  CHECK(door.connections() == 3);
  CHECK(door.admit("c", start + 1000h));
  door.leave("d");
  CHECK(door.admit("f", start + 1000h));
}

TEST_CASE("connection_limiter: a refused attempt makes nobody give way", "[connection_limiter]") {
  connection_limits limits = attempts(1, 2);
  limits.keys = 2;
  limiter door(limits);
  CHECK(knock(door, "a", start));
  CHECK(knock(door, "b", start));
  CHECK(door.admit("c", start).verdict == verdict::too_many_attempts);
  CHECK(door.admit("a", start + 30s).verdict == verdict::too_many_attempts_of_key);
  CHECK(door.admit("b", start + 30s).verdict == verdict::too_many_attempts_of_key);
}

TEST_CASE("connection_limiter: keys are addresses, names, or one behind the other", "[connection_limiter]") {
  connection_limits limits = free_for_all;
  limits.per_key = 1;
  basic_connection_limiter<nano_clock> door(limits, seed);

  const address_key address = key_of("c0 00 02 01");
  CHECK(door.admit(address.view(), start));
  CHECK(door.admit(key_of("00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01").view(), start).verdict ==
        verdict::too_many_connections_of_key);

  const std::string user = "a user whose name is longer than what lies in a string itself";
  CHECK(door.admit(bytes_of(user), start));
  CHECK_FALSE(door.admit(bytes_of(user), start));

  const auto both = [](const address_key& from, const std::string& name) {
    return std::string(text_of(from.view())) + name;
  };
  const std::string here = both(address, user);
  const std::string elsewhere = both(key_of("c0 00 02 02"), user);
  CHECK(door.admit(bytes_of(here), start));
  CHECK(door.admit(bytes_of(elsewhere), start));
  CHECK_FALSE(door.admit(bytes_of(here), start));
  door.leave(bytes_of(here));
  CHECK(door.admit(bytes_of(here), start));
  CHECK(door.admit(const_bytes(), start));  // an empty one is one too
  CHECK(door.keys() == 5);
}

TEST_CASE("connection_limiter: a clock that goes back counts as the latest time seen", "[connection_limiter]") {
  limiter door(attempts(2, unlimited));
  CHECK(knock(door, "a", start));
  CHECK(knock(door, "a", start - 1h));
  CHECK(door.admit("a", start - 2h).retry_after == 30s);
  CHECK(door.admit("a", time_point::min()).retry_after == 30s);
  CHECK(door.admit("a", start + 10s).retry_after == 20s);
  CHECK(door.admit("a", start).retry_after == 20s);

  limiter before_zero(attempts(2, unlimited));
  for (int i = 0; i < 2; ++i) CHECK(knock(before_zero, "a", time_point(-1h)));
  CHECK(before_zero.admit("a", time_point(-1h)).retry_after == 30s);
  CHECK(before_zero.admit("a", time_point(-1h + 30s)));
}

TEST_CASE("connection_limiter: no limit, window or time is too large", "[connection_limiter]") {
  for (const auto window : {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max() - 1ns}) {
    limiter door(attempts(2, unlimited, window));
    CHECK(knock(door, "a", time_point::min()));
    CHECK(knock(door, "a", time_point::min()));
    CHECK(door.admit("a", time_point::min()).retry_after > 24h * 365 * 30);
    CHECK(door.admit("a", time_point::min() + 24h * 365 * 30).verdict == verdict::too_many_attempts_of_key);
    for (int i = 0; i < 2; ++i) CHECK(knock(door, "a", time_point::max()));
    CHECK(door.admit("a", time_point::max()).verdict == verdict::too_many_attempts_of_key);
  }
  for (const auto window : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
    limiter door(attempts(2, 2, window));
    for (int i = 0; i < 100; ++i) CHECK(knock(door, "a", start));
    CHECK(door.keys() == 0);
  }
  limiter often(attempts((1ULL << 32U) - 1, unlimited));
  for (int i = 0; i < 100; ++i) CHECK(knock(often, "a", start));

  limiter door(free_for_all);
  for (int i = 0; i < 100; ++i) CHECK(door.admit("a", start));
  for (int i = 0; i < 100; ++i) door.leave("a");
  CHECK(door.keys() == 0);

  for (const auto& limits : {attempts(0, unlimited), attempts(unlimited, 0), attempts(0, 0, 0s)}) {
    limiter shut(limits);
    const auto refused = shut.admit("a", start);
    CHECK((refused.verdict == verdict::too_many_attempts_of_key || refused.verdict == verdict::too_many_attempts));
    CHECK_FALSE(refused.retry_after);
  }
}

TEST_CASE("connection_limiter: coarse clocks do", "[connection_limiter]") {
  using seconds_clock = tests::fake_clock<std::ratio<1>>;
  const seconds_clock::time_point now(1h);
  basic_connection_limiter<seconds_clock> door(attempts(7, unlimited, 1s), seed);
  const std::string key = "a";
  for (int i = 0; i < 7; ++i) CHECK(door.admit(bytes_of(key), now));
  CHECK(door.admit(bytes_of(key), now).retry_after == 1s);
  for (int i = 0; i < 7; ++i) CHECK(door.admit(bytes_of(key), now + 1s));
}

TEST_CASE("connection_limiter: without memory nobody is let in", "[connection_limiter]") {
  counted_heap::no_memory = true;
  limiter door(free_for_all);
  counted_heap::no_memory = false;
  CHECK(door.admit("a", start).verdict == verdict::too_many_connections);
  door.leave("a");
  CHECK(door.connections() == 0);

  connection_limits limits = free_for_all;
  limits.keys = 0;
  limiter empty(limits);
  CHECK(empty.admit("a", start).verdict == verdict::too_many_connections);
  empty.leave("a");

  limits.keys = 1;
  limiter one(limits);
  CHECK(one.admit("a", start));
  CHECK(one.admit("b", start).verdict == verdict::too_many_connections);
  one.leave("a");
  CHECK(one.admit("b", start));
}

TEST_CASE("connection_limiter: many keys take the memory of the table, and nobody's place", "[connection_limiter]") {
  // Invariant: who has connections keeps their count, whatever others do.
  constexpr std::uint32_t keys = 1024;
  connection_limits limits = attempts(60, unlimited);
  limits.per_key = 3;
  limits.keys = keys;
  counted_heap::asked_for = 0;
  {
    limiter door(limits);
    CHECK(counted_heap::blocks == 1);
    CHECK(counted_heap::asked_for == std::size_t{48} * keys);
    for (int user = 0; user < 100; ++user) {
      for (int i = 0; i < 3; ++i) REQUIRE(door.admit("user " + std::to_string(user), start));
    }
    std::array<std::byte, 4> address{};
    std::size_t most_keys = 0;
    bool admitted = true;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
      for (std::size_t j = 0; j < 4; ++j) address[j] = static_cast<std::byte>(i >> (8 * j));
      const address_key key(address);
      auto& bare = static_cast<basic_connection_limiter<nano_clock, counted_heap>&>(door);
      admitted = bare.admit(key.view(), start + (10us * i)) && admitted;
      bare.leave(key.view());
      most_keys = std::max(most_keys, door.keys());
    }
    CHECK(admitted);
    CHECK(most_keys == keys);
    CHECK(counted_heap::asked_for == std::size_t{48} * keys);
    CHECK(door.connections() == 300);
    for (int user = 0; user < 100; ++user) {
      const std::string name = "user " + std::to_string(user);
      CHECK(door.admit(name, start + 2s).verdict == verdict::too_many_connections_of_key);
      for (int i = 0; i < 3; ++i) door.leave(name);
    }
    CHECK(door.connections() == 0);
  }
  CHECK(counted_heap::blocks == 0);
}

namespace {

/// What the limiter says, found the slow and obvious way: tokens in units of 1 / window, for each key.
class naive_limiter {
 public:
  explicit naive_limiter(const connection_limits& limits) : limits_(limits), window_(limits.window.count()) {}

  struct verdict_and_wait {
    verdict told;
    std::int64_t wait;  // -1: time does not help
  };

  verdict_and_wait admit(const std::string& key, std::int64_t passed) {
    refill(passed);
    const auto found = keys_.find(key);
    const state before = found == keys_.end() ? state{0, 0} : found->second;
    if (before.connections >= limits_.per_key) return {verdict::too_many_connections_of_key, -1};
    if (connections_ >= limits_.in_all) return {verdict::too_many_connections, -1};
    const bool full = found == keys_.end() && keys_.size() == limits_.keys;
    if (full && idle() == keys_.end()) return {verdict::too_many_connections, -1};
    const std::int64_t of_key = wait(before.missing, static_cast<std::int64_t>(limits_.attempts_per_key));
    const std::int64_t of_all = wait(missing_, static_cast<std::int64_t>(limits_.attempts_in_all));
    if (of_key > 0) return {verdict::too_many_attempts_of_key, std::max(of_key, of_all)};
    if (of_all > 0) return {verdict::too_many_attempts, of_all};
    if (full) keys_.erase(idle());
    keys_[key] = {before.connections + 1, before.missing + window_};
    missing_ += window_;
    ++connections_;
    return {verdict::admitted, -1};
  }

  void leave(const std::string& key) {
    const auto found = keys_.find(key);
    if (found == keys_.end() || found->second.connections == 0) return;
    --found->second.connections;
    --connections_;
    forget();
  }

  std::uint64_t connections() const { return connections_; }
  std::size_t keys() const { return keys_.size(); }

 private:
  struct state {
    std::uint64_t connections;
    std::int64_t missing;  // tokens, times the window
  };

  void refill(std::int64_t passed) {
    const auto fill = [passed](std::int64_t& missing, std::uint64_t rate) {
      missing = std::max<std::int64_t>(0, missing - (passed * static_cast<std::int64_t>(rate)));
    };
    for (auto& [key, held] : keys_) fill(held.missing, limits_.attempts_per_key);
    fill(missing_, limits_.attempts_in_all);
    forget();
  }

  void forget() {
    std::erase_if(keys_, [](const auto& one) { return one.second.connections == 0 && one.second.missing == 0; });
  }

  std::int64_t wait(std::int64_t missing, std::int64_t rate) const {
    const std::int64_t too_many = missing + window_ - (rate * window_);
    return too_many <= 0 ? 0 : (too_many + rate - 1) / rate;
  }

  std::map<std::string, state>::iterator idle() {
    auto first = keys_.end();
    for (auto at = keys_.begin(); at != keys_.end(); ++at) {
      if (at->second.connections > 0) continue;
      if (first == keys_.end() || at->second.missing < first->second.missing) first = at;
    }
    return first;
  }

  connection_limits limits_;
  std::int64_t window_;
  std::map<std::string, state> keys_;
  std::int64_t missing_ = 0;
  std::uint64_t connections_ = 0;
};

/// One random walk.
/// Gives: how often each verdict was met.
std::array<int, 5> walk(unsigned number) {
  std::mt19937_64 random(number);
  const auto below = [&random](std::uint64_t end) { return random() % end; };
  connection_limits limits;
  limits.per_key = 1 + below(4);
  limits.in_all = 4 + below(20);
  limits.attempts_per_key = 1 + below(9);
  limits.attempts_in_all = 10 + below(40);
  limits.window = std::chrono::nanoseconds(1'000'000 + below(1'000'000));
  limits.keys = static_cast<std::uint32_t>(1 + below(12));
  limiter door(limits);
  naive_limiter naive(limits);

  std::array<int, 5> met{};
  std::vector<std::string> inside;
  time_point now = start;
  std::int64_t passed = 0;  // since the last attempt
  bool same = true;
  for (int i = 0; i < 3000; ++i) {
    const std::chrono::nanoseconds step(1 + below(60'000));  // never none: so that no two keys end at once
    now += step;
    passed += step.count();
    if (!inside.empty() && below(5) < 2) {
      const std::size_t who = below(inside.size());
      door.leave(inside[who]);
      naive.leave(inside[who]);
      inside.erase(inside.begin() + static_cast<std::ptrdiff_t>(who));
    }
    const std::string key = std::to_string(below(16));
    const auto told = door.admit(key, now);
    const auto expected = naive.admit(key, passed);
    passed = 0;
    ++met[static_cast<std::size_t>(told.verdict)];
    same =
        same && told.verdict == expected.told && (told.retry_after ? told.retry_after->count() : -1) == expected.wait;
    if (told) inside.push_back(key);
    if (told.retry_after && below(4) == 0) {  // what it says is true: not a tick before, and then
      now += *told.retry_after - 1ns;
      same = same && door.admit(key, now).retry_after == 1ns;
      now += 1ns;
      same = same && door.admit(key, now);
      same = same && naive.admit(key, told.retry_after->count()).told == verdict::admitted;
      inside.push_back(key);
    }
    same = same && door.connections() == naive.connections() && door.keys() == naive.keys();
  }
  CAPTURE(number);
  CHECK(same);
  return met;
}

}  // namespace

TEST_CASE("connection_limiter: agrees with a slow and obvious one", "[connection_limiter]") {
  // Invariant: any attempts and departures at any times get the same verdicts, waits, counts and keys.
  std::array<int, 5> met{};
  for (unsigned number = 0; number < 25; ++number) {
    const auto one = walk(number);
    for (std::size_t i = 0; i < met.size(); ++i) met[i] += one[i];
  }
  for (const int times : met) CHECK(times > 500);
}
