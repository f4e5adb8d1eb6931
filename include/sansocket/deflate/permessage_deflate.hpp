// permessage-deflate with zlib, and the connections that can speak it (RFC 7692).
#ifndef SANSOCKET_DEFLATE_PERMESSAGE_DEFLATE_HPP
#define SANSOCKET_DEFLATE_PERMESSAGE_DEFLATE_HPP

#include "sansocket/connection/connection.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/deflate/basic_permessage_deflate.hpp"
#include "sansocket/deflate/deflate_pool.hpp"
#include "sansocket/deflate/zlib.hpp"

namespace sansocket {

/// The settings of many connections, and the streams that they share.
using deflate_pool = basic_deflate_pool<zlib_backend>;

/// The extension of one connection.
template <role Role>
using permessage_deflate = basic_permessage_deflate<Role, zlib_backend>;

/// The policy of a connection that can speak permessage-deflate.
struct deflate_policy : default_policy {
  template <role Role>
  using extension = permessage_deflate<Role>;
};

/// A server's end of a connection, compressed if that was agreed:
///
///     sansocket::deflate_pool pool;  // outlives its connections
///     sansocket::deflate_server_connection ws(agreed, {agreed.deflate(), pool});
using deflate_server_connection = connection<role::server, deflate_policy>;

/// A client's end; using it needs sansocket/crypto/openssl.hpp.
using deflate_client_connection = connection<role::client, deflate_policy>;

}  // namespace sansocket

#endif
