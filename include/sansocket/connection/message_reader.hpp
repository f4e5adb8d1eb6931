// Puts messages together from frames, and judges what single frames cannot show (§5.4, §6.2, §8.1).
#ifndef SANSOCKET_CONNECTION_MESSAGE_READER_HPP
#define SANSOCKET_CONNECTION_MESSAGE_READER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "sansocket/codec/utf8.hpp"
#include "sansocket/connection/event.hpp"
#include "sansocket/connection/extension.hpp"
#include "sansocket/connection/frame_reader.hpp"
#include "sansocket/connection/message_room.hpp"
#include "sansocket/connection/options.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/limits.hpp"

namespace sansocket {

/// A part of connection, not for applications: it may change.
///
/// Turns a stream of frames into messages, pings, pongs and one Close.
/// The verdict on a stream, and the events before it, do not depend on how the stream was cut.
template <role Role, byte_buffer Buffer>
class message_reader {
 public:
  /// The common case in a straight line: a message in one frame that lies whole in the input.
  /// Gives: false if this is not such a case, with nothing changed unless it is a fault, which next() gives.
  [[gnu::always_inline]] bool take_whole(bytes& input, event& out, const message_limits& limits,
                                         delivery how) noexcept {
    if (busy_ || how != delivery::messages) return false;
    std::byte* const at = input.data();
    const auto frame = frame_reader<Role>::find_whole(at, input.size());
    const std::size_t length = frame.length;
    if (frame.header == 0 || length > limits.frame || length > limits.message || limits.fragments == 0 ||
        length > Buffer::max_size() - max_control_payload) {
      return false;
    }
    if (buffer_.size() != 0) expire();
    const bytes payload(at + frame.header, length);
    input = bytes(at + frame.header + length, input.size() - frame.header - length);
    const auto key = Role == role::server ? detail::load<std::uint32_t>(payload.data() - sizeof(masking_key)) : 0U;
    if (frame.is_text && !take_text(payload, key)) return false;
    if (!frame.is_text && Role == role::server) detail::mask(payload.data(), payload.data(), length, key);
    out.type = frame.is_text ? event_type::text : event_type::binary;
    out.payload = payload;
    return true;
  }

  /// The next most common case: more of a message that is being assembled, but not its end.
  /// Gives: false if this is not such a case, with nothing changed unless it is a fault, which next() gives.
  [[gnu::always_inline]] bool take_part(bytes& input) noexcept {
    const std::size_t count = input.size();
    if (!assembling_ || count == 0 || count >= frames_.remaining() || count > judged_at_once) return false;
    if (buffer_.capacity() - buffer_.size() < count) return false;
    const bytes more = buffer_.extend(count, 0);
    const bool ascii = frames_.copy_payload(more, input);
    return type_ != event_type::text || judge(more, ascii);
  }

  /// Reads on until something happened.
  /// Takes:  the input, off which what is used is taken; room for what happened; and an extension, which
  ///         transforms the messages that have RSV1 set.
  /// Gives:  none, with an event, or with none if the input is used up. A Close frame comes as
  ///         `closed`, its payload not judged.
  /// Errors: what the peer did wrong, or out_of_memory; nothing more can be read then.
  template <class Extension = no_extension>
  error next(bytes& input, event& out, const message_limits& limits, delivery how,
             Extension&& extension = {}) noexcept {
    const error fault = read_on(input, out, limits, how, extension);
    busy_ = fault != error::none || fault_ != error::none || !frames_.at_rest() || in_message();
    assembling_ = fault_ == error::none && frames_.in_frame() && !is_control(frames_.opcode()) && !compressed_ &&
                  how == delivery::messages;
    return fault;
  }

  /// Gives back all memory. Nothing more can be read.
  void release() noexcept { buffer_.release(); }

 private:
  template <class Extension>
  error read_on(bytes& input, event& out, const message_limits& limits, delivery how, Extension& extension) noexcept {
    expire();
    if (fault_ != error::none) return fault_;
    for (;;) {
      step outcome = step::next_frame;
      if (!frames_.in_frame() && !draining_) outcome = read_header(input, limits, how, extension);
      if (outcome == step::next_frame) outcome = read_payload(input, out, limits.message, how, extension);
      if (outcome == step::failed) return fault_;
      if (outcome == step::deliver) return error::none;
      if (outcome == step::need_more) break;
    }
    if (buffer_.size() == 0) buffer_.release();
    return error::none;
  }

  static_assert(Buffer::max_size() >= max_control_payload, "the message buffer cannot hold a control frame's payload");

  enum class step : std::uint8_t { need_more, next_frame, deliver, failed };

