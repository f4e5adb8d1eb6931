#include "sansocket/sansocket.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sample_nonce.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::sample_nonce;

TEST_CASE("5.8: an extension is in use only when the opening handshake agreed on it", "[5.8][5.2]") {
  // A server that agrees on no extension says so by its silence, and takes no frame that uses one.
  const server_options options;
  server_handshake server(options);
  exact_buffer request(
      "GET / HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n\r\n");
  REQUIRE(server.receive(request.view()) == handshake_status::done);
  REQUIRE(server.accepted());
  CHECK(text_of(server.response()).find("xtension") == std::string_view::npos);
  server_connection ws(*server.agreement());
  exact_buffer compressed(from_hex("c1 80 01 02 03 04"));
  REQUIRE(ws.receive(compressed.view()) == error::none);
  CHECK(ws.poll().why.fault == error::reserved_bits_set);

  // A client that offered none does not let the server use one.
  const client_options asked;
  for (const bool extended : {false, true}) {
    CAPTURE(extended);
    basic_client_handshake<sample_nonce, openssl_sha1> client("ws://server.example.com/", asked);
    CHECK(text_of(client.request()).find("xtension") == std::string_view::npos);
    exact_buffer response(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
        std::string(extended ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "") + "\r\n");
    (void)client.receive(response.view());
    if (extended) {
      CHECK(client.error() == error::extension_not_offered);
      CHECK_FALSE(client.agreement());
      continue;
    }
    REQUIRE(client.agreement());
    client_connection open(*client.agreement());
    exact_buffer frame(from_hex("c1 00"));
    REQUIRE(open.receive(frame.view()) == error::none);
    CHECK(open.poll().why.fault == error::reserved_bits_set);
  }
}

TEST_CASE("5.8: an extension that the opening handshake agreed on is in use at both ends", "[5.8]") {
  const client_options asked{.deflate = deflate_options{}};
  basic_client_handshake<sample_nonce, openssl_sha1> client("ws://server.example.com/", asked);
  CHECK(text_of(client.request()).find("permessage-deflate") != std::string_view::npos);
  const server_options offered{.deflate = deflate_options{}};
  server_handshake server(offered);
  exact_buffer request{client.request()};
  REQUIRE(server.receive(request.view()) == handshake_status::done);
  REQUIRE(server.accepted());
  CHECK(text_of(server.response()).find("permessage-deflate") != std::string_view::npos);
  exact_buffer response{server.response()};
  REQUIRE(client.receive(response.view()) == client_status::accepted);

  deflate_pool pool;
  deflate_server_connection server_end(*server.agreement(), {server.agreement()->deflate(), pool});
  deflate_client_connection client_end(*client.agreement(), {client.agreement()->deflate(), pool});
  const std::string text(1000, 'a');
  REQUIRE(server_end.send_text(text) == error::none);
  CHECK((value_of(server_end.output()[0]) & 0x70U) == 0x40);
  CHECK(server_end.buffered() < 50);
  exact_buffer down{server_end.output()};
  REQUIRE(client_end.receive(down.view()) == error::none);
  CHECK((client_end.poll().text() == text));
  REQUIRE(client_end.send_text(text) == error::none);
  CHECK((value_of(client_end.output()[0]) & 0x70U) == 0x40);
  exact_buffer up{client_end.output()};
  REQUIRE(server_end.receive(up.view()) == error::none);
  CHECK((server_end.poll().text() == text));
}
