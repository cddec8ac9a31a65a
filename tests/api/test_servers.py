"""Servers: made, found, changed, joined, left, deleted; who is sent away and kept out."""

import pytest

from lib.mqtt import eventually
from lib.race import race
from lib.rest import ok, problem, refused_member, unique
from lib.servers import (enter, events, invite, inside, join, kick, leave, make_channel, make_code, make_server,
                         members, redeem)

NOBODY = "9223372036854775807"


@pytest.fixture
def owner(hum):
    return hum.sign_up()


@pytest.fixture
def server(owner):
    return make_server(owner)["id"]


@pytest.fixture
def private(owner):
    return make_server(owner, "private")["id"]


def post(person, room, text="hello"):
    return person.post(f"/v1/rooms/{room}/messages", {"nonce": unique("n"), "text": text})


# --- making and changing ---


def test_a_new_server(hum, owner):
    made = ok(owner.post("/v1/servers", {"name": "Chess of Berlin", "about": "Wednesdays"}), 201)
    assert made == {"id": made["id"], "name": "Chess of Berlin", "about": "Wednesdays", "visibility": "public",
                    "owner_id": owner.id, "role": "owner", "topic": f"server/{made['id']}",
                    "created_at": made["created_at"]}
    assert ok(owner.get(f"/v1/servers/{made['id']}")) == made
    assert members(owner, made["id"]) == {owner.id: "owner"}
    assert ok(owner.get(f"/v1/rooms/{made['id']}")) == {
        "id": made["id"], "kind": "server", "topic": made["topic"], "title": "Chess of Berlin", "last_seq": 0,
        "read_seq": 0, "unread": 0, "can_send": True}
    assert (made["id"], {"server": made["id"]}) in events(hum, "ServerCreated", owner.id)


def test_what_would_promote_is_not_looked_at(owner, alice):
    body = {"name": "mine", "owner_id": alice.id, "id": "7", "role": "member", "created_at": "x", "members": [1]}
    made = ok(owner.post("/v1/servers", body), 201)
    assert (made["owner_id"], made["role"]) == (owner.id, "owner") and made["id"] != "7"
    changed = ok(owner.patch(f"/v1/servers/{made['id']}", {"owner_id": alice.id, "id": "7"}))
    assert changed == made


@pytest.mark.parametrize("name", [None, "", " ", "\u3000 ", "x" * 101, "a\nb", "a\0b", "a\u202eb", "a\u200bb", 7,
                                  [], {}, True], ids=repr)
def test_what_is_no_name(owner, server, name):
    refused_member(owner.post("/v1/servers", {"name": name}), "name", name)
    if name is not None:
        refused_member(owner.patch(f"/v1/servers/{server}", {"name": name}), "name", name)
    refused_member(owner.post(f"/v1/servers/{server}/channels", {"name": name}), "name", name)


@pytest.mark.parametrize("member, value", [("about", "x" * 1001), ("about", 7), ("visibility", "secret"),
                                           ("visibility", ""), ("visibility", True)])
def test_what_else_does_not_fit(owner, server, member, value):
    refused_member(owner.post("/v1/servers", {"name": "x", member: value}), member, value)
    refused_member(owner.patch(f"/v1/servers/{server}", {member: value}), member, value)


@pytest.mark.parametrize("name", ["x", "x" * 100, "'; drop table servers; --", "Ω≈ç√", "日本語", "<b>&amp;</b>",
                                  "👩\u200d👧", '"\\'])
def test_names_stay_as_they_are(owner, name):
    made = ok(owner.post("/v1/servers", {"name": name}), 201)
    assert made["name"] == name == ok(owner.get(f"/v1/servers/{made['id']}"))["name"]


