"""How often anybody may do what by REST: on an instance that limits, behind a proxy that it trusts, which is us."""

import itertools
import json
import pathlib
import re
import socket
import threading
import time

import pytest

from lib import prometheus, raw
from lib.instance import PRESET, Instance
from lib.mqtt import eventually
from lib.race import patiently, race
from lib.rest import Rest, ok, problem, unique

FLOOD_S = 60  # in which any machine makes more calls than a rate allows
_networks = itertools.count(1)


@pytest.fixture(scope="module")
def limited():
    instance = Instance(HUM_LIMITS="on", HUM_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8")
    try:
        instance.up()
        yield instance
        assert not instance.reports(), instance.reports()
        assert not instance.leaks()
    finally:
        instance.remove()


class At(Rest):
    """A client without a token, at an address."""

    def __init__(self, hum, address):
        super().__init__(hum.http_url, http=hum.http)
        self.hum, self.address = hum, address

    def call(self, method, path, **kw):
        headers = {"X-Forwarded-For": self.address, **(kw.pop("headers", None) or {})}
        return super().call(method, path, headers=headers, **kw)

    def sign_in(self, email, password="wrong-password"):
        return self.post("/v1/auth/login", {"email": email, "password": password})


def next_to(client, number):
    """Somebody else in the same network."""
    return At(client.hum, f"{client.address.rpartition('.')[0]}.{number}")


def network():
    """The beginning of the addresses of a network (/24) that no other test uses."""
    number = next(_networks)
    return f"198.{number // 200 + 18}.{number % 200}"


def elsewhere(hum):
    """Somebody whom nobody has seen, in a network of their own."""
    return At(hum, f"{network()}.1")


def email_of(name="m"):
    return f"{unique(name)}@example.org"


def register(client, **kw):
    body = {"email": email_of(), "password": "a good password", **kw}
    return body["email"], client.post("/v1/auth/register", body)


@pytest.fixture
def owner(limited):
    """An e-mail address, and a client at the home of its account."""
    home = elsewhere(limited)
    email, answer = register(home)
    ok(answer, 201)
    return email, home


def refused(answer, most=3600):
    """Asserts that an answer says to wait; returns for how many seconds."""
    problem(answer, 429, "rate_limited")
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= most
    return wait


def until_refused(call, status):
    """How many of these calls were let through, each with that status, until one was refused, and in how many
    seconds."""
    began, count = time.monotonic(), 0
    while (answer := call()).status_code != 429:
        assert answer.status_code == status, answer.text
        count += 1
        assert time.monotonic() - began < FLOOD_S, f"{count} were let through"
    return count, time.monotonic() - began, answer


# --- signing in ---


def test_ten_sign_ins_of_an_account(limited, owner):
    email, _ = owner
    guesser = elsewhere(limited)
    count, took, answer = until_refused(lambda: guesser.sign_in(email), 401)
    assert 10 <= count <= 11 + took / 6
    refused(answer, 900)


def test_unknown_accounts_are_treated_alike(limited, owner):
    known, _ = owner
    unknown = email_of()
    found = {}
    for email in (known, unknown):
        guesser, other = elsewhere(limited), elsewhere(limited)
        count, took, answer = until_refused(lambda: guesser.sign_in(email), 401)
        assert 10 <= count <= 11 + took / 6
        refused(answer, 900)
        fresh = [other.sign_in(email).status_code for _ in range(3)]
        found[email] = (fresh, answer.json())
    assert found[known] == found[unknown]


def test_it_does_not_matter_how_an_address_is_written(limited, owner):
    email, _ = owner
    guesser = elsewhere(limited)
    ways = itertools.cycle([email, email.upper(), email.capitalize()])
    count, took, _ = until_refused(lambda: guesser.sign_in(next(ways)), 401)
    assert 10 <= count <= 11 + took / 6


def test_no_other_letter_becomes_one_of_an_address(limited):
    """To PostgreSQL the Kelvin sign is a k in lower case: it would be the account's, at a rate of its own."""
    email = f"k{unique('m')}@example.org"
    home = elsewhere(limited)
    ok(register(home, email=email)[1], 201)
    ok(home.sign_in(email, "a good password"))
    problem(home.sign_in(f"\u212a{email[1:]}", "a good password"), 401, "invalid_credentials")


def test_the_owner_at_home_does_not_notice_an_attack(limited, owner):
    email, home = owner
    for guesser in [elsewhere(limited) for _ in range(8)]:
        until_refused(lambda: guesser.sign_in(email), 401)
    ok(home.sign_in(email, "a good password"))
    neighbour = next_to(home, 77)
    ok(neighbour.sign_in(email, "a good password"))


def test_the_owner_on_a_journey_gets_in(limited, owner):
    """Past those who have shown that they guess."""
    email, _ = owner
    guesser, abroad = elsewhere(limited), elsewhere(limited)
    until_refused(lambda: guesser.sign_in(email), 401)
    problem(abroad.sign_in(email, "mistyped"), 401, "invalid_credentials")
    ok(abroad.sign_in(email, "a good password"))
    until_refused(lambda: guesser.sign_in(email), 401)
    for _ in range(4):
        ok(abroad.sign_in(email, "a good password"))


def test_a_refresh_makes_a_home(limited):
    """After a restart, or where the account has come by a link: whoever has a good token is its owner."""
    email, answer = register(elsewhere(limited))
    session, abroad, guesser = ok(answer, 201), elsewhere(limited), elsewhere(limited)
    until_refused(lambda: guesser.sign_in(email), 401)
    until_refused(lambda: abroad.sign_in(email), 401)
    ok(abroad.post("/v1/auth/refresh", {"refresh_token": session["refresh_token"]}))
    ok(abroad.sign_in(email, "a good password"))


def test_sixty_sign_ins_of_an_address(limited):
    """Over many accounts, each of which it tries once."""
    guesser = elsewhere(limited)
    began = time.monotonic()
    statuses = []

    def guess():
        for _ in range(10):
            statuses.append(guesser.sign_in(email_of()).status_code)

    race(*[guess] * 10)
    took = time.monotonic() - began
    let_in = len([s for s in statuses if s != 429])
    assert set(statuses) <= {401, 429, 503}
    assert min(60, len(statuses)) <= let_in <= 61 + took
    assert elsewhere(limited).sign_in(email_of()).status_code in (401, 503)


def test_a_flood_of_sign_ins(limited, owner):
    """From eight networks, each time for another account: who is signed in goes on, the owner of an account gets in,
    and memory is where it was, but for what two passwords take while they are tried."""
    email, home = owner
    reader = Rest(limited.http_url, ok(register(elsewhere(limited))[1], 201)["access_token"], limited.http)
    status = pathlib.Path(f"/proc/{limited.pid('api')}/status")

    def peak():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])

    def flooder():
        client = elsewhere(limited)
        return {client.sign_in(email_of()).status_code for _ in range(10)}

    def others():
        for _ in range(20):
            ok(reader.get("/v1/users/me"))
        ok(patiently(lambda: home.sign_in(email, "a good password"))())
        return set()

    before = peak()
    statuses = set().union(*race(*[flooder] * 8, others))
    assert statuses <= {401, 429, 503}
    if PRESET == "release":  # the sanitizers keep what is freed
        assert peak() - before < 96 * 1024, "KiB"


