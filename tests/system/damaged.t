#!/usr/bin/env python3
"""A byte of Kafka's log is not what was written (R-31). Kafka hands it out as
it is, and librdkafka would read on behind it: whoever looks is told the place,
and a runner stands there, and there only, until the log is right again."""

import glob
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from runnerlib import Case, until  # noqa: E402

tap = c.Tap()
AT_THE_START, BEHIND, HEALTHY = 0, 1, 2     # partitions
AGAIN_S = 5     # a runner tries it again


class Flipped:
    """One byte of the record with that text, and back again."""

    def __init__(self, topic, partition, text):
        logs = os.environ["CHAT_RUN"] + "/kafka/data/%s-%d/*.log" % (
            topic, partition)
        self.path = glob.glob(logs)[0]
        with open(self.path, "rb") as f:
            self.at = f.read().index(text.encode())
        self.flip()

    def flip(self):
        with open(self.path, "r+b") as f:
            f.seek(self.at)
            byte = f.read(1)[0]
            f.seek(self.at)
            f.write(bytes([byte ^ 1]))


def done(case, partition):
    """The n of p<partition>-<n>, in the order in which they were done."""
    words = [w.split()[1].split("-") for w in case.seen("done")]
    return [int(n) for p, n in words if p == "p%d" % partition]


def look(case):
    """Who only looks stops there, and says where."""
    told = subprocess.run(
        ["chat-consume", "-t", case.topic, "-o", "start", "-e", "end"],
        capture_output=True, text=True, timeout=60)
    tap.ok(told.returncode == 111 and re.search(
        "'%s', partition [01], offset [0-9]+ is damaged" % case.topic,
        told.stderr) and "p0-" not in told.stdout and
        "p1-2" not in told.stdout,
        "a look stops at the place, with 111 and its name", told)


def main():
    case = Case(tap, partitions=3)
    for partition in (AT_THE_START, BEHIND, HEALTHY):
        for n in range(3):      # each in a batch of its own
            case.put({"n": "p%d-%d" % (partition, n)}, partition=partition)
    flipped = [Flipped(case.topic, AT_THE_START, "p0-0"),
               Flipped(case.topic, BEHIND, "p1-1")]
    look(case)

    case.run()
    tap.ok(until(lambda: done(case, HEALTHY) == [0, 1, 2] and
                 done(case, BEHIND) == [0]), "a runner does all that is right")
    tap.ok(until(lambda: case.status().get("why") == "a damaged record"),
           "its status file says so", case.status())
    case.put({"n": "p2-3"}, partition=HEALTHY)
    case.put({"n": "p1-3"}, partition=BEHIND)
    time.sleep(2 * AGAIN_S)     # it has tried twice
    tap.ok(done(case, HEALTHY) == [0, 1, 2, 3], "other partitions go on",
           case.seen("done"))
    tap.ok(done(case, AT_THE_START) == [] and done(case, BEHIND) == [0],
           "nothing behind it is read", case.seen("done"))
    tap.ok(case.logged('"message":"a record is damaged"'), "the log has it")

    for f in flipped:
        f.flip()
    tap.ok(until(lambda: done(case, AT_THE_START) == [0, 1, 2] and
                 done(case, BEHIND) == [0, 1, 2, 3]),
           "put right: each is done once, in order", case.seen("done"))
    tap.ok(until(lambda: case.status().get("state") == "ready"),
           "and it is ready", case.status())
    tap.ok(case.stop() == [0] and case.left() == 0, "all is committed")


main()
tap.end()
