#include "sansocket/http/head_scanner.hpp"

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

struct verdict {
  std::size_t used = 0;
  bool done = false;
  error fault = error::none;
  friend bool operator==(const verdict&, const verdict&) = default;
};

/// Scans a text that arrives in pieces that end at the cuts.
verdict scan(head_kind kind, std::string_view text, head_limits limits = {},
             const std::vector<std::size_t>& cuts = {}) {
  head_scanner scanner(kind, limits);
  verdict outcome;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : text.size();
    const exact_buffer piece(text.substr(from, to - from));
    outcome.used += scanner.scan(text_of(piece.view()));
    from = to;
  }
  outcome.done = scanner.done();
  outcome.fault = scanner.error();
  return outcome;
}

constexpr std::string_view request_line = "GET /chat HTTP/1.1\r\n";
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
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct sample {
  head_kind kind;
  std::string text;
  error fault = error::none;
};

std::string operator""_s(const char* text, std::size_t size) { return {text, size}; }

std::vector<sample> good_heads() {
  using enum head_kind;
  return {
      {request, std::string(example_request)},
      {response, std::string(example_response)},
      {request, "GET / HTTP/1.1\r\n\r\n"},
      {request, "G / HTTP/1.0\r\n\r\n"},
      {request, "OPTIONS * HTTP/9.9\r\n\r\n"},
      {request, "GET http://a/b?c#d HTTP/1.1\r\n\r\n"},
      {request, "!#$%&'*+-.^_`|~9aZ / HTTP/1.1\r\n\r\n"},
      {request, "\r\nGET / HTTP/1.1\r\n\r\n"},
      {request, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {request, "GET / HTTP/1.1\r\nX:\r\nY: \r\nZ:\t \t\r\n\r\n"},
      {request, "GET / HTTP/1.1\r\nX:a:b, \"c\" \xC3\xA9\xFF\tz\r\n\r\n"},
      {response, "HTTP/1.1 100 \r\n\r\n"},
      {response, "HTTP/1.0 599 \tany words, caf\xC3\xA9\r\nX: y\r\n\r\n"},
  };
}

/// Each text ends with the very byte that makes it malformed.
std::vector<sample> bad_heads() {
  using enum head_kind;
  std::vector<sample> samples;
  for (const std::string& text : {
           " "_s,
           "\n"_s,
           "\t"_s,
           "\0"_s,
           "("_s,
           "\x80"_s,
           // Empty lines before the request end with CR LF as well.
           "\r\r"_s,
           "\rG"_s,
           "\r\n\n"_s,
           "\r\n "_s,
           // The method.
           "G\0"_s,
           "GE\t"_s,
           "GET\r"_s,
           "GET\n"_s,
           "GET:"_s,
           "GET\x7F"_s,
           // Two spaces, or none, or something in their place.
           "GET  "_s,
           "GET \t"_s,
           "GET /  "_s,
           "GET /a b"_s,
           "GET /\t"_s,
           "GET / HTTP/1.1 "_s,
           "GET / HTTP/1.1\t"_s,
           // The target.
           "GET \r"_s,
           "GET /\r"_s,
           "GET /\n"_s,
           "GET /\0"_s,
           "GET /\x7F"_s,
           "GET /\xC3"_s,
           // The version.
           "GET / h"_s,
           "GET / HTTp"_s,
           "GET / HTTP/1.10"_s,
           "GET / HTTP/11"_s,
           "GET / HTTP/1,"_s,
           "GET / HTTP/1.\r"_s,
           "GET / HTTP/1.x"_s,
           "GET / HTTP/x"_s,
           "GET / HTTP/-"_s,
           "GET / HTTP/2\r"_s,
           "GET / HTTPS"_s,
           "GET / \r"_s,
           // The line's end.
           "GET / HTTP/1.1\n"_s,
           "GET / HTTP/1.1\r\r"_s,
           "GET / HTTP/1.1\rH"_s,
           "GET / HTTP/1.1\0"_s,
       }) {
    samples.push_back({request, text, error::request_line_malformed});
  }
  for (const std::string& text : {
           "\r"_s,
           "\n"_s,
           " "_s,
           "h"_s,
           "HTTPS"_s,
           "HTTP/1.10"_s,
           "HTTP/2 "_s,
           "HTTP/1.1\r"_s,
           "HTTP/1.1\t"_s,
           "HTTP/1.1  "_s,
           "HTTP/1.1 0"_s,
           "HTTP/1.1 6"_s,
           "HTTP/1.1 9"_s,
           "HTTP/1.1 +"_s,
           "HTTP/1.1 1a"_s,
           "HTTP/1.1 10 "_s,
           "HTTP/1.1 10\r"_s,
           "HTTP/1.1 1010"_s,
           "HTTP/1.1 101\t"_s,
           // RFC 9112 §4: the space behind the status is there even if no reason follows.
           "HTTP/1.1 101\r"_s,
           "HTTP/1.1 101\n"_s,
           "HTTP/1.1 101 a\n"_s,
           "HTTP/1.1 101 a\rb"_s,
           "HTTP/1.1 101 a\r\r"_s,
           "HTTP/1.1 101 a\0"_s,
           "HTTP/1.1 101 \x7F"_s,
           "HTTP/1.1 101 \x1B"_s,
       }) {
    samples.push_back({response, text, error::status_line_malformed});
  }
  for (const std::string& text : {
           // No name.
           ":"_s,
           " "_s,
           "\t"_s,
           "\n"_s,
           "\0"_s,
           // White space and worse in a name.
           "Host "_s,
           "Host\t"_s,
           "Ho\0"_s,
           "Ho\r"_s,
           "Ho\n"_s,
           "Ho("_s,
           "Ho\xC3"_s,
           "Ho\x7F"_s,
           // Folded lines.
           "Host: a\r\n "_s,
           "Host: a\r\n\t"_s,
           "Host: a\r\nX: y\r\n "_s,
           // Bare CR, bare LF and control characters in a value.
           "Host: a\n"_s,
           "Host: a\r\r"_s,
           "Host: a\rb"_s,
           "Host:\0"_s,
           "Host: a\0"_s,
           "Host: \x01"_s,
           "Host: \x7F"_s,
           "Host: a\x0B"_s,
           // An empty line that is not CR LF.
           "Host: a\r\n\n"_s,
           "Host: a\r\n\r\r"_s,
           "Host: a\r\n\rG"_s,
           "\rX"_s,
       }) {
    samples.push_back({request, std::string(request_line) + text, error::field_malformed});
    samples.push_back({response, "HTTP/1.1 101 \r\n" + text, error::field_malformed});
  }
  return samples;
}

bool is_token_character(unsigned value) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z') ||
         (value != 0 && others.find(static_cast<char>(value)) != std::string_view::npos);
}

