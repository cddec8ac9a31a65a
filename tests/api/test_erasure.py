"""Erasure of an account: at once, wholly, whatever else happens; what was said to others stays."""

import random

import psycopg2
import pytest

from lib import pictures
from lib.erasure import (DELETED, cleared, columns, dump, erase, holding, references, sign_in,
                         tombstone)
from lib.instance import PRESET
from lib.mqtt import eventually
from lib.race import patiently, race
from lib.rest import Rest, ok, problem, unique
from lib.servers import (enter, events, inside, invite, join, make_channel, make_code, make_server,
                         members, redeem)

ROUNDS = 8 if PRESET == "release" else 4


def kinds(person):
    return [m["kind"] for m in person.inbox()]


def found(person, nickname):
    items, _ = person.pages("/v1/users/search", 50, nickname=nickname)
    return [u["id"] for u in items]


def test_the_password_comes_first(hum):
    alice = hum.sign_up()
    body = problem(alice.delete("/v1/users/me", json={}), 400, "invalid_request")
    assert "password" in body["fields"]
    problem(alice.delete("/v1/users/me", json={"password": alice.password + "x"}), 401, "invalid_credentials")
    assert ok(alice.get("/v1/users/me"))["nickname"] == alice.nickname
    ok(sign_in(alice))


def test_nobody_can_sign_in_any_more(hum):
    alice = hum.sign_up()
    phone = alice.sign_in()
    erase(alice)
    for device in (alice, phone):
        problem(device.get("/v1/users/me"), 401, "unauthorized")
        problem(device.delete("/v1/users/me", json={"password": alice.password}), 401, "unauthorized")
        problem(hum.rest.post("/v1/auth/refresh", {"refresh_token": device.session["refresh_token"]}),
                401, "invalid_token")
    problem(sign_in(alice), 401, "invalid_credentials")
    assert events(hum, "UserErased", alice.id) == [(alice.id, {})]


def test_the_name_is_free_again(hum, bob):
    alice = hum.sign_up()
    erase(alice)
    again = hum.sign_up(nickname=alice.nickname, email=alice.email, password=alice.password)
    assert again.id != alice.id
    assert ok(bob.get(f"/v1/users/{again.id}"))["nickname"] == alice.nickname
    assert ok(bob.get(f"/v1/users/{alice.id}")) == tombstone(alice.id)
    assert again.inbox() == [] and ok(again.get("/v1/friends"))["items"] == []
    erase(again)
    hum.sign_up(nickname=alice.nickname, email=alice.email)


def test_what_others_see(hum):
    alice, bob, dm = hum.pair()
    said = [alice.say(dm, "mine"), bob.say(dm, "his")]
    erase(alice)
    assert ok(bob.get(f"/v1/users/{alice.id}")) == tombstone(alice.id)
    room = ok(bob.get(f"/v1/rooms/{dm}"))
    assert (room["title"], room["can_send"], room["last_seq"]) == (DELETED, False, 2)
    assert room in ok(bob.get("/v1/rooms"))["items"]
    assert bob.history(dm) == said
    problem(bob.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "t"}), 403, "not_friends")
    assert ok(bob.get("/v1/friends", state="all"))["items"] == []
    cleared(hum.database, alice.id)
    last = bob.inbox()[-1]
    assert last["kind"] == "friend_removed" and last["data"] == {"user": {"id": alice.id, "nickname": DELETED}}
    assert all(m["data"]["user"] == {"id": alice.id, "nickname": DELETED} for m in bob.inbox())
    assert kinds(bob).count("friend_removed") == 1
    page = ok(bob.post("/v1/sync", {"rooms": {bob.id: 0, dm: 0}}))
    assert DELETED in str(page) and alice.nickname not in str(page)


