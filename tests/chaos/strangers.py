"""What people and strangers do to Kafka under load: settings of topics that are
changed and put back, quotas, a foreign member of the stores' group, a foreign
producer with our transactional id, garbage in our topics, offsets and records
that are deleted, a topic that is."""

import contextlib
import json
import os
import subprocess
import time

from faults import fault
from stack import command, until

HELD_S = 5
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"


def tool(stack, name, *args, **more):
    """Kafka's own."""
    return command("java", "-Xmx128m", "-XX:TieredStopAtLevel=1",
                   "-XX:+UseSerialGC", "-cp", stack.root + "/run/jars/*",
                   "-Dlog4j.configuration=file:%s/scripts/kafka/"
                   "log4j.properties" % stack.root, name,
                   "--bootstrap-server", os.environ["CHAT_BROKERS"], *args,
                   **more)


@contextlib.contextmanager
def setting(stack, turn, topic, name, value, old):
    """A topic's setting, as long as the block lasts."""
    what = ("--entity-type", "topics", "--entity-name", topic, "--alter")
    tool(stack, CONFIGS, *what, "--add-config", "%s=%s" % (name, value))
    turn.hit()
    try:
        yield
    finally:
        tool(stack, CONFIGS, *what, "--add-config", "%s=%s" % (name, old))
        turn.over()


@fault("X-20", "max.message.bytes of a topic is 2 KB for 5 s")
def small(stack, turn):
    sizes = {"chat-messages": 1048588, "chat-events": 1114124}
    topic = turn.choose(*sizes)
    with setting(stack, turn, topic, "max.message.bytes", 2048, sizes[topic]):
        time.sleep(HELD_S)


@fault("X-21", "min.insync.replicas is 2 on one broker for 5 s", brokers=1)
def insync(stack, turn):
    topic = turn.choose("chat-messages", "chat-events", "__consumer_offsets",
                        "__transaction_state")
    with setting(stack, turn, topic, "min.insync.replicas", 2, 1):
        time.sleep(HELD_S)


def delete_records(stack, places):
    """Up to (topic, partition, offset); -1: all."""
    path = stack.home + "/chaos/delete.json"
    with open(path, "w") as f:
        json.dump({"version": 1, "partitions": [
            dict(zip(("topic", "partition", "offset"), p))
            for p in places]}, f)
    tool(stack, "org.apache.kafka.tools.DeleteRecordsCommand",
         "--offset-json-file", path)


@fault("X-22", "all records of chat-events are deleted, twice", alone=True)
def emptied(stack, turn):
    turn.forgotten = True
    turn.hit()
    for _ in range(2):
        delete_records(stack, [("chat-events", p, -1) for p in range(3)])
    turn.over()


@fault("X-23", "records are deleted up to what the stores have finished")
def deleted(stack, turn):
    said = tool(stack, GROUPS, "--describe", "--group", "store")
    places = []
    for line in said.splitlines():
        w = line.split()
        if len(w) > 4 and w[1] == "chat-messages" and w[3].isdigit():
            places.append((w[1], int(w[2]), int(w[3])))
    turn.hit()
    delete_records(stack, places)
    stack.kill(turn.choose(*stack.stores()))
    turn.over()


@fault("X-24", "a foreign producer takes chat-produce's transactional id")
def fenced(stack, turn):
    ids = tool(stack, "org.apache.kafka.tools.TransactionsCommand",
               "list").split()
    name = turn.choose(*sorted(i for i in ids if ".100." in i))
    turn.hit()
    command("kcat", "-P", "-b", os.environ["CHAT_BROKERS"], "-t",
            "chat-signals", "-X", "transactional.id=" + name, stdin="x\n",
            check=False)    # ours may be faster, and fence him


