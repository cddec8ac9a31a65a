"""What was left for later is done once, whatever happens in between."""

import os
import signal

from lib.mqtt import eventually
from lib.rest import ok, unique
from lib.servers import make_server

MEMBERS = 3000


def fill(database, server):
    """Members with inboxes, past the API; their ids."""
    return [r[0] for r in database.rows("""
        with people as (insert into users (id, email, nickname, nickname_key)
                        select hum_id(), n, n, n from (select %s || i as n from generate_series(1, %s) i) x
                        returning id),
             inboxes as (insert into rooms (id, kind) select id, 4 from people)
        insert into server_members (server_id, user_id) select %s, id from people returning user_id""",
                                       unique("many"), MEMBERS, server)]


def told(database, people):
    return database.value("select count(*) from messages where kind = 22 and room_id = any (%s)", people)


def done(database, server):
    return not database.rows("select 1 from jobs") and not database.rows("select 1 from rooms where id = %s", server)


def check(database, people):
    rows = database.rows("select count(*), max(seq) from messages where room_id = any (%s) group by room_id", people)
    assert len(rows) == MEMBERS and set(rows) == {(1, 1)}, "each is told once"
    assert database.value("select count(*) from events where kind = 'NotificationSent'"
                          " and subject_id = any (%s)", people) == MEMBERS


def test_a_job_goes_on_after_the_api_was_killed(new_instance):
    hum = new_instance()
    hum.up()
    owner = hum.sign_up()
    server = make_server(owner)["id"]
    people = fill(hum.database, server)
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    eventually(lambda: told(hum.database, people))
    os.kill(hum.pid("api"), signal.SIGKILL)
    hum.down()
    hum.up()
    so_far = told(hum.database, people)
    assert so_far % 500 in (0, 499), "whole pieces only; the owner is in one of them"
    eventually(lambda: done(hum.database, server))
    check(hum.database, people)


def test_two_apis_share_a_job(hum):
    """One that another holds is passed over; none is done twice."""
    owner = hum.sign_up()
    server = make_server(owner)["id"]
    people = fill(hum.database, server)
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select told_upto from jobs where room_id = %s for update", (server,))
        held = cursor.fetchone()[0]
        other = make_server(owner)["id"]
        ok(owner.delete(f"/v1/servers/{other}"), 204)
        eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", other))
        cursor.execute("select told_upto from jobs where room_id = %s", (server,))
        assert cursor.fetchone()[0] == held
        cursor.connection.rollback()
    eventually(lambda: done(hum.database, server))
    check(hum.database, people)


def test_a_job_that_fails_is_tried_again_and_stops_no_other(hum):
    owner = hum.sign_up()
    server = make_server(owner)["id"]
    people = fill(hum.database, server)
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select id from rooms where id = %s for update", (people[0],))  # a frozen inbox
        ok(owner.delete(f"/v1/servers/{server}"), 204)
        eventually(lambda: hum.database.rows("select 1 from jobs where room_id = %s and attempts > 0", server))
        other = make_server(owner)["id"]
        ok(owner.delete(f"/v1/servers/{other}"), 204)
        eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", other))
        cursor.connection.rollback()
    eventually(lambda: done(hum.database, server))
    check(hum.database, people)
