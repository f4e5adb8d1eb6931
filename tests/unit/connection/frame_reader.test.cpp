#include "sansocket/connection/frame_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

constexpr auto no_rule = [](const frame_header&) { return error::none; };

/// A binary frame of 130 bytes 00 01 02 ..., masked with 37 fa 21 3d.
std::string long_frame() {
  std::string out = from_hex("82 fe 00 82 37 fa 21 3d");
  const std::string key = from_hex("37 fa 21 3d");
  for (std::size_t i = 0; i < 130; ++i) out += static_cast<char>(i ^ static_cast<unsigned char>(key[i % 4]));
  return out;
}

std::string counted(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(i);
  return out;
}

/// Reads a whole stream in chunks of `step` bytes: a line for each header, then its payload.
template <role Role>
std::string read_all(std::string_view stream, std::size_t step, bool copies) {
  frame_reader<Role> reader;
  std::string seen;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    bytes input = chunk.view();
    while (!input.empty()) {
      if (!reader.in_frame()) {
        const auto header = reader.read_header(input, no_rule);
        REQUIRE_FALSE(header.failed());
        if (!header.complete()) {
          CHECK(input.empty());
          CHECK(header.missing() != 0);
          break;
        }
        seen += reader.fin() ? "\nfin " : "\nmore ";
        seen.append(name(reader.opcode())).append(" ");
        CHECK(header->opcode == reader.opcode());
        CHECK(header->payload_length == reader.remaining());
      }
      if (copies) {
        exact_buffer to(static_cast<std::size_t>(std::min<std::uint64_t>(reader.remaining(), input.size())));
        reader.copy_payload(to.view(), input);
        seen += to.text();
      } else {
        seen += text_of(reader.take_payload(input));
      }
    }
  }
  CHECK_FALSE(reader.in_frame());
  return seen;
}

}  // namespace

TEST_CASE("frame_reader: gives header and unmasked payload however the stream is cut", "[frame_reader][5.2][5.3]") {
  const std::string stream =
      from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58") + long_frame() + from_hex("01 80 01 02 03 04  89 81 ff 00 00 00 9f");
  const std::string expected =
      "\nfin text Hello\nfin binary " + counted(130) + "\nmore text \nfin ping " + std::string(1, '\x60');
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    CHECK(read_all<role::server>(stream, step, false) == expected);
    CHECK(read_all<role::server>(stream, step, true) == expected);
  }
}

TEST_CASE("frame_reader: a client's payloads are as they come", "[frame_reader][5.1]") {
  const std::string stream = from_hex("81 05 48 65 6c 6c 6f  02 7e 00 82") + counted(130) + from_hex("8a 00");
  const std::string expected = "\nfin text Hello\nmore binary " + counted(130) + "\nfin pong ";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    CHECK(read_all<role::client>(stream, step, false) == expected);
    CHECK(read_all<role::client>(stream, step, true) == expected);
  }
}

TEST_CASE("frame_reader: leaves what is behind the header and the frame untouched", "[frame_reader]") {
  exact_buffer chunk(from_hex("82 81 01 02 03 04 41 aa bb"));
  bytes input = chunk.view();
  frame_reader<role::server> reader;
  REQUIRE(reader.read_header(input, no_rule).complete());
  CHECK(input.size() == 3);
  CHECK(to_hex(reader.take_payload(input)) == "40");
  CHECK(to_hex(input) == "aa bb");
  CHECK(to_hex(chunk.view()) == "82 81 01 02 03 04 40 aa bb");
}

