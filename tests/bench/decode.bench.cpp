// A server's decoding, from the bytes that recv() brings to the message: parsing, unmasking, validating.
//
// recv() is one copy into the receive buffer; its cost is part of every figure, and is a contender by itself.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "frames.hpp"
#include "sansocket/connection/connection.hpp"
#include "texts.hpp"

namespace {

using namespace sansocket;

struct workload {
  std::string name;
  std::vector<std::byte> stream;
  std::size_t messages;
  std::size_t payload;   // bytes of all messages
  std::size_t read_size;
};

[[noreturn]] void wrong() { std::abort(); }

void finish(benchmark::State& state, const workload& work) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * work.messages));
}

void copy_alone(benchmark::State& state, const workload& work) {
  std::vector<std::byte> buffer(work.read_size);
  for (auto _ : state) {
    for (const_bytes left = work.stream; !left.empty();) {
      const std::size_t count = std::min(left.size(), buffer.size());
      std::memcpy(buffer.data(), left.data(), count);
      benchmark::DoNotOptimize(buffer.data());
      benchmark::ClobberMemory();
      left = left.subspan(count);
    }
  }
  finish(state, work);
}

void decode_sansocket(benchmark::State& state, const workload& work) {
  std::vector<std::byte> buffer(work.read_size);
  server_connection ws({.limits = {.message = 64 * 1024 * 1024}});
  for (auto _ : state) {
    std::size_t messages = 0;
    std::size_t payload = 0;
    for (const_bytes left = work.stream; !left.empty();) {
      const std::size_t count = std::min(left.size(), buffer.size());
      std::memcpy(buffer.data(), left.data(), count);
      left = left.subspan(count);
      if (ws.receive(bytes(buffer).first(count)) != error::none) wrong();
      while (const event next = ws.poll()) {
        ++messages;
        payload += next.payload.size();
        benchmark::DoNotOptimize(next.payload.data());
      }
    }
    if (messages != work.messages || payload != work.payload) wrong();
  }
  finish(state, work);
}

std::vector<workload> workloads() {
  std::vector<workload> all;
  const auto add = [&](std::string name, const std::vector<std::string>& messages, opcode type, std::size_t read_size) {
    std::size_t payload = 0;
    for (const std::string& each : messages) payload += each.size();
    all.push_back({std::move(name), client_frames(messages, type), messages.size(), payload, read_size});
  };
  constexpr std::size_t KiB = 1024;
  constexpr std::size_t MiB = KiB * KiB;
  add("JSON 16 B, reads of 64 KiB", json_messages(16), opcode::text, 64 * KiB);
  add("JSON 64 B, reads of 64 KiB", json_messages(64), opcode::text, 64 * KiB);
  add("JSON 125 B, reads of 64 KiB", json_messages(125), opcode::text, 64 * KiB);
  add("JSON 1 KiB, reads of 1460 B", json_messages(KiB), opcode::text, 1460);
  add("JSON 16 KiB, reads of 64 KiB", json_messages(16 * KiB), opcode::text, 64 * KiB);
  add("JSON 16 KiB, reads of 1460 B", json_messages(16 * KiB), opcode::text, 1460);
  add("JSON 1 MiB, reads of 64 KiB", json_messages(MiB, 4 * MiB), opcode::text, 64 * KiB);
  add("many scripts 125 B, reads of 64 KiB", many_scripts_messages(125), opcode::text, 64 * KiB);
  add("many scripts 1 KiB, reads of 64 KiB", many_scripts_messages(KiB), opcode::text, 64 * KiB);
  add("many scripts 1 MiB, reads of 64 KiB", many_scripts_messages(MiB, 4 * MiB), opcode::text, 64 * KiB);
  add("binary 1 KiB, reads of 1460 B", json_messages(KiB), opcode::binary, 1460);
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<workload> all = workloads();
  for (const workload& work : all) {
    const std::string row = "decode/" + work.name + "/";
    benchmark::RegisterBenchmark((row + "copy alone").c_str(), [&work](benchmark::State& state) { copy_alone(state, work); });
    benchmark::RegisterBenchmark((row + "sansocket").c_str(), [&work](benchmark::State& state) { decode_sansocket(state, work); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
