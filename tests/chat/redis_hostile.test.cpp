#include "redis/store.hpp"
//
#include <poll.h>

#include <algorithm>
#include <functional>
#include <list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "posix_socket.hpp"
#include "redis_node.hpp"

using tests::quick;
using tests::redis_node;
using tests::run_until;
using tests::said;
using namespace std::chrono_literals;

namespace {

/// Listens where a Redis should, and says whatever a test makes it say.
class false_redis {
 public:
  using words = std::vector<std::string>;

  false_redis() : listener_(examples::listen_on_loopback(0)) {}

  std::string where() const { return "127.0.0.1:" + std::to_string(examples::port_of(listener_)); }

  /// What is sent back for a command; nothing ends the connection.
  std::function<std::optional<std::string>(const words&)> answer;

  /// Serves all that came. Gives: true, so that it can stand in a condition.
  bool serve() {
    while (true) {
      examples::unique_fd socket(::accept4(listener_.value(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) break;
      examples::set_no_delay(socket.value());
      connections_.emplace_back(std::move(socket));
    }
    for (auto each = connections_.begin(); each != connections_.end();) {
      if (serve(*each)) ++each;
      else each = connections_.erase(each);
    }
    return true;
  }

  /// Sends the same on all connections.
  void say(std::string_view bytes) {
    for (const connection& each : connections_) write(each, bytes);
  }

  std::vector<words> asked;

 private:
  struct connection {
    explicit connection(examples::unique_fd opened) : socket(std::move(opened)) {}
    examples::unique_fd socket;
    chat::redis_parser parser;
  };

  static void write(const connection& to, std::string_view bytes) {
    const std::array runs{std::as_bytes(std::span<const char>(bytes))};
    examples::write_some(to.socket.value(), runs);
  }

  bool serve(connection& from) {
    std::array<std::byte, 65'536> buffer;
    while (true) {
      const examples::transfer got = examples::read_some(from.socket.value(), buffer);
      if (got.ended) return false;
      if (got.blocked) break;
      REQUIRE(from.parser.feed({static_cast<const char*>(static_cast<const void*>(buffer.data())), got.count}));
    }
    while (const chat::redis_reply command = from.parser.next()) {
      words all;
      for (std::size_t i = 0; i != command.value().size(); ++i) all.emplace_back(command.value()[i].text());
      asked.push_back(all);
      const auto reply = answer(all);
      if (!reply) return false;
      write(from, *reply);
    }
    REQUIRE_FALSE(from.parser.is_broken());
    return true;
  }

  examples::unique_fd listener_;
  std::list<connection> connections_;
};

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()).append("\r\n").append(text).append("\r\n");
}

std::string list(const std::vector<std::string>& elements) {
  std::string text = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) text += element;
  return text;
}

std::string news(std::string_view room, std::string_view payload) {
  return list({bulk("message"), bulk(chat::redis_channel(room)), bulk(payload)});
}

/// Still quicker: here there is no one to wait for.
chat::redis_options hasty(const false_redis& redis) {
  chat::redis_options options = quick(redis.where(), "north");
  options.link = {.opening = 50ms, .ping_after = 20ms, .pong_within = 50ms, .stalled = 50ms};
  options.back = {.base = 1ms, .cap = 5ms};
  return options;
}

/// What a Redis that is empty, and stays so, would say.
std::optional<std::string> as_it_should(const false_redis::words& command) {
  const std::string& name = command.front();
  if (name == "SCRIPT") return bulk(std::string(40, 'a'));
  if (name == "PING") return "+PONG\r\n";
  if (name == "SUBSCRIBE") return list({bulk("subscribe"), bulk(command[1]), ":1\r\n"});
  if (name == "UNSUBSCRIBE") return list({bulk("unsubscribe"), bulk(command[1]), ":0\r\n"});
  if (name == "XRANGE" || name == "XREVRANGE") return "*0\r\n";
  if (name == "MULTI") return "+OK\r\n";
  if (name == "EXEC") return list({"*0\r\n", "*0\r\n", "$-1\r\n"});
  if (name == "PUBLISH") return ":1\r\n";
  if (name == "EVALSHA") return list({":1\r\n", bulk("1700000000000-" + command[5])});  // a message is stored
  return "$-1\r\n";
}

