"""A person's connections to the broker, by paho, in a form that tests can wait on.

Nothing here sleeps: every wait is for something that arrives, with a bound that only a defect
reaches."""

import contextlib
import functools
import json
import ssl
import threading
import time
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lib import spec
from lib.rest import unique

V311, V5 = paho.MQTTv311, paho.MQTTv5
WAIT_S = 90
REFUSED = 0x87  # MQTT 5: not authorized
DENIED = {V311: 0x80, V5: REFUSED}  # in SUBACK
TAKEN = (0x00, 0x10)  # MQTT 5: success, and success without subscribers
COME_BACK = 90  # how often somebody who was turned away comes back
SETTLED_S = 60  # for longer than that the broker keeps the rights of somebody who has left

_settled = {}  # (broker, session) -> when it was seen to be known


class Refused(Exception):
    """CONNECT was refused; .code is CONNACK's, or None when the broker just closed."""

    def __init__(self, code):
        super().__init__(f"refused: {code}")
        self.code = code


class Gone(Exception):
    """The broker has closed the connection instead of an answer."""


@dataclass(frozen=True)
class Received:
    topic: str
    payload: bytes
    qos: int
    retain: bool

    @functools.cached_property
    def json(self):  # a test that waits looks at all that has come, whenever something comes
        return json.loads(self.payload)


class _Paho(paho.Client):
    """paho 1.6 keeps the reason codes of PUBACK and PUBREC to itself."""

    def _reason(self):
        packet = bytes(self._in_packet["packet"])
        return int.from_bytes(packet[:2], "big"), packet[2] if len(packet) > 2 else 0

    def _handle_pubackcomp(self, cmd):
        mid, code = self._reason()
        if cmd == "PUBACK":
            self._userdata.note(self._userdata.codes, mid, code)
        return super()._handle_pubackcomp(cmd)

    def _handle_pubrec(self):
        mid, code = self._reason()
        self._userdata.note(self._userdata.codes, mid, code)
        return super()._handle_pubrec()


