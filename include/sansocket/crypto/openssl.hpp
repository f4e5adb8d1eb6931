// SHA-1 and random bytes from OpenSSL: the defaults (1.1.1 and later).
#ifndef SANSOCKET_CRYPTO_OPENSSL_HPP
#define SANSOCKET_CRYPTO_OPENSSL_HPP

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <span>

#include "sansocket/core/bytes.hpp"
#include "sansocket/crypto/random.hpp"
#include "sansocket/crypto/sha1.hpp"

namespace sansocket {

/// SHA-1 by OpenSSL. Digest and context are fetched on first use and kept: share one object among
/// the handshakes of a thread (std::ref) where many are made.
class openssl_sha1 {
 public:
  /// Gives: false if OpenSSL refuses, as it may in a build without SHA-1.
  bool operator()(const_bytes data, std::span<std::byte, sha1_size> digest) {
    if (!context_) context_.reset(EVP_MD_CTX_new());
    if (!digest_) digest_.reset(fetch());
    return context_ && digest_ && EVP_DigestInit_ex(context_.get(), digest_.get(), nullptr) == 1 &&
           EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1 &&
           EVP_DigestFinal_ex(context_.get(), octets(digest.data()), nullptr) == 1;
  }

 private:
  static unsigned char* octets(std::byte* at) noexcept { return static_cast<unsigned char*>(static_cast<void*>(at)); }

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  using digest_type = EVP_MD;
  static EVP_MD* fetch() { return EVP_MD_fetch(nullptr, "SHA1", nullptr); }
  static void drop(EVP_MD* digest) { EVP_MD_free(digest); }
#else
  using digest_type = const EVP_MD;
  static const EVP_MD* fetch() { return EVP_sha1(); }
  static void drop(const EVP_MD*) {}
#endif

  struct deleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    void operator()(digest_type* digest) const { drop(digest); }
  };

  std::unique_ptr<EVP_MD_CTX, deleter> context_;
  std::unique_ptr<digest_type, deleter> digest_;
};

/// OpenSSL's CSPRNG, drawn from in bulk: drawing each masking key by itself costs a hundred times
/// more. What was handed out is wiped. A copy of the process must not go on with the parent's object.
class openssl_random {
 public:
  openssl_random() = default;
  openssl_random(openssl_random&& other) noexcept { *this = std::move(other); }
  openssl_random& operator=(openssl_random&& other) noexcept {
    if (this != &other) {
      drawn_ = other.drawn_;
      left_ = other.left_;
      other.wipe();
    }
    return *this;
  }
  ~openssl_random() { wipe(); }

  /// Gives: false if OpenSSL has no entropy.
  bool operator()(bytes out) {
    if (out.empty()) return true;
    if (out.size() > drawn_.size()) return draw(out);
    if (out.size() > left_) {
      if (!draw(drawn_)) return false;
      left_ = drawn_.size();
    }
    left_ -= out.size();
    const bytes next = bytes(drawn_).subspan(left_, out.size());
    std::memcpy(out.data(), next.data(), next.size());
    wipe(next);
    return true;
  }

 private:
  static bool draw(bytes out) {
    if (out.size() > std::numeric_limits<int>::max()) return false;
    return RAND_bytes(static_cast<unsigned char*>(static_cast<void*>(out.data())), static_cast<int>(out.size())) == 1;
  }

  void wipe() noexcept {
    wipe(drawn_);
    left_ = 0;
  }

  /// Inline, where OPENSSL_cleanse would cost more than the rest; the compiler may not leave it out.
  static void wipe(bytes used) noexcept {
    std::memset(used.data(), 0, used.size());
    __asm__ __volatile__("" : : "r"(used.data()) : "memory");
  }

  std::array<std::byte, 2048> drawn_;
  std::size_t left_ = 0;  // the first left_ bytes of drawn_ are fresh
};

}  // namespace sansocket

#endif
