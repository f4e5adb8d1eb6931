// Sections 6, 6.1 and 6.2: compressed messages in frames.
#include <string>
#include <string_view>

#include "catch.hpp"
#include "compressed.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

const std::string sixteen(16, 'a');
/// The same, made with Python's zlib.compressobj(6, DEFLATED, -15) and Z_SYNC_FLUSH, less four octets.
const std::string sixteen_packed = from_hex("4a 4c 44 05 00 00");

/// The messages' payloads alone: where pieces are cut does not show in them.
std::string payloads(std::string words) {
  for (const std::string_view gone : {"ping(p) ", "text(", "binary(", ") "}) {
    for (auto at = words.find(gone); at != std::string::npos; at = words.find(gone)) words.erase(at, gone.size());
  }
  return words;
}

/// What a fresh end hears of a stream, in every chunk size and both ways of delivery.
template <role Own>
void check_heard(const std::string& stream, const std::string& words, error fault = error::none) {
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(Own == role::server, how == delivery::pieces, step);
      deflate_pool pool;
      compressed_end<Own> ws({deflate_agreement{}, pool}, {.delivery = how});
      const heard seen = feed(ws, stream, step);
      if (how == delivery::messages) CHECK(seen.words == words);
      if (fault == error::none) CHECK(payloads(seen.words) == payloads(words));
      CHECK(seen.why.fault == fault);
    }
  }
}

}  // namespace

TEST_CASE("6: RSV1 of the first frame says whether a message is compressed", "[6]") {
  each_role([](auto own) {
    // The same payload, with the bit and without.
    check_heard<own()>(frame_to(own, 0xC2, hello) + frame_to(own, 0x82, hello), "binary(Hello) binary(" + hello + ") ");
    check_heard<own()>(frame_to(own, 0x42, hello.substr(0, 3)) + frame_to(own, 0x80, hello.substr(3)) +
                           frame_to(own, 0x02, hello.substr(0, 3)) + frame_to(own, 0x80, hello.substr(3)),
                       "binary(Hello) binary(" + hello + ") ");
  });
}

TEST_CASE("6: RSV2 and RSV3 fail the connection, compressed or not", "[6]") {
  each_role([](auto own) {
    for (const unsigned bits : {0x10U, 0x20U, 0x30U, 0x50U, 0x60U, 0x70U}) {
      check_heard<own()>(frame_to(own, 0x81 | bits, hello),
                         "closed("
                         ") ",
                         error::reserved_bits_set);
    }
  });
}

TEST_CASE("6.1: a compressed message goes out in frames of which the first has RSV1 set", "[6.1]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> whole({deflate_agreement{}, pool});
    REQUIRE(whole.send_text(sixteen) == error::none);
    CHECK(take_hex(whole) == "c1 " + to_hex(bytes_of(std::string_view(sixteen_packed))));
    compressed_end<own()> cut({deflate_agreement{}, pool}, {.fragment_size = 3});
    REQUIRE(cut.send_binary(bytes_of(sixteen)) == error::none);
    CHECK(take_hex(cut) == "42 4a 4c 44 | 80 05 00 00");
  });
}

TEST_CASE("6.1: an uncompressed message goes out as it is, with RSV1 unset", "[6.1]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 10});
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.fragment_size = 9});
    REQUIRE(ws.send_text("aaaaaaaaa") == error::none);       // too short
    REQUIRE(ws.send_text("abcdefghijklmn") == error::none);  // does not shrink
    REQUIRE(ws.send(message_type::text, bytes_of(sixteen), compression::never) == error::none);
    REQUIRE(ws.send_text("") == error::none);
    CHECK(take_hex(ws) ==
          "81 61 61 61 61 61 61 61 61 61 | "
          "01 61 62 63 64 65 66 67 68 69 | 80 6a 6b 6c 6d 6e | "
          "01 61 61 61 61 61 61 61 61 61 | 80 61 61 61 61 61 61 61 | "
          "81");
  });
}

TEST_CASE("6.1: no control frame and no later fragment is sent with RSV1", "[6.1]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.fragment_size = 2});
    REQUIRE(ws.send_text(sixteen) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of(sixteen), false) == error::none);
    REQUIRE(ws.send_ping(bytes_of(sixteen)) == error::none);
    REQUIRE(ws.send_pong(bytes_of(sixteen)) == error::none);
    feed(ws, frame_to(own, 0x89, sixteen));
    REQUIRE(ws.send_piece(message_type::binary, bytes_of(sixteen), false) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of(sixteen), true) == error::none);
    REQUIRE(ws.send_close(close_code::normal, sixteen) == error::none);
    int compressed = 0;
    int others = 0;
    for (const wire_frame& frame : take_frames(ws)) {
      const bool begins = (frame.first & 0x0FU) == 1 || (frame.first & 0x0FU) == 2;
      CHECK((frame.first & 0x70U) == (begins ? 0x40U : 0U));
      ++(begins ? compressed : others);
    }
    CHECK(compressed == 2);
    CHECK(others >= 7);
  });
}

