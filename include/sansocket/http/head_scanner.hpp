// Finds the end of an HTTP/1.1 head and checks its grammar on the way, byte by byte (RFC 9112 §2.1).
#ifndef SANSOCKET_HTTP_HEAD_SCANNER_HPP
#define SANSOCKET_HTTP_HEAD_SCANNER_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansocket/core/error.hpp"
#include "sansocket/core/limits.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// What a head opens: a request or a response.
enum class head_kind : std::uint8_t { request, response };

/// A state machine over the bytes of one head. It keeps none of them and looks at each of them once.
/// Stricter than RFC 9112 §2.2: a line ends with CR LF, never with LF alone.
class head_scanner {
 public:
  constexpr explicit head_scanner(head_kind kind, head_limits limits = {}) noexcept : limits_(limits), kind_(kind) {}

  /// Reads on.
  /// Takes:  the bytes that follow those of the last call.
  /// Gives:  how many of them belong to the head: all, unless done() or error() says why not.
  /// Cost:   O(n), no allocation.
  constexpr std::size_t scan(std::string_view data) noexcept {
    const std::size_t room = limits_.bytes - scanned_;
    const std::string_view fitting = data.substr(0, room);
    std::size_t i = 0;
    while (i < fitting.size() && state_ != state::done && error_ == error::none) {
      i += run(fitting.substr(i));
      if (i < fitting.size()) step(fitting[i++]);
    }
    scanned_ += i;
    if (i == room && i < data.size() && state_ != state::done && error_ == error::none) error_ = error::head_too_large;
    return i;
  }

  /// The empty line was reached.
  constexpr bool done() const noexcept { return state_ == state::done; }

  /// head_too_large, too_many_fields, request_line_malformed, status_line_malformed, field_malformed, or none.
  constexpr enum error error() const noexcept { return error_; }

  /// Nothing of a head was seen yet.
  constexpr bool untouched() const noexcept { return scanned_ == 0; }

 private:
  enum class state : std::uint8_t {
    start,
    start_lf,
    method,
    target,
    version,
    status,
    reason,
    line_lf,
    line_start,
    name,
    value,
    value_lf,
    end_lf,
    done,
  };

  static constexpr std::string_view version_pattern = "HTTP/d.d";  // d stands for a digit

  static constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

  /// How many bytes change nothing: most of a head is names, values and one target.
  constexpr std::size_t run(std::string_view data) noexcept {
    switch (state_) {
      case state::value:
      case state::reason: return detail::value_prefix(data);
      case state::name: return detail::prefix_of(data, detail::char_token);
      case state::target: return position_ == 0 ? 0 : detail::prefix_of(data, detail::char_target);
      default: return 0;
    }
  }

  constexpr void step(char c) noexcept {
    switch (state_) {
      case state::start: return at_start(c);
      case state::start_lf: return expect_lf(c, state::start, line_error());
      case state::method: return in_word(c, detail::char_token, state::target);
      case state::target: return in_word(c, detail::char_target, state::version);
      case state::version: return in_version(c);
      case state::status: return in_status(c);
      case state::reason: return until_cr(c, state::line_lf, line_error());
      case state::line_lf: return expect_lf(c, state::line_start, line_error());
      case state::line_start: return at_line_start(c);
      case state::name: return in_name(c);
      case state::value: return until_cr(c, state::value_lf, error::field_malformed);
      case state::value_lf: return expect_lf(c, state::line_start, error::field_malformed);
      case state::end_lf: return expect_lf(c, state::done, error::field_malformed);
      case state::done: return;
    }
  }

  constexpr enum error line_error() const noexcept {
    return kind_ == head_kind::request ? error::request_line_malformed : error::status_line_malformed;
  }

  constexpr void enter(state next) noexcept {
    state_ = next;
    position_ = 0;
  }

  constexpr void expect(bool as_it_should, state next, enum error otherwise) noexcept {
    if (as_it_should) enter(next);
    else error_ = otherwise;
  }

  constexpr void expect_lf(char c, state next, enum error otherwise) noexcept { expect(c == '\n', next, otherwise); }

  constexpr void at_start(char c) noexcept {
    if (kind_ == head_kind::response) {
      enter(state::version);
      return in_version(c);
    }
    // RFC 9112 §2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to the request-line"
    if (c == '\r') return enter(state::start_lf);
    expect(detail::is_char(c, detail::char_token), state::method, line_error());
  }

  /// The method and the target: one or more characters of a class, then one space.
  constexpr void in_word(char c, std::uint8_t char_class, state next) noexcept {
    const bool first_of_target = state_ == state::target && position_ == 0;
    if (c == ' ' && !first_of_target) return enter(next);
    if (!detail::is_char(c, char_class)) error_ = line_error();
    position_ = 1;
  }

  constexpr void in_version(char c) noexcept {
    if (position_ == version_pattern.size()) {
      if (kind_ == head_kind::request) return expect(c == '\r', state::line_lf, line_error());
      return expect(c == ' ', state::status, line_error());
    }
    const char wanted = version_pattern[position_++];
    if (wanted == 'd' ? !is_digit(c) : c != wanted) error_ = line_error();
  }

  constexpr void in_status(char c) noexcept {
    if (position_ == 3) return expect(c == ' ', state::reason, line_error());
    const bool in_range = position_ > 0 || (c >= '1' && c <= '5');  // RFC 9110 §15: 100 to 599
    if (!is_digit(c) || !in_range) error_ = line_error();
    ++position_;
  }

  constexpr void until_cr(char c, state next, enum error otherwise) noexcept {
    if (c == '\r') return enter(next);
    if (!detail::is_char(c, detail::char_value)) error_ = otherwise;
  }

  constexpr void at_line_start(char c) noexcept {
    if (c == '\r') return enter(state::end_lf);
    if (fields_ == limits_.fields) {
      error_ = error::too_many_fields;
      return;
    }
    ++fields_;
    // A space here would fold the line before: RFC 9112 §5.2 has a server reject or repair that.
    expect(detail::is_char(c, detail::char_token), state::name, error::field_malformed);
  }

  constexpr void in_name(char c) noexcept {
    // RFC 9112 §5.1: "No whitespace is allowed between the field name and colon"
    if (c == ':') return enter(state::value);
    if (!detail::is_char(c, detail::char_token)) error_ = error::field_malformed;
  }

  head_limits limits_;
  std::size_t scanned_ = 0;
  std::size_t fields_ = 0;
  head_kind kind_;
  state state_ = state::start;
  std::uint8_t position_ = 0;  // within the version, the status or (0 or not) the word at hand
  enum error error_ = error::none;
};

}  // namespace sansocket

#endif
