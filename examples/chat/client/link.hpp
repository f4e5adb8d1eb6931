// One connection of a client of the chat, from the attempt to its end.
#ifndef SANSOCKET_EXAMPLES_CHAT_CLIENT_LINK_HPP
#define SANSOCKET_EXAMPLES_CHAT_CLIENT_LINK_HPP

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/wire.hpp"
#include "sansocket/sansocket.hpp"
#include "sansocket/session/backoff.hpp"
#include "sansocket/session/watchdog.hpp"

namespace chat {

/// How a connection ended.
struct link_end {
  sansocket::disconnect_reason why{};  ///< for the wait before the next attempt
  std::string words{};
  bool final = false;      ///< there is no use in trying again
  bool wrong_url = false;  ///< nor in trying this URL again
};

/// Owns the transport, the handshake, the connection and its watchdog.
class client_link {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using text_taker = std::function<void(std::string_view)>;

  /// Takes: options and trust, which outlive this object; and what is called with each text message.
  client_link(std::string_view url, const sansocket::client_options& options, const examples::tls_context& trust,
              const sansocket::watchdog_limits& limits, text_taker take, time_point now)
      : handshake_(url, options), dog_(limits, now), take_(std::move(take)) {
    if (handshake_.status() == sansocket::client_status::failed) {
      finish({.words = std::string(message(handshake_.error())), .final = true});
      return;
    }
    request_ = handshake_.request();
    wire_.emplace(handshake_.target(), trust);
    if (wire_->end()) finish({.words = *wire_->end()});
  }

  int descriptor() const noexcept { return wire_ ? wire_->descriptor() : -1; }
  short wanted_events() const { return wire_->wanted_events(ws_ ? ws_->buffered() != 0 : !request_.empty()); }
  time_point deadline() const noexcept { return dog_.deadline(); }

  /// Goes on after poll.
  void advance(short ready, time_point now);

  /// Messages can be sent.
  bool is_open() const noexcept { return ws_ && ws_->is_open() && !end_; }
  std::size_t buffered() const noexcept { return ws_ ? ws_->buffered() : 0; }

  /// Queues a message; advance() sends it.
  void send(std::string_view text, time_point now) {
    dog_.active(now);
    if (const auto fault = ws_->send_text(text); fault != sansocket::error::none) {
      finish({.words = std::string(message(fault))});
    }
  }

  /// Says goodbye: the end comes when the server has answered.
  void close(time_point now) {
    if (!is_open()) return;
    if (ws_->send_close() != sansocket::error::none) finish({.words = "no goodbye could be said"});
    dog_.closing(now);
  }

  const std::optional<link_end>& end() const noexcept { return end_; }

  const sansocket::watchdog::round_trip_times& round_trip() const noexcept { return dog_.round_trip(); }

 private:
  void take(sansocket::bytes chunk, time_point now);
  void take_events(time_point now);
  void judge_handshake(time_point now);
  void write(time_point now);
  void watch(time_point now);
  std::string_view what_it_says() const;
  sansocket::disconnect_reason refusal() const;

  void finish(link_end how) {
    if (!end_) end_ = std::move(how);
  }

