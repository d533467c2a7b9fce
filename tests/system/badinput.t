#!/usr/bin/env python3
"""Bad input from clients and on the command line: each gets a clear answer,
nothing is lost, nothing crashes, and the others notice nothing."""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chatlib as c  # noqa: E402

USERS = [9401, 9402]
tap = c.Tap()


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("VmRSS"))


async def end_of(ws, seconds=10):
    """All frames until the end: their list, and the close code."""
    frames = []
    try:
        while True:
            data = await asyncio.wait_for(ws.message(), seconds)
            if data.strip(b"\r\n"):
                frames.append(c.decode(data))
    except (c.Closed, asyncio.IncompleteReadError, OSError):
        pass
    except asyncio.TimeoutError:
        return frames, "still open"
    return frames, ws.close_code


# ------------------------------------------------------------------- tokens

async def connect(headers, query=""):
    ws = await c.WebSocket.open(query)
    if ws.code != 101:
        return ws.code, None
    ws.send(c.encode("CONNECT", {"accept-version": "1.2", "host": "x",
                                 **headers}))
    frames, code = await end_of(ws, 3)
    return (frames[0].command if frames else None), code


async def tokens():
    good = c.token(USERS[0])
    old = c.token(USERS[0], "-T", "1")
    await asyncio.sleep(7)  # and the leeway of 5 s
    head, claims, signature = good.split(".")
    turned = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    bad = ".".join((head, claims, turned))
    none = "eyJhbGciOiJub25lIn0." + claims + "."
    tap.ok(await connect({}) == ("ERROR", 1008), "no token: ERROR and close",
           await connect({}))
    for name, tok in (("a bad", bad), ("an unsigned", none),
                      ("a senseless", "x"), ("an expired", old)):
        got = await connect({"Authorization": "Bearer " + tok})
        tap.ok(got[0] == "ERROR" and got[1] in (1008, 4003),
               "%s token on CONNECT: ERROR and close" % name, got)
        got = await connect({}, "?token=" + tok)
        tap.ok(got[0] == 401, "%s token in the query: 401" % name, got)
    got = await connect({"Authorization": "Bearer " + old})
    tap.ok(got[1] == 4003, "an expired one is told apart (4003)", got)
    got = await connect({"Authorization": "Bearer " + good},
                        "?access_token=" + c.token(USERS[1]))
    tap.ok(got[0] == "ERROR", "two tokens of two users: ERROR", got)
    for headers in ({"Authorization": "Bearer " + good},
                    {"Authorization": good}):
        got = await connect(headers)
        tap.ok(got[0] == "CONNECTED", "a good one: CONNECTED", got)


# ------------------------------------------------------------------- frames

async def receipts(conn, want, seconds=10):
    got = []
    while len(got) < want:
        frame = await conn.frame(seconds)
        if frame.command == "RECEIPT":
            got.append(frame.headers["receipt-id"])
        else:
            return got + [frame]
    return got


async def cut_at_every_byte():
    conn = await c.Stomp.open(c.token(USERS[0]))
    data = c.encode("SUBSCRIBE", {"id": "cut", "receipt": "cut",
                                  "destination": "/user/queue/errors"})
    off = c.encode("UNSUBSCRIBE", {"id": "cut", "receipt": "off"})
    wrong = []
    for i in range(1, len(data)):
        conn.ws.send(data[:i])
        conn.ws.send(data[i:])
        conn.ws.send(off)
        got = await receipts(conn, 2)
        if got != ["cut", "off"]:
            wrong.append((i, got))
            break
    tap.ok(not wrong, "a frame cut at every byte, over two messages", wrong)
    for i in range(1, len(data)):
        w = conn.ws
        w.writer.write(w.frame(1, data[:i], fin=False) + w.frame(0, data[i:]))
        conn.ws.send(off)
        got = await receipts(conn, 2)
        if got != ["cut", "off"]:
            wrong.append((i, got))
            break
    tap.ok(not wrong, "and over two fragments of one message", wrong)
    for i in range(1, len(data)):
        raw = conn.ws.frame(1, data) + conn.ws.frame(1, off)
        conn.ws.writer.write(raw[:i])
        await asyncio.sleep(0.002)
        conn.ws.writer.write(raw[i:])
        got = await receipts(conn, 2)
        if got != ["cut", "off"]:
            wrong.append((i, got))
            break
    tap.ok(not wrong, "and over two writes to the socket", wrong)
    many = b"".join(
        c.encode("SUBSCRIBE", {"id": "m%d" % i, "receipt": "m%d" % i,
                               "destination": "/user/queue/acks"})
        + (b"\n" * (i % 3)) for i in range(100))
    conn.ws.send(many)
    got = await receipts(conn, 100)
    tap.ok(got == ["m%d" % i for i in range(100)],
           "a hundred frames in one message", got[-3:])
    conn.ws.abort()


