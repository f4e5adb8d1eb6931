// What permessage-deflate needs of a DEFLATE implementation: zlib's, or one of your own (RFC 1951).
#ifndef SANSOCKET_DEFLATE_BACKEND_HPP
#define SANSOCKET_DEFLATE_BACKEND_HPP

#include <concepts>
#include <cstddef>
#include <memory>

#include "sansocket/connection/extension.hpp"
#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// Inflates raw DEFLATE with a window of 15 bits, block after block, also behind one that is marked as the
/// last: the window stays. It gives all that comes of the input as far as there is room, and uses all of
/// the input if room is left.
/// Errors of `inflate`: compressed_data_invalid, out_of_memory; what was made before is good.
template <class Inflater>
concept deflate_inflater = requires(Inflater& stream, const Inflater& held, const_bytes in, bytes out) {
  { Inflater::make() } -> std::same_as<std::unique_ptr<Inflater>>;  // nothing if there is no memory
  { stream.inflate(in, out) } -> std::same_as<transform_step>;
  { held.at_block_end() } -> std::same_as<bool>;              // nothing is left of the last byte
  { held.since_final_block() } -> std::same_as<std::size_t>;  // bytes used behind the last block with BFINAL
  { stream.forget_block() } -> std::same_as<bool>;            // the block that has begun; the window stays
  { stream.reset() } -> std::same_as<bool>;                   // forgets the window
  { stream.remember(in) } -> std::same_as<bool>;              // after reset: as if these bytes had just been made
  { stream.window(out) } -> std::same_as<std::size_t>;        // the last bytes made, as many as there is room for
};

/// Deflates what it is given and flushes: `deflate` is called until the input is used and room is left.
/// What was made then ends with an empty block without compression (00 00 FF FF).
template <class Deflater>
concept deflate_deflater = requires(Deflater& stream, const_bytes in, bytes out, int n) {
  { Deflater::min_window_bits } -> std::convertible_to<int>;               // messages to a peer with less go plain
  { Deflater::make(n, n, n) } -> std::same_as<std::unique_ptr<Deflater>>;  // window bits, level, memory level
  { stream.deflate(in, out) } -> std::same_as<transform_step>;
  { stream.reset() } -> std::same_as<bool>;
};

/// A DEFLATE implementation, such as zlib_backend.
template <class Backend>
concept deflate_backend = deflate_inflater<typename Backend::inflater> && deflate_deflater<typename Backend::deflater>;

}  // namespace sansocket

#endif
