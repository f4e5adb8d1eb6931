// A WebSocket connection from the end of the opening handshake on: bytes in, events out, bytes out (§5 to §7).
#ifndef SANSOCKET_CONNECTION_CONNECTION_HPP
#define SANSOCKET_CONNECTION_CONNECTION_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "sansocket/codec/close_payload.hpp"
#include "sansocket/codec/utf8.hpp"
#include "sansocket/connection/closing.hpp"
#include "sansocket/connection/event.hpp"
#include "sansocket/connection/frame_writer.hpp"
#include "sansocket/connection/input.hpp"
#include "sansocket/connection/message_reader.hpp"
#include "sansocket/connection/message_writer.hpp"
#include "sansocket/connection/options.hpp"
#include "sansocket/connection/prepared_message.hpp"
#include "sansocket/core/agreement.hpp"
#include "sansocket/core/error_info.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/crypto/random.hpp"

namespace sansocket {

/// One end of a connection. It does no I/O, reads no clock and never blocks.
///
/// In:  receive(chunk), then poll() until it gives no event; the views in an event end with the next call.
/// Out: output() are the bytes to send, sent(n) says how many went; transport() says when to close.
///
/// A rule that the peer breaks ends the connection: a Close frame is queued and the last event says
/// why. A mistake of the caller is returned and changes nothing.
/// Distinct objects may be used from distinct threads; one object from one thread at a time.
/// It can be moved; views of events and of the output end then, as with any call.
template <role Role, class Policy = default_policy>
class connection {
 public:
  static_assert(
      Role == role::server || detail::complete<typename detail::random_of<Role, Policy>::type>,
      "a client needs masking keys: include sansocket/crypto/openssl.hpp or name a random_source of your own");

  using random_type = typename detail::random_of<Role, Policy>::type;
  using extension_type = typename Policy::template extension<Role>;

  static constexpr bool is_extended = message_extension<extension_type>;
  static_assert(!is_extended || Policy::message_buffer::max_size() >= max_control_payload + 64,
                "the message buffer is too small to inflate into");

  /// A connection whose handshake someone else has seen to.
  explicit connection(const connection_options& options = {}, random_type random = {}) noexcept
    requires(!is_extended)
      : options_(options), writer_(std::move(random)) {}

  /// A connection after its handshake; the bytes that came behind the head are its first chunk, so
  /// poll before the first receive.
  explicit connection(const agreement& agreed, const connection_options& options = {}, random_type random = {}) noexcept
    requires(!is_extended)
      : input_(agreed.behind_head()), options_(options), writer_(std::move(random)) {
    assert(!agreed.deflate() && "what was agreed needs an extension: see deflate/permessage_deflate.hpp");
  }

  /// The same where the policy names an extension, which says whether it was agreed.
  explicit connection(extension_type extension, const connection_options& options = {},
                      random_type random = {}) noexcept
    requires(is_extended)
      : options_(options), writer_(std::move(random)), extension_(std::move(extension)) {}
  explicit connection(const agreement& agreed, extension_type extension, const connection_options& options = {},
                      random_type random = {}) noexcept
    requires(is_extended)
      : input_(agreed.behind_head()), options_(options), writer_(std::move(random)), extension_(std::move(extension)) {
    assert(agreed.deflate().has_value() == extension_.active() && "the extension is not what was agreed");
  }

  // Input

  /// Hands over the next bytes from the peer. They are unmasked in place.
  /// Takes:  a chunk of any size; it stays, untouched, until poll gave no event or retain was called.
  /// Errors: input_pending, if the last chunk is not used up; the new one is not taken then.
  /// Cost:   O(1).
  [[nodiscard]] error receive(bytes chunk) noexcept {
    if (!input_.empty()) return error::input_pending;
    if (closing_.may_receive()) input_.replace(chunk);
    return error::none;
  }

  /// The peer has ended the transport. The last event comes when all that was received is used up.
  void receive_eof() noexcept { closing_.receive_eof(); }

  /// Gives what happened next; nothing if more bytes are needed.
  /// Life:   the event's views are valid until the next call of poll, receive or retain.
  /// Cost:   O(n) in the bytes used; no allocation for a message that lies whole in the chunk.
  [[gnu::always_inline]] event poll() noexcept {  // in the caller's loop: a call is a third of a short message
    event next;
    if (!closing_.may_receive()) next = last_event();
    else if (reader_.take_whole(input_.left(), next, options_.limits, options_.delivery)) return next;
    else next = reader_.take_part(input_.left()) ? end_input() : poll_further();
    return next;
  }

