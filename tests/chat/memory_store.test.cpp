#include "server/memory_store.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

using chat::history_page;
using chat::memory_store;
using chat::message;
using chat::place;

/// Notes what a store tells.
struct heard final : chat::store_events {
  void stored(const message& said) override { messages.push_back(said); }
  void accepted(const message& said) override { answers.push_back(said); }
  void members(const std::string& /*room*/, const std::vector<std::string>& now) override { names = now; }
  void state(bool /*together*/) override { ++states; }

  std::vector<message> messages;
  std::vector<message> answers;
  std::vector<std::string> names;
  int states = 0;
};

/// A file of its own, gone with the test.
class temporary_file {
 public:
  temporary_file() {
    const int fd = ::mkstemp(path_.data());
    if (fd >= 0) ::close(fd);
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::remove(path_.c_str()); }

  const std::string& path() const { return path_; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }

 private:
  std::string path_ = "/tmp/chat_journal_XXXXXX";
};

/// Lets no file grow beyond a size, for as long as it lives.
class full_disk {
 public:
  explicit full_disk(std::size_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;
  ~full_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

const chat::clock::time_point now{};

message said(std::uint64_t seq, const std::string& text = "x", const std::string& room = "hall",
             const std::string& from = "ann") {
  return {.room = room,
          .from = from,
          .sender = "01234567",
          .seq = seq,
          .text = text,
          .time = static_cast<std::int64_t>(seq) * 10};
}

history_page page_of(memory_store& store, chat::history_query query) {
  history_page page;
  int answers = 0;
  store.history(query, [&](history_page answer) {
    page = std::move(answer);
    ++answers;
  });
  CHECK(answers == 1);
  return page;
}

std::vector<std::string> texts(const std::vector<message>& messages) {
  std::vector<std::string> texts;
  for (const message& each : messages) texts.push_back(each.text);
  return texts;
}

const std::string ann = chat::author_of("ann", "01234567");

}  // namespace

TEST_CASE("memory_store: an appended message is told with its place, and accepted", "[memory_store]") {
  memory_store store;
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  store.subscribe("hall", now);
  REQUIRE(store.append(said(1, "one"), now));
  REQUIRE(store.append(said(2, "two"), now));
  CHECK(texts(events.messages) == std::vector<std::string>{"one", "two"});
  CHECK(events.messages[0].at == place{10, 0});
  CHECK(events.messages[1].at == place{20, 0});
  CHECK(events.answers == events.messages);
  CHECK(store.together());
  CHECK(events.states == 0);
}

TEST_CASE("memory_store: a repeated message is accepted and told to nobody", "[memory_store]") {
  memory_store store;
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  store.subscribe("hall", now);
  for (const std::uint64_t seq : {1U, 2U, 1U, 2U}) REQUIRE(store.append(said(seq), now));
  CHECK(events.messages.size() == 2);
  REQUIRE(events.answers.size() == 4);
  CHECK_FALSE(events.answers[2].at);
  CHECK(events.answers[2].seq == 1);
  // The same number of someone else, or in another room, is another message.
  REQUIRE(store.append(said(1, "x", "hall", "bob"), now));
  REQUIRE(store.append(said(1, "x", "cellar"), now));
  CHECK(events.messages.size() == 3);  // nobody listens to the cellar
  CHECK(events.answers.back().at);
}

TEST_CASE("memory_store: places grow, whatever the clock says", "[memory_store]") {
  memory_store store;
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  store.subscribe("hall", now);
  message each = said(1);
  for (const std::int64_t time : {1000, 1000, 500, -7, 1001}) {
    each.time = time;
    REQUIRE(store.append(each, now));
    ++each.seq;
  }
  std::vector<place> places;
  for (const message& told : events.messages) places.push_back(*told.at);
  CHECK(places == std::vector<place>{{1000, 0}, {1000, 1}, {1000, 2}, {1000, 3}, {1001, 0}});
}

TEST_CASE("memory_store: history comes from the end, or from behind a place, page by page", "[memory_store]") {
  memory_store store;
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  for (std::uint64_t seq = 1; seq <= 9; ++seq) REQUIRE(store.append(said(seq, std::to_string(seq)), now));

  history_page page = page_of(store, {.room = "hall", .most = 3, .author = ann});
  CHECK(texts(page.messages) == std::vector<std::string>{"7", "8", "9"});
  CHECK_FALSE(page.more);
  CHECK(page.complete);
  CHECK(page.last_seq == 9);

  page = page_of(store, {.room = "hall", .after = place{40, 0}, .most = 3});
  CHECK(texts(page.messages) == std::vector<std::string>{"5", "6", "7"});
  CHECK(page.more);
  CHECK(page.complete);
  CHECK(page.last_seq == 0);

  page = page_of(store, {.room = "hall", .after = place{60, 0}, .most = 3});
  CHECK(texts(page.messages) == std::vector<std::string>{"7", "8", "9"});
  CHECK_FALSE(page.more);

  page = page_of(store, {.room = "hall", .after = place{45, 1}, .most = 10});
  CHECK(page.messages.size() == 5);
  CHECK(page.complete);

  page = page_of(store, {.room = "hall", .after = place{90, 0}, .most = 3});
  CHECK(page.messages.empty());
  CHECK(page.complete);
}

TEST_CASE("memory_store: history that does not reach back is not complete", "[memory_store]") {
  memory_store store({}, {.messages_of_room = 4});
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  CHECK_FALSE(page_of(store, {.room = "hall", .after = place{1, 0}, .most = 9}).complete);
  CHECK(page_of(store, {.room = "hall", .most = 9}).complete);

  for (std::uint64_t seq = 1; seq <= 9; ++seq) REQUIRE(store.append(said(seq, std::to_string(seq)), now));
  history_page page = page_of(store, {.room = "hall", .after = place{60, 0}, .most = 9});
  CHECK(texts(page.messages) == std::vector<std::string>{"7", "8", "9"});
  CHECK(page.complete);
  page = page_of(store, {.room = "hall", .after = place{50, 0}, .most = 9});
  CHECK(texts(page.messages) == std::vector<std::string>{"6", "7", "8", "9"});
  CHECK_FALSE(page.complete);
}

TEST_CASE("memory_store: the oldest messages of all rooms give way when there are too many bytes", "[memory_store]") {
  memory_store store({}, {.messages_of_room = 1000, .bytes_in_all = 20 * 1024});
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  REQUIRE(store.append(said(1, "first", "cellar"), now));
  for (std::uint64_t seq = 2; seq <= 200; ++seq) REQUIRE(store.append(said(seq, "x", "hall"), now));
  CHECK(page_of(store, {.room = "cellar", .most = 1000}).messages.empty());
  const history_page page = page_of(store, {.room = "hall", .most = 1000, .author = ann});
  CHECK(page.messages.size() > 10);
  CHECK(page.messages.size() < 60);
  CHECK(page.messages.back().seq == 200);
  CHECK(page.last_seq == 200);
}

TEST_CASE("memory_store: a room takes memory as well, and gives it back", "[memory_store]") {
  memory_store store({}, {.messages_of_room = 1000, .bytes_in_all = 180'000});
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  // A room with one message holds about 1800 bytes: its list, its index of authors, its place among the rooms.
  for (int turn = 0; turn < 2; ++turn) {
    for (std::uint64_t seq = 1; seq <= 300; ++seq) {
      REQUIRE(store.append(said(seq, "x", std::to_string(turn) + ' ' + std::to_string(seq)), now));
    }
    std::size_t kept = 0;
    for (std::uint64_t seq = 1; seq <= 300; ++seq) {
      kept += page_of(store, {.room = std::to_string(turn) + ' ' + std::to_string(seq), .most = 9}).messages.size();
    }
    CHECK(kept > 80);
    CHECK(kept < 110);
  }
}

TEST_CASE("memory_store: members are told as they are set", "[memory_store]") {
  memory_store store;
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  store.set_members("hall", {"ann"}, now);
  CHECK(events.names.empty());
  store.subscribe("hall", now);
  store.set_members("hall", {"ann", "bob"}, now);
  CHECK(events.names == std::vector<std::string>{"ann", "bob"});
}

TEST_CASE("journal: what was accepted is there again, and a repeated message is still known", "[journal]") {
  const temporary_file file;
  {
    memory_store store(file.path());
    heard events;
    REQUIRE_FALSE(store.start(events, now));
    REQUIRE(store.append(said(1, "one\n\"\xE2\x82\xAC\""), now));
    REQUIRE(store.append(said(2, "two"), now));
    REQUIRE(store.append(said(2, "two"), now));
    REQUIRE(store.append(said(1, "elsewhere", "cellar", "bob"), now));
  }
  memory_store store(file.path());
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  const history_page page = page_of(store, {.room = "hall", .most = 9, .author = ann});
  CHECK(texts(page.messages) == std::vector<std::string>{"one\n\"\xE2\x82\xAC\"", "two"});
  CHECK(page.messages[0].at == place{10, 0});
  CHECK(page.last_seq == 2);
  CHECK(page_of(store, {.room = "cellar", .most = 9}).messages.size() == 1);

  store.subscribe("hall", now);
  REQUIRE(store.append(said(2, "two"), now));
  CHECK(events.messages.empty());
  message late = said(3, "three");
  late.time = 0;
  REQUIRE(store.append(late, now));
  CHECK(events.messages[0].at == place{20, 2});  // behind the last one, which was bob's
}

TEST_CASE("journal: a last line that was cut anywhere is taken away", "[journal]") {
  const temporary_file file;
  {
    memory_store store(file.path());
    heard events;
    REQUIRE_FALSE(store.start(events, now));
    REQUIRE(store.append(said(1, "one"), now));
    REQUIRE(store.append(said(2, "two"), now));
  }
  const std::string whole = file.content();
  const std::size_t first_line = whole.find('\n') + 1;
  for (std::size_t size = first_line; size < whole.size(); ++size) {
    file.write(whole.substr(0, size));
    {
      memory_store store(file.path());
      heard events;
      REQUIRE_FALSE(store.start(events, now));
      const history_page page = page_of(store, {.room = "hall", .most = 9, .author = ann});
      CHECK(texts(page.messages) == std::vector<std::string>{"one"});
      CHECK(page.last_seq == 1);
      CHECK(file.content() == whole.substr(0, first_line));
      REQUIRE(store.append(said(2, "two"), now));
    }
    CHECK(file.content() == whole);
  }
}

TEST_CASE("journal: a line that is there twice counts once", "[journal]") {
  const temporary_file file;
  {
    memory_store store(file.path());
    heard events;
    REQUIRE_FALSE(store.start(events, now));
    REQUIRE(store.append(said(1, "one"), now));
    REQUIRE(store.append(said(2, "two"), now));
  }
  file.write(file.content() + file.content());
  memory_store store(file.path());
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  CHECK(page_of(store, {.room = "hall", .most = 9}).messages.size() == 2);
}

TEST_CASE("journal: a whole line that is no message is not passed over", "[journal]") {
  const temporary_file file;
  for (const char* const line : {"\n", "{}\n", "[]\n", "not JSON\n",
                                 R"({"at":"1","room":"r","from":"f","sender":"s","seq":1,"text":"t","time":1})"
                                 "\n",
                                 R"({"at":"1-0","room":"r","from":"f","sender":"s","seq":"1","text":"t","time":1})"
                                 "\n",
                                 R"({"at":"1-0","room":"r","from":"f","sender":"s","seq":-1,"text":"t","time":1})"
                                 "\n"}) {
    file.write(line);
    memory_store store(file.path());
    heard events;
    const auto fault = store.start(events, now);
    INFO(line);
    REQUIRE(fault);
    CHECK(fault->find("line 1") != std::string::npos);
    CHECK(file.content() == line);
  }
}

TEST_CASE("journal: messages that are not in the order of their places are not taken", "[journal]") {
  const temporary_file one;
  const temporary_file other;
  const temporary_file joined;
  heard events;
  const auto append_to = [&](const temporary_file& file, const std::string& room) {
    memory_store store(file.path());
    REQUIRE_FALSE(store.start(events, now));
    REQUIRE(store.append(said(1, "one", room), now));
  };
  append_to(one, "hall");
  append_to(other, "cellar");  // the same place in another room
  joined.write(one.content() + other.content());
  memory_store store(joined.path());
  const auto fault = store.start(events, now);
  REQUIRE(fault);
  CHECK(fault->find("line 2") != std::string::npos);
}

TEST_CASE("journal: two servers cannot use one file, and one that cannot be opened is reported", "[journal]") {
  const temporary_file file;
  memory_store first(file.path());
  memory_store second(file.path());
  heard events;
  REQUIRE_FALSE(first.start(events, now));
  CHECK(second.start(events, now));
  CHECK(memory_store("/nowhere/at/all").start(events, now));
  CHECK(memory_store("/dev/null").start(events, now));
}

TEST_CASE("journal: what cannot be written whole is not accepted, and leaves nothing behind", "[journal]") {
  const temporary_file file;
  memory_store store(file.path());
  heard events;
  REQUIRE_FALSE(store.start(events, now));
  store.subscribe("hall", now);
  REQUIRE(store.append(said(1, "one"), now));
  const std::string before = file.content();
  {
    const full_disk limit(before.size() + 20);
    CHECK_FALSE(store.append(said(2, "two"), now));
    CHECK(file.content() == before);
    CHECK_FALSE(store.append(said(2, "two"), now));
  }
  CHECK(events.messages.size() == 1);
  CHECK(events.answers.size() == 1);
  REQUIRE(store.append(said(2, "two"), now));
  CHECK(events.messages.size() == 2);
  CHECK(file.content().starts_with(before));
}

TEST_CASE("memory_store: a random life, seen through the journal again, is the same life", "[memory_store][journal]") {
  // Invariant: after any appends, ends and beginnings, each room's history is what was accepted first of each number.
  const temporary_file file;
  std::mt19937 random(1);
  std::map<std::string, std::vector<message>> expected;
  std::map<std::string, std::uint64_t> last;
  for (int life = 0; life < 20; ++life) {
    memory_store store(file.path());
    heard events;
    REQUIRE_FALSE(store.start(events, now));
    for (int i = 0; i < 50; ++i) {
      message each = said(1 + (random() % 40), std::to_string(random()), random() % 2 == 0 ? "hall" : "cellar",
                          random() % 2 == 0 ? "ann" : "bob");
      each.time = static_cast<std::int64_t>(random() % 1000);
      REQUIRE(store.append(each, now));
      std::uint64_t& seq = last[each.room + each.from];
      if (each.seq <= seq) continue;
      seq = each.seq;
      each.at = events.answers.back().at;
      expected[each.room].push_back(each);
    }
    for (const auto& [room, messages] : expected) {
      CHECK(page_of(store, {.room = room, .most = 10'000}).messages == messages);
    }
  }
}
