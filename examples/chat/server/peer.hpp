// One accepted socket, from its first byte to its last.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_PEER_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_PEER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "posix_socket.hpp"
#include "sansocket/http/head.hpp"
#include "sansocket/http/head_reader.hpp"
#include "sansocket/session/connection_limiter.hpp"
#include "sansocket/session/rate_limiter.hpp"
#include "sansocket/session/watchdog.hpp"
#include "server/member.hpp"
#include "server/settings.hpp"
#include "server/store.hpp"

namespace chat {

struct peer {
  enum class phase : std::uint8_t {
    asking,     // the head of the request is coming
    signing,    // the form of a sign-in is
    answering,  // an HTTP answer is on its way, then the end
    open,       // a WebSocket, the 101 that opens it included
    parting,    // all is sent; what the peer still sends is read and dropped
    gone,
  };

  peer(std::uint64_t number, examples::unique_fd accepted, sansocket::const_bytes from, const settings& chosen,
       clock::time_point time)
      : id(number),
        socket(std::move(accepted)),
        address(from),
        watchdog(chosen.deadlines, time),
        limiter(chosen.rates) {}

  /// It was too fast, and is not read for a time. Once this end has said goodbye, it is: for its answer.
  bool pauses(clock::time_point time) const { return now == phase::open && who->ws.is_open() && time < resting_until; }

  /// There is no use in what it sends now: it is too fast, or does not read what it was sent.
  bool rests(clock::time_point time) const {
    return pauses(time) || (now == phase::open && who->ws.buffered() >= member::enough);
  }

  bool reads(clock::time_point time) const {
    return now != phase::answering && now != phase::gone && !eof && !rests(time);
  }

  /// The bytes to be sent: those of HTTP, and behind them the frames.
  std::array<sansocket::const_bytes, 4> output() const {
    std::array<sansocket::const_bytes, 4> runs{};
    if (now != phase::answering && now != phase::open) return runs;
    runs[0] = answer.view().subspan(answered);
    if (who) std::ranges::copy(who->ws.output_runs(), runs.begin() + 1);
    return runs;
  }

  bool has_output() const {
    if (now != phase::answering && now != phase::open) return false;
    return answered < answer.size() || (who && who->ws.buffered() != 0);
  }

  std::uint64_t id;
  examples::unique_fd socket;
  sansocket::address_key address;
  phase now = phase::asking;
  sansocket::watchdog watchdog;
  sansocket::rate_limiter limiter;
  clock::time_point resting_until{};
  std::uint32_t watched = 0;  // the epoll events that are asked for
  bool eof = false;           // the peer has ended its side

  // HTTP
  sansocket::head_reader<> head{sansocket::head_kind::request};
  std::string form;  // of a sign-in, as far as it has come
  std::size_t form_size = 0;
  sansocket::heap_buffer answer;  // a page, a refusal, or the 101
  std::size_t answered = 0;       // bytes of it that were sent

  std::optional<member> who;  // a WebSocket
};

}  // namespace chat

#endif
