"""Tries every line of tests/authz/*.rows on the broker, over MQTT 3.1.1 and 5."""

import json
import re
from typing import NamedTuple

import pytest

from lib.instance import ROOT
from lib.mqtt import Client, barriers, eventually, granted, settle
from lib.rawmqtt import V5, V311, Closed, Raw, connect
from lib.rest import ok, unique
from lib.servers import enter, join, kick, leave, make_channel, make_server

TAKEN, REFUSED = (0x00, 0x10), 0x87
DENIED = {V311: 0x80, V5: REFUSED}


class Row(NamedTuple):
    file: str
    line: int
    topic: str
    action: str
    who: str
    verdict: str


def read_rows():
    """Lines that begin with ";" are comments: "#" begins a filter."""
    for path in sorted((ROOT / "tests" / "authz").glob("*.rows")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip() and not line.startswith(";"):
                yield Row(path.stem, number, *line.split())


ROWS = list(read_rows())


FRIENDS = ("alice", "bob", "carol", "dave", "erin", "frank")
FORMER = ("left", "kicked", "banned")
IN_SERVERS = ("owner", "inside", "elsewhere", "member", *FORMER)


class Stage:
    """The people of the rows, and who listens while a line is tried."""

    def __init__(self, hum):
        self.hum = hum
        self.connections, self.listeners = {}, {}
        self.make_friends()
        self.make_servers()
        for name in ("alice", "bob", "carol", "erin", "frank", *IN_SERVERS):
            self.names[name] = getattr(self, name).id

    def make_friends(self):
        hum = self.hum
        self.alice, self.bob, dm = hum.pair()
        self.carol, self.dave, other = hum.pair()
        self.erin = hum.sign_up()
        hum.befriend(self.alice, self.erin)
        old = hum.open_dm(self.alice, self.erin)
        ok(self.alice.delete(f"/v1/friends/{self.erin.id}"), 204)
        self.frank = hum.sign_up()
        hum.befriend(self.frank, self.alice)
        cut = hum.open_dm(self.alice, self.frank)
        self.alice.say(cut, "to be marked")
        ok(self.alice.put(f"/v1/blocks/{self.frank.id}"), 204)
        self.names = {"dm": dm, "other": other, "old": old, "cut": cut, "none": "77"}
        self.dm, self.old, self.other = dm, old, other
        for name in FRIENDS:
            settle(hum, getattr(self, name))
        self.listen("alice", f"dm/{dm}/#", f"dm/{old}/#")
        self.listen("bob", f"dm/{dm}/#")
        self.listen("carol", f"dm/{other}/#")
        self.listen("erin", f"dm/{old}/#")
        self.listen("frank", f"dm/{cut}/#")

    def make_servers(self):
        for name in IN_SERVERS:
            setattr(self, name, self.hum.sign_up())
            settle(self.hum, getattr(self, name))
        self.server, gone = (make_server(self.owner)["id"] for _ in range(2))
        foreign, private = make_server(self.carol)["id"], make_server(self.carol, "private")["id"]
        self.channel, second, closed = (make_channel(self.owner, self.server) for _ in range(3))
        theirs = make_channel(self.carol, foreign)
        self.names.update(server=self.server, gone=gone, foreign=foreign, private=private, channel=self.channel,
                          second=second, closed=closed, theirs=theirs)
        for name in IN_SERVERS[1:]:
            join(getattr(self, name), self.server)
        join(self.inside, foreign)
        join(self.member, gone)
        for name, channel in (("inside", self.channel), ("elsewhere", second), ("carol", theirs), ("member", closed),
                              *((name, self.channel) for name in FORMER)):
            enter(getattr(self, name), channel)
        posts = f"server/{self.server}/#"
        self.listen("owner", posts, f"server/{gone}/#")
        self.listen("member", posts, f"server/{gone}/#", f"server/{self.server}/channel/{closed}/#")
        self.listen("elsewhere", posts, f"server/{self.server}/channel/{second}/#")
        for name in ("inside", *FORMER):
            self.listen(name, posts, f"server/{self.server}/channel/{self.channel}/#")
        self.take_away(gone, closed)

    def take_away(self, gone, closed):
        """What was there until a moment ago, for people who are connected, and subscribed, all the while."""
        ok(self.owner.delete(f"/v1/servers/{gone}"), 204)
        ok(self.owner.delete(f"/v1/channels/{closed}"), 204)
        leave(self.left, self.server)
        kick(self.owner, self.server, self.kicked)
        kick(self.owner, self.server, self.banned, ban="true")
        for name in FORMER:
            self.until_refused(name, f"server/{self.server}/messages")
        for name in ("owner", "member"):
            self.until_refused(name, f"server/{gone}/messages")
        self.until_refused("member", f"server/{self.server}/channel/{closed}/messages")

    def until_refused(self, name, topic):
        """Word of what happened by REST has reached the broker."""
        eventually(lambda: not granted(self.listeners[name].subscribe(topic)))

    def listen(self, name, *filters):
        """Hears all that this person may hear."""
        person = getattr(self, name)
        client = self.listeners[name] = Client(self.hum, person.mqtt, suffix="listener")
        client.may(*filters, f"user/{person.id}/#")

    def topic(self, row):
        return re.sub(r"\{(\w+)\}", lambda m: self.names[m[1]], row.topic)

    def connection(self, who, version):
        """A bare connection of this person, kept from line to line."""
        if (who, version) not in self.connections:
            raw = Raw((self.hum.host, self.hum.mqtt_port))
            mqtt = getattr(self, who).mqtt
            credentials = (f"{mqtt['client_id']}:row{version}", mqtt["username"], mqtt["password"])
            assert raw.connect(*credentials, version=version) == 0
            self.connections[who, version] = raw
        return self.connections[who, version]

    def forget(self, who, version):
        self.connections.pop((who, version)).close()

    def close(self):
        for raw in self.connections.values():
            raw.close()
        for client in self.listeners.values():
            client.close()

    def marker(self):
        """A message that alice sends and that all of the DM have got on return. What was sent before, by
        anybody, is then committed and delivered as well."""
        nonce = self.listeners["alice"].send(self.dm, "marker")
        for who in ("alice", "bob"):
            self.listeners[who].message(f"dm/{self.dm}/messages", nonce)
        barriers(self.listeners.values())

    def stir(self):
        """Something to hear: messages of the DM, the server and the channel, a refusal and a notification for
        alice."""
        for person, room, topic in (
            (self.owner, self.server, f"server/{self.server}/messages"),
            (self.inside, self.channel, f"server/{self.server}/channel/{self.channel}/messages"),
        ):
            self.listeners["inside"].message(topic, person.say(room, "marker")["nonce"])
        listener = self.listeners["alice"]
        before = len(listener.heard(f"user/{self.alice.id}/inbox"))
        ok(self.dave.post("/v1/friends/requests", {"user_id": self.alice.id}), 201)
        ok(self.dave.delete(f"/v1/friends/requests/{self.alice.id}"), 204)
        nonce = unique("n")
        listener.publish(f"dm/{self.dm}/send", {"nonce": nonce, "text": ""})
        listener.error(nonce)
        listener.wait(lambda: len(listener.heard(f"user/{self.alice.id}/inbox")) > before)
        self.marker()

    def trace(self, nonce):
        """Where this nonce has turned up, errors apart: topics that somebody heard it on, and the log."""
        heard = {
            received.topic
            for client in self.listeners.values()
            for received in client.heard()
            if nonce.encode() in received.payload and not received.topic.endswith("/errors")
        }
        sql = "select count(*) from messages where nonce = %s"
        return heard, self.hum.database.value(sql, nonce)


@pytest.fixture(scope="module")
def stage(hum):
    made = Stage(hum)
    yield made
    made.close()


def try_subscribe(stage, row, version):
    raw = stage.connection(row.who, version)
    codes = raw.subscribe(stage.topic(row), qos=0)
    raw.unsubscribe(stage.topic(row))
    assert codes == [0 if row.verdict == "allow" else DENIED[version]]


def try_hear(stage, row, version, below=""):
    raw = stage.connection(row.who, version)
    raw.subscribe(stage.topic(row), qos=0)
    raw.heard.clear()
    stage.stir()
    raw.unsubscribe(stage.topic(row))  # its answer comes after whatever there was to hear
    heard = [topic for topic, _ in raw.heard if topic.startswith(below)]
    assert (heard != []) == (row.verdict == "allow"), raw.heard
    assert not [topic for topic, _ in raw.heard if topic.endswith("/send")]


def try_hear_channel(stage, row, version):
    try_hear(stage, row, version, f"server/{stage.server}/channel/{stage.channel}/")


def try_mark(stage, row, version):
    """MQTT 3.1.1 knows by the Error alone whether it was taken."""
    raw = stage.connection(row.who, version)
    errors = f"user/{getattr(stage, row.who).id}/errors"
    assert granted(raw.subscribe(errors, qos=0))
    raw.heard.clear()
    code = raw.publish(stage.topic(row), '{"seq":1}')
    raw.unsubscribe(errors)
    taken = row.verdict == "allow"
    assert [json.loads(text)["code"] for _, text in raw.heard] == ([] if taken else ["forbidden"])
    assert code in (TAKEN if taken else (REFUSED if version == V5 else 0,))


def attempt():
    nonce = unique("n")
    return nonce, json.dumps({"nonce": nonce, "text": "an attempt"})


def expect_no_trace(stage, nonce):
    stage.marker()
    assert stage.trace(nonce) == (set(), 0)


def try_publish(stage, row, version, retain=False):
    nonce, payload = attempt()
    raw = stage.connection(row.who, version)
    try:
        code = raw.publish(stage.topic(row), payload, retain=retain, qos=1)
    except Closed:
        stage.forget(row.who, version)
        assert row.verdict == "closed"
        expect_no_trace(stage, nonce)
        return
    if row.verdict == "allow":
        assert code in TAKEN
        assert eventually(lambda: stage.trace(nonce)[1]) == 1
        return
    assert row.verdict == "deny"
    assert code == (REFUSED if version == V5 else 0)
    expect_no_trace(stage, nonce)


def try_retain(stage, row, version):
    try_publish(stage, row, version, retain=True)
    fresh = stage.connection("alice", version)
    fresh.heard.clear()
    filters = [f"dm/{stage.dm}/#", f"user/{stage.alice.id}/#"]
    fresh.subscribe(*filters, qos=0)
    fresh.unsubscribe(*filters)
    assert [topic for topic, _ in fresh.heard if not topic.endswith("/presence")] == []


def try_will(stage, row, version, retain=False):
    nonce, payload = attempt()
    mqtt = getattr(stage, row.who).mqtt
    credentials = (f"{mqtt['client_id']}:will", mqtt["username"], mqtt["password"])
    address = (stage.hum.host, stage.hum.mqtt_port)
    with Raw(address) as broken, Raw(address) as successor:
        will = (stage.topic(row), payload, 1, retain)
        assert broken.connect(*credentials, version=version, will=will) == 0
        broken.close()
        # The same client id again: by its answer the broker has done with the first one.
        successor.send(connect(*credentials, version=version))
        assert successor.read()[1][1] == 0
    expect_no_trace(stage, nonce)


TRY = {
    "subscribe": try_subscribe,
    "hear": try_hear,
    "hear-channel": try_hear_channel,
    "mark": try_mark,
    "publish": try_publish,
    "retain": try_retain,
    "will": try_will,
    "will-retain": lambda *args: try_will(*args, retain=True),
}


@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.file}:{r.line}")
def test_row(stage, row, version):
    TRY[row.action](stage, row, version)


def test_rows_are_well_formed():
    assert {row.action for row in ROWS} == set(TRY)
    assert {row.verdict for row in ROWS} == {"allow", "deny", "closed"}
    assert len({row[2:] for row in ROWS}) == len(ROWS), "a line twice"


def test_who_left_heard_nothing(stage):
    """Their subscriptions are those from before, and never ended."""
    stage.stir()
    for name in FORMER:
        client = stage.listeners[name]
        client.barrier()
        assert [r for r in client.heard() if r.topic.startswith("server/")] == []
        assert not client.gone.is_set()
    assert [r for r in stage.listeners["member"].heard() if "/channel/" in r.topic] == []


def test_nothing_retained(stage):
    """After all the lines, in whatever order they ran."""
    listener = Client(stage.hum, stage.alice.mqtt, suffix="late")
    with listener:
        listener.subscribe(f"dm/{stage.dm}/#", f"dm/{stage.old}/#", f"user/{stage.alice.id}/#")
        listener.barrier()
        # But for what the broker's plugin keeps itself: that alice is here.
        assert {r.topic for r in listener.heard()} == {f"user/{stage.alice.id}/presence"}
        assert {r.json["state"] for r in listener.heard()} == {"online"}
