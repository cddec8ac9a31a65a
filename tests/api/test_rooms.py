"""Rooms and read marks."""

import pytest

from lib.race import race
from lib.rest import ok, problem

BAD_IDS = ["0", "-1", "01", "abc", "9223372036854775808", "1" * 40, "1.0", "%31", "1%00"]


def mark(person, room, seq):
    return person.put(f"/v1/rooms/{room}/read", {"seq": seq})


def get(person, room):
    return ok(person.get(f"/v1/rooms/{room}"))


def test_both_see_the_room_their_own_way(people):
    a, b, dm = people
    a.say(dm, "one")
    a.say(dm, "two")
    common = {"id": dm, "kind": "dm", "topic": f"dm/{dm}", "last_seq": 2, "read_seq": 0,
              "can_send": True, "peer_read_seq": 0}
    assert get(a, dm) == {**common, "title": b.nickname, "unread": 0, "peer_id": b.id}
    assert get(b, dm) == {**common, "title": a.nickname, "unread": 2, "peer_id": a.id}


def test_the_title_follows_the_nickname(people):
    a, b, dm = people
    ok(b.patch("/v1/users/me", {"nickname": b.nickname + "-new"}))
    assert get(a, dm)["title"] == b.nickname + "-new"


def test_an_inbox_is_a_room(people):
    a, _, _ = people
    room = get(a, a.id)
    assert (room["kind"], room["topic"], room["can_send"]) == ("inbox", f"user/{a.id}", False)
    assert room["last_seq"] == len(a.inbox()) > 0


@pytest.mark.parametrize("call", ["", "/messages"])
def test_a_room_of_others_is_not_there(people, stranger, call):
    a, _, dm = people
    for room in (dm, a.id, "1", "9223372036854775807"):
        problem(stranger.get(f"/v1/rooms/{room}{call}"), 404, "not_found")


def test_nobody_marks_or_writes_in_a_room_of_others(people, stranger, hum):
    a, _, dm = people
    for room in (dm, a.id, "1"):
        problem(mark(stranger, room, 1), 404, "not_found")
        body = {"nonce": "n", "text": "let me in"}
        problem(stranger.post(f"/v1/rooms/{room}/messages", body), 404, "not_found")
    assert hum.database.value("select count(*) from read_marks where user_id = %s", stranger.id) == 0
    assert hum.database.value("select count(*) from messages where sender_id = %s", stranger.id) == 0


@pytest.mark.parametrize("room", BAD_IDS)
def test_what_is_no_id(alice, room):
    for answer in (alice.get(f"/v1/rooms/{room}"), alice.get(f"/v1/rooms/{room}/messages"),
                   mark(alice, room, 1),
                   alice.post(f"/v1/rooms/{room}/messages", {"nonce": "n", "text": "t"})):
        assert answer.status_code in (400, 404), answer.text
        problem(answer, answer.status_code, answer.json()["code"])


# --- reading ---


def test_a_read_mark_only_moves_up(people):
    a, b, dm = people
    for i in range(5):
        a.say(dm, f"message {i}")
    for seq, expected in ((2, 2), (1, 2), (0, 2), (4, 4), (4, 4), (5, 5)):
        ok(mark(b, dm, seq), 204)
        room = get(b, dm)
        assert (room["read_seq"], room["unread"]) == (expected, 5 - expected)
    assert get(a, dm)["read_seq"] == 0, "each has a mark of their own"
    assert (get(a, dm)["peer_read_seq"], get(b, dm)["peer_read_seq"]) == (5, 0)


def test_a_read_mark_does_not_pass_the_end(people):
    a, b, dm = people
    a.say(dm, "one")
    answer = mark(b, dm, 10**12)
    assert answer.status_code in (204, 400)
    a.say(dm, "two")
    room = get(b, dm)
    assert room["read_seq"] <= 1 and room["unread"] >= 1


def test_marks_that_race_end_at_the_highest(people):
    a, b, dm = people
    for i in range(12):
        a.say(dm, f"message {i}")
    answers = race(*[lambda s=s: mark(b, dm, s) for s in (3, 12, 7, 1, 11, 5, 9, 2)])
    assert {r.status_code for r in answers} == {204}
    assert get(b, dm)["read_seq"] == 12


@pytest.mark.parametrize("body", [{}, {"seq": None}, {"seq": "1"}, {"seq": -1}, {"seq": 1.5},
                                  {"seq": True}, {"seq": [1]}, {"seq": 2**63}, {"seq": 2**70},
                                  {"seq": -(2**63)}], ids=repr)
def test_what_is_no_mark(people, body):
    _, b, dm = people
    problem(b.put(f"/v1/rooms/{dm}/read", body), 400, "invalid_request")


def test_only_texts_of_others_are_unread(people, hum):
    a, b, dm = people
    a.say(dm, "one")
    b.say(dm, "mine")
    a.say(dm, "two")
    assert (get(a, dm)["unread"], get(b, dm)["unread"]) == (1, 2)
    assert get(a, a.id)["unread"] == 0, "notifications are no texts"


def test_unread_is_counted_to_100(people):
    a, b, dm = people
    for i in range(103):
        a.say(dm, f"{i}")
    assert get(b, dm)["unread"] == 100
    ok(mark(b, dm, 4), 204)
    assert get(b, dm)["unread"] == 99


# --- the list ---


def test_the_list_holds_ones_own_rooms(hum, stranger):
    me = hum.sign_up()
    dms = []
    for _ in range(5):
        other = hum.sign_up()
        hum.befriend(me, other)
        dms.append(hum.open_dm(other, me))
    items, pages = me.pages("/v1/rooms", 2)
    assert pages == 3
    assert sorted(r["id"] for r in items) == sorted([*dms, me.id])
    for room in items:
        assert room == get(me, room["id"])
    assert [r["id"] for r in ok(stranger.get("/v1/rooms"))["items"]] == [stranger.id]


def test_pages_neither_skip_nor_repeat_while_rooms_are_opened(hum):
    me = hum.sign_up()

    def another():
        other = hum.sign_up()
        hum.befriend(me, other)
        return hum.open_dm(me, other)

    first = {another() for _ in range(5)}
    seen, cursor = [], {}
    while True:
        page = ok(me.get("/v1/rooms", limit=2, **cursor))
        seen += [r["id"] for r in page["items"]]
        for room in page["items"]:
            if room["kind"] == "dm":
                me.say(room["id"], "moves the room")
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        if len(seen) <= 4:
            another()
    assert len(seen) == len(set(seen))
    assert first <= set(seen)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "01", "9223372036854775808"])
def test_no_cursor(alice, cursor):
    problem(alice.get("/v1/rooms", cursor=cursor), 400, "invalid_request")


def test_sign_in_is_needed(hum, alice):
    room = f"/v1/rooms/{alice.id}"
    for method, path in (("GET", "/v1/rooms"), ("GET", room), ("GET", room + "/messages"),
                         ("POST", room + "/messages"), ("PUT", room + "/read"), ("POST", "/v1/sync")):
        problem(hum.rest.call(method, path, json={}), 401, "unauthorized")