  step fail(error what) noexcept {
    fault_ = what;
    return step::failed;
  }

  bool in_message() const noexcept { return type_ != event_type::none; }

  /// Ends the life of what the last event showed of the buffer.
  void expire() noexcept {
    const std::size_t kept = delivered_ ? 0 : frames_.in_frame() ? buffer_.size() : buffer_.size() - control_size_;
    delivered_ = false;
    if (kept == buffer_.size()) return;
#ifndef NDEBUG
    // A view that is used for too long shows this instead of what may look right.
    std::ranges::fill(buffer_.view().subspan(kept), std::byte{0xDD});
#endif
    buffer_.truncate(kept);
    control_size_ = 0;
  }

  /// Gives: next_frame if there is a frame, whose payload is to be read; need_more or failed otherwise.
  template <class Extension>
  step read_header(bytes& input, const message_limits& limits, delivery how, const Extension& extension) noexcept {
    std::uint8_t allowed_rsv = 0;
    if constexpr (message_extension<Extension>) allowed_rsv = extension.active() ? rsv1 : 0;
    const auto header =
        frames_.read_header(input, [&](const frame_header& first_two) { return check(first_two, allowed_rsv); });
    if (header.failed()) return fail(header.error());
    if (!header.complete()) return step::need_more;
    const error broken = begin_frame(*header, limits, how);
    return broken == error::none ? step::next_frame : fail(broken);
  }

  template <class Extension>
  step read_payload(bytes& input, event& out, std::uint64_t limit, delivery how, Extension& extension) noexcept {
    if (is_control(frames_.opcode())) return read_control(input, out, limit);
    if constexpr (message_extension<Extension>) {
      if (compressed_) return read_compressed(input, out, limit, how, extension);
    }
    return how == delivery::pieces ? read_piece(input, out) : read_message(input, out, limit);
  }

  /// The rules that the first two bytes of a frame show broken.
  error check(const frame_header& first_two, std::uint8_t allowed_rsv) const noexcept {
    // RFC 7692 §6.1: "MUST NOT set the "Per-Message Compressed" bit of control frames and non-first fragments"
    const bool first = first_two.opcode == opcode::text || first_two.opcode == opcode::binary;
    const error broken = check_frame_header(first_two, Role, first ? allowed_rsv : std::uint8_t{0});
    if (broken != error::none) return broken;
    if (is_control(first_two.opcode)) return error::none;
    // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message"
    const bool continues = first_two.opcode == opcode::continuation;
    if (continues && !in_message()) return error::continuation_unexpected;
    if (!continues && in_message()) return error::message_interrupted;
    return error::none;
  }

  error begin_frame(const frame_header& header, const message_limits& limits, delivery how) noexcept {
    if (is_control(header.opcode)) return error::none;
    // What must be assembled in a fixed buffer must fit there beside one control payload; in which
    // chunks it comes must not matter, so this binds a message that happens to lie whole in one as well.
    const std::uint64_t room = how == delivery::pieces ? unlimited : Buffer::max_size() - max_control_payload;
    if (header.payload_length > limits.frame) return error::frame_too_big;
    if (!in_message()) compressed_ = header.rsv != 0;
    // What a compressed message comes to is counted where it is inflated.
    if (!compressed_ && header.payload_length > std::min(limits.message, room) - length_) return error::message_too_big;
    if (fragments_ >= limits.fragments) return error::too_many_fragments;
    if (fragments_ != std::numeric_limits<std::uint32_t>::max()) ++fragments_;
    if (!compressed_) length_ += header.payload_length;
    if (in_message()) return error::none;
    type_ = header.opcode == opcode::text ? event_type::text : event_type::binary;
    begun_ = false;
    return error::none;
  }

  void end_message() noexcept {
    type_ = event_type::none;
    fragments_ = 0;
    length_ = 0;
    compressed_ = false;
  }

  /// Unmasks a whole text where it lies and validates it, in blocks that stay in the cache.
  /// Gives: false, with the fault set, if it is not UTF-8.
  [[gnu::always_inline]] bool take_text(bytes payload, std::uint32_t key) noexcept {
    if (payload.size() > judged_at_once) return take_long_text(payload, key);
    const bool ascii = Role == role::server && detail::mask(payload.data(), payload.data(), payload.size(), key);
    return ascii || (judge(payload, false) && end_text());
  }

  bool take_long_text(bytes payload, std::uint32_t key) noexcept {
    while (!payload.empty()) {
      const bytes block = payload.first(std::min(payload.size(), judged_at_once));
      const bool ascii = Role == role::server && detail::mask(block.data(), block.data(), block.size(), key);
      if (!judge(block, ascii)) return false;
      payload = payload.subspan(block.size());
    }
    return end_text();
  }