def test_to_others_it_is_as_if_they_were_not_there(hum):
    alice, bob, _ = hum.pair()
    server = make_server(bob)["id"]
    erase(alice)
    assert alice.id not in found(bob, alice.nickname)
    for body in ({"user_id": alice.id}, {"nickname": alice.nickname}):
        problem(bob.post("/v1/friends/requests", body), 404, "not_found")
    for method, path, body in [
            ("POST", "/v1/dms", {"user_id": alice.id}),
            ("POST", f"/v1/servers/{server}/invites", {"user_id": alice.id}),
            ("DELETE", f"/v1/servers/{server}/members/{alice.id}", None),
            ("DELETE", f"/v1/servers/{server}/members/{alice.id}?ban=true", None),
            ("PUT", f"/v1/blocks/{alice.id}", None),
            ("DELETE", f"/v1/friends/{alice.id}", None),
            ("POST", f"/v1/friends/requests/{alice.id}/accept", None),
            ("DELETE", f"/v1/friends/requests/{alice.id}", None)]:
        problem(bob.call(method, path, json=body), 404, "not_found")
    assert references(hum.database, alice.id) <= {"channel_visits", "read_marks"}


def test_names_in_notices_are_those_of_today(hum):
    """Only the id is kept."""
    alice, bob = hum.sign_up(), hum.sign_up()
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    assert bob.inbox()[0]["data"]["user"] == {"id": alice.id, "nickname": alice.nickname}
    renamed = unique("renamed")
    ok(alice.patch("/v1/users/me", {"nickname": renamed}))
    assert bob.inbox()[0]["data"]["user"] == {"id": alice.id, "nickname": renamed}
    assert {t for t, _ in holding(hum.database, renamed)} == {"users", "events"}
    erase(alice)
    assert bob.inbox()[0]["data"]["user"] == {"id": alice.id, "nickname": DELETED}
    assert kinds(bob) == ["friend_request_received"]


def test_nothing_personal_is_left_anywhere(hum):
    """Everything that somebody can have, then every row of every table."""
    device, about = {"name": unique("device"), "kind": "phone"}, unique("about")
    alice, (bob, carol) = hum.sign_up(device=device), (hum.sign_up() for _ in range(2))
    ok(alice.patch("/v1/users/me", {"about": about + "-old"}))
    picture = ok(alice.call("PUT", "/v1/users/me/avatar", data=pictures.plain(color=tuple(random.randbytes(3))),
                            headers={"Content-Type": "image/png"}))["avatar_url"].rsplit("=", 1)[1]
    first, second = alice.nickname, unique("second")
    ok(alice.patch("/v1/users/me", {"about": about, "nickname": second}))
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    alice.say(dm, "stays")
    ok(alice.post("/v1/friends/requests", {"user_id": carol.id}), 201)
    foe = hum.sign_up()
    ok(foe.post("/v1/friends/requests", {"user_id": alice.id}), 201)
    ok(alice.put(f"/v1/blocks/{foe.id}"), 204)
    own, other = make_server(alice)["id"], make_server(bob)["id"]
    join(bob, own)
    join(alice, other)
    room = make_channel(bob, other)
    enter(alice, room)
    alice.say(room, "stays, too")
    invite(alice, own, carol)
    invite(alice, other, carol)
    code = make_code(alice, other)
    banned = make_server(carol)["id"]
    ok(carol.delete(f"/v1/servers/{banned}/members/{alice.id}", params={"ban": "true"}), 204)
    ok(alice.put(f"/v1/rooms/{dm}/read", {"seq": 1}), 204)
    lost = unique("lost")
    hum.database.rows("select hum_set_aside(%s, %s, 'n', %s, 'too odd')", dm, alice.id, lost.encode())
    words = [alice.email, first, second, about, device["name"], lost.encode().hex(), picture]
    there = {table for table, _ in holding(hum.database, *words)}
    assert there == {"users", "sessions", "set_aside", "events", "avatars"}, "the search sees them where they are"

    erase(alice)
    cleared(hum.database, alice.id)
    assert holding(hum.database, *words) == []
    assert references(hum.database, alice.id) == set()
    left = {t for t, rows in dump(hum.database).items() if any(alice.id in row for row in rows)}
    left = {t for t in left if not t.startswith("messages_")}
    assert left == {"users", "dms", "events"}, "as a number only, and by what others keep"
    assert not hum.database.rows("select 1 from rooms where id in (%s, %s)", alice.id, own)
    assert not hum.database.rows("select 1 from messages where room_id in (%s, %s)", alice.id, own)
    texts = hum.database.rows("select text from messages where sender_id = %s order by id", alice.id)
    assert texts == [("stays",), ("stays, too",)]
    problem(redeem(carol, code), 404, "not_found")
    assert ok(carol.get("/v1/invites"))["items"] == []
    assert alice.id not in members(bob, other) and inside(bob, room) == set()


