#!/usr/bin/env python3
"""Zombies: chat-produce stopped (SIGSTOP) for longer than its transaction
lives, or while another process takes its transactional.id; an edge stopped
until its clients have gone to another one. When they wake they can write
nothing wrong, and tell nobody what he must not hear."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

USERS = list(range(9401, 9405))
CREATOR, TALKER, KICKED = 9411, 9412, 9413
BURST = 300
DIR = tempfile.mkdtemp(prefix="zombie-")
tap = c.Tap()
processes = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """One of ours, with a status file; it is started again by hand."""

    def __init__(self, name, *argv, **env):
        self.name, self.argv, self.env = name, argv, env
        self.status_file = "%s/%s.json" % (DIR, name)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.argv, "-S", self.status_file],
            env={**os.environ, **self.env}, stderr=open("%s/%s.log" % (DIR, self.name), "a"))
        processes.append(self.process)

    def status(self):
        try:
            with open(self.status_file) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def signal(self, sig):
        self.process.send_signal(sig)

    async def wait_state(self, state, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            s = self.status()
            if s.get("pid") == self.process.pid and s.get("state") == state:
                return True
            await asyncio.sleep(0.05)
        return False

    async def wait_end(self, seconds):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            await asyncio.sleep(0.02)
        return self.process.poll()


def produce(name, lock_dir, program="chat-produce", **env):
    return Program(name, program, "--slot", "130", "-d", lock_dir,
                   "-l", "%s/%s.sock" % (DIR, name), **env)


def edge(name, socket_path, *more):
    port = free_port()
    program = Program(
        name, "chat-ws-edge", "--port", str(port), "--produce", socket_path,
        "--events", c.RUN + "/events.sock", "--api", c.RUN + "/api.sock",
        "--jwt-secret", os.environ["CHAT_JWT_SECRET_FILE"], "--rate", "0",
        *more)
    program.port = port
    return program


async def burst(members):
    """So much at once that there is a transaction under way."""
    for m in members:
        for n in range(BURST):
            m.numbers += 1
            m.say(m.rooms[0], "%d from %d" % (m.numbers, m.user))
    await asyncio.sleep(0.03)


class Talker(c.Member):
    numbers = 0

    async def talk(self):
        while not self.stopping:
            self.numbers += 1
            self.say(self.rooms[0], "%d from %d" % (self.numbers, self.user))
            await asyncio.sleep(1 / self.rate)


def people(rooms, ports, **more):
    members = [Talker(u, rooms, rate=10, ports=ports, **more) for u in USERS]
    tasks = [asyncio.create_task(m.live()) for m in members]
    tasks += [asyncio.create_task(m.talk()) for m in members]
    return members, tasks


async def finish(members, tasks, name):
    for m in members:
        m.stopping = True
    tap.ok(await c.settle(members, 40), name + ": all is answered, delivered",
           [(len(m.waiting), {r: m.last(r) for r in m.rooms})
            for m in members])
    c.audit(tap, members)
    for t in tasks:
        t.cancel()


# --------------------------------------------------------------- chat-produce

async def produce_sleeps():
    """In a transaction, for longer than that lives. Another with its slot
    waits; when it wakes, it ends, fenced, with 111."""
    at = DIR + "/stop-at"
    first = produce("sleeper", DIR + "/lock", c.crashing("chat-produce"),
                    CHAT_CRASH_FILE=at)
    e = edge("edge-sleeper", DIR + "/sleeper.sock")
    tap.ok(await first.wait_state("ready") and await e.wait_state("ready"),
           "an edge with a chat-produce of its own")
    rooms = [c.room("zombie produce", USERS)]
    members, tasks = people(rooms, [e.port])
    await asyncio.sleep(1)
    with open(at + ".new", "w") as f:
        f.write("produce:before-commit stop")
    os.rename(at + ".new", at)
    await burst(members)
    while os.path.exists(at):
        await asyncio.sleep(0.02)
    second = produce("waiter", DIR + "/lock")
    waits = await second.wait_state("waiting")
    tap.ok(waits and str(first.process.pid) in second.status()["why"],
           "stopped; another with its slot waits for it", second.status())
    await asyncio.sleep(12)
    second.signal(signal.SIGTERM)
    tap.ok(await second.wait_end(10) == 0, "and ends when it is told to")
    first.signal(signal.SIGCONT)
    code = await first.wait_end(10)
    tap.ok(code == 111, "12 s later it wakes: its transaction is gone, 111",
           code)
    if code is not None:
        first.start()
    await finish(members, tasks, "a sleeping chat-produce")
    for p in (e, first):
        p.signal(signal.SIGTERM)
        tap.ok(await p.wait_end(20) == 0, "%s: ends with 0" % p.name)


async def produce_fenced():
    """Another takes its transactional.id meanwhile, for want of a common
    lock."""
    first = produce("fenced", DIR + "/lock")
    e = edge("edge-fenced", DIR + "/fenced.sock")
    tap.ok(await first.wait_state("ready") and await e.wait_state("ready"),
           "once more")
    rooms = [c.room("fenced produce", USERS)]
    members, tasks = people(rooms, [e.port])
    await asyncio.sleep(1)
    await burst(members)
    first.signal(signal.SIGSTOP)
    other = produce("other", DIR + "/lock2")
    tap.ok(await other.wait_state("ready"),
           "stopped; another takes its id by another lock")
    done = first.status().get("done")
    first.signal(signal.SIGCONT)
    tap.ok(await first.wait_end(20) == 111, "it wakes: fenced, 111",
           first.process.poll())
    tap.note("%s were done before; %d wait now" % (
        done, sum(len(m.waiting) for m in members)))
    other.signal(signal.SIGTERM)
    tap.ok(await other.wait_end(20) == 0, "the other ends with 0")
    first.start()
    await finish(members, tasks, "a fenced chat-produce")
    for p in (e, first):
        p.signal(signal.SIGTERM)
        tap.ok(await p.wait_end(20) == 0, "%s: ends with 0" % p.name)


# ---------------------------------------------------------------- chat-ws-edge

class Listener:
    """One who only waits, however long the edge is silent."""

    def __init__(self, conn):
        self.conn, self.frames = conn, []

    async def listen(self):
        try:
            while True:
                self.frames.append(await self.conn.frame(3600))
        except (OSError, c.Closed, EOFError, asyncio.IncompleteReadError):
            pass

    def seqs(self):
        return [int(f.headers["seq"]) for f in self.frames
                if f.command == "MESSAGE" and "seq" in f.headers]

    def errors(self):
        return [json.loads(f.body) for f in self.frames
                if f.command == "MESSAGE" and
                f.headers["subscription"] == "errors"]


async def beat(conn):
    while True:
        await asyncio.sleep(1)
        conn.ws.send(b"\n")


async def subscribe(user, room, port, beat_ms=0):
    conn = await c.Stomp.open(c.token(user), beat_ms, port=port)
    conn.send("SUBSCRIBE", {"id": "errors", "destination":
                            "/user/queue/errors"})
    conn.send("SUBSCRIBE", {"id": "room", "receipt": "in", "destination":
                            "/sub/chat/room/%d" % room})
    one = Listener(conn)
    task = asyncio.create_task(one.listen())
    while not any(f.command == "RECEIPT" for f in one.frames):
        await asyncio.sleep(0.02)
    return one, task


async def edge_sleeps():
    path = c.RUN + "/produce.sock"
    often = ("--heart-beat", "1s")
    zombie, other = edge("zombie", path, *often), edge("other", path, *often)
    tap.ok(await zombie.wait_state("ready") and
           await other.wait_state("ready"), "two edges")
    c.users([CREATOR, TALKER, KICKED])
    room = c.room("kicked", [CREATOR, TALKER, KICKED])
    rooms = [c.room("zombie edge", USERS)]
    talker = Talker(TALKER, [room], rate=10, ports=[other.port])
    talks = [asyncio.create_task(talker.live()),
             asyncio.create_task(talker.talk())]
    kicked, listens = await subscribe(KICKED, room, zombie.port)
    stays, listens2 = await subscribe(CREATOR, room, zombie.port, 1000)
    beats = asyncio.create_task(beat(stays.conn))
    members, tasks = people(rooms, [zombie.port, other.port], beat_ms=1000)
    await asyncio.sleep(1)
    for m in members:   # what it has in its buffers when it wakes
        for n in range(20):
            m.numbers += 1
            m.say(rooms[0], "%d from %d" % (m.numbers, m.user))
    zombie.signal(signal.SIGSTOP)
    for m in members:
        for n in range(20):
            m.numbers += 1
            m.say(rooms[0], "%d from %d" % (m.numbers, m.user))
    mine = str(uuid.uuid4())
    await asyncio.sleep(1)
    c.sql("select chat_kick(%d, %d, %d)" % (CREATOR, room, KICKED))
    kicked.conn.send("SEND", {
        "destination": "/pub/chat/message", "receipt": "late"}, json.dumps(
            {"roomId": room, "content": "too late", "clientMessageId": mine}))
    await asyncio.sleep(6)
    tap.ok(all(m.connections == 2 for m in members), "stopped: within 2.4 "
           "heart-beats its clients are at the other one",
           [m.connections for m in members])
    zombie.signal(signal.SIGCONT)
    await asyncio.sleep(2)
    talker.stopping = True
    await finish(members, tasks, "a sleeping edge")
    (kick, head), = c.sql(
        "select (select seq from messages where chat_room_id = %d and "
        "type = 'SYSTEM_KICK'), last_seq from chat_rooms where id = %d" % (
            room, room))
    kick, head = int(kick), int(head)
    seqs = kicked.seqs()
    tap.note("kicked at %d of %d; he saw %d..%d" % (
        kick, head, seqs[0], seqs[-1]))
    tap.ok(head > kick and seqs == list(range(seqs[0], kick)),
           "who was kicked meanwhile gets what was said before, in order, "
           "and nothing after", seqs)
    tap.ok([e["code"] for e in kicked.errors()
            if e.get("clientMessageId") == mine] == ["NOT_A_MEMBER"] and
           not c.sql("select 1 from messages where client_message_id = '%s'"
                     % mine), "what he sent after it is refused",
           kicked.errors())
    seqs = stays.seqs()
    tap.ok(seqs == list(range(seqs[0], head + 1)),
           "who stayed, with his heart-beats, has all, in order", seqs)
    for t in (*talks, listens, listens2, beats):
        t.cancel()
    for p in (zombie, other):
        p.signal(signal.SIGTERM)
        tap.ok(await p.wait_end(20) == 0, "%s: ends with 0" % p.name)


async def main():
    c.users(USERS)
    letters = c.topic_records("chat-messages-dlt")
    try:
        for part in (produce_sleeps, produce_fenced, edge_sleeps):
            if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
                await part()
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    tap.end()


os.makedirs(DIR + "/lock2")
asyncio.run(main())
