#include "client/session.hpp"

#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "server/replies.hpp"

namespace {

using chat::client_session;
using kind = chat::news::kind;

const std::string joined_empty =
    R"({"type":"joined","id":0,"payload":{"room":"lobby","user":"ann","node":"one","members":["ann","bob"],)"
    R"("complete":true,"last_seq":0,"state":"together"}})";

std::string joined_with(std::uint64_t last_seq) {
  std::string text = joined_empty;
  const std::string none = R"("last_seq":0)";
  return text.replace(text.find(none), none.size(), R"("last_seq":)" + std::to_string(last_seq));
}

std::string message_at(const std::string& at, std::uint64_t seq, const std::string& text) {
  return R"({"type":"message","id":null,"payload":{"at":)" + at +
         R"(,"room":"lobby","from":"bob","sender":"senderbob",)" + R"("seq":)" + std::to_string(seq) + R"(,"text":")" +
         text + R"(","time":1}})";
}

std::string accepted(std::uint64_t seq) {
  return R"({"type":"accepted","id":)" + std::to_string(seq) + R"(,"payload":{"at":null}})";
}

std::string error(const std::string& id, const std::string& code) {
  return R"({"type":"error","id":)" + id + R"(,"payload":{"code":")" + code + R"(","detail":"why"}})";
}

/// The numbers of all that is to be sent now.
std::vector<std::uint64_t> sent_now(client_session& session) {
  std::vector<std::uint64_t> numbers;
  while (const auto text = session.next_to_send()) {
    chat::fault wrong;
    const auto said = chat::read_envelope(*text, chat::side::client, wrong);
    REQUIRE(said);
    REQUIRE(said->type == "say");
    numbers.push_back(said->id.value_or(0));
  }
  return numbers;
}

using numbers = std::vector<std::uint64_t>;

client_session opened() {
  client_session session("lobby", "senderann");
  session.join();
  REQUIRE(session.receive(joined_empty).is == kind::joined);
  return session;
}

}  // namespace

TEST_CASE("client_session: joins first, and says nothing before it is in", "[client_session]") {
  client_session session("lobby", "senderann");
  session.say("one");
  session.say("two");
  CHECK_FALSE(session.next_to_send());
  CHECK(chat::json::parse(session.join()) ==
        chat::json::parse(R"({"type":"join","id":0,"payload":{"room":"lobby","sender":"senderann","after":null}})"));
  CHECK_FALSE(session.next_to_send());
  const chat::news told = session.receive(joined_empty);
  CHECK(told.is == kind::joined);
  CHECK(told.words == "in room lobby as ann on node one, with ann, bob");
  CHECK(chat::json::parse(session.next_to_send().value()) ==
        chat::json::parse(R"({"type":"say","id":1,"payload":{"text":"one"}})"));
  CHECK(sent_now(session) == numbers{2});
  CHECK(session.unaccepted() == 2);
}

TEST_CASE("client_session: forgets what is accepted, and nothing else", "[client_session]") {
  client_session session = opened();
  for (const char* text : {"one", "two", "three"}) session.say(text);
  CHECK(sent_now(session) == numbers{1, 2, 3});
  CHECK(session.receive(accepted(2)).is == kind::nothing);
  CHECK(session.receive(accepted(2)).is == kind::nothing);
  CHECK(session.receive(accepted(7)).is == kind::nothing);
  CHECK(session.unaccepted() == 2);
  session.say("four");
  CHECK(sent_now(session) == numbers{4});
}

TEST_CASE("client_session: after a cut it says again what is not stored, in order", "[client_session]") {
  client_session session = opened();
  for (const char* text : {"one", "two", "three", "four"}) session.say(text);
  CHECK(sent_now(session) == numbers{1, 2, 3, 4});
  session.receive(accepted(1));
  session.join();
  session.say("five");
  CHECK(sent_now(session).empty());
  session.receive(joined_with(2));
  CHECK(session.unaccepted() == 3);
  CHECK(sent_now(session) == numbers{3, 4, 5});
  session.join();
  session.receive(joined_with(5));
  CHECK(session.unaccepted() == 0);
  CHECK(sent_now(session).empty());
  session.say("six");
  CHECK(sent_now(session) == numbers{6});
}

