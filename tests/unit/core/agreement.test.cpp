#include "sansocket/core/agreement.hpp"

#include <type_traits>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

TEST_CASE("agreement: only a handshake makes one", "[agreement][4.2.2]") {
  STATIC_REQUIRE_FALSE(std::is_default_constructible_v<agreement>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<agreement, std::string_view, bytes>);
  STATIC_REQUIRE_FALSE(std::is_aggregate_v<agreement>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<agreement>);
}

TEST_CASE("agreement: carries the subprotocol and the bytes behind the head, as views", "[agreement][1.9]") {
  exact_buffer chunk("\x81\x80");
  const agreement agreed = detail::agreement_maker::make("chat", chunk.view());
  CHECK(agreed.subprotocol() == "chat");
  CHECK(agreed.behind_head().data() == chunk.view().data());
  CHECK(agreed.behind_head().size() == 2);

  const agreement copy = agreed;
  CHECK(copy.subprotocol() == "chat");
  CHECK(copy.behind_head().data() == chunk.view().data());
}

TEST_CASE("agreement: may be without a subprotocol and without bytes", "[agreement]") {
  STATIC_REQUIRE(detail::agreement_maker::make({}, {}).subprotocol().empty());
  STATIC_REQUIRE(detail::agreement_maker::make({}, {}).behind_head().empty());
  STATIC_REQUIRE(detail::agreement_maker::make("a", {}).subprotocol() == "a");
}
