"""Servers and channels live: who hears, who writes, and how rights come and go without a reconnect."""

import pytest

from lib.mqtt import REFUSED, V5, V311, eventually, newcomer
from lib.rest import ok, problem, unique
from lib.servers import enter, invite, join, kick, leave, make_channel, make_code, make_server, redeem

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


@pytest.fixture
def owner(hum):
    return newcomer(hum)


@pytest.fixture
def bob(hum):
    return newcomer(hum)


@pytest.fixture
def carol(hum):
    return newcomer(hum)


@pytest.fixture
def server(owner):
    return make_server(owner)["id"]


def posts(server):
    return f"server/{server}/messages"


def talk(server, channel):
    return f"server/{server}/channel/{channel}/messages"


def send(client, topic, text="hello"):
    """Publishes a Send; its nonce."""
    nonce = unique("n")
    code = client.publish(f"{topic}/send", {"nonce": nonce, "text": text})
    return nonce, code


def refused(client, topic):
    """A Send that is refused; the Error that names it."""
    nonce, code = send(client, topic)
    assert code == (REFUSED if client.version == V5 else 0)
    return client.error(nonce)


def marked(speaker, room, listener, topic):
    """A message that is heard, behind which nothing else is under way."""
    listener.message(topic, speaker.say(room, "marker")["nonce"])


@VERSIONS
def test_posts_of_the_owner_arrive_at_the_members(hum, connect, owner, bob, carol, server, version):
    join(bob, server)
    join(carol, server)
    o, b, c = (connect(p, version=version) for p in (owner, bob, carol))
    b.may(posts(server))
    c.may(f"server/{server}/#")
    o.may(posts(server))
    nonces = [owner.say(server, "by REST")["nonce"], send(o, f"server/{server}", "by MQTT")[0]]
    for client in (o, b, c):
        for nonce in nonces:
            client.message(posts(server), nonce)
        assert [m["seq"] for m in client.messages(posts(server))] == [1, 2]
        assert client.messages(posts(server)) == owner.history(server)
    assert bob.inbox() == [], "a post writes no notification"


@VERSIONS
def test_members_do_not_post(connect, owner, bob, server, version):
    join(bob, server)
    b = connect(bob, version=version).may(posts(server), f"user/{bob.id}/errors")
    error = refused(b, f"server/{server}")
    assert (error["room"], error["code"]) == (server, "not_owner")
    for qos in (0, 2):
        nonce = unique("n")
        b.publish(f"server/{server}/send", {"nonce": nonce, "text": "x"}, qos=qos)
        assert b.error(nonce)["code"] == "not_owner"
    problem(bob.post(f"/v1/rooms/{server}/messages", {"nonce": "n", "text": "x"}), 403, "not_owner")
    assert owner.history(server) == []


def test_strangers_neither_hear_nor_post(connect, owner, bob, carol, server):
    channel = make_channel(owner, server)
    join(bob, server)
    b, c = connect(bob), connect(carol)
    b.may(posts(server))
    for topic in (posts(server), f"server/{server}/#", talk(server, channel), f"server/{server}/channel/{channel}/#"):
        assert c.subscribe(topic) == REFUSED
    for topic in (f"server/{server}", f"server/{server}/channel/{channel}", f"dm/{server}", f"dm/{channel}"):
        _, code = send(c, topic)
        assert code == REFUSED
    marked(owner, server, b, posts(server))
    c.barrier()
    assert not [r for r in c.heard() if r.topic.startswith("server/")]


def test_a_channel_by_another_servers_name(connect, owner, bob, server):
    other = make_server(owner)["id"]
    channel = make_channel(owner, server)
    for number in (server, other):
        join(bob, number)
    enter(bob, channel)
    b = connect(bob).may(talk(server, channel))
    assert b.subscribe(talk(other, channel)) == REFUSED
    assert send(b, f"server/{other}/channel/{channel}")[1] == REFUSED
    assert b.subscribe(f"server/{channel}/messages") == REFUSED


@VERSIONS
def test_who_is_in_the_channel_hears_and_writes(connect, owner, bob, carol, server, version):
    channel = make_channel(owner, server)
    for person in (bob, carol):
        join(person, server)
    enter(owner, channel)
    enter(bob, channel)
    o, b, c = (connect(p, version=version) for p in (owner, bob, carol))
    o.may(f"server/{server}/#")
    b.may(talk(server, channel))
    c.may(f"server/{server}/#")
    nonces = [send(o, f"server/{server}/channel/{channel}")[0], send(b, f"server/{server}/channel/{channel}")[0],
              bob.say(channel, "by REST")["nonce"]]
    for client in (o, b):
        for nonce in nonces:
            client.message(talk(server, channel), nonce)
        assert client.messages(talk(server, channel)) == owner.history(channel)
    marked(owner, server, c, posts(server))
    c.barrier()
    assert c.messages(talk(server, channel)) == [], "in the server, not in the channel"
    _, code = send(c, f"server/{server}/channel/{channel}")
    assert code == (REFUSED if version == V5 else 0)
    assert len(owner.history(channel)) == 3


def test_joining_starts_deliveries_without_a_reconnect(connect, owner, bob, server):
    channel = make_channel(owner, server)
    b = connect(bob)
    assert b.subscribe(posts(server)) == REFUSED
    join(bob, server)
    b.may(f"server/{server}/#")
    marked(owner, server, b, posts(server))
    enter(owner, channel)
    enter(bob, channel)
    # The filter covers the channel: nothing is subscribed anew.
    eventually(lambda: owner.say(channel, "hi") and b.messages(talk(server, channel)))


