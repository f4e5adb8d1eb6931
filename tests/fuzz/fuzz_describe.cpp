// Invariant: whatever bytes come, their description is one line of at most 255 bytes, UTF-8 without characters that
// control a terminal or end a line.
#include "sansocket/codec/describe.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exact_buffer.hpp"
#include "oracle.hpp"
#include "require.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

void check(const description& words) {
  const std::string_view line = words.view();
  require(!line.empty(), "there is something to say");
  require(line.size() <= 255, "a description is bounded");
  const auto verdict = oracle::judge_text(line);
  require(verdict.possible == line.size() && verdict.complete, "a description is UTF-8");
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto octet = static_cast<unsigned char>(line[i]);
    require(octet >= 0x20 && octet != 0x7F, "there are no C0 controls");
    const std::string_view rest = line.substr(i);
    if (octet == 0xC2) require(static_cast<unsigned char>(rest[1]) >= 0xA0, "there are no C1 controls");
    require(!rest.starts_with("\xE2\x80\xA8") && !rest.starts_with("\xE2\x80\xA9"), "there are no line separators");
    require(!rest.starts_with("\xE2\x80\xAE"), "nothing turns the direction of writing");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const exact_buffer input(const_bytes(std::as_bytes(std::span(data, size))));
  const const_bytes all = input.view();
  check(describe_frame(all));
  check(describe_close(all));
  check(describe_head(text_of(all)));

  // A header that says what it likes, with a payload that need not fit it.
  frame_header header;
  if (all.size() >= 4) {
    header = decode_first_two(all[0], all[1]);
    header.rsv = value_of(all[2]);
    header.payload_length <<= value_of(all[3]) % 64;
    check(describe(header, all.subspan(4)));
    header.payload_length = all.size() - 4;
    check(describe(header, all.subspan(4)));
  }
  check(describe(header));
  return 0;
}
