#!/usr/bin/env python3
"""A twin topic, byte for byte: 10,000 random records with binary keys and
values, nulls, empty ones, headers that repeat, are null or binary, and
timestamps, through chat-consume | chat-produce -P; and what came is what was
meant, as kcat sees it too where there is one."""

import base64
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
NAME = "t-twin-%d" % os.getpid()
A, B = NAME + "-a", NAME + "-b"
PARTITIONS = 4
COUNT = 10000
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
dice = random.Random(SEED)

TEXTS = ['{"n":37.5665000}', '{ "a" : [1, 2] }', "[]", "{}", '{"a":1,"a":2}',
         '{"n":9007199254740993}', '{"x":\n1}', "plain", "", "null", "17",
         '{"t":"\\ud83d\\ude00 \\u0000"}', '{"open":', "\u20ac\U0001f600", "\0",
         '"text"', "\ufeff{}", '{"d":1e400,"e":-0}', " {} ", '"\\ud800"']


def some_bytes():
    kind = dice.random()
    if kind < 0.1:
        return None
    if kind < 0.2:
        return b""
    if kind < 0.5:
        return dice.choice(TEXTS).encode()
    if kind < 0.52:
        return dice.randbytes(dice.randrange(100000))
    return dice.randbytes(dice.randrange(40))


def some_headers():
    names = ["a", "a", "b", "", "kafka_dlt-x", "\u20ac", 'with "quotes"']
    return [(dice.choice(names), some_bytes())
            for _ in range(dice.choice((0, 0, 1, 2, 5)))]


def some_record(i):
    return (i % PARTITIONS, 1600000000000 + dice.randrange(10 ** 11),
            some_bytes(), some_bytes(), some_headers())


def as_b64(data):
    return None if data is None else base64.b64encode(data).decode()


def write(record):
    """A line that says all bytes in base64: nothing to be clever about."""
    partition, timestamp, key, value, headers = record
    line = {"topic": A, "partition": partition, "timestamp": timestamp}
    line["key" if key is None else "key64"] = as_b64(key)
    line["value" if value is None else "value64"] = as_b64(value)
    line["headers"] = [[name, None if v is None else {"b64": as_b64(v)}]
                       for name, v in headers]
    return json.dumps(line)


def bytes_of(line, raw, name):
    if name + "64" in line:
        return base64.b64decode(line[name + "64"])
    if name + "Text" in line:
        return line[name + "Text"].encode()
    if line.get(name) is None:
        return None
    if name == "key":
        return line["key"].encode()
    return raw[raw.index(b',"value":') + 9:-1]  # the very bytes; it is last


def read(raw):
    line = json.loads(raw)
    headers = [(name, None if v is None else base64.b64decode(v["b64"])
                if isinstance(v, dict) else v.encode())
               for name, v in line.get("headers", [])]
    return (line["partition"], line["timestamp"], bytes_of(line, raw, "key"),
            bytes_of(line, raw, "value"), headers)


def topic(name):
    done = subprocess.run(["chat-consume", "-t", name, "-e", "end"],
                          stdout=subprocess.PIPE, timeout=60)
    return done.returncode, [read(raw) for raw in done.stdout.splitlines()]


def by_partition(records):
    return [[r for r in records if r[0] == p] for p in range(PARTITIONS)]


def first_difference(a, b):
    for x, y in zip(sum(by_partition(a), []), sum(by_partition(b), [])):
        if x != y:
            return "%.300r\n%.300r" % (x, y)
    return "%d and %d records" % (len(a), len(b))


def kcat(name):
    out = subprocess.run(
        ["kcat", "-q", "-C", "-e", "-b", os.environ["CHAT_BROKERS"], "-t",
         name, "-o", "beginning", "-X", "isolation.level=read_committed",
         "-f", "%p %T %K %S "], stdout=subprocess.PIPE, timeout=60).stdout
    words = out.decode().split()
    return sorted(tuple(map(int, words[i:i + 4]))
                  for i in range(0, len(words), 4))


def main():
    tap.note("seed %d" % SEED)
    with tempfile.TemporaryDirectory() as rundir:
        with open(rundir + "/topics", "w") as f:
            for name in (A, B):
                # Old timestamps: kept for ever.
                f.write('{"topic":"%s","partitions":%d,"replicas":1,'
                        '"config":{"retention.ms":-1}}\n' % (name, PARTITIONS))
        c.run("chat-topics", "apply", rundir + "/topics")
        meant = [some_record(i) for i in range(COUNT)]
        c.run("chat-produce", "-d", rundir, "--slot", "80", "-P",
              stdin="".join(write(r) + "\n" for r in meant))
        code, one = topic(A)
        tap.ok(code == 0 and len(one) == COUNT, "10,000 records", len(one))
        tap.ok(by_partition(one) == by_partition(meant),
               "each is what was meant, in its partition and order",
               first_difference(one, meant))
        pipe = subprocess.run(
            ["sh", "-c", "chat-consume -t '%s' -e end | chat-produce -t '%s' "
             "-P -d '%s' --slot 80 >'%s/answers'" % (
                 A, B, rundir, rundir)], timeout=100)
        code, two = topic(B)
        tap.ok(pipe.returncode == 0 and by_partition(two) == by_partition(one),
               "its twin is equal", first_difference(two, one))
        if shutil.which("kcat"):
            sizes = sorted((p, t, -1 if k is None else len(k),
                            -1 if v is None else len(v))
                           for p, t, k, v, _ in meant)
            tap.ok(kcat(A) == sizes == kcat(B), "kcat sees the same sizes")
    tap.end()


main()
