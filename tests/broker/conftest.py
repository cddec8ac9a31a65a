"""Connections to the broker."""

import pytest

from lib.mqtt import Client, eventually
from lib.rawmqtt import Raw


@pytest.fixture
def connect(hum):
    """Connects a person, or bare credentials; closes all connections after the test."""
    made = []

    def make(who, **kw):
        made.append(Client(hum, getattr(who, "mqtt", who), **kw))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def people(hum):
    """Two friends and the id of their DM, known to the broker."""
    alice, bob, dm = hum.pair()
    for person in (alice, bob):
        with Client(hum, person.mqtt, suffix="early") as client:
            eventually(lambda: client.subscribe(f"dm/{dm}/messages") == 1)
    return alice, bob, dm


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
