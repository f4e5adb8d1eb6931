#include "redis/store.hpp"
//
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "redis_node.hpp"
#include "redis_process.hpp"

using tests::by_author;
using tests::node_in_hall;
using tests::quick;
using tests::redis_node;
using tests::redis_process;
using tests::run_until;
using tests::said;
using tests::up_to;
using namespace std::chrono_literals;

TEST_CASE("redis_store: what one node appends, all are told in the same order", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  for (std::uint64_t seq = 1; seq <= 500; ++seq) {
    REQUIRE(north->append(said("hall", "ann", seq)));
    REQUIRE(south->append(said("hall", "ben", seq)));
    REQUIRE(north->append(said("cellar", "ann", seq)));  // nobody is there
  }
  run_until({north.get(), south.get()}, [&] {
    return north->logs["hall"].size() >= 1000 && south->logs["hall"].size() >= 1000 && north->safe.size() >= 1000;
  });
  CHECK(north->logs["hall"] == south->logs["hall"]);
  CHECK(by_author(north->logs["hall"]) ==
        std::map<std::string, std::vector<std::uint64_t>>{{"ann", up_to(500)}, {"ben", up_to(500)}});
  CHECK(north->logs["hall"].front().text.ends_with(" says 1"));
  CHECK(north->safe.size() == 1000);
  CHECK(north->safe.back().at);
  CHECK(north->provisional.empty());
  CHECK(north->logs.size() == 1);
}

TEST_CASE("redis_store: a message that comes by two nodes, again and again, is stored once", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  for (std::uint64_t seq = 1; seq <= 100; ++seq) {
    REQUIRE(north->append(said("hall", "ann", seq)));
    REQUIRE(south->append(said("hall", "ann", seq)));
  }
  run_until({north.get(), south.get()}, [&] { return north->safe.size() == 100 && south->safe.size() == 100; });
  REQUIRE(south->append(said("hall", "ann", 50)));
  REQUIRE(north->append(said("hall", "ann", 101)));
  run_until({north.get(), south.get()}, [&] {
    return north->logs["hall"].size() == 101 && south->logs["hall"].size() == 101 && south->safe.size() == 101;
  });
  CHECK(by_author(north->logs["hall"])["ann"] == up_to(101));
  CHECK(north->logs == south->logs);
  // Of two instances of one user, and of two users with one name for their instance, none is mistaken.
  chat::message other = said("hall", "ann", 1);
  other.sender = "another instance";
  REQUIRE(north->append(other));
  chat::message thief = said("hall", "zed", 1);
  thief.sender = said("hall", "ann", 1).sender;
  REQUIRE(south->append(thief));
  run_until({north.get(), south.get()}, [&] { return north->logs["hall"].size() == 103; });
}

TEST_CASE("redis_store: a node that is killed with messages under way, and another that gets them again",
          "[redis_store]") {
  redis_process redis;
  auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  for (std::uint64_t seq = 1; seq <= 20; ++seq) REQUIRE(north->append(said("hall", "ann", seq)));
  run_until({north.get(), south.get()}, [&] { return south->logs["hall"].size() == 20; });
  redis.freeze();
  for (std::uint64_t seq = 21; seq <= 40; ++seq) REQUIRE(north->append(said("hall", "ann", seq)));
  north->store->advance(chat::clock::now());  // they are in the socket, and Redis has not read them
  north.reset();
  for (std::uint64_t seq = 21; seq <= 60; ++seq) REQUIRE(south->append(said("hall", "ann", seq)));
  south->store->advance(chat::clock::now());
  redis.thaw();
  run_until({south.get()}, [&] { return south->logs["hall"].size() >= 60; });
  CHECK(by_author(south->logs["hall"])["ann"] == up_to(60));
}

