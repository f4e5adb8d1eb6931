#include "redis/store.hpp"
//
#include <limits>
#include <memory>
#include <optional>
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

namespace {

using pages = std::shared_ptr<std::optional<chat::history_page>>;

chat::history_page history(redis_node& node, chat::history_query query) {
  const pages page = node.history(std::move(query));
  run_until({&node}, [&] { return page->has_value(); });
  return **page;
}

}  // namespace

// History

TEST_CASE("redis_store: a history in pages, and whether it is complete", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  const std::string ann = chat::author_of("ann", "instance of ann");
  CHECK(history(*node, {.room = "hall", .most = 50}).complete);
  CHECK_FALSE(history(*node, {.room = "hall", .after = chat::place{1, 1}, .most = 50}).complete);
  for (std::uint64_t seq = 1; seq <= 30; ++seq) REQUIRE(node->append(said("hall", "ann", seq)));
  run_until({node.get()}, [&] { return node->logs["hall"].size() == 30; });
  const auto& log = node->logs["hall"];

  const auto last = history(*node, {.room = "hall", .most = 5, .author = ann});
  CHECK(last.messages == std::vector(log.end() - 5, log.end()));
  CHECK(last.complete);
  CHECK_FALSE(last.more);
  CHECK(last.last_seq == 30);

  const auto page = history(*node, {.room = "hall", .after = log[9].at, .most = 10, .author = "nobody\nat all"});
  CHECK(page.messages == std::vector(log.begin() + 10, log.begin() + 20));
  CHECK(page.complete);
  CHECK(page.more);
  CHECK(page.last_seq == 0);
  const auto rest = history(*node, {.room = "hall", .after = page.messages.back().at, .most = 10});
  CHECK(rest.messages == std::vector(log.begin() + 20, log.end()));
  CHECK_FALSE(rest.more);

  const auto end = history(*node, {.room = "hall", .after = log.back().at, .most = 10});
  CHECK(end.messages.empty());
  CHECK(end.complete);
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  CHECK(history(*node, {.room = "hall", .after = chat::place{most, most}, .most = 10}).messages.empty());
  CHECK_FALSE(history(*node, {.room = "hall", .after = chat::place{1, 1}, .most = 10}).complete);

  redis.run({"XTRIM", chat::redis_log_key("hall"), "MAXLEN", "10"});
  CHECK_FALSE(history(*node, {.room = "hall", .after = log[9].at, .most = 10}).complete);
  CHECK(history(*node, {.room = "hall", .after = log[20].at, .most = 10}).complete);
}

TEST_CASE("redis_store: a history that is asked for while the links come up waits for them", "[redis_store]") {
  redis_process redis;
  const auto before = node_in_hall(redis, "north");
  for (std::uint64_t seq = 1; seq <= 3; ++seq) REQUIRE(before->append(said("hall", "ann", seq)));
  run_until({before.get()}, [&] { return before->safe.size() == 3; });
  redis_node node(quick(redis.where(), "south"));
  node.subscribe("hall");
  const auto page = node.history({.room = "hall", .most = 50});
  CHECK_FALSE(page->has_value());
  run_until({&node}, [&] { return page->has_value(); });
  CHECK((*page)->messages.size() == 3);
  CHECK((*page)->complete);
}

TEST_CASE("redis_store: a history is answered once, whatever becomes of the links and the room", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  const auto cut = node->history({.room = "hall", .most = 50});
  redis.kill();
  run_until({node.get()}, [&] { return cut->has_value() && !node->store->together(); });
  CHECK_FALSE((*cut)->complete);
  const auto alone = node->history({.room = "hall", .most = 50});
  CHECK(alone->has_value());

  redis.start();
  redis.freeze();
  node->subscribe("attic");
  pages waits;
  run_until({node.get()}, [&] {
    waits = node->history({.room = "attic", .most = 50});
    return !waits->has_value();  // the links are coming up
  });
  node->store->unsubscribe("attic", chat::clock::now());
  CHECK(waits->has_value());
  const auto stays = node->history({.room = "hall", .most = 50});
  redis.thaw();
  run_until({node.get()}, [&] { return stays->has_value(); });
}

TEST_CASE("redis_store: one who comes while the node is alone is told later what there was", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  for (std::uint64_t seq = 1; seq <= 10; ++seq) REQUIRE(north->append(said("hall", "ann", seq)));
  run_until({north.get()}, [&] { return north->logs["hall"].size() == 10; });
  chat::redis_options options = quick(redis.where(), "south");
  redis.freeze();
  options.link.opening = 50ms;
  redis_node south(options);
  south.subscribe("hall");
  const auto page = south.history({.room = "hall", .after = north->logs["hall"][3].at, .most = 50});
  run_until({&south}, [&] { return page->has_value(); });
  CHECK((*page)->messages.empty());
  CHECK_FALSE((*page)->complete);
  redis.thaw();
  run_until({&south}, [&] { return south.logs["hall"].size() == 6; });
  CHECK(south.logs["hall"].front().seq == 5);
}

// Rooms

