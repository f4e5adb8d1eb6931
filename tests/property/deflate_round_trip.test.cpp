// Invariant: what one end sends, compressed or not, in whatever way it queues it and whatever was agreed, arrives at
// the other end as it was sent; and what is on the wire inflates with the agreed window, by zlib alone.
#include "sansocket/deflate/permessage_deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/handshake/server.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

struct policy : default_policy {
  using random_source = tests::counting_random;
  template <role Role>
  using extension = permessage_deflate<Role>;
};

struct sent_message {
  message_type type = message_type::text;
  std::string content;

  friend bool operator==(const sent_message&, const sent_message&) = default;
};

/// Reads the frames of one direction and inflates them with zlib, byte by byte: so that a distance
/// beyond the agreed window is an error.
class wire_reader {
 public:
  wire_reader(int window_bits, bool takeover) : takeover_(takeover) {
    REQUIRE(inflateInit2(&stream_, -window_bits) == Z_OK);
  }
  wire_reader(const wire_reader&) = delete;
  wire_reader& operator=(const wire_reader&) = delete;
  ~wire_reader() { inflateEnd(&stream_); }

  /// All messages of some whole frames.
  std::vector<sent_message> read(std::string wire) {
    std::vector<sent_message> out;
    for (std::size_t at = 0; at < wire.size();) {
      const unsigned first = octet(wire, at);
      const bool masked = octet(wire, at + 1) >= 0x80;
      std::size_t length = octet(wire, at + 1) & 0x7FU;
      at += 2;
      const std::size_t more = length < 126 ? 0 : length == 126 ? 2 : 8;
      if (more != 0) length = 0;
      for (std::size_t i = 0; i < more; ++i) length = length << 8U | octet(wire, at++);
      if (masked) at += 4;
      for (std::size_t i = 0; masked && i < length; ++i) {
        wire[at + i] = static_cast<char>(wire[at + i] ^ wire[at - 4 + i % 4]);
      }
      read_frame(first, std::string_view(wire).substr(at, length), out);
      at += length;
    }
    return out;
  }

  std::size_t compressed = 0;  // messages
  std::size_t plain = 0;
  std::size_t frames = 0;
  std::size_t last_payload = 0;  // bytes of the last message on the wire

 private:
  static unsigned octet(std::string_view wire, std::size_t at) { return static_cast<unsigned char>(wire.at(at)); }

  void read_frame(unsigned first, std::string_view payload, std::vector<sent_message>& out) {
    ++frames;
    const unsigned opcode = first & 0x0FU;
    if (opcode >= 8) return;
    // RFC 7692 §6.1: RSV1 on the first frame of a message alone.
    if ((first & 0x30U) != 0) FAIL("RSV2 or RSV3");
    if (opcode == 0 && (first & 0x40U) != 0) FAIL("RSV1 on a continuation");
    if (opcode != 0) {
      under_way_ = {static_cast<message_type>(opcode), {}};
      is_compressed_ = (first & 0x40U) != 0;
      last_payload = 0;
    }
    last_payload += payload.size();
    under_way_.content += payload;
    if ((first & 0x80U) == 0) return;
    ++(is_compressed_ ? compressed : plain);
    if (is_compressed_) under_way_.content = inflated(under_way_.content);
    out.push_back(under_way_);
  }

  std::string inflated(std::string payload) {
    payload.append("\0\0\xFF\xFF", 4);
    stream_.next_in = static_cast<Bytef*>(static_cast<void*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    std::string out;
    for (;;) {
      Bytef one = 0;
      stream_.next_out = &one;
      stream_.avail_out = 1;
      const int code = ::inflate(&stream_, Z_SYNC_FLUSH);
      if (code != Z_OK && code != Z_BUF_ERROR) FAIL("what was sent does not inflate: " << code);
      if (stream_.avail_out != 0) break;
      out += static_cast<char>(one);
    }
    if (stream_.avail_in != 0) FAIL("something is left");
    if (!takeover_) inflateReset(&stream_);
    return out;
  }

  z_stream stream_{};
  bool takeover_;
  bool is_compressed_ = false;
  sent_message under_way_;
};

/// Which way a message is queued.
enum class way : std::uint8_t { whole, pieces, never, never_in_pieces, prepared, lent, lent_prepared };
constexpr std::array ways = {way::whole,    way::pieces, way::never,        way::never_in_pieces,
                             way::prepared, way::lent,   way::lent_prepared};

std::string all_output(auto& ws) {
  std::string out;
  for (const const_bytes run : ws.output_runs()) out += text_of(run);
  REQUIRE(ws.sent(out.size()) == error::none);
  return out;
}

/// Sends messages from one end to the other, each checked on the wire and at its end.
template <role Sender>
class direction {
 public:
  static constexpr role receiver = peer_of(Sender);

