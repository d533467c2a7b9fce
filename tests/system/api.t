#!/usr/bin/env python3
"""chat-api and chat-rooms against a real PostgreSQL, in a database of their
own, by the lines that edges and administrators send.

Pairs that both sides ask for at once; rooms of others; pages and their
statuses; kicks; a full queue, a peer that goes, a deadline that passes; a
database whose connections die, and one that stops (an instance of its own)."""

import atexit
import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import chatlib as c  # noqa: E402
from databases import Server, database  # noqa: E402

tap = c.Tap()
RUN = tempfile.mkdtemp(prefix="api-t.", dir="/tmp")
HELLO = b'{"hello":"chat/1","from":"api.t","maxLine":16777216}\n'


class Api:
    """A chat-api of our own."""

    def __init__(self, db, *options, wait=True):
        self.status_file = RUN + "/api.json"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.status_file)
        self.log = open(RUN + "/log", "a+")
        self.process = subprocess.Popen(
            ["chat-api", "-l", RUN + "/api.sock", "--admin",
             RUN + "/admin.sock", "-S", self.status_file, *options],
            env={**os.environ, "CHAT_PG": db.conninfo}, stderr=self.log)
        atexit.register(self.process.kill)  # or prove waits for it for ever
        if wait:
            self.until("ready")

    def status(self):
        with contextlib.suppress(OSError, ValueError):
            with open(self.status_file) as f:
                return json.load(f)
        return {}

    def until(self, state, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.status().get("state") == state:
                return True
            time.sleep(0.01)
        return False

    def counters(self):
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        return self.status()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)


