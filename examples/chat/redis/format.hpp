// How the chat lies in Redis: its keys, what is in them, and the script that writes them.
//
//     chat:log:ROOM          a stream: the room's log, an entry for each message
//     chat:seq:N:ROOM:AUTHOR the number of the author's last message there (N: the bytes of ROOM), for a day
//     chat:live:ROOM         a channel: "PLACE MESSAGE" for each message, {"node":...} for who is there
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_FORMAT_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_FORMAT_HPP

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "message.hpp"
#include "redis/reply.hpp"

namespace chat {

/// Stores one message and tells the nodes, or finds that it is stored already: all of it or nothing, since
/// nothing else runs in Redis meanwhile. That is what makes it safe to append a message again, from any
/// node, when it is not known whether it was stored.
///
/// KEYS: the room's log, the author's last number
/// ARGV: the message's number; the number of the one that this node sent before it and that is not answered
///       yet, or 0; the message; the channel; the newest place that this node knows, or nothing
/// Gives: {1, place} if it is stored now, {0} if it was already.
inline constexpr std::string_view redis_append_script = R"lua(
local seq = tonumber(ARGV[1])
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if seq <= last then return {0} end
-- If that one could not be stored, this one must wait for it: its own number would make it seem stored.
if last < tonumber(ARGV[2]) then return redis.error_reply('ERR the message before it is not stored') end
local place = redis.call('XADD', KEYS[1], 'MAXLEN', '~', '10000', '*', 'm', ARGV[3])
if ARGV[5] ~= '' then
  -- A Redis that has lost its last entries, and whose clock is behind: what is not behind all that was
  -- told would be taken for old.
  local ms, n = string.match(place, '^(%d+)-(%d+)$')
  local known_ms, known_n = string.match(ARGV[5], '^(%d+)-(%d+)$')
  local behind = tonumber(ms) - tonumber(known_ms)
  if behind < 0 or (behind == 0 and tonumber(n) <= tonumber(known_n)) then
    redis.call('XDEL', KEYS[1], place)
    place = known_ms .. '-' .. string.format('%.0f', tonumber(known_n) + 1)
    redis.call('XADD', KEYS[1], place, 'm', ARGV[3])
  end
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', 86400)
redis.call('PUBLISH', ARGV[4], place .. ' ' .. ARGV[3])
return {1, place}
)lua";

inline constexpr std::string_view redis_channel_prefix = "chat:live:";

inline std::string redis_log_key(std::string_view room) { return std::string("chat:log:").append(room); }
inline std::string redis_channel(std::string_view room) { return std::string(redis_channel_prefix).append(room); }

/// The length keeps two rooms with a colon in their names apart.
inline std::string redis_number_key(std::string_view room, std::string_view author) {
  return "chat:seq:" + std::to_string(room.size()).append(1, ':').append(room).append(1, ':').append(author);
}

namespace detail {

/// A string that is no UTF-8 would make nlohmann throw; what is wrong in it is replaced.
inline std::string write_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

inline bool has_string(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string();
}

inline bool has_whole(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned();
}

}  // namespace detail

/// A message as an entry of the log holds it.
inline std::string write_redis_message(const message& said) {
  return detail::write_json(
      {{"from", said.from}, {"sender", said.sender}, {"seq", said.seq}, {"text", said.text}, {"time", said.time}});
}

/// Gives: nothing if the text is not what write_redis_message() writes.
inline std::optional<message> parse_redis_message(std::string_view text, std::string_view room, place at) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object() || !detail::has_whole(parsed, "seq") || !detail::has_whole(parsed, "time")) {
    return std::nullopt;
  }
  for (const char* const name : {"from", "sender", "text"}) {
    if (!detail::has_string(parsed, name)) return std::nullopt;
  }
  return message{.at = at,
                 .room = std::string(room),
                 .from = parsed["from"],
                 .sender = parsed["sender"],
                 .seq = parsed["seq"],
                 .text = parsed["text"],
                 .time = parsed["time"]};
}

/// An entry of a log: where it stands, and the message if it is one. What is not would be of no use to
/// anyone, but the place behind it is.
struct redis_entry {
  place at;
  std::optional<message> said{};
};

/// Takes: an element of what XRANGE answers.
inline std::optional<redis_entry> parse_redis_entry(redis_value entry, std::string_view room) {
  const auto at = parse_place(entry[0].text());
  if (!at) return std::nullopt;
  return redis_entry{.at = *at, .said = parse_redis_message(entry[1][1].text(), room, *at)};
}

/// Takes: what comes on the channel for a message.
inline std::optional<redis_entry> parse_redis_news(std::string_view text, std::string_view room) {
  const std::size_t space = text.find(' ');
  const auto at = parse_place(text.substr(0, space));
  if (space == std::string_view::npos || !at) return std::nullopt;
  return redis_entry{.at = *at, .said = parse_redis_message(text.substr(space + 1), room, *at)};
}

/// What a node says about who is in a room there.
struct redis_presence_news {
  std::string node;
  std::vector<std::string> names;
  bool ask = false;  ///< it wants to know the same of the others
};

inline std::string write_redis_presence(const redis_presence_news& news) {
  return detail::write_json({{"node", news.node}, {"names", news.names}, {"ask", news.ask}});
}

inline std::optional<redis_presence_news> parse_redis_presence(std::string_view text) {
  constexpr std::size_t most_names = 10'000;
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object() || !detail::has_string(parsed, "node")) return std::nullopt;
  const auto names = parsed.find("names");
  if (names == parsed.end() || !names->is_array() || names->size() > most_names) return std::nullopt;
  redis_presence_news news{.node = parsed["node"], .names = {}};
  for (const auto& name : *names) {
    if (!name.is_string()) return std::nullopt;
    news.names.push_back(name);
  }
  const auto ask = parsed.find("ask");
  news.ask = ask != parsed.end() && ask->is_boolean() && ask->get<bool>();
  return news;
}

}  // namespace chat

#endif