bool is_value_character(unsigned value) { return value == '\t' || (value >= 0x20 && value != 0x7F); }

bool is_target_character(unsigned value) { return value > 0x20 && value < 0x7F; }

/// Which bytes may follow a prefix.
template <class Predicate>
void check_what_may_follow(head_kind kind, const std::string& prefix, Predicate may) {
  for (unsigned value = 0; value < 256; ++value) {
    const verdict outcome = scan(kind, prefix + static_cast<char>(value));
    if ((outcome.fault == error::none) != may(value)) FAIL("byte " << value << " behind " << prefix);
  }
}

}  // namespace

TEST_CASE("head_scanner: finds the end of the RFC's examples", "[head_scanner][1.3]") {
  CHECK(scan(head_kind::request, example_request) == verdict{example_request.size(), true});
  CHECK(scan(head_kind::response, example_response) == verdict{example_response.size(), true});
}

TEST_CASE("head_scanner: takes what the grammar allows, and nothing behind it", "[head_scanner]") {
  for (const sample& each : good_heads()) {
    INFO(each.text);
    const std::size_t size = each.text.size();
    CHECK(scan(each.kind, each.text) == verdict{size, true});
    CHECK(scan(each.kind, each.text + "\x81\x80 behind") == verdict{size, true});
    CHECK(scan(each.kind, each.text + each.text) == verdict{size, true});
    // Nothing shorter is whole.
    for (std::size_t cut = 0; cut < size; ++cut)
      REQUIRE(scan(each.kind, std::string_view(each.text).substr(0, cut)) == verdict{cut, false});
  }
}

TEST_CASE("head_scanner: refuses what the grammar does not allow, at the byte that breaks it", "[head_scanner]") {
  for (const sample& each : bad_heads()) {
    const std::string_view text = each.text;
    INFO(text);
    CHECK(scan(each.kind, text) == verdict{text.size(), false, each.fault});
    CHECK(scan(each.kind, text.substr(0, text.size() - 1)) == verdict{text.size() - 1, false});
    // What follows does not repair it.
    CHECK(scan(each.kind, each.text + "\r\n\r\n") == verdict{text.size(), false, each.fault});
  }
}

