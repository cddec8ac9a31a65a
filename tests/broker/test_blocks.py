"""A block ends what two people may do with each other live."""

import pytest

from lib.mqtt import DENIED, REFUSED, TAKEN, V5, V311, eventually
from lib.rest import ok, unique

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
WHO = pytest.mark.parametrize("who", [0, 1], ids=["one", "the other"])


def room(dm):
    return f"dm/{dm}/messages"


def presence(person):
    return f"user/{person.id}/presence"


def states(client, person):
    return [r.json["state"] if r.payload else "" for r in client.heard(presence(person))]


def block(a, b):
    ok(a.put(f"/v1/blocks/{b.id}"), 204)


def until_told(client, kind):
    """Waits for a notification: the change behind it was committed, and announced, with it."""
    client.wait(lambda: any(m["kind"] == kind for m in client.messages(f"user/{client.user}/inbox")))


def refused(client, dm):
    nonce = unique("n")
    code = client.publish(f"dm/{dm}/send", {"nonce": nonce, "text": "too late"})
    assert code == (REFUSED if client.version == V5 else 0)
    return client.error(nonce)


@VERSIONS
@WHO
def test_neither_writes_and_both_read(connect, people, version, who):
    alice, bob, dm = people
    a, b = connect(alice, version=version), connect(bob, version=version)
    for client in (a, b):
        client.may(room(dm), f"dm/{dm}/typing/+", f"user/{client.user}/errors", f"user/{client.user}/inbox")
    before = b.message(room(dm), a.send(dm, "while friends"))
    a.message(room(dm), before["nonce"])
    blocker, other = (people[who], people[1 - who])
    block(blocker, other)
    until_told(b if who == 0 else a, "friend_removed")
    for client in (a, b):
        error = refused(client, dm)
        assert (error["code"], error["room"]) == ("not_friends", dm)
        client.publish(f"dm/{dm}/typing/{client.user}", {}, qos=0)
        client.barrier()
    for client in (a, b):
        client.barrier()
        assert client.messages(room(dm)) == [before] and not client.gone.is_set()
        assert not [r for r in client.heard() if "/typing/" in r.topic]
    assert alice.history(dm) == bob.history(dm) == [before]
    assert connect(people[1 - who], suffix="later").subscribe(room(dm)) == 1


@VERSIONS
def test_presence_of_each_other_ends(connect, people, version):
    alice, bob, _ = people
    a, b = connect(alice, version=version), connect(bob, version=version)
    assert a.subscribe(presence(bob)) == b.subscribe(presence(alice)) == 1
    a.wait(lambda: states(a, bob)[-1:] == ["online"])
    b.wait(lambda: states(b, alice)[-1:] == ["online"])
    b.may(f"user/{bob.id}/inbox")
    block(alice, bob)
    until_told(b, "friend_removed")
    heard = len(states(b, alice))
    for one, other in ((alice, bob), (bob, alice)):
        late = connect(one, version=version, suffix="late")
        assert late.subscribe(presence(other)) == DENIED[version]
        late.barrier()
        assert late.heard() == []
    # A change that a friend would hear of: alice goes, and comes again.
    third = connect(alice.sign_in())
    third.may(presence(alice))
    third.wait(lambda: states(third, alice)[-1:] == ["online"])
    third.close()
    a.close()
    b.barrier()
    assert len(states(b, alice)) == heard


def test_a_stream_of_messages_across_the_block(connect, people):
    """Every message is taken and seen by both, or refused; after the first refusal all are."""
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
    block(bob, alice)
    eventually(lambda: stream(5) or REFUSED in codes.values())
    stream(20)
    taken = [nonce for nonce, code in codes.items() if code in TAKEN]
    assert list(codes) == taken + [nonce for nonce, code in codes.items() if code == REFUSED]
    for client in (a, b):
        assert [m["nonce"] for m in client.until(room(dm), len(taken))] == taken
    assert [m["nonce"] for m in bob.history(dm)] == taken


def test_unblocking_gives_no_right_back(connect, hum, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(room(dm), f"user/{client.user}/errors", f"user/{client.user}/inbox")
    block(alice, bob)
    until_told(b, "friend_removed")
    ok(alice.delete(f"/v1/blocks/{bob.id}"), 204)
    assert refused(a, dm)["code"] == refused(b, dm)["code"] == "not_friends"
    # Nor does a load of the rights from the database.
    late = connect(bob.sign_in())
    late.may(f"user/{bob.id}/errors")
    assert refused(late, dm)["code"] == "not_friends"
    hum.befriend(bob, alice)
    until_told(b, "friend_request_accepted")
    a.message(room(dm), b.send(dm, "friends again"))


def test_other_rooms_go_on(connect, hum, people):
    alice, bob, _ = people
    carol = hum.sign_up()
    hum.befriend(alice, carol)
    other = hum.open_dm(alice, carol)
    a = connect(alice)
    a.may(f"user/{alice.id}/inbox", room(other))
    block(bob, alice)
    until_told(a, "friend_removed")
    a.message(room(other), a.send(other, "hi"))
