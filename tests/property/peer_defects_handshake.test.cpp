// Defects that other implementations of the opening handshake have, and that this one must not have.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/connection/connection.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

using counting_client = basic_client_handshake<counting_random, openssl_sha1>;

std::string request(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "GET /chat HTTP/1.1\r\n";
  for (const std::string_view line :
       {"Host: example.com\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

/// The answer to the first key of counting_random.
std::string response(std::string_view leave_out = {}, std::string_view more = {}) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const std::string_view line : {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                      "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\r\n"}) {
    if (leave_out.empty() || !line.starts_with(leave_out)) text += line;
  }
  return text.append(more).append("\r\n");
}

int status_of(std::string_view stream, const server_options& options = {}) {
  server_handshake server(options);
  exact_buffer chunk(stream);
  server.receive(chunk.view());
  return server.verdict() ? server.verdict()->status() : 0;
}

/// Counts what a handshake does with the bytes that it keeps: each one that is looked at again, and
/// each one that is moved because the buffer grows.
class watched_buffer : public heap_buffer {
 public:
  static inline std::size_t work = 0;

  bytes view() noexcept { return counted(heap_buffer::view()); }
  const_bytes view() const noexcept { return counted(heap_buffer::view()); }
  bytes extend(std::size_t count, std::size_t most = max_size()) noexcept {
    const std::size_t before = capacity();
    const std::size_t held = size();
    const bytes room = heap_buffer::extend(count, most);
    work += room.size() + (capacity() == before ? 0 : held);
    return room;
  }

 private:
  template <class View>
  static View counted(View view) noexcept {
    work += view.size();
    return view;
  }
};

std::string many_fields(std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += "X-Field-" + std::to_string(i) + ": value\r\n";
  return lines;
}

/// The work for a head that comes byte by byte.
template <class Handshake>
std::size_t work_for(Handshake handshake, std::string_view head) {
  watched_buffer::work = 0;
  for (const char& c : head) {
    exact_buffer byte(std::string_view(&c, 1));
    handshake.receive(byte.view());
  }
  CHECK(handshake.agreement().has_value());
  return watched_buffer::work;
}

/// The Sec-WebSocket-Extensions of a server's answer to an offer; empty if there is none or the status is not 101.
std::string extensions_answered(const std::string& offer) {
  const server_options options{.deflate = deflate_options{}};
  server_handshake server(options);
  exact_buffer chunk(request("", "Sec-WebSocket-Extensions: " + offer + "\r\n"));
  server.receive(chunk.view());
  const std::string answer(text_of(server.response()));
  const std::string_view name = "Sec-WebSocket-Extensions: ";
  const std::size_t at = answer.find(name);
  CHECK(answer.starts_with("HTTP/1.1 101 ") == server.accepted());
  CHECK((server.accepted() && server.agreement()->deflate().has_value()) == (at != std::string::npos));
  return at == std::string::npos ? "" : answer.substr(at + name.size(), answer.find("\r\n", at) - at - name.size());
}

/// What a client that offered permessage-deflate says to an answer.
error client_error(const std::string& answer) {
  const client_options options{.deflate = deflate_options{}};
  counting_client client("ws://example.com/chat", options);
  exact_buffer chunk(response("", "Sec-WebSocket-Extensions: " + answer + "\r\n"));
  const client_status status = client.receive(chunk.view());
  CHECK(status == (client.error() == error::none ? client_status::accepted : client_status::failed));
  return client.error();
}

/// All texts that could end a line or a head early, or that are no token.
const std::vector<std::string> splitting{
    "a\r\nX: y", "a\nX: y", "a\r", "\na", "a\r\n\r\nGET / HTTP/1.1\r\n\r\n", std::string("a\0b", 3),
    "\x7F",      "a\x1B[0m"};

}  // namespace

