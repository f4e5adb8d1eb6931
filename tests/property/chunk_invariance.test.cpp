// Invariant: what a stream leads to, events, report, output and verdict, does not depend on how it was cut into
// chunks, nor on when chunks are taken over or polling rests.
#include "sansocket/connection/connection.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "fixed_random.hpp"
#include "head_recording.hpp"
#include "heads.hpp"
#include "recording.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "transcripts.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

struct heap_policy : default_policy {
  using random_source = counting_random;
};

/// Holds only part of what some transcripts bring: then the verdict must not depend on the cuts either.
struct fixed_policy : default_policy {
  using message_buffer = inplace_buffer<325>;
  using output_buffer = inplace_buffer<1024>;
  using retained_buffer = inplace_buffer<64>;
  using random_source = counting_random;
};

const auto whole = [](std::size_t rest) { return rest; };
const auto byte_by_byte = [](std::size_t) { return std::size_t{1}; };

/// First a chunk of `position` bytes, then all others.
auto split_at(std::size_t position) {
  return [position, first = true](std::size_t rest) mutable {
    const std::size_t size = first && position != 0 ? position : rest;
    first = false;
    return size;
  };
}

/// Small chunks mostly, and now and then a large one.
auto random_cuts(std::minstd_rand& random) {
  return [&random](std::size_t) { return std::size_t{1 + random() % (random() % 4 == 0 ? 5000 : 9)}; };
}

/// Every position of a short stream; of a long one its ends and some others.
std::vector<std::size_t> positions(std::size_t size, std::minstd_rand& random) {
  std::vector<std::size_t> out;
  for (std::size_t i = 1; i < size; ++i) {
    if (size <= 700 || i < 40 || i + 40 > size) out.push_back(i);
  }
  for (std::size_t i = 0; size > 700 && i < 20; ++i) out.push_back(1 + random() % (size - 1));
  return out;
}

template <role Role, class Policy>
connection<Role, Policy> make(delivery how) {
  connection_options options{.delivery = how};
  options.limits = {.frame = transcript_frame_limit,
                    .message = transcript_message_limit,
                    .fragments = static_cast<std::uint32_t>(transcript_fragment_limit)};
  return connection<Role, Policy>(options);
}

void compare(std::string_view name, const std::string& how, const recording& seen, const recording& wanted) {
  if (!(seen == wanted)) FAIL(name << ", " << how << ":\n" << words(seen) << "\nwhole:\n" << words(wanted));
}

/// Feeds one stream in every way; what it leads to.
template <role Role, class Policy>
recording check(std::string_view name, const std::string& stream, delivery how) {
  auto first = make<Role, Policy>(how);
  const recording wanted = record(first, stream, whole);
  {
    auto ws = make<Role, Policy>(how);
    compare(name, "byte by byte", record(ws, stream, byte_by_byte), wanted);
  }
  std::minstd_rand random(static_cast<unsigned>(stream.size()) + 1);
  for (const std::size_t position : positions(stream.size(), random)) {
    auto ws = make<Role, Policy>(how);
    compare(name, "split at " + std::to_string(position), record(ws, stream, split_at(position)), wanted);
  }
  for (int i = 0; i < 10; ++i) {
    auto ws = make<Role, Policy>(how);
    compare(name, "random cuts " + std::to_string(i), record(ws, stream, random_cuts(random)), wanted);
    auto restless = make<Role, Policy>(how);
    compare(name, "restless " + std::to_string(i), record_restless(restless, stream, random), wanted);
  }
  return wanted;
}

/// The outcome as the transcripts write it.
std::string outcome(const recording& seen) {
  constexpr std::string_view types[] = {"none", "text", "binary", "ping", "pong", "closed"};
  std::string out;
  for (const recorded_event& one : seen.events) out += std::string(types[static_cast<std::size_t>(one.type)]) + " ";
  if (seen.reports == 0) return out + "open";
  if (seen.fault != error::none) return out + std::string(name(seen.fault));
  return out + std::to_string(static_cast<unsigned>(seen.received));
}

