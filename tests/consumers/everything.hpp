// The library as this consumer has it.
#ifdef SINGLE_HEADER
#include <sansocket.hpp>
#else
#include <sansocket/sansocket.hpp>
#endif

/// Defined in other.cpp: the accept value for a key.
sansocket::result<sansocket::websocket_accept> accept_elsewhere(std::string_view key);
