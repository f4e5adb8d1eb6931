// What a frame carries (§5.2, §11.8).
#ifndef SANSOCKET_CORE_OPCODE_HPP
#define SANSOCKET_CORE_OPCODE_HPP

#include <cstdint>
#include <string_view>

namespace sansocket {

/// The four opcode bits of a frame. Values that are not listed are reserved.
enum class opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// The two kinds of message that an application sends and receives (§5.6).
enum class message_type : std::uint8_t { text = 0x1, binary = 0x2 };

/// True for 0x8..0xF: "Control frames are identified by opcodes where the most significant bit of
/// the opcode is 1" (§5.5).
constexpr bool is_control(opcode code) noexcept { return (static_cast<std::uint8_t>(code) & 0x8U) != 0; }

/// True for the ten values that §5.2 reserves (0x3..0x7 and 0xB..0xF).
constexpr bool is_reserved(opcode code) noexcept { return (static_cast<std::uint8_t>(code) & 0x7U) > 0x2U; }

/// The RFC's word for an opcode; "reserved" for a reserved one.
constexpr std::string_view name(opcode code) noexcept {
  switch (code) {
    case opcode::continuation: return "continuation";
    case opcode::text: return "text";
    case opcode::binary: return "binary";
    case opcode::close: return "close";
    case opcode::ping: return "ping";
    case opcode::pong: return "pong";
  }
  return "reserved";
}

}  // namespace sansocket

#endif
