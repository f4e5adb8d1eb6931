// One connection to Redis: commands out, replies in, without ever waiting.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_LINK_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_LINK_HPP

#include <netdb.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "posix_socket.hpp"
#include "redis/reply.hpp"
#include "sansocket/session/watchdog.hpp"
#include "server/store.hpp"

namespace chat {

/// Where a Redis listens.
struct redis_address {
  sockaddr_storage where{};
  socklen_t size = 0;
};

/// Takes: HOST:PORT, with an IPv6 address in brackets. Names are looked up at once, so this may wait.
inline std::optional<redis_address> find_redis(std::string_view host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(host_and_port.substr(0, colon));
  const std::string port(host_and_port.substr(colon + 1));
  if (!examples::parse_number(port, 65'535)) return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  if (found == nullptr || found->ai_addrlen > sizeof(sockaddr_storage)) return std::nullopt;
  redis_address address;
  std::memcpy(&address.where, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

/// A connection that is watched for life like one of a WebSocket: a Redis that stands still, or a network
/// that swallows everything, is noticed too.
class redis_link {
 public:
  /// Takes: the epoll descriptor to be in, and the number to be known by there.
  redis_link(int epoll, std::uint64_t number, const sansocket::watchdog_limits& limits)
      : epoll_(epoll), number_(number), limits_(limits) {}

  /// Begins to connect; commands may be sent at once, and go out when it is.
  /// Gives: false if there is no socket for it.
  [[nodiscard]] bool open(const redis_address& address, clock::time_point now) {
    close();
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address.where));
    socket_ = examples::unique_fd(::socket(generic->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return false;
    examples::set_no_delay(socket_.value());
    // One that is refused at once is reported as readable, and reading from it then says so.
    if (::connect(socket_.value(), generic, address.size) != 0 && errno != EINPROGRESS) return false;
    parser_.emplace();
    dog_.emplace(limits_, now);
    watched_ = EPOLLIN;
    return watch(EPOLL_CTL_ADD, EPOLLIN);
  }

  void close() noexcept {
    socket_ = examples::unique_fd();
    parser_.reset();
    dog_.reset();
    output_.clear();
    written_ = 0;
    opened_ = false;
  }

  bool is_open() const noexcept { return parser_.has_value(); }

  /// It has said the first thing that only Redis says.
  bool is_ready() const noexcept { return opened_; }
  void ready(clock::time_point now) noexcept {
    if (!is_open()) return;
    opened_ = true;
    dog_->opened(now);
  }

  /// A ping was answered.
  void pong(clock::time_point now) noexcept {
    if (dog_) dog_->pong_received(now);
  }

  /// Queues a command; each has one reply, in the order in which they were sent.
  void send(std::initializer_list<std::string_view> words) {
    if (!is_open()) return;
    output_ += '*' + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
      output_ += '$' + std::to_string(word.size()) + "\r\n";
      output_.append(word).append("\r\n");
    }
    watch_for_output();
  }

  /// Takes in what has come; the replies in it are then there to poll.
  /// Gives: false if the link is of no use any more.
  [[nodiscard]] bool receive(clock::time_point now) {
    std::array<std::byte, std::size_t{64} * 1024> buffer;
    // A few reads, so that a Redis that says much cannot keep the rest of the program from its work.
    for (int i = 0; i != 16 && is_open(); ++i) {
      const examples::transfer got = examples::read_some(socket_.value(), buffer);
      if (got.ended) return false;
      if (got.blocked) return true;
      dog_->received(now);
      const auto* text = static_cast<const char*>(static_cast<const void*>(buffer.data()));
      if (!parser_->feed({text, got.count})) return false;
    }
    return is_open();
  }

  /// Gives: the next reply; nothing if there is none yet.
  redis_reply poll() noexcept { return is_open() ? parser_->next() : redis_reply(); }
  bool is_broken() const noexcept { return !is_open() || parser_->is_broken(); }

  /// Writes what waits.
  /// Gives: false if the link is of no use any more.
  [[nodiscard]] bool flush(clock::time_point now) {
    while (is_open() && written_ != output_.size()) {
      const std::array runs{std::as_bytes(std::span<const char>(output_).subspan(written_))};
      const examples::transfer put = examples::write_some(socket_.value(), runs);
      if (put.ended) return false;
      if (put.blocked) break;
      written_ += put.count;
    }
    if (!is_open()) return false;
    if (written_ == output_.size()) {
      output_.clear();
      written_ = 0;
      dog_->ping_sent(now);
    }
    watch_for_output();
    return true;
  }

  /// Does what the time asks for.
  /// Gives: sansocket's verdict; a ping is to be sent by the caller, who knows whose reply is next.
  sansocket::watchdog_action expire(clock::time_point now) noexcept {
    return dog_ ? dog_->expire(now) : sansocket::watchdog_action::nothing;
  }
  clock::time_point deadline() const noexcept { return dog_ ? dog_->deadline() : clock::time_point::max(); }

 private:
  bool watch(int operation, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = number_;
    return ::epoll_ctl(epoll_, operation, socket_.value(), &event) == 0;
  }

  /// What is queued goes out when the descriptor reports that it can: then many commands share one write.
  void watch_for_output() noexcept {
    const std::uint32_t wanted = written_ == output_.size() ? EPOLLIN : EPOLLIN | EPOLLOUT;
    if (wanted != watched_ && watch(EPOLL_CTL_MOD, wanted)) watched_ = wanted;
  }

  int epoll_;
  std::uint64_t number_;
  sansocket::watchdog_limits limits_;
  examples::unique_fd socket_;
  std::optional<redis_parser> parser_;  // while the link is open
  std::optional<sansocket::watchdog> dog_;
  std::string output_;
  std::size_t written_ = 0;  // of the output
  std::uint32_t watched_ = 0;
  bool opened_ = false;
};

}  // namespace chat

#endif
