"""What holds for every row of the route table: methods, sign-in, ids, bodies."""

import pytest

from lib import raw
from lib.rest import Rest, problem, unique
from lib.routes import ROUTES, fill, name

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
RESOURCES = sorted({r.path for r in ROUTES})
GUARDED = [r for r in ROUTES if r.auth != "OPEN"]
WITH_BODY = [r for r in ROUTES if r.limit not in ("NO_BODY", "BODY_PICTURE")]  # JSON
WITH_ID = [r for r in ROUTES if "{id}" in r.path]

CONTRACT = """
POST /v1/auth/register
POST /v1/auth/login
POST /v1/auth/refresh
POST /v1/auth/logout
POST /v1/auth/email/verify
POST /v1/auth/email/resend
POST /v1/auth/email
POST /v1/auth/password/forgot
POST /v1/auth/password/reset
POST /v1/auth/oauth
GET /v1/auth/oauth/providers
GET /v1/auth/oauth/{provider}/authorize
GET /v1/auth/oauth/{provider}/callback
GET /v1/auth/identities
POST /v1/auth/identities
DELETE /v1/auth/identities/{id}
GET /v1/auth/sessions
DELETE /v1/auth/sessions/{id}
POST /v1/auth/password
POST /v1/auth/introspect
GET /.well-known/jwks.json
GET /v1/users/me
PATCH /v1/users/me
DELETE /v1/users/me
GET /v1/users/me/export
GET /v1/users/{id}
GET /v1/users/search
PUT /v1/users/me/avatar
DELETE /v1/users/me/avatar
GET /v1/users/{id}/avatar
POST /v1/friends/requests
POST /v1/friends/requests/{id}/accept
POST /v1/friends/requests/{id}/decline
DELETE /v1/friends/requests/{id}
GET /v1/friends
DELETE /v1/friends/{id}
PUT /v1/blocks/{id}
DELETE /v1/blocks/{id}
GET /v1/blocks
POST /v1/dms
GET /v1/rooms
GET /v1/rooms/{id}
GET /v1/rooms/{id}/messages
POST /v1/rooms/{id}/messages
PUT /v1/rooms/{id}/read
PATCH /v1/rooms/{id}/messages/{id}
DELETE /v1/rooms/{id}/messages/{id}
GET /v1/notifications
PUT /v1/notifications/read
POST /v1/sync
POST /v1/servers
GET /v1/servers/search
GET /v1/servers/{id}
PATCH /v1/servers/{id}
DELETE /v1/servers/{id}
GET /v1/users/me/servers
PUT /v1/servers/{id}/members/me
DELETE /v1/servers/{id}/members/me
GET /v1/servers/{id}/members
DELETE /v1/servers/{id}/members/{id}
GET /v1/servers/{id}/bans/{id}
DELETE /v1/servers/{id}/bans/{id}
POST /v1/servers/{id}/invites
GET /v1/invites
POST /v1/invites/{id}/accept
POST /v1/invites/{id}/decline
POST /v1/servers/{id}/invite-codes
POST /v1/invite-codes/{code}/redeem
POST /v1/servers/{id}/channels
GET /v1/servers/{id}/channels
DELETE /v1/channels/{id}
PUT /v1/channels/{id}/members/me
DELETE /v1/channels/{id}/members/me
GET /v1/channels/{id}/members
GET /v1/events
GET /health/live
GET /health/ready
GET /metrics
"""
OPEN = {"/v1/auth/email/verify", "/v1/auth/email/resend", "/v1/auth/password/forgot", "/v1/auth/password/reset",
        "/v1/auth/oauth", "/v1/auth/oauth/providers",
        "/v1/auth/oauth/{provider}/authorize", "/v1/auth/oauth/{provider}/callback", "/verify", "/reset", "/change", "/link.js", "/link.css",
        "/v1/auth/register", "/v1/auth/login", "/v1/auth/refresh", "/.well-known/jwks.json",
        "/health/live", "/health/ready", "/metrics", "/openapi.yaml", "/asyncapi.yaml", "/docs",
        "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/favicon.png", "/v1/users/{id}/avatar",
        "/", "/desktop/app.js", "/desktop/mqtt.js", "/desktop/app.css", "/desktop/icon.svg"}


