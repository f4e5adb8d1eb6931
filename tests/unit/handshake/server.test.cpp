#include "sansocket/handshake/server.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat.v2", "chat"};
const server_options plain{};

/// The handshake of §1.3 without what is optional; one field line left out, others put in its place.
std::string request(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "GET /chat HTTP/1.1\r\n";
  for (const std::string_view line :
       {"Host: server.example.com\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

constexpr std::string_view accepted_response =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";

/// What came of a handshake.
struct outcome {
  bool done = false;
  error reason = error::none;
  int status = 0;
  std::string response;
  std::string behind_head;  // of the agreement, and the chunks that were not asked for any more

  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Gives a handshake the stream in chunks whose sizes `next_size` says.
template <class NextSize>
outcome serve(std::string_view stream, const server_options& options, NextSize next_size) {
  server_handshake handshake(options);
  std::vector<exact_buffer> chunks;
  std::string rest;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, next_size());
    stream.remove_prefix(piece.size());
    if (handshake.verdict()) {
      rest += piece;
      continue;
    }
    chunks.emplace_back(piece);
    handshake.receive(chunks.back().view());
  }
  if (!handshake.verdict()) return {};
  outcome result{true, handshake.verdict()->reason(), handshake.verdict()->status(),
                 std::string(text_of(handshake.response())), ""};
  if (handshake.accepted()) result.behind_head.append(text_of(handshake.agreement()->behind_head())).append(rest);
  return result;
}

outcome serve(std::string_view stream, const server_options& options = plain) {
  return serve(stream, options, [&] { return stream.size(); });
}

/// A handshake that has read a request.
server_handshake after(std::string_view stream, const server_options& options = plain) {
  server_handshake handshake(options);
  exact_buffer chunk(stream);
  handshake.receive(chunk.view());
  return handshake;
}

std::string response(server_handshake& handshake) { return std::string(text_of(handshake.response())); }

/// A heap that is used up after some bytes.
template <std::size_t Room>
class scarce_buffer : public heap_buffer {
 public:
  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    return size() + count > Room ? bytes() : heap_buffer::extend(count, most);
  }
};

struct failing_hash {
  bool operator()(const_bytes, std::span<std::byte, sha1_size>) { return false; }
};

struct counting_hash {
  int calls = 0;
  openssl_sha1 real;
  bool operator()(const_bytes data, std::span<std::byte, sha1_size> digest) {
    ++calls;
    return real(data, digest);
  }
};

}  // namespace

TEST_CASE("server: answers the RFC's handshake with the RFC's response", "[server][1.3]") {
  const server_options options{.subprotocols = std::span(chats).last(1), .origins = any_origin};
  const auto answer = serve(
      "GET /chat HTTP/1.1\r\n"
      "Host: server.example.com\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Origin: http://example.com\r\n"
      "Sec-WebSocket-Protocol: chat, superchat\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "\r\n",
      options);
  CHECK(answer.status == 101);
  CHECK(answer.response ==
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: chat\r\n"
        "\r\n");
}

TEST_CASE("server: says need_more until the empty line, then done", "[server]") {
  server_handshake handshake(plain);
  const std::string text = request();
  for (const char& c : text) {
    CHECK_FALSE(handshake.verdict());
    CHECK_FALSE(handshake.accepted());
    CHECK_FALSE(handshake.agreement().has_value());
    CHECK(handshake.response().empty());
    CHECK(handshake.request().method.empty());
    exact_buffer byte(std::string_view(&c, 1));
    const auto status = handshake.receive(byte.view());
    CHECK(status == (&c == &text.back() ? handshake_status::done : handshake_status::need_more));
  }
  CHECK(handshake.accepted());
  CHECK(response(handshake) == accepted_response);
}

TEST_CASE("server: an empty chunk changes nothing", "[server]") {
  server_handshake handshake(plain);
  CHECK(handshake.receive({}) == handshake_status::need_more);
  exact_buffer chunk(request());
  CHECK(handshake.receive(chunk.view()) == handshake_status::done);
  CHECK(handshake.receive({}) == handshake_status::done);
  CHECK(handshake.accepted());
}

