"""Sessions as devices: listed, ended one by one, and all but one when the password changes."""

import threading

import pytest

from lib.mqtt import eventually
from lib.race import patiently, race
from lib.rest import Rest, many_devices, ok, problem, refused_member, unique

NEW = "battery staple"


def listed(person):
    return {s["id"]: s for s in person.pages("/v1/auth/sessions", 100)[0]}


def works(person):
    return Rest(person.url, person.session["access_token"]).get("/v1/users/me").status_code == 200


def refresh(hum, person):
    return hum.rest.post("/v1/auth/refresh", {"refresh_token": person.session["refresh_token"]})


def login(hum, person, password=None, **more):
    return hum.rest.post("/v1/auth/login", {"email": person.email, "password": password or person.password, **more})


def change(person, new=NEW, **more):
    return person.post("/v1/auth/password", {"old": person.password, "new": new, **more})


def take_password(hum, person):
    """What an account is like that came by an identity provider."""
    hum.database.rows("delete from user_passwords where user_id = %s", person.id)


def test_a_session_that_has_ended_is_not_asked_for_again(hum):
    """Its token costs neither a signature nor a query from then on. As no session comes back, we can tell."""
    person = hum.sign_up()
    assert works(person)
    hum.database.rows("update sessions set revoked_at = now() where id = %s", person.sid)
    eventually(lambda: not works(person))
    hum.database.rows("update sessions set revoked_at = null where id = %s", person.sid)
    assert not works(person)


# --- the list ---


def test_the_list_shows_each_device(hum):
    phone = hum.sign_up(device={"name": "Alice's phone", "kind": "mobile"})
    desktop = ok(login(hum, phone, device={"name": "<b>\"desk\"</b>", "kind": "desktop"}))
    unnamed = ok(login(hum, phone))
    found = listed(phone)
    assert list(found) == sorted(found, key=int) == [phone.sid, desktop["session_id"], unnamed["session_id"]]
    assert [s["device"] for s in found.values()] == [
        {"name": "Alice's phone", "kind": "mobile"}, {"name": "<b>\"desk\"</b>", "kind": "desktop"},
        {"name": "", "kind": ""}]
    assert [s["current"] for s in found.values()] == [True, False, False]
    for session in found.values():
        assert session["created_at"] <= session["last_seen_at"]
    there = Rest(hum.http_url, desktop["access_token"], hum.http)
    assert [s["current"] for s in ok(there.get("/v1/auth/sessions"))["items"]] == [False, True, False]


def test_the_list_by_pages(hum):
    person = hum.sign_up()
    ids = [person.sid, *(ok(login(hum, person))["session_id"] for _ in range(4))]
    items, pages = person.pages("/v1/auth/sessions", 2)
    assert [s["id"] for s in items] == ids and pages == 3
    assert person.pages("/v1/auth/sessions", 5)[1] == 1
    problem(person.get("/v1/auth/sessions", cursor="x"), 400, "invalid_request")


def test_what_has_ended_is_not_listed(hum):
    person = hum.sign_up()
    out, late = person.sign_in(), person.sign_in()
    ok(out.post("/v1/auth/logout"), 204)
    hum.database.rows("update sessions set expires_at = now() where id = %s", late.sid)
    assert list(listed(person)) == [person.sid]


# --- ending one ---


def test_one_device_signs_another_out(hum):
    person = hum.sign_up()
    lost, kept = person.sign_in(), person.sign_in()
    assert works(lost) and works(kept)
    ok(person.delete(f"/v1/auth/sessions/{lost.sid}"), 204)
    assert not works(lost), "at once"
    problem(refresh(hum, lost), 401, "invalid_token")
    assert works(person) and works(kept)
    assert list(listed(person)) == [person.sid, kept.sid]
    problem(person.delete(f"/v1/auth/sessions/{lost.sid}"), 404, "not_found")


def test_the_caller_s_own(hum):
    person = hum.sign_up()
    ok(person.delete(f"/v1/auth/sessions/{person.sid}"), 204)
    assert not works(person)


