#!/usr/bin/env python3
"""chat-consume as a runner on a real Kafka, with filters that die, hang, write
garbage, answer late; and what it does for those who only look."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from runnerlib import Case, until  # noqa: E402

tap = c.Tap()
NAME = "t-runner-%d" % os.getpid()


def jq():
    case = Case(tap, 3)
    case.put(*({"n": i, "key": str(i)} for i in range(100)))
    case.run(control=False, filter=[
        "jq", "-c", "--unbuffered",
        '{topic,partition,offset,status:"done"}'])
    tap.ok(until(lambda: case.left() == 0), "jq is a filter")
    tap.ok(case.stop() == [0], "TERM: 0")


def retry():
    case = Case(tap)
    case.put({"n": 1, "do": "retry", "times": 2}, {"n": 2}, {"n": 3},
             {"n": 4, "key": "other"})
    case.run()
    until(lambda: case.left() == 0)
    done = case.seen("done")
    tap.ok([d.split()[1] for d in done] == ["4", "1", "2", "3"],
           "retry: later records of the key wait, those in the filter too; "
           "others go on", case.seen())
    tap.ok(case.seen("got 1") == ["got 1", "got 1 again", "got 1 again"],
           "it is sent again with 'again'", case.seen())
    tap.ok(len(case.seen("retry 2")) == 1, "record 2 was in the filter")
    case.put({"n": 5, "do": "retry"}, {"n": 6}, {"n": 7, "do": "retry"},
             {"n": 8})
    began = time.monotonic()
    until(lambda: len(case.records(case.dlt)) == 2)
    took = time.monotonic() - began
    until(lambda: case.left() == 0)
    letters = [r["value"]["n"] for r in case.records(case.dlt)]
    tap.ok(letters == [5, 7] and case.left() == 0,
           "three more tries, then it is dead; what waited has one", letters)
    tap.ok(2.5 < took < 8, "1 s apart", took)
    tap.ok(len(case.seen("got 5 again")) == 3 and
           len(case.seen("got 7 again")) <= 1, "tries are counted",
           case.seen())
    tap.ok(case.stop() == [0], "TERM: 0")


def retry_delays_nobody():
    """One room fails and fails again; how long do the others of its
    partition take, from record to emit?"""
    case = Case(tap)
    case.run()
    feed = subprocess.Popen(["chat-produce", "-I", "-t", case.topic],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)

    def put(n, key, **more):
        feed.stdin.write(json.dumps({"key": key, "value": {
            "n": n, "emit": ["%d" % n], "to": case.out, **more}}).encode() +
            b"\n")
        feed.stdin.flush()
    put(0, "other0")
    until(lambda: len(case.records(case.out)) == 1)
    for n in range(1, 501):
        if n % 50 == 1:
            put(n, "bad", do="retry")
        else:
            put(n, "other%d" % (n % 10))
        time.sleep(0.01)
    feed.stdin.close()
    tap.ok(feed.wait(20) == 0 and until(lambda: case.left() == 0, 20),
           "a room that is retried, and nine that are not", case.left())
    sent = {r["value"]["n"]: r["timestamp"] for r in case.records(case.topic)}
    took = sorted(r["timestamp"] - sent[int(r["value"]["text"])]
                  for r in case.records(case.out)[1:])
    tap.ok(len(took) == 490 and took[int(0.99 * len(took))] < 100,
           "the others take less than 100 ms: half %d, 99 of 100 %d, all %d"
           % (took[len(took) // 2], took[int(0.99 * len(took))], took[-1]),
           len(took))
    letters = [r["value"]["n"] for r in case.records(case.dlt)]
    tap.ok(letters == list(range(1, 501, 50)), "it is dead, in its order",
           letters)
    tap.ok(case.stop() == [0], "TERM: 0")


def deaths():
    case = Case(tap)
    case.put({"n": 1, "do": "exit", "times": 1, "emit": ["once"]},
             {"n": 2, "do": "garbage", "times": 1},
             {"n": 3, "do": "long", "times": 1},
             {"n": 4, "do": "hang", "times": 1},
             {"n": 5, "emit": ["a", "b"], "to": case.out})
    case.run("--hang", "2")
    tap.ok(until(lambda: case.left() == 0, 30), "a filter that exits, writes "
           "garbage, a line over the limit, or hangs is started again with "
           "its unanswered records", case.seen())
    tap.ok([d.split()[1] for d in case.seen("done")] == list("12345"),
           "all are done, in order", case.seen())
    texts = [r["value"]["text"] for r in case.records(case.out)]
    tap.ok(texts == ["once", "a", "b"], "emits without a result are dropped",
           texts)
    tap.ok(case.status().get("kills") == 2 and
           case.status().get("starts") == 5, "as the status file says",
           case.status())
    tap.ok(case.stop() == [0], "TERM: 0")


def poison():
    case = Case(tap)
    case.put(*({"n": i, "key": str(i)} for i in range(4)),
             {"n": 4, "do": "crash", "key": "p"},
             *({"n": i, "key": str(i)} for i in range(5, 9)))
    case.run(control=False)
    tap.ok(until(lambda: case.left() == 0, 40), "poison: the others go on",
           case.seen())
    letters = case.records(case.dlt)
    tap.ok([r["value"]["n"] for r in letters] == [4] and any(
        h[0] == "kafka_dlt-exception-fqcn" and h[1] == "FILTER_CRASH"
        for h in letters[0]["headers"]), "it is a letter, FILTER_CRASH",
        letters)
    tap.ok(len(case.seen("got 4")) == 5, "three deaths, then twice alone",
           case.seen())
    tap.ok(case.stop() == [0], "TERM: 0")


def letters():
    case = Case(tap, 2)
    case.put({"n": 1, "do": "dead"}, partition=1)
    big = '"' * 600000  # twice as much in a line
    c.run("chat-produce", "-d", case.dir, "--slot", "81", "-P",
          stdin=json.dumps({"topic": case.topic, "key": "b", "partition": 1,
                            "valueText": big}) + "\n")
    case.put({"n": 2, "emit": ["x"], "to": NAME + "-nowhere"}, partition=0)
    case.run()
    tap.ok(until(lambda: len(case.records(case.dlt)) == 3, 30),
           "dead, too long for a line, an emit that is refused: letters",
           case.seen())
    found = {}
    for r in case.records(case.dlt):
        heads = {h[0]: h[1] for h in r["headers"]}
        found[heads["kafka_dlt-exception-fqcn"]] = r
    tap.ok(sorted(found) == ["EMIT_REFUSED", "LINE_TOO_LONG", "TOLD"],
           "each with its class", sorted(found))
    tap.ok(found["LINE_TOO_LONG"].get("valueText") == big,
           "a long one has its bytes untouched")
    tap.ok([found[k]["partition"] for k in sorted(found)] == [0, 1, 1],
           "in the same partition")
    tap.ok(until(lambda: case.left() == 0), "and they are committed")
    tap.ok(case.stop() == [0], "TERM: 0")
    case = Case(tap)
    case.put({"n": 1, "do": "dead"}, headers=[["h", str(i)]
                                              for i in range(255)])
    case.run()
    tap.ok(until(lambda: case.records(case.dlt)), "one with 255 headers")
    tap.ok(until(lambda: case.left() == 0) and case.stop() == [0],
           "does not stop its partition")


def no_place():
    """A dead letter topic with fewer partitions than its source."""
    case = Case(tap, 2)
    case.topic, dlt = case.topic + "-few", case.topic + "-few-dlt"
    with open(case.dir + "/few", "w") as f:
        f.write('{"topic":"%s","partitions":2,"replicas":1}\n'
                '{"topic":"%s","partitions":1,"replicas":1}\n' %
                (case.topic, dlt))
    c.run("chat-topics", "apply", case.dir + "/few")
    case.put({"n": 1, "do": "dead"}, partition=1)
    for more in ((), ("-x",)):
        runner = case.run(*more)
        tap.ok(runner.wait(30) == 111 and case.left() == 1,
               "a letter that has no place: 111, not committed",
               (more, runner.returncode))
    with open(case.dir + "/log") as f:
        ends = [json.loads(s)["error"] for s in f if '"stopped by' in s]
    tap.ok(len(ends) == 2 and all(
        "the dead letter of %s/1/0 was refused by %s, partition 1: " %
        (case.topic, dlt) in e and "artition" in e.split(": ")[-1]
        for e in ends), "the last words say which, and why", ends)
    case.runners.clear()
    case.stop()


def fuse():
    case = Case(tap, 2)
    case.put(*({"n": i, "do": "dead"} for i in range(20)), partition=0)
    case.put(*({"n": 100 + i, "emit": ["e"], "to": case.out}
               for i in range(50)), partition=1)
    runner = case.run("-f", "5/10")
    tap.ok(runner.wait(30) == 100, "the fuse: 100")
    letters = case.records(case.dlt)
    tap.ok([r["value"]["n"] for r in letters] == [0, 1, 2, 3],
           "the fifth of ten is not dead-lettered", len(letters))
    with open(case.dir + "/log") as f:
        said = [json.loads(s) for s in f if '"the fuse has blown"' in s]
    tap.ok([(s["topic"], s["partition"], s["offset"], s["dead"], s["class"],
             s["error"]) for s in said] ==
           [(case.topic, 0, 4, 5, "TOLD", "as told")],
           "a line says which, where, how many, why", said)
    tap.ok(case.logged("the fuse: 5 records of %s/0 are dead, the last at "
                       "offset 4: TOLD: as told" % case.topic),
           "so do its last words, which scripts/status shows")
    left = c.run("chat-consume", "-t", case.topic, "-g", case.topic,
                 "-e", "end").splitlines()
    left = [json.loads(line) for line in left]
    tap.ok([r["offset"] for r in left if r["partition"] == 0] ==
           list(range(4, 20)), "it is not committed, nor what is behind it",
           len(left))
    case.runners.clear()
    case.run()
    tap.ok(until(lambda: case.left() == 0) and
           len(case.records(case.dlt)) == 20 and
           {d.split()[1] for d in case.seen("done")} ==
           {str(100 + i) for i in range(50)},
           "without it all goes on", case.left())
    tap.ok(case.stop() == [0], "TERM: 0")


def waiting():
    case = Case(tap)
    case.put({"n": 1, "do": "wait", "seconds": 7})
    case.run("--hang", "2")
    tap.ok(until(lambda: case.status().get("why") == "nothing much"),
           "what the filter waits for is in the status file", case.status())
    case.put({"n": 2}, {"n": 3})

    def places():
        status = case.status()
        return status.get("lag"), [
            tuple(p[k] for k in ("topic", "partition", "position",
                                 "committed", "end", "lag"))
            for p in status.get("partitions", [])]
    # One record and a marker, two and a marker.
    tap.ok(until(lambda: places() == (5, [(case.topic, 0, 5, 0, 5, 5)])),
           "so are lag and position", places())
    tap.ok(until(lambda: case.left() == 0) and case.status()["kills"] == 0,
           "and keeps it alive", case.status())
    tap.ok(until(lambda: case.status()["state"] == "ready"), "then ready")
    tap.ok(until(lambda: places() == (0, [(case.topic, 0, 5, 5, 5, 0)])),
           "and no lag", places())
    tap.ok(case.stop() == [0], "TERM: 0")


def leaves_and_comes_back():
    """Answers are owed when the partition leaves (a second runner comes), and
    still when it is back (the second goes)."""
    case = Case(tap)
    case.run()
    case.put({"n": 1, "do": "slow", "seconds": 11, "times": 1, "emit": ["s"]},
             {"n": 2})
    until(lambda: case.seen("got 1"))
    other = case.run(slot=1, control=False,
                     filter=["jq", "-c", "--unbuffered", "empty"])
    # One partition: it is revoked (5 s), and given to one of the two.
    tap.ok(until(lambda: case.logged("partitions revoked"), 20),
           "a partition leaves while an answer is owed")
    other.terminate()
    other.wait(40)
    tap.ok(until(lambda: case.left() == 0, 40),
           "it comes back, and all is done", case.seen())
    got = [s for s in case.seen() if s.startswith(("got", "done"))]
    tap.ok(got[:2] == ["got 1", "done 1 0/0"] and "got 1" in got[2:],
           "what was owed came first, then it was sent again", got)
    tap.ok([r["value"]["text"] for r in case.records(case.out)] == ["s"],
           "the emits of what was owed are dropped", case.records(case.out))
    tap.ok(case.status().get("late", 0) >= 1, "counted as late",
           case.status())
    tap.ok(case.stop() == [0, 0], "TERM: 0")


def killed():
    case = Case(tap, 3)
    runner = case.run(control=False)
    for i in range(8):
        case.put(*({"n": 100 * i + k, "key": str(k % 7)} for k in range(100)))
        runner.kill()
        runner.wait()
        case.runners.remove(runner)
        runner = case.run(control=False)
    tap.ok(until(lambda: case.left() == 0, 40), "kill -9 eight times")
    done = [int(d.split()[1]) for d in case.seen("done")]
    tap.ok(set(done) == set(range(800)), "nothing is lost",
           set(range(800)) - set(done))
    first = {}
    for i, n in enumerate(done):
        first.setdefault(n, i)
    wrong = [(a, b) for a in range(800) for b in range(a + 1, 800)
             if a % 100 % 7 == b % 100 % 7 and first.get(a, 0) > first.get(
                 b, 9999)]
    tap.ok(not wrong, "each key's records came in order", wrong[:5])
    alive = [a for a in c.run("ps", "-eo", "args").splitlines()
             if case.dir in a]
    tap.ok(len(alive) == 2, "no filter is left behind", alive)
    tap.ok(case.stop() == [0], "TERM: 0")


def crashes():
    """The runner dies after the results, or after the first ack of an emit,
    with nothing committed: all is read and told again."""
    crashing = c.crashing("chat-consume")
    for point in ("run:after-results*3", "run:after-emits"):
        case = Case(tap)
        case.put(*({"n": i, "emit": ["e%d" % i], "to": case.out}
                   for i in range(6)))
        runner = case.run(program=crashing, crash=point)
        tap.ok(runner.wait(20) == -signal.SIGKILL, point)
        case.runners.clear()
        tap.ok(case.left() > 0, "it is not committed", case.left())
        case.run()
        tap.ok(until(lambda: case.left() == 0), "it is read again",
               case.seen())
        texts = [r["value"]["text"] for r in case.records(case.out)]
        tap.ok(set(texts) == {"e%d" % i for i in range(6)},
               "and each emit comes, at least once", texts)
        tap.ok(case.stop() == [0], "TERM: 0")


def ends():
    case = Case(tap)
    runner = case.run(control=False, filter=["no-such-program"])
    tap.ok(runner.wait(20) == 100, "a filter that cannot be run: 100")
    case.put({"n": 1}, {"n": 2, "do": "exit", "code": 100, "times": 1})
    runner = case.run()
    tap.ok(runner.wait(20) == 100, "a filter that ends with 100: 100")
    tap.ok(case.left() == 1, "what was done before is committed")
    case.put({"n": 3, "do": "slow", "seconds": 3, "key": "s"})
    first = case.run()
    until(lambda: case.seen("got 3"))
    first.terminate()
    second = case.run(name=9)
    until(lambda: case.status(9).get("state") == "waiting", 5)
    tap.ok(str(first.pid) in case.status(9).get("why", ""),
           "one process a slot: the second waits, and says for whom",
           case.status(9))
    tap.ok(first.wait(20) == 0 and case.seen("done 3"),
           "TERM waits for what the filter has")
    tap.ok(until(lambda: case.status(9).get("state") == "ready"),
           "then the second goes on", case.status(9))
    second.terminate()
    tap.ok(second.wait(20) == 0, "TERM: 0")
    case.runners.clear()
    case.stop()


def view():
    case = Case(tap)
    case.put(*({"n": i} for i in range(10)))

    def look(*more):
        out = c.run("chat-consume", "-t", case.topic, *more)
        return [json.loads(line)["value"]["n"] for line in out.splitlines()]
    tap.ok(look("-e", "end") == list(range(10)), "view: all")
    tap.ok(look("-o", "-3", "-e", "end") == [8, 9], "the last 3 offsets: 2 "
           "records and a commit marker")
    tap.ok(look("-o", "2", "-e", "5") == [2, 3, 4], "from 2 up to 5")
    tap.ok(look("-o", "@1", "-e", "end") == list(range(10)), "from a time")
    tap.ok(look("-o", "end", "-e", "end") == [], "nothing is something")
    tap.ok(look("-e", "2001-01-01T00:00:00Z") == [], "up to a time")
    tap.ok(look("-g", case.topic, "-e", "end") == list(range(10)) ==
           look("-g", case.topic, "-e", "end"), "-g never commits")

    def code(*more, **pipes):
        done = subprocess.run(["chat-consume", "-t", case.topic, *more],
                              stderr=subprocess.PIPE, timeout=30, **pipes)
        return done.returncode, done.stderr.decode()
    with open("/dev/full", "w") as full:
        rc, words = code("-e", "end", stdout=full)
    tap.ok(rc == 111 and "No space left" in words, "a full disk: 111",
           (rc, words))
    reader, writer = os.pipe()
    os.close(reader)
    rc, words = code("-e", "end", stdout=writer)
    os.close(writer)
    tap.ok(rc == 111 and "Broken pipe" in words, "a closed pipe: 111",
           (rc, words))
    rc, words = code("-t", NAME + "-nowhere", "-e", "end")
    tap.ok(rc == 100 and "nowhere" in words, "no such topic: 100",
           (rc, words))
    live = subprocess.Popen(["chat-consume", "-t", case.topic, "-o", "end"],
                            stdout=subprocess.PIPE)
    time.sleep(1)
    case.put({"n": 10})
    line = live.stdout.readline()
    tap.ok(json.loads(line)["value"]["n"] == 10, "what comes, live")
    live.terminate()
    tap.ok(live.wait(10) == 0, "TERM: 0")
    case.stop()


def set_from():
    case = Case(tap, 2)
    case.put(*({"n": i} for i in range(3)), partition=0)
    time.sleep(0.05)
    then = time.time()
    time.sleep(0.05)
    case.put(*({"n": i} for i in range(3, 6)), partition=0)
    group = ("-t", case.topic, "-g", case.topic)

    def move(*more):
        done = subprocess.run(["chat-consume", *group, *more], timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return (done.returncode, done.stdout.decode(), done.stderr.decode())

    def offsets(*more):
        rc, out, err = move("-j", *more)
        lines = [json.loads(line) for line in out.splitlines()]
        return rc, [(p["partition"], p["was"], p["offset"], p["end"])
                    for p in lines], err
    # 3 records and a marker, 3 and a marker.
    tap.ok(offsets("--from", "end", "-n") == (
        0, [(0, None, 8, 8), (1, None, 0, 0)], ""), "--from: -n says what it "
        "would do", offsets("--from", "end", "-n"))
    tap.ok(case.left() == 6, "and does nothing", case.left())
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(then)) + \
        ".%03dZ" % (then % 1 * 1000)
    tap.ok(offsets("--from", at) == (
        0, [(0, None, 4, 8), (1, None, 0, 0)], ""), "a time: the first "
        "record that is not older")
    tap.ok(case.left() == 3, "is where the group goes on", case.left())
    tap.ok(offsets("--from", "-3") == (
        0, [(0, 4, 5, 8), (1, 0, 0, 0)], ""), "so many before the end")
    rc, out, err = move("--from", "2")
    tap.ok(rc == 0 and [line.split()[1:] for line in out.splitlines()] == [
        ["PARTITION", "WAS", "OFFSET", "END"], ["0", "5", "2", "8"],
        ["1", "0", "0", "0"]], "an offset, and a table", out)
    case.run("-X", "session.timeout.ms=6000")
    tap.ok(until(lambda: case.left() == 0) and
           case.seen("got") == ["got %d" % n for n in range(2, 6)],
           "a runner begins there", case.seen())
    rc, out, err = move("--from", "start")
    tap.ok(rc == 1 and not out and "%s-0 at" % socket.gethostname() in err,
           "while one lives: 1, with its name", (rc, out, err))
    tap.ok(case.stop() == [0] and until(
        lambda: move("--from", "start")[0] == 0, 12) and case.left() == 6,
        "when its session has ended, it is done")
    tap.ok(move("-t", NAME + "-nowhere", "--from", "start")[0] == 100,
           "no such topic: 100")


def last_letters():
    """From a dead letter topic nothing is dead-lettered."""
    case = Case(tap)
    case.topic = case.dlt
    big = '"' * 600000  # twice as much in a line
    case.put({"n": 1, "do": "dead"})
    c.run("chat-produce", "-d", case.dir, stdin=json.dumps(
        {"topic": case.topic, "key": "k", "valueText": big}) + "\n")
    case.put({"n": 3})
    case.run()
    tap.ok(until(lambda: case.left() == 0), "dead, or too long for a line, in "
           "a dead letter topic: done", case.seen())
    tap.ok(case.seen("got") == ["got 1", "got bytes 600000", "got 3"],
           "what is too long comes without its value", case.seen())
    tap.ok(len(case.records(case.topic)) == 3 and
           case.logged("a record of a dead letter topic is dead"),
           "no letter, but a log line")
    tap.ok(case.stop() == [0], "TERM: 0")


def commit_raw(group, topic, offset):
    """OffsetCommit, version 2, of nobody's: what librdkafka would refuse."""
    def text(s):
        return struct.pack(">h", len(s)) + s.encode()
    body = (struct.pack(">hhi", 8, 2, 1) + text("t") + text(group) +
            struct.pack(">i", -1) + text("") + struct.pack(">qi", -1, 1) +
            text(topic) + struct.pack(">iiq", 1, 0, offset) + text(""))
    host, port = os.environ["CHAT_BROKERS"].split(",")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as s:
        s.sendall(struct.pack(">i", len(body)) + body)
        return struct.unpack(">h", s.recv(1000)[-2:])[0]


