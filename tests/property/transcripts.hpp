// Transcripts: streams of frames as they may arrive, legal and not, with what must come of them.
#ifndef SANSOCKET_TESTS_TRANSCRIPTS_HPP
#define SANSOCKET_TESTS_TRANSCRIPTS_HPP

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sansocket/core/role.hpp"

namespace sansocket::tests {

/// One stream. `frames` is hexadecimal, spaces do not matter, `41*126` is a byte 126 times.
/// Between frames stands ';' and between a frame's header and its payload '|'. A frame is written as a
/// server sends it; for the other direction the MASK bit is set, a key put in, the payload masked.
/// In a raw transcript all bytes stand as they are, for one receiver only.
///
/// `outcome` is what must come of it with delivery::messages and transcript_limits: the events'
/// types, then `open`, the code of the peer's Close frame, or the error.
struct transcript {
  std::string_view name;
  std::string_view frames;
  std::string_view outcome;
};

/// What the transcripts under "limits" reach.
inline constexpr std::size_t transcript_frame_limit = 66'000;
inline constexpr std::size_t transcript_message_limit = 70'000;
inline constexpr std::size_t transcript_fragment_limit = 20;

/// For both receivers.
inline constexpr transcript transcripts[] = {
    // The examples of §5.7.
    {"5.7: a single-frame text message", "81 05 | 48 65 6c 6c 6f", "text open"},
    {"5.7: a fragmented text message", "01 03 | 48 65 6c; 80 02 | 6c 6f", "text open"},
    {"5.7: a ping", "89 05 | 48 65 6c 6c 6f", "ping open"},
    {"5.7: a pong", "8a 05 | 48 65 6c 6c 6f", "pong open"},
    {"5.7: 256 bytes of binary", "82 7e 01 00 | 5a*256", "binary open"},
    {"5.7: 64 KiB of binary", "82 7f 00 00 00 00 00 01 00 00 | 5a*65536", "binary open"},

    // Framing: each form of the length at its edges.
    {"nothing at all", "", "open"},
    {"empty text", "81 00", "text open"},
    {"empty binary", "82 00", "binary open"},
    {"one byte", "81 01 | 61", "text open"},
    {"125 bytes", "81 7d | 2a*125", "text open"},
    {"126 bytes", "81 7e 00 7e | 2a*126", "text open"},
    {"127 bytes", "82 7e 00 7f | fe*127", "binary open"},
    {"128 bytes", "82 7e 00 80 | fe*128", "binary open"},
    {"65535 bytes", "81 7e ff ff | 2a*65535", "text open"},
    {"65536 bytes of text", "81 7f 00 00 00 00 00 01 00 00 | 2a*65536", "text open"},
    {"several messages in a row", "81 02 | 68 69; 82 00; 81 00; 82 03 | 00 ff 00; 81 01 | 21",
     "text binary text binary text open"},
    {"the first byte only", "81", "open"},
    {"a cut header", "82 7e 01", "open"},
    {"a cut long header", "82 7f 00 00 00 00 00 01", "open"},
    {"a cut payload", "81 05 | 48 65 6c", "open"},
    {"a message and a cut one", "81 01 | 61; 82 7e 01 00 | 00*17", "text open"},
    {"125 in 16 bits", "82 7e 00 7d | 00*125", "length_not_minimal"},
    {"0 in 16 bits", "81 7e 00 00", "length_not_minimal"},
    {"65535 in 64 bits", "82 7f 00 00 00 00 00 00 ff ff", "length_not_minimal"},
    {"0 in 64 bits", "82 7f 00 00 00 00 00 00 00 00", "length_not_minimal"},
    {"the highest bit of the length", "82 7f 80 00 00 00 00 00 00 00", "length_msb_set"},
    {"all bits of the length", "81 7f ff ff ff ff ff ff ff ff", "length_msb_set"},
    {"a message, then a length that is not minimal", "81 01 | 61; 81 7e 00 01 | 61", "text length_not_minimal"},
    {"in fragments, a length that is not minimal", "01 01 | 61; 80 7e 00 01 | 61", "length_not_minimal"},

    // Pings and pongs.
    {"empty ping", "89 00", "ping open"},
    {"ping of binary", "89 04 | 00 ff fe fd", "ping open"},
    {"ping of 125 bytes", "89 7d | fe*125", "ping open"},
    {"ping of 126 bytes", "89 7e 00 7e | fe*126", "control_too_long"},
    {"ping with its length in 16 bits", "89 7e 00 01 | 00", "control_too_long"},
    {"ping with its length in 64 bits", "89 7f 00 00 00 00 00 00 00 01 | 00", "control_too_long"},
    {"empty pong", "8a 00", "pong open"},
    {"a pong that nobody asked for, then a ping", "8a 03 | 61 62 63; 89 03 | 64 65 66", "pong ping open"},
    {"pong of 126 bytes", "8a 7e 00 7e | fe*126", "control_too_long"},
    {"ten pings",
     "89 01 | 30; 89 01 | 31; 89 01 | 32; 89 01 | 33; 89 01 | 34; 89 01 | 35; 89 01 | 36; 89 01 | 37;"
     "89 01 | 38; 89 01 | 39",
     "ping ping ping ping ping ping ping ping ping ping open"},
    {"a cut ping", "89 05 | 48 65", "open"},
    {"a ping and a pong between messages", "81 01 | 61; 89 01 | 62; 8a 01 | 63; 82 01 | 64",
     "text ping pong binary open"},

    // Reserved bits.
    {"RSV1 on text", "c1 05 | 48 65 6c 6c 6f", "reserved_bits_set"},
    {"RSV2 on text", "a1 05 | 48 65 6c 6c 6f", "reserved_bits_set"},
    {"RSV3 on binary", "92 01 | 00", "reserved_bits_set"},
    {"all reserved bits on a ping", "f9 00", "reserved_bits_set"},
    {"RSV1 on a ping between fragments", "01 01 | 61; c9 00; 80 01 | 62", "reserved_bits_set"},
    {"RSV1 on a continuation", "01 01 | 61; c0 01 | 62", "reserved_bits_set"},
    {"RSV3 on a Close", "98 02 | 03 e8", "reserved_bits_set"},
    {"a message, then RSV2", "81 01 | 61; a1 01 | 62; 89 00", "text reserved_bits_set"},

    // Opcodes.
    {"opcode 3", "83 00", "opcode_reserved"},
    {"opcode 4 with a payload", "84 01 | 61", "opcode_reserved"},
    {"opcode 5 between fragments", "01 01 | 61; 85 00; 80 01 | 62", "opcode_reserved"},
    {"opcode 6, not final", "06 01 | 61", "opcode_reserved"},
    {"opcode 7 after a message", "81 01 | 61; 87 01 | 61; 89 00", "text opcode_reserved"},
    {"opcode 11", "8b 00", "opcode_reserved"},
    {"opcode 12 with a payload", "8c 01 | 61", "opcode_reserved"},
    {"opcode 13 between fragments", "01 01 | 61; 8d 00", "opcode_reserved"},
    {"opcode 14 with a long payload", "8e 7e 00 7e | 00*126", "opcode_reserved"},
    {"opcode 15 after a ping", "89 00; 8f 00", "ping opcode_reserved"},

    // Fragmentation.
    {"a ping in two fragments", "09 01 | 61; 80 01 | 62", "control_fragmented"},
    {"a pong in two fragments", "0a 01 | 61; 80 01 | 62", "control_fragmented"},
    {"a Close in two fragments", "08 02 | 03 e8; 80 00", "control_fragmented"},
    {"two fragments of binary", "02 02 | 00 01; 80 02 | 02 03", "binary open"},
    {"a ping between fragments", "01 01 | 61; 89 01 | 70; 80 01 | 62", "ping text open"},
    {"pings and pongs between all fragments", "01 01 | 61; 89 00; 00 01 | 62; 8a 00; 00 00; 89 7d | 70*125; 80 01 | 63",
     "ping pong ping text open"},
    {"many fragments of one byte", "01 01 | 61; 00 01 | 62; 00 01 | 63; 00 01 | 64; 00 01 | 65; 00 01 | 66; 80 01 | 67",
     "text open"},
    {"empty fragments only", "01 00; 00 00; 00 00; 80 00", "text open"},
    {"empty fragments around one that is not", "01 00; 00 03 | 61 62 63; 80 00", "text open"},
    {"the first fragment is empty", "02 00; 80 04 | 00 01 02 03", "binary open"},
    {"the last fragment is empty", "02 04 | 00 01 02 03; 80 00", "binary open"},
    {"two fragmented messages", "01 01 | 61; 80 01 | 62; 02 01 | 63; 80 01 | 64", "text binary open"},
    {"a long fragment after a short one", "02 01 | 00; 80 7e 01 2c | 01*300", "binary open"},
    {"a long ping within a long message", "01 7e 00 fa | 61*250; 89 7d | 70*125; 80 01 | 62", "ping text open"},
    {"a continuation of nothing", "80 01 | 61", "continuation_unexpected"},
    {"a continuation of nothing, not final", "00 01 | 61; 80 01 | 62", "continuation_unexpected"},
    {"a continuation after a whole message", "81 01 | 61; 80 01 | 62", "text continuation_unexpected"},
    {"a continuation after the last fragment", "01 01 | 61; 80 01 | 62; 80 01 | 63", "text continuation_unexpected"},
    {"text in a fragmented text", "01 01 | 61; 81 01 | 62; 80 01 | 63", "message_interrupted"},
    {"binary in a fragmented text", "01 01 | 61; 82 01 | 62", "message_interrupted"},
    {"a second first fragment", "01 01 | 61; 01 01 | 62; 80 01 | 63", "message_interrupted"},
    {"text after a ping between fragments", "01 01 | 61; 89 00; 81 01 | 62", "ping message_interrupted"},
    {"a fragment and no more", "01 05 | 48 65 6c 6c 6f", "open"},
    {"a fragment, then a cut ping", "01 02 | 61 62; 89 04 | 63 64", "open"},
    {"a cut fragment with a ping before it", "01 02 | 61 62; 89 02 | 63 64; 80 04 | 65 66", "ping open"},

    // UTF-8 that is valid.
    {"Greek", "81 0b | ce ba e1 bd b9 cf 83 ce bc ce b5", "text open"},
    {"one code point of each length", "81 0a | 24 c2 a2 e2 82 ac f0 9f 98 80", "text open"},
    {"the first code point of each length", "81 0a | 00 c2 80 e0 a0 80 f0 90 80 80", "text open"},
    {"the last code point of each length", "81 0a | 7f df bf ef bf bf f4 8f bf bf", "text open"},
    {"around the surrogates", "81 06 | ed 9f bf ee 80 80", "text open"},
    {"U+FFFE and U+FFFF", "81 06 | ef bf be ef bf bf", "text open"},
    {"NUL", "81 03 | 61 00 62", "text open"},
    {"a code point over two fragments", "01 02 | e2 82; 80 01 | ac", "text open"},
    {"a code point over four fragments", "01 01 | f0; 00 01 | 9f; 00 01 | 98; 80 01 | 80", "text open"},
    {"a ping and an empty fragment within a code point", "01 02 | 61 e2; 89 01 | ff; 00 00; 80 02 | 82 ac",
     "ping text open"},
    {"binary that is not UTF-8", "82 04 | ff fe c0 80", "binary open"},
    {"binary over fragments that is not UTF-8", "02 01 | e2; 80 01 | 00", "binary open"},
    {"code points over words", "81 18 | 61 62 63 64 65 66 67 c3 a4 68 69 6a 6b 6c 6d 6e f0 9f 98 80 6f 70 71 72",
     "text open"},
    {"64 two-byte code points",
     "81 7e 00 80 | c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9"
     "c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9"
     "c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9"
     "c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9"
     "c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9 c3 a9",
     "text open"},

    // UTF-8 that is not.
    {"a lone continuation byte", "81 01 | 80", "text_not_utf8"},
    {"0xFE and 0xFF", "81 02 | fe ff", "text_not_utf8"},
    {"overlong solidus in two bytes", "81 02 | c0 af", "text_not_utf8"},
    {"overlong solidus in three bytes", "81 03 | e0 80 af", "text_not_utf8"},
    {"overlong solidus in four bytes", "81 04 | f0 80 80 af", "text_not_utf8"},
    {"a surrogate", "81 03 | ed a0 80", "text_not_utf8"},
    {"a pair of surrogates", "81 06 | ed a1 8c ed be b4", "text_not_utf8"},
    {"above U+10FFFF", "81 04 | f4 90 80 80", "text_not_utf8"},
    {"five bytes", "81 05 | f8 88 80 80 80", "text_not_utf8"},
    {"cut after one of two", "81 01 | c3", "text_not_utf8"},
    {"cut after two of three", "81 02 | e2 82", "text_not_utf8"},
    {"cut after three of four", "81 03 | f0 9f 98", "text_not_utf8"},
    {"cut, then ASCII", "81 03 | e2 82 61", "text_not_utf8"},
    {"Greek, then a surrogate, then more", "81 14 | ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64",
     "text_not_utf8"},
    {"the fault in the second fragment", "01 05 | 48 65 6c 6c 6f; 80 02 | c0 80", "text_not_utf8"},
    {"the fault in the first fragment", "01 02 | c0 80; 80 05 | 48 65 6c 6c 6f", "text_not_utf8"},
    {"a code point cut by the last fragment's end", "01 02 | 61 e2; 80 01 | 82", "text_not_utf8"},
    {"a code point cut by an empty last fragment", "01 03 | 61 e2 82; 80 00", "text_not_utf8"},
    {"the fault behind a ping", "01 01 | e2; 89 00; 80 01 | 61", "ping text_not_utf8"},
    {"the fault long before the frame's end", "81 7e 03 e8 | 61*9 ff 61*10", "text_not_utf8"},
    {"a good message, then a bad one", "81 01 | 61; 81 01 | ff; 81 01 | 62", "text text_not_utf8"},
    {"the fault, then an illegal header", "01 01 | ff; f0 00", "text_not_utf8"},
    {"an illegal header before the fault could come", "01 01 | e2; f0 01 | ff", "reserved_bits_set"},

    // Close.
    {"empty Close", "88 00", "1005"},
    {"Close 1000", "88 02 | 03 e8", "1000"},
    {"Close 1000 with a reason", "88 07 | 03 e8 48 65 6c 6c 6f", "1000"},
    {"Close with the longest reason", "88 7d | 03 e8 2a*123", "1000"},
    {"Close that is too long", "88 7e 00 7e | 03 e8 2a*124", "control_too_long"},
    {"Close 1001", "88 02 | 03 e9", "1001"},
    {"Close 1002", "88 02 | 03 ea", "1002"},
    {"Close 1003", "88 02 | 03 eb", "1003"},
    {"Close 1007", "88 02 | 03 ef", "1007"},
    {"Close 1011", "88 02 | 03 f3", "1011"},
    {"Close 1012", "88 02 | 03 f4", "1012"},
    {"Close 1014", "88 02 | 03 f6", "1014"},
    {"Close 3000", "88 02 | 0b b8", "3000"},
    {"Close 3999", "88 02 | 0f 9f", "3999"},
    {"Close 4000", "88 02 | 0f a0", "4000"},
    {"Close 4999", "88 02 | 13 87", "4999"},
    {"Close 0", "88 02 | 00 00", "close_code_invalid"},
    {"Close 999", "88 02 | 03 e7", "close_code_invalid"},
    {"Close 1004", "88 02 | 03 ec", "close_code_invalid"},
    {"Close 1005", "88 02 | 03 ed", "close_code_invalid"},
    {"Close 1006", "88 02 | 03 ee", "close_code_invalid"},
    {"Close 1015", "88 02 | 03 f7", "close_code_invalid"},
    {"Close 1016", "88 02 | 03 f8", "close_code_invalid"},
    {"Close 2999", "88 02 | 0b b7", "close_code_invalid"},
    {"Close 5000", "88 02 | 13 88", "close_code_invalid"},
    {"Close 65535", "88 02 | ff ff", "close_code_invalid"},
    {"Close of one byte", "88 01 | 03", "close_payload_short"},
    {"Close, the reason is UTF-8", "88 0d | 03 e8 ce ba e1 bd b9 cf 83 ce bc ce b5", "1000"},
    {"Close, the reason is not UTF-8", "88 05 | 03 e8 61 c0 80", "close_reason_not_utf8"},
    {"Close, the reason is cut", "88 05 | 03 e8 61 e2 82", "close_reason_not_utf8"},
    {"a message, then Close", "81 01 | 61; 88 02 | 03 e8", "text 1000"},
    {"Close, then a message", "88 02 | 03 e8; 81 01 | 61", "1000"},
    {"Close, then a ping", "88 02 | 03 e8; 89 00", "1000"},
    {"Close, then a Close", "88 02 | 03 e8; 88 02 | 03 e9", "1000"},
    {"Close, then nonsense", "88 02 | 03 e8; ff ff ff ff ff", "1000"},
    {"Close between fragments", "01 01 | 61; 88 02 | 03 e8; 80 01 | 62", "1000"},
    {"Close within a code point", "01 01 | e2; 88 02 | 03 e9", "1001"},
    {"Close between pings", "89 01 | 61; 88 00; 89 01 | 62", "ping 1005"},
    {"a cut Close", "88 05 | 03 e8 61", "open"},
    {"a bad Close, then a good one", "88 01 | 03; 88 02 | 03 e8", "close_payload_short"},

    // Limits: one frame, one message, the fragments of one message.
    {"a frame at its limit", "82 7f 00 00 00 00 00 01 01 d0 | 00*66000", "binary open"},
    {"a frame above its limit", "82 7f 00 00 00 00 00 01 01 d1", "frame_too_big"},
    {"a frame far above its limit", "82 7f 7f ff ff ff ff ff ff ff | 00 01 02", "frame_too_big"},
    {"a message at its limit", "02 7e 9c 40 | 00*40000; 80 7e 75 30 | 01*30000", "binary open"},
    {"a message above its limit", "02 7e 9c 40 | 00*40000; 80 7e 75 31", "message_too_big"},
    {"a message far above its limit", "01 01 | 61; 80 7f 7f ff ff ff ff ff ff ff", "frame_too_big"},
    {"as many fragments as there may be",
     "01 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00;"
     "00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 80 01 | 61; 81 01 | 62",
     "text text open"},
    {"one fragment more than there may be",
     "01 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00;"
     "00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 00 00; 80 01 | 61",
     "too_many_fragments"},
    {"pings do not count as fragments",
     "01 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00;"
     "89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 89 00; 80 00",
     "ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping ping text open"},
};

/// As a client sends them, byte for byte.
inline constexpr transcript transcripts_to_server[] = {
    {"5.7: a single-frame masked text message", "81 85 37 fa 21 3d 7f 9f 4d 51 58", "text open"},
    {"5.7: a masked pong", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", "pong open"},
    {"a key of zeros", "81 85 00 00 00 00 48 65 6c 6c 6f", "text open"},
    {"another key for each fragment", "01 83 37 fa 21 3d 7f 9f 4d 80 82 01 02 03 04 6d 6d", "text open"},
    {"a cut key", "81 85 37 fa", "open"},
    {"text is not masked", "81 05 48 65 6c 6c 6f", "mask_missing"},
    {"a ping is not masked", "89 00", "mask_missing"},
    {"a Close is not masked", "88 02 03 e8", "mask_missing"},
    {"the second fragment is not masked", "01 81 01 01 01 01 60 80 01 62", "mask_missing"},
    {"a long frame is not masked, judged at its second byte", "82 7f 80", "mask_missing"},
};

/// As a server sends them, byte for byte.
inline constexpr transcript transcripts_to_client[] = {
    {"text is masked", "81 85 37 fa 21 3d 7f 9f 4d 51 58", "mask_forbidden"},
    {"a ping is masked", "89 80 37 fa 21 3d", "mask_forbidden"},
    {"masked, judged at its second byte", "82 ff", "mask_forbidden"},
    {"a message, then a masked continuation", "01 01 61 80 81 00 00 00 00 62", "mask_forbidden"},
};

/// The bytes of hexadecimal digits with repetitions.
inline std::string transcript_bytes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == '|') {
      text.remove_prefix(1);
      continue;
    }
    const std::string pair(text.substr(0, 2));
    const auto value = static_cast<char>(static_cast<unsigned char>(std::strtoul(pair.c_str(), nullptr, 16)));
    text.remove_prefix(2);
    std::size_t count = 1;
    if (!text.empty() && text.front() == '*') {
      const std::string digits(text.substr(1, text.find_first_not_of("0123456789", 1) - 1));
      count = std::strtoul(digits.c_str(), nullptr, 10);
      text.remove_prefix(1 + digits.size());
    }
    out.append(count, value);
  }
  return out;
}

