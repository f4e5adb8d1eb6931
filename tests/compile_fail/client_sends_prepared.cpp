// A client cannot send what was encoded before: §5.3 asks for a fresh masking key for every frame.
#include "sansocket/connection/connection.hpp"

struct random_bytes {
  bool operator()(sansocket::bytes) { return true; }
};

struct policy : sansocket::default_policy {
  using random_source = random_bytes;
};

int main() {
#ifdef SHOULD_FAIL
  constexpr auto own = sansocket::role::client;
#else
  constexpr auto own = sansocket::role::server;
#endif
  sansocket::connection<own, policy> connection;
  const auto message = sansocket::prepared_message::text("hello");
  return connection.send(*message) == sansocket::error::none ? 0 : 1;
}
