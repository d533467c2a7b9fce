#!/bin/sh
# chat-consume: options, what goes together, exit codes; no broker is there.
B=${B:-build}
consume=$B/chat-consume
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset CHAT_BROKERS CHAT_RUN
n=0

if [ -e /dev/full ]; then
	n=$((n + 1))
	"$consume" -n -t x -b x 2>"$dir/err" >/dev/full
	[ $? = 111 ] && grep -q 'cannot write to stdout' "$dir/err" ||
		printf 'not '
	echo "ok $n - -n on a full disk: 111, and says so"
fi

# ends CODE WORDS ARG..: exit code, and words in what it says
ends() {
	want=$1
	words=$2
	shift 2
	timeout 20 "$consume" "$@" >"$dir/out" 2>&1 </dev/null
	code=$?
	n=$((n + 1))
	if [ "$code" = "$want" ] && grep -qF -- "$words" "$dir/out"; then
		echo "ok $n - $want: $*"
	else
		echo "not ok $n - $want: $*"
		echo "# exit $code, wanted '$words'"
		sed 's/^/# /' "$dir/out"
	fi
}

ends 0 '--no-answers' -h
ends 0 chat-consume -V
ends 100 'no topic' -b x
ends 100 'no brokers' -t x
ends 100 "option '-t' needs an argument" -t
ends 100 "unknown option '-Z'" -t x -Z
for place in x 1x -- -0 1.5 2026-01-11 '2026-01-11T10:30:00' @-1 @; do
	ends 100 'is no place' -t x -b x "-o$place"
done
ends 100 'is no place' -t x -b x -e middle
ends 100 'a filter needs a group' -t x -b x -- cat
ends 100 'for looking, not for a filter' -t x -b x -g g -e end -- cat
ends 100 'a group has its own place' -t x -b x -g g -o end -- cat
ends 100 '--no-answers without a filter' -t x -b x --no-answers
ends 100 '--no-answers has no group' -t x -b x --no-answers -g g -- cat
ends 100 '--control without a filter' -t x -b x --control
ends 100 "is no fuse" -t x -b x -g g -f 3/2 -- cat
ends 100 '-f is for a filter that answers' -t x -b x -g g -f 3
ends 100 '-f is for a filter that answers' -t x -b x -f 3 --no-answers -- cat
ends 100 '-x is for a filter that answers' -t x -b x -g g -x
ends 100 '-x is for a filter that answers' -t x -b x -x --no-answers -- cat
ends 100 '-x needs committed records' -t x -b x -g g -x --uncommitted -- cat
ends 100 'is no place' -t x -b x -g g --from yesterday
ends 100 'is no place' -t x -b x -g g --from 2026-02-29T00:00:00Z
ends 100 '--from sets the offsets of a group' -t x -b x --from start
ends 100 '--from sets the offsets of a group' -t x -b x -g g --from start -- cat
ends 100 '--from sets the offsets of a group' -t x -b x -g g --from 1 -e end
ends 100 '-j is for the table' -t x -b x -j
ends 100 "is not in 1..1000000" -t x -b x -w 0
ends 100 'property' -t x -b x -X no.such.property=1
ends 100 'belongs in a file' -t x -b x -X sasl.password=secret
ends 100 'cannot open' -t x -b x -F /no/such/file
ends 100 'no place for the lock' -t x -b x -g g -- cat
ends 100 'cannot open' -t x -b x -S /no/such/dir/status -g g -- cat
ends 0 'good' -n -t x -b x
ends 0 'good' -n -t x -b x -o 2026-01-11T10:30:00.5Z -e -7
ends 0 'good' -n -t x -b x -g g --control -x -f 5/100 -- cat
ends 100 "cannot run 'no-such': No such" -n -t x -b x -g g -- no-such
ends 100 "cannot run '/etc/passwd': Perm" -n -t x -b x -g g -- /etc/passwd
ends 0 'good' -n -t x -b x -g g -- /bin/sh
ends 100 'property' -n -t x -b x -X nonsense=1
# Nobody listens there. (Without a broker librdkafka's clients cannot be
# destroyed: they are left to the end of the process, which is no leak.)
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
ends 111 'topic' -t x -b 127.0.0.1:1 -e end
ends 111 'topic' -t x -b 127.0.0.1:1 -g g --from start

# A runner waits for its broker, says so, and stops when asked to.
"$consume" -t x -b 127.0.0.1:1 -g g -d "$dir/lock" -S "$dir/status" -- cat \
	2>"$dir/err" &
pid=$!
i=0
while [ $i -lt 50 ] && ! grep -q '"state":"waiting","why":"kafka"' "$dir/status"; do
	sleep 0.1
	i=$((i + 1))
done 2>/dev/null
n=$((n + 1))
[ $i -lt 50 ] && echo "ok $n - waits for kafka" || echo "not ok $n - waits for kafka"
kill "$pid"
wait "$pid"
code=$?
n=$((n + 1))
[ $code = 0 ] && echo "ok $n - TERM: 0" || echo "not ok $n - TERM: $code"
echo "1..$n"
