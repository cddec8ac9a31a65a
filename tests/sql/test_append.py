"""hum_append, the one way into the log."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from lib.log import APPENDED, BUSY, KNOWN, NO_REF, NO_ROOM, append, make_room, message


@pytest.fixture
def cur(db):
    with db.session() as cursor:
        yield cursor


@pytest.fixture
def room(db):
    return make_room(db)


@pytest.fixture
def other_room(db):
    return make_room(db)


def seqs(db, room):
    return [r[0] for r in db.rows("select seq from messages where room_id = %s order by seq", room)]


def last_seq(db, room):
    return db.value("select last_seq from rooms where id = %s", room)


def statuses(rows):
    return [row.status for row in rows]


def waits(db, pid):
    """Waits until a backend waits for a lock."""
    sql = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
    while not db.value(sql, pid):
        pass


# --- numbers ---


def test_numbers_each_room_in_the_order_of_the_batch(db, cur, room, other_room):
    batch = [message(room, "a"), message(other_room, "b"), message(room, "c"), message(room, "d")]
    rows = append(cur, batch)
    assert statuses(rows) == [APPENDED] * 4
    assert [row.seq for row in rows] == [1, 1, 2, 3]
    assert [row.id for row in rows] == list(range(rows[0].id, rows[0].id + 4))
    assert last_seq(db, room) == 3 and last_seq(db, other_room) == 1
    assert [row.seq for row in append(cur, [message(room, "e")])] == [4]


def test_what_is_returned_is_what_is_stored(db, cur, room):
    append(cur, [message(room, "first")])
    (row,) = append(cur, [message(room, "n1", sender=42, text="héllo", ref=1)])
    stored = db.rows(
        "select seq, id, sender_id, kind, nonce, text, ref_seq, data,"
        " (extract(epoch from sent_at) * 1000)::bigint, edited_at, deleted_at"
        " from messages where room_id = %s and seq = 2", room)
    assert stored == [
        (2, row.id, 42, 1, "n1", "héllo", 1, None, row.sent_at_ms, None, None)]


@pytest.mark.parametrize("lookup", [True, False])
def test_a_rollback_leaves_no_gap(db, room, lookup):
    with db.session(autocommit=False) as cursor:
        append(cursor, [message(room, "lost"), message(room, "lost2")], lookup=lookup)
        cursor.connection.rollback()
        append(cursor, [message(room, "kept")], lookup=lookup)
        cursor.connection.commit()
    assert seqs(db, room) == [1]
    assert last_seq(db, room) == 1


# --- known nonces ---


def test_a_known_nonce_yields_the_original(db, cur, room):
    (first,) = append(cur, [message(room, "n", text="original")])
    append(cur, [message(room, "between")])
    (again,) = append(cur, [message(room, "n", text="another text")])
    assert again.status == KNOWN
    assert again[2:] == first[2:]
    assert seqs(db, room) == [1, 2]
    assert last_seq(db, room) == 2
    assert db.rows("select text from messages where room_id = %s and seq = 1", room) == [
        ("original",)]


def test_a_repetition_within_the_batch_yields_the_first(db, cur, room):
    rows = append(cur, [message(room, "n"), message(room, "m"), message(room, "n")])
    assert statuses(rows) == [APPENDED, APPENDED, KNOWN]
    assert rows[2][2:] == rows[0][2:]
    assert seqs(db, room) == [1, 2]


def test_known_and_new_ones_mixed_are_numbered_without_gaps(db, cur, room):
    append(cur, [message(room, "a"), message(room, "b")])
    rows = append(cur, [message(room, n) for n in ("x", "a", "y", "b", "x", "z")])
    assert statuses(rows) == [APPENDED, KNOWN, APPENDED, KNOWN, KNOWN, APPENDED]
    assert [row.seq for row in rows] == [3, 1, 4, 2, 3, 5]


def test_a_nonce_belongs_to_its_room_and_sender(cur, room, other_room):
    batch = [message(room, "n", sender=1), message(room, "n", sender=2),
             message(other_room, "n", sender=1)]
    assert statuses(append(cur, batch)) == [APPENDED] * 3


def test_messages_without_a_nonce_are_never_the_same(db, cur, room):
    rows = append(cur, [message(room, None, sender=None), message(room, None, sender=None)])
    rows += append(cur, [message(room, None, sender=None)])
    assert [row.seq for row in rows] == [1, 2, 3]


def test_without_look_up_a_known_nonce_fails_the_whole_batch(db, cur, room, other_room):
    append(cur, [message(room, "n")], lookup=False)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        append(cur, [message(other_room, "x"), message(room, "y"), message(room, "n")],
               lookup=False)
    assert seqs(db, room) == [1] and seqs(db, other_room) == []
    assert last_seq(db, room) == 1 and last_seq(db, other_room) == 0
    assert [r.seq for r in append(cur, [message(room, "z")], lookup=False)] == [2]


def test_without_look_up_a_repetition_within_the_batch_fails_it(db, cur, room):
    with pytest.raises(psycopg2.errors.UniqueViolation):
        append(cur, [message(room, "n"), message(room, "n")], lookup=False)
    assert seqs(db, room) == []


# --- what is refused ---


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("lookup", [True, False])
def test_a_room_that_is_not_there(db, cur, room, lookup, wait):
    batch = [message(1, "a"), message(room, "b"), message(1, "c")]
    rows = append(cur, batch, lookup=lookup, wait=wait)
    assert statuses(rows) == [NO_ROOM, APPENDED, NO_ROOM]
    assert rows[0][2:] == (None, None, None)
    assert seqs(db, 1) == [] and seqs(db, room) == [1]


@pytest.mark.parametrize("ref", [0, -1, 3, 2**62])
def test_a_reference_to_what_is_not_in_the_room(db, cur, room, ref):
    append(cur, [message(room, "a"), message(room, "b")])
    rows = append(cur, [message(room, "c", ref=ref), message(room, "d", ref=2)])
    assert statuses(rows) == [NO_REF, APPENDED]
    assert [row.seq for row in rows] == [None, 3]


def test_a_refused_message_and_its_repetition_are_both_refused(db, cur, room):
    rows = append(cur, [message(room, "a", ref=9), message(room, "a", ref=9)])
    assert statuses(rows) == [NO_REF, NO_REF]
    assert seqs(db, room) == []


def test_a_known_nonce_wins_over_a_bad_reference(cur, room):
    append(cur, [message(room, "a")])
    (row,) = append(cur, [message(room, "a", ref=99)])
    assert (row.status, row.seq) == (KNOWN, 1)


# --- who waits for whom ---


def test_a_busy_room_is_passed_over(db, cur, room, other_room):
    with db.session(autocommit=False) as holder:
        append(holder, [message(room, "held")])
        batch = [message(room, "a"), message(other_room, "b"), message(room, "c")]
        rows = append(cur, batch, wait=False)
        assert statuses(rows) == [BUSY, APPENDED, BUSY]
        assert rows[0][2:] == (None, None, None)
        holder.connection.commit()
    rows = append(cur, [message(room, "a"), message(room, "c")], wait=False)
    assert statuses(rows) == [APPENDED, APPENDED]
    assert [row.seq for row in rows] == [2, 3]


def test_a_known_nonce_of_a_busy_room_is_passed_over_as_well(db, cur, room):
    append(cur, [message(room, "n")])
    with db.session(autocommit=False) as holder:
        append(holder, [message(room, "held")])
        assert statuses(append(cur, [message(room, "n")], wait=False)) == [BUSY]


def test_waits_for_a_busy_room_and_goes_on_behind_it(db, cur, room):
    cur.execute("select pg_backend_pid()")
    (pid,) = cur.fetchone()
    with db.session(autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        append(holder, [message(room, "held"), message(room, "same")])
        waiting = pool.submit(append, cur, [message(room, "same"), message(room, "next")])
        waits(db, pid)
        holder.connection.commit()
        rows = waiting.result()
    assert statuses(rows) == [KNOWN, APPENDED], "the look-up must see what was waited for"
    assert [row.seq for row in rows] == [2, 3]


def test_waiting_ends_with_lock_timeout(db, room):
    with db.session(autocommit=False) as holder, db.session() as other:
        append(holder, [message(room, "held")])
        other.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            append(other, [message(room, "a")])


def test_many_writers_number_without_gaps_or_deadlocks(db):
    rooms = [make_room(db) for _ in range(3)]
    writers, batches = 8, 25
    start = threading.Barrier(writers)

    def write(writer):
        choose = random.Random(writer)
        sent = {room: 0 for room in rooms}
        with db.session() as cursor:
            start.wait()
            for batch in range(batches):
                messages = [
                    message(choose.choice(rooms), f"{batch}-{i}", sender=writer + 1)
                    for i in range(choose.randint(1, 6))
                ]
                got = append(cursor, messages, lookup=choose.random() < 0.5)
                assert statuses(got) == [APPENDED] * len(messages)
                for m in messages:
                    sent[m["room"]] += 1
        return sent

    with ThreadPoolExecutor(writers) as pool:
        counts = list(pool.map(write, range(writers)))
    for room in rooms:
        total = sum(c[room] for c in counts)
        assert seqs(db, room) == list(range(1, total + 1))
        assert last_seq(db, room) == total
    ids = [r[0] for r in db.rows("select id from messages where room_id = any (%s)", rooms)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("wait", [True, False])
def test_one_nonce_from_many_writers_is_one_message(db, room, wait):
    writers = 10
    start = threading.Barrier(writers)

    def write(_):
        with db.session() as cursor:
            start.wait()
            while True:
                (row,) = append(cursor, [message(room, "once")], wait=wait)
                if row.status != BUSY:
                    return row

    with ThreadPoolExecutor(writers) as pool:
        rows = list(pool.map(write, range(writers)))
    assert sorted(statuses(rows)) == [APPENDED] + [KNOWN] * (writers - 1)
    assert len({row[2:] for row in rows}) == 1
    assert seqs(db, room) == [1]


def test_one_frozen_transaction_stops_one_room(db, cur, room, other_room):
    """Not even the ids are held back by a transaction that stays open."""
    with db.session(autocommit=False) as frozen:
        append(frozen, [message(room, "held")])
        cur.execute("set statement_timeout = '5s'")
        assert statuses(append(cur, [message(other_room, "a")])) == [APPENDED]
