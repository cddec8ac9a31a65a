"""How many mails anybody can have sent, on an instance that limits."""

import pytest

from lib import links, smtp
from lib.links import address, forgot, login, register, resend, reset, settled, verify
from lib.rest import Rest, ok, problem, unique


@pytest.fixture(scope="module")
def limited(mail_server):
    instance = smtp.instance(mail_server, HUM_LIMITS="on", HUM_TRUSTED_PROXIES="127.0.0.1")
    try:
        instance.up()
        yield instance
        instance.forget()
        instance.down()
        assert not instance.reports(), instance.reports()
        assert not instance.leaks()
    finally:
        instance.remove()


class At:
    """What lib.links takes for an instance, as somebody at an address of their own sees it."""

    _count = 0

    def __init__(self, hum):
        At._count += 1
        self.hum, self.address = hum, f"198.51.{At._count}.7"
        self.database, self.rest = hum.database, self

    def post(self, path, body, **headers):
        headers["X-Forwarded-For"] = self.address
        return Rest(self.hum.http_url, http=self.hum.http).post(path, body, headers=headers)


def mails(limited, server, email):
    """How many have come to an address, once all have; taken out."""
    settled(limited)
    found = server.to(email)
    return [server.wait(email).token for _ in found]


def test_a_network_has_three_mails_of_an_address_and_nobody_hears_of_it(limited, server):
    email, client = address(), At(limited)
    for password in ("horse number 1", "horse number 2", "horse number 3"):
        assert ok(register(client, email, password=password), 202) == {}
        server.wait(email, links.VERIFY)
    assert ok(register(client, email, password="horse number 4"), 202) == {}
    assert mails(limited, server, email) == []
    # It is kept like the others, and whoever has asked for it hears what they always hear.
    assert limited.database.value("select count(*) from registrations where email = %s", email) == 4
    problem(login(client, email, "horse number 4"), 403, "email_unverified")
    # Mails of another kind, and from elsewhere, are not touched by that.
    ok(resend(client, email), 202)
    ok(verify(client, server.wait(email, links.VERIFY).token), 204)


def test_strangers_cannot_keep_a_new_password_from_the_owner(limited, server):
    home, email = At(limited), address()
    ok(register(home, email), 202)
    ok(verify(home, server.wait(email).token), 204)
    for _ in range(7):
        stranger = At(limited)
        for _ in range(3):
            assert ok(forgot(stranger, email.upper()), 202) == {}
    mails(limited, server, email)
    assert ok(forgot(At(limited), email), 202) == {}
    assert mails(limited, server, email) == [], "twenty an hour"
    assert ok(forgot(home, email), 202) == {}
    token = server.wait(email, links.RESET).token
    assert ok(forgot(At(limited), email), 202) == {}
    settled(limited)
    ok(reset(home, token), 204)
    ok(login(home, email, "battery staple"))


def test_another_address_that_is_asked_for_too_often(limited, server):
    home, email, wanted = At(limited), address(), address()
    ok(register(home, email), 202)
    ok(verify(home, server.wait(email).token), 204)
    token = ok(login(home, email))["access_token"]
    for i in range(4):
        body = {"email": wanted, "password": "correct horse"}
        assert ok(home.post("/v1/auth/email", body, Authorization=f"Bearer {token}"), 202) == {}
        settled(limited)
    assert len(mails(limited, server, wanted)) == 3


def test_a_nickname_that_is_taken_costs_no_mail(limited, server):
    taken, email = unique("Taken"), address()
    first = address()
    ok(register(At(limited), first, taken), 202)
    ok(verify(At(limited), server.wait(first).token), 204)
    client = At(limited)
    for _ in range(8):
        problem(register(client, email, taken), 409, "nickname_taken")
    ok(register(client, email), 202)
    server.wait(email, links.VERIFY)


def test_who_asks_for_many_is_told(limited, server):
    client, answers = At(limited), []
    for ask in [resend, forgot] * 10:
        ok(ask(client, address()), 202)
    for ask in (resend, forgot, register):
        answer = ask(client, address())
        problem(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 3600
        answers.append(answer)
    ok(resend(At(limited), address()), 202)


def test_links_are_not_tried_without_end(limited):
    client = At(limited)
    answers = [verify(client, "A" * 54) for _ in range(200)]
    problem(answers[0], 401, "invalid_token")
    problem(next(a for a in answers if a.status_code != 401), 429, "rate_limited")
    problem(verify(At(limited), "A" * 54), 401, "invalid_token")
