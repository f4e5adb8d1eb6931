#!/usr/bin/env bash
# Starts a chat server, lets two clients talk in a room and says what each of them saw.
# Usage: round_trip.sh CHAT_SERVER CHAT_CLIENT
set -euo pipefail

server=$1 client=$2
folder=$(mktemp -d)
server_pid=
trap 'kill "$server_pid" 2>/dev/null || true; rm -rf "$folder"' EXIT

head -c 32 /dev/urandom >"$folder/secret"
for name in Ada Grace; do
  "$server" --secret-file "$folder/secret" --make-token "$name" >"$folder/$name"
done

coproc SERVER { exec "$server" --port 0 --quiet --secret-file "$folder/secret"; }
server_pid=$SERVER_PID
read -r -t 20 line <&"${SERVER[0]}"
url=ws://${line#chat: http://}chat
echo "chat at $url"

# Each ends once it has seen both messages, its own among them.
echo "hello from Ada" | timeout 20 "$client" "$url" --room lobby --token-file "$folder/Ada" --until 2 \
  >"$folder/Ada.saw" 2>"$folder/Ada.log" &
echo "hello from Grace" | timeout 20 "$client" "$url" --room lobby --token-file "$folder/Grace" --until 2 \
  >"$folder/Grace.saw" 2>"$folder/Grace.log" || { cat "$folder/Grace.log" >&2; exit 1; }
wait %2 || { cat "$folder/Ada.log" >&2; exit 1; }

expected=$'Ada: hello from Ada\nGrace: hello from Grace'
for name in Ada Grace; do
  saw=$(sort "$folder/$name.saw")
  [ "$saw" = "$expected" ] || { printf '%s saw:\n%s\n' "$name" "$saw" >&2; exit 1; }
  echo "$name saw both messages"
done
cmp "$folder/Ada.saw" "$folder/Grace.saw"

kill -TERM "$server_pid"
wait "$server_pid"
echo "the chat stopped when it was asked to"
