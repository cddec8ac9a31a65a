"""Signing up, a lost password and another address, where there is a mail server."""

import pytest

from lib import links
from lib.links import address, asked, forgot, login, newcomer, register, resend, reset, settled, verify
from lib.mqtt import Client, arrive, eventually
from lib.race import patiently, race
from lib.rest import Rest, befriend, ok, open_dm, problem, refused_member, unique

USED, EXPIRED = "This link has been used already", "This link has expired: ask for a new one"
NONE = "This link is not valid, or a newer one took its place"


def refused(answer, why=NONE):
    assert problem(answer, 401, "invalid_token")["detail"] == why


def works(post, session):
    return Rest(post.http_url, session["access_token"]).get("/v1/users/me").status_code


def count(post, table, email):
    return post.database.value(f"select count(*) from {table} where lower(email) = lower(%s)", email)


def unverified(post, server):
    """Somebody whose account was made while there was no mail server."""
    person = newcomer(post, server)
    post.database.rows("update users set email_verified_at = null where id = %s", person.id)
    return person


# --- signing up ---


def test_from_signing_up_to_a_chat(post, server):
    people = []
    for nickname in (unique("Alice"), unique("Bob")):
        email = address()
        assert ok(register(post, email, nickname, device={"name": "phone"}), 202) == {}
        assert count(post, "users", email) == 0, "nobody yet"
        problem(login(post, email), 403, "email_unverified")
        problem(login(post, email, "wrong horse"), 401, "invalid_credentials")
        mail = server.wait(email, links.VERIFY)
        assert mail.to == [email] and mail.link.startswith(f"{post.http_url}/verify#token=")
        ok(verify(post, mail.token), 204)
        session = ok(login(post, email))
        assert (session["user"]["nickname"], session["user"]["email_verified"]) == (nickname, True)
        people.append(links.Person(post.http_url, post.http, session, email, "correct horse"))
    a, b = people
    befriend(a, b)
    dm = open_dm(a, b)
    topic = f"dm/{dm}/messages"
    with arrive(lambda: Client(post, b.mqtt), topic) as ears, arrive(lambda: Client(post, a.mqtt), topic) as mouth:
        assert ears.message(topic, mouth.send(dm, "hi"))["text"] == "hi"
    kinds = post.database.rows("select kind from events where actor_id = %s order by xid, id", a.id)
    assert [k[0] for k in kinds][:2] == ["UserRegistered", "UserLoggedIn"]


def test_a_known_address_gets_the_same_answer_and_its_owner_a_mail(post, server):
    owner = newcomer(post, server, email=f"{unique('Mixed')}@Example.org")
    before = post.database.rows("select * from users where id = %s", owner.id)
    known = register(post, owner.email.lower(), password="another horse")
    other = address()
    unknown = register(post, other, password="another horse")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"{}")
    varying = {"X-Request-Id", "Date"}
    assert [(k, v) for k, v in known.headers.items() if k not in varying] == [
        (k, v) for k, v in unknown.headers.items() if k not in varying]
    mail = server.wait(owner.email, links.KNOWN)
    assert mail.link is None
    server.wait(other, links.VERIFY)
    assert post.database.rows("select * from users where id = %s", owner.id) == before
    ok(login(post, owner.email, owner.password))


def test_who_signs_up_with_an_address_learns_nothing_by_signing_in(post, server):
    """Whoever tries the password that they have just signed up with hears the same of both addresses."""
    owner = newcomer(post, server)
    for email in (owner.email, address()):
        problem(login(post, email, "attackers horse"), 401, "invalid_credentials")
        ok(register(post, email, password="attackers horse"), 202)
        problem(login(post, email, "attackers horse"), 403, "email_unverified")
        problem(login(post, email, "another horse"), 401, "invalid_credentials")
    ok(login(post, owner.email, owner.password))


def test_a_nickname_says_nothing_of_an_address(post, server):
    """It is looked at first, and who only asks for it does not have it."""
    owner, nickname = newcomer(post, server), unique("Wanted")
    for email in (owner.email, address()):
        problem(register(post, email, owner.nickname.upper()), 409, "nickname_taken")
    for email in (owner.email, address(), address()):
        ok(register(post, email, nickname), 202)


