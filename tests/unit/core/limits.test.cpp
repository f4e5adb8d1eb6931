#include "sansocket/core/limits.hpp"

#include "catch.hpp"

using namespace sansocket;

TEST_CASE("limits: what a peer can make this end hold is bounded from the start", "[limits][10.4]") {
  constexpr message_limits messages;
  STATIC_REQUIRE(messages.message == 1'048'576);
  STATIC_REQUIRE(messages.fragments == 16'384);
  // The message's limit binds every frame, so the frame's own may be off.
  STATIC_REQUIRE(messages.frame == unlimited);
  STATIC_REQUIRE(messages.message < unlimited);

  constexpr head_limits head;
  STATIC_REQUIRE(head.bytes == 8192);
  STATIC_REQUIRE(head.fields == 64);
}

TEST_CASE("limits: unlimited is more than any length on the wire", "[limits][5.2]") {
  STATIC_REQUIRE(unlimited == 0xFFFF'FFFF'FFFF'FFFF);
}

TEST_CASE("limits: each is set by its name", "[limits]") {
  constexpr message_limits messages{.frame = 1, .message = 2, .fragments = 3};
  STATIC_REQUIRE((messages.frame == 1 && messages.message == 2 && messages.fragments == 3));
  constexpr head_limits head{.bytes = 4, .fields = 5};
  STATIC_REQUIRE((head.bytes == 4 && head.fields == 5));
}
