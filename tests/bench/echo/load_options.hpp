// What the load generator is told on its command line.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_LOAD_OPTIONS_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_LOAD_OPTIONS_HPP

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

struct load_options {
  enum class mode : std::uint8_t { echo, handshake, memory };
  enum class content : std::uint8_t { binary, json, scripts };

  mode what = mode::echo;
  content payload = content::binary;
  std::uint64_t port = 0;
  std::uint64_t pid = 0;  // the server's
  std::uint64_t connections = 10;
  std::uint64_t size = 20;      // of a message
  std::uint64_t depth = 1;      // messages sent at once, before their answers are awaited
  std::uint64_t fragments = 1;  // frames a message
  std::uint64_t milliseconds = 1000;
  std::uint64_t warmup = 200;                                          // milliseconds
  std::uint64_t messages = std::numeric_limits<std::uint64_t>::max();  // or handshakes; what ends first counts
  std::uint64_t check = 1;     // answers of each connection that are compared byte for byte
  std::uint64_t at_once = 32;  // handshakes, and messages of mode memory, under way at the same time
  bool deflate = false;
  bool no_context_takeover = false;
  bool abort = false;  // end handshakes with a reset, not with Close frames
};

inline constexpr std::string_view load_usage =
    "usage: load_client --port N --pid N [--mode echo|handshake|memory] [--connections N] [--size BYTES]\n"
    "  [--payload binary|json|scripts] [--fragments N] [--depth N] [--milliseconds N] [--warmup MILLISECONDS]\n"
    "  [--messages N] [--check N] [--at-once N] [--deflate [--no-context-takeover]] [--abort]\n"
    "Prints one line of JSON.\n";

namespace detail {

inline std::uint64_t* number_named(load_options& chosen, std::string_view name) {
  if (name == "--port") return &chosen.port;
  if (name == "--pid") return &chosen.pid;
  if (name == "--connections") return &chosen.connections;
  if (name == "--size") return &chosen.size;
  if (name == "--depth") return &chosen.depth;
  if (name == "--fragments") return &chosen.fragments;
  if (name == "--milliseconds") return &chosen.milliseconds;
  if (name == "--warmup") return &chosen.warmup;
  if (name == "--messages") return &chosen.messages;
  if (name == "--check") return &chosen.check;
  if (name == "--at-once") return &chosen.at_once;
  return nullptr;
}

inline bool set_word(load_options& chosen, std::string_view name, std::string_view value) {
  using mode = load_options::mode;
  using content = load_options::content;
  if (name == "--mode") {
    if (value == "echo") chosen.what = mode::echo;
    else if (value == "handshake") chosen.what = mode::handshake;
    else if (value == "memory") chosen.what = mode::memory;
    else return false;
    return true;
  }
  if (name != "--payload") return false;
  if (value == "binary") chosen.payload = content::binary;
  else if (value == "json") chosen.payload = content::json;
  else if (value == "scripts") chosen.payload = content::scripts;
  else return false;
  return true;
}

}  // namespace detail

inline std::optional<load_options> parse_load_options(std::span<char*> arguments) {
  load_options chosen;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--deflate") chosen.deflate = true;
    else if (name == "--no-context-takeover") chosen.no_context_takeover = true;
    else if (name == "--abort") chosen.abort = true;
    else {
      if (++i == arguments.size()) return std::nullopt;
      const std::string_view value = arguments[i];
      std::uint64_t* const number = detail::number_named(chosen, name);
      if (number == nullptr) {
        if (!detail::set_word(chosen, name, value)) return std::nullopt;
        continue;
      }
      const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), *number);
      if (fault != std::errc() || end != value.data() + value.size()) return std::nullopt;
    }
  }
  const bool possible = chosen.port != 0 && chosen.port <= 65'535 && chosen.pid != 0 && chosen.connections != 0 &&
                        chosen.depth != 0 && chosen.fragments != 0 && chosen.at_once != 0;
  return possible ? std::optional(chosen) : std::nullopt;
}

#endif
