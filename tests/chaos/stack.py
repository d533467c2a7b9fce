"""The stack under fire: started by scripts/up in a place of its own, looked at
through its supervisord (XML-RPC on its Unix socket), /proc and the status
files. Names: what supervisord calls "store-0" is a runner, "consume-store-0"
here, with the filter "store-0" under it; so with broadcast and outcomes."""

import glob
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import xmlrpc.client

ENGINES = ("kafka", "postgresql")


class Broken(Exception):
    """The fault could not be made, or the stack did not come back."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        return UnixConnection(self.path)


def command(*argv, check=True, stdin="", timeout=120, **more):
    """Runs a command; Broken, with its words, where it fails."""
    done = subprocess.run(argv, input=stdin, text=True, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more)
    if check and done.returncode:
        raise Broken("%s: exit %d: %s" % (" ".join(argv), done.returncode,
                                          done.stdout.strip()[-300:]))
    return done.stdout


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


def alive(pid):
    """A process that is there, and is not just waiting to be buried."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(seconds, what, condition, step=0.05):
    """Waits for the condition, and gives what it gave; Broken after that."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Broken("not in %g s: %s" % (seconds, what))
        time.sleep(step)


class Stack:
    def __init__(self, root, home):
        self.root, self.home = root, home
        self.socket = home + "/supervisor.sock"
        self.armed = home + "/chaos/armed"
        self.can_arm = False    # built with crash points that look there

    # ------------------------------------------------------------ supervisord

    def rpc(self, method, *args):
        proxy = xmlrpc.client.ServerProxy(
            "http://localhost", transport=UnixTransport(self.socket))
        try:
            return getattr(proxy.supervisor, method)(*args)
        except xmlrpc.client.Fault as e:
            raise Broken("supervisord: %s %s: %s" % (
                method, args, e.faultString)) from None
        except OSError as e:
            raise Broken("supervisord: %s" % e) from None

    def sections(self):
        """name -> (its full name, pid or 0, state)"""
        out = {}
        for p in self.rpc("getAllProcessInfo"):
            full = p["name"] if p["group"] == p["name"] else \
                "%s:%s" % (p["group"], p["name"])
            out[p["name"]] = (full, p["pid"], p["statename"])
        return out

    def engine(self, name):
        return name.startswith(ENGINES)

    def ours(self):
        return [n for n in self.sections() if not self.engine(n)]

    def pid(self, name, seconds=20):
        """The process that supervisord started under this name."""
        return until(seconds, name + " runs", lambda: next(
            (pid for n, (_, pid, state) in self.sections().items()
             if n == name and pid and alive(pid)), 0))

    def actors(self):
        """Every process of ours: name -> pid, filters too."""
        out = {}
        for name, (_, pid, _) in self.sections().items():
            if self.engine(name) or not pid:
                continue
            if comm(pid) == "chat-consume":
                out["consume-" + name] = pid
                for child in children(pid):
                    out[name] = child
            else:
                out[name] = pid
        return {n: p for n, p in out.items() if alive(p)}

    def actor(self, name, seconds=20):
        return until(seconds, name + " runs",
                     lambda: self.actors().get(name, 0))

    def stores(self):
        return sorted(n for n in self.ours() if n.startswith("store"))

    def edges(self):
        return sorted(n for n in self.ours() if n.startswith("edge"))

    def stop(self, *names):
        for name in names:
            full, pid, _ = self.sections()[name]
            if pid:
                self.rpc("stopProcess", full)

    def start(self, *names):
        for name in names:
            full, _, state = self.sections()[name]
            if state not in ("RUNNING", "STARTING"):
                self.rpc("startProcess", full)

    # ------------------------------------------------------------------ states

    def unready(self):
        """Who is not ready, and why."""
        out = []
        for path in glob.glob(self.home + "/status/*.json"):
            name = os.path.basename(path)[:-5]
            try:
                with open(path) as f:
                    s = json.load(f)
            except (OSError, ValueError):
                continue
            if not comm(s["pid"]).startswith("chat-"):
                out.append("%s is gone" % name)
            elif s["state"] != "ready":
                out.append("%s is %s (%s)" % (name, s["state"], s["why"]))
        return out

    def ready(self, seconds=60):
        until(seconds, "all are ready: " + "; ".join(self.unready()),
              lambda: not self.unready(), 0.2)

    def status(self, name):
        with open("%s/status/%s.json" % (self.home, name)) as f:
            return json.load(f)

    # ------------------------------------------------------------------ faults

    def kill(self, name, sig=signal.SIGKILL):
        pid = self.actor(name)
        os.kill(pid, sig)
        return pid

    def arm(self, point, seconds=20):
        """The first process that comes to this point dies there (or stops:
        "point stop"). Returns when it has."""
        with open(self.armed + ".new", "w") as f:
            f.write(point + "\n")
        os.rename(self.armed + ".new", self.armed)
        try:
            until(seconds, "somebody comes to " + point,
                  lambda: not os.path.exists(self.armed), 0.002)
        except Broken:
            os.unlink(self.armed)
            raise

    def stopped(self, seconds=5):
        """The process of ours that stands still (state T)."""
        def look():
            for name, pid in self.actors().items():
                with open("/proc/%d/stat" % pid) as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "T":
                        return name, pid
            return None
        return until(seconds, "one stands still", look, 0.01)

    def as_pg(self, text, check=True):
        """SQL as the database's owner."""
        argv = ["psql", "-XqAt", "-h", self.home + "/pgsock", "-p",
                os.environ["CHAT_PG_PORT"], "-U", "postgres", "-d", "chat",
                "-c", text]
        if os.geteuid() == 0:
            argv = ["runuser", "-u", "postgres", "--", *argv]
        return command(*argv, check=check, cwd="/")

    # ------------------------------------------------------------ up and down

    def script(self, name, *args, **more):
        return command(self.root + "/scripts/" + name, *args, timeout=600,
                       stdin="", **more)

    def environment(self):
        """What $CHAT_HOME/env says, into our own environment."""
        out = command("sh", "-c", '. "$0/env" && env -0', self.home)
        for pair in out.split("\0"):
            name, _, value = pair.partition("=")
            if name == "PATH" or name.startswith("CHAT_"):
                os.environ[name] = value

    def versions(self):
        """What was tested, for the results."""
        def first(*argv):
            try:
                return command(*argv).splitlines()[0].strip()
            except (Broken, OSError, IndexError):
                return "?"
        kafka = glob.glob(self.root + "/run/jars/kafka_*.jar")
        return {
            "programs": first("chat-consume", "-V"),
            "commit": first("git", "-C", self.root, "rev-parse", "--short",
                            "HEAD"),
            "kafka": os.path.basename(kafka[0])[:-4] if kafka else "?",
            "postgresql": first("psql", "-V").split()[2],
            "librdkafka": first("dpkg-query", "-W", "-f", "${Version}",
                                "librdkafka1"),
            "kernel": os.uname().release,
        }
