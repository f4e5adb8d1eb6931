// The other implementations beside which sansocket is measured, and what each is given to do.
//
// Peers are called as directly as they allow, without sockets, and with settings that are good for them:
//
//   Boost.Beast   a websocket::stream over memory, without permessage-deflate, not fragmenting. It reads at most
//                 1.5 KiB at a time into a buffer of its own, and what is longer straight into the message.
//   websocketpp   its processor hybi13, without endpoint, locks and logging.
//   wslay         wslay_event_*, which reads 4 KiB at a time.
//
// All three check what sansocket checks of a data frame: RSV, opcode, MASK, minimal lengths, the order of
// fragments, text as UTF-8 while it comes. In the handshake they check less: neither Boost.Beast nor
// websocketpp looks at Origin, decodes the key, or minds a key or a Host that comes twice.
#ifndef SANSOCKET_TESTS_BENCH_PEERS_HPP
#define SANSOCKET_TESTS_BENCH_PEERS_HPP

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contender.hpp"

/// A server decodes a client's frames, as recv() brings them: by one copy into the receive buffer.
struct decode_work {
  std::string name;
  std::vector<std::string> messages;
  bool text;
  std::size_t read_size;  // the most that one recv() brings
  std::vector<std::byte> stream;
};

/// How what is encoded is handed to send().
enum class sending {
  together,    // what makes about 64 KiB lies in one buffer; a peer's pieces are copied there, at its cost
  one_by_one,  // each message in a gathering write of its own, payloads where they lie
};

/// Binary messages become frames in memory, ready to be sent.
struct encode_work {
  std::vector<std::string> messages;
  bool client;  // masks, with keys of its own
  sending how;
};

inline constexpr std::size_t flushed_at = 64 * 1024;  // bytes that go into one write

/// Payloads of one size are masked, each behind the place of its header, so that they lie as they do in a
/// stream and none waits for what the one before has just stored.
struct mask_work {
  std::size_t size;
  bool copying;  // to another place, else in place
  std::array<unsigned char, 4> key;

  std::size_t header() const { return size < 126 ? 6 : size < 65'536 ? 8 : 14; }
  std::size_t count() const { return size < kept_in_cache ? kept_in_cache / size : 1; }
  std::size_t at(std::size_t index) const { return index * (header() + size) + header(); }
  std::vector<unsigned char> payloads() const {
    std::vector<unsigned char> all(at(count()) - header());
    unsigned number = 1;
    for (unsigned char& each : all) each = static_cast<unsigned char>((number = number * 1'664'525U + 1) >> 24U);
    return all;
  }

  static constexpr std::size_t kept_in_cache = 16 * 1024;
};

/// Each text is judged by itself. show() has a '1' for each that is UTF-8, and a '0' for each that is not.
struct utf8_work {
  std::vector<std::string> texts;
};

/// The Sec-WebSocket-Accept of each key. show() has all of them in a row.
struct accept_work {
  std::vector<std::string> keys;
};

/// A request's head in a receive buffer becomes the bytes of the response.
struct upgrade_work {
  std::vector<std::string> heads;  // each with a key of its own
  bool parsed;                     // it is in the HTTP library's own form before the clock starts
};

/// Runs through all messages that a decoder gives. `Decoder` has decode(visit), which calls
/// visit(data, size) for each.
template <class Decoder>
class decoding final : public contender {
 public:
  explicit decoding(const decode_work& work) : work_(work), decoder_(work) {
    for (const std::string& each : work.messages) payload_ += each.size();
  }

  void run() override {
    std::size_t messages = 0;
    std::size_t payload = 0;
    decoder_.decode([&](const void* data, std::size_t size) {
      ++messages;
      payload += size;
      asm volatile("" : : "r"(data) : "memory");
    });
    if (messages != work_.messages.size() || payload != payload_) wrong("not all messages were delivered");
  }

  std::optional<std::string> show() override {
    std::string all;
    decoder_.decode([&](const void* data, std::size_t size) {
      all += std::to_string(size) + ":";
      all.append(static_cast<const char*>(data), size);
    });
    return all;
  }

