// Sec-WebSocket-Key and the Sec-WebSocket-Accept that answers it (§1.3, §4.2.2).
#ifndef SANSOCKET_HANDSHAKE_ACCEPT_KEY_HPP
#define SANSOCKET_HANDSHAKE_ACCEPT_KEY_HPP

#include <array>
#include <cstddef>
#include <string_view>

#include "sansocket/codec/base64.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/crypto/random.hpp"
#include "sansocket/crypto/sha1.hpp"

namespace sansocket {

/// Characters of a fixed number, held in place.
template <std::size_t Size>
struct fixed_text {
  std::array<char, Size> characters{};

  constexpr std::string_view view() const noexcept { return {characters.data(), Size}; }
};

using websocket_key = fixed_text<24>;     ///< a Sec-WebSocket-Key
using websocket_accept = fixed_text<28>;  ///< a Sec-WebSocket-Accept

/// Says whether a text can be a Sec-WebSocket-Key.
/// Gives:  true for the canonical base64 form of 16 bytes.
/// Source: §4.2.1: "a base64-encoded value that, when decoded, is 16 bytes in length"
constexpr bool is_websocket_key(std::string_view text) noexcept {
  if (text.size() != websocket_key{}.characters.size()) return false;
  std::array<std::byte, 18> nonce{};
  const auto size = decode_base64(text, nonce);
  return size && *size == 16;
}

/// Draws a Sec-WebSocket-Key.
/// Errors: random_failed.
/// Source: §4.1: "The nonce MUST be selected randomly for each connection".
template <random_source Random>
result<websocket_key> make_websocket_key(Random& random) {
  std::array<std::byte, 16> nonce{};
  if (!random(bytes(nonce))) return error::random_failed;
  websocket_key key;
  encode_base64(nonce, key.characters);
  return key;
}

/// Computes the Sec-WebSocket-Accept that answers a key.
/// Takes:  a key as it was sent; openssl_sha1 needs sansocket/crypto/openssl.hpp.
/// Errors: key_malformed, hash_failed.
/// Cost:   one SHA-1 of 60 bytes; no allocation but the hash's own.
/// Source: §4.2.2, step 5.4.
template <sha1_hash Hash>
result<websocket_accept> accept_key(std::string_view key, Hash& hash) {
  if (!is_websocket_key(key)) return error::key_malformed;
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<char, 24 + guid.size()> text{};
  key.copy(text.data(), key.size());
  guid.copy(&text[key.size()], guid.size());

  std::array<std::byte, sha1_size> digest{};
  if (!hash(const_bytes(bytes_of(text)), std::span(digest))) return error::hash_failed;
  websocket_accept accept;
  encode_base64(digest, accept.characters);
  return accept;
}

template <class Hash = openssl_sha1>
result<websocket_accept> accept_key(std::string_view key) {
  static_assert(detail::complete<Hash>, "include sansocket/crypto/openssl.hpp or name a hash of your own");
  Hash hash;
  return accept_key(key, hash);
}

}  // namespace sansocket

#endif
