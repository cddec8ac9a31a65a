"""DMs: rooms of two friends."""

import pytest

from lib.race import race
from lib.rest import ok, problem

ROOM = {"id", "kind", "topic", "title", "last_seq", "read_seq", "unread", "can_send", "peer_id", "peer_read_seq"}


def open_dm(a, b):
    return a.post("/v1/dms", {"user_id": b.id})


@pytest.fixture
def friends(hum):
    a, b = hum.sign_up(), hum.sign_up()
    hum.befriend(a, b)
    return a, b


def test_opened_once(hum, friends):
    a, b = friends
    room = ok(open_dm(a, b), 201)
    assert set(room) == ROOM
    assert room == {"id": room["id"], "kind": "dm", "topic": f"dm/{room['id']}", "title": b.nickname,
                    "last_seq": 0, "read_seq": 0, "unread": 0, "can_send": True, "peer_id": b.id, "peer_read_seq": 0}
    assert ok(open_dm(a, b), 200) == room
    assert ok(open_dm(b, a), 200) == {**room, "title": a.nickname, "peer_id": a.id}
    created = hum.database.rows("select kind, actor_id::text from events where kind = 'ChatCreated'"
                                " and actor_id in (%s, %s)", a.id, b.id)
    assert created == [("ChatCreated", a.id)]


def test_the_other_is_told(friends):
    a, b = friends
    dm = ok(open_dm(a, b), 201)["id"]
    ok(open_dm(a, b), 200)
    assert [m["kind"] for m in b.inbox()].count("dm_opened") == 1
    assert "dm_opened" not in [m["kind"] for m in a.inbox()]
    assert dm in str(b.inbox()[-1]["data"])


def test_only_with_friends(alice, stranger):
    problem(open_dm(alice, stranger), 403, "not_friends")


def test_not_with_oneself(alice):
    problem(open_dm(alice, alice), 400, "invalid_request")


def test_not_with_nobody(hum):
    a, _, dm = hum.pair()
    problem(a.post("/v1/dms", {"user_id": "1"}), 404, "not_found")
    problem(a.post("/v1/dms", {"user_id": dm}), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"user_id": 7}, {"user_id": None}, {"user_id": "x"},
                                  {"user_id": "0"}, {"user_id": ["1"]}, {"nickname": "alice"}], ids=repr)
def test_without_saying_with_whom(alice, body):
    assert "user_id" in problem(alice.post("/v1/dms", body), 400, "invalid_request")["fields"]


def test_unknown_members_change_nothing(hum, friends, stranger):
    a, b = friends
    room = ok(a.post("/v1/dms", {"user_id": b.id, "id": "77", "kind": "server", "owner": a.id,
                                 "user_lo": stranger.id, "last_seq": 9, "can_send": True}), 201)
    assert (room["id"] != "77", room["kind"], room["last_seq"]) == (True, "dm", 0)
    problem(stranger.get(f"/v1/rooms/{room['id']}"), 404, "not_found")


def test_opened_many_times_at_once_from_both_sides(hum, friends):
    a, b = friends
    answers = race(*[lambda: open_dm(a, b), lambda: open_dm(b, a)] * 6)
    assert sorted(r.status_code for r in answers) == [200] * 11 + [201]
    assert len({r.json()["id"] for r in answers}) == 1
    assert hum.database.value("select count(*) from dms where user_lo in (%s, %s)", a.id, b.id) == 1
    told = [m["kind"] for m in a.inbox() + b.inbox()].count("dm_opened")
    assert told == 1


def test_after_the_friendship_it_can_be_read_but_not_written(hum, friends):
    a, b = friends
    dm = ok(open_dm(a, b), 201)["id"]
    a.say(dm, "before")
    ok(b.delete(f"/v1/friends/{a.id}"), 204)
    for person in friends:
        room = ok(person.get(f"/v1/rooms/{dm}"))
        assert (room["can_send"], room["last_seq"]) == (False, 1)
        assert [m["text"] for m in person.history(dm)] == ["before"]
        body = {"nonce": "n", "text": "after"}
        problem(person.post(f"/v1/rooms/{dm}/messages", body), 403, "not_friends")
        ok(person.put(f"/v1/rooms/{dm}/read", {"seq": 1}), 204)
    problem(open_dm(a, b), 403, "not_friends")
    hum.befriend(a, b)
    assert ok(open_dm(a, b), 200)["id"] == dm, "the same room as before"
    assert a.say(dm, "again")["seq"] == 2


def test_opening_races_with_the_end_of_the_friendship(hum):
    for _ in range(4):
        a, b = hum.sign_up(), hum.sign_up()
        hum.befriend(a, b)
        opened, ended = race(lambda: open_dm(a, b), lambda: b.delete(f"/v1/friends/{a.id}"))
        ok(ended, 204)
        assert opened.status_code in (201, 403), opened.text
        if opened.status_code == 201:
            assert ok(a.get(f"/v1/rooms/{opened.json()['id']}"))["can_send"] is False


def test_sign_in_is_needed(hum, alice):
    problem(hum.rest.post("/v1/dms", {"user_id": alice.id}), 401, "unauthorized")
