#include "sansocket/codec/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

/// Every code point, encoded as RFC 3629 §3 says, and every beginning of such an encoding. Shares no idea with the
/// validator: nothing is known here of overlong forms; they are simply not in the list.
class all_encodings {
 public:
  all_encodings() : whole2_(1U << 16U), begins2_(1U << 16U), begins3_(1U << 24U) {
    for (std::uint32_t point = 0; point <= 0x10'FFFF; ++point) {
      if (point >= 0xD800 && point <= 0xDFFF) continue;  // "The definition of UTF-8 prohibits" surrogates
      add(point);
    }
  }

  /// How long the encoding at the front is; 0 if it is only a beginning of one; and where the first byte lies that
  /// cannot follow those before it, at most text.size().
  struct finding {
    std::size_t whole = 0;
    std::size_t possible = 0;
  };
  finding front(const_bytes text) const {
    std::uint32_t number = 0;
    for (std::size_t n = 1; n <= std::min<std::size_t>(text.size(), 4); ++n) {
      number = number << 8U | value_of(text[n - 1]);
      if (n == 1 && whole1_[number]) return {1, 1};
      if (n == 2 && whole2_[number]) return {2, 2};
      if (n == 3 && std::ranges::binary_search(whole3_, number)) return {3, 3};
      if (n == 4 && std::ranges::binary_search(whole4_, number)) return {4, 4};
      const bool begins = n == 1 ? begins1_[number] : n == 2 ? begins2_[number] : n == 3 ? begins3_[number] : false;
      if (!begins) return {0, n - 1};
    }
    return {0, text.size()};
  }

  struct verdict {
    std::size_t valid = 0;  ///< bytes that can begin a valid text
    bool complete = false;  ///< no code point is cut there
    friend bool operator==(const verdict&, const verdict&) = default;
  };
  verdict judge(const_bytes text) const {
    std::size_t at = 0;
    while (at < text.size()) {
      const finding next = front(text.subspan(at));
      if (next.whole == 0) return {at + next.possible, next.possible == 0};
      at += next.whole;
    }
    return {at, true};
  }

 private:
  void add(std::uint32_t point) {
    const auto tail = [&](unsigned shift) { return 0x80U | (point >> shift & 0x3FU); };
    if (point <= 0x7F) {
      whole1_[point] = true;
    } else if (point <= 0x7FF) {
      const std::uint32_t lead = 0xC0U | point >> 6U;
      begins1_[lead] = true;
      whole2_[lead << 8U | tail(0)] = true;
    } else if (point <= 0xFFFF) {
      const std::uint32_t lead = 0xE0U | point >> 12U;
      begins1_[lead] = true;
      begins2_[lead << 8U | tail(6)] = true;
      whole3_.push_back(lead << 16U | tail(6) << 8U | tail(0));
    } else {
      const std::uint32_t lead = 0xF0U | point >> 18U;
      begins1_[lead] = true;
      begins2_[lead << 8U | tail(12)] = true;
      begins3_[lead << 16U | tail(12) << 8U | tail(6)] = true;
      whole4_.push_back(lead << 24U | tail(12) << 16U | tail(6) << 8U | tail(0));
    }
  }

  std::array<bool, 256> whole1_{};
  std::array<bool, 256> begins1_{};
  std::vector<bool> whole2_;
  std::vector<bool> begins2_;
  std::vector<std::uint32_t> whole3_;  // ascending, as the code points are
  std::vector<bool> begins3_;
  std::vector<std::uint32_t> whole4_;
};

const all_encodings& reference() {
  static const all_encodings instance;
  return instance;
}

all_encodings::verdict judged(const_bytes text) {
  utf8_validator validator;
  const std::size_t valid = validator.feed(text);
  return {valid, validator.complete()};
}

/// Fails the test unless validator and reference agree about the bytes.
void compare(const_bytes text) {
  const auto expected = reference().judge(text);
  const auto got = judged(text);
  if (got == expected && is_utf8(text) == (expected.complete && expected.valid == text.size())) return;
  std::string words;
  for (const std::byte byte : text) words += std::to_string(value_of(byte)) + ' ';
  FAIL(words << ": " << expected.valid << (expected.complete ? "" : ", cut") << ", but found " << got.valid
             << (got.complete ? "" : ", cut"));
}

std::byte byte_of(unsigned value) { return static_cast<std::byte>(value); }

constexpr std::array edges{0x00U, 0x7FU, 0x80U, 0x8FU, 0x90U, 0x9FU, 0xA0U, 0xBFU, 0xC0U, 0xFFU};

