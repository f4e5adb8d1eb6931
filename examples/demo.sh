#!/usr/bin/env bash
# Builds the demo and starts it: a page to talk to, with every frame shown in words.
#
#   examples/demo.sh            starts the server, prints its address, runs until interrupted
#   examples/demo.sh --port N   the same on a port of one's choice
#   examples/demo.sh --check    does one round trip with the library's own client, and ends
#
# It installs what is missing on Debian 12, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

check=false port=0
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=true ;;
    --port) port=${2:?--port needs a number}; shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done

cmake/install_packages.sh g++ cmake ninja-build libssl-dev zlib1g-dev
mkdir -p build
echo "building into build/demo"
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSANSOCKET_BUILD_TESTS=OFF >build/demo.log 2>&1 ||
  { cat build/demo.log >&2; exit 1; }
cmake --build build/demo --target demo_server echo_client_posix

if $check; then
  exec examples/round_trip.sh build/demo/examples/demo_server "demo: " build/demo/examples/echo_client_posix
fi
echo "open this in a browser; Ctrl-C stops the server"
exec build/demo/examples/demo_server --port "$port"
