// The newest messages of a room as frames that are ready to be sent, each encoded once for all members.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_LIVE_LOG_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_LIVE_LOG_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "message.hpp"
#include "sansocket/connection/prepared_message.hpp"

namespace chat {

/// A member keeps no messages of its own, only a cursor: the number of the entry that it is sent next. One
/// that does not read costs nothing more; when what it misses is dropped from the log, it has been too slow.
class live_log {
 public:
  using cursor = std::uint64_t;

  /// Nor are there more bytes of text than this: anyone may fill a room, and many rooms.
  static constexpr std::size_t most_bytes = 2 * 1024 * 1024;

  /// Takes: how many messages are held at the most.
  explicit live_log(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}

  void add(const std::optional<place>& at, sansocket::prepared_message frame) {
    bytes_ += frame.payload().size();
    entries_.push_back({at, std::move(frame)});
    while (entries_.size() > most_ || (bytes_ > most_bytes && entries_.size() > 1)) drop_oldest();
  }

  cursor begin() const noexcept { return begin_; }
  cursor end() const noexcept { return begin_ + entries_.size(); }

  /// Takes: a cursor from begin() to before end().
  const sansocket::prepared_message& operator[](cursor at) const { return entries_[at - begin_].frame; }

  /// Where one goes on who has seen the room up to a place, or nothing of it.
  /// Gives: nothing if the log does not reach back so far.
  std::optional<cursor> behind(const std::optional<place>& last) const {
    // Provisional messages have no place; those in front of one that was seen have been seen too.
    const auto seen = std::ranges::find_if(entries_.rbegin(), entries_.rend(),
                                           [&](const entry& each) { return each.at && last && *each.at <= *last; });
    if (seen != entries_.rend()) return end() - static_cast<cursor>(seen - entries_.rbegin());
    if (dropped_ && (!last || *last < *dropped_)) return std::nullopt;
    return begin_;
  }

 private:
  struct entry {
    std::optional<place> at;
    sansocket::prepared_message frame;
  };

  void drop_oldest() {
    const entry& oldest = entries_.front();
    if (oldest.at) dropped_ = oldest.at;
    bytes_ -= oldest.frame.payload().size();
    entries_.pop_front();
    ++begin_;
  }

  std::size_t most_;
  std::deque<entry> entries_;
  cursor begin_ = 0;
  std::size_t bytes_ = 0;         // of the entries' texts
  std::optional<place> dropped_;  // the last one that is not held any more
};

}  // namespace chat

#endif
