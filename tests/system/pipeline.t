#!/usr/bin/env python3
"""The pipeline without an edge: chat-produce, Kafka, chat-consume with
chat-store under it, PostgreSQL, and chat-events at its end; in topics and a
database of its own. The store dies between commit and answer: its events come
all the same. The runner and the store are killed under load: nothing is lost,
nothing is stored twice, no number is missing."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
NAME = "t-pipeline-%d" % os.getpid()
IN, OUT, DLT = NAME + "-in", NAME + "-out", NAME + "-in-dlt"
DATABASE = NAME.replace("-", "_")
SERVER = os.environ["CHAT_PG"]
CONNINFO = " ".join("dbname=" + DATABASE if w.startswith("dbname=") else w
                    for w in SERVER.split())


def sql(conninfo, *texts):
    argv = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo]
    for text in texts:
        argv += ["-c", text]
    return c.run(*argv).splitlines()


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


class Pipeline:
    """The programs, what was sent, and all that came out."""

    def __init__(self, rundir):
        self.env = {**os.environ, "CHAT_PG": CONNINFO, "CHAT_RUN": rundir}
        self.log = open(rundir + "/log", "wb")
        self.sent, self.receipts, self.events = {}, {}, []
        self.others, self.kinds = [], []
        self.next = 0
        self.view = self.start("chat-consume", "-t", OUT, "-o", "start",
                               stdout=subprocess.PIPE)
        # A transaction that a slow machine lets time out ends a producer by
        # design; here nobody would start it again.
        self.produce = self.start("chat-produce", "-I", "-t", IN,
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        for work in (self.read_events, self.read_receipts):
            threading.Thread(target=work, daemon=True).start()
        self.runner = None

    def start(self, *argv, env=(), **pipes):
        return subprocess.Popen(argv, stderr=self.log,
                                env={**self.env, **dict(env)}, **pipes)

    def run(self, store="chat-store", **env):
        self.runner = self.start(
            "chat-consume", "-t", IN, "-g", NAME, "--control", "--",
            store, "--events", OUT, env=env)

    def read_events(self):
        for line in self.view.stdout:
            value = json.loads(line)["value"]
            self.kinds.append(value["event"])
            if value["event"] == "message":
                self.events.append(value["message"])
            else:
                self.others.append(value)

    def read_receipts(self):
        for line in self.produce.stdout:
            answer = json.loads(line)
            self.receipts[answer["id"]] = answer["status"]

    def send(self, room, sender, count=1):
        lines = []
        for _ in range(count):
            self.next += 1
            value = {"roomId": room, "senderId": sender, "type": "TEXT",
                     "clientMessageId": str(uuid.uuid4()),
                     "content": "m %d" % self.next,
                     "sentAtMs": int(time.time() * 1000)}
            self.sent[value["clientMessageId"]] = value
            lines.append(json.dumps({"id": self.next, "key": str(room),
                                     "value": value}).encode() + b"\n")
        self.produce.stdin.write(b"".join(lines))
        self.produce.stdin.flush()

    def missing(self):
        told = {m["clientMessageId"] for m in self.events}
        return [v["content"] for i, v in self.sent.items() if i not in told]

    def stop(self):
        self.produce.stdin.close()
        codes = [self.produce.wait(20)]
        for child in (self.runner, self.view):
            child.terminate()
            codes.append(child.wait(20))
        self.log.close()
        return codes

    def kill(self):
        for child in (self.produce, self.runner, self.view):
            if child and child.poll() is None:
                child.kill()


def quiet_room(pipe, room, crashing):
    """Each second batch dies with its store, once it is committed."""
    pipe.run(crashing, CHAT_CRASH_AT="store:after-commit*2")
    slowest = 0
    for _ in range(8):
        began = time.monotonic()
        pipe.send(room, 1)
        if not until(lambda: not pipe.missing(), 20):
            break
        slowest = max(slowest, time.monotonic() - began)
    tap.ok(not pipe.missing(), "the store dies between commit and answer: the "
           "last message of a quiet room still comes", pipe.missing())
    tap.note("the slowest after %.2f s" % slowest)
    rows = sql(CONNINFO, "select seq, content from messages where "
               "chat_room_id = %d order by seq" % room)
    tap.ok(rows == ["%d|m %d" % (i, i) for i in range(1, 9)],
           "each is stored once", rows)
    seqs = [m["seq"] for m in pipe.events]
    tap.ok(sorted(set(seqs)) == list(range(1, 9)), "and told by its number",
           seqs)
    pipe.runner.terminate()
    tap.ok(pipe.runner.wait(20) == 0, "TERM: drained, 0")


def under_load(pipe, rooms, seconds=8):
    pipe.run()
    end = time.monotonic() + seconds
    kills = 0
    at = time.monotonic() + 1.5
    while time.monotonic() < end:
        i = random.randrange(len(rooms))
        pipe.send(rooms[i], 10 * i + random.randint(1, 10),
                  random.randint(1, 10))
        time.sleep(0.01)
        if time.monotonic() < at:
            continue
        at = time.monotonic() + 1.5
        kids = c.run("ps", "-o", "pid=", "--ppid",
                     str(pipe.runner.pid)).split() if kills % 2 else []
        for pid in map(int, kids):
            os.kill(pid, signal.SIGKILL)
        if not kids:
            pipe.runner.kill()
            pipe.runner.wait()
            pipe.run()
        kills += 1
    ok = until(lambda: not pipe.missing() and
               len(pipe.receipts) == len(pipe.sent), 40)
    tap.ok(ok, "runner and store killed %d times under load: all %d messages "
           "come out" % (kills, len(pipe.sent)), pipe.missing()[:5])
    tap.ok(set(pipe.receipts.values()) == {"done"}, "all have a receipt")
    holes = sql(CONNINFO, "select r.id from chat_rooms r left join messages m "
                "on m.chat_room_id = r.id group by r.id "
                "having r.last_seq <> count(m.id)")
    count = sql(CONNINFO, "select count(*) from messages")
    tap.ok(holes == [] and count == [str(len(pipe.sent))],
           "stored once each, no number is missing", (holes, count))
    wrong = []
    numbers = {}
    for m in pipe.events:
        sent = pipe.sent[m["clientMessageId"]]
        known = numbers.setdefault(m["clientMessageId"], m)
        if m != known or any(m[k] != sent[k] for k in (
                "roomId", "senderId", "content", "type", "sentAtMs")):
            wrong.append((m, sent))
    tap.ok(not wrong, "each event holds the words that were sent, and each "
           "repetition is the same", wrong[:2])
    tap.note("%d events again" % (len(pipe.events) - len(numbers)))
    tap.ok(set(pipe.kinds) == {"message"}, "no other event", pipe.others[:3])


def refusals_and_letters(pipe, room):
    before = len(pipe.others)
    pipe.send(room, 399)
    until(lambda: len(pipe.others) > before, 20)
    tap.ok([(o["event"], o["code"]) for o in pipe.others[before:]] ==
           [("refused", "NOT_A_MEMBER")], "a stranger is refused by an event",
           pipe.others)
    for text in ('{"id":"a","key":"1","value":{"roomId":2}}',
                 '{"id":"b","key":"1","valueText":"no JSON"}'):
        pipe.produce.stdin.write(text.encode() + b"\n")
    pipe.produce.stdin.flush()
    letters = []

    def two():
        letters[:] = c.run("chat-consume", "-t", DLT, "-o", "start",
                           "-e", "end").splitlines()
        return len(letters) == 2
    tap.ok(until(two, 20), "what can never work becomes a letter", letters)


def main():
    crashing = c.crashing("chat-store")
    with tempfile.TemporaryDirectory() as rundir:
        with open(rundir + "/topics", "w") as f:
            for topic in (IN, OUT, DLT):
                f.write('{"topic":"%s","partitions":3,"replicas":1}\n' % topic)
        c.run("chat-topics", "apply", rundir + "/topics")
        sql(SERVER, "create database " + DATABASE)
        pipe = None
        try:
            c.run(c.ROOT + "/scripts/migrate", CONNINFO)
            sql(CONNINFO, "insert into users select i, 'u' || i "
                "from generate_series(1, 399) i")
            rooms = [int(sql(CONNINFO, "select room_id from chat_create_group("
                             "%d, 'g', array(select generate_series(%d, %d)))"
                             % (10 * i + 1, 10 * i + 1, 10 * i + 10))[0])
                     for i in range(20)]
            pipe = Pipeline(rundir)
            quiet_room(pipe, rooms[0], crashing)
            under_load(pipe, rooms)
            refusals_and_letters(pipe, rooms[0])
            codes = pipe.stop()
            tap.ok(codes == [0, 0, 0], "all end well", codes)
        finally:
            if pipe:
                pipe.kill()
            sql(SERVER, "drop database %s with (force)" % DATABASE)
            with open(rundir + "/log", errors="replace") as log:
                if tap.failed:
                    tap.note(log.read()[-3000:].replace("\n", "\n# "))
    tap.end()


main()
