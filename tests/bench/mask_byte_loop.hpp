// Masking one byte after the other, as the RFC writes it (§5.3); its body is compiled without vectors.
#ifndef SANSOCKET_TESTS_BENCH_MASK_BYTE_LOOP_HPP
#define SANSOCKET_TESTS_BENCH_MASK_BYTE_LOOP_HPP

#include <array>
#include <cstddef>

void mask_byte_by_byte(unsigned char* to, const unsigned char* from, std::size_t size,
                       const std::array<unsigned char, 4>& key);

#endif
