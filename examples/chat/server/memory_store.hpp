// A store in this process: bounded logs, and a journal if they are to outlive it.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_MEMORY_STORE_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_MEMORY_STORE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/journal.hpp"
#include "server/store.hpp"

namespace chat {

/// How much is kept; what is older is forgotten.
struct memory_limits {
  std::size_t messages_of_room = 10'000;
  std::size_t bytes_in_all = 256 * 1024 * 1024;  ///< roughly
};

class memory_store final : public store {
 public:
  /// Takes: the journal's path; empty for none.
  explicit memory_store(std::string journal_path = {}, memory_limits limits = {})
      : journal_path_(std::move(journal_path)), limits_(limits) {}

  std::optional<std::string> start(store_events& events, clock::time_point /*now*/) override {
    events_ = &events;
    if (journal_path_.empty()) return std::nullopt;
    return journal_.open(journal_path_, [this](const message& said) {
      if (said.seq <= last_seq(said.room, author_of(said.from, said.sender))) return true;  // it was there before
      // Messages are looked for by their places. Two journals that were joined, say, are none.
      if (*said.at <= last_) return false;
      keep(said);
      return true;
    });
  }

  bool append(const message& said, clock::time_point now) override;
  void history(const history_query& query, std::function<void(history_page)> answer) override;

  void subscribe(const std::string& room, clock::time_point /*now*/) override { subscribed_.insert(room); }
  void unsubscribe(const std::string& room, clock::time_point /*now*/) override { subscribed_.erase(room); }
  void set_members(const std::string& room, const std::vector<std::string>& names, clock::time_point /*now*/) override {
    if (subscribed_.contains(room)) events_->members(room, names);  // there is no other node
  }
  bool together() const override { return true; }

 private:
  struct author_state {
    std::uint64_t last_seq = 0;
    std::size_t kept = 0;  // messages in the log
  };
  struct room_log {
    std::deque<message> messages;
    std::unordered_map<std::string, author_state> authors;  // of those messages, and so as bounded as they are
  };

  std::uint64_t last_seq(const std::string& room, const std::string& author) const {
    const auto log = rooms_.find(room);
    if (log == rooms_.end()) return 0;
    const auto found = log->second.authors.find(author);
    return found == log->second.authors.end() ? 0 : found->second.last_seq;
  }

  void keep(const message& said);
  void forget_oldest(const std::string& room);
  // What is held beside the texts, about: anyone may open rooms, and many of them.
  static constexpr std::size_t cost_of_room = 1280;
  static std::size_t cost(const message& said) noexcept {
    constexpr std::size_t beside_strings = 512;
    return beside_strings + said.room.size() + said.from.size() + said.sender.size() + said.text.size();
  }

  std::string journal_path_;
  memory_limits limits_;
  store_events* events_ = nullptr;
  journal journal_;
  std::unordered_map<std::string, room_log> rooms_;  // none of them empty
  std::map<place, std::string> by_age_;              // the rooms, by the place of their first message
  std::unordered_set<std::string> subscribed_;
  place last_{};  // that was given to a message, over all rooms
  std::size_t bytes_ = 0;
};

inline bool memory_store::append(const message& said, clock::time_point /*now*/) {
  message stored = said;
  if (said.seq <= last_seq(said.room, author_of(said.from, said.sender))) {
    stored.at.reset();
    events_->accepted(stored);
    return true;
  }
  // A clock that goes back must not put a message before those that were stored.
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(said.time, 0));
  stored.at = ms > last_.ms ? place{ms, 0} : place{last_.ms, last_.n + 1};
  if (!journal_path_.empty() && !journal_.append(stored)) return false;
  keep(stored);
  if (subscribed_.contains(said.room)) events_->stored(stored);
  events_->accepted(stored);
  return true;
}

inline void memory_store::keep(const message& said) {
  last_ = std::max(last_, *said.at);
  room_log& log = rooms_[said.room];
  if (log.messages.empty()) {
    by_age_.emplace(*said.at, said.room);
    bytes_ += cost_of_room;
  }
  author_state& author = log.authors[author_of(said.from, said.sender)];
  author.last_seq = said.seq;
  ++author.kept;
  log.messages.push_back(said);
  bytes_ += cost(said);
  if (log.messages.size() > limits_.messages_of_room) forget_oldest(said.room);
  while (bytes_ > limits_.bytes_in_all) forget_oldest(std::string(by_age_.begin()->second));
}

inline void memory_store::forget_oldest(const std::string& room) {
  room_log& log = rooms_[room];
  const message& oldest = log.messages.front();
  by_age_.erase(*oldest.at);
  bytes_ -= cost(oldest);
  const auto author = log.authors.find(author_of(oldest.from, oldest.sender));
  if (--author->second.kept == 0) log.authors.erase(author);
  log.messages.pop_front();
  if (!log.messages.empty()) {
    by_age_.emplace(*log.messages.front().at, room);
    return;
  }
  rooms_.erase(room);
  bytes_ -= cost_of_room;
}

inline void memory_store::history(const history_query& query, std::function<void(history_page)> answer) {
  history_page page;
  page.last_seq = last_seq(query.room, query.author);
  const auto found = rooms_.find(query.room);
  if (found == rooms_.end()) {
    page.complete = !query.after;
    return answer(std::move(page));
  }
  const std::deque<message>& log = found->second.messages;
  auto first = log.end() - static_cast<std::ptrdiff_t>(std::min(query.most, log.size()));
  if (query.after) {
    first = std::ranges::upper_bound(log, *query.after, {}, [](const message& said) { return *said.at; });
    // What was forgotten may have stood behind the place, unless something at it or before it is left.
    page.complete = first != log.begin();
  }
  const std::size_t behind = static_cast<std::size_t>(log.end() - first);
  const std::size_t count = std::min(query.most, behind);
  page.more = count < behind;
  page.messages.assign(first, first + static_cast<std::ptrdiff_t>(count));
  answer(std::move(page));
}

}  // namespace chat

#endif
