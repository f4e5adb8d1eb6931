#!/usr/bin/env bash
# Starts a server, sends it one message with the client and says what came back.
# Usage: round_trip.sh SERVER LINE_START CLIENT, where the server prints LINE_START and its URL.
set -euo pipefail

server=$1 line_start=$2 client=$3
coproc SERVER { exec "$server" --port 0; }
server_pid=$SERVER_PID
trap 'kill "$server_pid" 2>/dev/null || true' EXIT

read -r -t 20 line <&"${SERVER[0]}"
url=${line#"$line_start"}
case $url in
  http://*) url=ws://${url#http://}ws ;;
esac
echo "server at $url"

answer=$("$client" "$url" --message "hello, wörld")
echo "$answer"
[ "$answer" = $'received hello, wörld\nclosed 1000' ] || { echo "that is not what was sent" >&2; exit 1; }

kill -TERM "$server_pid"
wait "$server_pid"
echo "the server stopped when it was asked to"
