"""The plans of what runs often, on rooms of some size: they probe indexes, and one partition."""

import collections
import json

import pytest

from lib.log import dedup_key
from lib.statements import of_the_api

ROOMS, MESSAGES = 40, 500
EXECUTE = {
    "messages_after": "(%(room)s, 100, 50)",
    "messages_before": "(%(room)s, 400, 50)",
    "messages_between": "(array[%(room)s, %(other)s], array[10, 20], array[30, 60])",
    "message_get": "(%(room)s, 7)",
    "room_get": "(%(user)s, %(room)s)",
    "rooms_list": "(%(user)s, 0, 50)",
    "rooms_access": "(%(user)s, array[%(room)s, %(other)s])",
    "dm_find": "(%(user)s, %(friend)s)",
    "are_friends": "(%(user)s, %(friend)s)",
    "friend_get": "(%(user)s, %(friend)s)",
    "friends_list": "(%(user)s, 0, 7, 50)",
    "session_alive": "(%(session)s, %(user)s)",
    "session_lock": "(%(session)s)",
    "session_end_all": "(%(user)s, 0)",
    "session_end_surplus": "(%(user)s, 100)",
    "session_holder": "(%(session)s, %(user)s)",
    "sessions_list": "(%(user)s, 0, 50)",
    "password_hold": "(%(user)s, 'x')",
    "user_get": "(%(user)s)",
    "user_get_any": "(%(user)s)",
    "account_proof": "(%(user)s, %(session)s)",
    "export_sessions": "(%(user)s, -1, 50)",
    "export_friends": "(%(user)s, -1, 50)",
    "export_requests": "(%(user)s, -1, 50)",
    "export_blocks": "(%(user)s, -1, 50)",
    "export_dms": "(%(user)s, -1, 50)",
    "export_servers": "(%(user)s, -1, 50)",
    "export_bans": "(%(user)s, -1, 50)",
    "export_invites": "(%(user)s, -1, 50)",
    "export_codes": "(%(user)s, -1, 50)",
    "export_channels": "(%(user)s, -1, 50)",
    "export_visits": "(%(user)s, -1, 50)",
    "export_read_marks": "(%(user)s, -1, 50)",
    "export_set_aside": "(%(user)s, -1, 50)",
    "export_room": "(%(user)s, 0)",
    "export_messages": "(%(user)s, %(room)s, 100, 300, 50)",
    "user_by_key": "('p7')",
    "users_search": "(%(user)s, 'p1', 0, '', 50)",
    "block_get": "(%(user)s, %(friend)s)",
    "blocks_list": "(%(user)s, 0, 50)",
    "count_owned": "(%(user)s)",
    "count_joined": "(%(user)s)",
    "count_requests": "(%(user)s)",
    "count_invites": "(%(user)s)",
    "count_blocks": "(%(user)s)",
    "avatar_get": "(%(user)s)",
    "account_by_email": "('P7@example.org')",
    "server_get": "(%(user)s, %(server)s)",
    "server_hold": "(%(user)s, %(server)s)",
    "servers_list": "(%(user)s, 0, 3, 50)",
    "servers_search": "(%(user)s, 'c9f0f895fb98ab9159f51fd0297e236d', 0, '', 0, 50)",
    "is_member": "(%(server)s, %(user)s)",
    "members_list": "(%(server)s, 0, 50)",
    "bans_list": "(%(server)s, 0, 50)",
    "ban_get": "(%(server)s, %(friend)s)",
    "is_banned": "(%(server)s, %(friend)s)",
    "invite_get": "(%(friend)s, 90008)",
    "invites_list": "(%(friend)s, 0, 50)",
    "code_find": "(sha256('7'))",
    "channel_get": "(%(user)s, %(channel)s)",
    "channels_list": "(%(user)s, %(server)s, 0, 50)",
    "channels_count": "(%(server)s)",
    "place_get": "(%(user)s)",
    "channel_members": "(%(channel)s, 0, 50)",
    "job_take": "(1)",
    "job_recall": "",
    "events_after": "('90', 0, 50)",
    "service_find": "(sha256('7'))",
}



