"""Catching up over MQTT: what was missed, in pieces, the last of which says so."""

import json
import time

import pytest

from lib.mqtt import REFUSED, TAKEN, V5, V311, eventually
from lib.rest import unique

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


def ask(client, rooms, tag="a"):
    return client.publish(f"user/{client.user}/sync", {"tag": tag, "rooms": rooms})


def pieces(client, tag="a"):
    """All pieces of an answer, once the last has come."""
    topic = f"user/{client.user}/sync/{tag}"
    client.wait(lambda: any(m["done"] for m in client.messages(topic)))
    found = client.messages(topic)
    assert [m["done"] for m in found] == [False] * (len(found) - 1) + [True]
    assert not any(r.retain for r in client.heard(topic))
    return found


def items(found):
    return [item for piece in found for item in piece["items"]]


@VERSIONS
@pytest.mark.parametrize("transport", ("tcp", "websockets"))
def test_what_was_missed(connect, people, version, transport):
    alice, bob, dm = people
    for i in range(10):
        (alice, bob)[i % 2].say(dm, f"text {i}")
    history = alice.history(dm)
    b = connect(bob, version=version, transport=transport)
    assert b.subscribe(f"user/{bob.id}/sync/+") == 1
    for after, tag in ((0, "all"), (4, "some"), (9, "one"), (10, "none"), (10**15, "Beyond_-9")):
        assert ask(b, {dm: after}, tag) in TAKEN
        assert items(pieces(b, tag)) == history[after:]
    assert ask(b, {bob.id: 0}, "inbox") in TAKEN
    assert items(pieces(b, "inbox")) == bob.inbox() != []


