// What the server says: the envelopes that it writes.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_REPLIES_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_REPLIES_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envelope.hpp"

namespace chat {

namespace detail {

/// A string that is no UTF-8 would make nlohmann throw; what is wrong in it is shown as U+FFFD.
inline std::string write(const json& envelope) { return envelope.dump(-1, ' ', false, json::error_handler_t::replace); }

inline json or_null(const std::optional<place>& at) { return at ? json(at->text()) : json(); }

inline json first_members(const std::vector<std::string>& names) {
  json list = json::array();
  for (const std::string& name : names) {
    if (list.size() == most_members) break;
    list.push_back(name);
  }
  return list;
}

inline std::string_view state_name(bool together) noexcept { return together ? "together" : "alone"; }

}  // namespace detail

/// What is said to one that has come into a room.
struct welcome {
  std::uint64_t id = 0;
  std::string_view room, user, node;
  const std::vector<std::string>& members;
  bool complete = true;
  std::uint64_t last_seq = 0;
  bool together = true;
};

inline std::string write_joined(const welcome& to) {
  return detail::write({{"type", "joined"},
                        {"id", to.id},
                        {"payload",
                         {{"room", to.room},
                          {"user", to.user},
                          {"node", to.node},
                          {"members", detail::first_members(to.members)},
                          {"complete", to.complete},
                          {"last_seq", to.last_seq},
                          {"state", detail::state_name(to.together)}}}});
}

inline std::string write_message(const message& said) {
  return detail::write({{"type", "message"},
                        {"id", nullptr},
                        {"payload",
                         {{"at", detail::or_null(said.at)},
                          {"room", said.room},
                          {"from", said.from},
                          {"sender", said.sender},
                          {"seq", said.seq},
                          {"text", said.text},
                          {"time", said.time}}}});
}

inline std::string write_accepted(const message& said) {
  return detail::write({{"type", "accepted"}, {"id", said.seq}, {"payload", {{"at", detail::or_null(said.at)}}}});
}

inline std::string write_presence(const std::vector<std::string>& members) {
  return detail::write(
      {{"type", "presence"}, {"id", nullptr}, {"payload", {{"members", detail::first_members(members)}}}});
}

inline std::string write_notice(bool together) {
  const std::string_view words =
      together ? "this node reaches the others" : "this node is cut off: what is said here reaches the others later";
  return detail::write(
      {{"type", "notice"}, {"id", nullptr}, {"payload", {{"state", detail::state_name(together)}, {"detail", words}}}});
}

inline std::string write_pong(std::uint64_t id) {
  return detail::write({{"type", "pong"}, {"id", id}, {"payload", json::object()}});
}

inline std::string write_error(const fault& wrong) {
  return detail::write({{"type", "error"},
                        {"id", wrong.id ? json(*wrong.id) : json()},
                        {"payload", {{"code", wrong.code}, {"detail", wrong.detail}}}});
}

}  // namespace chat

#endif
