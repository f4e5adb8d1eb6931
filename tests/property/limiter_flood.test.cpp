// Invariant: a million addresses take the memory that the limiter took when it was made, and the place of
// nobody who has a connection.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "catch.hpp"
#include "fake_clock.hpp"
#include "heap_meter.hpp"
#include "sansocket/session/connection_limiter.hpp"

using namespace sansocket;
using namespace std::chrono_literals;

namespace {

using clock_type = tests::fake_clock<std::nano>;

address_key address(std::uint32_t number) {
  std::array<std::byte, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes.at(i) = static_cast<std::byte>(number >> (8 * i));
  return address_key(bytes);
}

}  // namespace

TEST_CASE("limiter_flood: a million addresses", "[connection_limiter]") {
  connection_limits limits;  // as they are unless an application sets them, but that each address tries once
  limits.attempts_in_all = unlimited;
  const clock_type::time_point start(1h);
  const tests::heap_meter heap;
  basic_connection_limiter<clock_type> door(limits, limiter_seed{std::byte{0x2A}});
  const auto taken = heap.live();
  CHECK(taken <= 48 * static_cast<std::ptrdiff_t>(limits.keys));
  REQUIRE(taken > 0);

  const std::string_view user = "somebody who is here already";
  for (std::uint64_t i = 0; i < limits.per_key; ++i) REQUIRE(door.admit(bytes_of(user), start));
  std::size_t most_keys = 0;
  std::uint32_t refused = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    const address_key who = address(i);
    refused += door.admit(who.view(), start + (1us * i)) ? 0U : 1U;
    door.leave(who.view());
    most_keys = std::max(most_keys, door.keys());
  }
  CHECK(refused == 0);
  CHECK(most_keys == limits.keys);
  CHECK(heap.peak() == taken);
  CHECK(door.connections() == limits.per_key);
  CHECK(door.admit(bytes_of(user), start + 1s).verdict == connection_verdict::too_many_connections_of_key);
}
