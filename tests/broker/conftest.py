"""Connections to the broker."""

import pytest

from lib.mqtt import friends
from lib.rawmqtt import Raw


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
