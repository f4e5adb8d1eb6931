// websocketpp: its processor for version 13, without what moves the bytes.
#include <websocketpp/common/platforms.hpp>
//
#include <websocketpp/base64/base64.hpp>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/alloc.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/random/random_device.hpp>
#include <websocketpp/sha1/sha1.hpp>
#include <websocketpp/utf8_validator.hpp>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "peers.hpp"

namespace {

namespace wspp = websocketpp;

/// As config::core has it, with the random source of config::core_client, but without locks.
struct config {
  using request_type = wspp::http::parser::request;
  using response_type = wspp::http::parser::response;
  using message_type = wspp::message_buffer::message<wspp::message_buffer::alloc::con_msg_manager>;
  using con_msg_manager_type = wspp::message_buffer::alloc::con_msg_manager<message_type>;
  using rng_type = wspp::random::random_device::int_generator<std::uint32_t, wspp::concurrency::none>;
  struct permessage_deflate_config {
    using request_type = config::request_type;
  };
  using permessage_deflate_type = wspp::extensions::permessage_deflate::disabled<permessage_deflate_config>;
  static constexpr bool enable_extensions = true;
  static constexpr std::size_t max_message_size = 64 * 1024 * 1024;
};

using processor = wspp::processor::hybi13<config>;

/// A processor with what each connection gives to its own; the random source is the endpoint's.
struct end {
  end(bool is_server, config::rng_type& random) : process(false, is_server, messages, random) {}

  config::con_msg_manager_type::ptr messages = wspp::lib::make_shared<config::con_msg_manager_type>();
  processor process;
};

void check(const wspp::lib::error_code& ec) {
  if (ec) wrong(ec.message().c_str());
}

class decoder {
 public:
  explicit decoder(const decode_work& work) : work_(work), buffer_(work.read_size) {
    server_.process.set_max_message_size(config::max_message_size);
  }

  template <class Visit>
  void decode(Visit visit) {
    wspp::lib::error_code ec;
    for (std::span<const std::byte> left = work_.stream; !left.empty();) {
      const std::size_t count = std::min(left.size(), buffer_.size());
      std::memcpy(buffer_.data(), left.data(), count);
      left = left.subspan(count);
      for (std::size_t used = 0; used < count;) {
        used += server_.process.consume(buffer_.data() + used, count - used, ec);
        check(ec);
        if (!server_.process.ready()) continue;
        const auto message = server_.process.get_message();
        visit(message->get_payload().data(), message->get_payload().size());
      }
    }
  }

 private:
  const decode_work& work_;
  std::vector<std::uint8_t> buffer_;
  config::rng_type random_;
  end server_{true, random_};
};

/// What connection::send does, with its queue.
class encoder {
 public:
  explicit encoder(const encode_work& work) : work_(work), end_(!work.client, random_) {}

  template <class Visit>
  void write(Visit visit) {
    std::size_t waiting = 0;
    for (const std::string& message : work_.messages) {
      const auto in = end_.messages->get_message(wspp::frame::opcode::binary, message.size());
      in->append_payload(message);
      auto out = end_.messages->get_message();
      check(end_.process.prepare_data_frame(in, out));
      waiting += out->get_header().size() + out->get_payload().size();
      queue_.push_back(std::move(out));
      if (waiting < flushed_at && work_.how == sending::together) continue;
      flush(visit);
      waiting = 0;
    }
    flush(visit);
  }

 private:
  template <class Visit>
  void flush(Visit& visit) {
    for (const auto& each : queue_) {
      visit(each->get_header().data(), each->get_header().size());
      visit(each->get_payload().data(), each->get_payload().size());
    }
    queue_.clear();
  }

  const encode_work& work_;
  config::rng_type random_;
  end end_;
  std::vector<config::message_type::ptr> queue_;
};

/// The two functions that the processor uses. There are faster ones beside them, which it does not use.
struct mask {
  void operator()(unsigned char* to, const unsigned char* from, std::size_t size,
                  const std::array<unsigned char, 4>& bytes) {
    wspp::frame::masking_key_type key;
    std::memcpy(key.c, bytes.data(), bytes.size());
    if (to == from) {
      wspp::frame::byte_mask_circ(to, size, wspp::frame::prepare_masking_key(key));
    } else {
      wspp::frame::byte_mask(from, from + size, to, key);
    }
  }
};

struct is_utf8 {
  bool operator()(const std::string& text) const { return wspp::utf8_validator::validate(text); }
};

/// What processor::hybi13 does in a protected function.
class accepter {
 public:
  explicit accepter(const accept_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& each : work_.keys) {
      std::string key = each;
      key.append(wspp::processor::constants::handshake_guid);
      std::array<unsigned char, 20> digest{};
      wspp::sha1::calc(key.c_str(), key.length(), digest.data());
      key = wspp::base64_encode(digest.data(), digest.size());
      visit(key.data(), key.size());
    }
  }

 private:
  const accept_work& work_;
};

/// What connection does from the head that was read to the one that is written.
class upgrader {
 public:
  explicit upgrader(const upgrade_work& work) : work_(work) {
    for (const std::string& head : work.heads) {
      requests_.emplace_back();
      if (!parse(head, requests_.back())) wrong("a head was not parsed");
    }
  }

  template <class Visit>
  void write(Visit visit) {
    for (std::size_t i = 0; i < work_.heads.size(); ++i) {
      if (work_.parsed) {
        answer(requests_[i], visit);
      } else {
        std::memcpy(chunk_.data(), work_.heads[i].data(), work_.heads[i].size());
        config::request_type request;
        if (!parse({chunk_.data(), work_.heads[i].size()}, request)) wrong("a head was not parsed");
        answer(request, visit);
      }
    }
  }

 private:
  static bool parse(std::string_view head, config::request_type& request) {
    return request.consume(head.data(), head.size()) == head.size() && request.ready();
  }

  template <class Visit>
  void answer(const config::request_type& request, Visit& visit) {
    if (!wspp::processor::is_websocket_handshake(const_cast<config::request_type&>(request)) ||
        wspp::processor::get_websocket_version(const_cast<config::request_type&>(request)) != 13) {
      wrong("no handshake");
    }
    end server(true, random_);
    config::response_type response;
    check(server.process.validate_handshake(request));
    check(server.process.negotiate_extensions(request).first);
    const auto uri = server.process.get_uri(request);
    if (!uri->get_valid()) wrong("the target was refused");
    std::vector<std::string> subprotocols;
    check(server.process.extract_subprotocols(request, subprotocols));
    response.set_status(wspp::http::status_code::switching_protocols);
    check(server.process.process_handshake(request, "", response));
    response.set_version("HTTP/1.1");
    const std::string raw = server.process.get_raw(response);
    visit(raw.data(), raw.size());
  }

  const upgrade_work& work_;
  config::rng_type random_;
  std::array<char, 4096> chunk_{};
  std::vector<config::request_type> requests_;
};

}  // namespace

peer websocketpp_peer() {
  return {.name = "websocketpp",
          .decode = make_contender<decoding<decoder>>,
          .encode = make_contender<encoding<encoder>>,
          .mask = make_contender<masking<mask>>,
          .utf8 = make_contender<judging<is_utf8>>,
          .accept = make_contender<writing<accepter>>,
          .upgrade = make_contender<writing<upgrader>>};
}
