// What this node is to append, in order, until Redis has said that it is stored.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_QUEUE_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_QUEUE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "message.hpp"

namespace chat {

/// A bounded queue whose first entries may be on their way. When the link breaks, it is not known which of
/// those were stored; they are sent again, and the script finds out.
class redis_queue {
 public:
  struct entry {
    message said;
    std::uint64_t before = 0;  ///< the number of its author's message ahead of it in here, 0 if there is none
    bool shown = false;        ///< as provisional
    std::size_t times = 1;     ///< that it was pushed
  };

  struct limits {
    std::size_t messages = 10'000;
    std::size_t bytes = std::size_t{16} * 1024 * 1024;  ///< of text
    std::size_t on_the_way = 256;                       ///< sent and not answered
  };

  explicit redis_queue(const limits& chosen) : limits_(chosen) {}

  std::size_t size() const noexcept { return entries_.size(); }

  /// A message of which one is there already, as after a client was cut off, only counts.
  /// Gives: whether it was there; or full if there is no room, and nothing has changed then.
  enum class pushed : std::uint8_t { added, counted, full };
  [[nodiscard]] pushed push(const message& said, bool shown) {
    const std::string key = key_of(said);
    if (entry* const same = find(key, said)) {
      ++same->times;
      return pushed::counted;
    }
    if (entries_.size() >= limits_.messages || bytes_ + said.text.size() > limits_.bytes) return pushed::full;
    add({.said = said, .shown = shown});
    return pushed::added;
  }

  /// Gives: the next to send, which is then on its way; nullptr if there is none, or too many are.
  const entry* next() noexcept {
    if (on_the_way_ == entries_.size() || on_the_way_ >= limits_.on_the_way) return nullptr;
    return &entries_[on_the_way_++];
  }

  /// The first that is on its way was answered.
  entry pop() {
    entry first = std::move(entries_.front());
    entries_.pop_front();
    --on_the_way_;
    bytes_ -= first.said.text.size();
    const auto newest = newest_.find(key_of(first.said));
    if (newest != newest_.end() && newest->second == first.said.seq) newest_.erase(newest);
    return first;
  }

  /// What a lost link has changed.
  struct changes {
    std::vector<entry> stored;    ///< they are not in the queue any more
    std::vector<message> unseen;  ///< they were not shown, and count from now on as if they were
  };

  /// The link is lost: none is on its way any more.
  /// Takes: seen(message), whether the message is known to be stored.
  template <class Seen>
  changes lose_link(Seen&& seen) {
    changes all;
    std::deque<entry> old = std::exchange(entries_, {});
    on_the_way_ = 0;
    newest_.clear();
    bytes_ = 0;
    for (entry& each : old) {
      if (seen(std::as_const(each.said))) {
        all.stored.push_back(std::move(each));
        continue;
      }
      if (!std::exchange(each.shown, true)) all.unseen.push_back(each.said);
      add(std::move(each));
    }
    return all;
  }

 private:
  static std::string key_of(const message& said) {
    return (said.room + '\n').append(author_of(said.from, said.sender));
  }

  void add(entry added) {
    // What was ahead of it and is not any more may be stored, and lost with Redis: only what is still in
    // here can be asked to come first.
    std::uint64_t& newest = newest_[key_of(added.said)];
    added.before = newest;
    newest = std::max(newest, added.said.seq);
    bytes_ += added.said.text.size();
    entries_.push_back(std::move(added));
  }

  entry* find(const std::string& key, const message& said) {
    const auto newest = newest_.find(key);
    if (newest == newest_.end() || newest->second < said.seq) return nullptr;  // as nearly always
    const auto same = std::ranges::find_if(
        entries_, [&](const entry& each) { return each.said.seq == said.seq && key_of(each.said) == key; });
    return same == entries_.end() ? nullptr : &*same;
  }

  limits limits_;
  std::deque<entry> entries_;
  std::unordered_map<std::string, std::uint64_t> newest_;  // by room and author, of those in the queue
  std::size_t on_the_way_ = 0;                             // the first so many entries
  std::size_t bytes_ = 0;
};

}  // namespace chat

#endif