def test_two_who_want_one_nickname(post, server):
    nickname, emails = unique("Wanted"), [address(), address()]
    for email in emails:
        ok(register(post, email, nickname), 202)
    tokens = [server.wait(email).token for email in emails]
    for answer in race(*[patiently(lambda t=t: verify(post, t)) for t in tokens]):
        ok(answer, 204)
    found = sorted(ok(login(post, email))["user"]["nickname"] for email in emails)
    assert nickname in found and sum(name.startswith("user-") for name in found) == 1


def test_without_a_nickname_one_is_made_up(post, server):
    email = address()
    ok(post.rest.post("/v1/auth/register", {"email": email, "password": "correct horse"}), 202)
    ok(verify(post, server.wait(email).token), 204)
    assert ok(login(post, email))["user"]["nickname"].startswith("user-")


def test_one_address_signed_up_with_twice_is_one_account(post, server):
    """The link that is followed decides, whoever asked last; then the other is no good. Nobody can tell who of the two
    reads the mails, so neither has chosen the password: the mailbox does."""
    email = address()
    ok(register(post, email, password="first horse"), 202)
    first = server.wait(email).token
    ok(register(post, email.upper(), password="second horse"), 202)
    second = server.wait(email.upper()).token
    ok(verify(post, first), 204)
    problem(verify(post, second), 409, "email_taken")
    assert login(post, email, "first horse").status_code != 200
    assert login(post, email, "second horse").status_code != 200
    problem(login(post, email, "third horse"), 401, "invalid_credentials")
    ok(reset(post, server.wait(email, links.RESET).token, "the owner's horse"), 204)
    ok(login(post, email, "the owner's horse"))


def test_what_somebody_else_has_signed_up_with_and_has_ended_is_no_matter(post, server):
    email = address()
    ok(register(post, email, password="attackers horse"), 202)
    server.wait(email)
    post.database.rows("update registrations set expires_at = now() where email = %s", email)
    ok(register(post, email, password="correct horse"), 202)
    ok(verify(post, server.wait(email).token), 204)
    ok(login(post, email, "correct horse"))
    settled(post)
    assert not server.to(email)


def test_links_of_one_address_that_race(post, server):
    email, tokens = address(), []
    for i in range(4):
        ok(register(post, email, password=f"horse number {i}"), 202)
        tokens.append(server.wait(email).token)
    answers = race(*[patiently(lambda t=t: verify(post, t)) for t in tokens])
    assert sorted(a.status_code for a in answers) == [204, 409, 409, 409]
    assert count(post, "users", email) == 1


def test_the_password_of_an_account_is_the_one_that_counts(post, server):
    """What was signed up with is forgotten once the link has been followed."""
    person = newcomer(post, server, password="the first one")
    ok(person.post("/v1/auth/password", {"old": "the first one", "new": "the second one"}), 204)
    problem(login(post, person.email, "the first one"), 401, "invalid_credentials")
    ok(login(post, person.email, "the second one"))


@pytest.mark.parametrize("member", ["email", "password"])
def test_signing_up_still_needs(post, member):
    body = {"email": address(), "password": "correct horse"}
    del body[member]
    assert member in problem(post.rest.post("/v1/auth/register", body), 400, "invalid_request")["fields"]


def test_the_demo_says_why_it_cannot_be(post):
    done = post.run("demo")
    assert done.returncode == 1 and "HUM_SMTP_URL" in done.stderr, done


# --- links ---


def test_a_link_is_good_once(post, server):
    email = address()
    ok(register(post, email), 202)
    token = server.wait(email).token
    answers = race(*[patiently(lambda: verify(post, token))] * 8)
    assert sorted(a.status_code for a in answers) == [204] + [401] * 7
    for answer in answers:
        if answer.status_code == 401:
            refused(answer, USED)


