"""People who talk while things break: careful clients that send again what had
no RECEIPT and follow by from-seq, and note each step in a client log
(chat-history(7)). In the probe rooms one talks every 100 ms and another
listens: how long nothing comes there after a fault is its recovery time."""

import asyncio
import collections
import json
import random
import time
import zlib

import chatlib as c

PROBE_S = 0.1   # between two messages of a probe room
LATE_S = 1.0    # a probe that takes longer was not delivered in time
KEEP_S = 1800   # of probes remembered


class History:
    """The client log of one watch: JSON Lines, a line an op; each person is
    a worker."""

    def __init__(self, path):
        self.file = open(path, "w", buffering=1 << 16)

    def put(self, op, user, **fields):
        line = {"ns": time.monotonic_ns(), "ms": time.time_ns() // 1000000,
                "op": op, "worker": "u%d" % user, "userId": user, **fields}
        self.file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self):
        self.file.close()


def crc(text):
    return "%08x" % zlib.crc32(text.encode())


class Probes:
    """What was sent to the probe rooms, and when it came."""

    def __init__(self):
        self.sent = {}                      # id -> (room, when it was due)
        self.done = collections.deque()     # (room, due, delivered)
        self.rooms = set()

    def send(self, cmid, room, due):
        self.rooms.add(room)
        self.sent[cmid] = (room, due)

    def come(self, cmid):
        now = time.monotonic()
        if cmid in self.sent:
            self.done.append((*self.sent.pop(cmid), now))
        while self.done and self.done[0][1] < now - KEEP_S:
            self.done.popleft()

    def forget(self, room):
        """A reset: what was not delivered is the history's matter."""
        self.sent = {i: v for i, v in self.sent.items() if v[0] != room}

    def well(self, since):
        """Each room has had something sent since then, and nothing is late."""
        now = time.monotonic()
        if any(due < now - LATE_S for _, due in self.sent.values()):
            return False
        return {r for r, due, _ in self.done if due >= since} == self.rooms

    def recovery(self, hit):
        """From the instant until something sent since has come in each room,
        and the last that was late has; and for how long it was late."""
        first, last, bins = {}, hit, set()
        for room, due, came in self.done:
            if due >= hit:
                first.setdefault(room, came)
            if due >= hit - LATE_S and came - due > LATE_S and came > hit:
                last = max(last, came)
                bins.add(int(due / PROBE_S))
        end = max([last, *first.values()])
        return end - hit, len(bins) * PROBE_S


