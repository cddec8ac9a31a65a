"""Edits and deletes: what they do to the log, who may, and what races."""

import random
import re

import pytest

from lib.race import patiently, race
from lib.rest import ok, problem, unique
from lib.servers import enter, events, join, kick, leave, make_channel, make_server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def edit(person, of, number, text="changed", **more):
    return person.patch(f"/v1/rooms/{of}/messages/{number}", {"text": text, **more})


def delete(person, of, number):
    return person.delete(f"/v1/rooms/{of}/messages/{number}")


def synced(person, room):
    rooms = ok(person.post("/v1/sync", {"rooms": {room: 0}}))["rooms"]
    assert rooms[room]["done"]
    return rooms[room]["items"]


def log(*readers, room):
    """The log, which is the same for all of them, by history and by sync."""
    first = readers[0].history(room)
    assert [m["seq"] for m in first] == list(range(1, len(first) + 1))
    for reader in readers:
        assert reader.history(room) == synced(reader, room) == first
    return first


def unread(person, room):
    return ok(person.get(f"/v1/rooms/{room}"))["unread"]


# --- what they do ---


def test_an_edit(people):
    a, b, dm = people
    first = a.say(dm, "hi", nonce="n1")
    b.say(dm, "hello", reply_to=1)
    now = ok(edit(a, dm, 1, "hi there", nonce="e1"))
    assert now == {**first, "text": "hi there", "edited_at": now["edited_at"]}
    assert TIME.fullmatch(now["edited_at"]) and now["edited_at"] >= now["sent_at"]
    target, answer, entry = log(a, b, room=dm)
    assert target == now and answer["reply_to"] == 1
    assert entry == {"room": dm, "seq": 3, "id": entry["id"], "kind": "edit", "from": a.id, "nonce": "e1",
                     "text": "hi there", "target": 1, "sent_at": now["edited_at"]}
    assert int(entry["id"]) > int(answer["id"])


def test_a_delete(people):
    a, b, dm = people
    first = a.say(dm, "hi", nonce="n1")
    ok(delete(a, dm, 1), 204)
    target, entry = log(a, b, room=dm)
    del first["text"]
    assert target == {**first, "deleted_at": target["deleted_at"]}
    assert entry == {"room": dm, "seq": 2, "id": entry["id"], "kind": "delete", "from": a.id, "target": 1,
                     "sent_at": target["deleted_at"]}


def test_what_was_deleted_is_nowhere(people, hum):
    """Nor in the edits that came before, of which every one is still an entry."""
    a, b, dm = people
    a.say(dm, "secret 1")
    other = a.say(dm, "stays")
    for text in ("secret 2", "secret 3"):
        ok(edit(a, dm, 1, text))
    ok(edit(a, dm, 2, "stays, too"))
    ok(delete(a, dm, 1), 204)
    items = log(a, b, room=dm)
    assert [m["kind"] for m in items] == ["text", "text", "edit", "edit", "edit", "delete"]
    for m in (items[0], items[2], items[3]):
        assert "text" not in m and m["deleted_at"] == items[5]["sent_at"]
    assert items[1] == {**other, "text": "stays, too", "edited_at": items[4]["sent_at"]}
    assert items[4]["text"] == "stays, too" and "deleted_at" not in items[4]
    assert hum.database.value("select count(*) from messages where room_id = %s and text like 'secret%%'", dm) == 0
    assert hum.database.value("select count(*) from events where data::text like '%%secret%%'") == 0


def test_edits_one_after_another(people):
    a, b, dm = people
    a.say(dm, "0")
    for i in range(1, 6):
        assert ok(edit(a, dm, 1, f"{i}"))["text"] == f"{i}"
    items = log(a, b, room=dm)
    assert items[0]["text"] == "5" and items[0]["edited_at"] == items[5]["sent_at"]
    assert [(m["kind"], m["target"], m["text"]) for m in items[1:]] == [("edit", 1, f"{i}") for i in range(1, 6)]


