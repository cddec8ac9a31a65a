"""Every list, page by page, while rows are added and taken away: nothing is skipped, nothing comes twice. Which lists
there are, the specification says; what is not tried here is named with its place."""

import functools

import pytest

from lib import spec
from lib.rest import Rest, ok, problem, unique
from lib.servers import enter, invite, join, kick, leave, make_channel, make_server

ELSEWHERE = {"GET /v1/events": "tests/api/test_events.py", "GET /v1/auth/identities": "tests/api/test_oauth.py",
             "GET /v1/auth/oauth/providers": "one page: what the operator's file names"}


def answers_a_list(operation):
    media = spec.resolve(operation["responses"]["200"]).get("content", {}).get("application/json", {})
    schema = spec.resolve(media.get("schema", {}))
    return set(schema.get("required", [])) >= {"items", "next"}


LISTS = {f"{method} {spec.table_path(path)}" for method, path, operation in spec.operations()
         if method == "GET" and "200" in operation["responses"] and answers_a_list(operation)}


class Crowd:
    """People to fill lists with. Signing up takes long, so all tests share them."""

    def __init__(self, hum):
        self.hum, self.known = hum, []

    def person(self, number):
        while len(self.known) <= number:
            self.known.append(self.hum.sign_up())
        return self.known[number]


@pytest.fixture(scope="module")
def crowd(hum):
    return Crowd(hum)


class List:
    """One list. me: who asks. add(i) brings the row number i in; drop(i), where there is one, takes it away; both
    give its key. rising: rows come at the end, so that also those are seen that were added meanwhile."""

    rising = True
    drop = None

    def __init__(self, hum, crowd):
        self.hum, self.crowd = hum, crowd
        self.me = hum.sign_up()
        self.params = {}

    def key(self, item):
        return item["id"]

    def page(self, limit, cursor=None):
        more = {} if cursor is None else {"cursor": cursor}
        return ok(self.me.get(self.path, limit=limit, **self.params, **more))


class OfUsers(List):
    def key(self, item):
        return item["user"]["id"]


class People(List):
    path = "/v1/users/search"
    rising = False

    def __init__(self, *args):
        super().__init__(*args)
        self.word = unique("page")
        self.params = {"nickname": self.word}

    def add(self, i):
        # The later ones come before and between the first ones.
        name = f"{self.word}{'bdfhkmoqsaceglnpr'[i]}"
        return ok(self.crowd.person(i).patch("/v1/users/me", {"nickname": name}))["id"]


class Friends(OfUsers):
    path = "/v1/friends"
    rising = False

    def __init__(self, *args, state):
        super().__init__(*args)
        self.params = {"state": state}

    def add(self, i):
        other = self.crowd.person(i)
        if self.params["state"] == "incoming" or self.params["state"] == "all" and i % 3 == 1:
            ok(other.post("/v1/friends/requests", {"user_id": self.me.id}), 201)
        else:
            ok(self.me.post("/v1/friends/requests", {"user_id": other.id}), 201)
        if self.params["state"] == "accepted" or self.params["state"] == "all" and i % 3 == 2:
            ok(other.post(f"/v1/friends/requests/{self.me.id}/accept"))
        return other.id

    def drop(self, i):
        other = self.crowd.person(i)
        for path in (f"/v1/friends/{other.id}", f"/v1/friends/requests/{other.id}"):
            self.me.delete(path)
        other.delete(f"/v1/friends/requests/{self.me.id}")
        return other.id


class Blocks(OfUsers):
    path = "/v1/blocks"
    rising = False

    def add(self, i):
        ok(self.me.put(f"/v1/blocks/{self.crowd.person(i).id}"), 204)
        return self.crowd.person(i).id

    def drop(self, i):
        ok(self.me.delete(f"/v1/blocks/{self.crowd.person(i).id}"), 204)
        return self.crowd.person(i).id


class FoundServers(List):
    path = "/v1/servers/search"
    rising = False

    def __init__(self, *args):
        super().__init__(*args)
        self.word = unique("page")
        self.params = {"q": self.word}

    def add(self, i):
        return make_server(self.crowd.person(0), name=f"{self.word} {'bdfhkmoqsaceglnpr'[i]}")["id"]


