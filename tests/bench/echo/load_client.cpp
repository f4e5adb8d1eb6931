// Puts an echo server under load and measures it from outside, as JSON in one line.
//
// Mode echo: every connection sends a batch of messages, waits for the answers, and sends the next.
// Mode handshake: connects, upgrades and closes, some at a time.
// Mode memory: opens connections, then sends one message on each; what the server holds, before and after.
//
// The figure to trust is the server's time on its processor, a message: how many messages pass a second
// is also this program's work, and that of all else that runs.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

#include "load_connection.hpp"
#include "load_messages.hpp"
#include "load_options.hpp"
#include "server_process.hpp"

namespace {

using std::chrono::milliseconds;
using phase = load_connection::phase;

class load {
 public:
  explicit load(const load_options& options)
      : options_(options), shared_(options), server_(static_cast<pid_t>(options.pid)) {}

  void echo() {
    open_all();
    run_batches(milliseconds(options_.warmup), ~std::uint64_t{0});
    latencies_.clear();
    const std::uint64_t bytes_before = bytes_received();
    const double cpu_before = server_cpu();
    const auto begin = load_clock::now();
    const std::uint64_t messages =
        options_.depth * run_batches(milliseconds(options_.milliseconds), options_.messages / options_.depth);
    const double seconds = std::chrono::duration<double>(load_clock::now() - begin).count();
    report("messages", messages, seconds, server_cpu() - cpu_before);
    std::printf(",\"bytes_per_message\":%.1f}\n",
                static_cast<double>(bytes_received() - bytes_before) / static_cast<double>(messages));
  }

  void handshakes() {
    run_handshakes(milliseconds(options_.warmup), ~std::uint64_t{0});
    latencies_.clear();
    const double cpu_before = server_cpu();
    const auto begin = load_clock::now();
    const std::uint64_t count = run_handshakes(milliseconds(options_.milliseconds), options_.messages);
    const double seconds = std::chrono::duration<double>(load_clock::now() - begin).count();
    report("handshakes", count, seconds, server_cpu() - cpu_before);
    std::puts("}");
  }

  void memory() {
    // What the server makes once and keeps, such as its read buffer, does not count.
    open_more(std::min<std::uint64_t>(options_.at_once, options_.connections));
    run_once_each();
    close_all();
    const double before = resident();
    open_all();
    const double idle = resident();
    run_once_each();
    const double after = resident();
    const auto count = static_cast<double>(options_.connections);
    std::printf("{\"connections\":%.0f,\"before\":%.0f,\"idle\":%.1f,\"after_message\":%.1f}\n", count, before,
                (idle - before) / count, (after - before) / count);
  }

 private:
  double server_cpu() const {
    server_.wait_until_idle();
    return static_cast<double>(server_.cpu_ns()) / 1e9;
  }
  double resident() const {
    server_.wait_until_idle();
    return static_cast<double>(server_.resident_bytes());
  }

  std::uint64_t bytes_received() const {
    std::uint64_t sum = 0;
    for (const auto& each : connections_) sum += each->bytes_received();
    return sum;
  }

