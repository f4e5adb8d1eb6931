// The header of a frame: 2 to 14 bytes (§5.2).
#ifndef SANSOCKET_CODEC_FRAME_HEADER_HPP
#define SANSOCKET_CODEC_FRAME_HEADER_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sansocket/codec/mask.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/opcode.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/core/role.hpp"

namespace sansocket {

/// A frame without its payload:
///
///     bit   7   6 5 4  3..0   |   7    6..0    | 16 or 64 bits  |    32 bits
///          FIN  RSV1-3 opcode | MASK  length7  | longer length  | masking key
///
/// A length of 0-125 stands in length7; 126 and 127 there say that 16 or 64 bits follow, in network
/// byte order; the key is there if MASK is set.
struct frame_header {
  bool fin = true;                      ///< the last frame of its message
  std::uint8_t rsv = 0;                 ///< the three reserved bits, RSV1 is 4 and RSV3 is 1
  enum opcode opcode = opcode::binary;  ///< what the frame carries
  bool masked = false;                  ///< a masking key is there and the payload is masked
  masking_key key{};                    ///< all zero unless masked
  std::uint64_t payload_length = 0;     ///< at most 2^63 - 1

  friend constexpr bool operator==(const frame_header&, const frame_header&) = default;
};

/// RSV1 as it stands in frame_header::rsv.
inline constexpr std::uint8_t rsv1 = 4;

inline constexpr std::size_t max_frame_header_size = 14;
inline constexpr std::size_t max_control_payload = 125;
inline constexpr std::uint64_t max_payload_length = 0x7FFF'FFFF'FFFF'FFFF;

/// A header and how many bytes it took.
struct decoded_frame_header {
  frame_header header;
  std::size_t size = 0;
};

/// Decodes one frame header.
/// Takes:  any prefix of the stream; reads 2..14 bytes.
/// Gives:  the header and the bytes used, or how many more bytes are needed.
/// Errors: length_not_minimal, length_msb_set.
/// Life:   the result holds no reference to the input.
/// Cost:   O(1), no allocation.
/// Source: §5.2.
constexpr partial<decoded_frame_header> decode_frame_header(const_bytes stream) noexcept;

/// Encodes one frame header, its length in the fewest bytes.
/// Takes:  a header whatever it says, and room for 14 bytes.
/// Gives:  how many bytes were written.
/// Errors: payload_length_too_large.
/// Cost:   O(1), no allocation.
/// Source: §5.2.
constexpr result<std::size_t> encode_frame_header(const frame_header& header,
                                                  std::span<std::byte, max_frame_header_size> out) noexcept;

/// How many bytes encode_frame_header writes for such a frame.
constexpr std::size_t frame_header_size(std::uint64_t payload_length, bool masked) noexcept {
  const std::size_t length_size = payload_length < 126 ? 0 : payload_length <= 0xFFFF ? 2 : 8;
  return 2 + length_size + (masked ? 4 : 0);
}

/// What the first two bytes of a frame say; `payload_length` holds length7 alone.
constexpr frame_header decode_first_two(std::byte first, std::byte second) noexcept {
  frame_header header;
  header.fin = (value_of(first) & 0x80U) != 0;
  header.rsv = static_cast<std::uint8_t>(value_of(first) >> 4U & 0x07U);
  header.opcode = static_cast<opcode>(value_of(first) & 0x0FU);
  header.masked = (value_of(second) & 0x80U) != 0;
  header.payload_length = value_of(second) & 0x7FU;
  return header;
}

/// Judges a frame by its header alone, apart from the frames around it.
/// Takes:  a whole header or what decode_first_two gave: the verdict is the same.
///         `receiver` is the end that judges, `allowed_rsv` the bits that an extension uses in this frame.
/// Gives:  none, or the first of these that applies.
/// Errors: reserved_bits_set, opcode_reserved, control_fragmented, control_too_long, mask_missing,
///         mask_forbidden.
/// Source: §5.1, §5.2, §5.5.
constexpr error check_frame_header(const frame_header& header, role receiver, std::uint8_t allowed_rsv = 0) noexcept;

namespace detail {

/// Reads an unsigned integer in network byte order.
template <std::size_t Size>
constexpr std::uint64_t load_big_endian(std::span<const std::byte, Size> from) noexcept {
  // Written out, because not every compiler makes one load and one swap of a loop.
  if constexpr (Size == 2) {
    return std::uint64_t{value_of(from[0])} << 8U | value_of(from[1]);
  } else {
    static_assert(Size == 8);
    std::array<std::byte, 8> copy;
    std::ranges::copy(from, copy.begin());
    const auto number = std::bit_cast<std::uint64_t>(copy);
    return std::endian::native == std::endian::little ? __builtin_bswap64(number) : number;
  }
}

/// Writes an unsigned integer in network byte order.
template <std::size_t Size>
constexpr void store_big_endian(std::uint64_t value, std::span<std::byte, Size> to) noexcept {
  for (std::size_t i = 0; i < Size; ++i) to[i] = static_cast<std::byte>(value >> (8 * (Size - 1 - i)) & 0xFFU);
}

}  // namespace detail

constexpr partial<decoded_frame_header> decode_frame_header(const_bytes stream) noexcept {
  using outcome = partial<decoded_frame_header>;
  if (stream.size() < 2) return outcome::need_more(2 - stream.size());
  frame_header header = decode_first_two(stream[0], stream[1]);
  const std::uint64_t length7 = header.payload_length;

  const std::size_t length_size = length7 < 126 ? 0 : length7 == 126 ? 2 : 8;
  const std::size_t key_at = 2 + length_size;
  const std::size_t size = key_at + (header.masked ? 4 : 0);
  if (stream.size() >= key_at && length_size != 0) {
    header.payload_length = length_size == 2 ? detail::load_big_endian(stream.subspan<2, 2>())
                                             : detail::load_big_endian(stream.subspan<2, 8>());
    // §5.2: "the most significant bit MUST be 0"
    if (header.payload_length > max_payload_length) return error::length_msb_set;
    // §5.2: "the minimal number of bytes MUST be used to encode the length"
    if (header.payload_length <= (length_size == 2 ? 125U : 0xFFFFU)) return error::length_not_minimal;
  }
  if (stream.size() < size) return outcome::need_more(size - stream.size());
  if (header.masked) {
    std::ranges::copy(stream.subspan(key_at, 4), header.key.begin());
  }
  return decoded_frame_header{header, size};
}

namespace detail {

/// Writes a header, its length of at most 63 bits in the fewest bytes.
/// Takes: room for as many bytes as frame_header_size says.
/// Gives: that size.
[[gnu::always_inline]] constexpr std::size_t store_frame_header(const frame_header& header, std::byte* out) noexcept {
  const unsigned first =
      (header.fin ? 0x80U : 0U) | (header.rsv & 0x07U) << 4U | (static_cast<unsigned>(header.opcode) & 0x0FU);
  out[0] = static_cast<std::byte>(first);
  const unsigned mask = header.masked ? 0x80U : 0U;
  std::size_t size = 2;
  if (header.payload_length <= 125) {
    out[1] = static_cast<std::byte>(mask | static_cast<unsigned>(header.payload_length));
  } else if (header.payload_length <= 0xFFFF) {
    out[1] = static_cast<std::byte>(mask | 126U);
    store_big_endian(header.payload_length, std::span<std::byte, 2>(out + 2, 2));
    size = 4;
  } else {
    out[1] = static_cast<std::byte>(mask | 127U);
    store_big_endian(header.payload_length, std::span<std::byte, 8>(out + 2, 8));
    size = 10;
  }
  if (!header.masked) return size;
  std::ranges::copy(header.key, out + size);
  return size + header.key.size();
}

}  // namespace detail

constexpr result<std::size_t> encode_frame_header(const frame_header& header,
                                                  std::span<std::byte, max_frame_header_size> out) noexcept {
  if (header.payload_length > max_payload_length) return error::payload_length_too_large;
  return detail::store_frame_header(header, out.data());
}

constexpr error check_frame_header(const frame_header& header, role receiver, std::uint8_t allowed_rsv) noexcept {
  // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values"
  if ((header.rsv & ~allowed_rsv & 0x07U) != 0) return error::reserved_bits_set;
  // §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_"
  if (is_reserved(header.opcode)) return error::opcode_reserved;
  if (is_control(header.opcode)) {
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented"
    if (!header.fin) return error::control_fragmented;
    if (header.payload_length > max_control_payload) return error::control_too_long;
  }
  // §5.1: "The server MUST close the connection upon receiving a frame that is not masked"
  if (receiver == role::server && !header.masked) return error::mask_missing;
  // §5.1: "A client MUST close a connection if it detects a masked frame"
  if (receiver == role::client && header.masked) return error::mask_forbidden;
  return error::none;
}

}  // namespace sansocket

#endif
