// One connection of the load generator.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_LOAD_CONNECTION_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_LOAD_CONNECTION_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load_answers.hpp"
#include "load_messages.hpp"
#include "load_options.hpp"
#include "sansocket/sansocket.hpp"

using load_clock = std::chrono::steady_clock;

/// What the connections of a run share.
struct load_shared {
  explicit load_shared(const load_options& chosen) : options(chosen), epoll(::epoll_create1(EPOLL_CLOEXEC)) {
    if (chosen.deflate) {
      handshake.deflate = sansocket::deflate_options{.server_no_context_takeover = chosen.no_context_takeover,
                                                     .client_no_context_takeover = chosen.no_context_takeover};
    }
  }

  /// The messages, made when the first agreement is known; it holds for all.
  const load_messages& messages_for(const std::optional<sansocket::deflate_agreement>& agreed) {
    if (options.deflate && !agreed) give_up("the server does not accept permessage-deflate");
    if (!messages) {
      agreement = agreed;
      messages.emplace(options, agreed);
    } else if (agreement != agreed) {
      give_up("the server agrees on something else with each connection");
    }
    return *messages;
  }

  const load_options& options;
  int epoll;
  sansocket::client_options handshake;
  std::string url = "ws://127.0.0.1:" + std::to_string(options.port) + "/";
  std::optional<sansocket::deflate_agreement> agreement;
  std::optional<load_messages> messages;
  std::vector<std::byte> buffer = std::vector<std::byte>(512 * 1024);
};

/// Connects, upgrades, sends batches and reads their answers.
class load_connection {
 public:
  enum class phase : std::uint8_t { handshake, ready, waiting, closing, ended };

  load_connection(load_shared& shared, std::size_t number)
      : shared_(&shared),
        fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        handshake_(std::make_unique<sansocket::client_handshake>(shared.url, shared.handshake)),
        next_batch_(number) {
    if (fd_ < 0) give_up("no socket:", std::strerror(errno));
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Many source addresses, since one has no more than 28'000 ports by default.
    ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind_or_connect(::bind, INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(number % 64), 0);
    if (shared.options.abort) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    bind_or_connect(::connect, INADDR_LOOPBACK, static_cast<std::uint16_t>(shared.options.port));
    to_send_ = handshake_->request();
    watch(EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
  }
  load_connection(const load_connection&) = delete;
  load_connection& operator=(const load_connection&) = delete;
  ~load_connection() { end(); }

  phase now() const { return now_; }
  load_clock::time_point begun() const { return begun_; }  // of the handshake, then of the last batch
  std::uint64_t bytes_received() const { return bytes_received_; }

  /// Sends the next batch.
  void send_batch() {
    begun_ = load_clock::now();
    batch_ = next_batch_++ % shared_->messages->batches();
    to_send_ = shared_->messages->batch(batch_);
    answered_ = 0;
    now_ = phase::waiting;
    send();
  }

  /// Says Close; the connection has ended when the server has said so too and has closed its side.
  void send_close() {
    static constexpr std::array close{std::byte{0x88}, std::byte{0x82}, std::byte{0}, std::byte{0},
                                      std::byte{0},    std::byte{0},    std::byte{3}, std::byte{0xE8}};
    to_send_ = close;
    now_ = phase::closing;
    send();
  }

  void end() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    now_ = phase::ended;
  }

  /// Does what epoll says.
  /// Gives: true if the handshake, the batch or the connection has come to its end.
  bool serve(std::uint32_t events) {
    const phase before = now_;
    if ((events & EPOLLOUT) != 0) send();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
    return now_ != before;
  }

 private:
  template <class Call>
  void bind_or_connect(Call call, std::uint32_t host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(port);
    if (call(fd_, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) != 0 && errno != EINPROGRESS) {
      give_up("no connection:", std::strerror(errno));
    }
  }

  void watch(int operation, std::uint32_t events) {
    if (events == watched_) return;
    watched_ = events;
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.ptr = this;
    ::epoll_ctl(shared_->epoll, operation, fd_, &wanted);
  }

  void send() {
    while (!to_send_.empty()) {
      const ssize_t count = ::send(fd_, to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN) give_up("the server has gone while it was sent to:", std::strerror(errno));
      if (count < 0) break;
      to_send_ = to_send_.subspan(static_cast<std::size_t>(count));
    }
    watch(EPOLL_CTL_MOD, to_send_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  void receive() {
    const ssize_t count = ::recv(fd_, shared_->buffer.data(), shared_->buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      if (now_ != phase::closing) give_up("the server has gone:", count < 0 ? std::strerror(errno) : "end of file");
      end();
      return;
    }
    bytes_received_ += static_cast<std::uint64_t>(count);
    const auto chunk = sansocket::bytes(shared_->buffer).first(static_cast<std::size_t>(count));
    if (now_ == phase::handshake) take_response(chunk);
    else take_answers(chunk);
  }

  void take_response(sansocket::bytes chunk) {
    const auto status = handshake_->receive(chunk);
    if (status == sansocket::client_status::need_more) return;
    if (status != sansocket::client_status::accepted) give_up("the upgrade fails:", message(handshake_->error()));
    const auto agreed = *handshake_->agreement();
    shared_->messages_for(agreed.deflate());
    answers_.emplace(shared_->options.check);
    take_answers(agreed.behind_head());
    handshake_.reset();
    now_ = phase::ready;
  }

  void take_answers(sansocket::const_bytes chunk) {
    answered_ += answers_->take(chunk, [&](std::size_t nth) -> sansocket::const_bytes {
      if (now_ != phase::waiting || answered_ + nth >= shared_->options.depth) give_up("an answer to nothing");
      return shared_->messages->payload(batch_, answered_ + nth);
    });
    if (answers_->closed() && now_ != phase::closing) give_up("the server closes the connection");
    if (now_ == phase::waiting && answered_ == shared_->options.depth) now_ = phase::ready;
  }

  load_shared* shared_;
  int fd_;
  std::unique_ptr<sansocket::client_handshake> handshake_;
  std::optional<load_answers> answers_;
  sansocket::const_bytes to_send_;
  load_clock::time_point begun_ = load_clock::now();
  std::size_t next_batch_;
  std::size_t batch_ = 0;
  std::uint64_t answered_ = 0;  // messages of the batch
  std::uint64_t bytes_received_ = 0;
  std::uint32_t watched_ = 0;
  phase now_ = phase::handshake;
};

#endif
