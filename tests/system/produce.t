#!/usr/bin/env python3
"""chat-produce on a real Kafka, in topics of its own: answers, what a broker
refuses, a topic that is not there, kill -9 under load, named crash points, two
processes with one slot, a peer that is faster than Kafka, one that does not
read, TERM."""

import atexit
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
NAME = "t-produce-%d" % os.getpid()
DIR = tempfile.mkdtemp()
KILLS = int(os.environ.get("KILLS", "8"))
LOG = open(DIR + "/log", "ab")
number = 0
processes = []


def start(*argv, **more):
    processes.append(subprocess.Popen(argv, stderr=LOG, **more))
    return processes[-1]


@atexit.register
def kill_all():
    for process in processes:
        if process.poll() is None:
            process.kill()


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return condition()


def topic(partitions=1, **config):
    global number
    number += 1
    name = "%s-%d" % (NAME, number)
    with open(DIR + "/topics", "w") as f:
        json.dump({"topic": name, "partitions": partitions, "replicas": 1,
                   "config": config}, f)
    c.run("chat-topics", "apply", DIR + "/topics")
    return name


def records(name):
    """What read_committed readers see, as kcat tells it."""
    out = c.run("kcat", "-b", os.environ["CHAT_BROKERS"], "-t", name, "-C",
                "-e", "-q", "-X", "isolation.level=read_committed", "-f",
                '{"p":%p,"o":%o,"k":"%k","v":%s}\n')
    got = [json.loads(line) for line in out.splitlines()]
    return sorted(got, key=lambda r: (r["p"], r["o"]))


def produce(*options, stdin="", stdout=subprocess.PIPE, slot=90):
    done = subprocess.run(
        ["chat-produce", "-d", DIR, "--slot", str(slot), *options],
        input=stdin.encode(), stdout=stdout, stderr=LOG, timeout=60)
    answers = [json.loads(line) for line in (done.stdout or b"").splitlines()]
    return done.returncode, answers


def record(topic, id, key="k", **fields):
    return json.dumps({"id": id, "topic": topic, "key": key,
                       "value": {"n": id}, **fields}) + "\n"


def by_id(answers):
    return {a.get("id"): a for a in answers}


class Server:
    """chat-produce -l, and what its status file says."""

    def __init__(self, *options, program="chat-produce", slot=20, dir=DIR,
                 env=()):
        self.path = "%s/%d.sock" % (dir, slot)
        self.status_file = self.path + ".json"
        self.process = start(
            program, "-d", dir, "--slot", str(slot), "-l", self.path, "-S",
            self.status_file, *options, env={**os.environ, **dict(env)})

    def status(self):
        try:
            with open(self.status_file) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def counters(self):
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        return self.status()

    def ready(self, seconds=20):
        def is_ready():
            said = self.status()  # at first it is its predecessor's
            return (said.get("state") == "ready" and
                    said["pid"] == self.process.pid)

        return until(is_ready, seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, seconds=35):
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return "still there"

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) for line in f
                        if line.startswith("VmRSS"))


class Peer:
    """A line to a server: says hello, reads answers in a thread."""

    def __init__(self, path, read=True, seconds=20):
        end = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.answers = {}
        self.when = {}
        self.gone = False
        self.file = self.socket.makefile("rb")
        self.socket.sendall(
            b'{"hello":"chat/1","from":"test","maxLine":1048576}\n')
        if read:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.file:
                a = json.loads(line)
                if "hello" not in a:
                    self.answers[a.get("id")] = a
                    self.when[a.get("id")] = time.monotonic()
        except (OSError, ValueError):
            pass
        self.gone = True

    def send(self, text):
        self.socket.sendall(text.encode())

    def has(self, *ids, seconds=15):
        return until(lambda: all(i in self.answers for i in ids), seconds)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


# ------------------------------------------------------------------- answers

