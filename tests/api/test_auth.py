"""Registering, signing in, refreshing, signing out."""

import re
import time

import jwt
import pytest
import requests

from lib import jwts
from lib.race import race
from lib.rest import Rest, ok, problem, refused_member, unique

MONTH_S = 30 * 24 * 3600
PASSWORD = "correct horse"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def registration(**changes):
    body = {"email": f"{unique('m')}@example.org", "password": PASSWORD, "nickname": unique()}
    body.update(changes)
    return {k: v for k, v in body.items() if v is not None}


def register(hum, **changes):
    return hum.rest.post("/v1/auth/register", registration(**changes))


def login(hum, email, password=PASSWORD, **extra):
    return hum.rest.post("/v1/auth/login", {"email": email, "password": password, **extra})


def refresh(hum, token):
    return hum.rest.post("/v1/auth/refresh", {"refresh_token": token})


def works(hum, session):
    return Rest(hum.http_url, session["access_token"]).get("/v1/users/me").status_code


def check_session(hum, session, email, nickname):
    """The Session of the contract, whole."""
    assert set(session) == {"user", "session_id", "access_token", "token_type", "expires_in",
                            "refresh_token", "mqtt"}
    user = session["user"]
    assert set(user) == {"id", "nickname", "about", "avatar_url", "email", "email_verified",
                         "created_at"}
    assert (user["email"], user["nickname"], user["about"]) == (email, nickname, "")
    assert user["avatar_url"] is None and user["email_verified"] is False
    assert user["id"].isdecimal() and session["session_id"].isdecimal()
    assert TIME.fullmatch(user["created_at"])
    assert (session["token_type"], session["expires_in"]) == ("Bearer", 900)
    mqtt = session["mqtt"]
    assert mqtt["tcp"] == f"mqtt://{hum.host}:{hum.mqtt_port}"
    assert mqtt["ws"] == f"ws://{hum.host}:{hum.ws_port}/mqtt"
    assert (mqtt["client_id"], mqtt["username"]) == (session["session_id"], user["id"])
    assert MONTH_S - 5 <= mqtt["expires_in"] <= MONTH_S
    assert set(mqtt) == {"client_id", "username", "password", "expires_in", "tcp", "ws"}


# --- registering ---


def test_register_answers_a_session(hum):
    body = registration(device={"name": "phone", "kind": "mobile"})
    session = ok(hum.rest.post("/v1/auth/register", body), 201)
    check_session(hum, session, body["email"], body["nickname"])
    assert works(hum, session) == 200
    stored = hum.database.rows(
        "select device_name, device_kind, user_id::text, revoked_at from sessions where id = %s",
        session["session_id"])
    assert stored == [("phone", "mobile", session["user"]["id"], None)]


def test_the_password_is_stored_as_argon2id_only(hum):
    person = hum.sign_up()
    stored = hum.database.value("select hash from user_passwords where user_id = %s", person.id)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert person.password not in stored


def test_a_nickname_is_made_up_when_none_is_given(hum):
    names = {ok(register(hum, nickname=None), 201)["user"]["nickname"] for _ in range(3)}
    assert len(names) == 3
    assert all(2 <= len(name) <= 32 for name in names)


def test_an_address_has_one_account_whatever_its_case(hum):
    name = unique("Mixed")
    ok(register(hum, email=f"{name}@Example.org"), 201)
    problem(register(hum, email=f"{name.upper()}@eXAMPLE.ORG"), 409, "email_taken")
    ok(login(hum, f"{name.lower()}@example.org"))


def test_a_nickname_has_one_owner_whatever_its_case(hum):
    name = unique("Nick")
    ok(register(hum, nickname=name), 201)
    problem(register(hum, nickname=name.upper()), 409, "nickname_taken")


@pytest.mark.parametrize("member", ["email", "password"])
def test_register_needs(hum, member):
    body = problem(register(hum, **{member: None}), 400, "invalid_request")
    assert member in body["fields"]


@pytest.mark.parametrize("email", [
    "", "a", "@", "a@", "@b.org", "a b@c.org", "a@b@c.org", "a@b..org", "a@.org", "a@b.org\r\nX: y",
    "a@b.org\n", "\u0000@b.org", "a@b\u0000.org", "<a@b.org>", "a@b.org, c@d.org",
    "x" * 310 + "@example.org", 7, [], {}, True,
], ids=repr)
def test_no_address(hum, email):
    refused_member(register(hum, email=email), "email", email)


