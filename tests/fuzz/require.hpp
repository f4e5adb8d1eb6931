// How a fuzz target says that something is wrong.
#ifndef SANSOCKET_TESTS_FUZZ_REQUIRE_HPP
#define SANSOCKET_TESTS_FUZZ_REQUIRE_HPP

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sansocket::tests {

inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace sansocket::tests

#endif
