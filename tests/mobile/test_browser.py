"""hum-chat and the desktop client: one conversation."""

import pytest

pytestmark = pytest.mark.release_only  # the pages are the same on each build


@pytest.fixture(scope="module")
def driver(hum):
    from lib.browser import Driver

    driver = Driver(hum.http_url)
    yield driver
    driver.close()


def test_chat_with_somebody_in_a_browser(hum, chats, driver):
    from lib.browser import newcomer

    phone = chats(hum)
    name = phone.sign_up()
    person = newcomer()
    page = driver.page(person["nickname"])
    try:
        page.sign_up(person)
        page.online()
        phone.ask(f"/add {person['nickname']}", "done They are asked")
        page.click('.side-link:has-text("Notifications")')
        page.see(f'.row:has-text("{name} wants to be friends")')
        page.button("Accept")
        phone.wait("notice .* friend_request_accepted")
        phone.ask(f"/open {person['nickname']}", r"opened ")
        nonce = phone.say("hello from a terminal")
        phone.sent(nonce)
        dm = phone.wait(r"mine (\d+) ")[1]
        page.at(f"#/dm/{dm}")
        page.hears("hello from a terminal")
        phone.wait(rf"read \d+ {person['nickname']} \d+")
        page.say("hello from a browser")
        phone.hears("hello from a browser")
        page.sent("hello from a browser", "read")
        page.fill(".composer textarea", "about to say")
        phone.wait(rf"typing \d+ {person['nickname']}")
        assert not driver.trouble()
    finally:
        page.close()
