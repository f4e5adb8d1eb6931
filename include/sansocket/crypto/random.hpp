// What masking keys and nonces are drawn from (§5.3, §10.3).
#ifndef SANSOCKET_CRYPTO_RANDOM_HPP
#define SANSOCKET_CRYPTO_RANDOM_HPP

#include <concepts>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// Fills bytes with what nobody can predict: `random(out)`; false if it could not.
/// §10.3: "Clients MUST choose a new masking key for each frame, using an algorithm that cannot be
/// predicted by end applications that provide data".
/// std::reference_wrapper of a source is one too: so many connections share one.
template <class Random>
concept random_source = requires(Random& random, bytes out) {
  { random(out) } -> std::same_as<bool>;
};

/// The default; sansocket/crypto/openssl.hpp defines it and alone needs OpenSSL.
class openssl_random;

}  // namespace sansocket

#endif
