// What a client of the chat reads from a terminal or a pipe, and how it shows what others have said.
#ifndef SANSOCKET_EXAMPLES_CHAT_CLIENT_TERMINAL_HPP
#define SANSOCKET_EXAMPLES_CHAT_CLIENT_TERMINAL_HPP

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

/// Text of others, safe to be shown: what would steer a terminal becomes "?", and a line end starts a line
/// that is set in, so that nobody can speak for someone else.
inline std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, in UTF-8 0xC2 and the same byte, are control characters as well.
    const bool long_control = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte == '\n') shown += "\n    ";
    else if (byte < 0x20 || byte == 0x7F || long_control) shown += '?';
    else shown += text[i];
    if (long_control) ++i;
  }
  return shown;
}

/// Lines of a descriptor, as they come.
class line_reader {
 public:
  explicit line_reader(int descriptor) : descriptor_(descriptor) {}

  /// There is more to come, and nothing of it is here: wait until the descriptor can be read.
  bool wants_more() const noexcept { return !ended_ && buffer_.find('\n', start_) == std::string::npos; }

  /// All lines were given.
  bool is_over() const noexcept { return ended_ && start_ == buffer_.size(); }

  /// Reads once; blocks unless the descriptor can be read.
  void read() {
    buffer_.erase(0, start_);
    start_ = 0;
    std::array<char, 16 * 1024> chunk;
    const ssize_t count = ::read(descriptor_, chunk.data(), chunk.size());
    if (count > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR) ended_ = true;
  }

  /// The next line without its end; the last one needs none.
  /// Life: until the next call of read.
  std::optional<std::string_view> next() {
    const std::string_view left = std::string_view(buffer_).substr(start_);
    const std::size_t end = left.find('\n');
    if (end == std::string_view::npos && (!ended_ || left.empty())) return std::nullopt;
    const std::string_view line = left.substr(0, end);
    start_ += end == std::string_view::npos ? left.size() : end + 1;
    return line;
  }

 private:
  int descriptor_;
  std::string buffer_;
  std::size_t start_ = 0;
  bool ended_ = false;
};

}  // namespace chat

#endif
