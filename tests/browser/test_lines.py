"""Lines that break: nothing is lost, nothing comes twice, and one sees how things stand."""

import os
import signal
import time
import types

import pytest

from lib.browser import Driver
from lib.rest import Rest, ok
from lib.tokens import Mint

pytestmark = pytest.mark.release_only  # pages; what the daemons make of broken lines is seen in fault/

COUNT = 20  # more than are under way at a time
SHORT_S = 45
AWAY = 75  # past the burst of 60


def open_dm(dm, *pages):
    for one in pages:
        one.at(f"#/dm/{dm}")
        one.see(".composer")


@pytest.fixture(scope="module", autouse=True)
def silent(hum, driver):
    """Two friends, the line of one of whom has gone silent. Finding out takes a while: it begins first and is looked at last."""
    alice, bob, dm = hum.pair()
    a, b = (driver.page(f"{name}{alice.id}") for name in ("silent", "heard"))
    for one, person in ((a, alice), (b, bob)):
        one.sign_in(person.email, person.password)
        one.online()
    open_dm(dm, a, b)
    a.line("silent")
    a.say("into the void")
    b.say("from the other side")
    b.sent("from the other side")
    return alice, dm, a


@pytest.fixture(scope="module", autouse=True)
def passing(hum, driver, silent):
    """Two friends, one of whom is connected by a token that is near its end. Its end is waited for last, too."""
    alice, bob, dm = hum.pair()
    a = driver.page(f"passing{alice.id}")
    a.sign_in(alice.email, alice.password)
    a.online()
    session = a.js("JSON.parse(localStorage.getItem('hum.session')).session")
    until = int(time.time()) + SHORT_S
    token = Mint(hum, types.SimpleNamespace(id=alice.id, sid=session["session_id"])).token(exp=until)
    a.js(f"""(() => {{
        const kept = JSON.parse(localStorage.getItem("hum.session"));
        kept.session.mqtt.password = "{token}";
        kept.mqtt_until = {until * 1000};
        localStorage.setItem("hum.session", JSON.stringify(kept));
    }})()""")
    a.reload()
    a.online()
    open_dm(dm, a)
    return alice, bob, dm, a, a.opened(), until


def same(history, *pages):
    """What the pages show is what the server keeps: each once, in order."""
    wanted = [message["text"] for message in history]
    assert len(wanted) == len(set(wanted))
    for one in pages:
        for text in wanted:
            one.hears(text)
        assert one.messages() == wanted


def test_without_a_network(friends):
    alice, bob, dm, a, b = friends
    open_dm(dm, a, b)
    a.say("before")
    a.sent("before")
    a.offline(True)
    a.offline_seen()
    a.see('.connection:has-text("No connection")')
    for i in range(COUNT):
        a.say(f"queued {i}")
    a.see(f'{a.message("queued 0")} .status.pending')
    a.see(f'.connection:has-text("{COUNT} messages wait")')
    for i in range(3):
        b.say(f"meanwhile {i}")
    b.sent("meanwhile 2")
    a.offline(False)
    a.online()
    a.sent(f"queued {COUNT - 1}")
    same(alice.history(dm), a, b)
    mine = [m["text"] for m in alice.history(dm) if m["from"] == alice.id]
    assert mine == ["before", *(f"queued {i}" for i in range(COUNT))]


def test_what_waits_survives_a_reload(friends):
    alice, _, dm, a, b = friends
    open_dm(dm, a, b)
    a.line("cut")
    a.offline_seen()
    a.say("kept")
    a.see(f'{a.message("kept")} .status.pending')
    a.reload()
    a.see(f'{a.message("kept")} .status.pending')
    a.line("whole")
    a.sent("kept")
    b.hears("kept")
    same(alice.history(dm), a, b)


def test_a_line_that_is_cut_again_and_again(friends):
    alice, _, dm, a, b = friends
    open_dm(dm, a, b)
    for i in range(12):
        if i % 3 == 1:
            a.line("cut")
            a.line("whole")
        if i % 4 == 2:
            b.line("cut")
            b.line("whole")
        a.say(f"a{i}")
        b.say(f"b{i}")
    for i in range(12):
        a.sent(f"a{i}")
        b.sent(f"b{i}")
    same(alice.history(dm), a, b)


