#include "sansocket/deflate/basic_permessage_deflate.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

static_assert(message_extension<permessage_deflate<role::server>>);
static_assert(message_extension<permessage_deflate<role::client>>);
static_assert(std::is_nothrow_move_constructible_v<permessage_deflate<role::server>>);
static_assert(deflate_server_connection::is_extended);
static_assert(!server_connection::is_extended);

namespace {

/// What was made of zlib's streams, and how.
struct ledger {
  static inline int inflaters = 0;
  static inline std::vector<int> deflaters;  // window bits
  static inline int level = 0;
  static inline int memory_level = 0;
  static inline int alive = 0;
  static inline bool no_memory = false;
  static inline bool reset_fails = false;
  static inline bool forgets = false;
  static inline std::size_t remembered = 0;  // bytes of the window that an inflater was given last

  static void start() {
    inflaters = 0;
    deflaters.clear();
    no_memory = reset_fails = forgets = false;
  }
};

/// zlib's streams, watched.
class watched_inflater {
 public:
  explicit watched_inflater(std::unique_ptr<zlib_inflater> stream) : stream_(std::move(stream)) { ++ledger::alive; }
  watched_inflater(const watched_inflater&) = delete;
  watched_inflater& operator=(const watched_inflater&) = delete;
  ~watched_inflater() { --ledger::alive; }

  static std::unique_ptr<watched_inflater> make() {
    if (ledger::no_memory) return nullptr;
    ++ledger::inflaters;
    return std::make_unique<watched_inflater>(zlib_inflater::make());
  }
  transform_step inflate(const_bytes in, bytes out) noexcept { return stream_->inflate(in, out); }
  bool at_block_end() const noexcept { return stream_->at_block_end(); }
  std::size_t since_final_block() const noexcept { return stream_->since_final_block(); }
  bool forget_block() noexcept { return stream_->forget_block(); }
  bool reset() noexcept { return stream_->reset() && !ledger::reset_fails; }
  bool remember(const_bytes window) noexcept {
    ledger::remembered = window.size();
    return stream_->remember(window) && !ledger::forgets;
  }
  std::size_t window(bytes out) noexcept { return stream_->window(out); }

 private:
  std::unique_ptr<zlib_inflater> stream_;
};

class watched_deflater {
 public:
  static constexpr int min_window_bits = zlib_deflater::min_window_bits;

  explicit watched_deflater(std::unique_ptr<zlib_deflater> stream) : stream_(std::move(stream)) { ++ledger::alive; }
  watched_deflater(const watched_deflater&) = delete;
  watched_deflater& operator=(const watched_deflater&) = delete;
  ~watched_deflater() { --ledger::alive; }

  static std::unique_ptr<watched_deflater> make(int window_bits, int level, int memory_level) {
    if (ledger::no_memory) return nullptr;
    ledger::deflaters.push_back(window_bits);
    ledger::level = level;
    ledger::memory_level = memory_level;
    return std::make_unique<watched_deflater>(zlib_deflater::make(window_bits, level, memory_level));
  }
  transform_step deflate(const_bytes in, bytes out) noexcept { return stream_->deflate(in, out); }
  bool reset() noexcept { return stream_->reset() && !ledger::reset_fails; }

