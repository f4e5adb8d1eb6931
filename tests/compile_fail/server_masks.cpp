// A server never masks (§5.1), so its connection takes no random source.
#include "sansocket/connection/connection.hpp"

struct random_bytes {
  bool operator()(sansocket::bytes) { return true; }
};

struct policy : sansocket::default_policy {
  using random_source = random_bytes;
};

int main() {
#ifdef SHOULD_FAIL
  sansocket::connection<sansocket::role::server, policy> connection{sansocket::connection_options{}, random_bytes{}};
#else
  sansocket::connection<sansocket::role::client, policy> connection{sansocket::connection_options{}, random_bytes{}};
#endif
  return connection.is_open() ? 0 : 1;
}
