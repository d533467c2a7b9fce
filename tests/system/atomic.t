#!/usr/bin/env python3
"""chat-consume -x on a real Kafka: what a filter emits, its dead letters and
the group's offsets are there together or not at all, whenever the runner dies.
KILLS says how often it is killed at random (20)."""

import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from runnerlib import Case, until  # noqa: E402

tap = c.Tap()
KILLS = int(os.environ.get("KILLS", "20"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))


def texts(case):
    return [r["value"]["text"] for r in case.records(case.out)]


def letters(case):
    return [r["value"]["n"] for r in case.records(case.dlt)]


def emitting(case, numbers, **more):
    return [{"n": n, "emit": ["%d" % n], "to": case.out, **more}
            for n in numbers]


def once(found, wanted, name):
    """Each of them, and none twice."""
    twice = sorted({n for n in found if found.count(n) > 1})
    tap.ok(sorted(found) == sorted(wanted), name,
           "lost %s, twice %s" % (sorted(set(wanted) - set(found)), twice))


def in_order():
    case = Case(tap)
    slow = {"n": 0, "do": "slow", "seconds": 3, "emit": ["0"], "to": case.out,
            "key": "slow"}
    # Two filters' worth of answers: the first comes last.
    case.put({**slow, "do": "retry", "times": 2}, *emitting(
        case, range(1, 6), key="k"))
    case.run("-x")
    tap.ok(until(lambda: len(case.seen("done")) == 5), "five are done",
           case.seen())
    tap.ok(texts(case) == [], "but behind an unfinished one nothing is "
           "published", texts(case))
    tap.ok(until(lambda: case.left() == 0), "when it is done, all is")
    tap.ok(texts(case) == list("012345"), "in the order of the records",
           texts(case))
    status = case.status()
    tap.ok(status.get("emits") == 6 and status.get("transactions", 0) >= 1 and
           status.get("aborted") == 0, "counted", status)
    tap.ok(case.stop() == [0], "TERM: 0")


def refused():
    case = Case(tap)
    case.put({"n": 1, "emit": ["x"], "to": case.topic + "-nowhere"},
             *emitting(case, [2, 3]), {"n": 4, "do": "dead"},
             *emitting(case, [5]))
    case.run("-x")
    tap.ok(until(lambda: case.left() == 0, 30), "an emit that is refused",
           case.seen())
    found = [(r["value"]["n"], [h[1] for h in r["headers"] if h[0] ==
                                "kafka_dlt-exception-fqcn"][0])
             for r in case.records(case.dlt)]
    tap.ok(found == [(1, "EMIT_REFUSED"), (4, "TOLD")],
           "makes its record a letter", found)
    tap.ok(texts(case) == ["2", "3", "5"], "the others go on, in order",
           texts(case))
    tap.ok(case.stop() == [0], "TERM: 0")


def crashes():
    crashing = c.crashing("chat-consume")
    for point in ("run:before-offsets*2", "run:before-commit*2",
                  "run:after-commit*2", "run:after-results*4"):
        case = Case(tap)
        # Each transaction has a few: a slow one in between.
        for k in range(4):
            case.put(*emitting(case, range(4 * k, 4 * k + 3)),
                     {"n": 4 * k + 3, "do": "dead"})
        runner = case.run("-x", program=crashing, crash=point)
        case.put(*emitting(case, range(16, 19)))
        tap.ok(runner.wait(20) == -signal.SIGKILL, point)
        case.runners.clear()
        case.run("-x")
        until(lambda: case.left() == 0)
        once(list(map(int, texts(case))),
             [n for n in range(19) if n >= 16 or n % 4 != 3],
             "each emit once")
        once(letters(case), [3, 7, 11, 15], "each letter once")
        tap.ok(case.stop() == [0], "TERM: 0")


def killed():
    dice = random.Random(SEED)
    tap.note("SEED=%d KILLS=%d" % (SEED, KILLS))
    case = Case(tap, 3)
    number, dead = 0, []
    runners = [case.run("-x", "-X", "session.timeout.ms=6000", slot=k)
               for k in (0, 1)]
    for _ in range(KILLS):
        values = []
        for _ in range(40):
            value = emitting(case, [number], key=str(number % 9))[0]
            if dice.random() < 0.1:
                value["do"] = "dead"
                dead.append(number)
            elif dice.random() < 0.05:
                value.update(do="retry", times=1)
            values.append(value)
            number += 1
        case.put(*values)
        time.sleep(dice.random() * 0.5)
        k = dice.randrange(2)
        runners[k].kill()
        runners[k].wait()
        case.runners.remove(runners[k])
        runners[k] = case.run("-x", "-X", "session.timeout.ms=6000", slot=k)
    tap.ok(until(lambda: case.left() == 0, 60), "kill -9 %d times, two "
           "runners" % KILLS, case.left())
    once(list(map(int, texts(case))), sorted(set(range(number)) - set(dead)),
         "each emit once")
    once(letters(case), dead, "each letter once")
    tap.ok(case.stop() == [0, 0], "TERM: 0")


def fenced():
    case = Case(tap)
    case.put(*emitting(case, range(3)))
    first = case.run("-x", "-X", "group.instance.id=one", slot=0)
    until(lambda: case.left() == 0)
    case.put({"n": 3, "do": "slow", "seconds": 4, "emit": ["3"],
              "to": case.out})
    until(lambda: case.seen("got 3"))
    case.run("-x", "-X", "group.instance.id=one", slot=1)
    tap.ok(first.wait(30) == 111, "another has its place in the group: 111",
           first.returncode)
    tap.ok(until(lambda: case.left() == 0), "which does its work")
    once(texts(case), list("0123"), "each emit once")
    case.runners.remove(first)
    tap.ok(case.stop() == [0], "TERM: 0")


def main():
    for test in (in_order, refused, crashes, killed, fenced):
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        try:
            test()
        except Exception as e:  # the others are worth their run
            tap.ok(False, test.__name__, repr(e))
    tap.end()


main()
