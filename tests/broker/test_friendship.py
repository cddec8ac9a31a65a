"""The end of a friendship ends the writing, not the reading."""

import pytest

from lib.mqtt import REFUSED, TAKEN, V5, V311, eventually
from lib.rest import ok, problem, unique

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


def room(dm):
    return f"dm/{dm}/messages"


def refusal(client, dm):
    """Sends; the Error that comes of it."""
    nonce = unique("n")
    code = client.publish(f"dm/{dm}/send", {"nonce": nonce, "text": "too late"})
    assert code == (REFUSED if client.version == V5 else 0)
    return client.error(nonce)


def part(person, other):
    ok(person.delete(f"/v1/friends/{other.id}"), 204)


def until_told(client, kind):
    """Waits for a notification: the change behind it was committed, and announced, with it."""
    client.wait(lambda: any(m["kind"] == kind for m in client.messages(f"user/{client.user}/inbox")))


@VERSIONS
def test_former_friends_read_and_do_not_write(connect, people, version):
    alice, bob, dm = people
    a, b = connect(alice, version=version), connect(bob, version=version)
    for client in (a, b):
        client.may(room(dm), f"user/{client.user}/errors", f"user/{client.user}/inbox")
    first = a.send(dm, "while friends")
    before = [client.message(room(dm), first) for client in (a, b)]
    part(alice, bob)
    until_told(b, "friend_removed")
    for client in (a, b):
        error = refusal(client, dm)
        assert error["code"] == "not_friends" and error["room"] == dm
        assert set(error) == {"room", "nonce", "code", "detail"}
        for qos in (0, 2):
            nonce = unique("n")
            client.publish(f"dm/{dm}/send", {"nonce": nonce, "text": "too late"}, qos=qos)
            assert client.error(nonce)["code"] == "not_friends"
    for person in (alice, bob):
        problem(person.post(f"/v1/rooms/{dm}/messages", {"nonce": "x", "text": "x"}), 403, "not_friends")
        assert person.history(dm) == before[:1]
    for client in (a, b):
        client.barrier()
        assert client.messages(room(dm)) == before[:1]
        assert not client.gone.is_set()
    # Both still may read: those who were connected, and who comes later.
    for client in (a, connect(bob, version=version, suffix="later")):
        assert client.subscribe(room(dm), f"dm/{dm}/#") == [1, 1]


@VERSIONS
def test_friends_again_write_again_into_the_same_room(connect, hum, people, version):
    alice, bob, dm = people
    a, b = connect(alice, version=version), connect(bob, version=version)
    for client in (a, b):
        client.may(room(dm), f"user/{client.user}/errors", f"user/{client.user}/inbox")
    a.send(dm, "one", nonce="one")
    b.message(room(dm), "one")
    part(bob, alice)
    until_told(a, "friend_removed")
    assert refusal(a, dm)["code"] == "not_friends"
    hum.befriend(bob, alice)
    until_told(b, "friend_request_accepted")
    assert hum.open_dm(alice, bob) == dm
    b.message(room(dm), a.send(dm, "two", nonce="two"))
    a.message(room(dm), b.send(dm, "three", nonce="three"))
    a.barrier()
    assert a.messages(room(dm)) == alice.history(dm)
    assert [(m["seq"], m["nonce"]) for m in alice.history(dm)] == [(1, "one"), (2, "two"), (3, "three")]


def test_the_end_of_one_friendship_leaves_the_others(connect, hum, people):
    alice, bob, dm = people
    carol = hum.sign_up()
    hum.befriend(alice, carol)
    other = hum.open_dm(alice, carol)
    a = connect(alice)
    a.may(f"user/{alice.id}/inbox")
    part(bob, alice)
    until_told(a, "friend_removed")
    assert a.subscribe(room(other)) == 1
    a.message(room(other), a.send(other, "hi"))


def test_what_is_sent_while_friendships_end_is_in_the_log_or_refused(connect, people):
    """A stream of messages across the change: every one is either taken and seen by both, or refused."""
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(room(dm), f"user/{client.user}/errors")
    codes = {}

    def stream(count):
        mids = {}
        for _ in range(count):
            nonce = unique("n")
            mids[nonce] = a.submit(f"dm/{dm}/send", {"nonce": nonce, "text": "x"})
        codes.update({nonce: a.acked(mid) for nonce, mid in mids.items()})

    stream(50)
    part(alice, bob)
    eventually(lambda: stream(5) or REFUSED in codes.values())
    stream(20)
    taken = [nonce for nonce, code in codes.items() if code in TAKEN]
    refused = [nonce for nonce, code in codes.items() if code == REFUSED]
    assert set(codes.values()) <= {*TAKEN, REFUSED}
    assert list(codes) == taken + refused, "taken again after the first refusal"
    for nonce in refused:
        assert a.error(nonce)["code"] == "not_friends"
    for client in (a, b):
        assert [m["nonce"] for m in client.until(room(dm), len(taken))] == taken
    assert [m["nonce"] for m in bob.history(dm)] == taken
