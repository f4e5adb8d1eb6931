// Streams of frames for the benchmarks, made by hand.
#ifndef SANSOCKET_TESTS_BENCH_FRAMES_HPP
#define SANSOCKET_TESTS_BENCH_FRAMES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/mask.hpp"

/// A client's frames, one a message, each with a key of its own.
inline std::vector<std::byte> client_frames(std::span<const std::string> messages, sansocket::opcode type) {
  std::vector<std::byte> stream;
  std::uint32_t random = 1;
  for (const std::string& message : messages) {
    sansocket::frame_header header{.opcode = type, .masked = true, .payload_length = message.size()};
    for (std::byte& byte : header.key)
      byte = static_cast<std::byte>((random = random * 1'664'525 + 1'013'904'223) >> 24U);
    std::array<std::byte, sansocket::max_frame_header_size> encoded;
    const std::size_t header_size = *encode_frame_header(header, encoded);
    stream.insert(stream.end(), encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(header_size));
    const std::size_t at = stream.size();
    const auto payload = std::as_bytes(std::span(message));
    stream.insert(stream.end(), payload.begin(), payload.end());
    sansocket::apply_mask(std::span(stream).subspan(at), header.key);
  }
  return stream;
}

#endif
