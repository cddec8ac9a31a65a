"""Whatever people do at once, the broker ends up with the rights that the database has."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.mqtt import eventually, friends, granted, newcomer
from lib.race import patiently
from lib.rest import open_dm
from lib.servers import make_channel, make_code, make_server

THREADS, STEPS = 6, 40


class Crowd:
    """Four people who come and go, befriend and block each other, in two servers of owner's."""

    def __init__(self, hum):
        self.hum = hum
        self.owner = newcomer(hum)
        self.people = [newcomer(hum) for _ in range(4)]
        self.servers = [make_server(self.owner, kind)["id"] for kind in ("public", "private")]
        self.codes = [make_code(self.owner, server) for server in self.servers]
        self.channels = [make_channel(self.owner, server) for server in self.servers for _ in range(2)]
        self.dms = []
        for a, b in zip(self.people, self.people[1:]):
            hum.befriend(a, b)
            self.dms.append(open_dm(a, b))

    def step(self, chance):
        """One call of somebody; whether it is refused does not matter here, but it never fails."""
        who, other = chance.sample(self.people, 2)
        number = chance.randrange(2)
        server, channel = self.servers[number], chance.choice(self.channels)
        calls = [
            lambda: who.put(f"/v1/servers/{server}/members/me"),
            lambda: who.post(f"/v1/invite-codes/{self.codes[number]}/redeem"),
            lambda: who.post(f"/v1/invite-codes/{self.codes[number]}/redeem"),
            lambda: who.delete(f"/v1/servers/{server}/members/me"),
            lambda: self.owner.delete(f"/v1/servers/{server}/members/{who.id}"),
            lambda: self.owner.delete(f"/v1/servers/{server}/members/{who.id}?ban=true"),
            lambda: self.owner.delete(f"/v1/servers/{server}/bans/{who.id}"),
            lambda: self.owner.delete(f"/v1/servers/{server}/bans/{who.id}"),
            *[lambda: who.put(f"/v1/channels/{channel}/members/me")] * 4,
            lambda: who.delete(f"/v1/channels/{channel}/members/me"),
            lambda: who.delete(f"/v1/friends/{other.id}"),
            lambda: who.post("/v1/friends/requests", {"user_id": other.id}),
            lambda: who.post(f"/v1/friends/requests/{other.id}/accept"),
            lambda: who.put(f"/v1/blocks/{other.id}"),
            lambda: who.delete(f"/v1/blocks/{other.id}"),
        ]
        answer = patiently(chance.choice(calls))()
        assert answer.status_code < 500, answer.text

    def expected(self, person):
        """{room: rights}, friends: what a load would say now."""
        rows = self.hum.daemon_database("broker").rows(
            "select what::text, id::text, rights from hum_access(array[%s::bigint])", person.id)
        rooms = {number: rights for what, number, rights in rows if what == "r"}
        return rooms, {number for what, number, _ in rows if what == "f"}


    def topics(self):
        rooms = {s: f"server/{s}" for s in self.servers} | {d: f"dm/{d}" for d in self.dms}
        return rooms | {c: f"server/{self.servers[i // 2]}/channel/{c}" for i, c in enumerate(self.channels)}


def differences(crowd, person, client):
    """Where the broker grants more or less than a load would say."""
    rights, friends_of = crowd.expected(person)
    found = []
    for room, topic in crowd.topics().items():
        reads = granted(client.subscribe(f"{topic}/messages"))
        code = client.publish(f"{topic}/send", {"nonce": f"end-{person.id}", "text": "x"})
        if reads + 2 * (code < 0x80) != rights.get(room, 0):
            found.append((topic, reads, code, rights.get(room, 0)))
    for other in crowd.people:
        sees = granted(client.subscribe(f"user/{other.id}/presence"))
        if sees != (other is person or other.id in friends_of):
            found.append((f"presence of {other.id}", sees))
    return found


def let_loose(crowd, seed, meanwhile=lambda: None):
    """Everybody does something at random, all at once; and meanwhile() now and then."""

    def run(number):
        chance = random.Random(f"{seed}/{number}")
        for step in range(STEPS):
            crowd.step(chance)
            if number == 0 and step % 10 == 5:
                meanwhile()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, number) for number in range(THREADS)]:
            done.result()


@pytest.mark.parametrize("seed", range(3))
def test_many_changes_at_once(hum, connect, seed):
    crowd = Crowd(hum)
    clients = {person: connect(person) for person in crowd.people}
    let_loose(crowd, seed)
    # A notice behind all of theirs: once it is heard, the broker has obeyed them.
    a, b, dm = friends(hum)
    listener = connect(b)
    listener.may(f"dm/{dm}/messages")
    listener.message(f"dm/{dm}/messages", a.say(dm, "the end")["nonce"])
    for person, client in clients.items():
        assert differences(crowd, person, client) == []
    in_channels = [sum(c in crowd.expected(p)[0] for c in crowd.channels) for p in crowd.people]
    assert max(in_channels) <= 1


@pytest.mark.parametrize("seed", range(2))
def test_many_changes_while_the_broker_is_deaf_now_and_then(hum, connect, seed):
    """Notices are lost with the connection that listens; what was missed is read anew, of everybody who is here."""
    crowd = Crowd(hum)
    clients = {person: connect(person) for person in crowd.people}
    broken = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hum-broker listener'"
    let_loose(crowd, f"deaf {seed}", lambda: hum.database.rows(broken))
    for person, client in clients.items():
        eventually(lambda p=person, c=client: differences(crowd, p, c) == [])
        assert not client.gone.is_set()
