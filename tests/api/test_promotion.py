"""Members of a body that would promote: every call that takes one is made with all the names that the specification knows
and the call does not take. They are passed over: the answer, and what is read afterwards, is as without them."""

import pytest

from lib import jwts, minted, spec
from lib.rest import Rest, befriend, ok, open_dm, unique
from lib.servers import join, make_channel, make_server

WITH_JSON = spec.json_bodies()
# Names that others' interfaces have fallen for, and no schema of ours knows.
ALSO = ["owner", "is_owner", "admin", "is_admin", "is_staff", "verified", "active", "permissions", "scope", "sub", "uid",
        "user", "sender", "sender_id", "password_hash", "nickname_key", "name_key", "refresh_seed", "xid", "dedup", "deleted",
        "banned", "revoked_at", "erased_at", "avatar_hash", "public", "uses", "hash", "aud", "exp", "__proto__", "constructor"]


def properties(node, found=None):
    """All names of members, at whatever depth."""
    found = set() if found is None else found
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            found |= set(node["properties"])
        for value in node.values():
            properties(value, found)
    elif isinstance(node, list):
        for value in node:
            properties(value, found)
    return found


KNOWN = sorted(properties(spec.OPENAPI["components"]["schemas"]) | set(ALSO))


def flat(value, path=""):
    """Every value by its place; an id in the place of a name is any id."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items()
                for k, v in flat(item, f"{path}.{'id' if key.isdecimal() else key}").items()} | {path: "{}"}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in flat(item, f"{path}[{i}]").items()} | {path: "[]"}
    return {path: value}


class Setting:
    """Somebody fresh for each call, with a friend, a room, a server of each one's."""

    def __init__(self, hum):
        self.hum = hum
        self.me, self.other = hum.sign_up(), hum.sign_up()

    def friends(self):
        befriend(self.me, self.other)
        return self

    def room(self):
        self.friends()
        dm = open_dm(self.me, self.other)
        self.me.say(dm, "one")
        self.other.say(dm, "two")
        return dm

    def server(self):
        return make_server(self.me, name="Fixed")["id"]


def register(s, more):
    body = {"email": f"{unique('m')}@example.org", "password": "pass-word-1", "nickname": unique(), **more}
    answer = Rest(s.hum.http_url, http=s.hum.http).post("/v1/auth/register", body)
    token = answer.json()["access_token"]
    return answer, [Rest(s.hum.http_url, token, s.hum.http).get("/v1/users/me")]


def login(s, more):
    body = {"email": s.me.email, "password": s.me.password, **more}
    return s.hum.rest.post("/v1/auth/login", body), []


def refresh(s, more):
    return s.hum.rest.post("/v1/auth/refresh", {"refresh_token": s.me.session["refresh_token"], **more}), []


def change_password(s, more):
    answer = s.me.post("/v1/auth/password", {"old": s.me.password, "new": "battery staple", **more})
    return answer, [s.me.get("/v1/users/me")]


def verify(s, more):
    body = {"token": minted.mint(s.hum, s.me, minted.VERIFY), **more}
    return s.hum.rest.post("/v1/auth/email/verify", body), [s.me.get("/v1/users/me")]


def reset(s, more):
    body = {"token": minted.mint(s.hum, s.me, minted.RESET), "password": "battery staple", **more}
    answer = s.hum.rest.post("/v1/auth/password/reset", body)
    again = s.hum.rest.post("/v1/auth/login", {"email": s.me.email, "password": "battery staple"})
    return answer, [s.me.get("/v1/users/me"), again]


def introspect(s, more):
    service = Rest(s.hum.http_url, s.hum.service_token(unique("service")), s.hum.http)
    kid, key = jwts.api_key(s.hum)
    token = jwts.sign(jwts.api_claims(s.me, iat=1, exp=4102444800), key, "ES256", kid)
    return service.post("/v1/auth/introspect", {"token": token, **more}), []


def profile(s, more):
    return s.me.patch("/v1/users/me", {"about": "changed", **more}), [s.me.get("/v1/users/me")]


def erase_me(s, more):
    s.friends()
    answer = s.me.delete("/v1/users/me", json={"password": s.me.password, **more})
    return answer, [s.other.get(f"/v1/users/{s.me.id}"), s.other.get("/v1/friends", state="all")]


def request_friend(s, more):
    answer = s.me.post("/v1/friends/requests", {"user_id": s.other.id, **more})
    return answer, [s.me.get("/v1/friends", state="all"), s.other.get("/v1/friends", state="all")]


def dm(s, more):
    s.friends()
    return s.me.post("/v1/dms", {"user_id": s.other.id, **more}), [s.me.get("/v1/rooms"), s.other.get("/v1/rooms")]


def server(s, more):
    answer = s.me.post("/v1/servers", {"name": "Fixed", **more})
    number = answer.json()["id"]
    return answer, [s.me.get(f"/v1/servers/{number}"), s.other.get(f"/v1/servers/{number}"),
                    s.me.get(f"/v1/servers/{number}/members"), s.me.get(f"/v1/rooms/{number}")]


def change_server(s, more):
    number = s.server()
    join(s.other, number)
    answer = s.me.patch(f"/v1/servers/{number}", {"about": "changed", **more})
    return answer, [s.other.get(f"/v1/servers/{number}"), s.me.get(f"/v1/servers/{number}/members")]


