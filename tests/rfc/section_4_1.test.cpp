// Section 4.1: what a client sends to open a connection, and what it accepts.
#include <algorithm>
#include <array>
#include <functional>
#include <regex>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};

/// The nonce behind the key of the RFC's examples.
struct sample_random {
  bool operator()(bytes out) {
    std::ranges::copy(bytes_of("the sample nonce").first(out.size()), out.begin());
    return true;
  }
};

using sample_client = basic_client_handshake<sample_random, openssl_sha1>;

std::string request(std::string_view url, const client_options& options = {}) {
  const sample_client client(url, options);
  return std::string(text_of(client.request()));
}

/// How often a line is in a head.
std::ptrdiff_t count_of(const std::string& head, const std::string& line) {
  std::ptrdiff_t count = 0;
  for (std::size_t at = head.find("\r\n" + line); at != std::string::npos; at = head.find("\r\n" + line, at + 1))
    ++count;
  return count;
}

std::string response(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const std::string_view line : {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

/// What a client says of a response, byte by byte; the connection opens if and only if it is none.
error judge(std::string_view stream, const client_options& options = {}) {
  sample_client client("ws://server.example.com/chat", options);
  for (const char& c : stream) {
    exact_buffer byte(std::string_view(&c, 1));
    client.receive(byte.view());
  }
  CHECK(client.agreement().has_value() == (client.error() == error::none));
  CHECK((client.status() == client_status::accepted) == (client.error() == error::none));
  return client.error();
}

}  // namespace

TEST_CASE("4.1: the client handshake gives its request, then reads the response, whole or byte by byte", "[4.1]") {
  const client_options options{};
  sample_client whole("ws://server.example.com/chat", options);
  CHECK(text_of(whole.request()).starts_with("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
  CHECK(text_of(whole.request()).ends_with("\r\n\r\n"));
  CHECK(whole.status() == client_status::need_more);
  exact_buffer chunk(response());
  CHECK(whole.receive(chunk.view()) == client_status::accepted);

  sample_client cut("ws://server.example.com/chat", options);
  const std::string text = response();
  for (const char& c : text) {
    CHECK(cut.status() == client_status::need_more);
    exact_buffer byte(std::string_view(&c, 1));
    cut.receive(byte.view());
  }
  CHECK(cut.status() == client_status::accepted);
}

TEST_CASE("4.1: valid ws and wss URIs give host, port, resource name and secure flag", "[4.1][3]") {
  struct valid {
    std::string_view url, host;
    std::uint16_t port;
    std::string_view resource;
    bool secure;
  };
  for (const auto& [url, host, port, resource, secure] : {
           valid{"ws://example.com/chat", "example.com", 80, "/chat", false},
           valid{"wss://example.com/chat?a=b", "example.com", 443, "/chat?a=b", true},
           valid{"ws://example.com:8080", "example.com", 8080, "", false},
           valid{"WSS://127.0.0.1:1/", "127.0.0.1", 1, "/", true},
           valid{"ws://[2001:db8::1]:65535/x", "[2001:db8::1]", 65'535, "/x", false},
           valid{"ws://a-b_c.~x!$&'()*+,;=%41/", "a-b_c.~x!$&'()*+,;=%41", 80, "/", false},
       }) {
    CAPTURE(url);
    const client_options options{};
    const sample_client client(url, options);
    CHECK(client.status() == client_status::need_more);
    CHECK(client.target().host == host);
    CHECK(client.target().port == port);
    CHECK(client.target().resource == resource);
    CHECK(client.target().secure == secure);
  }
}

TEST_CASE("4.1: a URI with an invalid scheme, host, port, path or query is refused before a request is made",
          "[4.1][3]") {
  for (const std::string_view url : {"http://example.com/",
                                     "wsss://example.com/",
                                     "example.com/chat",
                                     "ws:/example.com",
                                     "ws://",
                                     "ws:///",
                                     "ws://:80",
                                     "ws://exa mple.com/",
                                     "ws://example.com\\/",
                                     "ws://[::1/",
                                     "ws://[]/",
                                     "ws://[::g]/",
                                     "ws://%/",
                                     "ws://%4x/",
                                     "ws://user@example.com/",
                                     "ws://example.com:0/",
                                     "ws://example.com:65536/",
                                     "ws://example.com:99999999999/",
                                     "ws://example.com:+80/",
                                     "ws://example.com:80:80/",
                                     "ws://example.com/a b",
                                     "ws://example.com/%",
                                     "ws://example.com/%zz",
                                     "ws://example.com/\"",
                                     "ws://example.com/<",
                                     "ws://example.com/\x7F",
                                     "ws://example.com/?a b",
                                     "ws://example.com/?%1",
                                     "ws://example.com/?^",
                                     "ws://example.com/?a\r\nX: y"}) {
    CAPTURE(url);
    const client_options options{};
    sample_client client(url, options);
    CHECK(client.status() == client_status::failed);
    CHECK(client.error() != error::none);
    CHECK(client.request().empty());
    exact_buffer chunk(response());
    CHECK(client.receive(chunk.view()) == client_status::failed);
  }
}

TEST_CASE("4.1: the request is one well-formed HTTP head and no field can carry CR, LF or NUL", "[4.1]") {
  const std::regex head(
      "GET [!-~]+ HTTP/1\\.1\r\n"
      "([!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xFF]*\r\n)+"
      "\r\n");
  constexpr std::array<field, 2> fields{{{"Cookie", "a=b"}, {"User-Agent", "x\ty \xC3\xA4"}}};
  CHECK(std::regex_match(request("ws://example.com"), head));
  CHECK(std::regex_match(request("ws://[::1]:81/a?b", {.subprotocols = chats, .fields = fields}), head));

  for (const char control : {'\r', '\n', '\0'}) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}, std::size_t{6}}) {
      const std::string text = std::string("abcdef").insert(at, 1, control);
      const std::array<field, 1> value{{{"Cookie", text}}};
      const std::array<field, 1> field_name{{{text, "x"}}};
      const std::array<std::string_view, 1> subprotocol{text};
      CHECK(request("ws://example.com/", {.fields = value}).empty());
      CHECK(request("ws://example.com/", {.fields = field_name}).empty());
      CHECK(request("ws://example.com/", {.subprotocols = subprotocol}).empty());
      CHECK(request("ws://example.com/" + text).empty());
      CHECK(request("ws://" + text + "/").empty());
    }
  }
}

