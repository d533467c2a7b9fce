#!/usr/bin/env python3
"""A stand-in for a chat server: STOMP over WebSocket, everything in memory.

For the tests of chat-connect and chat-bench, which must need no broker. It
prints its port, then serves until it is killed. Numbers messages per room,
answers receipts, keeps the history for from-seq, knows copies by their
clientMessageId, and misbehaves where it is asked to:

 --freeze S:AT    stand still for S seconds when message number AT comes
 --drop AT        do not deliver message AT to the room's last subscriber
 --double AT      deliver it twice to the room's last subscriber
 --swap AT        deliver it to the room's last subscriber after the next one
 --cut AT         store message AT, then hang up on everybody
 --no-seq         without seq headers, receipts for SEND only

and by a message's content: !lose (stored, then hang up without a RECEIPT),
!drop-before (hang up before it is stored), !later (refused once with
retryAfter), !refuse (refused by the edge), !refuse-late (refused after its
RECEIPT), !hole (its delivery is left out), !1012, !4001, !burst (50 more).
"""
import argparse
import asyncio
import base64
import hashlib
import json
import struct
import sys
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
args = None
rooms = {}
clients = set()
received = 0


class Room:
    def __init__(self, number):
        self.number, self.log, self.known, self.subs = number, [], {}, []
        self.held = None

    def frame(self, seq, sub, message):
        body = json.dumps(message, ensure_ascii=False).encode()
        head = "MESSAGE\nsubscription:%s\ndestination:/sub/chat/room/%d\n" \
            "message-id:room-%d-%d\ncontent-length:%d\n" % (
                sub, self.number, self.number, seq, len(body))
        if not args.no_seq:
            head += "seq:%d\n" % seq
        return head.encode() + b"\n" + body + b"\0"

    def store(self, message):
        message["seq"] = message["messageId"] = len(self.log) + 1
        self.log.append(message)
        last = len(self.subs) - 1
        for i, (client, sub) in enumerate(self.subs):
            frame = self.frame(message["seq"], sub, message)
            if i == last and received == args.drop:
                continue
            if i == last and received == args.swap:
                self.held = (client, frame)
                continue
            if message["content"] == "!hole":
                continue
            client.text(frame)
            if i == last and received == args.double:
                client.text(frame)
        if self.held and received == args.swap + 1:
            self.held[0].text(self.held[1])
            self.held = None


