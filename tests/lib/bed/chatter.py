"""Clients that behave as the contract asks, each a thread, and their logs.

A Chatter keeps every message until its own Message or an Error with its nonce comes, sends it again
with the same nonce after a reconnect, and asks for what it missed after each connect and whenever a
number is left out. A Poster does the same by REST alone."""

import functools
import json
import os
import random
import struct
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

import requests

from lib import rawmqtt as mqtt
from lib.bed.wire import Lost, WebSocketWire, Wire
from lib.instance import PRESET
from lib.rest import SECRETS, unique

PUBACKS = 400  # publishes under way at once; the broker takes 1,000
PACE = 150 if PRESET == "release" else 60  # messages a second, at most: a sanitizer sees no more in many than in some


_renewing = threading.Lock()


def renew(person, token):
    """The access token has run out: a new one, unless another thread was first."""
    with _renewing:
        if person.token != token:
            return
        got = person.post("/v1/auth/refresh", {"refresh_token": person.session["refresh_token"]})
        if got.ok:
            person.session, person.token = got.json(), got.json()["access_token"]
            SECRETS.update([person.token, person.session["refresh_token"]])


class Place(str):
    """A room's id that knows its topic; any other str is that of a DM."""

    def __new__(cls, room, path):
        place = super().__new__(cls, room)
        place.path = path
        return place


def path_of(room):
    return room.path if isinstance(room, Place) else f"dm/{room}"


@dataclass
class Sent:
    nonce: str
    room: str
    text: str
    reply_to: int | None
    at: float
    connection: int  # the one it was first sent on
    acked: bool = False  # positively; on 3.1.1 that may mean an Error, too
    errors: list = field(default_factory=list)
    seen_at: float | None = None  # its own Message
    message: dict | None = None  # the answer, of one sent by REST

    @property
    def body(self):
        body = {"nonce": self.nonce, "text": self.text}
        if self.reply_to:
            body["reply_to"] = self.reply_to
        return body

    @functools.cached_property
    def payload(self):
        return json.dumps(self.body, ensure_ascii=False)


class Log:
    """What one client saw of its rooms."""

    def __init__(self, rooms):
        self.rooms = list(rooms)
        self.seen = {room: {} for room in rooms}  # seq -> Message as it came
        self.whole = dict.fromkeys(rooms, 0)  # everything up to this number was seen
        self.live = []  # a connection: room -> numbers as they came
        self.by_sync = 0
        self.problems = []

    def note(self, text, what):
        """A Message, live or by catch-up; what says which. Returns it."""
        message = json.loads(text) if isinstance(text, (str, bytes)) else text
        room, seq = message["room"], message["seq"]
        if room not in self.seen:
            self.problems.append(f"{what}: a message of room {room}: {message}")
            return message
        before = self.seen[room].setdefault(seq, message)
        if before != message:
            self.problems.append(f"{what}: {room}/{seq} is {message}, it was {before}")
        while self.whole[room] + 1 in self.seen[room]:
            self.whole[room] += 1
        return message

    def note_live(self, message):
        """Each number at most once a connection, and rising. True: one was left out."""
        numbers = self.live[-1].setdefault(message["room"], [])
        numbers.append(message["seq"])
        if len(numbers) < 2:
            return False
        if numbers[-1] <= numbers[-2]:
            self.problems.append(f"live: {numbers[-1]} after {numbers[-2]} in room {message['room']}")
        return numbers[-1] != numbers[-2] + 1

    @property
    def holes(self):
        return [r for r in self.rooms if self.seen[r] and max(self.seen[r]) > self.whole[r]]


