#include "sansocket/codec/utf8_kernel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

using text_bytes = std::vector<unsigned char>;

/// RFC 3629 §4, written out: how many bytes a text begins with that are whole code points.
std::size_t whole_code_points(const text_bytes& text) {
  const auto in = [&](std::size_t at, unsigned lowest, unsigned highest) {
    return at < text.size() && text[at] >= lowest && text[at] <= highest;
  };
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t size = 0;
    if (in(i, 0x00, 0x7F)) size = 1;
    else if (in(i, 0xC2, 0xDF) && in(i + 1, 0x80, 0xBF)) size = 2;
    else if (in(i, 0xE0, 0xE0) && in(i + 1, 0xA0, 0xBF) && in(i + 2, 0x80, 0xBF)) size = 3;
    else if (in(i, 0xE1, 0xEC) && in(i + 1, 0x80, 0xBF) && in(i + 2, 0x80, 0xBF)) size = 3;
    else if (in(i, 0xED, 0xED) && in(i + 1, 0x80, 0x9F) && in(i + 2, 0x80, 0xBF)) size = 3;
    else if (in(i, 0xEE, 0xEF) && in(i + 1, 0x80, 0xBF) && in(i + 2, 0x80, 0xBF)) size = 3;
    else if (in(i, 0xF0, 0xF0) && in(i + 1, 0x90, 0xBF) && in(i + 2, 0x80, 0xBF) && in(i + 3, 0x80, 0xBF)) size = 4;
    else if (in(i, 0xF1, 0xF3) && in(i + 1, 0x80, 0xBF) && in(i + 2, 0x80, 0xBF) && in(i + 3, 0x80, 0xBF)) size = 4;
    else if (in(i, 0xF4, 0xF4) && in(i + 1, 0x80, 0x8F) && in(i + 2, 0x80, 0xBF) && in(i + 3, 0x80, 0xBF)) size = 4;
    else return i;
    i += size;
  }
  return i;
}

/// The prefix that the kernels vouch for is whole and valid; and if there is no fault, next to nothing is left.
bool right(const text_bytes& text) {
  const exact_buffer exact(std::as_bytes(std::span(text)));
  const auto* data = static_cast<const unsigned char*>(static_cast<const void*>(exact.view().data()));
  const std::size_t vouched = detail::utf8_blocks(data, text.size());
  const std::size_t whole = whole_code_points(text);
  if (vouched > whole) return false;
  if (whole_code_points(text_bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(vouched))) != vouched) {
    return false;
  }
  const bool has_kernel = detail::utf8_whole(data, 0);
  return !has_kernel || whole != text.size() || text.size() - vouched < 32;
}

text_bytes bytes_of_text(std::string_view text) { return {text.begin(), text.end()}; }

