// An echo server on epoll: how to wire the library to non-blocking sockets.
//
//     echo_server_epoll [--port N] [--max-message BYTES] [--max-connections N] [--deflate [--no-context-takeover]]
//                       [--tls CERTIFICATE KEY]
//
// With --deflate it accepts permessage-deflate; without context takeover the connections share a few
// compression streams instead of keeping their own. With --tls, and two PEM files, it speaks wss:.
//
// It listens on 127.0.0.1 and lets in pages of any origin, since it guards nothing: an echo tells a
// page only what the page itself has said. A server that knows a secret keeps the default, same_origin.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "posix_socket.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"
#include "tls_stream.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using examples::tls_state;
using examples::tls_stream;
using examples::transfer;
using examples::unique_fd;
using sansocket::bytes;
using sansocket::const_bytes;
using sansocket::error;

constexpr std::size_t read_size = 256 * 1024;
constexpr std::size_t pause_reading_at = 256 * 1024;  // bytes that wait for a client that does not read
constexpr std::size_t lend_from = 16 * 1024;          // messages of this size are sent from where they lie
constexpr auto handshake_time = 10s;                  // for a client to send its whole request
constexpr auto stalled_time = 60s;                    // for a client to read something of what waits
constexpr auto silent_time = 30s;                     // without a byte from a client: a ping; twice that: the end
constexpr auto closing_time = 5s;                     // for a client to close once all is said
constexpr auto never = clock_type::time_point::max();

struct settings {
  std::uint16_t port = 0;
  std::size_t max_message = 1024 * 1024;
  std::size_t max_connections = 10'000;
  bool deflate = false;
  bool no_context_takeover = false;
  std::string tls_certificate;  // none: without TLS
  std::string tls_key;
};

/// How bytes go over a socket as they are. A client takes no room for it.
struct plain_transport {
  static constexpr const char* scheme = "ws";
  static constexpr bool has_last_word = false;

  struct shared {};
  explicit plain_transport(const shared& /*nothing*/) {}

  static transfer read(int fd, bytes into, shared& /*nothing*/) { return examples::read_some(fd, into); }
  static transfer write(int fd, std::span<const const_bytes> runs) { return examples::write_some(fd, runs); }
  static transfer end(int /*fd*/) { return {}; }
  static constexpr std::size_t waiting() { return 0; }
  static constexpr bool failed() { return false; }
};

/// How bytes go over a socket inside TLS.
class tls_transport {
 public:
  static constexpr const char* scheme = "wss";
  static constexpr bool has_last_word = true;  // a client's close_notify comes behind its Close frame

  struct shared {
    examples::tls_context context;
    // What one read brings fits into the buffer of all clients once it is decrypted, with the record that had
    // come in part before: so nothing is left inside the stream, where epoll does not see it.
    std::vector<std::byte> wire = std::vector<std::byte>(read_size - tls_stream::max_record);
  };
  explicit tls_transport(const shared& common) : stream_(common.context) {}

  /// Reads once. No bytes may come of that, as in the TLS handshake.
  transfer read(int fd, bytes into, shared& common) {
    const transfer got = examples::read_some(fd, common.wire);
    const_bytes wire = const_bytes(common.wire).first(got.count);
    const std::size_t count = stream_.receive(wire, into);
    return {.count = count, .blocked = got.blocked, .ended = got.ended || stream_.state() == tls_state::ended};
  }

  /// Writes once, of what waits here, and of these runs as much as it takes.
  transfer write(int fd, std::span<const const_bytes> runs) {
    std::size_t taken = 0;
    for (const const_bytes run : runs) {
      const std::size_t of_this = stream_.send(run);
      taken += of_this;
      if (of_this < run.size()) break;
    }
    const const_bytes wire = stream_.output();
    const transfer put = examples::write_some(fd, std::span(&wire, 1));
    stream_.sent(put.count);
    const bool moved = taken + put.count != 0;
    return {.count = taken, .blocked = put.blocked && !moved, .ended = put.ended || (!put.blocked && !moved)};
  }

