#include "redis/feed.hpp"
#include "redis/format.hpp"
#include "redis/presence.hpp"
#include "redis/queue.hpp"
#include "redis/reply.hpp"
#include "redis/room.hpp"
//
#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using chat::message;
using chat::place;
using namespace std::chrono_literals;

namespace {

message said(std::string author, std::uint64_t seq) {
  return {.room = "hall", .from = author, .sender = author + author + author, .seq = seq, .text = "x"};
}

chat::redis_entry entry(std::uint64_t ms, std::string author, std::uint64_t seq) {
  return {.at = {ms, 0}, .said = said(std::move(author), seq)};
}

/// Numbers of what was told.
struct told {
  std::vector<std::uint64_t> numbers;
  auto teller() {
    return [this](const message& what) { numbers.push_back(what.seq); };
  }
};

using numbers = std::vector<std::uint64_t>;
using pushed = chat::redis_queue::pushed;

}  // namespace

// The queue

TEST_CASE("redis_queue: each knows the number of its author's message before it", "[redis_queue]") {
  chat::redis_queue queue({});
  for (const message& each : {said("ann", 1), said("ben", 4), said("ann", 2), said("ann", 5)}) {
    REQUIRE(queue.push(each, false) == pushed::added);
  }
  numbers before;
  while (const auto* next = queue.next()) before.push_back(next->before);
  CHECK(before == numbers{0, 0, 1, 2});
  CHECK(queue.pop().said == said("ann", 1));
  CHECK(queue.pop().said == said("ben", 4));
  REQUIRE(queue.push(said("ben", 5), false) == pushed::added);
  CHECK(queue.next()->before == 0);  // 4 is stored
  CHECK(queue.size() == 3);
}

TEST_CASE("redis_queue: is bounded in messages, in bytes, and in what is on the way", "[redis_queue]") {
  chat::redis_queue queue({.messages = 3, .bytes = 10, .on_the_way = 2});
  message large = said("ann", 1);
  large.text = "123456789";
  REQUIRE(queue.push(large, false) == pushed::added);
  REQUIRE(queue.push(said("ann", 2), false) == pushed::added);
  CHECK(queue.push(said("ann", 3), false) == pushed::full);
  REQUIRE(queue.next());
  CHECK(queue.pop().said == large);
  REQUIRE(queue.push(said("ann", 3), false) == pushed::added);
  REQUIRE(queue.push(said("ann", 4), false) == pushed::added);
  CHECK(queue.push(said("ann", 5), false) == pushed::full);
  CHECK(queue.next());
  CHECK(queue.next());
  CHECK_FALSE(queue.next());
}

TEST_CASE("redis_queue: a message that waits already is only counted", "[redis_queue]") {
  chat::redis_queue queue({});
  CHECK(queue.push(said("ann", 3), false) == pushed::added);
  CHECK(queue.push(said("ann", 4), false) == pushed::added);
  CHECK(queue.push(said("ann", 3), false) == pushed::counted);
  CHECK(queue.push(said("ann", 4), false) == pushed::counted);
  CHECK(queue.push(said("ann", 3), false) == pushed::counted);
  CHECK(queue.push(said("ben", 3), false) == pushed::added);
  message elsewhere = said("ann", 3);
  elsewhere.room = "cellar";
  CHECK(queue.push(elsewhere, false) == pushed::added);
  CHECK(queue.size() == 4);
  for (const std::size_t times : {3U, 2U, 1U, 1U}) {
    REQUIRE(queue.next());
    CHECK(queue.pop().times == times);
  }
  CHECK(queue.push(said("ann", 3), false) == pushed::added);
}

TEST_CASE("redis_queue: a lower number that is not there any more waits for the higher one", "[redis_queue]") {
  chat::redis_queue queue({});
  CHECK(queue.push(said("ann", 2), false) == pushed::added);
  CHECK(queue.push(said("ann", 1), false) == pushed::added);
  CHECK(queue.push(said("ann", 3), false) == pushed::added);
  numbers before;
  while (const auto* next = queue.next()) before.push_back(next->before);
  CHECK(before == numbers{0, 2, 2});
}

