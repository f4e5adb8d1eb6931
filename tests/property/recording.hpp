// What a connection and a handshake did with a stream, written down so that two runs can be compared.
#ifndef SANSOCKET_TESTS_RECORDING_HPP
#define SANSOCKET_TESTS_RECORDING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/connection/connection.hpp"
#include "sansocket/core/error_info.hpp"

namespace sansocket::tests {

/// One event, with its payload copied. Pieces that follow each other directly are one.
struct recorded_event {
  event_type type = event_type::none;
  bool first = true;
  bool last = true;
  std::string payload;

  friend bool operator==(const recorded_event&, const recorded_event&) = default;
};

/// All that can be seen of a connection from outside.
struct recording {
  std::vector<recorded_event> events;  ///< without `closed`
  std::size_t reports = 0;             ///< how often `closed` came
  error fault = error::none;           ///< the report
  which_end first = which_end::neither;
  close_code sent = close_code::none;
  close_code received = close_code::none;
  std::string reason;
  bool event_after_report = false;
  bool chunk_refused = false;                    ///< though the one before was used up
  bool open = false;                             ///< messages could still be sent when the input was used up
  transport_action before = transport_action{};  ///< with all input read and nothing sent
  transport_action after = transport_action{};   ///< with all sent
  std::string output;

  friend bool operator==(const recording&, const recording&) = default;

  void add(const event& next) {
    if (reports != 0) event_after_report = true;
    if (next.type == event_type::closed) {
      ++reports;
      fault = next.why.fault;
      first = next.why.initiator;
      sent = next.why.sent;
      received = next.why.received;
      reason = next.text();
      return;
    }
    const bool goes_on = !next.first && !events.empty() && !events.back().last && events.back().type == next.type;
    if (goes_on) {
      events.back().payload += next.text();
      events.back().last = next.last;
    } else {
      events.push_back({next.type, next.first, next.last, std::string(next.text())});
    }
  }
};

/// A recording for a failure message.
inline std::string words(const recording& seen) {
  constexpr std::string_view types[] = {"none", "text", "binary", "ping", "pong", "closed"};
  constexpr std::string_view ends[] = {"neither", "local", "peer"};
  constexpr std::string_view actions[] = {"keep", "await_eof", "close"};
  const auto hex = [](std::string_view text) {
    return to_hex(bytes_of(text.substr(0, 40))) + (text.size() > 40 ? "... of " + std::to_string(text.size()) : "");
  };
  std::string out;
  for (const recorded_event& one : seen.events) {
    out += types[static_cast<std::size_t>(one.type)];
    out += std::string(one.first ? "" : " goes on") + (one.last ? " [" : " to go on [") + hex(one.payload) + "]\n";
  }
  out += std::to_string(seen.reports) + " reports: " + std::string(name(seen.fault)) + ", first " +
         std::string(ends[static_cast<std::size_t>(seen.first)]) + ", sent " +
         std::to_string(static_cast<unsigned>(seen.sent)) + ", received " +
         std::to_string(static_cast<unsigned>(seen.received)) + " [" + hex(seen.reason) + "]\n";
  if (seen.event_after_report) out += "an event after the report, ";
  if (seen.chunk_refused) out += "a chunk refused, ";
  out += seen.open ? "open, " : "not open, ";
  out += std::string(actions[static_cast<std::size_t>(seen.before)]) + ", then " +
         std::string(actions[static_cast<std::size_t>(seen.after)]) + "\noutput [" + hex(seen.output) + "]";
  return out;
}

/// Sends all output, into `to`.
template <class Connection>
void send_all(Connection& ws, std::string& to) {
  while (!ws.output().empty()) {
    to += text_of(ws.output());
    // Not more than output() shows, so this cannot fail.
    (void)ws.sent(ws.output().size());
  }
}

/// The end of every run: what is left to be seen.
template <class Connection>
void finish(Connection& ws, recording& seen) {
  seen.open = ws.is_open();
  seen.before = ws.transport();
  send_all(ws, seen.output);
  seen.after = ws.transport();
}

/// Feeds a stream in chunks of the sizes that `next_size(rest)` gives; nothing is sent before the
/// end, because which pongs make way for later ones depends on that.
template <class Connection, class Sizes>
recording record(Connection& ws, std::string_view stream, Sizes next_size) {
  recording seen;
  while (!stream.empty()) {
    const std::size_t size = std::clamp<std::size_t>(next_size(stream.size()), 1, stream.size());
    exact_buffer chunk(stream.substr(0, size));
    stream.remove_prefix(size);
    if (ws.receive(chunk.view()) != error::none) seen.chunk_refused = true;
    ws.drain([&](const event& next) { seen.add(next); });
  }
  ws.drain([&](const event& next) { seen.add(next); });
  finish(ws, seen);
  return seen;
}

/// Feeds a stream as restless programs do: chunks of random sizes, polled for a random while, taken
/// over at random so that their memory goes, the next one handed in as soon as it is taken.
template <class Connection>
recording record_restless(Connection& ws, std::string_view stream, std::minstd_rand& random) {
  recording seen;
  std::unique_ptr<exact_buffer> chunk;
  std::unique_ptr<exact_buffer> next_chunk;
  bool quiet = true;
  while (!stream.empty() || next_chunk || !quiet) {
    if (!next_chunk && !stream.empty()) {
      const std::size_t size = std::min<std::size_t>(stream.size(), 1 + random() % (random() % 4 == 0 ? 4000 : 12));
      next_chunk = std::make_unique<exact_buffer>(stream.substr(0, size));
      stream.remove_prefix(size);
    }
    switch (random() % 4) {
      case 0:
        if (next_chunk && ws.receive(next_chunk->view()) == error::none) {
          chunk = std::move(next_chunk);
          quiet = false;
        }
        break;
      case 1:
        if (ws.retain() == error::none) chunk.reset();
        break;
      default: {
        const event next = ws.poll();
        if (next) seen.add(next);
        quiet = !next;
      }
    }
  }
  finish(ws, seen);
  return seen;
}

}  // namespace sansocket::tests

#endif
