#include "sansocket/deflate/zlib.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using namespace std::string_literals;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

static_assert(deflate_backend<zlib_backend>);
static_assert(!std::is_move_constructible_v<zlib_inflater>, "zlib holds the address of its stream");
static_assert(!std::is_move_constructible_v<zlib_deflater>, "zlib holds the address of its stream");

namespace {

/// Bits in the order in which they stand in the stream, packed from each byte's lowest bit up (RFC 1951
/// §3.1.1). Codes are written with their first bit first, extra bits with the lowest first. Spaces are passed over.
std::string packed(std::string_view bits) {
  std::string out;
  unsigned count = 0;
  for (const char bit : bits) {
    if (bit == ' ') continue;
    if (count % 8 == 0) out += '\0';
    if (bit == '1') out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) | 1U << count % 8);
    ++count;
  }
  return out;
}

const std::string tail = from_hex("00 00 ff ff");

/// RFC 7692 §7.2.3: "Hello" in a fixed block, then an empty block without compression.
const std::string hello_fixed = from_hex("f2 48 cd c9 c9 07 00") + tail;
/// The fixed block alone, marked as the last one.
const std::string hello_final = from_hex("f3 48 cd c9 c9 07 00");
const std::string hello_stored = from_hex("00 05 00 fa ff") + "Hello";
/// "Hello" again: a match of 5 bytes at distance 5, the end of the block, an empty stored block.
const std::string five_again = packed("0 10 0000011 00100 0 0000000 000") + tail;

/// What makes a dynamic block.
std::string farm() {
  std::string out;
  for (int i = 1; i < 8; ++i) {
    out += std::to_string(i * i) + " sheep, " + std::to_string(i * 7) + " goats, ";
    out += std::to_string(i * 11) + " hens and " + std::to_string(i * i * i) + " geese. ";
  }
  return out;
}
/// The same, made with Python's zlib.compressobj(9, DEFLATED, -15, 9) and Z_SYNC_FLUSH.
const std::string farm_packed = from_hex(
    "4c cf 4b 0a 84 30 10 04 d0 ab d4 01 44 e8 4f 12 e7 38 82 4d 5c e9 40 e6 fe 4c 16 56 e2 ae 17 8f "
    "aa 6a 41 3b 23 be 0b 0a ea bd ff da 02 11 9c 71 35 ec d7 01 41 8d 68 b1 c2 c9 c4 e9 54 a7 db e8 "
    "3e 74 2a 74 66 d3 69 21 94 3c e4 46 e9 3e 65 76 4a 4d 94 96 28 53 7a 6d ec e0 a1 36 42 5d 49 73 "
    "7e d5 f7 56 3e 34 96 f6 eb a1 a5 4c 6a 6e a4 7f 00 00 00 ff ff");

struct inflated {
  std::string text;
  error fault = error::none;
};

/// Inflates with so much input and so much room at a time, as the concept says.
inflated inflate_all(zlib_inflater& stream, std::string_view data, std::size_t in_step = 1 << 20,
                     std::size_t out_step = 1 << 16) {
  inflated all;
  exact_buffer room(out_step);
  do {
    const exact_buffer chunk(data.substr(0, in_step));
    const_bytes in = chunk.view();
    data.remove_prefix(in.size());
    for (bool more = true; more;) {
      const transform_step step = stream.inflate(in, room.view());
      if (step.used > in.size() || step.made > out_step) FAIL("more than there is");
      all.text += text_of(const_bytes(room.view()).first(step.made));
      in = in.subspan(step.used);
      all.fault = step.fault;
      if (step.fault != error::none) return all;
      more = step.made == out_step;
      if (!more && !in.empty()) FAIL("all of the input, if room is left");
    }
  } while (!data.empty());
  return all;
}

inflated inflate_fresh(std::string_view data, std::size_t in_step = 1 << 20, std::size_t out_step = 1 << 16) {
  const auto stream = zlib_inflater::make();
  REQUIRE(stream);
  return inflate_all(*stream, data, in_step, out_step);
}

