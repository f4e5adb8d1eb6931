// An echo client on a POSIX socket.
//
//     echo_client_posix URL                  sends back every message until the server closes, then
//                                            prints the close code and the reason
//     echo_client_posix URL --message TEXT   sends one message, prints the answer and closes
//
// With --deflate behind that, it offers permessage-deflate. For wss: the server's certificate must be one for
// the host of the URL, from an authority that the system trusts; or, with --ca FILE, from one in that PEM file.
#include <netdb.h>
#include <poll.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "posix_socket.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"
#include "tls_stream.hpp"

namespace {

using examples::tls_state;
using examples::tls_stream;
using examples::transfer;
using examples::unique_fd;
using sansocket::bytes;
using sansocket::client_handshake;
using sansocket::client_status;
using sansocket::const_bytes;
using sansocket::deflate_client_connection;
using sansocket::error;
using sansocket::event_type;

constexpr int silence_limit_ms = 60'000;
constexpr std::size_t read_size = 64 * 1024;

struct settings {
  std::string_view url;
  std::optional<std::string_view> message;
  bool deflate = false;
  std::string authorities;  // a file of those to trust; empty: those of the system
};

void complain(std::string_view what, std::string_view detail = {}) {
  std::fputs(std::string(what).append(" ").append(detail).append("\n").c_str(), stderr);
}

unique_fd connect_to(const sansocket::uri& target) {
  std::string host(target.host);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);  // an IPv6 address
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int fault = ::getaddrinfo(host.c_str(), std::to_string(target.port).c_str(), &hints, &found); fault != 0) {
    complain("unknown host:", ::gai_strerror(fault));
    return unique_fd();
  }
  unique_fd connected;
  for (const addrinfo* entry = found; entry != nullptr && !connected; entry = entry->ai_next) {
    unique_fd socket(::socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC, entry->ai_protocol));
    if (socket && ::connect(socket.value(), entry->ai_addr, entry->ai_addrlen) == 0) connected = std::move(socket);
  }
  if (!connected) complain("no connection:", std::strerror(errno));
  ::freeaddrinfo(found);
  if (connected && !examples::set_non_blocking(connected.value())) return unique_fd();
  if (connected) examples::set_no_delay(connected.value());
  return connected;
}

/// The way to the server: a socket, and TLS on it if the URL wants that.
class channel {
 public:
  channel(unique_fd socket, std::optional<tls_stream> tls) : socket_(std::move(socket)), tls_(std::move(tls)) {
    if (tls_) wire_.resize(read_size - tls_stream::max_record);  // so a read leaves nothing inside the stream
  }

  /// Waits until the socket can be read, or written if there is something to write.
  bool wait(bool something_to_say) {
    if (is_over()) return true;  // a read says so
    const short events = to_write(something_to_say) ? POLLOUT : POLLIN;
    pollfd wanted{.fd = socket_.value(), .events = events, .revents = 0};
    int ready = 0;
    do {
      ready = ::poll(&wanted, 1, silence_limit_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) complain("the server has been silent for a minute");
    return ready > 0;
  }

  /// Whether the next step is a write: TLS has things to say of its own, and lets nothing through before.
  bool to_write(bool something_to_say) const {
    if (!tls_) return something_to_say;
    return !tls_->output().empty() || (something_to_say && tls_->state() == tls_state::open);
  }

  /// Gives: bytes, none at all, or that the server has ended its side.
  transfer read(bytes into) {
    if (!tls_) return examples::read_some(socket_.value(), into);
    if (is_over()) return {.ended = true};
    const transfer got = examples::read_some(socket_.value(), wire_);
    if (got.ended) tls_->receive_eof();
    const_bytes wire = const_bytes(wire_).first(got.count);
    const std::size_t count = tls_->receive(wire, into);
    return {.count = count, .blocked = got.blocked, .ended = count == 0 && is_over()};
  }

  transfer write(std::span<const const_bytes> runs) {
    if (!tls_) return examples::write_some(socket_.value(), runs);
    std::size_t taken = 0;
    for (const const_bytes run : runs) {
      const std::size_t of_this = tls_->send(run);
      taken += of_this;
      if (of_this < run.size()) break;
    }
    const const_bytes wire = tls_->output();
    const transfer put = examples::write_some(socket_.value(), std::span(&wire, 1));
    tls_->sent(put.count);
    return {.count = taken, .ended = put.ended};
  }

  /// Gives: whether there is TLS, or none is wanted.
  bool secure() {
    while (tls_ && tls_->state() == tls_state::handshake && wait(false)) {
      if (to_write(false)) {
        if (write({}).ended) tls_->receive_eof();
      } else {
        read({});
      }
    }
    return !tls_ || tls_->state() == tls_state::open;
  }

  /// Says what was wrong with TLS, if anything was.
  void explain() const {
    if (tls_ && tls_->state() == tls_state::failed) complain("TLS:", tls_->error());
  }

  /// Says that nothing more will be sent, as far as the socket takes that at once.
  void end() {
    if (!tls_) return;
    tls_->close();
    write({});
  }

 private:
  bool is_over() const { return tls_ && (tls_->state() == tls_state::ended || tls_->state() == tls_state::failed); }

  unique_fd socket_;
  std::optional<tls_stream> tls_;
  std::vector<std::byte> wire_;
};

/// Sends the request and reads the response.
/// Gives: false, with the reason said, unless the connection is open. The last chunk stays in `buffer`.
bool shake_hands(channel& line, client_handshake& handshake, std::vector<std::byte>& buffer) {
  const_bytes request = handshake.request();
  while (handshake.status() == client_status::need_more) {
    if (!line.wait(!request.empty())) break;
    if (line.to_write(!request.empty())) {
      const transfer put = line.write(std::span(&request, 1));
      if (put.ended) handshake.receive_eof();
      request = request.subspan(put.count);
      continue;
    }
    const transfer got = line.read(buffer);
    if (got.ended) handshake.receive_eof();
    else handshake.receive(bytes(buffer).first(got.count));
  }
  switch (handshake.status()) {
    case client_status::accepted: return true;
    case client_status::redirected: complain("redirected to", handshake.response().fields.value("Location")); break;
    case client_status::refused:
      complain("refused with status", std::to_string(handshake.response().status));
      complain(sansocket::text_of(handshake.body()));
      break;
    case client_status::failed: complain("handshake failed:", message(handshake.error())); break;
    case client_status::need_more: complain("no answer"); break;
  }
  return false;
}

/// The talk after the handshake.
class conversation {
 public:
  conversation(channel& line, deflate_client_connection& ws, bool echo) : line_(line), ws_(ws), echo_(echo) {}

