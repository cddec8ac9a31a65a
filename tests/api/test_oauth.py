"""Signing in by an identity provider: through a browser and natively, whose account it is, links, and what attackers
try on the way."""

import re
import secrets
import threading

import pytest

from lib import prometheus
from lib.honest_idp import Browser, Idp, person, providers_file, s256
from lib.instance import Instance
from lib.mqtt import Client, eventually, settle
from lib.race import patiently, race
from lib.rest import SECRETS, Person, many_devices, ok, problem, unique

PLACE = "https://chat.example.org"
LOOPBACK = "http://127.0.0.1:49152/done"  # of the port nothing is agreed
PRIVATE = "org.example.chat:/done"


@pytest.fixture(scope="module")
def idps():
    made = [Idp("one"), Idp("two")]
    yield made
    for idp in made:
        idp.close()


@pytest.fixture(scope="module")
def idp(idps):
    return idps[0]


@pytest.fixture(scope="module")
def hum(idps):
    """An instance with two providers, behind a proxy that speaks https."""
    with providers_file(*[idp.settings(redirect_uris=["http://127.0.0.1/done", PRIVATE]) for idp in idps]) as path:
        instance = Instance(HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on", HUM_PUBLIC_URL=PLACE)
        try:
            instance.up()
            yield instance
            instance.forget()
            instance.down()
            assert not instance.reports(), instance.reports()
            assert not instance.leaks()
        finally:
            instance.remove()


@pytest.fixture
def browser(hum):
    return Browser(hum)


class Native:
    """A client that is no browser: it makes state, nonce and verifier, and gets the provider's code itself."""

    def __init__(self, hum, idp, redirect_uri=LOOPBACK):
        self.hum, self.idp, self.redirect_uri = hum, idp, redirect_uri
        self.verifier, self.state, self.nonce = (secrets.token_urlsafe(32) for _ in range(3))
        SECRETS.add(self.verifier)

    def query(self, **changes):
        return {"redirect_uri": self.redirect_uri, "state": self.state, "nonce": self.nonce,
                "code_challenge": s256(self.verifier), "code_challenge_method": "S256", **changes}

    def ask(self, **changes):
        query = {k: v for k, v in self.query(**changes).items() if v is not None}
        return self.hum.rest.get(f"/v1/auth/oauth/{self.idp.name}/authorize", **query)

    def code(self, who, **changes):
        answer = self.ask(**changes)
        assert answer.status_code == 302 and "Set-Cookie" not in answer.headers, answer.text
        back = self.idp.agree(answer.headers["Location"], who)
        assert back.startswith(f"{self.redirect_uri}?") and f"state={self.state}" in back
        return re.search(r"[?&]code=([^&]+)", back)[1]

    def grant(self, code, **changes):
        grant = {"provider": self.idp.name, "code": code, "code_verifier": self.verifier,
                 "redirect_uri": self.redirect_uri, "nonce": self.nonce, **changes}
        return {k: v for k, v in grant.items() if v is not None}

    def sign_in(self, who, **changes):
        return self.hum.rest.post("/v1/auth/oauth", self.grant(self.code(who), **changes))


def identities(caller):
    return ok(caller.get("/v1/auth/identities"))["items"]


def way(browser, idp, who, **changes):
    """What the last step answers."""
    return browser.post("/v1/auth/oauth", browser.grant(browser.code(idp, who), **changes))


# --- whose account it is ---


def test_the_providers(hum, idps):
    shown = ok(hum.rest.get("/v1/auth/oauth/providers"))
    assert shown["next"] is None
    assert [(p["id"], p["name"], p["issuer"]) for p in shown["items"]] == [
        (idp.name, "The Provider", idp.issuer) for idp in idps]
    assert shown["items"][0]["authorize_url"] == f"{PLACE}/v1/auth/oauth/one/authorize"


def test_somebody_new_gets_an_account_and_chats(hum, browser, idp):
    who = person(name="Alice Adams")
    alice = browser.sign_in(idp, who, status=201)
    me = alice.session["user"]
    assert me["nickname"].startswith("Alice_Adams") and me["email"] == who["email"] and me["email_verified"] is True
    (identity,) = identities(alice)
    assert (identity["provider"], identity["issuer"], identity["email"]) == ("one", idp.issuer, who["email"])
    bob = hum.sign_up()
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    settle(hum, alice)
    client = Client(hum, alice.mqtt)
    try:
        client.may(f"dm/{dm}/messages")
        nonce = client.send(dm, "hello")
        assert client.message(f"dm/{dm}/messages", nonce)["text"] == "hello"
    finally:
        client.close()


def test_what_becomes_of_codes_is_counted(hum, idp):
    def numbers():
        shown = prometheus.parse(hum.rest.get("/metrics").text)
        return {outcome: shown["hum_api_oauth_total", (("provider", idp.name), ("outcome", outcome))]
                for outcome in ("known", "refused", "unavailable")}

    before = numbers()
    way(Browser(hum), idp, person())
    problem(hum.rest.post("/v1/auth/oauth", Native(hum, idp).grant("no code of theirs")), 401, "invalid_grant")
    after = numbers()
    assert {k: after[k] - before[k] for k in after} == {"known": 1, "refused": 1, "unavailable": 0}


def test_whoever_comes_again_is_the_same(hum, idp):
    who = person()
    first = Browser(hum).sign_in(idp, who, status=201)
    again = Browser(hum).sign_in(idp, {**who, "email": f"{unique('m')}@example.org"})
    assert again.id == first.id and again.sid != first.sid
    assert again.session["user"]["email"] == who["email"], "the account's address is the account's"
    (identity,) = identities(again)
    assert identity["last_used_at"] > identity["created_at"] and identity["email"] != who["email"]


def test_one_subject_of_two_providers_is_two_people(hum, idps):
    who = person()
    one, two = (Browser(hum).sign_in(idp, {**who, "email": f"{unique('m')}@example.org"}, status=201) for idp in idps)
    assert one.id != two.id


def test_both_sides_have_verified_the_address(hum, idps):
    email = f"{unique('m')}@example.org"
    one = Browser(hum).sign_in(idps[0], person(email), status=201)
    two = Browser(hum).sign_in(idps[1], person(email.upper()))
    assert one.id == two.id and [i["provider"] for i in identities(two)] == ["one", "two"]


def test_an_address_that_is_not_verified_here_is_no_proof(hum, browser, idp):
    """Whoever has registered it need not have it. The one who can sign in to the account links: with the same code."""
    bob = hum.sign_up()
    who = person(bob.email.upper())
    code = browser.code(idp, who)
    for _ in range(2):
        problem(browser.post("/v1/auth/oauth", browser.grant(code)), 409, "link_required")
    assert identities(bob) == [] and not ok(bob.get("/v1/users/me"))["email_verified"]
    linked = ok(bob.post("/v1/auth/identities", browser.grant(code)))
    assert identities(bob) == [linked]
    assert ok(bob.get("/v1/users/me"))["email_verified"], "who has linked it has it"
    assert Browser(hum).sign_in(idp, who).id == bob.id


def test_an_address_that_the_provider_has_not_verified_is_none(hum, idp):
    """And it is not told whether there is an account of it."""
    known = Browser(hum).sign_in(idp, person(), status=201).email
    told = set()
    for who in (person(known, email_verified=False), person(email_verified=False), person(email_verified=None),
                person(email_verified="yes"), person("no address")):
        told.add(problem(way(Browser(hum), idp, {k: v for k, v in who.items() if v is not None}), 403,
                         "email_unverified")["detail"])
    assert len(told) == 1


def test_first_sign_ins_that_race_make_one_account(hum, idp):
    who = person(name=unique("Race"))
    natives = [Native(hum, idp) for _ in range(6)]
    calls = []
    for native in natives:
        def sign_in(native=native):
            return hum.rest.post("/v1/auth/oauth", native.grant(native.code(who)))
        calls.append(patiently(sign_in))
    answers = race(*calls)
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]
    assert len({a.json()["user"]["id"] for a in answers}) == 1
    assert hum.database.value("select count(*) from users where lower(email) = lower(%s)", who["email"]) == 1


