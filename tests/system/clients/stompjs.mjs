// A room as a browser's page would hold it: @stomp/stompjs 7.
// stompjs.mjs URL TOKEN ROOM EACH TOTAL: sends EACH messages once it sees the
// room's first one, prints every message a line, ends at TOTAL.
import { Client } from "@stomp/stompjs";
import { WebSocket } from "ws";
import { randomUUID } from "node:crypto";

const [url, token, room, each, total] = process.argv.slice(2);
let seen = 0;
let receipts = 0;

const fail = (why) => {
	console.error("stompjs:", why);
	process.exit(1);
};
setTimeout(() => fail(`after 30 s: ${seen} messages, ${receipts} receipts`),
	30000);

const client = new Client({
	webSocketFactory: () => new WebSocket(url, ["v12.stomp", "v11.stomp"]),
	connectHeaders: { Authorization: `Bearer ${token}` },
	reconnectDelay: 0,
	onStompError: (frame) => fail(`ERROR ${frame.headers.message} ${frame.body}`),
	onWebSocketClose: () => seen >= total || fail("closed"),
});

const say = (i) => {
	const id = randomUUID();
	client.watchForReceipt(id, () => { receipts++; });
	client.publish({
		destination: "/pub/chat/message",
		headers: { receipt: id },
		body: JSON.stringify({
			roomId: Number(room), clientMessageId: id,
			content: `${i} from stompjs: ünïcode \u{1F600}`,
		}),
	});
};

const talk = async () => {
	for (let i = 1; i <= each; i++) {
		say(i);
		await new Promise((done) => setTimeout(done, 30));
	}
};

client.onConnect = () => {
	client.subscribe("/user/queue/errors", (m) => fail(m.body));
	client.watchForReceipt("sub", () => console.error("subscribed"));
	client.subscribe(`/sub/chat/room/${room}`, (m) => {
		console.log(m.body);
		if (++seen === 1)
			talk();
		if (seen >= total)
			setTimeout(async () => {
				if (receipts < each)
					fail(`${receipts} receipts of ${each}`);
				await client.deactivate();
				process.exit(0);
			}, 500);
	}, { receipt: "sub" });
};
client.activate();
