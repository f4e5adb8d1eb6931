// The kernel of masking: bytes against a repeated key, in vectors (§5.3).
#ifndef SANSOCKET_CODEC_MASK_KERNEL_HPP
#define SANSOCKET_CODEC_MASK_KERNEL_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sansocket::detail {

/// Sixteen bytes. The compiler has the words for the processor at hand: SSE2, NEON, or plain registers.
using block16 = std::uint64_t __attribute__((vector_size(16)));

/// A key as a number whose bytes lie in memory as they travel; `offset` bytes into the payload.
constexpr std::uint32_t key_at(std::uint32_t key, std::size_t offset) noexcept {
  const int bits = static_cast<int>(8 * (offset % 4));
  return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

template <class Word>
Word load(const std::byte* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

template <class Word>
void store(std::byte* to, Word word) noexcept {
  std::memcpy(to, &word, sizeof(word));
}

inline constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080U;

constexpr std::uint64_t twice(std::uint32_t key) noexcept { return (std::uint64_t{key} << 32U) | key; }

/// Masks up to 15 bytes.
/// Gives: bytes of which one has its high bit set if a byte of the outcome has.
inline std::uint64_t mask_few(std::byte* to, const std::byte* from, std::size_t count, std::uint32_t key) noexcept {
  // Two words that overlap in the middle: both are read before either is written.
  if (count >= 8) {
    const auto front = load<std::uint64_t>(from) ^ twice(key);
    const auto back = load<std::uint64_t>(from + count - 8) ^ twice(key_at(key, count));
    store(to, front);
    store(to + count - 8, back);
    return front | back;
  }
  if (count >= 4) {
    const auto front = load<std::uint32_t>(from) ^ key;
    const auto back = load<std::uint32_t>(from + count - 4) ^ key_at(key, count);
    store(to, front);
    store(to + count - 4, back);
    return front | back;
  }
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = from[i] ^ static_cast<std::byte>(key_at(key, i) >> (std::endian::native == std::endian::little ? 0U : 24U));
    seen |= std::to_integer<std::uint64_t>(to[i]);
  }
  return seen;
}

/// Masks 16 to 32 bytes: two blocks that overlap, both read before either is written.
[[gnu::always_inline]] inline std::uint64_t mask_two_blocks(std::byte* to, const std::byte* from, std::size_t count,
                                                            std::uint32_t key) noexcept {
  const std::uint64_t first = twice(key);
  const std::uint64_t last = twice(key_at(key, count));
  const block16 front = load<block16>(from) ^ block16 { first, first };
  const block16 back = load<block16>(from + count - 16) ^ block16 { last, last };
  store(to, front);
  store(to + count - 16, back);
  const block16 seen = front | back;
  return seen[0] | seen[1];
}

/// Four blocks that lie one behind the other.
struct block64 {
  block16 a, b, c, d;
};

[[gnu::always_inline]] inline block64 load_masked(const std::byte* from, block16 keys) noexcept {
  return {load<block16>(from) ^ keys, load<block16>(from + 16) ^ keys, load<block16>(from + 32) ^ keys,
          load<block16>(from + 48) ^ keys};
}

/// Gives: bytes of which one has its high bit set if one that was stored has.
[[gnu::always_inline]] inline block16 store_all(std::byte* to, const block64& blocks) noexcept {
  store(to, blocks.a);
  store(to + 16, blocks.b);
  store(to + 32, blocks.c);
  store(to + 48, blocks.d);
  return (blocks.a | blocks.b) | (blocks.c | blocks.d);
}

/// Masks 32 bytes and more.
inline std::uint64_t mask_blocks(std::byte* to, const std::byte* from, std::size_t count, std::uint32_t key) noexcept {
  const block16 keys = {twice(key), twice(key)};
  const std::uint64_t last = twice(key_at(key, count));
  const block16 last_keys = {last, last};
  block16 seen = {};
  // What overlaps in the middle is read before any of it is written.
  if (count <= 64) {
    const block64 all = {load<block16>(from) ^ keys, load<block16>(from + 16) ^ keys,
                         load<block16>(from + count - 32) ^ last_keys, load<block16>(from + count - 16) ^ last_keys};
    store(to, all.a);
    store(to + 16, all.b);
    store(to + count - 32, all.c);
    store(to + count - 16, all.d);
    seen = (all.a | all.b) | (all.c | all.d);
  } else {
    const block64 tail = load_masked(from + count - 64, last_keys);
    for (std::size_t i = 0; count - i > 64; i += 64) seen |= store_all(to + i, load_masked(from + i, keys));
    seen |= store_all(to + count - 64, tail);
  }
  return seen[0] | seen[1];
}

#if defined(__x86_64__)
/// Masks 128 bytes and more.
[[gnu::target("avx2")]] inline std::uint64_t mask_avx2(std::byte* to, const std::byte* from, std::size_t count,
                                                       std::uint32_t key) noexcept {
  // Loads and stores that assume no alignment; the pointers are cast as the intrinsics ask for it.
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast)
  const auto at = [](const std::byte* p) { return reinterpret_cast<const __m256i*>(p); };
  const auto into = [](std::byte* p) { return reinterpret_cast<__m256i*>(p); };
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  const __m256i keys = _mm256_set1_epi32(static_cast<int>(key));
  const __m256i last = _mm256_set1_epi32(static_cast<int>(key_at(key, count)));
  const __m256i tail = _mm256_xor_si256(_mm256_loadu_si256(at(from + count - 32)), last);
  __m256i seen = tail;
  std::size_t i = 0;
  for (; count - i >= 128; i += 128) {
    const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(at(from + i)), keys);
    const __m256i b = _mm256_xor_si256(_mm256_loadu_si256(at(from + i + 32)), keys);
    const __m256i c = _mm256_xor_si256(_mm256_loadu_si256(at(from + i + 64)), keys);
    const __m256i d = _mm256_xor_si256(_mm256_loadu_si256(at(from + i + 96)), keys);
    _mm256_storeu_si256(into(to + i), a);
    _mm256_storeu_si256(into(to + i + 32), b);
    _mm256_storeu_si256(into(to + i + 64), c);
    _mm256_storeu_si256(into(to + i + 96), d);
    seen = _mm256_or_si256(seen, _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)));
  }
  for (; count - i >= 32; i += 32) {
    const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(at(from + i)), keys);
    _mm256_storeu_si256(into(to + i), a);
    seen = _mm256_or_si256(seen, a);
  }
  _mm256_storeu_si256(into(to + count - 32), tail);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(seen)) != 0 ? high_bits : 0;
}

