// A room, as far as this node knows it: who is in it, and what is said.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_ROOM_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_ROOM_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/live_log.hpp"
#include "server/member.hpp"
#include "server/replies.hpp"

namespace chat {

class room {
 public:
  room(std::string name, std::size_t live_messages) : name_(std::move(name)), log_(live_messages) {}

  const std::string& name() const noexcept { return name_; }

  void enter(member& who) {
    who.in = this;
    who.seat = members_.size();
    members_.push_back(&who);
    if (++users_[who.user] == 1) users_changed_ = true;
  }

  void leave(member& who) {
    who.in = nullptr;
    members_.back()->seat = who.seat;
    std::swap(members_[who.seat], members_.back());
    members_.pop_back();
    const auto user = users_.find(who.user);
    if (--user->second != 0) return;
    users_.erase(user);
    users_changed_ = true;
  }

  bool empty() const noexcept { return members_.empty(); }
  const std::vector<member*>& members() const noexcept { return members_; }

  /// The users have changed since the store was told; with take_users_changed(), it is.
  bool users_changed() const noexcept { return users_changed_; }
  bool take_users_changed() noexcept { return std::exchange(users_changed_, false); }

  /// The users in the room on this node, sorted.
  std::vector<std::string> users() const {
    std::vector<std::string> names;
    names.reserve(users_.size());
    for (const auto& [name, count] : users_) names.push_back(name);
    return names;
  }

  /// Sets who is in the room over all nodes.
  void set_names(std::vector<std::string> names) {
    names_ = std::move(names);
    if (auto frame = sansocket::prepared_message::text(write_presence(names_))) presence_ = std::move(*frame);
    ++presence_version_;
  }
  const std::vector<std::string>& names() const noexcept { return names_; }
  const sansocket::prepared_message& presence() const noexcept { return presence_; }
  std::uint64_t presence_version() const noexcept { return presence_version_; }

  live_log& log() noexcept { return log_; }

  /// Something in it is to be sent, or its users to be told. Gives: what was marked before.
  bool mark_changed(bool changed) noexcept { return std::exchange(changed_, changed); }

 private:
  std::string name_;
  live_log log_;
  bool changed_ = false;
  std::vector<member*> members_;
  std::map<std::string, std::size_t> users_;  // and how many connections each has
  bool users_changed_ = false;
  std::vector<std::string> names_;
  sansocket::prepared_message presence_;
  std::uint64_t presence_version_ = 0;
};

}  // namespace chat

#endif
