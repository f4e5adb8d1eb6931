#include "sansocket/handshake/request.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "sansocket/core/error_info.hpp"

using namespace sansocket;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};
constexpr websocket_key key{{'d', 'G', 'h', 'l', 'I', 'H', 'N', 'h', 'b', 'X', 'B', 's',
                             'Z', 'S', 'B', 'u', 'b', '2', '5', 'j', 'Z', 'Q', '=', '='}};

/// A request's text, or the name of the error.
std::string write(std::string_view url, const client_options& options = {}, bool with_credentials = true) {
  const auto target = parse_uri(url);
  REQUIRE(target);
  heap_buffer buffer;
  const error fault = write_request(buffer, *target, key, options, with_credentials);
  if (fault == error::none) return std::string(text_of(buffer.view()));
  CHECK(buffer.size() == 0);
  return std::string(name(fault));
}

std::string first_two_lines(std::string_view url) {
  const std::string text = write(url);
  return text.substr(0, text.find("\r\n", text.find("\r\n") + 2));
}

std::string with_fields(std::span<const field> fields) { return write("ws://example.com/", {.fields = fields}); }

std::string with_field(std::string_view name, std::string_view value) {
  const std::array<field, 2> fields{{{"X-First", "1"}, {name, value}}};
  return with_fields(fields);
}

static_assert(is_reserved_request_field("host"));
static_assert(is_reserved_request_field("SEC-WEBSOCKET-anything"));
static_assert(!is_reserved_request_field("Origin"));
static_assert(is_credential_field("authorization"));
static_assert(!is_credential_field("Origin"));

}  // namespace

