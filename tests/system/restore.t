#!/usr/bin/env python3
"""PostgreSQL is restored to an earlier state: what it has lost is read again
from Kafka (chat-store --new-epoch, chat-consume --from), once each and in the
old order; clients that knew more are told reset."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from databases import words  # noqa: E402

USERS = [9401, 9402]
COUNT = 60  # messages before the dump, and as many after it
tap = c.Tap()
PG = os.environ["CHAT_PG"]


async def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not await asyncio.to_thread(condition):
        await asyncio.sleep(0.3)
    return await asyncio.to_thread(condition)


def rows(rooms):
    return c.sql("select chat_room_id, seq, client_message_id, content from "
                 "messages where chat_room_id in (%s) order by 1, 2" %
                 ",".join(map(str, rooms)))


class Watcher:
    """Subscribed to a room, and to what is said of its subscriptions."""

    async def open(self, room):
        self.joins, self.heard = [], []
        self.stomp = await c.Stomp.open(c.token(USERS[1]))
        for name, destination in (("joins", "/user/queue/joins"),
                                  ("room", "/sub/chat/room/%d" % room)):
            self.stomp.send("SUBSCRIBE", {
                "id": name, "destination": destination, "receipt": name})
        self.task = asyncio.create_task(self.watch())

    async def watch(self):
        while True:
            frame = await self.stomp.frame(3600)
            if frame.command == "MESSAGE":
                into = (self.joins if frame.headers["subscription"] == "joins"
                        else self.heard)
                into.append(json.loads(frame.body))


async def say(talker, rooms):
    for n in range(COUNT):
        talker.say(rooms[n % 2], "%d from %d" % (talker.sent + 1, USERS[0]))
        await asyncio.sleep(0.01)
    return await until(lambda: not talker.waiting and
                       len(rows(rooms)) == talker.sent, 30)


def restore(dump):
    """As chat(7) says: all that would write is stopped before the database
    takes a connection."""
    c.supervisorctl("stop", "store:*", "outcomes", "api")
    admin = words(PG, dbname="postgres")
    for text in ("drop database chat with (force)", "create database chat"):
        c.run("psql", "-XqAt", "-d", admin, "-c", text)
    c.run("pg_restore", "-d", PG, "--no-owner", "--exit-on-error", dump)
    return c.run("chat-store", "--new-epoch").strip()


def read_again(since):
    """Refused as long as the stopped runners count as members."""
    return subprocess.run(
        ["chat-consume", "-t", "chat-messages", "-g", "store", "--from",
         "@%d" % since], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).returncode


async def main():
    since = time.time() - 1
    c.users(USERS)
    rooms = [c.room("restore %d" % i, USERS) for i in range(2)]
    talker, watcher = c.Member(USERS[0], rooms), Watcher()
    live = asyncio.create_task(talker.live())
    await watcher.open(rooms[0])
    with tempfile.TemporaryDirectory() as place:
        dump = place + "/dump"
        before = await say(talker, rooms)
        old = c.sql("select epoch from store_epoch")[0][0]
        c.run("pg_dump", "-d", PG, "-Fc", "-f", dump)
        tap.ok(before and await say(talker, rooms), "%d messages are stored, "
               "half of them after the dump" % (2 * COUNT))
        whole = rows(rooms)
        epoch = await asyncio.to_thread(restore, dump)
        lost = len(whole) - len(rows(rooms))
        tap.ok(lost == COUNT and epoch != old, "restored: %d are missing, and "
               "the epoch is another" % lost, (lost, old, epoch))
        early = await asyncio.to_thread(read_again, since)
        tap.ok(await until(lambda: read_again(since) == 0, 30),
               "--from, once the stopped runners are members no more")
        tap.note("asked at once it said %d" % early)
    await asyncio.to_thread(c.supervisorctl, "start", "api", "outcomes",
                            "store:*")
    tap.ok(await until(lambda: rows(rooms) == whole, 60), "everything is there "
           "again: once each, under the old numbers, in the old order",
           (len(rows(rooms)), len(whole)))
    tap.ok(await until(lambda: any(j.get("status") == "reset" and
                                   j.get("epoch") == epoch
                                   for j in watcher.joins), 60),
           "a living subscription is told reset, and the new epoch",
           watcher.joins)
    tap.ok(await asyncio.to_thread(c.all_ready, 30), "all are ready",
           c.status())
    heard = len(watcher.heard)
    talker.say(rooms[0], "0 new")
    tap.ok(await until(lambda: len(watcher.heard) > heard and
                       watcher.heard[-1]["content"] == "0 new", 20),
           "and what is new arrives")
    await until(lambda: not talker.waiting, 10)
    tap.ok(len(rows(rooms)) == len(whole) + 1, "as one message more")
    for task in (live, watcher.task):
        task.cancel()
    tap.end()


asyncio.run(main())
