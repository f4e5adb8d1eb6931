#include "sansocket/connection/event.hpp"

#include <type_traits>

#include "catch.hpp"

using namespace sansocket;

static_assert(std::is_trivially_copyable_v<event>, "an event owns nothing");
static_assert(!event{});
static_assert(event{.type = event_type::closed});
static_assert(close_report{}.clean());
static_assert(!close_report{.fault = error::connection_cut}.clean());

TEST_CASE("event: is true for everything that happened", "[event]") {
  CHECK_FALSE(event{});
  for (const event_type type :
       {event_type::text, event_type::binary, event_type::ping, event_type::pong, event_type::closed}) {
    CHECK(event{.type = type});
  }
}

TEST_CASE("event: is a whole message unless it says otherwise", "[event][5.4]") {
  const event whole{.type = event_type::text};
  CHECK(whole.first);
  CHECK(whole.last);
}

TEST_CASE("event: shows one payload as bytes and as characters", "[event]") {
  const event hello{.type = event_type::text, .payload = bytes_of("Hello")};
  CHECK(hello.text() == "Hello");
  CHECK(hello.bytes().data() == hello.payload.data());
  CHECK(hello.bytes().size() == 5);
}

TEST_CASE("event: an empty message is true and has an empty text", "[event][5.6]") {
  const event empty{.type = event_type::text};
  CHECK(empty);
  CHECK(empty.text().empty());
  CHECK(empty.bytes().empty());
}

TEST_CASE("event: a report says 1006 and that no Close went out until one did", "[event][7.1.5]") {
  constexpr close_report report;
  CHECK(report.initiator == which_end::neither);
  CHECK(report.sent == close_code::none);
  CHECK(report.received == close_code::abnormal);
}
