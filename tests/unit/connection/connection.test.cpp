#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using namespace std::string_literals;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::failing_random;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// The default policy with masking keys 00 01 02 03, 04 05 06 07, ...
struct foreseeable : default_policy {
  using random_source = counting_random;
};

template <role Own>
using endpoint = connection<Own, foreseeable>;

/// Runs a check for a server and for a client.
template <class Check>
void each_role(Check check) {
  {
    INFO("server");
    check(std::integral_constant<role, role::server>{});
  }
  {
    INFO("client");
    check(std::integral_constant<role, role::client>{});
  }
}

constexpr char as_char(std::uint64_t value) { return static_cast<char>(value & 0xFFU); }

/// A frame as the other end sends it, put together by hand: a client masks, with the key 37 fa 21 3d.
std::string frame_to(role receiver, unsigned first, std::string_view payload) {
  const unsigned mask_bit = receiver == role::server ? 0x80 : 0;
  std::string out{as_char(first)};
  if (payload.size() < 126) {
    out += as_char(mask_bit | payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += as_char(mask_bit | 126U);
    for (const unsigned shift : {8U, 0U}) out += as_char(payload.size() >> shift);
  } else {
    out += as_char(mask_bit | 127U);
    for (unsigned shift = 64; shift != 0; shift -= 8) out += as_char(std::uint64_t{payload.size()} >> (shift - 8));
  }
  if (receiver == role::client) return out.append(payload);
  const std::string key = from_hex("37 fa 21 3d");
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

/// A client's frames with the masks taken off by hand, so that they read like a server's.
std::string without_masks(std::string_view wire) {
  std::string out;
  while (!wire.empty()) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(wire.at(i)); };
    REQUIRE((at(1) & 0x80U) != 0);
    std::size_t length = at(1) & 0x7FU;
    const std::size_t key_at = length == 127 ? 10 : length == 126 ? 4 : 2;
    if (key_at > 2) length = 0;
    for (std::size_t i = 2; i < key_at; ++i) length = length << 8U | at(i);
    out += wire[0];
    out += as_char(at(1) & 0x7FU);
    out.append(wire.substr(2, key_at - 2));
    for (std::size_t i = 0; i < length; ++i) out += static_cast<char>(wire.at(key_at + 4 + i) ^ wire[key_at + i % 4]);
    wire.remove_prefix(key_at + 4 + length);
  }
  return out;
}

/// All that waits to be sent.
template <class Connection>
std::string waiting(const Connection& ws) {
  std::string out;
  for (const const_bytes run : ws.output_runs()) out += text_of(run);
  CHECK(out.size() == ws.buffered());
  return out;
}

/// All that waits to be sent, sent: in hex, without masks.
template <role Own, class Policy>
std::string take_sent(connection<Own, Policy>& ws) {
  const std::string wire = waiting(ws);
  REQUIRE(ws.sent(wire.size()) == error::none);
  const std::string frames = Own == role::client ? without_masks(wire) : wire;
  return to_hex(bytes_of(std::string_view(frames)));
}

/// An event in words: "text(Hello)"; a piece that is not first begins with '+', one that is not last
/// ends with '+'.
std::string words(const event& seen) {
  std::string out;
  switch (seen.type) {
    case event_type::none: return "nothing";
    case event_type::text: out = "text("; break;
    case event_type::binary: out = "binary("; break;
    case event_type::ping: out = "ping("; break;
    case event_type::pong: out = "pong("; break;
    case event_type::closed: {
      const std::array ends = {"", " first local", " first peer"};
      out = "closed(" + std::string(name(seen.why.fault)) + ends[static_cast<std::size_t>(seen.why.initiator)];
      out += " sent " + std::to_string(static_cast<unsigned>(seen.why.sent));
      out += " received " + std::to_string(static_cast<unsigned>(seen.why.received));
      if (!seen.payload.empty()) out.append(" ").append(seen.text());
      return out + ")";
    }
  }
  if (!seen.first) out.insert(0, "+");
  out.append(seen.text()).append(seen.last ? ")" : ")+");
  return out;
}

template <class Connection>
std::string poll_all(Connection& ws) {
  std::string out;
  ws.drain([&](const event& next) { out += (out.empty() ? "" : " ") + words(next); });
  return out;
}

/// Feeds a stream in chunks of `step` bytes: the events in words. Each chunk is gone when the next comes.
template <class Connection>
std::string feed(Connection& ws, std::string_view stream, std::size_t step = ~std::size_t{0}) {
  std::string out;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    const std::string seen = poll_all(ws);
    if (!seen.empty()) out += (out.empty() ? "" : " ") + seen;
  }
  return out;
}

/// The Close frame that fails a connection, in hex: the code, and the error's words as the reason.
std::string failing_close(error what) {
  const auto code = static_cast<unsigned>(close_code_for(what));
  const std::string payload = std::string{as_char(code >> 8U), as_char(code)}.append(message(what));
  return to_hex(bytes_of(std::string_view(frame_to(role::client, 0x88, payload))));
}

/// What this end sees and sends when the connection fails.
std::string failure(error what) {
  return "closed(" + std::string(name(what)) + " first local sent " +
         std::to_string(static_cast<unsigned>(close_code_for(what))) + " received 1006)";
}

/// Checks what fresh ends make of a stream: whole, byte by byte, and cut in two at every place.
/// Takes: the events in words, and the output in hex, without masks.
template <role Own>
void check_stream(const std::string& stream, const std::string& events, const std::string& sent,
                  const connection_options& options = {}) {
  const auto joined = [&](std::string seen) {
    if (options.delivery == delivery::messages) return seen;
    // Where pieces are cut is the chunks' doing: they are put together again.
    for (const std::string_view joint : {")+ +text(", ")+ +binary("}) {
      for (auto at = seen.find(joint); at != std::string::npos; at = seen.find(joint)) seen.erase(at, joint.size());
    }
    return seen;
  };
  const std::size_t stride = std::max<std::size_t>(1, stream.size() / 200);
  for (std::size_t cut = 0; cut < stream.size(); cut += stride) {
    CAPTURE(cut);
    endpoint<Own> ws(options);
    std::string seen = feed(ws, stream.substr(0, cut));
    const std::string rest = feed(ws, stream.substr(cut));
    if (!seen.empty() && !rest.empty()) seen += " ";
    CHECK(joined(seen + rest) == events);
    CHECK(take_sent(ws) == sent);
  }
  for (const std::size_t step : {1U, 2U, 3U, 7U}) {
    CAPTURE(step);
    endpoint<Own> ws(options);
    CHECK(joined(feed(ws, stream, step)) == events);
    CHECK(take_sent(ws) == sent);
  }
}

/// Checks that a call is refused and changes nothing that can be seen: the error.
template <class Connection, class Call>
error refused(Connection& ws, Call call) {
  const auto seen = [&] {
    return waiting(ws) + (ws.is_open() ? "o" : "-") + (ws.lends() ? "l" : "-") + (ws.ping_waits() ? "p" : "-") +
           std::to_string(static_cast<int>(ws.transport()));
  };
  const std::string before = seen();
  const error verdict = call();
  CHECK(seen() == before);
  return verdict;
}

}  // namespace

// Receiving

TEST_CASE("connection: gives messages however the stream is cut", "[connection][6.2]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "Hello") + frame_to(own, 0x82, "") + frame_to(own, 0x01, "a") +
                               frame_to(own, 0x8A, "po") + frame_to(own, 0x00, "") + frame_to(own, 0x80, "b") +
                               frame_to(own, 0x82, std::string(130, 'x')) + frame_to(own, 0x81, "\xE2\x82\xAC");
    const std::string rest = " binary(" + std::string(130, 'x') + ") text(\xE2\x82\xAC)";
    check_stream<own()>(stream, "text(Hello) binary() pong(po) text(ab)" + rest, "");
    check_stream<own()>(stream, "text(Hello) binary() text(a)+ pong(po) +text(b)" + rest, "",
                        {.delivery = delivery::pieces});
  });
}

TEST_CASE("connection: long messages are the same in every chunk size", "[connection][5.2]") {
  each_role([](auto own) {
    const std::string text(70'000, 'y');
    check_stream<own()>(frame_to(own, 0x81, text), "text(" + text + ")", "");
  });
}

TEST_CASE("connection: a message that lies whole in the chunk is shown in the chunk", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer chunk(frame_to(own, 0x81, "Hello") + frame_to(own, 0x82, "ab"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    const std::size_t header = own() == role::server ? 6 : 2;
    event next = ws.poll();
    CHECK(next.text() == "Hello");
    CHECK(next.bytes().data() == chunk.view().data() + header);
    next = ws.poll();
    CHECK(next.text() == "ab");
    CHECK(next.bytes().data() == chunk.view().data() + 2 * header + 5);
    CHECK_FALSE(ws.poll());
  });
}

TEST_CASE("connection: a chunk that comes too early is not taken", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer first(frame_to(own, 0x81, "a") + frame_to(own, 0x81, "b"));
    exact_buffer second(frame_to(own, 0x81, "c"));
    REQUIRE(ws.receive(first.view()) == error::none);
    CHECK(ws.receive(second.view()) == error::input_pending);
    CHECK(words(ws.poll()) == "text(a)");
    CHECK(ws.receive(second.view()) == error::input_pending);
    CHECK(poll_all(ws) == "text(b)");
    CHECK(ws.receive(second.view()) == error::none);
    CHECK(poll_all(ws) == "text(c)");
  });
}

TEST_CASE("connection: begins with the bytes that came behind the head", "[connection][4.1]") {
  each_role([](auto own) {
    exact_buffer behind(frame_to(own, 0x81, "early"));
    endpoint<own()> ws(detail::agreement_maker::make("", behind.view()));
    exact_buffer more(frame_to(own, 0x81, "late"));
    CHECK(ws.receive(more.view()) == error::input_pending);
    CHECK(poll_all(ws) == "text(early)");
    CHECK(feed(ws, more.text()) == "text(late)");
  });
}

TEST_CASE("connection: polling without input gives nothing", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK_FALSE(ws.poll());
    CHECK(ws.receive({}) == error::none);
    CHECK_FALSE(ws.poll());
    CHECK(ws.transport() == transport_action::keep);
    CHECK(ws.output().empty());
  });
}

TEST_CASE("connection: may be destroyed between two events", "[connection]") {
  exact_buffer chunk(frame_to(role::server, 0x81, "a") + frame_to(role::server, 0x81, "b"));
  auto ws = std::make_unique<endpoint<role::server>>();
  REQUIRE(ws->receive(chunk.view()) == error::none);
  CHECK(words(ws->poll()) == "text(a)");
  ws.reset();
}

TEST_CASE("connection: can be moved between two events", "[connection]") {
  each_role([](auto own) {
    exact_buffer chunk(frame_to(own, 0x01, "a") + frame_to(own, 0x89, "p") + frame_to(own, 0x80, "b"));
    auto first = std::make_unique<endpoint<own()>>();
    REQUIRE(first->receive(chunk.view()) == error::none);
    REQUIRE(first->send_text("x") == error::none);
    CHECK(words(first->poll()) == "ping(p)");
    REQUIRE(first->retain() == error::none);
    endpoint<own()> second(std::move(*first));
    first.reset();
    CHECK(poll_all(second) == "text(ab)");
    CHECK(take_sent(second) == "81 01 78 8a 01 70");
  });
}

// Limits

TEST_CASE("connection: the message limit passes, one more byte fails with 1009", "[connection][10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const connection_options ten{.limits = {.message = 10}, .delivery = how};
      check_stream<own()>(frame_to(own, 0x82, "0123456789"), "binary(0123456789)", "", ten);
      check_stream<own()>(frame_to(own, 0x82, "0123456789x"), failure(error::message_too_big),
                          failing_close(error::message_too_big), ten);
      const std::string whole = frame_to(own, 0x02, "012345") + frame_to(own, 0x80, "6789");
      check_stream<own()>(whole + whole, "binary(0123456789) binary(0123456789)", "", ten);
    }
    const connection_options ten{.limits = {.message = 10}};
    check_stream<own()>(frame_to(own, 0x02, "012345") + frame_to(own, 0x80, "6789x"), failure(error::message_too_big),
                        failing_close(error::message_too_big), ten);
    check_stream<own()>(frame_to(own, 0x02, "012345") + frame_to(own, 0x80, "6789x"),
                        "binary(012345)+ " + failure(error::message_too_big), failing_close(error::message_too_big),
                        {.limits = {.message = 10}, .delivery = delivery::pieces});
    CHECK(close_code_for(error::message_too_big) == close_code::message_too_big);
  });
}

TEST_CASE("connection: the frame limit passes, one more byte fails with 1009", "[connection][10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const connection_options three{.limits = {.frame = 3}, .delivery = how};
      check_stream<own()>(frame_to(own, 0x02, "abc") + frame_to(own, 0x80, "def"), "binary(abcdef)", "", three);
      check_stream<own()>(frame_to(own, 0x82, "abcd"), failure(error::frame_too_big),
                          failing_close(error::frame_too_big), three);
    }
    CHECK(close_code_for(error::frame_too_big) == close_code::message_too_big);
  });
}

TEST_CASE("connection: the fragment limit passes, one more fragment fails with 1008", "[connection][10.4]") {
  each_role([](auto own) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      const connection_options two{.limits = {.fragments = 2}, .delivery = how};
      const std::string whole = frame_to(own, 0x02, "") + frame_to(own, 0x80, "a");
      check_stream<own()>(whole + whole, "binary(a) binary(a)", "", two);
      check_stream<own()>(frame_to(own, 0x02, "") + frame_to(own, 0x00, "") + frame_to(own, 0x80, "a"),
                          failure(error::too_many_fragments), failing_close(error::too_many_fragments), two);
    }
    CHECK(close_code_for(error::too_many_fragments) == close_code::policy_violation);
  });
}

