"""Channels: made and deleted by the owner; one at a time per person."""

import pytest

from lib.mqtt import eventually
from lib.race import race
from lib.rest import ok, problem, unique
from lib.servers import enter, events, inside, join, leave, make_channel, make_server

NOBODY = "9223372036854775807"


@pytest.fixture(scope="module")
def owner(hum):
    return hum.sign_up()


@pytest.fixture(scope="module")
def server(owner):
    return make_server(owner)["id"]


@pytest.fixture
def member(hum, server):
    person = hum.sign_up()
    join(person, server)
    return person


@pytest.fixture
def channel(owner, server):
    return make_channel(owner, server)


def put(person, channel):
    return person.put(f"/v1/channels/{channel}/members/me")


def post(person, room, text="hello"):
    return person.post(f"/v1/rooms/{room}/messages", {"nonce": unique("n"), "text": text})


def test_a_new_channel(hum, owner, member, server):
    made = ok(owner.post(f"/v1/servers/{server}/channels", {"name": "Lobby"}), 201)
    assert made == {"id": made["id"], "server_id": server, "name": "Lobby", "joined": False,
                    "topic": f"server/{server}/channel/{made['id']}", "created_at": made["created_at"]}
    assert made in ok(member.get(f"/v1/servers/{server}/channels", limit=100))["items"]
    assert (made["id"], {"server": server, "channel": made["id"]}) in events(hum, "ChannelCreated", owner.id)


def test_the_owner_alone_makes_and_deletes(owner, member, stranger, server, channel):
    problem(member.post(f"/v1/servers/{server}/channels", {"name": "x"}), 403, "not_owner")
    problem(stranger.post(f"/v1/servers/{server}/channels", {"name": "x"}), 403, "not_owner")
    problem(member.delete(f"/v1/channels/{channel}"), 403, "not_owner")
    problem(stranger.delete(f"/v1/channels/{channel}"), 403, "not_owner")
    problem(stranger.get(f"/v1/channels/{channel}/members"), 403, "forbidden")
    problem(put(stranger, channel), 403, "forbidden")
    ok(owner.delete(f"/v1/channels/{channel}"), 204)
    problem(owner.delete(f"/v1/channels/{channel}"), 404, "not_found")


def test_who_is_in_it_writes_and_reads(hum, owner, member, server, channel):
    problem(post(member, channel), 404, "not_found")
    assert enter(member, channel)["joined"] is True
    assert enter(member, channel)["joined"] is True, "again changes nothing"
    room = ok(member.get(f"/v1/rooms/{channel}"))
    assert room == {"id": channel, "kind": "channel", "topic": f"server/{server}/channel/{channel}",
                    "title": "general", "last_seq": 0, "read_seq": 0, "unread": 0, "can_send": True}
    assert room in ok(member.get("/v1/rooms", limit=100))["items"]
    sent = ok(post(member, channel, "hi"), 201)
    assert member.history(channel) == [sent]
    problem(owner.get(f"/v1/rooms/{channel}/messages"), 404, "not_found")
    problem(post(owner, channel), 404, "not_found")
    enter(owner, channel)
    assert owner.history(channel) == [sent]
    assert ok(owner.get(f"/v1/rooms/{channel}"))["unread"] == 1
    assert inside(member, channel) == {member.id, owner.id}
    ok(member.delete(f"/v1/channels/{channel}/members/me"), 204)
    problem(member.delete(f"/v1/channels/{channel}/members/me"), 404, "not_found")
    for answer in (member.get(f"/v1/rooms/{channel}"), post(member, channel)):
        problem(answer, 404, "not_found")
    assert inside(member, channel) == {owner.id}
    assert [s for s, _ in events(hum, "ChannelJoined", member.id)] == [channel]
    assert [s for s, _ in events(hum, "ChannelLeft", member.id)] == [channel]


def test_joining_one_leaves_the_other(hum, owner, member, channel):
    other = make_server(owner)["id"]
    join(member, other)
    second = make_channel(owner, other)
    enter(member, channel)
    enter(member, second)
    assert inside(owner, channel) == set() and inside(owner, second) == {member.id}
    problem(post(member, channel), 404, "not_found")
    problem(member.delete(f"/v1/channels/{channel}/members/me"), 404, "not_found")
    ok(post(member, second), 201)
    assert [s for s, _ in events(hum, "ChannelJoined", member.id)] == [channel, second]
    assert [s for s, _ in events(hum, "ChannelLeft", member.id)] == [channel]


