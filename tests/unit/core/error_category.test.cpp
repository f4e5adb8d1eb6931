#include "sansocket/core/error_category.hpp"

#include <string>
#include <system_error>
#include <type_traits>

#include "catch.hpp"

using namespace sansocket;

TEST_CASE("error_category: an error becomes a std::error_code by itself", "[error_category]") {
  STATIC_REQUIRE(std::is_error_code_enum_v<error>);
  const std::error_code code = error::mask_missing;
  CHECK(code.value() == static_cast<int>(error::mask_missing));
  CHECK(&code.category() == &error_category());
  CHECK(code == make_error_code(error::mask_missing));
  CHECK(code == error::mask_missing);
  CHECK(code != error::mask_forbidden);
}

TEST_CASE("error_category: none is success, all else is failure", "[error_category]") {
  CHECK_FALSE(static_cast<bool>(make_error_code(error::none)));
  for (int value = 1; value <= static_cast<int>(error::hash_failed); ++value) {
    CAPTURE(value);
    CHECK(static_cast<bool>(make_error_code(static_cast<error>(value))));
  }
}

TEST_CASE("error_category: has one name and one instance", "[error_category]") {
  CHECK(std::string(error_category().name()) == "sansocket");
  CHECK(error_category() == error_category());
  CHECK(error_category() != std::generic_category());
  CHECK(make_error_code(error::would_block) !=
        std::error_code(static_cast<int>(error::would_block), std::generic_category()));
}

TEST_CASE("error_category: the message ends with the clause that was broken", "[error_category]") {
  CHECK(make_error_code(error::control_fragmented).message() == "a control frame is fragmented (RFC 6455 §5.5)");
  CHECK(make_error_code(error::origin_refused).message() == "this origin is not let in (RFC 6455 §4.2.2)");
}

TEST_CASE("error_category: the message is bare where no clause is broken", "[error_category]") {
  CHECK(make_error_code(error::none).message() == "no error");
  CHECK(make_error_code(error::sent_too_much).message() == "more was reported sent than there was to send");
}

TEST_CASE("error_category: a value that is no error is said to be unknown", "[error_category]") {
  CHECK(error_category().message(static_cast<int>(error::hash_failed) + 1) == "unknown error");
  CHECK(error_category().message(255) == "unknown error");
  CHECK(error_category().message(-1) == "unknown error");
}

TEST_CASE("error_category: a value beyond the enumeration's range is not taken for one within it", "[error_category]") {
  CHECK(error_category().message(256) == "unknown error");
  CHECK(error_category().message(256 + static_cast<int>(error::mask_missing)) == "unknown error");
}