@pytest.mark.parametrize("method, path, body", [
    ("DELETE", "/v1/users/me", {"password": "wrong"}),
    ("POST", "/v1/auth/password", {"old": "wrong", "new": "another good one"}),
])
def test_a_stolen_session_does_not_guess_the_password(limited, method, path, body):
    email, answer = register(elsewhere(limited))
    thief = Rest(limited.http_url, ok(answer, 201)["access_token"], limited.http)
    count, took, answer = until_refused(lambda: thief.call(method, path, json=body), 401)
    assert 10 <= count <= 11 + took / 6
    refused(answer, 6)
    ok(elsewhere(limited).sign_in(email, "a good password"))


# --- registering ---


def test_sixty_steps_of_signing_in_by_a_provider(limited):
    guesser = elsewhere(limited)
    grant = {"provider": "hum", "code": "x" * 43, "code_verifier": "x" * 43}
    count, took, answer = until_refused(lambda: guesser.post("/v1/auth/oauth", grant), 401)
    assert 60 <= count <= 61 + took
    refused(answer, 60)


def test_twenty_registrations_of_an_address(limited):
    client = elsewhere(limited)
    count, took, answer = until_refused(lambda: register(client)[1], 201)
    assert 20 <= count <= 21 + took / 180
    assert refused(answer, 180) > 100 - took
    email, answer = register(client)
    refused(answer)
    assert limited.database.value("select count(*) from users where email = %s", email) == 0
    ok(register(next_to(client, 2))[1], 201)


