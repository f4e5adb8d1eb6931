// Masking of a client's payloads (§5.3).
#ifndef SANSOCKET_CODEC_MASK_HPP
#define SANSOCKET_CODEC_MASK_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "sansocket/codec/mask_kernel.hpp"
#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// The four bytes that a client chose for one frame, in the order in which they travel.
using masking_key = std::array<std::byte, 4>;

/// The key as it applies from `offset` bytes into the payload on.
/// Source: §5.3: byte i of the payload meets byte i modulo 4 of the key.
constexpr masking_key rotated(masking_key key, std::uint64_t offset) noexcept {
  return std::bit_cast<masking_key>(detail::key_at(std::bit_cast<std::uint32_t>(key), offset));
}

/// Masks or unmasks while copying.
/// Takes:  `to`, at least as long as `from`; the two do not overlap unless they start at the same byte.
/// Cost:   O(n), one pass, no allocation; in vectors outside of constant evaluation.
/// Source: §5.3.
constexpr void copy_masked(bytes to, const_bytes from, masking_key key) noexcept {
  if (!std::is_constant_evaluated()) {
    detail::mask(to.data(), from.data(), from.size(), std::bit_cast<std::uint32_t>(key));
    return;
  }
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] ^ key[i % 4];
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
