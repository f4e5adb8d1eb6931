// The head of an HTTP/1.1 request or response, as views of its text (RFC 9112 §2.1).
#ifndef SANSOCKET_HTTP_HEAD_HPP
#define SANSOCKET_HTTP_HEAD_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "sansocket/core/result.hpp"
#include "sansocket/http/field_source.hpp"
#include "sansocket/http/head_scanner.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// A version of HTTP. It can be made from "HTTP/1.1" or "1.1", and from 11 as some servers write it;
/// from anything else comes 0.0.
struct http_version {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;

  constexpr http_version() = default;
  constexpr http_version(int number) noexcept {
    if (number < 10 || number > 99) return;
    major = static_cast<std::uint8_t>(number / 10);
    minor = static_cast<std::uint8_t>(number % 10);
  }
  template <std::convertible_to<std::string_view> Text>
  constexpr http_version(const Text& words) noexcept {
    std::string_view text = words;
    if (text.starts_with("HTTP/")) text.remove_prefix(5);
    const bool with_minor = text.size() == 3 && text[1] == '.' && is_digit(text[2]);
    if (text.empty() || !is_digit(text[0]) || (text.size() != 1 && !with_minor)) return;
    major = static_cast<std::uint8_t>(text[0] - '0');
    if (with_minor) minor = static_cast<std::uint8_t>(text[2] - '0');
  }

  friend constexpr bool operator==(http_version, http_version) = default;

 private:
  static constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
};

/// The field lines of a checked head, in order: a range of `field`, made as it is walked.
class head_fields {
 public:
  class iterator {
   public:
    using value_type = field;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using reference = field;
    using pointer = void;

    constexpr iterator() = default;
    constexpr explicit iterator(std::string_view rest) noexcept : rest_(rest), line_(rest.find("\r\n")) {}

    constexpr field operator*() const noexcept {
      const std::string_view line = rest_.substr(0, line_);
      const std::size_t colon = line.find(':');
      return {line.substr(0, colon), trimmed(line.substr(colon + 1))};
    }
    constexpr iterator& operator++() noexcept {
      rest_.remove_prefix(line_ + 2);
      line_ = rest_.find("\r\n");
      return *this;
    }
    constexpr iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend constexpr bool operator==(iterator left, iterator right) noexcept {
      return left.rest_.size() == right.rest_.size();
    }

   private:
    std::string_view rest_;
    std::size_t line_ = 0;  // bytes of the line at the front, without its end
  };

  constexpr head_fields() = default;

  /// Takes: whole field lines that a head_scanner let through, each with its CR LF.
  constexpr explicit head_fields(std::string_view lines) noexcept : lines_(lines) {}

  constexpr iterator begin() const noexcept { return iterator(lines_); }
  static constexpr iterator end() noexcept { return iterator(std::string_view()); }

  /// The value of the first field of that name; empty if there is none.
  constexpr std::string_view value(std::string_view name) const noexcept {
    for (const field line : *this) {
      if (equals_ignoring_case(line.name, name)) return line.value;
    }
    return {};
  }

 private:
  std::string_view lines_;
};

/// The head of a request.
struct request_head {
  std::string_view method;
  std::string_view target;
  http_version version;
  head_fields fields;
};

/// The head of a response.
struct response_head {
  http_version version;
  std::uint16_t status = 0;
  std::string_view reason;
  head_fields fields;
};

/// Splits a request's head.
/// Takes:  the text of a head that a head_scanner let through to its end.
/// Life:   views of the text.
/// Cost:   O(n), no allocation.
/// Source: RFC 9112 §3.
constexpr request_head split_request_head(std::string_view text) noexcept {
  while (text.starts_with("\r\n")) text.remove_prefix(2);
  const std::size_t line_end = text.find("\r\n");
  const std::string_view line = text.substr(0, line_end);
  const std::size_t target_at = line.find(' ') + 1;
  const std::size_t version_at = line.rfind(' ') + 1;
  return {line.substr(0, target_at - 1), line.substr(target_at, version_at - 1 - target_at),
          http_version(line.substr(version_at)), head_fields(text.substr(line_end + 2, text.size() - line_end - 4))};
}

/// Splits a response's head; otherwise like split_request_head.
/// Source: RFC 9112 §4.
constexpr response_head split_response_head(std::string_view text) noexcept {
  const std::size_t line_end = text.find("\r\n");
  const std::string_view line = text.substr(0, line_end);
  std::uint16_t status = 0;
  for (const char digit : line.substr(9, 3)) status = static_cast<std::uint16_t>((status * 10) + (digit - '0'));
  return {http_version(line.substr(0, 8)), status, line.substr(13),
          head_fields(text.substr(line_end + 2, text.size() - line_end - 4))};
}

namespace detail {

/// Scans a whole head at the front of a text; then `split` makes the result.
template <class Head, class Split>
constexpr partial<Head> parse_head(std::string_view& stream, head_kind kind, head_limits limits, Split split) noexcept {
  head_scanner scanner(kind, limits);
  const std::size_t size = scanner.scan(stream);
  if (scanner.error() != error::none) return scanner.error();
  if (!scanner.done()) return partial<Head>::need_more(1);
  const std::string_view text = stream.substr(0, size);
  stream.remove_prefix(size);
  return split(text);
}

}  // namespace detail

/// Parses the head of a request at the front of a stream, and takes it off if it is whole.
/// Errors: head_too_large, too_many_fields, request_line_malformed, field_malformed.
/// Life:   views of the stream.
/// Cost:   O(n), no allocation; for a head that comes in pieces, head_reader keeps this linear.
/// Source: RFC 9112 §2.1, §3.
constexpr partial<request_head> parse_request_head(std::string_view& stream, head_limits limits = {}) noexcept {
  return detail::parse_head<request_head>(stream, head_kind::request, limits, split_request_head);
}

/// Parses the head of a response; otherwise like parse_request_head.
/// Errors: head_too_large, too_many_fields, status_line_malformed, field_malformed.
/// Source: RFC 9112 §2.1, §4.
constexpr partial<response_head> parse_response_head(std::string_view& stream, head_limits limits = {}) noexcept {
  return detail::parse_head<response_head>(stream, head_kind::response, limits, split_response_head);
}

}  // namespace sansocket

#endif
