#!/bin/sh
# chat-audit over files: right histories hold, each defect is seen by the
# invariant whose it is, and by no other. histories.py makes them.
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$B/chat-audit" ] || { echo "Bail out!  $B/chat-audit is not built"; exit 1; }
SEED=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
w=$dir/world
mkdir "$w"

# audit OPTION..: the files of $w; the report goes to $dir/out
audit() {
	"$B/chat-audit" --messages "$w/messages" --messages "$w/again" \
		--messages-uncommitted "$w/uncommitted" --events "$w/events" \
		--letters "$w/letters" --rows "$w/rows" \
		--outcomes "$w/outcomes" --rooms "$w/rooms" \
		--members "$w/members" "$@" "$w/h0" "$w/h1" \
		>"$dir/out" 2>"$dir/log"
}
# seen: the names of the violated invariants
seen() {
	jq -r '[.invariants[] | select(.violations > 0).name] | join(" ")' \
		"$dir/out"
}
# sees DEFECT SEED: makes it, and says whether it is seen as it should be
sees() {
	expected=$(python3 "$here/histories.py" "$w" "$2" "$1") || return 1
	audit -j
	code=$?
	[ "$code $(seen)" = "$([ "${expected#* }" ] && echo 1 || echo 0) ${expected#* }" ] &&
		return 0
	echo "# seed $2, $expected: exit $code, $(seen)"
	jq -r '.invariants[].first[]' "$dir/out" | sed 's/^/# /' | head -5
	sed 's/^/# /' "$dir/log"
	return 1
}

defects=$(python3 -c "import sys; sys.path.insert(0, '$here')
import histories; print(*histories.DEFECTS)")
# shellcheck disable=SC2086
set -- $defects
echo "1..$(($# + 31))"
echo "# SEED=$SEED"

for defect; do
	sees "$defect" "$SEED"
	ok $? "seen as it should be: $defect"
done
wrong=0
for i in $(seq 1 15); do
	sees random $((SEED + i)) || wrong=$((wrong + 1))
done
is 'random histories with a random defect, or none' $wrong 0

# The report.
python3 "$here/histories.py" "$w" "$SEED" none >/dev/null
audit
is 'what holds: exit' $? 0
is 'nine hold, I8 and I9 are not checked' \
	"$(grep -c ' holds$' "$dir/out") $(grep -c ' not checked$' "$dir/out")" '8 2'
python3 "$here/histories.py" "$w" "$SEED" lost >/dev/null
audit
is 'what does not: exit' $? 1
lost=$(grep -o 'message [^ ]* of user' "$dir/out" |
	head -1 | cut -d' ' -f2)
grep -q "$lost" "$w/h0" "$w/h1"
ok $? 'the record is named'
grep -q '^I1 .* VIOLATED$' "$dir/out"
ok $? 'in the row of its invariant'
audit -j
jq -e '.holds == false and .counts.deliveries > 0 and (.invariants | length) == 10
	and (.invariants[1] | .verdict == "holds" and .bound < 0.1)' "$dir/out" >/dev/null
ok $? 'as JSON, with the bound that the count allows'

# Histories alone, and one by hand (chat-history(7)).
h=$dir/hand
alone() { "$B/chat-audit" --histories-only -j "$h" >"$dir/out" 2>"$dir/log"; }
hand() {
	cat >"$h" <<-'END'
	{"op":"connected","worker":"a","userId":7}
	{"op":"joined","worker":"a","roomId":1,"status":"live","head":56}
	{"op":"invoke","worker":"a","roomId":1,"n":0,"clientMessageId":"1","crc":"e8b7be43"}
	{"op":"recv","worker":"a","roomId":1,"seq":57,"senderId":7,"clientMessageId":1,"crc":"e8b7be43"}
	{"op":"invoke","worker":"a","roomId":1,"n":1,"clientMessageId":"2","crc":"71beeff9"}
	{"op":"lost","worker":"a"}
	{"op":"info","worker":"a","clientMessageId":"1"}
	{"op":"info","worker":"a","clientMessageId":"2"}
	{"op":"connected","worker":"a"}
	{"op":"invoke","worker":"a","roomId":1,"n":0,"clientMessageId":"1","crc":"e8b7be43"}
	{"op":"invoke","worker":"a","roomId":1,"n":1,"clientMessageId":"2","crc":"71beeff9"}
	{"op":"joined","worker":"a","roomId":1,"status":"recovered","from":57,"head":57}
	{"op":"ok","worker":"a","clientMessageId":"1"}
	{"op":"ok","worker":"a","clientMessageId":"2"}
	{"op":"recv","worker":"a","roomId":1,"seq":58,"senderId":7,"clientMessageId":2,"crc":"71beeff9"}
	{"op":"end","worker":"a"}
	END
}
hand && alone
is "the manual's history holds" "$? $(seen)" '0 '
hand && sed -i '/"seq":58/d' "$h" && alone
is 'an ok that never came: I1' "$? $(seen)" '1 I1'
hand && sed -i '3{h;d}; 5G; 10{h;d}; 11G' "$h" && alone
is 'in the wrong order: I4' "$? $(seen)" '1 I4'
hand && sed -i 's/"seq":58/"seq":59/' "$h" && alone
is 'a gap: I5' "$? $(seen)" '1 I5'
hand && sed -i 's/"status":"recovered","from":57,"head":57/"status":"reset","head":58/
	s/"seq":58/"seq":59/' "$h" && alone
is 'a reset excuses it' "$? $(seen)" '0 '
hand && sed -i 's/"status":"recovered","from":57,"head":57/"status":"truncated","first":59/
	s/"seq":58/"seq":59/' "$h" && alone
is 'so does truncated' "$? $(seen)" '0 '
hand && sed -i 's/"status":"recovered","from":57,"head":57/"status":"reset","head":50,"epoch":"new"/
	s/"head":56/"head":56,"epoch":"old"/; s/"seq":58/"seq":51/' "$h" && alone
is 'after a restore numbers begin anew' "$? $(seen)" '0 '
hand && sed -i '/"seq":58/{p;s/58/59/}' "$h" && alone
is 'twice, under two seqs: I2' "$? $(seen)" '1 I2'
hand && sed -i '/"seq":58/p' "$h" && alone
is 'twice on the wire: counted' "$? $(jq .counts.wireDuplicates "$dir/out")" '0 1'
hand && sed -i '/"seq":58/s/71beeff9/00000001/' "$h" && alone
is 'another content: I3' "$? $(seen)" '1 I3'
hand && sed -i 's/"op":"ok",\(.*\)"2"/"op":"fail","final":true,\1"2"/' "$h" && alone
is 'refused for good, and there: I3' "$? $(seen)" '1 I3'
hand && printf '%s\n' '{"op":"fail","worker":"a","clientMessageId":"2","final":true,"code":"CLIENT_MESSAGE_ID_REUSED"}' >>"$h" && alone
is 'another content under its id was refused: it stands' "$? $(seen)" '0 '
hand && sed -i 's/"op":"ok",\(.*\)"2"/"op":"fail","final":false,\1"2"/' "$h" && alone
is 'refused for a while after an info: stays unknown' "$? $(seen)" '0 '
hand && printf '{"op":"recv","worker":"a","roomId":1' >>"$h" && alone
is 'a line that is being written is passed over' $? 0

# Sources that cannot be read, wrong use.
hand && echo 'no JSON' >>"$h" && alone
is 'a line that is none: exit' $? 100
grep -q "$h line 17: " "$dir/log"
ok $? 'it is named'
"$B/chat-audit" --rows "$dir/none" 2>"$dir/log"
is 'no such file: exit' $? 100
"$B/chat-audit" --rows "$h" --atomic a:b:c 2>/dev/null
is 'files and what needs a living system: exit' $? 100
"$B/chat-audit" --histories-only 2>/dev/null
is 'no history at all: exit' $? 100
env -u CHAT_BROKERS -u CHAT_PG "$B/chat-audit" 2>/dev/null
is 'no source at all: exit' $? 100
"$B/chat-audit" -b localhost:1 --since yesterday 2>/dev/null
is 'a time that is none: exit' $? 100
"$B/chat-audit" -b localhost:1 -c host=/nowhere -n "$h" >"$dir/out"
is 'what would be read: exit' $? 0
grep -q 'would read the history' "$dir/out"
ok $? 'it says it'
timeout 60 "$B/chat-audit" -b 127.0.0.1:1 -c host=/nowhere --settle 0 >/dev/null 2>&1
is 'no broker: exit' $? 111
