// A store that several nodes share: a Redis keeps the messages, and tells each node what the others do.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_STORE_HPP

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "redis/format.hpp"
#include "redis/link.hpp"
#include "redis/queue.hpp"
#include "redis/room.hpp"
#include "sansocket/session/backoff.hpp"
#include "server/store.hpp"

namespace chat {

struct redis_options {
  std::string where = "127.0.0.1:6379";                      ///< see find_redis
  std::string node;                                          ///< the name of this node, which no other one may have
  clock::duration presence_every = std::chrono::seconds{5};  ///< who is here is said again so often
  clock::duration presence_gone = std::chrono::seconds{15};  ///< a node that was not heard for so long has gone
  redis_queue::limits queue{};
  sansocket::watchdog_limits link{.opening = std::chrono::seconds{5},
                                  .ping_after = std::chrono::seconds{5},
                                  .pong_within = std::chrono::seconds{5},
                                  .stalled = std::chrono::seconds{5}};
  /// Is told why the links were lost, or could not be made.
  std::function<void(const std::string&)> lost = [](const std::string&) {};
  sansocket::backoff_options back{.base = std::chrono::milliseconds{200}, .cap = std::chrono::seconds{5}};
};

/// Two connections: one for commands, one that is subscribed. They come and go together.
///
/// While they are there, what this node is to append goes out at once, in order, and comes back on the
/// channel like what the others append. When they are lost, the node is alone: what is said to it is told
/// as provisional and waits. When they are back, it reads what it has missed and appends what has waited;
/// what of that was stored already is found out by the script.
///
/// What counts as stored is as safe as that Redis keeps it: one without persistence forgets it when it ends.
class redis_store final : public store {
 public:
  explicit redis_store(redis_options chosen)
      : options_(std::move(chosen)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        commands_(epoll_.value(), 0, options_.link),
        channel_(epoll_.value(), 1, options_.link),
        queue_(options_.queue),
        backoff_(options_.back, std::random_device()()) {}
  redis_store(const redis_store&) = delete;
  redis_store& operator=(const redis_store&) = delete;
  ~redis_store() override {
    // What was said last, such as that nobody is here any more, still goes out if it can.
    if (commands_.is_open()) (void)commands_.flush(now_);
  }

  std::optional<std::string> start(store_events& events, clock::time_point now) override;
  bool append(const message& said, clock::time_point now) override;
  void subscribe(const std::string& name, clock::time_point now) override;
  void unsubscribe(const std::string& name, clock::time_point now) override;
  void history(const history_query& query, std::function<void(history_page)> answer) override;
  void set_members(const std::string& name, const std::vector<std::string>& names, clock::time_point now) override;
  bool together() const override { return together_; }
  int descriptor() const override { return epoll_.value(); }
  void advance(clock::time_point now) override;
  clock::time_point deadline() const override;

 private:
  using room_pointer = std::shared_ptr<redis_room>;
  using reader = std::function<void(redis_value)>;

  // The links: redis_store_links.hpp
  void connect();
  void serve(redis_link& link);
  void read_replies();
  void read_news();
  void hear(redis_value channel, redis_value payload);
  void look_at(redis_link& link);
  void look_at_presence();
  void link_up();
  void lose_links();
  void check_together();
  void fail(std::string_view why) {
    if (fault_.empty()) fault_ = why;
  }
  bool is_linked() const noexcept { return commands_.is_ready() && channel_.is_ready(); }
  void command(std::initializer_list<std::string_view> words, reader then) {
    commands_.send(words);
    awaited_.push_back(std::move(then));
  }

  // The rooms: redis_store_rooms.hpp
  room_pointer find(const std::string& name) const {
    const auto found = rooms_.find(name);
    return found == rooms_.end() ? nullptr : found->second;
  }
  void listen(const room_pointer& room);
  void listens(const room_pointer& room);
  void fill(const room_pointer& room);
  void went_live(const room_pointer& room);
  void ask(const room_pointer& room, redis_room::question asked);
  void say_who_is_here(const redis_room& room, bool ask_others);
  void tell_members(redis_room& room);
  auto teller(const room_pointer& room) {
    return [this, room](const message& said) {
      if (room->wanted) events_->stored(said);
    };
  }

  void send_waiting();
  void appended(redis_value reply);
  void tell_accepted(const redis_queue::entry& done) {
    for (std::size_t i = 0; i != done.times; ++i) events_->accepted(done.said);
  }

  redis_options options_;
  store_events* events_ = nullptr;
  redis_address address_{};
  examples::unique_fd epoll_;
  redis_link commands_;
  redis_link channel_;
  std::deque<reader> awaited_;            // what becomes of the replies to commands, in order
  std::deque<room_pointer> subscribing_;  // what becomes of those on the channel
  std::unordered_map<std::string, room_pointer> rooms_;
  std::unordered_set<std::string> cold_;  // the rooms that are not live
  redis_queue queue_;
  std::size_t backlog_ = 0;  // messages that waited when the links came back, and still do
  std::string script_;       // as Redis calls it
  sansocket::backoff backoff_;
  clock::time_point now_{};
  clock::time_point try_again_ = clock::time_point::max();  // while there are no links
  clock::time_point next_presence_{};
  bool together_ = false;
  std::string fault_;  // what ends the links at the end of this turn
};

inline std::optional<std::string> redis_store::start(store_events& events, clock::time_point now) {
  events_ = &events;
  now_ = now;
  next_presence_ = now + options_.presence_every;
  const auto address = find_redis(options_.where);
  if (!address) return "no Redis can be at " + options_.where;
  if (!epoll_) return "there is no descriptor left";
  address_ = *address;
  connect();
  if (!fault_.empty()) lose_links();
  return std::nullopt;
}

inline bool redis_store::append(const message& said, clock::time_point now) {
  now_ = std::max(now_, now);
  const room_pointer room = find(said.room);
  // This node has seen it in the log, even if Redis should not know any more.
  if (room && room->feed.number_of(author_of(said.from, said.sender)) >= said.seq) {
    events_->accepted(said);
    return true;
  }
  const auto pushed = queue_.push(said, !together_);
  send_waiting();
  if (pushed == redis_queue::pushed::added && !together_ && room) events_->stored(said);
  return pushed != redis_queue::pushed::full;
}

/// Sends what waits, as far as there may be messages on the way.
inline void redis_store::send_waiting() {
  if (!is_linked()) return;
  while (const redis_queue::entry* entry = queue_.next()) {
    const message& said = entry->said;
    const room_pointer room = find(said.room);
    const std::string newest = room && room->feed.last() ? room->feed.last()->text() : std::string();
    command({"EVALSHA", script_, "2", redis_log_key(said.room),
             redis_number_key(said.room, author_of(said.from, said.sender)), std::to_string(said.seq),
             std::to_string(entry->before), write_redis_message(said), redis_channel(said.room), newest},
            [this](redis_value reply) { appended(reply); });
  }
}

inline void redis_store::appended(redis_value reply) {
  if (reply.is_missing()) return;  // the queue keeps it
  const auto stored = reply[0].integer();
  const auto at = parse_place(reply[1].text());
  // What it is that could not be stored does not matter: all behind it must wait for it.
  if (!stored || (*stored == 1 && !at)) return fail("a message could not be stored: " + std::string(reply.text()));
  redis_queue::entry done = queue_.pop();
  if (*stored == 1) done.said.at = at;
  if (backlog_ != 0) --backlog_;
  tell_accepted(done);
  send_waiting();
  check_together();
}

}  // namespace chat

#include "redis/store_links.hpp"
#include "redis/store_rooms.hpp"

#endif
