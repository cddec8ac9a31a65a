"""hum-chat where lines break and programs die: what was written is said once, and comes to everybody once.

HUM_FAULT_SEED chooses the random moments (1 unless given)."""

import os
import random

import pytest

from lib.bed.daemons import Broker
from lib.mqtt import eventually

SEED = int(os.environ.get("HUM_FAULT_SEED", "1"))
ROUNDS, BURST = 6, 12


@pytest.fixture
def dice(request):
    seed = f"{SEED}/{request.node.name}"
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def broker(hum_of_its_own):
    return Broker(hum_of_its_own)


@pytest.fixture
def on_its_own(hum_of_its_own, chats, pair_on):
    """Two friends on an instance whose broker may be killed."""
    return pair_on(hum_of_its_own, chats)


def said(hum, dm):
    """What the database has, in order."""
    return [row[0] for row in hum.database.rows("select text from messages where room_id = %s order by seq", int(dm))]


def whole_room(one, peer):
    """A room as hum-chat shows it, page by page from the end to the beginning: {seq: text}."""
    since = one.mark()
    one.open(peer)
    while one.ask("/older", "(none|mine|from) ")[1] != "none":
        pass
    shown = [(int(m[2]), m[3]) for m in one.matches(r"(mine|from) \d+ (\d+) \S+ (.*)", since)]
    assert len(dict(shown)) == len(set(shown)), shown
    return [text for _, text in sorted(set(shown))]


def test_killed_while_it_sends(hum, friends, dice):
    """kill -9 at random moments of a burst. What it had taken (it said `pending`) is there once, in order."""
    alice, _, dm, a, b = friends
    typed, taken = [], []
    for r in range(ROUNDS):
        burst = [f"round {r} message {i}" for i in range(BURST)]
        typed += burst
        a.type("\n".join(burst))
        word = dice.choice(["pending", "mine"])
        a.wait(f"{word} ", count=dice.randint(1, BURST))
        a.kill()
        taken += [m[1] for m in a.matches(r"pending \d+ \S+ (.*)")]
        a.start()
        a.open(b.name)
    a.sent(a.say("the end"))
    b.hears("the end")
    found = said(hum, dm)
    assert len(found) == len(set(found)), "something was said twice"
    assert not set(taken) - set(found), "something was lost"
    assert set(found) <= {*typed, "the end"}
    for r in range(ROUNDS):
        mine = [text for text in found if text.startswith(f"round {r} ")]
        assert mine == [text for text in typed if text in set(mine)], "out of order"
    assert [text for _, _, text in sorted(set(b.texts()), key=lambda t: t[1])] == found
    assert whole_room(a, b.name) == whole_room(b, a.name) == found


def test_killed_while_it_receives(hum, friends, dice):
    alice, bob, dm, a, b = friends
    count = 0
    for r in range(ROUNDS):
        for _ in range(BURST):
            bob.say(dm, f"message {count}")
            count += 1
        a.wait(rf"from \d+ \d+ \S+ message {dice.randint(r * BURST, count - 1)}$")
        a.kill()
        bob.say(dm, f"message {count}")
        count += 1
        a.start()
    a.wait("line up")
    assert whole_room(a, b.name) == said(hum, dm) == [f"message {i}" for i in range(count)]


def test_written_without_a_line(hum, friends):
    alice, bob, dm, a, b = friends
    a.sent(a.say("before"))
    a.ask("/pause", "line off")
    nonces = [a.say(f"queued {i}") for i in range(5)]
    bob.say(dm, "meanwhile")
    a.ask("/rooms", "room dm ")
    a.kill()  # and it has been switched off, too
    a.start()
    for nonce in nonces:
        a.sent(nonce)
    b.hears("queued 4")
    assert said(hum, dm) == ["before", "meanwhile", *(f"queued {i}" for i in range(5))]
    assert whole_room(a, b.name) == said(hum, dm)


def test_the_broker_is_killed(hum_of_its_own, broker, on_its_own):
    alice, bob, dm, a, b = on_its_own
    for r in range(3):
        nonces = [a.say(f"a{r} {i}") for i in range(4)]
        broker.kill()
        a.wait("line away", count=r + 1)
        nonces += [a.say(f"a{r} {i}") for i in range(4, 8)]
        broker.start()
        for one in (a, b):
            one.type("/resume")
        for nonce in nonces:
            a.sent(nonce)
        b.hears(f"a{r} 7")
    wanted = [f"a{r} {i}" for r in range(3) for i in range(8)]
    assert said(hum_of_its_own, dm) == wanted
    assert [text for _, _, text in sorted(set(b.texts()), key=lambda t: t[1])] == wanted


def test_started_without_a_server(hum_of_its_own, broker, on_its_own):
    """What is kept can be read, and what is written waits."""
    _, bob, dm, a, b = on_its_own
    seq = a.sent(a.say("kept"))
    a.quit()
    broker.kill()
    a.start()
    a.ask(f"/open {b.name}", rf"mine \d+ {seq} \S+ kept")
    nonce = a.say("later")
    broker.start()
    a.type("/resume")
    a.sent(nonce)
    eventually(lambda: said(hum_of_its_own, dm) == ["kept", "later"])
