#include "sansocket/handshake/subprotocol.hpp"

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat.v2", "chat"};

error check(std::initializer_list<std::string_view> subprotocols) {
  return check_subprotocols({subprotocols.begin(), subprotocols.size()});
}

error offer(std::string_view list) {
  const exact_buffer value(list);
  return subprotocol_selector(chats).offer(text_of(value.view()));
}

constexpr std::string_view select(std::string_view list) {
  subprotocol_selector selector(chats);
  return selector.offer(list) == error::none ? selector.selected() : "refused";
}

std::string names(int count) {
  std::string list;
  for (int i = 0; i < count; ++i) list += "p" + std::to_string(i) + ",";
  return list;
}

static_assert(check_subprotocols({}) == error::none);
static_assert(check_subprotocols(chats) == error::none);
static_assert(select("chat") == "chat");
static_assert(select("soap").empty());
static_assert(select("") == "refused");

}  // namespace

TEST_CASE("subprotocol: a list of distinct tokens may be offered", "[subprotocol][4.1]") {
  CHECK(check({"chat"}) == error::none);
  CHECK(check({"chat", "Chat", "chat.v2", "v2.chat", "!#$%&'*+-.^_`|~09"}) == error::none);
}

TEST_CASE("subprotocol: one that is empty or no token may not be offered", "[subprotocol][4.1]") {
  CHECK(check({""}) == error::subprotocol_not_token);
  CHECK(check({"chat", ""}) == error::subprotocol_not_token);
  CHECK(check({"chat", "a\r\nX: y"}) == error::subprotocol_not_token);
  // The separators of RFC 2616 §2.2 and what lies outside U+0021 to U+007E.
  for (const char c : std::string_view("()<>@,;:\\\"/[]?={} \t\r\n\0\x1F\x7F\x80\xFF", 26)) {
    CAPTURE(static_cast<int>(c));
    const std::string text = std::string("a") + c + "b";
    CHECK(check({text}) == error::subprotocol_not_token);
  }
}

TEST_CASE("subprotocol: one may not be offered twice", "[subprotocol][4.1]") {
  CHECK(check({"chat", "chat"}) == error::subprotocol_not_token);
  CHECK(check({"chat", "soap", "mqtt", "soap"}) == error::subprotocol_not_token);
}

TEST_CASE("subprotocol: the server's preference decides, not the client's order", "[subprotocol][4.2.2]") {
  CHECK(select("chat, chat.v2") == "chat.v2");
  CHECK(select("chat.v2, chat") == "chat.v2");
  CHECK(select("soap, chat, mqtt") == "chat");
}

TEST_CASE("subprotocol: the selected one is the server's own text", "[subprotocol]") {
  subprotocol_selector selector(chats);
  {
    const exact_buffer value("chat");
    REQUIRE(selector.offer(text_of(value.view())) == error::none);
  }
  CHECK(selector.selected().data() == chats[1].data());
}

TEST_CASE("subprotocol: nothing is selected of what the server does not speak", "[subprotocol][4.2.2]") {
  subprotocol_selector selector(chats);
  CHECK_FALSE(selector.any_offered());
  CHECK(selector.selected().empty());
  CHECK(selector.offer("soap, mqtt") == error::none);
  CHECK(selector.any_offered());
  CHECK(selector.selected().empty());

  subprotocol_selector speaks_none({});
  CHECK(speaks_none.offer("chat") == error::none);
  CHECK(speaks_none.any_offered());
  CHECK(speaks_none.selected().empty());
}

TEST_CASE("subprotocol: letter case counts, and so does every character", "[subprotocol][11.3.4]") {
  CHECK(select("Chat, CHAT").empty());
  CHECK(select("chat.v, chat.v22, cha").empty());
}

TEST_CASE("subprotocol: the offers may span field lines", "[subprotocol][11.3.4]") {
  subprotocol_selector selector(chats);
  CHECK(selector.offer("soap, chat") == error::none);
  CHECK(selector.selected() == "chat");
  CHECK(selector.offer("mqtt") == error::none);
  CHECK(selector.selected() == "chat");
  CHECK(selector.offer("chat.v2") == error::none);
  CHECK(selector.selected() == "chat.v2");
}

TEST_CASE("subprotocol: spaces, tabs and empty elements in the list are passed over", "[subprotocol][11.3.4]") {
  CHECK(offer("chat") == error::none);
  CHECK(offer(" \tchat\t , soap ") == error::none);
  CHECK(offer(",chat,, soap,") == error::none);
  CHECK(select(",\t, chat ,") == "chat");
}

TEST_CASE("subprotocol: a list of nothing, of no tokens or with repetitions is refused", "[subprotocol][11.3.4]") {
  for (const std::string_view list : {"", " ", ",", " , ,", "a b", "chat, a b", "chat;q=1", "\"chat\"", "a/b",
                                      "chat,\x80", "chat, chat", "chat, soap, chat"}) {
    CAPTURE(list);
    CHECK(offer(list) == error::subprotocols_malformed);
  }

  subprotocol_selector selector(chats);
  CHECK(selector.offer("chat, soap") == error::none);
  CHECK(selector.offer("soap") == error::subprotocols_malformed);
}

TEST_CASE("subprotocol: 64 offers are looked at, one more is refused", "[subprotocol][10.4]") {
  STATIC_REQUIRE(subprotocol_selector::max_offers == 64);
  CHECK(offer(names(64)) == error::none);
  CHECK(offer(names(65)) == error::too_many_subprotocols);

  subprotocol_selector selector(chats);
  const std::string most = names(63) + "chat";
  CHECK(selector.offer(most) == error::none);
  CHECK(selector.selected() == "chat");
  CHECK(selector.offer("chat.v2") == error::too_many_subprotocols);
}