/// Deflates with so much room at a time, until room is left.
std::string deflate_all(zlib_deflater& stream, std::string_view data, std::size_t room_size = 1 << 16) {
  std::string out;
  const exact_buffer whole(data);
  const_bytes in = whole.view();
  for (;;) {
    exact_buffer room(room_size);
    const transform_step step = stream.deflate(in, room.view());
    REQUIRE(step.fault == error::none);
    in = in.subspan(step.used);
    out += text_of(const_bytes(room.view()).first(step.made));
    if (in.empty() && step.made < room_size) return out;
  }
}

/// What zlib itself makes of raw DEFLATE with such a window, a byte at a time; "?" at a fault.
std::string raw_inflate(std::string data, int window_bits) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, -window_bits) == Z_OK);
  stream.next_in = static_cast<Bytef*>(static_cast<void*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  for (;;) {
    Bytef one = 0;
    stream.next_out = &one;
    stream.avail_out = 1;
    const int code = ::inflate(&stream, Z_SYNC_FLUSH);
    if (stream.avail_out == 0) out += static_cast<char>(one);
    else if (code != Z_BUF_ERROR || stream.avail_in != 0) out += '?';
    if (stream.avail_out != 0) break;
  }
  inflateEnd(&stream);
  return out;
}

/// Bytes that do not compress, the same in every run.
std::string noise(std::size_t size) {
  std::string out;
  std::uint32_t state = 12345;
  while (out.size() < size) {
    state = state * 1664525U + 1013904223U;
    out += static_cast<char>(state >> 24U);
  }
  return out;
}

}  // namespace

// Inflating

TEST_CASE("zlib: inflates blocks of every type, however input and room are cut", "[zlib][rfc1951]") {
  struct {
    std::string data, text;
  } const cases[] = {{hello_fixed, "Hello"},
                     {hello_stored, "Hello"},
                     {farm_packed, farm()},
                     {hello_stored + hello_fixed + five_again + farm_packed, "HelloHelloHello" + farm()}};
  for (const auto& [data, text] : cases) {
    for (const std::size_t in_step : {1U, 2U, 3U, 7U, 1000U}) {
      for (const std::size_t out_step : {1U, 2U, 5U, 1000U}) {
        CAPTURE(to_hex(bytes_of(std::string_view(data))), in_step, out_step);
        const inflated seen = inflate_fresh(data, in_step, out_step);
        CHECK(seen.text == text);
        CHECK(seen.fault == error::none);
      }
    }
  }
}

TEST_CASE("zlib: room that is used up exactly stops it before the next byte", "[zlib]") {
  const auto stream = zlib_inflater::make();
  const exact_buffer data(hello_fixed);
  exact_buffer room(5);
  const transform_step step = stream->inflate(data.view(), room.view());
  CHECK(step.made == 5);
  CHECK(room.text() == "Hello");
  CHECK(step.fault == error::none);
  CHECK(inflate_all(*stream, text_of(data.view().subspan(step.used))).text.empty());
  CHECK(stream->at_block_end());
}

TEST_CASE("zlib: nothing to inflate is no fault", "[zlib]") {
  const auto stream = zlib_inflater::make();
  for (int i = 0; i < 3; ++i) {
    exact_buffer room(8);
    const transform_step step = stream->inflate({}, room.view());
    CHECK(step.used == 0);
    CHECK(step.made == 0);
    CHECK(step.fault == error::none);
    CHECK(stream->at_block_end());
    CHECK(stream->since_final_block() != 0);
  }
}

