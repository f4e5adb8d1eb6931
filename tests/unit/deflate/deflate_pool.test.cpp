#include "sansocket/deflate/deflate_pool.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace sansocket;

namespace {

/// How streams were made, and how many there are.
struct ledger {
  static inline int inflaters_made = 0;
  static inline int deflaters_made = 0;
  static inline int alive = 0;
  static inline int resets = 0;
  static inline bool no_memory = false;
  static inline bool reset_fails = false;

  static void start() {
    inflaters_made = deflaters_made = resets = 0;
    no_memory = reset_fails = false;
  }
};

struct stub {
  stub() { ++ledger::alive; }
  stub(const stub&) = delete;
  stub& operator=(const stub&) = delete;
  ~stub() { --ledger::alive; }

  bool reset() noexcept {
    ++ledger::resets;
    return !ledger::reset_fails;
  }
};

struct stub_inflater : stub {
  static std::unique_ptr<stub_inflater> make() {
    if (ledger::no_memory) return nullptr;
    ++ledger::inflaters_made;
    return std::make_unique<stub_inflater>();
  }
  transform_step inflate(const_bytes, bytes) noexcept { return {}; }
  bool at_block_end() const noexcept { return true; }
  std::size_t since_final_block() const noexcept { return ~std::size_t{0}; }
  bool forget_block() noexcept { return true; }
  bool remember(const_bytes) noexcept { return true; }
  std::size_t window(bytes) noexcept { return 0; }
};

struct stub_deflater : stub {
  static constexpr int min_window_bits = 9;
  int window_bits = 0;
  int level = 0;
  int memory_level = 0;

