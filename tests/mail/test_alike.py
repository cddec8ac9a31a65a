"""Whether an address has an account must not show, not even in the time that an answer takes."""

import random

import pytest

from lib import links
from lib.links import address, forgot, login, newcomer, register, resend, settled

pytestmark = pytest.mark.release_only
EACH = 30
# Of two alike distributions, half of all pairs have the first slower; of so many measurements the share is between
# 0.25 and 0.75 in all but one of a thousand runs, and each has a second try. A hash that is left out, or a commit
# that only one side waits for, makes it nearly 0 or 1.
FAR_FROM_HALF = 0.25


def share_slower(first, second):
    """In how many of all pairs the one of first is greater: as Mann and Whitney's test counts."""
    pairs = [(a > b) + 0.5 * (a == b) for a in first for b in second]
    return sum(pairs) / len(pairs)


def measure(*calls):
    """Seconds that each call takes, again and again in an order that is by chance, and what it answers."""
    times, answers = [[] for _ in calls], [set() for _ in calls]
    for i in random.sample([*range(len(calls))] * EACH, len(calls) * EACH):
        answer = calls[i]()
        times[i].append(answer.elapsed.total_seconds())
        answers[i].add((answer.status_code, answer.content))
    return times, answers


def assert_alike(*calls):
    for _ in range(2):
        times, answers = measure(*calls)
        assert answers[0] == answers[1] and len(answers[0]) == 1
        share = share_slower(*times)
        if abs(share - 0.5) < FAR_FROM_HALF:
            return
    raise AssertionError(f"one takes longer: {share:.2f} {[sorted(t)[len(t) // 2] for t in times]}")


@pytest.fixture
def owner(post, server):
    person = newcomer(post, server)
    yield person
    settled(post)


@pytest.mark.parametrize("ask", [resend, forgot, register, lambda post, email: login(post, email, "wrong horse")],
                         ids=["resend", "forgot", "register", "login"])
def test_known_and_unknown_addresses(post, owner, ask):
    assert_alike(lambda: ask(post, owner.email), lambda: ask(post, address()))


def test_addresses_of_others(post, server, owner):
    person = newcomer(post, server)
    body = {"password": person.password}
    assert_alike(lambda: person.post("/v1/auth/email", {"email": owner.email, **body}),
                 lambda: person.post("/v1/auth/email", {"email": address(), **body}))


def test_who_has_just_signed_up_with_a_known_and_an_unknown_address(post, owner):
    emails = (owner.email, address())
    for email in emails:
        assert register(post, email, password="attackers horse").status_code == 202
    assert_alike(*[lambda e=e: login(post, e, "attackers horse") for e in emails])


def test_addresses_that_somebody_else_has_just_signed_up_with(post, owner):
    email = address()
    assert register(post, email).status_code == 202
    assert_alike(lambda: login(post, email, "wrong horse"), lambda: login(post, address(), "wrong horse"))


def test_the_measure_itself():
    """It sees what it is for, and nothing where there is nothing."""
    alike = [[random.gauss(20, 5) for _ in range(EACH)] for _ in range(2)]
    assert abs(share_slower(*alike) - 0.5) < 2 * FAR_FROM_HALF
    assert share_slower([21] * EACH, [20] * EACH) == 1.0
    assert abs(share_slower([t + 20 for t in alike[0]], alike[1]) - 0.5) > FAR_FROM_HALF
