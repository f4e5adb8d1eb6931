// The rooms and those in them: what members say goes to the store, what the store tells goes to members.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_LOBBY_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_LOBBY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "envelope.hpp"
#include "server/log_line.hpp"
#include "server/member.hpp"
#include "server/replies.hpp"
#include "server/room.hpp"
#include "server/store.hpp"

namespace chat {

/// Nothing is sent from within a call by the store: what has changed is marked, and settle() and push() see
/// to it once a turn of the event loop. So a hundred messages that come at once cost each member one turn.
class lobby final : public store_events {
 public:
  static constexpr std::size_t first_messages = 50;    // for one who comes for the first time
  static constexpr std::size_t page_size = 200;        // of history, held for a member that catches up
  static constexpr std::size_t most_unaccepted = 256;  // then the member is told to wait

  /// Takes: how this node is called, and how many messages of a room are held ready.
  lobby(store& kept, std::string node, std::size_t live_messages, const log_lines& log)
      : store_(kept), node_(std::move(node)), live_messages_(live_messages), log_(log) {}

  /// Handles an envelope.
  void receive(member& who, std::string_view text, clock::time_point now);

  /// Takes a member out of its room, if it is in one. Call it before the member goes.
  void leave(member& who, clock::time_point now);

  /// Marks those whom something has come for.
  void settle(clock::time_point now);

  /// Marks a member: there is more to be sent to it.
  void touch(member& who) {
    if (!std::exchange(who.touched, true)) touched_.push_back(who.id);
  }

  bool has_touched() const noexcept { return !touched_.empty(); }

  /// Gives: the members that were marked, by their numbers.
  std::vector<std::uint64_t> take_touched() { return std::exchange(touched_, {}); }

  /// Queues what is due for a member, as far as its connection takes it.
  void push(member& who, clock::time_point now);

  // What the store tells

  void stored(const message& said) override;
  void accepted(const message& said) override;
  void members(const std::string& name, const std::vector<std::string>& names) override;
  void state(bool together) override;

 private:
  void join(member& who, const envelope& asked, clock::time_point now);
  void say(member& who, envelope& asked, clock::time_point now);
  void ask_history(member& who, std::size_t most);
  void receive_page(member& who, history_page page);
  static void find_cursor(member& who);
  void greet(member& who);
  void push_news(member& who) const;
  void push_page(member& who);
  void push_log(member& who, clock::time_point now);
  void give_up(member& who, clock::time_point now);

  void change(room& where) {
    if (!where.mark_changed(true)) changed_.push_back(&where);
  }
  room* find(const std::string& name) {
    const auto found = rooms_.find(name);
    return found == rooms_.end() ? nullptr : found->second.get();
  }