def test_a_link_that_is_too_old(post, server):
    email = address()
    ok(register(post, email), 202)
    token = server.wait(email).token
    post.database.rows("update registrations set expires_at = now() where email = %s", email)
    refused(verify(post, token), EXPIRED)
    problem(login(post, email), 401, "invalid_credentials")
    person = newcomer(post, server)
    token = asked(post, server, person.email, links.RESET, forgot).token
    post.database.rows("update mail_tokens set expires_at = now() where user_id = %s", person.id)
    refused(reset(post, token), EXPIRED)
    ok(login(post, person.email, person.password))


def test_what_is_no_link(post, server):
    email = address()
    ok(register(post, email), 202)
    token = server.wait(email).token
    person = newcomer(post, server)
    for i in range(0, len(token), 3):
        refused(verify(post, token[:i] + ("A" if token[i] != "A" else "z") + token[i + 1:]))
    for bad in ("x", token[:-1], token + "A", token + "=", token.swapcase(), "A" * len(token), "ü", person.token,
                person.session["refresh_token"], person.mqtt["password"]):
        assert verify(post, bad).status_code in (400, 401)
        assert reset(post, bad).status_code in (400, 401)
    for bad in (None, 7, [token], {"a": token}, "", "x" * 20000):
        problem(verify(post, bad), 400, "invalid_request")
    ok(verify(post, token), 204)


def test_a_link_is_good_for_one_thing(post, server):
    person, moving = unverified(post, server), newcomer(post, server)
    links_of = {
        "verify": asked(post, server, person.email).token,
        "reset": asked(post, server, person.email, links.RESET, forgot).token,
    }
    elsewhere = address()
    ok(moving.post("/v1/auth/email", {"email": elsewhere, "password": moving.password}), 202)
    links_of["change"] = server.wait(elsewhere, links.CHANGE).token
    refused(verify(post, links_of["reset"]))
    refused(reset(post, links_of["verify"]))
    refused(reset(post, links_of["change"]))
    for token in (links_of["verify"], links_of["change"]):
        ok(verify(post, token), 204)
    ok(reset(post, links_of["reset"]), 204)


def test_a_newer_link_takes_the_place_of_the_older(post, server):
    person = unverified(post, server)
    for ask, subject, follow in ((resend, links.VERIFY, verify), (forgot, links.RESET, reset)):
        old, new = [asked(post, server, person.email, subject, ask).token for _ in range(2)]
        assert old != new
        refused(follow(post, old))
        ok(follow(post, new), 204)


def test_a_link_outlives_its_key(post, server):
    """For as long as it is good."""
    email = address()
    ok(register(post, email), 202)
    token = server.wait(email).token
    rolled = post.run("keys", "roll")
    assert rolled.returncode == 0, rolled.stderr
    ok(verify(post, token), 204)
    newcomer(post, server)


def test_links_and_the_end_of_an_account_at_once(post, server):
    for _ in range(5):
        person, new = newcomer(post, server), address()
        ok(move(person, new), 202)
        token = server.wait(new, links.CHANGE).token
        answers = race(patiently(lambda: person.delete("/v1/users/me", json={"password": person.password})),
                       patiently(lambda: verify(post, token)),
                       patiently(lambda: forgot(post, person.email)))
        ok(answers[0], 204)
        assert answers[1].status_code in (204, 401) and answers[2].status_code == 202
        settled(post)
        left = post.database.rows("select email, email_verified_at from users where id = %s", person.id)
        assert left == [(None, None)]
        assert not post.database.value("select count(*) from mail_tokens where user_id = %s", person.id)


# --- once more ---


def test_the_link_for_signing_up_once_more(post, server):
    email = address()
    ok(register(post, email), 202)
    first = server.wait(email, links.VERIFY).token
    again = asked(post, server, email).token
    ok(verify(post, again), 204)
    refused(verify(post, first), USED)


def test_an_account_from_before_there_was_a_mail_server(post, server):
    person = unverified(post, server)
    problem(login(post, person.email, person.password), 403, "email_unverified")
    problem(login(post, person.email, "wrong horse"), 401, "invalid_credentials")
    assert works(post, person.session) == 200, "who is signed in stays so"
    ok(verify(post, asked(post, server, person.email).token), 204)
    session = ok(login(post, person.email, person.password))
    assert session["user"]["email_verified"] is True
    kinds = post.database.rows("select kind from events where actor_id = %s", person.id)
    assert ("EmailVerified",) in kinds


