// ws: and wss: URIs, and the host and port that they share with Host and Origin (§3, RFC 3986).
#ifndef SANSOCKET_HTTP_URI_HPP
#define SANSOCKET_HTTP_URI_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sansocket/core/result.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// A host and a port.
struct authority {
  std::string_view host;   ///< a name or an address; an IPv6 address with its brackets
  std::uint16_t port = 0;  ///< 0 if it was not written
};

/// A WebSocket URI.
/// Life: views of the text that it was parsed from.
struct uri {
  bool secure = false;         ///< wss
  std::string_view host;       ///< a name or an address; an IPv6 address with its brackets
  std::uint16_t port = 0;      ///< the scheme's default filled in: 80, or 443 for wss
  std::string_view authority;  ///< host and port as they were written
  std::string_view resource;   ///< path and query as they were written; it may be empty or begin with '?'
};

/// The port that a scheme implies (§3).
constexpr std::uint16_t default_port(bool secure) noexcept { return secure ? 443 : 80; }

/// Parses `host[:port]` as in a URI, a Host field or an origin.
/// Errors: uri_malformed, uri_has_userinfo, uri_port_invalid.
/// Life:   a view of the text.
/// Source: RFC 3986 §3.2.
constexpr result<authority> parse_authority(std::string_view text) noexcept;

/// Parses an absolute ws: or wss: URI.
/// Errors: uri_malformed, uri_scheme_unknown, uri_has_fragment, uri_has_userinfo, uri_port_invalid.
/// Life:   views of the text.
/// Cost:   O(n), no allocation.
/// Source: §3.
constexpr result<uri> parse_uri(std::string_view text) noexcept;

/// Says whether a text can be a path and query in a request line: printable ASCII, percent signs
/// followed by two digits, no fragment.
/// Source: §3, RFC 3986 §3.3, §3.4.
constexpr bool is_resource(std::string_view text) noexcept;

/// The target of an upgrade request.
struct upgrade_target {
  std::string_view authority;  ///< empty if the target is a path
  std::string_view resource;   ///< path and query
};

/// Parses the target of an upgrade request: a path and query, or an absolute http: or https: URI.
/// Browsers leave more unescaped than RFC 3986 lets stand, such as brackets in a query and lone percent
/// signs; that is let through.
/// Errors: target_malformed.
/// Life:   views of the text.
/// Source: §4.2.1; RFC 9112 §3.2.2: "a server MUST accept the absolute-form in requests".
constexpr result<upgrade_target> parse_upgrade_target(std::string_view text) noexcept;

namespace detail {

constexpr bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); }

/// Every character is a letter, a digit, one of `others` or a percent sign with two digits.
constexpr bool is_uri_text(std::string_view text, std::string_view others) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool alphanumeric = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
    if (alphanumeric || others.find(c) != std::string_view::npos) continue;
    if (c != '%' || text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

/// RFC 3986 §3.1: a letter, then letters, digits, "+", "-" and ".".
constexpr bool is_scheme(std::string_view text) noexcept {
  if (text.empty() || lower(text[0]) < 'a' || lower(text[0]) > 'z') return false;
  return is_uri_text(text, "+-.") && text.find('%') == std::string_view::npos;
}

/// RFC 3986 §3.2.2: four decimal numbers up to 255, without leading zeros.
constexpr bool is_ipv4(std::string_view text) noexcept {
  for (int part = 0; part < 4; ++part) {
    const std::string_view digits = text.substr(0, text.find('.'));
    unsigned value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return false;
      value = (value * 10) + static_cast<unsigned>(c - '0');
    }
    if (digits.empty() || digits.size() > 3 || value > 255 || (digits.size() > 1 && digits[0] == '0')) return false;
    text.remove_prefix(digits.size());
    if (text.empty() != (part == 3)) return false;
    if (!text.empty()) text.remove_prefix(1);
  }
  return true;
}

