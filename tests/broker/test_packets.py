"""Packets that no honest client sends. The broker stays the same process and serves the others."""

import os
import random
import socket
import struct

import pytest

from lib import rawmqtt
from lib.instance import PRESET
from lib.mqtt import V5, V311, Client, eventually, friends
from lib.rawmqtt import Closed, packet, properties, publish, subscribe, text, user_property

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


@pytest.fixture(scope="module")
def pair(hum):
    """Two friends, connected throughout."""
    alice, bob, dm = friends(hum)
    with Client(hum, alice.mqtt) as a, Client(hum, bob.mqtt, version=V311, transport="websockets") as b:
        for client in (a, b):
            assert client.subscribe(f"dm/{dm}/messages") == 1
        alice.dm, alice.a, alice.b = dm, a, b
        yield alice


@pytest.fixture(autouse=True)
def others_are_served(pair):
    yield
    serve(pair)


def serve(pair):
    assert not pair.a.gone.is_set() and not pair.b.gone.is_set()
    pair.b.message(f"dm/{pair.dm}/messages", pair.a.send(pair.dm, "still here"))


def credentials(pair, suffix="raw"):
    return f"{pair.sid}:{suffix}", pair.id, pair.mqtt["password"]


@pytest.fixture
def signed_in(raw, pair):
    """Makes a bare connection that has been accepted."""

    def make(version=V5, **kw):
        connection = raw()
        assert connection.connect(*credentials(pair), version=version, **kw) == 0
        return connection

    return make


def settle(connection):
    """Waits until the broker has taken in all that was sent: it answers a ping, or has closed."""
    try:
        connection.ping()
    except (Closed, ConnectionError):
        pass


# --- before CONNECT ---

CONNECT_HEAD = text("MQTT") + b"\x05\xc2\0\x3c\0"

FIRST = {
    "zeros": b"\0" * 64,
    "ones": b"\xff" * 64,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100dc010000d80303") + b"\0" * 200,
    "a publish": publish("dm/1/send", "{}"),
    "a subscribe": subscribe("#"),
    "a ping": packet(rawmqtt.PINGREQ),
    "a disconnect": packet(rawmqtt.DISCONNECT),
    "an acknowledgement": packet(rawmqtt.PUBACK, b"\0\1"),
    "a CONNACK": packet(rawmqtt.CONNACK, b"\0\0\0"),
    "an empty CONNECT": packet(rawmqtt.CONNECT),
    "CONNECT, flags in the header": packet(rawmqtt.CONNECT | 1, CONNECT_HEAD + text("a")),
    "CONNECT, another protocol": packet(rawmqtt.CONNECT, text("MQTX") + b"\x05\xc2\0\x3c\0" + text("a")),
    "CONNECT, name too long": packet(rawmqtt.CONNECT, text("x" * 1000) + b"\x05\xc2\0\x3c\0"),
    "CONNECT, reserved flag": packet(rawmqtt.CONNECT, text("MQTT") + b"\x05\xc3\0\x3c\0" + text("a")),
    "CONNECT, will QoS 3": packet(rawmqtt.CONNECT, text("MQTT") + b"\x05\xde\0\x3c\0" + text("a")),
    "CONNECT, will QoS without will": packet(rawmqtt.CONNECT, text("MQTT") + b"\x04\xca\0\x3c" + text("a")),
    "CONNECT, cut in the id": packet(rawmqtt.CONNECT, CONNECT_HEAD + b"\0\x10abc"),
    "CONNECT, strings missing": packet(rawmqtt.CONNECT, CONNECT_HEAD + text("a")),
    "CONNECT, more behind it": packet(rawmqtt.CONNECT,
                                      CONNECT_HEAD + text("a") + text("b") + text("c") + b"more"),
    "CONNECT, properties too long": packet(rawmqtt.CONNECT, text("MQTT") + b"\x05\xc2\0\x3c\x7f" + text("a")),
    "CONNECT, unknown property": packet(rawmqtt.CONNECT,
                                        text("MQTT") + b"\x05\xc2\0\x3c\x02\x7f\x01" + text("a")),
    "CONNECT, property twice": packet(rawmqtt.CONNECT, text("MQTT") + b"\x05\xc2\0\x3c\x0a"
                                      + b"\x11\0\0\0\1\x11\0\0\0\1" + text("a")),
    "CONNECT, id not UTF-8": packet(rawmqtt.CONNECT, CONNECT_HEAD + text(b"\xff\xfe") + text("b") + text("c")),
    "CONNECT, NUL in the id": packet(rawmqtt.CONNECT, CONNECT_HEAD + text("1\0002") + text("b") + text("c")),
    "CONNECT, NUL in the name": packet(rawmqtt.CONNECT, CONNECT_HEAD + text("1") + text("\0") + text("c")),
    "length of 5 bytes": b"\x10\xff\xff\xff\xff\x01",
    "length of 256 MiB": b"\x10\xff\xff\xff\x7f",
    "length of 256 MiB, with data": b"\x10\xff\xff\xff\x7f" + CONNECT_HEAD,
    "publish of 256 MiB": b"\x30\xff\xff\xff\x7f",
    "length above the bound": b"\x10" + rawmqtt.varint(65537),
}