def test_the_owner_alone_changes_it(owner, alice, stranger, server):
    join(alice, server)
    changed = ok(owner.patch(f"/v1/servers/{server}", {"name": "New", "about": "a", "visibility": "private"}))
    assert (changed["name"], changed["about"], changed["visibility"]) == ("New", "a", "private")
    assert ok(alice.get(f"/v1/rooms/{server}"))["title"] == "New"
    problem(alice.patch(f"/v1/servers/{server}", {"name": "Mine"}), 403, "not_owner")
    problem(alice.delete(f"/v1/servers/{server}"), 403, "not_owner")
    problem(stranger.patch(f"/v1/servers/{server}", {"name": "Mine"}), 404, "not_found")
    ok(owner.patch(f"/v1/servers/{server}", {"visibility": "public"}))
    problem(stranger.patch(f"/v1/servers/{server}", {"name": "Mine"}), 403, "not_owner")
    problem(stranger.delete(f"/v1/servers/{server}"), 403, "not_owner")
    assert ok(owner.get(f"/v1/servers/{server}"))["name"] == "New"


# --- who sees what ---


def test_a_private_server_is_not_there_for_others(owner, stranger, private):
    channel = make_channel(owner, private)
    paths = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/members"), ("DELETE", "/members/me"),
             ("DELETE", f"/members/{owner.id}"), ("GET", "/bans"), ("GET", f"/bans/{owner.id}"),
             ("DELETE", f"/bans/{owner.id}"), ("GET", "/channels"), ("POST", "/channels"), ("POST", "/invites"),
             ("POST", "/invite-codes")]
    for number in (private, NOBODY):
        for method, path in paths:
            body = {"name": "x", "user_id": stranger.id}
            problem(stranger.call(method, f"/v1/servers/{number}{path}", json=body), 404, "not_found")
    for number in (channel, NOBODY):
        for method, path in (("DELETE", ""), ("PUT", "/members/me"), ("DELETE", "/members/me"), ("GET", "/members")):
            problem(stranger.call(method, f"/v1/channels/{number}{path}"), 404, "not_found")
    for room in (private, channel):
        for call in ("", "/messages"):
            problem(stranger.get(f"/v1/rooms/{room}{call}"), 404, "not_found")
        problem(post(stranger, room), 404, "not_found")
        problem(stranger.put(f"/v1/rooms/{room}/read", {"seq": 1}), 404, "not_found")
    assert ok(stranger.post("/v1/sync", {"rooms": {private: 0, channel: 0}}))["missing"] == [private, channel]


def test_of_a_public_server_others_see_itself(owner, stranger, server):
    make_channel(owner, server)
    seen = ok(stranger.get(f"/v1/servers/{server}"))
    assert (seen["role"], seen["owner_id"]) == (None, owner.id)
    for path in ("/members", "/channels"):
        problem(stranger.get(f"/v1/servers/{server}{path}"), 403, "forbidden")
    problem(stranger.post(f"/v1/servers/{server}/invites", {"user_id": owner.id}), 403, "forbidden")
    problem(stranger.post(f"/v1/servers/{server}/invite-codes", {}), 403, "forbidden")
    problem(stranger.get(f"/v1/servers/{server}/bans"), 403, "not_owner")
    problem(stranger.get(f"/v1/rooms/{server}/messages"), 404, "not_found")
    problem(post(stranger, server), 404, "not_found")


# --- coming and going ---


def test_joining_and_leaving(hum, owner, alice, server):
    assert join(alice, server)["role"] == "member"
    assert join(alice, server)["role"] == "member", "again changes nothing"
    assert members(alice, server) == {owner.id: "owner", alice.id: "member"}
    room = ok(alice.get(f"/v1/rooms/{server}"))
    assert (room["kind"], room["can_send"]) == ("server", False)
    leave(alice, server)
    assert members(owner, server) == {owner.id: "owner"}
    problem(alice.delete(f"/v1/servers/{server}/members/me"), 404, "not_found")
    problem(alice.get(f"/v1/rooms/{server}"), 404, "not_found")
    assert [s for s, _ in events(hum, "MemberJoined", alice.id)].count(server) == 1
    assert [s for s, _ in events(hum, "MemberLeft", alice.id)].count(server) == 1


