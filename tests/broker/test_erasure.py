"""What an erasure does to those who are connected: the erased, their friends, the members of their servers."""

import contextlib
import json
import threading

import pytest

from lib.erasure import DELETED, erase
from lib.mqtt import Gone, Refused, eventually
from lib.rest import ok, problem, unique
from lib.servers import enter, join, make_channel, make_server


def presence(client, user):
    """What has come of somebody's presence; None: offline."""
    return [json.loads(r.payload)["state"] if r.payload else None for r in client.heard(f"user/{user}/presence")]


def kinds(client):
    return [m["kind"] for m in client.messages(f"user/{client.user}/inbox")]


def refusal(client, topic):
    """Sends; the code of the Error that comes of it."""
    nonce = unique("n")
    client.publish(f"{topic}/send", {"nonce": nonce, "text": "too late"})
    return client.error(nonce)["code"]


def test_their_connections_end(connect, people):
    alice, _, dm = people
    phone = alice.sign_in()
    clients = [connect(alice), connect(alice, suffix="tab"), connect(phone, transport="websockets")]
    for client in clients:
        client.may(f"dm/{dm}/messages")
    erase(alice)
    for client in clients:
        client.closed()
    for person in (alice, phone):
        # As long as the broker may not know of a new session, it asks before it closes.
        with contextlib.suppress(Refused):
            again = connect(person, suffix="again")
            again.closed()
            assert again.heard() == []


