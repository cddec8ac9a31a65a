"""Every object's id in the hands of somebody else, in every route that takes one: generated from the route table, so that
a new route is tried without a line here, and fails until it is said what may be done with it."""

import itertools
import re

import pytest

from lib.rest import ok, problem, unique
from lib.routes import ROUTES, name
from lib.servers import enter, invite, kick, leave, make_channel, make_code, make_server, redeem

WITH_ID = [r for r in ROUTES if "{" in r.path and r.auth == "SIGNED_IN"]
NOBODY = "9223372036854775807"


class World:
    """alice and bob are friends and talk. alice has a public and a private server; bob is in both, and in the
    channel of each, and has posted there. carol is invited to the private one, and has asked alice to be friends."""

    def __init__(self, hum):
        self.hum = hum
        self.alice, self.bob, self.carol = (hum.sign_up() for _ in range(3))
        hum.befriend(self.alice, self.bob)
        dm = hum.open_dm(self.alice, self.bob)
        public, private = make_server(self.alice)["id"], make_server(self.alice, "private")["id"]
        channels = [make_channel(self.alice, server) for server in (public, private)]
        self.codes = [make_code(self.alice, server) for server in (public, private)]
        self.let_in(self.bob)
        self.ids = {
            "alice": self.alice.id, "bob": self.bob.id, "carol": self.carol.id, "dm": dm, "public": public,
            "private": private, "channel": channels[0], "private channel": channels[1],
            "invite": invite(self.alice, private, self.carol), "session": self.alice.sid, "nothing": NOBODY,
        }
        ok(self.carol.post("/v1/friends/requests", {"user_id": self.alice.id}), 201)
        for room in (dm, public, private):
            self.alice.say(room, "a secret")
        for channel in channels:
            enter(self.bob, channel)
            self.bob.say(channel, "a secret")
        self.people = [int(p.id) for p in (self.alice, self.bob, self.carol)]
        self.rooms = [int(i) for i in (dm, public, private, *channels)]

    def let_in(self, person):
        for code in self.codes:
            ok(redeem(person, code))

    def state(self):
        """All that nobody else may have changed."""
        own = {
            "users": "select * from users where id = any (%(people)s)",
            "sessions": "select id, user_id, expires_at, revoked_at from sessions where user_id = any (%(people)s)",
            "friendships": "select * from friendships where user_id = any (%(people)s) and friend_id = any (%(people)s)",
            "friend_requests": "select * from friend_requests where from_id = any (%(people)s) and to_id = any (%(people)s)",
            "blocks": "select * from blocks where user_id = any (%(people)s)",
            "rooms": "select * from rooms where id = any (%(rooms)s)",
            "messages": "select * from messages where room_id = any (%(rooms)s)",
            "read_marks": "select * from read_marks where user_id = any (%(people)s)",
            "servers": "select * from servers where id = any (%(rooms)s)",
            "channels": "select * from channels where server_id = any (%(rooms)s)",
            "server_members": "select * from server_members where user_id = any (%(people)s)",
            "channel_members": "select * from channel_members where user_id = any (%(people)s)",
            "server_bans": "select * from server_bans where user_id = any (%(people)s)",
            "server_invites": "select * from server_invites where user_id = any (%(people)s) or inviter_id = any (%(people)s)",
            "invite_codes": "select * from invite_codes where server_id = any (%(rooms)s)",
        }
        bounds = {"people": self.people, "rooms": self.rooms}
        with self.hum.database.session() as cursor:
            found = {}
            for table, sql in own.items():
                cursor.execute(f"select x::text from ({sql}) x order by 1", bounds)
                found[table] = cursor.fetchall()
            return found


@pytest.fixture(scope="module")
def world(hum):
    return World(hum)


def fill(route, numbers):
    path = route.path.replace("{code}", "x" * 22)
    for number in numbers:
        path = path.replace("{id}", number, 1)
    return path


