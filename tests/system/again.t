#!/bin/sh
# up a second time changes nothing and loses nothing; status says how it is.
. "$CHAT_ROOT/scripts/lib.sh"
. "$CHAT_ROOT/tests/system/tap.sh"

pids()
{
	"$ROOT/scripts/status" -j | jq -r '"\(.program) \(.pid)"'
	ctl pid
}

rows()
{
	psql -XqAt -d "$CHAT_PG" -c 'select count(*), max(id) from messages' \
		-c 'select count(*), max(id) from chat_rooms' \
		-c 'select count(*) from users' -c 'select * from schema_version'
}

offsets()
{
	kcat -b "$CHAT_BROKERS" -L | grep -c 'topic "'
	for t in chat-messages chat-events chat-messages-dlt; do
		kcat -b "$CHAT_BROKERS" -C -e -q -t $t -f '%p %o\n' | sort
	done
}

all()
{
	pids && rows && offsets && cat "$CHAT_HOME/env" && ls "$CHAT_HOME" &&
		cksum "$CHAT_HOME/jwt.secret" "$CHAT_HOME/pgpass"
}

ok 'everything is ready' "$ROOT/scripts/status"
before=$(all)
"$ROOT/scripts/up" >"$CHAT_HOME/log/again.log" 2>&1
ok 'up again succeeds' [ $? = 0 ]
ok 'same processes, same data, same secrets' [ "$before" = "$(all)" ]
ok 'and it says so' grep -q 'nothing was changed' "$CHAT_HOME/log/again.log"

CHAT_PORT=$((CHAT_PORT + 5)) "$ROOT/scripts/up" >"$CHAT_HOME/log/again.log" 2>&1
ok 'up on another port, while it runs, is refused' [ $? = 100 ]
ok 'and changes nothing' [ "$before" = "$(all)" ]

ctl stop broadcast >/dev/null
ok 'a program that was stopped is seen' \
	[ -n "$("$ROOT/scripts/status" | grep '^broadcast .* down')" ]
ok 'and started by up' "$ROOT/scripts/up"
ok 'then all are ready' "$ROOT/scripts/status"
names=$(sed 's/^export //; s/=.*//' "$CHAT_HOME/env" | sort | tr '\n' ' ')
ok 'the environment file has the names of the contract, and no other' \
	[ "$names" = 'CHAT_BROKERS CHAT_HTTP CHAT_JWT_SECRET_FILE CHAT_PG CHAT_RUN CHAT_URL PATH ' ]
done_testing
