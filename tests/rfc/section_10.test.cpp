// Section 10: security considerations, as far as they are about the handshake.
#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

std::string request(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "GET /chat HTTP/1.1\r\n";
  for (const std::string_view line :
       {"Host: server.example.com\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

std::string response(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const std::string_view line : {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                      "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

int status_of(std::string_view stream, const server_options& options = {}) {
  server_handshake server(options);
  exact_buffer chunk(stream);
  server.receive(chunk.view());
  CHECK(server.agreement().has_value() == server.accepted());
  return server.verdict() ? server.verdict()->status() : 0;
}

bool client_accepts(std::string_view stream) {
  const client_options options{};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk(stream);
  const bool accepted = client.receive(chunk.view()) == client_status::accepted;
  CHECK(client.agreement().has_value() == accepted);
  return accepted;
}

}  // namespace

TEST_CASE("10.1: a client that is no browser sends no Origin and is let in", "[10.1]") {
  const client_options asked{};
  const client_handshake client("ws://server.example.com/chat", asked);
  CHECK(text_of(client.request()).find("Origin") == std::string_view::npos);
  for (const origin_policy& policy : {same_origin, no_origin, any_origin}) {
    CHECK(status_of(request(), {.origins = policy}) == 101);
  }
}

TEST_CASE("10.2: a page of another origin is refused unless the server says otherwise", "[10.2]") {
  constexpr std::array<std::string_view, 1> pages{"https://www.example.com"};
  const std::string own = request("", "Origin: https://server.example.com\r\n");
  const std::string listed = request("", "Origin: https://www.example.com\r\n");
  const std::string foreign = request("", "Origin: https://evil.example\r\n");
  CHECK(status_of(own) == 101);
  CHECK(status_of(listed) == 403);
  CHECK(status_of(foreign) == 403);

  const server_options with_list{.origins = std::span<const std::string_view>(pages)};
  CHECK(status_of(own, with_list) == 403);
  CHECK(status_of(listed, with_list) == 101);
  CHECK(status_of(foreign, with_list) == 403);

  CHECK(status_of(foreign, {.origins = any_origin}) == 101);
  CHECK(status_of(own, {.origins = no_origin}) == 403);
}

TEST_CASE("10.4: heads are bounded in bytes and in fields before anything is parsed", "[10.4]") {
  const std::string long_line = request("", "X: " + std::string(10'000, 'x') + "\r\n");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  CHECK(status_of(long_line) == 431);
  CHECK(status_of(request("", many)) == 431);
  CHECK(status_of(std::string(10'000, 'G')) == 431);
  CHECK(status_of("GET /" + std::string(10'000, 'x')) == 431);
  CHECK(status_of(long_line, {.head = {.bytes = 20'000}}) == 101);
  CHECK(status_of(request("", many), {.head = {.fields = 105}}) == 101);
}

TEST_CASE("10.5: a client can send the credentials that HTTP knows, and a server can ask for them", "[10.5]") {
  constexpr std::array<field, 2> credentials{{{"Authorization", "Basic YTpi"}, {"Cookie", "session=1"}}};
  const client_options asked{.fields = credentials};
  client_handshake client("wss://server.example.com/chat", asked);
  const server_options offered{};
  server_handshake server(offered);
  exact_buffer to_server(client.request());
  server.receive(to_server.view());
  CHECK(server.request().fields.value("Authorization") == "Basic YTpi");
  CHECK(server.request().fields.value("Cookie") == "session=1");

  constexpr std::array<field, 1> challenge{{{"WWW-Authenticate", "Basic realm=\"chat\""}}};
  CHECK(server.refuse({.status = 401, .fields = challenge}) == error::none);
  CHECK_FALSE(server.agreement().has_value());
  exact_buffer to_client(server.response());
  CHECK(client.receive(to_client.view()) == client_status::refused);
  CHECK(client.response().status == 401);
  CHECK(client.response().fields.value("WWW-Authenticate") == "Basic realm=\"chat\"");
}

TEST_CASE("10.6: no redirect takes a client from wss to ws", "[10.6]") {
  for (const std::string location : {"ws://server.example.com/", "http://server.example.com/"}) {
    const client_options options{};
    client_handshake client("wss://server.example.com/chat", options);
    exact_buffer chunk("HTTP/1.1 302 Found\r\nLocation: " + location + "\r\n\r\n");
    REQUIRE(client.receive(chunk.view()) == client_status::redirected);
    CHECK(client.follow().error() == error::redirect_insecure);
    CHECK(client.follow().request().empty());
  }
}

TEST_CASE("10.7: every single fault in an opening handshake is refused, by the server and by the client", "[10.7]") {
  CHECK(status_of(request()) == 101);
  const std::vector<std::pair<std::string, int>> bad_requests{
      {from_hex("16 03 01 02 00 01 00 01 fc 03 03"), 400},
      {"POST" + request().substr(3), 405},
      {"GET /chat HTTP/1.0" + request().substr(18), 505},
      {"GET /chat HTTP/2.0" + request().substr(18), 505},
      {"GET * HTTP/1.1" + request().substr(18), 400},
      {"GET /# HTTP/1.1" + request().substr(18), 400},
      {request("Host"), 400},
      {request("", "Host: server.example.com\r\n"), 400},
      {request("Host", "Host: @\r\n"), 400},
      {request("", "Content-Length: 1\r\n"), 400},
      {request("", "Transfer-Encoding: chunked\r\n"), 400},
      {request("Upgrade"), 400},
      {request("Upgrade", "Upgrade: h2c\r\n"), 400},
      {request("Connection"), 400},
      {request("Connection", "Connection: close\r\n"), 400},
      {request("Sec-WebSocket-Key"), 400},
      {request("", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400},
      {request("Sec-WebSocket-Key", "Sec-WebSocket-Key: x\r\n"), 400},
      {request("Sec-WebSocket-Version"), 400},
      {request("", "Sec-WebSocket-Version: 13\r\n"), 400},
      {request("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n"), 426},
      {request("", "Sec-WebSocket-Protocol: a b\r\n"), 400},
      {request("", "Sec-WebSocket-Extensions: a b\r\n"), 400},
      {request("", "Origin: http://server.example.com\r\nOrigin: http://server.example.com\r\n"), 400},
      {request("", "Origin: null\r\n"), 403},
      {request("", "no colon\r\n"), 400},
      {request("", " folded\r\n"), 400},
      {request("", "A : b\r\n"), 400},
  };
  for (const auto& [text, status] : bad_requests) {
    CAPTURE(text);
    CHECK(status_of(text) == status);
  }

  CHECK(client_accepts(response()));
  const std::vector<std::string> bad_responses{
      from_hex("15 03 01 00 02 02 46"),
      "HTTP/1.0" + response().substr(8),
      "HTTP/1.1 200" + response().substr(12),
      "HTTP/1.1 100" + response().substr(12),
      "HTTP/1.1 1010" + response().substr(12),
      response("Upgrade"),
      response("Upgrade", "Upgrade: h2c\r\n"),
      response("Connection"),
      response("Connection", "Connection: close\r\n"),
      response("Sec-WebSocket-Accept"),
      response("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
      response("", "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n"),
      response("", "Sec-WebSocket-Protocol: chat\r\n"),
      response("", "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      response("", "no colon\r\n"),
      response("", " folded\r\n"),
      response("", "A : b\r\n"),
  };
  for (const std::string& text : bad_responses) {
    CAPTURE(text);
    CHECK_FALSE(client_accepts(text));
  }
}

TEST_CASE("10.8: the hash can be any implementation of SHA-1, and its failure opens nothing", "[10.8]") {
  struct own_hash {
    bool operator()(const_bytes data, std::span<std::byte, sha1_size> digest) {
      CHECK(text_of(data) == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
      const std::string known = from_hex("b37a4f2c c0624f16 90f64606 cf385945 b2bec4ea");  // §4.2.2
      std::ranges::copy(bytes_of(known), digest.begin());
      return true;
    }
  };
  struct no_hash {
    bool operator()(const_bytes, std::span<std::byte, sha1_size>) { return false; }
  };
  const server_options options{};
  exact_buffer chunk(request());
  basic_server_handshake<own_hash> server(options);
  server.receive(chunk.view());
  CHECK(text_of(server.response()).find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
        std::string_view::npos);

  basic_server_handshake<no_hash> without(options);
  without.receive(chunk.view());
  CHECK_FALSE(without.accepted());
  CHECK(without.verdict()->status() == 500);

  const client_options asked{};
  const basic_client_handshake<counting_random, no_hash> client("ws://server.example.com/", asked);
  CHECK(client.error() == error::hash_failed);
  CHECK(client.request().empty());
}
