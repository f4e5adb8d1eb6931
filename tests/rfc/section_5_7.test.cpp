#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::endpoint;
using sansocket::tests::feed;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// A client whose masking key is always that of the examples.
struct example_key {
  bool operator()(bytes out) const {
    const std::string key = from_hex("37 fa 21 3d");
    std::ranges::copy(bytes_of(std::string_view(key)), out.begin());
    return true;
  }
};
struct example_policy : default_policy {
  using random_source = example_key;
};
using example_client = connection<role::client, example_policy>;
}  // namespace

TEST_CASE("5.7: a single-frame unmasked text message", "[5.7]") {
  endpoint<role::client> client;
  CHECK(feed(client, from_hex("81 05 48 65 6c 6c 6f")).words == "text(Hello) ");
  endpoint<role::server> server;
  REQUIRE(server.send_text("Hello") == error::none);
  CHECK(to_hex(server.output()) == "81 05 48 65 6c 6c 6f");
}

TEST_CASE("5.7: a single-frame masked text message", "[5.7]") {
  endpoint<role::server> server;
  CHECK(feed(server, from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")).words == "text(Hello) ");
  example_client client;
  REQUIRE(client.send_text("Hello") == error::none);
  CHECK(to_hex(client.output()) == "81 85 37 fa 21 3d 7f 9f 4d 51 58");
}

TEST_CASE("5.7: a fragmented unmasked text message", "[5.7]") {
  endpoint<role::client> client;
  CHECK(feed(client, from_hex("01 03 48 65 6c  80 02 6c 6f")).words == "text(Hello) ");
  endpoint<role::server> server({.fragment_size = 3});
  REQUIRE(server.send_text("Hello") == error::none);
  CHECK(to_hex(server.output()) == "01 03 48 65 6c 80 02 6c 6f");
}

TEST_CASE("5.7: an unmasked ping request and its masked pong", "[5.7]") {
  example_client client;
  CHECK(feed(client, from_hex("89 05 48 65 6c 6c 6f")).words == "ping(Hello) ");
  CHECK(to_hex(client.output()) == "8a 85 37 fa 21 3d 7f 9f 4d 51 58");
  endpoint<role::server> server;
  REQUIRE(server.send_ping(bytes_of("Hello")) == error::none);
  CHECK(to_hex(server.output()) == "89 05 48 65 6c 6c 6f");
  CHECK(feed(server, from_hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58")).words == "pong(Hello) ");
}

TEST_CASE("5.7: 256 bytes and 64 KiB of binary in a single unmasked frame", "[5.7]") {
  for (const auto& [size, header] :
       {std::pair{std::size_t{256}, "82 7e 01 00"}, std::pair{std::size_t{65'536}, "82 7f 00 00 00 00 00 01 00 00"}}) {
    const std::string payload(size, 'b');
    endpoint<role::client> client;
    CHECK(feed(client, from_hex(header) + payload, 1000).words == "binary(" + payload + ") ");
    endpoint<role::server> server;
    REQUIRE(server.send_binary(bytes_of(std::string_view(payload))) == error::none);
    CHECK(text_of(server.output()) == from_hex(header) + payload);
  }
}
