#!/usr/bin/env python3
"""Dead letters between Spring Kafka and us: a @KafkaListener reads ours through
Spring's own conversions, and we read, and replay, what Spring's
DeadLetterPublishingRecoverer wrote. Spring comes through Maven, once; it and
the program (spring/Letters.java) are kept in $CHAT_HOME/spring."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402
from runnerlib import Case, until  # noqa: E402

tap = c.Tap()
SOURCE = os.path.dirname(os.path.abspath(__file__)) + "/spring"
HOME = os.environ["CHAT_HOME"] + "/spring"


def build():
    """Spring's jars, and the program compiled; made anew where a source is
    newer."""
    if os.path.exists(HOME + "/out") and all(
            os.path.getmtime("%s/%s" % (SOURCE, f)) <
            os.path.getmtime(HOME + "/out") for f in os.listdir(SOURCE)):
        return
    subprocess.run(
        ["mvn", "-B", "-q", "-f", SOURCE + "/pom.xml",
         "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:"
         "copy-dependencies", "-DincludeScope=runtime",
         "-DoutputDirectory=%s/libs" % HOME],
        check=True, stdout=subprocess.DEVNULL, timeout=300)
    jars = ":".join("%s/libs/%s" % (HOME, f)
                    for f in os.listdir(HOME + "/libs"))
    c.run("java", "-cp", jars, "org.eclipse.jdt.internal.compiler.batch.Main",
          "-17", "-proc:none", "-parameters", "-cp", jars, "-d",
          HOME + "/out", SOURCE + "/Letters.java")


def spring(*args):
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp",
         "%s/out:%s/libs/*" % (HOME, HOME), "Letters", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode:
        tap.note(done.stderr.decode()[-1500:].replace("\n", "\n# "))
    return done.returncode, done.stdout.decode().splitlines()


def spring_reads_ours():
    case = Case(tap, 2)
    case.put({"n": 1, "do": "dead"}, partition=1)
    case.put({"n": 2, "do": "retry"}, partition=0, key="k2")
    case.run()
    tap.ok(until(lambda: len(case.records(case.dlt)) == 2), "two letters")
    tap.ok(case.stop() == [0], "TERM: 0")
    times = {r["value"]["n"]: (r["key"], r["partition"], r["offset"],
                               r["timestamp"], json.dumps(
                                   r["value"], separators=(",", ":")))
             for r in case.records(case.topic)}
    rc, lines = spring("read", case.dlt, "2")
    want = ["%s %d %s %d %d %d CreateTime %s TOLD as told %s" % (
        key, part, case.topic, part, offset, time, case.topic, value)
        for key, part, offset, time, value in times.values()]
    tap.ok(rc == 0 and sorted(line.replace(" ", "") for line in lines) ==
           sorted(line.replace(" ", "") for line in want),
           "a @KafkaListener has their headers as numbers and text",
           (lines, want))


def we_read_springs():
    case = Case(tap, 2)
    case.put({"n": 1}, {"n": 2}, partition=1)
    case.put({"n": 3}, partition=0, key="other", headers=[["own", "x"]])
    records = {r["value"]["n"]: r for r in case.records(case.topic)}
    rc, _ = spring("write", case.topic, "3")
    tap.ok(rc == 0, "Spring has written three letters")
    letters = case.records(case.dlt)
    tap.ok(sorted((r["value"]["n"], r["partition"], r["key"])
                  for r in letters) == [(1, 1, "k"), (2, 1, "k"),
                                        (3, 0, "other")],
           "with key, value and partition", letters)
    dlq = ("chat-dlq-replay", "-t", case.dlt, "-d", case.dir)
    out = c.run(*dlq, "list", "-j")
    listed = {line["value"]["n"]: line for line in
              map(json.loads, out.splitlines())}
    wrong = [(n, listed.get(n), r) for n, r in records.items()
             if n not in listed or
             listed[n].get("dlt", {}).get("origin") != "%s/%d/%d/%d" % (
                 case.topic, r["partition"], r["offset"], r["timestamp"])]
    tap.ok(not wrong, "chat-dlq-replay knows where each came from", wrong[:1])
    tap.ok({line["dlt"]["class"] for line in listed.values()} ==
           {"java.lang.IllegalStateException"}, "and why it died",
           listed.get(1))
    with open(case.dir + "/settled", "w") as f:
        f.write('{"topic":"%s-settled","partitions":1,"replicas":1,'
                '"config":{"cleanup.policy":"compact"}}\n' % case.dlt)
    c.run("chat-topics", "apply", case.dir + "/settled")
    c.run(*dlq, "run")
    again = [r for r in case.records(case.topic)
             if any(h[0] == "chat-replay-of" for h in r.get("headers", []))]
    tap.ok(sorted((r["value"]["n"], r["key"]) for r in again) ==
           [(1, "k"), (2, "k"), (3, "other")], "they are replayed, once each",
           again)
    tap.ok(not [h for r in again for h in r["headers"]
                if h[0].startswith("kafka_dlt-")] and
           ["own", "x"] in [h for r in again for h in r["headers"]],
           "without Spring's headers, with their own", again)
    tap.ok(c.run(*dlq, "list", "-j") == "", "none is left")


def main():
    build()
    for test in (spring_reads_ours, we_read_springs):
        try:
            test()
        except Exception as e:  # the other is worth its run
            tap.ok(False, test.__name__, repr(e))
    tap.end()


main()
