#!/usr/bin/env python3
"""chat-broadcast between a runner (this test) and edges (this test)."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time

BIN = os.environ.get("B", "build") + "/chat-broadcast"
HELLO = b'{"hello":"chat/1","from":"test","maxLine":1048576}\n'
count = 0


def ok(right, name, why=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if right else "not ok", count, name))
    if not right:
        print("# %.2000r" % (why,))


def record(n, topic="chat-events", **more):
    return json.dumps({"topic": topic, "partition": 0, "offset": n,
                       "timestamp": 1, "key": "1", "value": {"n": n},
                       **more}).encode() + b"\n"


def control(kind, *positions):
    return json.dumps({"control": kind, "positions": [
        {"topic": t, "partition": 0, "offset": o, **({} if e is None else
                                                     {"end": e})}
        for t, o, e in positions]}).encode() + b"\n"


ASSIGNED = control("assigned", ("chat-events", 5, None))
READY = b'{"control":"ready"}\n'


class Edge:
    def __init__(self, path, hello=HELLO):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.socket.sendall(hello)
        self.data = b""

    def read(self, size):
        """Until so many bytes are there, or the end."""
        try:
            while len(self.data) < size:
                more = self.socket.recv(1 << 20)
                if not more:
                    break
                self.data += more
        except (socket.timeout, ConnectionResetError):
            pass
        data, self.data = self.data[:size], self.data[size:]
        return data

    def hello(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return json.loads(line or b"{}").get("from") == "chat-broadcast"

    def gets(self, lines):
        return self.read(len(lines)) == lines

    def ended(self):
        """The other side has closed it; silence is no end."""
        try:
            return not self.data and self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionResetError:
            return True

    def quiet(self):
        self.socket.settimeout(0.3)
        data = self.read(1)
        self.socket.settimeout(5)
        return data == b""


class Broadcast:
    def __init__(self, *more, hello=HELLO):
        self.dir = tempfile.mkdtemp()
        self.path = self.dir + "/events.sock"
        self.start(*more)
        self.say(hello)

    def start(self, *more):
        self.process = subprocess.Popen(
            [BIN, "-l", self.path, "-S", self.dir + "/status", *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5
        while not os.path.exists(self.path) and time.monotonic() < end:
            time.sleep(0.01)

    def say(self, *lines):
        self.process.stdin.write(b"".join(lines))
        self.process.stdin.flush()

    def status(self):
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        with open(self.dir + "/status") as f:
            return json.load(f)

    def end(self):
        self.process.stdin.close()
        return self.process.wait(5)


def options():
    def run(*argv):
        done = subprocess.run([BIN, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout + done.stderr
    ok(run("-h")[0] == 0 and b"--queue-bytes" in run("-h")[1], "-h")
    ok(run("-V")[0] == 0, "-V")
    for argv in ([], ["-l"], ["-l", "/tmp/x", "operand"], ["-l", "x", "-Z"],
                 ["-l", "/no/such/place/x"], ["-l", "/tmp/" + "x" * 200],
                 ["-l", "x", "--queue-bytes", "none"]):
        ok(run(*argv)[0] == 100, "100: " + " ".join(argv)[:40], run(*argv))
    ok(run("-n", "-l", "/no/such/place/x")[0] == 0, "-n changes nothing")


def lines():
    b = Broadcast()
    early = Edge(b.path)
    ok(early.hello(), "hello")
    b.say(record(1))
    ok(early.quiet(), "nothing before the positions are known")
    b.say(ASSIGNED)
    late = Edge(b.path)
    late.hello()
    ok(early.gets(READY) and late.gets(READY), "then ready")
    said = record(5, more=[1.50, "\u20ac"]) + record(6)
    b.say(said)
    ok(early.gets(said) and late.gets(said), "each line as it came")
    early.socket.sendall(b'{"what":"ever"}\n')
    b.say(record(7))
    ok(early.gets(record(7)), "what an edge says does no harm")
    s = b.status()
    ok((s["state"], s["edges"], s["records"], s["spoken"]) ==
       ("ready", 2, 4, 1), "the status file says so", s)
    b.say(record(8))
    ok(b.end() == 0, "stdin ends: 0")
    late.read(len(record(7)))
    ok(late.gets(record(8)) and late.ended(), "after the last line")
    ok(not os.path.exists(b.path), "the socket is gone")


def begins_anew():
    b = Broadcast()
    b.say(ASSIGNED)
    edges = [Edge(b.path) for _ in range(3)]
    ok(all(e.hello() and e.gets(READY) for e in edges), "three edges")
    b.say(control("revoked", ("chat-events", 5, None)))
    ok(all(e.ended() for e in edges), "revoked: all are cut off")
    again = Edge(b.path)
    ok(again.hello() and again.quiet(), "no ready before the next positions")
    b.say(ASSIGNED, record(9))
    ok(again.gets(READY + record(9)), "then it goes on")
    b.say(control("assigned", ("chat-events", 9, None)))
    ok(again.ended(), "assigned again: cut off, too")
    ok(b.end() == 0, "the end: 0")


def slow():
    b = Broadcast("--queue-bytes", "256K")
    b.say(ASSIGNED)
    quick, stuck = Edge(b.path), Edge(b.path)
    for e in (quick, stuck):
        e.hello()
        e.gets(READY)
    line = record(5, pad="x" * 10000)
    worst = 0
    for _ in range(300):
        began = time.monotonic()
        b.say(line)
        if not quick.gets(line):
            break
        worst = max(worst, time.monotonic() - began)
    ok(quick.quiet(), "300 lines for one that reads")
    ok(worst < 0.5, "without a delay by one that does not", worst)
    s = b.status()
    ok(s["cut"] == 1 and s["edges"] == 1, "which is cut off", s)
    got = len(stuck.read(len(line) * 300))
    ok(got < len(line) * 300, "before the end", got)
    b.process.terminate()
    ok(b.process.wait(5) == 0, "TERM: 0")


def compacted():
    b = Broadcast("--queue-bytes", "4K")
    b.say(control("assigned", ("chat-events", 5, None), ("s", 0, 5),
                  ("empty", 3, 3)))
    early = Edge(b.path)
    early.hello()
    big = "y" * 3000
    kept = [record(1, "s", key="b", pad=big), record(3, "s", key="a", pad=big),
            record(4, "s", key="c", pad=big)]
    b.say(record(0, "s", key="a"), kept[0], record(2, "s", key="d"), kept[1])
    ok(early.quiet(), "ready waits for the end of a compacted topic")
    b.say(record(5), kept[2])
    # d is a tombstone by then
    ok(early.read(10)[:1] == b"{", "the end is reached")
    early.socket.close()
    b.say(record(5, "s", key="d", value=None))
    late = Edge(b.path)
    late.hello()
    ok(late.gets(b"".join(kept) + READY), "a later edge gets the last record "
       "of each key in order, more than its queue, then ready")
    b.say(record(6, "s", key="b"), record(7))
    ok(late.gets(record(6, "s", key="b") + record(7)), "then all lines")
    after = Edge(b.path)
    after.hello()
    ok(after.gets(kept[1] + kept[2] + record(6, "s", key="b") + READY),
       "what is new takes the place of what was kept")
    ok(b.end() == 0, "the end: 0")
    b = Broadcast("--keep-bytes", "4K")
    b.say(control("assigned", ("s", 0, 9)), kept[0], kept[1], READY)
    edge = Edge(b.path)
    edge.hello()
    ok(edge.gets(kept[1] + READY), "the oldest are forgotten over the bound; "
       "the runner may say that an end is reached")
    ok(b.status()["forgotten"] == 1, "and counted")
    b.end()


def strangers():
    b = Broadcast()
    b.say(ASSIGNED)
    wrong = Edge(b.path, b'{"hello":"chat/2","from":"x","maxLine":1}\n')
    wrong.hello()
    ok(wrong.ended(), "another version is closed")
    wrong = Edge(b.path, b"GET / HTTP/1.1\r\n\r\n")
    wrong.hello()
    ok(wrong.ended(), "and who says no hello")
    good = Edge(b.path)
    ok(good.hello() and good.gets(READY), "others are served")
    second = subprocess.Popen([BIN, "-l", b.path], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    second.stdin.write(HELLO + ASSIGNED)
    second.stdin.flush()
    time.sleep(0.3)
    ok(second.poll() is None, "a second process waits")
    b.process.kill()
    b.process.wait()
    good.ended()
    end = time.monotonic() + 5
    edge = None
    while not edge and time.monotonic() < end:
        try:
            edge = Edge(b.path)
        except OSError:
            time.sleep(0.05)
    ok(edge and edge.hello() and edge.gets(READY), "and takes the place of "
       "one that was killed")
    second.terminate()
    ok(second.wait(5) == 0, "TERM: 0")
    b = Broadcast()
    b.say(b'{"control":"nonsense"}\n')
    ok(b.process.wait(5) == 111, "a control line without sense: 111")
    b = Broadcast(hello=record(1))
    ok(b.process.wait(5) == 111, "a runner that says no hello: 111")


for part in (options, lines, begins_anew, slow, compacted, strangers):
    part()
print("1..%d" % count)
