// Growing stores of bytes: one on the heap, one in place for programs without a heap.
#ifndef SANSOCKET_CORE_BUFFER_HPP
#define SANSOCKET_CORE_BUFFER_HPP

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// What a connection and a handshake keep bytes in.
/// `extend(n, most)` gives n bytes to write behind what is held, growing to no more than the largest
/// of `most`, what is needed and a small block; it gives an empty view, and changes nothing, if it cannot.
/// `max_size()` says how many bytes it can ever hold. `clear()` may keep memory, `release()` may not.
template <class Buffer>
concept byte_buffer = std::default_initializable<Buffer> && std::movable<Buffer> &&
                      requires(Buffer buffer, const Buffer& held, std::size_t n) {
                        { held.size() } -> std::same_as<std::size_t>;
                        { held.capacity() } -> std::same_as<std::size_t>;
                        { held.view() } -> std::same_as<const_bytes>;
                        { buffer.view() } -> std::same_as<bytes>;
                        { buffer.extend(n, n) } -> std::same_as<bytes>;
                        { Buffer::max_size() } -> std::same_as<std::size_t>;
                        buffer.truncate(n);
                        buffer.erase(n, n);
                        buffer.clear();
                        buffer.release();
                      };

/// The heap of C, because realloc can often make a block larger where it lies.
struct c_heap {
  /// Makes a block, or makes it larger and keeps what is in it; nothing, and the block as it was, if it cannot.
  // NOLINTBEGIN(cppcoreguidelines-no-malloc): this is where memory is managed
  static void* resize(void* block, std::size_t size) noexcept { return std::realloc(block, size); }
  static void release(void* block) noexcept { std::free(block); }
  // NOLINTEND(cppcoreguidelines-no-malloc)
};

/// Bytes on a heap. One pointer in size; nothing is allocated until something is kept.
/// An allocation that fails is reported, never thrown.
/// Takes: c_heap, or a heap of your own that has the same two functions.
template <class Heap>
class basic_heap_buffer {
 public:
  basic_heap_buffer() = default;
  basic_heap_buffer(basic_heap_buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  basic_heap_buffer& operator=(basic_heap_buffer&& other) noexcept {
    if (this == &other) return *this;
    release();
    block_ = std::exchange(other.block_, nullptr);
    return *this;
  }
  ~basic_heap_buffer() { release(); }

  std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }
  std::size_t capacity() const noexcept { return block_ == nullptr ? 0 : block_->capacity; }
  static constexpr std::size_t max_size() noexcept { return std::numeric_limits<std::size_t>::max() / 4; }

  bytes view() noexcept { return {block_ == nullptr ? nullptr : content(block_), size()}; }
  const_bytes view() const noexcept { return {block_ == nullptr ? nullptr : content(block_), size()}; }

  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    const std::size_t old_size = size();
    if (count == 0 || count > max_size() - old_size) return {};
    const std::size_t needed = old_size + count;
    if (needed > capacity() && !grow(std::max(needed, std::min(2 * capacity(), most)))) return {};
    block_->size = needed;
    return view().subspan(old_size);
  }

  void truncate(std::size_t size) noexcept {
    if (block_ != nullptr) block_->size = std::min(size, block_->size);
  }

  void erase(std::size_t position, std::size_t count) noexcept {
    const bytes held = view();
    if (count == 0) return;
    std::memmove(&held[position], held.data() + position + count, held.size() - position - count);
    block_->size -= count;
  }

  void clear() noexcept { truncate(0); }

  void release() noexcept {
    if (block_ != nullptr) Heap::release(block_);
    block_ = nullptr;
  }

 private:
  /// What stands in front of the bytes, so that the buffer itself is one pointer.
  struct block {
    std::size_t size;
    std::size_t capacity;
  };

  static constexpr std::size_t smallest = 256 - sizeof(block);

  static std::byte* content(block* at) noexcept { return static_cast<std::byte*>(static_cast<void*>(at + 1)); }

  bool grow(std::size_t capacity) noexcept {
    capacity = std::max(capacity, smallest);
    const std::size_t held = size();
    void* memory = Heap::resize(block_, sizeof(block) + capacity);
    if (memory == nullptr) return false;
    block_ = ::new (memory) block{held, capacity};
    return true;
  }

  block* block_ = nullptr;
};

using heap_buffer = basic_heap_buffer<c_heap>;

/// Bytes in the object itself: never more than Capacity, never on the heap.
template <std::size_t Capacity>
class inplace_buffer {
 public:
  std::size_t size() const noexcept { return size_; }
  static constexpr std::size_t capacity() noexcept { return Capacity; }
  static constexpr std::size_t max_size() noexcept { return Capacity; }

  bytes view() noexcept { return bytes(content_).first(size_); }
  const_bytes view() const noexcept { return const_bytes(content_).first(size_); }

  bytes extend(std::size_t count, std::size_t /*most*/ = Capacity) noexcept {
    if (count > Capacity - size_) return {};
    size_ += count;
    return bytes(content_).subspan(size_ - count, count);
  }

  void truncate(std::size_t size) noexcept { size_ = std::min(size, size_); }

  void erase(std::size_t position, std::size_t count) noexcept {
    const auto rest = view().subspan(position + count);
    if (!rest.empty()) std::memmove(&content_[position], rest.data(), rest.size());
    size_ -= count;
  }

  void clear() noexcept { size_ = 0; }
  void release() noexcept { size_ = 0; }

 private:
  std::size_t size_ = 0;
  std::array<std::byte, Capacity> content_;  // only the first size_ bytes mean anything
};

/// Appends a copy of some bytes.
/// Gives: false, with nothing changed, if there is no room.
template <byte_buffer Buffer>
[[nodiscard]] bool append(Buffer& buffer, const_bytes data) noexcept {
  if (data.empty()) return true;
  const bytes room = buffer.extend(data.size(), Buffer::max_size());
  if (room.empty()) return false;
  std::memcpy(room.data(), data.data(), data.size());
  return true;
}

}  // namespace sansocket

#endif
