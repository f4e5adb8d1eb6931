#!/usr/bin/env bash
# Builds and runs all tests, with every supported compiler.
#
#   tests/run.sh                  everything
#   tests/run.sh --fuzz SECONDS   before that, each fuzzer for so long
#   tests/run.sh --qemu           before that, the codecs on aarch64 (NEON) and s390x (big-endian), emulated
#
# It installs what is missing on Debian 12, as root or with sudo, and builds into build/.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzz_seconds=0
qemu=false
while [ $# -gt 0 ]; do
  case $1 in
    --fuzz) fuzz_seconds=${2:?--fuzz needs a number of seconds}; shift ;;
    --qemu) qemu=true ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done

started=$SECONDS
say() { printf '== %4d s  %s\n' $((SECONDS - started)) "$*"; }

# quietly LOG COMMAND...: shows what the command printed only if it failed.
quietly() {
  local log=build/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 200 "$log" >&2; echo "failed: $*" >&2; exit 1; }
}

mkdir -p build
say "packages"
packages=(g++ clang-14 clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev cmake ninja-build
          libssl-dev zlib1g-dev catch2 python3 python3-websockets chromium openssl
          nlohmann-json3-dev libhiredis-dev redis-server)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
if $qemu; then packages+=(qemu-user g++-aarch64-linux-gnu g++-s390x-linux-gnu); fi
cmake/install_packages.sh "${packages[@]}"
quietly node tests/interop/install.sh build/tests/node

say "layout of the code"
git_files() { git ls-files -- "$@" 2>/dev/null || find include tests examples -name '*.?pp'; }
git_files '*.hpp' '*.cpp' | xargs clang-format-19 --dry-run -Werror

# configure DIRECTORY C++-COMPILER OPTIONS...
configure() {
  local directory=$1 compiler=$2
  shift 2
  quietly "$directory-configure" cmake -S . -B "build/$directory" -G Ninja \
    -DCMAKE_CXX_COMPILER="$compiler" -DSANSOCKET_WARNINGS_AS_ERRORS=ON "$@"
}

say "clang 19 with ASan and UBSan"
configure tests clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DSANSOCKET_SANITIZE=ON
quietly tests-build cmake --build build/tests

# The others without: they are here for their own warnings and their own reading of the language. One of
# them has NDEBUG, and one all that this processor has, so that both forms of the library are tested.
for compiler in g++ clang++-14; do
  say "$compiler"
  configure "$compiler" "$compiler" -DCMAKE_BUILD_TYPE=Debug -DSANSOCKET_BUILD_INTEROP=OFF \
    -DCMAKE_CXX_FLAGS_DEBUG="$([ "$compiler" = g++ ] && echo -DNDEBUG || echo -march=native)"
  quietly "$compiler-build" cmake --build "build/$compiler"
  quietly "$compiler-tests" ctest --test-dir "build/$compiler" --output-on-failure -j2
done

if $qemu; then
  mkdir -p build/qemu/include
  ln -sfn /usr/include/catch2 build/qemu/include/catch2
  codecs=({mask,mask_kernel,utf8,utf8_kernel,frame_header,base64}.test.cpp)
  for machine in aarch64 s390x; do
    say "codecs on $machine"
    quietly "qemu-$machine-build" "$machine-linux-gnu-g++" -std=c++20 -O1 -static -Iinclude -Itests/support \
      -Ibuild/qemu/include tests/support/catch_main.cpp "${codecs[@]/#/tests/unit/codec/}" -o "build/qemu/$machine"
    quietly "qemu-$machine" "qemu-$machine" "build/qemu/$machine"
  done
fi

say "clang-tidy"
quietly tidy tests/tidy.sh build/tests

if [ "$fuzz_seconds" -gt 0 ]; then
  configure fuzz clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-g1 -O1" -DSANSOCKET_SANITIZE=ON \
    -DSANSOCKET_BUILD_FUZZERS=ON -DSANSOCKET_BUILD_EXAMPLES=OFF
  for target in fuzz_connection fuzz_deflate fuzz_handshake fuzz_describe; do
    say "fuzzing: $target for $fuzz_seconds s"
    quietly "$target-build" cmake --build build/fuzz --target "$target"
    mkdir -p "build/fuzz/corpus/$target"
    quietly "$target" "build/fuzz/tests/fuzz/$target" -max_total_time="$fuzz_seconds" "build/fuzz/corpus/$target" \
      "tests/fuzz/corpus/$target"
  done
fi

say "tests, built by clang 19 with ASan and UBSan"
exec ctest --test-dir build/tests --output-on-failure -j2
