// The server's verdict on an upgrade request, over any header type (§4.2).
#ifndef SANSOCKET_HANDSHAKE_UPGRADE_HPP
#define SANSOCKET_HANDSHAKE_UPGRADE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sansocket/core/agreement.hpp"
#include "sansocket/core/error_info.hpp"
#include "sansocket/core/limits.hpp"
#include "sansocket/crypto/sha1.hpp"
#include "sansocket/handshake/accept_key.hpp"
#include "sansocket/handshake/deflate_offer.hpp"
#include "sansocket/handshake/extension_list.hpp"
#include "sansocket/handshake/origin.hpp"
#include "sansocket/handshake/subprotocol.hpp"
#include "sansocket/http/field_source.hpp"
#include "sansocket/http/head.hpp"
#include "sansocket/http/token.hpp"
#include "sansocket/http/uri.hpp"

namespace sansocket {

/// What a server agrees to.
/// Life: the lists are views; they outlive every verdict and connection that came of them.
struct server_options {
  std::span<const std::string_view> subprotocols{};  ///< the preferred one first
  origin_policy origins = same_origin;
  /// Accept permessage-deflate, which is off unless set: the connection then needs the extension
  /// (see sansocket/deflate/permessage_deflate.hpp).
  std::optional<deflate_options> deflate{};
  head_limits head{};  ///< for server_handshake, which reads the head itself
};

namespace detail {

/// What an accepted upgrade rests on.
struct upgrade_terms {
  websocket_accept accept{};
  std::string_view subprotocol{};
  bool subprotocols_offered = false;
  std::optional<deflate_agreement> deflate{};
  deflate_text deflate_answer{};
};

}  // namespace detail

/// A verdict's fields: a range of up to five.
class verdict_fields {
 public:
  constexpr const field* begin() const noexcept { return fields_.data(); }
  constexpr const field* end() const noexcept { return fields_.data() + size_; }

 private:
  friend class upgrade_verdict;

  constexpr void add(std::string_view name, std::string_view value) noexcept { fields_[size_++] = {name, value}; }

  std::array<field, 5> fields_{};
  std::size_t size_ = 0;
};

/// Whether a request may become a WebSocket connection, and the answer to it.
class upgrade_verdict {
 public:
  /// A refusal, with the status that goes with its reason or another one. Only check_upgrade accepts.
  constexpr explicit upgrade_verdict(error reason) noexcept : upgrade_verdict(reason, http_status_for(reason)) {}
  constexpr upgrade_verdict(error reason, std::uint16_t status) noexcept
      : status_(status), reason_(reason == error::none ? error::refused_by_application : reason) {}

  constexpr explicit operator bool() const noexcept { return reason_ == error::none; }

  /// Why the request is refused; none if it is accepted.
  constexpr error reason() const noexcept { return reason_; }

  /// 101, or 400, 403, 405, 426, 431, 500, 503, 505.
  constexpr std::uint16_t status() const noexcept { return status_; }

  /// The response's fields, without Content-Length.
  /// Life: views of this object and of the options.
  constexpr verdict_fields fields() const& noexcept;
  constexpr verdict_fields fields() const&& = delete;  // they would view what is gone

  /// The body of a refusal: one line for a person.
  constexpr std::string_view body() const noexcept { return *this ? std::string_view() : message(reason_); }

  /// The subprotocol that the server selected; empty if it selected none.
  constexpr std::string_view subprotocol() const noexcept { return terms_.subprotocol; }

  /// The client offered subprotocols, and none of them is one of the server's. §4.2.2 lets the
  /// connection go on without; whether it is of use then is for the application to say.
  constexpr bool subprotocol_unmatched() const noexcept {
    return terms_.subprotocols_offered && terms_.subprotocol.empty();
  }

  /// How messages may be compressed; nothing if that was not agreed.
  constexpr const std::optional<deflate_agreement>& deflate() const noexcept { return terms_.deflate; }

  /// What a connection is made from; nothing if the request is refused.
  /// Takes:  the bytes that came behind the request's head, if any were read.
  /// Life:   views of the options and of those bytes.
  constexpr std::optional<class agreement> agreement(bytes behind_head = {}) const noexcept {
    if (!*this) return std::nullopt;
    return detail::agreement_maker::make(terms_.subprotocol, behind_head, terms_.deflate);
  }

