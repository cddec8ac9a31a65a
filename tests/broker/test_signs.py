"""The small signs of life: presence, typing, read marks."""

import os
import re
import signal

import pytest

from lib.mqtt import REFUSED, TAKEN, V5, V311, eventually
from lib.rest import ok

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


def presence(person):
    return f"user/{person.id}/presence"


def typing(dm, person):
    return f"dm/{dm}/typing/{person.id}"


def states(client, person):
    """The states heard so far: "online", or "" where it was cleared."""
    return [r.json["state"] if r.payload else "" for r in client.heard(presence(person))]


def until_state(client, person, state):
    client.wait(lambda: states(client, person)[-1:] == [state])


def marker(client, dm):
    """A message: what was published before it has been heard with it."""
    client.may(f"dm/{dm}/messages")
    return client.message(f"dm/{dm}/messages", client.send(dm, "marker"))


# --- presence ---


@pytest.fixture
def away(connect, people):
    """The two friends and their DM, once alice is offline: connections of the fixture's own have ended."""

    def offline():
        with connect(people[1], suffix="probe") as probe:
            probe.may(presence(people[0]))
            probe.barrier()
            return probe.heard() == []

    eventually(offline)
    return people


@VERSIONS
def test_friends_see_who_is_online(connect, away, version):
    alice, bob, dm = away
    b = connect(bob, version=version)
    assert b.subscribe(presence(alice)) == 1
    first = connect(alice)
    until_state(b, alice, "online")
    sign = b.heard(presence(alice))[-1].json
    assert set(sign) == {"state", "at"} and TIME.fullmatch(sign["at"])
    second = connect(alice, suffix="second", transport="websockets")
    third = connect(alice.sign_in())
    marker(third, dm)
    first.close()
    second.cut()
    # Still there by the third. Whoever asks now gets it as retained.
    late = connect(bob, suffix="late", version=version)
    late.may(presence(alice))
    until_state(late, alice, "online")
    assert late.heard(presence(alice))[0].retain
    third.barrier()
    b.barrier()
    assert set(states(b, alice)) == {"online"}
    third.close()
    for client in (b, late):
        until_state(client, alice, "")
    again = connect(bob, suffix="again")
    again.may(presence(alice))
    again.barrier()
    assert again.heard() == []


def test_a_takeover_leaves_one_online(connect, away):
    alice, bob, _ = away
    b = connect(bob)
    connect(alice)
    b.may(presence(alice))
    until_state(b, alice, "online")
    for _ in range(5):
        last = connect(alice)
    last.barrier()
    late = connect(bob, suffix="late")
    late.may(presence(alice))
    until_state(late, alice, "online")
    last.close()
    until_state(late, alice, "")


def test_a_revoked_session_is_not_online(connect, away):
    alice, bob, _ = away
    b, a = connect(bob), connect(alice)
    b.may(presence(alice))
    until_state(b, alice, "online")
    ok(alice.post("/v1/auth/logout"), 204)
    until_state(b, alice, "")
    a.closed()