def test_nicknames(hum, idp):
    name = unique("Nick")
    shown = [Browser(hum).sign_in(idp, person(name=n), status=201).nickname
             for n in (name, name, f"{name} \u202e evil", "x" * 100, "", "\u200d", "x" * 500)]
    assert shown[0] == name and re.fullmatch(rf"{name}-\d{{4}}", shown[1])
    assert all(re.fullmatch(r"user-[a-z2-9]{8}", n) for n in (shown[2], *shown[4:])), shown
    assert re.fullmatch(r"x{32}|x{27}-\d{4}", shown[3]), shown


# --- attacks on the way through a browser ---


def test_the_cookie(browser, idp):
    url = browser.authorize(idp)
    asked = browser.get("/v1/auth/oauth/one/authorize", code_challenge=s256(browser.verifier),
                        code_challenge_method="S256")
    parts = asked.headers["Set-Cookie"].split("; ")
    assert parts[0].startswith("__Host-hum-oauth=")
    assert set(parts[1:]) == {"Max-Age=600", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"}
    assert browser.cookie.partition("=")[2] not in url


def test_two_ways_at_once_in_one_browser(browser, idp):
    one, two = (idp.agree(browser.authorize(idp), person()) for _ in range(2))
    assert [browser.come_back(url)[0] for url in (one, two)] == ["oauth", "oauth"]


def test_a_state_is_good_in_its_own_browser_alone(hum, idp):
    """An attacker's link makes nobody sign in as the attacker, nor the attacker as them."""
    victim, attacker = Browser(hum), Browser(hum)
    victim.authorize(idp)
    url = idp.agree(attacker.authorize(idp), person())
    nobody = Browser(hum)
    for other in (victim, nobody):
        asked = idp.asked
        assert other.come_back(url) == ("oauth_error", "invalid_grant")
        assert idp.asked == asked, "the provider was not even asked"
    assert attacker.come_back(url)[0] == "oauth"


def test_states_that_are_swapped(hum, browser, idps):
    """One's own code with another state, another code with one's own, and the state of another provider."""
    one, other = browser.authorize(idps[0]), Browser(hum)
    mine = idps[0].agree(one, person())
    theirs = idps[0].agree(other.authorize(idps[0]), person())

    def state(url):
        return re.search(r"state=([^&]+)", url)[1]

    for url in (mine.replace(state(mine), state(theirs)), theirs.replace(state(theirs), state(mine)),
                mine.replace("/one/", "/two/"), re.sub("state=[^&]+&", "", mine), mine + "&state=x",
                mine.replace(state(mine), state(mine)[:-1]), mine.replace(state(mine), "A" * 114)):
        assert browser.come_back(url)[0] == "oauth_error", url
    assert browser.come_back(mine) != ("oauth", ""), "and a code that was tried is gone"


def test_a_way_ends_once(browser, idp):
    there = browser.authorize(idp)
    url, second = (idp.agree(there, person()) for _ in range(2))  # both good, as far as the provider goes
    assert browser.come_back(url)[0] == "oauth"
    for spent in (url, second):
        assert browser.come_back(spent) == ("oauth_error", "invalid_grant")
    again = idp.agree(browser.authorize(idp), person())  # a code that is good, under the state of before
    old, new = (re.search(r"state=([^&]+)", u)[1] for u in (url, again))
    assert browser.come_back(again.replace(new, old)) == ("oauth_error", "invalid_grant")


def test_another_cookie_beside_it(browser, idp):
    """Somebody has planted one: nothing tells which is ours."""
    url = idp.agree(browser.authorize(idp), person())
    own = browser.cookie
    planted = f"{own.partition('=')[0]}=x"
    for browser.cookie in (f"{own}; {planted}", f"{planted}; {own}", f"{own}; {own}"):
        assert browser.come_back(url) == ("oauth_error", "invalid_grant")
    browser.cookie = f"other=1; {own}; more=2"
    assert browser.come_back(url)[0] == "oauth"


def test_the_issuer_of_another(browser, idps):
    """RFC 9207: what comes back says who sends it."""
    url = idps[0].agree(browser.authorize(idps[0]), person())
    other = re.sub(r"iss=[^&]+", f"iss={idps[1].issuer}", url)
    assert browser.come_back(other) == ("oauth_error", "invalid_grant")


def test_who_does_not_agree(browser, idp):
    url = idp.agree(browser.authorize(idp), person())
    assert browser.come_back(re.sub(r"code=[^&]+", "error=access_denied", url)) == ("oauth_error", "access_denied")


@pytest.mark.parametrize("query", [
    {}, {"code_challenge": "x" * 43}, {"code_challenge_method": "S256"},
    {"code_challenge": "x" * 43, "code_challenge_method": "plain"},
    {"code_challenge": "x" * 42, "code_challenge_method": "S256"},
    {"code_challenge": "!" * 43, "code_challenge_method": "S256"},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": f"{PLACE}/"},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": LOOPBACK},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": "https://evil.example/", "state": "s"},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": "http://127.0.0.1:1/else", "state": "s"},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": "http://localhost:1/done", "state": "s"},
    {"code_challenge": s256("x"), "code_challenge_method": "S256", "redirect_uri": f"{PRIVATE}x", "state": "s"},
], ids=str)
def test_what_no_way_begins_with(hum, query):
    problem(hum.rest.get("/v1/auth/oauth/one/authorize", **query), 400, "invalid_request")


