import pytest


@pytest.fixture(scope="module")
def alice(hum):
    return hum.sign_up()


@pytest.fixture(scope="module")
def bob(hum):
    return hum.sign_up()


@pytest.fixture(scope="module")
def stranger(hum):
    """Somebody who has nothing to do with the others."""
    return hum.sign_up()