 private:
  std::unique_ptr<zlib_deflater> stream_;
};

struct watched_backend {
  using inflater = watched_inflater;
  using deflater = watched_deflater;
};
using watched_pool = basic_deflate_pool<watched_backend>;
template <role Role>
using watched = basic_permessage_deflate<Role, watched_backend>;

template <class Check>
void each_role(Check check) {
  check(std::integral_constant<role, role::server>{});
  check(std::integral_constant<role, role::client>{});
}

struct inflated {
  std::string text;
  error fault = error::none;
};

/// Inflates a message, with so much input and so much room at a time, as a connection does; and ends it if
/// there was no fault.
template <class Extension>
inflated inflate_message(Extension& extension, std::string_view payload, std::size_t in_step = 1 << 24,
                         std::size_t out_step = 1 << 16) {
  inflated all;
  exact_buffer room(out_step);
  do {
    const exact_buffer chunk(payload.substr(0, in_step));
    payload.remove_prefix(chunk.view().size());
    const_bytes in = chunk.view();
    for (bool more = true; more;) {
      const transform_step step = extension.inflate(in, room.view(), payload.empty());
      if (step.used > in.size() || step.made > out_step) FAIL("more than there is");
      all.text += text_of(const_bytes(room.view()).first(step.made));
      all.fault = step.fault;
      if (step.fault != error::none) return all;
      in = in.subspan(step.used);
      more = step.made == out_step || !in.empty();
      if (more && step.used == 0 && step.made == 0) FAIL("nothing is done");
    }
  } while (!payload.empty());
  all.fault = extension.finish_inflate();
  return all;
}

/// Deflates a message: what comes of it, with the last four bytes taken off (RFC 7692 §7.2.1).
template <class Extension>
std::string deflate_message(Extension& extension, std::string_view text, bool sent = true) {
  std::string out;
  const exact_buffer whole(text);
  const_bytes in = whole.view();
  for (bool more = true; more;) {
    exact_buffer room(100);
    const transform_step step = extension.deflate(in, room.view());
    REQUIRE(step.fault == error::none);
    in = in.subspan(step.used);
    out += text_of(const_bytes(room.view()).first(step.made));
    more = !in.empty() || step.made == 100;
  }
  extension.finish_deflate(sent);
  REQUIRE(out.ends_with(from_hex("00 00 ff ff")));
  out.resize(out.size() - 4);
  return out;
}

std::string hex(std::string_view data) { return to_hex(bytes_of(data)); }

// RFC 7692 §7.2.3.
const std::string hello = from_hex("f2 48 cd c9 c9 07 00");
const std::string hello_again = from_hex("f2 00 11 00 00");

/// Blocks without compression that hold a text (RFC 1951 §3.2.4), and the start of the empty one.
std::string stored(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, 0x4000);
    text.remove_prefix(part.size());
    out += '\0';
    for (const std::size_t value : {part.size(), ~part.size()}) {
      out += static_cast<char>(value & 0xFFU);
      out += static_cast<char>(value >> 8U & 0xFFU);
    }
    out += part;
  }
  return out + '\0';
}

}  // namespace

