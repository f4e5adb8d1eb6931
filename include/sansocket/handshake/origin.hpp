// Which pages a browser may connect from (§4.2.2 step 4, §10.2, RFC 6454).
#ifndef SANSOCKET_HANDSHAKE_ORIGIN_HPP
#define SANSOCKET_HANDSHAKE_ORIGIN_HPP

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "sansocket/core/error.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/http/token.hpp"
#include "sansocket/http/uri.hpp"

namespace sansocket {

/// An origin: where a page comes from.
struct origin {
  std::string_view scheme;  ///< "https"
  std::string_view host;
  std::uint16_t port = 0;  ///< the scheme's default filled in; 0 if it has none
};

/// Parses the serialized form `scheme://host[:port]`.
/// Errors: origin_refused, for anything else, "null" among it.
/// Life:   views of the text.
/// Source: RFC 6454 §6.2, §7.
constexpr result<origin> parse_origin(std::string_view text) noexcept {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0) return error::origin_refused;
  const auto where = parse_authority(text.substr(scheme_end + 3));
  if (!where || !detail::is_scheme(text.substr(0, scheme_end))) return error::origin_refused;
  origin parsed{text.substr(0, scheme_end), where->host, where->port};
  if (parsed.port == 0 && equals_ignoring_case(parsed.scheme, "https")) parsed.port = 443;
  if (parsed.port == 0 && equals_ignoring_case(parsed.scheme, "http")) parsed.port = 80;
  return parsed;
}

/// What an origin_policy can be without saying more.
enum class origin_rule : std::uint8_t { any, none, same };

/// A server's stand towards the Origin field. A request without one is let in, unless required() was
/// said: no browser sends it, and what is no browser can write any Origin it likes.
class origin_policy {
 public:
  constexpr origin_policy(origin_rule rule) noexcept : kind_(static_cast<kind>(rule)) {}

  /// Lets in the origins of a list, such as "https://example.com": exactly that scheme, host and port.
  /// "https://*.example.com" stands for every host below example.com, at any depth, but not for that one
  /// itself. "null" stands for the opaque origin. What is spelled otherwise, or has a star elsewhere,
  /// matches nothing.
  /// Life: a view of the list.
  template <std::convertible_to<std::span<const std::string_view>> List>
  constexpr origin_policy(const List& origins) noexcept : list_(origins), kind_(kind::listed) {}

  /// Lets in what `says(origin, context)` is true for. It gets the field's value as it came, "null" and
  /// nonsense included.
  /// Takes: a function, or a lambda that captures nothing.
  /// Life:  `context` is the caller's.
  template <std::convertible_to<bool (*)(std::string_view, void*)> Predicate>
  constexpr origin_policy(Predicate says, void* context = nullptr) noexcept
      : says_(says), context_(context), kind_(kind::predicate) {}

  /// The same policy for a server that knows only browsers: a request without an Origin is refused too.
  constexpr origin_policy required() const noexcept {
    origin_policy copy = *this;
    copy.required_ = true;
    return copy;
  }

  /// Judges a request without an Origin field.
  /// Errors: origin_refused.
  constexpr error judge_missing() const noexcept { return required_ ? error::origin_refused : error::none; }

  /// Judges a request.
  /// Takes:  the values of its Origin and Host fields.
  /// Errors: origin_refused.
  constexpr error judge(std::string_view origin_field, std::string_view host_field) const {
    return allows(origin_field, host_field) ? error::none : error::origin_refused;
  }

 private:
  enum class kind : std::uint8_t { any, none, same, listed, predicate };  // begins like origin_rule

  constexpr bool allows(std::string_view origin_field, std::string_view host_field) const {
    switch (kind_) {
      case kind::any: return true;
      case kind::none: return false;
      case kind::same: return is_same(origin_field, host_field);
      case kind::listed: return is_listed(origin_field);
      case kind::predicate: return says_(origin_field, context_);
    }
    return false;
  }

  /// The page comes from the host and port that it connects to. Whether TLS lies between is not
  /// known here, so a Host without a port means the default one of the origin's scheme.
  static constexpr bool is_same(std::string_view origin_field, std::string_view host_field) noexcept {
    const auto from = parse_origin(origin_field);
    const auto to = parse_authority(host_field);
    if (!from || !to) return false;
    const bool secure = equals_ignoring_case(from->scheme, "https");
    if (!secure && !equals_ignoring_case(from->scheme, "http")) return false;
    const std::uint16_t port = to->port != 0 ? to->port : default_port(secure);
    return from->port == port && equals_ignoring_case(from->host, to->host);
  }

  constexpr bool is_listed(std::string_view origin_field) const noexcept {
    const auto from = parse_origin(origin_field);
    for (const std::string_view allowed : list_) {
      if (!from) {
        if (allowed == "null" && origin_field == "null") return true;
        continue;
      }
      const auto candidate = parse_origin(allowed);
      if (candidate && candidate->port == from->port && equals_ignoring_case(candidate->scheme, from->scheme) &&
          covers(candidate->host, from->host)) {
        return true;
      }
    }
    return false;
  }

  /// Says whether a host is the one that an entry spells, or lies below it.
  static constexpr bool covers(std::string_view spelled, std::string_view host) noexcept {
    const bool below = spelled.starts_with("*.");
    const std::string_view name = below ? spelled.substr(1) : spelled;
    if (name.find('*') != std::string_view::npos) return false;
    if (!below) return equals_ignoring_case(spelled, host);
    // Labels of an address lie below nothing, and "*." alone would be every name that ends in a dot.
    if (name == "." || host.size() <= name.size() || detail::is_ipv4(host)) return false;
    const std::string_view labels = host.substr(0, host.size() - name.size());
    return !labels.starts_with('.') && !labels.ends_with('.') && labels.find("..") == std::string_view::npos &&
           equals_ignoring_case(host.substr(labels.size()), name);
  }

  std::span<const std::string_view> list_;
  bool (*says_)(std::string_view, void*) = nullptr;
  void* context_ = nullptr;
  kind kind_;
  bool required_ = false;
};

/// Lets in pages from everywhere. For a server that guards nothing.
inline constexpr origin_policy any_origin{origin_rule::any};
/// Lets in no browser at all.
inline constexpr origin_policy no_origin{origin_rule::none};
/// Lets in pages from the host and port that they connect to: the default. What Host says is taken for
/// granted: a server that only some networks reach, such as one on loopback, is safer with a list, for
/// a page can have its own name lead to any address.
inline constexpr origin_policy same_origin{origin_rule::same};

}  // namespace sansocket

#endif