  /// Calls `visit(event)` for every event that is due.
  void drain(auto&& visit) {
    while (const event next = poll()) visit(next);
  }

  /// Takes over what is left of the chunk, so that its memory can be used for something else while
  /// polling rests.
  /// Errors: out_of_memory, buffer_full; nothing is taken over then.
  [[nodiscard]] error retain() noexcept {
    if (input_.retain()) return error::none;
    return Policy::retained_buffer::max_size() < heap_buffer::max_size() ? error::buffer_full : error::out_of_memory;
  }

  // Messages

  /// Queues a text message.
  /// Errors: payload_not_utf8 and those of send_binary.
  /// Source: §5.6, §6.1.
  [[nodiscard]] error send_text(std::string_view text) noexcept {
    return send(message_type::text, bytes_of(std::string_view(text)));
  }

  /// Queues a binary message, in one copy of the payload.
  /// Errors: closing, message_in_progress, would_block, buffer_full, random_failed, out_of_memory;
  ///         nothing is queued then.
  [[nodiscard]] error send_binary(const_bytes data) noexcept { return send(message_type::binary, data); }

  /// Queues a message of either type.
  /// Takes: whether an extension may compress it, as it does by default where that is worth it.
  [[nodiscard]] error send(message_type type, const_bytes payload, compression how = compression::automatic) noexcept;

  /// Queues a message piece by piece, each as a frame: the first begins it, `last` ends it.
  /// Takes:  whether an extension may compress it; the first piece decides that.
  /// Errors: those of send; message_type_mismatch. A code point may be cut between pieces.
  /// Source: §5.4.
  [[nodiscard]] error send_piece(message_type type, const_bytes piece, bool last,
                                 compression how = compression::automatic) noexcept {
    if (!closing_.may_send()) return error::closing;
    return pieces_.add(writer_, extension_, {type, piece, last, how}, options_.high_water);
  }

  /// Queues a message that was encoded before. One that was compressed before goes like that where the
  /// extension lets it (see prepared_message), and otherwise as send() would send it.
  /// Errors: those of send_binary.
  [[nodiscard]] error send(const prepared_message& message) noexcept
    requires(Role == role::server)
  {
    const auto form = detail::form_of(message, extension_);
    if (form == detail::prepared_form::compressed_anew) return send(message.type(), message.payload());
    const error refusal = may_send_message(detail::frame_of(message, form).size());
    return refusal != error::none ? refusal : writer_.add_encoded(detail::frame_of(message, form));
  }

  /// Queues a message, never compressed, whose payload is not copied: output_runs() shows it where it lies.
  /// Errors: those of send; would_block also while another payload is lent.
  /// Life:   the payload stays as it is until lends() is false or settle() was called.
  /// Cost:   for text, one pass to validate it; otherwise O(1).
  [[nodiscard]] error send_lent(message_type type, const_bytes payload) noexcept
    requires(Role == role::server);

  /// Queues a message that was encoded before, without a copy unless it is compressed here; like
  /// send_lent otherwise.
  [[nodiscard]] error send_lent(const prepared_message& message) noexcept
    requires(Role == role::server)
  {
    if (writer_.lends()) return error::would_block;
    const auto form = detail::form_of(message, extension_);
    if (form == detail::prepared_form::compressed_anew) return send(message.type(), message.payload());
    const error refusal = may_send_message(0);
    if (refusal == error::none) writer_.lend(detail::frame_of(message, form));
    return refusal;
  }

  error send_lent(prepared_message&&) = delete;  // it would be gone at once

  /// A payload is lent and not all of it is sent.
  bool lends() const noexcept { return writer_.lends(); }

  /// Takes over what is left of a lent payload. Errors: out_of_memory, buffer_full; it stays lent then.
  [[nodiscard]] error settle() noexcept { return writer_.settle(); }

  // Control