  /// Waits for events; gives each connection that has come to an end of something to `then`.
  void wait(auto then) {
    std::array<epoll_event, 256> ready;
    const int count = ::epoll_wait(shared_.epoll, ready.data(), static_cast<int>(ready.size()), 20'000);
    if (count == 0) give_up("the server is silent");
    for (const epoll_event& event : std::span(ready).first(static_cast<std::size_t>(std::max(count, 0)))) {
      auto& connection = *static_cast<load_connection*>(event.data.ptr);
      if (connection.serve(event.events)) then(connection);
    }
  }

  void open_all() {
    while (connections_.size() < options_.connections) {
      open_more(std::min<std::uint64_t>(options_.at_once, options_.connections - connections_.size()));
    }
  }

  void open_more(std::uint64_t count) {
    std::uint64_t under_way = count;
    for (; count != 0; --count) connections_.push_back(std::make_unique<load_connection>(shared_, connections_.size()));
    while (under_way != 0) wait([&](load_connection&) { --under_way; });
  }

  void close_all() {
    for (const auto& each : connections_) each->send_close();
    for (std::size_t open = connections_.size(); open != 0;) wait([&](load_connection&) { --open; });
    connections_.clear();
  }

  void note(const load_connection& connection) {
    latencies_.push_back(std::chrono::duration<float, std::micro>(load_clock::now() - connection.begun()).count());
  }

  /// Gives: how many batches were answered.
  std::uint64_t run_batches(load_clock::duration time, std::uint64_t most) {
    const auto deadline = load_clock::now() + time;
    std::uint64_t sent = 0;
    std::uint64_t under_way = 0;
    const auto send_one = [&](load_connection& connection) {
      if (sent == most || load_clock::now() >= deadline) return;
      ++sent;
      ++under_way;
      connection.send_batch();
    };
    for (const auto& each : connections_) send_one(*each);
    while (under_way != 0) {
      wait([&](load_connection& connection) {
        note(connection);
        --under_way;
        send_one(connection);
      });
    }
    return sent;
  }

  /// One batch on each connection, some at a time.
  void run_once_each() {
    auto next = connections_.begin();
    std::uint64_t under_way = 0;
    const auto send_one = [&] {
      if (next == connections_.end()) return;
      (*next++)->send_batch();
      ++under_way;
    };
    for (std::uint64_t i = 0; i < options_.at_once; ++i) send_one();
    while (under_way != 0) {
      wait([&](load_connection&) {
        --under_way;
        send_one();
      });
    }
  }

  /// Gives: how many connections were opened and closed.
  std::uint64_t run_handshakes(load_clock::duration time, std::uint64_t most) {
    const auto deadline = load_clock::now() + time;
    std::vector<std::unique_ptr<load_connection>> slots(options_.at_once);
    std::uint64_t under_way = 0;
    std::uint64_t begun = 0;
    const auto begin_one = [&](std::unique_ptr<load_connection>& slot) {
      slot.reset();
      if (begun == most || load_clock::now() >= deadline) return;
      slot = std::make_unique<load_connection>(shared_, started_++);
      ++begun;
      ++under_way;
    };
    for (auto& slot : slots) begin_one(slot);
    while (under_way != 0) {
      wait([&](load_connection& connection) {
        if (connection.now() == phase::ready) {
          note(connection);
          if (options_.abort) connection.end();
          else connection.send_close();
        }
        if (connection.now() != phase::ended) return;
        --under_way;
        begin_one(*std::ranges::find(slots, &connection, &std::unique_ptr<load_connection>::get));
      });
    }
    return begun;
  }

  double percentile(double part) {
    if (latencies_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(std::floor(part * static_cast<double>(latencies_.size() - 1)));
    std::ranges::nth_element(latencies_, latencies_.begin() + at);
    return static_cast<double>(latencies_[static_cast<std::size_t>(at)]);
  }

  void report(const char* what, std::uint64_t count, double seconds, double cpu_seconds) {
    const auto number = static_cast<double>(count);
    std::printf(
        "{\"%s\":%.0f,\"seconds\":%.3f,\"per_second\":%.0f,\"server_cpu_us\":%.4f,\"p50_us\":%.1f,\"p99_us\":%.1f",
        what, number, seconds, number / seconds, cpu_seconds * 1e6 / number, percentile(0.5), percentile(0.99));
  }

  const load_options& options_;
  load_shared shared_;
  server_process server_;
  std::vector<std::unique_ptr<load_connection>> connections_;
  std::vector<float> latencies_;  // in microseconds
  std::size_t started_ = 0;
};

void raise_descriptor_limit(std::uint64_t connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_max = std::max<rlim_t>(limit.rlim_max, connections + 64);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up("the limit of open descriptors is too low");
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_load_options(std::span(argv, static_cast<std::size_t>(argc)));
  if (!options) {
    std::fputs(load_usage.data(), stderr);
    return 2;
  }
  raise_descriptor_limit(options->connections);
  load work(*options);
  switch (options->what) {
    case load_options::mode::echo: work.echo(); break;
    case load_options::mode::handshake: work.handshakes(); break;
    case load_options::mode::memory: work.memory(); break;
  }
  return 0;
}