def test_presence_comes_and_goes_with_friendship(connect, hum):
    alice, bob = hum.sign_up(), hum.sign_up()
    connect(alice)
    b = connect(bob)
    assert b.subscribe(presence(alice)) == REFUSED
    b.may(f"user/{bob.id}/inbox")
    hum.befriend(alice, bob)
    eventually(lambda: b.subscribe(presence(alice)) == 1)
    until_state(b, alice, "online")
    ok(alice.delete(f"/v1/friends/{bob.id}"), 204)
    b.wait(lambda: any(m["kind"] == "friend_removed" for m in b.messages(f"user/{bob.id}/inbox")))
    assert b.subscribe(presence(alice)) == REFUSED
    before = len(b.heard(presence(alice)))
    own = connect(alice, suffix="own")
    own.may(presence(alice))
    until_state(own, alice, "online")
    own.close()
    # The subscription from before is still there, and brings nothing any more.
    dave = hum.sign_up()
    ok(dave.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    b.wait(lambda: len(b.heard(f"user/{bob.id}/inbox")) > 2)
    b.barrier()
    assert len(b.heard(presence(alice))) == before


# --- typing ---


@VERSIONS
def test_typing_is_heard_by_the_room(connect, people, version):
    alice, bob, dm = people
    a, b = connect(alice, version=version), connect(bob, version=version)
    for client in (a, b):
        assert client.subscribe(f"dm/{dm}/typing/+", qos=0) == 0
    a.publish(typing(dm, alice), "{}", qos=0)
    for client in (a, b):
        client.wait(lambda: client.heard())
        (sign,) = client.heard()
        assert (sign.topic, sign.payload, sign.qos) == (typing(dm, alice), b"{}", 0)
        assert not sign.retain
    assert alice.history(dm) == []
    late = connect(bob, suffix="late")
    late.may(f"dm/{dm}/typing/+")
    late.barrier()
    assert late.heard() == []


@VERSIONS
@pytest.mark.parametrize("payload", (b"", b"{ }", b"[]", b"x" * 60000, b'{"text":"psst"}', b"\xff"),
                         ids=range(6))
def test_typing_carries_nothing(connect, people, payload, version):
    alice, bob, dm = people
    a, b = connect(alice, version=version), connect(bob)
    b.may(f"dm/{dm}/typing/+")
    for qos in (0, 1):
        a.publish(typing(dm, alice), payload, qos=qos)
    marker(a, dm)
    b.barrier()
    assert b.heard() == []


@pytest.mark.parametrize("qos", (1, 2))
def test_typing_is_of_qos_0(connect, people, qos):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    b.may(f"dm/{dm}/typing/+")
    assert a.publish(typing(dm, alice), "{}", qos=qos) == REFUSED
    marker(a, dm)
    b.barrier()
    assert b.heard() == []


def test_nobody_types_for_another_or_retained_or_elsewhere(connect, hum, people):
    alice, bob, dm = people
    carol = hum.sign_up()
    a, b, c = connect(alice), connect(bob), connect(carol)
    b.may(f"dm/{dm}/typing/+", f"dm/{dm}/messages")
    a.publish(typing(dm, bob), "{}", qos=0)
    a.publish(typing(dm, alice), "{}", qos=0, retain=True)
    c.publish(typing(dm, carol), "{}", qos=0)
    c.publish(typing(dm, alice), "{}", qos=0)
    c.barrier()
    nonce = marker(a, dm)["nonce"]
    b.message(f"dm/{dm}/messages", nonce)
    assert len(b.heard()) == 1


def test_former_friends_do_not_type(connect, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    a.may(f"user/{alice.id}/inbox")
    b.may(f"dm/{dm}/typing/+")
    ok(bob.delete(f"/v1/friends/{alice.id}"), 204)
    a.wait(lambda: a.heard())
    a.publish(typing(dm, alice), "{}", qos=0)
    a.barrier()
    b.barrier()
    assert b.heard() == []


@VERSIONS
def test_a_will_may_be_exactly_a_typing_sign(connect, people, version):
    alice, bob, dm = people
    b = connect(bob)
    b.may(f"dm/{dm}/typing/+")
    for will in ((typing(dm, bob), "{}", 0, False), (typing(dm, alice), "{}", 0, True),
                 (typing(dm, alice), "{}", 1, False), (typing(dm, alice), "psst", 0, False)):
        connect(alice, version=version, will=will).cut()
        connect(alice, version=version).close()
    b.barrier()
    assert b.heard() == []
    connect(alice, version=version, will=(typing(dm, alice), "{}", 0, False)).cut()
    b.wait(lambda: b.heard())
    assert [(r.topic, r.payload) for r in b.heard()] == [(typing(dm, alice), b"{}")]


# --- read marks ---


def read_seq(person, dm):
    return ok(person.get(f"/v1/rooms/{dm}"))["read_seq"]


def say_some(connect, person, dm, count):
    """Messages, by REST, that the broker has heard of: a mark goes no further than that."""
    with connect(person, suffix="hears") as client:
        client.may(f"dm/{dm}/messages")
        for i in range(count):
            person.say(dm, f"text {i}")
        client.until(f"dm/{dm}/messages", count)


@VERSIONS
@pytest.mark.parametrize("filters", (("messages", "read/+"), ("read/+",), ("#",)), ids=("both", "only", "all"))
def test_a_read_mark_is_stored_and_told(connect, people, filters, version):
    alice, bob, dm = people
    say_some(connect, alice, dm, 5)
    a, b = connect(alice, version=version), connect(bob, version=version)
    assert set(a.subscribe(*(f"dm/{dm}/{f}" for f in filters), f"user/{alice.id}/errors")) == {1}
    marks = f"dm/{dm}/read/{bob.id}"
    b.publish(f"dm/{dm}/read", {"seq": 3})
    a.wait(lambda: a.messages(marks) == [{"seq": 3}])
    assert read_seq(bob, dm) == 3 and read_seq(alice, dm) != 3
    assert not a.heard(marks)[0].retain
    b.publish(f"dm/{dm}/read", {"seq": 2})
    b.publish(f"dm/{dm}/read", {"seq": 5})
    a.wait(lambda: a.messages(marks)[-1] == {"seq": 5})
    assert [m["seq"] for m in a.messages(marks)] == [3, 5]
    assert read_seq(bob, dm) == 5


def test_a_read_mark_never_moves_down_nor_past_the_end(connect, people):
    alice, bob, dm = people
    say_some(connect, alice, dm, 3)
    b = connect(bob)
    b.may(f"dm/{dm}/#")
    b.publish(f"dm/{dm}/read", {"seq": 10**12})
    b.wait(lambda: b.heard(f"dm/{dm}/read/{bob.id}"))
    assert read_seq(bob, dm) == 3
    b.publish(f"dm/{dm}/read", {"seq": 1})
    alice.say(dm, "one more", nonce="more")
    b.message(f"dm/{dm}/messages", "more")
    b.publish(f"dm/{dm}/read", {"seq": 4})
    b.wait(lambda: b.messages(f"dm/{dm}/read/{bob.id}")[-1] == {"seq": 4})
    assert [m["seq"] for m in b.messages(f"dm/{dm}/read/{bob.id}")] == [3, 4]


@pytest.fixture
def deaf(hum):
    """The broker hears of nothing that is committed elsewhere, until the end."""
    sql = "select pid from pg_stat_activity where application_name = 'hum-broker listener'"
    ((pid,),) = hum.database.rows(sql)
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def test_a_read_mark_may_come_before_the_broker_has_heard_of_the_message(connect, people, request):
    alice, bob, dm = people
    say_some(connect, alice, dm, 2)
    b = connect(bob)
    b.may(f"dm/{dm}/#")
    request.getfixturevalue("deaf")
    assert alice.say(dm, "by REST")["seq"] == 3
    assert b.publish(f"dm/{dm}/read", {"seq": 3}) in TAKEN
    b.wait(lambda: b.messages(f"dm/{dm}/read/{bob.id}") == [{"seq": 3}])
    assert read_seq(bob, dm) == 3


BAD_MARKS = [b"", b"x", b"[]", b"{}", b'{"seq":0}', b'{"seq":-1}', b'{"seq":"1"}', b'{"seq":1.5}',
             b'{"seq":null}', b'{"seq":1,"seq":2}', b'{"seq":9223372036854775808}', b"[" * 10000,
             b'{"seq":1}' + b" " * 20000]


@pytest.mark.parametrize("payload", BAD_MARKS, ids=range(len(BAD_MARKS)))
def test_a_bad_read_mark_is_refused_by_name(connect, people, payload):
    alice, bob, dm = people
    alice.say(dm, "text")
    b = connect(bob)
    b.may(f"user/{bob.id}/errors")
    assert b.publish(f"dm/{dm}/read", payload) == REFUSED
    b.wait(lambda: b.heard())
    (error,) = b.messages(f"user/{bob.id}/errors")
    assert (error["room"], error["code"]) == (dm, "invalid_payload")
    assert read_seq(bob, dm) == 0


def test_a_stranger_marks_nothing(connect, hum, people):
    alice, bob, dm = people
    alice.say(dm, "text")
    carol = hum.sign_up()
    b, c = connect(bob), connect(carol)
    b.may(f"dm/{dm}/#")
    assert c.publish(f"dm/{dm}/read", {"seq": 1}) == REFUSED
    alice.say(dm, "marker", nonce="marker")
    b.message(f"dm/{dm}/messages", "marker")
    b.barrier()
    assert {r.topic for r in b.heard()} == {f"dm/{dm}/messages"}
    sql = "select count(*) from read_marks where user_id = %s"
    assert hum.database.value(sql, carol.id) == 0


def test_former_friends_still_mark_what_they_read(connect, people):
    alice, bob, dm = people
    alice.say(dm, "text")
    b = connect(bob)
    b.may(f"user/{bob.id}/inbox", f"dm/{dm}/#")
    ok(alice.delete(f"/v1/friends/{bob.id}"), 204)
    b.wait(lambda: any(m["kind"] == "friend_removed" for m in b.messages(f"user/{bob.id}/inbox")))
    assert b.publish(f"dm/{dm}/read", {"seq": 1}) in TAKEN
    b.wait(lambda: b.messages(f"dm/{dm}/read/{bob.id}") == [{"seq": 1}])
