"""People who sign up, lose their password and move to another address, by the links of mails."""

import time

from lib import rest
from lib.rest import Person, ok, unique

WAIT_S = 60
VERIFY, KNOWN, RESET = "Confirm your e-mail address", "You have an account already", "A new password"
CHANGE, CHANGED = "Confirm your new e-mail address", "Your e-mail address has been changed"
NEW_PASSWORD, NEW_WAY = "Your password has been changed", "A new way to sign in"


def address():
    return f"{unique('m')}@example.org"


def register(hum, email, nickname=None, password="correct horse", **extra):
    rest.SECRETS.add(password)
    body = {"email": email, "nickname": nickname or unique(), "password": password, **extra}
    return hum.rest.post("/v1/auth/register", body)


def verify(hum, token):
    return hum.rest.post("/v1/auth/email/verify", {"token": token})


def resend(hum, email):
    return hum.rest.post("/v1/auth/email/resend", {"email": email})


def forgot(hum, email):
    return hum.rest.post("/v1/auth/password/forgot", {"email": email})


def reset(hum, token, password="battery staple"):
    rest.SECRETS.add(password)
    return hum.rest.post("/v1/auth/password/reset", {"token": token, "password": password})


def login(hum, email, password="correct horse"):
    return hum.rest.post("/v1/auth/login", {"email": email, "password": password})


def settled(hum):
    """Waits until each mail that was asked for is sent, or found not to be one."""
    deadline = time.monotonic() + WAIT_S
    while hum.database.value("select (select count(*) from mail_requests) + (select count(*) from mails)"):
        assert time.monotonic() < deadline, hum.database.rows("select kind, address from mail_requests")
        time.sleep(0.02)


def asked(hum, server, email=None, subject=VERIFY, ask=resend):
    """Asks for a mail and waits for it."""
    assert ok(ask(hum, email), 202) == {}
    return server.wait(email, subject)


def newcomer(hum, server, email=None, nickname=None, password="correct horse"):
    """Somebody who has signed up, followed the link and signed in."""
    email = email or address()
    ok(register(hum, email, nickname, password), 202)
    ok(verify(hum, server.wait(email, VERIFY).token), 204)
    return Person(hum.http_url, hum.http, ok(login(hum, email, password)), email, password)