def invite_somebody(s, more):
    answer = s.me.post(f"/v1/servers/{s.server()}/invites", {"user_id": s.other.id, **more})
    return answer, [s.other.get("/v1/invites"), s.other.get("/v1/notifications")]


def invite_code(s, more):
    number = s.server()
    answer = s.me.post(f"/v1/servers/{number}/invite-codes", {"max_uses": 1, **more})
    redeemed = s.other.post(f"/v1/invite-codes/{answer.json()['code']}/redeem")
    return answer, [redeemed, s.me.get(f"/v1/servers/{number}/members")]


def channel(s, more):
    number = s.server()
    answer = s.me.post(f"/v1/servers/{number}/channels", {"name": "Fixed", **more})
    made = answer.json()["id"]
    return answer, [s.me.get(f"/v1/servers/{number}/channels"), s.me.get(f"/v1/channels/{made}/members")]


def read(s, more):
    room = s.room()
    return s.me.put(f"/v1/rooms/{room}/read", {"seq": 1, **more}), [s.me.get("/v1/rooms"), s.other.get("/v1/rooms")]


def read_notifications(s, more):
    s.friends()
    return s.other.put("/v1/notifications/read", {"seq": 1, **more}), [s.other.get("/v1/rooms"), s.me.get("/v1/rooms")]


def message(s, more):
    room = s.room()
    answer = s.me.post(f"/v1/rooms/{room}/messages", {"nonce": unique("n"), "text": "hello", **more})
    return answer, [s.other.get(f"/v1/rooms/{room}/messages"), s.other.get("/v1/rooms")]


def edit(s, more):
    room = s.room()
    answer = s.me.patch(f"/v1/rooms/{room}/messages/1", {"nonce": unique("n"), "text": "hello", **more})
    return answer, [s.other.get(f"/v1/rooms/{room}/messages")]


def sync(s, more):
    return s.me.post("/v1/sync", {"rooms": {s.room(): 0}, **more}), []


CALLS = {
    "POST /v1/auth/register": register,
    "POST /v1/auth/login": login,
    "POST /v1/auth/refresh": refresh,
    "POST /v1/auth/password": change_password,
    "POST /v1/auth/introspect": introspect,
    "POST /v1/auth/email/verify": verify,
    "POST /v1/auth/password/reset": reset,
    "PATCH /v1/users/me": profile,
    "DELETE /v1/users/me": erase_me,
    "POST /v1/friends/requests": request_friend,
    "POST /v1/dms": dm,
    "POST /v1/servers": server,
    "PATCH /v1/servers/{id}": change_server,
    "POST /v1/servers/{id}/invites": invite_somebody,
    "POST /v1/servers/{id}/invite-codes": invite_code,
    "POST /v1/servers/{id}/channels": channel,
    "PUT /v1/rooms/{id}/read": read,
    "PUT /v1/notifications/read": read_notifications,
    "POST /v1/rooms/{id}/messages": message,
    "PATCH /v1/rooms/{id}/messages/{id}": edit,
    "POST /v1/sync": sync,
}


# What the instance of these tests cannot do: the tests of mail and OAuth make these calls.
ELSEWHERE = {
    "POST /v1/auth/email": "sends a mail", "POST /v1/auth/email/resend": "sends a mail",
    "POST /v1/auth/password/forgot": "sends a mail",
    "POST /v1/auth/oauth": "asks an identity provider", "POST /v1/auth/identities": "asks an identity provider",
}


def outcome(setting, call, more):
    """What there is to see of a call: places and their values, status included."""
    answer, looks = call(setting, more)
    assert answer.ok, answer.text
    seen = {"status": answer.status_code, **flat(answer.json() if answer.content else None)}
    for i, look in enumerate(looks):
        seen |= flat(ok(look) if look.status_code == 200 else look.status_code, f"look {i}")
    return seen


def test_each_call_with_a_body_is_made():
    assert set(CALLS) | set(ELSEWHERE) == set(WITH_JSON)
    assert not set(CALLS) & set(ELSEWHERE)


@pytest.mark.parametrize("kind", ["text", "number", "true", "an id", "a time", "an object"])
@pytest.mark.parametrize("route", CALLS)
def test_what_is_not_asked_for_is_passed_over(hum, route, kind):
    call, own = CALLS[route], spec.members(WITH_JSON[route])
    strange = [n for n in KNOWN if n not in own]
    assert len(strange) > 60
    stranger = hum.sign_up()
    value = {"text": "promoted", "number": 7770001, "true": True, "an id": stranger.id,
             "a time": "1999-01-01T00:00:00.000Z", "an object": {"id": stranger.id, "promoted": True}}[kind]
    plain = [outcome(Setting(hum), call, {}) for _ in range(2)]
    fixed = {place for place in plain[0] if plain[0][place] == plain[1].get(place)}
    got = outcome(Setting(hum), call, {n: value for n in strange})
    assert set(got) == set(plain[0]) == set(plain[1])
    assert {place: got[place] for place in fixed} == {place: plain[0][place] for place in fixed}
    if value is not True and kind != "an object":
        assert value not in got.values()
    assert stranger.id not in got.values()
