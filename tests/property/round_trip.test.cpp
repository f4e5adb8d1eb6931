// Invariant: what one end sends, in whatever way it queues it and in whatever portions the bytes travel, arrives at
// the other end as it was sent, complete and in order.
#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

struct counting_policy : default_policy {
  using random_source = tests::counting_random;
};

/// A heap may not be at hand: little fits into the output, and lent payloads do not fit at times.
struct fixed_policy : default_policy {
  using message_buffer = inplace_buffer<3000>;
  using output_buffer = inplace_buffer<4000>;
  using retained_buffer = inplace_buffer<64>;
  using random_source = tests::counting_random;
};

struct message {
  message_type type = message_type::text;
  std::string content;
};

/// Text of exactly that many bytes, with code points of every length.
std::string random_text(std::size_t size, std::minstd_rand& random) {
  constexpr std::array<std::string_view, 6> samples{
      "a", "Z", "\xC3\xA9", "\xE2\x82\xAC", "\xEF\xBF\xBF", "\xF0\x9F\x98\x80"};
  std::string out;
  out.reserve(size);
  while (size - out.size() >= 4) out += samples[random() % samples.size()];
  out.append(size - out.size(), '.');
  return out;
}

message random_message(std::size_t size, std::minstd_rand& random) {
  if (random() % 2 == 0) return {message_type::text, random_text(size, random)};
  std::string content(size, '\0');
  for (char& c : content) c = static_cast<char>(random() >> 8U & 0xFFU);
  return {message_type::binary, content};
}

/// One end, its bytes on their way, and what the other end is to hear of it.
template <role Role, class Policy>
class end {
 public:
  end(const connection_options& options, std::minstd_rand& random) : ws(options), random_(random) {}

  /// Queues something, or goes on with what was begun; true if it was a message's end.
  bool queue(const message& next) {
    if (piece_at_) return queue_piece();
    // What is lent must stay where it is.
    if (ws.lends() && random_() % 2 == 0) REQUIRE((ws.settle() == error::none || is_fixed));
    const std::size_t kind = random_() % 6;
    if (kind == 1) {
      current_ = next;
      piece_at_ = 0;
      return queue_piece();
    }
    return queued(next, send_whole(next, kind));
  }

  void ping() {
    const std::string payload = "ping " + std::to_string(pings_.size());
    const error fault = ws.send_ping(bytes_of(std::string_view(payload)));
    if (fault == error::none) pings_.push_back(payload);
    else REQUIRE(fault == error::would_block);
  }

