// Bytes written as hexadecimal digits, as the RFC prints them.
#ifndef SANSOCKET_TESTS_HEX_HPP
#define SANSOCKET_TESTS_HEX_HPP

#include <string>
#include <string_view>

#include "sansocket/core/bytes.hpp"

namespace sansocket::tests {

/// "81 05 48" -> the three bytes, in a std::string. Spaces are passed over.
inline std::string from_hex(std::string_view digits) {
  std::string out;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int value = c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0';
    if (high < 0) {
      high = value;
    } else {
      out.push_back(static_cast<char>(high * 16 + value));
      high = -1;
    }
  }
  return out;
}

/// The three bytes -> "81 05 48".
inline std::string to_hex(const_bytes data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : data) {
    if (!out.empty()) out.push_back(' ');
    out.push_back(digits[value_of(byte) >> 4U]);
    out.push_back(digits[value_of(byte) & 0x0FU]);
  }
  return out;
}

}  // namespace sansocket::tests

#endif
