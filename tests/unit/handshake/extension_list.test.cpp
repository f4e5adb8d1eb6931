#include "sansocket/handshake/extension_list.hpp"

#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

/// Takes all of a list apart; a list has at least one extension.
constexpr bool is_extension_list(std::string_view list) {
  for (bool any = false;; any = true) {
    const auto taken = take_extension(list);
    if (!taken || taken->name.empty()) return taken && any;
  }
}

bool is_list(std::string_view text) { return is_extension_list(text_of(exact_buffer(text).view())); }

static_assert(is_extension_list("deflate-stream"));
static_assert(is_extension_list("mux; max-channels=4; flow-control, deflate-stream"));
static_assert(is_extension_list(R"(foo; bar="baz")"));
static_assert(!is_extension_list(""));
static_assert(!is_extension_list("foo;"));

}  // namespace

TEST_CASE("extension_list: takes the RFC's examples", "[extension_list][9.1]") {
  CHECK(is_list("foo"));
  CHECK(is_list("bar; baz=2"));
  CHECK(is_list("foo, bar; baz=2"));
  CHECK(is_list("deflate-stream"));
  CHECK(is_list("mux; max-channels=4; flow-control, deflate-stream"));
  CHECK(is_list("private-extension"));
}

TEST_CASE("extension_list: takes parameters without a value, with a token and quoted", "[extension_list][9.1]") {
  CHECK(is_list("permessage-deflate; client_max_window_bits; server_max_window_bits=10"));
  CHECK(is_list(R"(foo; bar="10")"));
  CHECK(is_list(R"(foo; bar="\1\0")"));  // unescapes to the token 10
  CHECK(is_list(R"(foo; bar="baz"; qux, next; a="b")"));
}

TEST_CASE("extension_list: passes over white space between the words", "[extension_list][9.1]") {
  CHECK(is_list("foo;bar=1,baz"));
  CHECK(is_list(" \tfoo\t ;\tbar =\t1 , baz "));
  CHECK(is_list("foo ; bar = \"1\" \t, baz"));
}

TEST_CASE("extension_list: passes over empty elements, but not a list of nothing", "[extension_list][9.1]") {
  CHECK(is_list(",foo"));
  CHECK(is_list("foo,,bar, ,"));
  CHECK_FALSE(is_list(""));
  CHECK_FALSE(is_list(" \t"));
  CHECK_FALSE(is_list(","));
  CHECK_FALSE(is_list(" , ,"));
}

TEST_CASE("extension_list: refuses names and values that are no tokens", "[extension_list][9.1]") {
  for (const std::string_view text :
       {"foo bar", "foo/1", "\"foo\"", "=foo", "foo=1", "foo:", "(foo)", "f\xC3\xB6", "foo\x7F", "foo; b r", "foo; =1",
        "foo; b=1 2", "foo; b=1=2", "foo; b=/", "foo; \"b\"", "foo; b=\x01", "foo; b; c d"}) {
    CAPTURE(text);
    CHECK_FALSE(is_list(text));
  }
  CHECK_FALSE(is_list(std::string_view("foo\0", 4)));
}

TEST_CASE("extension_list: refuses what ends too early", "[extension_list][9.1]") {
  for (const std::string_view text :
       {";", "foo;", "foo; ", "foo;;bar", "foo;,bar", "foo; bar=", "foo; bar=,", "foo; bar= ;", "foo; bar=\"",
        "foo; bar=\"1", "foo; bar=\"\\", "foo; bar=\"1\\"}) {
    CAPTURE(text);
    CHECK_FALSE(is_list(text));
  }
}

TEST_CASE("extension_list: refuses quoted values whose unescaped text is no token", "[extension_list][9.1]") {
  for (const std::string_view text :
       {R"(foo; bar="")", R"(foo; bar="a b")", R"(foo; bar="a,b")", R"(foo; bar="a;b")", R"(foo; bar="a\"b")",
        R"(foo; bar="a\\b")", R"(foo; bar="\ ")", R"(foo; bar="1"2)", R"(foo; bar="1""2")", R"(foo; bar='1" ,x)"}) {
    CAPTURE(text);
    CHECK_FALSE(is_list(text));
  }
}

TEST_CASE("extension_list: every single character is judged alone as RFC 9110 has it", "[extension_list][9.1]") {
  const std::string_view token_others = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    CAPTURE(c);
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const auto character = static_cast<char>(c);
    const bool token = alphanumeric || (c != 0 && token_others.find(character) != std::string_view::npos);
    CHECK(is_list(std::string(1, character)) == token);
    CHECK(is_list(std::string("x; y=\"") + character + "\"") == token);
  }
}
