// Section 5: how an extension that compresses is negotiated.
#include <string_view>

#include "catch.hpp"
#include "negotiation.hpp"

using namespace sansocket;
using namespace sansocket::tests;

TEST_CASE("5: a client offers permessage-deflate by an element of that name in Sec-WebSocket-Extensions", "[5]") {
  CHECK(offer_of(std::nullopt).empty());
  CHECK(offer_of(deflate_options{}) == "permessage-deflate; client_max_window_bits|");
  CHECK(offer_of(deflate_options{.server_max_window_bits = 10,
                                 .client_max_window_bits = 11,
                                 .server_no_context_takeover = true,
                                 .client_no_context_takeover = true}) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
        "client_max_window_bits=11|");
}

TEST_CASE("5: a server accepts an offer by one element of that name in Sec-WebSocket-Extensions", "[5]") {
  const served plain = serve({"permessage-deflate"}, deflate_options{});
  CHECK(plain.status == 101);
  CHECK(plain.extensions == "permessage-deflate|");
  CHECK(plain.agreed == deflate_agreement{});

  const served limited = serve({"permessage-deflate; server_max_window_bits=10"}, deflate_options{});
  CHECK(limited.extensions == "permessage-deflate; server_max_window_bits=10|");
  CHECK(limited.agreed == deflate_agreement{.server_max_window_bits = 10});
}

TEST_CASE("5: a server accepts what it fully supports and declines what it does not", "[5]") {
  // A window of 2^8 bytes cannot be compressed with, one of 2^9 can.
  CHECK(serve({"permessage-deflate; server_max_window_bits=8"}, deflate_options{}).extensions.empty());
  CHECK(serve({"permessage-deflate; server_max_window_bits=9"}, deflate_options{}).extensions ==
        "permessage-deflate; server_max_window_bits=9|");
  for (const std::string_view unknown : {"x-webkit-deflate-frame", "permessage-bzip2", "deflate-stream", "mux",
                                         "permessage-deflate2", "permessage-deflat", "Permessage-Deflate"}) {
    CAPTURE(unknown);
    const served declined = serve({unknown}, deflate_options{});
    CHECK(declined.status == 101);
    CHECK(declined.extensions.empty());
    CHECK_FALSE(declined.agreed);
  }
}

TEST_CASE("5: a server that does not know the extension declines every offer", "[5]") {
  const served declined = serve({"permessage-deflate", "permessage-deflate; client_max_window_bits"}, std::nullopt);
  CHECK(declined.status == 101);
  CHECK(declined.extensions.empty());
  CHECK_FALSE(declined.agreed);
}

TEST_CASE("5: of several offers the first acceptable one is taken, in one field or in several", "[5]") {
  constexpr std::string_view small = "permessage-deflate; server_max_window_bits=10";
  constexpr std::string_view alone = "permessage-deflate; server_no_context_takeover";
  constexpr std::string_view small_answer = "permessage-deflate; server_max_window_bits=10|";
  constexpr std::string_view alone_answer = "permessage-deflate; server_no_context_takeover|";
  const deflate_options own{};
  CHECK(serve({small, alone}, own).extensions == small_answer);
  CHECK(serve({alone, small}, own).extensions == alone_answer);
  CHECK(serve({"permessage-deflate; server_max_window_bits=10, permessage-deflate; server_no_context_takeover"}, own)
            .extensions == small_answer);
  CHECK(serve({"permessage-deflate; server_no_context_takeover, permessage-deflate; server_max_window_bits=10"}, own)
            .extensions == alone_answer);
  // What comes before and is not acceptable does not stand in its way.
  CHECK(serve({"permessage-deflate; server_max_window_bits=8", "permessage-bzip2", small, alone}, own).extensions ==
        small_answer);
  CHECK(serve({"permessage-deflate; algorithm=1, mux; a=b, permessage-deflate; server_no_context_takeover", small}, own)
            .extensions == alone_answer);
}

TEST_CASE("5: if every offer is declined both ends go on without compression", "[5]") {
  for (const std::string_view offers : {"permessage-deflate; server_max_window_bits=8", "permessage-bzip2, mux",
                                        "permessage-deflate; a, permessage-deflate; client_max_window_bits=16"}) {
    CAPTURE(offers);
    const served declined = serve({offers}, deflate_options{});
    CHECK(declined.status == 101);
    CHECK(declined.extensions.empty());
    CHECK_FALSE(declined.agreed);
  }
  const judged alone = judge({}, deflate_options{});
  CHECK(alone.fault == error::none);
  CHECK_FALSE(alone.agreed);
}

TEST_CASE("5: a client fails the connection if the server accepts what was not offered", "[5]") {
  CHECK(judge({"permessage-deflate"}, std::nullopt).fault == error::extension_not_offered);
  for (const std::string_view other : {"permessage-bzip2", "x-webkit-deflate-frame", "mux", "Permessage-Deflate"}) {
    CAPTURE(other);
    CHECK(judge({other}, std::nullopt).fault == error::extension_not_offered);
    CHECK(judge({other}, deflate_options{}).fault == error::extension_not_offered);
  }
}

TEST_CASE("5: a client fails the connection if the answer goes beyond its offer", "[5]") {
  CHECK(judge({"permessage-deflate"}, deflate_options{.server_no_context_takeover = true}).fault ==
        error::deflate_takeover_refused);
  CHECK(judge({"permessage-deflate; server_max_window_bits=11"}, deflate_options{.server_max_window_bits = 10}).fault ==
        error::deflate_window_refused);
}

TEST_CASE("5: no second extension is accepted beside it that could use RSV1 too", "[5]") {
  // A server accepts one element, whatever else is offered.
  CHECK(serve({"permessage-deflate, permessage-bzip2, x-webkit-deflate-frame, permessage-deflate"}, deflate_options{})
            .extensions == "permessage-deflate|");
  CHECK(serve({"x-webkit-deflate-frame", "permessage-deflate", "permessage-deflate"}, deflate_options{}).extensions ==
        "permessage-deflate|");
  // A client that is told of two fails.
  CHECK(judge({"permessage-deflate, x-webkit-deflate-frame"}, deflate_options{}).fault == error::extension_not_offered);
  CHECK(judge({"x-webkit-deflate-frame", "permessage-deflate"}, deflate_options{}).fault ==
        error::extension_not_offered);
  CHECK(judge({"permessage-deflate, permessage-deflate"}, deflate_options{}).fault == error::extension_repeated);
  CHECK(judge({"permessage-deflate", "permessage-deflate"}, deflate_options{}).fault == error::extension_repeated);
}

TEST_CASE("5: with a valid answer both ends hold the same agreement", "[5]") {
  for (const std::string_view text :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"}) {
    CAPTURE(text);
    const served server = serve({text}, deflate_options{});
    const judged client =
        judge({std::string_view(server.extensions).substr(0, server.extensions.size() - 1)}, deflate_options{});
    CHECK(client.fault == error::none);
    CHECK(client.agreed == server.agreed);
    CHECK(client.agreed);
  }
}
