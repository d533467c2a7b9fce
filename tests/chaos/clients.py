"""Faults that clients make, or suffer: broken and half-open connections, one
SEND many times, a server that says goodbye, readers of pipes that die."""

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import time
import uuid

import chatlib as c
from faults import fault
from network import rules
from place import inside, port
from stack import alive, until




def stranger(turn, n=0):
    """A user who is in no room of the crowd's."""
    user = turn.crowd.people[0].user + 90 + n
    c.users([user])
    return user


@fault("R-22", "twenty clients reset their connection in the middle of a frame",
       short=True)
def reset(stack, turn):
    pid = stack.actor("edge")
    tok = c.token(stranger(turn))
    frame = c.encode("SEND", {"destination": "/pub/chat/message"},
                     json.dumps({"roomId": 1, "content": "x" * 500}))

    async def one():
        conn = await c.Stomp.open(tok)
        conn.ws.writer.write(conn.ws.frame(1, frame)[:turn.chance.randint(
            1, 500)])
        await asyncio.sleep(0.05)
        s = conn.ws.writer.get_extra_info("socket")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        conn.ws.abort()

    async def all_of_them():
        await asyncio.gather(*(one() for _ in range(20)))
    turn.hit()
    asyncio.run(all_of_them())
    time.sleep(0.2)
    turn.expect(alive(pid), "the edge died of it")


@fault("R-23", "a client is gone without a word: its packets are dropped",
       inside=True)
def half_open(stack, turn):
    tok = c.token(stranger(turn))

    async def beat():
        ws = await c.WebSocket.open(port=port(6))
        ws.send(c.encode("CONNECT", {
            "accept-version": "1.2", "host": "chat", "heart-beat":
            "1000,1000", "Authorization": "Bearer " + tok}))
        assert c.decode(await ws.message()).command == "CONNECTED"
        number = ws.writer.get_extra_info("sockname")[1]
        with rules("tcp sport %d drop" % number, "tcp dport %d drop" % number):
            turn.hit()
            gone = await asyncio.to_thread(forgotten, stack, 12)
        ws.abort()
        return gone
    gone = asyncio.run(beat())
    turn.over()
    # The second edge wants a beat every 2 s: 2.4 times that, at least 5 s.
    turn.expect(gone and gone < 6.5, "the edge held it for %s s" % gone)


def forgotten(stack, seconds):
    """How long until the second edge has let a silent session go."""
    began, pid = time.monotonic(), stack.actor("edge2")
    before = stack.status("edge2")["closedIdle"]
    while time.monotonic() < began + seconds:
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.1)
        if stack.status("edge2")["closedIdle"] > before:
            return time.monotonic() - began
    return None


@fault("R-32", "one SEND a hundred times at once, on two edges")
def copies(stack, turn):
    ports = [port(0), port(6)] if inside() else [int(c.PORT)]
    users = [stranger(turn), stranger(turn, 1)]
    room = c.room("copies", users)
    tok, cmid = c.token(users[0]), str(uuid.uuid4())
    body = json.dumps({"roomId": room, "content": "1 from all",
                       "clientMessageId": cmid})

    async def one(number):
        conn = await c.Stomp.open(tok, port=number)
        for i in range(100 // len(ports)):
            conn.send("SEND", {"destination": "/pub/chat/message",
                               "receipt": str(i)}, body)
        got = 0
        while got < 100 // len(ports):
            got += (await conn.frame(20)).command == "RECEIPT"
        conn.ws.abort()

    async def both():
        await asyncio.gather(*(one(number) for number in ports))
    turn.hit()
    asyncio.run(both())
    until(30, "the copies are stored", lambda: c.sql(
        "select 1 from messages where chat_room_id = %d" % room), 0.1)
    time.sleep(0.5)
    rows = c.sql("select seq, client_message_id from messages where "
                 "chat_room_id = %d" % room)
    turn.expect(rows == [["1", cmid]], "stored as %s" % rows)


@fault("R-33", "TERM of the edge: clients are let go with 1012", short=True)
def goodbye(stack, turn):
    edge = turn.choose(*stack.edges())
    number = port(6) if edge == "edge2" else int(c.PORT)
    people = [p for p in turn.crowd.people if p.port == number]

    def codes():
        total = {}
        for p in people:
            for code, n in list(p.codes.items()):
                total[code] = total.get(code, 0) + n
        return total
    before = codes()
    turn.hit()
    stack.stop(edge)
    after = codes()
    stack.start(edge)
    new = {k: n - before.get(k, 0) for k, n in after.items()
           if n != before.get(k, 0)}
    turn.expect(set(new) <= {1012} and sum(new.values()) >= len(people) * 2 // 3,
                "connections closed with %s" % new)


# ----------------------------------------------------------------------- pipes

def view_reader(stack, turn):
    """chat-consume | head"""
    p = subprocess.Popen(["chat-consume", "-t", "chat-messages", "-o",
                          "start"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdout.readline()
    turn.hit()
    p.stdout.close()
    return p


def answer_reader(stack, turn):
    """jq | chat-produce | head"""
    p = subprocess.Popen(["chat-produce", "-t", "chat-signals", "--slot",
                          "71"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = b'{"id":1,"key":"0","value":{"by":"chaos"}}\n'
    p.stdin.write(line)
    p.stdin.flush()
    p.stdout.readline()
    turn.hit()
    p.stdout.close()
    try:
        p.stdin.write(line * 100)
        p.stdin.close()
    except BrokenPipeError:
        pass
    return p


@fault("R-34", "the reader of a pipe dies: a view, answers, a filter")
def reader_dies(stack, turn):
    if turn.choose("view", "answers", "filter") == "filter":
        pid = stack.actor(turn.chance.choice(stack.stores() + ["broadcast"]))
        turn.hit()
        os.kill(pid, signal.SIGKILL)
        return
    p = (view_reader if turn.variant == "view" else answer_reader)(stack, turn)
    try:
        code = p.wait(15)
        turn.expect(code in (0, 1, 111), "its writer ended with %d" % code)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        turn.expect(False, "its writer did not notice in 15 s")