TEST_CASE("zlib: a block's end is where no bits are left over", "[zlib][rfc1951]") {
  const auto at_end = [](std::string_view data) {
    const auto stream = zlib_inflater::make();
    const inflated seen = inflate_all(*stream, data);
    CHECK(seen.fault == error::none);
    return stream->at_block_end();
  };
  CHECK(at_end(""));
  // Stored: at its last byte and nowhere before.
  for (std::size_t size = 1; size < hello_stored.size(); ++size) CHECK_FALSE(at_end(hello_stored.substr(0, size)));
  CHECK(at_end(hello_stored));
  CHECK_FALSE(at_end(hello_stored + from_hex("00")));
  CHECK(at_end(hello_stored + from_hex("00") + tail));
  // Fixed: its end lies in the middle of a byte.
  for (std::size_t size = 1; size < hello_fixed.size(); ++size) CHECK_FALSE(at_end(hello_fixed.substr(0, size)));
  CHECK(at_end(hello_fixed));
  // Fixed, and ends with a byte: 3 + 6 * 9 + 7 bits, the literal 0x90 six times.
  const std::string literals = "110010000 110010000 110010000 110010000 110010000 110010000";
  const std::string even = packed("0 10 " + literals + " 0000000");
  REQUIRE(even.size() == 8);
  CHECK(at_end(even));
  CHECK(inflate_fresh(even).text == std::string(6, '\x90'));
  // One bit is left over, and it is 0, so that it could be taken for the padding that it is not.
  CHECK_FALSE(at_end(packed("0 10 110010000 110010000 110010000 110010000 110010000 0000000 ")));
  // Dynamic.
  for (std::size_t size = 1; size < farm_packed.size(); ++size) CHECK_FALSE(at_end(farm_packed.substr(0, size)));
  CHECK(at_end(farm_packed));
  // Marked as the last: zlib drops what is left of the byte.
  for (std::size_t size = 1; size < hello_final.size(); ++size) CHECK_FALSE(at_end(hello_final.substr(0, size)));
  CHECK(at_end(hello_final));
}

TEST_CASE("zlib: goes on behind blocks that are marked as the last, with the same window", "[zlib][rfc7692][7.2.3.4]") {
  for (const std::size_t in_step : {1U, 2U, 1000U}) {
    for (const std::size_t out_step : {1U, 3U, 1000U}) {
      CAPTURE(in_step, out_step);
      CHECK(inflate_fresh(hello_final, in_step, out_step).text == "Hello");
      CHECK(inflate_fresh(hello_final + from_hex("00") + tail, in_step, out_step).text == "Hello");
      CHECK(inflate_fresh(hello_final + five_again, in_step, out_step).text == "HelloHello");
      CHECK(inflate_fresh(hello_final + hello_final + farm_packed + hello_final + five_again, in_step, out_step).text ==
            "HelloHello" + farm() + "HelloHello");
      // In a message of its own, as context is taken over.
      const auto stream = zlib_inflater::make();
      CHECK(inflate_all(*stream, hello_final, in_step, out_step).text == "Hello");
      CHECK(inflate_all(*stream, five_again, in_step, out_step).text == "Hello");
    }
  }
}

TEST_CASE("zlib: knows that the last byte was a final block's", "[zlib]") {
  const auto stream = zlib_inflater::make();
  CHECK(stream->since_final_block() != 0);
  CHECK(inflate_all(*stream, hello_final.substr(0, 6)).text == "Hello");
  CHECK(stream->since_final_block() != 0);
  CHECK(inflate_all(*stream, hello_final.substr(6)).fault == error::none);
  CHECK(stream->since_final_block() == 0);
  CHECK(inflate_all(*stream, "").fault == error::none);
  CHECK(stream->since_final_block() == 0);
  CHECK(inflate_all(*stream, from_hex("00")).fault == error::none);
  CHECK(stream->since_final_block() != 0);
  CHECK_FALSE(stream->at_block_end());
  CHECK(inflate_all(*stream, tail).fault == error::none);
  CHECK(stream->since_final_block() != 0);
  CHECK(stream->at_block_end());
  CHECK(inflate_all(*stream, hello_stored).text == "Hello");
  CHECK(stream->since_final_block() != 0);
}

TEST_CASE("zlib: hundreds of thousands of empty final blocks are one walk over them", "[zlib][10.4]") {
  // 03 00 is an empty fixed block that is marked as the last. Work that grew with their square would not end.
  constexpr int count = 300'000;
  std::string data;
  for (int i = 0; i < count; ++i) data += from_hex("03 00");
  const auto stream = zlib_inflater::make();
  exact_buffer room(64);
  const exact_buffer blocks(data);
  const transform_step step = stream->inflate(blocks.view(), room.view());
  CHECK(step.used == data.size());
  CHECK(step.made == 0);
  CHECK(step.fault == error::none);
  CHECK(stream->since_final_block() == 0);
  CHECK(stream->at_block_end());
  CHECK(inflate_all(*stream, hello_fixed).text == "Hello");

  // The same with a literal in each, so that the window has to stay: 'a' is 0x30 + 0x61 in eight bits.
  data.clear();
  for (int i = 0; i < count / 10; ++i) data += packed("1 10 10010001 0000000");
  CHECK(inflate_all(*stream, data).text == std::string(count / 10, 'a'));
  CHECK(inflate_all(*stream, five_again).text == "aaaaa");
}

