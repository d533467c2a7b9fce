"""Clients that behave badly: in masses at once, that never read, that send a
byte a second, that come and go, that reset what they have begun."""

import asyncio
import json
import socket
import struct
import uuid

import chatlib as c
from clients import stranger
from faults import fault
from stack import alive, until

GONE = (c.Closed, OSError, EOFError, AssertionError, asyncio.TimeoutError,
        asyncio.IncompleteReadError)


def storm(tok, count, seconds=15, hold=1):
    """So many connections at once; how many were made."""
    async def one():
        try:
            conn = await asyncio.wait_for(c.Stomp.open(tok), seconds)
            await asyncio.sleep(hold)
            conn.ws.abort()
            return 1
        except GONE:
            return 0

    async def all_of_them():
        return sum(await asyncio.gather(*(one() for _ in range(count))))
    return asyncio.run(all_of_them())


def survives(stack, turn, run):
    """Coroutines of clients, whatever becomes of them; the edge does."""
    pid = stack.actor("edge")
    turn.hit()
    asyncio.run(run())
    turn.over()
    turn.expect(alive(pid), "the edge died of it")


@fault("X-80", "900 connections at once")
def thousand(stack, turn):
    pid, tok = stack.actor("edge"), c.token(stranger(turn))
    turn.hit()
    n = storm(tok, 900)
    turn.variant = "%d made" % n
    turn.over()
    turn.expect(alive(pid), "the edge died of it")


@fault("X-81", "twenty members never read while their rooms are busy, for 5 s")
def slow(stack, turn):
    rooms = turn.crowd.rooms
    users = [p.user for p in turn.crowd.people[:4]]
    toks = [c.token(u) for u in users]

    async def one(i):
        conn = await c.Stomp.open(toks[i % 4])
        for r in rooms[:4]:
            conn.send("SUBSCRIBE", {"id": "room-%d" % r, "from-seq": "0",
                                    "destination": "/sub/chat/room/%d" % r})
        conn.ws.writer.transport.pause_reading()
        return conn

    async def all_of_them():
        conns = []
        for i in range(20):
            try:
                conns.append(await one(i))
            except GONE:
                pass
        await asyncio.sleep(5)
        for conn in conns:
            conn.ws.abort()
    survives(stack, turn, all_of_them)


@fault("X-82", "a client subscribes and leaves 1,000 times")
def fickle(stack, turn):
    user = stranger(turn)
    room = c.room("fickle", [user, stranger(turn, 1)])
    tok = c.token(user)

    async def run():
        conn = await c.Stomp.open(tok)
        for i in range(1000):
            conn.send("SUBSCRIBE", {"id": str(i), "destination":
                                    "/sub/chat/room/%d" % room,
                                    "receipt": "s%d" % i})
            conn.send("UNSUBSCRIBE", {"id": str(i), "receipt": "u%d" % i})
        got = 0
        while got < 1000:
            f = await conn.frame(20)
            got += f.command == "RECEIPT" and \
                f.headers["receipt-id"].startswith("u")
        conn.ws.abort()
    turn.hit()
    asyncio.run(run())
    turn.over()


@fault("X-83", "one clientMessageId from two users, and in two rooms")
def one_id(stack, turn):
    users = [stranger(turn), stranger(turn, 1)]
    rooms = [c.room("one id %d" % i, users) for i in range(2)]
    cmid = str(uuid.uuid4())

    async def one(user):
        conn = await c.Stomp.open(c.token(user))
        for r in rooms:
            conn.send("SEND", {"destination": "/pub/chat/message",
                               "receipt": str(r)}, json.dumps({
                                   "roomId": r, "content": "1 from %d" % user,
                                   "clientMessageId": cmid}))
        for _ in rooms:
            assert (await conn.frame(20)).command == "RECEIPT"
        conn.ws.abort()

    async def both():
        await asyncio.gather(*(one(u) for u in users))
    turn.hit()
    asyncio.run(both())
    until(20, "four are stored", lambda: len(c.sql(
        "select 1 from messages where client_message_id = '%s'" % cmid)) == 4,
        0.1)


@fault("X-84", "fifty clients send a byte a second")
def dribble(stack, turn):
    tok = c.token(stranger(turn))

    async def one(i):
        try:
            if i % 2:
                r, w = await asyncio.open_connection("127.0.0.1",
                                                     int(c.PORT))
                data = b"GET /ws/v1/chat HTTP/1.1\r\nHost: x\r\n"
            else:
                conn = await c.Stomp.open(tok)
                w = conn.ws.writer
                data = conn.ws.frame(1, c.encode("SEND", {
                    "destination": "/pub/chat/message"}, "{}"))
            for k in range(5):
                if w.is_closing():
                    return
                w.write(data[k:k + 1])
                await asyncio.sleep(1)
            w.transport.abort()
        except GONE:
            pass

    async def all_of_them():
        await asyncio.gather(*(one(i) for i in range(50)))
    survives(stack, turn, all_of_them)


@fault("X-85", "RST in the middle of a SEND, receipts pending, sent again")
def reset_pending(stack, turn):
    users = [stranger(turn), stranger(turn, 1)]
    room = c.room("reset", users)
    tok = c.token(users[0])
    frames = [c.encode("SEND", {"destination": "/pub/chat/message",
                                "receipt": str(i)}, json.dumps({
                                    "roomId": room, "content": "%d" % i,
                                    "clientMessageId": str(uuid.uuid4())}))
              for i in range(1, 41)]

    async def run():
        for n in (10, 20, 30, 40):
            conn = await c.Stomp.open(tok)
            for f in frames[:n]:
                conn.ws.writer.write(conn.ws.frame(1, f))
            if n < 40:
                half = conn.ws.frame(1, frames[n])
                conn.ws.writer.write(half[:turn.chance.randint(
                    1, len(half) - 1)])
                await conn.ws.writer.drain()
                await asyncio.sleep(turn.chance.uniform(0, 0.02))
                s = conn.ws.writer.get_extra_info("socket")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
                conn.ws.abort()
                continue
            for _ in range(40):
                assert (await conn.frame(20)).command == "RECEIPT"
            conn.ws.abort()
    turn.hit()
    asyncio.run(run())
    until(20, "all are stored", lambda: len(c.sql(
        "select 1 from messages where chat_room_id = %d" % room)) == 40, 0.1)
    rows = [r[0] for r in c.sql("select content from messages where "
                                "chat_room_id = %d order by seq" % room)]
    turn.expect(rows == [str(i) for i in range(1, 41)], "order: %s" % rows)