 private:
  template <field_source Source, sha1_hash Hash>
  friend upgrade_verdict check_upgrade(std::string_view method, http_version version, std::string_view target,
                                       const Source& fields, const server_options& options, Hash& hash);

  constexpr explicit upgrade_verdict(const detail::upgrade_terms& terms) noexcept : terms_(terms), status_(101) {}

  detail::upgrade_terms terms_{};
  std::uint16_t status_;
  error reason_ = error::none;
};

constexpr verdict_fields upgrade_verdict::fields() const& noexcept {
  verdict_fields fields;
  if (*this) {
    fields.add("Upgrade", "websocket");
    fields.add("Connection", "Upgrade");
    fields.add("Sec-WebSocket-Accept", terms_.accept.view());
    if (!terms_.subprotocol.empty()) fields.add("Sec-WebSocket-Protocol", terms_.subprotocol);
    if (terms_.deflate) fields.add("Sec-WebSocket-Extensions", terms_.deflate_answer.view());
    return fields;
  }
  // RFC 9110 §7.8: who sends Upgrade names it in Connection too.
  fields.add("Connection", status_ == 426 ? "close, Upgrade" : "close");
  fields.add("Content-Type", "text/plain; charset=utf-8");
  // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response"
  if (reason_ == error::method_not_get) fields.add("Allow", "GET");
  // §4.4: "the server MUST respond with a |Sec-WebSocket-Version| header field"; and RFC 9110 §15.5.22
  // asks for Upgrade in a 426.
  if (reason_ == error::version_unsupported || reason_ == error::version_missing) {
    fields.add("Sec-WebSocket-Version", "13");
  }
  if (status_ == 426) fields.add("Upgrade", "websocket");
  return fields;
}

namespace detail {

/// What the fields of an upgrade request say, gathered in one pass over them.
class upgrade_fields {
 public:
  constexpr explicit upgrade_fields(const server_options& options) noexcept
      : options_(options), subprotocols_(options.subprotocols) {}

  constexpr void operator()(std::string_view name, std::string_view value) noexcept {
    if (equals_ignoring_case(name, "Host")) return host_.set(value);
    if (equals_ignoring_case(name, "Upgrade")) return add(upgrade_, list_contains(value, "websocket"));
    if (equals_ignoring_case(name, "Connection")) return add(connection_, list_contains(value, "upgrade"));
    if (equals_ignoring_case(name, "Origin")) return origin_.set(value);
    if (equals_ignoring_case(name, "Content-Length")) return add(body_, trimmed(value) != "0");
    if (equals_ignoring_case(name, "Transfer-Encoding")) return add(body_, true);
    if (name.size() < 4 || !equals_ignoring_case(name.substr(0, 4), "Sec-")) return;
    if (equals_ignoring_case(name, "Sec-WebSocket-Key")) return key_.set(value);
    if (equals_ignoring_case(name, "Sec-WebSocket-Version")) return version_.set(value);
    if (equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
      if (list_fault_ == error::none) list_fault_ = subprotocols_.offer(value);
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Extensions")) {
      read_extensions(value);
    }
  }

  /// The first rule that is broken, in the order of §4.2.1.
  /// Takes: the authority of an absolute target, which RFC 9112 §3.2.2 puts in the place of Host.
  constexpr error judge(std::string_view authority) const {
    if (host_.count == 0) return error::host_missing;
    if (host_.count > 1) return error::host_repeated;
    if (!parse_authority(host_.value)) return error::host_malformed;
    if (body_) return error::body_present;
    // §4.2.1: "An |Upgrade| header field containing the value "websocket", treated as an ASCII case-insensitive value"
    if (!upgrade_) return error::upgrade_missing;
    // §4.2.1: "A |Connection| header field that includes the token "Upgrade""
    if (!connection_) return error::connection_missing;
    // §4.2.1: "A |Sec-WebSocket-Version| header field, with a value of 13."
    if (version_.count == 0) return error::version_missing;
    if (version_.count > 1) return error::version_repeated;
    if (version_.value != "13") return error::version_unsupported;
    // §11.3.1: "The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request."
    if (key_.count == 0) return error::key_missing;
    if (key_.count > 1) return error::key_repeated;
    if (!is_websocket_key(key_.value)) return error::key_malformed;
    if (list_fault_ != error::none) return list_fault_;
    if (origin_.count > 1) return error::origin_repeated;
    return origin_.count == 0 ? options_.origins.judge_missing()
                              : options_.origins.judge(origin_.value, authority.empty() ? host_.value : authority);
  }

