// A chat: rooms over WebSocket, with sign-in, limits, history and orderly ends, and a page to use it with.
//
//     chat_server [--port N] [--secret-file FILE] [--journal FILE] [--redis HOST:PORT] ...   (see server/settings.hpp)
//     chat_server --secret-file FILE --make-token NAME
//
// It listens on 127.0.0.1, prints `chat: http://127.0.0.1:PORT/` and serves until SIGINT or SIGTERM. What is
// said stays in memory; with --journal it outlives the process, and with --redis several servers are one chat.
// Whoever comes signs in with a name alone: this is a demonstration.

#include <openssl/rand.h>
#include <sys/resource.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/memory_store.hpp"
#include "server/server.hpp"

#ifdef SANSOCKET_CHAT_WITH_REDIS
#include "redis/store.hpp"
#endif

namespace {

/// A descriptor that can be read once the process was told to stop.
examples::unique_fd stop_signal() {
  // A write to a Redis or a reader of the log that has just gone fails; it must not end the server.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return examples::unique_fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

bool fill_random(std::span<std::byte> bytes) {
  auto* const data = static_cast<unsigned char*>(static_cast<void*>(bytes.data()));
  return RAND_bytes(data, static_cast<int>(bytes.size())) == 1;
}

/// The secret that tokens are signed with: the file's content, or one that ends with this process.
/// Gives: nothing if there is none that is long enough.
std::optional<std::vector<std::byte>> secret(const std::string& path) {
  constexpr std::size_t shortest = 32;
  std::vector<std::byte> bytes(shortest);
  if (path.empty()) return fill_random(bytes) ? std::optional(bytes) : std::nullopt;
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto view = sansocket::bytes_of(content);
  bytes.assign(view.begin(), view.end());
  return bytes.size() >= shortest ? std::optional(bytes) : std::nullopt;
}

/// Gives: nothing if this program was built without what is asked for.
std::unique_ptr<chat::store> make_store(const chat::settings& chosen, [[maybe_unused]] const chat::log_lines& log) {
  if (chosen.redis.empty()) return std::make_unique<chat::memory_store>(chosen.journal);
#ifdef SANSOCKET_CHAT_WITH_REDIS
  return std::make_unique<chat::redis_store>(
      chat::redis_options{.where = chosen.redis,
                          .node = chosen.node,
                          .presence_every = chosen.presence_every,
                          .presence_gone = chosen.presence_gone,
                          .lost = [&log](const std::string& why) { log.write("redis_lost", {{"why", why}}); }});
#else
  return nullptr;
#endif
}

int fail(const char* words) {
  std::fprintf(stderr, "chat_server: %s\n", words);
  return 1;
}

int print_token(const chat::token_signer& signer, const std::string& name) {
  if (!chat::is_user_name(name)) return fail("nobody may be called so");
  const auto expiry = (chat::wall_clock() / 1000) + chat::token_signer::lifetime;
  std::printf("%s\n", signer.make(name, expiry).c_str());
  return 0;
}

/// As many connections as the system lets this process have; what is set at first is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const chat::settings& chosen, const chat::token_signer& signer) {
  const chat::log_lines log(chosen.quiet);
  const auto kept = make_store(chosen, log);
  if (!kept) return fail("this program was built without hiredis, which --redis needs");
  raise_descriptor_limit();
  examples::unique_fd listener = examples::listen_on_loopback(chosen.port);
  examples::unique_fd signal = stop_signal();
  sansocket::limiter_seed seed;
  if (!listener || !signal || !fill_random(seed)) {
    std::perror("chat_server");
    return 1;
  }
  const auto server = std::make_unique<chat::server>(chosen, signer, seed, *kept, log);
  return server->run(std::move(listener), std::move(signal));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto chosen = chat::parse_settings(std::span(argv, static_cast<std::size_t>(argc)));
    if (!chosen) {
      std::fwrite(chat::usage.data(), 1, chat::usage.size(), stderr);
      return 2;
    }
    if (chosen->node.empty()) chosen->node = "node-" + std::to_string(::getpid());
    if (!chosen->make_token.empty() && chosen->secret_file.empty()) {
      return fail("--make-token needs the --secret-file of the server that is to accept the token");
    }
    const auto key = secret(chosen->secret_file);
    if (!key) return fail("the secret cannot be read, or is shorter than 32 bytes");
    const chat::token_signer signer(*key);
    return chosen->make_token.empty() ? serve(*chosen, signer) : print_token(signer, chosen->make_token);
  } catch (const std::exception& fault) {  // no memory: what is here throws nothing else
    return fail(fault.what());
  }
}
