"""People in front of the desktop client."""

import pytest

from lib.browser import Driver
from lib.rest import unique


@pytest.fixture(scope="module")
def driver(hum):
    driver = Driver(hum.http_url)
    yield driver
    driver.close()


@pytest.fixture
def page(driver):
    """Tabs by name, each name in a browser of its own. At the end none of them has complained."""
    made = []

    def make(name, tab=""):
        who = f"{name}{unique()}" if not tab else f"{name.who}/{tab}"
        made.append(driver.page(who))
        return made[-1]

    driver.trouble()
    yield make
    for one in made:
        one.close()
    found = driver.trouble()
    assert not found, "\n".join(found)


@pytest.fixture
def friends(hum, page):
    """Two friends by REST, each signed in in a browser; their DM's id."""
    alice, bob, dm = hum.pair()
    pages = []
    for person in (alice, bob):
        pages.append(page(person.nickname))
        pages[-1].enter(person)
    return alice, bob, dm, *pages
