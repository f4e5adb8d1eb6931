// Puts messages into frames: whole, in fragments, compressed, or as they were prepared (§5.4, §6.1, RFC 7692 §6.1).
#ifndef SANSOCKET_CONNECTION_MESSAGE_WRITER_HPP
#define SANSOCKET_CONNECTION_MESSAGE_WRITER_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/utf8.hpp"
#include "sansocket/connection/extension.hpp"
#include "sansocket/connection/prepared_message.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/opcode.hpp"

namespace sansocket::detail {

/// How many bytes the frames of a message take, each with at most `fragment` bytes of payload.
constexpr std::size_t encoded_size(std::size_t size, std::size_t fragment, bool masked) noexcept {
  if (size <= fragment) return frame_header_size(size, masked) + size;
  const std::size_t rest = size % fragment;
  return size + (size / fragment * frame_header_size(fragment, masked)) +
         (rest == 0 ? 0 : frame_header_size(rest, masked));
}

/// Queues the frames of a message, each with at most `fragment` bytes of payload.
/// Takes:  the first frame's header; RSV1 in it is not set in the others (RFC 7692 §6.1).
/// Errors: random_failed, out_of_memory, buffer_full; nothing is queued then.
template <class Writer>
error queue_fragments(Writer& writer, frame_header header, const_bytes payload, std::size_t fragment) noexcept {
  const std::size_t before = writer.size();
  do {
    const std::size_t count = std::min(payload.size(), fragment);
    header.fin = count == payload.size();
    if (const error fault = writer.add(header, payload.first(count)); fault != error::none) {
      writer.take_back(writer.size() - before);
      return fault;
    }
    payload = payload.subspan(count);
    header.opcode = opcode::continuation;
    header.rsv = 0;
  } while (!header.fin);
  return error::none;
}

/// The same, in a straight line for a message in one frame.
template <class Writer>
error queue_frames(Writer& writer, const frame_header& header, const_bytes payload, std::size_t fragment) noexcept {
  return payload.size() <= fragment ? writer.add(header, payload) : queue_fragments(writer, header, payload, fragment);
}

/// Queues a message compressed, or as it is if it does not shrink.
template <class Writer, message_extension Extension>
error queue_compressed(Writer& writer, Extension& extension, enum opcode type, const_bytes payload,
                       std::size_t fragment) noexcept {
  heap_buffer packed;
  error fault = compress(extension, payload, packed);
  if (fault == error::would_block) {
    extension.finish_deflate(false);
    return queue_frames(writer, {.opcode = type}, payload, fragment);
  }
  if (fault == error::none) {
    fault = queue_frames(writer, {.rsv = rsv1, .opcode = type}, std::as_const(packed).view(), fragment);
  }
  extension.finish_deflate(fault == error::none);
  return fault;
}

/// Queues a piece of a compressed message as a frame. If that fails, the pieces that follow do not
/// build on it.
template <class Writer, message_extension Extension>
error queue_compressed_piece(Writer& writer, Extension& extension, const frame_header& header,
                             const_bytes piece) noexcept {
  // RFC 7692 §7.2.3.6: where there is nothing to compress, one byte stands for an empty block.
  static constexpr std::array empty_block{std::byte{0x00}};
  heap_buffer packed;
  error fault = compress_piece(extension, piece, packed, most_compressed(piece.size()));
  if (fault == error::none && header.fin && packed.size() >= deflate_tail_size) {
    packed.truncate(packed.size() - deflate_tail_size);
  } else if (fault == error::none && header.fin && !append(packed, empty_block)) {
    fault = error::out_of_memory;
  }
  if (fault == error::none) fault = writer.add(header, std::as_const(packed).view());
  if (fault != error::none || header.fin) extension.finish_deflate(fault == error::none);
  return fault;
}

/// One piece of a message.
struct message_piece {
  message_type type;
  const_bytes payload;
  bool last;
  compression how;
};

/// A message that is being sent in pieces. Four bytes in size.
class pieces_sender {
 public:
  bool under_way() const noexcept { return type_ != 0; }

  /// Queues the next piece as a frame.
  /// Errors: message_type_mismatch, would_block, payload_not_utf8, random_failed, out_of_memory,
  ///         buffer_full; nothing is queued then.
  template <class Writer, class Extension>
  error add(Writer& writer, Extension& extension, const message_piece& piece, std::uint64_t high_water) noexcept {
    const bool first = !under_way();
    if (!first && type_ != static_cast<std::uint8_t>(piece.type)) return error::message_type_mismatch;
    const bool compressed = first ? begins_compressed(extension, piece) : compressed_;
    const std::size_t most = compressed ? most_compressed(piece.payload.size()) : piece.payload.size();
    const error refusal = writer.check_room(frame_header_size(most, Writer::masks) + most, high_water);
    if (refusal != error::none) return refusal;
    utf8_validator text = text_;
    if (piece.type == message_type::text) {
      if (text.feed(piece.payload) != piece.payload.size()) return error::payload_not_utf8;
      if (piece.last && !text.complete()) return error::payload_not_utf8;
    }
    const frame_header header{.fin = piece.last,
                              .rsv = first && compressed ? rsv1 : std::uint8_t{0},
                              .opcode = first ? static_cast<opcode>(piece.type) : opcode::continuation};
    const error fault = queue(writer, extension, header, piece.payload, compressed);
    if (fault != error::none) return fault;
    text_ = text;
    type_ = piece.last ? 0U : static_cast<std::uint8_t>(piece.type) & 0x7FU;
    compressed_ = compressed;
    return error::none;
  }

 private:
  template <class Extension>
  static bool begins_compressed(const Extension& extension, const message_piece& first) noexcept {
    if constexpr (message_extension<Extension>) {
      // How long a message will be that does not end here is not known: long enough.
      const std::size_t size = first.last ? first.payload.size() : std::numeric_limits<std::size_t>::max();
      return first.how == compression::automatic && extension.wants(size);
    }
    return false;
  }

  template <class Writer, class Extension>
  static error queue(Writer& writer, Extension& extension, const frame_header& header, const_bytes payload,
                     bool compressed) noexcept {
    if constexpr (message_extension<Extension>) {
      if (compressed) return queue_compressed_piece(writer, extension, header, payload);
    }
    return writer.add(header, payload);
  }

  utf8_validator text_;
  std::uint8_t type_ : 7 = 0;  // the message_type; 0 if none is under way
  bool compressed_ : 1 = false;
};

/// How a prepared message goes to one connection.
enum class prepared_form : std::uint8_t { plain, compressed, compressed_anew };

/// Its compressed form suits where the connection takes no context over and its window is large enough.
template <class Extension>
prepared_form form_of(const prepared_message& message, const Extension& extension) noexcept {
  if constexpr (message_extension<Extension>) {
    if (message.window_bits() == 0 || !extension.active()) return prepared_form::plain;
    if (message.window_bits() <= extension.independent_window_bits()) return prepared_form::compressed;
    if (extension.wants(message.payload().size())) return prepared_form::compressed_anew;
  }
  return prepared_form::plain;
}

inline const_bytes frame_of(const prepared_message& message, prepared_form form) noexcept {
  return form == prepared_form::compressed ? message.compressed_frame() : message.frame();
}

}  // namespace sansocket::detail

#endif
