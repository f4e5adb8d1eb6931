#include "mask_byte_loop.hpp"

void mask_byte_by_byte(unsigned char* to, const unsigned char* from, std::size_t size,
                       const std::array<unsigned char, 4>& key) {
  const std::array<unsigned char, 4> own = key;
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<unsigned char>(from[i] ^ own[i % 4]);
}
