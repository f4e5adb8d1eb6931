// What an opening handshake leaves behind for the connection (§4.1, §4.2.2).
#ifndef SANSOCKET_CORE_AGREEMENT_HPP
#define SANSOCKET_CORE_AGREEMENT_HPP

#include <string_view>

#include "sansocket/core/bytes.hpp"

namespace sansocket {

namespace detail {
struct agreement_maker;
}

/// Proof that a handshake succeeded: only a handshake that was accepted makes one.
/// Life: views of the options (the subprotocol) and of the last chunk (the bytes behind the head).
class agreement {
 public:
  /// The subprotocol that is spoken from here on; empty if none was agreed (§1.9).
  constexpr std::string_view subprotocol() const noexcept { return subprotocol_; }

  /// What came behind the head: the first bytes of the connection, to be unmasked in place.
  constexpr bytes behind_head() const noexcept { return behind_head_; }

 private:
  friend struct detail::agreement_maker;

  constexpr agreement(std::string_view subprotocol, bytes behind_head) noexcept
      : subprotocol_(subprotocol), behind_head_(behind_head) {}

  std::string_view subprotocol_;
  bytes behind_head_;
};

namespace detail {

/// The handshakes' key to agreement's constructor.
struct agreement_maker {
  static constexpr agreement make(std::string_view subprotocol, bytes behind_head) noexcept {
    return {subprotocol, behind_head};
  }
};

}  // namespace detail

}  // namespace sansocket

#endif
