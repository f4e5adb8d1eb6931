// The grammar of Sec-WebSocket-Extensions (§9.1).
#ifndef SANSOCKET_HANDSHAKE_EXTENSION_LIST_HPP
#define SANSOCKET_HANDSHAKE_EXTENSION_LIST_HPP

#include <cstddef>
#include <optional>
#include <string_view>

#include "sansocket/core/result.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// One extension of a list: its name, and its parameters as text, which take_parameter reads.
struct extension {
  std::string_view name;  ///< empty at the end of the list
  std::string_view parameters{};
};

/// One parameter: `name`, `name=value` or `name="value"`.
struct extension_parameter {
  std::string_view name;
  std::optional<std::string_view> value{};  ///< without its quotes; escapes in it are left as they are
};

namespace detail {

/// Takes one token off the front, and the white space behind it; empty if there is none.
constexpr std::string_view take_token(std::string_view& text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && is_char(text[size], char_token)) ++size;
  const std::string_view token = text.substr(0, size);
  text = trimmed(text.substr(size));
  return token;
}

/// Takes one quoted string off the front, and the white space behind it; empty if it is not one of a
/// token. §9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
constexpr std::string_view take_quoted_token(std::string_view& text) noexcept {
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
    if (at == text.size() || !is_char(text[at], char_token)) return {};
  }
  if (at >= text.size()) return {};
  const std::string_view token = text.substr(1, at - 1);
  text = trimmed(text.substr(at + 1));
  return token;
}

/// Takes one character and the white space behind it off the front, if it is there.
constexpr bool take(std::string_view& text, char wanted) noexcept {
  if (text.empty() || text.front() != wanted) return false;
  text = trimmed(text.substr(1));
  return true;
}

}  // namespace detail

/// Takes the next parameter, with the `;` before it, off an extension's parameters.
/// Gives:  the parameter; nothing at their end.
/// Errors: extensions_malformed.
/// Life:   views of the text.
constexpr result<std::optional<extension_parameter>> take_parameter(std::string_view& parameters) noexcept {
  if (!detail::take(parameters, ';')) return {std::nullopt};
  extension_parameter taken{.name = detail::take_token(parameters)};
  if (taken.name.empty()) return error::extensions_malformed;
  if (detail::take(parameters, '=')) {
    const bool quoted = parameters.starts_with('"');
    taken.value = quoted ? detail::take_quoted_token(parameters) : detail::take_token(parameters);
    if (taken.value->empty()) return error::extensions_malformed;
  }
  return std::optional(taken);
}

/// Takes the next extension off one field's value; empty elements are passed over (RFC 9110 §5.6.1.2).
/// Gives:  the extension; one without a name at the end of the list.
/// Errors: extensions_malformed.
/// Life:   views of the text.
/// Cost:   O(n) in what is taken, no allocation.
/// Source: §9.1.
constexpr result<extension> take_extension(std::string_view& list) noexcept {
  list = trimmed(list);
  while (detail::take(list, ',')) {
  }
  if (list.empty()) return extension{};
  extension taken{.name = detail::take_token(list)};
  if (taken.name.empty()) return error::extensions_malformed;
  const std::string_view from = list;
  for (;;) {
    const auto parameter = take_parameter(list);
    if (!parameter) return parameter.error();
    if (!*parameter) break;
  }
  taken.parameters = from.substr(0, from.size() - list.size());
  if (!list.empty() && list.front() != ',') return error::extensions_malformed;
  return taken;
}

}  // namespace sansocket

#endif
