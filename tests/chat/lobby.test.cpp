#include "server/lobby.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "handshake_for_tests.hpp"

namespace {

using chat::history_page;
using chat::json;
using chat::lobby;
using chat::message;
using chat::place;

const chat::clock::time_point now{};

/// A store that does nothing by itself: the test says what it tells, and when it answers.
class told_store final : public chat::store {
 public:
  std::optional<std::string> start(chat::store_events& /*events*/, chat::clock::time_point /*now*/) override {
    return std::nullopt;
  }
  bool append(const message& said, chat::clock::time_point /*now*/) override {
    if (!busy) appended.push_back(said);
    return !busy;
  }
  void subscribe(const std::string& room, chat::clock::time_point /*now*/) override { calls.push_back("+" + room); }
  void unsubscribe(const std::string& room, chat::clock::time_point /*now*/) override { calls.push_back("-" + room); }
  void history(const chat::history_query& query, std::function<void(history_page)> answer) override {
    asked.push_back(query);
    answers.push_back(std::move(answer));
  }
  void set_members(const std::string& room, const std::vector<std::string>& names,
                   chat::clock::time_point /*now*/) override {
    // As redis and memory do: who is here is known at once.
    if (events != nullptr) events->members(room, names);
  }
  bool together() const override { return is_together; }

  /// Answers the oldest question.
  void answer(history_page page) {
    REQUIRE(!answers.empty());
    const auto each = std::move(answers.front());
    answers.pop_front();
    asked.pop_front();
    each(std::move(page));
  }

  chat::store_events* events = nullptr;
  bool busy = false;
  bool is_together = true;
  std::vector<std::string> calls;
  std::vector<message> appended;
  std::deque<chat::history_query> asked;
  std::deque<std::function<void(history_page)>> answers;
};

/// A member with the client at its other end.
struct guest {
  guest(std::uint64_t id, std::string user) : who(id, std::move(user), accepted_upgrade(), {}) {}

  /// What has come at the client.
  std::vector<json> hear() {
    std::vector<json> heard;
    while (who.ws.buffered() != 0) {
      const auto output = who.ws.output();
      std::vector<std::byte> wire(output.begin(), output.end());
      REQUIRE(who.ws.sent(wire.size()) == sansocket::error::none);
      REQUIRE(client.receive(wire) == sansocket::error::none);
      while (const auto event = client.poll()) {
        if (event.type == sansocket::event_type::text) heard.push_back(json::parse(event.text()));
        if (event.type == sansocket::event_type::closed) closed = event.why.received;
      }
    }
    return heard;
  }

  chat::member who;
  sansocket::client_connection client;
  sansocket::close_code closed = sansocket::close_code::none;
};

/// A lobby, and those in it.
struct house {
  explicit house(std::size_t live_messages = 1000) : rooms(kept, "node", live_messages, log) { kept.events = &rooms; }

  guest& add(const std::string& user) {
    guests.push_back(std::make_unique<guest>(guests.size() + 1, user));
    return *guests.back();
  }

  void join(guest& who, const std::string& room = "hall", const std::optional<place>& after = std::nullopt,
            const std::string& sender = "01234567") {
    const json at = after ? json(after->text()) : json();
    send(who, "join", 1, {{"room", room}, {"sender", sender}, {"after", at}});
  }

  void send(guest& who, std::string_view type, std::uint64_t id, const json& payload) {
    rooms.receive(who.who, json{{"type", type}, {"id", id}, {"payload", payload}}.dump(), now);
  }

  /// One turn of the event loop.
  void turn() {
    rooms.settle(now);
    for (auto touched = rooms.take_touched(); !touched.empty(); touched = rooms.take_touched()) {
      for (const std::uint64_t id : touched) rooms.push(guests[id - 1]->who, now);
      rooms.settle(now);
    }
  }

  /// What someone hears in one turn, in short: types, and texts of messages.
  std::vector<std::string> hear(guest& who) {
    turn();
    std::vector<std::string> heard;
    for (const json& each : who.hear())
      heard.push_back(each["type"] == "message" ? each["payload"]["text"] : each["type"]);
    return heard;
  }

