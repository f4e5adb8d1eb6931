// How much a peer may make this end hold or do (§10.4). Every limit is on unless `unlimited` is spelled.
#ifndef SANSOCKET_CORE_LIMITS_HPP
#define SANSOCKET_CORE_LIMITS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>

namespace sansocket {

/// The spelling of "no limit".
inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// What a connection accepts. A peer that goes over is told so with the close code in brackets.
struct message_limits {
  std::uint64_t frame = unlimited;  ///< payload bytes of one frame (1009); the message's limit binds as well
  /// Payload bytes of one message, all its frames together and inflated if it is compressed (1009). A
  /// compressed message that inflates to more than 20 KiB takes so much memory at once.
  std::uint64_t message = 1024 * 1024;
  std::uint64_t fragments = 16 * 1024;  ///< frames of one message, empty ones included (1008)
};

/// What a handshake accepts. A client that goes over gets 431.
struct head_limits {
  std::size_t bytes = 8 * 1024;  ///< the whole head with its line ends
  std::size_t fields = 64;       ///< field lines
};

}  // namespace sansocket

#endif