def test_who_needs_no_link_gets_none(post, server):
    person, nobody = newcomer(post, server), address()
    for email in (person.email, nobody):
        assert ok(resend(post, email), 202) == {}
    assert ok(forgot(post, nobody), 202) == {}
    settled(post)
    assert not server.to(person.email) and not server.to(nobody)


def test_more_mails_than_the_worker_can_look_at(post, server):
    """A bound, and one answer for all; nothing else is held up, and then all goes on."""
    person = newcomer(post, server)
    post.database.rows("insert into mail_requests (kind, address) select 3, 'nobody@example.org'"
                       " from generate_series(1, 20000)")
    for ask in (resend, forgot, register):
        assert problem(ask(post, person.email), 503, "unavailable") == problem(ask(post, address()), 503, "unavailable")
    assert post.database.value("select count(*) from mail_requests") > 10000, "too fast for this test"
    ok(login(post, person.email, person.password))
    post.database.rows("delete from mail_requests where address = 'nobody@example.org'")
    asked(post, server, person.email, links.RESET, forgot)


# --- a lost password ---


def test_a_new_password(post, server):
    person = unverified(post, server)
    other = newcomer(post, server)
    ears = arrive(lambda: Client(post, person.mqtt), f"user/{person.id}/inbox")
    mail = asked(post, server, person.email, links.RESET, forgot)
    assert mail.link.startswith(f"{post.http_url}/reset#token=")
    assert works(post, person.session) == 200
    ok(reset(post, mail.token), 204)
    assert works(post, person.session) == 401, "at once"
    ears.closed()
    ears.close()
    problem(post.rest.post("/v1/auth/refresh", {"refresh_token": person.session["refresh_token"]}), 401,
            "invalid_token")
    problem(login(post, person.email, person.password), 401, "invalid_credentials")
    session = ok(login(post, person.email, "battery staple"))
    assert session["user"]["email_verified"] is True, "the link came by it"
    server.wait(person.email, links.NEW_PASSWORD)
    refused(reset(post, mail.token), USED)
    assert works(post, session) == 200 and works(post, other.session) == 200
    kinds = [k for (k,) in post.database.rows("select kind from events where actor_id = %s", person.id)]
    assert "PasswordReset" in kinds and "SessionRevoked" in kinds


def test_a_first_password(post, server):
    """Of an account that was made without one."""
    person = newcomer(post, server)
    post.database.rows("delete from user_passwords where user_id = %s", person.id)
    problem(login(post, person.email, person.password), 401, "invalid_credentials")
    ok(reset(post, asked(post, server, person.email, links.RESET, forgot).token), 204)
    ok(login(post, person.email, "battery staple"))


def test_a_new_password_shuts_out_who_has_added_a_way_in(post, server):
    """Identities that the account's address does not speak for may be somebody else's."""
    for make in (newcomer, unverified):
        person, other = make(post, server), newcomer(post, server)
        for owner, email in ((person, None), (person, address()), (person, person.email.upper()), (other, None)):
            post.database.rows("insert into identities (issuer, subject, user_id, provider, email) values"
                               " ('https://idp.example.org', %s, %s, 'idp', %s)", address(), owner.id, email)
        ok(reset(post, asked(post, server, person.email, links.RESET, forgot).token), 204)
        left = "select email from identities where user_id = %s"
        assert post.database.rows(left, person.id) == [(person.email.upper(),)]
        assert post.database.rows(left, other.id) == [(None,)]
        told = post.database.value("select count(distinct data ->> 'identity') from events"
                                   " where actor_id = %s and kind = 'IdentityUnlinked'", person.id)
        assert told == 2


