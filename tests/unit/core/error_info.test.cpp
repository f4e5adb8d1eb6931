#include "sansocket/core/error_info.hpp"

#include <array>
#include <set>
#include <string_view>

#include "catch.hpp"

using namespace sansocket;

namespace {

struct row {
  error what;
  std::string_view name;
  enum fault fault;
  enum close_code close_code;
  std::uint16_t http_status;
};

// clang-format off
constexpr std::array<row, 93> table{{
    {error::none, "none", fault::nobody, close_code::none, 0},
    // §5.2, §5.5, §5.1, §5.4, §8.1, §7.4, §10.4: how a connection is failed.
    {error::reserved_bits_set, "reserved_bits_set", fault::peer, close_code::protocol_error, 0},
    {error::opcode_reserved, "opcode_reserved", fault::peer, close_code::protocol_error, 0},
    {error::control_fragmented, "control_fragmented", fault::peer, close_code::protocol_error, 0},
    {error::control_too_long, "control_too_long", fault::peer, close_code::protocol_error, 0},
    {error::mask_missing, "mask_missing", fault::peer, close_code::protocol_error, 0},
    {error::mask_forbidden, "mask_forbidden", fault::peer, close_code::protocol_error, 0},
    {error::length_not_minimal, "length_not_minimal", fault::peer, close_code::protocol_error, 0},
    {error::length_msb_set, "length_msb_set", fault::peer, close_code::protocol_error, 0},
    {error::continuation_unexpected, "continuation_unexpected", fault::peer, close_code::protocol_error, 0},
    {error::message_interrupted, "message_interrupted", fault::peer, close_code::protocol_error, 0},
    {error::text_not_utf8, "text_not_utf8", fault::peer, close_code::invalid_payload, 0},
    {error::close_payload_short, "close_payload_short", fault::peer, close_code::protocol_error, 0},
    {error::close_code_invalid, "close_code_invalid", fault::peer, close_code::protocol_error, 0},
    {error::close_reason_not_utf8, "close_reason_not_utf8", fault::peer, close_code::invalid_payload, 0},
    {error::frame_too_big, "frame_too_big", fault::peer, close_code::message_too_big, 0},
    {error::message_too_big, "message_too_big", fault::peer, close_code::message_too_big, 0},
    {error::too_many_fragments, "too_many_fragments", fault::peer, close_code::policy_violation, 0},
    {error::connection_cut, "connection_cut", fault::peer, close_code::abnormal, 0},
    // RFC 6585 §5 for what is too long, RFC 9110 §15.5.1 for the rest. A client answers no response.
    {error::head_too_large, "head_too_large", fault::peer, close_code::none, 431},
    {error::too_many_fields, "too_many_fields", fault::peer, close_code::none, 431},
    {error::request_line_malformed, "request_line_malformed", fault::peer, close_code::none, 400},
    {error::status_line_malformed, "status_line_malformed", fault::peer, close_code::none, 0},
    {error::field_malformed, "field_malformed", fault::peer, close_code::none, 400},
    {error::head_cut, "head_cut", fault::peer, close_code::none, 400},
    // §4.2.1, §4.2.2, §4.4: how a server refuses.
    {error::method_not_get, "method_not_get", fault::peer, close_code::none, 405},
    {error::http_version_unsupported, "http_version_unsupported", fault::peer, close_code::none, 505},
    {error::target_malformed, "target_malformed", fault::peer, close_code::none, 400},
    {error::host_missing, "host_missing", fault::peer, close_code::none, 400},
    {error::host_repeated, "host_repeated", fault::peer, close_code::none, 400},
    {error::host_malformed, "host_malformed", fault::peer, close_code::none, 400},
    {error::body_present, "body_present", fault::peer, close_code::none, 400},
    {error::upgrade_missing, "upgrade_missing", fault::peer, close_code::none, 400},
    {error::connection_missing, "connection_missing", fault::peer, close_code::none, 400},
    {error::key_missing, "key_missing", fault::peer, close_code::none, 400},
    {error::key_repeated, "key_repeated", fault::peer, close_code::none, 400},
    {error::key_malformed, "key_malformed", fault::peer, close_code::none, 400},
    {error::version_missing, "version_missing", fault::peer, close_code::none, 400},
    {error::version_repeated, "version_repeated", fault::peer, close_code::none, 400},
    {error::version_unsupported, "version_unsupported", fault::peer, close_code::none, 426},
    {error::origin_repeated, "origin_repeated", fault::peer, close_code::none, 400},
    {error::origin_refused, "origin_refused", fault::peer, close_code::none, 403},
    {error::subprotocols_malformed, "subprotocols_malformed", fault::peer, close_code::none, 400},
    {error::too_many_subprotocols, "too_many_subprotocols", fault::peer, close_code::none, 400},
    {error::extensions_malformed, "extensions_malformed", fault::peer, close_code::none, 400},
    {error::refused_by_application, "refused_by_application", fault::nobody, close_code::none, 403},
    // §4.1: a client tells nobody.
    {error::status_not_101, "status_not_101", fault::peer, close_code::none, 0},
    {error::response_version_unsupported, "response_version_unsupported", fault::peer, close_code::none, 0},
    {error::upgrade_not_confirmed, "upgrade_not_confirmed", fault::peer, close_code::none, 0},
    {error::connection_not_confirmed, "connection_not_confirmed", fault::peer, close_code::none, 0},
    {error::accept_missing, "accept_missing", fault::peer, close_code::none, 0},
    {error::accept_repeated, "accept_repeated", fault::peer, close_code::none, 0},
    {error::accept_mismatch, "accept_mismatch", fault::peer, close_code::none, 0},
    {error::subprotocol_not_offered, "subprotocol_not_offered", fault::peer, close_code::none, 0},
    {error::subprotocol_repeated, "subprotocol_repeated", fault::peer, close_code::none, 0},
    {error::extension_not_offered, "extension_not_offered", fault::peer, close_code::none, 0},
    {error::extension_repeated, "extension_repeated", fault::peer, close_code::none, 0},
    {error::redirect_malformed, "redirect_malformed", fault::peer, close_code::none, 0},
    {error::redirect_insecure, "redirect_insecure", fault::peer, close_code::none, 0},
    // RFC 7692 §7.1: an offer is declined for these, which is no refusal; an answer fails a client's handshake.
    {error::deflate_parameter_unknown, "deflate_parameter_unknown", fault::peer, close_code::none, 0},
    {error::deflate_parameter_repeated, "deflate_parameter_repeated", fault::peer, close_code::none, 0},
    {error::deflate_value_invalid, "deflate_value_invalid", fault::peer, close_code::none, 0},
    {error::deflate_window_refused, "deflate_window_refused", fault::peer, close_code::none, 0},
    {error::deflate_takeover_refused, "deflate_takeover_refused", fault::peer, close_code::none, 0},
    // §7.4.1: 1007 for data that is not consistent, 1008 for a policy.
    {error::compressed_data_invalid, "compressed_data_invalid", fault::peer, close_code::invalid_payload, 0},
    {error::compressed_ratio_too_high, "compressed_ratio_too_high", fault::peer, close_code::policy_violation, 0},
    // Text forms: a key is foreign, a URI is the caller's own.
    {error::base64_malformed, "base64_malformed", fault::peer, close_code::none, 400},
    {error::uri_malformed, "uri_malformed", fault::caller, close_code::none, 0},
    {error::uri_scheme_unknown, "uri_scheme_unknown", fault::caller, close_code::none, 0},
    {error::uri_has_fragment, "uri_has_fragment", fault::caller, close_code::none, 0},
    {error::uri_has_userinfo, "uri_has_userinfo", fault::caller, close_code::none, 0},
    {error::uri_port_invalid, "uri_port_invalid", fault::caller, close_code::none, 0},
    // The caller's mistakes never reach the wire.
    {error::would_block, "would_block", fault::caller, close_code::none, 0},
    {error::buffer_full, "buffer_full", fault::caller, close_code::none, 0},
    {error::closing, "closing", fault::caller, close_code::none, 0},
    {error::payload_not_utf8, "payload_not_utf8", fault::caller, close_code::none, 0},
    {error::close_code_not_sendable, "close_code_not_sendable", fault::caller, close_code::none, 0},
    {error::control_payload_too_long, "control_payload_too_long", fault::caller, close_code::none, 0},
    {error::payload_length_too_large, "payload_length_too_large", fault::caller, close_code::none, 0},
    {error::message_in_progress, "message_in_progress", fault::caller, close_code::none, 0},
    {error::message_type_mismatch, "message_type_mismatch", fault::caller, close_code::none, 0},
    {error::input_pending, "input_pending", fault::caller, close_code::none, 0},
    {error::sent_too_much, "sent_too_much", fault::caller, close_code::none, 0},
    {error::field_forbidden, "field_forbidden", fault::caller, close_code::none, 0},
    {error::field_reserved, "field_reserved", fault::caller, close_code::none, 0},
    {error::subprotocol_not_token, "subprotocol_not_token", fault::caller, close_code::none, 0},
    {error::status_not_refusal, "status_not_refusal", fault::caller, close_code::none, 0},
    {error::deflate_options_invalid, "deflate_options_invalid", fault::caller, close_code::none, 0},
    {error::handshake_unfinished, "handshake_unfinished", fault::caller, close_code::none, 0},
    {error::response_written, "response_written", fault::caller, close_code::none, 0},
    // This end's own trouble: §7.4.1 has 1011 for it, RFC 9110 §15.6 the statuses.
    {error::out_of_memory, "out_of_memory", fault::local, close_code::internal_error, 503},
    {error::random_failed, "random_failed", fault::local, close_code::internal_error, 0},
    {error::hash_failed, "hash_failed", fault::local, close_code::internal_error, 500},
}};
// clang-format on

constexpr int last = static_cast<int>(error::hash_failed);

constexpr bool is_between(error what, error first, error final) { return what >= first && what <= final; }

/// Words for a log: something to read, on one line, no full stop.
constexpr bool is_sentence(std::string_view text) {
  for (const char c : text) {
    if (c >= 0 && c < 0x20) return false;
  }
  return text.size() > 5 && text.back() != '.' && text.back() != ' ' && text.front() != ' ';
}

}  // namespace

