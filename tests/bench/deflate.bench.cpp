// permessage-deflate beside zlib itself, at the same level on the same messages: what the connection adds
// to the calls of deflate and inflate.
//
// Both sides copy the compressed bytes into a buffer first, as recv() does. zlib gets the payload with the
// tail behind it, and writes into a buffer that stays; a connection also unmasks, validates, assembles.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"
#include "texts.hpp"

namespace {

using namespace sansocket;

constexpr int level = 6;
constexpr int memory_level = 8;

[[noreturn]] void wrong() { std::abort(); }

deflate_agreement agreed(bool takeover) {
  return {.server_no_context_takeover = !takeover, .client_no_context_takeover = !takeover};
}

/// zlib as one would call it by hand.
class raw_deflater {
 public:
  raw_deflater() { deflateInit2(&stream_, level, Z_DEFLATED, -15, memory_level, Z_DEFAULT_STRATEGY); }
  raw_deflater(const raw_deflater&) = delete;
  raw_deflater& operator=(const raw_deflater&) = delete;
  ~raw_deflater() { deflateEnd(&stream_); }

  std::size_t run(std::string_view message, std::vector<std::byte>& out, bool takeover) {
    if (!takeover) deflateReset(&stream_);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream_.avail_in = static_cast<uInt>(message.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_in != 0) wrong();
    return out.size() - stream_.avail_out - 4;
  }

 private:
  z_stream stream_{};
};

class raw_inflater {
 public:
  raw_inflater() { inflateInit2(&stream_, -15); }
  raw_inflater(const raw_inflater&) = delete;
  raw_inflater& operator=(const raw_inflater&) = delete;
  ~raw_inflater() { inflateEnd(&stream_); }

