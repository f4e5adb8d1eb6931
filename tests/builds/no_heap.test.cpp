#include "sansocket/connection/connection.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "fixed_random.hpp"
#include "heap_meter.hpp"
#include "hex.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::from_hex;

namespace {

/// What the operators below have done.
std::size_t allocations = 0;
std::size_t blocks = 0;  // that are not given back
bool exhausted = false;  // there is no memory for those who can bear it

void* take(std::size_t size, std::size_t alignment) noexcept {
  // aligned_alloc wants a multiple of the alignment.
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) return nullptr;
  ++allocations;
  ++blocks;
  return memory;
}

void* take_or_throw(std::size_t size, std::size_t alignment) {
  void* memory = take(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  --blocks;
  std::free(memory);
}

constexpr std::size_t usual = alignof(std::max_align_t);
constexpr std::size_t number(std::align_val_t alignment) noexcept { return static_cast<std::size_t>(alignment); }

}  // namespace

void* operator new(std::size_t size) { return take_or_throw(size, usual); }
void* operator new[](std::size_t size) { return take_or_throw(size, usual); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return exhausted ? nullptr : take(size, usual); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return exhausted ? nullptr : take(size, usual);
}
void* operator new(std::size_t size, std::align_val_t to) { return take_or_throw(size, number(to)); }
void* operator new[](std::size_t size, std::align_val_t to) { return take_or_throw(size, number(to)); }
void* operator new(std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept {
  return take(size, number(to));
}
void* operator new[](std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept {
  return take(size, number(to));
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { give_back(memory); }

namespace {

/// A heap that counts, and that can be made to have nothing left.
struct counted_heap {
  static void* resize(void* block, std::size_t size) noexcept {
    if (exhausted) return nullptr;
    ++allocations;
    if (block == nullptr) ++blocks;
    return c_heap::resize(block, size);
  }
  static void release(void* block) noexcept {
    --blocks;
    c_heap::release(block);
  }
};

struct counted_policy : default_policy {
  using message_buffer = basic_heap_buffer<counted_heap>;
  using output_buffer = message_buffer;
  using retained_buffer = message_buffer;
};
using counted_server = connection<role::server, counted_policy>;
using counted_client = connection<role::client, counted_policy>;
using counted_handshake = basic_server_handshake<openssl_sha1, basic_heap_buffer<counted_heap>>;

struct fixed_policy : default_policy {
  using message_buffer = inplace_buffer<1024>;
  using output_buffer = inplace_buffer<2048>;
  using retained_buffer = inplace_buffer<512>;
  using random_source = counting_random;
};

/// SHA-1 of the one text that these tests hash: the key that counting_random leads to, and the GUID of §1.3.
struct known_hash {
  bool operator()(const_bytes, std::span<std::byte, sha1_size> digest) const {
    constexpr std::array<unsigned, sha1_size> known{0x07, 0x3D, 0xEA, 0x25, 0x84, 0xC6, 0x74, 0xE7, 0xBC, 0x81,
                                                    0x44, 0xA9, 0x2E, 0x8B, 0x04, 0x76, 0x22, 0xCA, 0x0E, 0xB9};
    for (std::size_t i = 0; i < known.size(); ++i) digest[i] = static_cast<std::byte>(known[i]);
    return true;
  }
};

using fixed_server_handshake = basic_server_handshake<known_hash, inplace_buffer<1024>>;
using fixed_client_handshake = basic_client_handshake<counting_random, known_hash, inplace_buffer<1024>>;
using fixed_server = connection<role::server, fixed_policy>;
using fixed_client = connection<role::client, fixed_policy>;

/// Bytes on their way from one end to the other.
struct pipe {
  std::array<std::byte, 4096> content{};
  std::size_t size = 0;

  void put(const_bytes data) {
    std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(size));
    size += data.size();
  }
  bytes view() { return bytes(content).first(size); }
};

/// What an end heard. Nothing of Catch is used while allocations are counted: Catch makes some itself.
struct heard {
  std::size_t texts = 0;
  std::size_t binaries = 0;
  std::size_t pings = 0;
  std::size_t pongs = 0;
  std::size_t payload = 0;
  std::size_t faults = 0;
  std::size_t clean_ends = 0;

  void operator()(const event& next) {
    payload += next.payload.size();
    switch (next.type) {
      case event_type::text: ++texts; break;
      case event_type::binary: ++binaries; break;
      case event_type::ping: ++pings; break;
      case event_type::pong: ++pongs; break;
      case event_type::closed: ++(next.why.clean() ? clean_ends : faults); break;
      case event_type::none: break;
    }
  }
};

/// Carries all output of one end to the other, in chunks of a size; every second one is taken over.
template <class From, class To>
void carry(From& from, To& to, heard& what, std::size_t chunk_size) {
  pipe on_its_way;
  while (!from.output().empty()) {
    const const_bytes run = from.output();
    on_its_way.put(run);
    (void)from.sent(run.size());
  }
  bool retain = false;
  for (bytes rest = on_its_way.view(); !rest.empty(); retain = !retain) {
    const bytes chunk = rest.first(std::min(chunk_size, rest.size()));
    rest = rest.subspan(chunk.size());
    if (to.receive(chunk) != error::none) ++what.faults;
    if (retain && to.retain() != error::none) ++what.faults;
    to.drain(what);
  }
}

struct session_result {
  bool accepted = false;
  std::size_t refused_calls = 0;
  heard server;
  heard client;
};

session_result run_session(std::size_t chunk_size) {
  session_result result;
  const auto expect = [&](error fault) { result.refused_calls += fault == error::none ? 0 : 1; };
  constexpr std::array<std::string_view, 1> subprotocols{"chat"};
  constexpr std::array<field, 1> extra{field{"User-Agent", "none"}};
  const client_options asking{.subprotocols = subprotocols, .fields = extra};
  const server_options serving{.subprotocols = subprotocols};

  fixed_client_handshake asks("ws://server.example.com/chat", asking);
  fixed_server_handshake answers(serving);
  pipe there;
  pipe back;
  there.put(asks.request());
  for (bytes rest = there.view(); !rest.empty();) {
    const bytes chunk = rest.first(std::min(chunk_size, rest.size()));
    rest = rest.subspan(chunk.size());
    answers.receive(chunk);
  }
  back.put(answers.response());
  for (bytes rest = back.view(); !rest.empty();) {
    const bytes chunk = rest.first(std::min(chunk_size, rest.size()));
    rest = rest.subspan(chunk.size());
    asks.receive(chunk);
  }
  if (!answers.accepted() || !asks.agreement()) return result;
  result.accepted = true;

  fixed_server server(*answers.agreement());
  fixed_client client(*asks.agreement());
  std::array<char, 400> text{};
  text.fill('t');
  const std::string_view long_text(text.data(), text.size());

  expect(client.send_text("hello"));
  expect(client.send_ping(bytes_of(long_text.substr(0, 125))));
  expect(client.send_piece(message_type::text, bytes_of(long_text.substr(0, 300)), false));
  expect(client.send_piece(message_type::text, bytes_of(long_text.substr(0, 200)), true));
  carry(client, server, result.server, chunk_size);

  expect(server.send_ping());
  expect(server.send_binary(bytes_of(long_text.substr(0, 300))));
  expect(server.send_lent(message_type::text, bytes_of(long_text)));
  carry(server, client, result.client, chunk_size);
  carry(client, server, result.server, chunk_size);

  expect(server.send_close(close_code::going_away, "the end"));
  carry(server, client, result.client, chunk_size);
  carry(client, server, result.server, chunk_size);
  return result;
}

/// Masked text messages of 125 bytes, written by hand: 0x81, 0x80 | 125, a key of zeros, the text.
std::string small_messages(std::size_t count, bool masked) {
  std::string stream;
  for (std::size_t i = 0; i < count; ++i) {
    stream += from_hex(masked ? "81 fd 00 00 00 00" : "81 7d");
    stream += std::string(125, 'm');
  }
  return stream;
}

/// One masked binary message of 100'000 bytes.
std::string large_message() {
  return from_hex("82 ff 00 00 00 00 00 01 86 a0 00 00 00 00") + std::string(100'000, 'l');
}

template <class Connection>
void feed(Connection& ws, std::string& stream, std::size_t chunk_size, heard& what) {
  for (bytes rest = bytes_of(stream); !rest.empty();) {
    const bytes chunk = rest.first(std::min(chunk_size, rest.size()));
    rest = rest.subspan(chunk.size());
    if (ws.receive(chunk) != error::none) ++what.faults;
    ws.drain(what);
  }
}

}  // namespace

TEST_CASE("no_heap: the counters count", "[no_heap]") {
  const std::size_t before = allocations;
  const std::size_t held = blocks;
  const tests::heap_meter all;
  basic_heap_buffer<counted_heap> buffer;
  const bool appended = append(buffer, bytes_of("a"));
  const bool metered = all.total() != 0;
  const std::size_t made = allocations - before;
  const std::size_t holding = blocks - held;
  buffer.release();
  const std::size_t left = blocks - held;
  CHECK(appended);
  CHECK(metered);
  CHECK(made == 1);
  CHECK(holding == 1);
  CHECK(left == 0);
}

TEST_CASE("no_heap: with fixed buffers a whole session of server and client allocates nothing", "[no_heap]") {
  for (const std::size_t chunk_size : {std::size_t{1}, std::size_t{7}, std::size_t{100}, std::size_t{512}}) {
    const std::size_t before = allocations;
    const tests::heap_meter all;
    const session_result result = run_session(chunk_size);
    const std::size_t metered = all.total();
    const std::size_t made = allocations - before;
    CHECK(metered == 0);
    INFO("chunks of " << chunk_size);
    CHECK(made == 0);
    CHECK(result.accepted);
    CHECK(result.refused_calls == 0);
    CHECK(result.server.texts == 2);
    CHECK(result.server.pings == 1);
    CHECK(result.server.pongs == 1);
    CHECK(result.client.binaries == 1);
    CHECK(result.client.texts == 1);
    CHECK(result.client.pings == 1);
    CHECK(result.client.pongs == 1);
    CHECK(result.server.clean_ends == 1);
    CHECK(result.client.clean_ends == 1);
    CHECK(result.server.faults + result.client.faults == 0);
  }
}

TEST_CASE("no_heap: a server decodes whole messages without an allocation", "[no_heap]") {
  std::string stream = small_messages(1000, true);
  heard what;
  const std::size_t before = allocations;
  counted_server ws;
  feed(ws, stream, 131 * 50, what);
  const std::size_t made = allocations - before;
  CHECK(made == 0);
  CHECK(what.texts == 1000);
  CHECK(what.payload == 125'000);
}

TEST_CASE("no_heap: a client decodes whole messages without an allocation", "[no_heap]") {
  std::string stream = small_messages(1000, false);
  heard what;
  const std::size_t before = allocations;
  counted_client ws;
  feed(ws, stream, 127 * 50, what);
  const std::size_t made = allocations - before;
  CHECK(made == 0);
  CHECK(what.texts == 1000);
}

TEST_CASE("no_heap: an idle connection holds no heap memory", "[no_heap]") {
  std::string large = large_message();
  std::string text(50'000, 't');
  std::string three = small_messages(3, true);
  heard what;
  const std::size_t held = blocks;
  const std::size_t before = allocations;
  counted_server ws;
  const std::size_t when_made = blocks - held;

  feed(ws, large, 1000, what);
  const std::size_t after_input = blocks - held;
  const bool assembled = allocations != before;

  const error queued = ws.send_text(text);
  const std::size_t while_output_waits = blocks - held;
  while (!ws.output().empty()) (void)ws.sent(std::min<std::size_t>(ws.output().size(), 999));
  const std::size_t after_output = blocks - held;

  // Taken over after the first of three messages.
  const error taken = ws.receive(bytes_of(three));
  what(ws.poll());
  const error retained = ws.retain();
  const std::size_t while_retained = blocks - held;
  ws.drain(what);
  const std::size_t after_retained = blocks - held;

  CHECK(when_made == 0);
  CHECK(assembled);
  CHECK(what.binaries == 1);
  CHECK(after_input == 0);
  CHECK(queued == error::none);
  CHECK(while_output_waits == 1);
  CHECK(after_output == 0);
  CHECK(taken == error::none);
  CHECK(retained == error::none);
  CHECK(while_retained == 1);
  CHECK(what.texts == 3);
  CHECK(after_retained == 0);
}

TEST_CASE("no_heap: a connection that has ended holds no heap memory once its last output is sent", "[no_heap]") {
  // Half a message, then a header that is refused.
  std::string stream = from_hex("02 fe 03 e8 00 00 00 00") + std::string(1000, 'l') + from_hex("f1 80 00 00 00 00");
  heard what;
  const std::size_t held = blocks;
  counted_server ws;
  feed(ws, stream, 100, what);
  while (!ws.output().empty()) (void)ws.sent(ws.output().size());
  const std::size_t after = blocks - held;
  CHECK(what.faults == 1);
  CHECK(after == 0);
}

TEST_CASE("no_heap: a connection that finds no memory fails, and nothing throws", "[no_heap]") {
  std::string stream = large_message();
  heard what;
  counted_server ws;
  exhausted = true;
  feed(ws, stream, 1000, what);
  const error refused = ws.send_text("hello");
  exhausted = false;
  CHECK(what.faults == 1);
  CHECK(what.binaries == 0);
  // There was none for the Close frame either, so none was sent.
  CHECK(refused == error::closing);
  CHECK(ws.output().empty());
}

TEST_CASE("no_heap: a handshake that finds no memory refuses, and nothing throws", "[no_heap]") {
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const server_options serving;
  counted_handshake answers(serving);
  exhausted = true;
  answers.receive(bytes_of(request));
  const std::string_view target = answers.request().target;
  exhausted = false;
  REQUIRE(answers.verdict());
  CHECK(answers.verdict()->reason() == error::out_of_memory);
  CHECK(answers.verdict()->status() == 503);
  CHECK(target.empty());
}

TEST_CASE("no_heap: a server's connection is small", "[no_heap]") {
  std::printf("sizeof(server_connection) = %zu, sizeof(client_connection) = %zu\n", sizeof(server_connection),
              sizeof(client_connection));
  CHECK(sizeof(server_connection) <= 192);
}