TEST_CASE("connection: the limits that hold without a word said are exact", "[connection][10.4]") {
  each_role([](auto own) {
    {
      endpoint<own()> ws;
      const std::string most(1024 * 1024, 'x');
      CHECK(feed(ws, frame_to(own, 0x82, most), 65'536) == "binary(" + most + ")");
      CHECK(feed(ws, frame_to(own, 0x82, most + "x")) == failure(error::message_too_big));
    }
    endpoint<own()> ws;
    std::string stream = frame_to(own, 0x02, "");
    for (int i = 0; i < 16 * 1024 - 1; ++i) stream += frame_to(own, 0x00, "");
    CHECK(feed(ws, stream).empty());
    CHECK(feed(ws, frame_to(own, 0x00, "")) == failure(error::too_many_fragments));
  });
}

// Failing

TEST_CASE("connection: a broken rule queues a Close that says so, and ends the connection", "[connection][7.1.7]") {
  const std::vector<std::pair<std::string, error>> server_cases = {
      {"c1 80 00 00 00 00", error::reserved_bits_set},
      {"a1 80 00 00 00 00", error::reserved_bits_set},
      {"91 80 00 00 00 00", error::reserved_bits_set},
      {"83 80 00 00 00 00", error::opcode_reserved},
      {"8b 80 00 00 00 00", error::opcode_reserved},
      {"09 80 00 00 00 00", error::control_fragmented},
      {"89 fe", error::control_too_long},
      {"81 00", error::mask_missing},
      {"82 fe 00 7d", error::length_not_minimal},
      {"82 ff 80 00 00 00 00 00 00 00", error::length_msb_set},
      {"80 80 00 00 00 00", error::continuation_unexpected}};
  for (const auto& [hex, what] : server_cases) {
    CAPTURE(hex);
    check_stream<role::server>(from_hex(hex), failure(what), failing_close(what));
  }
  const std::vector<std::pair<std::string, error>> client_cases = {
      {"c1 00", error::reserved_bits_set},        {"83 00", error::opcode_reserved},
      {"8f 00", error::opcode_reserved},          {"08 00", error::control_fragmented},
      {"8a 7f", error::control_too_long},         {"81 80", error::mask_forbidden},
      {"82 7e 00 7d", error::length_not_minimal}, {"82 7f 80 00 00 00 00 00 00 00", error::length_msb_set},
      {"80 00", error::continuation_unexpected}};
  for (const auto& [hex, what] : client_cases) {
    CAPTURE(hex);
    check_stream<role::client>(from_hex(hex), failure(what), failing_close(what));
  }
  each_role([](auto own) {
    check_stream<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x81, "b"), failure(error::message_interrupted),
                        failing_close(error::message_interrupted));
    check_stream<own()>(frame_to(own, 0x81, "a\xFF"), failure(error::text_not_utf8),
                        failing_close(error::text_not_utf8));
    check_stream<own()>(frame_to(own, 0x88, "\x03"), failure(error::close_payload_short),
                        failing_close(error::close_payload_short));
    check_stream<own()>(frame_to(own, 0x88, "\x03\xED"), failure(error::close_code_invalid),
                        failing_close(error::close_code_invalid));
    check_stream<own()>(frame_to(own, 0x88, "\x03\xE8\xC3"), failure(error::close_reason_not_utf8),
                        failing_close(error::close_reason_not_utf8));
  });
}

TEST_CASE("connection: what came before the fault is given first, what came behind is not read",
          "[connection][7.1.7]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "a") + frame_to(own, 0x89, "p") + frame_to(own, 0x83, "") +
                               frame_to(own, 0x81, "b") + frame_to(own, 0x89, "q") + frame_to(own, 0x88, "\x03\xE8");
    check_stream<own()>(stream, "text(a) ping(p) " + failure(error::opcode_reserved),
                        "8a 01 70 " + failing_close(error::opcode_reserved));
    check_stream<own()>(frame_to(own, 0x81, "abc\xC0") + frame_to(own, 0x81, "b"),
                        "text(abc)+ " + failure(error::text_not_utf8), failing_close(error::text_not_utf8),
                        {.delivery = delivery::pieces});
  });
}

TEST_CASE("connection: after a failure nothing is sent or received and the transport closes", "[connection][7.1.7]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x83, "")) == failure(error::opcode_reserved));
    CHECK_FALSE(ws.is_open());
    CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::closing);
    CHECK(refused(ws, [&] { return ws.send_close(); }) == error::closing);
    CHECK(ws.transport() == transport_action::keep);
    CHECK(take_sent(ws) == failing_close(error::opcode_reserved));
    CHECK(ws.transport() == transport_action::close);
    CHECK(feed(ws, frame_to(own, 0x81, "a") + frame_to(own, 0x88, "\x03\xE8")).empty());
    endpoint<own()> unpolled;
    exact_buffer chunk(frame_to(own, 0x83, "") + frame_to(own, 0x81, "a"));
    REQUIRE(unpolled.receive(chunk.view()) == error::none);
    CHECK(unpolled.poll().type == event_type::closed);
    CHECK(unpolled.receive(chunk.view()) == error::none);  // nothing is pending
    ws.receive_eof();
    CHECK_FALSE(ws.poll());
    CHECK(ws.transport() == transport_action::close);
    CHECK(ws.buffered() == 0);
  });
}

TEST_CASE("connection: a failure in the middle of a message that is being sent still says Close",
          "[connection][7.1.7]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    CHECK(feed(ws, frame_to(own, 0x83, "")) == failure(error::opcode_reserved));
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("b"), true); }) == error::closing);
    CHECK(take_sent(ws) == "01 01 61 " + failing_close(error::opcode_reserved));
  });
}

// Pings and pongs

TEST_CASE("connection: answers a ping with its payload", "[connection][5.5.2]") {
  each_role([](auto own) {
    check_stream<own()>(frame_to(own, 0x89, "Hello"), "ping(Hello)", "8a 05 48 65 6c 6c 6f");
    check_stream<own()>(frame_to(own, 0x89, ""), "ping()", "8a 00");
    const std::string most(125, 'p');
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x89, most), 50) == "ping(" + most + ")");
    CHECK(take_sent(ws) == "8a 7d " + to_hex(bytes_of(std::string_view(most))));
  });
}

TEST_CASE("connection: answers only the last of many pings while output is blocked", "[connection][5.5.3]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_text("a") == error::none);
    const std::size_t before = ws.buffered();
    for (int i = 0; i < 10'000; ++i) {
      const std::string payload = std::to_string(i) + std::string(100, '.');
      exact_buffer chunk(frame_to(own, 0x89, payload));
      REQUIRE(ws.receive(chunk.view()) == error::none);
      REQUIRE(ws.poll().type == event_type::ping);
      REQUIRE(ws.buffered() <= before + 2 + 4 + 104);
    }
    CHECK(take_sent(ws) == "81 01 61 8a 68 39 39 39 39" + [] {
      std::string dots;
      for (int i = 0; i < 100; ++i) dots += " 2e";
      return dots;
    }());
  });
}

TEST_CASE("connection: a pong that is half sent is not torn", "[connection][5.5.3]") {
  each_role([](auto own) {
    const std::size_t pong_size = own() == role::server ? 7 : 11;
    for (std::size_t count = 0; count <= pong_size; ++count) {
      CAPTURE(count);
      endpoint<own()> ws;
      feed(ws, frame_to(own, 0x89, "first"));
      std::string wire = waiting(ws).substr(0, count);
      REQUIRE(ws.sent(count) == error::none);
      for (int i = 0; i < 100; ++i) feed(ws, frame_to(own, 0x89, "more"));
      feed(ws, frame_to(own, 0x89, "last"));
      wire += waiting(ws);
      const std::string frames = own() == role::client ? without_masks(wire) : wire;
      CHECK(to_hex(bytes_of(std::string_view(frames))) ==
            (count == 0 ? ""s : "8a 05 66 69 72 73 74 "s) + "8a 04 6c 61 73 74");
    }
  });
}

TEST_CASE("connection: pings keep their order with messages, and a flood of them is bounded", "[connection][5.5.3]") {
  // Output that trickles: a byte for each ping, so that there is always a pong half sent.
  each_role([](auto own) {
    endpoint<own()> ws;
    const std::string payload(125, 'p');
    std::string wire;
    for (int i = 0; i < 3000; ++i) {
      feed(ws, frame_to(own, 0x89, payload));
      wire += waiting(ws).substr(0, 1);
      REQUIRE(ws.sent(1) == error::none);
      REQUIRE(ws.buffered() <= std::size_t{2} * 131);
    }
    wire += waiting(ws);
    const std::string frames = own() == role::client ? without_masks(wire) : wire;
    const std::string pong = "\x8A\x7D" + payload;
    REQUIRE(frames.size() % pong.size() == 0);
    for (std::size_t at = 0; at < frames.size(); at += pong.size()) CHECK(frames.substr(at, pong.size()) == pong);
  });
}

TEST_CASE("connection: one ping waits, the next would block until it is sent", "[connection][5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK_FALSE(ws.ping_waits());
    REQUIRE(ws.send_ping(bytes_of("ab")) == error::none);
    CHECK(ws.ping_waits());
    CHECK(refused(ws, [&] { return ws.send_ping(); }) == error::would_block);
    REQUIRE(ws.sent(ws.buffered() - 1) == error::none);
    CHECK(refused(ws, [&] { return ws.send_ping(); }) == error::would_block);
    REQUIRE(ws.sent(1) == error::none);
    CHECK_FALSE(ws.ping_waits());
    REQUIRE(ws.send_ping() == error::none);
    CHECK(take_sent(ws) == "89 00");
  });
}

TEST_CASE("connection: sends pings and pongs of up to 125 bytes", "[connection][5.5]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    const exact_buffer most(125);
    const exact_buffer more(126);
    CHECK(refused(ws, [&] { return ws.send_ping(more.view()); }) == error::control_payload_too_long);
    CHECK(refused(ws, [&] { return ws.send_pong(more.view()); }) == error::control_payload_too_long);
    CHECK(ws.send_ping(most.view()) == error::none);
    CHECK(ws.send_pong(most.view()) == error::none);
    const std::string sent = take_sent(ws);
    CHECK(sent.size() == 3 * 2 * 127 - 1);
    CHECK(sent.starts_with("89 7d 00"));
    CHECK(sent.substr(std::size_t{3} * 127).starts_with("8a 7d 00"));
  });
}

TEST_CASE("connection: a pong that nobody asked for is given and not answered", "[connection][5.5.3]") {
  each_role([](auto own) { check_stream<own()>(frame_to(own, 0x8A, "a"), "pong(a)", ""); });
}

TEST_CASE("connection: a ping behind our Close is answered, one behind the peer's is not", "[connection][5.5.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code::normal) == error::none);
    CHECK(feed(ws, frame_to(own, 0x89, "a")) == "ping(a)");
    CHECK(take_sent(ws) == "88 02 03 e8 8a 01 61");
    CHECK(feed(ws, frame_to(own, 0x88, "\x03\xE8") + frame_to(own, 0x89, "b")) ==
          "closed(none first local sent 1000 received 1000)");
    CHECK(take_sent(ws).empty());
  });
}

// Sending

TEST_CASE("connection: a server sends the RFC's examples", "[connection][5.7]") {
  endpoint<role::server> ws;
  REQUIRE(ws.send_text("Hello") == error::none);
  REQUIRE(ws.send_piece(message_type::text, bytes_of("Hel"), false) == error::none);
  REQUIRE(ws.send_piece(message_type::text, bytes_of("lo"), true) == error::none);
  REQUIRE(ws.send_ping(bytes_of("Hello")) == error::none);
  CHECK(to_hex(ws.output()) == "81 05 48 65 6c 6c 6f 01 03 48 65 6c 80 02 6c 6f 89 05 48 65 6c 6c 6f");
}

TEST_CASE("connection: a client masks every frame with a key of its own", "[connection][5.3]") {
  endpoint<role::client> ws({}, {.next = 0x37});
  REQUIRE(ws.send_text("Hello") == error::none);
  REQUIRE(ws.send_ping(bytes_of("Hello")) == error::none);
  REQUIRE(ws.send_close() == error::none);
  // 48^37 65^38 6c^39 6c^3a 6f^37, 48^3b 65^3c 6c^3d 6c^3e 6f^3b, 03^3f e8^40
  CHECK(to_hex(ws.output()) ==
        "81 85 37 38 39 3a 7f 5d 55 56 58 89 85 3b 3c 3d 3e 73 59 51 52 54 88 82 3f 40 41 42 3c a8");
}

TEST_CASE("connection: sends empty messages", "[connection][5.6]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_text("") == error::none);
    REQUIRE(ws.send_binary({}) == error::none);
    REQUIRE(ws.send_piece(message_type::text, {}, false) == error::none);
    REQUIRE(ws.send_piece(message_type::text, {}, true) == error::none);
    CHECK(take_sent(ws) == "81 00 82 00 01 00 80 00");
  });
}

