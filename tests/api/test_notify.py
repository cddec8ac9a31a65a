"""What the control API tells the broker on the channel "hum"."""

import select

import pytest

from lib.rest import ok
from lib.servers import enter, join, kick, make_channel, make_server


class Listener:
    def __init__(self, database):
        self.connection = database.connect()
        self.connection.cursor().execute("listen hum")
        self.database = database

    def until_now(self):
        """The payloads that have come, up to a mark sent just now."""
        self.database.rows("select pg_notify('hum', 'mark')")
        while not any(n.payload == "mark" for n in self.connection.notifies):
            assert select.select([self.connection], [], [], 20)[0], "no mark"
            self.connection.poll()
        seen = [n.payload for n in self.connection.notifies if n.payload != "mark"]
        self.connection.notifies.clear()
        return seen

    def of(self, *people, kind=""):
        """Those that name one of these people, or a room of theirs."""
        seen = [p for p in self.until_now() if any(x in p.split(" ") for x in people)]
        return [p for p in seen if p.startswith(kind)]


@pytest.fixture
def listener(hum):
    listener = Listener(hum.database)
    yield listener
    listener.connection.close()


def test_every_issued_token(hum, listener):
    person = hum.sign_up()
    assert listener.of(person.id) == [f"user {person.id}"]
    device = person.sign_in()
    assert listener.of(person.id) == [f"user {person.id}"]
    body = {"refresh_token": device.session["refresh_token"]}
    ok(hum.rest.post("/v1/auth/refresh", body))
    assert listener.of(person.id) == [f"user {person.id}"]
    hum.rest.post("/v1/auth/login", {"email": person.email, "password": "wrong password"})
    assert listener.of(person.id) == []


def test_every_revoked_session(hum, listener):
    person = hum.sign_up()
    device = person.sign_in()
    listener.until_now()
    ok(person.post("/v1/auth/logout"), 204)
    assert listener.of(person.id) == [f"session {person.id} {person.sid}"]
    first = device.session["refresh_token"]
    second = ok(hum.rest.post("/v1/auth/refresh", {"refresh_token": first}))["refresh_token"]
    ok(hum.rest.post("/v1/auth/refresh", {"refresh_token": second}))
    listener.until_now()
    assert hum.rest.post("/v1/auth/refresh", {"refresh_token": first}).status_code == 401
    assert listener.of(person.id) == [f"session {person.id} {device.sid}"]


def test_rights_in_a_dm(hum, listener):
    a, b = hum.sign_up(), hum.sign_up()
    hum.befriend(a, b)
    listener.until_now()
    dm = hum.open_dm(a, b)
    assert sorted(p for p in listener.of(dm) if p.startswith("access")) == sorted(
        [f"access {a.id} {dm} dm 3 0 0", f"access {b.id} {dm} dm 3 0 0"])
    a.say(dm, "one")
    assert listener.of(dm) == [f"room {dm} 1"]
    ok(a.delete(f"/v1/friends/{b.id}"), 204)
    assert sorted(listener.of(dm)) == sorted(
        [f"access {a.id} {dm} dm 1 1 0", f"access {b.id} {dm} dm 1 1 0"])
    hum.befriend(a, b)
    assert sorted(listener.of(dm)) == sorted(
        [f"access {a.id} {dm} dm 3 1 0", f"access {b.id} {dm} dm 3 1 0"])
    ok(a.post("/v1/dms", {"user_id": b.id}), 200)
    assert all(p.startswith("access") for p in listener.of(dm))


def test_friendships(hum, listener):
    """Told to both sides when they begin and when they end."""
    a, b = hum.sign_up(), hum.sign_up()
    ok(a.post("/v1/friends/requests", {"user_id": b.id}), 201)
    assert listener.of(a.id, b.id, kind="friend") == []
    ok(b.post(f"/v1/friends/requests/{a.id}/accept"))
    assert sorted(listener.of(a.id, kind="friend")) == sorted(
        [f"friend {a.id} {b.id} 1", f"friend {b.id} {a.id} 1"])
    ok(a.delete(f"/v1/friends/{b.id}"), 204)
    assert sorted(listener.of(a.id, kind="friend")) == sorted(
        [f"friend {a.id} {b.id} 0", f"friend {b.id} {a.id} 0"])


