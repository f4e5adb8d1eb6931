// An echo server on websocketpp, as its users write one: on Asio, with one thread.
#include <exception>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

#include "peer_options.hpp"

namespace {

struct deflating : websocketpp::config::asio {
  struct permessage_deflate_config {};
  using permessage_deflate_type = websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config>;
};

template <class Config>
void serve(const peer_options& options) {
  using server_type = websocketpp::server<Config>;
  server_type server;
  server.clear_access_channels(websocketpp::log::alevel::all);
  server.clear_error_channels(websocketpp::log::elevel::all);
  server.init_asio();
  server.set_reuse_addr(true);
  server.set_listen_backlog(4096);
  server.set_max_message_size(options.max_message);
  server.set_tcp_post_init_handler([&server](websocketpp::connection_hdl who) {
    // Called again when the upgrade is done: by then the option is set.
    websocketpp::lib::asio::error_code ignored;
    server.get_con_from_hdl(who)->get_raw_socket().set_option(websocketpp::lib::asio::ip::tcp::no_delay(true), ignored);
  });
  server.set_message_handler([&server](websocketpp::connection_hdl from, typename server_type::message_ptr message) {
    websocketpp::lib::error_code ignored;
    server.send(from, message->get_payload(), message->get_opcode(), ignored);
  });
  server.listen(
      websocketpp::lib::asio::ip::tcp::endpoint(websocketpp::lib::asio::ip::address_v4::loopback(), options.port));
  server.start_accept();
  websocketpp::lib::asio::error_code ignored;
  say_listening(server.get_local_endpoint(ignored).port());
  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options = parse_peer_options(argc, argv);
  try {
    if (options.deflate) serve<deflating>(options);  // it follows the client's wish for no context takeover
    else serve<websocketpp::config::asio>(options);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "echo_websocketpp: %s\n", fault.what());
    return 1;
  }
}
