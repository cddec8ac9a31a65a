"""Providers as the routes meet them: GitHub's kind, one that lies, and one that hangs while others chat."""

import threading
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from lib.honest_idp import providers_file, s256
from lib.hostile_idp import HostileIdp
from lib.instance import Instance
from lib.rest import SECRETS, ok

VERIFIER = "v" * 20 + "-of-the-client-" + "v" * 20


@pytest.fixture(scope="module")
def world():
    """Hum, and a provider that does as it is told: it is two of its providers, and another one the third."""
    with HostileIdp() as evil, HostileIdp() as well:
        listed = [{"id": name, "issuer": i.issuer, "client_id": i.client_id, "client_secret": i.secret, **more}
                  for name, i, more in (("evil", evil, {}), ("hub", evil, {"preset": "github"}), ("well", well, {}))]
        SECRETS.update(p["client_secret"] for p in listed)
        with providers_file(*listed) as path:
            hum = Instance(HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on")
            try:
                hum.up()
                yield hum, evil
                hum.forget()
                hum.down()
                assert not hum.reports(), hum.reports()
                assert not hum.leaks()
            finally:
                hum.remove()


def authorize(hum, provider):
    query = {"code_challenge": s256(VERIFIER), "code_challenge_method": "S256"}
    return requests.Request("GET", f"{hum.http_url}/v1/auth/oauth/{provider}/authorize", params=query).prepare().url


def come_back(world, provider, answers=None):
    """What the browser is told that comes back from the provider: the client's fragment."""
    hum, evil = world
    session = requests.Session()
    there = session.get(authorize(hum, provider), allow_redirects=False, timeout=60)
    asked = dict(parse_qsl(urlsplit(there.headers["Location"]).query))
    code = evil.code(asked["code_challenge"], asked["redirect_uri"], asked.get("nonce"))
    SECRETS.add(code)
    evil.lies.answers = answers or {}
    back = session.get(asked["redirect_uri"], params={"code": code, "state": asked["state"]}, allow_redirects=False,
                       timeout=60)
    place, _, fragment = back.headers["Location"].partition("#")
    assert (back.status_code, place) == (302, f"{hum.http_url}/")
    return fragment.split("=")


def test_github(world):
    """Without an ID token: by its API, whose primary address is verified."""
    hum, evil = world
    evil.reset()
    evil.lies.github["/user/emails"] = [{"email": "octocat@example.org", "primary": True, "verified": True}]
    name, code = come_back(world, "hub")
    assert name == "oauth"
    SECRETS.add(code)
    user = ok(hum.rest.post("/v1/auth/oauth", {"provider": "hum", "code": code, "code_verifier": VERIFIER}), 201)["user"]
    assert (user["nickname"], user["email"]) == ("octocat", "octocat@example.org")


def test_one_that_lies(world):
    """The client reads a word, the operator why, nobody a secret."""
    hum, evil = world
    evil.reset()
    evil.lies.claims = {"aud": "somebody else"}
    assert come_back(world, "evil") == ["oauth_error", "invalid_grant"]
    hum.settle()
    assert "sign-in by evil failed: the ID token's aud is another client" in hum.log("api")


def test_one_that_hangs(world):
    """Those who wait for it hear of it; whoever else is there notices nothing."""
    hum, evil = world
    go, here, told = threading.Event(), threading.Semaphore(0), []
    evil.reset()

    def hang(handler):
        here.release()
        go.wait(120)
        handler.reply(503, {})

    def wait():
        told.append(come_back(world, "evil", {"/token": hang}))

    waiting = [threading.Thread(target=wait) for _ in range(30)]
    try:
        for thread in waiting:
            thread.start()
        for _ in range(4):
            assert here.acquire(timeout=60)
        bob, carol = hum.sign_up(), hum.sign_up()
        hum.befriend(bob, carol)
        ok(bob.post(f"/v1/rooms/{hum.open_dm(bob, carol)}/messages", {"text": "hello", "nonce": "n-1"}), 201)
        there = requests.get(authorize(hum, "well"), allow_redirects=False, timeout=60)
        assert there.status_code == 302, "another provider, of which nothing was known"
        for thread in waiting:
            thread.join()
    finally:
        go.set()
    assert told == [["oauth_error", "unavailable"]] * 30
    evil.reset()
    assert come_back(world, "evil")[0] == "oauth", "and it is asked again"
