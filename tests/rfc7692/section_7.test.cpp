// Section 7: which offers are declined and which answers fail the connection.
#include <string_view>

#include "catch.hpp"
#include "negotiation.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

constexpr std::string_view unknown[] = {"permessage-deflate; foo",
                                        "permessage-deflate; foo=1",
                                        "permessage-deflate; server_max_window_bits=10; foo",
                                        "permessage-deflate; foo; server_max_window_bits=10",
                                        "permessage-deflate; server_max_window_bit=10",
                                        "permessage-deflate; server_max_window_bits_=10",
                                        "permessage-deflate; max_window_bits=10",
                                        "permessage-deflate; Server_No_Context_Takeover",
                                        "permessage-deflate; no_context_takeover"};

constexpr std::string_view invalid[] = {
    "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; server_no_context_takeover=\"true\"",
    "permessage-deflate; client_no_context_takeover=0", "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",     "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=010",   "permessage-deflate; server_max_window_bits=ten",
    "permessage-deflate; client_max_window_bits=7",     "permessage-deflate; client_max_window_bits=16",
    "permessage-deflate; client_max_window_bits=+10",   "permessage-deflate; client_max_window_bits=\"\\0\\9\""};

constexpr std::string_view repeated[] = {
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=11",
    "permessage-deflate; client_max_window_bits=10; client_max_window_bits=\"10\"",
    "permessage-deflate; client_max_window_bits=10; server_no_context_takeover; client_max_window_bits=12"};

void check_declined(std::string_view offer) {
  CAPTURE(offer);
  const served declined = serve({offer}, deflate_options{});
  CHECK(declined.status == 101);
  CHECK(declined.extensions.empty());
  CHECK_FALSE(declined.agreed);
  // The offer alone is declined, not the ones behind it.
  CHECK(serve({offer, "permessage-deflate"}, deflate_options{}).extensions == "permessage-deflate|");
}

}  // namespace

TEST_CASE("7: the extension's name is permessage-deflate, at both ends", "[7]") {
  CHECK(offer_of(deflate_options{}).starts_with("permessage-deflate;"));
  CHECK(serve({"permessage-deflate"}, deflate_options{}).extensions == "permessage-deflate|");
  CHECK(judge({"permessage-deflate"}, deflate_options{}).agreed == deflate_agreement{});
}

TEST_CASE("7: an offer with an undefined parameter is declined", "[7]") {
  for (const std::string_view offer : unknown) check_declined(offer);
}

TEST_CASE("7: an offer with an invalid value is declined", "[7]") {
  for (const std::string_view offer : invalid) check_declined(offer);
}

TEST_CASE("7: an offer with a repeated parameter is declined", "[7]") {
  for (const std::string_view offer : repeated) check_declined(offer);
  check_declined("permessage-deflate; client_max_window_bits; client_max_window_bits");
  check_declined("permessage-deflate; client_max_window_bits; client_max_window_bits=10");
  check_declined("permessage-deflate; client_max_window_bits=10; client_max_window_bits");
}

TEST_CASE("7: an offer whose configuration the server does not support is declined", "[7]") {
  check_declined("permessage-deflate; server_max_window_bits=8");
  check_declined("permessage-deflate; server_no_context_takeover; client_max_window_bits; server_max_window_bits=8");
  // A client that cannot be asked for a smaller window does not suit a server that wants one.
  const served declined = serve({"permessage-deflate"}, deflate_options{.client_max_window_bits = 10});
  CHECK(declined.status == 101);
  CHECK(declined.extensions.empty());
}

TEST_CASE("7: an answer with an undefined parameter fails the client's handshake", "[7]") {
  for (const std::string_view answer : unknown) {
    CAPTURE(answer);
    CHECK(judge({answer}, deflate_options{}).fault == error::deflate_parameter_unknown);
  }
}

TEST_CASE("7: an answer with an invalid value fails the client's handshake", "[7]") {
  for (const std::string_view answer : invalid) {
    CAPTURE(answer);
    CHECK(judge({answer}, deflate_options{}).fault == error::deflate_value_invalid);
  }
  CHECK(judge({"permessage-deflate; client_max_window_bits"}, deflate_options{}).fault == error::deflate_value_invalid);
}

TEST_CASE("7: an answer with a repeated parameter fails the client's handshake", "[7]") {
  for (const std::string_view answer : repeated) {
    CAPTURE(answer);
    CHECK(judge({answer}, deflate_options{}).fault == error::deflate_parameter_repeated);
  }
}

TEST_CASE("7: an answer whose configuration the client does not support fails its handshake", "[7]") {
  const deflate_options own{
      .server_max_window_bits = 10, .client_max_window_bits = 11, .server_no_context_takeover = true};
  CHECK(judge({"permessage-deflate; server_no_context_takeover; server_max_window_bits=10"}, own).fault == error::none);
  CHECK(judge({"permessage-deflate; server_max_window_bits=10"}, own).fault == error::deflate_takeover_refused);
  CHECK(judge({"permessage-deflate; server_no_context_takeover; server_max_window_bits=11"}, own).fault ==
        error::deflate_window_refused);
  CHECK(judge({"permessage-deflate; server_no_context_takeover"}, own).fault == error::deflate_window_refused);
}

TEST_CASE("7: all four parameters are defined for the offer and for the answer", "[7]") {
  constexpr deflate_agreement all{.server_no_context_takeover = true,
                                  .client_no_context_takeover = true,
                                  .server_max_window_bits = 10,
                                  .client_max_window_bits = 12};
  constexpr std::string_view text =
      "permessage-deflate; client_max_window_bits=12; server_max_window_bits=10; client_no_context_takeover; "
      "server_no_context_takeover";
  const served answer = serve({text}, deflate_options{});
  CHECK(answer.agreed == all);
  CHECK(answer.extensions ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
        "client_max_window_bits=12|");
  CHECK(judge({text}, deflate_options{}).agreed == all);
}
