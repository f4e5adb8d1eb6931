#include "sansocket/sansocket.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

/// Either end; a client's masking keys are 00 01 02 03, 04 05 06 07, ...
struct foreseeable : default_policy {
  using random_source = counting_random;
};
template <role Own>
using endpoint = connection<Own, foreseeable>;

template <class Check>
void each_role(Check check) {
  check(std::integral_constant<role, role::server>{});
  check(std::integral_constant<role, role::client>{});
}

/// A frame as the other end sends it, put together by hand: a client masks, with the key 37 fa 21 3d.
/// Takes: at most 125 bytes of payload.
std::string frame_to(role receiver, unsigned first, std::string_view payload) {
  const std::size_t mask_bit = receiver == role::server ? 0x80 : 0;
  std::string out{static_cast<char>(first), static_cast<char>(mask_bit | payload.size())};
  if (receiver == role::client) return out.append(payload);
  const std::string key = from_hex("37 fa 21 3d");
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

/// What one end heard: its events in words, and the report if there was one.
struct heard {
  std::string words;
  close_report why;
};

/// Feeds a stream in chunks of `step` bytes, each gone when the next comes.
template <class Connection>
heard feed(Connection& ws, std::string_view stream, std::size_t step = ~std::size_t{0}) {
  heard out;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    ws.drain([&](const event& next) {
      constexpr std::array kinds = {"", "text(", "binary(", "ping(", "pong(", "closed("};
      out.words.append(kinds[static_cast<std::size_t>(next.type)]).append(next.text()).append(") ");
      if (next.type == event_type::closed) out.why = next.why;
    });
  }
  return out;
}

/// Gives the nonce of the RFC's example, whose answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.
struct sample_nonce {
  bool operator()(bytes out) const {
    constexpr std::string_view nonce = "the sample nonce";
    std::ranges::copy(bytes_of(std::string_view(nonce)).first(out.size()), out.begin());
    return true;
  }
};
using sample_handshake = basic_client_handshake<sample_nonce, openssl_sha1>;

}  // namespace

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
      CHECK(last.why.first == which_end::neither);
      CHECK(ws.buffered() == 0);
      CHECK(ws.transport() == transport_action::close);
      CHECK_FALSE(ws.poll());
    }
    CHECK(static_cast<unsigned>(close_code::abnormal) == 1006);
  });
}
