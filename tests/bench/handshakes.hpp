// Keys and requests for the benchmarks of the opening handshake.
#ifndef SANSOCKET_TESTS_BENCH_HANDSHAKES_HPP
#define SANSOCKET_TESTS_BENCH_HANDSHAKES_HPP

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Keys of 16 bytes in base64; the first is the one in §1.3.
inline std::vector<std::string> websocket_keys(std::size_t count) {
  std::vector<std::string> keys{"dGhlIHNhbXBsZSBub25jZQ=="};
  std::mt19937_64 random(3);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same keys in every run
  while (keys.size() < count) {
    std::array<unsigned char, 16> nonce{};
    for (unsigned char& byte : nonce) byte = static_cast<unsigned char>(random());
    std::array<unsigned char, 25> text{};
    EVP_EncodeBlock(text.data(), nonce.data(), static_cast<int>(nonce.size()));
    keys.emplace_back(text.begin(), text.end() - 1);
  }
  return keys;
}

/// The answer to a key by two calls of OpenSSL, which do not look at the key.
inline std::array<char, 28> accept_by_openssl(std::string_view key) {
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 24 + guid.size()> text{};
  for (std::size_t i = 0; i < 24; ++i) text[i] = static_cast<unsigned char>(key[i]);
  for (std::size_t i = 0; i < guid.size(); ++i) text[24 + i] = static_cast<unsigned char>(guid[i]);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(text.data(), text.size(), digest.data());
  std::array<unsigned char, 29> encoded{};
  EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
  std::array<char, 28> accept{};
  for (std::size_t i = 0; i < accept.size(); ++i) accept[i] = static_cast<char>(encoded[i]);
  return accept;
}

/// §1.3: the key "dGhlIHNhbXBsZSBub25jZQ==" is answered so.
inline constexpr std::string_view first_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// As much as the RFC asks for.
inline std::string minimal_head(const std::string& key) {
  return "GET /chat HTTP/1.1\r\n"
         "Host: server.example.com\r\n"
         "Upgrade: websocket\r\n"
         "Connection: Upgrade\r\n"
         "Sec-WebSocket-Key: " +
         key +
         "\r\n"
         "Sec-WebSocket-Version: 13\r\n"
         "\r\n";
}

/// What browsers send, about 620 bytes.
inline std::string browser_head(const std::string& key) {
  return "GET /live/chat?room=17&lang=en HTTP/1.1\r\n"
         "Host: server.example.com\r\n"
         "Connection: Upgrade\r\n"
         "Pragma: no-cache\r\n"
         "Cache-Control: no-cache\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
         "Safari/537.36\r\n"
         "Upgrade: websocket\r\n"
         "Origin: https://server.example.com\r\n"
         "Sec-WebSocket-Version: 13\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
         "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; layout=wide; seen=1718000000\r\n"
         "Sec-WebSocket-Key: " +
         key +
         "\r\n"
         "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
         "\r\n";
}

#endif
