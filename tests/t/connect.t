#!/bin/sh
# chat-connect against a stand-in for the server: what it prints, how it comes
# back, and its exit codes.
. "$(dirname "$0")/stand-in.sh"
connect="timeout 30 $B/chat-connect -u 7"

# talk OPTION..: stdin becomes messages of room 1; what is printed, and the code
talk() {
	$connect -r 1 "$@" 2>"$dir/log"
	echo "$?"
}
# of a file of JSON Lines: the messages' contents in their order
contents() {
	jq -r 'select(.content) | .content' "$1" | tr '\n' ' '
}

echo 1..49

serve
is 'lines in, messages out' "$(printf 'hi\n\nthere' | talk)" \
	"$(printf '[1] user7: hi\n[2] user7: there\n0')"
is 'history after a seq' "$(talk --from-seq 1 --wait 1 </dev/null)" \
	"$(printf '[2] user7: there\n0')"
is 'several rooms are told apart' \
	"$(echo one | $connect -r 5 -r 1 --from-seq 0 --wait 3 2>/dev/null |
		sort)" \
	"$(printf '[1:1] user7: hi\n[1:2] user7: there\n[5:1] user7: one')"
is 'without rooms and messages: nothing' "$(talk </dev/null)" 0
is 'a line that is too long is refused, the next goes' \
	"$({ head -c 70000 /dev/zero | tr '\0' x; printf '\nnext\n'; } | talk)" \
	"$(printf '[3] user7: next\n1')"

printf 'a\nb\n' | $connect -r 2 -j >"$dir/out" 2>/dev/null
is 'JSON Lines: exit' $? 0
jq -e . "$dir/out" >/dev/null
ok $? 'JSON Lines: each line is JSON'
is 'messages as they came' "$(contents "$dir/out")" 'a b '
is 'a receipt each' "$(jq -s '[.[].receipt // empty] | length' "$dir/out")" 2
is 'receipts name the message' \
	"$(jq -r '.receipt.clientMessageId // empty' "$dir/out" | sort)" \
	"$(jq -r 'select(.content).clientMessageId' "$dir/out" | sort)"
is 'an ack each' "$(jq -s '[.[].ack // empty] | length' "$dir/out")" 2
is 'and how the room was joined' "$(jq -c '.joined // empty' "$dir/out")" \
	'{"roomId":2,"status":"live","head":0,"epoch":"e1"}'

# The server stores and hangs up, hangs up without storing, says 1012: what had
# no RECEIPT goes out again, in order, under its id; nothing is seen twice.
printf 'a\n!lose\nb\nc\n!drop-before\nd\n!1012\ne\n' |
	$connect -r 3 -j --wait 8 >"$dir/out" 2>"$dir/log"
is 'it comes back: exit' $? 0
is 'three connections were lost' "$(grep -c 'connection lost' "$dir/log")" 3
is 'all are there, once, in order' "$(contents "$dir/out")" \
	'a !lose b c !drop-before d !1012 e '
is 'all seqs are there, once' \
	"$(jq -r 'select(.content).seq' "$dir/out" | tr '\n' ' ')" \
	'1 2 3 4 5 6 7 8 '
is 'ids are kept' "$(jq -r 'select(.content).clientMessageId' "$dir/out" |
	sort -u | wc -l)" 8
is 'each has one receipt' "$(jq -r '.receipt.clientMessageId // empty' \
	"$dir/out" | sort | uniq -c | awk '$1 == 1' | wc -l)" 8
is 'the room is followed from the last seq' \
	"$(jq -r '.joined.status // empty' "$dir/out" | sort | uniq -c |
		tr -s ' ' | tr '\n' ,)" ' 1 live, 3 recovered,'

is 'a message that is left out is fetched' \
	"$(printf 'x\n!hole\ny\n' | $connect -r 4 --wait 3 2>/dev/null)" \
	"$(printf '[1] user7: x\n[2] user7: !hole\n[3] user7: y')"

serve --double 2
is 'a message that comes twice is shown once' \
	"$(printf 'x\ny\nz\n' | $connect -r 4 --wait 3 2>/dev/null)" \
	"$(printf '[1] user7: x\n[2] user7: y\n[3] user7: z')"
serve