def test_a_known_nonce_of_an_edit_changes_nothing(people):
    a, b, dm = people
    a.say(dm, "one")
    first = ok(edit(a, dm, 1, "two", nonce="e"))
    assert ok(edit(a, dm, 1, "two", nonce="e")) == first
    assert ok(edit(a, dm, 1, "other text", nonce="e")) == first
    later = ok(edit(a, dm, 1, "three"))
    assert ok(edit(a, dm, 1, "two", nonce="e")) == later, "as it now is, not as it was then"
    assert len(log(a, b, room=dm)) == 3
    ok(delete(a, dm, 1), 204)
    gone = ok(edit(a, dm, 1, "two", nonce="e"))
    assert "text" not in gone and gone["deleted_at"]
    assert len(log(a, b, room=dm)) == 4


def test_nonces_that_are_those_of_others(people):
    a, b, dm = people
    a.say(dm, "one", nonce="t1")
    a.say(dm, "two", nonce="t2")
    b.say(dm, "mine", nonce="b")
    ok(edit(a, dm, 1, nonce="e"))
    before = log(a, b, room=dm)
    for nonce in ("t1", "t2"):
        problem(edit(a, dm, 1, "x", nonce=nonce), 409, "conflict")
    problem(edit(a, dm, 2, "x", nonce="e"), 409, "conflict")
    assert log(a, b, room=dm) == before
    entry = ok(a.post(f"/v1/rooms/{dm}/messages", {"nonce": "e", "text": "x"}))
    assert entry == before[3], "the nonce's original is the edit"
    ok(edit(a, dm, 2, "x", nonce="b"))  # nonces are the sender's own


def test_one_edit_twenty_times_at_once(people):
    a, b, dm = people
    a.say(dm, "one")
    answers = race(*[lambda: edit(a, dm, 1, "two", nonce="e")] * 20)
    assert {r.status_code for r in answers} == {200} and len({r.text for r in answers}) == 1
    assert len(log(a, b, room=dm)) == 2


def test_a_known_nonce_of_a_text_shows_it_as_it_is(people):
    a, _, dm = people
    a.say(dm, "one", nonce="n")
    now = ok(edit(a, dm, 1, "two"))
    assert a.say(dm, "one", nonce="n") == now
    ok(delete(a, dm, 1), 204)
    again = a.say(dm, "one", nonce="n")
    assert again["seq"] == 1 and "text" not in again
    assert "text" not in a.history(dm)[0], "sending it again brings nothing back"


def test_an_edit_of_what_is_deleted(people):
    a, b, dm = people
    a.say(dm, "one")
    ok(delete(a, dm, 1), 204)
    before = log(a, b, room=dm)
    problem(edit(a, dm, 1, nonce="e"), 409, "message_deleted")
    ok(delete(a, dm, 1), 204)
    assert log(a, b, room=dm) == before
    ok(a.post(f"/v1/rooms/{dm}/messages", {"nonce": "e", "text": "x"}), 201)  # the nonce is not spent


def test_unread_counts_texts_that_are_there(people):
    a, b, dm = people
    for i in range(3):
        a.say(dm, f"{i}")
    ok(edit(a, dm, 1), 200)
    assert (unread(a, dm), unread(b, dm)) == (0, 3), "an edit is no further text"
    ok(delete(a, dm, 2), 204)
    assert unread(b, dm) == 2
    ok(b.put(f"/v1/rooms/{dm}/read", {"seq": 1}), 204)
    assert unread(b, dm) == 1
    ok(b.put(f"/v1/rooms/{dm}/read", {"seq": 5}), 204)
    ok(edit(a, dm, 3), 200)
    assert unread(b, dm) == 0
    room = ok(b.get(f"/v1/rooms/{dm}"))
    assert (room["last_seq"], room["read_seq"]) == (6, 5)


def test_a_reply_to_what_is_deleted(people):
    a, b, dm = people
    a.say(dm, "one")
    b.say(dm, "two", reply_to=1)
    ok(delete(a, dm, 1), 204)
    assert b.say(dm, "three", reply_to=1)["reply_to"] == 1
    assert [m.get("reply_to") for m in log(a, b, room=dm)] == [None, 1, None, 1]


