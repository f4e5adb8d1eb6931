// A message that is encoded once and sent to many (§5.6).
#ifndef SANSOCKET_CONNECTION_PREPARED_MESSAGE_HPP
#define SANSOCKET_CONNECTION_PREPARED_MESSAGE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/utf8.hpp"
#include "sansocket/connection/extension.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/core/opcode.hpp"
#include "sansocket/core/result.hpp"

namespace sansocket {

/// The frame of a whole message as a server sends it, and the frame of its compressed form if it has one.
/// A client cannot send it: §5.3 asks for a fresh masking key for every frame.
///
/// One that was made with an extension goes to a connection that agreed on no context takeover
/// compressed as it is, to others that agreed on compression compressed by their own context, and plain
/// to the rest. One that was made without goes plain to all.
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

  /// Encodes a text message, and compresses it if that is worth it.
  /// Takes:  an extension that takes no context over, such as independent_deflate gives.
  /// Errors: payload_not_utf8, out_of_memory, and those of the extension.
  template <message_extension Extension>
  static result<prepared_message> text(std::string_view text, Extension&& extension) noexcept {
    if (!is_utf8(text)) return error::payload_not_utf8;
    return make(message_type::text, bytes_of(std::string_view(text)), extension);
  }

  /// Encodes a binary message, and compresses it if that is worth it.
  template <message_extension Extension>
  static result<prepared_message> binary(const_bytes data, Extension&& extension) noexcept {
    return make(message_type::binary, data, extension);
  }

  /// The plain frame, header and payload.
  /// Life: a view of this object.
  const_bytes frame() const noexcept { return frame_.view(); }

  /// The frame of the compressed form; empty if there is none.
  /// Life: a view of this object.
  const_bytes compressed_frame() const noexcept { return compressed_.view(); }

  /// The window that the compressed form was made with; 0 if there is none.
  std::uint8_t window_bits() const noexcept { return window_bits_; }

  /// What was encoded.
  /// Life: a view of this object.
  const_bytes payload() const noexcept { return frame().subspan(header_size_); }
  message_type type() const noexcept { return type_; }

 private:
  static result<prepared_message> make(message_type type, const_bytes payload) noexcept {
    prepared_message message;
    message.type_ = type;
    message.header_size_ = encode(message.frame_, {.opcode = static_cast<opcode>(type)}, payload);
    if (message.header_size_ == 0) return error::out_of_memory;
    return message;
  }

  template <class Extension>
  static result<prepared_message> make(message_type type, const_bytes payload, Extension& extension) noexcept {
    auto message = make(type, payload);
    if (!message || extension.independent_window_bits() == 0 || !extension.wants(payload.size())) return message;
    heap_buffer packed;
    const error fault = detail::compress(extension, payload, packed);
    extension.finish_deflate(false);
    if (fault == error::would_block) return message;  // it does not shrink
    if (fault != error::none) return fault;
    const frame_header header{.rsv = rsv1, .opcode = static_cast<opcode>(type)};
    if (encode(message->compressed_, header, std::as_const(packed).view()) == 0) return error::out_of_memory;
    message->window_bits_ = extension.independent_window_bits();
    return message;
  }

  /// Encodes one frame.
  /// Gives: the size of its header; 0 if there is no memory.
  static std::uint8_t encode(heap_buffer& frame, frame_header header, const_bytes payload) noexcept {
    header.payload_length = payload.size();
    if (payload.size() > max_payload_length) return 0;
    std::array<std::byte, max_frame_header_size> encoded;
    const auto size = encode_frame_header(header, encoded);
    const bytes room = frame.extend(*size + payload.size(), *size + payload.size());
    if (room.empty()) return 0;
    std::memcpy(room.data(), encoded.data(), *size);
    if (!payload.empty()) std::memcpy(room.subspan(*size).data(), payload.data(), payload.size());
    return static_cast<std::uint8_t>(*size);
  }

  heap_buffer frame_;
  heap_buffer compressed_;
  message_type type_ = message_type::binary;
  std::uint8_t header_size_ = 0;
  std::uint8_t window_bits_ = 0;
};

}  // namespace sansocket

#endif
