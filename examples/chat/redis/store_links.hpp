// The two connections of a redis_store: how they come up, what comes over them, and how they are lost. A part of
// redis_store.hpp, which includes it behind the class.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_LINKS_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_LINKS_HPP

namespace chat {

/// What only Redis answers opens a link: PING on the one, and on the other the name of the script.
inline void redis_store::connect() {
  try_again_ = clock::time_point::max();
  if (!commands_.open(address_, now_) || !channel_.open(address_, now_)) {
    return fail("no connection to Redis: " + std::generic_category().message(errno));
  }
  channel_.send({"PING"});
  command({"SCRIPT", "LOAD", redis_append_script}, [this](redis_value reply) {
    if (reply.is_missing()) return;
    if (!reply.is_text()) return fail("Redis takes no script: " + std::string(reply.text()));
    script_ = reply.text();
    commands_.ready(now_);
    if (is_linked()) link_up();
  });
}

inline void redis_store::advance(clock::time_point now) {
  now_ = std::max(now_, now);
  std::array<epoll_event, 2> ready;
  if (::epoll_wait(epoll_.value(), ready.data(), static_cast<int>(ready.size()), 0) > 0) {
    // What has come on the one counts, even if the other one is broken.
    serve(channel_);
    const std::string fault = std::exchange(fault_, {});
    serve(commands_);
    if (!fault.empty()) fault_ = fault;
  }
  look_at(commands_);
  look_at(channel_);
  if (fault_.empty() && now_ >= try_again_) connect();
  if (now_ >= next_presence_) look_at_presence();
  if (!fault_.empty()) lose_links();
}

inline void redis_store::serve(redis_link& link) {
  const bool writes = link.flush(now_);
  const bool reads = link.receive(now_);
  // What came before the end counts.
  if (&link == &commands_) read_replies();
  else read_news();
  if (link.is_broken()) fail("what answers is no Redis");
  else if (!reads || !writes) fail("Redis has ended the connection");
}

inline void redis_store::read_replies() {
  while (fault_.empty()) {
    const redis_reply reply = commands_.poll();
    if (!reply) return;
    // One that has too many clients says so unasked.
    if (awaited_.empty()) return fail("Redis says: " + std::string(reply.value().text()));
    const reader then = std::move(awaited_.front());
    awaited_.pop_front();
    then(reply.value());
  }
}

inline void redis_store::read_news() {
  while (fault_.empty()) {
    const redis_reply reply = channel_.poll();
    if (!reply) return;
    const redis_value news = reply.value();
    const std::string_view what = news.is_array() ? news[0].text() : news.text();
    if (news.is_error() || what.empty()) return fail("Redis says: " + std::string(news.text()));
    if (what == "message") {
      hear(news[1], news[2]);
    } else if (what == "PONG" || what == "pong") {
      channel_.pong(now_);
      if (!channel_.is_ready()) {
        channel_.ready(now_);
        if (is_linked()) link_up();
      }
    } else if (what == "subscribe" && !subscribing_.empty()) {
      const room_pointer room = std::move(subscribing_.front());
      subscribing_.pop_front();
      listens(room);
    }
  }
}

/// Watches over a link.
inline void redis_store::look_at(redis_link& link) {
  switch (link.expire(now_)) {
    case sansocket::watchdog_action::nothing: return;
    case sansocket::watchdog_action::send_ping:
      if (&link == &channel_) return channel_.send({"PING"});
      return command({"PING"}, [this](redis_value) { commands_.pong(now_); });
    case sansocket::watchdog_action::close:
    case sansocket::watchdog_action::drop: return fail("Redis does not answer");
  }
}

inline void redis_store::link_up() {
  backoff_.connected(now_);
  backlog_ = queue_.size();
  for (const auto& [name, room] : rooms_) listen(room);
  send_waiting();
  check_together();
}

/// The node is together with the others when it has heard all that they said, and said all that it has.
inline void redis_store::check_together() {
  if (together_ || !is_linked() || backlog_ != 0 || !cold_.empty()) return;
  together_ = true;
  events_->state(true);
}

inline void redis_store::lose_links() {
  options_.lost(std::exchange(fault_, {}));
  commands_.close();
  channel_.close();
  subscribing_.clear();
  const auto wait = backoff_.failed(now_);
  try_again_ = wait ? now_ + *wait : clock::time_point::max();
  const redis_queue::changes changes = queue_.lose_link([this](const message& said) {
    const room_pointer room = find(said.room);
    return room && room->feed.number_of(author_of(said.from, said.sender)) >= said.seq;
  });
  const auto rooms = rooms_;  // what is told from here on may change them
  for (const auto& [name, room] : rooms) {
    room->feed.lose_link();
    cold_.insert(name);
  }
  if (std::exchange(together_, false)) events_->state(false);
  for (const redis_queue::entry& done : changes.stored) tell_accepted(done);
  for (const message& said : changes.unseen) {
    if (rooms_.contains(said.room)) events_->stored(said);
  }
  for (const reader& then : std::exchange(awaited_, {})) then(redis_value());
  for (const auto& [name, room] : rooms) {
    for (const redis_room::question& asked : std::exchange(room->questions, {})) {
      asked.answer(unknown_history(asked.query, room.get()));
    }
  }
}

inline clock::time_point redis_store::deadline() const {
  return std::min({commands_.deadline(), channel_.deadline(), try_again_, next_presence_});
}

}  // namespace chat

#endif
