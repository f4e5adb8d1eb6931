// The words of HTTP's grammar: tokens, field values, lists (RFC 9110 §5.5, §5.6).
#ifndef SANSOCKET_HTTP_TOKEN_HPP
#define SANSOCKET_HTTP_TOKEN_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace sansocket {

namespace detail {

/// What a character may be part of, one bit each.
inline constexpr std::uint8_t char_token = 1;   // RFC 9110 §5.6.2: tchar
inline constexpr std::uint8_t char_value = 2;   // RFC 9110 §5.5: field-vchar, SP, HTAB
inline constexpr std::uint8_t char_target = 4;  // RFC 9112 §3.2: printable ASCII without SP

inline constexpr std::array<std::uint8_t, 256> char_classes = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0x21; c < 0x7F; ++c) classes[c] = char_value | char_target;
  for (unsigned c = 0x80; c < 0x100; ++c) classes[c] = char_value;
  classes[' '] = classes['\t'] = char_value;
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    classes[static_cast<unsigned char>(c)] |= char_token;
  }
  return classes;
}();

constexpr bool is_char(char c, std::uint8_t char_class) noexcept {
  return (char_classes[static_cast<unsigned char>(c)] & char_class) != 0;
}

/// How many characters of a class a text begins with.
constexpr std::size_t prefix_of(std::string_view text, std::uint8_t char_class) noexcept {
  std::size_t size = 0;
  while (size < text.size() && is_char(text[size], char_class)) ++size;
  return size;
}

constexpr bool all_chars(std::string_view text, std::uint8_t char_class) noexcept {
  return prefix_of(text, char_class) == text.size();
}

/// The same for char_value, sixteen characters at once.
constexpr std::size_t value_prefix(std::string_view text) noexcept {
  std::size_t size = 0;
  if (!std::is_constant_evaluated()) {
    using block = unsigned char __attribute__((vector_size(16)));
    using words = std::uint64_t __attribute__((vector_size(16)));
    for (; text.size() - size >= sizeof(block); size += sizeof(block)) {
      block some;
      std::memcpy(&some, text.data() + size, sizeof(some));
      const auto others = std::bit_cast<words>(((some < 0x20) & (some != 0x09)) | (some == 0x7F));
      if ((others[0] | others[1]) != 0) break;
    }
  }
  return size + prefix_of(text.substr(size), char_value);
}

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace detail

/// Says whether a text is a token: a field name, a subprotocol, an extension's name.
/// Source: RFC 9110 §5.6.2.
constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && detail::all_chars(text, detail::char_token);
}

/// Says whether a text may stand as a field's value: no CR, LF, NUL or other control character but HTAB.
/// Source: RFC 9110 §5.5.
constexpr bool is_field_value(std::string_view text) noexcept { return detail::value_prefix(text) == text.size(); }

/// Compares without regard to the case of ASCII letters.
/// Source: RFC 9110 §5.1: "Field names are case-insensitive".
constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (detail::lower(left[i]) != detail::lower(right[i])) return false;
  }
  return true;
}

/// The text without spaces and tabs around it.
/// Source: RFC 9110 §5.6.3: OWS.
constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes the next element off a comma-separated list, passing over empty ones.
/// Gives:  the element, trimmed; empty when the list is used up.
/// Life:   a view of the list's text.
/// Source: RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
constexpr std::string_view next_element(std::string_view& list) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (!element.empty()) return element;
  }
  return {};
}

/// Says whether a comma-separated list has an element, without regard to case.
constexpr bool list_contains(std::string_view list, std::string_view wanted) noexcept {
  for (std::string_view element = next_element(list); !element.empty(); element = next_element(list)) {
    if (equals_ignoring_case(element, wanted)) return true;
  }
  return false;
}

}  // namespace sansocket

#endif