// Invariant: where a head is cut changes neither the verdict nor the place.
TEST_CASE("head_scanner: judges alike at every cut and byte by byte", "[head_scanner]") {
  std::vector<sample> samples = good_heads();
  for (sample& each : bad_heads()) samples.push_back(std::move(each));
  for (const sample& each : samples) {
    const std::string text = each.text + "\r\nGET / HTTP/1.1\r\n\r\n";
    const verdict expected = scan(each.kind, text);
    std::vector<std::size_t> every;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      every.push_back(cut);
      if (scan(each.kind, text, {}, {cut}) != expected) FAIL(text << " cut at " << cut);
      if (cut > 60) continue;
      for (std::size_t second = cut; second <= std::min<std::size_t>(text.size(), 60); ++second) {
        if (scan(each.kind, text, {}, {cut, second}) != expected) FAIL(text << " cut at " << cut << ", " << second);
      }
    }
    INFO(text);
    CHECK(scan(each.kind, text, {}, every) == expected);
  }
}

TEST_CASE("head_scanner: tries every byte at every kind of place", "[head_scanner]") {
  using enum head_kind;
  const auto token_or = [](char end) {
    return [end](unsigned value) { return is_token_character(value) || value == static_cast<unsigned>(end); };
  };
  const auto value_or_cr = [](unsigned value) { return is_value_character(value) || value == '\r'; };
  const auto only = [](char wanted) {
    return [wanted](unsigned value) { return value == static_cast<unsigned>(wanted); };
  };
  const auto digit = [](unsigned value) { return value >= '0' && value <= '9'; };

  check_what_may_follow(request, "", token_or('\r'));
  check_what_may_follow(request, "\r", only('\n'));
  check_what_may_follow(request, "\r\n", token_or('\r'));
  check_what_may_follow(request, "G", token_or(' '));
  check_what_may_follow(request, "GET ", is_target_character);
  check_what_may_follow(request, "GET /", [](unsigned value) { return is_target_character(value) || value == ' '; });
  check_what_may_follow(request, "GET / ", only('H'));
  check_what_may_follow(request, "GET / HTTP/", digit);
  check_what_may_follow(request, "GET / HTTP/1", only('.'));
  check_what_may_follow(request, "GET / HTTP/1.", digit);
  check_what_may_follow(request, "GET / HTTP/1.1", only('\r'));
  check_what_may_follow(request, "GET / HTTP/1.1\r", only('\n'));
  check_what_may_follow(request, "GET / HTTP/1.1\r\n", token_or('\r'));
  check_what_may_follow(request, "GET / HTTP/1.1\r\n\r", only('\n'));
  check_what_may_follow(request, "GET / HTTP/1.1\r\nH", token_or(':'));
  check_what_may_follow(request, "GET / HTTP/1.1\r\nH:", value_or_cr);
  check_what_may_follow(request, "GET / HTTP/1.1\r\nH: a", value_or_cr);
  check_what_may_follow(request, "GET / HTTP/1.1\r\nH: a\r", only('\n'));
  check_what_may_follow(request, "GET / HTTP/1.1\r\nH: a\r\n", token_or('\r'));

  check_what_may_follow(response, "", only('H'));
  check_what_may_follow(response, "HTTP/1.1", only(' '));
  check_what_may_follow(response, "HTTP/1.1 ", [](unsigned value) { return value >= '1' && value <= '5'; });
  check_what_may_follow(response, "HTTP/1.1 1", digit);
  check_what_may_follow(response, "HTTP/1.1 10", digit);
  check_what_may_follow(response, "HTTP/1.1 101", only(' '));
  check_what_may_follow(response, "HTTP/1.1 101 ", value_or_cr);
  check_what_may_follow(response, "HTTP/1.1 101 a", value_or_cr);
  check_what_may_follow(response, "HTTP/1.1 101 \r", only('\n'));
}

TEST_CASE("head_scanner: a head of as many bytes as the limit passes and one more fails", "[head_scanner][10.4]") {
  for (const sample& each : good_heads()) {
    const std::size_t size = each.text.size();
    for (std::size_t limit = 0; limit <= size + 1; ++limit) {
      const head_limits limits{.bytes = limit};
      const verdict expected = limit >= size ? verdict{size, true} : verdict{limit, false, error::head_too_large};
      REQUIRE(scan(each.kind, each.text, limits) == expected);
      REQUIRE(scan(each.kind, each.text, limits, {size / 2}) == expected);
      // What lies behind the head does not count.
      REQUIRE(scan(each.kind, each.text + "behind", limits) == expected);
    }
  }
}

