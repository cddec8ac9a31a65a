"""Asking for a friendship, answering, taking back, ending."""

import pytest

from lib.race import race
from lib.rest import ok, problem

PUBLIC = {"id", "nickname", "about", "avatar_url"}


def ask(a, b):
    return a.post("/v1/friends/requests", {"user_id": b.id})


def accept(b, a):
    return b.post(f"/v1/friends/requests/{a.id}/accept")


def decline(b, a):
    return b.post(f"/v1/friends/requests/{a.id}/decline")


def withdraw(a, b):
    return a.delete(f"/v1/friends/requests/{b.id}")


def unfriend(a, b):
    return a.delete(f"/v1/friends/{b.id}")


def state(a, b):
    """How a sees b in the list of all: a state, or None."""
    items, _ = a.pages("/v1/friends", 100, state="all")
    states = [item["state"] for item in items if item["user"]["id"] == b.id]
    assert len(states) <= 1
    return states[0] if states else None


def events(hum, *people):
    """The kinds of what these people did about friendships, in order."""
    rows = hum.database.rows(
        "select kind from events where actor_id = any (%s) and kind like 'Friend%%' order by xid, id",
        [int(p.id) for p in people])
    return [kind for (kind,) in rows]


def kinds(person):
    return [m["kind"] for m in person.inbox()]


@pytest.fixture
def two(hum):
    return hum.sign_up(), hum.sign_up()


@pytest.fixture
def friends(hum, two):
    hum.befriend(*two)
    return two


# --- the way to a friendship ---


def test_asked_and_accepted(hum, two):
    a, b = two
    item = ok(ask(a, b), 201)
    assert (item["user"]["id"], item["state"]) == (b.id, "outgoing")
    assert (state(a, b), state(b, a)) == ("outgoing", "incoming")
    item = ok(accept(b, a))
    assert (item["user"]["id"], item["state"]) == (a.id, "accepted")
    assert (state(a, b), state(b, a)) == ("accepted", "accepted")
    assert events(hum, a, b) == ["FriendRequestSent", "FriendRequestAccepted"]


def test_asked_by_nickname_whatever_its_case(two):
    a, b = two
    ok(a.post("/v1/friends/requests", {"nickname": b.nickname.upper()}), 201)
    assert state(b, a) == "incoming"


