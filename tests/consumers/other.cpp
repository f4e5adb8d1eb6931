#include "everything.hpp"

sansocket::result<sansocket::websocket_accept> accept_elsewhere(std::string_view key) {
  return sansocket::accept_key(key);
}
