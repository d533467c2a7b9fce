#!/bin/sh
# chat-topics without a Kafka: its options, and files that are none.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
topics=$B/chat-topics
unset CHAT_BROKERS CHAT_ENV

try() {
	"$topics" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# refused WHAT LINE WORDS: the file is refused, with these words
refused() {
	printf '# first\n\n%s\n' "$2" >"$dir/file"
	try -b x:1 apply "$dir/file"
	is "$1: 100" $code 100
	says "$1: says so, with the line" "line 3: $3"
}

try -h
is '-h: exit 0' $code 0
says '-h names what it does' 'apply FILE | list'
try -V
says '-V says who it is' "chat-topics $(cat VERSION)"
"$topics" -h >/dev/full 2>/dev/null
is '-h on a full disk: 111' $? 111

try
is 'nothing to do: 100' $code 100
try -b x:1 --no-such list
is 'an unknown option: 100' $code 100
try -b x:1 list --no-such
is 'behind the verb too' $code 100
try -b x:1 apply
is 'apply without a file: 100' $code 100
try -b x:1 apply a b
is 'apply of two: 100' $code 100
try -b x:1 list a
is 'list of something: 100' $code 100
try -b x:1 grow x
is 'an unknown verb: 100' $code 100
says 'and what there is' "say 'apply FILE' or 'list'"
try list
is 'no brokers: 100' $code 100
try -b x:1 -T soon list
is 'a time that is none: 100' $code 100
try -b x:1 apply "$dir/missing"
is 'a file that is not there: 100' $code 100

good='"topic":"x","partitions":1,"replicas":1'
refused 'broken JSON' '{"topic"' ''
refused 'no object' '[]' 'no JSON object'
refused 'no topic' '{"partitions":1,"replicas":1}' 'no topic'
refused 'an empty topic' '{"topic":"","partitions":1,"replicas":1}' \
	'topic is no name'
refused 'no partitions' '{"topic":"x","replicas":1}' 'no partitions'
refused 'no replicas' '{"topic":"x","partitions":1}' 'no partitions, or'
refused 'no number' '{"topic":"x","partitions":"1","replicas":1}' \
	'partitions is no number'
refused 'too many' '{"topic":"x","partitions":10001,"replicas":1}' \
	'partitions is no number in 1..10000'
refused 'none' '{"topic":"x","partitions":1,"replicas":0}' \
	'replicas is no number in 1..10000'
refused 'an unknown field' "{$good,\"retention\":1}" 'unknown field'
refused 'a config that is none' "{$good,\"config\":7}" 'config is no object'
refused 'a config of the wrong kind' "{$good,\"config\":{\"a\":[1]}}" \
	"config 'a' is no text"
refused 'no value for this environment' \
	'{"topic":"x","partitions":{"prod":3},"replicas":1}' \
	"no partitions for environment 'dev'"
refused 'the topic twice in a line' "{$good,\"topic\":\"y\"}" \
	'topic given twice'
printf '{%s}\n{%s}\n' "$good" "$good" >"$dir/file"
try -b x:1 apply "$dir/file"
is 'a topic twice: 100' $code 100
says 'a topic twice: which' "line 2: topic 'x' is declared twice"

printf '{%s}\n' "$good" >"$dir/file"
try -b 127.0.0.1:1 -T 200ms apply -n "$dir/file"
is 'no Kafka: 111' $code 111
says 'no Kafka: why' 'cannot list topics'
try -b 127.0.0.1:1 -T 200ms list
is 'list without Kafka: 111' $code 111

echo "1..$n"
