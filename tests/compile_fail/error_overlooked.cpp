// What a send says must not be overlooked.
#include "sansocket/connection/connection.hpp"

int main() {
  sansocket::server_connection connection;
#ifdef SHOULD_FAIL
  connection.send_text("hello");
#else
  (void)connection.send_text("hello");
#endif
}
