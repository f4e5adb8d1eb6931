// Only a handshake that was accepted makes an agreement.
#include "sansocket/core/agreement.hpp"

int main() {
#ifdef SHOULD_FAIL
  const sansocket::agreement made_up("chat", {}, {});
#else
  const sansocket::agreement made_up = sansocket::detail::agreement_maker::make("chat", {});
#endif
  return made_up.subprotocol().empty() ? 1 : 0;
}
