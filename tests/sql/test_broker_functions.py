"""What the broker reads and writes besides messages, called with its own role."""

import itertools

import pytest

from lib.log import append, make_room, message

INBOX, DM = 4, 1

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def broker(roles):
    return roles["broker"]


@pytest.fixture
def person(db):
    """Makes people: id."""
    def make(inbox=True):
        n = next(numbers)
        user = db.value("insert into users (id, email, nickname, nickname_key)"
                        " values (hum_id(), %s, %s, %s) returning id", f"p{n}@x.org", f"p{n}", f"p{n}")
        if inbox:
            db.rows("insert into rooms (id, kind) values (%s, 4)", user)
        return user

    return make


@pytest.fixture
def session(db):
    """Makes sessions: id."""
    def make(user, ends="1 day", seen="0", revoked=False):
        return db.value(
            "insert into sessions (id, user_id, refresh_seed, expires_at, last_seen_at, revoked_at)"
            " values (hum_id(), %s, '', now() + %s::interval, now() - %s::interval,"
            " case when %s then now() end) returning id", user, ends, seen, revoked)

    return make


def befriend(db, a, b):
    db.rows("insert into friendships (user_id, friend_id) values (%s, %s), (%s, %s)", a, b, b, a)


def open_dm(db, a, b):
    room = make_room(db, DM)
    db.rows("insert into dms values (%s, least(%s, %s), greatest(%s, %s))", room, a, b, a, b)
    return room


def access(broker, *users):
    """Rows of hum_access by what they tell, as sets."""
    found = {"s": set(), "r": set(), "f": set(), "t": set()}
    for row in broker.rows("select what, user_id, id, kind, rights, last_seq from hum_access(%s)",
                           list(users)):
        assert row[1:] not in found[row[0]], "once"
        found[row[0]].add(row[1:])
    return found


def test_rooms_by_who_may_do_what(db, broker, person):
    a, b, c = person(), person(), person()
    befriend(db, a, b)
    dm, ended = open_dm(db, a, b), open_dm(db, a, c)
    with db.session() as cursor:
        append(cursor, [message(dm, "n", a), message(dm, "m", b), message(ended, "n", c)])
    assert access(broker, a)["r"] == {(a, a, INBOX, 1, 0), (a, dm, DM, 3, 2), (a, ended, DM, 1, 1)}
    assert access(broker, b)["r"] == {(b, b, INBOX, 1, 0), (b, dm, DM, 3, 2)}
    assert access(broker, b, c)["r"] == {(b, b, INBOX, 1, 0), (b, dm, DM, 3, 2), (c, c, INBOX, 1, 0),
                                         (c, ended, DM, 1, 1)}
    assert access(broker, a)["f"] == {(a, b, 0, 0, 0)}
    assert access(broker, c)["f"] == set()


def test_sessions_that_live(db, broker, person, session):
    a, b = person(), person()
    first, second = session(a), session(a, ends="1 hour")
    session(a, ends="-1 second")
    session(a, revoked=True)
    session(b)
    living = {row[1]: row[4] for row in access(broker, a)["s"]}
    assert set(living) == {first, second}
    ends = "select extract(epoch from expires_at)::bigint from sessions where id = %s"
    assert living == {s: db.value(ends, s) for s in (first, second)}


def test_how_young_a_session_may_be(broker, person, session, db):
    a = person()
    old = session(a)
    ((_, last, *_),) = access(broker, a)["t"]
    assert old <= last < session(a)


def test_nobody_and_nothing(broker, person):
    assert access(broker)["r"] == set()
    assert access(broker, 1) == {"s": set(), "r": set(), "f": set(), "t": access(broker, 1)["t"]}
    a = person(inbox=False)
    assert access(broker, a)["r"] == set()


def test_who_was_there_last(db, broker, person, session):
    db.rows("delete from sessions")
    a, b, c, gone = person(), person(), person(), person()
    session(a, seen="3 hours")
    session(b, seen="2 hours")
    session(a, seen="1 hour")
    session(c, seen="4 hours")
    session(gone, revoked=True)
    session(gone, ends="-1 hour")
    rows = broker.rows("select hum_recent_users(10)")
    assert [r[0] for r in rows] == [a, b, c]
    assert [r[0] for r in broker.rows("select hum_recent_users(2)")] == [a, b]


