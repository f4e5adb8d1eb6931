// The payload of a Close frame: a code and a reason (§5.5.1, §7.1.5, §7.1.6).
#ifndef SANSOCKET_CODEC_CLOSE_PAYLOAD_HPP
#define SANSOCKET_CODEC_CLOSE_PAYLOAD_HPP

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/utf8.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/close_code.hpp"
#include "sansocket/core/result.hpp"

namespace sansocket {

/// Why a connection is closed; no_status for a Close frame with no payload.
struct close_payload {
  close_code code = close_code::no_status;
  std::string_view reason;
};

/// The longest reason that fits behind the code.
inline constexpr std::size_t max_close_reason = max_control_payload - 2;

/// Decodes the payload of a Close frame.
/// Takes:  the whole payload, unmasked; at most 125 bytes, which the header has made sure of.
/// Gives:  code and reason; no_status if the payload is empty.
/// Errors: close_payload_short, close_code_invalid, close_reason_not_utf8.
/// Life:   the reason is a view of the payload.
/// Cost:   O(n), no allocation.
/// Source: §5.5.1, §7.4.
inline result<close_payload> decode_close(const_bytes payload) noexcept {
  if (payload.empty()) return close_payload{};
  // §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer"
  if (payload.size() == 1) return error::close_payload_short;
  const auto code = static_cast<close_code>(detail::load_big_endian(payload.first<2>()));
  if (!is_sendable(code)) return error::close_code_invalid;
  const std::string_view reason = text_of(payload.subspan(2));
  if (!is_utf8(reason)) return error::close_reason_not_utf8;
  return close_payload{code, reason};
}

/// Encodes the payload of a Close frame.
/// Takes:  a sendable code and a reason in UTF-8, which is cut between code points if it is too long;
///         or no_status and no reason for an empty payload.
/// Gives:  how many bytes were written, at most 125.
/// Errors: close_code_not_sendable, payload_not_utf8.
/// Cost:   O(n), no allocation.
/// Source: §5.5.1, §7.4.
inline result<std::size_t> encode_close(close_payload why, std::span<std::byte, max_control_payload> out) noexcept {
  if (why.code == close_code::no_status && why.reason.empty()) return std::size_t{0};
  // §7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame by an endpoint"
  if (!is_sendable(why.code)) return error::close_code_not_sendable;
  if (!is_utf8(why.reason)) return error::payload_not_utf8;
  const const_bytes reason = bytes_of(utf8_prefix(why.reason, max_close_reason));
  detail::store_big_endian(static_cast<std::uint16_t>(why.code), out.first<2>());
  if (!reason.empty()) std::memcpy(&out[2], reason.data(), reason.size());
  return 2 + reason.size();
}

}  // namespace sansocket

#endif
