#include "sansocket/crypto/random.hpp"

#include <array>
#include <cstddef>
#include <functional>

#include "catch.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::failing_random;

namespace {

bool random_function(bytes) { return false; }

struct returns_nothing {
  void operator()(bytes) {}
};

struct returns_a_number {
  unsigned operator()(bytes) { return 4; }
};

struct takes_nothing {
  bool operator()() { return true; }
};

}  // namespace

TEST_CASE("random: a source is whatever fills bytes and says whether it could", "[random][10.3]") {
  STATIC_REQUIRE(random_source<counting_random>);
  STATIC_REQUIRE(random_source<failing_random>);
  STATIC_REQUIRE(random_source<decltype(random_function)>);
  STATIC_REQUIRE(random_source<std::function<bool(bytes)>>);
  const std::function<bool(bytes)> stored(random_function);
  CHECK_FALSE(stored(bytes{}));
  const auto lambda = [](bytes) { return true; };
  STATIC_REQUIRE(random_source<decltype(lambda)>);
}

TEST_CASE("random: what cannot fail, or makes no bytes, is no source", "[random][10.3]") {
  STATIC_REQUIRE_FALSE(random_source<returns_nothing>);
  STATIC_REQUIRE_FALSE(random_source<returns_a_number>);
  STATIC_REQUIRE_FALSE(random_source<takes_nothing>);
  STATIC_REQUIRE_FALSE(random_source<int (*)()>);
  // A source changes with every draw.
  STATIC_REQUIRE_FALSE(random_source<const counting_random>);
}

TEST_CASE("random: a reference to a shared source is a source", "[random]") {
  STATIC_REQUIRE(random_source<std::reference_wrapper<counting_random>>);
  counting_random shared;
  std::reference_wrapper<counting_random> one = std::ref(shared);
  std::reference_wrapper<counting_random> other = std::ref(shared);
  std::array<std::byte, 4> key{};
  CHECK(one(key));
  CHECK(tests::to_hex(key) == "00 01 02 03");
  CHECK(other(key));
  CHECK(tests::to_hex(key) == "04 05 06 07");
}
