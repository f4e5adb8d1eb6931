// Sections 4.3 and 4.4: the grammar of the new fields, and how the versions are agreed.
#include <array>
#include <string>
#include <string_view>

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

/// What a server says of a request with an extension in it.
error server_says(std::string_view extensions) {
  const server_options options{};
  server_handshake server(options);
  exact_buffer chunk(
      "GET /chat HTTP/1.1\r\n"
      "Host: server.example.com\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: " +
      std::string(extensions) + "\r\n\r\n");
  server.receive(chunk.view());
  CHECK(server.verdict()->status() == (server.accepted() ? 101 : 400));
  return server.verdict()->reason();
}

/// What a client says of a response with an extension in it.
client_status client_says(std::string_view extensions) {
  const client_options options{};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk(
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n"
      "Sec-WebSocket-Extensions: " +
      std::string(extensions) + "\r\n\r\n");
  return client.receive(chunk.view());
}

}  // namespace

TEST_CASE("4.3: a quoted extension parameter whose unescaped value is no token is refused by server and client",
          "[4.3][9.1]") {
  for (const std::string_view value : {R"("")", R"("a b")", R"("a,b")", R"("a;b")", R"("a=b")", R"("a\"b")",
                                       R"("a\\b")", R"("\ ")", "\"gr\xC3\xBC\""}) {
    const std::string extensions = "foo; bar=" + std::string(value);
    CAPTURE(extensions);
    CHECK(server_says(extensions) == error::extensions_malformed);
    CHECK(client_says(extensions) == client_status::failed);
  }
  // These unescape to tokens.
  for (const std::string_view value : {R"("a")", R"("\a")", R"("1\0")", "a"}) {
    const std::string extensions = "foo; bar=" + std::string(value);
    CAPTURE(extensions);
    CHECK(server_says(extensions) == error::none);
  }
}

TEST_CASE("4.4: a client that is refused learns which versions the server takes", "[4.4]") {
  const client_options options{};
  basic_client_handshake<counting_random, openssl_sha1> client("ws://server.example.com/chat", options);
  exact_buffer chunk(
      "HTTP/1.1 400 Bad Request\r\n"
      "Sec-WebSocket-Version: 13, 8, 7\r\n"
      "\r\n");
  CHECK(client.receive(chunk.view()) == client_status::refused);
  CHECK(client.response().fields.value("Sec-WebSocket-Version") == "13, 8, 7");
}
