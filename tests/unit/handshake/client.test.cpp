#include "sansocket/handshake/client.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/core/error_info.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::failing_random;
using sansocket::tests::from_hex;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};
const client_options plain{};

/// Gives the nonce of §1.3's example, whose key and answer are printed there.
struct sample_random {
  bool operator()(bytes out) {
    std::ranges::copy(bytes_of("the sample nonce").first(out.size()), out.begin());
    return true;
  }
};

using sample_client = basic_client_handshake<sample_random, openssl_sha1>;

/// The response of §1.3 without the subprotocol; one field line left out, others put in its place.
std::string response(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const std::string_view line : {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

std::string redirect(std::string_view location, int status = 302) {
  return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + std::string(location) + "\r\n\r\n";
}

/// A handshake with a chunk that lives as long.
struct exchange {
  sample_client client;
  exact_buffer chunk;

  exchange(std::string_view url, std::string_view stream, const client_options& options = plain)
      : client(url, options), chunk(stream) {
    client.receive(chunk.view());
  }
};

error error_after(std::string_view stream, const client_options& options = plain) {
  exchange done("ws://server.example.com/chat", stream, options);
  CHECK((done.client.status() == client_status::failed) == (done.client.error() != error::none));
  CHECK(done.client.agreement().has_value() == (done.client.status() == client_status::accepted));
  return done.client.error();
}

std::string request_text(const auto& client) { return std::string(text_of(client.request())); }

/// What came of a handshake.
struct outcome {
  client_status status = client_status::need_more;
  error reason = error::none;
  int code = 0;
  std::string body;
  std::string behind_head;  // of the agreement, and the chunks that were not asked for any more

  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Gives a handshake the stream in chunks whose sizes `next_size` says.
template <class NextSize>
outcome judge(std::string_view stream, const client_options& options, NextSize next_size) {
  sample_client client("ws://server.example.com/chat", options);
  std::vector<exact_buffer> chunks;
  std::string rest;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, next_size());
    stream.remove_prefix(piece.size());
    if (client.status() == client_status::accepted) {
      rest += piece;
      continue;
    }
    chunks.emplace_back(piece);
    const client_status status = client.receive(chunks.back().view());
    CHECK(status == client.status());
  }
  outcome result{client.status(), client.error(), client.response().status, std::string(text_of(client.body())), ""};
  if (const auto agreement = client.agreement()) {
    result.behind_head.append(text_of(agreement->behind_head())).append(rest);
  }
  return result;
}

struct failing_hash {
  bool operator()(const_bytes, std::span<std::byte, sha1_size>) { return false; }
};

/// A heap that is used up after some bytes.
template <std::size_t Room>
class scarce_buffer : public heap_buffer {
 public:
  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    return size() + count > Room ? bytes() : heap_buffer::extend(count, most);
  }
};

}  // namespace

TEST_CASE("client: makes the RFC's request and accepts the RFC's response", "[client][1.3]") {
  constexpr std::array<field, 1> fields{{{"Origin", "http://example.com"}}};
  const client_options options{.subprotocols = chats, .fields = fields};
  sample_client client("ws://server.example.com/chat", options);
  CHECK(client.status() == client_status::need_more);
  CHECK(request_text(client) ==
        "GET /chat HTTP/1.1\r\n"
        "Host: server.example.com\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: chat, superchat\r\n"
        "Origin: http://example.com\r\n"
        "\r\n");

  exact_buffer chunk(response("", "Sec-WebSocket-Protocol: chat\r\n"));
  CHECK(client.receive(chunk.view()) == client_status::accepted);
  CHECK(client.status() == client_status::accepted);
  CHECK(client.error() == error::none);
  REQUIRE(client.agreement().has_value());
  CHECK(client.agreement()->subprotocol() == "chat");
  CHECK(client.agreement()->behind_head().empty());
  CHECK(client.response().status == 101);
  CHECK(client.response().reason == "Switching Protocols");
  CHECK(client.response().fields.value("upgrade") == "websocket");
}

TEST_CASE("client: says where to connect to", "[client][3]") {
  const sample_client client("WSS://Example.com/a?b", plain);
  CHECK(client.target().secure);
  CHECK(client.target().host == "Example.com");
  CHECK(client.target().port == 443);
  CHECK(client.target().resource == "/a?b");
  CHECK(sample_client("ws://a:81", plain).target().port == 81);
}

TEST_CASE("client: keeps its own copy of the URI", "[client]") {
  auto url = std::make_unique<std::string>("ws://server.example.com:8080/a-path-that-is-long-enough-for-the-heap");
  const sample_client client(*url, plain);
  url.reset();
  CHECK(client.target().host == "server.example.com");
  CHECK(client.target().port == 8080);
}

TEST_CASE("client: says need_more until the head is whole", "[client]") {
  sample_client client("ws://server.example.com/chat", plain);
  const std::string text = response();
  CHECK(client.receive({}) == client_status::need_more);
  for (const char& c : text) {
    CHECK_FALSE(client.agreement().has_value());
    CHECK(client.response().status == 0);
    exact_buffer byte(std::string_view(&c, 1));
    CHECK(client.receive(byte.view()) == (&c == &text.back() ? client_status::accepted : client_status::need_more));
  }
  CHECK(client.agreement().has_value());
}

