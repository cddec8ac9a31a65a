"""Connections of a session: several, a bounded number, taken over, ended."""

import secrets

import pytest

from lib.mqtt import DENIED, REFUSED, TAKEN, V5, V311, Client, Gone, Refused, arrive, eventually
from lib.rest import ok
from lib.tokens import Mint

LIVE_MAX = 8


def room(dm):
    return f"dm/{dm}/messages"


def refused(hum, who, **kw):
    """Whether CONNECT is refused."""
    try:
        Client(hum, who.mqtt, **kw).close()
    except Refused:
        return True
    return False


def works(client, dm):
    """It can send, and hears what it sends."""
    client.may(room(dm))
    client.message(room(dm), client.send(dm, "still here"))


def test_every_connection_of_a_session_gets_a_copy(connect, people):
    alice, bob, dm = people
    suffixes = (None, "tab1", "tab-2", "TAB_3", "x" * 32)
    clients = [
        connect(bob, suffix=s, version=(V311, V5)[i % 2], transport=("tcp", "websockets")[i // 2 % 2])
        for i, s in enumerate(suffixes)
    ]
    for client in clients:
        client.may(room(dm))
    a = connect(alice)
    for i in range(5):
        a.send(dm, f"text {i}")
    for client in clients:
        assert client.until(room(dm), 5) == alice.history(dm)


def test_every_session_of_a_person_gets_a_copy(connect, people):
    alice, bob, dm = people
    clients = [connect(bob), connect(bob.sign_in()), connect(bob.sign_in())]
    for client in clients:
        client.may(room(dm))
    nonce = connect(alice).send(dm, "hi")
    for client in clients:
        client.message(room(dm), nonce)


def test_a_ninth_connection_is_refused_until_one_leaves(connect, hum, people):
    alice, _, dm = people
    live = [connect(alice, suffix=f"t{i}", transport=("tcp", "websockets")[i % 2])
            for i in range(LIVE_MAX)]
    for version in (V311, V5):
        assert refused(hum, alice, suffix="one-more", version=version)
        assert refused(hum, alice, version=version)
    connect(alice.sign_in())  # another session has its own eight
    for client in live:
        assert not client.gone.is_set()
        works(client, dm)
    live[3].close()
    # The broker hears of the end on one connection and of the next on another.
    eventually(lambda: not refused(hum, alice, suffix="one-more"))


def test_at_the_bound_a_connection_can_still_be_taken_over(connect, people):
    alice, _, dm = people
    live = [connect(alice, suffix=f"t{i}") for i in range(LIVE_MAX)]
    again = connect(alice, suffix="t0")
    live[0].closed()
    works(again, dm)


@pytest.mark.parametrize("transport", ("tcp", "websockets"))
@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
def test_the_same_client_id_again_takes_over(connect, people, version, transport):
    alice, bob, dm = people
    b = connect(bob)
    b.may(room(dm))
    clients = [connect(alice, version=version, transport=transport)]
    for _ in range(LIVE_MAX + 4):  # and none of those taken over counts
        clients.append(connect(alice, version=version, transport=transport))
        clients[-2].closed()
    last = clients[-1]
    last.barrier()
    works(last, dm)
    b.message(room(dm), last.send(dm, "to bob"))
    assert not last.gone.is_set()


def test_connections_that_broke_do_not_count(connect, hum, people):
    alice, _, dm = people
    for _ in range(3):
        live = [connect(alice, suffix=f"t{i}") for i in range(LIVE_MAX)]
        for client in live:
            client.cut()
        eventually(lambda: not refused(hum, alice, suffix="fresh"))


@pytest.mark.parametrize("keepalive", (1, 900))
@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
def test_the_keepalives_that_are_taken(connect, people, version, keepalive):
    works(connect(people[0], version=version, keepalive=keepalive), people[2])


# --- the end of a session ---


def shut_out(hum, who, dm, **kw):
    """CONNECT is refused; or, for a session so young that the broker looks it up first, the connection ends
    without having been granted anything."""
    try:
        client = Client(hum, who.mqtt, **kw)
    except Refused:
        return
    with client:
        try:
            assert client.subscribe(room(dm)) != 1
            assert client.publish(f"dm/{dm}/send", {"nonce": "out", "text": "x"}) == REFUSED
        except Gone:
            pass
        client.closed()
    assert client.heard() == []


def sign_out(person):
    ok(person.post("/v1/auth/logout"), 204)


def test_a_revoked_session_is_disconnected_and_hears_nothing_more(connect, hum, people):
    alice, bob, dm = people
    second = alice.sign_in()
    ended = [
        connect(alice, version=v, transport=t, suffix=f"{t}{v}")
        for v in (V311, V5) for t in ("tcp", "websockets")
    ]
    stays = connect(second)
    b = connect(bob)
    for client in (*ended, stays, b):
        client.may(room(dm))
    first = b.send(dm, "before")
    for client in ended:
        client.message(room(dm), first)
    sign_out(alice)
    for client in ended:
        client.closed()
    stays.message(room(dm), b.send(dm, "after"))
    works(stays, dm)
    for client in ended:
        assert [m["text"] for m in client.messages(room(dm))] == ["before"]
    for version in (V311, V5):
        shut_out(hum, alice, dm, version=version)
        shut_out(hum, alice, dm, version=version, suffix="again")
    works(connect(second, suffix="again"), dm)
    assert "out" not in [m["nonce"] for m in bob.history(dm)]


def test_a_session_that_is_revoked_while_offline_is_refused(connect, hum, people):
    alice, bob, dm = people
    with connect(alice) as client:
        works(client, dm)
    sign_out(alice)
    # Word of it reaches the broker on its own way, at the latest when its other notices do.
    inbox = connect(bob)
    inbox.may(f"user/{bob.id}/inbox")
    carol = hum.sign_up()
    ok(carol.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    inbox.wait(lambda: inbox.heard())
    for version in (V311, V5):
        shut_out(hum, alice, dm, version=version)
    assert [m["text"] for m in bob.history(dm)] == ["still here"]


def test_a_session_of_another_day_is_refused_at_once_when_revoked(hum, raw, people):
    """By its id it is too old to be news, so CONNECT itself says no. Such a session, which a test cannot wait
    for, is made in the database."""
    alice, _, dm = people
    sid = str(secrets.randbelow(2**40) + 1000)
    token = Mint(hum, alice).token(sid=sid)
    hum.database.rows(
        "insert into sessions (id, user_id, refresh_seed, expires_at)"
        " values (%s, %s, '', now() + interval '1 day')", sid, alice.id)
    notify = "select pg_notify('hum', %s)"
    hum.database.rows(notify, f"user {alice.id}")
    eventually(lambda: raw().connect(sid, alice.id, token) == 0)
    live = raw()
    assert live.connect(sid + ":live", alice.id, token) == 0
    assert live.subscribe(room(dm)) == [1]
    hum.database.rows("update sessions set revoked_at = now() where id = %s", sid)
    hum.database.rows(notify, f"session {alice.id} {sid}")
    assert live.closed()
    for version, code in ((V311, 5), (V5, REFUSED)):
        for client_id in (sid, sid + ":again"):
            assert raw().connect(client_id, alice.id, token, version=version) == code


def test_a_session_is_there_as_soon_as_it_is_signed_in(connect, people):
    """Again and again, with no pause between the answer of REST and CONNECT, SUBSCRIBE, PUBLISH."""
    alice, _, dm = people
    for i in range(20):
        fresh = alice.sign_in()
        client = arrive(lambda: connect(fresh, at_once=True, version=(V311, V5)[i % 2]), room(dm))
        client.message(room(dm), client.send(dm, "at once"))
        client.close()


def test_a_person_is_there_as_soon_as_they_are_signed_up(connect, hum):
    for _ in range(10):
        carol = hum.sign_up()
        arrive(lambda: connect(carol, at_once=True), f"user/{carol.id}/inbox")


def first_request(client, person, what):
    if what == "subscribe":
        return client.subscribe(f"user/{person.id}/inbox")
    return client.publish(f"user/{person.id}/sync", {"tag": "a", "rooms": {}})


@pytest.mark.parametrize("what", ["subscribe", "publish"])
@pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))
def test_who_is_not_known_yet_is_turned_away_and_comes_back(connect, hum, version, what):
    """While their rights cannot be loaded: refused or not answered, closed, and told nothing. Then let in."""
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("lock table channel_members in access exclusive mode")
        carol = hum.sign_up()
        for _ in range(3):
            client = connect(carol, at_once=True, version=version)
            try:
                assert first_request(client, carol, what) in DENIED.values()
            except Gone:
                pass
            client.closed()
            assert client.heard() == []
        cursor.connection.rollback()
    client = arrive(lambda: connect(carol, at_once=True, version=version), f"user/{carol.id}/inbox")
    hum.befriend(hum.sign_up(), carol)
    client.told("friend_request_received")


def test_a_session_of_a_refreshed_token_goes_on(connect, hum, people):
    alice, _, dm = people
    client = connect(alice)
    body = {"refresh_token": alice.session["refresh_token"]}
    fresh = ok(alice.post("/v1/auth/refresh", body), 200)
    assert fresh["mqtt"]["client_id"] == alice.mqtt["client_id"]
    works(client, dm)
    works(connect(fresh["mqtt"], suffix="fresh"), dm)


def test_nothing_waits_for_who_is_away(connect, raw, people):
    """Also not for a client of MQTT 5 that asks for its session to be kept."""
    alice, bob, dm = people
    keep = b"\x05\x11\x00\x00\xff\xff"  # Session Expiry Interval
    credentials = [bob.mqtt[n] for n in ("client_id", "username", "password")]
    first = raw()
    assert first.connect(*credentials, props=keep) == 0
    first.subscribe(room(dm))
    first.close()
    a = connect(alice)
    a.may(room(dm))
    a.message(room(dm), a.send(dm, "missed"))
    resumed = raw()
    assert resumed.connect(*credentials, props=keep, clean=False) == REFUSED
    second = raw()
    assert second.connect(*credentials, props=keep) == 0
    second.ping()
    assert second.heard == []
    assert second.subscribe(room(dm)) == [1]
    assert second.publish(f"dm/{dm}/send", '{"nonce":"back","text":"back"}') in TAKEN
    a.message(room(dm), "back")
    second.ping()
    assert [topic for topic, _ in second.heard] == [room(dm)]