def test_many_messages_come_in_pieces_and_more_are_announced(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    mids = [
        a.submit(f"dm/{dm}/send", {"nonce": f"n{i}", "text": "x" * 300}) for i in range(1200)
    ]
    for mid in mids:
        assert a.acked(mid) in TAKEN
    eventually(lambda: alice.get(f"/v1/rooms/{dm}").json()["last_seq"] == 1200)
    b.may(f"user/{bob.id}/sync/#")
    got, tag = [], 0
    while True:
        ask(b, {dm: len(got)}, f"t{tag}")
        found = pieces(b, f"t{tag}")
        got += items(found)
        assert len(found) > 1 or len(items(found)) < 1000
        tag += 1
        if dm not in found[-1].get("more", []):
            break
    assert tag > 1
    assert got == alice.history(dm)


def test_a_browser_gets_small_pieces(connect, people):
    """Of what libwebsockets writes in one round of the broker's loop: many of them go at once, large ones would not."""
    alice, bob, dm = people
    a = connect(alice)
    for mid in [a.submit(f"dm/{dm}/send", {"nonce": f"n{i}", "text": "x" * (i % 900 + 1)}) for i in range(1000)]:
        assert a.acked(mid) in TAKEN
    eventually(lambda: alice.get(f"/v1/rooms/{dm}").json()["last_seq"] == 1000)
    largest = {}
    for transport in ("tcp", "websockets"):
        b = connect(bob, transport=transport)
        b.may(f"user/{bob.id}/sync/+")
        ask(b, {dm: 0}, transport)
        assert items(pieces(b, transport)) == alice.history(dm)
        largest[transport] = max(len(r.payload) for r in b.heard(f"user/{bob.id}/sync/{transport}"))
        b.close()
    assert 3000 < largest["websockets"] <= 4000 and 60_000 < largest["tcp"] <= 66_000


@pytest.mark.release_only
def test_long_texts_reach_a_browser_at_once(connect, people):
    """Each is larger than that, and comes when all is quiet. Were each round of the loop to wait for sockets first, up to
    100 ms, a hundred would take 15 s, whatever the machine."""
    alice, bob, dm = people
    a = connect(alice)
    took = {}
    for transport in ("tcp", "websockets"):
        b = connect(bob, transport=transport)
        b.may(f"dm/{dm}/messages")
        for again in range(3):
            start = time.monotonic()
            for i in range(100):
                nonce = f"{transport}-{again}-{i}"
                a.submit(f"dm/{dm}/send", json.dumps({"nonce": nonce, "text": "\u044f" * 4000}, ensure_ascii=False).encode())
                b.message(f"dm/{dm}/messages", nonce)
            took.setdefault(transport, []).append(time.monotonic() - start)
        b.close()
    assert min(took["websockets"]) < min(took["tcp"]) + 7, took


def test_live_and_caught_up_make_the_log(connect, people):
    """Subscribe first, then ask: nothing is missing, and what comes twice is told apart by its number."""
    alice, bob, dm = people
    a = connect(alice)
    before = [a.submit(f"dm/{dm}/send", {"nonce": unique("n"), "text": "x"}) for _ in range(200)]
    b = connect(bob)
    b.may(f"dm/{dm}/messages", f"user/{bob.id}/sync/+")
    ask(b, {dm: 0})
    after = [a.submit(f"dm/{dm}/send", {"nonce": unique("n"), "text": "x"}) for _ in range(200)]
    for mid in (*before, *after):
        a.acked(mid)
    b.message(f"dm/{dm}/messages", a.send(dm, "the end"))
    both = {m["seq"]: m for m in (*items(pieces(b)), *b.messages(f"dm/{dm}/messages"))}
    assert [both[seq] for seq in sorted(both)] == alice.history(dm)


def test_rooms_that_are_not_ones_own_are_missing(connect, hum, people):
    alice, bob, dm = people
    carol, dave, other = hum.pair()
    carol.say(other, "secret")
    alice.say(dm, "text")
    b = connect(bob)
    b.may(f"user/{bob.id}/sync/+")
    ask(b, {dm: 0, other: 0, "77": 0, carol.id: 0, alice.id: 0})
    found = pieces(b)
    assert [m["text"] for m in items(found)] == ["text"]
    assert set(found[-1]["missing"]) == {other, "77", carol.id, alice.id}


def test_only_the_asker_hears_the_answer(connect, people):
    alice, bob, dm = people
    alice.say(dm, "text")
    a, b, other = connect(alice), connect(bob), connect(bob.sign_in())
    for client in (a, b, other):
        client.may(f"user/{client.user}/#", f"dm/{dm}/#")
    ask(b, {dm: 0})
    pieces(b)
    pieces(other)  # the same person, on another device
    a.barrier()
    assert not [r for r in a.heard() if "/sync" in r.topic]
    assert not [r for r in b.heard() if r.topic.endswith("/sync")]


BAD = {
    "empty": b"",
    "not JSON": b"{",
    "an array": b"[]",
    "no tag": b'{"rooms":{}}',
    "tag a number": b'{"tag":1,"rooms":{}}',
    "tag empty": b'{"tag":"","rooms":{}}',
    "tag of 33": json.dumps({"tag": "x" * 33, "rooms": {}}).encode(),
    "tag with a slash": b'{"tag":"a/b","rooms":{}}',
    "tag +": b'{"tag":"+","rooms":{}}',
    "tag #": b'{"tag":"#","rooms":{}}',
    "no rooms": b'{"tag":"a"}',
    "rooms a list": b'{"tag":"a","rooms":[]}',
    "room not an id": b'{"tag":"a","rooms":{"x":0}}',
    "room with a zero": b'{"tag":"a","rooms":{"01":0}}',
    "after a text": b'{"tag":"a","rooms":{"1":"0"}}',
    "after negative": b'{"tag":"a","rooms":{"1":-1}}',
    "room twice": b'{"tag":"a","rooms":{"1":0,"1":0}}',
    "too many rooms": json.dumps({"tag": "a", "rooms": {str(i): 0 for i in range(1, 202)}}).encode(),
    "too large": b'{"tag":"a","rooms":{}}' + b" " * 20000,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_by_name(connect, people, name):
    bob = people[1]
    b = connect(bob)
    b.may(f"user/{bob.id}/errors", f"user/{bob.id}/sync/+")
    assert b.publish(f"user/{bob.id}/sync", BAD[name]) == REFUSED
    b.wait(lambda: b.heard())
    (error,) = b.heard()
    assert error.json["code"] == "invalid_payload"


def test_one_answer_at_a_time(connect, people):
    """A second question while the first is being answered is refused; later ones are welcome."""
    alice, bob, dm = people
    for i in range(5):
        alice.say(dm, f"text {i}")
    b = connect(bob)
    b.may(f"user/{bob.id}/errors", f"user/{bob.id}/sync/+")
    body = {"rooms": {dm: 0}}
    mids = [b.submit(f"user/{bob.id}/sync", {**body, "tag": f"t{i}"}) for i in range(20)]
    codes = [b.acked(mid) for mid in mids]
    taken = [i for i, code in enumerate(codes) if code in TAKEN]
    assert 0 in taken and set(codes) <= {*TAKEN, REFUSED}
    for i in taken:
        assert [m["text"] for m in items(pieces(b, f"t{i}"))] == [f"text {i}" for i in range(5)]
    b.wait(lambda: len(b.heard(f"user/{bob.id}/errors")) == 20 - len(taken))
    assert {m["code"] for m in b.messages(f"user/{bob.id}/errors")} <= {"rate_limited"}
    assert ask(b, {dm: 0}, "last") in TAKEN
    pieces(b, "last")
