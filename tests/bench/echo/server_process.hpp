// What another process has used so far, read from /proc.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_SERVER_PROCESS_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_SERVER_PROCESS_HPP

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

/// The server under load.
class server_process {
 public:
  explicit server_process(pid_t pid) : folder_("/proc/" + std::to_string(pid)) {}

  /// Waits until the server waits: only then its times are up to date.
  void wait_until_idle() const {
    using namespace std::chrono_literals;
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (!sleeps() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  }

  /// Time on a processor, of all threads, in nanoseconds.
  std::uint64_t cpu_ns() const {
    std::uint64_t sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator(folder_ / "task")) {
      std::uint64_t on_processor = 0;
      std::ifstream(thread.path() / "schedstat") >> on_processor;
      sum += on_processor;
    }
    return sum;
  }

  /// Bytes of memory that are resident and the process's own: what it shares with files is left out.
  std::uint64_t resident_bytes() const {
    std::ifstream lines(folder_ / "smaps_rollup");
    for (std::string word; lines >> word;) {
      std::uint64_t kibibytes = 0;
      if (word == "Anonymous:" && lines >> kibibytes) return kibibytes * 1024;
    }
    return 0;
  }

 private:
  bool sleeps() const {
    for (const auto& thread : std::filesystem::directory_iterator(folder_ / "task")) {
      // The state stands behind the name, which ends with the last parenthesis.
      std::ifstream file(thread.path() / "stat");
      const std::string text(std::istreambuf_iterator<char>(file), {});
      const std::size_t name_end = text.rfind(')');
      if (name_end == std::string::npos || text.substr(name_end + 2, 1) != "S") return false;
    }
    return true;
  }

  std::filesystem::path folder_;
};

#endif
