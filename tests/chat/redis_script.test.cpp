#include "redis/format.hpp"
//
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "redis_process.hpp"

using chat::place;
using tests::redis_process;

namespace {

chat::redis_reply append(redis_process& redis, std::string_view author, std::uint64_t seq, std::uint64_t before = 0,
                         std::string_view known = "") {
  return redis.run({"EVAL", chat::redis_append_script, "2", chat::redis_log_key("hall"),
                    chat::redis_number_key("hall", author), std::to_string(seq), std::to_string(before),
                    std::string(author).append(std::to_string(seq)), chat::redis_channel("hall"), known});
}

/// What the log of the hall holds, as one text.
std::string log_of(redis_process& redis) {
  const chat::redis_reply all = redis.run({"XRANGE", chat::redis_log_key("hall"), "-", "+"});
  std::string text;
  for (std::size_t i = 0; i != all.value().size(); ++i) text.append(all.value()[i][1][1].text()).append(" ");
  return text;
}

place place_of(const chat::redis_reply& reply) {
  REQUIRE(reply.value()[0].integer() == 1);
  const auto at = chat::parse_place(reply.value()[1].text());
  REQUIRE(at);
  return *at;
}

}  // namespace

TEST_CASE("redis_append_script: stores each message once, whoever sends it again", "[redis_script]") {
  redis_process redis;
  const place first = place_of(append(redis, "ann", 1));
  const place second = place_of(append(redis, "ann", 2));
  CHECK(first < second);
  for (const std::uint64_t seq : {1U, 2U, 1U}) CHECK(append(redis, "ann", seq).value()[0].integer() == 0);
  CHECK(second < place_of(append(redis, "ben", 1)));
  CHECK(second < place_of(append(redis, "ann", 7)));  // 3 to 6 were never said
  CHECK(append(redis, "ann", 6).value()[0].integer() == 0);
  CHECK(log_of(redis) == "ann1 ann2 ben1 ann7 ");
}

TEST_CASE("redis_append_script: compares numbers, not texts, up to the largest that there are", "[redis_script]") {
  redis_process redis;
  constexpr std::uint64_t largest = (std::uint64_t{1} << 53U) - 1;
  for (const std::uint64_t seq : {std::uint64_t{9}, std::uint64_t{10}, largest - 1, largest}) {
    place_of(append(redis, "ann", seq));
  }
  CHECK(append(redis, "ann", largest).value()[0].integer() == 0);
}

TEST_CASE("redis_append_script: a message waits for the one before it", "[redis_script]") {
  redis_process redis;
  CHECK(append(redis, "ann", 2, 1).value().is_error());
  CHECK(append(redis, "ann", 3, 2).value().is_error());
  CHECK(log_of(redis).empty());
  place_of(append(redis, "ann", 1));
  place_of(append(redis, "ann", 2, 1));
  place_of(append(redis, "ann", 3, 2));
  CHECK(log_of(redis) == "ann1 ann2 ann3 ");
}

TEST_CASE("redis_append_script: a message that cannot be stored is not taken for one that is", "[redis_script]") {
  redis_process redis;
  redis.run({"SET", chat::redis_log_key("hall"), "no log"});
  CHECK(append(redis, "ann", 1).value().is_error());
  redis.run({"DEL", chat::redis_log_key("hall")});
  place_of(append(redis, "ann", 1));
  CHECK(log_of(redis) == "ann1 ");
}

TEST_CASE("redis_append_script: places grow even where Redis has lost its log and its clock is behind",
          "[redis_script]") {
  redis_process redis;
  constexpr std::string_view ahead = "9000000000000-41";  // of any clock, for some centuries
  CHECK(place_of(append(redis, "ann", 1, 0, ahead)) == place{9'000'000'000'000, 42});
  CHECK(place_of(append(redis, "ann", 2, 0, ahead)) == place{9'000'000'000'000, 43});
  CHECK(place_of(append(redis, "ann", 3, 0, "9000000000000-44")) == place{9'000'000'000'000, 45});
  CHECK(place_of(append(redis, "ann", 4, 0, "8999999999999-99")) == place{9'000'000'000'000, 46});
  CHECK(log_of(redis) == "ann1 ann2 ann3 ann4 ");
}

TEST_CASE("redis_append_script: numbers are forgotten after a day, logs are bounded", "[redis_script]") {
  redis_process redis;
  for (std::uint64_t seq = 1; seq <= 12'000; ++seq) append(redis, "ann", seq);
  const auto size = redis.run({"XLEN", chat::redis_log_key("hall")}).value().integer();
  CHECK((size >= 10'000 && size < 10'200));
  const auto rest = redis.run({"TTL", chat::redis_number_key("hall", "ann")}).value().integer();
  CHECK((rest > 86'000 && rest <= 86'400));
}

TEST_CASE("redis_number_key: no two pairs of room and author share one", "[redis_script]") {
  CHECK(chat::redis_number_key("a:b", "c") != chat::redis_number_key("a", "b:c"));
  CHECK(chat::redis_number_key("1:a", "b") != chat::redis_number_key("1", "a:b"));
}
