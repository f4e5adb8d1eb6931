// Section 11: the registrations: URI schemes, and how often each field may be there.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};
using client_type = basic_client_handshake<counting_random, openssl_sha1>;

std::string request_to(std::string_view url, const client_options& options = {}) {
  return std::string(text_of(client_type(url, options).request()));
}

/// How many field lines of a name there are in a head.
std::ptrdiff_t count_of(const std::string& head, const std::string& name) {
  std::ptrdiff_t count = 0;
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != std::string::npos; at += 2) {
    const std::string_view line = std::string_view(head).substr(at + 2, name.size() + 1);
    if (line.ends_with(':') && equals_ignoring_case(line.substr(0, line.size() - 1), name)) ++count;
  }
  return count;
}

std::string request(std::string_view more = {}) {
  return std::string(
             "GET /chat HTTP/1.1\r\n"
             "Host: server.example.com\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Version: 13\r\n")
      .append(more)
      .append("\r\n");
}

server_handshake after(std::string_view more, const server_options& options) {
  server_handshake server(options);
  exact_buffer chunk(request(more));
  server.receive(chunk.view());
  return server;
}

std::string response_to(std::string_view more) {
  const server_options options{.subprotocols = chats};
  server_handshake server = after(more, options);
  return std::string(text_of(server.response()));
}

/// Whether the application gets a second field of a name into the response.
bool can_add(std::string_view name) {
  const std::array<field, 1> extra{{{name, "chat"}}};
  const server_options options{.subprotocols = chats};
  server_handshake server = after("Sec-WebSocket-Protocol: chat\r\n", options);
  return server.accept(extra) == error::none;
}

error client_says(std::string_view more) {
  const client_options options{.subprotocols = chats};
  client_type client("ws://server.example.com/chat", options);
  exact_buffer chunk(std::string("HTTP/1.1 101 Switching Protocols\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n")
                         .append(more)
                         .append("\r\n"));
  client.receive(chunk.view());
  CHECK(client.agreement().has_value() == (client.error() == error::none));
  return client.error();
}

}  // namespace

TEST_CASE("11.1.1: a host with bytes outside ASCII is refused in ws and wss URIs, its xn-- form is accepted",
          "[11.1.1][11.1.2]") {
  for (const std::string scheme : {"ws://", "wss://"}) {
    CHECK(parse_uri(scheme + "b\xC3\xBC"
                             "cher.example/")
              .error() == error::uri_malformed);
    CHECK(request_to(scheme + "b\xC3\xBC"
                              "cher.example/")
              .empty());
    for (int c = 0x80; c < 0x100; ++c) {
      CHECK(request_to(scheme + "b" + static_cast<char>(c) + ".example/").empty());
    }
    CHECK(request_to(scheme + "xn--bcher-kva.example/").find("\r\nHost: xn--bcher-kva.example\r\n") !=
          std::string::npos);
  }
}

TEST_CASE("11.1.1: no byte of path or query that the URI syntax excludes reaches the request target unescaped",
          "[11.1.1][11.1.2]") {
  // RFC 3986 §3.3, §3.4: pchar, "/" and "?".
  const std::string_view others = "-._~!$&'()*+,;=:@/?";
  for (const std::string scheme : {"ws://", "wss://"}) {
    for (const std::string before : {"/a", "/?a"}) {
      for (int c = 0; c < 0x100; ++c) {
        CAPTURE(scheme, before, c);
        const auto character = static_cast<char>(c);
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const bool allowed = alphanumeric || (c != 0 && others.find(character) != std::string_view::npos);
        const std::string resource = before + character + "b";
        const std::string text = request_to(scheme + "example.com" + resource);
        CHECK(text.empty() == !allowed);
        CHECK(text.starts_with("GET " + resource + " HTTP/1.1\r\n") == allowed);
      }
      CHECK(
          request_to(scheme + "example.com" + before + "%C3%BC").starts_with("GET " + before + "%C3%BC HTTP/1.1\r\n"));
    }
  }
}

