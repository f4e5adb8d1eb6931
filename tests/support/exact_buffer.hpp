// Bytes in a heap block of exactly their size, so that one byte too far is a sanitizer report.
#ifndef SANSOCKET_TESTS_EXACT_BUFFER_HPP
#define SANSOCKET_TESTS_EXACT_BUFFER_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "sansocket/core/bytes.hpp"

namespace sansocket::tests {

/// Owns a copy of some bytes in a block of its own, with nothing before or behind it.
class exact_buffer {
 public:
  explicit exact_buffer(const_bytes data) : content_(new std::byte[data.size()]), size_(data.size()) {
    std::ranges::copy(data, content_.get());
  }
  explicit exact_buffer(std::string_view text) : exact_buffer(bytes_of(std::string_view(text))) {}
  explicit exact_buffer(std::size_t size) : content_(new std::byte[size]{}), size_(size) {}

  bytes view() { return {content_.get(), size_}; }
  const_bytes view() const { return {content_.get(), size_}; }
  std::string text() const { return std::string(text_of(view())); }

 private:
  std::unique_ptr<std::byte[]> content_;
  std::size_t size_;
};

}  // namespace sansocket::tests

#endif
