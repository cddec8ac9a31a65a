"""Catching up with many rooms in one answer."""

import pytest

from lib.rest import ok, problem


def sync(person, rooms):
    return person.post("/v1/sync", {"rooms": rooms})


def test_what_was_missed(hum):
    me = hum.sign_up()
    dms = {}
    for name in ("first", "second", "third"):
        other = hum.sign_up()
        hum.befriend(me, other)
        dms[name] = hum.open_dm(me, other)
        for i in range(4):
            other.say(dms[name], f"{name} {i}")
    answer = ok(sync(me, {dms["first"]: 1, dms["second"]: 4, dms["third"]: 0, me.id: 0}))
    expected = {"first": [2, 3, 4], "second": [], "third": [1, 2, 3, 4]}
    for name, seqs in expected.items():
        room = answer["rooms"][dms[name]]
        assert [m["seq"] for m in room["items"]] == seqs
        assert room["items"] == me.history(dms[name])[4 - len(seqs):]
        assert room["done"] is True
    assert answer["rooms"][me.id]["items"] == me.inbox()
    assert answer["missing"] == []


def test_rooms_that_are_not_ones_own_are_missing(people, stranger):
    a, b, dm = people
    a.say(dm, "secret")
    answer = ok(sync(stranger, {dm: 0, a.id: 0, "1": 0, stranger.id: 0}))
    assert set(answer["rooms"]) == {stranger.id}
    assert sorted(answer["missing"]) == sorted([dm, a.id, "1"])


def test_after_the_friendship_what_was_said_is_still_there(people):
    a, b, dm = people
    a.say(dm, "before")
    ok(a.delete(f"/v1/friends/{b.id}"), 204)
    assert [m["text"] for m in ok(sync(b, {dm: 0}))["rooms"][dm]["items"]] == ["before"]


def test_ahead_of_the_log(people):
    a, _, dm = people
    assert ok(sync(a, {dm: 10**15})) == {"rooms": {dm: {"items": [], "done": True}}, "missing": []}


def test_nothing_to_sync(alice):
    assert ok(sync(alice, {})) == {"rooms": {}, "missing": []}


def test_a_long_log_comes_in_parts(people, hum):
    a, b, dm = people
    hum.database.rows(
        "select count(*) from hum_append(1::smallint, array_fill(%s::bigint, array[2300]),"
        " array_fill(%s::bigint, array[2300]),"
        " array(select 's' || i from generate_series(1, 2300) i),"
        " array_fill(null::uuid, array[2300]), array_fill('x'::text, array[2300]),"
        " array_fill(null::bigint, array[2300]), array_fill(null::jsonb, array[2300]), false, true)",
        dm, a.id)
    after, rounds = 0, 0
    while True:
        room = ok(sync(b, {dm: after, b.id: 0}))["rooms"][dm]
        seqs = [m["seq"] for m in room["items"]]
        assert seqs == list(range(after + 1, after + 1 + len(seqs)))
        after += len(seqs)
        rounds += 1
        if room["done"]:
            break
        assert seqs, "every answer goes on"
    assert after == 2300 and rounds > 1


@pytest.mark.parametrize("body", [
    {}, {"rooms": None}, {"rooms": []}, {"rooms": "1"}, {"rooms": {"x": 0}}, {"rooms": {"01": 0}},
    {"rooms": {"-1": 0}}, {"rooms": {"": 0}}, {"rooms": {"9223372036854775808": 0}},
    {"rooms": {"1": "0"}}, {"rooms": {"1": -1}}, {"rooms": {"1": None}}, {"rooms": {"1": 1.5}},
    {"rooms": {"1": 2**70}}, {"rooms": {"1": {}}}, {"rooms": {str(i): 0 for i in range(1, 202)}},
], ids=lambda b: str(b)[:32])
def test_what_is_no_sync(alice, body):
    answer = alice.post("/v1/sync", body)
    problem(answer, 400, "invalid_request")


def test_two_hundred_rooms(alice):
    answer = ok(sync(alice, {str(i): 0 for i in range(1, 201)}))
    assert answer["rooms"] == {} and len(answer["missing"]) == 200