@pytest.fixture(scope="module")
def filled(db):
    """Some thousand people, sessions, friendships and DMs, some of them with a log."""
    db.rows("""
        insert into users (id, email, nickname, nickname_key)
            select i, 'p' || i || '@example.org', 'P' || i, 'p' || i from generate_series(1, 4000) i;
        insert into user_passwords select i, 'x' from generate_series(1, 4000) i;
        insert into avatars (hash, body) select sha256(i::text::bytea), i::text::bytea from generate_series(1, 3000) i;
        update users set avatar_hash = sha256(id::text::bytea) where id <= 3000;
        insert into sessions (id, user_id, refresh_seed, expires_at)
            select i + 10000, i, '', now() + interval '1 day' from generate_series(1, 4000) i;
        insert into friendships (user_id, friend_id)
            select a, b from generate_series(1, 4000) a, generate_series(1, 20) d,
                   lateral (select case when d <= 10 then a + d else a - d + 10 end) x(b)
            where b between 1 and 4000;
        insert into friend_requests (from_id, to_id)
            select i, i + 100 from generate_series(1, 3900) i;
        insert into blocks (user_id, blocked_id)
            select i, (i + d * 200 - 1) % 4000 + 1 from generate_series(1, 4000) i, generate_series(1, 10) d;
        insert into rooms (id, kind) select i, 4 from generate_series(1, 4000) i;
        insert into rooms (id, kind) select i + 20000, 1 from generate_series(1, 3999) i;
        insert into read_marks select i, i + 20000, 450 from generate_series(1, 3999) i;
        insert into dms select i + 20000, i, i + 1 from generate_series(1, 3999) i;
    """)
    db.rows("""
        insert into rooms (id, kind) select i + 30000, 2 from generate_series(1, 3000) i;
        insert into servers (id, owner_id, name, public)
            select i + 30000, i, 'Club ' || i || ' ' || md5(i::text), true from generate_series(1, 3000) i;
        insert into server_members (server_id, user_id)
            select s + 30000, s + d from generate_series(1, 3000) s, generate_series(0, 9) d;
        insert into server_bans (server_id, user_id) select i + 30000, i + 1 from generate_series(1, 3000) i;
        insert into server_invites (id, server_id, user_id, inviter_id)
            select i + 90000, i + 30000, i, i + 1 from generate_series(1, 3000) i;
        insert into invite_codes (hash, server_id, creator_id, expires_at)
            select sha256(i::text::bytea), i + 30000, i, now() + interval '1 day'
            from generate_series(1, 3000) i;
        insert into rooms (id, kind) select i + 40000, 3 from generate_series(1, 6000) i;
        insert into channels (id, server_id, name)
            select i + 40000, (i + 1) / 2 + 30000, 'c' from generate_series(1, 6000) i;
        insert into channel_members (user_id, server_id, channel_id)
            select i, i + 30000, 2 * i + 40000 from generate_series(1, 3000) i;
        insert into channel_visits (user_id, channel_id)
            select i, (i + d) % 6000 + 40001 from generate_series(1, 4000) i, generate_series(1, 5) d;
        insert into set_aside (room_id, sender_id, nonce, body, reason)
            select i + 20000, i, 'n', 'x', 'r' from generate_series(1, 4000) i;
        insert into jobs (id, kind, room_id, actor_id, data, run_at)
            select i, 1, i + 30000, i, '{}', now() - i * interval '1 second' from generate_series(1, 3000) i;
        insert into events (id, xid, kind, at)
            select i, (i / 100)::text::xid8, 'k', now() - interval '40 days' from generate_series(1, 20000) i;
        insert into registrations (id, email, hash, seed, expires_at)
            select i, 'p' || i || '@example.org', 'x', sha256(i::text::bytea), now() + interval '1 day'
            from generate_series(1, 3000) i;
        insert into service_tokens (id, name, hash)
            select i, i::text, sha256(i::text::bytea) from generate_series(1, 3000) i;
    """)
    db.rows("""
        insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, sent_at)
            select 20000 + r, s, r * 1000000 + s, r, 1, s::text,
                   substr(sha256(int8send(r) || s::text::bytea)::text, 3, 32)::uuid, 'x', now()
            from generate_series(1, %s) r, generate_series(1, %s) s;
    """, ROOMS, MESSAGES)
    db.rows("update rooms set last_seq = %s where id > 20000 and id <= 20000 + %s", MESSAGES, ROOMS)
    db.rows("analyze")
    return db


@pytest.fixture
def cur(filled):
    with filled.session() as cursor:
        # The plan that stays when a statement has been run a few times.
        cursor.execute("set plan_cache_mode = force_generic_plan")
        yield cursor


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def scans(plan):
    """(kind of scan, table) of every table that was read at all."""
    return [(n["Node Type"], n["Relation Name"]) for n in nodes(plan)
            if "Relation Name" in n and n["Actual Loops"] > 0]


