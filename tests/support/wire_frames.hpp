// Every kind of frame that one end can send, and the frames of a wire taken apart by hand.
#ifndef SANSOCKET_TESTS_WIRE_FRAMES_HPP
#define SANSOCKET_TESTS_WIRE_FRAMES_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "endpoints.hpp"

namespace sansocket::tests {

/// A frame as it lies on the wire.
struct wire_frame {
  unsigned first = 0;
  bool masked = false;
  std::string key;
  std::string payload;  // the mask, if there is one, taken off by hand
};

/// Takes a wire apart into its frames, by hand: of at most 125 bytes each.
inline std::vector<wire_frame> frames_of(std::string_view wire) {
  std::vector<wire_frame> out;
  while (!wire.empty()) {
    wire_frame frame;
    frame.first = static_cast<unsigned char>(wire.at(0));
    const auto second = static_cast<unsigned char>(wire.at(1));
    frame.masked = (second & 0x80U) != 0;
    wire.remove_prefix(2);
    if (frame.masked) frame.key = wire.substr(0, 4);
    wire.remove_prefix(frame.key.size());
    REQUIRE(wire.size() >= (second & 0x7FU));
    frame.payload = wire.substr(0, second & 0x7FU);
    wire.remove_prefix(frame.payload.size());
    for (std::size_t i = 0; frame.masked && i < frame.payload.size(); ++i) {
      frame.payload[i] = static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
    }
    out.push_back(frame);
  }
  return out;
}

/// Has one end send every kind of frame that it can send: the whole wire.
template <role Own>
std::string every_kind_of_frame(endpoint<Own>& ws) {
  REQUIRE(ws.send_text("whole") == error::none);
  REQUIRE(ws.send_binary({}) == error::none);
  REQUIRE(ws.send_text("fragmented") == error::none);  // more than the fragment size
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("first"), false) == error::none);
  REQUIRE(ws.send_ping(bytes_of("ping")) == error::none);
  REQUIRE(ws.send_pong(bytes_of("pong")) == error::none);
  feed(ws, frame_to(Own, 0x89, "asked"));
  REQUIRE(ws.send_piece(message_type::binary, bytes_of("last"), true) == error::none);
  if constexpr (Own == role::server) {
    REQUIRE(ws.send(*prepared_message::text("prep")) == error::none);
    REQUIRE(ws.send_lent(message_type::text, bytes_of("lent")) == error::none);
    REQUIRE(ws.settle() == error::none);
  }
  REQUIRE(ws.send_close(close_code::normal, "bye") == error::none);
  return std::string(text_of(ws.output()));
}

}  // namespace sansocket::tests

#endif
