// Puts contenders side by side: each is judged once, then measured.
#ifndef SANSOCKET_TESTS_BENCH_HARNESS_HPP
#define SANSOCKET_TESTS_BENCH_HARNESS_HPP

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peers.hpp"

template <class Work>
using maker = made_contender (*)(const Work&);

/// Contenders by name, in the order of the report.
template <class Work>
using lineup = std::vector<std::pair<std::string, maker<Work>>>;

/// Adds the peers that have something of the kind.
template <class Work>
lineup<Work> with_peers(lineup<Work> all, maker<Work> peer::* what) {
  for (const peer& each : peers()) {
    if (each.*what != nullptr) all.emplace_back(each.name, each.*what);
  }
  return all;
}

/// Aborts unless every contender that shows something shows what is right.
template <class Work>
void judge(const lineup<Work>& all, const Work& work, const std::function<bool(const std::string&)>& is_right) {
  for (const auto& [name, make] : all) {
    const made_contender one = make(work);
    const auto shown = one ? one->show() : std::nullopt;
    if (shown && !is_right(*shown)) wrong(("what came of it at " + name).c_str());
  }
}

/// Registers a row.
/// Takes: how many items the work has: what a figure is for.
template <class Work>
void add_row(const std::string& group_and_row, const lineup<Work>& all, const Work& work, std::size_t items) {
  for (const auto& [name, make] : all) {
    const std::shared_ptr<contender> one = make(work);
    if (!one) continue;  // it does not do this kind of work
    benchmark::RegisterBenchmark((group_and_row + "/" + name).c_str(), [one, items](benchmark::State& state) {
      for (auto _ : state) one->run();
      state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
    });
  }
}

inline int measure(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  return benchmark::RunSpecifiedBenchmarks() == 0 ? 1 : 0;
}

#endif
