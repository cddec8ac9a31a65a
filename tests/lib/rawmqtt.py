"""A small MQTT client over a bare TCP socket, for packets that a well-behaved client cannot send.

Builders return bytes; `Raw` sends them and reads packets one by one. Nothing here waits without a
bound, and nothing is done behind the caller's back: no pings, no acknowledgements."""

import socket
import struct

from lib import spec

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x80, 0x90, 0xA0, 0xB0
PINGREQ, PINGRESP, DISCONNECT, AUTH = 0xC0, 0xD0, 0xE0, 0xF0

V31, V311, V5 = 3, 4, 5

# MQTT 5 properties
PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC = 0x01, 0x02, 0x03, 0x08
CORRELATION_DATA, SUBSCRIPTION_ID, SESSION_EXPIRY, AUTH_METHOD = 0x09, 0x0B, 0x11, 0x15
AUTH_DATA, WILL_DELAY, TOPIC_ALIAS, USER_PROPERTY = 0x16, 0x18, 0x23, 0x26


def varint(n):
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | (0x80 if n else 0))
        if not n:
            return bytes(out)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!H", len(data)) + data


def packet(first, body=b""):
    return bytes([first]) + varint(len(body)) + body


def properties(*items):
    """Each item is the bytes of one property, identifier included."""
    body = b"".join(items)
    return varint(len(body)) + body


def topic_alias(n):
    return bytes([TOPIC_ALIAS]) + struct.pack("!H", n)


def user_property(name, value):
    return bytes([USER_PROPERTY]) + text(name) + text(value)


def connect(client_id, username=None, password=None, *, version=V5, keepalive=900, clean=True,
            will=None, props=b"\0", flags=None, protocol=None):
    """will: (topic, payload, qos, retain). props: of CONNECT, MQTT 5 only. flags: instead of the
    flags that follow from the rest. keepalive: seconds, by default as many as the broker takes: nobody here pings by
    himself, and a connection may be kept from test to test."""
    bits = 0x02 if clean else 0
    body = text(client_id)
    if will:
        topic, payload, qos, retain = will
        bits |= 0x04 | qos << 3 | (0x20 if retain else 0)
        body += (b"\0" if version == V5 else b"") + text(topic) + text(payload)
    if username is not None:
        bits |= 0x80
        body += text(username)
    if password is not None:
        bits |= 0x40
        body += text(password)
    name = protocol or ("MQIsdp" if version == V31 else "MQTT")
    head = text(name) + bytes([version, bits if flags is None else flags])
    head += struct.pack("!H", keepalive)
    return packet(CONNECT, head + (props if version == V5 else b"") + body)


def publish(topic, payload, *, qos=1, mid=1, retain=False, dup=False, props=b"\0", version=V5):
    data = payload if isinstance(payload, bytes) else payload.encode()
    first = PUBLISH | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = text(topic) + (struct.pack("!H", mid) if qos else b"")
    return packet(first, body + (props if version == V5 else b"") + data)


def subscribe(*filters, qos=1, mid=1, props=b"\0", version=V5):
    body = struct.pack("!H", mid) + (props if version == V5 else b"")
    return packet(SUBSCRIBE | 2, body + b"".join(text(f) + bytes([qos]) for f in filters))


def unsubscribe(*filters, mid=1, version=V5):
    body = struct.pack("!H", mid) + (b"\0" if version == V5 else b"")
    return packet(UNSUBSCRIBE | 2, body + b"".join(text(f) for f in filters))


class Closed(Exception):
    """The broker has closed the connection."""


class Raw:
    def __init__(self, address, timeout=90):
        self.sock = socket.create_connection(address, timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.version = V5
        self.heard = []  # (topic, payload) of every PUBLISH read so far

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed from error

    def _exactly(self, count):
        out = b""
        while len(out) < count:
            try:
                part = self.sock.recv(count - len(out))
            except ConnectionError as error:
                raise Closed from error
            if not part:
                raise Closed
            out += part
        return out

    def read(self):
        """The next packet: (first byte, body). Raises Closed, or TimeoutError."""
        first = self._exactly(1)[0]
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        body = self._exactly(length)
        if first & 0xF0 == PUBLISH:
            self.heard.append(self._publication(first, body))
            spec.check_message(*self.heard[-1], (first >> 1) & 3, bool(first & 1))
        return first, body

    def _publication(self, first, body):
        end = 2 + struct.unpack("!H", body[:2])[0]
        topic, rest = body[2:end].decode(), body[end:]
        rest = rest[2:] if first & 6 else rest
        if self.version == V5:  # the plugin sets no property longer than 127 bytes
            rest = rest[1 + rest[0]:]
        return topic, rest

    def read_type(self, kind):
        """The body of the next packet of this kind; others before it are skipped."""
        while True:
            first, body = self.read()
            if first & 0xF0 == kind:
                return body

    def connect(self, *args, **kwargs):
        """Returns the reason or return code of CONNACK."""
        self.version = kwargs.get("version", V5)
        self.send(connect(*args, **kwargs))
        return self.read_type(CONNACK)[1]

    def subscribe(self, *filters, mid=1, **kwargs):
        """Returns the codes of SUBACK."""
        self.send(subscribe(*filters, mid=mid, version=self.version, **kwargs))
        body = self.read_type(SUBACK)
        return list(body[3:] if self.version == V5 else body[2:])

    def unsubscribe(self, *filters):
        self.send(unsubscribe(*filters, version=self.version))
        self.read_type(UNSUBACK)

    def publish(self, topic, payload, *, qos=1, mid=1, **kwargs):
        """Returns the reason code of PUBACK (0 where there is none), or of PUBREC for QoS 2, whose
        second half is left out."""
        self.send(publish(topic, payload, qos=qos, mid=mid, version=self.version, **kwargs))
        if qos == 0:
            return None
        body = self.read_type(PUBACK if qos == 1 else PUBREC)
        return body[2] if len(body) > 2 else 0

    def ping(self):
        self.send(packet(PINGREQ))
        self.read_type(PINGRESP)

    def closed(self):
        """Waits until the broker closes the connection, reading whatever comes before."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True
