"""A long log: it loads as one scrolls, and what one looks at stays where it is."""

import pytest

pytestmark = pytest.mark.release_only

LENGTH = 420


@pytest.fixture(scope="module")
def talk(hum):
    alice, bob, dm = hum.pair()
    for i in range(LENGTH):
        (alice if i % 3 else bob).say(dm, f"line {i:05}")
    return alice, bob, dm


def top(page):
    """The first message in sight, and how far from the top it is."""
    return page.js("""(() => {
        const box = document.querySelector(".messages"), edge = box.getBoundingClientRect().top;
        for (const row of box.querySelectorAll(".message")) {
            const rect = row.getBoundingClientRect();
            if (rect.bottom > edge) return [row.querySelector(".text").textContent, Math.round(rect.top - edge)];
        }
    })()""")


def test_history_as_one_scrolls(talk, page):
    alice, bob, dm = talk
    a = page("reader")
    a.sign_in(alice.email, alice.password)
    a.at(f"#/dm/{dm}")
    a.hears(f"line {LENGTH - 1:05}")
    left = a.js("(() => { const b = document.querySelector('.messages'); return b.scrollHeight - b.clientHeight - b.scrollTop; })()")
    assert left < 2, "it begins at the newest"
    # It stays there when the window becomes narrower, and lines longer.
    for width in (500, 1280):
        a.setViewportSize({"width": width, "height": 800})
        a.until("(() => { const b = document.querySelector('.messages'); return b.scrollHeight - b.clientHeight - b.scrollTop < 2; })()")
    # Up by the wheel until the first line is there, seeing every line on the way.
    seen = set()
    box = a.js("(() => { const r = document.querySelector('.messages').getBoundingClientRect(); return [r.x + 50, r.y + 50]; })()")
    a.wheel(*box, 0)
    for _ in range(100):
        seen |= set(a.js("[...document.querySelectorAll('.messages .text')].map((t) => t.textContent)"))
        if "line 00000" in seen and a.count(".beginning >> text=This is where it begins"):
            break
        a.wheel(*box, -700)
    assert seen == {f"line {i:05}" for i in range(LENGTH)}
    assert a.count(".message") <= 180, "only a piece of it is in the page"
    shown = a.messages()
    assert shown == sorted(shown)
    # A new message does not move what one reads, and says that it is there.
    before = top(a)
    bob.say(dm, "news")
    a.see('.to-newest:has-text("1 new message")')
    assert top(a) == before
    a.click(".to-newest")
    a.hears("news")
    a.gone(".to-newest")


def test_keys(talk, page):
    alice, _, dm = talk
    a = page("keys")
    a.sign_in(alice.email, alice.password)
    a.at(f"#/dm/{dm}")
    a.see(".message >> nth=-1")
    a.focus(".messages")
    a.press("ArrowUp")
    last = a.js("document.activeElement.textContent")
    a.press("ArrowUp")
    assert a.js("document.activeElement.classList.contains('message')")
    assert a.js("document.activeElement.textContent") != last
    a.press("Control+k")
    a.see("dialog input")
    assert a.js("document.activeElement.getAttribute('role')") == "combobox"
    a.press("Escape")
    a.gone("dialog")
    # The first Tab leads past all lists to the conversation.
    a.at("#/notifications")
    a.reload()
    a.see("#main h1")
    a.press("Tab")
    assert a.js("document.activeElement.className") == "skip"
    a.press("Enter")
    assert a.js("document.activeElement.id") == "main"


def test_a_message_is_answered_changed_and_taken_back_by_keys_alone(talk, page):
    alice, _, dm = talk
    a = page("hands")
    a.sign_in(alice.email, alice.password)
    a.at(f"#/dm/{dm}")
    a.online()
    a.say("by hand")
    a.sent("by hand")

    def tool(number):
        """From the box to the last message, and on to one of its buttons."""
        a.focus(".messages")
        a.press("ArrowUp")
        for _ in range(number):
            a.press("Tab")
        a.press("Enter")

    tool(1)
    a.see('.asking:has-text("Replying")')
    assert a.js("document.activeElement.tagName") == "TEXTAREA"
    a.press("Escape")
    a.gone(".asking")
    tool(2)
    a.see('.asking:has-text("Editing")')
    a.fill(".composer textarea", "by keys")
    a.press("Enter")
    a.see('.message:has(.edited) .text:has-text("by keys")')
    tool(3)
    a.see("dialog[open]")
    a.focus('dialog >> button:has-text("Delete")')
    a.press("Enter")
    a.see(".text.gone")
    a.gone("dialog")
    a.until("document.activeElement.matches('.message')")  # the focus is not lost