@pytest.fixture(scope="module")
def token_for(hum, alice):
    """Of one who may call a route."""
    service = hum.service_token(unique("service"))
    return lambda route: service if route.auth == "SERVICE" else alice.token


def methods(path):
    """What Allow must name."""
    own = {r.method for r in ROUTES if r.path == path}
    return own | {"OPTIONS"} | ({"HEAD"} if "GET" in own else set())


def allowed(headers, key="Allow"):
    return {m.strip() for m in headers[key].split(",")}


def test_the_table_holds_the_contract():
    assert set(CONTRACT.split("\n")) - {""} <= {name(r) for r in ROUTES}


def test_only_the_open_calls_are_open():
    assert {r.path for r in ROUTES if r.auth == "OPEN"} == OPEN


@pytest.mark.parametrize("route", GUARDED, ids=name)
@pytest.mark.parametrize("path_id", ["7", "x"])
def test_sign_in_comes_first(hum, route, path_id):
    """Before ids, bodies and media types are looked at."""
    answer = hum.rest.call(route.method, fill(route.path, path_id), data=b"{", headers={
        "Content-Type": "text/plain"})
    problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("path", RESOURCES)
def test_methods_that_a_resource_does_not_have(hum, alice, path):
    for method in [*METHODS, "TRACE", "PROPFIND", "get", "X"]:
        if method in methods(path):
            continue
        answer = raw.request(hum, method, fill(path), token=alice.token)
        if method == "HEAD":
            assert (answer.status, answer.body) == (405, b"")
        else:
            raw.problem(answer, 405, "method_not_allowed")
        assert allowed(answer.headers, "allow") == methods(path)


@pytest.mark.parametrize("path", RESOURCES)
def test_options(hum, path):
    answer = hum.rest.call("OPTIONS", fill(path), headers={
        "Origin": "http://app.example.org", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert allowed(answer.headers) == methods(path)
    assert allowed(answer.headers, "Access-Control-Allow-Methods") == methods(path)
    assert {h.lower() for h in allowed(answer.headers, "Access-Control-Allow-Headers")} >= {
        "authorization", "content-type"}
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=name)
def test_head_is_get_without_its_body(alice, route):
    path = fill(route.path, alice.id)
    if route.path.endswith("/search"):
        path += "?nickname=a"
    get, head = alice.call("GET", path), alice.call("HEAD", path)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert head.headers.get("Content-Type") == get.headers.get("Content-Type")
    if route.path != "/metrics":  # each call adds to its numbers
        assert head.headers.get("Content-Length") == get.headers.get("Content-Length")


@pytest.mark.parametrize("path_id", [
    "0", "-1", "+7", "07", "7.0", "7e0", "0x7", "abc", "9223372036854775808",
    "18446744073709551623", "9" * 400, "%37", "7%00", "%207", "7%2f8", "\xff", "7;", "7,8", "{id}", "*",
])
@pytest.mark.parametrize("route", WITH_ID, ids=name)
def test_what_is_no_id(hum, alice, route, path_id):
    body = b'{"nonce":"n","text":"t","seq":1}'
    answer = raw.request(hum, route.method, fill(route.path, path_id), body, alice.token)
    raw.problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("route", WITH_ID, ids=name)
def test_ids_of_things_of_other_kinds(hum, alice, people, route):
    """A session, a room or nothing at all in the place of the id: never found, never a failure."""
    bob, _, dm = people
    for number in (bob.sid, dm, "9223372036854775807", "1"):
        body = {"nonce": "n", "text": "t", "seq": 1, "user_id": "7", "name": "n"}
        problem(alice.call(route.method, fill(route.path, number), json=body), 404, "not_found")


NOT_JSON = {
    "nothing": b"", "a space": b" ", "a word": b"x", "half": b'{"a":', "a comma too many": b'{"a":1,}',
    "single quotes": b"{'a':1}", "no quotes": b"{a:1}", "a comment": b"{}//", "two": b"{}{}",
    "NaN": b'{"a":NaN}', "infinity": b'{"a":-Infinity}', "hexadecimal": b'{"a":0x1}',
    "a leading zero": b'{"a":01}', "a control character": b'{"a":"\x01"}', "a raw line": b'{"a":"\n"}',
    "a bad escape": b'{"a":"\\x"}', "a NUL behind": b"{}\x00", "a NUL in front": b"\x00{}",
    "a raw NUL": b'{"a":"\x00"}', "an escaped NUL": b'{"a":"\\u0000"}', "a NUL in a name": b'{"\\u0000":1}',
    "a lone surrogate": b'{"a":"\\ud800"}', "surrogates the wrong way": b'{"a":"\\udc00\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf{}", "UTF-16": '{"a":1}'.encode("utf-16"),
    "bad UTF-8": b'{"a":"\xff"}', "overlong UTF-8": b'{"a":"\xc0\xaf"}', "a raw surrogate": b'{"a":"\xed\xa0\x80"}',
    "cut UTF-8": b'{"a":"\xe2\x82"}', "past Unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "bad UTF-8 in a name": b'{"\xff":1}', "members twice": b'{"a":1,"a":1}',
    "members twice inside": b'{"a":{"b":1,"b":2}}', "members twice, escaped": b'{"a":1,"\\u0061":2}',
    "a list": b"[]", "a text": b'"a"', "a number": b"7", "true": b"true", "null": b"null",
    "a huge number": b'{"a":1e999}', "a huge integer": b'{"a":' + b"9" * 400 + b"}",
    "depth 10,000": b"[" * 10000 + b"]" * 10000, "depth of objects": b'{"a":' * 2500 + b"1" + b"}" * 2500,
    "open depth": b"[" * 16000, "depth behind a quote": b'{"\\"":' + b"[" * 12000,
    "a form": b"email=a&password=b", "XML": b"<?xml version='1.0'?><a/>",
}


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_no_object(hum, alice, token_for, text):
    for route in WITH_BODY:
        answer = raw.request(hum, route.method, fill(route.path, alice.id), text, token_for(route))
        if len(text) > 16384 and route.limit == "MESSAGE_PAYLOAD_MAX":
            raw.problem(answer, 413, "too_large")
        else:
            raw.problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "text/json",
                                  "multipart/form-data; boundary=x", "application/jsonx",
                                  "application/problem+json", "application/xml, application/json", "json"])
