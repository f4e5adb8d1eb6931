#include "sansocket/connection/prepared_message.hpp"

#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::to_hex;

static_assert(std::is_nothrow_move_constructible_v<prepared_message>);
static_assert(!std::is_copy_constructible_v<prepared_message>, "it owns its frame");

TEST_CASE("prepared_message: is the unmasked frame of the RFC's examples", "[prepared_message][5.7]") {
  const auto text = prepared_message::text("Hello");
  REQUIRE(text);
  CHECK(to_hex(text->frame()) == "81 05 48 65 6c 6c 6f");
  const auto binary = prepared_message::binary(bytes_of("ab"));
  REQUIRE(binary);
  CHECK(to_hex(binary->frame()) == "82 02 61 62");
}

TEST_CASE("prepared_message: an empty message is a frame too", "[prepared_message][5.6]") {
  CHECK(to_hex(prepared_message::text("")->frame()) == "81 00");
  CHECK(to_hex(prepared_message::binary({})->frame()) == "82 00");
}

TEST_CASE("prepared_message: has the length in the fewest bytes", "[prepared_message][5.2]") {
  const auto head = [](std::size_t size, std::size_t count) {
    const exact_buffer payload(size);
    const auto message = prepared_message::binary(payload.view());
    REQUIRE(message);
    CHECK(message->frame().size() == count + size);
    return to_hex(message->frame().first(count));
  };
  CHECK(head(125, 2) == "82 7d");
  CHECK(head(126, 4) == "82 7e 00 7e");
  CHECK(head(65'535, 4) == "82 7e ff ff");
  CHECK(head(65'536, 10) == "82 7f 00 00 00 00 00 01 00 00");
}

TEST_CASE("prepared_message: refuses text that is not UTF-8", "[prepared_message][5.6]") {
  CHECK(prepared_message::text("\xE2\x82").error() == error::payload_not_utf8);
  CHECK(prepared_message::text("\xED\xA0\x80").error() == error::payload_not_utf8);
  CHECK(prepared_message::text("\xE2\x82\xAC"));
  CHECK(prepared_message::binary(bytes_of("\xE2\x82")));
}

TEST_CASE("prepared_message: keeps its own copy and can be moved", "[prepared_message]") {
  std::string payload = "Hello";
  auto message = prepared_message::text(payload);
  payload.assign(5, '-');
  REQUIRE(message);
  const prepared_message moved = std::move(*message);
  CHECK(to_hex(moved.frame()) == "81 05 48 65 6c 6c 6f");
}

TEST_CASE("prepared_message: one that was never made holds nothing", "[prepared_message]") {
  CHECK(prepared_message().frame().empty());
}
