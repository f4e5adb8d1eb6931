// A verdict that may be a refusal is no agreement: it must be looked at first.
#include "sansocket/connection/connection.hpp"
#include "sansocket/handshake/upgrade.hpp"

int main() {
  const sansocket::upgrade_verdict verdict(sansocket::error::key_missing);
#ifdef SHOULD_FAIL
  sansocket::server_connection connection{verdict.agreement()};
#else
  if (!verdict.agreement()) return 0;
  sansocket::server_connection connection{*verdict.agreement()};
#endif
  return connection.is_open() ? 0 : 1;
}
