"""Signals that nobody should send, programs that stand still, and what is taken
away under them: sockets, locks, the place of the status files, their
supervisord, processors."""

import glob
import os
import signal
import subprocess
import time

import chatlib as c
import kafka
import postgresql
from clients import stranger
from crowds import storm
from faults import Left, fault
from network import rules
from stack import alive, children, comm, command

HELD_S = 5
ASLEEP_S = (10, 20)
RESTARTED = ("produce", "edge", "api", "consume-broadcast", "store-1",
             "consume-store-0")


def send(pids, sig):
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass    # a filter that went with its runner


def boss(stack):
    with open(stack.home + "/supervisord.pid") as f:
        return int(f.read())


@fault("X-50", "SIGSTOP of one program, or of PostgreSQL's postmaster, for "
       "10-20 s", long=True)
def asleep(stack, turn):
    what = turn.choose("api", "edge", "broadcast", "consume-broadcast",
                       "outcomes", "produce", "postmaster")
    pid = stack.pid("postgresql") if what == "postmaster" else \
        stack.actor(what)
    turn.hit()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(turn.chance.uniform(*ASLEEP_S))
    send([pid], signal.SIGCONT)
    turn.over()


@fault("X-51", "all programs stand still every 200 ms, for 5 s")
def stutter(stack, turn):
    pids = list(stack.actors().values())
    turn.hit()
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        send(pids, signal.SIGSTOP)
        time.sleep(0.2)
        send(pids, signal.SIGCONT)
        time.sleep(0.2)
    turn.over()


@fault("X-52", "supervisord stands still for 10 s: nobody reads the logs, "
       "while 500 clients come, or all programs are killed")
def boss_asleep(stack, turn):
    pid, tok = boss(stack), c.token(stranger(turn))
    os.kill(pid, signal.SIGSTOP)
    turn.hit()
    try:
        if turn.choose("clients", "killed") == "killed":
            send([p for p in children(pid) if comm(p).startswith("chat-")],
                 signal.SIGKILL)
        else:
            storm(tok, 500)
        time.sleep(max(0, turn.at + 10 - time.monotonic()))
    finally:
        os.kill(pid, signal.SIGCONT)
    turn.over()


@fault("X-53", "kill -9 of supervisord; scripts/up puts it right", long=True,
       alone=True)
def boss_dies(stack, turn):
    names = [n for n, (_, pid, _) in stack.sections().items() if pid]
    turn.hit()
    os.kill(boss(stack), signal.SIGKILL)
    time.sleep(3)
    stack.script("up")
    stack.start(*names)
    turn.over()


@fault("X-54", "kill -9 of Kafka and PostgreSQL at once", brokers=1)
def engines(stack, turn):
    k, p = stack.pid("kafka"), stack.pid("postgresql")
    turn.hit()
    send([k, p], signal.SIGKILL)
    postgresql.back(stack, p)
    kafka.back(stack, "kafka", k)


SIGNALS = ("HUP", "USR1", "USR2", "QUIT", "INT", "PIPE", "ALRM", "TERM",
           "ABRT", "CHLD", "WINCH", "IO", "SEGV")
HARMLESS = ("HUP", "USR1", "PIPE", "CHLD", "WINCH")


@fault("X-55", "a signal that nobody should send, to one program, once or "
       "twice")
def signals(stack, turn):
    name = turn.chance.choice(SIGNALS)
    who = turn.chance.choice(sorted(n for n in stack.actors()
                                    if not n.startswith("pairs-")))   # jq
    turn.variant = "%s %s" % (name, who)
    pid, sig = stack.actor(who), signal.Signals["SIG" + name]
    turn.hit()
    for _ in range(turn.chance.choice((1, 2))):
        send([pid], sig)
        time.sleep(0.05)
    time.sleep(1)
    turn.expect(alive(pid) or name not in HARMLESS, turn.variant + ": ended")
    for n, (_, _, state) in stack.sections().items():
        if state == "EXITED":   # 0: it was asked to end
            stack.start(n)


@fault("X-56", "the Unix sockets are deleted, and an edge is killed")
def sockets(stack, turn):
    names = ("produce", "events", "api")
    what = turn.choose("all", *names)
    turn.hit()
    for name in names if what == "all" else (what,):
        os.unlink("%s/%s.sock" % (stack.home, name))
    stack.kill(turn.chance.choice(stack.edges()))


@fault("X-57", "the status files' place is full, or read only, for 5 s, and a "
       "program is killed", inside=True)
def no_place(stack, turn):
    path = stack.home + "/status"
    command("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1" +
            turn.choose("", ",ro"), "chaos", path)
    turn.hit()
    who = turn.chance.choice(RESTARTED)
    turn.variant = "%s, %s" % (who, turn.variant and "read only" or "full")
    stack.kill(who)
    time.sleep(HELD_S)
    command("umount", "-l", path)
    turn.over()


@fault("X-58", "kill -9 of one program each 100 ms for 5 s")
def again(stack, turn):
    name = turn.choose(*RESTARTED)
    turn.hit()
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        send([p for n, p in stack.actors().items() if n == name],
             signal.SIGKILL)
        time.sleep(0.1)
    turn.over()


@fault("X-59", "lock files are deleted, and programs are killed")
def locks(stack, turn):
    turn.hit()
    for path in glob.glob(stack.home + "/lock/*") + \
            glob.glob(stack.home + "/*.lock"):
        os.unlink(path)
    send([p for p in stack.actors().values() if turn.chance.random() < 0.4],
         signal.SIGKILL)


@fault("X-60", "two edges are killed in turn, each half second, for 5 s")
def edges(stack, turn):
    if len(stack.edges()) < 2:
        raise Left("--here: one edge")
    turn.hit()
    for i in range(10):
        stack.kill(stack.edges()[i % 2])
        time.sleep(0.5)
    turn.over()


@fault("X-61", "busy loops at nice -20, four a core, for 5 s")
def hogs(stack, turn):
    turn.hit()
    many = [subprocess.Popen(["nice", "-n", "-20", "sh", "-c",
                              "while :; do :; done"])
            for _ in range(4 * os.cpu_count())]
    time.sleep(HELD_S)
    for p in many:
        p.kill()
        p.wait()
    turn.over()


@fault("X-62", "one packet of ten is lost for 5 s, MTU 576", inside=True)
def lossy(stack, turn):
    turn.choose("loss", "loss, MTU 576")
    if turn.variant != "loss":
        command("ip", "link", "set", "lo", "mtu", "576")
    with rules("meta l4proto tcp numgen random mod 10 == 0 drop"):
        turn.hit()
        time.sleep(HELD_S)
    command("ip", "link", "set", "lo", "mtu", "65536")
    turn.over()


@fault("X-63", "nothing fits into supervisord's logs for 5 s (file size 0)")
def no_logs(stack, turn):
    pid, tok = boss(stack), c.token(stranger(turn))
    command("prlimit", "--pid", str(pid), "--fsize=0:unlimited")
    turn.hit()
    storm(tok, 200)
    time.sleep(max(0, turn.at + HELD_S - time.monotonic()))
    command("prlimit", "--pid", str(pid), "--fsize=unlimited:unlimited")
    turn.over()
