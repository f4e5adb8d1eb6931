// The output of a connection: frames that wait to be sent (§6.1, §5.5.2, §5.5.3).
#ifndef SANSOCKET_CONNECTION_FRAME_WRITER_HPP
#define SANSOCKET_CONNECTION_FRAME_WRITER_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/mask.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/crypto/random.hpp"

namespace sansocket {

/// Stands where a server has no random source: it never masks.
struct no_random {};

namespace detail {

template <role Role, class Policy>
struct random_of {
  using type = no_random;
};
template <class Policy>
struct random_of<role::client, Policy> {
  using type = typename Policy::random_source;
};

}  // namespace detail

/// A part of connection, not for applications: it may change.
///
/// Encodes frames into one buffer that is drained from the front, with at most one payload of the
/// caller's lent in between. Control frames always fit; messages obey the high-water mark.
template <role Role, byte_buffer Buffer, class Random>
class frame_writer {
 public:
  static constexpr bool masks = Role == role::client;

  /// What messages leave free in a fixed buffer: a pong that is being sent and one that waits, a ping, a Close.
  static constexpr std::size_t control_reserve =
      4 * (2 + max_control_payload + (Role == role::client ? sizeof(masking_key) : 0));
  static_assert(Buffer::max_size() > control_reserve, "the output buffer has no room for messages");

  explicit frame_writer(Random random) noexcept : random_(std::move(random)) {}

  /// Bytes that wait to be sent.
  std::size_t size() const noexcept { return buffer_.size() - begin_ + lent_.size(); }

  /// The bytes to send next, in up to three runs.
  std::array<const_bytes, 3> runs() const noexcept {
    const const_bytes own = buffer_.view();
    if (lent_.empty()) return {own.subspan(begin_), {}, {}};
    // In two pieces, as it was written just now: read as one it would have to wait for both.
    const const_bytes lent(lent_.data(), lent_.size());
    return {own.subspan(begin_, lent_at_ - begin_), lent, own.subspan(lent_at_)};
  }

  /// Says that the first `count` of those bytes were sent.
  /// Errors: sent_too_much.
  [[nodiscard]] error sent(std::size_t count) noexcept {
    if (count > size()) return error::sent_too_much;
    if (!lent_.empty()) {
      const std::size_t before = std::min(count, lent_at_ - begin_);
      begin_ += before;
      count -= before;
      const std::size_t lent = std::min(count, lent_.size());
      lent_ = lent_.subspan(lent);
      count -= lent;
    }
    begin_ += count;
    if (size() == 0) reset();
    return error::none;
  }

  /// Says whether a message of so many bytes, headers included, may be queued.
  /// Errors: would_block; buffer_full if it never will.
  error check_room(std::size_t count, std::uint64_t high_water) const noexcept {
    constexpr std::size_t room = Buffer::max_size() - control_reserve;
    if (count > room) return error::buffer_full;
    const std::size_t waiting = size();
    if (waiting > room - count) return error::would_block;
    // A message that is larger than the mark by itself goes when nothing else waits.
    return waiting != 0 && (waiting >= high_water || count > high_water - waiting) ? error::would_block : error::none;
  }

  /// Queues one frame.
  /// Errors: random_failed, out_of_memory, buffer_full; nothing is queued then.
  [[nodiscard, gnu::always_inline]] error add(frame_header header, const_bytes payload) noexcept {
    header.payload_length = payload.size();
    const result<bytes> room = add_header(header, payload.size());
    if (!room) return room.error();
    if (Role == role::client || is_control(header.opcode)) copy_masked(*room, payload, header.key);
    else copy(*room, payload);
    return error::none;
  }

  /// Queues one frame whose payload stays where it is; no other may be lent.
  [[nodiscard, gnu::always_inline]] error add_lent(frame_header header, const_bytes payload) noexcept
    requires(Role == role::server)
  {
    header.payload_length = payload.size();
    const result<bytes> room = add_header(header, 0);
    if (room) lend(payload);
    return room.error();
  }

  /// Queues bytes that are frames already.
  [[nodiscard]] error add_encoded(const_bytes frames) noexcept {
    make_room(frames.size());
    return append(buffer_, frames) ? error::none : no_room;
  }

  /// Queues bytes that are frames already and that stay where they are; no others may be lent.
  void lend(const_bytes frames) noexcept {
    lent_ = frames;
    lent_at_ = buffer_.size();
  }

  bool lends() const noexcept { return !lent_.empty(); }

  /// Takes over what is lent.
  /// Takes:  how much of a fixed buffer is to stay free.
  /// Errors: out_of_memory, buffer_full; all stays as it was then.
  [[nodiscard]] error settle(std::size_t reserve = control_reserve) noexcept {
    if (lent_.empty()) return error::none;
    if (size() > Buffer::max_size() - reserve) return no_room;
    const std::size_t behind = buffer_.size() - lent_at_;
    const std::size_t count = lent_.size();
    make_room(count);
    if (buffer_.extend(count, Buffer::max_size()).empty()) return no_room;
    const bytes gap = buffer_.view().subspan(lent_at_);
    if (behind != 0) std::memmove(gap.subspan(count).data(), gap.data(), behind);
    std::memcpy(gap.data(), lent_.data(), count);
    if (pong_at_ != nowhere && pong_at_ >= lent_at_) pong_at_ += count;
    if (ping_end_ > lent_at_) ping_end_ += count;
    lent_ = {};
    return error::none;
  }

