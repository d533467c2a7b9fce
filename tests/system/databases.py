"""Databases of our own for the tests: one in the stack's server, and a server
that may be stopped, killed and frozen."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

import chatlib as c


def words(conninfo, **more):
    """A conninfo with some keywords set anew."""
    pairs = dict(w.split("=", 1) for w in conninfo.split())
    return " ".join("%s=%s" % p for p in {**pairs, **more}.items())


class Database:
    def __init__(self, conninfo):
        self.conninfo = conninfo

    def sql(self, *texts):
        argv = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", "\t",
                "-d", self.conninfo]
        for text in texts:
            argv += ["-c", text]
        return [line.split("\t") for line in c.run(*argv).splitlines()]

    def one(self, text):
        return self.sql(text)[0][0]

    def migrate(self):
        c.run(c.ROOT + "/scripts/migrate", self.conninfo)

    def holes(self):
        """Rooms whose numbers are not 1..n."""
        return self.sql(
            "select r.id, r.last_seq, count(m.id), min(m.seq), max(m.seq) "
            "from chat_rooms r left join messages m on m.chat_room_id = r.id "
            "group by r.id having r.last_seq <> count(m.id) or "
            "r.last_seq > 0 and (min(m.seq), max(m.seq)) <> (1, r.last_seq)")

    def group(self, *users):
        return int(self.one(
            "select room_id from chat_create_group(%d, 'g', '{%s}')" % (
                users[0], ",".join(map(str, users)))))


@contextlib.contextmanager
def database(name):
    server = os.environ["CHAT_PG"]
    name = "%s_%d" % (name, os.getpid())
    admin = Database(server)
    admin.sql("drop database if exists " + name, "create database " + name)
    db = Database(words(server, dbname=name))
    try:
        db.migrate()
        db.sql("insert into users select i, 'user ' || i "
               "from generate_series(1, 400) i")
        yield db
    finally:
        admin.sql("drop database %s with (force)" % name)


class Server(Database):
    """A PostgreSQL of our own, which may be stopped."""

    def __init__(self):
        self.bin = c.run("pg_config", "--bindir").strip()
        self.dir = tempfile.mkdtemp(prefix="store-t.", dir="/tmp")
        self.port = 20000 + os.getpid() % 10000
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres")
        self.call("initdb", "-A", "trust", "-U", "chat", "-N")
        with open(self.dir + "/data/postgresql.conf", "a") as conf:
            conf.write("port=%d\nlisten_addresses='127.0.0.1'\n"
                       "unix_socket_directories='%s'\n"
                       "shared_buffers=16MB\nmax_connections=20\n" % (
                           self.port, self.dir))
        self.start()
        super().__init__("host=127.0.0.1 port=%d user=chat dbname=postgres"
                         % self.port)

    def call(self, program, *args):
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        return subprocess.run(
            [*user, "%s/%s" % (self.bin, program), "-D", self.dir + "/data",
             *args], cwd="/", check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.call("pg_ctl", "start", "-w", "-l", self.dir + "/log")

    def stop(self):
        self.call("pg_ctl", "stop", "-m", "immediate")

    def pids(self):
        with open(self.dir + "/data/postmaster.pid") as f:
            master = f.readline().strip()
        kids = subprocess.run(["ps", "-o", "pid=", "--ppid", master],
                              stdout=subprocess.PIPE, text=True).stdout
        return [int(p) for p in [master, *kids.split()]]

    def signal(self, sig):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)

    def remove(self):
        with contextlib.suppress(subprocess.CalledProcessError, OSError):
            self.signal(signal.SIGCONT)
            self.stop()
        shutil.rmtree(self.dir)
