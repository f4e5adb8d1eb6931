#include "envelope.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "schema.hpp"
#include "server/replies.hpp"

namespace {

using chat::fault;
using chat::json;
using chat::read_envelope;
using chat::side;

struct refusal {
  std::string_view text;
  std::string_view code;
};

std::string say(const std::string& text) {
  return json{{"type", "say"}, {"id", 1}, {"payload", {{"text", text}}}}.dump();
}

std::string join(const json& payload) { return json{{"type", "join"}, {"id", 1}, {"payload", payload}}.dump(); }

/// Gives: the code of the refusal; empty if the envelope is taken.
std::string code_of(std::string_view text, side from = side::client) {
  fault wrong;
  return read_envelope(text, from, wrong) ? std::string() : std::string(wrong.code);
}

}  // namespace

TEST_CASE("envelope: reads what the table describes", "[envelope]") {
  fault wrong;
  const auto joined = read_envelope(R"({"type":"join","id":7,"more":[1],
      "payload":{"room":"hall","sender":"0123456789","after":"12-3","else":{}}})",
                                    side::client, wrong);
  REQUIRE(joined);
  CHECK(joined->type == "join");
  CHECK(joined->id == 7U);
  CHECK(joined->payload["room"] == "hall");
  CHECK(chat::place_in(joined->payload, "after") == chat::place{12, 3});

  CHECK(code_of(R"({"type":"join","id":0,"payload":{"room":"a","sender":"01234567","after":null}})").empty());
  CHECK(code_of(R"({"type":"join","id":0,"payload":{"room":"a","sender":"01234567"}})").empty());
  CHECK(code_of(R"({"type":"say","id":9007199254740991,"payload":{"text":"\u0000\n"}})").empty());
  CHECK(code_of(R"({"payload":{},"id":0,"type":"ping"})").empty());
}

TEST_CASE("envelope: says what is wrong with anything else", "[envelope]") {
  const refusal table[] = {
      {"", "not_json"},
      {"hello", "not_json"},
      {R"({"type":"ping","id":1,"payload":{}} )"
       "x",
       "not_json"},
      {R"({"type":"say","id":1,"payload":{"text":"\ud800"}})", "not_json"},
      {"[]", "not_an_envelope"},
      {"null", "not_an_envelope"},
      {"{}", "not_an_envelope"},
      {R"({"type":1,"id":1,"payload":{}})", "not_an_envelope"},
      {R"({"type":"ping","id":1})", "not_an_envelope"},
      {R"({"type":"ping","id":1,"payload":[]})", "not_an_envelope"},
      {R"({"type":"joined","id":1,"payload":{}})", "unknown_type"},
      {R"({"type":"","id":1,"payload":{}})", "unknown_type"},
      {R"({"type":"ping","payload":{}})", "missing_field"},
      {R"({"type":"ping","id":null,"payload":{}})", "missing_field"},
      {R"({"type":"ping","id":"1","payload":{}})", "wrong_type"},
      {R"({"type":"ping","id":1.0,"payload":{}})", "wrong_type"},
      {R"({"type":"ping","id":-1,"payload":{}})", "out_of_range"},
      {R"({"type":"ping","id":9007199254740992,"payload":{}})", "out_of_range"},
      {R"({"type":"ping","id":99999999999999999999999,"payload":{}})", "wrong_type"},
      {R"({"type":"say","id":0,"payload":{"text":"x"}})", "out_of_range"},
      {R"({"type":"say","id":1,"payload":{}})", "missing_field"},
      {R"({"type":"say","id":1,"payload":{"text":null}})", "missing_field"},
      {R"({"type":"say","id":1,"payload":{"text":7}})", "wrong_type"},
      {R"({"type":"say","id":1,"payload":{"text":""}})", "empty"},
  };
  for (const refusal& row : table) {
    INFO(row.text);
    CHECK(code_of(row.text) == row.code);
  }
}

TEST_CASE("envelope: sizes are bytes, and both ends of a bound are within it", "[envelope]") {
  CHECK(code_of(say(std::string(4000, 'x'))).empty());
  CHECK(code_of(say(std::string(4001, 'x'))) == "too_long");
  std::string emoji;
  for (int i = 0; i < 1000; ++i) emoji += "\xF0\x9F\x99\x82";
  CHECK(code_of(say(emoji)).empty());
  CHECK(code_of(say(emoji + "x")) == "too_long");

  const std::string sender(8, 's');
  CHECK(code_of(join({{"room", std::string(64, 'r')}, {"sender", std::string(64, 's')}})).empty());
  CHECK(code_of(join({{"room", std::string(65, 'r')}, {"sender", sender}})) == "too_long");
  CHECK(code_of(join({{"room", ""}, {"sender", sender}})) == "empty");
  CHECK(code_of(join({{"room", "r"}, {"sender", std::string(7, 's')}})) == "too_short");
  CHECK(code_of(join({{"room", "r"}, {"sender", std::string(65, 's')}})) == "too_long");
  CHECK(code_of(join({{"room", "a\nb"}, {"sender", sender}})) == "malformed");
  CHECK(code_of(join({{"room", "r"}, {"sender", sender}, {"after", "12"}})) == "malformed");
  CHECK(code_of(join({{"room", "r"}, {"sender", sender}, {"after", "-1-0"}})) == "malformed");
  CHECK(code_of(join({{"room", "r"}, {"sender", sender}, {"after", 12}})) == "wrong_type");
}