def test_a_message_once(people, listener):
    a, _, dm = people
    listener.until_now()
    for _ in range(3):
        a.say(dm, "hi", nonce="once")
    assert listener.of(dm) == [f"room {dm} 1"]


def test_a_change_of_a_message_once(people, listener):
    a, b, dm = people
    a.say(dm, "hi")
    listener.until_now()
    path = f"/v1/rooms/{dm}/messages/1"
    for _ in range(2):
        ok(a.patch(path, {"text": "changed", "nonce": "once"}))
    assert listener.of(dm) == [f"room {dm} 2"]
    for _ in range(2):
        ok(a.delete(path), 204)
    a.patch(path, {"text": "too late"})
    b.delete(path)
    assert listener.of(dm) == [f"room {dm} 3"]


def test_notifications_are_messages_of_the_inbox(hum, listener):
    a, b = hum.sign_up(), hum.sign_up()
    listener.until_now()
    ok(a.post("/v1/friends/requests", {"user_id": b.id}), 201)
    assert listener.of(a.id, b.id) == [f"room {b.id} 1"]
    ok(b.post(f"/v1/friends/requests/{a.id}/accept"))
    assert listener.of(a.id, b.id, kind="room") == [f"room {a.id} 1"]
    assert hum.database.rows("select id::text, last_seq from rooms where id in (%s, %s) order by id",
                             a.id, b.id) == [(a.id, 1), (b.id, 1)]


def test_what_fails_tells_nothing(people, stranger, listener):
    a, b, dm = people
    listener.until_now()
    stranger.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "hi"})
    a.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": ""})
    a.post("/v1/friends/requests", {"user_id": b.id})
    assert listener.of(dm, a.id, b.id, stranger.id) == []


def test_coming_and_going_in_servers_and_channels(hum, listener):
    owner, bob = hum.sign_up(), hum.sign_up()
    listener.until_now()
    server = make_server(owner)["id"]
    channel, other = make_channel(owner, server), make_channel(owner, server)
    assert listener.of(server, channel, other) == [f"access {owner.id} {server} server 3 0 0"]
    owner.say(server, "one")
    join(bob, server)
    join(bob, server)
    assert listener.of(server) == [f"room {server} 1", f"access {bob.id} {server} server 1 1 0"]
    enter(bob, channel)
    enter(bob, channel)
    assert listener.of(channel) == [f"access {bob.id} {channel} channel 3 0 {server}"]
    enter(bob, other)
    assert listener.of(bob.id) == [f"access {bob.id} {channel} channel 0 0 {server}",
                                   f"access {bob.id} {other} channel 3 0 {server}"]
    kick(owner, server, bob)
    assert listener.of(bob.id, kind="access") == [f"access {bob.id} {other} channel 0 0 {server}",
                                                  f"access {bob.id} {server} server 0 0 0"]


def test_what_is_gone_is_told_once_for_all(hum, listener):
    owner = hum.sign_up()
    people = [hum.sign_up() for _ in range(3)]
    server = make_server(owner)["id"]
    first, second = make_channel(owner, server), make_channel(owner, server)
    for person in people:
        join(person, server)
        enter(person, second)
    listener.until_now()
    ok(owner.delete(f"/v1/channels/{first}"), 204)
    assert listener.of(first, server) == [f"gone {first}"]
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    assert sorted(listener.of(server, first, second)) == sorted([f"gone {server}", f"gone {second}"])


def test_nothing_is_told_of_what_is_refused(hum, listener, stranger):
    owner = hum.sign_up()
    server = make_server(owner, "private")["id"]
    channel = make_channel(owner, server)
    listener.until_now()
    for call, path in ((stranger.put, f"servers/{server}/members/me"), (stranger.put, f"channels/{channel}/members/me"),
                       (stranger.delete, f"servers/{server}"), (stranger.delete, f"channels/{channel}"),
                       (stranger.delete, f"servers/{server}/members/{owner.id}"),
                       (owner.delete, f"servers/{server}/members/me"),
                       (owner.delete, f"channels/{channel}/members/me")):
        assert call(f"/v1/{path}").status_code in (403, 404, 409)
    assert listener.of(server, channel, stranger.id, owner.id) == []
