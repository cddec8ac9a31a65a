"""Mails on their way: from the queue in the database to a mail server with STARTTLS, whatever that server does. What
puts them into the queue is another matter (test_flows.py); here they are put there by hand."""

import datetime
import email.utils
import hashlib
import hmac
import os
import re
import struct
import subprocess
import threading

import pytest

from lib import processes, prometheus, smtp
from lib.mqtt import eventually
from lib.rest import ok, unique
from lib.tokens import b64, unb64

# aiosmtpd's word on a server without TLS, which is what some of these are.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

KINDS = {"verify": 1, "already_registered": 2, "reset": 3, "change_confirm": 4, "address_changed": 5,
         "password_changed": 6, "identity_added": 7}
SUBJECTS = {1: "Confirm your e-mail address", 2: "You have an account already", 3: "A new password",
            4: "Confirm your new e-mail address", 5: "Your e-mail address has been changed",
            6: "Your password has been changed", 7: "A new way to sign in"}
PURPOSES = {1: 1, 3: 2, 4: 3}
LEASE_S = 120  # mailer.c
PAGES = {1: "verify", 3: "reset", 4: "change"}


def account(hum):
    """Somebody to write to: id and address."""
    name = unique("person")
    return hum.database.rows(
        "with u as (insert into users (id, email, nickname, nickname_key) values (hum_id(), %s, %s, %s) returning id),"
        " r as (insert into rooms (id, kind) select id, 4 from u) select id from u",
        f"{name}@example.org", name, name)[0][0], f"{name}@example.org"


def queue(hum, kind="password_changed", life="1 hour", age="0"):
    """Puts a mail to somebody new into the queue; its id, the address, and the id of its token."""
    user, address = account(hum)
    token, kind = None, KINDS[kind]
    if kind in PURPOSES:
        token = hum.database.value(
            "insert into mail_tokens (user_id, purpose, address, seed, expires_at)"
            " values (%s, %s, %s, sha256(random()::text::bytea), now() + %s::interval) returning id",
            user, PURPOSES[kind], address, life)
    mail = hum.database.value(
        "insert into mails (user_id, kind, address, token_id, created_at)"
        " values (%s, %s, %s, %s, now() - %s::interval) returning id", user, kind, address, token, age)
    return mail, address, token


def row(hum, mail):
    """(tries, seconds until the next), or None when it is not in the queue any more."""
    rows = hum.database.rows(
        "select tries, extract(epoch from next_try_at - now())::float from mails where id = %s", mail)
    return rows[0] if rows else None


def now(hum, mail):
    """Makes it due."""
    hum.database.rows("update mails set next_try_at = now() where id = %s", mail)


def gone(hum, mail):
    eventually(lambda: row(hum, mail) is None)


def delayed(hum, mail, tries=1):
    """Waits until a try has failed and been written down: until then it is leased."""
    def look():
        found = row(hum, mail)
        return found if found and found[0] == tries and not 95 < found[1] < LEASE_S + 1 else None
    return eventually(look)


def number(hum, name):
    return prometheus.parse(ok_text(hum.rest.get("/metrics")))[f"hum_{name}", ()]


def ok_text(answer):
    assert answer.status_code == 200
    return answer.text


def token_of(hum, token):
    """The token's text, made beside the program from what its comment says."""
    key = max((hum.home / "keys" / "mail").glob("*.key"), key=lambda path: path.stem).read_bytes()
    purpose, seed = hum.database.rows("select purpose, seed from mail_tokens where id = %s", token)[0]
    head = struct.pack(">q", token)
    return b64(head + hmac.new(key, head + bytes([purpose]) + bytes(seed), hashlib.sha256).digest())