  sansocket::client_handshake handshake_;
  sansocket::const_bytes request_;  // what of it is still to be sent
  sansocket::watchdog dog_;
  text_taker take_;
  std::optional<client_wire> wire_;
  std::optional<sansocket::client_connection> ws_;
  std::optional<link_end> close_;  // the connection has ended; the transport has not
  std::optional<link_end> end_;
};

inline void client_link::advance(short ready, time_point now) {
  if (end_) return;
  const bool writable = wire_->advance(ready);
  if ((ready & (POLLIN | POLLERR | POLLHUP)) != 0) {
    wire_->read([this, now](sansocket::bytes chunk) { take(chunk, now); });
    if (wire_->end()) {
      if (ws_) ws_->receive_eof();
      else handshake_.receive_eof();
    }
    judge_handshake(now);
    take_events(now);
  }
  if (writable && !end_) write(now);
  watch(now);
  if (end_) return;
  if (wire_->end()) finish(close_.value_or(link_end{.words = *wire_->end()}));
  else if (ws_ && ws_->transport() == sansocket::transport_action::close && wire_->is_drained()) {
    wire_->close();
    finish(close_.value_or(link_end{}));
  }
}

inline void client_link::take(sansocket::bytes chunk, time_point now) {
  dog_.received(now);
  if (ws_) {
    // Nothing of an earlier chunk is left: take_events has used it up.
    if (ws_->receive(chunk) != sansocket::error::none) finish({.words = "input was left over"});
  } else {
    handshake_.receive(chunk);
    judge_handshake(now);
  }
  take_events(now);
}

inline void client_link::judge_handshake(time_point now) {
  if (ws_ || end_) return;
  switch (handshake_.status()) {
    case sansocket::client_status::need_more: break;
    case sansocket::client_status::accepted:
      ws_.emplace(*handshake_.agreement());
      dog_.opened(now);
      break;
    case sansocket::client_status::redirected:
      finish({.words = "the server points elsewhere: " + std::string(handshake_.response().fields.value("Location")),
              .final = true});
      break;
    case sansocket::client_status::refused: {
      const unsigned status = handshake_.response().status;
      std::string words = "refused with status " + std::to_string(status);
      if (const auto said = what_it_says(); !said.empty()) words.append(": ").append(said);
      // Some refusals do not change by asking again, and what is no server of this kind does not become one.
      const bool not_now = status == 429 || status >= 500;
      finish({.why = refusal(),
              .words = std::move(words),
              .final = status == 401 || status == 403,
              .wrong_url = !not_now});
      break;
    }
    case sansocket::client_status::failed: {
      const std::string cause = wire_->end().value_or("");
      finish({.words = cause.empty() ? std::string(message(handshake_.error())) : cause});
      break;
    }
  }
}

/// The reason of a refusal in the server's words: a line of plain text, not a page.
inline std::string_view client_link::what_it_says() const {
  constexpr std::size_t most = 200;
  if (!handshake_.response().fields.value("Content-Type").starts_with("text/plain")) return {};
  const std::string_view text = sansocket::text_of(handshake_.body());
  return sansocket::utf8_prefix(text.substr(0, text.find_first_of("\r\n")), most);
}

inline sansocket::disconnect_reason client_link::refusal() const {
  const auto response = handshake_.response();
  return {.status = static_cast<std::uint16_t>(response.status),
          .retry_after = sansocket::parse_retry_after(response.fields.value("Retry-After"))};
}

inline void client_link::take_events(time_point now) {
  if (!ws_ || end_) return;
  while (const sansocket::event event = ws_->poll()) {
    switch (event.type) {
      case sansocket::event_type::text:
        dog_.active(now);
        take_(event.text());
        break;
      case sansocket::event_type::pong: dog_.pong_received(now); break;
      case sansocket::event_type::closed: {
        dog_.closing(now);
        close_ = link_end{.why = {.code = event.why.received}};
        const auto code = static_cast<unsigned>(event.why.received);
        if (event.why.fault != sansocket::error::none) close_->words = message(event.why.fault);
        else if (event.why.initiator == sansocket::which_end::peer) {
          close_->words = "closed with " + std::to_string(code) + (event.payload.empty() ? "" : ", ");
          close_->words += event.text();
        }
        break;
      }
      case sansocket::event_type::none:
      case sansocket::event_type::binary:  // the chat has none
      case sansocket::event_type::ping: break;
    }
  }
}

inline void client_link::write(time_point now) {
  if (!ws_) {
    request_ = request_.subspan(wire_->write(std::span(&request_, 1)));
    return;
  }
  if (ws_->buffered() == 0) return;
  if (ws_->sent(wire_->write(ws_->output_runs())) != sansocket::error::none) finish({.words = "too much was sent"});
  if (!ws_->ping_waits()) dog_.ping_sent(now);
}

inline void client_link::watch(time_point now) {
  if (end_) return;
  switch (dog_.expire(now)) {
    case sansocket::watchdog_action::nothing: break;
    case sansocket::watchdog_action::send_ping:
      if (ws_->send_ping() == sansocket::error::none) write(now);
      break;
    case sansocket::watchdog_action::close: close(now); break;
    case sansocket::watchdog_action::drop:
      finish(close_.value_or(link_end{.words = std::string(name(dog_.why()))}));
      break;
  }
}

}  // namespace chat

#endif
