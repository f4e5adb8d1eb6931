#include "sansocket/sansocket.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

/// The response's Connection field names close, alone or before other options.
bool says_close(std::string_view response) {
  return response.find("\r\nConnection: close\r\n") != std::string_view::npos ||
         response.find("\r\nConnection: close, ") != std::string_view::npos;
}

}  // namespace

TEST_CASE("7.2.2: a refused upgrade says that the connection is to be closed behind the response", "[7.2.2]") {
  const server_options options;
  const std::string good =
      "GET / HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  const auto replaced = [&](std::string_view what, std::string_view by) {
    std::string out = good;
    return out.replace(out.find(what), what.size(), by);
  };
  const std::vector<std::pair<std::string, std::string>> bad = {
      {replaced("GET", "POST"), "405"},
      {replaced("HTTP/1.1", "HTTP/1.0"), "505"},
      {replaced("Upgrade: websocket\r\n", ""), "400"},
      {replaced("Version: 13", "Version: 12"), "426"},
      {replaced("dGhlIHNhbXBsZSBub25jZQ==", "x"), "400"},
      {good + "Origin: http://elsewhere.example\r\n", "403"},
      {"GET /\r\n", "400"},
      {good + "X: " + std::string(10'000, 'x') + "\r\n", "431"}};
  for (const auto& [head, status] : bad) {
    CAPTURE(head.substr(0, 200), status);
    server_handshake handshake(options);
    exact_buffer request(head + "\r\n");
    REQUIRE(handshake.receive(request.view()) == handshake_status::done);
    CHECK_FALSE(handshake.accepted());
    CHECK_FALSE(handshake.agreement());
    const std::string response(text_of(handshake.response()));
    CHECK(response.substr(0, 13) == "HTTP/1.1 " + status + " ");
    CHECK(says_close(response));
    CHECK(response.find("Sec-WebSocket-Accept") == std::string::npos);
    // Nothing that comes behind opens it after all.
    exact_buffer again(good + "\r\n");
    CHECK(handshake.receive(again.view()) == handshake_status::done);
    CHECK_FALSE(handshake.agreement());
  }
  // Also when it is the application that refuses.
  server_handshake handshake(options);
  exact_buffer request(good + "\r\n");
  REQUIRE(handshake.receive(request.view()) == handshake_status::done);
  REQUIRE(handshake.accepted());
  REQUIRE(handshake.refuse({.status = 503}) == error::none);
  CHECK_FALSE(handshake.agreement());
  CHECK(says_close(text_of(handshake.response())));
}
