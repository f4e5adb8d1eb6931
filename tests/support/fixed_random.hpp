// Random sources that tests can foresee.
#ifndef SANSOCKET_TESTS_FIXED_RANDOM_HPP
#define SANSOCKET_TESTS_FIXED_RANDOM_HPP

#include <algorithm>
#include <cstddef>

#include "sansocket/core/bytes.hpp"

namespace sansocket::tests {

/// Gives one byte after the other: 0x00, 0x01, 0x02, ... and so a different key for every frame.
struct counting_random {
  unsigned next = 0;
  bool operator()(bytes out) {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next++ & 0xFFU);
    return true;
  }
};

/// Has no entropy.
struct failing_random {
  bool operator()(bytes) { return false; }
};

}  // namespace sansocket::tests

#endif
