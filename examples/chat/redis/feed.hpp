// The messages of one room on their way from Redis to the server: in the order of the log, none left out,
// none twice.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_FEED_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_FEED_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "message.hpp"
#include "redis/format.hpp"

namespace chat {

/// The highest number seen of each author, for the last few thousand authors: two halves, of which the older
/// one is dropped when the younger one is full.
class author_numbers {
 public:
  std::uint64_t of(const std::string& author) const {
    std::uint64_t highest = 0;
    for (const auto* half : {&younger_, &older_}) {
      const auto found = half->find(author);
      if (found != half->end()) highest = std::max(highest, found->second);
    }
    return highest;
  }

  void note(const std::string& author, std::uint64_t number) {
    if (younger_.size() >= most_in_half) older_ = std::exchange(younger_, {});
    std::uint64_t& noted = younger_[author];
    noted = std::max(noted, number);
  }

 private:
  static constexpr std::size_t most_in_half = 4096;

  std::unordered_map<std::string, std::uint64_t> younger_;
  std::unordered_map<std::string, std::uint64_t> older_;
};

/// Pub/Sub brings what happens now, and nothing of what happened while nobody listened. So what it brings
/// is held back until the log was read from the last place that was told:
///
///     cut --listen--> filling --caught_up--> live
///      ^-------------------lose_link--------------'
class redis_feed {
 public:
  bool is_live() const noexcept { return state_ == state::live; }

  /// The last place that was told, or behind which telling begins; nothing before that is known.
  const std::optional<place>& last() const noexcept { return last_; }

  /// The highest number of the author that was told.
  std::uint64_t number_of(const std::string& author) const { return numbers_.of(author); }

  /// Someone wants what is behind this place, and the log cannot be read now.
  void wants(place after) noexcept { wanted_ = wanted_ ? std::min(*wanted_, after) : after; }

  /// Subscribed: from here on nothing is missed.
  void listen() noexcept { state_ = state::filling; }
  bool is_listening() const noexcept { return state_ != state::cut; }

  /// The end of the log, if it is not known yet where telling begins.
  void begin(place end) noexcept {
    // A place that somebody made up must not keep from the others what is to come.
    if (!last_) last_ = wanted_ ? std::min(*wanted_, end) : end;
  }

  void lose_link() noexcept {
    state_ = state::cut;
    drop_held();
  }

  /// An entry of the log, read in order behind last().
  template <class Tell>
  void read(const redis_entry& entry, Tell&& tell) {
    if (last_ && entry.at <= *last_) return;
    last_ = entry.at;
    if (!entry.said) return;
    // Redis may have forgotten the numbers and stored a message again that it had lost as well.
    const std::string author = author_of(entry.said->from, entry.said->sender);
    if (entry.said->seq <= numbers_.of(author)) return;
    numbers_.note(author, entry.said->seq);
    tell(*entry.said);
  }

  /// What Pub/Sub brought.
  template <class Tell>
  void hear(redis_entry entry, Tell&& tell) {
    if (state_ == state::live) return read(entry, tell);
    if (state_ == state::cut || missed_) return;
    held_.push_back(std::move(entry));
    if (held_.size() <= most_held) return;
    drop_held();
    missed_ = true;  // it is in the log
  }

  /// The end of the log was reached.
  /// Gives: false if it has to be read on, because too much came meanwhile.
  template <class Tell>
  [[nodiscard]] bool caught_up(Tell&& tell) {
    if (std::exchange(missed_, false)) return false;
    state_ = state::live;
    for (const redis_entry& entry : std::exchange(held_, {})) read(entry, tell);
    return true;
  }

 private:
  enum class state : std::uint8_t { cut, filling, live };

  static constexpr std::size_t most_held = 1000;

  void drop_held() noexcept {
    held_.clear();
    missed_ = false;
  }

  state state_ = state::cut;
  bool missed_ = false;  // something that came while the log was read
  std::optional<place> last_;
  std::optional<place> wanted_;
  std::deque<redis_entry> held_;
  author_numbers numbers_;
};

}  // namespace chat

#endif
