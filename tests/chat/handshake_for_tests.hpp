// An agreement, which only a handshake that was accepted makes.
#ifndef SANSOCKET_TESTS_CHAT_HANDSHAKE_FOR_TESTS_HPP
#define SANSOCKET_TESTS_CHAT_HANDSHAKE_FOR_TESTS_HPP

#include <array>

#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/upgrade.hpp"

inline sansocket::agreement accepted_upgrade() {
  static constexpr std::array fields{sansocket::field{"Host", "localhost"}, sansocket::field{"Upgrade", "websocket"},
                                     sansocket::field{"Connection", "Upgrade"},
                                     sansocket::field{"Sec-WebSocket-Version", "13"},
                                     sansocket::field{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return *sansocket::check_upgrade("GET", "HTTP/1.1", "/chat", fields).agreement();
}

#endif