def test_events(people, hum):
    a, b, dm = people
    a.say(dm, "one")
    ok(edit(a, dm, 1, nonce="e"))
    ok(edit(a, dm, 1, nonce="e"))
    ok(delete(a, dm, 1), 204)
    ok(delete(a, dm, 1), 204)
    edit(a, dm, 1)
    edit(b, dm, 1)
    assert events(hum, "MessageEdited", a.id) == [(dm, {"seq": 1, "entry": 2})]
    assert events(hum, "MessageDeleted", a.id) == [(dm, {"seq": 1, "entry": 3})]
    assert events(hum, "MessageEdited", b.id) == []


# --- texts ---


@pytest.mark.parametrize("text", ["x", "x" * 4000, "\U0001f41f" * 4000, "\n", "\ufeff\u202e\uffff\U0010ffff",
                                  "<b>&amp;", "%s'; drop table messages; --"], ids=lambda t: repr(t)[:16])
def test_every_text_comes_back_as_it_was(people, text):
    a, b, dm = people
    a.say(dm, "one")
    assert ok(edit(a, dm, 1, text, nonce="n" * 64))["text"] == text
    assert [m["text"] for m in log(b, room=dm)] == [text, text]


@pytest.mark.parametrize("name, value", [("text", v) for v in (None, "", "x" * 4001, "ä" * 4001, 7, True, [], {})]
                         + [("nonce", v) for v in ("", "n" * 65, "a b", "ä", "#", 7, False, [], {})],
                         ids=lambda v: repr(v)[:12])
def test_what_is_no_edit(people, name, value):
    a, b, dm = people
    a.say(dm, "one")
    body = {"text": "two", "nonce": "n", name: value}
    answer = problem(a.patch(f"/v1/rooms/{dm}/messages/1", body), 400, "invalid_request")
    assert set(answer["fields"]) == {name}
    assert [m["text"] for m in log(a, b, room=dm)] == ["one"]


def test_what_is_missing(people):
    a, _, dm = people
    a.say(dm, "one")
    for body in ({}, {"nonce": "n"}):
        answer = problem(a.patch(f"/v1/rooms/{dm}/messages/1", body), 400, "invalid_request")
        assert set(answer["fields"]) == {"text"}


def test_a_body_past_its_bound(people):
    a, _, dm = people
    a.say(dm, "one")
    problem(edit(a, dm, 1, "two", pad="x" * 16384), 413, "too_large")
    ok(edit(a, dm, 1, "two", pad="x" * 16000))


def test_nothing_else_can_be_changed(people):
    a, b, dm = people
    first = a.say(dm, "one", nonce="n")
    now = ok(edit(a, dm, 1, "two", **{
        "from": b.id, "sender_id": b.id, "seq": 77, "id": "5", "room": "5", "kind": "delete", "target": 1,
        "sent_at": "2001-01-01T00:00:00.000Z", "edited_at": "2001-01-01T00:00:00.000Z", "data": {"x": 1},
        "deleted_at": "2001-01-01T00:00:00.000Z", "reply_to": 1, "any": True}))
    assert now == {**first, "text": "two", "edited_at": now["edited_at"]}
    assert not now["edited_at"].startswith("2001")
    target, entry = log(a, b, room=dm)
    assert target == now
    assert set(entry) == {"room", "seq", "id", "kind", "from", "text", "target", "sent_at"}
    assert (entry["from"], entry["kind"], entry["target"]) == (a.id, "edit", 1)


# --- who may ---


def test_somebody_elses(people, stranger):
    a, b, dm = people
    a.say(dm, "one")
    before = log(a, b, room=dm)
    problem(edit(b, dm, 1), 403, "forbidden")
    problem(delete(b, dm, 1), 403, "forbidden")
    problem(edit(stranger, dm, 1), 404, "not_found")
    problem(delete(stranger, dm, 1), 404, "not_found")
    assert log(a, b, room=dm) == before
    ok(delete(a, dm, 1), 204)
    problem(delete(b, dm, 1), 403, "forbidden")
    problem(edit(b, dm, 1), 403, "forbidden")


