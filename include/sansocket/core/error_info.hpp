// What each error means: whose doing it is, which clause it breaks, how it is told to the peer.
#ifndef SANSOCKET_CORE_ERROR_INFO_HPP
#define SANSOCKET_CORE_ERROR_INFO_HPP

#include <cstdint>
#include <string_view>

#include "sansocket/core/close_code.hpp"
#include "sansocket/core/error.hpp"

namespace sansocket {

/// Whose doing an error is.
enum class fault : std::uint8_t { nobody, peer, caller, local };

/// What is known of an error.
struct error_info {
  std::string_view name;       ///< the enumerator's own name
  enum fault fault;            ///< whose doing it is
  std::string_view clause;     ///< the clause that is broken; empty where none is
  enum close_code close_code;  ///< the code to fail the connection with; none before it is open
  std::uint16_t http_status;   ///< the status to refuse the upgrade with; 0 where none applies
  std::string_view message;    ///< one sentence for a log
};

/// All that is known of an error.
/// Cost: O(1), no allocation.
constexpr error_info info(error what) noexcept;

/// One sentence for a log.
constexpr std::string_view message(error what) noexcept { return info(what).message; }

/// The enumerator's own name.
constexpr std::string_view name(error what) noexcept { return info(what).name; }

/// The clause that the error breaks, such as "RFC 6455 §5.5"; empty where none is broken.
constexpr std::string_view clause(error what) noexcept { return info(what).clause; }

/// The close code with which this error fails an open connection; none if it cannot.
constexpr close_code close_code_for(error what) noexcept { return info(what).close_code; }

/// The HTTP status with which this error refuses an upgrade; 0 if it cannot.
constexpr std::uint16_t http_status_for(error what) noexcept { return info(what).http_status; }

constexpr error_info info(error what) noexcept {
  switch (what) {
    case error::none: return {"none", fault::nobody, "", close_code::none, 0, "no error"};
    case error::reserved_bits_set:
      return {"reserved_bits_set",
              fault::peer,
              "RFC 6455 §5.2",
              close_code::protocol_error,
              0,
              "a reserved bit is set and no extension was agreed that gives it a meaning"};
    case error::opcode_reserved:
      return {"opcode_reserved",          fault::peer, "RFC 6455 §5.2",
              close_code::protocol_error, 0,           "the opcode is one of the reserved ones"};
    case error::control_fragmented:
      return {"control_fragmented",       fault::peer, "RFC 6455 §5.5",
              close_code::protocol_error, 0,           "a control frame is fragmented"};
    case error::control_too_long:
      return {"control_too_long",         fault::peer, "RFC 6455 §5.5",
              close_code::protocol_error, 0,           "a control frame's payload is longer than 125 bytes"};
    case error::mask_missing:
      return {"mask_missing",
              fault::peer,
              "RFC 6455 §5.1",
              close_code::protocol_error,
              0,
              "a client's frame is not masked"};
    case error::mask_forbidden:
      return {"mask_forbidden",           fault::peer, "RFC 6455 §5.1",
              close_code::protocol_error, 0,           "a server's frame is masked"};
    case error::length_not_minimal:
      return {"length_not_minimal",       fault::peer, "RFC 6455 §5.2",
              close_code::protocol_error, 0,           "the payload length is not written in the fewest bytes"};
    case error::length_msb_set:
      return {"length_msb_set",           fault::peer, "RFC 6455 §5.2",
              close_code::protocol_error, 0,           "the most significant bit of a 64-bit payload length is set"};
    case error::continuation_unexpected:
      return {"continuation_unexpected",  fault::peer, "RFC 6455 §5.4",
              close_code::protocol_error, 0,           "a continuation frame came with no message to continue"};
    case error::message_interrupted:
      return {"message_interrupted",      fault::peer, "RFC 6455 §5.4",
              close_code::protocol_error, 0,           "a new message began before the fragmented one had ended"};
    case error::text_not_utf8:
      return {"text_not_utf8",
              fault::peer,
              "RFC 6455 §8.1",
              close_code::invalid_payload,
              0,
              "a text message is not valid UTF-8"};
    case error::close_payload_short:
      return {"close_payload_short",      fault::peer, "RFC 6455 §5.5.1",
              close_code::protocol_error, 0,           "a Close frame's payload is one byte long"};
    case error::close_code_invalid:
      return {"close_code_invalid",       fault::peer, "RFC 6455 §7.4",
              close_code::protocol_error, 0,           "a Close frame carries a code that must not be sent"};
    case error::close_reason_not_utf8:
      return {"close_reason_not_utf8",     fault::peer, "RFC 6455 §5.5.1",
              close_code::invalid_payload, 0,           "a Close frame's reason is not valid UTF-8"};
    case error::frame_too_big:
      return {"frame_too_big",
              fault::peer,
              "RFC 6455 §10.4",
              close_code::message_too_big,
              0,
              "a frame is longer than the frame limit"};
    case error::message_too_big:
      return {"message_too_big",           fault::peer, "RFC 6455 §10.4",
              close_code::message_too_big, 0,           "a message is longer than the message limit"};
    case error::too_many_fragments:
      return {"too_many_fragments",         fault::peer, "RFC 6455 §10.4",
              close_code::policy_violation, 0,           "a message has more fragments than the fragment limit"};
    case error::connection_cut:
      return {"connection_cut",     fault::peer, "RFC 6455 §7.1.5",
              close_code::abnormal, 0,           "the transport ended without a Close frame from the peer"};
    case error::head_too_large:
      return {"head_too_large", fault::peer, "RFC 6585 §5",
              close_code::none, 431,         "the head has more bytes than the head limit"};
    case error::too_many_fields:
      return {"too_many_fields", fault::peer, "RFC 6585 §5",
              close_code::none,  431,         "the head has more fields than the field limit"};
    case error::request_line_malformed:
      return {"request_line_malformed", fault::peer, "RFC 9112 §3",
              close_code::none,         400,         "the request line is malformed"};
    case error::status_line_malformed:
      return {"status_line_malformed", fault::peer, "RFC 9112 §4", close_code::none, 0, "the status line is malformed"};
    case error::field_malformed:
      return {"field_malformed", fault::peer, "RFC 9112 §5", close_code::none, 400, "a header field is malformed"};
    case error::head_cut:
      return {"head_cut", fault::peer, "RFC 9112 §8", close_code::none, 400, "the transport ended within the head"};
    case error::method_not_get:
      return {"method_not_get", fault::peer, "RFC 6455 §4.1", close_code::none, 405, "the request method is not GET"};
    case error::http_version_unsupported:
      return {"http_version_unsupported", fault::peer, "RFC 6455 §4.1",
              close_code::none,           505,         "the HTTP version is not 1.1"};
    case error::target_malformed:
      return {"target_malformed", fault::peer, "RFC 6455 §4.2.1",
              close_code::none,   400,         "the request target is neither a path nor an absolute URI"};
    case error::host_missing:
      return {"host_missing", fault::peer, "RFC 6455 §4.2.1", close_code::none, 400, "the Host field is missing"};
    case error::host_repeated:
      return {"host_repeated", fault::peer, "RFC 9112 §3.2", close_code::none, 400, "the Host field is repeated"};
    case error::host_malformed:
      return {"host_malformed", fault::peer, "RFC 9112 §3.2",
              close_code::none, 400,         "the Host field is not a host and an optional port"};
    case error::body_present:
      return {"body_present", fault::peer, "RFC 6455 §4.1", close_code::none, 400, "the upgrade request has a body"};
    case error::upgrade_missing:
      return {"upgrade_missing", fault::peer, "RFC 6455 §4.2.1",
              close_code::none,  400,         "the Upgrade field does not name websocket"};
    case error::connection_missing:
      return {"connection_missing", fault::peer, "RFC 6455 §4.2.1",
              close_code::none,     400,         "the Connection field does not name Upgrade"};
    case error::key_missing:
      return {"key_missing",    fault::peer, "RFC 6455 §4.2.1",
              close_code::none, 400,         "the Sec-WebSocket-Key field is missing"};
    case error::key_repeated:
      return {"key_repeated",   fault::peer, "RFC 6455 §11.3.1",
              close_code::none, 400,         "the Sec-WebSocket-Key field is repeated"};
    case error::key_malformed:
      return {"key_malformed",  fault::peer, "RFC 6455 §4.2.1",
              close_code::none, 400,         "Sec-WebSocket-Key is not the base64 form of 16 bytes"};
    case error::version_missing:
      return {"version_missing", fault::peer, "RFC 6455 §4.2.1",
              close_code::none,  400,         "the Sec-WebSocket-Version field is missing"};
    case error::version_repeated:
      return {"version_repeated", fault::peer, "RFC 6455 §11.3.5",
              close_code::none,   400,         "the Sec-WebSocket-Version field is repeated"};
    case error::version_unsupported:
      return {"version_unsupported", fault::peer, "RFC 6455 §4.4",
              close_code::none,      426,         "the WebSocket version is not 13"};
    case error::origin_repeated:
      return {"origin_repeated", fault::peer, "RFC 6454 §7.3", close_code::none, 400, "the Origin field is repeated"};
    case error::origin_refused:
      return {"origin_refused", fault::peer, "RFC 6455 §4.2.2", close_code::none, 403, "this origin is not let in"};
    case error::subprotocols_malformed:
      return {"subprotocols_malformed", fault::peer, "RFC 6455 §11.3.4",
              close_code::none,         400,         "Sec-WebSocket-Protocol is not a list of distinct tokens"};
    case error::too_many_subprotocols:
      return {"too_many_subprotocols",
              fault::peer,
              "RFC 6455 §10.4",
              close_code::none,
              400,
              "Sec-WebSocket-Protocol lists more subprotocols than a server looks at"};
    case error::extensions_malformed:
      return {"extensions_malformed", fault::peer, "RFC 6455 §9.1",
              close_code::none,       400,         "Sec-WebSocket-Extensions does not follow its grammar"};
    case error::refused_by_application:
      return {"refused_by_application", fault::nobody, "RFC 6455 §4.2.2",
              close_code::none,         403,           "the application refused the upgrade"};
    case error::status_not_101:
      return {"status_not_101", fault::peer, "RFC 6455 §4.1", close_code::none, 0, "the response's status is not 101"};
    case error::response_version_unsupported:
      return {"response_version_unsupported", fault::peer, "RFC 9112 §2.3", close_code::none, 0,
              "the response is not HTTP/1.1"};
    case error::upgrade_not_confirmed:
      return {"upgrade_not_confirmed", fault::peer, "RFC 6455 §4.1",
              close_code::none,        0,           "the response's Upgrade field is not websocket"};
    case error::connection_not_confirmed:
      return {"connection_not_confirmed", fault::peer, "RFC 6455 §4.1",
              close_code::none,           0,           "the response's Connection field does not name Upgrade"};
    case error::accept_missing:
      return {"accept_missing", fault::peer, "RFC 6455 §4.1",
              close_code::none, 0,           "the Sec-WebSocket-Accept field is missing"};
    case error::accept_repeated:
      return {"accept_repeated", fault::peer, "RFC 6455 §11.3.3",
              close_code::none,  0,           "the Sec-WebSocket-Accept field is repeated"};
    case error::accept_mismatch:
      return {"accept_mismatch", fault::peer, "RFC 6455 §4.1",
              close_code::none,  0,           "Sec-WebSocket-Accept is not the answer to the key that was sent"};
    case error::subprotocol_not_offered:
      return {"subprotocol_not_offered", fault::peer, "RFC 6455 §4.1",
              close_code::none,          0,           "the server selected a subprotocol that was not offered"};
    case error::subprotocol_repeated:
      return {"subprotocol_repeated", fault::peer, "RFC 6455 §11.3.4",
              close_code::none,       0,           "the server selected more than one subprotocol"};
    case error::extension_not_offered:
      return {"extension_not_offered", fault::peer, "RFC 6455 §4.1",
              close_code::none,        0,           "the server selected an extension that was not offered"};
    case error::redirect_malformed:
      return {"redirect_malformed",
              fault::peer,
              "RFC 9110 §10.2.2",
              close_code::none,
              0,
              "the redirect has no Location, or one that is not a WebSocket or HTTP URI"};
    case error::redirect_insecure:
      return {"redirect_insecure", fault::peer, "RFC 6455 §10.6",
              close_code::none,    0,           "the redirect leads from wss to ws"};
    case error::base64_malformed:
      return {"base64_malformed", fault::peer, "RFC 4648 §3.5", close_code::none, 400, "this is not canonical base64"};
    case error::uri_malformed:
      return {"uri_malformed", fault::caller, "RFC 6455 §3", close_code::none, 0, "this is not a WebSocket URI"};
    case error::uri_scheme_unknown:
      return {"uri_scheme_unknown",
              fault::caller,
              "RFC 6455 §3",
              close_code::none,
              0,
              "the URI's scheme is neither ws nor wss"};
    case error::uri_has_fragment:
      return {"uri_has_fragment",
              fault::caller,
              "RFC 6455 §3",
              close_code::none,
              0,
              "a WebSocket URI must not have a fragment"};
    case error::uri_has_userinfo:
      return {"uri_has_userinfo",
              fault::caller,
              "RFC 6455 §3",
              close_code::none,
              0,
              "a WebSocket URI has no user information"};
    case error::uri_port_invalid:
      return {"uri_port_invalid",
              fault::caller,
              "RFC 6455 §3",
              close_code::none,
              0,
              "the URI's port is not a number from 1 to 65535"};
    case error::would_block:
      return {"would_block",
              fault::caller,
              "",
              close_code::none,
              0,
              "the output has reached its high-water mark: drain it and try again"};
    case error::buffer_full:
      return {"buffer_full", fault::caller, "", close_code::none, 0, "this can never fit into the fixed buffer"};
    case error::closing:
      return {"closing",
              fault::caller,
              "RFC 6455 §5.5.1",
              close_code::none,
              0,
              "nothing can be sent any more: the connection is closing or closed"};
    case error::payload_not_utf8:
      return {"payload_not_utf8",
              fault::caller,
              "RFC 6455 §5.6",
              close_code::none,
              0,
              "the text to send is not valid UTF-8"};
    case error::close_code_not_sendable:
      return {"close_code_not_sendable",         fault::caller, "RFC 6455 §7.4.1", close_code::none, 0,
              "this close code must not be sent"};
    case error::control_payload_too_long:
      return {"control_payload_too_long",
              fault::caller,
              "RFC 6455 §5.5",
              close_code::none,
              0,
              "the payload of a control frame is at most 125 bytes"};
    case error::payload_length_too_large:
      return {"payload_length_too_large",
              fault::caller,
              "RFC 6455 §5.2",
              close_code::none,
              0,
              "a payload length has at most 63 bits"};
    case error::message_in_progress:
      return {"message_in_progress",
              fault::caller,
              "RFC 6455 §5.4",
              close_code::none,
              0,
              "a message is being sent in pieces: end it first"};
    case error::message_type_mismatch:
      return {"message_type_mismatch",
              fault::caller,
              "RFC 6455 §5.4",
              close_code::none,
              0,
              "this piece is not of the type that the message began with"};
    case error::input_pending:
      return {"input_pending",
              fault::caller,
              "",
              close_code::none,
              0,
              "the last chunk is not used up: poll until no event comes, or retain it"};
    case error::sent_too_much:
      return {"sent_too_much", fault::caller, "", close_code::none, 0, "more was reported sent than there was to send"};
    case error::field_forbidden:
      return {"field_forbidden",
              fault::caller,
              "RFC 9110 §5.5",
              close_code::none,
              0,
              "the field's name is not a token or its value holds CR, LF or NUL"};
    case error::field_reserved:
      return {"field_reserved",
              fault::caller,
              "RFC 6455 §4.1",
              close_code::none,
              0,
              "the handshake writes this field itself"};
    case error::subprotocol_not_token:
      return {"subprotocol_not_token",
              fault::caller,
              "RFC 6455 §4.1",
              close_code::none,
              0,
              "a subprotocol is not a token, or is listed twice"};
    case error::status_not_refusal:
      return {"status_not_refusal",
              fault::caller,
              "RFC 6455 §4.2.2",
              close_code::none,
              0,
              "a refusal's status is from 300 to 599"};
    case error::handshake_unfinished:
      return {"handshake_unfinished",
              fault::caller,
              "RFC 6455 §4",
              close_code::none,
              0,
              "the handshake has not come that far"};
    case error::response_written:
      return {"response_written", fault::caller, "RFC 6455 §4", close_code::none, 0, "the response is written already"};
    case error::out_of_memory:
      return {"out_of_memory",
              fault::local,
              "RFC 6455 §7.4.1",
              close_code::internal_error,
              503,
              "there is no memory left for this"};
    case error::random_failed:
      return {"random_failed",
              fault::local,
              "RFC 6455 §10.3",
              close_code::internal_error,
              0,
              "the random source gave no bytes"};
    case error::hash_failed:
      return {"hash_failed",
              fault::local,
              "RFC 6455 §4.2.2",
              close_code::internal_error,
              500,
              "the hash could not be computed"};
  }
  return {"unknown", fault::nobody, "", close_code::none, 0, "unknown error"};
}

}  // namespace sansocket

#endif
