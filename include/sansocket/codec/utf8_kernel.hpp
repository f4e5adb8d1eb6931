// The kernel of UTF-8 validation: whole blocks of a text at once (RFC 3629).
//
// Every pair of neighbouring bytes is looked up by three of its nibbles, and each table says which faults the
// nibble does not exclude: what all three leave is a fault. That a byte must be the third or fourth of its
// code point is held against what stands two and three bytes before. After Keiser and Lemire, "Validating
// UTF-8 in less than one instruction per byte", 2021.
#ifndef SANSOCKET_CODEC_UTF8_KERNEL_HPP
#define SANSOCKET_CODEC_UTF8_KERNEL_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace sansocket::detail {

/// How many bytes of ASCII a text begins with, or up to 31 fewer.
inline std::size_t ascii_blocks(const unsigned char* text, std::size_t size) noexcept {
  using block = std::uint64_t __attribute__((vector_size(16)));
  constexpr std::uint64_t high = 0x8080'8080'8080'8080U;
  std::size_t i = 0;
  for (; size - i >= 32; i += 32) {
    std::array<block, 2> two;
    std::memcpy(two.data(), text + i, sizeof(two));
    const block any = two[0] | two[1];
    if (((any[0] | any[1]) & high) != 0) break;
  }
  return i;
}

/// How many bytes at a text's end are the beginning of a code point that goes on behind it.
inline std::size_t cut_code_point(const unsigned char* text, std::size_t size) noexcept {
  if (size >= 1 && text[size - 1] >= 0xC0) return 1;
  if (size >= 2 && text[size - 2] >= 0xE0) return 2;
  return size >= 3 && text[size - 3] >= 0xF0 ? 3 : 0;
}

// The faults, of a pair of bytes.
inline constexpr std::uint8_t too_short = 0x01;      // a lead, and no continuation
inline constexpr std::uint8_t too_long = 0x02;       // ASCII, and a continuation
inline constexpr std::uint8_t overlong_3 = 0x04;     // E0 80..9F
inline constexpr std::uint8_t too_large = 0x08;      // F4 90.., F5 90.. and above
inline constexpr std::uint8_t surrogate = 0x10;      // ED A0..BF
inline constexpr std::uint8_t overlong_2 = 0x20;     // C0, C1
inline constexpr std::uint8_t overlong_4 = 0x40;     // F0 80..8F; F5 80..8F and above
inline constexpr std::uint8_t continuations = 0x80;  // two in a row: not a fault where a third or fourth byte is due
inline constexpr std::uint8_t any_low = too_short | too_long | continuations;

using nibble_table = std::array<std::uint8_t, 16>;
alignas(16) inline constexpr nibble_table first_high = [] {
  nibble_table table{};
  for (std::size_t i = 0x0; i <= 0x7; ++i) table[i] = too_long;
  for (std::size_t i = 0x8; i <= 0xB; ++i) table[i] = continuations;
  table[0xC] = too_short | overlong_2;
  table[0xD] = too_short;
  table[0xE] = too_short | overlong_3 | surrogate;
  table[0xF] = too_short | too_large | overlong_4;
  return table;
}();
alignas(16) inline constexpr nibble_table first_low = [] {
  nibble_table table{};
  for (std::uint8_t& entry : table) entry = any_low;
  table[0x0] |= overlong_2 | overlong_3 | overlong_4;
  table[0x1] |= overlong_2;
  for (std::size_t i = 0x4; i <= 0xF; ++i) table[i] |= too_large;
  for (std::size_t i = 0x5; i <= 0xF; ++i) table[i] |= overlong_4;
  table[0xD] |= surrogate;
  return table;
}();
alignas(16) inline constexpr nibble_table second_high = [] {
  nibble_table table{};
  for (std::uint8_t& entry : table) entry = too_short;
  table[0x8] = too_long | continuations | overlong_2 | overlong_3 | overlong_4;
  table[0x9] = too_long | continuations | overlong_2 | overlong_3 | too_large;
  table[0xA] = table[0xB] = too_long | continuations | overlong_2 | surrogate | too_large;
  return table;
}();

#if defined(__x86_64__)

// Loads that assume no alignment; the pointers are cast as the intrinsics ask for it.
// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast)
[[gnu::target("avx2")]] inline __m256i load_32(const unsigned char* from) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
[[gnu::target("avx2")]] inline __m256i load_twice(const nibble_table& table) noexcept {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}
// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

/// 32 bytes, and what stands one, two and three bytes before each of them.
/// Gives: not zero where a code point is broken.
[[gnu::target("avx2")]] inline __m256i utf8_faults(__m256i now, __m256i before_1, __m256i before_2,
                                                   __m256i before_3) noexcept {
  const __m256i low = _mm256_set1_epi8(0x0F);
  const __m256i a = _mm256_shuffle_epi8(load_twice(first_high), _mm256_and_si256(_mm256_srli_epi16(before_1, 4), low));
  const __m256i b = _mm256_shuffle_epi8(load_twice(first_low), _mm256_and_si256(before_1, low));
  const __m256i c = _mm256_shuffle_epi8(load_twice(second_high), _mm256_and_si256(_mm256_srli_epi16(now, 4), low));
  const __m256i pairs = _mm256_and_si256(_mm256_and_si256(a, b), c);
  // The high bit where a third or fourth byte is due: there, two continuations in a row are right.
  const __m256i third = _mm256_subs_epu8(before_2, _mm256_set1_epi8(0xE0 - 0x80));
  const __m256i fourth = _mm256_subs_epu8(before_3, _mm256_set1_epi8(0xF0 - 0x80));
  const __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(static_cast<char>(0x80)));
  return _mm256_xor_si256(pairs, due);
}

