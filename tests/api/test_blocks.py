"""Blocks: what they end, what they stop, what they leave."""

import pytest

from lib.race import race
from lib.rest import ok, problem, unique
from lib.servers import events, invite, join, make_server, members

PUBLIC = {"id", "nickname", "about", "avatar_url"}


def put(a, b):
    return a.put(f"/v1/blocks/{b.id}")


def block(a, b):
    ok(put(a, b), 204)


def unblock(a, b):
    ok(a.delete(f"/v1/blocks/{b.id}"), 204)


def blocked(person):
    items, _ = person.pages("/v1/blocks", 100)
    return [item["user"]["id"] for item in items]


def ask(a, b):
    return a.post("/v1/friends/requests", {"user_id": b.id})


def accept(b, a):
    return b.post(f"/v1/friends/requests/{a.id}/accept")


def relation(a, b):
    items, _ = a.pages("/v1/friends", 100, state="all")
    return [item["state"] for item in items if item["user"]["id"] == b.id]


def finds(a, b):
    items, _ = a.pages("/v1/users/search", 100, nickname=b.nickname)
    return b.id in [item["id"] for item in items]


def kinds(person):
    return [m["kind"] for m in person.inbox()]


@pytest.fixture
def two(hum):
    return hum.sign_up(), hum.sign_up()


@pytest.fixture
def friends(hum, two):
    hum.befriend(*two)
    return two


# --- the list ---


def test_the_list(hum, two):
    a, b = two
    assert ok(a.get("/v1/blocks")) == {"items": [], "next": None}
    block(a, b)
    (item,) = ok(a.get("/v1/blocks"))["items"]
    assert set(item) == {"user", "since"} and set(item["user"]) == PUBLIC
    assert item["user"] == ok(hum.sign_up().get(f"/v1/users/{b.id}"))
    assert blocked(b) == [], "nobody is told whose list they are on"
    unblock(a, b)
    assert blocked(a) == []


def test_pages(hum):
    a = hum.sign_up()
    others = [hum.sign_up() for _ in range(5)]
    for person in others[::-1]:
        block(a, person)
    items, pages = a.pages("/v1/blocks", 2)
    assert [i["user"]["id"] for i in items] == [p.id for p in others] and pages == 3


def test_again_changes_nothing(hum, two):
    a, b = two
    block(a, b)
    since = ok(a.get("/v1/blocks"))["items"]
    block(a, b)
    assert ok(a.get("/v1/blocks"))["items"] == since
    assert events(hum, "UserBlocked", a.id) == [(b.id, {})]
    unblock(a, b)
    problem(a.delete(f"/v1/blocks/{b.id}"), 404, "not_found")
    assert events(hum, "UserUnblocked", a.id) == [(b.id, {})]


def test_each_the_other(two):
    a, b = two
    block(a, b)
    block(b, a)
    unblock(a, b)
    assert (blocked(a), blocked(b)) == ([], [a.id])
    problem(ask(a, b), 403, "forbidden")


def test_oneself_and_nobody(hum, two):
    a, b = two
    problem(put(a, a), 400, "invalid_request")
    hum.befriend(a, b)
    dm = hum.open_dm(a, b)
    for number in ("1", "9223372036854775807", a.sid, dm, make_server(a)["id"]):
        problem(a.put(f"/v1/blocks/{number}"), 404, "not_found")
        problem(a.delete(f"/v1/blocks/{number}"), 404, "not_found")


# --- what it ends ---


@pytest.mark.parametrize("who", [0, 1], ids=["the one who had asked", "the one who was asked"])
def test_a_friendship_ends(hum, friends, who):
    a, b = friends[who], friends[1 - who]
    dm = hum.open_dm(a, b)
    a.say(dm, "before")
    told = kinds(b)
    block(a, b)
    assert relation(a, b) == relation(b, a) == []
    assert kinds(b) == [*told, "friend_removed"]
    assert "friend_removed" not in kinds(a)
    assert events(hum, "FriendRemoved", a.id) == [(b.id, {})]
    for person, other in ((a, b), (b, a)):
        problem(person.post(f"/v1/rooms/{dm}/messages", {"nonce": unique("n"), "text": "x"}), 403, "not_friends")
        problem(person.post("/v1/dms", {"user_id": other.id}), 403, "not_friends")
        assert [m["text"] for m in person.history(dm)] == ["before"], "what was said stays"
        assert ok(person.get(f"/v1/rooms/{dm}"))["can_send"] is False


def test_strangers_are_told_nothing(two):
    a, b = two
    block(a, b)
    assert kinds(a) == kinds(b) == []