def test_servers_of_theirs_are_gone(hum):
    alice, bob = hum.sign_up(), hum.sign_up()
    server = make_server(alice)
    join(bob, server["id"])
    room = make_channel(alice, server["id"])
    enter(bob, room)
    erase(alice)
    problem(bob.get(f"/v1/servers/{server['id']}"), 404, "not_found")
    problem(bob.get(f"/v1/rooms/{room}"), 404, "not_found")
    cleared(hum.database, alice.id)
    notice, = bob.inbox()
    assert notice["kind"] == "server_removed"
    assert notice["data"] == {"reason": "deleted", "server": {"id": server["id"], "name": server["name"]}}
    assert events(hum, "ServerDeleted", alice.id) == [(server["id"], {"server": server["id"]})]
    eventually(lambda: not hum.database.rows("select 1 from rooms where id in (%s, %s)", server["id"], room))


def test_without_a_password_a_fresh_sign_in_does(hum):
    """An account that somebody else's sign-in stands for."""
    alice, bob = hum.sign_up(), hum.sign_up()
    for person in (alice, bob):
        hum.database.rows("delete from user_passwords where user_id = %s", person.id)
    hum.database.rows("update sessions set created_at = now() - interval '301 seconds' where id = %s", bob.sid)
    ok(alice.delete("/v1/users/me", json={}), 204)
    problem(bob.delete("/v1/users/me", json={"password": bob.password}), 403, "forbidden")
    ok(bob.get("/v1/users/me"))


def test_many_friends_are_told_once_each(hum):
    alice, database, count = hum.sign_up(), hum.database, 1234
    people = [r[0] for r in database.rows(
        "with people as (insert into users (id, email, nickname, nickname_key) select hum_id(), n, n, n"
        "  from (select %s || i as n from generate_series(1, %s) i) x returning id),"
        " inboxes as (insert into rooms (id, kind) select id, 4 from people)"
        " select id from people", unique("many"), count)]
    database.rows("insert into friendships (user_id, friend_id) select %s, unnest(%s)", alice.id, people)
    database.rows("insert into friendships (user_id, friend_id) select unnest(%s), %s", people, alice.id)
    erase(alice)
    assert not database.rows("select 1 from friendships where friend_id = %s", alice.id)
    cleared(database, alice.id)
    rows = database.rows("select room_id, count(*) from messages where kind = 19 and room_id = any (%s)"
                         " group by room_id", people)
    assert len(rows) == count and {n for _, n in rows} == {1}


def test_a_nameless_row_stays_one(hum):
    """The database itself sees to it."""
    alice = hum.sign_up()
    erase(alice)
    for change in ("nickname = 'x'", "email = 'x'", "about = 'x'", "erased_at = null"):
        with pytest.raises(psycopg2.errors.CheckViolation):
            hum.database.rows(f"update users set {change} where id = %s", alice.id)


