// Where the allocations are counted: by the sanitizer's hooks, or by taking the place of malloc and its like.
#include "heap_meter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANSOCKET_TESTS_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANSOCKET_TESTS_ASAN
#endif

#ifndef SANSOCKET_TESTS_ASAN
#include <cerrno>
#include <cstdlib>
#include <cstring>
#endif

namespace {

// Plain objects, good before the first constructor runs: allocations come before that.
std::ptrdiff_t live_bytes = 0;
std::ptrdiff_t most_bytes = 0;
std::size_t all_bytes = 0;

void count_block(std::size_t size) noexcept {
  live_bytes += static_cast<std::ptrdiff_t>(size);
  most_bytes = std::max(most_bytes, live_bytes);
  all_bytes += size;
}

void uncount_block(std::size_t size) noexcept { live_bytes -= static_cast<std::ptrdiff_t>(size); }

}  // namespace

namespace sansocket::tests {

heap_meter::heap_meter() noexcept : live_before_(live_bytes), total_before_(all_bytes) { most_bytes = live_bytes; }

std::ptrdiff_t heap_meter::live() const noexcept { return live_bytes - live_before_; }

std::ptrdiff_t heap_meter::peak() const noexcept { return most_bytes - live_before_; }

std::size_t heap_meter::total() const noexcept { return all_bytes - total_before_; }

}  // namespace sansocket::tests

#ifdef SANSOCKET_TESTS_ASAN

// As in sanitizer/allocator_interface.h, which not every compiler finds.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                              void (*)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void*);
}

namespace {

const int installed =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t size) { count_block(size); },
                                              [](const volatile void* block) {
                                                // nullptr is freed as well, and counts for nothing.
                                                if (block != nullptr)
                                                  uncount_block(__sanitizer_get_allocated_size(block));
                                              });

}  // namespace

#else

// In front of every block stands what was asked for, and where glibc's own block begins.
extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void __libc_free(void*) noexcept;
}

namespace {

struct header {
  std::size_t size;
  void* block;
};

void* make_block(std::size_t size, std::size_t alignment) noexcept {
  if (size > PTRDIFF_MAX - alignment - sizeof(header)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* const block = __libc_malloc(size + alignment + sizeof(header));
  if (block == nullptr) return nullptr;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(block) + sizeof(header);
  const std::uintptr_t content = (first + alignment - 1) / alignment * alignment;
  const header kept{size, block};
  std::memcpy(reinterpret_cast<void*>(content - sizeof(header)), &kept, sizeof(header));
  count_block(size);
  return reinterpret_cast<void*>(content);
}

header header_of(void* content) noexcept {
  header kept;
  std::memcpy(&kept, static_cast<std::byte*>(content) - sizeof(header), sizeof(header));
  return kept;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept { return make_block(size, alignof(std::max_align_t)); }

void free(void* content) noexcept {
  if (content == nullptr) return;
  const header kept = header_of(content);
  uncount_block(kept.size);
  __libc_free(kept.block);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  if (size != 0 && count > PTRDIFF_MAX / size) {
    errno = ENOMEM;
    return nullptr;
  }
  void* const content = malloc(count * size);
  return content == nullptr ? nullptr : std::memset(content, 0, count * size);
}

void* realloc(void* content, std::size_t size) noexcept {
  if (content == nullptr) return malloc(size);
  if (size == 0) {
    free(content);
    return nullptr;
  }
  void* const moved = malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, content, std::min(size, header_of(content).size));
  free(content);
  return moved;
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return make_block(size, std::max(alignment, alignof(std::max_align_t)));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return memalign(alignment, size); }

int posix_memalign(void** content, std::size_t alignment, std::size_t size) noexcept {
  void* const made = memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *content = made;
  return 0;
}
}

#endif
