// Compressed payloads and the frames that carry them, written without the library: bit by bit (RFC 1951), or by zlib.
#ifndef SANSOCKET_TESTS_DEFLATE_STREAMS_HPP
#define SANSOCKET_TESTS_DEFLATE_STREAMS_HPP

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sansocket/core/role.hpp"

namespace sansocket::tests {

/// A client masks with this key.
inline constexpr std::string_view stream_key = "\x37\xFA\x21\x3D";

/// A frame as the other end sends it, its length in the fewest bytes.
inline std::string stream_frame(role receiver, unsigned first, std::string_view payload) {
  const auto octet = [](std::uint64_t value) { return static_cast<char>(value & 0xFFU); };
  const unsigned mask_bit = receiver == role::server ? 0x80U : 0U;
  const std::uint64_t length = payload.size();
  const std::size_t size = length < 126 ? 0 : length <= 0xFFFF ? 2 : 8;
  std::string out{octet(first), octet(mask_bit | (size == 0 ? length : size == 2 ? 126U : 127U))};
  for (std::size_t i = size; i != 0; --i) out += octet(length >> (8 * (i - 1)));
  if (receiver == role::client) return out.append(payload);
  out += stream_key;
  const std::size_t begin = out.size();
  out += payload;
  for (std::size_t i = 0; i < payload.size(); ++i) out[begin + i] = static_cast<char>(payload[i] ^ stream_key[i % 4]);
  return out;
}

/// A message in frames of `size` bytes each, with `between` behind each but the last.
inline std::string stream_message(role receiver, unsigned first, std::string_view payload, std::size_t size,
                                  std::string_view between = {}) {
  std::string out;
  while (payload.size() > size) {
    out += stream_frame(receiver, first & 0x7FU, payload.substr(0, size));
    out += between;
    payload.remove_prefix(size);
    first = 0x80;
  }
  return out + stream_frame(receiver, first | 0x80U, payload);
}

/// Writes DEFLATE bit by bit.
class deflate_bits {
 public:
  /// A number, its lowest bit first (RFC 1951 §3.1.1).
  deflate_bits& number(unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bit((value >> i) & 1U);
    return *this;
  }

  /// A Huffman code, its highest bit first (RFC 1951 §3.1.1).
  deflate_bits& code(unsigned value, unsigned count) {
    for (unsigned i = count; i != 0; --i) bit((value >> (i - 1)) & 1U);
    return *this;
  }

  /// A block's header: types 0 stored, 1 fixed codes, 2 dynamic codes, 3 reserved (RFC 1951 §3.2.3).
  deflate_bits& block(unsigned type, bool final = false) { return number(final ? 1 : 0, 1).number(type, 2); }

  /// A whole block without compression.
  deflate_bits& stored(std::string_view content, bool final = false) {
    const auto length = static_cast<unsigned>(content.size());
    block(0, final).align().number(length, 16).number(length ^ 0xFFFFU, 16);
    out_.append(content);
    return *this;
  }

  /// In a block with fixed codes (RFC 1951 §3.2.6).
  deflate_bits& fixed_literals(std::string_view content) {
    for (const char c : content) {
      const auto value = static_cast<unsigned char>(c);
      value < 144 ? code(0x30U + value, 8) : code(0x190U + value - 144U, 9);
    }
    return *this;
  }
  /// Of symbols 256 to 279.
  deflate_bits& fixed_symbol(unsigned symbol) { return code(symbol - 256U, 7); }
  deflate_bits& fixed_end() { return fixed_symbol(256); }
  deflate_bits& fixed(std::string_view content, bool final = false) {
    return block(1, final).fixed_literals(content).fixed_end();
  }
  /// In a block with fixed codes: three bytes from a distance of 1 to 4, or of 1025 to 32'768 if it is 1 more than
  /// a multiple of 512, 1024, ... as the code with that many extra bits has it.
  deflate_bits& fixed_three_from(unsigned distance_code, unsigned extra, unsigned extra_bits) {
    return fixed_symbol(257).code(distance_code, 5).number(extra, extra_bits);
  }

  /// A whole block with dynamic codes, of zeros: 1032 bytes for each byte of its own. With codes of
  /// one bit for "258 bytes" and for "from a distance of 1", of two for a zero and for the block's end.
  deflate_bits& zeros(std::size_t count, bool final = false) {
    block(2, final).number(286 - 257, 5).number(0, 5).number(18 - 4, 4);
    // The lengths of the codes for 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1.
    for (const char length : std::string_view("001000000000000202")) number(static_cast<unsigned>(length - 0x30), 3);
    const auto no_codes = [&](unsigned run) { code(0, 1).number(run - 11, 7); };
    code(3, 2);  // a zero has 2 bits
    no_codes(138);
    no_codes(117);
    code(3, 2);  // the block's end has 2 bits
    no_codes(28);
    code(2, 2).code(2, 2);  // 258 bytes have 1 bit, the distance of 1 has 1
    if (count != 0) code(2, 2);
    const std::size_t runs = count == 0 ? 0 : (count - 1) / 258;
    const std::size_t rest = count == 0 ? 0 : (count - 1) % 258;
    std::size_t bits = 2 * runs;  // all of them 0
    for (; bits != 0 && used_ != 0; --bits) bit(0);
    out_.append(bits / 8, '\0');
    for (bits %= 8; bits != 0; --bits) bit(0);
    for (std::size_t i = 0; i < rest; ++i) code(2, 2);
    return code(3, 2);
  }

  /// What RFC 7692 §7.2.1 leaves of the empty stored block at a message's end.
  std::string end() { return block(0).align().out_; }

  deflate_bits& align() {
    used_ = 0;
    return *this;
  }

  /// All so far, the last byte filled up with zeros.
  const std::string& so_far() const { return out_; }

 private:
  void bit(unsigned value) {
    if (used_ == 0) out_ += '\0';
    out_.back() = static_cast<char>(static_cast<unsigned char>(out_.back()) | (value << used_));
    used_ = (used_ + 1) % 8;
  }

  std::string out_;
  unsigned used_ = 0;  // bits of the last byte; 0: a new one begins
};

/// zlib's compressor, for payloads as other implementations send them.
class peer_deflater {
 public:
  explicit peer_deflater(int window_bits = 15, int level = 6, int strategy = Z_DEFAULT_STRATEGY) {
    if (deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, strategy) != Z_OK) std::abort();
  }
  peer_deflater(const peer_deflater&) = delete;
  peer_deflater& operator=(const peer_deflater&) = delete;
  ~peer_deflater() { deflateEnd(&stream_); }

  /// A message's payload: flushed, without 00 00 FF FF.
  std::string message(std::string_view content) {
    std::string in(content);
    std::string out(content.size() + content.size() / 8 + 64, '\0');
    stream_.next_in = static_cast<Bytef*>(static_cast<void*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_out == 0) std::abort();
    out.resize(out.size() - stream_.avail_out - 4);
    return out;
  }

 private:
  z_stream stream_{};
};

inline std::string deflated(std::string_view content, int level = 6, int strategy = Z_DEFAULT_STRATEGY) {
  return peer_deflater(15, level, strategy).message(content);
}

}  // namespace sansocket::tests

#endif
