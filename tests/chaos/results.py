"""The rounds, a line each in a file that only grows, and the table over it. A
line is {"round":..} (a fault and how long it took to recover) or {"watch":..}
(a verdict over those since the last one)."""

import collections
import json
import os
import statistics
import time

HARM = ("lost", "doubled", "reordered")


class Results:
    def __init__(self, path, brokers):
        self.path, self.brokers = path, brokers
        self.rounds, self.watches, self.skipped = [], [], {}
        if os.path.exists(path):
            with open(path) as f:
                for line in f:
                    self.take(json.loads(line))

    def take(self, line):
        if "round" in line:
            self.rounds.append(line)
        elif "watch" in line:
            self.watches.append(line)
        elif "skipped" in line:
            self.skipped[line["skipped"]] = line["why"]

    def put(self, line):
        line = {**line, "brokers": self.brokers,
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        self.take(line)
        with open(self.path, "a") as f:
            f.write(json.dumps(line) + "\n")
        return line

    def done(self, fault):
        return sum(r["round"] == fault and r["brokers"] == self.brokers
                   for r in self.rounds)

    def next_watch(self):
        return 1 + max([w["watch"] for w in self.watches], default=0)

    # --------------------------------------------------------------- the table

    def rows(self):
        """A dict a fault, in their order."""
        by = collections.defaultdict(list)
        for r in self.rounds:
            by[r["brokers"], r["round"]].append(r)
        harm = collections.defaultdict(collections.Counter)
        for w in self.watches:
            for kind, faults in w["harm"].items():
                for fault, n in faults.items():
                    harm[w["brokers"], fault][kind] += n
        for key in sorted(by):
            rr = by[key]
            times = [r["recovery"] for r in rr if r["recovery"] is not None]
            after = [max(0, r["recovery"] - r["lasted"]) for r in rr
                     if r["recovery"] is not None]
            n = harm[key]
            yield {
                "fault": key[1], "brokers": key[0], "what": rr[0]["what"],
                "rounds": len(rr),
                **{k: n[k] for k in HARM},
                "other": sum(n.values()) - sum(n[k] for k in HARM),
                "failed": sum(bool(r.get("failed")) for r in rr),
                "worst": max(times, default=None),
                "median": statistics.median(times) if times else None,
                "lasted": statistics.median([r["lasted"] for r in rr]),
                "median_after": statistics.median(after) if after else None,
            }

    def totals(self):
        t = collections.Counter()
        for w in self.watches:
            t.update(w["counts"])
        harm = collections.Counter()
        for w in self.watches:
            for kind, faults in w["harm"].items():
                harm[kind] += sum(faults.values())
        audits = collections.Counter(w["audit"] for w in self.watches)
        return {"rounds": len(self.rounds), "watches": len(self.watches),
                **t, "harm": dict(harm), "audits": dict(audits),
                "kept": [p for w in self.watches for p in w["kept"]],
                "failed": [r["failed"] for r in self.rounds
                           if r.get("failed")],
                "skipped": self.skipped,
                "versions": self.watches[-1]["versions"]
                if self.watches else {},
                "seeds": sorted({w["seed"] for w in self.watches})}

    def clean(self):
        t = self.totals()
        return not t["harm"] and not t["failed"] and \
            not t["audits"].get("violated")

    def bounds(self):
        """Rule of three: 0 of N leaves, with 95 %, under 3/N."""
        t = self.totals()
        if not self.clean():
            return "something is wrong: no bound"
        return ("95 %% bound (rule of three): under %.2f %% of faults harm "
                "something; under %.4f %% of messages are harmed" % (
                    300 / max(t["rounds"], 1),
                    300 / max(t.get("receipts", 0), 1)))

    def print(self, as_json):
        if as_json:
            for row in self.rows():
                print(json.dumps(row))
            print(json.dumps(self.totals()))
            return
        print("%-9s %2s %6s %5s %7s %9s %5s %7s %8s %7s %7s  %s" % (
            "FAULT", "B", "ROUNDS", "LOST", "DOUBLED", "REORDERED", "OTHER",
            "LASTED", "WORST", "MEDIAN", "AFTER", "WHAT"))
        for r in self.rows():
            print("%-9s %2d %6d %5d %7d %9d %5d %7s %8s %7s %7s  %s" % (
                r["fault"], r["brokers"], r["rounds"], r["lost"],
                r["doubled"], r["reordered"], r["other"] + r["failed"],
                *(("-" if r[k] is None else "%.2f" % r[k]) for k in (
                    "lasted", "worst", "median", "median_after")),
                r["what"]))
        for fault, why in sorted(self.skipped.items()):
            print("%-9s left out: %s" % (fault, why))
        t = self.totals()
        print("\nSeconds: LASTED is the fault's own time (median), WORST and "
              "MEDIAN count from its\ninstant until all probe rooms had "
              "messages in time again, AFTER (median) from its end.")
        print("%d faults, %d watches; %d sent, %d with a RECEIPT, %d stored, "
              "%d deliveries,\n%d connections; repeats on the wire: %d" % (
                  t["rounds"], t["watches"], *(t.get(k, 0) for k in (
                      "sent", "receipts", "stored", "deliveries",
                      "connections", "repeats"))))
        print("harm: %s; chat-audit: %s" % (t["harm"] or "none", ", ".join(
            "%d %s" % (n, a) for a, n in t["audits"].items()) or "-"))
        print(self.bounds())
        print("versions: %s; seeds: %s" % (", ".join(
            "%s %s" % v for v in t["versions"].items()),
            " ".join(map(str, t["seeds"]))))
        for why in t["failed"]:
            print("FAILED: %s" % why)
        if t["kept"]:
            print("look at: %s" % "\n         ".join(t["kept"]))