def test_whoever_is_asked_and_asks_back_is_a_friend_at_once(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    item = ok(ask(b, a), 200)
    assert item["state"] == "accepted"
    assert (state(a, b), state(b, a)) == ("accepted", "accepted")
    assert events(hum, a, b) == ["FriendRequestSent", "FriendRequestAccepted"]
    problem(accept(b, a), 404, "not_found")


def test_asking_twice(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    problem(ask(a, b), 409, "request_pending")
    assert events(hum, a) == ["FriendRequestSent"]
    assert kinds(b) == ["friend_request_received"]


def test_asking_a_friend(friends):
    a, b = friends
    problem(ask(a, b), 409, "already_friends")
    problem(ask(b, a), 409, "already_friends")


def test_asking_oneself(alice):
    problem(ask(alice, alice), 400, "invalid_request")
    problem(alice.post("/v1/friends/requests", {"nickname": alice.nickname}), 400, "invalid_request")


@pytest.mark.parametrize("body", [{"user_id": "1"}, {"nickname": "nobody-is-called-this"},
                                  {"user_id": "9223372036854775807"}], ids=repr)
def test_asking_nobody(alice, body):
    problem(alice.post("/v1/friends/requests", body), 404, "not_found")


@pytest.mark.parametrize("body", [
    {}, {"user_id": 7}, {"user_id": "x"}, {"user_id": "-1"}, {"user_id": "01"}, {"user_id": ""},
    {"user_id": "9223372036854775808"}, {"user_id": None}, {"user_id": ["1"]}, {"nickname": 7},
    {"user": "1"}, {"id": "1"},
], ids=repr)
def test_asking_without_saying_whom(alice, body):
    problem(alice.post("/v1/friends/requests", body), 400, "invalid_request")


def test_a_dm_or_session_is_nobody_to_ask(hum, alice):
    a, b, dm = hum.pair()
    problem(a.post("/v1/friends/requests", {"user_id": dm}), 404, "not_found")
    problem(a.post("/v1/friends/requests", {"user_id": b.sid}), 404, "not_found")


def test_declined(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    ok(decline(b, a), 204)
    assert (state(a, b), state(b, a)) == (None, None)
    problem(accept(b, a), 404, "not_found")
    problem(decline(b, a), 404, "not_found")
    assert events(hum, a, b) == ["FriendRequestSent", "FriendRequestDeclined"]
    ok(ask(a, b), 201)  # and may ask again


def test_taken_back(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    ok(withdraw(a, b), 204)
    assert (state(a, b), state(b, a)) == (None, None)
    problem(accept(b, a), 404, "not_found")
    problem(withdraw(a, b), 404, "not_found")
    ok(ask(b, a), 201)


def test_ended(hum, friends):
    a, b = friends
    ok(unfriend(b, a), 204)
    assert (state(a, b), state(b, a)) == (None, None)
    problem(unfriend(b, a), 404, "not_found")
    problem(unfriend(a, b), 404, "not_found")
    assert events(hum, a, b)[-1] == "FriendRemoved"
    ok(ask(a, b), 201)
    ok(accept(b, a))
    assert (state(a, b), state(b, a)) == ("accepted", "accepted")


# --- who may ---


def test_nobody_answers_for_others(two, stranger):
    a, b = two
    ok(ask(a, b), 201)
    problem(accept(a, b), 404, "not_found")  # the one who asked
    problem(decline(a, b), 404, "not_found")
    problem(withdraw(b, a), 404, "not_found")  # the one who was asked
    problem(accept(stranger, a), 404, "not_found")
    problem(decline(stranger, a), 404, "not_found")
    problem(withdraw(stranger, b), 404, "not_found")
    assert (state(a, b), state(b, a), state(stranger, a)) == ("outgoing", "incoming", None)


def test_nobody_ends_the_friendship_of_others(friends, stranger):
    a, b = friends
    problem(unfriend(stranger, a), 404, "not_found")
    assert state(a, b) == "accepted"


def test_a_request_that_is_pending_is_no_friendship(two):
    a, b = two
    ok(ask(a, b), 201)
    problem(unfriend(a, b), 404, "not_found")
    problem(unfriend(b, a), 404, "not_found")
    problem(a.post("/v1/dms", {"user_id": b.id}), 403, "not_friends")


# --- lists ---


def test_lists_by_state(hum):
    me, friend, incoming, outgoing = (hum.sign_up() for _ in range(4))
    hum.befriend(me, friend)
    ok(ask(incoming, me), 201)
    ok(ask(me, outgoing), 201)
    expected = {"accepted": {friend.id}, "incoming": {incoming.id}, "outgoing": {outgoing.id}}
    expected["all"] = set().union(*expected.values())
    for name, ids in expected.items():
        items, _ = me.pages("/v1/friends", 100, state=name)
        assert {item["user"]["id"] for item in items} == ids, name
        for item in items:
            assert set(item) == {"user", "state", "since", "dm_id"}
            assert set(item["user"]) == PUBLIC
            assert name in ("all", item["state"])
            assert item["dm_id"] is None
    dm = hum.open_dm(me, friend)
    (item,) = ok(me.get("/v1/friends", state="accepted"))["items"]
    assert item["dm_id"] == dm


def test_the_list_without_a_state_is_of_friends(hum, friends):
    a, b = friends
    ok(ask(hum.sign_up(), a), 201)
    assert [item["user"]["id"] for item in ok(a.get("/v1/friends"))["items"]] == [b.id]


@pytest.mark.parametrize("name", ["", "x", "ACCEPTED", "accepted,incoming", "accepted%00"])
def test_no_state(alice, name):
    body = problem(alice.get("/v1/friends", state=name), 400, "invalid_request")
    assert "state" in body["fields"]


@pytest.mark.parametrize("cursor", ["x", "-1", "01", "9223372036854775808", "", "1 "])
def test_no_cursor(alice, cursor):
    problem(alice.get("/v1/friends", cursor=cursor), 400, "invalid_request")


def test_pages_neither_skip_nor_repeat_while_people_come_and_go(hum):
    me = hum.sign_up()
    first = [hum.sign_up() for _ in range(7)]
    for person in first:
        ok(ask(person, me), 201)
    seen, cursor = [], {}
    while True:
        page = ok(me.get("/v1/friends", state="incoming", limit=2, **cursor))
        seen += [item["user"]["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        ok(ask(hum.sign_up(), me), 201)
        if len(seen) == 2:
            ok(withdraw(first[0], me), 204)  # the cursor's own row may go
            ok(withdraw(first[1], me), 204)
    assert len(seen) == len(set(seen))
    assert {person.id for person in first} <= set(seen)


# --- notifications ---


def test_notifications(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    ok(decline(b, a), 204)
    ok(ask(a, b), 201)
    ok(accept(b, a))
    dm = hum.open_dm(a, b)
    ok(unfriend(a, b), 204)
    assert kinds(a) == ["friend_request_declined", "friend_request_accepted"]
    assert kinds(b) == ["friend_request_received", "friend_request_received", "dm_opened",
                        "friend_removed"]
    for person, other in ((a, b), (b, a)):
        for number, message in enumerate(person.inbox(), 1):
            assert message["room"] == person.id
            assert message["seq"] == number
            assert "text" not in message and "nonce" not in message
            assert other.id in str(message["data"]) or dm in str(message["data"])
            assert other.nickname in str(message["data"]) or message["kind"] == "dm_opened"
    (opened,) = [m for m in b.inbox() if m["kind"] == "dm_opened"]
    assert dm in str(opened["data"])


def test_taking_back_tells_nobody(two):
    a, b = two
    ok(ask(a, b), 201)
    ok(withdraw(a, b), 204)
    assert kinds(a) == [] and kinds(b) == ["friend_request_received"]


# --- at the same time ---


def test_requests_from_both_sides_at_once(hum):
    for _ in range(8):
        a, b = hum.sign_up(), hum.sign_up()
        answers = race(lambda: ask(a, b), lambda: ask(b, a))
        assert sorted(r.status_code for r in answers) == [200, 201]
        assert (state(a, b), state(b, a)) == ("accepted", "accepted")
        assert events(hum, a, b) == ["FriendRequestSent", "FriendRequestAccepted"]
        assert sorted(kinds(a) + kinds(b)) == ["friend_request_accepted", "friend_request_received"]


def test_one_request_many_times_at_once(hum, two):
    a, b = two
    answers = race(*[lambda: ask(a, b)] * 8)
    assert sorted(r.status_code for r in answers) == [201] + [409] * 7
    assert kinds(b) == ["friend_request_received"]
    assert events(hum, a) == ["FriendRequestSent"]


def test_accepted_many_times_at_once(hum, two):
    a, b = two
    ok(ask(a, b), 201)
    answers = race(*[lambda: accept(b, a)] * 8)
    assert sorted(r.status_code for r in answers) == [200] + [404] * 7
    assert kinds(a) == ["friend_request_accepted"]
    assert events(hum, b) == ["FriendRequestAccepted"]


def test_accepted_while_taken_back(hum):
    for _ in range(6):
        a, b = hum.sign_up(), hum.sign_up()
        ok(ask(a, b), 201)
        accepted, taken_back = race(lambda: accept(b, a), lambda: withdraw(a, b))
        won = (accepted.status_code, taken_back.status_code)
        assert won in ((200, 404), (404, 204))
        expected = "accepted" if won == (200, 404) else None
        assert (state(a, b), state(b, a)) == (expected, expected)


def test_ended_from_both_sides_at_once(hum, friends):
    a, b = friends
    answers = race(lambda: unfriend(a, b), lambda: unfriend(b, a))
    assert sorted(r.status_code for r in answers) == [204, 404]
    assert events(hum, a, b).count("FriendRemoved") == 1


def test_everything_at_once_leaves_one_state(hum, two):
    """Whatever order the two arrive in, each sees what the other sees, and no row is left over."""
    a, b = two
    calls = [lambda: ask(a, b), lambda: ask(b, a), lambda: accept(a, b), lambda: accept(b, a),
             lambda: decline(a, b), lambda: withdraw(b, a), lambda: unfriend(a, b),
             lambda: a.post("/v1/dms", {"user_id": b.id})]
    mirror = {None: None, "accepted": "accepted", "incoming": "outgoing", "outgoing": "incoming"}
    for _ in range(4):
        for answer in race(*calls):
            assert answer.status_code < 500, answer.text
        assert state(a, b) == mirror[state(b, a)]
    rows = "select count(*) from {} where {} in (%s, %s)"
    requests = hum.database.value(rows.format("friend_requests", "from_id"), a.id, b.id)
    friendships = hum.database.value(rows.format("friendships", "user_id"), a.id, b.id)
    assert (requests, friendships) in ((0, 0), (1, 0), (0, 2))


def test_sign_in_is_needed(hum, alice):
    for method, path in (("GET", "/v1/friends"), ("POST", "/v1/friends/requests"),
                         ("POST", f"/v1/friends/requests/{alice.id}/accept"),
                         ("POST", f"/v1/friends/requests/{alice.id}/decline"),
                         ("DELETE", f"/v1/friends/requests/{alice.id}"),
                         ("DELETE", f"/v1/friends/{alice.id}")):
        problem(hum.rest.call(method, path, json={}), 401, "unauthorized")


def test_a_device_of_the_same_person_has_the_same_rights(two):
    a, b = two
    ok(ask(a, b), 201)
    tablet = b.sign_in()
    ok(accept(tablet, a))
    assert state(b, a) == "accepted"
