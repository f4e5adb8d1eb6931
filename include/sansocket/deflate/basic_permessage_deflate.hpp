// permessage-deflate as the extension of a connection, over any back-end (RFC 7692 §7.2).
#ifndef SANSOCKET_DEFLATE_BASIC_PERMESSAGE_DEFLATE_HPP
#define SANSOCKET_DEFLATE_BASIC_PERMESSAGE_DEFLATE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "sansocket/connection/extension.hpp"
#include "sansocket/core/agreement.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/limits.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/deflate/deflate_pool.hpp"

namespace sansocket {

/// Compresses and inflates the messages of one connection. With a back-end of your own:
///
///     struct policy : sansocket::default_policy {
///       template <sansocket::role Role>
///       using extension = sansocket::basic_permessage_deflate<Role, my_backend>;
///     };
///     sansocket::basic_deflate_pool<my_backend> pool;
///     sansocket::connection<sansocket::role::server, policy> ws(agreed, {agreed.deflate(), pool});
///
/// Streams are made with the first message that needs one. Where context is taken over they stay until
/// the connection ends, of a small window only the window; otherwise they are the pool's after every
/// message.
template <role Role, deflate_backend Backend>
class basic_permessage_deflate {
 public:
  using pool_type = basic_deflate_pool<Backend>;

  /// Takes: what was agreed, if it was, and a pool that outlives this.
  basic_permessage_deflate(const std::optional<deflate_agreement>& agreed, pool_type& pool) noexcept
      : pool_(&pool), active_(agreed.has_value()) {
    if (!agreed) return;
    const bool server = Role == role::server;
    const auto bits = [](std::uint8_t given) { return std::clamp<std::uint8_t>(given, 8, 15); };
    own_bits_ = bits(server ? agreed->server_max_window_bits : agreed->client_max_window_bits);
    peer_bits_ = bits(server ? agreed->client_max_window_bits : agreed->server_max_window_bits);
    own_takeover_ = !(server ? agreed->server_no_context_takeover : agreed->client_no_context_takeover);
    peer_takeover_ = !(server ? agreed->client_no_context_takeover : agreed->server_no_context_takeover);
  }

  /// It was agreed on; otherwise messages travel as they are.
  bool active() const noexcept { return active_; }

  /// Inflates a part of a message's payload, and what its end stands for behind the last part.
  /// Errors: compressed_data_invalid, compressed_ratio_too_high, out_of_memory.
  transform_step inflate(const_bytes in, bytes out, bool end) noexcept {
    if (!inflater_ && !make_inflater()) return {.fault = error::out_of_memory};
    if (pool_->settings().max_ratio == unlimited) return run(in, out, end);
    // Every KiB of the payload has its own bound, and all that comes of it has come before the next one
    // begins: so it does not matter how the payload and the room are cut.
    transform_step all;
    do {
      const std::size_t left_of_step = full_ ? 0 : ratio_step - static_cast<std::size_t>(taken_ % ratio_step);
      const const_bytes part = in.subspan(all.used, std::min(in.size() - all.used, left_of_step));
      const bool last = end && all.used + part.size() == in.size();
      const transform_step step = run_bounded(part, out.subspan(all.made), last);
      all.used += step.used;
      all.made += step.made;
      all.fault = step.fault;
      full_ = all.made == out.size();
      if (!part.empty() && step.used == 0 && step.made == 0) break;  // a back-end that takes nothing
    } while (all.fault == error::none && !full_ && all.used != in.size());
    return all;
  }

  /// Says whether the payload was whole blocks and no more, and makes ready for the next message.
  /// Errors: compressed_data_invalid.
  error finish_inflate() noexcept {
    // Behind a block that is marked as the last, nothing stands for the end of the message.
    const bool final = inflater_->since_final_block() == tail.size();
    const bool whole = tail_used_ == tail.size() && (inflater_->at_block_end() || final);
    const bool bomb = made_ > most_inflated(taken_);
    taken_ = made_ = 0;
    tail_used_ = 0;
    full_ = false;
    if (!whole) return error::compressed_data_invalid;
    if (bomb) return error::compressed_ratio_too_high;
    if (!inflater_->at_block_end() && !inflater_->forget_block()) return error::out_of_memory;
    if (keeps_inflater()) return error::none;
    if (peer_takeover_ && !keep_window()) return error::out_of_memory;
    pool_->give_back(std::move(inflater_));
    return error::none;
  }

  /// Says whether a message of so many bytes is to be compressed.
  bool wants(std::size_t size) const noexcept {
    return active_ && size >= pool_->settings().threshold && own_bits_ >= Backend::deflater::min_window_bits;
  }

  /// Compresses a part of a message.
  /// Errors: out_of_memory.
  transform_step deflate(const_bytes in, bytes out) noexcept {
    if (!deflater_ && !make_deflater()) return {.fault = error::out_of_memory};
    return deflater_->deflate(in, out);
  }

  /// Ends a message: if it was not `sent` like that, the peer has not seen it, so its context goes.
  void finish_deflate(bool sent) noexcept {
    if (!deflater_) return;
    if (!own_takeover_) pool_->give_back(std::move(deflater_), own_bits_);
    else if (!sent && !deflater_->reset()) deflater_.reset();
  }

  /// The window that a message may use that was compressed elsewhere; 0 if none can be sent.
  std::uint8_t independent_window_bits() const noexcept {
    return active_ && !own_takeover_ ? own_bits_ : std::uint8_t{0};
  }