TEST_CASE("client: the outcome does not depend on how the stream was cut", "[client]") {
  // Invariant: status, error, the response's code, the body kept and the bytes behind the head are the same for every
  // way to cut a stream.
  const std::string frames = from_hex("8105 48656c6c6f 8100 0d0a0d0a");
  const client_options options{.subprotocols = chats, .head = {.bytes = 300, .fields = 8}, .refusal_body = 7};
  const std::vector<std::string> streams{
      response() + frames,
      response("", "Sec-WebSocket-Protocol: superchat\r\n") + response(),
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response() + frames,
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\nno",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n0123456789",
      "HTTP/1.1 401 Unauthorized\r\n\r\n0123456",
      "HTTP/1.1 204 No Content\r\n\r\n",
      redirect("/there") + "body and more",
      response("Upgrade") + frames,
      response("Connection") + frames,
      response("Sec-WebSocket-Accept") + frames,
      response("", "Sec-WebSocket-Protocol: soap\r\n"),
      response("", "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      response("", "X: " + std::string(300, 'x') + "\r\n"),
      response("", "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\n"),
      response("", "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n"),
      response("", "A : b\r\n"),
      "HTTP/1.1 101\r\n\r\n",
      "HTTP/1.1 1010 X\r\n\r\n",
      "\r\n" + response(),
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n",
      from_hex("15 03 01 00 02 02 46"),
      frames,
  };
  std::mt19937 random(1);  // the same cuts in every run
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    const outcome whole = judge(stream, options, [&] { return stream.size(); });
    CHECK(judge(stream, options, [] { return std::size_t{1}; }) == whole);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      std::size_t next = 0;
      CHECK(judge(stream, options, [&] { return std::exchange(next, stream.size()) == 0 ? cut : stream.size(); }) ==
            whole);
    }
    for (int round = 0; round < 20; ++round) {
      CHECK(judge(stream, options, [&] { return 1 + random() % 40; }) == whole);
    }
  }
}

TEST_CASE("client: the bytes behind the head go into the agreement, where they lie", "[client]") {
  const std::string frame = from_hex("8105 48656c6c6f");
  exchange done("ws://server.example.com/chat", response() + frame);
  const auto agreement = done.client.agreement();
  REQUIRE(agreement.has_value());
  CHECK(agreement->behind_head().data() == done.chunk.view().data() + response().size());
  CHECK(text_of(agreement->behind_head()) == frame);

  exact_buffer later("not mine");
  CHECK(done.client.receive(later.view()) == client_status::accepted);
  CHECK(done.client.body().empty());
  CHECK(text_of(done.client.agreement()->behind_head()) == frame);
}

