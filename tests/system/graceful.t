#!/usr/bin/env python3
"""TERM under load (each program alone: rolling.t): a filter that it reaches
beside its runner; chat-produce and chat-consume by hand; exit 100, which stays
down; the whole stack by ./scripts/down, and up again. What was in hand is
finished, nothing is lost, doubled or read again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

RATE = float(os.environ.get("RATE", "8"))
USERS = list(range(9301, 9309))
BROKERS = os.environ["CHAT_BROKERS"]
tap = c.Tap()


def script(name):
    return subprocess.run([c.ROOT + "/scripts/" + name], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def lag():
    """What the group has not committed yet: a view of it shows that much."""
    return len(c.run("chat-consume", "-b", BROKERS, "-t", "chat-messages",
                     "-g", "store", "-e", "end").splitlines())


async def stop(name, *signalled):
    """Ends it: by supervisorctl, or by TERM to those pids. Seconds, and its
    last words."""
    mark, begun = c.log_size(), time.monotonic()
    if signalled:
        for pid in signalled:
            os.kill(pid, signal.SIGTERM)
    else:
        await asyncio.to_thread(c.supervisorctl, "stop", name)
    while not c.ends(name, mark) and time.monotonic() - begun < 40:
        await asyncio.sleep(0.02)
    return time.monotonic() - begun, c.ends(name, mark)


async def start(*names):
    for name in names:
        await asyncio.to_thread(c.supervisorctl, "start", name)
    tap.ok(await asyncio.to_thread(c.all_ready, 20), "%s: ready again" %
           ", ".join(names), c.status())


async def beside_its_runner(name):
    """TERM to filter and runner at once, as a service manager may do; then to
    the filter alone."""
    program = name.split(":")[-1]
    s = c.status()
    both = [s[program]["pid"], s["consume-" + program]["pid"]]
    took, words = await stop(name, *both)
    tap.ok(words == ["exit status 0; expected"] and took < 30,
           "%s and its runner told at once: exit 0 in %.1f s" % (
               name, took), words)
    await start(name)
    await asyncio.sleep(0.5)
    tap.ok(c.again(program) == 0, "nothing is read again", c.again(program))
    old = c.status()[program]["pid"]
    os.kill(old, signal.SIGTERM)
    for _ in range(150):
        await asyncio.sleep(0.1)
        if c.status()[program].get("pid", old) != old:
            break
    tap.ok(c.status()[program].get("pid", old) != old,
           "the filter alone is told: another takes its place")


def numbers(lines):
    return [json.loads(line)["value"]["n"] for line in lines]


def by_hand():
    """chat-produce between pipes, then the view of what it wrote."""
    topic = "graceful-%d" % os.getpid()
    with tempfile.NamedTemporaryFile("w") as f:
        print(json.dumps({"topic": topic, "partitions": 1, "replicas": 1}),
              file=f, flush=True)
        c.run("chat-topics", "apply", f.name)
    p = subprocess.Popen(["chat-produce", "-b", BROKERS, "-t", topic],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    feeder = subprocess.Popen(
        [sys.executable, "-c", "n = 0\nwhile 1:\n n += 1\n print('{\"key\":"
         "\"k\",\"value\":{\"n\":%d}}' % n)"],
        stdout=p.stdin, stderr=subprocess.DEVNULL)
    p.stdin.close()
    answers = [p.stdout.readline() for _ in range(1000)]
    p.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    answers += p.stdout.readlines()
    code, took = p.wait(40), time.monotonic() - begun
    feeder.kill()
    feeder.wait()
    tap.ok(code == 0 and took < 30,
           "chat-produce between pipes: exit 0 in %.1f s" % took, code)
    done = [json.loads(a)["status"] for a in answers]
    there = numbers(c.run("chat-consume", "-b", BROKERS, "-t", topic,
                          "-e", "end").splitlines())
    tap.ok(set(done) == {"done"} and there == list(range(1, len(done) + 1)),
           "what it took is there, once and in order, and answered",
           "%d answers, %d records" % (len(done), len(there)))
    v = subprocess.Popen(["chat-consume", "-b", BROKERS, "-t", topic],
                         stdout=subprocess.PIPE)
    seen = [v.stdout.readline() for _ in range(500)]
    v.send_signal(signal.SIGTERM)
    seen += v.stdout.readlines()
    tap.ok(v.wait(40) == 0, "chat-consume's view: exit 0")
    tap.ok(numbers(seen) == list(range(1, len(seen) + 1)),
           "with whole lines", seen[-1:])


def filter_told(user, room):
    """chat-store alone, told to stop: what its runner sends before it closes
    its stdin is answered; without that it ends when nothing comes."""
    def line(n):
        return json.dumps({
            "topic": "chat-messages", "partition": 0, "offset": 10 ** 9 + n,
            "timestamp": 1768127400123, "key": str(room),
            "value": {"roomId": room, "senderId": user, "type": "TEXT",
                      "clientMessageId": str(uuid.uuid4()),
                      "content": "%d to a filter" % n,
                      "sentAtMs": 1768127400123}}) + "\n"

    def said(p, want):
        """That many answers came."""
        while want:
            line = p.stdout.readline()
            if not line:
                return False
            want -= '"status"' in line
        return True

    p = subprocess.Popen(["chat-store"], stdin=subprocess.PIPE, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         bufsize=1)
    p.stdin.write(line(1))
    said(p, 1)
    p.send_signal(signal.SIGTERM)
    for n in range(2, 6):
        time.sleep(0.1)
        if p.poll() is None:
            p.stdin.write(line(n))
    tap.ok(said(p, 4), "a filter that is told first answers what comes until "
           "its stdin ends")
    if p.poll() is None:
        p.stdin.close()
    tap.ok(p.wait(10) == 0, "and ends with 0")
    p = subprocess.Popen(["chat-store"], stdin=subprocess.PIPE, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         bufsize=1)
    p.stdin.write(line(6))
    said(p, 1)
    begun = time.monotonic()
    p.send_signal(signal.SIGTERM)
    tap.ok(p.wait(10) == 0 and 0.8 < time.monotonic() - begun < 3,
           "where nothing comes it ends by itself, soon")


async def stays_down():
    """What only a person can put right is not tried again, and told."""
    secret = os.environ["CHAT_JWT_SECRET_FILE"]
    os.chmod(secret, 0o644)
    try:
        mark = c.log_size()
        await asyncio.to_thread(c.supervisorctl, "restart", "edge")
        for _ in range(100):
            if "exit status 100; expected" in c.ends("edge", mark):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        seen = c.ends("edge", mark)
        edge = c.status()["edge"]
    finally:
        os.chmod(secret, 0o600)
    tap.ok(seen[-1:] == ["exit status 100; expected"] and
           edge["state"] == "down",
           "exit 100: it stays down", [seen, edge])
    tap.ok(edge["why"].startswith("exit status 100, stays down: ") and
           "may be read by others" in edge["why"],
           "and status says why", edge["why"])
    await start("edge")


async def down_and_up():
    mark = c.log_size()
    down = await asyncio.to_thread(script, "down")
    tap.ok(down.returncode == 0, "down under load", down.stdout)
    log = open(c.RUN + "/log/supervisord.log").read()[mark:]
    order = re.findall(r"stopped: ([\w-]+) \((.*?)\)", log)
    order = [(n, w) for n, w in order if n not in ("kafka", "postgresql")]
    kinds = [re.sub(r"-\d+$", "", n) for n, _ in order]
    want = ["edge", "api", "produce", "store", "broadcast"]
    places = [kinds.index(k) for k in want if k in kinds]
    tap.ok(len(places) == len(want) and places == sorted(places),
           "the edge first, then api, produce, store, broadcast", order)
    tap.ok(all(w == "exit status 0" for _, w in order), "each with 0", order)
    up = await asyncio.to_thread(script, "up")
    tap.ok(up.returncode == 0, "and up again", up.stdout[-2000:])


async def main():
    c.users(USERS)
    rooms = [c.room("graceful %d" % i, USERS) for i in range(2)]
    letters = c.topic_records("chat-messages-dlt")
    members = [c.Member(u, rooms, rate=RATE) for u in USERS]
    tasks = [asyncio.create_task(m.live()) for m in members]
    tasks += [asyncio.create_task(m.talk()) for m in members]
    await asyncio.sleep(2)
    names = c.programs()
    await beside_its_runner(next(n for n in names if n.startswith("store")))
    await asyncio.to_thread(by_hand)
    await asyncio.to_thread(filter_told, USERS[0], c.room("filter", USERS))
    await stays_down()
    await down_and_up()
    for m in members:
        m.stopping = True
    tap.ok(await c.settle(members, 30), "all is answered and delivered")
    stores = [n for n in names if n.startswith("store")]
    for name in stores:
        await stop(name)
    tap.ok(lag() == 0, "the stores stopped: nothing is left uncommitted",
           lag())
    await start(*stores)
    c.audit(tap, members)
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    for t in tasks:
        t.cancel()
    tap.end()


asyncio.run(main())