TEST_CASE("6.1: RSV1 on a control frame or on a later fragment fails the connection", "[6.1]") {
  each_role([](auto own) {
    for (const unsigned opcode : {0x8U, 0x9U, 0xAU}) {
      check_heard<own()>(frame_to(own, 0xC0 | opcode, ""), "closed() ", error::reserved_bits_set);
      check_heard<own()>(frame_to(own, 0x41, "") + frame_to(own, 0xC0 | opcode, ""), "closed() ",
                         error::reserved_bits_set);
    }
    for (const unsigned first : {0x01U, 0x41U}) {
      for (const unsigned next : {0x40U, 0xC0U}) {
        check_heard<own()>(frame_to(own, first, "") + frame_to(own, next, hello), "closed() ",
                           error::reserved_bits_set);
      }
    }
    deflate_pool pool;
    compressed_end<own()> ws({deflate_agreement{}, pool});
    CHECK(feed(ws, frame_to(own, 0xC9, "")).why.sent == close_code::protocol_error);
  });
}

TEST_CASE("6.1: the opcode is that of the original message", "[6.1]") {
  each_role([](auto own) {
    check_heard<own()>(frame_to(own, 0xC1, hello) + frame_to(own, 0xC2, hello), "text(Hello) binary(Hello) ");
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({fresh_each_time, pool});
    REQUIRE(ws.send_text(sixteen) == error::none);
    REQUIRE(ws.send_binary(bytes_of(sixteen)) == error::none);
    CHECK(take_hex(ws) == "c1 4a 4c 44 05 00 00 | c2 4a 4c 44 05 00 00");
  });
}

TEST_CASE("6.1: what a text message is compressed to need not be UTF-8, what it inflates to must be", "[6.1]") {
  each_role([](auto own) {
    check_heard<own()>(frame_to(own, 0xC1, hello), "text(Hello) ");  // f2 48 is not UTF-8
    // Stored blocks (RFC 1951 §3.2.4) of: c3 28, and c3 alone.
    check_heard<own()>(frame_to(own, 0xC1, from_hex("00 02 00 fd ff c3 28 00")), "closed() ", error::text_not_utf8);
    check_heard<own()>(frame_to(own, 0xC1, from_hex("00 01 00 fe ff c3 00")), "closed() ", error::text_not_utf8);
    check_heard<own()>(
        frame_to(own, 0x41, from_hex("00 01 00 fe ff c3")) + frame_to(own, 0x80, from_hex("00 01 00 fe ff a9 00")),
        "text(\xC3\xA9) ");
    // The compressed form of a binary message is not judged either way.
    check_heard<own()>(frame_to(own, 0xC2, from_hex("00 02 00 fd ff c3 28 00")), "binary(\xC3\x28) ");
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({deflate_agreement{}, pool});
    CHECK(ws.send_text("\xC3\x28" + sixteen) == error::payload_not_utf8);
    CHECK(ws.buffered() == 0);
  });
}

TEST_CASE("6.2: a compressed message is the inflated concatenation of its frames", "[6.2]") {
  each_role([](auto own) {
    for (std::size_t first = 0; first <= hello.size(); ++first) {
      for (std::size_t second = first; second <= hello.size(); ++second) {
        check_heard<own()>(frame_to(own, 0x41, hello.substr(0, first)) +
                               frame_to(own, 0x00, hello.substr(first, second - first)) + frame_to(own, 0x89, "p") +
                               frame_to(own, 0x80, hello.substr(second)),
                           "ping(p) text(Hello) ");
      }
    }
    check_heard<own()>(frame_to(own, 0xC1, hello.substr(0, 5)), "closed() ", error::compressed_data_invalid);
  });
}

TEST_CASE("6.2: an uncompressed message is the concatenation of its frames as they are", "[6.2]") {
  each_role([](auto own) {
    check_heard<own()>(frame_to(own, 0xC1, hello) + frame_to(own, 0x01, "Hel") + frame_to(own, 0x00, "") +
                           frame_to(own, 0x80, "lo") + frame_to(own, 0x81, "") + frame_to(own, 0xC1, hello_again),
                       "text(Hello) text(Hello) text() text(Hello) ");
  });
}
