// Both ends of an opening handshake, of which only the extensions are looked at.
#ifndef SANSOCKET_TESTS_RFC7692_NEGOTIATION_HPP
#define SANSOCKET_TESTS_RFC7692_NEGOTIATION_HPP

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sample_nonce.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

namespace sansocket::tests {

inline constexpr std::string_view chat_url = "ws://server.example.com/chat";

inline std::string extension_lines(std::initializer_list<std::string_view> values) {
  std::string lines;
  for (const std::string_view value : values) lines.append("Sec-WebSocket-Extensions: ").append(value).append("\r\n");
  return lines;
}

/// The values of all Sec-WebSocket-Extensions fields of a head, one behind the other with a "|" after each.
inline std::string extensions_in(std::string_view head) {
  constexpr std::string_view name = "\r\nSec-WebSocket-Extensions: ";
  std::string values;
  for (std::size_t at = head.find(name); at != std::string_view::npos; at = head.find(name, at + 1)) {
    const std::string_view value = head.substr(at + name.size());
    values.append(value.substr(0, value.find("\r\n"))).append("|");
  }
  return values;
}

/// What a server makes of a request.
struct served {
  int status = 0;
  std::string extensions;  // of its response, as extensions_in gives them
  std::optional<deflate_agreement> agreed;
};

/// Has a server answer a request with those fields.
inline served serve(std::initializer_list<std::string_view> offers, const std::optional<deflate_options>& own) {
  const server_options options{.deflate = own};
  server_handshake server(options);
  exact_buffer chunk(
      "GET /chat HTTP/1.1\r\n"
      "Host: server.example.com\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n" +
      extension_lines(offers) + "\r\n");
  REQUIRE(server.receive(chunk.view()) == handshake_status::done);
  served out{server.verdict()->status(), extensions_in(text_of(server.response())), std::nullopt};
  if (const auto agreement = server.agreement()) out.agreed = agreement->deflate();
  return out;
}

/// The extensions that a client offers, as extensions_in gives them.
inline std::string offer_of(const std::optional<deflate_options>& own) {
  const client_options options{.deflate = own};
  const sample_handshake client(chat_url, options);
  REQUIRE(client.status() == client_status::need_more);
  return extensions_in(text_of(client.request()));
}

/// What a client makes of a response.
struct judged {
  error fault = error::none;
  std::optional<deflate_agreement> agreed;
};

/// Has a client judge a response with those fields.
inline judged judge(std::initializer_list<std::string_view> answers, const std::optional<deflate_options>& own) {
  const client_options options{.deflate = own};
  sample_handshake client(chat_url, options);
  exact_buffer chunk(
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
      extension_lines(answers) + "\r\n");
  const client_status status = client.receive(chunk.view());
  CHECK(status == (client.error() == error::none ? client_status::accepted : client_status::failed));
  judged out{client.error(), std::nullopt};
  if (const auto agreement = client.agreement()) out.agreed = agreement->deflate();
  return out;
}

}  // namespace sansocket::tests

#endif
