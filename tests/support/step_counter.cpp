#include "step_counter.hpp"

#include <cstddef>

namespace {

std::uint64_t steps =
    0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): the compiler's calls have no other place

void count_bytes(std::size_t size) noexcept { steps += 1 + (size / 16); }

}  // namespace

namespace sansocket::tests {

std::uint64_t steps_taken() noexcept { return steps; }

}  // namespace sansocket::tests

// The names are the compiler's and the linker's (--wrap).
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {

void __sanitizer_cov_trace_pc() { ++steps; }

void* __real_memcpy(void* to, const void* from, std::size_t size);
void* __real_memmove(void* to, const void* from, std::size_t size);
void* __real_memset(void* to, int value, std::size_t size);

void* __wrap_memcpy(void* to, const void* from, std::size_t size) {
  count_bytes(size);
  return __real_memcpy(to, from, size);
}

void* __wrap_memmove(void* to, const void* from, std::size_t size) {
  count_bytes(size);
  return __real_memmove(to, from, size);
}

void* __wrap_memset(void* to, int value, std::size_t size) {
  count_bytes(size);
  return __real_memset(to, value, size);
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
