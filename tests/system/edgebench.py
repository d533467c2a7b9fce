"""A bench for chat-ws-edge: it runs the program between sockets that are
played here, so that answers can be held back, reordered and cut. What a test
sends to clients and to the program is chosen by the test; nothing of the real
pipeline is simulated beyond what one test needs.

Standard library only. Tests print TAP.
"""
import atexit
import base64
import hashlib
import hmac
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SECRET = b"0123456789abcdef0123456789abcdef"


def _programs():
    """$B; else the sanitized build where it is not older than the other."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    plain = os.path.join(root, "build")
    careful = os.path.join(root, "build-address-undefined")
    age = lambda b: os.path.getmtime(os.path.join(b, "chat-ws-edge"))
    try:
        return careful if age(careful) >= age(plain) - 600 else plain
    except OSError:
        return plain


PROGRAMS = os.environ.get("B") or _programs()

# ---- TAP -------------------------------------------------------------------

_count = 0
_failed = 0


def ok(what, name):
    global _count, _failed
    _count += 1
    if not what:
        _failed += 1
    print("%sok %d - %s" % ("" if what else "not ", _count, name), flush=True)
    return bool(what)


def eq(got, want, name):
    if not ok(got == want, name):
        print("#  got %.600r\n# want %.600r" % (got, want), flush=True)


def done():
    print("1..%d" % _count, flush=True)
    sys.exit(1 if _failed else 0)


def until(what, seconds=5):
    """Waits for what() to be true; returns its last value."""
    end = time.time() + seconds
    while True:
        value = what()
        if value or time.time() > end:
            return value
        time.sleep(0.005)


# ---- tokens ------------------------------------------------------------------


def _b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(user, seconds=3600, secret=SECRET, head=None, **claims):
    head = head or {"alg": "HS256", "typ": "JWT"}
    body = {"sub": str(user), "exp": int(time.time()) + seconds}
    body.update(claims)
    text = _b64(json.dumps(head).encode()) + "." + _b64(
        json.dumps(body).encode())
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return text + "." + _b64(mac)


# ---- lines on Unix sockets ------------------------------------------------------


class Line:
    """One end of a socket that chat-ws-edge dials."""

    def __init__(self, path, name, on_line=None):
        self.path, self.name, self.on_line = path, name, on_line
        self.peer = None
        self.lines = []      # what came, parsed, without hellos
        self.lock = threading.RLock()
        self.listener = None
        self.ups = 0
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self._accept, args=(self.listener,),
                         daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(peer,),
                             daemon=True).start()

    def _read(self, peer):
        peer.sendall((json.dumps({"hello": "chat/1", "from": self.name,
                                  "maxLine": 1 << 20}) + "\n").encode())
        data = b""
        while True:
            try:
                piece = peer.recv(65536)
            except OSError:
                piece = b""
            if not piece:
                break
            data += piece
            while b"\n" in data:
                text, data = data.split(b"\n", 1)
                line = json.loads(text)
                if "hello" in line:
                    with self.lock:
                        self.peer = peer
                        self.ups += 1
                    self.on_up()
                    continue
                with self.lock:
                    self.lines.append(line)
                if self.on_line:
                    self.on_line(line)
        with self.lock:
            if self.peer is peer:
                self.peer = None

    def on_up(self):
        pass

    def send(self, *objects):
        text = "".join(
            (o if isinstance(o, str) else json.dumps(o)) + "\n"
            for o in objects).encode()
        self.peer.sendall(text)

    def drop(self):
        """The connection is lost; the other side may dial again at once."""
        with self.lock:
            peer, self.peer = self.peer, None
        if peer:
            peer.shutdown(socket.SHUT_RDWR)

    def stop(self):
        """Lost, and nobody listens."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
        self.drop()


