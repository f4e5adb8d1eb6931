// A message that is encoded once and sent to many (§5.6).
#ifndef SANSOCKET_CONNECTION_PREPARED_MESSAGE_HPP
#define SANSOCKET_CONNECTION_PREPARED_MESSAGE_HPP

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "sansocket/codec/utf8.hpp"
#include "sansocket/connection/frame_writer.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/opcode.hpp"
#include "sansocket/core/result.hpp"

namespace sansocket {

/// The frame of a whole message as a server sends it. A client cannot send it: §5.3 asks for a fresh
/// masking key for every frame.
class prepared_message {
 public:
  prepared_message() = default;  // for result; an empty one sends nothing

  /// Encodes a text message.
  /// Errors: payload_not_utf8, out_of_memory.
  /// Cost:   one pass over the text, one allocation.
  static result<prepared_message> text(std::string_view text) noexcept {
    if (!is_utf8(text)) return error::payload_not_utf8;
    return make(message_type::text, bytes_of(std::string_view(text)));
  }

  /// Encodes a binary message.
  /// Errors: out_of_memory.
  static result<prepared_message> binary(const_bytes data) noexcept { return make(message_type::binary, data); }

  /// The frame, header and payload.
  /// Life: a view of this object.
  const_bytes frame() const noexcept { return frame_.view(); }

 private:
  static result<prepared_message> make(message_type type, const_bytes payload) noexcept {
    const frame_header header{.opcode = static_cast<opcode>(type), .payload_length = payload.size()};
    std::array<std::byte, max_frame_header_size> encoded;
    const auto size = encode_frame_header(header, encoded);
    prepared_message message;
    const bytes room = message.frame_.extend(*size + payload.size(), *size + payload.size());
    if (room.empty()) return error::out_of_memory;
    std::memcpy(room.data(), encoded.data(), *size);
    if (!payload.empty()) std::memcpy(room.subspan(*size).data(), payload.data(), payload.size());
    return message;
  }

  heap_buffer frame_;
};

}  // namespace sansocket

#endif