TEST_CASE("connection: output leaves in any portions", "[connection][6.1]") {
  each_role([](auto own) {
    for (const std::size_t step : {1U, 2U, 5U, 1000U}) {
      CAPTURE(step);
      endpoint<own()> ws;
      REQUIRE(ws.send_text("Hello") == error::none);
      REQUIRE(ws.send_binary(bytes_of("ab")) == error::none);
      std::string wire;
      while (!ws.output().empty()) {
        const const_bytes part = ws.output().first(std::min(step, ws.output().size()));
        wire += text_of(part);
        REQUIRE(ws.sent(part.size()) == error::none);
      }
      CHECK(ws.buffered() == 0);
      const std::string frames = own() == role::client ? without_masks(wire) : wire;
      CHECK(to_hex(bytes_of(std::string_view(frames))) == "81 05 48 65 6c 6c 6f 82 02 61 62");
    }
  });
}

TEST_CASE("connection: more sent than there was is refused and changes nothing", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(refused(ws, [&] { return ws.sent(1); }) == error::sent_too_much);
    REQUIRE(ws.send_text("a") == error::none);
    CHECK(refused(ws, [&] { return ws.sent(ws.buffered() + 1); }) == error::sent_too_much);
    CHECK(take_sent(ws) == "81 01 61");
  });
}

TEST_CASE("connection: text that is not UTF-8 is refused and changes nothing", "[connection][5.6]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    for (const std::string_view text : {"\xFF", "a\xC0\x80", "\xED\xA0\x80", "\xE2\x82", "\xF4\x90\x80\x80"}) {
      CHECK(refused(ws, [&] { return ws.send_text(text); }) == error::payload_not_utf8);
      CHECK(refused(ws, [&] { return ws.send(message_type::text, bytes_of(text)); }) == error::payload_not_utf8);
      CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of(text), true); }) ==
            error::payload_not_utf8);
    }
    CHECK(ws.send_binary(bytes_of("\xFF")) == error::none);
    CHECK(take_sent(ws) == "82 01 ff");
  });
}

TEST_CASE("connection: cuts large messages into fragments of the size asked for", "[connection][5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 4});
    const auto sent = [&](std::string_view text) {
      REQUIRE(ws.send_text(text) == error::none);
      return take_sent(ws);
    };
    CHECK(sent("") == "81 00");
    CHECK(sent("abcd") == "81 04 61 62 63 64");
    CHECK(sent("abcde") == "01 04 61 62 63 64 80 01 65");
    CHECK(sent("abcdefgh") == "01 04 61 62 63 64 80 04 65 66 67 68");
    CHECK(sent("abcdefghi") == "01 04 61 62 63 64 00 04 65 66 67 68 80 01 69");
    CHECK(sent("abc\xC3\xA9") == "01 04 61 62 63 c3 80 01 a9");
  });
}

TEST_CASE("connection: a fragment size of 0 is taken for 1", "[connection][5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws({.fragment_size = 0});
    REQUIRE(ws.send_binary(bytes_of("ab")) == error::none);
    CHECK(take_sent(ws) == "02 01 61 80 01 62");
  });
}

TEST_CASE("connection: nothing is left of a fragmented message that could not be queued whole", "[connection][5.4]") {
  struct three_keys {
    int left = 3;
    bool operator()(bytes out) {
      std::ranges::fill(out, std::byte{1});
      return left-- > 0;
    }
  };
  struct policy : default_policy {
    using random_source = three_keys;
  };
  connection<role::client, policy> ws({.fragment_size = 2});
  REQUIRE(ws.send_ping() == error::none);
  CHECK(refused(ws, [&] { return ws.send_binary(bytes_of("abcdef")); }) == error::random_failed);
  CHECK(take_sent(ws) == "89 00");
}

TEST_CASE("connection: sends a message in pieces, with control frames between", "[connection][5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("a"), false) == error::none);
    REQUIRE(ws.send_ping() == error::none);
    REQUIRE(ws.send_piece(message_type::binary, {}, false) == error::none);
    feed(ws, frame_to(own, 0x89, "p"));
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("\xFF"), true) == error::none);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("b"), true) == error::none);
    CHECK(take_sent(ws) == "02 01 61 89 00 00 00 8a 01 70 80 01 ff 81 01 62");
  });
}

TEST_CASE("connection: pieces of text may cut a code point anywhere", "[connection][5.6]") {
  each_role([](auto own) {
    const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9";
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (std::size_t second = first; second <= text.size(); ++second) {
        endpoint<own()> ws;
        const const_bytes all = bytes_of(std::string_view(text));
        REQUIRE(ws.send_piece(message_type::text, all.first(first), false) == error::none);
        REQUIRE(ws.send_piece(message_type::text, all.subspan(first, second - first), false) == error::none);
        REQUIRE(ws.send_piece(message_type::text, all.subspan(second), true) == error::none);
      }
    }
  });
}

TEST_CASE("connection: a piece that cannot be valid is refused, and a right one can follow", "[connection][5.6]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("\xE2\x82"), false) == error::none);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("a"), false); }) ==
          error::payload_not_utf8);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, {}, true); }) == error::payload_not_utf8);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("\xAC\xFF"), true); }) ==
          error::payload_not_utf8);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("\xAC"), true) == error::none);
    CHECK(take_sent(ws) == "01 02 e2 82 80 01 ac");
    CHECK(ws.send_text("next") == error::none);
  });
}

TEST_CASE("connection: a message in pieces keeps all others out", "[connection][5.4]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    CHECK(refused(ws, [&] { return ws.send_text("b"); }) == error::message_in_progress);
    CHECK(refused(ws, [&] { return ws.send_binary({}); }) == error::message_in_progress);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::binary, bytes_of("b"), true); }) ==
          error::message_type_mismatch);
    if constexpr (own() == role::server) {
      const auto prepared = prepared_message::text("b");
      CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::message_in_progress);
      CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::message_in_progress);
      CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, bytes_of("b")); }) == error::message_in_progress);
    }
    REQUIRE(ws.send_piece(message_type::text, bytes_of("c"), true) == error::none);
    REQUIRE(ws.send_binary(bytes_of("d")) == error::none);
    CHECK(take_sent(ws) == "01 01 61 80 01 63 82 01 64");
  });
}

TEST_CASE("connection: the high-water mark is exact and counts headers", "[connection]") {
  each_role([](auto own) {
    const std::size_t header = own() == role::server ? 2 : 6;
    const std::string ten(10, 'x');
    for (const bool fits : {true, false}) {
      CAPTURE(fits);
      endpoint<own()> ws({.high_water = 2 * (header + 10) - (fits ? 0 : 1)});
      REQUIRE(ws.send_text(ten) == error::none);
      if (fits) {
        CHECK(ws.send_text(ten) == error::none);
      } else {
        CHECK(refused(ws, [&] { return ws.send_text(ten); }) == error::would_block);
      }
    }
  });
}

TEST_CASE("connection: the high-water mark counts the headers of all fragments", "[connection][5.4]") {
  each_role([](auto own) {
    const std::size_t header = own() == role::server ? 2 : 6;
    for (const std::size_t size : {7U, 8U}) {  // two frames each
      for (const bool fits : {true, false}) {
        CAPTURE(size, fits);
        endpoint<own()> ws({.high_water = 3 * header + 1 + size - (fits ? 0 : 1), .fragment_size = 4});
        REQUIRE(ws.send_text("a") == error::none);
        CHECK(ws.send_binary(exact_buffer(size).view()) == (fits ? error::none : error::would_block));
        CHECK(ws.buffered() == (fits ? 3 * header + 1 + size : header + 1));
      }
    }
  });
}

TEST_CASE("connection: at the high-water mark messages would block and go on once it is drained", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws({.high_water = 64});
    REQUIRE(ws.send_text(std::string(70, 'x')) == error::none);  // larger than the mark: goes alone
    CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::would_block);
    CHECK(refused(ws, [&] { return ws.send_binary({}); }) == error::would_block);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("a"), false); }) == error::would_block);
    CHECK(refused(ws, [&] { return ws.send_pong(); }) == error::would_block);
    if constexpr (own() == role::server) {
      const auto prepared = prepared_message::text("a");
      CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::would_block);
      CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::would_block);
      CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, bytes_of("a")); }) == error::would_block);
    }
    // Control frames are not messages.
    REQUIRE(ws.send_ping(bytes_of("p")) == error::none);
    CHECK(feed(ws, frame_to(own, 0x89, "q")) == "ping(q)");
    REQUIRE(ws.sent(ws.buffered()) == error::none);
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), true) == error::none);
    REQUIRE(ws.send_pong() == error::none);
    CHECK(take_sent(ws) == "81 01 61 8a 00");
  });
}

TEST_CASE("connection: a Close can be sent above the high-water mark", "[connection][7.1.2]") {
  each_role([](auto own) {
    endpoint<own()> ws({.high_water = 4});
    REQUIRE(ws.send_text("12345") == error::none);
    REQUIRE(ws.send_close(close_code::going_away) == error::none);
    CHECK(take_sent(ws) == "81 05 31 32 33 34 35 88 02 03 e9");
  });
}

TEST_CASE("connection: a client without a random key sends nothing", "[connection][5.3]") {
  struct policy : default_policy {
    using random_source = failing_random;
  };
  connection<role::client, policy> ws;
  CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("a"), true); }) == error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_ping(); }) == error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_pong(); }) == error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_close(); }) == error::random_failed);
  CHECK(ws.is_open());
  // A ping cannot be answered, nor can a Close say so.
  CHECK(feed(ws, frame_to(role::client, 0x89, "a")) == "closed(random_failed sent 0 received 1006)");
  CHECK(ws.buffered() == 0);
  CHECK(ws.transport() == transport_action::close);
}

TEST_CASE("connection: a Close that cannot be answered is a failure", "[connection][5.5.1]") {
  struct policy : default_policy {
    using random_source = failing_random;
  };
  connection<role::client, policy> ws;
  CHECK(feed(ws, frame_to(role::client, 0x88, "\x03\xE8")) == "closed(random_failed sent 0 received 1006)");
  CHECK(ws.transport() == transport_action::close);
}

TEST_CASE("connection: a prepared message is sent to many", "[connection][5.6]") {
  const auto prepared = prepared_message::text("Hello");
  REQUIRE(prepared);
  for (int i = 0; i < 3; ++i) {
    endpoint<role::server> copied;
    endpoint<role::server> lent;
    REQUIRE(copied.send(*prepared) == error::none);
    REQUIRE(lent.send_lent(*prepared) == error::none);
    CHECK(lent.output().data() == prepared->frame().data());
    CHECK(copied.output().data() != prepared->frame().data());
    for (auto* const ws : {&copied, &lent}) {
      REQUIRE(ws->sent(static_cast<std::size_t>(i)) == error::none);
      CHECK(to_hex(bytes_of(std::string_view(waiting(*ws)))) ==
            std::string("81 05 48 65 6c 6c 6f").substr(static_cast<std::size_t>(3 * i)));
    }
  }
}

TEST_CASE("connection: a prepared message that was never made sends nothing", "[connection]") {
  endpoint<role::server> ws;
  const prepared_message nothing;
  CHECK(ws.send(nothing) == error::none);
  CHECK(ws.send_lent(nothing) == error::none);
  CHECK(ws.buffered() == 0);
  CHECK_FALSE(ws.lends());
}

// Lending

TEST_CASE("connection: a lent payload goes out from where it lies, at every partial send", "[connection]") {
  const exact_buffer payload("Hello");
  for (std::size_t count = 0; count <= 20; ++count) {
    CAPTURE(count);
    endpoint<role::server> ws;
    REQUIRE(ws.send_text("a") == error::none);
    REQUIRE(ws.send_lent(message_type::text, payload.view()) == error::none);
    CHECK(ws.output_runs()[1].data() == payload.view().data());
    CHECK(ws.output_runs()[1].size() == 5);
    feed(ws, frame_to(role::server, 0x89, "p"));
    REQUIRE(ws.send_ping() == error::none);
    REQUIRE(ws.send_binary(bytes_of("b")) == error::none);
    REQUIRE(ws.buffered() == 3 + 7 + 3 + 2 + 3);
    const std::size_t part = std::min(count, ws.buffered());
    std::string wire = waiting(ws).substr(0, part);
    REQUIRE(ws.sent(part) == error::none);
    CHECK(ws.lends() == (part < 10));
    CHECK(ws.ping_waits() == (part < 15));
    // While it is lent, another payload would have to wait; whatever else comes is behind it.
    if (ws.lends()) {
      CHECK(refused(ws, [&] { return ws.send_lent(message_type::binary, payload.view()); }) == error::would_block);
    }
    REQUIRE(ws.send_close() == error::none);
    while (!ws.output().empty()) {
      wire += text_of(ws.output().first(1));
      REQUIRE(ws.sent(1) == error::none);
    }
    CHECK(to_hex(bytes_of(std::string_view(wire))) ==
          "81 01 61 81 05 48 65 6c 6c 6f 8a 01 70 89 00 82 01 62 88 02 03 e8");
    CHECK_FALSE(ws.lends());
  }
}

TEST_CASE("connection: pongs behind a lent payload make way, whatever was sent of it", "[connection][5.5.3]") {
  const exact_buffer payload("Hello");
  for (std::size_t count = 0; count <= 7; ++count) {
    CAPTURE(count);
    endpoint<role::server> ws;
    REQUIRE(ws.send_lent(message_type::text, payload.view()) == error::none);
    feed(ws, frame_to(role::server, 0x89, "first"));
    std::string wire = waiting(ws).substr(0, count);
    REQUIRE(ws.sent(count) == error::none);
    feed(ws, frame_to(role::server, 0x89, "second"));
    wire += waiting(ws);
    CHECK(to_hex(bytes_of(std::string_view(wire))) == "81 05 48 65 6c 6c 6f 8a 06 73 65 63 6f 6e 64");
  }
}