def test_the_owner_stays(owner, server):
    problem(owner.delete(f"/v1/servers/{server}/members/me"), 409, "owner_cannot_leave")
    problem(owner.delete(f"/v1/servers/{server}/members/{owner.id}"), 409, "owner_cannot_leave")
    problem(owner.delete(f"/v1/servers/{server}/members/{owner.id}?ban=true"), 409, "owner_cannot_leave")
    assert join(owner, server)["role"] == "owner"
    assert members(owner, server) == {owner.id: "owner"}


def test_a_private_server_wants_an_invite(owner, alice, private):
    problem(alice.put(f"/v1/servers/{private}/members/me"), 403, "invite_required")
    invite(owner, private, alice)
    assert join(alice, private)["role"] == "member"
    assert ok(alice.get("/v1/invites"))["items"] == [], "it is used up"
    leave(alice, private)
    problem(alice.put(f"/v1/servers/{private}/members/me"), 403, "invite_required")


def test_joins_and_leaves_that_race(hum, owner, alice, server):
    for calls in (["put"] * 10, ["put", "delete"] * 5, ["delete"] * 10):
        answers = race(*[lambda c=c: getattr(alice, c)(f"/v1/servers/{server}/members/me") for c in calls])
        assert {r.status_code for r in answers} <= {200, 204, 404}
        inside_now = alice.id in members(owner, server)
        joined = sum(s == server for s, _ in events(hum, "MemberJoined", alice.id))
        left = sum(s == server for s, _ in events(hum, "MemberLeft", alice.id))
        assert joined - left == inside_now


# --- sent away and kept out ---


def test_sent_away_one_may_come_again(hum, owner, server):
    bob = hum.sign_up()
    problem(owner.delete(f"/v1/servers/{server}/members/{bob.id}"), 404, "not_found")
    problem(owner.delete(f"/v1/servers/{server}/members/{NOBODY}"), 404, "not_found")
    join(bob, server)
    channel = make_channel(owner, server)
    enter(bob, channel)
    problem(bob.delete(f"/v1/servers/{server}/members/{owner.id}"), 403, "not_owner")
    kick(owner, server, bob)
    assert members(owner, server) == {owner.id: "owner"}
    assert inside(owner, channel) == set()
    for room in (server, channel):
        problem(bob.get(f"/v1/rooms/{room}"), 404, "not_found")
        problem(post(bob, room), 404, "not_found")
    (told,) = [m for m in bob.inbox() if m["kind"] == "server_removed"]
    assert told["data"]["server"]["id"] == server and told["data"]["reason"] == "kicked"
    assert told["data"]["user"] == {"id": owner.id, "nickname": owner.nickname}
    assert (server, {"server": server, "user": bob.id}) in events(hum, "MemberLeft", owner.id)
    join(bob, server)


def test_banned_one_may_not(hum, owner, alice, server):
    bob = hum.sign_up()
    join(alice, server)
    join(bob, server)
    code = make_code(owner, server)
    kick(owner, server, bob, ban="true")
    (told,) = [m for m in bob.inbox() if m["kind"] == "server_removed"]
    assert told["data"]["reason"] == "banned"
    problem(bob.put(f"/v1/servers/{server}/members/me"), 403, "banned")
    problem(redeem(bob, code), 403, "banned")
    problem(alice.post(f"/v1/servers/{server}/invites", {"user_id": bob.id}), 403, "banned")
    ban = ok(owner.get(f"/v1/servers/{server}/bans/{bob.id}"))
    assert ban["user"]["id"] == bob.id and set(ban) == {"user", "banned_at"}
    assert ok(owner.get(f"/v1/servers/{server}/bans"))["items"] == [ban]
    for path in ("/bans", f"/bans/{bob.id}"):
        problem(alice.get(f"/v1/servers/{server}{path}"), 403, "not_owner")
    problem(alice.delete(f"/v1/servers/{server}/bans/{bob.id}"), 403, "not_owner")
    kick(owner, server, bob, ban="true")  # again changes nothing
    ok(owner.delete(f"/v1/servers/{server}/bans/{bob.id}"), 204)
    problem(owner.delete(f"/v1/servers/{server}/bans/{bob.id}"), 404, "not_found")
    problem(owner.get(f"/v1/servers/{server}/bans/{bob.id}"), 404, "not_found")
    assert join(bob, server)["role"] == "member"
    assert len(events(hum, "MemberBanned", owner.id)) >= 1