TEST_CASE("4.1: the request line is GET, the resource name and HTTP/1.1", "[4.1]") {
  CHECK(request("ws://example.com/chat").starts_with("GET /chat HTTP/1.1\r\n"));
  CHECK(request("wss://example.com/chat?room=1").starts_with("GET /chat?room=1 HTTP/1.1\r\n"));
}

TEST_CASE("4.1: the request target is path and query of the URI, with / for an empty path", "[4.1][3]") {
  CHECK(request("ws://example.com").starts_with("GET / HTTP/1.1\r\n"));
  CHECK(request("ws://example.com?a=b").starts_with("GET /?a=b HTTP/1.1\r\n"));
  CHECK(request("ws://example.com/a//b/?c=/d?&e=%20").starts_with("GET /a//b/?c=/d?&e=%20 HTTP/1.1\r\n"));
}

TEST_CASE("4.1: Host carries the host, and the port unless it is the scheme's default", "[4.1]") {
  CHECK(count_of(request("ws://example.com/"), "Host: example.com\r\n") == 1);
  CHECK(count_of(request("ws://example.com:80/"), "Host: example.com\r\n") == 1);
  CHECK(count_of(request("ws://example.com:443/"), "Host: example.com:443\r\n") == 1);
  CHECK(count_of(request("wss://example.com/"), "Host: example.com\r\n") == 1);
  CHECK(count_of(request("wss://example.com:443/"), "Host: example.com\r\n") == 1);
  CHECK(count_of(request("wss://example.com:80/"), "Host: example.com:80\r\n") == 1);
  CHECK(count_of(request("ws://[::1]:8080/"), "Host: [::1]:8080\r\n") == 1);
  CHECK(count_of(request("ws://example.com/"), "Host:") == 1);
}

