#!/bin/sh
# scripts/chaos, short, on the stack that runs: kill -9 of each program, of all
# at once and of Kafka, an immediate stop of PostgreSQL, broken clients, a
# goodbye.
. "$CHAT_ROOT/scripts/lib.sh"
. "$CHAT_ROOT/tests/system/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$CHAT_ROOT/scripts/chaos" --here --short -v --results "$dir/rounds" \
	>"$dir/table" 2>"$dir/turns"
code=$?
sed 's/^/# /' "$dir/turns" "$dir/table"
ok 'nothing lost, doubled or out of order: exit 0' [ $code = 0 ]
ok 'a round of each of nine' [ "$(jq -r 'select(.round).round' \
	"$dir/rounds" | sort -u | wc -l)" = 9 ]
ok 'each recovered from' [ -z "$(jq -c 'select(.round and
	(.recovery == null or .failed))' "$dir/rounds")" ]
ok 'all that had its RECEIPT is stored' jq -es 'map(select(.watch)) |
	map(.counts.receipts) == map(.counts.stored) and
	(map(.counts.sent) | add > 500)' "$dir/rounds"
ok 'what is done counts: nothing is left' [ "$("$CHAT_ROOT/scripts/chaos" -n \
	-f R-01,R-10 -N 1 --results "$dir/rounds" | tail -1)" = \
	'0 faults to do' ]
done_testing
