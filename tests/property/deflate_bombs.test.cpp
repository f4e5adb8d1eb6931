// Invariant: whatever a compressed message inflates to, an end holds at most its message limit and 64 KiB, from the
// moment before the connection exists; what is delivered in pieces is never assembled; what has no end takes no memory.
#include "sansocket/deflate/permessage_deflate.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "deflate_streams.hpp"
#include "endpoints.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "heap_meter.hpp"

using namespace sansocket;
using sansocket::tests::deflate_bits;
using sansocket::tests::deflated;
using sansocket::tests::each_role;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::heap_meter;
using sansocket::tests::stream_frame;
using sansocket::tests::stream_message;

namespace {

constexpr std::ptrdiff_t slack = 64 * 1024;
constexpr std::ptrdiff_t small = 80 * 1024;  // a window, zlib's state, and a piece while its buffer grows
constexpr std::size_t whole = ~std::size_t{0};

/// zlib, and how often and with how much it was called.
class counted_inflater {
 public:
  static inline std::size_t calls = 0;

  static std::unique_ptr<counted_inflater> make() noexcept {
    auto made = std::make_unique<counted_inflater>();
    made->stream_ = zlib_inflater::make();
    return made;
  }
  transform_step inflate(const_bytes in, bytes out) noexcept {
    ++calls;
    return stream_->inflate(in, out);
  }
  bool at_block_end() const noexcept { return stream_->at_block_end(); }
  std::size_t since_final_block() const noexcept { return stream_->since_final_block(); }
  bool forget_block() noexcept { return stream_->forget_block(); }
  bool reset() noexcept { return stream_->reset(); }
  bool remember(const_bytes last) noexcept { return stream_->remember(last); }
  std::size_t window(bytes room) noexcept { return stream_->window(room); }