/// The same with the bytes before taken from the block before.
[[gnu::target("avx2")]] inline __m256i utf8_faults(__m256i now, __m256i before) noexcept {
  const __m256i joint = _mm256_permute2x128_si256(before, now, 0x21);
  return utf8_faults(now, _mm256_alignr_epi8(now, joint, 15), _mm256_alignr_epi8(now, joint, 14),
                     _mm256_alignr_epi8(now, joint, 13));
}

/// Says whether a text that ends between code points is valid.
[[gnu::target("avx2")]] inline bool utf8_avx2(const unsigned char* text, std::size_t size) noexcept {
  __m256i faults = _mm256_setzero_si256();
  __m256i before = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; size - i >= 64; i += 64) {
    const __m256i first = load_32(text + i);
    const __m256i second = load_32(text + i + 32);
    if (_mm256_movemask_epi8(_mm256_or_si256(first, second)) == 0) {
      // Only a code point that the block before has begun can be wrong.
      faults = _mm256_or_si256(faults, utf8_faults(first, before));
    } else {
      faults = _mm256_or_si256(faults, utf8_faults(first, before));
      faults = _mm256_or_si256(faults, utf8_faults(second, first));
    }
    before = second;
  }
  if (size - i >= 32) {
    const __m256i now = load_32(text + i);
    faults = _mm256_or_si256(faults, utf8_faults(now, before));
    before = now;
    i += 32;
  }
  if (i != size) {
    if (size >= 35) {
      // The last 32 bytes, some for the second time.
      const std::size_t at = size - 32;
      faults = _mm256_or_si256(faults, utf8_faults(load_32(text + at), load_32(text + at - 1), load_32(text + at - 2),
                                                   load_32(text + at - 3)));
    } else {
      std::array<unsigned char, 32> rest{};
      std::memcpy(rest.data(), text + i, size - i);
      faults = _mm256_or_si256(faults, utf8_faults(load_32(rest.data()), before));
    }
  }
  return _mm256_testz_si256(faults, faults) != 0;
}

#elif defined(__aarch64__) && defined(__ARM_NEON)

/// 16 bytes, and the 16 before them.
/// Gives: not zero where a code point is broken.
inline uint8x16_t utf8_faults(uint8x16_t now, uint8x16_t before) noexcept {
  const uint8x16_t before_1 = vextq_u8(before, now, 15);
  const uint8x16_t before_2 = vextq_u8(before, now, 14);
  const uint8x16_t before_3 = vextq_u8(before, now, 13);
  const uint8x16_t a = vqtbl1q_u8(vld1q_u8(first_high.data()), vshrq_n_u8(before_1, 4));
  const uint8x16_t b = vqtbl1q_u8(vld1q_u8(first_low.data()), vandq_u8(before_1, vdupq_n_u8(0x0F)));
  const uint8x16_t c = vqtbl1q_u8(vld1q_u8(second_high.data()), vshrq_n_u8(now, 4));
  const uint8x16_t third = vqsubq_u8(before_2, vdupq_n_u8(0xE0 - 0x80));
  const uint8x16_t fourth = vqsubq_u8(before_3, vdupq_n_u8(0xF0 - 0x80));
  const uint8x16_t due = vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80));
  return veorq_u8(vandq_u8(vandq_u8(a, b), c), due);
}

/// Says whether a text that ends between code points is valid.
inline bool utf8_neon(const unsigned char* text, std::size_t size) noexcept {
  uint8x16_t faults = vdupq_n_u8(0);
  uint8x16_t before = vdupq_n_u8(0);
  std::size_t i = 0;
  for (; size - i >= 16; i += 16) {
    const uint8x16_t now = vld1q_u8(text + i);
    faults = vorrq_u8(faults, utf8_faults(now, before));
    before = now;
  }
  std::array<unsigned char, 16> rest{};
  std::memcpy(rest.data(), text + i, size - i);
  faults = vorrq_u8(faults, utf8_faults(vld1q_u8(rest.data()), before));
  return vmaxvq_u8(faults) == 0;
}

#endif

/// The kernel for this processor, if there is one.
/// Gives: false if the text, which ends between code points, is not valid, or there is none.
inline bool utf8_whole(const unsigned char* text, std::size_t size) noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && utf8_avx2(text, size);
#elif defined(__aarch64__) && defined(__ARM_NEON)
  return utf8_neon(text, size);
#else
  (void)text, (void)size;
  return false;
#endif
}

/// How many bytes a text begins with that the kernels find valid; they end between code points. The rest is
/// to be judged byte by byte: it is short, or there is a fault in it.
inline std::size_t utf8_blocks(const unsigned char* text, std::size_t size) noexcept {
  const std::size_t ascii = ascii_blocks(text, size);
  text += ascii;
  size -= ascii;
  const std::size_t whole = size - cut_code_point(text, size);
  // At the end, a lead may stand behind a lead.
  if (whole < 16 || cut_code_point(text, whole) != 0) return ascii;
  return utf8_whole(text, whole) ? ascii + whole : ascii;
}

}  // namespace sansocket::detail

#endif
