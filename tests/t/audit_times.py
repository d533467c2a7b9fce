"""Restores, clocks, runs and groups: when things are; see audit_cases.py."""
import copy

from audit_world import World, case, crc


# ---- restores


def restored(w, joined=True):
    """PostgreSQL as it was at seq 4, the rest read again, b3 before a3."""
    w.rows = w.rows[:4]
    w.seq = 4
    if joined:
        for worker in "abc":
            w.join(worker, "reset", head=4)
            (w.h2 if worker == "c" else w.h)[-1]["epoch"] = "f"
    for record in w.messages[4:]:
        row = w.row(record)
        row["id"] += 500
        message = w.event(row)
        w.events[-1]["value"]["epoch"] = "f"
        w.deliver(message)


@case("a restore, read again under a new epoch, all were reset")
def _(w):
    restored(w)


@case("a restore, and nobody was reset", "I4", "seq 5")
def _(w):
    restored(w, joined=False)


@case("a restore, and one behind it is lost", "I1 I5", "seq 7")
def _(w):
    restored(w)
    w.send("a", "a9", but="c")
    w.send("a", "a10")
    for event in w.events[-2:]:
        event["value"]["epoch"] = "f"


@case("a new epoch, and nothing was lost")
def _(w):
    for worker in "abc":
        w.join(worker, "reset", head=6)
        (w.h2 if worker == "c" else w.h)[-1]["epoch"] = "f"
    for event in w.events[:6]:
        again = copy.deepcopy(event)
        again["value"]["epoch"] = "f"
        again.update(offset=len(w.events), timestamp=w.ms)
        w.events.append(again)
    w.send("a", "a9")
    w.events[-1]["value"]["epoch"] = "f"


@case("a restore, and an event of the old epoch comes late")
def _(w):
    old = copy.deepcopy(w.events[5])
    restored(w)
    w.ms += 50
    old.update(offset=len(w.events), timestamp=w.ms)
    w.events.append(old)


@case("a restore, an old event comes late, and one is lost", "I1", "a9")
def _(w):
    old = copy.deepcopy(w.events[5])
    restored(w)
    w.ms += 50
    old.update(offset=len(w.events), timestamp=w.ms)
    w.events.append(old)
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")


# ---- files that have lost their beginning


@case("the oldest events are not among the files", "I1", "a1")
def _(w):
    del w.events[:3]


@case("an event within is not among the files", "I1", "b2")
def _(w):
    w.events.pop(3)


@case("the oldest records are not among the files", "I3", "a1")
def _(w):
    del w.messages[:2], w.uncommitted[:2]


# ---- clocks


@case("the wall clock goes back an hour")
def _(w):
    for i, line in enumerate(w.h):
        if i > len(w.h) // 2:
            line["ms"] -= 3600000
    w.ms -= 3600000
    w.say = lambda worker, op, **f: World.say(w, worker, op, **f)
    w.send("a", "a9")


@case("the wall clock goes back an hour, and one is lost", "I1", "a9")
def _(w):
    w.ms -= 3600000
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")


@case("the wall clock goes back, and the last never comes to one", "I1", "a9")
def _(w):
    w.ms -= 3600000
    w.send("a", "a9", but="b")


@case("the wall clock goes forward a day: he ended before it was stored")
def _(w):
    w.end()
    w.end = lambda: None
    w.ms += 86400000
    w.invoke("a", "a9")
    w.ok("a", "a9")
    w.h[-2:] = []
    w.event(w.row(w.record(77, "zz")))


@case("two processes, two monotonic clocks")
def _(w):
    for i, line in enumerate(w.h2):
        line["ns"] = i
    w.send("a", "a9")
    w.send("b", "b9")


@case("one user in two processes: their clocks order nothing")
def _(w):
    w.invoke("a", "a9")
    first = w.record(7, "a9")
    second = w.record(7, "c9")
    w.store(first)
    w.store(second)
    # c2 is user 7 too, and his clock is far behind
    w.h2[:0] = [{"ns": 10, "op": "invoke", "worker": "c2", "userId": 7,
                 "roomId": 1, "n": 0, "clientMessageId": "c9",
                 "crc": crc("text c9")},
                {"ns": 20, "op": "ok", "worker": "c2",
                 "clientMessageId": "c9"}]
    w.ok("a", "a9")


@case("only monotonic times, and the last never comes to one of the file",
      "I1", "a9")
def _(w):
    w.send("a", "a9", but="b")
    for line in w.h + w.h2:
        del line["ms"]


# ---- logs of more than one run


def run_again(w):
    """The same names in the same files, after a boot."""
    for worker in "abc":
        w.say(worker, "end")
    w.tick = w.ms
    before = len(w.h), len(w.h2)
    for worker in "abc":
        w.say(worker, "connected")
        w.join(worker, "live", head=w.seq)
    return before


def booted(w, before):
    for history, n in zip((w.h, w.h2), before):
        for line in history[n:]:
            line["ns"] -= (w.tick - 5000) * 1000000


@case("two runs in one log, between them a boot")
def _(w):
    before = run_again(w)
    w.send("a", "a9")
    w.send("b", "b9")
    booted(w, before)


@case("two runs in one log, and what was said between them")
def _(w):
    for worker in "abc":
        w.say(worker, "end")
    w.there.clear()
    w.store(w.record(77, "zz"))
    w.there.extend("abc")
    for worker in "abc":
        w.say(worker, "connected")
        w.join(worker, "live", head=7)
    w.send("a", "a9")


@case("two runs in one log, in the second one is lost", "I1 I5", "seq 7")
def _(w):
    before = run_again(w)
    w.send("a", "a9", but="c")
    w.send("b", "b9")
    booted(w, before)


