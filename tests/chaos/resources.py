"""Faults of what the machine gives: full disks, no more descriptors, a wall
clock that jumps."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import time

from faults import Left, fault
from stack import command

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def fill(f):
    """Until the disk has not one page more."""
    size, step = 0, 1 << 30
    while step >= 4096:
        try:
            os.posix_fallocate(f.fileno(), size, step)
            size += step
        except OSError as e:
            if e.errno != errno.ENOSPC:
                raise
            step //= 2


@contextlib.contextmanager
def filled(directory, turn):
    """The small disk of this directory is full as long as the block lasts."""
    path = directory + "/chaos-filler"
    try:
        with open(path, "wb") as f:
            fill(f)
        turn.hit()
        yield
    finally:
        os.unlink(path)


@fault("R-26", "a program has no descriptor left for 5 s", inside=True)
def descriptors(stack, turn):
    name = turn.choose("edge", "produce", "api", "broadcast",
                       *("consume-" + s for s in stack.stores()))
    pid = stack.actor(name)
    used = len(os.listdir("/proc/%d/fd" % pid))
    limits = subprocess.check_output(
        ["prlimit", "--nofile", "--noheadings", "-o", "SOFT,HARD", "--pid",
         str(pid)], text=True).split()
    command("prlimit", "--pid", str(pid), "--nofile=%d:%s" % (used, limits[1]))
    turn.hit()
    knocks = []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if len(knocks) < 50:
            knocks.append(knock())
        time.sleep(0.1)
    command("prlimit", "--pid", str(pid), "--nofile=%s:%s" % tuple(limits),
            check=False)
    for s in knocks:
        s.close()
    turn.over()


def knock():
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", int(os.environ["CHAT_PORT"])))
    return s


# ------------------------------------------------- a program in our own hands

def environ(pid):
    with open("/proc/%d/environ" % pid, "rb") as f:
        pairs = [p.partition(b"=") for p in f.read().split(b"\0") if p]
    return {os.fsdecode(a): os.fsdecode(b) for a, _, b in pairs}


def arguments(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        return [os.fsdecode(a) for a in f.read().split(b"\0")[:-1]]


@contextlib.contextmanager
def adopted(stack, name, **more):
    """What supervisord runs under this name runs as our own child instead,
    with more in its environment, as long as the block lasts."""
    pid = stack.pid(name)
    argv = arguments(pid)
    for _ in range(100):    # it may be just between fork and exec
        if os.path.basename(argv[0]).startswith("chat-"):
            break
        time.sleep(0.05)
        pid = stack.pid(name)
        argv = arguments(pid)
    env = {**environ(pid), **more}
    stack.stop(name)
    log = open("%s/log/%s.adopted.log" % (stack.home, name), "ab")
    child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log, start_new_session=True)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(35)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.close()
        stack.start(name)


@fault("R-29", "the wall clock jumps by an hour, and back (faketime)",
       long=True)
def clock(stack, turn):
    if not os.path.exists(FAKETIME):
        raise Left("ls %s: no such file" % FAKETIME)
    name = turn.choose("edge", "produce", "api", *stack.stores(), "broadcast")
    hours = turn.chance.choice((-1, 1))
    turn.variant = "%s %+d h" % (name, hours)
    path = stack.home + "/chaos/clock"

    def set_clock(text):
        with open(path + ".new", "w") as f:
            f.write(text + "\n")
        os.rename(path + ".new", path)
    set_clock("+0")
    with adopted(stack, name, LD_PRELOAD=FAKETIME, FAKETIME_NO_CACHE="1",
                 FAKETIME_DONT_FAKE_MONOTONIC="1",
                 FAKETIME_TIMESTAMP_FILE=path) as child:
        time.sleep(4)
        turn.hit()
        set_clock("%+dh" % hours)
        time.sleep(5)
        turn.expect(child.poll() is None, "%s ended with %s when its clock "
                    "jumped" % (name, child.returncode))
        set_clock("+0")
        time.sleep(3)
    turn.over()