@pytest.mark.parametrize("name", FIRST)
def test_a_first_packet_that_is_none(raw, name):
    connection = raw()
    connection.send(FIRST[name])
    assert connection.closed()


def test_a_valid_name_cut_by_nul_is_not_that_name(raw, pair):
    """Names are compared whole, not up to a NUL."""
    client_id, user, token = credentials(pair)
    for names in ((client_id + "\0x", user, token), (client_id, user + "\0x", token)):
        connection = raw()
        connection.send(rawmqtt.connect(*names))
        assert connection.closed()


# --- behind CONNECT ---

BAD_V5 = {
    "type 0": b"\0\0",
    "a second CONNECT": rawmqtt.connect("x", "y", "z"),
    "a CONNACK": packet(rawmqtt.CONNACK, b"\0\0\0"),
    "publish, QoS 3": bytes([0x36]) + publish("a", "b")[1:],
    "publish, packet id 0": publish("a", "b", mid=0),
    "publish, no topic and no alias": publish("", "b"),
    "publish, unknown alias": publish("", "b", props=properties(rawmqtt.topic_alias(3))),
    "publish, alias 0": publish("a", "b", props=properties(rawmqtt.topic_alias(0))),
    "publish, alias beyond the bound": publish("a", "b", props=properties(rawmqtt.topic_alias(11))),
    "publish, alias 65535": publish("a", "b", props=properties(rawmqtt.topic_alias(65535))),
    "publish, alias twice": publish("a", "b", props=properties(rawmqtt.topic_alias(1) * 2)),
    "publish, topic cut": packet(rawmqtt.PUBLISH, b"\0\x10ab"),
    "publish, topic not UTF-8": publish(b"dm/\xff/send", "b"),
    "publish, NUL in the topic": publish("dm/1\0/send", "b"),
    "publish, surrogate in the topic": publish(b"dm/\xed\xa0\x80/send", "b"),
    "publish, wildcard": publish("dm/+/send", "b"),
    "publish, wildcard in an alias": publish("dm/#", "b", props=properties(rawmqtt.topic_alias(1))),
    "publish, properties cut": packet(rawmqtt.PUBLISH, text("a") + b"\x05\x26\0"),
    "publish, unknown property": publish("a", "b", props=properties(b"\x7f\x01")),
    "publish, empty": packet(rawmqtt.PUBLISH),
    "subscribe, no filter": packet(rawmqtt.SUBSCRIBE | 2, b"\0\1\0"),
    "subscribe, packet id 0": subscribe("a", mid=0),
    "subscribe, flags": bytes([0x80]) + subscribe("a")[1:],
    "subscribe, QoS 3": subscribe("a", qos=3),
    "subscribe, reserved options": subscribe("a", qos=0xC0),
    "subscribe, options missing": packet(rawmqtt.SUBSCRIBE | 2, b"\0\1\0" + text("a")),
    "subscribe, filter not UTF-8": subscribe(b"dm/\xff/#"),
    "subscribe, NUL in the filter": subscribe("dm/1\0/#"),
    "subscribe, empty filter": subscribe(""),
    "subscribe, # in the middle": subscribe("dm/#/messages"),
    "subscribe, # in a word": subscribe("dm#"),
    "subscribe, + in a word": subscribe("dm/1+/messages"),
    "subscribe, identifier 0": subscribe("a", props=properties(b"\x0b\0")),
    "subscribe, empty": packet(rawmqtt.SUBSCRIBE | 2),
    "unsubscribe, no filter": packet(rawmqtt.UNSUBSCRIBE | 2, b"\0\1\0"),
    "unsubscribe, empty": packet(rawmqtt.UNSUBSCRIBE | 2),
    "unsubscribe, flags": bytes([0xA0]) + rawmqtt.unsubscribe("a")[1:],
    "unsubscribe, filter not UTF-8": rawmqtt.unsubscribe(b"\xff"),
    "PUBACK, empty": packet(rawmqtt.PUBACK),
    "PUBREC, empty": packet(rawmqtt.PUBREC),
    "PUBREL, flags": packet(rawmqtt.PUBREL, b"\0\1"),
    "PUBREL, empty": packet(rawmqtt.PUBREL | 2),
    "PUBCOMP, empty": packet(rawmqtt.PUBCOMP),
    "disconnect, unknown property": packet(rawmqtt.DISCONNECT, b"\0\x02\x7f\x01"),
    "disconnect, session kept for ever": packet(rawmqtt.DISCONNECT, b"\0\x05\x11\xff\xff\xff\xff"),
    "length of 5 bytes": b"\x30\xff\xff\xff\xff\x01",
    "length of 256 MiB": b"\x30\xff\xff\xff\x7f",
    "above the bound": packet(rawmqtt.PUBLISH, text("a") + b"x" * 70000),
}


