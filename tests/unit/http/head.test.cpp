#include "sansocket/http/head.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

// §1.3.
constexpr std::string_view example_request =
    "GET /chat HTTP/1.1\r\n"
    "Host: server.example.com\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Origin: http://example.com\r\n"
    "Sec-WebSocket-Protocol: chat, superchat\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view example_response =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: chat\r\n\r\n";

constexpr http_version version(int major, int minor) {
  http_version made;
  made.major = static_cast<std::uint8_t>(major);
  made.minor = static_cast<std::uint8_t>(minor);
  return made;
}

std::vector<field> lines_of(const head_fields& fields) { return {fields.begin(), fields.end()}; }

}  // namespace

TEST_CASE("http_version: is made from what programs have", "[head]") {
  STATIC_REQUIRE(http_version("HTTP/1.1") == version(1, 1));
  STATIC_REQUIRE(http_version("1.1") == version(1, 1));
  STATIC_REQUIRE(http_version(std::string_view("HTTP/1.0")) == version(1, 0));
  STATIC_REQUIRE(std::is_convertible_v<std::string, http_version>);
  CHECK(http_version(std::string("HTTP/1.1")) == version(1, 1));
  STATIC_REQUIRE(http_version("HTTP/2") == version(2, 0));
  STATIC_REQUIRE(http_version("3") == version(3, 0));
  STATIC_REQUIRE(http_version("9.8") == version(9, 8));
  STATIC_REQUIRE(http_version(11) == version(1, 1));
  STATIC_REQUIRE(http_version(10) == version(1, 0));
  STATIC_REQUIRE(http_version(20) == version(2, 0));
  STATIC_REQUIRE(http_version(0) == http_version());
  STATIC_REQUIRE(http_version() == version(0, 0));
}

TEST_CASE("http_version: text that is no version makes version 0.0", "[head]") {
  for (const std::string_view text : {"", "HTTP/", "HTTP", "http/1.1", "HTTP/1.10", "1.10", "11", "1.", "1,1", "1.x",
                                      ".1", "x.1", " 1.1", "1.1 ", "HTTP/HTTP/1.1", "-1.1"}) {
    INFO(text);
    CHECK(http_version(text) == http_version());
  }
}

TEST_CASE("head_fields: walks the lines in order, values trimmed", "[head]") {
  const head_fields fields("Host: a\r\nX:\r\nY:\t b c \t\r\nx:1:2\r\nZ: \r\n");
  CHECK(lines_of(fields) ==
        std::vector{field{"Host", "a"}, field{"X", ""}, field{"Y", "b c"}, field{"x", "1:2"}, field{"Z", ""}});
}

TEST_CASE("head_fields: may be empty", "[head]") {
  CHECK(lines_of(head_fields()).empty());
  CHECK(lines_of(head_fields("")).empty());
  CHECK(head_fields().value("Host").empty());
}

TEST_CASE("head_fields: are a range and a field source", "[head]") {
  STATIC_REQUIRE(std::ranges::input_range<head_fields>);
  STATIC_REQUIRE(std::input_iterator<head_fields::iterator>);
  STATIC_REQUIRE(field_source<head_fields>);

  const head_fields fields("A: 1\r\nB: 2\r\nC: 3\r\n");
  auto at = fields.begin();
  CHECK(*at == field{"A", "1"});
  CHECK(*at++ == field{"A", "1"});
  CHECK(*at == field{"B", "2"});
  CHECK(*++at == field{"C", "3"});
  CHECK(at != fields.end());
  CHECK(++at == fields.end());

  std::string names;
  for_each_field(fields, [&](std::string_view name, std::string_view) { names += name; });
  CHECK(names == "ABC");
}

TEST_CASE("head_fields: finds the first value of a name in any case", "[head]") {
  const head_fields fields("Host: a\r\nCookie: one\r\ncookie: two\r\nEmpty:\r\n");
  CHECK(fields.value("HOST") == "a");
  CHECK(fields.value("cookie") == "one");
  CHECK(fields.value("Empty").empty());
  CHECK(fields.value("Hos").empty());
  CHECK(fields.value("Hosts").empty());
  CHECK(fields.value("").empty());
}

