#!/usr/bin/env python3
"""chat-ws-edge: the interleavings that architecture.md, sections 3 to 5, close,
each forced by an answer that is held back (or a line that is cut)."""
import json
import time

from edgebench import *

edge = Edge()
api, events, produce = edge.api, edge.events, edge.produce


def seqs(frames):
    return [f.json["seq"] for f in frames if f.command == "MESSAGE" and
            f.headers["destination"].startswith("/sub/chat/room/")]


def asked(path, n=1):
    return until(lambda: len([r for r, _ in api.held
                              if r["path"] == path]) >= n)


# ---- an event that nobody will ever publish (looked at in the end)
quiet = Edge()
quiet.api.room(1, 7, 8)
sleeper = quiet.client(7)
sleeper.subscribe("s", "/sub/chat/room/1")
quiet.api.store(1, 8, "never told")
since = time.time()

# ---- an event overtakes the answer to SUBSCRIBE
api.room(1, 7, 8)
api.hold = {"/edge/follow"}
a = edge.client(7)
a.subscribe("s", "/sub/chat/room/1", receipt="no")
asked("/edge/follow")                      # computed: head 0
events.event(api.store(1, 8, "overtakes"))  # seq 1
time.sleep(0.1)
api.hold = set()
api.release()
eq(a.frame().headers["head"], "0", "answered with the older head")
eq(seqs(a.all()), [1], "the event that overtook the answer is not lost")
events.event(api.store(1, 8, "next"))
eq(seqs(a.all()), [2], "and the next follows it")

# ---- repeated, late and missing events
e1, e2, e3 = (api.store(1, 8, "m%d" % i) for i in range(3))  # 3 4 5
events.event(e2)
eq(seqs(a.all()), [3, 4, 5], "a hole is filled by a page")
events.event(e1)
events.event(e2)
events.event(e3)
eq(seqs(a.all()), [], "what was sent is not sent again")

# ---- from-seq: caught up, then live, without a seam
for i in range(200):
    api.store(1, 8, "h%d" % i)              # 6..205
b = edge.client(8, "joins")
f = b.subscribe("s", "/sub/chat/room/1", from_seq="2")
eq((f.headers["status"], f.headers["head"]), ("recovered", "205"),
   "recovered, and the head")
events.event(api.store(1, 8, "live"))
got = seqs(b.all(0.5))
eq(got, list(range(3, 207)), "3..206, each once, in order")
f = b.subscribe("t", "/sub/chat/room/1", receipt="no", from_seq="500")
f = b.frame(command="RECEIPT")
eq(f.headers["status"], "reset", "from-seq above the head: reset")
b.all()
f = b.subscribe("u", "/sub/chat/room/1", receipt="no", from_seq="3",
                epoch="other")
f = b.frame(command="RECEIPT")
eq(f.headers["status"], "reset", "another epoch: reset")
a.all()
b.close()

# ---- pages go on while live events come
api.room(2, 7, 8)
for i in range(3000):
    api.store(2, 8, "x" * 300)
b = edge.client(8)
b.subscribe("s", "/sub/chat/room/2", receipt="no", from_seq="0")
for i in range(100):
    events.event(api.store(2, 8, "live"))
got = seqs(b.all(1))
eq(got, list(range(1, 3101)), "3,000 caught up with 100 live ones at the end")
b.close()

# ---- pages wait until the client's queue is less than half full
b = edge.client(8, rcvbuf=4096)
b.subscribe("s", "/sub/chat/room/2", receipt="no", from_seq="0")
time.sleep(1)                               # and reads nothing meanwhile
got = seqs(b.all(1))
ok(got == list(range(1, 3101)) and not b.closed,
   "who reads slowly catches up slowly (%d, %s)" % (len(got), b.closed))
b.close()

# ---- many rooms to catch up at once: nobody is taken for a slow consumer
for r in range(100, 140):
    api.room(r, 7, 8)
    for i in range(100):
        api.store(r, 8, "y" * 1000)
b = edge.client(8)
b.send("".join(stomp("SUBSCRIBE", {
    "id": str(r), "destination": "/sub/chat/room/%d" % r, "receipt": str(r),
    "from-seq": "0"}) for r in range(100, 140)))
got = b.all(1)
by = {}
for f in got:
    if f.command == "MESSAGE":
        by.setdefault(f.json["roomId"], []).append(f.json["seq"])
ok(not b.closed and len(by) == 40 and
   all(v == list(range(1, 101)) for v in by.values()),
   "40 rooms of 100 KiB each, on one connection (%d, %s)" % (
       len(got), b.closed))
# the same while chat-api goes away in the middle
api.hold = {"/edge/follow"}
c = edge.client(8)
c.send("".join(stomp("SUBSCRIBE", {
    "id": str(r), "destination": "/sub/chat/room/%d" % r, "receipt": str(r),
    "from-seq": "99"}) for r in range(100, 140)))
