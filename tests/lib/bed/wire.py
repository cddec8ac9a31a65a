"""One MQTT connection over a bare TCP socket, for a loop of its own: nothing here waits for longer
than it is told, and what has come is handed out packet by packet."""

import contextlib
import select
import socket
import struct
import time

from lib import rawmqtt as mqtt
from lib import spec


class Lost(Exception):
    """The connection is over: closed by the broker, cut by the line, or silent."""


class Wire:
    def __init__(self, address, version, timeout=5):
        self.version = version
        try:
            self.sock = socket.create_connection(address, timeout=timeout)
        except OSError as error:
            raise Lost(f"connect: {error}") from error
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.out, self.inbox = bytearray(), bytearray()

    def close(self):
        self.sock.close()

    def put(self, data):
        self.out += data

    def turn(self, timeout, *others):
        """Writes and reads what goes; waits at most so many seconds, or until one of the others is
        readable. Raises Lost."""
        try:
            ready, writable, _ = select.select([self.sock, *others], [self.sock] if self.out else [], [], timeout)
            if writable:
                del self.out[: self.sock.send(self.out)]
            if self.sock in ready:
                data = self.sock.recv(1 << 18)
                if not data:
                    raise Lost("closed")
                self.received(data)
        except BlockingIOError:
            pass
        except OSError as error:
            raise Lost(str(error)) from error

    def received(self, data):
        self.inbox += data

    def packets(self):
        """The whole packets that have come: (kind, flags, body)."""
        while True:
            length = shift = 0
            at = 1
            while True:
                if at >= len(self.inbox):
                    return
                byte = self.inbox[at]
                length |= (byte & 0x7F) << shift
                shift += 7
                at += 1
                if not byte & 0x80:
                    break
            if len(self.inbox) < at + length:
                return
            first, body = self.inbox[0], bytes(self.inbox[at : at + length])
            del self.inbox[: at + length]
            yield first & 0xF0, first & 0x0F, body

    def publication(self, flags, body):
        """topic, payload and packet id (None for QoS 0) of a PUBLISH."""
        end = 2 + struct.unpack_from("!H", body)[0]
        topic, mid = body[2:end].decode(), None
        if flags & 6:
            mid = struct.unpack_from("!H", body, end)[0]
            end += 2
        if self.version == mqtt.V5:  # the plugin sets no property longer than 127 bytes
            end += 1 + body[end]
        payload = body[end:]
        with contextlib.suppress(spec.Violation):  # is noted, and fails the test in its end
            spec.check_message(topic, payload, (flags >> 1) & 3, bool(flags & 1))
        return topic, payload, mid


class WebSocketWire(Wire):
    """The same over WebSocket (RFC 6455)."""

    HELLO = ("GET /mqtt HTTP/1.1\r\nHost: {}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Protocol: mqtt\r\n\r\n")

    def __init__(self, address, version, timeout=5):
        super().__init__(address, version, timeout)
        self.frames = None  # bytes of frames; None before the upgrade
        self.answer = bytearray()
        self.out += self.HELLO.format(*address).encode()
        deadline = time.monotonic() + timeout
        while self.frames is None:
            if time.monotonic() > deadline:
                self.close()
                raise Lost("no upgrade")
            try:
                self.turn(0.2)
            except Lost:
                self.close()
                raise

    def put(self, data):
        length = len(data)
        if length < 126:
            head = bytes([0x82, 0x80 | length])
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x82, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x82, 0x80 | 127, length)
        self.out += head + bytes(4) + data  # a mask of zeros changes nothing

    def received(self, data):
        if self.frames is None:
            self.answer += data
            head, end, rest = bytes(self.answer).partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise Lost(f"no upgrade: {head[:60]!r}")
            self.frames, data = bytearray(), rest
        self.frames += data
        while self._frame():
            pass

    def _frame(self):
        """Takes one frame, if it is whole. Those of a server carry no mask."""
        if len(self.frames) < 2:
            return False
        opcode, length, at = self.frames[0] & 0x0F, self.frames[1] & 0x7F, 2
        if length >= 126:
            at += 2 if length == 126 else 8
            if len(self.frames) < at:
                return False
            length = int.from_bytes(self.frames[2:at], "big")
        if len(self.frames) < at + length:
            return False
        data = bytes(self.frames[at : at + length])
        del self.frames[: at + length]
        if opcode == 8:
            raise Lost("closed")
        if opcode == 9:
            self.out += bytes([0x8A, 0x80 | len(data)]) + bytes(4) + data
        elif opcode in (0, 2):
            self.inbox += data
        return True