class Talker(threading.Thread):
    """What both kinds of clients share: what to say, and what became of it."""

    def __init__(self, name, person, rooms, seed, pace):
        super().__init__(name=name, daemon=True)
        self.person, self.rooms = person, list(rooms)
        self.random = random.Random(f"{seed}/{name}")
        self.pace = pace  # messages a second, at most
        self.prefix = unique(name)
        self.sent = OrderedDict()  # nonce -> Sent
        self.waiting = OrderedDict()  # those whose fate is not known
        self.talking = threading.Event()
        self.over = threading.Event()
        self.budget = None  # messages still to say; None: no end
        self.problems = []
        self.acked = self.seen = 0  # how many messages
        self.next_at = 0.0

    def compose(self, connection):
        """The next message, or None if it is not time."""
        now = time.monotonic()
        if not self.talking.is_set() or self.budget == 0 or now < self.next_at:
            return None
        self.next_at = max(now - 0.05, self.next_at) + 1 / self.pace
        if self.budget is not None:
            self.budget -= 1
        nonce = f"{self.prefix}-{len(self.sent) + 1}"
        room = self.random.choice(self.rooms)
        text = self.random.choice(("hi", "ä€𝄞", 'a "quoted" \\ line\n', "x" * 300)) + nonce
        reply = self.reply_to(room) if self.random.random() < 0.1 else None
        message = Sent(nonce, room, text, reply, now, connection)
        self.sent[nonce] = self.waiting[nonce] = message
        return message

    def reply_to(self, room):
        return None

    def settled(self, nonce, error=None):
        """Its own Message has come, or an Error with its nonce."""
        message = self.sent.get(nonce)
        if message is None:
            return
        if error is None and message.seen_at is None:
            message.seen_at = time.monotonic()
            self.seen += 1
        elif error is not None:
            message.errors.append(error)
        self.waiting.pop(nonce, None)

    def took(self, message):
        """It was acknowledged."""
        self.acked += not message.acked
        message.acked = True

    def refused_some(self):
        """Whether one was answered with an Error. What is iterated over is a copy: the thread goes on adding."""
        return any(message.errors for message in list(self.sent.values()))

    def seen_since(self, moment):
        """Whether a message first sent after this moment has come back."""
        for message in reversed(list(self.sent.values())):
            if message.at <= moment:
                return False
            if message.seen_at is not None:
                return True
        return False


