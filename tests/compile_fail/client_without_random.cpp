// A client masks every frame (§5.1), so there is none without a random source.
#include "sansocket/connection/connection.hpp"

struct policy {
  using message_buffer = sansocket::heap_buffer;
  using output_buffer = sansocket::heap_buffer;
  using retained_buffer = sansocket::heap_buffer;
};

int main() {
#ifdef SHOULD_FAIL
  sansocket::connection<sansocket::role::client, policy> connection;
#else
  sansocket::connection<sansocket::role::server, policy> connection;
#endif
  return connection.is_open() ? 0 : 1;
}