TEST_CASE("4.1: the request has Upgrade: websocket", "[4.1]") {
  CHECK(count_of(request("ws://example.com/"), "Upgrade: websocket\r\n") == 1);
  CHECK(count_of(request("ws://example.com/"), "Upgrade:") == 1);
}

TEST_CASE("4.1: the request has Connection: Upgrade", "[4.1]") {
  CHECK(count_of(request("ws://example.com/"), "Connection: Upgrade\r\n") == 1);
  CHECK(count_of(request("ws://example.com/"), "Connection:") == 1);
}

TEST_CASE("4.1: Sec-WebSocket-Key is the base64 of 16 bytes of the random source", "[4.1]") {
  CHECK(count_of(request("ws://example.com/"), "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") == 1);

  std::size_t drawn = 0;
  auto random = [&](bytes out) {
    drawn += out.size();
    return counting_random{1}(out);
  };
  const client_options options{};
  const basic_client_handshake<std::reference_wrapper<decltype(random)>, openssl_sha1> client(
      "ws://example.com/", options, std::ref(random));
  CHECK(drawn == 16);
  // The bytes 0x01 to 0x10 of the example in §4.1. It prints "PEC==", whose last digit has a bit too many.
  CHECK(count_of(std::string(text_of(client.request())), "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n") == 1);
}

TEST_CASE("4.1: each handshake draws a key of its own", "[4.1]") {
  const client_options options{};
  counting_random shared;
  using client_type = basic_client_handshake<std::reference_wrapper<counting_random>, openssl_sha1>;
  const client_type first("ws://example.com/", options, std::ref(shared));
  const client_type second("ws://example.com/", options, std::ref(shared));
  CHECK(count_of(std::string(text_of(first.request())), "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n") == 1);
  CHECK(count_of(std::string(text_of(second.request())), "Sec-WebSocket-Key: EBESExQVFhcYGRobHB0eHw==\r\n") == 1);

  std::vector<std::string> requests;
  for (int i = 0; i < 100; ++i) {
    const client_handshake client("ws://example.com/", options);
    requests.emplace_back(text_of(client.request()));
  }
  std::ranges::sort(requests);
  CHECK(std::ranges::adjacent_find(requests) == requests.end());
}

TEST_CASE("4.1: an origin given by the caller is sent in one Origin field", "[4.1]") {
  constexpr std::array<field, 1> fields{{{"Origin", "http://www.example.com"}}};
  const std::string text = request("ws://ww2.example.com/", {.fields = fields});
  CHECK(count_of(text, "Origin: http://www.example.com\r\n") == 1);
  CHECK(count_of(text, "Origin:") == 1);
  CHECK(count_of(request("ws://ww2.example.com/"), "Origin:") == 0);
}

TEST_CASE("4.1: the request has Sec-WebSocket-Version: 13", "[4.1]") {
  CHECK(count_of(request("ws://example.com/"), "Sec-WebSocket-Version: 13\r\n") == 1);
  CHECK(count_of(request("ws://example.com/"), "Sec-WebSocket-Version:") == 1);
}

TEST_CASE("4.1: a subprotocol that is empty or not a token is refused before a request is made", "[4.1]") {
  std::vector<std::string> wrong{"", "a b", "gr\xC3\xBC"};
  for (const char separator : std::string_view("()<>@,;:\\\"/[]?={} \t")) wrong.emplace_back(1, separator);
  for (int c = 0; c < 0x21; ++c) wrong.emplace_back(1, static_cast<char>(c));
  for (int c = 0x7F; c < 0x100; ++c) wrong.emplace_back(1, static_cast<char>(c));
  for (const std::string& subprotocol : wrong) {
    CAPTURE(subprotocol);
    const std::array<std::string_view, 2> offered{"chat", subprotocol};
    const client_options options{.subprotocols = offered};
    const sample_client client("ws://example.com/", options);
    CHECK(client.error() == error::subprotocol_not_token);
    CHECK(client.request().empty());
  }
  constexpr std::array<std::string_view, 3> good{"chat", "v1.chat!#$%&'*+-.^_`|~", "CHAT"};
  CHECK(count_of(request("ws://a/", {.subprotocols = good}),
                 "Sec-WebSocket-Protocol: chat, v1.chat!#$%&'*+-.^_`|~, CHAT\r\n") == 1);
}