TEST_CASE("redis_store: a room that is left is silent, and one that is entered again begins anew", "[redis_store]") {
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  REQUIRE(north->append(said("hall", "ann", 1)));
  run_until({north.get(), south.get()}, [&] { return south->logs["hall"].size() == 1; });
  south->store->unsubscribe("hall", chat::clock::now());
  REQUIRE(north->append(said("hall", "ann", 2)));
  run_until({north.get(), south.get()}, [&] { return north->logs["hall"].size() == 2; });
  for (int i = 0; i != 5; ++i) {  // quicker than Redis answers
    south->subscribe("hall");
    south->store->unsubscribe("hall", chat::clock::now());
  }
  south->subscribe("hall");
  const auto page = south->history({.room = "hall", .most = 50});
  run_until({north.get(), south.get()}, [&] { return page->has_value(); });
  CHECK((*page)->messages == north->logs["hall"]);
  REQUIRE(north->append(said("hall", "ann", 3)));
  run_until({north.get(), south.get()}, [&] { return south->logs["hall"].back().seq == 3; });
  CHECK(south->logs["hall"].size() == 2);  // the first and the third
}

TEST_CASE("redis_store: names of rooms with every sort of character in them", "[redis_store]") {
  redis_process redis;
  const auto node = node_in_hall(redis, "north");
  for (const std::string name : {"a b", "*", "a:b", "{x}", "\"", "ü🙂", "%s"}) {
    node->subscribe(name);
    REQUIRE(node->append(said(name, "ann", 1)));
    run_until({node.get()}, [&] { return node->logs[name].size() == 1; });
  }
}

TEST_CASE("redis_store: what is said in a room that begins without Redis is told again with its place",
          "[redis_store]") {
  redis_process redis;
  redis.kill();
  redis_node node(quick(redis.where(), "north"));
  node.subscribe("hall");
  for (std::uint64_t seq = 1; seq <= 5; ++seq) REQUIRE(node.append(said("hall", "ann", seq)));
  CHECK(by_author(node.provisional)["ann"] == up_to(5));
  CHECK_FALSE(node.store->together());
  redis.start();
  run_until({&node}, [&] { return node.logs["hall"].size() == 5 && node.store->together(); });
  CHECK(by_author(node.logs["hall"])["ann"] == up_to(5));
}

// Who is there

TEST_CASE("redis_store: who is in a room, over all nodes, until a node dies", "[redis_store]") {
  using names = std::vector<std::string>;
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  north->set_members("hall", {"ann", "ben"});
  CHECK(north->names["hall"] == names{"ann", "ben"});
  auto south = node_in_hall(redis, "south");
  run_until({north.get(), south.get()}, [&] { return south->names["hall"] == names{"ann", "ben"}; });
  south->set_members("hall", {"ben", "eve"});
  run_until({north.get(), south.get()}, [&] { return north->names["hall"] == names{"ann", "ben", "eve"}; });
  CHECK(south->names["hall"] == names{"ann", "ben", "eve"});

  // Nobody goes while all is well, and at once those who leave.
  const auto later = chat::clock::now() + 500ms;
  run_until({north.get(), south.get()}, [&] { return chat::clock::now() > later; });
  CHECK(north->names["hall"] == names{"ann", "ben", "eve"});
  south->set_members("hall", {"ben"});
  run_until({north.get(), south.get()}, [&] { return north->names["hall"] == names{"ann", "ben"}; });
  south->set_members("hall", {"eve"});
  run_until({north.get(), south.get()}, [&] { return north->names["hall"] == names{"ann", "ben", "eve"}; });
  south.reset();
  run_until({north.get()}, [&] { return north->names["hall"] == names{"ann", "ben"}; });

  auto again = node_in_hall(redis, "south");
  again->set_members("hall", {"eve"});
  run_until({north.get(), again.get()}, [&] { return north->names["hall"].size() == 3; });
  again->store->unsubscribe("hall", chat::clock::now());
  run_until({north.get(), again.get()}, [&] { return north->names["hall"].size() == 2; });
}

TEST_CASE("redis_store: a node that ends in good order says that nobody is there any more", "[redis_store]") {
  using names = std::vector<std::string>;
  redis_process redis;
  chat::redis_options options = quick(redis.where(), "north");
  options.presence_gone = 1h;
  redis_node north(options);
  north.subscribe("hall");
  run_until({&north}, [&] { return north.store->together(); });
  north.set_members("hall", {"ann"});
  auto south = node_in_hall(redis, "south");
  south->set_members("hall", {"eve"});
  run_until({&north, south.get()}, [&] { return north.names["hall"] == names{"ann", "eve"}; });
  south->store->unsubscribe("hall", chat::clock::now());
  south.reset();
  run_until({&north}, [&] { return north.names["hall"] == names{"ann"}; });
}

TEST_CASE("redis_store: who is there is known again after Redis was lost", "[redis_store]") {
  using names = std::vector<std::string>;
  redis_process redis;
  const auto north = node_in_hall(redis, "north");
  const auto south = node_in_hall(redis, "south");
  north->set_members("hall", {"ann"});
  south->set_members("hall", {"ben"});
  run_until({north.get(), south.get()},
            [&] { return north->names["hall"].size() == 2 && south->names["hall"].size() == 2; });
  redis.kill();
  run_until({north.get(), south.get()},
            [&] { return north->names["hall"] == names{"ann"} && south->names["hall"] == names{"ben"}; });
  south->set_members("hall", {"ben", "eve"});
  redis.start();
  run_until({north.get(), south.get()},
            [&] { return north->names["hall"].size() == 3 && south->names["hall"].size() == 3; });
}
