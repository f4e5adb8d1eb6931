// What a connection tells its owner (§6.2, §7.1).
#ifndef SANSOCKET_CONNECTION_EVENT_HPP
#define SANSOCKET_CONNECTION_EVENT_HPP

#include <cstdint>
#include <string_view>

#include "sansocket/core/bytes.hpp"
#include "sansocket/core/close_code.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/core/opcode.hpp"

namespace sansocket {

/// What happened.
enum class event_type : std::uint8_t {
  none,    ///< nothing more until the next bytes come
  text,    ///< a text message, or a piece of one
  binary,  ///< a binary message, or a piece of one
  ping,    ///< a ping; its pong is queued already
  pong,    ///< a pong, asked for or not
  closed,  ///< the last event, exactly once: `why` says how the connection ended
};

/// One of the two ends, or neither.
enum class which_end : std::uint8_t { neither, local, peer };

/// How a connection ended.
struct close_report {
  /// none after a clean closing handshake; connection_cut if the transport ended first; otherwise the
  /// rule that the peer broke, or this end's own trouble.
  error fault = error::none;
  which_end initiator = which_end::neither;    ///< who sent the first Close frame
  close_code sent = close_code::none;          ///< none if no Close frame was sent
  close_code received = close_code::abnormal;  ///< no_status if the Close frame had no code (§7.1.5)

  /// Both Close frames went their way.
  constexpr bool clean() const noexcept { return fault == error::none; }
};

/// One thing that happened.
/// Life: `payload` is valid until the next call of poll, receive or retain, and while the chunk that
///       it may lie in is left alone.
struct event {
  event_type type = event_type::none;
  bool first = true;      ///< the message begins with this; false only with delivery::pieces
  bool last = true;       ///< the message ends with this; false only with delivery::pieces
  close_report why{};     ///< of closed
  const_bytes payload{};  ///< the message or piece, the ping's or pong's payload, or the peer's reason

  constexpr explicit operator bool() const noexcept { return type != event_type::none; }

  /// It is text or binary: a message, or a piece of one.
  constexpr bool is_message() const noexcept { return type == event_type::text || type == event_type::binary; }

  /// The type of a message, as the sending functions take it.
  constexpr message_type kind() const noexcept {
    return type == event_type::text ? message_type::text : message_type::binary;
  }

  /// The payload as characters. Of a text message it is valid UTF-8; a piece may end within a code point.
  std::string_view text() const noexcept { return text_of(payload); }
  constexpr const_bytes bytes() const noexcept { return payload; }
};

/// Who closes the transport, and when (§7.1.1).
enum class transport_action : std::uint8_t {
  keep,       ///< leave it open; after send_close for a limited time, for the peer may never answer
  await_eof,  ///< all is said: wait, for a limited time, for the server to close it
  close,      ///< all is said and sent: close it
};

}  // namespace sansocket

#endif
