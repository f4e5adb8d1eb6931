#include "sansocket/handshake/upgrade.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/crypto/openssl.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat.v2", "chat"};
constexpr std::string_view sample_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

using header_list = std::vector<std::pair<std::string, std::string>>;

/// A request that is accepted, to be broken by the tests.
struct parsed_request {
  std::string method = "GET";
  std::string version = "HTTP/1.1";
  std::string target = "/chat";
  header_list headers = {{"Host", "server.example.com"},
                         {"Upgrade", "websocket"},
                         {"Connection", "Upgrade"},
                         {"Sec-WebSocket-Key", std::string(sample_key)},
                         {"Sec-WebSocket-Version", "13"}};

  parsed_request without(std::string_view name) && {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
    return std::move(*this);
  }
  parsed_request with(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
  parsed_request having(std::string_view name, std::string value) && {
    return std::move(*this).without(name).with(std::string(name), std::move(value));
  }
};

upgrade_verdict judge(const parsed_request& request, const server_options& options = {}) {
  return check_upgrade(request.method, std::string_view(request.version), request.target, request.headers, options);
}

/// The fields as the head writer would put them down.
std::string lines(const upgrade_verdict& verdict) {
  std::string text;
  for (const auto& [name, value] : verdict.fields()) text.append(name).append(": ").append(value).append("\n");
  return text;
}

/// A hash that says how often it was asked.
struct counting_hash {
  int calls = 0;
  openssl_sha1 real;
  bool operator()(const_bytes data, std::span<std::byte, sha1_size> digest) {
    ++calls;
    return real(data, digest);
  }
};

struct failing_hash {
  bool operator()(const_bytes, std::span<std::byte, sha1_size>) { return false; }
};

/// A header type that is no range at all.
class odd_headers {
 public:
  explicit odd_headers(const header_list& headers) : headers_(headers) {}
  template <class Visit>
  void walk(Visit visit) const {
    for (const auto& [name, value] : headers_) visit(name, value);
  }

 private:
  header_list headers_;
};

struct named {
  std::string name;
  std::string value;
};

}  // namespace

template <>
struct sansocket::field_access<odd_headers> {
  static void for_each(const odd_headers& source, auto&& visit) {
    source.walk([&](std::string_view name, std::string_view value) { visit(name, value); });
  }
};