TEST_CASE("connection: a settled payload can go, whatever was sent of it", "[connection]") {
  for (std::size_t count = 0; count <= 12; ++count) {
    CAPTURE(count);
    auto payload = std::make_unique<exact_buffer>("Hello");
    endpoint<role::server> ws;
    REQUIRE(ws.send_text("a") == error::none);
    REQUIRE(ws.send_lent(message_type::text, payload->view()) == error::none);
    REQUIRE(ws.send_close() == error::none);
    std::string wire = waiting(ws).substr(0, count);
    REQUIRE(ws.sent(count) == error::none);
    REQUIRE(ws.settle() == error::none);
    payload.reset();
    CHECK_FALSE(ws.lends());
    wire += waiting(ws);
    CHECK(to_hex(bytes_of(std::string_view(wire))) == "81 01 61 81 05 48 65 6c 6c 6f 88 02 03 e8");
  }
}

TEST_CASE("connection: lends prepared messages and empty ones", "[connection]") {
  endpoint<role::server> ws;
  REQUIRE(ws.send_lent(message_type::binary, {}) == error::none);
  CHECK_FALSE(ws.lends());
  const auto prepared = prepared_message::text("a");
  REQUIRE(ws.send_lent(*prepared) == error::none);
  CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::would_block);
  CHECK(ws.send(*prepared) == error::none);
  CHECK(take_sent(ws) == "82 00 81 01 61 81 01 61");
  CHECK(ws.send_lent(*prepared) == error::none);
}

TEST_CASE("connection: refuses to lend text that is not UTF-8", "[connection][5.6]") {
  endpoint<role::server> ws;
  CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, bytes_of("\xFF")); }) == error::payload_not_utf8);
  CHECK(ws.send_lent(message_type::binary, bytes_of("\xFF")) == error::none);
}

TEST_CASE("connection: a failure is told behind a lent payload", "[connection][7.1.7]") {
  const exact_buffer payload("Hello");
  endpoint<role::server> ws;
  REQUIRE(ws.send_lent(message_type::text, payload.view()) == error::none);
  REQUIRE(ws.sent(4) == error::none);
  CHECK(feed(ws, frame_to(role::server, 0x83, "")) == failure(error::opcode_reserved));
  CHECK(ws.transport() == transport_action::keep);
  CHECK(take_sent(ws) == "6c 6c 6f " + failing_close(error::opcode_reserved));
  CHECK(ws.transport() == transport_action::close);
}

// Taking the output over

TEST_CASE("connection: hands over all output in its buffer", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(ws.take_output()->size() == 0);
    REQUIRE(ws.send_text("abc") == error::none);
    REQUIRE(ws.send_ping() == error::none);
    const std::string before = waiting(ws);
    REQUIRE(ws.sent(1) == error::none);
    const auto taken = ws.take_output();
    REQUIRE(taken);
    CHECK(text_of((*taken).view()) == before.substr(1));
    CHECK(ws.buffered() == 0);
    CHECK(ws.output().empty());
    CHECK_FALSE(ws.ping_waits());
    REQUIRE(ws.send_text("d") == error::none);
    CHECK(take_sent(ws) == "81 01 64");
  });
}

TEST_CASE("connection: hands over what is lent as a copy", "[connection]") {
  for (std::size_t count = 0; count <= 7; ++count) {
    CAPTURE(count);
    auto payload = std::make_unique<exact_buffer>("Hello");
    endpoint<role::server> ws;
    REQUIRE(ws.send_lent(message_type::text, payload->view()) == error::none);
    REQUIRE(ws.send_binary(bytes_of("a")) == error::none);
    REQUIRE(ws.sent(count) == error::none);
    const auto taken = ws.take_output();
    payload.reset();
    REQUIRE(taken);
    CHECK(to_hex((*taken).view()) == std::string("81 05 48 65 6c 6c 6f 82 01 61").substr(3 * count));
    CHECK_FALSE(ws.lends());
  }
}

TEST_CASE("connection: output that was handed over counts as sent for the transport", "[connection][7.1.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    feed(ws, frame_to(own, 0x88, ""));
    CHECK(ws.transport() == transport_action::keep);
    REQUIRE(ws.take_output());
    CHECK(ws.transport() == (own() == role::server ? transport_action::close : transport_action::await_eof));
  });
}

// Retaining input

TEST_CASE("connection: retained input outlives its chunk, cut anywhere", "[connection]") {
  each_role([](auto own) {
    const std::string stream = frame_to(own, 0x81, "a") + frame_to(own, 0x89, "p") + frame_to(own, 0x01, "b") +
                               frame_to(own, 0x80, "c") + frame_to(own, 0x82, "tail");
    for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
      for (int polls = 0; polls < 4; ++polls) {
        CAPTURE(cut, polls);
        endpoint<own()> ws;
        exact_buffer chunk(stream.substr(0, cut));
        REQUIRE(ws.receive(chunk.view()) == error::none);
        std::string seen;
        for (int i = 0; i < polls; ++i) {
          if (const event next = ws.poll()) seen += words(next) + " ";
        }
        REQUIRE(ws.retain() == error::none);
        CHECK(ws.retain() == error::none);  // nothing more to take over
        std::ranges::fill(chunk.view(), std::byte{0xEE});
        ws.drain([&](const event& next) { seen += words(next) + " "; });
        CHECK(seen + feed(ws, stream.substr(cut)) == (cut < stream.size() ? "text(a) ping(p) text(bc) binary(tail)"
                                                                          : "text(a) ping(p) text(bc) binary(tail) "));
      }
    }
  });
}

TEST_CASE("connection: retained input is pending like any other", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer chunk(frame_to(own, 0x81, "a"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    REQUIRE(ws.retain() == error::none);
    exact_buffer second(frame_to(own, 0x81, "b"));
    CHECK(ws.receive(second.view()) == error::input_pending);
    CHECK(poll_all(ws) == "text(a)");
    CHECK(feed(ws, second.text()) == "text(b)");
  });
}

TEST_CASE("connection: a second chunk is retained too, when the first one's last event was polled", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer first(frame_to(own, 0x81, "a"));
    REQUIRE(ws.receive(first.view()) == error::none);
    REQUIRE(ws.retain() == error::none);
    CHECK(words(ws.poll()) == "text(a)");  // the last; that nothing follows was not asked
    exact_buffer second(frame_to(own, 0x81, "b"));
    REQUIRE(ws.receive(second.view()) == error::none);
    REQUIRE(ws.retain() == error::none);
    std::ranges::fill(second.view(), std::byte{0xEE});
    CHECK(poll_all(ws) == "text(b)");
  });
}

TEST_CASE("connection: nothing to retain is no error", "[connection]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(ws.retain() == error::none);
    feed(ws, frame_to(own, 0x81, "a"));
    CHECK(ws.retain() == error::none);
    CHECK_FALSE(ws.poll());
  });
}

// Closing

TEST_CASE("connection: closes when this end says so first", "[connection][7.1.2]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code::normal, "bye") == error::none);
    CHECK_FALSE(ws.is_open());
    CHECK(ws.transport() == transport_action::keep);
    CHECK(take_sent(ws) == "88 05 03 e8 62 79 65");
    CHECK(ws.transport() == transport_action::keep);
    CHECK(feed(ws, frame_to(own, 0x81, "late")) == "text(late)");  // until the peer's Close
    CHECK(ws.transport() == transport_action::keep);
    CHECK(feed(ws, frame_to(own, 0x88, "\x03\xE8")) == "closed(none first local sent 1000 received 1000)");
    CHECK(ws.buffered() == 0);
    CHECK(ws.transport() == (own() == role::server ? transport_action::close : transport_action::await_eof));
    ws.receive_eof();
    CHECK(ws.transport() == transport_action::close);
    CHECK_FALSE(ws.poll());
  });
}

TEST_CASE("connection: closes when the peer says so first, with its code", "[connection][5.5.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    CHECK(feed(ws, frame_to(own, 0x88, "\x0F\xA0so long")) ==
          "closed(none first peer sent 4000 received 4000 so long)");
    CHECK_FALSE(ws.is_open());
    CHECK(ws.transport() == transport_action::keep);  // the answer is not sent yet
    REQUIRE(ws.sent(1) == error::none);
    CHECK(ws.transport() == transport_action::keep);
    const std::string rest = waiting(ws);
    REQUIRE(ws.sent(rest.size()) == error::none);
    CHECK(ws.transport() == (own() == role::server ? transport_action::close : transport_action::await_eof));
    CHECK_FALSE(ws.poll());
    ws.receive_eof();
    CHECK_FALSE(ws.poll());
    CHECK(ws.transport() == transport_action::close);
  });
  each_role([](auto own) {
    check_stream<own()>(frame_to(own, 0x88, "\x0F\xA0so long"),
                        "closed(none first peer sent 4000 received 4000 so long)", "88 02 0f a0");
    check_stream<own()>(frame_to(own, 0x88, ""), "closed(none first peer sent 1005 received 1005)", "88 00");
  });
}

TEST_CASE("connection: Closes that cross are both reported, the own one as the first", "[connection][7.1.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code{3001}) == error::none);
    CHECK(feed(ws, frame_to(own, 0x88, "\x03\xE9")) == "closed(none first local sent 3001 received 1001)");
    CHECK(ws.transport() == transport_action::keep);
    CHECK(take_sent(ws) == "88 02 0b b9");  // one Close, no answer behind it
    CHECK(ws.transport() == (own() == role::server ? transport_action::close : transport_action::await_eof));
  });
}

TEST_CASE("connection: a Close in the middle of a message is answered", "[connection][5.5.1]") {
  each_role([](auto own) {
    check_stream<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x88, "\x03\xE8"),
                        "closed(none first peer sent 1000 received 1000)", "88 02 03 e8");
    check_stream<own()>(frame_to(own, 0x01, "a") + frame_to(own, 0x88, "\x03\xE8"),
                        "text(a)+ closed(none first peer sent 1000 received 1000)", "88 02 03 e8",
                        {.delivery = delivery::pieces});
  });
}

TEST_CASE("connection: what comes behind the peer's Close is discarded", "[connection][1.4]") {
  each_role([](auto own) {
    const std::string close = frame_to(own, 0x88, "\x03\xE8");
    const std::string behind = frame_to(own, 0x81, "a") + frame_to(own, 0x89, "p") + close + from_hex("ff ff ff");
    check_stream<own()>(close + behind, "closed(none first peer sent 1000 received 1000)", "88 02 03 e8");
    endpoint<own()> ws;
    exact_buffer all(close + behind);
    REQUIRE(ws.receive(all.view()) == error::none);
    CHECK(ws.poll().type == event_type::closed);
    exact_buffer more(behind);
    for (int i = 0; i < 3; ++i) CHECK(ws.receive(more.view()) == error::none);  // and nothing is pending
    CHECK_FALSE(ws.poll());
  });
}

TEST_CASE("connection: the end of the transport in an open connection is a cut", "[connection][7.1.5]") {
  each_role([](auto own) {
    const std::string whole = frame_to(own, 0x01, "ab") + frame_to(own, 0x80, "c");
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      CAPTURE(cut);
      endpoint<own()> ws;
      CHECK(feed(ws, whole.substr(0, cut)).empty());
      ws.receive_eof();
      CHECK(words(ws.poll()) == "closed(connection_cut sent 0 received 1006)");
      CHECK_FALSE(ws.poll());
      CHECK_FALSE(ws.is_open());
      CHECK(ws.buffered() == 0);
      CHECK(ws.transport() == transport_action::close);
      CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_close(); }) == error::closing);
    }
  });
}

TEST_CASE("connection: the end of the transport behind our Close is a cut that says what was sent",
          "[connection][7.1.5]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_close(close_code::going_away) == error::none);
    ws.receive_eof();
    CHECK(poll_all(ws) == "closed(connection_cut first local sent 1001 received 1006)");
    CHECK(ws.transport() == transport_action::close);  // nobody is there to take the Close
  });
}

TEST_CASE("connection: what was received before the end of the transport is given first", "[connection][7.1.5]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer chunk(frame_to(own, 0x81, "a") + frame_to(own, 0x81, "b"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    ws.receive_eof();
    CHECK(ws.transport() == transport_action::keep);
    CHECK(words(ws.poll()) == "text(a)");
    CHECK(ws.is_open());
    CHECK(poll_all(ws) == "text(b) closed(connection_cut sent 0 received 1006)");
    CHECK_FALSE(ws.poll());
  });
}

TEST_CASE("connection: the peer's Close and the end of the transport at once are a clean end", "[connection][7.1.5]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer chunk(frame_to(own, 0x88, "\x03\xE8"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    ws.receive_eof();
    CHECK(poll_all(ws) == "closed(none first peer sent 1000 received 1000)");
    CHECK(ws.transport() == transport_action::keep);  // the peer may still read
    CHECK(take_sent(ws) == "88 02 03 e8");
    CHECK(ws.transport() == transport_action::close);
  });
}

TEST_CASE("connection: a failure and the end of the transport at once are a failure", "[connection][7.1.7]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    exact_buffer chunk(frame_to(own, 0x83, ""));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    ws.receive_eof();
    CHECK(poll_all(ws) == failure(error::opcode_reserved));
    CHECK_FALSE(ws.poll());
    CHECK(take_sent(ws) == failing_close(error::opcode_reserved));
    CHECK(ws.transport() == transport_action::close);
  });
}

