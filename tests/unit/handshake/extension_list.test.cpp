#include "sansocket/handshake/extension_list.hpp"

#include <string>
#include <string_view>
#include <utility>

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

/// All that two functions take off a list, in words: "name(parameter parameter=value)" for each extension.
std::string taken_apart(std::string_view list) {
  std::string words;
  for (;;) {
    const auto next = take_extension(list);
    if (!next) return words + "malformed";
    if (next->name.empty()) return words + ".";
    words.append(next->name).append("(");
    for (std::string_view rest = next->parameters;;) {
      const auto parameter = take_parameter(rest);
      if (!parameter) return words + "malformed";
      if (!*parameter) {
        CHECK(rest.empty());
        break;
      }
      words.append((*parameter)->name);
      if ((*parameter)->value) words.append("=").append(*(*parameter)->value);
      words.append(";");
    }
    words += ") ";
  }
}

static_assert([] {
  std::string_view list = "a; b=\"1\", c";
  const auto first = take_extension(list);
  std::string_view parameters = first->parameters;
  const auto parameter = take_parameter(parameters);
  const auto second = take_extension(list);
  return first->name == "a" && (*parameter)->name == "b" && (*parameter)->value == "1" && second->name == "c" &&
         second->parameters.empty() && !*take_parameter(parameters) && take_extension(list)->name.empty();
}());
static_assert(noexcept(take_extension(std::declval<std::string_view&>())));
static_assert(noexcept(take_parameter(std::declval<std::string_view&>())));

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

TEST_CASE("extension_list: takes one extension after the other, with its parameters", "[extension_list][9.1]") {
  const auto apart = [](std::string_view list) { return taken_apart(text_of(exact_buffer(list).view())); };
  CHECK(apart("foo") == "foo() .");
  CHECK(apart("foo, bar; baz=2") == "foo() bar(baz=2;) .");
  CHECK(apart("mux; max-channels=4; flow-control, deflate-stream") ==
        "mux(max-channels=4;flow-control;) deflate-stream() .");
  CHECK(apart("permessage-deflate; client_max_window_bits,permessage-deflate") ==
        "permessage-deflate(client_max_window_bits;) permessage-deflate() .");
  CHECK(apart(R"(a; b="c"; d; e="f" , g;h="\1\2")") == R"(a(b=c;d;e=f;) g(h=\1\2;) .)");
  CHECK(apart(" \ta\t ;\tb =\t1 ;c = \"2\" \t, ,\t,d ; e ") == "a(b=1;c=2;) d(e;) .");
  CHECK(apart("a, b;, c") == "a() malformed");
  CHECK(apart("a; b=1; c=, d") == "malformed");
  CHECK(apart("").starts_with("."));
  CHECK(apart(" , ,").starts_with("."));
}

TEST_CASE("extension_list: what is taken are views of the list, and the list is what is left",
          "[extension_list][9.1]") {
  const exact_buffer text(R"(foo; bar="1\0" ;x, next)");
  const std::string_view all = text_of(text.view());
  std::string_view list = all;
  const auto taken = take_extension(list);
  REQUIRE(taken);
  CHECK(taken->name.data() - all.data() == 0);
  CHECK(taken->name.size() == 3);
  CHECK(taken->parameters == R"(; bar="1\0" ;x)");
  CHECK(taken->parameters.data() - all.data() == 3);
  CHECK(list == ", next");
  CHECK(list.data() - all.data() == 17);

  std::string_view parameters = taken->parameters;
  const auto bar = take_parameter(parameters);
  REQUIRE(bar);
  REQUIRE(*bar);
  CHECK((*bar)->name == "bar");
  CHECK((*bar)->name.data() - all.data() == 5);
  CHECK((*bar)->value == R"(1\0)");
  CHECK((*bar)->value->data() - all.data() == 10);
  CHECK(parameters == ";x");
  const auto x = take_parameter(parameters);
  REQUIRE(x);
  REQUIRE(*x);
  CHECK((*x)->name == "x");
  CHECK_FALSE((*x)->value);
  CHECK(parameters.empty());
}

TEST_CASE("extension_list: the end comes again and again, and is no error", "[extension_list][9.1]") {
  std::string_view list = "foo";
  REQUIRE(take_extension(list)->name == "foo");
  std::string_view parameters;
  for (int i = 0; i < 3; ++i) {
    const auto end = take_extension(list);
    REQUIRE(end);
    CHECK(end->name.empty());
    CHECK(end->parameters.empty());
    const auto none = take_parameter(parameters);
    REQUIRE(none);
    CHECK_FALSE(*none);
  }
  std::string_view blank = " \t,, \t";
  REQUIRE(take_extension(blank));
  CHECK(blank.empty());
}

TEST_CASE("extension_list: a parameter's errors are those of the list that it stands in", "[extension_list][9.1]") {
  for (const std::string_view text :
       {";", "; ", ";=", ";=1", ";a=", "; a= ", ";a==", ";a=;", ";a=\"", ";a=\"\"", ";a=\"1", ";a=\"1\\", ";a=\"1 2\"",
        ";a=\"\\\"\"", ";\"a\"", ";,", ";/", "; \x7F"}) {
    CAPTURE(text);
    const exact_buffer exact(text);
    std::string_view parameters = text_of(exact.view());
    CHECK(take_parameter(parameters).error() == error::extensions_malformed);
    const exact_buffer whole("x" + std::string(text));
    std::string_view list = text_of(whole.view());
    CHECK(take_extension(list).error() == error::extensions_malformed);
  }
}

TEST_CASE("extension_list: the names are given in the case in which they came", "[extension_list][9.1]") {
  CHECK(taken_apart("Foo; BAR=Baz, foo") == "Foo(BAR=Baz;) foo() .");
}

TEST_CASE("extension_list: every prefix of a list is read within its bytes", "[extension_list][9.1]") {
  const std::string list = R"( a ; b = "\1\2" ; c=3 ;d , , e; f="g", h )";
  for (std::size_t size = 0; size <= list.size(); ++size) {
    const exact_buffer exact(std::string_view(list).substr(0, size));
    (void)taken_apart(text_of(exact.view()));
  }
  CHECK(taken_apart(list) == R"(a(b=\1\2;c=3;d;) e(f=g;) h() .)");
}