TEST_CASE("zlib: data that is not DEFLATE is a fault, and what came before it is good", "[zlib][rfc1951]") {
  const std::vector<std::string> bad = {
      packed("0 11"),                                         // a block of the type that is reserved
      packed("1 11"),                                         //
      from_hex("00 05 00 00 00"),                             // a length and its complement that do not agree
      from_hex("00 05 00 fb ff"),                             //
      packed("0 10 0000011 00101 0"),                         // a match that begins before the first byte
      packed("0 10 11000110"),                                // a length code that does not exist: 286
      packed("0 10 0000011 11110"),                           // a distance code that does not exist: 30
      packed("0 01 01111 00000 0000"),                        // a dynamic block with too many codes
      packed("0 01 00000 00000 1111" + std::string(60, '1'))  // one whose code lengths cannot be a code
  };
  for (const std::string& data : bad) {
    CAPTURE(to_hex(bytes_of(std::string_view(data))));
    for (const std::size_t step : {1U, 2U, 1000U}) {
      CHECK(inflate_fresh(data, step, step).fault == error::compressed_data_invalid);
      const inflated behind = inflate_fresh("" + from_hex("00 02 00 fd ff") + "ab" + data, step, step);
      CHECK(behind.fault == error::compressed_data_invalid);
      CHECK(behind.text == "ab");
    }
  }
}

TEST_CASE("zlib: a fault is for good, until it is reset", "[zlib]") {
  const auto stream = zlib_inflater::make();
  REQUIRE(inflate_all(*stream, packed("0 11")).fault == error::compressed_data_invalid);
  CHECK(inflate_all(*stream, hello_fixed).fault == error::compressed_data_invalid);
  REQUIRE(stream->reset());
  CHECK(inflate_all(*stream, hello_fixed).text == "Hello");
}

TEST_CASE("zlib: what is cut short is no fault, only not at a block's end", "[zlib]") {
  for (const std::string& data : {farm_packed, hello_fixed, hello_stored}) {
    for (std::size_t size = 1; size < data.size(); ++size) {
      CHECK(inflate_fresh(data.substr(0, size), 3, 3).fault == error::none);
    }
  }
}

namespace {

/// A code of a distance, five bits with the first one first.
std::string distance_code(unsigned value) {
  std::string out;
  for (const unsigned bit : {16U, 8U, 4U, 2U, 1U}) out += (value & bit) != 0 ? '1' : '0';
  return out;
}

/// Bytes in stored blocks, of 2^14 at most each.
std::string stored(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 1 << 14) {
    const std::string part = text.substr(at, 1 << 14);
    const auto size = static_cast<unsigned>(part.size());
    out += '\0';
    for (const unsigned value : {size, ~size}) {
      out += static_cast<char>(value & 0xFFU);
      out += static_cast<char>(value >> 8U & 0xFFU);
    }
    out += part;
  }
  return out;
}

}  // namespace