bool is_message(const recorded_event& one) { return one.type == event_type::text || one.type == event_type::binary; }

/// The messages that came whole, or all that is no message.
std::vector<recorded_event> select(const recording& seen, bool messages) {
  std::vector<recorded_event> out;
  for (const recorded_event& one : seen.events) {
    if (is_message(one) != messages) continue;
    if (!messages || one.first) {
      out.push_back(one);
    } else {
      out.back().payload += one.payload;
      out.back().last = one.last;
    }
  }
  if (messages && !out.empty() && !out.back().last) out.pop_back();
  return out;
}

template <role Role>
void check_connection(const transcript& one, const std::string& stream) {
  const recording messages = check<Role, heap_policy>(one.name, stream, delivery::messages);
  const recording pieces = check<Role, heap_policy>(one.name, stream, delivery::pieces);
  check<Role, fixed_policy>(one.name, stream, delivery::messages);
  check<Role, fixed_policy>(one.name, stream, delivery::pieces);

  INFO(one.name);
  CHECK(outcome(messages) == one.outcome);
  CHECK(select(pieces, true) == select(messages, true));
  CHECK(select(pieces, false) == select(messages, false));
  CHECK(pieces.output == messages.output);
  CHECK(pieces.fault == messages.fault);
}

template <class Buffer>
using server = basic_server_handshake<openssl_sha1, Buffer>;
template <class Buffer>
using client = basic_client_handshake<counting_random, openssl_sha1, Buffer>;

constexpr std::string_view subprotocols[] = {"chat", "superchat"};
const server_options serving{.subprotocols = subprotocols, .head = {.bytes = 600, .fields = 12}};
const client_options asking{.subprotocols = subprotocols, .head = {.bytes = 400, .fields = 8}, .refusal_body = 40};

/// Makes a handshake, feeds it, and says what came of it.
template <class Buffer, class Sizes>
head_recording run(bool of_server, std::string_view stream, Sizes sizes, bool ends) {
  if (of_server) {
    server<Buffer> handshake(serving);
    return record_server(handshake, stream, sizes, ends);
  }
  client<Buffer> handshake("ws://server.example.com/chat", asking);
  REQUIRE(!handshake.request().empty());
  return record_client(handshake, stream, sizes, ends);
}

template <class Buffer>
head_recording check_head(bool of_server, const head_case& one, bool ends) {
  const std::string stream = head_stream(one.text);
  const head_recording wanted = run<Buffer>(of_server, stream, whole, ends);
  const auto compare_heads = [&](const std::string& how, const head_recording& seen) {
    if (!(seen == wanted)) FAIL(one.name << ", " << how << ":\n" << words(seen) << "\nwhole:\n" << words(wanted));
  };
  compare_heads("byte by byte", run<Buffer>(of_server, stream, byte_by_byte, ends));
  for (std::size_t position = 1; position < stream.size(); ++position) {
    compare_heads("split at " + std::to_string(position), run<Buffer>(of_server, stream, split_at(position), ends));
  }
  std::minstd_rand random(static_cast<unsigned>(stream.size()) + 1);
  for (int i = 0; i < 10; ++i) {
    compare_heads("random cuts " + std::to_string(i), run<Buffer>(of_server, stream, random_cuts(random), ends));
  }
  return wanted;
}

}  // namespace

TEST_CASE("chunk_invariance: what a server makes of a stream does not depend on its cuts", "[chunk_invariance][5]") {
  for (const transcript& one : transcripts) {
    check_connection<role::server>(one, transcript_stream(one.frames, role::server));
  }
  for (const transcript& one : transcripts_to_server) {
    check_connection<role::server>(one, transcript_bytes(one.frames));
  }
}

TEST_CASE("chunk_invariance: what a client makes of a stream does not depend on its cuts", "[chunk_invariance][5]") {
  for (const transcript& one : transcripts) {
    check_connection<role::client>(one, transcript_stream(one.frames, role::client));
  }
  for (const transcript& one : transcripts_to_client) {
    check_connection<role::client>(one, transcript_bytes(one.frames));
  }
}

