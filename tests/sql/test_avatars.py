"""hum_set_avatar: one row a picture, however its users meet. Each meeting is held at the point where it matters: the
first has changed and not committed, the second waits for it."""

import concurrent.futures
import hashlib
import itertools

import psycopg2
import pytest

numbers = itertools.count(1)


@pytest.fixture
def people(db):
    """Ids of three people."""
    made = [next(numbers) for _ in range(3)]
    for i in made:
        db.rows("insert into users (id, email, nickname, nickname_key) values (%s, %s, %s, %s)",
                i, f"a{i}@example.org", f"a{i}", f"a{i}")
    return made


@pytest.fixture
def pictures():
    return [f"picture {next(numbers)}".encode() for _ in range(2)]


def give(cursor, person, picture):
    """picture None: takes it away. Whether that was a change."""
    key = picture and hashlib.sha256(picture).digest()
    cursor.execute("select hum_set_avatar(%s, %s, %s)", (person, key, picture))
    return cursor.fetchone()[0]


def kept(db, *pictures):
    return {bytes(b) for (b,) in db.rows("select body from avatars") if bytes(b) in pictures}


def shown(db, person):
    found = db.rows("select body from users left join avatars on hash = avatar_hash where id = %s", person)[0][0]
    return found and bytes(found)


def meet(db, first, second):
    """Runs the second change while the first is not committed: it has to wait for it."""
    with db.session(autocommit=False) as one, db.session() as two, concurrent.futures.ThreadPoolExecutor() as pool:
        assert give(one, *first)
        two.execute("select pg_backend_pid()")
        pid = two.fetchone()[0]
        change = pool.submit(give, two, *second)
        while not db.value("select coalesce(wait_event_type = 'Lock', false) from pg_stat_activity where pid = %s", pid):
            assert not change.done(), "it did not wait"
        one.connection.commit()
        assert change.result()


def test_a_change_and_none(db, people, pictures):
    person, picture, other = people[0], *pictures
    with db.session() as cursor:
        assert give(cursor, person, picture)
        assert not give(cursor, person, picture)
        assert shown(db, person) == picture
        assert give(cursor, person, other)
        assert kept(db, *pictures) == {other}
        assert give(cursor, person, None)
        assert not give(cursor, person, None)
        assert kept(db, *pictures) == set()
        assert not give(cursor, 987654321, picture), "nobody"
        assert kept(db, *pictures) == set()


def test_two_who_give_up_the_same(db, people, pictures):
    a, b, _ = people
    with db.session() as cursor:
        give(cursor, a, pictures[0])
        give(cursor, b, pictures[0])
    meet(db, (a, None), (b, None))
    assert kept(db, *pictures) == set()


def test_two_who_exchange_one_for_another(db, people, pictures):
    a, b, _ = people
    with db.session() as cursor:
        give(cursor, a, pictures[0])
        give(cursor, b, pictures[0])
    meet(db, (a, pictures[1]), (b, pictures[1]))
    assert kept(db, *pictures) == {pictures[1]}


def test_one_takes_up_what_another_gives_up(db, people, pictures):
    a, b, _ = people
    with db.session() as cursor:
        give(cursor, a, pictures[0])
    meet(db, (a, None), (b, pictures[0]))
    assert (kept(db, *pictures), shown(db, b)) == ({pictures[0]}, pictures[0])


def test_one_gives_up_what_another_takes_up(db, people, pictures):
    a, b, _ = people
    with db.session() as cursor:
        give(cursor, a, pictures[0])
    meet(db, (b, pictures[0]), (a, None))
    assert (kept(db, *pictures), shown(db, b)) == ({pictures[0]}, pictures[0])


def test_two_who_change_places(db, people, pictures):
    """Each wants what the other has: no deadlock, as both take the pictures in one order."""
    a, b, _ = people
    with db.session() as cursor:
        give(cursor, a, pictures[0])
        give(cursor, b, pictures[1])
    meet(db, (a, pictures[1]), (b, pictures[0]))
    assert kept(db, *pictures) == set(pictures)
    assert (shown(db, a), shown(db, b)) == (pictures[1], pictures[0])


def test_one_person_on_two_devices(db, people, pictures):
    meet(db, (people[0], pictures[0]), (people[0], pictures[1]))
    assert kept(db, *pictures) == {pictures[1]}


@pytest.mark.parametrize("body", [b"", b"x" * 262145])
def test_what_is_no_avatar(db, people, body):
    with db.session() as cursor, pytest.raises(psycopg2.errors.CheckViolation):
        give(cursor, people[0], body)


def test_a_hash_that_is_anothers(db, people):
    with pytest.raises(psycopg2.errors.CheckViolation):
        db.rows("select hum_set_avatar(%s, sha256('a'), 'b')", people[0])


@pytest.mark.parametrize("sql", ["insert into avatars (hash, body) values (sha256('a'), 'a')", "delete from avatars",
                                 "update avatars set body = 'x'", "update users set avatar_hash = null"])
def test_the_api_changes_it_by_this_function_alone(roles, sql):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        roles["api"].rows(sql)
