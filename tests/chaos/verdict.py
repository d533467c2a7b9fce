"""What must hold after a watch, whatever broke: by the clients' own memory
against PostgreSQL, independent of chat-audit, which says its word too."""

import collections
import json
import subprocess

import chatlib as c

KINDS = ("lost", "doubled", "reordered", "phantom", "stuck", "strange")


class Verdict:
    def __init__(self):
        self.found = []     # (kind, when or None, words)
        self.counts = {}

    def add(self, kind, words, when=None):
        self.found.append((kind, when, words))

    def of(self, kind):
        return [f for f in self.found if f[0] == kind]


def stored(rooms):
    """room -> [(seq, sender, id, content)], by seq."""
    rows = collections.defaultdict(list)
    for room, seq, sender, cmid, content in c.sql(
            "select chat_room_id, seq, sender_id, client_message_id, content "
            "from messages where chat_room_id in (%s) order by 1, 2"
            % ",".join(map(str, rooms))):
        rows[int(room)].append((int(seq), int(sender), cmid, content))
    return rows


def outcomes(rooms):
    return {r[0] for r in c.sql(
        "select client_message_id from message_outcomes where chat_room_id "
        "in (%s)" % ",".join(map(str, rooms)))}


def check_rows(v, rows, people, elsewhere):
    """Everything with a RECEIPT once, in its sender's order, no hole."""
    receipts = {cmid: when for p in people for cmid, when in
                p.receipts.items()}
    sent = set(receipts).union(*(p.waiting for p in people))
    times = collections.Counter(r[2] for rr in rows.values() for r in rr)
    for cmid, when in receipts.items():
        if cmid not in times and cmid not in elsewhere:
            v.add("lost", "%s had its RECEIPT and is not stored" % cmid, when)
    for cmid, n in times.items():
        if n > 1:
            v.add("doubled", "%s is stored %d times" % (cmid, n),
                  receipts.get(cmid))
        if cmid not in sent:
            v.add("phantom", "%s is stored and was never sent" % cmid)
    for room, rr in rows.items():
        seqs = [r[0] for r in rr]
        if seqs != list(range(1, len(seqs) + 1)):
            v.add("lost", "room %d: seq has a hole" % room)
        last = {}
        for seq, sender, cmid, content in rr:
            n = int(content.split()[0])
            if n <= last.get(sender, 0):
                v.add("reordered", "room %d seq %d: %d of user %d after %d"
                      % (room, seq, n, sender, last[sender]),
                      receipts.get(cmid))
            last[sender] = n


def check_person(v, p, rows):
    """One's own log against the rows: all of it, in order, the same."""
    repeats = 0
    for room in p.rooms:
        truth = {r[0]: r[2] for r in rows.get(room, [])}
        seen, high = set(), p.base[room]
        for seq in p.seen[room]:
            if seq in seen:
                repeats += 1
                continue
            seen.add(seq)
            if seq < high:
                v.add("reordered", "user %d, room %d: %d after %d"
                      % (p.user, room, seq, high))
            high = max(high, seq)
        missed = [s for s in truth if s > p.base[room] and s not in seen]
        if missed:
            v.add("lost", "user %d, room %d: did not get %s.. (%d)"
                  % (p.user, room, missed[:5], len(missed)))
        for seq, cmid in p.contents[room].items():
            if truth.get(seq) != cmid:
                v.add("reordered", "user %d, room %d seq %d: %s, and stored "
                      "is %s" % (p.user, room, seq, cmid, truth.get(seq)))
    return repeats


def check_history(v, path, rows):
    """The same from a client log (chat-bench's): what has an "ok" is stored
    once, in its sender's order."""
    said, ok = {}, set()
    with open(path) as f:
        for line in f:
            if not line.endswith("\n"):
                break
            op = json.loads(line)
            if op["op"] == "invoke":
                said[op["clientMessageId"]] = (op["userId"], op["n"])
            elif op["op"] == "ok":
                ok.add(op["clientMessageId"])
    times = collections.Counter(r[2] for rr in rows.values() for r in rr)
    for cmid in ok - set(times):
        v.add("lost", "%s had its RECEIPT and is not stored" % cmid)
    for cmid, n in times.items():
        if n > 1:
            v.add("doubled", "%s is stored %d times" % (cmid, n))
        if cmid not in said:
            v.add("phantom", "%s is stored and was never sent" % cmid)
    for room, rr in rows.items():
        if [r[0] for r in rr] != list(range(1, len(rr) + 1)):
            v.add("lost", "room %d: seq has a hole" % room)
        last = {}
        for seq, sender, cmid, _ in rr:
            n = said.get(cmid, (sender, -1))[1]
            if -1 < n <= last.get(sender, -1):
                v.add("reordered", "room %d seq %d: %d of user %d after %d"
                      % (room, seq, n, sender, last[sender]))
            last[sender] = n
    return {"sent": len(said), "receipts": len(ok),
            "stored": sum(times.values())}


def judge_masses(v, masses, report, renumbered):
    """chat-bench's word, and its client log against PostgreSQL. After a
    restore it counts as missing what it was told (reset) to look up."""
    counts = check_history(v, masses.path, stored(masses.rooms))
    if not report.get("clean") and not renumbered:
        v.add("strange", "chat-bench: %s" % report.get("why"))
    counts.update(deliveries=report.get("deliveries", 0),
                  connections=report.get("connects", 0),
                  repeats=report.get("wireDuplicates", 0))
    for name, n in counts.items():
        v.counts[name] += n


def judge(crowd, settled):
    """The verdict over one watch of this crowd."""
    v = Verdict()
    people = crowd.people
    rows = stored(crowd.rooms)
    check_rows(v, rows, people, outcomes(crowd.rooms))
    repeats = sum(check_person(v, p, rows) for p in people)
    if not settled:
        v.add("stuck", "%d messages wait for a RECEIPT, or somebody for a "
              "message" % crowd.waiting())
    for p in people:
        for what in p.strange:
            v.add("strange", "user %d: %s" % (p.user, what))
    v.counts = {
        "sent": sum(p.sent for p in people),
        "receipts": sum(len(p.receipts) for p in people),
        "stored": sum(len(rr) for rr in rows.values()),
        "deliveries": sum(len(s) for p in people for s in p.seen.values()),
        "connections": sum(p.connections for p in people),
        "repeats": repeats,
        "resets": sum(p.resets for p in people),
    }
    return v


def audit(paths, since, more=()):
    """chat-audit's own word on the client logs and what the engines hold
    since then: "clean", "violated", or why it could not say; and its table."""
    try:
        done = subprocess.run(["chat-audit", "-j", "--since", "@%d" % since,
                               "--settle", "60", *more, *paths],
                              text=True,
                              stdin=subprocess.DEVNULL, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        return "no chat-audit", ""
    except subprocess.TimeoutExpired:
        return "chat-audit needs over 600 s", ""
    said = {0: "clean", 1: "violated"}.get(
        done.returncode, "exit %d" % done.returncode)
    return said, done.stdout


def keep(v, rooms, paths, audited):
    """What explains a violation goes beside the client logs."""
    found, rows = paths[0] + ".found", paths[0] + ".rows"
    with open(found, "w") as f:
        for kind, when, words in v.found:
            f.write(json.dumps({"kind": kind, "at": when, "what": words})
                    + "\n")
        f.write(audited)
    with open(rows, "w") as f:
        for room, rr in stored(rooms).items():
            for row in rr:
                f.write(json.dumps([room, *row]) + "\n")
    return [*paths, found, rows]
