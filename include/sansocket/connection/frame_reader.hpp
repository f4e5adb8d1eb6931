// Takes a stream of bytes apart into headers and runs of payload (§5.2, §5.3).
#ifndef SANSOCKET_CONNECTION_FRAME_READER_HPP
#define SANSOCKET_CONNECTION_FRAME_READER_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/mask.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/core/role.hpp"

namespace sansocket {

/// A part of connection, not for applications: it may change.
///
/// Where in which frame the stream stands. It keeps a header that is cut, never any payload.
template <role Role>
class frame_reader {
 public:
  /// A data frame that is a whole message and lies whole in the input, found without a copy of its header.
  struct whole_frame {
    std::size_t header = 0;  // bytes; 0 if there is no such frame at the front
    std::size_t length = 0;  // of the payload
    bool is_text = false;
  };

  /// Takes: the input as a pointer and a size: as a span it would be read in one piece just after it was
  ///        written in two, for which processors stop.
  static whole_frame find_whole(const std::byte* input, std::size_t size) noexcept {
    if (size < 2) return {};
    // §5.2: FIN, no RSV, text or binary: 0x81 or 0x82; and MASK as it must be.
    const unsigned type = value_of(input[0]) - 0x81U;
    const unsigned length7 = value_of(input[1]) ^ (Role == role::server ? 0x80U : 0U);
    whole_frame found{.header = Role == role::server ? 6U : 2U, .length = length7, .is_text = type == 0};
    if (type > 1 || length7 > 126) return {};
    if (length7 == 126) {
      if (size < 4) return {};
      found.length = static_cast<std::size_t>(detail::load_big_endian(std::span<const std::byte, 2>(input + 2, 2)));
      found.header += 2;
      if (found.length < 126) return {};
    }
    return size < found.header + found.length ? whole_frame() : found;
  }

  /// A header was read and its payload is not used up.
  bool in_frame() const noexcept { return in_frame_; }

  /// Neither a frame nor a cut header is at hand.
  bool at_rest() const noexcept { return !in_frame_ && held_ == 0; }

  enum opcode opcode() const noexcept { return frame_.opcode; }
  bool fin() const noexcept { return frame_.fin; }
  std::uint8_t rsv() const noexcept { return frame_.rsv; }

  /// Bytes of the payload that are still to come.
  std::uint64_t remaining() const noexcept { return frame_.payload_length; }

  /// Reads the next header and takes it off the input.
  /// Takes:  `rule(first_two)`, which judges what decode_first_two gives, before the length is read.
  /// Gives:  the header; or need_more, with the input used up.
  /// Errors: those of the rule; length_not_minimal, length_msb_set.
  /// Cost:   O(1).
  template <class Rule>
  partial<frame_header> read_header(bytes& input, Rule rule) noexcept {
    const_bytes stream = input;
    if (held_ != 0) {
      const std::size_t count = std::min(header_.size() - held_, input.size());
      std::copy_n(input.begin(), count, header_.begin() + held_);
      stream = const_bytes(header_).first(held_ + count);
    }
    if (stream.size() >= 2) {
      if (const error broken = rule(decode_first_two(stream[0], stream[1])); broken != error::none) return broken;
    }
    const auto decoded = decode_frame_header(stream);
    if (decoded.failed()) return decoded.error();
    if (!decoded.complete()) {
      if (held_ == 0) std::ranges::copy(input, header_.begin());
      held_ = static_cast<std::uint8_t>(stream.size());
      input = {};
      return partial<frame_header>::need_more(decoded.missing());
    }
    input = input.subspan(decoded->size - held_);
    held_ = 0;
    frame_ = decoded->header;
    in_frame_ = true;
    return frame_;
  }

  /// Takes as much of the payload as there is off the input and unmasks it in place.
  bytes take_payload(bytes& input) noexcept {
    const bytes run = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining(), input.size())));
    if constexpr (Role == role::server) apply_mask(run, frame_.key);
    used(run.size(), input);
    return run;
  }

  /// Takes as much of the payload as fills `to` off the input, unmasked on the way; `to` may be the place
  /// where it lies.
  /// Takes: a `to` that is no longer than the input and what remains of the payload.
  /// Gives: whether it is ASCII, as far as that is known.
  bool copy_payload(bytes to, bytes& input) noexcept {
    bool ascii = false;
    if (Role == role::server || to.data() != input.data()) {
      ascii = detail::mask(to.data(), input.data(), to.size(), std::bit_cast<std::uint32_t>(frame_.key));
    }
    used(to.size(), input);
    return ascii;
  }

  /// Unmasks in place what there is of the payload, `most` bytes of it, and leaves it in the input.
  bytes uncover(bytes input, std::size_t most) noexcept {
    const std::size_t count = std::min(input.size(), most);
    const bytes run = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining(), count)));
    if constexpr (Role == role::server) apply_mask(run, frame_.key);
    return run;
  }

  /// Takes the first `count` bytes of what was uncovered off the input, and masks the rest again.
  void take_uncovered(bytes run, std::size_t count, bytes& input) noexcept {
    if constexpr (Role == role::server) apply_mask(run.subspan(count), frame_.key, count);
    used(count, input);
  }

 private:
  void used(std::size_t count, bytes& input) noexcept {
    input = input.subspan(count);
    frame_.payload_length -= count;
    frame_.key = rotated(frame_.key, count);
    in_frame_ = frame_.payload_length != 0;
  }

  frame_header frame_;  // payload_length and key are those of what remains
  std::array<std::byte, max_frame_header_size> header_{};
  std::uint8_t held_ = 0;  // bytes of a cut header in header_
  bool in_frame_ = false;
};

}  // namespace sansocket

#endif