def test_what_is_no_text_of_the_room(people):
    a, b, dm = people
    a.say(dm, "one")
    a.say(dm, "two")
    ok(edit(a, dm, 1))
    ok(delete(a, dm, 2), 204)
    before = log(a, b, room=dm)
    for seq in (3, 4, 5, 2**63 - 1):  # an edit, a delete, nothing
        problem(edit(a, dm, seq), 404, "not_found")
        problem(delete(a, dm, seq), 404, "not_found")
    for room in ("1", "9223372036854775807", a.sid):
        problem(edit(a, room, 1), 404, "not_found")
        problem(delete(a, room, 1), 404, "not_found")
    assert log(a, b, room=dm) == before


@pytest.mark.parametrize("seq", ["0", "-1", "01", "x", "1.0", "9223372036854775808", "1%00"])
def test_what_is_no_number(people, seq):
    a, _, dm = people
    a.say(dm, "one")
    problem(edit(a, dm, seq), 400, "invalid_request")
    problem(delete(a, dm, seq), 400, "invalid_request")


def test_an_inbox_stays_as_it_is(people):
    a, b, _ = people
    before = a.inbox()
    assert before
    for person in (a, b):
        for seq in (1, 99):
            problem(edit(person, a.id, seq), 404, "not_found")
            problem(delete(person, a.id, seq), 404, "not_found")
    assert a.inbox() == before


def test_friends_no_more(people):
    """What one has said can still be taken back, but nothing new be said."""
    a, b, dm = people
    a.say(dm, "one")
    a.say(dm, "two")
    ok(b.delete(f"/v1/friends/{a.id}"), 204)
    problem(edit(a, dm, 1), 403, "not_friends")
    problem(edit(b, dm, 1), 403, "not_friends")
    ok(delete(a, dm, 1), 204)
    problem(delete(b, dm, 2), 403, "forbidden")
    assert [m["kind"] for m in log(a, b, room=dm)] == ["text", "text", "delete"]


def test_posts_of_a_server(hum, stranger):
    owner, member = hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    join(member, server)
    for text in ("one", "two"):
        owner.say(server, text)
    for call in (edit, delete):
        problem(call(stranger, server, 1), 404, "not_found")
    problem(edit(member, server, 1), 403, "not_owner")
    problem(delete(member, server, 1), 403, "forbidden")
    ok(edit(owner, server, 1, "changed"))
    ok(delete(owner, server, 2), 204)
    items = log(owner, member, room=server)
    assert [(m["kind"], m.get("text")) for m in items] == [
        ("text", "changed"), ("text", None), ("edit", "changed"), ("delete", None)]


def test_a_channel_and_its_servers_owner(hum, stranger):
    owner, bob, carol = hum.sign_up(), hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    channel, other = make_channel(owner, server), make_channel(owner, server)
    for person in (bob, carol):
        join(person, server)
        enter(person, channel)
    for i in range(4):
        bob.say(channel, f"{i}")
    carol.say(channel, "4")
    for call in (edit, delete):
        problem(call(carol, channel, 1), 403, "forbidden")
        problem(call(stranger, channel, 1), 404, "not_found")
        problem(call(owner, other, 1), 404, "not_found")
    problem(edit(owner, channel, 1), 404, "not_found")  # who is not in the channel
    ok(delete(owner, channel, 1), 204)  # but the owner may tidy up all the same
    enter(owner, channel)
    problem(edit(owner, channel, 2), 403, "forbidden")  # nor put words into mouths
    ok(delete(owner, channel, 5), 204)
    ok(edit(bob, channel, 2))
    ok(delete(bob, channel, 3), 204)
    items = log(bob, carol, owner, room=channel)
    assert [(m["kind"], m.get("target"), m["from"]) for m in items[5:]] == [
        ("delete", 1, owner.id), ("delete", 5, owner.id), ("edit", 2, bob.id), ("delete", 3, bob.id)]
    enter(bob, other)  # which leaves the first
    problem(edit(bob, channel, 4), 404, "not_found")
    problem(delete(bob, channel, 4), 404, "not_found")


