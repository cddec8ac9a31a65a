"""Clients with trouble of their own: bad lines, slow eyes, closed eyes, a nervous finger."""

import json
import threading
import time

import pytest

from lib import rawmqtt as mqtt
from lib.bed.bed import WAIT_S
from lib.bed.chatter import Log
from lib.bed.line import BadLine
from lib.bed.wire import WebSocketWire, Wire
from lib.instance import PRESET
from lib.mqtt import eventually
from lib.race import race
from lib.rawmqtt import Raw

BURST = 10_000


def test_a_phone_on_a_bad_line(bed, outage, rounds):
    """Delayed, cut into pieces, cut off, gone silent, on both versions: nothing is missing, nothing is
    there twice, and what was missed comes by catch-up."""
    (alice, bob, carol), (ab, bc) = bed.people()
    line = BadLine(bed.address, bed.seed, life_s=0.5)
    line.start()
    try:
        phone = {"address": line.own_address, "dead_s": 0.5, "ping_s": 0.1}
        phones = [bed.chatter("alice", alice, [ab], **phone),
                  bed.chatter("bob", bob, [ab, bc], version=mqtt.V311, catch_up="rest", **phone),
                  bed.chatter("carol", carol, [bc], version=mqtt.V311, **phone)]
        at_home = bed.chatter("home", bob, [ab, bc], suffix="home", forbidden=[], dead_s=WAIT_S)
        bed.until(lambda: all(c.connections for c in bed.chatters), "everybody has been connected")
        bed.talk()
        enough = 12 * rounds * max(1, outage // 10)
        bed.until(lambda: all(c.connections > enough for c in phones), "many connections", WAIT_S * rounds + outage)
        assert at_home.connections == 1
        line.good.set()
        bed.healed("on a good line again, all")
        bed.finish()
    finally:
        line.finish()
    for client in phones:
        assert client.log.by_sync > 0
        bed.figure(f"{client.name}: connections {client.connections}, by catch-up", client.log.by_sync)
    assert all(line.cuts.values()) and line.delayed, line.cuts


def test_the_same_message_a_hundred_times(bed):
    """Over QoS 0, 1 and 2 on two versions and by REST, all at once: one message, and everybody hears
    it once. Another text under the same nonce changes nothing."""
    _, (ab, _) = bed.crowd(dead_s=WAIT_S)  # on one connection each
    alice = bed.clients[0].person
    nonce = f"again-{bed.random.randrange(10**9)}"
    bed.strange[ab] = [nonce]
    payload = json.dumps({"nonce": nonce, "text": "once"})

    def by_mqtt(version, qos):
        with Raw(bed.address) as raw:
            mine = alice.mqtt
            code = raw.connect(f"{mine['client_id']}:q{qos}v{version}", mine["username"], mine["password"],
                               version=version)
            assert code == 0
            for i in range(100):
                raw.send(mqtt.publish(f"dm/{ab}/send", payload, qos=qos, mid=i + 1, version=version))
            done = 0
            while qos and done < 100:
                kind, body = raw.read()
                if kind & 0xF0 == mqtt.PUBREC:
                    raw.send(mqtt.packet(mqtt.PUBREL | 2, body[:2]))
                done += kind & 0xF0 == (mqtt.PUBACK if qos == 1 else mqtt.PUBCOMP)
            raw.ping()
        return []

    def by_rest():
        return [alice.post(f"/v1/rooms/{ab}/messages", json.loads(payload)) for _ in range(100)]

    bed.talk()
    bed.moment()
    ways = [lambda v=v, q=q: by_mqtt(v, q) for v in (mqtt.V311, mqtt.V5) for q in (0, 1, 2)]
    answers = [a for got in race(*ways, by_rest, by_rest) for a in got]
    assert sorted({a.status_code for a in answers}) in ([200], [200, 201])
    assert sum(a.status_code == 201 for a in answers) <= 1
    (told,) = {json.dumps(a.json(), sort_keys=True) for a in answers}
    assert json.loads(told)["text"] == "once"
    bed.healed("with repetitions, all")
    bed.finish()
    seq = json.loads(told)["seq"]
    for client in bed.chatters:
        if ab in client.rooms:
            assert [numbers.get(ab, []).count(seq) for numbers in client.log.live] == [1], client.name


class Ear:
    """A connection that subscribes to a room and reads when it is told to."""

    def __init__(self, bed, person, room, suffix, kind=Wire):
        self.room, self.person = room, person
        port = bed.instance.ws_port if kind is WebSocketWire else bed.instance.mqtt_port
        self.wire = kind((bed.instance.host, port), mqtt.V311)
        self.log = Log([room])
        self.log.live.append({})
        self.jumps = 0
        mine = person.mqtt
        self.wire.put(mqtt.connect(f"{mine['client_id']}:{suffix}", mine["username"], mine["password"],
                                   version=mqtt.V311, keepalive=900))
        self.wire.put(mqtt.subscribe(f"dm/{room}/messages", f"user/{person.id}/sync/+", version=mqtt.V311))
        self.up = False
        self.pieces, self.tag = [], f"ear-{suffix}"
        self.until(lambda: self.up)

    def turn(self, timeout=1):
        """Reads what the socket gives at once, and acknowledges it."""
        self.wire.turn(timeout)
        for kind, flags, body in self.wire.packets():
            if kind == mqtt.SUBACK:
                self.up = list(body[2:]) == [1, 1]
            elif kind == mqtt.PUBLISH:
                topic, payload, mid = self.wire.publication(flags, body)
                self.wire.put(mqtt.packet(mqtt.PUBACK, mid.to_bytes(2, "big")))
                if topic.endswith("/messages"):
                    self.jumps += self.log.note_live(self.log.note(payload, "live"))
                elif topic.endswith(f"/{self.tag}"):  # others of this person ask, too
                    self.pieces.append(json.loads(payload))

    def until(self, predicate, timeout=WAIT_S):
        deadline = time.monotonic() + timeout
        while not predicate():
            assert time.monotonic() < deadline, f"heard {len(self.log.seen[self.room])}"
            self.turn()

    def catch_up(self):
        """By sync over MQTT, as often as there is more."""
        while True:
            self.wire.put(mqtt.publish(f"user/{self.person.id}/sync", json.dumps(
                {"tag": self.tag, "rooms": {self.room: self.log.whole[self.room]}}), version=mqtt.V311))
            self.until(lambda: self.pieces and self.pieces[-1]["done"])
            for message in (m for piece in self.pieces for m in piece["items"]):
                self.log.note(message, "sync")
            more = self.pieces[-1].get("more")
            self.pieces.clear()
            if not more:
                return


def burst(bed, sender, room, text, reader=None):
    """10,000 messages, as fast as the broker takes them; 500 under way at once. No more than 2,000 ahead of reader: who
    reads as it comes loses nothing, but how fast a client of ours reads is the machine's doing."""
    wire = Wire(bed.address, mqtt.V311)
    mine = sender.mqtt
    wire.put(mqtt.connect(f"{mine['client_id']}:burst", mine["username"], mine["password"], version=mqtt.V311))
    sent = acked = 0
    nonces = [f"burst-{bed.random.randrange(10**9)}-{i}" for i in range(BURST)]
    deadline = time.monotonic() + WAIT_S
    while acked < BURST:
        assert time.monotonic() < deadline, f"{acked} acknowledged"
        while sent < BURST and sent - acked < 500 and (not reader or sent - reader.log.whole[room] < 2000):
            payload = json.dumps({"nonce": nonces[sent], "text": text})
            wire.put(mqtt.publish(f"dm/{room}/send", payload, mid=sent % 60000 + 1, version=mqtt.V311))
            sent += 1
        wire.turn(0.01 if reader else 10)
        acked += sum(kind == mqtt.PUBACK for kind, _, _ in wire.packets())
    wire.close()
    bed.strange[room] = nonces
    return nonces


WAYS = pytest.mark.parametrize("kind", (Wire, WebSocketWire), ids=("TCP", "WebSocket"))


@WAYS
def test_a_burst_to_a_slow_reader(bed, kind):
    """It reads at its own pace, and everything arrives live."""
    (alice, bob), (room,) = bed.people(2)
    ear = Ear(bed, bob, room, "slow", kind)
    burst(bed, alice, room, "x" * 100)
    pause = threading.Event()

    def slowly():
        pause.wait(0.001)
        return ear.log.whole[room] == BURST

    ear.until(slowly)
    ear.wire.close()
    assert ear.jumps == 0 and not ear.log.problems
    assert len(ear.log.live[0][room]) == BURST
    check_whole(bed, ear)


def check_whole(bed, ear):
    bed.finish()
    history = bed.history(ear.room)
    assert [m["nonce"] for m in history] == bed.strange[ear.room]
    assert sorted(ear.log.seen[ear.room]) == [m["seq"] for m in history]
    assert not ear.log.problems


@WAYS
def test_a_burst_to_one_who_never_reads(bed, kind):
    """It loses live copies beyond the bound, and finds them by catch-up; nobody else is harmed, and the
    broker's memory stays bounded and comes back."""
    (alice, bob), (room,) = bed.people(2)
    deaf = Ear(bed, bob, room, "deaf", kind)
    hears = bed.chatter("hears", bob, [room], suffix="hears", dead_s=WAIT_S)
    hears.budget = 0
    bed.crowd()
    start = bed.mark()
    bed.talk()
    bed.moment()
    burst(bed, alice, room, "x" * 3000, hears)
    bed.until(lambda: hears.log.whole[room] == BURST, "who reads has all")
    grown = bed.broker.vitals()["rss"] - start["rss"]
    bed.figure("KiB more while one does not read", grown)
    if PRESET == "release":
        assert grown < 64 * 1024  # 4 + 16 MiB of payload for it, and what the burst itself takes
    hears.talking.clear()
    bed.healed("beside one who never reads, all")
    before = -1
    while len(deaf.log.seen[room]) > before:  # until a second passes without more
        before = len(deaf.log.seen[room])
        deaf.turn(1)
    lost = BURST - len(deaf.log.seen[room])
    assert lost > 0, "nothing was lost: the burst is below the bound"
    bed.figure("live copies lost of 10,000", lost)
    deaf.catch_up()
    assert deaf.log.whole[room] == BURST
    deaf.wire.close()
    assert len(hears.log.live) == 1 and len(hears.log.live[0][room]) == BURST
    check_whole(bed, deaf)
    eventually(lambda: bed.broker.vitals()["fds"] <= start["fds"])