def test_that_of_somebody_else_stays(hum, alice):
    person = hum.sign_up()
    problem(alice.delete(f"/v1/auth/sessions/{person.sid}"), 404, "not_found")
    assert works(person)


def test_ends_that_race_make_one_event(hum):
    person = hum.sign_up()
    lost = person.sign_in()
    answers = race(*[patiently(lambda: person.delete(f"/v1/auth/sessions/{lost.sid}"))] * 8)
    assert sorted(a.status_code for a in answers) == [204] + [404] * 7
    events = "select count(*) from events where kind = 'SessionRevoked' and actor_id = %s"
    assert hum.database.value(events, person.id) == 1


# --- another password ---


def test_another_password_ends_the_other_sessions(hum):
    person, stranger = hum.sign_up(), hum.sign_up()
    others = [person.sign_in() for _ in range(3)]
    assert all(map(works, others))
    ok(change(person), 204)
    assert works(person), "the one that changed it goes on"
    ok(refresh(hum, person))
    assert not any(map(works, others)), "at once"
    for other in others:
        problem(refresh(hum, other), 401, "invalid_token")
    assert list(listed(person)) == [person.sid]
    problem(login(hum, person), 401, "invalid_credentials")
    ok(login(hum, person, NEW))
    assert works(stranger)
    stored = hum.database.value("select hash from user_passwords where user_id = %s", person.id)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$") and NEW not in stored


def test_only_with_the_old_one(hum):
    person = hum.sign_up()
    other = person.sign_in()
    problem(person.post("/v1/auth/password", {"old": "not the password", "new": NEW}), 401, "invalid_credentials")
    refused_member(person.post("/v1/auth/password", {"new": NEW}), "old", None)
    assert works(other)
    ok(login(hum, person))
    problem(login(hum, person, NEW), 401, "invalid_credentials")


@pytest.mark.parametrize("new", [None, "", "1234567", "p" * 129, 12345678, "1234567\u0000", ["x" * 8]], ids=repr)
def test_what_is_no_password(hum, alice, new):
    refused_member(change(alice, new), "new", new)
    assert works(alice)


def test_a_first_password_is_for_who_has_just_signed_in(hum):
    person = hum.sign_up()
    other = person.sign_in()
    take_password(hum, person)
    old = "update sessions set created_at = now() - interval '6 minutes' where id = %s"
    hum.database.rows(old, person.sid)
    problem(person.post("/v1/auth/password", {"new": NEW}), 403, "forbidden")
    ok(other.post("/v1/auth/password", {"new": NEW}), 204)
    assert works(other) and not works(person)
    ok(login(hum, person, NEW))
    refused_member(other.post("/v1/auth/password", {"new": "another one"}), "old", None)


def test_a_session_that_was_ended_changes_nothing(hum):
    person = hum.sign_up()
    token = person.session["access_token"]
    hum.database.rows("update sessions set revoked_at = now() where id = %s", person.sid)  # not by this server
    problem(Rest(hum.http_url, token).post("/v1/auth/password", {"old": person.password, "new": NEW}), 401,
            "unauthorized")
    ok(login(hum, person))


def test_changes_that_race_leave_one_password_and_one_session(hum):
    person = hum.sign_up()
    devices = [person, *(person.sign_in() for _ in range(5))]
    words = [unique("password-") for _ in devices]
    answers = race(*[patiently(lambda d=d, w=w: change(d, w)) for d, w in zip(devices, words)])
    done = [i for i, a in enumerate(answers) if a.status_code == 204]
    assert len(done) == 1, [a.text for a in answers]
    assert {a.status_code for i, a in enumerate(answers) if i != done[0]} == {401}
    assert [works(d) for d in devices] == [i == done[0] for i in range(len(devices))]
    assert [login(hum, person, w).status_code for w in words] == [200 if i == done[0] else 401
                                                                  for i in range(len(words))]