TEST_CASE("redis_store: what was missed while a link was down is found", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  REQUIRE(north->append(said("hall", "ann", 1)));
  run_until({north.get(), south.get()}, [&] { return south->logs["hall"].size() == 1; });
  redis.run({"CLIENT", "KILL", "TYPE", "pubsub"});
  run_until({north.get()}, [&] { return north->states.size() >= 3; });  // the south does not know of it yet
  for (std::uint64_t seq = 2; seq <= 1300; ++seq) REQUIRE(north->append(said("hall", "ann", seq)));
  run_until({north.get()}, [&] { return north->safe.size() == 1300; });
  CHECK(south->logs["hall"].size() == 1);
  run_until({north.get(), south.get()}, [&] { return south->logs["hall"].size() >= 1300; });
  CHECK(by_author(south->logs["hall"])["ann"] == up_to(1300));
  CHECK(south->states == std::vector<bool>{true, false, true});
  CHECK(south->trouble == "Redis has ended the connection");
}

TEST_CASE("redis_store: links that break again and again neither lose, repeat nor reorder anything", "[redis_store]") {
  // Invariant: each node is told each message once, in the order of the log; the log holds each once.
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  std::mt19937 random(7);
  constexpr std::uint64_t count = 1500;
  std::map<std::string, std::uint64_t> next{{"ann", 1}, {"ben", 1}, {"eve", 1}};
  const auto all_said = [&] { return std::ranges::all_of(next, [](const auto& each) { return each.second > count; }); };
  const auto all_told = [&] {
    return all_said() && north->logs["hall"].size() >= 3 * count && south->logs["hall"].size() >= 3 * count;
  };
  int cuts = 0;
  run_until({north.get(), south.get()}, [&] {
    for (auto& [author, seq] : next) {
      for (int i = 0; i != 20 && seq <= count; ++i, ++seq) {
        // Eve's client sends everything to both nodes, as one does that is cut off in between.
        const bool to_north = author == "ann" || author == "eve";
        if (to_north) REQUIRE(north->append(said("hall", author, seq)));
        if (!to_north || author == "eve") REQUIRE(south->append(said("hall", author, seq)));
      }
    }
    if (!all_said() && random() % 4 == 0) {
      redis.run({"CLIENT", "KILL", "TYPE", random() % 2 == 0 ? "pubsub" : "normal", "SKIPME", "yes"});
      ++cuts;
    }
    return all_told();
  });
  CHECK(cuts > 5);
  CHECK(north->logs["hall"] == south->logs["hall"]);
  for (const auto& [author, numbers] : by_author(north->logs["hall"])) {
    CAPTURE(author);
    CHECK(numbers == up_to(count));
  }
  CHECK(redis.run({"XLEN", chat::redis_log_key("hall")}).value().integer() == 3 * count);
  run_until({north.get(), south.get()},
            [&] { return north->safe.size() == 2 * count && south->safe.size() == 2 * count; });
}

TEST_CASE("redis_store: a Redis that is lost and comes back empty", "[redis_store]") {
  redis_process redis;
  chat::redis_options small = quick(redis.where(), "north");
  small.queue.messages = 30;
  redis_node north(small);
  north.subscribe("hall");
  const auto south = node_in_hall(redis, "south");
  run_until({&north}, [&] { return north.store->together(); });
  for (std::uint64_t seq = 1; seq <= 10; ++seq) REQUIRE(north.append(said("hall", "ann", seq)));
  run_until({&north, south.get()}, [&] { return south->logs["hall"].size() == 10 && north.logs["hall"].size() == 10; });
  run_until({&north}, [&] { return north.safe.size() == 10; });

  redis.kill();
  run_until({&north, south.get()}, [&] { return !north.store->together() && !south->store->together(); });
  for (std::uint64_t seq = 11; seq <= 40; ++seq) REQUIRE(north.append(said("hall", "ann", seq)));
  CHECK_FALSE(north.append(said("hall", "ann", 41)));
  CHECK(north.append(said("hall", "ann", 40)));  // again: it waits already
  CHECK(north.append(said("hall", "ann", 10)));  // again: this node knows that it is stored
  CHECK(north.safe.size() == 11);
  CHECK(by_author(north.provisional)["ann"].back() == 40);
  CHECK(by_author(north.provisional)["ann"].size() == 30);
  for (std::uint64_t seq = 1; seq <= 5; ++seq) REQUIRE(south->append(said("hall", "ben", seq)));
  CHECK(by_author(south->provisional)["ben"] == up_to(5));
  const auto alone = north.history(
      {.room = "hall", .after = chat::place{1, 1}, .most = 50, .author = chat::author_of("ann", "instance of ann")});
  REQUIRE(alone->has_value());
  CHECK_FALSE((*alone)->complete);
  CHECK((*alone)->messages.empty());
  CHECK((*alone)->last_seq == 10);
  CHECK(north.logs["hall"].size() == 10);

  redis.start();
  run_until({&north, south.get()}, [&] {
    return north.logs["hall"].size() >= 45 && south->logs["hall"].size() >= 45 &&
           north.safe.size() >= 42;  // 40 was appended twice
  });
  run_until({&north, south.get()}, [&] { return north.store->together() && south->store->together(); });
  CHECK(north.logs == south->logs);
  CHECK(by_author(north.logs["hall"]) ==
        std::map<std::string, std::vector<std::uint64_t>>{{"ann", up_to(40)}, {"ben", up_to(5)}});
  CHECK(north.states == std::vector<bool>{true, false, true});
  // The numbers go on where they were, although the new Redis has not seen the first ones.
  REQUIRE(south->append(said("hall", "ann", 7)));
  REQUIRE(south->append(said("hall", "ann", 41)));
  run_until({&north, south.get()}, [&] { return north.logs["hall"].size() == 46 && south->safe.size() == 7; });
  CHECK(north.logs["hall"].back().seq == 41);
}

