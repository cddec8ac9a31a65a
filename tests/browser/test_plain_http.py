"""A page that came over plain HTTP from another machine: browsers keep Web Locks, the clipboard, digests and notices from it."""

import pytest

from lib.browser import Driver

pytestmark = pytest.mark.release_only


@pytest.fixture(scope="module")
def driver(hum):
    driver = Driver(f"http://hum.test:{hum.http_port}")
    yield driver
    driver.close()


@pytest.fixture
def tabs(hum, driver):
    """Two tabs of one person, the first of which is connected, and one of a friend; their DM."""
    alice, bob, dm = hum.pair()
    first, second, other = (driver.page(f"{person.id}{tab}") for person, tab in ((alice, ""), (alice, "/2"), (bob, "")))
    first.sign_in(alice.email, alice.password)
    first.online()
    other.sign_in(bob.email, bob.password)
    other.online()
    for one in (first, second, other):
        one.at(f"#/dm/{dm}")
        one.see(".composer")
    assert first.js("[isSecureContext, navigator.locks === undefined]") == [False, True]
    yield first, second, other
    for one in (second, other):
        one.close()
    assert not driver.trouble()


def test_one_of_two_tabs_is_connected(tabs):
    first, second, other = tabs
    for one in (first, second):
        one.say(f"by {one.who[-2:]}")
        one.sent(f"by {one.who[-2:]}")
        other.hears(f"by {one.who[-2:]}")
    assert (first.opened(), second.opened()) == (1, 0)
    first.close()
    second.say("taken over")
    other.hears("taken over")
    assert second.opened() == 1


def test_a_tab_that_is_killed_is_followed_by_the_next(tabs):
    """It could not let go of anything: what it held ends by itself."""
    first, second, other = tabs
    first.crash()
    other.say("is anybody there?")
    second.hears("is anybody there?")
    second.say("yes")
    other.hears("yes")
    assert second.opened() == 1
