#include "sansocket/codec/mask.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

constexpr masking_key make_key(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {std::byte{a}, std::byte{b}, std::byte{c}, std::byte{d}};
}

constexpr masking_key example_key = make_key(0x37, 0xFA, 0x21, 0x3D);

/// Byte i of a payload that is neither constant nor of the key's period.
constexpr std::byte payload_byte(std::size_t i) { return static_cast<std::byte>((i * 151 + 7) & 0xFFU); }

/// §5.3 as it is written: "transformed-octet-i = original-octet-i XOR masking-key-octet-j", j = i MOD 4.
std::byte masked_byte(std::size_t i, masking_key key, std::uint64_t offset) {
  const auto j = static_cast<std::size_t>((offset % 4 + i) % 4);
  return payload_byte(i) ^ key[j];
}

constexpr std::array offsets{std::uint64_t{0},
                             std::uint64_t{1},
                             std::uint64_t{2},
                             std::uint64_t{3},
                             std::uint64_t{4},
                             std::uint64_t{5},
                             std::uint64_t{6},
                             std::uint64_t{7},
                             std::uint64_t{8},
                             std::uint64_t{125},
                             std::uint64_t{65'535},
                             std::uint64_t{0x7FFF'FFFF'FFFF'FFFF},
                             std::numeric_limits<std::uint64_t>::max()};

}  // namespace

TEST_CASE("mask: masks and unmasks the RFC's example", "[mask][5.3][5.7]") {
  exact_buffer payload("Hello");
  apply_mask(payload.view(), example_key);
  CHECK(to_hex(payload.view()) == "7f 9f 4d 51 58");
  apply_mask(payload.view(), example_key);
  CHECK(payload.text() == "Hello");
}

// Invariant: for every length, offset and alignment the result is that of the naive loop, and nothing else is touched.
TEST_CASE("mask: in place does what the RFC's loop does, for every length, offset and alignment", "[mask][5.3]") {
  for (std::size_t length = 0; length <= 300; ++length) {
    for (const std::uint64_t offset : offsets) {
      for (std::size_t shift = 0; shift < 8; ++shift) {
        // The payload ends where its block ends; before it lie `shift` bytes that are not its own.
        exact_buffer block(shift + length);
        std::ranges::fill(block.view(), std::byte{0xEE});
        const bytes payload = block.view().subspan(shift);
        for (std::size_t i = 0; i < length; ++i) payload[i] = payload_byte(i);

        apply_mask(payload, example_key, offset);
        bool right = true;
        for (std::size_t i = 0; i < shift; ++i) right = right && block.view()[i] == std::byte{0xEE};
        for (std::size_t i = 0; i < length; ++i) right = right && payload[i] == masked_byte(i, example_key, offset);
        if (!right) FAIL("length " << length << ", offset " << offset << ", shift " << shift);
      }
    }
  }
}

// Invariant: as above, and the source stays as it was.
TEST_CASE("mask: copying does what the RFC's loop does and leaves the source and the rest alone", "[mask][5.3]") {
  for (std::size_t length = 0; length <= 300; ++length) {
    exact_buffer from(length);
    for (std::size_t i = 0; i < length; ++i) from.view()[i] = payload_byte(i);
    for (const std::size_t behind : {std::size_t{0}, std::size_t{1}, std::size_t{9}}) {
      exact_buffer to(length + behind);
      std::ranges::fill(to.view(), std::byte{0xEE});
      copy_masked(to.view(), from.view(), example_key);

      bool right = true;
      for (std::size_t i = 0; i < length; ++i) right = right && to.view()[i] == masked_byte(i, example_key, 0);
      for (std::size_t i = 0; i < length; ++i) right = right && from.view()[i] == payload_byte(i);
      for (std::size_t i = length; i < length + behind; ++i) right = right && to.view()[i] == std::byte{0xEE};
      if (!right) FAIL("length " << length << ", behind " << behind);
    }
  }
}

TEST_CASE("mask: every byte of the key counts", "[mask][5.3]") {
  for (unsigned value = 0; value < 256; ++value) {
    for (std::size_t place = 0; place < 4; ++place) {
      masking_key key{};
      key[place] = static_cast<std::byte>(value);
      exact_buffer payload(17);
      apply_mask(payload.view(), key);
      for (std::size_t i = 0; i < 17; ++i) {
        if (value_of(payload.view()[i]) != (i % 4 == place ? value : 0)) FAIL("key byte " << place << " is " << value);
      }
    }
  }
}

// Invariant: where a payload is cut does not matter.
TEST_CASE("mask: two pieces give what the whole gives, at every cut", "[mask][5.3]") {
  constexpr std::size_t length = 67;
  exact_buffer whole(length);
  for (std::size_t i = 0; i < length; ++i) whole.view()[i] = payload_byte(i);
  for (std::size_t cut = 0; cut <= length; ++cut) {
    exact_buffer first(whole.view().first(cut));
    exact_buffer second(whole.view().subspan(cut));
    apply_mask(first.view(), example_key);
    apply_mask(second.view(), example_key, cut);
    for (std::size_t i = 0; i < length; ++i) {
      const std::byte got = i < cut ? first.view()[i] : second.view()[i - cut];
      if (got != masked_byte(i, example_key, 0)) FAIL("byte " << i << ", cut at " << cut);
    }
  }
}

TEST_CASE("mask: a key turns with the offset", "[mask][5.3]") {
  CHECK(to_hex(rotated(example_key, 0)) == "37 fa 21 3d");
  CHECK(to_hex(rotated(example_key, 1)) == "fa 21 3d 37");
  CHECK(to_hex(rotated(example_key, 2)) == "21 3d 37 fa");
  CHECK(to_hex(rotated(example_key, 3)) == "3d 37 fa 21");
  CHECK(to_hex(rotated(example_key, 4)) == "37 fa 21 3d");
  // 2^63 - 1 and 2^64 - 1 are 3 modulo 4.
  CHECK(to_hex(rotated(example_key, 0x7FFF'FFFF'FFFF'FFFF)) == "3d 37 fa 21");
  CHECK(to_hex(rotated(example_key, std::numeric_limits<std::uint64_t>::max())) == "3d 37 fa 21");
}

TEST_CASE("mask: a key of zeros changes nothing", "[mask][5.3]") {
  exact_buffer payload("Hello, world");
  apply_mask(payload.view(), {});
  CHECK(payload.text() == "Hello, world");
}

TEST_CASE("mask: gives the same at compile time", "[mask][5.3]") {
  constexpr auto masked = [](std::uint64_t offset) {
    std::array<std::byte, 19> payload{};
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = payload_byte(i);
    apply_mask(payload, example_key, offset);
    return payload;
  };
  constexpr auto at_compile_time = masked(2);
  CHECK(masked(2) == at_compile_time);
  STATIC_REQUIRE(at_compile_time[0] == (payload_byte(0) ^ std::byte{0x21}));
  STATIC_REQUIRE(at_compile_time[3] == (payload_byte(3) ^ std::byte{0xFA}));
  STATIC_REQUIRE(at_compile_time[18] == (payload_byte(18) ^ std::byte{0x37}));
  STATIC_REQUIRE(rotated(example_key, 1) == make_key(0xFA, 0x21, 0x3D, 0x37));

  constexpr auto copied = [] {
    std::array<std::byte, 5> to{};
    constexpr std::array<std::byte, 5> hello{std::byte{'H'}, std::byte{'e'}, std::byte{'l'}, std::byte{'l'},
                                             std::byte{'o'}};
    copy_masked(to, hello, example_key);
    return to;
  }();
  CHECK(to_hex(copied) == "7f 9f 4d 51 58");
}
