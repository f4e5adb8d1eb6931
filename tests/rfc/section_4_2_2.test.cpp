// Section 4.2.2: how a server accepts a connection or declines it.
#include <array>
#include <regex>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};

/// The request of §1.2 without what is optional; one field line left out, others put in its place.
std::string request(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "GET /chat HTTP/1.1\r\n";
  for (const std::string_view line :
       {"Host: server.example.com\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

server_handshake after(std::string_view stream, const server_options& options) {
  server_handshake server(options);
  exact_buffer chunk(stream);
  server.receive(chunk.view());
  return server;
}

std::string response(server_handshake& server) { return std::string(text_of(server.response())); }

std::string response_to(std::string_view stream, const server_options& options = {}) {
  server_handshake server = after(stream, options);
  return response(server);
}

bool has_line(const std::string& head, const std::string& line) {
  return head.find("\r\n" + line + "\r\n") != std::string::npos;
}

bool has_field(const std::string& head, const std::string& name) {
  return head.find("\r\n" + name + ":") != std::string::npos;
}

bool lets_in(std::string_view origin_field, const origin_policy& policy = same_origin) {
  const server_options options{.origins = policy};
  return after(request("", "Origin: " + std::string(origin_field) + "\r\n"), options).accepted();
}

}  // namespace

TEST_CASE("4.2.2: nothing is accepted before the whole request head has been read and checked", "[4.2.2]") {
  const server_options options{};
  server_handshake server(options);
  const std::string text = request();
  for (const char& c : text) {
    CHECK_FALSE(server.accepted());
    CHECK_FALSE(server.agreement().has_value());
    CHECK(server.response().empty());
    exact_buffer byte(std::string_view(&c, 1));
    server.receive(byte.view());
  }
  CHECK(server.accepted());

  // A fault in the last line undoes all that was good before.
  server_handshake late = after(request("", "Sec-WebSocket-Version: 13\r\n"), options);
  CHECK_FALSE(late.accepted());
  CHECK_FALSE(late.agreement().has_value());
}

TEST_CASE("4.2.2: origins are compared without regard to ASCII letter case", "[4.2.2]") {
  constexpr std::array<std::string_view, 1> pages{"https://WWW.example.com"};
  const origin_policy listed{std::span<const std::string_view>(pages)};
  CHECK(lets_in("HTTP://SERVER.Example.com"));
  CHECK(lets_in("https://www.EXAMPLE.com", listed));
  CHECK(lets_in("HTTPS://www.example.com:443", listed));
  CHECK_FALSE(lets_in("https://www.example.org", listed));
}

TEST_CASE("4.2.2: an origin that is not wanted is refused with 403 and nothing is accepted", "[4.2.2][10.2]") {
  for (const std::string value : {"http://other.example.com", "https://server.example.com:8443", "null", "", "x"}) {
    CAPTURE(value);
    const server_options options{};
    server_handshake server = after(request("", "Origin: " + value + "\r\n"), options);
    CHECK_FALSE(server.accepted());
    CHECK_FALSE(server.agreement().has_value());
    CHECK(server.verdict()->status() == 403);
    CHECK(response(server).starts_with("HTTP/1.1 403 Forbidden\r\n"));
    CHECK_FALSE(has_field(response(server), "Sec-WebSocket-Accept"));
  }
  CHECK(lets_in("http://server.example.com"));
}

TEST_CASE("4.2.2: a version other than 13 is refused with 426 and Sec-WebSocket-Version: 13", "[4.2.2][4.4]") {
  for (const std::string version : {"0", "7", "8", "12", "14", "25", "255", "x"}) {
    CAPTURE(version);
    const server_options options{};
    server_handshake server =
        after(request("Sec-WebSocket-Version", "Sec-WebSocket-Version: " + version + "\r\n"), options);
    CHECK_FALSE(server.agreement().has_value());
    CHECK(server.verdict()->status() == 426);
    CHECK(response(server).starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    CHECK(has_line(response(server), "Sec-WebSocket-Version: 13"));
    CHECK_FALSE(has_field(response(server), "Sec-WebSocket-Accept"));
  }
}

TEST_CASE("4.2.2: a service that is not available is refused with 404 and nothing is accepted", "[4.2.2]") {
  const server_options options{};
  server_handshake server = after(request(), options);
  REQUIRE(server.accepted());
  CHECK(server.request().target == "/chat");
  CHECK(server.refuse({.status = 404, .body = "no such chat"}) == error::none);
  CHECK_FALSE(server.accepted());
  CHECK_FALSE(server.agreement().has_value());
  CHECK(response(server) ==
        "HTTP/1.1 404 Not Found\r\n"
        "Connection: close\r\n"
        "Content-Length: 12\r\n"
        "\r\n"
        "no such chat");
}

TEST_CASE("4.2.2: the subprotocol chosen is one that the client offered", "[4.2.2]") {
  const server_options options{.subprotocols = chats};
  const auto chosen = [&](std::string_view lines) {
    server_handshake server = after(request("", lines), options);
    const std::string subprotocol(server.agreement()->subprotocol());
    CHECK(has_field(response(server), "Sec-WebSocket-Protocol") == !subprotocol.empty());
    CHECK(has_line(response(server), "Sec-WebSocket-Protocol: " + subprotocol) == !subprotocol.empty());
    return subprotocol;
  };
  CHECK(chosen("Sec-WebSocket-Protocol: superchat\r\n") == "superchat");
  CHECK(chosen("Sec-WebSocket-Protocol: soap, chat\r\n") == "chat");
  CHECK(chosen("Sec-WebSocket-Protocol: superchat, chat\r\n") == "chat");
  CHECK(chosen("Sec-WebSocket-Protocol: soap\r\nsec-websocket-protocol: superchat\r\n") == "superchat");
  CHECK(chosen("").empty());
}

TEST_CASE("4.2.2: without a common subprotocol the response has no Sec-WebSocket-Protocol", "[4.2.2]") {
  const server_options options{.subprotocols = chats};
  for (const std::string lines : {"", "Sec-WebSocket-Protocol: soap\r\n", "Sec-WebSocket-Protocol: CHAT, chat2\r\n"}) {
    CAPTURE(lines);
    server_handshake server = after(request("", lines), options);
    CHECK(server.accepted());
    CHECK(server.agreement()->subprotocol().empty());
    CHECK_FALSE(has_field(response(server), "Sec-WebSocket-Protocol"));
  }
  CHECK_FALSE(has_field(response_to(request("", "Sec-WebSocket-Protocol: chat\r\n")), "Sec-WebSocket-Protocol"));
}

TEST_CASE("4.2.2: an extension that the client did not offer is never in the response", "[4.2.2][9]") {
  for (const std::string lines : {"", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
                                  "Sec-WebSocket-Extensions: foo, bar; baz=1\r\n"}) {
    CAPTURE(lines);
    const std::string text = response_to(request("", lines));
    CHECK(text.starts_with("HTTP/1.1 101 "));
    CHECK_FALSE(has_field(text, "Sec-WebSocket-Extensions"));
  }
  // The application cannot add one either.
  constexpr std::array<field, 1> extra{{{"Sec-WebSocket-Extensions", "permessage-deflate"}}};
  const server_options options{};
  server_handshake server = after(request(), options);
  CHECK(server.accept(extra) == error::field_reserved);
  CHECK_FALSE(has_field(response(server), "Sec-WebSocket-Extensions"));
}

TEST_CASE("4.2.2: the response is one well-formed HTTP head and no field can carry CR, LF or NUL", "[4.2.2]") {
  const std::regex head(
      "HTTP/1\\.1 101 [ -~]*\r\n"
      "([!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xFF]*\r\n)+"
      "\r\n");
  const server_options options{.subprotocols = chats};
  CHECK(std::regex_match(response_to(request()), head));
  CHECK(std::regex_match(response_to(request("", "Sec-WebSocket-Protocol: chat\r\n"), options), head));

  constexpr std::array<field, 1> good{{{"Set-Cookie", "a=b; Path=/\t\xC3\xA4"}}};
  server_handshake with_cookie = after(request(), options);
  CHECK(with_cookie.accept(good) == error::none);
  CHECK(std::regex_match(response(with_cookie), head));

  for (const char control : {'\r', '\n', '\0'}) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}, std::size_t{6}}) {
      const std::string text = std::string("abcdef").insert(at, 1, control);
      const std::array<field, 1> value{{{"Set-Cookie", text}}};
      const std::array<field, 1> field_name{{{text, "x"}}};
      server_handshake server = after(request(), options);
      CHECK(server.accept(value) == error::field_forbidden);
      CHECK(server.accept(field_name) == error::field_forbidden);
      CHECK(server.refuse({.fields = value}) == error::field_forbidden);
      CHECK(std::regex_match(response(server), head));
    }
  }
}

