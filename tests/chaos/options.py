"""The options of scripts/chaos, and the plan that follows from them."""

import argparse
import os
import random
import sys
import time

import faults

ABOUT = """\
Breaks a real stack of its own at random instants, under load, and looks
whether anything was lost, doubled or out of order: one Kafka (-3: three), one
PostgreSQL, all programs (built with their crash points, into build-crash). As
root it all runs in a network and mount namespace of its own, where links are
cut and disks fill; what a machine cannot do is left out, and the table says
which command failed. Rounds are appended to a file, and a run goes on where
the last one ended."""

END = """\
A watch is up to 50 faults under one load; after each a verdict (the clients'
memory against PostgreSQL, and chat-audit), and its client log is kept only
where something is wrong. Exits 0 where nothing is, 1 on a violation, 100 for
what only a person can put right, 111 where the stack does not start.

  scripts/chaos -l                        which faults there are
  scripts/chaos -f R-01,R-10 -N 20        twenty rounds of each of two
  scripts/chaos -T 60 --seed 7            all in turn, for an hour
  scripts/chaos -3 -f R-09,R-10           three brokers
  scripts/chaos --table                   what the file has, so far"""


def parser():
    p = argparse.ArgumentParser(
        prog="chaos", description=ABOUT, epilog=END,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-f", "--faults", metavar="NAME,..",
                   help="only these; -l lists them")
    p.add_argument("-N", "--rounds", type=int, metavar="N",
                   help="of each (%d; %d of those over 20 s, and of X-..)" % (
                       faults.QUICK, faults.LONG))
    p.add_argument("-T", "--minutes", type=float, metavar="M",
                   help="end after so long")
    p.add_argument("--seed", type=int, help="of all that is random")
    p.add_argument("--results", metavar="FILE",
                   help="where rounds go ($CHAT_HOME/chaos.jsonl)")
    p.add_argument("-3", "--three", action="store_true",
                   help="three brokers, min.insync.replicas=2")
    p.add_argument("--here", action="store_true",
                   help="the stack of $CHAT_HOME that runs, as it is")
    p.add_argument("--short", action="store_true",
                   help="a round of each that the tests run")
    p.add_argument("--rate", type=float, default=24, metavar="N",
                   help="messages a second besides the probes (24)")
    p.add_argument("--users", type=int, default=8, metavar="N",
                   help="who all are in all rooms (8)")
    p.add_argument("--rooms", type=int, default=4, metavar="N",
                   help="of theirs (4)")
    p.add_argument("--probes", type=int, default=4, metavar="N",
                   help="probe rooms: a message each 100 ms (4)")
    p.add_argument("--mass-rate", type=int, default=20, metavar="N",
                   help="messages a second of chat-bench beside (20; 0 none)")
    p.add_argument("--mass-rooms", type=int, default=10, metavar="N",
                   help="rooms of chat-bench (10)")
    p.add_argument("--mass-members", type=int, default=5, metavar="N",
                   help="of each of them (5)")
    p.add_argument("--every", type=float, default=2, metavar="SECONDS",
                   help="between recovery and the next fault, at most (2)")
    p.add_argument("--watch", type=int, default=50, metavar="N",
                   help="faults between two verdicts (50)")
    p.add_argument("-l", "--list", action="store_true",
                   help="the faults, and what they do")
    p.add_argument("-n", "--dry-run", action="store_true",
                   help="the plan: what is left to be done")
    p.add_argument("--table", action="store_true",
                   help="the table of the file, and nothing else")
    p.add_argument("-j", "--json", action="store_true",
                   help="the table as JSON Lines")
    p.add_argument("-v", "--verbose", action="store_true",
                   help="a line a fault, also where stderr is no terminal")
    p.set_defaults(first_user=500001)
    return p


def usage(words):
    print("chaos: %s" % words, file=sys.stderr)
    sys.exit(100)


def parse(argv):
    p = parser()
    p.error = lambda words: usage(words + "; -h helps")
    opts = p.parse_args(argv)
    opts.brokers = 3 if opts.three else 1
    if opts.seed is None:
        opts.seed = int(time.time())
    if opts.results is None:
        opts.results = os.environ["CHAT_HOME"] + "/chaos.jsonl"
    if opts.here and opts.three:
        usage("--here takes the brokers that are there, -3 makes three")
    if opts.users > 49 or opts.probes > 25:
        usage("at most 49 users and 25 probe rooms")
    opts.results = os.path.abspath(opts.results)
    return opts


def chosen(opts):
    """The faults that are asked for and possible, in their order."""
    names = opts.faults.split(",") if opts.faults else None
    unknown = [n for n in names or () if n not in faults.ALL]
    if unknown:
        usage("no such fault: %s; -l lists them" % ", ".join(unknown))
    out = []
    for f in sorted(faults.ALL.values(), key=lambda f: f.name):
        if names is not None and f.name not in names:
            continue
        if names is None and opts.short and not f.short:
            continue
        if names is None and f.brokers not in (0, opts.brokers):
            continue
        out.append(f)
    return out


def wanted(opts, fault):
    if opts.rounds is not None:
        return opts.rounds
    if opts.short:
        return 1
    few = fault.long or fault.name.startswith("X-")
    return faults.LONG if few else faults.QUICK


def plan(opts, results):
    """What is left to be done, in random order; those that want a watch of
    their own come last."""
    left = []
    for f in chosen(opts):
        done = 0 if opts.short else results.done(f.name)
        left += [f] * max(0, wanted(opts, f) - done)
    random.Random(opts.seed).shuffle(left)
    return sorted(left, key=lambda f: f.alone)


def print_list():
    for f in sorted(faults.ALL.values(), key=lambda f: f.name):
        print("%-9s %s%s%s" % (
            f.name, f.what, " (over 20 s)" if f.long else "",
            {0: "", 1: " (not -3)", 3: " (-3)"}[f.brokers]))


def print_plan(opts, results):
    left = plan(opts, results)
    print("seed %d, %d broker%s; rounds in %s" % (
        opts.seed, opts.brokers, "s" * (opts.brokers > 1), opts.results))
    for f in chosen(opts):
        print("%-9s %4d to do, %4d done  %s" % (
            f.name, left.count(f), results.done(f.name), f.what))
    print("%d faults to do" % len(left))