class Chatter(Talker):
    """version: mqtt.V311 or V5. forbidden: rooms that are none of this person's business and are tried
    nevertheless. resend False: what was on the way is given up with its connection. eager: sends again
    at once, not only what is still missing after the catch-up (which it waits a second for). window:
    messages whose fate is not known, at most. catch_up: "mqtt" or "rest". ping_s: how often it asks whether
    the broker is there; dead_s: how long it waits for an answer, to that or anything."""

    def __init__(self, name, person, rooms, address, seed, *, version=mqtt.V5, forbidden=(), resend=True,
                 eager=True, window=40, pace=PACE, catch_up="mqtt", ping_s=0.5, dead_s=30, suffix=None, websocket=False):
        super().__init__(name, person, rooms, seed, pace)
        self.address, self.version, self.websocket = address, version, websocket
        self.forbidden = list(forbidden)
        self.resend, self.eager, self.window, self.catch_up = resend, eager, window, catch_up
        self.ping_s, self.dead_s = ping_s, dead_s
        self.client_id = person.mqtt["client_id"] + (f":{suffix}" if suffix else "")
        self.log = Log(rooms)
        self.topics = {f"{path_of(room)}/messages" for room in rooms}
        self.tag = self.prefix[-8:]  # of this client's requests to catch up
        self.connections = 0
        self.refusals = Counter()  # of CONNECT and SUBSCRIBE, by code
        self.endings = Counter()  # why connections ended
        self.loose_errors = Counter()  # Errors without a nonce, by code
        self.pings = []  # (when asked, seconds until the answer)
        self.tries = 0  # forbidden publishes
        self.up = False  # subscribed
        self.synced = False  # after this connect, all that was missed is there
        self.problems = self.log.problems
        self._sync_wanted = False
        self._backoff = 0.1  # seconds before the next connect, at most
        self._wake_r, self._wake_w = os.pipe()

    # --- what tests ask for ---

    def wake(self):
        os.write(self._wake_w, b"x")

    def ask_again(self):
        """Asks for what it missed, as after a connect."""
        self._sync_wanted, self.synced = True, False
        self.wake()

    def finish(self):
        self.over.set()
        self.wake()
        self.join(30)
        os.close(self._wake_r)
        os.close(self._wake_w)

    # --- the thread ---

    def run(self):
        while not self.over.is_set():
            wire = None
            try:
                wire = self._connect()
                self._serve(wire)
                wire.put(mqtt.packet(mqtt.DISCONNECT))
                wire.turn(0)
            except Lost as error:
                self.endings[str(error)] += 1
            except Exception as error:  # noqa: BLE001 a test must hear of it
                self.problems.append(f"{self.name}: {error!r}")
                raise
            finally:
                self.up = self.synced = False
                if wire:
                    wire.close()
            if not self.resend:
                self.waiting.clear()
            self.over.wait(self.random.uniform(0.2, 1) * self._backoff)
            self._backoff = min(0.5, self._backoff * 1.5)

    def _connect(self):
        wire = (WebSocketWire if self.websocket else Wire)(self.address, self.version)
        try:
            mine = self.person.mqtt
            wire.put(mqtt.connect(self.client_id, mine["username"], mine["password"], version=self.version,
                                  keepalive=60))
            code = self._await(wire, mqtt.CONNACK)[1]
            if code != 0:
                self.refusals[f"CONNECT {code}"] += 1
                raise Lost(f"CONNECT refused: {code}")
        except BaseException:
            wire.close()
            raise
        self.connections += 1
        self.log.live.append({})
        self._begin()
        return wire

    def _await(self, wire, kind):
        deadline = time.monotonic() + self.dead_s
        while time.monotonic() < deadline:
            for got, _, body in wire.packets():
                if got == kind:
                    return body
            wire.turn(0.2, self._wake_r)
            if self.over.is_set():
                raise Lost("over")
        raise Lost("silence")

    def _begin(self):
        now = time.monotonic()
        self._mids = {}  # packet id -> (kind, what)
        self._mid = 0
        self._heard_at, self._pinged_at = now, None
        self._sync = None  # (tag, when asked)
        self._sync_wanted, self._sync_at = True, now
        self._sync_rest = None
        self._next_try = now
        self._again_at = None  # when what waits is sent again; None: done

    def _filters(self):
        user = self.person.id
        return [*(f"{path_of(room)}/messages" for room in self.rooms), f"user/{user}/errors",
                f"user/{user}/inbox", f"user/{user}/sync/+"]

    def _serve(self, wire):
        wire.put(self._packet("subscribe", mqtt.subscribe, *self._filters(), qos=1))
        for room in self.forbidden:
            wire.put(self._packet("forbidden", mqtt.subscribe, f"{path_of(room)}/#", qos=1))
        while not self.over.is_set():
            if self.up:
                self._say(wire)
                self._ask_for_the_missed(wire)
            self._ping(wire)
            wire.turn(0.01 if self.talking.is_set() else 0.1, self._wake_r)
            self._hush_wake()
            for kind, flags, body in wire.packets():
                self._heard_at = time.monotonic()
                self._handle(wire, kind, flags, body)

    def _hush_wake(self):
        os.set_blocking(self._wake_r, False)
        try:
            os.read(self._wake_r, 4096)
        except BlockingIOError:
            pass

    def _packet(self, what, build, *args, **kwargs):
        while True:
            self._mid = self._mid % 65535 + 1
            if self._mid not in self._mids:
                break
        self._mids[self._mid] = what
        return build(*args, mid=self._mid, version=self.version, **kwargs)

    # --- sending ---

    def _publish(self, wire, message, dup=False):
        wire.put(self._packet(message, mqtt.publish, f"{path_of(message.room)}/send", message.payload, dup=dup))

    def _say(self, wire):
        if self._again_at is not None:
            if not self.synced and time.monotonic() < self._again_at:
                return
            self._again_at = None
            for message in list(self.waiting.values()):
                self._publish(wire, message)
        while len(self.waiting) < self.window and len(self._mids) < PUBACKS:
            message = self.compose(self.connections)
            if message is None:
                break
            self._publish(wire, message)
        if self.forbidden and self.talking.is_set() and time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + 0.1
            self.tries += 1
            room = self.random.choice(self.forbidden)
            nonce = f"forbidden-{self.prefix}-{self.tries}"
            wire.put(self._packet("intrusion", mqtt.publish, f"{path_of(room)}/send",
                                  json.dumps({"nonce": nonce, "text": "let me in"})))

    def reply_to(self, room):
        return self.log.whole[room] or None

    # --- catching up ---

    def _ask_for_the_missed(self, wire):
        now = time.monotonic()
        if self._sync_rest is not None:
            self._take_rest_answer()
            return
        if self._sync and now - self._sync[1] > 5:
            self._sync, self._sync_wanted = None, True  # not answered: ask again
        if self._sync or not self._sync_wanted or now < self._sync_at:
            return
        self._sync_wanted = False
        if self.catch_up == "rest":
            self._sync_rest = {}
            threading.Thread(target=self._sync_by_rest, args=(self._sync_rest, dict(self.log.whole)),
                             daemon=True).start()
            return
        tag = f"{self.tag}-{self.connections}-{self.random.randrange(10**6)}"
        self._sync = (tag, now)
        places = {room: self.log.whole[room] for room in self.rooms}
        wire.put(self._packet("sync", mqtt.publish, f"user/{self.person.id}/sync",
                              json.dumps({"tag": tag, "rooms": places})))

    def _sync_by_rest(self, answer, places):
        items, token = [], self.person.token
        try:
            for room, after in places.items():
                while True:
                    got = self.person.get(f"/v1/rooms/{room}/messages", after=after, limit=100)
                    if got.status_code == 401:
                        renew(self.person, token)
                    got.raise_for_status()
                    page = got.json()["items"]
                    items += page
                    if len(page) < 100:
                        break
                    after = page[-1]["seq"]
            answer["items"] = items
        except (requests.RequestException, ValueError, KeyError) as error:
            answer["failed"] = repr(error)
        self.wake_quietly()

    def wake_quietly(self):
        try:
            self.wake()
        except OSError:
            pass  # the test is over

    def _take_rest_answer(self):
        answer = self._sync_rest
        if "items" in answer:
            self._sync_rest = None
            for message in answer["items"]:
                self._note(message, "REST")
            self._caught_up()
        elif "failed" in answer:
            self._sync_rest, self._sync_wanted = None, True

    def _caught_up(self):
        if self.log.holes:
            self._sync_wanted = True
        else:
            self.synced = True
            self._backoff = 0.1

    def _note(self, text, what):
        message = self.log.note(text, what)
        if what != "live":
            self.log.by_sync += 1
        if message["from"] == self.person.id:
            self.settled(message.get("nonce"))
        return message

    # --- being alive ---

    def _ping(self, wire):
        now = time.monotonic()
        if self._pinged_at is None:
            if now - self._heard_at > self.ping_s or not self.pings or now - self.pings[-1][0] > self.ping_s:
                self._pinged_at = now
                wire.put(mqtt.packet(mqtt.PINGREQ))
        elif now - self._pinged_at > self.dead_s:
            raise Lost("silence")

    # --- what comes ---

    def _handle(self, wire, kind, flags, body):
        if kind == mqtt.PUBLISH:
            topic, payload, mid = wire.publication(flags, body)
            self._heard(topic, payload)
            if mid is not None:
                wire.put(mqtt.packet(mqtt.PUBACK, struct.pack("!H", mid)))
        elif kind == mqtt.PUBACK:
            self._acked(struct.unpack_from("!H", body)[0], body[2] if len(body) > 2 else 0)
        elif kind == mqtt.SUBACK:
            self._subscribed(wire, struct.unpack_from("!H", body)[0],
                             body[3:] if self.version == mqtt.V5 else body[2:])
        elif kind == mqtt.PINGRESP and self._pinged_at is not None:
            self.pings.append((self._pinged_at, time.monotonic() - self._pinged_at))
            self._pinged_at = None
        elif kind == mqtt.DISCONNECT:
            raise Lost(f"DISCONNECT {body[0] if body else 0}")

    def _subscribed(self, wire, mid, codes):
        what = self._mids.pop(mid)
        if what == "forbidden":
            if any(code < 0x80 for code in codes):
                self.problems.append(f"{self.name}: a foreign room was granted")
            return
        refused = [hex(code) for code in codes if code >= 0x80]
        if refused:
            self.refusals[f"SUBSCRIBE {refused}"] += 1
            raise Lost(f"SUBSCRIBE refused: {refused}")
        self.up = True
        self._again_at = time.monotonic() + (0 if self.eager else 1)

    def _acked(self, mid, code):
        what = self._mids.pop(mid, None)
        if what == "intrusion":
            if self.version == mqtt.V5 and code < 0x80:
                self.problems.append(f"{self.name}: a foreign room took a message ({code:#x})")
        elif isinstance(what, Sent) and code < 0x80:
            self.took(what)

    def _heard(self, topic, payload):
        words = topic.split("/")
        if topic in self.topics:
            message = self._note(payload, "live")
            if self.log.note_live(message):
                self._sync_wanted = True
        elif topic == f"user/{self.person.id}/errors":
            self._error(json.loads(payload))
        elif words[:3] == ["user", self.person.id, "sync"]:
            self._sync_piece(words[3], json.loads(payload))
        elif words[:3] == ["user", self.person.id, "inbox"]:
            pass
        else:
            self.problems.append(f"{self.name}: heard {topic} {payload[:200]!r}")

    def _error(self, error):
        nonce = error.get("nonce")
        if nonce is None:
            self.loose_errors[error["code"]] += 1
            # Of a sync: another device of this person may have asked at the same time.
            if error["code"] in ("unavailable", "rate_limited") and self._sync:
                self._sync, self._sync_wanted = None, True
                self._sync_at = time.monotonic() + self.random.uniform(0.05, 0.2)
        else:
            self.settled(nonce, error)

    def _sync_piece(self, tag, piece):
        if not tag.startswith(self.tag):
            return  # another device of this person has asked
        for message in piece["items"]:
            self._note(message, "sync")
        if piece["done"] and self._sync and tag == self._sync[0]:
            self._sync = None
            if piece.get("missing"):
                self.problems.append(f"{self.name}: sync misses {piece['missing']}")
            elif piece.get("more"):
                self._sync_wanted = True
            else:
                self._caught_up()