  /// Says that nothing more will be sent. Gives: neither blocked nor ended once that is said.
  transfer end(int fd) {
    stream_.close();
    transfer put;
    while (waiting() != 0 && !put.blocked && !put.ended) put = write(fd, {});
    return put;
  }

  std::size_t waiting() const { return stream_.output().size(); }
  bool failed() const { return stream_.state() == tls_state::failed; }

 private:
  tls_stream stream_;
};

/// The handshakes share one SHA-1, which keeps what OpenSSL has looked up for it.
using handshake_type = sansocket::basic_server_handshake<std::reference_wrapper<sansocket::openssl_sha1>>;

/// One client, from its first byte to its last. There may be very many of them: every byte counts.
template <class Connection, class Transport>
struct client {
  enum class phase : std::uint8_t { handshake, open, lingering };

  explicit client(const typename Transport::shared& common) : transport(common) {}

  std::size_t waiting() const {
    return transport.waiting() + response.size() + (connection ? connection->buffered() : 0);
  }

  unique_fd socket;
  phase now = phase::handshake;
  std::uint8_t watched = 0;  // the epoll events that are asked for
  bool eof = false;          // the client has ended its side
  bool asked : 1 = false;    // a ping was sent since its last byte came
  bool clean : 1 = false;    // both Close frames went their way: it sends nothing more
  bool compressed : 1 = false;
  clock_type::time_point heard = clock_type::now();  // when its last byte came
  clock_type::time_point deadline = never;
  std::unique_ptr<handshake_type> handshake;  // only until there is a verdict
  sansocket::heap_buffer response;            // what is not sent yet of the handshake's answer
  std::optional<Connection> connection;
  [[no_unique_address]] Transport transport;
};

/// Takes: server_connection, or deflate_server_connection for a server that can compress; and how bytes travel.
template <class Connection, class Transport>
class echo_server {
 public:
  echo_server(const settings& chosen, typename Transport::shared common)
      : transport_(std::move(common)),
        handshake_options_(options_for(chosen)),
        listener_(examples::listen_on_loopback(chosen.port)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        max_connections_(chosen.max_connections) {
    connection_options_.limits.message = chosen.max_message;
    // Reading pauses long before: one more read brings at most its own bytes and the message that it ends.
    connection_options_.high_water = pause_reading_at + 2 * read_size + chosen.max_message;
  }

  /// Serves until SIGINT or SIGTERM, then closes every connection with 1001.
  int run() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    const unique_fd signal(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!listener_ || !epoll_ || !signal) {
      std::perror("echo_server_epoll");
      return 1;
    }
    examples::set_no_delay(listener_.value());  // and so on every socket that it accepts
    watch(EPOLL_CTL_ADD, signal.value(), EPOLLIN);
    watch(EPOLL_CTL_ADD, listener_.value(), EPOLLIN);
    std::printf("listening on %s://127.0.0.1:%d/\n", Transport::scheme, examples::port_of(listener_));
    std::fflush(stdout);

    std::array<epoll_event, 256> ready;
    while (!stopping_ || count_ != 0) {
      const int count = ::epoll_wait(epoll_.value(), ready.data(), static_cast<int>(ready.size()), 1000);
      for (const epoll_event& event : std::span(ready).first(static_cast<std::size_t>(std::max(count, 0)))) {
        if (event.data.fd == signal.value()) stop(signal);
        else if (event.data.fd == listener_.value()) accept_clients();
        else if (client_type* peer = clients_[static_cast<std::size_t>(event.data.fd)].get(); peer != nullptr)
          serve(*peer, event.events);
      }
      drop_late_clients();
    }
    return 0;
  }

 private:
  using client_type = client<Connection, Transport>;
  using phase = typename client_type::phase;
  using extension_type = typename Connection::extension_type;