/// RFC 3986 §3.2.2: eight groups of hexadecimal digits, the last two perhaps as an IPv4 address, and
/// one run of zeros perhaps as "::".
constexpr bool is_ipv6(std::string_view text) noexcept {
  int groups = 0;
  bool shortened = text.starts_with("::");
  if (shortened) text.remove_prefix(2);
  while (!text.empty()) {
    const std::string_view group = text.substr(0, text.find(':'));
    if (group.size() == text.size() && is_ipv4(group)) {
      groups += 2;
      break;
    }
    for (const char c : group) {
      if (!is_hex(c)) return false;
    }
    if (group.empty() || group.size() > 4) return false;
    ++groups;
    text.remove_prefix(group.size());
    if (text.empty()) break;
    const bool run = text.starts_with("::");
    if (text == ":" || (run && shortened)) return false;
    shortened = shortened || run;
    text.remove_prefix(run ? 2 : 1);
  }
  return shortened ? groups < 8 : groups == 8;
}

constexpr bool is_host(std::string_view host) noexcept {
  if (host.starts_with('[')) return host.ends_with(']') && is_ipv6(host.substr(1, host.size() - 2));
  return !host.empty() && is_uri_text(host, "-._~!$&'()*+,;=");
}

constexpr result<std::uint16_t> parse_port(std::string_view digits) noexcept {
  std::uint32_t port = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return error::uri_port_invalid;
    port = port * 10 + static_cast<std::uint32_t>(digit - '0');
    if (port > 65'535) return error::uri_port_invalid;
  }
  if (port == 0 && !digits.empty()) return error::uri_port_invalid;
  return static_cast<std::uint16_t>(port);
}

}  // namespace detail

constexpr result<authority> parse_authority(std::string_view text) noexcept {
  if (text.find('@') != std::string_view::npos) return error::uri_has_userinfo;
  std::size_t host_end = text.starts_with('[') ? text.find(']') : text.find(':');
  if (text.starts_with('[') && host_end != std::string_view::npos) ++host_end;
  const std::string_view host = text.substr(0, host_end);
  const std::string_view rest = text.substr(host.size());
  if (!detail::is_host(host)) return error::uri_malformed;
  if (rest.empty()) return authority{host, 0};
  if (rest.front() != ':') return error::uri_malformed;
  const auto port = detail::parse_port(rest.substr(1));
  if (!port) return port.error();
  return authority{host, *port};
}

constexpr bool is_resource(std::string_view text) noexcept { return detail::is_uri_text(text, "-._~!$&'()*+,;=:@/?"); }

constexpr result<upgrade_target> parse_upgrade_target(std::string_view text) noexcept {
  upgrade_target parsed{{}, text};
  if (!text.starts_with('/')) {
    const std::size_t scheme_end = text.find("://");
    const std::string_view scheme = text.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return error::target_malformed;
    if (scheme_end == std::string_view::npos) return error::target_malformed;
    const std::string_view rest = text.substr(scheme_end + 3);
    parsed.authority = rest.substr(0, rest.find_first_of("/?"));
    parsed.resource = rest.substr(parsed.authority.size());
    if (!parse_authority(parsed.authority)) return error::target_malformed;
  }
  const bool printable = detail::all_chars(parsed.resource, detail::char_target);
  if (!printable || parsed.resource.find_first_of("#\"<>") != std::string_view::npos) return error::target_malformed;
  return parsed;
}

constexpr result<uri> parse_uri(std::string_view text) noexcept {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return error::uri_malformed;
  const std::string_view scheme = text.substr(0, scheme_end);
  uri parsed;
  parsed.secure = equals_ignoring_case(scheme, "wss");
  if (!parsed.secure && !equals_ignoring_case(scheme, "ws")) return error::uri_scheme_unknown;

  // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used"
  if (text.find('#') != std::string_view::npos) return error::uri_has_fragment;
  const std::string_view rest = text.substr(scheme_end + 3);
  const std::size_t authority_end = rest.find_first_of("/?");
  parsed.authority = rest.substr(0, authority_end);
  parsed.resource = rest.substr(parsed.authority.size());

  const auto where = parse_authority(parsed.authority);
  if (!where) return where.error();
  if (!is_resource(parsed.resource)) return error::uri_malformed;
  parsed.host = where->host;
  parsed.port = where->port != 0 ? where->port : default_port(parsed.secure);
  return parsed;
}

}  // namespace sansocket

#endif
