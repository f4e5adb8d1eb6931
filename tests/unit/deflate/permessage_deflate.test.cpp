#include "sansocket/deflate/permessage_deflate.hpp"

#include <optional>
#include <string>
#include <type_traits>

#include "catch.hpp"
#include "fixed_random.hpp"

using namespace sansocket;

static_assert(std::is_same_v<permessage_deflate<role::client>, basic_permessage_deflate<role::client, zlib_backend>>);
static_assert(deflate_server_connection::is_extended);
static_assert(!server_connection::is_extended);
static_assert(!std::is_copy_constructible_v<deflate_pool> && !std::is_move_constructible_v<deflate_pool>);
static_assert(sizeof(deflate_server_connection) <= 256);

TEST_CASE("permessage_deflate: the connections that come with it speak it if it was agreed", "[permessage_deflate]") {
  deflate_pool pool;
  const std::string text(500, 'a');
  for (const bool agreed : {true, false}) {
    const auto terms = agreed ? std::optional(deflate_agreement{}) : std::nullopt;
    deflate_server_connection server({terms, pool});
    REQUIRE(server.send_text(text) == error::none);
    CHECK((server.output().size() < 50) == agreed);
    std::string wire(text_of(server.output()));

    struct client_policy : deflate_policy {
      using random_source = tests::counting_random;
    };
    connection<role::client, client_policy> client({terms, pool});
    REQUIRE(client.receive(bytes_of(wire)) == error::none);
    CHECK(client.poll().text() == text);
  }
}