/// Replies that no command has.
std::vector<std::string> wrong_replies() {
  std::vector<std::string> wrong{"$-1\r\n",
                                 "*-1\r\n",
                                 "-ERR no\r\n",
                                 "-\r\n",
                                 "+OK\r\n",
                                 "+QUEUED\r\n",
                                 ":-1\r\n",
                                 ":9223372036854775807\r\n",
                                 "*0\r\n",
                                 "$0\r\n\r\n",
                                 "$3\r\nabc\r\n",
                                 "*1\r\n*0\r\n",
                                 "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
                                 "*2147483647\r\n",
                                 "$-7\r\n",
                                 "HTTP/1.1 200 OK\r\n\r\n",
                                 "\r\n",
                                 std::string(3, '\0')};
  wrong.push_back(list({":1\r\n", bulk("no place")}));
  wrong.push_back(list({":1\r\n", bulk("99999999999999999999-0")}));
  wrong.push_back(list({list({bulk("no place"), list({bulk("m"), bulk("{}")})})}));
  wrong.push_back(list({list({bulk("1-1"), "$-1\r\n"})}));
  wrong.push_back(list({list({bulk("18446744073709551615-18446744073709551615"), list({bulk("m"), bulk("{}")})})}));
  wrong.push_back(list({bulk("subscribe"), "$-1\r\n", "$-1\r\n"}));
  wrong.push_back(list({bulk("message")}));
  wrong.push_back(news("hall", "") + news("hall", "{") + news("hall", "1-1 {}") + news("nowhere", "{}") +
                  "*2\r\n:1\r\n:2\r\n");
  std::string deep;
  for (int i = 0; i != 20; ++i) deep += "*1\r\n";
  wrong.push_back(deep);
  return wrong;
}

/// Uses all that a store does, several times over.
void use(redis_node& node, false_redis& redis, std::uint64_t& seq) {
  for (int round = 0; round != 3; ++round) {
    node.subscribe("hall");
    (void)node.append(said("hall", "ann", ++seq));
    node.set_members("hall", {"ann", std::to_string(seq)});
    const auto page = node.history({.room = "hall", .after = chat::place{5, 5}, .most = 10, .author = "x\ny"});
    int turns = 0;
    run_until({&node}, [&] { return redis.serve() && ++turns > 3; });
    if (round == 1) node.store->unsubscribe("hall", chat::clock::now());
  }
}

}  // namespace

TEST_CASE("redis_store: whatever is answered to any command, the node goes on by itself", "[redis_hostile]") {
  for (const std::string_view command : {"SCRIPT", "PING", "SUBSCRIBE", "XRANGE", "XREVRANGE", "MULTI", "EXEC",
                                         "PUBLISH", "GET", "EVALSHA", "UNSUBSCRIBE"}) {
    for (const std::string& wrong : wrong_replies()) {
      CAPTURE(command, wrong);
      false_redis redis;
      redis.answer = [&](const false_redis::words& words) {
        return words.front() == command ? std::optional(wrong) : as_it_should(words);
      };
      redis_node node(hasty(redis));
      std::uint64_t seq = 0;
      use(node, redis, seq);
      CHECK(node.append(said("hall", "ann", ++seq)));
      for (const chat::message& told : node.logs["hall"]) CHECK(told.at);
      for (std::size_t i = 1; i < node.safe.size(); ++i) CHECK(node.safe[i - 1].seq < node.safe[i].seq);
    }
  }
}

TEST_CASE("redis_store: after any nonsense, a Redis that makes sense is taken", "[redis_hostile]") {
  for (const std::string& wrong : wrong_replies()) {
    CAPTURE(wrong);
    false_redis redis;
    bool sane = false;
    redis.answer = [&](const false_redis::words& words) { return sane ? as_it_should(words) : std::optional(wrong); };
    redis_node node(hasty(redis));
    std::uint64_t seq = 0;
    use(node, redis, seq);
    sane = true;
    run_until({&node}, [&] { return redis.serve() && node.store->together() && node.safe.size() >= seq; });
    CHECK(node.safe.size() == seq);
  }
}