def test_moving_to_another_channel_moves_deliveries(connect, owner, bob, carol, server):
    first, second = make_channel(owner, server), make_channel(owner, server)
    for person in (bob, carol):
        join(person, server)
    enter(carol, first)
    enter(bob, first)
    b = connect(bob).may(talk(server, first))
    marked(carol, first, b, talk(server, first))
    enter(bob, second)
    b.may(talk(server, second))
    enter(owner, second)
    carol.say(first, "unheard")
    marked(owner, second, b, talk(server, second))
    b.barrier()
    assert "unheard" not in [m["text"] for m in b.messages(talk(server, first))]
    assert send(b, f"server/{server}/channel/{first}")[1] == REFUSED
    b.message(talk(server, second), send(b, f"server/{server}/channel/{second}")[0])


@pytest.mark.parametrize("how", ["leave", "kick", "ban"])
def test_leaving_ends_deliveries(connect, owner, bob, carol, server, how):
    channel = make_channel(owner, server)
    for person in (bob, carol):
        join(person, server)
        enter(person, channel)
    b, c = connect(bob), connect(carol)
    for client in (b, c):
        client.may(f"server/{server}/#")
        client.may(talk(server, channel), f"user/{client.user}/inbox")
    for client in (b, c):
        marked(owner, server, client, posts(server))
        marked(carol, channel, client, talk(server, channel))
    if how == "leave":
        leave(bob, server)
    else:
        kick(owner, server, bob, **({"ban": "true"} if how == "ban" else {}))
        assert b.told("server_removed")["reason"] == ("banned" if how == "ban" else "kicked")
    eventually(lambda: b.subscribe(posts(server)) == REFUSED)
    eventually(lambda: b.subscribe(talk(server, channel)) == REFUSED)
    owner.say(server, "unheard")
    carol.say(channel, "unheard")
    marked(owner, server, c, posts(server))
    marked(carol, channel, c, talk(server, channel))
    b.barrier()
    for topic in (posts(server), talk(server, channel)):
        assert "unheard" in [m["text"] for m in c.messages(topic)]
        assert "unheard" not in [m["text"] for m in b.messages(topic)]
    assert send(b, f"server/{server}/channel/{channel}")[1] == REFUSED
    assert not b.gone.is_set()


def test_a_deleted_channel(connect, owner, bob, server):
    channel = make_channel(owner, server)
    join(bob, server)
    enter(bob, channel)
    b = connect(bob).may(talk(server, channel), posts(server), f"user/{bob.id}/inbox")
    b.message(talk(server, channel), send(b, f"server/{server}/channel/{channel}")[0])
    ok(owner.delete(f"/v1/channels/{channel}"), 204)
    assert b.told("channel_removed")["channel"]["id"] == channel
    assert send(b, f"server/{server}/channel/{channel}")[1] == REFUSED
    assert b.subscribe(talk(server, channel)) == REFUSED
    marked(owner, server, b, posts(server))


def test_a_deleted_server(connect, owner, bob, server):
    channel = make_channel(owner, server)
    join(bob, server)
    enter(bob, channel)
    o, b = connect(owner), connect(bob)
    o.may(posts(server))
    b.may(posts(server), talk(server, channel), f"user/{bob.id}/inbox")
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    told = b.told("server_removed")
    assert (told["reason"], told["server"]["id"]) == ("deleted", server)
    for client, topic in ((o, f"server/{server}"), (b, f"server/{server}/channel/{channel}")):
        eventually(lambda: send(client, topic)[1] == REFUSED)
        assert client.subscribe(f"{topic}/messages") == REFUSED
    for person in (owner, bob):
        problem(person.get(f"/v1/rooms/{server}"), 404, "not_found")


def test_invites_live(connect, owner, bob, carol):
    server = make_server(owner, "private")["id"]
    b, c = connect(bob).may(f"user/{bob.id}/inbox"), connect(carol)
    number = invite(owner, server, bob)
    assert b.told("server_invite_received")["invite_id"] == number
    ok(bob.post(f"/v1/invites/{number}/accept"))
    ok(redeem(carol, make_code(bob, server)))
    for client in (b, c):
        client.may(posts(server))
        marked(owner, server, client, posts(server))


def test_read_marks_and_typing_in_a_channel(connect, owner, bob, server):
    channel = make_channel(owner, server)
    join(bob, server)
    for person in (owner, bob):
        enter(person, channel)
    o, b = connect(owner), connect(bob)
    room = f"server/{server}/channel/{channel}"
    o.may(f"{room}/#")
    b.may(f"{room}/#")
    marked(owner, channel, b, f"{room}/messages")
    b.publish(f"{room}/read", {"seq": 1})
    o.wait(lambda: o.heard(f"{room}/read/{bob.id}"))
    b.publish(f"{room}/typing/{bob.id}", {}, qos=0)
    o.wait(lambda: o.heard(f"{room}/typing/{bob.id}"))
    eventually(lambda: ok(bob.get(f"/v1/rooms/{channel}"))["read_seq"] == 1)


def test_rights_are_loaded_as_they_are_told(hum, connect, owner, bob, server):
    """What a load of rights says is what the notices had added up to."""
    channel = make_channel(owner, server)
    join(bob, server)
    enter(bob, channel)
    rows = hum.daemon_database("broker").rows(
        "select id::text, kind, rights, server_id::text from hum_access(array[%s::bigint]) where what = 'r'"
        " and kind in (2, 3) order by kind", bob.id)
    assert rows == [(server, 2, 1, "0"), (channel, 3, 3, server)]
    fresh = hum.sign_up()  # was never known to the broker before it joined
    join(fresh, server)
    f = connect(fresh.sign_in()).may(f"server/{server}/#")
    marked(owner, server, f, posts(server))
