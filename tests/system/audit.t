#!/bin/sh
# chat-audit on the real stack: a load with programs killed under it holds; a row
# that is gone, and an emit that is too much, are found; the life of a message.
# Rooms must be in a row and programs are killed: it runs alone.
. "$(dirname "$0")/tap.sh"
dir=$(mktemp -d) || exit 111
trap 'rm -rf "$dir"' EXIT
since=@$(date +%s)
out=$dir/out
h=$dir/history

user=$((81000000 + $$ * 100))
seq $user $((user + 11)) | jq -c '{id: ., nickname: "audit \(.)"}' |
	chat-rooms users load >/dev/null
for i in 0 3 6 9; do
	chat-rooms create -j -N "audit.t $$" \
		-u "$(seq -s, $((user + i)) $((user + i + 2)))"
done | jq .roomId >"$dir/rooms"
room=$(head -1 "$dir/rooms")

audit() { chat-audit -j --since "$since" --settle 60 "$@" >"$out"; }
of() { jq -e "$@" "$out"; }
# finds NAMES CMD..: exit 1, and these invariants are violated
finds() {
	names=$1
	shift
	"$@"
	[ $? = 1 ] && [ "$(jq -r '[.invariants[] | select(.violations > 0).name] |
		join(" ")' "$out")" = "$names" ]
}
sql() { psql -XqAt -d "$CHAT_PG" -c "$1"; }

# kill -9 of what holds a message on its way, one after the other.
kills()
{
	for name in store-0 edge consume-store-1 produce api store-2 \
		consume-broadcast edge; do
		sleep 1
		pid=$(jq .pid "$CHAT_RUN/status/$name.json") &&
			kill -KILL "$pid"
	done
}
kills 2>/dev/null &
ok 'a load with programs killed under it ends clean' chat-bench --log "$h" \
	--first-room "$room" --first-user $user --rooms 4 --members 3 \
	--rate 60 -T 9 --drain 60
wait
ok 'everything holds' audit "$h"
ok 'each message was looked at, and each delivery' of '.holds and
	.invariants[0].checked >= 540 and .counts.deliveries >= 1620 and
	([.invariants[] | select(.verdict == "holds")] | length) >= 8'
ok 'connections were lost' grep -q '"op":"lost"' "$h"
ok 'without histories too' audit
ok 'one room' audit room "$room"
ok 'its messages only' of '.holds and .invariants[0].checked == 135'
none() { audit_none=$(chat-audit room 999999999 2>&1); [ $? = 1 ]; }
ok 'a room that is not there: exit 1' none
ok 'and it says so' [ "$audit_none" = \
	'chat-audit: there is no room 999999999' ]

id=$(jq -r 'select(.op == "ok").clientMessageId' "$h" | sed -n 100p)
ok 'the life of one message' audit message "$id"
ok 'committed, stored, published' of '.ending == "stored" and
	(["committed", "stored", "published"] - [.life[].what] == [])'
audit message 00000000-0000-4000-8000-000000000000
ok 'of one that is nowhere: exit 1' [ $? = 1 ]

# A letter: its sender is not the one who its key says.
dead=$(cat /proc/sys/kernel/random/uuid)
jq -nc --argjson room "$room" --argjson user $user --arg id "$dead" '{
	topic: "chat-messages", key: "\($room + 1)", value: {roomId: $room,
	senderId: $user, clientMessageId: $id, content: "hi", type: "TEXT",
	sentAtMs: 1}}' | chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
ok 'with a letter everything holds' audit "$h"
ok 'which is counted' of '.counts.dead == 1'
ok 'its life' audit message "$dead"
ok 'is that of a letter, with its reason' of '.ending == "dead" and any(.life[];
	.what == "dead-lettered" and .reason != "")'

# One whose room nobody can read.
roomless=$(cat /proc/sys/kernel/random/uuid)
jq -nc --arg id "$roomless" '{topic: "chat-messages", key: "x",
	value: {roomId: "x", clientMessageId: $id, content: "hi"}}' |
	chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
audit message "$roomless"
ok 'a letter without a room has none in its life' of '.ending == "dead" and
	([.life[] | has("roomId") or has("senderId")] | any | not)'

# A row is gone, and comes back.
sql "create table audit_saved as select * from messages
	where chat_room_id = $room and seq = 7;
	delete from messages where chat_room_id = $room and seq = 7"
ok 'a row is gone: I1, I5' finds 'I1 I5' audit "$h"
ok 'it is named' of --arg room "$room" 'any(.invariants[].first[];
	startswith("room \($room) seq 7 is nowhere"))'
ok 'seen in its room' finds 'I1 I5' audit room "$room"
sql "insert into messages select * from audit_saved; drop table audit_saved"
ok 'it is back, and all holds' audit "$h"

# chat-consume -x with a filter whose emits say where they are from.
t=t-audit-$$
for topic in $t $t-out $t-dlt; do
	echo "{\"topic\":\"$topic\",\"partitions\":2,\"replicas\":1}"
done >"$dir/topics"
chat-topics apply "$dir/topics" >/dev/null
seq 50 | jq -c --arg t "$t" '{topic: $t, key: "\(. % 5)", value: {n: .}}' |
	chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
chat-consume -t "$t" -g "$t" -d "$dir" --slot 83 -x -- jq -c --unbuffered \
	--arg out "$t-out" '{emit: {topic: $out, key, value: {source:
	"\(.topic)/\(.partition)/\(.offset)"}}}, {topic, partition, offset,
	status: "done"}' 2>/dev/null &
pid=$!
for _ in $(seq 100); do
	[ "$(chat-consume -t "$t-out" -e end | wc -l)" = 50 ] && break
	sleep 0.2
done
kill $pid
wait $pid
ok 'each record has its emit' audit --atomic "$t:$t-out:$t"
ok 'which was looked at' of '.invariants[7].checked == 50'
chat-consume -t "$t-out" -e end | head -1 | jq -c '{topic, key, value}' |
	chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
ok 'one emit twice: I8' finds I8 audit --atomic "$t:$t-out:$t"
done_testing
