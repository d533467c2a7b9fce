#!/bin/sh
# chat-rooms and chat-api without a database: what is refused before anybody
# is asked, and what is said where nobody answers.
B=${B:-$(cd "$(dirname "$0")/../.." && pwd)/build}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset CHAT_RUN CHAT_PG
n=0

# is NAME CODE TEXT COMMAND.. - it ends with CODE, and says TEXT.
is()
{
	name=$1 code=$2 text=$3
	shift 3
	n=$((n + 1))
	"$@" >"$tmp/said" 2>&1
	got=$?
	if [ $got = "$code" ] && grep -qF -- "$text" "$tmp/said"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# exit $got, wanted $code: $text"
		sed 's/^/# /' "$tmp/said"
	fi
}

load()
{
	printf '%s\n' "$1" | "$B/chat-rooms" users load -n
}

echo 1..24
is 'no command' 100 'a command is needed' "$B/chat-rooms"
is 'an unknown command' 100 "'delete' is no such command" \
	"$B/chat-rooms" -c "$tmp/s" delete
is 'too many words' 100 'of 1 to 3 words' "$B/chat-rooms" users load a b
is 'no room number' 100 "'x' is no room's number" \
	"$B/chat-rooms" -c "$tmp/s" show x
is 'nowhere to ask' 100 'CHAT_RUN is needed' "$B/chat-rooms" list
is 'nobody there' 111 "cannot connect to '$tmp/s'" \
	"$B/chat-rooms" list -c "$tmp/s"
is 'the socket below $CHAT_RUN' 111 "cannot connect to '$tmp/admin.sock'" \
	env CHAT_RUN="$tmp" "$B/chat-rooms" list
is 'create without a name' 100 'create needs -N NAME and -u' \
	"$B/chat-rooms" create -u 1
is 'create without users' 100 'create needs -N NAME and -u' \
	"$B/chat-rooms" create -N x
is 'create with what is no user' 100 'create needs -N NAME and -u' \
	"$B/chat-rooms" create -N x -u 1,two
is 'limit 0' 100 "'0' for option 'limit' is not in 1..300" \
	"$B/chat-rooms" history 1 --limit 0
is 'good users' 0 'would load 2 users' \
	load '{"id":1,"nickname":"a"}
{"id":2,"nickname":"b","profileImageUrl":null}'
is 'no JSON' 100 "line 1: expected a value at byte 0" load 'x'
is 'no id' 100 'line 1: id is no positive integer' load '{"nickname":"a"}'
is 'no nickname' 100 'line 1: nickname is no text' load '{"id":1}'
is 'a blank one' 100 'line 1: nickname is blank' load '{"id":1,"nickname":" "}'
is 'a long one' 100 'nickname has 101 characters, the limit is 100' \
	load "{\"id\":1,\"nickname\":\"$(printf '%101s' '' | tr ' ' x)\"}"
is 'no text for an image' 100 'profileImageUrl is no text' \
	load '{"id":1,"nickname":"a","profileImageUrl":7}'
is 'a long line' 100 'line 1: over 16384 bytes' \
	load "{\"id\":1,\"nickname\":\"$(printf '%20000s' '' | tr ' ' x)\"}"
is 'no file' 100 "cannot open '$tmp/none'" "$B/chat-rooms" users load "$tmp/none"
is 'chat-api without a database' 100 'CHAT_PG is needed' \
	"$B/chat-api" -l "$tmp/s"
is 'without a socket' 100 '-l or --admin is needed' \
	"$B/chat-api" -c dbname=x
is 'with a password in argv' 100 'a password on the command line' \
	"$B/chat-api" -l "$tmp/s" -c 'dbname=x password=y'
is '-n where no database answers' 111 'the database cannot be used' \
	"$B/chat-api" -n -l "$tmp/s" -c "host=$tmp dbname=x"
