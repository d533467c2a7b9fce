#!/usr/bin/env python3
"""chat-store against a real PostgreSQL, without Kafka: this test is its runner.

Two stores with the same batches at the same time; death between commit and
answer; a kick while its victim talks; copies, reused ids, refusals; poison in
the middle of a batch; a database that is stopped, and one that is frozen (an
instance of its own); 100,000 messages. In databases of its own. With names of
its parts (store.t kicks poison) only those."""

import base64
import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from databases import Server, database  # noqa: E402

tap = c.Tap()
HELLO = {"hello": "chat/1", "from": "store.t", "maxLine": 1048576}


# -------------------------------------------------------------------- the store

class Store:
    """The filter under our hands. Answers come as (offset, result, events)."""

    def __init__(self, db, *options, program="chat-store", env=()):
        self.log = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            [program, "-c", db.conninfo, *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **dict(env)})
        self.rest, self.events = b"", []
        self.waiting = []  # when it said so
        self.say(HELLO)
        assert self.lines(1)[0]["hello"] == "chat/1"

    def say(self, *lines):
        self.child.stdin.write(b"".join(
            json.dumps(line).encode() + b"\n" for line in lines))
        self.child.stdin.flush()

    def lines(self, count, seconds=60):
        """The next lines but for `waiting`; fewer where it ends, or says
        nothing for so long."""
        end, out = time.monotonic() + seconds, []
        while len(out) < count:
            line, newline, rest = self.rest.partition(b"\n")
            if newline:
                self.rest, line = rest, json.loads(line)
                if line.get("status") == "waiting":
                    self.waiting.append(time.monotonic())
                else:
                    out.append(line)
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [],
                                              left)[0]:
                break
            data = os.read(self.child.stdout.fileno(), 1 << 20)
            if not data:
                break
            self.rest += data
        return out

    def answers(self, count, seconds=60):
        out, events, end = [], [], time.monotonic() + seconds
        while len(out) < count:
            line = self.lines(1, end - time.monotonic())
            if not line:
                break
            if "emit" in line[0]:
                events.append(line[0]["emit"]["value"])
            else:
                out.append((line[0]["offset"], line[0], events))
                events = []
        return out

    def do(self, *records):
        """Records in, answers out, in a thread of its own for the writing."""
        writer = threading.Thread(target=self.say, args=records)
        writer.start()
        out = self.answers(len(records))
        writer.join()
        return out

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        code = self.child.wait(20)
        self.child.stdout.close()
        self.log.seek(0)
        self.said = self.log.read().decode()
        self.log.close()
        return code


offsets = iter(range(1, 1 << 40))


def record(room, sender, content="hi", cid=None, **more):
    offset = next(offsets)
    value = {"roomId": room, "senderId": sender,
             "clientMessageId": cid or str(uuid.uuid4()), "content": content,
             "type": "TEXT", "sentAtMs": 1768127400123}
    return {"topic": "chat-messages", "partition": room % 3, "offset": offset,
            "timestamp": 1768127400000 + offset, "key": str(room),
            "value": value, **more}


def events(answers):
    """What each answer published, shortly."""
    out = []
    for _, result, said in answers:
        kinds = [e["event"] if e["event"] != "refused" else e["code"]
                 for e in said]
        out.append(result["status"] + "".join(" " + k for k in kinds))
    return out


# -------------------------------------------------------------------- the tests