class OnesServers(List):
    path = "/v1/users/me/servers"

    def __init__(self, *args, role):
        super().__init__(*args)
        self.params, self.made = {"role": role}, {}

    def add(self, i):
        own = self.params["role"] == "owner" or self.params["role"] == "all" and i % 2
        self.made[i] = make_server(self.me if own else self.crowd.person(0))["id"]
        if not own:
            join(self.me, self.made[i])
        return self.made[i]

    def drop(self, i):
        if not self.me.delete(f"/v1/servers/{self.made[i]}/members/me").ok:
            ok(self.me.delete(f"/v1/servers/{self.made[i]}"), 204)
        return self.made[i]


class InServer(OfUsers):
    rising = False

    def __init__(self, *args):
        super().__init__(*args)
        self.server = make_server(self.me)["id"]
        self.path = self.where.format(self.server)


class Members(InServer):
    where = "/v1/servers/{}/members"

    def add(self, i):
        join(self.crowd.person(i), self.server)
        return self.crowd.person(i).id

    def drop(self, i):
        leave(self.crowd.person(i), self.server)
        return self.crowd.person(i).id


class Bans(InServer):
    where = "/v1/servers/{}/bans"

    def add(self, i):
        kick(self.me, self.server, self.crowd.person(i), ban="true")
        return self.crowd.person(i).id

    def drop(self, i):
        ok(self.me.delete(f"{self.path}/{self.crowd.person(i).id}"), 204)
        return self.crowd.person(i).id


class Channels(List):
    def __init__(self, *args):
        super().__init__(*args)
        self.server, self.made = make_server(self.me)["id"], {}
        self.path = f"/v1/servers/{self.server}/channels"

    def add(self, i):
        self.made[i] = make_channel(self.me, self.server)
        return self.made[i]

    def drop(self, i):
        ok(self.me.delete(f"/v1/channels/{self.made[i]}"), 204)
        return self.made[i]


class InChannel(InServer):
    where = "/v1/servers/{}/channels"

    def __init__(self, *args):
        super().__init__(*args)
        self.channel = make_channel(self.me, self.server)
        self.path = f"/v1/channels/{self.channel}/members"

    def add(self, i):
        join(self.crowd.person(i), self.server)
        enter(self.crowd.person(i), self.channel)
        return self.crowd.person(i).id

    def drop(self, i):
        ok(self.crowd.person(i).delete(f"{self.path}/me"), 204)
        return self.crowd.person(i).id


class Invites(List):
    path = "/v1/invites"

    def __init__(self, *args):
        super().__init__(*args)
        self.made = {}

    def add(self, i):
        owner = self.crowd.person(i)
        self.made[i] = invite(owner, make_server(owner)["id"], self.me)
        return self.made[i]

    def drop(self, i):
        ok(self.me.post(f"/v1/invites/{self.made[i]}/decline"), 204)
        return self.made[i]


class Rooms(OnesServers):
    """Servers, and the inbox that is there from the start."""

    path = "/v1/rooms"

    def __init__(self, *args):
        super().__init__(*args, role="all")
        self.params = {"role": "all"}  # which this list passes over


class Sessions(List):
    path = "/v1/auth/sessions"

    def __init__(self, *args):
        super().__init__(*args)
        self.made = {}

    def add(self, i):
        self.made[i] = self.me.sign_in().session["session_id"]
        return self.made[i]

    def drop(self, i):
        ok(self.me.delete(f"/v1/auth/sessions/{self.made[i]}"), 204)
        return self.made[i]


class Log(List):
    """The key is the number."""

    def key(self, item):
        return item["seq"]


class Posts(Log):
    def __init__(self, *args, **params):
        super().__init__(*args)
        self.server, self.params = make_server(self.me)["id"], params
        self.path = f"/v1/rooms/{self.server}/messages"
        self.rising = "after" in params

    def add(self, i):
        return self.me.say(self.server, f"post {i}")["seq"]


class Notifications(Log):
    path = "/v1/notifications"

    def __init__(self, *args, **params):
        super().__init__(*args)
        self.params, self.rising = params, "after" in params

    def add(self, i):
        other = self.crowd.person(0)
        ok(other.post("/v1/friends/requests", {"user_id": self.me.id}), 201)
        ok(other.delete(f"/v1/friends/requests/{self.me.id}"), 204)
        return self.me.inbox()[-1]["seq"]