  told_store kept;
  chat::log_lines log{true};
  lobby rooms;
  std::vector<std::unique_ptr<guest>> guests;
};

message said(std::optional<place> at, const std::string& text, std::uint64_t seq = 1) {
  return {.at = at, .room = "hall", .from = "ann", .sender = "01234567", .seq = seq, .text = text, .time = 1};
}

history_page page_of(std::vector<message> messages, bool more = false, bool complete = true, std::uint64_t last = 0) {
  return {.messages = std::move(messages), .more = more, .complete = complete, .last_seq = last};
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lobby: one joins when the history is there, and hears of each message once", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  CHECK(all.kept.calls == texts{"+hall"});
  CHECK(all.kept.asked.front().most == 50);
  CHECK(all.hear(ann).empty());

  // Told before the answer: one is in it, one is not.
  all.rooms.stored(said(place{10, 0}, "ten"));
  all.rooms.stored(said(place{20, 0}, "twenty"));
  CHECK(all.hear(ann).empty());
  all.kept.answer(page_of({said(place{5, 0}, "five"), said(place{10, 0}, "ten")}, false, true, 7));
  all.turn();
  const auto heard = ann.hear();
  REQUIRE(heard.size() == 4);
  CHECK(heard[0]["payload"] == json{{"room", "hall"},
                                    {"user", "ann"},
                                    {"node", "node"},
                                    {"members", {"ann"}},
                                    {"complete", true},
                                    {"last_seq", 7},
                                    {"state", "together"}});
  CHECK(heard[0]["id"] == 1);
  CHECK(heard[1]["payload"]["text"] == "five");
  CHECK(heard[2]["payload"]["text"] == "ten");
  CHECK(heard[3]["payload"]["text"] == "twenty");
  all.rooms.stored(said(place{30, 0}, "thirty"));
  CHECK(all.hear(ann) == texts{"thirty"});
  CHECK(all.hear(ann).empty());
}

TEST_CASE("lobby: an answer for one who has left, or gone elsewhere, is nobody's", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  all.join(ann, "cellar");
  CHECK(all.kept.calls == texts{"+hall", "-hall", "+cellar"});
  all.kept.answer(page_of({said(place{5, 0}, "in the hall")}));
  CHECK(all.hear(ann).empty());
  all.kept.answer(page_of({}));
  CHECK(all.hear(ann) == texts{"joined"});

  all.join(ann);
  all.join(ann);  // the same room, the same id
  all.kept.answer(page_of({said(place{5, 0}, "first")}));
  CHECK(all.hear(ann).empty());
  all.kept.answer(page_of({said(place{5, 0}, "second")}));
  CHECK(all.hear(ann) == texts{"joined", "second"});

  all.join(ann);
  all.rooms.leave(ann.who, now);
  all.rooms.leave(ann.who, now);
  all.kept.answer(page_of({said(place{5, 0}, "gone")}));
  CHECK(all.hear(ann).empty());
}

TEST_CASE("lobby: history comes page by page, no faster than it is taken", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann, "hall", place{1, 0});
  CHECK(all.kept.asked.front().after == place{1, 0});
  CHECK(all.kept.asked.front().most == lobby::page_size);
  std::vector<message> many;
  for (std::uint64_t i = 2; i < 202; ++i) many.push_back(said(place{i, 0}, std::string(3000, 'x')));
  all.kept.answer(page_of(many, true));
  all.turn();
  CHECK(ann.who.ws.buffered() >= chat::member::enough);
  CHECK(ann.who.ws.buffered() < chat::member::enough + 4096);
  CHECK(all.kept.asked.empty());

  std::size_t heard = 0;
  while (all.kept.asked.empty()) {
    heard += ann.hear().size();
    all.rooms.push(ann.who, now);  // as the server does when the socket has taken something
  }
  heard += ann.hear().size();
  CHECK(heard == 201);
  CHECK(all.kept.asked.front().after == place{201, 0});
  all.rooms.stored(said(place{203, 0}, "live"));
  CHECK(all.hear(ann).empty());
  all.kept.answer(page_of({said(place{202, 0}, "last"), said(place{203, 0}, "live")}));
  CHECK(all.hear(ann) == texts{"last", "live"});
}

TEST_CASE("lobby: history that has a hole sends one away, unless it is before the first page", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann, "hall", place{1, 0});
  all.kept.answer(page_of({said(place{9, 0}, "nine")}, true, false));
  all.turn();
  const auto heard = ann.hear();
  CHECK(heard.at(0)["payload"]["complete"] == false);
  CHECK(heard.at(1)["payload"]["text"] == "nine");
  all.kept.answer(page_of({said(place{99, 0}, "too late")}, false, false));
  CHECK(all.hear(ann).empty());
  CHECK(ann.closed == sansocket::close_code::try_again_later);
  CHECK(ann.who.in == nullptr);
}