TEST_CASE("redis_store: noise that nobody asked for ends the links, and no more", "[redis_hostile]") {
  std::mt19937 random(3);
  constexpr std::string_view alphabet = "*$+-:0123456789\r\n\r\nab";
  false_redis redis;
  redis.answer = as_it_should;
  redis_node node(hasty(redis));
  node.subscribe("hall");
  const std::vector<std::string> wrong = wrong_replies();
  for (std::uint64_t round = 1; round <= 100; ++round) {
    run_until({&node}, [&] { return redis.serve() && node.store->together(); });
    std::string noise(1 + (random() % 40), ' ');
    for (char& byte : noise) byte = alphabet[random() % alphabet.size()];
    redis.say(round % 2 == 0 ? noise : wrong[round / 2 % wrong.size()]);
    REQUIRE(node.append(said("hall", "ann", round)));
    run_until({&node}, [&] { return redis.serve() && node.safe.size() == round; });
  }
}

TEST_CASE("redis_store: what was told on the channel is stored, even if its reply is lost", "[redis_hostile]") {
  false_redis redis;
  bool lost = false;
  redis.answer = [&](const false_redis::words& words) -> std::optional<std::string> {
    if (words.front() != "EVALSHA") return as_it_should(words);
    if (words[5] != "2") return as_it_should(words);
    redis.say(news("hall", "1700000000000-2 " + words[7]));
    lost = true;
    return std::nullopt;
  };
  redis_node node(hasty(redis));
  node.subscribe("hall");
  run_until({&node}, [&] { return redis.serve() && node.store->together(); });
  for (std::uint64_t seq = 1; seq <= 3; ++seq) REQUIRE(node.append(said("hall", "ann", seq)));
  run_until({&node}, [&] { return redis.serve() && node.safe.size() == 3 && node.store->together(); });
  CHECK(lost);
  REQUIRE(node.logs["hall"].size() == 1);
  std::vector<std::string> sent;
  for (const auto& words : redis.asked) {
    if (words.front() == "EVALSHA") sent.push_back(words[5] + " behind " + words[6]);
  }
  CHECK(sent == std::vector<std::string>{"1 behind 0", "2 behind 1", "3 behind 0"});
  REQUIRE(node.provisional.size() == 1);
  CHECK(node.provisional.front().seq == 3);
}

TEST_CASE("redis_store: a Redis that says nothing at all is given up again and again", "[redis_hostile]") {
  false_redis redis;
  redis.answer = [](const false_redis::words&) { return std::string(); };
  redis_node node(hasty(redis));
  node.subscribe("hall");
  REQUIRE(node.append(said("hall", "ann", 1)));
  run_until({&node}, [&] { return redis.serve() && redis.asked.size() > 8; });
  CHECK(node.trouble == "Redis does not answer");
  CHECK(node.states.empty());
  CHECK(node.provisional.size() == 1);
}

TEST_CASE("redis_store: a node without any Redis does not start to spin", "[redis_hostile]") {
  std::string where;
  {
    const examples::unique_fd listener = examples::listen_on_loopback(0);
    where = "127.0.0.1:" + std::to_string(examples::port_of(listener));
  }
  chat::redis_options options = quick(where, "north");
  options.back = {.base = 1s, .cap = 1h};
  options.presence_every = 1h;
  redis_node node(options);
  int turns = 0;
  const auto end = chat::clock::now() + 100ms;
  for (; chat::clock::now() < end; ++turns) {
    const auto wait = std::min(node.store->deadline(), end) - chat::clock::now();
    pollfd watched{.fd = node.store->descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&watched, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
    node.store->advance(chat::clock::now());
  }
  CHECK(node.trouble == "Redis has ended the connection");
  CHECK(turns < 50);
}

TEST_CASE("find_redis: addresses", "[redis_hostile]") {
  CHECK(chat::find_redis("127.0.0.1:6379"));
  CHECK(chat::find_redis("[::1]:6379"));
  for (const std::string_view text : {"", "6379", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x"}) {
    CAPTURE(text);
    CHECK_FALSE(chat::find_redis(text));
  }
}
