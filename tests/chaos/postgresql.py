"""Faults of PostgreSQL: its processes die, it is stopped in the middle of a
batch, its disk is full."""

import os
import signal
import time

import chatlib as c
from faults import fault
from resources import filled
from stack import Broken, alive, until


def answers():
    try:
        return c.sql("select 1") == [["1"]]
    except RuntimeError:
        return False


def back(stack, old, seconds=90):
    until(seconds, "PostgreSQL is started again", lambda: next(
        (p for n, (_, p, _) in stack.sections().items()
         if n == "postgresql" and p and p != old and alive(p)), 0))
    until(seconds, "PostgreSQL answers", answers, 0.1)


@fault("R-13", "kill -9 of the postmaster")
def postmaster(stack, turn):
    pid = stack.pid("postgresql")
    turn.hit()
    os.kill(pid, signal.SIGKILL)
    back(stack, pid)


@fault("R-14", "one backend of PostgreSQL is ended")
def backend(stack, turn):
    turn.hit()
    ended = c.sql("select pg_terminate_backend(pid) from (select pid from "
                  "pg_stat_activity where usename = 'chat' and pid <> "
                  "pg_backend_pid() order by random() limit 1) one")
    if not ended:
        raise Broken("there was no backend of ours")


@fault("R-15", "immediate stop of PostgreSQL in the middle of a batch",
       short=True)
def immediate(stack, turn):
    pid, store = stack.pid("postgresql"), None
    if stack.can_arm:
        turn.choose("store:before-commit", "store:after-commit")
        stack.arm(turn.variant + " stop")
        store = stack.stopped()[1]
    turn.hit()
    os.kill(pid, signal.SIGQUIT)
    if store:
        time.sleep(turn.chance.uniform(0, 0.5))
        os.kill(store, signal.SIGCONT)
    back(stack, pid)


@fault("R-16", "PostgreSQL's disk is full for 10 s", long=True, inside=True)
def disk_full(stack, turn):
    turn.choose("table", "wal")
    with filled(stack.home + "/pg", turn):
        if turn.variant == "wal":
            # The next segment finds no place: it stops altogether.
            stack.as_pg("select pg_switch_wal()", check=False)
        time.sleep(10)
    turn.over()
    until(90, "PostgreSQL answers", answers, 0.1)