  /// Queues a ping.
  /// Errors: closing, control_payload_too_long, random_failed, out_of_memory; would_block while an
  ///         earlier one waits to be sent.
  /// Source: §5.5.2.
  [[nodiscard]] error send_ping(const_bytes payload = {}) noexcept {
    if (!closing_.may_send()) return error::closing;
    if (payload.size() > max_control_payload) return error::control_payload_too_long;
    return writer_.ping_waits() ? error::would_block : writer_.add_ping(payload);
  }

  /// A ping waits to be sent: the time that its pong takes has not begun.
  bool ping_waits() const noexcept { return writer_.ping_waits(); }

  /// Queues a pong that nobody asked for. Pings are answered without it.
  /// Errors: those of send_binary; control_payload_too_long.
  /// Source: §5.5.3.
  [[nodiscard]] error send_pong(const_bytes payload = {}) noexcept;

  /// Starts the closing handshake. Messages may still come until the peer's Close does; that may never
  /// come, so set a time after which the transport is closed all the same.
  /// Takes:  a sendable code and a reason in UTF-8, which is cut between code points after 123 bytes;
  ///         or no_status for a Close frame without a payload.
  /// Errors: closing, close_code_not_sendable, payload_not_utf8, random_failed, out_of_memory.
  /// Source: §7.1.2.
  [[nodiscard]] error send_close(close_code code = close_code::normal, std::string_view reason = {}) noexcept {
    if (!closing_.may_send()) return error::closing;
    const error fault = queue_close({code, reason});
    if (fault == error::none) closing_.send_close(code);
    return fault;
  }

  // Output

  /// Bytes to send; empty when there are none. There may be more behind them: see output_runs.
  /// Life: until the next call of anything that is not const.
  const_bytes output() const noexcept {
    const auto runs = writer_.runs();
    return !runs[0].empty() ? runs[0] : !runs[1].empty() ? runs[1] : runs[2];
  }

  /// All bytes to send, in order, for a gathering write such as writev; a run may be empty.
  /// Life: until the next call of anything that is not const.
  std::array<const_bytes, 3> output_runs() const noexcept { return writer_.runs(); }

  /// Says how many bytes of the output were sent. Errors: sent_too_much, a slip of the caller's.
  error sent(std::size_t count) noexcept { return writer_.sent(count); }

  /// Hands over all output in its buffer, as if it were sent: for writes that go on while the
  /// connection does. What is lent is copied first.
  /// Errors: out_of_memory, buffer_full.
  result<typename Policy::output_buffer> take_output() noexcept {
    if (const error fault = writer_.settle(0); fault != error::none) return fault;
    return writer_.take();
  }

  /// Bytes that wait to be sent.
  std::size_t buffered() const noexcept { return writer_.size(); }

  /// What is to be done with the transport, now that output() is what it is.
  /// Source: §7.1.1.
  transport_action transport() const noexcept { return closing_.transport(Role, buffered() == 0); }

  /// True until a Close frame was sent or the connection has ended: messages may be sent.
  bool is_open() const noexcept { return closing_.may_send(); }

 private:
  event poll_further() noexcept;
  event end_input() noexcept;
  event fail(error what) noexcept;
  event receive_close(event close) noexcept;
  event last_event() noexcept;
  error may_send_message(std::size_t size) const noexcept;
  error queue_close(close_payload why) noexcept;

  /// The most payload that goes into one frame.
  std::size_t largest_frame() const noexcept {
    if (options_.fragment_size == unfragmented) return std::numeric_limits<std::size_t>::max();
    return std::max<std::size_t>(options_.fragment_size, 1);
  }