TEST_CASE("connection: a failure behind our Close sends no second one", "[connection][7.1.7]") {
  each_role([](auto own) {
    for (const std::string& fault :
         {frame_to(own, 0x81, "\xFF"), frame_to(own, 0x83, ""), frame_to(own, 0x88, "\x03")}) {
      endpoint<own()> ws;
      REQUIRE(ws.send_close(close_code::going_away) == error::none);
      const std::string seen = feed(ws, fault);
      CHECK(seen.ends_with(" first local sent 1001 received 1006)"));
      CHECK(seen.starts_with("closed("));
      CHECK_FALSE(seen.starts_with("closed(none"));
      CHECK(ws.transport() == transport_action::keep);
      CHECK(take_sent(ws) == "88 02 03 e9");
      CHECK(ws.transport() == transport_action::close);
      CHECK_FALSE(ws.poll());
    }
  });
}

TEST_CASE("connection: the report comes with every kind of end exactly once", "[connection][7.1.5]") {
  each_role([](auto own) {
    const std::vector<std::string> streams = {"", frame_to(own, 0x83, ""), frame_to(own, 0x88, ""),
                                              frame_to(own, 0x81, "a") + frame_to(own, 0x88, "\x03\xE8")};
    for (const std::string& stream : streams) {
      for (const bool closes_first : {false, true}) {
        for (const bool eof_first : {false, true}) {
          CAPTURE(to_hex(bytes_of(std::string_view(stream))), closes_first, eof_first);
          endpoint<own()> ws;
          if (closes_first) REQUIRE(ws.send_close() == error::none);
          exact_buffer chunk(stream);
          REQUIRE(ws.receive(chunk.view()) == error::none);
          if (eof_first) ws.receive_eof();
          int reports = 0;
          const auto count = [&](const event& next) { reports += next.type == event_type::closed ? 1 : 0; };
          ws.drain(count);
          ws.receive_eof();
          for (int i = 0; i < 3; ++i) {
            ws.drain(count);
            REQUIRE(ws.receive(chunk.view()) == error::none);
            ws.drain(count);
          }
          CHECK(reports == 1);
        }
      }
    }
  });
}

TEST_CASE("connection: a Close with no code, a long reason, each sendable code", "[connection][7.4]") {
  each_role([](auto own) {
    const auto sent = [&](close_code code, std::string_view reason) {
      endpoint<own()> ws;
      REQUIRE(ws.send_close(code, reason) == error::none);
      return take_sent(ws);
    };
    CHECK(sent(close_code::no_status, "") == "88 00");
    CHECK(sent(close_code{4999}, "") == "88 02 13 87");
    CHECK(sent(close_code::normal, std::string(200, 'r')).size() == std::size_t{3} * 127 - 1);
    // 122 bytes, then a code point of two: it does not fit and is left out whole.
    CHECK(sent(close_code::normal, std::string(122, 'r') + "\xC3\xA9").substr(0, 11) == "88 7c 03 e8");
    CHECK(sent(close_code::normal, std::string(121, 'r') + "\xC3\xA9").ends_with("72 c3 a9"));
  });
}

TEST_CASE("connection: a Close that must not be sent is refused and changes nothing", "[connection][7.4.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    for (const unsigned code : {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 2999U, 5000U, 65'535U}) {
      CAPTURE(code);
      CHECK(refused(ws, [&] { return ws.send_close(static_cast<close_code>(code), "x"); }) ==
            error::close_code_not_sendable);
    }
    CHECK(refused(ws, [&] { return ws.send_close(close_code::normal, "\xC3"); }) == error::payload_not_utf8);
    CHECK(ws.send_close() == error::none);
  });
}

TEST_CASE("connection: behind our Close every send is refused and changes nothing", "[connection][5.5.1]") {
  each_role([](auto own) {
    endpoint<own()> ws;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("a"), false) == error::none);
    REQUIRE(ws.send_close() == error::none);
    for (const bool sent : {false, true}) {
      CAPTURE(sent);
      CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_binary({}); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("b"), true); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_ping(); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_pong(); }) == error::closing);
      CHECK(refused(ws, [&] { return ws.send_close(); }) == error::closing);
      if constexpr (own() == role::server) {
        const auto prepared = prepared_message::text("a");
        CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::closing);
        CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::closing);
        CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, bytes_of("a")); }) == error::closing);
      }
      if (!sent) CHECK(take_sent(ws) == "01 01 61 88 02 03 e8");
    }
  });
}

// Storage

namespace {

/// A heap buffer that counts allocations and bytes held by all of its kind.
class counted_buffer : public heap_buffer {
 public:
  static inline std::size_t allocations = 0;
  static inline std::size_t held = 0;
  static inline bool no_memory = false;

  counted_buffer() = default;
  counted_buffer(counted_buffer&&) = default;
  counted_buffer& operator=(counted_buffer&&) = default;
  ~counted_buffer() { held -= capacity(); }

  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    if (no_memory) return {};
    const std::size_t before = capacity();
    const bytes room = heap_buffer::extend(count, most);
    if (capacity() != before) ++allocations;
    held += capacity() - before;
    return room;
  }

  void release() noexcept {
    held -= capacity();
    heap_buffer::release();
  }
};

struct counted_policy : default_policy {
  using message_buffer = counted_buffer;
  using output_buffer = counted_buffer;
  using retained_buffer = counted_buffer;
  using random_source = counting_random;
};

/// No heap at all.
struct fixed_policy : default_policy {
  using message_buffer = inplace_buffer<125 + 100>;
  using output_buffer = inplace_buffer<1000>;
  using retained_buffer = inplace_buffer<64>;
  using random_source = counting_random;
};

}  // namespace

TEST_CASE("connection: takes no memory to decode messages that lie whole in the chunk", "[connection]") {
  each_role([](auto own) {
    connection<own(), counted_policy> ws;
    counted_buffer::allocations = 0;
    std::string stream;
    for (std::size_t size = 0; size < 300; ++size) stream += frame_to(own, 0x81, std::string(size, 'x'));
    stream += frame_to(own, 0x8A, "pong");
    exact_buffer chunk(stream);
    REQUIRE(ws.receive(chunk.view()) == error::none);
    int events = 0;
    ws.drain([&](const event&) { ++events; });
    CHECK(events == 301);
    CHECK(counted_buffer::allocations == 0);
  });
}

TEST_CASE("connection: holds no memory while it is idle", "[connection]") {
  each_role([](auto own) {
    REQUIRE(counted_buffer::held == 0);
    connection<own(), counted_policy> ws;
    CHECK(feed(ws, frame_to(own, 0x01, "a") + frame_to(own, 0x80, std::string(5000, 'x'))).size() == 5007);
    CHECK(counted_buffer::held == 0);
    CHECK(feed(ws, frame_to(own, 0x89, "ping"), 1) == "ping(ping)");
    REQUIRE(ws.send_text(std::string(5000, 'x')) == error::none);
    CHECK(counted_buffer::held >= 5000);
    (void)take_sent(ws);
    CHECK(counted_buffer::held == 0);
    exact_buffer chunk(frame_to(own, 0x81, std::string(3000, 'x')));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    REQUIRE(ws.retain() == error::none);
    CHECK(counted_buffer::held >= 3000);
    CHECK(poll_all(ws).size() == 3006);
    CHECK(counted_buffer::held == 0);
  });
}

TEST_CASE("connection: gives its memory back when it has ended in the middle of a message", "[connection]") {
  each_role([](auto own) {
    for (const std::string& end : {frame_to(own, 0x88, ""), frame_to(own, 0x83, ""), ""s}) {
      connection<own(), counted_policy> ws;
      exact_buffer chunk(frame_to(own, 0x02, std::string(3000, 'x')) + frame_to(own, 0x89, "") + end);
      REQUIRE(ws.receive(chunk.view()) == error::none);
      CHECK(words(ws.poll()) == "ping()");
      REQUIRE(ws.retain() == error::none);
      CHECK(counted_buffer::held >= 3000);
      if (end.empty()) ws.receive_eof();
      CHECK(poll_all(ws).starts_with("closed("));
      (void)take_sent(ws);
      CHECK(counted_buffer::held == 0);
    }
  });
}

TEST_CASE("connection: takes no memory for what a header announces", "[connection][10.4]") {
  connection<role::client, counted_policy> ws({.limits = {.message = unlimited}});
  CHECK(feed(ws, from_hex("82 7f 00 00 00 00 7f ff ff ff")).empty());
  CHECK(counted_buffer::held == 0);
  CHECK(feed(ws, std::string(1000, 'x')).empty());
  CHECK(counted_buffer::held <= 2048);
}

TEST_CASE("connection: without memory a send is refused and changes nothing", "[connection]") {
  each_role([](auto own) {
    connection<own(), counted_policy> ws;
    exact_buffer chunk(frame_to(own, 0x81, "a"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    counted_buffer::no_memory = true;
    CHECK(refused(ws, [&] { return ws.send_text("a"); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("a"), false); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_ping(); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_pong(); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_close(); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.retain(); }) == error::out_of_memory);
    if constexpr (own() == role::server) {
      const auto prepared = prepared_message::text("a");
      CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::out_of_memory);
      CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, bytes_of("a")); }) == error::out_of_memory);
      REQUIRE(ws.send_lent(*prepared) == error::none);
      CHECK(refused(ws, [&] { return ws.settle(); }) == error::out_of_memory);
      CHECK(ws.take_output().error() == error::out_of_memory);
      CHECK(take_sent(ws) == "81 01 61");
    }
    counted_buffer::no_memory = false;
    CHECK(poll_all(ws) == "text(a)");
    CHECK(ws.send_text("a") == error::none);
  });
}

TEST_CASE("connection: without memory for what came, the connection fails", "[connection]") {
  each_role([](auto own) {
    for (const std::string& stream : {frame_to(own, 0x01, "a"), frame_to(own, 0x89, "a"), frame_to(own, 0x88, "")}) {
      connection<own(), counted_policy> ws;
      counted_buffer::no_memory = true;
      CHECK(feed(ws, stream) == "closed(out_of_memory sent 0 received 1006)");
      counted_buffer::no_memory = false;
      CHECK(ws.transport() == transport_action::close);
    }
    // With the Close in memory that is there already, the peer is told.
    connection<own(), counted_policy> ws;
    REQUIRE(ws.send_ping() == error::none);
    counted_buffer::no_memory = true;
    const std::string seen = feed(ws, frame_to(own, 0x01, "a"));
    counted_buffer::no_memory = false;
    CHECK(seen == "closed(out_of_memory sent 0 received 1006)");
  });
}