/// The stream that a receiver gets of one of `transcripts`.
inline std::string transcript_stream(std::string_view frames, role receiver) {
  std::string out;
  unsigned number = 0;
  while (!frames.empty()) {
    const std::size_t end = frames.find(';');
    const std::string_view frame = frames.substr(0, end);
    frames.remove_prefix(end == std::string_view::npos ? frames.size() : end + 1);
    std::string header = transcript_bytes(frame.substr(0, frame.find('|')));
    std::string payload;
    if (frame.find('|') != std::string_view::npos) payload = transcript_bytes(frame.substr(frame.find('|')));
    if (receiver == role::client) {
      out += header + payload;
      continue;
    }
    // Another key for every frame: §5.3.
    ++number;
    const unsigned char key[] = {static_cast<unsigned char>(0x37 + number), 0xFA, static_cast<unsigned char>(number),
                                 0x3D};
    if (header.size() >= 2) header[1] = static_cast<char>(static_cast<unsigned char>(header[1]) | 0x80U);
    const unsigned length7 = header.size() < 2 ? 0 : static_cast<unsigned char>(header[1]) & 0x7FU;
    const bool whole = header.size() >= (length7 == 127 ? 10U : length7 == 126 ? 4U : 2U);
    out += header;
    for (const unsigned char octet : key) {
      if (whole) out.push_back(static_cast<char>(octet));
    }
    for (std::size_t i = 0; i < payload.size(); ++i) {
      out.push_back(static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]));
    }
  }
  return out;
}

}  // namespace sansocket::tests

#endif
