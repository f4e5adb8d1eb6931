// What a client of the chat remembers over its connections: what it has said and does not know to be stored,
// and how far it has seen the room's log. No I/O: envelopes come and go as text.
#ifndef SANSOCKET_EXAMPLES_CHAT_CLIENT_SESSION_HPP
#define SANSOCKET_EXAMPLES_CHAT_CLIENT_SESSION_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "envelope.hpp"
#include "message.hpp"

namespace chat {

/// What an envelope from the server means to the one who sits before the client.
struct news {
  enum class kind : std::uint8_t {
    nothing,
    joined,       ///< `words` say who is there
    stored,       ///< `said` is a message that was not seen before, in the order of the log
    provisional,  ///< `said` is one that is not stored yet; it comes again
    people,       ///< `words` say who is there now
    linked,       ///< `words` say whether the server's node reaches the others
    refused,      ///< `words` say which message will never be stored, and why
    denied,       ///< `words` say why the client cannot come into the room: nothing else will come
    complaint,    ///< `words` say what the server or the client has got wrong
  };

  kind is = kind::nothing;
  message said{};
  std::string words{};
};

/// One instance of a client in one room.
///
///     open:     send(join())
///     a text:   receive(text); then send what next_to_send() gives, until it gives nothing
///     cut:      nothing; join() begins anew
class client_session {
 public:
  /// The most messages that wait to be accepted.
  static constexpr std::size_t most_unaccepted = 256;

  /// Takes: the name of this instance, random, of 8..64 characters.
  client_session(std::string room, std::string sender) : room_(std::move(room)), sender_(std::move(sender)) {}

  bool may_say() const noexcept { return unaccepted_.size() < most_unaccepted; }

  /// Takes: a text of 1..longest_text bytes that is UTF-8.
  void say(std::string text) { unaccepted_.push_back({++last_seq_, std::move(text)}); }

  /// How many messages are not known to be stored.
  std::size_t unaccepted() const noexcept { return unaccepted_.size(); }

  /// The first envelope of a connection.
  std::string join();

  /// The next envelope to be sent on this connection, in the order in which the texts were said.
  std::optional<std::string> next_to_send();

  /// The server could not take a message: until try_again, nothing is sent.
  bool busy() const noexcept { return busy_; }
  void try_again() noexcept { busy_ = false; }

  news receive(std::string_view text);

 private:
  struct saying {
    std::uint64_t seq = 0;
    std::string text;
  };

  /// Where in `unaccepted_` the message with this number is; its size if it is not there.
  std::size_t index_of(std::optional<std::uint64_t> seq) const {
    const auto at = std::ranges::lower_bound(unaccepted_, seq.value_or(0), {}, &saying::seq);
    return at != unaccepted_.end() && at->seq == seq ? static_cast<std::size_t>(at - unaccepted_.begin())
                                                     : unaccepted_.size();
  }

  void forget(std::size_t begin, std::size_t end);
  news on_joined(const json& payload);
  news on_message(const json& payload);
  news on_error(const envelope& error);