TEST_CASE("server: the outcome does not depend on how the stream was cut", "[server]") {
  // Invariant: verdict, response and the bytes behind the head are the same for every way to cut a stream.
  const std::string frames = from_hex("8185 37fa213d 7f9f4d51 58 8100 0d0a0d0a");
  const server_options options{.subprotocols = chats, .origins = same_origin, .head = {.bytes = 400, .fields = 10}};
  const std::vector<std::string> streams{
      request() + frames,
      request(),
      "\r\n\r\n" + request("", "Sec-WebSocket-Protocol: chat\r\n") + frames,
      request("Connection", "Connection: keep-alive\r\nConnection: upgrade\r\n") + request(),
      request("", "Origin: http://server.example.com\r\n") + std::string(1000, 'x'),
      request("", "Origin: null\r\n") + frames,
      request("Host") + frames,
      request("Sec-WebSocket-Key", "Sec-WebSocket-Key: x\r\n"),
      request("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n"),
      request("", "Content-Length: 5\r\n") + "hello",
      request("", "X: " + std::string(400, 'x') + "\r\n"),
      request("", "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\n"),
      request("", "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n"),
      request("", "A : b\r\n"),
      request("", " folded\r\n"),
      request("", "A: b\nC: d\r\n"),
      request("", "A: \x01\r\n"),
      request("", "A: b\r\r\n"),
      "GET  / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1 \r\n\r\n",
      "POST / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.1\n\n",
      "GET / HTTP/1.1\r\n",
      "\r\n\r\n",
      "\rGET / HTTP/1.1\r\n\r\n",
      std::string(500, 'G'),
      from_hex("16 03 01 02 00 01 00 01 fc 03 03"),
      from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
  };
  std::mt19937 random(1);  // the same cuts in every run
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    const outcome whole = serve(stream, options);
    CHECK(serve(stream, options, [] { return std::size_t{1}; }) == whole);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      std::size_t next = 0;
      CHECK(serve(stream, options, [&] { return std::exchange(next, stream.size()) == 0 ? cut : stream.size(); }) ==
            whole);
    }
    for (int round = 0; round < 20; ++round) {
      CHECK(serve(stream, options, [&] { return 1 + random() % 40; }) == whole);
    }
  }
}

TEST_CASE("server: the bytes behind the head go into the agreement, where they lie", "[server]") {
  const std::string frames = from_hex("8185 37fa213d 7f9f4d51 58");
  exact_buffer chunk(request() + frames);
  server_handshake handshake(plain);
  handshake.receive(chunk.view());
  const auto agreement = handshake.agreement();
  REQUIRE(agreement.has_value());
  CHECK(agreement->behind_head().data() == chunk.view().data() + request().size());
  CHECK(text_of(agreement->behind_head()) == frames);

  exact_buffer later("not mine");
  CHECK(handshake.receive(later.view()) == handshake_status::done);
  CHECK(text_of(handshake.agreement()->behind_head()) == frames);
}

TEST_CASE("server: shows the request with its target and fields", "[server]") {
  auto handshake = after(request("", "Cookie: a=b\r\nX-Empty:\r\n"));
  const request_head head = handshake.request();
  CHECK(head.method == "GET");
  CHECK(head.target == "/chat");
  CHECK(head.version == http_version("1.1"));
  CHECK(head.fields.value("cookie") == "a=b");
  CHECK(std::ranges::distance(head.fields) == 7);

  // Also where the request is refused, but not where its head is unreadable.
  CHECK(after(request("Host")).request().target == "/chat");
  CHECK(after(request("", "A : b\r\n")).request().target.empty());
}

TEST_CASE("server: writes a refusal with its reason, and that the connection closes", "[server][4.2.2]") {
  CHECK(serve(request("Host")).response ==
        "HTTP/1.1 400 Bad Request\r\n"
        "Connection: close\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 26\r\n"
        "\r\n"
        "the Host field is missing\n");
  CHECK(serve("POST /chat HTTP/1.1\r\n\r\n").response ==
        "HTTP/1.1 405 Method Not Allowed\r\n"
        "Connection: close\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Allow: GET\r\n"
        "Content-Length: 30\r\n"
        "\r\n"
        "the request method is not GET\n");
  CHECK(serve(request("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n")).response ==
        "HTTP/1.1 426 Upgrade Required\r\n"
        "Connection: close, Upgrade\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Upgrade: websocket\r\n"
        "Content-Length: 32\r\n"
        "\r\n"
        "the WebSocket version is not 13\n");
}

