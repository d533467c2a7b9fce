#!/bin/sh
# Stock clients in one room: @stomp/stompjs 7 with ws (npm), stomp.py (PyPI),
# and chat-connect. Each sends; each sees everybody's messages, in the room's
# order, 1..n. The packages go to run/clients, beside Kafka's jars.
. "$CHAT_ROOT/scripts/lib.sh"
. "$CHAT_ROOT/tests/system/tap.sh"
here=$CHAT_ROOT/tests/system
there=$ROOT/run/clients
out=$CHAT_HOME/log/clients
each=10
total=$((3 * each))

install()
{
	mkdir -p "$there/node" "$out"
	cp "$here/clients/package.json" "$here/clients/stompjs.mjs" \
		"$there/node" &&
	(cd "$there/node" && npm install --silent --no-audit --no-fund \
		--no-package-lock) >"$out/npm.log" 2>&1 || return
	[ -x "$there/venv/bin/python" ] ||
		/usr/bin/python3 -m venv "$there/venv" || return
	"$there/venv/bin/pip" install -q -r "$here/clients/requirements.txt" \
		>"$out/pip.log" 2>&1
}

# numbers FILE - the seqs that a client printed, in its order.
numbers()
{
	jq -r 'select(.seq).seq' "$1" 2>/dev/null | tr '\n' ' '
}

subscribed()
{
	grep -q subscribed "$out/$1.err"
}

install
ok 'the packages are there' [ $? = 0 ]
for u in 9301 9302 9303; do echo "{\"id\":$u,\"nickname\":\"user $u\"}"; done |
	chat-rooms users load >/dev/null
room=$(chat-rooms create -j -N clients -u 9301,9302,9303 | jq .roomId)

node "$there/node/stompjs.mjs" "$CHAT_URL" \
	"$(chat-token -u 9301)" "$room" $each $total \
	>"$out/stompjs" 2>"$out/stompjs.err" &
js=$!
"$there/venv/bin/python" "$here/clients/stomppy.py" "$CHAT_URL" \
	"$(chat-token -u 9302)" "$room" $each $total \
	>"$out/stomppy" 2>"$out/stomppy.err" &
py=$!
ok 'stompjs is subscribed' wait_until 10 subscribed stompjs
ok 'stomp.py is subscribed' wait_until 10 subscribed stomppy
# chat-connect speaks when it is there; the others begin when they see its first
# message, so that all three see all of them.
for i in $(seq $each); do
	echo "$i from chat-connect"
	sleep 0.05
done | chat-connect -u 9303 -r "$room" -j --wait $total -T 30 \
	>"$out/connect" 2>"$out/connect.err"
ok 'chat-connect ends well' [ $? = 0 ]
wait $js
ok 'stompjs ends well' [ $? = 0 ]
wait $py
ok 'stomp.py ends well' [ $? = 0 ]

want=$(seq $total | tr '\n' ' ')
for client in stompjs stomppy connect; do
	ok "$client saw 1..$total in order" \
		[ "$(numbers "$out/$client")" = "$want" ]
	for who in 9301 9302 9303; do
		n=$(jq -r "select(.senderId == $who).content" "$out/$client" \
			2>/dev/null | wc -l)
		ok "$client saw $each messages of user $who" [ "$n" = $each ]
	done
done
same()
{
	jq -c 'select(.seq) | [.seq, .messageId, .content]' "$out/$1"
}
ok 'the same messages' [ "$(same stompjs)" = "$(same stomppy)" ]
ok 'and chat-connect too' [ "$(same stompjs)" = "$(same connect)" ]
for f in stompjs stomppy connect; do
	sed "s/^/# $f: /" "$out/$f.err" | head -20
done
done_testing