  std::size_t run(const_bytes payload, std::vector<std::byte>& out, bool takeover) {
    if (!takeover) inflateReset(&stream_);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (inflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_in != 0) wrong();
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
};

void count(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void compress_zlib(benchmark::State& state, std::size_t size, bool takeover) {
  const auto messages = json_messages(size);
  std::vector<std::byte> out(2 * size + 64);
  raw_deflater zlib;
  std::size_t i = 0;
  std::size_t total = 0;
  for (auto _ : state) {
    total += zlib.run(messages[i], out, takeover);
    if (++i == messages.size()) i = 0;
  }
  benchmark::DoNotOptimize(total);
  count(state, size);
}

void compress_sansocket(benchmark::State& state, std::size_t size, bool takeover) {
  const auto messages = json_messages(size);
  deflate_pool pool({.level = level, .memory_level = memory_level});
  deflate_server_connection ws({agreed(takeover), pool});
  std::size_t i = 0;
  std::size_t total = 0;
  for (auto _ : state) {
    if (ws.send_text(messages[i]) != error::none) wrong();
    total += ws.output().size();
    if (ws.sent(ws.output().size()) != error::none) wrong();
    if (++i == messages.size()) i = 0;
  }
  benchmark::DoNotOptimize(total);
  count(state, size);
}

/// Payloads with the tail behind them, and the same as frames of a client.
struct recorded {
  std::vector<std::vector<std::byte>> payloads;
  std::vector<std::vector<std::byte>> frames;
};

recorded record(std::size_t size, bool takeover) {
  recorded all;
  raw_deflater zlib;
  std::vector<std::byte> out(2 * size + 64);
  std::uint32_t random = 1;
  for (const std::string& message : json_messages(size)) {
    const std::size_t packed = zlib.run(message, out, takeover);
    all.payloads.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(packed + 4));
    frame_header header{.rsv = rsv1, .opcode = opcode::text, .masked = true, .payload_length = packed};
    for (std::byte& byte : header.key) byte = static_cast<std::byte>((random = random * 1'664'525 + 1) >> 24U);
    std::array<std::byte, max_frame_header_size> encoded;
    const std::size_t header_size = *encode_frame_header(header, encoded);
    auto& frame = all.frames.emplace_back(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(header_size));
    frame.insert(frame.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(packed));
    apply_mask(bytes(frame).subspan(header_size), header.key);
  }
  return all;
}

void inflate_zlib(benchmark::State& state, std::size_t size, bool takeover) {
  const recorded all = record(size, takeover);
  std::vector<std::byte> chunk(2 * size + 64);
  std::vector<std::byte> out(size + 512);
  raw_inflater zlib;
  std::size_t i = 0;
  for (auto _ : state) {
    const auto& payload = all.payloads[i];
    std::memcpy(chunk.data(), payload.data(), payload.size());
    if (zlib.run(const_bytes(chunk).first(payload.size()), out, takeover) != size) wrong();
    if (++i == all.payloads.size()) i = 0;
  }
  count(state, size);
}

void inflate_sansocket(benchmark::State& state, std::size_t size, bool takeover) {
  const recorded all = record(size, takeover);
  std::vector<std::byte> chunk(2 * size + 64);
  deflate_pool pool;
  deflate_server_connection ws({agreed(takeover), pool});
  std::size_t i = 0;
  for (auto _ : state) {
    const auto& frame = all.frames[i];
    std::memcpy(chunk.data(), frame.data(), frame.size());
    if (ws.receive(bytes(chunk).first(frame.size())) != error::none) wrong();
    while (const event next = ws.poll()) {
      if (next.payload.size() != size) wrong();
    }
    if (++i == all.frames.size()) i = 0;
  }
  count(state, size);
}

/// A message there: compressed by one end, inflated by the other.
void both_zlib(benchmark::State& state, std::size_t size, bool takeover) {
  const auto messages = json_messages(size);
  std::vector<std::byte> packed(2 * size + 64);
  std::vector<std::byte> chunk(2 * size + 64);
  std::vector<std::byte> out(size + 512);
  raw_deflater deflater;
  raw_inflater inflater;
  std::size_t i = 0;
  for (auto _ : state) {
    const std::size_t length = deflater.run(messages[i], packed, takeover) + 4;
    std::memcpy(chunk.data(), packed.data(), length);
    if (inflater.run(const_bytes(chunk).first(length), out, takeover) != size) wrong();
    if (++i == messages.size()) i = 0;
  }
  count(state, size);
}

void both_sansocket(benchmark::State& state, std::size_t size, bool takeover) {
  const auto messages = json_messages(size);
  std::vector<std::byte> chunk(2 * size + 64);
  deflate_pool pool({.level = level, .memory_level = memory_level});
  deflate_client_connection client({agreed(takeover), pool});
  deflate_server_connection server({agreed(takeover), pool});
  std::size_t i = 0;
  for (auto _ : state) {
    if (client.send_text(messages[i]) != error::none) wrong();
    const const_bytes out = client.output();
    std::memcpy(chunk.data(), out.data(), out.size());
    if (server.receive(bytes(chunk).first(out.size())) != error::none || client.sent(out.size()) != error::none) {
      wrong();
    }
    while (const event next = server.poll()) {
      if (next.payload.size() != size) wrong();
    }
    if (++i == messages.size()) i = 0;
  }
  count(state, size);
}

const bool registered = [] {
  using run = void (*)(benchmark::State&, std::size_t, bool);
  const std::array<std::pair<const char*, std::pair<run, run>>, 3> rows{
      {{"compress", {compress_zlib, compress_sansocket}},
       {"inflate", {inflate_zlib, inflate_sansocket}},
       {"both", {both_zlib, both_sansocket}}}};
  for (const auto& [what, contenders] : rows) {
    for (const bool takeover : {true, false}) {
      for (const std::size_t size : {std::size_t{128}, std::size_t{1024}, std::size_t{16 * 1024}}) {
        const std::string row = std::string("deflate/") + what + (takeover ? " with" : " without") +
                                " takeover, JSON " + std::to_string(size) + " B/";
        benchmark::RegisterBenchmark((row + "zlib").c_str(), contenders.first, size, takeover);
        benchmark::RegisterBenchmark((row + "sansocket").c_str(), contenders.second, size, takeover);
      }
    }
  }
  return true;
}();

}  // namespace

BENCHMARK_MAIN();
