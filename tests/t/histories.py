#!/usr/bin/env python3
"""Makes a system's history for chat-audit: right, or with one defect.

    histories.py DIR SEED [DEFECT]

Writes what Kafka, PostgreSQL and the clients would have (chat-audit(1),
chat-history(7)) into DIR: a small world in which everything that is allowed
happens: connections are lost and come back, outcomes are unknown and messages
sent again, transactions are aborted, records are refused, dead, dead and stored
too, published twice, subscribers reset, members kicked and invited again. A
defect is one thing that is not allowed. Prints the invariants that must see it.
"""
import json
import os
import random
import sys
import zlib

# what is done -> which invariants say so, and no other
DEFECTS = {
    "none": "",
    "lost": "I1",             # committed, has its RECEIPT, never stored
    "lost-early": "I1",       # has its RECEIPT, and no record
    "lost-event": "I1",       # stored, never published
    "lost-tail": "I1",        # the last one never comes to a subscriber
    "lost-delivery": "I1 I5",  # one in the middle
    "lost-row": "I1 I5",      # its row is gone afterwards
    "lost-poison": "I1",      # a record that is no message, without a letter
    "refused-stored": "I1",   # a refusal's row for what is stored
    "told-no-row": "I1",      # told that it is refused, and no row says so
    "double": "I2",           # stored under two seqs
    "double-row": "I2",       # the same row twice
    "double-refusal": "I2",
    "phantom": "I3",          # committed, stored, seen; nobody sent it
    "phantom-delivery": "I3",  # one subscriber gets what is nowhere
    "aborted": "I3",          # stored from an aborted record
    "wrong-refusal": "I3",    # told that it never will be stored, and it is
    "nowhere": "I3",          # told that the frame went nowhere
    "crc-delivery": "I3",
    "crc-row": "I3",
    "crc-record": "I3",
    "swap-rows": "I4",        # stored against the order of Kafka
    "swap-records": "I4",     # Kafka against the order of sending
    "swap-delivery": "I4",    # one subscriber sees two the wrong way round
    "swap-rows-only": "I4",   # the table says otherwise than the subscribers
    "hole": "I5",             # a seq that nobody has
    "last-seq": "I5",         # the room's counter is another
    "resubscribed": "I5",     # a hole, mended by subscribing again
    "reread": "I6",           # two readers, two values
    "uncommitted": "I6",      # and two isolation levels
    "label": "I6",            # a row from another message's record
    "letter-value": "I6",
    "kicked": "I7",           # gets the message after his kick
    "stranger": "I7",         # gets a room that he was never in
    "half": "I10",            # of unknown outcome: committed, no more
    "half-event": "I10",      # of unknown outcome: stored, not published
}


def crc(text):
    return "%08x" % zlib.crc32(text.encode())


class Room:
    def __init__(self, number, members):
        self.number, self.members, self.seq = number, members, 0


class Client:
    """A worker of a history, in one room."""

    def __init__(self, world, name, user, room, log):
        self.world, self.name, self.user, self.room = world, name, user, room
        self.log, self.cursor, self.joined, self.n = log, None, False, 0

    def say(self, op, **fields):
        w = self.world
        w.ms += w.random.randint(0, 3)
        line = {"ns": w.ms * 1000000, "ms": w.ms, "op": op,
                "worker": self.name, "userId": self.user}
        self.log.append({**line, **fields})

    def join(self, status="recovered", **more):
        self.say("joined", roomId=self.room.number, status=status,
                 epoch="e", head=self.room.seq, **more)
        self.joined = True

    def begin(self):
        self.say("connected")
        self.join("live")
        self.cursor = self.room.seq

    def lose(self):
        self.say("lost", why="reset")
        self.joined = False

    def missed(self):
        shown = self.world.shown[self.room.number]
        return [m for m in shown if m["seq"] > self.cursor]

    def back(self):
        """Comes back in one of the ways there are."""
        how = self.world.random.random()
        missed = self.missed()
        self.say("connected")
        if how < 0.1:
            self.join("reset")
            self.cursor = self.room.seq
            return
        if how < 0.2 and len(missed) > 1:
            self.join("truncated", first=missed[1]["seq"])
            missed = missed[1:]
            self.cursor = missed[0]["seq"] - 1
        else:
            self.join("recovered", **{"from": self.cursor})
        for message in missed:
            self.receive(message)

    def receive(self, message):
        if self.world.random.random() < 0.02:
            self.say("deleted", roomId=self.room.number, seq=message["seq"])
        else:
            self.say("recv", roomId=self.room.number, **{
                k: message[k] for k in ("seq", "messageId", "senderId",
                                        "clientMessageId", "type")},
                crc=crc(message["content"]))
        self.cursor = message["seq"]
        if self.world.random.random() < 0.02:
            again = dict(self.log[-1])
            self.log.append(again)  # a repeat on the wire


