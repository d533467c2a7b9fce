#!/bin/sh
# chat-store without a database: options, its words while it waits, lines that
# are none. What it stores is the business of tests/system/store.t.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
store=$B/chat-store
unset CHAT_PG CHAT_TZ

# refused WHAT WORD OPTION..: exit 100, and stderr says WORD
refused() {
	what=$1 word=$2
	shift 2
	"$store" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	[ $code = 100 ] && grep -q -e "$word" "$dir/err"
	ok $? "$what"
}

nowhere='host=127.0.0.1 port=1 dbname=x'
hello='{"hello":"chat/1","from":"store.t","maxLine":1048576}'
record='{"topic":"m","partition":0,"offset":1,"timestamp":1,"key":"1","value":{}}'
echo 1..16

refused 'no database: 100' CHAT_PG
refused 'no conninfo: 100' conninfo -c 'this is none'
refused 'a password in argv: 100' passfile -c "$nowhere password=secret"
grep -q secret "$dir/err"
is 'and is not repeated' $? 1
refused 'a batch of 0: 100' batch -c "$nowhere" --batch 0
refused 'a batch of 501: 100' batch -c "$nowhere" --batch 501
refused 'an operand: 100' superfluous -c "$nowhere" x
CHAT_TZ=Nowhere/Land refused 'no such zone: 100' zone -c "$nowhere"
refused 'a status file that cannot be: 100' cannot \
	-c "$nowhere" -S "$dir/no/such"

"$store" -c "$nowhere" -n >/dev/null 2>&1
is '-n without a server: 111' $? 111
is 'nothing to do, no server: 0' "$("$store" -c "$nowhere" </dev/null \
	2>/dev/null; echo $?)" 0

# Its hello comes after the runner's, its word that it waits at once; and a
# record that can never work is not dead as long as the database is away.
(echo "$hello"; echo "$record"; sleep 1.2 2>/dev/null) |
	timeout 1 "$store" -c "$nowhere" -S "$dir/status" \
		>"$dir/out" 2>"$dir/err"
is 'hello, then waiting, and no answer' "$(cat "$dir/out")" \
	'{"hello":"chat/1","from":"chat-store","maxLine":1048576}
{"status":"waiting","for":"postgresql"}'
is 'the status file says it' "$(jq -r .state "$dir/status")" waiting
is 'and the log, once' "$(grep -c 'waiting for the database' "$dir/err")" 1

# Asked to stop, it stops, with what it could not answer.
mkfifo "$dir/fifo"
"$store" -c "$nowhere" <"$dir/fifo" >/dev/null 2>&1 &
pid=$!
exec 3>"$dir/fifo"
good='{"roomId":1,"senderId":1,"clientMessageId":1,"content":"x"}'
echo "{\"topic\":\"m\",\"partition\":0,\"offset\":1,\"timestamp\":1,\"key\":\"1\",\"value\":$good}" >&3
sleep 0.3
kill -TERM $pid
wait $pid
is 'TERM while it waits with records in hand: 111' $? 111
exec 3>&-

echo 'this is no record' | "$store" -c "$nowhere" >/dev/null 2>&1
is 'a line that is no record: 100' $? 100