# --- what is sent ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_as_it_comes(post, server, kind):
    mail, address, token = queue(post, kind)
    came = server.wait(address)
    number_of_kind = KINDS[kind]
    assert came.to == [address] and came.sender == "hum@example.org"
    assert came.greeting == "example.org", "we say who we are by the sender's domain"
    message = came.message
    assert message["From"] == "Hum <hum@example.org>" and message["To"] == address
    assert came.subject == SUBJECTS[number_of_kind]
    assert message["Message-ID"] == f"<hum.{mail}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    sent = email.utils.parsedate_to_datetime(message["Date"])
    assert abs(datetime.datetime.now(datetime.timezone.utc) - sent) < datetime.timedelta(hours=1)
    assert message.get_content_type() == "text/plain" and not message.defects
    assert post.http_url in came.text
    if token:
        assert came.link == f"{post.http_url}/{PAGES[number_of_kind]}#token={token_of(post, token)}"
    else:
        assert "token=" not in came.text
    gone(post, mail)
    assert server.to(address) == [], "once"


def test_lines_are_as_smtp_wants_them(post, server):
    _, address, _ = queue(post, "reset")
    raw = server.wait(address).raw
    assert b"\r\n" in raw and not re.search(rb"[^\r]\n|\r[^\n]", raw)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.isascii()


def test_many_at_once(post, server):
    smtp.emptied(post)
    before = number(post, "api_mails_sent_total")
    queued = [queue(post, "verify") for _ in range(20)]
    tokens = {server.wait(address).token for _, address, _ in queued}
    assert len(tokens) == 20
    smtp.emptied(post)
    assert number(post, "api_mails_sent_total") == before + 20


def test_a_new_key(post, server):
    """What waits is written with the newest key, whenever it was queued."""
    server.answers["RCPT"] = "450 later"
    mail, address, token = queue(post, "reset")
    delayed(post, mail)
    before = token_of(post, token)
    assert post.run("keys", "roll").returncode == 0
    server.answers.clear()
    eventually(lambda: "keys read" in post.log("api"))
    now(post, mail)
    assert server.wait(address).token == token_of(post, token) != before


def test_a_link_that_has_ended_is_not_sent(post, server):
    smtp.emptied(post)
    before = number(post, "api_mails_over_total")
    mail, address, _ = queue(post, "reset", life="-1 second")
    gone(post, mail)
    assert server.to(address) == []
    assert number(post, "api_mails_over_total") == before + 1


# --- a server that does not take them ---


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_refused_for_good(post, server, command):
    smtp.emptied(post)
    before = number(post, "api_mails_given_up_total")
    server.answers[command] = "550 5.1.1 nobody@example.org is unknown here"
    mail, address, _ = queue(post)
    gone(post, mail)
    assert ("RCPT", address) in server.seen_commands
    assert number(post, "api_mails_given_up_total") == before + 1
    post.settle()
    (line,) = [x for x in post.log("api").splitlines() if str(mail) in x]
    assert "given up" in line and "(550)" in line and "password_changed" in line
    assert address not in post.log("api") and "nobody@example.org" not in post.log("api")


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_refused_for_now(post, server, command):
    smtp.emptied(post)
    before = number(post, "api_mails_delayed_total")
    server.answers[command] = "451 4.7.1 greylisted, come back"
    mail, address, _ = queue(post)
    _, pause = delayed(post, mail)
    assert pause < 31
    assert number(post, "api_mails_delayed_total") == before + 1
    other, other_address, _ = queue(post, "reset")
    delayed(post, other)
    assert server.to(address) == []
    server.answers.clear()
    now(post, mail)
    assert server.wait(address).message["Message-ID"] == f"<hum.{mail}@example.org>"
    gone(post, mail)
    assert row(post, other), "each waits by itself"
    now(post, other)
    server.wait(other_address)


def test_pauses_grow(post, server):
    """Each is twice the one before, or up to a quarter less; an hour at most."""
    server.answers["RCPT"] = "450 later"
    mail, _, _ = queue(post)
    for tries, pause in ((1, 30), (2, 60), (5, 480), (9, 3600), (20, 3600)):
        post.database.rows("update mails set tries = %s, next_try_at = now() where id = %s", tries - 1, mail)
        assert pause * 0.75 - 20 < delayed(post, mail, tries)[1] <= pause  # a machine may be slow to look
    post.database.rows("delete from mails where id = %s", mail)


