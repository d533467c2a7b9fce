# shellcheck shell=sh
# tests/t/stand-in.sh - read by connect.t and bench.t: TAP, and a stand-in for
# a chat server (stand-in.py), started anew for each part of a test.
B=${B:-build}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 111
server=
n=0
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

ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
	fi
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ]
	ok $? "$1"
	[ "$2" = "$3" ] || printf 'got:  %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
}

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
