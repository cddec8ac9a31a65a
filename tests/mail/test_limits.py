"""How many mails anybody can have sent, on an instance that limits."""

import pytest

from lib import links, smtp
from lib.links import address, forgot, login, register, resend, settled, verify
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

    def post(self, path, body):
        return Rest(self.hum.http_url, http=self.hum.http).post(path, body, headers={"X-Forwarded-For": self.address})


def test_an_address_has_five_an_hour_and_nobody_hears_of_it(limited, server):
    """Whoever asks, from wherever."""
    email = address()
    ok(register(At(limited), email), 202)
    tokens = [server.wait(email).token]
    for ask in (resend, resend, register, resend):
        ok(ask(At(limited), email), 202)
        tokens.append(server.wait(email).token)
    for ask in (resend, register, forgot, resend):
        assert ok(ask(At(limited), email.upper()), 202) == {}
    settled(limited)
    assert not server.to(email) and not server.to(email.upper())
    ok(verify(At(limited), tokens[-1]), 204)
    ok(login(At(limited), email))


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
