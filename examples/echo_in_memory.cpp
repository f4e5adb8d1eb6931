// An echo without a socket: strings carry what a network would.
// [readme]
#include <cstdio>
#include <string>
#include "sansocket/sansocket.hpp"
using namespace sansocket;

int main() {
  const client_options wishes;
  const server_options rules;
  client_handshake caller{"ws://localhost/echo", wishes};
  server_handshake answerer{rules};
  std::string wire(text_of(caller.request()));  // client -> server
  answerer.receive(bytes_of(wire));
  wire = text_of(answerer.response());  // server -> client
  caller.receive(bytes_of(wire));
  const auto asked = caller.agreement();
  const auto granted = answerer.agreement();
  if (!asked || !granted) return 1;

  client_connection client{*asked};
  server_connection server{*granted};
  if (client.send_text("hello") != error::none) return 1;
  wire = text_of(client.output());  // client -> server: one masked frame
  if (server.receive(bytes_of(wire)) != error::none) return 1;
  while (const event message = server.poll()) {
    if (message.type == event_type::text && server.send_text(message.text()) != error::none) return 1;
  }
  wire = text_of(server.output());  // server -> client: one frame, not masked
  if (client.receive(bytes_of(wire)) != error::none) return 1;
  std::printf("echo: %s\n", std::string(client.poll().text()).c_str());
}
// [readme]
