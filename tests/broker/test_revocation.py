"""A right that is taken away ends deliveries to connections that stay, by subscriptions that stay, whatever their filter."""

import itertools
import threading

import pytest

from lib.mqtt import REFUSED, V5, V311, eventually, granted, newcomer
from lib.rest import ok, unique
from lib.servers import enter, join, kick, leave, make_channel, make_server

SERVER, CHANNEL = "server", "channel"


class Place:
    """A server with a channel; bob and carol are in both. bob is about to lose something."""

    def __init__(self, owner, bob, carol):
        self.owner, self.bob, self.carol = owner, bob, carol
        self.server = make_server(self.owner)["id"]
        self.channel, self.second = (make_channel(self.owner, self.server) for _ in range(2))
        for person in (self.bob, self.carol):
            join(person, self.server)
            enter(person, self.channel)
        self.topics = {SERVER: f"server/{self.server}", CHANNEL: f"server/{self.server}/channel/{self.channel}"}

    def messages(self, room):
        return f"{self.topics[room]}/messages"

    def say(self, room, text):
        """By somebody who keeps the right to; the nonce."""
        if room == SERVER:
            return self.owner.say(self.server, text)["nonce"]
        return self.carol.say(self.channel, text)["nonce"]


@pytest.fixture(scope="module")
def three(hum):
    return [newcomer(hum) for _ in range(3)]


@pytest.fixture
def place(three):
    return Place(*three)


FILTERS = {
    "exact": lambda p: [p.messages(SERVER), p.messages(CHANNEL)],
    "all of the server": lambda p: [f"{p.topics[SERVER]}/#"],
    "levels": lambda p: [f"{p.topics[SERVER]}/+", f"{p.topics[CHANNEL]}/+"],
    "overlapping": lambda p: [f"{p.topics[SERVER]}/#", f"{p.topics[CHANNEL]}/#", p.messages(CHANNEL)],
}

# What happens, and what bob then no longer hears.
WAYS = {
    "leaves": (lambda p: leave(p.bob, p.server), (SERVER, CHANNEL)),
    "kicked": (lambda p: kick(p.owner, p.server, p.bob), (SERVER, CHANNEL)),
    "banned": (lambda p: kick(p.owner, p.server, p.bob, ban="true"), (SERVER, CHANNEL)),
    "leaves the channel": (lambda p: ok(p.bob.delete(f"/v1/channels/{p.channel}/members/me"), 204), (CHANNEL,)),
    "goes to another channel": (lambda p: enter(p.bob, p.second), (CHANNEL,)),
}
CASES = list(itertools.product(WAYS, FILTERS))


def until_refused(client, topic):
    """Word of it has reached the broker: from here on nothing may come. The topic is subscribed already, so that
    asking again changes nothing."""
    eventually(lambda: not granted(client.subscribe(topic)))


@pytest.mark.parametrize("way, filters", CASES, ids=map(" - ".join, CASES))
def test_taken_away_while_people_talk(connect, place, way, filters):
    """bob hears the first so many of what is said, without a gap, and nothing after."""
    act, lost = WAYS[way]
    number = CASES.index((way, filters))
    b = connect(place.bob, version=(V311, V5)[number % 2], transport=("tcp", "websockets")[number // 2 % 2])
    c = connect(place.carol)
    b.may(*FILTERS[filters](place))
    c.may(*FILTERS["exact"](place))
    for room in (SERVER, CHANNEL):
        nonce = place.say(room, "before")
        for client in (b, c):
            client.message(place.messages(room), nonce)
    over = threading.Event()

    def talk():
        while not over.is_set():
            for room in lost:
                place.say(room, "meanwhile")

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        act(place)
        for room in lost:
            until_refused(b, place.messages(room))
    finally:
        over.set()
        talker.join()
    b.barrier()
    heard = {room: b.messages(place.messages(room)) for room in (SERVER, CHANNEL)}
    for room in (SERVER, CHANNEL):
        c.message(place.messages(room), place.say(room, "after"))
    b.barrier()
    for room in lost:
        copies = b.messages(place.messages(room))
        assert copies == heard[room], "nothing came after the refusal"
        numbers = sorted({m["seq"] for m in copies})
        assert numbers == list(range(1, len(numbers) + 1))
        nonce = unique("n")
        code = b.publish(f"{place.topics[room]}/send", {"nonce": nonce, "text": "x"})
        assert code == (REFUSED if b.version == V5 else 0)
    if SERVER not in lost:
        b.message(place.messages(SERVER), place.say(SERVER, "still heard"))
    assert not b.gone.is_set()
    assert b.heard(place.messages(CHANNEL))[-1].json["text"] != "after"


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("what", ["server", "channel"])
def test_deleted_while_people_talk(connect, place, what, filters):
    b, c = connect(place.bob, version=V311), connect(place.carol)
    b.may(*FILTERS[filters](place))
    c.may(*FILTERS["exact"](place))
    for room in (SERVER, CHANNEL):
        nonce = place.say(room, "before")
        for client in (b, c):
            client.message(place.messages(room), nonce)
    lost = (SERVER, CHANNEL) if what == "server" else (CHANNEL,)
    path = f"/v1/servers/{place.server}" if what == "server" else f"/v1/channels/{place.channel}"
    ok(place.owner.delete(path), 204)
    for client, room in itertools.product((b, c), lost):
        until_refused(client, place.messages(room))
    before = {client: len(client.heard()) for client in (b, c)}
    for room in lost:  # who had been in it writes as before, and comes nowhere
        c.publish(f"{place.topics[room]}/send", {"nonce": unique("n"), "text": "into the void"})
        c.publish(f"{place.topics[room]}/read", {"seq": 1})
        c.publish(f"{place.topics[room]}/typing/{place.carol.id}", "{}", qos=0)
    for client in (c, b):
        client.barrier()
        assert len(client.heard()) == before[client]
    if SERVER not in lost:
        b.message(place.messages(SERVER), place.say(SERVER, "still heard"))


def test_signs_of_life_end_as_well(connect, place):
    """Typing and read marks of a channel that bob has left."""
    b, c = connect(place.bob), connect(place.carol)
    for client in (b, c):
        client.may(f"{place.topics[CHANNEL]}/#")
    typing, mark = (f"{place.topics[CHANNEL]}/{verb}/{place.carol.id}" for verb in ("typing", "read"))
    place.say(CHANNEL, "one")
    place.say(CHANNEL, "two")
    c.until(place.messages(CHANNEL), 2)  # a mark goes no further than the broker has heard of
    c.publish(f"{place.topics[CHANNEL]}/read", {"seq": 1})
    c.publish(typing, "{}", qos=0)
    for topic in (mark, typing):
        b.wait(lambda t=topic: b.heard(t))
    leave(place.bob, place.server)
    until_refused(b, place.messages(CHANNEL))
    before = len(b.heard())
    c.publish(f"{place.topics[CHANNEL]}/read", {"seq": 2})
    c.publish(typing, "{}", qos=0)
    c.wait(lambda: len(c.heard(mark)) == 2 and len(c.heard(typing)) == 2)
    for verb in ("read", "typing/" + place.bob.id):
        b.publish(f"{place.topics[CHANNEL]}/{verb}", {"seq": 2} if verb == "read" else "{}", qos=0)
    b.barrier()
    c.barrier()
    assert len(b.heard()) == before
    assert not c.heard(f"{place.topics[CHANNEL]}/typing/{place.bob.id}")
    assert not c.heard(f"{place.topics[CHANNEL]}/read/{place.bob.id}")
