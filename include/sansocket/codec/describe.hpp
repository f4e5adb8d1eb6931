// Bytes in words: one line for a log or a failure message, bounded and safe on any bytes.
#ifndef SANSOCKET_CODEC_DESCRIBE_HPP
#define SANSOCKET_CODEC_DESCRIBE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansocket/codec/close_payload.hpp"
#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/utf8.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/close_code.hpp"
#include "sansocket/core/error_info.hpp"

namespace sansocket {

/// One line of at most 255 bytes, held in place. It is UTF-8 without control characters; what did
/// not fit is left out and the line then ends with "...".
class description {
 public:
  constexpr std::string_view view() const noexcept { return {text_.data(), size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }

  /// Appends words as they are: UTF-8 without control characters.
  constexpr description& add(std::string_view words) noexcept {
    if (full_) return *this;
    const std::string_view fitting = utf8_prefix(words, text_.size() - ellipsis.size() - size_);
    copy(fitting);
    if (fitting.size() < words.size()) {
      full_ = true;
      copy(ellipsis);
    }
    return *this;
  }

  /// Appends a number in decimal.
  constexpr description& add(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + (number % 10));
      number /= 10;
    } while (number != 0);
    return add(std::string_view(&digits[at], digits.size() - at));
  }

  /// Appends bytes as hexadecimal digits.
  constexpr description& add_hex(const_bytes data) noexcept {
    for (const std::byte byte : data) add_hex(value_of(byte));
    return *this;
  }

  /// Appends foreign text in quotes: valid UTF-8 as it is, everything else as \xHH; no more than
  /// `most` bytes of it.
  constexpr description& add_quoted(std::string_view text, std::size_t most) noexcept {
    add("\"");
    std::string_view rest = text.substr(0, most);
    while (!rest.empty()) {
      const std::size_t length = printable_length(rest);
      if (length != 0) {
        add(rest.substr(0, length));
      } else if (text.size() > most && is_cut(rest)) {
        break;
      } else {
        add("\\x").add_hex(static_cast<std::uint8_t>(rest.front()));
      }
      rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return add(text.size() > most ? "\"..." : "\"");
  }

 private:
  static constexpr std::string_view ellipsis = "...";

  constexpr void copy(std::string_view text) noexcept {
    std::ranges::copy(text, text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += static_cast<std::uint8_t>(text.size());
  }

  constexpr void add_hex(std::uint8_t byte) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::array<char, 2> pair{digits[byte >> 4U], digits[byte & 0x0FU]};
    add(std::string_view(pair.data(), pair.size()));
  }

  static constexpr std::size_t code_point_size(std::string_view text) noexcept {
    const auto lead = static_cast<std::uint8_t>(text.front());
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  }

  /// The text is the beginning of one code point, and no more.
  static constexpr bool is_cut(std::string_view text) noexcept {
    utf8_validator start;
    return text.size() < code_point_size(text) && start.feed(std::span(text)) == text.size();
  }

  /// The length of the code point at the front if it may be shown as it is, else 0.
  static constexpr std::size_t printable_length(std::string_view text) noexcept {
    const auto lead = static_cast<std::uint8_t>(text.front());
    if (lead < 0x80) return lead >= 0x20 && lead != 0x7F && lead != '"' && lead != '\\' ? 1 : 0;
    const std::size_t length = code_point_size(text);
    if (text.size() < length || !is_utf8(text.substr(0, length))) return 0;
    // What would disturb a line or turn its direction: U+0080..U+009F, U+061C, U+200E, U+200F,
    // U+2028..U+202E, U+2066..U+2069.
    const auto second = static_cast<std::uint8_t>(text[1]);
    if (lead == 0xC2 && second < 0xA0) return 0;
    if (lead == 0xD8 && second == 0x9C) return 0;
    if (lead != 0xE2 || second > 0x81) return length;
    const auto third = static_cast<std::uint8_t>(text[2]);
    if (second == 0x81) return third >= 0xA6 && third <= 0xA9 ? 0 : length;
    return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE) ? 0 : length;
  }

  std::array<char, 255> text_{};
  std::uint8_t size_ = 0;  // at most text_.size()
  bool full_ = false;      // the ellipsis is written
};

/// Says what the payload of a Close frame means: `1000 normal closure "bye"`.
/// Takes:  any bytes, unmasked.
/// Cost:   O(n), no allocation.
inline description describe_close(const_bytes payload) noexcept {
  description words;
  const auto why = decode_close(payload);
  if (!why) {
    words.add("illegal Close payload: ").add(message(why.error())).add(" (").add(clause(why.error())).add("), ");
    return words.add_hex(payload.first(std::min<std::size_t>(payload.size(), 8)));
  }
  words.add(static_cast<std::uint16_t>(why->code)).add(" ").add(name(why->code));
  if (!why->reason.empty()) words.add(" ").add_quoted(why->reason, max_close_reason);
  return words;
}

