#include "sansocket/connection/message_writer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/connection/frame_writer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// Gives so many masking keys of zeros, then no more.
struct limited_random {
  std::size_t keys = std::numeric_limits<std::size_t>::max();
  bool operator()(bytes out) {
    if (keys == 0) return false;
    --keys;
    std::ranges::fill(out, std::byte{0});
    return true;
  }
};

using server_writer = frame_writer<role::server, heap_buffer, no_random>;
using client_writer = frame_writer<role::client, heap_buffer, limited_random>;
/// Has room for ten bytes of messages.
using small_writer = frame_writer<role::server, inplace_buffer<server_writer::control_reserve + 10>, no_random>;

template <class Writer>
std::string hex(const Writer& writer) {
  return to_hex(writer.runs()[0]);
}

/// An extension that turns "aaa" into "3a" and so on, and ends each part that is not empty with a flush.
/// What it makes depends on what it made before: it counts the parts since it was made ready.
struct counting {
  bool is_active = true;
  std::size_t threshold = 0;
  std::uint8_t independent = 0;
  error fails_with = error::none;
  std::size_t parts = 0;
  std::string waiting{};
  std::string finished{};  // what it was told about each message: s for sent, - for not
  std::vector<std::size_t> asked{};

  bool active() const { return is_active; }
  transform_step inflate(const_bytes, bytes, bool) { return {}; }
  error finish_inflate() { return error::none; }
  bool wants(std::size_t size) const {
    const_cast<counting*>(this)->asked.push_back(size);
    return is_active && size >= threshold;
  }
  transform_step deflate(const_bytes in, bytes out) {
    if (fails_with != error::none) return {.fault = fails_with};
    std::string_view text = text_of(in);
    if (!text.empty()) waiting += static_cast<char>('0' + parts++ % 10);
    while (!text.empty()) {
      const std::size_t run = std::min<std::size_t>({text.find_first_not_of(text[0]), text.size(), 9});
      waiting += static_cast<char>('0' + run);
      waiting += text[0];
      text.remove_prefix(run);
      if (text.empty()) waiting += from_hex("00 00 ff ff");
    }
    const std::size_t made = std::min(waiting.size(), out.size());
    std::ranges::copy(bytes_of(std::string_view(waiting)).first(made), out.begin());
    waiting.erase(0, made);
    return {.used = in.size(), .made = made};
  }
  void finish_deflate(bool sent) {
    finished += sent ? 's' : '-';
    waiting.clear();
    if (!sent) parts = 0;
  }
  std::uint8_t independent_window_bits() const { return independent; }
  void release() {}
};
static_assert(message_extension<counting>);

/// So many bytes of no meaning.
const_bytes filler(std::size_t size) {
  static const std::string text(1000, 'p');
  return bytes_of(text).first(size);
}

constexpr std::size_t whole = std::numeric_limits<std::size_t>::max();

detail::message_piece piece(std::string_view text, bool last = false, message_type type = message_type::binary,
                            compression how = compression::automatic) {
  return {type, bytes_of(text), last, how};
}

}  // namespace

// Sizes