TEST_CASE("lobby: if the log has moved on since the page was read, another page is asked for", "[lobby]") {
  house all(2);
  guest& ann = all.add("ann");
  all.join(ann);
  for (std::uint64_t i = 1; i <= 4; ++i) all.rooms.stored(said(place{i, 0}, std::to_string(i)));
  all.kept.answer(page_of({said(place{1, 0}, "1")}));
  CHECK(all.hear(ann) == texts{"joined", "1"});
  REQUIRE(all.kept.asked.size() == 1);
  all.kept.answer(page_of({said(place{2, 0}, "2"), said(place{3, 0}, "3")}));
  CHECK(all.hear(ann) == texts{"2", "3", "4"});
}

TEST_CASE("lobby: a store that is alone has no history; what the log has is shown", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  all.kept.answer(page_of({}));
  CHECK(all.hear(ann) == texts{"joined"});
  for (std::uint64_t i = 1; i <= 60; ++i) all.rooms.stored(said(place{i, 0}, std::to_string(i)));
  all.kept.is_together = false;
  all.rooms.state(false);
  CHECK(all.hear(ann).size() == 61);  // a notice among them

  guest& bob = all.add("bob");
  all.join(bob);
  all.kept.answer(page_of({}, false, false));
  auto heard = all.hear(bob);
  CHECK(heard.size() == 51);
  CHECK(heard.back() == "60");
  guest& eve = all.add("eve");
  all.join(eve, "hall", place{5, 0});
  all.kept.answer(page_of({}, false, false));
  heard = all.hear(eve);
  CHECK(heard.size() == 56);
  CHECK(heard.at(1) == "6");
}

TEST_CASE("lobby: one that does not read is left behind without holding up others", "[lobby]") {
  house all(100);
  guest& ann = all.add("ann");
  guest& bob = all.add("bob");
  for (guest* each : {&ann, &bob}) {
    all.join(*each);
    all.kept.answer(page_of({}));
  }
  CHECK(all.hear(ann) == texts{"joined"});
  std::size_t heard = 0;
  std::uint64_t stored = 0;
  while (bob.who.ws.is_open() && stored < 1000) {
    all.rooms.stored(said(place{++stored, 0}, std::string(1000, 'x')));
    heard += all.hear(ann).size();
  }
  CHECK(stored > 100);
  CHECK(stored < 200);                                // what one connection takes, and then the log
  CHECK(heard + all.hear(ann).size() == stored + 1);  // and that bob has left
  CHECK(bob.who.ws.buffered() < chat::member::enough + 8192);
  bob.hear();
  CHECK(bob.closed == sansocket::close_code::try_again_later);
}

TEST_CASE("lobby: what is said is stored with its author, and accepted wherever the author is", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  guest& again = all.add("ann");
  guest& bob = all.add("bob");
  for (guest* each : {&ann, &again, &bob}) {
    all.join(*each);
    all.kept.answer(page_of({}));
    (void)all.hear(*each);
  }
  (void)all.hear(ann);
  (void)all.hear(again);
  all.send(ann, "say", 5, {{"text", "hello"}});
  REQUIRE(all.kept.appended.size() == 1);
  message stored = all.kept.appended[0];
  CHECK(stored.time > 0);
  CHECK_FALSE(stored.at);
  stored.time = 1;
  CHECK(stored == said(std::nullopt, "hello", 5));

  all.rooms.accepted(said(place{9, 0}, "hello", 5));
  CHECK(all.hear(ann) == texts{"accepted"});
  CHECK(all.hear(again) == texts{"accepted"});  // the same author: one of the two may be dead
  CHECK(all.hear(bob).empty());                 // the same sender, but another user
  all.join(ann, "cellar");
  all.rooms.leave(again.who, now);
  all.rooms.accepted(said(std::nullopt, "hello", 6));
  all.kept.answer(page_of({}));
  all.turn();
  const auto heard = ann.hear();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0]["type"] == "accepted");
  CHECK(heard[0]["id"] == 6);
  CHECK(heard[0]["payload"]["at"].is_null());
}