  direction(const std::optional<deflate_agreement>& agreed, const deflate_settings& settings,
            std::uint32_t fragment_size, delivery how, unsigned seed)
      : settings_(settings),
        pool_(settings),
        peer_pool_(settings),
        prepared_pool_(settings),
        options_{.fragment_size = fragment_size},
        peer_options_{.limits = {.message = 2 * 1024 * 1024, .fragments = unlimited}, .delivery = how},
        sender_(permessage_deflate<Sender>(agreed, pool_), options_),
        receiver_(permessage_deflate<receiver>(agreed, peer_pool_), peer_options_),
        window_bits_(!agreed                  ? 15
                     : Sender == role::server ? agreed->server_max_window_bits
                                              : agreed->client_max_window_bits),
        wire(window_bits_, agreed && !(Sender == role::server ? agreed->server_no_context_takeover
                                                              : agreed->client_no_context_takeover)),
        random_(seed + 1) {}

  void send(const sent_message& next, way how) {
    const const_bytes content = bytes_of(std::string_view(next.content));
    const compression compress =
        how == way::never || how == way::never_in_pieces ? compression::never : compression::automatic;
    const std::size_t compressed_before = wire.compressed;
    std::string sent;
    if (how == way::pieces || how == way::never_in_pieces) {
      std::string_view rest = next.content;
      for (bool last = false; !last;) {
        const std::size_t size = std::min<std::size_t>(rest.size(), random_() % (next.content.size() / 2 + 2));
        last = size == rest.size() && random_() % 2 == 0;
        REQUIRE(sender_.send_piece(next.type, bytes_of(rest.substr(0, size)), last, compress) == error::none);
        rest.remove_prefix(size);
        sent += all_output(sender_);
        if (random_() % 5 == 0) REQUIRE(sender_.send_ping(bytes_of("between")) == error::none);
      }
    } else if constexpr (Sender == role::server) {
      const auto bits = static_cast<std::uint8_t>(8 + random_() % 8);
      if (how == way::lent) {
        REQUIRE(sender_.send_lent(next.type, content) == error::none);
      } else if (how == way::prepared || how == way::lent_prepared) {
        const auto made = next.type == message_type::text
                              ? prepared_message::text(next.content, independent_deflate(prepared_pool_, bits))
                              : prepared_message::binary(content, independent_deflate(prepared_pool_, bits));
        REQUIRE(made);
        REQUIRE((how == way::prepared ? sender_.send(*made) : sender_.send_lent(*made)) == error::none);
        sent += all_output(sender_);
      } else {
        REQUIRE(sender_.send(next.type, content, compress) == error::none);
      }
    } else {
      REQUIRE(sender_.send(next.type, content, compress) == error::none);
    }
    sent += all_output(sender_);
    const std::vector<sent_message> on_the_wire = wire.read(sent);
    if (on_the_wire.size() != 1 || on_the_wire[0] != next) FAIL("another message on the wire");
    const bool lent = Sender == role::server && how == way::lent;
    if (compress == compression::never || lent) REQUIRE(wire.compressed == compressed_before);
    receive(sent, next);
  }

  int window_bits() const { return window_bits_; }

 private:
  void receive(std::string_view sent, const sent_message& expected) {
    sent_message heard;
    std::size_t ends = 0;
    while (!sent.empty()) {
      const std::size_t size = 1 + random_() % (random_() % 2 == 0 ? 40 : sent.size());
      exact_buffer chunk(sent.substr(0, size));
      sent.remove_prefix(std::min(size, sent.size()));
      REQUIRE(receiver_.receive(chunk.view()) == error::none);
      receiver_.drain([&](const event& next) {
        if (next.type == event_type::closed) FAIL("failed: " << message_of(next.why.fault));
        if (!next.is_message()) return;
        heard.type = next.kind();
        heard.content += next.text();
        ends += next.last ? 1 : 0;
      });
    }
    if (ends != 1 || heard != expected) FAIL("another message of " << heard.content.size() << " bytes");
    (void)all_output(receiver_);  // pongs
  }

  static std::string message_of(error fault) { return std::string(name(fault)); }

