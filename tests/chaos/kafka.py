"""Faults of Kafka: brokers that freeze, die, lose what they remember of
producers, and restart while a transaction is open; a topic made anew."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import time

from faults import fault
from place import format_broker
from resources import filled
from stack import alive, until

STOPPED_S = (5, 30)
FENCED_S = 5    # the controller has missed it (broker.session.timeout.ms)


def names(stack):
    return sorted(n for n in stack.sections() if n.startswith("kafka"))


def broker(stack, turn):
    """One of them, at random: its name and process."""
    name = turn.choose(*names(stack))
    return name, stack.pid(name)


def listens(stack, name):
    """The brokers are in CHAT_BROKERS in the order of their names."""
    host, number = os.environ["CHAT_BROKERS"].split(",")[
        names(stack).index(name)].rsplit(":", 1)
    try:
        socket.create_connection((host, int(number)), 1).close()
        return True
    except OSError:
        return False


def back(stack, name, old, seconds=90):
    """Another process has taken its place, and listens."""
    until(seconds, name + " is started again", lambda: next(
        (p for n, (_, p, _) in stack.sections().items()
         if n == name and p and p != old and alive(p)), 0))
    until(seconds, name + " listens", lambda: listens(stack, name), 0.1)


@fault("R-09", "SIGSTOP of a broker for 5-30 s", long=True)
def freeze(stack, turn):
    _, pid = broker(stack, turn)
    turn.hit()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(turn.chance.uniform(*STOPPED_S))
    os.kill(pid, signal.SIGCONT)
    turn.over()


@fault("R-10", "kill -9 of a broker, started again", short=True)
def kill(stack, turn):
    name, pid = broker(stack, turn)
    turn.hit()
    os.kill(pid, signal.SIGKILL)
    back(stack, name, pid)


@fault("R-11", "a broker restarts while a transaction is open")
def open_transaction(stack, turn):
    name, pid = broker(stack, turn)
    if stack.can_arm:
        stack.arm("produce:before-commit stop")
        producer = stack.stopped()[1]
    else:
        producer = stack.kill("produce", signal.SIGSTOP)
    turn.hit()
    try:
        os.kill(pid, signal.SIGTERM)
        back(stack, name, pid)
    finally:
        os.kill(producer, signal.SIGCONT)


def all_in_sync(stack):
    """Kafka's own word: no partition lacks a copy."""
    said = subprocess.run(
        ["java", "-cp", stack.root + "/run/jars/*",
         "-Dlog4j.configuration=file:%s/scripts/kafka/log4j.properties"
         % stack.root, "org.apache.kafka.tools.TopicCommand",
         "--bootstrap-server", os.environ["CHAT_BROKERS"], "--describe",
         "--under-replicated-partitions"], capture_output=True, text=True)
    return said.returncode == 0 and "Partition:" not in said.stdout


@fault("R-10m", "a machine is lost: kill -9 of a broker, and its disk is gone; "
       "an empty one takes its place", long=True, inside=True, brokers=3)
def machine_lost(stack, turn):
    """Two machines at a time would be more than is promised: all copies are
    there before, and after."""
    until(120, "all copies are there", lambda: all_in_sync(stack), 1)
    name, pid = broker(stack, turn)
    data = "%s/%s/data" % (stack.home, name)
    stack.rpc("stopProcess", name, False)
    turn.hit()
    os.kill(pid, signal.SIGKILL)
    time.sleep(FENCED_S)        # nobody unpacks a new machine faster
    shutil.rmtree(data)
    format_broker(stack.root, os.path.dirname(data) + "/server.properties")
    stack.rpc("startProcess", name, False)
    back(stack, name, pid)
    turn.over()
    until(180, "all copies are there again", lambda: all_in_sync(stack), 1)


@fault("R-12", "kill -9 of a broker, and its producer snapshots are gone")
def snapshots(stack, turn):
    name, pid = broker(stack, turn)
    turn.hit()
    os.kill(pid, signal.SIGKILL)
    for path in glob.glob("%s/%s/data/*/*.snapshot" % (stack.home, name)):
        if "__cluster_metadata" not in path:
            os.unlink(path)
    back(stack, name, pid)


@fault("R-17", "Kafka's disk is full for 10 s", long=True, inside=True)
def disk_full(stack, turn):
    name, _ = broker(stack, turn)
    with filled("%s/%s" % (stack.home, name), turn):
        time.sleep(10)
    turn.over()
    until(90, name + " listens", lambda: listens(stack, name), 0.1)
