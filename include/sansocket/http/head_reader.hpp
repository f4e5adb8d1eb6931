// Collects a head that arrives in pieces: bounded, each byte looked at once (RFC 9112 §2.1).
#ifndef SANSOCKET_HTTP_HEAD_READER_HPP
#define SANSOCKET_HTTP_HEAD_READER_HPP

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/http/head_scanner.hpp"

namespace sansocket {

/// Keeps a head as it comes. A fault is found at the byte that makes it.
template <byte_buffer Buffer = heap_buffer>
class head_reader {
 public:
  explicit head_reader(head_kind kind, head_limits limits = {}) noexcept
      : scanner_(kind, {.bytes = std::min(limits.bytes, Buffer::max_size()), .fields = limits.fields}),
        most_(std::min(limits.bytes, Buffer::max_size())) {}

  /// Reads on.
  /// Takes:  the next bytes of the stream; those of the head are taken off, those behind it stay.
  /// Gives:  the head's text with its empty line; or need_more.
  /// Errors: head_too_large, too_many_fields, request_line_malformed, status_line_malformed,
  ///         field_malformed, out_of_memory.
  /// Life:   the text is a view of this object.
  /// Cost:   O(n) in the new bytes, however many came before.
  partial<std::string_view> read(bytes& input) noexcept {
    using outcome = partial<std::string_view>;
    if (no_memory_) return error::out_of_memory;
    const std::size_t used = scanner_.scan(text_of(input));
    if (scanner_.error() != error::none) return scanner_.error();
    const bytes room = buffer_.extend(used, most_);
    no_memory_ = room.size() != used;
    if (no_memory_) return error::out_of_memory;
    if (used != 0) std::memcpy(room.data(), input.data(), used);
    input = input.subspan(used);
    if (!scanner_.done()) return outcome::need_more(1);
    return text();
  }

  /// What came of the head so far.
  /// Life: a view of this object.
  std::string_view text() const noexcept { return text_of(const_bytes(buffer_.view())); }

  /// The head is whole.
  bool complete() const noexcept { return scanner_.done() && !no_memory_; }

  /// No byte has come yet.
  bool untouched() const noexcept { return scanner_.untouched(); }

 private:
  head_scanner scanner_;
  std::size_t most_;
  bool no_memory_ = false;
  Buffer buffer_;
};

}  // namespace sansocket

#endif
