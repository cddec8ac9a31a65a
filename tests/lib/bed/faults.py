"""Faults that begin and end: each a context, within which it lasts."""

import contextlib
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
