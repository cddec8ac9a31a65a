"""What one person can make is bounded, also when calls race; docs/bounds.md has the numbers."""

import re

import pytest

from lib.instance import ROOT
from lib.mqtt import eventually
from lib.race import race
from lib.rest import ok, problem, unique
from lib.servers import invite, join, leave, make_code, make_server, members, redeem

CROWD = """insert into users (id, email, nickname, nickname_key)
    select hum_id(), x || '@example.org', x, x from (select %s || i as x from generate_series(1, %s) i) n
    returning id"""
SERVERS = """with r as (insert into rooms (id, kind) select hum_id(), 2 from generate_series(1, %s) returning id)
    insert into servers (id, owner_id, name, public) select id, %s, 'x', true from r returning id"""


def stated(what):
    """The number in the row of docs/bounds.md that begins so."""
    text = (ROOT / "docs" / "bounds.md").read_text()
    return int(re.search(rf"^\| {what}[^|]*\| ([0-9,]+) \|", text, re.M).group(1).replace(",", ""))


OWNED, JOINED = stated("servers that one owns"), stated("servers of others")
FRIENDS = stated("friends ")
REQUESTS, INVITES = stated("friend requests"), stated("invites to servers")
BLOCKS, CODES = stated("people whom one has"), stated("invite codes")


def crowd(hum, count):
    """Ids of people who cannot sign in."""
    return [r[0] for r in hum.database.rows(CROWD, unique("c"), count)]


def two_of_six(answers, good):
    assert sorted(r.status_code for r in answers) == [good] * 2 + [409] * 4
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "limit_reached")


@pytest.fixture
def person(hum):
    return hum.sign_up()


def own(hum, person, count):
    """Gives a person servers; their ids."""
    made = [r[0] for r in hum.database.rows(SERVERS, count, person.id)]
    hum.database.rows("insert into server_members (server_id, user_id) select unnest(%s), %s", made, person.id)
    return made


def test_servers_that_one_owns(hum, person):
    own(hum, person, OWNED - 2)
    join(person, make_server(hum.sign_up())["id"])  # does not count here
    two_of_six(race(*[lambda: person.post("/v1/servers", {"name": "x"})] * 6), 201)
    assert hum.database.value("select count(*) from servers where owner_id = %s", person.id) == OWNED
    mine = ok(person.get("/v1/users/me/servers", role="owner", limit=1))["items"][0]["id"]
    ok(person.delete(f"/v1/servers/{mine}"), 204)
    make_server(person)


@pytest.fixture
def joined(hum, person):
    """Somebody who is in all but two of the servers that they may be in."""
    owner, = crowd(hum, 1)
    made = [r[0] for r in hum.database.rows(SERVERS, JOINED - 2, owner)]
    hum.database.rows("insert into server_members (server_id, user_id) select unnest(%s), %s", made, person.id)
    return person


def test_servers_that_one_is_in(hum, joined):
    owners = [hum.sign_up() for _ in range(3)]
    open_ = [make_server(o)["id"] for o in owners * 2]
    make_server(joined)  # does not count here
    two_of_six(race(*[lambda s=s: joined.put(f"/v1/servers/{s}/members/me") for s in open_]), 200)
    mine = [s for o, s in zip(owners * 2, open_) if joined.id in members(o, s)]
    assert len(mine) == 2
    ok(joined.put(f"/v1/servers/{mine[0]}/members/me"))  # is in it already
    leave(joined, mine[0])
    join(joined, mine[0])


def test_ways_in_that_are_shut_stay(hum, joined):
    """Neither an invite nor a code is used up by somebody who is in too many servers."""
    owner = hum.sign_up()
    for _ in range(2):
        join(joined, make_server(owner)["id"])
    server = make_server(owner, "private")["id"]
    number, code = invite(owner, server, joined), make_code(owner, server, max_uses=1)
    for answer in race(lambda: joined.post(f"/v1/invites/{number}/accept"), lambda: redeem(joined, code),
                       lambda: joined.put(f"/v1/servers/{server}/members/me")):
        problem(answer, 409, "limit_reached")
    assert [i["id"] for i in ok(joined.get("/v1/invites"))["items"]] == [number]
    left = ok(joined.get("/v1/users/me/servers", role="member", limit=1))["items"][0]["id"]
    leave(joined, left)
    ok(redeem(joined, code))


def with_friends(hum, person, count):
    hum.database.rows("""with others as (select unnest(%s::bigint[]) as id)
        insert into friendships (user_id, friend_id)
        select %s, id from others union all select id, %s from others""", crowd(hum, count), person.id, person.id)


