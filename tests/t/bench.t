#!/bin/sh
# chat-bench against a stand-in for the server: its figures must be honest, and
# it must see what is lost, double or out of order.
. "$(dirname "$0")/stand-in.sh"
bench="$B/chat-bench --warm-up 0 --settle 100ms" # bounded by -T and --drain

# load OPTION..: a run with JSON, to $dir/out
load() {
	$bench -j "$@" >"$dir/out" 2>"$dir/log"
}
# of FILTER: what jq finds in the run's object
of() {
	jq -r "$1" "$dir/out"
}
# holds WHAT FILTER: the run's object satisfies it
holds() {
	jq -e "$2" "$dir/out" >/dev/null
	ok $? "$1" && return
	sed 's/^/# /' "$dir/out"
}

echo 1..52

serve
load --rooms 2 --members 3 --rate 100 -T 1 --pid stand-in=$server -N first
is 'a clean run: exit' $? 0
is 'all sent, each to each member, each with a receipt' \
	"$(of '"\(.clean) \(.sent) \(.receipts) \(.deliveries)"')" \
	'true 100 100 300'
is 'its name' "$(of .name)" first
holds 'histograms of all of them' '.endToEndMs.count == 300 and
	.lastMs.count == 100 and .receiptMs.count == 100 and .lagMs.count == 100'
holds 'percentiles rise' '.endToEndMs | .p50 > 0 and .p50 <= .p90 and
	.p90 <= .p99 and .p99 <= .p999 and .p999 <= .max'
holds 'the last member is not before the others' '.lastMs.p50 >= .endToEndMs.p50'
holds 'CPU of the server and its own' '.cpu["stand-in"].seconds > 0 and
	.cpu.generator.seconds > 0'
load --rooms 1 --members 2 --rate 100 --warm-up 500ms -T 500ms
is 'the warm-up is checked, not measured' \
	"$(of '"\(.deliveries) \(.endToEndMs.count)"')" '200 100'

# Coordinated omission: a server that stands still for a second in a run of
# three makes a third of the messages late, evenly from 0 to 1000 ms.
serve --freeze 1:100
load --rooms 1 --members 2 --rate 100 -T 3
is 'a server that freezes: exit' $? 0
is 'all were offered all the same' "$(of .sent)" 300
holds 'its second is in the percentiles' '.endToEndMs |
	.max >= 950 and .p99 >= 900 and .p90 >= 550 and .p50 < 300'
holds 'and in the receipts' '.receiptMs.p90 >= 550'
holds 'but nothing was sent late' '.lagMs.p99 < 300'

# The same where the generator itself stands still: late sends keep the time at
# which they were due, and the lag is reported.
serve
$bench -j --rooms 1 --members 2 --rate 100 -T 3 >"$dir/out" 2>"$dir/log" &
bench_pid=$!
sleep 1
kill -STOP $bench_pid
sleep 1
kill -CONT $bench_pid
wait $bench_pid
is 'a generator that freezes: exit' $? 0
is 'it catches up' "$(of .sent)" 300
holds 'lag is counted' '.lagMs.max >= 900 and .lagMs.p90 >= 500'
holds 'and is part of the latency' '.endToEndMs.p90 >= 500'

# What must not be missed.
serve --drop 50
load --rooms 1 --members 3 --rate 100 -T 1 --drain 300ms
is 'a delivery is missing: exit' $? 1
is 'one' "$(of '"\(.missing) \(.duplicates) \(.holes)"')" '1 0 1'
grep -q '1 deliveries missing' "$dir/log"
ok $? 'and the log says so'
serve --double 50
load --rooms 1 --members 3 --rate 100 -T 1
is 'a duplicate: exit' $? 1
is 'one' "$(of '"\(.missing) \(.duplicates)"')" '0 1'
serve --swap 50
load --rooms 1 --members 1 --rate 100 -T 1
is 'out of order: exit' $? 1
is 'one by seq' "$(of .outOfOrder)" 1
serve --swap 50 --no-seq
load --rooms 1 --members 1 --rate 100 -T 1 --no-receipts
is 'one by its sender, where there is no seq' "$(of .outOfOrder)" 1
serve
load --rooms 1 --members 2 --rate 100 -T 1 --drain 300ms --body \
	'{"roomId":{room},"content":"!refuse","x":"{stamp}"}'
is 'refused messages: exit' $? 1
holds 'counted, and their receipts are missing' \
	'.refused == 100 and .receiptsMissing == 100'