TEST_CASE("connection: runs in fixed buffers", "[connection]") {
  each_role([](auto own) {
    using fixed = connection<own(), fixed_policy>;
    const std::size_t header = own() == role::server ? 2 : 6;
    const std::size_t room = 1000 - 4 * (125 + header);
    const std::string most(100, 'x');
    for (const std::size_t step : {1U, 64U, 10'000U}) {
      fixed ws;
      CHECK(feed(ws, frame_to(own, 0x01, most) + frame_to(own, 0x89, "p") + frame_to(own, 0x80, ""), step) ==
            "ping(p) text(" + most + ")");
      CHECK(feed(ws, frame_to(own, 0x81, most + "x"), step) == failure(error::message_too_big));
      CHECK(take_sent(ws) == "8a 01 70 " + failing_close(error::message_too_big));
    }
    fixed ws;
    CHECK(refused(ws, [&] { return ws.send_binary(exact_buffer(room - header - 1).view()); }) == error::buffer_full);
    REQUIRE(ws.send_binary(exact_buffer(room - header - 2).view()) == error::none);  // a length of 16 bits
    CHECK(refused(ws, [&] { return ws.send_binary({}); }) == error::would_block);
    CHECK(refused(ws, [&] { return ws.send_pong(); }) == error::would_block);
    // What control frames need is free whatever messages do.
    const std::string control(125, 'c');
    REQUIRE(ws.sent(1) == error::none);
    REQUIRE(ws.send_ping(bytes_of(std::string_view(control))) == error::none);
    for (int i = 0; i < 5; ++i) CHECK(feed(ws, frame_to(own, 0x89, control)) == "ping(" + control + ")");
    REQUIRE(ws.send_close(close_code::normal, control) == error::none);
    CHECK(ws.buffered() == room - 1 + 3 * (125 + header));
  });
}

TEST_CASE("connection: retains no more than a fixed buffer holds", "[connection]") {
  each_role([](auto own) {
    connection<own(), fixed_policy> ws;
    exact_buffer chunk(frame_to(own, 0x81, std::string(60, 'x')) + frame_to(own, 0x81, "a"));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    CHECK(refused(ws, [&] { return ws.retain(); }) == error::buffer_full);
    CHECK(ws.poll().type == event_type::text);
    REQUIRE(ws.retain() == error::none);
    std::ranges::fill(chunk.view(), std::byte{0xEE});
    CHECK(poll_all(ws) == "text(a)");
  });
}

TEST_CASE("connection: what it retains in place moves with it", "[connection]") {
  each_role([](auto own) {
    auto first = std::make_unique<connection<own(), fixed_policy>>();
    exact_buffer chunk(frame_to(own, 0x81, "a"));
    REQUIRE(first->receive(chunk.view()) == error::none);
    REQUIRE(first->retain() == error::none);
    connection<own(), fixed_policy> second(std::move(*first));
    first.reset();
    CHECK(poll_all(second) == "text(a)");
  });
}

TEST_CASE("connection: cannot settle more than a fixed buffer holds", "[connection]") {
  connection<role::server, fixed_policy> ws;
  const exact_buffer payload(2000);
  REQUIRE(ws.send_lent(message_type::binary, payload.view()) == error::none);
  CHECK(refused(ws, [&] { return ws.settle(); }) == error::buffer_full);
  CHECK(ws.take_output().error() == error::buffer_full);
  CHECK(ws.lends());
  REQUIRE(ws.sent(2004 - 492) == error::none);
  CHECK(ws.settle() == error::none);
  CHECK(ws.buffered() == 492);
}

TEST_CASE("connection: an idle server's end is small", "[connection]") {
  if constexpr (sizeof(void*) == 8) CHECK(sizeof(server_connection) <= 192);
}

// Both ends

// Invariant: what one end sends, the other receives, in order, however bytes are cut on the way.
TEST_CASE("connection: two ends understand each other through any cuts", "[connection][6.1]") {
  std::minstd_rand random(1);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
  for (int round = 0; round < 50; ++round) {
    endpoint<role::server> server({.fragment_size = 50});
    endpoint<role::client> client({.fragment_size = 30});
    std::string said[2];
    std::string heard[2];
    const auto carry = [&](auto& from, auto& to, std::string& log) {
      while (from.buffered() != 0) {
        const const_bytes out = from.output();
        const exact_buffer part(out.first(1 + below(out.size())));
        REQUIRE(from.sent(part.view().size()) == error::none);
        const std::string seen = feed(to, part.text(), 1 + below(20));
        if (!seen.empty()) log += seen + " ";
      }
    };
    for (int i = 0; i < 20; ++i) {
      const std::string text(below(200), static_cast<char>('a' + below(26)));
      REQUIRE(server.send_text(text) == error::none);
      said[0] += "text(" + text + ") ";
      REQUIRE(client.send_binary(bytes_of(std::string_view(text))) == error::none);
      said[1] += "binary(" + text + ") ";
      if (below(3) == 0) carry(server, client, heard[0]);
      if (below(3) == 0) carry(client, server, heard[1]);
    }
    REQUIRE(client.send_close(close_code::normal, "done") == error::none);
    carry(client, server, heard[1]);
    carry(server, client, heard[0]);
    CHECK(heard[0] == said[0] + "closed(none first local sent 1000 received 1000) ");
    CHECK(heard[1] == said[1] + "closed(none first peer sent 1000 received 1000 done) ");
    CHECK(server.transport() == transport_action::close);
    CHECK(client.transport() == transport_action::await_eof);
  }
}

// Compression

namespace {

struct compressed_policy : foreseeable {
  template <role Role>
  using extension = permessage_deflate<Role>;
};
template <role Own>
using compressed_end = connection<Own, compressed_policy>;

constexpr deflate_agreement no_takeover{.server_no_context_takeover = true, .client_no_context_takeover = true};

// RFC 7692 §7.2.3.
const std::string hello = from_hex("f2 48 cd c9 c9 07 00");
const std::string hello_again = from_hex("f2 00 11 00 00");

/// The other end of a wire, which knows nothing of this library but its frames taken apart by hand: it
/// inflates with zlib, and takes context over unless told otherwise.
class zlib_peer {
 public:
  explicit zlib_peer(int window_bits = 15, bool takeover = true) : takeover_(takeover) {
    REQUIRE(inflateInit2(&stream_, -window_bits) == Z_OK);
  }
  zlib_peer(const zlib_peer&) = delete;
  zlib_peer& operator=(const zlib_peer&) = delete;
  ~zlib_peer() { inflateEnd(&stream_); }

  /// Takes all that waits to be sent, whoever sends it. Gives the messages, a compressed one behind '*' and with '/'
  /// for each of its frames; "ping", "pong" and "close" for the rest.
  template <role Own, class Policy>
  std::string take(connection<Own, Policy>& ws) {
    const std::string wire = Own == role::client ? without_masks(waiting(ws)) : waiting(ws);
    REQUIRE(ws.sent(wire.size() + (Own == role::client ? 4 * frames_in(wire) : 0)) == error::none);
    std::string_view rest = wire;
    std::string out;
    while (!rest.empty()) {
      const auto first = static_cast<unsigned char>(rest[0]);
      const std::string_view payload = next_payload(rest);
      if ((first & 0x08U) != 0) {
        CHECK((first & 0x70U) == 0);
        out += (first & 0x07U) == 0 ? "close " : (first & 0x07U) == 1 ? "ping " : "pong ";
        continue;
      }
      const bool begins = (first & 0x0FU) != 0;
      CHECK(begins != in_message_);
      if (begins) compressed_ = (first & 0x40U) != 0;
      else CHECK((first & 0x40U) == 0);
      CHECK((first & 0x30U) == 0);
      if (begins) out += (first & 0x0FU) == 1 ? "text" : "binary";
      if (begins && compressed_) out += "*";
      out += "/";
      payload_ += payload;
      in_message_ = (first & 0x80U) == 0;
      if (in_message_) continue;
      if (compressed_) inflate_payload();
      out += payload_ + " ";
      payload_.clear();
    }
    return out;
  }

 private:
  static std::size_t frames_in(std::string_view wire) {
    std::size_t count = 0;
    for (; !wire.empty(); ++count) next_payload(wire);
    return count;
  }

  static std::string_view next_payload(std::string_view& wire) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(wire.at(i)); };
    std::size_t length = at(1);
    std::size_t head = 2;
    if (length >= 126) {
      head = length == 126 ? 4 : 10;
      length = 0;
      for (std::size_t i = 2; i < head; ++i) length = length << 8U | at(i);
    }
    const std::string_view payload = wire.substr(head, length);
    REQUIRE(payload.size() == length);
    wire.remove_prefix(head + length);
    return payload;
  }

  void inflate_payload() {
    payload_ += from_hex("00 00 ff ff");
    std::string text(1 << 20, '\0');
    stream_.next_in = static_cast<Bytef*>(static_cast<void*>(payload_.data()));
    stream_.avail_in = static_cast<uInt>(payload_.size());
    stream_.next_out = static_cast<Bytef*>(static_cast<void*>(text.data()));
    stream_.avail_out = static_cast<uInt>(text.size());
    CHECK(inflate(&stream_, Z_SYNC_FLUSH) == Z_OK);
    CHECK(stream_.avail_in == 0);
    text.resize(text.size() - stream_.avail_out);
    payload_ = text;
    if (!takeover_) CHECK(inflateReset(&stream_) == Z_OK);
  }

  z_stream stream_{};
  std::string payload_;
  bool takeover_;
  bool in_message_ = false;
  bool compressed_ = false;
};

/// Bytes that do not compress, the same in every run.
std::string noise(std::size_t size) {
  std::string out;
  for (std::uint32_t state = 12345; out.size() < size;) {
    state = state * 1664525U + 1013904223U;
    out += as_char(state >> 24U);
  }
  return out;
}

/// What compresses well.
std::string lines(std::size_t count, char end = '\n') {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += "green bottles hanging on the wall" + std::string(1, end);
  return out;
}

/// Checks what fresh ends that agreed on compression make of a stream, as check_stream does.
template <role Own>
void check_compressed(const std::string& stream, const std::string& events, const std::string& sent,
                      connection_options options = {}, const deflate_settings& settings = {}) {
  for (const delivery how : {delivery::messages, delivery::pieces}) {
    options.delivery = how;
    for (std::size_t step = 1; step <= stream.size(); ++step) {
      CAPTURE(how == delivery::pieces, step);
      deflate_pool pool(settings);
      compressed_end<Own> ws({deflate_agreement{}, pool}, options);
      std::string seen = feed(ws, stream, step);
      for (const std::string_view joint : {")+ +text(", ")+ +binary("}) {
        for (auto at = seen.find(joint); at != std::string::npos; at = seen.find(joint)) seen.erase(at, joint.size());
      }
      CHECK(seen == events);
      CHECK(take_sent(ws) == sent);
    }
  }
}

}  // namespace

TEST_CASE("connection: reads compressed messages and plain ones, with pings between", "[connection][rfc7692][6.2]") {
  each_role([](auto own) {
    const std::string stream =
        frame_to(own, 0xC1, hello) + frame_to(own, 0x81, "plain") + frame_to(own, 0x42, hello_again.substr(0, 1)) +
        frame_to(own, 0x89, "p") + frame_to(own, 0x00, "") + frame_to(own, 0x80, hello_again.substr(1)) +
        frame_to(own, 0xC1, std::string(1, '\0')) + frame_to(own, 0x81, "") + frame_to(own, 0xC1, hello_again);
    check_compressed<own()>(stream, "text(Hello) text(plain) ping(p) binary(Hello) text() text() text(Hello)",
                            "8a 01 70");
  });
}

TEST_CASE("connection: a message behind an empty compressed one is whole, however it was cut",
          "[connection][rfc7692][7.2.3.6]") {
  each_role([](auto own) {
    const std::string empty = frame_to(own, 0xC1, std::string(1, '\0'));
    check_compressed<own()>(empty + frame_to(own, 0x81, "Hello"), "text() text(Hello)", "");
    check_compressed<own()>(empty + frame_to(own, 0x89, "Hello"), "text() ping(Hello)", "8a 05 48 65 6c 6c 6f");
    check_compressed<own()>(empty + frame_to(own, 0x02, "Hel") + frame_to(own, 0x80, "lo"), "text() binary(Hello)", "");
    check_compressed<own()>(empty + empty + frame_to(own, 0xC1, hello), "text() text() text(Hello)", "");
  });
}

TEST_CASE("connection: RSV1 fails it where it means nothing, and compression was agreed",
          "[connection][rfc7692][6.1]") {
  each_role([](auto own) {
    const std::string closing = failing_close(error::reserved_bits_set);
    const std::string failed = failure(error::reserved_bits_set);
    for (const unsigned opcode : {0x8U, 0x9U, 0xAU}) {
      check_compressed<own()>(frame_to(own, 0xC0 | opcode, ""), failed, closing);
    }
    for (const unsigned bits : {0x10U, 0x20U, 0x50U, 0x60U}) {
      check_compressed<own()>(frame_to(own, 0x81 | bits, ""), failed, closing);
    }
    check_compressed<own()>(frame_to(own, 0xC0, hello), failed, closing);
    for (const unsigned first : {0x01U, 0x41U}) {
      deflate_pool pool;
      for (const std::size_t step : {1U, 2U, 100U}) {
        compressed_end<own()> ws({deflate_agreement{}, pool});
        CHECK(feed(ws, frame_to(own, first, "") + frame_to(own, 0xC0, hello), step) == failed);
      }
    }
  });
}

TEST_CASE("connection: where compression was not agreed, RSV1 fails it and all is sent plain",
          "[connection][5.2][rfc7692][5]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({std::nullopt, pool}, {.fragment_size = 40});
    REQUIRE(ws.send_text(lines(2)) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, bytes_of("aaaaaaaaaaaaaaaa"), false) == error::none);
    REQUIRE(ws.send_piece(message_type::binary, {}, true) == error::none);
    const auto prepared = prepared_message::text(lines(2), independent_deflate(pool));
    REQUIRE(!prepared->compressed_frame().empty());
    if constexpr (own() == role::server) {
      REQUIRE(ws.send(*prepared) == error::none);
      REQUIRE(ws.send_lent(*prepared) == error::none);
    }
    const std::string line = lines(2);
    CHECK(zlib_peer().take(ws) == "text//" + line + " binary//aaaaaaaaaaaaaaaa " +
                                      (own() == role::server ? "text/" + line + " text/" + line + " " : ""));
    CHECK(feed(ws, frame_to(own, 0xC1, hello)) == failure(error::reserved_bits_set));
  });
}