@pytest.mark.parametrize("password", ["", "1234567", "p" * 129, 7, None, "1234567\0"], ids=repr)
def test_no_password(post, server, password):
    person = newcomer(post, server)
    token = asked(post, server, person.email, links.RESET, forgot).token
    body = {"token": token, "password": password}
    refused_member(post.rest.post("/v1/auth/password/reset", body), "password", password)
    ok(reset(post, token), 204)


def test_new_passwords_that_race(post, server):
    person = newcomer(post, server)
    token = asked(post, server, person.email, links.RESET, forgot).token
    answers = race(*[patiently(lambda i=i: reset(post, token, f"battery number {i}")) for i in range(4)])
    assert sorted(a.status_code for a in answers) == [204, 401, 401, 401]
    opened = [i for i in range(4) if login(post, person.email, f"battery number {i}").status_code == 200]
    assert opened == [[a.status_code for a in answers].index(204)]


def test_a_sign_in_that_races_with_a_new_password(post, server):
    """The old password opens nothing that outlives it."""
    for _ in range(4):
        person = newcomer(post, server)
        token = asked(post, server, person.email, links.RESET, forgot).token
        answers = race(patiently(lambda: reset(post, token)),
                       *[patiently(lambda: login(post, person.email, person.password))] * 3)
        ok(answers[0], 204)
        for answer in answers[1:]:
            if answer.status_code == 200:
                assert works(post, answer.json()) == 401
            else:
                problem(answer, 401, "invalid_credentials")


# --- another address ---


def move(person, email, **body):
    return person.post("/v1/auth/email", {"email": email, "password": person.password, **body})


def test_another_address(post, server):
    person, new = newcomer(post, server), address()
    assert ok(move(person, new), 202) == {}
    mail = server.wait(new, links.CHANGE)
    assert mail.link.startswith(f"{post.http_url}/change#token=")
    assert ok(person.get("/v1/users/me"))["email"] == person.email, "not yet"
    for_old = asked(post, server, person.email, links.RESET, forgot).token
    ok(verify(post, mail.token), 204)
    me = ok(person.get("/v1/users/me"))
    assert (me["email"], me["email_verified"]) == (new, True)
    server.wait(person.email, links.CHANGED)
    problem(login(post, person.email, person.password), 401, "invalid_credentials")
    ok(login(post, new, person.password))
    refused(reset(post, for_old), NONE)
    refused(verify(post, mail.token), USED)
    again = newcomer(post, server, email=person.email)
    assert again.id != person.id, "the old one is free"
    assert ("EmailChanged",) in post.database.rows("select kind from events where actor_id = %s", person.id)


def test_an_address_that_has_an_account(post, server):
    """Whoever asks hears nothing; its owner does."""
    person, owner = newcomer(post, server), newcomer(post, server)
    taken, free = move(person, owner.email), move(person, address())
    assert (taken.status_code, taken.content) == (free.status_code, free.content) == (202, b"{}")
    server.wait(owner.email, links.KNOWN)
    settled(post)
    assert not server.to(owner.email)


def test_an_address_that_gets_an_account_meanwhile(post, server):
    person, new = newcomer(post, server), address()
    ok(move(person, new), 202)
    token = server.wait(new, links.CHANGE).token
    owner = newcomer(post, server, email=new)
    problem(verify(post, token), 409, "email_taken")
    assert ok(person.get("/v1/users/me"))["email"] == person.email
    assert ok(owner.get("/v1/users/me"))["email"] == new


def test_another_address_needs_the_password(post, server):
    person, new = newcomer(post, server), address()
    problem(move(person, new, password="wrong horse"), 401, "invalid_credentials")
    assert "password" in problem(move(person, new, password=None), 400, "invalid_request")["fields"]
    problem(post.rest.post("/v1/auth/email", {"email": new, "password": person.password}), 401, "unauthorized")
    settled(post)
    assert not server.to(new)


def test_without_a_password_a_fresh_sign_in_will_do(post, server):
    person, new = newcomer(post, server), address()
    post.database.rows("delete from user_passwords where user_id = %s", person.id)
    ok(person.post("/v1/auth/email", {"email": new}), 202)
    server.wait(new, links.CHANGE)
    post.database.rows("update sessions set created_at = now() - interval '6 minutes' where user_id = %s", person.id)
    problem(person.post("/v1/auth/email", {"email": new}), 403, "forbidden")


