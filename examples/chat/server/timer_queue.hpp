// When to look at which connection again.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_TIMER_QUEUE_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_TIMER_QUEUE_HPP

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "server/store.hpp"

namespace chat {

/// Deadlines mostly move away, with every byte that comes. So a time that is set stays until it is reached,
/// and whoever is called then says when it wants to be called next: setting a later one costs nothing.
class timer_queue {
 public:
  /// Sees to it that `id` is due at a time, or before.
  void at_latest(std::uint64_t id, clock::time_point when) {
    if (when == clock::time_point::max()) return;
    const auto [known, added] = times_.try_emplace(id, when);
    if (!added) {
      if (known->second <= when) return;
      queue_.erase({known->second, id});
      known->second = when;
    }
    queue_.emplace(when, id);
  }

  void forget(std::uint64_t id) {
    const auto known = times_.find(id);
    if (known == times_.end()) return;
    queue_.erase({known->second, id});
    times_.erase(known);
  }

  /// Gives: one that is due, which is forgotten; nothing if none is.
  std::optional<std::uint64_t> take_due(clock::time_point now) {
    if (next() > now || queue_.empty()) return std::nullopt;
    const std::uint64_t id = queue_.begin()->second;
    forget(id);
    return id;
  }

  clock::time_point next() const { return queue_.empty() ? clock::time_point::max() : queue_.begin()->first; }

 private:
  std::set<std::pair<clock::time_point, std::uint64_t>> queue_;
  std::unordered_map<std::uint64_t, clock::time_point> times_;
};

}  // namespace chat

#endif