class Produce(Line):
    """chat-produce: answers at once, or (hold) when told."""

    def __init__(self, path):
        self.hold = False
        self.offset = 0
        super().__init__(path, "chat-produce", self.record)

    def record(self, line):
        if not self.hold:
            self.answer(line)

    def answer(self, line, status="done", **more):
        self.offset += 1
        self.send(dict({"id": line["id"], "status": status,
                        "topic": line["topic"], "partition": 0,
                        "offset": self.offset}, **more))


class Events(Line):
    """chat-broadcast: says ready when connected."""

    def __init__(self, path):
        self.auto = True
        super().__init__(path, "chat-broadcast")

    def on_up(self):
        if self.auto:
            self.send({"control": "ready"})

    def event(self, value):
        self.send({"topic": "chat-events", "partition": 0, "offset": 1,
                   "timestamp": 1, "key": "1", "value": value})


class Api(Line):
    """chat-api with rooms in memory; a handler may hold answers back."""

    def __init__(self, path):
        self.rooms = {}          # id -> {"members": set, "messages": []}
        self.epoch = "e1"
        self.held = []           # requests not answered, with .hold
        self.hold = set()        # paths that are held back
        self.fail = set()        # paths answered 503
        super().__init__(path, "chat-api", self.request)

    def room(self, room, *members):
        self.rooms[room] = {"members": set(members), "messages": []}

    def store(self, room, sender, content, kind="TEXT", **more):
        """Appends a message and returns its event."""
        messages = self.rooms[room]["messages"]
        seq = len(messages) + 1
        message = {"messageId": 1000 * room + seq, "seq": seq,
                   "roomId": room, "senderId": sender,
                   "senderNickname": "u%d" % sender,
                   "clientMessageId": "c-%d-%d" % (room, seq),
                   "content": content, "type": kind,
                   "sentAt": "2026-01-11T10:30:00.123",
                   "sentAtMs": 1768127400123}
        message.update(more)
        messages.append(message)
        return {"event": "message", "epoch": self.epoch, "message": message}

    def kick(self, room, user, by=1):
        self.rooms[room]["members"].discard(user)
        return self.store(room, by, "out", "SYSTEM_KICK",
                          clientMessageId=None,
                          targets=[{"userId": user, "nickname": "x"}])

    def invite(self, room, user, by=1):
        self.rooms[room]["members"].add(user)
        return self.store(room, by, "in", "SYSTEM_INVITE",
                          clientMessageId=None,
                          targets=[{"userId": user, "nickname": "x"}])

    def request(self, request):
        if request["path"] in self.hold:
            with self.lock:
                self.held.append((request, self.compute(request)))
            return
        self.reply(request, *self.compute(request))

    def reply(self, request, status, body, headers=None):
        answer = {"id": request["id"], "status": status, "body": body}
        if headers:
            answer["headers"] = headers
        self.send(answer)

    def release(self, n=None):
        """Answers what was held back, as it was computed then."""
        with self.lock:
            held, self.held = self.held[:n], self.held[n:] if n else []
        for request, answer in held:
            self.reply(request, *answer)

    def compute(self, request):
        path, body = request["path"], request.get("body") or {}
        if path in self.fail:
            return 503, {"success": False}
        if path == "/edge/heads":
            return 200, {"epoch": self.epoch, "heads": [
                [r, len(self.rooms[r]["messages"])]
                for r in body["rooms"] if r in self.rooms]}
        if path == "/edge/follow":
            return 200, self.follow(request["user"], body)
        if path == "/edge/page":
            return 200, self.page(request["user"], body)
        return self.rest(request)

    def rest(self, request):
        return 200, {"success": True, "data": request}

    @staticmethod
    def cut(messages, limit):
        out, size = [], 0
        for m in messages:
            size += len(json.dumps(m))
            if out and size > limit:
                return out, True
            out.append(m)
        return out, False

    def follow(self, user, body):
        room = self.rooms.get(body["roomId"])
        out = {"roomId": body["roomId"], "epoch": self.epoch}
        if not room or user not in room["members"]:
            return dict(out, member=False)
        head = len(room["messages"])
        seq = body.get("fromSeq")
        out.update(member=True, head=head, messages=[], more=False)
        if seq is None:
            return dict(out, status="live")
        if body.get("epoch", self.epoch) != self.epoch or seq > head:
            return dict(out, status="reset")
        out["messages"], out["more"] = self.cut(
            room["messages"][seq:], body.get("maxBytes", 262144))
        return dict(out, status="recovered")

    def page(self, user, body):
        room = self.rooms.get(body["roomId"])
        out = {"roomId": body["roomId"], "epoch": self.epoch}
        if not room:
            return dict(out, member=False, messages=[], head=0, more=False)
        messages = room["messages"][body["after"]:]
        member = user in room["members"]
        if not member:
            for i, m in enumerate(messages):
                if m["type"] == "SYSTEM_KICK" and any(
                        t["userId"] == user for t in m["targets"]):
                    messages = messages[:i + 1]
                    break
        messages, more = self.cut(messages, body.get("maxBytes", 262144))
        return dict(out, member=member, head=len(room["messages"]),
                    messages=messages, more=more)


