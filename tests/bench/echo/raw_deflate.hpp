// The two things that the load generator needs of zlib, by itself: so it also judges what the library compresses.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_RAW_DEFLATE_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_RAW_DEFLATE_HPP

#include <zlib.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "sansocket/core/bytes.hpp"

/// Compresses a message without regard to others, as RFC 7692 §7.2.1 says.
inline std::optional<std::vector<std::byte>> deflate_message(sansocket::const_bytes plain, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return std::nullopt;
  std::vector<std::byte> out(plain.size() + plain.size() / 8 + 64);
  stream.next_in = static_cast<Bytef*>(static_cast<void*>(const_cast<std::byte*>(plain.data())));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out != 0;
  out.resize(out.size() - stream.avail_out - 4);  // without 00 00 FF FF, which every message ends with
  deflateEnd(&stream);
  return done ? std::optional(std::move(out)) : std::nullopt;
}

/// Inflates the messages of one direction.
class message_inflater {
 public:
  message_inflater() { inflateInit2(&stream_, -15); }
  message_inflater(const message_inflater&) = delete;
  message_inflater& operator=(const message_inflater&) = delete;
  ~message_inflater() { inflateEnd(&stream_); }

  /// Takes: a payload, and how long it should become.
  /// Gives: what it stands for, or something of another size.
  std::vector<std::byte> inflate_message(std::vector<std::byte> payload, std::size_t size) {
    for (const int octet : {0x00, 0x00, 0xFF, 0xFF}) payload.push_back(static_cast<std::byte>(octet));
    std::vector<std::byte> out(size + 1);
    stream_.next_in = static_cast<Bytef*>(static_cast<void*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    stream_.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream_, Z_SYNC_FLUSH);
    if (code == Z_STREAM_END) inflateResetKeep(&stream_);
    out.resize(code < 0 && code != Z_BUF_ERROR ? size + 1 : out.size() - stream_.avail_out);
    return out;
  }

 private:
  z_stream stream_{};
};

#endif