def test_given_up_after_three_days(post, server):
    server.answers["RCPT"] = "450 later"
    mail, _, _ = queue(post, age="2 days 23 hours")
    delayed(post, mail)
    assert row(post, mail)
    old, address, _ = queue(post, age="3 days 1 minute")
    gone(post, old)
    assert ("RCPT", address) in server.seen_commands, "not before a last try"
    post.database.rows("delete from mails where id = %s", mail)


def test_a_server_that_ends_the_connection(post, server):
    server.answers["DATA"] = "drop"
    mail, address, _ = queue(post)
    delayed(post, mail)
    server.answers.clear()
    now(post, mail)
    server.wait(address)


def test_an_answer_that_is_lost(post, server):
    """The mail comes twice, and whoever reads it can tell."""
    server.answers["DATA"] = "drop the answer"
    mail, address, _ = queue(post)
    first = server.wait(address)
    delayed(post, mail)
    server.answers.clear()
    now(post, mail)
    second = server.wait(address)
    assert first.message["Message-ID"] == second.message["Message-ID"] == f"<hum.{mail}@example.org>"
    gone(post, mail)


def test_a_server_that_is_away(post, server):
    server.stop()
    try:
        mail, address, _ = queue(post)
        delayed(post, mail)
        ok(post.rest.get("/health/ready"))
        assert number(post, "mails_waiting") >= 1
        assert number(post, "mails_oldest_milliseconds") > 0
    finally:
        server.start()
    now(post, mail)
    server.wait(address)
    smtp.emptied(post)
    assert number(post, "mails_waiting") == number(post, "mails_oldest_milliseconds") == 0
    eventually(lambda: "the mail server is back" in post.log("api"))


@pytest.mark.parametrize("command,answer", [("RCPT", "drop"), ("RCPT", "421 4.3.2 going down"), ("DATA", "drop")])
def test_one_address_that_breaks_it_off_holds_up_no_other(post, server, command, answer):
    """However often. Two in a row are the server's doing, which is left alone then. The log has its lines in order, and
    late."""
    def breaking(times=1):
        server.answers[command] = answer
        mail, _, _ = queue(post)
        for i in range(times):
            if i > 0:
                now(post, mail)
            delayed(post, mail, i + 1)
        post.database.rows("delete from mails where id = %s", mail)
        server.answers.clear()
        eventually(lambda: f"mail {mail} " in post.log("api"))

    def comes():
        mail, address, _ = queue(post)
        server.wait(address)
        gone(post, mail)

    def came_back():
        return post.log("api").count("the mail server is back")

    comes()
    breaking(times=2)
    before = came_back()
    comes()
    breaking()
    comes()
    breaking()
    assert came_back() == before, "one got through between any two"
    breaking()
    comes()
    eventually(lambda: came_back() > before)
    assert came_back() == before + 1


# --- a server that is not to be trusted ---


@pytest.mark.parametrize("tls", ["none", "stranger", "other", "old"])
def test_nothing_is_said_to_a_server_without_the_right_certificate(post, server, tls):
    server.start(tls)
    server.seen_commands.clear()
    try:
        mail, address, _ = queue(post, "reset")
        delayed(post, mail)
        assert list(server.seen_commands) == [], "neither the password nor the address"
    finally:
        server.start()
    now(post, mail)
    server.wait(address)
    assert ("AUTH", server.USER) in server.seen_commands


# --- a server that hangs ---


