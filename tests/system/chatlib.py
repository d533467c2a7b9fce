"""What the system tests in Python share: a WebSocket and STOMP client with
nothing but the standard library, one that keeps its promises over
reconnections, TAP, and the stack's own tools.

The client is what a careful application would be: it sends again, in the old
order and under the same clientMessageId, what had no RECEIPT, and subscribes
from the last seq that it has seen.
"""

import asyncio
import base64
import collections
import fcntl
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
import uuid

ROOT = os.environ.get("CHAT_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN = os.environ["CHAT_RUN"]
URL = os.environ["CHAT_URL"]
HOST, PORT = URL.split("//")[1].split("/")[0].split(":")
PATH = "/" + URL.split("//")[1].split("/", 1)[1]


# ------------------------------------------------------------------------ TAP

class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, right, name, why=""):
        self.count += 1
        self.failed += not right
        print("%s %d - %s" % ("ok" if right else "not ok", self.count, name),
              flush=True)
        if not right and why:
            for line in str(why).splitlines()[:40]:
                print("# " + line, flush=True)
        return right

    def note(self, text):
        print("# " + text, flush=True)

    def end(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


# ------------------------------------------------------------ the stack's tools

def run(*argv, stdin=""):
    done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError("%s: exit %d: %s" % (
            " ".join(argv), done.returncode, done.stderr[-500:]))
    return done.stdout


def crashing(program):
    """The program, built with its crash points ($CHAT_CRASH_AT); tests that
    run side by side build one after the other."""
    os.makedirs(ROOT + "/build-crash", exist_ok=True)
    with open(ROOT + "/build-crash/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("make", "-s", "-C", ROOT, "B=build-crash",
            "CFLAGS=-O1 -g -DCHAT_CRASH_POINTS", "build-crash/" + program)
    return ROOT + "/build-crash/" + program


def token(user, *more):
    return run("chat-token", "-u", str(user), *more).strip()


def users(ids):
    run("chat-rooms", "users", "load", stdin="".join(
        '{"id":%d,"nickname":"user %d"}\n' % (i, i) for i in ids))


def room(name, members):
    out = run("chat-rooms", "create", "-j", "-N", name,
              "-u", ",".join(map(str, members)))
    return json.loads(out)["roomId"]


def sql(text):
    out = run("psql", "-XqAt", "-F", "\t", "-d", os.environ["CHAT_PG"],
              "-c", text)
    return [line.split("\t") for line in out.splitlines()]


def status():
    done = subprocess.run([ROOT + "/scripts/status", "-j"], text=True,
                          stdout=subprocess.PIPE)
    return {s["program"]: s for s in map(json.loads,
                                         done.stdout.splitlines())}


def supervisorctl(*words):
    return subprocess.run(
        ["supervisorctl", "-s", "unix://%s/supervisor.sock" % RUN, *words],
        stdout=subprocess.PIPE, text=True).stdout


def programs():
    """The names under supervisord of what is ours."""
    return [line.split()[0] for line in supervisorctl("status").splitlines()
            if line and line.split()[0] not in ("kafka", "postgresql")]


def ends(name, since):
    """How a program ended since then, in supervisord's own words."""
    log = open(RUN + "/log/supervisord.log").read()[since:]
    return re.findall(r"(?:stopped|exited): %s \((.*?)\)" %
                      re.escape(name.split(":")[-1]), log)


def log_size():
    return os.path.getsize(RUN + "/log/supervisord.log")


def again(program):
    """Records that a store has met before, since it was started."""
    return status().get(program, {}).get("again", 0)


def all_ready(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        states = status()
        if states and all(s["state"] == "ready" for s in states.values()):
            return True
        time.sleep(0.3)
    return False


def topic_records(topic):
    """How many records a topic holds, by reading it (kcat)."""
    out = run("kcat", "-b", os.environ["CHAT_BROKERS"], "-t", topic, "-C",
              "-e", "-q", "-o", "beginning", "-f", "%p %o\n")
    return len(out.splitlines())


# ------------------------------------------------------------ WebSocket, STOMP

class Closed(Exception):
    pass


class WebSocket:
    """RFC 6455, as a client, as much as STOMP needs."""

    @classmethod
    async def open(cls, query="", headers=(), host=HOST, port=int(PORT)):
        self = cls()
        self.reader, self.writer = await asyncio.open_connection(host, port)
        lines = ["GET %s%s HTTP/1.1" % (PATH, query),
                 "Host: %s:%s" % (host, port), "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: v12.stomp",
                 "Sec-WebSocket-Key: " + base64.b64encode(
                     os.urandom(16)).decode(), *headers]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        self.code = int(self.head.split()[1])
        self.close_code, self.close_reason = None, ""
        if self.code != 101:
            self.writer.close()
        return self

    def frame(self, opcode, data, fin=True):
        mask = os.urandom(4)
        size = len(data)
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", size)
        body = (int.from_bytes(data, "little") ^ int.from_bytes(
            (mask * (size // 4 + 1))[:size], "little")).to_bytes(
                size, "little")
        return head + mask + body

    def send(self, data, opcode=1):
        self.writer.write(self.frame(opcode, data))

    async def message(self):
        """The next text or binary message; Closed at the end."""
        whole = b""
        while True:
            head = await self.reader.readexactly(2)
            size = head[1] & 127
            if size == 126:
                size, = struct.unpack(">H", await self.reader.readexactly(2))
            elif size == 127:
                size, = struct.unpack(">Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(size)
            opcode = head[0] & 15
            if opcode == 9:
                self.send(data, 10)
            elif opcode == 8:
                if size >= 2:
                    self.close_code, = struct.unpack(">H", data[:2])
                    self.close_reason = data[2:].decode()
                self.send(data, 8)
                raise Closed("%s %s" % (self.close_code, self.close_reason))
            elif opcode in (0, 1, 2):
                whole += data
                if head[0] & 0x80:
                    return whole

    def abort(self):
        self.writer.transport.abort()


Frame = collections.namedtuple("Frame", "command headers body")


def escape(text):
    for a, b in (("\\", "\\\\"), ("\r", "\\r"), ("\n", "\\n"), (":", "\\c")):
        text = text.replace(a, b)
    return text


def unescape(text):
    out, rest = "", text
    while rest:
        if rest[0] == "\\":
            out += {"\\": "\\", "r": "\r", "n": "\n", "c": ":"}[rest[1]]
            rest = rest[2:]
        else:
            out, rest = out + rest[0], rest[1:]
    return out


def encode(command, headers=None, body=""):
    body = body.encode() if isinstance(body, str) else body
    lines = [command]
    for name, value in (headers or {}).items():
        raw = command in ("CONNECT", "STOMP")
        lines.append("%s:%s" % (name, value if raw else escape(str(value))))
    return ("\n".join(lines) + "\n\n").encode() + body + b"\0"


def decode(data):
    head, body = data.split(b"\n\n", 1)
    lines = head.decode().split("\n")
    headers = {}
    for line in lines[1:]:
        name, value = line.split(":", 1)
        if lines[0] != "CONNECTED":
            name, value = unescape(name), unescape(value)
        headers.setdefault(name, value)
    assert body.endswith(b"\0"), "no NUL at the end of %r" % data
    return Frame(lines[0], headers, body[:-1].decode())


class Stomp:
    """One connection: frames out, frames in."""

    @classmethod
    async def open(cls, tok, beat_ms=0, **more):
        self = cls()
        self.ws = await WebSocket.open(**more)
        if self.ws.code != 101:
            raise Closed("HTTP %d" % self.ws.code)
        self.send("CONNECT", {"accept-version": "1.2", "host": "chat",
                              "heart-beat": "%d,%d" % (beat_ms, beat_ms),
                              "Authorization": "Bearer " + tok})
        frame = await self.frame()
        if frame.command != "CONNECTED":
            raise Closed("%s %s" % (frame.command, frame.headers))
        return self

    def send(self, command, headers=None, body=""):
        self.ws.send(encode(command, headers, body))

    async def frame(self, seconds=30):
        while True:
            data = await asyncio.wait_for(self.ws.message(), seconds)
            if data.strip(b"\r\n"):
                return decode(data)


# --------------------------------------------------------- the careful client

class Member:
    """A user in rooms, over as many connections as it takes, at each of the
    ports in turn. With beat_ms (which the server must not make longer) it
    leaves a connection that is silent for 2.4 heart-beats."""

    def __init__(self, user, rooms, rate=0.0, ports=(int(PORT),), beat_ms=0):
        self.user, self.rooms, self.rate = user, rooms, rate
        self.ports, self.beat_ms = ports, beat_ms
        self.token = token(user)
        self.waiting = collections.OrderedDict()  # id -> body, no RECEIPT yet
        self.receipts = {}                        # id -> when
        self.sent = 0
        self.seen = {r: [] for r in rooms}        # the seqs as they came
        self.contents = {r: {} for r in rooms}    # seq -> clientMessageId
        self.epoch = None
        self.strange = []                         # what should not have come
        self.connections = self.tries = 0
        self.stopping = False
        self.conn = None

    def last(self, r):
        return self.seen[r][-1] if self.seen[r] else 0

    def put(self, cmid, body):
        self.conn.send("SEND", {"destination": "/pub/chat/message",
                                "content-type": "application/json",
                                "receipt": cmid}, body)

    def say(self, r, content):
        cmid = str(uuid.uuid4())
        body = json.dumps({"roomId": r, "content": content,
                           "clientMessageId": cmid})
        self.waiting[cmid] = body
        self.sent += 1
        if self.conn:
            self.put(cmid, body)

    def greet(self):
        for queue in ("errors", "acks", "joins"):
            self.conn.send("SUBSCRIBE", {"id": queue, "destination":
                                         "/user/queue/" + queue})
        for r in self.rooms:
            headers = {"id": "room-%d" % r, "receipt": "sub-%d" % r,
                       "destination": "/sub/chat/room/%d" % r,
                       "from-seq": self.last(r)}
            if self.epoch:
                headers["epoch"] = self.epoch
            self.conn.send("SUBSCRIBE", headers)
        for cmid, body in self.waiting.items():
            self.put(cmid, body)

    def take(self, f):
        if f.command == "RECEIPT":
            rid = f.headers["receipt-id"]
            if rid.startswith("sub-"):
                self.epoch = f.headers.get("epoch", self.epoch)
                if f.headers.get("status") != "recovered":
                    self.strange.append("SUBSCRIBE answered %s" % f.headers)
            elif self.waiting.pop(rid, None) is not None:
                self.receipts[rid] = time.monotonic()
        elif f.command == "MESSAGE":
            body = json.loads(f.body)
            if f.headers["subscription"].startswith("room-"):
                self.seen[body["roomId"]].append(body["seq"])
                self.contents[body["roomId"]][body["seq"]] = \
                    body["clientMessageId"]
            elif f.headers["subscription"] == "errors":
                self.strange.append("error %s" % f.body)
        else:
            self.strange.append("%s %s" % (f.command, f.headers))

    async def beat(self, conn):
        while self.beat_ms:
            await asyncio.sleep(self.beat_ms / 1000)
            conn.ws.send(b"\n")

    async def connection(self):
        self.conn = None
        port = self.ports[self.tries % len(self.ports)]
        self.tries += 1
        conn = await asyncio.wait_for(
            Stomp.open(self.token, self.beat_ms, port=port), 10)
        self.conn = conn
        self.connections += 1
        beats = asyncio.create_task(self.beat(conn))
        try:
            self.greet()
            while True:
                self.take(await conn.frame(
                    2.4 * self.beat_ms / 1000 if self.beat_ms else 3600))
        finally:
            self.conn = None
            beats.cancel()
            conn.ws.abort()

    async def live(self):
        """Connects, again and again, until cancelled."""
        while True:
            try:
                await self.connection()
            except (OSError, Closed, EOFError, asyncio.TimeoutError,
                    asyncio.IncompleteReadError):
                await asyncio.sleep(random.uniform(0.05, 0.3))

    async def talk(self):
        """Sends at its rate, whether there is a connection or not."""
        due, n = time.monotonic(), 0
        while not self.stopping:
            n += 1
            self.say(random.choice(self.rooms), "%d from %d" % (n, self.user))
            due += 1 / self.rate
            await asyncio.sleep(max(0, due - time.monotonic()))


class TimedMember(Member):
    """One who remembers when each message was said, and when it came."""

    said = {}  # id -> when; of all of them, on one clock

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.came = {}  # id -> when

    def say(self, r, content):
        now = time.monotonic()
        super().say(r, content)
        self.said[next(reversed(self.waiting))] = now

    def take(self, f):
        super().take(f)
        if f.command == "MESSAGE" and \
                f.headers["subscription"].startswith("room-"):
            self.came.setdefault(json.loads(f.body)["clientMessageId"],
                                 time.monotonic())


class Stalls:
    """How long this process itself was kept from running: on a busy machine
    that is no fault of the stack."""

    def __init__(self):
        self.worst = 0.0
        self.task = asyncio.create_task(self.watch())

    async def watch(self):
        while True:
            at = time.monotonic()
            await asyncio.sleep(0.02)
            self.worst = max(self.worst, time.monotonic() - at - 0.02)


def lateness(members, since):
    """Worst and median seconds from a send, since then, to its arrival at
    each subscriber; what has not come yet counts until now. All members are
    in all rooms."""
    now = time.monotonic()
    late = sorted(m.came.get(cmid, now) - at
                  for cmid, at in TimedMember.said.items() if at >= since
                  for m in members)
    return late[-1], late[len(late) // 2]


async def settle(members, seconds):
    """Waits until nothing waits for a RECEIPT, and everybody has seen all
    that PostgreSQL has. False when time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0.3)
        if any(m.waiting for m in members):
            continue
        heads = {int(a): int(b) for a, b in sql(
            "select id, last_seq from chat_rooms")}
        if all(m.last(r) >= heads[r] for m in members for r in m.rooms):
            return True
    return False


def audit(tap, members):
    """What must hold after any number of faults."""
    rooms = sorted({r for m in members for r in m.rooms})
    listed = ",".join(map(str, rooms))
    receipts = {c for m in members for c in m.receipts}
    sent = sum(m.sent for m in members)
    rows = sql("select client_message_id, count(*) from messages where "
               "chat_room_id in (%s) group by 1" % listed)
    stored = {a: int(b) for a, b in rows}
    tap.note("%d sent, %d with a RECEIPT, %d stored, %d connections" % (
        sent, len(receipts), len(stored), sum(m.connections for m in members)))
    tap.ok(len(receipts) > 0 and len(receipts) == sent,
           "every message got its RECEIPT in the end",
           "%d of %d" % (len(receipts), sent))
    lost = receipts - set(stored)
    tap.ok(not lost, "every message with a RECEIPT is in PostgreSQL",
           "%d are not: %s" % (len(lost), sorted(lost)[:5]))
    double = {c: n for c, n in stored.items() if n != 1}
    tap.ok(not double, "each exactly once", double)
    holes = sql("select r.id, last_seq, count(seq), min(seq), max(seq) "
                "from chat_rooms r join messages m on m.chat_room_id = r.id "
                "where r.id in (%s) group by 1, 2 having count(seq) <> "
                "last_seq or min(seq) <> 1 or max(seq) <> last_seq"
                % listed)
    tap.ok(not holes, "no hole in any room's seq", holes)
    heads = {int(a): int(b) for a, b in sql(
        "select id, last_seq from chat_rooms where id in (%s)" % listed)}
    wrong = []
    for m in members:
        for r in m.rooms:
            want = list(range(1, heads[r] + 1))
            if m.seen[r] != want:
                first = next((i for i, (a, b) in enumerate(
                    zip(m.seen[r] + [None], want + [None])) if a != b), -1)
                wrong.append("user %d, room %d: %d of %d, differs at %d: %s"
                             % (m.user, r, len(m.seen[r]), heads[r], first,
                                m.seen[r][max(0, first - 2):first + 3]))
    tap.ok(not wrong, "every subscriber's log is 1..n without repeat",
           "\n".join(wrong))
    differ = [r for r in rooms if len({json.dumps(m.contents[r])
                                       for m in members if r in m.rooms}) != 1]
    tap.ok(not differ, "all see the same messages under the same seq", differ)
    order = []
    for r in rooms:
        for row in sql("select sender_id, array_agg(content order by seq) "
                       "from messages where chat_room_id = %d group by 1" % r):
            numbers = [int(c.split()[0]) for c in row[1].strip("{}").replace(
                '"', "").split(",")]
            if numbers != sorted(numbers):
                order.append("user %s in room %d" % (row[0], r))
    tap.ok(not order, "each sender's order is kept", order)
    strange = [s for m in members for s in m.strange]
    tap.ok(not strange, "no error, no reset", "\n".join(strange))