@pytest.mark.parametrize("who", [0, 1], ids=["of one's own", "of the other"])
def test_a_request_is_gone(hum, two, who):
    a, b = two
    ok(ask(two[who], two[1 - who]), 201)
    block(a, b)
    assert relation(a, b) == relation(b, a) == []
    problem(accept(a, b), 404, "not_found")
    problem(accept(b, a), 404, "not_found")
    unblock(a, b)
    assert relation(a, b) == relation(b, a) == [], "unblocking restores nothing"
    ok(ask(b, a), 201)


@pytest.mark.parametrize("who", [0, 1], ids=["of one's own", "of the other"])
def test_an_invite_is_gone(hum, two, who):
    a, b = two
    host, guest = two[who], two[1 - who]
    server = make_server(host, "private")["id"]
    third = hum.sign_up()
    invite(host, server, third)
    number = invite(host, server, guest)
    block(a, b)
    problem(guest.post(f"/v1/invites/{number}/accept"), 404, "not_found")
    assert ok(guest.get("/v1/invites"))["items"] == []
    problem(guest.put(f"/v1/servers/{server}/members/me"), 403, "invite_required")
    assert len(ok(third.get("/v1/invites"))["items"]) == 1, "others' stay"


def test_an_invite_by_somebody_else_stays(hum, two):
    a, b = two
    owner = hum.sign_up()
    server = make_server(owner, "private")["id"]
    number = invite(owner, server, b)
    block(a, b)
    ok(b.post(f"/v1/invites/{number}/accept"))


# --- what it stops ---


def test_requests_are_stopped_both_ways(two):
    a, b = two
    block(a, b)
    problem(ask(a, b), 409, "blocked")
    problem(ask(b, a), 403, "forbidden")
    problem(a.post("/v1/friends/requests", {"nickname": b.nickname}), 409, "blocked")
    problem(b.post("/v1/friends/requests", {"nickname": a.nickname.upper()}), 403, "forbidden")
    assert relation(a, b) == relation(b, a) == kinds(a) == kinds(b) == []
    unblock(a, b)
    ok(ask(b, a), 201)
    ok(accept(a, b))


def test_invites_are_stopped_both_ways(hum, two):
    a, b = two
    own, other = make_server(a)["id"], make_server(b)["id"]
    block(a, b)
    problem(a.post(f"/v1/servers/{own}/invites", {"user_id": b.id}), 409, "blocked")
    problem(b.post(f"/v1/servers/{other}/invites", {"user_id": a.id}), 403, "forbidden")
    assert kinds(a) == kinds(b) == []
    unblock(a, b)
    invite(a, own, b)
    invite(b, other, a)


def test_neither_finds_the_other(hum, two):
    a, b = two
    third = hum.sign_up()
    assert finds(a, b) and finds(b, a)
    block(a, b)
    assert not finds(a, b) and not finds(b, a)
    assert finds(third, a) and finds(third, b) and finds(a, third) and finds(a, a)
    unblock(a, b)
    assert finds(a, b) and finds(b, a)


@pytest.mark.parametrize("who", [0, 1], ids=["who blocks", "who is blocked"])
def test_similar_names_are_hidden_as_well(two, who):
    one, other = two[who], two[1 - who]
    name = unique("Nightingale")
    ok(other.patch("/v1/users/me", {"nickname": name}))
    swapped = name[:3] + name[4] + name[3] + name[5:]

    def similar():
        return name in [i["nickname"] for i in ok(one.get("/v1/users/search", nickname=swapped))["items"]]

    assert similar()
    block(*two)
    assert not similar()


def test_profiles_and_shared_servers_go_on(hum, two):
    a, b = two
    owner = hum.sign_up()
    server = make_server(owner)["id"]
    for person in two:
        join(person, server)
    block(a, b)
    for one, other in ((a, b), (b, a)):
        assert ok(one.get(f"/v1/users/{other.id}"))["nickname"] == other.nickname
        assert members(one, server) == {owner.id: "owner", a.id: "member", b.id: "member"}


def test_a_server_of_the_blocked_is_still_open(two):
    a, b = two
    server = make_server(b)["id"]
    block(a, b)
    join(a, server)


def test_others_are_not_concerned(hum, two):
    a, b = two
    third = hum.sign_up()
    block(a, b)
    hum.befriend(third, a)
    hum.befriend(third, b)
    assert hum.open_dm(third, a) != hum.open_dm(third, b)
    problem(third.delete(f"/v1/blocks/{b.id}"), 404, "not_found")
    assert blocked(a) == [b.id]


