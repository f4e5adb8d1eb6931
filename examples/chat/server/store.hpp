// Where messages are kept, and what ties several nodes together: the interface to both.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_STORE_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_STORE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "message.hpp"

namespace chat {

using clock = std::chrono::steady_clock;

/// What a store tells the server. Calls come from within advance() or any other call of the store, so
/// the server only notes what it hears and acts later; it may call the store from within them.
class store_events {
 public:
  virtual ~store_events() = default;

  /// A message of a subscribed room, this node's own ones too, in the order of the room's log. One
  /// without a place is provisional; it comes again, with its place, once it is stored.
  virtual void stored(const message& said) = 0;

  /// What this node appended is safe. Of one that was repeated the place may be unknown.
  virtual void accepted(const message& said) = 0;

  /// Who is in a subscribed room, over all nodes: sorted, every name once. Only when it has changed.
  virtual void members(const std::string& room, const std::vector<std::string>& names) = 0;

  /// Whether this node reaches the others. Only when it has changed.
  virtual void state(bool together) = 0;
};

/// What is asked of a room's history.
struct history_query {
  std::string room;
  std::optional<place> after{};  ///< what is behind this place; nothing asks for the last `most`
  std::size_t most = 0;          ///< no more messages than this
  std::string author{};          ///< see author_of; empty if its last number is of no interest
};

/// A part of a room's history, oldest first.
/// Invariant: what stands behind it and is not in it has been told by stored(), or will be.
struct history_page {
  std::vector<message> messages{};
  bool more = false;           ///< there was more behind it at once: ask again with the last one's place
  bool complete = true;        ///< nothing is missing between `after` and the first of these
  std::uint64_t last_seq = 0;  ///< the highest number that is stored of the author, 0 if there is none
};

/// A store. All of it happens in one thread.
class store {
 public:
  virtual ~store() = default;

  /// Begins; called once, before anything else but what is const.
  /// Gives: nothing, or in words why it cannot.
  virtual std::optional<std::string> start(store_events& events, clock::time_point now) = 0;

  /// Takes a message, without a place, to be stored behind all others of its room. One whose author has
  /// a number stored that is as high is only accepted again.
  /// Gives: false if the store is too busy; nothing has changed then.
  [[nodiscard]] virtual bool append(const message& said, clock::time_point now) = 0;

  /// From here on, until unsubscribe, what happens in the room is of interest.
  virtual void subscribe(const std::string& room, clock::time_point now) = 0;
  virtual void unsubscribe(const std::string& room, clock::time_point now) = 0;

  /// Asks for a part of the history of a subscribed room. The answer is given exactly once, at once or
  /// later; a store that is alone gives what it has, marked as not complete.
  virtual void history(const history_query& query, std::function<void(history_page)> answer) = 0;

  /// Who is in a room on this node: sorted, every name once. The store tells the other nodes.
  virtual void set_members(const std::string& room, const std::vector<std::string>& names, clock::time_point now) = 0;

  /// Whether this node reaches the others; a store of a single node always does.
  virtual bool together() const = 0;

  /// A descriptor that can be read when advance() has something to do (an epoll descriptor can stand for
  /// several); -1 if there is none. It stays the same.
  virtual int descriptor() const { return -1; }

  /// Goes on: when descriptor() can be read, and when deadline() is reached.
  virtual void advance(clock::time_point now) { static_cast<void>(now); }

  /// When advance() is wanted at the latest.
  virtual clock::time_point deadline() const { return clock::time_point::max(); }
};

}  // namespace chat

#endif
