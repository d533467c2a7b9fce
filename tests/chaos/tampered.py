#!/usr/bin/env python3
"""The verdict of scripts/chaos can say no: a watch of two people and six
messages, in which one thing at a time is put wrong. Prints TAP."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.dirname(sys.path[0]) + "/system")
os.environ.update(CHAT_RUN="/nowhere", CHAT_URL="ws://127.0.0.1:1/ws")

import chatlib as c  # noqa: E402
import verdict  # noqa: E402

ROOM = 4


class Somebody:
    def __init__(self, user, ids):
        self.user, self.rooms, self.sent = user, [ROOM], len(ids)
        self.waiting, self.strange = {}, []
        self.receipts = {cmid: 1.0 for cmid in ids}
        self.base, self.resets, self.connections = {ROOM: 0}, 0, 1
        self.seen = {ROOM: [1, 2, 3, 4, 5, 6]}
        self.contents = {ROOM: {i: "m%d" % i for i in range(1, 7)}}


class Crowd:
    def __init__(self):
        self.people = [Somebody(1, ["m1", "m3", "m5"]),
                       Somebody(2, ["m2", "m4", "m6"])]
        self.rooms = [ROOM]
        self.rows = [(i, 1 if i % 2 else 2, "m%d" % i,
                      "%d from x" % ((i + 1) // 2)) for i in range(1, 7)]

    def waiting(self):
        return 0

    def judge(self, settled=True):
        verdict.stored = lambda rooms: {ROOM: self.rows}
        verdict.outcomes = lambda rooms: set()
        v = verdict.judge(self, settled)
        return sorted({kind for kind, _, _ in v.found})


def lose_row(crowd):
    crowd.rows = crowd.rows[:-1]
    for p in crowd.people:
        p.seen[ROOM].pop()
        del p.contents[ROOM][6]


def double_row(crowd):
    crowd.rows.append((7, 2, "m6", "4 from x"))
    for p in crowd.people:
        p.seen[ROOM].append(7)
        p.contents[ROOM][7] = "m6"


def swap_rows(crowd):
    a, b = crowd.rows[1], crowd.rows[3]
    crowd.rows[1], crowd.rows[3] = (2, *b[1:]), (4, *a[1:])
    for p in crowd.people:
        p.contents[ROOM].update({2: "m4", 4: "m2"})


def hole(crowd):
    crowd.rows = [(r[0] + (r[0] > 3), *r[1:]) for r in crowd.rows]
    for p in crowd.people:
        p.seen[ROOM] = [r[0] for r in crowd.rows]
        p.contents[ROOM] = {r[0]: r[2] for r in crowd.rows}


def miss(crowd):
    crowd.people[1].seen[ROOM].remove(4)


def swap_seen(crowd):
    crowd.people[1].seen[ROOM][2:4] = [4, 3]


def other_content(crowd):
    crowd.people[1].contents[ROOM][4] = "m2"


def phantom(crowd):
    crowd.rows.append((7, 2, "m7", "4 from x"))
    for p in crowd.people:
        p.seen[ROOM].append(7)
        p.contents[ROOM][7] = "m7"


def repeat(crowd):
    crowd.people[1].seen[ROOM].append(6)


CASES = ((lose_row, ["lost"]), (double_row, ["doubled"]),
         (swap_rows, ["reordered"]), (hole, ["lost"]), (miss, ["lost"]),
         (swap_seen, ["reordered"]), (other_content, ["reordered"]),
         (phantom, ["phantom"]), (repeat, []))


def main():
    tap = c.Tap()
    tap.ok(Crowd().judge() == [], "a watch without a fault is clean",
           Crowd().judge())
    for wrong, want in CASES:
        crowd = Crowd()
        wrong(crowd)
        got = crowd.judge()
        tap.ok(got == want, "%s: %s" % (wrong.__name__.replace("_", " "),
                                        want or "no harm"), got)
    tap.ok(Crowd().judge(settled=False) == ["stuck"], "what never settles")
    tap.end()


main()
