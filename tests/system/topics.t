#!/usr/bin/env python3
"""chat-topics on a real Kafka: plans, creates, configures, and calls by name
what it must not change."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

tap = c.Tap()
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
NAME = "t-topics-%d-" % os.getpid()
FILE = tempfile.mkdtemp() + "/topics"


def topics(*argv):
    done = subprocess.run(["chat-topics", "-T", "20", *argv], timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def declare(*lines):
    with open(FILE, "w") as f:
        f.write("\n".join(lines) + "\n")


def plan(*options):
    code, out, err = topics("-j", *options, "apply", FILE)
    return code, {p["topic"].replace(NAME, ""): (p["action"], p["why"])
                  for p in map(json.loads, out.splitlines())}, err


def line(name, partitions=1, **config):
    return json.dumps({"topic": NAME + name, "partitions": partitions,
                       "replicas": 1, "config": config})


def apply():
    declare("# a comment", "", line("a", 3, **{"retention.ms": 1000000}),
            line("b", {"prod": 9, "dev": 2}))
    code, got, _ = plan("-n", "--env", "dev")
    tap.ok(code == 1 and [a for a, _ in got.values()] == ["create"] * 2,
           "-n: says what it would do, 1", (code, got))
    code, out, _ = topics("list", "-j")
    tap.ok(code == 0 and NAME not in out, "and has not done it", out[-300:])
    code, got, _ = plan("--env", "dev")
    tap.ok(code == 0 and [a for a, _ in got.values()] == ["create"] * 2,
           "apply: makes them, 0", (code, got))
    code, out, _ = topics("list", "-j")
    listed = {t["topic"]: t for t in map(json.loads, out.splitlines())}
    tap.ok(listed[NAME + "a"] == {"topic": NAME + "a", "partitions": 3,
                                  "replicas": 1, "leaders": True} and
           listed[NAME + "b"]["partitions"] == 2,
           "with their partitions, by environment; every one has a leader",
           listed.get(NAME + "a"))
    code, out, _ = topics("list")
    row = [r.split() for r in out.splitlines() if r.startswith(NAME + "a")]
    tap.ok(row == [[NAME + "a", "3", "1"]], "list has a table too", row)
    code, got, _ = plan("-n", "--env", "dev")
    tap.ok(code == 0 and got == {"a": ("ok", ""), "b": ("ok", "")},
           "again: all is as declared, 0", (code, got))


def configs():
    declare(line("a", 3, **{"max.message.bytes": 5000}))
    code, got, _ = plan("-n")
    tap.ok(code == 1 and got["a"] ==
           ("config", "max.message.bytes (default) -> 5000"),
           "another config: the plan says from what to what", got)
    code, got, _ = plan()
    declare(line("a", 3, **{"max.message.bytes": 5000,
                            "retention.ms": "1000000"}))
    again = plan("-n")
    tap.ok(code == 0 and again[0] == 0 and again[1]["a"][0] == "ok",
           "set, and what was set before is still there", again)
    declare(line("a", 3, **{"retention.ms": 2000000}))
    code, got, _ = plan("-n")
    tap.ok(got["a"] == ("config", "retention.ms 1000000 -> 2000000"),
           "what is not declared is left alone", got)
    declare(line("a", 3, **{"no.such.config": 1}), line("b", 2))
    code, got, err = plan()
    tap.ok(code == 111 and "no.such.config" in err,
           "a config that Kafka does not know: its words", (code, err))


def drift():
    declare(line("a", 5, **{"retention.ms": 3000000}), line("b", 1),
            line("c", 1))
    for dry in ((), ("-n",)):
        code, got, _ = plan(*dry)
        tap.ok(code == 1 and got["a"][0] == got["b"][0] == "drift" and
               "partitions 3 -> 5" in got["a"][1] and
               "grow" in got["a"][1] and "partitions 2 -> 1" in got["b"][1],
               "other partitions: drift, 1", (code, got))
    tap.ok(got["c"][0] == "ok", "the others are done", got)
    declare(line("a", 3, **{"retention.ms": 3000000}))
    code, got, _ = plan("-n")
    tap.ok(got["a"] == ("config", "retention.ms 1000000 -> 3000000"),
           "of one that drifts nothing is changed", got)
    declare(json.dumps({"topic": NAME + "a", "partitions": 3, "replicas": 3}))
    code, got, _ = plan()
    tap.ok(code == 1 and got["a"][0] == "drift" and
           "replicas 1 -> 3" in got["a"][1], "other replicas: drift", got)


def contract():
    """The example has what the contract says, in both environments."""
    with open(ROOT + "/examples/topics") as f:
        text = f.read().replace('{"topic":"', '{"topic":"' + NAME)
    declare(text)
    code, got, _ = plan("-n", "--env", "prod")
    whys = {name: why for name, (_, why) in got.items()}
    tap.ok(code == 1 and whys == {
        "chat-messages": "10 partitions, 3 replicas",
        "chat-messages-dlt": "10 partitions, 3 replicas",
        "chat-read-events": "5 partitions, 3 replicas",
        "chat-read-events-dlt": "5 partitions, 3 replicas",
        "chat-events": "10 partitions, 3 replicas",
        "chat-signals": "3 partitions, 3 replicas",
        "chat-sessions": "1 partitions, 3 replicas",
        "chat-messages-dlt-settled": "1 partitions, 3 replicas",
        "chat-read-events-dlt-settled": "1 partitions, 3 replicas"},
        "examples/topics for prod", whys)
    rows = [json.loads(l) for l in text.splitlines() if l.startswith("{")]
    config = {r["topic"].replace(NAME, ""): r["config"] for r in rows}
    tap.ok(all(r["min.insync.replicas"] == {"prod": 2} and
               r["unclean.leader.election.enable"] == {"prod": "false"}
               for r in config.values()),
           "two of three in sync, no unclean election", config)
    for source in ("chat-messages", "chat-read-events"):
        tap.ok(config[source + "-dlt"]["max.message.bytes"] ==
               config[source]["max.message.bytes"] + 65536,
               "%s-dlt takes 64 KiB more" % source)
    code, got, err = plan("--env", "dev")
    tap.ok(code == 0 and len(got) == 9, "and a broker takes it all", err)


def troubles():
    for name, text, why in (
            ("broken JSON", '{"topic"', "line 1: "),
            ("an unknown field", '{"topic":"x","partition":1}', "unknown"),
            ("no partitions", '{"topic":"x","replicas":1}', "no partitions"),
            ("twice", line("a") + "\n" + line("a"), "line 2: "),
            ("no value for the environment",
             '{"topic":"x","partitions":{"prod":1},"replicas":1}', "'dev'")):
        declare(text)
        code, out, err = topics("--env", "dev", "apply", FILE)
        tap.ok(code == 100 and why in err and not out,
               "%s: 100, and where" % name, (code, err))
    declare(line("a", 3))
    code, _, err = topics("-b", "127.0.0.1:1", "-T", "1", "apply", FILE)
    tap.ok(code == 111 and "cannot list topics" in err, "no Kafka: 111", err)
    with open("/dev/full", "w") as full:
        done = subprocess.run(["chat-topics", "list"], stdout=full,
                              stderr=subprocess.DEVNULL)
    tap.ok(done.returncode == 111, "a full disk: 111", done.returncode)


def main():
    apply()
    configs()
    drift()
    contract()
    troubles()
    tap.end()


main()
