"""Faults of the network between the programs and the engines, in a namespace
of our own: whose packets are dropped is decided by port (place.py: port), on
the loopback's way in, so that for the sender they are simply lost."""

import contextlib
import os
import signal
import time

import kafka
import place
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


def line(stack, what):
    """Who talks to whom: the ports of those who listen."""
    many = [place.Node(i) for i in range(len(kafka.names(stack)))]
    return {"produce-kafka": [n.front for n in many],
            "runners-kafka": [n.main for n in many],
            "store-postgresql": [port(3)]}[what]


def drops(numbers, *ways):
    return ["tcp %s { %s } drop" % (way, ", ".join(map(str, numbers)))
            for way in ways]


@fault("R-18", "partition: the edge's chat-produce, or the runners, and Kafka",
       long=True, inside=True)
def kafka_away(stack, turn):
    what = turn.choose("produce-kafka", "runners-kafka")
    cut(turn, *drops(line(stack, what), "dport", "sport"))


@fault("R-18n", "partition: one broker and everybody else", long=True,
       inside=True, brokers=3)
def broker_away(stack, turn):
    name = turn.choose(*kafka.names(stack))
    node = place.Node(kafka.names(stack).index(name))
    cut(turn, *drops([node.main, node.front, node.controller],
                     "dport", "sport"))


@fault("R-19", "partition: chat-store (and chat-api) and PostgreSQL",
       long=True, inside=True)
def postgresql_away(stack, turn):
    cut(turn, *drops(line(stack, turn.choose("store-postgresql")),
                     "dport", "sport"))


@fault("R-20", "one-way partition: only the answers are lost", long=True,
       inside=True)
def answers_lost(stack, turn):
    what = turn.choose("produce-kafka", "runners-kafka", "store-postgresql")
    cut(turn, *drops(line(stack, what), "sport"))


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
    the proxy as long as the block lasts. They are closed while the rule still
    translates them: else nobody would tell chat-produce."""
    redirect = "ip saddr != %s tcp dport %d redirect to :%d" % (
        proxy.FROM, port(4), port(5))
    reset = "tcp dport %d ip saddr != %s reject with tcp reset" % (
        port(4), proxy.FROM)
    p = proxy.Proxy(port(5), port(4))
    try:
        with rules(redirect, hook="type nat hook output priority -100",
                   name="chaos_nat"):
            try:
                with rules(reset):
                    until(20, "chat-produce comes through the proxy",
                          lambda: p.sockets)
                yield p
            finally:
                p.close()
    finally:
        p.close()


@fault("R-07", "EndTxn, or its answer, is held for %d s, longer than the "
       "transaction lives" % HELD_S, long=True, inside=True, brokers=1)
def end_txn_late(stack, turn):
    """A request that is held so long and then arrives: by then chat-produce
    has ended (fenced, or in doubt), or has learnt on another connection that
    all was committed. Both are right; the variant says which."""
    what = turn.choose("request", "answer")
    with led() as p:
        time.sleep(1)
        old = stack.actor("produce")
        p.catch(proxy.END_TXN, HELD_S, what == "answer", on_catch=turn.hit)
        if not p.caught.wait(20):
            raise Broken("no EndTxn in 20 s")
        turn.expect(p.passed.wait(HELD_S + 5), "the late EndTxn never arrived")
        time.sleep(1)
        turn.variant += ", went on" if alive(old) else ", ended"
    turn.over()


@fault("R-03e", "kill -9 of chat-produce when EndTxn is on its way",
       inside=True, brokers=1)
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