# --- calls ---


def burst(hum, path, count, *headers):
    """That many calls of a path in one go, down one connection; the statuses of their answers."""
    one = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {hum.host}", *headers, "", ""]).encode()
    last = one.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost")
    got = bytearray()
    with socket.create_connection((hum.host, hum.http_port), FLOOD_S) as sock:
        sender = threading.Thread(target=sock.sendall, args=(one * (count - 1) + last,))
        sender.start()
        while chunk := sock.recv(1 << 20):
            got += chunk
        sender.join()
    statuses = [int(s) for s in re.findall(rb"HTTP/1\.1 (\d+) ", got)]
    assert len(statuses) == count
    return statuses


def flood(hum, path, *headers):
    """How many such calls were let through until one was refused, and in how many seconds. A machine that is too slow
    to be refused gives up in the end."""
    began, count = time.monotonic(), 0
    while True:
        statuses = [s for part in race(*[lambda: burst(hum, path, 200, *headers)] * 4) for s in part]
        count += len([s for s in statuses if s != 429])
        took = time.monotonic() - began
        if 429 in statuses or took > FLOOD_S:
            return count, took


def test_a_hundred_calls_of_a_user(limited):
    """A burst of 300 and 100 a second, wherever they come from; nobody else notices."""
    client = elsewhere(limited)
    alice, bob = (ok(register(client)[1], 201)["access_token"] for _ in range(2))
    count, took = flood(limited, "/v1/users/me", f"Authorization: Bearer {alice}")
    assert 300 <= count <= 301 + 100 * took
    ok(Rest(limited.http_url, bob, limited.http).get("/v1/users/me"))

    def exhausted():
        """What was saved up may be there again on a slow machine."""
        flood(limited, "/v1/users/me", f"Authorization: Bearer {alice}")
        return Rest(limited.http_url, alice, limited.http).get("/v1/users/me")

    eventually(lambda: (answer := exhausted()).status_code == 429 and refused(answer, 1) == 1)
    time.sleep(1)  # as we were told
    ok(Rest(limited.http_url, alice, limited.http).get("/v1/users/me"))


def test_open_calls_of_an_address(limited):
    """They count for the address; whoever has a good token at the same one does not notice, nor do the probes."""
    client = elsewhere(limited)
    token = ok(register(client)[1], 201)["access_token"]
    where = f"X-Forwarded-For: {client.address}"
    for path, headers in [("/.well-known/jwks.json", ()), ("/nothing", ()), ("/v1/users/me", ()),
                          ("/v1/users/me", ("Authorization: Bearer x",))]:
        count, took = flood(limited, path, where, *headers)
        assert count <= 1001 + 200 * took
        ok(client.call("GET", "/v1/users/me", headers={"Authorization": f"Bearer {token}"}))
        assert client.get("/health/ready").status_code in (200, 204)
        assert elsewhere(limited).get("/.well-known/jwks.json").status_code == 200


def forged(token):
    """A token that only its signature tells from a good one."""
    head, payload, signature = token.split(".")
    return ".".join([head, payload, signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]])


def test_forged_tokens_of_an_address(limited):
    """They are not even checked any more, past what is set aside for good ones; who is known at the same address does
    not notice, and who is at another is checked."""
    client = elsewhere(limited)
    alice, bob = (ok(register(client)[1], 201)["access_token"] for _ in range(2))
    mine = {"Authorization": f"Bearer {alice}"}

    def unchecked():
        numbers = prometheus.parse(limited.rest.get("/metrics").text)
        return numbers["hum_api_throttled_total", (("what", "checks"), ("by", "address"))]

    ok(client.call("GET", "/v1/users/me", headers=mine))
    before, began = unchecked(), time.monotonic()
    while unchecked() == before:
        flood(limited, "/v1/users/me", f"X-Forwarded-For: {client.address}", f"Authorization: Bearer {forged(bob)}")
        ok(client.call("GET", "/v1/users/me", headers=mine))
        assert time.monotonic() - began < 4 * FLOOD_S, "all were checked"
    ok(next_to(client, 2).call("GET", "/v1/users/me", headers={"Authorization": f"Bearer {bob}"}))


