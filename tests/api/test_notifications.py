"""The inbox as a list of its own."""

import pytest

from lib.rest import befriend, ok, problem


@pytest.fixture
def told(hum):
    """Somebody with five notifications, and one of those who caused them."""
    me = hum.sign_up()
    for _ in range(5):
        other = hum.sign_up()
        ok(other.post("/v1/friends/requests", {"user_id": me.id}), 201)
    return me, other


def get(person, **params):
    return ok(person.get("/v1/notifications", **params))


def seqs(page):
    return [m["seq"] for m in page["items"]]


def test_it_is_the_inbox(told):
    me, other = told
    page = get(me)
    assert page["items"] == me.inbox() and page["next"] is None
    assert seqs(page) == [1, 2, 3, 4, 5]
    last = page["items"][-1]
    assert (last["kind"], last["room"]) == ("friend_request_received", me.id)
    assert last["data"]["user"]["id"] == other.id
    assert get(other)["items"] == [], "each sees their own"


@pytest.mark.parametrize("params, expected, more", [
    ({"limit": 2}, [4, 5], True),
    ({"after": 0, "limit": 2}, [1, 2], True),
    ({"after": 3}, [4, 5], False),
    ({"after": 5}, [], False),
    ({"before": 3}, [1, 2], False),
    ({"before": 5, "limit": 2}, [3, 4], True),
], ids=str)
def test_pages(told, params, expected, more):
    page = get(told[0], **params)
    assert seqs(page) == expected and (page["next"] is not None) == more


def test_cursors_lead_through_while_more_comes(hum, told):
    me, _ = told
    items, cursor = [], {}
    while cursor is not None:
        page = get(me, after=0, limit=2, **cursor)
        items += seqs(page)
        if len(items) < 6:
            befriend(me, hum.sign_up())  # accepted: one more in my inbox
        cursor = page["next"] and {"cursor": page["next"]}
    assert items == list(range(1, len(me.inbox()) + 1)) and len(items) > 5


@pytest.mark.parametrize("params", [{"after": "x"}, {"after": -1}, {"before": "1.5"}, {"cursor": "z"}, {"limit": "x"},
                                    {"after": 1, "before": 2}, {"after": 2**63}], ids=str)
def test_what_is_no_page(alice, params):
    problem(alice.get("/v1/notifications", **params), 400, "invalid_request")


def test_reading(told):
    me, other = told

    def mark(person):
        return ok(person.get(f"/v1/rooms/{person.id}"))["read_seq"]

    assert mark(me) == 0
    for seq, expected in ((3, 3), (1, 3), (0, 3), (5, 5), (99, 5)):
        ok(me.put("/v1/notifications/read", {"seq": seq}), 204)
        assert mark(me) == expected
    assert mark(other) == 0
    assert mark(me.sign_in()) == 5, "the mark is the person's, not the device's"


def test_reading_marks_ones_own_inbox_whatever_the_body_says(told):
    me, other = told
    ok(me.post(f"/v1/friends/requests/{other.id}/accept"))
    body = {"seq": 1, "room": other.id, "room_id": other.id, "user_id": other.id, "id": other.id}
    ok(me.put("/v1/notifications/read", body), 204)
    assert ok(other.get(f"/v1/rooms/{other.id}"))["read_seq"] == 0
    assert ok(me.get(f"/v1/rooms/{me.id}"))["read_seq"] == 1


@pytest.mark.parametrize("body", [{}, {"seq": None}, {"seq": "1"}, {"seq": -1}, {"seq": 1.5}, {"seq": True},
                                  {"seq": [1]}, {"seq": 2**63}], ids=repr)
def test_what_is_no_mark(alice, body):
    answer = problem(alice.put("/v1/notifications/read", body), 400, "invalid_request")
    if body.get("seq") != 2**63:
        assert set(answer["fields"]) == {"seq"}