TEST_CASE("head: takes the RFC's request apart", "[head][1.3]") {
  const exact_buffer exact(example_request);
  std::string_view stream = text_of(exact.view());
  const auto head = parse_request_head(stream);
  REQUIRE(head.complete());
  CHECK(stream.empty());
  CHECK(head->method == "GET");
  CHECK(head->target == "/chat");
  CHECK(head->version == version(1, 1));
  CHECK(lines_of(head->fields) ==
        std::vector{field{"Host", "server.example.com"}, field{"Upgrade", "websocket"}, field{"Connection", "Upgrade"},
                    field{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, field{"Origin", "http://example.com"},
                    field{"Sec-WebSocket-Protocol", "chat, superchat"}, field{"Sec-WebSocket-Version", "13"}});
}

TEST_CASE("head: takes the RFC's response apart", "[head][1.3]") {
  const exact_buffer exact(example_response);
  std::string_view stream = text_of(exact.view());
  const auto head = parse_response_head(stream);
  REQUIRE(head.complete());
  CHECK(stream.empty());
  CHECK(head->version == version(1, 1));
  CHECK(head->status == 101);
  CHECK(head->reason == "Switching Protocols");
  CHECK(lines_of(head->fields) == std::vector{field{"Upgrade", "websocket"}, field{"Connection", "Upgrade"},
                                              field{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
                                              field{"Sec-WebSocket-Protocol", "chat"}});
}

TEST_CASE("head: a request may follow empty lines and have no field", "[head]") {
  for (const std::string_view text : {"OPTIONS * HTTP/1.0\r\n\r\n", "\r\n\r\nOPTIONS * HTTP/1.0\r\n\r\n"}) {
    const request_head head = split_request_head(text);
    CHECK(head.method == "OPTIONS");
    CHECK(head.target == "*");
    CHECK(head.version == version(1, 0));
    CHECK(lines_of(head.fields).empty());
  }
}

TEST_CASE("head: a response's reason may be empty or many words", "[head]") {
  CHECK(split_response_head("HTTP/1.1 200 \r\n\r\n").reason.empty());
  CHECK(split_response_head("HTTP/1.1 599 a  b\tc\r\n\r\n").reason == "a  b\tc");
  for (unsigned status = 100; status < 600; ++status) {
    if (split_response_head("HTTP/1.0 " + std::to_string(status) + " x\r\n\r\n").status != status) FAIL(status);
  }
  CHECK(split_response_head("HTTP/1.0 200 \r\n\r\n").version == version(1, 0));
  CHECK(lines_of(split_response_head("HTTP/1.0 200 \r\n\r\n").fields).empty());
}

TEST_CASE("head: takes the head off the stream and leaves what is behind it", "[head]") {
  std::string_view stream = "GET / HTTP/1.1\r\n\r\n\x81\x80";
  const char* begin = stream.data();
  const auto head = parse_request_head(stream);
  REQUIRE(head.complete());
  CHECK(stream == "\x81\x80");
  CHECK(head->method.data() == begin);

  std::string_view pipelined = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 \r\nA: b\r\n\r\n";
  CHECK(parse_response_head(pipelined)->status == 100);
  CHECK(parse_response_head(pipelined)->status == 101);
  CHECK(pipelined.empty());
}

// Invariant: no beginning of a head is complete or malformed, and the stream stays as it is.
TEST_CASE("head: asks for more at every cut and takes nothing off", "[head]") {
  for (const std::string_view whole : {example_request, example_response}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const exact_buffer exact(whole.substr(0, size));
      const std::string_view begin = text_of(exact.view());
      std::string_view stream = begin;
      const bool request = whole == example_request;
      const std::size_t missing =
          request ? parse_request_head(stream).missing() : parse_response_head(stream).missing();
      REQUIRE(missing == 1);
      REQUIRE(stream.data() == begin.data());
      REQUIRE(stream.size() == begin.size());
    }
  }
}

TEST_CASE("head: says what is malformed and takes nothing off", "[head]") {
  const auto request_fault = [](std::string_view stream, head_limits limits = {}) {
    const std::size_t size = stream.size();
    const error fault = parse_request_head(stream, limits).error();
    CHECK(stream.size() == size);
    return fault;
  };
  const auto response_fault = [](std::string_view stream, head_limits limits = {}) {
    const std::size_t size = stream.size();
    const error fault = parse_response_head(stream, limits).error();
    CHECK(stream.size() == size);
    return fault;
  };
  CHECK(request_fault("GET / HTTP/1.10\r\n\r\n") == error::request_line_malformed);
  CHECK(request_fault("HTTP/1.1 101 \r\n\r\n") == error::request_line_malformed);
  CHECK(request_fault("GET / HTTP/1.1\r\nHost : a\r\n\r\n") == error::field_malformed);
  CHECK(request_fault("GET / HTTP/1.1\r\n\r\n", {.bytes = 17}) == error::head_too_large);
  CHECK(request_fault("GET / HTTP/1.1\r\nA: b\r\n\r\n", {.fields = 0}) == error::too_many_fields);
  CHECK(response_fault("GET / HTTP/1.1\r\n\r\n") == error::status_line_malformed);
  CHECK(response_fault("HTTP/1.1 101\r\n\r\n") == error::status_line_malformed);
  CHECK(response_fault("HTTP/1.1 101 \r\n folded\r\n\r\n") == error::field_malformed);
  CHECK(response_fault("HTTP/1.1 101 \r\n\r\n", {.bytes = 16}) == error::head_too_large);
  CHECK(response_fault("HTTP/1.1 101 \r\nA: b\r\n\r\n", {.fields = 0}) == error::too_many_fields);
}

TEST_CASE("head: gives the same at compile time", "[head][1.3]") {
  constexpr auto request = [] {
    std::string_view stream = example_request;
    return parse_request_head(stream);
  }();
  STATIC_REQUIRE(request.complete());
  STATIC_REQUIRE(request->target == "/chat");
  STATIC_REQUIRE(request->fields.value("host") == "server.example.com");

  constexpr auto response = [] {
    std::string_view stream = example_response;
    return parse_response_head(stream);
  }();
  STATIC_REQUIRE(response->status == 101);
  STATIC_REQUIRE((*response->fields.begin()).name == "Upgrade");
  STATIC_REQUIRE(split_request_head(example_request).method == "GET");
  STATIC_REQUIRE(split_response_head(example_response).reason == "Switching Protocols");
}
