"""The events that other systems read: what is removed when, and what is never passed over."""

import pytest


@pytest.fixture
def events(db):
    """Nothing in the outbox; a function that writes events of some ages in days, a transaction each."""
    db.rows("delete from events; update events_swept set xid = '0', id = 0")

    def write(*ages, cursor=None):
        sql = "insert into events (kind, at) values ('k', now() - %s * interval '1 day') returning id"
        if cursor is None:
            return [db.value(sql, age) for age in ages]
        ids = []
        for age in ages:
            cursor.execute(sql, (age,))
            ids.append(cursor.fetchone()[0])
        return ids

    return write


def kept(db):
    return [r[0] for r in db.rows("select id from events order by xid, id")]


def sweep(db, days=30, limit=500):
    return db.value("select hum_sweep_events(%s, %s)", days, limit)


def test_what_is_old_goes(db, events):
    old, new = events(31, 40), events(29, 0)
    assert sweep(db) == 2
    assert kept(db) == new
    assert db.value("select id from events_swept") == old[-1]
    assert sweep(db) == 0


def test_it_goes_in_pieces(db, events):
    ids = events(*[40] * 7)
    for size, done in ((3, 3), (3, 6), (1, 7), (0, 7)):
        assert sweep(db, limit=3) == size
        assert kept(db) == ids[done:]


def test_what_stands_behind_something_new_stays(db, events):
    """Otherwise a reader could not tell from its cursor whether it has missed something."""
    first, new, old = events(40, 1, 40)
    assert sweep(db) == 1
    assert kept(db) == [new, old]
    assert db.value("select id from events_swept") == first


def test_what_a_running_transaction_will_stand_before_stays(db, events):
    with db.session(autocommit=False) as cursor:
        late = events(40, cursor=cursor)
        after = events(40, 40)
        assert sweep(db) == 0
        cursor.connection.commit()
    assert kept(db) == late + after
    assert sweep(db) == 3


def test_a_second_sweep_does_nothing(db, events):
    events(40, 40)
    with db.session(autocommit=False) as cursor:
        cursor.execute("select hum_sweep_events(30, 1)")
        assert sweep(db) == 0
        cursor.connection.commit()
    assert sweep(db) == 1


def test_an_interrupted_sweep_has_not_begun(db, events):
    ids = events(40, 40)
    with db.session(autocommit=False) as cursor:
        cursor.execute("select hum_sweep_events(30, 500)")
        cursor.connection.rollback()
    assert kept(db) == ids
    assert str(db.value("select xid from events_swept")) == "0"
    assert sweep(db) == 2


def test_one_row_tells_what_is_gone(db):
    with pytest.raises(Exception, match="events_swept"):
        db.rows("insert into events_swept default values")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ä", "a\nb"])
def test_names_of_services(db, name):
    with pytest.raises(Exception, match="service_tokens_name_check"):
        db.rows("insert into service_tokens (name, hash) values (%s, sha256('a'))", name)


def test_one_token_a_name_until_it_is_revoked(db):
    make = "insert into service_tokens (name, hash) values ('twice', sha256(%s::bytea))"
    db.rows(make, "a")
    with pytest.raises(Exception, match="service_tokens_name"):
        db.rows(make, "b")
    db.rows("update service_tokens set revoked_at = now() where name = 'twice'")
    db.rows(make, "b")