@pytest.mark.parametrize("password", ["", "1234567", "p" * 129, 12345678, ["12345678"], "1234567\u0000",
                                      "ä" * 7], ids=repr)
def test_no_password(hum, password):
    refused_member(register(hum, password=password), "password", password)


@pytest.mark.parametrize("password", ["12345678", "p" * 128, "ä" * 128, "🐟" * 8, "  spaces  "],
                         ids=repr)
def test_a_password_at_the_bounds_signs_in(hum, password):
    session = ok(register(hum, password=password), 201)
    ok(login(hum, session["user"]["email"], password))
    problem(login(hum, session["user"]["email"], password[:-1] + "x"), 401, "invalid_credentials")


def test_unknown_members_promote_nobody(hum):
    other = hum.sign_up()
    body = registration(
        id=other.id, user_id=other.id, email_verified=True, verified=True, role="admin",
        created_at="2001-01-01T00:00:00.000Z", refresh_generation=7, session_id=other.sid)
    session = ok(hum.rest.post("/v1/auth/register", body), 201)
    check_session(hum, session, body["email"], body["nickname"])
    assert session["user"]["id"] != other.id and session["session_id"] != other.sid
    assert not session["user"]["created_at"].startswith("2001")


def test_registrations_that_race_for_a_nickname(hum):
    name = unique("Race")
    answers = race(*[lambda: register(hum, nickname=name)] * 6)
    assert sorted(a.status_code for a in answers) == [201] + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "nickname_taken")
    assert hum.database.value("select count(*) from users where nickname = %s", name) == 1


def test_registrations_that_race_for_an_address(hum):
    email = f"{unique('race')}@example.org"
    answers = race(*[lambda: register(hum, email=email)] * 6)
    assert sorted(a.status_code for a in answers) == [201] + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "email_taken")
    assert hum.database.value("select count(*) from users where email = %s", email) == 1


def test_a_refused_registration_leaves_nothing(hum):
    email = f"{unique('m')}@example.org"
    taken = hum.sign_up()
    problem(register(hum, email=email, nickname=taken.nickname), 409, "nickname_taken")
    assert hum.database.value("select count(*) from users where email = %s", email) == 0
    ok(register(hum, email=email), 201)


def test_a_new_user_has_an_inbox(hum):
    person = hum.sign_up()
    assert hum.database.rows("select kind, last_seq from rooms where id = %s", person.id) == [(4, 0)]


# --- signing in ---


def test_login_answers_a_session_of_its_own(hum):
    person = hum.sign_up()
    session = ok(login(hum, person.email, person.password, device={"name": "tab", "kind": "web"}))
    check_session(hum, session, person.email, person.nickname)
    assert session["user"]["id"] == person.id
    assert session["session_id"] != person.sid
    assert works(hum, session) == 200
    assert works(hum, person.session) == 200, "the other device stays signed in"


def test_a_wrong_password_and_an_unknown_address_get_one_answer(hum):
    person = hum.sign_up()
    wrong = problem(login(hum, person.email, "not the password"), 401, "invalid_credentials")
    unknown = login(hum, f"{unique('nobody')}@example.org", "not the password")
    assert problem(unknown, 401, "invalid_credentials") == wrong


@pytest.mark.parametrize("body", [
    {}, {"email": "a@example.org"}, {"password": PASSWORD}, {"email": 1, "password": PASSWORD},
    {"email": "a@example.org", "password": {}}, {"email": None, "password": None},
], ids=repr)
def test_login_needs_both(hum, body):
    problem(hum.rest.post("/v1/auth/login", body), 400, "invalid_request")


@pytest.mark.parametrize("password", ["x", "x" * 129, "x" * 5000])
def test_what_is_no_password_does_not_sign_in(hum, password):
    person = hum.sign_up()
    answer = login(hum, person.email, password)
    assert answer.status_code in (400, 401)
    problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("device", [7, "phone", [], {"name": 7}, {"name": "x" * 5000},
                                    {"name": "a\u0000b"}, {"kind": ["x"]}], ids=repr)
def test_a_device_that_is_none(hum, device):
    person = hum.sign_up()
    answer = login(hum, person.email, person.password, device=device)
    problem(answer, 400, "invalid_request")


# --- tokens ---