$bench --rooms 1 --members 2 --rate 100 -T 3 --drain 300ms >/dev/null \
	2>"$dir/log" &
bench_pid=$!
sleep 1
stop_server
wait $bench_pid
is 'a server that dies: exit' $? 1
grep -q '2 connections lost' "$dir/log"
ok $? 'and the log says so'
load --rate 1 -c "ws://127.0.0.1:$port/"
is 'a server that is not there' $? 111

# Another server's words.
serve
load --rooms 2 --members 2 --rate 50 -T 1 --destination '/app/{room}' \
	--subscription '/topic/{room}' --errors '' --header 'Authorization:{token}' \
	--body '{"roomId":{room},"content":"{user} {n} {stamp}"}'
is 'destinations, headers and body are templates' "$?$(of .deliveries)" 0100

# Idle connections.
load --rooms 2 --members 10 --idle 5 --idle 20 -T 200ms \
	--pid stand-in=$server
is 'idle, in steps' "$?$(jq -r .connections "$dir/out" | tr '\n' ' ')" \
	'05 20 '
holds 'with memory before and after' '.memory["stand-in"] |
	.rssBefore > 0 and .rssAfter > 0 and .pssAfter > 0'

# Options.
$bench --body '{}' 2>/dev/null
is 'a body without a stamp' $? 100
is '-n says what would happen' "$($bench -n --rooms 3 --members 4 -T 1)" \
	"$(printf 'would open 12 connections to %s\n' "$CHAT_URL"
	echo 'would send 200 messages a second for 1.0 s:' \
		'800 deliveries a second')"

# --log: clients who come back, and a history of all of it.
h=$dir/history
serve
load --log "$h" --rooms 3 --members 2 --rate 100 -T 1
is 'with --log: exit' $? 0
is 'all sent, each to each member, each with a receipt' \
	"$(of '"\(.run) \(.sent) \(.receipts) \(.deliveries)"')" 'drill 100 100 200'
is 'the history has it all' "$(jq -r .op "$h" | sort | uniq -c | tr -s '\n ' ' ')" \
	' 6 connected 6 end 100 invoke 6 joined 100 ok 200 recv '
jq -es 'all(.ns > 0 and .ms > 0 and .worker and .userId > 0)' "$h" >/dev/null
ok $? 'each line says when and who'
jq -es '[.[] | select(.op == "invoke") | {(.clientMessageId): [.crc, .roomId]}] |
	add as $sent | [.[] | select(.op == "recv")] |
	all($sent[.clientMessageId] == [.crc, .roomId])' "$h" >/dev/null
ok $? 'what came has the crc and the room of what was sent'
rm -f "$h"
serve --drop 50
load --log "$h" --rooms 1 --members 3 --rate 100 -T 1
is 'a hole is fetched' "$? $(of .deliveries)" '0 300'
jq -es '[.[] | select(.op == "joined" and .from)] | length == 1' "$h" >/dev/null
ok $? 'and seen in the history, with its from-seq'
serve --double 50
load --log "$h" --rooms 1 --members 3 --rate 100 -T 1
is 'a duplicate on the wire is counted, and no fault' \
	"$? $(of '"\(.duplicates) \(.wireDuplicates)"')" '0 0 1'
rm -f "$h"
serve --cut 40
load --log "$h" --rooms 2 --members 2 --rate 100 -T 1
is 'a server that hangs up on all: exit' $? 0
is 'all are sent, answered, delivered' \
	"$(of '"\(.sent) \(.receipts) \(.deliveries) \(.unanswered)"')" '100 100 200 0'
is 'connections were lost, and opened again' "$(of '"\(.lost) \(.connects)"')" '4 8'
is 'the history says so' \
	"$(jq -s 'map(select(.op == "lost")) | length' "$h")" 4
jq -es 'map(select(.op == "info")) | length > 0' "$h" >/dev/null
ok $? 'what had no RECEIPT is info'
jq -es '[.[] | select(.op == "ok").clientMessageId] |
	length == 100 and (unique | length == 100)' "$h" >/dev/null
ok $? 'and then ok, once'
$bench --log "$h" --pid me=$$ >/dev/null 2>&1
is '--log and --pid: exit' $? 100
$bench --log "$dir/none/h" -T 1 >/dev/null 2>"$dir/log"
is 'a history that cannot be opened: exit' $? 100
[ ! -e /dev/full ] || $bench --log /dev/full --rate 10 -T 1 >/dev/null 2>&1
is 'one that cannot be written: exit' $? 111
