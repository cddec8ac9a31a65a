"""hum_append_texts, the short way into the log: the same as hum_append, or nothing at all."""

import random

import psycopg2
import pytest

from lib.log import append, append_texts, make_room, message


@pytest.fixture
def cur(db):
    with db.session() as cursor:
        yield cursor


def log_of(db, room):
    return db.rows(
        "select seq, id, sender_id, kind, nonce, dedup_key, text, ref_seq, data,"
        " (extract(epoch from sent_at) * 1000)::bigint, edited_at, deleted_at"
        " from messages where room_id = %s order by seq", room)


def last_seq(db, room):
    return db.value("select last_seq from rooms where id = %s", room)


def test_what_is_returned_is_what_is_stored(db, cur):
    rooms = [make_room(db) for _ in range(3)]
    append(cur, [message(rooms[1], "first")])
    batch = [message(rooms[2], "a"), message(rooms[1], "b", sender=42, text="héllo", ref=1),
             message(rooms[2], "c"), message(rooms[0], "d"), message(rooms[1], "e")]
    rows = append_texts(cur, batch)
    assert [row.seq for row in rows] == [1, 2, 2, 1, 3]
    assert [row.id for row in rows] == list(range(rows[0].id, rows[0].id + 5))
    stored = {(room, m[0]): m for room in rooms for m in log_of(db, room)}
    for sent, row in zip(batch, rows):
        seq, id, sender, kind, nonce, key, text, ref, data, at, edited, deleted = stored[
            sent["room"], row.seq]
        assert (id, sender, kind, nonce, text, ref, at) == (
            row.id, sent["sender"], 1, sent["nonce"], sent["text"], sent["ref"], row.sent_at_ms)
        assert key and data is edited is deleted is None
    assert [last_seq(db, room) for room in rooms] == [1, 3, 2]


def test_both_ways_make_one_log(db, cur):
    """The same batches, some by one way and some by the other: numbers without gaps, nonces known to both."""
    dice = random.Random(5)
    rooms = [make_room(db) for _ in range(4)]
    count = dict.fromkeys(rooms, 0)
    for turn in range(40):
        batch = [message(dice.choice(rooms), f"{turn}-{i}") for i in range(dice.randrange(1, 20))]
        rows = append_texts(cur, batch) if dice.random() < 0.5 else append(cur, batch)
        for sent, row in zip(batch, rows):
            count[sent["room"]] += 1
            assert row.seq == count[sent["room"]]
    for room in rooms:
        assert [m[0] for m in log_of(db, room)] == list(range(1, count[room] + 1))
        assert last_seq(db, room) == count[room]


def nothing_happened(db, cur, room, batch):
    before = log_of(db, room)
    assert append_texts(cur, batch) is None
    assert log_of(db, room) == before and last_seq(db, room) == len(before)


def test_a_room_that_is_gone(db, cur):
    room = make_room(db)
    nothing_happened(db, cur, room, [message(room, "a"), message(17, "b")])


def test_a_room_that_somebody_holds(db, cur):
    room, held = make_room(db), make_room(db)
    with db.session(autocommit=False) as holder:
        holder.execute("select from rooms where id = %s for update", (held,))
        nothing_happened(db, cur, room, [message(room, "a"), message(held, "b")])
        holder.connection.rollback()
    assert [row.seq for row in append_texts(cur, [message(held, "b")])] == [1]


@pytest.mark.parametrize("ref", [1, 2, 2**62])
def test_a_reply_to_what_is_not_there(db, cur, ref):
    room = make_room(db)
    nothing_happened(db, cur, room, [message(room, "a"), message(room, "b", ref=ref)])


def test_a_nonce_that_is_known(db, cur):
    room, other = make_room(db), make_room(db)
    append_texts(cur, [message(room, "a")])
    before = log_of(db, room)
    for batch in ([message(other, "x"), message(room, "a")], [message(room, "b")] * 2):
        with pytest.raises(psycopg2.errors.UniqueViolation):
            append_texts(cur, batch)
    assert log_of(db, room) == before and log_of(db, other) == []
    assert last_seq(db, room) == 1 and last_seq(db, other) == 0


def test_a_thousand_in_a_thousand_rooms(db, cur):
    rooms = db.rows("insert into rooms (id, kind) select hum_id(), 1 from generate_series(1, 1000) returning id")
    rows = append_texts(cur, [message(room, "n") for (room,) in rooms])
    assert len(rows) == 1000 and {row.seq for row in rows} == {1}