def test_no_such_provider(hum, browser):
    query = {"code_challenge": s256("x"), "code_challenge_method": "S256"}
    for name in ("nobody", "hum", "ONE", "one%20", "%2e%2e"):
        problem(hum.rest.get(f"/v1/auth/oauth/{name}/authorize", **query), 404, "not_found")
        problem(hum.rest.get(f"/v1/auth/oauth/{name}/callback", code="x", state="x"), 404, "not_found")
    grant = browser.grant("x", provider="nobody", redirect_uri=LOOPBACK)
    problem(hum.rest.post("/v1/auth/oauth", grant), 404, "not_found")


# --- one-time codes ---


def test_a_code_is_used_once(browser, idp):
    code = browser.code(idp, person())
    ok(browser.post("/v1/auth/oauth", browser.grant(code)), 201)
    problem(browser.post("/v1/auth/oauth", browser.grant(code)), 401, "invalid_grant")


def test_a_code_in_wrong_hands_is_used_up(browser, idp):
    code = browser.code(idp, person())
    wrong = browser.grant(code, code_verifier="x" * 43)
    problem(browser.post("/v1/auth/oauth", wrong), 401, "invalid_grant")
    problem(browser.post("/v1/auth/oauth", browser.grant(code)), 401, "invalid_grant")


