#include "sansocket/http/token.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

// RFC 9110 §5.6.2, written out.
constexpr std::string_view token_characters =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::vector<std::string> elements_of(std::string_view list) {
  const exact_buffer exact(list);
  std::string_view rest = text_of(exact.view());
  std::vector<std::string> elements;
  for (std::string_view element = next_element(rest); !element.empty(); element = next_element(rest))
    elements.emplace_back(element);
  CHECK(rest.empty());
  return elements;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("token: takes exactly the characters that a token may have", "[token]") {
  for (unsigned value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool may = token_characters.find(c) != std::string_view::npos;
    CAPTURE(value);
    CHECK(is_token(std::string(1, c)) == may);
    CHECK(is_token(std::string("a") + c) == may);
    CHECK(is_token(c + std::string("a")) == may);
    CHECK(is_token(std::string("a") + c + "a") == may);
  }
}

TEST_CASE("token: an empty text is none", "[token]") {
  CHECK_FALSE(is_token(""));
  CHECK(is_token("Sec-WebSocket-Key"));
  CHECK_FALSE(is_token("Sec WebSocket"));
  CHECK_FALSE(is_token("Host:"));
  CHECK_FALSE(is_token("a,b"));
}

TEST_CASE("token: a field's value may hold everything but control characters, and tabs", "[token]") {
  for (unsigned value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool may = value == '\t' || (value >= 0x20 && value != 0x7F);
    CAPTURE(value);
    CHECK(is_field_value(std::string(1, c)) == may);
    CHECK(is_field_value(std::string("a") + c + "a") == may);
    CHECK(is_field_value(std::string("a") + c) == may);
  }
  CHECK(is_field_value(""));
  CHECK(is_field_value("a value, with \"quotes\" and caf\xC3\xA9"));
}

TEST_CASE("token: only the case of ASCII letters is passed over", "[token]") {
  for (unsigned left = 0; left < 256; ++left) {
    for (unsigned right = 0; right < 256; ++right) {
      const bool letters =
          (left >= 'A' && left <= 'Z' && right == left + 32) || (right >= 'A' && right <= 'Z' && left == right + 32);
      const std::string one(1, static_cast<char>(left));
      const std::string other(1, static_cast<char>(right));
      if (equals_ignoring_case(one, other) != (left == right || letters)) FAIL(left << " and " << right);
    }
  }
}

TEST_CASE("token: compares whole texts", "[token]") {
  CHECK(equals_ignoring_case("WebSocket", "websocket"));
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("websocket", "websockets"));
  CHECK_FALSE(equals_ignoring_case("websockets", "websocket"));
  CHECK_FALSE(equals_ignoring_case("", "a"));
  CHECK_FALSE(equals_ignoring_case("websocket", "webxocket"));
}

TEST_CASE("token: trims spaces and tabs and nothing else", "[token]") {
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \t a \t ") == "a");
  CHECK(trimmed("a b") == "a b");
  CHECK(trimmed("").empty());
  CHECK(trimmed(" \t ").empty());
  CHECK(trimmed("\ra\n") == "\ra\n");
  CHECK(trimmed("\xC2\xA0") == "\xC2\xA0");
  CHECK(trimmed(std::string_view("\0a", 2)) == std::string_view("\0a", 2));
}

TEST_CASE("token: takes a list apart", "[token]") {
  CHECK(elements_of("a") == texts{"a"});
  CHECK(elements_of("a,b") == texts{"a", "b"});
  CHECK(elements_of("a, b ,\tc\t") == texts{"a", "b", "c"});
  CHECK(elements_of("keep-alive, Upgrade") == texts{"keep-alive", "Upgrade"});
  CHECK(elements_of("a b, c") == texts{"a b", "c"});
  CHECK(elements_of("a;x=1,b") == texts{"a;x=1", "b"});
}

TEST_CASE("token: passes over empty elements", "[token]") {
  CHECK(elements_of("").empty());
  CHECK(elements_of(",").empty());
  CHECK(elements_of(" , ,\t,").empty());
  CHECK(elements_of(",a") == texts{"a"});
  CHECK(elements_of("a,") == texts{"a"});
  CHECK(elements_of("a,,b") == texts{"a", "b"});
  CHECK(elements_of(" ,a, ,b, ") == texts{"a", "b"});
}

TEST_CASE("token: an element is a view of the list, and what is left follows it", "[token]") {
  const std::string_view list = "ab, cd";
  std::string_view rest = list;
  const std::string_view first = next_element(rest);
  CHECK(first.data() == list.data());
  CHECK(rest == " cd");
  const std::string_view second = next_element(rest);
  CHECK(second.data() == list.data() + 4);
  CHECK(rest.empty());
  CHECK(next_element(rest).empty());
}

TEST_CASE("token: finds an element of a list whatever its case, and only whole", "[token]") {
  CHECK(list_contains("Upgrade", "upgrade"));
  CHECK(list_contains("keep-alive, UPGRADE", "upgrade"));
  CHECK(list_contains(",upgrade ,", "Upgrade"));
  CHECK_FALSE(list_contains("upgrades", "upgrade"));
  CHECK_FALSE(list_contains("no-upgrade", "upgrade"));
  CHECK_FALSE(list_contains("up grade", "upgrade"));
  CHECK_FALSE(list_contains("upgrade;q=1", "upgrade"));
  CHECK_FALSE(list_contains("", "upgrade"));
  CHECK_FALSE(list_contains(",", ""));
}

TEST_CASE("token: gives the same at compile time", "[token]") {
  STATIC_REQUIRE(is_token("websocket"));
  STATIC_REQUIRE_FALSE(is_token("web socket"));
  STATIC_REQUIRE(is_field_value("a b"));
  STATIC_REQUIRE_FALSE(is_field_value("a\r\nb"));
  STATIC_REQUIRE(equals_ignoring_case("HOST", "host"));
  STATIC_REQUIRE(trimmed("\t a ") == "a");
  STATIC_REQUIRE(list_contains("a, B", "b"));
  constexpr auto second = [] {
    std::string_view list = "a, b";
    (void)next_element(list);
    return next_element(list);
  }();
  STATIC_REQUIRE(second == "b");
}
