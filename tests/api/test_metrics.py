"""The API's numbers for Prometheus."""

import os
import signal
import threading

import pytest

from lib import prometheus, raw
from lib.instance import alive
from lib.mqtt import eventually
from lib.rest import ok, unique


def scrape(hum):
    answer = hum.rest.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return prometheus.parse(answer.text)


def requests(numbers, route, method, status):
    key = (("route", route), ("method", method), ("status", str(status)))
    return numbers.get(("hum_api_requests_total", key), 0)


# Of the oldest job, in milliseconds: an id begins with the time at which it was made.
JOB_AGE = "select extract(epoch from clock_timestamp()) * 1000 - ((min(id) >> 22) + 1704067200000) from jobs"


def single(numbers, name):
    return numbers[name, ()]


@pytest.mark.parametrize("path, token, counted", [
    ("/v1/users/me", True, ("/v1/users/me", "GET", 200)),
    ("/v1/users/me", False, ("/v1/users/me", "GET", 401)),
    ("/v1/users/7", True, ("/v1/users/{id}", "GET", 404)),
    ("/v1/users/x", True, ("/v1/users/{id}", "GET", 400)),
    ("/v1/nothing", True, ("none", "other", 404)),
    ("/health/live", False, ("/health/live", "GET", 200)),
])
def test_each_request_counts_once(hum, alice, path, token, counted):
    before = scrape(hum)
    (alice if token else hum.rest).get(path)
    assert requests(scrape(hum), *counted) == requests(before, *counted) + 1


@pytest.mark.parametrize("method, counted", [
    ("HEAD", ("/v1/users/me", "GET", 200)),
    ("OPTIONS", ("none", "other", 204)),
    ("PUT", ("none", "other", 405)),
    ("X", ("none", "other", 405)),
])
def test_methods(hum, alice, method, counted):
    before = scrape(hum)
    alice.call(method, "/v1/users/me")
    assert requests(scrape(hum), *counted) == requests(before, *counted) + 1


@pytest.mark.parametrize("header", ["Content-Length: x", "X-Long: " + "x" * 40_000], ids=["length", "large"])
def test_what_the_http_server_refuses_by_itself(hum, header):
    name, counted = "hum_api_requests_malformed_total", ("/health/live", "GET", 200)
    before = scrape(hum)
    assert raw.request(hum, "GET", "/health/live", headers=[header]).status in (400, 413, 431)
    eventually(lambda: single(scrape(hum), name) == single(before, name) + 1)
    assert requests(scrape(hum), *counted) == requests(before, *counted), "it was no request of ours"
    ok(hum.rest.get("/health/live"))
    assert single(scrape(hum), name) == single(before, name) + 1


def test_times_add_up(hum, alice):
    ok(alice.get("/v1/users/me"))
    numbers = scrape(hum)
    labels = (("route", "/v1/users/me"), ("method", "GET"))
    counted = sum(value for (name, key), value in numbers.items()
                  if name == "hum_api_requests_total" and key[:2] == labels)
    steps = [(key[2][1], value) for (name, key), value in numbers.items()
             if name == "hum_api_request_seconds_bucket" and key[:2] == labels]
    values = [value for _, value in steps]
    assert values == sorted(values) and steps[-1] == ("+Inf", counted)
    assert [bound for bound, _ in steps[:-1]] == sorted((b for b, _ in steps[:-1]), key=float)
    assert numbers["hum_api_request_seconds_count", labels] == counted
    assert numbers["hum_api_request_seconds_sum", labels] > 0


def test_nothing_that_a_client_writes_is_shown(hum):
    word = unique("mark")
    hum.rest.get(f"/v1/{word}")
    hum.rest.get(f"/v1/users/me?{word}={word}", **{word: word})
    raw.request(hum, word, "/v1/users/me")
    raw.request(hum, "GET", "/health/live", headers=[f"X-Request-Id: {word}"])
    assert word not in hum.rest.get("/metrics").text


def test_the_pool(hum, alice):
    assert single(scrape(hum), "hum_api_pool_size") == 8
    eventually(lambda: single(scrape(hum), "hum_api_pool_open") == 8)
    eventually(lambda: single(scrape(hum), "hum_api_pool_in_use") == 0)
    assert single(scrape(hum), "hum_api_database_up") == 1
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select from users where id = %s for update", [alice.id])
        change = threading.Thread(target=alice.patch, args=("/v1/users/me", {"about": "x"}))
        change.start()
        eventually(lambda: single(scrape(hum), "hum_api_pool_in_use") == 1)
        # Whose answer is out may still be counted for a moment.
        eventually(lambda: single(scrape(hum), "hum_api_requests_running") == 2)
    change.join()
    eventually(lambda: single(scrape(hum), "hum_api_requests_running") == 1)


def test_waiting_for_a_connection_counts(hum):
    people = [hum.sign_up() for _ in range(9)]
    before = scrape(hum)
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select from users where id = any (%s) for update", [[int(p.id) for p in people]])
        changes = [threading.Thread(target=p.patch, args=("/v1/users/me", {"about": "x"})) for p in people]
        for change in changes:
            change.start()
        # Its own look into the database has to wait, too.
        eventually(lambda: single(scrape(hum), "hum_api_pool_waits_total")
                   > single(before, "hum_api_pool_waits_total"))
    for change in changes:
        change.join()
    eventually(lambda: single(scrape(hum), "hum_api_pool_in_use") == 0)


def test_permits_for_passwords(hum):
    numbers = scrape(hum)
    assert single(numbers, "hum_api_password_permits") == os.cpu_count()
    assert single(numbers, "hum_api_password_permits_in_use") == 0
    assert single(numbers, "hum_api_password_waits_total") >= single(numbers, "hum_api_password_timeouts_total")


def test_work_that_waits(hum):
    """One that is due later, but not so late that it counts as the clock's mistake; others may come and go."""
    job = hum.database.value("insert into jobs (kind, room_id, actor_id, data, run_at)"
                             " values (1, 1, 1, '{}', now() + interval '9 minutes') returning id")
    try:
        eventually(lambda: single(scrape(hum), "hum_jobs_waiting") ==
                   hum.database.value("select count(*) from jobs") >= 1)
        eventually(lambda: abs(single(scrape(hum), "hum_jobs_oldest_milliseconds") -
                               float(hum.database.value(JOB_AGE))) < 60000)
    finally:
        hum.database.rows("delete from jobs where id = %s returning id", job)


def test_events(hum, alice):
    numbers = scrape(hum)
    assert single(numbers, "hum_events_rows") >= 0
    first = hum.database.value("select extract(epoch from now() - min(at)) * 1000 from events")
    assert abs(single(numbers, "hum_events_oldest_milliseconds") - float(first)) < 60000


def test_without_a_database(new_instance):
    hum = new_instance()
    hum.up()
    postmaster = hum.pid("postgres")
    os.kill(postmaster, signal.SIGINT)
    eventually(lambda: not alive(postmaster))
    numbers = scrape(hum)
    assert single(numbers, "hum_api_database_up") == 0
    assert ("hum_jobs_waiting", ()) not in numbers