TEST_CASE("head_scanner: at the limit it asks for more before it says too large", "[head_scanner][10.4]") {
  head_scanner scanner(head_kind::request, {.bytes = 3});
  CHECK(scanner.scan("GET") == 3);
  CHECK(scanner.error() == error::none);
  CHECK(scanner.scan("") == 0);
  CHECK(scanner.error() == error::none);
  CHECK(scanner.scan(" ") == 0);
  CHECK(scanner.error() == error::head_too_large);
}

TEST_CASE("head_scanner: as many fields as the limit pass and one more fails", "[head_scanner][10.4]") {
  for (std::size_t count = 0; count < 5; ++count) {
    std::string text(request_line);
    for (std::size_t i = 0; i < count; ++i) text += "X: y\r\n";
    text += "\r\n";
    for (std::size_t limit = 0; limit < 6; ++limit) {
      CAPTURE(count, limit);
      const verdict outcome = scan(head_kind::request, text, {.fields = limit});
      // The first byte of the field that is too much is the one that fails.
      const std::size_t used = request_line.size() + 6 * limit + 1;
      CHECK(outcome == (limit >= count ? verdict{text.size(), true} : verdict{used, false, error::too_many_fields}));
    }
  }
}

TEST_CASE("head_scanner: the limits that no one names are 8192 bytes and 64 fields", "[head_scanner][10.4]") {
  const auto with_size = [](std::size_t size) {
    return std::string(request_line) + "X:" + std::string(size - request_line.size() - 6, 'y') + "\r\n\r\n";
  };
  CHECK(scan(head_kind::request, with_size(8192)) == verdict{8192, true});
  CHECK(scan(head_kind::request, with_size(8193)) == verdict{8192, false, error::head_too_large});

  std::string fields(request_line);
  for (int i = 0; i < 64; ++i) fields += "X:\r\n";
  CHECK(scan(head_kind::request, fields + "\r\n").done);
  CHECK(scan(head_kind::request, fields + "X:\r\n\r\n").fault == error::too_many_fields);
}

TEST_CASE("head_scanner: can be without a limit", "[head_scanner][10.4]") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  std::string text(request_line);
  for (int i = 0; i < 1000; ++i) text += "Field: " + std::string(100, 'x') + "\r\n";
  text += "\r\n";
  CHECK(scan(head_kind::request, text, {.bytes = most, .fields = most}) == verdict{text.size(), true});
}

TEST_CASE("head_scanner: empty lines before the request count as bytes of it", "[head_scanner][10.4]") {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "\r\n";
  CHECK(scan(head_kind::request, lines, {.bytes = 100}) == verdict{100, false, error::head_too_large});
  CHECK(scan(head_kind::request, lines + "GET / HTTP/1.1\r\n\r\n", {.bytes = 218}).done);
}

TEST_CASE("head_scanner: reads nothing more once it is done or has failed", "[head_scanner]") {
  head_scanner done(head_kind::request);
  CHECK(done.scan("GET / HTTP/1.1\r\n\r\n") == 18);
  REQUIRE(done.done());
  CHECK(done.scan("GET / HTTP/1.1\r\n\r\n") == 0);
  CHECK(done.done());
  CHECK(done.error() == error::none);

  head_scanner failed(head_kind::request);
  CHECK(failed.scan("GET\n") == 4);
  REQUIRE(failed.error() == error::request_line_malformed);
  CHECK(failed.scan(" / HTTP/1.1\r\n\r\n") == 0);
  CHECK_FALSE(failed.done());
  CHECK(failed.error() == error::request_line_malformed);
}

TEST_CASE("head_scanner: is untouched until the first byte", "[head_scanner]") {
  head_scanner scanner(head_kind::request);
  CHECK(scanner.untouched());
  CHECK(scanner.scan("") == 0);
  CHECK(scanner.untouched());
  CHECK(scanner.scan("G") == 1);
  CHECK_FALSE(scanner.untouched());
}

TEST_CASE("head_scanner: gives the same at compile time", "[head_scanner]") {
  constexpr auto judged = [](head_kind kind, std::string_view text) {
    head_scanner scanner(kind);
    (void)scanner.scan(text);
    return scanner.done() ? error::none : scanner.error();
  };
  STATIC_REQUIRE(judged(head_kind::request, example_request) == error::none);
  STATIC_REQUIRE(judged(head_kind::response, example_response) == error::none);
  STATIC_REQUIRE(judged(head_kind::request, "GET / HTTP/1.10\r\n") == error::request_line_malformed);
  STATIC_REQUIRE(judged(head_kind::request, "GET / HTTP/1.1\r\nHost : a\r\n\r\n") == error::field_malformed);
  STATIC_REQUIRE(judged(head_kind::response, "HTTP/1.1 600 \r\n") == error::status_line_malformed);
}
