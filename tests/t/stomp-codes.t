#!/bin/sh
# chat-stomp(7) lists every code that a client may meet, and no other: error
# codes out of the edge, the message rules and the store; close codes out of
# close.h, each in its band.
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0

# same WHAT: $dir/said and $dir/meant hold the same lines
same() {
	n=$((n + 1))
	if [ -s "$dir/meant" ] && diff "$dir/meant" "$dir/said" >"$dir/diff"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/diff"
	fi
}

echo 1..5

# Upper-case words with '_' in the edge are codes, but for those that are words
# of a body, and those of HTTP (chat-api(7)).
{
	for f in lib/edge/*.c; do
		case $f in
		*/http.c | */rest.c | */upgrade.c | */item.c) continue ;;
		esac
		grep -oE '"([A-Z]+(_[A-Z]+)+|UNAUTHORIZED)"' "$f"
	done | grep -v SESSION_CLOSED
	grep -oE 'return "[A-Z_]+"' lib/wire/message.c | sed 's/return //' |
		grep -vE '"(OK|IMAGE|TEXT)"'
	grep -ohE "'(NOT_A_MEMBER|BLOCKED|CLIENT_MESSAGE_ID_REUSED)'" \
		sql/functions-store.sql | tr "'" '"'
} | tr -d '"' | sort -u >"$dir/meant"
sed -n 's/^\.It Sy \([A-Z_]*\)$/\1/p' man/chat-stomp.7 | sort -u >"$dir/said"
same "error codes"

# codes BAND: as close.c has it; section FROM TO: as the manual lists it
codes() {
	sed -n "s/.*{\(CLOSE_[A-Z0-9_]*\), $1,.*/\1/p" lib/proto/close.c |
		while read -r name; do
			sed -n "s/.*[^A-Z]$name = \([0-9]*\),.*/\1/p" lib/proto/close.h
		done | sort
}
section() {
	sed -n "/^\.Ss $1/,/^\.S[sh] $2/s/^\.It \([0-9]*\)\$/\1/p" man/chat-stomp.7 |
		sort
}
codes CLOSE_BAND_STAY >"$dir/meant"
section '..Do not reconnect' 'Back off' >"$dir/said"
same "close codes: do not reconnect"
codes CLOSE_BAND_BACK_OFF >"$dir/meant"
section 'Back off' 'Reconnect now' >"$dir/said"
same "close codes: back off"
codes CLOSE_BAND_NOW >"$dir/meant"
section 'Reconnect now' 'SEE ALSO' >"$dir/said"
same "close codes: reconnect now"

# Every destination that the edge names is in the manual.
grep -ohE '"/(pub|user)/[a-z/]+"' lib/edge/send.c lib/edge/sub.c | tr -d '"' |
	sort -u >"$dir/meant"
sed -n 's/^\.It Pa \(\/\(pub\|user\)\/[a-z/]*\)$/\1/p' man/chat-stomp.7 |
	sort -u >"$dir/said"
same "destinations"
