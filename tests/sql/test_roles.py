"""What the daemons' roles may do, and what not."""

import contextlib

import psycopg2
import pytest

from lib.database import Database
from lib.log import APPENDED, append, make_room, message

BROKER_FUNCTIONS = {"hum_append", "hum_append_texts", "hum_access", "hum_recent_users", "hum_room_tail",
                    "hum_room_heads", "hum_mark_read", "hum_set_aside", "hum_sessions_seen"}
API_FUNCTIONS = {"hum_append", "hum_amend", "hum_ids", "hum_id", "hum_may_write", "hum_purge",
                 "hum_erase", "hum_notice", "hum_similar_servers", "hum_set_avatar", 
                 "hum_similar_users", "hum_sweep_events", "hum_sessions_seen", "hum_sweep_sessions"}


@pytest.fixture(scope="module", params=["broker", "api"])
def role(request, roles):
    return roles[request.param]


def refused(database, sql, *values):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.rows(sql, *values)


def test_the_roles_of_a_running_instance_are_members_of_these(hum):
    for part in ("broker", "api"):
        as_daemon = hum.daemon_database(part)
        assert as_daemon.value("select pg_has_role('hum_' || %s || '_role', 'member')", part)


def test_no_role_has_powers(role):
    powers = role.rows(
        "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
        " from pg_roles where pg_has_role(oid, 'member')")
    assert powers and all(not any(row) for row in powers)


@pytest.mark.parametrize("sql", [
    "create table t (id int)",
    "create temp table t (id int)",
    "create schema s",
    "create function f() returns int language sql as 'select 1'",
    "create extension pgcrypto",
    "create role r",
    "create database d",
    "alter table users add column admin boolean",
    "alter table messages disable trigger all",
    "alter function hum_id() cost 1",
    "drop table messages",
    "truncate messages",
    "create index i on users (about)",
    "select setval('hum_last_id', 0)",
    "select nextval('hum_last_id')",
    "select pg_read_file('/etc/hostname')",
    "copy (select 1) to program 'true'",
    "set role hum_test",
    "select * from schema_migrations",
    "alter system set fsync = off",
])
def test_neither_changes_the_schema_or_the_server(role, sql):
    refused(role, sql)


def test_neither_passes_its_rights_on(db, role):
    with contextlib.suppress(psycopg2.errors.InsufficientPrivilege):  # or only a warning
        role.rows("grant select on users to public")
    assert not db.value("select has_table_privilege('public', 'users', 'select')")