TEST_CASE("redis_store: a Redis that stands still is noticed, and one that goes on is taken back", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north", 300ms);
  const auto south = node_in_hall(redis, "south", 300ms);
  redis.freeze();
  for (std::uint64_t seq = 1; seq <= 100; ++seq) REQUIRE(north->append(said("hall", "ann", seq)));
  run_until({north.get(), south.get()}, [&] { return !north->store->together() && !south->store->together(); });
  CHECK(north->trouble == "Redis does not answer");
  CHECK(by_author(north->provisional)["ann"] == up_to(100));
  redis.thaw();
  run_until({north.get(), south.get()}, [&] {
    return north->store->together() && south->store->together() && north->logs["hall"].size() >= 100 &&
           south->logs["hall"].size() >= 100 && north->safe.size() >= 100;
  });
  CHECK(by_author(north->logs["hall"])["ann"] == up_to(100));
  CHECK(north->logs == south->logs);
}

TEST_CASE("redis_store: a log that cannot be written keeps what waits, in order", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  redis.run({"SET", chat::redis_log_key("hall"), "no log"});
  for (std::uint64_t seq = 1; seq <= 300; ++seq) REQUIRE(node->append(said("hall", "ann", seq)));
  run_until({node.get()}, [&] { return node->states.size() == 2; });
  CHECK(node->trouble.find("WRONGTYPE") != std::string::npos);
  CHECK(node->safe.empty());
  redis.run({"DEL", chat::redis_log_key("hall")});
  run_until({node.get()}, [&] { return node->logs["hall"].size() == 300 && node->store->together(); });
  CHECK(node->safe.size() == 300);
  CHECK(by_author(node->logs["hall"])["ann"] == up_to(300));
}

TEST_CASE("redis_store: a Redis without memory keeps a node alone until it has some", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  redis.run({"CONFIG", "SET", "maxmemory", "1"});
  for (std::uint64_t seq = 1; seq <= 10; ++seq) REQUIRE(node->append(said("hall", "ann", seq)));
  run_until({node.get()}, [&] { return node->states.size() == 2; });
  CHECK(node->trouble.find("OOM") != std::string::npos);
  redis.run({"CONFIG", "SET", "maxmemory", "0"});
  run_until({node.get()}, [&] { return node->logs["hall"].size() == 10 && node->store->together(); });
  CHECK(node->safe.size() == 10);
  CHECK(by_author(node->logs["hall"])["ann"] == up_to(10));
}

TEST_CASE("redis_store: forgotten scripts are loaded again", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  redis.run({"SCRIPT", "FLUSH"});
  REQUIRE(node->append(said("hall", "ann", 1)));
  run_until({node.get()}, [&] { return node->safe.size() == 1 && node->logs["hall"].size() == 1; });
}
