"""Signing in by way of an identity provider, from the page and back to it; and adding it to an account that is there."""

import pytest

from lib.browser import Driver
from lib.honest_idp import providers_file
from lib.idp import Idp, client
from lib.instance import Instance
from lib.rest import ok, unique

pytestmark = pytest.mark.release_only

PEOPLE = {name: {"email": f"{name}@example.com", "email_verified": True, "preferred_username": name} for name in ("dora", "emil")}


@pytest.fixture(scope="module")
def world():
    """Hum, and the provider that it is a client of."""
    hum = Instance()
    with Idp([client([f"{hum.http_url}/v1/auth/oauth/real/callback"])], PEOPLE) as idp:
        settings = {"id": "real", "name": "Real", "issuer": idp.issuer, "client_id": "hum",
                    "client_secret": client([])["client_secret"]}
        with providers_file(settings) as path:
            hum.settings.update(HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on")
            try:
                hum.up()
                yield hum, idp
            finally:
                hum.remove()


@pytest.fixture
def page(world):
    driver = Driver(world[0].http_url)
    yield driver.page(unique())
    found = [line for line in driver.trouble() if "elsewhere" not in line]
    assert not found, found
    driver.close()


def there_and_back(page, name):
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    page.click("button[autofocus][type=submit]:has-text('Continue')")


def test_in_by_a_provider(world, page):
    page.at()
    page.button("Sign in with Real")
    there_and_back(page, "dora")
    page.see('.self:has-text("dora")')
    page.online()
    assert "oauth" not in page.js("location.href")
    page.at("#/settings/account")
    page.see('.row:has-text("dora@example.com") .tag:has-text("confirmed")')
    page.see('[aria-label="Other ways to sign in"] >> text=Real')


def test_added_to_an_account(world, page):
    hum, _ = world
    person = hum.sign_up()
    page.sign_in(person.email, person.password)
    page.at("#/settings/account")
    page.click('.row:has-text("Real") >> text=Add')
    there_and_back(page, "emil")
    page.see("text=You can sign in that way from now on.")
    assert [one["email"] for one in ok(person.get("/v1/auth/identities"))["items"]] == ["emil@example.com"]
    page.at("#/settings/account")
    page.click('.row:has-text("emil@example.com") >> text=Remove')
    page.see('.row:has-text("Real") >> text=Add')
