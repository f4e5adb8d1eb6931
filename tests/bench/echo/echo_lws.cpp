// An echo server on libwebsockets, as its users write one: its own event loop, one thread, a queue a connection.
#include <csignal>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

#include <libwebsockets.h>

#include "peer_options.hpp"

namespace {

constexpr std::size_t service_buffer = 64 * 1024;  // what one read may bring
constexpr std::size_t queue_limit = 256;           // parts that wait before reading pauses

peer_options options;
bool stopping = false;

/// A part of a message, as it came: behind room for the frame header.
struct part {
  std::vector<unsigned char> bytes;
  bool binary;
  bool first;
  bool final;
};

struct session {
  std::deque<part> queue;
  std::size_t message_size = 0;
  bool front_is_written = false;  // with deflate, what is written must stay until the next time that it may write
  bool paused = false;
};

int receive(lws* wsi, session& own, const unsigned char* in, std::size_t size) {
  const bool first = lws_is_first_fragment(wsi) != 0;
  const bool final = lws_is_final_fragment(wsi) != 0;
  own.message_size = (first ? 0 : own.message_size) + size;
  if (own.message_size > options.max_message) {
    lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, nullptr, 0);
    return -1;
  }
  std::vector<unsigned char> bytes(LWS_PRE + size);
  if (size != 0) std::memcpy(bytes.data() + LWS_PRE, in, size);
  own.queue.push_back({std::move(bytes), lws_frame_is_binary(wsi) != 0, first, final});
  lws_callback_on_writable(wsi);
  if (own.queue.size() >= queue_limit && !own.paused) {
    own.paused = true;
    lws_rx_flow_control(wsi, 0);
  }
  return 0;
}

int write(lws* wsi, session& own) {
  if (own.front_is_written) {
    own.queue.pop_front();
    own.front_is_written = false;
  }
  if (own.queue.empty()) return 0;
  part& next = own.queue.front();
  const std::size_t size = next.bytes.size() - LWS_PRE;
  const auto how = static_cast<lws_write_protocol>(
      lws_write_ws_flags(next.binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, next.first, next.final));
  if (lws_write(wsi, next.bytes.data() + LWS_PRE, size, how) < static_cast<int>(size)) return -1;
  own.front_is_written = true;
  lws_callback_on_writable(wsi);
  if (own.paused && own.queue.size() <= queue_limit / 2) {
    own.paused = false;
    lws_rx_flow_control(wsi, 1);
  }
  return 0;
}

int on_event(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size) {
  auto* const own = static_cast<session*>(user);
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: new (own) session; return 0;
    case LWS_CALLBACK_CLOSED: own->~session(); return 0;
    case LWS_CALLBACK_RECEIVE: return receive(wsi, *own, static_cast<unsigned char*>(in), size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write(wsi, *own);
    default: return lws_callback_http_dummy(wsi, reason, user, in, size);
  }
}

const lws_protocols protocols[] = {
    {"echo", on_event, sizeof(session), service_buffer, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

const lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_max_window_bits"},
    {nullptr, nullptr, nullptr},
};

}  // namespace

int main(int argc, char** argv) {
  options = parse_peer_options(argc, argv);
  lws_set_log_level(LLL_ERR, nullptr);
  lws_context_creation_info info{};
  info.port = options.port;
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.extensions = options.deflate ? extensions : nullptr;
  info.pt_serv_buf_size = service_buffer;
  info.options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  lws_context* const context = lws_create_context(&info);
  lws_vhost* const host = context == nullptr ? nullptr : lws_create_vhost(context, &info);
  if (host == nullptr) return 1;
  std::signal(SIGTERM, [](int) { stopping = true; });
  say_listening(lws_get_vhost_listen_port(host));
  while (!stopping && lws_service(context, 0) >= 0) {
  }
  lws_context_destroy(context);
}
