#!/usr/bin/env bash
# Runs clang-tidy over the examples and over one file that includes every header.
# Usage: tidy.sh BUILD, a folder that CMake has configured with clang.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

all=$build/all_headers.cpp
mkdir -p "$build"
find include -name '*.hpp' -printf '#include "%P"\n' | sort >"$all"
flags=(-std=c++20 -Iinclude -Iexamples -Iexamples/chat -DSANSOCKET_DEMO_PAGE_DIR='"."' -DSANSOCKET_CHAT_PAGE_DIR='"."'
       -DSANSOCKET_CHAT_WITH_REDIS)
printf '%s\0' "$all" examples/*.cpp examples/chat/*.cpp | xargs -0 -P2 -I{} clang-tidy-19 --quiet {} -- "${flags[@]}"