TEST_CASE("message_writer: knows how many bytes the frames of a message take", "[message_writer][5.2][5.4]") {
  using detail::encoded_size;
  STATIC_REQUIRE(encoded_size(0, whole, false) == 2);
  STATIC_REQUIRE(encoded_size(0, 1, true) == 6);
  STATIC_REQUIRE(encoded_size(125, whole, false) == 127);
  STATIC_REQUIRE(encoded_size(126, whole, true) == 134);
  STATIC_REQUIRE(encoded_size(65'536, whole, false) == 65'546);
  STATIC_REQUIRE(encoded_size(5, 5, false) == 7);
  STATIC_REQUIRE(encoded_size(6, 5, false) == 7 + 3);
  STATIC_REQUIRE(encoded_size(10, 5, true) == 22);
  STATIC_REQUIRE(encoded_size(12, 5, true) == 11 + 11 + 8);
  STATIC_REQUIRE(encoded_size(400, 200, false) == 408);
}

// Frames

TEST_CASE("message_writer: puts a message into frames, the extension's bit in the first alone",
          "[message_writer][5.4][rfc7692][6.1]") {
  server_writer writer{{}};
  const auto queue = [&](std::string_view text, std::size_t fragment, std::uint8_t rsv) {
    return detail::queue_frames(writer, {.rsv = rsv, .opcode = opcode::text}, bytes_of(text), fragment);
  };
  REQUIRE(queue("Hello", whole, 0) == error::none);
  REQUIRE(queue("Hello", 2, rsv1) == error::none);
  REQUIRE(queue("Hell", 2, rsv1) == error::none);
  REQUIRE(queue("", 2, rsv1) == error::none);
  CHECK(hex(writer) ==
        "81 05 48 65 6c 6c 6f "
        "41 02 48 65 00 02 6c 6c 80 01 6f "
        "41 02 48 65 80 02 6c 6c "
        "c1 00");
}

TEST_CASE("message_writer: of a message that cannot be queued whole nothing stays", "[message_writer][5.4]") {
  small_writer small{{}};
  REQUIRE(small.add({.opcode = opcode::ping}, filler(100)) == error::none);
  const std::string before = hex(small);
  CHECK(detail::queue_frames(small, {}, filler(1000), 100) == error::buffer_full);
  CHECK(hex(small) == before);

  for (const std::size_t keys : {0U, 1U, 2U}) {
    client_writer client{limited_random{keys + 1}};
    REQUIRE(client.add({.opcode = opcode::ping}, bytes_of("p")) == error::none);
    CHECK(detail::queue_frames(client, {}, bytes_of("abc"), 1) == error::random_failed);
    CHECK(hex(client) == "89 81 00 00 00 00 70");
  }
}

// Compressed messages

TEST_CASE("message_writer: queues a message compressed, marked in its first frame",
          "[message_writer][rfc7692][6.1][7.2.1]") {
  server_writer writer{{}};
  counting extension;
  REQUIRE(detail::queue_compressed(writer, extension, opcode::text, bytes_of("aaaaaaaabbbb"), whole) == error::none);
  CHECK(hex(writer) == "c1 05 30 38 61 34 62");
  CHECK(extension.finished == "s");
  // In fragments: it is what was compressed that is cut.
  server_writer fragments{{}};
  REQUIRE(detail::queue_compressed(fragments, extension, opcode::binary, bytes_of("aaaaaaaabbbb"), 2) == error::none);
  CHECK(hex(fragments) == "42 02 31 38 00 02 61 34 80 01 62");
  CHECK(extension.finished == "ss");
}

TEST_CASE("message_writer: a message that does not shrink goes as it is", "[message_writer][rfc7692][6.1]") {
  counting extension;
  for (const std::string_view text : {"abcdef", "aab", "", "aaa"}) {
    CAPTURE(text);
    server_writer writer{{}};
    extension.finished.clear();
    REQUIRE(detail::queue_compressed(writer, extension, opcode::binary, bytes_of(text), whole) == error::none);
    CHECK(hex(writer).substr(0, 2) == "82");
    CHECK(std::string(text_of(writer.runs()[0].subspan(2))) == text);
    CHECK(extension.finished == "-");
  }
  server_writer writer{{}};
  extension.parts = 7;  // the context of messages that were sent
  REQUIRE(detail::queue_compressed(writer, extension, opcode::text, bytes_of("abcde"), 2) == error::none);
  CHECK(hex(writer) == "01 02 61 62 00 02 63 64 80 01 65");
  CHECK(extension.parts == 0);
}

TEST_CASE("message_writer: a message that could not be queued was not sent, as the extension learns",
          "[message_writer]") {
  const std::string text(400, 'a');
  counting extension;
  small_writer small{{}};
  REQUIRE(small.add({.opcode = opcode::ping}, filler(125)) == error::none);
  REQUIRE(small.add({.opcode = opcode::ping}, filler(125)) == error::none);
  REQUIRE(small.add({.opcode = opcode::ping}, filler(125)) == error::none);
  REQUIRE(small.add({.opcode = opcode::ping}, filler(75)) == error::none);
  const std::string before = hex(small);
  CHECK(detail::queue_compressed(small, extension, opcode::binary, bytes_of(text), 20) == error::buffer_full);
  CHECK(hex(small) == before);
  CHECK(extension.finished == "-");

  client_writer client{limited_random{1}};
  CHECK(detail::queue_compressed(client, extension, opcode::binary, bytes_of(text), 50) == error::random_failed);
  CHECK(client.size() == 0);
  CHECK(extension.finished == "--");

  extension.fails_with = error::out_of_memory;
  server_writer writer{{}};
  CHECK(detail::queue_compressed(writer, extension, opcode::binary, bytes_of(text), whole) == error::out_of_memory);
  CHECK(writer.size() == 0);
  CHECK(extension.finished == "---");
}

TEST_CASE("message_writer: of a compressed piece only the last one loses its end",
          "[message_writer][rfc7692][7.2.1][7.2.3.6]") {
  server_writer writer{{}};
  counting extension;
  const auto queue = [&](const frame_header& header, std::string_view text) {
    return detail::queue_compressed_piece(writer, extension, header, bytes_of(text));
  };
  REQUIRE(queue({.fin = false, .rsv = rsv1, .opcode = opcode::text}, "aaaa") == error::none);
  REQUIRE(queue({.fin = false, .opcode = opcode::continuation}, "") == error::none);
  CHECK(extension.finished.empty());
  REQUIRE(queue({.fin = true, .opcode = opcode::continuation}, "b") == error::none);
  CHECK(hex(writer) == "41 07 30 34 61 00 00 ff ff 00 00 80 03 31 31 62");
  CHECK(extension.finished == "s");
  // Nothing to compress at the end: one byte stands for it.
  REQUIRE(writer.sent(writer.size()) == error::none);
  REQUIRE(queue({.fin = false, .rsv = rsv1, .opcode = opcode::binary}, "cc") == error::none);
  REQUIRE(queue({.fin = true, .opcode = opcode::continuation}, "") == error::none);
  REQUIRE(queue({.fin = true, .rsv = rsv1, .opcode = opcode::binary}, "") == error::none);
  CHECK(hex(writer) == "42 07 32 32 63 00 00 ff ff 80 01 00 c2 01 00");
  CHECK(extension.finished == "sss");
}

TEST_CASE("message_writer: a piece may grow when it is compressed", "[message_writer]") {
  server_writer writer{{}};
  counting extension;
  REQUIRE(detail::queue_compressed_piece(writer, extension, {.fin = false, .rsv = rsv1}, bytes_of("abcd")) ==
          error::none);
  CHECK(hex(writer) == "42 0d 30 31 61 31 62 31 63 31 64 00 00 ff ff");
}

TEST_CASE("message_writer: a piece that could not be queued leaves no context", "[message_writer]") {
  const frame_header first{.fin = false, .rsv = rsv1};
  counting extension;
  client_writer client{limited_random{0}};
  CHECK(detail::queue_compressed_piece(client, extension, first, bytes_of("aaa")) == error::random_failed);
  CHECK(client.size() == 0);
  CHECK(extension.finished == "-");
  CHECK(detail::queue_compressed_piece(client, extension, {}, bytes_of("aaa")) == error::random_failed);
  CHECK(extension.finished == "--");
  extension.fails_with = error::out_of_memory;
  server_writer writer{{}};
  CHECK(detail::queue_compressed_piece(writer, extension, first, bytes_of("aaa")) == error::out_of_memory);
  CHECK(writer.size() == 0);
  CHECK(extension.finished == "---");
}

// Messages in pieces

TEST_CASE("message_writer: the first piece decides whether a message is compressed", "[message_writer][rfc7692][6.1]") {
  using detail::pieces_sender;
  constexpr auto binary = message_type::binary;
  server_writer writer{{}};
  counting extension{.threshold = 4};
  pieces_sender sender;
  static_assert(sizeof(sender) <= 4);
  const auto add = [&](const detail::message_piece& next) { return sender.add(writer, extension, next, 1000); };
  const auto sent = [&] {
    const std::string out = hex(writer);
    REQUIRE(writer.sent(writer.size()) == error::none);
    return out;
  };
  // How long it will be is not known when it begins: long enough.
  REQUIRE(add(piece("aa")) == error::none);
  CHECK(extension.asked == std::vector<std::size_t>{whole});
  CHECK(sender.under_way());
  REQUIRE(add(piece("bb", false, binary, compression::never)) == error::none);
  REQUIRE(add(piece("c", true)) == error::none);
  CHECK_FALSE(sender.under_way());
  CHECK(sent() == "42 07 30 32 61 00 00 ff ff 00 07 31 32 62 00 00 ff ff 80 03 32 31 63");
  CHECK(extension.asked.size() == 1);

  // It was told not to.
  REQUIRE(add(piece("aa", false, binary, compression::never)) == error::none);
  REQUIRE(add(piece("bb")) == error::none);
  REQUIRE(add(piece("cccccc", true)) == error::none);
  CHECK(sent() == "02 02 61 61 00 02 62 62 80 06 63 63 63 63 63 63");
  CHECK(extension.asked.size() == 1);

  // In one piece, its size is known.
  REQUIRE(add(piece("aaa", true)) == error::none);
  CHECK(sent() == "82 03 61 61 61");
  REQUIRE(add(piece("aaaa", true)) == error::none);
  CHECK(sent() == "c2 03 33 34 61");
  CHECK(extension.asked == std::vector<std::size_t>{whole, 3, 4});

  // And an extension that was not agreed is not asked to do anything.
  extension.is_active = false;
  REQUIRE(add(piece("aaaa")) == error::none);
  REQUIRE(add(piece("a", true)) == error::none);
  CHECK(sent() == "02 04 61 61 61 61 80 01 61");
}

TEST_CASE("message_writer: without an extension pieces go as they are", "[message_writer][5.4]") {
  server_writer writer{{}};
  no_extension none;
  detail::pieces_sender sender;
  REQUIRE(sender.add(writer, none, piece("aaaa"), 1000) == error::none);
  REQUIRE(sender.add(writer, none, piece("", true), 1000) == error::none);
  CHECK(hex(writer) == "02 04 61 61 61 61 80 00");
}

TEST_CASE("message_writer: a piece that is refused changes nothing, and the message can go on", "[message_writer]") {
  for (const bool compressed : {false, true}) {
    CAPTURE(compressed);
    const auto how = compressed ? compression::automatic : compression::never;
    const auto text = [&](std::string_view part, bool last = false) {
      return piece(part, last, message_type::text, how);
    };
    client_writer writer{limited_random{}};
    counting extension;
    detail::pieces_sender sender;
    std::uint64_t high_water = 1000;
    const auto add = [&](const detail::message_piece& next) { return sender.add(writer, extension, next, high_water); };

    // Nothing has begun after a first piece that was refused.
    CHECK(add(text("\xFF")) == error::payload_not_utf8);
    CHECK(add(text("\xC3", true)) == error::payload_not_utf8);
    CHECK_FALSE(sender.under_way());
    CHECK(writer.size() == 0);
    CHECK(extension.parts == 0);

    REQUIRE(add(text("aaa\xC3")) == error::none);
    const std::string before = hex(writer);
    CHECK(add(piece("b", false, message_type::binary)) == error::message_type_mismatch);
    CHECK(add(text("b")) == error::payload_not_utf8);  // the code point is not finished like that
    CHECK(add(text("", true)) == error::payload_not_utf8);
    high_water = 1;
    CHECK(add(text("\xA9")) == error::would_block);
    high_water = 1000;
    CHECK(hex(writer) == before);
    CHECK(sender.under_way());
    CHECK(extension.finished.empty());

    REQUIRE(add(text("\xA9")) == error::none);
    REQUIRE(add(text("c", true)) == error::none);
    CHECK_FALSE(sender.under_way());
    if (compressed) {
      CHECK(hex(writer) ==
            "41 89 00 00 00 00 30 33 61 31 c3 00 00 ff ff "
            "00 87 00 00 00 00 31 31 a9 00 00 ff ff "
            "80 83 00 00 00 00 32 31 63");
      CHECK(extension.finished == "s");
    } else {
      CHECK(hex(writer) == "01 84 00 00 00 00 61 61 61 c3 00 81 00 00 00 00 a9 80 81 00 00 00 00 63");
    }
  }
}

TEST_CASE("message_writer: a compressed piece that fails in its queue is sent again from the start",
          "[message_writer]") {
  client_writer writer{limited_random{1}};
  counting extension;
  detail::pieces_sender sender;
  REQUIRE(sender.add(writer, extension, piece("aaa"), 1000) == error::none);
  const std::string before = hex(writer);
  CHECK(sender.add(writer, extension, piece("bbb", true), 1000) == error::random_failed);
  extension.fails_with = error::out_of_memory;
  CHECK(sender.add(writer, extension, piece("bbb", true), 1000) == error::out_of_memory);
  CHECK(hex(writer) == before);
  CHECK(sender.under_way());
  CHECK(extension.finished == "--");

  // Also if the first one does.
  client_writer other{limited_random{0}};
  extension = {};
  detail::pieces_sender again;
  CHECK(again.add(other, extension, piece("aaa"), 1000) == error::random_failed);
  CHECK_FALSE(again.under_way());
  server_writer server{{}};
  REQUIRE(again.add(server, extension, piece("aaa", true, message_type::text), 1000) == error::none);
  CHECK(hex(server) == "c1 03 30 33 61");
}

TEST_CASE("message_writer: the mark for pieces is that of the most that they may come to", "[message_writer]") {
  // 8 bytes may come to 73, and their header to 2; plain they are 8.
  for (const bool compressed : {false, true}) {
    for (const std::size_t lacking : {0U, 1U}) {
      CAPTURE(compressed, lacking);
      server_writer writer{{}};
      REQUIRE(writer.add({.opcode = opcode::ping}, {}) == error::none);
      counting extension;
      detail::pieces_sender sender;
      const std::size_t needed = 2 + 2 + (compressed ? 73U : 8U);
      const auto next =
          piece("aaaabbbb", false, message_type::binary, compressed ? compression::automatic : compression::never);
      CHECK(sender.add(writer, extension, next, needed - lacking) == (lacking == 0 ? error::none : error::would_block));
    }
  }
}

// Prepared messages

TEST_CASE("message_writer: a prepared message goes in the form that the connection can read",
          "[message_writer][rfc7692][7.1.1]") {
  using detail::form_of;
  using detail::prepared_form;
  counting packs{.independent = 12};
  const auto prepared = prepared_message::text("aaaaaaaaa", packs);
  REQUIRE(prepared);
  REQUIRE(prepared->window_bits() == 12);
  const auto plain = prepared_message::text("aaaaaaaaa");
  REQUIRE(plain);

  CHECK(form_of(*prepared, no_extension{}) == prepared_form::plain);
  CHECK(form_of(*prepared, counting{.is_active = false, .independent = 15}) == prepared_form::plain);
  // Context is taken over: it has to be compressed in it.
  CHECK(form_of(*prepared, counting{.independent = 0}) == prepared_form::compressed_anew);
  CHECK(form_of(*prepared, counting{.threshold = 9, .independent = 0}) == prepared_form::compressed_anew);
  CHECK(form_of(*prepared, counting{.threshold = 10, .independent = 0}) == prepared_form::plain);
  // Its window has to be in the connection's.
  CHECK(form_of(*prepared, counting{.independent = 11}) == prepared_form::compressed_anew);
  CHECK(form_of(*prepared, counting{.threshold = 10, .independent = 11}) == prepared_form::plain);
  CHECK(form_of(*prepared, counting{.independent = 12}) == prepared_form::compressed);
  CHECK(form_of(*prepared, counting{.threshold = 10, .independent = 12}) == prepared_form::compressed);
  CHECK(form_of(*prepared, counting{.independent = 15}) == prepared_form::compressed);
  // One that was made without an extension is plain to all.
  CHECK(form_of(*plain, counting{.independent = 15}) == prepared_form::plain);
  CHECK(form_of(*plain, counting{.independent = 0}) == prepared_form::plain);
}
