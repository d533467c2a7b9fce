#!/usr/bin/env python3
"""chat-ws-edge: handshakes, Origins, tokens, HTTP, REST by prefix (H and J of
the security cases)."""
import base64
import json
import os
import re
import shutil
import socket
import tempfile
import time

from edgebench import *

edge = Edge("--origin", "https://app.example", "--origin",
            "http://localhost:3000", "--claim", "auth")
api = edge.api
AUTH = {"auth": "ROLE_USER"}
bearer = lambda user, **kw: "Authorization: Bearer " + token(
    user, **dict(AUTH, **kw))


def shake(headers=(), path="/ws/v1/chat", **kw):
    w = edge.ws(path, headers, expect=None, **kw)
    w.close()
    return w.status


# ---- Origins
eq(shake(), 101, "no Origin (apps, terminals)")
eq(shake(["Origin: https://app.example"]), 101, "an allowed Origin")
eq(shake(["Origin: http://localhost:3000"]), 101, "another, with its port")
for o in ("https://evil.example", "null", "https://app.example.evil.com",
          "http://app.example", "https://app.example:81",
          "https://app.example/", "https://APP.example", "*", "file://",
          "https://app.example, https://app.example"):
    eq(shake(["Origin: " + o]), 403, "H-02..06 Origin %s" % o)
eq(shake(["Origin: https://app.example", "Origin: https://evil.example"]),
   403, "two Origins")

# ---- forms of the handshake
eq(shake(version="8"), 426, "H-09 version 8")
eq(edge.ws(expect=None, version="8").answer.get("sec-websocket-version"),
   "13", "with the version that we speak")
eq(shake(version="99"), 426, "version 99")
eq(shake(version=None), 426, "no version")
for key in ("abc", "", "a" * 24, base64.b64encode(b"x" * 15).decode(),
            base64.b64encode(b"x" * 17).decode(), "x" * 300):
    eq(shake(key=key), 400, "H-10 key %r" % key[:30])
