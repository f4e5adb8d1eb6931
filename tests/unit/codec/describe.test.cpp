#include "sansocket/codec/describe.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

std::string frame_line(std::string_view hex) {
  const exact_buffer stream(from_hex(hex));
  return std::string(describe_frame(stream.view()));
}

std::string close_line(std::string_view hex) {
  const exact_buffer payload(from_hex(hex));
  return std::string(describe_close(payload.view()));
}

std::string head_line(std::string_view head) {
  const exact_buffer text(head);
  return std::string(describe_head(text_of(text.view())));
}

std::string quoted(std::string_view text, std::size_t most = 100) {
  const exact_buffer exact(text);
  return std::string(description().add_quoted(text_of(exact.view()), most));
}

/// One line for a log: UTF-8, nothing in it that moves the cursor, and not longer than it may be.
bool is_log_line(std::string_view line) {
  if (line.size() > 255 || !is_utf8(line)) return false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte < 0x20 || byte == 0x7F) return false;
    // U+0080 to U+009F are C2 80 to C2 9F.
    if (byte == 0xC2 && static_cast<unsigned char>(line[i + 1]) < 0xA0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("describe: the RFC's examples", "[describe][5.7]") {
  CHECK(frame_line("81 05 48 65 6c 6c 6f") == R"(text, final, 5 bytes: "Hello")");
  CHECK(frame_line("81 85 37 fa 21 3d 7f 9f 4d 51 58") == R"(text, final, masked, 5 bytes: "Hello")");
  CHECK(frame_line("01 03 48 65 6c") == R"(text, more to come, 3 bytes: "Hel")");
  CHECK(frame_line("80 02 6c 6f") == "continuation, final, 2 bytes: 6c6f");
  CHECK(frame_line("89 05 48 65 6c 6c 6f") == "ping, final, 5 bytes: 48656c6c6f");
  CHECK(frame_line("8a 85 37 fa 21 3d 7f 9f 4d 51 58") == "pong, final, masked, 5 bytes: 48656c6c6f");

  const std::string small = from_hex("82 7e 01 00") + std::string(256, 'a');
  CHECK(describe_frame(bytes_of(small)).view() ==
        "binary, final, 256 bytes: 616161616161616161616161616161616161616161616161...");
  const std::string large = from_hex("82 7f 00 00 00 00 00 01 00 00") + std::string(65'536, 'a');
  CHECK(describe_frame(bytes_of(large)).view() ==
        "binary, final, 65536 bytes: 616161616161616161616161616161616161616161616161...");
}

TEST_CASE("describe: says how much a cut header still needs", "[describe][5.2]") {
  CHECK(frame_line("") == "cut frame header: 0 bytes, at least 2 more");
  CHECK(frame_line("82 7e 01") == "cut frame header: 3 bytes, at least 1 more");
  CHECK(frame_line("82 ff") == "cut frame header: 2 bytes, at least 12 more");
}

TEST_CASE("describe: says what is illegal and why", "[describe][5.2][5.5]") {
  CHECK(frame_line("82 7e 00 05") ==
        "illegal frame header: the payload length is not written in the fewest bytes (RFC 6455 §5.2)");
  CHECK(frame_line("09 00") == "ping, more to come, 0 bytes, illegal: a control frame is fragmented (RFC 6455 §5.5)");
  CHECK(frame_line("89 7e 00 7e") ==
        "ping, final, 126 bytes, illegal: a control frame's payload is longer than 125 bytes (RFC 6455 §5.5)");
  CHECK(frame_line("83 00") ==
        "reserved opcode 3, final, 0 bytes, illegal: the opcode is one of the reserved ones (RFC 6455 §5.2)");
  CHECK(frame_line("8f 80 00 00 00 00") ==
        "reserved opcode 15, final, masked, 0 bytes, illegal: the opcode is one of the reserved ones (RFC 6455 §5.2)");
  CHECK(frame_line("92 00") ==
        "binary, final, RSV3, 0 bytes, illegal: a reserved bit is set and no extension was agreed that gives it a "
        "meaning (RFC 6455 §5.2)");
}

TEST_CASE("describe: names the reserved bits; RSV1 alone may be an extension's", "[describe][5.2]") {
  CHECK(frame_line("c2 01 ff") == "binary, final, RSV1, 1 byte: ff");
  // What an extension has transformed is no text.
  CHECK(frame_line("c1 02 61 62") == "text, final, RSV1, 2 bytes: 6162");
  CHECK(describe({.rsv = 7}).view().starts_with("binary, final, RSV1, RSV2, RSV3, 0 bytes, illegal: "));
}

TEST_CASE("describe: takes a header alone, or with as much of the payload as is there", "[describe]") {
  CHECK(describe({.opcode = opcode::text, .payload_length = 5}).view() == "text, final, 5 bytes");
  CHECK(describe({.opcode = opcode::text, .payload_length = 5}, bytes_of("He")).view() ==
        R"(text, final, 5 bytes: "He")");
  CHECK(describe({.opcode = opcode::text, .payload_length = 5}, bytes_of("Hello, world")).view() ==
        R"(text, final, 5 bytes: "Hello")");
  CHECK(describe({.opcode = opcode::ping}, bytes_of("beyond")).view() == "ping, final, 0 bytes");
  CHECK(describe({.payload_length = max_payload_length}).view() == "binary, final, 9223372036854775807 bytes");
  CHECK(frame_line("82 01") == "binary, final, 1 byte");
  CHECK(frame_line("82 81 00 00 00 00 07") == "binary, final, masked, 1 byte: 07");
}

TEST_CASE("describe: shows 24 bytes of binary and 64 of text at most", "[describe]") {
  const auto binary = [](std::size_t size) {
    return std::string(describe({.payload_length = size}, bytes_of(std::string_view(std::string(size, 'a')))));
  };
  CHECK(binary(24) == "binary, final, 24 bytes: 616161616161616161616161616161616161616161616161");
  CHECK(binary(25) == "binary, final, 25 bytes: 616161616161616161616161616161616161616161616161...");

  const auto text = [](std::size_t size) {
    const std::string payload(size, 'a');
    return std::string(describe({.opcode = opcode::text, .payload_length = size}, bytes_of(payload)));
  };
  CHECK(text(64) == "text, final, 64 bytes: \"" + std::string(64, 'a') + "\"");
  CHECK(text(65) == "text, final, 65 bytes: \"" + std::string(64, 'a') + "\"...");
}

TEST_CASE("describe: says what a Close frame means", "[describe][5.5.1]") {
  CHECK(frame_line("88 00") == "close, final, 0 bytes");
  CHECK(frame_line("88 02 03 e8") == "close, final, 2 bytes: 1000 normal closure");
  CHECK(frame_line("88 85 37 fa 21 3d 34 12 43 44 52") ==
        R"(close, final, masked, 5 bytes: 1000 normal closure "bye")");
  CHECK(frame_line("88 01 03") ==
        "close, final, 1 byte: illegal Close payload: a Close frame's payload is one byte long (RFC 6455 §5.5.1), 03");
  // Of a payload that is cut nothing can be said.
  CHECK(frame_line("88 05 03 e8 62") == "close, final, 5 bytes: 03e862");
}

TEST_CASE("describe: says what a Close payload means", "[describe][7.4]") {
  CHECK(close_line("") == "1005 no status received");
  CHECK(close_line("03 e8") == "1000 normal closure");
  CHECK(close_line("03 e8 62 79 65") == R"(1000 normal closure "bye")");
  CHECK(close_line("0f a0 22 5c 0a") == R"(4000 private use "\x22\x5c\x0a")");
  CHECK(close_line("0b b8 c3 a9") == "3000 registered by a framework \"\xC3\xA9\"");
}

TEST_CASE("describe: says what is wrong with a Close payload and shows eight bytes of it", "[describe][7.4]") {
  CHECK(close_line("ff") == "illegal Close payload: a Close frame's payload is one byte long (RFC 6455 §5.5.1), ff");
  CHECK(close_line("03 ed 62 79 65") ==
        "illegal Close payload: a Close frame carries a code that must not be sent (RFC 6455 §7.4), 03ed627965");
  CHECK(close_line("03 e8 ff") ==
        "illegal Close payload: a Close frame's reason is not valid UTF-8 (RFC 6455 §5.5.1), 03e8ff");
  CHECK(close_line("00 00 02 03 04 05 06 07 08 09").ends_with(", 0000020304050607"));
}

TEST_CASE("describe: says what a head is", "[describe]") {
  CHECK(head_line("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n") ==
        R"("GET /chat HTTP/1.1", 2 fields)");
  CHECK(head_line("GET /chat HTTP/1.1\r\nHost: a\r\n\r\nbehind\r\nit") == R"("GET /chat HTTP/1.1", 1 field)");
  CHECK(head_line("HTTP/1.1 101 Switching Protocols\r\n\r\n") == R"("HTTP/1.1 101 Switching Protocols", 0 fields)");
}

TEST_CASE("describe: says that a head is cut and counts its whole fields", "[describe]") {
  CHECK(head_line("") == R"("", 0 fields, cut)");
  CHECK(head_line("GET /ch") == R"("GET /ch", 0 fields, cut)");
  CHECK(head_line("GET / HTTP/1.1\r\n") == R"("GET / HTTP/1.1", 0 fields, cut)");
  CHECK(head_line("GET / HTTP/1.1\r\nHost: a") == R"("GET / HTTP/1.1", 0 fields, cut)");
  CHECK(head_line("GET / HTTP/1.1\r\nHost: a\r\n") == R"("GET / HTTP/1.1", 1 field, cut)");
  CHECK(head_line("GET / HTTP/1.1\r\nHost: a\r\n\r") == R"("GET / HTTP/1.1", 1 field, cut)");
  CHECK(head_line("\x16\x03\x01\r\n\r\n") == R"("\x16\x03\x01", 0 fields)");
}

TEST_CASE("describe: shows 120 bytes of a head's first line at most", "[describe]") {
  CHECK(head_line(std::string(120, 'a') + "\r\n\r\n") == "\"" + std::string(120, 'a') + "\", 0 fields");
  CHECK(head_line(std::string(121, 'a') + "\r\n\r\n") == "\"" + std::string(120, 'a') + "\"..., 0 fields");
  // Every byte becomes four characters, and the line is full before its end.
  const std::string line = head_line(std::string(120, '\x01') + "\r\n\r\n");
  CHECK(line.size() == 255);
  CHECK(line.starts_with(R"("\x01\x01)"));
  CHECK(line.ends_with("..."));
}

TEST_CASE("description: puts words and numbers after each other", "[describe]") {
  description words;
  CHECK(words.view().empty());
  words.add("a").add(0).add(" ").add(std::numeric_limits<std::uint64_t>::max()).add("");
  CHECK(words.view() == "a0 18446744073709551615");
  words.add(10).add_hex(bytes_of("\x01\xAB"));
  CHECK(words.view() == "a0 184467440737095516151001ab");
  const std::string_view implicit = words;
  CHECK(implicit == words.view());
}

TEST_CASE("description: ends with an ellipsis when it is full, and then takes nothing more", "[describe]") {
  for (std::size_t size = 0; size <= 600; ++size) {
    const std::string words(size, 'a');
    description line;
    line.add(words);
    CAPTURE(size);
    REQUIRE(line.view() == (size <= 252 ? words : std::string(252, 'a') + "..."));
  }

  description full;
  full.add(std::string(300, 'a')).add("b").add(7).add_hex(bytes_of("c")).add_quoted("d", 1);
  CHECK(full.view() == std::string(252, 'a') + "...");
}

TEST_CASE("description: is not cut within a code point", "[describe]") {
  for (std::size_t before = 240; before < 260; ++before) {
    description line;
    line.add(std::string(before, 'a')).add("\xF0\x9F\x99\x82\xF0\x9F\x99\x82");
    CAPTURE(before);
    REQUIRE(line.view().size() <= 255);
    REQUIRE(is_utf8(line.view()));
  }
}

TEST_CASE("description: quotes foreign text and escapes what disturbs a line", "[describe]") {
  CHECK(quoted("") == R"("")");
  CHECK(quoted("Hello") == R"("Hello")");
  CHECK(quoted("\"\\") == R"("\x22\x5c")");
  CHECK(quoted(std::string_view("\0\r\n\t\x1B\x7F", 6)) == R"("\x00\x0d\x0a\x09\x1b\x7f")");
  CHECK(quoted(" ~") == R"(" ~")");
  // U+0080 and U+009F are control characters, U+00A0 is not.
  CHECK(quoted("\xC2\x80\xC2\x9F\xC2\xA0") == "\"\\xc2\\x80\\xc2\\x9f\xC2\xA0\"");
  // Line and paragraph separators, and the controls of writing direction.
  CHECK(quoted("\xE2\x80\xA8") == R"("\xe2\x80\xa8")");
  CHECK(quoted("\xE2\x80\xA9") == R"("\xe2\x80\xa9")");
  CHECK(quoted("\xE2\x80\xAE") == R"("\xe2\x80\xae")");
}

TEST_CASE("description: quotes valid UTF-8 as it is", "[describe]") {
  for (const std::string_view text : {"\xC3\xA9", "\xDF\xBF", "\xE0\xA0\x80", "\xE2\x82\xAC", "\xEF\xBF\xBD",
                                      "\xF0\x9F\x99\x82", "\xF4\x8F\xBF\xBF", "\xE2\x80\xA6", "\xE2\x81\x81"}) {
    CHECK(quoted(text) == "\"" + std::string(text) + "\"");
  }
}

TEST_CASE("description: quotes the signs behind the separators as they are", "[describe]") {
  // U+2030 is the per mille sign, U+2039 a quotation mark: printable, and no separators.
  CHECK(quoted("5\xE2\x80\xB0") == "\"5\xE2\x80\xB0\"");
  CHECK(quoted("\xE2\x80\xB9") == "\"\xE2\x80\xB9\"");
}

TEST_CASE("description: quotes bytes that are not UTF-8 one by one", "[describe]") {
  CHECK(quoted("a\xFFz") == R"("a\xffz")");
  CHECK(quoted("\xC0\xAF") == R"("\xc0\xaf")");
  CHECK(quoted("\xED\xA0\x80") == R"("\xed\xa0\x80")");
  CHECK(quoted("\x80") == R"("\x80")");
  CHECK(quoted("\xE2\x82") == R"("\xe2\x82")");
  CHECK(quoted("\xE2\x82z") == R"("\xe2\x82z")");
  CHECK(quoted("\xF0\x9F\x99") == R"("\xf0\x9f\x99")");
}

TEST_CASE("description: quotes no more than it is told, and says so", "[describe]") {
  CHECK(quoted("Hello", 5) == R"("Hello")");
  CHECK(quoted("Hello", 4) == R"("Hell"...)");
  CHECK(quoted("Hello", 0) == R"(""...)");
  // A code point that only the limit has cut is left out, not taken for a fault.
  CHECK(quoted("a\xE2\x82\xAC", 1) == R"("a"...)");
  CHECK(quoted("a\xE2\x82\xAC", 2) == R"("a"...)");
  CHECK(quoted("a\xE2\x82\xAC", 3) == R"("a"...)");
  CHECK(quoted("a\xE2\x82\xAC", 4) == "\"a\xE2\x82\xAC\"");
  CHECK(quoted("a\xF0\x9F\x99\x82z", 4) == R"("a"...)");
  // What is a fault without the limit as well is shown.
  CHECK(quoted("a\xFF\xFF\xFF", 2) == R"("a\xff"...)");
}

TEST_CASE("description: escapes go on where more text follows than is quoted", "[describe]") {
  CHECK(quoted("a\x01"
               "bcdef",
               4) == R"("a\x01bc"...)");
  CHECK(quoted("\"a\" and more", 4) == R"("\x22a\x22 "...)");
  CHECK(quoted("\n\xE2\x82\xAC!", 3) == R"("\x0a"...)");
  CHECK(quoted("\xC2\x85xyz", 3) == R"("\xc2\x85x"...)");
  const std::string json = R"({"kind":"message","text":"a long enough one to be cut behind 64 bytes of it"})";
  CHECK(describe({.opcode = opcode::text, .payload_length = json.size()}, bytes_of(json)).view().size() > 80);
}

// Invariant: whatever the bytes are, the words are one bounded line of UTF-8 without control characters.
TEST_CASE("describe: any bytes make one harmless line", "[describe]") {
  std::mt19937 random(6455);
  for (int round = 0; round < 6000; ++round) {
    std::string input(random() % 200, '\0');
    // Half of the inputs have more of the bytes on which decisions hang.
    constexpr std::string_view spiced = "\x81\x82\x88\x89\xC1\x05\x7E\x7F\xFE\r\n\"\\\xC2\x80\xE2\x80\xA8\xF0\x9F a";
    for (char& c : input) {
      const auto draw = random();
      c = (round % 2 == 0 || draw % 4 == 0) ? static_cast<char>(draw >> 8U) : spiced[draw % spiced.size()];
    }
    const exact_buffer exact(input);
    const frame_header header = decode_first_two(static_cast<std::byte>(random() & 0xFFU), std::byte{0});
    const bool right = is_log_line(describe_frame(exact.view())) && is_log_line(describe_close(exact.view())) &&
                       is_log_line(describe_head(text_of(exact.view()))) &&
                       is_log_line(describe(header, exact.view())) && is_log_line(quoted(input, random() % 220));
    if (!right) FAIL(tests::to_hex(exact.view()));
  }
}

TEST_CASE("description: can be made at compile time", "[describe]") {
  STATIC_REQUIRE(description().add("a").add(42).view() == "a42");
  STATIC_REQUIRE(description().add_quoted("\n\xE2\x82\xAC", 10).view() == "\"\\x0a\xE2\x82\xAC\"");
  STATIC_REQUIRE(sizeof(description) <= 264);
}
