// Section 1, the introduction: its examples, byte for byte.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

/// The nonce behind the key of the examples.
struct sample_random {
  bool operator()(bytes out) {
    std::ranges::copy(bytes_of("the sample nonce").first(out.size()), out.begin());
    return true;
  }
};

/// The handshake of §1.2.
constexpr std::string_view sample_request =
    "GET /chat HTTP/1.1\r\n"
    "Host: server.example.com\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Origin: http://example.com\r\n"
    "Sec-WebSocket-Protocol: chat, superchat\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "\r\n";

constexpr std::string_view sample_response =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: chat\r\n"
    "\r\n";

}  // namespace

TEST_CASE("1.2: a server answers the sample request with the sample response", "[1.2][1.3]") {
  constexpr std::array<std::string_view, 1> spoken{"chat"};
  constexpr std::array<std::string_view, 1> pages{"http://example.com"};
  const server_options options{.subprotocols = spoken, .origins = std::span<const std::string_view>(pages)};
  server_handshake server(options);
  exact_buffer chunk(sample_request);
  CHECK(server.receive(chunk.view()) == handshake_status::done);
  CHECK(server.accepted());
  CHECK(text_of(server.response()) == sample_response);
}

TEST_CASE("1.2: a client accepts the sample response", "[1.2][1.3]") {
  constexpr std::array<std::string_view, 2> asked{"chat", "superchat"};
  const client_options options{.subprotocols = asked};
  basic_client_handshake<sample_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk(sample_response);
  CHECK(client.receive(chunk.view()) == client_status::accepted);
  CHECK(client.agreement()->subprotocol() == "chat");
}

TEST_CASE("1.3: the request has the lines of the sample request, each once", "[1.3]") {
  constexpr std::array<std::string_view, 2> asked{"chat", "superchat"};
  constexpr std::array<field, 1> fields{{{"Origin", "http://example.com"}}};
  const client_options options{.subprotocols = asked, .fields = fields};
  basic_client_handshake<sample_random, openssl_sha1> client("ws://server.example.com/chat", options);
  const auto sorted_lines = [](std::string_view text) {
    std::vector<std::string> lines;
    for (; !text.empty(); text.remove_prefix(text.find('\n') + 1)) lines.emplace_back(text.substr(0, text.find('\n')));
    // The order of the fields means nothing; the request line stays in front.
    std::sort(lines.begin() + 1, lines.end());
    return lines;
  };
  CHECK(sorted_lines(text_of(client.request())) == sorted_lines(sample_request));
}

TEST_CASE("1.3: a client does not go on where the status is not 101", "[1.3]") {
  const client_options options{};
  basic_client_handshake<sample_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk("HTTP/1.1 200 OK\r\n" + std::string(sample_response.substr(sample_response.find("Upgrade:"))));
  CHECK(client.receive(chunk.view()) == client_status::refused);
  CHECK_FALSE(client.agreement().has_value());
}

TEST_CASE("1.9: of the subprotocols offered the server answers with one or none", "[1.9]") {
  constexpr std::array<std::string_view, 2> spoken{"v2.bookings.example.net", "bookings.example.net"};
  subprotocol_selector selector(spoken);
  CHECK(selector.selected().empty());
  CHECK(selector.offer("bookings.example.net, v2.bookings.example.net") == error::none);
  CHECK(selector.selected() == "v2.bookings.example.net");
}
