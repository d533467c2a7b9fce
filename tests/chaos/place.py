"""The stack's own place: namespaces, small disks, one broker or three, and the
settings that scripts/up takes from the environment."""

import os
import signal
import subprocess
import sys

import pairs
from stack import Broken, command

INSIDE = "CHAT_CHAOS_INSIDE"
DISK = "1536m"
CLUSTER = "Y2hhdC1jaGFvcy1jbHVzdA"     # of the three brokers

SECOND_EDGE = """\
[program:edge2]
command=chat-ws-edge --port %d --produce %%(ENV_CHAT_RUN)s/produce.sock \
 --events %%(ENV_CHAT_RUN)s/events.sock --api %%(ENV_CHAT_RUN)s/api.sock \
 --jwt-secret %%(ENV_CHAT_JWT_SECRET_FILE)s --rate 0 --heart-beat 2s \
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

BROKER = """
[program:%(name)s]
command=java -Xms128m -Xmx256m -XX:+UseSerialGC -XX:-UsePerfData
 -Dlog4j.configuration=file:%(root)s/scripts/kafka/log4j.properties
 -cp "%(root)s/run/jars/*" kafka.Kafka %(home)s/%(name)s/server.properties
priority=1
startsecs=0
startretries=1000000
autorestart=true
stopwaitsecs=60
redirect_stderr=true
stdout_logfile=%(home)s/log/%(name)s.log
"""

# The second door is chat-produce's alone: what is between the edge and Kafka
# can be cut, slowed and proxied without the rest.
DOORS = """
# scripts/chaos
node.id=%(id)d
listeners=PLAINTEXT://127.0.0.1:%(main)d,FRONT://127.0.0.1:%(front)d,\
CONTROLLER://127.0.0.1:%(controller)d
advertised.listeners=PLAINTEXT://127.0.0.1:%(main)d,FRONT://127.0.0.1:%(front)d
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,FRONT:PLAINTEXT,\
CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=%(home)s/%(name)s/data
"""

THREE = """\
controller.quorum.voters=%(voters)s
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
default.replication.factor=3
min.insync.replicas=2
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
replica.lag.time.max.ms=3000
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.timeout.ms=500
controller.quorum.election.backoff.max.ms=300
"""


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
    +6 a second edge; +10, +11, +12 and +20.. the brokers 2 and 3."""
    return int(os.environ["CHAT_PORT"]) + n


class Node:
    """One broker: its names and ports."""

    def __init__(self, i):
        self.id, self.name = i + 1, "kafka%s" % (i + 1 if i else "")
        self.main, self.controller, self.front = (
            port(n) for n in ((1, 2, 4) if i == 0 else (
                10 * i, 10 * i + 1, 10 * i + 2)))


def nodes(opts):
    return [Node(i) for i in range(opts.brokers)]


def addresses(numbers):
    return ",".join("127.0.0.1:%d" % n for n in numbers)


# ------------------------------------------------------------------ preparing

def small_disks(opts, home):
    """PostgreSQL and the brokers on disks that can be filled."""
    for name in ["pg"] + [n.name for n in nodes(opts)]:
        path = "%s/%s" % (home, name)
        os.makedirs(path, exist_ok=True)
        command("mount", "-t", "tmpfs", "-o", "size=%s,mode=755" % DISK,
                "chaos", path)


def more_lines(opts, stack, node):
    """What a broker's server.properties has more than that of scripts/up."""
    text = DOORS % {**vars(node), "home": stack.home}
    if opts.three:
        text += THREE % {"voters": ",".join(
            "%d@127.0.0.1:%d" % (n.id, n.controller) for n in nodes(opts))}
    return text


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def format_broker(root, properties):
    """The storage of one of three, empty."""
    command("java", "-cp", root + "/run/jars/*",
            "-Dlog4j.configuration=file:%s/scripts/kafka/log4j.properties"
            % root, "kafka.tools.StorageTool", "format", "-t", CLUSTER,
            "-c", properties)


def make_broker(opts, stack, node):
    """Settings and storage of one of three, before any is started."""
    with open(stack.root + "/scripts/kafka/server.properties") as f:
        text = f.read() + more_lines(opts, stack, node)
    path = write("%s/%s/server.properties" % (stack.home, node.name), text)
    if not os.path.exists("%s/%s/data/meta.properties" % (
            stack.home, node.name)):
        format_broker(stack.root, path)
    return BROKER % {"name": node.name, "root": stack.root,
                     "home": stack.home}


def settings(opts, stack):
    """For scripts/up, and for what it starts."""
    many = nodes(opts)
    env = os.environ
    env["CHAT_KAFKA_MORE"] = write(stack.home + "/chaos/kafka.more",
                                   more_lines(opts, stack, many[0]))
    env["CHAT_PRODUCE_OPTIONS"] = "-b " + addresses(n.front for n in many)
    env["CHAT_CRASH_FILE"] = stack.armed
    env["CHAT_EDGE_OPTIONS"] = "--rate 0"
    env["B"] = stack.root + "/build-crash"
    if inside():
        env["CHAT_PG_HOST"] = "127.0.0.1"
    if opts.three:
        env["CHAT_KAFKA_BROKERS"] = addresses(n.main for n in many)
        env["CHAT_ENV"] = "prod"


def prepare(opts, stack):
    """Before scripts/up."""
    write(stack.home + "/.chat-stack", "")
    os.makedirs(stack.home + "/log", exist_ok=True)
    command("make", "-s", "-C", stack.root, "-j2", "B=build-crash",
            "CFLAGS=-O2 -g -DCHAT_CRASH_POINTS", "all", timeout=900)
    if inside():
        command("ip", "link", "set", "lo", "up")
        small_disks(opts, stack.home)
    sections = SECOND_EDGE % port(6) + pairs.runners(stack.home)
    if opts.three:
        made = [make_broker(opts, stack, n) for n in nodes(opts)]
        sections += "".join(made[1:])
    write(stack.home + "/supervisor.d/chaos.conf", sections)
    settings(opts, stack)
    stack.can_arm = True


def start(opts, stack):
    try:
        prepare(opts, stack)
        stack.script("up")
    except Broken as e:
        raise SystemExit("chaos: the stack does not start: %s" % e) from None


def stop(opts, stack, clean):
    """Down; the data goes where nothing is wrong, the logs stay. Three
    brokers are not asked: the last would wait for the others."""
    if opts.three:
        for node in nodes(opts):
            pid = stack.sections()[node.name][1]
            stack.rpc("stopProcess", node.name, False)
            if pid:
                os.kill(pid, signal.SIGKILL)
    stack.script("down", check=False)
    if clean and inside():
        for name in ["pg"] + [n.name for n in nodes(opts)]:
            command("umount", "%s/%s" % (stack.home, name), check=False)
