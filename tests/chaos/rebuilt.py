"""What people do to the engines while the runners are stopped: a topic made
anew, and a PostgreSQL that is restored to an earlier state and told the rest
by Kafka once more. Each has a watch of its own."""

import os
import time

import chatlib as c
from faults import fault
from stack import Broken, command, until

STORED = ("chat-messages", "store")     # the topic, and who reads it


def unread():
    """How many records the group has not finished."""
    topic, group = STORED
    return len(command("chat-consume", "-t", topic, "-g", group, "-e",
                       "end").splitlines())


def topic_tool(stack, *args):
    """Kafka's own: chat-topics deletes nothing, by design."""
    return command("java", "-Xmx128m", "-cp", stack.root + "/run/jars/*",
                   "-Dlog4j.configuration=file:%s/scripts/kafka/"
                   "log4j.properties" % stack.root,
                   "org.apache.kafka.tools.TopicCommand",
                   "--bootstrap-server", os.environ["CHAT_BROKERS"], *args)


def doors(stack):
    """Who puts records into Kafka, in their order of stopping."""
    return stack.edges() + ["produce"]


@fault("anew", "chat-messages is deleted and made anew, the runners stopped",
       long=True, alone=True)
def topic_anew(stack, turn):
    turn.hit()
    stack.stop(*doors(stack))
    until(60, "all is stored", lambda: unread() == 0, 0.5)
    stack.stop(*stack.stores())
    topic_tool(stack, "--delete", "--topic", STORED[0])
    until(30, "the topic is gone", lambda: STORED[0] not in topic_tool(
        stack, "--list").split(), 0.5)
    until(30, "the topic is there again", lambda: STORED[0] in command(
        "chat-topics", "apply", stack.root + "/examples/topics",
        check=False) or STORED[0] in topic_tool(stack, "--list").split(), 0.5)
    stack.start(*reversed(doors(stack)), *stack.stores())
    stack.ready()
    turn.over()


# ------------------------------------------------------------------- a restore

def as_postgres(*argv, **more):
    """A command as the database's owner, who comes in by the socket."""
    if os.geteuid() == 0:
        argv = ("runuser", "-u", "postgres", "--", *argv)
    return command(*argv, cwd="/", **more)


def place_of(stack):
    return ["-h", stack.home + "/pgsock", "-p", os.environ["CHAT_PG_PORT"],
            "-U", "postgres"]


def restore(stack, dump):
    where = place_of(stack)
    as_postgres("dropdb", *where, "--force", "chat")
    as_postgres("createdb", *where, "-O", "chat", "chat")
    as_postgres("pg_restore", *where, "-d", "chat", dump)
    os.unlink(dump)


def read_again(since):
    """Refused until the group has forgotten its last member (10 s)."""
    words = []

    def again():
        try:
            command("chat-consume", "-t", STORED[0], "-g", STORED[1],
                    "--from", time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                            time.gmtime(since)))
            return True
        except Broken as e:
            words.append(str(e))
            return False
    try:
        until(40, "the group is set back", again, 1)
    except Broken as e:
        raise Broken("%s: %s" % (e, words[-1])) from None


@fault("restore", "PostgreSQL is restored to an earlier state, and Kafka read "
       "again (--from)", long=True, alone=True)
def restored(stack, turn):
    dump = "/var/tmp/chaos-%d.dump" % os.getpid()
    since = time.time() - 2
    as_postgres("pg_dump", *place_of(stack), "-Fc", "-f", dump, "chat")
    stored = int(c.sql("select count(*) from messages")[0][0])
    time.sleep(turn.chance.uniform(3, 10))
    turn.hit()
    users = [n for n in stack.ours() if n in ("api", "outbox", "outcomes") or
             n.startswith("store")]
    stack.stop(*users)
    gone = int(c.sql("select count(*) from messages")[0][0]) - stored
    restore(stack, dump)
    command("chat-store", "--new-epoch")
    read_again(since)
    stack.start(*users)
    stack.ready()
    turn.over()
    turn.renumbered = True
    turn.variant = "%d messages gone" % gone
    if gone < 1:
        raise Broken("nothing was said between the copy and its return")
