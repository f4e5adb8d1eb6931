#include "sansocket/codec/mask_kernel.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

using key_bytes = std::array<std::byte, 4>;
using kernel = std::uint64_t (*)(std::byte*, const std::byte*, std::size_t, std::uint32_t);

constexpr key_bytes key{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};
constexpr auto number = std::bit_cast<std::uint32_t>(key);

struct named_kernel {
  std::string name;
  kernel run;
  std::size_t least;  // bytes that it takes
  std::size_t most;
};

/// All that this processor has.
std::vector<named_kernel> kernels() {
  std::vector<named_kernel> all{{"few", detail::mask_few, 0, 15},
                                {"two blocks", detail::mask_two_blocks, 16, 32},
                                {"blocks", detail::mask_blocks, 32, 1U << 24U}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) all.push_back({"avx2", detail::mask_avx2, 32, 1U << 24U});
  if (__builtin_cpu_supports("avx512bw")) all.push_back({"avx512", detail::mask_avx512, 64, 1U << 24U});
#endif
  return all;
}

/// Bytes without pattern; in every other call without high bits once they are masked.
std::vector<std::byte> noise(std::size_t size, bool ascii) {
  std::vector<std::byte> data(size);
  std::uint32_t state = static_cast<std::uint32_t>(size) + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    data[i] = static_cast<std::byte>(state >> 24U);
    if (ascii) data[i] = (data[i] & std::byte{0x7F}) ^ key[i % 4];
  }
  return data;
}

/// §5.3, as it stands there.
std::vector<std::byte> masked(std::vector<std::byte> data) {
  for (std::size_t i = 0; i < data.size(); ++i) data[i] ^= key[i % 4];
  return data;
}

bool is_ascii(const std::vector<std::byte>& data) {
  for (const std::byte each : data) {
    if ((each & std::byte{0x80}) != std::byte{0}) return false;
  }
  return true;
}

/// Runs a kernel in place, and from one block to another, at one alignment each; every block ends where the
/// bytes end.
void check(const named_kernel& tried, std::size_t size, std::size_t from, std::size_t to, bool ascii) {
  const std::vector<std::byte> plain = noise(size, ascii);
  const std::vector<std::byte> expected = masked(plain);
  std::vector<std::byte> shifted(from);
  shifted.insert(shifted.end(), plain.begin(), plain.end());
  exact_buffer source{const_bytes(shifted)};
  exact_buffer target{const_bytes(std::vector<std::byte>(to + size))};

  const bytes in_place = source.view().subspan(from);
  const std::uint64_t seen =
      tried.run(target.view().subspan(to).data(), in_place.data(), size, number) & detail::high_bits;
  const bytes copied = target.view().subspan(to);
  const bool right = std::equal(copied.begin(), copied.end(), expected.begin(), expected.end()) &&
                     std::equal(in_place.begin(), in_place.end(), plain.begin(), plain.end()) &&
                     (seen == 0) == is_ascii(expected);
  const std::uint64_t again = tried.run(in_place.data(), in_place.data(), size, number) & detail::high_bits;
  const bool also = std::equal(in_place.begin(), in_place.end(), expected.begin(), expected.end()) && again == seen;
  if (right && also) return;
  FAIL_CHECK(tried.name << ": " << size << " bytes from +" << from << " to +" << to);
}

}  // namespace

// Invariant: every kernel does what the loop of §5.3 does, at every length, offset and alignment, touches
// no byte outside, and knows whether the outcome is ASCII.
TEST_CASE("mask_kernel: every kernel is the loop of the RFC, at every length and alignment", "[mask_kernel][5.3]") {
  for (const named_kernel& tried : kernels()) {
    for (std::size_t size = tried.least; size <= std::min<std::size_t>(tried.most, 300); ++size) {
      for (std::size_t offset = 0; offset < 4; ++offset) check(tried, size, offset, 3 - offset, size % 2 == 0);
    }
    for (std::size_t offset = 0; offset < 64; ++offset) {
      for (const std::size_t size : {std::size_t{7}, std::size_t{15}, std::size_t{67}, std::size_t{259}}) {
        if (size >= tried.least && size <= tried.most) check(tried, size, offset, 63 - offset, offset % 2 == 0);
      }
    }
    for (const std::size_t size : {std::size_t{4095}, std::size_t{65'537}, std::size_t{1'000'003}}) {
      if (size <= tried.most) check(tried, size, 1, 2, size == 4095);
    }
  }
}

TEST_CASE("mask_kernel: one byte with its high bit set is seen wherever it stands", "[mask_kernel]") {
  for (const named_kernel& tried : kernels()) {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{13}, std::size_t{100}, std::size_t{270}, std::size_t{600}}) {
      if (size < tried.least || size > tried.most) continue;
      for (std::size_t at = 0; at < size; ++at) {
        std::vector<std::byte> data = masked(std::vector<std::byte>(size, std::byte{'a'}));
        data[at] ^= std::byte{0x80};
        exact_buffer exact{const_bytes(data)};
        if ((tried.run(exact.view().data(), exact.view().data(), size, number) & detail::high_bits) == 0) {
          FAIL_CHECK(tried.name << ": byte " << at << " of " << size);
        }
      }
    }
  }
}

TEST_CASE("mask_kernel: the choice among them changes nothing", "[mask_kernel][5.3]") {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 255U, 256U, 257U, 2047U, 2048U, 2049U, 70'000U}) {
    const std::vector<std::byte> plain = noise(size, true);
    exact_buffer exact{const_bytes(plain)};
    CHECK(detail::mask(exact.view().data(), exact.view().data(), size, number));
    const std::vector<std::byte> expected = masked(plain);
    CHECK(std::equal(expected.begin(), expected.end(), exact.view().begin(), exact.view().end()));
  }
}

TEST_CASE("mask_kernel: a key is turned by the offset", "[mask_kernel][5.3]") {
  for (std::size_t offset = 0; offset < 9; ++offset) {
    const auto turned = std::bit_cast<key_bytes>(detail::key_at(number, offset));
    for (std::size_t i = 0; i < 4; ++i) CHECK(turned[i] == key[(i + offset) % 4]);
  }
  STATIC_REQUIRE(detail::key_at(number, 4) == number);
}
