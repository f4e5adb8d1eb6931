#include "sansocket/http/uri.hpp"

#include <array>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

error fault_of_uri(std::string_view text) {
  const exact_buffer exact(text);
  return parse_uri(text_of(exact.view())).error();
}

error fault_of_authority(std::string_view text) {
  const exact_buffer exact(text);
  return parse_authority(text_of(exact.view())).error();
}

struct good_uri {
  std::string_view text;
  bool secure;
  std::string_view host;
  std::uint16_t port;
  std::string_view authority;
  std::string_view resource;
};

constexpr std::array good_uris{
    good_uri{"ws://example.com/chat", false, "example.com", 80, "example.com", "/chat"},
    good_uri{"wss://example.com/chat", true, "example.com", 443, "example.com", "/chat"},
    good_uri{"ws://example.com", false, "example.com", 80, "example.com", ""},
    good_uri{"ws://example.com/", false, "example.com", 80, "example.com", "/"},
    good_uri{"ws://example.com?q=1", false, "example.com", 80, "example.com", "?q=1"},
    good_uri{"ws://example.com/a?b/c?d", false, "example.com", 80, "example.com", "/a?b/c?d"},
    good_uri{"WSS://Example.COM/", true, "Example.COM", 443, "Example.COM", "/"},
    good_uri{"wSs://a", true, "a", 443, "a", ""},
    good_uri{"ws://example.com:8080/x", false, "example.com", 8080, "example.com:8080", "/x"},
    good_uri{"wss://example.com:80", true, "example.com", 80, "example.com:80", ""},
    good_uri{"ws://example.com:1", false, "example.com", 1, "example.com:1", ""},
    good_uri{"ws://example.com:65535", false, "example.com", 65'535, "example.com:65535", ""},
    good_uri{"ws://example.com:00443", false, "example.com", 443, "example.com:00443", ""},
    // RFC 3986 §3.2.3: an empty port is the scheme's own.
    good_uri{"ws://example.com:/", false, "example.com", 80, "example.com:", "/"},
    good_uri{"wss://example.com:?a", true, "example.com", 443, "example.com:", "?a"},
    good_uri{"ws://127.0.0.1:9001/", false, "127.0.0.1", 9001, "127.0.0.1:9001", "/"},
    good_uri{"ws://[::1]", false, "[::1]", 80, "[::1]", ""},
    good_uri{"wss://[2001:db8::7]:8443/a", true, "[2001:db8::7]", 8443, "[2001:db8::7]:8443", "/a"},
    good_uri{"ws://[::ffff:192.0.2.1]/", false, "[::ffff:192.0.2.1]", 80, "[::ffff:192.0.2.1]", "/"},
    good_uri{"ws://[::]:/", false, "[::]", 80, "[::]:", "/"},
    good_uri{"ws://ex%C3%A4mple.com/", false, "ex%C3%A4mple.com", 80, "ex%C3%A4mple.com", "/"},
    good_uri{"ws://a_b-c.d~e!$&'()*+,;=/", false, "a_b-c.d~e!$&'()*+,;=", 80, "a_b-c.d~e!$&'()*+,;=", "/"},
    good_uri{"ws://a/%20%2F%7e?%00", false, "a", 80, "a", "/%20%2F%7e?%00"},
    good_uri{"ws://a/user@host:1//x;y=z", false, "a", 80, "a", "/user@host:1//x;y=z"},
    good_uri{"ws://a/?next=ws://b/", false, "a", 80, "a", "/?next=ws://b/"},
};

struct bad_text {
  std::string_view text;
  error fault;
};

constexpr std::array bad_uris{
    // Not absolute, or no URI at all.
    bad_text{"", error::uri_malformed},
    bad_text{"/chat", error::uri_malformed},
    bad_text{"example.com/chat", error::uri_malformed},
    bad_text{"ws:example.com", error::uri_malformed},
    bad_text{"ws:/example.com", error::uri_malformed},
    bad_text{"ws//example.com", error::uri_malformed},
    bad_text{"//example.com", error::uri_malformed},
    // Another scheme.
    bad_text{"http://example.com/", error::uri_scheme_unknown},
    bad_text{"https://example.com/", error::uri_scheme_unknown},
    bad_text{"w://example.com", error::uri_scheme_unknown},
    bad_text{"wsx://example.com", error::uri_scheme_unknown},
    bad_text{"wsss://example.com", error::uri_scheme_unknown},
    bad_text{" ws://example.com", error::uri_scheme_unknown},
    bad_text{"://example.com", error::uri_scheme_unknown},
    // §3: no fragment, not even an empty one.
    bad_text{"ws://example.com/#top", error::uri_has_fragment},
    bad_text{"ws://example.com/#", error::uri_has_fragment},
    bad_text{"ws://example.com#", error::uri_has_fragment},
    bad_text{"ws://example.com/?q#f", error::uri_has_fragment},
    // No user.
    bad_text{"ws://user@example.com/", error::uri_has_userinfo},
    bad_text{"ws://user:secret@example.com/", error::uri_has_userinfo},
    bad_text{"ws://@example.com/", error::uri_has_userinfo},
    bad_text{"ws://example.com@evil.example:80/", error::uri_has_userinfo},
    // The port.
    bad_text{"ws://example.com:0/", error::uri_port_invalid},
    bad_text{"ws://example.com:000/", error::uri_port_invalid},
    bad_text{"ws://example.com:65536/", error::uri_port_invalid},
    bad_text{"ws://example.com:4294967376/", error::uri_port_invalid},
    bad_text{"ws://example.com:99999999999999999999999/", error::uri_port_invalid},
    bad_text{"ws://example.com:+80/", error::uri_port_invalid},
    bad_text{"ws://example.com:-80/", error::uri_port_invalid},
    bad_text{"ws://example.com: 80/", error::uri_port_invalid},
    bad_text{"ws://example.com:80a/", error::uri_port_invalid},
    bad_text{"ws://example.com:0x50/", error::uri_port_invalid},
    bad_text{"ws://example.com:80:80/", error::uri_port_invalid},
    bad_text{"ws://2001:db8::7/", error::uri_port_invalid},
    // The host.
    bad_text{"ws://", error::uri_malformed},
    bad_text{"ws:///chat", error::uri_malformed},
    bad_text{"ws://?q", error::uri_malformed},
    bad_text{"ws://:80/", error::uri_malformed},
    bad_text{"ws://exa mple.com/", error::uri_malformed},
    bad_text{"ws://example.com\\path", error::uri_malformed},
    bad_text{"ws://example.com\t/", error::uri_malformed},
    bad_text{"ws://exam\xC3\xA4ple.com/", error::uri_malformed},
    bad_text{"ws://a%/", error::uri_malformed},
    bad_text{"ws://a%4/", error::uri_malformed},
    bad_text{"ws://a%4g/", error::uri_malformed},
    bad_text{"ws://[::1/", error::uri_malformed},
    bad_text{"ws://::1]/", error::uri_malformed},
    bad_text{"ws://[]/", error::uri_malformed},
    bad_text{"ws://[::1]a/", error::uri_malformed},
    bad_text{"ws://[::1]]/", error::uri_malformed},
    bad_text{"ws://[::g]/", error::uri_malformed},
    bad_text{"ws://[fe80::1%25eth0]/", error::uri_malformed},
    bad_text{"ws://a[::1]/", error::uri_malformed},
    // Path and query.
    bad_text{"ws://a/b c", error::uri_malformed},
    bad_text{"ws://a/b\r\nHost: c", error::uri_malformed},
    bad_text{"ws://a/\x7F", error::uri_malformed},
    bad_text{"ws://a/\xC3\xA4", error::uri_malformed},
    bad_text{"ws://a/%", error::uri_malformed},
    bad_text{"ws://a/%4", error::uri_malformed},
    bad_text{"ws://a/%4x", error::uri_malformed},
    bad_text{"ws://a/%%20", error::uri_malformed},
    bad_text{"ws://a/\\b", error::uri_malformed},
    bad_text{"ws://a/<b>", error::uri_malformed},
    bad_text{"ws://a/\"b\"", error::uri_malformed},
    bad_text{"ws://a/{b}", error::uri_malformed},
    bad_text{"ws://a/b|c", error::uri_malformed},
    bad_text{"ws://a/b^c", error::uri_malformed},
    bad_text{"ws://a/`b`", error::uri_malformed},
    bad_text{"ws://a/?[b]", error::uri_malformed},
};

struct good_target {
  std::string_view text;
  std::string_view authority;
  std::string_view resource;
};

constexpr std::array good_targets{
    good_target{"/", "", "/"},
    good_target{"/chat?a=b", "", "/chat?a=b"},
    good_target{"//a/b", "", "//a/b"},
    good_target{"/http://a", "", "/http://a"},
    good_target{"/?u=http://a/", "", "/?u=http://a/"},
    good_target{"http://a", "a", ""},
    good_target{"http://a/", "a", "/"},
    good_target{"http://a:80/b?c", "a:80", "/b?c"},
    good_target{"http://a?b/c", "a", "?b/c"},
    good_target{"HTTPS://[::1]:8443/b", "[::1]:8443", "/b"},
    good_target{"https://a:", "a:", ""},
};

// clang-format off
constexpr std::array<std::string_view, 32> bad_targets{
    // Neither a path nor absolute.
    "", "*", "chat", "?a=b", "a:80", " /",
    // Not an http or https URI.
    "http", "https", "http:", "http:/", "http:/a", "ws://a/", "wss://a/", "ftp://a/", "://a/",
    // Its authority.
    "http://", "http:///b", "http://?b", "http://user@a/", "http://a:0/", "http://a:b/", "http://a b/",
    // Path and query, and no fragment.
    "/a b", "/a#b", "#", "http://a/#b", "http://a#b", "/\"", "/<>", "/\xC3\xA9", "/\r\nA: b",
};
// clang-format on

}  // namespace

