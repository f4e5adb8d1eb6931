// Everything that can go wrong (§7.1.7, §4.2.2).
#ifndef SANSOCKET_CORE_ERROR_HPP
#define SANSOCKET_CORE_ERROR_HPP

#include <cstdint>

namespace sansocket {

/// Every way in which the peer, the caller or this end can fail.
enum class error : std::uint8_t {
  none,

  // Framing: the peer sent a frame that it must not send.
  reserved_bits_set,
  opcode_reserved,
  control_fragmented,
  control_too_long,
  mask_missing,
  mask_forbidden,
  length_not_minimal,
  length_msb_set,
  continuation_unexpected,
  message_interrupted,
  text_not_utf8,
  close_payload_short,
  close_code_invalid,
  close_reason_not_utf8,
  frame_too_big,
  message_too_big,
  too_many_fragments,
  connection_cut,

  // HTTP heads: the peer's head cannot be read.
  head_too_large,
  too_many_fields,
  request_line_malformed,
  status_line_malformed,
  field_malformed,
  head_cut,

  // Opening handshake, judged by the server.
  method_not_get,
  http_version_unsupported,
  target_malformed,
  host_missing,
  host_repeated,
  host_malformed,
  body_present,
  upgrade_missing,
  connection_missing,
  key_missing,
  key_repeated,
  key_malformed,
  version_missing,
  version_repeated,
  version_unsupported,
  origin_repeated,
  origin_refused,
  subprotocols_malformed,
  too_many_subprotocols,
  extensions_malformed,
  refused_by_application,

  // Opening handshake, judged by the client.
  status_not_101,
  response_version_unsupported,
  upgrade_not_confirmed,
  connection_not_confirmed,
  accept_missing,
  accept_repeated,
  accept_mismatch,
  subprotocol_not_offered,
  subprotocol_repeated,
  extension_not_offered,
  extension_repeated,
  redirect_malformed,
  redirect_insecure,

  // permessage-deflate: an offer is declined for these, an answer fails the handshake.
  deflate_parameter_unknown,
  deflate_parameter_repeated,
  deflate_value_invalid,
  deflate_window_refused,
  deflate_takeover_refused,

  // Compressed messages: the peer sent what does not inflate.
  compressed_data_invalid,
  compressed_ratio_too_high,

  // Text forms, judged wherever they are read.
  base64_malformed,
  uri_malformed,
  uri_scheme_unknown,
  uri_has_fragment,
  uri_has_userinfo,
  uri_port_invalid,

  // The caller's mistakes: reported where they are made, and nothing is changed.
  would_block,
  buffer_full,
  closing,
  payload_not_utf8,
  close_code_not_sendable,
  control_payload_too_long,
  payload_length_too_large,
  message_in_progress,
  message_type_mismatch,
  input_pending,
  sent_too_much,
  field_forbidden,
  field_reserved,
  subprotocol_not_token,
  status_not_refusal,
  deflate_options_invalid,
  handshake_unfinished,
  response_written,

  // This end's own trouble.
  out_of_memory,
  random_failed,
  hash_failed,
};

}  // namespace sansocket

#endif
