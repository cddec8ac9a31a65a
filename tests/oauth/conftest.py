"""A provider that lies on demand, and Hum's side of it."""

import pytest

from lib.asker import Asker
from lib.hostile_idp import HostileIdp


@pytest.fixture(scope="session")
def idp():
    with HostileIdp() as made:
        yield made


@pytest.fixture
def asker(idp, tmp_path):
    """Makes one; what the provider was told to lie about is forgotten at the end."""
    made = []

    def make(**more):
        made.append(Asker(idp, tmp_path / f"oauth-{len(made)}.json", **more))
        return made[-1]

    yield make
    idp.reset()
    for one in made:
        one.probe.stop()
