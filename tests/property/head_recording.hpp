// What a handshake made of a stream, written down so that two runs can be compared.
#ifndef SANSOCKET_TESTS_HEAD_RECORDING_HPP
#define SANSOCKET_TESTS_HEAD_RECORDING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exact_buffer.hpp"
#include "sansocket/core/error_info.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

namespace sansocket::tests {

/// All that can be seen of a handshake from outside.
struct head_recording {
  bool decided = false;
  bool accepted = false;
  error verdict = error::none;
  std::uint16_t status = 0;
  unsigned client_says = 0;  ///< client_status
  std::string answer;        ///< the server's response, or the body of a refusal
  std::string first_line;    ///< target or reason phrase
  std::string first_host;
  std::string subprotocol;
  std::string rest;  ///< what is left for the connection

  friend bool operator==(const head_recording&, const head_recording&) = default;
};

inline std::string words(const head_recording& seen) {
  return std::string(seen.decided ? "decided, " : "undecided, ") + (seen.accepted ? "accepted, " : "not accepted, ") +
         std::string(name(seen.verdict)) + ", status " + std::to_string(seen.status) + ", client_status " +
         std::to_string(seen.client_says) + "\nanswer [" + seen.answer + "]\nline [" + seen.first_line + "], Host [" +
         seen.first_host + "], subprotocol [" + seen.subprotocol + "], rest [" + seen.rest + "]";
}

/// Feeds a server's handshake; `ends` says that the client ends the transport then.
template <class Handshake, class Sizes>
head_recording record_server(Handshake& handshake, std::string_view stream, Sizes next_size, bool ends) {
  head_recording seen;
  while (!stream.empty()) {
    const std::size_t size = std::clamp<std::size_t>(next_size(stream.size()), 1, stream.size());
    exact_buffer chunk(stream.substr(0, size));
    stream.remove_prefix(size);
    const bool before = handshake.verdict().has_value();
    seen.decided = handshake.receive(chunk.view()) == handshake_status::done;
    if (!before && handshake.accepted()) seen.rest = text_of(handshake.agreement()->behind_head());
    // What comes later is the connection's, not the handshake's.
    else if (before && handshake.accepted()) seen.rest += chunk.text();
  }
  if (ends) seen.decided = handshake.receive_eof() == handshake_status::done;
  if (handshake.verdict()) {
    seen.verdict = handshake.verdict()->reason();
    seen.status = handshake.verdict()->status();
    seen.subprotocol = handshake.verdict()->subprotocol();
  }
  seen.accepted = handshake.accepted();
  seen.answer = text_of(handshake.response());
  seen.first_line = handshake.request().target;
  seen.first_host = handshake.request().fields.value("Host");
  return seen;
}

/// Feeds a client's handshake; `ends` says that the server ends the transport then.
template <class Handshake, class Sizes>
head_recording record_client(Handshake& handshake, std::string_view stream, Sizes next_size, bool ends) {
  head_recording seen;
  while (!stream.empty()) {
    const std::size_t size = std::clamp<std::size_t>(next_size(stream.size()), 1, stream.size());
    exact_buffer chunk(stream.substr(0, size));
    stream.remove_prefix(size);
    const bool before = handshake.status() == client_status::accepted;
    if (handshake.receive(chunk.view()) != client_status::accepted) continue;
    if (before) seen.rest += chunk.text();
    else seen.rest = text_of(handshake.agreement()->behind_head());
  }
  if (ends) handshake.receive_eof();
  seen.client_says = static_cast<unsigned>(handshake.status());
  seen.decided = handshake.status() != client_status::need_more;
  seen.accepted = handshake.status() == client_status::accepted;
  seen.verdict = handshake.error();
  if (seen.accepted) seen.subprotocol = handshake.agreement()->subprotocol();
  seen.status = handshake.response().status;
  seen.first_line = handshake.response().reason;
  seen.answer = text_of(handshake.body());
  return seen;
}

}  // namespace sansocket::tests

#endif
