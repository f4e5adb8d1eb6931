#!/usr/bin/env bash
# Runs clang-tidy over the examples and over one file that includes every header.
# Usage: tidy.sh BUILD, a folder that CMake has configured with clang.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

all=$build/all_headers.cpp
mkdir -p "$build"
find include -name '*.hpp' -printf '#include "%P"\n' | sort >"$all"
flags=(-std=c++20 -Iinclude -Iexamples -DSANSOCKET_DEMO_PAGE_DIR='"."')
printf '%s\0' "$all" examples/*.cpp | xargs -0 -P2 -I{} clang-tidy-19 --quiet {} -- "${flags[@]}"