def plain(mode):
    t = topic(3)
    what = "idempotent" if mode else "transactional"
    text = "".join(record(t, i, key="key%d" % (i % 5)) for i in range(1200))
    code, answers = produce(*mode, stdin=text)
    got = records(t)
    tap.ok(code == 0 and len(answers) == 1200 and
           all(a["status"] == "done" for a in answers),
           "%s: 1200 lines, 1200 times done, exit 0" % what,
           (code, len(answers)))
    where = {(r["p"], r["o"]): r for r in got}
    tap.ok(len(got) == 1200 and all(
        where[(a["partition"], a["offset"])]["v"]["n"] == a["id"] and
        a["topic"] == t for a in answers),
        "%s: each is where its answer says" % what)
    for k in range(5):
        mine = [r["v"]["n"] for r in got if r["k"] == "key%d" % k]
        if mine != sorted(mine):
            break
    tap.ok(mine == sorted(mine), "%s: in order by key" % what, mine)


def refused(mode):
    what = "idempotent" if mode else "transactional"
    t = topic(1, **{"max.message.bytes": 3000})
    large = record(t, 2, valueText="x" * 4000).replace(
        '"value": {"n": 2}, ', "")
    text = record(t, 1) + large + record(t, 3)
    started = time.monotonic()
    code, answers = produce(*mode, stdin=text)
    took = time.monotonic() - started
    got = by_id(answers)
    tap.ok(code == 1 and got[2]["status"] == "dead" and
           got[2]["error"]["class"] == "MSG_SIZE_TOO_LARGE" and took > 1,
           "%s: over the topic's limit: dead, after a second try, exit 1" %
           what, (code, answers, took))
    tap.ok([r["v"]["n"] for r in records(t)] == [1, 3] and
           got[1]["status"] == got[3]["status"] == "done",
           "%s: its neighbours are there, in order" % what, records(t))
    # A batch that is too large as a whole, of records that are not.
    t = topic(1, **{"max.message.bytes": 3000})
    text = "".join(record(t, i, valueText="x" * 1000).replace(
        '"value": {"n": %d}, ' % i, "") for i in range(20))
    code, answers = produce(*mode, stdin=text)
    offsets = [a["offset"] for a in sorted(answers, key=lambda a: a["id"])]
    tap.ok(code == 0 and offsets == sorted(offsets) and len(offsets) == 20,
           "%s: a batch that is too large goes one by one" % what,
           (code, answers))


def unknown_topic():
    t = topic()
    server = Server()
    assert server.ready()
    a, b = Peer(server.path), Peer(server.path)
    a.send(record(t, 0))
    a.has(0)
    started = time.monotonic()
    a.send(record(NAME + "-none", 1) + record(t, 2) +
           record(NAME + "-none", 3))
    b.send(record(t, 4))
    ok = a.has(1, 2, 3) and b.has(4)
    tap.ok(ok and a.answers[1]["status"] == a.answers[3]["status"] == "dead"
           and a.answers[1]["error"]["class"] == "UNKNOWN_TOPIC",
           "a topic that is not there: dead, UNKNOWN_TOPIC", a.answers)
    tap.ok(ok and a.answers[2]["status"] == "done" and
           a.when[2] - started < 0.9 and b.when[4] - started < 0.9 and
           a.when[1] - started > 1,
           "which holds up nobody, not even its own peer",
           [a.when[i] - started for i in (1, 2, 3)] + [b.when[4] - started])
    # It is made while a record waits for it.
    name = NAME + "-late"
    a.send(record(name, 5))
    with open(DIR + "/topics", "w") as f:
        f.write('{"topic":"%s","partitions":1,"replicas":1}\n' % name)
    c.run("chat-topics", "apply", DIR + "/topics")
    tap.ok(a.has(5) and a.answers[5]["status"] == "done",
           "made within the second: done", a.answers.get(5))
    tap.ok(server.end() == 0, "TERM: exit 0")


