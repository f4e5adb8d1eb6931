// Section 10.7: incoming data is always validated, by both ends.
#include <array>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/connection/connection.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;

namespace {

struct policy : default_policy {
  using random_source = counting_random;
};

/// What an end that knows the rules does with a stream of frames.
template <role Role>
close_report outcome(std::string_view hex) {
  connection_options options;
  options.limits = {.frame = 1000, .message = 2000, .fragments = 2};
  connection<Role, policy> receiver(options);
  exact_buffer stream(from_hex(hex));
  REQUIRE(receiver.receive(stream.view()) == error::none);
  close_report report;
  while (const event next = receiver.poll()) {
    if (next.type == event_type::closed) report = next.why;
  }
  return report;
}

struct illegal {
  error fault;
  close_code code;
  std::string_view from_client;  // with the masking key 00 00 00 00, so that the payload is readable
  std::string_view from_server;
};

constexpr std::array kinds{
    illegal{error::reserved_bits_set, close_code::protocol_error, "c1 80 00000000", "c1 00"},
    illegal{error::reserved_bits_set, close_code::protocol_error, "99 80 00000000", "99 00"},
    illegal{error::opcode_reserved, close_code::protocol_error, "83 80 00000000", "83 00"},
    illegal{error::opcode_reserved, close_code::protocol_error, "8b 80 00000000", "8b 00"},
    illegal{error::control_fragmented, close_code::protocol_error, "09 80 00000000", "09 00"},
    illegal{error::control_too_long, close_code::protocol_error, "89 fe 007e 00000000", "89 7e 007e"},
    illegal{error::mask_missing, close_code::protocol_error, "81 00", ""},
    illegal{error::mask_forbidden, close_code::protocol_error, "", "81 80 00000000"},
    illegal{error::length_not_minimal, close_code::protocol_error, "82 fe 007d 00000000", "82 7e 007d"},
    illegal{error::length_not_minimal, close_code::protocol_error, "82 ff 000000000000ffff 00000000",
            "82 7f 000000000000ffff"},
    illegal{error::length_msb_set, close_code::protocol_error, "82 ff 8000000000000000 00000000",
            "82 7f 8000000000000000"},
    illegal{error::continuation_unexpected, close_code::protocol_error, "80 80 00000000", "80 00"},
    illegal{error::message_interrupted, close_code::protocol_error, "01 80 00000000 81 80 00000000", "01 00 81 00"},
    illegal{error::text_not_utf8, close_code::invalid_payload, "81 81 00000000 ff", "81 01 ff"},
    illegal{error::text_not_utf8, close_code::invalid_payload, "81 82 00000000 e282", "81 02 e282"},
    illegal{error::close_payload_short, close_code::protocol_error, "88 81 00000000 03", "88 01 03"},
    illegal{error::close_code_invalid, close_code::protocol_error, "88 82 00000000 03ed", "88 02 03ed"},
    illegal{error::close_reason_not_utf8, close_code::invalid_payload, "88 83 00000000 03e8 ff", "88 03 03e8 ff"},
    illegal{error::frame_too_big, close_code::message_too_big, "82 fe 03e9 00000000", "82 7e 03e9"},
    illegal{error::too_many_fragments, close_code::policy_violation, "02 80 00000000 00 80 00000000 00 80 00000000",
            "02 00 00 00 00 00"},
};

}  // namespace

TEST_CASE("10.7: every kind of illegal frame fails the connection, in both roles", "[10.7]") {
  for (const illegal& kind : kinds) {
    INFO(kind.from_client << " / " << kind.from_server);
    if (!kind.from_client.empty()) {
      const close_report report = outcome<role::server>(kind.from_client);
      CHECK(report.fault == kind.fault);
      CHECK(report.sent == kind.code);
    }
    if (!kind.from_server.empty()) {
      const close_report report = outcome<role::client>(kind.from_server);
      CHECK(report.fault == kind.fault);
      CHECK(report.sent == kind.code);
    }
  }
}
