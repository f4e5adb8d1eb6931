// A client masks every frame (§5.1), so there is none without a random source.
#include "sansocket/connection/connection.hpp"

int main() {
#ifdef SHOULD_FAIL
  sansocket::client_connection connection;
#else
  sansocket::server_connection connection;
#endif
  return connection.is_open() ? 0 : 1;
}
