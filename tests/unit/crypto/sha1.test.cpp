#include "sansocket/crypto/sha1.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>

#include "catch.hpp"

using namespace sansocket;

namespace {

/// A hash of the wrong value, which is all that this test needs.
struct constant_hash {
  std::byte value{};
  bool operator()(const_bytes, std::span<std::byte, sha1_size> digest) const {
    std::ranges::fill(digest, value);
    return true;
  }
};

bool hash_function(const_bytes, std::span<std::byte, sha1_size>) { return false; }

struct returns_nothing {
  void operator()(const_bytes, std::span<std::byte, sha1_size>) const {}
};

struct returns_a_number {
  int operator()(const_bytes, std::span<std::byte, sha1_size>) const { return 1; }
};

struct other_size {
  bool operator()(const_bytes, std::span<std::byte, 32>) const { return true; }
};

}  // namespace

TEST_CASE("sha1: a digest has 20 bytes", "[sha1][4.2.2]") { STATIC_REQUIRE(sha1_size == 20); }

TEST_CASE("sha1: a hash is whatever can be called with data and room for the digest", "[sha1]") {
  STATIC_REQUIRE(sha1_hash<constant_hash>);
  STATIC_REQUIRE(sha1_hash<const constant_hash>);
  STATIC_REQUIRE(sha1_hash<decltype(hash_function)>);
  STATIC_REQUIRE(sha1_hash<decltype(&hash_function)>);
  STATIC_REQUIRE(sha1_hash<std::function<bool(const_bytes, std::span<std::byte, sha1_size>)>>);
  const std::function<bool(const_bytes, std::span<std::byte, sha1_size>)> stored(hash_function);
  std::array<std::byte, sha1_size> digest{};
  CHECK_FALSE(stored(const_bytes{}, digest));
  const auto lambda = [](const_bytes, std::span<std::byte, sha1_size>) { return true; };
  STATIC_REQUIRE(sha1_hash<decltype(lambda)>);
}

TEST_CASE("sha1: a hash says whether it succeeded and fills 20 bytes", "[sha1]") {
  STATIC_REQUIRE_FALSE(sha1_hash<returns_nothing>);
  STATIC_REQUIRE_FALSE(sha1_hash<returns_a_number>);
  STATIC_REQUIRE_FALSE(sha1_hash<other_size>);
  STATIC_REQUIRE_FALSE(sha1_hash<int>);
}

TEST_CASE("sha1: a reference to a shared hash is a hash", "[sha1]") {
  STATIC_REQUIRE(sha1_hash<std::reference_wrapper<constant_hash>>);
  constant_hash shared;
  std::reference_wrapper<constant_hash> reference = std::ref(shared);
  shared.value = std::byte{7};
  std::array<std::byte, sha1_size> digest{};
  CHECK(reference(const_bytes{}, digest));
  CHECK(digest[19] == std::byte{7});
}