// One text for each way to be valid or not, with the place of the first impossible byte.
struct sample {
  std::string_view text;
  std::size_t valid;
  bool complete;
};
constexpr std::array samples{
    sample{"", 0, true},
    sample{"Hello", 5, true},
    sample{{"\0", 1}, 1, true},
    sample{"\x7F", 1, true},
    sample{"\xC2\x80", 2, true},
    sample{"\xDF\xBF", 2, true},
    sample{"\xE0\xA0\x80", 3, true},
    sample{"\xED\x9F\xBF", 3, true},
    sample{"\xEE\x80\x80", 3, true},
    sample{"\xEF\xBF\xBF", 3, true},
    sample{"\xF0\x90\x80\x80", 4, true},
    sample{"\xF4\x8F\xBF\xBF", 4, true},
    sample{"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5", 11, true},
    sample{"a\xC2\xB5\xE2\x82\xAC\xF0\x9F\x99\x82z", 11, true},
    // Cut code points.
    sample{"a\xC2", 2, false},
    sample{"a\xE2\x82", 3, false},
    sample{"a\xF0\x9F\x99", 4, false},
    // A continuation byte with nothing to continue.
    sample{"a\x80", 1, true},
    sample{"a\xC2\xB5\xB5", 3, true},
    // Overlong forms of '/', U+007F, U+07FF, U+FFFF.
    sample{"\xC0\xAF", 0, true},
    sample{"\xC1\xBF", 0, true},
    sample{"\xE0\x9F\xBF", 1, false},
    sample{"\xF0\x8F\xBF\xBF", 1, false},
    // Surrogates.
    sample{"\xED\xA0\x80", 1, false},
    sample{"\xED\xBF\xBF", 1, false},
    // Above U+10FFFF.
    sample{"\xF4\x90\x80\x80", 1, false},
    sample{"\xF5\x80\x80\x80", 0, true},
    sample{"\xFF", 0, true},
    // A code point that something else interrupts.
    sample{"\xC2z", 1, false},
    sample{"\xE2\x82z", 2, false},
    sample{"\xF0\x9F\x99z", 3, false},
    sample{"\xF0\x9F\x99\xC2", 3, false},
    sample{"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
           "edited",
           12, false},
};

}  // namespace

TEST_CASE("utf8: finds the first impossible byte of the samples", "[utf8][8.1]") {
  for (const sample& each : samples) {
    const exact_buffer text(each.text);
    const auto found = judged(text.view());
    INFO(each.text);
    CHECK(found.valid == each.valid);
    CHECK(found.complete == each.complete);
    CHECK(is_utf8(each.text) == (each.complete && each.valid == each.text.size()));
    compare(text.view());
  }
}

// Invariant: the verdict and the place are those of the slow reference.
TEST_CASE("utf8: judges all sequences of one and two bytes as the reference does", "[utf8][8.1]") {
  exact_buffer one(1);
  exact_buffer two(2);
  for (unsigned first = 0; first < 256; ++first) {
    one.view()[0] = two.view()[0] = byte_of(first);
    compare(one.view());
    for (unsigned second = 0; second < 256; ++second) {
      two.view()[1] = byte_of(second);
      compare(two.view());
    }
  }
}

// Invariant: as above.
TEST_CASE("utf8: judges all first two of three bytes as the reference does", "[utf8][8.1]") {
  exact_buffer text(3);
  for (unsigned first = 0; first < 256; ++first) {
    text.view()[0] = byte_of(first);
    for (unsigned second = 0; second < 256; ++second) {
      text.view()[1] = byte_of(second);
      for (const unsigned third : edges) {
        text.view()[2] = byte_of(third);
        compare(text.view());
      }
    }
  }
}

// Invariant: as above.
TEST_CASE("utf8: judges the edges of four bytes as the reference does", "[utf8][8.1]") {
  exact_buffer text(4);
  for (const unsigned first : {0x7FU, 0xC2U, 0xE0U, 0xEDU, 0xEFU, 0xF0U, 0xF1U, 0xF3U, 0xF4U, 0xF5U, 0xF8U, 0xFFU}) {
    text.view()[0] = byte_of(first);
    for (unsigned second = 0x70; second < 0x100; ++second) {
      text.view()[1] = byte_of(second);
      for (const unsigned third : edges) {
        text.view()[2] = byte_of(third);
        for (const unsigned fourth : edges) {
          text.view()[3] = byte_of(fourth);
          compare(text.view());
        }
      }
    }
  }
}

// Invariant: where a text is cut changes neither the verdict nor the place of the first impossible byte.
TEST_CASE("utf8: judges alike at every cut, in two pieces and in three", "[utf8][8.1]") {
  for (const sample& each : samples) {
    // The ASCII around lets the fast path run before and behind.
    const std::string padded = "12345678ab" + std::string(each.text) + "123456789abcdefgh";
    const auto expected = reference().judge(bytes_of(padded));
    for (std::size_t first = 0; first <= padded.size(); ++first) {
      for (std::size_t second = first; second <= padded.size(); ++second) {
        utf8_validator validator;
        std::size_t valid = 0;
        for (const auto& [from, to] : {std::pair{std::size_t{0}, first}, {first, second}, {second, padded.size()}}) {
          if (valid != from) break;
          const exact_buffer piece(std::string_view(padded).substr(from, to - from));
          valid += validator.feed(std::as_const(piece).view());
        }
        if (valid != expected.valid || validator.complete() != expected.complete)
          FAIL(each.text << " cut at " << first << " and " << second << ": " << valid);
      }
    }
  }
}

