#include "sansocket/core/result.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using namespace sansocket;

namespace {

constexpr result<int> half(int number) {
  if (number % 2 != 0) return error::base64_malformed;
  return number / 2;
}

struct point {
  int x = 0;
  int y = 0;
};

}  // namespace

TEST_CASE("result: holds a value and no error", "[result]") {
  STATIC_REQUIRE(half(8).has_value());
  STATIC_REQUIRE(static_cast<bool>(half(8)));
  STATIC_REQUIRE(*half(8) == 4);
  STATIC_REQUIRE(half(8).error() == error::none);
  STATIC_REQUIRE(half(8).value_or(-1) == 4);
}

TEST_CASE("result: or an error and a default-made value", "[result]") {
  STATIC_REQUIRE_FALSE(half(7).has_value());
  STATIC_REQUIRE_FALSE(static_cast<bool>(half(7)));
  STATIC_REQUIRE(half(7).error() == error::base64_malformed);
  STATIC_REQUIRE(*half(7) == 0);
  STATIC_REQUIRE(half(7).value_or(-1) == -1);
}

TEST_CASE("result: a default-made value is a value", "[result]") {
  STATIC_REQUIRE(half(0).has_value());
  STATIC_REQUIRE(result<bool>(false).has_value());
  STATIC_REQUIRE(result<bool>(false).error() == error::none);
}

TEST_CASE("result: the value can be reached and changed in place", "[result]") {
  result<point> where(point{1, 2});
  where->x = 5;
  (*where).y = 6;
  const result<point>& seen = where;
  CHECK(seen->x == 5);
  CHECK((*seen).y == 6);
}

TEST_CASE("result: is not taken for a number by accident", "[result]") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<result<int>, bool>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<result<int>, int>);
}

TEST_CASE("result: values are moved in and out", "[result]") {
  result<std::unique_ptr<int>> owner(std::make_unique<int>(7));
  REQUIRE(owner);
  const std::unique_ptr<int> taken = std::move(*owner);
  CHECK(*taken == 7);

  const result<std::string> text(std::string("long enough to lie on the heap, surely"));
  CHECK(text.value_or("other") == "long enough to lie on the heap, surely");
  CHECK(result<std::string>(error::closing).value_or("other") == "other");
}

TEST_CASE("partial: is complete, short or failed, one at a time", "[result]") {
  constexpr partial<int> complete(5);
  STATIC_REQUIRE(complete.complete());
  STATIC_REQUIRE_FALSE(complete.failed());
  STATIC_REQUIRE(complete.missing() == 0);
  STATIC_REQUIRE(complete.error() == error::none);
  STATIC_REQUIRE(*complete == 5);

  constexpr partial<int> short_of = partial<int>::need_more(3);
  STATIC_REQUIRE_FALSE(short_of.complete());
  STATIC_REQUIRE_FALSE(short_of.failed());
  STATIC_REQUIRE(short_of.missing() == 3);
  STATIC_REQUIRE(short_of.error() == error::none);
  STATIC_REQUIRE(*short_of == 0);

  constexpr partial<int> failed(error::field_malformed);
  STATIC_REQUIRE_FALSE(failed.complete());
  STATIC_REQUIRE(failed.failed());
  STATIC_REQUIRE(failed.missing() == 0);
  STATIC_REQUIRE(failed.error() == error::field_malformed);
  STATIC_REQUIRE(*failed == 0);
}

TEST_CASE("partial: the value can be reached and changed in place", "[result]") {
  partial<point> where(point{1, 2});
  where->x = 5;
  (*where).y = 6;
  const partial<point>& seen = where;
  CHECK(seen->x == 5);
  CHECK((*seen).y == 6);
}