  std::string room_;
  std::string sender_;
  std::uint64_t last_seq_ = 0;
  std::deque<saying> unaccepted_;  // ordered by number
  std::size_t sent_ = 0;           // so many of them were sent on this connection
  std::optional<place> seen_;      // the last message's
  bool joined_ = false;            // on this connection
  bool busy_ = false;
};

namespace detail {

inline std::string members_in(const json& payload) {
  std::string words;
  for (const json& name : payload["members"]) words += (words.empty() ? "" : ", ") + name.get_ref<const std::string&>();
  return words.empty() ? "nobody" : words;
}

inline std::string words_for(std::string_view state) {
  return state == "alone" ? "the server's node is alone: what is said is stored later" : "the nodes are together";
}

inline std::string write_request(std::string_view type, std::uint64_t id, json payload) {
  const json envelope{{"type", type}, {"id", id}, {"payload", std::move(payload)}};
  return envelope.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace detail

inline std::string client_session::join() {
  joined_ = false;
  busy_ = false;
  sent_ = 0;
  // The number 0, which no message has: so an error's number says what it is about.
  return detail::write_request("join", 0,
                               {{"room", room_}, {"sender", sender_}, {"after", seen_ ? json(seen_->text()) : json()}});
}

inline std::optional<std::string> client_session::next_to_send() {
  if (!joined_ || busy_ || sent_ == unaccepted_.size()) return std::nullopt;
  const saying& next = unaccepted_[sent_++];
  return detail::write_request("say", next.seq, {{"text", next.text}});
}

inline news client_session::receive(std::string_view text) {
  fault wrong;
  const auto came = read_envelope(text, side::server, wrong);
  // A later server may say more than this client knows.
  if (!came && wrong.code == "unknown_type") return {};
  if (!came) return {.is = news::kind::complaint, .words = "the server sent what makes no sense: " + wrong.detail};
  const json& payload = came->payload;
  if (came->type == "joined") return on_joined(payload);
  if (came->type == "message") return on_message(payload);
  if (came->type == "error") return on_error(*came);
  if (came->type == "presence") return {.is = news::kind::people, .words = detail::members_in(payload)};
  if (came->type == "notice") {
    return {.is = news::kind::linked, .words = detail::words_for(payload["state"].get_ref<const std::string&>())};
  }
  if (came->type == "accepted") {
    if (const std::size_t index = index_of(came->id); index != unaccepted_.size()) forget(index, index + 1);
  }
  return {};
}

/// Those from one index to before another need not be sent again.
inline void client_session::forget(std::size_t begin, std::size_t end) {
  sent_ -= std::min(sent_, end) - std::min(sent_, begin);
  const auto at = [this](std::size_t index) { return unaccepted_.begin() + static_cast<std::ptrdiff_t>(index); };
  unaccepted_.erase(at(begin), at(end));
}

inline news client_session::on_joined(const json& payload) {
  joined_ = true;
  const auto stored = payload["last_seq"].get<std::uint64_t>();
  const auto first_lost = std::ranges::upper_bound(unaccepted_, stored, {}, &saying::seq);
  forget(0, static_cast<std::size_t>(first_lost - unaccepted_.begin()));
  std::string words = "in room " + room_ + " as " + payload["user"].get_ref<const std::string&>() + " on node " +
                      payload["node"].get_ref<const std::string&>();
  if (!payload["members"].empty()) words += ", with " + detail::members_in(payload);
  if (seen_ && !payload["complete"].get<bool>()) words += "; something may be missing here";
  if (payload["state"] == "alone") words += "; " + detail::words_for("alone");
  // Whoever was in the room once, and saw nothing there, has missed all that came since.
  if (!seen_) seen_ = place{};
  return {.is = news::kind::joined, .words = std::move(words)};
}

inline news client_session::on_message(const json& payload) {
  if (payload["room"] != room_) return {};
  news told{.is = news::kind::provisional,
            .said = {.at = place_in(payload, "at"),
                     .room = room_,
                     .from = payload["from"].get<std::string>(),
                     .sender = payload["sender"].get<std::string>(),
                     .seq = payload["seq"].get<std::uint64_t>(),
                     .text = payload["text"].get<std::string>(),
                     .time = payload["time"].get<std::int64_t>()}};
  if (!told.said.at) return told;
  if (seen_ && *told.said.at <= *seen_) return {};
  seen_ = told.said.at;
  told.is = news::kind::stored;
  return told;
}

inline news client_session::on_error(const envelope& error) {
  const auto& detail = error.payload["detail"].get_ref<const std::string&>();
  if (error.id == 0U && !joined_) return {.is = news::kind::denied, .words = detail};
  const std::size_t index = index_of(error.id);
  if (index == unaccepted_.size()) return {.is = news::kind::complaint, .words = "the server says: " + detail};
  if (error.payload["code"] == "busy") {
    // It and all behind it go again, so that the order is kept.
    sent_ = std::min(sent_, index);
    busy_ = true;
    return {};
  }
  news told{.is = news::kind::refused, .words = "not said: " + unaccepted_[index].text + " (" + detail + ")"};
  forget(index, index + 1);
  return told;
}

}  // namespace chat

#endif
