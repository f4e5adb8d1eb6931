// Who is in a room, over all nodes.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_PRESENCE_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_PRESENCE_HPP

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/store.hpp"

namespace chat {

/// Every node says who is there, again and again; one that is silent for too long is no longer counted.
class redis_presence {
 public:
  using names = std::vector<std::string>;

  const names& here() const noexcept { return here_; }
  void set_here(names chosen) { here_ = std::move(chosen); }

  /// What another node said. One with nobody there is forgotten.
  void hear(const std::string& node, names theirs, clock::time_point now) {
    if (theirs.empty()) nodes_.erase(node);
    else if (nodes_.size() < most_nodes || nodes_.contains(node)) nodes_[node] = {std::move(theirs), now};
  }

  /// Drops the nodes that were not heard since.
  void forget_unheard(clock::time_point since) {
    std::erase_if(nodes_, [since](const auto& each) { return each.second.heard < since; });
  }

  /// Gives: whether the list is another one than at the last call.
  [[nodiscard]] bool update() {
    std::set<std::string> sorted(here_.begin(), here_.end());
    for (const auto& [name, node] : nodes_) sorted.insert(node.there.begin(), node.there.end());
    names all(sorted.begin(), sorted.end());
    if (all == all_) return false;
    all_ = std::move(all);
    return true;
  }
  const names& all() const noexcept { return all_; }

 private:
  static constexpr std::size_t most_nodes = 1000;

  struct node_state {
    names there;
    clock::time_point heard;
  };

  names here_;
  std::map<std::string, node_state> nodes_;  // the others
  names all_;                                // as of the last update
};

}  // namespace chat

#endif
