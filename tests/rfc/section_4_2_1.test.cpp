// Section 4.2.1: what a server reads in a request, and what it refuses.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 5> field_lines{
    "Host: server.example.com\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"};

/// The request of §1.2 without what is optional; one field line left out, others put in its place.
std::string request(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "GET /chat HTTP/1.1\r\n";
  for (const std::string_view line : field_lines) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

std::string request_for(std::string_view line) { return std::string(line) + request().substr(18); }

/// What a server says of a request: the status it answers with, as the application sees it and on the wire.
int status_of(std::string_view stream) {
  const server_options options{};
  server_handshake server(options);
  exact_buffer chunk(stream);
  CHECK(server.receive(chunk.view()) == handshake_status::done);
  const int status = server.verdict() ? server.verdict()->status() : 0;
  CHECK(text_of(server.response()).starts_with("HTTP/1.1 " + std::to_string(status) + " "));
  CHECK(server.accepted() == (status == 101));
  CHECK(server.agreement().has_value() == (status == 101));
  return status;
}

}  // namespace

TEST_CASE("4.2.1: a malformed request head is refused with 400 and nothing behind it is read", "[4.2.1]") {
  for (const std::string& head :
       {std::string("\x16\x03\x01"), std::string(" GET / HTTP/1.1\r\n"), std::string("GET / HTTP/1.1\n"),
        std::string("GET  / HTTP/1.1\r\n"), std::string("GET /\r\n"), std::string("GET / HTTP/11\r\n"),
        std::string("G(T / HTTP/1.1\r\n"), std::string("GET /\x80 HTTP/1.1\r\n"), request("", "A : b\r\n"),
        request("", " folded\r\n"), request("", "A: b\nC: d\r\n"), request("", std::string("A: \0\r\n", 6)),
        request("", ": b\r\n"), request("", "no colon\r\n")}) {
    CAPTURE(head);
    CHECK(status_of(head) == 400);

    const server_options options{};
    server_handshake server(options);
    exact_buffer chunk(head);
    server.receive(chunk.view());
    const std::string response(text_of(server.response()));
    exact_buffer behind(request());
    CHECK(server.receive(behind.view()) == handshake_status::done);
    CHECK(server.verdict()->status() == 400);
    CHECK_FALSE(server.agreement().has_value());
    CHECK(text_of(server.response()) == response);
  }
}

TEST_CASE("4.2.1: a request of HTTP/1.0 is refused with 505", "[4.2.1]") {
  CHECK(status_of(request_for("GET /chat HTTP/1.0")) == 505);
  CHECK(status_of(request_for("GET /chat HTTP/0.9")) == 505);
  CHECK(status_of(request_for("GET /chat HTTP/1.1")) == 101);
}

TEST_CASE("4.2.1: a method other than GET is refused with 405", "[4.2.1]") {
  for (const std::string method : {"POST", "HEAD", "PUT", "CONNECT", "OPTIONS", "get", "GETS", "GE"}) {
    CAPTURE(method);
    CHECK(status_of(request_for(method + " /chat HTTP/1.1")) == 405);
  }
}

TEST_CASE("4.2.1: a target that is a path or an absolute http or https URI names the resource, any other gets 400",
          "[4.2.1][3]") {
  for (const std::string target :
       {"/", "/chat", "/chat?room=1&x=%23", "//", "http://server.example.com/chat",
        "https://server.example.com:8443/chat?x", "HTTP://server.example.com", "http://[2001:db8::1]:8080/chat"}) {
    CAPTURE(target);
    CHECK(status_of(request_for("GET " + target + " HTTP/1.1")) == 101);
    const server_options options{};
    server_handshake server(options);
    exact_buffer chunk(request_for("GET " + target + " HTTP/1.1"));
    server.receive(chunk.view());
    CHECK(server.request().target == target);
  }
  // RFC 9110 §4.2.1: a recipient of an http URI with an empty host "MUST reject it as invalid".
  for (const std::string target :
       {"*", "chat", "?chat", "server.example.com:80", "ws://server.example.com/chat", "ftp://server.example.com/",
        "/chat#top", "/\"", "/<>", "/caf\xC3\xA9", "http://", "http:///chat", "http://:80/chat"}) {
    CAPTURE(target);
    CHECK(status_of(request_for("GET " + target + " HTTP/1.1")) == 400);
  }
}

TEST_CASE("4.2.1: a request with no Host or with two is refused with 400", "[4.2.1]") {
  CHECK(status_of(request("Host")) == 400);
  CHECK(status_of(request("", "Host: server.example.com\r\n")) == 400);
  CHECK(status_of(request("", "hOST: other.example.com\r\n")) == 400);
  for (const std::string value : {"", "a b", "a/b", "user@a", "a:b", "a:99999", "[::1"}) {
    CAPTURE(value);
    CHECK(status_of(request("Host", "Host: " + value + "\r\n")) == 400);
  }
  CHECK(status_of(request("Host", "Host: [::1]:8080\r\n")) == 101);
}