def test_a_sign_in_with_the_old_password_that_is_under_way(hum):
    """It has tried the password, and comes to write its session only once another one is in force."""
    blocked = """select count(*) from pg_stat_activity a join pg_locks l using (pid)
                 where not l.granted and a.usename = 'hum_api'"""
    for _ in range(8):  # a lock is waited for 2 s: a machine in trouble needs another try
        person = hum.sign_up()
        with hum.database.session() as cursor:
            cursor.execute("begin")
            cursor.execute("select from users where id = %s for update", (person.id,))
            answers = []
            signing_in = threading.Thread(target=lambda: answers.append(login(hum, person)))
            signing_in.start()
            eventually(lambda: answers or hum.database.value(blocked))
            changed = change(person)
            cursor.execute("rollback")
        signing_in.join()
        if changed.status_code == 204 and answers[0].status_code != 503:
            problem(answers[0], 401, "invalid_credentials")
            assert list(listed(person)) == [person.sid]
            return
    raise AssertionError("never fast enough")


# --- when it was seen last ---


def seen(hum, person, ago=None):
    """Whether a session was seen just now; or, of long ago, makes it so."""
    if ago:
        hum.database.rows("update sessions set last_seen_at = now() - %s::interval where id = %s", ago, person.sid)
    return hum.database.value("select last_seen_at > now() - interval '5 minutes' from sessions where id = %s",
                              person.sid)


def test_a_session_is_seen(hum):
    person = hum.sign_up()
    other = person.sign_in()
    for session in (person, other):
        assert not seen(hum, session, "1 hour")
    before = listed(person)  # and that was it
    eventually(lambda: seen(hum, person))
    assert not seen(hum, other)
    after = listed(person)
    assert after[person.sid]["last_seen_at"] > before[person.sid]["last_seen_at"]
    assert after[other.sid] == before[other.sid]


def test_it_is_written_once_in_some_minutes(hum):
    often, mark = hum.sign_up(), hum.sign_up()
    seen(hum, often, "1 hour")
    ok(often.get("/v1/users/me"))
    eventually(lambda: seen(hum, often))
    again = Rest(hum.http_url, ok(refresh(hum, often))["access_token"], hum.http)  # a token that is not remembered
    seen(hum, often, "1 hour")
    for caller in (often, again):
        ok(caller.get("/v1/users/me"))
    seen(hum, mark, "1 hour")
    ok(mark.get("/v1/users/me"))
    eventually(lambda: seen(hum, mark))
    assert not seen(hum, often)


def test_nobody_waits_for_it(hum):
    """Somebody holds the row: requests go on, and the others are written."""
    held, free = hum.sign_up(), hum.sign_up()
    for session in (held, free):
        seen(hum, session, "1 hour")
    with hum.database.session() as cursor:
        cursor.execute("begin")
        cursor.execute("select from sessions where id = %s for update", (held.sid,))
        ok(held.get("/v1/users/me"))
        ok(free.get("/v1/users/me"))
        eventually(lambda: seen(hum, free))
        cursor.execute("rollback")
    assert not seen(hum, held)


def test_a_hundred_devices_and_no_more(hum):
    """Those that were seen longest ago make room; nobody else's do."""
    person, other = hum.sign_up(), hum.sign_up()
    hum.database.rows("insert into sessions (id, user_id, refresh_seed, expires_at, last_seen_at)"
                      " select hum_id(), %s, '', now() + interval '1 day', now() - i * interval '1 minute'"
                      " from generate_series(1, 99) i", person.id)
    oldest = "select id::text from sessions where user_id = %s and revoked_at is null order by last_seen_at limit 2"
    first, second = (r[0] for r in hum.database.rows(oldest, person.id))
    fresh = [person.sign_in(), person.sign_in()]
    left = listed(person)
    assert len(left) == 100
    assert not {first, second} & set(left) and {person.sid, *(f.sid for f in fresh)} <= set(left)
    events = hum.database.rows("select data ->> 'session' from events where kind = 'SessionRevoked' and actor_id = %s"
                               " order by id", person.id)
    assert [e[0] for e in events] == [first, second]
    assert works(other)


def test_the_surplus_of_devices_is_refused_at_once(hum):
    """Not when a token that is remembered is next looked at."""
    person = hum.sign_up()
    many_devices(hum.database, person)
    ok(person.get("/v1/users/me"))
    person.sign_in()
    problem(person.get("/v1/users/me"), 401, "unauthorized")
