// What the load generator sends: frames that are made once, with their masks.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_LOAD_MESSAGES_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_LOAD_MESSAGES_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../texts.hpp"
#include "load_options.hpp"
#include "raw_deflate.hpp"
#include "sansocket/codec/frame_header.hpp"
#include "sansocket/codec/mask.hpp"
#include "sansocket/core/agreement.hpp"

[[noreturn]] inline void give_up(std::string_view what, std::string_view detail = {}) {
  std::fputs(std::string("load_client: ").append(what).append(" ").append(detail).append("\n").c_str(), stderr);
  std::exit(1);
}

/// A ring of different messages as they travel, in batches of a few that are sent at once.
class load_messages {
 public:
  /// Takes: the agreement if the messages are to be compressed. Each is compressed for itself, which
  ///        every agreement allows: so they can be made once, for all connections.
  load_messages(const load_options& options, const std::optional<sansocket::deflate_agreement>& agreed)
      : depth_(options.depth), payloads_(make_payloads(options)) {
    const bool text = options.payload != load_options::content::binary;
    for (std::size_t i = 0; i < payloads_.size(); ++i) {
      if (i % depth_ == 0) batches_.push_back(wire_.size());
      const auto plain = std::as_bytes(std::span(payloads_[i]));
      append_message(agreed ? compressed(plain, agreed->client_max_window_bits)
                            : std::vector<std::byte>(plain.begin(), plain.end()),
                     text ? sansocket::opcode::text : sansocket::opcode::binary, agreed.has_value(), options.fragments);
    }
    batches_.push_back(wire_.size());
  }

  std::size_t batches() const { return batches_.size() - 1; }

  /// The frames of one batch.
  sansocket::const_bytes batch(std::size_t number) const {
    return sansocket::const_bytes(wire_).subspan(batches_[number], batches_[number + 1] - batches_[number]);
  }

  /// What a message of a batch says.
  sansocket::const_bytes payload(std::size_t batch, std::size_t message) const {
    return std::as_bytes(std::span(payloads_[batch * depth_ + message]));
  }

 private:
  /// At least two megabytes and four batches, so that nothing is learned by heart.
  static std::vector<std::string> make_payloads(const load_options& options) {
    const std::size_t size = options.size;
    const std::size_t least =
        std::max<std::size_t>(4 * options.depth, 2 * 1024 * 1024 / std::max<std::size_t>(size, 20));
    const std::size_t count = (least + options.depth - 1) / options.depth * options.depth;
    if (size == 0) return std::vector<std::string>(count);
    if (options.payload == load_options::content::scripts) {
      auto messages = many_scripts_messages(size, (count + 1) * size);
      messages.resize(count);
      return messages;
    }
    if (options.payload == load_options::content::json) {
      auto messages = json_messages(size, count * size);
      messages.resize(count);
      return messages;
    }
    std::mt19937_64 random(3);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same bytes in every run
    std::vector<std::string> messages(count, std::string(size, '\0'));
    for (std::string& message : messages) {
      for (char& c : message) c = static_cast<char>(random() & 0xFFU);
    }
    return messages;
  }

  static std::vector<std::byte> compressed(sansocket::const_bytes plain, int window_bits) {
    auto out = deflate_message(plain, window_bits);
    if (!out) give_up("zlib fails");
    return *std::move(out);
  }

  void append_message(std::vector<std::byte> payload, sansocket::opcode type, bool compressed, std::size_t frames) {
    for (std::size_t i = 0; i < frames; ++i) {
      const std::size_t from = payload.size() * i / frames;
      const std::size_t to = payload.size() * (i + 1) / frames;
      sansocket::frame_header header{.fin = i + 1 == frames,
                                     .rsv = compressed && i == 0 ? sansocket::rsv1 : std::uint8_t{0},
                                     .opcode = i == 0 ? type : sansocket::opcode::continuation,
                                     .masked = true,
                                     .payload_length = to - from};
      for (std::byte& byte : header.key) byte = static_cast<std::byte>(keys_() & 0xFFU);
      std::array<std::byte, sansocket::max_frame_header_size> encoded;
      const std::size_t header_size = *encode_frame_header(header, encoded);
      wire_.insert(wire_.end(), encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(header_size));
      const std::size_t at = wire_.size();
      wire_.insert(wire_.end(), payload.begin() + static_cast<std::ptrdiff_t>(from),
                   payload.begin() + static_cast<std::ptrdiff_t>(to));
      sansocket::apply_mask(sansocket::bytes(wire_).subspan(at), header.key);
    }
  }

  std::size_t depth_;
  std::vector<std::string> payloads_;
  std::vector<std::byte> wire_;
  std::vector<std::size_t> batches_;  // where each begins in wire_, and the end
  std::mt19937 keys_{4};              // NOLINT(cert-msc32-c,cert-msc51-cpp): the frames are sent again and again anyway
};

#endif