TEST_CASE("connection: a compressed message that is wrong fails it with the code for that",
          "[connection][rfc7692][7.2.2][10.4]") {
  each_role([](auto own) {
    const auto check = [&](const std::string& payload, error what, const message_limits& limits,
                           const deflate_settings& settings = {}) {
      deflate_pool pool(settings);
      for (const std::size_t step : {1U, 5U, 1'000'000U}) {
        compressed_end<own()> ws({deflate_agreement{}, pool}, {.limits = limits});
        CHECK(feed(ws, frame_to(own, 0xC1, payload) + frame_to(own, 0x81, "not read"), step) == failure(what));
        CHECK(take_sent(ws) == failing_close(what));
        CHECK(ws.transport() == transport_action::close);
      }
    };
    check(from_hex("07"), error::compressed_data_invalid, {});      // a block of the type that is reserved
    check(hello.substr(0, 4), error::compressed_data_invalid, {});  // not all of it
    check(hello_again, error::compressed_data_invalid, {});         // a match with what was not sent
    check(from_hex("00 02 00 fd ff c3 28 00"), error::text_not_utf8, {});
    check(from_hex("00 01 00 fe ff c3 00"), error::text_not_utf8, {});
    check(hello, error::message_too_big, {.message = 4});
    // 100'000 times 'a', made with Python's zlib.compressobj(9, DEFLATED, -15, 9) and Z_SYNC_FLUSH: 115 bytes.
    const std::string many =
        from_hex("ec c1 31 01 00 00 00 c2 a0 ac eb 5f c2 1a 1e 40 01") + std::string(96, '\0') + from_hex("af 06");
    REQUIRE(many.size() == 115);
    check(many, error::message_too_big, {.message = 99'999});
    check(many, error::compressed_ratio_too_high, {}, {.max_ratio = 869});
    deflate_pool pool({.max_ratio = 870});
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.limits = {.message = 100'000}});
    CHECK(feed(ws, frame_to(own, 0xC1, many), 3) == "text(" + std::string(100'000, 'a') + ")");
  });
}

TEST_CASE("connection: an inflated message is given in pieces where they are asked for", "[connection][rfc7692][6.2]") {
  each_role([](auto own) {
    const std::string many = from_hex("ec c1 31 01 00 00 00 c2 a0 ac eb 5f c2 1a 1e 40 01") + std::string(96, '\0') +
                             from_hex("af 06");  // as above
    deflate_pool pool;
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.delivery = delivery::pieces});
    std::optional<exact_buffer> chunk(frame_to(own, 0xC1, many) + frame_to(own, 0x89, "p") +
                                      frame_to(own, 0x81, "end"));
    REQUIRE(ws.receive(chunk->view()) == error::none);
    std::size_t size = 0;
    int pieces = 0;
    for (bool last = false; !last; ++pieces) {
      const event next = ws.poll();
      REQUIRE(next.type == event_type::text);
      CHECK(next.first == (pieces == 0));
      CHECK(next.text().find_first_not_of('a') == std::string_view::npos);
      size += next.payload.size();
      last = next.last;
      if (pieces == 1) {
        REQUIRE(ws.retain() == error::none);
        chunk.reset();
      }
    }
    CHECK(size == 100'000);
    CHECK(pieces > 4);
    CHECK(words(ws.poll()) == "ping(p)");
    CHECK(words(ws.poll()) == "text(end)");
  });
}

TEST_CASE("connection: the end of the transport comes behind all pieces of what was inflated", "[connection]") {
  each_role([](auto own) {
    const std::string many = from_hex("ec c1 31 01 00 00 00 c2 a0 ac eb 5f c2 1a 1e 40 01") + std::string(96, '\0') +
                             from_hex("af 06");  // as above
    deflate_pool pool;
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.delivery = delivery::pieces});
    exact_buffer chunk(frame_to(own, 0xC1, many));
    REQUIRE(ws.receive(chunk.view()) == error::none);
    CHECK_FALSE(ws.poll().last);
    ws.receive_eof();
    std::string seen = poll_all(ws);
    CHECK(seen.substr(seen.rfind(")") + 1).empty());
    CHECK(seen.find(")+ closed") == std::string::npos);
    CHECK(seen.ends_with("a) closed(connection_cut sent 0 received 1006)"));
  });
}

TEST_CASE("connection: sends what is worth it compressed, the rest plain", "[connection][rfc7692][6.1]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 10});
    compressed_end<own()> ws({deflate_agreement{}, pool});
    zlib_peer peer;
    REQUIRE(ws.send_text("aaaaaaaaa") == error::none);  // one byte under the threshold
    REQUIRE(ws.send_text("aaaaaaaaaa") == error::none);
    REQUIRE(ws.send_binary({}) == error::none);
    REQUIRE(ws.send(message_type::text, bytes_of("aaaaaaaaaab"), compression::never) == error::none);
    REQUIRE(ws.send(message_type::binary, bytes_of("aaaaaaaaaac"), compression::automatic) == error::none);
    REQUIRE(ws.send_ping(bytes_of("aaaaaaaaaaaaaaaa")) == error::none);
    REQUIRE(ws.send_pong(bytes_of("aaaaaaaaaaaaaaaa")) == error::none);
    REQUIRE(ws.send_close(close_code::normal, "aaaaaaaaaaaaaaaaaaaaaaaa") == error::none);
    CHECK(peer.take(ws) ==
          "text/aaaaaaaaa text*/aaaaaaaaaa binary/ text/aaaaaaaaaab binary*/aaaaaaaaaac ping pong close ");
  });
}

TEST_CASE("connection: sends the RFC's examples, each with the context of the last", "[connection][rfc7692][7.2.3.2]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> taking({deflate_agreement{}, pool});
    compressed_end<own()> fresh({no_takeover, pool});
    // "Hello" becomes seven bytes, and is not smaller; in pieces that does not matter.
    for (int i = 0; i < 2; ++i) {
      REQUIRE(taking.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
      REQUIRE(fresh.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
    }
    CHECK(take_sent(taking) == "c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00");
    CHECK(take_sent(fresh) == "c1 07 f2 48 cd c9 c9 07 00 c1 07 f2 48 cd c9 c9 07 00");
    REQUIRE(fresh.send_text("Hello") == error::none);
    REQUIRE(fresh.send_text("") == error::none);
    CHECK(take_sent(fresh) == "81 05 48 65 6c 6c 6f 81 00");
  });
}

TEST_CASE("connection: a message that does not shrink goes plain, and the peer can read the next",
          "[connection][rfc7692][6.1][7.2.1]") {
  each_role([](auto own) {
    for (const bool takeover : {false, true}) {
      deflate_pool pool;
      compressed_end<own()> ws({takeover ? deflate_agreement{} : no_takeover, pool});
      zlib_peer peer(15, takeover);
      const std::string text = lines(5);
      const std::string dull = noise(300);
      for (int i = 0; i < 3; ++i) {
        REQUIRE(ws.send_text(text) == error::none);
        CHECK(peer.take(ws) == "text*/" + text + " ");
        REQUIRE(ws.send_binary(bytes_of(dull)) == error::none);
        CHECK((peer.take(ws) == "binary/" + dull + " "));
        REQUIRE(ws.send(message_type::text, bytes_of(text), compression::never) == error::none);
        REQUIRE(ws.send_binary(bytes_of(dull)) == error::none);
        REQUIRE(ws.send_text(text + text) == error::none);
        CHECK((peer.take(ws) == "text/" + text + " binary/" + dull + " text*/" + text + text + " "));
      }
    }
  });
}

TEST_CASE("connection: it is the compressed message that is cut into fragments", "[connection][5.4][rfc7692][7.2.1]") {
  each_role([](auto own) {
    for (const std::uint32_t size : {0U, 1U, 7U, 20U, 1000U}) {
      deflate_pool pool;
      compressed_end<own()> ws({deflate_agreement{}, pool}, {.fragment_size = size});
      zlib_peer peer;
      const std::string text = lines(30);
      for (int i = 0; i < 2; ++i) {
        REQUIRE(ws.send_text(text) == error::none);
        const std::size_t waits = ws.buffered();
        std::string seen = peer.take(ws);
        const std::size_t frames = static_cast<std::size_t>(std::count(seen.begin(), seen.end(), '/'));
        CHECK(frames > 0);
        CHECK((frames > 1) == (size < 10 || (size == 20 && i == 0)));
        CHECK(waits < 50 * (own() == role::client ? 7U : 3U));
        seen.erase(5, frames - 1);
        CHECK(seen == "text*/" + text + " ");
      }
    }
  });
}

TEST_CASE("connection: sends compressed messages in pieces, with control frames between",
          "[connection][5.4][rfc7692][7.2.1]") {
  each_role([](auto own) {
    for (const bool takeover : {false, true}) {
      deflate_pool pool;
      compressed_end<own()> ws({takeover ? deflate_agreement{} : no_takeover, pool}, {.fragment_size = 3});
      zlib_peer peer(15, takeover);
      const auto piece = [&](std::string_view part, bool last = false, compression how = compression::automatic) {
        REQUIRE(ws.send_piece(message_type::text, bytes_of(part), last, how) == error::none);
      };
      for (int i = 0; i < 3; ++i) {
        // Each piece is a frame, whatever its size; the first says whether the message is compressed.
        piece("");
        piece("Hello ");
        REQUIRE(ws.send_ping() == error::none);
        piece("Hello \xE2");
        piece("\x82", false, compression::never);
        piece("\xAC");
        piece("");
        piece("", true);
        CHECK(peer.take(ws) == "text*//ping /////Hello Hello \xE2\x82\xAC ");
        piece("aaaaaaaaaaaaaaaaaaaa", false, compression::never);
        piece("aaaaaaaaaaaaaaaaaaaa", true);
        CHECK(peer.take(ws) == "text//" + std::string(40, 'a') + " ");
        // One piece that is the message: its size is known, and under the threshold.
        piece("aaaaaaaaaaaaaaaaaaaa", true);
        CHECK(peer.take(ws) == "text/" + std::string(20, 'a') + " ");
        piece(lines(2), true);
        CHECK(peer.take(ws) == "text*/" + lines(2) + " ");
        piece("", true);
        CHECK(peer.take(ws) == "text/ ");
      }
    }
  });
}

TEST_CASE("connection: an empty compressed message in pieces is one that a peer can read",
          "[connection][rfc7692][7.2.3.6]") {
  each_role([](auto own) {
    deflate_pool pool({.threshold = 0});
    compressed_end<own()> ws({deflate_agreement{}, pool});
    zlib_peer peer;
    for (int i = 0; i < 3; ++i) {
      REQUIRE(ws.send_piece(message_type::binary, {}, true) == error::none);
      REQUIRE(ws.send_piece(message_type::text, {}, false) == error::none);
      REQUIRE(ws.send_piece(message_type::text, {}, true) == error::none);
      REQUIRE(ws.send_text(lines(2)) == error::none);
      CHECK(peer.take(ws) == "binary*/ text*// text*/" + lines(2) + " ");
    }
  });
}

TEST_CASE("connection: a compressed message in pieces survives pieces that are refused",
          "[connection][rfc7692][7.2.1]") {
  each_role([](auto own) {
    for (const bool takeover : {false, true}) {
      deflate_pool pool;
      compressed_end<own()> ws({takeover ? deflate_agreement{} : no_takeover, pool}, {.high_water = 500});
      zlib_peer peer(15, takeover);
      const std::string part = lines(2);
      for (int i = 0; i < 3; ++i) {
        REQUIRE(ws.send_piece(message_type::text, bytes_of(part), false) == error::none);
        const std::string large = lines(100);
        CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of(large), false); }) ==
              error::would_block);
        CHECK(refused(ws, [&] { return ws.send_piece(message_type::binary, bytes_of(part), false); }) ==
              error::message_type_mismatch);
        CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("\xFF"), false); }) ==
              error::payload_not_utf8);
        CHECK(refused(ws, [&] { return ws.send_text(part); }) == error::message_in_progress);
        REQUIRE(ws.send_piece(message_type::text, bytes_of(part), true) == error::none);
        CHECK(peer.take(ws) == "text*//" + part + part + " ");
        // Larger than the mark by itself, it goes when nothing else waits.
        REQUIRE(ws.send_piece(message_type::text, bytes_of(large), false) == error::none);
        REQUIRE(ws.send_piece(message_type::text, {}, true) == error::none);
        CHECK((peer.take(ws) == "text*//" + large + " "));
      }
    }
  });
}

TEST_CASE("connection: a message sent after one that was refused can be read", "[connection][rfc7692][7.2.1]") {
  each_role([](auto own) {
    deflate_pool pool;
    compressed_end<own()> ws({deflate_agreement{}, pool}, {.high_water = 300});
    zlib_peer peer;
    const std::string text = lines(3);
    REQUIRE(ws.send_text(text) == error::none);
    CHECK(refused(ws, [&] { return ws.send_text(lines(20)); }) == error::would_block);
    CHECK(refused(ws, [&] { return ws.send_text("\xFF" + text); }) == error::payload_not_utf8);
    CHECK(peer.take(ws) == "text*/" + text + " ");
    REQUIRE(ws.send_text(text) == error::none);
    CHECK(peer.take(ws) == "text*/" + text + " ");
  });
}

TEST_CASE("connection: no message is refused because compressing it did not help", "[connection]") {
  // Of any size, with the settings that make it grow most, whole and in pieces.
  for (const int level : {1, 6, 9}) {
    for (const int memory : {1, 9}) {
      for (const std::uint8_t bits : {std::uint8_t{9}, std::uint8_t{15}}) {
        CAPTURE(level, memory, int{bits});
        deflate_pool pool({.level = level, .memory_level = memory, .threshold = 0});
        const deflate_agreement how{.server_no_context_takeover = true, .server_max_window_bits = bits};
        compressed_end<role::server> ws({how, pool});
        zlib_peer peer(bits, false);
        const std::string all = noise(20'000);
        for (std::size_t size = 0; size < all.size(); size = size * 5 / 4 + 1) {
          CAPTURE(size);
          const std::string part = all.substr(0, size);
          REQUIRE(ws.send_binary(bytes_of(part)) == error::none);
          CHECK((peer.take(ws) == "binary/" + part + " "));
          REQUIRE(ws.send_piece(message_type::binary, bytes_of(part), false) == error::none);
          REQUIRE(ws.send_piece(message_type::binary, bytes_of(part), true) == error::none);
          CHECK((peer.take(ws) == "binary*//" + part + part + " "));
        }
      }
    }
  }
}

TEST_CASE("connection: each end compresses with the window that it agreed to", "[connection][rfc7692][7.1.2]") {
  each_role([](auto own) {
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
      deflate_pool pool;
      // The other end's window is another.
      const auto other = static_cast<std::uint8_t>(23 - bits);
      const deflate_agreement how{.server_max_window_bits = own() == role::server ? bits : other,
                                  .client_max_window_bits = own() == role::server ? other : bits};
      compressed_end<own()> ws({how, pool});
      zlib_peer peer(bits);
      const std::string text = lines(2) + noise(std::size_t{1} << bits) + lines(2);
      REQUIRE(ws.send_binary(bytes_of(text)) == error::none);
      // zlib does not compress with a window of 8 bits: those messages go plain.
      const std::string kind = bits == 8 ? "binary/" : "binary*/";
      CHECK((peer.take(ws) == kind + text + " "));
    }
  });
}

