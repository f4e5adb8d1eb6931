// The client's verdict on the response to its upgrade request, over any header type (§4.1).
#ifndef SANSOCKET_HANDSHAKE_RESPONSE_HPP
#define SANSOCKET_HANDSHAKE_RESPONSE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sansocket/core/error.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/handshake/accept_key.hpp"
#include "sansocket/handshake/deflate_offer.hpp"
#include "sansocket/http/field_source.hpp"
#include "sansocket/http/head.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

namespace detail {

/// What the fields of the response say, gathered in one pass over them.
struct response_fields {
  std::string_view accept;
  std::string_view subprotocol;
  std::size_t accepts = 0;
  std::size_t subprotocols = 0;
  bool upgrade = false;
  bool other_upgrade = false;
  bool connection = false;
  std::optional<std::string_view> deflate{};  // the parameters of the answer
  error extension_fault = error::none;

  constexpr void operator()(std::string_view name, std::string_view value) noexcept {
    if (equals_ignoring_case(name, "Upgrade")) {
      (equals_ignoring_case(trimmed(value), "websocket") ? upgrade : other_upgrade) = true;
    } else if (equals_ignoring_case(name, "Connection")) {
      connection = connection || list_contains(value, "upgrade");
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Accept")) {
      accept = trimmed(value);
      ++accepts;
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
      subprotocol = trimmed(value);
      ++subprotocols;
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Extensions")) {
      read_extensions(value);
    }
  }

  constexpr void read_extensions(std::string_view list) noexcept {
    for (bool any = false; extension_fault == error::none; any = true) {
      const auto accepted = take_extension(list);
      if (!accepted) extension_fault = accepted.error();
      else if (accepted->name.empty() && any) return;
      else if (accepted->name.empty()) extension_fault = error::extensions_malformed;  // §9.1: at least one
      else if (accepted->name != permessage_deflate_name) extension_fault = error::extension_not_offered;
      else if (deflate) extension_fault = error::extension_repeated;
      else deflate = accepted->parameters;
    }
  }
};

}  // namespace detail

/// What a response agrees to.
struct response_terms {
  std::string_view subprotocol{};              ///< one of those that were offered, or empty
  std::optional<deflate_agreement> deflate{};  ///< nothing if it was not agreed
};

/// Judges a response that someone else has parsed.
/// Takes:  the status line's parts, the header fields in any field_source, the Sec-WebSocket-Accept
///         that the key asks for (accept_key), and what was offered.
/// Gives:  what is agreed.
/// Errors: response_version_unsupported, status_not_101, upgrade_not_confirmed,
///         connection_not_confirmed, accept_missing, accept_repeated, accept_mismatch,
///         subprotocol_repeated, subprotocol_not_offered, extensions_malformed,
///         extension_not_offered, extension_repeated, and those of judge_deflate_answer.
/// Life:   the subprotocol is an element of `offered`.
/// Cost:   one pass over the fields, no allocation.
/// Source: §4.1, "The client MUST validate the server's response as follows".
template <field_source Source>
constexpr result<response_terms> check_response(http_version version, std::uint16_t status, const Source& fields,
                                                const websocket_accept& wanted,
                                                std::span<const std::string_view> offered,
                                                const std::optional<deflate_options>& deflate = {}) {
  if (version.major != 1 || version.minor < 1) return error::response_version_unsupported;
  if (status != 101) return error::status_not_101;
  detail::response_fields facts;
  for_each_field(fields, facts);
  // §4.1 (2): lacks Upgrade, or it "contains a value that is not an ASCII case-insensitive match for the value
  // "websocket""
  if (!facts.upgrade || facts.other_upgrade) return error::upgrade_not_confirmed;
  // §4.1 (3): lacks Connection, or it "doesn't contain a token that is an ASCII case-insensitive match for the value
  // "Upgrade""
  if (!facts.connection) return error::connection_not_confirmed;
  // §4.1 (4): lacks Sec-WebSocket-Accept, or it "contains a value other than the base64-encoded SHA-1"
  if (facts.accepts == 0) return error::accept_missing;
  if (facts.accepts > 1) return error::accept_repeated;
  if (facts.accept != wanted.view()) return error::accept_mismatch;
  // §4.1 (5): "the use of an extension that was not present in the client's handshake"
  if (facts.extension_fault != error::none) return facts.extension_fault;
  if (facts.deflate && !deflate) return error::extension_not_offered;
  response_terms terms;
  if (facts.deflate) {
    const auto agreed = judge_deflate_answer(*facts.deflate, *deflate);
    if (!agreed) return agreed.error();
    terms.deflate = *agreed;
  }
  // §4.1 (6): "the use of a subprotocol that was not present in the client's handshake"
  if (facts.subprotocols > 1) return error::subprotocol_repeated;
  if (facts.subprotocols == 0) return terms;
  for (const std::string_view candidate : offered) {
    if (candidate != facts.subprotocol) continue;
    terms.subprotocol = candidate;
    return terms;
  }
  return error::subprotocol_not_offered;
}

}  // namespace sansocket

#endif