def bad_input():
    t = topic()
    long = '{"id":9,"topic":"%s","valueText":"%s"}\n' % (t, "x" * (17 << 20))
    text = (record(t, 1) + "{\n" + "\n" + long +
            '{"id":"q","topic":"%s","value":7}\n' % t + record(t, 2))
    code, answers = produce("-I", stdin=text)
    dead = [a for a in answers if a["status"] == "dead"]
    tap.ok(code == 1 and len(answers) == 5 and len(dead) == 3 and
           all(a["error"]["class"] == "BAD_RECORD" for a in dead),
           "broken lines, one of 17 MiB: an answer each, exit 1", answers)
    tap.ok("q" in by_id(dead), "with its id where one can be read", dead)
    tap.ok([r["v"]["n"] for r in records(t)] == [1, 2], "the others are there")
    code, answers = produce("-I", "-P", stdin=record(
        t, 1, partition=7, headers=[["a", "b"]]))
    tap.ok(code == 1 and answers[0]["error"]["class"] == "_UNKNOWN_PARTITION",
           "-P and a partition that is not there: dead", answers)
    code, answers = produce("-I", "-t", t, stdin='{"id":1,"value":{"n":3}}\n'
                            '{"id":2,"topic":"other","value":{"n":4}}\n')
    tap.ok(code == 0 and [a["topic"] for a in answers] == [t, t],
           "-t is the topic of all, said or not", answers)
    with open("/dev/full", "wb") as full:
        code, _ = produce("-I", stdin=record(t, 1), stdout=full)
    tap.ok(code == 111, "a full disk on stdout: 111", code)
    r, w = os.pipe()
    os.close(r)
    with os.fdopen(w, "wb") as closed:
        code, _ = produce("-I", stdin=record(t, 1), stdout=closed)
    tap.ok(code == 111, "a closed pipe: 111", code)
    server = Server("-I", slot=1)
    assert server.ready()
    a, b = Peer(server.path), Peer(server.path)
    b.send(record(t, 1))
    try:
        a.send("x" * (3 << 20))
    except OSError:
        pass
    tap.ok(until(lambda: a.gone) and b.has(1) and not b.gone,
           "on a socket a line over 1 MiB ends its peer, and no other")
    tap.ok(server.end() == 0, "and TERM ends it")


# ---------------------------------------------------------------------- kill -9

