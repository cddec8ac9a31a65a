"""One's account: devices, password, address, the way in by mail, and the way out."""

import pytest

from lib import links, smtp
from lib.browser import Driver, newcomer
from lib.rest import unique

pytestmark = pytest.mark.release_only


def test_devices(hum, friends, page):
    alice, _, _, a, _ = friends
    phone = page("phone")
    phone.sign_in(alice.email, alice.password)
    phone.online()
    a.at("#/settings/devices")
    a.see('.row:has-text("This device")')
    # This browser, the other one, and the session that the test itself works with.
    a.waitForSelector('.row:has-text("Chrome") >> nth=1')
    a.click('.row:has-text("Chrome"):not(:has-text("This device")) >> text=Sign out')
    phone.see("text=This device was signed out.")
    a.waitForSelector('.row:has-text("Chrome") >> nth=1', {"state": "detached"})
    a.online()


def test_password(hum, friends, page):
    alice, _, dm, a, b = friends
    phone = page("phone")
    phone.sign_in(alice.email, alice.password)
    a.at("#/settings/account")
    a.button("Change password")
    a.fill('dialog input[autocomplete="current-password"]', "not this one")
    a.fill('dialog input[autocomplete="new-password"]', "another horse")
    a.click('dialog >> button:has-text("Save")')
    a.see("text=E-mail or password is wrong.")
    a.fill('dialog input[autocomplete="current-password"]', alice.password)
    a.click('dialog >> button:has-text("Save")')
    a.see("text=All other devices are signed out.")
    phone.see("text=This device was signed out.")
    phone.sign_in(alice.email, "another horse")
    for one in (a, b):
        one.at(f"#/dm/{dm}")
        one.see(".composer")
    a.say("still here")
    b.hears("still here")


def test_erased(hum, friends):
    alice, _, dm, a, b = friends
    for one in (a, b):
        one.at(f"#/dm/{dm}")
        one.see(".composer")
    a.say("farewell")
    b.hears("farewell")
    a.at("#/settings/account")
    a.button("Delete my account")
    a.fill("dialog >> input", alice.password)
    a.click("dialog >> button.danger")
    a.see("text=New here?")
    b.reload()
    b.see('.author:has-text("Deleted user")')
    b.hears("farewell")
    b.see("text=You can read this conversation.")


@pytest.fixture(scope="module")
def post():
    """An instance that sends mails, and the server that they go to."""
    server = smtp.MailServer().start()
    instance = smtp.instance(server)
    try:
        instance.up()
        yield instance, server
    finally:
        instance.remove()
        server.remove()


def test_by_mail(post):
    """Signing up is done by the link of a mail; a lost password, too."""
    hum, server = post
    driver = Driver(hum.http_url)
    try:
        person, one = newcomer(), driver.page(unique())
        one.at()
        one.button("Create an account")
        for name in ("email", "password", "nickname"):
            one.fill(f'input[name="{name}"]', person[name])
        one.click('form button[type="submit"]')
        one.see("text=Look into your mail")
        mail = server.wait(person["email"], links.VERIFY)
        one.button("Send the mail again")
        one.see("text=Sent. It may take a minute.")
        mail = server.wait(person["email"], links.VERIFY)
        one.goto(mail.link)
        one.button("Confirm")
        one.see("text=You can sign in now.")
        one.sign_in(person["email"], person["password"])
        one.online()
        one.at("#/settings/account")
        one.see('.tag:has-text("confirmed")')
        one.click("main >> text=Sign out")
        one.click('dialog >> button:has-text("Sign out")')
        one.button("Forgot your password?")
        one.fill('input[name="email"]', person["email"])
        one.button("Send a link")
        one.see("text=a mail with a link is on its way")
        assert server.wait(person["email"], links.RESET).link
        assert not driver.trouble()
    finally:
        driver.close()