@pytest.mark.parametrize("name", BAD_V5)
def test_a_bad_packet_closes_the_connection(signed_in, name):
    connection = signed_in()
    try:
        connection.send(BAD_V5[name])
    except Closed:
        pass
    assert connection.closed()


ODD = {
    "a SUBACK": packet(rawmqtt.SUBACK, b"\0\1\0\0"),
    "an UNSUBACK": packet(rawmqtt.UNSUBACK, b"\0\1\0\0"),
    "a PINGRESP": packet(rawmqtt.PINGRESP),
    "PUBACK for nothing": packet(rawmqtt.PUBACK, b"\x12\x34"),
    "PUBREC for nothing": packet(rawmqtt.PUBREC, b"\x12\x34"),
    "PUBREL for nothing": packet(rawmqtt.PUBREL | 2, b"\x12\x34"),
    "PUBCOMP for nothing": packet(rawmqtt.PUBCOMP, b"\x12\x34"),
    "PUBACK with an error": packet(rawmqtt.PUBACK, b"\0\1\x80\0"),
    "ping with a body": packet(rawmqtt.PINGREQ, b"xxxx"),
    "shared, no group": subscribe("$share//dm/1/messages"),
    "shared, no filter": subscribe("$share/g"),
    "shared, empty filter": subscribe("$share/g/"),
    "shared, wildcard as group": subscribe("$share/+/dm/1/messages"),
    "unsubscribe from nothing": rawmqtt.unsubscribe("a", "b/#", "$share/g/a"),
    "publish, format says text": publish("a", b"\xff", props=properties(b"\x01\x01")),
    "publish, format unknown": publish("a", b"x", props=properties(b"\x01\x07")),
    "publish, subscription identifier": publish("a", b"x", props=properties(b"\x0b\x01")),
    "publish, expired at once": publish("a", b"x", props=properties(b"\x02\0\0\0\0")),
    "publish, topic of 200 levels": publish("a/" * 200, b"x"),
    "publish, topic of 60,000 bytes": publish("a" * 60000, b"x"),
    "publish, topic of 30,000 slashes": publish("/" * 30000, b"x"),
    "subscribe, filter of 200 levels": subscribe("+/" * 200 + "#"),
    "subscribe, filter of 190 levels of a DM": subscribe("dm/1/" + "+/" * 190 + "#"),
    "subscribe, filter of 60,000 bytes": subscribe("a" * 60000),
    "a thousand filters": subscribe(*(f"dm/{i}/messages" for i in range(1000))),
    "no-local, retained first": subscribe("a", qos=0x1D),
}


