// What the server answers over HTTP, and how a request becomes a WebSocket. A part of server.hpp, which includes it at
// its end.
#ifndef SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_HTTP_HPP
#define SANSOCKET_EXAMPLES_CHAT_SERVER_SERVER_HTTP_HPP

namespace chat {

inline void server::read_head(peer& who, sansocket::bytes chunk) {
  const auto text = who.head.read(chunk);
  if (text.failed()) {
    return answer(who, refusal(sansocket::http_status_for(text.error()), sansocket::message(text.error())));
  }
  if (!text.complete()) return;
  const sansocket::request_head request = sansocket::split_request_head(*text);
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  if (path == "/chat") return upgrade(who, request, chunk);
  if (path != "/login") return answer(who, answer_page(request, path));
  http_answer refused;
  const auto size = judge_sign_in(request, refused);
  if (!size) return answer(who, refused);
  who.form_size = *size;
  who.now = phase::signing;
  read_form(who, chunk);
}

inline void server::read_form(peer& who, sansocket::const_bytes chunk) {
  who.form += sansocket::text_of(chunk.first(std::min(chunk.size(), who.form_size - who.form.size())));
  if (who.form.size() == who.form_size) answer(who, sign_in(who.form, signer_, wall_clock() / 1000));
}

inline void server::answer(peer& who, const http_answer& with) const {
  if (with.status >= 400) log_.write("refused", {{"connection", who.id}, {"status", with.status}});
  who.now = write_answer(who.answer, with) ? phase::answering : phase::gone;
  who.watchdog.closing(now_);
}

/// Takes: the request as it was parsed, and the bytes that came behind its head.
inline void server::upgrade(peer& who, const sansocket::request_head& request, sansocket::bytes behind_head) {
  const admission verdict = gate_.judge(request, who.address, now_, wall_clock() / 1000);
  if (verdict.refused) return answer(who, *verdict.refused);
  gate_.has_asked(who.address);
  sansocket::head_writer head(who.answer);
  head.status_line(verdict.upgrade.status());
  for (const auto& [name, value] : verdict.upgrade.fields()) head.add(name, value);
  head.end();
  who.who.emplace(who.id, verdict.user, *verdict.upgrade.agreement(behind_head), options_);
  who.watchdog.opened(now_);
  who.now = head.error() == sansocket::error::none ? phase::open : phase::gone;
  log_.write("connected", {{"connection", who.id}, {"user", verdict.user}});
}

}  // namespace chat

#endif
