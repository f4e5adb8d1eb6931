// A value or an error; and a value, an error or "more bytes are needed".
#ifndef SANSOCKET_CORE_RESULT_HPP
#define SANSOCKET_CORE_RESULT_HPP

#include <cstddef>
#include <utility>

#include "sansocket/core/error.hpp"

namespace sansocket {

/// A value or the error that stands in its place, spelled like std::expected<T, error>.
/// Invariant: error() is error::none exactly when there is a value.
template <class T>
class [[nodiscard]] result {
 public:
  constexpr result(T value) noexcept : value_(std::move(value)) {}
  constexpr result(enum error what) noexcept : error_(what) {}

  constexpr bool has_value() const noexcept { return error_ == error::none; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// The value; a default-made one if there is an error.
  constexpr T& operator*() & noexcept { return value_; }
  constexpr const T& operator*() const& noexcept { return value_; }
  constexpr T&& operator*() && noexcept { return std::move(value_); }
  constexpr T* operator->() noexcept { return &value_; }
  constexpr const T* operator->() const noexcept { return &value_; }
  constexpr T value_or(T other) const noexcept { return has_value() ? value_ : std::move(other); }

  constexpr enum error error() const noexcept { return error_; }

 private:
  T value_{};
  enum error error_ = error::none;
};

/// What a decoder of a stream's prefix gives: a value, an error, or "this many more bytes at least".
/// Invariant: complete(), missing() != 0 and failed() exclude each other, and one of them holds.
template <class T>
class [[nodiscard]] partial {
 public:
  constexpr partial(T value) noexcept : value_(std::move(value)) {}
  constexpr partial(enum error what) noexcept : error_(what) {}

  /// The outcome of a prefix that is too short; at least one byte is missing.
  static constexpr partial need_more(std::size_t missing) noexcept {
    partial outcome(error::none);
    outcome.missing_ = missing;
    return outcome;
  }

  constexpr bool complete() const noexcept { return missing_ == 0 && error_ == error::none; }
  constexpr bool failed() const noexcept { return error_ != error::none; }

  /// How many more bytes are needed at least before the outcome can change; 0 when there is one.
  constexpr std::size_t missing() const noexcept { return missing_; }
  constexpr enum error error() const noexcept { return error_; }

  /// The value; a default-made one unless complete().
  constexpr T& operator*() noexcept { return value_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr T* operator->() noexcept { return &value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  T value_{};
  std::size_t missing_ = 0;
  enum error error_ = error::none;
};

}  // namespace sansocket

#endif