class noise {
 public:
  std::uint32_t next() { return (state_ = state_ * 1'664'525 + 1'013'904'223) >> 8U; }

 private:
  std::uint32_t state_ = 1;
};

}  // namespace

// Invariant: what the kernels find valid is valid by the grammar of RFC 3629, whatever stands before, behind and
// around it; and of a valid text they leave little.
TEST_CASE("utf8_kernel: every sequence of three bytes, at every place in a block", "[utf8_kernel]") {
  constexpr std::array edges{0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
                             0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};
  for (const std::size_t at : {0U, 13U, 29U, 30U, 31U, 32U, 61U, 62U, 63U, 66U}) {
    text_bytes text(70, 'x');
    bool all = true;
    for (const int a : edges) {
      for (const int b : edges) {
        for (const int c : edges) {
          text[at] = static_cast<unsigned char>(a);
          text[at + 1] = static_cast<unsigned char>(b);
          text[at + 2] = static_cast<unsigned char>(c);
          all = all && right(text);
        }
      }
    }
    CAPTURE(at);
    CHECK(all);
  }
}

TEST_CASE("utf8_kernel: four bytes around every edge, across blocks and at the end", "[utf8_kernel]") {
  for (const std::string_view four : {"\xF0\x90\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80", "\xF1\x80\x80\xC0", "\xF1\x80\x80\x7F", "\xF3\xBF\xBF\xBF"}) {
    for (std::size_t size = 4; size <= 140; ++size) {
      for (std::size_t at = 0; at + 4 <= size; at += (size > 70 ? 7 : 1)) {
        text_bytes text(size, 'x');
        std::ranges::copy(bytes_of_text(four), text.begin() + static_cast<std::ptrdiff_t>(at));
        if (!right(text)) FAIL_CHECK(size << " bytes, at " << at);
      }
    }
  }
}

TEST_CASE("utf8_kernel: texts in many scripts at every length and every cut", "[utf8_kernel]") {
  std::string many;
  while (many.size() < 400) many += "plain größer привет 你好吗 🙂 שלום नमस्ते ";
  const text_bytes all = bytes_of_text(many);
  for (std::size_t from = 0; from < 20; ++from) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
      if (!right(text_bytes(begin, begin + static_cast<std::ptrdiff_t>(size)))) FAIL_CHECK(size << " from " << from);
    }
  }
}

TEST_CASE("utf8_kernel: one or two bytes replaced at random", "[utf8_kernel]") {
  std::string many;
  while (many.size() < 600) many += "plain größer привет 你好吗 🙂🙃 ";
  const text_bytes all = bytes_of_text(many);
  noise random;
  for (int round = 0; round < 30'000; ++round) {
    const std::size_t size = random.next() % 200;
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(random.next() % 300);
    text_bytes text(begin, begin + static_cast<std::ptrdiff_t>(size));
    for (std::uint32_t i = random.next() % 3; i != 0 && size != 0; --i) {
      text[random.next() % size] = static_cast<unsigned char>(random.next());
    }
    if (!right(text)) FAIL_CHECK("round " << round);
  }
}

TEST_CASE("utf8_kernel: a long text with one fault", "[utf8_kernel]") {
  std::string many;
  while (many.size() < 70'000) many += "привет 你好吗 🙂 ";
  text_bytes text = bytes_of_text(many);
  CHECK(right(text));
  for (const std::size_t at : {std::size_t{0}, std::size_t{33'333}, text.size() - 1}) {
    const unsigned char was = std::exchange(text[at], static_cast<unsigned char>(0xFF));
    CHECK(right(text));
    text[at] = was;
  }
}

TEST_CASE("utf8_kernel: finds where ASCII ends, to the block", "[utf8_kernel]") {
  for (std::size_t size = 0; size <= 130; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      text_bytes text(size, 'x');
      text[at] = 0xC3;
      const exact_buffer exact(std::as_bytes(std::span(text)));
      const auto* data = static_cast<const unsigned char*>(static_cast<const void*>(exact.view().data()));
      const std::size_t found = detail::ascii_blocks(data, size);
      if (found > at || at - found >= 32) FAIL_CHECK(at << " of " << size << ": " << found);
    }
  }
}

TEST_CASE("utf8_kernel: says how much of a code point is cut off at the end", "[utf8_kernel]") {
  const auto cut = [](std::string_view text) {
    const text_bytes data = bytes_of_text(text);
    return detail::cut_code_point(data.data(), data.size());
  };
  CHECK(cut("") == 0);
  CHECK(cut("a") == 0);
  CHECK(cut("a\xC3") == 1);
  CHECK(cut("a\xC3\xA4") == 0);
  CHECK(cut("\xE4") == 1);
  CHECK(cut("\xE4\xBD") == 2);
  CHECK(cut("\xE4\xBD\xA0") == 0);
  CHECK(cut("\xF0\x9F") == 2);
  CHECK(cut("\xF0\x9F\x99") == 3);
  CHECK(cut("\xF0\x9F\x99\x82") == 0);
}
