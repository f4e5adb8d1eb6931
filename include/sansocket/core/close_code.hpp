// Close codes and which of them may travel in a Close frame (§7.4).
#ifndef SANSOCKET_CORE_CLOSE_CODE_HPP
#define SANSOCKET_CORE_CLOSE_CODE_HPP

#include <cstdint>
#include <string_view>

namespace sansocket {

/// Why a connection was closed. Any 16-bit value can be held: 3000-3999 are registered by libraries
/// and frameworks, 4000-4999 are private (§7.4.2).
enum class close_code : std::uint16_t {
  none = 0,  ///< no Close frame: never on the wire, only in reports
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  ///< a Close frame without a code: never on the wire
  abnormal = 1006,   ///< the transport ended without a Close frame: never on the wire
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  mandatory_extension = 1010,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
  bad_gateway = 1014,
  tls_handshake = 1015,  ///< the TLS handshake failed: never on the wire
};

/// Says whether a code may stand in a Close frame, sent or received.
/// Takes:  any value.
/// Gives:  true for 1000-1003, 1007-1014 and 3000-4999.
/// Source: §7.4.1, §7.4.2 and the IANA registry that §11.7 set up (1012-1014).
constexpr bool is_sendable(close_code code) noexcept {
  const auto value = static_cast<std::uint16_t>(code);
  return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) || (value >= 3000 && value <= 4999);
}

/// The meaning of a code in a few words; for a range's codes, the range's.
constexpr std::string_view name(close_code code) noexcept {
  switch (code) {
    case close_code::none: return "no Close frame";
    case close_code::normal: return "normal closure";
    case close_code::going_away: return "going away";
    case close_code::protocol_error: return "protocol error";
    case close_code::unsupported_data: return "unsupported data";
    case close_code::no_status: return "no status received";
    case close_code::abnormal: return "abnormal closure";
    case close_code::invalid_payload: return "invalid payload data";
    case close_code::policy_violation: return "policy violation";
    case close_code::message_too_big: return "message too big";
    case close_code::mandatory_extension: return "mandatory extension";
    case close_code::internal_error: return "internal error";
    case close_code::service_restart: return "service restart";
    case close_code::try_again_later: return "try again later";
    case close_code::bad_gateway: return "bad gateway";
    case close_code::tls_handshake: return "TLS handshake";
  }
  const auto value = static_cast<std::uint16_t>(code);
  if (value >= 3000 && value <= 3999) return "registered by a framework";
  if (value >= 4000 && value <= 4999) return "private use";
  return "reserved";
}

}  // namespace sansocket

#endif
