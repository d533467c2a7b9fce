"""A pipeline under chat-consume -x beside the chat: two runners whose jq emits
one record for each of theirs, or a dead letter. Whatever happens, each record has
exactly one of them (I8); chat-audit --atomic looks."""

import json
import os
import signal
import subprocess
import threading
import time

from faults import fault
from processes import at_point
from stack import command

SOURCE, TARGET, GROUP = "chaos-pairs", "chaos-copies", "pairs"
RATE = 10               # records a second
SETTLES_S = 60

FILTER = """\
select(.topic) | {topic, partition, offset} as $at
| if .value.dead then $at + {status: "dead", error: {class: "PAIR", message: "told"}}
  else {emit: {topic: "%s", key, value: {source: $at}}}, $at + {status: "done"}
  end
""" % TARGET

RUNNERS = """
[program:pairs]
command=chat-consume -x --slot %%(process_num)d -b %%(ENV_CHAT_BROKERS)s\
 -t %s -g %s -S %%(ENV_CHAT_RUN)s/status/consume-pairs-%%(process_num)d.json\
 -- jq -c --unbuffered -f %s
numprocs=2
process_name=pairs-%%(process_num)d
autostart=false
startsecs=0
startretries=1000000
autorestart=unexpected
exitcodes=0,100
stopwaitsecs=35
killasgroup=true
redirect_stderr=true
stdout_logfile=%%(ENV_CHAT_LOG_DIR)s/pairs-%%(process_num)d.log
"""

POINTS = ("run:before-offsets", "run:before-commit", "run:after-commit")


def runners(home):
    """Their section for supervisord, not started."""
    path = home + "/chaos/pairs.jq"
    with open(path, "w") as f:
        f.write(FILTER)
    return RUNNERS % (SOURCE, GROUP, path)


def start(stack, brokers):
    path = stack.home + "/chaos/pairs.topics"
    with open(path, "w") as f:
        for topic in (SOURCE, SOURCE + "-dlt", TARGET):
            config = {"min.insync.replicas": 2} if brokers > 1 else {}
            f.write(json.dumps({"topic": topic, "partitions": 4,
                                "replicas": brokers, "config": config}) + "\n")
    command("chat-topics", "apply", path)
    stack.start(*names(stack))


def names(stack):
    return sorted(n for n in stack.ours() if n.startswith("pairs-"))


class Feeder:
    """What goes in, by a chat-produce of its own, made again where it ends:
    what it did not take is not missed, for only what Kafka has is judged."""

    def __init__(self):
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.process = None

    def begin(self):
        self.thread.start()

    def produce(self):
        return subprocess.Popen(
            ["chat-produce", "-I", "-t", SOURCE], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def feed(self):
        number = 0
        self.process = self.produce()
        while not self.ending.wait(1 / RATE):
            number += 1
            try:
                self.process.stdin.write(json.dumps(
                    {"key": str(number % 9), "value": {
                        "n": number, "dead": number % 20 == 0}}) + "\n")
                self.process.stdin.flush()
            except OSError:
                self.process.wait()
                time.sleep(1)
                self.process = self.produce()

    def end(self, stack):
        """Nothing comes any more; waits until the runners have nothing to do.
        False where they still have."""
        self.ending.set()
        self.thread.join()
        try:
            self.process.communicate(timeout=SETTLES_S)
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
        end, quiet = time.monotonic() + SETTLES_S, 0
        while time.monotonic() < end and quiet < 4:
            time.sleep(0.5)
            quiet = quiet + 1 if idle(stack) else 0
        return quiet == 4


def idle(stack):
    return not stack.unready() and all(
        stack.status("consume-" + n)["lag"] == 0 for n in names(stack))


def audit_options():
    return ["--atomic", "%s:%s:%s" % (SOURCE, TARGET, GROUP)]


@fault("R-04x", "kill -9 of a runner under -x, or of its filter", inside=True)
def runner(stack, turn):
    name = turn.choose(*names(stack))
    if turn.chance.random() < 0.7:
        name = turn.variant = "consume-" + name
    pid = stack.actor(name)
    turn.hit()
    os.kill(pid, signal.SIGKILL)


@fault("R-04xp", "a runner under -x dies at a named point", inside=True)
def runner_at(stack, turn):
    at_point(stack, turn, POINTS)