def test_a_second_tab(friends, page):
    alice, _, dm, a, b = friends
    open_dm(dm, a, b)
    second = page(a, "2")
    open_dm(dm, second)
    second.say("from the second")
    for one in (a, second, b):
        one.hears("from the second")
    second.sent("from the second")
    a.say("from the first")
    second.sent("from the first")
    b.fill(".composer textarea", "both hear this")
    for one in (a, second):
        one.see('.typing:has-text("is typing")')
    b.press("Enter")
    for one in (a, second):
        one.hears("both hear this")
    a.sent("from the first", "read")
    second.sent("from the first", "read")
    assert (a.opened(), second.opened()) == (1, 0)
    # The one that is connected goes: the other takes over, and what is said meanwhile comes.
    a.at("docs")  # away from the client
    b.say("while nobody listens")
    second.hears("while nobody listens")
    second.say("taken over")
    b.hears("taken over")
    assert second.opened() == 1
    same(alice.history(dm), second, b)


def test_many_calls_and_tabs_renew_once(friends, page):
    alice, _, dm, a, _ = friends
    open_dm(dm, a)
    tabs = [a, *(page(a, str(i)) for i in range(2, 5))]
    for tab in tabs:
        open_dm(dm, tab)
    a.js("""(() => {
        const kept = JSON.parse(localStorage.getItem("hum.session"));
        kept.access_until = 0;
        localStorage.setItem("hum.session", JSON.stringify(kept));
    })()""")
    for tab in tabs:
        tab.at("#/friends/find")
        tab.fill('input[type="search"]', alice.nickname)
    for tab in tabs:
        tab.see("main .rows, main .empty")
        tab.see(".self")
    assert sum(tab.asked("/v1/auth/refresh") for tab in tabs) == 1


def test_a_device_that_is_signed_out_elsewhere(hum, friends, page):
    alice, _, dm, a, b = friends
    open_dm(dm, a)
    second = page(a, "2")
    open_dm(dm, second)
    token = a.js("JSON.parse(localStorage.getItem('hum.session')).session.access_token")
    ok(Rest(hum.http_url, token, hum.http).post("/v1/auth/logout"), 204)
    for one in (a, second):
        one.see("text=This device was signed out.")
        assert one.js("localStorage.getItem('hum.session')") is None
    a.until("indexedDB.databases().then((all) => all.length === 0)")
    a.sign_in(alice.email, alice.password)
    a.online()
    second.see(".self")  # the other tab comes along


def test_a_broker_that_is_killed(new_instance):
    """With messages under way, and more written meanwhile than one may send at once; it comes back, and all are there once."""
    hum = new_instance()
    hum.settings["HUM_LIMITS"] = "on"
    hum.up()
    alice, bob, dm = hum.pair()
    driver = Driver(hum.http_url)
    try:
        a, b = driver.page("alice"), driver.page("bob")
        for one, person in ((a, alice), (b, bob)):
            one.sign_in(person.email, person.password)
            one.online()
        open_dm(dm, a, b)
        a.say("before")
        b.hears("before")
        for i in range(10):
            a.say(f"m{i}")
            if i == 4:
                os.kill(hum.pid("mosquitto"), signal.SIGKILL)
        a.offline_seen()
        b.offline_seen()
        away = [f"while it is away {i}" for i in range(AWAY)]
        for text in away:
            a.say(text)
        hum.down()
        hum.up()
        alice.token  # the API is back
        for one in (a, b):
            one.js("dispatchEvent(new Event('online'))")  # reason enough not to wait for the next attempt's turn
        # One after the other, so a slow machine takes long.
        a.waitForSelector(f"{a.message(away[-1])} :is(.status.sent, .status.read)", {"timeout": 110_000})
        same(alice.history(dm), a, b)
        assert a.messages() == ["before", *(f"m{i}" for i in range(10)), *away], "each once, in the order in which they were written"
        assert not driver.trouble()
    finally:
        driver.close()


def test_a_line_that_has_gone_silent(silent):
    """Nothing closes; what is sent is not answered. The client finds out by itself."""
    alice, dm, a = silent
    a.waitForSelector('.connection[data-phase="offline"]', {"state": "attached", "timeout": 60000})
    a.line("whole")
    a.js("dispatchEvent(new Event('online'))")
    a.sent("into the void")
    same(alice.history(dm), a)


def test_tokens_are_renewed_on_the_living_connection(passing):
    """Past the end of the one that it began with, the same connection goes on."""
    alice, bob, dm, a, opened, until = passing
    while time.time() < until + 3:
        time.sleep(0.2)
    assert a.frames(f"user/{alice.id}/token")
    a.say("still here")
    a.sent("still here")
    bob.say(dm, "so I see")
    a.hears("so I see")
    assert a.opened() == opened
