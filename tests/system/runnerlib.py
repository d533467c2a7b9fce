"""What the tests of runners share: a topic of its own with its dead letters,
runners of a filter that does as the records say (filter.py), and what came of
it; and a stream of messages for those of chat-store."""

import atexit
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import uuid

import chatlib as c

FILTER = os.path.dirname(os.path.abspath(__file__)) + "/filter.py"
number = 0
started = []


@atexit.register
def kill_all():
    """A test that broke off leaves none behind."""
    for runner in started:
        if runner.poll() is None:
            runner.kill()


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


class Case:
    """A topic of its own, with its dead letters and one for emits."""

    def __init__(self, tap, partitions=1):
        global number
        number += 1
        self.tap = tap
        self.topic = "t-runner-%d-%d" % (os.getpid(), number)
        self.out, self.dlt = self.topic + "-out", self.topic + "-dlt"
        self.dir = tempfile.mkdtemp()
        with open(self.dir + "/topics", "w") as f:
            for topic in (self.topic, self.out, self.dlt):
                f.write('{"topic":"%s","partitions":%d,"replicas":1}\n' %
                        (topic, partitions))
        c.run("chat-topics", "apply", self.dir + "/topics")
        self.log = open(self.dir + "/log", "ab")
        self.runners, self.env = [], {}

    def put(self, *values, key="k", partition=None, headers=None):
        lines = ""
        for i, value in enumerate(values):
            r = {"topic": self.topic, "value": value}
            if "do" in value:
                value["to"] = self.out
            if value.get("key", key) is not None:
                r["key"] = value.get("key", key)
            if headers:
                r["headers"] = headers
            if partition is not None:
                r["partition"] = partition
            lines += json.dumps(r) + "\n"
        more = () if partition is None else ("-P",)
        c.run("chat-produce", "-d", self.dir, "--slot", "81", *more,
              stdin=lines)

    def run(self, *more, control=True, slot=0, filter=None, name=0,
            program="chat-consume", crash=""):
        argv = [program, "-t", self.topic, "-g", self.topic, "-d",
                self.dir, "-S", "%s/status.%d" % (self.dir, name or slot),
                "--slot", str(slot), *more]
        if control:
            argv.append("--control")
        argv += ["--", *(filter or [FILTER, self.dir])]
        if control and not filter:
            argv.append("--control")
        runner = subprocess.Popen(argv, stderr=self.log, env={
            **os.environ, **self.env, "CHAT_CRASH_AT": crash})
        self.runners.append(runner)
        started.append(runner)
        return runner

    def seen(self, word=""):
        try:
            with open(self.dir + "/seen") as f:
                return [s for s in f.read().splitlines()
                        if s.startswith(word)]
        except FileNotFoundError:
            return []

    def records(self, topic):
        lines = c.run("chat-consume", "-t", topic, "-o", "start", "-e",
                      "end").splitlines()
        return [json.loads(line) for line in lines]

    def status(self, slot=0):
        """Its newest word: one that has written can be asked to write."""
        path = "%s/status.%d" % (self.dir, slot)
        try:
            with open(path) as f:
                os.kill(json.load(f)["pid"], signal.SIGUSR1)
            time.sleep(0.1)
            with open(path) as f:
                return json.load(f)
        except (FileNotFoundError, ProcessLookupError):
            return {}

    def left(self):
        """What the group has not committed."""
        return len(c.run("chat-consume", "-t", self.topic, "-g", self.topic,
                         "-e", "end").splitlines())

    def logged(self, text):
        with open(self.dir + "/log", errors="replace") as f:
            return text in f.read()

    def stop(self):
        codes = []
        for runner in self.runners:
            if runner.poll() is None:
                runner.send_signal(signal.SIGTERM)
            codes.append(runner.wait(35))
        self.log.close()
        if self.tap.failed:
            with open(self.dir + "/log", errors="replace") as f:
                self.tap.note(f.read()[-1500:].replace("\n", "\n# "))
        return codes


class Talk(threading.Thread):
    """Numbered messages of user 1 into all rooms in turn, until told to
    stop."""

    def __init__(self, topic, rooms, rate):
        super().__init__(daemon=True)
        self.rooms, self.rate, self.count, self.going = rooms, rate, 0, True
        self.produce = subprocess.Popen(
            ["chat-produce", "-I", "-t", topic], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()

    def run(self):
        while self.going:
            room = self.rooms[self.count % len(self.rooms)]
            self.count += 1
            self.produce.stdin.write(json.dumps({
                "key": str(room), "value": {
                    "roomId": room, "senderId": 1, "type": "TEXT",
                    "clientMessageId": str(uuid.uuid4()),
                    "content": str(self.count),
                    "sentAtMs": int(time.time() * 1000)}}).encode() + b"\n")
            self.produce.stdin.flush()
            time.sleep(1 / self.rate)

    def end(self):
        self.going = False
        self.join()
        self.produce.stdin.close()
        return self.produce.wait(20)
