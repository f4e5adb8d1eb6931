// How many steps a program takes: a count that is the same in every run, where a time is not.
#ifndef SANSOCKET_TESTS_STEP_COUNTER_HPP
#define SANSOCKET_TESTS_STEP_COUNTER_HPP

#include <cstdint>

namespace sansocket::tests {

/// The steps of the process so far: each piece of code without a branch that was entered, and each 16 bytes
/// that memcpy, memmove and memset went over. Only what was compiled with -fsanitize-coverage=trace-pc
/// counts. Link step_counter.cpp, which is not, with the options that tests/property/CMakeLists.txt gives it.
std::uint64_t steps_taken() noexcept;

}  // namespace sansocket::tests

#endif
