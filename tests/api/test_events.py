"""The outbox: other systems read all that happened, once, in an order that stays."""

import random
import threading

import pytest

from lib.mqtt import eventually
from lib.rest import Rest, befriend, ok, problem, unique
from lib.routes import ROUTES, fill, name


@pytest.fixture(scope="module")
def token(hum):
    return hum.service_token(unique("service"))


@pytest.fixture(scope="module")
def service(hum, token):
    return Rest(hum.http_url, token, hum.http)


def end(database):
    """The cursor of the last event that may be read, written like one of the API's."""
    rows = database.rows("select xid::text || '.' || id from events"
                         " where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid desc, id desc limit 1")
    return rows[0][0] if rows else "1.1"


@pytest.fixture
def here(hum):
    return end(hum.database)


def page(service, after, limit=100):
    answer = ok(service.get("/v1/events", limit=limit, **({"after": after} if after else {})))
    assert set(answer) == {"items", "next"}
    assert len(answer["items"]) <= limit
    assert (answer["next"] is None) == (answer["items"] == [])
    return answer["items"], answer["next"] or after


def read(service, after, limit=100):
    """All there is after a cursor, and where to go on."""
    found = []
    while True:
        items, after = page(service, after, limit)
        if not items:
            return found, after
        found += items


def write(cursor, kind):
    cursor.execute("insert into events (kind) values (%s) returning id", (kind,))
    return str(cursor.fetchone()[0])


# --- what is read ---


def test_what_happened_in_order(hum, service, here):
    alice, bob = hum.sign_up(), hum.sign_up()
    befriend(alice, bob)
    found, _ = read(service, here)
    mine = [e for e in found if {e["actor_id"], e["subject_id"]} & {alice.id, bob.id}]
    assert [(e["kind"], e["actor_id"], e["subject_id"]) for e in mine if e["kind"] != "NotificationSent"] == [
        ("UserRegistered", alice.id, alice.id), ("UserRegistered", bob.id, bob.id),
        ("FriendRequestSent", alice.id, bob.id), ("FriendRequestAccepted", bob.id, alice.id)]
    told = [e for e in mine if e["kind"] == "NotificationSent"]
    assert [(e["subject_id"], e["data"]) for e in told] == [
        (bob.id, {"kind": "friend_request_received", "seq": 1}),
        (alice.id, {"kind": "friend_request_accepted", "seq": 1})]
    for event in mine:
        assert set(event) == {"id", "kind", "actor_id", "subject_id", "data", "at"}
        assert event["at"].endswith("Z") and len(event["at"]) == 24


def test_pages_of_every_size(hum, service, here):
    with hum.database.session() as cursor:
        ids = [write(cursor, "Pages") for _ in range(11)]
    for limit in (1, 2, 5, 10, 11, 12, 100):
        found, last = read(service, here, limit)
        assert [e["id"] for e in found if e["kind"] == "Pages"] == ids
        assert page(service, last) == ([], last)


def test_without_a_cursor_it_begins_with_the_oldest(hum, service):
    hum.sign_up()
    oldest = hum.database.value("select id::text from events order by xid, id limit 1")
    assert page(service, None, 1)[0][0]["id"] == oldest


def test_limits(hum, service):
    hum.database.rows("insert into events (kind) select 'Limits' from generate_series(1, 101)")
    for asked, shown in (("0", 1), ("1", 1), ("100", 100), ("1000", 100), ("9" * 30, 100), ("", None), ("x", None),
                         ("-1", None)):
        answer = service.get("/v1/events", limit=asked)
        if shown is None:
            assert "limit" in problem(answer, 400, "invalid_request")["fields"]
        else:
            assert len(ok(answer)["items"]) == shown
    assert len(ok(service.get("/v1/events"))["items"]) == 50


# --- nothing is passed over ---


def test_a_transaction_that_commits_late_is_not_skipped(hum, service, here):
    with hum.database.session(autocommit=False) as late:
        first = write(late, "Late")
        alice = hum.sign_up()  # commits before
        assert alice.id not in [e["actor_id"] for e in read(service, here)[0]], "it stands behind what is not there yet"
        late.connection.commit()
    found, _ = read(service, here)
    order = [e["id"] if e["kind"] == "Late" else e["actor_id"] for e in found]
    assert order.index(first) < order.index(alice.id)