TEST_CASE("server: a refusal's status line follows from its reason", "[server]") {
  const auto status_line = [](std::string_view stream, const server_options& options = plain) {
    const std::string text = serve(stream, options).response;
    return text.substr(0, text.find("\r\n"));
  };
  CHECK(status_line(request("", "Origin: null\r\n")) == "HTTP/1.1 403 Forbidden");
  CHECK(status_line("GET / HTTP/1.0\r\n\r\n") == "HTTP/1.1 505 HTTP Version Not Supported");
  CHECK(status_line("GET / HTTP/1.1\n") == "HTTP/1.1 400 Bad Request");
  CHECK(status_line(request(), {.head = {.bytes = 20}}) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("server: a head that cannot be read is refused at the byte that makes it so", "[server][4.2.1]") {
  struct fault {
    std::string up_to;  // the last byte is the wrong one
    error reason;
  };
  const std::string lines = "GET / HTTP/1.1\r\n";
  for (const auto& [up_to, reason] : {
           fault{" ", error::request_line_malformed},
           fault{"\n", error::request_line_malformed},
           fault{"\r\r", error::request_line_malformed},
           fault{"G\r", error::request_line_malformed},
           fault{"GET  ", error::request_line_malformed},
           fault{"GET /\xC3", error::request_line_malformed},
           fault{"GET /\r", error::request_line_malformed},
           fault{"GET / h", error::request_line_malformed},
           fault{"GET / HTTP/1.1\n", error::request_line_malformed},
           fault{"GET / HTTP/1.1 ", error::request_line_malformed},
           fault{"GET / HTTP/1.1\r\r", error::request_line_malformed},
           fault{lines + " ", error::field_malformed},
           fault{lines + "\n", error::field_malformed},
           fault{lines + ":", error::field_malformed},
           fault{lines + "Host ", error::field_malformed},
           fault{lines + "Host\r", error::field_malformed},
           fault{lines + "Host: a\n", error::field_malformed},
           fault{lines + "Host: a\r\r", error::field_malformed},
           fault{lines + std::string("Host: \0", 7), error::field_malformed},
           fault{lines + "\rX", error::field_malformed},
       }) {
    CAPTURE(up_to);
    server_handshake handshake(plain);
    exact_buffer good(std::string_view(up_to).substr(0, up_to.size() - 1));
    exact_buffer bad(std::string_view(up_to).substr(up_to.size() - 1));
    CHECK(handshake.receive(good.view()) == handshake_status::need_more);
    CHECK(handshake.receive(bad.view()) == handshake_status::done);
    CHECK(handshake.verdict()->reason() == reason);
    CHECK(handshake.verdict()->status() == 400);
    CHECK(response(handshake).starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
  }
}

TEST_CASE("server: a TLS ClientHello is refused at its first byte", "[server]") {
  server_handshake handshake(plain);
  exact_buffer first(from_hex("16"));
  CHECK(handshake.receive(first.view()) == handshake_status::done);
  CHECK(handshake.verdict()->reason() == error::request_line_malformed);
  CHECK(handshake.verdict()->status() == 400);
}

TEST_CASE("server: a head exactly at the limits passes, one over is refused with 431", "[server][10.4]") {
  const std::string text = request();
  const std::size_t size = text.size();
  const auto reason = [&](head_limits limits) { return serve(text, {.head = limits}).reason; };
  CHECK(reason({.bytes = size}) == error::none);
  CHECK(reason({.bytes = size - 1}) == error::head_too_large);
  CHECK(reason({.fields = 5}) == error::none);
  CHECK(reason({.fields = 4}) == error::too_many_fields);
  CHECK(reason({.bytes = 0}) == error::head_too_large);
  CHECK(reason({.fields = 0}) == error::too_many_fields);
  CHECK(serve(text, {.head = {.bytes = size - 1}}).status == 431);
  CHECK(serve(text, {.head = {.fields = 4}}).status == 431);
}

TEST_CASE("server: heads are limited unless told otherwise", "[server][10.4]") {
  CHECK(serve(request("", "X: " + std::string(9000, 'x') + "\r\n")).reason == error::head_too_large);
  std::string many;
  for (int i = 0; i < 65; ++i) many += "X:\r\n";
  CHECK(serve(request("", many)).reason == error::too_many_fields);
  std::string empty_lines;
  for (int i = 0; i < 5000; ++i) empty_lines += "\r\n";
  CHECK(serve(empty_lines).reason == error::head_too_large);
}

TEST_CASE("server: the limits count the head alone", "[server]") {
  const std::string behind(10'000, 'x');
  const auto answer = serve(request() + behind, {.head = {.bytes = request().size()}});
  CHECK(answer.reason == error::none);
  CHECK(answer.behind_head == behind);
}

TEST_CASE("server: the end of the transport within the head is refused", "[server]") {
  const std::string text = request();
  for (std::size_t size = 1; size < text.size(); ++size) {
    auto handshake = after(std::string_view(text).substr(0, size));
    CHECK(handshake.receive_eof() == handshake_status::done);
    CHECK(handshake.verdict()->reason() == error::head_cut);
    CHECK(response(handshake).starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
    CHECK_FALSE(handshake.agreement().has_value());
  }
}

TEST_CASE("server: the end of the transport before any byte is not answered", "[server]") {
  server_handshake handshake(plain);
  CHECK(handshake.receive_eof() == handshake_status::done);
  CHECK(handshake.verdict()->reason() == error::head_cut);
  CHECK(handshake.response().empty());
}

TEST_CASE("server: bytes and the end of the transport after the verdict change nothing", "[server]") {
  auto accepted = after(request());
  exact_buffer more("\r\n\r\n");
  CHECK(accepted.receive(more.view()) == handshake_status::done);
  CHECK(accepted.receive_eof() == handshake_status::done);
  CHECK(accepted.accepted());
  CHECK(response(accepted) == accepted_response);

  auto refused = after(request("Host"));
  exact_buffer second(request());
  CHECK(refused.receive(second.view()) == handshake_status::done);
  CHECK(refused.receive_eof() == handshake_status::done);
  CHECK(refused.verdict()->reason() == error::host_missing);

  server_handshake cut(plain);
  cut.receive_eof();
  CHECK(cut.receive(second.view()) == handshake_status::done);
  CHECK(cut.verdict()->reason() == error::head_cut);
}

TEST_CASE("server: the response stays the same however often it is asked for", "[server]") {
  auto handshake = after(request());
  CHECK(response(handshake) == accepted_response);
  CHECK(response(handshake) == accepted_response);
}

TEST_CASE("server: refuse writes the application's own answer", "[server][4.2.2]") {
  auto handshake = after(request());
  constexpr std::array<field, 2> fields{
      {{"WWW-Authenticate", "Basic realm=\"chat\""}, {"Content-Type", "application/json"}}};
  CHECK(handshake.refuse({.status = 401, .fields = fields, .body = "{}"}) == error::none);
  CHECK_FALSE(handshake.accepted());
  CHECK_FALSE(handshake.agreement().has_value());
  CHECK(handshake.verdict()->reason() == error::refused_by_application);
  CHECK(handshake.verdict()->status() == 401);
  CHECK(response(handshake) ==
        "HTTP/1.1 401 Unauthorized\r\n"
        "WWW-Authenticate: Basic realm=\"chat\"\r\n"
        "Content-Type: application/json\r\n"
        "Connection: close\r\n"
        "Content-Length: 2\r\n"
        "\r\n"
        "{}");
}

TEST_CASE("server: refuse answers 403 without a body unless told otherwise", "[server]") {
  auto handshake = after(request());
  CHECK(handshake.refuse({}) == error::none);
  CHECK(response(handshake) == "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("server: refuse takes the statuses from 300 to 599", "[server]") {
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{0, 100, 101, 200, 299, 600, 999, 65'535}) {
    CAPTURE(status);
    auto handshake = after(request());
    CHECK(handshake.refuse({.status = status}) == error::status_not_refusal);
    CHECK(handshake.accepted());
    CHECK(response(handshake) == accepted_response);
  }
  constexpr std::array<field, 1> location{{{"Location", "/v2"}}};
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{300, 307, 404, 503, 599}) {
    CAPTURE(status);
    auto handshake = after(request());
    CHECK(handshake.refuse({.status = status, .fields = location}) == error::none);
    CHECK(response(handshake).starts_with("HTTP/1.1 " + std::to_string(status) + " "));
    CHECK(response(handshake).find("\r\nLocation: /v2\r\n") != std::string::npos);
  }
}

TEST_CASE("server: refuse can replace a refusal of the library's own", "[server]") {
  auto handshake = after(request("", "Origin: null\r\n"));
  CHECK(handshake.refuse({.status = 404}) == error::none);
  CHECK(handshake.verdict()->status() == 404);
  CHECK(response(handshake).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("server: refuse and accept want a verdict that is not answered yet", "[server]") {
  server_handshake young(plain);
  CHECK(young.refuse({}) == error::handshake_unfinished);
  CHECK(young.accept({}) == error::handshake_unfinished);
  CHECK_FALSE(young.verdict());

  auto answered = after(request());
  CHECK(response(answered) == accepted_response);
  CHECK(answered.refuse({}) == error::response_written);
  CHECK(answered.accept({}) == error::response_written);
  CHECK(answered.accepted());
  CHECK(response(answered) == accepted_response);

  auto refused = after(request("Host"));
  CHECK(refused.accept({}) == error::handshake_unfinished);
  CHECK(refused.verdict()->reason() == error::host_missing);
  CHECK(refused.refuse({}) == error::none);
  CHECK(refused.refuse({}) == error::response_written);
}

TEST_CASE("server: accept adds the application's fields", "[server]") {
  auto handshake = after(request());
  constexpr std::array<field, 3> fields{{{"Set-Cookie", "a=b"}, {"Set-Cookie", "c=d"}, {"Server", "\xC3\xA4"}}};
  CHECK(handshake.accept(fields) == error::none);
  CHECK(handshake.accepted());
  CHECK(handshake.agreement().has_value());
  CHECK(response(handshake) ==
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Set-Cookie: a=b\r\n"
        "Set-Cookie: c=d\r\n"
        "Server: \xC3\xA4\r\n"
        "\r\n");
}

TEST_CASE("server: fields that could split the response are refused and nothing changes", "[server]") {
  const std::string_view nul("a\0b", 3);
  for (const field& evil :
       {field{"Set-Cookie", "a\r\nX: y"}, field{"Set-Cookie", "a\n"}, field{"Set-Cookie", "a\r"},
        field{"Set-Cookie", nul}, field{"Set-Cookie", "\x7F"}, field{"Set-Cookie\r\nX", "a"}, field{"Set Cookie", "a"},
        field{"Set-Cookie:", "a"}, field{"", "a"}, field{"S\xC3\xA4", "a"}}) {
    CAPTURE(evil.name, evil.value);
    const std::array<field, 2> fields{field{"Good", "one"}, evil};
    auto handshake = after(request());
    CHECK(handshake.accept(fields) == error::field_forbidden);
    CHECK(handshake.refuse({.fields = fields}) == error::field_forbidden);
    CHECK(handshake.accepted());
    CHECK(handshake.verdict()->status() == 101);
    CHECK(response(handshake) == accepted_response);
  }
}

TEST_CASE("server: fields that the handshake writes itself are refused and nothing changes", "[server]") {
  const auto tried = [](std::string_view name, bool refuse) {
    const std::array<field, 1> fields{{{name, "x"}}};
    auto handshake = after(request());
    const error fault = refuse ? handshake.refuse({.fields = fields}) : handshake.accept(fields);
    if (fault != error::none) {
      CHECK(handshake.accepted());
      CHECK(response(handshake) == accepted_response);
    }
    return fault;
  };
  for (const std::string_view name : {"Connection", "CONTENT-LENGTH", "transfer-encoding", "Upgrade"}) {
    CAPTURE(name);
    // A refusal may say what to upgrade to (RFC 9110 §15.5.22).
    CHECK((tried(name, true) == error::field_reserved) == (name != "Upgrade"));
    CHECK(tried(name, false) == error::field_reserved);
  }
  for (const std::string_view name : {"Sec-WebSocket-Accept", "sec-websocket-protocol", "Sec-WebSocket-Extensions",
                                      "SEC-WEBSOCKET-", "Sec-WebSocket-Version"}) {
    CAPTURE(name);
    CHECK(tried(name, false) == error::field_reserved);
  }
  CHECK(tried("Sec-WebSocke", false) == error::none);
  CHECK(tried("Location", true) == error::none);
}

TEST_CASE("server: after a mistake the caller can try again", "[server]") {
  constexpr std::array<field, 1> evil{{{"X", "\n"}}};
  constexpr std::array<field, 1> good{{{"X", "y"}}};
  auto handshake = after(request());
  CHECK(handshake.accept(evil) == error::field_forbidden);
  CHECK(handshake.accept(good) == error::none);
  CHECK(response(handshake).ends_with("\r\nX: y\r\n\r\n"));

  auto other = after(request());
  CHECK(other.refuse({.status = 200}) == error::status_not_refusal);
  CHECK(other.refuse({.status = 404}) == error::none);
  CHECK(response(other).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("server: a handshake can be moved at every stage", "[server]") {
  const std::string text = request("", "Sec-WebSocket-Protocol: chat\r\n");
  const server_options options{.subprotocols = chats};
  exact_buffer begin(std::string_view(text).substr(0, 50));
  exact_buffer end(std::string_view(text).substr(50));
  server_handshake first(options);
  first.receive(begin.view());
  server_handshake second(std::move(first));
  CHECK(second.receive(end.view()) == handshake_status::done);
  server_handshake third(std::move(second));
  CHECK(response(third).find("\r\nSec-WebSocket-Protocol: chat\r\n") != std::string::npos);
  const server_handshake fourth(std::move(third));
  CHECK(fourth.request().target == "/chat");
  CHECK(fourth.agreement()->subprotocol() == "chat");
}

TEST_CASE("server: uses the hash that it is given", "[server]") {
  exact_buffer chunk(request());
  basic_server_handshake<failing_hash> broken(plain);
  CHECK(broken.receive(chunk.view()) == handshake_status::done);
  CHECK(broken.verdict()->reason() == error::hash_failed);
  CHECK(text_of(broken.response()).starts_with("HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"));

  counting_hash shared;
  for (int i = 1; i <= 2; ++i) {
    basic_server_handshake<std::reference_wrapper<counting_hash>> handshake(plain, std::ref(shared));
    handshake.receive(chunk.view());
    CHECK(text_of(handshake.response()) == accepted_response);
    CHECK(shared.calls == i);
  }
}

TEST_CASE("server: works in fixed buffers, and says when they are too small", "[server]") {
  exact_buffer chunk(request());
  basic_server_handshake<openssl_sha1, inplace_buffer<256>> fits(plain);
  fits.receive(chunk.view());
  CHECK(text_of(fits.response()) == accepted_response);

  basic_server_handshake<openssl_sha1, inplace_buffer<150>> head_too_large(plain);
  CHECK(head_too_large.receive(chunk.view()) == handshake_status::done);
  CHECK(head_too_large.verdict()->reason() == error::head_too_large);
  CHECK(head_too_large.verdict()->status() == 431);

  basic_server_handshake<openssl_sha1, inplace_buffer<256>> answer_too_large(plain);
  answer_too_large.receive(chunk.view());
  const std::string body(300, 'x');
  CHECK(answer_too_large.refuse({.body = body}) == error::buffer_full);
  CHECK(answer_too_large.accepted());
  CHECK(text_of(answer_too_large.response()) == accepted_response);
}

TEST_CASE("server: says when there is no memory for the head or the answer", "[server]") {
  exact_buffer chunk(request());
  basic_server_handshake<openssl_sha1, scarce_buffer<20>> no_head(plain);
  CHECK(no_head.receive(chunk.view()) == handshake_status::done);
  CHECK(no_head.verdict()->reason() == error::out_of_memory);
  CHECK(no_head.verdict()->status() == 503);
  CHECK(no_head.response().empty());

  basic_server_handshake<openssl_sha1, scarce_buffer<200>> no_answer(plain);
  no_answer.receive(chunk.view());
  const std::string body(300, 'x');
  CHECK(no_answer.refuse({.body = body}) == error::out_of_memory);
  CHECK(no_answer.accepted());
  CHECK(text_of(no_answer.response()) == accepted_response);
}

TEST_CASE("server: a HEAD is refused without a body", "[server]") {
  const std::string text = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
  auto handshake = after(text);
  CHECK(handshake.verdict()->status() == 405);
  CHECK(response(handshake).ends_with("\r\n\r\n"));
}

TEST_CASE("server: agrees on permessage-deflate if it is set to, however the request is cut", "[server][deflate]") {
  const server_options options{.deflate = deflate_options{.server_no_context_takeover = true}};
  const std::string text = request("",
                                   "Sec-WebSocket-Extensions: foo, permessage-deflate; server_max_window_bits=8\r\n"
                                   "sec-websocket-extensions: permessage-deflate; client_max_window_bits=10\r\n");
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    server_handshake handshake(options);
    std::vector<exact_buffer> chunks;
    for (std::size_t at = 0; at < text.size(); at += size) {
      chunks.emplace_back(std::string_view(text).substr(at, size));
      CHECK_FALSE(handshake.agreement());
      handshake.receive(chunks.back().view());
    }
    CHECK(response(handshake) ==
          "HTTP/1.1 101 Switching Protocols\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
          "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=10\r\n"
          "\r\n");
    REQUIRE(handshake.agreement());
    CHECK(handshake.agreement()->deflate() ==
          deflate_agreement{.server_no_context_takeover = true, .client_max_window_bits = 10});
  }
}

TEST_CASE("server: agrees on no compression unless it is set to and asked for it", "[server][deflate]") {
  const server_options options{.deflate = deflate_options{}};
  const std::string offer = request("", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  const std::string unknown = request("", "Sec-WebSocket-Extensions: permessage-deflate; foo\r\n");
  for (const auto& [text, set] : {std::pair{offer, &plain}, {request(), &options}, {unknown, &options}}) {
    auto handshake = after(text, *set);
    CHECK(response(handshake) == accepted_response);
    REQUIRE(handshake.agreement());
    CHECK_FALSE(handshake.agreement()->deflate());
  }
}

TEST_CASE("server: writes the agreed extension beside the application's own fields", "[server][deflate]") {
  const server_options options{.subprotocols = chats, .deflate = deflate_options{}};
  auto handshake = after(request("",
                                 "Sec-WebSocket-Protocol: chat\r\n"
                                 "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
                         options);
  constexpr std::array<field, 1> cookie{{{"Set-Cookie", "a=b"}}};
  REQUIRE(handshake.accept(cookie) == error::none);
  CHECK(
      response(handshake).ends_with("Sec-WebSocket-Protocol: chat\r\n"
                                    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                    "Set-Cookie: a=b\r\n"
                                    "\r\n"));
  constexpr std::array<field, 1> smuggled{{{"Sec-WebSocket-Extensions", "permessage-deflate"}}};
  CHECK(after(request(), options).accept(smuggled) == error::field_reserved);
}

TEST_CASE("server: a refusal by the application agrees on nothing", "[server][deflate]") {
  const server_options options{.deflate = deflate_options{}};
  auto handshake = after(request("", "Sec-WebSocket-Extensions: permessage-deflate\r\n"), options);
  REQUIRE(handshake.verdict()->deflate());
  REQUIRE(handshake.refuse({.status = 503}) == error::none);
  CHECK_FALSE(handshake.agreement());
  CHECK_FALSE(handshake.verdict()->deflate());
  CHECK(response(handshake).find("Extensions") == std::string::npos);
}

TEST_CASE("server: malformed extensions are answered with 400, set to compress or not", "[server][deflate]") {
  for (const server_options& options : {server_options{}, server_options{.deflate = deflate_options{}}}) {
    for (const std::string value : {"", "permessage-deflate;", "permessage-deflate; a=", "permessage-deflate,;"}) {
      const auto answer = serve(request("", "Sec-WebSocket-Extensions: " + value + "\r\n"), options);
      CHECK(answer.status == 400);
      CHECK(answer.reason == error::extensions_malformed);
      CHECK(answer.response.starts_with("HTTP/1.1 400 Bad Request\r\n"));
      CHECK(answer.response.find("permessage") == std::string::npos);
    }
  }
}

TEST_CASE("server: with options for compression that it cannot keep it accepts no offer", "[server][deflate]") {
  for (const deflate_options& own :
       {deflate_options{.server_max_window_bits = 8}, deflate_options{.client_max_window_bits = 16}}) {
    const server_options options{.deflate = own};
    auto handshake =
        after(request("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"), options);
    CHECK(response(handshake) == accepted_response);
    CHECK_FALSE(handshake.agreement()->deflate());
  }
}
