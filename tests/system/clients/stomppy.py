"""A room as a Python program would hold it: stomp.py over WebSocket.

stomppy.py URL TOKEN ROOM EACH TOTAL: sends EACH messages once it sees the
room's first one, prints every message a line, ends at TOTAL.
"""

import json
import sys
import threading
import time
import uuid

import stomp

url, token, room, each, total = sys.argv[1:]
each, total = int(each), int(total)
host, path = url.split("//")[1].split("/", 1)
host, port = host.split(":")
first, last = threading.Event(), threading.Event()


class Listener(stomp.ConnectionListener):
    seen = 0
    receipts = set()
    problem = None

    def on_message(self, frame):
        if frame.headers["destination"] == "/user/queue/errors":
            self.problem = frame.body
        else:
            print(frame.body, flush=True)
            self.seen += 1
            first.set()
        if self.problem or self.seen >= total:
            last.set()

    def on_receipt(self, frame):
        rid = frame.headers["receipt-id"]
        if rid == "sub":
            print("subscribed", file=sys.stderr, flush=True)
        else:
            self.receipts.add(rid)

    def on_error(self, frame):
        self.problem = "ERROR %s %s" % (frame.headers, frame.body)
        last.set()


conn = stomp.WSStompConnection([(host, int(port))], ws_path="/" + path,
                               heartbeats=(10000, 10000))
listener = Listener()
conn.set_listener("", listener)
conn.connect(wait=True, headers={"Authorization": "Bearer " + token})
conn.subscribe("/user/queue/errors", id="errors")
conn.subscribe("/sub/chat/room/" + room, id="room", headers={"receipt": "sub"})
if not first.wait(30):
    sys.exit("stomppy: no first message in 30 s")
for i in range(1, each + 1):
    cmid = str(uuid.uuid4())
    conn.send("/pub/chat/message", json.dumps({
        "roomId": int(room), "clientMessageId": cmid,
        "content": "%d from stomp.py: \u00fcn\u00efcode \U0001f600" % i}),
        receipt=cmid)
    time.sleep(0.03)
last.wait(30)
time.sleep(0.5)
if listener.problem or listener.seen != total or len(listener.receipts) != each:
    sys.exit("stomppy: %s; %d messages, %d receipts" % (
        listener.problem, listener.seen, len(listener.receipts)))
conn.disconnect()