TEST_CASE("upgrade: accepts a request that follows the rules", "[upgrade][4.2.2]") {
  const auto verdict = judge({});
  REQUIRE(verdict);
  CHECK(verdict.reason() == error::none);
  CHECK(verdict.status() == 101);
  CHECK(verdict.subprotocol().empty());
  CHECK_FALSE(verdict.subprotocol_unmatched());
  CHECK(verdict.body().empty());
  CHECK(lines(verdict) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n");
}

TEST_CASE("upgrade: names the subprotocol that it selected", "[upgrade][4.2.2]") {
  const server_options options{.subprotocols = chats};
  const auto verdict = judge(parsed_request().with("Sec-WebSocket-Protocol", "soap, chat, chat.v2"), options);
  CHECK(verdict.subprotocol() == "chat.v2");
  CHECK_FALSE(verdict.subprotocol_unmatched());
  CHECK(lines(verdict) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
        "Sec-WebSocket-Protocol: chat.v2\n");
}

TEST_CASE("upgrade: goes on without a subprotocol, and says that none matched", "[upgrade][4.2.2]") {
  const server_options options{.subprotocols = chats};
  const auto verdict = judge(parsed_request().with("Sec-WebSocket-Protocol", "soap"), options);
  REQUIRE(verdict);
  CHECK(verdict.subprotocol().empty());
  CHECK(verdict.subprotocol_unmatched());
  CHECK(lines(verdict).find("Protocol") == std::string::npos);

  CHECK_FALSE(judge({}, options).subprotocol_unmatched());
}

TEST_CASE("upgrade: every broken rule has an error and a status of its own", "[upgrade][4.2.1]") {
  struct refusal_case {
    parsed_request request;
    error reason;
    int status;
  };
  const auto started = [](std::string method, std::string version, std::string target) {
    return parsed_request{.method = std::move(method), .version = std::move(version), .target = std::move(target)};
  };
  using req = parsed_request;
  const std::array cases{
      refusal_case{started("POST", "HTTP/1.1", "/chat"), error::method_not_get, 405},
      refusal_case{started("get", "HTTP/1.1", "/chat"), error::method_not_get, 405},
      refusal_case{started("", "HTTP/1.1", "/chat"), error::method_not_get, 405},
      refusal_case{started("GET", "HTTP/1.0", "/chat"), error::http_version_unsupported, 505},
      refusal_case{started("GET", "HTTP/0.9", "/chat"), error::http_version_unsupported, 505},
      refusal_case{started("GET", "HTTP/2", "/chat"), error::http_version_unsupported, 505},
      refusal_case{started("GET", "HTTP/2.1", "/chat"), error::http_version_unsupported, 505},
      refusal_case{started("GET", "", "/chat"), error::http_version_unsupported, 505},
      refusal_case{started("GET", "HTTP/1.1", ""), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "*"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "chat"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "?chat"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "server.example.com:80"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "ws://server.example.com/chat"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "http:///chat"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "/chat#top"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "/a b"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "/<>"), error::target_malformed, 400},
      refusal_case{started("GET", "HTTP/1.1", "/\xC3\xA4"), error::target_malformed, 400},
      refusal_case{req().without("Host"), error::host_missing, 400},
      refusal_case{req().with("Host", "server.example.com"), error::host_repeated, 400},
      refusal_case{req().having("Host", ""), error::host_malformed, 400},
      refusal_case{req().having("Host", "a:b"), error::host_malformed, 400},
      refusal_case{req().having("Host", "user@a"), error::host_malformed, 400},
      refusal_case{req().having("Host", "a/b"), error::host_malformed, 400},
      refusal_case{req().having("Host", "a, b"), error::host_malformed, 400},
      refusal_case{req().with("Content-Length", "1"), error::body_present, 400},
      refusal_case{req().with("Content-Length", ""), error::body_present, 400},
      refusal_case{req().with("Transfer-Encoding", "chunked"), error::body_present, 400},
      refusal_case{req().without("Upgrade"), error::upgrade_missing, 400},
      refusal_case{req().having("Upgrade", "h2c"), error::upgrade_missing, 400},
      refusal_case{req().having("Upgrade", "websockets"), error::upgrade_missing, 400},
      refusal_case{req().having("Upgrade", "web socket"), error::upgrade_missing, 400},
      refusal_case{req().having("Upgrade", ""), error::upgrade_missing, 400},
      refusal_case{req().without("Connection"), error::connection_missing, 400},
      refusal_case{req().having("Connection", "close"), error::connection_missing, 400},
      refusal_case{req().having("Connection", "keep-alive Upgrade"), error::connection_missing, 400},
      refusal_case{req().having("Connection", "Upgrade;x"), error::connection_missing, 400},
      refusal_case{req().without("Sec-WebSocket-Version"), error::version_missing, 400},
      refusal_case{req().with("Sec-WebSocket-Version", "13"), error::version_repeated, 400},
      refusal_case{req().having("Sec-WebSocket-Version", "8"), error::version_unsupported, 426},
      refusal_case{req().having("Sec-WebSocket-Version", "013"), error::version_unsupported, 426},
      refusal_case{req().having("Sec-WebSocket-Version", "13, 8"), error::version_unsupported, 426},
      refusal_case{req().having("Sec-WebSocket-Version", ""), error::version_unsupported, 426},
      refusal_case{req().without("Sec-WebSocket-Key"), error::key_missing, 400},
      refusal_case{req().with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), error::key_repeated, 400},
      refusal_case{req().having("Sec-WebSocket-Key", ""), error::key_malformed, 400},
      refusal_case{req().having("Sec-WebSocket-Key", "x"), error::key_malformed, 400},
      refusal_case{req().with("Sec-WebSocket-Protocol", ""), error::subprotocols_malformed, 400},
      refusal_case{req().with("Sec-WebSocket-Protocol", "a b"), error::subprotocols_malformed, 400},
      refusal_case{req().with("Sec-WebSocket-Protocol", "a, a"), error::subprotocols_malformed, 400},
      refusal_case{req().with("Sec-WebSocket-Extensions", ""), error::extensions_malformed, 400},
      refusal_case{req().with("Sec-WebSocket-Extensions", "a;"), error::extensions_malformed, 400},
      refusal_case{req().with("Origin", "http://server.example.com").with("Origin", "http://server.example.com"),
                   error::origin_repeated, 400},
      refusal_case{req().with("Origin", "http://other.org"), error::origin_refused, 403},
      refusal_case{req().with("Origin", "null"), error::origin_refused, 403},
  };
  for (const auto& [request, reason, status] : cases) {
    CAPTURE(request.method, request.version, request.target);
    CAPTURE(name(reason), request.headers.back().first, request.headers.back().second);
    const auto verdict = judge(request);
    CHECK_FALSE(verdict);
    CHECK(name(verdict.reason()) == name(reason));
    CHECK(verdict.status() == status);
    CHECK_FALSE(verdict.agreement().has_value());
    CHECK(verdict.subprotocol().empty());
    CHECK(verdict.body() == message(reason));
  }
}

