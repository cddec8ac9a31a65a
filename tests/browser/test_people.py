"""Two people, two browsers: they sign up, become friends, talk, change what they said, and leave."""

import pytest

from lib import pictures
from lib.browser import newcomer
from lib.rest import ok

pytestmark = pytest.mark.release_only


@pytest.fixture
def strangers(page):
    """Two people who have just signed up, each in a browser."""
    people = newcomer(), newcomer()
    pages = [page(person["nickname"]) for person in people]
    for one, person in zip(pages, people):
        one.sign_up(person)
        one.online()
    return *people, *pages


def test_friends_are_made_live(strangers):
    alice, bob, a, b = strangers
    a.at("#/friends/find")
    a.fill('input[type="search"]', bob["nickname"][:-1])
    a.click(f'.row:has-text("{bob["nickname"]}") >> text=Add friend')
    a.see("text=Take back")
    # A badge comes up at once, here and at the notifications.
    b.see('.side-link:has-text("Friends") .badge:has-text("1")')
    b.see('.side-link:has-text("Notifications") .badge:has-text("1")')
    b.until("document.title.startsWith('(1)')")
    b.click('.side-link:has-text("Notifications")')
    b.see(f'.row:has-text("{alice["nickname"]} wants to be friends")')
    b.gone('.side-link:has-text("Notifications") .badge')
    b.button("Accept")
    b.gone('.side-link:has-text("Friends") .badge')
    # Both see each other come and go.
    for one, other in ((a, bob), (b, alice)):
        one.at("#/friends")
        one.see(f'.row:has-text("{other["nickname"]}") .dot.on')
    a.see('.side-link:has-text("Notifications") .badge')
    b.at("#/settings/account")
    b.click("main >> text=Sign out")
    b.click('dialog >> button:has-text("Sign out")')
    b.see("text=New here?")
    assert b.js("localStorage.getItem('hum.session')") is None
    b.until("indexedDB.databases().then((all) => all.length === 0)")
    a.see(f'.row:has-text("{bob["nickname"]}") .dot.off')
    b.sign_in(bob["email"], bob["password"])
    a.see(f'.row:has-text("{bob["nickname"]}") .dot.on')


def test_declined_withdrawn_removed_blocked(hum, strangers):
    alice, bob, a, b = strangers
    row = f'.row:has-text("{bob["nickname"]}")'

    def ask():
        a.at("#/friends/find")
        a.fill('input[type="search"]', bob["nickname"])
        a.click(f"{row} >> text=Add friend")
        b.see('.side-link:has-text("Friends") .badge')

    ask()
    b.at("#/friends/requests")
    b.button("Decline")
    b.see("text=No requests.")
    a.see(f"{row} >> text=Add friend")  # heard of it
    ask()
    a.click(f"{row} >> text=Take back")
    a.see(f"{row} >> text=Add friend")
    ask()
    b.button("Accept")
    a.at("#/friends")
    a.click(f'{row} >> [aria-haspopup="menu"]')
    a.click('role=menuitem[name="Remove friend"]')
    a.click('dialog >> button.danger')
    a.see("text=No friends yet")
    b.at("#/friends")
    b.see("text=No friends yet")
    ask()
    b.at("#/friends/requests")
    b.button("Accept")
    b.at("#/friends")
    b.click('.row >> [aria-haspopup="menu"]')
    b.click('role=menuitem[name="Block"]')
    b.click('dialog >> button.danger')
    b.see("text=No friends yet")
    a.reload()
    a.see(".self")
    a.fill('input[type="search"]', bob["nickname"])
    a.see("main .rows, main .empty")
    assert a.count(row) == 0
    b.at("#/settings/account")
    b.click(f'.row:has-text("{alice["nickname"]}") >> text=Unblock')
    b.see("text=You have blocked nobody.")


def test_a_conversation(strangers):
    alice, bob, a, b = strangers
    a.at("#/friends/find")
    a.fill('input[type="search"]', bob["nickname"])
    a.button("Add friend")
    b.at("#/friends/requests")
    b.button("Accept")
    a.at("#/friends")
    a.button("Message")
    a.see(".composer")
    a.say("are you there?")
    a.sent("are you there?")
    # The other is elsewhere: a badge, then, once it is looked at, read.
    b.see(f'.side-link.dm:has-text("{alice["nickname"]}") .badge:has-text("1")')
    assert a.count(".status.read") == 0
    b.click(".side-link.dm")
    b.hears("are you there?")
    b.gone(".side-link.dm .badge")
    a.sent("are you there?", "read")
    # Typing shows on both ends of the window, and ends with the message.
    b.fill(".composer textarea", "yes, what is")
    a.see(f'.typing:has-text("{bob["nickname"]} is typing")')
    a.see('.side-link.dm >> text=is typing')
    b.press("Enter")
    a.hears("yes, what is")
    a.gone('.typing:has-text("is typing")')
    # An answer to a message, which is changed, and taken back.
    a.hover(a.message("yes, what is"))
    a.click(f'{a.message("yes, what is")} >> [aria-label="Reply"]')
    a.say("nothig")
    b.see('.message:has-text("nothig") .in-reply:has-text("yes, what is")')
    a.sent("nothig")
    a.press("ArrowUp")
    a.see("text=Editing a message")
    a.say("nothing")
    for one in (a, b):
        one.see('.message:has(.edited) .text:has-text("nothing")')
        assert one.count('.text:has-text("nothig")') == 0
    a.hover('.message:has-text("nothing")')
    a.click('.message:has-text("nothing") >> [aria-label="Delete"]')
    a.click('dialog >> button:has-text("Delete")')
    for one in (a, b):
        one.see(".text.gone")
        one.gone('text="nothing"')  # the dialog, too
    # The order is one and the same, now and after a new start.
    for one in (a, b):
        assert one.messages() == ["are you there?", "yes, what is", "This message was deleted"]
        one.reload()
        one.see(".text.gone")
        assert one.messages() == ["are you there?", "yes, what is", "This message was deleted"]
    a.see(".status.read")


