// The proof of who someone is: "name.expiry.signature", made at sign-in and checked before the upgrade.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_TOKEN_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_TOKEN_HPP

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sansocket/codec/base64.hpp"
#include "server/user_name.hpp"

namespace chat {

namespace detail {

/// Base64 for URLs and cookies: - and _ for + and /, and no padding (RFC 4648 §5).
inline std::string encode_base64url(sansocket::const_bytes data) {
  std::string text(sansocket::base64_encoded_size(data.size()), '\0');
  text.resize(sansocket::encode_base64(data, text).size());
  text.erase(std::ranges::find(text, '='), text.end());
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

/// Gives: false if the text is not what encode_base64url gives for some bytes.
inline bool decode_base64url(std::string_view text, std::string& data) {
  if (text.find_first_of("+/=") != std::string_view::npos) return false;
  std::string padded(text);
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - (padded.size() % 4)) % 4, '=');
  data.resize(padded.size() / 4 * 3);
  const auto size = sansocket::decode_base64(padded, sansocket::bytes_of(data));
  data.resize(size ? *size : 0);
  return size.has_value();
}

}  // namespace detail

enum class token_fault : std::uint8_t { none, missing, malformed, forged, expired };

/// Why a token does not count, for the one who sent it. Whether the signature or the form is wrong, it need
/// not say.
constexpr std::string_view name(token_fault fault) noexcept {
  switch (fault) {
    case token_fault::none: return "the token is good";
    case token_fault::missing: return "there is no token: sign in first";
    case token_fault::malformed:
    case token_fault::forged: return "this is no token of this server: sign in again";
    case token_fault::expired: return "the token has expired: sign in again";
  }
  return "";
}

/// Who has shown a token.
struct token_verdict {
  std::string user;
  token_fault fault = token_fault::none;
};

/// Makes and checks tokens. Times are seconds since 1970.
class token_signer {
 public:
  static constexpr std::int64_t lifetime = 86'400;

  /// Takes: a secret that nobody else knows, 32 bytes or more. Nodes that share it share their users.
  explicit token_signer(std::vector<std::byte> secret) : secret_(std::move(secret)) {}

  std::string make(std::string_view user, std::int64_t expiry) const {
    const std::string token = detail::encode_base64url(sansocket::bytes_of(user)) + '.' + std::to_string(expiry);
    return token + '.' + sign(token);
  }

  token_verdict check(std::string_view token, std::int64_t now) const {
    if (token.empty()) return {{}, token_fault::missing};
    const std::size_t last = token.rfind('.');
    const std::size_t first = token.find('.');
    if (first == last) return {{}, token_fault::malformed};
    const std::string_view signed_part = token.substr(0, last);
    const std::string expected = sign(signed_part);
    const std::string_view shown = token.substr(last + 1);
    // In constant time: otherwise the time tells how much of a guess was right.
    if (shown.size() != expected.size() || CRYPTO_memcmp(shown.data(), expected.data(), shown.size()) != 0) {
      return {{}, token_fault::forged};
    }
    const std::string_view digits = signed_part.substr(first + 1);
    std::int64_t expiry = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), expiry);
    if (fault != std::errc() || end != digits.data() + digits.size()) return {{}, token_fault::malformed};
    token_verdict verdict;
    if (!detail::decode_base64url(signed_part.substr(0, first), verdict.user) || !is_user_name(verdict.user)) {
      return {{}, token_fault::malformed};
    }
    if (expiry <= now) return {{}, token_fault::expired};
    return verdict;
  }

 private:
  std::string sign(std::string_view text) const {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const auto* data = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), data, text.size(), digest.data(), &size);
    return detail::encode_base64url(std::as_bytes(std::span(digest).first(size)));
  }

  std::vector<std::byte> secret_;
};

}  // namespace chat

#endif