// Invariant: the number of bytes of ASCII around a byte changes nothing but its place.
TEST_CASE("utf8: finds an impossible byte at every place among ASCII", "[utf8][8.1]") {
  for (std::size_t length = 1; length <= 40; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      exact_buffer text(std::string(length, 'a'));
      for (const unsigned wrong : {0x80U, 0xBFU, 0xC0U, 0xC1U, 0xF5U, 0xFFU}) {
        text.view()[place] = byte_of(wrong);
        if (judged(text.view()) != all_encodings::verdict{place, true}) FAIL(length << " bytes, place " << place);
      }
      if (place + 3 > length) continue;
      std::ranges::copy(bytes_of("\xE2\x82\xAC"), text.view().subspan(place).begin());
      if (judged(text.view()) != all_encodings::verdict{length, true}) FAIL(length << " bytes, place " << place);
    }
  }
}

TEST_CASE("utf8: the validator goes on after a whole text and can be reset", "[utf8][8.1]") {
  utf8_validator validator;
  CHECK(validator.complete());
  CHECK(validator.feed(bytes_of("\xE2")) == 1);
  CHECK_FALSE(validator.complete());
  CHECK(validator.feed(const_bytes{}) == 0);
  CHECK_FALSE(validator.complete());
  CHECK(validator.feed(bytes_of("\x82\xAC")) == 2);
  CHECK(validator.complete());
  CHECK(validator.feed(bytes_of("a")) == 1);

  // The narrower bounds behind E0, ED, F0 and F4 go away with the reset.
  CHECK(validator.feed(bytes_of("\xE0")) == 1);
  validator.reset();
  CHECK(validator.complete());
  CHECK(validator.feed(bytes_of("\xC2\x80")) == 2);
  CHECK(validator.feed(bytes_of("\xED\xA0")) == 1);
  validator.reset();
  CHECK(validator.feed(bytes_of("\xDF\xBF")) == 2);
  CHECK(validator.complete());
}

TEST_CASE("utf8: takes any one-byte elements", "[utf8]") {
  const std::array<char, 3> chars{'\xE2', '\x82', '\xAC'};
  const std::array<unsigned char, 3> octets{0xE2, 0x82, 0xAC};
  const std::array<std::uint8_t, 2> cut{0xE2, 0x82};
  CHECK(is_utf8(std::span<const char>(chars)));
  CHECK(is_utf8(std::span<const unsigned char>(octets)));
  CHECK(is_utf8(const_bytes(std::as_bytes(std::span(octets)))));
  CHECK_FALSE(is_utf8(std::span<const std::uint8_t>(cut)));
}

TEST_CASE("utf8: the validator is three bytes", "[utf8]") { STATIC_REQUIRE(sizeof(utf8_validator) == 3); }

TEST_CASE("utf8: a prefix never cuts a code point and is the longest one", "[utf8][5.5.1]") {
  const std::string_view text = "a\xC2\xB5\xE2\x82\xAC\xF0\x9F\x99\x82z";
  //                             0 1       3            6                10
  constexpr std::array<std::size_t, 13> expected{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t most = 0; most < expected.size(); ++most) {
    CAPTURE(most);
    const std::string_view prefix = utf8_prefix(text, most);
    CHECK(prefix.size() == expected[most]);
    CHECK(prefix.data() == text.data());
    CHECK(is_utf8(prefix));
  }
  CHECK(utf8_prefix(text, std::string_view::npos) == text);
  CHECK(utf8_prefix("", 0).empty());
  CHECK(utf8_prefix("", 5).empty());
}

TEST_CASE("utf8: gives the same at compile time", "[utf8][8.1]") {
  STATIC_REQUIRE(is_utf8(""));
  STATIC_REQUIRE(is_utf8("a long text of ASCII, \xC2\xB5, \xE2\x82\xAC and \xF0\x9F\x99\x82"));
  STATIC_REQUIRE_FALSE(is_utf8("\xC0\xAF"));
  STATIC_REQUIRE_FALSE(is_utf8("\xED\xA0\x80"));
  STATIC_REQUIRE_FALSE(is_utf8("\xE2\x82"));
  STATIC_REQUIRE(utf8_prefix("a\xE2\x82\xAC", 3) == "a");
  STATIC_REQUIRE(utf8_prefix("a\xE2\x82\xAC", 4) == "a\xE2\x82\xAC");
  constexpr auto place = [] {
    utf8_validator validator;
    const std::string_view text = "0123456789\xF0\x9F\x99z";
    return validator.feed(std::span(text.data(), text.size()));
  }();
  STATIC_REQUIRE(place == 13);
}