def test_sessions_that_are_seen(db, broker, person, session):
    a = person()
    due, young, held = session(a, seen="1 hour"), session(a, seen="1 minute"), session(a, seen="1 hour")
    ended, untold = session(a, seen="1 hour", revoked=True), session(a, seen="1 hour")
    with db.session() as cursor:
        cursor.execute("begin")
        cursor.execute("select from sessions where id = %s for update", (held,))
        broker.rows("select hum_sessions_seen(%s)", [due, young, held, ended, due, 1])
        cursor.execute("rollback")
    ages = dict(db.rows("select id, (extract(epoch from now() - last_seen_at) / 60)::integer from sessions"
                        " where user_id = %s", a))
    assert ages == {due: 0, young: 1, held: 60, ended: 60, untold: 60}


def test_sessions_that_ended_long_ago_go(db, person, session):
    db.rows("delete from sessions")
    a = person()
    kept = [session(a), session(a, revoked=True), session(a, ends="-29 days")]
    gone = [session(a, ends="-31 days"), session(a, ends="-50 days"), session(a, revoked=True)]
    db.rows("update sessions set revoked_at = now() - interval '31 days' where id = %s", gone[2])
    assert db.value("select hum_sweep_sessions(2)") == 2
    assert db.value("select hum_sweep_sessions(2)") == 1
    assert db.value("select hum_sweep_sessions(2)") == 0
    assert [r[0] for r in db.rows("select id from sessions order by id")] == sorted(kept)


def test_a_piece_of_a_log(db, broker):
    room = make_room(db)
    with db.session() as cursor:
        append(cursor, [message(room, f"n{i}", text=f"t{i}", ref=None) for i in range(5)])
    rows = broker.rows("select seq, nonce, text from hum_room_tail(%s, 1, 3)", room)
    assert rows == [(2, "n1", "t1"), (3, "n2", "t2"), (4, "n3", "t3")]
    assert broker.rows("select * from hum_room_tail(%s, 5, 3)", room) == []
    assert broker.rows("select * from hum_room_heads(%s)", [room, 1]) == [(room, 5)]


def mark(broker, *marks):
    users, rooms, seqs = zip(*marks)
    return sorted(broker.rows("select * from hum_mark_read(%s::bigint[], %s::bigint[], %s::bigint[])",
                              list(users), list(rooms), list(seqs)))


def test_read_marks_move_up_and_stay_within_the_log(db, broker, person):
    a, b = person(), person()
    rooms = [make_room(db) for _ in range(2)]
    with db.session() as cursor:
        append(cursor, [message(room, f"n{i}") for room in rooms for i in range(9)])
    room, other = rooms
    assert mark(broker, (a, room, 4), (b, room, 5), (a, other, 100)) == sorted(
        [(a, room, 4), (b, room, 5), (a, other, 9)])
    assert mark(broker, (a, room, 3), (b, room, 5)) == [], "those that have not moved are not told"
    assert mark(broker, (a, room, 6), (b, room, 1)) == [(a, room, 6)]
    stored = db.rows("select user_id, room_id, seq from read_marks where room_id = any (%s)", rooms)
    assert sorted(stored) == sorted([(a, room, 6), (b, room, 5), (a, other, 9)])


def test_read_marks_of_nobody_and_nowhere(db, broker, person):
    a, room = person(), make_room(db)
    assert mark(broker, (a, room, 3), (a, 1, 3), (1, room, 3), (a, room, 0), (a, room, -5)) == []
    assert db.value("select count(*) from read_marks where user_id = %s", a) == 0


def test_what_cannot_be_stored_is_set_aside(db, broker):
    room = make_room(db)
    broker.rows("select hum_set_aside(%s, 7, 'n', %s, 'bad text')", room, b"\xff\x00")
    stored = db.rows("select sender_id, nonce, body, reason from set_aside where room_id = %s", room)
    assert [(s, n, bytes(b), r) for s, n, b, r in stored] == [(7, "n", b"\xff\x00", "bad text")]
