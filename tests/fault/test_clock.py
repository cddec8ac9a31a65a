"""The clock of the machine is an hour off, and steps."""

import contextlib

import pytest

from lib.bed.preload import Preload
from lib.mqtt import eventually
from lib.rest import ok, unique
from lib.servers import join, make_server

HOUR = 3600


@contextlib.contextmanager
def clocks(bed, *daemons):
    """Their clocks can be stepped; the value does it."""
    loads = [Preload(daemon, bed.instance.home / f"clock-{daemon.part}") for daemon in daemons]
    for daemon, load in zip(daemons, loads):
        daemon.stop()
        daemon.start(env=load.env)

    def step(seconds):
        for load in loads:
            load.step(seconds)

    try:
        yield step
    finally:
        step(0)  # whoever stops waits for points in time
        for daemon in daemons:
            daemon.stop()
            daemon.start()


@pytest.mark.parametrize("whose", ("daemons", "machine"))
@pytest.mark.parametrize("off", (-HOUR, HOUR), ids=("back", "forward"))
def test_the_clock_steps(bed, off, whose):
    """Whoever is connected stays, tokens of before and after are good, and the chat goes on."""
    (_, bob, carol), (ab, _) = bed.crowd()
    daemons = (bed.broker, bed.api) if whose == "daemons" else (bed.postgres, bed.broker, bed.api)
    bed.clock_is_steady = whose == "daemons"
    with clocks(bed, *daemons) as step:
        bed.ready()
        bed.talk()
        bed.moment()
        before = bed.endings()
        for to in (off, 0, off):
            step(to)
            bed.moment(50, 200)
            if to == HOUR:  # access tokens last for 15 minutes; who gets a new one goes on
                bed.until(lambda: bed.clients[-1].answers[401], "the token has run out")
            bed.healed(f"with a clock {to} s off, all")
            assert bed.endings() == before
        bed.chatter("later", bob.sign_in(), [ab])
        bed.ready()
        bed.talk()
        bed.healed("with a session of the wrong time, all")
    bed.talk()
    bed.healed("with the clock right, all")
    bed.finish()
    assert ok(carol.get("/v1/users/me"))


def test_what_was_left_for_later_does_not_wait_for_the_clock(bed):
    """A job's next try was an hour ahead of the clock once that has stepped back."""
    alice, bob = bed.instance.sign_up(), bed.instance.sign_up()
    server = make_server(alice, name=unique())["id"]
    join(bob, server)
    waits = "select 1 from jobs where room_id = %s"
    with clocks(bed, bed.postgres) as step:
        eventually(bed.api.ready)
        step(HOUR)
        with bed.hold(bob.id):  # the inbox of one who is to be told
            ok(alice.delete(f"/v1/servers/{server}"), 204)
            eventually(lambda: bed.database.rows(f"{waits} and attempts > 0", server))
            step(0)
        eventually(lambda: not bed.database.rows(waits, server))
    (notice,) = bob.inbox()
    assert notice["kind"] == "server_removed"