def stranger(strategy, seconds):
    """kcat in the stores' group, which stores nothing and commits nothing."""
    return subprocess.Popen(
        ["timeout", "-s", "INT", str(seconds), "kcat", "-b",
         os.environ["CHAT_BROKERS"], "-X",
         "partition.assignment.strategy=" + strategy, "-X",
         "enable.auto.offset.store=false", "-X", "session.timeout.ms=6000",
         "-G", "store", "chat-messages"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@fault("X-25", "a stranger is a member of the stores' group for 5 s")
def member(stack, turn):
    turn.hit()
    stranger(turn.choose("range", "roundrobin", "cooperative-sticky"),
             HELD_S).wait()
    turn.over()


@fault("X-25s", "the stores come back to a group that a stranger has, with "
       "another protocol", long=True)
def usurped(stack, turn):
    turn.hit()
    stack.stop(*stack.stores())
    end = time.monotonic() + 40     # until their session is over
    while time.monotonic() < end:
        p = stranger("roundrobin", 20)
        time.sleep(3)
        if p.poll() is None and "roundrobin" in tool(
                stack, GROUPS, "--describe", "--group", "store", "--state",
                check=False):
            break
        p.terminate()
        p.wait()
    stack.start(*stack.stores())
    until(20, "they say what they wait for", lambda: any(
        "a stranger is in the group" in w for w in stack.unready()), 0.2)
    p.wait()
    turn.over()


GARBAGE = ("", "x", "{", "[]", "{}", "null", "0", '"event"', "\0\xff",
           '{"event":"message"}', '{"event":"message","message":{}}',
           '{"event":"message","epoch":"e","message":{"roomId":1,"seq":1}}',
           '{"event":1,"epoch":2,"message":3}', '{"event":"nonsense"}',
           '{"event":"read","epoch":"x","roomId":"y"}',
           '{"event":"duplicate","epoch":"e","userId":-1}',
           "[" * 20000, '{"a":"' + "b" * 900000 + '"}')


@fault("X-26", "garbage in chat-events and chat-read-events")
def garbage(stack, turn):
    path = stack.home + "/chaos/garbage"
    turn.hit()
    for topic in ("chat-events", "chat-read-events"):
        for i, text in enumerate(GARBAGE):
            with open(path, "wb") as f:
                f.write(text.encode("latin-1"))
            key = ["-k", str(turn.crowd.rooms[0])] if i % 2 else []
            command("kcat", "-P", "-b", os.environ["CHAT_BROKERS"], "-t",
                    topic, "-p", str(i % 3), *key, path)
    turn.over()


@fault("X-27", "the group's offsets are deleted, or set to the start, while "
       "the stores are down", long=True)
def offsets(stack, turn):
    turn.hit()
    stack.stop(*stack.stores())
    topic = ("--topic", "chat-messages")
    args = {"offsets": ("--delete-offsets", *topic),
            "to start": ("--reset-offsets", "--to-earliest", "--execute",
                         *topic),
            "group": ("--delete",)}
    args = args[turn.choose(*args)]

    def done():
        said = tool(stack, GROUPS, "--group", "store", *args, check=False)
        return not any(w in said for w in (
            "Error", "rejected", "not empty", "unsuccess", "could not"))
    until(60, "the group lets go", done, 0.5)
    stack.start(*stack.stores())
    turn.over()


@fault("X-28", "quotas: two kilobytes a second for each client, for 5 s")
def quotas(stack, turn):
    what = ("--entity-type", "clients", "--entity-default", "--alter")
    tool(stack, CONFIGS, *what, "--add-config",
         "producer_byte_rate=2000,consumer_byte_rate=2000")
    turn.hit()
    time.sleep(HELD_S)
    tool(stack, CONFIGS, *what, "--delete-config",
         "producer_byte_rate,consumer_byte_rate")
    turn.over()


@fault("X-29", "timestamps of chat-messages are the broker's for 5 s")
def append_time(stack, turn):
    with setting(stack, turn, "chat-messages", "message.timestamp.type",
                 "LogAppendTime", "CreateTime"):
        time.sleep(HELD_S)
        stack.kill(turn.choose(*stack.stores()))


@fault("X-30", "chat-events is deleted, and made again", alone=True)
def no_events(stack, turn):
    turn.forgotten = True
    turn.hit()
    tool(stack, TOPICS, "--delete", "--topic", "chat-events")
    until(60, "the topic is there again", lambda: "chat-events" in command(
        "chat-topics", "apply", stack.root + "/examples/topics", check=False),
        0.5)
    turn.over()


@fault("X-31", "chat-messages gets three partitions more under load",
       long=True, alone=True)
def grown(stack, turn):
    said = tool(stack, TOPICS, "--describe", "--topic", "chat-messages")
    now = int(said.split("PartitionCount:")[1].split()[0])
    turn.hit()
    tool(stack, TOPICS, "--alter", "--topic", "chat-messages",
         "--partitions", str(now + 3))
    time.sleep(45)      # until all have asked for the topic again
    turn.over()