  deflate_settings settings_;
  deflate_pool pool_;
  deflate_pool peer_pool_;
  deflate_pool prepared_pool_;
  connection_options options_;
  connection_options peer_options_;
  connection<Sender, policy> sender_;
  connection<receiver, policy> receiver_;
  int window_bits_;

 public:
  wire_reader wire;

 private:
  std::minstd_rand random_;
};

/// Bytes of some kind, exactly so many.
sent_message content_of(std::size_t kind, std::size_t size, std::minstd_rand& random) {
  sent_message out;
  std::string& text = out.content;
  text.reserve(size);
  switch (kind) {
    case 0:  // no compressor makes it smaller
      out.type = message_type::binary;
      while (text.size() < size) text += static_cast<char>(random() >> 8U & 0xFFU);
      break;
    case 1: {
      constexpr std::array<std::string_view, 8> samples = {"the ",    "connection ", "is ",   "closed; ",
                                                           "message", " {\"id\": ",  "1042}", ", "};
      while (text.size() < size) text += samples[random() % samples.size()];
      text.resize(size);
      break;
    }
    case 2: {
      constexpr std::array<std::string_view, 6> samples = {"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5",
                                                           "\xD0\xBC\xD0\xB8\xD1\x80",
                                                           "\xE4\xB8\x96\xE7\x95\x8C",
                                                           "\xF0\x9F\x98\x80",
                                                           "\xD9\x85\xD8\xB1\xD8\xAD",
                                                           "z"};
      while (text.size() + 11 <= size) text += samples[random() % samples.size()];
      text.append(size - text.size(), '.');
      break;
    }
    case 3: text.append(size, 'a'); break;
    default: {
      // Refers back a long way: 3000 bytes, over and over.
      out.type = message_type::binary;
      std::string unit;
      while (unit.size() < 3000) unit += static_cast<char>(random() >> 8U & 0xFFU);
      while (text.size() < size) text += unit;
      text.resize(size);
    }
  }
  return out;
}
constexpr std::size_t kinds = 5;

deflate_agreement agreement_of(int server_bits, int client_bits, bool server_takeover, bool client_takeover) {
  return {.server_no_context_takeover = !server_takeover,
          .client_no_context_takeover = !client_takeover,
          .server_max_window_bits = static_cast<std::uint8_t>(server_bits),
          .client_max_window_bits = static_cast<std::uint8_t>(client_bits)};
}

/// A sequence of messages, one direction.
template <role Sender>
void run(const std::optional<deflate_agreement>& agreed, const deflate_settings& settings, unsigned seed,
         const std::vector<std::size_t>& sizes) {
  std::minstd_rand random(seed + 1);
  const std::uint32_t fragment = seed % 3 == 0 ? 1 + static_cast<std::uint32_t>(random() % 3000) : unfragmented;
  direction<Sender> to_peer(agreed, settings, fragment, seed % 2 == 0 ? delivery::messages : delivery::pieces, seed);
  std::size_t number = seed;
  std::size_t compressible = 0;
  for (const std::size_t size : sizes) {
    const way how = ways[number % ways.size()];
    const std::size_t kind = number / 2 % kinds;
    ++number;
    INFO("size " << size << ", way " << static_cast<int>(how) << ", kind " << kind << ", seed " << seed);
    to_peer.send(content_of(kind, size, random), how);
    if (how == way::whole && kind == 3 && size >= settings.threshold && size >= 64) ++compressible;
  }
  const bool can = agreed && to_peer.window_bits() >= 9;
  if (can) CHECK(to_peer.wire.compressed >= compressible);
  else CHECK(to_peer.wire.compressed == 0);
}

constexpr std::string_view url = "ws://server.example.com/chat";

/// What both ends make of their options.
std::optional<deflate_agreement> shaken_hands(const deflate_options& server, const deflate_options& client) {
  const server_options serving{.deflate = server};
  const client_options asking{.deflate = client};
  client_handshake request(url, asking);
  server_handshake upgrade(serving);
  exact_buffer asked(request.request());
  REQUIRE(upgrade.receive(asked.view()) == handshake_status::done);
  exact_buffer answered(upgrade.response());
  REQUIRE(request.receive(answered.view()) == client_status::accepted);
  const auto of_server = upgrade.agreement();
  const auto of_client = request.agreement();
  REQUIRE(of_server->deflate() == of_client->deflate());
  return of_server->deflate();
}

const std::vector<std::size_t> mixed_sizes = {0,   1,   64,  63,   65,   200,  4000, 12'000, 0,   300, 5,
                                              300, 500, 700, 1000, 2000, 3500, 7000, 129,    126, 64,  9000};

}  // namespace

