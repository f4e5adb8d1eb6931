#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <set>
#include <string>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::to_hex;

TEST_CASE("10.3: data that an application repeats never looks the same on the wire", "[10.3]") {
  // What is sent is under an attacker's control; the key, and so the bytes on the wire, are not.
  std::set<std::string> wires;
  for (int i = 0; i < 10; ++i) {
    client_connection ws;  // with the cryptographic random source
    for (int j = 0; j < 10; ++j) {
      REQUIRE(ws.send_text("GET /sensitive HTTP/1.1") == error::none);
      const std::string wire(text_of(ws.output()));
      REQUIRE(wire.size() == 6 + 23);
      std::string unmasked;
      for (std::size_t at = 0; at < 23; ++at) unmasked += static_cast<char>(wire[6 + at] ^ wire[2 + at % 4]);
      CHECK(unmasked == "GET /sensitive HTTP/1.1");
      wires.insert(wire);
      REQUIRE(ws.sent(wire.size()) == error::none);
    }
  }
  CHECK(wires.size() == 100);
}

TEST_CASE("10.3: each fragment of a message has a key of its own", "[10.3]") {
  client_connection ws({.fragment_size = 1});
  REQUIRE(ws.send_binary(exact_buffer(16).view()) == error::none);
  REQUIRE(ws.buffered() == 16 * 7);
  std::set<std::string> keys;
  for (std::size_t i = 0; i < 16; ++i) keys.insert(to_hex(ws.output().subspan(i * 7 + 2, 4)));
  CHECK(keys.size() == 16);
}
