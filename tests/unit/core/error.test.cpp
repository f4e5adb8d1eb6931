#include "sansocket/core/error.hpp"

#include <type_traits>

#include "catch.hpp"

using namespace sansocket;

TEST_CASE("error: takes one byte and zero is no error", "[error]") {
  STATIC_REQUIRE(std::is_same_v<std::underlying_type_t<error>, std::uint8_t>);
  // std::error_code takes zero for success.
  STATIC_REQUIRE(static_cast<int>(error::none) == 0);
  STATIC_REQUIRE(error{} == error::none);
}

TEST_CASE("error: the groups follow each other without a gap", "[error]") {
  const auto gap = [](error last, error next) { return static_cast<int>(next) - static_cast<int>(last) - 1; };
  CHECK(gap(error::none, error::reserved_bits_set) == 0);
  CHECK(gap(error::connection_cut, error::head_too_large) == 0);
  CHECK(gap(error::head_cut, error::method_not_get) == 0);
  CHECK(gap(error::refused_by_application, error::status_not_101) == 0);
  CHECK(gap(error::redirect_insecure, error::deflate_parameter_unknown) == 0);
  CHECK(gap(error::deflate_takeover_refused, error::compressed_data_invalid) == 0);
  CHECK(gap(error::compressed_ratio_too_high, error::base64_malformed) == 0);
  CHECK(gap(error::uri_port_invalid, error::would_block) == 0);
  CHECK(gap(error::response_written, error::out_of_memory) == 0);
}
