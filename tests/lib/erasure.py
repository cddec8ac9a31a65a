"""Accounts that are erased, and what is left of them."""

from lib.mqtt import eventually
from lib.rest import Rest, ok

DELETED = "deleted user"


def erase(person):
    ok(person.delete("/v1/users/me", json={"password": person.password}), 204)


def cleared(database, user):
    """Waits until the job has done what was left for later."""
    eventually(lambda: not database.rows("select 1 from jobs where kind = 3 and room_id = %s", user))
    eventually(lambda: not database.rows("select 1 from jobs where actor_id = %s", user))


def tombstone(user):
    return {"id": user, "nickname": DELETED, "about": "", "avatar_url": None, "deleted": True}


def columns(database):
    """(table, column) of all that refers to people."""
    return database.rows(
        "select c.conrelid::regclass::text, a.attname from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
        " where c.contype = 'f' and c.confrelid = 'users'::regclass and cardinality(c.conkey) = 1")


def references(database, user):
    """Tables in which something refers to a person, but for the DMs, which stay."""
    found = {table for table, column in columns(database)
             if database.rows(f"select 1 from {table} where {column} = %s limit 1", user)}
    return found - {"dms"}


def dump(database):
    """Every row of every table, as text."""
    tables = [r[0] for r in database.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1")]
    return {t: [r[0] for r in database.rows(f'select x::text from "{t}" x')] for t in tables}


def holding(database, *words):
    """(table, row) of the rows that hold one of the words, whatever its case."""
    return [(table, row) for table, rows in dump(database).items() for row in rows
            if any(w.lower() in row.lower() for w in words)]


def sign_in(person):
    return Rest(person.url, http=person.http).post(
        "/v1/auth/login", {"email": person.email, "password": person.password})
