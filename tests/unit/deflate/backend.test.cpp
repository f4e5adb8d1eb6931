#include "sansocket/deflate/backend.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "fixed_random.hpp"
#include "hex.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"

using namespace sansocket;
using sansocket::tests::counting_random;
using sansocket::tests::exact_buffer;
using sansocket::tests::from_hex;
using sansocket::tests::to_hex;

namespace {

/// Reads blocks without compression and no others (RFC 1951 §3.2.4).
class stored_inflater {
 public:
  static std::unique_ptr<stored_inflater> make() { return std::make_unique<stored_inflater>(); }

  transform_step inflate(const_bytes in, bytes out) noexcept {
    transform_step step;
    while (step.used < in.size()) {
      if (head_.size() == 5) {
        if (step.made == out.size()) return step;
        out[step.made++] = in[step.used++];
        if (since_final_ != none) ++since_final_;
        if (--left_ == 0) end_block();
        continue;
      }
      head_.push_back(in[step.used++]);
      if (since_final_ != none) ++since_final_;
      if (value_of(head_[0]) > 1) return fault(step);  // neither stored nor stored and final
      if (head_.size() < 5) continue;
      left_ = value_of(head_[1]) + 256U * value_of(head_[2]);
      if (left_ + value_of(head_[3]) + 256U * value_of(head_[4]) != 0xFFFF) return fault(step);
      if (left_ == 0) end_block();
    }
    return step;
  }
  bool at_block_end() const noexcept { return head_.empty(); }
  std::size_t since_final_block() const noexcept { return since_final_; }
  bool forget_block() noexcept {
    head_.clear();
    return true;
  }
  bool reset() noexcept {
    since_final_ = none;
    return forget_block();
  }
  // Nothing refers to what came before.
  bool remember(const_bytes) noexcept { return true; }
  std::size_t window(bytes) noexcept { return 0; }

 private:
  void end_block() {
    if (value_of(head_[0]) == 1) since_final_ = 0;
    head_.clear();
  }
  static transform_step fault(transform_step step) {
    step.fault = error::compressed_data_invalid;
    return step;
  }

  std::vector<std::byte> head_;  // of the block under way
  std::size_t left_ = 0;
  static constexpr std::size_t none = ~std::size_t{0};
  std::size_t since_final_ = none;
};

/// Puts everything into blocks without compression. What is made before there is room for it waits.
class stored_deflater {
 public:
  static constexpr int min_window_bits = 8;
  static std::unique_ptr<stored_deflater> make(int, int, int) { return std::make_unique<stored_deflater>(); }

  transform_step deflate(const_bytes in, bytes out) noexcept {
    const std::size_t size = std::min<std::size_t>(in.size(), 0xFFFF);
    if (size != 0) {
      put(size);
      waiting_ += text_of(in.first(size));
      fresh_ = true;
    }
    if (size == in.size() && fresh_) {
      put(0);
      fresh_ = false;
    }
    const std::size_t made = std::min(waiting_.size(), out.size());
    if (made != 0) std::memcpy(out.data(), waiting_.data(), made);
    waiting_.erase(0, made);
    return {.used = size, .made = made};
  }
  bool reset() noexcept {
    waiting_.clear();
    fresh_ = false;
    return true;
  }

 private:
  void put(std::size_t size) {
    waiting_ += '\0';
    for (const std::size_t value : {size, ~size}) {
      waiting_ += static_cast<char>(value & 0xFFU);
      waiting_ += static_cast<char>(value >> 8U & 0xFFU);
    }
  }

  std::string waiting_;
  bool fresh_ = false;  // something came since the last flush
};

struct stored_backend {
  using inflater = stored_inflater;
  using deflater = stored_deflater;
};
static_assert(deflate_backend<stored_backend>);

/// What names its own back-end.
struct stored_policy : default_policy {
  template <role Role>
  using extension = basic_permessage_deflate<Role, stored_backend>;
  using random_source = counting_random;
};

struct without_end : stored_inflater {
  static std::unique_ptr<without_end> make() { return nullptr; }
  bool at_block_end() const = delete;
};
struct throws_nothing_back {
  static constexpr int min_window_bits = 8;
  static std::unique_ptr<throws_nothing_back> make(int, int, int) { return nullptr; }
  void deflate(const_bytes, bytes) {}
  bool reset() { return true; }
};
static_assert(!deflate_inflater<without_end>);
static_assert(!deflate_inflater<stored_deflater>);
static_assert(!deflate_deflater<stored_inflater>);
static_assert(!deflate_deflater<throws_nothing_back>);
static_assert(!deflate_backend<int>);

template <class Connection>
std::string take_output(Connection& ws) {
  std::string out(text_of(ws.output()));
  REQUIRE(ws.sent(out.size()) == error::none);
  return out;
}

/// What one end makes of what the other sent, in chunks of `step` bytes.
template <class Connection>
std::string read(Connection& ws, std::string_view stream, std::size_t step = ~std::size_t{0}) {
  std::string seen;
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    exact_buffer chunk(stream.substr(0, step));
    if (ws.receive(chunk.view()) != error::none) FAIL("not read");
    ws.drain([&](const event& next) {
      if (next.is_message()) seen.append(next.text()).append(next.last ? "|" : "");
      if (next.type == event_type::closed) seen += "closed " + std::to_string(static_cast<int>(next.why.fault));
    });
  }
  return seen;
}

