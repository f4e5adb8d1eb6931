// What the server does with one socket: bytes in, events out, bytes out. A part of server.hpp, which includes it at its
// end.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_SOCKET_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_SOCKET_HPP

namespace chat {

/// Does for a peer whatever can be done in its turn. It may be dropped by this.
inline void server::serve(peer& who, bool readable) {
  for (int round = 1;; ++round) {
    if (who.now == phase::open) handle_events(who);  // those of bytes that were kept while it rested, too
    if (std::exchange(readable, false) && who.reads(now_)) {
      receive(who);
      if (who.now == phase::open) handle_events(who);
    }
    if (who.now == phase::open) lobby_.push(*who.who, now_);
    const bool was_full = who.who && who.who->ws.buffered() >= member::enough;
    send(who);
    if (who.now != phase::open || !was_full || !who.who->has_room()) break;
    if (round == rounds_in_turn) {
      lobby_.touch(*who.who);  // and now the others
      break;
    }
    readable = true;  // it was not read while it was full, and will be full again
  }
  finish(who);
}

/// Asks for what a peer waits for next.
inline void server::finish(peer& who) {
  if (who.now == phase::gone) return drop(who);
  if (who.now == phase::open && !who.who->ws.is_open()) who.watchdog.closing(now_);
  const std::uint32_t wanted = (who.reads(now_) ? EPOLLIN : 0U) | (who.has_output() ? EPOLLOUT : 0U);
  if (wanted != std::exchange(who.watched, wanted)) watch(EPOLL_CTL_MOD, who.socket.value(), who.id, wanted);
  // While this end does not read, it cannot know whether the peer lives.
  timers_.at_latest(who.id, who.pauses(now_) ? who.resting_until : who.watchdog.deadline());
}

inline void server::receive(peer& who) {
  const examples::transfer got = examples::read_some(who.socket.value(), input_);
  if (got.blocked) return;
  who.eof = got.ended;
  if (!got.ended) who.watchdog.received(now_);
  const auto chunk = sansocket::bytes(input_).first(got.count);
  if (who.now == phase::open) {
    if (got.ended) who.who->ws.receive_eof();
    else if (who.who->ws.receive(chunk) != sansocket::error::none) who.now = phase::gone;
  } else if (got.ended) {
    who.now = phase::gone;
  } else if (who.now == phase::asking) {
    read_head(who, chunk);
  } else if (who.now == phase::signing) {
    read_form(who, chunk);
  }
}

inline void server::send(peer& who) {
  while (who.has_output()) {
    const examples::transfer put = examples::write_some(who.socket.value(), who.output());
    if (put.ended) who.now = phase::gone;
    if (put.ended || put.blocked) break;
    count_sent(who, put.count);
  }
  if (who.now == phase::answering && !who.has_output()) part(who);
  if (who.now == phase::open && who.who->ws.transport() == sansocket::transport_action::close) part(who);
}

inline void server::count_sent(peer& who, std::size_t count) const {
  const std::size_t of_answer = std::min(count, who.answer.size() - who.answered);
  who.answered += of_answer;
  if (who.answered == who.answer.size()) {
    who.answer.release();
    who.answered = 0;
  }
  if (!who.who) return;
  (void)who.who->ws.sent(count - of_answer);  // it is no more than there was
  if (!who.who->ws.ping_waits()) who.watchdog.ping_sent(now_);
}

/// Ends the sending side alone. To close a socket with bytes unread resets the connection, and the
/// peer may lose the last that it was told (§7.1.1 shows this way).
inline void server::part(peer& who) const {
  who.now = who.eof ? phase::gone : phase::parting;
  who.watchdog.closing(now_);
  ::shutdown(who.socket.value(), SHUT_WR);
}

inline void server::handle_events(peer& who) {
  sansocket::server_connection& ws = who.who->ws;
  while (!who.rests(now_)) {
    const sansocket::event next = ws.poll();
    if (!next) break;
    handle(who, next);
  }
  // What is left lies in the buffer that the next peer's bytes go into.
  if (ws.retain() != sansocket::error::none) who.now = phase::gone;
}

inline void server::handle(peer& who, const sansocket::event& next) {
  using sansocket::event_type;
  using sansocket::rate_verdict;
  if (next.type == event_type::closed) {
    log_.write("closed", {{"connection", who.id},
                          {"sent", static_cast<int>(next.why.sent)},
                          {"received", static_cast<int>(next.why.received)},
                          {"fault", sansocket::message(next.why.fault)}});
    who.watchdog.closing(now_);
    return lobby_.leave(*who.who, now_);
  }
  if (next.type == event_type::pong) who.watchdog.pong_received(now_);
  if (!who.who->ws.is_open()) return;  // what comes after this end's Close is of no interest
  // Pings and pongs are counted as well: they make work.
  const auto [verdict, wait] = who.limiter.spend(next.payload.size(), now_);
  if (verdict == rate_verdict::close) return close(who, sansocket::close_code::policy_violation, "too many messages");
  if (verdict == rate_verdict::wait) who.resting_until = now_ + wait;
  if (next.is_message()) who.watchdog.active(now_);
  if (next.type == event_type::text) lobby_.receive(*who.who, next.text(), now_);
  if (next.type == event_type::binary) close(who, sansocket::close_code::unsupported_data, "only text is spoken here");
}

inline void server::close(peer& who, sansocket::close_code code, std::string_view reason) {
  lobby_.leave(*who.who, now_);
  (void)who.who->ws.send_close(code, reason);  // or it is closing anyway
  who.watchdog.closing(now_);
}

}  // namespace chat

#endif