  /// Puts some of the output on its way.
  void send() {
    if (random_() % 8 == 0) {
      const auto taken = ws.take_output();
      REQUIRE((taken || (is_fixed && taken.error() == error::buffer_full)));
      if (taken) on_its_way_ += text_of((*taken).view());
      return;
    }
    const std::size_t before = ws.buffered();
    const std::size_t size = std::min<std::size_t>(before, random_() % (random_() % 3 == 0 ? 100'000 : 50));
    std::size_t rest = size;
    for (const const_bytes run : ws.output_runs()) {
      const const_bytes part = run.first(std::min(rest, run.size()));
      on_its_way_ += text_of(part);
      rest -= part.size();
    }
    REQUIRE(rest == 0);
    REQUIRE(ws.sent(size) == error::none);
    REQUIRE(ws.buffered() == before - size);
  }

  /// Lets some of it arrive.
  template <class Peer>
  void arrive(Peer& peer) {
    const std::size_t size = std::min<std::size_t>(on_its_way_.size(), random_() % (random_() % 3 == 0 ? 100'000 : 20));
    exact_buffer chunk(std::string_view(on_its_way_).substr(0, size));
    on_its_way_.erase(0, size);
    REQUIRE(peer.ws.receive(chunk.view()) == error::none);
    peer.ws.drain([&](const event& next) { hear(next, peer); });
    // A ping waits from when it was queued until its last byte was sent.
    if (pings_heard_ == pings_.size()) REQUIRE_FALSE(ws.ping_waits());
    else if (on_its_way_.empty()) REQUIRE(ws.ping_waits());
  }

  bool idle() const { return !piece_at_ && ws.buffered() == 0 && on_its_way_.empty(); }
  bool all_heard() const { return expected_.empty() && part_.empty() && pings_heard_ == pings_.size(); }

  connection<Role, Policy> ws;
  std::size_t heard = 0;  // messages that the other end was told of
  std::optional<close_report> report;

 private:
  static constexpr bool is_fixed = Policy::output_buffer::max_size() < heap_buffer::max_size();

  error send_whole(const message& next, std::size_t kind) {
    const const_bytes content = bytes_of(std::string_view(next.content));
    if constexpr (Role == role::server) {
      if (kind == 2) {
        if (ws.lends()) return error::would_block;
        lent_ = next.content;
        return ws.send_lent(next.type, bytes_of(std::string_view(lent_)));
      }
      if (kind == 3 || kind == 4) {
        if (kind == 4 && ws.lends()) return error::would_block;
        auto made =
            next.type == message_type::text ? prepared_message::text(next.content) : prepared_message::binary(content);
        REQUIRE(made);
        if (kind == 3) return ws.send(*made);
        prepared_ = std::move(*made);
        return ws.send_lent(prepared_);
      }
    }
    if (kind == 5) return ws.send(next.type, content);
    return next.type == message_type::text ? ws.send_text(next.content) : ws.send_binary(content);
  }

  bool queue_piece() {
    const std::string_view rest = std::string_view(current_.content).substr(*piece_at_);
    const std::size_t size = std::min<std::size_t>(rest.size(), random_() % (random_() % 2 == 0 ? 5 : 90'000));
    const bool last = size == rest.size() && random_() % 2 == 0;
    const bool begins = !begun_;
    const error fault = ws.send_piece(current_.type, bytes_of(rest.substr(0, size)), last);
    if (fault == error::would_block) return false;
    REQUIRE(fault == error::none);
    begun_ = !last;
    if (begins) expected_.push_back(current_);
    if (!last) {
      *piece_at_ += size;
      CHECK(ws.send_text("not now") == error::message_in_progress);
      return false;
    }
    piece_at_.reset();
    return true;
  }

  bool queued(const message& next, error fault) {
    if (fault == error::would_block) return false;
    REQUIRE(fault == error::none);
    expected_.push_back(next);
    return true;
  }

  template <class Peer>
  void hear(const event& next, Peer& peer) {
    switch (next.type) {
      case event_type::text:
      case event_type::binary: {
        REQUIRE(!expected_.empty());
        REQUIRE((next.type == event_type::text) == (expected_.front().type == message_type::text));
        REQUIRE(next.first == !in_part_);
        part_ += next.text();
        in_part_ = !next.last;
        if (!next.last) return;
        if (part_ != expected_.front().content) FAIL("another message of " << part_.size() << " bytes");
        part_.clear();
        expected_.pop_front();
        ++heard;
        return;
      }
      case event_type::ping:
        REQUIRE(pings_heard_ < pings_.size());
        REQUIRE(next.text() == pings_[pings_heard_]);
        ++pings_heard_;
        return;
      case event_type::pong: REQUIRE(peer.ping_was_sent(next.text())); return;
      case event_type::closed: peer.report = next.why; return;
      case event_type::none: return;
    }
  }

  template <role, class>
  friend class end;

  bool ping_was_sent(std::string_view payload) const { return std::ranges::find(pings_, payload) != pings_.end(); }

  std::minstd_rand& random_;
  std::deque<message> expected_;  // queued, not arrived whole
  std::deque<std::string> pings_;
  std::size_t pings_heard_ = 0;
  std::string on_its_way_;
  std::string part_;  // what came of the message that is arriving
  bool in_part_ = false;
  message current_;  // the message that is sent in pieces
  std::optional<std::size_t> piece_at_;
  bool begun_ = false;
  std::string lent_;
  prepared_message prepared_;
};

constexpr std::array<std::size_t, 8> edges{0, 1, 125, 126, 127, 65'535, 65'536, 200'000};

/// Sends messages of those sizes and some others of up to `most` bytes both ways.
template <class Policy>
void run(unsigned seed, delivery how, std::span<const std::size_t> sizes, std::size_t most) {
  std::minstd_rand random(seed * 7919 + 1);
  connection_options options{.delivery = how};
  if (seed % 3 == 1) options.fragment_size = 1 + static_cast<std::uint32_t>(random() % 5'000);
  if (seed % 2 == 1) options.high_water = 1 + random() % 100'000;
  // Frames of one byte would be too many for the default.
  options.limits.fragments = 400'000;
  end<role::server, Policy> server(options, random);
  end<role::client, Policy> client(options, random);

  std::deque<message> from_server;
  std::deque<message> from_client;
  for (std::deque<message>* list : {&from_server, &from_client}) {
    for (const std::size_t size : sizes) list->push_back(random_message(size, random));
    for (int i = 0; i < 40; ++i) list->push_back(random_message(random() % 400, random));
    for (int i = 0; i < 3; ++i) list->push_back(random_message(random() % most, random));
    std::shuffle(list->begin(), list->end(), random);
  }
  const std::size_t count = from_server.size();

  while (!from_server.empty() || !from_client.empty() || !server.idle() || !client.idle()) {
    switch (random() % 8) {
      case 0:
        if (!from_server.empty() && server.queue(from_server.front())) from_server.pop_front();
        break;
      case 1:
        if (!from_client.empty() && client.queue(from_client.front())) from_client.pop_front();
        break;
      case 2: server.send(); break;
      case 3: client.send(); break;
      case 4: server.arrive(client); break;
      case 5: client.arrive(server); break;
      case 6:
        if (random() % 3 == 0) server.ping();
        break;
      default:
        if (random() % 3 == 0) client.ping();
    }
  }
  CHECK(server.heard == count);
  CHECK(client.heard == count);
  CHECK(server.all_heard());
  CHECK(client.all_heard());

  REQUIRE(client.ws.send_close(close_code::going_away, "done") == error::none);
  while (!server.report || !client.report) {
    client.send();
    client.arrive(server);
    server.send();
    server.arrive(client);
  }
  CHECK(client.report->clean());
  CHECK(client.report->received == close_code::going_away);
  CHECK(server.report->clean());
  CHECK(server.report->initiator == which_end::peer);
  CHECK(server.ws.transport() == transport_action::close);
}

}  // namespace

TEST_CASE("round_trip: messages arrive as they were sent", "[round_trip][5.6][6.1][6.2]") {
  for (unsigned seed = 0; seed < 25; ++seed) {
    INFO("seed " << seed);
    run<counting_policy>(seed, delivery::messages, edges, 30'000);
  }
}

TEST_CASE("round_trip: messages arrive in pieces as they were sent", "[round_trip][5.4][6.1][6.2]") {
  for (unsigned seed = 100; seed < 125; ++seed) {
    INFO("seed " << seed);
    run<counting_policy>(seed, delivery::pieces, edges, 30'000);
  }
}

TEST_CASE("round_trip: messages arrive as they were sent where all buffers are fixed", "[round_trip][5.6][6.1][6.2]") {
  for (unsigned seed = 200; seed < 230; ++seed) {
    INFO("seed " << seed);
    run<fixed_policy>(seed, seed % 2 == 0 ? delivery::messages : delivery::pieces, std::span(edges).first(5), 2'500);
  }
}
