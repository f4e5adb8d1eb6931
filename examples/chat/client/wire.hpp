// A client's transport: TCP to the first address of a host that answers, with TLS on top for wss:.
#ifndef SANSOCKET_EXAMPLES_CHAT_CLIENT_WIRE_HPP
#define SANSOCKET_EXAMPLES_CHAT_CLIENT_WIRE_HPP

#include <netdb.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "posix_socket.hpp"
#include "sansocket/core/bytes.hpp"
#include "sansocket/http/uri.hpp"
#include "tls_stream.hpp"

namespace chat {

/// One transport, from the attempt to its end. Nothing blocks but the look-up of the host's name.
class client_wire {
 public:
  /// Takes: what TLS needs, for wss: alone; it outlives this object.
  client_wire(const sansocket::uri& target, const examples::tls_context& trust);

  int descriptor() const noexcept { return socket_.value(); }

  /// What to wait for.
  /// Takes: whether the owner has something to write.
  short wanted_events(bool to_write) const {
    if (!connected_ || (tls_ && !tls_->output().empty())) return POLLIN | POLLOUT;
    return static_cast<short>(to_write && can_write() ? POLLIN | POLLOUT : POLLIN);
  }

  /// Goes on after poll; before it gives true, nothing can be written.
  bool advance(short ready);

  /// Hands what has come to `use(bytes)`, which may change the bytes, in one piece or several.
  void read(auto&& use);

  /// Writes what the transport takes.
  /// Gives: how many bytes of the runs it took.
  std::size_t write(std::span<const sansocket::const_bytes> runs);

  /// All that was written has left this program.
  bool is_drained() const { return !tls_ || tls_->output().empty(); }

  /// Tells a peer behind TLS that nothing more will come.
  void close() {
    if (!tls_) return;
    tls_->close();
    push();
  }

  /// Nothing more will come or go: why, in words; they are empty after an orderly end.
  const std::optional<std::string>& end() const noexcept { return end_; }

 private:
  struct freer {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
  };

  bool can_write() const { return !tls_ || (tls_->state() == examples::tls_state::open && tls_->output().empty()); }
  void try_next_address();
  bool is_connected();
  void take_ciphertext(sansocket::const_bytes ciphertext, auto&& use);
  void push();

  std::unique_ptr<addrinfo, freer> addresses_;
  const addrinfo* next_ = nullptr;  // to be tried, one of addresses_
  examples::unique_fd socket_;
  bool connected_ = false;
  std::unique_ptr<examples::tls_stream> tls_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(64 * 1024);
  std::vector<std::byte> plain_;
  std::optional<std::string> end_;
};

inline client_wire::client_wire(const sansocket::uri& target, const examples::tls_context& trust) {
  std::string host(target.host);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);  // an IPv6 address
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int fault = ::getaddrinfo(host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  addresses_.reset(found);
  if (fault != 0) {
    end_ = "unknown host " + host + ": " + ::gai_strerror(fault);
    return;
  }
  if (target.secure) {
    tls_ = std::make_unique<examples::tls_stream>(trust, target.host);
    plain_.resize(buffer_.size() + examples::tls_stream::max_record);
  }
  next_ = found;
  try_next_address();
}

inline void client_wire::try_next_address() {
  int reason = 0;
  for (; next_ != nullptr; reason = errno) {
    const addrinfo& entry = *next_;
    next_ = entry.ai_next;
    socket_ = examples::unique_fd(::socket(entry.ai_family, entry.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) continue;
    examples::set_no_delay(socket_.value());
    if (::connect(socket_.value(), entry.ai_addr, entry.ai_addrlen) == 0 || errno == EINPROGRESS) return;
  }
  end_ = std::string("no connection: ") + std::strerror(reason);
}

/// The attempt has come to its end, one way or the other.
inline bool client_wire::is_connected() {
  int reason = 0;
  socklen_t size = sizeof reason;
  ::getsockopt(socket_.value(), SOL_SOCKET, SO_ERROR, &reason, &size);
  if (reason == 0) return true;
  if (next_ != nullptr) try_next_address();
  else end_ = std::string("no connection: ") + std::strerror(reason);
  return false;
}

inline bool client_wire::advance(short ready) {
  if (end_) return false;
  if (!connected_) connected_ = (ready & (POLLOUT | POLLERR | POLLHUP)) != 0 && is_connected();
  if (!connected_) return false;
  push();
  return can_write();
}

inline void client_wire::read(auto&& use) {
  if (!connected_ || end_) return;
  const examples::transfer got = examples::read_some(socket_.value(), buffer_);
  const auto came = sansocket::bytes(buffer_).first(got.count);
  if (!tls_) {
    if (!came.empty()) use(came);
  } else if (got.ended) {
    tls_->receive_eof();
  } else {
    take_ciphertext(came, use);
    push();
  }
  if (tls_ && tls_->state() == examples::tls_state::failed) end_ = "TLS: " + tls_->error();
  else if (got.ended || (tls_ && tls_->state() == examples::tls_state::ended)) end_ = "";
}

inline void client_wire::take_ciphertext(sansocket::const_bytes ciphertext, auto&& use) {
  while (true) {
    const std::size_t count = tls_->receive(ciphertext, plain_);
    if (count == 0) return;
    use(sansocket::bytes(plain_).first(count));
  }
}

inline std::size_t client_wire::write(std::span<const sansocket::const_bytes> runs) {
  if (end_) return 0;
  if (!tls_) {
    const examples::transfer put = examples::write_some(socket_.value(), runs);
    if (put.ended) end_ = "";
    return put.count;
  }
  std::size_t count = 0;
  for (const sansocket::const_bytes run : runs) {
    const std::size_t taken = tls_->send(run);
    count += taken;
    if (taken != run.size()) break;
  }
  push();
  return count;
}

/// Writes what TLS has to send.
inline void client_wire::push() {
  while (tls_ && !end_ && !tls_->output().empty()) {
    const sansocket::const_bytes output = tls_->output();
    const examples::transfer put = examples::write_some(socket_.value(), std::span(&output, 1));
    tls_->sent(put.count);
    if (put.ended) end_ = "";
    if (put.ended || put.blocked) return;
  }
}

}  // namespace chat

#endif
