// A program that wants compression too.
#ifdef SINGLE_HEADER
#include "sansocket_deflate.hpp"
#else
#include "sansocket/deflate/permessage_deflate.hpp"
#endif

#include <cstdio>
#include <string>

int main() {
  sansocket::deflate_pool pool;
  sansocket::deflate_server_connection server({sansocket::deflate_agreement{}, pool});
  const std::string text(1000, 'x');
  const bool right = server.send_text(text) == sansocket::error::none && server.output().size() < 50;
  std::puts(right ? "compression works here" : "compression does not work here");
  return right ? 0 : 1;
}
