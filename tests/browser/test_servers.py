"""Servers and channels, as their owner and as a member see them."""

import pytest

from lib.rest import ok

pytestmark = pytest.mark.release_only


def make_server(owner, name, private=False):
    owner.at("#/servers")
    owner.button("Create a server")
    owner.fill("dialog >> text=Name", name)
    if private:
        owner.click("dialog >> text=Private")
    owner.click('dialog >> button:has-text("Create")')
    owner.see(f'.server-head:has-text("{name}")')


def menu(page, name):
    page.click('.server-head [aria-haspopup="menu"]')
    page.click(f'role=menuitem[name="{name}"]')


def test_found_joined_posted_left_deleted(friends):
    alice, bob, _, a, b = friends
    name = f"Garden {alice.nickname}"
    make_server(a, name)
    b.at("#/servers")
    b.fill('input[type="search"]', name)
    b.click(f'.row:has-text("{name}") >> text=Join')
    b.see("text=Only the owner posts here.")
    a.say("the beans are up")
    b.hears("the beans are up")
    b.see(f'.rail-item[title="{name}"]')
    a.click("text=Members")
    a.see(f'.row:has-text("{bob.nickname}")')
    b.at("#/friends")
    a.click(".sidebar >> text=Posts")
    a.say("and the peas")
    b.see(f'.rail-item[title="{name}"] .badge:has-text("1")')
    b.click(f'.rail-item[title="{name}"]')
    b.hears("and the peas")
    b.gone(f'.rail-item[title="{name}"] .badge')
    menu(b, "Leave server")
    b.click('dialog >> button.danger')
    b.gone(f'.rail-item[title="{name}"]')
    menu(a, "Delete server")
    a.click('dialog >> button.danger')
    a.gone(f'.rail-item[title="{name}"]')


def test_invited_by_name_and_by_code(friends):
    alice, bob, _, a, b = friends
    name = f"Attic {alice.nickname}"
    make_server(a, name, private=True)
    menu(a, "Invite people")
    a.click(f'dialog >> .row:has-text("{bob.nickname}") >> text=Invite')
    a.see("dialog >> text=Invited")
    b.see('.side-link:has-text("Notifications") .badge')
    b.click('.side-link:has-text("Notifications")')
    b.click(f'.row:has-text("{name}") >> text=Join')
    b.see(f'.server-head:has-text("{name}")')
    menu(b, "Leave server")
    b.click('dialog >> button.danger')
    b.gone(f'.rail-item[title="{name}"]')
    # By a link that anybody may follow.
    a.button("Make a link")
    a.see('dialog input[readonly]')
    link = a.js("document.querySelector('dialog input[readonly]').value")
    b.goto(link)
    b.click('main >> button:has-text("Join")')
    b.see(f'.server-head:has-text("{name}")')
    # Sent away: it is gone at once, and said why.
    a.press("Escape")
    a.click("text=Members")
    a.click(f'.row:has-text("{bob.nickname}") >> [aria-haspopup="menu"]')
    a.click('role=menuitem[name="Send away"]')
    a.click('dialog >> button.danger')
    b.gone(f'.rail-item[title="{name}"]')
    b.at("#/notifications")
    b.see(f"text=You were sent away from {name}")


def test_channels(friends):
    alice, bob, _, a, b = friends
    name = f"Shed {alice.nickname}"
    make_server(a, name)
    for channel in ("tools", "seeds"):
        menu(a, "New channel")
        a.fill("dialog >> text=Channel name", channel)
        a.click('dialog >> button:has-text("Create")')
        a.see(f'.head h1:has-text("{channel}")')
    b.at("#/servers")
    b.fill('input[type="search"]', name)
    b.click(f'.row:has-text("{name}") >> text=Join')
    for one in (a, b):
        one.click('.side-link:has-text("tools")')
        one.button("Join channel")
        one.see(".composer")
    a.say("who has the spade?")
    b.hears("who has the spade?")
    b.fill(".composer textarea", "me")
    a.see(f'.typing:has-text("{bob.nickname}")')
    b.press("Enter")
    a.hears("me")
    a.click("text=2 here")
    for person in (alice, bob):
        a.see(f'dialog .row:has-text("{person.nickname}")')
    a.press("Escape")
    a.gone("dialog")
    # The owner may take away what others say.
    a.hover(a.message("me"))
    a.click(f'{a.message("me")} >> [aria-label="Delete"]')
    a.click('dialog >> button.danger')
    b.see(".text.gone")
    # In one channel at a time.
    b.click('.side-link:has-text("seeds")')
    b.see("text=You are in one channel at a time")
    b.button("Join channel")
    b.see(".composer")
    b.see('.side-link:has-text("seeds") .in')
    assert b.count('.side-link:has-text("tools") .in') == 0
    b.button("Leave channel")
    b.see("text=You are not in #seeds")
    # One that is deleted goes from everybody's list.
    b.button("Join channel")
    b.see(".composer")
    a.click('.side-link:has-text("seeds")')
    a.click('.head [aria-haspopup="menu"]')
    a.click('role=menuitem[name="Delete channel"]')
    a.click('dialog >> button.danger')
    for one in (a, b):
        one.gone('.side-link:has-text("seeds")')


def test_a_list_of_members_that_is_long(hum, friends):
    """A page at a time; the last one is the owner's to send away as the first."""
    alice, bob, _, a, _ = friends
    name = f"Fair {alice.nickname}"
    make_server(a, name)
    server = ok(alice.get("/v1/users/me/servers"))["items"][0]["id"]
    hum.database.rows("with made as (insert into users (id, email, nickname, nickname_key) select $1 + i, 'm' || $1 + i || '@example.org',"
                      " 'm' || $1 + i, 'm' || $1 + i from generate_series(1, 129) i returning id)"
                      " insert into server_members (server_id, user_id) select $1, id from made".replace("$1", str(int(server))))
    a.click("text=Members")
    a.see('.row >> nth=99')
    assert a.count("main .row") == 100
    a.button("Show more")
    a.see('.row >> nth=129')
    a.gone('role=button[name="Show more"]')
    assert a.count("main .row") == 130
