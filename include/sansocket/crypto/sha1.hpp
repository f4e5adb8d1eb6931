// What the handshake needs of SHA-1 (§4.2.2, RFC 3174).
#ifndef SANSOCKET_CRYPTO_SHA1_HPP
#define SANSOCKET_CRYPTO_SHA1_HPP

#include <concepts>
#include <cstddef>
#include <span>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

inline constexpr std::size_t sha1_size = 20;

/// Computes a digest in one call: `hash(data, digest)`; false if it could not.
/// std::reference_wrapper of a hash is one too: so many handshakes share one.
template <class Hash>
concept sha1_hash = requires(Hash& hash, const_bytes data, std::span<std::byte, sha1_size> digest) {
  { hash(data, digest) } -> std::same_as<bool>;
};

/// The default; sansocket/crypto/openssl.hpp defines it and alone needs OpenSSL.
class openssl_sha1;

}  // namespace sansocket

#endif
