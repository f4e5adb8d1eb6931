// What the echo servers of other libraries are told; the same words that sansocket's example takes.
#ifndef SANSOCKET_TESTS_BENCH_ECHO_PEER_OPTIONS_HPP
#define SANSOCKET_TESTS_BENCH_ECHO_PEER_OPTIONS_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

struct peer_options {
  std::size_t max_message = 1024 * 1024;
  unsigned short port = 0;
  bool deflate = false;
  bool no_context_takeover = false;
};

inline peer_options parse_peer_options(int argc, char** argv) {
  peer_options chosen;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--deflate") == 0) chosen.deflate = true;
    else if (std::strcmp(argv[i], "--no-context-takeover") == 0) chosen.no_context_takeover = true;
    else if (std::strcmp(argv[i], "--port") == 0 && has_value)
      chosen.port = static_cast<unsigned short>(std::atoi(argv[++i]));
    else if (std::strcmp(argv[i], "--max-message") == 0 && has_value)
      chosen.max_message = std::strtoull(argv[++i], nullptr, 10);
    else {
      std::fprintf(stderr, "usage: %s [--port N] [--max-message BYTES] [--deflate [--no-context-takeover]]\n", argv[0]);
      std::exit(2);
    }
  }
  return chosen;
}

inline void say_listening(int port) {
  std::printf("listening on ws://127.0.0.1:%d/\n", port);
  std::fflush(stdout);
}

#endif