class Client:
    """One connection. Use as a context manager, or let the `connect` fixture close it."""

    def __init__(self, hum, credentials, *, version=V5, transport="tcp", suffix=None, will=None,
                 keepalive=60, clean=True, client_id=None, ca_file=None):
        """credentials: what REST calls `mqtt`. will: (topic, payload, qos, retain). ca_file: over TLS, by a server that
        it vouches for."""
        self.version = version
        self.user = credentials["username"]
        self.changed = threading.Condition()
        self.received = []
        self.codes, self.done, self.subacks, self.unsubacks = {}, {}, {}, {}
        self.connack = None
        self.gone = threading.Event()
        base = client_id or credentials["client_id"]
        self.client_id = f"{base}:{suffix}" if suffix else base
        kind = {} if version == V5 else {"clean_session": clean}
        self.paho = _Paho(self.client_id, userdata=self, protocol=version, transport=transport,
                          reconnect_on_failure=False, **kind)
        self.paho.username_pw_set(credentials["username"], credentials["password"])
        self.paho.max_inflight_messages_set(500)
        if transport == "websockets":
            self.paho.ws_set_options(path="/mqtt")
        if ca_file:
            self.paho.tls_set(ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will:
            self.paho.will_set(*will)
        self._hook()
        port = hum.ws_port if transport == "websockets" else hum.mqtt_port
        start = {"clean_start": clean} if version == V5 else {}
        self.paho.connect(hum.host, port, keepalive, **start)
        self.paho.loop_start()
        self.wait(lambda: self.connack is not None or self.gone.is_set())
        if self.connack != 0:
            self.close()
            raise Refused(self.connack)

    def _hook(self):
        def on_connect(_client, _data, _flags, code, *_):
            with self.changed:
                self.connack = code if isinstance(code, int) else code.value
                self.changed.notify_all()

        def on_disconnect(*_):
            with self.changed:
                self.gone.set()
                self.changed.notify_all()

        def on_message(_client, _data, m):
            with contextlib.suppress(spec.Violation):  # is noted, and fails the test in its end
                spec.check_message(m.topic, m.payload, m.qos, m.retain)
            with self.changed:
                self.received.append(Received(m.topic, m.payload, m.qos, m.retain))
                self.changed.notify_all()

        def on_subscribe(_client, _data, mid, codes, *_):
            self.note(self.subacks, mid, [c if isinstance(c, int) else c.value for c in codes])

        self.paho.on_connect, self.paho.on_disconnect = on_connect, on_disconnect
        self.paho.on_message, self.paho.on_subscribe = on_message, on_subscribe
        self.paho.on_publish = lambda _c, _d, mid: self.note(self.done, mid, True)
        self.paho.on_unsubscribe = lambda _c, _d, mid, *_: self.note(self.unsubacks, mid, True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def cut(self):
        """Ends the connection without DISCONNECT, as a network does."""
        # shutdown, not close: paho's own thread waits on the descriptor.
        sock = self.paho.socket()
        getattr(sock, "_socket", sock).shutdown(2)
        self.closed()
        self.paho.loop_stop()

    # --- waiting ---

    def note(self, where, mid, value):
        with self.changed:
            where[mid] = value
            self.changed.notify_all()

    def wait(self, predicate, timeout=WAIT_S):
        """Until predicate() is true; its value. Whatever the client notes wakes it."""
        with self.changed:
            assert self.changed.wait_for(predicate, timeout), f"{self.client_id}: nothing came"
            return predicate()

    def _answer(self, where, mid):
        self.wait(lambda: mid in where or self.gone.is_set())
        if mid not in where:
            raise Gone(self.client_id)
        return where.pop(mid)

    def closed(self, timeout=WAIT_S):
        """Waits until the broker has closed the connection."""
        assert self.gone.wait(timeout), f"{self.client_id}: still connected"

    # --- requests ---

    def _sent(self, result):
        if result == paho.MQTT_ERR_NO_CONN:
            raise Gone(self.client_id)
        assert result == 0, result

    def subscribe(self, *filters, qos=1):
        """SUBACK's code, or codes when there are several filters."""
        result, mid = self.paho.subscribe([(f, qos) for f in filters])
        self._sent(result)
        codes = self._answer(self.subacks, mid)
        return codes[0] if len(filters) == 1 else codes

    def may(self, *filters):
        """Subscribes once the broker has heard that all of this is allowed."""
        eventually(lambda: granted(self.subscribe(*filters)))
        return self

    def unsubscribe(self, *filters):
        result, mid = self.paho.unsubscribe(list(filters))
        self._sent(result)
        self._answer(self.unsubacks, mid)

    def barrier(self):
        """A round trip: what the broker had for this connection before it has now arrived."""
        barriers([self])

    def submit(self, topic, payload, qos=1, retain=False, properties=None):
        """Publishes without waiting; its packet id."""
        if not isinstance(payload, (bytes, str)):
            payload = json.dumps(payload)
        info = self.paho.publish(topic, payload, qos, retain, properties)
        self._sent(info.rc)
        return info.mid

    def acked(self, mid):
        """The code of PUBACK or PUBREC; on MQTT 3.1.1, which has none, always 0."""
        self._answer(self.done, mid)
        return self.codes.pop(mid, 0)

    def publish(self, topic, payload, qos=1, retain=False, properties=None):
        """The code of the acknowledgement (QoS 0: None)."""
        mid = self.submit(topic, payload, qos, retain, properties)
        code = self.acked(mid)
        return code if qos else None

    def send(self, dm, text, nonce=None, qos=1, **more):
        """Sends to a DM and waits for PUBACK, which must say that it was taken; its nonce."""
        nonce = nonce or unique("n")
        code = self.publish(f"dm/{dm}/send", {"nonce": nonce, "text": text, **more}, qos)
        assert code in (None, *TAKEN), hex(code)
        return nonce

    # --- what has come ---

    def heard(self, topic=None):
        """What has come so far, on one topic or on all."""
        with self.changed:
            return [r for r in self.received if topic in (None, r.topic)]

    def messages(self, topic):
        return [r.json for r in self.heard(topic)]

    def message(self, topic, nonce, copies=1):
        """Waits for the Message (or Error) with this nonce; the JSON of the last copy asked for."""

        def found():
            hits = [m for m in self.messages(topic) if m.get("nonce") == nonce]
            return hits[copies - 1] if len(hits) >= copies else None

        return self.wait(found)

    def until(self, topic, seq):
        """Waits for the Message of this number; all of the topic's so far."""
        self.wait(lambda: any(m["seq"] == seq for m in self.messages(topic)))
        return self.messages(topic)

    def told(self, kind):
        """Waits for a notification of this kind; the data of the last one."""
        inbox = f"user/{self.user}/inbox"
        return self.wait(lambda: [m["data"] for m in self.messages(inbox) if m["kind"] == kind])[-1]

    def error(self, nonce):
        return self.message(f"user/{self.user}/errors", nonce)


def barriers(clients):
    """A barrier of each, all under way at once."""
    asked = []
    for client in clients:
        result, mid = client.paho.unsubscribe([f"user/{client.user}/no-such-topic"])
        client._sent(result)
        asked.append((client, mid))
    for client, mid in asked:
        client._answer(client.unsubacks, mid)


def granted(codes):
    """Whether SUBACK's code, or all of them, are grants."""
    return all(code < 0x80 for code in (codes if isinstance(codes, list) else [codes]))


def arrive(make, *filters):
    """Connects by make() and subscribes, as a client that does not give up. The broker may turn away somebody
    whose rights it has not loaded yet: it refuses the first SUBSCRIBE and closes the connection. Whoever
    is turned away comes back, less often every time. A refusal after which the broker does not close is meant, and
    fails here. The connection."""
    for turned_away in range(COME_BACK):
        client = make()
        try:
            if granted(client.subscribe(*filters)):
                return client
        except Gone:  # closed before the answer could be sent
            pass
        client.closed()
        client.close()
        time.sleep(min(0.5, 0.01 * 2**turned_away))
    raise AssertionError(f"turned away {COME_BACK} times")


def in_time(attempt):
    """What attempt(seconds) sets up before so many seconds are over; where the machine is too slow for that, and the
    broker ends it, with more of them."""
    for seconds in (2, 8, 32):
        try:
            return attempt(seconds)
        except (Gone, Refused):
            pass
    return attempt(120)


def settle(hum, who, *filters):
    """Waits until the broker has loaded the rights of a person, or of somebody's bare credentials, and grants
    all filters. From then on nobody of this session is turned away."""
    credentials = getattr(who, "mqtt", who)
    session, now = (hum.pid("mosquitto"), credentials["client_id"]), time.monotonic()
    if not filters and now - _settled.get(session, -SETTLED_S) < SETTLED_S:
        return
    errors = f"user/{credentials['username']}/errors"
    with arrive(lambda: Client(hum, credentials, suffix="early"), errors) as client:
        if filters:
            client.may(*filters)
    _settled[session] = now


def friends(hum):
    """Two new friends and the id of their DM, settled: both may use it at once."""
    alice, bob, dm = hum.pair()
    for person in (alice, bob):
        settle(hum, person, f"dm/{dm}/messages")
    return alice, bob, dm


def newcomer(hum):
    """A new person, settled."""
    person = hum.sign_up()
    settle(hum, person)
    return person


def alias(number):
    found = Properties(PacketTypes.PUBLISH)
    found.TopicAlias = number
    return found


def eventually(check, timeout=WAIT_S):
    """Polls what cannot be awaited: a process's state, or somebody else's."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"{check} did not come true"
        time.sleep(0.02)
