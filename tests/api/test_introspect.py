"""What a token is: told to other systems, and to nobody else."""

import time

import pytest

from lib import jwts, tokens
from lib.rest import Rest, ok, problem, refused_member, unique

PATH = "/v1/auth/introspect"
NOT_ACTIVE = {"active": False}


@pytest.fixture(scope="module")
def service(hum):
    return Rest(hum.http_url, hum.service_token(unique("service")), hum.http)


def look(service, token):
    return ok(service.post(PATH, {"token": token}))


def test_an_access_token(hum, service):
    person = hum.sign_up()
    found = look(service, person.token)
    now = time.time()
    assert found == {
        "active": True, "token_type": "Bearer", "iss": "hum", "aud": "hum-api", "sub": person.id, "sid": person.sid,
        "username": person.nickname, "exp": found["exp"], "iat": found["exp"] - 900}
    assert found["iat"] <= now + 1 and found["exp"] > now


def test_a_password_for_mqtt(hum, service):
    person = hum.sign_up()
    found = look(service, person.mqtt["password"])
    assert (found["active"], found["token_type"], found["aud"]) == (True, "mqtt", "hum-mqtt")
    assert (found["sub"], found["sid"]) == (person.id, person.sid)
    assert found["exp"] - found["iat"] == 30 * 24 * 3600


def test_a_name_that_changes(hum, service):
    person, name = hum.sign_up(), unique()
    ok(person.patch("/v1/users/me", {"nickname": name}))
    assert look(service, person.token)["username"] == name


def test_a_session_that_has_ended(hum, service):
    """At once, whoever ended it."""
    out, revoked, expired = (hum.sign_up() for _ in range(3))
    for person in (out, revoked, expired):
        assert look(service, person.token)["active"]
    ok(out.post("/v1/auth/logout"), 204)
    hum.database.rows("update sessions set revoked_at = now() where id = %s", revoked.sid)
    hum.database.rows("update sessions set expires_at = now() where id = %s", expired.sid)
    for person in (out, revoked, expired):
        for token in (person.session["access_token"], person.mqtt["password"]):
            assert look(service, token) == NOT_ACTIVE


def test_what_is_no_token(hum, service):
    person = hum.sign_up()
    known = person.mqtt["password"]
    forged = {name: token for name, token in jwts.forged(hum, person).items() if token != known}
    forged["64 KB"] = forged["64 KB"][:30000]
    active = {name: look(service, token) for name, token in forged.items() if look(service, token) != NOT_ACTIVE}
    assert not active
    mint = tokens.Mint(hum, person)
    assert look(service, mint.token())["active"], "the forger's tools work"
    wrong = {
        "expired": mint.token(exp=int(time.time()) - 1), "no exp": mint.token(without="exp"),
        "audience of REST": mint.token(aud="hum-api"), "another issuer": mint.token(iss="evil"),
        "another's session": mint.token(sid=hum.sign_up().sid), "none": mint.token({"alg": "none"}),
        "another key": mint.token(key=b"k" * 32), "kid with a path": mint.token({"kid": f"../mqtt/{mint.kid}"}),
        "a service's": service.token,
    }
    active = {name: look(service, token) for name, token in wrong.items() if look(service, token) != NOT_ACTIVE}
    assert not active


def test_it_is_for_services(hum, alice):
    for caller in (alice, hum.rest, Rest(hum.http_url, "hst_" + "A" * 43, hum.http)):
        problem(caller.post(PATH, {"token": alice.token}), 401, "unauthorized")


@pytest.mark.parametrize("token", [None, "", 7, ["x"], {}, "x" * 32769, "a\0b"], ids=lambda t: repr(t)[:20])
def test_what_is_no_question(service, token):
    refused_member(service.post(PATH, {"token": token}), "token", token)
