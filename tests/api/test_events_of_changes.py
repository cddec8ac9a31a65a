"""Every call that changes something leaves its events, in the transaction of the change: each is made while no event can
be written, and must change nothing; then again, and must leave exactly what is listed here."""

import pathlib
import re

import pytest

from lib import minted, pictures
from lib.honest_idp import Browser, Idp, person, providers_file
from lib.instance import ROOT, Instance
from lib.mqtt import eventually
from lib.rest import ok, unique
from lib.routes import ROUTES, name
from lib.servers import enter, invite, join, make_channel, make_code, make_server

# Calls that leave no event, each with its reason.
SILENT = {
    "POST /v1/auth/refresh": "a session goes on (but see the one that ends a stolen one)",
    "POST /v1/rooms/{id}/messages": "rooms are logs already",
    "PUT /v1/rooms/{id}/read": "a position, as often as somebody looks",
    "PUT /v1/notifications/read": "the same",
    "POST /v1/sync": "changes nothing",
    "POST /v1/auth/introspect": "the same",
    "POST /v1/auth/email": "only asks for a mail: what its link does is told",
    "POST /v1/auth/email/resend": "the same",
    "POST /v1/auth/password/forgot": "the same",
}
OWN_TEXT = pathlib.Path(__file__).read_text()

# Everything but the events themselves, and what the tools and the broker write.
TABLES = """select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and not relispartition and relname not in ('events', 'events_swept', 'schema_migrations')"""
REFUSE = """create function t_refuse() returns trigger language plpgsql as $$ begin raise 'no events today'; end $$;
            create trigger t_refuse before insert on events for each row execute function t_refuse();
            alter table events disable trigger t_refuse"""


def state(database):
    """What there is in all tables, row by row."""
    with database.session() as cursor:
        cursor.execute(TABLES)
        each = [f"select '{table}', md5(string_agg(t::text, '|' order by t::text)) from {table} t"
                for (table,) in cursor.fetchall()]
        cursor.execute(" union all ".join(each))
        return dict(cursor.fetchall())


class Walk:
    """One call after another, on an instance where nothing else happens."""

    def __init__(self, hum):
        self.hum = hum
        hum.database.rows(REFUSE)

    def refused(self, call):
        """The call while no event can be written."""
        before = state(self.hum.database)
        self.hum.database.rows("alter table events enable trigger t_refuse")
        try:
            answer = call()
        finally:
            self.hum.database.rows("alter table events disable trigger t_refuse")
        assert answer.status_code == 500, f"without an event it went through: {answer.status_code} {answer.text}"
        assert state(self.hum.database) == before, "something is left of what could not be told"

    def step(self, _route, call, *expected, told=(), done=lambda answer: answer.status_code < 300):
        """expected: (kind, actor, subject, members of the data) of each event, ids as people or strings; one that
        depends on the answer is a function of its JSON. told: who gets a notification. Returns the JSON."""
        database = self.hum.database
        self.refused(call)
        mark = database.value("select coalesce(max(id), 0) from events")
        answer = call()
        assert done(answer), f"{answer.status_code} {answer.text}"
        body = answer.json() if answer.content else None
        eventually(lambda: database.value("select count(*) from jobs") == 0)
        rows = database.rows("select kind, actor_id::text, subject_id::text, data, xid::text from events where id > %s"
                             " order by id", mark)
        changes = [r for r in rows if r[0] != "NotificationSent"]
        wanted = [e(body) if callable(e) else e for e in expected]
        assert [r[:4] for r in changes] == [(k, word(a), word(s), {n: word(v) for n, v in d.items()})
                                            for k, a, s, d in wanted]
        assert len({r[4] for r in changes}) == 1, "in one transaction"
        assert [r[2] for r in rows if r[0] == "NotificationSent"] == [p.id for p in told]
        return body


def word(thing):
    return getattr(thing, "id", thing)


@pytest.fixture(scope="module")
def idp():
    made = Idp()
    yield made
    made.close()


