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

namespace detail {

/// The peer broke a rule, for which an open connection is failed.
constexpr error_info fails(std::string_view name, std::string_view clause, close_code code,
                           std::string_view message) noexcept {
  return {name, fault::peer, clause, code, 0, message};
}

/// The peer broke a rule of the handshake, for which a server refuses the upgrade.
constexpr error_info refuses(std::string_view name, std::string_view clause, std::uint16_t status,
                             std::string_view message) noexcept {
  return {name, fault::peer, clause, close_code::none, status, message};
}

/// The caller made a mistake, which goes to nobody else.
constexpr error_info mistake(std::string_view name, std::string_view clause, std::string_view message) noexcept {
  return {name, fault::caller, clause, close_code::none, 0, message};
}

/// This end cannot go on.
constexpr error_info trouble(std::string_view name, std::string_view clause, std::uint16_t status,
                             std::string_view message) noexcept {
  return {name, fault::local, clause, close_code::internal_error, status, message};
}

}  // namespace detail

constexpr error_info info(error what) noexcept {
  switch (what) {
    case error::none: return {"none", fault::nobody, "", close_code::none, 0, "no error"};
    case error::reserved_bits_set:
      return detail::fails("reserved_bits_set", "RFC 6455 §5.2", close_code::protocol_error,
                           "a reserved bit is set and no extension was agreed that gives it a meaning");
    case error::opcode_reserved:
      return detail::fails("opcode_reserved", "RFC 6455 §5.2", close_code::protocol_error,
                           "the opcode is one of the reserved ones");
    case error::control_fragmented:
      return detail::fails("control_fragmented", "RFC 6455 §5.5", close_code::protocol_error,
                           "a control frame is fragmented");
    case error::control_too_long:
      return detail::fails("control_too_long", "RFC 6455 §5.5", close_code::protocol_error,
                           "a control frame's payload is longer than 125 bytes");
    case error::mask_missing:
      return detail::fails("mask_missing", "RFC 6455 §5.1", close_code::protocol_error,
                           "a client's frame is not masked");
    case error::mask_forbidden:
      return detail::fails("mask_forbidden", "RFC 6455 §5.1", close_code::protocol_error, "a server's frame is masked");
    case error::length_not_minimal:
      return detail::fails("length_not_minimal", "RFC 6455 §5.2", close_code::protocol_error,
                           "the payload length is not written in the fewest bytes");
    case error::length_msb_set:
      return detail::fails("length_msb_set", "RFC 6455 §5.2", close_code::protocol_error,
                           "the most significant bit of a 64-bit payload length is set");
    case error::continuation_unexpected:
      return detail::fails("continuation_unexpected", "RFC 6455 §5.4", close_code::protocol_error,
                           "a continuation frame came with no message to continue");
    case error::message_interrupted:
      return detail::fails("message_interrupted", "RFC 6455 §5.4", close_code::protocol_error,
                           "a new message began before the fragmented one had ended");
    case error::text_not_utf8:
      return detail::fails("text_not_utf8", "RFC 6455 §8.1", close_code::invalid_payload,
                           "a text message is not valid UTF-8");
    case error::close_payload_short:
      return detail::fails("close_payload_short", "RFC 6455 §5.5.1", close_code::protocol_error,
                           "a Close frame's payload is one byte long");
    case error::close_code_invalid:
      return detail::fails("close_code_invalid", "RFC 6455 §7.4", close_code::protocol_error,
                           "a Close frame carries a code that must not be sent");
    case error::close_reason_not_utf8:
      return detail::fails("close_reason_not_utf8", "RFC 6455 §5.5.1", close_code::invalid_payload,
                           "a Close frame's reason is not valid UTF-8");
    case error::frame_too_big:
      return detail::fails("frame_too_big", "RFC 6455 §10.4", close_code::message_too_big,
                           "a frame is longer than the frame limit");
    case error::message_too_big:
      return detail::fails("message_too_big", "RFC 6455 §10.4", close_code::message_too_big,
                           "a message is longer than the message limit");
    case error::too_many_fragments:
      return detail::fails("too_many_fragments", "RFC 6455 §10.4", close_code::policy_violation,
                           "a message has more fragments than the fragment limit");
    case error::connection_cut:
      return detail::fails("connection_cut", "RFC 6455 §7.1.5", close_code::abnormal,
                           "the transport ended without a Close frame from the peer");
    case error::head_too_large:
      return detail::refuses("head_too_large", "RFC 6585 §5", 431, "the head has more bytes than the head limit");
    case error::too_many_fields:
      return detail::refuses("too_many_fields", "RFC 6585 §5", 431, "the head has more fields than the field limit");
    case error::request_line_malformed:
      return detail::refuses("request_line_malformed", "RFC 9112 §3", 400, "the request line is malformed");
    case error::status_line_malformed:
      return detail::refuses("status_line_malformed", "RFC 9112 §4", 0, "the status line is malformed");
    case error::field_malformed:
      return detail::refuses("field_malformed", "RFC 9112 §5", 400, "a header field is malformed");
    case error::head_cut: return detail::refuses("head_cut", "RFC 9112 §8", 400, "the transport ended within the head");
    case error::method_not_get:
      return detail::refuses("method_not_get", "RFC 6455 §4.1", 405, "the request method is not GET");
    case error::http_version_unsupported:
      return detail::refuses("http_version_unsupported", "RFC 6455 §4.1", 505, "the HTTP version is not 1.1");
    case error::target_malformed:
      return detail::refuses("target_malformed", "RFC 6455 §4.2.1", 400,
                             "the request target is neither a path nor an absolute URI");
    case error::host_missing:
      return detail::refuses("host_missing", "RFC 6455 §4.2.1", 400, "the Host field is missing");
    case error::host_repeated:
      return detail::refuses("host_repeated", "RFC 9112 §3.2", 400, "the Host field is repeated");
    case error::host_malformed:
      return detail::refuses("host_malformed", "RFC 9112 §3.2", 400,
                             "the Host field is not a host and an optional port");
    case error::body_present:
      return detail::refuses("body_present", "RFC 6455 §4.1", 400, "the upgrade request has a body");
    case error::upgrade_missing:
      return detail::refuses("upgrade_missing", "RFC 6455 §4.2.1", 400, "the Upgrade field does not name websocket");
    case error::connection_missing:
      return detail::refuses("connection_missing", "RFC 6455 §4.2.1", 400,
                             "the Connection field does not name Upgrade");
    case error::key_missing:
      return detail::refuses("key_missing", "RFC 6455 §4.2.1", 400, "the Sec-WebSocket-Key field is missing");
    case error::key_repeated:
      return detail::refuses("key_repeated", "RFC 6455 §11.3.1", 400, "the Sec-WebSocket-Key field is repeated");
    case error::key_malformed:
      return detail::refuses("key_malformed", "RFC 6455 §4.2.1", 400,
                             "Sec-WebSocket-Key is not the base64 form of 16 bytes");
    case error::version_missing:
      return detail::refuses("version_missing", "RFC 6455 §4.2.1", 400, "the Sec-WebSocket-Version field is missing");
    case error::version_repeated:
      return detail::refuses("version_repeated", "RFC 6455 §11.3.5", 400,
                             "the Sec-WebSocket-Version field is repeated");
    case error::version_unsupported:
      return detail::refuses("version_unsupported", "RFC 6455 §4.4", 426, "the WebSocket version is not 13");
    case error::origin_repeated:
      return detail::refuses("origin_repeated", "RFC 6454 §7.3", 400, "the Origin field is repeated");
    case error::origin_refused:
      return detail::refuses("origin_refused", "RFC 6455 §4.2.2", 403, "this origin is not let in");
    case error::subprotocols_malformed:
      return detail::refuses("subprotocols_malformed", "RFC 6455 §11.3.4", 400,
                             "Sec-WebSocket-Protocol is not a list of distinct tokens");
    case error::too_many_subprotocols:
      return detail::refuses("too_many_subprotocols", "RFC 6455 §10.4", 400,
                             "Sec-WebSocket-Protocol lists more subprotocols than a server looks at");
    case error::extensions_malformed:
      return detail::refuses("extensions_malformed", "RFC 6455 §9.1", 400,
                             "Sec-WebSocket-Extensions does not follow its grammar");
    case error::refused_by_application:
      return {"refused_by_application", fault::nobody, "RFC 6455 §4.2.2",
              close_code::none,         403,           "the application refused the upgrade"};
    case error::status_not_101:
      return detail::refuses("status_not_101", "RFC 6455 §4.1", 0, "the response's status is not 101");
    case error::response_version_unsupported:
      return detail::refuses("response_version_unsupported", "RFC 9112 §2.3", 0, "the response is not HTTP/1.1");
    case error::upgrade_not_confirmed:
      return detail::refuses("upgrade_not_confirmed", "RFC 6455 §4.1", 0,
                             "the response's Upgrade field is not websocket");
    case error::connection_not_confirmed:
      return detail::refuses("connection_not_confirmed", "RFC 6455 §4.1", 0,
                             "the response's Connection field does not name Upgrade");
    case error::accept_missing:
      return detail::refuses("accept_missing", "RFC 6455 §4.1", 0, "the Sec-WebSocket-Accept field is missing");
    case error::accept_repeated:
      return detail::refuses("accept_repeated", "RFC 6455 §11.3.3", 0, "the Sec-WebSocket-Accept field is repeated");
    case error::accept_mismatch:
      return detail::refuses("accept_mismatch", "RFC 6455 §4.1", 0,
                             "Sec-WebSocket-Accept is not the answer to the key that was sent");
    case error::subprotocol_not_offered:
      return detail::refuses("subprotocol_not_offered", "RFC 6455 §4.1", 0,
                             "the server selected a subprotocol that was not offered");
    case error::subprotocol_repeated:
      return detail::refuses("subprotocol_repeated", "RFC 6455 §11.3.4", 0,
                             "the server selected more than one subprotocol");
    case error::extension_not_offered:
      return detail::refuses("extension_not_offered", "RFC 6455 §4.1", 0,
                             "the server selected an extension that was not offered");
    case error::redirect_malformed:
      return detail::refuses("redirect_malformed", "RFC 9110 §10.2.2", 0,
                             "the redirect has no Location, or one that is not a WebSocket or HTTP URI");
    case error::redirect_insecure:
      return detail::refuses("redirect_insecure", "RFC 6455 §10.6", 0, "the redirect leads from wss to ws");
    case error::extension_repeated:
      return detail::refuses("extension_repeated", "RFC 7692 §5.1", 0,
                             "the server accepted one extension more than once");
    case error::deflate_parameter_unknown:
      return detail::refuses("deflate_parameter_unknown", "RFC 7692 §7", 0, "permessage-deflate has no such parameter");
    case error::deflate_parameter_repeated:
      return detail::refuses("deflate_parameter_repeated", "RFC 7692 §7", 0,
                             "a parameter of permessage-deflate is repeated");
    case error::deflate_value_invalid:
      return detail::refuses("deflate_value_invalid", "RFC 7692 §7", 0,
                             "a parameter of permessage-deflate has a value that it cannot have");
    case error::deflate_window_refused:
      return detail::refuses("deflate_window_refused", "RFC 7692 §7.1.2", 0,
                             "the window bits of permessage-deflate do not suit this end");
    case error::deflate_takeover_refused:
      return detail::refuses("deflate_takeover_refused", "RFC 7692 §7.1.1", 0,
                             "the server does not confirm server_no_context_takeover");
    case error::compressed_data_invalid:
      return detail::fails("compressed_data_invalid", "RFC 7692 §7.2.2", close_code::invalid_payload,
                           "a compressed message cannot be inflated");
    case error::compressed_ratio_too_high:
      return detail::fails("compressed_ratio_too_high", "RFC 6455 §10.4", close_code::policy_violation,
                           "a compressed message inflates to more times its size than the ratio limit");
    case error::base64_malformed:
      return detail::refuses("base64_malformed", "RFC 4648 §3.5", 400, "this is not canonical base64");
    case error::uri_malformed: return detail::mistake("uri_malformed", "RFC 6455 §3", "this is not a WebSocket URI");
    case error::uri_scheme_unknown:
      return detail::mistake("uri_scheme_unknown", "RFC 6455 §3", "the URI's scheme is neither ws nor wss");
    case error::uri_has_fragment:
      return detail::mistake("uri_has_fragment", "RFC 6455 §3", "a WebSocket URI must not have a fragment");
    case error::uri_has_userinfo:
      return detail::mistake("uri_has_userinfo", "RFC 6455 §3", "a WebSocket URI has no user information");
    case error::uri_port_invalid:
      return detail::mistake("uri_port_invalid", "RFC 6455 §3", "the URI's port is not a number from 1 to 65535");
    case error::would_block:
      return detail::mistake("would_block", "", "the output has reached its high-water mark: drain it and try again");
    case error::buffer_full: return detail::mistake("buffer_full", "", "this can never fit into the fixed buffer");
    case error::closing:
      return detail::mistake("closing", "RFC 6455 §5.5.1",
                             "nothing can be sent any more: the connection is closing or closed");
    case error::payload_not_utf8:
      return detail::mistake("payload_not_utf8", "RFC 6455 §5.6", "the text to send is not valid UTF-8");
    case error::close_code_not_sendable:
      return detail::mistake("close_code_not_sendable", "RFC 6455 §7.4.1", "this close code must not be sent");
    case error::control_payload_too_long:
      return detail::mistake("control_payload_too_long", "RFC 6455 §5.5",
                             "the payload of a control frame is at most 125 bytes");
    case error::payload_length_too_large:
      return detail::mistake("payload_length_too_large", "RFC 6455 §5.2", "a payload length has at most 63 bits");
    case error::message_in_progress:
      return detail::mistake("message_in_progress", "RFC 6455 §5.4", "a message is being sent in pieces: end it first");
    case error::message_type_mismatch:
      return detail::mistake("message_type_mismatch", "RFC 6455 §5.4",
                             "this piece is not of the type that the message began with");
    case error::input_pending:
      return detail::mistake("input_pending", "",
                             "the last chunk is not used up: poll until no event comes, or retain it");
    case error::sent_too_much:
      return detail::mistake("sent_too_much", "", "more was reported sent than there was to send");
    case error::field_forbidden:
      return detail::mistake("field_forbidden", "RFC 9110 §5.5",
                             "the field's name is not a token or its value holds CR, LF or NUL");
    case error::field_reserved:
      return detail::mistake("field_reserved", "RFC 6455 §4.1", "the handshake writes this field itself");
    case error::subprotocol_not_token:
      return detail::mistake("subprotocol_not_token", "RFC 6455 §4.1",
                             "a subprotocol is not a token, or is listed twice");
    case error::status_not_refusal:
      return detail::mistake("status_not_refusal", "RFC 6455 §4.2.2", "a refusal's status is from 300 to 599");
    case error::deflate_options_invalid:
      return detail::mistake("deflate_options_invalid", "RFC 7692 §7.1.2",
                             "a window has 9 to 15 bits, the one that is only inflated with 8 to 15");
    case error::handshake_unfinished:
      return detail::mistake("handshake_unfinished", "RFC 6455 §4", "the handshake has not come that far");
    case error::response_written:
      return detail::mistake("response_written", "RFC 6455 §4", "the response is written already");
    case error::out_of_memory:
      return detail::trouble("out_of_memory", "RFC 6455 §7.4.1", 503, "there is no memory left for this");
    case error::random_failed:
      return detail::trouble("random_failed", "RFC 6455 §10.3", 0, "the random source gave no bytes");
    case error::hash_failed:
      return detail::trouble("hash_failed", "RFC 6455 §4.2.2", 500, "the hash could not be computed");
  }
  return {"unknown", fault::nobody, "", close_code::none, 0, "unknown error"};
}

}  // namespace sansocket

#endif
