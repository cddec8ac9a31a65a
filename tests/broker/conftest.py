"""Connections to the broker."""

import contextlib

import pytest

from lib.mqtt import Client, Refused, friends, settle
from lib.rawmqtt import Raw


@pytest.fixture
def connect(hum):
    """Connects a person, or bare credentials, whose rights are then loaded unless at_once; closes all
    connections after the test."""
    made = []

    def make(who, at_once=False, **kw):
        if not at_once:
            with contextlib.suppress(Refused):  # the test will see, too
                settle(hum, who)
        made.append(Client(hum, getattr(who, "mqtt", who), **kw))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def people(hum):
    """Two friends and the id of their DM, known to the broker."""
    return friends(hum)


@pytest.fixture
def raw(hum):
    """Opens bare TCP connections to the broker; closes them after the test."""
    made = []

    def make(**kw):
        made.append(Raw((hum.host, hum.mqtt_port), **kw))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture(autouse=True)
def broker_lives(hum):
    """Whatever a test does, the broker is the same process after it."""
    pid = hum.pid("mosquitto")
    yield
    assert hum.pids().get("mosquitto") == pid
