// One WebSocket connection, seen as someone who takes part.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_MEMBER_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_MEMBER_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "message.hpp"
#include "sansocket/connection/connection.hpp"
#include "server/live_log.hpp"

namespace chat {

class room;

/// How far a member is in its room.
enum class standing : std::uint8_t {
  outside,      ///< in none
  arriving,     ///< the history it asked for is on its way
  expected,     ///< it is here, and the member is to be told that it has joined
  catching_up,  ///< it is sent history, page by page
  live,         ///< it is sent what is in the room's log, from its cursor on
};

struct member {
  /// More than this waits to be sent: nothing more of the room is added, and nothing more is read.
  static constexpr std::size_t enough = 64 * 1024;

  member(std::uint64_t number, std::string name, const sansocket::agreement& agreed,
         const sansocket::connection_options& options)
      : id(number), user(std::move(name)), ws(agreed, options) {}

  /// The connection takes more.
  bool has_room() const noexcept { return ws.is_open() && ws.buffered() < enough; }

  /// Queues an envelope that must not be left out; they are small, and bounded by what the member asked for.
  void tell(std::string_view envelope) {
    (void)ws.send_text(envelope);  // it is closing otherwise, or there is no memory: then it is cut off soon
  }

  std::uint64_t id;
  std::string user;
  sansocket::server_connection ws;
  bool touched = false;  // there may be something to be sent

  // In a room
  room* in = nullptr;
  std::size_t seat = 0;  // the place among the room's members
  standing now = standing::outside;
  std::string sender;
  std::string author;                    // see author_of
  std::uint64_t join_id = 0;             // of the envelope that brought it here
  std::uint64_t visit = 0;               // tells this stay in a room from all others
  std::size_t unaccepted = 0;            // messages that it said and that are not stored yet
  std::optional<std::uint64_t> refused;  // the lowest number that it was told to say again
  std::uint64_t presence_seen = 0;
  std::uint64_t notice_seen = 0;

  // Catching up
  bool asked = false;    // for a page
  bool complete = true;  // nothing was missing in front of the first page
  bool more = false;     // there is a page behind this one
  std::uint64_t last_seq = 0;
  std::deque<message> page;   // what is left of it
  std::optional<place> last;  // that was sent of the history

  live_log::cursor cursor = 0;
};

}  // namespace chat

#endif
