#include "sansocket/http/head_writer.hpp"

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using namespace sansocket;

namespace {

using writer = head_writer<heap_buffer>;

/// What some calls write, and the fault that they end with.
struct written {
  std::string text;
  error fault = error::none;
};

template <class Calls>
written write(Calls calls) {
  heap_buffer buffer;
  writer head(buffer);
  calls(head);
  return {std::string(text_of(buffer.view())), head.error()};
}

/// One character spoils a text at its front, in its middle or at its end.
std::vector<std::string> spoilt(char with) {
  return {std::string(1, with), std::string(1, with) + "ab", std::string("a") + with + "b", std::string("ab") + with};
}

/// Each of the characters that could end a line, or the text in some reader's eyes.
constexpr std::array<char, 3> splitters{'\r', '\n', '\0'};

/// Control characters that are no part of a field either.
bool is_control_character(unsigned value) { return (value < 0x20 && value != '\t') || value == 0x7F; }

/// The calls, each of which puts a caller's text into a line of its own.
struct place {
  std::string_view what;
  std::function<void(writer&, std::string_view)> call;
};

std::vector<place> places_for_names() {
  return {
      {"the name before a text", [](writer& head, std::string_view text) { head.add(text, "value"); }},
      {"the name before a number", [](writer& head, std::string_view text) { head.add(text, std::uint64_t{5}); }},
      {"the name before a list",
       [](writer& head, std::string_view text) { head.add_list(text, std::array<std::string_view, 1>{"a"}); }},
  };
}

std::vector<place> places_for_values() {
  return {
      {"a value", [](writer& head, std::string_view text) { head.add("Name", text); }},
      {"the first element of a list",
       [](writer& head, std::string_view text) { head.add_list("Name", std::array<std::string_view, 2>{text, "b"}); }},
      {"the last element of a list",
       [](writer& head, std::string_view text) { head.add_list("Name", std::array<std::string_view, 2>{"a", text}); }},
  };
}

std::vector<place> places_in_the_request_line() {
  return {
      {"the method", [](writer& head, std::string_view text) { head.request_line(text, "/"); }},
      {"the target", [](writer& head, std::string_view text) { head.request_line("GET", text); }},
  };
}

/// What would split the head is refused at every place, and no line is begun with it.
void check_refusals(const std::vector<place>& places) {
  for (const place& each : places) {
    for (const char splitter : splitters) {
      for (const std::string& text : spoilt(splitter)) {
        INFO(each.what << ", character " << static_cast<int>(splitter));
        const written head = write([&](writer& to) { each.call(to, text); });
        REQUIRE(head.fault == error::field_forbidden);
        REQUIRE(head.text.find(splitter) == std::string::npos);
      }
    }
  }
}

}  // namespace

TEST_CASE("head_writer: writes the head of a request", "[head_writer]") {
  const std::array<std::string_view, 2> protocols{"chat", "superchat"};
  const written head = write([&](writer& to) {
    to.request_line("GET", "/chat?a=b").add("Host", "example.com").add("Max-Forwards", 10);
    to.add_list("Sec-WebSocket-Protocol", protocols).end();
  });
  CHECK(head.fault == error::none);
  CHECK(head.text ==
        "GET /chat?a=b HTTP/1.1\r\n"
        "Host: example.com\r\n"
        "Max-Forwards: 10\r\n"
        "Sec-WebSocket-Protocol: chat, superchat\r\n"
        "\r\n");
}

TEST_CASE("head_writer: writes the head of a response and its body", "[head_writer]") {
  const written head = write([](writer& to) { to.status_line(400).add("Content-Length", 3).end("a\r\n"); });
  CHECK(head.fault == error::none);
  CHECK(head.text == "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\na\r\n");
}

TEST_CASE("head_writer: a status without a phrase keeps the space before it", "[head_writer]") {
  // RFC 9112 §4: the space is there "even when the reason-phrase is absent".
  CHECK(write([](writer& to) { to.status_line(299); }).text == "HTTP/1.1 299 \r\n");
}

TEST_CASE("head_writer: a list may have one element or none", "[head_writer]") {
  CHECK(write([](writer& to) { to.add_list("A", std::array<std::string_view, 1>{"b"}); }).text == "A: b\r\n");
  CHECK(write([](writer& to) { to.add_list("A", std::array<std::string_view, 0>{}); }).text == "A: \r\n");
  CHECK(write([](writer& to) { to.add_list("A", std::vector<std::string>{"b", "c", "d"}); }).text == "A: b, c, d\r\n");
}

TEST_CASE("head_writer: a value may be empty, and hold tabs, spaces and bytes above ASCII", "[head_writer]") {
  CHECK(write([](writer& to) { to.add("A", ""); }).text == "A: \r\n");
  CHECK(write([](writer& to) { to.add("A", "b\tc d \xC3\xA9"); }).text == "A: b\tc d \xC3\xA9\r\n");
}

TEST_CASE("head_writer: writes numbers in decimal", "[head_writer]") {
  CHECK(write([](writer& to) { to.put_number(0); }).text == "0");
  CHECK(write([](writer& to) { to.put_number(std::numeric_limits<std::uint64_t>::max()); }).text ==
        "18446744073709551615");
  CHECK(write([](writer& to) { to.add("A", 0); }).text == "A: 0\r\n");
}

