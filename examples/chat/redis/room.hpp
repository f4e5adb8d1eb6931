// A subscribed room, as the store sees it.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_ROOM_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_ROOM_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "posix_socket.hpp"
#include "redis/feed.hpp"
#include "redis/format.hpp"
#include "redis/presence.hpp"
#include "redis/reply.hpp"
#include "server/store.hpp"

namespace chat {

/// So many entries are read at once to fill a gap.
inline constexpr std::size_t redis_page = 500;

struct redis_room {
  struct question {
    history_query query;
    std::function<void(history_page)> answer;
  };

  explicit redis_room(std::string called) : name(std::move(called)) {}

  std::string name;
  bool wanted = true;  // subscribed; a reply that comes later finds it gone
  redis_feed feed;
  redis_presence presence;
  std::vector<question> questions;  // that wait for the feed to be live
};

/// The place right behind another one.
inline place behind(place at) noexcept {
  if (at.n != std::numeric_limits<std::uint64_t>::max()) return {at.ms, at.n + 1};
  return at.ms == std::numeric_limits<std::uint64_t>::max() ? at : place{at.ms + 1, 0};
}

/// What a store that is alone says: that it does not know.
inline history_page unknown_history(const history_query& query, const redis_room* room) {
  return {.messages = {}, .complete = false, .last_seq = room == nullptr ? 0 : room->feed.number_of(query.author)};
}

/// Takes: the answers to XRANGE from `after` on, one more than was asked for, or to XREVRANGE from the end;
///        to XRANGE for the first entry of the log, asked later; and to GET of the author's number.
inline history_page read_history(const history_query& query, const redis_room& room, redis_value entries,
                                 redis_value first, redis_value number) {
  history_page page = unknown_history(query, &room);
  page.last_seq = std::max(
      page.last_seq, examples::parse_number(number.text(), std::numeric_limits<std::uint64_t>::max()).value_or(0));
  if (!entries.is_array()) return page;
  const std::size_t count = std::min(entries.size(), query.most);
  for (std::size_t i = 0; i != count; ++i) {
    auto entry = parse_redis_entry(entries[query.after ? i : count - 1 - i], room.name);
    if (entry && entry->said) page.messages.push_back(std::move(*entry->said));
  }
  page.more = query.after && entries.size() > query.most;
  // What was trimmed may have stood behind the place, unless something at it or before it is left.
  const auto oldest = parse_place(first[0][0].text());
  page.complete = !query.after || (oldest && *oldest <= *query.after);
  return page;
}

}  // namespace chat

#endif
