"""What a provider publishes and answers, beside ID tokens: what is believed of it, and what is refused."""

import pytest

from lib.asker import REDIRECT
from lib.idp import pkce

CHALLENGE = pkce()[1]


def authorize(one, **changes):
    call = {"redirect_uri": REDIRECT, "state": "state", "nonce": "nonce", "code_challenge": CHALLENGE, **changes}
    return one.probe.call("authorize", one.name, **call)


DISCOVERY = {
    "another issuer": ({"issuer": "https://accounts.example.com"}, "another issuer"),
    "no issuer": ({"issuer": None}, "lacks"),
    "no authorization endpoint": ({"authorization_endpoint": None}, "lacks"),
    "no token endpoint": ({"token_endpoint": None}, "https"),
    "no keys": ({"jwks_uri": None}, "lacks"),
    "no algorithms": ({"id_token_signing_alg_values_supported": None}, "lacks"),
    "none only": ({"id_token_signing_alg_values_supported": ["none"]}, "no algorithm"),
    "shared secrets only": ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "no algorithm"),
    "algorithms that are a text": ({"id_token_signing_alg_values_supported": "ES256"}, "lacks"),
    "private keys of clients only": ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "client secrets"),
    "PKCE in the clear only": ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
    "an address that is too long": ({"token_endpoint": "http://127.0.0.1/" + "x" * 1100}, "https"),
    "an address that is a number": ({"jwks_uri": 5}, "lacks"),
}


@pytest.mark.parametrize("case", DISCOVERY)
def test_discovery_that_is_refused(asker, case):
    one = asker()
    one.idp.lies.discovery, told = DISCOVERY[case]
    assert authorize(one) == {"status": "unavailable"}
    (line,) = one.probe.reported()
    assert told in line


