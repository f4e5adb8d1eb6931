#include "sansocket/core/role.hpp"

#include <type_traits>

#include "catch.hpp"

using namespace sansocket;

TEST_CASE("role: each end is the other's peer", "[role][1.2]") {
  STATIC_REQUIRE(peer_of(role::server) == role::client);
  STATIC_REQUIRE(peer_of(role::client) == role::server);
  STATIC_REQUIRE(noexcept(peer_of(role::client)));

  CHECK(peer_of(peer_of(role::server)) == role::server);
  CHECK(peer_of(peer_of(role::client)) == role::client);
}

TEST_CASE("role: takes one byte", "[role]") {
  STATIC_REQUIRE(std::is_same_v<std::underlying_type_t<role>, std::uint8_t>);
}
