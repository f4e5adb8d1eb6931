// A connection that notices a dead peer, and a client that comes back: a watchdog and a backoff beside the
// protocol. Time is a number here, so that a minute passes at once; a program takes it from its clock.
#include <chrono>
#include <cstdio>
#include <string>

#include "sansocket/sansocket.hpp"

using namespace sansocket;
using namespace std::chrono_literals;

namespace {

// [watchdog]
/// A connection and its deadlines. The socket, the timer and the clock are the program's own.
struct watched_connection {
  server_connection ws;
  watchdog dog;  // one timer: whenever something happened, set it to dog.deadline()

  /// Bytes came.
  void receive(bytes chunk, watchdog::time_point now) {
    dog.received(now);  // whichever they are: a sign of life
    if (ws.receive(chunk) != error::none) return;
    while (const event next = ws.poll()) {
      if (next.is_message()) dog.active(now);
      if (next.type == event_type::pong) dog.pong_received(now);
      if (next.type == event_type::closed) dog.closing(now);
    }
  }

  /// The socket took bytes. The time of a ping begins when it has gone, not when it is queued.
  void sent(std::size_t count, watchdog::time_point now) {
    if (ws.sent(count) == error::none && !ws.ping_waits()) dog.ping_sent(now);
  }

  /// The timer fired. Gives: false if the transport is to be dropped.
  bool expire(watchdog::time_point now) {
    const watchdog_action due = dog.expire(now);
    if (due == watchdog_action::send_ping) return ws.send_ping() != error::out_of_memory;
    if (due == watchdog_action::close) return ws.send_close(close_code::going_away, name(dog.why())) == error::none;
    return due == watchdog_action::nothing;
  }
};
// [watchdog]

constexpr watchdog::time_point start{};

long milliseconds(std::chrono::nanoseconds time) { return static_cast<long>(time / 1ms); }

long at(watchdog::time_point time) { return milliseconds(time - start); }

}  // namespace

int main() {
  // The opening handshake, as other examples show it.
  const client_options wishes;
  const server_options rules;
  client_handshake caller{"ws://localhost/", wishes};
  server_handshake answerer{rules};
  std::string wire(text_of(caller.request()));
  answerer.receive(bytes_of(wire));
  wire = text_of(answerer.response());
  caller.receive(bytes_of(wire));
  const auto asked = caller.agreement();
  const auto granted = answerer.agreement();
  if (!asked || !granted) return 1;
  client_connection client{*asked};
  watched_connection server{server_connection{*granted}, watchdog{{}, start}};
  server.dog.opened(start);

  // Nothing is heard of the client: it is asked, and it answers.
  auto now = server.dog.deadline();
  if (!server.expire(now)) return 1;
  std::printf("%ld ms: a ping of %zu bytes\n", at(now), server.ws.buffered());
  wire = text_of(server.ws.output());
  server.sent(wire.size(), now);
  if (client.receive(bytes_of(wire)) != error::none || client.poll().type != event_type::ping) return 1;
  wire = text_of(client.output());
  now += 25ms;
  server.receive(bytes_of(wire), now);
  std::printf("%ld ms: a pong, after %ld ms\n", at(now), milliseconds(server.dog.round_trip().last));

  // The next ping is not answered.
  now = server.dog.deadline();
  if (!server.expire(now)) return 1;
  std::printf("%ld ms: a ping\n", at(now));
  server.sent(server.ws.buffered(), now);
  now = server.dog.deadline();
  if (server.expire(now)) return 1;
  std::printf("%ld ms: dropped: %s\n", at(now), std::string(name(server.dog.why())).c_str());

  // The client comes back, a little later each time, and later still if the server is overloaded.
  backoff pause({}, 2026);  // a program takes the seed from a random device
  for (const close_code code : {close_code::abnormal, close_code::abnormal, close_code::try_again_later}) {
    const auto wait = pause.failed(now, {.code = code});
    if (!wait) return 1;
    std::printf("after %d: %ld ms\n", static_cast<int>(code), milliseconds(*wait));
    now += *wait;
  }
}
