// The page and its files, and signing in: what is served over plain HTTP.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_PAGES_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_PAGES_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "posix_socket.hpp"
#include "sansocket/handshake/origin.hpp"
#include "sansocket/http/head.hpp"
#include "sansocket/http/token.hpp"
#include "schema.hpp"
#include "server/http_answer.hpp"
#include "server/token.hpp"

#ifndef SANSOCKET_CHAT_PAGE_DIR
#define SANSOCKET_CHAT_PAGE_DIR "examples/chat/page"
#endif

namespace chat {

inline constexpr std::size_t largest_form = 1024;

namespace detail {

struct page_file {
  std::string_view path, type;
};
inline constexpr std::string_view script = "text/javascript; charset=utf-8";
inline constexpr std::array page_files{
    page_file{"/index.html", "text/html; charset=utf-8"},
    page_file{"/chat.css", "text/css; charset=utf-8"},
    page_file{"/icon.svg", "image/svg+xml"},
    page_file{"/chat.js", script},
    page_file{"/connection.js", script},
    page_file{"/conversation.js", script},
    page_file{"/messages.js", script},
    page_file{"/outbox.js", script},
    page_file{"/place.js", script},
    page_file{"/plot.js", script},
    page_file{"/pulse.js", script},
    page_file{"/session.js", script},
    page_file{"/sign_in.js", script},
    page_file{"/tab.js", script},
    page_file{"/view.js", script},
};

inline http_answer method_not_allowed(std::string_view allowed) {
  http_answer answer = refusal(405, "this is not how this page is asked for");
  answer.fields.emplace_back("Allow", allowed);
  return answer;
}

/// Decodes a value of application/x-www-form-urlencoded; nothing if it is malformed.
inline std::optional<std::string> decode_form_value(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3 || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    decoded += static_cast<char>((digit(text[i + 1]) * 16) + digit(text[i + 2]));
    i += 2;
  }
  return decoded;
}

/// The value of a form's field; nothing if it is not there.
inline std::optional<std::string> form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(pair.size() + 1, form.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return decode_form_value(pair.substr(name.size() + 1));
    }
  }
  return std::nullopt;
}

inline std::size_t count_of(const sansocket::head_fields& fields, std::string_view name) {
  std::size_t count = 0;
  for (const sansocket::field line : fields) count += sansocket::equals_ignoring_case(line.name, name) ? 1U : 0U;
  return count;
}

}  // namespace detail

/// Answers a request that is neither a sign-in nor an upgrade.
inline http_answer answer_page(const sansocket::request_head& request, std::string_view path) {
  if (request.method != "GET") return detail::method_not_allowed("GET");
  if (path == "/schema.json") return {.body = schema(), .type = "application/schema+json"};
  if (path == "/") path = "/index.html";
  for (const detail::page_file& file : detail::page_files) {
    if (path != file.path) continue;
    std::ifstream content(std::string(SANSOCKET_CHAT_PAGE_DIR).append(file.path), std::ios::binary);
    if (!content) return refusal(404, "the page's files are not where this server looks for them");
    return {.body = {std::istreambuf_iterator<char>(content), {}}, .type = file.type};
  }
  return refusal(404, "there is no such page");
}

/// Judges the head of a sign-in, POST /login.
/// Gives: how long the form is, in bytes; or nothing, and then the refusal in `answer`.
inline std::optional<std::size_t> judge_sign_in(const sansocket::request_head& request, http_answer& answer) {
  const auto refuse = [&answer](http_answer with) -> std::optional<std::size_t> {
    answer = std::move(with);
    return std::nullopt;
  };
  if (request.method != "POST") return refuse(detail::method_not_allowed("POST"));
  // A page of another site must not sign a user in as someone else. What is no browser sends no Origin.
  const std::string_view origin = request.fields.value("Origin");
  const bool from_here =
      origin.empty() || sansocket::same_origin.judge(origin, request.fields.value("Host")) == sansocket::error::none;
  if (!from_here) return refuse(refusal(403, "only this server's own page may sign in"));
  // RFC 9112 §6.3: of a request with two lengths, or none, nobody can say where it ends.
  const bool one_length = detail::count_of(request.fields, "Transfer-Encoding") == 0 &&
                          detail::count_of(request.fields, "Content-Length") == 1;
  if (!one_length) return refuse(refusal(400, "a form comes with its length"));
  const auto length = examples::parse_number(request.fields.value("Content-Length"), std::uint64_t{1} << 40U);
  if (!length) return refuse(refusal(400, "a form comes with its length"));
  if (*length > largest_form) return refuse(refusal(413, "the form is too long"));
  return length;
}

/// Signs someone in. This is a demonstration: everyone is who they say they are, for there is no password.
/// Takes: the form, and the time in seconds since 1970.
inline http_answer sign_in(std::string_view form, const token_signer& signer, std::int64_t now) {
  const auto name = detail::form_value(form, "name");
  if (!name || !is_user_name(*name)) {
    return refusal(400, "a name is 1 to 32 letters, digits, hyphens, underscores, and spaces between them");
  }
  // The page's scripts cannot read it, and no page of another site can have it sent along. Behind TLS it
  // would be Secure as well.
  std::string cookie = "chat_token=" + signer.make(*name, now + token_signer::lifetime);
  cookie += "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(token_signer::lifetime);
  return {.status = 204, .fields = {{"Set-Cookie", std::move(cookie)}}};
}

}  // namespace chat

#endif
