// Section 9: extensions, and how the library behaves that uses none unless asked, and then one.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/connection/connection.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

std::string extension_lines(std::string_view value) {
  return "Sec-WebSocket-Extensions: " + std::string(value) + "\r\n";
}

std::string request(std::string_view more) {
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

std::string response(std::string_view more) {
  return std::string(
             "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n")
      .append(more)
      .append("\r\n");
}

/// The status and the text with which a server answers.
std::pair<int, std::string> serve(std::string_view lines) {
  const server_options options{};
  server_handshake server(options);
  exact_buffer chunk(request(lines));
  server.receive(chunk.view());
  return {server.verdict()->status(), std::string(text_of(server.response()))};
}

error client_says(std::string_view lines) {
  const client_options options{};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk(response(lines));
  const client_status status = client.receive(chunk.view());
  CHECK((status == client_status::accepted || status == client_status::failed));
  CHECK(client.agreement().has_value() == (status == client_status::accepted));
  return client.error();
}

/// What the application adds is no way around it.
constexpr std::array<field, 1> smuggled{{{"sec-websocket-extensions", "permessage-deflate"}}};

constexpr std::array<std::string_view, 16> malformed{
    "",          ",",          " ; ",     "foo;",  "foo; =1",   "foo; bar=", "foo bar",    "foo; b=/",
    "foo; b=\"", "foo; b=\"1", "\"foo\"", "foo=1", "foo, ba r", "foo; b b",  "gr\xC3\xBC", "foo; b=1=2"};

}  // namespace

TEST_CASE("9: extension parameters are neither offered nor agreed", "[9]") {
  const client_options options{};
  const client_handshake client("ws://server.example.com/chat", options);
  CHECK(text_of(client.request()).find("Extensions") == std::string_view::npos);
  for (const std::string_view offer : {"permessage-deflate; server_max_window_bits=10; client_no_context_takeover",
                                       "permessage-deflate; client_max_window_bits=\"15\", foo; bar"}) {
    const auto [status, text] = serve(extension_lines(offer));
    CHECK(status == 101);
    CHECK(text.find("Extensions") == std::string::npos);
    CHECK(client_says(extension_lines(offer)) == error::extension_not_offered);
  }
}

TEST_CASE("9.1: a malformed Sec-WebSocket-Extensions in the request is refused by a server with 400", "[9.1]") {
  for (const std::string_view value : malformed) {
    CAPTURE(value);
    CHECK(serve(extension_lines(value)).first == 400);
    CHECK(serve(extension_lines("foo") + extension_lines(value)).first == 400);
    CHECK(serve(extension_lines(value) + extension_lines("foo")).first == 400);
  }
  CHECK(serve(extension_lines("foo; bar=1; baz=\"2\", qux") + extension_lines("quux")).first == 101);
}

TEST_CASE("9.1: a malformed Sec-WebSocket-Extensions in the response fails the client's handshake", "[9.1]") {
  CHECK(client_says("") == error::none);
  for (const std::string_view value : malformed) {
    CAPTURE(value);
    CHECK(client_says(extension_lines(value)) != error::none);
  }
}

TEST_CASE("9.1: no extension token is ever sent, by a client or by a server", "[9.1]") {
  for (const std::string_view url : {"ws://server.example.com/chat", "wss://server.example.com/chat"}) {
    const client_options options{};
    const client_handshake client(url, options);
    CHECK(text_of(client.request()).find("Sec-WebSocket-Extensions") == std::string_view::npos);
    const client_options smuggling{.fields = smuggled};
    CHECK(client_handshake(url, smuggling).error() == error::field_reserved);
  }

  CHECK(serve(extension_lines("permessage-deflate")).second.find("Extensions") == std::string::npos);
  const server_options options{};
  server_handshake server(options);
  exact_buffer chunk(request(extension_lines("permessage-deflate")));
  server.receive(chunk.view());
  CHECK(server.accept(smuggled) == error::field_reserved);
}

TEST_CASE("9.1: an offer with an undefined parameter is declined, a response with one fails the client's handshake",
          "[9.1]") {
  const auto [status, text] = serve(extension_lines("permessage-deflate; undefined_parameter=1"));
  CHECK(status == 101);
  CHECK(text.find("Extensions") == std::string::npos);
  CHECK(client_says(extension_lines("permessage-deflate; undefined_parameter=1")) == error::extension_not_offered);
}

