#!/usr/bin/env python3
"""chat-ws-edge: connect, subscribe, send, receive; what STOMP says of it."""
import json
import time

from edgebench import *

edge = Edge()
edge.api.room(1, 7, 8)

# ---- a message, all the way round
a = edge.client(7, "errors", "acks", "joins")
b = edge.client(8, "errors")
f = b.subscribe("s1", "/sub/chat/room/1")
eq((f.command, f.headers["receipt-id"], f.headers["status"],
    f.headers["head"], f.headers["epoch"]),
   ("RECEIPT", "sub-s1", "live", "0", "e1"), "SUBSCRIBE's receipt")
f = a.subscribe("s1", "/sub/chat/room/1")
eq(f.headers["status"], "live", "another's too")
f = a.frame()
eq((f.headers["destination"], f.json),
   ("/user/queue/joins", {"roomId": 1, "status": "live", "head": 0,
                          "epoch": "e1"}), "and the joins object")
a.message(1, "hi", receipt="r1", cid="8D3C9C5A-6F4E-4B1B-9E7A-0F2B4C6D8E10")
f = a.frame()
eq((f.command, f.headers), ("RECEIPT", {"receipt-id": "r1"}),
   "SEND's receipt after chat-produce's done")
line = edge.produce.lines[-1]
eq((line["topic"], line["key"]), ("chat-messages", "1"), "topic and key")
v = line["value"]
ok(abs(v.pop("sentAtMs") / 1000 - time.time()) < 5, "sentAtMs is now")
eq(v, {"roomId": 1, "senderId": 7, "content": "hi", "type": "TEXT",
       "clientMessageId": "8D3C9C5A-6F4E-4B1B-9E7A-0F2B4C6D8E10"},
   "the record's value")
event = edge.api.store(1, 7, "hi", clientMessageId=v["clientMessageId"])
edge.events.event(event)
f = b.frame()
eq(f.command, "MESSAGE", "the other gets the message")
eq(f.json, event["message"], "its body is the event's object")
eq({k: f.headers[k] for k in ("destination", "subscription", "message-id",
                              "content-type", "seq")},
   {"destination": "/sub/chat/room/1", "subscription": "s1",
    "message-id": "room-1-1", "content-type": "application/json",
    "seq": "1"}, "its headers")
eq(f.headers["content-length"], str(len(f.body)), "content-length in bytes")
got = a.all()
eq([x.headers["destination"] for x in got],
   ["/user/queue/acks", "/sub/chat/room/1"], "its sender: ack and message")
eq(got[0].json, {"roomId": 1, "clientMessageId": v["clientMessageId"],
                 "messageId": 1001, "seq": 1, "duplicate": False},
   "the ack")

# ---- the sender is the token's user, ids are made, forms are kept
a.message(1, "x", receipt="r2", senderId=8)
a.frame()
v = edge.produce.lines[-1]["value"]
eq(v["senderId"], 7, "senderId is the token's user (Z-08)")
ok(len(v["clientMessageId"]) == 36, "a clientMessageId is made")
a.message(1, "x", receipt="r3", cid=42)
a.frame()
eq(edge.produce.lines[-1]["value"]["clientMessageId"], 42,
   "an integer id stays one")

# ---- events for users
edge.events.event({"event": "duplicate", "epoch": "e1", "userId": 7,
                   "roomId": 1, "clientMessageId": 42, "messageId": 5,
                   "seq": 3})
f = a.frame()
eq(f.json, {"roomId": 1, "clientMessageId": 42, "messageId": 5, "seq": 3,
            "duplicate": True}, "a duplicate's ack")
edge.events.event({"event": "refused", "epoch": "e1", "userId": 7,
                   "roomId": 1, "clientMessageId": "x\"y",
                   "code": "NOT_A_MEMBER", "message": "say \"no\""})
f = a.frame()
eq((f.headers["destination"], f.json),
   ("/user/queue/errors",
    {"type": "ERROR", "code": "NOT_A_MEMBER", "message": "say \"no\"",
     "final": True, "roomId": 1, "clientMessageId": "x\"y"}),
   "a refusal by the store")