@VERSIONS
@pytest.mark.parametrize("name", ODD)
def test_an_odd_packet_hurts_nobody(signed_in, name, version):
    """Closed or answered: the standard leaves some of these to the broker. Also when the bytes, made for MQTT
    5, mean something else on 3.1.1."""
    connection = signed_in(version)
    connection.send(ODD[name])
    settle(connection)


# --- much of it ---

MANY = user_property("", "") * 10000  # 50,000 bytes


def test_ten_thousand_user_properties(raw, signed_in, pair):
    many = properties(MANY)
    for _ in range(5):
        connection = raw()
        assert connection.connect(*credentials(pair), props=many) in (0, 0x87)
        connection.close()
    connection = signed_in()
    for mid in range(1, 6):
        connection.publish(f"dm/{pair.dm}/send", '{"nonce":"many","text":"x"}', mid=mid, props=many)
    connection.send(subscribe(f"dm/{pair.dm}/messages", props=many))
    settle(connection)
    connection = signed_in()
    connection.send(packet(rawmqtt.UNSUBSCRIBE | 2, b"\0\1" + many + text("a")))
    settle(connection)
    connection = signed_in()
    connection.send(packet(rawmqtt.DISCONNECT, b"\0" + many))
    assert connection.closed()


def test_more_user_properties_than_a_packet_may_have(raw, pair):
    connection = raw()
    try:
        connection.send(rawmqtt.connect(*credentials(pair), props=properties(MANY * 2)))
    except Closed:
        pass
    assert connection.closed()


def descriptors(hum):
    return len(os.listdir(f"/proc/{hum.pid('mosquitto')}/fd"))