TEST_CASE("4.2.2: the status line is HTTP/1.1 101 Switching Protocols", "[4.2.2]") {
  CHECK(response_to(request()).starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
}

TEST_CASE("4.2.2: the response has Upgrade: websocket", "[4.2.2]") {
  CHECK(has_line(response_to(request()), "Upgrade: websocket"));
}

TEST_CASE("4.2.2: the response has Connection: Upgrade", "[4.2.2]") {
  CHECK(has_line(response_to(request()), "Connection: Upgrade"));
}

TEST_CASE("4.2.2: Sec-WebSocket-Accept for the sample key is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "[4.2.2]") {
  CHECK(has_line(response_to(request()), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  CHECK(has_line(response_to(request("Sec-WebSocket-Key", "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n")),
                 "Sec-WebSocket-Accept: C/0nmHhBztSRGR1CwL6Tf4ZjwpY="));
}

TEST_CASE("4.2.2: a server can ask for credentials with 401 and redirect with 3xx", "[4.2.2]") {
  constexpr std::array<field, 1> challenge{{{"WWW-Authenticate", "Basic realm=\"chat\""}}};
  constexpr std::array<field, 1> location{{{"Location", "https://other.example.com/chat"}}};
  const server_options options{};
  server_handshake server = after(request(), options);
  CHECK(server.refuse({.status = 401, .fields = challenge}) == error::none);
  CHECK(has_line(response(server), "WWW-Authenticate: Basic realm=\"chat\""));

  server_handshake elsewhere = after(request(), options);
  CHECK(elsewhere.refuse({.status = 307, .fields = location}) == error::none);
  CHECK(response(elsewhere).starts_with("HTTP/1.1 307 "));
  CHECK(has_line(response(elsewhere), "Location: https://other.example.com/chat"));
}
