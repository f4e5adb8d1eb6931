// Section 8: what the handshake can do against attacks that measure how well something compresses.
#include "catch.hpp"
#include "negotiation.hpp"

using namespace sansocket;
using namespace sansocket::tests;

TEST_CASE("8: nothing is compressed unless an end asks for it, and each end can rule out history", "[8]") {
  CHECK_FALSE(client_options{}.deflate);
  CHECK_FALSE(server_options{}.deflate);
  CHECK(offer_of(client_options{}.deflate).empty());
  CHECK(serve({"permessage-deflate; client_max_window_bits"}, server_options{}.deflate).extensions.empty());

  constexpr deflate_options no_history{.server_no_context_takeover = true, .client_no_context_takeover = true};
  constexpr deflate_agreement without{.server_no_context_takeover = true, .client_no_context_takeover = true};
  CHECK(serve({"permessage-deflate"}, no_history).agreed == without);
  CHECK(judge({"permessage-deflate; server_no_context_takeover"}, no_history).agreed == without);
  CHECK(judge({"permessage-deflate"}, no_history).fault == error::deflate_takeover_refused);
}
