// The server: one thread, one epoll; sockets on one side, the lobby and the store on the other.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_HPP

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/gate.hpp"
#include "server/lobby.hpp"
#include "server/log_line.hpp"
#include "server/pages.hpp"
#include "server/peer.hpp"
#include "server/settings.hpp"
#include "server/store.hpp"
#include "server/timer_queue.hpp"
#include "server/token.hpp"

namespace chat {

class server {
 public:
  server(const settings& chosen, const token_signer& signer, const sansocket::limiter_seed& seed, store& kept,
         const log_lines& log)
      : settings_(chosen),
        signer_(signer),
        store_(kept),
        log_(log),
        gate_(chosen, signer, seed),
        lobby_(kept, chosen.node, chosen.live_messages, log) {
    options_.limits.message = chosen.max_message;
    // Polling and pushing stop at member::enough; what is left is small, and must not be left out.
    options_.high_water = sansocket::unlimited;
  }

  /// Serves until the signal descriptor can be read, then closes every connection with 1001.
  /// Gives: the exit status.
  int run(examples::unique_fd listener, examples::unique_fd signal);

 private:
  using phase = peer::phase;

  // What epoll reports, besides peers
  static constexpr std::uint64_t listener_id = 0;
  static constexpr std::uint64_t signal_id = 1;
  static constexpr std::uint64_t store_id = 2;
  static constexpr std::uint64_t first_peer_id = 3;

  /// So many more than WebSockets are accepted: pages, and those who are told that there is no room.
  static constexpr std::size_t spare_sockets = 256;
  static constexpr int accepted_in_turn = 64;
  static constexpr auto longest_stop = std::chrono::seconds(2);
  /// How often one that takes all that it is sent is filled up again before the others have their turn.
  static constexpr int rounds_in_turn = 4;

  void turn(std::span<const epoll_event> ready);
  int milliseconds_left() const;
  void watch(int operation, int fd, std::uint64_t id, std::uint32_t events) const;
  bool may_accept() const { return !stopping_ && peers_.size() < settings_.connections.in_all + spare_sockets; }
  void accept_peers();
  void pause_accepting();
  void stop();
  void tick(peer& who);
  void deliver();
  void drop(peer& who);

  void serve(peer& who, bool readable);
  void finish(peer& who);
  void receive(peer& who);
  void send(peer& who);
  void count_sent(peer& who, std::size_t count) const;
  void part(peer& who) const;

  void read_head(peer& who, sansocket::bytes chunk);
  void read_form(peer& who, sansocket::const_bytes chunk);
  void answer(peer& who, const http_answer& with) const;
  void upgrade(peer& who, const sansocket::request_head& request, sansocket::bytes behind_head);

  void handle_events(peer& who);
  void handle(peer& who, const sansocket::event& next);
  void close(peer& who, sansocket::close_code code, std::string_view reason);

  const settings& settings_;
  const token_signer& signer_;
  store& store_;
  const log_lines& log_;
  gate gate_;
  lobby lobby_;
  sansocket::connection_options options_;
  examples::unique_fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  examples::unique_fd listener_;
  examples::unique_fd signal_;
  std::unordered_map<std::uint64_t, std::unique_ptr<peer>> peers_;
  std::uint64_t next_id_ = first_peer_id;
  timer_queue timers_;
  clock::time_point now_ = clock::now();
  clock::time_point accept_again_ = clock::time_point::max();
  clock::time_point stop_at_ = clock::time_point::max();
  bool stopping_ = false;
  std::array<std::byte, 64 * 1024> input_;  // what any peer has sent, until it is handled
};

}  // namespace chat

#include "server/server_http.hpp"
#include "server/server_loop.hpp"
#include "server/server_socket.hpp"

#endif