async def huge():
    edge = c.status()["edge"]["pid"]
    before = rss(edge)
    conn = await c.Stomp.open(c.token(USERS[0]))
    head = (b"\x81\xff" + (100 << 20).to_bytes(8, "big") + b"\0\0\0\0")
    conn.ws.writer.write(head + b"SEND\ndestination:/pub/chat/message\n\n")
    sent = 0
    end = asyncio.create_task(end_of(conn.ws))
    try:
        while sent < 100 << 20 and not end.done():
            conn.ws.writer.write(b"x" * 65536)
            await conn.ws.writer.drain()
            sent += 65536
    except OSError:
        pass
    frames, code = await end
    tap.ok(code == 1009, "a frame of 100 MB: closed with 1009", code)
    tap.ok(sent < 20 << 20, "long before it has come to its end", sent)
    tap.ok(rss(edge) - before < 8192, "and it takes no memory",
           "%d KiB more" % (rss(edge) - before))

    conn = await c.Stomp.open(c.token(USERS[0]))
    conn.send("SEND", {"destination": "/pub/chat/message"}, "x" * 70000)
    frames, code = await end_of(conn.ws)
    tap.ok(code == 1009, "a STOMP frame over 64 KiB: closed with 1009", code)
    tap.ok(frames and frames[0].command == "ERROR" and
           "65536" in str(frames[0]), "after an ERROR that names the limit",
           frames)
    conn = await c.Stomp.open(c.token(USERS[0]))
    conn.ws.send(b"SEND\ndestination:/pub/chat/message\n"
                 b"content-length:104857600\n\n{")
    frames, code = await end_of(conn.ws)
    tap.ok(code == 1009, "a declared length of 100 MB is enough", code)
    for name, raw in (
            ("an unknown command", b"NONSENSE\n\n\0"),
            ("a header without a colon", b"SEND\nno colon\n\n\0"),
            ("a server's frame", b"MESSAGE\nsubscription:1\n\n\0"),
            ("a second CONNECT", c.encode("CONNECT", {
                "accept-version": "1.2"})),
            ("65 headers", b"SEND\n" + b"a:b\n" * 65 + b"\n\0"),
            ("two lengths that differ", b"SEND\ncontent-length:1\n"
             b"content-length:2\n\nx\0"),
            ("a transaction", b"BEGIN\ntransaction:1\n\n\0")):
        conn = await c.Stomp.open(c.token(USERS[0]))
        conn.ws.send(raw)
        frames, code = await end_of(conn.ws)
        tap.ok(frames and frames[0].command == "ERROR" and code != "still open",
               "%s: ERROR and close" % name, (frames, code))


# ------------------------------------------------------------------- bodies

async def bodies(room):
    conn = await c.Stomp.open(c.token(USERS[0]))
    conn.send("SUBSCRIBE", {"id": "errors", "receipt": "s",
                            "destination": "/user/queue/errors"})
    await receipts(conn, 1)
    cmid = str(uuid.uuid4())
    good = {"roomId": room, "content": "x", "clientMessageId": cmid}
    for name, body in (
            ("no JSON", "{"), ("an array", "[]"), ("a text", '"x"'),
            ("nothing", ""), ("two values", '{"roomId":1} {}'),
            ("a room that is a text", '{"roomId":"a","content":"x"}'),
            ("no content", json.dumps({"roomId": room})),
            ("a blank content", json.dumps(dict(good, content=" \u3000\n"))),
            ("5001 characters", json.dumps(dict(good, content="\u00fc" * 5001))),
            ("U+0000", json.dumps(dict(good, content="a\0b"))),
            ("a broken escape", '{"roomId":%d,"content":"\\x"}' % room),
            ("half a surrogate", '{"roomId":%d,"content":"\\ud800"}' % room),
            ("an id that is none", json.dumps(dict(
                good, clientMessageId="not a uuid"))),
            ("a type that is none", json.dumps(dict(good, type="NOISE")))):
        conn.send("SEND", {"destination": "/pub/chat/message",
                           "receipt": "r"}, body)
        frame = await conn.frame(5)
        error = json.loads(frame.body) if frame.command == "MESSAGE" else {}
        tap.ok(error.get("type") == "ERROR" and error.get("final") is True
               and error.get("receiptId") == "r" and error.get("code"),
               "%s: refused for ever, with its receipt's id" % name, frame)
    for name, destination, body in (
            ("an unknown destination", "/pub/chat/nothing", "{}"),
            ("a room that is not there", "/pub/chat/message",
             json.dumps(dict(good, roomId=99999999)))):
        conn.send("SEND", {"destination": destination, "receipt": "u"}, body)
        frame = await conn.frame(5)
        while frame.command == "RECEIPT":  # the store refuses it later
            frame = await conn.frame(5)
        tap.ok(frame.command == "MESSAGE" and
               json.loads(frame.body)["code"] in ("UNKNOWN_DESTINATION",
                                                  "NOT_A_MEMBER"),
               "%s: refused, the connection stays" % name, frame)
    conn.send("SEND", {"destination": "/pub/chat/message", "receipt": "good"},
              json.dumps(good))
    got = await receipts(conn, 1)
    tap.ok(got == ["good"], "then a good one gets its RECEIPT", got)
    conn.ws.abort()
    for _ in range(50):
        rows = c.sql("select content from messages where chat_room_id = %d"
                     % room)
        if rows:
            break
        await asyncio.sleep(0.1)
    tap.ok(rows == [["x"]], "and it alone is stored", rows)


