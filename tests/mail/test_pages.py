"""The pages that the links of mails lead to, as a browser shows them."""

import json

import pytest

from lib import links, node, raw
from lib.links import address, asked, forgot, login, newcomer, register
from lib.rest import ok


@pytest.fixture(scope="module")
def seen(post, mail_server, tmp_path_factory):
    """Each link, followed in a browser: what the page says, by name. And the people whose links they are."""
    folder = tmp_path_factory.mktemp("pages")
    person, moving, email, elsewhere = newcomer(post, mail_server), newcomer(post, mail_server), address(), address()
    ok(register(post, email), 202)
    verify = mail_server.wait(email, links.VERIFY).link
    reset = asked(post, mail_server, person.email, links.RESET, forgot).link
    ok(moving.post("/v1/auth/email", {"email": elsewhere, "password": moving.password}), 202)
    change = mail_server.wait(elsewhere, links.CHANGE).link
    taken, late = address(), address()
    for one in (taken, late):
        ok(register(post, one), 202)
    ok(register(post, taken), 202)
    first, second = (mail_server.wait(taken, links.VERIFY) for _ in range(2))
    ok(links.verify(post, first.token), 204)
    expired = mail_server.wait(late, links.VERIFY).link
    post.database.rows("update registrations set expires_at = now() where email = %s", late)
    steps = [
        {"name": "verify", "link": verify}, {"name": "verify-used", "link": verify},
        {"name": "verify-taken", "link": second.link}, {"name": "verify-expired", "link": expired},
        {"name": "verify-cut", "link": verify[:-5]}, {"name": "verify-bare", "link": verify.split("#")[0]},
        {"name": "reset-short", "link": reset, "password": "🐟" * 4},
        {"name": "reset", "link": reset, "password": "battery staple"},
        {"name": "reset-used", "link": reset, "password": "battery staples"},
        {"name": "change", "link": change},
        {"name": "strange", "link": f"{post.http_url}/verify#token=%22%3E%3Cimg src=x onerror=alert(1)%3E"},
    ]
    found = node.run("links.js", post.http_url, folder, json.dumps(steps))
    found["people"] = (person, moving, email, elsewhere)
    found["by_name"] = {step["name"]: step for step in found["steps"]}
    return found


@pytest.mark.release_only
def test_a_browser_has_nothing_to_object_to(seen):
    """But to answers that are errors, which are meant."""
    assert not [t for t in seen["trouble"] if "/v1/auth/" not in t and "status of 4" not in t], seen["trouble"]


@pytest.mark.parametrize("name, kind, outcome", [
    ("verify", "good", "Your e-mail address is confirmed. You can sign in now."),
    ("verify-used", "bad", "This link has been used already."),
    ("verify-taken", "bad", "This e-mail address has an account already."),
    ("verify-expired", "bad", "This link has expired: ask for a new one."),
    ("verify-cut", "bad", "This link is not valid, or a newer one took its place."),
    ("verify-bare", "bad", "This link is not whole: open it again from the mail."),
    ("reset-short", "bad", "The password is too short."),
    ("reset", "good", "The new password is set. You can sign in with it now."),
    ("reset-used", "bad", "This link has been used already."),
    ("change", "good", "From now on this is the e-mail address of your account."),
    ("strange", "bad", "This link is not valid, or a newer one took its place."),
])
def test_what_a_page_says(seen, name, kind, outcome):
    step = seen["by_name"][name]
    assert (step["outcome"], step["kind"]) == (outcome, kind)
    assert step["again"] == (name == "reset-short"), "the form stays only where it is of use"


def test_titles(seen):
    titles = {name: seen["by_name"][name]["title"] for name in ("verify", "reset", "change")}
    assert titles == {"verify": "Hum: Confirm your e-mail address", "reset": "Hum: Choose a new password",
                      "change": "Hum: Change your e-mail address"}


def test_the_links_have_done_what_they_are_for(post, seen):
    person, moving, email, elsewhere = seen["people"]
    ok(login(post, email))
    ok(login(post, person.email, "battery staple"))
    assert ok(moving.get("/v1/users/me"))["email"] == elsewhere


def test_the_token_is_in_no_address_that_is_asked_for(post, seen):
    """Nor in a Referer, nor in the log; and gone from the address bar where the link is of no use any more."""
    for step in seen["steps"]:
        assert step["sent"] and all("#" not in line and "token" not in line for line in step["sent"]), step["sent"]
        assert ("#" in step["url"]) == step["again"]
    post.settle()
    assert "token=" not in post.log("api")
    assert not post.leaks()


def test_opening_a_page_does_nothing(post, server):
    """Programs look at the links of mails, too."""
    email = address()
    ok(register(post, email), 202)
    mail = server.wait(email, links.VERIFY)
    page = raw.request(post, "GET", mail.link.removeprefix(post.http_url).split("#")[0])
    assert page.status == 200 and b"<form" in page.body
    assert post.database.value("select used_at is null from registrations where email = %s", email)
