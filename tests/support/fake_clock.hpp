// A clock for what takes its times from the caller.
#ifndef SANSOCKET_TESTS_FAKE_CLOCK_HPP
#define SANSOCKET_TESTS_FAKE_CLOCK_HPP

#include <chrono>
#include <cstdint>

namespace sansocket::tests {

/// Has a duration and a time_point, and cannot be asked what time it is.
template <class Period>
struct fake_clock {
  using rep = std::int64_t;
  using period = Period;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<fake_clock>;
  static constexpr bool is_steady = true;
};

}  // namespace sansocket::tests

#endif
