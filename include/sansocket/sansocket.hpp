// Everything: the defaults of the handshakes and of clients come from OpenSSL.
#ifndef SANSOCKET_SANSOCKET_HPP
#define SANSOCKET_SANSOCKET_HPP

#include "sansocket/codec/describe.hpp"
#include "sansocket/connection/connection.hpp"
#include "sansocket/core/error_category.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"
#include "sansocket/session/backoff.hpp"
#include "sansocket/session/connection_limiter.hpp"
#include "sansocket/session/watchdog.hpp"
#include "sansocket/version.hpp"

#endif