def test_friends_again_use_the_same_room(hum, friends):
    a, b = friends
    dm = hum.open_dm(a, b)
    block(a, b)
    unblock(a, b)
    problem(a.post("/v1/dms", {"user_id": b.id}), 403, "not_friends")
    hum.befriend(b, a)
    assert hum.open_dm(a, b) == dm
    assert a.say(dm, "again")["seq"] == 1


# --- at the same time ---


def nothing_between(hum, a, b):
    """No row is left that a block excludes."""
    assert relation(a, b) == relation(b, a) == []
    for table, one, other in (("friendships", "user_id", "friend_id"), ("friend_requests", "from_id", "to_id"),
                              ("server_invites", "inviter_id", "user_id")):
        sql = f"select count(*) from {table} where ({one}, {other}) in ((%s, %s), (%s, %s))"
        assert hum.database.value(sql, a.id, b.id, b.id, a.id) == 0, table


def test_blocks_that_race(hum, friends):
    a, b = friends
    answers = race(*[lambda: put(a, b), lambda: put(b, a)] * 6)
    assert {r.status_code for r in answers} == {204}
    assert (blocked(a), blocked(b)) == ([b.id], [a.id])
    removed = events(hum, "FriendRemoved", a.id) + events(hum, "FriendRemoved", b.id)
    assert len(removed) == 1
    assert len(events(hum, "UserBlocked", a.id)) == len(events(hum, "UserBlocked", b.id)) == 1
    assert sorted(kinds(a) + kinds(b)).count("friend_removed") == 1


def test_a_block_races_with_accepting(hum):
    for _ in range(8):
        a, b = hum.sign_up(), hum.sign_up()
        ok(ask(b, a), 201)
        accepted, put_ = race(lambda: accept(a, b), lambda: put(b, a))
        ok(put_, 204)
        assert accepted.status_code in (200, 404), accepted.text
        nothing_between(hum, a, b)
        removed = events(hum, "FriendRemoved", b.id)
        assert len(removed) == (1 if accepted.status_code == 200 else 0)


def test_a_block_races_with_asking_from_both_sides(hum):
    for _ in range(8):
        a, b = hum.sign_up(), hum.sign_up()
        *asked, put_ = race(lambda: ask(a, b), lambda: ask(b, a), lambda: put(a, b))
        ok(put_, 204)
        assert asked[0].status_code in (200, 201, 409) and asked[1].status_code in (200, 201, 403)
        nothing_between(hum, a, b)


def test_a_block_races_with_inviting(hum):
    for _ in range(6):
        a, b = hum.sign_up(), hum.sign_up()
        server = make_server(a)["id"]
        sent, put_ = race(lambda: a.post(f"/v1/servers/{server}/invites", {"user_id": b.id}), lambda: put(b, a))
        ok(put_, 204)
        assert sent.status_code in (201, 403), sent.text
        nothing_between(hum, a, b)


def test_a_block_races_with_opening_a_dm(hum):
    for _ in range(6):
        a, b = hum.sign_up(), hum.sign_up()
        hum.befriend(a, b)
        opened, put_ = race(lambda: a.post("/v1/dms", {"user_id": b.id}), lambda: put(b, a))
        ok(put_, 204)
        assert opened.status_code in (201, 403), opened.text
        if opened.status_code == 201:
            assert ok(a.get(f"/v1/rooms/{opened.json()['id']}"))["can_send"] is False


def test_a_block_races_with_sending(hum):
    """Once it is answered nothing more comes into the room; what was sent is there whole, or refused."""
    for _ in range(4):
        a, b, dm = hum.pair()
        codes = []

        def talk(a=a, dm=dm, codes=codes):
            while True:
                answer = a.post(f"/v1/rooms/{dm}/messages", {"nonce": unique("n"), "text": "x"})
                codes.append(answer.status_code)
                if answer.status_code != 201:
                    problem(answer, 403, "not_friends")
                    return

        def stop(a=a, b=b, dm=dm):
            ok(put(b, a), 204)
            return ok(b.get(f"/v1/rooms/{dm}"))["last_seq"]

        _, last_seq = race(talk, stop)
        assert len(b.history(dm)) == last_seq == codes.count(201)


def test_sign_in_is_needed(hum, alice):
    for method, path in (("GET", "/v1/blocks"), ("PUT", f"/v1/blocks/{alice.id}"),
                         ("DELETE", f"/v1/blocks/{alice.id}")):
        problem(hum.rest.call(method, path), 401, "unauthorized")
