// What is left of the last chunk: the caller's memory, or a copy once it was retained.
#ifndef SANSOCKET_CONNECTION_INPUT_HPP
#define SANSOCKET_CONNECTION_INPUT_HPP

#include <utility>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// A part of connection, not for applications: it may change.
///
/// Bytes that wait to be read. It can be moved, also if the copy lies in the object itself.
template <byte_buffer Buffer>
class input {
 public:
  explicit input(bytes chunk = {}) noexcept : left_(chunk) {}
  input(input&& other) noexcept { *this = std::move(other); }
  input& operator=(input&& other) noexcept {
    if (this == &other) return *this;
    const bytes chunk = std::exchange(other.left_, {});
    const bool retained = other.retained_.size() != 0;
    retained_ = std::move(other.retained_);
    left_ = retained ? retained_.view().last(chunk.size()) : chunk;
    return *this;
  }
  ~input() = default;

  /// What is left; the reader takes off its front what it uses.
  bytes& left() noexcept { return left_; }

  bool empty() const noexcept { return left_.empty(); }

  /// Puts a chunk, or nothing, in the place of what is left.
  void replace(bytes chunk) noexcept {
    retained_.release();
    left_ = chunk;
  }

  /// Copies what is left, so that it no longer lies in the caller's memory.
  /// Gives: false, with nothing changed, if there is no room for it.
  [[nodiscard]] bool retain() noexcept {
    if (left_.empty() || retained_.size() != 0) return true;
    if (!append(retained_, left_)) return false;
    left_ = retained_.view();
    return true;
  }

 private:
  bytes left_;
  Buffer retained_;  // if it holds anything, left_ is a part at its end
};

}  // namespace sansocket

#endif
