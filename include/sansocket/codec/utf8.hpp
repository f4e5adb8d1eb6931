// UTF-8 validation that goes on across cuts and fails at the first impossible byte (§8.1, RFC 3629).
#ifndef SANSOCKET_CODEC_UTF8_HPP
#define SANSOCKET_CODEC_UTF8_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "sansocket/codec/utf8_kernel.hpp"
#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// Validates a text that arrives in pieces. Three bytes in size.
class utf8_validator {
 public:
  /// Judges the next bytes of the text.
  /// Gives:  how many of them can begin a valid text; fewer than given means that the byte there cannot.
  ///         After that the validator is to be reset.
  /// Cost:   O(n), no allocation.
  /// Source: RFC 3629 §4: no overlong form, no surrogate, nothing above U+10FFFF.
  template <class Char>
  constexpr std::size_t feed(std::span<const Char> text) noexcept {
    static_assert(sizeof(Char) == 1);
    std::size_t i = 0;
    for (; needed_ != 0; ++i) {
      if (i == text.size() || !go_on(static_cast<std::uint8_t>(text[i]))) return i;
    }
    if (!std::is_constant_evaluated()) {
      // Characters of any type are bytes.
      const auto* octets = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
      i += detail::utf8_blocks(octets + i, text.size() - i);
    }
    for (; i < text.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(text[i]);
      if (needed_ != 0 ? !go_on(byte) : byte >= 0x80 && !start(byte)) return i;
    }
    return i;
  }

  /// True if the text may end here: no code point is cut.
  constexpr bool complete() const noexcept { return needed_ == 0; }

  constexpr void reset() noexcept { *this = {}; }

 private:
  /// Takes a continuation byte; false if it cannot stand there.
  constexpr bool go_on(std::uint8_t byte) noexcept {
    if (byte < lowest_ || byte > highest_) return false;
    --needed_;
    lowest_ = 0x80;
    highest_ = 0xBF;
    return true;
  }

  /// Takes a code point's first byte; false if no code point begins with it.
  constexpr bool start(std::uint8_t lead) noexcept {
    lowest_ = 0x80;
    highest_ = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      needed_ = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      needed_ = 2;
      if (lead == 0xE0) lowest_ = 0xA0;   // no overlong form
      if (lead == 0xED) highest_ = 0x9F;  // no surrogate
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      needed_ = 3;
      if (lead == 0xF0) lowest_ = 0x90;   // no overlong form
      if (lead == 0xF4) highest_ = 0x8F;  // nothing above U+10FFFF
    } else {
      return false;
    }
    return true;
  }

  std::uint8_t needed_ = 0;     // continuation bytes still to come for the code point at hand
  std::uint8_t lowest_ = 0x80;  // bounds of the next one of them
  std::uint8_t highest_ = 0xBF;
};

/// Says whether a whole text is valid UTF-8.
template <class Char>
constexpr bool is_utf8(std::span<const Char> text) noexcept {
  utf8_validator validator;
  return validator.feed(text) == text.size() && validator.complete();
}

constexpr bool is_utf8(std::string_view text) noexcept { return is_utf8(std::span<const char>(text)); }

/// Shortens a valid text without cutting a code point.
/// Gives:  the longest prefix of at most `most` bytes that ends between code points.
/// Life:   a view of the argument.
/// Cost:   O(1).
constexpr std::string_view utf8_prefix(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<std::uint8_t>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most);
}

}  // namespace sansocket

#endif
