// An echo server on Boost.Beast, as its users write one: asynchronous, on one thread.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <memory>
#include <utility>

#include "peer_options.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using beast::error_code;

class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp::socket&& socket, const peer_options& options) : stream_(std::move(socket)) {
    stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    stream_.read_message_max(options.max_message);
    stream_.auto_fragment(false);  // one frame an answer: by default, it would be cut at every 4 KiB
    if (!options.deflate) return;
    websocket::permessage_deflate deflate;
    deflate.server_enable = true;
    deflate.server_no_context_takeover = options.no_context_takeover;
    deflate.client_no_context_takeover = options.no_context_takeover;
    stream_.set_option(deflate);
  }

  void run() {
    stream_.async_accept([self = shared_from_this()](error_code fault) {
      if (!fault) self->read();
    });
  }

 private:
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](error_code fault, std::size_t) {
      if (!fault) self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.data(), [self = shared_from_this()](error_code fault, std::size_t size) {
      if (fault) return;
      self->buffer_.consume(size);
      self->read();
    });
  }

  websocket::stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

void accept_next(tcp::acceptor& acceptor, const peer_options& options) {
  acceptor.async_accept([&](error_code fault, tcp::socket socket) {
    if (!fault) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<session>(std::move(socket), options)->run();
    }
    accept_next(acceptor, options);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const peer_options options = parse_peer_options(argc, argv);
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), options.port));
  say_listening(acceptor.local_endpoint().port());
  accept_next(acceptor, options);
  context.run();
}
