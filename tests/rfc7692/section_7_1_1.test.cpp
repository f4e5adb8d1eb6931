// Sections 7.1.1.1 and 7.1.1.2: context takeover.
#include <string_view>

#include "catch.hpp"
#include "negotiation.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

constexpr deflate_options open{};
constexpr deflate_options server_alone{.server_no_context_takeover = true};
constexpr deflate_options client_alone{.client_no_context_takeover = true};

}  // namespace

TEST_CASE("7.1.1.1: server_no_context_takeover is offered without a value", "[7.1.1.1]") {
  CHECK(offer_of(open).find("server_no_context_takeover") == std::string::npos);
  CHECK(offer_of(server_alone) == "permessage-deflate; server_no_context_takeover; client_max_window_bits|");
}

TEST_CASE("7.1.1.1: a server accepts an offer of server_no_context_takeover by answering with it", "[7.1.1.1]") {
  const served answer = serve({"permessage-deflate; server_no_context_takeover"}, open);
  CHECK(answer.extensions == "permessage-deflate; server_no_context_takeover|");
  CHECK(answer.agreed == deflate_agreement{.server_no_context_takeover = true});
}

TEST_CASE("7.1.1.1: without server_no_context_takeover in the answer to its offer a client fails", "[7.1.1.1]") {
  CHECK(judge({"permessage-deflate"}, server_alone).fault == error::deflate_takeover_refused);
  CHECK(judge({"permessage-deflate; client_no_context_takeover"}, server_alone).fault ==
        error::deflate_takeover_refused);
  CHECK(judge({"permessage-deflate; server_no_context_takeover"}, server_alone).agreed ==
        deflate_agreement{.server_no_context_takeover = true});
}

TEST_CASE("7.1.1.1: a server may answer with server_no_context_takeover unasked", "[7.1.1.1]") {
  const served answer = serve({"permessage-deflate"}, server_alone);
  CHECK(answer.extensions == "permessage-deflate; server_no_context_takeover|");
  CHECK(answer.agreed == deflate_agreement{.server_no_context_takeover = true});
  CHECK(judge({"permessage-deflate; server_no_context_takeover"}, open).agreed ==
        deflate_agreement{.server_no_context_takeover = true});
}

TEST_CASE("7.1.1.1: server_no_context_takeover has no value in an answer", "[7.1.1.1]") {
  for (const std::string_view value : {"1", "0", "true", "\"1\"", "server_no_context_takeover"}) {
    CAPTURE(value);
    CHECK(judge({"permessage-deflate; server_no_context_takeover=" + std::string(value)}, server_alone).fault ==
          error::deflate_value_invalid);
  }
  CHECK(judge({"permessage-deflate; server_no_context_takeover="}, server_alone).fault == error::extensions_malformed);
}

TEST_CASE("7.1.1.2: client_no_context_takeover is offered without a value", "[7.1.1.2]") {
  CHECK(offer_of(open).find("client_no_context_takeover") == std::string::npos);
  CHECK(offer_of(client_alone) == "permessage-deflate; client_no_context_takeover; client_max_window_bits|");
}

TEST_CASE("7.1.1.2: a client that offered client_no_context_takeover keeps to it whatever the answer says",
          "[7.1.1.2]") {
  CHECK(judge({"permessage-deflate"}, client_alone).agreed == deflate_agreement{.client_no_context_takeover = true});
  CHECK(judge({"permessage-deflate; client_no_context_takeover"}, client_alone).agreed ==
        deflate_agreement{.client_no_context_takeover = true});
}

TEST_CASE("7.1.1.2: a server may use the hint of client_no_context_takeover by answering with it", "[7.1.1.2]") {
  const served answer = serve({"permessage-deflate; client_no_context_takeover"}, open);
  CHECK(answer.extensions == "permessage-deflate; client_no_context_takeover|");
  CHECK(answer.agreed == deflate_agreement{.client_no_context_takeover = true});
}

TEST_CASE("7.1.1.2: a server may forbid the client's context takeover unasked, and the client obeys", "[7.1.1.2]") {
  const served answer = serve({"permessage-deflate"}, client_alone);
  CHECK(answer.extensions == "permessage-deflate; client_no_context_takeover|");
  CHECK(answer.agreed == deflate_agreement{.client_no_context_takeover = true});
  CHECK(judge({"permessage-deflate; client_no_context_takeover"}, open).agreed ==
        deflate_agreement{.client_no_context_takeover = true});
}

TEST_CASE("7.1.1.2: client_no_context_takeover has no value in an answer", "[7.1.1.2]") {
  for (const std::string_view value : {"1", "0", "true", "\"1\""}) {
    CAPTURE(value);
    CHECK(judge({"permessage-deflate; client_no_context_takeover=" + std::string(value)}, open).fault ==
          error::deflate_value_invalid);
  }
}

TEST_CASE("7.1.1.2: without client_no_context_takeover the client's context may be taken over", "[7.1.1.2]") {
  CHECK(serve({"permessage-deflate"}, open).agreed == deflate_agreement{});
  CHECK(judge({"permessage-deflate"}, open).agreed == deflate_agreement{});
}
