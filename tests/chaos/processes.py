"""Faults of our own processes: kill -9 at random instants and at named points,
zombies, storms of rebalancing, restarts one by one."""

import os
import signal
import subprocess
import time

from faults import Left, fault
from stack import alive, until


@fault("R-01", "kill -9 of the edge", short=True)
def edge(stack, turn):
    pid = stack.actor(turn.choose(*stack.edges()))
    turn.hit()
    os.kill(pid, signal.SIGKILL)


@fault("R-02", "kill -9 of chat-produce", short=True)
def produce(stack, turn):
    pid = stack.actor("produce")
    turn.hit()
    os.kill(pid, signal.SIGKILL)


@fault("R-04", "kill -9 of a chat-store or its runner", short=True)
def store(stack, turn):
    name = turn.choose(*stack.stores())
    if turn.chance.random() < 0.5:
        name = turn.variant = "consume-" + name
    pid = stack.actor(name)
    turn.hit()
    os.kill(pid, signal.SIGKILL)


@fault("R-05", "kill -9 of chat-broadcast or its runner", short=True)
def broadcast(stack, turn):
    pid = stack.actor(turn.choose("broadcast", "consume-broadcast"))
    turn.hit()
    os.kill(pid, signal.SIGKILL)


@fault("R-06", "kill -9 of all programs at once", short=True)
def everything(stack, turn):
    pids = stack.actors().values()
    turn.hit()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass    # a filter dies with its runner


@fault("R-01a", "kill -9 of chat-api")
def api(stack, turn):
    pid = stack.actor("api")
    turn.hit()
    os.kill(pid, signal.SIGKILL)


# ---------------------------------------------------------- at named points

PRODUCE = ("produce:after-produce", "produce:before-commit",
           "produce:after-commit", "edge:before-receipt")
STORE = ("store:before-commit", "store:after-commit", "run:after-results",
         "run:after-emits", "run:before-offset-commit")


def at_point(stack, turn, points):
    if not stack.can_arm:
        raise Left("--here: programs without crash points")
    stack.arm(turn.choose(*points))
    turn.hit()


@fault("R-03", "chat-produce, or the edge, dies at a named point")
def produce_at(stack, turn):
    at_point(stack, turn, PRODUCE)


@fault("R-04p", "chat-store, or its runner, dies at a named point")
def store_at(stack, turn):
    at_point(stack, turn, STORE)


# ------------------------------------------------------------------- zombies

@fault("R-08", "SIGSTOP of a runner and its store for 60 s: others take over",
       long=True)
def zombies(stack, turn):
    if len(stack.stores()) < 2:
        raise Left("CHAT_STORE_PROCS=1: nobody is there to take over")
    name = turn.choose(*stack.stores())
    runner, store = stack.actor("consume-" + name), stack.actor(name)
    if stack.can_arm and turn.chance.random() < 0.5:
        # At the worst instant, whoever of them comes there first.
        turn.variant = turn.chance.choice(STORE)
        stack.arm(turn.variant + " stop")
        name, pid = stack.stopped()
        name = name.replace("consume-", "")
        runner, store = stack.actor("consume-" + name), stack.actor(name)
    turn.hit()
    for pid in (runner, store):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(60)
    for pid in (store, runner):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass    # its runner has ended
    turn.over()


@fault("R-08b", "SIGSTOP of a chat-store alone: its runner starts another",
       long=True)
def hung_store(stack, turn):
    pid = stack.actor(turn.choose(*stack.stores()))
    turn.hit()
    os.kill(pid, signal.SIGSTOP)
    until(60, "the runner kills the store that says nothing",
          lambda: not alive(pid))
    turn.over()


# ------------------------------------------------------- restarts, rebalances

def rolling_order(stack):
    """As examples/supervisord.conf stops: the edges, what is behind them."""
    names = stack.ours()
    first = [n for n in ("edge", "edge2", "outbox", "api", "produce")
             if n in names]
    return first + sorted(n for n in names if n not in first)


@fault("R-24", "every program is restarted, one after the other", long=True)
def rolling(stack, turn):
    turn.hit()
    for name in rolling_order(stack):
        stack.stop(name)
        stack.start(name)
        stack.ready()
    turn.over()


def pair(stack, slot):
    """One more runner with its store, in the group."""
    log = open(stack.home + "/log/store-more.log", "ab")
    with log:
        return subprocess.Popen(
            ["chat-consume", "-t", "chat-messages", "-g", "store",
             "--control", "--slot", str(slot), "--", "chat-store"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@fault("R-25", "runners join and leave the group for 15 s", long=True)
def rebalances(stack, turn):
    more = {}
    turn.hit()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        slot = turn.chance.randint(70, 73)
        if slot in more:
            p = more.pop(slot)
            p.send_signal(turn.chance.choice((signal.SIGKILL,
                                              signal.SIGTERM)))
            p.wait(40)
        else:
            more[slot] = pair(stack, slot)
        time.sleep(turn.chance.uniform(0.3, 2))
    for p in more.values():
        p.terminate()
    for p in more.values():
        p.wait(40)
    turn.over()