constexpr deflate_agreement agreed{};

}  // namespace

TEST_CASE("backend: one of the caller's own sends messages in stored blocks", "[backend][rfc1951]") {
  basic_deflate_pool<stored_backend> pool;
  connection<role::server, stored_policy> server({agreed, pool});
  REQUIRE(server.send_piece(message_type::text, bytes_of("Hello"), false) == error::none);
  REQUIRE(server.send_piece(message_type::text, {}, true) == error::none);
  // A stored block and an empty one; then what RFC 7692 §7.2.3.6 sends when there is nothing more.
  CHECK(to_hex(bytes_of(std::string_view(take_output(server)))) ==
        "41 0f 00 05 00 fa ff 48 65 6c 6c 6f 00 00 00 ff ff 80 01 00");
  REQUIRE(server.send_piece(message_type::binary, bytes_of("ab"), false) == error::none);
  REQUIRE(server.send_piece(message_type::binary, bytes_of("c"), true) == error::none);
  CHECK(to_hex(bytes_of(std::string_view(take_output(server)))) ==
        "42 0c 00 02 00 fd ff 61 62 00 00 00 ff ff 80 07 00 01 00 fe ff 63 00");
}

TEST_CASE("backend: one of the caller's own reads the RFC's stored block", "[backend][rfc7692][7.2.3.3]") {
  for (std::size_t step = 1; step < 30; ++step) {
    basic_deflate_pool<stored_backend> pool;
    connection<role::client, stored_policy> client({agreed, pool});
    CHECK(read(client, from_hex("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00  c1 01 00  81 01 41"), step) == "Hello||A|");
    // The block is marked as the last, and one follows.
    CHECK(read(client, from_hex("c1 0b 01 05 00 fa ff 48 65 6c 6c 6f 00"), step) == "Hello|");
    // It knows no fixed block, and the connection ends.
    CHECK(read(client, from_hex("c1 07 f2 48 cd c9 c9 07 00"), step) ==
          "closed " + std::to_string(static_cast<int>(error::compressed_data_invalid)));
  }
}

TEST_CASE("backend: a whole connection runs with one of the caller's own", "[backend]") {
  for (const bool takeover : {false, true}) {
    for (const std::size_t step : {1U, 10U, 1'000'000U}) {
      CAPTURE(takeover, step);
      const deflate_agreement how{.server_no_context_takeover = !takeover,
                                  .client_no_context_takeover = !takeover,
                                  .server_max_window_bits = 8,
                                  .client_max_window_bits = 8};
      basic_deflate_pool<stored_backend> pool;
      deflate_pool zlibs;
      connection<role::server, stored_policy> server({how, pool});
      connection<role::client, stored_policy> client({how, pool});
      struct zlib_policy : deflate_policy {
        using random_source = counting_random;
      };
      connection<role::client, zlib_policy> other({how, zlibs});
      const std::string large(70'000, 'x');  // more than one block can hold
      for (const std::string& text : {std::string("Hello"), large, std::string()}) {
        REQUIRE(client.send_piece(message_type::text, bytes_of(text), false) == error::none);
        REQUIRE(client.send_piece(message_type::text, bytes_of(text), true) == error::none);
        CHECK((read(server, take_output(client), step) == text + text + "|"));
        REQUIRE(server.send_piece(message_type::text, bytes_of(text), false) == error::none);
        REQUIRE(server.send_piece(message_type::text, bytes_of(text), true) == error::none);
        const std::string wire = take_output(server);
        CHECK((read(client, wire, step) == text + text + "|"));
        // zlib agrees.
        CHECK((read(other, wire, step) == text + text + "|"));
      }
      // Whole messages do not shrink in stored blocks: they go as they are.
      REQUIRE(server.send_text(std::string(100, 'y')) == error::none);
      CHECK(static_cast<unsigned char>(server.output()[0]) == 0x81);
      CHECK(read(client, take_output(server), step) == std::string(100, 'y') + "|");
      // An inflater of a small window is the pool's between messages; what is kept is the window.
      CHECK(pool.idle() == (takeover ? 1 : 2));
    }
  }
}
