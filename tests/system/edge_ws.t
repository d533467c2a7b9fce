#!/usr/bin/env python3
"""chat-ws-edge: WebSocket and STOMP framing by hostile hands (F, S and D of the
security cases), and the limits of contract.md, section 2.4."""
import collections
import json
import os
import random
import socket
import struct
import time

from edgebench import *

edge = Edge()
edge.api.room(1, 7, 8)
CONNECT = stomp("CONNECT", {"accept-version": "1.2", "heart-beat": "0,0",
                            "Authorization": token(7)})


def live(**kw):
    w = edge.ws(**kw)
    w.send(CONNECT)
    f = w.frame()
    if not f or f.command != "CONNECTED":
        raise RuntimeError("%r %r" % (f, w.closed))
    return w


watch = live()
watch.subscribe("s", "/sub/chat/room/1")


def well(name):
    """The others are served meanwhile."""
    watch.message(1, "still here", receipt="well")
    f = watch.frame()
    ok(f and f.headers.get("receipt-id") == "well", name)


# ---- RFC 6455
for name, frames, codes in (
        ("F-02 RSV1", [ws_frame("x", rsv=0x40)], (1002,)),
        ("F-02 RSV2", [ws_frame("x", rsv=0x20)], (1002,)),
        ("F-02 RSV3", [ws_frame("x", rsv=0x10)], (1002,)),
        ("F-03 opcode 3", [ws_frame("x", 3)], (1002,)),
        ("F-03 opcode 7", [ws_frame("x", 7)], (1002,)),
        ("F-03 opcode 11", [ws_frame("x", 11)], (1002,)),
        ("F-03 opcode 15", [ws_frame("x", 15)], (1002,)),
        ("F-04 a ping of 126 bytes", [ws_frame("x" * 126, 9)], (1002, None)),
        ("F-04 a ping in pieces", [ws_frame("x", 9, fin=False)], (1002,)),
        ("F-06 a continuation of nothing", [ws_frame("x", 0)], (1002,)),
        ("F-06 text within text", [ws_frame("\n", 1, fin=False),
                                   ws_frame("x", 1)], (1002,)),
        ("F-09 length 2^63-1",
         [b"\x81\xff" + struct.pack(">Q", 2 ** 63 - 1) + b"abcdx"],
         (1002, 1009)),
        ("F-09 length with the top bit",
         [b"\x81\xff" + struct.pack(">Q", 2 ** 63 + 1) + b"abcdx"],
         (1002, 1009, None)),
        ("F-12 invalid UTF-8", [ws_frame(b"SEND\n\xc0\xaf")], (1007,)),
        ("F-12 a surrogate", [ws_frame(b"SEND\n\xed\xa0\x80")], (1007,)),
        ("F-12 cut in a character", [ws_frame(b"SEND\n\xe2\x82")],
         (1007,)),
        ("F-12 split over fragments",
         [ws_frame(b"SEND\n\xe2\x82", fin=False), ws_frame(b"\xc0", 0)],
         (1007,))):
    w = live()
    for f in frames:
        w.raw(f)
    code = w.close_code(5)
    ok(w.closed and code in codes, "%s: %s" % (name, w.closed))
    w.close()
well("the others are served")

w = live()
w.raw(ws_frame("ping", 9))
eq(w.ws_frame(), (10, b"ping"), "a ping is answered")
w.raw(ws_frame(struct.pack(">H", 1000), 8))
ok(w.close_code() == 1000, "a close is answered")

# F-08, F-18: limits of a WebSocket message
w = live()
for i in range(300):
    w.raw(ws_frame("\n" * 1000, 0 if i else 1, fin=False))
    if i % 50 == 49 and w.pump(0):
        break
eq(w.frame().headers["message"], "MESSAGE_TOO_LARGE",
   "F-08 endless fragments: ERROR")
eq(w.close_code(), 1009, "and 1009")
w = live()
w.raw(ws_frame("\n" * 262144))
w.stomp("SUBSCRIBE", {"id": "e", "destination": "/user/queue/errors",
                      "receipt": "ok"})
