"""One MQTT connection over a bare TCP socket, for a loop of its own: nothing here waits for longer
than it is told, and what has come is handed out packet by packet."""

import select
import socket
import struct

from lib import rawmqtt as mqtt


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
                self.inbox += data
        except BlockingIOError:
            pass
        except OSError as error:
            raise Lost(str(error)) from error

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
        return topic, body[end:], mid