def test_a_code_has_its_day(hum, browser, idp):
    code = browser.code(idp, person())
    hum.database.rows("update oauth_codes set expires_at = now() where used_at is null")
    problem(browser.post("/v1/auth/oauth", browser.grant(code)), 401, "invalid_grant")


def test_a_code_that_races_is_used_once(browser, idp):
    code = browser.code(idp, person())
    answers = race(*[patiently(lambda: browser.post("/v1/auth/oauth", browser.grant(code)))] * 6)
    assert sorted(a.status_code for a in answers) == [201] + [401] * 5


@pytest.mark.parametrize("change", [
    {"code": None}, {"code": ""}, {"code": 1}, {"code": "x" * 2049}, {"code_verifier": None}, {"code_verifier": "x" * 42},
    {"code_verifier": "x" * 129}, {"provider": None}, {"provider": "x" * 33}, {"provider": "one"},
    {"nonce": "x" * 257}, {"device": "x"}], ids=str)
def test_what_is_no_grant(browser, change):
    grant = {**browser.grant("x" * 43), **change}
    problem(browser.post("/v1/auth/oauth", grant), 400, "invalid_request")


def test_the_database_holds_only_hashes(hum, browser, idp):
    url = idp.agree(browser.authorize(idp), person())
    _, code = browser.come_back(url)
    text = hum.database.value("select string_agg(t::text, ' ') from oauth_codes t")
    state, theirs = (re.search(rf"[?&]{n}=([^&]+)", url)[1] for n in ("state", "code"))
    for word in (code, state, theirs, browser.verifier, browser.cookie.partition("=")[2]):
        assert word not in text
    for row in hum.database.rows("select * from oauth_codes"):
        for value in (bytes(v) for v in row if isinstance(v, memoryview)):
            assert len(value) == 32
    ok(browser.post("/v1/auth/oauth", browser.grant(code)), 201)


# --- native clients ---


@pytest.mark.parametrize("redirect_uri", [LOOPBACK, "http://127.0.0.1/done", PRIVATE])
def test_a_native_client(hum, idp, redirect_uri):
    who = person()
    session = ok(Native(hum, idp, redirect_uri).sign_in(who), 201)
    assert session["user"]["email"] == who["email"]
    assert ok(Native(hum, idp, redirect_uri).sign_in(who))["user"]["id"] == session["user"]["id"]


def test_a_device_that_signs_in_natively_is_named(hum, idp):
    session = ok(Native(hum, idp).sign_in(person(), device={"name": "Phone", "kind": "mobile"}), 201)
    caller = Person(hum.http_url, hum.http, session, None, None)
    assert ok(caller.get("/v1/auth/sessions"))["items"][0]["device"] == {"name": "Phone", "kind": "mobile"}


@pytest.mark.parametrize("change", [
    {"nonce": "another"}, {"nonce": None}, {"code_verifier": "x" * 43}, {"redirect_uri": PRIVATE},
    {"redirect_uri": "http://127.0.0.1:1/done"}], ids=str)
