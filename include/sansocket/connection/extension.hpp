// What a message extension is to a connection: a transform of whole messages, marked by RSV1 (§9, RFC 7692 §5).
#ifndef SANSOCKET_CONNECTION_EXTENSION_HPP
#define SANSOCKET_CONNECTION_EXTENSION_HPP

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/error.hpp"

namespace sansocket {

/// Whether a message may be compressed.
enum class compression : std::uint8_t {
  automatic,  ///< if it was agreed on and is worth it
  never,      ///< such as for a secret beside text that an attacker chooses (CRIME, BREACH)
};

/// What one step of a transform has done.
struct transform_step {
  std::size_t used = 0;  ///< bytes of the input
  std::size_t made = 0;  ///< bytes of the output, good also if there is a fault
  error fault = error::none;
};

/// What a connection asks of an extension.
/// Receiving: `inflate` until a message's payload is used and the output has room left, `finish_inflate` when
/// the message is whole.
/// Sending: `deflate` until the input is used and the output has room left, with at least 8 bytes of room
/// each time; what it gives ends with the bytes 00 00 FF FF. Then `finish_deflate`.
template <class Extension>
concept message_extension =
    requires(Extension& extension, const Extension& held, const_bytes in, bytes out, bool flag) {
      { held.active() } -> std::same_as<bool>;                               // it was agreed: RSV1 means something
      { extension.inflate(in, out, flag) } -> std::same_as<transform_step>;  // true: the payload ends with `in`
      { extension.finish_inflate() } -> std::same_as<error>;                 // was that a message's end?
      { held.wants(in.size()) } -> std::same_as<bool>;                       // is a message of that size worth it?
      { extension.deflate(in, out) } -> std::same_as<transform_step>;
      extension.finish_deflate(flag);                                    // true: what came of it was sent
      { held.independent_window_bits() } -> std::same_as<std::uint8_t>;  // 0: no message stands for itself
      extension.release();
    };

/// No extension: costs nothing.
struct no_extension {};

namespace detail {

/// What RFC 7692 §7.2.1 takes off the end of a compressed message.
inline constexpr std::size_t deflate_tail_size = 4;

/// More than so many bytes are ever compressed to, the flush included.
constexpr std::size_t most_compressed(std::size_t size) noexcept { return size + (size / 8) + 64; }

/// Compresses a piece of a message to at most `most` bytes. They end with 00 00 FF FF; they are none if
/// there was nothing to compress since the last piece.
/// Errors: would_block if `most` is not enough; those of the extension; out_of_memory.
template <message_extension Extension>
error compress_piece(Extension& extension, const_bytes piece, heap_buffer& packed, std::size_t most) noexcept {
  constexpr std::size_t least = 256;
  constexpr std::size_t flush = 8;  // with less room than a flush takes, zlib would flush again and again
  while (packed.size() <= most) {
    const std::size_t before = packed.size();
    const std::size_t wish = std::max({before, least, piece.size() / 4});
    const bytes room = packed.extend(std::min(most - before, wish) + flush, most + flush);
    if (room.empty()) return error::out_of_memory;
    const transform_step done = extension.deflate(piece, room);
    packed.truncate(before + done.made);
    if (done.fault != error::none) return done.fault;
    piece = piece.subspan(done.used);
    if (piece.empty() && done.made < room.size()) return packed.size() <= most ? error::none : error::would_block;
  }
  return error::would_block;
}

/// Compresses a whole message, and takes off what RFC 7692 §7.2.1 takes off.
/// Errors: would_block if it does not shrink; those of the extension; out_of_memory.
template <message_extension Extension>
error compress(Extension& extension, const_bytes payload, heap_buffer& packed) noexcept {
  if (payload.empty()) return error::would_block;
  const std::size_t most = payload.size() - 1 + deflate_tail_size;
  if (const error fault = compress_piece(extension, payload, packed, most); fault != error::none) return fault;
  packed.truncate(packed.size() - deflate_tail_size);
  return error::none;
}

}  // namespace detail

}  // namespace sansocket

#endif