def two_at_a_time(rounds=600):
    """The same batches (a zombie and its heir), large ones and such that
    collide at each record; and different ones for the same rooms."""
    with database("two") as db:
        rooms = [db.group(*range(1 + 10 * i, 11 + 10 * i)) for i in range(20)]
        stores = [Store(db), Store(db)]
        bad, total, ready = [], 0, threading.Barrier(2)

        def batch(most, few):
            return [record(rooms[i], 10 * i + random.randint(1, 10))
                    for i in random.choices(range(few), k=random.randint(
                        1, most))]

        def half(n, records, got):
            ready.wait()
            got[n] = stores[n].do(*records)
        for i in range(rounds):
            same = i % 3 != 0
            one = batch(200, 20) if i % 2 else batch(2, 1)
            two = one if same else batch(100 if i % 2 else 2, 20 if i % 2 else 1)
            total += len(one) if same else len(one) + len(two)
            got = [None, None]
            threads = [threading.Thread(target=half, args=(n, b, got))
                       for n, b in ((0, one), (1, two))]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for answers in got:
                bad += [a for a in answers if a[1]["status"] != "done" or
                        [e["event"] for e in a[2]] != ["message"]]
            told = [{a[0]: (a[2][0]["message"]["messageId"],
                            a[2][0]["message"]["seq"])
                     for a in answers if a[2]} for answers in got]
            if same and told[0] != told[1]:
                bad.append("they told different numbers")
        tap.ok(not bad, "two stores, %d times at the same time, most with the "
               "same batch: both say the same whole events" % rounds, bad[:3])
        tap.ok(db.holes() == [], "no hole", db.holes())
        tap.ok(db.one("select count(*) from messages") == str(total),
               "no double: %d messages" % total)
        tap.ok(db.one("select count(*) from message_outcomes") == "0",
               "nothing refused")
        tap.ok(db.one("select deadlocks from pg_stat_database where datname "
                      "= current_database()") == "0", "no deadlock")
        tap.ok([s.end() for s in stores] == [0, 0], "EOF is a normal end")


def deaths(db):
    crashing = c.crashing("chat-store")
    room = db.group(1, 2, 3)
    batch = [record(room, 1, "m %d" % i) for i in range(5)]
    for point, kept in (("before", "0"), ("after", "5")):
        store = Store(db, program=crashing,
                      env={"CHAT_CRASH_AT": "store:%s-commit" % point})
        said = store.do(*batch)
        code = store.end()
        found = db.one("select count(*) from messages where chat_room_id = %d"
                       % room)
        tap.ok(code == -9 and not said and found == kept,
               "killed %s the commit: %s stored, nothing said" % (point, kept),
               (code, said, found))
    store = Store(db)
    got = store.do(*batch)
    tap.ok(events(got) == ["done message"] * 5, "sent again: the whole event "
           "of each goes out again", events(got))
    told = [m[2][0]["message"] for m in got]
    tap.ok([(m["seq"], m["content"], m["senderNickname"], m["sentAtMs"])
            for m in told] == [(i + 1, "m %d" % i, "user 1", 1768127400123)
                               for i in range(5)],
           "with the numbers and words of the first time", told)
    tap.ok(db.holes() == [] and
           db.one("select count(*) from messages where chat_room_id = %d"
                  % room) == "5", "and are stored once")
    store.end()


def kicks(db, rounds=25):
    late, refused, stored, holes = [], 0, 0, []
    store = Store(db)
    for _ in range(rounds):
        room = db.group(1, 2, 3)
        stop, answers = threading.Event(), []

        def talk():
            while not stop.is_set():
                answers.extend(store.do(*[record(room, 2) for _ in range(
                    random.randint(1, 4))]))
        thread = threading.Thread(target=talk)
        thread.start()
        time.sleep(random.random() / 30)
        db.sql("select chat_kick(1, %d, 2)" % room)
        time.sleep(random.random() / 50)
        stop.set()
        thread.join()
        kick = int(db.one("select seq from messages where chat_room_id = %d "
                          "and type = 'SYSTEM_KICK'" % room))
        after = False
        for offset, _, said in answers:
            if said[0]["event"] == "message":
                stored += 1
                if said[0]["message"]["seq"] > kick or after:
                    late.append((room, kick, said))
            else:
                refused += 1
                after = True
                if said[0]["code"] != "NOT_A_MEMBER":
                    late.append((room, kick, said))
        holes += db.holes()
    store.end()
    tap.note("%d stored before a kick, %d refused after it" % (
        stored, refused))
    tap.ok(stored and refused and not late, "after a kick nothing of the "
           "kicked is stored", late[:3])
    tap.ok(holes == [], "the kick has its place among the numbers", holes)
    outbox = db.sql("select value from outbox where topic = 'chat-events' "
                    "and key = '%d'" % room)
    event = json.loads(outbox[0][0])
    tap.ok(len(outbox) == 1 and event["epoch"] and
           event["message"]["type"] == "SYSTEM_KICK" and
           event["message"]["targets"] == [{"userId": 2, "nickname": "user 2"}]
           and event["message"]["seq"] == kick,
           "its event is in the outbox, by the same transaction", outbox)


