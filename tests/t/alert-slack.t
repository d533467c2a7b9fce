#!/bin/sh
# alert-slack without a receiver: its options, its file, and what it says when
# nobody listens.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
alert=$(dirname "$0")/../../scripts/alert-slack
unset CHAT_RUN CHAT_ENV
url=$dir/url
(umask 077 && echo 'http://127.0.0.1:9/hook' >"$url")

try() {
	"$alert" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# wrong WHAT WORDS OPTIONS..
wrong() {
	what=$1 words=$2
	shift 2
	try "$@"
	is "$what: 100" $code 100
	says "$what: says so" "$words"
}

try -h
is '-h: 0' $code 0
says '-h says what it does' 'Posts dead letters to a webhook'
wrong 'no URL' 'give -f FILE' -d "$dir"
wrong 'no place' 'give -d, or set CHAT_RUN' -f "$url"
wrong 'an unknown option' "unknown option '-x'" -x
wrong 'an option without its word' "needs an argument" -f
wrong 'operands' 'no operands' -f "$url" -d "$dir" x
wrong 'a word for a number' "'soon' is no number" -f "$url" -d "$dir" -i soon
wrong 'too long' 'is not in 1..20' -f "$url" -d "$dir" -T 30
wrong 'no file' 'there is no file' -f "$dir/none" -d "$dir"
chmod 644 "$url"
wrong 'a file for all' 'may be read by others' -f "$url" -d "$dir"
chmod 600 "$url"
for text in '' 'ftp://x' 'hook' 'http://a b' 'http://"' 'http://\n'; do
	printf '%s\n' "$text" >"$dir/bad"
	chmod 600 "$dir/bad"
	wrong "'$text' is no URL" 'holds no URL' -f "$dir/bad" -d "$dir"
done

try -f "$url" -d "$dir/count" -n
is '-n: 0' $code 0
says '-n shows a post' 'chat-dlq-replay show chat-messages-dlt/0/12'
try -f "$url" -d "$dir/count"
is 'no letters: 0' $code 0
is '.. and no word' "$(cat "$dir/out" "$dir/err")" ''

# Letters, and lines that are none.
{
	echo '{"topic":"a-dlt","partition":1,"offset":3,"value":{"x":"secret"}}'
	echo '{"no":"record"}'
	echo 'no json'
	sleep 3
} | "$alert" -f "$url" -d "$dir/count" >"$dir/out" 2>"$dir/err"
is 'nobody listens: 0 at the end of the input' $? 0
is '.. it waits, and answers nothing' "$(cat "$dir/out")" \
	'{"status":"waiting","for":"slack"}'
says '.. and says why, once' 'the webhook does not take it'
is '.. which is all' "$(wc -l <"$dir/err")" 1
grep -q secret "$dir/err"
is '.. and nothing of the content' $? 1

# Counted, where a post was just now.
printf '%s\t0\t-\t-\t-\n' "$(date +%s)" >"$dir/count/alert-slack.state"
echo '{"topic":"a-dlt","partition":1,"offset":3,"key":"7","value":{}}' |
	"$alert" -f "$url" -d "$dir/count" >"$dir/out" 2>"$dir/err"
is 'within the interval: it is answered' "$(cat "$dir/out")" \
	'{"topic":"a-dlt","partition":1,"offset":3,"status":"done"}'
is '.. and counted' "$(cut -f2- "$dir/count/alert-slack.state")" \
	"$(printf '1\ta-dlt/1/3\tno reason said\t7')"
echo garbage >"$dir/count/alert-slack.state"
wrong 'a broken count' 'is broken' -f "$url" -d "$dir/count"

echo "1..$n"
