"""Letters and replays, copies and refusals: what happens to a record the second
time; see audit_cases.py."""
import base64
import copy
import json

from audit_world import case, crc


# ---- letters that come back


def dead(w, ident="a9", text=None, row=True):
    """a's message, which became a letter; its record."""
    w.invoke("a", ident, text)
    record = w.record(7, ident, text)
    w.ok("a", ident)
    w.letter(record, row)
    return record


def replayed(w, record, text=None, count="1", of=None):
    """Its record's next, as chat-dlq-replay sends it."""
    value = record["value"]
    again = w.record(value["senderId"], value["clientMessageId"],
                     text or value["content"])
    of = of or "chat-messages/3/%d/%d" % (record["offset"],
                                          record["timestamp"])
    for source in (w.messages, w.uncommitted):
        source[-1]["headers"] = [["chat-replay-count", count],
                                 ["chat-replay-of", of]]
    return again


@case("a letter, replayed, stored behind what was said meanwhile")
def _(w):
    record = dead(w)
    w.outcomes[-1]["replayed_at"] = "2026-11-24T00:00:00Z"
    w.send("a", "a10")
    w.store(replayed(w, record))


@case("a letter, replayed, and the replay came to nothing", "I1", "a9")
def _(w):
    replayed(w, dead(w))


@case("a letter, replayed, dead again")
def _(w):
    again = replayed(w, dead(w))
    w.letter(again)


@case("a letter, replayed, refused: he was kicked meanwhile")
def _(w):
    w.outcome("refused", replayed(w, dead(w)))


@case("a letter, replayed, refused and stored", "I1", "a9")
def _(w):
    again = replayed(w, dead(w))
    w.outcome("refused", again)
    w.store(again)


@case("a letter, mended by hand, replayed, stored")
def _(w):
    record = dead(w, text="far too long")
    w.store(replayed(w, record, "mended"))


@case("a letter, replayed twice, stored once")
def _(w):
    record = dead(w)
    w.store(replayed(w, record))
    replayed(w, record)


@case("a letter, replayed twice, stored twice", "I2", "a9")
def _(w):
    record = dead(w)
    w.store(replayed(w, record))
    w.store(replayed(w, record))


@case("a replay of a place where no letter is from", "I3", "a9")
def _(w):
    w.send("a", "a9")
    w.rows.pop()
    w.events.pop()
    for history in (w.h, w.h2):
        history[:] = [x for x in history if x["op"] != "recv" or
                      x["seq"] != 7]
    w.seq = 6
    w.store(replayed(w, w.messages[-1], "mended",
                     of="chat-messages/3/9999/1"))


@case("a replay of another's letter", "I3", "zz")
def _(w):
    record = dead(w)
    other = copy.deepcopy(record)
    other["value"].update(clientMessageId="zz", content="text zz")
    w.store(replayed(w, other))


@case("a letter twice: a crash between letter and commit")
def _(w):
    record = dead(w)
    w.letter(record, row=False)


@case("a letter's row twice", "I2", "chat-messages/3/112")
def _(w):
    w.outcome("dead", dead(w))


@case("a letter's row with another timestamp", "I1", "chat-messages/3/112")
def _(w):
    record = dead(w)
    w.outcomes[-1]["record_timestamp"] = record["timestamp"] + 1


@case("a letter's row that names another message", "I6", "chat-messages/3/112")
def _(w):
    dead(w)
    w.outcomes[-1]["client_message_id"] = "a8"


@case("a letter, and its record read again, stored behind a later one")
def _(w):
    # answered retry, retry, retry: dead; the next is stored; a crash before
    # the offset; both read again, and now it works
    record = dead(w)
    w.invoke("b", "b9")
    later = w.record(8, "b9")
    w.ok("b", "b9")
    w.store(later)
    w.store(record)


@case("a letter and refused: a crash between them, and he was kicked")
def _(w):
    w.outcome("refused", dead(w))


@case("a letter of the first, the copy is stored")
def _(w):
    dead(w)
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.store(record)


@case("a letter of the first, nothing of the copy", "I1", "a9")
def _(w):
    dead(w)
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")