  /// §8.1: "the endpoint MUST _Fail the WebSocket Connection_" on text that is not UTF-8, here at the first
  /// byte that cannot be valid.
  bool judge(const_bytes text, bool ascii) noexcept {
    return (ascii && text_.complete()) || text_.feed(text) == text.size() || refuse_text();
  }

  bool end_text() noexcept { return text_.complete() || refuse_text(); }

  bool refuse_text() noexcept {
    fail(error::text_not_utf8);
    busy_ = true;
    assembling_ = false;
    return false;
  }

  /// Takes payload off the input into a place of the same size, which may be where it lies.
  /// Gives: false, with the fault set, if it is text and not valid.
  bool take_payload(bytes to, bytes& input) noexcept {
    while (!to.empty()) {
      const bytes block = to.first(std::min(to.size(), judged_at_once));
      const bool ascii = frames_.copy_payload(block, input);
      if (type_ == event_type::text && !judge(block, ascii)) return false;
      to = to.subspan(block.size());
    }
    return true;
  }

  step read_control(bytes& input, event& out, std::uint64_t limit) noexcept {
    if (control_size_ == 0 && input.size() >= frames_.remaining()) {
      out.payload = frames_.take_payload(input);
    } else {
      // Beside a message the buffer grows as it does for the message: if it grew by a control payload
      // only, a peer could have the whole message copied for every few bytes that it sends.
      const bool alone = buffer_.size() == control_size_;
      const std::uint64_t beside = limit + std::min<std::uint64_t>(unlimited - limit, max_control_payload);
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frames_.remaining(), input.size()));
      const bytes more = compressed_ && !alone
                             ? detail::room_beside_inflated(buffer_, count, limit - length_)
                             : detail::room_for_payload(buffer_, count, alone ? max_control_payload : beside);
      if (more.size() != count) return fail(error::out_of_memory);
      frames_.copy_payload(more, input);
      control_size_ = static_cast<std::uint8_t>(control_size_ + more.size());
      if (frames_.in_frame()) return step::need_more;
      out.payload = buffer_.view().last(control_size_);
    }
    switch (frames_.opcode()) {
      case opcode::ping: out.type = event_type::ping; break;
      case opcode::pong: out.type = event_type::pong; break;
      default: out.type = event_type::closed; break;
    }
    return step::deliver;
  }

  step read_message(bytes& input, event& out, std::uint64_t limit) noexcept {
    const bool in_place = buffer_.size() == 0 && frames_.fin() && input.size() >= frames_.remaining();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frames_.remaining(), input.size()));
    const bytes more =
        in_place ? input.first(count) : detail::room_for_payload(buffer_, count, frames_.fin() ? length_ : limit);
    if (more.size() != count) return fail(error::out_of_memory);
    if (more.empty()) frames_.copy_payload(more, input);  // a frame without payload ends here
    if (!take_payload(more, input)) return step::failed;
    if (frames_.in_frame()) return step::need_more;
    if (!frames_.fin()) return step::next_frame;
    if (!end_text()) return step::failed;
    out.type = type_;
    out.payload = in_place ? more : buffer_.view();
    delivered_ = !in_place;
    end_message();
    return step::deliver;
  }

  step read_piece(bytes& input, event& out) noexcept {
    bytes run = frames_.take_payload(input);
    bool last = !frames_.in_frame() && frames_.fin();
    if (type_ == event_type::text) {
      const std::size_t valid = text_.feed(const_bytes(run));
      if (valid != run.size() || (last && !text_.complete())) {
        // What was valid before the fault is delivered first.
        fault_ = error::text_not_utf8;
        run = run.first(valid);
        last = false;
      }
    }
    if (run.empty() && !last) {
      if (fault_ != error::none) return step::failed;
      return frames_.in_frame() ? step::need_more : step::next_frame;
    }
    out = {.type = type_, .first = !begun_, .last = last, .payload = run};
    begun_ = true;
    if (last) end_message();
    return step::deliver;
  }

  /// Inflates what there is of a message, as far as the limit and, for pieces, one piece go.
  template <class Extension>
  step read_compressed(bytes& input, event& out, std::uint64_t limit, delivery how, Extension& extension) noexcept {
    const bool pieces = how == delivery::pieces;
    const std::size_t room = Buffer::max_size() - max_control_payload;
    const std::size_t most = pieces ? std::min(room, detail::inflated_at_once) : room;
    for (;;) {
      if (pieces && buffer_.size() == most) return show(out, false);
      // No more is unmasked than is likely to be used: what is not is masked again.
      const bytes run = frames_.uncover(input, std::min(detail::inflated_at_once, std::max<std::size_t>(most, 64)));
      const bool end = frames_.fin() && run.size() == frames_.remaining();
      if (run.empty() && !end && !draining_) {
        frames_.take_uncovered(run, 0, input);
        if (pieces && buffer_.size() != 0) return show(out, false);
        return frames_.in_frame() ? step::need_more : step::next_frame;
      }
      const transform_step done =
          inflate(run, end, std::min<std::uint64_t>(limit - length_, most - buffer_.size()), extension);
      frames_.take_uncovered(run, done.used, input);
      if (done.fault != error::none) return fail_compressed(done.fault, out, pieces);
      if (draining_) continue;
      if (end && done.used == run.size()) return end_compressed(out, extension, pieces);
    }
  }

  /// The payload is used up and nothing more comes of it.
  template <class Extension>
  step end_compressed(event& out, Extension& extension, bool pieces) noexcept {
    error fault = extension.finish_inflate();
    if (fault == error::none && !text_.complete()) fault = error::text_not_utf8;
    return fault == error::none ? show(out, true) : fail_compressed(fault, out, pieces);
  }

  /// What was valid before the fault is delivered first, as far as pieces are delivered.
  step fail_compressed(error what, event& out, bool pieces) noexcept {
    fail(what);
    return pieces && buffer_.size() != 0 ? show(out, false) : step::failed;
  }

  /// Runs the extension once, with room for at most `left` bytes.
  template <class Extension>
  transform_step inflate(const_bytes run, bool end, std::uint64_t left, Extension& extension) noexcept {
    if (left == 0) {
      // Nothing more may come; does anything?
      std::byte one_too_many{};
      transform_step done = extension.inflate(run, bytes(&one_too_many, 1), end);
      if (done.made != 0) done.fault = error::message_too_big;
      draining_ = false;
      return done;
    }
    const std::size_t before = buffer_.size();
    const bytes space = inflated_room(run.size(), left);
    if (space.empty()) return {.fault = error::out_of_memory};
    transform_step done = extension.inflate(run, space, end);
    draining_ = done.made == space.size();
    // It has room and takes nothing of what there is: no use in asking again.
    const bool stuck = !run.empty() && done.used == 0 && done.made == 0;
    if (stuck && done.fault == error::none) done.fault = error::compressed_data_invalid;
    length_ += done.made;
    buffer_.truncate(before + done.made);
    if (type_ != event_type::text) return done;
    const std::size_t valid = text_.feed(const_bytes(space.first(done.made)));
    if (valid != done.made) {
      done.fault = error::text_not_utf8;
      buffer_.truncate(before + valid);
    }
    return done;
  }

  /// Room for what `run` bytes may inflate to.
  bytes inflated_room(std::size_t run, std::uint64_t left) noexcept {
    const std::size_t wish = std::max((4 * run) + 512, buffer_.size());
    return detail::room_beside_inflated(
        buffer_, static_cast<std::size_t>(std::min<std::uint64_t>({left, wish, detail::inflated_at_once})), left);
  }

  /// Shows what is in the buffer as an event.
  step show(event& out, bool last) noexcept {
    out = {.type = type_, .first = !begun_, .last = last, .payload = buffer_.view()};
    begun_ = true;
    delivered_ = true;
    if (last) end_message();
    return step::deliver;
  }

  /// Of a text that is unmasked and then validated: it is still in the cache then. A multiple of the key's size.
  static constexpr std::size_t judged_at_once = 16 * 1024;

  frame_reader<Role> frames_;
  Buffer buffer_;                       // what has come of the message, then of a control frame's payload
  std::uint64_t length_ = 0;            // what the message's frames so far announced, or what was inflated
  std::uint32_t fragments_ = 0;         // frames of the message so far
  event_type type_ = event_type::none;  // of the message that is under way; none between messages
  utf8_validator text_;                 // stands between code points while no text is under way
  std::uint8_t control_size_ = 0;       // bytes of a control payload at the buffer's end
  bool busy_ : 1 = false;               // a header, a frame, a message or a fault is at hand
  bool assembling_ : 1 = false;         // a message's frame is at hand, whose payload goes into buffer_
  bool delivered_ : 1 = false;          // the last event shows the buffer: it can go
  bool begun_ : 1 = false;              // a piece of the message was delivered
  bool compressed_ : 1 = false;         // the message came with RSV1
  bool draining_ : 1 = false;           // more may come of the compressed payload that was read
  error fault_ = error::none;
};

}  // namespace sansocket

#endif