@pytest.mark.parametrize("how", ["reset", "changed"])
def test_a_new_password_takes_back_another_address(post, server, how):
    """Whoever asked for it knew the old password, and may be whom the new one is to keep out."""
    person, new = newcomer(post, server), address()
    ok(move(person, new), 202)
    token = server.wait(new, links.CHANGE).token
    if how == "reset":
        ok(reset(post, asked(post, server, person.email, links.RESET, forgot).token), 204)
    else:
        ok(person.post("/v1/auth/password", {"old": person.password, "new": "battery staple"}), 204)
    refused(verify(post, token))
    ok(login(post, person.email, "battery staple"))


def test_who_takes_a_request_back_does_not_wait_for_the_worker(post, server):
    """The person is locked first, by all: or each would wait for the other."""
    person, new = newcomer(post, server), address()
    waits = ("select count(*) from pg_stat_activity where datname = 'hum' and application_name = 'hum-api'"
             " and wait_event_type = 'Lock'")
    with post.database.session(autocommit=False) as cursor:
        cursor.execute("select from users where id = %s for no key update", (person.id,))
        ok(move(person, new), 202)
        eventually(lambda: post.database.value(waits))
        cursor.execute("select id from mail_requests where user_id = %s for update skip locked", (person.id,))
        assert cursor.fetchall() != []
    server.wait(new, links.CHANGE)


def test_another_address_that_is_asked_for_while_the_password_changes(post, server):
    for _ in range(5):
        person, new = newcomer(post, server), address()
        stolen = person.sign_in()
        body = {"old": person.password, "new": "battery staple"}
        answers = race(patiently(lambda: person.post("/v1/auth/password", body)), patiently(lambda: move(stolen, new)))
        ok(answers[0], 204)
        assert answers[1].status_code in (202, 401)
        settled(post)
        for mail in server.to(new):
            refused(verify(post, mail.token))
        assert ok(person.get("/v1/users/me"))["email"] == person.email


@pytest.mark.parametrize("email", [
    "", "a", "@", "a@", "a b@c.org", "a@b@c.org", "a@b.org\r\nBcc: x@y.org", "a@b.org\n", "a\0@b.org", "<a@b.org>",
    "a@b.org, c@d.org", "x" * 310 + "@example.org", 7, [], {}, None,
], ids=repr)
def test_no_address(post, server, email):
    person = newcomer(post, server)
    for answer in (resend(post, email), forgot(post, email), move(person, email)):
        refused_member(answer, "email", email)


# --- what is kept ---


def test_who_erases_their_account_leaves_no_address(post, server):
    person, new = newcomer(post, server), address()
    ok(register(post, person.email.upper(), password="another horse"), 202)
    server.wait(person.email, links.KNOWN)
    ok(move(person, new), 202)
    token = server.wait(new, links.CHANGE).token
    ok(person.delete("/v1/users/me", json={"password": person.password}), 204)
    assert count(post, "registrations", person.email) == 0
    assert post.database.value("select count(*) from mail_tokens where address = %s", new) == 0
    refused(verify(post, token))
    problem(login(post, person.email, "another horse"), 401, "invalid_credentials")
    again = newcomer(post, server, email=person.email)
    assert again.id != person.id


def test_the_database_holds_nothing_that_opens_an_account(post, server):
    email = address()
    ok(register(post, email, password="a horse of its own"), 202)
    tokens = [server.wait(email).token]
    person = unverified(post, server)
    tokens.append(asked(post, server, person.email).token)
    tokens.append(asked(post, server, person.email, links.RESET, forgot).token)
    tables = ("registrations", "mail_requests", "mail_tokens", "mails", "users", "user_passwords", "sessions", "events")
    dump = "".join(str(post.database.rows(f"select t::text from {t} t")) for t in tables)
    assert email in dump and "$argon2id$" in dump
    for secret in (*tokens, "a horse of its own", person.password, person.session["refresh_token"]):
        assert secret not in dump
