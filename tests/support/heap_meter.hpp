// How many bytes of the heap a program holds between two points, whoever asked for them.
#ifndef SANSOCKET_TESTS_HEAP_METER_HPP
#define SANSOCKET_TESTS_HEAP_METER_HPP

#include <cstddef>

namespace sansocket::tests {

/// Counts every allocation of the process, those of operator new and of C libraries such as zlib
/// included, from the moment at which it is made. Link heap_meter.cpp.
///
/// Bytes are those that were asked for, exactly: not what the allocator adds to round them up or to keep
/// its books. Where malloc was asked for 0 bytes, AddressSanitizer's build counts 1.
/// For one thread, and one meter at a time.
class heap_meter {
 public:
  heap_meter() noexcept;

  /// Bytes held now, less those that were held when it was made.
  std::ptrdiff_t live() const noexcept;
  /// The most that live() has been.
  std::ptrdiff_t peak() const noexcept;
  /// Bytes of all blocks that were made, also of those that are gone: what growing a block costs.
  std::size_t total() const noexcept;

 private:
  std::ptrdiff_t live_before_;
  std::size_t total_before_;
};

}  // namespace sansocket::tests

#endif