TEST_CASE("request: writes the upgrade request, field by field", "[request][4.1]") {
  CHECK(write("ws://server.example.com/chat") ==
        "GET /chat HTTP/1.1\r\n"
        "Host: server.example.com\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "\r\n");
}

TEST_CASE("request: writes the subprotocols in one line and the caller's fields behind", "[request][4.1]") {
  constexpr std::array<field, 3> fields{
      {{"Origin", "http://example.com"}, {"Cookie", "a=b; c=d"}, {"X-Word", "gr\xC3\xBC\xC3\x9F"}}};
  CHECK(write("ws://server.example.com/chat", {.subprotocols = chats, .fields = fields}) ==
        "GET /chat HTTP/1.1\r\n"
        "Host: server.example.com\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: chat, superchat\r\n"
        "Origin: http://example.com\r\n"
        "Cookie: a=b; c=d\r\n"
        "X-Word: gr\xC3\xBC\xC3\x9F\r\n"
        "\r\n");
}

TEST_CASE("request: the target is path and query, / for an empty path", "[request][3]") {
  CHECK(first_two_lines("ws://a") == "GET / HTTP/1.1\r\nHost: a");
  CHECK(first_two_lines("ws://a/") == "GET / HTTP/1.1\r\nHost: a");
  CHECK(first_two_lines("ws://a?b=c") == "GET /?b=c HTTP/1.1\r\nHost: a");
  CHECK(first_two_lines("ws://a/b/../c?d=%23/?") == "GET /b/../c?d=%23/? HTTP/1.1\r\nHost: a");
}

TEST_CASE("request: Host has the port unless it is the scheme's default", "[request][4.1]") {
  CHECK(first_two_lines("ws://a:80/") == "GET / HTTP/1.1\r\nHost: a");
  CHECK(first_two_lines("ws://a:443/") == "GET / HTTP/1.1\r\nHost: a:443");
  CHECK(first_two_lines("wss://a:443/") == "GET / HTTP/1.1\r\nHost: a");
  CHECK(first_two_lines("wss://a:80/") == "GET / HTTP/1.1\r\nHost: a:80");
  CHECK(first_two_lines("ws://a:08080/") == "GET / HTTP/1.1\r\nHost: a:8080");
  CHECK(first_two_lines("wss://[2001:db8::1]/") == "GET / HTTP/1.1\r\nHost: [2001:db8::1]");
  CHECK(first_two_lines("wss://[2001:db8::1]:1/") == "GET / HTTP/1.1\r\nHost: [2001:db8::1]:1");
}

TEST_CASE("request: subprotocols that are no distinct tokens are refused", "[request][4.1]") {
  constexpr std::array<std::string_view, 1> empty{""};
  constexpr std::array<std::string_view, 2> splitting{"chat", "a\r\nX: y"};
  constexpr std::array<std::string_view, 2> twice{"chat", "chat"};
  CHECK(write("ws://a/", {.subprotocols = empty}) == "subprotocol_not_token");
  CHECK(write("ws://a/", {.subprotocols = splitting}) == "subprotocol_not_token");
  CHECK(write("ws://a/", {.subprotocols = twice}) == "subprotocol_not_token");
}

TEST_CASE("request: fields that it writes itself are refused", "[request][4.1]") {
  for (const std::string_view name :
       {"Host", "host", "Upgrade", "Connection", "CONTENT-LENGTH", "transfer-encoding", "Sec-WebSocket-Key",
        "sec-websocket-version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-"}) {
    CAPTURE(name);
    CHECK(is_reserved_request_field(name));
    CHECK(with_field(name, "x") == "field_reserved");
  }
  for (const std::string_view name : {"Hos", "Hosts", "Sec-WebSocket", "Sec-Fetch-Mode", "Origin", "Authorization"}) {
    CAPTURE(name);
    CHECK_FALSE(is_reserved_request_field(name));
    CHECK(with_field(name, "x").ends_with(std::string("\r\n").append(name).append(": x\r\n\r\n")));
  }
}

TEST_CASE("request: fields that could split it are refused", "[request][4.1]") {
  for (const std::string_view value :
       {std::string_view("a\r\nX: y"), std::string_view("a\n"), std::string_view("\r"), std::string_view("a\0b", 3),
        std::string_view("\x1B"), std::string_view("\x7F")}) {
    CAPTURE(value);
    CHECK(with_field("Cookie", value) == "field_forbidden");
  }
  for (const std::string_view name : {"", "a b", "a:", "a\r\nb", "a\n", "\xC3\xA4", "a/b"}) {
    CAPTURE(name);
    CHECK(with_field(name, "x") == "field_forbidden");
  }
  CHECK(with_field("X-Tab", "a\tb").ends_with("\r\nX-Tab: a\tb\r\n\r\n"));
  CHECK(with_field("X-Empty", "").ends_with("\r\nX-Empty: \r\n\r\n"));
}

TEST_CASE("request: credentials can be left out", "[request][10.6]") {
  constexpr std::array<field, 5> fields{{{"Authorization", "Basic YTpi"},
                                         {"X-Before", "1"},
                                         {"COOKIE", "a=b"},
                                         {"proxy-authorization", "Basic YTpi"},
                                         {"X-After", "2"}}};
  CHECK(write("ws://a/", {.fields = fields}, true)
            .ends_with("Authorization: Basic YTpi\r\n"
                       "X-Before: 1\r\n"
                       "COOKIE: a=b\r\n"
                       "proxy-authorization: Basic YTpi\r\n"
                       "X-After: 2\r\n"
                       "\r\n"));
  CHECK(write("ws://a/", {.fields = fields}, false)
            .ends_with("Sec-WebSocket-Version: 13\r\n"
                       "X-Before: 1\r\n"
                       "X-After: 2\r\n"
                       "\r\n"));
}

TEST_CASE("request: credential fields are those that RFC 9110 names", "[request]") {
  for (const std::string_view name : {"Authorization", "COOKIE", "Proxy-Authorization"})
    CHECK(is_credential_field(name));
  for (const std::string_view name : {"", "Cookies", "Set-Cookie", "Origin", "Authorization2", "Proxy-Auth"}) {
    CHECK_FALSE(is_credential_field(name));
  }
}

TEST_CASE("request: is appended, and on a fault nothing is", "[request]") {
  heap_buffer buffer;
  REQUIRE(append(buffer, bytes_of("before ")));
  const auto target = parse_uri("ws://a/");
  constexpr std::array<field, 1> evil{{{"X", "\n"}}};
  CHECK(write_request(buffer, *target, key, {.fields = evil}) == error::field_forbidden);
  CHECK(text_of(buffer.view()) == "before ");
  CHECK(write_request(buffer, *target, key, {}) == error::none);
  CHECK(text_of(buffer.view()).starts_with("before GET / HTTP/1.1\r\nHost: a\r\n"));
}

TEST_CASE("request: a fixed buffer that is too small stays as it was", "[request]") {
  const auto target = parse_uri("ws://a/");
  const std::size_t size = write("ws://a/").size();
  CHECK(size == 140);
  inplace_buffer<140> fits;
  CHECK(write_request(fits, *target, key, {}) == error::none);
  CHECK(fits.size() == size);
  inplace_buffer<139> too_small;
  CHECK(write_request(too_small, *target, key, {}) == error::buffer_full);
  CHECK(too_small.size() == 0);
}

TEST_CASE("request: offers no extension unless it is asked to", "[request][deflate]") {
  CHECK_FALSE(client_options{}.deflate);
  CHECK(write("ws://a/").find("Extensions") == std::string::npos);
}

TEST_CASE("request: offers permessage-deflate behind the subprotocols, in one line", "[request][deflate]") {
  constexpr std::array<field, 1> fields{{{"Origin", "http://example.com"}}};
  CHECK(
      write("ws://server.example.com/chat", {.subprotocols = chats, .deflate = deflate_options{}, .fields = fields}) ==
      "GET /chat HTTP/1.1\r\n"
      "Host: server.example.com\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: chat, superchat\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
      "Origin: http://example.com\r\n"
      "\r\n");
  const client_options all{.deflate = deflate_options{8, 9, true, true}};
  for (const bool with_credentials : {true, false}) {
    CHECK(write("ws://a/", all, with_credentials)
              .ends_with("Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                         "client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9\r\n"
                         "\r\n"));
  }
}

TEST_CASE("request: options for compression that no client can keep are refused", "[request][deflate]") {
  for (unsigned bits = 0; bits < 256; ++bits) {
    CAPTURE(bits);
    const auto window = static_cast<std::uint8_t>(bits);
    const bool server =
        write("ws://a/", {.deflate = deflate_options{.server_max_window_bits = window}}) == "deflate_options_invalid";
    const bool client =
        write("ws://a/", {.deflate = deflate_options{.client_max_window_bits = window}}) == "deflate_options_invalid";
    CHECK(server == (bits < 8 || bits > 15));
    CHECK(client == (bits < 9 || bits > 15));
  }
}

TEST_CASE("request: an offer that does not fit leaves a fixed buffer as it was", "[request][deflate]") {
  const auto target = parse_uri("ws://a/");
  const client_options options{.deflate = deflate_options{}};
  // 140 bytes without it, and "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits" and CR LF.
  inplace_buffer<140 + 26 + 42 + 2> fits;
  CHECK(write_request(fits, *target, key, options) == error::none);
  CHECK(fits.size() == 210);
  inplace_buffer<140 + 26 + 42 + 1> too_small;
  CHECK(write_request(too_small, *target, key, options) == error::buffer_full);
  CHECK(too_small.size() == 0);
}
