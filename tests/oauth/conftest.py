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


@pytest.fixture(scope="session")
def shared(idp, tmp_path_factory):
    """One that is used by many tests, and replaced before its reports are bounded."""
    held = []

    def current():
        if not held or held[-1].told >= 15:
            for one in held:
                one.probe.stop()
            held[:] = [Asker(idp, tmp_path_factory.mktemp("shared") / "oauth.json")]
            assert held[0].identity()["status"] == "ok"
        return held[0]

    yield current
    for one in held:
        one.probe.stop()


@pytest.fixture
def evil(idp, shared):
    """Hum, which knows the provider as it is when it does not lie."""
    one = shared()
    idp.reset()
    yield one
    idp.reset()
