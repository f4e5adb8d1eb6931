// Decoding by sansocket, and works of decoding, for the benchmarks that decode.
#ifndef SANSOCKET_TESTS_BENCH_DECODE_SANSOCKET_HPP
#define SANSOCKET_TESTS_BENCH_DECODE_SANSOCKET_HPP

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "frames.hpp"
#include "peers.hpp"
#include "sansocket/connection/connection.hpp"

class sansocket_decoder {
 public:
  explicit sansocket_decoder(const decode_work& work) : work_(work), buffer_(work.read_size) {}

  template <class Visit>
  void decode(Visit visit) {
    using namespace sansocket;
    for (const_bytes left = work_.stream; !left.empty();) {
      const std::size_t count = std::min(left.size(), buffer_.size());
      std::memcpy(buffer_.data(), left.data(), count);
      left = left.subspan(count);
      if (ws_.receive(bytes(buffer_).first(count)) != error::none) wrong("receive");
      while (const event next = ws_.poll()) visit(next.payload.data(), next.payload.size());
    }
  }

 private:
  const decode_work& work_;
  std::vector<std::byte> buffer_;
  sansocket::server_connection ws_{sansocket::connection_options{.limits = {.message = 64 * 1024 * 1024}}};
};

/// What recv() costs, which is a part of every decoder's figure.
class copy_of_stream final : public contender {
 public:
  explicit copy_of_stream(const decode_work& work) : work_(work), buffer_(work.read_size) {}

  void run() override {
    for (std::span<const std::byte> left = work_.stream; !left.empty();) {
      const std::size_t count = std::min(left.size(), buffer_.size());
      std::memcpy(buffer_.data(), left.data(), count);
      asm volatile("" : : "r"(buffer_.data()) : "memory");
      left = left.subspan(count);
    }
  }

 private:
  const decode_work& work_;
  std::vector<std::byte> buffer_;
};

inline decode_work make_decode_work(std::string name, std::vector<std::string> messages, bool text,
                                    std::size_t read_size) {
  decode_work work{std::move(name), std::move(messages), text, read_size, {}};
  work.stream = client_frames(work.messages, text ? sansocket::opcode::text : sansocket::opcode::binary);
  return work;
}

/// What a decoder shows that delivers every message as it was sent.
inline std::string all_messages(const decode_work& work) {
  std::string all;
  for (const std::string& message : work.messages) all += std::to_string(message.size()) + ":" + message;
  return all;
}

#endif