 private:
  std::unique_ptr<zlib_inflater> stream_;
};

struct counted_backend {
  using inflater = counted_inflater;
  using deflater = zlib_deflater;
};

using counted_pool = basic_deflate_pool<counted_backend>;

struct counted_policy : default_policy {
  using random_source = tests::counting_random;
  template <role Role>
  using extension = basic_permessage_deflate<Role, counted_backend>;
};

/// How an end is set up.
struct setup {
  message_limits limits{};
  enum delivery delivery = delivery::messages;
  bool takeover = true;
  std::uint64_t max_ratio = unlimited;
  std::size_t step = whole;  // bytes of a chunk
  std::uint8_t window_bits = 15;
};

/// What came of a stream, and what it took.
struct outcome {
  std::ptrdiff_t peak = 0;
  std::ptrdiff_t open = 0;    // held when all was polled
  std::ptrdiff_t closed = 0;  // held by the pool alone
  std::size_t total = 0;      // all blocks that were ever made
  std::size_t calls = 0;      // of the inflater
  std::size_t messages = 0;
  std::uint64_t bytes = 0;     // of all messages and pieces
  std::uint64_t longest = 0;   // message or piece
  std::uint64_t not_zero = 0;  // bytes other than 0
  std::size_t controls = 0;
  error fault = error::none;
  close_code sent = close_code::none;
};

template <role Role>
outcome meter(std::string_view stream, const setup& how) {
  exact_buffer held(stream);
  bytes rest = held.view();
  deflate_agreement agreed;
  agreed.server_no_context_takeover = agreed.client_no_context_takeover = !how.takeover;
  agreed.server_max_window_bits = agreed.client_max_window_bits = how.window_bits;
  const connection_options options{.limits = how.limits, .delivery = how.delivery};
  outcome seen;
  // Nothing in here but the connection takes memory.
  counted_pool pool({.max_ratio = how.max_ratio});
  counted_inflater::calls = 0;
  const heap_meter heap;
  using end = connection<Role, counted_policy>;
  std::optional<end> ws(std::in_place, typename end::extension_type(agreed, pool), options);
  bool taken = true;
  while (!rest.empty()) {
    const bytes chunk = rest.first(std::min(how.step, rest.size()));
    rest = rest.subspan(chunk.size());
    taken = taken && ws->receive(chunk) == error::none;
    ws->drain([&](const event& next) {
      if (next.type == event_type::closed) {
        seen.fault = next.why.fault;
        seen.sent = next.why.sent;
      } else if (next.is_message()) {
        seen.messages += next.last ? 1 : 0;
        seen.bytes += next.payload.size();
        seen.longest = std::max<std::uint64_t>(seen.longest, next.payload.size());
        if (next.payload.empty()) return;
        if (next.payload.front() != std::byte{0} || next.payload.back() != std::byte{0}) ++seen.not_zero;
      } else {
        ++seen.controls;
      }
    });
  }
  (void)ws->sent(ws->buffered());
  seen.open = heap.live();
  ws.reset();
  seen.closed = heap.live();
  seen.peak = heap.peak();
  seen.total = heap.total();
  seen.calls = counted_inflater::calls;
  REQUIRE(taken);
  return seen;
}

std::ptrdiff_t as_signed(std::uint64_t size) { return static_cast<std::ptrdiff_t>(size); }

/// A message of zeros in one way of framing it.
struct framing {
  std::string_view name;
  std::size_t frame;
  bool pings;
};
constexpr std::array framings = {framing{"one frame", whole, false}, framing{"frames", 1000, false},
                                 framing{"tiny frames", 7, false}, framing{"frames of a byte", 1, false},
                                 framing{"frames and pings", 100, true}};

std::string frames_of(role receiver, unsigned first, std::string_view payload, const framing& how) {
  const std::string ping = how.pings ? stream_frame(receiver, 0x89, "p") : "";
  return stream_message(receiver, first, payload, how.frame, ping);
}

/// A message exactly at its limit passes, one byte more fails, and neither holds more than that.
template <role Role>
void check_limit(std::uint64_t limit, unsigned first, const framing& frames, const setup& given) {
  CAPTURE(Role == role::server, limit, first, frames.name, given.step, given.takeover);
  CAPTURE(given.delivery == delivery::pieces);
  setup how = given;
  how.limits = {.message = limit, .fragments = unlimited};
  const bool pieces = how.delivery == delivery::pieces;
  for (const std::size_t more : {0U, 1U}) {
    const std::string payload = deflate_bits().zeros(limit + more).end();
    REQUIRE(payload.size() < 120 + (limit + more) / 1000);
    const outcome seen = meter<Role>(frames_of(Role, first, payload, frames), how);
    CHECK(seen.fault == (more == 0 ? error::none : error::message_too_big));
    CHECK(seen.sent == (more == 0 ? close_code::none : close_code::message_too_big));
    CHECK(seen.messages == 1 - more);
    CHECK(seen.bytes == (more == 0 || pieces ? limit : 0));
    CHECK(seen.not_zero == 0);
    if (!pieces) CHECK(seen.peak <= as_signed(limit) + slack);
    if (!pieces) CHECK(seen.total <= limit + 2 * slack + 1024 * seen.controls + 1024 * payload.size());
    if (pieces) CHECK(seen.peak <= small);
    if (pieces) CHECK(seen.longest <= 32 * 1024);
    CHECK(seen.closed <= (how.takeover ? 0 : 41 * 1024));
  }
}

}  // namespace

TEST_CASE("deflate_bombs: zeros hold no more than their limit, whole and in pieces", "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    for (const std::uint64_t limit : {16U * 1024U, 64U * 1024U, 100'000U, 1024U * 1024U}) {
      for (const framing& frames : framings) {
        for (const delivery how : {delivery::messages, delivery::pieces}) {
          for (const bool takeover : {true, false}) {
            for (const std::size_t step : {whole, std::size_t{1000}, std::size_t{1}}) {
              const unsigned first = 0xC1U + (step == 1000 ? 1U : 0U);
              check_limit<own()>(limit, first, frames, {.delivery = how, .takeover = takeover, .step = step});
            }
          }
        }
      }
    }
  });
}

TEST_CASE("deflate_bombs: sixteen mebibytes of zeros hold no more than their limit", "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    for (const framing& frames : {framings[0], framings[4]}) {
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        check_limit<own()>(16 * 1024 * 1024, 0xC2, frames, {.delivery = how, .step = 1000});
      }
    }
  });
}