def test_a_ban_of_somebody_who_is_not_in_it(hum, owner, server):
    bob = hum.sign_up()
    kick(owner, server, bob, ban="true")
    problem(bob.put(f"/v1/servers/{server}/members/me"), 403, "banned")
    assert bob.inbox() == []
    problem(owner.delete(f"/v1/servers/{server}/members/{NOBODY}?ban=true"), 404, "not_found")
    for ban in ("", "1", "yes", "True"):
        problem(owner.delete(f"/v1/servers/{server}/members/{bob.id}?ban={ban}"), 400, "invalid_request")


def test_a_ban_takes_invites_and_codes_away(hum, owner, private):
    bob, carol = hum.sign_up(), hum.sign_up()
    invite(owner, private, bob)
    kick(owner, private, bob, ban="true")
    assert ok(bob.get("/v1/invites"))["items"] == []
    invite(owner, private, carol)
    join(carol, private)
    code = make_code(carol, private)
    kick(owner, private, carol)
    problem(redeem(carol, code), 404, "not_found")


def test_a_ban_that_races_with_joining(hum, owner, server):
    for _ in range(8):
        bob = hum.sign_up()
        code = make_code(owner, server)
        invited = invite(owner, server, bob)
        race(lambda: bob.put(f"/v1/servers/{server}/members/me"),
             lambda: owner.delete(f"/v1/servers/{server}/members/{bob.id}?ban=true"),
             lambda: redeem(bob, code),
             lambda: bob.post(f"/v1/invites/{invited}/accept"))
        assert bob.id not in members(owner, server)
        assert ok(owner.get(f"/v1/servers/{server}/bans/{bob.id}"))


# --- posts ---


def test_the_owner_alone_posts(hum, owner, alice, server):
    join(alice, server)
    first = ok(post(owner, server, "one"), 201)
    problem(post(alice, server), 403, "not_owner")
    ok(post(owner, server, "two"), 201)
    assert [m["text"] for m in alice.history(server)] == ["one", "two"] and alice.history(server)[0] == first
    room = ok(alice.get(f"/v1/rooms/{server}"))
    assert (room["last_seq"], room["unread"]) == (2, 2)
    ok(alice.put(f"/v1/rooms/{server}/read", {"seq": 1}), 204)
    assert ok(alice.get(f"/v1/rooms/{server}"))["unread"] == 1
    got = ok(alice.post("/v1/sync", {"rooms": {server: 1}}))
    assert [m["text"] for m in got["rooms"][server]["items"]] == ["two"]
    assert hum.database.value("select count(*) from messages where room_id = %s", server) == 2


# --- lists ---


def test_ones_own_servers(hum):
    me, other = hum.sign_up(), hum.sign_up()
    own = [make_server(me)["id"] for _ in range(3)]
    joined = [make_server(other)["id"] for _ in range(4)]
    for server in joined:
        join(me, server)

    def ids(**query):
        items, _ = me.pages("/v1/users/me/servers", 2, **query)
        return [s["id"] for s in items]

    assert ids() == ids(role="all") == sorted(own + joined, key=int)
    assert ids(role="owner") == own and ids(role="member") == joined
    for role in ("", "admin", "OWNER"):
        problem(me.get("/v1/users/me/servers", role=role), 400, "invalid_request")
    ok(me.delete(f"/v1/servers/{own[0]}"), 204)
    leave(me, joined[0])
    assert ids() == sorted(own[1:] + joined[1:], key=int)
    rooms, _ = me.pages("/v1/rooms", 3)
    assert {r["id"] for r in rooms if r["kind"] == "server"} == set(ids())