def test_a_native_grant_that_does_not_fit(hum, idp, change):
    problem(Native(hum, idp).sign_in(person(), **change), 401, "invalid_grant")


def test_a_native_code_is_used_once(hum, idp):
    native = Native(hum, idp)
    grant = native.grant(native.code(person()))
    ok(hum.rest.post("/v1/auth/oauth", grant), 201)
    problem(hum.rest.post("/v1/auth/oauth", grant), 401, "invalid_grant")


@pytest.mark.parametrize("redirect_uri", ["https://evil.example/", f"{PLACE}/v1/auth/oauth/one/callback",
                                          "http://localhost/done", "http://127.0.0.1/else", "org.example.chat:/done/x"])
def test_a_native_grant_for_another_address(hum, idp, redirect_uri):
    asked = idp.asked
    native = Native(hum, idp)
    answer = hum.rest.post("/v1/auth/oauth", native.grant("x", redirect_uri=redirect_uri))
    assert problem(answer, 400, "invalid_request")["fields"].keys() == {"redirect_uri"}
    assert idp.asked == asked


# --- links ---


def link(caller, browser, idp, who, **extra):
    return caller.post("/v1/auth/identities", {**browser.grant(browser.code(idp, who)), **extra})


def test_link_and_unlink(hum, browser, idps):
    bob, who = hum.sign_up(), person()
    linked = ok(link(bob, browser, idps[0], who))
    assert ok(link(bob, browser, idps[0], who))["id"] == linked["id"], "once more is once"
    ok(link(bob, browser, idps[1], person()))
    assert [i["provider"] for i in identities(bob)] == ["one", "two"]
    assert bob.pages("/v1/auth/identities", 1) == (identities(bob), 2)
    assert Browser(hum).sign_in(idps[0], who).id == bob.id
    ok(bob.delete(f"/v1/auth/identities/{linked['id']}"), 204)
    problem(bob.delete(f"/v1/auth/identities/{linked['id']}"), 404, "not_found")
    assert [i["provider"] for i in identities(bob)] == ["two"]
    assert Browser(hum).sign_in(idps[0], who, status=201).id != bob.id
    assert ok(bob.get("/v1/users/me"))["email_verified"] is False, "the other address is another"


def test_an_identity_is_one_account_s(hum, browser, idp):
    who = person()
    alice, bob = Browser(hum).sign_in(idp, who, status=201), hum.sign_up()
    problem(link(bob, browser, idp, who), 409, "identity_taken")
    assert identities(bob) == [] and len(identities(alice)) == 1
    problem(bob.delete(f"/v1/auth/identities/{identities(alice)[0]['id']}"), 404, "not_found")


def test_a_link_of_two_accounts_that_race(hum, idp):
    who, people = person(), [hum.sign_up() for _ in range(4)]
    browsers = [Browser(hum) for _ in people]
    codes = [browser.code(idp, who) for browser in browsers]
    answers = race(*[patiently(lambda p=p, b=b, c=c: p.post("/v1/auth/identities", b.grant(c)))
                     for p, b, c in zip(people, browsers, codes)])
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    assert sum(len(identities(p)) for p in people) == 1


def test_a_session_that_somebody_found_open_links_nothing(hum, browser, idp):
    """Or they could come back for ever."""
    bob = hum.sign_up()
    hum.database.rows("update sessions set created_at = now() - interval '6 minutes' where id = %s", int(bob.sid))
    problem(link(bob, browser, idp, person()), 403, "forbidden")
    problem(link(bob, browser, idp, person(), password="wrong password"), 401, "invalid_credentials")
    ok(link(bob, browser, idp, person(), password=bob.password))
    problem(hum.rest.post("/v1/auth/identities", browser.grant("x" * 43)), 401, "unauthorized")


def test_a_session_that_ends_while_the_provider_is_asked_links_nothing(hum, idp):
    """As one does whose owner has just set a new password, to keep somebody out."""
    bob, native = hum.sign_up(), Native(hum, idp)
    code, ended = native.code(person()), []
    idp.meanwhile = lambda: ended.append(bob.post("/v1/auth/logout").status_code)
    try:
        answer = bob.post("/v1/auth/identities", native.grant(code))
    finally:
        idp.meanwhile = None
    assert ended == [204]
    problem(answer, 401, "unauthorized")
    assert hum.database.value("select count(*) from identities where user_id = %s", bob.id) == 0