def room_of(number):
    return rooms.setdefault(number, Room(number))


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.user, self.subs, self.queues, self.later = 0, {}, {}, set()

    def send(self, op, payload):
        head = bytes([0x80 | op])
        if len(payload) < 126:
            head += bytes([len(payload)])
        elif len(payload) < 65536:
            head += bytes([126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([127]) + struct.pack(">Q", len(payload))
        if not self.writer.is_closing():
            self.writer.write(head + payload)

    def text(self, payload):
        self.send(1, payload)

    def stomp(self, command, headers, body=b""):
        lines = [command] + ["%s:%s" % h for h in headers.items()]
        self.text("\n".join(lines).encode() + b"\n\n" + body + b"\0")

    def close(self, code, reason):
        self.send(8, struct.pack(">H", code) + reason.encode())
        self.writer.close()

    def queue(self, name, value):
        if name in self.queues:
            self.stomp("MESSAGE", {
                "subscription": self.queues[name],
                "destination": "/user/queue/" + name,
                "message-id": "q"}, json.dumps(value).encode())

    async def frames(self):
        while True:
            b0, b1 = await self.reader.readexactly(2)
            n = b1 & 127
            if n == 126:
                n, = struct.unpack(">H", await self.reader.readexactly(2))
            elif n == 127:
                n, = struct.unpack(">Q", await self.reader.readexactly(8))
            assert b1 & 128, "a client's frame without a mask"
            mask = await self.reader.readexactly(4)
            data = await self.reader.readexactly(n)
            key = (mask * (n // 4 + 1))[:n]
            data = (int.from_bytes(data, "big") ^
                    int.from_bytes(key, "big")).to_bytes(n, "big")
            yield b0 & 15, data

    async def shake(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in
                   (line.partition(":") for line in lines[1:])}
        if "/refused" in lines[0]:
            self.writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return False
        key = headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.writer.write((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
            "Sec-WebSocket-Protocol: v12.stomp\r\n\r\n" % accept).encode())
        return True

    async def serve(self):
        if not await self.shake():
            return
        async for op, data in self.frames():
            if op == 8:
                self.send(8, data[:2])
                return
            if op == 9:
                self.send(10, data)
            if op != 1 or not data.strip(b"\r\n"):
                continue
            head, _, body = data.rstrip(b"\0").partition(b"\n\n")
            lines = head.decode().split("\n")
            headers = dict(line.split(":", 1) for line in lines[1:])
            getattr(self, "on_" + lines[0].lower())(headers, body)
            if self.writer.is_closing():
                return

    def receipt(self, headers, **more):
        if "receipt" in headers:
            self.stomp("RECEIPT", {"receipt-id": headers["receipt"], **more})

    def on_connect(self, headers, body):
        token = headers.get("Authorization", "").replace("Bearer ", "")
        try:
            payload = token.split(".")[1]
            payload += "=" * (-len(payload) % 4)
            self.user = int(json.loads(
                base64.urlsafe_b64decode(payload))["sub"])
        except (IndexError, ValueError):
            self.stomp("ERROR", {"message": "no valid token"})
            self.close(1008, "no valid token")
            return
        self.stomp("CONNECTED", {"version": "1.2", "heart-beat": "0,0"})

    def on_subscribe(self, headers, body):
        name, ident = headers["destination"], headers["id"]
        if name.startswith("/user/queue/"):
            self.queues[name[12:]] = ident
            return self.receipt(headers)
        number = int(name.rsplit("/", 1)[1])
        if number == 404:
            return self.queue("errors", {
                "type": "ERROR", "code": "NOT_A_MEMBER", "message": "no",
                "final": False, "subscriptionId": ident, "roomId": number})
        room = room_of(number)
        head, status = len(room.log), "live"
        after = int(headers.get("from-seq", head))
        if "from-seq" in headers:
            status = "recovered" if after <= head else "reset"
        if args.no_seq:
            self.receipt(headers)
        else:
            self.receipt(headers, status=status, head=head, epoch="e1")
        for message in room.log[after:]:
            self.text(room.frame(message["seq"], ident, message))
        room.subs.append((self, ident))
        self.subs[ident] = room

    def on_unsubscribe(self, headers, body):
        room = self.subs.pop(headers["id"], None)
        if room:
            room.subs.remove((self, headers["id"]))
        self.receipt(headers)

    def on_disconnect(self, headers, body):
        self.receipt(headers)

    def refuse(self, message, code, **more):
        self.queue("errors", {
            "type": "ERROR", "code": code, "message": "refused",
            "final": code == "REFUSED", "roomId": message["roomId"],
            "clientMessageId": message.get("clientMessageId"), **more})

    def on_send(self, headers, body):
        global received
        message = json.loads(body)
        content, ident = message["content"], message.get("clientMessageId")
        room = room_of(message["roomId"])
        received += 1
        if args.freeze and received == args.freeze[1]:
            time.sleep(args.freeze[0])
        if content == "!refuse":
            return self.refuse(message, "REFUSED",
                               receiptId=headers.get("receipt"))
        if content == "!later" and ident not in self.later:
            self.later.add(ident)
            return self.refuse(message, "RATE_LIMIT_EXCEEDED", retryAfter=1,
                               receiptId=headers.get("receipt"))
        first = (self.user, ident) not in room.known
        if content == "!drop-before" and first:
            room.known[self.user, ident] = 0
            return self.writer.close()
        if first or not room.known[self.user, ident]:
            self.store(room, message, headers)
            if content == "!lose":
                return self.writer.close()
        if received == args.cut:
            for client in list(clients):
                client.writer.close()
            return None
        self.receipt(headers)
        self.queue("acks", {
            "roomId": room.number, "clientMessageId": ident,
            "messageId": 1, "seq": room.known.get((self.user, ident), 0),
            "duplicate": not first})
        if content in ("!1012", "!4001") and first:
            self.close(int(content[1:]), "as you asked")

    def store(self, room, message, headers):
        if message["content"] == "!refuse-late":
            self.receipt(headers)
            return self.refuse(message, "REFUSED")
        many = 51 if message["content"] == "!burst" else 1
        for _ in range(many):
            room.store(dict(
                message, senderId=self.user, type="TEXT",
                senderNickname="user%d" % self.user))
        ident = message.get("clientMessageId")
        if ident is not None:
            room.known[self.user, ident] = len(room.log)


async def on_client(reader, writer):
    client = Client(reader, writer)
    clients.add(client)
    try:
        await client.serve()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        clients.discard(client)
        for ident, room in client.subs.items():
            room.subs.remove((client, ident))
        writer.close()


async def main():
    server = await asyncio.start_server(on_client, "127.0.0.1", args.port,
                                        backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def pair(text):
    seconds, at = text.split(":")
    return float(seconds), int(at)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--freeze", type=pair)
    for flag in ("--drop", "--double", "--swap", "--cut"):
        parser.add_argument(flag, type=int, default=-9)
    parser.add_argument("--no-seq", action="store_true")
    args = parser.parse_args()
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