def test_a_server_that_hangs_holds_up_mails_alone(post, server):
    server.answers["DATA"] = "hang"
    mail, address, _ = queue(post, "reset")
    server.wait_for_command("RCPT", address)
    held = post.database.rows(
        "select query from pg_stat_activity where datname = 'hum' and application_name = 'hum-api'"
        " and state like 'idle in transaction%%'")
    assert held == [], "no transaction is open while a mail is sent"
    user, _, _ = queue(post)
    ok(post.rest.get("/health/ready"))
    with post.database.session(autocommit=False) as cursor:  # nor is anything locked
        cursor.execute("set lock_timeout = '5s'")
        cursor.execute("select from mails where id = %s for update", (mail,))
        cursor.execute("select from mail_tokens for update")
        cursor.execute("select from users for update")
    assert row(post, mail)[1] > 31, "it is leased, and nobody else takes it"
    post.database.rows("delete from mails where id = any(%s)", [mail, user])


@pytest.mark.release_only
def test_a_server_that_never_says_a_word(post, server):
    """Given up after half a minute, a bound that no sanitizer changes."""
    server.stop()
    silent = smtp.Silent(server.port)
    try:
        mail, address, _ = queue(post)
        assert silent.taken.wait(smtp.WAIT_S)
        delayed(post, mail)
    finally:
        silent.close()
        server.start()
    now(post, mail)
    server.wait(address)


def test_a_mail_whose_sender_died_is_sent_by_the_next(post, server):
    """A lease ends by itself."""
    mail, address, _ = queue(post)
    server.wait(address)
    gone(post, mail)
    user, address = account(post)
    mail = post.database.value(
        "insert into mails (user_id, kind, address, tries, next_try_at)"
        " values (%s, 6, %s, 1, now() + interval '1 second') returning id", user, address)
    server.wait(address)
    gone(post, mail)


# --- secrets ---


def test_the_database_holds_no_token(post, server):
    """Neither as it is in the link nor as the bytes that it stands for."""
    _, address, token = queue(post, "reset")
    text = server.wait(address).token
    post.database.rows("update mail_tokens set used_at = now() where id = %s", token)
    dump = subprocess.run(["pg_dump", "-a", post.database.conninfo], capture_output=True, text=True, timeout=120,
                          check=True, env={**os.environ, "PGPASSWORD": post.database.password}).stdout
    assert str(token) in dump and address in dump
    assert text not in dump and unb64(text)[8:].hex() not in dump


def test_the_password_is_in_no_list_of_processes(post, server):
    """Also not in the environment that can be read there, once the daemon is up."""
    pid = post.pid("api")
    with open(f"/proc/{pid}/environ", "rb") as file:
        environ = file.read()
    assert b"HUM_SMTP_URL=" in environ and server.PASSWORD.encode() not in environ
    assert b"sw%40rd" not in environ
    lines = "\n".join(processes.command_lines().values())
    assert "sw%40rd" not in lines and server.PASSWORD not in lines


def test_status_says_that_mail_is_on(post, hum):
    assert "addresses are verified" in post.run("status").stdout
    assert "addresses are not verified (HUM_SMTP_URL is not set)" in hum.run("status").stdout


def test_starting_and_stopping(post, server):
    """The password shows in no list of processes while it starts either, and a mail server that hangs does not
    keep it from stopping. Then by smtps, for a change."""
    server.answers["DATA"] = "hang"
    mail, address, _ = queue(post)
    server.wait_for_command("RCPT", address)
    stopped = post.down()
    assert "is killed" not in stopped.stderr
    server.answers.clear()
    server.start("implicit")
    usual, done, seen = post.settings["HUM_SMTP_URL"], threading.Event(), []

    def watch():
        while not done.is_set():
            seen.extend(x for x in processes.command_lines().values() if "sw%40rd" in x or server.PASSWORD in x)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        post.settings["HUM_SMTP_URL"] = server.url.replace("smtp://", "smtps://")
        post.up()
        assert server.wait(address).message["Message-ID"] == f"<hum.{mail}@example.org>", "it was kept"
    finally:
        done.set()
        watcher.join()
        post.down()
        server.start()
        post.settings["HUM_SMTP_URL"] = usual
        post.up()
    assert seen == []