TEST_CASE("uri: takes a WebSocket URI apart", "[uri][3]") {
  for (const good_uri& each : good_uris) {
    INFO(each.text);
    const exact_buffer exact(each.text);
    const auto parsed = parse_uri(text_of(exact.view()));
    REQUIRE(parsed);
    CHECK(parsed->secure == each.secure);
    CHECK(parsed->host == each.host);
    CHECK(parsed->port == each.port);
    CHECK(parsed->authority == each.authority);
    CHECK(parsed->resource == each.resource);
  }
}

TEST_CASE("uri: refuses what is none, and says why", "[uri][3]") {
  for (const bad_text& each : bad_uris) {
    INFO(each.text);
    CHECK(fault_of_uri(each.text) == each.fault);
  }
  CHECK(fault_of_uri(std::string_view("ws://a/\0", 8)) == error::uri_malformed);
  CHECK(fault_of_uri(std::string_view("ws://a\0b/", 9)) == error::uri_malformed);
}

TEST_CASE("uri: the parts are views of the text", "[uri]") {
  const std::string_view text = "wss://example.com:8443/chat";
  const auto parsed = parse_uri(text);
  REQUIRE(parsed);
  CHECK(parsed->host.data() == text.data() + 6);
  CHECK(parsed->authority.data() == text.data() + 6);
  CHECK(parsed->resource.data() == text.data() + 22);
}