@pytest.fixture(scope="module")
def walk(idp):
    with providers_file(idp.settings()) as path:
        yield from walk_on(Instance(HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on"))


def walk_on(hum):
    try:
        hum.up()
        yield Walk(hum)
        reports = hum.reports()
        hum.forget()
        hum.down()
        assert not reports, reports
    finally:
        hum.remove()


@pytest.fixture
def alice(walk):
    return walk.hum.sign_up()


@pytest.fixture
def bob(walk):
    return walk.hum.sign_up()


def test_sessions(walk):
    rest = walk.hum.rest
    body = {"email": f"{unique()}@example.org", "password": unique("password-"), "nickname": unique()}

    def about(kind):
        return lambda s: (kind, s["user"]["id"], s["user"]["id"], {"session": s["session_id"]})

    walk.step("POST /v1/auth/register", lambda: rest.post("/v1/auth/register", body), about("UserRegistered"))
    session = walk.step("POST /v1/auth/login", lambda: rest.post("/v1/auth/login", body), about("UserLoggedIn"))
    user, sid = session["user"]["id"], session["session_id"]
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    walk.step("POST /v1/auth/logout", lambda: rest.post("/v1/auth/logout", headers=headers),
              ("UserLoggedOut", user, user, {"session": sid}))


def test_sessions_that_end_from_elsewhere(walk, alice):
    first, second, third = (alice.sign_in() for _ in range(3))
    walk.step("DELETE /v1/auth/sessions/{id}", lambda: alice.delete(f"/v1/auth/sessions/{second.sid}"),
              ("SessionRevoked", alice, alice, {"session": second.sid}))
    walk.step("POST /v1/auth/password",
              lambda: alice.post("/v1/auth/password", {"old": alice.password, "new": "battery staple"}),
              ("PasswordChanged", alice, alice, {"session": alice.sid}),
              ("SessionRevoked", alice, alice, {"session": first.sid}),
              ("SessionRevoked", alice, alice, {"session": third.sid}))


def test_identities(walk, idp, alice):
    browser, who = Browser(walk.hum), person()
    grant = browser.grant(browser.code(idp, who))

    def linked(kind, user):
        sql = "select id::text from identities where user_id = %s order by id desc limit 1"
        return lambda _: (kind, user(_), user(_), {"identity": walk.hum.database.value(sql, user(_))})

    def begun(kind):
        return lambda s: (kind, s["user"]["id"], s["user"]["id"], {"session": s["session_id"]})

    walk.step("POST /v1/auth/oauth", lambda: browser.post("/v1/auth/oauth", grant),
              linked("IdentityLinked", lambda s: s["user"]["id"]), begun("UserRegistered"))
    again = browser.grant(browser.code(idp, who))
    walk.step("POST /v1/auth/oauth", lambda: browser.post("/v1/auth/oauth", again), begun("UserLoggedIn"))
    more = browser.grant(browser.code(idp, person()))
    identity = walk.step("POST /v1/auth/identities", lambda: alice.post("/v1/auth/identities", more),
                         linked("IdentityLinked", lambda _: alice.id))
    walk.step("DELETE /v1/auth/identities/{id}", lambda: alice.delete(f"/v1/auth/identities/{identity['id']}"),
              ("IdentityUnlinked", alice, alice, {"identity": identity["id"]}))


def test_links_of_mails(walk, alice):
    hum, other = walk.hum, f"{unique('m')}@example.org"
    verify, change, reset = (minted.mint(hum, alice, purpose, address) for purpose, address in (
        (minted.VERIFY, None), (minted.CHANGE, other), (minted.RESET, other)))
    walk.step("POST /v1/auth/email/verify", lambda: hum.rest.post("/v1/auth/email/verify", {"token": verify}),
              ("EmailVerified", alice, alice, {}))
    walk.step("POST /v1/auth/email/verify", lambda: hum.rest.post("/v1/auth/email/verify", {"token": change}),
              ("EmailChanged", alice, alice, {}))
    body = {"token": reset, "password": "battery staple"}
    walk.step("POST /v1/auth/password/reset", lambda: hum.rest.post("/v1/auth/password/reset", body),
              ("SessionRevoked", alice, alice, {"session": alice.sid}), ("PasswordReset", alice, alice, {}))


def test_a_session_that_is_stolen(walk, alice):
    token = alice.session["refresh_token"]
    for _ in range(2):
        token = ok(walk.hum.rest.post("/v1/auth/refresh", {"refresh_token": token}))["refresh_token"]
    walk.step("POST /v1/auth/refresh",
              lambda: walk.hum.rest.post("/v1/auth/refresh", {"refresh_token": alice.session["refresh_token"]}),
              ("SessionRevoked", alice, alice, {"session": alice.sid}), done=lambda a: a.status_code == 401)


def test_profile(walk, alice):
    change = {"nickname": unique(), "about": "said \"so\""}
    walk.step("PATCH /v1/users/me", lambda: alice.patch("/v1/users/me", change),
              ("UserProfileUpdated", alice, alice, change))


def test_avatar(walk, alice):
    def the_new_one(_):
        sql = "select encode(avatar_hash, 'hex') from users where id = %s"
        return "UserProfileUpdated", alice, alice, {"avatar": walk.hum.database.value(sql, alice.id)}

    path, picture = "/v1/users/me/avatar", pictures.plain()
    walk.step("PUT /v1/users/me/avatar",
              lambda: alice.call("PUT", path, data=picture, headers={"Content-Type": "image/png"}), the_new_one)
    walk.step("DELETE /v1/users/me/avatar", lambda: alice.delete(path),
              ("UserProfileUpdated", alice, alice, {"avatar": None}))


def test_the_end_of_an_account(walk, alice, bob):
    walk.hum.befriend(alice, bob)
    server = make_server(alice)["id"]
    walk.step("DELETE /v1/users/me", lambda: alice.delete("/v1/users/me", json={"password": alice.password}),
              ("ServerDeleted", alice, server, {"server": server}), ("UserErased", alice, alice, {}), told=[bob])


def test_friends(walk, alice, bob):
    def ask():
        walk.step("POST /v1/friends/requests", lambda: alice.post("/v1/friends/requests", {"user_id": bob.id}),
                  ("FriendRequestSent", alice, bob, {}), told=[bob])

    ask()
    walk.step("DELETE /v1/friends/requests/{id}", lambda: alice.delete(f"/v1/friends/requests/{bob.id}"),
              ("FriendRequestWithdrawn", alice, bob, {}))
    ask()
    walk.step("POST /v1/friends/requests/{id}/decline", lambda: bob.post(f"/v1/friends/requests/{alice.id}/decline"),
              ("FriendRequestDeclined", bob, alice, {}), told=[alice])
    ask()
    walk.step("POST /v1/friends/requests/{id}/accept", lambda: bob.post(f"/v1/friends/requests/{alice.id}/accept"),
              ("FriendRequestAccepted", bob, alice, {}), told=[alice])
    walk.step("POST /v1/dms", lambda: alice.post("/v1/dms", {"user_id": bob.id}),
              lambda room: ("ChatCreated", alice, bob, {"room": room["id"]}), told=[bob])
    walk.step("DELETE /v1/friends/{id}", lambda: bob.delete(f"/v1/friends/{alice.id}"),
              ("FriendRemoved", bob, alice, {}), told=[alice])
    ask()
    walk.step("POST /v1/friends/requests", lambda: bob.post("/v1/friends/requests", {"user_id": alice.id}),
              ("FriendRequestAccepted", bob, alice, {}), told=[alice])


def test_blocks(walk, alice, bob):
    walk.hum.befriend(alice, bob)
    walk.step("PUT /v1/blocks/{id}", lambda: alice.put(f"/v1/blocks/{bob.id}"),
              ("UserBlocked", alice, bob, {}), ("FriendRemoved", alice, bob, {}), told=[bob])
    walk.step("DELETE /v1/blocks/{id}", lambda: alice.delete(f"/v1/blocks/{bob.id}"), ("UserUnblocked", alice, bob, {}))


def test_messages(walk, alice, bob):
    walk.hum.befriend(alice, bob)
    dm = walk.hum.open_dm(alice, bob)
    alice.say(dm, "one")
    walk.step("PATCH /v1/rooms/{id}/messages/{id}", lambda: alice.patch(f"/v1/rooms/{dm}/messages/1", {"text": "two"}),
              ("MessageEdited", alice, dm, {"seq": 1, "entry": 2}))
    walk.step("DELETE /v1/rooms/{id}/messages/{id}", lambda: alice.delete(f"/v1/rooms/{dm}/messages/1"),
              ("MessageDeleted", alice, dm, {"seq": 1, "entry": 3}))


def test_servers(walk, alice, bob):
    server = walk.step("POST /v1/servers", lambda: alice.post("/v1/servers", {"name": "here"}),
                       lambda s: ("ServerCreated", alice, s["id"], {"server": s["id"]}))["id"]
    here = {"server": server}
    walk.step("PATCH /v1/servers/{id}", lambda: alice.patch(f"/v1/servers/{server}", {"name": "there"}),
              ("ServerUpdated", alice, server, here))
    walk.step("PUT /v1/servers/{id}/members/me", lambda: bob.put(f"/v1/servers/{server}/members/me"),
              ("MemberJoined", bob, server, here))
    walk.step("DELETE /v1/servers/{id}/members/me", lambda: bob.delete(f"/v1/servers/{server}/members/me"),
              ("MemberLeft", bob, server, {**here, "user": bob}))
    join(bob, server)
    walk.step("DELETE /v1/servers/{id}/members/{id}", lambda: alice.delete(f"/v1/servers/{server}/members/{bob.id}"),
              ("MemberLeft", alice, server, {**here, "user": bob}), told=[bob])
    join(bob, server)
    walk.step("DELETE /v1/servers/{id}/members/{id}",
              lambda: alice.delete(f"/v1/servers/{server}/members/{bob.id}?ban=true"),
              ("MemberBanned", alice, server, {**here, "user": bob}),
              ("MemberLeft", alice, server, {**here, "user": bob}), told=[bob])
    walk.step("DELETE /v1/servers/{id}/bans/{id}", lambda: alice.delete(f"/v1/servers/{server}/bans/{bob.id}"),
              ("MemberUnbanned", alice, server, {**here, "user": bob}))
    join(bob, server)
    walk.step("DELETE /v1/servers/{id}", lambda: alice.delete(f"/v1/servers/{server}"),
              ("ServerDeleted", alice, server, here), told=[bob])


def test_invites(walk, alice, bob):
    server = make_server(alice, "private")["id"]
    here = {"server": server}

    def send():
        return walk.step("POST /v1/servers/{id}/invites",
                         lambda: alice.post(f"/v1/servers/{server}/invites", {"user_id": bob.id}),
                         ("ServerInviteSent", alice, server, {**here, "user": bob}), told=[bob])["id"]

    first = send()
    walk.step("POST /v1/invites/{id}/decline", lambda: bob.post(f"/v1/invites/{first}/decline"),
              ("ServerInviteDeclined", bob, server, here))
    second = send()
    walk.step("POST /v1/invites/{id}/accept", lambda: bob.post(f"/v1/invites/{second}/accept"),
              ("ServerInviteAccepted", bob, server, here), ("MemberJoined", bob, server, here))
    ok(bob.delete(f"/v1/servers/{server}/members/me"), 204)
    invite(alice, server, bob)
    walk.step("PUT /v1/servers/{id}/members/me", lambda: bob.put(f"/v1/servers/{server}/members/me"),
              ("MemberJoined", bob, server, here))
    ok(bob.delete(f"/v1/servers/{server}/members/me"), 204)
    walk.step("POST /v1/servers/{id}/invite-codes", lambda: alice.post(f"/v1/servers/{server}/invite-codes", {}),
              ("ServerInviteCodeCreated", alice, server, here))
    code = make_code(alice, server)
    walk.step("POST /v1/invite-codes/{code}/redeem", lambda: bob.post(f"/v1/invite-codes/{code}/redeem"),
              ("MemberJoined", bob, server, here))


def test_channels(walk, alice, bob):
    server = make_server(alice)["id"]
    join(bob, server)
    one = walk.step("POST /v1/servers/{id}/channels",
                    lambda: alice.post(f"/v1/servers/{server}/channels", {"name": "one"}),
                    lambda c: ("ChannelCreated", alice, c["id"], {"server": server, "channel": c["id"]}))["id"]
    two = make_channel(alice, server, "two")
    in_one, in_two = ({"server": server, "channel": c} for c in (one, two))
    walk.step("PUT /v1/channels/{id}/members/me", lambda: bob.put(f"/v1/channels/{one}/members/me"),
              ("ChannelJoined", bob, one, in_one))
    walk.step("PUT /v1/channels/{id}/members/me", lambda: bob.put(f"/v1/channels/{two}/members/me"),
              ("ChannelLeft", bob, one, {**in_one, "user": bob}), ("ChannelJoined", bob, two, in_two))
    walk.step("DELETE /v1/channels/{id}/members/me", lambda: bob.delete(f"/v1/channels/{two}/members/me"),
              ("ChannelLeft", bob, two, {**in_two, "user": bob}))
    enter(bob, two)
    walk.step("DELETE /v1/servers/{id}/members/me", lambda: bob.delete(f"/v1/servers/{server}/members/me"),
              ("ChannelLeft", bob, two, {**in_two, "user": bob}),
              ("MemberLeft", bob, server, {"server": server, "user": bob}))
    join(bob, server)
    enter(bob, one)
    walk.step("DELETE /v1/channels/{id}", lambda: alice.delete(f"/v1/channels/{one}"),
              ("ChannelDeleted", alice, one, in_one), told=[bob])


def test_all_of_them_are_walked():
    """A call that changes something comes with its walk, or with the reason why it tells nothing."""
    changing = {name(r) for r in ROUTES if r.method not in ("GET", "HEAD")}
    walked = set(re.findall(r'walk\.step\("([^"]+)"', OWN_TEXT))
    assert changing - set(SILENT) <= walked <= changing
    assert set(SILENT) <= changing


def test_the_documentation_names_their_kinds():
    text = (ROOT / "docs" / "events.md").read_text()
    named = {kind for line in re.findall(r"^\| (`.*?) \|", text, re.M) for kind in re.findall(r"`(\w+)`", line)}
    assert named == set(re.findall(r'\("([A-Z][a-z]+[A-Z]\w+)"', OWN_TEXT)) | {"NotificationSent"}