TEST_CASE("chunk_invariance: a server's verdict on a head does not depend on its cuts", "[chunk_invariance][4.2]") {
  for (const head_case& one : request_heads) {
    INFO(one.name);
    const head_recording seen = check_head<heap_buffer>(true, one, false);
    CHECK(seen.verdict == one.verdict);
    CHECK(seen.status == one.status);
    CHECK(seen.rest == one.rest);
    CHECK(seen.decided == (one.status != 0));
    CHECK(check_head<heap_buffer>(true, one, true).decided);
  }
}

TEST_CASE("chunk_invariance: a client's verdict on a head does not depend on its cuts", "[chunk_invariance][4.1]") {
  for (const head_case& one : response_heads) {
    INFO(one.name);
    const head_recording seen = check_head<heap_buffer>(false, one, false);
    CHECK(seen.verdict == one.verdict);
    CHECK(seen.status == one.status);
    CHECK(seen.rest == one.rest);
    CHECK(seen.decided == (one.status != 0 || one.verdict != error::none));
    CHECK(check_head<heap_buffer>(false, one, true).decided);
  }
}

TEST_CASE("chunk_invariance: a verdict does not depend on the cuts where the buffer is smaller than the head limit",
          "[chunk_invariance][4.1][4.2]") {
  for (const head_case& one : request_heads) check_head<inplace_buffer<280>>(true, one, false);
  for (const head_case& one : response_heads) check_head<inplace_buffer<280>>(false, one, false);
}

TEST_CASE("chunk_invariance: a whole session does not depend on its cuts, from the head to the last frame",
          "[chunk_invariance][4.2][5]") {
  const std::string head = head_stream(request_heads[0].text);
  const std::string frames =
      transcript_stream("89 02 | 68 69; 01 05 | 48 65 6c 6c 6f; 80 04 | 20 e2 82 ac; 88 02 | 03 e8", role::server);
  const std::string stream = head + frames;
  auto alone = make<role::server, heap_policy>(delivery::messages);
  const recording wanted = record(alone, frames, whole);
  REQUIRE(outcome(wanted) == "ping text 1000");

  for (std::size_t position = 1; position < stream.size(); ++position) {
    exact_buffer first(std::string_view(stream).substr(0, position));
    exact_buffer second(std::string_view(stream).substr(position));
    server<heap_buffer> handshake(serving);
    handshake.receive(first.view());
    const bool in_second = !handshake.accepted();
    if (in_second) handshake.receive(second.view());
    REQUIRE(handshake.accepted());
    connection<role::server, heap_policy> ws(*handshake.agreement());
    recording seen;
    ws.drain([&](const event& next) { seen.add(next); });
    if (!in_second) seen.chunk_refused = ws.receive(second.view()) != error::none;
    ws.drain([&](const event& next) { seen.add(next); });
    finish(ws, seen);
    compare("session", "split at " + std::to_string(position), seen, wanted);
  }
}

TEST_CASE("chunk_invariance: a chunk that follows a retained one can be retained as well", "[chunk_invariance][5]") {
  // Three messages over two chunks, polled no further than they reach.
  auto ws = make<role::client, heap_policy>(delivery::messages);
  exact_buffer first(transcript_bytes("81 01 61 81 01 62"));
  REQUIRE(ws.receive(first.view()) == error::none);
  CHECK(ws.poll().text() == "a");
  REQUIRE(ws.retain() == error::none);
  std::ranges::fill(first.view(), std::byte{0xEE});
  CHECK(ws.poll().text() == "b");

  exact_buffer second(transcript_bytes("81 01 63"));
  REQUIRE(ws.receive(second.view()) == error::none);
  REQUIRE(ws.retain() == error::none);
  std::ranges::fill(second.view(), std::byte{0xEE});
  CHECK(ws.poll().text() == "c");
  CHECK_FALSE(ws.poll());
}