# ---- refusals at the entrance
for body, code, final in (
        ('{"roomId":1', "INVALID_BODY", True),
        ('{"roomId":0,"content":"x"}', "INVALID_ROOM", True),
        ('{"roomId":1,"content":"  "}', "CONTENT_EMPTY", True),
        ('{"roomId":1,"content":"%s"}' % ("x" * 5001), "CONTENT_TOO_LONG",
         True),
        ('{"roomId":1,"content":"x","clientMessageId":"q"}', None, True),
        ('{"roomId":1,"content":"x","type":"SYSTEM_KICK"}', None, True)):
    a.stomp("SEND", {"destination": "/pub/chat/message", "receipt": "q"},
            body)
    f = a.frame()
    j = f.json
    ok(f.headers["destination"] == "/user/queue/errors" and
       j["final"] is final and j["receiptId"] == "q" and
       (code is None or j["code"] == code),
       "refused: %s (%s)" % (body[:40], j["code"]))
a.stomp("SEND", {"destination": "/topic/rooms.1", "receipt": "q"}, "{}")
eq(a.frame().json["code"], "UNKNOWN_DESTINATION", "Z-02 broker prefix")
for d in ("/sub/chat/room/*", "/sub/chat/room/1/", "/sub/chat/room/01",
          "/sub/chat/room/-1", "/sub/**", ">", "/sub/chat/room/1/x",
          "/user/queue/other", "/sub/chat/room/99999999999999999999"):
    a.subscribe("z", d, receipt="no")
    j = a.frame().json
    eq((j["code"], j["subscriptionId"], j["receiptId"]),
       ("UNKNOWN_DESTINATION", "z", "sub-z"), "Z-03 " + d)
for d in ("/sub/chat/room/1/read", "/sub/chat/room/1/typing"):
    a.subscribe("z", d, receipt="no")
    eq(a.frame().json["code"], "NOT_AVAILABLE", d)
a.stomp("SEND", {"destination": "/pub/chat/typing"}, '{"roomId":1}')
eq(a.frame().json["code"], "NOT_AVAILABLE", "typing is not served yet")
a.subscribe("z", "/sub/chat/room/5", receipt="no")
j = a.frame().json
eq((j["code"], j["roomId"], j["subscriptionId"], j["final"]),
   ("NOT_A_MEMBER", 5, "z", False), "Z-01 no such room")
edge.api.room(5, 9)
a.subscribe("z", "/sub/chat/room/5", receipt="no")
eq(a.frame().json, j, "Z-09 and a foreign one: the very same")
a.subscribe("a:b\\cc", "/sub/chat/room/5", receipt="no")
eq(a.frame().json["subscriptionId"], "a:b:c",
   "the subscription's id as it was meant")
a.subscribe("s1", "/sub/chat/room/1", receipt="no")
eq(a.frame().json["code"], "DUPLICATE_SUBSCRIPTION", "an id twice")
a.stomp("SUBSCRIBE", {"destination": "/sub/chat/room/1"})
eq(a.frame().json["code"], "INVALID_SUBSCRIPTION", "no id in 1.2")
a.subscribe("z", "/sub/chat/room/1", receipt="no", from_seq="-1")
eq(a.frame().json["code"], "INVALID_FROM_SEQ", "from-seq -1")
a.subscribe("z", "/sub/chat/room/1", receipt="no", from_seq="9007199254740993")
eq(a.frame().json["code"], "INVALID_FROM_SEQ", "from-seq over 2^53")

# ---- unsubscribe
b.stomp("UNSUBSCRIBE", {"id": "s1", "receipt": "u"})
eq(b.frame().headers["receipt-id"], "u", "UNSUBSCRIBE's receipt")
edge.events.event(edge.api.store(1, 7, "more"))
ok(b.frame(0.3) is None, "nothing comes after it")
a.all()

# ---- DISCONNECT waits for the answers
edge.produce.hold = True
b.message(1, "last", receipt="m")
b.stomp("DISCONNECT", {"receipt": "bye"})
ok(b.frame(0.3) is None, "DISCONNECT's receipt waits for SEND's answer")
edge.produce.answer(edge.produce.lines[-1])
eq([b.frame().headers["receipt-id"] for _ in range(2)], ["m", "bye"],
   "and comes behind it")
edge.produce.hold = False
c = edge.client(8)
c.stomp("DISCONNECT", {})
eq(c.close_code(), 1000, "DISCONNECT without a receipt: closed 1000")

