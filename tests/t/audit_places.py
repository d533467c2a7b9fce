"""Rooms, partitions, members, subscriptions and numbers: where things are; see
audit_cases.py."""
import contextlib
import copy

from audit_world import World, case, crc


# ---- more than one room


@contextlib.contextmanager
def room(w, number, users=(7, 8, 9), partition=3):
    """What is done within is done in that room, and in that partition."""
    sources = ("h", "h2", "messages", "uncommitted", "rows", "events",
               "letters", "outcomes")
    before = {s: len(getattr(w, s)) for s in sources}
    kept, w.seq = w.seq, getattr(w, "seq%d" % number, 0)
    rooms, w.rooms = w.rooms, [{"id": number, "last_seq": w.seq}]
    yield
    rooms[:] = [r for r in rooms if r["id"] != number] + w.rooms
    setattr(w, "seq%d" % number, w.seq)
    w.seq, w.rooms = kept, rooms
    for user in users:
        member = {"room_id": number, "user_id": user, "left_at": None,
                  "joined_at": "2026-01-01T00:00:00Z"}
        if member not in w.members:
            w.members.append(member)
    new = {s: getattr(w, s)[n:] for s, n in before.items()}
    for line in new["h"] + new["h2"]:
        if "roomId" in line:
            line["roomId"] = number
        if "messageId" in line:
            line["messageId"] += 1000 * number
    for record in new["messages"] + new["uncommitted"] + new["letters"]:
        record["key"], record["value"]["roomId"] = str(number), number
        record["partition"] = partition
    for row in new["rows"]:
        row["chat_room_id"] = number
        row["id"] += 1000 * number
        row["record_partition"] = row["record_partition"] and partition
    for event in new["events"]:
        event["key"] = str(number)
        message = event["value"]["message"]
        message["roomId"] = number
        message["messageId"] += 1000 * number


def enter(w, number, workers="abc"):
    with room(w, number):
        for worker in workers:
            w.join(worker, "live", head=0)


@case("two rooms of one partition, in any order of each other")
def _(w):
    enter(w, 2)
    w.invoke("a", "x9")
    first = w.record(7, "x9")
    w.ok("a", "x9")
    with room(w, 2):
        w.send("a", "y9")
    w.store(first)


@case("two rooms, one message lost in the second", "I1 I5", "room 2")
def _(w):
    enter(w, 2)
    with room(w, 2):
        w.send("a", "y1")
        w.send("a", "y2", but="c")
        w.send("a", "y3")


@case("a row in another room than its record", "I1 I2 I3 I6", "a9")
def _(w):
    w.send("a", "a9")
    w.rows[-1].update(chat_room_id=2, seq=1)
    w.rooms.append({"id": 2, "last_seq": 1})
    w.rooms[0]["last_seq"] = 6


@case("one messageId in two rooms", "I2", "1007")
def _(w):
    enter(w, 2)
    w.send("a", "a9")
    with room(w, 2):
        w.send("a", "y1")
    for row in w.rows:
        if row["id"] == 3001:
            row["id"] = 1007
    for event in w.events:
        if event["value"]["message"]["messageId"] == 3001:
            event["value"]["message"]["messageId"] = 1007
    for line in w.h + w.h2:
        if line.get("messageId") == 3001:
            line["messageId"] = 1007


@case("kicked in one room, at home in the other")
def _(w):
    enter(w, 2)
    w.system("SYSTEM_KICK", 8, but="b")
    w.say("b", "ended", roomId=1)
    w.members[1]["left_at"] = "2026-11-24T00:00:00Z"
    w.send("a", "a9", but="b")
    with room(w, 2):
        w.send("a", "y1")
        w.send("b", "y2")


@case("a room's records change their partition: it was grown")
def _(w):
    w.offset = 5
    with room(w, 1, partition=1):
        pass
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    for source in (w.messages, w.uncommitted):
        source[-1]["partition"] = 1
    w.ok("a", "a9")
    row = w.store(record)
    row["record_partition"] = 1


@case("a record in another partition: it overtakes his last", "I4", "a9")
def _(w):
    w.invoke("a", "a9")
    first = w.record(7, "a9")
    w.ok("a", "a9")
    w.invoke("a", "a10")
    second = w.record(7, "a10")
    for source in (w.messages, w.uncommitted):
        source[-1].update(partition=1, offset=7)
    w.ok("a", "a10")
    w.store(second, record_partition=1)
    w.store(first)


# ---- who may see it


