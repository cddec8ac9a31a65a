"""The broker dies, is told to reload, or runs out of descriptors, while people chat."""

import contextlib
import signal
import threading

import pytest

from lib.bed.faults import frozen, refusing, stopped
from lib.bed.preload import Preload
from lib.mqtt import eventually

SMALL = 512 * 1024  # the smallest journal: its segments are used up and taken back all the time


@pytest.mark.parametrize("options", ({}, {"journal_bytes": SMALL}), ids=("", "small journal"))
def test_killed_in_the_middle_of_a_burst(bed, rounds, options):
    if options:
        bed.broker.restart(**options)
    bed.crowd(pace=400)
    bed.talk()
    for _ in range(3 * rounds):
        bed.moment(50, 500)
        bed.broker.kill()
        bed.broker.start()
        bed.healed("after a kill -9 of the broker all")
    bed.finish()


def test_killed_again_while_it_replays(bed, rounds):
    """Once while nothing of the replay can be committed, once at any moment of it."""
    _, (ab, bc) = bed.crowd(pace=400, window=300)
    for _ in range(rounds):
        bed.talk()
        bed.moment()
        with bed.hold(ab, bc):
            taken = bed.acked()  # and not stored any more from here on
            bed.until(lambda: bed.acked() > taken + 200 and all(len(c.waiting) > 100 for c in bed.chatters),
                      "much has gathered")
            bed.broker.kill()
            bed.broker.start()
            eventually(lambda: bed.broker.numbers()["hum_messages_replayed_total"] > 100)
            bed.broker.kill()
        bed.broker.start(wait=False)
        threading.Event().wait(bed.random.uniform(0, 0.1))
        bed.broker.kill()
        bed.broker.start()
        bed.healed("after three kills all")
    bed.finish()


@contextlib.contextmanager
def held(bed):
    with bed.hold(*bed.members):
        yield


@contextlib.contextmanager
def there(bed):
    yield


@pytest.mark.parametrize("postgres", (there, held, frozen, stopped, refusing), ids=lambda f: f.__name__)
def test_told_to_stop_in_the_middle_of_a_burst(bed, rounds, postgres):
    """By SIGTERM: it ends in good time, and what it cannot commit any more it keeps for the next start."""
    bed.crowd(pace=400)
    for _ in range(rounds):
        bed.talk()
        bed.moment()
        with postgres(bed):
            bed.until(lambda: postgres is there or all(len(c.waiting) == c.window for c in bed.chatters),
                      "messages gather")
            bed.broker.stop()
        bed.broker.start()
        bed.healed("after SIGTERM all")
    bed.finish()


def test_reloaded_every_200_ms(bed, outage):
    """SIGHUP signs every connection in again; none is to notice."""
    bed.crowd()
    mark = bed.mark()
    bed.talk()
    bed.moment()
    before = bed.endings()
    reloads = 0
    with bed.broker.log_after() as log:
        while reloads < 5 * outage:
            bed.broker.tell(signal.SIGHUP)
            reloads += 1
            bed.moment(1, 40)
            eventually(lambda: log().count("Reloading config") >= reloads)
    bed.healed()
    bed.finish()
    assert bed.endings() == before
    bed.returned(mark)


def test_reloaded_before_it_can_heed_it(bed):
    """Mosquitto listens before it handles signals: who tells it to reload then does not end it, and is heeded."""
    preload = Preload(bed.broker, bed.instance.home / "faults")
    preload.wish("listen")
    with bed.broker.log_after() as log:
        bed.broker.restart(env=preload.env)
        eventually(lambda: "Reloading config" in log())
    assert preload.granted("listen")
    bed.crowd()
    bed.talk()
    bed.healed()
    bed.finish()


def test_descriptors_exhausted(bed):
    (alice, *_), (ab, _) = bed.crowd()
    mark = bed.mark()
    bed.talk()
    bed.moment()
    with bed.broker.few_descriptors(2):
        crowd = [bed.chatter(f"late{i}", alice.sign_in(), [ab]) for i in range(6)]
        bed.until(lambda: sum(c.endings.total() > 0 for c in crowd) >= 4, "some are turned away")
        # The clients snatch at whatever the broken connections to the database leave.
        bed.postgres.terminate("hum-broker")
        bed.moment(1, 40)
    bed.until(lambda: all(c.synced for c in crowd), "the others come in")
    bed.talk()
    bed.healed()
    for client in crowd:
        client.talking.clear()
    bed.finish()
    for client in crowd:
        bed.clients.remove(client)
        client.finish()
    bed.returned(mark)
