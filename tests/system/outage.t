#!/usr/bin/env python3
"""PostgreSQL stopped for 20 s, then Kafka stopped for 20 s, under load: no
false RECEIPT, nothing lost, nothing dead-lettered, and all flows again by
itself. AWAY (seconds) and RATE (messages a second of each of six users) can be
set."""

import asyncio
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

AWAY = float(os.environ.get("AWAY", "20"))
RATE = float(os.environ.get("RATE", "5"))
USERS = list(range(9201, 9207))


async def outage(tap, engine, members):
    pids = {n: s.get("pid") for n, s in c.status().items()
            if n not in ("kafka", "postgresql")}
    await asyncio.to_thread(c.supervisorctl, "stop", engine)
    stopped = time.monotonic()
    await asyncio.sleep(AWAY)
    states = c.status()
    waiting = [n for n, s in states.items() if s["state"] == "waiting"]
    tap.note("waiting: %s" % {n: states[n]["why"] for n in waiting})
    tap.ok(waiting, "%s away: those who need it say so" % engine, states)
    back = time.monotonic()
    await asyncio.to_thread(c.supervisorctl, "start", engine)
    ready = await asyncio.to_thread(c.all_ready, 60)
    tap.note("all ready %.1f s after its start" % (time.monotonic() - back))
    tap.ok(ready, "%s back: all are ready by themselves" % engine, c.status())
    after = {n: s.get("pid") for n, s in c.status().items()
             if n not in ("kafka", "postgresql")}
    changed = {n: (pids[n], after[n]) for n in pids if pids[n] != after[n]}
    tap.note("started anew meanwhile: %s" % (changed or "none"))
    return stopped, back


async def main():
    tap = c.Tap()
    c.users(USERS)
    rooms = [c.room("outage %d" % i, USERS) for i in range(3)]
    letters = c.topic_records("chat-messages-dlt")
    members = [c.Member(u, rooms, rate=RATE) for u in USERS]
    tasks = [asyncio.create_task(m.live()) for m in members]
    tasks += [asyncio.create_task(m.talk()) for m in members]
    await asyncio.sleep(3)

    await outage(tap, "postgresql", members)
    await asyncio.sleep(3)
    stopped, back = await outage(tap, "kafka", members)
    early = [1 for m in members for t in m.receipts.values()
             if stopped + 1 < t < back]
    tap.ok(not early, "no RECEIPT while Kafka was away", len(early))
    await asyncio.sleep(3)

    for m in members:
        m.stopping = True
    tap.ok(await c.settle(members, 60), "all is answered and delivered",
           "waiting: %s" % [len(m.waiting) for m in members])
    c.audit(tap, members)
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    refused = c.sql("select count(*) from message_outcomes where "
                    "chat_room_id in (%s)" % ",".join(map(str, rooms)))
    tap.ok(refused == [["0"]], "nothing was refused", refused)
    for t in tasks:
        t.cancel()
    tap.end()


asyncio.run(main())
