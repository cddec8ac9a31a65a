"""Where there is no mail server: what needs one says so, whatever is known of an address."""

import pytest

from lib.rest import ok, problem, unique


@pytest.mark.parametrize("path", ["email/resend", "password/forgot"])
def test_no_mail_is_sent(hum, alice, path):
    known, unknown = (hum.rest.post(f"/v1/auth/{path}", {"email": email})
                      for email in (alice.email, f"{unique('m')}@example.org"))
    assert problem(known, 409, "mail_off") == problem(unknown, 409, "mail_off")


def test_an_address_is_not_changed(alice, bob):
    for email in (bob.email, f"{unique('m')}@example.org"):
        problem(alice.post("/v1/auth/email", {"email": email, "password": alice.password}), 409, "mail_off")


def test_addresses_are_not_verified(hum):
    person = hum.sign_up()
    assert person.session["user"]["email_verified"] is False
    ok(hum.rest.post("/v1/auth/login", {"email": person.email, "password": person.password}))


@pytest.mark.parametrize("path", ["email/verify", "password/reset"])
@pytest.mark.parametrize("token", ["x", "A" * 54, "A" * 53 + "B", "ü", "A" * 256])
def test_no_link_is_good(hum, path, token):
    problem(hum.rest.post(f"/v1/auth/{path}", {"token": token, "password": "battery staple"}), 401, "invalid_token")


def test_nothing_is_left_of_what_was_asked_for(hum):
    assert hum.database.value("select (select count(*) from registrations) + (select count(*) from mail_requests)") == 0