TEST_CASE("4.2.1: a request whose Upgrade does not name websocket, letter case aside, is refused with 400", "[4.2.1]") {
  CHECK(status_of(request("Upgrade")) == 400);
  for (const std::string value : {"", "h2c", "websockets", "web socket", "\"websocket\""}) {
    CAPTURE(value);
    CHECK(status_of(request("Upgrade", "Upgrade: " + value + "\r\n")) == 400);
  }
  CHECK(status_of(request("Upgrade", "UPGRADE: WebSocket\r\n")) == 101);
  CHECK(status_of(request("Upgrade", "upgrade: h2c, websocket\r\n")) == 101);
}

TEST_CASE("4.2.1: a request whose Connection lacks the token Upgrade, letter case aside, is refused with 400",
          "[4.2.1]") {
  CHECK(status_of(request("Connection")) == 400);
  for (const std::string value : {"", "close", "keep-alive", "Upgrades", "keep-alive Upgrade"}) {
    CAPTURE(value);
    CHECK(status_of(request("Connection", "Connection: " + value + "\r\n")) == 400);
  }
  CHECK(status_of(request("Connection", "connection: UPGRADE\r\n")) == 101);
  CHECK(status_of(request("Connection", "Connection: keep-alive, Upgrade\r\n")) == 101);
  CHECK(status_of(request("Connection", "Connection: keep-alive\r\nConnection: upgrade\r\n")) == 101);
}

TEST_CASE("4.2.1: a Sec-WebSocket-Key that is missing or does not decode to 16 bytes is refused with 400", "[4.2.1]") {
  CHECK(status_of(request("Sec-WebSocket-Key")) == 400);
  const auto key = [](const std::string& value) {
    return status_of(request("Sec-WebSocket-Key", "Sec-WebSocket-Key: " + value + "\r\n"));
  };
  for (const std::string value : {"", "x", "AA==", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA=",
                                  "AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA",
                                  "AAAAAAAAAAAAAAAAAAAA-_==", "AAAAAAAA AAAAAAAAAAAAA=="}) {
    CAPTURE(value);
    CHECK(key(value) == 400);
  }
  CHECK(key("AAAAAAAAAAAAAAAAAAAAAA==") == 101);
  CHECK(key("/+/+/+/+/+/+/+/+/+/+/w== \t") == 101);
}

TEST_CASE("4.2.1: a missing Sec-WebSocket-Version is refused with 400, one that is not 13 with 426", "[4.2.1]") {
  CHECK(status_of(request("Sec-WebSocket-Version")) == 400);
  for (const std::string value : {"", "x", "0", "8", "14", "130", "1", "013", "+13", "13.0", "13, 8", "13;", "1 3"}) {
    CAPTURE(value);
    CHECK(status_of(request("Sec-WebSocket-Version", "Sec-WebSocket-Version: " + value + "\r\n")) == 426);
  }
  CHECK(status_of(request("Sec-WebSocket-Version", "Sec-WebSocket-Version:\t13 \r\n")) == 101);
}

TEST_CASE("4.2.1: a Sec-WebSocket-Protocol that is not a list of tokens is refused with 400", "[4.2.1][11.3.4]") {
  for (const std::string value : {"", ",", "a b", "chat/2", "chat;q=1", "\"chat\"", "chat, gr\xC3\xBC", "chat, chat"}) {
    CAPTURE(value);
    CHECK(status_of(request("", "Sec-WebSocket-Protocol: " + value + "\r\n")) == 400);
  }
  CHECK(status_of(request("", "Sec-WebSocket-Protocol: chat, superchat\r\n")) == 101);
  CHECK(status_of(request("", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n")) == 101);
  CHECK(status_of(request("", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n")) == 400);
}

TEST_CASE("4.2.1: unknown header fields and the order of fields change nothing in the verdict", "[4.2.1]") {
  const std::string expected = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  auto lines = field_lines;
  std::ranges::sort(lines);
  do {
    std::string text = "GET /chat HTTP/1.1\r\n";
    for (const std::string_view line : lines) text.append("X-Unknown: ???\r\n").append(line);
    const server_options options{};
    server_handshake server(options);
    exact_buffer chunk(text + "Sec-WebSocket-Unknown: x\r\n\r\n");
    server.receive(chunk.view());
    CHECK(server.accepted());
    CHECK(text_of(server.response()).find(expected) != std::string::npos);
  } while (std::ranges::next_permutation(lines).found);

  CHECK(status_of(request("Host", "X-Unknown: server.example.com\r\n")) == 400);
}
