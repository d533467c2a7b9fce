"""What readers see, and forms: holes, values, isolation, lag, unknown outcomes (I5
to I10), --since, files that nobody can use; see audit_cases.py."""
import copy

from audit_world import T0, case, crc

# ---- I5: holes


@case("a seq that nobody has", "I5", "seq 7")
def _(w):
    w.seq += 1
    for worker in "abc":
        w.join(worker, "reset", head=7)
    w.send("a", "a9")


@case("a hole at one of them", "I1 I5", "seq 3")
def _(w):
    w.drop(w.of("b", "recv", seq=3))


@case("a hole that a reset excuses")
def _(w):
    line = w.of("b", "recv", seq=3)
    line.update(op="joined", status="reset", head=3, epoch="e")


@case("the counter is behind the rows", "I5", "last_seq")
def _(w):
    w.rooms[0]["last_seq"] = 5


@case("deleted for himself")
def _(w):
    line = w.of("b", "recv", seq=3)
    for field in ("messageId", "senderId", "clientMessageId", "type", "crc"):
        del line[field]
    line["op"] = "deleted"


@case("live from a later head")
def _(w):
    w.drop(w.of("c", "recv", seq=1))
    w.of("c", "joined")["head"] = 1


@case("from-seq, and one is skipped", "I1 I5", "seq 6")
def _(w):
    w.lose("c")
    w.back("c", 5)
    w.drop(w.of("c", "recv", seq=6))
    w.drop(w.of("c", "recv", seq=6))
    w.send("a", "a9")


@case("truncated, and less than was said", "I1 I5", "seq 8")
def _(w):
    w.lose("c")
    for i in range(4):
        w.send("a", "m%d" % i)
    w.say("c", "connected")
    w.join("c", "truncated", first=8, head=10)
    for event in w.events[8:]:
        w.recv("c", event["value"]["message"])


# ---- I6: readers


@case("one reader saw another value", "I6", "chat-messages/3/104")
def _(w):
    record = copy.deepcopy(w.messages[2])
    record["headers"], record["key"] = [], "2"
    w.messages.append(record)


@case("committed, and not among the uncommitted", "I6", "chat-messages/3/104")
def _(w):
    w.uncommitted.pop(2)


@case("a letter of another value", "I6", "chat-messages/3/112")
def _(w):
    record = w.record(77, "s1")
    w.letter({**record, "value": {**record["value"], "content": "!"}})


@case("a row with another message's record", "I4 I6", "seq 2")
def _(w):
    w.rows[1]["record_offset"], w.rows[2]["record_offset"] = 104, 102
    one, two = w.rows[1], w.rows[2]
    one["record_timestamp"], two["record_timestamp"] = (
        two["record_timestamp"], one["record_timestamp"])


# ---- I7: who may see it


@case("gets what was said after his kick", "I7", "seq 8")
def _(w):
    w.system("SYSTEM_KICK", 9)
    w.send("a", "a9")


@case("gets messages after his subscription ended", "I7", "seq 7",
      without="rows events rooms members")
def _(w):
    w.say("b", "ended", roomId=1)
    w.send("a", "a9")


@case("gets messages without a connection", "I7", "seq 7",
      without="rows events rooms members")
def _(w):
    w.say("b", "lost")
    w.send("a", "a9")


@case("gets messages before he has joined", "I7", "seq 1")
def _(w):
    line = w.of("b", "joined")
    w.drop(line)
    w.h.insert(w.h.index(w.of("b", "recv", seq=1)) + 1, {**line, "head": 1})


@case("a client that does not log what he joined")
def _(w):
    w.drop(w.of("c", "joined"))


@case("kicked, invited again, and told all that he missed")
def _(w):
    w.system("SYSTEM_KICK", 9, but="c")
    w.say("c", "ended", roomId=1)
    w.there.remove("c")
    w.send("a", "a9")
    w.ms += 3000
    w.system("SYSTEM_INVITE", 9)
    w.back("c", 6)


@case("a room that he was never in", "I7", "room 1")
def _(w):
    w.members.pop()


# ---- I9: what is behind


@case("the group is far behind", "I9", "2 behind its end")
def _(w):
    w.groups.append({"group": "store", "topic": "chat-messages", "partition": 3,
                     "offset": 112, "end": 114})
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")


@case("the group has done all")
def _(w):
    w.groups.append({"group": "store", "topic": "chat-messages", "partition": 3,
                     "offset": 112, "end": 112})


# ---- I10: nobody knows


@case("unknown, and nowhere")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")


@case("unknown, and whole")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.store(w.record(7, "a9"))


@case("unknown, without an answer, and whole")
def _(w):
    w.invoke("a", "a9")
    w.store(w.record(7, "a9"))


@case("unknown, aborted")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9", committed=False)


@case("unknown, and a letter")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.letter(w.record(7, "a9"))


@case("unknown, refused, and never told")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.outcome("refused", w.record(7, "a9"))


@case("unknown, refused for a while the second time, and whole")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.invoke("a", "a9")
    w.fail("a", "a9", "RATE", False)
    w.store(w.record(7, "a9"))


