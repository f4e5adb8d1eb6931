// A redis-server of a test's own, on a loopback port, that keeps nothing on disk.
#ifndef SANSOCKET_TESTS_CHAT_REDIS_PROCESS_HPP
#define SANSOCKET_TESTS_CHAT_REDIS_PROCESS_HPP

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "posix_socket.hpp"
#include "redis/reply.hpp"

namespace tests {

class redis_process {
 public:
  redis_process() { start(); }
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;
  ~redis_process() { kill(); }

  /// Starts it, empty, on the port that it had before, if it had one.
  void start() {
    for (int attempt = 0; attempt != 20; ++attempt) {
      const std::uint16_t port = port_ != 0 ? port_ : examples::port_of(examples::listen_on_loopback(0));
      if (!try_start(port)) continue;  // someone else was quicker with the port
      port_ = port;
      return;
    }
    throw std::runtime_error("redis-server does not start: is it installed?");
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    admin_.reset();
  }

  /// It keeps its connections and says nothing.
  void freeze() const { ::kill(pid_, SIGSTOP); }
  void thaw() const { ::kill(pid_, SIGCONT); }

  std::string where() const { return "127.0.0.1:" + std::to_string(port_); }

  /// Runs a command on a connection of its own, and waits for the reply.
  chat::redis_reply run(std::initializer_list<std::string_view> words) {
    if (!admin_) admin_.reset(redisConnect("127.0.0.1", port_));
    std::vector<const char*> begins;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
      begins.push_back(word.data());
      sizes.push_back(word.size());
    }
    void* reply = redisCommandArgv(admin_.get(), static_cast<int>(begins.size()), begins.data(), sizes.data());
    if (reply == nullptr) throw std::runtime_error("redis-server does not answer");
    return chat::redis_reply(static_cast<redisReply*>(reply));
  }

 private:
  struct release {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
  };

  bool try_start(std::uint16_t port) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    output_ = examples::unique_fd(ends[0]);
    const examples::unique_fd input(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.value(), STDOUT_FILENO);
    std::vector<std::string> words{
        "redis-server", "--port", std::to_string(port),     "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        "--dir",        "/tmp",   "--enable-debug-command", "yes"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int fault = ::posix_spawnp(&pid_, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (fault != 0) {
      pid_ = 0;
      return false;
    }
    if (is_ready()) return true;
    kill();
    return false;
  }

  /// Waits for the line that says so, or for its end.
  bool is_ready() const {
    std::string said;
    std::array<char, 4096> block;
    while (said.find("Ready to accept connections") == std::string::npos) {
      const ssize_t count = ::read(output_.value(), block.data(), block.size());
      if (count <= 0) return false;
      said.append(block.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  examples::unique_fd output_;  // what little it says more stays in the pipe
  std::unique_ptr<redisContext, release> admin_;
};

}  // namespace tests

#endif