def tail_lost():
    """A broker that has lost its tail: the group's offset is beyond the end."""
    case = Case(tap)
    case.put({"n": 1}, {"n": 2})
    tap.ok(until(lambda: commit_raw(case.topic, case.topic, 1000) == 0),
           "a committed offset beyond the end of the log")
    case.run()
    tap.ok(until(lambda: len(case.seen("done")) == 2) and
           case.seen("got") == ["got 1", "got 2"], "means: from the start",
           case.seen())
    case.put({"n": 3})
    tap.ok(until(lambda: case.seen("done 3")) and until(lambda: case.left()
                                                        == 0),
           "and so it goes on, committed where it is", case.left())
    tap.ok(case.logged("the committed offset is not in the log any more") and
           case.logged("somebody else has set the group's offset"),
           "with a log line, and one that it was not we who set it")
    tap.ok(case.stop() == [0], "TERM: 0")


def stranger():
    """A member with another protocol keeps us out of our own group."""
    case = Case(tap)
    other = case.run("-X", "partition.assignment.strategy=roundrobin", slot=1)
    tap.ok(until(lambda: case.status(1).get("state") == "ready"),
           "a stranger is in the group", case.status(1))
    runner = case.run()
    tap.ok(until(lambda: case.status().get("state") == "waiting" and
                 "stranger" in case.status()["why"]) and
           runner.poll() is None, "the group is a stranger's: waits, and says "
           "so", case.status())
    other.terminate()
    other.wait()
    case.put({"n": 1})
    # He is a static member: his session has to end.
    tap.ok(until(lambda: case.seen("done 1"), 40) and
           until(lambda: case.left() == 0), "and goes on when he has left",
           case.seen())
    tap.ok(case.logged("the group does not take us now"), "with a log line")
    tap.ok(case.stop() == [0, 0], "TERM: 0")


def main():
    for test in (jq, retry, retry_delays_nobody, deaths, poison, letters,
                 no_place, fuse, waiting, killed, crashes, last_letters,
                 set_from, tail_lost, stranger, ends, view,
                 leaves_and_comes_back):
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        try:
            test()
        except Exception as e:  # the others are worth their run
            tap.ok(False, test.__name__, repr(e))
    tap.end()


main()
