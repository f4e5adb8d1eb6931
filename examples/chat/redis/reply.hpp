// What Redis answers, looked at without trust.
#ifndef SANSOCKET_EXAMPLES_CHAT_REDIS_REPLY_HPP
#define SANSOCKET_EXAMPLES_CHAT_REDIS_REPLY_HPP

#include <hiredis/hiredis.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace chat {

/// A reply, or a part of one. Whatever is asked of it that it is not, it answers as an empty one does:
/// nothing here depends on what Redis should have sent.
/// Life: a view; the redis_reply that it is of owns what it shows.
class redis_value {
 public:
  constexpr redis_value() noexcept = default;
  constexpr explicit redis_value(const redisReply* reply) noexcept : reply_(reply) {}

  /// There is none: the link has ended before it came.
  constexpr bool is_missing() const noexcept { return reply_ == nullptr; }
  constexpr bool is_error() const noexcept { return is(REDIS_REPLY_ERROR); }
  constexpr bool is_array() const noexcept { return is(REDIS_REPLY_ARRAY); }
  constexpr bool is_text() const noexcept { return is(REDIS_REPLY_STRING) || is(REDIS_REPLY_STATUS); }

  /// Its bytes, also those of an error.
  constexpr std::string_view text() const noexcept {
    return is_text() || is_error() ? std::string_view(reply_->str, reply_->len) : std::string_view();
  }
  constexpr std::optional<std::int64_t> integer() const noexcept {
    if (!is(REDIS_REPLY_INTEGER)) return std::nullopt;
    return reply_->integer;
  }
  constexpr std::size_t size() const noexcept { return is_array() ? reply_->elements : 0; }
  constexpr redis_value operator[](std::size_t index) const noexcept {
    return index < size() ? redis_value(reply_->element[index]) : redis_value();
  }

 private:
  constexpr bool is(int type) const noexcept { return reply_ != nullptr && reply_->type == type; }

  const redisReply* reply_ = nullptr;
};

/// Owns a reply.
class redis_reply {
 public:
  redis_reply() noexcept = default;
  explicit redis_reply(redisReply* reply) noexcept : reply_(reply) {}

  explicit operator bool() const noexcept { return reply_ != nullptr; }
  redis_value value() const noexcept { return redis_value(reply_.get()); }

 private:
  struct release {
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
  };
  std::unique_ptr<redisReply, release> reply_;
};

/// Puts bytes together into replies. This is the part of hiredis that does no I/O, and the only one that
/// is used: the rest of this version ends the program when a reply is not the one that it expects.
class redis_parser {
 public:
  redis_parser() : reader_(redisReaderCreate()) {
    if (!reader_) return;
    plain_ = *reader_->fn;
    checked_ = plain_;
    checked_.createArray = [](const redisReadTask* task, int elements) -> void* {
      // Room is made for all of an array before any of it is there: no reply needs so much.
      if (elements > most_elements) return nullptr;
      return static_cast<const redis_parser*>(task->privdata)->plain_.createArray(task, elements);
    };
    reader_->fn = &checked_;
    reader_->privdata = this;
  }
  redis_parser(const redis_parser&) = delete;
  redis_parser& operator=(const redis_parser&) = delete;
  ~redis_parser() = default;

  /// Takes what came.
  /// Gives: false if it is not Redis that speaks there, or it says too much at once.
  [[nodiscard]] bool feed(std::string_view bytes) noexcept {
    if (!reader_ || redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) return false;
    return reader_->len - reader_->pos <= most_bytes;
  }

  /// Gives: the next whole reply; nothing if more bytes are needed, or none of what came makes sense.
  redis_reply next() noexcept {
    void* reply = nullptr;
    if (!reader_ || redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return {};
    return redis_reply(static_cast<redisReply*>(reply));
  }

  bool is_broken() const noexcept { return !reader_ || reader_->err != 0; }

 private:
  static constexpr int most_elements = 100'000;
  static constexpr std::size_t most_bytes = std::size_t{64} * 1024 * 1024;  // that wait for the end of their reply

  struct release {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };
  std::unique_ptr<redisReader, release> reader_;
  redisReplyObjectFunctions plain_{};
  redisReplyObjectFunctions checked_{};
};

}  // namespace chat

#endif
