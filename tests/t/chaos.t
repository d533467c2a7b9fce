#!/bin/sh
# scripts/chaos without a stack: its options, its plan, its table, and that its
# verdict can say no.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
export CHAT_HOME="$dir/home" CHAT_PORT=21990

try() {
	./scripts/chaos --results "$dir/rounds" "$@" >"$dir/out" 2>"$dir/err" \
		</dev/null
	code=$?
}

try -h
is '-h: exit 0' $code 0
says '-h has examples' 'scripts/chaos -T 60 --seed 7'
try --no-such-option
is 'a wrong option: 100' $code 100
try -n -f R-01,R-99
is 'a fault that there is not: 100' $code 100
says 'says which' 'no such fault: R-99'

try -l
is '-l: exit 0' $code 0
for fault in R-01 R-02 R-03 R-04 R-05 R-06 R-07 R-08 R-09 R-10 R-11 R-12 R-13 \
	R-14 R-15 R-16 R-17 R-18 R-19 R-20 R-21 R-22 R-23 R-24 R-25 R-26 R-29 \
	R-32 R-33 R-34; do
	grep -q "^$fault " "$dir/out" || echo "$fault"
done >"$dir/missing"
is 'the list has the whole matrix' "$(cat "$dir/missing")" ''

cat >"$dir/rounds" <<'END'
{"round":"R-01","what":"kill","variant":"","seed":1,"lasted":0,"recovery":0.5,"late":0,"failed":null,"brokers":1}
{"round":"R-01","what":"kill","variant":"","seed":1,"lasted":0,"recovery":1.5,"late":0.9,"failed":null,"brokers":1}
{"skipped":"R-21","why":"tc qdisc add: exit 2","brokers":1}
{"watch":1,"seed":1,"counts":{"sent":90,"receipts":90},"harm":{},"audit":"clean","kept":[],"faults":2,"versions":{},"brokers":1}
END
try -n -f R-01 -N 3
says 'goes on where the last run ended' '1 to do,    2 done'
try -n -3 -f R-01 -N 3
says 'three brokers count apart' '3 to do,    0 done'
try --table
is 'nothing wrong: 0' $code 0
says 'worst and median' '1.50    1.00'
says 'what was left out, and the command' 'left out: tc qdisc add: exit 2'
says 'the bound' 'under 3.3333 % of messages'
try --table -j
is 'as JSON Lines' "$(head -1 "$dir/out" | jq -c '[.fault, .rounds, .worst]')" \
	'["R-01",2,1.5]'

cp "$dir/rounds" "$dir/clean"
echo '{"watch":2,"seed":1,"counts":{},"harm":{},"audit":"violated","kept":[],"faults":0,"versions":{},"brokers":1}' \
	>>"$dir/rounds"
try --table
is 'what chat-audit alone has found: 1' $code 1
cp "$dir/clean" "$dir/rounds"

cat >>"$dir/rounds" <<'END'
{"watch":2,"seed":1,"counts":{"sent":9,"receipts":9},"harm":{"lost":{"R-01":2}},"audit":"violated","kept":["/h/watch-2.jsonl"],"faults":0,"versions":{},"brokers":1}
END
try --table
is 'something lost: 1' $code 1
says 'and which client log to look at' '/h/watch-2.jsonl'
says 'and no bound' 'something is wrong: no bound'
is 'blamed on its fault' "$(awk '$1 == "R-01" { print $4 }' "$dir/out")" 2

python3 -B tests/chaos/tampered.py >"$dir/out" 2>"$dir/err"
code=$?
is 'one message less, twice, swapped ..: each is seen' $code 0
[ $code = 0 ] || grep -A3 '^not ok' "$dir/out" | sed 's/^/# /'
echo "1..$n"
