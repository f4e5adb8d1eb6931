// The grammar of Sec-WebSocket-Extensions (§9.1).
#ifndef SANSOCKET_HANDSHAKE_EXTENSION_LIST_HPP
#define SANSOCKET_HANDSHAKE_EXTENSION_LIST_HPP

#include <cstddef>
#include <string_view>

#include "sansocket/http/token.hpp"

namespace sansocket {

namespace detail {

/// Takes one token off the front, and the white space behind it.
constexpr bool take_token(std::string_view& text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && is_char(text[size], char_token)) ++size;
  text = trimmed(text.substr(size));
  return size != 0;
}

/// Takes one quoted string off the front, and the white space behind it. §9.1: "the value after
/// quoted-string unescaping MUST conform to the 'token' ABNF".
constexpr bool take_quoted_token(std::string_view& text) noexcept {
  std::size_t at = 1;
  std::size_t characters = 0;
  for (; at < text.size() && text[at] != '"'; ++at, ++characters) {
    if (text[at] == '\\') ++at;
    if (at == text.size() || !is_char(text[at], char_token)) return false;
  }
  if (at >= text.size()) return false;
  text = trimmed(text.substr(at + 1));
  return characters != 0;
}

/// Takes one character and the white space behind it off the front, if it is there.
constexpr bool take(std::string_view& text, char wanted) noexcept {
  if (text.empty() || text.front() != wanted) return false;
  text = trimmed(text.substr(1));
  return true;
}

}  // namespace detail

/// Says whether one Sec-WebSocket-Extensions field's value follows the grammar:
/// `name; parameter; parameter=token; parameter="quoted token", next name`.
/// Cost:   O(n), no allocation.
/// Source: §9.1; empty list elements are passed over (RFC 9110 §5.6.1.2).
constexpr bool is_extension_list(std::string_view text) noexcept {
  text = trimmed(text);
  bool any = false;
  while (!text.empty()) {
    if (detail::take(text, ',')) continue;
    if (!detail::take_token(text)) return false;
    any = true;
    while (detail::take(text, ';')) {
      if (!detail::take_token(text)) return false;
      if (!detail::take(text, '=')) continue;
      const bool quoted = text.starts_with('"');
      if (quoted ? !detail::take_quoted_token(text) : !detail::take_token(text)) return false;
    }
    if (!text.empty() && text.front() != ',') return false;
  }
  return any;
}

}  // namespace sansocket

#endif
