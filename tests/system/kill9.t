#!/usr/bin/env python3
"""kill -9 of each program at random under load, supervisord starting it again:
every message with a RECEIPT is stored exactly once, no room's seq has a hole,
every subscriber's log is 1..n without a repeat. KILLS, SEED and RATE (messages
a second of each of eight users) can be set."""

import asyncio
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

PROGRAMS = sorted(set(c.status()) - {"kafka", "postgresql"})
KILLS = int(os.environ.get("KILLS", "14"))
SEED = int(os.environ.get("SEED", str(int(time.time()))))
RATE = float(os.environ.get("RATE", "8"))
USERS = list(range(9101, 9109))


def kill(name):
    """Ends a program that is there; None where it is just being started."""
    s = c.status().get(name, {})
    if s.get("state") == "down" or "pid" not in s:
        return None
    try:
        os.kill(s["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return None
    return s["pid"]


async def main():
    tap = c.Tap()
    chance = random.Random(SEED)
    tap.note("SEED=%d KILLS=%d" % (SEED, KILLS))
    c.users(USERS)
    rooms = [c.room("kill9 %d" % i, USERS) for i in range(4)]
    letters = c.topic_records("chat-messages-dlt")
    members = [c.Member(u, rooms, rate=RATE) for u in USERS]
    tasks = [asyncio.create_task(m.live()) for m in members]
    tasks += [asyncio.create_task(m.talk()) for m in members]
    await asyncio.sleep(3)
    order = []
    while len(order) < KILLS:
        order += chance.sample(PROGRAMS, len(PROGRAMS))
    killed = {p: 0 for p in PROGRAMS}
    for name in order[:KILLS]:
        for _ in range(50):
            if await asyncio.to_thread(kill, name):
                killed[name] += 1
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(chance.uniform(0.2, 4))
    tap.note("killed: %s" % killed)
    tap.ok(sum(killed.values()) >= KILLS * 0.9,
           "the programs came back each time to be killed again", killed)
    for m in members:
        m.stopping = True
    settled = await c.settle(members, 90)
    tap.ok(settled, "90 s after the last kill all is answered and delivered",
           "waiting: %s; %s" % ([len(m.waiting) for m in members],
                                [m.seen and {r: m.last(r) for r in m.rooms}
                                 for m in members]))
    c.audit(tap, members)
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    tap.ok(await asyncio.to_thread(c.all_ready, 30), "all are ready again",
           c.status())
    for t in tasks:
        t.cancel()
    tap.end()


asyncio.run(main())