def test_20_racing_joins_of_two_channels_end_in_one(hum, owner, member, channel):
    other = make_server(owner)["id"]
    join(member, other)
    channels = [channel, make_channel(owner, other)]
    answers = race(*[lambda c=c: put(member, c) for c in channels * 10])
    assert {r.status_code for r in answers} == {200}
    where = [c for c in channels if member.id in inside(owner, c)]
    assert len(where) == 1
    assert hum.database.value("select count(*) from channel_members where user_id = %s", member.id) == 1
    joined = [s for s, _ in events(hum, "ChannelJoined", member.id)]
    left = [s for s, _ in events(hum, "ChannelLeft", member.id)]
    assert len(joined) == len(left) + 1 and joined[-1] == where[0]
    ok(post(member, where[0]), 201)
    (other_one,) = set(channels) - set(where)
    problem(post(member, other_one), 404, "not_found")


def test_joins_that_race_with_leaving_the_server(hum, owner, channel, server):
    for _ in range(6):
        person = hum.sign_up()
        join(person, server)
        race(*[lambda: put(person, channel)] * 3,
             lambda: person.delete(f"/v1/servers/{server}/members/me"),
             lambda: owner.delete(f"/v1/servers/{server}/members/{person.id}"))
        assert person.id not in inside(owner, channel)
        assert not hum.database.rows("select 1 from channel_members where user_id = %s", person.id)
        problem(post(person, channel), 404, "not_found")


def test_leaving_the_server_leaves_its_channel(owner, member, server, channel):
    enter(member, channel)
    leave(member, server)
    assert inside(owner, channel) == set()
    join(member, server)
    problem(member.get(f"/v1/rooms/{channel}"), 404, "not_found")


def test_a_channel_that_is_deleted(hum, owner, member, server):
    channel = make_channel(owner, server, "Doomed")
    enter(member, channel)
    ok(post(member, channel), 201)
    ok(owner.delete(f"/v1/channels/{channel}"), 204)
    for answer in (post(member, channel), member.get(f"/v1/rooms/{channel}"), put(member, channel),
                   member.get(f"/v1/channels/{channel}/members"),
                   member.delete(f"/v1/channels/{channel}/members/me")):
        problem(answer, 404, "not_found")
    assert channel not in [c["id"] for c in ok(member.get(f"/v1/servers/{server}/channels", limit=100))["items"]]
    eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", channel))
    (told,) = [m for m in member.inbox() if m["kind"] == "channel_removed"]
    assert told["data"]["channel"] == {"id": channel, "name": "Doomed"}
    assert told["data"]["server"]["id"] == server and told["data"]["reason"] == "deleted"
    assert not hum.database.rows("select 1 from messages where room_id = %s", channel)
    assert ok(member.get(f"/v1/servers/{server}"))["role"] == "member", "the server stays"
    another = make_channel(owner, server)
    enter(member, another)
    ok(post(member, another), 201)


def test_deletes_and_joins_that_race(hum, owner, member, server):
    channel = make_channel(owner, server)
    answers = race(*[lambda: owner.delete(f"/v1/channels/{channel}")] * 4, *[lambda: put(member, channel)] * 4)
    assert sorted(r.status_code for r in answers[:4]) == [204, 404, 404, 404]
    assert {r.status_code for r in answers[4:]} <= {200, 404}
    problem(post(member, channel), 404, "not_found")
    eventually(lambda: not hum.database.rows("select 1 from rooms where id = %s", channel))


def test_pages_of_channels(owner):
    server = make_server(owner)["id"]
    made = [make_channel(owner, server, f"c{i}") for i in range(5)]
    items, pages = owner.pages(f"/v1/servers/{server}/channels", 2)
    assert [c["id"] for c in items] == made and pages == 3


def test_as_many_as_there_may_be(hum, owner):
    server = make_server(owner)["id"]
    hum.database.rows(
        "with r as (insert into rooms (id, kind) select hum_id(), 3 from generate_series(1, 498) returning id)"
        " insert into channels (id, server_id, name) select id, %s, 'x' from r", server)
    answers = race(*[lambda: owner.post(f"/v1/servers/{server}/channels", {"name": "x"})] * 6)
    assert sorted(r.status_code for r in answers) == [201, 201, 409, 409, 409, 409]
    problem(owner.post(f"/v1/servers/{server}/channels", {"name": "x"}), 409, "limit_reached")


def test_nothing_to_find(alice):
    for method, path in (("DELETE", ""), ("PUT", "/members/me"), ("DELETE", "/members/me"), ("GET", "/members")):
        problem(alice.call(method, f"/v1/channels/{NOBODY}{path}"), 404, "not_found")