TEST_CASE("lobby: one that says more than is stored is told to wait", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.send(ann, "say", 1, {{"text", "too early"}});
  CHECK(ann.hear().at(0)["payload"]["code"] == "not_joined");
  all.join(ann);
  all.kept.answer(page_of({}));
  (void)all.hear(ann);

  all.kept.busy = true;
  all.send(ann, "say", 1, {{"text", "x"}});
  CHECK(ann.hear().at(0)["payload"]["code"] == "busy");
  all.kept.busy = false;
  for (std::uint64_t seq = 1; seq <= lobby::most_unaccepted; ++seq) all.send(ann, "say", seq, {{"text", "x"}});
  CHECK(ann.hear().empty());
  all.send(ann, "say", 999, {{"text", "x"}});
  const auto refused = ann.hear();
  CHECK(refused.at(0)["payload"]["code"] == "busy");
  CHECK(refused.at(0)["id"] == 999);
  CHECK(all.kept.appended.size() == lobby::most_unaccepted);
  all.rooms.accepted(all.kept.appended[0]);
  all.send(ann, "say", 999, {{"text", "x"}});
  CHECK(all.kept.appended.size() == lobby::most_unaccepted + 1);
}

TEST_CASE("lobby: behind a message that is refused none is taken before it comes again", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  all.kept.answer(page_of({}));
  (void)all.hear(ann);
  const auto say = [&](std::uint64_t seq) { all.send(ann, "say", seq, {{"text", "x"}}); };
  const auto numbers_refused = [&] {
    std::vector<std::uint64_t> numbers;
    for (const auto& each : ann.hear()) {
      CHECK(each["payload"]["code"] == "busy");
      numbers.push_back(each["id"].get<std::uint64_t>());
    }
    return numbers;
  };
  say(1);
  all.kept.busy = true;
  say(2);
  all.kept.busy = false;
  say(3);
  say(4);
  CHECK(numbers_refused() == std::vector<std::uint64_t>{2, 3, 4});
  all.kept.busy = true;
  say(2);  // still too early
  all.kept.busy = false;
  say(3);
  CHECK(numbers_refused() == std::vector<std::uint64_t>{2, 3});
  say(1);  // repeated: that is no answer to what 2 waits for
  say(3);
  CHECK(numbers_refused() == std::vector<std::uint64_t>{3});
  for (const std::uint64_t seq : {2U, 3U, 4U}) say(seq);
  CHECK(ann.hear().empty());
  std::vector<std::uint64_t> kept;
  for (const message& each : all.kept.appended) kept.push_back(each.seq);
  CHECK(kept == std::vector<std::uint64_t>{1, 1, 2, 3, 4});

  // Who joins begins anew.
  all.kept.busy = true;
  say(5);
  all.kept.busy = false;
  all.join(ann);
  all.kept.answer(page_of({}));
  (void)all.hear(ann);
  say(6);
  CHECK(ann.hear().empty());
}

TEST_CASE("lobby: a provisional message is shown, and shown again when it is stored", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  all.kept.answer(page_of({}));
  (void)all.hear(ann);
  all.rooms.stored(said(std::nullopt, "waiting"));
  all.rooms.stored(said(place{7, 0}, "waiting"));
  all.turn();
  const auto heard = ann.hear();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0]["payload"]["at"].is_null());
  CHECK(heard[1]["payload"]["at"] == "7-0");
}

TEST_CASE("lobby: of what changes often only the newest is told", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.join(ann);
  all.kept.answer(page_of({}));
  (void)all.hear(ann);
  all.rooms.members("hall", {"ann", "bob"});
  all.rooms.members("hall", {"ann", "eve"});
  all.rooms.state(false);
  all.rooms.state(true);
  all.turn();
  const auto heard = ann.hear();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0]["payload"]["members"] == json{"ann", "eve"});
  CHECK(heard[1]["payload"]["state"] == "together");
  all.rooms.members("nowhere", {"x"});
  all.rooms.stored({.at = place{1, 1}, .room = "nowhere", .from = "x", .sender = "01234567", .seq = 1, .text = "x"});
  CHECK(all.hear(ann).empty());
}

TEST_CASE("lobby: what is no envelope is answered", "[lobby]") {
  house all;
  guest& ann = all.add("ann");
  all.rooms.receive(ann.who, "nonsense", now);
  all.send(ann, "ping", 4, json::object());
  const auto heard = ann.hear();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0]["payload"]["code"] == "not_json");
  CHECK(heard[0]["id"].is_null());
  CHECK(heard[1] == json{{"type", "pong"}, {"id", 4}, {"payload", json::object()}});
}