eq(w.frame().headers.get("receipt-id"), "ok", "256 KiB of newlines: fine")
w.raw(ws_frame("\n" * 262145))
eq(w.close_code(), 1009, "one more: 1009")
w = live()
w.raw(b"\x81\xff" + struct.pack(">Q", 1 << 30) + b"abcd" + b"x" * 10)
eq(w.close_code(), 1009, "F-10 a declared gigabyte: 1009 at once")
# a 100 MB frame, really sent
w = live()
rss = lambda: int(open("/proc/%d/statm" % edge.process.pid).read()
                  .split()[1]) * 4096
before = rss()
try:
    w.raw(b"\x81\xff" + struct.pack(">Q", 100 << 20) + b"abcd")
    for i in range(100):
        w.raw(b"x" * (1 << 20))
except OSError:
    pass
code = w.close_code(5)
ok(code == 1009 or w.closed, "a frame of 100 MB: %s" % (w.closed,))
ok(rss() - before < 4 << 20, "and no memory for it")
# F-15 a flood of pings
w = live()
try:
    for i in range(200):
        w.raw(ws_frame("p" * 100, 9) * 100)
except OSError:
    pass
ok(rss() - before < 8 << 20, "F-15 20,000 pings: bounded")
well("the others are served during it")
w.close()

# ---- STOMP: one frame in pieces, many in one
send = stomp("SEND", {"destination": "/pub/chat/message", "receipt": "r"},
             json.dumps({"roomId": 1, "content": "안녕 \U0001f600",
                         "clientMessageId": 5}, ensure_ascii=False))
raw = send.encode()
w = live()
bad = 0
n = len(edge.produce.lines)
for cut in range(1, len(raw)):
    # Cut in BINARY messages: a cut may fall into a character.
    w.raw(ws_frame(raw[:cut], 2) + ws_frame(raw[cut:], 2))
    f = w.frame()
    if not f or f.headers.get("receipt-id") != "r":
        bad += 1
eq(bad, 0, "a SEND cut at every byte, over two messages")
values = [l["value"] for l in edge.produce.lines[n:]]
for v in values:
    v.pop("sentAtMs")
ok(len(values) == len(raw) - 1 and all(v == values[0] for v in values) and
   values[0]["content"] == "안녕 \U0001f600", "and every record is the same")
for b in raw:
    w.raw(ws_frame(bytes([b]), 2))
eq(w.frame().headers.get("receipt-id"), "r", "byte by byte")
for i in range(len(raw)):
    w.raw(ws_frame(raw[i:i + 1], 2 if i == 0 else 0, fin=i == len(raw) - 1))
eq(w.frame().headers.get("receipt-id"), "r", "in fragments of one byte")
w.send("".join(stomp("SEND", {"destination": "/pub/chat/message",
                              "receipt": "m%d" % i},
                     '{"roomId":1,"content":"%d"}' % i)
               for i in range(1000)))
eq([w.frame().headers["receipt-id"] for _ in range(1000)],
   ["m%d" % i for i in range(1000)], "1,000 frames in one message")
w.send("\n\r\n\n" + send + "\n\n" + send + "\r\n")
eq([w.frame().headers["receipt-id"] for _ in range(2)], ["r", "r"],
   "EOLs around frames")
w.send(send.replace("\n", "\r\n", 3))
eq(w.frame().headers["receipt-id"], "r", "CRLF lines")
w.send("SEND\n\n")
w.send("\0")
ok(w.frame(0.3) is None, "S-08 a frame without its NUL waits")
w.close()

