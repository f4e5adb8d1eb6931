// Who is let in: what is checked before a request becomes a WebSocket.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_GATE_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_GATE_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envelope.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/upgrade.hpp"
#include "sansocket/session/connection_limiter.hpp"
#include "server/http_answer.hpp"
#include "server/settings.hpp"
#include "server/store.hpp"
#include "server/token.hpp"

namespace chat {

/// The verdict on an upgrade.
/// Invariant: there is a refusal, or `upgrade` is an acceptance and leave() is due when the user has gone.
struct admission {
  std::optional<http_answer> refused;
  sansocket::upgrade_verdict upgrade;
  std::string user;
};

/// Checks the upgrade itself and the page's origin, the client's address, the token, and the user, in this
/// order: an attempt with a bad token is an attempt. The token counts when someone comes; it may expire
/// while they stay.
class gate {
 public:
  gate(const settings& chosen, const token_signer& signer, const sansocket::limiter_seed& seed)
      : origins_(chosen.origins.begin(), chosen.origins.end()),
        options_{.subprotocols = subprotocols,
                 .origins = origins_.empty() ? sansocket::same_origin
                                             : sansocket::origin_policy(std::span<const std::string_view>(origins_))},
        signer_(signer),
        asking_(only_asking(chosen.connections), seed),
        by_address_(chosen.connections, seed),
        by_user_(only_per_key(chosen.connections), seed) {}

  /// Judges a connection that nothing has come of. Without this, one address could hold every socket that there
  /// is, and say nothing.
  /// Gives: whether it may ask for something; then has_asked() is due when it was let in, or has gone.
  bool may_ask(const sansocket::address_key& address, clock::time_point now) {
    return static_cast<bool>(asking_.admit(address.view(), now));
  }
  void has_asked(const sansocket::address_key& address) { asking_.leave(address.view()); }

  /// Takes: the time, also in seconds since 1970.
  admission judge(const sansocket::request_head& request, const sansocket::address_key& address, clock::time_point now,
                  std::int64_t wall_seconds) {
    admission verdict{{}, judge_upgrade(request), {}};
    verdict.refused = refusal_of(verdict.upgrade);
    if (!verdict.refused) verdict.refused = admit(token_in(request), address, now, wall_seconds, verdict.user);
    return verdict;
  }

  void leave(const sansocket::address_key& address, std::string_view user) {
    by_address_.leave(address.view());
    by_user_.leave(sansocket::bytes_of(user));
  }

 private:
  using limiter = sansocket::connection_limiter;
  static constexpr std::array<std::string_view, 1> subprotocols{subprotocol};

  /// What holds for all is counted once, by address.
  static sansocket::connection_limits only_per_key(sansocket::connection_limits limits) {
    limits.in_all = sansocket::unlimited;
    limits.attempts_in_all = sansocket::unlimited;
    return limits;
  }

  /// All that may be let in of an address may come at once, and its pages and refusals besides.
  static sansocket::connection_limits only_asking(sansocket::connection_limits limits) {
    constexpr std::uint64_t spare = 64;
    limits.per_key += std::min(spare, sansocket::unlimited - limits.per_key);
    limits.attempts_per_key = sansocket::unlimited;
    return only_per_key(limits);
  }

  sansocket::upgrade_verdict judge_upgrade(const sansocket::request_head& request) const {
    return sansocket::check_upgrade(request.method, request.version, request.target, request.fields, options_);
  }

  static std::optional<http_answer> refusal_of(const sansocket::upgrade_verdict& verdict) {
    if (verdict && !verdict.subprotocol().empty()) return std::nullopt;
    if (verdict) return refusal(400, std::string(subprotocol).append(" is spoken here"));
    http_answer answer = refusal(verdict.status(), verdict.body());
    for (const auto& [name, value] : verdict.fields()) {
      // These two every answer has.
      if (name != "Connection" && name != "Content-Type") answer.fields.emplace_back(name, value);
    }
    return answer;
  }

  /// Gives: nothing if the one who shows the token is let in, and who that is in `user`.
  std::optional<http_answer> admit(std::string_view shown, const sansocket::address_key& address, clock::time_point now,
                                   std::int64_t wall_seconds, std::string& user) {
    const auto by_address = by_address_.admit(address.view(), now);
    if (!by_address) return of_limiter(by_address);
    token_verdict token = signer_.check(shown, wall_seconds);
    if (token.fault != token_fault::none) {
      by_address_.leave(address.view());
      http_answer answer = refusal(401, name(token.fault));
      answer.fields.emplace_back("WWW-Authenticate", "Bearer");
      return answer;
    }
    const auto by_user = by_user_.admit(sansocket::bytes_of(std::as_const(token.user)), now);
    if (!by_user) {
      by_address_.leave(address.view());
      return of_limiter(by_user);
    }
    user = std::move(token.user);
    return std::nullopt;
  }

  static http_answer of_limiter(const limiter::decision& decision) {
    using sansocket::connection_verdict;
    using std::chrono::seconds;
    const bool own = decision.verdict == connection_verdict::too_many_connections_of_key ||
                     decision.verdict == connection_verdict::too_many_attempts_of_key;
    http_answer answer = own ? refusal(429, "there are too many connections of yours: come back later")
                             : refusal(503, "there are too many connections: come back later");
    // When some connection will end nobody knows.
    const auto wait = std::chrono::ceil<seconds>(decision.retry_after.value_or(seconds(5)));
    answer.fields.emplace_back("Retry-After", std::to_string(std::max(wait, seconds(1)).count()));
    return answer;
  }

  /// The token from `Authorization: Bearer`, or else from the cookie that a browser sends; empty if there is none.
  static std::string_view token_in(const sansocket::request_head& request) {
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view authorization = request.fields.value("Authorization");
    if (authorization.size() > scheme.size() &&
        sansocket::equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) {
      return sansocket::trimmed(authorization.substr(scheme.size()));
    }
    constexpr std::string_view cookie = "chat_token=";
    for (const sansocket::field line : request.fields) {
      if (!sansocket::equals_ignoring_case(line.name, "Cookie")) continue;
      for (std::string_view rest = line.value; !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const std::string_view trimmed = sansocket::trimmed(pair);
        if (trimmed.starts_with(cookie)) return trimmed.substr(cookie.size());
      }
    }
    return {};
  }

  std::vector<std::string_view> origins_;  // views of the settings
  sansocket::server_options options_;
  const token_signer& signer_;
  limiter asking_;  // by address
  limiter by_address_;
  limiter by_user_;
};

}  // namespace chat

#endif
