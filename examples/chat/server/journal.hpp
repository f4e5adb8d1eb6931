// A file that messages are written to before they count as stored: one JSON object a line.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_JOURNAL_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_JOURNAL_HPP

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "message.hpp"
#include "posix_socket.hpp"

namespace chat {

/// What was written survives the end of the process, however it ends. It is not forced to the disk, so the
/// last of it may not survive the end of the machine.
class journal {
 public:
  /// Opens or makes the file, and calls `read(message)` for each message in it, oldest first, which says
  /// whether it may stand there. A last line that was cut off is taken away: it was never said to be stored.
  /// Gives: nothing, or in words why the file cannot be used.
  template <class Read>
  std::optional<std::string> open(const std::string& path, Read&& read);

  /// Writes one message with a single write.
  /// Gives: false if that failed; the file is as it was then.
  [[nodiscard]] bool append(const message& said) {
    const nlohmann::json line{{"at", said.at ? said.at->text() : std::string()},
                              {"room", said.room},
                              {"from", said.from},
                              {"sender", said.sender},
                              {"seq", said.seq},
                              {"text", said.text},
                              {"time", said.time}};
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    const ssize_t written = ::write(file_.value(), text.data(), text.size());
    if (written == static_cast<ssize_t>(text.size())) {
      size_ += text.size();
      return true;
    }
    // A part of a line in the middle of the file would make it unreadable. If this fails too, so will
    // all that follows, and nothing more is accepted.
    if (written > 0 && ::ftruncate(file_.value(), static_cast<off_t>(size_)) != 0) file_ = examples::unique_fd();
    return false;
  }

 private:
  static std::optional<message> parse(std::string_view line);
  std::optional<std::string> read_all(std::string& content) const;

  examples::unique_fd file_;
  std::size_t size_ = 0;
};

template <class Read>
std::optional<std::string> journal::open(const std::string& path, Read&& read) {
  file_ = examples::unique_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file_) return path + ": " + std::generic_category().message(errno);
  struct stat facts{};
  if (::fstat(file_.value(), &facts) != 0 || !S_ISREG(facts.st_mode)) return path + ": is no regular file";
  if (::flock(file_.value(), LOCK_EX | LOCK_NB) != 0) return path + ": another server uses it";
  std::string content;
  if (auto fault = read_all(content)) return path + ": " + *fault;

  const std::size_t last_end = content.rfind('\n');
  size_ = last_end == std::string::npos ? 0 : last_end + 1;
  std::string_view lines = std::string_view(content).substr(0, size_);
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    const auto said = parse(line);
    if (!said) return path + ": line " + std::to_string(number) + " is not a message";
    if (!read(*said)) return path + ": line " + std::to_string(number) + " is not behind those before it";
    lines.remove_prefix(line.size() + 1);
  }
  if (size_ != content.size() && ::ftruncate(file_.value(), static_cast<off_t>(size_)) != 0) {
    return path + ": " + std::generic_category().message(errno);
  }
  return std::nullopt;
}

inline std::optional<std::string> journal::read_all(std::string& content) const {
  std::array<char, 64 * 1024> block;
  for (;;) {
    const ssize_t count = ::read(file_.value(), block.data(), block.size());
    if (count == 0) return std::nullopt;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::generic_category().message(errno);
    content.append(block.data(), static_cast<std::size_t>(count));
  }
}

inline std::optional<message> journal::parse(std::string_view line) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  for (const char* const name : {"at", "room", "from", "sender", "text"}) {
    if (!parsed.contains(name) || !parsed[name].is_string()) return std::nullopt;
  }
  if (!parsed.contains("seq") || !parsed["seq"].is_number_unsigned()) return std::nullopt;
  if (!parsed.contains("time") || !parsed["time"].is_number_integer()) return std::nullopt;
  const auto at = parse_place(parsed["at"].get_ref<const std::string&>());
  if (!at) return std::nullopt;
  return message{.at = at,
                 .room = parsed["room"],
                 .from = parsed["from"],
                 .sender = parsed["sender"],
                 .seq = parsed["seq"],
                 .text = parsed["text"],
                 .time = parsed["time"]};
}

}  // namespace chat

#endif
