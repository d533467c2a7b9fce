#!/usr/bin/env python3
"""What small histories for chat-audit are made of, and how they are judged:
audit_cases.py has them, and says what this is for."""
import copy
import json
import os
import subprocess
import sys
import zlib

CASES = []
SOURCES = ("messages", "uncommitted", "events", "letters", "rows", "outcomes",
           "rooms", "members", "groups")
OPTION = {"uncommitted": "messages-uncommitted"}
T0 = 1795564756000


def case(name, expected="", names="", options="", without="", code=None):
    """A function of a world, which it changes. without: sources left out."""
    def add(change):
        CASES.append((name, set(expected.split()), names, options.split(),
                      without.split(), code, change))
        return change
    return add


def crc(text):
    return "%08x" % zlib.crc32(text.encode())


class World:
    """What a room, two who talk (a is 7, b is 8) and one who listens (c is 9, a
    file of his own) would leave, as lists of lines."""

    def __init__(self):
        for source in SOURCES:
            setattr(self, source, [])
        self.h, self.h2, self.tail = [], [], ""
        self.ms, self.offset, self.seq = T0, 100, 0
        self.there = ["a", "b", "c"]
        self.rooms = [{"id": 1, "last_seq": 0}]
        self.members = [{"room_id": 1, "user_id": u, "left_at": None,
                         "joined_at": "2026-01-01T00:00:00Z"} for u in (7, 8, 9)]
        for worker in self.there:
            self.say(worker, "connected")
            self.join(worker, "live", head=0)

    def say(self, worker, op, **fields):
        self.ms += 1
        line = {"ns": self.ms * 1000000, "ms": self.ms, "op": op,
                "worker": worker, "userId": ord(worker) - ord("a") + 7, **fields}
        (self.h2 if worker == "c" else self.h).append(line)
        return line

    def join(self, worker, status, **fields):
        self.say(worker, "joined", roomId=1, status=status, epoch="e", **fields)
        if worker not in self.there:
            self.there.append(worker)

    def lose(self, worker):
        self.say(worker, "lost")
        self.there.remove(worker)

    def back(self, worker, cursor):
        """Comes back, and gets all behind cursor."""
        self.say(worker, "connected")
        self.join(worker, "recovered", head=self.seq, **{"from": cursor})
        for event in self.events:
            if event["value"]["message"]["seq"] > cursor:
                self.recv(worker, event["value"]["message"])

    def invoke(self, worker, ident, text=None, **fields):
        return self.say(worker, "invoke", roomId=1, n=0, clientMessageId=ident,
                        crc=crc(text or "text " + ident), **fields)

    def ok(self, worker, ident):
        return self.say(worker, "ok", clientMessageId=ident)

    def fail(self, worker, ident, code="NOT_A_MEMBER", final=True):
        return self.say(worker, "fail", clientMessageId=ident, code=code,
                        final=final)

    def info(self, worker, ident):
        return self.say(worker, "info", clientMessageId=ident)

    def record(self, user, ident, text=None, committed=True):
        self.ms += 1
        record = {"topic": "chat-messages", "partition": 3,
                  "offset": self.offset, "timestamp": self.ms, "key": "1",
                  "headers": [], "value": {
                      "roomId": 1, "senderId": user, "clientMessageId": ident,
                      "content": text or "text " + ident, "type": "TEXT"}}
        self.offset += 2  # a marker
        self.uncommitted.append(copy.deepcopy(record))
        if committed:
            self.messages.append(record)
        return record

    def row(self, record, seq=None, **fields):
        self.seq = seq or self.seq + 1
        self.rooms[0]["last_seq"] = self.seq
        value = record["value"] if record else {}
        row = {"id": 1000 + self.seq, "chat_room_id": 1, "seq": self.seq,
               "sender_id": value.get("senderId"),
               "client_message_id": value.get("clientMessageId"),
               "type": "TEXT", "content": value.get("content"),
               "targets": None, "sent_at": self.ms,
               "record_partition": record and 3,
               "record_offset": record and record["offset"],
               "record_timestamp": record and record["timestamp"], **fields}
        self.rows.append(row)
        return row

    def event(self, row):
        message = {"messageId": row["id"], "seq": row["seq"], "roomId": 1,
                   "senderId": row["sender_id"], "senderNickname": "n",
                   "clientMessageId": row["client_message_id"],
                   "content": row["content"], "type": row["type"],
                   "sentAt": "2026-11-24T00:00:00.000", "sentAtMs": self.ms}
        if row["targets"]:
            message["targets"] = row["targets"]
        self.tell({"event": "message", "epoch": "e", "message": message})
        return message

    def tell(self, value):
        self.events.append({
            "topic": "chat-events", "partition": 3, "timestamp": self.ms,
            "offset": len(self.events), "key": "1", "value": value})

    def recv(self, worker, message):
        return self.say(worker, "recv", crc=crc(message["content"]), **{
            k: message[k] for k in ("roomId", "seq", "messageId", "senderId",
                                    "clientMessageId", "type")})

    def deliver(self, message, but=""):
        for worker in self.there:
            if worker not in but:
                self.recv(worker, message)

    def store(self, record, but="", **fields):
        row = self.row(record, **fields)
        message = self.event(row)
        self.deliver(message, but)
        return row

    def send(self, worker, ident, text=None, but="", ok=True):
        self.invoke(worker, ident, text)
        record = self.record(ord(worker) - ord("a") + 7, ident, text)
        if ok:
            self.ok(worker, ident)
        return self.store(record, but)

    def system(self, kind, user, but=""):
        return self.store(None, but, type=kind, sender_id=7, content=kind,
                          targets=[{"userId": user, "nickname": "x"}])

    def outcome(self, outcome, record, **fields):
        value = record["value"]
        self.outcomes.append({
            "outcome": outcome, "topic": "chat-messages", "reason": "R",
            "record_partition": 3, "record_offset": record["offset"],
            "record_timestamp": record["timestamp"], "chat_room_id": 1,
            "sender_id": value.get("senderId"),
            "client_message_id": value.get("clientMessageId"), **fields})

    def letter(self, record, row=True):
        at = [("topic", "chat-messages"), ("partition", "3"),
              ("offset", str(record["offset"])),
              ("timestamp", str(record["timestamp"]))]
        self.letters.append({
            **record, "topic": "chat-messages-dlt", "offset": len(self.letters),
            "timestamp": self.ms, "headers": [
                ["kafka_dlt-original-" + k, v] for k, v in at]})
        if row:
            self.outcome("dead", record)

    def end(self):
        for worker in "abc":
            self.say(worker, "end")

    def of(self, worker, op, **fields):
        """The first such line of a history."""
        return next(line for line in self.h + self.h2 if line["op"] == op and
                    line["worker"] == worker and
                    all(line.get(k) == v for k, v in fields.items()))

    def drop(self, line):
        for history in (self.h, self.h2):
            history[:] = [x for x in history if x is not line]