  static std::unique_ptr<stub_deflater> make(int window_bits, int level, int memory_level) {
    if (ledger::no_memory) return nullptr;
    ++ledger::deflaters_made;
    auto made = std::make_unique<stub_deflater>();
    made->window_bits = window_bits;
    made->level = level;
    made->memory_level = memory_level;
    return made;
  }
  transform_step deflate(const_bytes, bytes) noexcept { return {}; }
};

struct stub_backend {
  using inflater = stub_inflater;
  using deflater = stub_deflater;
};

using stub_pool = basic_deflate_pool<stub_backend>;

constexpr std::array<std::uint8_t, 8> all_windows = {8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

TEST_CASE("deflate_pool: settings are what one would want without saying so", "[deflate_pool]") {
  const stub_pool pool;
  CHECK(pool.settings().level == 6);
  CHECK(pool.settings().memory_level == 8);
  CHECK(pool.settings().threshold == 64);
  CHECK(pool.settings().max_ratio == unlimited);
  CHECK(pool.settings().idle_streams == 8);
}

TEST_CASE("deflate_pool: keeps the settings, a level out of range as the nearest one", "[deflate_pool]") {
  const stub_pool pool({.level = 3, .memory_level = 4, .threshold = 5, .max_ratio = 6, .idle_streams = 7});
  CHECK(pool.settings().level == 3);
  CHECK(pool.settings().memory_level == 4);
  CHECK(pool.settings().threshold == 5);
  CHECK(pool.settings().max_ratio == 6);
  CHECK(pool.settings().idle_streams == 7);

  for (const int low : {-2'000'000'000, -1, 0, 1}) {
    CHECK(stub_pool({.level = low}).settings().level == 1);
    CHECK(stub_pool({.memory_level = low}).settings().memory_level == 1);
  }
  for (const int high : {9, 10, 2'000'000'000}) {
    CHECK(stub_pool({.level = high}).settings().level == 9);
    CHECK(stub_pool({.memory_level = high}).settings().memory_level == 9);
  }
}

TEST_CASE("deflate_pool: makes deflaters with the window asked for and the settings' levels", "[deflate_pool]") {
  ledger::start();
  stub_pool pool({.level = 4, .memory_level = 2});
  for (const std::uint8_t window : all_windows) {
    const auto deflater = pool.take_deflater(window);
    CHECK(deflater->window_bits == window);
    CHECK(deflater->level == 4);
    CHECK(deflater->memory_level == 2);
  }
  CHECK(pool.idle() == 0);
}

TEST_CASE("deflate_pool: a stream that was given back is reset and taken again", "[deflate_pool]") {
  ledger::start();
  stub_pool pool;
  auto inflater = pool.take_inflater();
  auto deflater = pool.take_deflater(15);
  const auto* const same_inflater = inflater.get();
  const auto* const same_deflater = deflater.get();
  CHECK(ledger::resets == 0);
  pool.give_back(std::move(inflater));
  CHECK(ledger::resets == 1);
  CHECK(pool.idle() == 1);
  pool.give_back(std::move(deflater), 15);
  CHECK(ledger::resets == 2);
  CHECK(pool.idle() == 2);
  CHECK(ledger::alive == 2);

  inflater = pool.take_inflater();
  CHECK(inflater.get() == same_inflater);
  CHECK(pool.idle() == 1);
  deflater = pool.take_deflater(15);
  CHECK(deflater.get() == same_deflater);
  CHECK(pool.idle() == 0);
  CHECK(ledger::inflaters_made == 1);
  CHECK(ledger::deflaters_made == 1);

  // One taken again while the first is out is another.
  CHECK(pool.take_inflater().get() != same_inflater);
  CHECK(ledger::inflaters_made == 2);
}

TEST_CASE("deflate_pool: a deflater waits for a message with its own window, an inflater for any", "[deflate_pool]") {
  ledger::start();
  stub_pool pool;
  for (const std::uint8_t window : all_windows) {
    pool.give_back(pool.take_inflater());
    pool.give_back(pool.take_deflater(window), window);
  }
  CHECK(pool.idle() == 9);
  CHECK(ledger::inflaters_made == 1);
  CHECK(ledger::deflaters_made == 8);
  for (const std::uint8_t window : all_windows) CHECK(pool.take_deflater(window)->window_bits == window);
  CHECK(ledger::deflaters_made == 8);
  CHECK(pool.idle() == 1);
  CHECK(ledger::alive == 1);
}

TEST_CASE("deflate_pool: keeps as many of each kind and window as it is told, eight at most", "[deflate_pool]") {
  for (const std::size_t limit : {0U, 1U, 2U, 7U, 8U, 9U, 1000U}) {
    CAPTURE(limit);
    ledger::start();
    const std::size_t kept = limit < 8 ? limit : 8;
    {
      stub_pool pool({.idle_streams = limit});
      std::vector<std::unique_ptr<stub_inflater>> inflaters;
      std::vector<std::unique_ptr<stub_deflater>> deflaters;
      for (int i = 0; i < 10; ++i) {
        inflaters.push_back(pool.take_inflater());
        deflaters.push_back(pool.take_deflater(9));
      }
      CHECK(ledger::alive == 20);
      for (auto& stream : inflaters) pool.give_back(std::move(stream));
      CHECK(pool.idle() == kept);
      for (auto& stream : deflaters) pool.give_back(std::move(stream), 9);
      CHECK(pool.idle() == 2 * kept);
      CHECK(ledger::alive == static_cast<int>(2 * kept));
      if (kept != 0) {
        const auto taken = pool.take_inflater();
        CHECK(pool.idle() == 2 * kept - 1);
        CHECK(ledger::inflaters_made == 10);
      }
    }
    CHECK(ledger::alive == 0);  // with the pool all that wait go
  }
}

TEST_CASE("deflate_pool: a stream that cannot be reset is not kept", "[deflate_pool]") {
  ledger::start();
  stub_pool pool;
  auto stream = pool.take_inflater();
  ledger::reset_fails = true;
  pool.give_back(std::move(stream));
  CHECK(pool.idle() == 0);
  CHECK(ledger::alive == 0);
}

TEST_CASE("deflate_pool: gives nothing if there is no memory, but what waits", "[deflate_pool]") {
  ledger::start();
  stub_pool pool;
  pool.give_back(pool.take_inflater());
  ledger::no_memory = true;
  CHECK(pool.take_inflater());
  CHECK_FALSE(pool.take_inflater());
  CHECK_FALSE(pool.take_deflater(15));
}
