"""Ids: unique and rising, whatever the clock does, with the node in its place."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

EPOCH_MS = 1704067200000  # 2024-01-01T00:00:00Z
HOUR = 3600 * 1000


def make_id(ms, node, counter):
    return (ms << 22) | (node << 16) | counter


def parts(number):
    """Milliseconds, node, counter."""
    return number >> 22, number >> 16 & 63, number & 65535


@pytest.fixture
def ahead_db(db):
    """The database, whose sequence the test may set: it is put back afterwards."""
    before = db.value("select last_value from hum_last_id")
    yield db
    db.rows("select setval('hum_last_id', %s)", before)


def test_an_id_tells_the_time(db):
    before = int(time.time() * 1000)
    ms, node, _ = parts(db.value("select hum_id()"))
    after = int(time.time() * 1000)
    assert before - 1 <= ms + EPOCH_MS <= after + 1
    assert node == 0


def test_unique_and_rising_under_concurrency(db):
    takers, rounds = 8, 60
    start = threading.Barrier(takers)

    def take(_):
        got = []
        with db.session() as cursor:
            start.wait()
            for i in range(rounds):
                count = 1 + i % 50
                cursor.execute("select hum_ids(%s)", (count,))
                first = cursor.fetchone()[0]
                got.append((first, first + count))
        return got

    with ThreadPoolExecutor(takers) as pool:
        taken = list(pool.map(take, range(takers)))
    for mine in taken:
        assert all(a[1] <= b[0] for a, b in zip(mine, mine[1:])), "each taker's ids rise"
    ranges = sorted(r for mine in taken for r in mine)
    assert all(a[1] <= b[0] for a, b in zip(ranges, ranges[1:])), "no id is given twice"


def test_nobody_waits_for_a_transaction_that_took_ids(db):
    with db.session(autocommit=False) as holder, db.session() as other:
        holder.execute("select hum_ids(10)")
        other.execute("set lock_timeout = '2s'; set statement_timeout = '2s'")
        other.execute("select hum_id()")


def test_a_rollback_gives_no_id_twice(db):
    with db.session(autocommit=False) as cursor:
        cursor.execute("select hum_ids(100)")
        (first,) = cursor.fetchone()
        cursor.connection.rollback()
    assert db.value("select hum_id()") >= first + 100


def test_rises_while_the_clock_is_behind(ahead_db):
    """A clock that has stepped back an hour: the last id is an hour ahead of it."""
    ahead = int(time.time() * 1000) - EPOCH_MS + HOUR
    last = make_id(ahead, 0, 17)
    ahead_db.rows("select setval('hum_last_id', %s)", last)
    assert ahead_db.value("select hum_id()") == last + 1
    assert ahead_db.value("select hum_ids(1000)") == last + 2
    assert ahead_db.value("select hum_id()") == last + 1002


@pytest.mark.parametrize("node", [0, 5, 63])
@pytest.mark.parametrize("count", [1, 6, 65536])
def test_a_full_millisecond_borrows_the_next_and_leaves_the_node_alone(ahead_db, node, count):
    ahead = int(time.time() * 1000) - EPOCH_MS + HOUR
    last = make_id(ahead, node, 65535 if count == 1 else 65530)
    with ahead_db.session() as cursor:
        cursor.execute("select setval('hum_last_id', %s)", (last,))
        cursor.execute("select set_config('hum.node', %s, false)", (str(node),))
        cursor.execute("select hum_ids(%s)", (count,))
        (first,) = cursor.fetchone()
        ms = parts(first)[0]
        assert ahead < ms <= ahead + 2
        assert parts(first) == (ms, node, 0)
        assert parts(first + count - 1) == (ms, node, count - 1)


def test_the_last_ids_of_a_millisecond_are_given(ahead_db):
    last = make_id(int(time.time() * 1000) - EPOCH_MS + HOUR, 0, 65530)
    ahead_db.rows("select setval('hum_last_id', %s)", last)
    assert ahead_db.value("select hum_ids(5)") == last + 1


@pytest.mark.parametrize("count, node", [(0, 0), (-1, 0), (65537, 0), (1, 64), (1, -1)])
def test_what_does_not_fit_is_refused(db, count, node):
    with db.session() as cursor:
        cursor.execute("select set_config('hum.node', %s, false)", (str(node),))
        with pytest.raises(psycopg2.errors.RaiseException):
            cursor.execute("select hum_ids(%s)", (count,))
