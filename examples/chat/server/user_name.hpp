// What a user may be called.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_USER_NAME_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_USER_NAME_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansocket/codec/utf8.hpp"

namespace chat {

namespace detail {

/// Takes the first code point off a text that is UTF-8 and not empty.
inline char32_t take_code_point(std::string_view& text) noexcept {
  const auto byte = [&text](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  std::size_t size = 1;
  std::uint32_t value = lead;
  if (lead >= 0xF0) {
    size = 4;
    value = lead & 0x07U;
  } else if (lead >= 0xE0) {
    size = 3;
    value = lead & 0x0FU;
  } else if (lead >= 0xC0) {
    size = 2;
    value = lead & 0x1FU;
  }
  for (std::size_t i = 1; i < size; ++i) value = (value << 6U) | (byte(i) & 0x3FU);
  text.remove_prefix(size);
  return value;
}

/// Letters, digits, space, hyphen and underscore of ASCII, and beyond it all but what cannot be seen, changes
/// the direction of writing or is no character: two names that look alike should be alike.
constexpr bool may_stand_in_name(char32_t c) noexcept {
  if (c < 0x80) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '-' ||
           c == '_';
  }
  const auto within = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  const bool hidden = within(0x80, 0xA0) || c == 0xAD || c == 0x034F || c == 0x061C || within(0x115F, 0x1160) ||
                      c == 0x1680 || within(0x17B4, 0x17B5) || within(0x180B, 0x180F) || within(0x2000, 0x200F) ||
                      within(0x2028, 0x202F) || within(0x205F, 0x206F) || c == 0x2800 || c == 0x3000 || c == 0x3164 ||
                      within(0xFE00, 0xFE0F) || c == 0xFEFF || c == 0xFFA0 || within(0xFFF0, 0xFFFB);
  const bool foreign = within(0xE000, 0xF8FF) || within(0xE0000, 0x10FFFF) || (c & 0xFFFEU) == 0xFFFE;
  return !hidden && !foreign;
}

}  // namespace detail

/// 1 to 32 such characters, with no space at either end.
inline bool is_user_name(std::string_view name) noexcept {
  if (name.empty() || name.starts_with(' ') || name.ends_with(' ') || !sansocket::is_utf8(name)) return false;
  for (std::size_t count = 0; !name.empty(); ++count) {
    if (count == 32 || !detail::may_stand_in_name(detail::take_code_point(name))) return false;
  }
  return true;
}

}  // namespace chat

#endif