namespace detail {

/// What may be agreed on for a frame like this one: RSV1 on the first frame of a message (RFC 7692 §6).
constexpr std::uint8_t agreeable_rsv(const frame_header& header) noexcept {
  return header.opcode == opcode::text || header.opcode == opcode::binary ? rsv1 : std::uint8_t{0};
}

/// Whether a frame should be masked depends on who sent it, which is not known here.
constexpr error check_frame_header(const frame_header& header) noexcept {
  return sansocket::check_frame_header(header, header.masked ? role::server : role::client, agreeable_rsv(header));
}

}  // namespace detail

/// Says what a frame is: `text, final, masked, 5 bytes: "Hello"`.
/// Takes:  a header, and as much of the payload, unmasked, as is at hand.
/// Cost:   O(1): no more than 125 bytes of the payload are looked at; no allocation.
inline description describe(const frame_header& header, const_bytes payload = {}) noexcept {
  description words;
  words.add(name(header.opcode));
  if (is_reserved(header.opcode)) words.add(" opcode ").add(static_cast<std::uint8_t>(header.opcode));
  words.add(header.fin ? ", final" : ", more to come");
  for (unsigned bit = 0; bit < 3; ++bit) {
    if ((header.rsv & (4U >> bit)) != 0) words.add(", RSV").add(bit + 1);
  }
  words.add(header.masked ? ", masked, " : ", ").add(header.payload_length);
  words.add(header.payload_length == 1 ? " byte" : " bytes");

  const error broken = detail::check_frame_header(header);
  if (broken != error::none)
    return words.add(", illegal: ").add(message(broken)).add(" (").add(clause(broken)).add(")");

  if (payload.size() > header.payload_length) payload = payload.first(static_cast<std::size_t>(header.payload_length));
  if (payload.empty()) return words;
  words.add(": ");
  const bool whole = payload.size() == header.payload_length;
  if (header.opcode == opcode::close && whole) return words.add(describe_close(payload));
  if (header.opcode == opcode::text && (header.rsv & rsv1) == 0) return words.add_quoted(text_of(payload), 64);
  return words.add_hex(payload.first(std::min<std::size_t>(payload.size(), 24))).add(payload.size() > 24 ? "..." : "");
}

/// Says what the frame at the front of a stream is; the payload is unmasked in a copy.
/// Takes:  any prefix of a stream of frames, as it travels.
/// Cost:   O(1), no allocation.
inline description describe_frame(const_bytes stream) noexcept {
  const auto decoded = decode_frame_header(stream);
  description words;
  error broken = decoded.error();
  if (broken == error::none && !decoded.complete() && stream.size() >= 2) {
    broken = detail::check_frame_header(decode_first_two(stream[0], stream[1]));
  }
  if (broken != error::none) {
    return words.add("illegal frame header: ").add(message(broken)).add(" (").add(clause(broken)).add(")");
  }
  if (!decoded.complete()) {
    words.add("cut frame header: ").add(stream.size()).add(stream.size() == 1 ? " byte" : " bytes");
    return words.add(", at least ").add(decoded.missing()).add(" more");
  }
  std::array<std::byte, max_control_payload> shown{};
  const_bytes payload = stream.subspan(decoded->size);
  payload =
      payload.first(std::min({payload.size(), shown.size(), static_cast<std::size_t>(decoded->header.payload_length)}));
  copy_masked(shown, payload, decoded->header.key);
  return describe(decoded->header, const_bytes(shown).first(payload.size()));
}

/// Says what an HTTP head is: `"GET /chat HTTP/1.1", 5 fields`.
/// Takes:  any bytes; a head ends with an empty line.
/// Cost:   O(n), no allocation.
inline description describe_head(std::string_view head) noexcept {
  description words;
  const std::size_t line_end = head.find("\r\n");
  words.add_quoted(head.substr(0, line_end), 120);
  std::size_t fields = 0;
  bool whole = false;
  for (std::size_t at = line_end; at != std::string_view::npos && !whole;) {
    const std::size_t start = at + 2;
    at = head.find("\r\n", start);
    whole = at == start;
    if (at != std::string_view::npos && !whole) ++fields;
  }
  words.add(", ").add(fields).add(fields == 1 ? " field" : " fields");
  return words.add(whole ? "" : ", cut");
}

}  // namespace sansocket

#endif