class Person(c.Member):
    """A careful client that writes down what it does."""

    def __init__(self, user, rooms, history, probes=None, rate=0.0):
        super().__init__(user, rooms, rate)
        self.port = int(c.PORT)
        self.history, self.probes = history, probes
        self.spoken = {}            # id -> its invoke, until its RECEIPT
        self.asked = {}             # room -> the from-seq that was asked for
        self.base = {r: 0 for r in rooms}
        self.resets = 0
        self.lives = {}             # room -> the epoch of its last reset
        self.codes = collections.Counter()

    def say(self, r, content, due=None):
        super().say(r, content)
        cmid = next(reversed(self.waiting))
        self.spoken[cmid] = {"roomId": r, "n": self.sent,
                             "clientMessageId": cmid, "crc": crc(content)}
        self.history.put("invoke", self.user, **self.spoken[cmid])
        if due and self.probes:
            self.probes.send(cmid, r, due)

    def greet(self):
        self.asked = {r: self.last(r) for r in self.rooms}
        super().greet()
        for cmid in self.waiting:
            self.history.put("invoke", self.user, **self.spoken[cmid])

    def unknown(self):
        for cmid in self.waiting:
            self.history.put("info", self.user, clientMessageId=cmid)

    def joined(self, headers, room):
        """Where the room goes on, by the RECEIPT of a SUBSCRIBE; or by a
        word on /user/queue/joins, that a living subscription was reset."""
        status, head = headers.get("status"), int(headers.get("head", 0))
        self.epoch = headers.get("epoch", self.epoch)
        first = {"first": int(headers["first"])} if "first" in headers else {}
        self.history.put("joined", self.user, roomId=room, status=status,
                         head=head, epoch=self.epoch,
                         **{"from": self.asked[room]}, **first)
        if status == "reset":
            self.resets += 1
            self.lives[room] = self.epoch
            if self.probes:
                self.probes.forget(room)
            self.base[room], self.seen[room] = head, []
            self.contents[room] = {}
        elif status != "recovered":
            self.strange.append("SUBSCRIBE answered %s" % headers)

    def last(self, r):
        return self.seen[r][-1] if self.seen[r] else self.base[r]

    def message(self, body):
        room, seq = body["roomId"], body["seq"]
        if body["type"] == "DELETED":
            self.history.put("deleted", self.user, roomId=room, seq=seq)
            return
        self.seen[room].append(seq)
        self.contents[room][seq] = body["clientMessageId"]
        self.history.put("recv", self.user, roomId=room, seq=seq,
                         messageId=body["messageId"], type=body["type"],
                         senderId=body["senderId"],
                         clientMessageId=body["clientMessageId"],
                         crc=crc(body["content"]))
        if self.probes and body["senderId"] != self.user:
            self.probes.come(body["clientMessageId"])

    def take(self, f):
        if f.command == "RECEIPT":
            rid = f.headers["receipt-id"]
            if rid.startswith("sub-"):
                self.joined(f.headers, int(rid[4:]))
            elif self.waiting.pop(rid, None) is not None:
                self.receipts[rid] = time.monotonic()
                del self.spoken[rid]
                self.history.put("ok", self.user, clientMessageId=rid)
        elif f.command == "MESSAGE":
            body = json.loads(f.body)
            if f.headers["subscription"].startswith("room-"):
                self.message(body)
            elif f.headers["subscription"] == "joins":
                if body["status"] == "reset" and \
                        self.lives.get(body["roomId"]) != body["epoch"]:
                    self.joined(body, body["roomId"])
            elif f.headers["subscription"] == "errors":
                self.refused(body)
        else:
            self.strange.append("%s %s" % (f.command, f.headers))

    def refused(self, body):
        self.strange.append("error %s" % body)
        if body.get("clientMessageId"):
            self.history.put("fail", self.user, code=body["code"],
                             clientMessageId=body["clientMessageId"],
                             final=bool(body.get("final")))

    async def connection(self):
        try:
            self.conn = None
            conn = await asyncio.wait_for(c.Stomp.open(
                self.token, port=self.port), 10)
            self.conn = conn
            self.connections += 1
            self.history.put("connected", self.user)
            self.greet()
            while True:
                self.take(await conn.frame(3600))
        finally:
            if self.conn:
                self.codes[self.conn.ws.close_code] += 1
                self.conn.ws.abort()
                self.conn = None
                self.history.put("lost", self.user)
                self.unknown()

    async def talk(self):
        """Sends at its rate, whether there is a connection or not."""
        due = time.monotonic() + random.uniform(0, 1 / self.rate)
        while not self.stopping:
            await asyncio.sleep(max(0, due - time.monotonic()))
            self.say(random.choice(self.rooms),
                     "%d from %d" % (self.sent + 1, self.user), due)
            due += 1 / self.rate

    def end(self):
        self.unknown()
        self.history.put("end", self.user)


class Crowd:
    """All of them, in rooms of their own, for one watch."""

    def __init__(self, opts, number, history):
        first = opts.first_user + number % 50 * 100
        self.history, self.probes = history, Probes()
        self.people = []
        talkers = list(range(first, first + opts.users))
        pairs = [(first + 50 + 2 * i, first + 51 + 2 * i)
                 for i in range(opts.probes)]
        c.users(talkers + [u for pair in pairs for u in pair])
        rooms = [c.room("chaos %d.%d" % (number, i), talkers)
                 for i in range(opts.rooms)]
        for u in talkers:
            self.people.append(Person(u, rooms, history,
                                      rate=opts.rate / opts.users))
        for i, (talks, hears) in enumerate(pairs):
            room = c.room("probe %d.%d" % (number, i), (talks, hears))
            self.people.append(Person(talks, [room], history, self.probes,
                                      rate=1 / PROBE_S))
            self.people.append(Person(hears, [room], history, self.probes))
        self.rooms = sorted({r for p in self.people for r in p.rooms})
        for i, p in enumerate(self.people):
            p.port = opts.edges[i % len(opts.edges)]
        self.tasks = []

    def begin(self):
        for p in self.people:
            self.tasks.append(asyncio.create_task(p.live()))
            if p.rate:
                self.tasks.append(asyncio.create_task(p.talk()))

    def hush(self):
        for p in self.people:
            p.stopping = True

    def waiting(self):
        return sum(len(p.waiting) for p in self.people)

    async def settle(self, seconds):
        """Until nothing waits for a RECEIPT, all of it is in PostgreSQL and
        everybody has seen it; False when the time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.3)
            if self.waiting():
                continue
            try:
                heads = await asyncio.to_thread(self.heads)
            except RuntimeError:
                continue    # PostgreSQL is not back yet
            if sum(heads.values()) < sum(len(p.receipts)
                                         for p in self.people):
                continue    # a partition waits for its next store
            if all(p.last(r) >= heads[r] for p in self.people
                   for r in p.rooms):
                return True
        return False

    def heads(self):
        return {int(a): int(b) for a, b in c.sql(
            "select id, last_seq from chat_rooms where id in (%s)"
            % ",".join(map(str, self.rooms)))}

    async def end(self):
        for t in self.tasks:
            t.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for p in self.people:
            p.end()
        self.history.close()
