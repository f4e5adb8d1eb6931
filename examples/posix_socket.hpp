// The few lines of POSIX that the examples share.
#ifndef SANSOCKET_EXAMPLES_POSIX_SOCKET_HPP
#define SANSOCKET_EXAMPLES_POSIX_SOCKET_HPP

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "sansocket/core/bytes.hpp"

namespace examples {

/// Owns a file descriptor.
class unique_fd {
 public:
  explicit unique_fd(int fd = -1) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int value() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

inline bool set_non_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/// Small messages must not wait for each other: the library puts together what belongs together.
inline void set_no_delay(int fd) noexcept {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Listens on 127.0.0.1; port 0 lets the system choose one. Gives no descriptor if that fails.
inline unique_fd listen_on_loopback(std::uint16_t port) noexcept {
  unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener) return listener;
  const int on = 1;
  ::setsockopt(listener.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (::bind(listener.value(), generic, sizeof address) != 0 || ::listen(listener.value(), SOMAXCONN) != 0) {
    return unique_fd();
  }
  return listener;
}

/// The port that a listener got.
inline std::uint16_t port_of(const unique_fd& listener) noexcept {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener.value(), static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
  return ntohs(address.sin_port);
}

/// Reads a decimal number that is all of the text and no more than `most`.
inline std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t most) noexcept {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

/// What became of one read or write.
struct transfer {
  std::size_t count = 0;  ///< bytes moved
  bool blocked = false;   ///< nothing more can be moved now
  bool ended = false;     ///< the peer has ended its side, or the connection is broken
};

namespace detail {

inline transfer outcome(ssize_t count) noexcept {
  if (count > 0) return {.count = static_cast<std::size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {.blocked = true};
  return {.ended = true};
}

}  // namespace detail

/// Reads what has come.
inline transfer read_some(int fd, sansocket::bytes into) noexcept {
  return detail::outcome(::recv(fd, into.data(), into.size(), 0));
}

/// Writes runs of bytes in one call, as much of them as the socket takes.
inline transfer write_some(int fd, std::span<const sansocket::const_bytes> runs) noexcept {
  std::array<iovec, 8> parts{};
  std::size_t count = 0;
  for (const sansocket::const_bytes run : runs) {
    // iovec is not const-correct; sendmsg does not write to what it points to.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    if (!run.empty() && count < parts.size()) parts[count++] = {const_cast<std::byte*>(run.data()), run.size()};
  }
  if (count == 0) return {};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return detail::outcome(::sendmsg(fd, &message, MSG_NOSIGNAL));
}

}  // namespace examples

#endif
