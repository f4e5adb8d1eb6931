// Base64 as the handshake needs it: padded and canonical (RFC 4648 §4, §3.5).
#ifndef SANSOCKET_CODEC_BASE64_HPP
#define SANSOCKET_CODEC_BASE64_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sansocket/core/bytes.hpp"
#include "sansocket/core/result.hpp"

namespace sansocket {

/// How many characters stand for so many bytes.
constexpr std::size_t base64_encoded_size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

/// Encodes bytes.
/// Takes:  `out` with room for base64_encoded_size(data.size()) characters.
/// Gives:  the characters written.
/// Life:   a view of `out`.
/// Source: RFC 4648 §4.
constexpr std::string_view encode_base64(const_bytes data, std::span<char> out) noexcept;

/// Decodes a text that must be canonical: padded, nothing foreign in it, the unused bits zero.
/// Takes:  `out` with room for text.size() / 4 * 3 bytes.
/// Gives:  how many bytes were written.
/// Errors: base64_malformed.
/// Source: RFC 4648 §4, §3.5.
constexpr result<std::size_t> decode_base64(std::string_view text, bytes out) noexcept;

namespace detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The six bits that each character stands for; 64 for those that are not in the alphabet.
inline constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(64);
  for (std::size_t i = 0; i < base64_alphabet.size(); ++i) {
    values[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace detail

constexpr std::string_view encode_base64(const_bytes data, std::span<char> out) noexcept {
  std::size_t written = 0;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = data.size() - i < 3 ? data.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < count ? value_of(data[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      out[written++] = k <= count ? detail::base64_alphabet[group >> (18 - 6 * k) & 0x3FU] : '=';
    }
  }
  return {out.data(), written};
}

constexpr result<std::size_t> decode_base64(std::string_view text, bytes out) noexcept {
  if (text.size() % 4 != 0) return error::base64_malformed;
  std::size_t padding = 0;
  if (text.ends_with("==")) padding = 2;
  else if (text.ends_with('=')) padding = 1;

  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t pads = i + 4 == text.size() ? padding : 0;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::uint32_t value = k < 4 - pads ? detail::base64_values[static_cast<unsigned char>(text[i + k])] : 0;
      if (value > 63) return error::base64_malformed;
      group = group << 6U | value;
    }
    // RFC 4648 §3.5: the bits that stand for nothing are zero in the canonical form.
    if ((group & ((1U << (8 * pads)) - 1)) != 0) return error::base64_malformed;
    for (std::size_t k = 0; k < 3 - pads; ++k) out[written++] = static_cast<std::byte>(group >> (16 - 8 * k) & 0xFFU);
  }
  return written;
}

}  // namespace sansocket

#endif
