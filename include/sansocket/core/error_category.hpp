// The library's errors as std::error_code, for programs that speak it.
#ifndef SANSOCKET_CORE_ERROR_CATEGORY_HPP
#define SANSOCKET_CORE_ERROR_CATEGORY_HPP

#include <algorithm>
#include <string>
#include <system_error>

#include "sansocket/core/error_info.hpp"

template <>
struct std::is_error_code_enum<sansocket::error> : std::true_type {};

namespace sansocket {

/// The category named "sansocket"; its messages end with the clause that was broken.
inline const std::error_category& error_category() noexcept {
  class category final : public std::error_category {
    const char* name() const noexcept override { return "sansocket"; }

    std::string message(int value) const override {
      const error_info known = info(static_cast<error>(std::clamp(value, -1, 255)));  // -1 means 255: no error has it
      std::string words(known.message);
      if (!known.clause.empty()) words.append(" (").append(known.clause).append(")");
      return words;
    }
  };
  static const category instance;
  return instance;
}

/// Found by std::error_code's converting constructor.
inline std::error_code make_error_code(error what) noexcept { return {static_cast<int>(what), error_category()}; }

}  // namespace sansocket

#endif
