// Reads what the server answers: counts messages, checks their sizes, compares the first ones.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_LOAD_ANSWERS_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_LOAD_ANSWERS_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load_messages.hpp"
#include "raw_deflate.hpp"
#include "sansocket/codec/frame_header.hpp"
#include "sansocket/core/error_info.hpp"

/// The answers on one connection.
class load_answers {
 public:
  /// Takes: how many answers to compare byte for byte.
  explicit load_answers(std::uint64_t to_check) : to_check_(to_check) {}

  /// Reads on.
  /// Takes: `expected`, which gives the payload of the n-th answer from now on.
  /// Gives: how many answers have ended in the chunk.
  std::size_t take(sansocket::const_bytes chunk, auto expected) {
    std::size_t ended = 0;
    while (!chunk.empty() || (in_payload_ && left_ == 0)) {
      if (!in_payload_) {
        take_header(chunk);
        continue;
      }
      const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, chunk.size()));
      if (to_check_ != 0) kept_.insert(kept_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(part));
      chunk = chunk.subspan(part);
      left_ -= part;
      if (left_ != 0) continue;
      in_payload_ = false;
      if (closed_ || !fin_) continue;
      end_message(expected(ended));
      ++ended;
    }
    return ended;
  }

  /// The server has sent a Close frame.
  bool closed() const { return closed_; }

 private:
  void take_header(sansocket::const_bytes& chunk) {
    using sansocket::decode_frame_header;
    if (partial_.empty()) {
      const auto decoded = decode_frame_header(chunk);
      if (decoded.complete()) {
        begin_frame(decoded->header);
        chunk = chunk.subspan(decoded->size);
        return;
      }
      if (decoded.failed()) give_up("a frame header cannot be read:", message(decoded.error()));
    }
    partial_.push_back(chunk.front());
    chunk = chunk.subspan(1);
    const auto decoded = decode_frame_header(partial_);
    if (decoded.failed()) give_up("a frame header cannot be read:", message(decoded.error()));
    if (!decoded.complete()) return;
    partial_.clear();
    begin_frame(decoded->header);
  }

  void begin_frame(const sansocket::frame_header& header) {
    const auto fault = check_frame_header(header, sansocket::role::client, sansocket::rsv1);
    if (fault != sansocket::error::none) give_up("a frame is not allowed:", message(fault));
    left_ = header.payload_length;
    in_payload_ = true;
    closed_ = closed_ || header.opcode == sansocket::opcode::close;
    if (is_control(header.opcode)) {
      if (!closed_) give_up("the server pings: a run is too long");
      return;
    }
    if (header.opcode != sansocket::opcode::continuation) compressed_ = header.rsv != 0;
    fin_ = header.fin;
    size_ += header.payload_length;
  }

  void end_message(sansocket::const_bytes expected) {
    if (!compressed_ && size_ != expected.size()) give_up("an answer has the wrong size:", std::to_string(size_));
    size_ = 0;
    if (to_check_ == 0) return;
    if (!std::ranges::equal(compressed_ ? inflated(expected.size()) : kept_, expected)) give_up("an answer is wrong");
    if (--to_check_ == 0) inflater_.reset();
    kept_ = {};
  }

  std::vector<std::byte> inflated(std::size_t expected_size) {
    if (!inflater_) inflater_ = std::make_unique<message_inflater>();
    return inflater_->inflate_message(std::move(kept_), expected_size);
  }

  std::uint64_t to_check_;
  std::vector<std::byte> partial_;  // of a header that is cut
  std::vector<std::byte> kept_;     // of an answer that is to be compared
  std::unique_ptr<message_inflater> inflater_;
  std::uint64_t left_ = 0;  // of the frame's payload
  std::uint64_t size_ = 0;  // of the message so far
  bool in_payload_ = false;
  bool fin_ = false;
  bool compressed_ = false;
  bool closed_ = false;
};

#endif