def test_a_transaction_that_writes_its_event_late_is_not_skipped(hum, service, here):
    """What counts is when a transaction wrote anything first, not when the event was made."""
    with hum.database.session(autocommit=False) as late:
        late.execute("select pg_current_xact_id()")
        alice = hum.sign_up()
        second = write(late, "Late")
        assert read(service, here)[0] == []
        late.connection.commit()
    found, _ = read(service, here)
    order = [e["id"] if e["kind"] == "Late" else e["actor_id"] for e in found]
    assert order.index(second) < order.index(alice.id)


def test_what_is_rolled_back_never_happened(hum, service, here):
    with hum.database.session(autocommit=False) as cursor:
        lost = write(cursor, "Lost")
        cursor.connection.rollback()
    alice = hum.sign_up()
    found, _ = read(service, here)
    assert lost not in [e["id"] for e in found] and alice.id in [e["actor_id"] for e in found]


WRITERS, ROUNDS = 4, 25


def keep_writing(database, seed, kind, written):
    """Transactions of one to five events, held open for a while, some rolled back."""
    chance = random.Random(seed)
    with database.session(autocommit=False) as cursor:
        for _ in range(ROUNDS):
            ids = [write(cursor, kind) for _ in range(chance.randint(1, 5))]
            cursor.execute("select pg_sleep(%s)", (chance.choice([0, 0, 0.002, 0.02]),))
            if chance.random() < 0.2:
                cursor.connection.rollback()
            else:
                cursor.connection.commit()
                written.update(ids)


def keep_reading(service, after, limit, writing, found):
    while True:
        last = not writing.is_set()  # looked at before the page: what was written by then is in it
        items, after = page(service, after, limit)
        found += items
        if last and not items:
            return


@pytest.mark.parametrize("seed", range(3))
def test_readers_that_page_while_events_are_added(hum, service, here, seed):
    kind, written, writing = unique("Added"), set(), threading.Event()
    found = [[] for _ in range(3)]
    writing.set()
    writers = [threading.Thread(target=keep_writing, args=(hum.database, f"{seed}.{i}", kind, written))
               for i in range(WRITERS)]
    readers = [threading.Thread(target=keep_reading, args=(service, here, limit, writing, found[i]))
               for i, limit in enumerate((1, 3, 100))]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    eventually(lambda: end(hum.database) == hum.database.value(
        "select xid::text || '.' || id from events order by xid desc, id desc limit 1"))
    writing.clear()
    for thread in readers:
        thread.join()
    for events in found:
        ids = [e["id"] for e in events if e["kind"] == kind]
        assert len(ids) == len(set(ids)), "none twice"
        assert set(ids) == written, "none is missing, and nothing that was rolled back is there"
    assert found[0] == found[1] == found[2], "the same order for all"


# --- who may read ---


def refused(hum, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = hum.rest.call("GET", "/v1/events", headers=headers)
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_tokens_that_are_none(hum, token):
    flipped = token[:-2] + ("B" if token[-2] == "A" else "A") + token[-1]
    digest = hum.database.value("select encode(hash, 'hex') from service_tokens order by id limit 1")
    for wrong in (None, "", "Bearer", "Bearer ", f"Basic {token}", token, f"Bearer {flipped}", f"Bearer {token[:-1]}",
                  f"Bearer {token}A", f"Bearer {token[4:]}", f"Bearer HST_{token[4:]}", f"Bearer hst_{digest}",
                  f"Bearer hst_{'A' * 43}", "Bearer hst_", f"Bearer hst_{'x' * 5000}", "Bearer hst_' or true --",
                  f"Bearer {token},{token}"):
        refused(hum, wrong)
    assert hum.rest.call("GET", "/v1/events", headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_a_person_may_not(hum, alice):
    for secret in (alice.token, alice.session["refresh_token"], alice.mqtt["password"]):
        refused(hum, f"Bearer {secret}")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.auth == "SIGNED_IN"], ids=name)
def test_a_service_is_no_person(service, route):
    problem(service.call(route.method, fill(route.path), json={}), 401, "unauthorized")


def test_a_token_that_is_revoked(hum):
    label = unique("gone")
    service = Rest(hum.http_url, hum.service_token(label), hum.http)
    ok(service.get("/v1/events"))
    done = hum.run("service-token", "revoke", label)
    assert done.returncode == 0 and label in done.stdout
    problem(service.get("/v1/events"), 401, "unauthorized")
    again = Rest(hum.http_url, hum.service_token(label), hum.http)
    ok(again.get("/v1/events"))
    problem(service.get("/v1/events"), 401, "unauthorized")


