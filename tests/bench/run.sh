#!/usr/bin/env bash
# Builds the benchmarks, runs them and writes build/bench/report.md and report.svg.
#
#   tests/bench/run.sh [--quick] [--compiler C++] [--flags "-O2"] [--only PART] [--repetitions N]
#
# PART is the name of one benchmark program without bench_, such as deflate; --only may stand more than once.
# --quick repeats less and measures shorter: for a look, not for figures to keep.
# It installs what is missing on Debian 12, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts=(decode encode mask utf8 accept upgrade drip deflate)
compiler=g++ flags=-O2 only=() repetitions=9 least_time=0.05
while [ $# -gt 0 ]; do
  case $1 in
    --quick) repetitions=3 least_time=0.01; shift; continue ;;
    --compiler) compiler=${2:?} ;;
    --flags) flags=${2:?} ;;
    --only) only+=("${2:?}") ;;
    --repetitions) repetitions=${2:?} ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift 2
done
[ ${#only[@]} -eq 0 ] || parts=("${only[@]}")

packages=(cmake ninja-build python3 libssl-dev zlib1g-dev libbenchmark-dev)
peers=(libboost-dev libwebsocketpp-dev libwslay-dev)
case $compiler in
  g++) packages+=(g++) ;;
  clang++-*) packages+=("clang-${compiler#clang++-}" g++) ;;
esac
cmake/install_packages.sh "${packages[@]}"
cmake/install_packages.sh "${peers[@]}" || echo "not all peers could be installed"

build=build/bench
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="$flags -DNDEBUG" -DSANSOCKET_BUILD_BENCHMARKS=ON -DSANSOCKET_BUILD_TESTS=OFF \
  >"$build/configure.log" || { cat "$build/configure.log" >&2; exit 1; }
sed -n 's/^-- Benchmarks: //p' "$build/configure.log"
targets=(deflate_memory)
for part in "${parts[@]}"; do targets+=("bench_$part"); done
cmake --build "$build" --target "${targets[@]}" >"$build/build.log" || { tail -n 50 "$build/build.log" >&2; exit 1; }

results=()
for part in "${parts[@]}"; do
  echo "measuring: $part"
  "$build/tests/bench/bench_$part" --benchmark_enable_random_interleaving=true --benchmark_repetitions="$repetitions" \
    --benchmark_min_time="$least_time" --benchmark_out="$build/$part.json" --benchmark_out_format=json \
    >"$build/$part.log" 2>&1 || { tail -n 20 "$build/$part.log" >&2; exit 1; }
  results+=("$build/$part.json")
done
python3 tests/bench/report.py "$build/report.md" "$build/report.svg" "${results[@]}"
{
  case " ${parts[*]} " in
    *" deflate "*)
      echo
      echo "Memory of permessage-deflate in a server, in bytes:"
      echo
      "$build/tests/bench/deflate_memory"
      ;;
  esac
  echo
  sed -n 's/^-- Benchmarks: \(.*\)/Note: \1./p' "$build/configure.log"
  echo "$(date +%F), $("$compiler" --version | head -n 1), $flags, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1);"
  echo "$(dpkg-query -W -f '${source:Package} ${Version}, ' libbenchmark-dev libssl-dev "${peers[@]}" 2>/dev/null)$repetitions repetitions, medians"
} >>"$build/report.md"
cat "$build/report.md"
