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
produce() { # ROOM USER ID [KEY]
	jq -nc --argjson room "$1" --argjson user "$2" --arg id "$3" \
		--arg key "${4:-$1}" '{topic: "chat-messages", key: $key, value:
		{roomId: $room, senderId: $user, clientMessageId: $id,
		content: "hi", type: "TEXT", sentAtMs: 1}}' |
		chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
}
dead=$(cat /proc/sys/kernel/random/uuid)
produce "$room" $user "$dead" $((room + 1))
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

# Its row is gone, and comes back; and a refusal's.
sql "create table audit_saved as select * from message_outcomes
	where client_message_id = '$dead'; delete from message_outcomes
	where client_message_id = '$dead'"
ok "a letter's row is gone: I1" finds I1 audit
ok 'its record is named' of 'any(.invariants[0].first[];
	test("^record chat-messages/[0-9/]+ is a dead letter, and .* no row"))'
sql "insert into message_outcomes overriding system value
	select * from audit_saved; drop table audit_saved"
no=$(cat /proc/sys/kernel/random/uuid)
produce "$room" $((user + 11)) "$no"
ok 'a stranger is refused' audit
ok 'which is counted, too' of '.counts.refused == 1'
sql "delete from message_outcomes where client_message_id = '$no'"
ok "a refusal's row is gone: I1" finds I1 audit
ok 'its message is named' of --arg id "$no" 'any(.invariants[0].first[];
	startswith("message " + $id))'
sql "insert into message_outcomes (outcome, topic, record_partition,
	record_offset, record_timestamp, chat_room_id, sender_id,
	client_message_id, reason) values ('refused', 'chat-messages', 99, 0, 0,
	$room, $((user + 11)), '$no', 'NOT_A_MEMBER')"

# The living tables are tampered with.
in_room() { sql "update messages set $1 where chat_room_id = $room and $2"; }
id=$(sql "select client_message_id from messages
	where chat_room_id = $room and seq = 5")
in_room "content = content || '!'" 'seq = 5'
ok 'another content: I3' finds I3 audit "$h"
ok 'the message is named' of --arg id "$id" 'any(.invariants[2].first[];
	contains($id))'
audit message "$id"
ok 'its life says so, exit 1' [ "$? $(jq -r '.wrong[0]' "$out")" = \
	'1 its content in PostgreSQL is not that of the record which it is from' ]
in_room "content = rtrim(content, '!')" 'seq = 5'
swap() {
	in_room 'seq = -1' 'seq = 5'
	in_room 'seq = 5' 'seq = 6'
	in_room 'seq = 6' 'seq = -1'
}
swap
ok 'two seqs are swapped: I4' finds I4 audit room "$room"
audit message "$id"
ok 'the life of one of them' [ "$? $(jq -r '.wrong[0]' "$out")" = \
	'1 it was published under another seq than it is stored with' ]
swap
for by in 5 -5; do
	sql "update chat_rooms set last_seq = last_seq + $by where id = $room"
	ok "its head is moved by $by: I5" finds I5 audit room "$room"
	ok 'the room is named' of --arg room "$room" 'any(
		.invariants[4].first[]; startswith("room \($room): last_seq"))'
	sql "update chat_rooms set last_seq = last_seq - $by where id = $room"
done
forged=$(cat /proc/sys/kernel/random/uuid)
sql "begin; update chat_rooms set last_seq = last_seq + 1 where id = $room;
	insert into messages (id, chat_room_id, seq, sender_id,
		client_message_id, type, content, sent_at)
	select nextval('messages_id_seq'), id, last_seq, $user, '$forged',
		'TEXT', 'forged', now() from chat_rooms where id = $room;
	commit"
ok 'a row from no record: I1, I3' finds 'I1 I3' audit "$h"
ok 'it is named' of --arg id "$forged" 'any(.invariants[2].first[];
	startswith("message " + $id)) and any(.invariants[0].first[];
	startswith("message " + $id))'
ok 'its life' audit message "$forged"
sql "delete from messages where client_message_id = '$forged';
	update chat_rooms set last_seq = last_seq - 1 where id = $room"
ok 'all is as it was, and holds' audit "$h"

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

# Forged events, each in a room of its own, and a record once more.
again() { # TOPIC ROOM FILTER: a record of that room goes out again, changed
	chat-consume -t "$1" -o "$since" -e end 2>/dev/null | jq -c --arg room "$2" \
		"select(.key == \$room) | $3 | {topic, key, value}" |
		head -1 | chat-produce -d "$dir" --slot 82 >/dev/null 2>&1
}
second=$(sed -n 2p "$dir/rooms") third=$(sed -n 3p "$dir/rooms")
again chat-messages "$second" .
ok 'a record twice is a copy' audit room "$second"
ok 'and counted' of '.counts.copies >= 1'
again chat-events "$second" '.value.message.content = "forged"'
ok 'a forged event of another content: I3' finds I3 audit room "$second"
again chat-events "$third" '.value.message |= (.seq = 999 | .messageId = 1 |
	.clientMessageId = "57e67159-cba8-47fe-8cf9-0dca8bc5a29f")'
ok 'a forged event of what is not stored: I3' finds I3 audit room "$third"
ok 'its seq is named' of 'any(.invariants[2].first[]; contains("seq 999"))'
done_testing
