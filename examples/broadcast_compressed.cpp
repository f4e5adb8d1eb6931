// One message to many connections, compressed once: permessage-deflate without context takeover.
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"

using namespace sansocket;

namespace {

/// A client that does what a browser does: it offers compression, and shakes hands.
class subscriber {
 public:
  bool answer(const_bytes response) {
    std::string wire(text_of(response));
    return handshake_.receive(bytes_of(wire)) == client_status::accepted;
  }
  const_bytes request() const { return handshake_.request(); }

  /// The size of the message that came, inflated.
  std::size_t receive(const_bytes frames) {
    std::vector<std::byte> chunk(frames.begin(), frames.end());
    const auto agreed = *handshake_.agreement();
    deflate_client_connection client(agreed, {agreed.deflate(), pool_});
    return client.receive(chunk) == error::none ? client.poll().payload.size() : 0;
  }

 private:
  const client_options options_{.deflate = deflate_options{}};
  client_handshake handshake_{"ws://localhost/news", options_};
  deflate_pool pool_;
};

// [deflate]
/// What many connections share, and what outlives them.
struct news_room {
  deflate_pool pool{{.level = 6}};  // the settings, and a few compression streams
  const server_options rules{.deflate = deflate_options{.server_no_context_takeover = true}};

  /// What was agreed goes from the handshake into the connection.
  deflate_server_connection connect(const agreement& agreed) {
    return deflate_server_connection(agreed, {agreed.deflate(), pool});
  }

  /// Compresses once. Clients without compression get the message as it is.
  /// Gives: how many take it; one that is closing, or too slow, does not.
  long broadcast(std::span<deflate_server_connection> all, std::string_view text) {
    const auto news = prepared_message::text(text, independent_deflate(pool));
    if (!news) return 0;
    return std::ranges::count_if(all, [&](auto& ws) { return ws.send(*news) == error::none; });
  }
};
// [deflate]

}  // namespace

int main() {
  news_room room;
  std::vector<subscriber> subscribers(3);
  std::vector<deflate_server_connection> connections;
  for (subscriber& each : subscribers) {
    server_handshake handshake{room.rules};
    std::string request(text_of(each.request()));
    handshake.receive(bytes_of(request));
    if (!handshake.accepted() || !each.answer(handshake.response())) return 1;
    connections.push_back(room.connect(*handshake.agreement()));
  }
  std::string text;
  for (int i = 0; i < 100; ++i) text += R"({"symbol":"ABC","price":)" + std::to_string(100 + i) + "},";
  if (room.broadcast(connections, text) != 3) return 1;
  const std::size_t on_the_wire = connections[0].buffered();
  std::printf("%zu bytes to each, less than a tenth on the wire: %s\n", text.size(),
              on_the_wire < text.size() / 10 ? "yes" : "no");
  for (std::size_t i = 0; i < subscribers.size(); ++i) {
    std::printf("received %zu\n", subscribers[i].receive(connections[i].output()));
  }
}
