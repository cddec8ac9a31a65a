"""Faults that begin and end: each a context, within which it lasts."""

import contextlib
import signal
import threading


def lasts(seconds):
    """An outage lasts: there is no event to wait for."""
    threading.Event().wait(seconds)


# --- PostgreSQL ---


@contextlib.contextmanager
def killed(bed):
    bed.postgres.kill()
    try:
        yield
    finally:
        bed.postgres.start()


@contextlib.contextmanager
def stopped(bed):
    bed.postgres.stop()
    try:
        yield
    finally:
        bed.postgres.start()


@contextlib.contextmanager
def frozen(bed):
    bed.postgres.freeze()
    try:
        yield
    finally:
        bed.postgres.thaw()


@contextlib.contextmanager
def refusing(bed):
    bed.postgres.refuse()
    try:
        yield
    finally:
        bed.postgres.allow()


@contextlib.contextmanager
def refused_to_the_broker(bed):
    bed.database.rows("alter role hum_broker nologin")
    bed.postgres.terminate("hum-broker")
    try:
        yield
    finally:
        bed.database.rows("alter role hum_broker login")


# --- one moment ---


def broker_killed(bed):
    bed.broker.kill()
    bed.broker.start()


def broker_stopped(bed):
    bed.broker.stop()
    bed.broker.start()


def broker_reloaded(bed):
    bed.broker.tell(signal.SIGHUP)


def api_killed(bed):
    bed.api.kill()
    bed.api.start(wait=False)


def writer_broken_off(bed):
    bed.postgres.terminate("hum-broker writer")


def listener_broken_off(bed):
    bed.postgres.terminate("hum-broker listener")


def clerk_broken_off(bed):
    bed.postgres.terminate("hum-broker clerk")


def nothing(bed):
    pass


OUTAGES = (killed, stopped, frozen, refusing, refused_to_the_broker)
# Without the database, which would have to find the backends.
WHILE_AWAY = (broker_killed, broker_stopped, broker_reloaded, nothing)
BLOWS = (*WHILE_AWAY, api_killed, writer_broken_off, listener_broken_off, clerk_broken_off)


def misfortunes(bed, outage):
    """One fault upon another, in an order that the seed chooses; everything is there again afterwards. Returns
    what it was."""
    story = []
    with contextlib.ExitStack() as stack:
        hold = bed.random.random() < 0.3
        if hold:
            stack.enter_context(bed.hold(bed.random.choice(list(bed.members))))
        fault = bed.random.choice([nothing] if hold else [*OUTAGES, nothing])
        if fault is not nothing:
            stack.enter_context(fault(bed))
        story.append(("hold " if hold else "") + fault.__name__)
        for _ in range(bed.random.randint(1, 3)):
            blow = bed.random.choice(BLOWS if fault is nothing else WHILE_AWAY)
            blow(bed)
            story.append(blow.__name__)
            lasts(bed.random.uniform(0, min(outage, 10) / 4))
    story = ", ".join(story)
    print(story)
    return story