TEST_CASE("zlib: a distance is good as far as there are bytes, up to 32 KiB, however room is cut",
          "[zlib][rfc7692][7.1.2]") {
  for (unsigned bits = 8; bits <= 15; ++bits) {
    CAPTURE(bits);
    const std::size_t distance = std::size_t{1} << bits;
    const std::string text = noise(distance + 1);
    // A match of 3 bytes at the distance 2^bits: the last value of code 2 * bits - 1, of bits - 2 extra bits.
    const std::string match =
        packed("0 10 0000001 " + distance_code(2 * bits - 1) + std::string(bits - 2, '1') + " 0000000 000") + tail;
    for (const std::size_t out_step : {1U, 7U, 255U, 100'000U}) {
      CAPTURE(out_step);
      const inflated near = inflate_fresh(stored(text) + match, 1 << 20, out_step);
      CHECK(near.fault == error::none);
      CHECK((near.text == text + text.substr(1, 3)));
      // One byte more than there are.
      const std::string less = text.substr(2);
      const inflated far = inflate_fresh(stored(less) + match, 1 << 20, out_step);
      CHECK(far.fault == error::compressed_data_invalid);
      CHECK((far.text == less));
    }
  }
}

TEST_CASE("zlib: goes on with a window that was kept", "[zlib]") {
  for (const std::size_t size : {1U, 5U, 256U, 5000U, 32'768U}) {
    CAPTURE(size);
    const auto first = zlib_inflater::make();
    const std::string text = noise(40'000);
    CHECK((inflate_all(*first, stored(text)).text == text));
    exact_buffer kept(size);
    REQUIRE(first->window(kept.view()) == size);
    CHECK((kept.text() == text.substr(text.size() - size)));

    const auto second = zlib_inflater::make();
    REQUIRE(second->remember(kept.view()));
    CHECK(second->at_block_end());
    if (size >= 5) {
      CHECK(inflate_all(*second, five_again).text == text.substr(text.size() - 5));
    } else {
      CHECK(inflate_all(*second, five_again).fault == error::compressed_data_invalid);
    }
    // Also a stream that was used for something else and reset.
    REQUIRE(first->reset());
    REQUIRE(first->remember(kept.view()));
    CHECK(inflate_all(*first, hello_stored).text == "Hello");
    CHECK(inflate_all(*first, five_again).text == "Hello");
    exact_buffer after(std::size_t{6});
    CHECK(first->window(after.view()) == 6);
    CHECK(after.text() == "oHello");
  }
}

TEST_CASE("zlib: a window is as much as there is", "[zlib]") {
  const auto stream = zlib_inflater::make();
  exact_buffer room(40'000);
  CHECK(stream->window(room.view()) == 0);
  REQUIRE(stream->remember({}));
  CHECK(inflate_all(*stream, hello_fixed).text == "Hello");
  CHECK(stream->window(room.view()) == 5);
  CHECK(room.text().substr(0, 5) == "Hello");
  CHECK(inflate_all(*stream, five_again).text == "Hello");
  CHECK(stream->window(room.view()) == 10);
  CHECK(inflate_all(*stream, stored(noise(33'000))).fault == error::none);
  CHECK(stream->window(room.view()) == 32'768);
  REQUIRE(stream->reset());
  CHECK(stream->window(room.view()) == 0);
}

TEST_CASE("zlib: an inflater that was reset knows of nothing before", "[zlib]") {
  const auto stream = zlib_inflater::make();
  CHECK(inflate_all(*stream, hello_fixed).text == "Hello");
  CHECK(inflate_all(*stream, five_again).text == "Hello");
  REQUIRE(stream->reset());
  CHECK(inflate_all(*stream, five_again).fault == error::compressed_data_invalid);

  // In the middle of a block, and behind a final one.
  REQUIRE(stream->reset());
  CHECK(inflate_all(*stream, farm_packed.substr(0, 40)).fault == error::none);
  CHECK_FALSE(stream->at_block_end());
  REQUIRE(stream->reset());
  CHECK(stream->at_block_end());
  CHECK(inflate_all(*stream, hello_final).text == "Hello");
  CHECK(stream->since_final_block() == 0);
  REQUIRE(stream->reset());
  CHECK(stream->since_final_block() != 0);
  CHECK(stream->at_block_end());
  CHECK(inflate_all(*stream, farm_packed).text == farm());
}

// Deflating

TEST_CASE("zlib: deflates to what ends with an empty block without compression", "[zlib][rfc7692][7.2.1]") {
  const auto stream = zlib_deflater::make(15, 6, 8);
  REQUIRE(stream);
  // RFC 7692 §7.2.3.1 and §7.2.3.2.
  CHECK(to_hex(bytes_of(std::string_view(deflate_all(*stream, "Hello")))) == "f2 48 cd c9 c9 07 00 00 00 ff ff");
  CHECK(to_hex(bytes_of(std::string_view(deflate_all(*stream, "Hello")))) == "f2 00 11 00 00 00 00 ff ff");
}

TEST_CASE("zlib: nothing to deflate makes nothing behind a flush", "[zlib]") {
  const auto stream = zlib_deflater::make(15, 6, 8);
  CHECK(deflate_all(*stream, "Hello").ends_with(tail));
  CHECK(deflate_all(*stream, "").empty());
  CHECK(deflate_all(*stream, "").empty());
  CHECK(deflate_all(*stream, "Hello").ends_with(tail));
}

TEST_CASE("zlib: deflates into room of any size from 8 bytes", "[zlib]") {
  const std::string texts[] = {"Hello", farm(), noise(500), farm() + noise(300) + farm()};
  for (const std::string& text : texts) {
    for (std::size_t room = 8; room < 300; ++room) {
      CAPTURE(text.size(), room);
      const auto stream = zlib_deflater::make(15, 6, 8);
      const std::string first = deflate_all(*stream, text, room);
      CHECK(first.ends_with(tail));
      CHECK(first.size() <= text.size() + 64);  // it does not flush again and again
      const std::string second = deflate_all(*stream, text, room);
      CHECK(second.ends_with(tail));
      CHECK(second.size() < first.size());
      CHECK((raw_inflate(first + second, 15) == text + text));
    }
  }
}

TEST_CASE("zlib: deflates at every level, with every window and memory level", "[zlib]") {
  const std::string part = noise(200);
  std::string text = farm();
  for (const std::size_t gap : {300U, 900U, 2000U, 4000U, 9000U, 17'000U, 30'000U}) text += part + noise(gap);
  CHECK(zlib_deflater::min_window_bits == 9);
  for (int bits = 9; bits <= 15; ++bits) {
    for (int level = 1; level <= 9; ++level) {
      for (const int memory : {1, 5, 8, 9}) {
        CAPTURE(bits, level, memory);
        const auto stream = zlib_deflater::make(bits, level, memory);
        REQUIRE(stream);
        const std::string packed_text = deflate_all(*stream, text);
        CHECK(packed_text.ends_with(tail));
        if (level % 4 == 1) CHECK((raw_inflate(packed_text, bits) == text));
      }
    }
  }
  CHECK_FALSE(zlib_deflater::make(7, 6, 8));
  CHECK_FALSE(zlib_deflater::make(16, 6, 8));
  CHECK_FALSE(zlib_deflater::make(15, 10, 8));
  CHECK_FALSE(zlib_deflater::make(15, 6, 10));
}

TEST_CASE("zlib: window, level and memory level are what was asked for", "[zlib]") {
  const auto size = [](const std::string& text, int bits, int level, int memory) {
    return deflate_all(*zlib_deflater::make(bits, level, memory), text).size();
  };
  // The second half is found again only if it is in the window.
  for (int bits = 9; bits <= 15; ++bits) {
    CAPTURE(bits);
    const std::size_t window = std::size_t{1} << static_cast<unsigned>(bits);
    const std::string near = noise(window / 4) + noise(window / 4);
    const std::string far = noise(window) + noise(window);
    CHECK(size(near, bits, 6, 8) < near.size() * 3 / 4);
    CHECK(size(far, bits, 6, 8) > far.size());
  }
  std::string words;
  for (int i = 0; i < 3000; ++i) words += std::to_string(i * i % 977) + (i % 3 == 0 ? " sheep " : " goats and ");
  CHECK(size(words, 15, 9, 8) < size(words, 15, 1, 8));
  CHECK(size(words, 15, 6, 9) < size(words, 15, 6, 1));
}

TEST_CASE("zlib: a deflater that was reset knows of nothing before", "[zlib]") {
  const auto stream = zlib_deflater::make(15, 6, 8);
  const std::string first = deflate_all(*stream, farm());
  const std::string second = deflate_all(*stream, farm());
  CHECK(second.size() < first.size());
  REQUIRE(stream->reset());
  CHECK(deflate_all(*stream, farm()) == first);

  // In the middle of its output.
  exact_buffer room(8);
  const exact_buffer text(noise(1000));
  REQUIRE(stream->deflate(text.view(), room.view()).made == 8);
  REQUIRE(stream->reset());
  CHECK(deflate_all(*stream, farm()) == first);
}
