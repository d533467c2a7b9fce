#!/usr/bin/env python3
"""Zombies: a runner and its store that were stopped (SIGSTOP) while another
pair took their partition over, and go on (SIGCONT). They write nothing wrong:
no message twice, none out of order, no offset back; with -x no emit twice. So
with the same group.instance.id, where the old one ends with 111; and with the
store alone stopped, which its runner starts again. (R-08, R-08b; those of
chat-produce and of the edge are in zombie_edge.t.)"""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from databases import database  # noqa: E402
from runnerlib import Case, Talk, until  # noqa: E402

tap = c.Tap()
SESSION = 6
SHORT = ("-X", "session.timeout.ms=%d000" % SESSION)
ROOMS = 6


def filter_of(runner):
    """The pid of a runner's filter."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(runner.pid)],
                         stdout=subprocess.PIPE, text=True).stdout.split()
    return int(out[0])


def owns(case, slot):
    return bool(case.status(slot).get("partitions"))


class Stored:
    """Runners with chat-store on a topic and a database of their own, under
    load."""

    def __init__(self, db):
        self.db, self.case = db, Case(tap, 1)
        self.case.env["CHAT_PG"] = db.conninfo
        self.rooms = [db.group(1, 2) for _ in range(ROOMS)]
        self.before = self.count()
        self.talk = None

    def count(self):
        return int(self.db.one("select count(*) from messages"))

    def start(self, slot, *more):
        return self.case.run(
            *SHORT, *more, slot=slot,
            filter=["chat-store", "--events", self.case.out])

    def load(self):
        self.talk = Talk(self.case.topic, self.rooms, 200)
        until(lambda: self.count() > self.before + 50)

    def flowing(self, seconds=15):
        """Seconds until something new was stored."""
        began, had = time.monotonic(), self.count()
        until(lambda: self.count() > had + 20, seconds)
        return time.monotonic() - began

    def check(self, name):
        self.talk.end()
        want = self.before + self.talk.count
        tap.ok(until(lambda: self.count() == want, 30), name + ": all are "
               "stored, once each", "%d of %d" % (self.count(), want))
        tap.ok(until(lambda: self.case.left() == 0), "and committed",
               self.case.left())
        swapped = self.db.sql(
            "select chat_room_id, seq from (select *, lag(content::int) over "
            "(partition by chat_room_id order by seq) as before from messages "
            ") x where content::int < before")
        tap.ok(self.db.holes() == [] and swapped == [],
               "seq dense, each room in order", swapped[:3])
        events = {}
        for r in self.case.records(self.case.out):
            m = r["value"]["message"]
            events.setdefault((m["roomId"], m["seq"]), set()).add(
                (m["messageId"], m["content"]))
        tap.ok(len(events) == self.talk.count and
               all(len(v) == 1 for v in events.values()),
               "an event for each; repeated ones are the same", len(events))


def pair(db):
    """Both are stopped, twice: first with records in the filter's pipe, then
    with answers in the runner's."""
    stored = Stored(db)
    case = stored.case
    runners = [stored.start(0)]
    stored.load()
    runners.append(stored.start(1))
    until(lambda: case.logged("partitions revoked"), 5)
    for filter_first in (True, False):
        until(lambda: owns(case, 0) or owns(case, 1))
        slot = 0 if owns(case, 0) else 1
        pids = [filter_of(runners[slot]), runners[slot].pid]
        if not filter_first:
            pids.reverse()
        os.kill(pids[0], signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(pids[1], signal.SIGSTOP)
        took = stored.flowing(SESSION + 10)
        tap.ok(took < SESSION + 6, "stopped: another pair has the partition "
               "after %.1f s" % took)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        tap.ok(stored.flowing() < 10, "awake again: all flows on")
        if not until(lambda: runners[slot].poll() is not None or
                     case.status(slot).get("state") == "ready", 10):
            tap.ok(False, "it ends, or joins again", case.status(slot))
        elif runners[slot].poll() is not None:
            tap.ok(runners[slot].returncode == 111, "it ends with 111",
                   runners[slot].returncode)
            case.runners.remove(runners[slot])
            runners[slot] = stored.start(slot)
        else:
            tap.ok(True, "it joins again")
    stored.check("woken")
    tap.ok(case.stop() == [0, 0], "TERM: 0")


def same_name(db):
    """The one with the newest claim to a group.instance.id has it."""
    stored = Stored(db)
    case = stored.case
    name = ("-X", "group.instance.id=one")
    old = stored.start(0, *name)
    stored.load()
    pids = [old.pid, filter_of(old)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    stored.start(1, *name)
    took = stored.flowing()
    tap.ok(took < SESSION, "the same instance id: taken over after %.1f s" %
           took)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    tap.ok(old.wait(20) == 111, "the old one is fenced: 111", old.returncode)
    tap.ok(stored.flowing() < 5, "the new one goes on")
    case.runners.remove(old)
    stored.check("fenced")
    tap.ok(case.stop() == [0], "TERM: 0")


def store_alone(db):
    stored = Stored(db)
    case = stored.case
    runner = stored.start(0, "--hang", "3")
    stored.load()
    pid = filter_of(runner)
    os.kill(pid, signal.SIGSTOP)
    tap.ok(until(lambda: case.status().get("kills") == 1, 10),
           "a store that is stopped is killed after --hang", case.status())
    tap.ok(stored.flowing() < 5 and filter_of(runner) != pid,
           "and started again")
    stored.check("store alone")
    tap.ok(case.stop() == [0], "TERM: 0")


def transaction():
    """With -x: a filter that emits, both stopped in the middle of the work."""
    case = Case(tap, 1)
    values = [{"n": n, "emit": ["%d" % n], "to": case.out,
               "do": "slow", "seconds": 0.01} for n in range(600)]
    runners = [case.run("-x", *SHORT, slot=0)]
    until(lambda: owns(case, 0))
    case.put(*values[:300])
    until(lambda: len(case.seen("done")) > 100)
    pids = [runners[0].pid, filter_of(runners[0])]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    runners.append(case.run("-x", *SHORT, slot=1))
    case.put(*values[300:])
    tap.ok(until(lambda: case.status(1).get("transactions", 0) > 3, 30),
           "-x: another pair has the partition", case.status(1))
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    tap.ok(until(lambda: case.left() == 0, 40), "awake again: all is done",
           case.left())
    texts = [int(r["value"]["text"]) for r in case.records(case.out)]
    tap.ok(texts == list(range(600)), "each emit once, in order",
           [n for n in texts if texts.count(n) > 1][:10])
    if runners[0].poll() is not None:
        case.runners.remove(runners[0])
    tap.ok(set(case.stop()) == {0}, "TERM: 0")


def main():
    for test in (pair, same_name, store_alone, transaction):
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        try:
            if test is transaction:
                test()
                continue
            with database("zombie_" + test.__name__) as db:
                test(db)
        except Exception as e:  # the others are worth their run
            tap.ok(False, test.__name__, repr(e))
    tap.end()


main()
