#!/bin/sh
# chat-bench and chat-connect against the real stack, within its rate limit: a
# small run is clean, idle connections are counted, and scripts/bench says what
# it needs.
. "$(dirname "$0")/tap.sh"
root=${CHAT_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d) || exit 111
trap 'rm -rf "$dir"' EXIT

# Thirty users in three rooms, whose numbers are in a row.
user=$((80000000 + $$ * 100))
seq $user $((user + 29)) | jq -c '{id: ., nickname: "load \(.)"}' |
	chat-rooms users load >/dev/null
for i in 0 10 20; do
	chat-rooms create -j -N "bench.t $$" \
		-u "$(seq -s, $((user + i)) $((user + i + 9)))"
done | jq .roomId >"$dir/rooms"
room=$(head -1 "$dir/rooms")
edge=$(jq .pid "$CHAT_RUN/status/edge.json")

in_a_row()
{
	[ "$(tr '\n' ' ' <"$dir/rooms")" = "$room $((room + 1)) $((room + 2)) " ]
}
load()
{
	chat-bench -j --first-room "$room" --first-user $user --rooms 3 \
		--members 10 --pid edge="$edge" "$@" >"$dir/out"
}
of()
{
	jq -e "$@" "$dir/out"
}

ok 'three rooms in a row' in_a_row
# 120 messages by 30 users: four each.
ok 'a small run is clean' load --rate 40 --warm-up 1 -T 2
ok 'each message reached each of its room, once, in order' of \
	'.sent == 120 and .receipts == 120 and .deliveries == 1200'
ok 'seen from the store too' sh -c "
	chat-rooms history $room -j | jq -es 'length == 40 and
		([.[].seq] | sort) == [range(1; 41)]'"
ok 'idle connections' load --idle 10 --idle 30 -T 1
ok 'in two steps' sh -c "[ \"\$(jq -r .connections '$dir/out' |
	tr '\\n' ' ')\" = '10 30 ' ]"

said()
{
	echo said | chat-connect -u $user -r "$room" >/dev/null &&
		chat-connect -u $((user + 1)) -r "$room" -j --from-seq 40 \
			--wait 1 -T 10 </dev/null | jq -e '.content == "said"'
}
ok 'what chat-connect says, another one finds by its seq' said
refused()
{
	echo no | chat-connect -u $((user + 10)) -r "$room" 2>"$dir/log"
	[ $? = 1 ] && grep -q NOT_A_MEMBER "$dir/log"
}
ok 'a stranger is refused, exit 1' refused

bad_options()
{
	"$root/scripts/bench" "$@" 2>"$dir/log"
	[ $? = 100 ]
}
ok 'scripts/bench: unknown row' bad_options nonsense
limited()
{
	case "$(tr '\0' ' ' <"/proc/$edge/cmdline") " in
	*' --rate 0 '*) return 0 ;;
	esac
	bad_options latency && grep -q 'rate limit' "$dir/log"
}
ok 'scripts/bench: not where the rate is limited' limited
done_testing