 private:
  const decode_work& work_;
  std::size_t payload_ = 0;
  Decoder decoder_;
};

/// Runs through all that is written. `Writer` has write(visit), which calls visit(data, size) for each run
/// of bytes.
template <class Writer>
class writing final : public contender {
 public:
  template <class Work>
  explicit writing(const Work& work) : writer_(work) {}

  void run() override {
    writer_.write([](const void* data, std::size_t) { asm volatile("" : : "r"(data) : "memory"); });
  }

  std::optional<std::string> show() override {
    std::string all;
    writer_.write([&](const void* data, std::size_t size) { all.append(static_cast<const char*>(data), size); });
    return all;
  }

 private:
  Writer writer_;
};

/// Encodes with a peer, which writes header and payload, or what its buffer holds, in pieces.
/// `Encoder` is a Writer as above.
template <class Encoder>
class encoding final : public contender {
 public:
  explicit encoding(const encode_work& work) : work_(work), encoder_(work) {}

  void run() override {
    if (work_.how == sending::one_by_one) {
      encoder_.write([](const void* data, std::size_t) { asm volatile("" : : "r"(data) : "memory"); });
      return;
    }
    encoder_.write([this](const void* data, std::size_t size) {
      if (out_.size() < size_ + size) out_.resize(size_ + size);
      std::memcpy(&out_[size_], data, size);
      asm volatile("" : : "r"(out_.data()) : "memory");
      size_ = size_ + size < flushed_at ? size_ + size : 0;
    });
  }

  std::optional<std::string> show() override {
    std::string all;
    encoder_.write([&](const void* data, std::size_t size) { all.append(static_cast<const char*>(data), size); });
    return all;
  }

 private:
  const encode_work& work_;
  Encoder encoder_;
  std::vector<unsigned char> out_ = std::vector<unsigned char>(flushed_at + 4096);
  std::size_t size_ = 0;
};

/// Masks all payloads. `Mask` is called with (to, from, size, key); `from` is `to` if it is done in place.
template <class Mask>
class masking final : public contender {
 public:
  explicit masking(const mask_work& work) : work_(work), from_(work.payloads()) {
    if (work.copying) to_ = from_;
  }

  void run() override {
    unsigned char* to = work_.copying ? to_.data() : from_.data();
    for (std::size_t i = 0; i < work_.count(); ++i) {
      Mask()(to + work_.at(i), from_.data() + work_.at(i), work_.size, work_.key);
      asm volatile("" : : "r"(to) : "memory");
    }
  }

  std::optional<std::string> show() override {
    run();
    const auto& all = work_.copying ? to_ : from_;
    return std::string(all.begin(), all.end());
  }

 private:
  const mask_work work_;
  std::vector<unsigned char> from_, to_;
};

/// Judges all texts. `Judge` is called with a string.
template <class Judge>
class judging final : public contender {
 public:
  explicit judging(const utf8_work& work) : work_(work) {}

  void run() override {
    std::size_t valid = 0;
    for (const std::string& text : work_.texts) valid += Judge()(text) ? 1U : 0U;
    if (valid != work_.texts.size()) wrong("a text was refused");
  }

  std::optional<std::string> show() override {
    std::string all;
    for (const std::string& text : work_.texts) all += Judge()(text) ? '1' : '0';
    return all;
  }

 private:
  const utf8_work& work_;
};

/// An implementation. What it has nothing for is null; so is what it makes of a work that it has nothing for.
struct peer {
  std::string name;
  made_contender (*decode)(const decode_work&);
  made_contender (*encode)(const encode_work&);
  made_contender (*mask)(const mask_work&);
  made_contender (*utf8)(const utf8_work&);
  made_contender (*accept)(const accept_work&);
  made_contender (*upgrade)(const upgrade_work&);
};

peer boost_beast();
peer websocketpp_peer();
peer wslay_peer();

/// Those that were found when this was built.
std::vector<peer> peers();

template <class Class, class Work>
made_contender make_contender(const Work& work) {
  return std::make_unique<Class>(work);
}

#endif
