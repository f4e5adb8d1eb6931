// The codecs alone: a frame taken apart and put together again, as a sniffer or a test would do it.
#include <array>
#include <cstdio>
#include <string>

#include "sansocket/codec/close_payload.hpp"
#include "sansocket/codec/describe.hpp"
#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/mask.hpp"
#include "sansocket/core/error_info.hpp"

using namespace sansocket;

namespace {

void print(const char* what, std::string_view words) {
  std::printf("%-8s %.*s\n", what, static_cast<int>(words.size()), words.data());
}

/// Decodes the frame at the front of a stream and shows its payload.
void take_apart(std::string stream) {
  const bytes data = bytes_of(stream);
  print("frame", describe_frame(data));
  const auto decoded = decode_frame_header(data);
  if (!decoded.complete()) return;
  const error verdict = check_frame_header(decoded->header, role::server);
  print("verdict", verdict == error::none ? "fine for a server" : message(verdict));
  const bytes payload = data.subspan(decoded->size);
  apply_mask(payload, decoded->header.key);
  print("payload", text_of(payload));
}

/// Encodes a Close frame as a server sends it.
std::string make_close(close_code code, std::string_view reason) {
  std::array<std::byte, max_control_payload> payload{};
  const auto size = encode_close({code, reason}, payload);
  if (!size) return {};
  std::array<std::byte, max_frame_header_size> header{};
  const auto header_size = encode_frame_header({.opcode = opcode::close, .payload_length = *size}, header);
  if (!header_size) return {};
  std::string frame(text_of(const_bytes(header).first(*header_size)));
  return frame.append(text_of(const_bytes(payload).first(*size)));
}

}  // namespace

int main() {
  take_apart("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");  // the masked "Hello" of RFC 6455 §5.7
  take_apart("\x81\x05Hello");                                 // not masked: a server must not accept it
  take_apart("\x89\x7e");                                      // a ping that is too long, cut within its header

  const std::string close = make_close(close_code::going_away, "see you");
  print("close", describe_frame(bytes_of(close)));
}