class Poster(Talker):
    """Sends by REST, one message at a time, again with the same nonce until there is an answer."""

    def __init__(self, name, person, rooms, seed, pace=30, timeout=3):
        super().__init__(name, person, rooms, seed, pace)
        self.timeout = timeout
        self.answers = Counter()
        self.changed = threading.Event()

    def wake(self):
        self.changed.set()

    def finish(self):
        self.over.set()
        self.wake()
        self.join(30)

    def run(self):
        while not self.over.is_set():
            message = next(iter(list(self.waiting.values())), None) or self.compose(0)
            if message is None:
                self.changed.wait(1 / self.pace if self.talking.is_set() else 0.5)
                self.changed.clear()
            elif not self._post(message):
                self.over.wait(self.random.uniform(0.05, 0.2))

    def _post(self, message):
        token = self.person.token
        try:
            got = self.person.post(f"/v1/rooms/{message.room}/messages", message.body,
                                   timeout=self.timeout)
            if got.status_code == 401:
                renew(self.person, token)
        except requests.RequestException as error:
            self.answers[type(error).__name__] += 1
            return False
        self.answers[got.status_code] += 1
        if got.status_code in (200, 201):
            message.message = got.json()
            self.took(message)
            self.settled(message.nonce)
            return True
        if got.status_code in (401, 408, 429, 500, 502, 503, 504):
            return False
        self.settled(message.nonce, got.json())
        return True