def resident(hum):
    """Bytes."""
    with open(f"/proc/{hum.pid('mosquitto')}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_half_open_connections(hum, raw, pair):
    """Nothing, a part of a CONNECT, or a length without its bytes: many of each, and others are served."""
    before, memory = descriptors(hum), resident(hum)
    whole = rawmqtt.connect(*credentials(pair, "slow"))
    starts = (b"", whole[:1], whole[:20], whole[:-1], b"\x10" + rawmqtt.varint(60000) + whole[4:])
    held = []
    for i in range(300):
        held.append(raw())
        held[-1].send(starts[i % len(starts)])
    serve(pair)
    assert descriptors(hum) >= before + 300
    if PRESET == "release":  # a sanitizer keeps what was freed
        assert resident(hum) < memory + 64 * 1024 * 1024
    for connection in held:
        connection.close()
    eventually(lambda: descriptors(hum) <= before + 2)


@VERSIONS
def test_a_slow_connect_is_taken_in_the_end(raw, pair, version):
    """Byte by byte; the others are served between any two of them."""
    connection = raw()
    data = rawmqtt.connect(*credentials(pair, "slow"), version=version)
    for i in range(len(data)):
        connection.send(data[i : i + 1])
        if i % 100 == 0:
            serve(pair)
    assert connection.read_type(rawmqtt.CONNACK)[1] == 0


def test_one_who_never_reads_hurts_nobody(hum, signed_in, pair):
    """Its own copies wait up to the broker's bound; bob gets all of his."""
    deaf = signed_in()
    deaf.subscribe(f"dm/{pair.dm}/messages")
    mids = [
        pair.a.submit(f"dm/{pair.dm}/send", {"nonce": f"deaf-{i}", "text": "x" * 4000})
        for i in range(1500)
    ]
    for mid in mids:
        pair.a.acked(mid)
    pair.b.message(f"dm/{pair.dm}/messages", "deaf-1499")
    heard = [m["nonce"] for m in pair.b.messages(f"dm/{pair.dm}/messages")]
    assert [n for n in heard if n.startswith("deaf-")] == [f"deaf-{i}" for i in range(1500)]


# --- at random ---


def mutations(rng, packets):
    """A packet with bytes changed, cut, doubled or joined to another."""
    data = bytearray(rng.choice(packets))
    for _ in range(rng.randint(1, 6)):
        kind, at = rng.randrange(5), rng.randrange(len(data) or 1)
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = bytes(rng.choices((0, 1, 2, 0x7F, 0x80, 0xFF), k=rng.randint(1, 4)))
        elif kind == 3:
            del data[at : at + rng.randint(1, 4)]
        else:
            data += rng.choice(packets)
    return bytes(data)


def test_random_changes(raw, pair, signed_in):
    rng = random.Random(20140)
    names = credentials(pair, "fuzz")
    wills = [None, (f"dm/{pair.dm}/send", "{}", 1, False)]
    if PRESET == "asan":  # Mosquitto 2.0.11 leaks the will of a CONNECT that is refused
        wills.pop()
    first = [rawmqtt.connect(*names, version=v, will=w) for v in (V311, V5) for w in wills]
    later = [publish(f"dm/{pair.dm}/send", '{"nonce":"fuzz","text":""}', qos=q) for q in (0, 1, 2)]
    later += [publish("", "x", props=properties(rawmqtt.topic_alias(1))), subscribe(f"dm/{pair.dm}/#"),
              rawmqtt.unsubscribe(f"dm/{pair.dm}/#"), packet(rawmqtt.PUBREL | 2, b"\0\1"),
              packet(rawmqtt.AUTH), packet(rawmqtt.PINGREQ), packet(rawmqtt.DISCONNECT, b"\0\0")]
    for i in range(150):
        with rawmqtt.Raw(raw().sock.getpeername()) as connection:
            connection.send(mutations(rng, first))
        connection = signed_in((V311, V5)[i % 2])
        try:
            for _ in range(3):
                connection.send(mutations(rng, later))
        except Closed:
            pass
        connection.close()


# --- WebSocket ---

UPGRADE = (
    "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n{}\r\n"
)


def frame(data, opcode=2, mask=b"\1\2\3\4", length=None):
    size = len(data) if length is None else length
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


WEB_FRAMES = {
    "a text frame": frame(b"hello", opcode=1),
    "not MQTT": frame(b"\xff" * 100),
    "a reserved opcode": frame(b"x", opcode=11),
    "unmasked": b"\x82\x01x",
    "2^63 bytes announced": frame(b"x", length=2**63 - 1),
    "2^40 bytes announced": frame(b"x", length=2**40),
    "a long control frame": frame(b"x" * 200, opcode=9),
    "a close with junk": frame(b"\0\0\xff", opcode=8),
    "a continuation of nothing": frame(b"x", opcode=0),
    "a packet of 256 MiB announced": frame(b"\x10\xff\xff\xff\x7f"),
    "AUTH": frame(b"\xf0\0"),
    "a publish": frame(publish("dm/1/send", "{}")),
}


@pytest.fixture
def web(hum):
    """A bare connection to the WebSocket listener."""
    with socket.create_connection((hum.host, hum.ws_port), timeout=90) as sock:
        yield sock


def read_head(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        part = sock.recv(1)
        if not part:
            break
        head += part
    return head


@pytest.mark.parametrize("name", WEB_FRAMES)
def test_a_bad_websocket_frame(web, name):
    web.sendall(UPGRADE.format("").encode())
    assert read_head(web).startswith(b"HTTP/1.1 101 ")
    try:
        web.sendall(WEB_FRAMES[name])
        web.shutdown(socket.SHUT_WR)
        while web.recv(65536):
            pass
    except ConnectionError:
        pass


REQUESTS = {
    "no HTTP": b"\0" * 100,
    "MQTT": rawmqtt.connect("x", "y", "z"),
    "no upgrade": b"GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n",
    "a file": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "a post": b"POST /mqtt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx",
    "headers beyond the bound": UPGRADE.format("X: " + "x" * 100000 + "\r\n").encode(),
    "10,000 headers": UPGRADE.format("X: x\r\n" * 10000).encode(),
    "a line without end": b"GET /" + b"x" * 100000,
    "another protocol": UPGRADE.format("").replace(": mqtt", ": chat").encode(),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_bad_upgrade(web, name):
    try:
        web.sendall(REQUESTS[name])
        web.shutdown(socket.SHUT_WR)
        answer = web.recv(65536)
        assert b"root:" not in answer and not answer.startswith(b"HTTP/1.1 101")
    except ConnectionError:
        pass