# ---- the program -------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Edge:
    def __init__(self, *options, wait=True, api=True, produce=True,
                 events=True):
        self.dir = tempfile.mkdtemp(prefix="edge")
        self.secret = os.path.join(self.dir, "secret")
        with open(self.secret, "wb") as f:
            f.write(SECRET + b"\n")
        os.chmod(self.secret, 0o600)
        at = lambda name: os.path.join(self.dir, name)
        self.produce = Produce(at("produce.sock")) if produce else None
        self.events = Events(at("events.sock")) if events else None
        self.api = Api(at("api.sock")) if api else None
        self.port = free_port()
        self.opened = []         # clients, for end()
        self.log = open(at("log"), "w+b")
        self.status_file = at("edge.json")
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, "chat-ws-edge"), "--port",
             str(self.port), "--address", "127.0.0.1", "--produce",
             at("produce.sock"), "--events", at("events.sock"), "--api",
             at("api.sock"), "--jwt-secret", self.secret, "-S",
             self.status_file, "--rate", "0", *options],
            stderr=self.log, env=dict(
                os.environ,
                ASAN_OPTIONS="detect_stack_use_after_return=1"))
        atexit.register(self.process.kill)
        if not until(lambda: self.connects(), 10):
            raise RuntimeError("the edge does not listen: " + self.logs())
        if wait and not until(lambda: self.ready(), 10):
            raise RuntimeError("the edge is not ready: " + self.logs())

    def connects(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def logs(self):
        with open(os.path.join(self.dir, "log")) as f:
            return f.read()

    def http(self, method, path, body=None, headers=(), raw=None):
        """status, headers (lower case), body; one connection a request."""
        s = socket.create_connection(("127.0.0.1", self.port), 5)
        if raw is None:
            raw = "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % (
                method, path)
            for h in headers:
                raw += h + "\r\n"
            if body is not None:
                raw += "Content-Length: %d\r\n" % len(body)
            raw += "\r\n" + (body or "")
            raw = raw.encode()
        s.sendall(raw)
        return read_http(s)

    def ready(self):
        try:
            return self.http("GET", "/actuator/health/readiness")[0] == 200
        except OSError:
            return False

    def metric(self, name):
        for line in self.http("GET", "/metrics")[2].split("\n"):
            if line.startswith("chat_edge_%s " % name):
                return int(line.split()[1])
        return None

    def ws(self, path="/ws/v1/chat", headers=(), **kw):
        self.opened.append(Ws(self.port, path, headers, **kw))
        return self.opened[-1]

    def client(self, user, *queues, **kw):
        """A connected STOMP client, with queues subscribed."""
        ws = self.ws(**kw)
        ws.stomp("CONNECT", {"accept-version": "1.2", "heart-beat": "0,0",
                             "Authorization": "Bearer " + token(user)})
        frame = ws.frame()
        if not frame or frame.command != "CONNECTED":
            raise RuntimeError("not connected: %r" % frame)
        for q in queues:
            ws.subscribe(q, "/user/queue/" + q)
        return ws

    def stop(self, sig=signal.SIGTERM, seconds=40):
        """The exit status; None where it had to be killed."""
        self.process.send_signal(sig)
        try:
            rc = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            rc = None
        return rc

    def end(self):
        """Stops it and says whether it went well (sanitizers speak up)."""
        for client in self.opened:
            client.close()
        rc = self.stop()
        logs = self.logs()
        bad = rc != 0 or "Sanitizer" in logs or "runtime error" in logs
        if bad:
            print("# exit %r\n# %s" % (rc, logs[-6000:].replace(
                "\n", "\n# ")))
        ok(not bad, "the edge drains and exits 0")
        shutil.rmtree(self.dir, ignore_errors=True)


