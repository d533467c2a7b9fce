#!/usr/bin/env python3
"""scripts/alert-slack behind chat-consume, against a receiver of our own: one
post an interval, the others counted and told of later; nothing is committed
that was not told or counted, whatever the receiver answers, or does not."""

import glob
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
SCRIPT = c.ROOT + "/scripts/alert-slack"
SECRET = "/services/T000/B000/a-secret-path"
number = 0


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


class Receiver:
    """What it answers next stands in `script`: a code, with Retry-After after
    a colon; then 200s. `posts` has when and what, of the 200s only."""

    def __init__(self):
        self.script, self.posts, self.tries = [], [], []
        self.delay = 0
        self.port = 0
        self.server = None
        self.up()

    def up(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.tries.append((time.monotonic(), self.path))
                time.sleep(outer.delay)
                code, _, after = (outer.script.pop(0) if outer.script
                                  else "200").partition(":")
                self.send_response(int(code))
                if after:
                    self.send_header("Retry-After", after)
                self.end_headers()
                if code == "200":
                    outer.posts.append((time.monotonic(),
                                        json.loads(body)["text"]))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()

    def told(self):
        """How many letters all posts together speak of."""
        return sum(1 + int((re.search(r"^and (\d+) more", text, re.M) or
                            [0, 0])[1]) for _, text in self.posts)


class Case:
    def __init__(self, interval=2):
        global number
        number += 1
        self.dlt = "t-alert-%d-%d-dlt" % (os.getpid(), number)
        self.dir = tempfile.mkdtemp()
        with open(self.dir + "/topics", "w") as f:
            for topic in (self.dlt, self.dlt[:-4]):
                f.write('{"topic":"%s","partitions":1,"replicas":1}\n' %
                        topic)
            f.write('{"topic":"%s-settled","partitions":1,"replicas":1,'
                    '"config":{"cleanup.policy":"compact"}}\n' % self.dlt)
        c.run("chat-topics", "apply", self.dir + "/topics")
        self.to = Receiver()
        self.url = self.dir + "/url"
        with open(self.url, "w") as f:
            f.write("http://127.0.0.1:%d%s\n" % (self.to.port, SECRET))
        os.chmod(self.url, 0o600)
        self.log = open(self.dir + "/log", "ab")
        self.interval, self.sent, self.runner = interval, 0, None

    def start(self):
        # Nine seconds without a word, and the filter is killed.
        self.runner = subprocess.Popen(
            ["chat-consume", "-t", self.dlt, "-g", self.dlt, "-d", self.dir,
             "-S", self.dir + "/status", "--hang", "9", "--", SCRIPT, "-f",
             self.url, "-i", str(self.interval), "-T", "3", "-d",
             self.dir + "/count"], stderr=self.log)

    def put(self, n, key=None):
        lines = ""
        for _ in range(n):
            self.sent += 1
            lines += json.dumps({
                "topic": self.dlt, "key": key or str(self.sent), "headers": [
                    ["kafka_dlt-exception-fqcn", "NOT_JSON"],
                    ["kafka_dlt-exception-message", "content of it"]],
                "value": {"content": "content of it"}}) + "\n"
        c.run("chat-produce", "-I", "-d", self.dir, stdin=lines)

    def left(self):
        return len(c.run("chat-consume", "-t", self.dlt, "-g", self.dlt,
                         "-e", "end").splitlines())

    def rest(self):
        """Until the next letter is told of at once: by the clock of whole
        seconds, which a busy machine reads a second late."""
        time.sleep(self.interval + 2.2)

    def state(self):
        with open(self.dir + "/status") as f:
            status = json.load(f)
        return status["state"], status["why"]

    def logged(self):
        with open(self.dir + "/log", errors="replace") as f:
            return f.read()

    def all_told(self, name, seconds=20):
        ok = until(lambda: self.to.told() >= self.sent and not self.left(),
                   seconds)
        tap.ok(ok and self.to.told() == self.sent,
               "%s: all %d are told, none twice, and committed" %
               (name, self.sent), (self.to.told(), self.left(), self.to.posts))

    def stop(self):
        self.runner.terminate()
        code = self.runner.wait(40)
        self.to.down()
        self.log.close()
        return code


def command_lines():
    """Of every process: who runs can be seen by all."""
    lines = []
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob(
            "/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as f:
                lines.append(f.read())
        except OSError:
            continue
    return lines


def post():
    case = Case()
    case.to.delay = 1
    case.start()
    case.put(1, key="42")
    until(lambda: case.to.tries)
    seen = [x for x in command_lines() if SECRET.encode() in x]
    case.all_told("one letter")
    text = case.to.posts[0][1]
    tap.ok(case.to.tries[0][1] == SECRET and not seen,
           "the URL is in no command line and no environment", seen)
    tap.ok("chat-dlq-replay show %s/0/0\n" % case.dlt in text and
           "chat-dlq-replay run %s/0/0\n" % case.dlt in text and
           "NOT_JSON" in text and "room 42" in text,
           "it says what died and how to bring it back", text)
    tap.ok("content" not in text and "content of" not in case.logged(),
           "nothing of the content", text)
    shown = c.run("sh", "-c", re.search("show: *(.*)", text)[1])
    said = json.loads(c.run("sh", "-c",
                            re.search("replay: *(.*)", text)[1]))
    back = c.run("chat-consume", "-t", case.dlt[:-4], "-e", "end")
    tap.ok("content of it" in shown and said["replayed"] == 1 and
           len(back.splitlines()) == 1 and '"key":"42"' in back,
           "and its commands show it, and bring it back", (said, back))
    case.to.delay = 0
    case.put(40)
    case.put(10, key="7")
    case.all_told("a storm")
    apart = [b - a for (a, _), (b, _) in
             zip(case.to.posts, case.to.posts[1:])]
    tap.ok(len(case.to.posts) <= 4 and min(apart) > case.interval - 1.2,
           "in few posts, an interval apart", apart)
    tap.ok(case.stop() == 0, "TERM: 0")


def trouble():
    case = Case(interval=1)
    case.to.script = ["500", "404", "200", "429:3"]
    case.start()
    case.put(3)
    until(lambda: len(case.to.tries) >= 2)
    tap.ok(case.left() == 3 and until(
        lambda: case.state() == ("waiting", "slack"), 6),
           "500, 404: nothing is committed, it waits for slack",
           (case.left(), case.state()))
    case.all_told("after 500 and 404")
    case.put(1)
    case.all_told("after 429")
    first, second = [t for t, _ in case.to.tries[-2:]]
    tap.ok(second - first > 2, "and as late as Retry-After says",
           second - first)
    case.to.down()
    tries = len(case.to.tries)
    time.sleep(1.2)
    case.put(5)
    time.sleep(11)  # longer than --hang
    tap.ok("filter killed" not in case.logged() and case.left() == 5 and
           case.state() == ("waiting", "slack"),
           "a receiver that is down: it says that it waits, and lives",
           (case.left(), case.state()))
    case.to.up()
    case.all_told("after 11 s without a receiver", 30)
    tap.ok(len(case.to.tries) == tries + 1 and
           "the webhook does not take it" in case.logged() and
           SECRET not in case.logged(), "in one post; the log knows why",
           case.logged()[-300:])
    tap.ok(case.stop() == 0, "TERM: 0")


def slow():
    """Ticks that queued up during a post are no time that has passed."""
    case = Case(interval=0)
    case.to.delay, case.to.script = 2.2, ["500"] * 2
    case.start()
    case.put(1)
    case.all_told("a receiver that is slow to say no")
    at = [t for t, _ in case.to.tries]
    # By the clock of whole seconds a wait of 2 s is one of 1 to 2.
    tap.ok(len(at) == 3 and at[2] - at[1] >= 2.2 + 1 - 0.1,
           "it is asked again after a wait that grows", at)
    tap.ok(case.stop() == 0, "TERM: 0")


def deaths():
    """Killed with letters counted, and with letters held."""
    case = Case(interval=3)
    case.start()
    case.put(1)
    until(lambda: len(case.to.posts) == 1)
    case.put(6)
    until(lambda: not case.left())
    tap.ok(len(case.to.posts) == 1, "six are counted for the next post")
    case.runner.kill()
    case.runner.wait()
    case.start()
    case.all_told("killed with a count")
    case.to.script = ["503"] * 100
    case.rest()
    case.put(2)
    until(lambda: len(case.to.tries) >= 4)
    case.runner.kill()
    case.runner.wait()
    case.to.script = []
    case.start()
    case.all_told("killed while the receiver said no", 40)
    os.unlink(case.url)
    case.rest()
    case.put(1)
    tap.ok(until(lambda: "there is no file" in case.logged()) and
           case.left() == 1, "a URL that is gone: it waits")
    with open(case.url, "w") as f:
        f.write("http://127.0.0.1:%d%s" % (case.to.port, SECRET))
    os.chmod(case.url, 0o600)
    case.all_told("and goes on when it is back", 40)
    tap.ok(case.stop() == 0, "TERM: 0")


def main():
    parts = {f.__name__: f for f in (post, trouble, slow, deaths)}
    for name in sys.argv[1:] or parts:
        tap.note(name)
        parts[name]()
    tap.end()


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
main()
