#!/usr/bin/env bash
# Builds the demo and starts it: a page that shows every frame in words, and beside it a chat.
#
#   examples/demo.sh                          starts both servers, prints their addresses, runs until interrupted
#   examples/demo.sh --port N --chat-port N   the same on ports of one's choice
#   examples/demo.sh --check                  one round trip with each, by the library's own clients, and ends
#
# It installs what is missing on Debian 12, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

check=false port=0 chat_port=0
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=true ;;
    --port) port=${2:?--port needs a number}; shift ;;
    --chat-port) chat_port=${2:?--chat-port needs a number}; shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done

cmake/install_packages.sh g++ cmake ninja-build libssl-dev zlib1g-dev nlohmann-json3-dev
mkdir -p build
echo "building into build/demo"
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSANSOCKET_BUILD_TESTS=OFF >build/demo.log 2>&1 ||
  { cat build/demo.log >&2; exit 1; }
cmake --build build/demo --target demo_server echo_client_posix chat_server chat_client
programs=build/demo/examples

if $check; then
  examples/round_trip.sh "$programs/demo_server" "demo: " "$programs/echo_client_posix"
  exec examples/chat/round_trip.sh "$programs/chat/chat_server" "$programs/chat/chat_client"
fi

# Both end when this ends, and this when one of them does.
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'exit 0' INT TERM
echo "open these in a browser, the chat in two tabs; Ctrl-C stops both servers"
"$programs/demo_server" --port "$port" &
"$programs/chat/chat_server" --port "$chat_port" --quiet &
wait -n