TEST_CASE("connection: a prepared message goes to each connection as that can read it",
          "[connection][5.6][rfc7692][7.1.1]") {
  deflate_pool pool;
  const std::string text = lines(3);
  const auto prepared = prepared_message::text(text, independent_deflate(pool, 12));
  REQUIRE(prepared);
  REQUIRE(!prepared->compressed_frame().empty());
  const auto plain = prepared_message::text(text);
  REQUIRE(plain);
  const auto fresh = [](std::uint8_t bits) {
    return deflate_agreement{.server_no_context_takeover = true, .server_max_window_bits = bits};
  };
  struct {
    std::optional<deflate_agreement> how;
    bool compressed, shared;  // in the form that was prepared
  } const cases[] = {{std::nullopt, false, true},
                     {fresh(15), true, true},
                     {fresh(12), true, true},
                     {fresh(11), true, false},
                     {fresh(9), true, false},
                     {fresh(8), false, true},  // no window of zlib's
                     {deflate_agreement{}, true, false},
                     {deflate_agreement{.client_no_context_takeover = true, .server_max_window_bits = 9}, true, false}};
  for (const auto& [how, compressed, shared] : cases) {
    for (const bool lent : {false, true}) {
      CAPTURE(how.has_value(), how ? int{how->server_max_window_bits} : 0, lent);
      compressed_end<role::server> ws({how, pool}, {.fragment_size = 20});
      zlib_peer peer(how ? how->server_max_window_bits : 15, how && !how->server_no_context_takeover);
      std::size_t first = 0;
      for (int i = 0; i < 3; ++i) {
        REQUIRE((lent ? ws.send_lent(*prepared) : ws.send(*prepared)) == error::none);
        CHECK(ws.lends() == (lent && shared));
        if (i == 0) first = ws.buffered();
        // With context taken over, the second is smaller than the first.
        CHECK((ws.buffered() < first) == (compressed && i != 0 && how && !how->server_no_context_takeover));
        if (shared) {
          const const_bytes frame = compressed ? prepared->compressed_frame() : prepared->frame();
          CHECK(to_hex(ws.output()) == to_hex(frame));
          CHECK((ws.output().data() == frame.data()) == lent);
        }
        std::string seen = peer.take(ws);
        for (auto at = seen.find("//"); at != std::string::npos; at = seen.find("//")) seen.erase(at, 1);
        CHECK(seen == std::string(compressed ? "text*/" : "text/") + text + " ");
        // One that was prepared without an extension is plain to all.
        REQUIRE((lent ? ws.send_lent(*plain) : ws.send(*plain)) == error::none);
        CHECK(ws.lends() == lent);
        CHECK(peer.take(ws) == "text/" + text + " ");
        REQUIRE(ws.send_text(text) == error::none);
        seen = peer.take(ws);
        CHECK(seen.starts_with(how && how->server_max_window_bits != 8 ? "text*/" : "text/"));
        CHECK(seen.ends_with(text + " "));
      }
    }
  }
}

TEST_CASE("connection: prepared messages keep to the order and the mark of others, in each form", "[connection]") {
  deflate_pool pool;
  const std::string long_text = lines(20);
  const auto prepared = prepared_message::binary(bytes_of(long_text), independent_deflate(pool));
  REQUIRE(prepared);
  const std::size_t small = prepared->compressed_frame().size();
  for (const deflate_agreement& how : {no_takeover, deflate_agreement{}}) {
    const bool shared = how.server_no_context_takeover;
    // In the form that was prepared it has its own size; compressed anew it is counted as it is.
    const std::size_t counts = shared ? small : prepared->frame().size();
    compressed_end<role::server> fits({how, pool}, {.high_water = counts + 2});
    REQUIRE(fits.send_ping() == error::none);
    REQUIRE(fits.send(*prepared) == error::none);
    compressed_end<role::server> ws({how, pool}, {.high_water = counts + 1});
    REQUIRE(ws.send_ping() == error::none);
    CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::would_block);
    // What is lent does not count.
    if (shared) {
      REQUIRE(ws.send_lent(*prepared) == error::none);
      CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::would_block);
      CHECK(refused(ws, [&] { return ws.send_lent(message_type::text, {}); }) == error::would_block);
    } else {
      CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::would_block);
    }
    compressed_end<role::server> busy({how, pool});
    REQUIRE(busy.send_piece(message_type::text, {}, false) == error::none);
    CHECK(refused(busy, [&] { return busy.send(*prepared); }) == error::message_in_progress);
    CHECK(refused(busy, [&] { return busy.send_lent(*prepared); }) == error::message_in_progress);
    REQUIRE(busy.send_close() == error::none);
    CHECK(refused(busy, [&] { return busy.send(*prepared); }) == error::closing);
    CHECK(refused(busy, [&] { return busy.send_lent(*prepared); }) == error::closing);
  }
  // While something is lent, one that would be compressed anew waits like one that would be lent.
  compressed_end<role::server> ws({deflate_agreement{}, pool});
  REQUIRE(ws.send_lent(message_type::text, bytes_of("lent")) == error::none);
  CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::would_block);
  REQUIRE(ws.send(*prepared) == error::none);
  CHECK((zlib_peer().take(ws) == "text/lent binary*/" + lines(20) + " "));
}

TEST_CASE("connection: what is lent is never compressed", "[connection][rfc7692][6.1]") {
  deflate_pool pool({.threshold = 0});
  compressed_end<role::server> ws({deflate_agreement{}, pool});
  zlib_peer peer;
  const std::string text = lines(3);
  REQUIRE(ws.send_text(text) == error::none);
  REQUIRE(ws.send_lent(message_type::text, bytes_of(text)) == error::none);
  CHECK(ws.output_runs()[1].data() == bytes_of(text).data());
  REQUIRE(ws.send_text(text) == error::none);
  CHECK(peer.take(ws) == "text*/" + text + " text/" + text + " text*/" + text + " ");
}

TEST_CASE("connection: can be moved with its context", "[connection][rfc7692][7.1.1]") {
  each_role([](auto own) {
    deflate_pool pool;
    compressed_end<own()> first({deflate_agreement{}, pool});
    zlib_peer peer;
    REQUIRE(first.send_text(lines(3)) == error::none);
    REQUIRE(first.send_piece(message_type::text, bytes_of("aaaaaaaaaaaaaaaaaa"), false) == error::none);
    CHECK(feed(first, frame_to(own, 0xC1, hello) + frame_to(own, 0x41, hello_again.substr(0, 1))) == "text(Hello)");
    compressed_end<own()> second = std::move(first);
    CHECK(feed(second, frame_to(own, 0x80, hello_again.substr(1))) == "text(Hello)");
    REQUIRE(second.send_piece(message_type::text, bytes_of("aa"), true) == error::none);
    REQUIRE(second.send_text(lines(3)) == error::none);
    CHECK(peer.take(second) == "text*/" + lines(3) + " text*//aaaaaaaaaaaaaaaaaaaa text*/" + lines(3) + " ");
  });
}

TEST_CASE("connection: begins with compressed bytes that came behind the head", "[connection][4.1][rfc7692]") {
  each_role([](auto own) {
    exact_buffer behind(frame_to(own, 0xC1, hello));
    deflate_pool pool;
    const agreement agreed = detail::agreement_maker::make({}, behind.view(), deflate_agreement{});
    compressed_end<own()> ws(agreed, {agreed.deflate(), pool});
    CHECK(words(ws.poll()) == "text(Hello)");
    CHECK(poll_all(ws).empty());
  });
}

// An extension that fails

namespace {

/// What fakes do, and what was asked of them.
struct fake_state {
  static inline error fails_with = error::none;
  static inline int fails_after = 0;  // so many calls
  static inline int released = 0;
  static inline std::string finished;

  static void start() {
    fails_with = error::none;
    fails_after = released = 0;
    finished.clear();
  }
  static bool fails() { return fails_with != error::none && fails_after-- <= 0; }
};

/// Compresses a part of a message to "zip" and inflates any byte to "unzip".
template <role Role>
struct fake_extension {
  bool active() const { return true; }
  transform_step inflate(const_bytes in, bytes out, bool) {
    if (fake_state::fails()) return {.fault = fake_state::fails_with};
    if (in.empty()) return {};
    std::ranges::copy(bytes_of("unzip"), out.begin());
    return {.used = in.size(), .made = 5};
  }
  error finish_inflate() { return error::none; }
  bool wants(std::size_t size) const { return size > 3; }
  transform_step deflate(const_bytes in, bytes out) {
    if (fake_state::fails()) return {.fault = fake_state::fails_with};
    std::ranges::copy(bytes_of("zip\x00\x00\xFF\xFF"), out.begin());
    return {.used = in.size(), .made = 7};
  }
  void finish_deflate(bool sent) { fake_state::finished += sent ? 's' : '-'; }
  std::uint8_t independent_window_bits() const { return 0; }
  void release() { ++fake_state::released; }
};

struct fake_policy : counted_policy {
  template <role Role>
  using extension = fake_extension<Role>;
};
struct fake_policy_without_keys : fake_policy {
  using random_source = failing_random;
};
static_assert(message_extension<fake_extension<role::server>>);

}  // namespace

TEST_CASE("connection: an extension without memory refuses what is sent and changes nothing", "[connection]") {
  each_role([](auto own) {
    fake_state::start();
    connection<own(), fake_policy> ws(fake_extension<own()>{});
    REQUIRE(ws.send_text("Hello") == error::none);
    fake_state::fails_with = error::out_of_memory;
    CHECK(refused(ws, [&] { return ws.send_text("Hello"); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("Hello"), false); }) ==
          error::out_of_memory);
    CHECK(fake_state::finished == "s--");
    // No message is under way: what needs no compression is sent.
    REQUIRE(ws.send_text("abc") == error::none);
    REQUIRE(ws.send(message_type::text, bytes_of("Hello"), compression::never) == error::none);
    if constexpr (own() == role::server) {
      fake_state::fails_with = error::none;
      deflate_pool pool({.threshold = 0});
      const auto prepared = prepared_message::text("aaaaaaaaaaaaaaaaaaaa", independent_deflate(pool));
      REQUIRE(!prepared->compressed_frame().empty());
      fake_state::fails_with = error::out_of_memory;
      CHECK(refused(ws, [&] { return ws.send(*prepared); }) == error::out_of_memory);
      CHECK(refused(ws, [&] { return ws.send_lent(*prepared); }) == error::out_of_memory);
    }
    fake_state::start();
    REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), false) == error::none);
    fake_state::fails_with = error::out_of_memory;
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("Hello"), true); }) ==
          error::out_of_memory);
    CHECK(fake_state::finished == "-");
    fake_state::fails_with = error::none;
    REQUIRE(ws.send_piece(message_type::text, bytes_of("Hello"), true) == error::none);
    CHECK(take_sent(ws) ==
          "c1 03 7a 69 70 81 03 61 62 63 81 05 48 65 6c 6c 6f "
          "41 07 7a 69 70 00 00 ff ff 80 03 7a 69 70");
    CHECK(fake_state::finished == "-s");
  });
}

TEST_CASE("connection: without memory for the frame, what was compressed was not sent", "[connection]") {
  each_role([](auto own) {
    fake_state::start();
    connection<own(), fake_policy> ws(fake_extension<own()>{});
    counted_buffer::no_memory = true;
    CHECK(refused(ws, [&] { return ws.send_text("Hello"); }) == error::out_of_memory);
    CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("Hello"), true); }) ==
          error::out_of_memory);
    counted_buffer::no_memory = false;
    CHECK(fake_state::finished == "--");
    REQUIRE(ws.send_text("Hello") == error::none);
    CHECK(take_sent(ws) == "c1 03 7a 69 70");
  });
}

TEST_CASE("connection: a client without a random key sends nothing compressed either", "[connection][5.3]") {
  fake_state::start();
  connection<role::client, fake_policy_without_keys> ws(fake_extension<role::client>{});
  CHECK(refused(ws, [&] { return ws.send_text("Hello"); }) == error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_piece(message_type::text, bytes_of("Hello"), false); }) ==
        error::random_failed);
  CHECK(refused(ws, [&] { return ws.send_piece(message_type::binary, bytes_of("Hello"), true); }) ==
        error::random_failed);
  CHECK(fake_state::finished == "---");
  CHECK(ws.is_open());
}

TEST_CASE("connection: an extension without memory for what came fails it", "[connection]") {
  each_role([](auto own) {
    fake_state::start();
    fake_state::fails_with = error::out_of_memory;
    connection<own(), fake_policy> ws(fake_extension<own()>{});
    CHECK(feed(ws, frame_to(own, 0xC1, "a")) == failure(error::out_of_memory));
    CHECK(take_sent(ws) == failing_close(error::out_of_memory));
  });
}

TEST_CASE("connection: gives the extension's memory back with its own when it has ended", "[connection]") {
  each_role([](auto own) {
    for (const std::string& end : {frame_to(own, 0x88, ""), frame_to(own, 0x83, ""), ""s}) {
      fake_state::start();
      connection<own(), fake_policy> ws(fake_extension<own()>{});
      exact_buffer chunk(frame_to(own, 0x42, "a") + end);
      REQUIRE(ws.receive(chunk.view()) == error::none);
      if (end.empty()) ws.receive_eof();
      CHECK(ws.poll().type == event_type::closed);
      CHECK(ws.poll().type == event_type::none);
      CHECK(fake_state::released > 0);
      (void)take_sent(ws);
      CHECK(counted_buffer::held == 0);
    }
    // While it is open it keeps what it has.
    fake_state::start();
    connection<own(), fake_policy> ws(fake_extension<own()>{});
    CHECK(feed(ws, frame_to(own, 0xC1, "a")) == "text(unzip)");
    REQUIRE(ws.send_close() == error::none);
    CHECK(poll_all(ws).empty());
    CHECK(fake_state::released == 0);
  });
}
