"""What people do to PostgreSQL under load, and take back: locks that are held,
rights and settings, tables rewritten, sessions ended and cancelled. None of it
is a record's fault: nothing may become a dead letter."""

import contextlib
import os
import signal
import subprocess
import time

import chatlib as c
from faults import fault
from stack import Broken

HELD_S = 5


@contextlib.contextmanager
def session(stack, text):
    """A session of the database's owner in which this has been done, open as
    long as the block lasts; then it is ended without a word."""
    argv = ["psql", "-XqAt", "-h", stack.home + "/pgsock", "-p",
            os.environ["CHAT_PG_PORT"], "-U", "postgres", "-d", "chat"]
    if os.geteuid() == 0:
        argv = ["runuser", "-u", "postgres", "--", *argv]
    p = subprocess.Popen(argv, cwd="/", stdin=subprocess.PIPE, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        p.stdin.write(text + ";\nselect 'held';\n")
        p.stdin.flush()
        said = p.stdout.readline()
        while said and said != "held\n" and "ERROR" not in said:
            said = p.stdout.readline()
        if said != "held\n":
            raise Broken("psql: " + said)
        yield
    finally:
        p.stdin.close()
        p.wait(60)


def letters():
    return int(c.sql("select count(*) from message_outcomes "
                     "where outcome = 'dead'")[0][0])


@contextlib.contextmanager
def changed(stack, turn, does, undoes):
    """SQL (a list where it takes no transaction), and what takes it back."""
    before = letters()

    def run(texts):
        for text in [texts] if isinstance(texts, str) else texts:
            stack.as_pg(text)
    run(does)
    turn.hit()
    try:
        yield
    finally:
        run(undoes)
        turn.over()
    turn.expect(letters() == before, "dead letters")


def setting(name, value):
    """For changed(): a setting of the server."""
    reload = "select pg_reload_conf()"
    return (["alter system set %s = %s" % (name, value), reload],
            ["alter system reset " + name, reload])


def again_and_again(stack, turn, text, pause, seconds=HELD_S):
    turn.hit()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stack.as_pg(text, check=False)
        time.sleep(turn.chance.uniform(*pause))
    turn.over()


ALL_OF_OURS = "select pg_terminate_backend(pid) from pg_stat_activity " \
    "where usename = 'chat'"


@fault("X-01", "LOCK TABLE messages, or the rows of rooms, for 5 s")
def locked(stack, turn):
    text = {"table": "lock table messages",
            "room": "select id from chat_rooms where id = %d for update"
                    % turn.crowd.rooms[0],
            "rooms": "select id from chat_rooms order by id desc for update"}
    with session(stack, "begin; " + text[turn.choose(*text)]):
        turn.hit()
        time.sleep(HELD_S)
    turn.over()


@fault("X-01l", "LOCK TABLE messages for longer than a statement may take",
       long=True)
def locked_long(stack, turn):
    with session(stack, "begin; lock table messages"):
        turn.hit()
        time.sleep(22)
    turn.over()


@fault("X-02", "PostgreSQL takes reads only for 5 s")
def read_only(stack, turn):
    with changed(stack, turn, *setting("default_transaction_read_only",
                                       "on")):
        time.sleep(HELD_S)


@fault("X-03", "the database's role may not log in for 5 s")
def no_login(stack, turn):
    with changed(stack, turn, "alter role chat nologin; " + ALL_OF_OURS,
                 "alter role chat login"):
        time.sleep(HELD_S)


@fault("X-04", "all sessions are ended, again and again, for 5 s")
def terminated(stack, turn):
    again_and_again(stack, turn, ALL_OF_OURS, (0.05, 0.3))


@fault("X-05", "no connection is free for 5 s: the role has its limit")
def no_room(stack, turn):
    with changed(stack, turn, "alter role chat connection limit 1; " +
                 ALL_OF_OURS, "alter role chat connection limit -1"):
        time.sleep(HELD_S)


@fault("X-06", "VACUUM FULL, REINDEX, a column more and less, an index more")
def rewritten(stack, turn):
    texts = {"vacuum full": ["vacuum full messages"],
             "reindex": ["reindex table messages"],
             "column": ["alter table messages add column chaos int",
                        "alter table messages drop column chaos"],
             "index": ["create index concurrently chaos on messages "
                       "(sent_at)", "drop index concurrently chaos"]}
    turn.hit()
    for text in texts[turn.choose(*texts)]:
        stack.as_pg(text)
    turn.over()


@fault("X-07", "a trigger raises an error for one room's messages for 5 s")
def trigger(stack, turn):
    code = turn.choose("P0001", "55000", "57014", "40001", "54000")
    text = ("create function chaos() returns trigger language plpgsql as $$ "
            "begin raise exception 'chaos' using errcode = '%s'; end $$; "
            "create trigger chaos before insert on messages for each row "
            "when (new.chat_room_id = %d) execute function chaos()"
            % (code, turn.crowd.rooms[0]))
    with changed(stack, turn, text, "drop trigger chaos on messages; "
                 "drop function chaos()"):
        time.sleep(HELD_S)


@fault("X-08", "a foreign session locks rooms backwards: deadlocks, for 5 s")
def deadlocks(stack, turn):
    rooms = sorted(turn.crowd.rooms, reverse=True)[:4]
    again_and_again(stack, turn, "set deadlock_timeout = '10s'; begin; " +
                    " ".join("select 1 from chat_rooms where id = %d for "
                             "update; select pg_sleep(0.1);" % r
                             for r in rooms) + " commit", (0, 0.1))


@fault("X-09", "no right to messages for 5 s: 42 is a person's matter (100), "
       "who then starts what has ended")
def revoked(stack, turn):
    with changed(stack, turn, ["alter table messages owner to postgres",
                               "grant select, update on messages to chat"],
                 "alter table messages owner to chat"):
        time.sleep(HELD_S)
    down = [n for n, (_, _, s) in stack.sections().items() if s == "EXITED"]
    turn.variant = "%d ended" % len(down)
    stack.start(*down)


@fault("X-10", "the synchronous standby is not there for 5 s")
def no_standby(stack, turn):
    with changed(stack, turn, *setting("synchronous_standby_names",
                                       "'nobody'")):
        time.sleep(HELD_S)


@fault("X-10l", "the synchronous standby is not there for longer than an "
       "answer is waited for", long=True)
def no_standby_long(stack, turn):
    with changed(stack, turn, *setting("synchronous_standby_names",
                                       "'nobody'")):
        time.sleep(27)


@fault("X-11", "what runs is cancelled, again and again, for 5 s")
def cancelled(stack, turn):
    again_and_again(stack, turn, "select pg_cancel_backend(pid) from "
                    "pg_stat_activity where usename = 'chat' and "
                    "state = 'active'", (0, 0.1))


@fault("X-12", "SIGSTOP of the backends that store, for 5 s")
def asleep(stack, turn):
    pids = [int(r[0]) for r in c.sql(
        "select pid from pg_stat_activity where usename = 'chat' and "
        "application_name = 'chat-store'")]
    turn.hit()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(HELD_S)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    turn.over()