# ------------------------------------------------------------- command lines

def sh(command, stdin=b""):
    done = subprocess.run(["sh", "-c", command], input=stdin, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def answers(lines, options=""):
    code, out, err = sh("chat-produce -I " + options, lines)
    return code, [json.loads(x) for x in out.splitlines()], err


def programs(room):
    code, out, err = answers(
        b'{"id":"a","topic":"no-such-topic","key":"1","value":{}}\n')
    tap.ok(code == 1 and [(a["id"], a["status"]) for a in out] ==
           [("a", "dead")], "a record for an unknown topic: dead, exit 1",
           (code, out, err))
    good = b'{"id":"g","topic":"chat-signals","key":"1","value":{}}\n'
    for name, bad in (("broken JSON", b'{"id":"b","topic":\n'),
                      ("no object", b'[1]\n'),
                      ("a value twice", b'{"topic":"chat-signals","value":1,'
                       b'"value":2}\n')):
        code, out, err = answers(good + bad + good)
        done = [a for a in out if a.get("status") == "done"]
        tap.ok(code == 1 and len(done) == 2,
               "%s between two records: they arrive, exit 1" % name,
               (code, out, err))
    code, out, err = answers(
        good + b'{"topic":"chat-signals","value":{"x":"'
        + b"x" * (17 << 20) + b'"}}\n' + good)
    done = [a for a in out if a.get("status") == "done"]
    tap.ok(code == 1 and len(done) == 2, "a line of 17 MB between them too",
           (code, out[:3], err[-300:]))

    for name, command in (
            ("chat-consume", "chat-consume -t chat-messages -e end"),
            ("chat-rooms list", "chat-rooms list"),
            ("chat-rooms history", "chat-rooms history %d" % room),
            ("chat-token", "chat-token -u 7"),
            ("chat-topics list", "chat-topics list"),
            ("chat-connect", "chat-connect -u %d -r %d --from-seq 0 --wait 1 "
             "-T 10 </dev/null" % (USERS[0], room)),
            ("chat-produce", "echo '{\"topic\":\"chat-signals\",\"key\":\"1\","
             "\"value\":{}}' | chat-produce -I")):
        code, out, err = sh(command + " >/dev/full")
        tap.ok(code == 111 and err, "%s on a full disk: 111, and says so"
               % name, (code, err))
        code, out, err = sh("trap '' PIPE; { %s; echo $? >&2; } | true"
                            % command)
        last = err.split()[-1:] or [b""]
        tap.ok(last[0] in (b"111", b"0"), "%s into a closed pipe: ends" % name,
               err[-300:])
    for command in ("chat-consume", "chat-consume -t", "chat-produce -l",
                    "chat-rooms no-such-word", "chat-token -u x",
                    "chat-topics apply /no/such/file", "chat-connect -u 1",
                    "chat-ws-edge --port 70000", "chat-store --batch x",
                    "chat-broadcast", "chat-api -l /no/such/dir/x.sock",
                    "chat-bench --no-such-option"):
        code, out, err = sh(command + " </dev/null")
        tap.ok(code == 100 and err and not out, "'%s': 100" % command,
               (code, out, err))


async def main():
    pids = {n: s.get("pid") for n, s in c.status().items()}
    letters = c.topic_records("chat-messages-dlt")
    c.users(USERS)
    room = c.room("bad input", USERS)
    witness = c.Member(USERS[1], [room])
    life = asyncio.create_task(witness.live())
    await tokens()
    await cut_at_every_byte()
    await huge()
    await bodies(room)
    for _ in range(50):
        if witness.seen[room]:
            break
        await asyncio.sleep(0.1)
    tap.ok(witness.seen[room] == [1] and witness.connections == 1,
           "another client saw the one good message, and nothing else",
           (witness.seen, witness.connections, witness.strange))
    life.cancel()
    await asyncio.to_thread(programs, room)
    tap.ok(c.topic_records("chat-messages-dlt") == letters,
           "nothing was dead-lettered")
    after = {n: s.get("pid") for n, s in c.status().items()}
    tap.ok(pids == after, "no program ended", (pids, after))
    tap.end()


asyncio.run(main())
