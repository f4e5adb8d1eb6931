#include "sansocket/crypto/openssl.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::to_hex;

namespace {

std::string digest_of(openssl_sha1& hash, std::string_view data) {
  const exact_buffer input(data);
  exact_buffer digest(sha1_size);
  REQUIRE(hash(std::as_const(input).view(), digest.view().first<sha1_size>()));
  return to_hex(digest.view());
}

std::string draw(openssl_random& random, std::size_t size) {
  exact_buffer out(size);
  REQUIRE(random(out.view()));
  return out.text();
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// How many bytes are drawn at once; no test depends on it, but the sizes tried lie around it.
constexpr std::size_t pool = 1024;

}  // namespace

TEST_CASE("openssl_sha1: is a hash", "[openssl][sha1]") {
  STATIC_REQUIRE(sha1_hash<openssl_sha1>);
  STATIC_REQUIRE(sha1_hash<std::reference_wrapper<openssl_sha1>>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<openssl_sha1>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<openssl_sha1>);
}

TEST_CASE("openssl_sha1: gives the digests of RFC 3174, one context for all", "[openssl][sha1]") {
  // RFC 3174 §7.3, TEST1 to TEST4; the second round shows that nothing stays behind in the context.
  openssl_sha1 hash;
  for (int round = 0; round < 2; ++round) {
    CHECK(digest_of(hash, "abc") == "a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d");
    CHECK(digest_of(hash, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "84 98 3e 44 1c 3b d2 6e ba ae 4a a1 f9 51 29 e5 e5 46 70 f1");
    CHECK(digest_of(hash, std::string(1'000'000, 'a')) ==
          "34 aa 97 3c d4 c4 da a4 f6 1e eb 2b db ad 27 31 65 34 01 6f");
    CHECK(digest_of(hash, repeated("0123456701234567012345670123456701234567012345670123456701234567", 10)) ==
          "de a3 56 a2 cd dd 90 c7 a7 ec ed c5 eb b5 63 93 4f 46 04 52");
  }
}

TEST_CASE("openssl_sha1: gives the digest of nothing", "[openssl][sha1]") {
  openssl_sha1 hash;
  CHECK(digest_of(hash, "") == "da 39 a3 ee 5e 6b 4b 0d 32 55 bf ef 95 60 18 90 af d8 07 09");
  std::array<std::byte, sha1_size> digest{};
  CHECK(hash({}, digest));
  CHECK(to_hex(digest).starts_with("da 39 a3 ee"));
}

TEST_CASE("openssl_sha1: gives the answer of the RFC's handshake", "[openssl][sha1][4.2.2]") {
  openssl_sha1 hash;
  CHECK(digest_of(hash, "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11") ==
        "b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea");
}

TEST_CASE("openssl_sha1: goes on after a move, at both ends", "[openssl][sha1]") {
  openssl_sha1 hash;
  const std::string expected = digest_of(hash, "abc");
  openssl_sha1 target(std::move(hash));
  CHECK(digest_of(target, "abc") == expected);
  CHECK(digest_of(hash, "abc") == expected);
  hash = std::move(target);
  CHECK(digest_of(hash, "abc") == expected);
}

TEST_CASE("openssl_random: is a source, and is not copied", "[openssl][random]") {
  STATIC_REQUIRE(random_source<openssl_random>);
  STATIC_REQUIRE(random_source<std::reference_wrapper<openssl_random>>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<openssl_random>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<openssl_random>);
  // Two objects with one pool would give the same keys.
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<openssl_random>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<openssl_random>);
}

// Invariant: no draw repeats, across refills of the pool too. Of 2^128 values two are never the same by chance.
TEST_CASE("openssl_random: every draw is another one", "[openssl][random][5.3]") {
  openssl_random random;
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    if (!seen.insert(draw(random, 16)).second) FAIL("draw " << i << " came before");
  }
  CHECK(seen.count(std::string(16, '\0')) == 0);
}

TEST_CASE("openssl_random: two sources give different bytes", "[openssl][random][10.3]") {
  openssl_random one;
  openssl_random other;
  CHECK(draw(one, 16) != draw(other, 16));
  CHECK(draw(one, 16) != draw(other, 16));
}

TEST_CASE("openssl_random: masking keys are not all alike", "[openssl][random][5.3]") {
  openssl_random random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(draw(random, 4));
  // Among a thousand values of 32 bits, ten pairs of equals do not happen.
  CHECK(seen.size() > 990);
}

TEST_CASE("openssl_random: fills everything that it is given, around the size of its pool", "[openssl][random]") {
  openssl_random random;
  for (const std::size_t size : {pool - 1, pool, pool + 1, 4 * pool, std::size_t{100'000}, std::size_t{16}}) {
    CAPTURE(size);
    // A byte that is zero in eight draws was not written.
    std::string combined(size, '\0');
    for (int i = 0; i < 8; ++i) {
      const std::string drawn = draw(random, size);
      std::ranges::transform(combined, drawn, combined.begin(),
                             [](char a, char b) { return static_cast<char>(a | b); });
    }
    CHECK(std::ranges::count(combined, '\0') == 0);
  }
}

TEST_CASE("openssl_random: odd sizes leave no repetition at the pool's edge", "[openssl][random][5.3]") {
  openssl_random random;
  std::string stream;
  for (const std::size_t size : {std::size_t{700}, std::size_t{700}, pool, std::size_t{3}, pool - 3, 2 * pool})
    stream += draw(random, size);
  // No sixteen bytes of the stream come twice.
  std::set<std::string> windows;
  for (std::size_t i = 0; i + 16 <= stream.size(); ++i) {
    if (!windows.insert(stream.substr(i, 16)).second) FAIL("repeated at " << i);
  }
}

TEST_CASE("openssl_random: an empty request succeeds", "[openssl][random]") {
  openssl_random random;
  CHECK(random(bytes{}));
  CHECK(draw(random, 4).size() == 4);
  CHECK(random(bytes{}));
}

TEST_CASE("openssl_random: a move takes the pool along and leaves none of it", "[openssl][random][5.3]") {
  openssl_random source;
  (void)draw(source, 8);
  openssl_random target(std::move(source));
  CHECK(draw(target, 16) != draw(source, 16));

  openssl_random assigned;
  (void)draw(assigned, 8);
  assigned = std::move(target);
  CHECK(draw(assigned, 16) != draw(target, 16));

  openssl_random& itself = assigned;
  assigned = std::move(itself);
  CHECK(draw(assigned, 16) != draw(assigned, 16));
}

TEST_CASE("openssl_random: what was handed out, moved or left is not kept in memory", "[openssl][random][10.3]") {
  // The object lies in this block, so that its bytes can be looked at.
  const auto seen_in = [](const std::byte* memory, std::string_view what) {
    return std::string_view(static_cast<const char*>(static_cast<const void*>(memory)), sizeof(openssl_random))
               .find(what) != std::string_view::npos;
  };
  alignas(openssl_random) std::array<std::byte, sizeof(openssl_random)> memory{};
  auto* random = ::new (memory.data()) openssl_random;
  const std::string drawn = draw(*random, 16);
  CHECK_FALSE(seen_in(memory.data(), drawn));

  // What comes next is in the pool now, and after a move it is not.
  const std::string_view object(static_cast<const char*>(static_cast<const void*>(memory.data())), memory.size());
  openssl_random target(std::move(*random));
  const std::string next = draw(target, 16);
  CHECK(object.find(next) == std::string_view::npos);
  random->~openssl_random();
}
