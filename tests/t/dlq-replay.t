#!/bin/sh
# chat-dlq-replay without a Kafka: its options, and what comes in by --in.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
replay=$B/chat-dlq-replay
unset CHAT_BROKERS CHAT_RUN

try() {
	"$replay" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# wrong WHAT WORDS OPTIONS..: refused before anything is connected
wrong() {
	what=$1 words=$2
	shift 2
	try -b 127.0.0.1:1 "$@"
	is "$what: 100" $code 100
	says "$what: says so" "$words"
}

try -h
is '-h: exit 0' $code 0
says '-h names the verbs' 'list | show PLACE | run [PLACE] | drop [PLACE] | tidy'
"$replay" -h >/dev/full 2>/dev/null
is '-h on a full disk: 111' $? 111

wrong 'nothing to do' "say 'list', 'show PLACE', 'run', 'drop' or 'tidy'"
wrong 'an unknown verb' "say 'list'" replay
wrong 'too much' "what is 'x' for?" list x
wrong 'too much for run' "what is 'x' for?" run a-dlt/0/1 x
wrong 'show of nothing' 'show what?' show
for place in x x/1 x/1/ x/-1/2 x/1/-2 /1/2 x/1/2/3 x/99999999999/1 x/01/2; do
	wrong "'$place' is no place" "'$place' is no TOPIC/PARTITION/OFFSET" \
		show "$place"
done
wrong 'a place and a topic' 'do not go together' run -t x-dlt x-dlt/0/1
wrong 'a place and an offset' 'do not go together' run x-dlt/0/1 -o 7
wrong 'a place and a partition' 'do not go together' run --partition 0 x-dlt/0/1
wrong '--in with list' 'are for run and drop' list --in -
wrong '-n with list' 'are for run and drop' list -n
wrong '--max with show' 'are for run and drop' --max 3 show x-dlt/0/1
for option in '-r 7' '--reason A' '--since @7' '--until @7' '-o 7' '-e 7' \
	'--partition 0' '--max 3' '--rate 3' "--in $dir/none"; do
	# shellcheck disable=SC2086 # two words
	wrong "$option with tidy" 'tidy looks at all letters' tidy $option
done
wrong '--all with tidy' 'are for list' tidy -a
wrong 'a place with tidy' "what is 'x-dlt/0/1' for?" tidy x-dlt/0/1
wrong '--reasons with run' 'are for list' run --reasons
wrong 'a time that is none' "'yesterday' is no time: YYYY-MM" list --since yesterday
wrong 'a place as a time' "'17' is no time" list --since 17
wrong 'an end that is none' "option '-e'" list -e never
wrong 'a rate of none' "option 'rate'" run --rate 0
wrong 'a missing file' "cannot open '$dir/none'" run --in "$dir/none"
try list
is 'no brokers: 100' $code 100

# broken WHAT TEXT WORDS: --in is refused whole
broken() {
	printf '%s' "$2" >"$dir/in"
	try -b 127.0.0.1:1 -d "$dir" run --in "$dir/in"
	is "$1: 100" $code 100
	says "$1: says so, with the line" "$3"
}
good='{"topic":"a-dlt","partition":0,"offset":1,"timestamp":7,"key":"1","value":{}}'
broken 'no object' "$good
[]" 'line 2: no JSON object'
broken 'no JSON' "$good
{\"topic\" }" 'line 2:'
broken 'no topic' '{"partition":1,"offset":1}' 'line 1:'
broken 'no place' '{"topic":"a-dlt","value":{}}' 'which letter it is'
broken 'two values' "
{\"topic\":\"a-dlt\",\"partition\":0,\"offset\":1,\"value\":{},\"valueText\":\"\"}" \
	'line 2:'
broken 'an end inside' "$good
{\"topic\":
" 'line 2: its object does not end'
broken 'one letter twice' "$good
{
 \"topic\":\"a-dlt\", \"partition\":0, \"offset\":1,
 \"value\": null
}
" 'lines 1 and 2 are one letter: a-dlt/0/1'

broken 'nothing' '{' 'line 1: its object does not end'
printf '%s' "$good" >"$dir/in"
wrong 'a topic that is not meant' "topic 'a-dlt' is none of -t" \
	-d "$dir" run -t b-dlt --in "$dir/in"

: >"$dir/in"
try -b 127.0.0.1:1 -d "$dir" run --in "$dir/in"
is 'nothing comes in: 0' $code 0
is '.. and nothing is said' "$(cat "$dir/out" "$dir/err")" ''
try -b 127.0.0.1:1 run
is 'no place for the lock: 100' $code 100
says '.. and how to give one' 'CHAT_RUN'
try -b 127.0.0.1:1 run -n
is '.. nor for that of -n: 100' $code 100
try -b 127.0.0.1:1 -T 300ms -d "$dir" run
is 'no Kafka: 111' $code 111
try -b 127.0.0.1:1 -T 300ms list
is 'list without Kafka: 111' $code 111
says 'and why' "topic 'chat-messages-dlt"

# One at a time: the second says so at once.
name=chat-dlq-replay.x-dlt.$(hostname).0
flock -F "$dir/$name" sh -c "echo 4711 >'$dir/$name'; exec sleep 20" \
	>/dev/null 2>&1 &
holder=$!
until [ -s "$dir/$name" ]; do sleep 0.05; done
try -b 127.0.0.1:1 -T 300ms -d "$dir" run -t x-dlt
is 'a run beside a run: 111' $code 111
says '.. and who it is' "another run is at work on 'x-dlt': process 4711"
try -b 127.0.0.1:1 -T 300ms -d "$dir" run -n -t x-dlt
is '.. and -n beside it: 111' $code 111
says '.. with the same words' "another run is at work on 'x-dlt': process 4711"
kill $holder 2>/dev/null

# examples/crontab says nothing where all is well, and else all there is.
mkdir "$dir/bin"
cat >"$dir/bin/chat-dlq-replay" <<'END'
#!/bin/sh
case " $* " in
*' list '*) echo '9 A' ;;
*) [ "$FAIL" = 0 ] || echo 'why not' >&2; exit "$FAIL" ;;
esac
END
chmod +x "$dir/bin/chat-dlq-replay"
echo "PATH=$dir/bin:\$PATH" >"$dir/env"
crontab() {
	for line in 1 2 3 4; do
		grep -E '^[0-9*]' "$(dirname "$0")/../../examples/crontab" |
			sed -n "${line}s/^\([^ ]*  *\)\{5\}//p" >"$dir/job"
		ENV=$dir/env FAIL=$1 sh "$dir/job" 2>&1
	done
}
is 'crontab: quiet where all is well' "$(crontab 0)" '9 A'
is 'crontab: loud where it is not' "$(crontab 111)" 'exit 111: why not
exit 111: why not
exit 111: why not
9 A'

echo "1..$n"
