// An answer over HTTP, after which the connection ends.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_HTTP_ANSWER_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_HTTP_ANSWER_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sansocket/http/head_writer.hpp"

namespace chat {

struct http_answer {
  std::uint16_t status = 200;
  std::string body{};
  std::string_view type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string_view, std::string>> fields{};
};

/// A refusal, with its reason as one line in words.
inline http_answer refusal(std::uint16_t status, std::string_view words) {
  return {.status = status, .body = std::string(words) + '\n'};
}

/// Gives: false if there is no memory, or something in a field could split the head.
inline bool write_answer(sansocket::heap_buffer& into, const http_answer& answer) {
  sansocket::head_writer head(into);
  head.status_line(answer.status);
  for (const auto& [name, value] : answer.fields) head.add(name, value);
  // RFC 9110 §8.6: no Content-Length in a 204
  if (answer.status != 204) head.add("Content-Type", answer.type).add("Content-Length", answer.body.size());
  // What a page may load is what this server gives, and nothing may be written into it that runs.
  head.add("Content-Security-Policy", "default-src 'self'").add("X-Content-Type-Options", "nosniff");
  head.add("Cache-Control", "no-store").add("Connection", "close").end(answer.body);
  return head.error() == sansocket::error::none;
}

}  // namespace chat

#endif
