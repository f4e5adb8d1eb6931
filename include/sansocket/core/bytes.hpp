// Views of bytes, and the way between bytes and characters.
#ifndef SANSOCKET_CORE_BYTES_HPP
#define SANSOCKET_CORE_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace sansocket {

using bytes = std::span<std::byte>;
using const_bytes = std::span<const std::byte>;

/// Bytes of whatever lies in a row in memory: a string, a vector of char, an array of uint8_t.
/// Takes:  a contiguous range whose elements are one byte in size.
/// Gives:  `bytes` of a range that may be written to, else `const_bytes`. Of a string literal, the
///         characters without the terminator.
/// Life:   a view of the argument.
template <class Range>
auto bytes_of(Range& range) noexcept {
  using element = std::remove_reference_t<decltype(*std::span(range).data())>;
  static_assert(sizeof(element) == 1, "bytes_of takes ranges of one-byte elements");
  if constexpr (std::is_same_v<Range, const char[sizeof(Range)]>) {
    return const_bytes(std::as_bytes(std::span(range).first(sizeof(Range) - 1)));
  } else if constexpr (std::is_const_v<element>) {
    return const_bytes(std::as_bytes(std::span(range)));
  } else {
    return bytes(std::as_writable_bytes(std::span(range)));
  }
}

/// Bytes of characters that are viewed, not owned.
inline const_bytes bytes_of(const std::string_view&& text) noexcept { return std::as_bytes(std::span(text)); }

/// The characters of a byte view, unchecked.
/// Life: a view of the argument.
inline std::string_view text_of(const_bytes data) noexcept {
  return {static_cast<const char*>(static_cast<const void*>(data.data())), data.size()};
}

/// One byte as a number, for arithmetic.
constexpr std::uint8_t value_of(std::byte byte) noexcept { return std::to_integer<std::uint8_t>(byte); }

}  // namespace sansocket

#endif