eq(shake(["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]), 400, "two keys")
for p in ("/", "/ws", "/ws/v1/chat/x", "/ws/v1/chatx", "/ws/../../etc/passwd",
          "/ws/v1/chat/%2e%2e/x", "/api/v1/chat/rooms"):
    eq(shake(path=p), 404, "H-18 %s" % p)
ok(shake(path="/ws/v1/chat%00") in (None, 404), "H-18 a NUL")
eq(shake(["Content-Length: 5"]), 400, "an upgrade with a body")
eq(shake(["Transfer-Encoding: chunked"]), 400, "or with chunks")
eq(shake(["Sec-WebSocket-Protocol: " + "a" * 500]), 400,
   "an endless subprotocol")
eq(shake(["Sec-WebSocket-Protocol: ,"]), 400, "an empty one")
w = edge.ws(headers=["Sec-WebSocket-Extensions: permessage-deflate"])
ok("sec-websocket-extensions" not in w.answer, "F-16 no extension is agreed")
w.close()


def raw(text):
    return edge.http(None, None, raw=text if isinstance(text, bytes) else
                     text.replace("\n", "\r\n").encode())[0]


eq(raw("POST /ws/v1/chat HTTP/1.1\nHost: x\nUpgrade: websocket\n"
       "Connection: Upgrade\nSec-WebSocket-Version: 13\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"), 405,
   "a POST upgrade")
eq(raw("GET /ws/v1/chat HTTP/1.1\nHost: x\nUpgrade: h2c\n"
       "Connection: Upgrade, HTTP2-Settings\nHTTP2-Settings: AAMAAABk\n\n"),
   400, "H-19 h2c")
ok(raw("GET /ws/v1/chat HTTP/1.1\nHost: x\nUpgrade: foo\n"
       "Connection: Upgrade\n\n") in (400, 403), "a foreign upgrade")
ok(raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") in (None, 400, 403, 404),
   "the HTTP/2 preface")
ok(raw("CONNECT x:1 HTTP/1.1\nHost: x\n\n") in (None, 400, 405),
   "CONNECT is not served")
eq(raw("GET /ws/v1/chat HTTP/1.1\nUpgrade: websocket\nConnection: Upgrade\n"
       "Sec-WebSocket-Version: 13\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"), 400, "no Host")
eq(raw("GET /ws/v1/chat HTTP/1.1\nHost: x\nUpgrade: websocket\n"
       "Connection: close\nSec-WebSocket-Version: 13\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"), 400,
   "Connection without upgrade")
eq(raw("GET /ws/v1/chat HTTP/1.1\nHost: x\n\n"), 426, "no upgrade at all")

# ---- floods of headers: bounded, and others are served
for name, text in (
        ("one header of 64 KiB", "X: " + "a" * 65536),
        ("1,000 headers", "\n".join("X%d: a" % i for i in range(3000))),
        ("a name of 64 KiB", "a" * 65536 + ": 1"),
        ("a path of 64 KiB", None)):
    if text is None:
        t = "GET /%s HTTP/1.1\nHost: x\n\n" % ("a" * 65536)
    else:
        t = "GET / HTTP/1.1\nHost: x\n%s\n\n" % text
    try:
        status = raw(t)
    except OSError:
        status = None
    ok(status in (None, 400, 403, 404, 413, 414, 431), "H-13 " + name)
for junk in (b"\x00" * 100, b"\xff" * 5000, b"GET", b"GET / HTTP/1.1\r\n:\r\n"
             b"\r\n", b"\r\n\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n",
             b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00"):
    s = socket.create_connection(("127.0.0.1", edge.port))
    s.sendall(junk)
    s.shutdown(socket.SHUT_WR)
    read_http(s)
    s.close()
ok(edge.ready(), "junk instead of HTTP: still serving")

# ---- tokens in the handshake
good = token(7, **AUTH)
eq(shake(path="/ws/v1/chat?token=" + good), 101, "?token=")
eq(shake(path="/ws/v1/chat?access_token=" + good), 101, "?access_token=")
eq(shake(path="/ws/v1/chat?x=1&token=" + good + "&y"), 101,
   "among other arguments")
eq(shake([bearer(7)]), 101, "Authorization: Bearer")
eq(shake(["Authorization: " + good]), 101, "without the word")
eq(shake(["Authorization: bearer " + good]), 101, "in lower case")
bad = {
    "an empty one": "",
    "J-02 alg none": token(7, head={"alg": "none"}, **AUTH),
    "J-02 without a signature": good.rsplit(".", 1)[0] + ".",
    "another secret": token(7, secret=b"x" * 32, **AUTH),
    "J-06 expired": token(7, seconds=-60, **AUTH),
    "J-06 exp as text": token(7, exp="9999999999", **AUTH),
    "J-07 nbf ahead": token(7, nbf=int(time.time()) + 600, **AUTH),
    "J-22 without the demanded claim": token(7),
    "no number as sub": token("kim", **AUTH),
    "no token at all": "abc",
    "a token of 9000 bytes": good + "a" * 9000,
    "cut": good[:-1],
}
for name, t in bad.items():
    eq(shake(path="/ws/v1/chat?token=" + t), 401, "?token= " + name)
    eq(shake(["Authorization: Bearer " + t]), 401, "Bearer " + name)
w = edge.ws("/ws/v1/chat?token=x", expect=None)
eq((w.answer.get("www-authenticate"), json.loads(w.body)["code"]),
   ("Bearer", "UNAUTHORIZED"), "401 says what is wanted")
eq(shake([bearer(8)], path="/ws/v1/chat?token=" + good), 401,
   "two tokens of different users")
eq(shake([bearer(7)], path="/ws/v1/chat?token=" + good), 101,
   "two of the same")


# ---- tokens in CONNECT
def connect(headers, path="/ws/v1/chat", shake_headers=()):
    w = edge.ws(path, shake_headers)
    w.stomp("CONNECT", dict({"accept-version": "1.2"}, **headers))
    f = w.frame()
    if f.command == "CONNECTED":
        w.close()
        return "CONNECTED " + f.headers.get("user-name", "?")
    return "%s %s %s" % (f.command, f.headers["message"], w.close_code())


A = {"Authorization": "Bearer " + good}
eq(connect(A), "CONNECTED 7", "a Bearer token")
eq(connect({"Authorization": good}), "CONNECTED 7", "without the word")
eq(connect({"authorization": good}), "CONNECTED 7", "lower case")
eq(connect({}), "ERROR UNAUTHORIZED 1008", "J-01 no token anywhere")
eq(connect({"Authorization": ""}), "ERROR UNAUTHORIZED 1008", "an empty one")
eq(connect({"Authorization": "Bearer "}), "ERROR UNAUTHORIZED 1008",
   "only the word")
eq(connect({"Authorization": bad["J-06 expired"]}),
   "ERROR TOKEN_EXPIRED 4003", "an expired one")
eq(connect({"Authorization": bad["another secret"]}),
   "ERROR UNAUTHORIZED 1008", "another secret")
eq(connect({}, "/ws/v1/chat?token=" + good), "CONNECTED 7",
   "the handshake's serves")
eq(connect(A, "/ws/v1/chat?token=" + good), "CONNECTED 7", "both, the same")
eq(connect({"Authorization": token(8, **AUTH)},
           "/ws/v1/chat?token=" + good), "ERROR IDENTITY_MISMATCH 1008",
   "of another user")
eq(connect({"Authorization": bad["another secret"]},
           "/ws/v1/chat?token=" + good), "ERROR UNAUTHORIZED 1008",
   "a bad one, though the handshake's was good")


# ---- expiry on the living connection, and renewal
def expiring(seconds):
    w = edge.ws("/ws/v1/chat?token=" + token(7, seconds=seconds - 5, **AUTH))
    w.stomp("CONNECT", {"accept-version": "1.2"})
    w.frame()
    for q in ("session", "errors"):
        w.subscribe(q, "/user/queue/" + q)
    return w


w = expiring(2)         # 5 s of leeway are taken off
v = expiring(2)


def renew(client, t, receipt="r"):
    client.stomp("SEND", {"destination": "/pub/auth", "receipt": receipt},
                 json.dumps({"token": t}))
    return client.frame()


eq(renew(v, token(8, **AUTH)).json["code"], "IDENTITY_MISMATCH",
   "renewal by another user's token")
eq(renew(v, bad["another secret"]).json["code"], "UNAUTHORIZED",
   "by a bad one")
eq(renew(v, bad["J-06 expired"]).json["code"], "TOKEN_EXPIRED",
   "by an expired one")
v.stomp("SEND", {"destination": "/pub/auth", "receipt": "r"}, "{}")
eq(v.frame().json["code"], "INVALID_BODY", "by none")
eq(renew(v, good).headers.get("receipt-id"), "r", "by a good one: RECEIPT")
f = w.frame(8)
eq((f.headers["destination"], f.json["type"], f.json["reason"]),
   ("/user/queue/session", "SESSION_CLOSED", "TOKEN_EXPIRED"),
   "J-19 the session is told")
eq(w.close_code(), 4003, "and closed with 4003")
ok(v.frame(0.5) is None and not v.closed, "the renewed one lives on")

# ---- health, metrics
eq(edge.http("GET", "/actuator/health")[::2], (200, '{"status":"UP"}'),
   "health")
eq(edge.http("GET", "/actuator/health/liveness")[0], 200, "liveness")
eq(edge.http("HEAD", "/actuator/health")[::2][0], 200, "HEAD")
eq(edge.http("POST", "/actuator/health", "")[0], 405, "only GET")
st, h, body = edge.http("GET", "/metrics")
ok(st == 200 and "chat_edge_sessions 1\n" in body and
   h["content-type"].startswith("text/plain"), "metrics")
for p in ("/", "/favicon.ico", "/actuator", "/actuator/env", "/metrics/",
          "/api", "/api/v2/x", "/ws/v1/chat/info", "/edge/follow"):
    eq(edge.http("GET", p)[0], 404, "404 " + p)

# ---- REST by prefix
st, h, body = edge.http("GET", "/api/v1/chat/rooms?limit=5&a=%20b&limit=6",
                        headers=[bearer(7)])
j = json.loads(body)
eq((st, j["data"]["method"], j["data"]["path"], j["data"]["user"],
    j["data"]["query"]),
   (200, "GET", "/api/v1/chat/rooms", 7, {"limit": "5", "a": " b"}),
   "GET is passed on, with its query")
eq(h["content-type"], "application/json", "content type")
ok("access-control-allow-origin" not in h, "H-08 no CORS")
for m in ("POST", "PATCH", "DELETE", "PUT"):
    st, h, body = edge.http(m, "/api/v1/chat/group-rooms/4",
                            '{"name":"x"}', [bearer(7)])
    d = json.loads(body)["data"]
    eq((st, d["method"], d["body"]), (200, m, {"name": "x"}), m)
st, h, body = edge.http("PATCH", "/api/v1/chat/rooms/1/read?messageId=3",
                        headers=[bearer(7)])
eq(json.loads(body)["data"]["query"], {"messageId": "3"},
   "PATCH without a body")
eq(edge.http("GET", "/api/v1/chat/rooms")[0], 401, "without a token")
eq(edge.http("GET", "/api/v1/chat/rooms?token=" + good)[0], 401,
   "the query is no place for REST's token")
eq(edge.http("GET", "/api/v1/chat/rooms",
             headers=["Authorization: Bearer x"])[0], 401, "a bad token")
st, h, body = edge.http("POST", "/api/v1/chat/rooms", "{", [bearer(7)])
eq((st, json.loads(body)["code"]), (400, "INVALID_BODY"), "broken JSON")
st, h, body = edge.http("POST", "/api/v1/chat/rooms", "x" * 65537,
                        [bearer(7)])
eq(st, 413, "a body over 64 KiB")
big = json.dumps({"x": "a" * (65536 - 9)})
eq((len(big), edge.http("POST", "/api/v1/x", big, [bearer(7)])[0]),
   (65536, 200), "one of 64 KiB")
eq(raw("POST /api/v1/x HTTP/1.1\nHost: x\n" + bearer(7) +
       "\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n"), 411, "chunks")
for n in ("-1", "5x", "1e3", "99999999999999999999", "5, 6"):
    ok(raw("POST /api/v1/x HTTP/1.1\nHost: x\n" + bearer(7) +
           "\nContent-Length: " + n + "\n\nhello") in (400, 413),
       "Content-Length: " + n)

api.rest = lambda r: (405, {"success": False, "code": "X"},
                      {"Allow": "GET, POST", "Retry-After": "a\r\nb: c"})
st, h, body = edge.http("DELETE", "/api/v1/x", headers=[bearer(7)])
eq((st, h.get("allow"), "b" in h, body),
   (405, "GET, POST", False, '{"success": false, "code": "X"}'),
   "chat-api's status, Allow and body; a header that would end its line is "
   "left out")
del api.rest

# keep-alive, and requests behind each other in one piece
s = socket.create_connection(("127.0.0.1", edge.port))
one = ("GET /api/v1/n?i=%%d HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % bearer(7))
got = []
for i in range(3):
    s.sendall((one % i).encode())
    got.append(json.loads(read_http(s)[2])["data"]["query"]["i"])
eq(got, ["0", "1", "2"], "keep-alive: three requests on one connection")
s.sendall("".join(one % i for i in range(5)).encode())
data = b""
s.settimeout(3)
try:
    while data.count(b"HTTP/1.1 200") < 5 or not data.endswith(b"}"):
        piece = s.recv(65536)
        if not piece:
            break
        data += piece
except socket.timeout:
    pass
eq([data.count(b'"i": "%d"' % i) for i in range(5)], [1] * 5,
   "five in one piece: five answers")
s.close()
# a body in pieces
s = socket.create_connection(("127.0.0.1", edge.port))
s.sendall(("POST /api/v1/p HTTP/1.1\r\nHost: x\r\n%s\r\n"
           "Content-Length: 11\r\n\r\n" % bearer(7)).encode())
for c in b'{"a":"bcd"}':
    s.sendall(bytes([c]))
    time.sleep(0.01)
eq(json.loads(read_http(s)[2])["data"]["body"], {"a": "bcd"},
   "a body byte by byte")
s.close()


# ---- Expect: 100-continue (RFC 9110 10.1.1)
def expecting(length, expect="100-continue", who=bearer(7), version="1.1"):
    """A head, and for how long its sender need not wait for more."""
    sock = socket.create_connection(("127.0.0.1", edge.port))
    sock.sendall(("POST /api/v1/p HTTP/%s\r\nHost: x\r\n%s\r\nExpect: %s\r\n"
                  "Content-Length: %d\r\n\r\n" % (
                      version, who, expect, length)).encode())
    return sock


def quiet(sock, seconds=0.3):
    sock.settimeout(seconds)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except socket.timeout:
        return True


for word in ("100-continue", "100-Continue"):
    s = expecting(7, word)
    s.settimeout(3)
    eq(s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n",
       "Expect: %s: it may go on" % word)
    s.sendall(b'{"a":1}')
    st, h, body = read_http(s)
    eq((st, json.loads(body)["data"]["body"], h["connection"]),
       (200, {"a": 1}, "keep-alive"), "and has one answer")
    s.sendall((one % 9).encode())
    eq(json.loads(read_http(s)[2])["data"]["query"]["i"], "9",
       "and the connection goes on")
    s.close()
for name, status, how in (("no token", 401, {"who": "Accept: */*"}),
                          ("too much", 413, {"length": 65537})):
    s = expecting(**dict({"length": 7}, **how))
    st, h, body = read_http(s)
    eq((st, h.get("connection"), s.recv(1)), (status, "close", b""),
       "%s: the last word at once, for the body may never come" % name)
    s.close()
for name, how in (("no HTTP/1.1", {"version": "1.0"}),
                  ("another expectation", {"expect": "x"})):
    s = expecting(7, **how)
    ok(quiet(s), "%s: no such word" % name)
    s.sendall(b'{"a":1}')
    eq(read_http(s)[0], 200, "but an answer")
    s.close()
s = expecting(0)
eq(read_http(s)[0], 200, "no body: nothing to wait for")
s.close()
# large answers: taken slowly, and not taken while the next request comes
api.rest = lambda r: (200, {"success": True, "data": "z" * 3000000})


def slow_reader():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", edge.port))
    s.settimeout(5)
    return s


def cpu():
    return sum(int(x) for x in open("/proc/%d/stat" % edge.process.pid).read()
               .rsplit(")", 1)[1].split()[11:13])


s = slow_reader()
s.sendall((one % 1).encode())
time.sleep(0.3)
data = b""
try:
    while len(data) < 3000000:
        piece = s.recv(200000)
        if not piece:
            break
        data += piece
except OSError:
    pass
ok(len(data) > 3000000 and data.endswith(b'"}'), "3 MB to a slow reader")
s.close()
s = slow_reader()
before = cpu()
s.sendall((one % 1).encode())
time.sleep(0.3)
s.sendall((one % 2).encode())
time.sleep(1)
got = 0
try:
    while True:
        piece = s.recv(1 << 20)
        if not piece:
            break
        got += len(piece)
except OSError:
    pass
ok(got < 3000000, "the next request before the answer is taken: cut (%d)" %
   got)
used = cpu() - before
ok(used < 60, "and it costs no processor (%d ticks)" % used)
s.close()
del api.rest

# slow chat-api, and one that goes away
api.hold = {"/api/v1/slow"}
s = socket.create_connection(("127.0.0.1", edge.port))
s.sendall(("GET /api/v1/slow HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" %
           bearer(7)).encode())
until(lambda: api.held)
s.sendall((one % 1).encode())
before = cpu()
time.sleep(1)
used = cpu() - before
ok(used < 30, "a request behind one that waits costs no processor (%d ticks)" %
   used)
api.drop()
st, h, body = read_http(s)
eq((st, json.loads(body)["code"], h.get("retry-after")),
   (503, "SERVICE_UNAVAILABLE", "1"), "chat-api goes away: 503")
s.close()
until(lambda: edge.ready())
api.held.clear()
s = socket.create_connection(("127.0.0.1", edge.port))
s.sendall(("GET /api/v1/slow HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" %
           bearer(7)).encode())
until(lambda: api.held)
s.close()                                  # the asker goes first
time.sleep(0.1)
api.hold = set()
api.release()
ok(edge.ready(), "an asker that goes before his answer")
t = time.time()
api.hold = {"/api/v1/slow"}
st, h, body = edge.http("GET", "/api/v1/slow", headers=[bearer(7)])
ok(st == 503 and 4 < time.time() - t < 7, "no answer in 5 s: 503")
api.hold = set()

# ---- no token in the log
logs = edge.logs()
ok(good not in logs and "token=" not in logs and good[-20:] not in logs,
   "H-17 no token is logged")
# ---- HUP
with open(edge.secret, "wb") as f:
    f.write(b"another secret of 32 bytes .....")
edge.process.send_signal(signal.SIGHUP)
ok(until(lambda: "key reloaded" in edge.logs()), "HUP reloads the key")
eq(shake([bearer(7)]), 401, "the old key is no longer taken")
eq(shake(["Authorization: " + token(7, secret=b"another secret of 32 "
                                      b"bytes .....", **AUTH)]), 101,
   "the new one is")
with open(edge.secret, "wb") as f:
    f.write(b"short")
edge.process.send_signal(signal.SIGHUP)
ok(until(lambda: "key not reloaded" in edge.logs()), "a bad one is not taken")
edge.end()

# ---- Origin rules, and other programs' status files
status = tempfile.mkdtemp(prefix="edge")
for name, text in (
        ("store.json", '{"name":"chat-store","pid":7,"state":"ready",'
         '"why":"","done":41}'),
        ("odd.json", '{"name":"a\\"} 1\\nb{","pid":8,"state":"x","c\\"d":5}'),
        ("broken.json", '{"name":'), ("empty.json", ""),
        ("notes.txt", '{"name":"no","pid":1}')):
    with open(os.path.join(status, name), "w") as f:
        f.write(text)
edge = Edge("--require-origin", "--origin", "*", "--status-dir", status)
body = edge.http("GET", "/metrics")[2]
ok('chat_program_ready{program="chat-store",file="store"} 1\n' in body and
   'chat_program_status{program="chat-store",file="store",name="done"} 41\n'
   in body,
   "/metrics tells of the others' status files")
ok(all(re.match(r'(#.*|[a-z_]+(\{[a-z]+="[^"\\\\]*"(,[a-z]+="[^"\\\\]*")*\})? '
                r'-?\d+)?$', l) for l in body.split("\n")) and
   '"no"' not in body, "and every line is one, whatever is in them")
shutil.rmtree(status)
eq(shake(), 403, "H-01 --require-origin: none is refused")
eq(shake(["Origin: https://any.example"]), 101, "* allows all")
edge.end()
done()