TEST_CASE("redis_queue: when the link is lost, all that is not known to be stored goes again", "[redis_queue]") {
  chat::redis_queue queue({});
  for (std::uint64_t seq = 1; seq <= 4; ++seq) REQUIRE(queue.push(said("ann", seq), seq == 2) == pushed::added);
  for (int i = 0; i != 3; ++i) REQUIRE(queue.next());
  queue.pop();
  const auto changes = queue.lose_link([](const message& each) { return each.seq == 2; });
  REQUIRE(changes.stored.size() == 1);
  CHECK(changes.stored.front().said == said("ann", 2));
  CHECK(changes.unseen == std::vector{said("ann", 3), said("ann", 4)});
  const auto* next = queue.next();
  REQUIRE(next);
  CHECK(next->said == said("ann", 3));
  CHECK(next->before == 0);  // otherwise a Redis that has lost 1 and 2 would never take it
  CHECK(queue.next()->before == 3);
  CHECK(queue.lose_link([](const message&) { return false; }).unseen.empty());  // they were shown
}

// The feed

TEST_CASE("redis_feed: what Pub/Sub brings while the log is read comes behind it, once", "[redis_feed]") {
  chat::redis_feed feed;
  told all;
  feed.begin({10, 0});
  feed.listen();
  feed.hear(entry(13, "ann", 3), all.teller());
  feed.hear(entry(14, "ann", 4), all.teller());
  CHECK(all.numbers.empty());
  feed.read(entry(10, "ann", 9), all.teller());  // where telling begins is known to all
  for (const std::uint64_t n : {1U, 2U, 3U}) feed.read(entry(10 + n, "ann", n), all.teller());
  CHECK_FALSE(feed.is_live());
  REQUIRE(feed.caught_up(all.teller()));
  CHECK(feed.is_live());
  feed.hear(entry(15, "ann", 5), all.teller());
  feed.hear(entry(15, "ann", 5), all.teller());
  feed.hear(entry(12, "ben", 1), all.teller());
  CHECK(all.numbers == numbers{1, 2, 3, 4, 5});
  CHECK(feed.last() == place{15, 0});
  CHECK(feed.number_of(chat::author_of("ann", "annannann")) == 5);
}

TEST_CASE("redis_feed: after the link was lost, it goes on behind what was told", "[redis_feed]") {
  chat::redis_feed feed;
  told all;
  feed.begin({10, 0});
  feed.listen();
  feed.hear(entry(12, "ann", 2), all.teller());
  feed.lose_link();
  feed.hear(entry(13, "ann", 3), all.teller());  // from before the loss
  feed.begin({99, 0});
  CHECK(feed.last() == place{10, 0});
  feed.listen();
  for (const std::uint64_t n : {1U, 2U, 3U}) feed.read(entry(10 + n, "ann", n), all.teller());
  REQUIRE(feed.caught_up(all.teller()));
  CHECK(all.numbers == numbers{1, 2, 3});
}

TEST_CASE("redis_feed: what was stored a second time is not told a second time", "[redis_feed]") {
  chat::redis_feed feed;
  told all;
  feed.begin({10, 0});
  feed.listen();
  REQUIRE(feed.caught_up(all.teller()));
  for (const std::uint64_t n : {1U, 2U}) feed.hear(entry(10 + n, "ann", n), all.teller());
  feed.hear(entry(20, "ann", 2), all.teller());  // Redis has forgotten it, and a node has not
  feed.hear(entry(21, "ann", 3), all.teller());
  CHECK(all.numbers == numbers{1, 2, 3});
  feed.hear({.at = {30, 0}}, all.teller());  // no message at all
  CHECK(feed.last() == place{30, 0});
}

TEST_CASE("redis_feed: too much to hold back is read from the log instead", "[redis_feed]") {
  chat::redis_feed feed;
  told all;
  feed.begin({0, 0});
  feed.listen();
  for (std::uint64_t n = 1; n <= 5000; ++n) feed.hear(entry(n, "ann", n), all.teller());
  CHECK_FALSE(feed.caught_up(all.teller()));
  for (std::uint64_t n = 1; n <= 5000; ++n) feed.read(entry(n, "ann", n), all.teller());
  REQUIRE(feed.caught_up(all.teller()));
  CHECK(all.numbers.size() == 5000);
}