asked("/edge/follow", 2)
time.sleep(0.1)
ok(len(api.held) < 10, "a few questions at a time: %d" % len(api.held))
api.hold = set()
api.held.clear()
api.drop()
got = c.all(2)
ok(len([f for f in got if f.command == "RECEIPT"]) == 40 and
   sorted(f.json["roomId"] for f in got if f.command == "MESSAGE") ==
   list(range(100, 140)), "all are asked again after a cut")
b.close()
c.close()

# ---- a SEND waits for its room's SUBSCRIBE
api.hold = {"/edge/follow"}
b = edge.client(8)
b.subscribe("s", "/sub/chat/room/1", receipt="no")
b.message(1, "behind", receipt="m1", cid=1)
b.message(2, "other room", receipt="m2", cid=2)
eq(b.frame().headers["receipt-id"], "m2", "another room's goes straight on")
ok("behind" not in [l["value"]["content"] for l in produce.lines],
   "the room's own waits")
b.message(1, "behind 2", receipt="m3", cid=3)
api.hold = set()
asked("/edge/follow")
api.release()
eq([b.frame().headers["receipt-id"] for _ in range(3)],
   ["sub-s", "m1", "m3"], "then they go, in order, behind the RECEIPT")
b.close()

# ---- a SUBSCRIBE that is refused lets go of what waited, too
api.room(3, 9)
api.hold = {"/edge/follow"}
b = edge.client(8, "errors")
b.subscribe("s", "/sub/chat/room/3", receipt="no")
b.message(3, "for the store to refuse", receipt="m")
asked("/edge/follow")
api.hold = set()
api.release()
eq(b.frame().json["code"], "NOT_A_MEMBER", "refused")
eq(b.frame().headers["receipt-id"], "m", "the SEND went on to the store")
# and UNSUBSCRIBE
api.hold = {"/edge/follow"}
b.subscribe("s", "/sub/chat/room/1", receipt="no")
b.message(1, "after all", receipt="m")
b.stomp("UNSUBSCRIBE", {"id": "s", "receipt": "u"})
eq(sorted(b.frame().headers["receipt-id"] for _ in range(2)), ["m", "u"],
   "UNSUBSCRIBE lets go, too")
api.hold = set()
api.release()
eq(b.all(), [], "the late answer is nobody's")
# a client that goes: what was accepted goes on its way
api.hold = {"/edge/follow"}
b.subscribe("s", "/sub/chat/room/1", receipt="no")
b.message(1, "fire and forget")
b.close()
ok(until(lambda: "fire and forget" in [l["value"]["content"]
                                       for l in produce.lines]),
   "a closed connection's held SEND is sent")
api.hold = set()
api.release()
a.all()

# ---- kicks end the subscription in its place
api.room(4, 7, 8)
b = edge.client(8, "rooms")
b.subscribe("s", "/sub/chat/room/4")
m1 = api.store(4, 7, "before")
kick = api.kick(4, 8)
m3 = api.store(4, 7, "after")
events.event(m3)                            # out of order: nothing yet
events.event(m1)
got = b.all()
eq(seqs(got), [1], "only what came before the kick")
eq([f.json for f in got if f.headers["destination"] == "/user/queue/rooms"],
   [{"event": "KICKED", "roomId": 4}], "and he is told")
events.event(kick)
events.event(api.store(4, 7, "later"))
eq(b.all(), [], "nothing of that room any more (Z-07)")
# invited again, and joining from before the kick
events.event(api.invite(4, 8))              # 5
events.event(api.store(4, 7, "welcome"))    # 6
f = b.subscribe("s2", "/sub/chat/room/4", receipt="no", from_seq="0")
got = b.all()
eq(seqs(got), [1, 2, 3, 4, 5, 6], "the old kick is history: sent like any "
   "message")
events.event(api.store(4, 7, "live"))
eq(seqs(b.all()), [7], "and he goes on")
# the answer that makes him a member is on its way when the kick is applied
api.hold = {"/edge/follow"}
c = edge.client(8, "errors")
c.subscribe("s", "/sub/chat/room/4", receipt="no")
asked("/edge/follow")                       # a member, head 7
events.event(api.kick(4, 8))                # 8 overtakes
time.sleep(0.1)
api.hold = set()
api.release()
got = c.all()
events.event(api.store(4, 7, "secret"))     # 9
got += c.all()
eq(seqs(got), [], "a kick that overtakes the answer still ends it")
b.all()
b.close()
c.close()

# ---- chat-produce restarts: unanswered first, in order
produce.hold = True
b = edge.client(8)
n = len(produce.lines)
for i in range(5):
    b.message(1, "r%d" % i, receipt="r%d" % i, cid=100 + i)