def test_nothing_can_refer_to_one_who_is_gone(hum):
    """Each table with people in it. A new one that lacks the rule fails here."""
    alice, bob, _ = hum.pair()
    erase(alice)
    cleared(hum.database, alice.id)
    tables = {table for table, _ in columns(hum.database)}
    guarded = {r[0] for r in hum.database.rows(
        "select tgrelid::regclass::text from pg_trigger where tgname = 'hum_living'")}
    assert tables - guarded == {"user_passwords"}
    for sql in ("insert into friend_requests (from_id, to_id) values (%s, %s)",
                "insert into friend_requests (to_id, from_id) values (%s, %s)",
                "insert into blocks (user_id, blocked_id) values (%s, %s)",
                "insert into blocks (blocked_id, user_id) values (%s, %s)"):
        with pytest.raises(psycopg2.errors.ForeignKeyViolation):
            hum.database.rows(sql, alice.id, bob.id)
    hum.database.rows("select hum_mark_read(array[%s, %s]::bigint[], array[%s, %s]::bigint[], array[1, 1]::bigint[])",
                      alice.id, bob.id, bob.id, bob.id)
    marks = hum.database.rows("select user_id::text from read_marks where user_id in (%s, %s)", alice.id, bob.id)
    assert marks == [(bob.id,)], "and the others of the batch are stored"
    for role in (hum.database, hum.daemon_database("api")):
        role.rows("insert into read_marks (user_id, room_id, seq) values (%s, %s, 1)", alice.id, bob.id)
        assert not hum.database.rows("select 1 from read_marks where user_id = %s", alice.id)
    hum.database.rows("select hum_set_aside(1, %s, 'n', 'x', 'late')", alice.id)
    assert not hum.database.rows("select 1 from set_aside where sender_id = %s", alice.id)


def test_an_operator_can_erase_somebody(hum, bob):
    """As after a backup was restored that is older than an erasure."""
    alice = hum.sign_up()
    server = make_server(alice)["id"]
    erase_sql = "select hum_erase(%s)"
    assert hum.database.value(erase_sql, alice.id) is True
    assert hum.database.value(erase_sql, alice.id) is False
    assert hum.database.value(erase_sql, 1) is False
    eventually(lambda: alice.get("/v1/users/me").status_code == 401)
    assert ok(bob.get(f"/v1/users/{alice.id}")) == tombstone(alice.id)
    problem(bob.get(f"/v1/servers/{server}"), 404, "not_found")
    cleared(hum.database, alice.id)


# --- races ---