TEST_CASE("deflate_round_trip: every size from 0 to 300, of every kind, in every way", "[deflate_round_trip][7692-6]") {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 300; ++size) sizes.push_back(size);
  for (unsigned seed = 0; seed < 14; ++seed) {
    const auto agreed = agreement_of(15 - static_cast<int>(seed % 3), 15, seed % 2 == 0, seed % 4 < 2);
    // From 0 on: also what is too short to be worth it is compressed.
    const deflate_settings settings{.threshold = seed % 5 == 0 ? 64U : 0U};
    run<role::server>(agreed, settings, seed, sizes);
    run<role::client>(agreed, settings, seed, sizes);
  }
}

TEST_CASE("deflate_round_trip: every window and takeover that ends can agree on, through real handshakes",
          "[deflate_round_trip][7692-7.1]") {
  unsigned seed = 0;
  for (std::uint8_t server_bits = 8; server_bits <= 15; ++server_bits) {
    for (std::uint8_t client_bits = 8; client_bits <= 15; ++client_bits) {
      for (unsigned flags = 0; flags < 4; ++flags) {
        ++seed;
        const bool server_plain = (flags & 1U) != 0;
        const bool client_plain = (flags & 2U) != 0;
        // Who asks for what differs from one to the next.
        deflate_options serving{.server_max_window_bits = std::max<std::uint8_t>(server_bits, 9),
                                .client_max_window_bits = client_bits};
        deflate_options asking{.server_max_window_bits = server_bits,
                               .client_max_window_bits = std::max<std::uint8_t>(client_bits, 9)};
        if (seed % 3 == 0) serving.server_max_window_bits = 15;
        if (seed % 5 == 0) asking.client_max_window_bits = 15;
        (seed % 2 == 0 ? serving : asking).server_no_context_takeover = server_plain;
        (seed % 4 < 2 ? serving : asking).client_no_context_takeover = client_plain;
        const auto agreed = shaken_hands(serving, asking);
        CAPTURE(int{server_bits}, int{client_bits}, flags);
        // zlib cannot compress with a window of 8 bits: the server declines.
        REQUIRE(agreed.has_value() == (server_bits > 8));
        if (agreed) {
          CHECK(*agreed == agreement_of(server_bits, client_bits, !server_plain, !client_plain));
        }
        run<role::server>(agreed, {}, seed, mixed_sizes);
        run<role::client>(agreed, {}, seed, mixed_sizes);
      }
    }
  }
}

TEST_CASE("deflate_round_trip: nothing was agreed on", "[deflate_round_trip][7692-5]") {
  for (unsigned seed = 0; seed < 7; ++seed) {
    run<role::server>({}, {}, seed, mixed_sizes);
    run<role::client>({}, {}, seed, mixed_sizes);
  }
}

TEST_CASE("deflate_round_trip: levels and memory levels", "[deflate_round_trip][7692-7]") {
  unsigned seed = 1;
  for (const int level : {1, 6, 9}) {
    for (const int memory_level : {1, 8, 9}) {
      for (const int bits : {9, 12, 15}) {
        for (const bool takeover : {true, false}) {
          CAPTURE(level, memory_level, bits, takeover);
          const auto agreed = agreement_of(bits, bits, takeover, takeover);
          const deflate_settings settings{.level = level, .memory_level = memory_level};
          run<role::server>(agreed, settings, ++seed, {100, 16'383, 70, 16'384, 16'385, 2000, 20'481});
          run<role::client>(agreed, settings, ++seed, {100, 16'383, 70, 16'384, 16'385, 2000, 20'481});
        }
      }
    }
  }
}

