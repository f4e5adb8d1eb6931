// Encoding: from a message to the bytes for send(). A client masks, with keys from a CSPRNG.
#include <array>
#include <cstring>

#include "harness.hpp"
#include "sansocket/sansocket.hpp"
#include "texts.hpp"

namespace {

using namespace sansocket;

constexpr std::array<std::size_t, 4> sizes{16, 125, 1024, 16 * 1024};

/// Messages into a buffer of the size of a write.
class copy_of_messages final : public contender {
 public:
  explicit copy_of_messages(const encode_work& work)
      : work_(work), out_(flushed_at + work.messages[0].size() + max_frame_header_size) {}

  void run() override {
    std::size_t at = 0;
    for (const std::string& message : work_.messages) {
      std::memcpy(&out_[at], message.data(), message.size());
      asm volatile("" : : "r"(out_.data()) : "memory");
      at += message.size();
      if (at >= flushed_at) at = 0;
    }
  }

 private:
  const encode_work& work_;
  std::vector<std::byte> out_;
};

template <role Role>
class encoder {
 public:
  explicit encoder(const encode_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& message : work_.messages) {
      if (ws_.send_binary(bytes_of(message)) != error::none) wrong("send_binary");
      if (ws_.buffered() >= flushed_at) flush(visit);
    }
    flush(visit);
  }

 private:
  template <class Visit>
  void flush(Visit& visit) {
    visit(ws_.output().data(), ws_.output().size());
    if (ws_.sent(ws_.buffered()) != error::none) wrong("sent");
  }

  const encode_work& work_;
  connection<Role> ws_{connection_options{.high_water = unlimited}};
};

/// Messages one by one, their payloads lent.
class lender {
 public:
  explicit lender(const encode_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& message : work_.messages) {
      if (ws_.send_lent(message_type::binary, bytes_of(message)) != error::none) wrong("send_lent");
      for (const const_bytes run : ws_.output_runs()) visit(run.data(), run.size());
      if (ws_.sent(ws_.buffered()) != error::none) wrong("sent");
    }
  }

 private:
  const encode_work& work_;
  server_connection ws_;
};

made_contender make_copy(const encode_work& work) {
  return work.how == sending::together ? std::make_unique<copy_of_messages>(work) : nullptr;
}

made_contender make_sansocket(const encode_work& work) {
  if (work.how == sending::one_by_one) return std::make_unique<writing<lender>>(work);
  if (work.client) return std::make_unique<writing<encoder<role::client>>>(work);
  return std::make_unique<writing<encoder<role::server>>>(work);
}

/// The other end gets the messages out of it again.
template <role Other>
bool arrives(const std::string& written, const std::vector<std::string>& messages) {
  connection<Other> ws;
  std::string chunk = written;
  if (ws.receive(bytes_of(chunk)) != error::none) return false;
  for (const std::string& message : messages) {
    const event next = ws.poll();
    if (next.type != event_type::binary || next.text() != message) return false;
  }
  return !ws.poll();
}

}  // namespace

int main(int argc, char** argv) {
  const std::array<std::pair<std::string, encode_work>, 3> kinds{
      {{"server, together, ", {{}, false, sending::together}},
       {"server, one by one, ", {{}, false, sending::one_by_one}},
       {"client, together, ", {{}, true, sending::together}}}};
  std::vector<std::pair<std::string, encode_work>> all;
  for (auto [name, work] : kinds) {
    for (const std::size_t size : sizes) {
      work.messages = json_messages(size);
      all.emplace_back(name + "binary " + size_in_words(size), work);
    }
  }
  const auto contenders =
      with_peers<encode_work>({{"copy alone", make_copy}, {"sansocket", make_sansocket}}, &peer::encode);
  for (const auto& [name, work] : all) {
    judge<encode_work>(contenders, work, [&messages = work.messages, client = work.client](const std::string& shown) {
      return client ? arrives<role::server>(shown, messages) : arrives<role::client>(shown, messages);
    });
    add_row("encode/" + name, contenders, work, work.messages.size());
  }
  return measure(argc, argv);
}
