"""Other ways to sign in, and who hears of them by mail."""

from lib import links
from lib.honest_idp import Browser, person
from lib.links import asked, forgot, newcomer, reset, settled
from lib.rest import ok, problem


def test_the_owner_hears_of_a_way_in_that_is_added(post, server, idp):
    alice, browser = newcomer(post, server), Browser(post)
    who = person()
    grant = browser.grant(browser.code(idp, who))
    linked = ok(alice.post("/v1/auth/identities", grant))
    mail = server.wait(alice.email, links.NEW_WAY)
    assert post.http_url in mail.text and who["email"] not in mail.text
    again = Browser(post)
    assert ok(alice.post("/v1/auth/identities", again.grant(again.code(idp, who))))["id"] == linked["id"]
    settled(post)
    assert not server.to(alice.email), "it was there before"


def test_the_owner_hears_of_a_way_in_that_came_by_the_address(post, server, idp):
    alice, who = newcomer(post, server), person()
    who["email"] = alice.email
    assert Browser(post).sign_in(idp, who).id == alice.id
    server.wait(alice.email, links.NEW_WAY)
    assert Browser(post).sign_in(idp, who).id == alice.id
    bob = Browser(post).sign_in(idp, person(), status=201)
    settled(post)
    assert not server.to(alice.email) and not server.to(bob.email), "nothing new"


def test_who_has_the_account_back_has_it_alone(post, server, idp):
    """Somebody found a session open and linked themselves; the owner gets a new password by mail."""
    alice, mallory, own = newcomer(post, server), person(), person()
    own["email"] = alice.email
    thief = Browser(post)
    ok(alice.post("/v1/auth/identities", thief.grant(thief.code(idp, mallory))))
    assert Browser(post).sign_in(idp, own).id == alice.id
    intruder = Browser(post).sign_in(idp, mallory)
    assert intruder.id == alice.id
    ok(reset(post, asked(post, server, alice.email, links.RESET, forgot).token), 204)
    problem(intruder.get("/v1/users/me"), 401, "unauthorized")
    assert Browser(post).sign_in(idp, mallory, status=201).id != alice.id
    assert Browser(post).sign_in(idp, own).id == alice.id
