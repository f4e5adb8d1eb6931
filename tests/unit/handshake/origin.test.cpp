#include "sansocket/handshake/origin.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

bool lets_in(const origin_policy& policy, std::string_view origin_field, std::string_view host_field = "example.com") {
  const exact_buffer from(origin_field);
  const exact_buffer to(host_field);
  const error verdict = policy.judge(text_of(from.view()), text_of(to.view()));
  CHECK((verdict == error::none || verdict == error::origin_refused));
  return verdict == error::none;
}

constexpr std::array<std::string_view, 3> trusted{"https://example.com", "http://localhost:8080", "app://shell"};
constexpr std::array<std::string_view, 2> opaque{"https://example.com", "null"};

static_assert(parse_origin("https://example.com")->port == 443);
static_assert(same_origin.judge("http://example.com", "example.com") == error::none);
static_assert(same_origin.judge("null", "example.com") == error::origin_refused);
static_assert(any_origin.judge("null", "") == error::none);
static_assert(no_origin.judge("http://example.com", "example.com") == error::origin_refused);
static_assert(same_origin.required().judge_missing() == error::origin_refused);
static_assert(origin_policy(trusted).judge("https://example.com", "") == error::none);

}  // namespace

TEST_CASE("origin: parses scheme, host and port, the default one filled in", "[origin][10.2]") {
  const auto https = parse_origin("https://www.example.com");
  REQUIRE(https);
  CHECK(https->scheme == "https");
  CHECK(https->host == "www.example.com");
  CHECK(https->port == 443);
  CHECK(parse_origin("http://a")->port == 80);
  CHECK(parse_origin("HTTP://a")->port == 80);
  CHECK(parse_origin("http://a:8080")->port == 8080);
  CHECK(parse_origin("https://a:65535")->port == 65'535);
  CHECK(parse_origin("app://shell")->port == 0);
  CHECK(parse_origin("http://[2001:db8::1]:81")->host == "[2001:db8::1]");
  CHECK(parse_origin("http://[2001:db8::1]:81")->port == 81);
}

TEST_CASE("origin: refuses to parse what is no origin", "[origin][10.2]") {
  for (const std::string_view text : {"",
                                      "null",
                                      "example.com",
                                      "://example.com",
                                      "http:",
                                      "http:/example.com",
                                      "http://",
                                      "http://:80",
                                      "http://a/",
                                      "http://a/b",
                                      "http://a?b",
                                      "http://a#b",
                                      "http://user@a",
                                      "http://a:0",
                                      "http://a:65536",
                                      "http://a:b",
                                      "http://a b",
                                      "http://a http://b",
                                      "http://a, http://b",
                                      "http://[::1",
                                      "http://a\x80",
                                      "http://*.a\\"}) {
    CAPTURE(text);
    const exact_buffer field(text);
    CHECK(parse_origin(text_of(field.view())).error() == error::origin_refused);
  }
}

TEST_CASE("origin: same_origin wants the host and port that are connected to", "[origin][10.2]") {
  CHECK(lets_in(same_origin, "http://example.com", "example.com"));
  CHECK(lets_in(same_origin, "https://example.com", "example.com"));
  CHECK(lets_in(same_origin, "http://example.com:8080", "example.com:8080"));
  CHECK(lets_in(same_origin, "http://[::1]:8080", "[::1]:8080"));
  CHECK(lets_in(same_origin, "http://127.0.0.1", "127.0.0.1"));

  CHECK_FALSE(lets_in(same_origin, "http://other.org", "example.com"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com:8080", "example.com:8081"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com:8080", "example.com"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com", "example.com:8080"));
}

TEST_CASE("origin: same_origin fills in the default port of the origin's scheme on both sides", "[origin][10.2]") {
  CHECK(lets_in(same_origin, "http://example.com:80", "example.com"));
  CHECK(lets_in(same_origin, "http://example.com", "example.com:80"));
  CHECK(lets_in(same_origin, "https://example.com:443", "example.com"));
  CHECK(lets_in(same_origin, "https://example.com", "example.com:443"));
  CHECK_FALSE(lets_in(same_origin, "https://example.com", "example.com:80"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com", "example.com:443"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com:443", "example.com"));
}

TEST_CASE("origin: same_origin ignores letter case", "[origin][4.2.2]") {
  CHECK(lets_in(same_origin, "HTTP://Example.COM", "eXample.com"));
}

TEST_CASE("origin: same_origin is not misled by names that look alike", "[origin][10.2]") {
  for (const std::string_view text :
       {"http://evilexample.com", "http://example.com.evil.org", "http://sub.example.com", "http://example.co",
        "http://example.com.", "http://example.com@evil.org", "http://evil.org/example.com",
        "http://evil.org?example.com", "http://evil.org#example.com", "http://example.com evil.org",
        "http://example%2ecom", "http://", "example.com"}) {
    CAPTURE(text);
    CHECK_FALSE(lets_in(same_origin, text));
  }
}

TEST_CASE("origin: same_origin knows http and https only", "[origin][10.2]") {
  CHECK_FALSE(lets_in(same_origin, "ftp://example.com"));
  CHECK_FALSE(lets_in(same_origin, "ftp://example.com:80"));
  CHECK_FALSE(lets_in(same_origin, "ws://example.com:80"));
  CHECK_FALSE(lets_in(same_origin, "file://example.com"));
  CHECK_FALSE(lets_in(same_origin, "httpss://example.com"));
}

TEST_CASE("origin: same_origin lets in neither null nor an empty field nor two origins in one", "[origin][10.2]") {
  CHECK_FALSE(lets_in(same_origin, "null"));
  CHECK_FALSE(lets_in(same_origin, "null", "null"));
  CHECK_FALSE(lets_in(same_origin, ""));
  CHECK_FALSE(lets_in(same_origin, "", ""));
  CHECK_FALSE(lets_in(same_origin, "http://example.com http://example.com"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com, http://example.com"));
}

TEST_CASE("origin: same_origin lets in nothing where Host is unreadable", "[origin][10.2]") {
  CHECK_FALSE(lets_in(same_origin, "http://example.com", ""));
  CHECK_FALSE(lets_in(same_origin, "http://example.com", "example.com:x"));
  CHECK_FALSE(lets_in(same_origin, "http://example.com", "user@example.com"));
}

TEST_CASE("origin: a list lets in exactly its schemes, hosts and ports", "[origin][10.2]") {
  const origin_policy policy(trusted);
  CHECK(lets_in(policy, "https://example.com", "elsewhere.org"));
  CHECK(lets_in(policy, "HTTPS://EXAMPLE.COM:443"));
  CHECK(lets_in(policy, "http://localhost:8080"));
  CHECK(lets_in(policy, "app://shell"));

  for (const std::string_view text :
       {"http://example.com", "https://example.com:444", "https://www.example.com", "https://example.com.evil.org",
        "https://evilexample.com", "http://localhost", "https://localhost:8080", "app://shell:80", "null", "", "*"}) {
    CAPTURE(text);
    CHECK_FALSE(lets_in(policy, text));
  }
}

TEST_CASE("origin: a list lets in null only where it names it", "[origin][10.2]") {
  CHECK(lets_in(origin_policy(opaque), "null"));
  CHECK(lets_in(origin_policy(opaque), "https://example.com"));
  for (const std::string_view text : {"", "NULL", "nul", "null null", "garbage", "http://"}) {
    CAPTURE(text);
    CHECK_FALSE(lets_in(origin_policy(opaque), text));
  }
  CHECK_FALSE(lets_in(origin_policy(trusted), "null"));
}

TEST_CASE("origin: an entry with a star lets in what lies below its host, and nothing else", "[origin][10.2]") {
  constexpr std::array<std::string_view, 2> below{"https://*.example.com", "http://*.localhost:8080"};
  const origin_policy policy(below);
  for (const std::string_view text :
       {"https://a.example.com", "https://a.b.example.com", "https://A.Example.COM", "HTTPS://a.example.com:443",
        "https://example.com.example.com", "https://-.example.com", "http://app.localhost:8080"}) {
    CAPTURE(text);
    CHECK(lets_in(policy, text));
  }
  for (const std::string_view text : {"https://example.com",
                                      "https://evilexample.com",
                                      "https://evil-example.com",
                                      "https://.example.com",
                                      "https://..example.com",
                                      "https://a..example.com",
                                      "https://.a.example.com",
                                      "https://a..b.example.com",
                                      "https://a.example.com.",
                                      "https://a.example.com.evil.org",
                                      "https://a.example.comm",
                                      "https://a.example.org",
                                      "https://evil.org/.example.com",
                                      "https://evil.org#.example.com",
                                      "https://evil.org?a.example.com",
                                      "https://evil.org@a.example.com",
                                      "https://evil.org:443.example.com",
                                      "https://a.example.com:444",
                                      "http://a.example.com",
                                      "http://a.example.com:443",
                                      "wss://a.example.com",
                                      "https://com",
                                      "http://app.localhost",
                                      "http://localhost:8080",
                                      "a.example.com",
                                      ".example.com",
                                      "null",
                                      "",
                                      "*"}) {
    CAPTURE(text);
    CHECK_FALSE(lets_in(policy, text));
  }
}

TEST_CASE("origin: a star means something only as the whole first label", "[origin][10.2]") {
  constexpr std::array<std::string_view, 19> odd{
      "*",          "*.example.com",   "*://a.example.com", "https://*",           "https://*:443",
      "https://*.", "https://*.:443",  "https://**",        "https://*.*",         "https://*.*.example.com",
      "https://a*", "https://*a.b",    "https://a.*.b",     "https://ex*mple.com", "https://*example.com",
      "h*://a.b",   "https://*.0.0.1", "https://a.b:*",     "https://[*]"};
  for (const std::string_view text : {"https://example.com",
                                      "https://a.example.com",
                                      "https://a.a.example.com",
                                      "https://a",
                                      "https://a.b",
                                      "https://aa.b",
                                      "https://a.a.b",
                                      "https://exammple.com",
                                      "https://ex*mple.com",
                                      "https://a.",
                                      "https://a.b.",
                                      "https://*",
                                      "https://*.",
                                      "https://*.*",
                                      "https://a*",
                                      "https://127.0.0.1",
                                      "https://[::1]",
                                      "http://a.b",
                                      "null",
                                      "",
                                      "*"}) {
    CAPTURE(text);
    for (const std::string_view entry : odd) {
      CAPTURE(entry);
      CHECK_FALSE(lets_in(origin_policy(std::span(&entry, 1)), text));
    }
  }
  constexpr std::array<std::string_view, 1> address{"https://127.0.0.1"};
  CHECK(lets_in(origin_policy(address), "https://127.0.0.1"));
}

TEST_CASE("origin: entries that are no origins match nothing", "[origin][10.2]") {
  constexpr std::array<std::string_view, 3> nonsense{"example.com", "https://", ""};
  for (const std::string_view text : {"https://example.com", "example.com", "https://", "", "https://a.b"}) {
    CAPTURE(text);
    CHECK_FALSE(lets_in(origin_policy(nonsense), text));
  }
  CHECK_FALSE(lets_in(origin_policy(std::span<const std::string_view>()), "https://example.com"));
}

TEST_CASE("origin: a predicate gets the field as it came, with its context", "[origin][10.2]") {
  std::string seen;
  const origin_policy policy(
      [](std::string_view text, void* context) {
        *static_cast<std::string*>(context) = text;
        return text.ends_with(".example.com");
      },
      &seen);
  CHECK(lets_in(policy, "https://WWW.example.com"));
  CHECK(seen == "https://WWW.example.com");
  CHECK_FALSE(lets_in(policy, "null"));
  CHECK(seen == "null");
  CHECK_FALSE(lets_in(policy, "no\\nsense"));
  CHECK(seen == "no\\nsense");

  CHECK(lets_in(origin_policy([](std::string_view, void* context) { return context == nullptr; }), "x"));
}

TEST_CASE("origin: any_origin lets in everything, no_origin nothing", "[origin][10.2]") {
  for (const std::string_view text : {"", "null", "https://example.com", "http://evil.org", "garbage"}) {
    CAPTURE(text);
    CHECK(lets_in(any_origin, text));
    CHECK_FALSE(lets_in(no_origin, text));
  }
}

TEST_CASE("origin: a request without an Origin is let in, unless one is required", "[origin][10.2]") {
  constexpr std::array<std::string_view, 1> pages{"https://example.com"};
  for (const origin_policy& policy : {same_origin, any_origin, no_origin, origin_policy(pages)}) {
    CHECK(policy.judge_missing() == error::none);
    const origin_policy strict = policy.required();
    CHECK(strict.judge_missing() == error::origin_refused);
    CHECK(strict.required().judge_missing() == error::origin_refused);
    CHECK(policy.judge_missing() == error::none);
    for (const std::string_view text : {"https://example.com", "https://evil.org", "null", ""}) {
      CAPTURE(text);
      CHECK(lets_in(strict, text) == lets_in(policy, text));  // only that is different
    }
  }
}

TEST_CASE("origin: what is no scheme makes no origin", "[origin]") {
  for (const std::string_view text : {"a b://host", "1a://host", "-://host", "a%41://host", "://host"}) {
    INFO(text);
    CHECK_FALSE(parse_origin(text));
  }
  CHECK(parse_origin("moz-extension://host"));
}
