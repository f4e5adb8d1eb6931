// Compression streams that many connections share, one message at a time (RFC 7692 §7.1.1).
#ifndef SANSOCKET_DEFLATE_DEFLATE_POOL_HPP
#define SANSOCKET_DEFLATE_DEFLATE_POOL_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "sansocket/core/limits.hpp"
#include "sansocket/deflate/backend.hpp"

namespace sansocket {

/// How messages are compressed and what inflating them may cost. How large they may inflate to is
/// message_limits::message.
struct deflate_settings {
  int level = 6;               ///< 1, fast, to 9, small
  int memory_level = 8;        ///< 1 to 9: a compressor takes 2^(window bits + 2) + 2^(memory level + 9) bytes
  std::size_t threshold = 64;  ///< a message of fewer bytes is sent as it is
  /// How many times its compressed size a message may inflate to, once that is more than 64 KiB (1008). It
  /// is held against each started KiB of it as it comes, and against the whole. DEFLATE itself ends at 1032.
  std::uint64_t max_ratio = unlimited;
  /// How many streams wait for the next message, 0 to 8: of those that inflate, and for each size of window
  /// of those that compress.
  std::size_t idle_streams = 8;
};

namespace detail {

/// Streams of one kind that wait.
template <class Stream>
class idle_streams {
 public:
  static constexpr std::size_t most = 8;

  std::unique_ptr<Stream> take() noexcept { return count_ == 0 ? nullptr : std::move(streams_[--count_]); }

  void keep(std::unique_ptr<Stream> stream, std::size_t limit) noexcept {
    if (count_ < std::min(limit, most) && stream->reset()) streams_[count_++] = std::move(stream);
  }

  std::size_t size() const noexcept { return count_; }

 private:
  std::array<std::unique_ptr<Stream>, most> streams_;
  std::size_t count_ = 0;
};

}  // namespace detail

/// The settings of many connections, and the streams of those that agreed on no context takeover: as
/// many as there are messages under way, not as many as there are connections.
/// Life: the caller owns it; it outlives its connections.
/// Use it from one thread at a time, as those connections; a pool for each thread is the way.
template <deflate_backend Backend>
class basic_deflate_pool {
 public:
  using inflater = typename Backend::inflater;
  using deflater = typename Backend::deflater;

  /// Takes: settings; a level out of range is taken as the nearest one.
  explicit basic_deflate_pool(const deflate_settings& settings = {}) noexcept : settings_(settings) {
    settings_.level = std::clamp(settings.level, 1, 9);
    settings_.memory_level = std::clamp(settings.memory_level, 1, 9);
  }
  basic_deflate_pool(const basic_deflate_pool&) = delete;  // connections know where it is
  basic_deflate_pool& operator=(const basic_deflate_pool&) = delete;

  const deflate_settings& settings() const noexcept { return settings_; }

  /// Gives a stream that knows of no earlier message: one that waits, or a new one.
  /// Takes: for a deflater, min_window_bits of the back-end to 15.
  /// Gives: nothing if there is no memory.
  std::unique_ptr<inflater> take_inflater() noexcept {
    auto stream = inflaters_.take();
    return stream ? std::move(stream) : inflater::make();
  }
  std::unique_ptr<deflater> take_deflater(std::uint8_t window_bits) noexcept {
    auto stream = deflaters_[index(window_bits)].take();
    return stream ? std::move(stream) : deflater::make(window_bits, settings_.level, settings_.memory_level);
  }

  /// Keeps a stream for the next message; one too many goes.
  void give_back(std::unique_ptr<inflater> stream) noexcept {
    inflaters_.keep(std::move(stream), settings_.idle_streams);
  }
  void give_back(std::unique_ptr<deflater> stream, std::uint8_t window_bits) noexcept {
    deflaters_[index(window_bits)].keep(std::move(stream), settings_.idle_streams);
  }

  /// Streams that wait for the next message.
  std::size_t idle() const noexcept {
    std::size_t count = inflaters_.size();
    for (const auto& streams : deflaters_) count += streams.size();
    return count;
  }

 private:
  static constexpr std::size_t index(std::uint8_t window_bits) noexcept { return window_bits - std::size_t{8}; }

  deflate_settings settings_;
  detail::idle_streams<inflater> inflaters_;
  std::array<detail::idle_streams<deflater>, 8> deflaters_;  // by window bits, 8 to 15
};

}  // namespace sansocket

#endif