TEST_CASE("client_session: what was seen is not shown again, and is where it goes on", "[client_session]") {
  client_session session = opened();
  const chat::news first = session.receive(message_at(R"("10-1")", 1, "one"));
  CHECK(first.is == kind::stored);
  CHECK(first.said.text == "one");
  CHECK(first.said.from == "bob");
  CHECK(session.receive(message_at(R"("10-1")", 1, "one")).is == kind::nothing);
  CHECK(session.receive(message_at(R"("9-5")", 1, "one")).is == kind::nothing);
  CHECK(session.receive(message_at(R"("10-2")", 2, "two")).is == kind::stored);
  CHECK(session.receive(message_at(R"("10-10")", 3, "three")).is == kind::stored);  // numbers, not letters
  CHECK(chat::json::parse(session.join())["payload"]["after"] == "10-10");
}

TEST_CASE("client_session: who was in an empty room has missed all that came since", "[client_session]") {
  client_session session = opened();
  CHECK(chat::json::parse(session.join())["payload"]["after"] == "0-0");
}

TEST_CASE("client_session: a provisional message comes again with its place", "[client_session]") {
  client_session session = opened();
  CHECK(session.receive(message_at("null", 1, "one")).is == kind::provisional);
  CHECK(session.receive(message_at(R"("10-1")", 1, "one")).is == kind::stored);
}

TEST_CASE("client_session: where the server is busy, the order is kept", "[client_session]") {
  client_session session = opened();
  for (const char* text : {"one", "two", "three"}) session.say(text);
  CHECK(sent_now(session) == numbers{1, 2, 3});
  session.receive(accepted(1));
  CHECK(session.receive(error("2", "busy")).is == kind::nothing);
  CHECK(session.receive(error("3", "busy")).is == kind::nothing);
  CHECK(session.busy());
  CHECK(sent_now(session).empty());
  session.try_again();
  CHECK(sent_now(session) == numbers{2, 3});
}

TEST_CASE("client_session: a message that is refused is given up, and said to be", "[client_session]") {
  client_session session = opened();
  for (const char* text : {"one", "two"}) session.say(text);
  sent_now(session);
  const chat::news told = session.receive(error("1", "too_long"));
  CHECK(told.is == kind::refused);
  CHECK(told.words == "not said: one (why)");
  CHECK(session.unaccepted() == 1);
  session.say("three");
  CHECK(sent_now(session) == numbers{3});
}

TEST_CASE("client_session: not let in is not the same as a complaint", "[client_session]") {
  client_session session("lobby", "senderann");
  session.join();
  CHECK(session.receive(error("0", "too_long")).is == kind::denied);
  client_session other = opened();
  CHECK(other.receive(error("0", "too_long")).is == kind::complaint);
  CHECK(other.receive(error("null", "not_json")).is == kind::complaint);
  CHECK(other.receive("").is == kind::complaint);
  CHECK(other.receive(R"({"type":"message","id":null,"payload":{}})").is == kind::complaint);
  CHECK(other.receive(R"({"type":"of a later server","id":null,"payload":{}})").is == kind::nothing);
  CHECK(other.receive(R"({"type":"presence","id":null,"payload":{"members":["ann"]}})").words == "ann");
  CHECK(other.receive(R"({"type":"notice","id":null,"payload":{"state":"alone","detail":"x"}})").is == kind::linked);
}

TEST_CASE("client_session: holds no more than 256 that are not accepted", "[client_session]") {
  client_session session = opened();
  for (std::size_t i = 0; i < client_session::most_unaccepted; ++i) {
    REQUIRE(session.may_say());
    session.say("x");
  }
  CHECK_FALSE(session.may_say());
  sent_now(session);
  session.receive(accepted(1));
  CHECK(session.may_say());
}

namespace {

/// A room as a server keeps it: what is stored survives every cut.
struct room_model {
  std::vector<chat::message> log;
  std::map<std::string, std::uint64_t> last_seq;

