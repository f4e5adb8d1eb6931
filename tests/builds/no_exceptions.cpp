// A small session in a program that is built without exceptions and without RTTI.
#include <cstdio>
#include <string>
#include <string_view>

#include "sansocket/sansocket.hpp"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this is to be built with -fno-exceptions -fno-rtti"
#endif

namespace {

/// Carries the output of one end to the other; what the other end heard, one word an event.
template <class From, class To>
std::string carry(From& from, To& to) {
  std::string heard;
  while (!from.output().empty()) {
    std::string chunk(sansocket::text_of(from.output()));
    if (from.sent(chunk.size()) != sansocket::error::none) return "sent too much";
    if (to.receive(sansocket::bytes_of(chunk)) != sansocket::error::none) return "input pending";
    to.drain([&](const sansocket::event& next) {
      if (next.type == sansocket::event_type::closed) {
        heard += "closed " + std::to_string(static_cast<unsigned>(next.why.received)) + ";";
      } else {
        heard += std::string(next.text()) + ";";
      }
    });
  }
  return heard;
}

bool expect(std::string_view what, std::string_view seen, std::string_view wanted) {
  if (seen == wanted) return true;
  std::printf("%.*s: %.*s instead of %.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(seen.size()),
              seen.data(), static_cast<int>(wanted.size()), wanted.data());
  return false;
}

}  // namespace

int main() {
  using namespace sansocket;
  const client_options asking;
  const server_options serving;
  client_handshake asks("ws://localhost/", asking);
  server_handshake answers(serving);
  std::string request(text_of(asks.request()));
  answers.receive(bytes_of(request));
  std::string response(text_of(answers.response()));
  asks.receive(bytes_of(response));
  if (!answers.accepted() || !asks.agreement()) return 1;

  server_connection server(*answers.agreement());
  client_connection client(*asks.agreement());
  if (client.send_text("hello") != error::none) return 1;
  if (!expect("server", carry(client, server), "hello;")) return 1;
  if (server.send_text("\xFF") != error::payload_not_utf8) return 1;
  if (server.send_close(close_code::going_away) != error::none) return 1;
  if (!expect("client", carry(server, client), "closed 1001;")) return 1;
  if (!expect("server", carry(client, server), "closed 1001;")) return 1;
  return server.transport() == transport_action::close ? 0 : 1;
}
