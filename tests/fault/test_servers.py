"""Who is sent away from a server or out of a channel hears nothing more, whatever died just then."""

import signal

import pytest

from lib import rawmqtt as mqtt
from lib.bed.club import Club
from lib.bed.daemons import kill_all
from lib.mqtt import eventually
from lib.rest import ok
from lib.servers import enter, join, kick


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
