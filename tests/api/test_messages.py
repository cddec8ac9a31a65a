"""Sending by REST, and the history."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from lib.race import race
from lib.rest import ok, problem, unique

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def send(person, to, **body):
    return person.post(f"/v1/rooms/{to}/messages", body)


def page(person, of, **params):
    return ok(person.get(f"/v1/rooms/{of}/messages", **params))


def seqs(items):
    return [m["seq"] for m in items]


# --- sending ---


def test_a_message(people):
    a, _, dm = people
    nonce = unique("n")
    message = ok(send(a, dm, nonce=nonce, text="hi"), 201)
    assert message == {"room": dm, "seq": 1, "id": message["id"], "kind": "text", "from": a.id,
                       "nonce": nonce, "text": "hi", "sent_at": message["sent_at"]}
    assert message["id"].isdecimal() and TIME.fullmatch(message["sent_at"])
    sent = datetime.fromisoformat(message["sent_at"]).timestamp()
    assert abs(sent - time.time()) < 60


def test_both_read_the_same(people):
    a, b, dm = people
    sent = [a.say(dm, "one"), b.say(dm, "two", reply_to=1), a.say(dm, "three")]
    assert a.history(dm) == b.history(dm) == sent
    assert sent[1]["reply_to"] == 1


def test_a_known_nonce_yields_the_original(people):
    a, b, dm = people
    first = ok(send(a, dm, nonce="once", text="original"), 201)
    a.say(dm, "between")
    assert ok(send(a, dm, nonce="once", text="another text"), 200) == first
    assert ok(send(a, dm, nonce="once", text="original", reply_to=99), 200) == first
    assert ok(send(b, dm, nonce="once", text="mine"), 201)["seq"] == 3, "nonces are the sender's own"
    assert seqs(a.history(dm)) == [1, 2, 3]


def test_one_nonce_twenty_times_at_once_is_one_message(people):
    a, _, dm = people
    answers = race(*[lambda: send(a, dm, nonce="same", text="hi")] * 20)
    assert sorted(r.status_code for r in answers) == [200] * 19 + [201]
    assert len({r.text for r in answers}) == 1
    assert len(a.history(dm)) == 1


def test_messages_sent_at_once_are_numbered_without_gaps(people):
    a, b, dm = people

    def talk(person):
        return [person.say(dm, f"{i}") for i in range(8)]

    said = race(*[lambda p=p: talk(p) for p in (a, b) * 4])
    history = a.history(dm)
    assert seqs(history) == list(range(1, 65))
    for mine in said:
        assert seqs(mine) == sorted(seqs(mine)), "in one's own order"
        for message in mine:
            assert history[message["seq"] - 1] == message
    ids = [int(m["id"]) for m in history]
    assert ids == sorted(set(ids)), "ids rise with the numbers"
    times = [m["sent_at"] for m in history]
    assert times == sorted(times)


def test_both_devices_and_directions_share_one_room(hum, people):
    a, b, dm = people
    tablet = a.sign_in()
    a.say(dm, "1", nonce="k")
    assert tablet.say(dm, "2", nonce="k")["seq"] == 1, "the same sender on another device"


def test_a_room_that_somebody_holds_is_the_only_one_that_waits(hum, people):
    """A transaction that hangs, with the room locked: a named refusal, and nothing half done."""
    a, b, dm = people
    c, _, other = hum.pair()
    with hum.database.session(autocommit=False) as holder:
        holder.execute("select from rooms where id = %s for update", (dm,))
        held, free = race(lambda: send(a, dm, nonce="n", text="held"), lambda: c.say(other, "free"))
        assert free["seq"] == 1
        problem(held, 503, "unavailable")
        assert int(held.headers["Retry-After"]) >= 1
    assert ok(send(a, dm, nonce="n", text="held"), 201)["seq"] == 1
    assert len(b.history(dm)) == 1


# --- texts ---


@pytest.mark.parametrize("text", [
    "x", "x" * 4000, "ä" * 4000, "\U0001f41f" * 4000, " ", "\n", "a\r\nb\tc", "\"quoted\" \\ / \b\f",
    "\u0001\u001f\u007f\u0085\u2028\u2029", "\ufeff\u200b\u202e", "\ufffd\uffff\U0010ffff", "<b>&amp;",
    "%s%n{}$1'; drop table messages; --", "e\u0301 is not é",
], ids=lambda t: repr(t)[:24])
def test_every_text_comes_back_as_it_was(people, text):
    a, b, dm = people
    assert a.say(dm, text)["text"] == text
    (message,) = b.history(dm)
    assert message["text"] == text


@pytest.mark.parametrize("text", ["", "x" * 4001, "ä" * 4001, None, 7, True, [], {}, ["hi"]],
                         ids=lambda t: repr(t)[:12])
def test_what_is_no_text(people, text):
    a, _, dm = people
    problem(send(a, dm, nonce="n", text=text), 400, "invalid_payload")
    assert a.history(dm) == []


@pytest.mark.parametrize("body", [{}, {"text": "hi"}, {"nonce": "n"}], ids=repr)
def test_what_is_missing(people, body):
    a, _, dm = people
    problem(send(a, dm, **body), 400, "invalid_payload")


@pytest.mark.parametrize("nonce", ["n", "n" * 64, "AZaz09_.:-", "-", ":"])
def test_nonces(people, nonce):
    a, _, dm = people
    assert a.say(dm, "hi", nonce=nonce)["nonce"] == nonce


@pytest.mark.parametrize("nonce", ["", "n" * 65, "a b", "a/b", "ä", "a\n", "#", "+", None, 7, [], "a'b"],
                         ids=repr)
def test_what_is_no_nonce(people, nonce):
    a, _, dm = people
    problem(send(a, dm, nonce=nonce, text="hi"), 400, "invalid_payload")


@pytest.mark.parametrize("reply_to", [0, -1, 2, 10**18, 1.5, "1", True, [], {}], ids=repr)
def test_a_reply_to_nothing(people, reply_to):
    a, _, dm = people
    a.say(dm, "first")
    problem(send(a, dm, nonce="n", text="hi", reply_to=reply_to), 400, "invalid_payload")
    assert seqs(a.history(dm)) == [1]
    ok(send(a, dm, nonce="n", text="hi", reply_to=1), 201)  # the nonce is not spent


def test_a_reply_to_null_is_none(people):
    a, _, dm = people
    assert "reply_to" not in ok(send(a, dm, nonce="n", text="hi", reply_to=None), 201)


def test_a_body_at_its_bound_and_past_it(people):
    a, _, dm = people
    short, padded = '{"nonce":"n","text":"hi"}', '{"nonce":"n","text":"hi","pad":"%s"}'
    for extra, status in ((0, 201), (0, 200), (1, 413), (2, 413), (60000, 413)):
        size = 16384 + extra
        for body in (short.ljust(size), padded % ("x" * (size - len(padded) + 2))):
            assert len(body) == size
            answer = a.call("POST", f"/v1/rooms/{dm}/messages", data=body,
                            headers={"Content-Type": "application/json"})
            if status == 413:
                problem(answer, 413, "too_large")
            else:
                ok(answer, status)
                status = 200
    assert seqs(a.history(dm)) == [1]


def test_a_sender_cannot_be_forged(people):
    a, b, dm = people
    message = ok(send(a, dm, nonce="n", text="hi", **{
        "from": b.id, "sender": b.id, "sender_id": b.id, "seq": 77, "id": "5", "room": "5",
        "kind": "friend_removed", "sent_at": "2001-01-01T00:00:00.000Z", "data": {"x": 1},
        "edited_at": "2001-01-01T00:00:00.000Z", "deleted_at": "2001-01-01T00:00:00.000Z"}), 201)
    assert (message["from"], message["seq"], message["room"], message["kind"]) == (a.id, 1, dm, "text")
    assert not message["sent_at"].startswith("2001") and message["id"] != "5"
    assert set(message) == {"room", "seq", "id", "kind", "from", "nonce", "text", "sent_at"}
    assert b.history(dm) == [message]


def test_nobody_writes_into_an_inbox(people, stranger):
    a, b, _ = people
    before = a.inbox()
    problem(send(a, a.id, nonce="n", text="hi"), 403, "forbidden")
    problem(send(b, a.id, nonce="n", text="hi"), 404, "not_found")
    problem(send(stranger, a.id, nonce="n", text="hi"), 404, "not_found")
    assert a.inbox() == before


def test_sending_races_with_the_end_of_the_friendship(hum):
    a, b, dm = hum.pair()

    def talk():
        return [send(a, dm, nonce=f"n{i}", text=f"{i}").status_code for i in range(12)]

    codes, ended = race(talk, lambda: b.delete(f"/v1/friends/{a.id}"))
    ok(ended, 204)
    assert set(codes) <= {201, 403}
    assert codes == sorted(codes), "once refused, always refused"
    assert len(a.history(dm)) == codes.count(201)


def test_a_friendship_does_not_end_in_the_middle_of_a_send(hum):
    """A send that has been found allowed and now waits for its room comes first."""
    a, b, dm = hum.pair()
    waiting = ("select count(*) from pg_stat_activity where usename = 'hum_api' and wait_event_type = 'Lock'"
               " and wait_event {} 'advisory'")
    with hum.database.session(autocommit=False) as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("select from rooms where id = %s for update", (dm,))
        sending = pool.submit(send, a, dm, nonce="n", text="hi")
        while hum.database.value(waiting.format("<>")) == 0:
            assert not sending.done()
        ending = pool.submit(b.delete, f"/v1/friends/{a.id}")
        while hum.database.value(waiting.format("=")) == 0:
            assert not ending.done(), "it must wait for the send"
        holder.connection.rollback()
        ok(sending.result(), 201)
        ok(ending.result(), 204)


# --- history ---


@pytest.fixture(scope="module")
def talk(hum):
    """A room of 25 messages."""
    a, b, dm = hum.pair()
    for i in range(1, 26):
        (a, b)[i % 2].say(dm, f"message {i}")
    return a, dm


@pytest.mark.parametrize("params, first, last, more", [
    ({}, 1, 25, False),
    ({"limit": 10}, 16, 25, True),
    ({"before": 16, "limit": 10}, 6, 15, True),
    ({"before": 6, "limit": 10}, 1, 5, False),
    ({"before": 6, "limit": 5}, 1, 5, False),
    ({"before": 1}, 1, 0, False),
    ({"before": 0}, 1, 0, False),
    ({"before": 9223372036854775807, "limit": 3}, 23, 25, True),
    ({"after": 0, "limit": 10}, 1, 10, True),
    ({"after": 10, "limit": 10}, 11, 20, True),
    ({"after": 20, "limit": 10}, 21, 25, False),
    ({"after": 15, "limit": 10}, 16, 25, False),
    ({"after": 25}, 1, 0, False),
    ({"after": 9223372036854775807}, 1, 0, False),
    ({"after": 3, "limit": 0}, 4, 4, True),
    ({"after": 3, "limit": 1000}, 4, 25, False),
], ids=str)
def test_pages(talk, params, first, last, more):
    person, dm = talk
    got = page(person, dm, **params)
    assert set(got) == {"items", "next"}
    assert seqs(got["items"]) == list(range(first, last + 1)), "ascending, whatever the direction"
    assert (got["next"] is not None) == more


@pytest.mark.parametrize("start", [{"after": 0}, {}, {"before": 20}], ids=str)
def test_cursors_lead_through_the_log(talk, start):
    person, dm = talk
    seen = []
    got = page(person, dm, limit=4, **start)
    while True:
        chunk = seqs(got["items"])
        seen = seen + chunk if "after" in start else chunk + seen
        if got["next"] is None:
            break
        got = page(person, dm, limit=4, cursor=got["next"])
    assert seen == list(range(1, start.get("before", 26)))


def test_a_page_by_cursor_is_not_moved_by_new_messages(people):
    a, b, dm = people
    for i in range(10):
        a.say(dm, f"{i}")
    got = page(b, dm, limit=3)
    seen = seqs(got["items"])
    while got["next"] is not None:
        a.say(dm, "another")
        got = page(b, dm, limit=3, cursor=got["next"])
        seen = seqs(got["items"]) + seen
    assert seen == list(range(1, 11))


def test_a_page_holds_50_or_at_most_100(people):
    a, b, dm = people
    for i in range(102):
        a.say(dm, f"{i}")
    for params, count in (({}, 50), ({"limit": 100}, 100), ({"limit": 101}, 100), ({"limit": 10**30}, 100)):
        assert seqs(page(b, dm, **params)["items"]) == list(range(103 - count, 103))
    assert len(page(b, dm, after=0)["items"]) == 50


def test_following_the_tail(people):
    a, b, dm = people
    seen, after = [], 0
    for i in range(6):
        a.say(dm, f"{i}")
        got = page(b, dm, after=after, limit=1)
        seen += seqs(got["items"])
        after = seen[-1]
    assert seen == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("query", [
    "after=-1", "after=x", "after=", "after=1.5", "after=01", "after=9223372036854775808", "before=-1",
    "before=x", "after=1&before=5", "after=1&after=2", "cursor=x", "cursor=", "cursor=a", "cursor=a-1",
    "limit=x", "limit=-5", "after=%00", "after=1%", "after=1&limit=1&limit=2",
])
def test_what_is_no_page(talk, query):
    person, dm = talk
    body = problem(person.get(f"/v1/rooms/{dm}/messages?{query}"), 400, "invalid_request")
    assert body["fields"]


def test_an_unknown_query_value_is_passed_over(talk):
    person, dm = talk
    assert seqs(page(person, dm, after=20, room="1", user="2")["items"]) == [21, 22, 23, 24, 25]
