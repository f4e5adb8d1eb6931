// A handshake views its options, so they cannot be a temporary.
#include "sansocket/handshake/server.hpp"

struct hash {
  bool operator()(sansocket::const_bytes, std::span<std::byte, sansocket::sha1_size>) { return true; }
};

int main() {
#ifdef SHOULD_FAIL
  const sansocket::basic_server_handshake<hash> handshake{sansocket::server_options{}};
#else
  const sansocket::server_options options;
  const sansocket::basic_server_handshake<hash> handshake{options};
#endif
  return handshake.accepted() ? 1 : 0;
}
