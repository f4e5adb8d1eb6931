// Writes the head of a request or a response; nothing that could split it gets through (RFC 9110 §5.5).
#ifndef SANSOCKET_HTTP_HEAD_WRITER_HPP
#define SANSOCKET_HTTP_HEAD_WRITER_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/http/field_source.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// The reason phrase of the statuses that a server with a handshake meets; empty for others, which is legal.
/// Source: RFC 9110 §15.
constexpr std::string_view reason_phrase(std::uint16_t status) noexcept {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

/// Appends the lines of a head to a buffer. The first fault stays and stops the writing.
template <byte_buffer Buffer>
class head_writer {
 public:
  explicit head_writer(Buffer& buffer) noexcept : buffer_(buffer) {}

  /// Writes `METHOD target HTTP/1.1`.
  head_writer& request_line(std::string_view method, std::string_view target) noexcept {
    if (!is_token(method) || target.empty() || !detail::all_chars(target, detail::char_target))
      fail(error::field_forbidden);
    return put(method).put(" ").put(target).put(" HTTP/1.1\r\n");
  }

  /// Writes `HTTP/1.1 status phrase`.
  head_writer& status_line(std::uint16_t status) noexcept {
    return put("HTTP/1.1 ").put_number(status).put(" ", reason_phrase(status), "\r\n");
  }

  /// Writes one field line; field_forbidden if the name is not a token or the value could end the line.
  head_writer& add(std::string_view name, std::string_view value) noexcept {
    if (!is_token(name) || !is_field_value(value)) fail(error::field_forbidden);
    return put(name, ": ", value, "\r\n");
  }

  head_writer& add(std::string_view name, std::uint64_t value) noexcept {
    return begin(name).put_number(value).put("\r\n");
  }

  /// Writes one field line whose value is a list.
  template <class Texts>
  head_writer& add_list(std::string_view name, const Texts& elements) noexcept {
    begin(name);
    bool first = true;
    for (const std::string_view element : elements) {
      if (!is_field_value(element)) fail(error::field_forbidden);
      put(first ? "" : ", ").put(element);
      first = false;
    }
    return put("\r\n");
  }

  /// Writes the empty line and the body.
  head_writer& end(std::string_view body = {}) noexcept { return put("\r\n").put(body); }

  /// field_forbidden, out_of_memory, buffer_full, or none.
  enum error error() const noexcept { return error_; }

  /// Writes text as it is. For what the caller has checked itself.
  template <class... Texts>
  head_writer& put(const Texts&... texts) noexcept {
    const std::size_t size = (std::string_view(texts).size() + ...);
    if (error_ != error::none || size == 0) return *this;
    const bytes room = buffer_.extend(size, Buffer::max_size());
    if (room.empty()) {
      fail(Buffer::max_size() < heap_buffer::max_size() ? error::buffer_full : error::out_of_memory);
      return *this;
    }
    auto at = room.begin();
    ((at = std::ranges::copy(bytes_of(std::string_view(texts)), at).out), ...);
    return *this;
  }

  /// Writes a number in decimal.
  head_writer& put_number(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return put(std::string_view(digits.data(), static_cast<std::size_t>(written.ptr - digits.data())));
  }

 private:
  head_writer& begin(std::string_view name) noexcept {
    if (!is_token(name)) fail(error::field_forbidden);
    return put(name).put(": ");
  }

  void fail(enum error what) noexcept {
    if (error_ == error::none) error_ = what;
  }

  Buffer& buffer_;
  enum error error_ = error::none;
};

}  // namespace sansocket

#endif
