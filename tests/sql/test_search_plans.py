"""Search among many: what is read does not grow with how many there are."""

import json

import pytest

from lib.statements import of_the_api

MANY = 60_000
SHOWN, SIMILAR = 50, 3000  # a page; what similar names are taken from
FREQUENT = 10_000  # names that a trigram is looked for in
STATEMENTS = dict(of_the_api())


@pytest.fixture(scope="module")
def crowd(db):
    """Four beginnings among all nicknames, a number behind; somebody who has blocked many of them, and is blocked."""
    db.rows("""
        insert into users (id, email, nickname, nickname_key)
            select i, 'p' || i || '@example.org', n, n from
                (select i, (array['nightingale', 'kingfisher', 'goldfinch', 'user-'])[i %% 4 + 1] || md5(i::text) as n
                 from generate_series(1, %s) i) x;
        insert into users (id, email, nickname, nickname_key)
            values (%s, 'rare@example.org', 'Hoopoe', 'hoopoe');
        insert into blocks (user_id, blocked_id) select 7, i from generate_series(100, 1099) i;
        insert into blocks (user_id, blocked_id) select i, 7 from generate_series(2000, 2999) i;
    """, MANY, MANY + 1)
    db.rows("""
        insert into rooms (id, kind) select i + 1000000, 2 from generate_series(1, %s) i;
        insert into servers (id, owner_id, name, public, deleted_at)
            select i + 1000000, 1, (array['Chess', 'Nightingale', 'Users'])[i %% 3 + 1] || ' of ' || md5(i::text), i %% 50 > 0,
                   case when i %% 50 = 1 then now() end
            from generate_series(1, %s) i;
    """, MANY // 3, MANY // 3)
    db.rows("vacuum analyze users")
    db.rows("vacuum analyze servers")
    db.rows("analyze blocks")
    return db


@pytest.fixture
def cur(crowd):
    with crowd.session() as cursor:
        cursor.execute("load 'auto_explain'")
        cursor.execute("set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
                       "set auto_explain.log_analyze = on; set auto_explain.log_format = json;"
                       "set auto_explain.log_timing = off; set client_min_messages = log")
        cursor.execute(f"prepare search as {STATEMENTS['users_search']}")
        cursor.execute(f"prepare servers as {STATEMENTS['servers_search']}")
        yield cursor


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def run(cursor, key, after="", user=7):
    """(id, key, rank) of the people found, and the plan nodes of it all that touched a table or an index."""
    return explained(cursor, "nickname_key", "execute search (%s, %s, 0, %s, %s)", user, key, after, SHOWN)


def explained(cursor, key_name, sql, *values):
    del cursor.connection.notices[:]
    cursor.execute(sql, values)
    at = [[c.name for c in cursor.description].index(name) for name in ("id", key_name, "rank")]
    rows = [tuple(row[i] for i in at) for row in cursor.fetchall()]
    plans = [json.loads(n[n.index("{"):])["Plan"] for n in cursor.connection.notices if '"Plan"' in n]
    found = [n for p in plans for n in nodes(p) if n["Actual Loops"] > 0]
    return rows, [n for n in found if "Relation Name" in n or "Index Name" in n]


def read(found):
    """How many rows of the tables were looked at."""
    return sum((n["Actual Rows"] + n.get("Rows Removed by Filter", 0) + n.get("Rows Removed by Index Recheck", 0))
               * n["Actual Loops"] for n in found if "Relation Name" in n)


def yielded(found):
    """How many places in the tables the trigrams' indexes named."""
    return sum(n["Actual Rows"] * n["Actual Loops"] for n in found if n["Node Type"] == "Bitmap Index Scan")


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("key", ["nightingale", "n", "nightingale0", "goldfinch", "hoopoe", "kigfisher", "hopoe",
                                 "nighitngale", "goldfihcn", "usser-x", "uxxxxser", "ser12use", "-use-ser", "user-zzz",
                                 "finch", "nobody", "zz", "ing", "gal", "---", "a-b-c", "%%%", "\\\\\\", "___", "日本語"])
def test_a_search_reads_a_bounded_number_of_rows(cur, key, mode):
    cur.execute(f"set plan_cache_mode = {mode}")
    rows, found = run(cur, key)
    assert found
    assert not [n for n in found if n["Node Type"] == "Seq Scan"], found
    # A row of the page is read by its key once more, and for each similar one two blocks are looked for; those whom
    # one has blocked are passed over.
    assert read(found) <= 2 * SIMILAR + 5 * SHOWN, [(n["Node Type"], n["Actual Rows"], n["Actual Loops"]) for n in found]
    assert yielded(found) <= FREQUENT, "a quarter of all names would be more"
    begins = [r[1].startswith(key) for r in rows]
    assert begins == sorted(begins, reverse=True), "a prefix first"


@pytest.mark.parametrize("typed", ["hopoe", "ohopoe", "hoopo", "hoope", "hoppoe", "hooppoe", "xhoopoe", "HOOPO".lower()])
def test_who_is_alone_with_a_name_is_found_whatever_the_typing_error(cur, typed):
    assert "hoopoe" in [r[1] for r in run(cur, typed)[0]]


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("error", ["swapped", "left out", "twice", "another"])
def test_one_among_many_is_found_whatever_the_typing_error(cur, crowd, at, error):
    """All begin the same; this one's number tells."""
    key = crowd.value("select nickname_key from users where id = 4242")
    one, two = key[at], key[at + 1]
    typed = key[:at] + {"swapped": two + one, "left out": two, "twice": one + one + two, "another": "q" + two}[error] + key[at + 2:]
    assert key in [r[1] for r in run(cur, typed)[0]]


@pytest.mark.parametrize("share, common", [(1, False), (5, False), (60, True)])
def test_a_common_name_counts_with_all_who_have_it(crowd, share, common):
    """Servers may share a name: in the statistics that is no part of the sample."""
    with crowd.session(autocommit=False) as cursor:
        cursor.execute("update servers set name = 'Zebra' where id %% 100 < %s", (share,))
        cursor.execute("insert into rooms (id, kind) select i + 2000000, 2 from generate_series(1, 20000) i;"
                       "insert into servers (id, owner_id, name, public)"
                       " select i + 2000000, 1, 'Aardvark ' || md5(i::text), true from generate_series(1, 20000) i;"
                       "analyze servers")
        cursor.execute("select hum_search_patterns('zebra', 'servers', 'name_key') is null")
        assert cursor.fetchone() == (common,)


@pytest.mark.parametrize("key", ["nightingale", "nighitngale", "chess fo", "uesrs of", "susers", "a-b-c", "%%%", "of"])
def test_a_search_of_servers_does_as_well(cur, key):
    cur.execute("set plan_cache_mode = force_generic_plan")
    rows, found = explained(cur, "name_key", "execute servers (7, %s, 0, '', 0, %s)", key, SHOWN)
    assert not [n for n in found if n["Node Type"] == "Seq Scan"], found
    assert read(found) <= SIMILAR + 5 * SHOWN, [(n["Node Type"], n["Actual Rows"], n["Actual Loops"]) for n in found]
    assert not {i for i, _, _ in rows} & {1000000 + i for i in range(MANY) if i % 50 < 2}, "private, or deleted"


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
    assert seen == [r[0] for r in wanted] and len(seen) > 500


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