def test_a_password_that_changes_while_the_provider_is_asked_links_nothing(hum, idp):
    """Whoever holds the session knew the old one, which its owner has just changed on another device."""
    bob, native = hum.sign_up(), Native(hum, idp)
    hum.database.rows("update sessions set created_at = now() - interval '6 minutes' where id = %s", int(bob.sid))
    code, changed = native.code(person()), []
    new = {"old": bob.password, "new": "battery staple"}
    idp.meanwhile = lambda: changed.append(bob.post("/v1/auth/password", new).status_code)
    try:
        answer = bob.post("/v1/auth/identities", native.grant(code, password=bob.password))
    finally:
        idp.meanwhile = None
    assert changed == [204]
    problem(answer, 401, "invalid_credentials")
    assert hum.database.value("select count(*) from identities where user_id = %s", bob.id) == 0


def test_an_identity_that_goes_while_it_signs_in_opens_nothing(hum, browser, idp):
    """As a new password takes it away: the session is seen by that, or sees it."""
    who = person()
    alice = browser.sign_in(idp, who, status=201)
    blocked = "select count(*) from pg_stat_activity where usename = 'hum_api' and wait_event_type = 'Lock'"
    for _ in range(8):  # a lock is waited for 2 s: a machine in trouble needs another try
        again, answers = Browser(hum), []
        grant = again.grant(again.code(idp, who))
        with hum.database.session(autocommit=False) as cursor:
            cursor.execute("delete from identities where user_id = %s", (int(alice.id),))
            signing_in = threading.Thread(target=lambda: answers.append(again.post("/v1/auth/oauth", grant)))
            signing_in.start()
            eventually(lambda: answers or hum.database.value(blocked))
            if not answers:
                cursor.execute("commit")
        signing_in.join()
        if answers[0].status_code != 503:
            problem(answers[0], 401, "invalid_grant")
            assert len(ok(alice.get("/v1/auth/sessions"))["items"]) == 1
            return
    raise AssertionError("never fast enough")


def test_the_surplus_of_devices_is_refused_at_once(hum, browser, idp):
    """As test_sessions.py has it for passwords."""
    who = person()
    alice = browser.sign_in(idp, who, status=201)
    many_devices(hum.database, alice)
    ok(alice.get("/v1/users/me"))
    Browser(hum).sign_in(idp, who)
    problem(alice.get("/v1/users/me"), 401, "unauthorized")


def test_there_are_only_so_many(hum, browser, idp):
    bob = hum.sign_up()
    hum.database.rows("insert into identities (issuer, subject, user_id, provider) select 'https://x.example', %s || n,"
                      " %s, 'x' from generate_series(1, 20) n", unique(), int(bob.id))
    problem(link(bob, browser, idp, person()), 409, "limit_reached")


def test_the_last_way_in_stays(hum, browser, idps):
    alice = browser.sign_in(idps[0], person(), status=201)
    (first,) = identities(alice)
    problem(alice.delete(f"/v1/auth/identities/{first['id']}"), 409, "last_sign_in")
    assert identities(alice) == [first]
    second = ok(link(alice, browser, idps[1], person()))
    paths = [f"/v1/auth/identities/{i['id']}" for i in (first, second)]
    answers = race(*[patiently(lambda p=p: alice.delete(p)) for p in paths])
    assert sorted(a.status_code for a in answers) == [204, 409] and len(identities(alice)) == 1


def test_who_has_no_password(hum, browser, idp):
    alice = browser.sign_in(idp, person(), status=201)
    body = {"email": alice.email, "password": "whatever it is"}
    problem(hum.rest.post("/v1/auth/login", body), 401, "invalid_credentials")
    ok(alice.post("/v1/auth/password", {"new": body["password"]}), 204)
    SECRETS.add(body["password"])
    ok(hum.rest.post("/v1/auth/login", body))
    ok(alice.delete(f"/v1/auth/identities/{identities(alice)[0]['id']}"), 204)


# --- what is kept, and goes ---


def test_the_export_has_them(browser, idp):
    who = person()
    alice = browser.sign_in(idp, who, status=201)
    (shown,) = ok(alice.get("/v1/users/me/export"))["identities"]
    assert (shown["issuer"], shown["subject"], shown["email"]) == (idp.issuer, who["sub"], who["email"])


def test_an_erased_account_is_nobody_s(hum, browser, idp):
    who = person()
    alice = browser.sign_in(idp, who, status=201)
    ok(alice.delete("/v1/users/me", json={}), 204)
    assert hum.database.value("select count(*) from identities where user_id = %s", int(alice.id)) == 0
    assert Browser(hum).sign_in(idp, who, status=201).id != alice.id