# A server that dies under it, and comes back on the same port.
mkfifo "$dir/in"
$connect -r 6 <"$dir/in" >"$dir/out" 2>"$dir/log" &
client=$!
exec 3>"$dir/in"
echo one >&3
seen=0
until grep -q one "$dir/out" || [ $((seen += 1)) -gt 200 ]; do sleep 0.05; done
{ kill -9 "$server" && wait "$server"; } 2>/dev/null
server=
echo two >&3
exec 3>&-
old=$port
sleep 0.3
kill -0 "$client"
ok $? 'it waits while the server is away'
serve --port "$old"
wait "$client"
is 'what waited is sent when the server is back' $? 0
is 'to the new server' "$($connect -r 6 --from-seq 0 --wait 1 </dev/null \
	2>/dev/null)" '[1] user7: two'

# Refusals.
is 'refused by the edge' "$(printf '!refuse\nx\n' | talk)" \
	"$(printf '[1] user7: x\n1')"
grep -q '"code":"REFUSED"' "$dir/log"
ok $? 'with its code in the log'
is 'refused by the store, after its receipt' \
	"$(printf '!refuse-late\n' | talk)" 1
is 'refused for a while: sent again' "$(printf '!later\n' | talk)" \
	"$(printf '[2] user7: !later\n0')"
$connect -r 404 </dev/null 2>/dev/null
is 'no member of the room' $? 1
echo x | $connect -r 404 --listen -T 9 2>/dev/null
is 'no member of any room: nothing to stay for' $? 1
printf '!4001\n' | talk --listen >"$dir/out"
is 'evicted: it does not come back' "$(tail -1 "$dir/out")" 100
$connect -r 1 -c "ws://127.0.0.1:$port/refused" </dev/null 2>"$dir/log"
is 'a handshake refused with 403' $? 100
grep -q 'answered 403 Forbidden' "$dir/log"
ok $? 'with the answer in the log'
echo 'no token' >"$dir/tokens"
$connect -r 1 --token-file "$dir/tokens" </dev/null 2>"$dir/log"
is 'a token that is refused' $? 100
grep -q 'no valid token' "$dir/log" && ! grep -q 'no token"' "$dir/log"
ok $? 'with the reason in the log, without the token'

# Time and signals.
is 'a server that is not there, -T' \
	"$($connect -r 1 -c ws://127.0.0.1:1/ -T 500ms </dev/null 2>/dev/null
	echo $?)" 111
is 'fewer messages than --wait until -T' \
	"$(talk --wait 9 -T 300ms </dev/null)" 1
is '-T alone: that long, then 0' "$(talk -T 200ms </dev/null)" 0
$connect -r 1 --listen </dev/null 2>/dev/null &
client=$!
sleep 0.3
kill -0 $client
ok $? '--listen stays after the end of stdin'
kill $client
wait $client
is 'TERM ends it with 0' $? 0

# Output and options.
echo x | $connect -r 1 >/dev/full 2>"$dir/log"
is 'a full disk on stdout' $? 111
$connect -r 1 -n >"$dir/out"
is '-n connects to nothing' "$?$(cat "$dir/out")" \
	"0would connect to $CHAT_URL and follow 1 rooms, speaking in 1"
$connect -r 0 2>/dev/null
is 'no such room number' $? 100
"$B/chat-connect" -r 1 2>/dev/null </dev/null
is 'no user' $? 100

# --log: a history for chat-audit.
serve
printf 'a\n!lose\nb\n!refuse-late\n!later\n' |
	$connect -r 1 --log "$dir/h" --wait 4 >/dev/null 2>&1
is 'with --log: exit' $? 1
# ops CONTENT: what happened to the message with this content
ops() {
	crc=$(printf %s "$1" | gzip -c | tail -c 8 | od -An -N4 -tx4 | tr -d ' ')
	id=$(jq -r --arg crc "$crc" 'select(.op == "invoke" and .crc == $crc) |
		.clientMessageId' "$dir/h" | head -1)
	jq -r --arg id "$id" 'select(.clientMessageId == $id) |
		"\(.op)\(if .final then "!" else "" end)"' "$dir/h" |
		uniq | tr '\n' ' '
}
is 'stored, the RECEIPT lost: info, sent again, ok' "$(ops '!lose')" \
	'invoke recv info invoke ok '
is 'refused after its RECEIPT' "$(ops '!refuse-late')" 'invoke info invoke ok fail! '
is 'refused for a while' "$(ops '!later')" 'invoke info invoke fail invoke recv ok '
is 'lost, and back from where it was' \
	"$(jq -r 'select(.op == "lost" or .op == "joined" or .op == "end") |
		"\(.op) \(.status) \(.from)"' "$dir/h" | tr '\n' ' ')" \
	'joined live null lost null null joined recovered 2 end null null '
