// What the benchmarks compare: one thing that can be done in several ways.
#ifndef SANSOCKET_TESTS_BENCH_CONTENDER_HPP
#define SANSOCKET_TESTS_BENCH_CONTENDER_HPP

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

/// One way of doing a row's work.
class contender {
 public:
  contender() = default;
  contender(const contender&) = delete;
  contender& operator=(const contender&) = delete;
  virtual ~contender() = default;

  /// Does all of the work once. Aborts if it cannot be done.
  virtual void run() = 0;

  /// Does it once, before the first run, and gives all that came of it, to be judged; nothing of one that
  /// does not do the work but is there as a yardstick.
  virtual std::optional<std::string> show() { return std::nullopt; }
};

using made_contender = std::unique_ptr<contender>;

[[noreturn]] inline void wrong(const char* what) {
  std::fprintf(stderr, "wrong: %s\n", what);
  std::abort();
}

#endif