def test_access_tokens_verify_with_the_public_keys(hum):
    person = hum.sign_up()
    keys = ok(hum.rest.get("/.well-known/jwks.json"))["keys"]
    for key in keys:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
        assert "d" not in key and "k" not in key, "the private part"
    kid = jwt.get_unverified_header(person.token)["kid"]
    (key,) = [k for k in keys if k["kid"] == kid]
    public = jwt.PyJWK(key).key
    claims = jwt.decode(person.token, public, algorithms=["ES256"], audience="hum-api", issuer="hum",
                        options={"require": ["exp", "iat", "sub", "aud", "iss"]})
    assert (claims["sub"], claims["sid"]) == (person.id, person.sid)
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 60
    assert type(claims["exp"]) is int and type(claims["iat"]) is int


def test_mqtt_tokens(hum):
    person = hum.sign_up()
    token = person.mqtt["password"]
    kid, secret = jwts.mqtt_key(hum)
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "HS256", "kid": kid}
    claims = jwt.decode(token, secret, algorithms=["HS256"], audience="hum-mqtt", issuer="hum")
    assert (claims["sub"], claims["sid"]) == (person.id, person.sid)
    assert claims["exp"] - claims["iat"] == MONTH_S


def test_forged_tokens_are_refused(hum):
    person = hum.sign_up()
    kid, key = jwts.api_key(hum)
    genuine = jwts.sign(jwts.api_claims(person), key, "ES256", kid)
    ok(Rest(hum.http_url, genuine).get("/v1/users/me"))  # the forger's tools work
    taken = []
    for name, token in jwts.forged(hum, person).items():
        answer = Rest(hum.http_url, token).get("/v1/users/me")
        if name == "64 KB" and answer.status_code in (413, 431):
            continue
        if answer.status_code != 401 or answer.json()["code"] != "unauthorized":
            taken.append((name, answer.status_code, answer.text))
    assert not taken
    assert works(hum, person.session) == 200


def test_a_token_ends_also_when_it_was_just_used(hum):
    person = hum.sign_up()
    kid, key = jwts.api_key(hum)
    for seconds in (2, 8, 32):  # more, where the machine is too slow to use it in time
        end = int(time.time()) + seconds
        short = Rest(hum.http_url, jwts.sign(jwts.api_claims(person, exp=end), key, "ES256", kid))
        answer = used = short.get("/v1/users/me")
        while answer.status_code == 200:
            assert time.time() < end + 60
            answer = short.get("/v1/users/me")
        assert time.time() >= end
        problem(answer, 401, "unauthorized")
        if used.ok:
            return
    raise AssertionError("never good")


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", "bearer", "Basic YTpi", "Token {}", "{}", "Bearer{}", "Bearer  x {}",
    "Bearer {} x", "Basic {}",
])
def test_without_a_bearer_token(hum, alice, header):
    headers = {} if header is None else {"Authorization": header.format(alice.token)}
    answer = hum.rest.call("GET", "/v1/users/me", headers=headers)
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_scheme_of_the_header_has_no_case(hum, alice):
    ok(hum.rest.call("GET", "/v1/users/me", headers={"Authorization": f"bEARER {alice.token}"}))


# --- refreshing ---


def test_refresh_answers_a_session_with_new_tokens(hum):
    person = hum.sign_up()
    fresh = ok(refresh(hum, person.session["refresh_token"]))
    check_session(hum, fresh, person.email, person.nickname)
    assert fresh["session_id"] == person.sid
    assert fresh["refresh_token"] != person.session["refresh_token"]
    assert works(hum, fresh) == 200


def test_a_lost_answer_signs_nobody_out(hum):
    person = hum.sign_up()
    old = person.session["refresh_token"]
    first = ok(refresh(hum, old))
    for _ in range(3):
        assert ok(refresh(hum, old))["refresh_token"] == first["refresh_token"]
    second = ok(refresh(hum, first["refresh_token"]))
    assert works(hum, second) == 200


def test_reuse_of_a_token_whose_successor_was_used_ends_the_session(hum):
    person = hum.sign_up()
    other = person.sign_in()
    old = person.session["refresh_token"]
    first = ok(refresh(hum, old))
    second = ok(refresh(hum, first["refresh_token"]))
    assert works(hum, second) == 200
    problem(refresh(hum, old), 401, "invalid_token")
    assert [works(hum, s) for s in (person.session, first, second)] == [401, 401, 401]
    problem(refresh(hum, second["refresh_token"]), 401, "invalid_token")
    assert hum.database.value("select revoked_at is not null from sessions where id = %s", person.sid)
    assert works(hum, other.session) == 200, "the other device is not concerned"