class Peer:
    """A connection to one of its sockets."""

    def __init__(self, name="api.sock"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(RUN + "/" + name)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(HELLO)
        self.hello = json.loads(self.file.readline())
        self.id = 0

    def send(self, method, path, user=None, body=None, query=None, **more):
        self.id += 1
        request = {"id": self.id, "method": method, "path": path, **more}
        for name, value in (("user", user), ("body", body), ("query", query)):
            if value is not None:
                request[name] = value
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        return self.id

    def answer(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, *args, **more):
        number = self.send(*args, **more)
        reply = self.answer()
        assert reply["id"] == number, reply
        return reply

    def get(self, path, user, **query):
        return self.ask("GET", path, user, query={
            k: str(v) for k, v in query.items()})

    def post(self, path, user, body):
        return self.ask("POST", path, user, body)

    def close(self):
        self.file.close()
        self.socket.close()


def code(reply):
    return reply["status"], reply["body"].get("code")


def seqs(messages):
    return [m["seq"] for m in messages]


def say(db, room, count, sender=1):
    """Stores messages as the store does: under the room's lock."""
    db.sql("begin", "select from chat_rooms where id = %d for no key update"
           % room,
           "insert into messages (chat_room_id, seq, sender_id, "
           "client_message_id, type, content, sent_at) select %d, "
           "r.last_seq + g, %d, gen_random_uuid(), 'TEXT', 'message ' || "
           "r.last_seq + g, now() from chat_rooms r, generate_series(1, %d) g "
           "where r.id = %d" % (room, sender, count, room),
           "update chat_rooms set last_seq = last_seq + %d where id = %d"
           % (count, room), "commit")


def delete_for(db, room, seq, user):
    db.sql("insert into message_deletions (chat_room_id, message_id, user_id) "
           "select chat_room_id, id, %d from messages where chat_room_id = %d "
           "and seq = %d" % (user, room, seq))


# ------------------------------------------------------------------------ rooms

def pairs(db):
    """Both sides of 15 pairs ask at the same instant, several times each."""
    peers = [Peer() for _ in range(8)]
    wrong = []
    for a in range(10, 40, 2):
        barrier = threading.Barrier(len(peers))

        def both(n, peer):
            me, other = (a, a + 1) if n % 2 else (a + 1, a)
            barrier.wait()
            return peer.post("/api/v1/chat/rooms", me, {"targetUserId": other})

        with concurrent.futures.ThreadPoolExecutor(len(peers)) as pool:
            replies = list(pool.map(both, range(len(peers)), peers))
        rooms = {r["body"]["data"]["roomId"] for r in replies}
        if len(rooms) != 1 or any(r["status"] != 200 for r in replies):
            wrong.append((a, rooms))
    tap.ok(not wrong, "both sides of a pair at once get one room", wrong)
    tap.ok(db.one("select count(*), (select count(*) from chat_rooms) from "
                  "one_to_one_chat_rooms where user_a_id between 10 and 39")
           == "15", "no second room was left behind")
    for peer in peers:
        peer.close()


def pair_rules(db):
    p = Peer()
    ask = lambda me, other: p.post("/api/v1/chat/rooms", me,
                                   {"targetUserId": other})
    first = ask(1, 2)["body"]["data"]
    tap.ok(first == {"roomId": first["roomId"], "type": "ONE_TO_ONE",
                     "name": "user 2", "imageUrl": None,
                     "lastMessageContent": None, "lastMessageSentAt": None,
                     "unreadCount": 0}, "a new 1:1 room, as the list shows it",
           first)
    say(db, first["roomId"], 3, sender=1)
    again = ask(2, 1)["body"]["data"]
    tap.ok(again["roomId"] == first["roomId"] and again["name"] == "user 1"
           and again["lastMessageContent"] == "message 3"
           and again["unreadCount"] == 3,
           "the other side gets the same, with what was said", again)
    db.sql("select chat_leave(2, %d)" % first["roomId"])
    path = "/api/v1/chat/rooms/%d/messages" % first["roomId"]
    out = p.get(path, 2)
    back = ask(2, 1)
    tap.ok(code(out) == (404, "ROOM_NOT_FOUND") and
           p.get(path, 2)["status"] == 200
           and back["body"]["data"]["roomId"] == first["roomId"],
           "one who had left asks for the room and is back in")
    db.sql("insert into user_blocks values (2, 1)")
    tap.ok(code(ask(1, 2)) == code(ask(2, 1)) == (403, "BLOCKED"),
           "blocked: neither may open it")
    tap.ok(code(ask(1, 1)) == (400, "INVALID_TARGET"), "not with oneself")
    tap.ok(code(ask(1, 99999)) == (404, "USER_NOT_FOUND"), "no such user")
    bodies = [None, {}, {"targetUserId": "2"}, {"targetUserId": 0},
              {"targetUserId": 2.5}, {"targetUserId": None}, [2], "2"]
    codes = {code(p.post("/api/v1/chat/rooms", 1, b)) for b in bodies}
    tap.ok(codes == {(400, "INVALID_REQUEST")}, "bad bodies are 400", codes)
    p.close()


def groups(db):
    p = Peer()
    ask = lambda body: p.post("/api/v1/chat/group-rooms", 1, body)
    evil = "'); drop table users; -- \u202e\U0001f600 \"\\"
    made = ask({"roomName": evil, "userIds": [2, 3, 3, 1]})
    room = made["body"]["data"]["roomId"]
    members = db.sql("select user_id from chat_room_members where room_id = %d "
                     "order by 1" % room)
    tap.ok(made["body"]["data"]["name"] == evil and members == [
        ["1"], ["2"], ["3"]] and db.sql(
            "select creator_id, name = $$%s$$ from chat_rooms where id = %d"
            % (evil, room)) == [["1", "t"]],
        "a group, its name byte for byte, the asker in it, nobody twice", made)
    tap.ok(db.one("select count(*) from messages where chat_room_id = %d"
                  % room) == "0", "making a group says nothing")
    tap.ok(ask({"roomName": "\uac00" * 100, "userIds": []})["status"] == 200,
           "a name of 100 characters")
    bad = [{"roomName": "x"}, {"userIds": [2]}, {"roomName": "", "userIds": []},
           {"roomName": " \u3000", "userIds": []},
           {"roomName": "x" * 101, "userIds": []},
           {"roomName": "a\0b", "userIds": []}, {"roomName": 7, "userIds": []},
           {"roomName": "x", "userIds": 2}, {"roomName": "x", "userIds": ["2"]},
           {"roomName": "x", "userIds": [-2]},
           {"roomName": "x", "userIds": list(range(1, 1002))},
           {"roomName": "x", "userIds": [2], "dryRun": True, "x": [{}]}]
    codes = [code(ask(b)) for b in bad]
    tap.ok(codes[:-1] == [(400, "INVALID_REQUEST")] * 11 and
           codes[-1] == (200, None), "what is no group is 400", codes)
    tap.ok(code(ask({"roomName": "x", "userIds": [2, 99999]})) ==
           (404, "USER_NOT_FOUND") and db.one(
               "select count(*) from chat_rooms where name = 'x'") == "1",
           "an unknown user: no room; dryRun is the administrator's")
    p.close()


# ---------------------------------------------------------------------- history

def history(db):
    p = Peer()
    room = db.group(1, 2, 3)
    path = "/api/v1/chat/rooms/%d/messages" % room
    say(db, room, 120)
    get = lambda user=2, **q: seqs(p.get(path, user, **q)["body"]["data"])
    tap.ok(get() == list(range(120, 70, -1)), "50, newest first")
    tap.ok(get(limit=3, offset=10) == [110, 109, 108], "limit and offset")
    tap.ok(get(before=4) == [3, 2, 1], "before")
    tap.ok(get(after=100, limit=5) == [105, 104, 103, 102, 101],
           "after: those directly after it")
    tap.ok(get(after=100, before=103) == [102, 101], "between two")
    tap.ok(get(after=120) == get(offset=120) == get(before=1) == [], "nothing")
    delete_for(db, room, 119, 2)
    tap.ok(get(limit=3) == [120, 118, 117] and
           get(user=1, limit=3) == [120, 119, 118],
           "without those that I deleted for myself")
    m = p.get(path, 1, limit=1)["body"]["data"][0]
    tap.ok(sorted(m) == ["clientMessageId", "content", "messageId", "roomId",
                         "senderId", "senderNickname", "sentAt", "sentAtMs",
                         "seq", "type"] and m["content"] == "message 120"
           and m["senderNickname"] == "user 1", "a whole message", m)
    bad = [("limit", 0), ("limit", 301), ("limit", "x"), ("offset", -1),
           ("before", "1.5"), ("after", -1), ("after", "")]
    codes = {code(p.get(path, 2, **{k: v})) for k, v in bad}
    tap.ok(codes == {(400, "INVALID_REQUEST")}, "bad numbers are 400", codes)
    p.close()


def others(db):
    """Nobody learns which rooms there are."""
    p = Peer()
    room = db.group(1, 2)
    say(db, room, 3)
    db.sql("select chat_kick(1, %d, 2)" % room)
    answers = []
    for number, user in ((room, 3), (987654321, 3), (-5, 3), (room, 2),
                         (9223372036854775807, 1), (room, 88888)):
        reply = p.get("/api/v1/chat/rooms/%d/messages" % number, user)
        del reply["id"]
        answers.append(json.dumps(reply))
    tap.ok(len(set(answers)) == 1 and '"ROOM_NOT_FOUND"' in answers[0],
           "foreign, unknown and left rooms give one and the same 404",
           "\n".join(answers))
    codes = {code(p.get("/api/v1/chat/rooms/%s/messages" % n, 1))
             for n in ("x", "1x", "", "9223372036854775808", "1%20")}
    tap.ok(codes == {(400, "INVALID_REQUEST")}, "what is no number is 400",
           codes)
    p.close()


def paths(db):
    p, a = Peer(), Peer("admin.sock")
    tap.ok(p.hello == {"hello": "chat/1", "from": "chat-api",
                       "maxLine": 262144}, "it says hello", p.hello)
    wrong = p.ask("DELETE", "/api/v1/chat/rooms", 1)
    both = a.ask("PUT", "/admin/users", 0)
    tap.ok(code(wrong) == (405, "METHOD_NOT_ALLOWED") and
           wrong["headers"] == {"Allow": "POST"} and
           both["headers"] == {"Allow": "POST, GET"},
           "a wrong method: 405 with Allow", (wrong, both))
    codes = {code(p.ask("GET", path, 1)) for path in (
        "/", "", "/api/v1/chat/roomsx", "/api/v1/chat/rooms/1/messages/",
        "/api/v1/chat/rooms/1/2/messages", "//api/v1/chat/rooms", "/edge",
        "/admin/rooms", "/admin/users", "/admin/rooms/1")}
    tap.ok(codes == {(404, "NOT_FOUND")},
           "other paths, and the administrator's on api.sock: 404", codes)
    codes = {code(p.ask("POST", path, user, {})) for path, user in (
        ("/edge/follow", None), ("/edge/page", 0), ("/edge/heads", 0),
        ("/api/v1/chat/rooms", None), ("/api/v1/chat/rooms", 0))}
    tap.ok(codes == {(403, "FORBIDDEN")}, "without a user: 403", codes)
    modes = [stat.S_IMODE(os.stat(RUN + "/" + n).st_mode)
             for n in ("api.sock", "admin.sock")]
    tap.ok(modes == [0o660, 0o600], "the sockets' modes", modes)
    p.close()
    a.close()


def broken(db):
    """Each is the end of its own connection and of no other."""
    living = Peer()
    lines = [b"x\n", b"{}\n", b'{"id":1}\n',
             b'{"id":1,"method":"GET","path":"/","user":-1}\n',
             b'{"id":"1","method":"GET","path":"/"}\n',
             b'{"id":1,"method":"GET","path":"/","body":"' + b"x" * 300000
             + b'"}\n', b"\xff\n", b"x" * 300000]
    ended = 0
    for line in lines:
        peer = Peer()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.socket.sendall(line)
            ended += peer.answer() is None
            continue
        ended += 1
    tap.ok(ended == len(lines), "broken requests end their connection", ended)
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(RUN + "/api.sock")
    peer.settimeout(10)
    peer.sendall(b'{"hello":"chat/9","from":"x","maxLine":1}\n')
    end = peer.makefile("rb").read()
    tap.ok(b'"chat/1"' in end, "and so does another major version")
    tap.ok(living.ask("POST", "/edge/heads", None, {"rooms": []})["status"] ==
           200, "the others live on")


# ------------------------------------------------------------------------- edges

def follow(db):
    p = Peer()
    room = db.group(1, 2)
    epoch = db.one("select epoch from store_epoch")
    ask = lambda user=1, **body: p.post(
        "/edge/follow", user, {"roomId": room, **body})["body"]
    tap.ok(ask() == {"roomId": room, "member": True, "epoch": epoch, "head": 0,
                     "messages": [], "status": "live", "more": False},
           "follow: live, in a room where nothing was said")
    tap.ok(ask(fromSeq=0)["status"] == "recovered", "from 0: recovered")
    say(db, room, 57)
    live = ask()
    tap.ok((live["status"], live["head"], live["messages"]) ==
           ("live", 57, []), "live: the cursor is the head", live)
    got = ask(fromSeq=50, epoch=epoch)
    tap.ok(got["status"] == "recovered" and not got["more"] and
           seqs(got["messages"]) == list(range(51, 58)), "recovered", got)
    tap.ok(ask(fromSeq=57)["status"] == "recovered" and
           ask(fromSeq=57)["messages"] == [], "recovered, with nothing missing")
    resets = [ask(fromSeq=58), ask(fromSeq=50, epoch="other"),
              ask(fromSeq=50, epoch=7), ask(fromSeq=50, epoch="a\0b")]
    tap.ok(all(r["status"] == "reset" and r["messages"] == [] and
               r["head"] == 57 for r in resets),
           "reset: above the head, and another epoch", resets)
    tap.ok(ask(user=3) == {"roomId": room, "member": False, "epoch": epoch},
           "no member")
    tap.ok(p.post("/edge/follow", 1, {"roomId": 9999999})["body"] ==
           {"roomId": 9999999, "member": False, "epoch": epoch}, "no room")
    delete_for(db, room, 55, 1)
    mine, his = ask(fromSeq=54), ask(user=2, fromSeq=54)
    tap.ok(sorted(mine["messages"][0]) == ["messageId", "roomId", "seq",
                                           "type"] and
           mine["messages"][0]["type"] == "DELETED" and
           his["messages"][0]["type"] == "TEXT" and
           seqs(mine["messages"]) == seqs(his["messages"]) == [55, 56, 57],
           "DELETED for who deleted it, in its place", mine)
    bad = [{}, {"roomId": 0}, {"roomId": "1"}, {"roomId": room, "fromSeq": -1},
           {"roomId": room, "fromSeq": "5"}, {"roomId": room, "maxBytes": 0}]
    codes = {code(p.post("/edge/follow", 1, b)) for b in bad}
    tap.ok(codes == {(400, "INVALID_REQUEST")}, "bad questions are 400", codes)
    p.close()
    return room


def truncated(db):
    p = Peer()
    room = db.group(1, 2)
    say(db, room, 10010)
    ask = lambda n: p.post("/edge/follow", 1,
                           {"roomId": room, "fromSeq": n})["body"]
    full, cut = ask(10), ask(9)
    tap.ok(full["status"] == "recovered" and full["messages"][0]["seq"] == 11
           and full["more"], "10,000 missing: recovered, and more to come")
    tap.ok(cut["status"] == "truncated" and cut["first"] == 11 and
           cut["messages"][0]["seq"] == 11, "10,001 missing: truncated at 11",
           {k: v for k, v in cut.items() if k != "messages"})
    seen = seqs(cut["messages"])
    while cut["more"]:
        cut = p.post("/edge/page", 1, {"roomId": room, "after": seen[-1],
                                       "maxBytes": 100000})["body"]
        seen += seqs(cut["messages"])
    tap.ok(seen == list(range(11, 10011)), "and the pages hold the rest")
    db.sql("delete from messages where chat_room_id = %d and seq < 10001" % room)
    gone = ask(9990)
    tap.ok(gone["status"] == "truncated" and gone["first"] == 10001 and
           seqs(gone["messages"]) == list(range(10001, 10011)),
           "what was expired: truncated too", gone)
    p.close()


def pages(db):
    p = Peer()
    room = db.group(1, 2)
    say(db, room, 300)
    db.sql("update messages set content = repeat('\u20ac', 5000) where "
           "chat_room_id = %d and seq = 150" % room)
    size, seen, most = 5000, [], 0
    while True:
        p.send("POST", "/edge/page", 1, {
            "roomId": room, "after": seen[-1] if seen else 0,
            "maxBytes": size})
        line = p.file.readline()
        body = json.loads(line)["body"]
        seen += seqs(body["messages"])
        if 150 not in seqs(body["messages"]):
            most = max(most, len(line))
        if not body["more"]:
            break
    tap.ok(seen == list(range(1, 301)), "small pages give each message once")
    tap.ok(size < most < size + 1000, "of about the size asked for", most)
    tap.ok(body["member"] and body["head"] == 300, "with member and head")
    db.sql("update messages set content = repeat('\u20ac', 5000) where "
           "chat_room_id = %d" % room)
    p.send("POST", "/edge/page", 1, {"roomId": room, "after": 0,
                                     "maxBytes": 9999999})
    line = p.file.readline()
    tap.ok(len(line) < 300000 and json.loads(line)["body"]["more"],
           "and never of much over 256 KiB", len(line))
    p.close()


def kicked(db):
    p = Peer()
    room = db.group(1, 2, 3)
    ask = lambda after, user=2: p.post(
        "/edge/page", user, {"roomId": room, "after": after})["body"]
    say(db, room, 5)
    db.sql("select chat_kick(1, %d, 3)" % room)           # 6
    db.sql("select chat_kick(1, %d, 2)" % room)           # 7
    say(db, room, 5)                                      # 12
    page = ask(4)
    tap.ok(not page["member"] and "head" not in page and not page["more"] and
           [(m["seq"], m["type"]) for m in page["messages"]] ==
           [(5, "TEXT"), (6, "SYSTEM_KICK"), (7, "SYSTEM_KICK")] and
           page["messages"][2]["targets"] == [
               {"userId": 2, "nickname": "user 2"}],
           "a kicked reader's page ends with his kick", page)
    tap.ok(ask(7)["messages"] == [] and ask(10)["messages"] == [],
           "and after it there is nothing")
    tap.ok(ask(0, user=4)["messages"] == [], "nothing for who never was in")
    tap.ok(not p.post("/edge/follow", 2, {"roomId": room, "fromSeq": 0})[
        "body"]["member"], "nor may he follow")
    db.sql("select chat_invite(1, %d, '{2}')" % room)     # 13
    back = ask(4)
    tap.ok(back["member"] and seqs(back["messages"]) == list(range(5, 14)) and
           back["head"] == 13, "invited again he reads all of it")
    db.sql("select chat_leave(2, %d)" % room)             # 14
    say(db, room, 1)
    page = ask(4)
    tap.ok(not page["member"] and seqs(page["messages"])[-1] == 14 and
           page["messages"][-1]["type"] == "SYSTEM_LEAVE",
           "a leave ends it as well")
    p.close()


def heads(db):
    p = Peer()
    rooms = [db.group(1) for _ in range(3)]
    say(db, rooms[1], 4)
    db.sql("update chat_rooms set deleted_at = now() where id = %d" % rooms[2])
    got = p.post("/edge/heads", None, {"rooms": rooms + [987654321]})["body"]
    tap.ok(sorted(got["heads"]) == [[rooms[0], 0], [rooms[1], 4]] and
           got["epoch"] == db.one("select epoch from store_epoch"),
           "heads: unknown rooms are missing", got)
    none = p.post("/edge/heads", None, {"rooms": []})["body"]
    tap.ok(none == {"epoch": got["epoch"], "heads": []}, "heads of none", none)
    many = p.post("/edge/heads", None, {"rooms": list(range(1, 1001))})
    tap.ok(many["status"] == 200 and code(p.post(
        "/edge/heads", None, {"rooms": list(range(1001))}))[0] == 400,
        "a thousand at most")
    p.close()


def one_snapshot(db):
    """While another writes and kicks, head and messages belong together."""
    room = db.group(1, 2)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            say(db, room, 3)
            db.sql("select chat_kick(1, %d, 2)" % room,
                   "select chat_invite(1, %d, '{2}')" % room)

    writer = threading.Thread(target=write)
    writer.start()
    p = Peer()
    wrong, outside = [], 0
    for _ in range(300):
        body = p.post("/edge/follow", 2, {"roomId": room, "fromSeq": 0})["body"]
        if not body["member"]:
            outside += 1
        elif not body["more"] and seqs(body["messages"]) != list(
                range(1, body["head"] + 1)):
            wrong.append(body["head"])
        elif [m["type"] for m in body["messages"] if m["type"] in (
                "SYSTEM_KICK", "SYSTEM_INVITE")][-1:] == ["SYSTEM_KICK"] and \
                not body["more"]:
            wrong.append("a member after his kick, head %d" % body["head"])
    stop.set()
    writer.join()
    tap.ok(not wrong, "membership, head and messages are of one snapshot",
           wrong)
    p.close()


# ------------------------------------------------------------------------- limits

@contextlib.contextmanager
def blocked(db):
    """Holds the lock of the pair 101, 102: who opens it waits."""
    session = subprocess.Popen(
        ["psql", "-XqAt", "-d", db.conninfo], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    session.stdin.write(
        "begin; select 'locked' from pg_advisory_xact_lock(hashtextextended("
        "'chat pair 101 102', 0));\n")
    session.stdin.flush()
    assert session.stdout.readline() == "locked\n"
    yield
    session.stdin.close()
    session.wait()


def full(db):
    api = Api(db, "--pool", "1", "--queue", "5")
    try:
        p, q = Peer(), Peer()
        with blocked(db):
            pair = {"targetUserId": 102}
            p.send("POST", "/api/v1/chat/rooms", 101, pair)
            for _ in range(5):
                p.send("POST", "/edge/heads", None, {"rooms": []})
            over = q.ask("POST", "/edge/heads", None, {"rooms": []})
            tap.ok(code(over) == (503, "OVERLOADED"),
                   "a full queue: 503 at once", over)
        answers = [p.answer() for _ in range(6)]
        tap.ok([a["id"] for a in answers] == [1, 2, 3, 4, 5, 6] and
               all(a["status"] == 200 for a in answers),
               "and those that waited are answered in order", answers)
        with blocked(db):
            q.send("POST", "/api/v1/chat/rooms", 101, pair)
            time.sleep(0.1)
            for _ in range(3):
                p.send("POST", "/api/v1/chat/group-rooms", 1,
                       {"roomName": "nobody waits", "userIds": []})
            time.sleep(0.1)
            p.close()
            q.send("POST", "/api/v1/chat/group-rooms", 1,
                   {"roomName": "too late", "userIds": []}, deadlineMs=50)
            time.sleep(0.2)
        q.answer()
        late = q.answer()
        tap.ok(late["status"] == 503 and db.one(
            "select count(*) from chat_rooms where name in "
            "('nobody waits', 'too late')") == "0",
            "what nobody waits for, or waited for too long, is not done", late)
        state = api.counters()
        tap.ok(state["dropped"] == 3 and state["overloaded"] == 1,
               "and counted", state)
        with blocked(db):
            q.send("POST", "/api/v1/chat/rooms", 101, pair)
            time.sleep(0.1)
            api.process.terminate()
            tap.ok(api.until("draining"), "TERM: draining")
            with contextlib.suppress(OSError):
                Peer()
                tap.ok(False, "nobody may connect")
        tap.ok(q.answer()["status"] == 200 and api.process.wait(20) == 0,
               "what was taken is answered, then it ends with 0")
    finally:
        api.stop()


def lost_connections(db):
    api = Api(db)
    try:
        p = Peer()
        bad = good = 0
        for n in range(30):
            if n % 10 == 5:
                db.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                       "where application_name = 'chat-api' "
                       "and datname = current_database() limit %d" %
                       (1 if n == 5 else 4))
                time.sleep(0.02)
            reply = p.ask("POST", "/edge/heads", None, {"rooms": []})
            good += reply["status"] == 200
            bad += reply["status"] == 503
            time.sleep(0.03)
        tap.ok(good + bad == 30 and good > 15 and api.until("ready"),
               "connections that die are made anew; it answers all the while",
               (good, bad))
        tap.ok(p.ask("POST", "/edge/heads", None, {"rooms": []})["status"] ==
               200, "and is ready again")
    finally:
        tap.ok(api.stop() == 0, "TERM: 0")


def away(_db):
    server = Server()
    api = None
    try:
        server.migrate()
        server.sql("insert into users values (1, 'a'), (2, 'b')")
        api = Api(server)
        p = Peer()
        server.stop()
        tap.ok(api.until("waiting"), "PostgreSQL stops: state waiting",
               api.status())
        at = time.monotonic()
        reply = p.post("/api/v1/chat/rooms", 1, {"targetUserId": 2})
        tap.ok(code(reply) == (503, "UNAVAILABLE") and
               time.monotonic() - at < 1, "and 503, at once", reply)
        server.start()
        tap.ok(api.until("ready", 5), "it comes back: ready by itself")
        tap.ok(p.post("/api/v1/chat/rooms", 1, {"targetUserId": 2})["status"]
               == 200, "on the same connection")
        server.signal(signal.SIGSTOP)
        at = time.monotonic()
        reply = p.post("/api/v1/chat/rooms", 2, {"targetUserId": 1})
        tap.ok(reply["status"] == 503 and time.monotonic() - at < 15,
               "one that is frozen: 503 before long",
               (reply, time.monotonic() - at))
        server.signal(signal.SIGCONT)
        tap.ok(api.until("ready"), "and ready when it goes on")
        # A link of the first that is not back yet would see the old schema.
        tap.ok(api.stop() == 0, "TERM: 0")
        server.sql("update schema_version set version = 0")
        tap.ok(Api(server, wait=False).process.wait(10) == 100,
               "a schema that is too old: 100")
        server.stop()
        api = Api(server, wait=False)
        tap.ok(api.until("waiting"), "started without a database: it waits")
        tap.ok(Peer().post("/api/v1/chat/rooms", 1, {"targetUserId": 2})
               ["status"] == 503, "and says so to who asks")
    finally:
        if api:
            api.stop()
        server.remove()


def successor(db):
    first = Api(db)
    second = Api(db, wait=False)
    tap.ok(second.until("waiting") and "is held by process %d" % first.process.pid
           in second.status()["why"], "a second one waits, and says for whom",
           second.status())
    first.process.kill()
    first.process.wait()
    tap.ok(second.until("ready", 5) and Peer().ask(
        "POST", "/edge/heads", None, {"rooms": []})["status"] == 200,
        "and takes over from the dead one")
    tap.ok(second.stop() == 0 and not os.path.exists(RUN + "/api.sock") and
           not os.path.exists(second.status_file),
           "it leaves no socket and no status behind")


# --------------------------------------------------------------------- chat-rooms

def rooms(*argv, stdin=""):
    done = subprocess.run(["chat-rooms", *argv], input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "CHAT_RUN": RUN})
    return done.returncode, done.stdout, done.stderr