[[gnu::target("avx512f,avx512bw")]] inline std::uint64_t mask_avx512(std::byte* to, const std::byte* from,
                                                                     std::size_t count, std::uint32_t key) noexcept {
  const __m512i keys = _mm512_set1_epi32(static_cast<int>(key));
  const __m512i last = _mm512_set1_epi32(static_cast<int>(key_at(key, count)));
  const __m512i tail = _mm512_xor_si512(_mm512_loadu_si512(from + count - 64), last);
  __m512i seen = tail;
  std::size_t i = 0;
  for (; count - i >= 256; i += 256) {
    const __m512i a = _mm512_xor_si512(_mm512_loadu_si512(from + i), keys);
    const __m512i b = _mm512_xor_si512(_mm512_loadu_si512(from + i + 64), keys);
    const __m512i c = _mm512_xor_si512(_mm512_loadu_si512(from + i + 128), keys);
    const __m512i d = _mm512_xor_si512(_mm512_loadu_si512(from + i + 192), keys);
    _mm512_storeu_si512(to + i, a);
    _mm512_storeu_si512(to + i + 64, b);
    _mm512_storeu_si512(to + i + 128, c);
    _mm512_storeu_si512(to + i + 192, d);
    seen = _mm512_or_si512(seen, _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d)));
  }
  for (; count - i >= 64; i += 64) {
    const __m512i a = _mm512_xor_si512(_mm512_loadu_si512(from + i), keys);
    _mm512_storeu_si512(to + i, a);
    seen = _mm512_or_si512(seen, a);
  }
  _mm512_storeu_si512(to + count - 64, tail);
  return _mm512_movepi8_mask(seen) != 0 ? high_bits : 0;
}
#endif

/// Masks fewer than 16 bytes, or 32 and more.
/// Gives: whether the outcome is ASCII.
inline bool mask_any(std::byte* to, const std::byte* from, std::size_t count, std::uint32_t key) noexcept {
  if (count < 16) return (mask_few(to, from, count, key) & high_bits) == 0;
#if defined(__x86_64__)
  // Below, the choice would cost more than the wider vectors gain.
  if (count >= 2048 && __builtin_cpu_supports("avx512bw")) return (mask_avx512(to, from, count, key) & high_bits) == 0;
  if (count >= 256 && __builtin_cpu_supports("avx2")) return (mask_avx2(to, from, count, key) & high_bits) == 0;
#endif
  return (mask_blocks(to, from, count, key) & high_bits) == 0;
}

/// Masks while copying; the two places are the same or do not overlap.
/// Gives: whether the outcome is ASCII.
[[gnu::always_inline]] inline bool mask(std::byte* to, const std::byte* from, std::size_t count,
                                        std::uint32_t key) noexcept {
  // The shortest messages are not worth a call.
  if (count - 16 <= 16) return (mask_two_blocks(to, from, count, key) & high_bits) == 0;
  return mask_any(to, from, count, key);
}

}  // namespace sansocket::detail

#endif