TEST_CASE("uri: every port from 1 to 65535 is one", "[uri][3]") {
  for (unsigned port = 1; port <= 65'535; port += port < 1100 || port > 65'000 ? 1 : 97) {
    const auto parsed = parse_authority("a:" + std::to_string(port));
    if (!parsed || parsed->port != port) FAIL(port);
  }
}

TEST_CASE("uri: an authority is a host, and a port if one is written", "[uri]") {
  struct row {
    std::string_view text;
    std::string_view host;
    std::uint16_t port;
  };
  for (const row& each : {row{"example.com", "example.com", 0}, row{"example.com:80", "example.com", 80},
                          row{"example.com:", "example.com", 0}, row{"[::1]", "[::1]", 0},
                          row{"[::1]:443", "[::1]", 443}, row{"192.0.2.1:65535", "192.0.2.1", 65'535}}) {
    INFO(each.text);
    const exact_buffer exact(each.text);
    const auto parsed = parse_authority(text_of(exact.view()));
    REQUIRE(parsed);
    CHECK(parsed->host == each.host);
    CHECK(parsed->port == each.port);
  }
}

TEST_CASE("uri: refuses what is no authority", "[uri]") {
  CHECK(fault_of_authority("") == error::uri_malformed);
  CHECK(fault_of_authority(":80") == error::uri_malformed);
  CHECK(fault_of_authority("a b") == error::uri_malformed);
  CHECK(fault_of_authority("a,b:80") == error::none);
  CHECK(fault_of_authority("a/b") == error::uri_malformed);
  CHECK(fault_of_authority("a?b") == error::uri_malformed);
  CHECK(fault_of_authority("a#b") == error::uri_malformed);
  CHECK(fault_of_authority("user@a") == error::uri_has_userinfo);
  CHECK(fault_of_authority("a:80 ") == error::uri_port_invalid);
  CHECK(fault_of_authority("a:0") == error::uri_port_invalid);
  CHECK(fault_of_authority("a:65536") == error::uri_port_invalid);
  CHECK(fault_of_authority("::1") == error::uri_malformed);
  CHECK(fault_of_authority("[::1") == error::uri_malformed);
  CHECK(fault_of_authority("[") == error::uri_malformed);
  CHECK(fault_of_authority("]") == error::uri_malformed);
  CHECK(fault_of_authority("[]") == error::uri_malformed);
  CHECK(fault_of_authority("[::1]80") == error::uri_malformed);
}

TEST_CASE("uri: a resource is what a path and a query may be made of", "[uri][3]") {
  for (const std::string_view text : {"", "/", "/chat", "/a/b;c=d?e=f&g:h@i", "?q", "/%41%fF", "/-._~!$&'()*+,;=:@"})
    CHECK(is_resource(text));
  for (const std::string_view text :
       {" ", "/a b", "/#", "/%", "/%1", "/%1g", "/%G1", "/a%", "/\r", "/\n", "/\x80", "/[", "/]"})
    CHECK_FALSE(is_resource(text));
  constexpr std::string_view others = "-._~!$&'()*+,;=:@/?";
  for (unsigned value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    CAPTURE(value);
    CHECK(is_resource(std::string("/") + c) == (alphanumeric || others.find(c) != std::string_view::npos));
  }
}

TEST_CASE("uri: the target of an upgrade is a path and query or an absolute URI", "[uri][4.2.1]") {
  for (const good_target& each : good_targets) {
    INFO(each.text);
    const exact_buffer exact(each.text);
    const auto parsed = parse_upgrade_target(text_of(exact.view()));
    REQUIRE(parsed);
    CHECK(parsed->authority == each.authority);
    CHECK(parsed->resource == each.resource);
  }
  for (const std::string_view text : bad_targets) {
    INFO(text);
    const exact_buffer exact(text);
    CHECK(parse_upgrade_target(text_of(exact.view())).error() == error::target_malformed);
  }
  STATIC_REQUIRE(parse_upgrade_target("http://a/b")->authority == "a");
  STATIC_REQUIRE(parse_upgrade_target("ws://a/b").error() == error::target_malformed);
}

TEST_CASE("uri: a scheme implies a port", "[uri][3]") {
  STATIC_REQUIRE(default_port(false) == 80);
  STATIC_REQUIRE(default_port(true) == 443);
}

TEST_CASE("uri: gives the same at compile time", "[uri][3]") {
  constexpr auto parsed = parse_uri("wss://[::1]:8443/a?b");
  STATIC_REQUIRE(parsed.has_value());
  STATIC_REQUIRE(parsed->secure);
  STATIC_REQUIRE(parsed->host == "[::1]");
  STATIC_REQUIRE(parsed->port == 8443);
  STATIC_REQUIRE(parsed->resource == "/a?b");
  STATIC_REQUIRE(parse_uri("ws://a/#").error() == error::uri_has_fragment);
  STATIC_REQUIRE(parse_authority("a:b").error() == error::uri_port_invalid);
  STATIC_REQUIRE(is_resource("/a"));
}

TEST_CASE("uri: an IPv6 address is one by its grammar", "[uri][3]") {
  for (const std::string_view host : {"[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[1::8]", "[2001:DB8::a:1]",
                                      "[::ffff:192.0.2.255]", "[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:7::]"}) {
    INFO(host);
    CHECK(parse_authority(host)->host == host);
  }
  for (const std::string_view host : {"[]",
                                      "[1]",
                                      "[1234]",
                                      "[:]",
                                      "[:::]",
                                      "[1:]",
                                      "[:1]",
                                      "[1::2::3]",
                                      "[1:2:3:4:5:6:7]",
                                      "[1:2:3:4:5:6:7:8:9]",
                                      "[1:2:3:4:5:6:7::8]",
                                      "[12345::]",
                                      "[g::]",
                                      "[::1.2.3]",
                                      "[::1.2.3.256]",
                                      "[::01.2.3.4]",
                                      "[::1.2.3.4.5]",
                                      "[1.2.3.4::]",
                                      "[1:2:3:4:5:6:7:1.2.3.4]",
                                      "[::1",
                                      "[fe80::1%25eth0]",
                                      "[v1.a]"}) {
    INFO(host);
    CHECK_FALSE(parse_authority(host));
  }
}