def test_members_who_are_gone_change_nothing(hum):
    owner, bob, carol = hum.sign_up(), hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    channel = make_channel(owner, server)
    for person in (bob, carol):
        join(person, server)
        enter(person, channel)
        person.say(channel, "hi")
    leave(bob, server)
    kick(owner, server, carol)
    for person, seq in ((bob, 1), (carol, 2)):
        for call in (edit, delete):
            problem(call(person, channel, seq), 404, "not_found")
    enter(owner, channel)
    assert [m["text"] for m in log(owner, room=channel)] == ["hi", "hi"]


def test_rooms_that_are_gone(hum):
    owner, bob = hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    channel, kept = make_channel(owner, server), make_channel(owner, server)
    join(bob, server)
    for room in (channel, kept):
        enter(bob, room)
        bob.say(room, "hi")
    owner.say(server, "hi")
    ok(owner.delete(f"/v1/channels/{channel}"), 204)
    for person in (bob, owner):
        for call in (edit, delete):
            problem(call(person, channel, 1), 404, "not_found")
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    for person in (bob, owner):
        for room in (server, kept):
            for call in (edit, delete):
                problem(call(person, room, 1), 404, "not_found")


def test_another_servers_owner(hum):
    """The right to delete is that of the one server."""
    owner, rival = hum.sign_up(), hum.sign_up()
    server, _ = make_server(owner)["id"], make_server(rival)["id"]
    join(rival, server)
    channel = make_channel(owner, server)
    enter(owner, channel)
    owner.say(channel, "hi")
    owner.say(server, "hi")
    problem(delete(rival, channel, 1), 404, "not_found")
    problem(delete(rival, server, 1), 403, "forbidden")


# --- races ---


def test_edits_race_with_a_delete(people):
    """Whatever comes first: the log tells it, and in the end the text is gone."""
    a, b, dm = people
    for turn in range(6):
        seq = a.say(dm, f"{turn}")["seq"]
        calls = [lambda i=i: edit(a, dm, seq, f"secret {i}") for i in range(5)]
        *edits, gone, again = race(*calls, lambda: delete(a, dm, seq), lambda: delete(a, dm, seq))
        assert (gone.status_code, again.status_code) == (204, 204)
        for answer in edits:
            if answer.status_code != 200:
                problem(answer, 409, "message_deleted")
        items = [m for m in log(a, b, room=dm) if seq in (m["seq"], m.get("target"))]
        assert [m["kind"] for m in items] == ["text", *["edit"] * sum(r.status_code == 200 for r in edits), "delete"]
        assert not any("text" in m for m in items)
        assert items[0]["deleted_at"] == items[-1]["sent_at"]


def test_edits_that_race_end_with_the_last_of_the_log(people):
    a, b, dm = people
    tablet = a.sign_in()
    a.say(dm, "one")
    calls = [patiently(lambda p=p, i=i: edit(p, dm, 1, f"{i}")) for i in range(8) for p in (a, tablet)]
    between = [unique("n") for _ in range(4)]
    talk = [patiently(lambda n=n: b.post(f"/v1/rooms/{dm}/messages", {"nonce": n, "text": "in between"})) for n in between]
    answers = race(*calls, *talk)
    assert {r.status_code for r in answers[:16]} == {200}
    items = log(a, b, room=dm)
    edits = [m for m in items if m["kind"] == "edit"]
    assert len(edits) == 16 and len(items) == 21
    assert (items[0]["text"], items[0]["edited_at"]) == (edits[-1]["text"], edits[-1]["sent_at"])


def test_an_edit_races_with_the_end_of_the_friendship(hum):
    a, b, dm = hum.pair()
    a.say(dm, "one")
    codes, ended = race(lambda: [edit(a, dm, 1, f"{i}").status_code for i in range(10)],
                        lambda: b.delete(f"/v1/friends/{a.id}"))
    ok(ended, 204)
    assert set(codes) <= {200, 403} and codes == sorted(codes)
    assert len(log(a, b, room=dm)) == 1 + codes.count(200)