@case("a tombstone in chat-messages, and no letter", "I1",
      "chat-messages/3/112")
def _(w):
    record = w.record(7, "a9")
    for source in (w.messages, w.uncommitted):
        source[-1]["value"] = None
    assert record


@case("a tombstone in chat-messages, and its letter")
def _(w):
    w.record(7, "a9")
    for source in (w.messages, w.uncommitted):
        source[-1]["value"] = None
    w.letter({**w.messages[-1], "value": {}}, row=False)
    w.letters[-1]["value"] = None


@case("a record under another room's key, stored", "I1", "chat-messages/3/112")
def _(w):
    w.send("a", "a9")
    for source in (w.messages, w.uncommitted):
        source[-1]["key"] = "2"


@case("a record under another room's key, and its letter")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    for source in (w.messages, w.uncommitted):
        source[-1]["key"] = "2"
    w.letter(w.messages[-1])


@case("told nowhere, and a letter of it", "I3", "a9")
def _(w):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.fail("a", "a9", "RATE", final=False)
    w.letter(record)


@case("a letter of a letter's replay, mended the second time, stored")
def _(w):
    again = replayed(w, dead(w, text="far too long"))
    w.letter(again)
    w.store(replayed(w, again, "mended", count="2"))


@case("unknown, a letter, replayed, and the replay came to nothing", "I10",
      "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    record = w.record(7, "a9")
    w.letter(record)
    replayed(w, record)


@case("mended, and who received it got the old content", "I3", "seq 7")
def _(w):
    record = dead(w, text="far too long")
    w.store(replayed(w, record, "mended"))
    w.of("c", "recv", seq=7)["crc"] = crc("far too long")


@case("a letter with another key", "I6", "chat-messages/3/112")
def _(w):
    dead(w)
    w.letters[-1]["key"] = "2"


@case("a letter whose headers are binary, as Spring has them")
def _(w):
    record = dead(w)
    for header in w.letters[-1]["headers"]:
        if header[0].endswith("partition"):
            header[1] = "\0\0\0\3"
        elif header[0].endswith(("offset", "timestamp")):
            header[1] = {"b64": base64.b64encode(
                int(header[1]).to_bytes(8, "big")).decode()}
    assert record


@case("letters and outcomes of read states")
def _(w):
    record = {"topic": "chat-read-events", "partition": 0, "offset": 9,
              "timestamp": w.ms, "key": "7", "headers": [], "value": {}}
    w.letter(record, row=False)
    w.letters[-1]["topic"] = "chat-read-events-dlt"
    w.letters[-1]["headers"][0][1] = "chat-read-events"
    w.outcome("dead", record, topic="chat-read-events", record_partition=0,
              chat_room_id=None)


@case("poison, its letter, and its row without an identity")
def _(w):
    w.record(7, "a9")
    for source in (w.messages, w.uncommitted):
        del source[-1]["value"]
        source[-1]["valueText"] = "no JSON {"
    w.letter({**w.messages[-1]}, row=False)
    w.outcome("dead", {**w.messages[-1], "value": {}}, chat_room_id=None)


@case("poison, its row, and no letter", "I1", "chat-messages/3/112")
def _(w):
    w.record(7, "a9")
    for source in (w.messages, w.uncommitted):
        del source[-1]["value"]
        source[-1]["valueText"] = "no JSON {"
    w.outcome("dead", {**w.messages[-1], "value": {}}, chat_room_id=None)


# ---- copies


@case("sent three times, three RECEIPTs, stored from the first")
def _(w):
    w.invoke("a", "a9")
    first = w.record(7, "a9")
    for _ in range(2):
        w.lose("a")
        w.info("a", "a9")
        w.back("a", 6)
        w.invoke("a", "a9")
        w.record(7, "a9")
    w.store(first)
    for _ in range(3):
        w.ok("a", "a9")


@case("one id of two senders in a room, one is lost", "I1", "of user 8")
def _(w):
    w.send("a", "x9", "mine")
    w.invoke("b", "x9", "yours")
    w.record(8, "x9", "yours")
    w.ok("b", "x9")


@case("one id of two senders in a room, both are there")
def _(w):
    w.send("a", "x9", "mine")
    w.send("b", "x9", "yours")


@case("two ids beyond 2^53, that a double cannot tell apart", "I1",
      "9007199254740993")
def _(w):
    w.send("a", "9007199254740992")
    w.invoke("a", "9007199254740993")
    w.record(7, "9007199254740993")
    w.ok("a", "9007199254740993")


@case("two ids beyond 2^53 as numbers, both are there")
def _(w):
    w.send("a", "9007199254740992")
    w.send("a", "9007199254740993")
    for line in w.h + w.h2:
        ident = str(line.get("clientMessageId"))
        if ident.startswith("9007"):
            line["clientMessageId"] = int(ident)


@case("a first content that a second of the same id was refused for is lost",
      "I1", "a9")
def _(w):
    w.invoke("a", "a9", "one")
    w.record(7, "a9", "one")
    w.ok("a", "a9")
    w.invoke("a", "a9", "two")
    w.outcome("reused", w.record(7, "a9", "two"))
    w.fail("a", "a9", "CLIENT_MESSAGE_ID_REUSED")


@case("a copy of the same content is said to be another", "I3", "b3")
def _(w):
    w.invoke("b", "b3")
    w.outcome("reused", w.record(8, "b3"))
    w.fail("b", "b3", "CLIENT_MESSAGE_ID_REUSED")


@case("a refusal that names another's record", "I6", "chat-messages/3/104")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    w.outcome("refused", w.messages[2], client_message_id="a9")


@case("an event refuses, and no row", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    w.tell({"event": "refused", "epoch": "e", "userId": 7, "roomId": 1,
            "clientMessageId": "a9", "code": "NOT_A_MEMBER", "message": "m"})


@case("an event refuses what was never sent", "I3", "a9")
def _(w):
    w.tell({"event": "refused", "epoch": "e", "userId": 7, "roomId": 1,
            "clientMessageId": "a9", "code": "NOT_A_MEMBER", "message": "m"})


@case("an event tells a repeat of what is not stored", "I3", "a9")
def _(w):
    w.tell({"event": "duplicate", "epoch": "e", "userId": 7, "roomId": 1,
            "clientMessageId": "a9", "messageId": 99, "seq": 50})


@case("an event tells a repeat by another messageId", "I4", "seq 6")
def _(w):
    w.tell({"event": "duplicate", "epoch": "e", "userId": 8, "roomId": 1,
            "clientMessageId": "b3", "messageId": 1099, "seq": 6})


@case("refused again and again under one id")
def _(w):
    for _ in range(3):
        w.invoke("a", "a9")
        record = w.record(7, "a9")
        w.ok("a", "a9")
        w.fail("a", "a9")
    w.outcome("refused", record)


@case("refused for a while, three times, and never sent again")
def _(w):
    for _ in range(3):
        w.invoke("a", "a9")
        w.fail("a", "a9", "RATE", final=False)


@case("a refusal under another's name", "I1 I6", "a9")
def _(w):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.outcome("refused", record, sender_id=8)


@case("told for good, sent again all the same, and stored", "I3", "a9")
def _(w):
    w.invoke("a", "a9")
    w.fail("a", "a9", "CONTENT_EMPTY")
    w.send("a", "a9")


@case("refused, invited again, under the same id stored", "I1 I3", "b9")
def _(w):
    w.system("SYSTEM_KICK", 8, but="b")
    w.say("b", "ended", roomId=1)
    w.there.remove("b")
    w.invoke("b", "b9")
    record = w.record(8, "b9")
    w.ok("b", "b9")
    w.fail("b", "b9")
    w.outcome("refused", record)
    w.system("SYSTEM_INVITE", 8)
    w.back("b", 6)
    w.send("b", "b9")


@case("refused, invited again, under another id stored")
def _(w):
    w.system("SYSTEM_KICK", 8, but="b")
    w.say("b", "ended", roomId=1)
    w.there.remove("b")
    w.invoke("b", "b9")
    record = w.record(8, "b9")
    w.ok("b", "b9")
    w.outcome("refused", record)
    w.system("SYSTEM_INVITE", 8)
    w.back("b", 6)
    w.send("b", "b10")


@case("refused for a while, and then for good")
def _(w):
    w.invoke("a", "a9")
    w.fail("a", "a9", "RATE", final=False)
    w.invoke("a", "a9")
    w.fail("a", "a9", "CONTENT_EMPTY")


def a_second(w, text=None):
    """Another client of user 7 sends the same id."""
    for op, more in (("invoke", {"roomId": 1, "n": 0, "crc": crc(
            text or "text a9")}), ("ok", {})):
        w.say("a", op, clientMessageId="a9", **more)["worker"] = "a2"
    return w.record(7, "a9", text)


@case("one id by two clients of a user, at once, stored once")
def _(w):
    w.send("a", "a9")
    a_second(w)


@case("one id by two clients of a user, at once, stored twice", "I2", "a9")
def _(w):
    w.send("a", "a9")
    w.store(a_second(w))


@case("one id by two clients of a user, with two contents")
def _(w):
    w.send("a", "a9")
    w.outcome("reused", a_second(w, "other"))
    w.say("a", "fail", clientMessageId="a9", final=True,
          code="CLIENT_MESSAGE_ID_REUSED")["worker"] = "a2"


@case("an id beyond 2^53, whose record travels as text")
def _(w):
    w.send("a", "9007199254740993")
    for line in w.h + w.h2:
        if line.get("clientMessageId") == "9007199254740993":
            line["clientMessageId"] = 9007199254740993
    for source in (w.messages, w.uncommitted):
        value = source[-1].pop("value")
        value["clientMessageId"] = 9007199254740993
        source[-1]["valueText"] = json.dumps(value)


# ---- nobody knows


@case("unknown twice over, stored once")
def _(w):
    for _ in range(2):
        w.invoke("a", "a9")
        w.lose("a")
        w.info("a", "a9")
        w.back("a", 6)
    w.store(w.record(7, "a9"))


@case("unknown, stored and published, from no record", "I3", "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    record = w.record(7, "a9")
    w.messages.pop()
    w.uncommitted.pop()
    w.store(record)


@case("unknown, received, and in no table and no event", "I3 I10", "a9")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    row = w.row(w.record(7, "a9", committed=False))
    w.rows.pop()
    message = w.event(row)
    w.events.pop()
    w.rooms[0]["last_seq"] = 6
    w.recv("b", message)


@case("unknown, in a transaction that is still open")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9", committed=False)
    w.info("a", "a9")
    w.groups.append({"group": "store", "topic": "chat-messages",
                     "partition": 3, "offset": 112, "end": 113})


@case("a RECEIPT out of a transaction that is still open", "I1", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9", committed=False)
    w.ok("a", "a9")
    w.groups.append({"group": "store", "topic": "chat-messages",
                     "partition": 3, "offset": 112, "end": 113})


@case("told of another content under its id, which no history has sent")
def _(w):
    w.invoke("a", "a9", "two")
    w.fail("a", "a9", "CLIENT_MESSAGE_ID_REUSED")
    w.store(w.record(7, "a9", "one"))
    w.outcome("reused", w.record(7, "a9", "two"))


@case("told nowhere, committed, and no more", "I1 I3", "a9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.fail("a", "a9", "RATE", final=False)


@case("records that were read twice, the same both times")
def _(w):
    w.messages += copy.deepcopy(w.messages)


@case("all have the same content, and it is not the one that was sent", "I3",
      "a9")
def _(w):
    w.send("a", "a9")
    w.of("a", "invoke", clientMessageId="a9")["crc"] = crc("what he said")


@case("refused for a while, and from then on in its new place", "I4", "a9")
def _(w):
    w.invoke("a", "a9")
    w.fail("a", "a9", "RATE", final=False)
    w.send("a", "a10")
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.invoke("a", "a11")
    later = w.record(7, "a11")
    w.ok("a", "a11")
    w.store(later)
    w.store(record)
    for source in (w.messages, w.uncommitted):
        source[-2].update(partition=1)  # of no order with the other
    w.rows[-1]["record_partition"] = 1