TEST_CASE("error_info: every error is in the table, in order", "[error_info]") {
  REQUIRE(table.size() == static_cast<std::size_t>(last) + 1);
  for (std::size_t i = 0; i < table.size(); ++i) CHECK(static_cast<std::size_t>(table[i].what) == i);
}

TEST_CASE("error_info: knows the name, fault, close code and status of every error", "[error_info][7.4.1][4.2.2]") {
  for (const row& expected : table) {
    INFO(expected.name);
    const error_info known = info(expected.what);
    CHECK(known.name == expected.name);
    CHECK(known.fault == expected.fault);
    CHECK(known.close_code == expected.close_code);
    CHECK(known.http_status == expected.http_status);
  }
}

TEST_CASE("error_info: names and messages are unique and fit for a log", "[error_info]") {
  std::set<std::string_view> names;
  std::set<std::string_view> messages;
  for (const row& each : table) {
    INFO(each.name);
    CHECK(names.insert(name(each.what)).second);
    CHECK(messages.insert(message(each.what)).second);
    CHECK(is_sentence(message(each.what)));
  }
}

TEST_CASE("error_info: a clause names its document and section; only the caller's mistakes may be without one",
          "[error_info]") {
  for (const row& each : table) {
    INFO(each.name);
    const std::string_view broken = clause(each.what);
    if (broken.empty()) {
      CHECK((each.fault == fault::caller || each.what == error::none));
    } else {
      CHECK(broken.starts_with("RFC "));
      CHECK(broken.find(" §") == 8);
      CHECK(broken.size() > broken.find("§") + std::string_view("§").size());
    }
  }
  CHECK(clause(error::control_too_long) == "RFC 6455 §5.5");
  CHECK(clause(error::mask_missing) == "RFC 6455 §5.1");
  CHECK(clause(error::text_not_utf8) == "RFC 6455 §8.1");
  CHECK(clause(error::continuation_unexpected) == "RFC 6455 §5.4");
  CHECK(clause(error::version_unsupported) == "RFC 6455 §4.4");
}

