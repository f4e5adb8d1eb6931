// What an opening handshake leaves behind for the connection (§4.1, §4.2.2).
#ifndef SANSOCKET_CORE_AGREEMENT_HPP
#define SANSOCKET_CORE_AGREEMENT_HPP

#include <cstdint>
#include <optional>
#include <string_view>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

/// How permessage-deflate is spoken on a connection (RFC 7692 §7.1).
struct deflate_agreement {
  bool server_no_context_takeover = false;   ///< the server compresses every message for itself
  bool client_no_context_takeover = false;   ///< the client does
  std::uint8_t server_max_window_bits = 15;  ///< the server's window is at most 2 to this power, in bytes
  std::uint8_t client_max_window_bits = 15;  ///< the client's is

  friend constexpr bool operator==(const deflate_agreement&, const deflate_agreement&) = default;
};

namespace detail {
struct agreement_maker;
}

/// Proof that a handshake succeeded: only a handshake that was accepted makes one.
/// Life: views of the options (the subprotocol) and of the last chunk (the bytes behind the head).
class agreement {
 public:
  /// The subprotocol that is spoken from here on; empty if none was agreed (§1.9).
  constexpr std::string_view subprotocol() const noexcept { return subprotocol_; }

  /// How messages may be compressed; nothing if that was not agreed.
  constexpr const std::optional<deflate_agreement>& deflate() const noexcept { return deflate_; }

  /// What came behind the head: the first bytes of the connection, to be unmasked in place.
  constexpr bytes behind_head() const noexcept { return behind_head_; }

 private:
  friend struct detail::agreement_maker;

  constexpr agreement(std::string_view subprotocol, bytes behind_head,
                      std::optional<deflate_agreement> deflate) noexcept
      : subprotocol_(subprotocol), behind_head_(behind_head), deflate_(deflate) {}

  std::string_view subprotocol_;
  bytes behind_head_;
  std::optional<deflate_agreement> deflate_;
};

namespace detail {

/// The handshakes' key to agreement's constructor.
struct agreement_maker {
  static constexpr agreement make(std::string_view subprotocol, bytes behind_head,
                                  std::optional<deflate_agreement> deflate = {}) noexcept {
    return {subprotocol, behind_head, deflate};
  }
};

}  // namespace detail

}  // namespace sansocket

#endif
