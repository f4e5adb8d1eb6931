// Masking of a client's payloads (§5.3).
#ifndef SANSOCKET_CODEC_MASK_HPP
#define SANSOCKET_CODEC_MASK_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// The four bytes that a client chose for one frame, in the order in which they travel.
using masking_key = std::array<std::byte, 4>;

/// The key as it applies from `offset` bytes into the payload on.
/// Source: §5.3: byte i of the payload meets byte i modulo 4 of the key.
constexpr masking_key rotated(masking_key key, std::uint64_t offset) noexcept {
  masking_key turned{};
  for (std::size_t i = 0; i < 4; ++i) turned[i] = key[(i + offset) % 4];
  return turned;
}

/// Masks or unmasks while copying.
/// Takes:  `to`, at least as long as `from`; the two do not overlap unless they start at the same byte.
/// Cost:   O(n), one pass, no allocation; eight bytes a step outside of constant evaluation.
/// Source: §5.3.
constexpr void copy_masked(bytes to, const_bytes from, masking_key key) noexcept {
  std::size_t i = 0;
  if (!std::is_constant_evaluated()) {
    // Words travel through memcpy, so no alignment is assumed and the byte order does not matter.
    const auto word_key = std::bit_cast<std::uint64_t>(std::array<masking_key, 2>{key, key});
    for (; from.size() - i >= sizeof(word_key); i += sizeof(word_key)) {
      std::uint64_t word = 0;
      std::memcpy(&word, from.data() + i, sizeof(word));
      word ^= word_key;
      std::memcpy(to.data() + i, &word, sizeof(word));
    }
  }
  for (; i < from.size(); ++i) to[i] = from[i] ^ key[i % 4];
}

/// Masks or unmasks in place: the operation is its own inverse.
/// Takes:  the bytes from `offset` bytes into the payload on; any number of them.
/// Cost:   O(n), no allocation, no byte outside of `payload` is read or written.
/// Source: §5.3.
constexpr void apply_mask(bytes payload, masking_key key, std::uint64_t offset = 0) noexcept {
  copy_masked(payload, payload, rotated(key, offset));
}

}  // namespace sansocket

#endif
