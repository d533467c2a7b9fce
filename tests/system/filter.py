#!/usr/bin/env python3
"""A filter for runner.t that does what the records tell it (value.do), once or
`times` times over all its lives; what it gets is appended to DIR/seen."""

import json
import os
import sys
import time

DIR = sys.argv[1]
CONTROL = "--control" in sys.argv
held = set()


def say(o):
    sys.stdout.write(json.dumps(o) + "\n")
    sys.stdout.flush()


def note(text):
    with open(DIR + "/seen", "a") as f:
        f.write(text + "\n")


def first_times(name, times):
    """True the first `times` times that it is asked, in any life."""
    path = DIR + "/count." + name.replace("/", "_")
    try:
        with open(path) as f:
            count = int(f.read())
    except FileNotFoundError:
        count = 0
    with open(path + ".new", "w") as f:
        f.write(str(count + 1))
    os.rename(path + ".new", path)  # it may be killed at any point
    return count < times


def answer(r, status, why=None):
    result = {"topic": r["topic"], "partition": r["partition"],
              "offset": r["offset"], "status": status}
    if why:
        result["error"] = {"class": why, "message": "as told"}
    say(result)
    note("%s %s %d/%d" % (status, r["value"].get("n"), r["partition"],
                          r["offset"]))


def emit(value):
    for text in value.get("emit", []):
        say({"emit": {"topic": value["to"], "key": "k",
                      "value": {"text": text}}})


def work(r):
    if "valueBytes" in r:
        note("got bytes %d" % r["valueBytes"])
        answer({**r, "value": {}}, "done")
        return
    value = r["value"]
    key = (r["topic"], r["partition"], r.get("key"))
    note("got %s%s" % (value.get("n"), " again" if r.get("again") else ""))
    if r.get("again"):
        held.discard(key)
    do = value.get("do", "done")
    if CONTROL and key in held:
        answer(r, "retry", "HELD")
        return
    if do != "done" and not first_times(
            "%s.%s" % (r["topic"], value["n"]), value.get("times", 1000)):
        do = "done"
    if do == "retry":
        held.add(key)
        answer(r, "retry", "TOLD")
    elif do == "dead":
        answer(r, "dead", "TOLD")
    elif do == "hang":
        time.sleep(1000)
    elif do == "garbage":
        print("this is no result", flush=True)
        time.sleep(1000)
    elif do == "long":
        print('"' + "x" * 1100000 + '"', flush=True)
        time.sleep(1000)
    elif do == "crash":
        os.abort()
    elif do == "exit":
        emit(value)  # without a result: must not be published
        sys.exit(value.get("code", 1))
    elif do == "slow":
        time.sleep(value["seconds"])
        emit(value)
        answer(r, "done")
    elif do == "wait":
        for _ in range(value["seconds"]):
            say({"status": "waiting", "for": "nothing much"})
            time.sleep(1)
        answer(r, "done")
    else:
        emit(value)
        answer(r, "done")


if CONTROL:
    say({"hello": "chat/1", "from": "filter.py", "maxLine": 1048576})
for line in sys.stdin:
    r = json.loads(line)
    if "hello" in r:
        continue
    if "control" in r:
        note("%s %s" % (r["control"], " ".join(
            "%d@%s" % (p["partition"], p.get("offset"))
            for p in r["positions"])))
        if r["control"] == "revoked":
            held = {k for k in held
                    if k[1] not in [p["partition"] for p in r["positions"]]}
        continue
    work(r)
note("end")
