#include "sansocket/codec/close_payload.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

error fault_of(std::string_view hex) {
  const exact_buffer payload(from_hex(hex));
  return decode_close(payload.view()).error();
}

struct encoded {
  error fault = error::none;
  std::string hex;
};

encoded encode(close_payload why) {
  exact_buffer out(max_control_payload);
  std::ranges::fill(out.view(), std::byte{0xEE});
  const auto size = encode_close(why, out.view().first<max_control_payload>());
  const std::size_t written = size.value_or(0);
  // What was not written is as it was.
  for (std::size_t i = written; i < max_control_payload; ++i) CHECK(out.view()[i] == std::byte{0xEE});
  return {size.error(), to_hex(out.view().first(written))};
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// The codes that §7.4 and the registry of §11.7 let into a Close frame.
std::vector<bool> sendable_codes() {
  std::vector<bool> table(65'536, false);
  for (const unsigned value : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U, 1014U})
    table[value] = true;
  for (unsigned value = 3000; value < 5000; ++value) table[value] = true;
  return table;
}

}  // namespace

TEST_CASE("close_payload: an empty one says no status", "[close_payload][7.1.5]") {
  const auto why = decode_close({});
  REQUIRE(why);
  CHECK(why->code == close_code::no_status);
  CHECK(why->reason.empty());
  CHECK(close_payload{}.code == close_code::no_status);
}

TEST_CASE("close_payload: one byte is too short, whatever it is", "[close_payload][5.5.1]") {
  for (unsigned value = 0; value < 256; ++value) {
    const std::array<std::byte, 1> one{static_cast<std::byte>(value)};
    CHECK(decode_close(exact_buffer(const_bytes(one)).view()).error() == error::close_payload_short);
  }
}

TEST_CASE("close_payload: decodes a code in network byte order and a reason that views the payload",
          "[close_payload][5.5.1]") {
  const exact_buffer payload(from_hex("03 e8 62 79 65"));
  const auto why = decode_close(payload.view());
  REQUIRE(why);
  CHECK(why->code == close_code::normal);
  CHECK(why->reason == "bye");
  CHECK(static_cast<const void*>(why->reason.data()) == static_cast<const void*>(payload.view().data() + 2));

  const exact_buffer bare(from_hex("13 87"));
  REQUIRE(decode_close(bare.view()));
  CHECK(static_cast<int>(decode_close(bare.view())->code) == 4999);
  CHECK(decode_close(bare.view())->reason.empty());
}

TEST_CASE("close_payload: of all 65536 codes decodes and encodes exactly the sendable ones", "[close_payload][7.4]") {
  const std::vector<bool> sendable = sendable_codes();
  exact_buffer bare(2);
  exact_buffer with_reason(from_hex("00 00 6f 6b"));
  exact_buffer out(max_control_payload);
  for (unsigned value = 0; value < 65'536; ++value) {
    const auto code = static_cast<close_code>(value);
    for (exact_buffer* payload : {&bare, &with_reason}) {
      payload->view()[0] = static_cast<std::byte>(value / 256);
      payload->view()[1] = static_cast<std::byte>(value % 256);
      const auto why = decode_close(payload->view());
      const bool right = sendable[value] ? why && why->code == code : why.error() == error::close_code_invalid;
      if (!right) FAIL("decoding " << value);
    }

    std::ranges::fill(out.view(), std::byte{0xEE});
    const auto size = encode_close({code, "ok"}, out.view().first<max_control_payload>());
    const std::string expected = sendable[value] ? with_reason.text() : from_hex("ee ee ee ee");
    const error fault = sendable[value] ? error::none : error::close_code_not_sendable;
    if (size.error() != fault || out.text().substr(0, 4) != expected) FAIL("encoding " << value);
  }
}

TEST_CASE("close_payload: refuses a reason that is not UTF-8", "[close_payload][5.5.1][7.1.6]") {
  CHECK(fault_of("03 e8 c3 a9") == error::none);
  CHECK(fault_of("03 e8 c3") == error::close_reason_not_utf8);
  CHECK(fault_of("03 e8 80") == error::close_reason_not_utf8);
  CHECK(fault_of("03 e8 61 ed a0 80") == error::close_reason_not_utf8);
  CHECK(fault_of("03 e8 00") == error::none);
}