@case("kicked, invited, kicked again, and gets the next", "I7", "seq 10")
def _(w):
    w.system("SYSTEM_KICK", 9, but="c")
    w.say("c", "ended", roomId=1)
    w.there.remove("c")
    w.system("SYSTEM_INVITE", 9)
    w.back("c", 6)
    w.system("SYSTEM_KICK", 9, but="c")
    w.send("a", "a9")
    w.there.remove("c")


@case("left of his own, and gets the next", "I7", "seq 8")
def _(w):
    w.system("SYSTEM_LEAVE", 9)
    w.send("a", "a9")
    w.there.remove("c")


@case("another's kick is not his")
def _(w):
    w.system("SYSTEM_KICK", 8, but="b")
    w.say("b", "ended", roomId=1)
    w.there.remove("b")
    w.send("a", "a9")


@case("a kick named two, and the second gets the next", "I7", "seq 8")
def _(w):
    row = w.row(None, type="SYSTEM_KICK", sender_id=7, content="k", targets=[
        {"userId": 8, "nickname": "x"}, {"userId": 9, "nickname": "y"}])
    message = w.event(row)
    w.recv("a", message)
    w.say("b", "ended", roomId=1)
    w.there.remove("b")
    w.send("a", "a9")


@case("one of his two clients gets what comes after his kick", "I7", "seq 8")
def _(w):
    w.h2.append({"ns": 1, "ms": w.ms, "op": "connected", "worker": "c2",
                 "userId": 9})
    w.h2.append({"ns": 2, "ms": w.ms, "op": "joined", "worker": "c2",
                 "roomId": 1, "status": "live", "head": 6, "epoch": "e"})
    w.system("SYSTEM_KICK", 9, but="c")
    w.say("c", "ended", roomId=1)
    w.there.remove("c")
    w.send("a", "a9")
    w.h2.append({"ns": 3, "ms": w.ms, "op": "recv", "worker": "c2",
                 "roomId": 1, "seq": 8, "messageId": 1008, "senderId": 7,
                 "clientMessageId": "a9", "type": "TEXT",
                 "crc": crc("text a9")})


@case("is told of a deleted one behind his kick", "I7", "seq 8")
def _(w):
    w.system("SYSTEM_KICK", 9, but="c")
    w.send("a", "a9", but="c")
    w.say("c", "deleted", roomId=1, seq=8)
    w.there.remove("c")


@case("a deleted one that never was", "I3", "seq 7")
def _(w):
    w.say("c", "deleted", roomId=1, seq=7)


@case("he has left, and is a member no more: what he had is his")
def _(w):
    w.system("SYSTEM_LEAVE", 9)
    w.say("c", "ended", roomId=1)
    w.there.remove("c")
    w.members[2]["left_at"] = "2026-11-24T12:00:00Z"
    w.send("a", "a9")


@case("left a room of two, and a message brings him back")
def _(w):
    # contract, the fine print: no SYSTEM_INVITE belongs to it
    w.rooms[0]["type"] = "ONE_TO_ONE"
    w.system("SYSTEM_LEAVE", 9)
    w.say("c", "ended", roomId=1)
    w.there.remove("c")
    w.send("a", "a9")
    w.back("c", 7)


@case("kicked while he was away, let in again, and told", "I7", "seq 8")
def _(w):
    w.lose("c")
    w.system("SYSTEM_KICK", 9)
    w.send("a", "a9")
    w.back("c", 6)


@case("kicked and invited while he was away, and told all")
def _(w):
    w.lose("c")
    w.system("SYSTEM_KICK", 9)
    w.send("a", "a9")
    w.ms += 3000
    w.system("SYSTEM_INVITE", 9)
    w.back("c", 6)


@case("a stranger sends, and is refused")
def _(w):
    w.h.append({"op": "connected", "worker": "s", "userId": 99})
    w.h.append({"op": "invoke", "worker": "s", "roomId": 1, "n": 0,
                "clientMessageId": "s1", "crc": crc("text s1")})
    w.h.append({"op": "ok", "worker": "s", "clientMessageId": "s1"})
    w.outcome("refused", w.record(99, "s1"))


# ---- where a subscriber begins, and goes on


@case("from 0: all of it")
def _(w):
    w.lose("c")
    w.back("c", 0)


@case("from 0, and the first is missing", "I1 I5", "seq 1")
def _(w):
    w.h2.clear()
    w.say("c", "connected")
    w.join("c", "recovered", head=6, **{"from": 0})
    for event in w.events[1:]:
        w.recv("c", event["value"]["message"])


