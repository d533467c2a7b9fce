#!/usr/bin/env python3
"""scripts/chaos, behind its front door: see options.py for what it does."""

import asyncio
import collections
import importlib
import os
import random
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.dirname(sys.path[0]) + "/system")
ROOT = os.path.dirname(os.path.dirname(sys.path[0]))
os.environ.setdefault("CHAT_ROOT", ROOT)

import faults  # noqa: E402
import options  # noqa: E402
import pairs  # noqa: E402
import place  # noqa: E402
from results import Results  # noqa: E402
from stack import Stack  # noqa: E402

RECOVERS_S = 120    # a fault that is over longer than this without recovery
SETTLES_S = 180


class Run:
    def __init__(self, opts, stack, results):
        self.opts, self.stack, self.results = opts, stack, results
        self.chance = random.Random(opts.seed)
        self.left = options.plan(opts, results)
        self.until = time.monotonic() + opts.minutes * 60 \
            if opts.minutes else float("inf")
        self.stopping = False
        self.versions = stack.versions()
        self.loud = opts.verbose or sys.stderr.isatty()

    def say(self, words):
        if self.loud:
            print("%s %s" % (time.strftime("%H:%M:%S"), words),
                  file=sys.stderr, flush=True)

    def over(self):
        return self.stopping or not self.left or \
            time.monotonic() > self.until

    # ------------------------------------------------------------- one fault

    async def well(self, crowd, since, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if crowd.probes.well(since):
                return True
            await asyncio.sleep(0.02)
        return False

    async def turn(self, crowd, fault):
        """One round; None where this machine cannot do it."""
        if fault.inside and not place.inside():
            self.leave_out(fault, "a stack of our own, as root: "
                           "unshare -n -m true")
            return None
        turn = faults.Turn(fault, self.chance, crowd)
        recovery = late = None
        try:
            await asyncio.to_thread(fault.run, self.stack, turn)
        except faults.Left as e:
            self.leave_out(fault, str(e))
            return None
        except Exception as e:  # a harness that breaks down tells nothing
            turn.expect(False, "%s: %s" % (type(e).__name__, e))
        turn.at = turn.at or time.monotonic()
        if await self.well(crowd, turn.until or turn.at, RECOVERS_S):
            recovery, late = crowd.probes.recovery(turn.at)
        else:
            turn.expect(False, "no recovery in %d s; %s" % (
                RECOVERS_S, "; ".join(self.stack.unready())))
            self.stopping = True    # what comes now would prove nothing
        self.results.put({
            "round": fault.name, "what": fault.what, "variant": turn.variant,
            "seed": self.opts.seed, "lasted": round(turn.lasted(), 3),
            "recovery": recovery and round(recovery, 3),
            "late": late and round(late, 1), "failed": turn.failed})
        self.say("%-9s %-18s %s%s" % (
            fault.name, turn.variant, "recovered after %.2f s" % recovery
            if recovery is not None else "NOT RECOVERED",
            ", FAILED: " + turn.failed if turn.failed else ""))
        return turn

    def leave_out(self, fault, why):
        self.left = [f for f in self.left if f is not fault]
        if fault.name not in self.results.skipped:
            self.results.put({"skipped": fault.name, "why": why})
        self.say("%-9s left out: %s" % (fault.name, why))

    # ------------------------------------------------------------- one watch

    async def faults(self, crowd):
        """Those of one watch, one after the other."""
        turns = []
        while not self.over() and len(turns) < self.opts.watch:
            if turns and (self.left[0].alone or turns[-1].fault.alone):
                break
            turn = await self.turn(crowd, self.left.pop(0))
            if not turn:
                continue
            turns.append(turn)
            if turn.failed:
                break
            await asyncio.sleep(self.chance.uniform(0, self.opts.every))
        return turns

    async def watch(self):
        import load
        import masses
        import verdict
        number = self.results.next_watch()
        path = "%s/chaos/%s-watch-%d" % (
            self.stack.home, time.strftime("%m%dT%H%M%S"), number)
        paths = [path + ".jsonl"]
        crowd = load.Crowd(self.opts, number, load.History(paths[0]))
        bench = None
        if self.opts.mass_rate:
            paths.append(path + "-bench.jsonl")
            bench = masses.Masses(self.opts, number, paths[1])
            bench.begin()
        began = int(time.time())
        feeder = None if self.opts.here else pairs.Feeder()
        if feeder:
            feeder.begin()
        crowd.begin()
        await asyncio.sleep(2)
        turns = await self.faults(crowd)
        renumbered = any(t.renumbered for t in turns)
        crowd.hush()
        report = asyncio.create_task(asyncio.to_thread(
            bench.end, 20 if renumbered else SETTLES_S + 20)) \
            if bench else None
        settled = await crowd.settle(SETTLES_S)
        v = await asyncio.to_thread(verdict.judge, crowd, settled)
        await crowd.end()
        if bench:
            report = await report
            await asyncio.to_thread(verdict.judge_masses, v, bench, report,
                                    renumbered)
        if feeder and not await asyncio.to_thread(feeder.end, self.stack):
            v.add("stuck", "the runners under -x are not done")
        said, table = "not asked", ""
        if not any(t.forgotten for t in turns):
            said, table = await asyncio.to_thread(
                verdict.audit, paths, began,
                pairs.audit_options() if feeder else ())
        kept = []
        if v.found or said == "violated" or any(t.failed for t in turns):
            rooms = crowd.rooms + (bench.rooms if bench else [])
            kept = verdict.keep(v, rooms, paths, table)
        else:
            for p in paths:
                os.unlink(p)
        self.conclude(number, turns, v, said, kept)

    def conclude(self, number, turns, v, said, kept):
        self.results.put({
            "watch": number, "seed": self.opts.seed, "counts": v.counts,
            "harm": self.blame(v, turns), "audit": said, "kept": kept,
            "faults": len(turns), "versions": self.versions})
        self.say("watch %d: %d faults, %d messages, %s, chat-audit: %s" % (
            number, len(turns), v.counts["sent"],
            "%d WRONG" % len(v.found) if v.found else "clean", said))
        for kind, _, words in v.found[:10]:
            self.say("  %s: %s" % (kind, words))

    def blame(self, v, turns):
        """A violation belongs to the last fault before it."""
        harm = collections.defaultdict(collections.Counter)
        for kind, when, _ in v.found:
            before = [t for t in turns if when is None or t.at <= when]
            name = before[-1].fault.name if before else \
                turns[0].fault.name if turns else "none"
            harm[kind][name] += 1
        return harm

    async def all(self):
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                sig, lambda: setattr(self, "stopping", True))
        while not self.over():
            await self.watch()