class Holder:
    """A transaction that keeps its locks until it is told to commit."""

    def __init__(self, db, text):
        self.psql = subprocess.Popen(
            ["psql", "-XqAt", "-d", db.conninfo], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write("begin; %s; select 'locked';\n" % text)
        self.psql.stdin.flush()
        while self.psql.stdout.readline() != "locked\n":
            pass

    def commit(self):
        self.psql.communicate("commit;\n")


def blocked(db, seconds=5):
    """A store waits for a lock."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and db.one(
            "select count(*) from pg_stat_activity where datname = "
            "current_database() and application_name = 'chat-store' and "
            "wait_event_type = 'Lock'") == "0":
        time.sleep(0.02)


def locks(db):
    room = db.group(1, 2, 3)
    store = Store(db)
    holder = Holder(db, "select chat_kick(1, %d, 2)" % room)
    store.say(record(room, 2, "late"), record(room, 3, "fine"))
    blocked(db)
    holder.commit()
    got = store.answers(2, 10)
    tap.ok(events(got) == ["done NOT_A_MEMBER", "done message"] and
           got[1][2][0]["message"]["seq"] == 2, "lock, then look: a kick that "
           "was first is seen, and has the lower number", got)
    tap.ok(db.holes() == [], "no hole", db.holes())
    for begun, then, kind in (
            ("leave(3, %d)", "leave(3, %d)", "SYSTEM_LEAVE"),
            ("invite(1, %d, '{3}')", "invite(1, %d, '{3}')", "SYSTEM_INVITE")):
        holder = Holder(db, "select chat_" + begun % room)
        second = subprocess.Popen(
            ["psql", "-XqAt", "-d", db.conninfo, "-c", "select 1 from chat_" +
             then % room], stdout=subprocess.DEVNULL)
        time.sleep(0.3)
        waits = second.poll() is None
        holder.commit()
        second.wait(10)
        count = db.one("select count(*) from messages where chat_room_id = %d "
                       "and type = '%s'" % (room, kind))
        tap.ok(waits and count == "1", "%s twice at the same time: once" %
               kind, (waits, count))
    low, *others = sorted(db.group(1, 2) for _ in range(8))
    holder = Holder(db, "select from chat_rooms where id = %d for no key "
                    "update" % low)
    store.say(*[record(r, 1) for r in [*reversed(others), low]])
    blocked(db)
    free = db.sql("select id from chat_rooms where id = any ('{%s}') for no "
                  "key update skip locked" % ",".join(map(str, others)))
    holder.commit()
    tap.ok(len(free) == 7, "rooms are locked in the order of their ids: who "
           "waits for the first holds no other", free)
    tap.ok(events(store.answers(8, 10)) == ["done message"] * 8 and
           store.end() == 0, "and it goes on")


def identity(db):
    room = db.group(1, 2, 3)
    store = Store(db)
    upper = str(uuid.uuid4()).upper()
    first = record(room, 1, "one", upper)
    got = store.do(first, record(room, 1, "one", upper.lower()),
                   record(room, 1, "two", upper), record(room, 2, "one", upper),
                   record(room, 1, "n", 42), record(room, 1, "n", "42"))
    tap.ok(events(got) == ["done message", "done duplicate",
                           "done CLIENT_MESSAGE_ID_REUSED", "done message",
                           "done message", "done duplicate"],
           "in one batch: a copy, a reused id, another sender's same id",
           events(got))
    tap.ok(got[0][2][0]["message"]["clientMessageId"] == upper and
           got[4][2][0]["message"]["clientMessageId"] == 42 and
           got[1][2][0]["clientMessageId"] == upper.lower(),
           "ids are echoed as they came")
    one = got[0][2][0]["message"]
    got = store.do(record(room, 1, "one", upper), record(room, 1, "2", upper),
                   first, record(room, 1, "one", upper, headers=[
                       ["chat-replay-count", "1"]]))
    tap.ok(events(got) == ["done duplicate", "done CLIENT_MESSAGE_ID_REUSED",
                           "done message", "done message"],
           "later: a copy, a reused id, the same record, a replay",
           events(got))
    tap.ok((got[0][2][0]["messageId"], got[0][2][0]["seq"]) ==
           (one["messageId"], one["seq"]), "a copy learns the first's numbers")
    tap.ok(got[2][2][0]["message"] == one and got[3][2][0]["message"] == one,
           "the same record and a replay: the very same object",
           (one, got[2][2], got[3][2]))
    rows = db.sql("select outcome, topic, record_partition, record_offset, "
                  "record_timestamp, reason from message_outcomes where "
                  "chat_room_id = %d order by id" % room)
    tap.ok(len(rows) == 2 and all(r[0] == "reused" for r in rows),
           "reused ids are rows of message_outcomes", rows)
    label = db.sql("select record_partition, record_offset, record_timestamp, "
                   "client_message_id, client_message_raw from messages where "
                   "id = %d" % one["messageId"])[0]
    tap.ok(label == [str(room % 3), str(first["offset"]),
                     str(first["timestamp"]), upper.lower(), '"%s"' % upper],
           "the first's record is its label", label)
    store.end()


def refusals(db):
    room = db.group(1, 2)
    store = Store(db)
    stranger = record(room, 9, "x")
    nowhere = record(999999, 1, "x")
    got = store.do(stranger, nowhere, stranger)
    rows = db.one("select count(*) from message_outcomes where chat_room_id "
                  "in (%d, 999999) and outcome = 'refused'" % room)
    tap.ok(events(got) == ["done NOT_A_MEMBER"] * 3 and rows == "2",
           "no member, no such room: refused alike, with a row each",
           (events(got), rows))
    db.sql("select chat_invite(1, %d, '{9}')" % room)
    cid = stranger["value"]["clientMessageId"]
    got = store.do(record(room, 9, "x", cid), record(room, 9, "other", cid),
                   record(room, 9, "new"))
    tap.ok(events(got) == ["done NOT_A_MEMBER"] * 2 + ["done message"],
           "refused once is refused for ever, under that id", events(got))
    tap.ok(got[2][2][0]["message"]["seq"] == 2, "the invitation has seq 1")

    pair = int(db.one("select room_id from chat_open_pair(21, 22)"))
    db.sql("select chat_leave(22, %d)" % pair)
    got = store.do(record(pair, 22), record(pair, 21))
    back = db.one("select left_at is null from chat_room_members where "
                  "room_id = %d and user_id = 22" % pair)
    tap.ok(events(got) == ["done NOT_A_MEMBER", "done message"] and back == "t",
           "a message in a 1:1 brings the one who had left back in",
           (events(got), back))
    db.sql("insert into user_blocks values (22, 21)")
    db.sql("select chat_leave(22, %d)" % pair)
    got = store.do(record(pair, 21))
    back = db.one("select left_at is null from chat_room_members where "
                  "room_id = %d and user_id = 22" % pair)
    tap.ok(events(got) == ["done BLOCKED"] and back == "f",
           "but not a blocked one", (events(got), back))
    db.sql("update chat_rooms set deleted_at = now() where id = %d" % room)
    tap.ok(events(store.do(record(room, 1))) == ["done NOT_A_MEMBER"],
           "a deleted room is none")
    store.end()


def poison(db):
    rooms = [db.group(1, 2), db.group(1, 2)]
    db.sql("alter table messages add check (content <> 'poison')")
    db.sql("create function missing() returns trigger language plpgsql as $$ "
           "begin if new.content = 'missing' then raise foreign_key_violation; "
           "end if; return new; end $$",
           "create trigger missing before insert on messages for each row "
           "execute function missing()")
    store = Store(db)
    batch = [record(rooms[i % 2], 1, "poison" if i == 50 else "m")
             for i in range(101)]
    got = store.do(*batch)
    said = events(got)
    tap.ok(said[50] == "dead" and said.count("done message") == 100 and
           got[50][1]["error"]["class"] == "SQLSTATE_23514",
           "poison in the middle of a batch dies alone", got[50])
    tap.ok(db.holes() == [], "and leaves no hole", db.holes())

    held = [record(rooms[0], 1, "missing"), record(rooms[1], 1, "m"),
            record(rooms[0], 1, "later"), record(rooms[1], 1, "m")]
    got = store.do(*held)
    tap.ok(events(got) == ["retry", "done message", "retry", "done message"]
           and got[0][1]["error"]["class"] == "SQLSTATE_23503",
           "something not there yet: retry, and the rest of its room waits",
           got)
    tap.ok(events(store.do(record(rooms[0], 1, "more"))) == ["retry"],
           "so do later ones")
    db.sql("drop trigger missing on messages")
    got = store.do({**held[0], "again": True}, held[2])
    seqs = [g[2][0]["message"]["seq"] for g in got]
    tap.ok(events(got) == ["done message"] * 2 and seqs[1] == seqs[0] + 1,
           "until it comes again: then in order", got)
    db.sql("create trigger missing before insert on messages for each row "
           "execute function missing()")
    store.do(held[0] | {"offset": next(offsets), "value": {
        **held[0]["value"], "clientMessageId": str(uuid.uuid4())}})
    tap.ok(events(store.do(record(rooms[0], 1))) == ["retry"], "held again")
    store.say({"control": "revoked", "positions": [
        {"topic": "chat-messages", "partition": rooms[0] % 3, "offset": 1}]})
    tap.ok(events(store.do(record(rooms[0], 1))) == ["done message"],
           "a revoked partition's holds are gone")
    tap.ok(store.end() == 0, "EOF")

    db.sql("drop trigger missing on messages",
           "create function disk() returns trigger language plpgsql as $$ "
           "begin raise disk_full; end $$",
           "create trigger disk before insert on messages for each row "
           "execute function disk()")
    store = Store(db)
    store.say(record(rooms[0], 1))
    early = store.answers(1, 2)
    said = len(store.waiting)
    store.say(record(rooms[0], 1))
    began = time.monotonic()
    db.sql("drop trigger disk on messages")
    got = store.answers(2, 5)
    tap.ok(not early and said == 1 and events(got) == ["done message"] * 2 and
           time.monotonic() - began < 2, "a full disk is an outage: it waits, "
           "without haste, and goes on", (early, said, got))
    code = store.end()
    tap.ok(code == 0 and store.said.count("waiting for the database") == 1 and
           store.said.count("database is back") == 1, "and says so once",
           store.said)

    bad = [record(rooms[0], 1) for _ in range(4)]
    bad[0]["key"] = str(rooms[1])
    del bad[1]["value"]["content"]
    bad[2] = {**bad[2], "valueText": "{no"}
    del bad[2]["value"]
    store = Store(db)
    got = store.do(*bad)
    tap.ok([g[1].get("error", {}).get("class") for g in got] ==
           ["KEY_MISMATCH", "CONTENT_EMPTY", "NOT_JSON", None],
           "what can never work is dead, the next is stored", got)
    store.end()


def letter(of, reason="TOLD", **more):
    """The dead letter of a record, as chat-consume writes it."""
    def number(n, size):
        return {"b64": base64.b64encode(n.to_bytes(size, "big")).decode()}
    offset = next(offsets)
    return {**of, "topic": of["topic"] + "-dlt", "offset": offset,
            "timestamp": 1768127500000 + offset, "headers": [
                *of.get("headers", []),
                ["kafka_dlt-original-topic", of["topic"]],
                ["kafka_dlt-original-partition", number(of["partition"], 4)],
                ["kafka_dlt-original-offset", number(of["offset"], 8)],
                ["kafka_dlt-original-timestamp", number(of["timestamp"], 8)],
                ["kafka_dlt-exception-fqcn", reason],
                ["kafka_dlt-exception-message", "as told"]], **more}


def replay(of, **more):
    """The record that chat-dlq-replay makes of its letter."""
    value = {**of["value"], **more}
    return {**of, "offset": next(offsets), "value": value, "headers": [
        ["chat-replay-count", "1"], ["chat-replay-of", "%s/%d/%d/%d" % (
            of["topic"], of["partition"], of["offset"], of["timestamp"])]]}


def dead_rows(db, of):
    return db.sql(
        "select reason, coalesce(chat_room_id::text, ''), "
        "coalesce(client_message_id, ''), replayed_at is not null from "
        "message_outcomes where outcome = 'dead' and topic = '%s' and "
        "record_partition = %d and record_offset = %d and record_timestamp = "
        "%d" % (of["topic"], of["partition"], of["offset"], of["timestamp"]))


def letters(db):
    room = db.group(1, 2)
    store, notes = Store(db), Store(db, "--outcomes")
    one, two = record(room, 1, "one"), record(room, 1, "two")
    got = notes.do(letter(one), letter(two, "OTHER"), letter(one))
    tap.ok(events(got) == ["done"] * 3, "letters are answered done", got)
    tap.ok(dead_rows(db, one) == [["TOLD", str(room),
                                   one["value"]["clientMessageId"], "f"]] and
           dead_rows(db, two)[0][0] == "OTHER",
           "each is one row, by its original's place", dead_rows(db, one))
    notes.do(letter(one, "LATER"))
    tap.ok(dead_rows(db, one)[0][0] == "TOLD", "the first word stays")
    odd = {"topic": "chat-read-events", "partition": 4, "offset": 7,
           "timestamp": 9, "key": "1", "value": {"roomId": room, "userId": 1}}
    large = letter(one, partition=1)
    del large["value"], large["headers"]
    notes.do(letter(odd), {**large, "valueBytes": 9000000})
    tap.ok(dead_rows(db, odd) == [["TOLD", str(room), "", "f"]] and
           dead_rows(db, large) == [["UNKNOWN", "", "", "f"]],
           "a read event's has no identity, a strange one is itself",
           (dead_rows(db, odd), dead_rows(db, large)))

    got = store.do(replay(one))
    tap.ok(events(got) == ["done message"] and dead_rows(db, one)[0][3] == "t",
           "a replay is stored: its letter's row says replayed", got)
    three, four, five = (record(room, 1, n) for n in ("3", "4", "5"))
    store.do(replay(three))
    early = dead_rows(db, three)
    notes.do(letter(three), letter(three))
    tap.ok(early == [["LETTER_UNREAD", "", "", "t"]] and
           dead_rows(db, three) == [["TOLD", str(room), three["value"][
               "clientMessageId"], "t"]], "replayed before its letter is "
           "read: the row is the same in the end", (early,
                                                    dead_rows(db, three)))
    notes.do(letter(four))
    got = store.do(replay(four, senderId=9), replay(four, senderId=9))
    tap.ok(events(got) == ["done NOT_A_MEMBER"] * 2 and
           dead_rows(db, four)[0][3] == "t", "a replay that is refused is "
           "replayed, too", got)
    notes.do(letter(five))
    again = replay(five, content="")
    got = store.do(again)
    quiet = dead_rows(db, five)[0][3]
    notes.do(letter(again, "CONTENT_EMPTY"))
    tap.ok(events(got) == ["dead"] and quiet == "f" and
           dead_rows(db, five)[0][3] == "t" and
           dead_rows(db, again)[0][::3] == ["CONTENT_EMPTY", "f"],
           "one that dies again: its new letter says so of the old one",
           (got, dead_rows(db, again)))
    stored = record(room, 1, "six")
    store.do(stored)
    notes.do(letter(stored))
    got = store.do(replay(stored))
    tap.ok(events(got) == ["done message"] and db.holes() == [],
           "a letter beside its message: replaying it does nothing", got)
    store.end()
    code = notes.end()
    said = [json.loads(s) for s in notes.said.splitlines()]
    said = [(s["offset"], s["reason"], s["stored"]) for s in said
            if s["message"] == "dead letter"]
    tap.ok(code == 0 and len(said) == 9 and said[0] == (
        one["offset"], "TOLD", 0) and said[-1] == (
            stored["offset"], "TOLD", 1), "a log line each, once", said)


def replays_race(db, rounds=150):
    """The letter and its replay at the same instant, in batches in any
    order."""
    room = db.group(1, 2)
    stores = [Store(db, "--outcomes"), Store(db)]
    all_of = []
    for _ in range(rounds):
        batch = [record(room, 1) for _ in range(random.randint(1, 20))]
        all_of += batch
        sides = [[letter(r) for r in batch], [replay(r) for r in batch]]
        threads = []
        for store, side in zip(stores, sides):
            random.shuffle(side)
            threads.append(threading.Thread(target=store.do, args=side))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    rows = {r[0]: r[1:] for r in db.sql(
        "select client_message_id, reason, chat_room_id, replayed_at is not "
        "null from message_outcomes where outcome = 'dead' and sender_id = 1 "
        "and chat_room_id = %d" % room)}
    bad = [r for r in all_of if rows.get(r["value"]["clientMessageId"]) != [
        "TOLD", str(room), "t"]]
    tap.ok(not bad and len(rows) == len(all_of), "letter and replay at the same instant, %d times: one "
           "whole row, and replayed" % len(all_of), bad[:3])
    tap.ok(db.one("select deadlocks from pg_stat_database where datname = "
                  "current_database()") == "0", "no deadlock")
    tap.ok([s.end() for s in stores] == [0, 0], "and all end well")


def away(seconds=6):
    db = Server()
    try:
        db.migrate()
        db.sql("insert into users select i, 'u' from generate_series(1, 9) i")
        room = db.group(1, 2)
        store = Store(db)
        store.do(record(room, 1))
        db.stop()
        began = time.monotonic()
        store.say(*[record(room, 1) for _ in range(5)])
        early = store.answers(1, seconds)
        said = [round(t - began, 1) for t in store.waiting]
        tap.ok(not early and len(said) == 2 and said[0] < 0.5 and
               4.5 < said[1] < 6, "PostgreSQL stopped: waiting at once and "
               "after 5 s, nothing else", (early, said))
        db.start()
        began = time.monotonic()
        got = store.answers(5, 20)
        tap.note("answered %.2f s after its start" % (
            time.monotonic() - began))
        tap.ok(events(got) == ["done message"] * 5 and
               time.monotonic() - began < 3, "back: it goes on by itself", got)

        store.waiting.clear()
        db.signal(signal.SIGSTOP)
        began = time.monotonic()
        store.say(*[record(room, 1) for _ in range(5)])
        early = store.answers(1, 11)
        said = [round(t - began, 1) for t in store.waiting]
        db.signal(signal.SIGCONT)
        tap.ok(not early and len(said) >= 2 and said[0] < 6,
               "PostgreSQL frozen: it says so too", (early, said))
        got = store.answers(5, 20)
        tap.ok(events(got) == ["done message"] * 5, "and goes on", got)

        stop = threading.Event()

        def churn():
            while not stop.is_set():
                db.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                       "where application_name = 'chat-store'")
                time.sleep(0.02)
        thread = threading.Thread(target=churn)
        thread.start()
        said = []
        for _ in range(100):
            said += events(store.do(*[record(room, 1) for _ in range(20)]))
        stop.set()
        thread.join()
        tap.ok(said == ["done message"] * 2000, "its connection cut all the "
               "time: all are stored", [s for s in said if "mess" not in s])
        tap.ok(db.holes() == [] and db.one("select count(*) from messages") ==
               "2011", "once each", db.holes())
        tap.ok(store.end() == 0, "one process all the time")

        db.stop()
        code = subprocess.run(["chat-store", "-n", "-c", db.conninfo],
                              stderr=subprocess.DEVNULL).returncode
        tap.ok(code == 111, "-n without a database: 111", code)
    finally:
        db.remove()


def schema():
    with database("schema") as db:
        db.sql("insert into chat_rooms (type) values ('GROUP')")
        both = [subprocess.Popen([c.ROOT + "/scripts/migrate", db.conninfo])
                for _ in range(2)]
        codes = [p.wait() for p in both]
        tap.ok(codes == [0, 0] and
               db.one("select count(*) from chat_rooms") == "1",
               "migrate again, twice at a time: nothing changes", codes)
        tap.ok(subprocess.run(["chat-store", "-n", "-c", db.conninfo])
               .returncode == 0, "-n: all is well")
        store = Store(db)
        db.sql("alter function chat_store rename to elsewhere")
        store.say(record(1, 1))
        said = store.answers(1, 5)
        code = store.end()
        tap.ok(not said and code == 100, "a half-applied migration below it: "
               "100, nothing said", (said, code))
        code = subprocess.run(["chat-store", "-n", "-c", db.conninfo],
                              stderr=subprocess.DEVNULL).returncode
        tap.ok(code == 100, "and so says -n", code)
        db.sql("alter table schema_version rename to elsewhere")
        done = subprocess.run(["chat-store", "-n", "-c", db.conninfo],
                              stderr=subprocess.PIPE, text=True)
        tap.ok(done.returncode == 100 and "scripts/migrate" in done.stderr,
               "no schema: 100, and what to do", done)
        db.sql("alter table elsewhere rename to schema_version",
               "drop function elsewhere")
        db.migrate()
        before = db.one("select epoch from store_epoch")
        db.sql("insert into outbox (topic, value) values ('t', '{}')")
        said = c.run("chat-store", "--new-epoch", "-c", db.conninfo).strip()
        now = db.one("select epoch from store_epoch")
        tap.ok(said == now != before and
               db.one("select count(*) from outbox") == "0",
               "--new-epoch: another epoch, an empty outbox", (said, now))


def rooms(db):
    def both(one, two):
        procs = [subprocess.Popen(["psql", "-XqAt", "-d", db.conninfo,
                                   "-c", text], stdout=subprocess.PIPE,
                                  text=True) for text in (one, two)]
        return [p.communicate()[0].strip() for p in procs]
    bad = []
    for i in range(20):
        a, b = 100 + 2 * i, 101 + 2 * i
        got = both("select room_id from chat_open_pair(%d, %d)" % (a, b),
                   "select room_id from chat_open_pair(%d, %d)" % (b, a))
        bad += [got] if got[0] != got[1] or not got[0] else []
    tap.ok(not bad, "two ask for the same 1:1 at the same instant: one room",
           bad)
    bad = []
    for i in range(20):
        room = db.group(1, 2, 3)
        both("select chat_leave(1, %d)" % room,
             "select chat_kick(1, %d, 2)" % room)
        bad += db.holes()
    tap.ok(not bad, "a kick and a leave at the same instant: no hole", bad)
    room = db.group(1, 2, 3)
    db.sql("select chat_leave(1, %d)" % room)
    tap.ok(db.one("select creator_id from chat_rooms where id = %d" % room) ==
           "2" and db.one("select code from chat_kick(2, %d, 3)" % room) ==
           "OK", "the creator leaves: the longest member becomes it")
    room = db.group(1, 2)
    said = [db.one("select code from " + t) for t in (
        "chat_invite(3, %d, '{4}')" % room, "chat_invite(1, 987654, '{4}')",
        "chat_invite(2, %d, '{4, 5, 2}')" % room,
        "chat_invite(2, %d, '{4, 999999}')" % room,
        "chat_kick(2, %d, 4)" % room, "chat_kick(1, %d, 1)" % room,
        "chat_kick(1, %d, 9)" % room, "chat_kick(null, %d, 1)" % room,
        "chat_leave(1, %d)" % room, "chat_open_pair(1, 1)",
        "chat_open_pair(1, 999999)")]
    tap.ok(said == ["ROOM_NOT_FOUND", "ROOM_NOT_FOUND", "OK", "USER_NOT_FOUND",
                    "NOT_CREATOR", "KICK_SELF", "MEMBER_NOT_FOUND", "OK",
                    "ROOM_NOT_FOUND", "INVALID_TARGET", "USER_NOT_FOUND"],
           "who may do what", said)
    kinds = db.sql("select seq, type, targets->0->>'userId' from messages "
                   "where chat_room_id = %d order by seq" % room)
    tap.ok(kinds == [["1", "SYSTEM_INVITE", "4"], ["2", "SYSTEM_INVITE", "5"],
                     ["3", "SYSTEM_KICK", "1"]],
           "one SYSTEM_INVITE a new member", kinds)


def many(count=100000):
    with database("many") as db:
        groups = [db.group(*range(1 + 10 * i, 11 + 10 * i)) for i in range(40)]
        store = Store(db)
        batch = []
        for _ in range(count):
            i = random.randrange(len(groups))
            batch.append(record(groups[i], 10 * i + random.randint(1, 10)))
        began = time.monotonic()
        got = store.do(*batch)
        took = time.monotonic() - began
        tap.note("%d messages a second, by way of this test" % (count / took))
        tap.ok(len(got) == count and all(
            a[2] and a[2][0]["event"] == "message" for a in got),
            "%d messages" % count)
        tap.ok(db.holes() == [] and db.one("select count(*) from messages") ==
               str(count), "seq is dense in each room", db.holes())
        slowest = []
        for _ in range(200):
            began = time.monotonic()
            store.do(record(groups[0], 1))
            slowest.append((time.monotonic() - began) * 1000)
        slowest.sort()
        tap.note("one at a time: p50 %.2f ms, p99 %.2f ms" % (
            slowest[100], slowest[198]))
        store.end()


def main():
    alone = (two_at_a_time, schema, many, away)
    shared = (deaths, locks, identity, refusals, kicks, rooms, poison,
              letters, replays_race)
    asked = sys.argv[1:] or [f.__name__ for f in alone + shared]
    for f in alone:
        if f.__name__ in asked:
            f()
    with database("store") as db:
        for f in shared:
            if f.__name__ in asked:
                f(db)
    tap.end()


main()