TEST_CASE("deflate_bombs: limits and messages that are small or odd", "[deflate_bombs][7692-8]") {
  for (const std::uint64_t limit : {1U, 2U, 239U, 240U, 241U, 4096U, 16'383U, 16'385U, 17'000U, 20'479U, 20'480U,
                                    20'481U, 32'767U, 32'768U, 32'769U, 65'537U, 70'000U}) {
    for (const delivery how : {delivery::messages, delivery::pieces}) {
      for (const std::size_t step : {whole, std::size_t{1}}) {
        check_limit<role::server>(limit, 0xC1, framings[0], {.delivery = how, .step = step});
        check_limit<role::client>(limit, 0xC2, framings[2], {.delivery = how, .takeover = false, .step = step});
      }
    }
  }
  // Nothing at all is allowed: an empty message passes.
  for (const std::size_t size : {0U, 1U}) {
    const std::string stream = stream_frame(role::server, 0xC2, deflate_bits().stored(std::string(size, 'x')).end());
    const outcome seen = meter<role::server>(stream, {.limits = {.message = 0}, .delivery = delivery::pieces});
    CHECK(seen.fault == (size == 0 ? error::none : error::message_too_big));
  }
}

TEST_CASE("deflate_bombs: a bomb that goes far beyond its limit is stopped at it", "[deflate_bombs][7692-8]") {
  const std::string payload = deflate_bits().zeros(200'000'000).end();
  REQUIRE(payload.size() < 194'000);
  each_role([&](auto own) {
    for (const framing& frames : framings) {
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        const setup given{.limits = {.fragments = unlimited}, .delivery = how, .step = 4096};
        const outcome seen = meter<own()>(frames_of(own(), 0xC2, payload, frames), given);
        CHECK(seen.fault == error::message_too_big);
        CHECK(seen.bytes == (how == delivery::pieces ? 1024 * 1024 : 0));
        CHECK(seen.peak <= (how == delivery::pieces ? small : 1024 * 1024 + slack));
      }
    }
  });
}

TEST_CASE("deflate_bombs: control frames that arrive cut beside a message do not raise what it holds",
          "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    const std::string ping = stream_frame(own(), 0x89, std::string(125, 'p'));
    for (const std::uint64_t limit : {16U * 1024U, 100'000U, 1024U * 1024U}) {
      for (const std::size_t so_far : {limit, limit - 1, limit - 124, std::uint64_t{16'384}, std::uint64_t{16'380}}) {
        for (const std::size_t step : {1U, 50U}) {
          CAPTURE(own() == role::server, limit, so_far, step);
          const std::string begun = deflate_bits().zeros(so_far).end();
          const std::string rest = deflate_bits().zeros(limit - so_far).end();
          const std::string stream = stream_frame(own(), 0x42, begun) + ping + ping +
                                     stream_frame(own(), 0x00, from_hex("00 00 ff ff")) + ping +
                                     stream_frame(own(), 0x80, rest);
          const outcome seen = meter<own()>(stream, {.limits = {.message = limit}, .step = step});
          CHECK(seen.fault == error::none);
          CHECK(seen.bytes == limit);
          CHECK(seen.controls == 3);
          CHECK(seen.peak <= as_signed(limit) + slack);
        }
      }
    }
  });
}

TEST_CASE("deflate_bombs: a cut ping wherever the buffer is full does not make it grow otherwise",
          "[deflate_bombs][7692-8]") {
  const std::uint64_t limit = 1024 * 1024;
  each_role([limit](auto own) {
    const std::string ping = stream_frame(own(), 0x89, std::string(125, 'p'));
    for (const std::size_t first : {100U, 239U, 5'000U, 10'219U, 20'479U, 30'000U}) {
      std::string stream;
      std::size_t so_far = 0;
      for (std::size_t next = first; next < limit; next = 2 * next - 1) {
        const std::string part = deflate_bits().zeros(next - so_far).end() + from_hex("00 00 ff ff");
        stream += stream_frame(own(), so_far == 0 ? 0x42 : 0x00, part) + ping;
        so_far = next;
      }
      stream += stream_frame(own(), 0x80, deflate_bits().zeros(limit - so_far).end());
      const outcome seen = meter<own()>(stream, {.limits = {.message = limit}, .step = 1});
      CAPTURE(own() == role::server, first);
      CHECK(seen.fault == error::none);
      CHECK(seen.bytes == limit);
      CHECK(seen.peak <= as_signed(limit) + slack);
    }
  });
}

