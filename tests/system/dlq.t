#!/usr/bin/env python3
"""chat-dlq-replay on a real Kafka, in topics of its own: every letter goes back
once, with kill -9 at random instants and at each named point, whatever filters
were used; what is asked for goes and nothing else; what Kafka refuses stays
open. And through the whole stack: a letter, the fix, one message, told once.

LETTERS=100000 KILL_EVERY=2 ./dlq.t fast
is the long run: letters a second, kills and counts are printed."""

import asyncio
import collections
import ctypes
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
LETTERS = int(os.environ.get("LETTERS", 5000))
KILL_EVERY = float(os.environ.get("KILL_EVERY", 0))
dice = random.Random(SEED)
number = 0


class Case:
    """A topic, its dead letters and their marks."""

    def __init__(self, partitions=3, config=""):
        global number
        number += 1
        self.topic = "t-dlq-%d-%d" % (os.getpid(), number)
        self.dlt = self.topic + "-dlt"
        self.dir = tempfile.mkdtemp()
        self.partitions, self.sentinels = partitions, 0
        with open(self.dir + "/topics", "w") as f:
            for name, n, conf in (
                    (self.topic, partitions, config), (self.dlt, partitions, ""),
                    (self.dlt + "-settled", 1,
                     ',"config":{"cleanup.policy":"compact"}')):
                f.write('{"topic":"%s","partitions":%d,"replicas":1%s}\n' %
                        (name, n, conf))
        c.run("chat-topics", "apply", self.dir + "/topics")

    def letter(self, i, key=None, value=None, cls="SQLSTATE_22021", **more):
        headers = [["traceparent", "00-%d" % i],
                   ["kafka_dlt-original-topic", more.pop("to", self.topic)],
                   ["kafka_dlt-original-partition", str(i % 3)],
                   ["kafka_dlt-original-offset", str(i)],
                   ["kafka_dlt-original-timestamp", "1700000000000"],
                   ["kafka_dlt-exception-fqcn", cls],
                   ["kafka_dlt-exception-message", "number %d" % i]]
        return {"topic": self.dlt, "key": str(i % 50) if key is None else key,
                "headers": headers + more.pop("headers", []),
                "value": {"n": i} if value is None else value, **more}

    def put(self, *letters):
        c.run("chat-produce", "-I", "-d", self.dir, stdin="".join(
            json.dumps(letter) + "\n" for letter in letters))

    def argv(self, *words, program="chat-dlq-replay", verb="run"):
        return [program, verb, "-t", self.dlt, "-d", self.dir, *words]

    def run(self, *words, stdin=None, **how):
        """Exit code, the line at the end, and what stderr says."""
        argv = self.argv(*words, **how)
        if stdin is not None:
            argv += ["--in", "-"]
        done = subprocess.run(argv, input=stdin, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        last = done.stdout.splitlines()[-1:] or ["{}"]
        return done.returncode, json.loads(last[0]), done.stderr

    def list(self, *words):
        out = c.run("chat-dlq-replay", "list", "-j", "-t", self.dlt, *words)
        return [json.loads(line) for line in out.splitlines()]

    def records(self, topic=None, *more):
        out = c.run("chat-consume", "-t", topic or self.topic, "-o", "start",
                    "-e", "end", *more)
        return [json.loads(line) for line in out.splitlines()]

    def sent(self):
        """All records that went back. A transaction that is committed shows
        only when its markers are written: what comes behind them must show."""
        self.sentinels += 1
        c.run("chat-produce", "-I", "-P", "-d", self.dir, stdin="".join(
            '{"topic":"%s","partition":%d,"key":"sentinel","value":{}}\n' %
            (self.topic, p) for p in range(self.partitions)))
        end = time.monotonic() + 30
        while time.monotonic() < end:
            records = self.records()
            replays = [r for r in records if r["key"] != "sentinel"]
            if len(records) - len(replays) == self.sentinels * self.partitions:
                return replays
            time.sleep(0.05)
        raise RuntimeError("a transaction stays open")

    def replays(self):
        """How often each letter went back, by its origin."""
        return collections.Counter(
            dict(r["headers"])["chat-replay-of"] for r in self.sent())

    def marks(self):
        return collections.Counter(
            r["key"] for r in self.records(self.dlt + "-settled"))


def origins(case, numbers):
    return {"%s/%d/%d/1700000000000" % (case.topic, i % 3, i)
            for i in numbers}


# ------------------------------------------------------------------ once each

def some_filter():
    """A part of the letters, or all; each run another."""
    return dice.choice([
        (), (), ("--max", str(dice.randrange(1, LETTERS))),
        ("-r", str(dice.randrange(50))), ("--reason", "SQLSTATE"),
        ("--reason", "*_22021"), ("--partition", str(dice.randrange(3))),
        ("-o", str(dice.randrange(LETTERS // 4))),
        ("-e", "-%d" % dice.randrange(1, LETTERS // 4))])


def kill_on(case, *more, every=0.0, filters=True):
    """Runs and kills until one has done everything: kills, seconds."""
    kills, spent = 0, 0.0
    while True:
        words = some_filter() if filters else ()
        begun = time.monotonic()
        child = subprocess.Popen(case.argv(*words, *more),
                                 stdout=subprocess.DEVNULL)
        try:
            code = child.wait(every or dice.uniform(0.1, 0.7))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            kills += 1
            code = None
        spent += time.monotonic() - begun
        if code not in (0, None):
            tap.note("exit code %d of %r" % (code, words))
            return kills, spent
        if code == 0 and not words:
            return kills, spent


def once_each(case, name, count=LETTERS):
    went, marks = case.replays(), case.marks()
    want = origins(case, range(count))
    lost, twice = want - set(went), [k for k, n in went.items() if n > 1]
    tap.ok(not lost and not twice and set(went) == want,
           "%s: %d letters, each went back once" % (name, count),
           "lost %d, twice %d, foreign %d" % (
               len(lost), len(twice), len(set(went) - want)))
    tap.ok(set(marks) == want and max(marks.values()) == 1,
           "%s: and has one mark" % name, len(marks))


def fast():
    """As fast as it goes, killed every now and then."""
    case = Case()
    case.put(*(case.letter(i) for i in range(LETTERS)))
    kills, spent = kill_on(case, every=KILL_EVERY or 0.4, filters=False)
    tap.note("%d letters in %.1f s, %d times killed: %d/s" % (
        LETTERS, spent, kills, LETTERS / spent))
    once_each(case, "kill -9 every %.1f s" % (KILL_EVERY or 0.4))
    begun = time.monotonic()
    code, line, _ = case.run()
    tap.note("reading %d marks and letters: %.2f s" % (
        LETTERS, time.monotonic() - begun))
    tap.ok(code == 0 and line == {}, "then there is nothing, quietly", line)


def killed():
    """Slowly, so that kills meet it everywhere, with all kinds of filters."""
    case = Case()
    count = min(LETTERS, 5000)
    case.put(*(case.letter(i) for i in range(count)))
    kills, _ = kill_on(case, "--rate", "2000")
    tap.note("seed %d: %d kills" % (SEED, kills))
    once_each(case, "killed with filters", count)
    tap.ok(kills > 3, "it was killed indeed", kills)


def crashes():
    program = c.crashing("chat-dlq-replay")
    for point in ("dlq:sent*7", "dlq:before-commit", "dlq:after-commit",
                  "dlq:before-commit*2", "dlq:after-commit*2"):
        case = Case()
        case.put(*(case.letter(i) for i in range(600)))
        died = subprocess.run(case.argv(program=program), env={
            **os.environ, "CHAT_CRASH_AT": point}).returncode
        went = len(case.replays())
        code, line, _ = case.run()
        tap.ok(died == -signal.SIGKILL and code == 0 and
               line.get("replayed", 0) == 600 - went,
               "killed at %s: %d went, the next run does the rest" % (
                   point, went), (died, code, line))
        once_each(case, point, 600)
    case = Case()
    case.put(*(case.letter(i) for i in range(600)))
    died = subprocess.run(case.argv("-I", program=program), env={
        **os.environ, "CHAT_CRASH_AT": "dlq:before-marks"}).returncode
    code, line, _ = case.run("-I")
    went = case.replays()
    tap.ok(died == -signal.SIGKILL and code == 0 and line["replayed"] == 600 and
           set(went) == origins(case, range(600)) and
           sorted(set(went.values())) == [1, 2] and
           len(case.marks()) == 600,
           "without transactions, killed before the marks: a batch goes "
           "twice, none is missing", (died, code, line, len(went)))


# ---------------------------------------------------------- what goes, and how

def record_that_goes():
    case = Case()
    case.put(case.letter(7, value={"a": 1.50}, key="k"),
             case.letter(8, headers=[["chat-replay-count", "2"],
                                     ["chat-replay-of", "x/0/1/2"]]))
    code, line, _ = case.run()
    first, second = sorted(case.sent(), key=lambda r: r["headers"])
    tap.ok(code == 0 and line == {"replayed": 2, "refused": 0, "skipped": 0,
                                  "settled": 0, "open": 0}, "two go", line)
    tap.ok(first["headers"] == [
        ["traceparent", "00-7"], ["chat-replay-count", "1"],
        ["chat-replay-of", case.topic + "/1/7/1700000000000"]],
           "kafka_dlt-* stay behind, chat-replay-* come", first["headers"])
    tap.ok(second["headers"][1:] == [
        ["chat-replay-count", "3"],
        ["chat-replay-of", case.topic + "/2/8/1700000000000"]],
           "a second replay counts on, of the newest letter",
           second["headers"])
    tap.ok(first["key"] == "k" and first["value"] == {"a": 1.5} and
           abs(first["timestamp"] / 1000 - time.time()) < 60,
           "key and value are kept, the time is now", first)
    mark = case.records(case.dlt + "-settled")[0]
    letter = mark["value"]["letter"]
    tap.ok(letter["topic"] == case.dlt and
           mark["value"]["replays"] in (1, 3) and
           abs(mark["value"]["replayedAtMs"] / 1000 - time.time()) < 60,
           "the mark names the letter", mark)
    states = {x["dlt"]["origin"]: x["dlt"]["state"] for x in case.list("-a")}
    tap.ok(set(states.values()) == {"settled"} and case.list() == [],
           "they are settled, and not listed any more", states)
    case.put(case.letter(7), case.letter(8, headers=[
        ["chat-replay-count", "3"]]), case.letter(9, headers=[
            ["chat-replay-count", "3"]]))
    code, line, said = case.run()
    tap.ok(code == 1 and line["refused"] == 1 and line["settled"] == 2 and
           "replayed 3 times already" in said,
           "a second letter of one record is settled too; three replays are "
           "enough", (code, line, said))
    code, line, _ = case.run("--max-replays", "4")
    tap.ok(code == 0 and line["replayed"] == 1, "but for who says more", line)


def choices():
    case = Case(partitions=1)
    letters = [case.letter(i, key=str(i % 2), cls="A_%d" % (i % 3))
               for i in range(12)]
    case.put(*letters[:6])
    time.sleep(1.1)
    middle = "@%d" % time.time()
    case.put(*letters[6:])

    def listed(*words):
        return sorted(int(x["dlt"]["message"].split()[1])
                      for x in case.list(*words))
    for words, want in (
            (("-r", "1"), [1, 3, 5, 7, 9, 11]),
            (("-r", "1", "-r", "0"), list(range(12))),
            (("--reason", "A_2"), [2, 5, 8, 11]),
            (("--reason", "A_"), list(range(12))),
            (("--reason", "?_[01]", "-r", "0"), [0, 4, 6, 10]),
            (("--reason", "B"), []),
            (("--since", middle), list(range(6, 12))),
            (("--until", middle), list(range(6))),
            (("-o", "3", "-e", "5"), [3, 4]),
            (("-o", "-2"), [10, 11]),
            (("--partition", "0", "-o", "11"), [11])):
        tap.ok(listed(*words) == want, "list %s" % " ".join(words),
               listed(*words))
    code, line, _ = case.run("-r", "1", "--reason", "A_1", "--max", "1")
    tap.ok(code == 0 and line == {"replayed": 1, "refused": 0, "skipped": 11,
                                  "settled": 0, "open": 11} and
           set(case.replays()) == origins(case, [1]),
           "run goes by them, and by --max", line)
    dry = case.run("-n")[1]
    tap.ok(dry == {"wouldReplay": 11, "refused": 0, "skipped": 0,
                   "settled": 1, "open": 11} and len(case.replays()) == 1,
           "-n changes nothing", dry)
    place = "%s/0/4" % case.dlt
    page = c.run("chat-dlq-replay", "show", place)
    tap.ok("number 4" in page and '{"n": 4}' in page and "open" in page,
           "show shows", page)
    done = subprocess.run(["chat-dlq-replay", "run", place, "-d", case.dir],
                          stdout=subprocess.PIPE)
    tap.ok(done.returncode == 0 and
           set(case.replays()) == origins(case, [1, 4]), "run of one place")
    missing = subprocess.run(["chat-dlq-replay", "show", case.dlt + "/0/99"],
                             stderr=subprocess.PIPE)
    tap.ok(missing.returncode == 1, "show of none: 1", missing)
    for verb in ("run", "drop"):
        none = subprocess.run(["chat-dlq-replay", verb, "-d", case.dir,
                               case.dlt + "/0/99"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tap.ok(none.returncode == 1 and '"refused":1' in none.stdout and
               "/0/99: no such letter" in none.stderr, verb + " of none: 1",
               none)
    done = subprocess.run(["chat-dlq-replay", "run", place, "-d", case.dir],
                          stdout=subprocess.PIPE)
    tap.ok(done.returncode == 0 and not done.stdout, "run of a settled one: 0")
    reasons = [json.loads(x) for x in c.run(
        "chat-dlq-replay", "list", "--reasons", "-j", "-a", "-t",
        case.dlt).splitlines()]
    tap.ok(reasons == [{"class": "A_%d" % i, "letters": 4,
                        "open": 2 if i == 1 else 4} for i in range(3)],
           "reasons are counted", reasons)
    begun = time.monotonic()
    case.run("--rate", "5")
    tap.ok(1.5 < time.monotonic() - begun < 5 and len(case.replays()) == 12,
           "--rate 5: ten take two seconds", time.monotonic() - begun)
    case.put(case.letter(20), case.letter(21))
    dry = case.run("-n", "--reason", "SQL", verb="drop")[1]
    tap.ok(dry.get("wouldDrop") == 2 and dry["open"] == 2, "drop -n", dry)
    code, line, _ = case.run("--reason", "SQL", verb="drop")
    tap.ok(code == 0 and line["dropped"] == 2 and len(case.replays()) == 12 and
           case.run()[1] == {}, "drop: marks, and no records", line)


def dry():
    """-n says what a run would: the same words, the same exit code."""
    case, other = Case(partitions=1), Case(partitions=1)
    case.put(*(case.letter(i) for i in range(4)),
             case.letter(4, to=case.topic + "-nowhere"),
             case.letter(5, to=other.topic),
             case.letter(6, headers=[["chat-replay-count", "x"]]))
    would, said = case.run("-n", "-j"), case.run("-n")[2]
    tap.ok(would[0] == 1 and would[1] == {
        "wouldReplay": 5, "refused": 2, "skipped": 0, "settled": 0, "open": 7}
        and "its topic is not there" in said and "is no number" in said and
        case.sent() == [] and not case.marks(),
        "-n: what has nowhere to go would not go", would)
    code, line, told = case.run()
    tap.ok(code == 1 and line["replayed"] == 5 and line["refused"] == 2 and
           told == said, "run: the same", (code, line, told, said))
    tap.ok(case.run("-n")[1]["refused"] == 2, "and again")
    bare = "t-dlq-%d-bare" % os.getpid()
    with open(case.dir + "/topics", "w") as f:
        for name in (bare, bare + "-dlt"):
            f.write('{"topic":"%s","partitions":1,"replicas":1}\n' % name)
    c.run("chat-topics", "apply", case.dir + "/topics")
    case.dlt = bare + "-dlt"
    case.put(case.letter(0))
    said = [case.run("-n"), case.run()]
    tap.ok(said[0] == said[1] and said[0][0] == 100 and
           "-settled' is not there: declare it" in said[0][2],
           "no topic for the marks: 100, with -n too", said)


def without_value(letter, **other):
    del letter["value"]
    return {**letter, **other}


def edited():
    case = Case(partitions=1)
    case.put(*(case.letter(i, key="wrong", value={"roomId": i})
               for i in range(3)),
             without_value(case.letter(3), valueText="{broken"),
             without_value(case.letter(4), value64="/w=="))
    lines = c.run("chat-dlq-replay", "list", "-j", "-t", case.dlt)
    fixed = c.run("jq", 'select(.offset < 2) | .key = "7" | .value.roomId = 7',
                  stdin=lines)
    tap.ok("\n  " in fixed, "jq prints over several lines")
    code, line, _ = case.run(stdin=fixed)
    tap.ok(code == 0 and line["replayed"] == 2 and line["open"] == 3 and
           [(r["key"], r["value"]) for r in case.sent()] ==
           [("7", {"roomId": 7})] * 2, "what jq made of them goes back",
           line)
    code, line, _ = case.run(stdin=fixed)
    tap.ok(code == 0 and line == {}, "and once only", line)
    text = c.run("jq", "-c", 'select(.valueText) | .value = {"n": 3} | '
                 "del(.valueText)", stdin=lines)
    keyless = c.run("jq", "-c", "select(.offset == 2) | del(.key, .headers)",
                    stdin=lines)
    code, line, _ = case.run(stdin=keyless)
    tap.ok(code == 0 and line["replayed"] == 1 and
           case.sent()[-1]["key"] == "wrong",
           "a line that says nothing of the key leaves it", line)
    bytes_ = c.run("jq", "-c", 'select(.value64) | .key = null', stdin=lines)
    code, line, _ = case.run(stdin=text + bytes_)
    last = case.sent()[-2:]
    tap.ok(code == 0 and line["replayed"] == 2 and
           last[0]["value"] == {"n": 3} and last[1]["value64"] == "/w==" and
           last[1]["key"] is None,
           "broken text is made JSON; bytes are kept", (line, last))
    stale = json.loads(lines.splitlines()[2])
    stale["timestamp"] += 1
    gone = dict(stale, offset=99)
    code, line, said = case.run(
        stdin="%s\n%s\n" % (json.dumps(stale), json.dumps(gone)))
    tap.ok(code == 1 and line["refused"] == 2 and line["replayed"] == 0 and
           said.count("no such letter") == 2,
           "lines of letters that are not there are refused", (line, said))


def refused():
    case = Case(partitions=1, config=',"config":{"max.message.bytes":20000}')
    other = Case(partitions=1)
    nowhere = case.topic + "-nowhere"
    case.put(*(case.letter(i, value={"x": "y" * 30000} if i in (3, 40) else None)
               for i in range(60)),
             case.letter(60, to=nowhere), case.letter(61, to="a/b"),
             case.letter(62, to=other.dlt), case.letter(63, to="__consumer"),
             case.letter(64, to=other.topic),
             {"topic": case.dlt, "key": "k", "value": {"said": "nothing"}})
    code, line, said = case.run()
    went = case.replays()
    tap.ok(code == 1 and line["replayed"] == 63 and line["refused"] == 3 and
           line["open"] == 3 and said.count("refused:") == 3 and
           "its topic is not there" in said and "too large" in said.lower(),
           "what Kafka refuses stays open, its neighbours go", (line, said))
    tap.ok(set(went.values()) == {1} and len(went) == 62 and
           len(other.replays()) == 1 and len(case.marks()) == 63,
           "a topic that makes no sense: the dead letter topic's own",
           (len(went), len(case.marks())))
    tap.ok([k for k in went if k.startswith(case.dlt + "/0/")],
           "a letter that says nothing has its own place")
    code, line, _ = case.run()
    tap.ok(code == 1 and line["refused"] == 3 and line["replayed"] == 0,
           "and again", line)
    other.put(other.letter(0, to=nowhere), other.letter(1))
    tap.ok([other.run()[1][w] for w in ("replayed", "refused")] == [1, 1] and
           other.run()[1]["refused"] == 1,
           "one that has nowhere to go is not forgotten")
    again = Case(partitions=1, config=',"config":{"max.message.bytes":20000}')
    again.put(*(again.letter(
        i, value={"x": "y" * 30000} if i == 3 else None) for i in range(20)))
    code, line, _ = again.run("-I")
    tap.ok(code == 1 and line["replayed"] == 19 and line["refused"] == 1 and
           max(again.replays().values()) == 1,
           "without transactions too", line)


def resumes():
    """What was settled long ago is not read again, and nothing else is left
    out because of it."""
    case = Case()
    case.put(*(case.letter(i) for i in range(3000)))
    places = []

    def run(*words):
        code, line, said = case.run("-v", *words)
        places.append(int(re.search(r'"places":(\d+)', said)[1]))
        return code, line.get("replayed"), places[-1]
    tap.ok(run("-r", "7") == (0, 60, 3000) and run("--reason", "A")[1:] ==
           (0, 3000), "parts leave letters open", places)
    _, last, _ = run("-o", "-10")
    tap.ok(20 <= last <= 30, "so does the end alone", last)
    code, replayed, _ = run("--max", "2000")
    tap.ok(code == 0 and replayed == 2000, "most are settled", replayed)
    case.put(case.letter(3000))
    code, replayed, looked = run()
    tap.ok(code == 0 and replayed == 941 - last and looked < 1500,
           "then only what may be open is read", (replayed, looked))
    once_each(case, "from where it was", 3001)
    code, replayed, looked = run()
    tap.ok(code == 0 and replayed == 0 and looked < 100, "next to nothing",
           looked)
    # The topic was made anew: a mark of the past speaks of other letters.
    other = Case(partitions=1)
    for offset in (0, 15):
        other.put({"topic": other.dlt + "-settled", "key": "%s/0/%d/7" % (
            other.topic, offset), "value": {"letter": {
                "topic": other.dlt, "partition": 0, "offset": offset},
                "replays": 1, "replayedAtMs": 1, "below": offset + 1}})
    other.put(*(other.letter(i) for i in range(20)))
    code, line, _ = other.run()
    tap.ok(code == 0 and line["replayed"] == 20, "a hint that is not true is "
           "not believed", line)


def reopened():
    """A mark that is taken back: its letter is open, whatever was claimed."""
    case = Case(partitions=1)
    settled = case.dlt + "-settled"

    def origin(i):
        return "%s/%d/%d/1700000000000" % (case.topic, i % 3, i)

    def take_back(*numbers):
        case.put(*({"topic": settled, "key": origin(i), "value": None}
                   for i in numbers))
    case.put(*(case.letter(i) for i in range(300)))
    case.run()
    take_back(7, 8)
    tap.ok([x["dlt"]["origin"] for x in case.list()] ==
           [origin(7), origin(8)], "they are listed", case.list())
    dry = case.run("-n")[1]
    tap.ok(dry.get("wouldReplay") == 2 and
           "reopened" not in case.marks(), "-n sees them", dry)
    code, line, _ = case.run("--max", "1")
    tap.ok(code == 0 and line == {"replayed": 1, "refused": 0, "skipped": 1,
                                  "settled": 298, "open": 1} and
           case.replays()[origin(7)] == 2, "one goes", line)
    code, line, _ = case.run("--reason", "NONE")
    tap.ok(code == 0 and line == {} and case.marks()["reopened"] == 1,
           "a record stays that says so, one", case.marks()["reopened"])
    code, line, _ = case.run()
    tap.ok(code == 0 and line.get("replayed") == 1 and
           case.replays()[origin(8)] == 2 and case.list() == [], "the other one goes", line)
    # A day later: the tombstone is gone, the claims of before are not.
    for said, count in ((False, 0), (True, 1)):
        case = Case(partitions=1)
        settled = case.dlt + "-settled"
        case.put(*(case.letter(i) for i in range(30)))
        case.run("-e", "29")
        marks = case.records(settled)
        case.dlt, other = case.topic + "-x-dlt", case.dlt
        with open(case.dir + "/topics", "w") as f:
            for name in (case.dlt, case.dlt + "-settled"):
                f.write('{"topic":"%s","partitions":1,"replicas":1}\n' % name)
        c.run("chat-topics", "apply", case.dir + "/topics")
        case.put(*(case.letter(i) for i in range(30)))
        for mark in marks:
            mark["topic"] = case.dlt + "-settled"
            mark["value"]["letter"]["topic"] = case.dlt
        case.put(*(m for m in marks if m["key"] != origin(5)))
        if said:
            case.put({"topic": case.dlt + "-settled", "key": "reopened",
                      "value": {}})
        line = case.run("-e", "29")[1]
        tap.ok(line.get("replayed", 0) == count,
               "the tombstone is gone, %s: %d" % (
                   "the record is there" if said else "no record", count),
               line)


def forget(topic, offset, partition=0):
    """The log begins there, as after a retention."""
    with tempfile.NamedTemporaryFile("w") as f:
        json.dump({"version": 1, "partitions": [
            {"topic": topic, "partition": partition, "offset": offset}]}, f)
        f.flush()
        c.run("java", "-XX:TieredStopAtLevel=1", "-cp",
              os.environ["CHAT_ROOT"] + "/run/jars/*",
              "org.apache.kafka.tools.DeleteRecordsCommand",
              "--bootstrap-server", os.environ["CHAT_BROKERS"],
              "--offset-json-file", f.name)


def tidied():
    """A mark goes when its record is gone, and each letter of its place."""
    case = Case(partitions=1)

    def letter(i):
        headers = [["kafka_dlt-original-topic", case.topic],
                   ["kafka_dlt-original-partition", "0"],
                   ["kafka_dlt-original-offset", str(i)],
                   ["kafka_dlt-original-timestamp", "1700000000000"]]
        return {"topic": case.dlt, "key": "k", "value": {"n": i},
                "headers": headers}

    def left():
        """Numbers of the letters that have marks, the newest word of each."""
        last = {r["key"]: r["value"] for r in
                case.records(case.dlt + "-settled")}
        return sorted(int(k.split("/")[2]) for k, v in last.items()
                      if v is not None and "/" in k)

    def tidy(*words):
        return case.run(*words, verb="tidy")[:2]
    case.put(*({"topic": case.topic, "key": "k", "value": {}}
               for _ in range(700)))
    case.put(*(letter(i) for i in range(600)))
    case.run()
    tap.ok(tidy() == (0, {}) and left() == list(range(600)),
           "all is there: nothing goes, quietly", left()[:9])
    forget(case.dlt, 550)
    tap.ok(tidy() == (0, {}), "letters are gone, but not their records: they "
           "can die again")
    # As a runner does that dies between a letter and its commit.
    case.put(letter(3))
    tap.ok(case.run()[1] == {}, "such a letter is settled")
    forget(case.topic, 590)
    tap.ok(tidy("-n") == (0, {"wouldTidy": 549, "kept": 51}) and
           left() == list(range(600)), "-n counts", tidy("-n"))
    case.put(letter(4), {"topic": case.dlt + "-settled", "key": "no place",
                         "value": {}},
             {"topic": case.dlt + "-settled", "key": "t-none/0/1/2",
              "value": {}})
    want = [3, 4] + list(range(550, 600))
    tap.ok(tidy() == (0, {"tidied": 548, "kept": 54}), "those go that are gone "
           "from both; what is no place, or of no topic, stays")
    tap.ok(left()[1:] == want, "and no other: none with a second letter, be it "
           "old or new", left())
    tap.ok(tidy() == (0, {}) and case.run()[1] == {} and case.list() == [] and
           case.marks()["reopened"] == 0,
           "tidying opens nothing, and is not taken for it", case.marks())
    case.put(letter(650))
    said = case.run("-v")
    tap.ok(said[1]["replayed"] == 1 and
           int(re.search(r'"places":(\d+)', said[2])[1]) < 60,
           "hints hold on", said)


def open_transaction(topic, headers):
    """A record in a transaction that is not ended, by librdkafka itself: our
    programs would send and end it in one go."""
    lib = ctypes.CDLL("librdkafka.so.1")
    for name in ("rd_kafka_conf_new", "rd_kafka_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    conf, why = ctypes.c_void_p(lib.rd_kafka_conf_new()), b" " * 200
    for name, value in (("bootstrap.servers", os.environ["CHAT_BROKERS"]),
                        ("transactional.id", topic)):
        lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), why, 200)
    rk = ctypes.c_void_p(lib.rd_kafka_new(0, conf, why, 200))
    if lib.rd_kafka_init_transactions(rk, 20000) or \
            lib.rd_kafka_begin_transaction(rk):
        raise RuntimeError("no transaction")
    # RD_KAFKA_VTYPE_TOPIC, _VALUE, _HEADER, _END
    what = [1, topic.encode(), 4, b"{}", ctypes.c_size_t(2)]
    for name, value in headers:
        what += [9, name.encode(), value.encode(), ctypes.c_size_t(len(value))]
    lib.rd_kafka_producev(rk, *what, 0)
    lib.rd_kafka_flush(rk, 20000)


def tidied_beside_a_transaction():
    """A letter in a transaction that nobody has ended is one, too."""
    case = Case(partitions=1)
    case.put(*({"topic": case.topic, "key": "k", "value": {}}
               for _ in range(9)))
    forget(case.topic, 9)
    case.put(*({"topic": case.dlt + "-settled", "value": {},
                "key": "%s/0/%d/7" % (case.topic, i)} for i in range(9)))
    open_transaction(case.dlt, [
        ["kafka_dlt-original-" + name, value] for name, value in (
            ("topic", case.topic), ("partition", "0"), ("offset", "4"),
            ("timestamp", "7"))])
    code, line, said = case.run("-v", verb="tidy")
    tap.ok(code == 0 and line == {"tidied": 8, "kept": 1},
           "a letter in a transaction that nobody has ended is one, too",
           (code, line, said))


def tidied_and_killed():
    """kill -9 while it tidies: the next one does the rest."""
    program = c.crashing("chat-dlq-replay")
    for point in ("dlq:sent*700", "dlq:before-commit*2", "dlq:after-commit"):
        case = Case(partitions=1)
        case.put(*({"topic": case.topic, "key": "k", "value": {}}
                   for _ in range(9)))
        forget(case.topic, 9)
        case.put(*({"topic": case.dlt + "-settled", "value": {},
                    "key": "%s/0/%d/%d" % (case.topic, i % 9, i)}
                   for i in range(1200)))
        died = subprocess.run(case.argv(program=program, verb="tidy"), env={
            **os.environ, "CHAT_CRASH_AT": point}).returncode
        code, line, _ = case.run(verb="tidy")
        tap.ok(died == -signal.SIGKILL and code == 0 and
               line == {"tidied": 700, "kept": 0} and
               case.run(verb="tidy")[1] == {},
               "killed at %s" % point, (died, line))


def alone():
    """One at a time, on this host by the lock, on others by the id."""
    case = Case()
    case.put(*(case.letter(i) for i in range(400)))
    first = subprocess.Popen(case.argv("--rate", "20"), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 15
    while not case.replays() and time.monotonic() < deadline:
        time.sleep(0.1)
    code, _, said = case.run()
    tap.ok(code == 111 and "another run is at work" in said,
           "a second run says so", (code, said))
    with tempfile.TemporaryDirectory() as elsewhere:
        code, line, _ = case.run("-d", elsewhere)
    out, said = first.communicate(timeout=30)
    tap.ok(code == 0 and first.returncode == 111 and line["settled"] > 0,
           "from another host: the newer ends the older", (line, out, said))
    once_each(case, "two hosts", 400)
    case.put(*(case.letter(i) for i in range(400, 800)))
    first = subprocess.Popen(case.argv("--rate", "100"),
                             stdout=subprocess.PIPE, text=True)
    time.sleep(1.5)
    first.terminate()
    line = json.loads(first.communicate(timeout=10)[0])
    tap.ok(first.returncode == 1 and line["stopped"] and
           0 < line["replayed"] < 400 and
           len(case.replays()) == 400 + line["replayed"],
           "TERM: it ends after its transaction, and says how far it is",
           (first.returncode, line))
    case.run()
    once_each(case, "after TERM", 800)


# -------------------------------------------------------------- the whole stack

def stored(room):
    return c.sql("select seq, content from messages where chat_room_id = %d "
                 "and type = 'TEXT' order by seq" % room)


class Listener(c.Member):
    """Also remembers what it is told of its own messages."""

    def __init__(self, *args):
        super().__init__(*args)
        self.acks = []

    def take(self, f):
        super().take(f)
        if f.headers.get("subscription") == "acks":
            self.acks.append(json.loads(f.body))


def put(*records):
    c.run("chat-produce", "-I", stdin="".join(
        json.dumps({"topic": "chat-messages", **r}) + "\n" for r in records))


def letters_of(room):
    out = c.run("chat-dlq-replay", "list", "-j", "-a", "-r", "wrong-%d" % room)
    return [json.loads(line) for line in out.splitlines()]


def replay(room, fix, *words):
    """Through jq, as a person would: exit code and line."""
    done = subprocess.run(
        ["sh", "-c", "chat-dlq-replay list -j -r wrong-%d | jq '%s' | "
         "chat-dlq-replay run --in - %s" % (room, fix, " ".join(words))],
        stdout=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout or "{}")


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        await asyncio.sleep(0.1)
    return condition()


async def with_people():
    c.users([6101, 6102])
    room = c.room("dlq", [6101, 6102])
    people = [Listener(u, [room]) for u in (6101, 6102)]
    tasks = [asyncio.create_task(m.live()) for m in people]
    await until(lambda: all(m.epoch for m in people))
    cmid = str(uuid.uuid4())
    value = {"roomId": room, "senderId": 6101, "clientMessageId": cmid,
             "content": "brought back", "type": "TEXT",
             "sentAtMs": int(time.time() * 1000)}
    # Twice: two letters, of one message.
    put(*[{"key": "wrong-%d" % room, "value": value}] * 2)
    await until(lambda: len(letters_of(room)) == 2)
    tap.ok([x["dlt"]["class"] for x in letters_of(room)] ==
           ["KEY_MISMATCH"] * 2 and not stored(room),
           "a wrong key: a letter, and nothing stored", letters_of(room))
    code, line = replay(room, '.key = "%d"' % room, "--max", "1")
    tap.ok(code == 0 and line["replayed"] == 1, "one is fixed, and goes", line)
    await until(lambda: len(people[1].seen[room]) > 0)
    code, line = replay(room, '.key = "%d"' % room)
    tap.ok(code == 0 and line["replayed"] == 1, "the other one too", line)
    code, line = replay(room, ".")
    tap.ok(code == 0 and line == {}, "replaying again does nothing", line)
    # A message behind them: all that they cause has come before it.
    people[1].say(room, "the next one")
    await until(lambda: all(len(m.seen[room]) >= 2 for m in people))
    tap.ok(stored(room) == [["1", "brought back"], ["2", "the next one"]],
           "it is stored once", stored(room))
    tap.ok([m.seen[room] for m in people] == [[1, 2]] * 2 and
           people[1].contents[room][1] == cmid,
           "each subscriber sees it once", [m.seen[room] for m in people])
    told = [a for a in people[0].acks if a["clientMessageId"] == cmid]
    tap.ok(len(told) == 1 and not told[0]["duplicate"],
           "its sender is told once", told)
    tap.ok(len(letters_of(room)) == 2 and
           {x["dlt"]["state"] for x in letters_of(room)} == {"settled"},
           "no new letter", letters_of(room))
    for task in tasks:
        task.cancel()


def stack():
    """The whole of it: a letter, the fix, one message, told once."""
    asyncio.run(with_people())


PARTS = {f.__name__: f for f in (fast, killed, crashes, record_that_goes,
                                 choices, dry, edited, refused, resumes,
                                 reopened, tidied, tidied_and_killed,
                                 tidied_beside_a_transaction, alone, stack)}


def main():
    tap.note("seed %d" % SEED)
    for name in sys.argv[1:] or PARTS:
        tap.note(name)
        PARTS[name]()
    tap.end()


main()
