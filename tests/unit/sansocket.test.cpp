#include "sansocket/sansocket.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

constexpr std::array<std::string_view, 2> subprotocols = {"chat.v2", "chat"};

/// Takes what one end has to send off it.
template <class Connection>
std::string take(Connection& from) {
  std::string wire;
  for (const const_bytes run : from.output_runs()) wire += text_of(run);
  REQUIRE(from.sent(wire.size()) == error::none);
  return wire;
}

/// Gives bytes to one end in chunks of `step`: the texts that come of it, and "." for the end.
template <class Connection>
std::string give(Connection& to, std::string_view wire, std::size_t step) {
  std::string heard;
  const auto hear = [&](const event& next) {
    heard += next.type == event_type::closed ? "." : std::string(next.text()) + " ";
  };
  to.drain(hear);  // what came behind the handshake's head
  for (; !wire.empty(); wire.remove_prefix(std::min(step, wire.size()))) {
    exact_buffer chunk(wire.substr(0, step));
    REQUIRE(to.receive(chunk.view()) == error::none);
    to.drain(hear);
  }
  return heard;
}

}  // namespace

TEST_CASE("sansocket: a client and a server shake hands and talk, in memory", "[sansocket]") {
  for (const std::size_t step : {1U, 2U, 7U, 100U, 10'000U}) {
    CAPTURE(step);
    const client_options asked{.subprotocols = subprotocols};
    client_handshake asking("ws://server.example.com/chat", asked);
    const server_options offered{.subprotocols = std::span(subprotocols).last(1)};
    server_handshake answering(offered);

    const std::string request(text_of(asking.request()));
    std::optional<exact_buffer> last_of_request;
    for (std::size_t at = 0; at < request.size(); at += step) {
      last_of_request.emplace(request.substr(at, step));
      const bool last = at + step >= request.size();
      CHECK(answering.receive(last_of_request->view()) ==
            (last ? handshake_status::done : handshake_status::need_more));
    }
    REQUIRE(answering.accepted());
    REQUIRE(answering.agreement());
    server_connection server(*answering.agreement());

    // The server speaks first: its message is in the same stream as its response.
    REQUIRE(server.send_text("welcome") == error::none);
    const std::string response = std::string(text_of(answering.response())) + take(server);
    std::optional<exact_buffer> chunk;
    std::size_t at = 0;
    for (; asking.status() == client_status::need_more; at += step) {
      REQUIRE(at < response.size());
      chunk.emplace(response.substr(at, step));
      (void)asking.receive(chunk->view());
    }
    REQUIRE(asking.status() == client_status::accepted);
    CHECK(asking.agreement()->subprotocol() == "chat");
    CHECK(answering.agreement()->subprotocol() == "chat");
    client_connection client(*asking.agreement());
    CHECK(give(client, response.substr(std::min(at, response.size())), step) == "welcome ");

    REQUIRE(client.send_text("hello") == error::none);
    REQUIRE(client.send_piece(message_type::text, bytes_of("how "), false) == error::none);
    REQUIRE(client.send_piece(message_type::text, bytes_of("are you"), true) == error::none);
    CHECK(give(server, take(client), step) == "hello how are you ");
    const auto prepared = prepared_message::text("to many");
    REQUIRE(prepared);
    REQUIRE(server.send_lent(*prepared) == error::none);
    CHECK(give(client, take(server), step) == "to many ");
    const exact_buffer picture(70'000);
    REQUIRE(server.send_lent(message_type::binary, picture.view()) == error::none);
    CHECK(give(client, take(server), std::max<std::size_t>(step, 50)) == picture.text() + " ");

    REQUIRE(client.send_ping(bytes_of("there?")) == error::none);
    CHECK(give(server, take(client), step) == "there? ");
    CHECK(give(client, take(server), step) == "there? ");

    REQUIRE(client.send_close(close_code::normal, "bye") == error::none);
    CHECK(give(server, take(client), step) == ".");
    CHECK(give(client, take(server), step) == ".");
    CHECK(server.transport() == transport_action::close);
    CHECK(client.transport() == transport_action::await_eof);
    client.receive_eof();
    CHECK(client.transport() == transport_action::close);
  }
}

TEST_CASE("sansocket: what a client sends behind its request is not lost", "[sansocket][4.2.2]") {
  const server_options options;
  const std::string head =
      "GET / HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  const std::string stream = head + from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    server_handshake handshake(options);
    exact_buffer first(stream.substr(0, cut));
    exact_buffer second(stream.substr(cut));
    const bool done = handshake.receive(first.view()) == handshake_status::done;
    if (!done) REQUIRE(handshake.receive(second.view()) == handshake_status::done);
    REQUIRE(handshake.agreement());
    server_connection ws(*handshake.agreement());
    CHECK(give(ws, done ? second.text() : "", 100) == "Hello ");
  }
}

TEST_CASE("sansocket: says what went wrong in words", "[sansocket]") {
  const std::error_code broken = error::mask_missing;
  CHECK(broken.category() == error_category());
  CHECK(broken.message() == "a client's frame is not masked (RFC 6455 §5.1)");
}
