// zlib as the back-end of permessage-deflate: raw DEFLATE streams (RFC 1951).
#ifndef SANSOCKET_DEFLATE_ZLIB_HPP
#define SANSOCKET_DEFLATE_ZLIB_HPP

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>

#include "sansocket/connection/extension.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/deflate/backend.hpp"

namespace sansocket {

namespace detail {

/// zlib is not const-correct in builds without ZLIB_CONST; it does not write to its input.
inline Bytef* octets(const_bytes data) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  return static_cast<Bytef*>(static_cast<void*>(const_cast<std::byte*>(data.data())));
}

/// One run of zlib over an input and an output, both cut to what its counters hold.
template <class Run>
transform_step run_zlib(z_stream& stream, const_bytes in, bytes out, Run run) noexcept {
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  in = in.first(std::min(in.size(), most));
  out = out.first(std::min(out.size(), most));
  stream.next_in = octets(in);
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = octets(out);
  stream.avail_out = static_cast<uInt>(out.size());
  const error fault = run();
  return {.used = in.size() - stream.avail_in, .made = out.size() - stream.avail_out, .fault = fault};
}

}  // namespace detail

/// Inflates the messages of one direction. About 7 KiB, and 32 KiB for the window.
///
/// The window is always the largest: with a smaller one, zlib refuses a distance beyond it or not depending
/// on how its input is cut.
class zlib_inflater {
 public:
  /// Gives: nothing if there is no memory.
  static std::unique_ptr<zlib_inflater> make() noexcept {
    std::unique_ptr<zlib_inflater> made(new (std::nothrow) zlib_inflater);
    if (made && inflateInit2(&made->stream_, -MAX_WBITS) != Z_OK) made.reset();
    return made;
  }
  zlib_inflater(const zlib_inflater&) = delete;
  zlib_inflater& operator=(const zlib_inflater&) = delete;
  ~zlib_inflater() { inflateEnd(&stream_); }  // does nothing to a stream that was not begun

  /// Inflates until the input or the room is used up.
  /// Errors: compressed_data_invalid, out_of_memory.
  transform_step inflate(const_bytes in, bytes out) noexcept {
    transform_step all;
    for (;;) {
      bool ended = false;
      const auto step = detail::run_zlib(stream_, in.subspan(all.used), out.subspan(all.made), [&] {
        const int code = ::inflate(&stream_, Z_SYNC_FLUSH);
        ended = code == Z_STREAM_END;
        if (code == Z_MEM_ERROR) return error::out_of_memory;
        return ended || code == Z_OK || code == Z_BUF_ERROR ? error::none : error::compressed_data_invalid;
      });
      all.used += step.used;
      all.made += step.made;
      all.fault = step.fault;
      if (step.used != 0 || step.made != 0) {
        since_final_ = ended ? 0 : since_final_ + std::min(step.used, no_final_block - since_final_);
        // zlib.h of inflate: 128 right behind a block, and in the low bits what is left of the last byte.
        block_end_ = ended || ((stream_.data_type & 128) != 0 && (stream_.data_type & 7) == 0);
      }
      // RFC 7692 §7.2.3.4: a block may have BFINAL set. What follows goes on with the same window, which
      // inflateReset would forget.
      if (ended && inflateResetKeep(&stream_) != Z_OK) all.fault = error::out_of_memory;
      if (!ended || all.fault != error::none || all.used == in.size()) return all;
    }
  }

  /// Between two blocks, with no bits left over.
  bool at_block_end() const noexcept { return block_end_; }

  /// How many bytes were used behind the last block that was marked as the last; very many if there was none.
  std::size_t since_final_block() const noexcept { return since_final_; }

  /// Forgets the block that has begun, and keeps the window.
  bool forget_block() noexcept {
    block_end_ = true;
    return inflateResetKeep(&stream_) == Z_OK;
  }

  /// Forgets the window.
  bool reset() noexcept {
    since_final_ = no_final_block;
    block_end_ = true;
    return inflateReset(&stream_) == Z_OK;
  }

  /// After reset: goes on as if these bytes had just been inflated.
  bool remember(const_bytes window) noexcept {
    const auto size = static_cast<uInt>(window.size());
    return window.empty() || inflateSetDictionary(&stream_, detail::octets(window), size) == Z_OK;
  }

  /// Copies the last bytes that were inflated, of the last 32 KiB as many as there is room for. It takes 32 KiB
  /// of the stack.
  std::size_t window(bytes out) noexcept {
    std::array<Bytef, std::size_t{1} << MAX_WBITS> all;
    uInt size = 0;
    if (inflateGetDictionary(&stream_, all.data(), &size) != Z_OK) return 0;
    const const_bytes last = std::as_bytes(std::span(all).first(size)).last(std::min<std::size_t>(size, out.size()));
    std::ranges::copy(last, out.begin());
    return last.size();
  }

 private:
  zlib_inflater() = default;

  z_stream stream_{};
  static constexpr std::size_t no_final_block = std::numeric_limits<std::size_t>::max();

  std::size_t since_final_ = no_final_block;
  bool block_end_ = true;
};

/// Deflates the messages of one direction. 2^(window bits + 2) + 2^(memory level + 9) bytes and some more.
class zlib_deflater {
 public:
  static constexpr int min_window_bits = 9;  // zlib compresses with 9 where 8 is asked for, or refuses

  /// Gives: nothing if there is no memory.
  static std::unique_ptr<zlib_deflater> make(int window_bits, int level, int memory_level) noexcept {
    std::unique_ptr<zlib_deflater> made(new (std::nothrow) zlib_deflater);
    if (!made) return made;
    const int code = deflateInit2(&made->stream_, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
    if (code != Z_OK) made.reset();
    return made;
  }
  zlib_deflater(const zlib_deflater&) = delete;
  zlib_deflater& operator=(const zlib_deflater&) = delete;
  ~zlib_deflater() { deflateEnd(&stream_); }  // does nothing to a stream that was not begun

  /// Deflates and flushes; all is out when room is left.
  transform_step deflate(const_bytes in, bytes out) noexcept {
    return detail::run_zlib(stream_, in, out, [&] {
      const int code = ::deflate(&stream_, Z_SYNC_FLUSH);
      return code == Z_OK || code == Z_BUF_ERROR ? error::none : error::out_of_memory;
    });
  }

  /// Forgets the window.
  bool reset() noexcept { return deflateReset(&stream_) == Z_OK; }

 private:
  zlib_deflater() = default;

  z_stream stream_{};
};

/// The back-end that Debian, and nearly everyone, has.
struct zlib_backend {
  using inflater = zlib_inflater;
  using deflater = zlib_deflater;
};

static_assert(deflate_backend<zlib_backend>);

}  // namespace sansocket

#endif
