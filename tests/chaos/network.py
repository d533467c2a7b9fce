"""Faults of the network between the programs and the engines, in a namespace
of our own: whose packets are dropped is decided by port (place.py: port), on
the loopback's way in, so that for the sender they are simply lost."""

import contextlib
import os
import signal
import time

import proxy
from faults import Left, fault
from place import port
from stack import Broken, alive, command, until

CUT_S = (3, 15)
HELD_S = 13     # longer than our transactions live (10 s)


def tool(*argv):
    """A command without which the fault cannot be made."""
    try:
        return command(*argv)
    except (Broken, OSError) as e:
        raise Left(str(e)) from None


@contextlib.contextmanager
def rules(*texts, hook="type filter hook input priority 0", name="chaos_in"):
    """nft rules in a table of our own, as long as the block lasts."""
    tool("nft", "add", "table", "ip", name)
    try:
        tool("nft", "add chain ip %s c { %s ; }" % (name, hook))
        for text in texts:
            tool("nft", "add rule ip %s c %s" % (name, text))
        yield
    finally:
        command("nft", "delete", "table", "ip", name, check=False)


def cut(turn, *texts, seconds=CUT_S):
    with rules(*texts):
        turn.hit()
        time.sleep(turn.chance.uniform(*seconds))
    turn.over()


# who talks to whom: the port of the one who listens
LINES = {"produce-kafka": 4, "runners-kafka": 1, "store-postgresql": 3}


@fault("R-18", "partition: the edge's chat-produce, or the runners, and Kafka",
       long=True, inside=True)
def kafka_away(stack, turn):
    p = port(LINES[turn.choose("produce-kafka", "runners-kafka")])
    cut(turn, "tcp dport %d drop" % p, "tcp sport %d drop" % p)


@fault("R-19", "partition: chat-store (and chat-api) and PostgreSQL",
       long=True, inside=True)
def postgresql_away(stack, turn):
    turn.variant = "store-postgresql"
    p = port(LINES[turn.variant])
    cut(turn, "tcp dport %d drop" % p, "tcp sport %d drop" % p)


@fault("R-20", "one-way partition: only the answers are lost", long=True,
       inside=True)
def answers_lost(stack, turn):
    p = port(LINES[turn.choose(*LINES)])
    cut(turn, "tcp sport %d drop" % p)


@fault("R-21", "a slow link for 10 s: 1 Mbit/s (tbf)", long=True, inside=True)
def slow(stack, turn):
    tool("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "1mbit",
         "burst", "128kb", "latency", "2s")
    turn.hit()
    try:
        time.sleep(10)
    finally:
        command("tc", "qdisc", "del", "dev", "lo", "root")
    turn.over()


# ------------------------------------------ a man in the middle of the commit

@contextlib.contextmanager
def led():
    """chat-produce's connections to Kafka, new ones and the old, go through
    the proxy as long as the block lasts."""
    p = proxy.Proxy(port(5), port(4))
    try:
        with rules("ip saddr != %s tcp dport %d redirect to :%d" % (
                proxy.FROM, port(4), port(5)),
                hook="type nat hook output priority -100", name="chaos_nat"):
            with rules("tcp dport %d ip saddr != %s reject with tcp reset" % (
                    port(4), proxy.FROM)):
                until(20, "chat-produce comes through the proxy",
                      lambda: p.sockets)
            yield p
    finally:
        p.close()


@fault("R-07", "EndTxn, or its answer, is held until the transaction timed out",
       long=True, inside=True)
def end_txn_late(stack, turn):
    answers = turn.choose("request", "answer") == "answer"
    with led() as p:
        time.sleep(1)
        old = stack.actor("produce")
        p.catch(proxy.END_TXN, HELD_S, answers, on_catch=turn.hit)
        if not p.caught.wait(20):
            raise Broken("no EndTxn in 20 s")
        until(HELD_S + 20, "chat-produce ends and another begins",
              lambda: not alive(old) and stack.actors().get("produce"))
        turn.expect(p.passed.wait(HELD_S + 5), "the late EndTxn never arrived")
    turn.over()


@fault("R-03e", "kill -9 of chat-produce when EndTxn is on its way",
       inside=True)
def end_txn_sent(stack, turn):
    with led() as p:
        time.sleep(turn.chance.uniform(0.2, 1))
        pid = stack.actor("produce")

        def strike():
            turn.hit()
            os.kill(pid, signal.SIGKILL)
        p.catch(proxy.END_TXN, 0, on_catch=strike)
        if not p.caught.wait(20):
            raise Broken("no EndTxn in 20 s")
        time.sleep(0.3)