def call(person, route, numbers):
    body = {"nonce": unique("n"), "text": "x", "seq": 1, "user_id": person.id, "name": "x", "password": "x"}
    return person.call(route.method, fill(route, numbers), json=None if route.limit == "NO_BODY" else body)


def code_of(answer):
    return answer.json()["code"] if answer.status_code >= 400 else None


def combinations(world, route, person):
    """Names and numbers for the ids of the path: the first is any object, the second what may stand below it."""
    count = route.path.count("{id}")
    below = {"alice": world.alice.id, "bob": world.bob.id, "oneself": person.id, "1": "1", "nothing": NOBODY}
    for names in itertools.product(world.ids, *[below] * (count - 1)) if count else [()]:
        yield names, [(world.ids if i == 0 else below)[n] for i, n in enumerate(names)]


# What anybody may do with what is open to all, by the first id; everything else is refused.
USERS = {"alice", "bob", "carol"}
ANYBODY = {
    "GET /v1/users/{id}": USERS,
    "PUT /v1/blocks/{id}": USERS,
    "GET /v1/servers/{id}": {"public"},
    "PUT /v1/servers/{id}/members/me": {"public"},
}
# What is not there for others: like an id that nothing has.
HIDDEN = {"dm", "private", "private channel", "invite", "session"}
TELLING = {"PUT /v1/servers/{id}/members/me"}  # says that one needs an invite, as the contract wants it


def stranger(hum, world):
    return hum.sign_up()


def banned(hum, world):
    """Who is kept out has no more than a stranger, and cannot come again."""
    person = hum.sign_up()
    world.let_in(person)
    enter(person, world.ids["channel"])
    for server in ("public", "private"):
        kick(world.alice, world.ids[server], person, ban="true")
    return person


def former(hum, world):
    """Who was in the servers, in a channel, and friends with alice."""
    person = hum.sign_up()
    hum.befriend(world.alice, person)
    hum.open_dm(world.alice, person)
    ok(person.delete(f"/v1/friends/{world.alice.id}"), 204)
    world.let_in(person)
    enter(person, world.ids["private channel"])
    for server in ("public", "private"):
        leave(person, world.ids[server])
    return person


@pytest.mark.parametrize("who", [stranger, former, banned], ids=lambda f: f.__name__)
@pytest.mark.parametrize("route", WITH_ID, ids=name)
def test_in_the_hands_of_somebody_else(hum, world, route, who):
    person = who(hum, world)
    before = world.state()
    may = ANYBODY.get(name(route), set())
    if who is banned and route.path.endswith("/members/me"):
        may = set()
    done = set()
    for names, numbers in combinations(world, route, person):
        answer = call(person, route, numbers)
        assert answer.status_code < 500, (names, answer.text)
        assert "a secret" not in answer.text, names
        if answer.status_code < 400:
            done.add(names[0])
            continue
        problem(answer, answer.status_code, code_of(answer))
        if names and names[0] in HIDDEN and name(route) not in TELLING:
            nothing = call(person, route, [NOBODY, *numbers[1:]])
            assert (answer.status_code, answer.json()) == (nothing.status_code, nothing.json()), names
            assert answer.status_code == 404, names
    assert done == may
    assert world.state() == before


# --- what belongs to the owner, in the hands of a member ---

OF_THE_OWNER = [
    "PATCH /v1/servers/{id}", "DELETE /v1/servers/{id}", "DELETE /v1/servers/{id}/members/{id}",
    "GET /v1/servers/{id}/bans", "GET /v1/servers/{id}/bans/{id}", "DELETE /v1/servers/{id}/bans/{id}",
    "POST /v1/servers/{id}/channels", "DELETE /v1/channels/{id}",
]
# What a member does with a server or its channel; on the rest a test of its own has its eye.
OF_MEMBERS = [
    "GET /v1/servers/{id}", "PUT /v1/servers/{id}/members/me", "DELETE /v1/servers/{id}/members/me",
    "GET /v1/servers/{id}/members", "POST /v1/servers/{id}/invites", "POST /v1/servers/{id}/invite-codes",
    "GET /v1/servers/{id}/channels", "PUT /v1/channels/{id}/members/me", "DELETE /v1/channels/{id}/members/me",
    "GET /v1/channels/{id}/members",
]


