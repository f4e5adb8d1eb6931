// How a connection behaves, and the types that it is made of.
#ifndef SANSOCKET_CONNECTION_OPTIONS_HPP
#define SANSOCKET_CONNECTION_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>

#include "sansocket/connection/extension.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/limits.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/crypto/random.hpp"

namespace sansocket {

/// How messages are handed over.
enum class delivery : std::uint8_t {
  messages,  ///< whole; from the chunk itself where a message lies whole in it
  pieces,    ///< as they come, marked `first` and `last`; nothing is assembled
};

/// The spelling of "every message in one frame".
inline constexpr std::uint32_t unfragmented = std::numeric_limits<std::uint32_t>::max();

/// What a connection accepts and how it sends.
struct connection_options {
  message_limits limits{};
  /// A message that would make more bytes than this wait is refused with would_block; one that is
  /// larger by itself goes when nothing else waits. A payload that is lent is not this end's memory:
  /// it does not count for itself, but what follows waits for it.
  std::uint64_t high_water = 1024 * 1024;
  /// Messages longer than this are sent in fragments of this size; none are, unless it is set.
  std::uint32_t fragment_size = unfragmented;
  enum delivery delivery = delivery::messages;
};

/// The types that a connection is made of, the defaults. A policy of one's own derives from this and
/// says what is different:
///
///     struct no_heap : sansocket::default_policy {
///       using message_buffer = sansocket::inplace_buffer<4096 + 125>;
///       using output_buffer = sansocket::inplace_buffer<4096 + 512>;
///       using retained_buffer = sansocket::inplace_buffer<0>;
///     };
struct default_policy {
  using message_buffer =
      heap_buffer;  ///< holds a message that is cut; of a fixed one, 125 bytes are for control frames
  using output_buffer =
      heap_buffer;  ///< holds what waits to be sent; of a fixed one, 508 bytes (client: 524) are for control frames
  using retained_buffer = heap_buffer;   ///< holds what retain() takes over; inplace_buffer<0> if it is not called
  using random_source = openssl_random;  ///< a client's masking keys; a server has no use for it
  template <role Role>
  using extension = no_extension;  ///< what transforms messages, such as permessage_deflate
};

}  // namespace sansocket

#endif
