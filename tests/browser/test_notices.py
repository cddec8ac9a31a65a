"""What the system says while one looks at something else."""

import pytest

from lib.rest import befriend

pytestmark = pytest.mark.release_only

# Notices are made as ever; besides, they are written down.
WRITE_DOWN = """(() => {
    window.said = [];
    window.Notification = class extends Notification {
        constructor(title, options) {
            super(title, options);
            window.said.push({title, body: options.body, notice: this});
        }
        close() {
            this.closed = true;
            super.close();
        }
    };
})()"""


def look(page, here):
    """Whether somebody looks at the page: tests' browsers believe so of all of theirs."""
    page.js(f"""(() => {{
        document.hasFocus = () => {str(here).lower()};
        dispatchEvent(new Event("{'focus' if here else 'blur'}"));
    }})()""")


def said(page):
    return page.js("said.map(({title, body}) => [title, body])")


@pytest.fixture
def noticing(hum, friends):
    alice, bob, dm, a, b = friends
    a.allow(["notifications"])
    a.js(WRITE_DOWN)
    a.at("#/settings/appearance")
    assert a.js("localStorage.getItem('hum.notify')") is None, "nobody is asked unless they want to"
    a.click("text=Tell me what comes")
    a.see("input[type=checkbox]:checked")
    return alice, bob, dm, a, b


def test_told_while_one_looks_elsewhere(hum, noticing):
    alice, bob, dm, a, b = noticing
    b.at(f"#/dm/{dm}")
    b.say("are you at it?")
    a.see(".side-link.dm .badge")
    look(a, False)
    b.say("then not")
    a.until("said.length === 1")
    assert said(a) == [[bob.nickname, "then not"]], "what came while it was looked at was not told"
    # A click on it leads there; what is read is taken back.
    look(a, True)
    a.js("said[0].notice.onclick()")
    a.see(".composer")
    a.until("said[0].notice.closed")
    look(a, False)
    carol = hum.sign_up()
    befriend(carol, alice)
    a.until("said.some(({body}) => body.includes('wants to be friends'))")


def test_not_if_another_tab_is_looked_at(noticing, page):
    _, bob, dm, a, b = noticing
    second = page(a, "2")
    second.at("#/friends")  # looked at, and nothing is read by that
    look(a, False)
    b.at(f"#/dm/{dm}")
    b.say("for the second")
    second.see('.side-link.dm .badge:has-text("1")')
    second.js("new Promise((done) => setTimeout(done, 1000))")  # longer than a notice takes
    look(second, False)
    b.say("for nobody")
    a.until("said.length > 0")
    assert said(a) == [[bob.nickname, "for nobody"]]


def test_not_unless_wanted(noticing):
    _, bob, dm, a, b = noticing
    a.click("text=Tell me what comes")
    a.see("input[type=checkbox]:not(:checked)")
    look(a, False)
    b.at(f"#/dm/{dm}")
    b.say("psst")
    a.see(".side-link.dm .badge")
    a.click("text=Tell me what comes")
    b.say("hello")
    a.until("said.length > 0")
    assert said(a) == [[bob.nickname, "hello"]]