def test_it_is_said_of_each_route_whom_it_is_for():
    of_servers = {name(r) for r in WITH_ID if re.match(r"/v1/(servers|channels)/", r.path)}
    assert of_servers == set(OF_THE_OWNER) | set(OF_MEMBERS)
    assert set(ANYBODY) <= {name(r) for r in WITH_ID}


@pytest.mark.parametrize("route", [r for r in WITH_ID if name(r) in OF_THE_OWNER], ids=name)
def test_what_the_owner_may_a_member_may_not(world, route):
    before = world.state()
    objects = ("channel", "private channel") if "/channels/" in route.path else ("public", "private")
    for names, numbers in combinations(world, route, world.bob):
        if names[0] in objects:
            problem(call(world.bob, route, numbers), 403, "not_owner")
    assert world.state() == before


@pytest.mark.parametrize("route", [r for r in WITH_ID if "/messages/{id}" in r.path], ids=name)
def test_the_messages_of_others_are_theirs(world, route):
    """Those of a friend, those of a server's owner."""
    before = world.state()
    for room in ("dm", "public", "private"):
        answer = call(world.bob, route, [world.ids[room], "1"])
        problem(answer, 403, "forbidden" if room == "dm" or route.method == "DELETE" else "not_owner")
    assert world.state() == before


@pytest.mark.parametrize("route", [r for r in WITH_ID if "/invites/" in r.path], ids=name)
def test_an_invite_is_of_the_one_who_is_invited(world, route):
    """Neither of who invited, nor of another member."""
    before = world.state()
    for person in (world.alice, world.bob):
        problem(call(person, route, [world.ids["invite"]]), 404, "not_found")
    assert world.state() == before


@pytest.mark.parametrize("route", [r for r in WITH_ID if "/friends/requests/" in r.path], ids=name)
def test_a_request_is_of_its_two_people(world, route):
    """And each may do their own side of it: carol takes it back, alice answers."""
    before = world.state()
    wrong = [(world.bob, world.carol.id), (world.bob, world.alice.id)]
    wrong.append((world.alice, world.carol.id) if route.method == "DELETE" else (world.carol, world.alice.id))
    for person, other in wrong:
        problem(call(person, route, [other]), 404, "not_found")
    assert world.state() == before


# --- ids in bodies ---


def test_rooms_of_others_in_a_sync(hum, world):
    person = hum.sign_up()
    rooms = {number: 0 for number in world.ids.values()}
    answer = ok(person.post("/v1/sync", {"rooms": rooms}))
    assert answer["rooms"] == {} and set(answer["missing"]) == set(rooms)


@pytest.mark.parametrize("path", ["/v1/friends/requests", "/v1/dms", "/v1/servers/{}/invites"])
def test_what_is_nobody_in_a_body(hum, world, path):
    """A room, a server, a session in the place of a person."""
    person = hum.sign_up()
    path = path.format(make_server(person)["id"])
    for kind in ("dm", "public", "private", "channel", "invite", "session", "nothing"):
        problem(person.post(path, {"user_id": world.ids[kind]}), 404, "not_found")


def test_a_reply_to_a_message_of_another_room(world):
    """A number is of its own room."""
    for room in ("dm", "public"):
        last = ok(world.alice.get(f"/v1/rooms/{world.ids[room]}"))["last_seq"]
        body = {"nonce": unique("n"), "text": "x", "reply_to": last + 1}
        problem(world.alice.post(f"/v1/rooms/{world.ids[room]}/messages", body), 400, "invalid_payload")
