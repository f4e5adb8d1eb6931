// Views of bytes, and the way between bytes and characters.
#ifndef SANSOCKET_CORE_BYTES_HPP
#define SANSOCKET_CORE_BYTES_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace sansocket {

using bytes = std::span<std::byte>;
using const_bytes = std::span<const std::byte>;

/// Bytes of whatever lies in a row in memory: a string, a vector of char, an array of uint8_t.
/// Takes:  a contiguous range whose elements are one byte in size; no temporary but a view.
/// Gives:  `bytes` of a range that may be written to, else `const_bytes`. Of an array of const char
///         that ends with a NUL, as a literal does, all but that.
/// Life:   a view of the argument.
template <class Range>
auto bytes_of(Range& range) noexcept {
  using element = std::remove_reference_t<decltype(*std::span(range).data())>;
  static_assert(sizeof(element) == 1, "bytes_of takes ranges of one-byte elements");
  if constexpr (std::is_same_v<Range, const char[sizeof(Range)]>) {
    return const_bytes(
        std::as_bytes(std::span(range).first(sizeof(Range) - (range[sizeof(Range) - 1] == '\0' ? 1 : 0))));
  } else if constexpr (std::is_const_v<element>) {
    return const_bytes(std::as_bytes(std::span(range)));
  } else {
    return bytes(std::as_writable_bytes(std::span(range)));
  }
}

/// The same of a view that is a temporary itself; what it views must not be.
template <class View>
  requires std::same_as<View, std::string_view> || std::same_as<View, std::span<typename View::element_type>>
auto bytes_of(View&& view) noexcept {
  return bytes_of(view);
}

/// The characters of a byte view, unchecked.
/// Life: a view of the argument.
inline std::string_view text_of(const_bytes data) noexcept {
  return {static_cast<const char*>(static_cast<const void*>(data.data())), data.size()};
}

namespace detail {

/// The type is defined, not only declared.
template <class T>
concept complete = requires { sizeof(T); };

}  // namespace detail

/// One byte as a number, for arithmetic.
constexpr std::uint8_t value_of(std::byte byte) noexcept { return std::to_integer<std::uint8_t>(byte); }

}  // namespace sansocket

#endif