TEST_CASE("close_payload: judges the code before the reason", "[close_payload][7.4]") {
  CHECK(fault_of("03 ed ff") == error::close_code_invalid);
  CHECK(fault_of("03 e7 ff") == error::close_code_invalid);
}

TEST_CASE("close_payload: decodes the longest payload there is", "[close_payload][5.5]") {
  const exact_buffer payload("\x03\xE8" + std::string(123, 'x'));
  const auto why = decode_close(payload.view());
  REQUIRE(why);
  CHECK(why->reason == std::string(123, 'x'));
}

TEST_CASE("close_payload: encodes code and reason", "[close_payload][5.5.1]") {
  CHECK(encode({close_code::normal, ""}).hex == "03 e8");
  CHECK(encode({close_code::normal, "bye"}).hex == "03 e8 62 79 65");
  CHECK(encode({close_code::protocol_error, "\xC3\xA9"}).hex == "03 ea c3 a9");
  CHECK(encode({static_cast<close_code>(4999), "x"}).hex == "13 87 78");
}

TEST_CASE("close_payload: no status and no reason is an empty payload", "[close_payload][7.1.5]") {
  const encoded nothing = encode({});
  CHECK(nothing.fault == error::none);
  CHECK(nothing.hex.empty());
}

TEST_CASE("close_payload: refuses to encode codes that must not be sent", "[close_payload][7.4.1]") {
  CHECK(encode({close_code::no_status, "why"}).fault == error::close_code_not_sendable);
  CHECK(encode({close_code::abnormal, ""}).fault == error::close_code_not_sendable);
  CHECK(encode({close_code::tls_handshake, ""}).fault == error::close_code_not_sendable);
  CHECK(encode({close_code::none, ""}).fault == error::close_code_not_sendable);
  CHECK(encode({static_cast<close_code>(1004), ""}).fault == error::close_code_not_sendable);
}

TEST_CASE("close_payload: refuses to encode a reason that is not UTF-8, also behind the cut",
          "[close_payload][5.5.1]") {
  CHECK(encode({close_code::normal, "\xFF"}).fault == error::payload_not_utf8);
  CHECK(encode({close_code::normal, "\xC3"}).fault == error::payload_not_utf8);
  const std::string spoilt_later = std::string(200, 'x') + "\xFF";
  CHECK(encode({close_code::normal, spoilt_later}).fault == error::payload_not_utf8);
}

TEST_CASE("close_payload: cuts a long reason between code points", "[close_payload][5.5]") {
  STATIC_REQUIRE(max_close_reason == 123);
  const auto reason_of = [](std::string_view reason) {
    exact_buffer out(max_control_payload);
    const auto size = encode_close({close_code::normal, reason}, out.view().first<max_control_payload>());
    REQUIRE(size);
    return out.text().substr(2, *size - 2);
  };
  CHECK(reason_of(std::string(122, 'x')) == std::string(122, 'x'));
  CHECK(reason_of(std::string(123, 'x')) == std::string(123, 'x'));
  CHECK(reason_of(std::string(124, 'x')) == std::string(123, 'x'));
  CHECK(reason_of(std::string(100'000, 'x')) == std::string(123, 'x'));

  // Three bytes a code point: 41 of them fit exactly, and one byte less lets 40 through.
  CHECK(reason_of(repeated("\xE2\x82\xAC", 41)) == repeated("\xE2\x82\xAC", 41));
  CHECK(reason_of(repeated("\xE2\x82\xAC", 42)) == repeated("\xE2\x82\xAC", 41));
  CHECK(reason_of("x" + repeated("\xE2\x82\xAC", 41)) == "x" + repeated("\xE2\x82\xAC", 40));
  CHECK(reason_of("xx" + repeated("\xE2\x82\xAC", 41)) == "xx" + repeated("\xE2\x82\xAC", 40));
  // Four bytes a code point: the last one would end at 124.
  CHECK(reason_of(repeated("\xF0\x9F\x99\x82", 31)) == repeated("\xF0\x9F\x99\x82", 30));
}
