#include "sansocket/connection/options.hpp"

#include <concepts>
#include <type_traits>

#include "catch.hpp"

using namespace sansocket;

static_assert(std::is_aggregate_v<connection_options>, "options are written with designated initializers");
static_assert(std::is_trivially_copyable_v<connection_options>, "a connection keeps a copy");
static_assert(byte_buffer<default_policy::message_buffer>);
static_assert(byte_buffer<default_policy::output_buffer>);
static_assert(byte_buffer<default_policy::retained_buffer>);
static_assert(std::same_as<default_policy::random_source, openssl_random>);
static_assert(std::same_as<default_policy::extension<role::server>, no_extension>,
              "compression is off unless asked for");
static_assert(std::same_as<default_policy::extension<role::client>, no_extension>);

TEST_CASE("options: every limit is on unless unlimited is spelled", "[options][10.4]") {
  constexpr connection_options options;
  CHECK(options.limits.message == 1024 * 1024);
  CHECK(options.limits.fragments == 16 * 1024);
  CHECK(options.limits.frame == unlimited);  // the message's limit binds every frame as well
  CHECK(options.high_water == 1024 * 1024);
}

TEST_CASE("options: messages are whole and sent in one frame unless told otherwise", "[options]") {
  constexpr connection_options options;
  CHECK(options.delivery == delivery::messages);
  CHECK(options.fragment_size == unfragmented);
}

TEST_CASE("options: each is set by its name", "[options]") {
  constexpr connection_options options{.limits = {.frame = 1, .message = 2, .fragments = 3},
                                       .high_water = 4,
                                       .fragment_size = 5,
                                       .delivery = delivery::pieces};
  CHECK(options.limits.frame == 1);
  CHECK(options.limits.message == 2);
  CHECK(options.limits.fragments == 3);
  CHECK(options.high_water == 4);
  CHECK(options.fragment_size == 5);
  CHECK(options.delivery == delivery::pieces);
}
