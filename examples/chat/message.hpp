// What is said in a room, and where it stands in the room's log.
#ifndef SANSOCKET_EXAMPLES_CHAT_MESSAGE_HPP
#define SANSOCKET_EXAMPLES_CHAT_MESSAGE_HPP

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace chat {

/// A place in a room's log: "ms-n", as Redis counts the entries of a stream. Later ones are larger.
struct place {
  std::uint64_t ms = 0;
  std::uint64_t n = 0;

  friend constexpr auto operator<=>(const place&, const place&) = default;

  std::string text() const { return std::to_string(ms) + '-' + std::to_string(n); }
};

/// Parses "ms-n"; nothing if the text is anything else.
inline std::optional<place> parse_place(std::string_view text) noexcept {
  place parsed;
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits, std::uint64_t& into) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return fault == std::errc() && end == digits.data() + digits.size();
  };
  if (!number(text.substr(0, dash), parsed.ms) || !number(text.substr(dash + 1), parsed.n)) return std::nullopt;
  return parsed;
}

/// One message of a room.
struct message {
  /// Where it stands; nothing while it is provisional: shown, but stored nowhere yet.
  std::optional<place> at{};
  std::string room;
  std::string from;       ///< the user, as the token names them
  std::string sender;     ///< the instance of a client that said it
  std::uint64_t seq = 0;  ///< counts what that instance has said, from 1
  std::string text;
  std::int64_t time = 0;  ///< milliseconds since 1970, by the clock of the node that took it

  friend bool operator==(const message&, const message&) = default;
};

/// What makes a repeated message known as one: its number within the instance of the user's client. The
/// user is part of it, because everyone in the room sees the others' `sender` and could write it.
/// A user's name holds no line end.
inline std::string author_of(std::string_view from, std::string_view sender) {
  return std::string(from).append(1, '\n').append(sender);
}

}  // namespace chat

#endif
