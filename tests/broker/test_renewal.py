"""A new token in place of the old one, on the living connection; and the rate limits."""

import time

import pytest

from lib.instance import Instance
from lib.mqtt import REFUSED, TAKEN, V5, V311, Client, Gone, eventually, friends, granted, in_time
from lib.rest import ok, unique
from lib.tokens import Mint

VERSIONS = pytest.mark.parametrize("version", (V311, V5), ids=("3.1.1", "5"))


def short(hum, person, seconds):
    """Credentials that are good for so long."""
    return {**person.mqtt, "password": Mint(hum, person).token(exp=int(time.time()) + seconds)}


def renew_in_time(connect, hum, person, version, token):
    """Two connections by a token that ends soon, the first of which is given another."""

    def attempt(seconds):
        credentials = short(hum, person, seconds)
        renewed, left = (connect(credentials, at_once=True, suffix=s, version=version) for s in ("renewed", "left"))
        code = renewed.publish(f"user/{person.id}/token", token)
        if not granted(renewed.subscribe(f"user/{person.id}/errors")):  # it was over before that
            renewed.closed()
            raise Gone
        assert code in (TAKEN if version == V5 else (0,))
        return renewed, left

    return in_time(attempt)


def works(client, dm):
    client.may(f"dm/{dm}/messages")
    client.message(f"dm/{dm}/messages", client.send(dm, "still here"))


@VERSIONS
def test_a_renewed_connection_outlives_its_first_token(connect, hum, people, version):
    alice, _, dm = people
    renewed, left = renew_in_time(connect, hum, alice, version, alice.mqtt["password"])
    left.closed(150)  # as long-lived as the other was
    works(renewed, dm)


@VERSIONS
def test_a_token_of_a_refresh_renews(connect, hum, people, version):
    alice, _, dm = people
    body = {"refresh_token": alice.session["refresh_token"]}
    fresh = ok(alice.post("/v1/auth/refresh", body), 200)["mqtt"]["password"]
    client, left = renew_in_time(connect, hum, alice, version, fresh)
    left.closed(150)
    works(client, dm)


def wrong_tokens(hum, alice, bob):
    mint, now = Mint(hum, alice), int(time.time())
    return {
        "empty": "",
        "junk": "x" * 100,
        "long": "x" * 20000,
        "expired": mint.token(exp=now - 1),
        "another's": bob.mqtt["password"],
        "another session's": alice.sign_in().mqtt["password"],
        "of the API": alice.session["access_token"],
        "to refresh": alice.session["refresh_token"],
        "another key": mint.token(key=b"x" * 32),
        "none": mint.token(header={"alg": "none"}),
        "NUL behind it": alice.mqtt["password"] + "\0",
        "a space behind it": alice.mqtt["password"] + " ",
    }


@VERSIONS
def test_a_wrong_token_renews_nothing(connect, hum, people, version):
    alice, bob, dm = people
    tokens = wrong_tokens(hum, alice, bob)

    def attempt(seconds):
        client = connect(short(hum, alice, seconds), at_once=True, suffix="short", version=version)
        client.may(f"user/{alice.id}/errors")
        for count, token in enumerate(tokens.values(), 1):
            code = client.publish(f"user/{alice.id}/token", token)
            assert code == (REFUSED if version == V5 else 0)
            client.wait(lambda c=count: len(client.heard()) == c or client.gone.is_set())
        if client.gone.is_set():
            raise Gone
        return client

    client = in_time(attempt)
    for error in client.messages(f"user/{alice.id}/errors"):
        assert error["code"] == "invalid_token"
        assert alice.mqtt["password"] not in str(error)
    client.closed(150)


def test_nobody_renews_for_another(connect, hum, people):
    alice, bob, dm = people
    a, b = connect(alice), connect(bob)
    assert b.publish(f"user/{alice.id}/token", alice.mqtt["password"]) == REFUSED
    assert b.publish(f"user/{alice.id}/token", bob.mqtt["password"]) == REFUSED
    assert a.publish(f"user/{alice.id}/token", bob.mqtt["password"]) == REFUSED
    works(a, dm)
    works(b, dm)


# --- rate limits, on an instance that has them ---


@pytest.fixture(scope="module")
def limited():
    instance = Instance(HUM_LIMITS="on")
    try:
        instance.up()
        yield instance
        assert not instance.reports(), instance.reports()
    finally:
        instance.remove()


@VERSIONS
def test_a_flood_of_messages_is_refused_and_what_was_taken_stays(limited, version):
    """A burst of 60, then 20 a second and person, over all their connections."""
    alice, bob, dm = friends(limited)
    with Client(limited, bob.mqtt) as b, Client(limited, alice.mqtt, version=version) as a, \
            Client(limited, alice.mqtt, version=version, suffix="second") as second:
        b.may(f"dm/{dm}/messages")
        a.may(f"user/{alice.id}/errors", f"dm/{dm}/messages")
        topic, codes = f"user/{alice.id}/errors", {}

        def flood():
            """Faster than 20 a second, also where the machine is slow: 100 at a time until some are refused."""
            sent = []
            for i in range(100):
                nonce = unique("n")
                client = (a, second)[i % 2]
                sent.append((nonce, client, client.submit(f"dm/{dm}/send", {"nonce": nonce, "text": "x"})))
            codes.update({nonce: client.acked(mid) for nonce, client, mid in sent})

            def settled():
                known = {m["nonce"] for m in (*a.messages(topic), *a.messages(f"dm/{dm}/messages"))}
                return known >= set(codes)

            a.wait(settled)  # every one of them is either in the log or refused by name
            return a.messages(topic)

        eventually(flood)
        errors = {m["nonce"]: m for m in a.messages(topic)}
        taken = {m["nonce"] for m in bob.history(dm)}
        assert len(taken) >= 60
        assert set(errors) == set(codes) - taken
        for error in errors.values():
            assert (error["code"], error["room"]) == ("rate_limited", dm)
            assert error["retry_after_ms"] > 0
        if version == V5:
            assert {n for n, code in codes.items() if code == REFUSED} == set(errors)
        # Others are not held back, nor is the connection closed.
        b.message(f"dm/{dm}/messages", b.send(dm, "from bob"))
        again = min(errors.values(), key=lambda e: e["retry_after_ms"])["nonce"]

        def through():
            a.publish(f"dm/{dm}/send", {"nonce": again, "text": "x"})
            a.barrier()
            return any(m["nonce"] == again for m in a.messages(f"dm/{dm}/messages"))

        eventually(through)
