// Looks on while frames travel one way, and puts each of them into words.
#ifndef SANSOCKET_EXAMPLES_DEMO_WIRE_TAP_HPP
#define SANSOCKET_EXAMPLES_DEMO_WIRE_TAP_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sansocket/codec/describe.hpp"

/// Follows a stream of frames however it is cut. It changes nothing, and keeps no more of a frame
/// than its header and the first bytes of its payload.
class wire_tap {
 public:
  /// Takes: the next bytes as they travel. Those that come in must be shown before receive() gets
  ///        them, because the connection unmasks them where they lie.
  /// Calls: `show(std::string_view words)` for each frame, once as much of it was seen as is shown, and
  ///        `end(std::uint64_t size, bool compressed)` behind the last frame of each message.
  template <class Show, class End>
  void follow(sansocket::const_bytes chunk, Show&& show, End&& end) {
    while (!chunk.empty() && !lost_) {
      if (unseen_ != 0) {
        const std::size_t passing = std::min<std::uint64_t>(unseen_, chunk.size());
        unseen_ -= passing;
        chunk = chunk.subspan(passing);
        continue;
      }
      front_[size_++] = chunk.front();
      chunk = chunk.subspan(1);
      const sansocket::const_bytes front = sansocket::const_bytes(front_).first(size_);
      const auto decoded = sansocket::decode_frame_header(front);
      lost_ = decoded.failed();  // nothing says where the next frame begins
      if (!lost_ && (!decoded.complete() || size_ < decoded->size + shown_of(decoded->header))) continue;
      show(sansocket::describe_frame(front).view());
      add_up(decoded->header, end);
      unseen_ = decoded->header.payload_length - shown_of(decoded->header);
      size_ = 0;
    }
  }

 private:
  static constexpr std::size_t most_shown = sansocket::max_control_payload;

  static std::size_t shown_of(const sansocket::frame_header& header) {
    return std::min<std::uint64_t>(header.payload_length, most_shown);
  }

  template <class End>
  void add_up(const sansocket::frame_header& header, End& end) {
    if (is_control(header.opcode)) return;
    if (header.opcode != sansocket::opcode::continuation) {
      message_size_ = 0;
      compressed_ = (header.rsv & sansocket::rsv1) != 0;
    }
    message_size_ += header.payload_length;
    if (header.fin) end(message_size_, compressed_);
  }

  std::array<std::byte, sansocket::max_frame_header_size + most_shown> front_{};
  std::size_t size_ = 0;            // bytes of the frame at hand that are in front_
  std::uint64_t unseen_ = 0;        // bytes of the last frame's payload that are still to come
  std::uint64_t message_size_ = 0;  // of the message's payload so far, as it travels
  bool compressed_ = false;
  bool lost_ = false;
};

#endif
