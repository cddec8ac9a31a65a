"""What a client may claim, and what comes of it; topics are tried line by line in test_rows.py."""

import json

import pytest

from lib import rawmqtt
from lib.mqtt import REFUSED, TAKEN, V5, V311, friends
from lib.rest import unique


def room(dm):
    return f"dm/{dm}/messages"


@pytest.fixture
def carol(hum):
    """Somebody else, with a DM of her own."""
    carol, _, dm = friends(hum)
    carol.dm = dm
    return carol


def body(**more):
    return json.dumps({"nonce": unique("n"), "text": "hi", **more})


@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
def test_what_a_sender_claims_beyond_a_send_is_ignored(connect, people, carol, version):
    alice, bob, dm = people
    b, c = connect(bob), connect(carol)
    b.may(f"dm/{dm}/#")
    c.may(f"dm/{carol.dm}/#")
    a = connect(alice, version=version)
    claims = {
        "room": carol.dm, "from": bob.id, "sender": bob.id, "user": bob.id, "seq": 99, "id": "1",
        "kind": "delete", "target": 1, "data": {"x": 1}, "sent_at": "1999-01-01T00:00:00.000Z",
        "edited_at": "1999-01-01T00:00:00.000Z", "deleted_at": "1999-01-01T00:00:00.000Z",
    }
    message = b.message(room(dm), a.send(dm, "true", **claims))
    assert set(message) == {"room", "seq", "id", "kind", "from", "nonce", "text", "sent_at"}
    assert (message["room"], message["from"], message["seq"]) == (dm, alice.id, 1)
    assert (message["kind"], message["text"]) == ("text", "true")
    assert message["id"] != "1" and not message["sent_at"].startswith("1999")
    assert bob.history(dm) == [message]
    c.barrier()
    assert c.heard() == [] and carol.history(carol.dm) == []


def test_a_topic_alias_opens_no_foreign_topic(connect, raw, people, carol):
    alice, bob, dm = people
    b = connect(bob)
    b.may(f"dm/{dm}/#")
    c = raw()
    credentials = [carol.mqtt[n] for n in ("client_id", "username", "password")]
    assert c.connect(*credentials) == 0
    first, second = (rawmqtt.properties(rawmqtt.topic_alias(n)) for n in (1, 2))
    # An alias for a topic that is refused, then its use; alone, and after it has stood for one of hers.
    for topic in (f"dm/{dm}/send", room(dm)):
        assert c.publish(topic, body(text="forged"), props=first) == REFUSED
        assert c.publish("", body(text="forged"), props=first) == REFUSED
        assert c.publish(f"dm/{carol.dm}/send", body(), props=second) in TAKEN
        assert c.publish("", body(), props=second) in TAKEN
        assert c.publish(topic, body(text="forged"), props=second) == REFUSED
        assert c.publish("", body(text="forged"), props=second) == REFUSED
    nonce = connect(alice).send(dm, "marker")
    b.message(room(dm), nonce)
    assert [m["nonce"] for m in b.messages(room(dm))] == [nonce]
    assert [m["text"] for m in bob.history(dm)] == ["marker"]
    assert [m["text"] for m in carol.history(carol.dm)] == ["hi"] * 4


def test_a_topic_alias_serves_for_ones_own(raw, people):
    alice, _, dm = people
    a = raw()
    assert a.connect(*(alice.mqtt[n] for n in ("client_id", "username", "password"))) == 0
    alias = rawmqtt.properties(rawmqtt.topic_alias(1))
    assert a.subscribe(room(dm)) == [1]
    assert a.publish(f"dm/{dm}/send", '{"nonce":"one","text":"1"}', props=alias) in TAKEN
    assert a.publish("", '{"nonce":"two","text":"2"}', props=alias) in TAKEN
    while len(a.heard) < 2:
        a.read()
    assert [json.loads(payload)["nonce"] for _, payload in a.heard] == ["one", "two"]


def test_properties_of_a_sender_do_not_travel(raw, people):
    alice, bob, dm = people
    a, b = raw(), raw()
    for connection, person in ((a, alice), (b, bob)):
        mqtt = person.mqtt
        assert connection.connect(mqtt["client_id"], mqtt["username"], mqtt["password"]) == 0
    assert b.subscribe(room(dm)) == [1]
    props = rawmqtt.properties(
        rawmqtt.user_property("from", bob.id),
        bytes([rawmqtt.RESPONSE_TOPIC]) + rawmqtt.text(f"dm/{dm}/send"),
        bytes([rawmqtt.CORRELATION_DATA]) + rawmqtt.text("x"),
        bytes([rawmqtt.CONTENT_TYPE]) + rawmqtt.text("text/html"),
        bytes([rawmqtt.MESSAGE_EXPIRY]) + b"\0\0\0\1",
    )
    assert a.publish(f"dm/{dm}/send", body(), props=props) in TAKEN
    packet = b.read_type(rawmqtt.PUBLISH)
    end = 2 + len(room(dm))
    assert packet[2:end].decode() == room(dm)
    assert packet[end + 2] == 0, "properties after topic and packet id"


def test_a_qos_2_send_counts_once_however_it_goes_on(connect, raw, people):
    """The second half may come late, twice, or never; the first half may come twice."""
    alice, bob, dm = people
    b = connect(bob)
    b.may(room(dm))
    a = raw()
    assert a.connect(*(alice.mqtt[n] for n in ("client_id", "username", "password"))) == 0
    nonces = [unique("n") for _ in range(3)]
    payloads = [body(nonce=nonce) for nonce in nonces]
    for mid, payload in enumerate(payloads, 1):
        assert a.publish(f"dm/{dm}/send", payload, qos=2, mid=mid) in TAKEN
    assert a.publish(f"dm/{dm}/send", payloads[0], qos=2, mid=1, dup=True) in TAKEN
    for mid in (2, 2, 3):
        a.send(rawmqtt.packet(rawmqtt.PUBREL | 2, mid.to_bytes(2, "big")))
        a.read_type(rawmqtt.PUBCOMP)
    a.close()
    last = connect(alice, suffix="last").send(dm, "marker")
    b.message(room(dm), last)
    assert [m["nonce"] for m in b.messages(room(dm))] == [*nonces, last]


def test_a_will_on_ones_own_topics_is_no_message(connect, people):
    """Neither as a forged Message nor as a way to send past the checks."""
    alice, bob, dm = people
    b = connect(bob)
    b.may(f"dm/{dm}/#", f"user/{bob.id}/#")
    forged = json.dumps({"room": dm, "seq": 1, "from": bob.id, "nonce": "forged", "text": "forged"})
    for version in (V311, V5):
        for topic in (room(dm), f"dm/{dm}/send"):
            for qos, retain in ((0, False), (1, True), (2, False)):
                for again in range(2):  # broken off, then taken over
                    a = connect(alice, version=version, will=(topic, forged, qos, retain))
                    if again == 0:
                        a.cut()
    last = connect(alice).send(dm, "marker")
    b.message(room(dm), last)
    assert [m["nonce"] for m in b.messages(room(dm))] == [last]
    late = connect(bob, suffix="late")
    late.may(f"dm/{dm}/#")
    late.barrier()
    assert late.heard() == []
