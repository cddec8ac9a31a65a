"""Calls that are right but for one thing, on objects that are there: an answer with a name, never a failure of the
server. What each call takes is read from the specification."""

import json

import pytest

from lib import raw, spec
from lib.rest import problem, unique
from lib.routes import ROUTES, name
from lib.servers import make_channel, make_server

BODIES = spec.json_bodies()
QUERIES = {f"{method} {spec.table_path(path)}": names for method, path, operation in spec.operations()
           if (names := [p["name"] for p in map(spec.resolve, operation.get("parameters", [])) if p["in"] == "query"])}

LONG = "x" * 20_000
# As they stand in the body, since not all of them can be made by a decent encoder.
VALUES = [
    "null", "true", "false", "0", "-0", "-1", "1", "2", "1.0", "1.5", "1e0", "1e2", "1E400", "-1e-400", "2147483648",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    '""', '" "', '"x"', '"0"', '"1"', '"-1"', '"+1"', '"01"', '"1.0"', '"9223372036854775808"', '"\\u0000"', '"a\\u0000b"',
    '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"\\u202e"', '"\\u200b"', '"\\ufeff"', '"\\uffff"', '"\\n"',
    '"\\u0001"', '"%s"', '"%n%n%n"', '"\'; drop table users; --"', '"../../etc/passwd"', '"\\\\"', '"\\""',
    f'"{LONG}"', '"' + "\u0301" * 2000 + '"', '"' + "\U0001F468\u200d" * 500 + '"', "[]", "[[]]", "[null]", '["x"]', "{}",
    '{"":0}', '{"a":1}', '{"1":1}', '{"1":-1}', '{"1":"x"}', '{"0":0}', '{"1":null}', '{"name":7,"kind":[]}',
    '{"name":"' + LONG + '"}', "[" * 60 + "]" * 60, '{"a":' * 60 + "1" + "}" * 60,
]
TEXTS = ["", " ", "0", "-1", "+1", "01", "1.5", "1e3", "9223372036854775807", "9223372036854775808", "1" * 400, "x", "true",
         "null", "%", "\\", "'", "\u202e", "\U0010ffff", "a\tb", "MA", "LTEgMSBh", "/w==", "=", "x" * 4000, "é" * 1000]


class Setting:
    """Something of each kind, all of it the caller's own."""

    def __init__(self, hum):
        self.hum = hum
        self.me, other, self.dm = hum.pair()
        self.server = make_server(self.me)["id"]
        self.channel = make_channel(self.me, self.server)
        self.me.say(self.dm, "one")
        self.other = other
        self.ids = {"servers": [self.server, other.id], "channels": [self.channel], "rooms": [self.dm, "1"],
                    "users": [other.id], "friends": [other.id], "blocks": [other.id], "invites": ["7"]}

    def path(self, route):
        path = route.split()[1].replace("{code}", "x" * 22).replace("{provider}", "nobody")
        for number in self.ids.get(path.split("/", 3)[-2], []):
            path = path.replace("{id}", number, 1)
        assert "{" not in path, path
        return path

    def right(self, member):
        """A value that is taken."""
        return {
            "email": lambda: f"{unique('m')}@example.org", "password": lambda: "pass-word-1", "nickname": unique,
            "device": lambda: {"name": "phone", "kind": "mobile"}, "refresh_token": lambda: "x" * 40,
            "about": lambda: "about", "user_id": lambda: self.other.id, "nonce": lambda: unique("n"), "text": lambda: "text",
            "reply_to": lambda: 1, "seq": lambda: 1, "rooms": lambda: {self.dm: 0}, "name": lambda: "name",
            "visibility": lambda: "public", "max_uses": lambda: 1, "max_age_s": lambda: 60, "token": lambda: "x" * 64,
            "old": lambda: "pass-word-1", "new": lambda: "pass-word-2", "provider": lambda: "hum",
            "code": lambda: "x" * 43, "code_verifier": lambda: "x" * 43, "redirect_uri": lambda: "http://127.0.0.1/",
        }[member]()


@pytest.fixture(scope="module")
def setting(hum):
    return Setting(hum)


def named(answer):
    """An answer that is fine, or an error by its name; returns whether it was one."""
    assert answer.status_code < 500, f"{answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400:
        problem(answer, answer.status_code, answer.json()["code"])
    return answer.status_code >= 400


def written(members):
    """A body of members whose values are JSON texts."""
    return ("{" + ",".join(f"{json.dumps(n)}:{v}" for n, v in members.items()) + "}").encode()


@pytest.mark.parametrize("route, member", [(r, m) for r in BODIES for m in sorted(spec.members(BODIES[r]))])
def test_one_member_is_wrong(setting, route, member):
    path, wrong = setting.path(route), 0
    caller = setting.hum.rest if route.split()[1].startswith("/v1/auth/") else setting.me
    for value in VALUES:
        body = {m: json.dumps(setting.right(m)) for m in spec.members(BODIES[route])} | {member: value}
        if "nickname" in body and "user_id" in body:  # one or the other
            body = {m: v for m, v in body.items() if m == member}
        answer = caller.call(route.split()[0], path, data=written(body), headers={"Content-Type": "application/json"})
        wrong += named(answer)
    assert wrong > 0


@pytest.mark.parametrize("route", BODIES)
def test_one_member_is_missing(setting, route):
    caller = setting.hum.rest if route.split()[1].startswith("/v1/auth/") else setting.me
    all_of_them = {m: setting.right(m) for m in spec.members(BODIES[route])}
    for left_out in all_of_them:
        body = {m: v for m, v in all_of_them.items() if m != left_out}
        named(caller.call(route.split()[0], setting.path(route), json=body))
    named(caller.call(route.split()[0], setting.path(route), json={}))


@pytest.mark.parametrize("route, member", [(r, m) for r in QUERIES for m in QUERIES[r]])
def test_one_query_value_is_wrong(setting, route, member):
    method, path = route.split()[0], setting.path(route)
    for value in TEXTS:
        for query in ({member: value}, {m: value for m in QUERIES[route]}, {member: [value, value]}):
            named(setting.me.call(method, path, params=query))


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=name)
def test_odd_headers(setting, route):
    """What a client or a proxy may add, well-formed or not."""
    path = setting.path(name(route))
    for header in ("Accept: nothing/at-all", "Accept-Encoding: br;q=x", "Accept-Language: " + "x" * 2000, "Range: bytes=5-1",
                   "Range: bytes=0-0,1-1", "If-None-Match: *", 'If-None-Match: "x', "If-Modified-Since: yesterday",
                   "Content-Encoding: gzip", "Content-Length: 0", "Cookie: " + "a=b; " * 300, "X-Forwarded-For: ' or 1=1",
                   "X-HTTP-Method-Override: DELETE", "X-Request-Id: \x01\xff", "Origin: null", "Upgrade: websocket",
                   "Connection: upgrade, keep-alive", "Expect: nothing", "Content-Type: \xff", "Forwarded: for=\"[::1]\""):
        answer = raw.request(setting.hum, "GET", path, token=setting.me.token, headers=[header])
        assert answer is None or answer.status < 500, (header, answer)
