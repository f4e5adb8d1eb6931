// wslay: its event API, between callbacks that read and write memory.
#include <openssl/rand.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "peers.hpp"

namespace {

class decoder {
 public:
  explicit decoder(const decode_work& work) : work_(work) {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = receive;
    callbacks.on_msg_recv_callback = deliver;
    if (wslay_event_context_server_init(&context_, &callbacks, this) != 0) wrong("wslay");
    wslay_event_config_set_max_recv_msg_length(context_, 64 * 1024 * 1024);
  }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;
  ~decoder() { wslay_event_context_free(context_); }

  template <class Visit>
  void decode(Visit visit) {
    left_ = work_.stream;
    visit_ = [](void* visitor, const void* data, std::size_t size) { (*static_cast<Visit*>(visitor))(data, size); };
    visitor_ = &visit;
    while (!left_.empty()) {  // a call ends where a read brings less than a header
      if (wslay_event_recv(context_) != 0 || wslay_event_want_read(context_) == 0) wrong("wslay");
    }
    visitor_ = nullptr;
  }

 private:
  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* to, std::size_t room, int, void* user) {
    decoder& self = *static_cast<decoder*>(user);
    const std::size_t count = std::min({room, self.left_.size(), self.work_.read_size});
    if (count == 0) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    std::memcpy(to, self.left_.data(), count);
    self.left_ = self.left_.subspan(count);
    return static_cast<ssize_t>(count);
  }

  static void deliver(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* user) {
    const decoder& self = *static_cast<decoder*>(user);
    if (wslay_is_ctrl_frame(message->opcode)) wrong("wslay: a control frame");
    self.visit_(self.visitor_, message->msg, message->msg_length);
  }

  const decode_work& work_;
  wslay_event_context_ptr context_ = nullptr;
  std::span<const std::byte> left_;
  void (*visit_)(void*, const void*, std::size_t) = nullptr;
  void* visitor_ = nullptr;
};

class encoder {
 public:
  explicit encoder(const encode_work& work) : work_(work) {
    wslay_event_callbacks callbacks{};
    callbacks.send_callback = send;
    callbacks.genmask_callback = draw_key;
    const auto make = work.client ? wslay_event_context_client_init : wslay_event_context_server_init;
    if (make(&context_, &callbacks, this) != 0) wrong("wslay");
  }
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;
  ~encoder() { wslay_event_context_free(context_); }

  template <class Visit>
  void write(Visit visit) {
    visit_ = [](void* visitor, const void* data, std::size_t size) { (*static_cast<Visit*>(visitor))(data, size); };
    visitor_ = &visit;
    for (const std::string& message : work_.messages) {
      const wslay_event_msg frame{WSLAY_BINARY_FRAME, reinterpret_cast<const std::uint8_t*>(message.data()),
                                  message.size()};
      if (wslay_event_queue_msg(context_, &frame) != 0) wrong("wslay");
      if (wslay_event_get_queued_msg_length(context_) < flushed_at && work_.how == sending::together) continue;
      if (wslay_event_send(context_) != 0) wrong("wslay");
    }
    if (wslay_event_send(context_) != 0) wrong("wslay");
    visitor_ = nullptr;
  }

 private:
  static ssize_t send(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int, void* user) {
    const encoder& self = *static_cast<encoder*>(user);
    self.visit_(self.visitor_, data, size);
    return static_cast<ssize_t>(size);
  }

  /// wslay leaves this to the application: OpenSSL's CSPRNG, drawn from in bulk.
  static int draw_key(wslay_event_context_ptr, std::uint8_t* key, std::size_t size, void* user) {
    encoder& self = *static_cast<encoder*>(user);
    if (self.drawn_left_ < size) {
      if (RAND_bytes(self.drawn_.data(), static_cast<int>(self.drawn_.size())) != 1) return -1;
      self.drawn_left_ = self.drawn_.size();
    }
    self.drawn_left_ -= size;
    std::memcpy(key, &self.drawn_[self.drawn_left_], size);
    return 0;
  }

  const encode_work& work_;
  wslay_event_context_ptr context_ = nullptr;
  void (*visit_)(void*, const void*, std::size_t) = nullptr;
  void* visitor_ = nullptr;
  std::array<unsigned char, 2048> drawn_{};
  std::size_t drawn_left_ = 0;
};

}  // namespace

peer wslay_peer() {
  return {.name = "wslay",
          .decode = make_contender<decoding<decoder>>,
          .encode = make_contender<encoding<encoder>>,
          .mask = nullptr,
          .utf8 = nullptr,
          .accept = nullptr,
          .upgrade = nullptr};
}
