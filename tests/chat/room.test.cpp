#include "server/room.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "handshake_for_tests.hpp"

namespace {

using chat::live_log;
using chat::place;

sansocket::prepared_message frame(std::string_view text) { return *sansocket::prepared_message::text(text); }

}  // namespace

TEST_CASE("live_log: holds the newest, and numbers go on", "[live_log]") {
  live_log log(3);
  CHECK(log.begin() == log.end());
  for (std::uint64_t i = 1; i <= 5; ++i) log.add(place{i, 0}, frame(std::to_string(i)));
  CHECK(log.begin() == 2);
  CHECK(log.end() == 5);
  CHECK(sansocket::text_of(log[2].payload()) == "3");
  CHECK(sansocket::text_of(log[4].payload()) == "5");
}

TEST_CASE("live_log: holds no more than so many bytes, and always the newest", "[live_log]") {
  live_log log(100);
  const std::string text(live_log::most_bytes / 4, 'x');
  for (std::uint64_t i = 1; i <= 10; ++i) log.add(place{i, 0}, frame(text));
  CHECK(log.end() == 10);
  CHECK(log.end() - log.begin() == 4);
  CHECK_FALSE(log.behind(place{5, 0}));
  CHECK(log.behind(place{6, 0}) == 6U);

  log.add(place{11, 0}, frame(std::string(live_log::most_bytes + 1, 'x')));
  CHECK(log.begin() == 10);
  CHECK(log.end() == 11);
  log.add(place{12, 0}, frame("x"));
  CHECK(log.begin() == 11);
}

TEST_CASE("live_log: finds where one goes on, or says that it cannot", "[live_log]") {
  live_log log(3);
  CHECK(log.behind(std::nullopt) == 0U);
  CHECK(log.behind(place{9, 9}) == 0U);
  for (std::uint64_t i = 1; i <= 3; ++i) log.add(place{10 * i, 0}, frame("x"));
  CHECK(log.behind(std::nullopt) == 0U);
  CHECK(log.behind(place{5, 0}) == 0U);
  CHECK(log.behind(place{10, 0}) == 1U);
  CHECK(log.behind(place{15, 0}) == 1U);
  CHECK(log.behind(place{30, 0}) == 3U);

  log.add(place{40, 0}, frame("x"));  // and the first is gone
  CHECK_FALSE(log.behind(std::nullopt));
  CHECK_FALSE(log.behind(place{5, 0}));
  CHECK(log.behind(place{10, 0}) == 1U);
  CHECK(log.behind(place{20, 0}) == 2U);
}

TEST_CASE("live_log: provisional messages are passed with the one behind them", "[live_log]") {
  live_log log(10);
  log.add(place{10, 0}, frame("stored"));
  log.add(std::nullopt, frame("provisional"));
  CHECK(log.behind(place{10, 0}) == 1U);
  log.add(place{20, 0}, frame("stored"));
  CHECK(log.behind(place{20, 0}) == 3U);
  CHECK(log.behind(place{10, 0}) == 1U);
}

TEST_CASE("room: a user is in it once, however many connections they have", "[room]") {
  chat::room room("hall", 10);
  chat::member one(1, "bob", accepted_upgrade(), {});
  chat::member two(2, "ann", accepted_upgrade(), {});
  chat::member three(3, "bob", accepted_upgrade(), {});
  CHECK(room.empty());
  room.enter(one);
  room.enter(two);
  CHECK(room.take_users_changed());
  CHECK_FALSE(room.users_changed());
  room.enter(three);
  CHECK_FALSE(room.users_changed());
  CHECK(room.users() == std::vector<std::string>{"ann", "bob"});

  room.leave(one);
  CHECK_FALSE(room.users_changed());
  CHECK(one.in == nullptr);
  CHECK(room.members().size() == 2);
  room.leave(three);
  CHECK(room.take_users_changed());
  CHECK(room.users() == std::vector<std::string>{"ann"});
  CHECK(room.members()[two.seat] == &two);
  room.leave(two);
  CHECK(room.empty());
}