def test_another_media_type(hum, alice, token_for, kind):
    for route in WITH_BODY:
        answer = raw.request(hum, route.method, fill(route.path, alice.id), b"{}", token_for(route),
                             [f"Content-Type: {kind}"])
        raw.problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "Application/JSON", "application/json ;charset=UTF-8"])
def test_ways_to_say_json(hum, alice, kind):
    answer = raw.request(hum, "PATCH", "/v1/users/me", b"{}", alice.token, [f"Content-Type: {kind}"])
    assert answer.status == 200, answer


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_body_past_the_bound(hum, alice, token_for, route, size):
    text = b'{"pad":"' + b"x" * size + b'"}'
    path = fill(route.path, alice.id)
    answer = raw.request(hum, route.method, path, text, token_for(route))
    raw.problem(answer, 413, "too_large")
    # Without a length in front as well.
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    head = (f"{route.method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token_for(route)}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    raw.problem(raw.exchange(hum, head.encode() + chunks), 413, "too_large")


WRONG = [None, True, 0, -1, 1.5, 2**63, 2**64, 1e300, "", "x", "\u202e", "x" * 5000, [], [[]], {}, {"a": 1},
         ["1"], {"$gt": ""}, "'; drop table users; --", "%00", "../../etc/passwd", "${jndi:ldap://x}"]
NAMES = ["email", "password", "nickname", "device", "refresh_token", "about", "user_id", "nonce", "text",
         "reply_to", "seq", "rooms", "name", "token", "visibility", "max_uses", "max_age_s", "old", "new"]


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_values_of_every_type_in_every_member(hum, token_for, route):
    """Whatever it is: an answer with a name, never a failure of the server."""
    caller = Rest(hum.http_url, token_for(route), hum.http)
    for value in WRONG:
        for body in ({n: value for n in NAMES}, *({n: value} for n in NAMES)):
            answer = caller.call(route.method, fill(route.path, "7"), json=body)
            assert answer.status_code < 500, (body, answer.text)
            if answer.status_code >= 400:
                problem(answer, answer.status_code, answer.json()["code"])
