"""GitHub: OAuth 2.0 without an ID token. Its API says who it is, and which address is verified."""

from urllib.parse import parse_qs, urlsplit

import pytest

from lib.asker import REDIRECT
from lib.idp import pkce


def address(email="octocat@example.com", primary=True, verified=True):
    return {"email": email, "primary": primary, "verified": verified, "visibility": None}


@pytest.fixture
def github(asker):
    return asker(name="hub", preset="github")


def test_where_one_goes(github):
    _, challenge = pkce()
    url = github.probe.call("authorize", "hub", redirect_uri=REDIRECT, state="s", nonce="n", code_challenge=challenge)["url"]
    assert url.startswith(f"{github.idp.issuer}/login/oauth/authorize?")
    assert {k: v for k, (v,) in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code", "client_id": "hum", "redirect_uri": REDIRECT, "scope": "read:user user:email", "state": "s",
        "code_challenge": challenge, "code_challenge_method": "S256"}
    assert github.idp.seen == [], "nothing is to be discovered"


def test_who_it_is(github):
    github.idp.lies.github["/user/emails"] = [address("old@example.com", False), address()]
    assert github.identity() == {"status": "ok", "issuer": github.idp.issuer, "subject": "583231", "name": "octocat",
                                 "email": "octocat@example.com", "email_verified": True}
    bearer = {h["Authorization"].split()[0] for p, h, _ in github.idp.seen if p.startswith("/api")}
    assert bearer == {"Bearer"}


@pytest.mark.parametrize("emails", [
    [], [address(verified=False)], [address(primary=False)], [address(verified="true")], [address(verified=1)], [address(email=5)],
    [address("other@example.com", False, True), address(verified=False)], {}, [5], [address("x" * 250 + "@example.com")],
], ids=lambda v: ascii(v)[:60])
def test_no_address_that_counts(github, emails):
    github.idp.lies.github["/user/emails"] = emails
    found = github.identity()
    assert (found["status"], found["email"], found["email_verified"]) == ("ok", "", False)


@pytest.mark.parametrize("user", [{}, [], {"id": "583231"}, {"id": 0}, {"id": -5}, {"id": 1.5}, {"id": None, "login": "octocat"}], ids=lambda v: ascii(v)[:60])
def test_somebody_without_an_id(github, user):
    """The login can be given to somebody else; the id cannot."""
    github.idp.lies.github["/user"] = user
    github.refused("who that is", status="unavailable")


@pytest.mark.parametrize("error, status", [
    ("bad_verification_code", "invalid_grant"), ("redirect_uri_mismatch", "invalid_grant"),
    ("incorrect_client_credentials", "unavailable"), ("unverified_user_email", "unavailable"),
])
def test_errors_that_come_as_success(github, error, status):
    github.idp.lies.answers = {"/login/oauth/access_token": (200, {}, {"error": error, "error_description": "…"})}
    github.refused(*(["client_secret"] if status == "unavailable" else []), status=status)


@pytest.mark.parametrize("http", [401, 403, 500])
def test_an_api_that_does_not_tell(github, http):
    github.idp.lies.answers = {"/api/v3/user": (http, {}, {"login": "octocat", "id": 1})}
    assert github.identity() == {"status": "unavailable"}


def test_addresses_that_are_not_for_us(github):
    github.idp.lies.answers = {"/api/v3/user/emails": (404, {}, {})}
    assert github.identity()["status"] == "ok"


@pytest.mark.parametrize("iss, status", [(None, "ok"), ("", "ok"), ("/login/oauth", "ok"), (".example.com", "invalid_grant")])
def test_an_answer_of_another_provider(github, iss, status):
    named = None if iss is None else github.idp.issuer + iss
    assert github.identity(iss=named, by_callback=True)["status"] == status


def test_a_code_is_good_once(github):
    grant = github.grant()
    assert github.probe.call("identity", "hub", **grant)["status"] == "ok"
    assert github.probe.call("identity", "hub", **grant) == {"status": "invalid_grant"}
