"""Sessions that end from elsewhere: their connections close, those of the others stay."""

import pytest

from lib.mqtt import V5, V311, eventually
from lib.rest import ok


def works(client, dm):
    client.message(f"dm/{dm}/messages", client.send(dm, "still here"))


WAYS = {
    "another device": lambda alice, lost: ok(alice.delete(f"/v1/auth/sessions/{lost.sid}"), 204),
    "another password": lambda alice, _: ok(
        alice.post("/v1/auth/password", {"old": alice.password, "new": "battery staple"}), 204),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_session_ends_from_elsewhere(connect, people, way):
    alice, bob, dm = people
    lost = alice.sign_in()
    gone = [connect(lost, version=v, transport=t, suffix=f"{t}{v}")
            for v in (V311, V5) for t in ("tcp", "websockets")]
    stays, b = connect(alice), connect(bob)
    for client in (*gone, stays, b):
        client.may(f"dm/{dm}/messages")
    WAYS[way](alice, lost)
    for client in gone:
        client.closed()
    works(stays, dm)
    works(b, dm)
    for client in gone:
        assert client.messages(f"dm/{dm}/messages") == []


def test_a_session_that_is_connected_is_seen(hum, connect, people):
    """Also by who speaks no REST at all."""
    alice, _, dm = people
    here, away = alice.sign_in(), alice.sign_in()
    for session in (here, away):
        hum.database.rows("update sessions set last_seen_at = now() - interval '1 hour' where id = %s", session.sid)
    client = connect(here)
    client.may(f"dm/{dm}/messages")
    ago = "select extract(epoch from now() - last_seen_at)::integer from sessions where id = %s"
    eventually(lambda: hum.database.value(ago, here.sid) < 1800)
    assert hum.database.value(ago, away.sid) >= 3600