  input<typename Policy::retained_buffer> input_;
  connection_options options_;
  [[no_unique_address]] message_reader<Role, typename Policy::message_buffer> reader_;
  detail::pieces_sender pieces_;  // lies in the reader's padding
  frame_writer<Role, typename Policy::output_buffer, random_type> writer_;
  class closing closing_;
  [[no_unique_address]] extension_type extension_;
};

/// A server's end of a connection.
using server_connection = connection<role::server>;
/// A client's end of a connection; using it needs sansocket/crypto/openssl.hpp.
using client_connection = connection<role::client>;

template <role Role, class Policy>
event connection<Role, Policy>::poll_further() noexcept {
  event next;
  const error broken = reader_.next(input_.left(), next, options_.limits, options_.delivery, extension_);
  if (broken != error::none) return fail(broken);
  switch (next.type) {
    case event_type::text:
    case event_type::binary:
    case event_type::pong: return next;
    case event_type::ping: {
      // §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless
      // it already received a Close frame."
      const error fault = writer_.add_pong(next.payload);
      return fault == error::none ? next : fail(fault);
    }
    case event_type::closed: return receive_close(next);
    case event_type::none: break;
  }
  return end_input();
}

template <role Role, class Policy>
event connection<Role, Policy>::end_input() noexcept {
  input_.replace({});
  closing_.all_read();
  return closing_.may_receive() ? event() : last_event();
}

/// Shows the report once, then gives back all memory.
template <role Role, class Policy>
event connection<Role, Policy>::last_event() noexcept {
  if (closing_.report_due()) return {.type = event_type::closed, .why = closing_.take_report()};
  input_.replace({});
  reader_.release();
  if constexpr (is_extended) extension_.release();
  return {};
}

/// §7.1.7: fails the connection: a Close frame says why, unless one was sent before.
template <role Role, class Policy>
event connection<Role, Policy>::fail(error what) noexcept {
  const close_code code = close_code_for(what);
  const bool told = closing_.may_send() && queue_close({code, message(what)}) == error::none;
  closing_.fail(what, told ? code : close_code::none);
  input_.left() = {};
  return {.type = event_type::closed, .why = closing_.take_report()};
}

template <role Role, class Policy>
event connection<Role, Policy>::receive_close(event close) noexcept {
  const auto why = decode_close(close.payload);
  if (!why) return fail(why.error());
  // §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the
  // endpoint MUST send a Close frame in response. ... it typically echos the status code it received."
  if (closing_.may_send()) {
    if (const error fault = queue_close({why->code, {}}); fault != error::none) return fail(fault);
  }
  closing_.receive_close(why->code);
  input_.left() = {};
  close.payload = bytes_of(std::string_view(why->reason));
  close.why = closing_.take_report();
  return close;
}

template <role Role, class Policy>
error connection<Role, Policy>::may_send_message(std::size_t size) const noexcept {
  // §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
  if (!closing_.may_send()) return error::closing;
  if (pieces_.under_way()) return error::message_in_progress;
  return writer_.check_room(size, options_.high_water);
}

template <role Role, class Policy>
error connection<Role, Policy>::queue_close(close_payload why) noexcept {
  std::array<std::byte, max_control_payload> payload;
  const auto size = encode_close(why, payload);
  if (!size) return size.error();
  return writer_.add({.opcode = opcode::close}, const_bytes(payload).first(*size));
}

template <role Role, class Policy>
error connection<Role, Policy>::send(message_type type, const_bytes payload, compression how) noexcept {
  const std::size_t size = detail::encoded_size(payload.size(), largest_frame(), Role == role::client);
  if (const error refusal = may_send_message(size); refusal != error::none) return refusal;
  if (type == message_type::text && !is_utf8(payload)) return error::payload_not_utf8;
  const auto first = static_cast<opcode>(type);
  if constexpr (is_extended) {
    if (how == compression::automatic && extension_.wants(payload.size())) {
      return detail::queue_compressed(writer_, extension_, first, payload, largest_frame());
    }
  }
  return detail::queue_frames(writer_, {.opcode = first}, payload, largest_frame());
}

template <role Role, class Policy>
error connection<Role, Policy>::send_lent(message_type type, const_bytes payload) noexcept
  requires(Role == role::server)
{
  if (writer_.lends()) return error::would_block;
  if (const error refusal = may_send_message(frame_header_size(payload.size(), false)); refusal != error::none) {
    return refusal;
  }
  if (type == message_type::text && !is_utf8(payload)) return error::payload_not_utf8;
  return writer_.add_lent({.opcode = static_cast<opcode>(type)}, payload);
}

template <role Role, class Policy>
error connection<Role, Policy>::send_pong(const_bytes payload) noexcept {
  if (!closing_.may_send()) return error::closing;
  if (payload.size() > max_control_payload) return error::control_payload_too_long;
  const std::size_t size = frame_header_size(payload.size(), Role == role::client) + payload.size();
  if (const error refusal = writer_.check_room(size, options_.high_water); refusal != error::none) return refusal;
  return writer_.add({.opcode = opcode::pong}, payload);
}

}  // namespace sansocket

#endif
