#include "sansocket/core/agreement.hpp"

#include <optional>
#include <string_view>
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

TEST_CASE("agreement: carries how messages may be compressed, if that was agreed", "[agreement]") {
  constexpr deflate_agreement agreed{true, false, 10, 11};
  STATIC_REQUIRE_FALSE(detail::agreement_maker::make({}, {}).deflate());
  STATIC_REQUIRE_FALSE(detail::agreement_maker::make({}, {}, std::nullopt).deflate());
  STATIC_REQUIRE(detail::agreement_maker::make({}, {}, agreed).deflate() == agreed);
  const agreement with = detail::agreement_maker::make("chat", {}, agreed);
  const agreement copy = with;
  CHECK(copy.deflate() == agreed);
  CHECK(copy.subprotocol() == "chat");
}

TEST_CASE("agreement: compression is as large and as free as it can be unless something was agreed", "[agreement]") {
  constexpr deflate_agreement plain;
  STATIC_REQUIRE_FALSE(plain.server_no_context_takeover);
  STATIC_REQUIRE_FALSE(plain.client_no_context_takeover);
  STATIC_REQUIRE(plain.server_max_window_bits == 15);
  STATIC_REQUIRE(plain.client_max_window_bits == 15);
  STATIC_REQUIRE(plain == deflate_agreement{});
  for (const deflate_agreement& other :
       {deflate_agreement{.server_no_context_takeover = true}, deflate_agreement{.client_no_context_takeover = true},
        deflate_agreement{.server_max_window_bits = 14}, deflate_agreement{.client_max_window_bits = 14}}) {
    CHECK_FALSE(other == plain);
  }
}