def test_friends(hum, person):
    with_friends(hum, person, FRIENDS - 2)
    others = [hum.sign_up() for _ in range(6)]
    for other in others:
        ok(other.post("/v1/friends/requests", {"user_id": person.id}), 201)
    # Three accept, three ask: to ask who has asked is to accept.
    two_of_six(race(*[lambda o=o: person.post(f"/v1/friends/requests/{o.id}/accept") for o in others[:3]],
                    *[lambda o=o: person.post("/v1/friends/requests", {"user_id": o.id}) for o in others[3:]]), 200)
    left = [o for o in others if not ok(o.get("/v1/friends", state="accepted"))["items"]]
    assert len(left) == 4
    problem(person.post("/v1/friends/requests", {"user_id": hum.sign_up().id}), 409, "limit_reached")
    # Who is asked is told so, too.
    stranger = hum.sign_up()
    ok(stranger.post("/v1/friends/requests", {"user_id": person.id}), 201)
    problem(person.post(f"/v1/friends/requests/{stranger.id}/accept"), 409, "limit_reached")
    (gone, *_) = [o for o in others if o not in left]
    ok(person.delete(f"/v1/friends/{gone.id}"), 204)
    ok(person.post(f"/v1/friends/requests/{stranger.id}/accept"))


def test_requests_that_wait(hum, person):
    asked = crowd(hum, REQUESTS - 2)
    hum.database.rows("insert into friend_requests (from_id, to_id) select %s, unnest(%s)", person.id, asked)
    others = [hum.sign_up() for _ in range(6)]
    hum.database.rows("insert into friend_requests (from_id, to_id) select unnest(%s), %s",
                      crowd(hum, 10), person.id)  # those of others do not count
    two_of_six(race(*[lambda o=o: person.post("/v1/friends/requests", {"user_id": o.id}) for o in others]), 201)
    told = [o for o in others if o.inbox()]
    assert len(told) == 2, "who was not asked hears of nothing"
    ok(told[0].post(f"/v1/friends/requests/{person.id}/decline"), 204)
    ok(person.post("/v1/friends/requests", {"user_id": told[0].id}), 201)
    # Who had asked is accepted at any time.
    asker = hum.sign_up()
    ok(asker.post("/v1/friends/requests", {"user_id": person.id}), 201)
    ok(person.post("/v1/friends/requests", {"user_id": asker.id}), 200)


def test_invites_that_wait(hum, person):
    server, other = (make_server(person)["id"] for _ in range(2))
    sql = "insert into server_invites (server_id, user_id, inviter_id) select %s, unnest(%s), %s"
    hum.database.rows(sql, server, crowd(hum, INVITES - 2), person.id)
    others = [hum.sign_up() for _ in range(6)]
    answers = race(*[lambda o=o, s=s: person.post(f"/v1/servers/{s}/invites", {"user_id": o.id})
                     for o, s in zip(others, [server, other] * 3)])
    two_of_six(answers, 201)
    told = [o for o in others if o.inbox()]
    assert len(told) == 2
    (number,) = [i["id"] for i in ok(told[0].get("/v1/invites"))["items"]]
    ok(told[0].post(f"/v1/invites/{number}/decline"), 204)
    invite(person, server, told[0])
    member = hum.sign_up()
    join(member, server)
    (free, *_) = [o for o in others if o not in told]
    invite(member, server, free)  # others have bounds of their own


def test_blocks(hum, person):
    hum.database.rows("insert into blocks (user_id, blocked_id) select %s, unnest(%s)", person.id,
                      crowd(hum, BLOCKS - 2))
    others = [hum.sign_up() for _ in range(6)]
    two_of_six(race(*[lambda o=o: person.put(f"/v1/blocks/{o.id}") for o in others]), 204)
    mine = [o for o in others if hum.database.rows(
        "select 1 from blocks where user_id = %s and blocked_id = %s", person.id, o.id)]
    assert len(mine) == 2
    ok(person.put(f"/v1/blocks/{mine[0].id}"), 204)  # is blocked already
    ok(person.delete(f"/v1/blocks/{mine[0].id}"), 204)
    (other, *_) = [o for o in others if o not in mine]
    ok(person.put(f"/v1/blocks/{other.id}"), 204)
    ok(other.put(f"/v1/blocks/{person.id}"), 204)  # others have bounds of their own


def test_invite_codes(hum, person):
    server, other = (make_server(person)["id"] for _ in range(2))
    path = f"/v1/servers/{server}/invite-codes"
    for _ in range(CODES - 2):
        make_code(person, server)
    two_of_six(race(*[lambda: person.post(path, {})] * 6), 201)
    make_code(person, other)
    member = hum.sign_up()
    join(member, server)
    make_code(member, server)


def test_codes_that_have_had_their_day_do_not_count(hum, person):
    server = make_server(person)["id"]
    for _ in range(CODES - 2):
        make_code(person, server)
    used, _ = make_code(person, server, max_uses=1), make_code(person, server, max_age_s=1)
    ok(redeem(hum.sign_up(), used))
    old = "select count(*) from invite_codes where server_id = %s and expires_at < now()"
    eventually(lambda: hum.database.value(old, server) == 1)
    for _ in range(2):
        make_code(person, server)
    problem(person.post(f"/v1/servers/{server}/invite-codes", {}), 409, "limit_reached")
    assert hum.database.value("select count(*) from invite_codes where server_id = %s", server) == CODES