TEST_CASE("upgrade: too many subprotocols are refused", "[upgrade][10.4]") {
  auto request = parsed_request();
  for (int i = 0; i <= 64; ++i) request = std::move(request).with("Sec-WebSocket-Protocol", "p" + std::to_string(i));
  CHECK(judge(request).reason() == error::too_many_subprotocols);
  CHECK(judge(request).status() == 400);
  request.headers.pop_back();
  CHECK(judge(request));
}

TEST_CASE("upgrade: a hash that fails is this end's trouble", "[upgrade]") {
  const auto verdict = check_upgrade<failing_hash>("GET", 11, "/chat", parsed_request().headers);
  CHECK(verdict.reason() == error::hash_failed);
  CHECK(verdict.status() == 500);
}

TEST_CASE("upgrade: a refusal says that the connection closes", "[upgrade][4.2.2]") {
  CHECK(lines(judge(parsed_request().without("Host"))) ==
        "Connection: close\n"
        "Content-Type: text/plain; charset=utf-8\n");
  CHECK(lines(judge(parsed_request().with("Origin", "null"))) ==
        "Connection: close\n"
        "Content-Type: text/plain; charset=utf-8\n");
}

TEST_CASE("upgrade: a refused method names the allowed one", "[upgrade]") {
  CHECK(lines(judge({.method = "POST"})) ==
        "Connection: close\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Allow: GET\n");
}

TEST_CASE("upgrade: a refused version names 13", "[upgrade][4.4]") {
  CHECK(lines(judge(parsed_request().having("Sec-WebSocket-Version", "8"))) ==
        "Connection: close, Upgrade\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Sec-WebSocket-Version: 13\n"
        "Upgrade: websocket\n");
  CHECK(lines(judge(parsed_request().without("Sec-WebSocket-Version"))) ==
        "Connection: close\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Sec-WebSocket-Version: 13\n");
}

TEST_CASE("upgrade: of several broken rules the first one is told", "[upgrade][4.2.1]") {
  // Invariant: with two rules broken, the verdict is that of the one which comes first in this list.
  struct breach {
    error reason;
    int subject;  // breaches of one subject cannot be had together
    std::function<parsed_request(parsed_request&&)> commit;
  };
  using req = parsed_request;
  const auto add = [](std::string name, std::string value) {
    return [=](req&& r) { return std::move(r).with(name, value); };
  };
  const auto set = [](std::string name, std::string value) {
    return [=](req&& r) { return std::move(r).having(name, value); };
  };
  const auto drop = [](std::string name) { return [=](req&& r) { return std::move(r).without(name); }; };
  const std::vector<breach> breaches{
      {error::method_not_get, 0, [](req&& r) { return r.method = "PUT", std::move(r); }},
      {error::http_version_unsupported, 1, [](req&& r) { return r.version = "HTTP/1.0", std::move(r); }},
      {error::target_malformed, 2, [](req&& r) { return r.target = "*", std::move(r); }},
      {error::host_missing, 3, drop("Host")},
      {error::host_repeated, 3, add("Host", "server.example.com")},
      {error::host_malformed, 3, set("Host", "@")},
      {error::body_present, 4, add("Content-Length", "5")},
      {error::upgrade_missing, 5, drop("Upgrade")},
      {error::connection_missing, 6, drop("Connection")},
      {error::version_missing, 7, drop("Sec-WebSocket-Version")},
      {error::version_repeated, 7, add("Sec-WebSocket-Version", "13")},
      {error::version_unsupported, 7, set("Sec-WebSocket-Version", "8")},
      {error::key_missing, 8, drop("Sec-WebSocket-Key")},
      {error::key_repeated, 8, add("Sec-WebSocket-Key", std::string(sample_key))},
      {error::key_malformed, 8, set("Sec-WebSocket-Key", "x")},
      {error::subprotocols_malformed, 9, add("Sec-WebSocket-Protocol", "")},
      {error::extensions_malformed, 9, add("Sec-WebSocket-Extensions", "")},
      {error::origin_repeated, 10, [](req&& r) { return std::move(r).with("Origin", "a").with("Origin", "b"); }},
      {error::origin_refused, 10, add("Origin", "null")},
  };
  for (const breach& one : breaches) {
    CHECK(judge(one.commit({})).reason() == one.reason);
    for (const breach& other : breaches) {
      if (one.subject == other.subject) continue;
      CAPTURE(name(one.reason), name(other.reason));
      const error first = &one < &other ? one.reason : other.reason;
      CHECK(name(judge(one.commit(other.commit({}))).reason()) == name(first));
    }
  }
}