TEST_CASE("permessage_deflate: is not active unless it was agreed", "[permessage_deflate][rfc7692][5]") {
  each_role([](auto own) {
    ledger::start();
    watched_pool pool({.threshold = 0});
    const watched<own()> silent(std::nullopt, pool);
    CHECK_FALSE(silent.active());
    for (const std::size_t size : {0U, 64U, 100'000U}) CHECK_FALSE(silent.wants(size));
    CHECK(silent.independent_window_bits() == 0);
    const watched<own()> agreed(deflate_agreement{}, pool);
    CHECK(agreed.active());
    CHECK(ledger::alive == 0);
  });
}

TEST_CASE("permessage_deflate: wants messages from the threshold on", "[permessage_deflate]") {
  each_role([](auto own) {
    for (const std::size_t threshold : {0U, 1U, 64U, 1000U}) {
      watched_pool pool({.threshold = threshold});
      const watched<own()> extension(deflate_agreement{}, pool);
      if (threshold != 0) CHECK_FALSE(extension.wants(threshold - 1));
      CHECK(extension.wants(threshold));
      CHECK(extension.wants(threshold + 1));
      CHECK(extension.wants(std::size_t{0} - 1));
    }
  });
}

TEST_CASE("permessage_deflate: each end compresses with its own window and inflates with the other's",
          "[permessage_deflate][rfc7692][7.1.2]") {
  each_role([](auto own) {
    for (std::uint8_t server = 8; server <= 15; ++server) {
      for (std::uint8_t client = 8; client <= 15; ++client) {
        for (const bool takeover : {false, true}) {
          CAPTURE(own() == role::server, int{server}, int{client}, takeover);
          ledger::start();
          watched_pool pool;
          watched<own()> extension(deflate_agreement{.server_no_context_takeover = !takeover,
                                                     .client_no_context_takeover = !takeover,
                                                     .server_max_window_bits = server,
                                                     .client_max_window_bits = client},
                                   pool);
          const std::uint8_t mine = own() == role::server ? server : client;
          const std::uint8_t theirs = own() == role::server ? client : server;
          CHECK(inflate_message(extension, hello).text == "Hello");
          CHECK(ledger::inflaters == 1);
          // A stream is kept where context is taken over in a large window.
          const bool keeps = takeover && theirs > 12;
          CHECK(pool.idle() == (keeps ? 0 : 1));
          // zlib does not compress with a window of 8 bits.
          CHECK(extension.wants(1000) == (mine >= 9));
          CHECK(extension.independent_window_bits() == (takeover ? 0 : mine));
          if (mine < 9) continue;
          CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
          CHECK(ledger::deflaters == std::vector<int>{mine});
          // The streams went back under the window that they have.
          if (takeover) continue;
          CHECK(pool.idle() == 2);
          CHECK(inflate_message(extension, hello).text == "Hello");
          CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
          CHECK(ledger::inflaters == 1);
          CHECK(ledger::deflaters.size() == 1);
        }
      }
    }
  });
}

TEST_CASE("permessage_deflate: compresses with the levels of the settings", "[permessage_deflate]") {
  for (const bool takeover : {false, true}) {
    watched_pool pool({.level = 3, .memory_level = 4});
    watched<role::server> extension(deflate_agreement{.server_no_context_takeover = !takeover}, pool);
    ledger::start();
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
    CHECK(ledger::level == 3);
    CHECK(ledger::memory_level == 4);
  }
}

TEST_CASE("permessage_deflate: takes context over where that was agreed, and nowhere else",
          "[permessage_deflate][rfc7692][7.1.1]") {
  each_role([](auto own) {
    for (const bool server_takes : {false, true}) {
      for (const bool client_takes : {false, true}) {
        CAPTURE(own() == role::server, server_takes, client_takes);
        ledger::start();
        watched_pool pool;
        const bool mine = own() == role::server ? server_takes : client_takes;
        const bool theirs = own() == role::server ? client_takes : server_takes;
        {
          watched<own()> extension(deflate_agreement{.server_no_context_takeover = !server_takes,
                                                     .client_no_context_takeover = !client_takes},
                                   pool);
          CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
          CHECK(hex(deflate_message(extension, "Hello")) == hex(mine ? hello_again : hello));
          CHECK(inflate_message(extension, hello).text == "Hello");
          if (theirs) {
            CHECK(inflate_message(extension, hello_again).text == "Hello");
          } else {
            CHECK(inflate_message(extension, hello).text == "Hello");
          }
          CHECK(extension.independent_window_bits() == (mine ? 0 : 15));
          // Kept with what is taken over; otherwise they wait in the pool.
          CHECK(ledger::alive == 2);
          CHECK(pool.idle() == (mine ? 0U : 1U) + (theirs ? 0U : 1U));
          CHECK(ledger::inflaters == 1);
          CHECK(ledger::deflaters.size() == 1);
          if (!theirs) CHECK(inflate_message(extension, hello_again).fault == error::compressed_data_invalid);
        }
      }
    }
    CHECK(ledger::alive == 0);
  });
}

TEST_CASE("permessage_deflate: of a small window only the window is kept between messages",
          "[permessage_deflate][rfc7692][7.1.2][7.2.2]") {
  each_role([](auto own) {
    for (std::uint8_t bits = 8; bits <= 15; ++bits) {
      CAPTURE(own() == role::server, int{bits});
      ledger::start();
      watched_pool pool;
      // The window is the other end's.
      const std::uint8_t mine = bits == 12 ? 10 : 12;
      const bool server = own() == role::server;
      watched<own()> extension(deflate_agreement{.server_max_window_bits = server ? mine : bits,
                                                 .client_max_window_bits = server ? bits : mine},
                               pool);
      const std::size_t window = std::size_t{1} << bits;
      ledger::remembered = 0;
      CHECK(inflate_message(extension, hello).text == "Hello");
      CHECK(pool.idle() == (bits > 12 ? 0 : 1));
      // Another connection has the stream meanwhile.
      watched<own()> other(deflate_agreement{.server_no_context_takeover = true, .client_no_context_takeover = true},
                           pool);
      CHECK(inflate_message(other, stored("World")).text == "World");
      CHECK(inflate_message(extension, hello_again).text == "Hello");
      CHECK(ledger::remembered == (bits > 12 ? 0 : 5));
      // The window is that of all messages, as far as it reaches.
      CHECK(inflate_message(extension, stored("abc")).text == "abc");
      CHECK(ledger::remembered == (bits > 12 ? 0 : 10));
      const std::string large(2 * window, 'x');
      CHECK((inflate_message(extension, stored(large)).text == large));
      CHECK(inflate_message(extension, hello).text == "Hello");
      CHECK(ledger::remembered == (bits > 12 ? 0 : window));
      CHECK(ledger::inflaters == (bits > 12 ? 2 : 1));
      CHECK(inflate_message(extension, hello_again).text == "Hello");
    }
  });
}

TEST_CASE("permessage_deflate: a window that is kept goes with the rest when it is released", "[permessage_deflate]") {
  ledger::start();
  watched_pool pool;
  watched<role::client> extension(deflate_agreement{.server_max_window_bits = 9}, pool);
  CHECK(inflate_message(extension, hello).text == "Hello");
  extension.release();
  ledger::remembered = 99;
  CHECK(inflate_message(extension, hello).text == "Hello");
  CHECK(ledger::remembered == 0);
}

TEST_CASE("permessage_deflate: a stream that is kept is not taken from those that are shared", "[permessage_deflate]") {
  ledger::start();
  watched_pool pool;
  watched<role::client> shares(deflate_agreement{.server_no_context_takeover = true}, pool);
  CHECK(inflate_message(shares, hello).text == "Hello");
  CHECK(pool.idle() == 1);
  watched<role::client> keeps(deflate_agreement{}, pool);
  CHECK(inflate_message(keeps, hello).text == "Hello");
  CHECK(pool.idle() == 1);
}

TEST_CASE("permessage_deflate: a window that cannot be given to a stream is no memory", "[permessage_deflate]") {
  ledger::start();
  watched_pool pool;
  watched<role::client> extension(deflate_agreement{.server_max_window_bits = 9}, pool);
  CHECK(inflate_message(extension, hello).text == "Hello");
  ledger::forgets = true;
  CHECK(inflate_message(extension, hello).fault == error::out_of_memory);
  ledger::forgets = false;
}

TEST_CASE("permessage_deflate: makes streams with the first message that needs one", "[permessage_deflate]") {
  for (const bool takeover : {false, true}) {
    ledger::start();
    watched_pool pool;
    watched<role::server> extension(
        deflate_agreement{.server_no_context_takeover = !takeover, .client_no_context_takeover = !takeover}, pool);
    CHECK(extension.wants(1000));
    extension.finish_deflate(true);
    extension.finish_deflate(false);
    CHECK(ledger::alive == 0);
    CHECK(pool.idle() == 0);
    CHECK(inflate_message(extension, hello).text == "Hello");
    CHECK(ledger::inflaters == 1);
    CHECK(ledger::deflaters.empty());
    (void)deflate_message(extension, "Hello");
    CHECK(ledger::inflaters == 1);
    CHECK(ledger::deflaters.size() == 1);
  }
}

TEST_CASE("permessage_deflate: connections without takeover share streams one message at a time",
          "[permessage_deflate]") {
  ledger::start();
  watched_pool pool;
  const deflate_agreement how{.server_no_context_takeover = true, .client_no_context_takeover = true};
  std::vector<watched<role::server>> ends;
  for (int i = 0; i < 20; ++i) ends.emplace_back(how, pool);
  for (auto& end : ends) {
    CHECK(inflate_message(end, hello).text == "Hello");
    CHECK(hex(deflate_message(end, "Hello")) == hex(hello));
  }
  CHECK(ledger::alive == 2);
  // Two messages under way at once need two.
  exact_buffer room(10);
  const exact_buffer half(hello.substr(0, 3));
  CHECK(ends[0].inflate(half.view(), room.view(), false).fault == error::none);
  CHECK(pool.idle() == 1);
  CHECK(inflate_message(ends[1], hello).text == "Hello");
  CHECK(ledger::inflaters == 2);
}

TEST_CASE("permessage_deflate: a message that was not sent leaves no context", "[permessage_deflate][rfc7692][7.2.1]") {
  for (const bool takeover : {false, true}) {
    CAPTURE(takeover);
    ledger::start();
    watched_pool pool;
    watched<role::server> extension(deflate_agreement{.server_no_context_takeover = !takeover}, pool);
    CHECK(hex(deflate_message(extension, "Hello", false)) == hex(hello));
    CHECK(hex(deflate_message(extension, "Hello", false)) == hex(hello));
    CHECK(hex(deflate_message(extension, "Hello", true)) == hex(hello));
    CHECK(hex(deflate_message(extension, "Hello", true)) == hex(takeover ? hello_again : hello));
    CHECK(ledger::deflaters.size() == 1);
    // In the middle of its output, too.
    exact_buffer room(8);
    const exact_buffer text(std::string(300, 'x') + "Hello and what does not shrink 0123456789");
    CHECK(extension.deflate(text.view(), room.view()).made == 8);
    extension.finish_deflate(false);
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
  }
}

TEST_CASE("permessage_deflate: a deflater that cannot be reset goes", "[permessage_deflate]") {
  for (const bool takeover : {false, true}) {
    ledger::start();
    watched_pool pool;
    watched<role::server> extension(deflate_agreement{.server_no_context_takeover = !takeover}, pool);
    ledger::reset_fails = true;
    CHECK(hex(deflate_message(extension, "Hello", false)) == hex(hello));
    CHECK(ledger::alive == 0);
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
    CHECK(ledger::deflaters.size() == 2);
  }
}

TEST_CASE("permessage_deflate: inflates payloads of all lengths, however input and room are cut",
          "[permessage_deflate][rfc7692][7.2.2]") {
  // The last part of a payload is joined with its tail up to 512 bytes.
  for (const std::size_t size : {0U, 1U, 500U, 505U, 506U, 507U, 508U, 1000U, 20'000U}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
    const std::string payload = stored(text);
    for (const std::size_t in_step : {1U, 3U, 511U, 512U, 513U, 100'000U}) {
      for (const std::size_t out_step : {1U, 7U, 512U, 100'000U}) {
        CAPTURE(size, in_step, out_step);
        watched_pool pool;
        watched<role::client> extension(deflate_agreement{}, pool);
        for (int i = 0; i < 2; ++i) {
          const inflated seen = inflate_message(extension, payload, in_step, out_step);
          CHECK((seen.text == text));
          CHECK(seen.fault == error::none);
        }
      }
    }
  }
}

TEST_CASE("permessage_deflate: room that ends with the message, or with its payload, loses nothing",
          "[permessage_deflate]") {
  // A block that is marked as the last, then one; so that output comes of every part of the payload.
  for (const std::string& payload :
       {hello, from_hex("f3 48 cd c9 c9 07 00 00"), from_hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")}) {
    for (std::size_t in_step = 1; in_step <= payload.size(); ++in_step) {
      for (std::size_t out_step = 1; out_step < 8; ++out_step) {
        CAPTURE(hex(payload), in_step, out_step);
        watched_pool pool;
        watched<role::client> extension(deflate_agreement{}, pool);
        for (int i = 0; i < 3; ++i) {
          const inflated seen = inflate_message(extension, payload, in_step, out_step);
          CHECK(seen.text == "Hello");
          CHECK(seen.fault == error::none);
        }
      }
    }
  }
}

TEST_CASE("permessage_deflate: a payload that ends in the middle of a block is invalid",
          "[permessage_deflate][rfc7692][7.2.2]") {
  std::string long_text(1000, 'x');
  for (const std::string& payload : {hello, stored("Hello"), stored(long_text)}) {
    for (const std::size_t in_step : {1U, 2U, 100'000U}) {
      for (std::size_t size = payload.size() > 600 ? payload.size() - 4 : 1; size < payload.size(); ++size) {
        // The first byte is a message without a byte; and the tail could be the last four of a stored block.
        if (payload[0] == '\0' && (size == 1 || size + 5 == payload.size())) continue;
        CAPTURE(hex(payload).substr(0, 60), size, in_step);
        watched_pool pool;
        watched<role::client> extension(deflate_agreement{.server_no_context_takeover = true}, pool);
        CHECK(inflate_message(extension, payload.substr(0, size), in_step).fault == error::compressed_data_invalid);
      }
      // More than the payload of a message.
      watched_pool pool;
      watched<role::client> extension(deflate_agreement{.server_no_context_takeover = true}, pool);
      CHECK(inflate_message(extension, payload + '\x07', in_step).fault == error::compressed_data_invalid);
    }
  }
}

TEST_CASE("permessage_deflate: the verdict on a payload that ends with a final block does not depend on its length",
          "[permessage_deflate][rfc7692][7.2.3.4]") {
  // Nothing follows the block that is marked as the last, not even the byte that RFC 7692 §7.2.1 leaves.
  const std::string final_block = from_hex("f3 48 cd c9 c9 07 00");
  std::vector<error> verdicts;
  for (const std::size_t size : {0U, 100U, 1000U}) {
    const std::string text(size, 'x');
    std::string payload = stored(text);
    payload.pop_back();
    payload += final_block;
    for (const std::size_t in_step : {1U, 600U, 100'000U}) {
      CAPTURE(size, in_step);
      watched_pool pool;
      watched<role::client> extension(deflate_agreement{}, pool);
      const inflated seen = inflate_message(extension, payload, in_step);
      CHECK(seen.text == text + "Hello");
      verdicts.push_back(seen.fault);
      CHECK(verdicts.back() == verdicts.front());
    }
  }
}

TEST_CASE("permessage_deflate: without memory there is no stream, and later there may be", "[permessage_deflate]") {
  for (const bool takeover : {false, true}) {
    ledger::start();
    watched_pool pool;
    watched<role::server> extension(
        deflate_agreement{.server_no_context_takeover = !takeover, .client_no_context_takeover = !takeover}, pool);
    ledger::no_memory = true;
    CHECK(inflate_message(extension, hello).fault == error::out_of_memory);
    exact_buffer room(10);
    CHECK(extension.deflate(bytes_of("Hello"), room.view()).fault == error::out_of_memory);
    CHECK(extension.deflate(bytes_of("Hello"), room.view()).used == 0);
    extension.finish_deflate(false);
    ledger::no_memory = false;
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
    CHECK(inflate_message(extension, hello).text == "Hello");
  }
}

TEST_CASE("permessage_deflate: gives all memory back when it is released", "[permessage_deflate]") {
  for (const bool takeover : {false, true}) {
    ledger::start();
    {
      watched_pool pool;
      watched<role::server> extension(
          deflate_agreement{.server_no_context_takeover = !takeover, .client_no_context_takeover = !takeover}, pool);
      exact_buffer room(10);
      const exact_buffer half(hello.substr(0, 3));
      // In the middle of a message both ways.
      CHECK(extension.inflate(half.view(), room.view(), false).fault == error::none);
      CHECK(extension.deflate(half.view(), room.view()).fault == error::none);
      CHECK(ledger::alive == 2);
      extension.release();
      CHECK(ledger::alive == 0);
      CHECK(pool.idle() == 0);
      extension.release();
    }
    CHECK(ledger::alive == 0);
  }
}

TEST_CASE("permessage_deflate: an end can be moved with its streams, in the middle of messages",
          "[permessage_deflate]") {
  deflate_pool pool;
  permessage_deflate<role::server> first(deflate_agreement{}, pool);
  CHECK(hex(deflate_message(first, "Hello")) == hex(hello));
  const exact_buffer head(hello.substr(0, 3));
  const exact_buffer rest(hello.substr(3));
  exact_buffer room(10);
  const transform_step begun = first.inflate(head.view(), room.view(), false);
  permessage_deflate<role::server> second = std::move(first);
  const transform_step ended = second.inflate(rest.view(), room.view().subspan(begun.made), true);
  CHECK(room.text().substr(0, begun.made + ended.made) == "Hello");
  CHECK(second.finish_inflate() == error::none);
  CHECK(hex(deflate_message(second, "Hello")) == hex(hello_again));
  CHECK(inflate_message(second, hello_again).text == "Hello");
}

// How much a message may inflate to

namespace {

/// The payload of a message of `text_size` 'a's, `payload_size` bytes long: matches at distance 1 in a fixed
/// block, then as many empty blocks as it takes (RFC 1951 §3.2.4, §3.2.6).
std::string of_size(std::size_t payload_size, std::size_t text_size) {
  for (int fill = 0; fill < 40; ++fill) {
    std::string out;
    unsigned count = 0;
    const auto put = [&](std::string_view bits) {
      for (const char bit : bits) {
        if (count % 8 == 0) out += '\0';
        if (bit == '1') out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) | 1U << count % 8);
        ++count;
      }
    };
    put("010");
    put("10010001");  // 'a'
    std::size_t size = 1;
    for (int i = 0; size + 258 <= text_size; size += 258, ++i) {  // length 258, distance 1, the long way or the short
      put(i < fill ? "110001001111100000" : "1100010100000");
    }
    for (; size + 10 <= text_size; size += 10) put("000100000000");  // length 10, distance 1
    for (; size < text_size; ++size) put("10010001");
    put("0000000");
    put("000");  // an empty block without compression
    out += from_hex("00 00 ff ff");
    while (out.size() + 6 <= payload_size) out += from_hex("00 00 00 ff ff");
    out += '\0';
    if (out.size() == payload_size) return out;
  }
  FAIL("no payload of that size");
  return {};
}

}  // namespace

TEST_CASE("permessage_deflate: a message may inflate to the ratio exactly, and one byte more fails",
          "[permessage_deflate][10.4]") {
  // A KiB that is begun has the bound of a whole one until the payload ends.
  for (const auto& [ratio, payload] :
       {std::pair{std::uint64_t{70}, std::size_t{1000}}, {100, 1000}, {120, 1000}, {70, 1024}, {100, 1024}}) {
    for (const std::size_t in_step : {1U, 7U, 999U, 1000U}) {
      for (const std::size_t out_step : {1U, 13U, 1000U, 70'000U, 1'000'000U}) {
        if (in_step * out_step == 1 && payload != 1024) continue;
        CAPTURE(ratio, in_step, out_step);
        watched_pool pool({.max_ratio = ratio});
        watched<role::client> extension(deflate_agreement{.server_no_context_takeover = true}, pool);
        const std::size_t most = static_cast<std::size_t>(ratio) * payload;
        const inflated exactly = inflate_message(extension, of_size(payload, most), in_step, out_step);
        CHECK(exactly.fault == error::none);
        CHECK(exactly.text.size() == most);
        const inflated over = inflate_message(extension, of_size(payload, most + 1), in_step, out_step);
        CHECK(over.fault == error::compressed_ratio_too_high);
        CHECK(over.text.size() == (payload % 1024 == 0 ? most : most + 1));
      }
    }
  }
}

TEST_CASE("permessage_deflate: behind the ratio no more than one byte is inflated", "[permessage_deflate][10.4]") {
  watched_pool pool({.max_ratio = 70});
  watched<role::client> extension(deflate_agreement{}, pool);
  const exact_buffer payload(of_size(1000, 100'000));
  exact_buffer room(std::string(100'000, '-'));
  const transform_step step = extension.inflate(payload.view(), room.view(), true);
  CHECK(step.fault == error::compressed_ratio_too_high);
  CHECK(step.made == 71'680);  // 70 times the KiB that is begun
  CHECK((room.text().substr(0, 71'680) == std::string(71'680, 'a')));
  CHECK((room.text().substr(71'681) == std::string(28'319, '-')));
}

TEST_CASE("permessage_deflate: up to 64 KiB no ratio is too high", "[permessage_deflate][10.4]") {
  for (const std::uint64_t ratio : {0U, 1U, 2U, 60U}) {
    for (const std::size_t out_step : {1U, 1000U, 65'536U, 65'537U, 100'000U}) {
      CAPTURE(ratio, out_step);
      watched_pool pool({.max_ratio = ratio});
      watched<role::client> extension(deflate_agreement{.server_no_context_takeover = true}, pool);
      const inflated floor = inflate_message(extension, of_size(1000, 65'536), 1000, out_step);
      CHECK(floor.fault == error::none);
      CHECK(floor.text.size() == 65'536);
      const inflated over = inflate_message(extension, of_size(1000, 65'537), 1000, out_step);
      CHECK(over.fault == error::compressed_ratio_too_high);
      CHECK(over.text.size() == 65'536);
    }
  }
}

TEST_CASE("permessage_deflate: the ratio is that of one message alone", "[permessage_deflate][10.4]") {
  watched_pool pool({.max_ratio = 100});
  watched<role::client> extension(deflate_agreement{.server_no_context_takeover = true}, pool);
  const std::string payload = of_size(1000, 100'000);
  // It passes again and again: what earlier messages took or came to does not count.
  for (int i = 0; i < 3; ++i) {
    CHECK(inflate_message(extension, payload).text.size() == 100'000);
    CHECK(inflate_message(extension, hello).text == "Hello");
  }
  const std::string longer(80'000, 'x');
  CHECK(inflate_message(extension, stored(longer)).text.size() == 80'000);
  CHECK(inflate_message(extension, of_size(1000, 100'001)).fault == error::compressed_ratio_too_high);
}

TEST_CASE("permessage_deflate: no ratio is so large that it runs over", "[permessage_deflate][10.4]") {
  std::string blocks = stored(std::string(3000, 'x'));
  blocks.pop_back();
  for (const std::uint64_t ratio : {unlimited / 1024 - 1, unlimited / 1024, unlimited / 1024 + 1, unlimited / 1000 + 1,
                                    unlimited / 2, unlimited - 1, unlimited}) {
    CAPTURE(ratio);
    watched_pool pool({.max_ratio = ratio});
    watched<role::client> extension(deflate_agreement{}, pool);
    CHECK(inflate_message(extension, of_size(1000, 100'000)).fault == error::none);
    CHECK(inflate_message(extension, blocks + of_size(1000, 100'000)).fault == error::none);
  }
}

TEST_CASE("permessage_deflate: the ratio is held against each started KiB of a payload, however room is cut",
          "[permessage_deflate][10.4]") {
  // 380 literals and 396 matches of 258 bytes: the last bits of the last match lie in byte 1024 of the payload. They
  // come to 102'548 bytes, more than 100 times that, and the last match alone crosses the line. A stored block
  // follows, so that the whole has a ratio of less.
  std::string bits = "010";
  for (int i = 0; i < 380; ++i) bits += "10010001";
  for (int i = 0; i < 396; ++i) bits += "1100010100000";
  bits += "0000000 000";  // and the header of an empty block without compression
  std::erase(bits, ' ');
  std::string payload;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (i % 8 == 0) payload += '\0';
    if (bits[i] == '1') payload.back() = static_cast<char>(static_cast<unsigned char>(payload.back()) | 1U << i % 8);
  }
  REQUIRE(payload.size() == 1026);
  payload += from_hex("00 00 ff ff") + stored(std::string(1000, 'b'));
  for (const std::size_t in_step : {1U, 100U, 1024U, 1'000'000U}) {
    for (const std::size_t out_step : {1U, 258U, 1000U, 102'300U, 102'390U, 102'400U, 102'401U, 200'000U}) {
      CAPTURE(in_step, out_step);
      watched_pool pool({.max_ratio = 100});
      watched<role::client> extension(deflate_agreement{}, pool);
      const inflated seen = inflate_message(extension, payload, in_step, out_step);
      CHECK(seen.fault == error::compressed_ratio_too_high);
      CHECK(seen.text.size() == 102'400);
    }
  }
}

TEST_CASE("permessage_deflate: with no ratio set, none is too high", "[permessage_deflate]") {
  watched_pool pool;
  watched<role::client> extension(deflate_agreement{}, pool);
  CHECK(inflate_message(extension, of_size(1000, 120'000)).text.size() == 120'000);
}

// What is compressed once for many

TEST_CASE("permessage_deflate: compresses for many with no context and the window asked for",
          "[permessage_deflate][rfc7692][7.1.1]") {
  deflate_pool pool;
  CHECK(independent_deflate(pool).independent_window_bits() == 15);
  for (std::uint8_t bits = 9; bits <= 15; ++bits) {
    auto extension = independent_deflate(pool, bits);
    CHECK(extension.active());
    CHECK(extension.wants(64));
    CHECK_FALSE(extension.wants(63));
    CHECK(extension.independent_window_bits() == bits);
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
    CHECK(hex(deflate_message(extension, "Hello")) == hex(hello));
  }
  CHECK(pool.idle() == 7);
  CHECK_FALSE(independent_deflate(pool, 8).wants(1000));  // zlib cannot
}

TEST_CASE("permessage_deflate: window bits out of range are taken as the nearest", "[permessage_deflate]") {
  deflate_pool pool({.threshold = 0});
  const std::string text(200, 'x');
  for (const std::uint8_t bits : {std::uint8_t{0}, std::uint8_t{8}, std::uint8_t{16}, std::uint8_t{255}}) {
    const auto message = prepared_message::text(text, independent_deflate(pool, bits));
    REQUIRE(message);
    CHECK(message->window_bits() == (bits > 15 ? 15 : 0));  // with 8 bits nothing is compressed
  }
}
