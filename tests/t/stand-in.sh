# shellcheck shell=sh
# tests/t/stand-in.sh - read by connect.t and bench.t: TAP, and a stand-in for
# a chat server (stand-in.py), started anew for each part of a test.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
server=
unset CHAT_TOKEN
for program in chat-connect chat-bench; do
	[ -x "$B/$program" ] && continue
	echo "Bail out!  $B/$program is not built"
	exit 1
done
printf '%s\n' 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR >"$dir/secret"
chmod 600 "$dir/secret"
CHAT_JWT_SECRET_FILE=$dir/secret
export CHAT_JWT_SECRET_FILE

stop_server() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
	server=
}
trap 'stop_server; rm -rf "$dir"' EXIT

# serve [OPTION..]: a new server; CHAT_URL names it
serve() {
	stop_server
	rm -f "$dir/port"
	python3 "$here/stand-in.py" "$@" >"$dir/port" 2>"$dir/server.log" &
	server=$!
	while [ ! -s "$dir/port" ] && kill -0 "$server" 2>/dev/null; do
		sleep 0.02
	done
	port=$(cat "$dir/port")
	CHAT_URL=ws://127.0.0.1:$port/ws/v1/chat
	export CHAT_URL
}