  constexpr std::string_view key() const noexcept { return key_.value; }

  constexpr upgrade_terms terms(const websocket_accept& accept) const noexcept {
    return {.accept = accept,
            .subprotocol = subprotocols_.selected(),
            .subprotocols_offered = subprotocols_.any_offered(),
            .deflate = deflate_,
            .deflate_answer = deflate_ ? write_deflate_answer(deflate_offer_, *deflate_) : deflate_text()};
  }

 private:
  /// A field that must not be repeated.
  struct singleton {
    std::string_view value;
    std::size_t count = 0;

    constexpr void set(std::string_view text) noexcept {
      value = trimmed(text);
      ++count;
    }
  };

  /// Takes the first offer of permessage-deflate that can be accepted (RFC 7692 §5.1).
  constexpr void read_extensions(std::string_view list) noexcept {
    for (bool any = false; list_fault_ == error::none; any = true) {
      const auto offered = take_extension(list);
      // §9.1: the recipient of data that does not conform to the ABNF "MUST immediately _Fail the WebSocket
      // Connection_"
      if (!offered || (offered->name.empty() && !any)) list_fault_ = error::extensions_malformed;
      if (!offered || offered->name.empty()) return;
      if (!options_.deflate || deflate_ || offered->name != permessage_deflate_name) continue;
      const auto agreed = judge_deflate_offer(offered->parameters, *options_.deflate);
      if (!agreed) continue;
      deflate_ = *agreed;
      deflate_offer_ = offered->parameters;
    }
  }

  static constexpr void add(bool& fact, bool holds) noexcept { fact = fact || holds; }

  const server_options& options_;
  singleton host_, origin_, key_, version_;
  bool upgrade_ = false;
  bool connection_ = false;
  bool body_ = false;
  error list_fault_ = error::none;
  std::optional<deflate_agreement> deflate_;
  std::string_view deflate_offer_;
  subprotocol_selector subprotocols_;
};

}  // namespace detail

/// Judges an upgrade request that someone else has parsed.
/// Takes:  the request line's parts and the header fields in any field_source; `target` is a path or
///         an absolute URI. A hash can be handed in to be used again; openssl_sha1 needs
///         sansocket/crypto/openssl.hpp.
/// Gives:  the acceptance, or the refusal with its status and its reason.
/// Life:   the verdict views the options' lists, nothing of the request.
/// Cost:   one pass over the fields and one SHA-1; no allocation but the hash's own.
/// Source: §4.2.1, §4.2.2.
template <field_source Source, sha1_hash Hash>
upgrade_verdict check_upgrade(std::string_view method, http_version version, std::string_view target,
                              const Source& fields, const server_options& options, Hash& hash) {
  // §4.1: "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1."
  if (method != "GET") return upgrade_verdict(error::method_not_get);
  if (version.major != 1 || version.minor < 1) return upgrade_verdict(error::http_version_unsupported);
  const auto where = parse_upgrade_target(target);
  if (!where) return upgrade_verdict(where.error());

  detail::upgrade_fields facts(options);
  for_each_field(fields, facts);
  if (const error fault = facts.judge(where->authority); fault != error::none) return upgrade_verdict(fault);

  const auto accept = accept_key(facts.key(), hash);
  if (!accept) return upgrade_verdict(accept.error());
  return upgrade_verdict(facts.terms(*accept));
}

template <class Hash = openssl_sha1, field_source Source>
upgrade_verdict check_upgrade(std::string_view method, http_version version, std::string_view target,
                              const Source& fields, const server_options& options = {}) {
  static_assert(detail::complete<Hash>, "include sansocket/crypto/openssl.hpp or name a hash of your own");
  Hash hash;
  return check_upgrade(method, version, target, fields, options, hash);
}

}  // namespace sansocket

#endif