def shell(db):
    lines = "".join('{"id":%d,"nickname":"u%d"}\n' % (n, n)
                    for n in range(1, 20001))
    tap.ok(rooms("users", "load", stdin=lines)[:2] ==
           (0, "20000 users loaded, 19600 of them new\n"), "20,000 users")
    listed = rooms("users", "list", "-j")[1].splitlines()
    tap.ok(len(listed) == 20000 and json.loads(listed[-1]) ==
           {"id": 20000, "nickname": "u20000", "profileImageUrl": None},
           "users list has them all")
    rooms("users", "load", stdin='{"id":1,"nickname":"a","profileImageUrl":'
          '"http://x"}\n{"id":2,"nickname":"b"}\n{"id":2,"nickname":"c"}\n')
    rooms("users", "load", stdin='{"id":1,"nickname":"b"}\n')
    tap.ok(db.sql("select nickname, profile_image_url from users where id < 3 "
                  "order by id") == [["b", "http://x"], ["c", ""]],
           "the last line of a user counts; an image not given stays")
    bad = rooms("users", "load",
                stdin='{"id":1,"nickname":"ok"}\n{"id":2}\n')
    tap.ok(bad[0] == 100 and "line 2: nickname is no text" in bad[2] and
           rooms("users", "load", "/nowhere")[0] == 100,
           "a bad line is named", bad)
    made = rooms("create", "-N", "the \u001b[31m room", "-u", "3,1,2")
    number = made[1].strip()
    shown = json.loads(rooms("show", number, "-j")[1])
    tap.ok(made[0] == 0 and shown["creatorId"] == 3 and shown["members"] == 3
           and shown["name"] == "the \u001b[31m room", "create and show", shown)
    say(db, int(number), 4, sender=3)
    table = rooms("show", number)[1]
    tap.ok("\u001b" not in table and "the ?[31m room" in table,
           "a terminal gets no control characters", table)
    lines = rooms("list", "-j")[1].splitlines()
    tap.ok(len(lines) == int(db.one("select count(*) from chat_rooms where "
                                    "deleted_at is null")) and
           number in [str(json.loads(x)["roomId"]) for x in lines], "list")
    members = [json.loads(x) for x in
               rooms("members", number, "-j")[1].splitlines()]
    tap.ok({(m["userId"], m["isCreator"]) for m in members} ==
           {(1, False), (2, False), (3, True)}, "members", members)
    tap.ok(seqs(map(json.loads, rooms(
        "history", number, "-j", "--limit", "3")[1].splitlines())) == [2, 3, 4]
        and rooms("history", number)[1].splitlines()[-1].endswith("message 4"),
        "history, downwards")
    before = db.one("select count(*) from chat_rooms")
    tap.ok(rooms("create", "-n", "-N", "x", "-u", "1")[:2] ==
           (0, "would create the room\n") and
           rooms("create", "-n", "-N", "x", "-u", "77777")[0] == 1 and
           rooms("users", "load", "-n", stdin='{"id":9,"nickname":"x"}\n')[:2]
           == (0, "would load 1 users\n") and
           db.one("select count(*) from chat_rooms") == before,
           "-n changes nothing")
    exits = [rooms(*a)[0] for a in (
        ("show", "999999"), ("members", "999999"), ("history", "999999"),
        ("create", "-N", "x", "-u", "77777"), ("create", "-N", " ", "-u", "1"),
        ("create", "-N", "x"), ("show", "x"), ("what",), (),
        ("list", "-c", "/nowhere"))]
    tap.ok(exits == [1, 1, 1, 1, 100, 100, 100, 100, 100, 111], "exit codes",
           exits)
    full = subprocess.run("chat-rooms list > /dev/full", shell=True,
                          stderr=subprocess.DEVNULL,
                          env={**os.environ, "CHAT_RUN": RUN})
    tap.ok(full.returncode == 111, "a full disk is 111")


# --------------------------------------------------------------------------- main

TOGETHER = [pairs, pair_rules, groups, history, others, paths, broken, follow,
            truncated, pages, kicked, heads, one_snapshot, shell]
ALONE = [full, lost_connections, away, successor]


def main():
    wanted = sys.argv[1:]
    with database("api_t") as db:
        together = [f for f in TOGETHER
                    if not wanted or f.__name__ in wanted]
        if together:
            api = Api(db)
            try:
                for f in together:
                    f(db)
            finally:
                tap.ok(api.stop() == 0, "chat-api ends with 0")
        for f in ALONE:
            if not wanted or f.__name__ in wanted:
                f(db)
    subprocess.run(["rm", "-rf", RUN])
    tap.end()


if __name__ == "__main__":
    main()
