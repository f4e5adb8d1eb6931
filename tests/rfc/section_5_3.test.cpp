#include "sansocket/connection/connection.hpp"

#define OPENSSL_SUPPRESS_DEPRECATED  // for the stand-in below
#include <openssl/rand.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "wire_frames.hpp"

using namespace sansocket;
using sansocket::tests::endpoint;
using sansocket::tests::every_kind_of_frame;
using sansocket::tests::exact_buffer;
using sansocket::tests::failing_random;
using sansocket::tests::frames_of;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;
using sansocket::tests::wire_frame;

TEST_CASE("5.3: a masked frame has its mask bit set and its masking key behind the length", "[5.3]") {
  const auto sent = [](std::size_t size, std::size_t head) {
    endpoint<role::client> ws({}, {.next = 0x11});
    const exact_buffer payload(size);
    REQUIRE(ws.send_binary(payload.view()) == error::none);
    CHECK(ws.buffered() == head + size);
    return to_hex(ws.output().first(head + 4));
  };
  // Behind the key lies the payload, all zero before it met the key.
  CHECK(sent(5, 6) == "82 85 11 12 13 14 11 12 13 14");
  CHECK(sent(126, 8) == "82 fe 00 7e 11 12 13 14 11 12 13 14");
  CHECK(sent(65'536, 14) == "82 ff 00 00 00 00 00 01 00 00 11 12 13 14 11 12 13 14");
}

TEST_CASE("5.3: byte i of the payload meets byte i modulo 4 of the key", "[5.3]") {
  endpoint<role::client> ws({}, {.next = 0x37});
  REQUIRE(ws.send_text("Hello, Hello, Hello!") == error::none);
  const std::string wire(text_of(ws.output()));
  REQUIRE(wire.size() == 26);
  std::string unmasked;
  for (std::size_t i = 0; i < 20; ++i) unmasked += static_cast<char>(wire[6 + i] ^ wire[2 + i % 4]);
  CHECK(unmasked == "Hello, Hello, Hello!");
  CHECK(wire.substr(2, 4) == from_hex("37 38 39 3a"));
}

TEST_CASE("5.3: every frame is masked with a fresh masking key, whatever its type", "[5.3]") {
  endpoint<role::client> ws({.fragment_size = 5});
  const auto frames = frames_of(every_kind_of_frame(ws));
  std::set<std::string> keys;
  std::string types;
  for (const wire_frame& frame : frames) {
    CHECK(frame.masked);
    keys.insert(frame.key);
    types += "0123456789ab"[frame.first & 0x0FU];
  }
  CHECK(types == "121029aa08");
  CHECK(keys.size() == frames.size());
}

TEST_CASE("5.3: masking keys are successive bytes of the random source, none used twice", "[5.3][10.3]") {
  endpoint<role::client> ws;
  std::string keys;
  for (int i = 0; i < 64; ++i) {
    REQUIRE(ws.send_text("the same payload") == error::none);
    keys += text_of(ws.output().subspan(2, 4));
    REQUIRE(ws.sent(ws.buffered()) == error::none);
  }
  std::string successive;
  for (unsigned i = 0; i < 256; ++i) successive += static_cast<char>(i);
  CHECK(keys == successive);
}

TEST_CASE("5.3: without a random key nothing is sent", "[5.3]") {
  struct policy : default_policy {
    using random_source = failing_random;
  };
  connection<role::client, policy> ws;
  CHECK(ws.send_text("a") == error::random_failed);
  CHECK(ws.send_ping() == error::random_failed);
  CHECK(ws.send_close() == error::random_failed);
  CHECK(ws.buffered() == 0);
}

namespace {

/// Stands in for OpenSSL's random source: gives 0x5A, or nothing.
bool has_entropy = true;

int fill(unsigned char* out, int count) {
  std::fill_n(out, count, static_cast<unsigned char>(0x5A));
  return has_entropy ? 1 : 0;
}

int status() { return 1; }

}  // namespace

TEST_CASE("5.3: the default masking keys come from the cryptographic random source", "[5.3]") {
  static_assert(std::is_same_v<client_connection::random_type, openssl_random>);
  const RAND_METHOD* const original = RAND_get_rand_method();
  const RAND_METHOD stand_in = {nullptr, fill, nullptr, nullptr, fill, status};
  REQUIRE(RAND_set_rand_method(&stand_in) == 1);
  client_connection ws;
  const error sent = ws.send_text("a");
  const std::string wire = to_hex(ws.output());
  has_entropy = false;
  client_connection poor;
  const error refused = poor.send_text("a");
  RAND_set_rand_method(original);

  CHECK(sent == error::none);
  CHECK(wire == "81 81 5a 5a 5a 5a 3b");  // 61^5a
  CHECK(refused == error::random_failed);
  CHECK(poor.buffered() == 0);

  // And the source itself gives each connection keys of its own.
  client_connection one;
  client_connection other;
  REQUIRE(one.send_text("a") == error::none);
  REQUIRE(other.send_text("a") == error::none);
  CHECK(to_hex(one.output().subspan(2, 4)) != to_hex(other.output().subspan(2, 4)));
}
