"""Search among many: what is read does not grow with how many there are."""

import json

import pytest

from lib.statements import of_the_api

MANY = 60_000
SHOWN, SIMILAR = 50, 2000  # a page; what similar names are taken from
STATEMENT = dict(of_the_api())["users_search"]


@pytest.fixture(scope="module")
def crowd(db):
    """Three first words among all nicknames, a number behind; somebody who has blocked many of them, and is blocked."""
    db.rows("""
        insert into users (id, email, nickname, nickname_key)
            select i, 'p' || i || '@example.org', n, n from
                (select i, (array['nightingale', 'kingfisher', 'goldfinch'])[i %% 3 + 1] || md5(i::text) as n
                 from generate_series(1, %s) i) x;
        insert into users (id, email, nickname, nickname_key)
            values (%s, 'rare@example.org', 'Hoopoe', 'hoopoe');
        insert into blocks (user_id, blocked_id) select 7, i from generate_series(100, 1099) i;
        insert into blocks (user_id, blocked_id) select i, 7 from generate_series(2000, 2999) i;
    """, MANY, MANY + 1)
    db.rows("vacuum analyze users")
    db.rows("analyze blocks")
    return db


@pytest.fixture
def cur(crowd):
    with crowd.session() as cursor:
        cursor.execute("load 'auto_explain'")
        cursor.execute("set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
                       "set auto_explain.log_analyze = on; set auto_explain.log_format = json;"
                       "set auto_explain.log_timing = off; set client_min_messages = log")
        cursor.execute(f"prepare search as {STATEMENT}")
        yield cursor


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def run(cursor, key, rank=0, after="", user=7):
    """(id, key, rank) of the rows, and the plan nodes of it all that touched a table or an index."""
    del cursor.connection.notices[:]
    cursor.execute("execute search (%s, %s, %s, %s, %s)", (user, key, rank, after, SHOWN))
    at = [[c.name for c in cursor.description].index(name) for name in ("id", "nickname_key", "rank")]
    rows = [tuple(row[i] for i in at) for row in cursor.fetchall()]
    plans = [json.loads(n[n.index("{"):])["Plan"] for n in cursor.connection.notices if '"Plan"' in n]
    found = [n for p in plans for n in nodes(p) if n["Actual Loops"] > 0]
    return rows, [n for n in found if "Relation Name" in n or "Index Name" in n]


def read(found):
    """How many rows of the tables were looked at."""
    return sum((n["Actual Rows"] + n.get("Rows Removed by Filter", 0) + n.get("Rows Removed by Index Recheck", 0))
               * n["Actual Loops"] for n in found if "Relation Name" in n)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("key", ["nightingale", "n", "nightingale0", "goldfinch", "hoopoe", "kigfisher", "hopoe",
                                 "finch", "nobody", "zz", "ing", "gal"])
def test_a_search_reads_a_bounded_number_of_rows(cur, key, mode):
    cur.execute(f"set plan_cache_mode = {mode}")
    rows, found = run(cur, key)
    assert found
    assert not [n for n in found if n["Node Type"] == "Seq Scan"], found
    # A row of the page is read by its key once more, and two blocks are looked for; those whom one has blocked
    # are passed over.
    assert read(found) <= 2 * SIMILAR + 5 * SHOWN, [(n["Node Type"], n["Actual Rows"], n["Actual Loops"]) for n in found]
    begins = [r[1].startswith(key) for r in rows]
    assert begins == sorted(begins, reverse=True), "a prefix first"


def test_a_full_page_of_a_prefix_looks_for_nothing_similar(cur):
    rows, found = run(cur, "nightingale")
    assert len(rows) == SHOWN and all(r[1].startswith("nightingale") for r in rows)
    assert "users_similar" not in {n.get("Index Name") for n in found}
    _, found = run(cur, "hoopoe")
    assert "users_similar" in {n.get("Index Name") for n in found}


def test_a_late_page_costs_as_much_as_the_first(cur):
    rows, first = run(cur, "nightingale")
    _, late = run(cur, "nightingale", after="nightingalef")
    assert rows and read(late) <= read(first) + 2 * SHOWN


def test_pages_hold_everybody_once_and_none_who_is_blocked(cur, crowd):
    seen, after = [], ""
    while True:
        rows, _ = run(cur, "kingfisher0", after=after)
        rows = [r for r in rows if r[2] == 0]
        if not rows:
            break
        seen += [r[0] for r in rows]
        after = rows[-1][1]
    wanted = crowd.rows("select id from users where starts_with(nickname_key, 'kingfisher0')"
                        " and not id between 100 and 1099 and not id between 2000 and 2999 order by nickname_key")
    assert seen == [r[0] for r in wanted] and len(seen) > 1000


def test_who_has_no_nickname_is_not_found(cur, crowd):
    """As those are who have erased their account."""
    key = crowd.value("select nickname_key from users where id = 5000")
    cur.execute("begin; alter table users alter nickname_key drop not null")
    cur.execute("select conname from pg_constraint where conrelid = 'users'::regclass and contype = 'c'")
    for (name,) in cur.fetchall():
        cur.execute(f'alter table users drop constraint "{name}"')
    for typed in (key, key[:-1], key[1:]):
        assert 5000 in [r[0] for r in run(cur, typed)[0]]
    cur.execute("update users set nickname_key = null where id = 5000")
    for typed in (key, key[:-1], key[1:]):
        assert 5000 not in [r[0] for r in run(cur, typed)[0]]
    cur.execute("rollback")
