#!/bin/sh
# Two stacks side by side: a second one on other ports neither disturbs nor
# sees the first; a port that is taken is named with who has it; after down
# nothing of it is left, and the first still runs.
. "$CHAT_ROOT/scripts/lib.sh"
. "$CHAT_ROOT/tests/system/tap.sh"
first=$CHAT_HOME
log=$first/log

pids()
{
	"$ROOT/scripts/status" -j | jq -r '"\(.program) \(.pid)"'
}

living()
{
	while read -r p; do
		[ ! -d "/proc/$p" ] || echo "$p"
	done <"$log/beside.pids"
}

before=$(pids)
CHAT_HOME=$first-2
export CHAT_HOME CHAT_PORT CHAT_KAFKA_PORT CHAT_PG_PORT
"$ROOT/scripts/up" >"$log/taken.log" 2>&1
ok 'a taken port: exit 100' [ $? = 100 ]
ok 'and who has it' grep -qE \
	"port $CHAT_PORT, .* is taken by pid [0-9]+, '.*chat-ws-edge" \
	"$log/taken.log"

CHAT_PORT=$((CHAT_PORT + 4))
CHAT_KAFKA_PORT=$((CHAT_KAFKA_PORT + 4))
CHAT_PG_PORT=$((CHAT_PG_PORT + 4))
"$ROOT/scripts/up" >"$log/beside.log" 2>&1
ok 'up on other ports' [ $? = 0 ]
sed 's/^/# /' "$log/beside.log"
ok 'all of it is ready' "$ROOT/scripts/status"
# shellcheck source=/dev/null
rooms=$(. "$CHAT_HOME/env" && chat-rooms list -j | wc -l)
ok 'it has its own database: one room' [ "$rooms" = 1 ]
{
	marked
	postmaster_pid
} >"$log/beside.pids"
ok 'it has its processes' [ "$(wc -l <"$log/beside.pids")" -ge 8 ]
"$ROOT/scripts/down" --wipe >>"$log/beside.log" 2>&1
ok 'down leaves no process' [ -z "$(marked)$(postmaster_pid)" ]
ok 'and none of the pids that it had' [ -z "$(living)" ]
ok '--wipe leaves no file' [ ! -e "$CHAT_HOME" ]
CHAT_HOME=$first
ok 'the first one runs as before' [ "$before" = "$(pids)" ]
done_testing
