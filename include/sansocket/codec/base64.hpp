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
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint32_t>(data[at]); };
  const auto sixth = [](std::uint32_t group, unsigned shift) {
    return detail::base64_alphabet[(group >> shift) & 0x3FU];
  };
  std::size_t written = 0;
  for (; data.size() >= 3; data = data.subspan(3), written += 4) {
    const std::uint32_t group = (byte(0) << 16U) | (byte(1) << 8U) | byte(2);
    out[written] = sixth(group, 18);
    out[written + 1] = sixth(group, 12);
    out[written + 2] = sixth(group, 6);
    out[written + 3] = sixth(group, 0);
  }
  if (!data.empty()) {
    const std::uint32_t group = (byte(0) << 16U) | (data.size() == 2 ? byte(1) << 8U : 0U);
    out[written] = sixth(group, 18);
    out[written + 1] = sixth(group, 12);
    out[written + 2] = data.size() == 2 ? sixth(group, 6) : '=';
    out[written + 3] = '=';
    written += 4;
  }
  return {out.data(), written};
}

constexpr result<std::size_t> decode_base64(std::string_view text, bytes out) noexcept {
  if (text.size() % 4 != 0) return error::base64_malformed;
  std::size_t padding = 0;
  if (text.ends_with("==")) padding = 2;
  else if (text.ends_with('=')) padding = 1;

  std::size_t written = 0;
  for (; !text.empty(); text.remove_prefix(4)) {
    const std::size_t pads = text.size() == 4 ? padding : 0;
    const auto value = [&](std::size_t at) -> std::uint32_t {
      return at < 4 - pads ? detail::base64_values[static_cast<unsigned char>(text[at])] : 0U;
    };
    const std::uint32_t a = value(0);
    const std::uint32_t b = value(1);
    const std::uint32_t c = value(2);
    const std::uint32_t d = value(3);
    if ((a | b | c | d) > 63) return error::base64_malformed;
    const std::uint32_t group = (a << 18U) | (b << 12U) | (c << 6U) | d;
    // RFC 4648 §3.5: the bits that stand for nothing are zero in the canonical form.
    if ((group & ((1U << (8 * pads)) - 1)) != 0) return error::base64_malformed;
    out[written++] = static_cast<std::byte>(group >> 16U);
    if (pads < 2) out[written++] = static_cast<std::byte>((group >> 8U) & 0xFFU);
    if (pads < 1) out[written++] = static_cast<std::byte>(group & 0xFFU);
  }
  return written;
}

}  // namespace sansocket

#endif
