#!/bin/sh
# What README.md and chat(7) tell people to type, beside the running stack.
. "$CHAT_ROOT/scripts/lib.sh"
. "$CHAT_ROOT/tests/system/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
name=t-examples-$$

printf '{"id":%s,"nickname":"%s"}\n' 9501 Ann 9502 Bob |
	chat-rooms users load >/dev/null
room=$(chat-rooms create -j -N examples -u 9501,9502 | jq .roomId)
ok 'a room by hand' [ "$room" -gt 0 ]
echo 'one' | chat-connect -u 9501 -r "$room" >/dev/null 2>&1
ok 'a line into chat-connect' [ $? = 0 ]
echo 'two' | chat-connect -u 9502 -r "$room" -j --from-seq 0 --wait 2 -T 20 \
	2>/dev/null | jq -r 'select(.seq) | "\(.seq) \(.content)"' >"$dir/got"
ok 'and out of another, as JSON Lines' \
	[ "$(cat "$dir/got")" = "$(printf '1 one\n2 two\n')" ]
ok 'its history by chat-rooms' \
	[ "$(chat-rooms history "$room" -j | jq -r .content | sort |
		tr '\n' ' ')" = 'one two ' ]
ok 'tables for people' [ -n "$(chat-rooms list | grep examples)" ]
ok 'and by REST' [ "$(node -e 'fetch(process.argv[1], { headers:
		{ Authorization: "Bearer " + process.argv[2] } })
		.then((r) => r.text()).then(console.log)' \
	"$CHAT_HTTP/api/v1/chat/rooms/$room/messages?limit=10" \
	"$(chat-token -u 9501)" | jq -r '.data[].content' |
	tr '\n' ' ')" = 'two one ' ]
chat-consume -t chat-messages -e end | jq -r .value.senderId | sort |
	uniq -c | sort -rn >"$dir/counts"
ok 'who said how much, out of Kafka' grep -qE '[0-9] 9501$' "$dir/counts"

# What a manual says is typed as it stands there, alert-slack(1)'s too.
(umask 077 && echo 'http://127.0.0.1:1/x' >"$dir/url")
ok 'alert-slack is among the programs' alert-slack -f "$dir/url" -n
page() { ! command -v man || man -w "$1" | grep "/$1\\.[17]"; }
ok 'man has the pages that -h names' page chat-consume
ok 'and those of section 7' page chat-record

cat >"$dir/topics" <<END
{"topic":"$name","partitions":3,"replicas":1,"config":{}}
{"topic":"$name-dlt","partitions":3,"replicas":1,"config":{}}
END
ok 'a topic by declaration' chat-topics apply "$dir/topics"
chat-consume -t chat-messages -e end |
	timeout 60 chat-produce -t "$name" -P >"$dir/answers" 2>"$dir/err"
ok 'a twin, with transactions, beside the running chat-produce' [ $? = 0 ]
look()
{
	chat-consume -t "$1" -e end | jq -c '[.partition, .timestamp, .key, .value]' |
		sort
}
look chat-messages >"$dir/a"
look "$name" >"$dir/b"
ok 'it is not empty' [ -s "$dir/a" ]
ok 'and equal' cmp "$dir/a" "$dir/b"
chat-consume -t "$name" -g "$name" -S "$dir/status" -- \
	jq -c --unbuffered '{topic,partition,offset,status:"done"}' 2>/dev/null &
runner=$!
done_all()
{
	[ "$(jq '.done + .dead' "$dir/status")" = "$(wc -l <"$dir/b" | tr -d ' ')" ]
}
ok 'jq as a filter answers all of it' wait_until 60 done_all
kill $runner
wait $runner
ok 'and its runner ends well' [ $? = 0 ]
[ -s "$dir/err" ] && grep -v '"level":"INFO"' "$dir/err" | head -5 |
	sed 's/^/# /'
kafka_topics()
{
	java -cp "$JARS/*" org.apache.kafka.tools.TopicCommand \
		--bootstrap-server "$CHAT_BROKERS" "$@" >/dev/null 2>&1
}
kafka_topics --delete --topic "$name,$name-dlt"
done_testing