# S-03, S-05, S-06, S-22
for name, text, code in (
        ("S-03 65 headers", "SEND\n" + "a:1\n" * 65 + "\n\0", 1002),
        ("S-03 a header of 8 KiB and more", "SEND\na:" + "x" * 8192 +
         "\n\n\0", 1002),
        ("S-03 a million headers", "SEND\n" + "a:1\n" * 60000, None),
        ("S-22 a receipt of 8,000 bytes", "SEND\nreceipt:" + "x" * 8000 +
         "\n\n\0", 1002),
        ("a frame of 64 KiB and more", "SEND\n\n" + "x" * 65536 + "\0", 1009),
        ("a declared length of 1e9", "SEND\ncontent-length:1000000000\n\n",
         1009),
        ("S-06 content-length too short", "SEND\ncontent-length:1\n\nabc\0",
         1002),
        ("S-06 negative", "SEND\ncontent-length:-1\n\nabc\0", 1002),
        ("S-06 two that differ",
         "SEND\ncontent-length:3\ncontent-length:4\n\nabc\0", 1002),
        ("S-06 1e9", "SEND\ncontent-length:1e9\n\nabc\0", 1002),
        ("S-13 unknown command", "HELLO\n\n\0", 1002),
        ("an undefined escape", "SEND\na:\\t\n\n\0", 1002),
        ("no colon", "SEND\nabc\n\n\0", 1002),
        ("NUL in headers", "SEND\na:\0b\n\n\0", 1002)):
    w = live()
    w.send(text)
    f = w.frame()
    c = w.close_code()
    ok(f and f.command == "ERROR" and (c == code or code is None),
       "%s: %s %s" % (name, f and f.headers.get("message"), c))
    w.close()
w = edge.ws()
w.send("CONNECT\n" + "".join("%s:%s\n" % (c, c * 6000) for c in "abc"))
f = w.frame()
eq((f and f.headers["message"], w.close_code()), ("FRAME_TOO_LARGE", 1009),
   "less is read from who has not connected: 16 KiB")
w = live()
w.send("SEND\nreceipt:q\ndestination:/x\n" + "a:1\n" * 62 + "\n\0")
ok(w.frame(0.5) is None and not w.closed, "S-05 64 headers: taken")
w.close()
w = live()
w.subscribe("e", "/user/queue/errors")
body = json.dumps({"roomId": 1, "content": "x", "pad": ""})
head = "SEND\ndestination:/pub/chat/message\nreceipt:z\n\n"
pad = "y" * (65536 - len(head) - len(body))
w.send(head + body.replace('"pad": ""', '"pad": "%s"' % pad) + "\0")
eq(w.frame().headers.get("receipt-id"), "z", "a frame of exactly 64 KiB")
# S-10 injection
w.stomp("SEND", {"destination": "/nope", "receipt": "a\\nb\\cc"})
eq(w.frame().json["receiptId"], "a\nb:c", "S-10 in JSON")
w.stomp("UNSUBSCRIBE", {"id": "x", "receipt": "a\\nb\\cc\\\\"})
eq(w.frame().headers["receipt-id"], "a\\nb\\cc\\\\", "S-10 in a header")
w.subscribe("x\\nseq\\c1", "/sub/chat/room/1", receipt="n")
w.frame()
edge.events.event(edge.api.store(1, 8, "m"))
f = w.frame()
eq((f.headers["subscription"], f.headers["seq"]), ("x\\nseq\\c1", "1"),
   "S-10 in a subscription's id")
# S-15, S-16
w.subscribe("sel", "/sub/chat/room/1", selector="T(java.lang.Runtime)")
w.subscribe("r" * 256, "/user/queue/errors", receipt="n")
eq(w.frame().json["code"], "INVALID_SUBSCRIPTION", "an endless id")
t = time.time()
w.subscribe("q", "/sub/chat/room/" + "9" * 7000, receipt="n")
w.subscribe("q", "/" * 7000, receipt="n")
eq([w.frame().json["code"] for _ in range(2)], ["UNKNOWN_DESTINATION"] * 2,
   "S-16 long destinations")
ok(time.time() - t < 1, "in no time")
# S-18
for i in range(600):
    w.subscribe("n%d" % i, "/user/queue/rooms", receipt="n")
got = [f.json["code"] if f.command == "MESSAGE" else "R" for f in w.all(0.5)]
ok(got.count("R") > 500 and got.count("R") < 512 and
   got.count("TOO_MANY_SUBSCRIPTIONS") == 600 - got.count("R"),
   "S-18 512 subscriptions, the rest refused (%d)" % got.count("R"))
w.stomp("UNSUBSCRIBE", {"id": "n1", "receipt": "u"})
ok(w.frame(), "the connection stays")
w.close()
watch.all()