TEST_CASE("frame_reader: says how much of the payload remains", "[frame_reader][5.2]") {
  frame_reader<role::client> reader;
  exact_buffer head(from_hex("82 7f 00 00 00 01 00 00 00 00 61 62"));
  bytes input = head.view();
  REQUIRE(reader.read_header(input, no_rule).complete());
  CHECK(reader.remaining() == 0x1'0000'0000);
  CHECK(reader.take_payload(input).size() == 2);
  CHECK(reader.remaining() == 0xFFFF'FFFE);
  CHECK(reader.in_frame());
}

TEST_CASE("frame_reader: a frame without a payload is over with its header", "[frame_reader]") {
  frame_reader<role::client> reader;
  exact_buffer chunk(from_hex("8a 00"));
  bytes input = chunk.view();
  REQUIRE(reader.read_header(input, no_rule).complete());
  CHECK(reader.take_payload(input).empty());
  CHECK_FALSE(reader.in_frame());
}

TEST_CASE("frame_reader: an empty input changes nothing", "[frame_reader]") {
  frame_reader<role::client> reader;
  bytes nothing;
  CHECK(reader.read_header(nothing, no_rule).missing() == 2);
  exact_buffer first(from_hex("82 7e 00"));
  bytes input = first.view();
  CHECK(reader.read_header(input, no_rule).missing() == 1);
  CHECK(reader.read_header(nothing, no_rule).missing() == 1);
  exact_buffer rest(from_hex("7e"));
  input = rest.view();
  const auto header = reader.read_header(input, no_rule);
  REQUIRE(header.complete());
  CHECK(header->payload_length == 126);
}

TEST_CASE("frame_reader: the rule judges the first two bytes before the length is there", "[frame_reader]") {
  int judged = 0;
  const auto rule = [&](const frame_header& first_two) {
    ++judged;
    CHECK(first_two.opcode == opcode::ping);
    CHECK(first_two.payload_length == 126);
    return error::control_too_long;
  };
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}}) {
    CAPTURE(cut);
    judged = 0;
    const std::string stream = from_hex("89 7e");
    frame_reader<role::client> reader;
    exact_buffer first(stream.substr(0, cut));
    bytes input = first.view();
    CHECK_FALSE(reader.read_header(input, rule).failed());
    CHECK(judged == 0);
    exact_buffer rest(stream.substr(cut));
    input = rest.view();
    CHECK(reader.read_header(input, rule).error() == error::control_too_long);
    CHECK(judged == 1);
  }
}

TEST_CASE("frame_reader: refuses a length as soon as it is there, however it is cut", "[frame_reader][5.2]") {
  const std::initializer_list<std::pair<std::string_view, error>> cases = {
      {"82 fe 00 7d", error::length_not_minimal},
      {"82 ff 00 00 00 00 00 00 ff ff", error::length_not_minimal},
      {"82 ff 80 00 00 00 00 00 00 00", error::length_msb_set}};
  for (const auto& [hex, verdict] : cases) {
    const std::string stream = from_hex(hex);
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
      CAPTURE(hex, cut);
      frame_reader<role::server> reader;
      exact_buffer first(stream.substr(0, cut));
      bytes input = first.view();
      CHECK(reader.read_header(input, no_rule).missing() != 0);
      exact_buffer rest(stream.substr(cut));
      input = rest.view();
      CHECK(reader.read_header(input, no_rule).error() == verdict);
    }
  }
}

TEST_CASE("frame_reader: finds a whole message in one frame, and nothing else, at the front", "[frame_reader][5.2]") {
  const auto found = [](std::string_view hex) {
    const exact_buffer exact(from_hex(hex));
    const auto frame = frame_reader<role::server>::find_whole(exact.view().data(), exact.view().size());
    return std::to_string(frame.header) + " " + std::to_string(frame.length) + (frame.is_text ? " text" : "");
  };
  CHECK(found("81 85 37 fa 21 3d 7f 9f 4d 51 58") == "6 5 text");
  CHECK(found("82 81 00 00 00 00 ff 81") == "6 1");
  CHECK(found("81 80 00 00 00 00") == "6 0 text");
  CHECK(found("82 fe 00 7e 00 00 00 00 61") == "0 0");  // its payload is cut
  std::string longer = "82 fe 00 7e 00 00 00 00";
  for (int i = 0; i < 126; ++i) longer += " 61";
  CHECK(found(longer) == "8 126");
  for (const std::string_view other :
       {"", "81", "81 05 48 65 6c 6c 6f", "81 85 37 fa 21 3d 7f 9f 4d 51", "01 80 00 00 00 00", "c1 80 00 00 00 00",
        "89 80 00 00 00 00", "88 80 00 00 00 00", "80 80 00 00 00 00", "83 80 00 00 00 00", "82 fe 00 7d 00 00 00 00",
        "82 fe 00", "82 ff 00 00 00 00", "91 80 00 00 00 00"}) {
    CAPTURE(other);
    CHECK(found(other) == "0 0");
  }
}
