"""Faults of our own processes: kill -9 at random instants and at named points,
zombies, storms of rebalancing, restarts one by one."""

import os
import signal
import time

from faults import fault


@fault("R-01", "kill -9 of the edge", short=True)
def edge(stack, turn):
    pid = stack.actor("edge")
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


def restart(stack, name):
    """TERM by supervisord, and up again when it is gone."""
    stack.stop(name)
    stack.start(name)
