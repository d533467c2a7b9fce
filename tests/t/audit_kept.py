"""What is kept of messages: lost, twice, phantoms, swapped (I1 to I4); see
audit_cases.py."""
from audit_world import case, crc

# ---- I1: loss


@case("stored, RECEIPT given, record there, row gone", "I1 I5", "a2")
def _(w):
    w.rows.pop(2)


@case("the first row of a room is gone", "I1 I5", "a1")
def _(w):
    w.rows.pop(0)


@case("a room that begins with seq 3 everywhere", "I5", "seq 1")
def _(w):
    for row in w.rows:
        row["seq"] += 2
    for event in w.events:
        event["value"]["message"]["seq"] += 2
    for line in w.h + w.h2:
        if line["op"] == "joined":
            line["head"] = 2
        if "seq" in line:
            line["seq"] += 2
    w.rooms[0]["last_seq"] += 2


@case("every row is gone, last_seq says they were", "I1 I5", "room 1")
def _(w):
    w.rows.clear()


@case("rows, events and records gone, last_seq stays", "I5", "room 1")
def _(w):
    for source in ("rows", "events", "messages", "uncommitted"):
        getattr(w, source).clear()
    w.h[:] = [line for line in w.h if line["op"] == "connected"]
    w.h2.clear()


@case("RECEIPT, and the record was aborted", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9", committed=False)
    w.ok("a", "a9")


@case("RECEIPT, and nothing anywhere", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")


@case("a committed record of a stranger without an outcome", "I1", "zz")
def _(w):
    w.record(77, "zz")


@case("told for good by the edge, and committed all the same", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.fail("a", "a9")


@case("a dead letter's row, and no letter", "I1", "chat-messages/3/112")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.outcome("dead", w.record(7, "a9"))


@case("poison without a letter", "I1", "chat-messages/3/112")
def _(w):
    record = w.record(7, "x")
    record["value"] = w.uncommitted[-1]["value"] = {"poison": True}


@case("poison with a letter")
def _(w):
    record = w.record(7, "x")
    record["value"] = w.uncommitted[-1]["value"] = {"poison": True}
    w.letter(record)


@case("stored, never published, nobody was told", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.row(w.record(7, "a9"))


@case("a message of the system that was never published", "I1", "seq 7")
def _(w):
    w.row(None, type="SYSTEM_INVITE", sender_id=7, content="in",
          targets=[{"userId": 9}])


@case("the last never comes to who waited, in a file of his own", "I1", "b3")
def _(w):
    w.drop(w.of("c", "recv", seq=6))
    w.ms += 20000


@case("the last, of unknown outcome, never comes to who waited", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.store(w.record(7, "a9"), but="b")
    w.ms += 20000


@case("he ended too early to have it")
def _(w):
    w.drop(w.of("c", "recv", seq=6))


@case("lost between two connections", "I1 I5", "seq 7")
def _(w):
    w.lose("b")
    w.send("a", "a8")
    w.send("a", "a9")
    w.back("b", 6)
    w.drop(w.of("b", "recv", seq=7))


@case("lost and came back: all is there")
def _(w):
    w.lose("b")
    w.send("a", "a8")
    w.send("a", "a9")
    w.back("b", 6)


@case("lost, and never came back")
def _(w):
    w.lose("b")
    w.send("a", "a9")
    w.ms += 20000


@case("a letter in place of a row")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.letter(w.record(7, "a9"))


@case("a letter, whose row is still to come")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.letter(w.record(7, "a9"), row=False)


@case("a letter and stored too: a crash between them")
def _(w):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.letter(record)
    w.ok("a", "a9")
    w.store(record)


@case("refused, and not told")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.outcome("refused", w.record(7, "a9"))


@case("refused, and stored", "I1", "b3")
def _(w):
    w.outcome("refused", w.messages[-1])


@case("told that it is refused, and no row says so", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    w.fail("a", "a9")


# ---- I2: twice


@case("twice in the log, as two attempts leave it")
def _(w):
    w.invoke("b", "b3")
    w.record(8, "b3")
    w.ok("b", "b3")


@case("twice in the table", "I2", "a9")
def _(w):
    w.store(w.messages[0] and w.record(7, "a9"))
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.store(w.messages[-1])


@case("the same row twice", "I2", "b3")
def _(w):
    w.rows.append(w.rows[-1])


@case("one messageId under two seqs", "I2", "1006")
def _(w):
    w.rows[4]["id"] = 1006
    w.events[4]["value"]["message"]["messageId"] = 1006
    for worker in "abc":
        w.of(worker, "recv", seq=5)["messageId"] = 1006


@case("a message of the system twice in the table", "I2", "seq 7")
def _(w):
    w.system("SYSTEM_INVITE", 9)
    w.rows.append(w.rows[-1])


@case("another is published under its seq", "I4", "a3")
def _(w):
    w.events[5]["value"]["message"].update(
        senderId=7, clientMessageId="a3", content="text a3")


@case("published twice")
def _(w):
    w.events.append({**w.events[-1], "offset": 99})


@case("twice on the wire, in one connection")
def _(w):
    w.recv("b", w.events[-1]["value"]["message"])


@case("twice on the wire, over two connections")
def _(w):
    w.lose("b")
    w.back("b", 3)


@case("to one client under two seqs, without a reconnection", "I1 I2", "b3",
      without="rows events messages uncommitted rooms outcomes letters")
def _(w):
    w.recv("b", {**w.events[-1]["value"]["message"], "seq": 7})


@case("refused twice", "I2", "a9")
def _(w):
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.outcome("refused", w.record(7, "a9"))
    w.outcome("refused", w.record(7, "a9"))


# ---- I3: phantoms


@case("received, and nowhere else", "I3", "p1")
def _(w):
    w.recv("b", {**w.events[-1]["value"]["message"], "seq": 7,
                 "messageId": 2000, "clientMessageId": "p1"})


@case("received from one who only listens", "I3", "p1",
      without="rows events messages uncommitted rooms outcomes letters")
def _(w):
    w.recv("b", {**w.events[-1]["value"]["message"], "seq": 7, "senderId": 9,
                 "messageId": 2000, "clientMessageId": "p1"})


@case("stored, published, and in no record", "I3", "p1")
def _(w):
    w.store(w.record(77, "p1"))
    w.messages.pop()
    w.uncommitted.pop()


@case("published, and not stored", "I3", "seq 7", without="messages uncommitted")
def _(w):
    w.deliver(w.event(w.row(w.record(77, "p1"))))
    w.rows.pop()
    w.rooms[0]["last_seq"] = 6


@case("a message of the system that is not stored", "I3", "seq 7")
def _(w):
    w.event(w.row(None, type="SYSTEM_INVITE", sender_id=7, content="in",
                  targets=[{"userId": 9}]))
    w.rows.pop()
    w.rooms[0]["last_seq"] = 6


@case("of a stranger, whole")
def _(w):
    w.store(w.record(77, "s1"))


@case("read before the abort, and stored", "I3", "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.store(w.record(7, "a9", committed=False))


@case("aborted, sent again, stored from the first", "I3", "a9")
def _(w):
    w.invoke("a", "a9")
    first = w.record(7, "a9", committed=False)
    w.record(7, "a9")
    w.ok("a", "a9")
    w.store(first)


@case("aborted, sent again, stored")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9", committed=False)
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.store(record)


@case("a letter of what was aborted", "I3", "chat-messages/3/112")
def _(w):
    w.letter(w.record(7, "a9", committed=False))


@case("a refusal of what was aborted", "I3", "chat-messages/3/112")
def _(w):
    w.outcome("refused", w.record(77, "z", committed=False))


@case("a letter of a record that is nowhere", "I3", "chat-messages/3/103")
def _(w):
    w.letter({**w.messages[0], "offset": 103})


@case("a row from a record that is nowhere", "I6", "103")
def _(w):
    w.rows[1]["record_offset"] = 103


@case("refused for good, and stored", "I3", "b3")
def _(w):
    w.fail("b", "b3")


@case("an event refuses what is stored", "I3", "b3")
def _(w):
    w.tell({"event": "refused", "epoch": "e", "userId": 8, "roomId": 1,
            "clientMessageId": "b3", "code": "NOT_A_MEMBER", "message": "no"})


@case("an event refuses another content of what is stored")
def _(w):
    w.tell({"event": "refused", "epoch": "e", "userId": 8, "roomId": 1,
            "clientMessageId": "b3", "code": "CLIENT_MESSAGE_ID_REUSED",
            "message": "no"})


@case("an event tells a repeat by another seq", "I2", "b3")
def _(w):
    w.tell({"event": "duplicate", "epoch": "e", "userId": 8, "roomId": 1,
            "clientMessageId": "b3", "messageId": 1006, "seq": 60})


@case("an event tells a repeat")
def _(w):
    w.tell({"event": "duplicate", "epoch": "e", "userId": 8, "roomId": 1,
            "clientMessageId": "b3", "messageId": 1006, "seq": 6})


@case("went nowhere, and is there", "I3", "b3")
def _(w):
    w.of("b", "ok", clientMessageId="b3").update(op="fail", code="RATE")


@case("refused for a while, sent again")
def _(w):
    w.invoke("a", "a9")
    w.fail("a", "a9", "RATE", False)
    w.send("a", "a9")


@case("a RECEIPT for what was never sent", "I3", "q1")
def _(w):
    w.ok("a", "q1")


@case("content changed on the wire", "I3", "b3")
def _(w):
    w.of("c", "recv", seq=6)["crc"] = "0badc0de"


@case("content changed in the table", "I3", "b3")
def _(w):
    w.rows[-1]["content"] += "!"


@case("content changed in the log", "I3", "b3")
def _(w):
    w.messages[-1]["value"]["content"] = "!"
    w.uncommitted[-1]["value"]["content"] = "!"


@case("two contents under one id, a third is stored", "I3", "a9")
def _(w):
    w.invoke("a", "a9", "one")
    w.ok("a", "a9")
    w.invoke("a", "a9", "two")
    w.fail("a", "a9", "CLIENT_MESSAGE_ID_REUSED")
    w.store(w.record(7, "a9", "one"), content="three")
    w.outcome("reused", w.record(7, "a9", "two"))


@case("two contents under one id, the first is stored")
def _(w):
    w.invoke("a", "a9", "one")
    w.ok("a", "a9")
    w.invoke("a", "a9", "two")
    w.fail("a", "a9", "CLIENT_MESSAGE_ID_REUSED")
    w.store(w.record(7, "a9", "one"))
    w.outcome("reused", w.record(7, "a9", "two"))


@case("a second content under an id, and nobody minds", "I3", "b3")
def _(w):
    w.record(8, "b3", "another")


@case("one id in two rooms, the second is lost", "I1", "in room 2")
def _(w):
    w.say("a", "invoke", roomId=2, n=0, clientMessageId="a1", crc="00000001")
    w.ok("a", "a1")


# ---- I4: order


@case("two of one sender swapped in the table", "I4", "a9")
def _(w):
    w.invoke("a", "a8")
    w.invoke("a", "a9")
    one, two = w.record(7, "a8"), w.record(7, "a9")
    w.store(two)
    w.store(one)
    w.ok("a", "a8")
    w.ok("a", "a9")


@case("two strangers swapped in the table", "I4", "seq 8")
def _(w):
    one, two = w.record(77, "s1"), w.record(78, "s2")
    w.store(two)
    w.store(one)


@case("two strangers swapped, rows without a place", "I4", "seq 8")
def _(w):
    one, two = w.record(77, "s1"), w.record(78, "s2")
    for record in (two, one):
        w.store(record, record_partition=None, record_offset=None,
                record_timestamp=None)


@case("two strangers swapped, and no table", "I4", "seq 8", without="rows rooms")
def _(w):
    one, two = w.record(77, "s1"), w.record(78, "s2")
    w.store(two)
    w.store(one)


@case("swapped on the way to one of them", "I4", "seq 5")
def _(w):
    one, two = w.of("c", "recv", seq=5), w.of("c", "recv", seq=6)
    i, k = w.h2.index(one), w.h2.index(two)
    w.h2[i], w.h2[k] = two, one


@case("two see two orders", "I4", "seq 5", without="rows events rooms")
def _(w):
    one, two = w.of("c", "recv", seq=5), w.of("c", "recv", seq=6)
    one["seq"], two["seq"] = 6, 5
    i, k = w.h2.index(one), w.h2.index(two)
    w.h2[i], w.h2[k] = two, one


@case("swapped when sent again after a loss, in order", "I4", "a9")
def _(w):
    w.invoke("a", "a8")
    w.invoke("a", "a9")
    w.lose("a")
    w.info("a", "a8")
    w.info("a", "a9")
    w.say("a", "connected")
    w.join("a", "recovered", **{"from": 6})
    w.invoke("a", "a8")
    w.invoke("a", "a9")
    one, two = w.record(7, "a8"), w.record(7, "a9")
    w.store(two)
    w.store(one)
    w.ok("a", "a8")
    w.ok("a", "a9")


def again(w, between):
    """Two, sent again in order, and stored in the other."""
    w.invoke("a", "a8")
    w.invoke("a", "a9")
    between()
    w.invoke("a", "a8")
    w.invoke("a", "a9")
    one, two = w.record(7, "a8"), w.record(7, "a9")
    w.store(two)
    w.store(one)
    w.ok("a", "a8")
    w.ok("a", "a9")


@case("swapped when sent again after a time-out, in order", "I4", "a9")
def _(w):
    again(w, lambda: w.info("a", "a8"))


@case("swapped when sent again with the next connection, in order", "I4", "a9")
def _(w):
    again(w, lambda: w.say("a", "connected"))


@case("sent again behind what is new: no order is promised")
def _(w):
    w.invoke("a", "a8")
    w.lose("a")
    w.info("a", "a8")
    w.say("a", "connected")
    w.join("a", "recovered", **{"from": 6})
    w.send("a", "a9")
    w.send("a", "a8")


@case("refused for a while, and behind the next")
def _(w):
    w.invoke("a", "a8")
    w.fail("a", "a8", "RATE", False)
    w.send("a", "a9")
    w.send("a", "a8")


@case("one id in two rooms: two messages")
def _(w):
    w.invoke("a", "b1")
    w.say("a", "invoke", roomId=2, n=0, clientMessageId="b1", crc="00000001")
    w.ok("a", "b1")
    w.fail("a", "b1", "RATE", False)
    w.store(w.record(7, "b1"))