TEST_CASE("deflate_bombs: a huge message in pieces is never assembled", "[deflate_bombs][7692-8]") {
  const std::string payload = deflate_bits().zeros(64 * 1024 * 1024).end();
  each_role([&](auto own) {
    for (const std::uint64_t limit : {std::uint64_t{64 * 1024 * 1024}, unlimited}) {
      const outcome seen =
          meter<own()>(stream_frame(own(), 0xC1, payload),
                       {.limits = {.message = limit}, .delivery = delivery::pieces, .takeover = false, .step = 3000});
      CHECK(seen.messages == 1);
      CHECK(seen.bytes == 64 * 1024 * 1024);
      CHECK(seen.not_zero == 0);
      CHECK(seen.peak <= small);
      CHECK(seen.total <= 32 * slack);
    }
  });
}

TEST_CASE("deflate_bombs: without a limit, memory and work are bounded by what the message comes to",
          "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    for (const std::size_t size : {100'000U, 1'000'000U, 4'000'000U}) {
      for (const std::size_t step : {whole, std::size_t{10}}) {
        const std::string stream = stream_frame(own(), 0xC2, deflate_bits().zeros(size).end());
        const outcome seen = meter<own()>(stream, {.limits = {.message = unlimited}, .step = step});
        CHECK(seen.bytes == size);
        CHECK(seen.peak <= as_signed(3 * size) + slack);
        // Each growth makes a block anew: if they do not double, their sum is quadratic.
        CHECK(seen.total <= 5 * size + 4 * slack);
      }
    }
  });
}