until(lambda: len(produce.lines) == n + 5)
produce.answer(produce.lines[n + 1])        # the second is done
eq(b.frame().headers["receipt-id"], "r1", "one was answered")
produce.stop()
time.sleep(0.05)
b.message(1, "while away", receipt="w", cid=200)
n = len(produce.lines)
produce.start()
until(lambda: len(produce.lines) >= n + 5)
b.message(1, "new", receipt="n", cid=201)
until(lambda: len(produce.lines) >= n + 6)
eq([l["value"]["content"] for l in produce.lines[n:]],
   ["r0", "r2", "r3", "r4", "while away", "new"],
   "sent again: the unanswered, in order, then the new")
ok(b.frame(0.3) is None, "unknown is silence: no RECEIPT meanwhile")
for l in list(produce.lines[n:]):
    produce.answer(l)
    produce.answer(l)                       # twice does no harm
eq([b.frame().headers["receipt-id"] for _ in range(6)],
   ["r0", "r2", "r3", "r4", "w", "n"], "then each has its RECEIPT, once")
eq(b.all(), [], "and no second one")
# its client is gone: the record stays
b.message(1, "orphan", receipt="o", cid=300)
until(lambda: produce.lines[-1]["value"]["content"] == "orphan")
b.close()
time.sleep(0.1)
n = len(produce.lines)
produce.drop()
ok(until(lambda: len(produce.lines) > n and
         produce.lines[-1]["value"]["content"] == "orphan"),
   "a record without its client is sent again, too")
produce.hold = False
for l in produce.lines[n:]:
    produce.answer(l)
ok(until(lambda: edge.metric("unanswered") == 0), "and leaves when answered")

# ---- chat-api away: SUBSCRIBEs wait, and are asked again
api.stop()
b = edge.client(8)
b.subscribe("s", "/sub/chat/room/1", receipt="no")
ok(b.frame(0.5) is None, "chat-api away: SUBSCRIBE waits")
eq(edge.http("GET", "/actuator/health")[0], 503, "not ready meanwhile")
api.start()
f = b.frame()
eq((f.command, f.headers["receipt-id"]), ("RECEIPT", "sub-s"),
   "answered when it is back")
# connection lost between question and answer
api.hold = {"/edge/follow"}
b.subscribe("t", "/sub/chat/room/1", receipt="no")
asked("/edge/follow")
api.held.clear()
api.hold = set()
api.drop()
eq(b.frame(5).headers["receipt-id"], "sub-t", "asked again after a cut")
# 503: PostgreSQL is away
api.fail = {"/edge/follow"}
b.subscribe("u", "/sub/chat/room/1", receipt="no")
ok(b.frame(0.5) is None, "503: waits")
api.fail = set()
eq(b.frame(5).headers["receipt-id"], "sub-u", "and is asked again")
b.close()
a.all()

# ---- the line of events ends: rooms are followed again
events.drop()
events.auto = False
missed = [api.store(1, 8, "missed %d" % i) for i in range(3)]
time.sleep(0.2)
eq(a.all(0.3), [], "no line, no messages")
until(lambda: events.peer)
events.send({"control": "ready"})
events.auto = True
got = seqs(a.all())
head = len(api.rooms[1]["messages"])
eq(got, [head - 2, head - 1, head], "after ready the missed ones come")

# ---- a SUBSCRIBE still unanswered while the line is cut
api.hold = {"/edge/follow"}
b = edge.client(8)
b.subscribe("s", "/sub/chat/room/1", receipt="no")
asked("/edge/follow")                       # head as of now
api.store(1, 8, "in the gap")               # its event is lost
events.drop()
until(lambda: events.peer)
time.sleep(0.2)
api.hold = set()
api.release()
f = b.frame(command="RECEIPT")
eq(seqs(b.all()), [int(f.headers["head"]) + 1],
   "what was stored after its answer comes by the heads of the re-follow")
b.close()

# ---- a new epoch: reset
b = edge.client(8, "joins", "acks")
b.subscribe("s", "/sub/chat/room/1")
b.all()
c = edge.client(8)
c.subscribe("s", "/sub/chat/room/1")
c.all()
old = api.store(1, 8, "old life")
api.rooms[1]["messages"] = api.rooms[1]["messages"][:10]
api.epoch = "e2"
events.event(dict(old, epoch="e1"))         # still the old life: sent
events.event(api.store(1, 8, "new life"))   # 11, never seen epoch
got = b.all(0.5)
joins = [f.json for f in got if f.headers["destination"] ==
         "/user/queue/joins"]
eq(joins, [{"roomId": 1, "status": "reset", "head": 11, "epoch": "e2"}],
   "a living subscription is reset by a joins object")
eq(c.close_code(), 1012, "and without /user/queue/joins closed with 1012")
events.event(api.store(1, 8, "goes on"))    # 12
eq(seqs(b.all()), [12], "it goes on from the new head")
events.event({"event": "message", "epoch": "e1", "message":
              dict(old["message"], seq=13)})
eq(b.all(), [], "an event of the old life is never applied, nor acked")
b.close()

edge.end()
f = sleeper.frame(max(1, since + 35 - time.time()))
ok(f and seqs([f]) == [1],
   "heads are asked for by a clock: within 30 s it is there")
quiet.end()
done()