class World:
    PARTITIONS = 2

    def __init__(self, seed, rooms=4, members=3, messages=300):
        self.random = random.Random(seed)
        self.ms, self.ids, self.message_id = 1795564756000, 0, 100
        self.records, self.raw, self.events = [], [], []
        self.letters, self.rows, self.outcomes = [], [], []
        self.offset = [self.random.randint(0, 50)
                       for _ in range(self.PARTITIONS)]
        self.event_offset = self.letter_offset = 0
        self.logs = [[], []]
        self.rooms = [Room(10 + r, [100 * (r + 1) + m
                                    for m in range(members)])
                      for r in range(rooms)]
        self.shown = {r.number: [] for r in self.rooms}
        self.clients = []
        self.left_at, self.plan = {}, messages
        for r, room in enumerate(self.rooms):
            for user in room.members:
                # one room, one file: who drains waits for his own file
                self.clients.append(Client(
                    self, "w%d" % user, user, room, self.logs[r % 2]))
        for client in self.clients:
            client.begin()

    # ---- Kafka

    def record(self, message, committed=True, value=None):
        p = message["room"].number % self.PARTITIONS
        record = {
            "topic": "chat-messages", "partition": p,
            "offset": self.offset[p], "timestamp": self.ms,
            "key": str(message["room"].number), "headers": [],
            "value": {
                "roomId": message["room"].number,
                "senderId": message["user"],
                "clientMessageId": message["id"],
                "content": message["content"], "type": "TEXT",
                "sentAtMs": self.ms}}
        if value is not None:
            del record["value"]
            record["valueText"] = value
        # another record, or a marker, takes the next one now and then
        self.offset[p] += 1 + (self.random.random() < 0.3)
        self.raw.append(record)
        if committed:
            self.records.append(record)
        return record

    def publish(self, message):
        self.events.append({
            "topic": "chat-events",
            "partition": message["roomId"] % self.PARTITIONS,
            "offset": self.event_offset, "timestamp": self.ms,
            "key": str(message["roomId"]),
            "value": {"event": "message", "epoch": "e", "message": message}})
        self.event_offset += 1

    def letter(self, record, reason="INVALID_BODY"):
        place = (record["partition"], record["offset"], record["timestamp"])

        def text(n):
            return str(n)
        headers = [["kafka_dlt-original-topic", "chat-messages"],
                   ["kafka_dlt-original-partition", text(place[0])],
                   ["kafka_dlt-original-offset", text(place[1])],
                   ["kafka_dlt-original-timestamp", text(place[2])],
                   ["kafka_dlt-original-consumer-group", "store"],
                   ["kafka_dlt-exception-fqcn", reason]]
        self.letters.append({
            **record, "topic": "chat-messages-dlt", "headers": headers,
            "offset": self.letter_offset})
        self.letter_offset += 1
        self.outcome("dead", record, reason)

    # ---- PostgreSQL

    def outcome(self, outcome, record, reason):
        value = record.get("value", {})
        self.outcomes.append({
            "outcome": outcome, "topic": "chat-messages",
            "record_partition": record["partition"],
            "record_offset": record["offset"],
            "record_timestamp": record["timestamp"],
            "chat_room_id": value.get("roomId"),
            "sender_id": value.get("senderId"),
            "client_message_id": value and str(value["clientMessageId"]),
            "reason": reason})

    def insert(self, room, shown, record=None):
        self.rows.append({
            "id": shown["messageId"], "chat_room_id": room.number,
            "seq": shown["seq"], "sender_id": shown["senderId"],
            "client_message_id": shown["clientMessageId"] and
            str(shown["clientMessageId"]), "type": shown["type"],
            "content": shown["content"], "targets": shown.get("targets"),
            "sent_at": self.iso(),
            "record_partition": record and record["partition"],
            "record_offset": record and record["offset"],
            "record_timestamp": record and record["timestamp"]})

    def iso(self):
        import datetime
        at = datetime.datetime.fromtimestamp(
            self.ms / 1000, datetime.timezone.utc)
        return at.isoformat(timespec="milliseconds")

    def number(self, room, sender, ident, content, kind="TEXT", **more):
        room.seq += 1
        self.message_id += self.random.randint(1, 3)
        shown = {"messageId": self.message_id, "seq": room.seq,
                 "roomId": room.number, "senderId": sender,
                 "senderNickname": "u%d" % sender, "clientMessageId": ident,
                 "content": content, "type": kind,
                 "sentAt": "2026-11-24T00:00:00.000", "sentAtMs": self.ms,
                 **more}
        self.shown[room.number].append(shown)
        return shown

    def store(self, message, record, event=True, deliver=True):
        shown = self.number(message["room"], message["user"], message["id"],
                            message["content"])
        self.insert(message["room"], shown, record)
        message["shown"] = shown
        if event:
            self.publish(shown)
            if self.random.random() < 0.05:
                self.publish(shown)  # the record was read again
        if deliver:
            self.deliver(message["room"], shown)
        return shown

    def deliver(self, room, shown):
        for client in self.clients:
            if client.room is not room or not client.joined:
                continue
            if shown["type"] == "SYSTEM_KICK" and \
                    shown["targets"][0]["userId"] == client.user:
                continue  # is told otherwise
            client.receive(shown)

    # ---- membership

    def system(self, room, kind, target):
        shown = self.number(room, room.members[0], None, kind.lower(), kind,
                            targets=[{"userId": target, "nickname": "x"}])
        self.insert(room, shown)
        self.publish(shown)
        self.deliver(room, shown)
        return shown

    def kick(self, client):
        room = client.room
        self.system(room, "SYSTEM_KICK", client.user)
        client.say("ended", roomId=room.number)
        client.joined = False
        for _ in range(self.random.randint(1, 3)):
            self.send(self.somebody(room))
        self.ms += 3000
        self.system(room, "SYSTEM_INVITE", client.user)
        client.join("recovered", **{"from": client.cursor})
        for message in client.missed():
            client.receive(message)

    # ---- clients

    def message(self, client):
        self.ids += 1
        ident = (self.ids if self.ids % 7 == 0 else
                 "%08x-0000-4000-8000-%012x" % (
                     self.random.getrandbits(32), self.ids))
        client.n += 1
        return {"room": client.room, "user": client.user, "id": ident,
                "content": "room %d user %d n %d é" % (
                    client.room.number, client.user, client.n),
                "client": client, "n": client.n}

    def invoke(self, message):
        ident = message["id"]
        if isinstance(ident, str) and self.random.random() < 0.2:
            ident = ident.upper()
        message["client"].say(
            "invoke", roomId=message["room"].number, n=message["n"],
            clientMessageId=ident, crc=crc(message["content"]))

    def answer(self, message, op, **more):
        message["client"].say(op, clientMessageId=message["id"], **more)

    def send(self, client):
        """A SEND, and what may become of it."""
        message = self.message(client)
        way = self.random.random()
        self.invoke(message)
        if way < 0.7:
            self.send_well(message)
        elif way < 0.76:
            self.send_unsure(message)
        elif way < 0.79:  # aborted, and the same batch again
            self.record(message, committed=False)
            self.send_well(message)
        elif way < 0.82:  # by the edge: a body that can never be right
            self.answer(message, "fail", code="CONTENT_EMPTY", final=True)
        elif way < 0.86:  # by the store; not all are told
            record = self.record(message)
            self.answer(message, "ok")
            self.outcome("refused", record, "NOT_A_MEMBER")
            if self.random.random() < 0.5:
                self.answer(message, "fail", code="NOT_A_MEMBER", final=True,
                            roomId=message["room"].number)
        elif way < 0.9:
            record = self.record(message)
            self.answer(message, "ok")
            self.letter(record)
        elif way < 0.93:  # a crash between letter and commit
            record = self.record(message)
            self.answer(message, "ok")
            self.letter(record)
            self.store(message, record)
        elif way < 0.95:  # refused for a while
            self.answer(message, "fail", code="RATE", final=False)
            self.invoke(message)
            self.send_well(message)
        elif way < 0.97:
            self.record(message, value="no JSON {")
            self.letter(self.raw[-1])
            self.answer(message, "fail", code="INVALID_BODY", final=True)
        else:
            self.send_well(message)
        return message

    def send_well(self, message):
        record = self.record(message)
        if self.random.random() < 0.5:
            self.answer(message, "ok")
            self.store(message, record)
        else:
            self.store(message, record)
            self.answer(message, "ok")
        return record

    def send_unsure(self, message):
        """The connection is lost before its RECEIPT."""
        client, way = message["client"], self.random.random()
        committed = way < 0.5
        record = self.record(message) if committed else None
        client.lose()
        self.answer(message, "info")
        if committed:
            self.store(message, record)
        elif way < 0.6:
            self.record(message, committed=False)
        client.back()
        if way < 0.3 or 0.5 < way < 0.8:
            self.invoke(message)
            if committed:
                self.record(message)  # a copy: stores nothing
                self.answer(message, "ok")
            else:
                self.send_well(message)

    def somebody(self, room=None):
        there = [c for c in self.clients
                 if c.joined and room in (None, c.room)]
        return self.random.choice(there)

    def fill(self, count):
        for _ in range(count):
            if self.random.random() < 0.02:
                client = self.somebody()
                if client.user != client.room.members[0]:
                    self.kick(client)
            self.send(self.somebody())

    def drain(self):
        """Everybody is there, and has it all."""
        for client in self.clients:
            if client.cursor < client.room.seq:
                client.lose()
                client.back()

    def end(self):
        self.drain()
        for client in self.clients:
            client.say("end")

    # ---- out

    def write(self, folder):
        members = [{"room_id": r.number, "user_id": u,
                    "joined_at": "2026-01-01T00:00:00Z", "left_at": None}
                   for r in self.rooms for u in r.members]
        rooms = [{"id": r.number, "last_seq": r.seq} for r in self.rooms]
        self.random.shuffle(self.rows)
        for name, lines in (
                ("messages", self.records), ("uncommitted", self.raw),
                ("events", self.events), ("letters", self.letters),
                ("rows", self.rows), ("outcomes", self.outcomes),
                ("rooms", rooms), ("members", members),
                ("again", getattr(self, "again", [])),
                ("h0", self.logs[0]), ("h1", self.logs[1])):
            with open(os.path.join(folder, name), "w") as out:
                for line in lines:
                    out.write(json.dumps(line) + "\n")


