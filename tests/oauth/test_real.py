"""The whole exchange with npm's oidc-provider: every algorithm, every way to show who the client is."""

from urllib.parse import parse_qs, urlsplit

import pytest

from lib.idp import Idp, client, pkce
from lib.oauth_probe import Probe, write_file

REDIRECT = "http://127.0.0.1:8080/v1/auth/oauth/real/callback"
ALGS = ["RS256", "PS256", "ES256", "EdDSA"]
PERSON = {"email": "alice@example.com", "email_verified": True, "name": "Alice A.", "preferred_username": "alice"}
UNVERIFIED = {"email": "carol@example.com", "email_verified": False, "name": "Carol"}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The provider, and Hum as several of its clients: one an algorithm, one without a secret."""
    clients = [client([REDIRECT], alg, f"{alg} secret: /%+", id_token_signed_response_alg=alg) for alg in ALGS]
    clients.append(client([REDIRECT], "public", None))
    with Idp(clients, {"alice": PERSON, "carol": UNVERIFIED}) as idp:
        listed = [{"id": c["client_id"].lower(), "issuer": idp.issuer, "client_id": c["client_id"],
                   **({"client_secret": c["client_secret"]} if "client_secret" in c else {})} for c in clients]
        path = write_file(tmp_path_factory.mktemp("oauth") / "oauth.json", listed)
        with Probe(path) as probe:
            yield idp, probe


def go(real, provider, login="alice", nonce="nonce-1"):
    """There and back: what provider_identity is called with."""
    idp, probe = real
    verifier, challenge = pkce()
    there = probe.call("authorize", provider, redirect_uri=REDIRECT, state="state-1", nonce=nonce,
                       code_challenge=challenge)
    assert there["status"] == "ok"
    back, target = idp.sign_in(there["url"], login)
    assert target.startswith(REDIRECT) and back["state"] == "state-1", target
    return {"code": back["code"], "code_verifier": verifier, "redirect_uri": REDIRECT, "nonce": nonce,
            "by_callback": True, "iss": back.get("iss")}


@pytest.mark.parametrize("provider", [a.lower() for a in ALGS] + ["public"])
def test_somebody_signs_in(real, provider):
    idp, probe = real
    assert probe.call("identity", provider, **go(real, provider)) == {
        "status": "ok", "issuer": idp.issuer, "subject": "alice", "email": "alice@example.com", "email_verified": True,
        "name": "alice"}
    assert probe.reported() == []


def test_an_address_that_nobody_verified(real):
    found = real[1].call("identity", "es256", **go(real, "es256", "carol"))
    assert (found["email"], found["email_verified"]) == ("carol@example.com", False)


def test_a_code_is_good_once(real):
    grant = go(real, "es256")
    assert real[1].call("identity", "es256", **grant)["status"] == "ok"
    assert real[1].call("identity", "es256", **grant) == {"status": "invalid_grant"}
    assert real[1].reported() == []


@pytest.mark.parametrize("change", [
    {"code": "no-such-code"}, {"code_verifier": "v" * 43}, {"redirect_uri": REDIRECT + "/"},
    {"redirect_uri": REDIRECT.replace("127.0.0.1", "localhost")},
], ids=lambda v: ascii(v)[:60])
def test_what_the_provider_itself_refuses(real, change):
    assert real[1].call("identity", "es256", **{**go(real, "es256"), **change}) == {"status": "invalid_grant"}


@pytest.mark.parametrize("change, told", [
    ({"nonce": "nonce-2"}, "nonce"), ({"nonce": None}, "nonce"), ({"iss": "https://other.example.com"}, "iss"),
    ({"iss": None}, "iss"), ({"iss": ""}, "iss"),
], ids=lambda v: ascii(v)[:60])
def test_what_is_refused_here(real, change, told):
    assert real[1].call("identity", "es256", **{**go(real, "es256"), **change}) == {"status": "invalid_grant"}
    (line,) = real[1].reported()
    assert told in line


def test_the_code_of_another_client(real):
    """The code was given to one client; another, of the same provider, gets nothing for it."""
    assert real[1].call("identity", "rs256", **go(real, "es256")) == {"status": "invalid_grant"}


def test_what_is_asked_of_the_provider(real):
    _, challenge = pkce()
    url = real[1].call("authorize", "es256", redirect_uri=REDIRECT, state="a.b-c_d~e", nonce="n",
                       code_challenge=challenge)["url"]
    assert {k: v for k, (v,) in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code", "client_id": "ES256", "redirect_uri": REDIRECT, "scope": "openid email profile",
        "state": "a.b-c_d~e", "nonce": "n", "code_challenge": challenge, "code_challenge_method": "S256"}


def test_what_only_userinfo_says(tmp_path):
    """A provider that keeps the address out of the ID token, as the standard has it by default."""
    with Idp([client([REDIRECT])], {"alice": PERSON}, conform=True) as idp:
        path = write_file(tmp_path / "oauth.json", [{"id": "real", "issuer": idp.issuer, "client_id": "hum",
                                                     "client_secret": "a secret: of /hum%"}])
        with Probe(path) as probe:
            found = probe.call("identity", "real", **go((idp, probe), "real"))
            assert (found["status"], found["email"], found["email_verified"]) == ("ok", "alice@example.com", True)


def test_a_provider_that_takes_secrets_by_post_only(tmp_path):
    posting = {**client([REDIRECT]), "token_endpoint_auth_method": "client_secret_post"}
    with Idp([posting], {"alice": PERSON}, methods=["client_secret_post"]) as idp:
        path = write_file(tmp_path / "oauth.json", [{"id": "real", "issuer": idp.issuer, "client_id": "hum",
                                                     "client_secret": "a secret: of /hum%"}])
        with Probe(path) as probe:
            assert probe.call("identity", "real", **go((idp, probe), "real"))["status"] == "ok"