def base():
    w = World()
    for i in range(1, 4):
        w.send("a", "a%d" % i)
        w.send("b", "b%d" % i)
    return w


def lines(what):
    return "".join(json.dumps(line) + "\n" for line in what)


def run(audit, folder, world, options, without):
    args = [audit, "-j", *options]
    for source in SOURCES:
        path = os.path.join(folder, source)
        with open(path, "w") as out:
            out.write(lines(getattr(world, source)))
        if source not in without and (source != "groups" or world.groups):
            args += ["--" + OPTION.get(source, source), path]
    for name in ("h", "h2"):
        path = os.path.join(folder, name)
        with open(path, "w") as out:
            out.write(lines(getattr(world, name)) + world.tail)
        args.append(path)
    return subprocess.run(args, capture_output=True, text=True)


def judge(done, expected, names, code):
    """What is wrong with its verdict; empty: nothing."""
    if code is not None:
        return "" if done.returncode == code and names in done.stderr else \
            "exit %d: %s" % (done.returncode, done.stderr)
    if done.returncode not in (0, 1):
        return "exit %d: %s" % (done.returncode, done.stderr)
    violated = [i for i in json.loads(done.stdout)["invariants"]
                if i["violations"]]
    seen = {i["name"] for i in violated}
    texts = [t for i in violated for t in i["first"]]
    if seen != expected or done.returncode != bool(expected) or \
            (expected and not any(names in t for t in texts)):
        return "exit %d, %s, not %s%s: %s" % (
            done.returncode, " ".join(sorted(seen)) or "none",
            " ".join(sorted(expected)) or "none",
            names and " naming '%s'" % names, "; ".join(texts[:4]))
    return ""


def main():
    audit, folder = sys.argv[1:]
    print("1..%d" % len(CASES))
    for number, one in enumerate(CASES, 1):
        name, expected, names, options, without, code, change = one
        world = base()
        change(world)
        if code is None:
            world.end()
        wrong = judge(run(audit, folder, world, options, without), expected,
                      names, code)
        print("%sok %d - %s" % ("not " if wrong else "", number, name))
        if wrong:
            print("# " + wrong.replace("\n", " "))