def test_its_use_is_noted_once_a_minute(hum):
    label = unique("used")
    service = Rest(hum.http_url, hum.service_token(label), hum.http)

    def used_after(age):
        """When it counts as used by, once it was used for the last time that many seconds ago."""
        hum.database.rows("update service_tokens set last_used_at = now() - %s * interval '1 second'"
                          " where name = %s", age, label)
        before = hum.database.value("select last_used_at from service_tokens where name = %s", label)
        ok(service.get("/v1/events"))
        return hum.database.value("select last_used_at from service_tokens where name = %s", label) != before

    assert used_after(None), "for the first time"
    assert not used_after(1)
    assert used_after(61)


# --- cursors ---


@pytest.mark.parametrize("cursor", [
    "", "x", "1", "1.", ".1", ".", "0.0", "0.1", "1.0", "-1.1", "1.-1", "+1.1", "01.1", "1.01", "1.1.1", "1,1", "1 1",
    " 1.1", "1.1 ", "1e3.1", "0x1.1", "9223372036854775808.1", "1.9223372036854775808", "1.1\0", "1.1\n", "\uff11.1",
    "1.1;select", "'1'.1", "9" * 1000, "null", "1.NaN",
    "9223372036854775807.1", "9223372036854775807.9223372036854775807",
], ids=repr)
def test_what_is_no_cursor(service, cursor):
    assert "after" in problem(service.get("/v1/events", after=cursor), 400, "invalid_request")["fields"]


@pytest.mark.parametrize("query", ["after=1.1&after=1.1", "after=%ff", "after=%", "after=1%2"])
def test_cursors_that_are_not_well_formed(service, query):
    assert "after" in problem(service.call("GET", f"/v1/events?{query}"), 400, "invalid_request")["fields"]


def test_a_cursor_that_nobody_was_given_yet(hum, service):
    """One of another database, or of the time before a restore: said at once, rather than nothing for ever."""
    ahead = hum.database.value("select pg_current_xact_id()::text::bigint + 1000")
    assert "after" in problem(service.get("/v1/events", after=f"{ahead}.1"), 400, "invalid_request")["fields"]


# --- what is kept ---


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_is_overtaken_is_told(hum, service, seed):
    """Whatever is removed while it pages: it goes on without a gap, or it hears that there is one."""
    chance, kind = random.Random(seed), unique("Overtaken")
    hum.database.value("select hum_sweep_events(0, 1000000)")  # what other tests have left
    with hum.database.session() as cursor:
        ids = [write(cursor, kind) for _ in range(300)]
    place = {number: i for i, number in enumerate(ids)}
    after, last, told, read_in_all = None, None, 0, 0
    while last != ids[-1]:
        if chance.random() < 0.5:
            hum.database.value("select hum_sweep_events(0, %s)", chance.randint(1, 12))
        answer = service.get("/v1/events", limit=chance.randint(1, 10), **({"after": after} if after else {}))
        if answer.status_code == 410:
            after, last, told = None, None, told + 1
            continue
        page = ok(answer)
        for number in (e["id"] for e in page["items"] if e["kind"] == kind):
            assert last is None or place[number] == place[last] + 1, "something was passed over"
            last, read_in_all = number, read_in_all + 1
        after = page["next"] or after
        if not page["items"]:
            break  # all that was left has been removed
    assert told > 0 and read_in_all > 0


def test_events_are_kept_for_a_set_time(new_instance):
    hum = new_instance(HUM_EVENTS_DAYS="2")
    hum.up()
    service = Rest(hum.http_url, hum.service_token("reader"), hum.http)
    hum.database.rows("insert into events (kind, at) select 'Old', now() - interval '49 hours'"
                      " from generate_series(1, 1700)")
    _, first = page(service, None, 1)
    hum.database.rows("insert into events (kind, at) select 'Young', now() - interval '47 hours'"
                      " from generate_series(1, 20)")
    hum.down()
    hum.up()
    count = "select count(*) from events where kind = %s"
    eventually(lambda: hum.database.value(count, "Old") == 0)
    problem(service.get("/v1/events", after=first), 410, "events_expired")
    place = hum.database.value("select xid::text || '.' || id from events_swept")
    assert [e["kind"] for e in read(service, place)[0]][:20] == ["Young"] * 20, "nothing is lost behind that one"
    assert [e["kind"] for e in read(service, None)[0]][:20] == ["Young"] * 20
    assert hum.database.value(count, "Young") == 20