TEST_CASE("error_info: what is wrong with a frame has a close code that may be sent", "[error_info][7.1.7]") {
  for (const row& each : table) {
    INFO(each.name);
    if (is_between(each.what, error::reserved_bits_set, error::too_many_fragments) ||
        is_between(each.what, error::compressed_data_invalid, error::compressed_ratio_too_high))
      CHECK(is_sendable(close_code_for(each.what)));
  }
  // §7.4.1: 1006 "MUST NOT be set as a status code in a Close control frame": there is nobody left to tell.
  CHECK(close_code_for(error::connection_cut) == close_code::abnormal);
}

TEST_CASE("error_info: what a server refuses for has a status that refuses", "[error_info][4.2.2]") {
  for (const row& each : table) {
    INFO(each.name);
    const std::uint16_t status = http_status_for(each.what);
    if (is_between(each.what, error::method_not_get, error::refused_by_application))
      CHECK((status >= 400 && status <= 599));
    else CHECK((status == 0 || (status >= 400 && status <= 599)));
  }
}

TEST_CASE("error_info: the caller's mistakes are never told to the peer", "[error_info]") {
  for (const row& each : table) {
    if (each.fault != fault::caller) continue;
    INFO(each.name);
    CHECK(close_code_for(each.what) == close_code::none);
    CHECK(http_status_for(each.what) == 0);
  }
}

TEST_CASE("error_info: a value that is no error is said to be unknown", "[error_info]") {
  for (int value = last + 1; value <= 255; ++value) {
    CAPTURE(value);
    const error_info known = info(static_cast<error>(value));
    CHECK(known.name == "unknown");
    CHECK(known.message == "unknown error");
    CHECK(known.fault == fault::nobody);
    CHECK(known.clause.empty());
    CHECK(known.close_code == close_code::none);
    CHECK(known.http_status == 0);
  }
}

TEST_CASE("error_info: everything can be asked at compile time", "[error_info]") {
  STATIC_REQUIRE(name(error::none) == "none");
  STATIC_REQUIRE(message(error::none) == "no error");
  STATIC_REQUIRE(clause(error::mask_missing) == "RFC 6455 §5.1");
  STATIC_REQUIRE(close_code_for(error::text_not_utf8) == close_code::invalid_payload);
  STATIC_REQUIRE(http_status_for(error::version_unsupported) == 426);
  STATIC_REQUIRE(info(error::would_block).fault == fault::caller);
}