TEST_CASE("upgrade: of the two lists the one that comes first in the request is told", "[upgrade][9.1]") {
  CHECK(judge(parsed_request().with("Sec-WebSocket-Protocol", "").with("Sec-WebSocket-Extensions", "")).reason() ==
        error::subprotocols_malformed);
  CHECK(judge(parsed_request().with("Sec-WebSocket-Extensions", "").with("Sec-WebSocket-Protocol", "")).reason() ==
        error::extensions_malformed);
}

TEST_CASE("upgrade: names are compared without case, and so are Upgrade and Connection", "[upgrade][4.2.1]") {
  const parsed_request request{.headers = {{"hOST", "server.example.com"},
                                           {"UPGRADE", "WebSocket"},
                                           {"connection", "UPGRADE"},
                                           {"SEC-WEBSOCKET-KEY", std::string(sample_key)},
                                           {"sec-websocket-version", "13"},
                                           {"SEC-websocket-Protocol", "chat"},
                                           {"origin", "HTTP://SERVER.example.com"}}};
  const server_options options{.subprotocols = chats};
  REQUIRE(judge(request, options));
  CHECK(judge(request, options).subprotocol() == "chat");
}

TEST_CASE("upgrade: Upgrade and Connection are lists, over several lines too", "[upgrade][4.2.1]") {
  CHECK(judge(parsed_request().having("Upgrade", "h2c, websocket").having("Connection", "keep-alive, Upgrade")));
  CHECK(judge(parsed_request().having("Connection", "keep-alive").with("Connection", " ,upgrade\t")));
  CHECK(judge(parsed_request().having("Connection", "Upgrade").with("Connection", "keep-alive")));
  CHECK(judge(parsed_request().having("Upgrade", "h2c").with("Upgrade", "websocket").with("Upgrade", "x")));
}

TEST_CASE("upgrade: white space around single values is no part of them", "[upgrade]") {
  CHECK(judge(parsed_request()
                  .having("Host", " server.example.com\t")
                  .having("Sec-WebSocket-Key", "\t" + std::string(sample_key) + " ")
                  .having("Sec-WebSocket-Version", " 13 ")
                  .with("Origin", " http://server.example.com ")));
}

TEST_CASE("upgrade: an empty body is no body", "[upgrade]") {
  CHECK(judge(parsed_request().with("Content-Length", " 0 ")));
  CHECK_FALSE(judge(parsed_request().with("Content-Length", "0").with("Content-Length", "7")));
  CHECK_FALSE(judge(parsed_request().with("Content-Length", "0").with("Transfer-Encoding", "identity")));
}

TEST_CASE("upgrade: other fields change nothing", "[upgrade][4.2.1]") {
  CHECK(judge(parsed_request()
                  .with("Sec-WebSocket-Key2", "x")
                  .with("Sec-", "")
                  .with("Sec-Fetch-Mode", "websocket")
                  .with("", "")
                  .with("X", "\r\n\0")));
}

TEST_CASE("upgrade: the target is a path or an absolute http or https URI", "[upgrade][4.2.1]") {
  for (const char* target :
       {"/", "/chat?room=1&x=%23", "//a", "/a:@!$&'()*+,;=-._~/?", "http://server.example.com",
        "http://server.example.com/chat", "HTTPS://server.example.com:8443/chat?x", "http://[2001:db8::1]:8080/chat"}) {
    CAPTURE(target);
    CHECK(judge({.target = target}));
  }
}