TEST_CASE("client: each way in which a response can be wrong has its own error", "[client][4.1]") {
  const client_options options{.subprotocols = chats};
  CHECK(error_after(response(), options) == error::none);
  const auto reason = [&](std::string_view leave_out, std::string_view more) {
    return name(error_after(response(leave_out, more), options));
  };
  CHECK(reason("Upgrade", "") == "upgrade_not_confirmed");
  CHECK(reason("Upgrade", "Upgrade: h2c\r\n") == "upgrade_not_confirmed");
  CHECK(reason("Connection", "") == "connection_not_confirmed");
  CHECK(reason("Connection", "Connection: close\r\n") == "connection_not_confirmed");
  CHECK(reason("Sec-WebSocket-Accept", "") == "accept_missing");
  CHECK(reason("", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") == "accept_repeated");
  // The answers to no key at all, to the key of another connection, and the key itself.
  CHECK(reason("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: \r\n") == "accept_mismatch");
  CHECK(reason("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n") == "accept_mismatch");
  CHECK(reason("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n") == "accept_mismatch");
  CHECK(reason("", "Sec-WebSocket-Extensions: permessage-deflate\r\n") == "extension_not_offered");
  CHECK(reason("", "Sec-WebSocket-Protocol: soap\r\n") == "subprotocol_not_offered");
  CHECK(reason("", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n") == "subprotocol_repeated");
  CHECK(reason("", "A : b\r\n") == "field_malformed");
  CHECK(error_after("HTTP/1.0" + response().substr(8)) == error::response_version_unsupported);
  CHECK(error_after("HTTP/2.0" + response().substr(8)) == error::response_version_unsupported);
}

TEST_CASE("client: a response that cannot be read fails at the byte that makes it so", "[client][4.1]") {
  for (const std::string_view up_to :
       {"\r", "h", "HTTP/2 ", "HTTP/1.1  ", "HTTP/1.1 0", "HTTP/1.1 6", "HTTP/1.1 1o", "HTTP/1.1 10 ", "HTTP/1.1 1010",
        "HTTP/1.1 101\r", "HTTP/1.1 101 A\n", "HTTP/1.1 101 A\r\r", "HTTP/1.1 101 \x01"}) {
    CAPTURE(up_to);
    sample_client client("ws://a/", plain);
    exact_buffer good(up_to.substr(0, up_to.size() - 1));
    exact_buffer bad(up_to.substr(up_to.size() - 1));
    CHECK(client.receive(good.view()) == client_status::need_more);
    CHECK(client.receive(bad.view()) == client_status::failed);
    CHECK(client.error() == error::status_line_malformed);
  }
  CHECK(error_after("HTTP/1.1 101 A\r\n :") == error::field_malformed);
  CHECK(error_after("HTTP/1.1 101 A\r\nA\n") == error::field_malformed);
}

TEST_CASE("client: a head exactly at the limits passes, one over fails", "[client][10.4]") {
  const std::size_t size = response().size();
  const auto reason = [](head_limits limits) { return error_after(response() + "behind", {.head = limits}); };
  CHECK(reason({.bytes = size}) == error::none);
  CHECK(reason({.bytes = size - 1}) == error::head_too_large);
  CHECK(reason({.fields = 3}) == error::none);
  CHECK(reason({.fields = 2}) == error::too_many_fields);
  CHECK(error_after(response("", "X: " + std::string(9000, 'x') + "\r\n")) == error::head_too_large);
}

TEST_CASE("client: the end of the transport before the head is whole fails", "[client]") {
  const std::string text = response();
  for (std::size_t size = 0; size < text.size(); ++size) {
    exchange done("ws://a/", std::string_view(text).substr(0, size));
    CHECK(done.client.receive_eof() == client_status::failed);
    CHECK(done.client.error() == error::head_cut);
  }
}

TEST_CASE("client: the end of the transport after the verdict changes nothing", "[client]") {
  exchange accepted("ws://a/", response());
  CHECK(accepted.client.receive_eof() == client_status::accepted);
  exchange refused("ws://a/", "HTTP/1.1 403 Forbidden\r\n\r\n");
  CHECK(refused.client.receive_eof() == client_status::refused);
  exchange failed("ws://a/", "x");
  CHECK(failed.client.receive_eof() == client_status::failed);
  CHECK(failed.client.error() == error::status_line_malformed);
}

TEST_CASE("client: a handshake that has failed reads no more", "[client][7.2.1]") {
  exchange done("ws://a/", response("Upgrade"));
  CHECK(done.client.error() == error::upgrade_not_confirmed);
  exact_buffer second(response());
  CHECK(done.client.receive(second.view()) == client_status::failed);
  CHECK(done.client.error() == error::upgrade_not_confirmed);
  CHECK(done.client.body().empty());
}

TEST_CASE("client: interim responses are passed over", "[client]") {
  const std::string interim = "HTTP/1.1 100 Continue\r\nConnection: Upgrade\r\n\r\n";
  CHECK(error_after(interim + response()) == error::none);
  CHECK(error_after(interim + "HTTP/1.1 102 Processing\r\n\r\n" + interim + response()) == error::none);
  CHECK(error_after("HTTP/1.1 199 X\r\n\r\n" + response("Upgrade")) == error::upgrade_not_confirmed);
  CHECK(error_after(interim + "x") == error::status_line_malformed);

  exchange waiting("ws://a/", interim);
  CHECK(waiting.client.status() == client_status::need_more);
  CHECK(waiting.client.response().status == 0);
  CHECK(waiting.client.receive_eof() == client_status::failed);

  // Each head has the limits for itself.
  std::string many;
  for (int i = 0; i < 16; ++i) many += interim;
  CHECK(error_after(many + response(), {.head = {.bytes = response().size(), .fields = 3}}) == error::none);
}

TEST_CASE("client: another status is a refusal with its status, fields and body", "[client][4.1]") {
  exchange done("ws://a/",
                "HTTP/1.1 401 Unauthorized\r\n"
                "WWW-Authenticate: Basic realm=\"chat\"\r\n"
                "Content-Length: 5\r\n"
                "\r\n"
                "sorry");
  CHECK(done.client.status() == client_status::refused);
  CHECK(done.client.error() == error::status_not_101);
  CHECK_FALSE(done.client.agreement().has_value());
  const response_head head = done.client.response();
  CHECK(head.status == 401);
  CHECK(head.reason == "Unauthorized");
  CHECK(head.fields.value("www-authenticate") == "Basic realm=\"chat\"");
  CHECK(text_of(done.client.body()) == "sorry");
}

TEST_CASE("client: every final status but 101 refuses", "[client][4.1]") {
  for (const int status : {200, 204, 299, 300, 304, 305, 306, 309, 400, 404, 426, 500, 503, 599}) {
    CAPTURE(status);
    exchange done("ws://a/", redirect("/elsewhere", status));
    CHECK(done.client.status() == client_status::refused);
    CHECK(done.client.response().status == status);
  }
}

TEST_CASE("client: of a refusal's body so much is kept as the limit says", "[client]") {
  const std::string head = "HTTP/1.1 503 Busy\r\n\r\n";
  const auto body = [&](std::size_t limit, std::initializer_list<std::string_view> pieces) {
    const client_options options{.refusal_body = limit};
    sample_client client("ws://a/", options);
    for (const std::string_view piece : pieces) {
      exact_buffer chunk(piece);
      client.receive(chunk.view());
    }
    CHECK(client.status() == client_status::refused);
    return std::string(text_of(client.body()));
  };
  CHECK(body(5, {head, "1234"}) == "1234");
  CHECK(body(5, {head, "12345"}) == "12345");
  CHECK(body(5, {head, "123456"}) == "12345");
  CHECK(body(5, {head + "123", "45", "67", "89"}) == "12345");
  CHECK(body(5, {head + "1", "", "2345678"}) == "12345");
  CHECK(body(0, {head + "1", "2"}).empty());
  CHECK(body(5, {head}).empty());

  const std::string long_body(5000, 'x');
  exchange done("ws://a/", head + long_body);
  CHECK(done.client.body().size() == 4096);
}

TEST_CASE("client: a redirect keeps its body as a refusal does", "[client]") {
  exchange done("ws://a/", redirect("/b") + "see there");
  CHECK(done.client.status() == client_status::redirected);
  CHECK(text_of(done.client.body()) == "see there");
  exact_buffer more(", please");
  CHECK(done.client.receive(more.view()) == client_status::redirected);
  CHECK(text_of(done.client.body()) == "see there, please");
}

TEST_CASE("client: five statuses with a Location redirect", "[client][4.1]") {
  for (const int status : {301, 302, 303, 307, 308}) {
    CAPTURE(status);
    exchange done("ws://a/", redirect("/b", status));
    CHECK(done.client.status() == client_status::redirected);
    CHECK(done.client.error() == error::status_not_101);
    CHECK(done.client.response().fields.value("Location") == "/b");
    CHECK_FALSE(done.client.agreement().has_value());

    exchange nowhere("ws://a/", "HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n");
    CHECK(nowhere.client.status() == client_status::refused);
    exchange empty("ws://a/", redirect("", status));
    CHECK(empty.client.status() == client_status::refused);
  }
}

TEST_CASE("client: follows a Location that is absolute, without a scheme, or a path", "[client]") {
  struct move {
    std::string_view from;
    std::string_view location;
    std::string_view to;  // as the new request's target and its place
  };
  for (const auto& [from, location, to] : {
           move{"ws://a/x", "ws://b/y", "ws b:80 /y"},
           move{"ws://a/x", "wss://b/y", "wss b:443 /y"},
           move{"ws://a/x", "http://b:8080/y?z", "ws b:8080 /y?z"},
           move{"ws://a/x", "https://b/y", "wss b:443 /y"},
           move{"wss://a/x", "HTTPS://b/y", "wss b:443 /y"},
           move{"ws://a/x", "HtTp://b", "ws b:80 "},
           move{"ws://a/x", "http://b:443/", "ws b:443 /"},
           move{"ws://a:81/x", "//b/y", "ws b:80 /y"},
           move{"wss://a:81/x", "//b:82/y", "wss b:82 /y"},
           move{"ws://a:81/x?y", "/z?w", "ws a:81 /z?w"},
           move{"wss://[::1]:81/x", "/z", "wss [::1]:81 /z"},
           move{"wss://a", "/", "wss a:443 /"},
           move{"ws://a/x", "/y#part", "ws a:80 /y"},
           move{"ws://a/x", "ws://b/y#part", "ws b:80 /y"},
           move{"ws://a/x", "/http://b/", "ws a:80 /http://b/"},
       }) {
    CAPTURE(from, location);
    exchange done(from, redirect(location));
    REQUIRE(done.client.status() == client_status::redirected);
    const auto next = done.client.follow();
    CHECK(next.status() == client_status::need_more);
    CHECK(next.error() == error::none);
    const uri target = next.target();
    CHECK((target.secure ? "wss " : "ws ") + std::string(target.host) + ":" + std::to_string(target.port) + " " +
              std::string(target.resource) ==
          to);
    const std::string line =
        std::string("GET ").append(target.resource.empty() ? "/" : target.resource) + " HTTP/1.1\r\n";
    CHECK(request_text(next).starts_with(line));
    CHECK(request_text(next).find("\r\nHost: " + std::string(target.host)) != std::string::npos);
  }
}

TEST_CASE("client: a Location without a root is relative to the place that it came from", "[client]") {
  struct relative {
    std::string_view url, location, line;
  };
  constexpr std::array cases{
      relative{"ws://a/", "b", "GET /b HTTP/1.1"},
      relative{"ws://a", "b", "GET /b HTTP/1.1"},
      relative{"ws://a/x/y?q", "b?c", "GET /x/b?c HTTP/1.1"},
      relative{"ws://a/x/y?q/r", "b:c", ""},
      relative{"ws://a/x/y?q/r", "b/c:d", "GET /x/b/c:d HTTP/1.1"},
      relative{"ws://a/x/y?q", "?z", "GET /x/y?z HTTP/1.1"},
      relative{"ws://a?q", "?z", "GET /?z HTTP/1.1"},
  };
  for (const relative& each : cases) {
    CAPTURE(each.url, each.location);
    exchange done(each.url, redirect(each.location));
    const auto next = done.client.follow();
    CHECK((next.status() == client_status::failed) == each.line.empty());
    if (!each.line.empty()) CHECK(request_text(next).starts_with(each.line));
  }
}

TEST_CASE("client: a Location that leads nowhere fails the new handshake", "[client]") {
  for (const std::string_view location : {"ftp://b/",
                                          "mailto:x@y",
                                          "javascript:x",
                                          "#part",
                                          "http:",
                                          "http:/b",
                                          "http://",
                                          "ws://",
                                          "//",
                                          "///",
                                          "//user@b/",
                                          "http://user:secret@b/",
                                          "http://b:0/",
                                          "http://b:65536/",
                                          "http://b:x/",
                                          "/\xC3\xA4",
                                          "/a b",
                                          "/%",
                                          "http://a\\b/",
                                          "httpss://b/",
                                          " "}) {
    CAPTURE(location);
    exchange done("ws://a/", redirect(location));
    if (location == " ") {
      CHECK(done.client.status() == client_status::refused);
      continue;
    }
    const auto next = done.client.follow();
    CHECK(next.status() == client_status::failed);
    CHECK(next.error() == error::redirect_malformed);
    CHECK(next.request().empty());
    CHECK_FALSE(next.agreement().has_value());
  }
}

TEST_CASE("client: no redirect leads from wss to ws", "[client][10.6]") {
  for (const std::string_view location : {"ws://a/", "http://a/", "http://a:443/", "HTTP://a/", "ws://b/"}) {
    CAPTURE(location);
    exchange done("wss://a/", redirect(location));
    CHECK(done.client.follow().status() == client_status::failed);
    CHECK(done.client.follow().error() == error::redirect_insecure);
    CHECK(done.client.follow().request().empty());
  }
}

TEST_CASE("client: there is nothing to follow but a redirect", "[client]") {
  CHECK(sample_client("ws://a/", plain).follow().error() == error::handshake_unfinished);
  for (const std::string& stream :
       {response(), std::string("HTTP/1.1 403 No\r\nLocation: /b\r\n\r\n"), std::string("x")}) {
    exchange done("ws://a/", stream);
    CHECK(done.client.follow().status() == client_status::failed);
    CHECK(done.client.follow().error() == error::handshake_unfinished);
    CHECK(done.client.follow().request().empty());
  }
}

TEST_CASE("client: credentials do not follow a redirect to another origin", "[client][10.6]") {
  constexpr std::array<field, 5> fields{{{"Authorization", "Basic YTpi"},
                                         {"cookie", "a=b"},
                                         {"PROXY-AUTHORIZATION", "Basic YTpi"},
                                         {"Origin", "http://example.com"},
                                         {"User-Agent", "x"}}};
  const client_options options{.fields = fields};
  const auto after = [&](std::string_view url, std::string_view location) {
    exchange done(url, redirect(location), options);
    CHECK(request_text(done.client).find("Basic YTpi") != std::string::npos);
    const std::string text = request_text(done.client.follow());
    return text.substr(text.find("13\r\n") + 4);
  };
  const std::string all =
      "Authorization: Basic YTpi\r\ncookie: a=b\r\nPROXY-AUTHORIZATION: Basic YTpi\r\n"
      "Origin: http://example.com\r\nUser-Agent: x\r\n\r\n";
  const std::string stripped = "Origin: http://example.com\r\nUser-Agent: x\r\n\r\n";

  CHECK(after("ws://a.example/x", "/y") == all);
  CHECK(after("ws://a.example/x", "http://A.example:80/y") == all);
  CHECK(after("wss://a.example/x", "//a.example:443/y") == all);

  CHECK(after("ws://a.example/x", "ws://b.example/x") == stripped);
  CHECK(after("ws://a.example/x", "ws://sub.a.example/x") == stripped);
  CHECK(after("ws://a.example/x", "ws://a.example:81/x") == stripped);
  CHECK(after("ws://a.example/x", "wss://a.example/x") == stripped);
  CHECK(after("ws://a.example:443/x", "wss://a.example/x") == stripped);
  CHECK(after("ws://a.example/x", "//b.example/x") == stripped);
}

TEST_CASE("client: credentials do not come back with a second redirect", "[client][10.6]") {
  constexpr std::array<field, 1> fields{{{"Authorization", "Basic YTpi"}}};
  const client_options options{.fields = fields};
  exchange first("ws://a/", redirect("/same"), options);
  auto second = first.client.follow();
  CHECK(request_text(second).find("Authorization") != std::string::npos);

  exact_buffer to_b(redirect("ws://b/"));
  CHECK(second.receive(to_b.view()) == client_status::redirected);
  auto third = second.follow();
  CHECK(request_text(third).find("Authorization") == std::string::npos);

  exact_buffer to_b_again(redirect("/path"));
  CHECK(third.receive(to_b_again.view()) == client_status::redirected);
  auto fourth = third.follow();
  CHECK(request_text(fourth).find("Authorization") == std::string::npos);

  exact_buffer back_to_a(redirect("ws://a/"));
  CHECK(fourth.receive(back_to_a.view()) == client_status::redirected);
  CHECK(request_text(fourth.follow()).find("Authorization") == std::string::npos);
}

TEST_CASE("client: a followed handshake is a new one, with a key of its own", "[client][4.1]") {
  basic_client_handshake<counting_random, openssl_sha1> client("ws://a/", plain);
  exact_buffer chunk(redirect("/b"));
  client.receive(chunk.view());
  auto next = client.follow(counting_random{16});
  CHECK(request_text(client).find("\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n") != std::string::npos);
  CHECK(request_text(next).find("\r\nSec-WebSocket-Key: EBESExQVFhcYGRobHB0eHw==\r\n") != std::string::npos);
  CHECK(next.response().status == 0);
  CHECK(next.body().empty());

  exact_buffer answer(response("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: cW0HMpChSOllUrDZnf5AIF3ENuY=\r\n"));
  CHECK(next.receive(answer.view()) == client_status::accepted);
  CHECK(client.status() == client_status::redirected);
}

TEST_CASE("client: a wrong URI is said at once", "[client][3]") {
  struct wrong {
    std::string_view url;
    error reason;
  };
  for (const auto& [url, reason] : {
           wrong{"", error::uri_malformed},
           wrong{"example.com", error::uri_malformed},
           wrong{"ws:example.com", error::uri_malformed},
           wrong{"ws://", error::uri_malformed},
           wrong{"ws:///chat", error::uri_malformed},
           wrong{"ws://:80/", error::uri_malformed},
           wrong{"ws://a b/", error::uri_malformed},
           wrong{"ws://a/b c", error::uri_malformed},
           wrong{"ws://a/\r\nX:y", error::uri_malformed},
           wrong{"ws://a\r\nX:y/", error::uri_malformed},
           wrong{"ws://a/%g0", error::uri_malformed},
           wrong{"ws://[::1/", error::uri_malformed},
           wrong{"ws://\xC3\xA4.example/", error::uri_malformed},
           wrong{"http://a/", error::uri_scheme_unknown},
           wrong{"wsss://a/", error::uri_scheme_unknown},
           wrong{"://a/", error::uri_scheme_unknown},
           wrong{"ws://a/#b", error::uri_has_fragment},
           wrong{"ws://a#", error::uri_has_fragment},
           wrong{"ws://user@a/", error::uri_has_userinfo},
           wrong{"ws://user:secret@a/", error::uri_has_userinfo},
           wrong{"ws://a:0/", error::uri_port_invalid},
           wrong{"ws://a:65536/", error::uri_port_invalid},
           wrong{"ws://a:-1/", error::uri_port_invalid},
           wrong{"ws://a:8o/", error::uri_port_invalid},
       }) {
    CAPTURE(url);
    exchange done(url, response());
    CHECK(done.client.status() == client_status::failed);
    CHECK(name(done.client.error()) == name(reason));
    CHECK(done.client.request().empty());
    CHECK(done.client.target().host.empty());
    CHECK_FALSE(done.client.agreement().has_value());
    CHECK(done.client.receive_eof() == client_status::failed);
  }
}

TEST_CASE("client: wrong options are said at once", "[client][4.1]") {
  const auto refused = [](const client_options& options) {
    const sample_client client("ws://a/", options);
    CHECK(client.status() == client_status::failed);
    CHECK(client.request().empty());
    return client.error();
  };
  constexpr std::array<field, 1> reserved{{{"HOST", "b"}}};
  constexpr std::array<field, 1> splitting{{{"Cookie", "a\r\nX: y"}}};
  constexpr std::array<std::string_view, 2> twice{"chat", "chat"};
  CHECK(refused({.fields = reserved}) == error::field_reserved);
  CHECK(refused({.fields = splitting}) == error::field_forbidden);
  CHECK(refused({.subprotocols = twice}) == error::subprotocol_not_token);
}

TEST_CASE("client: a random source or a hash that fails is said at once", "[client]") {
  const basic_client_handshake<failing_random, openssl_sha1> no_random("ws://a/", plain);
  CHECK(no_random.status() == client_status::failed);
  CHECK(no_random.error() == error::random_failed);
  CHECK(no_random.request().empty());

  const basic_client_handshake<sample_random, failing_hash> no_hash("ws://a/", plain);
  CHECK(no_hash.status() == client_status::failed);
  CHECK(no_hash.error() == error::hash_failed);
  CHECK(no_hash.request().empty());

  // Also when a redirect is followed.
  bool works = true;
  auto random = [&works](bytes out) { return works && sample_random{}(out); };
  basic_client_handshake<std::reference_wrapper<decltype(random)>, openssl_sha1> client("ws://a/", plain,
                                                                                        std::ref(random));
  exact_buffer chunk(redirect("/b"));
  CHECK(client.receive(chunk.view()) == client_status::redirected);
  works = false;
  CHECK(client.follow(std::ref(random)).error() == error::random_failed);
}

TEST_CASE("client: a handshake can be moved at every stage", "[client]") {
  const client_options options{.subprotocols = chats};
  const std::string text = response("", "Sec-WebSocket-Protocol: chat\r\n") + "behind";
  exact_buffer begin(std::string_view(text).substr(0, 60));
  exact_buffer end(std::string_view(text).substr(60));
  sample_client first("ws://server.example.com/chat", options);
  sample_client second(std::move(first));
  CHECK(request_text(second).starts_with("GET /chat HTTP/1.1\r\n"));
  second.receive(begin.view());
  sample_client third(std::move(second));
  CHECK(third.receive(end.view()) == client_status::accepted);
  const sample_client fourth(std::move(third));
  CHECK(fourth.agreement()->subprotocol() == "chat");
  CHECK(text_of(fourth.agreement()->behind_head()) == "behind");
  CHECK(fourth.response().status == 101);
  CHECK(fourth.target().host == "server.example.com");
}

TEST_CASE("client: works in fixed buffers, and says when they are too small", "[client]") {
  using fixed = basic_client_handshake<sample_random, openssl_sha1, inplace_buffer<160>>;
  fixed client("ws://a/", plain);
  exact_buffer chunk(response());
  CHECK(client.receive(chunk.view()) == client_status::accepted);

  fixed redirected("ws://a/", plain);
  exact_buffer elsewhere(redirect("ws://b/c") + std::string(300, 'x'));
  CHECK(redirected.receive(elsewhere.view()) == client_status::redirected);
  CHECK(redirected.body().size() == 160);
  CHECK(redirected.follow().target().host == "b");

  fixed long_response("ws://a/", plain);
  exact_buffer too_long(response("", "X: " + std::string(100, 'x') + "\r\n"));
  CHECK(long_response.receive(too_long.view()) == client_status::failed);
  CHECK(long_response.error() == error::head_too_large);

  CHECK(fixed("ws://server.example.com/chat/with/a/longer/path", plain).error() == error::buffer_full);
}

TEST_CASE("client: says when there is no memory", "[client]") {
  const basic_client_handshake<sample_random, openssl_sha1, scarce_buffer<5>> no_url("ws://a/", plain);
  CHECK(no_url.status() == client_status::failed);
  CHECK(no_url.error() == error::out_of_memory);
  CHECK(no_url.target().host.empty());

  const basic_client_handshake<sample_random, openssl_sha1, scarce_buffer<100>> no_request("ws://a/", plain);
  CHECK(no_request.error() == error::out_of_memory);

  basic_client_handshake<sample_random, openssl_sha1, scarce_buffer<150>> no_head("ws://a/", plain);
  exact_buffer chunk(response("", "X: " + std::string(100, 'x') + "\r\n"));
  CHECK(no_head.receive(chunk.view()) == client_status::failed);
  CHECK(no_head.error() == error::out_of_memory);

  // The verdict matters more than the body.
  basic_client_handshake<sample_random, openssl_sha1, scarce_buffer<150>> no_body("ws://a/", plain);
  exact_buffer refusal("HTTP/1.1 403 No\r\n\r\n" + std::string(200, 'x'));
  CHECK(no_body.receive(refusal.view()) == client_status::refused);
  CHECK(no_body.body().empty());
}

TEST_CASE("client: agrees with the server, in memory", "[client][4]") {
  constexpr std::array<std::string_view, 2> spoken{"superchat", "chat"};
  constexpr std::array<field, 1> fields{{{"Origin", "https://a.example"}}};
  const client_options asked{.subprotocols = chats, .fields = fields};
  const server_options offered{.subprotocols = spoken};
  client_handshake client("wss://a.example/chat?room=1", asked);
  server_handshake server(offered);

  exact_buffer to_server(client.request());
  CHECK(server.receive(to_server.view()) == handshake_status::done);
  REQUIRE(server.accepted());
  CHECK(server.request().target == "/chat?room=1");
  exact_buffer to_client(std::string(text_of(server.response())) + "behind");
  CHECK(client.receive(to_client.view()) == client_status::accepted);

  CHECK(server.agreement()->subprotocol() == "superchat");
  CHECK(client.agreement()->subprotocol() == "superchat");
  CHECK(text_of(client.agreement()->behind_head()) == "behind");
}

TEST_CASE("client: learns of the server's refusal, in memory", "[client][4]") {
  constexpr std::array<field, 1> fields{{{"Origin", "https://elsewhere.example"}}};
  const client_options asked{.fields = fields};
  const server_options guarded{};
  client_handshake client("wss://a.example/chat", asked);
  server_handshake server(guarded);

  exact_buffer to_server(client.request());
  server.receive(to_server.view());
  exact_buffer to_client(server.response());
  CHECK(client.receive(to_client.view()) == client_status::refused);
  CHECK(client.response().status == 403);
  CHECK(client.response().fields.value("Connection") == "close");
  CHECK(text_of(client.body()) == "this origin is not let in\n");
}

TEST_CASE("client: interim responses come to an end", "[client]") {
  std::string stream;
  for (int i = 0; i < 16; ++i) stream += "HTTP/1.1 100 Continue\r\n\r\n";
  exchange patient("ws://a/", stream);
  CHECK(patient.client.status() == client_status::need_more);
  exchange exhausted("ws://a/", stream + "HTTP/1.1 103 Early Hints\r\n\r\n");
  CHECK(exhausted.client.error() == error::head_too_large);
}

namespace {

const client_options deflating{.deflate = deflate_options{}};

std::string answering(std::string_view extensions) {
  return response("", "Sec-WebSocket-Extensions: " + std::string(extensions) + "\r\n");
}

}  // namespace

TEST_CASE("client: offers no compression unless it is set to", "[client][deflate]") {
  CHECK(request_text(sample_client("ws://a/", plain)).find("Extensions") == std::string::npos);
  CHECK(error_after(answering("permessage-deflate")) == error::extension_not_offered);
  exchange done("ws://a/", response());
  CHECK_FALSE(done.client.agreement()->deflate());
}

TEST_CASE("client: agrees on permessage-deflate, however the response is cut", "[client][deflate]") {
  const client_options options{.deflate = deflate_options{.client_max_window_bits = 12}};
  CHECK(request_text(sample_client("ws://a/", options))
            .ends_with("Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n"
                       "\r\n"));
  const std::string text = answering("permessage-deflate; server_max_window_bits=10; client_no_context_takeover");
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    sample_client client("ws://a/", options);
    std::vector<exact_buffer> chunks;
    for (std::size_t at = 0; at < text.size(); at += size) {
      chunks.emplace_back(std::string_view(text).substr(at, size));
      client.receive(chunks.back().view());
    }
    REQUIRE(client.status() == client_status::accepted);
    CHECK(client.agreement()->deflate() == deflate_agreement{.client_no_context_takeover = true,
                                                             .server_max_window_bits = 10,
                                                             .client_max_window_bits = 12});
  }
}

TEST_CASE("client: goes on without compression if the server does not accept it", "[client][deflate]") {
  exchange done("ws://a/", response(), deflating);
  REQUIRE(done.client.status() == client_status::accepted);
  CHECK_FALSE(done.client.agreement()->deflate());
}

TEST_CASE("client: each way in which an answer about compression can be wrong has its own error", "[client][deflate]") {
  const client_options narrow{.deflate = deflate_options{.server_max_window_bits = 10,
                                                         .client_max_window_bits = 11,
                                                         .server_no_context_takeover = true}};
  struct wrong {
    std::string_view answer;
    error reason;
  };
  for (const auto& [answer, reason] : {
           wrong{"permessage-bzip2", error::extension_not_offered},
           wrong{"permessage-deflate, mux", error::extension_not_offered},
           wrong{"mux, permessage-deflate", error::extension_not_offered},
           wrong{"permessage-deflate\r\nSec-WebSocket-Extensions: mux", error::extension_not_offered},
           wrong{"permessage-deflate, permessage-deflate", error::extension_repeated},
           wrong{"permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate", error::extension_repeated},
           wrong{"permessage-deflate; algorithm=1", error::deflate_parameter_unknown},
           wrong{"permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                 error::deflate_parameter_repeated},
           wrong{"permessage-deflate; server_max_window_bits=16", error::deflate_value_invalid},
           wrong{"permessage-deflate;", error::extensions_malformed},
       }) {
    CAPTURE(answer);
    CHECK(name(error_after(answering(answer), deflating)) == name(reason));
  }
  CHECK(error_after(answering("permessage-deflate; server_no_context_takeover; server_max_window_bits=10"), narrow) ==
        error::none);
  CHECK(error_after(answering("permessage-deflate; server_no_context_takeover"), narrow) ==
        error::deflate_window_refused);
  CHECK(error_after(answering("permessage-deflate; server_no_context_takeover; server_max_window_bits=10; "
                              "client_max_window_bits=12"),
                    narrow) == error::deflate_window_refused);
  CHECK(error_after(answering("permessage-deflate; server_max_window_bits=10"), narrow) ==
        error::deflate_takeover_refused);
}

TEST_CASE("client: options for compression that it cannot keep are said at once", "[client][deflate]") {
  for (const deflate_options& own :
       {deflate_options{.server_max_window_bits = 7}, deflate_options{.server_max_window_bits = 16},
        deflate_options{.client_max_window_bits = 8}, deflate_options{.client_max_window_bits = 16}}) {
    const client_options options{.deflate = own};
    exchange done("ws://a/", answering("permessage-deflate"), options);
    CHECK(done.client.status() == client_status::failed);
    CHECK(done.client.error() == error::deflate_options_invalid);
    CHECK(done.client.request().empty());
    CHECK_FALSE(done.client.agreement());
  }
}

TEST_CASE("client: offers compression again where a redirect leads", "[client][deflate]") {
  const client_options options{.deflate = deflate_options{.server_max_window_bits = 9}};
  exchange first("ws://a/", redirect("ws://b/c"), options);
  REQUIRE(first.client.status() == client_status::redirected);
  auto second = first.client.follow();
  CHECK(request_text(second).find("\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9; "
                                  "client_max_window_bits\r\n") != std::string::npos);
  exact_buffer chunk(answering("permessage-deflate; server_max_window_bits=9"));
  CHECK(second.receive(chunk.view()) == client_status::accepted);
  CHECK(second.agreement()->deflate() == deflate_agreement{.server_max_window_bits = 9});
}

TEST_CASE("client: agrees with the server on compression, in memory", "[client][deflate]") {
  const client_options asked{.subprotocols = chats,
                             .deflate = deflate_options{.server_max_window_bits = 11, .client_max_window_bits = 12}};
  const server_options offered{
      .subprotocols = chats,
      .deflate = deflate_options{
          .server_max_window_bits = 13, .client_max_window_bits = 10, .client_no_context_takeover = true}};
  client_handshake client("ws://a.example/chat", asked);
  server_handshake server(offered);
  exact_buffer to_server(client.request());
  REQUIRE(server.receive(to_server.view()) == handshake_status::done);
  exact_buffer to_client(server.response());
  REQUIRE(client.receive(to_client.view()) == client_status::accepted);
  constexpr deflate_agreement agreed{
      .client_no_context_takeover = true, .server_max_window_bits = 11, .client_max_window_bits = 10};
  CHECK(server.agreement()->deflate() == agreed);
  CHECK(client.agreement()->deflate() == agreed);
  CHECK(client.agreement()->subprotocol() == "chat");
}