  store& store_;
  std::string node_;
  std::size_t live_messages_;
  const log_lines& log_;
  std::unordered_map<std::string, std::unique_ptr<room>> rooms_;  // none of them empty
  std::unordered_map<std::uint64_t, member*> visitors_;           // all that are in a room, by their numbers
  // The same by author: while a connection that is dead already is not known to be, there is another.
  std::unordered_multimap<std::string, member*> authors_;
  std::uint64_t visits_ = 0;
  std::vector<room*> changed_;
  std::vector<std::uint64_t> touched_;
  sansocket::prepared_message notice_;
  std::uint64_t notice_version_ = 0;
};

inline void lobby::receive(member& who, std::string_view text, clock::time_point now) {
  fault wrong;
  auto asked = read_envelope(text, side::client, wrong);
  if (!asked) return who.tell(write_error(wrong));
  if (asked->type == "join") join(who, *asked, now);
  else if (asked->type == "say") say(who, *asked, now);
  else who.tell(write_pong(*asked->id));
}

inline void lobby::join(member& who, const envelope& asked, clock::time_point now) {
  leave(who, now);
  const std::string name = asked.payload["room"];
  auto& where = rooms_[name];
  if (!where) {
    where = std::make_unique<room>(name, live_messages_);
    store_.subscribe(name, now);
  }
  who.sender = asked.payload["sender"];
  std::string author = author_of(who.user, who.sender);
  if (author != who.author) who.unaccepted = 0;  // what the earlier one said is not this one's
  who.refused.reset();
  who.author = std::move(author);
  who.join_id = *asked.id;
  who.visit = ++visits_;
  who.last = place_in(asked.payload, "after");
  who.now = standing::arriving;
  where->enter(who);
  visitors_[who.id] = &who;
  authors_.emplace(who.author, &who);
  change(*where);
  ask_history(who, who.last ? page_size : first_messages);
}

inline void lobby::leave(member& who, clock::time_point now) {
  if (who.in == nullptr) return;
  room& where = *who.in;
  where.leave(who);
  visitors_.erase(who.id);
  const auto [first, last] = authors_.equal_range(who.author);
  authors_.erase(std::find_if(first, last, [&](const auto& each) { return each.second == &who; }));
  who.now = standing::outside;
  who.page.clear();
  log_.write("left", {{"connection", who.id}, {"user", who.user}, {"room", where.name()}});
  if (!where.empty()) return change(where);
  const std::string name = where.name();
  store_.set_members(name, {}, now);
  store_.unsubscribe(name, now);
  std::erase(changed_, &where);  // the store may have told something until now
  rooms_.erase(name);
}

inline void lobby::say(member& who, envelope& asked, clock::time_point now) {
  if (who.in == nullptr) return who.tell(write_error({asked.id, "not_joined", "join a room first"}));
  const message said{.room = who.in->name(),
                     .from = who.user,
                     .sender = who.sender,
                     .seq = *asked.id,
                     .text = std::move(asked.payload["text"].get_ref<std::string&>()),
                     .time = wall_clock()};
  // Behind one that was refused none is taken before it comes again: once a later one is stored, it would
  // count as repeated, and be lost.
  const bool in_order = !who.refused || said.seq <= *who.refused;
  if (in_order && who.unaccepted < most_unaccepted && store_.append(said, now)) {
    ++who.unaccepted;
    if (who.refused == said.seq) who.refused.reset();
    return;
  }
  if (in_order) who.refused = said.seq;
  who.tell(write_error({asked.id, "busy", "too much waits to be stored: say it again later"}));
}

inline void lobby::settle(clock::time_point now) {
  const std::vector<room*> changed = changed_;
  for (room* const each : changed) {
    if (each->take_users_changed()) store_.set_members(each->name(), each->users(), now);
  }
  for (room* const each : std::exchange(changed_, {})) {
    each->mark_changed(false);
    for (member* const who : each->members()) touch(*who);
  }
}

// What the store tells

inline void lobby::stored(const message& said) {
  room* const where = find(said.room);
  auto frame = sansocket::prepared_message::text(write_message(said));
  if (where == nullptr || !frame) return;
  where->log().add(said.at, std::move(*frame));
  change(*where);
}

inline void lobby::accepted(const message& said) {
  const auto [first, last] = authors_.equal_range(author_of(said.from, said.sender));
  for (auto each = first; each != last; ++each) {
    member& who = *each->second;
    if (who.unaccepted != 0) --who.unaccepted;
    who.tell(write_accepted(said));
    touch(who);
  }
}

inline void lobby::members(const std::string& name, const std::vector<std::string>& names) {
  room* const where = find(name);
  if (where == nullptr) return;
  where->set_names(names);
  change(*where);
}

inline void lobby::state(bool together) {
  if (auto frame = sansocket::prepared_message::text(write_notice(together))) notice_ = std::move(*frame);
  ++notice_version_;
  for (const auto& [id, who] : visitors_) touch(*who);
  log_.write("state", {{"state", detail::state_name(together)}});
}

// History

inline void lobby::ask_history(member& who, std::size_t most) {
  who.asked = true;
  store_.history({.room = who.in->name(), .after = who.last, .most = most, .author = who.author},
                 [this, id = who.id, visit = who.visit](history_page page) {
                   const auto found = visitors_.find(id);
                   // It may have gone meanwhile, or to another room.
                   if (found == visitors_.end() || found->second->visit != visit) return;
                   receive_page(*found->second, std::move(page));
                 });
}

inline void lobby::receive_page(member& who, history_page page) {
  who.asked = false;
  who.more = page.more;
  who.complete = page.complete;
  who.page.assign(std::make_move_iterator(page.messages.begin()), std::make_move_iterator(page.messages.end()));
  if (who.now == standing::arriving) {
    who.last_seq = page.last_seq;
    who.now = standing::expected;
  }
  if (!who.more) find_cursor(who);
  touch(who);
}

/// Finds where the room's log goes on behind the last page.
inline void lobby::find_cursor(member& who) {
  const live_log& log = who.in->log();
  const std::optional<place> last = who.page.empty() ? who.last : who.page.back().at;
  const auto cursor = log.behind(last);
  // The log has moved on since the page was read, unless there is nothing to be read (of a store that is cut off).
  who.more = !cursor && !who.page.empty();
  who.cursor = cursor.value_or(log.begin());
  if (!last && log.end() - who.cursor > first_messages) who.cursor = log.end() - first_messages;
}

// What is sent

inline void lobby::push(member& who, clock::time_point now) {
  who.touched = false;
  if (!who.ws.is_open()) return;
  // It is told first who is there, itself included; settle() sees to that.
  if (who.now == standing::expected && !who.in->users_changed()) greet(who);
  if (who.now == standing::catching_up && !who.asked && !who.complete) return give_up(who, now);
  push_news(who);
  if (who.now == standing::catching_up) push_page(who);
  if (who.now == standing::live) push_log(who, now);
}

inline void lobby::greet(member& who) {
  who.tell(write_joined({.id = who.join_id,
                         .room = who.in->name(),
                         .user = who.user,
                         .node = node_,
                         .members = who.in->names(),
                         .complete = who.complete,
                         .last_seq = who.last_seq,
                         .together = store_.together()}));
  who.complete = true;  // what was missing before is said; from here on nothing may be
  who.presence_seen = who.in->presence_version();
  who.notice_seen = notice_version_;
  who.now = standing::catching_up;
  log_.write("joined", {{"connection", who.id}, {"user", who.user}, {"room", who.in->name()}});
}

/// Sends what only the newest state matters of.
inline void lobby::push_news(member& who) const {
  if (who.now != standing::catching_up && who.now != standing::live) return;
  if (who.has_room() && who.presence_seen != who.in->presence_version()) {
    who.presence_seen = who.in->presence_version();
    (void)who.ws.send(who.in->presence());
  }
  if (who.has_room() && who.notice_seen != notice_version_) {
    who.notice_seen = notice_version_;
    (void)who.ws.send(notice_);
  }
}

inline void lobby::push_page(member& who) {
  for (; who.has_room() && !who.page.empty(); who.page.pop_front()) {
    who.last = who.page.front().at;
    who.tell(write_message(who.page.front()));
  }
  if (!who.page.empty() || who.asked) return;
  if (who.more) ask_history(who, page_size);
  else who.now = standing::live;
}

inline void lobby::push_log(member& who, clock::time_point now) {
  const live_log& log = who.in->log();
  if (who.cursor < log.begin()) return give_up(who, now);
  for (; who.has_room() && who.cursor != log.end(); ++who.cursor) {
    if (who.ws.send(log[who.cursor]) != sansocket::error::none) return;  // no memory now
  }
}

/// What comes next for a member is not at hand any more. It can come back, and ask for what it has missed.
inline void lobby::give_up(member& who, clock::time_point now) {
  log_.write("too_slow", {{"connection", who.id}, {"user", who.user}});
  leave(who, now);
  (void)who.ws.send_close(sansocket::close_code::try_again_later, "too slow");
}

}  // namespace chat

#endif
