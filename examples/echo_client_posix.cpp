// An echo client on a POSIX socket.
//
//     echo_client_posix URL                  sends back every message until the server closes, then
//                                            prints the close code and the reason
//     echo_client_posix URL --message TEXT   sends one message, prints the answer and closes
//
// With --deflate behind that, it offers permessage-deflate.
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

namespace {

using examples::unique_fd;
using sansocket::bytes;
using sansocket::client_handshake;
using sansocket::client_status;
using sansocket::const_bytes;
using sansocket::deflate_client_connection;
using sansocket::error;
using sansocket::event_type;

constexpr int silence_limit_ms = 60'000;

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

/// Waits until the socket can be read, or written if there is something to write.
bool wait_for(const unique_fd& socket, bool to_write) {
  pollfd wanted{.fd = socket.value(), .events = static_cast<short>(to_write ? POLLOUT : POLLIN), .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, silence_limit_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) complain("the server has been silent for a minute");
  return ready > 0;
}

/// Sends the request and reads the response.
/// Gives: false, with the reason said, unless the connection is open. The last chunk stays in `buffer`.
bool shake_hands(const unique_fd& socket, client_handshake& handshake, std::vector<std::byte>& buffer) {
  const_bytes request = handshake.request();
  while (handshake.status() == client_status::need_more) {
    if (!wait_for(socket, !request.empty())) break;
    if (!request.empty()) {
      const examples::transfer put = examples::write_some(socket.value(), std::span(&request, 1));
      if (put.ended) handshake.receive_eof();
      request = request.subspan(put.count);
      continue;
    }
    const examples::transfer got = examples::read_some(socket.value(), buffer);
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
  conversation(const unique_fd& socket, deflate_client_connection& ws, bool echo)
      : socket_(socket), ws_(ws), echo_(echo) {}

  /// Talks until the transport is to be closed.
  /// Gives: whether the connection ended cleanly.
  bool run(std::vector<std::byte>& buffer) {
    while (take_events() && ws_.transport() != sansocket::transport_action::close &&
           wait_for(socket_, ws_.buffered() != 0)) {
      // Nothing is read while something waits to be sent: so a server that does not read gets nothing
      // more echoed, and this end never holds more than one read brings.
      if (ws_.buffered() != 0) write();
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
    const examples::transfer put = examples::write_some(socket_.value(), ws_.output_runs());
    broken_ = put.ended || ws_.sent(put.count) != error::none;
    if (broken_) ws_.receive_eof();
  }

  void read(std::vector<std::byte>& buffer) {
    const examples::transfer got = examples::read_some(socket_.value(), buffer);
    if (got.ended) ws_.receive_eof();
    else broken_ = ws_.receive(bytes(buffer).first(got.count)) != error::none;
  }

  const unique_fd& socket_;
  deflate_client_connection& ws_;
  bool echo_;
  bool clean_ = false;
  bool broken_ = false;
};

int run(std::string_view url, std::optional<std::string_view> message, bool deflate) {
  static constexpr std::array<std::string_view, 1> subprotocols{"echo"};
  sansocket::client_options options{.subprotocols = subprotocols};
  if (deflate) options.deflate = sansocket::deflate_options{};
  client_handshake handshake{url, options};
  if (handshake.status() == client_status::failed) {
    complain("this cannot be connected to:", sansocket::message(handshake.error()));
    return 2;
  }
  if (handshake.target().secure) {
    complain("this example has no TLS: it speaks ws: only");
    return 2;
  }
  const unique_fd socket = connect_to(handshake.target());
  if (!socket) return 1;
  std::vector<std::byte> buffer(64 * 1024);
  if (!shake_hands(socket, handshake, buffer)) return 1;

  sansocket::connection_options limits;
  limits.limits.message = 64 * 1024 * 1024;
  limits.high_water = 2 * limits.limits.message;
  const auto agreed = *handshake.agreement();
  sansocket::deflate_pool pool;
  deflate_client_connection ws{agreed, {agreed.deflate(), pool}, limits};
  if (deflate) std::printf("compression %s\n", agreed.deflate() ? "agreed" : "not agreed");
  if (const error fault = message ? ws.send_text(*message) : error::none; fault != error::none) {
    complain("the message cannot be sent:", sansocket::message(fault));
    return 2;
  }
  return conversation(socket, ws, !message).run(buffer) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool deflate = argc > 2 && std::string_view(argv[argc - 1]) == "--deflate";
  if (deflate) --argc;
  if (argc == 2) return run(argv[1], std::nullopt, deflate);
  if (argc == 4 && std::string_view(argv[2]) == "--message") return run(argv[1], argv[3], deflate);
  std::fprintf(stderr, "usage: %s URL [--message TEXT] [--deflate]\n", argv[0]);
  return 2;
}