@pytest.mark.parametrize("discovery", [
    {"code_challenge_methods_supported": None}, {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
    {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"]},
    {"id_token_signing_alg_values_supported": ["ES256", "none", "HS256"]}, {"scopes_supported": ["other"]},
    {"userinfo_endpoint": None},
], ids=lambda v: ascii(v)[:60])
def test_discovery_that_will_do(asker, discovery):
    one = asker()
    one.idp.lies.discovery = discovery
    assert authorize(one)["status"] == one.identity()["status"] == "ok"


@pytest.mark.parametrize("change", [
    {"state": ""}, {"state": "a b"}, {"state": "a&b"}, {"state": "s" * 257}, {"state": None}, {"nonce": "a\nb"}, {"nonce": ""},
    {"code_challenge": "short"}, {"code_challenge": "x" * 44}, {"code_challenge": None}, {"redirect_uri": "https://example.com/\r\nX: y"},
    {"redirect_uri": ""}, {"redirect_uri": None}, {"redirect_uri": "https://example.com/" + "x" * 1024}, {"redirect_uri": "https://exämple.com/"},
], ids=lambda v: ascii(v)[:40])
def test_what_is_no_request(evil, change):
    one = evil
    assert authorize(one, **change) == {"status": "invalid_request"}
    assert one.idp.seen == []


def test_a_request_without_a_nonce(asker):
    """A native client may do without: its code comes to it alone."""
    one = asker()
    assert "nonce" not in authorize(one, nonce=None)["url"]
    assert one.identity(nonce=None)["status"] == "ok"


@pytest.mark.parametrize("change", [
    {"code": ""}, {"code": None}, {"code": "c" * 2049}, {"code": "a\nb"}, {"code_verifier": "v" * 42}, {"code_verifier": "v" * 129},
    {"code_verifier": "v" * 42 + "%"}, {"code_verifier": None}, {"nonce": ""}, {"nonce": "n n"}, {"redirect_uri": None},
], ids=lambda v: ascii(v)[:40])
def test_what_is_no_grant(evil, change):
    """Nobody is asked for nothing."""
    one = evil
    one.refused(**change)
    assert one.idp.seen == []


@pytest.mark.parametrize("supported, iss, verdict", [
    (True, "own", "ok"), (True, None, "invalid_grant"), (True, "other", "invalid_grant"), (None, None, "ok"), (None, "own", "ok"),
    (None, "other", "invalid_grant"), (None, "prefix", "invalid_grant"), (False, "", "invalid_grant"),
])
def test_an_answer_of_another_provider(asker, supported, iss, verdict):
    """Mix-up (RFC 9207): the code never reaches a token endpoint."""
    one = asker()
    one.idp.lies.discovery = {"authorization_response_iss_parameter_supported": supported}
    named = {"own": one.idp.issuer, "other": "https://accounts.example.com", "prefix": one.idp.issuer + "/"}.get(iss, iss)
    assert one.identity(iss=named, by_callback=True)["status"] == verdict
    assert ("/token" in one.idp.paths()) == (verdict == "ok")


@pytest.mark.parametrize("token, status", [
    ({"access_token": None}, "unavailable"), ({"access_token": ""}, "unavailable"), ({"access_token": 5}, "unavailable"),
    ({"token_type": None}, "unavailable"), ({"token_type": "mac"}, "unavailable"), ({"token_type": "bearer"}, "ok"),
    ({"error": "invalid_grant"}, "invalid_grant"), ({"error": 5}, "unavailable"),
], ids=lambda v: ascii(v)[:60])
def test_answers_of_the_token_endpoint(evil, token, status):
    one = evil
    one.idp.lies.token = token
    assert one.identity()["status"] == status


@pytest.mark.parametrize("http, body, status, told", [
    (400, {"error": "invalid_grant"}, "invalid_grant", None), (400, {"error": "invalid_client"}, "unavailable", "client_secret"),
    (401, {"error": "invalid_client"}, "unavailable", "client_secret"), (400, {"error": "unauthorized_client"}, "unavailable", "client_secret"),
    (401, {}, "unavailable", "client_secret"), (500, {}, "unavailable", "an error"), (400, [], "unavailable", "an error"),
    (201, {"access_token": "x", "token_type": "Bearer"}, "unavailable", "an error"),
], ids=lambda v: ascii(v)[:60])
def test_errors_of_the_token_endpoint(evil, http, body, status, told):
    one = evil
    one.idp.lies.answers = {"/token": (http, {}, body)}
    one.refused(*([told] if told else []), status=status)


def test_the_secret_is_wrong(asker):
    """The operator reads it, without the secret."""
    one = asker(client_secret="not it")
    assert one.identity() == {"status": "unavailable"}
    (line,) = one.probe.reported()
    assert "client_secret" in line and "not it" not in line


@pytest.mark.parametrize("methods, member", [(["client_secret_post"], "client_secret"), (["client_secret_basic"], None)])
def test_how_the_secret_is_shown(asker, methods, member):
    """In one place only, and never in a URL."""
    one = asker()
    one.idp.lies.discovery = {"token_endpoint_auth_methods_supported": methods}
    assert one.identity()["status"] == "ok"
    ((_, headers, form),) = [s for s in one.idp.seen if s[0] == "/token"]
    assert ("client_secret" in form) == (member is not None) == ("Authorization" not in headers)
    assert set(form) - {"client_id", "client_secret"} == {"grant_type", "code", "redirect_uri", "code_verifier"}


USERINFO = {
    "of somebody else": ({"sub": "person-2", "email": "eve@example.com", "email_verified": True}, "invalid_grant", "somebody else"),
    "of nobody": ({"email": "eve@example.com", "email_verified": True}, "invalid_grant", "somebody else"),
    "a number": ({"sub": 1, "email": "eve@example.com"}, "invalid_grant", "somebody else"),
    "a list": ([], "invalid_grant", "somebody else"),
    "without an address": ({"sub": "person-1"}, "ok", ""),
    "with one": ({"sub": "person-1", "email": "bob@example.com", "email_verified": True}, "ok", "bob@example.com"),
}


@pytest.mark.parametrize("case", USERINFO)
def test_userinfo(asker, case):
    one = asker()
    one.idp.lies.claims = {"email": None, "email_verified": None}
    one.idp.lies.userinfo, status, text = USERINFO[case]
    if status != "ok":
        return one.refused(text)
    found = one.identity()
    assert (found["status"], found["email"], found["email_verified"]) == ("ok", text, bool(text))


@pytest.mark.parametrize("http", [401, 403, 404])
def test_userinfo_that_is_not_for_us(asker, http):
    """Without the scope there is no address, but there is somebody."""
    one = asker()
    one.idp.lies.claims = {"email": None}
    one.idp.lies.answers = {"/userinfo": (http, {}, {})}
    assert one.identity()["email"] == ""


def test_userinfo_does_not_replace_the_id_token(asker):
    one = asker()
    one.idp.lies.userinfo = {"sub": "person-1", "email": "eve@example.com", "email_verified": True}
    assert one.identity()["email"] == "bob@example.com"
    assert "/userinfo" not in one.idp.paths()


def test_a_failure_is_forgotten(asker):
    """What was wrong for a moment is asked for again: nothing of it is kept."""
    one = asker()
    one.idp.lies.answers = {"/jwks": (500, {}, {})}
    assert one.identity() == {"status": "unavailable"}
    one.idp.reset()
    while one.identity() != {"status": "ok", "issuer": one.idp.issuer, "subject": "person-1", "email": "bob@example.com",
                             "email_verified": True, "name": "Bob"}:
        assert len(one.idp.seen) < 10_000
