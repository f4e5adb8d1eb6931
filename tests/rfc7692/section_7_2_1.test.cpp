// Section 7.2.1: compressing a message.
#include <string>
#include <string_view>

#include "catch.hpp"
#include "compressed.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

const std::string sixteen(16, 'a');
const std::string sixty_four(64, 'a');
const std::string tail = from_hex("00 00 ff ff");

std::string poem() {
  std::string out;
  for (int i = 0; i < 40; ++i) out += "the " + std::to_string(i * i) + "th sheep jumped over the fence; ";
  return out;
}

}  // namespace

TEST_CASE("7.2.1: all octets of a message are compressed, less the last four that come of it", "[7.2.1]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({deflate_agreement{}, pool});
    raw_inflater peer;
    std::string zeros(1000, '\0');
    for (const std::string& text : {poem(), poem(), sixteen, zeros, poem() + noise(500), zeros}) {
      REQUIRE(ws.send_binary(bytes_of(text)) == error::none);
      const std::string payload = take_payload(ws);
      CHECK(payload.size() < text.size());
      CHECK_FALSE(payload.ends_with(tail));
      CHECK((peer(payload) == text));
    }
    // After the four octets were taken away, the last one has the header of the empty block: its bits are 0.
    REQUIRE(ws.send_text(sixteen) == error::none);
    CHECK(take_payload(ws).ends_with('\0'));
  });
}

TEST_CASE("7.2.1: a fragmented message is the result of all steps, cut", "[7.2.1]") {
  each_role([](auto own) {
    deflate_pool pool;
    compressed_end<own()> whole({deflate_agreement{}, pool});
    compressed_end<own()> cut({deflate_agreement{}, pool}, {.fragment_size = 11});
    REQUIRE(whole.send_text(poem()) == error::none);
    REQUIRE(cut.send_text(poem()) == error::none);
    CHECK(cut.buffered() > whole.buffered());
    CHECK((take_payload(cut) == take_payload(whole)));
  });
}

TEST_CASE("7.2.1: the four octets stay at the end of every fragment that is sent before the last", "[7.2.1]") {
  each_role([](auto own) {
    for (const deflate_agreement& how : {deflate_agreement{}, fresh_each_time}) {
      deflate_pool pool;
      compressed_end<own()> ws({how, pool});
      for (int i = 0; i < 2; ++i) {
        REQUIRE(ws.send_piece(message_type::text, bytes_of(sixteen), false) == error::none);
        REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), false) == error::none);
        REQUIRE(ws.send_piece(message_type::text, bytes_of(sixteen), true) == error::none);
        const auto frames = take_frames(ws);
        REQUIRE(frames.size() == 3);
        CHECK(frames[0].payload.ends_with(tail));
        CHECK(frames[1].payload.ends_with(tail));
        CHECK_FALSE(frames[2].payload.ends_with(tail));
        raw_inflater peer;
        if (i == 0)
          CHECK(peer(frames[0].payload + frames[1].payload + frames[2].payload) == sixteen + "Hello" + sixteen);
      }
    }
  });
}

TEST_CASE("7.2.1: no window is larger than what was agreed, and none than 32768 bytes", "[7.2.1]") {
  each_role([](auto own) {
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
      CAPTURE(own() == role::server, int{bits});
      // The same bytes again and again, nearer than the window and farther.
      const std::size_t window = std::size_t{1} << bits;
      std::string text;
      for (const std::size_t gap : {window / 4, window / 2, window - 1, window, window + 1, 2 * window}) {
        text += poem().substr(0, 100) + noise(gap);
      }
      deflate_pool pool;
      compressed_end<own()> ws({own_window<own()>(bits), pool});
      raw_inflater peer(bits);
      for (int i = 0; i < 2; ++i) {
        REQUIRE(ws.send_binary(bytes_of(text)) == error::none);
        const bool compressed = (value_of(ws.output()[0]) & 0x40U) != 0;
        CHECK(compressed == (bits > 8));  // the smallest window is none of zlib's: such messages go plain
        const std::string payload = take_payload(ws);
        CHECK(((compressed ? peer(payload) : payload) == text));
      }
    }
  });
}

