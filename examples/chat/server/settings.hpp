// What the command line says.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_SETTINGS_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_SETTINGS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "posix_socket.hpp"
#include "sansocket/session/connection_limiter.hpp"
#include "sansocket/session/rate_limiter.hpp"
#include "sansocket/session/watchdog.hpp"

namespace chat {

struct settings {
  std::uint16_t port = 0;
  std::string secret_file;
  std::string make_token;
  std::vector<std::string> origins;  // none: the server's own
  std::string redis;
  std::string node;  // its own process's number if it is empty
  std::chrono::milliseconds presence_every{5000};
  std::chrono::milliseconds presence_gone{15'000};
  std::string journal;
  std::uint64_t max_message = 64 * 1024;
  std::size_t live_messages = 1000;
  sansocket::rate_limits rates{.messages_per_second = 50, .message_burst = 200};
  sansocket::connection_limits connections;
  sansocket::watchdog_limits deadlines;
  bool quiet = false;
};

inline constexpr std::string_view usage =
    "usage: chat_server [options]\n"
    "       chat_server --secret-file FILE --make-token NAME\n"
    "It listens on 127.0.0.1. The page is http://127.0.0.1:PORT/, the WebSocket ws://127.0.0.1:PORT/chat.\n"
    "    [--port N]                   without it, one that is free; it is printed\n"
    "    [--secret-file FILE]         32 bytes or more that sign tokens; without it, they are good until this ends\n"
    "    [--make-token NAME]          prints a token for chat_client, good for a day, and ends\n"
    "    [--origin URL]...            pages that may connect; without it, those of this server\n"
    "    [--redis HOST:PORT] [--node NAME]   several servers are one chat; each has a name of its own\n"
    "    [--presence-every MS] [--presence-gone MS]   how often the servers say who is there, and how long\n"
    "                                 one may be silent before those who are there count as gone\n"
    "    [--journal FILE]             keeps what was said when the server ends, however it ends\n"
    "    [--max-message BYTES]        of a WebSocket message\n"
    "    [--live-messages N]          how far behind a client may be before it has to come back\n"
    "    [--messages-per-second N] [--message-burst N] [--bytes-per-second N] [--byte-burst N]\n"
    "    [--patience MS]              how far ahead of its rate a client may be before it is cut off\n"
    "    [--max-connections N] [--connections-per-key N]   a key is an address, and a user\n"
    "    [--max-attempts N] [--attempts-per-key N] [--attempts-window MS]\n"
    "    [--ping-after MS] [--pong-within MS] [--stalled-after MS] [--open-within MS] [--close-within MS]\n"
    "    [--quiet]                    no log\n"
    "MS is a time in milliseconds.\n";

namespace detail {

inline bool set_text(settings& chosen, std::string_view name, std::string_view value) {
  if (name == "--secret-file") chosen.secret_file = value;
  else if (name == "--make-token") chosen.make_token = value;
  else if (name == "--origin") chosen.origins.emplace_back(value);
  else if (name == "--redis") chosen.redis = value;
  else if (name == "--node") chosen.node = value;
  else if (name == "--journal") chosen.journal = value;
  else return false;
  return true;
}

inline bool set_number(settings& chosen, std::string_view name, std::uint64_t value) {
  if (name == "--port" && value <= 65'535) chosen.port = static_cast<std::uint16_t>(value);
  else if (name == "--max-message") chosen.max_message = value;
  else if (name == "--live-messages") chosen.live_messages = value;
  else if (name == "--messages-per-second") chosen.rates.messages_per_second = value;
  else if (name == "--message-burst") chosen.rates.message_burst = value;
  else if (name == "--bytes-per-second") chosen.rates.bytes_per_second = value;
  else if (name == "--byte-burst") chosen.rates.byte_burst = value;
  else if (name == "--max-connections") chosen.connections.in_all = value;
  else if (name == "--connections-per-key") chosen.connections.per_key = value;
  else if (name == "--max-attempts") chosen.connections.attempts_in_all = value;
  else if (name == "--attempts-per-key") chosen.connections.attempts_per_key = value;
  else return false;
  return true;
}

inline bool set_time(settings& chosen, std::string_view name, std::chrono::milliseconds value) {
  if (name == "--patience") chosen.rates.patience = value;
  else if (name == "--attempts-window") chosen.connections.window = value;
  else if (name == "--presence-every" && value.count() > 0) chosen.presence_every = value;
  else if (name == "--presence-gone") chosen.presence_gone = value;
  else if (name == "--ping-after") chosen.deadlines.ping_after = value;
  else if (name == "--pong-within") chosen.deadlines.pong_within = value;
  else if (name == "--stalled-after") chosen.deadlines.stalled = value;
  else if (name == "--open-within") chosen.deadlines.opening = value;
  else if (name == "--close-within") chosen.deadlines.closing = value;
  else return false;
  return true;
}

}  // namespace detail

/// Gives: nothing if the command line makes no sense.
inline std::optional<settings> parse_settings(std::span<char*> arguments) {
  constexpr std::uint64_t plenty = std::uint64_t{1} << 40U;  // in milliseconds, 34 years
  settings chosen;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--quiet") {
      chosen.quiet = true;
      continue;
    }
    if (++i == arguments.size()) return std::nullopt;
    const std::string_view value = arguments[i];
    if (detail::set_text(chosen, name, value)) continue;
    const auto number = examples::parse_number(value, plenty);
    if (!number) return std::nullopt;
    const std::chrono::milliseconds time{static_cast<std::int64_t>(*number)};
    if (!detail::set_number(chosen, name, *number) && !detail::set_time(chosen, name, time)) return std::nullopt;
  }
  return chosen;
}

}  // namespace chat

#endif