def test_fifty_refreshes_at_once_yield_one_child(hum):
    person = hum.sign_up()
    old = person.session["refresh_token"]
    answers = race(*[lambda: refresh(hum, old)] * 50)
    children = {ok(answer)["refresh_token"] for answer in answers}
    assert len(children) == 1 and old not in children
    generation = "select refresh_generation from sessions where id = %s"
    assert hum.database.value(generation, person.sid) == 2
    assert works(hum, ok(refresh(hum, children.pop()))) == 200


def test_only_refresh_tokens_refresh(hum):
    person = hum.sign_up()
    token = person.session["refresh_token"]
    middle = len(token) // 2
    flipped = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for bad in ("x", token[:-1], token + "A", flipped, token + "=", " " + token, "A" * len(token), token.swapcase(), "ü"):
        problem(refresh(hum, bad), 401, "invalid_token")
    for bad in (None, 7, [token], {"a": token}, "", "x" * 20000):
        problem(refresh(hum, bad), 400, "invalid_request")
    for bad in (person.token, person.mqtt["password"]):  # too long for one, already
        assert refresh(hum, bad).status_code in (400, 401)
    ok(refresh(hum, token))


def test_every_bit_of_a_refresh_token_counts(hum):
    person = hum.sign_up()
    token = person.session["refresh_token"]
    for i in range(0, len(token), 5):
        changed = token[:i] + ("A" if token[i] != "A" else "z") + token[i + 1 :]
        problem(refresh(hum, changed), 401, "invalid_token")
    ok(refresh(hum, token))


def test_an_expired_session_refreshes_no_more(hum):
    person = hum.sign_up()
    hum.database.rows("update sessions set expires_at = now() - interval '1 second' where id = %s",
                      person.sid)
    problem(refresh(hum, person.session["refresh_token"]), 401, "invalid_token")


def test_the_database_holds_no_token(hum):
    person = hum.sign_up()
    fresh = ok(refresh(hum, person.session["refresh_token"]))
    row = str(hum.database.rows("select * from sessions where id = %s", person.sid))
    for token in (person.session["refresh_token"], fresh["refresh_token"], fresh["access_token"],
                  fresh["mqtt"]["password"]):
        assert token not in row


# --- signing out ---


def test_logout_refuses_at_once(hum):
    person = hum.sign_up()
    other = person.sign_in()
    for _ in range(3):
        assert works(hum, person.session) == 200  # whatever is remembered of the token
    ok(person.post("/v1/auth/logout"), 204)
    problem(person.get("/v1/users/me"), 401, "unauthorized")
    problem(person.post("/v1/auth/logout"), 401, "unauthorized")
    problem(refresh(hum, person.session["refresh_token"]), 401, "invalid_token")
    assert works(hum, other.session) == 200, "the other device stays signed in"


def test_logout_refuses_tokens_of_earlier_refreshes_too(hum):
    person = hum.sign_up()
    fresh = ok(refresh(hum, person.session["refresh_token"]))
    ok(Rest(hum.http_url, fresh["access_token"]).post("/v1/auth/logout"), 204)
    assert works(hum, person.session) == 401


def test_logouts_at_once_end_one_session(hum):
    person = hum.sign_up()
    answers = race(*[lambda: person.post("/v1/auth/logout")] * 8)
    assert {a.status_code for a in answers} <= {204, 401}
    assert 204 in {a.status_code for a in answers}
    ended = hum.database.value(
        "select count(*) from events where kind = 'UserLoggedOut' and actor_id = %s", person.id)
    assert ended <= 1


def test_refresh_and_logout_racing_end_in_logged_out(hum):
    for _ in range(5):
        person = hum.sign_up()
        answers = race(lambda: person.post("/v1/auth/logout"),
                       lambda: refresh(hum, person.session["refresh_token"]))
        ok(answers[0], 204)
        if answers[1].status_code == 200:
            assert works(hum, answers[1].json()) == 401
        else:
            problem(answers[1], 401, "invalid_token")


# --- what is written ---


def test_events(hum):
    person = hum.sign_up()
    person.sign_in()
    kinds = hum.database.rows("select kind from events where actor_id = %s order by xid, id", person.id)
    assert [k[0] for k in kinds][:2] == ["UserRegistered", "UserLoggedIn"]


def test_sessions_are_not_shared_by_connection(hum):
    """Two people over one connection stay two people."""
    a, b = hum.sign_up(), hum.sign_up()
    with requests.Session() as http:
        for person in (a, b, a):
            one = Rest(hum.http_url, person.token, http)
            assert ok(one.get("/v1/users/me"))["id"] == person.id
        problem(Rest(hum.http_url, None, http).get("/v1/users/me"), 401, "unauthorized")