class Sender:
    """Sends numbered records to a server that dies; after each death the
    unanswered ones again, in their order, then new ones."""

    def __init__(self, topic, keys=3):
        self.topic, self.keys = topic, keys
        self.lines, self.done, self.next = {}, {}, 0
        self.peer, self.stop = None, False

    def line(self, n):
        return record(self.topic, n, key="key%d" % (n % self.keys))

    def connect(self, path):
        self.peer = Peer(path)
        for n in sorted(self.lines):
            self.peer.send(self.lines[n])

    def talk(self, seconds, rate=1500):
        """False when the line was lost."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                if len(self.lines) < 2000:
                    some = ""
                    for _ in range(rate // 200):
                        self.lines[self.next] = self.line(self.next)
                        some += self.lines[self.next]
                        self.next += 1
                    self.peer.send(some)
                self.collect()
                time.sleep(0.005)
        except OSError:
            pass

    def collect(self):
        for n in [n for n in self.lines if n in self.peer.answers]:
            self.done[n] = self.peer.answers[n]
            del self.lines[n]

    def finish(self):
        ok = until(lambda: self.collect() or not self.lines, 30)
        return ok

    def verdict(self, what):
        got = records(self.topic)
        where = {(r["p"], r["o"]): r["v"]["n"] for r in got}
        lost = [n for n, a in self.done.items()
                if where.get((a["partition"], a["offset"])) != n]
        tap.ok(len(self.done) == self.next and not lost,
               "%s: no answered record is lost (%d)" % (what, self.next),
               (len(self.done), self.next, lost[:10]))
        wrong = []
        for k in range(self.keys):
            seen = []
            for r in got:
                if r["k"] == "key%d" % k and r["v"]["n"] not in set(seen):
                    seen.append(r["v"]["n"])
            if seen != sorted(seen):
                wrong.append(k)
        tap.ok(not wrong, "%s: in order by key, repeats dropped (%d)" %
               (what, len(got) - self.next), wrong)
        return got


def kills(mode, slot):
    what = "idempotent" if mode else "transactional"
    sender = Sender(topic(3))
    rand = random.Random(slot)
    for _ in range(KILLS):
        server = Server(*mode, slot=slot)
        assert server.ready(40)
        sender.connect(server.path)
        sender.talk(0.2 + rand.random() * 0.4)
        server.kill()
    server = Server(*mode, slot=slot)
    assert server.ready(40)
    sender.connect(server.path)
    tap.ok(sender.finish(), "%s: %d times kill -9: all answered in the end" %
           (what, KILLS), len(sender.lines))
    sender.verdict(what)
    server.end()


def crash_points():
    crashing = c.crashing("chat-produce")
    for point, copies in (("after-produce", 1), ("before-commit", 1),
                          ("after-commit", 2)):
        sender = Sender(topic(1), keys=1)
        server = Server(program=crashing, slot=4,
                        env={"CHAT_CRASH_AT": "produce:%s*2" % point})
        server.ready()
        sender.connect(server.path)
        sender.lines[0] = sender.line(0)
        sender.peer.send(sender.lines[0])
        sender.peer.has(0)
        sender.collect()
        for n in (1, 2, 3):
            sender.lines[n] = sender.line(n)
        sender.next = 4
        sender.peer.send("".join(sender.lines[n] for n in (1, 2, 3)))
        dead = server.process.wait(15)
        time.sleep(0.1)
        sender.collect()
        tap.ok(dead == -signal.SIGKILL and sorted(sender.done) == [0],
               "%s: dies there, nothing was answered" % point,
               (dead, sender.done))
        server = Server(slot=4)
        server.ready()
        sender.connect(server.path)
        sender.finish()
        got = sender.verdict(point)
        tap.ok([r["v"]["n"] for r in got] == [0] + [1, 2, 3] * copies,
               "%s: there %s after sending again" %
               (point, "once" if copies == 1 else "twice"), got)
        server.end()


# ------------------------------------------------------------------------ slots

def slots():
    t = topic()
    first, second = Server(slot=5), None
    assert first.ready()
    second = start(
        "chat-produce", "-d", DIR, "--slot", "5", "-S", DIR + "/second.json",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def second_status():
        try:
            with open(DIR + "/second.json") as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    tap.ok(until(lambda: second_status().get("state") == "waiting") and
           str(first.process.pid) in second_status()["why"],
           "a slot that is taken is waited for, and its pid is told",
           second_status())
    peer = Peer(first.path)
    peer.send(record(t, 1))
    tap.ok(peer.has(1), "the first works on meanwhile")
    first.end()
    out, _ = second.communicate(record(t, 2).encode(), timeout=30)
    tap.ok(second.returncode == 0 and b'"done"' in out,
           "when it has ended the second takes over", out)

    # Two by hand, neither with a slot: each finds one of its own.
    pipes = [start("chat-produce", "-d", DIR, stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE) for _ in range(2)]
    for i, p in enumerate(pipes):
        p.stdin.write(record(t, 10 + i).encode())
        p.stdin.flush()
    said = [p.stdout.readline() for p in pipes]
    tap.ok(all(b'"done"' in s for s in said),
           "two by hand, without a slot, side by side", said)
    tap.ok(sorted(int(open("%s/chat-produce.%s.%d" % (
        DIR, socket.gethostname(), slot)).read()) for slot in (0, 1)) ==
        sorted(p.pid for p in pipes), "with the first two slots")
    for p in pipes:
        p.stdin.close()
    tap.ok([p.wait(30) for p in pipes] == [0, 0], "both end with 0")

    # Without a common lock they fence each other.
    other = tempfile.mkdtemp()
    first = Server(slot=6)
    assert first.ready()
    peer = Peer(first.path)
    peer.send(record(t, 3))
    peer.has(3)
    second = Server(slot=6, dir=other)
    assert second.ready()
    peer.send(record(t, 4))
    tap.ok(first.process.wait(20) == 111 and 4 not in peer.answers,
           "fenced: exit 111, and no answer", peer.answers)
    peer = Peer(second.path)
    peer.send(record(t, 4))
    tap.ok(peer.has(4), "the other has the id")
    second.end()


# ------------------------------------------------------------------------ bounds

def full_queue(mode, slot):
    what = "idempotent" if mode else "transactional"
    t = topic()
    server = Server(*mode, "--queue", "500", "--queue-bytes", "1M", slot=slot)
    assert server.ready()
    other = Peer(server.path)
    other.send(record(t, "warm", key="other"))
    other.has("warm")
    before = server.rss()
    fast = Peer(server.path)
    count = 30000
    pad = "x" * 600
    slow = []

    def blast():
        for i in range(0, count, 100):
            fast.send("".join(record(t, n, pad=pad) .replace(
                '"value": {"n": %d}' % n,
                '"value": {"n": %d, "pad": "%s"}' % (n, pad))
                for n in range(i, i + 100)))

    sender = threading.Thread(target=blast)
    sender.start()
    while sender.is_alive():
        name = "o%d" % len(slow)
        at = time.monotonic()
        other.send(record(t, name, key="other"))
        other.has(name)
        slow.append(time.monotonic() - at)
        time.sleep(0.02)
    ok = until(lambda: len(fast.answers) == count, 60)
    said = server.counters()
    tap.ok(ok and said["paused"] > 0,
           "%s: a peer faster than Kafka is paused (%s times), not refused" %
           (what, said.get("paused")), len(fast.answers))
    offsets = [fast.answers[n].get("offset", -1) for n in range(count)]
    tap.ok(offsets == sorted(offsets) and offsets[0] >= 0,
           "%s: nothing is lost, all is in order" % what)
    grown = server.rss() - before
    tap.ok(grown < 30000, "%s: memory stays flat (%d KiB more)" % (what, grown))
    slow.sort()
    tap.ok(slow and slow[len(slow) // 2] < 1,
           "%s: another peer is served meanwhile" % what, slow[-5:])
    server.end()


def stops_reading():
    """What waits for a topic that is not there fills the queue for a second."""
    server = Server("-I", "--queue", "100", slot=17)
    assert server.ready()
    peer = Peer(server.path)
    text = "".join(record(NAME + "-never", n) for n in range(20000))

    def blast():
        try:
            peer.send(text)
        except OSError:
            pass

    sender = threading.Thread(target=blast, daemon=True)
    sender.start()
    queued = until(lambda: server.counters().get("queued"), 1)
    tap.ok(queued and queued < 1000 and sender.is_alive(), "a full queue: its "
           "peer is not read, whatever it sends (%s queued)" % queued)
    other = Peer(server.path)
    other.send(record(topic(), "o"))
    tap.ok(other.has("o"), "and others are")
    peer.close()
    tap.ok(server.end() == 0, "TERM: exit 0")


def deaf_peer():
    t = topic()
    server = Server("-I", "--queue", "200", slot=8)
    assert server.ready()
    deaf, other = Peer(server.path, read=False), Peer(server.path)
    deaf.socket.setblocking(False)
    sent, end = 0, time.monotonic() + 60
    text = b""
    blocked = None
    while time.monotonic() < end:
        if not text:
            text = record(t, sent, key="deaf").encode()
            sent += 1
        try:
            text = text[deaf.socket.send(text):]
            blocked = None
        except BlockingIOError:
            blocked = blocked or time.monotonic()
            if time.monotonic() - blocked > 1:
                break
            time.sleep(0.01)
    other.send(record(t, "o", key="other"))
    tap.ok(blocked and other.has("o"),
           "who does not read its answers is read no more (after %d); "
           "others go on" % sent)
    deaf.socket.setblocking(True)
    threading.Thread(target=deaf.read, daemon=True).start()
    deaf.send(text.decode())
    tap.ok(deaf.has(*range(sent), seconds=30) and
           [deaf.answers[n]["offset"] for n in range(sent)] ==
           sorted(deaf.answers[n]["offset"] for n in range(sent)),
           "when it reads, it has lost nothing", len(deaf.answers))
    server.end()


def drain(mode, slot):
    what = "idempotent" if mode else "transactional"
    t = topic()
    server = Server(*mode, slot=slot)
    assert server.ready()
    peer = Peer(server.path)
    peer.send(record(t, "first"))
    peer.has("first")
    peer.send("".join(record(t, n) for n in range(3000)))
    time.sleep(0.005)
    code = server.end()
    until(lambda: peer.gone)
    there = {r["v"]["n"] for r in records(t)}
    tap.ok(code == 0 and set(peer.answers) == there,
           "%s: TERM: what was taken is finished and told, exit 0 (%d)" %
           (what, len(there)), (code, len(peer.answers), len(there)))
    tap.ok(not os.path.exists(server.path) and
           not os.path.exists(server.status_file),
           "%s: socket and status file are gone" % what)


def no_kafka():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        nobody = "127.0.0.1:%d" % s.getsockname()[1]
    for mode, slot in (((), 11), (("-I",), 12)):
        server = Server("-b", nobody, *mode, slot=slot)
        tap.ok(until(lambda: server.status().get("state") == "waiting") and
               server.status()["why"] == "kafka",
               "no Kafka at the start: waits, and says so", server.status())
        tap.ok(server.end() == 0, "TERM ends the wait: exit 0")


def grow(name, partitions):
    """CreatePartitions, version 0: none of our programs does it."""
    host, port = os.environ["CHAT_BROKERS"].split(",")[0].rsplit(":", 1)
    text = name.encode()
    body = (struct.pack(">hhih", 37, 0, 1, -1) +
            struct.pack(">ih", 1, len(text)) + text +
            struct.pack(">iiib", partitions, -1, 10000, 0))
    with socket.create_connection((host, int(port)), 10) as s:
        s.sendall(struct.pack(">i", len(body)) + body)
        answer = s.recv(1000)
    code = struct.unpack(">h", answer[18 + len(text):20 + len(text)])[0]
    assert code == 0, (code, answer)


def partitions_change():
    t = topic(1)
    server = Server("-X", "topic.metadata.refresh.interval.ms=200", slot=16)
    assert server.ready()
    peer = Peer(server.path)
    peer.send(record(t, 1))
    tap.ok(peer.has(1), "a topic of one partition")
    grow(t, 3)
    time.sleep(1)
    try:
        peer.send(record(t, 2))
    except BrokenPipeError:
        pass    # it has seen the change by itself, and has ended
    try:
        code = server.process.wait(10)
    except subprocess.TimeoutExpired:
        code = "still there"
    tap.ok(code == 111 and 2 not in peer.answers,
           "which gets more: 111, and no answer", (code, peer.answers))


def taken_for_good():
    """35 s, beside all others: then 100."""
    first = Server(slot=13)
    assert first.ready()
    second = start("chat-produce", "-d", DIR, "--slot", "13",
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    third = Server(slot=14, *("-I",))
    third.ready()
    fourth = start("chat-produce", "-I", "-l", third.path,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return first, second, third, fourth, time.monotonic()


def still_taken(first, second, third, fourth, began):
    codes = []
    for p in (second, fourth):
        try:
            codes.append(p.wait(max(1, began + 45 - time.monotonic())))
        except subprocess.TimeoutExpired:
            p.kill()
            codes.append("still there")
    tap.ok(codes == [100, 100],
           "a slot or a socket that stays taken: 100, after 35 s", codes)
    first.end()
    third.end()


def main():
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            globals()[name]()
        tap.end()
    taken = taken_for_good()
    for mode in ((), ("-I",)):
        plain(mode)
        refused(mode)
    unknown_topic()
    bad_input()
    kills((), 2)
    kills(("-I",), 3)
    crash_points()
    slots()
    full_queue((), 7)
    full_queue(("-I",), 10)
    stops_reading()
    deaf_peer()
    drain((), 9)
    drain(("-I",), 15)
    no_kafka()
    partitions_change()
    still_taken(*taken)
    tap.end()


main()
