#!/usr/bin/env bash
# Measures the library's own figures at -O2 and at -O3 in turns, and says where -O2 takes more than 10 % longer.
#
#   tests/bench/levels.sh [--compiler C++] [--only PART] [--rounds N]
#
# PART is the name of one benchmark program without bench_. Of all rounds the best counts: what disturbs a
# measurement only makes it longer. Needs what tests/bench/run.sh installs.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts=(decode encode mask utf8 accept upgrade drip)
compiler=g++ only=() rounds=5
while [ $# -gt 0 ]; do
  case $1 in
    --compiler) compiler=${2:?} ;;
    --only) only+=("${2:?}") ;;
    --rounds) rounds=${2:?} ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift 2
done
[ ${#only[@]} -eq 0 ] || parts=("${only[@]}")

for level in O2 O3; do
  build=build/bench/$compiler-$level
  mkdir -p "$build"
  cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_FLAGS_RELEASE="-$level -DNDEBUG" -DSANSOCKET_BUILD_BENCHMARKS=ON -DSANSOCKET_BUILD_TESTS=OFF \
    >"$build/configure.log" || { cat "$build/configure.log" >&2; exit 1; }
  cmake --build "$build" --target "${parts[@]/#/bench_}" >"$build/build.log" || { tail -n 50 "$build/build.log" >&2; exit 1; }
done

results=()
for round in $(seq "$rounds"); do
  for part in "${parts[@]}"; do
    for level in O2 O3; do
      build=build/bench/$compiler-$level
      "$build/tests/bench/bench_$part" --benchmark_filter=sansocket --benchmark_min_time=0.05 \
        --benchmark_enable_random_interleaving=true --benchmark_repetitions=3 \
        --benchmark_out="$build/$part.$round.json" --benchmark_out_format=json >"$build/$part.log" 2>&1 ||
        { tail -n 20 "$build/$part.log" >&2; exit 1; }
      results+=("$build/$part.$round.json")
    done
  done
done
python3 tests/bench/levels.py "${results[@]}"