TEST_CASE("7.2.1: without context takeover every message is compressed with an empty window", "[7.2.1]") {
  each_role([](auto own) {
    deflate_pool pool;
    const bool server = own() == role::server;
    // The other end may take context over; it makes no difference.
    for (const bool other : {false, true}) {
      const deflate_agreement how{.server_no_context_takeover = server || other,
                                  .client_no_context_takeover = !server || other};
      compressed_end<own()> ws({how, pool});
      std::string first;
      for (int i = 0; i < 4; ++i) {
        REQUIRE(ws.send_text(poem()) == error::none);
        const std::string payload = take_payload(ws);
        if (i == 0) first = payload;
        CHECK((payload == first));
        CHECK((raw_inflater()(payload) == poem()));
        // In pieces too; and what was compressed and not sent leaves nothing.
        REQUIRE(ws.send_piece(message_type::text, bytes_of(sixty_four), true) == error::none);
        CHECK(raw_inflater()(take_payload(ws)) == sixty_four);
        const std::string dull = noise(200);
        REQUIRE(ws.send_binary(bytes_of(dull)) == error::none);
        CHECK((take_payload(ws) == dull));
      }
    }
  });
}

TEST_CASE("7.2.1: with context takeover a message builds on the last compressed one", "[7.2.1]") {
  each_role([](auto own) {
    deflate_pool pool;
    const bool server = own() == role::server;
    const deflate_agreement how{.server_no_context_takeover = !server, .client_no_context_takeover = server};
    compressed_end<own()> ws({how, pool});
    raw_inflater peer;
    REQUIRE(ws.send_text(poem()) == error::none);
    const std::string first = take_payload(ws);
    CHECK((peer(first) == poem()));
    REQUIRE(ws.send(message_type::text, bytes_of(sixteen), compression::never) == error::none);
    CHECK(take_payload(ws) == sixteen);
    REQUIRE(ws.send_text(poem()) == error::none);
    const std::string second = take_payload(ws);
    CHECK(second.size() < first.size() / 4);
    CHECK((peer(second) == poem()));
  });
}

TEST_CASE("7.2.1: blocks of any type and number are read, marked as the last or not", "[7.2.1]") {
  // "Hello" in a fixed block and in a stored one (§7.2.3.1, §7.2.3.3), as the last and not, and the
  // padding behind the fixed one that is the last. Then what every message ends with.
  const std::string stored = from_hex("00 05 00 fa ff 48 65 6c 6c 6f");
  const std::string stored_last = from_hex("01 05 00 fa ff 48 65 6c 6c 6f");
  const std::string fixed_last = from_hex("f3 48 cd c9 c9 07 00");
  const std::string fixed = hello + from_hex("00 00 ff ff");
  each_role([&](auto own) {
    const std::string blocks[] = {stored, stored_last, fixed_last, fixed};
    for (const std::string& one : blocks) {
      for (const std::string& two : blocks) {
        for (const std::string& three : blocks) {
          const std::string stream = frame_to(own, 0xC1, one + two + three + '\0');
          for (const std::size_t step : {1U, 2U, 5U, 100U}) {
            deflate_pool pool;
            compressed_end<own()> ws({deflate_agreement{}, pool});
            CHECK(feed(ws, stream + stream, step).words == "text(HelloHelloHello) text(HelloHelloHello) ");
          }
        }
      }
    }
  });
  // A dynamic block, not the last one and the last one, made with Python's zlib.compressobj(9, DEFLATED, -15, 9) and
  // Z_SYNC_FLUSH, which puts an empty stored block behind it, or Z_FINISH.
  const std::string text =
      "1 sheep, 7 goats, 11 hens and 1 geese. 4 sheep, 14 goats, 22 hens and 8 geese. 9 sheep, 21 goats, 33 hens and "
      "27 geese. ";
  for (const std::string_view dynamic :
       {"44 ca c1 09 c0 20 10 04 c0 56 b6 00 09 ec 29 68 ca 11 72 e8 cb 04 ce fe c9 6b 71 de 43 c4 74 ff 12 2a c6 db "
        "77 24 90 98 be 02 7d 3d 20 86 7b f8 85 a2 c6 a2 67 76 5e d3 bb f5 8c 7a 39 9f 67 55 f1 07 00 00 ff ff",
        "45 ca c1 09 c0 20 10 04 c0 56 b6 00 09 ec 29 68 ca 11 72 e8 cb 04 ce fe c9 6b 71 de 43 c4 74 ff 12 2a c6 db "
        "77 24 90 98 be 02 7d 3d 20 86 7b f8 85 a2 c6 a2 67 76 5e d3 bb f5 8c 7a 39 9f 67 55 f1 07"}) {
    each_role([&](auto own) {
      const std::string stream = frame_to(own, 0xC1, from_hex(dynamic) + fixed_last + '\0');
      for (std::size_t step = 1; step < stream.size(); ++step) {
        deflate_pool pool;
        compressed_end<own()> ws({deflate_agreement{}, pool});
        CHECK(feed(ws, stream + stream, step).words == "text(" + text + "Hello) text(" + text + "Hello) ");
      }
    });
  }
}
