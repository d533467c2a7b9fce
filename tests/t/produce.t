#!/bin/sh
# chat-produce without a Kafka: its options, -n, and its end while it waits.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
produce=$B/chat-produce
unset CHAT_BROKERS CHAT_RUN

try() {
	"$produce" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

try -h
is '-h: exit 0' $code 0
says '-h names the socket' '--listen SOCKET'
try -V
is '-V: exit 0' $code 0
says '-V says who it is' "chat-produce $(cat VERSION)"
"$produce" -h >/dev/full 2>/dev/null
is '-h on a full disk: 111' $? 111

try -b x:1 --no-such
is 'an unknown option: 100' $code 100
try -b x:1 here
is 'an operand: 100' $code 100
says 'and it is named' "what is 'here' for"
try -d "$dir/lock"
is 'no brokers: 100' $code 100
says 'and how to give them' 'CHAT_BROKERS'
try -n -b x:1
is '-n: the configuration is good' $code 0
says 'with the transactional id' "chat-produce.$(hostname).0"
says 'which any free slot may give' 'or that of another free slot'
try -n -b x:1 --slot 3
says 'which has the slot' "chat-produce.$(hostname).3"
"$produce" -n -b x:1 -d "$dir" >/dev/full 2>"$dir/err"
is '-n on a full disk: 111' $? 111
says '.. and says so' 'cannot write to stdout'
try -n -b x:1 -I
is '-n -I' $code 0
says 'which has none' 'no transactions'
try -n -b x:1 --slot x
is 'a slot that is no number: 100' $code 100
try -n -b x:1 --queue 0
is 'a queue of nothing: 100' $code 100

try -n -b x:1 -X no.such.property=1
is 'an unknown property: 100' $code 100
says 'and it is named' 'no.such.property'
try -n -b x:1 -X linger.ms=soon
is 'a property of the wrong kind: 100' $code 100
try -n -b x:1 -X linger.ms
is 'a property without a value: 100' $code 100
try -n -b x:1 -X sasl.password=secret
is 'a password on the command line: 100' $code 100
says 'it belongs in a file' 'a password belongs in a file'

cat >"$dir/props" <<-END
	# comment
	bootstrap.servers = x:1

	  sasl.password = secret
END
try -n -F "$dir/props"
is 'a file with a password that others may read: 100' $code 100
says 'and what to do' 'chmod o-rwx'
chmod 600 "$dir/props"
try -n -F "$dir/props"
is 'closed to others: good, and it names the brokers' $code 0
grep -q secret "$dir/out" "$dir/err"
is 'nobody prints the password' $? 1
try -n -b x:1 -F "$dir/missing"
is 'a file that is not there: 100' $code 100
echo 'nonsense' >"$dir/props"
try -n -b x:1 -F "$dir/props"
is 'a file of something else: 100' $code 100
says 'and it is named' "$dir/props"

try -b 127.0.0.1:1
is 'no place for the lock: 100' $code 100
says 'and how to give one' 'CHAT_RUN'
try -b 127.0.0.1:1 -S "$dir/none/status"
is 'a status file that cannot be: 100' $code 100

# Kafka is away: it waits, says so, and TERM ends it.
"$produce" -b 127.0.0.1:1 -d "$dir/lock" -S "$dir/status" \
	>"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
i=0
until grep -q '"waiting"' "$dir/status" 2>/dev/null || [ $i = 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
grep -q '"why":"kafka"' "$dir/status"
is 'without Kafka it waits for it' $? 0
is 'it holds its slot' "$(cat "$dir/lock/chat-produce.$(hostname).0")" $pid
kill $pid
wait $pid
is 'TERM: exit 0' $? 0
[ ! -e "$dir/status" ]
is 'its status file is gone' $? 0

echo "1..$n"