TEST_CASE("deflate_bombs: blocks without content and without end take no memory and linear work",
          "[deflate_bombs][7692-8]") {
  const auto repeated = [](std::size_t count, const std::string& unit) {
    std::string out;
    out.reserve(count * unit.size());
    for (std::size_t i = 0; i < count; ++i) out += unit;
    return out;
  };
  const std::vector<std::string> payloads = {
      repeated(50'000, from_hex("00 00 00 ff ff")),                  // stored
      repeated(50'000, from_hex("02 08 20 80 00")),                  // fixed: 4 in 5 bytes
      repeated(100'000, from_hex("03 00")),                          // fixed, final
      repeated(50'000, from_hex("01 00 00 ff ff")),                  // stored, final
      repeated(5'000, deflate_bits().zeros(0).stored("").so_far()),  // dynamic
      repeated(5'000, deflate_bits().zeros(0, true).align().stored("").fixed("").stored("").so_far()),
  };
  each_role([&](auto own) {
    for (const std::string& payload : payloads) {
      for (const std::size_t frame : {whole, std::size_t{7}}) {
        for (const std::size_t step : {whole, std::size_t{11}}) {
          for (const delivery how : {delivery::messages, delivery::pieces}) {
            CAPTURE(own() == role::server, frame, step, how == delivery::pieces, payload.size());
            const outcome seen =
                meter<own()>(stream_message(own(), 0x42, payload + from_hex("00"), frame),
                             {.limits = {.message = 16, .fragments = unlimited}, .delivery = how, .step = step});
            CHECK(seen.fault == error::none);
            CHECK(seen.messages == 1);
            CHECK(seen.bytes == 0);
            CHECK(seen.peak <= slack);
            const std::size_t frames = payload.size() / std::min(frame, payload.size());
            const std::size_t chunks = payload.size() / std::min(step, payload.size());
            CHECK(seen.calls <= payload.size() / 8192 + 2 * frames + 2 * chunks + 8);
          }
        }
      }
    }
  });
}

TEST_CASE("deflate_bombs: inflating takes calls in proportion to what comes and what comes of it",
          "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    for (const std::size_t size : {std::size_t{1024 * 1024}, std::size_t{8 * 1024 * 1024}}) {
      const std::string payload = deflate_bits().zeros(size).end();
      for (const delivery how : {delivery::messages, delivery::pieces}) {
        const outcome seen = meter<own()>(stream_frame(own(), 0xC2, payload),
                                          {.limits = {.message = size}, .delivery = how, .max_ratio = 1040});
        CHECK(seen.messages == 1);
        CHECK(seen.calls <= size / 2048 + 40);
      }
    }
  });
}

TEST_CASE("deflate_bombs: of random messages none holds more than its limit", "[deflate_bombs][7692-8]") {
  std::minstd_rand random(7692);
  const auto text = [&](std::size_t size) {
    std::string out(size, ' ');
    for (char& c : out) c = static_cast<char>('!' + random() % 90);
    return out;
  };
  std::size_t passed = 0;
  std::size_t refused = 0;
  each_role([&](auto own) {
    for (int round = 0; round < 150; ++round) {
      constexpr std::array<std::uint64_t, 5> limits{16 * 1024, 20'000, 64 * 1024, 100'000, 300'000};
      setup how{.limits = {.message = limits[random() % limits.size()], .fragments = unlimited},
                .delivery = random() % 4 == 0 ? delivery::pieces : delivery::messages,
                .takeover = random() % 2 == 0};
      if (random() % 4 != 0) how.step = 1 + random() % (random() % 2 == 0 ? 30 : 5000);
      std::string stream;
      std::size_t expected = 0;  // messages before the first that is too big
      bool fits = true;
      for (int i = 0; i < 5; ++i) {
        std::uint64_t size = 0;
        deflate_bits message;
        const int blocks = 1 + static_cast<int>(random() % 12);
        for (int k = 0; k < blocks; ++k) {
          const bool final = random() % 5 == 0;
          std::size_t count = random() % (random() % 3 == 0 ? how.limits.message * 5 / 4 : 3000);
          switch (random() % 5) {
            case 0: count = 0; [[fallthrough]];
            case 1: message.zeros(count, final); break;
            case 2:
              count %= 10'000;
              message.fixed(text(count), final);
              break;
            case 3:
              count %= 65'536;
              message.stored(text(count), final);
              break;
            default:
              count = 0;
              message.fixed("", final);
              break;
          }
          size += count;
          if (final) message.align();
        }
        const std::string payload = message.end();
        std::string between;
        if (random() % 3 == 0) between = stream_frame(own(), 0x89, std::string(random() % 126, 'p'));
        stream +=
            stream_message(own(), 0x41U + random() % 2, payload, 1 + random() % (payload.size() / 3 + 2), between);
        if (size > how.limits.message) fits = false;
        if (fits) ++expected;
      }
      CAPTURE(own() == role::server, round, how.limits.message, how.step, how.delivery == delivery::pieces);
      const outcome seen = meter<own()>(stream, how);
      CHECK(seen.fault == (fits ? error::none : error::message_too_big));
      CHECK(seen.messages == expected);
      CHECK(seen.longest <= how.limits.message);
      CHECK(seen.peak <= (how.delivery == delivery::pieces ? small : as_signed(how.limits.message) + slack));
      ++(fits ? passed : refused);
    }
  });
  CHECK(passed > 50);
  CHECK(refused > 50);
}

TEST_CASE("deflate_bombs: many messages in a row hold no more than one", "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    const std::string one = stream_frame(own(), 0xC1, deflate_bits().zeros(60'000).end());
    std::string stream;
    for (int i = 0; i < 100; ++i) stream += one;
    for (const bool takeover : {true, false}) {
      for (const std::uint8_t bits : {std::uint8_t{8}, std::uint8_t{11}, std::uint8_t{14}, std::uint8_t{15}}) {
        for (const delivery how : {delivery::messages, delivery::pieces}) {
          CAPTURE(own() == role::server, takeover, int{bits}, how == delivery::pieces);
          const outcome seen = meter<own()>(stream, {.limits = {.message = 60'000},
                                                     .delivery = how,
                                                     .takeover = takeover,
                                                     .step = 4001,
                                                     .window_bits = bits});
          CHECK(seen.messages == 100);
          CHECK(seen.peak <= (how == delivery::pieces ? small : 60'000 + slack));
          // Between messages: no buffer, a stream that waits, and a small window if it is kept.
          const std::ptrdiff_t window = takeover && bits < 15 ? std::ptrdiff_t{1} << bits : 0;
          CHECK(seen.open <= 41 * 1024 + std::max<std::ptrdiff_t>(window, 256) + 16);
          CHECK(seen.closed <= (takeover && bits == 15 ? 0 : 41 * 1024));
        }
      }
    }
  });
}

TEST_CASE("deflate_bombs: max_ratio stops a bomb long before the message limit", "[deflate_bombs][7692-8]") {
  each_role([](auto own) {
    for (const std::uint64_t ratio : {0U, 1U, 10U, 100U, 1000U}) {
      for (const framing& frames : {framings[0], framings[2]}) {
        for (const std::size_t step : {whole, std::size_t{1}}) {
          for (const delivery how : {delivery::messages, delivery::pieces}) {
            CAPTURE(own() == role::server, ratio, frames.name, step, how == delivery::pieces);
            const std::string payload = deflate_bits().zeros(4'000'000).end();
            const setup given{
                .limits = {.message = 16 * 1024 * 1024}, .delivery = how, .max_ratio = ratio, .step = step};
            const outcome seen = meter<own()>(frames_of(own(), 0xC2, payload, frames), given);
            CHECK(seen.fault == error::compressed_ratio_too_high);
            CHECK(seen.sent == close_code::policy_violation);
            CHECK(seen.messages == 0);
            const std::uint64_t allowed = std::max<std::uint64_t>(64 * 1024, ratio * payload.size());
            CHECK(seen.bytes <= (how == delivery::pieces ? allowed : 0));
          }
        }
      }
    }
  });
}

TEST_CASE("deflate_bombs: a message exactly at max_ratio passes, one byte more does not", "[deflate_bombs][7692-8]") {
  const auto padded = [](std::size_t zeros, std::size_t size) {
    // Empty blocks of 5 bytes and of 6 before them make it as long as it is to be.
    const std::size_t before = size - deflate_bits().zeros(zeros).end().size();
    deflate_bits message;
    while ((before - message.so_far().size()) % 5 != 0) message.block(1).fixed_end().stored("");
    while (message.so_far().size() < before) message.stored("");
    return message.zeros(zeros).end();
  };
  each_role([&](auto own) {
    const std::size_t size = 5000;
    for (const std::uint64_t ratio : {20U, 100U}) {
      for (const std::uint64_t more : {0U, 1U}) {
        const std::string payload = padded(size * ratio + more, size);
        REQUIRE(payload.size() == size);
        for (const std::size_t step : {whole, std::size_t{1}, std::size_t{333}}) {
          for (const delivery how : {delivery::messages, delivery::pieces}) {
            const outcome seen =
                meter<own()>(stream_frame(own(), 0xC2, payload), {.delivery = how, .max_ratio = ratio, .step = step});
            CHECK(seen.fault == (more == 0 ? error::none : error::compressed_ratio_too_high));
            CHECK(seen.messages == 1 - more);
            if (more == 0) CHECK(seen.bytes == size * ratio);
          }
        }
      }
    }
    // Up to 64 KiB any ratio passes, for each message anew.
    for (const std::size_t zeros : {65'536U, 65'537U}) {
      const std::string one = stream_frame(own(), 0xC2, deflate_bits().zeros(zeros).end());
      const outcome seen = meter<own()>(one + one + one, {.max_ratio = 1});
      CHECK(seen.messages == (zeros == 65'536 ? 3 : 0));
      CHECK(seen.fault == (zeros == 65'536 ? error::none : error::compressed_ratio_too_high));
    }
  });
}

TEST_CASE("deflate_bombs: a frame that announces much does not buy a bomb a higher ratio", "[deflate_bombs][7692-8]") {
  // Of what is announced, 4 KiB come.
  const std::string payload = deflate_bits().zeros(4'000'000).end();
  const std::string stream = from_hex("c2 7f 00 00 00 01 00 00 00 00") + payload;
  const outcome seen = meter<role::client>(stream, {.limits = {.message = 16 * 1024 * 1024}, .max_ratio = 100});
  CHECK(seen.fault == error::compressed_ratio_too_high);
}

TEST_CASE("deflate_bombs: what waits is a stream for each message under way, not for each connection",
          "[deflate_bombs][7692-7.1.1]") {
  each_role([](auto own) {
    using end = connection<own(), counted_policy>;
    const std::string one = stream_frame(own(), 0xC1, deflated(std::string(10'000, 'x') + "a message for everyone"));
    for (const int bits : {8, 12, 15}) {
      for (const bool takeover : {true, false}) {
        deflate_agreement agreed;
        agreed.server_no_context_takeover = agreed.client_no_context_takeover = !takeover;
        agreed.server_max_window_bits = agreed.client_max_window_bits = static_cast<std::uint8_t>(bits);
        std::vector<exact_buffer> chunks;
        chunks.reserve(100);
        for (int i = 0; i < 100; ++i) chunks.emplace_back(one);
        counted_pool pool;
        const connection_options options;
        std::size_t heard = 0;
        std::ptrdiff_t first = 0;
        std::ptrdiff_t after = 0;
        std::ptrdiff_t ended = 0;
        std::ptrdiff_t gone = 0;
        {
          std::vector<end> all;
          all.reserve(100);
          const heap_meter heap;
          for (exact_buffer& chunk : chunks) {
            end& ws = all.emplace_back(typename end::extension_type(agreed, pool), options);
            (void)ws.receive(chunk.view());
            ws.drain([&](const event&) { ++heard; });
            if (all.size() == 1) first = heap.live();
          }
          after = heap.live();
          // The last poll after an end gives all memory back, though the connection stays.
          for (end& ws : all) {
            ws.receive_eof();
            ws.drain([&](const event&) { ++heard; });
          }
          ended = heap.live();
          all.clear();
          gone = heap.live();
        }
        CAPTURE(own() == role::server, bits, takeover);
        CHECK(heard == 200);
        CHECK(first > 32 * 1024);
        const std::ptrdiff_t window =
            takeover && bits < 15 ? std::max(std::ptrdiff_t{1} << bits, std::ptrdiff_t{240}) : 0;
        CHECK(first < 41 * 1024 + window);
        const bool each_keeps_a_stream = takeover && bits == 15;
        CHECK(after <= (each_keeps_a_stream ? 100 * first : first + 99 * (window + 16)));
        CHECK(ended <= (each_keeps_a_stream ? 0 : 41 * 1024));
        CHECK(gone == ended);
        CHECK(pool.idle() == (each_keeps_a_stream ? 0 : 1));
      }
    }
  });
}

TEST_CASE("deflate_bombs: a pool keeps as many streams as it is told, also after many messages at once",
          "[deflate_bombs][7692-7.1.1]") {
  for (const std::size_t idle : {0U, 3U, 8U}) {
    const deflate_agreement agreed{.server_no_context_takeover = true, .client_no_context_takeover = true};
    const std::string payload = deflated("one of many that are under way together");
    const std::string begun = stream_frame(role::server, 0x41, payload.substr(0, 5));
    const std::string ending = stream_frame(role::server, 0x80, payload.substr(5));
    std::ptrdiff_t under_way = 0;
    std::ptrdiff_t after = 0;
    {
      counted_pool pool({.idle_streams = idle});
      using end = connection<role::server, counted_policy>;
      const connection_options options;
      std::vector<end> all;
      all.reserve(20);
      std::vector<exact_buffer> chunks;
      chunks.reserve(40);
      for (int i = 0; i < 20; ++i) {
        chunks.emplace_back(begun);
        chunks.emplace_back(ending);
      }
      const heap_meter heap;
      for (std::size_t i = 0; i < 20; ++i) {
        end& ws = all.emplace_back(end::extension_type(agreed, pool), options);
        (void)ws.receive(chunks[2 * i].view());
        (void)ws.poll();
      }
      under_way = heap.live();
      for (std::size_t i = 0; i < 20; ++i) {
        (void)all[i].receive(chunks[2 * i + 1].view());
        while (all[i].poll()) continue;
      }
      after = heap.live();
      CHECK(pool.idle() == idle);
    }
    CHECK(under_way > 20 * 7 * 1024);
    CHECK(after <= as_signed(idle) * 41 * 1024);
  }
}