MAKERS = {
    "GET /v1/users/search": {"": People},
    "GET /v1/friends": {s: functools.partial(Friends, state=s) for s in ("accepted", "incoming", "outgoing", "all")},
    "GET /v1/blocks": {"": Blocks},
    "GET /v1/servers/search": {"": FoundServers},
    "GET /v1/users/me/servers": {r: functools.partial(OnesServers, role=r) for r in ("all", "owner", "member")},
    "GET /v1/servers/{id}/members": {"": Members},
    "GET /v1/servers/{id}/bans": {"": Bans},
    "GET /v1/servers/{id}/channels": {"": Channels},
    "GET /v1/channels/{id}/members": {"": InChannel},
    "GET /v1/invites": {"": Invites},
    "GET /v1/rooms": {"": Rooms},
    "GET /v1/auth/sessions": {"": Sessions},
    "GET /v1/rooms/{id}/messages": {"from the end": Posts, "from the start": functools.partial(Posts, after=0)},
    "GET /v1/notifications": {"from the end": Notifications, "from the start": functools.partial(Notifications, after=0)},
}
CASES = {f"{route} {way}".strip(): make for route, ways in MAKERS.items() for way, make in ways.items()}
each_list = pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())


def walk(rows, limit, between=lambda page_number: None):
    """Keys in the order in which they come."""
    seen, cursor, number = [], None, 0
    while True:
        page = rows.page(limit, cursor)
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= limit
        seen += [rows.key(item) for item in page["items"]]
        if page["next"] is None:
            return seen
        assert page["items"], "a page that leads on holds something"
        cursor = page["next"]
        between(number)
        number += 1
        assert number < 100


def test_each_list_is_walked():
    assert LISTS == set(MAKERS) | set(ELSEWHERE)


@each_list
def test_while_rows_come_and_go(hum, crowd, make):
    rows = make(hum, crowd)
    given = {i: rows.add(i) for i in range(7)}
    base = set(walk(rows, 100))
    assert base >= set(given.values())
    added, dropped = {}, set()

    def between(number):
        if number < 3:
            i = 9 + number
            added[i] = rows.add(i)
            if rows.drop and number < 2:  # the one that the cursor stands at, where rows keep their order; one to come
                dropped.add(rows.drop((1, 6)[number]))

    seen = walk(rows, 2, between)
    assert len(seen) == len(set(seen)), "nothing twice"
    assert set(seen) >= base - dropped, "nothing skipped"
    assert set(seen) <= base | set(added.values())
    if rows.rising:
        assert set(seen) >= set(added.values()), "what comes at the end is seen"
    assert set(walk(rows, 100)) == (base | set(added.values())) - dropped


@each_list
def test_a_page_is_the_same_again(hum, crowd, make):
    """However many at a time, the order is one; and a cursor is a place, not a state."""
    rows = make(hum, crowd)
    for i in range(5):
        rows.add(i)
    pages = [rows.page(limit)["items"] for limit in (100, 1000, 10**9)]
    assert pages[0] == pages[1] == pages[2]
    whole = [rows.key(item) for item in pages[0]]
    first = rows.page(2)
    assert rows.page(2, first["next"]) == rows.page(2, first["next"])
    for limit in (1, 2, 3):
        got = walk(rows, limit)
        assert sorted(got, key=str) == sorted(whole, key=str)
        if rows.rising or not isinstance(rows, Log):  # from the end, pages come backwards
            assert got == whole
    assert len(rows.page(0)["items"]) == 1, "at least one"


@each_list
def test_a_cursor_of_another_list(hum, crowd, make):
    """Refused, or a place like any other; never a way to somebody else's rows, never a failure."""
    rows, stranger = make(hum, crowd), hum.sign_up()
    for i in range(5):
        rows.add(i)
    cursor = rows.page(2)["next"]
    mine = {rows.key(item) for item in rows.page(100)["items"]}
    for path in sorted({r.split()[1] for r in MAKERS if "{" not in r}):
        answer = stranger.get(path, cursor=cursor, nickname="zzzz", q="zzzz")
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200 and path == rows.path and not rows.path.endswith("/search"):
            assert not mine & {rows.key(item) for item in answer.json()["items"]} or isinstance(rows, Log)
    problem(Rest(hum.http_url, http=hum.http).get(rows.path, cursor=cursor, **rows.params), 401, "unauthorized")