  /// Queues the answer to a ping; an earlier one that is not being sent yet makes way. §5.5.3: an
  /// endpoint "MAY elect to send a Pong frame for only the most recently processed Ping frame".
  [[nodiscard]] error add_pong(const_bytes payload) noexcept {
    if (pong_at_ != nowhere && pong_at_ >= begin_) {
      const std::size_t payload_size = value_of(buffer_.view()[pong_at_ + 1]) & 0x7FU;
      remove(pong_at_, frame_header_size(payload_size, Role == role::client) + payload_size);
    }
    pong_at_ = nowhere;
    const std::size_t before = size();
    const error fault = add({.opcode = opcode::pong}, payload);
    if (fault == error::none) pong_at_ = buffer_.size() - (size() - before);
    return fault;
  }

  /// Queues a ping.
  [[nodiscard]] error add_ping(const_bytes payload) noexcept {
    const error fault = add({.opcode = opcode::ping}, payload);
    if (fault == error::none) ping_end_ = buffer_.size();
    return fault;
  }

  /// A ping waits to be sent, or its last byte does.
  bool ping_waits() const noexcept { return ping_end_ > begin_; }

  /// Takes back the last bytes that were queued.
  void take_back(std::size_t count) noexcept { buffer_.truncate(buffer_.size() - count); }

  /// Hands over the buffer with all that waits in it, as if it were sent.
  Buffer take() noexcept {
    buffer_.erase(0, begin_);
    Buffer taken = std::move(buffer_);
    buffer_ = Buffer();
    reset();
    return taken;
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};
  static constexpr error no_room =
      Buffer::max_size() < heap_buffer::max_size() ? error::buffer_full : error::out_of_memory;

  /// A zero key copies a few bytes quicker than memcpy does, and much where memcpy has a hole on some
  /// processors: where the two places lie little more than pages apart.
  static void copy(bytes to, const_bytes from) noexcept {
    constexpr std::size_t few = 512;
    const auto apart = (std::bit_cast<std::uintptr_t>(to.data()) - std::bit_cast<std::uintptr_t>(from.data())) % 4096;
    if (from.size() < few || apart < 256) detail::mask(to.data(), from.data(), from.size(), 0);
    else std::memcpy(to.data(), from.data(), from.size());
  }

  /// Queues a header and makes room for so many bytes of payload behind it.
  /// Gives: that room.
  [[gnu::always_inline]] result<bytes> add_header(frame_header& header, std::size_t payload_room) noexcept {
    if constexpr (Role == role::client) {
      header.masked = true;
      // §5.3: "The masking key needs to be unpredictable" and, §10.3, a fresh one for every frame.
      if (!random_(bytes(header.key))) return error::random_failed;
    }
    const std::size_t size = frame_header_size(header.payload_length, masks);
    if (size + payload_room > buffer_.capacity() - buffer_.size()) make_room(size + payload_room);
    const bytes room = buffer_.extend(size + payload_room, Buffer::max_size());
    if (room.empty()) return no_room;
    detail::store_frame_header(header, room.data());
    return room.subspan(size);
  }

  /// Moves what waits to the front of the buffer where that is cheaper than growing.
  void make_room(std::size_t count) noexcept {
    const bool fits = count <= buffer_.capacity() - buffer_.size();
    if (fits || begin_ == 0 || (begin_ < buffer_.size() / 2 && buffer_.capacity() < Buffer::max_size())) return;
    const std::size_t gone = begin_;
    begin_ = 0;
    buffer_.erase(0, gone);
    shift(0, gone);
    if (pong_at_ != nowhere && pong_at_ < gone) pong_at_ = nowhere;
    else if (pong_at_ != nowhere) pong_at_ -= gone;
  }

  /// Takes bytes out of the middle.
  void remove(std::size_t position, std::size_t count) noexcept {
    buffer_.erase(position, count);
    shift(position, count);
  }

  /// Keeps the marks where they belong after `count` bytes at `position` have gone.
  void shift(std::size_t position, std::size_t count) noexcept {
    if (lent_at_ > position) lent_at_ -= count;
    if (ping_end_ > position) ping_end_ -= std::min(ping_end_, count);
  }

  void reset() noexcept {
    buffer_.release();
    begin_ = 0;
    lent_ = {};
    pong_at_ = nowhere;
    ping_end_ = 0;
  }

  Buffer buffer_;
  std::size_t begin_ = 0;          // bytes at the front of buffer_ that were sent
  const_bytes lent_;               // what the caller lends, as far as it is not sent
  std::size_t lent_at_ = 0;        // where in buffer_ it belongs; never before begin_ while lent_ holds any
  std::size_t pong_at_ = nowhere;  // where in buffer_ the last pong begins
  std::size_t ping_end_ = 0;       // where in buffer_ the last ping ends; 0 if there is none
  [[no_unique_address]] Random random_;
};

}  // namespace sansocket

#endif
