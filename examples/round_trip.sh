#!/usr/bin/env bash
# Starts a server, sends it one message with the client and says what came back.
# Usage: round_trip.sh SERVER LINE_START CLIENT [--deflate [SERVER_OPTION...]]
# The server prints LINE_START and its URL. With --deflate, compression is to be agreed on.
set -euo pipefail

server=$1 line_start=$2 client=$3
shift 3
client_options=("${@:1:1}")
server_options=("${@:2}")
coproc SERVER { exec "$server" --port 0 "${server_options[@]}"; }
server_pid=$SERVER_PID
trap 'kill "$server_pid" 2>/dev/null || true' EXIT

read -r -t 20 line <&"${SERVER[0]}"
url=${line#"$line_start"}
case $url in
  http://*) url=ws://${url#http://}ws ;;
esac
echo "server at $url"

text="hello, wörld, and hello again, wörld, hello, hello, hello, hello, hello, hello"
answer=$("$client" "$url" --message "$text" "${client_options[@]}")
echo "$answer"
expected="received $text"$'\n'"closed 1000"
[ ${#client_options[@]} -eq 0 ] || expected="compression agreed"$'\n'"$expected"
[ "$answer" = "$expected" ] || { echo "that is not what was sent" >&2; exit 1; }

kill -TERM "$server_pid"
wait "$server_pid"
echo "the server stopped when it was asked to"