TEST_CASE("D7: Connection may come on several lines, in any order and case", "[D7]") {
  std::array<std::string_view, 3> values{"keep-alive", "UPGRADE", "x, y"};
  std::ranges::sort(values);
  do {
    std::string lines;
    for (const std::string_view value : values) lines.append("Connection: ").append(value).append("\r\n");
    CAPTURE(lines);
    CHECK(status_of(request("Connection", lines)) == 101);

    const client_options options{};
    counting_client client("ws://example.com/chat", options);
    exact_buffer chunk(response("Connection", lines));
    CHECK(client.receive(chunk.view()) == client_status::accepted);
  } while (std::ranges::next_permutation(values).found);
  CHECK(status_of(request("Connection", "Connection: keep-alive\r\nConnection: close\r\n")) == 400);
  CHECK(status_of(request("Upgrade", "Upgrade: h2c\r\nUpgrade: websocket\r\n")) == 101);
}

TEST_CASE("D7: a key that is empty, a letter or repeated is refused", "[D7]") {
  CHECK(status_of(request("Sec-WebSocket-Key")) == 400);
  for (const std::string value : {"", " ", "x", "==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE="}) {
    CAPTURE(value);
    CHECK(status_of(request("Sec-WebSocket-Key", "Sec-WebSocket-Key: " + value + "\r\n")) == 400);
  }
  for (const std::string second : {"dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", ""}) {
    CAPTURE(second);
    CHECK(status_of(request("", "Sec-WebSocket-Key: " + second + "\r\n")) == 400);
  }
}

TEST_CASE("D7: an offer of server_max_window_bits=8 is declined, not answered with 9", "[D7]") {
  CHECK(extensions_answered("permessage-deflate; server_max_window_bits=8").empty());
  CHECK(extensions_answered("permessage-deflate; client_max_window_bits; server_max_window_bits=8").empty());
  CHECK(extensions_answered("permessage-deflate; server_max_window_bits=8, permessage-deflate") ==
        "permessage-deflate");
  for (int bits = 9; bits <= 15; ++bits) {
    const std::string offer = "permessage-deflate; server_max_window_bits=" + std::to_string(bits);
    CHECK(extensions_answered(offer) == offer);
  }
  // A client that asked for 8 believes no server that answers 9, or nothing.
  const client_options options{.deflate = deflate_options{.server_max_window_bits = 8}};
  for (const std::string_view answer : {"permessage-deflate; server_max_window_bits=9", "permessage-deflate"}) {
    counting_client client("ws://example.com/chat", options);
    exact_buffer chunk(response("", "Sec-WebSocket-Extensions: " + std::string(answer) + "\r\n"));
    CHECK(client.receive(chunk.view()) == client_status::failed);
    CHECK(client.error() == error::deflate_window_refused);
  }
}

