#!/usr/bin/env python3
"""Several stores share the partitions: four runners, each with its store, on
three partitions of a topic of their own, under load. One partition each, the
fourth stands by. One that is killed and comes back has its place again at once;
one that stays away loses its partition within the session's time-out; rooms
keep their order all the while, and nothing is lost or stored twice."""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from databases import database  # noqa: E402
from runnerlib import Talk, until  # noqa: E402

tap = c.Tap()
NAME = "t-stores-%d" % os.getpid()
PROCS, PARTITIONS = 4, 3
SESSION = 10  # seconds, of chat-consume's members
ROOMS = 12
RATE = 100  # messages a second


class Stores:
    def __init__(self, rundir, db):
        self.dir, self.db = rundir, db
        self.env = {**os.environ, "CHAT_PG": db.conninfo, "CHAT_RUN": rundir}
        self.logs = [open("%s/log.%d" % (rundir, k), "ab")
                     for k in range(PROCS)]
        self.runners = [None] * PROCS

    def path(self, kind, k):
        return "%s/%s.%d" % (self.dir, kind, k)

    def start(self, k):
        self.runners[k] = subprocess.Popen(
            ["chat-consume", "--slot", str(k), "-t", NAME, "-g", NAME,
             "--control", "-S", self.path("consume", k), "--",
             "chat-store", "--events", NAME + "-out", "-S",
             self.path("store", k)], env=self.env, stderr=self.logs[k])

    def ready(self, k):
        try:
            for kind in ("consume", "store"):
                with open(self.path(kind, k)) as f:
                    if json.load(f)["state"] != "ready":
                        return False
            return True
        except FileNotFoundError:
            return False

    def partitions(self, k):
        """How many it was given last."""
        count = None
        with open(self.path("log", k)) as f:
            for line in f:
                line = json.loads(line)
                if line["message"] == "partitions assigned":
                    count = line["count"]
        return count

    def kill(self, k):
        self.runners[k].kill()
        self.runners[k].wait()

    def stop(self):
        for r in self.runners:
            if r.poll() is None:
                r.terminate()
        return [r.wait(20) for r in self.runners]


def flows(db, seconds):
    """Seconds until each partition has stored what was sent after now."""
    began = time.time()
    newest = ("select count(*) from (select record_partition from messages "
              "where sent_at > to_timestamp(%f) group by 1) x" % began)
    until(lambda: db.one(newest) == str(PARTITIONS), seconds)
    return time.time() - began


def away_and_back(stores, db):
    shares = [stores.partitions(k) for k in range(PROCS)]
    holder = shares.index(1)
    stores.kill(holder)
    stores.start(holder)
    took = flows(db, 2 * SESSION)
    tap.ok(took < 3, "killed, and there again at once: all partitions are "
           "stored after %.1f s" % took)
    until(lambda: stores.ready(holder), 5)
    tap.ok([stores.partitions(k) for k in range(PROCS)] == shares and
           stores.ready(holder), "in its old place",
           [stores.partitions(k) for k in range(PROCS)])
    stores.kill(holder)
    took = flows(db, 3 * SESSION)
    tap.ok(took < SESSION + 3, "killed, and stays away: its partition is "
           "stored by another after %.1f s" % took)
    tap.ok(until(lambda: [stores.partitions(k) for k in range(PROCS)
                          if k != holder] == [1] * PARTITIONS, 5),
           "by the one that stood by", [stores.partitions(k)
                                        for k in range(PROCS)])
    stores.start(holder)
    tap.ok(until(lambda: stores.ready(holder), 2 * SESSION) and
           flows(db, 2 * SESSION) < 2 * SESSION, "it comes back later: all "
           "flows on")


def check(db, talk):
    want = talk.count
    got = ("select count(*) from messages")
    tap.ok(until(lambda: db.one(got) == str(want), 20),
           "all %d messages are stored, once each" % want, db.one(got))
    tap.ok(db.holes() == [], "no hole", db.holes())
    swapped = db.sql(
        "select chat_room_id, seq, content from (select *, lag(content::int) "
        "over (partition by chat_room_id order by seq) as before "
        "from messages) x where content::int < before")
    tap.ok(swapped == [], "each room has its messages in the order in which "
           "they were sent", swapped[:3])


def main():
    with tempfile.TemporaryDirectory() as rundir, database("stores") as db:
        with open(rundir + "/topics", "w") as f:
            for topic in (NAME, NAME + "-out", NAME + "-dlt"):
                f.write('{"topic":"%s","partitions":%d,"replicas":1}\n' %
                        (topic, PARTITIONS))
        c.run("chat-topics", "apply", rundir + "/topics")
        rooms = [db.group(1, 2) for _ in range(ROOMS)]
        stores = Stores(rundir, db)
        for k in range(PROCS):
            stores.start(k)
        tap.ok(until(lambda: all(map(stores.ready, range(PROCS))), 30),
               "%d runners on %d partitions: all are ready" % (
                   PROCS, PARTITIONS))
        talk = Talk(NAME, rooms, RATE)
        flows(db, 20)
        tap.ok(until(lambda: sorted(map(stores.partitions, range(PROCS))) ==
                     [0] + [1] * PARTITIONS, 15),
               "one partition each, and one stands by",
               [stores.partitions(k) for k in range(PROCS)])
        away_and_back(stores, db)
        tap.ok(talk.end() == 0, "the producer ends well")
        check(db, talk)
        codes = stores.stop()
        tap.ok(codes == [0] * PROCS, "TERM: all drain, 0", codes)
    tap.end()


main()