def test_what_friends_hear(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    assert set(b.subscribe(f"user/{alice.id}/presence", f"user/{bob.id}/inbox", f"user/{bob.id}/errors",
                           f"dm/{dm}/messages")) == {1}
    b.wait(lambda: presence(b, alice.id) == ["online"])
    first = a.send(dm, "while there")
    b.message(f"dm/{dm}/messages", first)
    erase(alice)
    a.closed()
    b.wait(lambda: "friend_removed" in kinds(b))
    notice = b.messages(f"user/{bob.id}/inbox")[-1]
    assert notice["data"] == {"user": {"id": alice.id, "nickname": DELETED}}
    assert refusal(b, f"dm/{dm}") == "not_friends"
    assert presence(b, alice.id) in (["online"], ["online", None]), "no longer for them to see, not even its end"
    # And who comes later: the DM is read, the presence is not.
    later = connect(bob, suffix="later")
    assert later.subscribe(f"dm/{dm}/messages") == 1
    assert later.subscribe(f"user/{alice.id}/presence") in (0x80, 0x87)
    assert later.subscribe(f"user/{bob.id}/sync/+") == 1
    later.publish(f"user/{bob.id}/sync", {"tag": "t", "rooms": {dm: 0, bob.id: 0}})
    later.wait(lambda: any(m["done"] for m in later.messages(f"user/{bob.id}/sync/t")))
    items = [i for m in later.messages(f"user/{bob.id}/sync/t") for i in m["items"]]
    assert first in [i.get("nonce") for i in items]
    people_told_of = [i["data"]["user"] for i in items if i["kind"].startswith(("friend", "dm"))]
    assert people_told_of and all(u == {"id": alice.id, "nickname": DELETED} for u in people_told_of)


def test_what_members_hear(hum, connect):
    alice, bob = hum.sign_up(), hum.sign_up()
    server = make_server(alice)["id"]
    join(bob, server)
    channel = make_channel(alice, server)
    enter(bob, channel)
    room = f"server/{server}/channel/{channel}"
    b = connect(bob)
    eventually(lambda: b.subscribe(f"{room}/messages") == 1)
    b.may(f"server/{server}/messages", f"user/{bob.id}/inbox", f"user/{bob.id}/errors")
    erase(alice)
    b.wait(lambda: "server_removed" in kinds(b))
    assert refusal(b, room) in ("forbidden", "not_found")
    eventually(lambda: connect(bob, suffix=unique("s")).subscribe(f"server/{server}/messages") in (0x80, 0x87))


def chatter(client, topic, stop, sent):
    """Sends until stopped, or closed."""
    try:
        while not stop.is_set():
            nonce = unique("n")
            sent.append(nonce)
            client.publish(f"{topic}/send", {"nonce": nonce, "text": nonce})
    except (Gone, AssertionError):
        pass  # the erased one's connection has ended


@pytest.mark.parametrize("_", range(3))
def test_while_both_write(hum, connect, people, _):
    """What was heard is in the history, in order and without gaps; nothing more comes; nobody else is cut off."""
    alice, bob, dm = people
    carol = hum.sign_up()
    hum.befriend(bob, carol)
    other = hum.open_dm(bob, carol)
    a, b = connect(alice), connect(bob)
    eventually(lambda: b.subscribe(f"dm/{other}/messages") == 1)
    topic = f"dm/{dm}/messages"
    for client in (a, b):
        client.may(topic, f"user/{client.user}/errors", f"user/{client.user}/inbox")
    stop, sent = threading.Event(), {alice.id: [], bob.id: []}
    threads = [threading.Thread(target=chatter, args=(c, f"dm/{dm}", stop, sent[c.user])) for c in (a, b)]
    for thread in threads:
        thread.start()
    b.wait(lambda: {m["from"] for m in b.messages(topic)} == {alice.id, bob.id} and len(b.messages(topic)) > 40)
    erase(alice)
    a.closed()
    b.wait(lambda: "friend_removed" in kinds(b))
    b.wait(lambda: any(e["code"] == "not_friends" for e in b.messages(f"user/{bob.id}/errors")))
    stop.set()
    for thread in threads:
        thread.join()
    # What was let through is committed before what is sent now, and so delivered before it.
    b.message(f"dm/{other}/messages", b.send(other, "the last"))
    eventually(lambda: len(b.messages(topic)) == ok(bob.get(f"/v1/rooms/{dm}"))["last_seq"])
    history = bob.history(dm)
    assert [m["seq"] for m in history] == list(range(1, len(history) + 1))
    assert b.messages(topic) == history
    assert [m["nonce"] for m in history if m["from"] == alice.id] == sent[alice.id][:sum(
        m["from"] == alice.id for m in history)]
    heard = a.messages(topic)
    assert heard == history[:len(heard)], "what the erased one heard is a beginning of it"
    assert not b.gone.is_set()
    problem(bob.post(f"/v1/rooms/{dm}/messages", {"nonce": "x", "text": "x"}), 403, "not_friends")
    # What was in the journal, or on its way, came to the same end.
    assert not hum.database.rows("select 1 from set_aside where sender_id = %s", alice.id)


def test_while_a_channel_talks(hum, connect):
    """One of three goes; the other two notice nothing but the silence."""
    alice, bob, carol = people = [hum.sign_up() for _ in range(3)]
    server = make_server(bob)["id"]
    channel = make_channel(bob, server)
    for person in people:
        if person is not bob:
            join(person, server)
        enter(person, channel)
    room = f"server/{server}/channel/{channel}"
    clients = [connect(p) for p in people]
    for client in clients:
        eventually(lambda c=client: c.subscribe(f"{room}/messages", f"user/{c.user}/errors") == [1, 1])
    stop, sent = threading.Event(), {p.id: [] for p in people}
    threads = [threading.Thread(target=chatter, args=(c, room, stop, sent[c.user])) for c in clients]
    for thread in threads:
        thread.start()
    a, b, c = clients
    c.wait(lambda: {m["from"] for m in c.messages(f"{room}/messages")} == {p.id for p in people})
    erase(alice)
    a.closed()
    mark = len(sent[carol.id])
    eventually(lambda: len(sent[carol.id]) > mark + 20)
    stop.set()
    for thread in threads:
        thread.join()
    for client in (b, c):
        for person in (bob, carol):
            client.message(f"{room}/messages", sent[person.id][-1])
    history = carol.history(channel)
    assert [m["seq"] for m in history] == list(range(1, len(history) + 1))
    assert b.messages(f"{room}/messages") == c.messages(f"{room}/messages") == history
    for client in (b, c):
        assert not client.gone.is_set() and client.messages(f"user/{client.user}/errors") == []
        own = [m["nonce"] for m in history if m["from"] == client.user]
        assert own == sent[client.user], "nothing of theirs is lost"
    assert alice.id not in [m["user"]["id"] for m in ok(bob.get(f"/v1/channels/{channel}/members"))["items"]]


def test_a_read_mark_that_comes_with_it(hum, connect, people):
    """Marks of a batch go on; one of somebody who is just erased does not stay."""
    alice, bob, dm = people
    bob.say(dm, "one")
    a = connect(alice)
    for seq in range(1, 30):
        bob.say(dm, str(seq))
        a.submit(f"dm/{dm}/read", {"seq": seq}, qos=0)
    erase(alice)
    a.closed()
    b = connect(bob)
    b.may(f"dm/{dm}/read/+")
    b.publish(f"dm/{dm}/read", {"seq": 5})
    b.wait(lambda: b.heard(f"dm/{dm}/read/{bob.id}"))
    eventually(lambda: not hum.database.rows("select 1 from read_marks where user_id = %s", alice.id))