def test_read_marks_on_a_new_device(friends, page):
    """How far the other had read is known there as well, also when it was long ago."""
    alice, _, dm, a, b = friends
    for one in (a, b):
        one.at(f"#/dm/{dm}")
        one.see(".composer")
    a.say("have you read this?")
    b.hears("have you read this?")
    a.sent("have you read this?", "read")
    phone = page("phone")
    phone.sign_in(alice.email, alice.password)
    phone.at(f"#/dm/{dm}")
    phone.sent("have you read this?", "read")


def test_text_is_text(friends):
    _, _, dm, a, b = friends
    for one in (a, b):
        one.at(f"#/dm/{dm}")
    text = '<img src=x onerror="alert(1)"> <b>&amp;</b> https://example.org/a?b=<i>'
    a.say(text)
    b.see(".text >> text=onerror")
    assert b.messages() == [text]
    assert b.count(".text img, .text b, .text i") == 0
    assert b.js("document.querySelector('.text a').getAttribute('href')") == "https://example.org/a?b="
    a.fill(".composer textarea", "x" * 4001)
    a.see("text=1 character too many")
    assert a.isDisabled(".send")
    a.fill(".composer textarea", "two\nlines")
    a.press("Enter")
    b.see(".message >> nth=1")
    assert b.messages()[1] == "two\nlines"


def test_profile(hum, friends, tmp_path):
    alice, bob, dm, a, b = friends
    path = tmp_path / "face.png"
    path.write_bytes(pictures.plain())
    a.at("#/settings/profile")
    a.files('input[type="file"]', str(path))
    a.see(".picture .avatar img")
    a.fill("text=About you", "Rings twice.")
    a.button("Save")
    a.see("text=Saved")
    assert ok(alice.get("/v1/users/me"))["about"] == "Rings twice."
    b.at("#/friends")
    b.see('.row:has-text("Rings twice.") .avatar img')
    a.button("Remove")
    a.gone(".picture .avatar img")
    # A photograph is larger than the server takes; it is made smaller on the way.
    path.write_bytes(pictures.save(pictures.noise((1200, 900)), "PNG"))
    assert path.stat().st_size > 1024 * 1024
    a.files('input[type="file"]', str(path))
    a.see(".picture .avatar img")
    # What is no picture is said to be none.
    path.write_bytes(b"\x89PNG\r\n\x1a\nno picture at all")
    a.files('input[type="file"]', str(path))
    a.see(".toast.bad")


def test_wrong_password_and_taken_names(hum, page):
    person = newcomer()
    hum.sign_up(**person)
    one = page("who")
    one.at()
    one.fill('input[name="email"]', person["email"])
    one.fill('input[name="password"]', "not that one")
    one.click('form button[type="submit"]')
    one.see("text=E-mail or password is wrong.")
    one.button("Create an account")
    one.fill('input[name="nickname"]', person["nickname"])
    one.fill('input[name="email"]', f"other-{person['email']}")
    one.click('form button[type="submit"]')
    one.see("text=Somebody else has this nickname.")


def test_where_nothing_can_be_kept(hum, page):
    """A private window, in some browsers: one is told so."""
    person, one = hum.sign_up(), page("private")
    one.at()
    one.js("(() => { IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }; })()")
    one.fill('input[name="email"]', person.email)
    one.fill('input[name="password"]', person.password)
    one.click('form button[type="submit"]')
    one.see("text=This browser does not let Hum keep anything.")


def test_the_same_page_in_russian(hum, page):
    person = newcomer()
    hum.sign_up(**person)
    one = page("ru")
    one.at()
    one.button("Русский")
    one.see("text=Спокойное место для разговоров.")
    one.sign_in(person["email"], person["password"])
    one.see("text=Личные сообщения")
    assert one.js("document.documentElement.lang") == "ru"
    one.at("#/settings/appearance")
    one.click("text=English")
    one.see("text=Direct messages")
    one.click("text=Dark")
    assert one.js("document.documentElement.dataset.theme") == "dark"
    one.reload()
    one.see("text=Direct messages")
    assert one.js("document.documentElement.dataset.theme") == "dark"