def leading_column(cursor, index):
    """The first column of an index, or of its expression: without it in the condition, all of the
    index is read."""
    cursor.execute("select coalesce(a.attname, 'email') from pg_index i left join pg_attribute a"
                   " on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
                   " where i.indexrelid = %s::regclass", (index,))
    return cursor.fetchone()[0]


VALUES = {"room": "20007::bigint", "other": "20008::bigint", "user": "7", "friend": "8",
          "session": "10007", "server": "30007::bigint", "channel": "40014::bigint"}


# What deletes: done, and taken back.
DELETE = {
    "pending_delete": "(%(user)s, %(friend)s)",
    "block_delete": "(%(user)s, 207)",
    "codes_tidy": "(%(server)s, %(user)s)",
    "codes_delete": "(%(server)s, %(user)s)",
    "request_delete": "(%(user)s, 107)",
    "friendship_delete": "(%(user)s, %(friend)s)",
    "invite_delete": "(%(server)s, %(user)s)",
    "member_delete": "(%(server)s, %(user)s)",
    "place_clear": "(%(user)s)",
}


def explain(cursor, name, arguments):
    cursor.execute(f'explain (analyze, format json) execute "{name}" {arguments % VALUES}')
    ((plan,),) = [json.loads(r[0]) if isinstance(r[0], str) else r[0] for r in cursor.fetchall()]
    return plan


@pytest.mark.parametrize("name, sql", [s for s in of_the_api() if s[0] in DELETE],
                         ids=lambda v: v if v in DELETE else "")
def test_what_deletes_finds_its_rows_by_an_index(cur, name, sql):
    cur.execute("begin")
    cur.execute(f'prepare "{name}" as {sql}')
    plan = explain(cur, name, DELETE[name])
    cur.execute("rollback")
    found = [n for n in nodes(plan["Plan"]) if "Scan" in n["Node Type"] and n["Node Type"] != "CTE Scan"]
    assert found and "Seq Scan" not in {n["Node Type"] for n in found}, found
    for node in found:
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert read * node["Actual Loops"] <= 20, node


@pytest.mark.parametrize("name, sql", [s for s in of_the_api() if s[0] in EXECUTE],
                         ids=lambda v: v if v in EXECUTE else "")
def test_statements_of_the_api(cur, name, sql):
    cur.execute(f'prepare "{name}" as {sql}')
    plan = explain(cur, name, EXECUTE[name])
    found = scans(plan["Plan"])
    assert found or name == "are_friends", plan
    assert not [s for s in found if s[0] == "Seq Scan"], found
    partitions = {table for _, table in found if table.startswith("messages_")}
    assert len(partitions) <= (2 if name in ("messages_between", "rooms_list", "room_get") else 1), found
    for node in nodes(plan["Plan"]):
        if "Index Name" in node and node["Actual Loops"] > 0:
            assert leading_column(cur, node["Index Name"]) in node.get("Index Cond", ""), node
    for node in nodes(plan["Plan"]):
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert read * node["Actual Loops"] <= 300, "read in proportion to what is shown"


def test_these_are_statements_of_the_api():
    names = {name for name, _ in of_the_api()}
    assert set(EXECUTE) | set(DELETE) <= names


def report_plans(cur):
    """From now on the server reports every statement, also those inside functions."""
    cur.execute("load 'auto_explain'")
    cur.execute("set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
                "set auto_explain.log_analyze = on; set auto_explain.log_format = json;"
                "set auto_explain.log_timing = off; set client_min_messages = log;"
                "set plan_cache_mode = auto")


def reported(cur):
    return [json.loads(n[n.index("{"):]) for n in cur.connection.notices if '"Plan"' in n]


def test_the_look_up_of_nonces_probes_the_index(cur):
    """Inside hum_append, as the server itself reports it."""
    report_plans(cur)
    known = [dedup_key(7, str(s)) for s in range(100, 130)]
    for _ in range(7):  # past the custom plans of the first five runs
        del cur.connection.notices[:]
        cur.execute(
            "begin; select count(*) from hum_append(1::smallint, array_fill(20007::bigint, array[30]),"
            " array_fill(7::bigint, array[30]), array_fill('n'::text, array[30]), %s::uuid[],"
            " array_fill('x'::text, array[30]), array_fill(null::bigint, array[30]),"
            " array_fill(null::jsonb, array[30]), true, true); rollback", (known,))
    plans = reported(cur)
    looked_up = [p for p in plans if "dedup_key" in p["Query Text"] and "exists" in p["Query Text"]]
    assert looked_up, "the look-up was not reported"
    for plan in plans:
        found = [s for s in scans(plan["Plan"]) if s[1].startswith(("messages", "rooms"))]
        assert not [s for s in found if s[0] == "Seq Scan"], (plan["Query Text"], found)
        for node in nodes(plan["Plan"]):
            if node.get("Relation Name", "").startswith("messages") and "Scan" in node["Node Type"]:
                assert node["Actual Rows"] <= 40, (plan["Query Text"], node)


