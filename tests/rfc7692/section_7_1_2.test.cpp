// Sections 7.1.2.1 and 7.1.2.2: the sizes of the windows.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "negotiation.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

std::string server_bits(const std::string& value) { return "permessage-deflate; server_max_window_bits=" + value; }
std::string client_bits(const std::string& value) { return "permessage-deflate; client_max_window_bits=" + value; }

/// No decimal integers without leading zeroes between 8 and 15.
const std::string no_windows[] = {"-1",
                                  "0",
                                  "00",
                                  "1",
                                  "7",
                                  "07",
                                  "08",
                                  "09",
                                  "010",
                                  "015",
                                  "16",
                                  "20",
                                  "80",
                                  "99",
                                  "100",
                                  "+8",
                                  "8.0",
                                  "0x8",
                                  "1e1",
                                  "8a",
                                  "a",
                                  "\"7\"",
                                  "264",
                                  "265",
                                  "271",
                                  "1_0",
                                  "\"016\"",
                                  "\"\\0\\8\"",
                                  "18446744073709551624"};

constexpr std::uint8_t windows[] = {9, 10, 11, 12, 13, 14, 15};

}  // namespace

TEST_CASE("7.1.2.1: server_max_window_bits is offered with a decimal value without leading zeroes", "[7.1.2.1]") {
  CHECK(offer_of(deflate_options{.server_max_window_bits = 8}) ==
        "permessage-deflate; server_max_window_bits=8; client_max_window_bits|");
  CHECK(offer_of(deflate_options{.server_max_window_bits = 9}) ==
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits|");
  CHECK(offer_of(deflate_options{.server_max_window_bits = 10}) ==
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits|");
  CHECK(offer_of(deflate_options{.server_max_window_bits = 14}) ==
        "permessage-deflate; server_max_window_bits=14; client_max_window_bits|");
}

TEST_CASE("7.1.2.1: a client offers only windows of 8 to 15", "[7.1.2.1]") {
  for (unsigned bits = 0; bits < 256; ++bits) {
    CAPTURE(bits);
    const client_options options{.deflate = deflate_options{.server_max_window_bits = static_cast<std::uint8_t>(bits)}};
    const sample_handshake client(chat_url, options);
    const bool valid = bits >= 8 && bits <= 15;
    CHECK(client.error() == (valid ? error::none : error::deflate_options_invalid));
    CHECK(client.request().empty() == !valid);
  }
}

TEST_CASE("7.1.2.1: a value of server_max_window_bits that is no window is declined, or fails the client",
          "[7.1.2.1]") {
  for (const std::string& value : no_windows) {
    CAPTURE(value);
    const served declined = serve({server_bits(value)}, deflate_options{});
    CHECK(declined.status == 101);
    CHECK(declined.extensions.empty());
    CHECK(judge({server_bits(value)}, deflate_options{}).fault == error::deflate_value_invalid);
  }
  CHECK(serve({"permessage-deflate; server_max_window_bits"}, deflate_options{}).extensions.empty());
}

TEST_CASE("7.1.2.1: a server answers with the same or a smaller server_max_window_bits", "[7.1.2.1]") {
  for (const std::uint8_t offered : windows) {
    for (const std::uint8_t own : windows) {
      CAPTURE(int{offered}, int{own});
      const std::uint8_t least = std::min(offered, own);
      const served answer =
          serve({server_bits(std::to_string(offered))}, deflate_options{.server_max_window_bits = own});
      CHECK(answer.extensions == server_bits(std::to_string(least)) + "|");
      CHECK(answer.agreed == deflate_agreement{.server_max_window_bits = least});
    }
  }
}

TEST_CASE("7.1.2.1: a server declines a server_max_window_bits that it does not support", "[7.1.2.1]") {
  for (const std::uint8_t own : windows) {
    const served declined = serve({server_bits("8")}, deflate_options{.server_max_window_bits = own});
    CHECK(declined.status == 101);
    CHECK(declined.extensions.empty());
  }
}

TEST_CASE("7.1.2.1: a server may answer with server_max_window_bits unasked", "[7.1.2.1]") {
  const served answer = serve({"permessage-deflate"}, deflate_options{.server_max_window_bits = 9});
  CHECK(answer.extensions == "permessage-deflate; server_max_window_bits=9|");
  CHECK(answer.agreed == deflate_agreement{.server_max_window_bits = 9});
  for (std::uint8_t bits = 8; bits <= 15; ++bits) {
    CHECK(judge({server_bits(std::to_string(bits))}, deflate_options{}).agreed ==
          deflate_agreement{.server_max_window_bits = bits});
  }
}

TEST_CASE("7.1.2.1: a client takes the same or a smaller server_max_window_bits and none that is larger or missing",
          "[7.1.2.1]") {
  for (std::uint8_t own = 8; own <= 15; ++own) {
    const deflate_options options{.server_max_window_bits = own};
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
      CAPTURE(int{own}, int{bits});
      const judged answer = judge({server_bits(std::to_string(bits))}, options);
      CHECK(answer.fault == (bits <= own ? error::none : error::deflate_window_refused));
      if (bits <= own) CHECK(answer.agreed == deflate_agreement{.server_max_window_bits = bits});
    }
    CHECK(judge({"permessage-deflate"}, options).fault == (own == 15 ? error::none : error::deflate_window_refused));
  }
}

TEST_CASE("7.1.2.1: without server_max_window_bits the window may have 32768 bytes", "[7.1.2.1]") {
  CHECK(serve({"permessage-deflate"}, deflate_options{}).agreed->server_max_window_bits == 15);
  CHECK(judge({"permessage-deflate"}, deflate_options{}).agreed->server_max_window_bits == 15);
}

TEST_CASE("7.1.2.2: client_max_window_bits is offered without a value, or with a decimal one", "[7.1.2.2]") {
  CHECK(offer_of(deflate_options{}) == "permessage-deflate; client_max_window_bits|");
  CHECK(offer_of(deflate_options{.client_max_window_bits = 9}) == "permessage-deflate; client_max_window_bits=9|");
  CHECK(offer_of(deflate_options{.client_max_window_bits = 14}) == "permessage-deflate; client_max_window_bits=14|");
  for (unsigned bits = 0; bits < 256; ++bits) {
    const client_options options{.deflate = deflate_options{.client_max_window_bits = static_cast<std::uint8_t>(bits)}};
    // A window of 8 cannot be compressed with.
    CHECK((sample_handshake(chat_url, options).error() == error::none) == (bits >= 9 && bits <= 15));
  }
}

TEST_CASE("7.1.2.2: a value of client_max_window_bits that is no window is declined, or fails the client",
          "[7.1.2.2]") {
  for (const std::string& value : no_windows) {
    CAPTURE(value);
    const served declined = serve({client_bits(value)}, deflate_options{});
    CHECK(declined.status == 101);
    CHECK(declined.extensions.empty());
    CHECK(judge({client_bits(value)}, deflate_options{}).fault == error::deflate_value_invalid);
  }
}

TEST_CASE("7.1.2.2: a client that offered client_max_window_bits with a value keeps to it whatever the answer says",
          "[7.1.2.2]") {
  for (const std::uint8_t own : windows) {
    CHECK(judge({"permessage-deflate"}, deflate_options{.client_max_window_bits = own}).agreed ==
          deflate_agreement{.client_max_window_bits = own});
  }
}

TEST_CASE("7.1.2.2: a server may limit a client that offered client_max_window_bits", "[7.1.2.2]") {
  const served answer =
      serve({"permessage-deflate; client_max_window_bits"}, deflate_options{.client_max_window_bits = 10});
  CHECK(answer.extensions == "permessage-deflate; client_max_window_bits=10|");
  CHECK(answer.agreed == deflate_agreement{.client_max_window_bits = 10});
  // Inflating with a window of 8 is no trouble.
  CHECK(
      serve({"permessage-deflate; client_max_window_bits"}, deflate_options{.client_max_window_bits = 8}).extensions ==
      "permessage-deflate; client_max_window_bits=8|");
}

TEST_CASE("7.1.2.2: a server answers no larger client_max_window_bits than was offered", "[7.1.2.2]") {
  for (std::uint8_t offered = 8; offered <= 15; ++offered) {
    for (std::uint8_t own = 8; own <= 15; ++own) {
      CAPTURE(int{offered}, int{own});
      const std::uint8_t least = std::min(offered, own);
      const served answer =
          serve({client_bits(std::to_string(offered))}, deflate_options{.client_max_window_bits = own});
      CHECK(answer.extensions == (least == 15 ? "permessage-deflate" : client_bits(std::to_string(least))) + "|");
      CHECK(answer.agreed == deflate_agreement{.client_max_window_bits = least});
    }
  }
}

TEST_CASE("7.1.2.2: client_max_window_bits is never answered if it was not offered", "[7.1.2.2]") {
  for (std::uint8_t own = 8; own <= 15; ++own) {
    for (const std::string_view offer : {"permessage-deflate", "permessage-deflate; client_no_context_takeover",
                                         "permessage-deflate; server_max_window_bits=9; server_no_context_takeover"}) {
      CAPTURE(int{own}, offer);
      const served answer = serve({offer}, deflate_options{.client_max_window_bits = own});
      CHECK(answer.status == 101);
      CHECK(answer.extensions.find("client_max_window_bits") == std::string::npos);
      CHECK(answer.agreed.has_value() == (own == 15));
    }
  }
}

TEST_CASE("7.1.2.2: a client keeps to the client_max_window_bits of the answer", "[7.1.2.2]") {
  for (std::uint8_t bits = 8; bits <= 15; ++bits) {
    CHECK(judge({client_bits(std::to_string(bits))}, deflate_options{}).agreed ==
          deflate_agreement{.client_max_window_bits = bits});
  }
  CHECK(judge({client_bits("9")}, deflate_options{.client_max_window_bits = 12}).agreed ==
        deflate_agreement{.client_max_window_bits = 9});
}

TEST_CASE("7.1.2.2: a client takes no larger client_max_window_bits than it offered", "[7.1.2.2]") {
  for (const std::uint8_t own : windows) {
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
      CAPTURE(int{own}, int{bits});
      const judged answer = judge({client_bits(std::to_string(bits))}, deflate_options{.client_max_window_bits = own});
      CHECK(answer.fault == (bits <= own ? error::none : error::deflate_window_refused));
    }
  }
}

TEST_CASE("7.1.2.2: client_max_window_bits has a value in an answer", "[7.1.2.2]") {
  CHECK(judge({"permessage-deflate; client_max_window_bits"}, deflate_options{}).fault == error::deflate_value_invalid);
}

TEST_CASE("7.1.2.2: without client_max_window_bits in the answer the client's window may have 32768 bytes",
          "[7.1.2.2]") {
  CHECK(judge({"permessage-deflate"}, deflate_options{}).agreed->client_max_window_bits == 15);
  CHECK(serve({"permessage-deflate; client_max_window_bits"}, deflate_options{}).agreed->client_max_window_bits == 15);
}