# ---- random bytes
random.seed(int(os.environ.get("SEED", 7)))
alive = True
for i in range(150):
    w = edge.ws() if i % 2 else live()
    try:
        for j in range(random.randrange(1, 12)):
            kind = random.randrange(5)
            if kind == 0:
                w.raw(os.urandom(random.randrange(1, 3000)))
            elif kind == 1:
                w.raw(ws_frame(os.urandom(random.randrange(0, 500)), 2))
            elif kind == 2:
                t = bytearray(raw)
                for _ in range(random.randrange(1, 6)):
                    t[random.randrange(len(t))] = random.randrange(256)
                w.raw(ws_frame(bytes(t), 2))
            elif kind == 3:
                t = bytearray(ws_frame(raw, 1, mask=False))
                t[random.randrange(len(t))] = random.randrange(256)
                w.raw(bytes(t))
            else:
                a = random.randrange(len(raw))
                w.raw(ws_frame(raw[a:a + random.randrange(1, 60)], 2))
    except OSError:
        pass
    w.close()
    alive = alive and edge.process.poll() is None
ok(alive, "150 connections of noise")
well("the others are served after it")

reasons = set(json.loads(l)["reason"] for l in edge.logs().split("\n")
              if "session closed" in l)
ok({"BAD_FRAME", "FRAME_TOO_LARGE", "TOO_MANY_HEADERS", "MESSAGE_TOO_LARGE",
    "closed by the other side"} <= reasons and
   all(r.isprintable() and r.isascii() for r in reasons),
   "the log gives reasons: %s" % sorted(reasons))