@case("asks again for what he had")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.back("c", 3)


@case("asks for more than he had, and misses it", "I1 I5", "seq 7")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.back("c", 7)


@case("live at an old head, and a jump", "I1 I5", "seq 7")
def _(w):
    w.lose("c")
    w.say("c", "connected")
    w.join("c", "live", head=6)
    w.send("a", "a9", but="c")
    w.send("a", "a10")


@case("live at a head that nobody had reached", "I5", "head")
def _(w):
    w.lose("b")
    w.say("b", "connected")
    w.join("b", "live", head=8)
    w.send("a", "a9", but="b")
    w.send("a", "a10", but="b")
    w.send("a", "a11")


@case("reset to a head that nobody has ever reached", "I5", "head")
def _(w):
    w.lose("b")
    w.say("b", "connected")
    w.join("b", "reset", head=20)
    w.send("a", "a9", but="b")


@case("truncated, and from the first that was said")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.say("c", "connected")
    w.join("c", "truncated", head=8, first=8, **{"from": 6})
    w.recv("c", w.events[-1]["value"]["message"])


@case("connected again without a word of the loss")
def _(w):
    w.there.remove("c")
    w.send("a", "a9")
    w.back("c", 6)


@case("a client that was killed, and is not back")
def _(w):
    w.there.remove("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.h2 = [line for line in w.h2 if line["op"] != "end"]
    w.end = lambda: [World.say(w, x, "end") for x in "ab"]


@case("joined twice, and the second asks again")
def _(w):
    w.join("c", "recovered", head=6, **{"from": 4})
    for event in w.events[4:]:
        w.recv("c", event["value"]["message"])
    w.send("a", "a9")


@case("the first joined twice, once with a hole", "I1 I5", "seq 5")
def _(w):
    w.lose("c")
    w.say("c", "connected")
    w.join("c", "recovered", head=6, **{"from": 3})
    w.recv("c", w.events[3]["value"]["message"])
    w.recv("c", w.events[5]["value"]["message"])
    w.drop(w.of("c", "recv", seq=5))


@case("recovered up to a head, and the rest never came", "I1", "seq 8")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.say("c", "connected")
    w.join("c", "recovered", head=8, **{"from": 6})
    w.recv("c", w.events[6]["value"]["message"])


@case("recovered up to a head, lost again before it was reached")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.say("c", "connected")
    w.join("c", "recovered", head=8, **{"from": 6})
    w.recv("c", w.events[6]["value"]["message"])
    w.lose("c")


@case("truncated up to a head, and the rest never came", "I1", "seq 8")
def _(w):
    w.lose("c")
    w.send("a", "a9")
    w.send("a", "a10")
    w.say("c", "connected")
    w.join("c", "truncated", head=8, first=7, **{"from": 5})
    w.recv("c", w.events[6]["value"]["message"])


@case("a reset behind a hole does not excuse it", "I1 I5", "seq 7")
def _(w):
    w.send("a", "a9", but="c")
    w.send("a", "a10")
    w.join("c", "reset", head=8)


@case("6 and 7 a second time, in the old order")
def _(w):
    w.send("a", "a9")
    for seq in (6, 7):
        w.h2.append(dict(w.of("c", "recv", seq=seq)))


@case("a repeat on the wire has another content", "I3", "seq 6")
def _(w):
    again = dict(w.of("c", "recv", seq=6), crc="deadbeef")
    w.h2.append(again)


@case("a repeat on the wire is another message", "I3 I4", "seq 6")
def _(w):
    w.h2.append(dict(w.of("c", "recv", seq=6), clientMessageId="p1"))


@case("two subscriptions of a room on one connection")
def _(w):
    w.join("c", "live", head=6)
    w.send("a", "a9")
    w.recv("c", w.events[-1]["value"]["message"])


# ---- what stands under a number


def gone(w, seq, but="abc"):
    """Nobody has received it."""
    for history in (w.h, w.h2):
        history[:] = [x for x in history if x["op"] != "recv" or
                      x["seq"] != seq or x["worker"] not in but]


@case("the last row deleted, its seq used again", "I1 I4", "b3")
def _(w):
    w.rows.pop()
    w.seq = 5
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.store(record, id=1099)


@case("two rows under one seq", "I2 I4", "seq 7")
def _(w):
    w.send("a", "a9")
    w.invoke("b", "b9")
    record = w.record(8, "b9")
    w.ok("b", "b9")
    w.store(record, seq=7, id=1099)


@case("two events of a seq, the nickname changed between them")
def _(w):
    again = copy.deepcopy(w.events[5])
    again["value"]["message"]["senderNickname"] = "new"
    again["offset"] = 6
    w.events.append(again)


@case("two events of a seq, another content", "I3", "b3")
def _(w):
    again = copy.deepcopy(w.events[5])
    again["value"]["message"]["content"] = "forged"
    again["offset"] = 6
    w.events.append(again)


@case("two events of a seq, another messageId", "I4", "seq 6")
def _(w):
    again = copy.deepcopy(w.events[5])
    again["value"]["message"]["messageId"] = 4711
    again["offset"] = 6
    w.events.append(again)


@case("an event again, with another room in it", "I2 I3", "room 2")
def _(w):
    again = copy.deepcopy(w.events[5])
    again["value"]["message"]["roomId"] = 2
    again["offset"] = 6
    w.events.append(again)


@case("stored under another's name", "I1 I3 I4 I6", "a9")
def _(w):
    w.send("a", "a9")
    w.rows[-1]["sender_id"] = 8


@case("received under another's name", "I3 I4", "seq 6")
def _(w):
    w.of("c", "recv", seq=6)["senderId"] = 7


@case("received with another messageId", "I4", "seq 6")
def _(w):
    w.of("c", "recv", seq=6)["messageId"] = 4711


@case("a message of the system received as a user's", "I3 I4", "seq 7")
def _(w):
    w.system("SYSTEM_INVITE", 9)
    w.of("c", "recv", seq=7).update(type="TEXT", clientMessageId="p1")


@case("messageIds that do not rise with the numbers")
def _(w):
    def swap(ident):
        return {1005: 1006, 1006: 1005}.get(ident, ident)
    for row in w.rows:
        row["id"] = swap(row["id"])
    for event in w.events:
        message = event["value"]["message"]
        message["messageId"] = swap(message["messageId"])
    for line in w.h + w.h2:
        if "messageId" in line:
            line["messageId"] = swap(line["messageId"])


@case("read states, renamed rooms and what is new among the events")
def _(w):
    w.tell({"event": "read", "epoch": "e", "roomId": 1, "userId": 8,
            "lastReadMessageId": 1006, "readAt": "x", "revision": 9})
    w.tell({"event": "room", "epoch": "e", "roomId": 1, "change": "RENAMED",
            "revision": 10})
    w.tell({"event": "of issue 9", "epoch": "e", "roomId": 1, "seq": 99})
    w.events.append({"topic": "chat-events", "partition": 3, "key": "1",
                     "timestamp": w.ms, "offset": 99, "value": None})
    w.end = lambda: [World.say(w, x, "end") for x in "abc"]


@case("deleted for all, the row is kept")
def _(w):
    w.rows[3]["deleted_at"] = "2026-11-24T12:00:00Z"


@case("content beyond ASCII, and beyond 16 bits")
def _(w):
    w.send("a", "a9", "é  😀 \t\"\\ ﷽")


@case("a message of the system has another content on the wire", "I3", "seq 7")
def _(w):
    w.system("SYSTEM_INVITE", 9)
    w.of("b", "recv", seq=7)["crc"] = "deadbeef"


@case("events in another order than their numbers")
def _(w):
    w.events.reverse()
    for offset, event in enumerate(w.events):
        event["offset"] = offset


@case("members in no order, and a stranger to the room", "I7", "room 1")
def _(w):
    w.members.reverse()
    w.members[:] = [m for m in w.members if m["user_id"] != 9]


@case("members in no order")
def _(w):
    w.members.reverse()


@case("a kick that was never published, and he gets the next", "I1 I7", "seq 8")
def _(w):
    row = w.row(None, type="SYSTEM_KICK", sender_id=7, content="k",
                targets=[{"userId": 9, "nickname": "y"}])
    message = w.event(row)
    w.events.pop()
    w.deliver(message)
    w.send("a", "a9")


@case("two clients of a user: one's are swapped around the other's", "I4", "a9")
def _(w):
    w.invoke("a", "a9")
    first = w.record(7, "a9")
    w.ok("a", "a9")
    w.invoke("a", "a10")
    second = w.record(7, "a10")
    w.ok("a", "a10")
    w.store(second)
    for line in (w.invoke("a", "z9"), w.ok("a", "z9")):
        line.update(worker="z", ns=5)
    w.store(w.record(7, "z9"))
    w.store(first)
    for source in (w.messages, w.uncommitted):
        source[-3].update(partition=1)  # of no order with the others
    w.rows[-1]["record_partition"] = 1