  static sansocket::server_options options_for(const settings& chosen) {
    sansocket::server_options options{.subprotocols = subprotocols_, .origins = sansocket::any_origin};
    if (chosen.deflate) {
      options.deflate = sansocket::deflate_options{.server_no_context_takeover = chosen.no_context_takeover,
                                                   .client_no_context_takeover = chosen.no_context_takeover};
    }
    return options;
  }

  void accept_clients() {
    while (!stopping_ && count_ < max_connections_) {
      unique_fd socket(::accept4(listener_.value(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // that client is gone already
        break;  // EMFILE, ENFILE, ENOBUFS, ENOMEM: the next ones wait in the backlog
      }
      const int fd = socket.value();
      const auto index = static_cast<std::size_t>(fd);
      if (index >= clients_.size()) clients_.resize((2 * index) + 1);
      clients_[index] = std::make_unique<client_type>(transport_);
      ++count_;
      client_type& added = *clients_[index];
      added.socket = std::move(socket);
      added.handshake = std::make_unique<handshake_type>(handshake_options_, std::ref(sha1_));
      added.deadline = clock_type::now() + handshake_time;
      added.watched = EPOLLIN;
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
    // There is no room: look again when a client has left, or in a second. Otherwise epoll would
    // report the same at once, again and again.
    watch(EPOLL_CTL_MOD, listener_.value(), 0);
    accepting_ = false;
  }

  void serve(client_type& peer, std::uint32_t events) {
    bool alive = true;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) alive = read(peer);
    if (alive) alive = write(peer);
    if (alive) update_watch(peer);
    else drop(peer);
  }

  /// One read for each readiness: then every client has its turn.
  bool read(client_type& peer) {
    const transfer got = peer.transport.read(peer.socket.value(), read_buffer_, transport_);
    if (got.blocked) return true;
    peer.eof = got.ended;
    peer.heard = clock_type::now();
    peer.asked = false;
    if (peer.now == phase::lingering) return !got.ended;
    if (peer.transport.failed()) return give_up(peer);
    const bytes chunk = bytes(read_buffer_).first(got.count);
    if (peer.now == phase::handshake) return got.ended ? false : read_handshake(peer, chunk);
    if (!peer.connection) return !got.ended;  // the upgrade is refused: only its answer matters now
    if (peer.connection->receive(chunk) != error::none) return false;
    if (got.ended) peer.connection->receive_eof();
    return read_messages(peer);
  }

  bool read_handshake(client_type& peer, bytes chunk) {
    if (peer.handshake->receive(chunk) == sansocket::handshake_status::need_more) return true;
    if (!append(peer.response, peer.handshake->response())) return false;
    const auto agreement = peer.handshake->agreement();
    peer.handshake.reset();
    peer.deadline = never;
    peer.now = phase::open;
    if (!agreement) return peer.response.size() != 0;
    peer.compressed = agreement->deflate().has_value();
    if constexpr (Connection::is_extended) {
      peer.connection.emplace(*agreement, extension_type(agreement->deflate(), pool_), connection_options_);
    } else {
      peer.connection.emplace(*agreement, connection_options_);
    }
    return read_messages(peer);
  }

  /// Uses up the chunk, so that the one read buffer serves all clients.
  static bool read_messages(client_type& peer) {
    Connection& ws = *peer.connection;
    while (const sansocket::event event = ws.poll()) {
      if (event.type == sansocket::event_type::closed) peer.clean = event.why.clean();
      if (!event.is_message()) continue;
      if (peer.compressed || event.payload.size() < lend_from || ws.lends()) {
        if (ws.is_open() && ws.send(event.kind(), event.payload) != error::none) return false;
      } else if (ws.is_open()) {
        // No copy of what the socket takes at once; the rest is taken over before the buffer is used again.
        if (ws.send_lent(event.kind(), event.payload) != error::none || !write(peer) || ws.settle() != error::none)
          return false;
      }
    }
    return true;
  }

  /// Writes what waits: what is left of the handshake's answer, and then the frames, in one call.
  static bool write(client_type& peer) {
    while (peer.waiting() != 0) {
      std::array<const_bytes, 4> runs{std::as_const(peer.response).view()};
      if (peer.connection) std::ranges::copy(peer.connection->output_runs(), runs.begin() + 1);
      const transfer put = peer.transport.write(peer.socket.value(), runs);
      if (put.ended) return false;
      if (put.blocked) break;
      const std::size_t of_response = std::min(put.count, peer.response.size());
      peer.response.erase(0, of_response);
      if (peer.response.size() == 0) peer.response.release();
      if (peer.connection && peer.connection->sent(put.count - of_response) != error::none) return false;
      // What is sent to a client that has not asked yet, or is closing, does not give it more time.
      if (peer.now == phase::open && (!peer.connection || peer.connection->is_open())) peer.deadline = never;
    }
    return follow_up(peer);
  }

  /// Does what the protocol wants done with the transport.
  static bool follow_up(client_type& peer) {
    const bool to_close = peer.connection ? peer.connection->transport() == sansocket::transport_action::close
                                          : peer.waiting() == 0;  // the upgrade was refused
    if (peer.now != phase::open || !to_close) return true;
    const transfer said = peer.transport.end(peer.socket.value());
    if (said.blocked) return true;
    if (said.ended || peer.eof || (peer.clean && !Transport::has_last_word)) return false;
    linger(peer);
    return true;
  }

  /// Closing at once, with bytes of the client unread, would reset the connection and could destroy
  /// what was just sent. So only this direction ends, and the rest is read and thrown away.
  static void linger(client_type& peer) {
    ::shutdown(peer.socket.value(), SHUT_WR);
    peer.now = phase::lingering;
    peer.deadline = clock_type::now() + closing_time;
  }

  /// With this client there can be no TLS: all that it can be told is why.
  static bool give_up(client_type& peer) {
    peer.handshake.reset();
    peer.response.release();
    peer.connection.reset();
    const transfer said = peer.transport.end(peer.socket.value());
    if (said.blocked || said.ended) return false;
    linger(peer);
    return true;
  }

  /// Asks epoll for what this client waits for.
  void update_watch(client_type& peer) {
    const std::size_t waiting = peer.waiting();
    if (waiting != 0 && peer.deadline == never) peer.deadline = clock_type::now() + stalled_time;
    const std::uint32_t wanted =
        (waiting < pause_reading_at && !peer.eof ? EPOLLIN : 0U) | (waiting != 0 ? EPOLLOUT : 0U);
    if (wanted == peer.watched) return;
    peer.watched = static_cast<std::uint8_t>(wanted);
    watch(EPOLL_CTL_MOD, peer.socket.value(), wanted);
  }

  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.fd = fd;
    ::epoll_ctl(epoll_.value(), operation, fd, &wanted);
  }

  void drop(client_type& peer) {
    clients_[static_cast<std::size_t>(peer.socket.value())].reset();  // closing the descriptor ends its watch
    --count_;
    accept_again();
  }

  void accept_again() {
    if (stopping_ || accepting_ || count_ >= max_connections_) return;
    watch(EPOLL_CTL_MOD, listener_.value(), EPOLLIN);
    accepting_ = true;
  }

  /// Once a second at most, over all clients: nothing here needs to be more exact.
  void drop_late_clients() {
    const auto now = clock_type::now();
    if (now < next_look_) return;
    next_look_ = now + 1s;
    for (const auto& peer : clients_) {
      if (peer && (peer->deadline <= now || !keep_alive(*peer, now - peer->heard))) drop(*peer);
    }
    accept_again();  // descriptors may have become free elsewhere
  }

  /// Asks a client that has been silent for long whether it is there.
  /// Gives: false if it has had time enough to answer, or cannot be written to.
  bool keep_alive(client_type& peer, clock_type::duration silence) {
    if (peer.now != phase::open || !peer.connection || silence < silent_time) return true;
    if (silence >= 2 * silent_time) return false;
    if (peer.asked) return true;
    peer.asked = true;
    const error asked = peer.connection->send_ping();
    if (asked != error::none && asked != error::would_block && asked != error::closing) return false;
    if (!write(peer)) return false;
    update_watch(peer);
    return true;
  }

  void stop(const unique_fd& signal) {
    signalfd_siginfo info;
    while (::read(signal.value(), &info, sizeof info) > 0) stopping_ = true;
    if (!stopping_) return;
    watch(EPOLL_CTL_MOD, listener_.value(), 0);
    for (const auto& each : clients_) {
      if (!each) continue;
      client_type& peer = *each;
      const bool told =
          peer.connection && peer.connection->is_open() &&
          peer.connection->send_close(sansocket::close_code::going_away, "the server stops") == error::none;
      if (!told || !write(peer)) {
        drop(peer);
        continue;
      }
      peer.deadline = clock_type::now() + closing_time;
      update_watch(peer);
    }
  }

  static constexpr std::array<std::string_view, 1> subprotocols_{"echo"};

  [[no_unique_address]] typename Transport::shared transport_;
  const sansocket::server_options handshake_options_;
  sansocket::connection_options connection_options_;
  unique_fd listener_;
  unique_fd epoll_;
  std::size_t max_connections_;
  sansocket::deflate_pool pool_;  // outlives the clients
  sansocket::openssl_sha1 sha1_;
  std::vector<std::unique_ptr<client_type>> clients_{64};  // by descriptor
  std::size_t count_ = 0;
  std::vector<std::byte> read_buffer_ = std::vector<std::byte>(read_size);
  clock_type::time_point next_look_{};
  bool accepting_ = true;
  bool stopping_ = false;
};

/// Takes one number that belongs to an option. Gives: false if it is none, or there is no such option.
bool take_number(settings& chosen, std::string_view name, std::string_view text) {
  constexpr std::uint64_t plenty = std::uint64_t{1} << 40;
  const auto value = examples::parse_number(text, name == "--port" ? 65'535 : plenty);
  if (!value) return false;
  if (name == "--port") chosen.port = static_cast<std::uint16_t>(*value);
  else if (name == "--max-message") chosen.max_message = *value;
  else if (name == "--max-connections" && *value > 0) chosen.max_connections = *value;
  else return false;
  return true;
}

std::optional<settings> parse(std::span<char*> arguments) {
  settings chosen;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    const std::size_t behind = arguments.size() - i - 1;
    if (name == "--deflate") {
      chosen.deflate = true;
    } else if (name == "--no-context-takeover") {
      chosen.no_context_takeover = true;
    } else if (name == "--tls" && behind >= 2) {
      chosen.tls_certificate = arguments[++i];
      chosen.tls_key = arguments[++i];
    } else if (behind == 0 || !take_number(chosen, name, arguments[++i])) {
      return std::nullopt;
    }
  }
  return chosen;
}

template <class Transport>
int serve(const settings& chosen, typename Transport::shared common) {
  if (chosen.deflate) {
    return echo_server<sansocket::deflate_server_connection, Transport>(chosen, std::move(common)).run();
  }
  return echo_server<sansocket::server_connection, Transport>(chosen, std::move(common)).run();
}

}  // namespace

int main(int argc, char** argv) {
  const auto chosen = parse(std::span(argv, static_cast<std::size_t>(argc)));
  if (!chosen) {
    std::fprintf(stderr,
                 "usage: %s [--port N] [--max-message BYTES] [--max-connections N] "
                 "[--deflate [--no-context-takeover]] [--tls CERTIFICATE KEY]\n",
                 argv[0]);
    return 2;
  }
  // What a large message has taken is soon wanted again: to give it back to the system each time, and get it
  // page by page, would cost more than all the rest.
  ::mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
  ::mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
  if (chosen->tls_certificate.empty()) return serve<plain_transport>(*chosen, {});
  tls_transport::shared common{examples::tls_context::server(chosen->tls_certificate, chosen->tls_key)};
  if (!common.context) {
    std::fprintf(stderr, "echo_server_epoll: %s\n", common.context.error().c_str());
    return 2;
  }
  return serve<tls_transport>(*chosen, std::move(common));
}