# ---- connections that break off everywhere
head = ("GET /ws/v1/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
talk = head + ws_frame(CONNECT) + ws_frame(stomp("SUBSCRIBE", {
    "id": "1", "destination": "/sub/chat/room/1"})) + ws_frame(send)
for cut in range(1, len(talk), 3):
    s = socket.create_connection(("127.0.0.1", edge.port))
    s.sendall(talk[:cut])
    if cut % 2:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
    s.close()
well("lines cut at every third byte, half of them by RST")
ok(until(lambda: edge.metric("sessions") == 1), "no session is left over")
eq(edge.metric("unanswered"), 0, "no record either")
edge.end()

# ---- time limits
edge = Edge("--handshake-time", "1s", "--connect-time", "1s", "--idle-time",
            "2s", "--heart-beat", "1s", "--keep-alive", "1s", "--max-per-address", "40",
            "--max-connections", "500")
edge.api.room(1, 7, 8)
slow = [socket.create_connection(("127.0.0.1", edge.port)) for _ in range(20)]
t = time.time()
for s in slow:
    s.sendall(b"GET / HT")
for s in slow:
    read_http(s)
    s.close()
ok(time.time() - t < 3, "H-15 slow handshakes are closed in time")
w = edge.ws()
f = w.frame()
eq((f.command, f.headers["message"], w.close_code()),
   ("ERROR", "CONNECT_TIMEOUT", 4203), "D-01 no CONNECT in time")
ok("retry-after=" in w.closed[1], "with retry-after")
w = edge.ws()
w.stomp("CONNECT", {"accept-version": "1.2", "heart-beat": "0,0",
                    "Authorization": token(7)})
w.frame()
t = time.time()
eq(w.close_code(), 4202, "idle without heart-beats")
ok(1.5 < time.time() - t < 4, "after the idle time")
w = edge.ws()
w.stomp("CONNECT", {"accept-version": "1.2", "heart-beat": "1000,1000",
                    "Authorization": token(7)})
eq(w.frame().headers["heart-beat"], "1000,1000", "heart-beats agreed")
t = time.time()
beats = []
while time.time() - t < 4:
    f = w.ws_frame(0.5)
    if f:
        beats.append(f)
    w.send("\n")
ok(4 <= len(beats) <= 7 and all(b == (1, b"\n") for b in beats),
   "the server beats (%d in 4 s)" % len(beats))
ok(not w.closed, "and one who beats is not idle")
t = time.time()
eq(w.close_code(), 4202, "one who stops is")
ok(4 < time.time() - t < 7, "after 5 s at least")

# too many connections
until(lambda: edge.metric("connections") == 1)
many = [socket.create_connection(("127.0.0.1", edge.port))
        for _ in range(60)]


def refused():
    out = []
    for m in many:
        m.settimeout(0)
        try:
            if m.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 503":
                out.append(m)
        except OSError:
            pass
    return out


until(lambda: len(refused()) >= 15)
st, h, body = read_http(refused()[0])
eq((st, h.get("retry-after"), json.loads(body)["code"]),
   (503, "5", "TOO_MANY_CONNECTIONS"), "D-02 too many of an address: 503")
for m in many:
    m.close()
ok(until(lambda: edge.ready()), "and it recovers")
edge.end()

# ---- slow consumers
def pour(count):
    for i in range(count):
        edge.events.event(edge.api.store(1, 7, "x" * 4000))


edge = Edge("--take-time", "60s")
edge.api.room(1, 7, 8)
a = edge.client(7)
w = edge.client(8, rcvbuf=4096)
w.subscribe("s", "/sub/chat/room/1")
pour(400)
ok(until(lambda: edge.metric("closed_slow_total") == 1, 5),
   "D-04 a full queue: slow consumer")
a.message(1, "x", receipt="r")
ok(a.frame(), "the others are served")
eq(w.close_code(10), 4201, "its close comes between two whole frames")
ok("retry-after=" in w.closed[1], "with retry-after")
whole = True
while w.frames:
    whole = whole and w.frames.pop(0)[1].endswith(b"\0")
ok(whole, "what it got are whole frames")
edge.end()
edge = Edge("--take-time", "1s")
edge.api.room(1, 7, 8)
v = edge.client(8, rcvbuf=4096)
v.subscribe("s", "/sub/chat/room/1")
t = time.time()
pour(100)                      # more than the kernel takes, less than 512 KiB
ok(until(lambda: edge.metric("closed_slow_total") == 1, 5),
   "what is not taken in time: slow consumer")
ok(time.time() - t > 0.9, "not before")
w = edge.client(8, rcvbuf=4096)
w.subscribe("s", "/sub/chat/room/1")
pour(100)
time.sleep(0.7)
got = len([f for f in w.all(0.5) if f.command == "MESSAGE"])
eq((got, w.closed), (100, None), "who takes it late, but in time, stays")
ok(until(lambda: edge.metric("connections") == 2, t + 8 - time.time()),
   "who goes on taking nothing is cut 5 s later")
edge.end()

# ---- rate
edge = Edge("--rate", "3")
edge.api.room(1, 7, 8)
a = edge.client(7, "errors")
b = edge.client(8)
for i in range(5):
    a.message(1, "m%d" % i, receipt="m%d" % i, cid=i + 1)
got = [a.frame() for _ in range(5)]
ok([f.command for f in got].count("RECEIPT") == 3, "three a minute")
j = [f for f in got if f.command == "MESSAGE"][0].json
ok(j["code"] == "RATE_LIMIT_EXCEEDED" and j["final"] is False and
   55 <= j["retryAfter"] <= 60 and j["roomId"] == 1 and
   j["clientMessageId"] == 4 and j["receiptId"] == "m3",
   "the rest refused, with retryAfter: %r" % j)
a.close()
a = edge.client(7, "errors")
a.message(1, "again", receipt="r")
eq(a.frame().json["code"], "RATE_LIMIT_EXCEEDED",
   "a new connection gives no new allowance")
b.message(1, "x", receipt="r")
eq(b.frame().headers.get("receipt-id"), "r", "others have their own")
edge.end()

# ---- back pressure: not read, not refused, not closed
edge = Edge("--max-unanswered", "64K")
edge.api.room(1, 7, 8)
edge.produce.hold = True
a = edge.client(7)
text = "y" * 3000
for i in range(100):
    a.message(1, text, receipt="r%d" % i, cid=i + 1)
    if i == 40:
        time.sleep(0.3)
ok(until(lambda: edge.metric("paused") == 1), "over the bound: not read")
n = len(edge.produce.lines)
ok(20 <= n < 40, "%d records are out" % n)
b = edge.client(8)
ok(b.frame(0.2) is None, "others connect")
edge.produce.hold = False
for l in list(edge.produce.lines):
    edge.produce.answer(l)
got = set(a.frame().headers["receipt-id"] for _ in range(100))
eq(got, set("r%d" % i for i in range(100)),
   "all are answered when it goes on")
eq([l["value"]["clientMessageId"] for l in edge.produce.lines],
   list(range(1, 101)), "and sent in their order")
# many small frames in one piece: the rest of the piece is kept
edge.produce.hold = True
n = len(edge.produce.lines)
a.send("".join(stomp("SEND", {"destination": "/pub/chat/message",
                              "receipt": "s%d" % i},
                     '{"roomId":1,"content":"%d"}' % i)
               for i in range(1000)))
ok(until(lambda: edge.metric("paused") == 1), "paused amid a piece")
edge.produce.hold = False
for l in list(edge.produce.lines[n:]):
    edge.produce.answer(l)
got = [a.frame() for _ in range(1000)]
eq(set(f and f.headers["receipt-id"] for f in got),
   set("s%d" % i for i in range(1000)), "nothing of the piece is lost")
eq([l["value"]["content"] for l in edge.produce.lines[n:]],
   [str(i) for i in range(1000)], "and nothing out of order")
edge.end()

# ---- a graceful stop
edge = Edge("--drain-time", "20s", "--max-per-address", "3000")
edge.api.room(1, 7, 8)
cs = [edge.client(7) for _ in range(30)]
edge.produce.hold = True
cs[0].message(1, "in flight", receipt="r")
until(lambda: edge.produce.lines)
keep = socket.create_connection(("127.0.0.1", edge.port))
keep.sendall(b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
read_http(keep)
edge.process.send_signal(signal.SIGTERM)
codes = [c.close_code() for c in cs[1:]]
eq(set(codes), {1012}, "clients are closed with 1012")
waits = set(c.closed[1].split("retry-after=")[1] for c in cs[1:])
eq(waits, {"1"}, "few are sent back at once")
ok(not edge.connects(), "no new connections")
keep.sendall(b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
st, h, body = read_http(keep)
eq((st, h.get("connection")), (503, "close"), "readiness turns 503")
ok(edge.process.poll() is None, "it waits for what is in flight")
ok('"draining"' in open(edge.status_file).read(), "its status: draining")
ok(cs[0].frame(1) is None and not cs[0].closed, "and so does its client")
n = len(edge.produce.lines)
cs[0].message(1, "too late", receipt="late")
ok(cs[0].frame(0.5) is None and len(edge.produce.lines) == n,
   "what it sends meanwhile gets no word")
edge.produce.answer(edge.produce.lines[0])
eq(cs[0].frame().headers.get("receipt-id"), "r", "its RECEIPT comes")
eq(cs[0].close_code(), 1012, "then its close")
t = time.time()
eq(edge.process.wait(10), 0, "exit 0")
ok(time.time() - t < 6, "soon")
edge.stop()

# ---- one who never stops talking; many
edge = Edge("--drain-time", "20s", "--max-per-address", "3000")
edge.api.room(1, 7, 8)
c = edge.client(7)
edge.produce.hold = True
ws = [edge.ws() for _ in range(1500)]
c.message(1, "0", receipt="0")
until(lambda: edge.produce.lines)
edge.process.send_signal(signal.SIGTERM)
t, n, done_to, last = time.time(), 0, 0, 0
while time.time() - t < 5 and not c.closed:
    n += 1
    try:
        c.message(1, str(n), receipt=str(n))
    except OSError:
        break
    lines = edge.produce.lines[:]
    if len(lines) > last:
        last, since = len(lines), time.time()
    # the last one is answered when no other came for a while
    keep = 1 if time.time() - since < 0.5 else 0
    while done_to < last - keep:
        edge.produce.answer(lines[done_to])
        done_to += 1
    c.frame(0.01)
eq(c.close_code(), 1012, "who always has one in flight is closed, too")
waits = collections.Counter()
for w in ws:
    w.s.settimeout(8)
    frame = w.s.recv(300)
    waits[frame[2:4] + frame[-1:]] += 1
    w.s.close()
took = time.time() - t
eq(set(waits), {struct.pack(">H", 1012) + b for b in (b"1", b"2")},
   "1,500 come back within two seconds")
ok(all(abs(n - 750) < 2 for n in waits.values()), "evenly: %s" % waits)
ok(1 < took < 9, "and were closed in batches: %.1f s" % took)
eq(edge.process.wait(10), 0, "exit 0")
edge.stop()
done()
