// Section 3: WebSocket URIs.
#include <string>
#include <string_view>

#include "catch.hpp"
#include "fixed_random.hpp"
#include "sansocket/core/error_info.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"

using namespace sansocket;

namespace {

const client_options plain{};

/// The target in the request line; the error's name if there is no request.
std::string target_of(std::string_view url) {
  const basic_client_handshake<tests::counting_random, openssl_sha1> client(url, plain);
  const std::string_view text = text_of(client.request());
  CHECK((client.status() == client_status::failed) == text.empty());
  if (text.empty()) return std::string(name(client.error()));
  return std::string(text.substr(4, text.find(" HTTP/1.1\r\n") - 4));
}

}  // namespace

TEST_CASE("3: a ws or wss URI with a fragment is refused", "[3]") {
  for (const std::string_view url :
       {"ws://example.com/chat#top", "wss://example.com/chat#top", "ws://example.com#top", "ws://example.com/?a#b",
        "ws://example.com/#", "ws://example.com#", "ws://#", "ws://example.com/a#b?c", "WS://example.com/#%23"}) {
    CAPTURE(url);
    CHECK(parse_uri(url).error() == error::uri_has_fragment);
    CHECK(target_of(url) == "uri_has_fragment");
  }
}

TEST_CASE("3: %23 in path and query is sent unchanged and a bare # is never part of the target", "[3]") {
  CHECK(target_of("ws://example.com/a%23b?c=%23d") == "/a%23b?c=%23d");
  CHECK(target_of("wss://example.com?%23") == "/?%23");
  for (const std::string_view before : {"", "/", "/a", "/a%23", "/a?", "/?b%23", "?c"}) {
    CAPTURE(before);
    CHECK(target_of("ws://example.com" + std::string(before) + "#b") == "uri_has_fragment");
  }
}

TEST_CASE("3: the default port is 80 for ws and 443 for wss", "[3]") {
  CHECK(parse_uri("ws://example.com/")->port == 80);
  CHECK(parse_uri("wss://example.com/")->port == 443);
  CHECK(parse_uri("ws://example.com:443/")->port == 443);
  CHECK(parse_uri("wss://example.com:80/")->port == 80);
}

TEST_CASE("3: the scheme wss, in any letter case, sets the secure flag", "[3]") {
  CHECK(parse_uri("WsS://example.com/")->secure);
  CHECK_FALSE(parse_uri("Ws://example.com/")->secure);
}

TEST_CASE("3: the resource name is path and query, with / for an empty path", "[3]") {
  CHECK(target_of("ws://example.com") == "/");
  CHECK(target_of("ws://example.com/") == "/");
  CHECK(target_of("ws://example.com?a=b") == "/?a=b");
  CHECK(target_of("ws://example.com/a/b?c=d&e/f?g") == "/a/b?c=d&e/f?g");
  CHECK(target_of("ws://example.com//a/../b") == "//a/../b");
}
