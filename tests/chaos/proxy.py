"""A man in the middle between chat-produce and Kafka: passes everything on,
until it is asked to hold the next request of one kind (EndTxn, AddOffsets ..),
or its answer. One thread a direction; connections of chat-produce are led here
by an nft rule while the proxy is open (see network.py: led)."""

import socket
import struct
import threading
import time

END_TXN = 26    # the API key: KIP-98
FROM = "127.0.0.9"


class Proxy:
    def __init__(self, port, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", port))
        self.key, self.hold_s, self.answers = None, 0.0, False
        self.caught = threading.Event()
        self.passed = threading.Event()
        self.on_catch = None
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def catch(self, key, hold_s, answers=False, on_catch=None):
        """The next request with this key waits so long before it goes on; or
        its answer does. on_catch is called when it is seen."""
        self.caught.clear()
        self.passed.clear()
        self.hold_s, self.answers = hold_s, answers
        self.on_catch = on_catch
        self.key = key

    def close(self):
        """Nobody may sleep in accept() any more: it would keep the port.
        Again: nothing."""
        shut(self.listener, *self.sockets)
        self.listener.close()
        for s in self.sockets:
            s.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(
                    ("127.0.0.1", self.target), source_address=(FROM, 0))
            except OSError:
                if self.listener.fileno() < 0:
                    return
                client.close()
                continue
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            awaited = set()     # correlation ids whose answers are held
            for work, args in ((self.requests, (client, server, awaited)),
                               (self.replies, (server, client, awaited))):
                threading.Thread(target=work, args=args, daemon=True).start()

    def requests(self, source, sink, awaited):
        for frame in frames(source):
            key, _, correlation = struct.unpack(">hhi", frame[4:12])
            if key == self.key:
                self.key = None
                if self.on_catch:
                    self.on_catch()
                if self.answers:
                    awaited.add(correlation)
                self.caught.set()
                if not self.answers:
                    self.hold()
            if not put(sink, frame):
                break
            if self.caught.is_set() and not self.answers:
                self.passed.set()
        shut(source, sink)

    def replies(self, source, sink, awaited):
        for frame in frames(source):
            correlation, = struct.unpack(">i", frame[4:8])
            if correlation in awaited:
                awaited.discard(correlation)
                self.hold()
                self.passed.set()
            if not put(sink, frame):
                break
        shut(source, sink)

    def hold(self):
        time.sleep(self.hold_s)


def shut(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def put(sink, frame):
    try:
        sink.sendall(frame)
        return True
    except OSError:
        return False


def frames(source):
    """Kafka's frames, each with its four bytes of length, until the end."""
    stream = source.makefile("rb")
    while True:
        try:
            head = stream.read(4)
            if len(head) < 4:
                return
            size, = struct.unpack(">i", head)
            body = stream.read(size)
            if len(body) < size:
                return
            yield head + body
        except (OSError, ValueError):
            return