def relations(db):
    return [r[0] for r in db.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p', 'v', 'm') order by 1")]


def test_the_broker_touches_no_table(db, roles):
    names = relations(db)
    assert {"users", "sessions", "messages", "messages_00", "user_passwords"} <= set(names)
    for name in names:
        for sql in (f"select * from {name}", f"delete from {name}",
                    f"insert into {name} default values"):
            refused(roles["broker"], sql)
    granted = roles["broker"].rows(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and a.attnum > 0"
        " and c.relkind in ('r', 'p', 'v', 'm')"
        " and has_column_privilege(c.oid, a.attnum, 'select, insert, update, references')")
    assert granted == [], "not even a column"


@pytest.mark.parametrize("part, functions", [("broker", BROKER_FUNCTIONS), ("api", API_FUNCTIONS)])
def test_the_functions_of_a_role(roles, part, functions):
    rows = roles[part].rows(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and has_function_privilege(oid, 'execute')")
    assert {r[0] for r in rows} == functions


# Everything else that the API's role may do with a table, by column where it is by column.
API_TABLES = {
    "users": {"SELECT", "INSERT", "UPDATE(about,email,email_verified_at,nickname,nickname_key)"},
    "avatars": {"SELECT"},
    "user_passwords": {"SELECT", "INSERT", "UPDATE(hash)"},
    "sessions": {"SELECT", "INSERT",
                 "UPDATE(expires_at,last_seen_at,refresh_generation,revoked_at)"},
    "friend_requests": {"SELECT", "INSERT", "DELETE"},
    "friendships": {"SELECT", "INSERT", "DELETE"},
    "blocks": {"SELECT", "INSERT", "DELETE"},
    "rooms": {"SELECT", "INSERT"},
    "dms": {"SELECT", "INSERT"},
    "read_marks": {"SELECT", "INSERT", "UPDATE(seq)"},
    "messages": {"SELECT"},
    "notification_kinds": {"SELECT"},
    "events": {"SELECT", "INSERT"},
    "events_swept": {"SELECT"},
    "service_tokens": {"SELECT", "UPDATE(last_used_at)"},
    "servers": {"SELECT", "INSERT", "UPDATE(about,deleted_at,name,public)"},
    "server_members": {"SELECT", "INSERT", "DELETE"},
    "server_bans": {"SELECT", "INSERT", "DELETE"},
    "server_invites": {"SELECT", "INSERT", "DELETE"},
    "identities": {"SELECT", "INSERT", "UPDATE(email,last_used_at,provider)", "DELETE"},
    "oauth_codes": {"SELECT", "INSERT", "UPDATE(used_at)", "DELETE"},
    "invite_codes": {"SELECT", "INSERT", "DELETE", "UPDATE(uses)"},
    "channels": {"SELECT", "INSERT", "UPDATE(deleted_at)"},
    "channel_visits": {"SELECT", "INSERT"},
    "set_aside": {"SELECT"},
    "channel_members": {"SELECT", "INSERT", "DELETE", "UPDATE(channel_id,joined_at,server_id)"},
    "mail_tokens": {"SELECT", "INSERT", "DELETE", "UPDATE(used_at)"},
    "registrations": {"SELECT", "INSERT", "DELETE", "UPDATE(used_at)"},
    "mail_requests": {"SELECT", "INSERT", "DELETE"},
    "mails": {"SELECT", "INSERT", "DELETE", "UPDATE(next_try_at,tries)"},
    "jobs": {"SELECT", "INSERT", "DELETE", "UPDATE(attempts,run_at,told,told_upto)"},
}


def test_the_tables_of_the_api(db, roles):
    found = {}
    for name in relations(db):
        may = set()
        for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            if roles["api"].value("select has_table_privilege(%s, %s)", name, verb):
                may.add(verb)
        columns = roles["api"].rows(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " and has_column_privilege(attrelid, attnum, 'UPDATE') order by 1", name)
        if columns and "UPDATE" not in may:
            may.add(f"UPDATE({','.join(c[0] for c in columns)})")
        if may:
            found[name] = may
    assert found == API_TABLES


@pytest.mark.parametrize("sql", [
    "update users set id = 1",
    "delete from users",
    "update user_passwords set user_id = 1",
    "update sessions set user_id = 1",
    "update sessions set refresh_seed = ''",
    "delete from sessions",
    "insert into messages (room_id, seq, id, kind, sent_at) values (1, 1, 1, 1, now())",
    "update messages set text = 'x'",
    "delete from messages",
    "update rooms set last_seq = 0",
    "delete from rooms",
    "update dms set user_lo = 1",
    "update events set kind = 'x'",
    "delete from events",
    "update events_swept set xid = '0'",
    "insert into service_tokens (name, hash) values ('x', sha256('x'))",
    "update service_tokens set revoked_at = null",
    "delete from service_tokens",
    "update mail_tokens set seed = sha256('x')",
    "update mails set address = 'x'",
    "select * from messages_03",
])
def test_the_api_may_not(roles, sql):
    refused(roles["api"], sql)


@pytest.mark.parametrize("part", ["broker", "api"])
def test_both_append(db, roles, part):
    room = make_room(db)
    with roles[part].session() as cursor:
        assert append(cursor, [message(room, "n")])[0].status == APPENDED


def test_nobody_else_gets_in(db):
    db.rows("drop role if exists t_stranger; create role t_stranger login password 'x'")
    try:
        stranger = Database(db.params["host"], db.params["dbname"], "t_stranger", "x")
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            stranger.connect()
    finally:
        db.rows("drop role t_stranger")


def test_a_wrong_password_is_refused(hum):
    wrong = Database(hum.home / "run", "hum", "hum_api", "guess")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        wrong.connect()