def families():
    """Each module adds its faults to the list. chatlib wants the stack's
    names when it is read: where there is no stack any will do."""
    os.environ.setdefault("CHAT_RUN", os.environ["CHAT_HOME"])
    os.environ.setdefault("CHAT_URL", "ws://127.0.0.1:%d/ws/v1/chat"
                          % place.port(0))
    for name in ("processes", "kafka", "postgresql", "network", "clients",
                 "resources", "rebuilt", "pairs", "meddled", "strangers",
                 "signals", "crowds"):
        importlib.import_module(name)


def main():
    families()
    opts = options.parse(sys.argv[1:])
    results = Results(opts.results, opts.brokers)
    if opts.list:
        options.print_list()
        return 0
    if opts.dry_run:
        options.print_plan(opts, results)
        return 0
    if opts.table:
        results.print(opts.json)
        return 0 if results.clean() else 1
    home = os.environ["CHAT_HOME"]
    stack = Stack(ROOT, home)
    os.makedirs(home + "/chaos", exist_ok=True)
    if not opts.here:
        place.enter()
        place.start(opts, stack)
    code = 101
    try:
        stack.environment()
        opts.edges = [place.port(0)] + [place.port(6)] * (not opts.here)
        if not opts.here:
            pairs.start(stack, opts.brokers)
        run = Run(opts, stack, results)
        run.say("seed %d, %d faults to do" % (opts.seed, len(run.left)))
        asyncio.run(run.all())
        code = 0 if results.clean() else 1
    except (Exception, KeyboardInterrupt):
        traceback.print_exc()
    finally:
        if not opts.here:
            place.stop(opts, stack, code == 0)
    results.print(opts.json)
    return code


if __name__ == "__main__":
    sys.exit(main())