def test_twice_at_once(hum):
    for _ in range(ROUNDS // 2):
        alice = hum.sign_up()
        phone = alice.sign_in()
        answers = race(*(lambda d=d: d.delete("/v1/users/me", json={"password": alice.password})
                         for d in (alice, phone) * 2))
        assert sorted(a.status_code for a in answers) == [204, 401, 401, 401]
        assert len(events(hum, "UserErased", alice.id)) == 1


def test_two_friends_at_once(hum):
    for _ in range(ROUNDS // 2):
        alice, bob, dm = hum.pair()
        answers = race(*(lambda p=p: p.delete("/v1/users/me", json={"password": p.password}) for p in (alice, bob)))
        assert [a.status_code for a in answers] == [204, 204]
        for person in (alice, bob):
            cleared(hum.database, person.id)
            assert references(hum.database, person.id) == set()
            assert not hum.database.rows("select 1 from messages where room_id = %s", person.id)


def settle(hum, person, answers):
    """After a race: no failure, and nothing refers to them."""
    assert answers[0].status_code == 204, answers[0].text
    for answer in answers:
        assert answer.status_code < 500, answer.text
    cleared(hum.database, person.id)
    assert references(hum.database, person.id) == set(), [a.status_code for a in answers]
    eventually(lambda: not hum.database.rows("select 1 from messages where room_id = %s", person.id))


def erasing(person):
    return lambda: person.delete("/v1/users/me", json={"password": person.password})


def after_the_hash(call):
    """The erasure first tries the password, some 20 ms: what races with it does so again and again meanwhile."""
    def run():
        for _ in range(12):
            answer = patiently(call)()
        return answer
    return run


def test_while_others_approach(hum):
    bob = hum.sign_up()
    server = make_server(bob)["id"]
    for _ in range(ROUNDS):
        alice, carol, dave = hum.sign_up(), hum.sign_up(), hum.sign_up()
        hum.befriend(alice, dave)
        ok(alice.post("/v1/friends/requests", {"user_id": carol.id}), 201)
        answers = race(
            erasing(alice),
            after_the_hash(lambda: bob.post("/v1/friends/requests", {"user_id": alice.id})),
            after_the_hash(lambda: carol.post(f"/v1/friends/requests/{alice.id}/accept")),
            after_the_hash(lambda: dave.post("/v1/dms", {"user_id": alice.id})),
            after_the_hash(lambda: bob.post(f"/v1/servers/{server}/invites", {"user_id": alice.id})),
            after_the_hash(lambda: carol.put(f"/v1/blocks/{alice.id}")))
        settle(hum, alice, answers)
        assert answers[-1].status_code in (204, 404), "whoever blocks is still somebody"
        assert alice.id not in [f["user"]["id"] for f in ok(carol.get("/v1/friends", state="all"))["items"]]


def test_while_they_do_things_themselves(hum):
    bob = hum.sign_up()
    server = make_server(bob)["id"]
    bob.say(server, "first")
    rooms = [make_channel(bob, server, n) for n in "ab"]
    for _ in range(ROUNDS):
        alice, picture = hum.sign_up(), pictures.plain(color=tuple(random.randbytes(3)))
        join(alice, server)
        other = make_server(bob)["id"]
        answers = race(
            erasing(alice),
            after_the_hash(lambda: alice.post("/v1/friends/requests", {"user_id": bob.id})),
            after_the_hash(lambda: alice.put(f"/v1/servers/{other}/members/me")),
            after_the_hash(lambda: alice.put(f"/v1/channels/{rooms[0]}/members/me")),
            after_the_hash(lambda: alice.put(f"/v1/channels/{rooms[1]}/members/me")),
            after_the_hash(lambda: alice.post("/v1/servers", {"name": "late"})),
            after_the_hash(lambda: alice.post(f"/v1/servers/{server}/invite-codes", {})),
            after_the_hash(lambda: alice.patch("/v1/users/me", {"nickname": unique("late"), "about": "late"})),
            after_the_hash(lambda: alice.call("PUT", "/v1/users/me/avatar", data=picture,
                                              headers={"Content-Type": "image/png"})),
            after_the_hash(lambda: alice.put(f"/v1/rooms/{server}/read", {"seq": 1})),
            after_the_hash(lambda: sign_in(alice)))
        settle(hum, alice, answers)
        assert patiently(lambda: sign_in(alice))().status_code == 401
        assert not hum.database.rows(
            "select 1 from avatars where not exists (select from users where avatar_hash = hash)")
        assert ok(bob.get(f"/v1/users/{alice.id}")) == tombstone(alice.id)
        bob.delete(f"/v1/servers/{other}")
        bob.delete(f"/v1/friends/requests/{alice.id}")


def test_while_members_come_and_go(hum):
    """The owner of a server goes while others join, leave, talk and are sent away."""
    for _ in range(ROUNDS // 2):
        alice, people = hum.sign_up(), [hum.sign_up() for _ in range(4)]
        server = make_server(alice)["id"]
        room = make_channel(alice, server)
        for person in people[:2]:
            join(person, server)
        answers = race(
            erasing(alice),
            after_the_hash(lambda: people[0].put(f"/v1/channels/{room}/members/me")),
            after_the_hash(lambda: people[1].delete(f"/v1/servers/{server}/members/me")),
            after_the_hash(lambda: people[2].put(f"/v1/servers/{server}/members/me")),
            after_the_hash(lambda: people[0].post(f"/v1/servers/{server}/invites", {"user_id": people[3].id})),
            after_the_hash(lambda: alice.delete(f"/v1/servers/{server}/members/{people[0].id}")))
        settle(hum, alice, answers)
        eventually(lambda: not hum.database.rows("select 1 from rooms where id in (%s, %s)", server, room))
        for person in people:
            assert ok(person.get("/v1/users/me/servers"))["items"] == []


def test_an_erasure_waits_for_nobody_else(hum):
    """Somebody whose transaction is frozen holds up those who refer to the same person, and no others."""
    alice, bob, carol = (hum.sign_up() for _ in range(3))
    with hum.database.session(autocommit=False) as cursor:
        cursor.execute("select 1 from users where id = %s for key share", (alice.id,))
        problem(alice.delete("/v1/users/me", json={"password": alice.password}), 503, "unavailable")
        ok(alice.get("/v1/users/me"))
        erase(bob)
        cursor.execute("rollback")
    erase(alice)
    assert Rest(carol.url, carol.token, carol.http).get(f"/v1/users/{alice.id}").json() == tombstone(alice.id)
