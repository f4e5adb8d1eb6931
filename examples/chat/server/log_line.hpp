// What the server does, for those who run it: one JSON object a line on stderr.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_LOG_LINE_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_LOG_LINE_HPP

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace chat {

/// Milliseconds since 1970.
inline std::int64_t wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

class log_lines {
 public:
  explicit log_lines(bool quiet = false) : quiet_(quiet) {}

  /// Whoever reads the log must not hold up the chat: while they do not, lines are left out, and the next one
  /// says how many.
  /// Takes: an object with what is to be known besides.
  void write(std::string_view event, const nlohmann::ordered_json& details = nlohmann::ordered_json::object()) const {
    if (quiet_) return;
    // A pipe that is ready takes 4096 bytes at once, and no line is as long.
    pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (::poll(&out, 1, 0) == 0) {
      ++left_out_;
      return;
    }
    nlohmann::ordered_json line{{"time", wall_clock()}, {"event", event}};
    line.update(details);
    if (left_out_ != 0) line["left_out"] = std::exchange(left_out_, 0);
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    std::fwrite(text.data(), 1, text.size(), stderr);  // unbuffered: a whole line in one write
  }

 private:
  bool quiet_;
  mutable std::size_t left_out_ = 0;
};

}  // namespace chat

#endif
