// The rooms of a redis_store: reading their logs, and saying who is there. A part of
// redis_store.hpp, which includes it behind the class.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_ROOMS_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_ROOMS_HPP

namespace chat {

inline void redis_store::subscribe(const std::string& name, clock::time_point now) {
  now_ = std::max(now_, now);
  room_pointer& room = rooms_[name];
  if (room) return;
  room = std::make_shared<redis_room>(name);
  cold_.insert(name);
  if (is_linked()) listen(room);
}

inline void redis_store::unsubscribe(const std::string& name, clock::time_point now) {
  now_ = std::max(now_, now);
  const room_pointer room = find(name);
  if (!room) return;
  set_members(name, {}, now);
  room->wanted = false;
  rooms_.erase(name);
  cold_.erase(name);
  if (is_linked()) channel_.send({"UNSUBSCRIBE", redis_channel(name)});
  for (const redis_room::question& asked : std::exchange(room->questions, {})) {
    asked.answer(unknown_history(asked.query, room.get()));
  }
  check_together();
}

/// First the channel, then the log behind the place where telling begins: so nothing falls between them.
/// That place is asked for before anything of this node's own can be appended, so that this comes behind it.
inline void redis_store::listen(const room_pointer& room) {
  channel_.send({"SUBSCRIBE", redis_channel(room->name)});
  subscribing_.push_back(room);
  if (room->feed.last()) return;
  command({"XREVRANGE", redis_log_key(room->name), "+", "-", "COUNT", "1"}, [this, room](redis_value reply) {
    if (reply.is_missing() || !room->wanted) return;
    if (!reply.is_array()) return fail("a log cannot be read: " + std::string(reply.text()));
    room->feed.begin(parse_place(reply[0][0].text()).value_or(place{}));
    if (room->feed.is_listening()) fill(room);
  });
}

inline void redis_store::listens(const room_pointer& room) {
  room->feed.listen();
  if (room->wanted && room->feed.last()) fill(room);
}

/// Reads what is missing, piece by piece.
inline void redis_store::fill(const room_pointer& room) {
  const std::string from = behind(*room->feed.last()).text();
  command({"XRANGE", redis_log_key(room->name), from, "+", "COUNT", std::to_string(redis_page)},
          [this, room](redis_value reply) {
            if (reply.is_missing() || !room->wanted) return;
            if (!reply.is_array()) return fail("a log cannot be read: " + std::string(reply.text()));
            for (std::size_t i = 0; i != reply.size(); ++i) {
              const auto entry = parse_redis_entry(reply[i], room->name);
              if (!entry) return fail("a log holds what is no entry");
              room->feed.read(*entry, teller(room));
            }
            if (reply.size() >= redis_page || !room->feed.caught_up(teller(room))) fill(room);
            else went_live(room);
          });
}

inline void redis_store::went_live(const room_pointer& room) {
  if (!room->wanted) return;
  cold_.erase(room->name);
  say_who_is_here(*room, true);
  for (redis_room::question& asked : std::exchange(room->questions, {})) ask(room, std::move(asked));
  check_together();
}

inline void redis_store::history(const history_query& query, std::function<void(history_page)> answer) {
  const room_pointer room = find(query.room);
  if (room && query.after) room->feed.wants(*query.after);
  if (room && room->feed.is_live()) return ask(room, {query, std::move(answer)});
  // While it is not known yet whether there is a Redis, it is worth waiting for.
  if (room && commands_.is_open()) return room->questions.push_back({query, std::move(answer)});
  answer(unknown_history(query, room.get()));
}

inline void redis_store::ask(const room_pointer& room, redis_room::question asked) {
  const std::string log = redis_log_key(room->name);
  const history_query& query = asked.query;
  const std::string number = redis_number_key(room->name, query.author);
  const auto queued = [](redis_value) {};
  // All in one moment: otherwise entries could be trimmed in between.
  command({"MULTI"}, queued);
  if (query.after) {
    command({"XRANGE", log, behind(*query.after).text(), "+", "COUNT", std::to_string(query.most + 1)}, queued);
  } else {
    command({"XREVRANGE", log, "+", "-", "COUNT", std::to_string(query.most)}, queued);
  }
  command({"XRANGE", log, "-", "+", "COUNT", "1"}, queued);
  command({"GET", number}, queued);
  command({"EXEC"}, [room, asked = std::move(asked)](redis_value reply) {
    asked.answer(read_history(asked.query, *room, reply[0], reply[1], reply[2]));
  });
}

// Who is there

inline void redis_store::set_members(const std::string& name, const std::vector<std::string>& names,
                                     clock::time_point now) {
  now_ = std::max(now_, now);
  const room_pointer room = find(name);
  if (!room || room->presence.here() == names) return;
  room->presence.set_here(names);
  tell_members(*room);
  say_who_is_here(*room, false);
}

inline void redis_store::tell_members(redis_room& room) {
  if (room.presence.update()) events_->members(room.name, room.presence.all());
}

inline void redis_store::say_who_is_here(const redis_room& room, bool ask_others) {
  if (!room.feed.is_live()) return;  // it is said when it is
  command({"PUBLISH", redis_channel(room.name),
           write_redis_presence({.node = options_.node, .names = room.presence.here(), .ask = ask_others})},
          [](redis_value) {});
}

inline void redis_store::look_at_presence() {
  next_presence_ = now_ + options_.presence_every;
  const auto rooms = rooms_;  // what is told may change them
  for (const auto& [name, room] : rooms) {
    room->presence.forget_unheard(now_ - options_.presence_gone);
    tell_members(*room);
    if (!room->presence.here().empty()) say_who_is_here(*room, false);
  }
}

/// What came on a room's channel: a message begins with its place, who is there with a brace.
inline void redis_store::hear(redis_value channel, redis_value payload) {
  const std::string_view prefix = redis_channel_prefix;
  const std::string_view text = payload.text();
  if (!channel.text().starts_with(prefix)) return;
  const room_pointer room = find(std::string(channel.text().substr(prefix.size())));
  if (!room) return;
  if (!text.starts_with('{')) {
    if (auto entry = parse_redis_news(text, room->name)) room->feed.hear(std::move(*entry), teller(room));
    return;
  }
  auto news = parse_redis_presence(text);
  if (!news || news->node == options_.node) return;
  room->presence.hear(news->node, std::move(news->names), now_);
  tell_members(*room);
  if (news->ask && !room->presence.here().empty()) say_who_is_here(*room, false);
}

}  // namespace chat

#endif
