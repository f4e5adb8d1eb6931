// How the buffer of a message grows: with what has come, never with what a length announces (§10.4).
#ifndef SANSOCKET_CONNECTION_MESSAGE_ROOM_HPP
#define SANSOCKET_CONNECTION_MESSAGE_ROOM_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/core/buffer.hpp"

namespace sansocket::detail {

/// Makes the buffer larger, if it can, without keeping more in it.
template <byte_buffer Buffer>
void reserve(Buffer& buffer, std::size_t size) noexcept {
  const std::size_t before = buffer.size();
  if (size > before && !buffer.extend(size - before, 0).empty()) buffer.truncate(before);
}

/// Room for more of a message. The buffer grows to at most twice what has come, and `most`.
/// Gives: nothing if there is no memory.
template <byte_buffer Buffer>
bytes room_for_payload(Buffer& buffer, std::size_t count, std::uint64_t most) noexcept {
  const std::size_t needed = buffer.size() + count;
  if (buffer.capacity() < needed) {
    reserve(buffer, static_cast<std::size_t>(std::min<std::uint64_t>({most, 2 * needed, Buffer::max_size()})));
  }
  return buffer.extend(count, 0);
}

/// How much is inflated at once; also the largest piece of a compressed message that is shown.
inline constexpr std::size_t inflated_at_once = 20 * 1024;

/// Room behind what was inflated, which may become `left` bytes more. Beyond what is small the buffer grows
/// once, to all that the limit allows and a control payload beside it: if it doubled, the old and the new
/// block together would be more than the limit.
/// Gives: nothing if there is no memory.
template <byte_buffer Buffer>
bytes room_beside_inflated(Buffer& buffer, std::size_t count, std::uint64_t left) noexcept {
  const std::size_t needed = buffer.size() + count;
  if (needed <= inflated_at_once) return buffer.extend(count, inflated_at_once);
  const bool is_limited = left < Buffer::max_size() - max_control_payload - buffer.size();
  if (buffer.capacity() < needed && is_limited) {
    reserve(buffer, buffer.size() + static_cast<std::size_t>(left) + max_control_payload);
  }
  return buffer.extend(count, Buffer::max_size());
}

}  // namespace sansocket::detail

#endif