TEST_CASE("D9: a client believes no server that does not answer its key", "[D9]") {
  const auto says = [](std::string_view stream) {
    const client_options options{};
    counting_client client("ws://example.com/chat", options);
    exact_buffer chunk(stream);
    client.receive(chunk.view());
    CHECK(client.agreement().has_value() == (client.error() == error::none));
    return client.error();
  };
  const std::string accept = "Sec-WebSocket-Accept: ";
  CHECK(says(response()) == error::none);
  CHECK(says(response("Sec-WebSocket-Accept")) == error::accept_missing);
  CHECK(says(response("Sec-WebSocket-Accept", accept + "\r\n")) == error::accept_mismatch);
  CHECK(says(response("Sec-WebSocket-Accept", accept + "*\r\n")) == error::accept_mismatch);
  // The RFC's own example, as a server has it that always answers the same; the key itself; two answers.
  CHECK(says(response("Sec-WebSocket-Accept", accept + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) == error::accept_mismatch);
  CHECK(says(response("Sec-WebSocket-Accept", accept + "AAECAwQFBgcICQoLDA0ODw==\r\n")) == error::accept_mismatch);
  CHECK(says(response("", accept + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) == error::accept_repeated);
}

TEST_CASE("D15: the work for a head that comes byte by byte grows no faster than the head", "[D15]") {
  // Invariant: looking at kept bytes again and moving them costs less than five times the head's size.
  const head_limits wide{.bytes = 1024 * 1024, .fields = 100'000};
  const server_options options{.head = wide};
  const client_options asked{.head = wide};
  using watched_server = basic_server_handshake<openssl_sha1, watched_buffer>;
  using watched_client = basic_client_handshake<counting_random, openssl_sha1, watched_buffer>;
  for (const std::size_t fields : {std::size_t{0}, std::size_t{100}, std::size_t{3000}}) {
    CAPTURE(fields);
    const std::string head = request("", many_fields(fields));
    CHECK(work_for(watched_server(options), head) < 5 * head.size());
    const std::string answer = response("", many_fields(fields));
    CHECK(work_for(watched_client("ws://example.com/chat", asked), answer) < 5 * answer.size());
  }
}

TEST_CASE("D15: many fields and long lines end in a verdict, not in a crash", "[D15]") {
  const std::string many = many_fields(20'000);
  const std::string long_line = "X: " + std::string(500'000, ',') + "\r\n";
  const std::string long_list = "Connection: " + std::string(500'000, ',') + "\r\n";
  CHECK(status_of(request("", many)) == 431);
  CHECK(status_of(request("", long_line)) == 431);
  CHECK(status_of(std::string(500'000, 'G')) == 431);

  const server_options wide{.head = {.bytes = 1024 * 1024, .fields = 100'000}};
  CHECK(status_of(request("", many), wide) == 101);
  CHECK(status_of(request("", long_line), wide) == 101);
  CHECK(status_of(request("", long_list), wide) == 101);
}

TEST_CASE("D16: frames that come with the head are the connection's first bytes, in both roles", "[D16]") {
  // Invariant: wherever the stream is cut, the connection hears "Hello" (§5.7).
  const auto hears_hello = [](auto connection, std::vector<exact_buffer>& later) {
    std::string heard;
    for (event next = connection.poll(); next; next = connection.poll()) heard += next.text();
    for (exact_buffer& chunk : later) {
      CHECK(connection.receive(chunk.view()) == error::none);
      for (event next = connection.poll(); next; next = connection.poll()) heard += next.text();
    }
    return heard == "Hello";
  };
  const server_options options{};
  const client_options asked{};
  const std::string to_server = request() + from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
  const std::string to_client = response() + from_hex("81 05 48 65 6c 6c 6f");
  for (std::size_t size = 1; size <= std::max(to_server.size(), to_client.size()); ++size) {
    CAPTURE(size);
    const auto cut = [&](std::string_view stream) {
      std::vector<exact_buffer> chunks;
      for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) {
        chunks.emplace_back(stream.substr(0, size));
      }
      return chunks;
    };
    std::vector<exact_buffer> chunks = cut(to_server);
    server_handshake server(options);
    std::size_t used = 0;
    while (server.receive(chunks[used++].view()) == handshake_status::need_more) {
    }
    REQUIRE(server.agreement().has_value());
    std::vector<exact_buffer> later(std::move_iterator(chunks.begin() + static_cast<std::ptrdiff_t>(used)),
                                    std::move_iterator(chunks.end()));
    CHECK(hears_hello(server_connection(*server.agreement()), later));

    chunks = cut(to_client);
    counting_client client("ws://example.com/chat", asked);
    used = 0;
    while (client.receive(chunks[used++].view()) == client_status::need_more) {
    }
    REQUIRE(client.agreement().has_value());
    later = std::vector<exact_buffer>(std::move_iterator(chunks.begin() + static_cast<std::ptrdiff_t>(used)),
                                      std::move_iterator(chunks.end()));
    CHECK(hears_hello(client_connection(*client.agreement()), later));
  }
}

TEST_CASE("D18: nothing that the caller of a client gives can split the request", "[D18]") {
  for (const std::string& text : splitting) {
    CAPTURE(text);
    const std::array<field, 2> value{field{"X-Good", "1"}, field{"Cookie", text}};
    const std::array<field, 1> field_name{field{text, "1"}};
    const std::array<std::string_view, 2> subprotocols{"chat", text};
    const client_options bad_value{.fields = value};
    const client_options bad_name{.fields = field_name};
    const client_options bad_subprotocol{.subprotocols = subprotocols};
    const client_options plain{};
    CHECK(client_handshake("ws://example.com/", bad_value).error() == error::field_forbidden);
    CHECK(client_handshake("ws://example.com/", bad_name).error() == error::field_forbidden);
    CHECK(client_handshake("ws://example.com/", bad_subprotocol).error() == error::subprotocol_not_token);
    CHECK(client_handshake("ws://example.com/", bad_value).request().empty());
    CHECK(client_handshake("ws://example.com/", bad_name).request().empty());
    CHECK(client_handshake("ws://example.com/", bad_subprotocol).request().empty());
    CHECK(client_handshake("ws://example.com/" + text, plain).request().empty());
    CHECK(client_handshake("ws://" + text + "/", plain).request().empty());
  }
}

TEST_CASE("D18: nothing that a server's application or its client gives can split the response", "[D18]") {
  const std::string untouched =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
      "\r\n";
  for (const std::string& text : splitting) {
    CAPTURE(text);
    const std::array<field, 2> value{field{"X-Good", "1"}, field{"Set-Cookie", text}};
    const std::array<field, 1> field_name{field{text, "1"}};
    const server_options options{};
    server_handshake server(options);
    exact_buffer chunk(request());
    server.receive(chunk.view());
    CHECK(server.accept(value) == error::field_forbidden);
    CHECK(server.accept(field_name) == error::field_forbidden);
    CHECK(server.refuse({.status = 401, .fields = value}) == error::field_forbidden);
    CHECK(server.refuse({.status = 401, .fields = field_name}) == error::field_forbidden);
    CHECK(server.accepted());
    CHECK(text_of(server.response()) == untouched);

    // Not even where a lenient HTTP server lets the text through and the application speaks it.
    const std::array<std::string_view, 1> spoken{text};
    const server_options careless{.subprotocols = spoken};
    const std::vector<std::pair<std::string_view, std::string_view>> headers{
        {"Host", "example.com"},         {"Upgrade", "websocket"},
        {"Connection", "Upgrade"},       {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
        {"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Protocol", text}};
    CHECK(check_upgrade("GET", 11, "/", headers, careless).reason() == error::subprotocols_malformed);
  }
}

TEST_CASE("D19: an origin is let in by scheme, host and port, not by how it ends or begins", "[D19]") {
  constexpr std::array<std::string_view, 1> pages{"https://example.com"};
  const server_options listed{.origins = std::span<const std::string_view>(pages)};
  const server_options same{};
  const auto status = [](std::string_view value, const server_options& options) {
    return status_of(request("", "Origin: " + std::string(value) + "\r\n"), options);
  };
  CHECK(status("https://example.com", listed) == 101);
  CHECK(status("https://example.com", same) == 101);
  for (const std::string_view value :
       {"https://evilexample.com", "https://example.com.evil.org", "https://www.example.com", "https://example.co",
        "https://example.comm", "https://example.com:8443", "https://example.com@evil.org",
        "https://evil.org/https://example.com", "https://evil.org#example.com", "https://evil.org?example.com",
        "https://example.com/", "https://example.com https://evil.org", "https://evil.org https://example.com",
        "example.com", "//example.com", "null", "NULL", "", "undefined"}) {
    CAPTURE(value);
    CHECK(status(value, listed) == 403);
    CHECK(status(value, same) == 403);
  }
  CHECK(status("http://example.com", listed) == 403);
}

TEST_CASE("D19: two Origin fields are refused whatever they say, also where every origin is let in", "[D19]") {
  for (const std::string second : {"http://example.com", "http://evil.org", "null", ""}) {
    CAPTURE(second);
    const std::string text = request("", "Origin: http://example.com\r\nOrigin: " + second + "\r\n");
    for (const origin_policy& policy : {same_origin, any_origin, no_origin}) {
      CHECK(status_of(text, {.origins = policy}) == 400);
    }
  }
}

TEST_CASE("D19: no Origin at all is let in, null only where a server names it", "[D19]") {
  constexpr std::array<std::string_view, 1> only_null{"null"};
  const origin_policy names_null{std::span<const std::string_view>(only_null)};
  const std::string null = request("", "Origin: null\r\n");
  for (const origin_policy& policy : {same_origin, any_origin, no_origin, names_null}) {
    CHECK(status_of(request(), {.origins = policy}) == 101);
  }
  CHECK(status_of(null, {.origins = same_origin}) == 403);
  CHECK(status_of(null, {.origins = no_origin}) == 403);
  CHECK(status_of(null, {.origins = names_null}) == 101);
  CHECK(status_of(null, {.origins = any_origin}) == 101);
}

TEST_CASE("D19: no Origin at all is refused by a server that says so, under every policy", "[D19]") {
  const std::string own = request("", "Origin: https://example.com\r\n");
  for (const origin_policy& policy : {same_origin, any_origin, no_origin}) {
    CHECK(status_of(request(), {.origins = policy.required()}) == 403);
    CHECK(status_of(own, {.origins = policy.required()}) == status_of(own, {.origins = policy}));
  }
}

TEST_CASE("D19: a wildcard lets in names below a host, not names that end like it", "[D19]") {
  constexpr std::array<std::string_view, 1> below{"https://*.example.com"};
  const server_options options{.origins = std::span<const std::string_view>(below)};
  const auto status = [&options](std::string_view value) {
    return status_of(request("", "Origin: " + std::string(value) + "\r\n"), options);
  };
  CHECK(status("https://www.example.com") == 101);
  CHECK(status("https://a.b.example.com:443") == 101);
  for (const std::string_view value :
       {"https://example.com", "https://evilexample.com", "https://.example.com", "https://www.example.com.evil.org",
        "https://evil.org/.example.com", "https://evil.org#.example.com", "https://evil.org?.example.com",
        "https://evil.org:80.example.com", "http://www.example.com", "https://www.example.com:8443",
        "https://evil.org https://www.example.com", "null"}) {
    CAPTURE(value);
    CHECK(status(value) == 403);
  }
}

TEST_CASE("D20: credentials stay with the origin that they were given for", "[D20]") {
  constexpr std::array<field, 4> fields{{{"AUTHORIZATION", "Basic c2VjcmV0"},
                                         {"Cookie", "session=c2VjcmV0"},
                                         {"Proxy-Authorization", "Basic c2VjcmV0"},
                                         {"User-Agent", "public"}}};
  const client_options options{.fields = fields};
  const auto secrets_after = [&](std::string_view url, const std::vector<std::string_view>& locations) {
    client_handshake client(url, options);
    for (const std::string_view location : locations) {
      exact_buffer chunk("HTTP/1.1 307 Elsewhere\r\nLocation: " + std::string(location) + "\r\n\r\n");
      REQUIRE(client.receive(chunk.view()) == client_status::redirected);
      client = client.follow();
      REQUIRE(client.status() == client_status::need_more);
    }
    const std::string text(text_of(client.request()));
    CHECK(text.find("\r\nUser-Agent: public\r\n") != std::string::npos);
    std::size_t secrets = 0;
    for (std::size_t at = text.find("c2VjcmV0"); at != std::string::npos; at = text.find("c2VjcmV0", at + 1)) ++secrets;
    return secrets;
  };
  CHECK(secrets_after("wss://a.example/", {}) == 3);
  CHECK(secrets_after("wss://a.example/", {"/b", "https://A.EXAMPLE:443/c", "//a.example/d"}) == 3);

  for (const std::string_view elsewhere :
       {"wss://b.example/", "https://b.example/", "//b.example/", "wss://a.example:444/", "wss://a.example.b.example/",
        "wss://sub.a.example/", "wss://a.example./"}) {
    CAPTURE(elsewhere);
    CHECK(secrets_after("wss://a.example/", {elsewhere}) == 0);
    CHECK(secrets_after("wss://a.example/", {elsewhere, "/same"}) == 0);
    CHECK(secrets_after("wss://a.example/", {elsewhere, "wss://a.example/"}) == 0);
  }
  CHECK(secrets_after("ws://a.example/", {"wss://a.example/"}) == 0);
  CHECK(secrets_after("ws://a.example:443/", {"wss://a.example:443/"}) == 0);
}

TEST_CASE("D24: of all window bits from -1 to 99 those from 8 to 15 are read, in offer and answer", "[D24]") {
  for (int value = -1; value <= 99; ++value) {
    const std::string bits = std::to_string(value);
    for (const std::string& text : {bits, "\"" + bits + "\""}) {
      CAPTURE(text);
      const std::string server = "permessage-deflate; server_max_window_bits=";
      const std::string client = "permessage-deflate; client_max_window_bits=";
      const bool window = value >= 8 && value <= 15;
      CHECK(extensions_answered(server + text) == (window && value != 8 ? server + bits : ""));
      CHECK(extensions_answered(client + text) == (!window ? "" : value == 15 ? "permessage-deflate" : client + bits));
      CHECK(client_error(server + text) == (window ? error::none : error::deflate_value_invalid));
      CHECK(client_error(client + text) == (window ? error::none : error::deflate_value_invalid));
    }
  }
}

TEST_CASE("D24: window bits that are empty, repeated or odd neither pass nor crash", "[D24]") {
  for (const std::string name : {"server_max_window_bits", "client_max_window_bits"}) {
    for (const std::string_view value :
         {"=", "=;", "=\"\"", "=\"", "=\"1", "=\"10\\", "==10", "= ", "=\"1 0\"", "=,"}) {
      const std::string text = "permessage-deflate; " + name + std::string(value);
      CAPTURE(text);
      CHECK(status_of(request("", "Sec-WebSocket-Extensions: " + text + "\r\n"), {.deflate = deflate_options{}}) ==
            400);
      CHECK(client_error(text) == error::extensions_malformed);
    }
    for (const std::string_view value : {"=08", "=010", "=0x8", "=+8", "=8.0", "=10a", "=256", "=264", "=4294967304",
                                         "=18446744073709551624", "=\"08\"", "=\"\\0\\8\""}) {
      const std::string text = "permessage-deflate; " + name + std::string(value);
      CAPTURE(text);
      CHECK(extensions_answered(text).empty());
      CHECK(client_error(text) == error::deflate_value_invalid);
    }
    for (const std::string_view value : {"=10", "=11", "=\"10\"", "", "=99"}) {
      const std::string text = "permessage-deflate; " + name + "=10; " + name + std::string(value);
      CAPTURE(text);
      CHECK(extensions_answered(text).empty());
      CHECK(client_error(text) == error::deflate_parameter_repeated);
    }
  }
  CHECK(extensions_answered("permessage-deflate; server_max_window_bits").empty());
  CHECK(client_error("permessage-deflate; server_max_window_bits") == error::deflate_value_invalid);
  CHECK(client_error("permessage-deflate; client_max_window_bits") == error::deflate_value_invalid);
  // A backslash before a digit stands for the digit.
  CHECK(extensions_answered("permessage-deflate; server_max_window_bits=\"\\1\\0\"") ==
        "permessage-deflate; server_max_window_bits=10");
}
