#!/usr/bin/env python3
"""A rolling restart of every program under load, by supervisorctl: nothing
lost, doubled or out of order, each program ends with 0, and no message is over
2 s late: from its send, whether there was a connection or not, to each
subscriber. The worst of each program's restart is printed."""

import asyncio
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

RATE = float(os.environ.get("RATE", "5"))
LATE = 2.0
USERS = list(range(9201, 9209))


async def restart(name):
    """Seconds that it took, and how it ended."""
    begun, mark = time.monotonic(), c.log_size()
    await asyncio.to_thread(c.supervisorctl, "restart", name)
    return time.monotonic() - begun, c.ends(name, mark)


async def main():
    tap = c.Tap()
    c.users(USERS)
    rooms = [c.room("rolling %d" % i, USERS) for i in range(2)]
    letters = c.topic_records("chat-messages-dlt")
    members = [c.TimedMember(u, rooms, rate=RATE) for u in USERS]
    tasks = [asyncio.create_task(m.live()) for m in members]
    tasks += [asyncio.create_task(m.talk()) for m in members]
    await asyncio.sleep(3)
    stalls = c.Stalls()
    for name in c.programs():
        stalls.worst = 0.0
        since = time.monotonic()
        took, words = await restart(name)
        await asyncio.sleep(2)
        worst, middle = c.lateness(members, since)
        tap.note("%-14s stopped and started in %.1f s; worst %.2f s, "
                 "median %.3f s; this test itself stalled for %.2f s" % (
                     name, took, worst, middle, stalls.worst))
        tap.ok(worst - stalls.worst < LATE, "%s: no message is over %.0f s late" % (
            name, LATE), "%.2f s" % worst)
        tap.ok(words == ["exit status 0"] and took < 30, name + ": TERM under "
               "load, exit 0", words)
        if name.startswith("store"):
            again = await asyncio.to_thread(c.again, name.split(":")[-1])
            tap.ok(again == 0, name + ": nothing is read again", again)
    for m in members:
        m.stopping = True
    tap.ok(await c.settle(members, 30), "all is answered and delivered")
    c.audit(tap, members)
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    tap.ok(await asyncio.to_thread(c.all_ready, 30), "all are ready again",
           c.status())
    for t in (*tasks, stalls.task):
        t.cancel()
    tap.end()


asyncio.run(main())