TEST_CASE("envelope: a refusal names the envelope that it is about, if that can be told", "[envelope]") {
  fault wrong;
  CHECK_FALSE(read_envelope(R"({"type":"say","id":5,"payload":{"text":""}})", side::client, wrong));
  CHECK(wrong.id == 5U);
  CHECK_FALSE(read_envelope(R"({"type":"nonsense","id":6,"payload":{}})", side::client, wrong));
  CHECK(wrong.id == 6U);
  CHECK_FALSE(read_envelope("no JSON", side::client, wrong));
  CHECK_FALSE(wrong.id);
  CHECK_FALSE(read_envelope(R"({"type":"say","id":-5,"payload":{"text":""}})", side::client, wrong));
  CHECK_FALSE(wrong.id);
}

TEST_CASE("envelope: a nesting as deep as a message can be is refused and costs no stack", "[envelope]") {
  const std::string deep(64 * 1024, '[');
  CHECK(code_of(deep) == "not_json");
  const std::string half(30 * 1024, '[');
  CHECK(code_of(R"({"type":"ping","id":1,"payload":{},"x":)" + half + std::string(half.size(), ']') + "}").empty());
}

TEST_CASE("envelope: what the server writes is what the table says of it", "[envelope][replies]") {
  const std::vector<std::string> names(300, "somebody");
  const chat::message said{.at = chat::place{1, 2},
                           .room = "hall",
                           .from = "ann",
                           .sender = "01234567",
                           .seq = 3,
                           .text = "a\"b\\c\n\xE2\x82\xAC",
                           .time = 4};
  chat::message provisional = said;
  provisional.at.reset();
  const std::string written[] = {
      chat::write_joined({.id = 1, .room = "hall", .user = "ann", .node = "n", .members = names}),
      chat::write_message(said),
      chat::write_message(provisional),
      chat::write_accepted(said),
      chat::write_accepted(provisional),
      chat::write_presence(names),
      chat::write_notice(true),
      chat::write_notice(false),
      chat::write_pong(8),
      chat::write_error({7, "busy", "later"}),
      chat::write_error({{}, "not_json", ""}),
  };
  for (const std::string& each : written) {
    INFO(each);
    CHECK(code_of(each, side::server).empty());
  }
  const json whole = json::parse(written[1]);
  CHECK(whole["payload"] == json{{"at", "1-2"},
                                 {"room", "hall"},
                                 {"from", "ann"},
                                 {"sender", "01234567"},
                                 {"seq", 3},
                                 {"text", "a\"b\\c\n\xE2\x82\xAC"},
                                 {"time", 4}});
  CHECK(json::parse(written[2])["payload"]["at"].is_null());
  CHECK(json::parse(written[3])["id"] == 3);
  CHECK(json::parse(written[5])["payload"]["members"].size() == 200);
}

TEST_CASE("envelope: text that is not UTF-8 is written as such, and throws nothing", "[envelope][replies]") {
  CHECK(code_of(chat::write_message(
                    {.room = "r", .from = "ann", .sender = "01234567", .seq = 1, .text = "\xFF", .time = 1}),
                side::server)
            .empty());
}

TEST_CASE("schema: has every envelope of the table, with its bounds", "[envelope][schema]") {
  const json schema = json::parse(chat::schema());
  REQUIRE(schema["oneOf"].size() == chat::envelopes.size());
  std::size_t i = 0;
  for (const json& each : schema["oneOf"]) {
    const chat::envelope_rule& rule = chat::envelopes[i++];
    CHECK(each["properties"]["type"]["const"] == rule.type);
    CHECK(each["properties"]["payload"]["properties"].size() == rule.payload.size());
  }
  const json join = schema["oneOf"][0];
  CHECK(join["required"] == json({"type", "payload", "id"}));
  CHECK(join["properties"]["id"]["type"] == "integer");
  const json payload = join["properties"]["payload"];
  CHECK(payload["required"] == json({"room", "sender"}));
  CHECK(payload["properties"]["room"]["maxLength"] == 64);
  CHECK(payload["properties"]["sender"]["minLength"] == 2);  // code points: 8 bytes may be two
  CHECK(payload["properties"]["after"]["type"] == json({"string", "null"}));
}