TEST_CASE("11.3.1: a request has exactly one Sec-WebSocket-Key", "[11.3.1]") {
  CHECK(count_of(request_to("ws://server.example.com/"), "Sec-WebSocket-Key") == 1);
  constexpr std::array<field, 1> extra{{{"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}}};
  CHECK(request_to("ws://server.example.com/", {.fields = extra}).empty());
}

TEST_CASE("11.3.1: a request with two Sec-WebSocket-Key fields is refused with 400", "[11.3.1]") {
  const server_options options{};
  for (const std::string_view second : {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                                        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "SEC-WEBSOCKET-KEY:\r\n"}) {
    CAPTURE(second);
    CHECK(after(second, options).verdict()->reason() == error::key_repeated);
    CHECK(after(second, options).verdict()->status() == 400);
  }
}

TEST_CASE("11.3.2: a response has at most one Sec-WebSocket-Extensions", "[11.3.2]") {
  for (const std::string_view offer : {"", "Sec-WebSocket-Extensions: permessage-deflate\r\n",
                                       "Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions: bar\r\n"}) {
    CHECK(count_of(response_to(offer), "Sec-WebSocket-Extensions") <= 1);
  }
  CHECK_FALSE(can_add("Sec-WebSocket-Extensions"));
}

TEST_CASE("11.3.3: a response has exactly one Sec-WebSocket-Accept", "[11.3.3]") {
  CHECK(count_of(response_to(""), "Sec-WebSocket-Accept") == 1);
  CHECK_FALSE(can_add("Sec-WebSocket-Accept"));
  CHECK_FALSE(can_add("SEC-WEBSOCKET-ACCEPT"));
}

TEST_CASE("11.3.3: a response with two Sec-WebSocket-Accept fields fails the client's handshake", "[11.3.3]") {
  CHECK(client_says("") == error::none);
  CHECK(client_says("Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n") == error::accept_repeated);
  CHECK(client_says("sec-websocket-accept: x\r\n") == error::accept_repeated);
}

TEST_CASE("11.3.4: a response has at most one Sec-WebSocket-Protocol", "[11.3.4]") {
  CHECK(count_of(response_to(""), "Sec-WebSocket-Protocol") == 0);
  CHECK(count_of(response_to("Sec-WebSocket-Protocol: chat, superchat\r\n"), "Sec-WebSocket-Protocol") == 1);
  CHECK(count_of(response_to("Sec-WebSocket-Protocol: superchat\r\nSec-WebSocket-Protocol: chat\r\n"),
                 "Sec-WebSocket-Protocol") == 1);
  CHECK_FALSE(can_add("Sec-WebSocket-Protocol"));
  CHECK_FALSE(can_add("sec-websocket-protocol"));
}

TEST_CASE("11.3.4: a response with two Sec-WebSocket-Protocol fields fails the client's handshake", "[11.3.4]") {
  CHECK(client_says("Sec-WebSocket-Protocol: chat\r\n") == error::none);
  CHECK(client_says("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n") ==
        error::subprotocol_repeated);
  CHECK(client_says("Sec-WebSocket-Protocol: chat\r\nsec-websocket-protocol: chat\r\n") == error::subprotocol_repeated);
}

TEST_CASE("11.3.5: a request has exactly one Sec-WebSocket-Version", "[11.3.5]") {
  CHECK(count_of(request_to("ws://server.example.com/"), "Sec-WebSocket-Version") == 1);
  constexpr std::array<field, 1> extra{{{"Sec-Websocket-Version", "8"}}};
  CHECK(request_to("ws://server.example.com/", {.fields = extra}).empty());
}

TEST_CASE("11.3.5: a request with two Sec-WebSocket-Version fields is refused with 400", "[11.3.5]") {
  const server_options options{};
  for (const std::string_view second : {"Sec-WebSocket-Version: 13\r\n", "sec-websocket-version: 8\r\n"}) {
    CAPTURE(second);
    CHECK(after(second, options).verdict()->reason() == error::version_repeated);
    CHECK(after(second, options).verdict()->status() == 400);
  }
}