def read_http(s, head_only=False):
    """One answer from a socket; status None where it is cut."""
    data = b""
    s.settimeout(10)
    try:
        while b"\r\n\r\n" not in data:
            piece = s.recv(65536)
            if not piece:
                return None, {}, data.decode("latin1")
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin1").split("\r\n")
        headers = {}
        for l in lines[1:]:
            k, v = l.split(":", 1)
            headers[k.strip().lower()] = v.strip()
        want = int(headers.get("content-length", 0))
        while not head_only and len(body) < want:
            piece = s.recv(65536)
            if not piece:
                break
            body += piece
    except (ConnectionError, socket.timeout):
        return None, {}, ""
    if not head_only:
        body = body[:want]      # not what answers the next request
    return int(lines[0].split()[1]), headers, body.decode("utf8", "replace")


# ---- a client -------------------------------------------------------------------------


class Frame:
    def __init__(self, text):
        head, _, self.body = text.partition("\n\n")
        lines = head.split("\n")
        self.command = lines[0]
        self.headers = {}
        for line in lines[1:]:
            k, _, v = line.partition(":")
            self.headers.setdefault(k, v)
        self.body = self.body.rstrip("\0")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%s %r %r>" % (self.command, self.headers, self.body[:300])


class Ws:
    def __init__(self, port, path="/ws/v1/chat", headers=(), expect=101,
                 key=None, version="13", rcvbuf=None, extra=b""):
        self.s = socket.socket()
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(10)
        self.s.connect(("127.0.0.1", port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if key is None:
            key = base64.b64encode(os.urandom(16)).decode()
        text = ("GET %s HTTP/1.1\r\nHost: localhost:%d\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: %s\r\n" % (path, port, key))
        if version:
            text += "Sec-WebSocket-Version: %s\r\n" % version
        for h in headers:
            text += h + "\r\n"
        self.s.sendall(text.encode() + b"\r\n" + extra)
        self.data = b""
        self.frames = []     # ws frames (opcode, payload)
        self.closed = None   # (code, reason), or "eof"
        self.status, self.answer, self.body = self._handshake()
        if expect and self.status != expect:
            raise RuntimeError("handshake %r %r" % (self.status, self.body))

    def _handshake(self):
        try:
            while b"\r\n\r\n" not in self.data:
                piece = self.s.recv(4096)
                if not piece:
                    return None, {}, ""
                self.data += piece
        except (ConnectionError, socket.timeout):
            return None, {}, ""
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin1").split("\r\n")
        headers = dict((l.split(":", 1)[0].lower(), l.split(":", 1)[1].strip())
                       for l in lines[1:])
        status = int(lines[0].split()[1])
        body = ""
        if status != 101:
            want = int(headers.get("content-length", 0))
            while len(self.data) < want:
                piece = self.s.recv(4096)
                if not piece:
                    break
                self.data += piece
            body = self.data.decode()
        return status, headers, body

    # ---- out

    def raw(self, data):
        self.s.sendall(data)

    def send(self, payload, opcode=1, fin=True, mask=True, rsv=0):
        self.raw(ws_frame(payload, opcode, fin, mask, rsv))

    def stomp(self, command, headers, body="", **kw):
        self.send(stomp(command, headers, body), **kw)

    def subscribe(self, sid, destination, receipt=True, **headers):
        h = {"id": sid, "destination": destination}
        if receipt:
            h["receipt"] = "sub-" + sid
        h.update((k.replace("_", "-"), v) for k, v in headers.items())
        self.stomp("SUBSCRIBE", h)
        if receipt is True:
            return self.frame()

    def message(self, room, content, receipt=None, cid=None, **more):
        body = {"roomId": room, "content": content}
        if cid is not None:
            body["clientMessageId"] = cid
        body.update(more)
        h = {"destination": "/pub/chat/message"}
        if receipt:
            h["receipt"] = receipt
        self.stomp("SEND", h, json.dumps(body))

    # ---- in

    def _parse(self):
        d = self.data
        if len(d) < 2:
            return False
        n, at = d[1] & 0x7f, 2
        if n == 126:
            if len(d) < 4:
                return False
            n, at = struct.unpack(">H", d[2:4])[0], 4
        elif n == 127:
            if len(d) < 10:
                return False
            n, at = struct.unpack(">Q", d[2:10])[0], 10
        if len(d) < at + n:
            return False
        op, payload = d[0], d[at:at + n]
        self.data = d[at + n:]
        if not op & 0x80:
            raise RuntimeError("a fragment from the server")
        if d[1] & 0x80:
            raise RuntimeError("a masked frame from the server")
        if op & 0x0f == 8:
            self.closed = (struct.unpack(">H", payload[:2])[0],
                           payload[2:].decode()) if n >= 2 else (1005, "")
        else:
            self.frames.append((op & 0x0f, payload))
        return True

    def pump(self, seconds):
        """Reads what is there; false when nothing came in time."""
        if self._parse():
            return True
        if self.closed:
            return False
        ready, _, _ = select.select([self.s], [], [], seconds)
        if not ready:
            return False
        try:
            piece = self.s.recv(1 << 20)
        except ConnectionError:
            piece = b""
        if not piece:
            self.closed = self.closed or "eof"
            return False
        self.data += piece
        while self._parse():
            pass
        return True

    def ws_frame(self, seconds=5):
        end = time.time() + seconds
        while not self.frames:
            if not self.pump(max(0, end - time.time())) and (
                    self.closed or time.time() >= end):
                break
        return self.frames.pop(0) if self.frames else None

    def frame(self, seconds=5, command=None):
        """The next STOMP frame (heart-beats are passed over), or None."""
        end = time.time() + seconds
        while True:
            got = self.ws_frame(max(0, end - time.time()))
            if got is None:
                return None
            op, payload = got
            if op in (1, 2) and payload.strip(b"\n"):
                f = Frame(payload.decode())
                if command is None or f.command == command:
                    return f

    def all(self, seconds=0.3):
        """Frames until it is quiet for that long."""
        out = []
        while True:
            f = self.frame(seconds)
            if f is None:
                return out
            out.append(f)

    def close_code(self, seconds=10):
        """Waits for the close frame; its code, or None."""
        end = time.time() + seconds
        while not self.closed and time.time() < end:
            self.pump(max(0, end - time.time()))
        return self.closed[0] if isinstance(self.closed, tuple) else None

    def close(self):
        self.s.close()


def ws_frame(payload, opcode=1, fin=True, mask=True, rsv=0, length=None):
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if mask:
        key = os.urandom(4)
        times = len(payload) // 4 + 1
        payload = bytes(a ^ b for a, b in zip(payload, key * times))
        head += key
    return head + payload


def stomp(command, headers, body=""):
    text = command + "\n"
    for k, v in headers.items():
        text += "%s:%s\n" % (k, v)
    return text + "\n" + body + "\0"
