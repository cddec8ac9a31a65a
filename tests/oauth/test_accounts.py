"""From a real identity provider (npm's oidc-provider) to a chat, through a browser and natively."""

import secrets

import pytest

from lib import node
from lib.honest_idp import Browser, providers_file, s256
from lib.idp import Idp, client
from lib.instance import Instance
from lib.mqtt import Client, settle
from lib.rest import SECRETS, Person, ok

NATIVE = "http://127.0.0.1:49153/done"
PEOPLE = {name: {"email": f"{name}@example.com", "email_verified": True, "preferred_username": name}
          for name in ("alice", "bob", "carol")}


@pytest.fixture(scope="module")
def world():
    """Hum, and the provider that it is a client of."""
    hum = Instance()
    back = f"{hum.http_url}/v1/auth/oauth/real/callback"
    with Idp([client([back, NATIVE])], PEOPLE) as idp:
        settings = {"id": "real", "name": "Real", "issuer": idp.issuer, "client_id": "hum",
                    "client_secret": client([])["client_secret"], "redirect_uris": ["http://127.0.0.1/done"]}
        with providers_file(settings) as path:
            hum.settings.update(HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on")
            try:
                hum.up()
                yield hum, idp
                hum.forget()
                hum.down()
                assert not hum.reports(), hum.reports()
                assert not hum.leaks()
            finally:
                hum.remove()


class Real:
    name = "real"


def through_a_browser(hum, idp, login, status):
    """With cookies and redirects, and no Chromium."""
    browser = Browser(hum)
    back, target = idp.sign_in(browser.authorize(Real), login)
    SECRETS.add(back["code"])
    name, code = browser.come_back(target)
    assert name == "oauth", code
    return Person(hum.http_url, hum.http, ok(browser.post("/v1/auth/oauth", browser.grant(code)), status), None, None)


def natively(hum, idp, login, status):
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    SECRETS.add(verifier)
    there = hum.rest.get("/v1/auth/oauth/real/authorize", redirect_uri=NATIVE, state=state, nonce=nonce,
                         code_challenge=s256(verifier), code_challenge_method="S256")
    back, target = idp.sign_in(there.headers["Location"], login)
    assert target.startswith(f"{NATIVE}?") and back["state"] == state
    grant = {"provider": "real", "code": back["code"], "code_verifier": verifier, "redirect_uri": NATIVE, "nonce": nonce}
    session = ok(hum.rest.post("/v1/auth/oauth", grant), status)
    return Person(hum.http_url, hum.http, session, None, None)


def test_two_sign_in_by_a_provider_and_chat(world):
    hum, idp = world
    alice, bob = through_a_browser(hum, idp, "alice", 201), natively(hum, idp, "bob", 201)
    assert (alice.nickname, bob.nickname) == ("alice", "bob")
    assert alice.session["user"]["email_verified"] is True
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    clients = []
    try:
        for person in (alice, bob):
            settle(hum, person)
            clients.append(Client(hum, person.mqtt))
            clients[-1].may(f"dm/{dm}/messages")
        nonce = clients[0].send(dm, "hello")
        assert clients[1].message(f"dm/{dm}/messages", nonce)["text"] == "hello"
    finally:
        for one in clients:
            one.close()
    assert natively(hum, idp, "alice", 200).id == alice.id
    assert through_a_browser(hum, idp, "bob", 200).id == bob.id


def test_in_chromium(world):
    hum, _ = world
    verifier = secrets.token_urlsafe(48)
    found = node.run("oauth.js", hum.http_url, "real", "carol", verifier, s256(verifier))
    assert (found["status"], found["again"]) == (201, 401)
    assert found["session"]["user"]["nickname"] == "carol"
    assert found["cookie"] == "", "no script reads the secret"
    SECRETS.update([found["session"]["access_token"], found["session"]["refresh_token"], found["url"].partition("=")[2]])
    mqtt = Person(hum.http_url, hum.http, found["session"], None, None)
    settle(hum, mqtt)
    Client(hum, mqtt.mqtt).close()
