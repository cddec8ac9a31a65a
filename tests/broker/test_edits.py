"""Edits and deletes by REST as they arrive live, and as they are caught up with."""

import pytest

from lib.edits import applied, delete, edit
from lib.mqtt import TAKEN, V5, V311, eventually
from lib.race import race
from lib.rest import ok, unique
from lib.servers import enter, join, make_channel, make_server

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


def synced(client, room, tag="a"):
    client.publish(f"user/{client.user}/sync", {"tag": tag, "rooms": {room: 0}})
    topic = f"user/{client.user}/sync/{tag}"
    client.wait(lambda: any(m["done"] for m in client.messages(topic)))
    return [item for piece in client.messages(topic) for item in piece["items"]]


@VERSIONS
@pytest.mark.parametrize("transport", ("tcp", "websockets"))
def test_both_hear_of_it(connect, people, version, transport):
    alice, bob, dm = people
    topic = f"dm/{dm}/messages"
    clients = [connect(p, version=version, transport=transport) for p in (alice, bob)]
    for client in clients:
        assert client.subscribe(topic) == 1
    alice.say(dm, "one")
    clients[0].send(dm, "two")
    clients[1].until(topic, 2)
    now = edit(alice, dm, 1, "uno", nonce="e")
    delete(alice, dm, 2)
    history = bob.history(dm)
    assert history == alice.history(dm) and history[0] == now
    for client in clients:
        heard = client.until(topic, 4)
        assert [m["seq"] for m in heard] == [1, 2, 3, 4]
        assert heard[2:] == history[2:], "an entry is the same live and in history"
        assert (heard[2]["kind"], heard[2]["target"], heard[2]["text"], heard[2]["nonce"]) == ("edit", 1, "uno", "e")
        assert (heard[3]["kind"], heard[3]["target"], heard[3]["from"]) == ("delete", 2, alice.id)
        assert "text" not in heard[3] and "nonce" not in heard[3]
        assert applied(heard) == history
    assert "text" not in history[1] and history[1]["deleted_at"] == history[3]["sent_at"]


def test_what_changes_nothing_is_not_heard(connect, people):
    alice, bob, dm = people
    b = connect(bob)
    b.may(f"dm/{dm}/messages")
    alice.say(dm, "one")
    edit(alice, dm, 1, nonce="e")
    edit(alice, dm, 1, nonce="e")
    assert bob.patch(f"/v1/rooms/{dm}/messages/1", {"text": "mine"}).status_code == 403
    assert bob.delete(f"/v1/rooms/{dm}/messages/1").status_code == 403
    delete(alice, dm, 1)
    delete(alice, dm, 1)
    assert alice.patch(f"/v1/rooms/{dm}/messages/1", {"text": "x"}).status_code == 409
    alice.say(dm, "last")
    heard = b.until(f"dm/{dm}/messages", 4)
    assert [m["kind"] for m in heard] == ["text", "edit", "delete", "text"]


@VERSIONS
def test_a_sync_shows_what_history_shows(connect, people, version):
    alice, bob, dm = people
    for i in range(6):
        (alice, bob)[i % 2].say(dm, f"{i}")
    edit(alice, dm, 1, "first")
    edit(alice, dm, 1, "second")
    edit(bob, dm, 2)
    delete(alice, dm, 1)
    delete(bob, dm, 4)
    history = alice.history(dm)
    for person in (alice, bob):
        client = connect(person, version=version)
        client.may(f"user/{person.id}/sync/+")
        items = synced(client, dm)
        assert items == history == ok(person.post("/v1/sync", {"rooms": {dm: 0}}))["rooms"][dm]["items"]
        assert applied(items) == history, "to do again what was done changes nothing"


def test_a_server_and_its_channel(connect, hum):
    owner, bob = hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    channel = make_channel(owner, server)
    join(bob, server)
    enter(bob, channel)
    posts, talk = f"server/{server}/messages", f"server/{server}/channel/{channel}/messages"
    b = connect(bob)
    eventually(lambda: b.subscribe(posts, talk) == [1, 1])
    owner.say(server, "news")
    bob.say(channel, "hi")
    bob.say(channel, "again")
    edit(owner, server, 1, "old news")
    edit(bob, channel, 1, "hello")
    delete(owner, channel, 2)  # the owner, who is not in the channel
    delete(owner, server, 1)
    assert applied(b.until(posts, 3)) == bob.history(server)
    heard = b.until(talk, 4)
    assert applied(heard) == bob.history(channel)
    assert [(m["kind"], m["from"]) for m in heard[2:]] == [("edit", bob.id), ("delete", owner.id)]


def test_a_send_with_the_nonce_of_an_edit(connect, people):
    """The nonce's original is the edit: nothing new, and the connection goes on."""
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    b.may(f"dm/{dm}/messages")
    alice.say(dm, "one")
    edit(alice, dm, 1, nonce="e")
    assert a.publish(f"dm/{dm}/send", {"nonce": "e", "text": "x"}) in TAKEN
    a.send(dm, "two")
    assert [m["kind"] for m in b.until(f"dm/{dm}/messages", 3)] == ["text", "edit", "text"]


def test_a_message_sent_again_after_its_deletion_stays_deleted(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    for client in (a, b):
        client.may(f"dm/{dm}/messages")
    nonce = a.send(dm, "secret")
    a.message(f"dm/{dm}/messages", nonce)
    delete(alice, dm, 1)
    for _ in range(3):
        a.send(dm, "secret", nonce=nonce)
    a.send(dm, "last")
    heard = b.until(f"dm/{dm}/messages", 3)
    assert [m["kind"] for m in heard] == ["text", "delete", "text"]
    assert "text" not in bob.history(dm)[0]


def test_live_under_load_becomes_history(connect, people):
    """Both talk over MQTT and change what they said by REST: each hears every entry once, in order."""
    alice, bob, dm = people
    topic = f"dm/{dm}/messages"
    clients = {p: connect(p) for p in (alice, bob)}
    for client in clients.values():
        client.may(topic)

    def talk(person):
        client = clients[person]
        for i in range(25):
            nonce = unique("n")
            seq = client.message(topic, client.send(dm, f"{i}", nonce=nonce))["seq"]
            for j in range(i % 3):
                edit(person, dm, seq, f"{i}.{j}")
            if i % 4 == 0:
                delete(person, dm, seq)

    race(lambda: talk(alice), lambda: talk(bob))
    history = alice.history(dm)
    assert history == bob.history(dm)
    for client in clients.values():
        heard = client.until(topic, len(history))
        assert [m["seq"] for m in heard] == list(range(1, len(history) + 1))
        assert applied(heard) == history