  /// Talks until the transport is to be closed.
  /// Gives: whether the connection ended cleanly.
  bool run(std::vector<std::byte>& buffer) {
    while (take_events() && ws_.transport() != sansocket::transport_action::close && line_.wait(ws_.buffered() != 0)) {
      // Nothing is read while something waits to be sent: so a server that does not read gets nothing
      // more echoed, and this end never holds more than one read brings.
      if (line_.to_write(ws_.buffered() != 0)) write();
      else read(buffer);
    }
    return clean_;
  }

 private:
  /// Gives: false if there is no use in going on.
  bool take_events() {
    while (const sansocket::event event = ws_.poll()) {
      if (event.type == event_type::closed) {
        report(event);
      } else if (event.is_message()) {
        if (ws_.is_open() && answer(event) != error::none) return false;
      }
    }
    return !broken_;
  }

  error answer(const sansocket::event& message) {
    if (echo_) return ws_.send(message.kind(), message.payload);
    std::printf("received %s\n", std::string(message.text()).c_str());
    return ws_.send_close();
  }

  void report(const sansocket::event& end) {
    clean_ = end.why.clean();
    if (!clean_) complain("failed:", message(end.why.fault));
    std::printf("closed %d%s%s\n", static_cast<int>(end.why.received), end.payload.empty() ? "" : " ",
                std::string(end.text()).c_str());
  }

  void write() {
    const transfer put = line_.write(ws_.output_runs());
    broken_ = put.ended || ws_.sent(put.count) != error::none;
    if (broken_) ws_.receive_eof();
  }

  void read(std::vector<std::byte>& buffer) {
    const transfer got = line_.read(buffer);
    if (got.ended) ws_.receive_eof();
    else broken_ = ws_.receive(bytes(buffer).first(got.count)) != error::none;
  }

  channel& line_;
  deflate_client_connection& ws_;
  bool echo_;
  bool clean_ = false;
  bool broken_ = false;
};

/// The talk with a server that was connected to.
int talk(channel& line, client_handshake& handshake, const settings& chosen) {
  std::vector<std::byte> buffer(read_size);
  if (!shake_hands(line, handshake, buffer)) return 1;
  sansocket::connection_options limits;
  limits.limits.message = 64 * 1024 * 1024;
  limits.high_water = 2 * limits.limits.message;
  const auto agreed = *handshake.agreement();
  sansocket::deflate_pool pool;
  deflate_client_connection ws{agreed, {agreed.deflate(), pool}, limits};
  if (chosen.deflate) std::printf("compression %s\n", agreed.deflate() ? "agreed" : "not agreed");
  if (const error fault = chosen.message ? ws.send_text(*chosen.message) : error::none; fault != error::none) {
    complain("the message cannot be sent:", sansocket::message(fault));
    return 2;
  }
  return conversation(line, ws, !chosen.message).run(buffer) ? 0 : 1;
}

int run(const settings& chosen) {
  static constexpr std::array<std::string_view, 1> subprotocols{"echo"};
  sansocket::client_options options{.subprotocols = subprotocols};
  if (chosen.deflate) options.deflate = sansocket::deflate_options{};
  client_handshake handshake{chosen.url, options};
  if (handshake.status() == client_status::failed) {
    complain("this cannot be connected to:", sansocket::message(handshake.error()));
    return 2;
  }
  const sansocket::uri& target = handshake.target();
  std::optional<tls_stream> tls;
  if (target.secure) {
    const auto context = examples::tls_context::client(chosen.authorities);
    if (!context) {
      complain("TLS:", context.error());
      return 2;
    }
    tls.emplace(context, target.host);
  }
  unique_fd socket = connect_to(target);
  if (!socket) return 1;
  channel line(std::move(socket), std::move(tls));
  const int status = line.secure() ? talk(line, handshake, chosen) : 1;
  // Once both Close frames went their way, nothing can be missing: then a cut does not matter.
  if (status != 0) line.explain();
  line.end();
  return status;
}

std::optional<settings> parse(std::span<char*> arguments) {
  if (arguments.size() < 2) return std::nullopt;
  settings chosen;
  chosen.url = arguments[1];
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (name == "--deflate") chosen.deflate = true;
    else if (name == "--message" && has_value) chosen.message = arguments[++i];
    else if (name == "--ca" && has_value) chosen.authorities = arguments[++i];
    else return std::nullopt;
  }
  return chosen;
}

}  // namespace

int main(int argc, char** argv) {
  const auto chosen = parse(std::span(argv, static_cast<std::size_t>(argc)));
  if (chosen) return run(*chosen);
  std::fprintf(stderr,
               "usage: %s URL [--message TEXT] [--deflate] [--ca FILE]\n"
               "Without --message it sends back every message until the server closes.\n",
               argv[0]);
  return 2;
}
