"""Reads that share a round trip to the database: each gets its own answer, whatever happens to the others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.mqtt import eventually
from lib.rest import Rest, ok

PEOPLE = 24
EACH = 40


@pytest.fixture(scope="module")
def crowd(hum):
    """Many people, each with a connection of their own."""
    people = [hum.sign_up() for _ in range(PEOPLE)]
    crowd = [(Rest(hum.http_url, p.token), p.id) for p in people]
    for client, _ in crowd:
        ok(client.get("/v1/users/me"))
    yield crowd
    for client, _ in crowd:
        client.http.close()


def read(client, own):
    """The status of a read of one's profile; what is read must be one's own."""
    answer = client.get("/v1/users/me")
    if answer.status_code == 200:
        assert answer.json()["id"] == own
    return answer.status_code


def all_read(crowd, times=1):
    """Everybody at once, some times each: the statuses."""
    with ThreadPoolExecutor(len(crowd)) as pool:
        found = pool.map(lambda one: [read(*one) for _ in range(times)], crowd)
    return [status for statuses in found for status in statuses]


def test_each_gets_the_own_answer(crowd):
    assert set(all_read(crowd, EACH)) == {200}


def test_connections_that_are_cut(hum, crowd):
    """Who was on the way gets 503 or an answer, never somebody else's; then all goes on."""
    stop = threading.Event()

    def cut():
        while not stop.wait(0.02):
            hum.database.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hum-api'"
                              " and state = 'active'")

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        statuses = all_read(crowd, EACH)
    finally:
        stop.set()
        cutter.join()
    assert set(statuses) <= {200, 503}
    eventually(lambda: set(all_read(crowd)) == {200})


def test_a_table_that_is_locked(hum, crowd):
    """Nobody waits for each of the others in turn, and nobody for ever."""
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("lock table users in access exclusive mode")
        assert set(all_read(crowd)) == {503}
        cursor.connection.rollback()
    assert set(all_read(crowd, 2)) == {200}


def test_somebody_who_is_no_more(hum, crowd):
    """One that finds nothing is no failure to those who come with it."""
    gone = hum.sign_up()
    hum.database.rows("update users set nickname = null, nickname_key = null, email = null, erased_at = now()"
                      " where id = %s returning id", gone.id)
    with ThreadPoolExecutor(PEOPLE) as pool:
        own = pool.map(lambda one: [read(*one) for _ in range(5)], crowd)
        theirs = pool.map(lambda _: gone.get("/v1/users/me").status_code, range(20))
        assert {status for statuses in own for status in statuses} == {200}
        assert set(theirs) == {401}