# ---- dead: this frame went nowhere
edge.produce.hold = True
a.message(1, "dead", receipt="d", cid=77)
until(lambda: edge.produce.lines[-1]["value"]["content"] == "dead")
edge.produce.answer(edge.produce.lines[-1], "dead",
                    error={"class": "X", "message": "no"})
f = a.frame()
eq((f.headers["destination"], f.json["code"], f.json["final"],
    f.json["receiptId"], f.json["clientMessageId"]),
   ("/user/queue/errors", "NOT_ACCEPTED", False, "d", 77),
   "a dead record: an error instead of a RECEIPT")
edge.produce.hold = False

# ---- versions
for accept, want in (("1.0,1.1,1.2", "1.2"), ("1.1,1.0", "1.1"),
                     ("1.0", "1.0"), (None, "1.0"), ("9,1.1,x", "1.1")):
    w = edge.ws()
    h = {"Authorization": token(7), "heart-beat": "1000,2000"}
    if accept:
        h["accept-version"] = accept
    w.stomp("STOMP", h)
    f = w.frame()
    eq((f.command, f.headers.get("version"), f.headers.get("heart-beat")),
       ("CONNECTED", want, "25000,25000"), "accept-version %s" % accept)
    w.close()
w = edge.ws()
w.stomp("CONNECT", {"accept-version": "0.9"})
f = w.frame()
eq((f.command, f.headers["version"]), ("ERROR", "1.0,1.1,1.2"),
   "S-21 no version in common: ERROR with a list")
eq(w.close_code(), 1002, "and closed")
for offered, answer in (("v12.stomp", "v12.stomp"), ("v10.stomp", "v10.stomp"),
                        ("x, v11.stomp, v12.stomp", "v12.stomp"),
                        ("v10.stomp, v11.stomp", "v11.stomp"),
                        ("v10.stomp,v11.stomp,v12.stomp", "v12.stomp"),
                        ("foo", None), ("foo, bar", None), ("", None),
                        ("v10.stomp.x", None)):
    w = edge.ws(headers=["Sec-WebSocket-Protocol: " + offered])
    eq(w.answer.get("sec-websocket-protocol"), answer,
       "subprotocol %r" % offered)
    w.stomp("CONNECT", {"accept-version": "1.0,1.1,1.2",
                        "Authorization": token(7)})
    eq(w.frame().headers["version"],
       {"v12.stomp": "1.2", "v11.stomp": "1.1", "v10.stomp": "1.0",
        None: "1.2"}[answer], "its version agrees")
    w.close()
w = edge.ws(extra=ws_frame(stomp("CONNECT", {"accept-version": "1.2",
                                             "Authorization": token(7)})))
eq(w.frame().command, "CONNECTED", "CONNECT in one piece with the handshake")
w.close()
w = edge.ws("/ws/v1/chat/websocket")
ok(w.status == 101, "the raw path under the base")

# ---- 1.0: no ids, no escapes
w = edge.ws()
w.stomp("CONNECT", {"Authorization": token(8)})
w.frame()
w.stomp("SUBSCRIBE", {"destination": "/sub/chat/room/1", "receipt": "s"})
w.frame()
edge.events.event(edge.api.store(1, 7, "to 1.0"))
f = w.frame()
ok(f.command == "MESSAGE" and "subscription" not in f.headers,
   "1.0 without an id: no subscription header")

# ---- protocol errors
for name, sends, code in (
        ("S-01 SEND before CONNECT", [("SEND", {"destination": "/x"})], 1002),
        ("S-02 a second CONNECT", ["C", ("CONNECT", {})], 1002),
        ("S-13 lower case", [("connect", {})], 1002),
        ("S-14 a server's frame", ["C", ("MESSAGE", {})], 1002),
        ("S-19 BEGIN", ["C", ("BEGIN", {"transaction": "t"})], 1002),
        ("S-06 content-length", ["C", ("SEND", {"content-length": "+5"})],
         1002),
        ("a bad heart-beat", [("CONNECT", {"heart-beat": "a,b"})], 1002)):
    w = edge.ws()
    for s in sends:
        if s == "C":
            w.stomp("CONNECT", {"accept-version": "1.2",
                                "Authorization": token(7)})
            w.frame()
        else:
            w.stomp(*s)
    f = w.frame()
    ok(f and f.command == "ERROR" and w.close_code() == code, name)

edge.end()
done()
