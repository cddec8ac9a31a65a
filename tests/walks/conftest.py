"""Walks: what a person does with Hum, by REST, and what others then see arrive without asking."""

import itertools

import pytest

from lib.mqtt import V5, V311

# Every way to connect has its turn.
_ways = itertools.cycle([(V5, "tcp"), (V311, "websockets"), (V311, "tcp"), (V5, "websockets")])


@pytest.fixture
def live(connect):
    """Connects a person, who hears notifications from then on, and of what the filters name."""

    def make(person, *filters):
        version, transport = next(_ways)
        return connect(person, version=version, transport=transport).may(f"user/{person.id}/inbox", *filters)

    return make


@pytest.fixture
def alice(hum):
    return hum.sign_up()


@pytest.fixture
def bob(hum):
    return hum.sign_up()


@pytest.fixture
def carol(hum):
    return hum.sign_up()