TEST_CASE("upgrade: the HTTP version can be text or a number", "[upgrade]") {
  const auto headers = parsed_request().headers;
  CHECK(check_upgrade("GET", 11, "/", headers));
  CHECK(check_upgrade("GET", "HTTP/1.1", "/", headers));
  CHECK(check_upgrade("GET", "1.1", "/", headers));
  CHECK(check_upgrade("GET", std::string_view("HTTP/1.2"), "/", headers));
  CHECK_FALSE(check_upgrade("GET", 10, "/", headers));
  CHECK_FALSE(check_upgrade("GET", 20, "/", headers));
  CHECK_FALSE(check_upgrade("GET", "HTTP/1.1 ", "/", headers));
}

TEST_CASE("upgrade: takes header fields in any type", "[upgrade]") {
  const auto headers = parsed_request().with("Connection", "keep-alive").headers;
  const auto accepts = [](const auto& source) {
    const auto verdict = check_upgrade("GET", 11, "/chat", source);
    return verdict && lines(verdict).find(sample_accept) != std::string::npos;
  };
  CHECK(accepts(headers));
  CHECK(accepts(std::multimap<std::string, std::string>(headers.begin(), headers.end())));
  CHECK(accepts(std::unordered_multimap<std::string, std::string>(headers.begin(), headers.end())));
  CHECK(accepts(odd_headers(headers)));

  std::vector<named> structs;
  std::vector<field> views;
  for (const auto& [name, value] : headers) {
    structs.push_back({name, value});
    views.push_back({name, value});
  }
  CHECK(accepts(structs));
  CHECK(accepts(std::span<const field>(views)));

  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> constant{{{"Host", "a"},
                                                                                   {"Upgrade", "websocket"},
                                                                                   {"Connection", "Upgrade"},
                                                                                   {"Sec-WebSocket-Key", sample_key},
                                                                                   {"Sec-WebSocket-Version", "13"}}};
  CHECK(accepts(constant));
  const std::pair<const char*, const char*> plain[] = {{"Host", "a"},
                                                       {"Upgrade", "websocket"},
                                                       {"Connection", "Upgrade"},
                                                       {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                                       {"Sec-WebSocket-Version", "13"}};
  CHECK(accepts(plain));

  CHECK_FALSE(accepts(odd_headers({})));
  CHECK_FALSE(accepts(std::vector<named>()));
}

TEST_CASE("upgrade: a map that keeps one value a name hides repetitions, a multimap shows them", "[upgrade][11.3.1]") {
  const auto headers = parsed_request().with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==").headers;
  CHECK(
      check_upgrade("GET", 11, "/", std::multimap<std::string, std::string>(headers.begin(), headers.end())).reason() ==
      error::key_repeated);
  CHECK(check_upgrade("GET", 11, "/", std::map<std::string, std::string>(headers.begin(), headers.end())));
}

TEST_CASE("upgrade: uses the hash that it is given, once, and for accepted requests only", "[upgrade]") {
  counting_hash hash;
  const auto headers = parsed_request().headers;
  CHECK(check_upgrade("GET", 11, "/", headers, server_options{}, hash));
  CHECK(hash.calls == 1);
  CHECK_FALSE(check_upgrade("PUT", 11, "/", headers, server_options{}, hash));
  CHECK_FALSE(check_upgrade("GET", 11, "/", parsed_request().without("Host").headers, server_options{}, hash));
  CHECK(hash.calls == 1);

  auto shared = std::ref(hash);
  CHECK(check_upgrade("GET", 11, "/", headers, server_options{}, shared));
  CHECK(hash.calls == 2);
  CHECK(check_upgrade<counting_hash>("GET", 11, "/", headers));
}

TEST_CASE("upgrade: the verdict outlives the request", "[upgrade]") {
  const server_options options{.subprotocols = chats};
  auto request = std::make_unique<parsed_request>(parsed_request().with("Sec-WebSocket-Protocol", "chat"));
  const auto verdict = judge(*request, options);
  request.reset();
  CHECK(verdict.subprotocol() == "chat");
  CHECK(lines(verdict).ends_with("Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\nSec-WebSocket-Protocol: chat\n"));
}

TEST_CASE("upgrade: reads no byte outside the fields' values", "[upgrade]") {
  const auto exact = [](std::string_view text) { return exact_buffer(text); };
  const std::array values{exact("a"),        exact("websocket"), exact("Upgrade"),
                          exact(sample_key), exact("13"),        exact("a;b")};
  const std::array names{exact("Host"),
                         exact("Upgrade"),
                         exact("Connection"),
                         exact("Sec-WebSocket-Key"),
                         exact("Sec-WebSocket-Version"),
                         exact("Sec-WebSocket-Extensions")};
  std::vector<field> fields;
  for (std::size_t i = 0; i < names.size(); ++i)
    fields.push_back({text_of(names[i].view()), text_of(values[i].view())});
  const exact_buffer target("/%41");
  CHECK(check_upgrade("GET", 11, text_of(target.view()), fields));
}

TEST_CASE("upgrade: an agreement carries the subprotocol and the bytes behind the head", "[upgrade]") {
  const server_options options{.subprotocols = chats};
  const auto verdict = judge(parsed_request().with("Sec-WebSocket-Protocol", "chat"), options);
  exact_buffer behind("frames");
  const auto agreement = verdict.agreement(behind.view());
  REQUIRE(agreement.has_value());
  CHECK(agreement->subprotocol() == "chat");
  CHECK(agreement->behind_head().data() == behind.view().data());
  CHECK(agreement->behind_head().size() == 6);
  CHECK(verdict.agreement()->behind_head().empty());
}

TEST_CASE("upgrade: the origin policy is the server's choice", "[upgrade][10.2]") {
  const auto request = parsed_request().with("Origin", "http://other.org");
  constexpr std::array<std::string_view, 1> others{"http://other.org"};
  CHECK_FALSE(judge(request));
  CHECK(judge(request, {.origins = any_origin}));
  CHECK(judge(request, {.origins = std::span<const std::string_view>(others)}));
  CHECK_FALSE(judge(request, {.origins = no_origin}));
  CHECK(judge({}, {.origins = no_origin}));  // no Origin, no browser
  CHECK(judge(parsed_request().with("Origin", "http://server.example.com")));
}

TEST_CASE("upgrade: a refusal can be made with a status of one's own", "[upgrade]") {
  constexpr upgrade_verdict busy(error::refused_by_application, 503);
  STATIC_REQUIRE_FALSE(static_cast<bool>(busy));
  STATIC_REQUIRE(busy.status() == 503);
  CHECK(lines(busy) ==
        "Connection: close\n"
        "Content-Type: text/plain; charset=utf-8\n");
  STATIC_REQUIRE(upgrade_verdict(error::refused_by_application).status() == 403);
  CHECK(lines(upgrade_verdict(error::refused_by_application, 426)).ends_with("Upgrade: websocket\n"));
}

TEST_CASE("upgrade: the authority of an absolute target takes the place of Host", "[upgrade][4.2.1]") {
  const server_options options;
  const std::vector<std::pair<std::string, std::string>> fields{{"Host", "evil.example"},
                                                                {"Upgrade", "websocket"},
                                                                {"Connection", "Upgrade"},
                                                                {"Sec-WebSocket-Version", "13"},
                                                                {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                                                {"Origin", "http://evil.example"}};
  CHECK(check_upgrade("GET", 11, "http://victim.example/", fields, options).reason() == error::origin_refused);
  CHECK(check_upgrade("GET", 11, "http://evil.example/", fields, options));
  CHECK(check_upgrade("GET", 11, "/", fields, options));
}

namespace {

constexpr std::string_view extensions = "Sec-WebSocket-Extensions";
const server_options deflating{.deflate = deflate_options{}};

/// A request with those extensions, each in a field of its own.
parsed_request offering(const std::vector<std::string_view>& values) {
  parsed_request request;
  for (const std::string_view value : values) {
    request = std::move(request).with(std::string(extensions), std::string(value));
  }
  return request;
}

/// The answer's Sec-WebSocket-Extensions; empty if there is none.
std::string answered(const upgrade_verdict& verdict) {
  std::string text;
  for (const auto& [name, value] : verdict.fields()) {
    if (name == extensions) text.append(value);
  }
  return text;
}

}  // namespace

TEST_CASE("upgrade: compresses nothing unless it is asked to", "[upgrade][deflate]") {
  CHECK_FALSE(server_options{}.deflate);
  const auto verdict = judge(offering({"permessage-deflate", "permessage-deflate; client_max_window_bits"}));
  REQUIRE(verdict);
  CHECK_FALSE(verdict.deflate());
  CHECK_FALSE(verdict.agreement()->deflate());
  CHECK(lines(verdict) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n");
}

TEST_CASE("upgrade: compresses nothing unless the client offers it", "[upgrade][deflate]") {
  const auto verdict = judge({}, deflating);
  REQUIRE(verdict);
  CHECK_FALSE(verdict.deflate());
  CHECK_FALSE(verdict.agreement()->deflate());
  CHECK(lines(verdict).find(extensions) == std::string::npos);
}

TEST_CASE("upgrade: answers an offer of permessage-deflate, behind the subprotocol", "[upgrade][deflate]") {
  const server_options options{
      .subprotocols = chats,
      .deflate = deflate_options{
          .server_max_window_bits = 12, .client_max_window_bits = 13, .client_no_context_takeover = true}};
  const auto verdict = judge(offering({"permessage-deflate; server_no_context_takeover; client_max_window_bits"})
                                 .with("Sec-WebSocket-Protocol", "chat"),
                             options);
  CHECK(lines(verdict) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
        "Sec-WebSocket-Protocol: chat\n"
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        "server_max_window_bits=12; client_max_window_bits=13\n");
  constexpr deflate_agreement agreed{true, true, 12, 13};
  CHECK(verdict.deflate() == agreed);
  REQUIRE(verdict.agreement());
  CHECK(verdict.agreement()->deflate() == agreed);
  CHECK(verdict.agreement()->subprotocol() == "chat");
}

TEST_CASE("upgrade: takes the first offer that it can accept, in one field or in several", "[upgrade][deflate]") {
  struct offers {
    std::vector<std::string_view> fields;
    std::string_view answer;
  };
  for (const auto& [fields, answer] : {
           offers{{"permessage-deflate"}, "permessage-deflate"},
           offers{{"foo; bar, permessage-deflate"}, "permessage-deflate"},
           offers{{"foo; bar", "permessage-deflate", "baz"}, "permessage-deflate"},
           offers{{"permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=12"},
                  "permessage-deflate; server_max_window_bits=10"},
           offers{{"permessage-deflate; server_max_window_bits=12", "permessage-deflate; server_max_window_bits=10"},
                  "permessage-deflate; server_max_window_bits=12"},
           offers{{"permessage-deflate; server_max_window_bits=8, permessage-deflate"}, "permessage-deflate"},
           offers{{"permessage-deflate; server_max_window_bits=8", "permessage-deflate"}, "permessage-deflate"},
           offers{{"permessage-deflate; foo",
                   "permessage-deflate; server_max_window_bits=16, permessage-deflate; "
                   "client_no_context_takeover; client_no_context_takeover",
                   "permessage-deflate; server_max_window_bits=15", "permessage-deflate"},
                  "permessage-deflate; server_max_window_bits=15"},
           offers{{"permessage-deflate", "permessage-deflate; foo"}, "permessage-deflate"},
           offers{{"permessage-deflate; client_max_window_bits, permessage-deflate; client_no_context_takeover"},
                  "permessage-deflate"},
       }) {
    CAPTURE(answer, fields.front());
    const auto verdict = judge(offering(fields), deflating);
    REQUIRE(verdict);
    CHECK(answered(verdict) == answer);
    CHECK(verdict.deflate());
  }
}

TEST_CASE("upgrade: the agreement and the answer are those of one offer", "[upgrade][deflate]") {
  const auto verdict = judge(offering({"permessage-deflate; server_no_context_takeover; server_max_window_bits=8, "
                                       "permessage-deflate; client_max_window_bits=9",
                                       "permessage-deflate; client_no_context_takeover; server_max_window_bits=11"}),
                             deflating);
  CHECK(answered(verdict) == "permessage-deflate; client_max_window_bits=9");
  CHECK(verdict.deflate() == deflate_agreement{.client_max_window_bits = 9});
}

TEST_CASE("upgrade: with no acceptable offer it goes on without compression", "[upgrade][deflate]") {
  for (const std::string_view offer :
       {"foo", "foo; permessage-deflate", "Permessage-Deflate", "PERMESSAGE-DEFLATE", "permessage-deflate-2",
        "x-permessage-deflate", "permessage", "permessage-deflate; foo", "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; a, permessage-deflate; b"}) {
    CAPTURE(offer);
    const auto verdict = judge(offering({offer}), deflating);
    REQUIRE(verdict);
    CHECK(verdict.status() == 101);
    CHECK_FALSE(verdict.deflate());
    CHECK_FALSE(verdict.agreement()->deflate());
    CHECK(lines(verdict).find(extensions) == std::string::npos);
  }
}

TEST_CASE("upgrade: malformed extensions are refused, whatever else is offered", "[upgrade][deflate][9.1]") {
  for (const std::string_view bad :
       {"", " ", ",", ", ,", ";", "permessage-deflate;", "permessage-deflate; ;", "permessage-deflate; =1",
        "permessage-deflate; client_max_window_bits=", "permessage-deflate; client_max_window_bits=\"10",
        "permessage-deflate; client_max_window_bits=\"\"", "permessage-deflate client_max_window_bits",
        "permessage-deflate=1", "\"permessage-deflate\"", "permessage-deflate; a, b c"}) {
    for (const server_options& options : {server_options{}, deflating}) {
      for (const auto& request :
           {offering({bad}), offering({"permessage-deflate", bad}), offering({bad, "permessage-deflate"})}) {
        CAPTURE(bad);
        const auto verdict = judge(request, options);
        CHECK(verdict.reason() == error::extensions_malformed);
        CHECK(verdict.status() == 400);
        CHECK_FALSE(verdict.deflate());
        CHECK_FALSE(verdict.agreement());
        CHECK(lines(verdict).find(extensions) == std::string::npos);
      }
    }
  }
  // In one field the malformed element may come behind an offer that was accepted.
  CHECK(judge(offering({"permessage-deflate, foo bar"}), deflating).reason() == error::extensions_malformed);
  CHECK(judge(offering({"permessage-deflate, permessage-deflate;"}), deflating).reason() ==
        error::extensions_malformed);
  CHECK(judge(offering({",permessage-deflate,, ,"}), deflating).deflate());
}

TEST_CASE("upgrade: a request that is refused agrees on no compression", "[upgrade][deflate]") {
  const auto verdict = judge(offering({"permessage-deflate"}).with("Origin", "http://other.org"), deflating);
  CHECK_FALSE(verdict);
  CHECK_FALSE(verdict.deflate());
  CHECK_FALSE(upgrade_verdict(error::refused_by_application).deflate());
}

TEST_CASE("upgrade: options for compression that no server can keep accept no offer", "[upgrade][deflate]") {
  for (const deflate_options& own :
       {deflate_options{.server_max_window_bits = 8}, deflate_options{.server_max_window_bits = 16},
        deflate_options{.client_max_window_bits = 7}, deflate_options{.client_max_window_bits = 16}}) {
    const server_options options{.deflate = own};
    const auto verdict =
        judge(offering({"permessage-deflate", "permessage-deflate; server_max_window_bits=9; client_max_window_bits"}),
              options);
    REQUIRE(verdict);
    CHECK_FALSE(verdict.deflate());
    CHECK(lines(verdict).find(extensions) == std::string::npos);
  }
}

TEST_CASE("upgrade: the answer about compression outlives the request", "[upgrade][deflate]") {
  auto request = std::make_unique<parsed_request>(offering({"permessage-deflate; server_max_window_bits=\"1\\0\""}));
  const auto verdict = judge(*request, deflating);
  request.reset();
  const auto copy = verdict;
  CHECK(answered(copy) == "permessage-deflate; server_max_window_bits=10");
  CHECK(copy.agreement()->deflate() == deflate_agreement{.server_max_window_bits = 10});
}

TEST_CASE("upgrade: the extensions are found in any letter case of the field's name", "[upgrade][deflate]") {
  CHECK(judge(parsed_request().with("SEC-websocket-EXTENSIONS", "permessage-deflate"), deflating).deflate());
  CHECK_FALSE(judge(parsed_request().with("Sec-WebSocket-Extension", "permessage-deflate"), deflating).deflate());
}

TEST_CASE("upgrade: reads no byte outside an offer", "[upgrade][deflate]") {
  const std::string offer = "permessage-deflate; server_max_window_bits=\"\\1\\0\" ; client_max_window_bits ";
  for (std::size_t size = 0; size <= offer.size(); ++size) {
    const exact_buffer value(std::string_view(offer).substr(0, size));
    const std::vector<field> fields{{"Host", "a"},
                                    {"Upgrade", "websocket"},
                                    {"Connection", "Upgrade"},
                                    {"Sec-WebSocket-Key", sample_key},
                                    {"Sec-WebSocket-Version", "13"},
                                    {extensions, text_of(value.view())}};
    (void)check_upgrade("GET", 11, "/", fields, deflating);
    if (size == offer.size()) CHECK(check_upgrade("GET", 11, "/", fields, deflating).deflate());
  }
}
