"""Something that claims to be a Hum server: it says over REST and MQTT what a test wants it to, be it wrong or nothing.

For what the real one never does to a client: holes in a log, refusals out of the blue, silence, nonsense.
"""

import contextlib
import http.server
import json
import socket
import struct
import threading

WAIT_S = 60
ME = 1001
OTHER = 1002
TAKEN, REFUSED = 0, 0x87


def packet(kind, body):
    size, out = len(body), bytearray([kind])
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out) + body


def mqtt_text(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


class Line:
    """One MQTT connection, as the broker has it."""

    def __init__(self, server, sock):
        self.server, self.sock, self.packet_id = server, sock, 0
        self.connect, self.filters, self.published, self.pings = b"", [], [], 0
        self.closed = False

    def send(self, data):
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def publish(self, topic, payload, qos=1):
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        self.packet_id = self.packet_id % 60000 + 1
        number = struct.pack(">H", self.packet_id) if qos else b""
        self.send(packet(0x30 | qos << 1, mqtt_text(topic) + number + b"\0" + payload))

    def cut(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def sent_to(self, ending):
        """What was published to topics that end so."""
        return [json.loads(payload) for topic, payload in self.published if topic.endswith(ending)]

    # --- packets that come ---

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def run(self):
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, size, shift = self._exactly(1)[0], 0, 0
                while True:
                    digit = self._exactly(1)[0]
                    size |= (digit & 127) << shift
                    shift += 7
                    if digit < 128:
                        break
                self._take(kind, self._exactly(size))
                self.server.note()
        self.closed = True
        self.sock.close()
        self.server.note()

    def _take(self, kind, body):
        takers = {1: self._connected, 3: self._published, 8: self._subscribed, 12: self._pinged}
        takers.get(kind >> 4, lambda *_: None)(kind, body)

    def _connected(self, _, body):
        self.connect = body
        self.send(packet(0x20, bytes([0, self.server.on_connect(self), 0])))

    def _subscribed(self, _, body):
        at, filters = 3, []
        while at < len(body):
            length = struct.unpack(">H", body[at:at + 2])[0]
            filters.append(body[at + 2:at + 2 + length].decode())
            at += length + 3
        self.filters += filters
        codes = bytes(self.server.on_filter(self, f) for f in filters)
        self.send(packet(0x90, body[:2] + b"\0" + codes))

    def _published(self, kind, body):
        length = struct.unpack(">H", body[:2])[0]
        topic, at = body[2:2 + length].decode(), 2 + length
        number, at = (body[at:at + 2], at + 2) if kind & 6 else (None, at)
        payload = body[at + 1:]
        self.published.append((topic, payload))
        code = self.server.on_publish(self, topic, payload)
        if number:
            self.send(packet(0x40, number + bytes([code, 0])))

    def _pinged(self, *_):
        self.pings += 1
        if self.server.answers_pings:
            self.send(b"\xd0\0")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pretender = self.server.pretender
        answer = pretender.on_call(self.command, self.path, body)
        pretender.calls.append((self.command, self.path, body))
        pretender.note()
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, data = answer
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Pretender:
    """By default a well-behaved server with one user. Tests replace the on_… methods. Use as a context manager."""

    def __init__(self):
        self.changed = threading.Condition()
        self.lines, self.calls, self.tokens = [], [], 0
        self.rooms, self.logs, self.answers_pings = [self.inbox()], {}, True
        self.mqtt_seconds, self.access_seconds = 2592000, 900
        self.http = Server(("127.0.0.1", 0), Handler)
        self.http.pretender = self
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tcp = f"mqtt://127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        for work in (lambda: self.http.serve_forever(0.02), self._accept):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.listener.close()
        for line in self.lines:
            line.cut()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                line = Line(self, self.listener.accept()[0])
                self.lines.append(line)
                threading.Thread(target=line.run, daemon=True).start()
                self.note()

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def wait(self, predicate):
        with self.changed:
            assert self.changed.wait_for(predicate, WAIT_S), "the client did not do it"

    # --- what there is ---

    def inbox(self):
        return {"id": str(ME), "kind": "inbox", "topic": f"user/{ME}", "title": None, "last_seq": 0, "read_seq": 0,
                "unread": 0, "can_send": False}

    def dm(self, room, last=0):
        """A DM with that many messages."""
        self.rooms.append({"id": str(room), "kind": "dm", "topic": f"dm/{room}", "title": "bob", "last_seq": last,
                           "read_seq": 0, "unread": 0, "can_send": True})
        self.logs[room] = []
        self.say(room, last)
        return room

    def say(self, room, count):
        """More messages, of which nobody is told."""
        for _ in range(count):
            self.logs[room].append(self.message(room, len(self.logs[room]) + 1))
        for known in self.rooms:
            if known["id"] == str(room):
                known["last_seq"] = len(self.logs[room])

    def message(self, room, seq, text="hi", sender=OTHER, **more):
        return {"room": str(room), "seq": seq, "id": str(room * 100000 + seq), "kind": "text", "from": str(sender),
                "nonce": f"n{room}-{seq}", "text": text, "sent_at": "2026-01-31T09:30:00.125Z", **more}

    def session(self):
        self.tokens += 1
        mqtt = {"client_id": "77", "username": str(ME), "password": f"p.q.{self.tokens}",
                "expires_in": self.mqtt_seconds, "tcp": self.tcp, "ws": ""}
        return {"user": {"id": str(ME), "nickname": "alice", "about": "", "avatar_url": None}, "session_id": "77",
                "access_token": f"a.b.{self.tokens}", "token_type": "Bearer", "expires_in": self.access_seconds,
                "refresh_token": f"refresh-{self.tokens}", "mqtt": mqtt}

    # --- what it does ---

    def on_call(self, method, path, body):
        """Status and body; None: the connection ends without an answer."""
        if path in ("/v1/auth/login", "/v1/auth/refresh"):
            return 200, self.session()
        if path.startswith("/v1/rooms?"):
            start = int(path.partition("cursor=")[2] or 0)
            more = str(start + 100) if start + 100 < len(self.rooms) else None
            return 200, {"items": self.rooms[start:start + 100], "next": more}
        if path.startswith("/v1/friends?"):
            return 200, {"items": [], "next": None}
        if "/messages?before=" in path:
            room, before = int(path.split("/")[3]), int(path.split("before=")[1].split("&")[0])
            return 200, {"items": [m for m in self.logs[room] if m["seq"] < before][-100:], "next": None}
        return 404, {"type": "about:blank", "title": "no", "status": 404, "code": "not_found", "detail": "no"}

    def on_connect(self, _line):
        return 0

    def on_filter(self, _line, _filter):
        return 1

    def on_publish(self, line, topic, payload):
        if topic.endswith("/sync"):
            self.on_sync(line, json.loads(payload))
        return TAKEN

    def on_sync(self, line, request):
        """1,000 messages an answer, as the real one."""
        missed, more = [], []
        for room, after in request["rooms"].items():
            found = [m for m in self.logs.get(int(room), []) if m["seq"] > after]
            left = 1000 - len(missed)
            missed += found[:left]
            more += [room] if len(found) > left else []
        for start in range(0, len(missed), 50):
            self.piece(line, request, {"items": missed[start:start + 50], "done": False})
        self.piece(line, request, {"items": [], "done": True, **({"more": more} if more else {})})

    def piece(self, line, request, piece):
        line.publish(f"user/{ME}/sync/{request['tag']}", piece)
