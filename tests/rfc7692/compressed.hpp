// Both ends of a connection that agreed on compression, and what zlib itself makes of what they send.
#ifndef SANSOCKET_TESTS_RFC7692_COMPRESSED_HPP
#define SANSOCKET_TESTS_RFC7692_COMPRESSED_HPP

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "endpoints.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "wire_frames.hpp"

namespace sansocket::tests {

struct compressed_policy : foreseeable {
  template <role Role>
  using extension = permessage_deflate<Role>;
};

/// Either end of a connection.
template <role Own>
using compressed_end = connection<Own, compressed_policy>;

inline constexpr deflate_agreement fresh_each_time{.server_no_context_takeover = true,
                                                   .client_no_context_takeover = true};

/// The window bits of one end's own messages, the other's being 15.
template <role Own>
constexpr deflate_agreement own_window(std::uint8_t bits) {
  return {.server_max_window_bits = Own == role::server ? bits : std::uint8_t{15},
          .client_max_window_bits = Own == role::client ? bits : std::uint8_t{15}};
}

// §7.2.3.1 and §7.2.3.2.
inline const std::string hello = from_hex("f2 48 cd c9 c9 07 00");
inline const std::string hello_again = from_hex("f2 00 11 00 00");

/// All that waits to be sent, sent: frames of at most 125 bytes, taken apart by hand.
template <role Own>
std::vector<wire_frame> take_frames(compressed_end<Own>& ws) {
  const std::string wire(text_of(ws.output()));
  REQUIRE(ws.sent(wire.size()) == error::none);
  return frames_of(wire);
}

/// The first bytes and the payloads of those frames, in hex: "c1 f2 48 | 80 cd".
template <role Own>
std::string take_hex(compressed_end<Own>& ws) {
  std::string out;
  for (const wire_frame& frame : take_frames(ws)) {
    if (!out.empty()) out += " | ";
    out += to_hex(bytes_of(std::string_view(std::string(1, static_cast<char>(frame.first)) + frame.payload)));
  }
  return out;
}

/// The one payload of all frames that wait to be sent, of any size, without masks; they are sent.
template <role Own>
std::string take_payload(compressed_end<Own>& ws) {
  std::string wire(text_of(ws.output()));
  REQUIRE(ws.sent(wire.size()) == error::none);
  std::string out;
  for (std::size_t at = 0; at < wire.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(wire.at(at + i)); };
    std::size_t length = byte(1) & 0x7FU;
    std::size_t head = 2;
    if (length >= 126) {
      head = length == 126 ? 4 : 10;
      length = 0;
      for (std::size_t i = 2; i < head; ++i) length = length << 8U | byte(i);
    }
    const std::size_t key = Own == role::client ? 4 : 0;
    for (std::size_t i = 0; i < length; ++i) {
      const unsigned mask = key == 0 ? 0U : byte(head + i % 4);
      out += static_cast<char>(byte(head + key + i) ^ mask);
    }
    at += head + key + length;
  }
  return out;
}

/// zlib's own inflate on the payloads of whole messages.
class raw_inflater {
 public:
  explicit raw_inflater(int window_bits = 15) { REQUIRE(inflateInit2(&stream_, -window_bits) == Z_OK); }
  raw_inflater(const raw_inflater&) = delete;
  raw_inflater& operator=(const raw_inflater&) = delete;
  ~raw_inflater() { inflateEnd(&stream_); }

  /// Appends the four octets and inflates, a byte at a time, so that only the window is looked back at.
  /// Gives: "?" behind the text if that could not be done to the end.
  std::string operator()(std::string payload) {
    payload += from_hex("00 00 ff ff");
    stream_.next_in = static_cast<Bytef*>(static_cast<void*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    std::string text;
    for (;;) {
      Bytef one = 0;
      stream_.next_out = &one;
      stream_.avail_out = 1;
      const int code = inflate(&stream_, Z_SYNC_FLUSH);
      if (stream_.avail_out != 0)
        return (code == Z_OK || code == Z_BUF_ERROR) && stream_.avail_in == 0 ? text : text + "?";
      text += static_cast<char>(one);
    }
  }

 private:
  z_stream stream_{};
};

/// Bytes that do not compress, the same in every run.
inline std::string noise(std::size_t size) {
  std::string out;
  for (std::uint32_t state = 12345; out.size() < size;) {
    state = state * 1664525U + 1013904223U;
    out += static_cast<char>(state >> 24U);
  }
  return out;
}

}  // namespace sansocket::tests

#endif