@case("two runs in one log, in the first the last never came", "I1", "b3")
def _(w):
    w.drop(w.of("c", "recv", seq=6))
    w.ms += 20000
    run_again(w)
    w.send("a", "a9")


@case("a client's log twice")
def _(w):
    w.h2 += copy.deepcopy(w.h2)


@case("a line that a killed client left, and the next has gone on in it",
      code=100, names="line 2")
def _(w):
    w.h.clear()
    w.h2.clear()
    w.tail = ('{"op":"connected","worker":"a","userId":7}\n'
              '{"op":"recv","wor{"op":"connected","worker":"a","userId":7}\n')


@case("returns before the newlines")
def _(w):
    w.tail = '{"op":"note","worker":"c","userId":9}\r\n\r\n'


@case("a killed run goes on in the next, with what had no answer")
def _(w):
    w.invoke("a", "a9")
    w.there.clear()
    for worker in "abc":
        w.back(worker, 6)
    w.send("a", "a9")


@case("a log whose workers stand one behind the other")
def _(w):
    w.send("a", "a9")
    w.end()
    w.end = lambda: None
    w.h.sort(key=lambda line: line["worker"], reverse=True)


@case("workers one behind the other, and the last never came", "I1", "a9")
def _(w):
    w.send("a", "a9", but="b")
    w.end()
    w.end = lambda: None
    w.h.sort(key=lambda line: line["worker"], reverse=True)


@case("two clients of a user, one behind the other in the log, swapped", "I4",
      "z9")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    for line in (w.invoke("a", "z9"), w.ok("a", "z9")):
        line["worker"] = "z"
    second = w.record(7, "z9")
    for source in (w.messages, w.uncommitted):
        first = source.pop(-2)  # in another partition: of no order
        source.append({**first, "partition": 1, "offset": 4})
    w.store(second)
    w.store(w.messages[-1], record_partition=1)
    w.end()
    w.end = lambda: None
    w.h.sort(key=lambda line: line["worker"], reverse=True)


@case("files end in a line that is being written")
def _(w):
    w.tail = '{"op":"recv","worker":"a","roo'


# ---- what was sent since


@case("a message of the system without an event, before --since",
      options="--since @1795564757")
def _(w):
    w.row(None, type="SYSTEM_INVITE", sender_id=7, content="k",
          targets=[{"userId": 9, "nickname": "y"}])
    w.ms += 5000
    for worker in "abc":
        w.lose(worker)
        w.say(worker, "connected")
        w.join(worker, "live", head=7)
    w.send("a", "a9")


@case("sent before --since, stored after it", options="--since @1795564757")
def _(w):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ms += 5000
    w.ok("a", "a9")
    w.store(record)


# ---- how far the groups are


def group(w, offset, end, name="store", partition=3, topic="chat-messages"):
    w.groups.append({"group": name, "topic": topic, "partition": partition,
                     "offset": offset, "end": end})


@case("behind the group nothing but markers")
def _(w):
    group(w, 111, 112)


@case("behind the group nothing but what was aborted")
def _(w):
    w.invoke("a", "a9")
    w.info("a", "a9")
    w.record(7, "a9", committed=False)
    group(w, 112, 114)


@case("behind the group a record, which is pending", "I9", "store")
def _(w):
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    group(w, 112, 114)


@case("behind the group one is pending, before it one is lost", "I1 I9", "b3")
def _(w):
    w.rows.pop()
    w.rooms[0]["last_seq"] = 5
    w.events.pop()
    for history in (w.h, w.h2):
        history[:] = [x for x in history if x["op"] != "recv" or
                      x["seq"] != 6]
    w.invoke("a", "a9")
    w.record(7, "a9")
    w.ok("a", "a9")
    group(w, 112, 114)


@case("a group that has never been, and a topic that is empty")
def _(w):
    group(w, 112, 112)
    group(w, -1, 0, partition=4)


@case("a group that has never been, and records", "I9", "store")
def _(w):
    group(w, -1, 112)


@case("one partition of two is behind", "I9", "store")
def _(w):
    group(w, 112, 112)
    group(w, 5, 90, partition=4)


@case("the letters' group is behind", "I9", "outcomes")
def _(w):
    group(w, 112, 112)
    group(w, 0, 5, "outcomes", 0, "chat-messages-dlt")


@case("the group is beyond the end: the log lost its tail, and all is there")
def _(w):
    group(w, 140, 112)


@case("the second row is gone, with --since", "I1 I5", "seq 2",
      options="--since @1795564700")
def _(w):
    w.rows.pop(1)


@case("joined no room", code=100, names="no roomId")
def _(w):
    w.say("a", "joined", status="live", head=6)


@case("joined, and it is not said how", code=100, names="no status")
def _(w):
    w.say("a", "joined", roomId=1, head=6)


def dead(w, row):
    w.invoke("a", "a9")
    record = w.record(7, "a9")
    w.ok("a", "a9")
    w.letter(record, row)
    group(w, 114, 114)


@case("a letter whose row is gone", "I1", "chat-messages/3/112")
def _(w):
    dead(w, row=False)
    group(w, 1, 1, "outcomes", 3, "chat-messages-dlt")


@case("a letter whose row is still to come, and the group says so", "I9",
      "outcomes")
def _(w):
    dead(w, row=False)
    group(w, 0, 1, "outcomes", 3, "chat-messages-dlt")


@case("a letter and its row, and the group has done it")
def _(w):
    dead(w, row=True)
    group(w, 1, 1, "outcomes", 3, "chat-messages-dlt")
