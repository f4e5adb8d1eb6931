// The two ends of a connection (§1.2).
#ifndef SANSOCKET_CORE_ROLE_HPP
#define SANSOCKET_CORE_ROLE_HPP

#include <cstdint>

namespace sansocket {

/// Which end of the connection this code is.
enum class role : std::uint8_t { server, client };

/// The role of whoever is at the other end.
constexpr role peer_of(role own) noexcept { return own == role::server ? role::client : role::server; }

}  // namespace sansocket

#endif