def test_deletes_race_with_the_end_of_the_server(hum):
    owner, bob = hum.sign_up(), hum.sign_up()
    server = make_server(owner)["id"]
    channel = make_channel(owner, server)
    join(bob, server)
    enter(bob, channel)
    for i in range(8):
        bob.say(channel, f"{i}")
    codes, ended = race(lambda: [delete(bob, channel, i).status_code for i in range(1, 9)],
                        lambda: owner.delete(f"/v1/servers/{server}"))
    ok(ended, 204)
    assert set(codes) <= {204, 404} and codes == sorted(codes)


def test_a_room_that_somebody_holds(people, hum):
    a, b, dm = people
    a.say(dm, "one")
    with hum.database.session(autocommit=False) as holder:
        holder.execute("select from rooms where id = %s for update", (dm,))
        for answer in race(lambda: edit(a, dm, 1), lambda: delete(a, dm, 1)):
            problem(answer, 503, "unavailable")
    assert [m["text"] for m in log(a, b, room=dm)] == ["one"]
    ok(edit(a, dm, 1))


def test_sending_goes_on_while_a_message_is_edited(people):
    a, b, dm = people
    a.say(dm, "one")
    nonce = unique("n")
    race(*[lambda: edit(a, dm, 1, "two", nonce=nonce)] * 3, *[lambda p=p: p.say(dm, "x") for p in (a, b) * 5])
    items = log(a, b, room=dm)
    assert sorted(m["kind"] for m in items) == ["edit"] + ["text"] * 11


# --- many at random ---


class Model:
    """What the log must be."""

    def __init__(self):
        self.log, self.nonces = [], {}

    def add(self, person, kind, text=None, nonce=None, target=None):
        entry = {"from": person.id, "kind": kind, "text": text, "nonce": nonce, "target": target, "deleted": False}
        self.log.append(entry)
        if nonce:
            self.nonces[person.id, nonce] = len(self.log)

    def change(self, person, seq, text, nonce=None):
        """The status that is due; text None: a deletion."""
        target = self.log[seq - 1] if seq <= len(self.log) else None
        if not target or target["kind"] != "text":
            return 404
        if target["from"] != person.id:
            return 403
        known = self.nonces.get((person.id, nonce))
        if known:
            original = self.log[known - 1]
            return 200 if (original["kind"], original["target"]) == ("edit", seq) else 409
        if target["deleted"]:
            return 204 if text is None else 409
        self.add(person, "delete" if text is None else "edit", text, nonce, seq)
        if text is not None:
            target["text"] = text
            return 200
        for m in self.log[:-1]:
            if m is target or (m["kind"], m["target"]) == ("edit", seq):
                m.update(text=None, deleted=True)
        return 204


@pytest.mark.parametrize("seed", range(4))
def test_whatever_they_do(people, seed):
    a, b, dm = people
    dice, model = random.Random(seed), Model()
    for turn in range(150):
        person, seq, nonce = dice.choice((a, b)), dice.randint(1, len(model.log) + 1), f"n{dice.randint(1, 60)}"
        what = dice.choice(("say", "edit", "edit", "again", "delete"))
        if what == "say":
            if (person.id, nonce) not in model.nonces:
                model.add(person, "text", f"{turn}", nonce)
            person.say(dm, f"{turn}", nonce=nonce)
        elif what == "delete":
            assert delete(person, dm, seq).status_code == model.change(person, seq, None)
        else:
            more = {"nonce": nonce} if what == "again" else {}
            got = edit(person, dm, seq, f"{turn}", **more)
            assert got.status_code == model.change(person, seq, f"{turn}", **more), got.text
            if got.status_code == 200:
                assert got.json().get("text") == model.log[seq - 1]["text"]
    shown = [{"from": m["from"], "kind": m["kind"], "text": m.get("text"), "nonce": m.get("nonce"),
              "target": m.get("target"), "deleted": "deleted_at" in m} for m in log(a, b, room=dm)]
    assert shown == model.log
    assert {m["kind"] for m in shown} == {"text", "edit", "delete"}