TEST_CASE("9.1: a client that agreed on no extension sends no reserved bit and fails on one", "[9.1][5.2]") {
  const client_options options{};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  // Behind the head: a text message whose first reserved bit is set, as a compressed one has it.
  exact_buffer chunk(response("") + from_hex("c1 07 f2 48 cd c9 c9 07 00"));
  REQUIRE(client.receive(chunk.view()) == client_status::accepted);

  client_connection connection(*client.agreement());
  CHECK(connection.send_text(std::string(1000, 'x')) == error::none);
  CHECK((value_of(connection.output()[0]) & 0x70U) == 0);
  const event last = connection.poll();
  CHECK(last.type == event_type::closed);
  CHECK(last.why.fault == error::reserved_bits_set);
  CHECK(last.why.sent == close_code::protocol_error);
}

// Where permessage-deflate is asked for

namespace {

/// What a client that asks for it sends and a server that does answers, on a request with those lines.
std::string deflate_request(const deflate_options& own) {
  const client_options options{.deflate = own};
  const client_handshake client("ws://server.example.com/chat", options);
  return std::string(text_of(client.request()));
}
std::string deflate_response(const deflate_options& own, std::string_view lines) {
  const server_options options{.deflate = own};
  server_handshake server(options);
  exact_buffer chunk(request(lines));
  REQUIRE(server.receive(chunk.view()) == handshake_status::done);
  return std::string(text_of(server.response()));
}

/// The extensions that a head names, without their parameters: what stands in front of the first ";" or ",".
std::string extensions_of(const std::string& head) {
  std::string out;
  const std::string name = "Sec-WebSocket-Extensions:";
  for (auto at = head.find(name); at != std::string::npos; at = head.find(name, at + 1)) {
    std::string value = head.substr(at + name.size(), head.find('\r', at) - at - name.size()) + ",";
    for (auto comma = value.find(','); comma != std::string::npos; comma = value.find(',')) {
      const std::string one = value.substr(0, comma);
      const auto begin = one.find_first_not_of(' ');
      out += one.substr(begin, one.find_first_of("; ", begin) - begin) + "|";
      value.erase(0, comma + 1);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("9: extension parameters that are offered and agreed are those of permessage-deflate", "[9]") {
  const deflate_options narrow{.server_max_window_bits = 10,
                               .client_max_window_bits = 11,
                               .server_no_context_takeover = true,
                               .client_no_context_takeover = true};
  CHECK(deflate_request(narrow).find("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                                     "server_max_window_bits=10; client_max_window_bits=11\r\n") != std::string::npos);
  CHECK(deflate_response(narrow, extension_lines("permessage-deflate; client_max_window_bits"))
            .find("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                  "server_max_window_bits=10; client_max_window_bits=11\r\n") != std::string::npos);
}

TEST_CASE("9.1: the only extension token that is ever sent is permessage-deflate", "[9.1]") {
  CHECK(extensions_of(deflate_request({})) == "permessage-deflate|");
  for (const std::string_view offer : {"permessage-deflate", "foo, permessage-deflate, bar",
                                       "x-webkit-deflate-frame, permessage-deflate; "
                                       "client_max_window_bits, permessage-deflate"}) {
    CHECK(extensions_of(deflate_response({}, extension_lines(offer))) == "permessage-deflate|");
  }
  CHECK(extensions_of(deflate_response({}, extension_lines("foo, x-webkit-deflate-frame, permessage-bzip2"))).empty());
  CHECK(extensions_of(deflate_response({}, "")).empty());
}

TEST_CASE("9.1: a client whose offer was not taken up sends nothing compressed and fails on what is", "[9.1][5.2]") {
  const client_options options{.deflate = deflate_options{}};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  // Behind the head: a text message whose first reserved bit is set, as a compressed one has it.
  exact_buffer chunk(response("") + from_hex("c1 07 f2 48 cd c9 c9 07 00"));
  REQUIRE(client.receive(chunk.view()) == client_status::accepted);
  deflate_pool pool;
  deflate_client_connection ws(*client.agreement(), {client.agreement()->deflate(), pool});
  CHECK(ws.send_text(std::string(1000, 'x')) == error::none);
  CHECK((value_of(ws.output()[0]) & 0x70U) == 0);
  CHECK(ws.buffered() > 1000);
  CHECK(ws.poll().why.fault == error::reserved_bits_set);
}