  /// Gives back all memory; nothing more is compressed or inflated.
  void release() noexcept {
    inflater_.reset();
    deflater_.reset();
    window_.release();
  }

 private:
  /// RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
  static constexpr std::array tail{std::byte{0x00}, std::byte{0x00}, std::byte{0xFF}, std::byte{0xFF}};
  static constexpr std::uint64_t ratio_floor = 64 * 1024;
  static constexpr std::uint64_t ratio_step = 1024;

  /// How many bytes may come of so many.
  std::uint64_t most_inflated(std::uint64_t size) const noexcept {
    const std::uint64_t ratio = pool_->settings().max_ratio;
    return size != 0 && ratio > unlimited / size ? unlimited : std::max(ratio_floor, size * ratio);
  }

  /// Runs with no more room than the ratio leaves.
  transform_step run_bounded(const_bytes in, bytes out, bool end) noexcept {
    const std::uint64_t steps = (taken_ + in.size() + ratio_step - 1) / ratio_step;
    const std::uint64_t left = most_inflated(steps * ratio_step) - made_;
    if (out.size() <= left) return run(in, out, end);
    transform_step step;
    if (left != 0) step = run(in, out.first(static_cast<std::size_t>(left)), end);
    if (step.made != left || step.fault != error::none) return step;
    // Nothing more may come; does anything?
    const transform_step more = run(in.subspan(step.used), out.subspan(step.made, 1), end);
    step.used += more.used;
    step.fault = more.made != 0 ? error::compressed_ratio_too_high : more.fault;
    return step;
  }

  transform_step run(const_bytes in, bytes out, bool end) noexcept {
    transform_step step;
    if (!end) step = inflater_->inflate(in, out);
    else if (in.size() <= short_payload && tail_used_ == 0) step = run_with_tail(in, out);
    else step = run_then_tail(in, out);
    taken_ += step.used;
    made_ += step.made;
    return step;
  }

  /// A short payload and the tail in one call: a call of its own would cost as much as a short payload.
  transform_step run_with_tail(const_bytes in, bytes out) noexcept {
    std::array<std::byte, short_payload + tail.size()> both;
    std::ranges::copy(in, both.begin());
    std::ranges::copy(tail, both.begin() + static_cast<std::ptrdiff_t>(in.size()));
    transform_step step = inflater_->inflate(const_bytes(both).first(in.size() + tail.size()), out);
    if (step.used > in.size()) {
      tail_used_ = static_cast<std::uint8_t>(step.used - in.size());
      step.used = in.size();
    }
    return step;
  }

  transform_step run_then_tail(const_bytes in, bytes out) noexcept {
    transform_step step;
    if (!in.empty()) step = inflater_->inflate(in, out);
    if (step.used != in.size() || step.made == out.size() || step.fault != error::none) return step;
    const transform_step rest = inflater_->inflate(const_bytes(tail).subspan(tail_used_), out.subspan(step.made));
    tail_used_ = static_cast<std::uint8_t>(tail_used_ + rest.used);
    return {.used = step.used, .made = step.made + rest.made, .fault = rest.fault};
  }

  /// With context taken over and a large window, the stream itself is kept between messages. Of a small
  /// window it is only the window: that is much less, and quickly given to a stream of the pool.
  bool keeps_inflater() const noexcept { return peer_takeover_ && peer_bits_ > 12; }

  bool make_inflater() noexcept {
    inflater_ = keeps_inflater() ? Backend::inflater::make() : pool_->take_inflater();
    if (!inflater_ || !inflater_->remember(std::as_const(window_).view())) return false;
    window_.release();
    return true;
  }
  bool keep_window() noexcept {
    const std::size_t size = std::size_t{1} << peer_bits_;
    const bytes room = window_.extend(size, size);
    if (room.empty()) return false;
    window_.truncate(inflater_->window(room));
    return true;
  }

  bool make_deflater() noexcept {
    const deflate_settings& how = pool_->settings();
    deflater_ = own_takeover_ ? Backend::deflater::make(own_bits_, how.level, how.memory_level)
                              : pool_->take_deflater(own_bits_);
    return deflater_ != nullptr;
  }

  static constexpr std::size_t short_payload = 512;

  pool_type* pool_;
  std::unique_ptr<typename Backend::inflater> inflater_;
  std::unique_ptr<typename Backend::deflater> deflater_;
  heap_buffer window_;       // what is kept of earlier messages while there is no inflater_
  std::uint64_t taken_ = 0;  // bytes of the payload of the message under way
  std::uint64_t made_ = 0;   // bytes that they were inflated to
  std::uint8_t tail_used_ = 0;
  std::uint8_t own_bits_ = 15;
  std::uint8_t peer_bits_ = 15;
  bool full_ = false;  // the last room was filled: more may come of what was taken
  bool active_ = false;
  bool own_takeover_ = true;
  bool peer_takeover_ = true;
};

/// What compresses a prepared_message once for many connections.
/// Takes: the smallest window that any of them agreed on, 9 to 15 bits: at most your server_max_window_bits.
///        Connections that agreed on a smaller one compress the message for themselves.
template <deflate_backend Backend>
basic_permessage_deflate<role::server, Backend> independent_deflate(basic_deflate_pool<Backend>& pool,
                                                                    std::uint8_t window_bits = 15) noexcept {
  return {deflate_agreement{.server_no_context_takeover = true, .server_max_window_bits = window_bits}, pool};
}

}  // namespace sansocket

#endif