TEST_CASE("redis_feed: a room that begins without a link goes back to what somebody wants", "[redis_feed]") {
  chat::redis_feed feed;
  feed.wants({7, 0});
  feed.wants({5, 0});
  feed.wants({6, 0});
  feed.begin({9, 0});
  CHECK(feed.last() == place{5, 0});

  chat::redis_feed made_up;
  made_up.wants({99, 0});
  made_up.begin({9, 0});
  CHECK(made_up.last() == place{9, 0});  // what comes behind is told all the same
}

TEST_CASE("author_numbers: remembers thousands, and is bounded", "[redis_feed]") {
  chat::author_numbers noted;
  for (int i = 0; i != 100'000; ++i) {
    noted.note("author " + std::to_string(i), 2);
    noted.note("faithful", static_cast<std::uint64_t>(i) + 1);
  }
  CHECK(noted.of("author 0") == 0);
  CHECK(noted.of("author 99999") == 2);
  CHECK(noted.of("author 97000") == 2);
  CHECK(noted.of("faithful") == 100'000);
  noted.note("faithful", 3);
  CHECK(noted.of("faithful") == 100'000);
}

// Who is there

TEST_CASE("redis_presence: the names of all nodes, sorted, each once", "[redis_presence]") {
  chat::redis_presence presence;
  const auto now = chat::clock::now();
  presence.set_here({"ben", "eve"});
  CHECK(presence.update());
  presence.hear("north", {"ann", "ben"}, now);
  presence.hear("south", {"zoe"}, now + 5s);
  CHECK(presence.update());
  CHECK(presence.all() == chat::redis_presence::names{"ann", "ben", "eve", "zoe"});
  presence.hear("north", {"ann", "ben"}, now + 1s);
  CHECK_FALSE(presence.update());
  presence.forget_unheard(now + 2s);
  CHECK(presence.update());
  CHECK(presence.all() == chat::redis_presence::names{"ben", "eve", "zoe"});
  presence.hear("south", {}, now + 6s);
  CHECK(presence.update());
  CHECK(presence.all() == chat::redis_presence::names{"ben", "eve"});
}

TEST_CASE("redis_presence: any number of nodes cannot fill the memory", "[redis_presence]") {
  chat::redis_presence presence;
  for (int i = 0; i != 5000; ++i) presence.hear("node " + std::to_string(i), {"ann"}, chat::clock::now());
  presence.hear("node 0", {"ben"}, chat::clock::now());
  CHECK(presence.update());
  presence.hear("node 4999", {"carl"}, chat::clock::now());
  CHECK_FALSE(presence.update());
  CHECK(presence.all() == chat::redis_presence::names{"ann", "ben"});
}

// The format

TEST_CASE("redis_format: a message comes back as it went", "[redis_format]") {
  message what = said("ann", 3);
  what.at = place{5, 6};
  what.text = "line\nend \0 quote \" héllo 🙂";
  what.time = 1'700'000'000'123;
  CHECK(chat::parse_redis_message(chat::write_redis_message(what), "hall", {5, 6}) == what);
  const auto news = chat::parse_redis_news("5-6 " + chat::write_redis_message(what), "hall");
  REQUIRE(news);
  CHECK(news->said == what);
}

TEST_CASE("redis_format: what is no message is none", "[redis_format]") {
  for (const std::string_view text :
       {"", "{", "7", "[]", "{}", R"({"from":"a","sender":"b","seq":1,"text":"c"})",
        R"({"from":1,"sender":"b","seq":1,"text":"c","time":0})",
        R"({"from":"a","sender":"b","seq":-1,"text":"c","time":0})",
        R"({"from":"a","sender":"b","seq":1.5,"text":"c","time":0})",
        R"({"from":"a","sender":"b","seq":1,"text":null,"time":0})",
        R"({"from":"a","sender":"b","seq":1,"text":"c","time":"0"})", "{\"from\":\"\xFF\"}"}) {
    CAPTURE(text);
    CHECK_FALSE(chat::parse_redis_message(text, "hall", {1, 0}));
    const auto news = chat::parse_redis_news("1-0 " + std::string(text), "hall");
    REQUIRE(news);
    CHECK_FALSE(news->said);
  }
  for (const std::string_view text : {"", "1-0", "x {}", "1-x {}", " {}", "1 {}"}) {
    CAPTURE(text);
    CHECK_FALSE(chat::parse_redis_news(text, "hall"));
  }
}

TEST_CASE("redis_format: what no node says about who is there is not heard", "[redis_format]") {
  const auto news = chat::parse_redis_presence(chat::write_redis_presence({"north", {"ann", "\xFF"}, true}));
  REQUIRE(news);
  CHECK(news->node == "north");
  CHECK(news->names == std::vector<std::string>{"ann", "\xEF\xBF\xBD"});
  CHECK(news->ask);
  for (const std::string_view text :
       {"", "{}", R"({"node":1,"names":[]})", R"({"node":"a"})", R"({"node":"a","names":{}})",
        R"({"node":"a","names":[1]})", R"({"node":"a","names":["b",null]})"}) {
    CAPTURE(text);
    CHECK_FALSE(chat::parse_redis_presence(text));
  }
  CHECK_FALSE(chat::parse_redis_presence(R"({"node":"a","names":[],"ask":1})")->ask);
}

// Replies

namespace {

chat::redis_reply reply_of(std::string_view bytes) {
  chat::redis_parser parser;
  REQUIRE(parser.feed(bytes));
  return parser.next();
}

}  // namespace

TEST_CASE("redis_value: whatever it is not is empty", "[redis_reply]") {
  for (const std::string_view bytes :
       {"+OK\r\n", "-ERR no\r\n", ":7\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n"}) {
    CAPTURE(bytes);
    const chat::redis_reply reply = reply_of(bytes);
    REQUIRE(reply);
    const chat::redis_value value = reply.value();
    CHECK(value.size() == 0);
    CHECK(value[0][1][2].is_missing());
    CHECK(value[0].text().empty());
    CHECK(value.integer().has_value() == bytes.starts_with(':'));
    CHECK(value.is_text() == (bytes.starts_with('+') || bytes.starts_with("$0")));
    CHECK(value.is_error() == bytes.starts_with('-'));
  }
  CHECK(reply_of("*2\r\n$1\r\na\r\n:9\r\n").value()[1].integer() == 9);
}

TEST_CASE("redis_parser: an array that is too long, a depth that is too deep, and noise are refused", "[redis_reply]") {
  for (std::string bytes : {std::string("*2147483647\r\n"), std::string("*100001\r\n"), std::string("HTTP/1.1 400\r\n"),
                            std::string("$99999999999999999999\r\n"), std::string("*-7\r\n"), std::string(":x\r\n")}) {
    CAPTURE(bytes);
    chat::redis_parser parser;
    REQUIRE(parser.feed(bytes));
    CHECK_FALSE(parser.next());
    CHECK(parser.is_broken());
  }
  std::string deep;
  for (int i = 0; i != 100; ++i) deep += "*1\r\n";
  chat::redis_parser parser;
  REQUIRE(parser.feed(deep));
  CHECK_FALSE(parser.next());
  CHECK(parser.is_broken());
}

TEST_CASE("redis_parser: random bytes, cut anywhere, are never more than refused", "[redis_reply]") {
  std::mt19937 random(1);
  constexpr std::string_view alphabet = "*$+-:0123456789\r\n\r\nab";
  for (int round = 0; round != 20'000; ++round) {
    chat::redis_parser parser;
    for (int piece = 0; piece != 4 && !parser.is_broken(); ++piece) {
      std::string bytes(random() % 12, ' ');
      for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
      if (!parser.feed(bytes)) break;
      while (const chat::redis_reply reply = parser.next()) static_cast<void>(reply.value()[0][0].text().size());
    }
  }
}

TEST_CASE("redis_parser: a reply without an end is given up", "[redis_reply]") {
  chat::redis_parser parser;
  REQUIRE(parser.feed("$500000000\r\n"));
  const std::string block(1024 * 1024, 'x');
  int fed = 0;
  while (fed != 200 && parser.feed(block)) {
    REQUIRE_FALSE(parser.next());
    ++fed;
  }
  CHECK((fed >= 63 && fed <= 65));
}

TEST_CASE("behind: the next place, also at the end of a number", "[redis_room]") {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  CHECK(chat::behind({3, 4}) == place{3, 5});
  CHECK(chat::behind({3, most}) == place{4, 0});
  CHECK(chat::behind({most, most}) == place{most, most});
}
