// The state of a connection: the closing handshake, seen from either end (§7.1).
#ifndef SANSOCKET_CONNECTION_CLOSING_HPP
#define SANSOCKET_CONNECTION_CLOSING_HPP

#include <cstdint>

#include "sansocket/connection/event.hpp"
#include "sansocket/core/close_code.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/core/role.hpp"

namespace sansocket {

/// A part of connection, not for applications: it may change.
///
/// Every change of a connection's state happens here.
///
///     open --send_close--> close_sent --receive_close--> closed
///      | '---------------- receive_close ------------------^
///      |--- fail ---> failed         (also from close_sent)
///      '--- end ----> ended          (also from close_sent)
class closing {
 public:
  enum class state : std::uint8_t {
    open,        ///< no Close frame has gone either way
    close_sent,  ///< ours is out, the peer's is awaited; messages may still come
    closed,      ///< both are out
    failed,      ///< a rule was broken; our Close is out if nothing hindered it
    ended,       ///< the transport has ended before both were out
  };

  /// Messages and a first Close frame may still be sent.
  constexpr bool may_send() const noexcept { return state_ == state::open; }

  /// Bytes of the peer still mean something. §1.4: "after receiving a control frame indicating the
  /// connection should be closed, a peer discards any further data received".
  constexpr bool may_receive() const noexcept { return state_ == state::open || state_ == state::close_sent; }

  /// This end starts the closing handshake: its Close frame is queued.
  constexpr void send_close(close_code code) noexcept {
    state_ = state::close_sent;
    report_.initiator = which_end::local;
    report_.sent = code;
  }

  /// The peer's Close frame came; if it is the first, it is answered with the same code.
  constexpr void receive_close(close_code code) noexcept {
    if (state_ == state::open) {
      report_.initiator = which_end::peer;
      report_.sent = code;
    }
    state_ = state::closed;
    report_.received = code;
  }

  /// A rule was broken. `sent` is the code of the Close frame that this queued, none if it queued none.
  constexpr void fail(error what, close_code sent) noexcept {
    state_ = state::failed;
    report_.fault = what;
    if (sent == close_code::none) return;
    report_.initiator = which_end::local;
    report_.sent = sent;
  }

  /// The transport has ended, though what came before may not be read yet.
  constexpr void receive_eof() noexcept { eof_ = true; }

  /// All that came is read: if the transport has ended, so has the connection.
  constexpr void all_read() noexcept {
    if (!eof_ || !may_receive()) return;
    state_ = state::ended;
    report_.fault = error::connection_cut;
  }

  /// The report is to be shown: the connection has ended and nobody was told.
  constexpr bool report_due() const noexcept { return !may_receive() && !reported_; }

  /// The report, for the one time that it is shown.
  constexpr close_report take_report() noexcept {
    reported_ = true;
    return report_;
  }

  /// What is to be done with the transport.
  /// Takes: whether all output was sent.
  constexpr transport_action transport(role own, bool all_sent) const noexcept {
    switch (state_) {
      case state::open:
      case state::close_sent: return transport_action::keep;
      case state::ended: return transport_action::close;
      case state::failed: return all_sent ? transport_action::close : transport_action::keep;
      case state::closed: break;
    }
    if (!all_sent) return transport_action::keep;
    // §7.1.1: "the server MUST close the TCP connection immediately; the client SHOULD wait for the
    // server to close the connection"
    return own == role::server || eof_ ? transport_action::close : transport_action::await_eof;
  }

 private:
  state state_ : 4 = state::open;
  bool reported_ : 1 = false;
  bool eof_ : 1 = false;
  close_report report_{};
};

}  // namespace sansocket

#endif
