#include "sansocket/version.hpp"

#include "catch.hpp"

TEST_CASE("version: the parts and the number are one", "[version]") {
  using namespace sansocket;
  STATIC_REQUIRE(version_major * 10'000 + version_minor * 100 + version_patch == SANSOCKET_VERSION);
}