@case("unknown, told for good in the end")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.invoke("a", "a9")
    w.outcome("refused", w.record(7, "a9"))
    w.fail("a", "a9")


@case("unknown, the RECEIPT comes late")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.store(w.record(7, "a9"))
    w.ok("a", "a9")


@case("unknown, committed, no more", "I10", "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.record(7, "a9")


@case("unknown, stored, not published", "I10", "a9")
def _(w):
    w.invoke("a", "a9")
    w.row(w.record(7, "a9"))


@case("unknown, refused and stored", "I10", "a9")
def _(w):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.outcome("refused", record)
    w.store(record)


@case("unknown, published and not stored", "I10", "a9")
def _(w):
    w.invoke("a", "a9")
    w.deliver(w.event(w.row(w.record(7, "a9"))))
    w.rows.pop()
    w.rooms[0]["last_seq"] = 6


# ---- epochs, --since


@case("a restore: the numbers of another epoch begin again")
def _(w):
    for worker in "ab":
        w.say(worker, "joined", roomId=1, status="reset", head=4, epoch="f")
    w.lose("c")
    del w.rows[4:]
    w.seq = 4
    for record in w.messages[4:]:
        row = w.row(record)
        message = w.event(row)
        w.events[-1]["value"]["epoch"] = "f"
        w.deliver(message)


@case("a restore that lost two", "I1", "b3")
def _(w):
    for worker in "ab":
        w.say(worker, "joined", roomId=1, status="reset", head=4, epoch="f")
    w.lose("c")
    del w.rows[4:]
    w.seq = w.rooms[0]["last_seq"] = 4


@case("lost before --since", options="--since @1795564757")
def _(w):
    w.ms = T0 + 2000
    w.send("a", "a9")
    w.messages.pop(0)
    w.uncommitted.pop(0)
    w.rows.pop(0)
    w.events.pop(0)


@case("lost after --since", "I1", "a9", options="--since @1795564756")
def _(w):
    w.ms += 1000
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")


@case("a stranger's, lost before --since", options="--since @1795564757")
def _(w):
    w.record(77, "old")
    w.ms = T0 + 2000
    w.send("a", "a9")


@case("a hole at one of them before --since", options="--since @1795564757")
def _(w):
    w.drop(w.of("b", "recv", seq=3))
    w.ms = T0 + 2000
    w.send("a", "a9")


# ---- forms


@case("ids in upper case, numbers as texts")
def _(w):
    for old, new, shown in (("a1", 42, "42"), ("b1", "abcdef01-2345-4678-9abc-"
                            "def012345678", "ABCDEF01-2345-4678-9ABC-DEF012345678")):
        for line in w.h + w.h2:
            if line.get("clientMessageId") == old:
                line["clientMessageId"] = new
        for record in w.messages + w.uncommitted:
            if record["value"]["clientMessageId"] == old:
                record["value"]["clientMessageId"] = shown
        for row in w.rows:
            if row["client_message_id"] == old:
                row["client_message_id"] = str(new)
        for event in w.events:
            if event["value"]["message"]["clientMessageId"] == old:
                event["value"]["message"]["clientMessageId"] = shown


@case("times, crcs and fields unknown to all are missing")
def _(w):
    for line in w.h + w.h2:
        for field in ("ns", "ms", "crc", "n", "messageId"):
            line.pop(field, None)
        line["mood"] = "well"
    for row in w.rows:
        row["sent_at"] = None


@case("an operation that nobody knows")
def _(w):
    w.say("a", "yawned", roomId=1)


@case("only what was aborted is given", without="messages letters outcomes")
def _(w):
    pass


@case("blank lines, and a line that is being written")
def _(w):
    w.tail = "\n  \r\n" + '{"op":"recv","worker":"a","roomId":1,"seq":7,"sen'


@case("a last line that nobody has ended counts", "I5", "seq 7",
      without="rows rooms")
def _(w):
    w.tail = '{"op":"recv","worker":"z","userId":8,"roomId":1,"seq":6}\n' \
        '{"op":"recv","worker":"z","userId":8,"roomId":1,"seq":9}'


@case("nothing happened")
def _(w):
    pass


# ---- files that nobody can use


@case("a crc that is none", code=100, names="line 3")
def _(w):
    w.h[2:2] = [{**w.h[0], "op": "invoke", "roomId": 1, "clientMessageId": "x",
                 "crc": "12"}]


@case("no op", code=100, names="line 1")
def _(w):
    del w.h[0]["op"]


@case("a line within the file that was cut", code=100, names="line 1")
def _(w):
    w.h, w.tail = [], '{"op":"re\n{"op":"connected","worker":"a","userId":7}\n'


@case("no seq", code=100)
def _(w):
    del w.of("b", "recv")["seq"]


@case("a record without an offset", code=100, names="line 2")
def _(w):
    del w.messages[1]["offset"]


@case("a row without a seq", code=100, names="line 2")
def _(w):
    del w.rows[1]["seq"]


@case("a room without an id", code=100, names="line 1")
def _(w):
    del w.rooms[0]["id"]
