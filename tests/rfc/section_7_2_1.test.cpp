#include "sansocket/sansocket.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "sample_nonce.hpp"

using namespace sansocket;
using sansocket::tests::each_role;
using sansocket::tests::endpoint;
using sansocket::tests::exact_buffer;
using sansocket::tests::feed;
using sansocket::tests::frame_to;
using sansocket::tests::sample_handshake;
using sansocket::tests::sample_nonce;

TEST_CASE("7.2.1: an opening handshake that has failed stays failed, reads no more and opens no connection",
          "[7.2.1]") {
  const client_options options;
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  {
    sample_handshake handshake("ws://server.example.com/", options);
    exact_buffer response(good);
    CHECK(handshake.receive(response.view()) == client_status::accepted);
    CHECK(handshake.agreement());
  }
  const std::vector<std::pair<std::string, error>> bad = {
      {"nonsense\r\n\r\n", error::status_line_malformed},
      {"HTTP/1.1 101 Switching Protocols\r\nbad line\r\n\r\n", error::field_malformed},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
       error::accept_mismatch},
      {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", error::upgrade_not_confirmed}};
  for (const auto& [text, what] : bad) {
    CAPTURE(text);
    sample_handshake handshake("ws://server.example.com/", options);
    exact_buffer response(text);
    CHECK(handshake.receive(response.view()) == client_status::failed);
    CHECK(handshake.error() == what);
    CHECK_FALSE(handshake.agreement());
    // What comes now is not read: a response that would have been right, then the end.
    exact_buffer late(good);
    CHECK(handshake.receive(late.view()) == client_status::failed);
    CHECK(late.text() == good);
    CHECK(handshake.receive_eof() == client_status::failed);
    CHECK(handshake.status() == client_status::failed);
    CHECK(handshake.error() == what);
    CHECK_FALSE(handshake.agreement());
  }
  sample_handshake lost("ws://server.example.com/", options);
  exact_buffer part(good.substr(0, 40));
  CHECK(lost.receive(part.view()) == client_status::need_more);
  CHECK(lost.receive_eof() == client_status::failed);
  CHECK(lost.error() == error::head_cut);
  exact_buffer rest(good.substr(40));
  CHECK(lost.receive(rest.view()) == client_status::failed);
  CHECK_FALSE(lost.agreement());
}

TEST_CASE("7.2.1: the end of the transport without a Close closes the connection with 1006 and sends nothing",
          "[7.2.1]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x01, "a") + frame_to(own, 0x80, "b");
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
      CAPTURE(own() == role::server, cut);
      endpoint<own()> ws;
      CHECK(feed(ws, stream.substr(0, cut)).words.empty());
      ws.receive_eof();
      const event last = ws.poll();
      REQUIRE(last.type == event_type::closed);
      CHECK(last.why.fault == error::connection_cut);
      CHECK(last.why.received == close_code::abnormal);
      CHECK(last.why.sent == close_code::none);
      CHECK(last.why.initiator == which_end::neither);
      CHECK(ws.buffered() == 0);
      CHECK(ws.transport() == transport_action::close);
      CHECK_FALSE(ws.poll());
    }
    CHECK(static_cast<unsigned>(close_code::abnormal) == 1006);
  });
}
