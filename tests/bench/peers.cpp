#include "peers.hpp"

std::vector<peer> peers() {
  std::vector<peer> found;
#ifdef SANSOCKET_BENCH_BEAST
  found.push_back(boost_beast());
#endif
#ifdef SANSOCKET_BENCH_WEBSOCKETPP
  found.push_back(websocketpp_peer());
#endif
#ifdef SANSOCKET_BENCH_WSLAY
  found.push_back(wslay_peer());
#endif
  return found;
}
