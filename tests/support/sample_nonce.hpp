// A client whose key is the one of the RFC's example (§1.3).
#ifndef SANSOCKET_TESTS_SAMPLE_NONCE_HPP
#define SANSOCKET_TESTS_SAMPLE_NONCE_HPP

#include <algorithm>
#include <string_view>

#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"

namespace sansocket::tests {

/// Gives the nonce of the RFC's example, whose answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.
struct sample_nonce {
  bool operator()(bytes out) const {
    constexpr std::string_view nonce = "the sample nonce";
    std::ranges::copy(bytes_of(std::string_view(nonce)).first(out.size()), out.begin());
    return true;
  }
};
using sample_handshake = basic_client_handshake<sample_nonce, openssl_sha1>;

}  // namespace sansocket::tests

#endif