def received(world, client, seq):
    """The line of that seq in the client's history."""
    for line in client.log:
        if line.get("worker") == client.name and \
                line["op"] in ("recv", "deleted") and line["seq"] == seq:
            return line
    raise KeyError(seq)


def only_once(world, client, seq):
    """Without repeats on the wire: then one line is one delivery."""
    lines = [line for line in client.log if line["worker"] == client.name and
             line["op"] in ("recv", "deleted") and line["seq"] == seq]
    client.log[:] = [line for line in client.log
                     if not any(line is again for again in lines[1:])]
    return lines[0]


def plain(world, client=None, **how):
    """A message that nothing happened to."""
    message = world.message(client or world.somebody())
    world.invoke(message)
    message["record"] = world.record(message)
    world.answer(message, "ok")
    world.store(message, message["record"], **how)
    return message


def others(world, message):
    return [c for c in world.clients
            if c.room is message["room"] and c is not message["client"]]


def row_of(world, message):
    return next(r for r in world.rows
                if r["client_message_id"] == str(message["id"]))


def damage(world, defect):
    client = world.somebody()
    if defect in ("lost", "lost-early", "told-no-row"):
        message = world.message(client)
        world.invoke(message)
        if defect != "lost-early":
            world.record(message)
        world.answer(message, "ok")
        if defect == "told-no-row":
            world.answer(message, "fail", code="NOT_A_MEMBER", final=True)
    elif defect == "lost-event":
        plain(world, client, event=False)
    elif defect in ("lost-delivery", "resubscribed", "swap-delivery",
                    "crc-delivery"):
        messages = [plain(world, client) for _ in range(3)]
        other = world.random.choice(others(world, messages[0]))
        lines = [only_once(world, other, m["shown"]["seq"])
                 for m in messages]
        log = other.log
        if defect == "crc-delivery":
            lines[1]["op"], lines[1]["crc"] = "recv", "deadbeef"
            lines[1].update(senderId=client.user,
                            clientMessageId=messages[1]["id"], type="TEXT")
        elif defect == "swap-delivery":
            a, b = log.index(lines[0]), log.index(lines[1])
            log[a], log[b] = log[b], log[a]
        elif defect == "lost-delivery":
            log.remove(lines[1])
        else:
            a = log.index(lines[2])
            log[a + 1:a + 1] = [
                {"op": "joined", "worker": other.name,
                 "roomId": other.room.number, "status": "recovered",
                 "from": lines[0]["seq"]}, dict(lines[1]), dict(lines[2])]
            log.remove(lines[1])
    elif defect == "lost-row":
        messages = [plain(world, client) for _ in range(3)]
        world.rows.remove(row_of(world, messages[1]))
    elif defect == "lost-poison":
        world.record(world.message(client), value='{"roomId":"x"}')
    elif defect == "refused-stored":
        message = plain(world, client)
        world.outcome("refused", message["record"], "NOT_A_MEMBER")
    elif defect == "double":
        message = plain(world, client)
        world.store(message, message["record"])
    elif defect == "double-row":
        world.rows.append(dict(row_of(world, plain(world, client))))
    elif defect == "double-refusal":
        message = world.message(client)
        world.invoke(message)
        record = world.record(message)
        world.answer(message, "ok")
        for _ in range(2):
            world.outcome("refused", record, "NOT_A_MEMBER")
    elif defect == "phantom":
        message = world.message(client)
        world.store(message, world.record(message))
    elif defect in ("aborted", "wrong-refusal", "nowhere"):
        message = world.message(client)
        world.invoke(message)
        record = world.record(message, committed=defect != "aborted")
        if defect == "aborted":
            world.answer(message, "ok")
        else:
            world.answer(message, "fail", code="X",
                         final=defect == "wrong-refusal")
        world.store(message, record)
    elif defect == "crc-row":
        row_of(world, plain(world, client))["content"] += "!"
    elif defect == "crc-record":
        message = plain(world, client)
        message["record"]["value"] = {
            **message["record"]["value"], "content": "something else"}
    elif defect in ("swap-rows", "swap-records"):
        messages = [world.message(client) for _ in range(2)]
        for message in messages:
            world.invoke(message)
        if defect == "swap-records":
            messages.reverse()
        records = [world.record(message) for message in messages]
        for message in messages:
            world.answer(message, "ok")
        if defect == "swap-rows":
            messages.reverse()
            records.reverse()
        for message, record in zip(messages, records):
            world.store(message, record)
    elif defect == "swap-rows-only":
        a, b = (row_of(world, plain(world, client)) for _ in range(2))
        a["seq"], b["seq"] = b["seq"], a["seq"]
    elif defect == "hole":
        client.room.seq += 1
        plain(world, client)
    elif defect in ("reread", "uncommitted", "label"):
        first, second = plain(world, client), plain(world, client)
        twin = json.loads(json.dumps(second["record"]))
        twin["value"]["sentAtMs"] += 1
        if defect == "reread":
            world.again = [twin]
        elif defect == "uncommitted":
            world.raw[world.raw.index(second["record"])] = twin
        else:
            row = row_of(world, second)
            row["record_offset"] = first["record"]["offset"]
            row["record_timestamp"] = first["record"]["timestamp"]
    elif defect == "letter-value":
        message = world.message(client)
        world.invoke(message)
        world.answer(message, "ok")
        world.letter(world.record(message))
        world.letters[-1] = json.loads(json.dumps(world.letters[-1]))
        world.letters[-1]["value"]["sentAtMs"] += 1
    elif defect == "kicked":
        client = next(c for c in world.clients if c.joined and
                      c.user != c.room.members[0])
        world.system(client.room, "SYSTEM_KICK", client.user)
        seq = world.shown[client.room.number][-1]["seq"]
        client.cursor = seq - 1
        client.say("recv", roomId=client.room.number, seq=seq, senderId=1,
                   clientMessageId=None, type="SYSTEM_KICK")
        plain(world, next(c for c in world.clients
                          if c.room is client.room and c is not client))
        client.joined = False
        world.clients.remove(client)
    elif defect == "stranger":
        other = next(r for r in world.rooms if r is not client.room)
        spy = Client(world, "spy", client.user, other, client.log)
        spy.begin()
        world.clients.append(spy)
        plain(world, next(c for c in world.clients
                          if c.room is other and c is not spy))
        world.clients.remove(spy)
    elif defect in ("half", "half-event"):
        message = world.message(client)
        world.invoke(message)
        record = world.record(message)
        world.answer(message, "info")
        if defect == "half-event":
            world.store(message, record, event=False)
    elif defect not in ("none", "lost-tail", "phantom-delivery", "last-seq"):
        sys.exit("histories.py: no defect '%s'" % defect)


def damage_end(world, defect):
    """What needs everybody to be there."""
    if defect in ("lost-tail", "phantom-delivery"):
        message = plain(world)
        other = world.random.choice(others(world, message))
        seq = message["shown"]["seq"]
        if defect == "lost-tail":
            other.log.remove(only_once(world, other, seq))
        else:
            other.say("recv", roomId=other.room.number, seq=seq + 1,
                      messageId=999999, senderId=message["user"],
                      clientMessageId="feed0000-0000-4000-8000-000000000000",
                      type="TEXT", crc="00000000")
    elif defect == "last-seq":
        world.somebody().room.seq += 1


def main():
    folder, seed = sys.argv[1], int(sys.argv[2])
    defect = sys.argv[3] if len(sys.argv) > 3 else "none"
    if defect == "random":
        defect = random.Random(seed).choice(sorted(DEFECTS))
    world = World(seed)
    before = world.random.randint(0, world.plan)
    world.fill(before)
    world.drain()
    damage(world, defect)
    world.fill(world.plan - before)
    world.drain()
    damage_end(world, defect)
    for client in world.clients:
        client.say("end")
    world.write(folder)
    print(defect, DEFECTS[defect])


if __name__ == "__main__":
    main()
