// The server's event loop. A part of server.hpp, which includes it at its end.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_LOOP_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_LOOP_HPP

namespace chat {

inline int server::run(examples::unique_fd listener, examples::unique_fd signal) {
  listener_ = std::move(listener);
  signal_ = std::move(signal);
  if (auto fault = store_.start(lobby_, now_)) {
    std::fprintf(stderr, "chat_server: %s\n", fault->c_str());
    return 1;
  }
  watch(EPOLL_CTL_ADD, signal_.value(), signal_id, EPOLLIN);
  watch(EPOLL_CTL_ADD, listener_.value(), listener_id, EPOLLIN);
  if (store_.descriptor() >= 0) watch(EPOLL_CTL_ADD, store_.descriptor(), store_id, EPOLLIN);
  std::printf("chat: http://127.0.0.1:%d/\n", examples::port_of(listener_));
  std::fflush(stdout);
  log_.write("started", {{"node", settings_.node}});

  std::array<epoll_event, 256> ready;
  while (!stopping_ || (!peers_.empty() && now_ < stop_at_)) {
    const int count = ::epoll_wait(epoll_.value(), ready.data(), static_cast<int>(ready.size()), milliseconds_left());
    now_ = clock::now();
    turn(std::span(ready).first(static_cast<std::size_t>(std::max(count, 0))));
  }
  log_.write("stopped");
  return 0;
}

inline void server::turn(std::span<const epoll_event> ready) {
  for (const epoll_event& event : ready) {
    const std::uint64_t id = event.data.u64;  // a copy: it does not lie as a number must
    if (id == signal_id) stop();
    else if (id == listener_id) accept_peers();
    else if (id == store_id) store_.advance(now_);
    else if (const auto found = peers_.find(id); found != peers_.end()) {
      const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
      // epoll says so unasked, and would say it again and again to one who does not read now.
      if (broken && !found->second->reads(now_)) found->second->now = phase::gone;
      serve(*found->second, broken || (event.events & EPOLLIN) != 0);
    }
  }
  if (store_.deadline() <= now_) store_.advance(now_);
  while (const auto id = timers_.take_due(now_)) {
    if (const auto found = peers_.find(*id); found != peers_.end()) tick(*found->second);
  }
  if (accept_again_ <= now_) accept_peers();
  deliver();
}

inline int server::milliseconds_left() const {
  if (lobby_.has_touched()) return 0;
  const auto first = std::min({timers_.next(), store_.deadline(), accept_again_, stop_at_});
  if (first == clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

inline void server::watch(int operation, int fd, std::uint64_t id, std::uint32_t events) const {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.u64 = id;
  ::epoll_ctl(epoll_.value(), operation, fd, &wanted);
}

inline void server::accept_peers() {
  if (accept_again_ != clock::time_point::max()) watch(EPOLL_CTL_MOD, listener_.value(), listener_id, EPOLLIN);
  accept_again_ = clock::time_point::max();
  for (int accepted = 0; may_accept(); ++accepted) {
    if (accepted == accepted_in_turn) return;  // epoll will say that there are more
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&from));
    examples::unique_fd socket(::accept4(listener_.value(), generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // that client is gone already
      break;  // EMFILE, ENFILE, ENOBUFS, ENOMEM: the next ones wait in the backlog
    }
    examples::set_no_delay(socket.value());
    const std::uint64_t id = next_id_++;
    const auto address = std::as_bytes(std::span(&from.sin_addr, 1));
    auto added = std::make_unique<peer>(id, std::move(socket), address, settings_, now_);
    if (!gate_.may_ask(added->address, now_)) continue;  // an answer would take the room that there is not
    added->watched = EPOLLIN;
    watch(EPOLL_CTL_ADD, added->socket.value(), id, EPOLLIN);
    timers_.at_latest(id, added->watchdog.deadline());
    peers_.emplace(id, std::move(added));
  }
  if (!stopping_) pause_accepting();
}

/// There is no room: epoll would report the same again and again.
inline void server::pause_accepting() {
  watch(EPOLL_CTL_MOD, listener_.value(), listener_id, 0);
  accept_again_ = now_ + std::chrono::seconds(1);
}

/// Says goodbye to all: 1001 to every WebSocket, and time for the answer.
inline void server::stop() {
  signalfd_siginfo info;
  while (::read(signal_.value(), &info, sizeof info) > 0) stopping_ = true;
  if (!stopping_ || stop_at_ != clock::time_point::max()) return;
  stop_at_ = now_ + longest_stop;
  listener_ = examples::unique_fd();  // and nobody waits for nothing
  accept_again_ = clock::time_point::max();
  log_.write("stopping", {{"connections", peers_.size()}});
  std::vector<std::uint64_t> all;
  all.reserve(peers_.size());
  for (const auto& [id, each] : peers_) all.push_back(id);
  for (const std::uint64_t id : all) {
    peer& who = *peers_[id];
    if (who.now == phase::open) close(who, sansocket::close_code::going_away, "the server stops");
    else if (who.now == phase::asking || who.now == phase::signing) who.now = phase::gone;
    serve(who, false);
  }
}

/// Looks at a peer whose time has come. What it has sent is read first: it may have been this end that was late.
inline void server::tick(peer& who) {
  using sansocket::watchdog_action;
  const std::uint64_t id = who.id;
  serve(who, true);
  if (!peers_.contains(id) || who.pauses(now_)) return;
  switch (who.watchdog.expire(now_)) {
    case watchdog_action::nothing: break;
    case watchdog_action::send_ping:
      if (who.who) (void)who.who->ws.send_ping();  // or it is closing, or there is no memory: that has an end too
      break;
    case watchdog_action::close: close(who, sansocket::close_code::going_away, "idle"); break;
    case watchdog_action::drop:
      log_.write("dropped", {{"connection", id}, {"why", sansocket::name(who.watchdog.why())}});
      who.now = phase::gone;
      break;
  }
  serve(who, false);
}

/// Sends what has come for members in this turn. What that brings about belongs to the next one: it could go
/// on for as long as a member has history to catch up with.
inline void server::deliver() {
  lobby_.settle(now_);
  for (const std::uint64_t id : lobby_.take_touched()) {
    const auto found = peers_.find(id);
    if (found != peers_.end()) serve(*found->second, false);
  }
  lobby_.settle(now_);
}

inline void server::drop(peer& who) {
  if (who.who) {
    lobby_.leave(*who.who, now_);
    gate_.leave(who.address, who.who->user);
    log_.write("disconnected", {{"connection", who.id}, {"user", who.who->user}});
  } else {
    gate_.has_asked(who.address);
  }
  timers_.forget(who.id);
  peers_.erase(who.id);  // closing the descriptor ends its watch
}

}  // namespace chat

#endif
