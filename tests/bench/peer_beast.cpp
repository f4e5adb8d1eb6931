// Boost.Beast over a stream that is memory.
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "peers.hpp"

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace net = boost::asio;
namespace websocket = boost::beast::websocket;

std::string accept_of(beast::string_view key) {
  websocket::detail::sec_ws_accept_type accept;
  websocket::detail::make_sec_ws_accept(accept, key);
  return {accept.data(), accept.size()};
}

/// What a memory_stream reads and writes.
struct memory {
  const unsigned char* next = nullptr;
  std::size_t left = 0;
  std::size_t read_size = flushed_at;
  std::string* written = nullptr;  // keeps the client's request, if set
  std::string response;
  void (*visit)(void*, const void*, std::size_t) = {};  // is shown what is written, if set
  void* visitor = nullptr;

  /// Answers the request that was written, so that a client can be made.
  void answer() {
    const std::string name = "Sec-WebSocket-Key: ";
    const std::size_t at = written->find(name) + name.size();
    response =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        accept_of(written->substr(at, 24)) + "\r\n\r\n";
    feed(response.data(), response.size());
  }

  void feed(const void* data, std::size_t size) {
    next = static_cast<const unsigned char*>(data);
    left = size;
  }
};

/// What websocket::stream asks of the layer below, without a system call.
class memory_stream {
 public:
  using executor_type = net::io_context::executor_type;

  memory_stream(net::io_context& context, memory& all) : context_(&context), memory_(&all) {}

  executor_type get_executor() noexcept { return context_->get_executor(); }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, beast::error_code& ec) {
    if (memory_->left == 0 && memory_->written != nullptr) memory_->answer();
    const std::size_t most = std::min(memory_->read_size, memory_->left);
    const std::size_t count = net::buffer_copy(buffers, net::const_buffer(memory_->next, most));
    ec = {};
    if (most == 0) ec = net::error::eof;
    memory_->next += count;
    memory_->left -= count;
    return count;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    beast::error_code ec;
    return read_some(buffers, ec);
  }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, beast::error_code& ec) {
    std::size_t total = 0;
    for (const net::const_buffer each : beast::buffers_range_ref(buffers)) {
      total += each.size();
      if (memory_->written != nullptr) memory_->written->append(static_cast<const char*>(each.data()), each.size());
      if (memory_->visit != nullptr) memory_->visit(memory_->visitor, each.data(), each.size());
    }
    ec = {};
    return total;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    beast::error_code ec;
    return write_some(buffers, ec);
  }

 private:
  net::io_context* context_;
  memory* memory_;
};

void teardown(beast::role_type, memory_stream&, beast::error_code& ec) { ec = {}; }

using stream = websocket::stream<memory_stream, false>;

void check(const beast::error_code& ec) {
  if (ec) wrong(ec.message().c_str());
}

constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A server's stream after the handshake.
void open_server(stream& ws, memory& all) {
  all.feed(request.data(), request.size());
  beast::error_code ec;
  ws.accept(ec);
  check(ec);
}

/// A client's stream after the handshake.
void open_client(stream& ws, memory& all) {
  std::string written;
  all.written = &written;
  beast::error_code ec;
  ws.handshake("a", "/", ec);
  check(ec);
  all.written = nullptr;
}

class decoder {
 public:
  explicit decoder(const decode_work& work) : work_(work), ws_(context_, memory_) {
    open_server(ws_, memory_);
    ws_.read_message_max(64 * 1024 * 1024);
    memory_.read_size = work.read_size;
  }

  template <class Visit>
  void decode(Visit visit) {
    memory_.feed(work_.stream.data(), work_.stream.size());
    beast::error_code ec;
    for (std::size_t i = 0; i < work_.messages.size(); ++i) {
      buffer_.clear();
      ws_.read(buffer_, ec);
      check(ec);
      visit(buffer_.cdata().data(), buffer_.cdata().size());
    }
  }

 private:
  const decode_work& work_;
  net::io_context context_;
  memory memory_;
  stream ws_;
  beast::flat_buffer buffer_;
};

class encoder {
 public:
  explicit encoder(const encode_work& work) : work_(work), ws_(context_, memory_) {
    work.client ? open_client(ws_, memory_) : open_server(ws_, memory_);
    ws_.binary(true);
    ws_.auto_fragment(false);
  }

  template <class Visit>
  void write(Visit visit) {
    memory_.visit = [](void* visitor, const void* data, std::size_t size) {
      (*static_cast<Visit*>(visitor))(data, size);
    };
    memory_.visitor = &visit;
    beast::error_code ec;
    for (const std::string& message : work_.messages) {
      ws_.write(net::buffer(message), ec);
      check(ec);
    }
    memory_.visit = nullptr;
    memory_.visitor = nullptr;
  }

 private:
  const encode_work& work_;
  net::io_context context_;
  memory memory_;
  stream ws_;
};

struct mask_in_place {
  void operator()(unsigned char* to, const unsigned char*, std::size_t size, const std::array<unsigned char, 4>& key) {
    websocket::detail::prepared_key prepared = key;
    websocket::detail::mask_inplace(net::mutable_buffer(to, size), prepared);
  }
};

struct is_utf8 {
  bool operator()(const std::string& text) const { return websocket::detail::check_utf8(text.data(), text.size()); }
};

class accepter {
 public:
  explicit accepter(const accept_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& key : work_.keys) {
      websocket::detail::sec_ws_accept_type accept;
      websocket::detail::make_sec_ws_accept(accept, key);
      visit(accept.data(), accept.size());
    }
  }

 private:
  const accept_work& work_;
};

/// A stream is made for each connection, for it is what judges and answers.
class upgrader {
 public:
  explicit upgrader(const upgrade_work& work) : work_(work) {
    for (const std::string& head : work.heads) {
      http::request_parser<http::empty_body> parser;
      beast::error_code ec;
      parser.put(net::buffer(head), ec);
      check(ec);
      requests_.push_back(parser.release());
    }
  }

  template <class Visit>
  void write(Visit visit) {
    memory_.visit = [](void* visitor, const void* data, std::size_t size) {
      (*static_cast<Visit*>(visitor))(data, size);
    };
    memory_.visitor = &visit;
    beast::error_code ec;
    for (std::size_t i = 0; i < work_.heads.size(); ++i) {
      stream ws(context_, memory_);
      if (work_.parsed) {
        ws.accept(requests_[i], ec);
      } else {
        memory_.feed(work_.heads[i].data(), work_.heads[i].size());
        ws.accept(ec);
      }
      check(ec);
    }
    memory_.visit = nullptr;
    memory_.visitor = nullptr;
  }

 private:
  const upgrade_work& work_;
  net::io_context context_;
  memory memory_;
  std::vector<http::request<http::empty_body>> requests_;
};

made_contender make_mask(const mask_work& work) {
  return work.copying ? nullptr : make_contender<masking<mask_in_place>>(work);
}

}  // namespace

peer boost_beast() {
  return {.name = "Boost.Beast",
          .decode = make_contender<decoding<decoder>>,
          .encode = make_contender<encoding<encoder>>,
          .mask = make_mask,
          .utf8 = make_contender<judging<is_utf8>>,
          .accept = make_contender<writing<accepter>>,
          .upgrade = make_contender<writing<upgrader>>};
}
