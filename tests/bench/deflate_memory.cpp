// What permessage-deflate costs a server in memory, a connection: idle, and after one message each way.
// Own: context taken over, each connection keeps its streams. Pooled: no context taken over.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"
#include "texts.hpp"

namespace {

using namespace sansocket;

constexpr std::size_t connections = 256;

/// Bytes that the program has from the heap.
std::size_t heap() {
  const auto state = mallinfo2();
  return state.uordblks + state.hblkhd;
}

/// Compresses the message at one end and inflates it at the other.
void pass(auto& from, auto& to, std::string_view message) {
  if (from.send_text(message) != error::none) std::abort();
  std::string wire(text_of(from.output()));
  if (from.sent(wire.size()) != error::none || to.receive(bytes_of(wire)) != error::none) std::abort();
  while (const event next = to.poll()) {
    if (next.text() != message) std::abort();
  }
}

void measure(std::uint8_t window_bits, int memory_level, bool own, std::size_t size) {
  const deflate_agreement agreed{.server_no_context_takeover = !own,
                                 .client_no_context_takeover = !own,
                                 .server_max_window_bits = window_bits,
                                 .client_max_window_bits = window_bits};
  const std::string message = json_text(size);
  deflate_pool of_client({.memory_level = memory_level});
  deflate_pool pool({.memory_level = memory_level});
  std::vector<std::unique_ptr<deflate_server_connection>> all(connections);
  const std::size_t before = heap();
  {
    deflate_client_connection client({agreed, of_client});  // so that the pools have what they need
    deflate_server_connection server({agreed, pool});
    pass(client, server, message);
    pass(server, client, message);
  }
  const std::size_t empty = heap();
  for (auto& each : all)
    each = std::make_unique<deflate_server_connection>(permessage_deflate<role::server>(agreed, pool));
  const std::size_t idle = heap();
  for (auto& each : all) {
    deflate_client_connection client({agreed, of_client});
    pass(client, *each, message);
    pass(*each, client, message);
  }
  const std::size_t after = heap();
  std::printf("| %s | %u | %d | %zu | %zu | %zu | %zu |\n", own ? "own" : "pooled", unsigned{window_bits}, memory_level,
              size, (idle - empty) / connections, (after - empty) / connections, own ? 0 : (empty - before) / 2);
}

}  // namespace

int main() {
  std::puts(
      "| streams | window bits | memory level | message, B | idle, B a connection | after one message each way | the "
      "pool, B |");
  std::puts("|---|--:|--:|--:|--:|--:|--:|");
  for (const bool own : {true, false}) {
    measure(15, 8, own, 1024);
    measure(15, 8, own, 64 * 1024);
    measure(11, 4, own, 1024);
    measure(11, 4, own, 64 * 1024);
  }
  std::printf("\nThe mean of %zu connections.\n", connections);
}
