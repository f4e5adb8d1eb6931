// A server without connections: it writes down what its store tells, and checks what a store never does.
#ifndef SANSOCKET_TESTS_CHAT_REDIS_NODE_HPP
#define SANSOCKET_TESTS_CHAT_REDIS_NODE_HPP

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "redis/store.hpp"
#include "redis_process.hpp"

namespace tests {

using namespace std::chrono_literals;
using chat::message;
using chat::place;

inline message said(std::string room, const std::string& author, std::uint64_t seq) {
  return {.room = std::move(room),
          .from = author,
          .sender = "instance of " + author,
          .seq = seq,
          .text = author + " says " + std::to_string(seq),
          .time = 1'700'000'000'000};
}

/// Times that do not keep a test waiting.
inline chat::redis_options quick(const std::string& where, std::string node) {
  chat::redis_options options{.where = where, .node = std::move(node), .presence_every = 50ms, .presence_gone = 1s};
  options.link = {.opening = 5s, .ping_after = 300ms, .pong_within = 3s, .stalled = 3s};
  options.back = {.base = 10ms, .cap = 100ms, .stable = 1s};
  return options;
}

class redis_node final : public chat::store_events {
 public:
  explicit redis_node(chat::redis_options options) {
    options.lost = [this](const std::string& why) { trouble = why; };
    store = std::make_unique<chat::redis_store>(std::move(options));
    REQUIRE(!store->start(*this, chat::clock::now()));
  }

  void stored(const message& said) override {
    if (!said.at) return provisional.push_back(said);
    auto& log = logs[said.room];
    if (!log.empty()) REQUIRE(*log.back().at < *said.at);
    log.push_back(said);
  }
  void accepted(const message& said) override { safe.push_back(said); }
  void members(const std::string& room, const std::vector<std::string>& all) override {
    REQUIRE(names[room] != all);
    names[room] = all;
  }
  void state(bool together) override {
    REQUIRE((states.empty() ? together : states.back() != together));
    states.push_back(together);
  }

  bool append(const message& what) { return store->append(what, chat::clock::now()); }
  void subscribe(const std::string& room) { store->subscribe(room, chat::clock::now()); }
  void set_members(const std::string& room, const std::vector<std::string>& here) {
    store->set_members(room, here, chat::clock::now());
  }
  std::shared_ptr<std::optional<chat::history_page>> history(const chat::history_query& query) {
    auto page = std::make_shared<std::optional<chat::history_page>>();
    store->history(query, [page](chat::history_page answer) {
      REQUIRE(!page->has_value());
      *page = std::move(answer);
    });
    return page;
  }

  std::unique_ptr<chat::redis_store> store;
  std::map<std::string, std::vector<message>> logs;
  std::vector<message> provisional;
  std::vector<message> safe;
  std::map<std::string, std::vector<std::string>> names;
  std::vector<bool> states;
  std::string trouble;  // why the links were lost, the last time
};

/// Lets the nodes work until something is so, which must not take long.
template <class Done>
void run_until(std::initializer_list<redis_node*> nodes, Done&& done) {
  const auto end = chat::clock::now() + 20s;
  while (!done()) {
    REQUIRE(chat::clock::now() < end);
    std::vector<pollfd> watched;
    auto wake = end;
    for (const redis_node* node : nodes) {
      watched.push_back({.fd = node->store->descriptor(), .events = POLLIN, .revents = 0});
      wake = std::min(wake, node->store->deadline());
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - chat::clock::now());
    ::poll(watched.data(), watched.size(), static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 2)));
    for (redis_node* node : nodes) node->store->advance(chat::clock::now());
  }
}

/// A node that is together with the others, and in the hall.
inline std::unique_ptr<redis_node> node_in_hall(const redis_process& redis, std::string name,
                                                std::chrono::milliseconds patience = 3s) {
  chat::redis_options options = quick(redis.where(), std::move(name));
  options.link.pong_within = patience;
  auto node = std::make_unique<redis_node>(options);
  node->subscribe("hall");
  run_until({node.get()}, [&] { return node->store->together(); });
  return node;
}

/// Every author's numbers, in the order in which they stand there.
inline std::map<std::string, std::vector<std::uint64_t>> by_author(const std::vector<chat::message>& log) {
  std::map<std::string, std::vector<std::uint64_t>> numbers;
  for (const chat::message& each : log) numbers[each.from].push_back(each.seq);
  return numbers;
}

inline std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = 1; n <= last; ++n) numbers.push_back(n);
  return numbers;
}

}  // namespace tests

#endif
