// Encoding: from a message to the bytes for send(). A client masks, with keys from OpenSSL's CSPRNG.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "sansocket/sansocket.hpp"
#include "texts.hpp"

namespace {

using namespace sansocket;

[[noreturn]] void wrong() { std::abort(); }

constexpr std::size_t flushed_at = 64 * 1024;  // bytes that go into one write

/// Messages into a buffer of the size of a write, each with room for a header.
void copy_alone(benchmark::State& state, const std::vector<std::string>& messages) {
  std::vector<std::byte> out(flushed_at + messages[0].size() + max_frame_header_size);
  for (auto _ : state) {
    std::size_t at = 0;
    for (const std::string& message : messages) {
      std::memcpy(&out[at], message.data(), message.size());
      benchmark::ClobberMemory();
      at += message.size();
      if (at >= flushed_at) at = 0;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * messages.size()));
}

template <role Role>
void encode_sansocket(benchmark::State& state, const std::vector<std::string>& messages) {
  connection<Role> ws({.high_water = unlimited});
  std::size_t total = 0;
  for (auto _ : state) {
    for (const std::string& message : messages) {
      if (ws.send_binary(bytes_of(message)) != error::none) wrong();
      if (ws.buffered() < flushed_at) continue;
      total += ws.output().size();
      if (ws.sent(ws.buffered()) != error::none) wrong();
    }
  }
  benchmark::DoNotOptimize(total);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * messages.size()));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (const std::size_t size : {std::size_t{16}, std::size_t{125}, std::size_t{1024}, std::size_t{16 * 1024}}) {
    all.emplace_back("binary " + std::to_string(size) + " B", json_messages(size));
  }
  using run = void (*)(benchmark::State&, const std::vector<std::string>&);
  const auto add = [&](const std::string& name, const std::vector<std::string>& messages, run what) {
    benchmark::RegisterBenchmark(name.c_str(), [&messages, what](benchmark::State& state) { what(state, messages); });
  };
  for (const auto& [name, messages] : all) {
    add("encode/server, " + name + "/copy alone", messages, copy_alone);
    add("encode/server, " + name + "/sansocket", messages, encode_sansocket<role::server>);
    add("encode/client, " + name + "/copy alone", messages, copy_alone);
    add("encode/client, " + name + "/sansocket", messages, encode_sansocket<role::client>);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