def test_pages_neither_skip_nor_repeat_while_people_come_and_go(hum, owner, server):
    people = [hum.sign_up() for _ in range(9)]
    for person in people:
        join(person, server)
    seen, cursor, late = [], {}, []
    while True:
        page = ok(owner.get(f"/v1/servers/{server}/members", limit=2, **cursor))
        seen += [m["user"]["id"] for m in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        if len(late) < 3:
            late.append(hum.sign_up())
            join(late[-1], server)
            leave(people[len(late) - 1], server)
    assert len(seen) == len(set(seen))
    assert {p.id for p in people[3:]} | {owner.id} <= set(seen)


@pytest.mark.parametrize("path", ["/v1/users/me/servers", "/v1/servers/{}/members", "/v1/servers/{}/bans",
                                  "/v1/servers/{}/channels", "/v1/invites"])
@pytest.mark.parametrize("query", [{"cursor": "x"}, {"cursor": "-1"}, {"limit": "x"}, {"limit": "1.5"}])
def test_what_is_no_page(owner, server, path, query):
    problem(owner.get(path.format(server), **query), 400, "invalid_request")


# --- the search ---


def found(person, q, limit=100, **query):
    items, _ = person.pages("/v1/servers/search", limit, q=q, **query)
    return [s["name"] for s in items]


def test_prefix_first_then_similar(hum, owner, stranger):
    word = unique("garden")
    names = [f"{word} Zürich", f"{word.upper()} aarau", f"The {word} of delights", f"{word[:-1]}"]
    for name in names:
        ok(owner.post("/v1/servers", {"name": name}), 201)
    hidden = make_server(owner, "private", name=f"{word} hidden")
    gone = make_server(owner, name=f"{word} gone")
    ok(owner.delete(f"/v1/servers/{gone['id']}"), 204)
    assert found(stranger, word) == [names[1], names[0], names[2], names[3]] or \
        found(stranger, word)[:3] == [names[1], names[0], names[2]]
    assert found(stranger, word + " ZÜR") [0] == names[0]
    assert found(stranger, word, limit=1) == found(stranger, word), "by one as by a hundred"
    assert hidden["name"] not in found(owner, word), "the owner lists it, nobody finds it"
    swapped = word[:3] + word[4] + word[3] + word[5:]
    assert names[0] in found(stranger, swapped)


def test_what_a_search_takes(alice):
    for q in ("", "x" * 101):
        problem(alice.get("/v1/servers/search", q=q), 400, "invalid_request")
    problem(alice.get("/v1/servers/search"), 400, "invalid_request")
    for q in ("%", "_", "\\", "'", "a%' or 1=1 --", "\U0010ffff", "日", "\u202e", " "):
        assert "items" in ok(alice.get("/v1/servers/search", q=q))
    for cursor in ("", "x", "MA", "LTEgMSBh", "OTk5OTk5OTk5OTk5IDEgYQ", "MCAwMSBh", "/w"):
        problem(alice.get("/v1/servers/search", q="a", cursor=cursor), 400, "invalid_request")


def test_search_pages_while_servers_are_made(owner, stranger):
    word = unique("pager")
    for i in range(7):
        make_server(owner, name=f"{word} {i}5")
    seen, cursor = [], {}
    while True:
        page = ok(stranger.get("/v1/servers/search", q=word, limit=2, **cursor))
        seen += [s["name"] for s in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        make_server(owner, name=f"{word} {len(seen)}1")
    assert len(seen) == len(set(seen))
    assert {f"{word} {i}5" for i in range(7)} <= set(seen)


# --- the end ---


def test_a_server_that_is_deleted(hum, owner):
    """Gone at once; the members are told by and by, and the rows go."""
    server = make_server(owner)
    number = server["id"]
    people = [hum.sign_up() for _ in range(3)]
    channel = make_channel(owner, number)
    for person in people:
        join(person, number)
        enter(person, channel)
    outsider = hum.sign_up()
    invited = invite(owner, number, outsider)
    code = make_code(owner, number)
    ok(post(owner, number), 201)
    ok(post(people[0], channel), 201)
    ok(people[0].put(f"/v1/rooms/{number}/read", {"seq": 1}), 204)
    ok(owner.delete(f"/v1/servers/{number}"), 204)
    for person in (owner, *people):
        for path in (f"/v1/servers/{number}", f"/v1/rooms/{number}", f"/v1/rooms/{number}/messages",
                     f"/v1/rooms/{channel}", f"/v1/channels/{channel}/members"):
            problem(person.get(path), 404, "not_found")
        for room in (number, channel):
            problem(post(person, room), 404, "not_found")
        assert number not in [s["id"] for s in ok(person.get("/v1/users/me/servers", limit=100))["items"]]
    problem(owner.delete(f"/v1/servers/{number}"), 404, "not_found")
    problem(outsider.put(f"/v1/servers/{number}/members/me"), 404, "not_found")
    problem(outsider.post(f"/v1/invites/{invited}/accept"), 404, "not_found")
    problem(redeem(outsider, code), 404, "not_found")
    eventually(lambda: not hum.database.rows("select 1 from rooms where id in (%s, %s)", number, channel))
    for person in people:
        (told,) = [m for m in person.inbox() if m["kind"] == "server_removed"]
        assert told["data"] == {"reason": "deleted", "server": {"id": number, "name": server["name"]}}
    assert not [m for m in owner.inbox() if m["kind"] == "server_removed"], "who did it knows"
    for table in ("servers", "channels"):
        assert not hum.database.rows(f"select 1 from {table} where id in (%s, %s)", number, channel)
    for table in ("server_members", "server_bans", "server_invites", "invite_codes", "channel_members"):
        assert not hum.database.rows(f"select 1 from {table} where server_id = %s", number)
    for table in ("messages", "read_marks", "jobs"):
        assert not hum.database.rows(f"select 1 from {table} where room_id in (%s, %s)", number, channel)
    assert (number, {"server": number}) in events(hum, "ServerDeleted", owner.id)


def test_deletes_that_race(hum, owner, alice):
    server = make_server(owner)["id"]
    answers = race(*[lambda: owner.delete(f"/v1/servers/{server}")] * 4,
                   *[lambda: alice.put(f"/v1/servers/{server}/members/me")] * 4,
                   *[lambda: post(owner, server)] * 4)
    assert sorted(r.status_code for r in answers[:4]) == [204, 404, 404, 404]
    assert {r.status_code for r in answers[4:8]} <= {200, 404}
    assert {r.status_code for r in answers[8:]} <= {201, 404}
    assert sum(s == server for s, _ in events(hum, "ServerDeleted", owner.id)) == 1
    eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", server))


def test_a_large_server_goes_piece_by_piece(hum, owner, alice):
    """More members than one piece holds: each is told once, while others go on."""
    server = make_server(owner)["id"]
    hum.database.rows("""
        with people as (insert into users (id, email, nickname, nickname_key)
                        select hum_id(), n, n, n from (select %s || i as n from generate_series(1, 1234) i) x
                        returning id),
             inboxes as (insert into rooms (id, kind) select id, 4 from people)
        insert into server_members (server_id, user_id) select %s, id from people""", unique("many"), server)
    people = [r[0] for r in hum.database.rows("select user_id from server_members where server_id = %s"
                                              " and user_id <> %s", server, owner.id)]
    ok(owner.delete(f"/v1/servers/{server}"), 204)
    assert ok(alice.get("/v1/rooms"))
    eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", server))
    told = hum.database.rows("select room_id, count(*), max(seq) from messages where kind = 22"
                             " and room_id = any (%s) group by room_id", people)
    assert len(told) == len(people) == 1234 and {r[1:] for r in told} == {(1, 1)}
    assert hum.database.value("select count(*) from events where kind = 'NotificationSent'"
                              " and subject_id = any (%s)", people) == 1234