TEST_CASE("4.1: a subprotocol offered twice is refused before a request is made", "[4.1]") {
  constexpr std::array<std::string_view, 3> twice{"chat", "superchat", "chat"};
  const client_options options{.subprotocols = twice};
  const sample_client client("ws://example.com/", options);
  CHECK(client.error() == error::subprotocol_not_token);
  CHECK(client.request().empty());
}

TEST_CASE("4.1: nothing but the request can be sent until the response has been accepted", "[4.1]") {
  // A connection is made from an agreement, and only a handshake makes one.
  STATIC_REQUIRE_FALSE(std::is_default_constructible_v<agreement>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<agreement, std::string_view, bytes>);

  const client_options options{};
  sample_client client("ws://server.example.com/chat", options);
  const std::string request_sent(text_of(client.request()));
  const std::string text = response();
  for (const char& c : text) {
    CHECK_FALSE(client.agreement().has_value());
    exact_buffer byte(std::string_view(&c, 1));
    client.receive(byte.view());
    CHECK(text_of(client.request()) == request_sent);
  }
  CHECK(client.agreement().has_value());
}

TEST_CASE("4.1: a response that meets every check is accepted, and each single fault has an error of its own",
          "[4.1]") {
  const client_options options{.subprotocols = chats};
  CHECK(judge(response(), options) == error::none);
  CHECK(judge(response("", "Sec-WebSocket-Protocol: superchat\r\n"), options) == error::none);

  const std::vector<error> faults{
      judge("HTTP/1.1 200 OK\r\n\r\n", options),
      judge("HTTP/1.0" + response().substr(8), options),
      judge(response("Upgrade"), options),
      judge(response("Connection"), options),
      judge(response("Sec-WebSocket-Accept"), options),
      judge(response("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: x\r\n"), options),
      judge(response("", "Sec-WebSocket-Accept: x\r\n"), options),
      judge(response("", "Sec-WebSocket-Extensions: x\r\n"), options),
      judge(response("", "Sec-WebSocket-Protocol: x\r\n"), options),
      judge(response("", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n"), options),
      judge("HTTP 101\r\n\r\n", options),
      judge(response("", "x\r\n"), options),
  };
  for (const error& one : faults) {
    CHECK(one != error::none);
    CHECK(std::ranges::count(faults, one) == 1);
  }
}

TEST_CASE("4.1: a status other than 101 is handed over as redirected or refused and opens nothing", "[4.1]") {
  for (int status = 200; status < 600; ++status) {
    CAPTURE(status);
    const bool elsewhere = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    const client_options options{};
    sample_client client("ws://server.example.com/chat", options);
    exact_buffer chunk("HTTP/1.1 " + std::to_string(status) + " X\r\nLocation: /b\r\n" + response().substr(34));
    CHECK(client.receive(chunk.view()) == (elsewhere ? client_status::redirected : client_status::refused));
    CHECK(client.error() == error::status_not_101);
    CHECK(client.response().status == status);
    CHECK_FALSE(client.agreement().has_value());
  }
}

TEST_CASE("4.1: a response whose Upgrade is missing or not websocket fails the handshake, letter case aside", "[4.1]") {
  CHECK(judge(response("Upgrade")) == error::upgrade_not_confirmed);
  for (const std::string value : {"", "h2c", "websocket2", "web socket", "websocket/13", "websocket, h2c"}) {
    CAPTURE(value);
    CHECK(judge(response("Upgrade", "Upgrade: " + value + "\r\n")) == error::upgrade_not_confirmed);
  }
  CHECK(judge(response("Upgrade", "UPGRADE: WebSocket\r\n")) == error::none);
  CHECK(judge(response("Upgrade", "upgrade:WEBSOCKET \r\n")) == error::none);
}

TEST_CASE("4.1: a response whose Connection lacks the token Upgrade, letter case aside, fails the handshake", "[4.1]") {
  CHECK(judge(response("Connection")) == error::connection_not_confirmed);
  for (const std::string value : {"", "close", "Upgrades", "keep-alive Upgrade", "\"Upgrade\""}) {
    CAPTURE(value);
    CHECK(judge(response("Connection", "Connection: " + value + "\r\n")) == error::connection_not_confirmed);
  }
  CHECK(judge(response("Connection", "CONNECTION: upgrade\r\n")) == error::none);
  CHECK(judge(response("Connection", "Connection: keep-alive,\tUPGRADE\r\n")) == error::none);
}

TEST_CASE("4.1: a response whose Sec-WebSocket-Accept is missing or wrong fails, white space around it aside",
          "[4.1]") {
  CHECK(judge(response("Sec-WebSocket-Accept")) == error::accept_missing);
  const auto answer = [](const std::string& value) {
    return judge(response("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:" + value + "\r\n"));
  };
  for (const std::string value :
       {"", " ", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"", "s3pPLMBiTxaQ9kYGzzhZRbK+ xOo=", "dGhlIHNhbXBsZSBub25jZQ=="}) {
    CAPTURE(value);
    CHECK(answer(value) == error::accept_mismatch);
  }
  // One character changed, anywhere.
  const std::string right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    CHECK(answer(wrong) == error::accept_mismatch);
  }
  CHECK(answer(right) == error::none);
  CHECK(answer(" \t" + right + "\t ") == error::none);
}

TEST_CASE("4.1: a response with an extension that was not offered fails the handshake", "[4.1]") {
  for (const std::string value : {"permessage-deflate", "x-webkit-deflate-frame", "foo; bar=1, baz"}) {
    CAPTURE(value);
    CHECK(judge(response("", "Sec-WebSocket-Extensions: " + value + "\r\n")) == error::extension_not_offered);
  }
}

TEST_CASE("4.1: a response with a subprotocol that was not offered fails the handshake", "[4.1]") {
  const auto answer = [](const std::string& value, const client_options& options) {
    return judge(response("", "Sec-WebSocket-Protocol: " + value + "\r\n"), options);
  };
  CHECK(answer("chat", {}) == error::subprotocol_not_offered);
  for (const std::string value : {"", "soap", "Chat", "chat2", "cha", "chat, superchat", "superchat,"}) {
    CAPTURE(value);
    CHECK(answer(value, {.subprotocols = chats}) == error::subprotocol_not_offered);
  }
  CHECK(answer("chat", {.subprotocols = chats}) == error::none);
  CHECK(answer("superchat", {.subprotocols = chats}) == error::none);
}

TEST_CASE("4.1: a malformed response head, or one over the limits for heads, fails the handshake", "[4.1][10.4]") {
  for (const std::string& head :
       {std::string("\r\n") + response(), std::string("ICY 200 OK\r\n\r\n"), std::string("HTTP/1.1 101\n\n"),
        std::string("HTTP/1.1 1x1 A\r\n\r\n"), std::string("HTTP/1.1 601 A\r\n\r\n"), response("", "A : b\r\n"),
        response("", " folded\r\n"), response("", "A: b\nC: d\r\n"), response("", std::string("A: \0\r\n", 6)),
        response("", ": b\r\n"), response("", "no colon\r\n")}) {
    CAPTURE(head);
    CHECK(judge(head) != error::none);
  }
  CHECK(judge(response("", "A: " + std::string(8192, 'x') + "\r\n")) == error::head_too_large);
  std::string many;
  for (int i = 0; i < 62; ++i) many += "A: b\r\n";
  CHECK(judge(response("", many)) == error::too_many_fields);
  CHECK(judge(response("", many.substr(6))) == error::none);
}