  /// What the server answers to an envelope, where `seen` counts what of the log the client was sent.
  std::vector<std::string> answer(const std::string& text, std::string& sender, std::size_t& seen) {
    chat::fault wrong;
    const auto came = chat::read_envelope(text, chat::side::client, wrong);
    REQUIRE(came);
    if (came->type == "join") {
      sender = came->payload["sender"];
      const auto after = chat::place_in(came->payload, "after");
      seen = 0;
      while (after && seen < log.size() && log[seen].at <= after) ++seen;
      return {chat::write_joined(
          {.room = "lobby", .user = sender, .node = "one", .members = {}, .last_seq = last_seq[sender]})};
    }
    const std::uint64_t seq = came->id.value_or(0);
    chat::message said{.at = chat::place{1, log.size() + 1},
                       .room = "lobby",
                       .from = sender,
                       .sender = sender,
                       .seq = seq,
                       .text = came->payload["text"]};
    if (seq > last_seq[sender]) log.push_back(said);
    last_seq[sender] = std::max(last_seq[sender], seq);
    return {chat::write_accepted(said)};
  }
};

/// One client, with what is under way in both directions.
struct member_model {
  explicit member_model(const std::string& name) : session("lobby", name) {}

  client_session session;
  std::string sender;
  std::size_t seen_by_server = 0;
  bool in = false;
  std::vector<std::string> to_server;
  std::vector<std::string> to_client;
  std::vector<chat::message> shown;

  void cut() {
    to_server.clear();
    to_client.clear();
    in = false;
    to_server.push_back(session.join());
  }

  void send() {
    while (auto text = session.next_to_send()) to_server.push_back(std::move(*text));
  }

  void serve(room_model& room) {
    if (!to_server.empty()) {
      for (std::string& text : room.answer(to_server.front(), sender, seen_by_server))
        to_client.push_back(std::move(text));
      to_server.erase(to_server.begin());
      in = true;
    }
    while (in && seen_by_server < room.log.size()) to_client.push_back(chat::write_message(room.log[seen_by_server++]));
  }

  void take() {
    if (to_client.empty()) return;
    const chat::news told = session.receive(to_client.front());
    to_client.erase(to_client.begin());
    REQUIRE((told.is == kind::nothing || told.is == kind::stored || told.is == kind::joined));
    if (told.is == kind::stored) shown.push_back(told.said);
  }

  bool is_quiet(const room_model& room) const {
    return session.unaccepted() == 0 && to_server.empty() && to_client.empty() && seen_by_server == room.log.size();
  }
};

std::uint64_t next_random(std::uint64_t& state) {
  state = (state * 6'364'136'223'846'793'005U) + 1'442'695'040'888'963'407U;
  return state >> 33U;
}

void step(std::vector<member_model>& members, room_model& room, std::uint64_t& random, bool with_cuts) {
  member_model& member = members[next_random(random) % members.size()];
  switch (next_random(random) % 8) {
    case 0:
      if (with_cuts) member.cut();
      break;
    case 1:
    case 2: member.send(); break;
    case 3:
    case 4: member.serve(room); break;
    default: member.take(); break;
  }
}

}  // namespace

// Invariant: wherever connections are cut, everyone sees the log, each message once and in its order, and the log
//            holds what everyone has said, each text once and in its order.
TEST_CASE("client_session: nothing is lost or repeated wherever it is cut", "[client_session]") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::uint64_t random = seed;
    room_model room;
    std::vector<member_model> members;
    for (const char* name : {"senderann", "senderbob"}) members.emplace_back(name).cut();
    for (int turn = 0; turn < 400; ++turn) {
      if (turn % 16 == 0) {
        for (member_model& each : members) each.session.say(std::to_string(turn));
      }
      step(members, room, random, true);
    }
    const auto all_quiet = [&] {
      return std::ranges::all_of(members, [&](const member_model& each) { return each.is_quiet(room); });
    };
    for (int turn = 0; turn < 100'000 && !all_quiet(); ++turn) step(members, room, random, false);
    INFO("seed " << seed);
    REQUIRE(all_quiet());
    REQUIRE(room.log.size() == 50);
    std::map<std::string, int> next;
    for (const chat::message& said : room.log) {
      REQUIRE(said.text == std::to_string(16 * next[said.sender]));
      ++next[said.sender];
    }
    for (const member_model& each : members) REQUIRE(each.shown == room.log);
  }
}
