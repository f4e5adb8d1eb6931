#include "sansocket/handshake/accept_key.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::failing_random;
using sansocket::tests::from_hex;

namespace {

bool is_key(std::string_view text) { return is_websocket_key(text_of(exact_buffer(text).view())); }

/// Knows the digest of §4.2.2's example, and keeps what it is asked for.
struct sample_hash {
  std::string hashed;
  int calls = 0;

  bool operator()(const_bytes data, std::span<std::byte, sha1_size> digest) {
    ++calls;
    hashed = text_of(data);
    const std::string known = from_hex("b37a4f2c c0624f16 90f64606 cf385945 b2bec4ea");
    std::ranges::copy(bytes_of(known), digest.begin());
    return true;
  }
};

struct failing_hash {
  bool operator()(const_bytes, std::span<std::byte, sha1_size>) { return false; }
};

static_assert(!is_websocket_key(""));
static_assert(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
static_assert(fixed_text<3>{{'a', 'b', 'c'}}.view() == "abc");

}  // namespace

TEST_CASE("accept_key: answers the RFC's sample key", "[accept_key][4.2.2]") {
  const auto accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
  REQUIRE(accept);
  CHECK(accept->view() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("accept_key: answers other keys, with one hash again and again", "[accept_key][4.2.2]") {
  openssl_sha1 hash;
  CHECK(accept_key("AAECAwQFBgcICQoLDA0ODw==", hash)->view() == "Bz3qJYTGdOe8gUSpLosEdiLKDrk=");
  CHECK(accept_key("AQIDBAUGBwgJCgsMDQ4PEA==", hash)->view() == "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=");
  CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==", hash)->view() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("accept_key: hashes the key as it was sent and the GUID, in one call", "[accept_key][4.2.2]") {
  sample_hash hash;
  const auto accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==", hash);
  CHECK(accept->view() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(hash.hashed == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  CHECK(hash.calls == 1);
}

TEST_CASE("accept_key: takes a hash by type and by reference", "[accept_key]") {
  CHECK(accept_key<sample_hash>("AAAAAAAAAAAAAAAAAAAAAA==")->view() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  sample_hash shared;
  auto reference = std::ref(shared);
  CHECK(accept_key("AAAAAAAAAAAAAAAAAAAAAA==", reference).has_value());
  CHECK(shared.calls == 1);
}

TEST_CASE("accept_key: says that the hash failed", "[accept_key]") {
  CHECK(accept_key<failing_hash>("dGhlIHNhbXBsZSBub25jZQ==").error() == error::hash_failed);
}

TEST_CASE("accept_key: does not hash what is no key", "[accept_key][4.2.1]") {
  sample_hash hash;
  for (const std::string_view text : {"", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x"}) {
    CAPTURE(text);
    const exact_buffer key(text);
    CHECK(accept_key(text_of(key.view()), hash).error() == error::key_malformed);
  }
  CHECK(hash.calls == 0);
}

TEST_CASE("accept_key: a key is the base64 form of 16 bytes, of no other number", "[accept_key][4.2.1]") {
  CHECK(is_key("AAAAAAAAAAAAAAAAAAAAAA=="));
  CHECK(is_key("/////////////////////w=="));
  CHECK(is_key("++++++++++++++++++++++==") == false);  // the last digit's unused bits are not zero
  CHECK_FALSE(is_key(""));
  CHECK_FALSE(is_key("AA=="));
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAA"));          // 15 bytes
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAAA="));      // 17 bytes
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAAAA"));      // 18 bytes
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAAAAAA=="));  // 19 bytes
}

TEST_CASE("accept_key: a key is padded, and nothing foreign is in it", "[accept_key][4.2.1]") {
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAA"));
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAA="));
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAA==="));
  CHECK_FALSE(is_key("AAAAAAAAAA==AAAAAAAAAA=="));
  CHECK_FALSE(is_key("========================"));
  CHECK_FALSE(is_key(" AAAAAAAAAAAAAAAAAAAAA=="));
  CHECK_FALSE(is_key("AAAAAAAAAAAAAAAAAAAAAA==\n"));
  CHECK_FALSE(is_key("AAAA-AAAAAAAAAAAA_AAAA=="));  // the alphabet of RFC 4648 §5
  CHECK_FALSE(is_key(std::string_view("AAAA\0AAAAAAAAAAAAAAAAA==", 24)));
  CHECK_FALSE(
      is_key("AAAA\x80"
             "AAAAAAAAAAAAAAAAA=="));
}

TEST_CASE("accept_key: a key's last digit has its four unused bits zero", "[accept_key][4.2.1]") {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char last : alphabet) {
    CAPTURE(last);
    const std::string key = std::string(21, 'A') + last + "==";
    CHECK(is_key(key) == (std::string_view("AQgw").find(last) != std::string_view::npos));
  }
  // The example key of §4.1, as it is printed there and as its bytes are encoded.
  CHECK_FALSE(is_key("AQIDBAUGBwgJCgsMDQ4PEC=="));
  CHECK(is_key("AQIDBAUGBwgJCgsMDQ4PEA=="));
}

TEST_CASE("accept_key: makes a key of 16 random bytes", "[accept_key][4.1]") {
  std::size_t asked_for = 0;
  auto random = [&](bytes out) {
    asked_for += out.size();
    return counting_random{}(out);
  };
  const auto key = make_websocket_key(random);
  REQUIRE(key);
  CHECK(key->view() == "AAECAwQFBgcICQoLDA0ODw==");
  CHECK(asked_for == 16);
}

TEST_CASE("accept_key: makes a new key each time", "[accept_key][4.1]") {
  counting_random random;
  CHECK(make_websocket_key(random)->view() == "AAECAwQFBgcICQoLDA0ODw==");
  CHECK(make_websocket_key(random)->view() == "EBESExQVFhcYGRobHB0eHw==");

  openssl_random unforeseen;
  const auto first = make_websocket_key(unforeseen);
  const auto second = make_websocket_key(unforeseen);
  CHECK(is_websocket_key(first->view()));
  CHECK(is_websocket_key(second->view()));
  CHECK(first->view() != second->view());
}

TEST_CASE("accept_key: makes no key without entropy", "[accept_key][4.1]") {
  failing_random random;
  CHECK(make_websocket_key(random).error() == error::random_failed);
}
