// The client's upgrade request (§4.1).
#ifndef SANSOCKET_HANDSHAKE_REQUEST_HPP
#define SANSOCKET_HANDSHAKE_REQUEST_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "sansocket/core/buffer.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/core/limits.hpp"
#include "sansocket/handshake/accept_key.hpp"
#include "sansocket/handshake/deflate_offer.hpp"
#include "sansocket/handshake/subprotocol.hpp"
#include "sansocket/http/field_source.hpp"
#include "sansocket/http/head_writer.hpp"
#include "sansocket/http/token.hpp"
#include "sansocket/http/uri.hpp"

namespace sansocket {

/// What a client asks for.
/// Life: the lists are views; they outlive every handshake and connection that came of them.
struct client_options {
  std::span<const std::string_view> subprotocols{};  ///< offered, the preferred one first
  /// Offer permessage-deflate, which is off unless set: the connection then needs the extension
  /// (see sansocket/deflate/permessage_deflate.hpp).
  std::optional<deflate_options> deflate{};
  std::span<const field> fields{};      ///< such as Authorization, Cookie, Origin, User-Agent
  head_limits head{};                   ///< what the response may have
  std::size_t refusal_body = 4 * 1024;  ///< bytes of a refusal's body that are kept
};

/// Says whether the handshake writes this field itself, so that a caller must not.
constexpr bool is_reserved_request_field(std::string_view name) noexcept {
  for (const std::string_view own : {"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return equals_ignoring_case(name.substr(0, 14), "Sec-WebSocket-");
}

/// Says whether a field carries credentials, which must not follow a redirect to another origin.
/// Source: RFC 9110 §15.4.
constexpr bool is_credential_field(std::string_view name) noexcept {
  for (const std::string_view secret : {"Authorization", "Cookie", "Proxy-Authorization"}) {
    if (equals_ignoring_case(name, secret)) return true;
  }
  return false;
}

/// Appends the upgrade request to a buffer.
/// Takes:  `with_credentials` false leaves out the fields that carry them.
/// Errors: subprotocol_not_token, deflate_options_invalid, field_reserved, field_forbidden, out_of_memory, buffer_full.
/// Source: §4.1.
template <byte_buffer Buffer>
[[nodiscard]] error write_request(Buffer& buffer, const uri& target, const websocket_key& key,
                                  const client_options& options, bool with_credentials = true) {
  if (const error fault = check_subprotocols(options.subprotocols); fault != error::none) return fault;
  if (options.deflate && !options.deflate->valid_for(role::client)) return error::deflate_options_invalid;
  for (const field& extra : options.fields) {
    if (is_reserved_request_field(extra.name)) return error::field_reserved;
  }
  const std::size_t before = buffer.size();
  head_writer head(buffer);
  // §3: "resource-name" is the path, "/" if that is empty, and the query.
  head.put("GET ").put(target.resource.starts_with('/') ? "" : "/").put(target.resource).put(" HTTP/1.1\r\n");
  // §4.1: "The request MUST contain a |Host| header field whose value contains /host/ plus optionally
  // ":" followed by /port/ (when not using the default port)."
  head.put("Host: ").put(target.host);
  if (target.port != default_port(target.secure)) head.put(":").put_number(target.port);
  head.put("\r\n").add("Upgrade", "websocket").add("Connection", "Upgrade");
  head.add("Sec-WebSocket-Key", key.view()).add("Sec-WebSocket-Version", "13");
  if (!options.subprotocols.empty()) head.add_list("Sec-WebSocket-Protocol", options.subprotocols);
  if (options.deflate) head.add("Sec-WebSocket-Extensions", write_deflate_offer(*options.deflate).view());
  for (const field& extra : options.fields) {
    if (with_credentials || !is_credential_field(extra.name)) head.add(extra.name, extra.value);
  }
  head.end();
  if (head.error() != error::none) buffer.truncate(before);
  return head.error();
}

}  // namespace sansocket

#endif
