"""hum_amend, the one way to change what is in the log."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from lib.log import APPENDED, append, dedup_key, make_room, message

DONE, NOTHING, OTHER_NONCE, NO_TEXT, NOT_OWN, GONE = range(6)
ME, OTHER = 7, 8


@pytest.fixture
def room(db):
    """A room in which each of the two has said something."""
    room = make_room(db)
    with db.session() as cursor:
        append(cursor, [message(room, "a", ME, "mine"), message(room, "b", OTHER, "theirs")])
    return room


def amend(cursor, room, seq, text, sender=ME, nonce=None, other=False):
    """(status, seq of the entry)"""
    cursor.execute("select status, seq from hum_amend(%s, %s, %s, %s, %s, %s, %s)",
                   (room, seq, sender, other, nonce, nonce and dedup_key(sender, nonce), text))
    return cursor.fetchone()


def run(db, *args, **kw):
    with db.session() as cursor:
        return amend(cursor, *args, **kw)


def log(db, room):
    return db.rows("select kind, text, ref_seq, edited_at is not null, deleted_at is not null from messages"
                   " where room_id = %s order by seq", room)


def last_seq(db, room):
    return db.value("select last_seq from rooms where id = %s", room)


def waits(db, pid):
    while not db.value("select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", pid):
        pass


def test_an_edit_and_its_entry(db, room):
    assert run(db, room, 1, "changed", nonce="e") == (DONE, 3)
    assert log(db, room) == [(1, "changed", None, True, False), (1, "theirs", None, False, False),
                             (2, "changed", 1, False, False)]
    assert last_seq(db, room) == 3
    assert db.value("select t.edited_at = e.sent_at and e.sender_id = %s and e.dedup_key = %s::uuid and e.nonce = 'e'"
                    " from messages t join messages e using (room_id) where room_id = %s and t.seq = 1 and e.seq = 3",
                    ME, dedup_key(ME, "e"), room)


def test_times_are_those_of_the_entry_to_the_microsecond(db, room):
    for i in range(50):
        run(db, room, 1, f"{i}")
        assert db.value("select t.edited_at = e.sent_at from messages t join messages e using (room_id)"
                        " where room_id = %s and t.seq = 1 and e.seq = %s", room, 3 + i)


def test_a_deletion_takes_the_edits_texts_along(db, room):
    for text in ("2", "3"):
        run(db, room, 1, text)
    run(db, room, 2, "stays", sender=OTHER)
    assert run(db, room, 1, None) == (DONE, 6)
    assert log(db, room) == [(1, None, None, True, True), (1, "stays", None, True, False), (2, None, 1, False, True),
                             (2, None, 1, False, True), (2, "stays", 2, False, False), (3, None, 1, False, False)]


def test_it_stays_within_its_room(db, room):
    other = make_room(db)
    with db.session() as cursor:
        append(cursor, [message(other, "a", ME, "elsewhere")])
        amend(cursor, other, 1, "edited")
    before = log(db, other)
    run(db, room, 1, "changed")
    run(db, room, 1, None)
    assert log(db, other) == before and last_seq(db, other) == 2


@pytest.mark.parametrize("args, kw, expected", [
    ((1, "x"), {"sender": OTHER}, NOT_OWN),
    ((1, None), {"sender": OTHER}, NOT_OWN),
    ((1, "x"), {"sender": OTHER, "other": True}, NOT_OWN),  # nobody edits what others wrote
    ((3, "x"), {}, NO_TEXT),
    ((0, "x"), {}, NO_TEXT),
    ((-1, None), {}, NO_TEXT),
    ((2**63 - 1, None), {}, NO_TEXT),
    ((1, "x"), {"nonce": "a"}, OTHER_NONCE),
    ((2, "x"), {"sender": OTHER, "nonce": "b"}, OTHER_NONCE),
], ids=str)
def test_what_changes_nothing(db, room, args, kw, expected):
    before = log(db, room)
    assert run(db, room, *args, **kw) == (expected, None)
    assert log(db, room) == before and last_seq(db, room) == 2


def test_a_room_that_is_not_there(db):
    assert run(db, 1, 1, "x") == (NO_TEXT, None)


def test_what_others_wrote_can_be_deleted_where_that_is_allowed(db, room):
    assert run(db, room, 2, None, sender=ME, other=True) == (DONE, 3)
    assert db.value("select sender_id from messages where room_id = %s and seq = 3", room) == ME


@pytest.mark.parametrize("kind", [2, 3, 16, 23])
def test_only_texts_can_be_changed(db, room, kind):
    with db.session() as cursor:
        append(cursor, [message(room, None, ME, "x", 1)], kind=kind)
        assert amend(cursor, room, 3, "y") == (NO_TEXT, None)
        assert amend(cursor, room, 3, None, other=True) == (NO_TEXT, None)


def test_what_the_system_wrote_is_nobodys(db, room):
    with db.session() as cursor:
        append(cursor, [message(room, None, None, "x")])
        for text in ("y", None):
            assert amend(cursor, room, 3, text) == (NOT_OWN, None)


def test_known_nonces(db, room):
    assert run(db, room, 1, "one", nonce="e") == (DONE, 3)
    assert run(db, room, 1, "two", nonce="e") == (NOTHING, None)
    assert run(db, room, 1, "two", nonce="f") == (DONE, 4)
    assert run(db, room, 1, "one", nonce="e") == (NOTHING, None)
    with db.session() as cursor:
        append(cursor, [message(room, "c", ME, "another")])
    assert run(db, room, 5, "x", nonce="e") == (OTHER_NONCE, None), "the nonce is that of another text's edit"
    assert run(db, room, 1, None) == (DONE, 6)
    assert run(db, room, 1, "one", nonce="e") == (NOTHING, None), "it was done, though it is deleted now"
    assert run(db, room, 1, "new", nonce="g") == (GONE, None)
    assert run(db, room, 1, None) == (NOTHING, None)
    assert last_seq(db, room) == 6


# --- who waits for whom ---


def test_it_sees_what_it_has_waited_for(db, room):
    """A message that is committed while the change waits for the room."""
    with db.session() as mine, db.session(autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        assert append(holder, [message(room, "c", ME, "third")])[0].status == APPENDED
        changing = pool.submit(amend, mine, room, 3, "changed", nonce="c")
        waits(db, mine.connection.get_backend_pid())
        holder.connection.commit()
        assert changing.result() == (OTHER_NONCE, None)
        assert amend(mine, room, 3, "changed") == (DONE, 4)


@pytest.mark.parametrize("first, second, expected", [
    (None, "new", GONE), (None, None, NOTHING), ("new", None, DONE), ("new", "newer", DONE), ("new", "same", DONE),
], ids=str)
def test_two_changes_at_once_are_one_after_the_other(db, room, first, second, expected):
    with db.session() as mine, db.session(autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        assert amend(holder, room, 1, first) == (DONE, 3)
        changing = pool.submit(amend, mine, room, 1, second)
        waits(db, mine.connection.get_backend_pid())
        holder.connection.commit()
        assert changing.result()[0] == expected
    text = db.value("select text from messages where room_id = %s and seq = 1", room)
    assert text == (None if None in (first, second) else second)
    assert last_seq(db, room) == (4 if expected == DONE else 3)


def test_one_edit_twice_at_once(db, room):
    with db.session() as mine, db.session(autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        assert amend(holder, room, 1, "new", nonce="e") == (DONE, 3)
        changing = pool.submit(amend, mine, room, 1, "new", nonce="e")
        waits(db, mine.connection.get_backend_pid())
        holder.connection.commit()
        assert changing.result() == (NOTHING, None)


def test_it_is_all_or_nothing(db, room):
    before = log(db, room)
    with db.session(autocommit=False) as cursor:
        assert amend(cursor, room, 1, "x") == (DONE, 3)
        assert amend(cursor, room, 1, None) == (DONE, 4)
        cursor.connection.rollback()
    assert log(db, room) == before and last_seq(db, room) == 2


def test_waiting_ends_with_lock_timeout(db, room):
    with db.session(autocommit=False) as holder, db.session() as mine:
        holder.execute("select from rooms where id = %s for update", (room,))
        mine.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            amend(mine, room, 1, "x")


def test_the_writer_passes_over_a_room_that_is_being_changed(db, room):
    """And so nobody's message waits for a change that hangs, but those of this room."""
    other = make_room(db)
    with db.session(autocommit=False) as holder, db.session() as mine:
        amend(holder, room, 1, "x")
        rows = append(mine, [message(room, "n"), message(other, "n")], wait=False)
        assert [r.status for r in rows] == [2, APPENDED]


def test_the_broker_may_not(roles, db, room):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(roles["broker"], room, 1, "x")
    assert run(roles["api"], room, 1, "x") == (DONE, 3)