TEST_CASE("deflate_round_trip: large messages", "[deflate_round_trip][7692-6]") {
  for (unsigned seed = 0; seed < 7; ++seed) {
    const bool takeover = seed % 2 == 0;
    const auto agreed = agreement_of(seed % 3 == 0 ? 10 : 15, seed % 3 == 1 ? 9 : 15, takeover, takeover);
    run<role::server>(agreed, {}, seed, {65'535, 65'536, 100, 65'537});
    run<role::client>(agreed, {}, seed + 1, {65'535, 65'536, 100, 65'537});
  }
  std::minstd_rand random(3);
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    direction<role::server> down(agreement_of(15, 15, true, true), {}, unfragmented, delivery::messages, 3);
    direction<role::client> up(agreement_of(15, 15, true, true), {}, 100'000, delivery::pieces, 3);
    INFO("kind " << kind);
    for (const std::size_t size : {1024 * 1024 + kind - 1, std::size_t{70}}) {
      const sent_message large = content_of(kind, size, random);
      down.send(large, kind % 2 == 0 ? way::whole : way::pieces);
      up.send(large, kind % 2 == 0 ? way::pieces : way::whole);
    }
  }
}

TEST_CASE("deflate_round_trip: a context is kept over messages, or not, as it was agreed",
          "[deflate_round_trip][7692-7.1.1]") {
  std::minstd_rand random(5);
  const sent_message text = content_of(0, 500, random);  // nothing but its own copy makes it smaller
  for (const bool takeover : {true, false}) {
    for (const int bits : {9, 15}) {
      const auto agreed = agreement_of(bits, bits, takeover, takeover);
      direction<role::server> down(agreed, {}, unfragmented, delivery::messages, 1);
      direction<role::client> up(agreed, {}, unfragmented, delivery::pieces, 1);
      const sent_message twice{text.type, text.content + text.content.substr(0, 200)};
      const sent_message once{text.type, text.content.substr(400)};
      const auto second_is_small = [&](auto& to_peer) {
        // The copy in it is all that shrinks the first; with that gone from the window, the second stays plain.
        to_peer.send({text.type, std::string(100, 'x') + text.content.substr(0, 200)}, way::whole);
        to_peer.send({text.type, text.content.substr(0, 200)}, way::whole);
        return to_peer.wire.last_payload < 50;
      };
      CHECK(second_is_small(down) == takeover);
      CHECK(second_is_small(up) == takeover);
      // What was refused or does not shrink leaves no trace.
      down.send(twice, way::whole);
      down.send(once, way::pieces);
      down.send(once, way::whole);
    }
  }
}

namespace {

/// Has no entropy at times: some of what is compressed cannot be queued.
struct flaky_random {
  static inline bool fails = false;
  tests::counting_random keys{};
  bool operator()(bytes out) { return !fails && keys(out); }
};
struct flaky_policy : policy {
  using random_source = flaky_random;
};

}  // namespace

TEST_CASE("deflate_round_trip: what could not be queued leaves no trace in the context",
          "[deflate_round_trip][7692-7.1.1]") {
  std::minstd_rand random(11);
  for (const bool takeover : {true, false}) {
    const auto agreed = agreement_of(15, 15, takeover, takeover);
    deflate_pool pool;
    const connection_options options;
    connection<role::client, flaky_policy> sender(permessage_deflate<role::client>(agreed, pool), options);
    wire_reader wire(15, takeover);
    std::string begun;
    std::vector<sent_message> expected;
    std::vector<sent_message> arrived;
    std::size_t refused = 0;
    const auto take = [&] {
      begun += all_output(sender);
      auto more = wire.read(std::exchange(begun, {}));
      arrived.insert(arrived.end(), more.begin(), more.end());
    };
    for (int i = 0; i < 400; ++i) {
      const sent_message next = content_of(1 + random() % 2, 100 + random() % 900, random);
      const bool in_pieces = random() % 2 == 0;
      const std::string_view half = std::string_view(next.content).substr(0, next.content.size() / 2 / 8 * 8);
      if (!in_pieces) {
        flaky_random::fails = random() % 3 == 0;
        const error fault = sender.send(next.type, bytes_of(std::string_view(next.content)));
        REQUIRE((fault == error::none || fault == error::random_failed));
        if (fault == error::none) expected.push_back(next);
        else ++refused;
      } else {
        const std::string_view parts[] = {half, std::string_view(next.content).substr(half.size())};
        std::string queued;
        for (const std::string_view part : parts) {
          const bool last = part.data() != half.data();
          // The first that goes begins the message; what is refused is not part of it.
          flaky_random::fails = random() % 3 == 0;
          const error fault = sender.send_piece(message_type::binary, bytes_of(part), last);
          if (fault == error::none) queued += part;
          else ++refused;
          if (fault != error::none && last) {
            flaky_random::fails = false;
            REQUIRE(sender.send_piece(message_type::binary, {}, true) == error::none);
          }
        }
        expected.push_back({message_type::binary, queued});
      }
      if (random() % 3 == 0) take();
    }
    take();
    flaky_random::fails = false;
    CHECK(refused > 50);
    CHECK(wire.compressed > 100);
    CHECK(arrived == expected);
  }
}
