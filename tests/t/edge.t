#!/bin/sh
# chat-ws-edge: options, -n, what it refuses to start with, and its start and
# end without anybody to talk to.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
printf '%s\n' 0123456789abcdef0123456789abcdef >"$dir/key"
chmod 600 "$dir/key"
# A port of ours, below those that connections get.
port=$((21000 + $$ % 8000))
edge="$B/chat-ws-edge --port $port --address 127.0.0.1
	--produce $dir/p --events $dir/e --api $dir/a --jwt-secret $dir/key
	--max-connections 500"
# refused NAME WORDS OPTION..: exit 100, and a sentence that holds WORDS
refused() {
	name=$1 words=$2
	shift 2
	# shellcheck disable=SC2086
	why=$($edge "$@" -n 2>&1 </dev/null)
	is "$name: exit" $? 100
	case $why in
	*"$words"*) ok 0 "$name: says why" ;;
	*) ok 1 "$name: '$why'" ;;
	esac
}

echo 1..40
$edge -n 2>"$dir/err"
is '-n: exit' $? 0
is '-n: says nothing' "$(cat "$dir/err")" ''
[ ! -e "$dir/p.lock" ]
ok $? '-n: touches nothing'
"$B/chat-ws-edge" -V >"$dir/out"
is '-V: exit' $? 0
"$B/chat-ws-edge" -h >"$dir/out"
is '-h: exit' $? 0
grep -q -- '--jwt-secret FILE' "$dir/out"
ok $? '-h: lists the options'
"$B/chat-ws-edge" -h >/dev/full 2>/dev/null
is '-h on a full disk: exit' $? 111
"$B/chat-ws-edge" 2>"$dir/err"
is 'no options: exit' $? 100
grep -q -- '--produce, --events and --api are needed' "$dir/err"
ok $? 'no options: says what is needed'
"$B/chat-ws-edge" --produce p --events e --api a 2>"$dir/err"
is 'no key: exit' $? 100
refused 'an operand' 'no operands' x
refused 'an unknown option' "'--nope'" --nope
refused 'a port that is none' "'port'" --port 99999
refused 'an origin with a path' 'is no origin' --origin http://a/b
refused 'an origin without a scheme' 'is no origin' --origin a.example
refused 'an address of metrics' 'no IP address' --metrics-from localhost
refused 'a message smaller than a frame' '--max-message' --max-message 32K
refused 'no such key' 'cannot open' --jwt-secret "$dir/none"
printf 'short\n' >"$dir/short"
chmod 600 "$dir/short"
refused 'J-14 a weak key' 'at least 32' --jwt-secret "$dir/short"
cp "$dir/key" "$dir/open"
chmod 644 "$dir/open"
refused 'a key that others may read' 'others' --jwt-secret "$dir/open"
refused 'no number of seconds' "'drain-time'" --drain-time x

$edge --address 256.0.0.1 2>"$dir/err"
is 'an address that is none: exit' $? 100
$edge -S /nowhere/status 2>"$dir/err"
is 'a status file that cannot be: exit' $? 100

# Nobody to talk to: it listens, waits, says so, and ends.
$edge -S "$dir/status" --drain-time 2s 2>"$dir/log" &
pid=$!
i=0
until grep -q '"waiting"' "$dir/status" 2>/dev/null || [ $((i += 1)) -gt 100 ]; do
	sleep 0.05
done
grep -q '"state":"waiting","why":"chat-produce is away"' "$dir/status"
ok $? 'without chat-produce it waits, and says for whom'
$edge --address 127.0.0.1 --port $port -n
is 'another may check its configuration' $? 0
rm "$dir/status"
kill -USR1 $pid
i=0
until [ -s "$dir/status" ] || [ $((i += 1)) -gt 20 ]; do
	sleep 0.05
done
[ -s "$dir/status" ]
ok $? 'USR1: status at once'
kill $pid
wait $pid
is 'TERM: exit' $? 0
grep -q '"message":"draining"' "$dir/log" && grep -q '"message":"drained"' "$dir/log"
ok $? 'its log says that it drained'
[ ! -e "$dir/status" ]
ok $? 'its status file is gone'