TEST_CASE("head_writer: puts checked text as it is", "[head_writer]") {
  CHECK(write([](writer& to) { to.put("a\r\nb").put(""); }).text == "a\r\nb");
}

TEST_CASE("head_writer: CR, LF and NUL get into no value and no list element", "[head_writer]") {
  check_refusals(places_for_values());
}

TEST_CASE("head_writer: CR, LF and NUL get into no name, whatever the value is", "[head_writer]") {
  check_refusals(places_for_names());
}

TEST_CASE("head_writer: CR, LF and NUL get into no request line", "[head_writer]") {
  check_refusals(places_in_the_request_line());
}

TEST_CASE("head_writer: a whole line cannot be smuggled in", "[head_writer]") {
  const written head = write([](writer& to) { to.add("X", "a\r\nSet-Cookie: b=c").end(); });
  CHECK(head.fault == error::field_forbidden);
  CHECK(head.text.empty());
}

TEST_CASE("head_writer: no control character gets into a value", "[head_writer]") {
  for (unsigned value = 0; value < 256; ++value) {
    const std::string text = std::string("a") + static_cast<char>(value) + "b";
    const error expected = is_control_character(value) ? error::field_forbidden : error::none;
    CAPTURE(value);
    CHECK(write([&](writer& to) { to.add("Name", text); }).fault == expected);
    CHECK(write([&](writer& to) { to.add_list("Name", std::vector{text}); }).fault == expected);
  }
}

TEST_CASE("head_writer: a name is a token", "[head_writer]") {
  for (const std::string_view name : {"", " ", "a b", "a:", "a,b", "a\t", "\xC3\xA9", "(a)"}) {
    INFO(name);
    const written head = write([&](writer& to) { to.add(name, "value"); });
    CHECK(head.fault == error::field_forbidden);
    CHECK(head.text.empty());
  }
}

TEST_CASE("head_writer: a method is a token and a target has no spaces", "[head_writer]") {
  const auto fault = [](std::string_view method, std::string_view target) {
    return write([&](writer& to) { to.request_line(method, target); }).fault;
  };
  CHECK(fault("GET", "/") == error::none);
  CHECK(fault("GET", "*") == error::none);
  CHECK(fault("", "/") == error::field_forbidden);
  CHECK(fault("G T", "/") == error::field_forbidden);
  CHECK(fault("GET", "") == error::field_forbidden);
  CHECK(fault("GET", "/a b") == error::field_forbidden);
  CHECK(fault("GET", "/a\tb") == error::field_forbidden);
  CHECK(fault("GET", "/\xC3\xA9") == error::field_forbidden);
}

TEST_CASE("head_writer: the first fault stays and stops the writing", "[head_writer]") {
  const written head = write([](writer& to) {
    to.status_line(101).add("A", "b").add("C", "\n").add("D", "e").put("f").put_number(7).end("body");
  });
  CHECK(head.fault == error::field_forbidden);
  CHECK(head.text == "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n");
}

TEST_CASE("head_writer: says that a fixed buffer is full, and that a heap has no memory", "[head_writer]") {
  // The whole is 18 bytes.
  const auto fault = [](auto buffer) {
    head_writer to(buffer);
    to.put("0123456789").add("A", "bc").end();
    return to.error();
  };
  CHECK(fault(inplace_buffer<19>{}) == error::none);
  CHECK(fault(inplace_buffer<18>{}) == error::buffer_full);
  CHECK(fault(inplace_buffer<0>{}) == error::buffer_full);

  struct exhausted : heap_buffer {
    bytes extend(std::size_t, std::size_t) { return {}; }
  };
  STATIC_REQUIRE(byte_buffer<exhausted>);
  CHECK(fault(exhausted{}) == error::out_of_memory);

  // Which fault came first is what counts.
  inplace_buffer<4> small;
  head_writer to(small);
  to.add("A", "a long value").add("B", "\n");
  CHECK(to.error() == error::buffer_full);
}

TEST_CASE("head_writer: knows the phrases of the statuses that a handshake meets", "[head_writer]") {
  struct row {
    std::uint16_t status;
    std::string_view phrase;
  };
  for (const row& each :
       {row{101, "Switching Protocols"}, row{200, "OK"}, row{301, "Moved Permanently"}, row{302, "Found"},
        row{307, "Temporary Redirect"}, row{308, "Permanent Redirect"}, row{400, "Bad Request"},
        row{401, "Unauthorized"}, row{403, "Forbidden"}, row{404, "Not Found"}, row{405, "Method Not Allowed"},
        row{426, "Upgrade Required"}, row{429, "Too Many Requests"}, row{431, "Request Header Fields Too Large"},
        row{500, "Internal Server Error"}, row{503, "Service Unavailable"}, row{505, "HTTP Version Not Supported"}}) {
    CHECK(reason_phrase(each.status) == each.phrase);
  }
  STATIC_REQUIRE(reason_phrase(101) == "Switching Protocols");
  STATIC_REQUIRE(reason_phrase(299).empty());
  STATIC_REQUIRE(reason_phrase(0).empty());
}