def test_twenty_messages_of_a_user(limited):
    """A burst of 60, and then 20 a second; other calls go on, and so do the other's messages."""
    alice, bob = (limited.sign_up() for _ in range(2))
    limited.befriend(alice, bob)
    dm = limited.open_dm(alice, bob)
    path = f"/v1/rooms/{dm}/messages"
    body = json.dumps({"nonce": "same", "text": "hi"})

    def say():
        return alice.call("POST", path, data=body, headers={"Content-Type": "application/json"}).status_code

    began, statuses = time.monotonic(), []
    while 429 not in statuses:
        statuses += race(*[say] * 8)
        assert time.monotonic() - began < FLOOD_S, "none was refused"
    let_through = len([s for s in statuses if s != 429])
    assert 60 <= let_through <= 61 + 20 * (time.monotonic() - began)
    assert set(statuses) <= {200, 201, 429}
    ok(alice.get(path))
    bob.say(dm, "ho")


# --- addresses ---


def address_in_log(hum, headers):
    answer = raw.request(hum, "GET", "/health/live", headers=headers)
    request_id = answer.headers["x-request-id"]
    eventually(lambda: f'"{request_id}"' in hum.log("api"))
    (line,) = [ln for ln in hum.log("api").splitlines() if f'"{request_id}"' in ln and ln.startswith("{")]
    return json.loads(line)["address"]


@pytest.mark.parametrize("headers, address", [
    ((), "127.0.0.1"),
    (("X-Forwarded-For: 192.0.2.7",), "192.0.2.7"),
    (("x-forwarded-for: 203.0.113.9, 192.0.2.7",), "192.0.2.7"),
    (("X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.7"), "192.0.2.7"),
    (("X-Forwarded-For: 203.0.113.9, 192.0.2.7", "X-Forwarded-For: 10.1.2.3"), "192.0.2.7"),
    (("X-Forwarded-For: 192.0.2.7, 10.1.2.3, 10.4.5.6",), "192.0.2.7"),
    (("X-Forwarded-For: 2001:db8::7",), "2001:db8::7"),
    (("X-Forwarded-For: \"><script>",), "127.0.0.1"),
    (("X-Forwarded-For: \xff, 192.0.2.7",), "192.0.2.7"),
    (("X-Forwarded-For: \xff", "X-Forwarded-For: 192.0.2.7"), "192.0.2.7"),
    (("X-\xff: \xfe", "X-Forwarded-For: 192.0.2.7"), "192.0.2.7"),
])
def test_the_client_is_whom_the_trusted_proxies_name(limited, headers, address):
    assert address_in_log(limited, headers) == address


def test_nobody_else_is_believed(hum):
    """The instance that the other tests share trusts no proxy."""
    assert address_in_log(hum, ("X-Forwarded-For: 192.0.2.7",)) == "127.0.0.1"
    assert address_in_log(hum, ("x-forwarded-for: 192.0.2.7", "X-Forwarded-For: 192.0.2.8")) == "127.0.0.1"


@pytest.mark.parametrize("theirs", ["x-forwarded-for", "X-FORWARDED-FOR"])
@pytest.mark.parametrize("path", ["/health/live", "/v1/users/me"])
def test_what_the_client_writes_does_not_hide_what_the_proxy_adds(limited, theirs, path):
    """In a header of its own, which a client may spell as it likes: which of the two is read must not matter."""
    two = [f"{theirs}: 203.0.113.9", "X-Forwarded-For: 192.0.2.7"]
    for headers in (two, two[::-1]):
        raw.problem(raw.request(limited, "GET", path, headers=headers), 400, "invalid_request")


def test_no_proxy_passes_the_numbers_on(limited):
    """They tell of what nobody outside may learn."""
    problem(elsewhere(limited).get("/metrics"), 404, "not_found")
    assert limited.rest.get("/metrics").status_code == 200


# --- the rest ---


def test_what_is_refused_is_counted(limited, owner):
    email, _ = owner

    def counted():
        numbers = prometheus.parse(limited.rest.get("/metrics").text)
        return numbers["hum_api_throttled_total", (("what", "sign_ins"), ("by", "account"))]

    before = counted()
    guesser = elsewhere(limited)
    until_refused(lambda: guesser.sign_in(email), 401)
    assert counted() == before + 1


def test_off_is_off(hum):
    """On the instance that the other tests share."""
    email = email_of()
    for _ in range(12):
        problem(hum.rest.post("/v1/auth/login", {"email": email, "password": "wrong"}), 401, "invalid_credentials")
    numbers = prometheus.parse(hum.rest.get("/metrics").text)
    assert sum(v for (name, _), v in numbers.items() if name == "hum_api_throttled_total") == 0
