"""The stack's own place: namespaces, small disks, and the settings that
scripts/up takes from the environment."""

import os
import subprocess
import sys

from stack import Broken, command

INSIDE = "CHAT_CHAOS_INSIDE"
DISK = "1536m"


def can_enter():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-n", "-m", "true"], stderr=subprocess.DEVNULL
    ).returncode == 0


def enter():
    """Runs ourselves again in a network and a mount namespace; they end with
    the last process in them, and with them all that we do to them."""
    if os.environ.get(INSIDE) or not can_enter():
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-n", "-m", "--propagation", "private",
                          sys.executable, "-B", *sys.argv])


def inside():
    return bool(os.environ.get(INSIDE))


def port(n):
    """The stack's ports begin at CHAT_PORT: +1 Kafka and +2 its controller,
    +3 PostgreSQL, +4 Kafka for chat-produce alone, +5 a proxy before that,
    +6 a second edge; +10.. the brokers 2 and 3."""
    return int(os.environ["CHAT_PORT"]) + n


def small_disks(home):
    """PostgreSQL and Kafka on disks that can be filled."""
    for name in ("pg", "kafka"):
        path = "%s/%s" % (home, name)
        os.makedirs(path, exist_ok=True)
        command("mount", "-t", "tmpfs", "-o", "size=%s,mode=755" % DISK,
                "chaos", path)


def front_listener(home):
    """A second door of Kafka, for chat-produce: what is between the edge and
    Kafka can be cut, slowed and proxied alone."""
    path = home + "/chaos/kafka.more"
    with open(path, "w") as f:
        f.write("\n# scripts/chaos: a door for chat-produce alone\n"
                "listeners=PLAINTEXT://127.0.0.1:%d,FRONT://127.0.0.1:%d,"
                "CONTROLLER://127.0.0.1:%d\n"
                "advertised.listeners=PLAINTEXT://127.0.0.1:%d,"
                "FRONT://127.0.0.1:%d\n"
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,"
                "FRONT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
                "inter.broker.listener.name=PLAINTEXT\n" % (
                    port(1), port(4), port(2), port(1), port(4)))
    return path


SECOND_EDGE = """\
[program:edge2]
command=chat-ws-edge --port %d --produce %%(ENV_CHAT_RUN)s/produce.sock \
 --events %%(ENV_CHAT_RUN)s/events.sock --api %%(ENV_CHAT_RUN)s/api.sock \
 --jwt-secret %%(ENV_CHAT_JWT_SECRET_FILE)s --rate 0 \
 -S %%(ENV_CHAT_RUN)s/status/edge2.json
autostart=false
startsecs=0
startretries=1000000
autorestart=unexpected
exitcodes=0,100
stopwaitsecs=35
redirect_stderr=true
stdout_logfile=%%(ENV_CHAT_LOG_DIR)s/edge2.log
"""


def second_edge(home):
    os.makedirs(home + "/supervisor.d", exist_ok=True)
    with open(home + "/supervisor.d/chaos.conf", "w") as f:
        f.write(SECOND_EDGE % port(6))


def prepare(opts, stack):
    """Before scripts/up."""
    os.makedirs(stack.home + "/chaos", exist_ok=True)
    second_edge(stack.home)
    open(stack.home + "/.chat-stack", "w").close()
    if inside():
        command("ip", "link", "set", "lo", "up")
        small_disks(stack.home)
        os.environ["CHAT_PG_HOST"] = "127.0.0.1"
        os.environ["CHAT_KAFKA_MORE"] = front_listener(stack.home)
        os.environ["CHAT_PRODUCE_OPTIONS"] = "-b 127.0.0.1:%d" % port(4)
    os.environ["CHAT_CRASH_FILE"] = stack.armed
    stack.can_arm = True
    os.environ["CHAT_EDGE_OPTIONS"] = "--rate 0"
    os.environ["B"] = stack.root + "/build-crash"
    command("make", "-s", "-C", stack.root, "-j2", "B=build-crash",
            "CFLAGS=-O2 -g -DCHAT_CRASH_POINTS", "all", timeout=900)


def start(opts, stack):
    prepare(opts, stack)
    try:
        stack.script("up")
    except Broken as e:
        raise SystemExit("chaos: the stack does not start: %s" % e) from None


def stop(stack, clean):
    """Down; the data goes where nothing is wrong, the logs stay."""
    stack.script("down", check=False)
    if clean and inside():
        for name in ("pg", "kafka"):
            command("umount", "%s/%s" % (stack.home, name), check=False)