def test_an_erasure_probes_indexes(cur):
    """All of it: the transaction, and each piece of what is left for later."""
    cur.execute("begin")
    cur.execute("insert into events (kind, actor_id, data) select 'UserProfileUpdated', i, '{\"about\":\"x\"}'"
                " from generate_series(1, 3000) i")
    cur.execute("analyze events")
    report_plans(cur)
    cur.connection.notices = collections.deque()  # of a list, the last 50 are kept
    texts = set()
    for user in range(1, 9):  # past the custom plans of the first five runs
        cur.connection.notices.clear()
        cur.execute("select hum_erase(%s)", (user,))
        assert cur.fetchone() == (True,)
        more = True
        while more:
            cur.execute("select hum_purge(%s, 500)", (user,))
            (more,) = cur.fetchone()
        plans = reported(cur)
        texts |= {p["Query Text"] for p in plans}
        for plan in plans:
            for node in nodes(plan["Plan"]):
                read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                assert read * node["Actual Loops"] <= 300, (plan["Query Text"], node)
    cur.execute("rollback")
    for word in ("user_passwords", "friend_requests", "invite_codes", "server_bans", "channel_visits", "set_aside",
                 "read_marks", "UserProfileUpdated", "messages"):
        assert any(word in text for text in texts), word


@pytest.mark.parametrize("text", ["changed", None], ids=["edit", "delete"])
def test_a_change_of_a_message_probes_indexes(cur, text):
    """Inside hum_amend: of a room with many edits, only those of the one message are looked at."""
    cur.execute("begin")
    cur.execute("select count(*) from hum_append(2::smallint, array_fill(20007::bigint, array[300]),"
                " array_fill(7::bigint, array[300]), array_fill(null::text, array[300]),"
                " array_fill(null::uuid, array[300]), array_fill('x'::text, array[300]),"
                " (select array_agg(1 + i / 3) from generate_series(0, 299) i),"
                " array_fill(null::jsonb, array[300]), false, true)")
    cur.execute("analyze messages")
    report_plans(cur)
    for target in range(1, 9):  # past the custom plans of the first five runs
        del cur.connection.notices[:]
        cur.execute("select status from hum_amend(20007, %s, 7, false, 'n', %s::uuid, %s)",
                    (target, dedup_key(7, f"change {target}"), text))
        assert cur.fetchone() == (0,)
    plans = reported(cur)
    cur.execute("rollback")
    changed = [p for p in plans if "update messages" in p["Query Text"]]
    assert len(changed) == (1 if text else 2)
    for plan in plans:
        for node in nodes(plan["Plan"]):
            if node.get("Relation Name", "").startswith(("messages", "rooms")) and node["Actual Loops"] > 0:
                assert node["Node Type"] != "Seq Scan", (plan["Query Text"], node)
                if "Scan" in node["Node Type"]:
                    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                    assert read <= 3, (plan["Query Text"], node)


def test_the_sweep_of_events_reads_what_it_removes(cur):
    """From where the last one has ended, by the index; and the rows by their key."""
    cur.execute("load 'auto_explain'")
    cur.execute("set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
                "set auto_explain.log_analyze = on; set auto_explain.log_format = json;"
                "set auto_explain.log_timing = off; set client_min_messages = log;"
                "set plan_cache_mode = auto")
    cur.execute("begin")
    for _ in range(8):  # past the custom plans of the first five runs
        del cur.connection.notices[:]
        cur.execute("select hum_sweep_events(30, 50)")
        assert cur.fetchone()[0] == 50
    plans = [json.loads(n[n.index("{"):]) for n in cur.connection.notices if '"Plan"' in n]
    cur.execute("rollback")
    (plan,) = [p for p in plans if "bool_and" in p["Query Text"]]
    for node in nodes(plan["Plan"]):
        if node.get("Relation Name") == "events" and "Scan" in node["Node Type"]:
            assert "Index" in node["Node Type"], node
            assert node["Actual Rows"] * node["Actual Loops"] <= 50, node
