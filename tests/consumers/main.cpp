#include <cstdio>

#include "everything.hpp"

int main() {
  const auto here = sansocket::accept_key("dGhlIHNhbXBsZSBub25jZQ==");
  const auto there = accept_elsewhere("dGhlIHNhbXBsZSBub25jZQ==");
  sansocket::server_connection server;
  sansocket::client_connection client;
  const bool right = here->view() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" && there->view() == here->view() &&
                     server.send_text("hello") == sansocket::error::none && server.output().size() == 7 &&
                     client.send_text("hello") == sansocket::error::none && client.output().size() == 11;
  std::puts(right ? "the library works here" : "the library does not work here");
  return right ? 0 : 1;
}
