"""A server's posts and one of its channels, while things die: what holds for DMs holds for them, and who is sent away
hears nothing more, whatever died just then."""

import signal

import pytest

from lib import rawmqtt as mqtt
from lib.bed.chatter import Place
from lib.bed.daemons import kill_all
from lib.bed.faults import misfortunes
from lib.mqtt import eventually
from lib.rest import ok
from lib.servers import enter, join, kick, make_channel, make_server


class Club:
    """alice's server: she posts, bob and carol chat with her in a channel, erin only reads the posts, dave has no
    business here."""

    def __init__(self, bed):
        self.bed = bed
        (self.alice, self.dave), (self.dm,) = bed.people(2)
        self.bob, self.carol, self.erin = (bed.instance.sign_up() for _ in range(3))
        self.server = make_server(self.alice)["id"]
        channel = make_channel(self.alice, self.server)
        self.posts = Place(self.server, f"server/{self.server}")
        self.channel = Place(channel, f"server/{self.server}/channel/{channel}")
        for person in (self.bob, self.carol, self.erin):
            join(person, self.server)
        for person in (self.alice, self.bob, self.carol):
            enter(person, self.channel)
        bed.members.update({self.posts: set(), self.channel: set()})

    def open(self, **kw):
        bed, both = self.bed, [self.posts, self.channel]
        bed.chatter("alice", self.alice, [*both, self.dm], **kw)
        bed.chatter("alice2", self.alice, both, version=mqtt.V311, suffix="phone", catch_up="rest", **kw)
        self.talkers = [bed.chatter("bob", self.bob, [self.channel], version=mqtt.V311, **kw),
                        bed.chatter("carol", self.carol, [self.channel], websocket=True, **kw)]
        bed.poster("rest", self.alice, both)
        self.readers = [bed.chatter("bob reads", self.bob, [self.posts], suffix="reads"),
                        bed.chatter("erin", self.erin, [self.posts], forbidden=[self.channel])]
        for reader in self.readers:
            reader.budget = 0
        bed.chatter("dave", self.dave, [self.dm], forbidden=both, **kw)
        bed.ready()

    def talk(self):
        self.bed.talk()
        for reader in self.readers:
            reader.talking.clear()

    def until_more(self, count=30):
        heads = {room: self.bed.head(room) for room in (self.posts, self.channel)}
        self.bed.until(lambda: all(self.bed.head(r) >= n + count for r, n in heads.items()), "the talk goes on")


def test_a_club_and_one_fault_upon_another(bed, rounds, outage):
    club = Club(bed)
    club.open(pace=200)
    mark = bed.mark()
    club.talk()
    for _ in range(3 * rounds):
        bed.moment(5, 200)
        story = misfortunes(bed, outage)
        bed.healed(f"after {story} all")
    bed.finish()
    bed.returned(mark)


# --- sent away ---


def broker_dead(bed, change):
    bed.broker.kill()
    change()
    bed.broker.start()


def broker_dies_after(bed, change):
    change()
    bed.broker.kill()
    bed.broker.start()


def listener_deaf(bed, change):
    """What was told is never heard: only loading everything anew helps."""
    deaf = bed.postgres.backends("hum-broker listener")
    kill_all(deaf, signal.SIGSTOP)
    change()
    kill_all(deaf, signal.SIGKILL)
    eventually(bed.postgres.ready)


def listener_broken_off(bed, change):
    bed.postgres.terminate("hum-broker listener")
    change()


def postgres_dies_after(bed, change):
    change()
    bed.postgres.kill()
    bed.postgres.start()


def api_dies_after(bed, change):
    change()
    bed.api.kill()
    bed.api.start()


def kicked(club):
    kick(club.alice, club.server, club.bob)


def left_the_channel(club):
    ok(club.bob.delete(f"/v1/channels/{club.channel}/members/me"), 204)


FAULTS = (broker_dead, broker_dies_after, listener_deaf, listener_broken_off, postgres_dies_after, api_dies_after)


@pytest.mark.parametrize("change", (kicked, left_the_channel), ids=lambda f: f.__name__)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_who_is_sent_away_hears_nothing_more(bed, fault, change):
    club = Club(bed)
    club.open()
    club.talk()
    bed.moment()
    gone = [c for c in bed.chatters if c.person is club.bob and (change is kicked or club.channel in c.rooms)]
    for client in gone:
        client.talking.clear()
    bed.until(lambda: not any(c.waiting for c in gone), "what he has said is answered")
    fault(bed, lambda: change(club))
    eventually(lambda: heard_by(bed, club.bob, club.channel) is False)
    eventually(lambda: heard_by(bed, club.bob, club.posts) is (change is left_the_channel))
    heads = {room: bed.head(room) for room in (club.posts, club.channel)}
    bed.healed(f"with {fault.__name__} all")
    club.until_more()
    for client in gone:
        for room in client.rooms:
            assert max(client.log.seen[room], default=0) <= heads[room], f"{client.name} heard what came later"
    bed.leave(*gone)
    bed.finish()
    if change is kicked:
        join(club.bob, club.server)
    enter(club.bob, club.channel)
    again = bed.chatter("again", club.bob, [club.posts, club.channel], suffix="again")
    again.budget = 0
    bed.until(lambda: again.synced, "he is back")
    bed.finish()


def heard_by(bed, person, room):
    """Whether the broker would let this person hear the room; None: it does not know the person yet."""
    mine = person.mqtt
    try:
        with mqtt.Raw(bed.address) as raw:
            if raw.connect(f"{mine['client_id']}:ask", mine["username"], mine["password"]) != 0:
                return None
            return raw.subscribe(f"{room.path}/messages") == [1]
    except (mqtt.Closed, OSError):
        return None
