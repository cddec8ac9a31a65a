"""The queue of mails and the tokens of their links, by the control API's own statements."""

import contextlib

import psycopg2
import pytest

from lib import statements

VERIFY, ALREADY_REGISTERED, RESET, PASSWORD_CHANGED = 1, 2, 3, 6  # kinds
FOR_VERIFY, FOR_RESET = 1, 2
SEED = b"\x07" * 32


class Api:
    """Runs statements by their names, as the control API's role, each by itself."""

    def __init__(self, database):
        self.connection = database.connect()
        self.prepared = set()
        self.sql = dict(statements.of_the_api())

    def __call__(self, name, *values):
        with self.connection.cursor() as cursor:
            if name not in self.prepared:
                cursor.execute(f"prepare {name} as {self.sql[name].replace('%', '%%')}")
                self.prepared.add(name)
            places = ", ".join(["%s"] * len(values))
            cursor.execute(f"execute {name}({places})" if values else f"execute {name}", values or None)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture
def api(roles):
    made = []

    def make():
        made.append(Api(roles["api"]))
        return made[-1]

    yield make
    for one in made:
        one.connection.close()


@pytest.fixture
def alice(db):
    """The id of somebody; nobody has any mail."""
    db.rows("delete from mails; delete from mail_tokens; delete from users")
    return person(db, "alice")


def person(db, name):
    return db.value("insert into users (id, email, nickname, nickname_key) values (hum_id(), %s, %s, %s) returning id",
                    f"{name}@example.org", name, name)


def token(run, user, purpose=FOR_VERIFY, life=3600):
    run("mail_token_void", user, purpose)
    return run("mail_token_add", user, purpose, "alice@example.org", SEED, life)[0][0]


def queue(run, user, kind=PASSWORD_CHANGED, link=0, limit=100, address="alice@example.org"):
    return run("mail_queue", kind, user, address, link, limit)[0][0]


def lease(run, seconds=120):
    found = run("mail_lease", seconds, 4)
    return found[0] if found else None


def count(db, table="mails"):
    return db.value(f"select count(*) from {table}")


def test_first_come_first_served_and_each_to_one(db, api, alice):
    one, other = api(), api()
    for kind in (VERIFY, ALREADY_REGISTERED, RESET):
        assert queue(one, alice, kind)
    leased = [lease(run) for run in (one, other, one, other)]
    assert [m and m[1] for m in leased] == [VERIFY, ALREADY_REGISTERED, RESET, None]
    assert all(m[2] == 1 for m in leased[:3]), "the first try"


def test_what_another_is_just_taking_is_passed_over(db, api, alice):
    queue(api(), alice, VERIFY)
    queue(api(), alice, RESET)
    with db.session(autocommit=False) as cursor:
        cursor.execute("select from mails where kind = 1 for update")
        assert lease(api())[1] == RESET


def test_a_lease_ends(db, api, alice):
    run = api()
    queue(run, alice)
    first = lease(run, 0)
    second = lease(run)
    assert second[0] == first[0] and second[2] == 2
    assert lease(run) is None
    run("mail_done", first[0], first[2])
    run("mail_later", first[0], first[2], 0)
    assert count(db) == 1 and lease(run) is None, "who has lost the lease changes nothing"
    run("mail_done", second[0], second[2])
    assert count(db) == 0


def test_a_pause(db, api, alice):
    run = api()
    queue(run, alice)
    mail = lease(run)
    run("mail_later", mail[0], mail[2], 30)
    assert lease(run) is None
    pause = db.value("select extract(epoch from next_try_at - now())::float from mails")
    assert pause < 31
    db.rows("update mails set next_try_at = now()")
    assert lease(run)[2] == 2


def test_a_clock_that_steps_back(db, api, alice):
    """What it left in a far future comes back; what waits for an hour at most stays."""
    run = api()
    queue(run, alice, RESET)
    queue(run, alice, PASSWORD_CHANGED)
    db.rows("update mails set next_try_at = now() + interval '1 hour' * case kind when 3 then 1 else 3 end")
    assert lease(run) is None
    run("mails_recall")
    assert lease(run)[1] == PASSWORD_CHANGED and lease(run) is None


def test_one_of_a_kind_waits(db, api, alice):
    run = api()
    assert queue(run, alice) and queue(run, alice)
    assert count(db) == 1
    assert queue(run, alice, address="other@example.org") and queue(run, person(db, "bob"))
    assert count(db) == 3


def test_the_queue_is_bounded(db, api, alice):
    run = api()
    assert [queue(run, alice, address=f"{i}@x", limit=3) for i in range(5)] == [True, True, True, False, False]
    assert count(db) == 3
    assert queue(run, alice, address="9@x", limit=4), "those that tell an owner of a change have room of their own"
    run("mail_done", *lease(run)[0:3:2])
    assert not queue(run, alice, address="8@x", limit=3)


def test_a_newer_token_voids_the_older_and_its_mail(db, api, alice):
    run = api()
    old = token(run, alice)
    reset = token(run, alice, FOR_RESET)
    queue(run, alice, VERIFY, old)
    queue(run, alice, RESET, reset)
    new = token(run, alice)
    queue(run, alice, VERIFY, new)
    assert {r[0] for r in db.rows("select id from mail_tokens")} == {reset, new}
    assert {r[0] for r in db.rows("select token_id from mails")} == {reset, new}


def test_two_tokens_of_a_purpose_cannot_be(db, api, alice):
    token(api(), alice)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        api()("mail_token_add", alice, FOR_VERIFY, "alice@example.org", SEED, 60)


def test_a_used_token(db, api, alice):
    """Stays for a while, so that one can be told; its mail does not go out, and a new one can be made."""
    run = api()
    first = token(run, alice)
    queue(run, alice, VERIFY, first)
    run("mail_token_use", first)
    assert count(db) == 0
    assert run("mail_token_lock", first)[0][-1] is True
    second = token(run, alice)
    queue(run, alice, VERIFY, second)
    assert count(db) == 1 and count(db, "mail_tokens") == 2


@pytest.mark.parametrize("life, used, over", [(60, False, False), (0, False, True), (60, True, True)])
def test_what_is_not_worth_sending(db, api, alice, life, used, over):
    run = api()
    link = token(run, alice, life=life)
    queue(run, alice, VERIFY, link)
    if used:
        db.rows("update mail_tokens set used_at = now()")
    mail = lease(run)
    assert mail[5] == link and mail[6] == FOR_VERIFY and mail[7] == SEED.hex() and mail[8] is over


def test_tokens_are_forgotten_a_week_after_their_end(db, api, alice):
    run = api()
    token(run, alice)
    token(run, alice, FOR_RESET)
    db.rows("update mail_tokens set expires_at = now() - interval '1 day' * case purpose when 1 then 6.9 else 7.1 end")
    run("mail_tokens_sweep", 100)
    assert db.rows("select purpose from mail_tokens") == [(FOR_VERIFY,)]


def test_erasure_takes_them_along(db, api, alice):
    run, bob = api(), person(db, "bob")
    for user in (alice, bob):
        db.rows("insert into rooms (id, kind) values (%s, 4)", user)
        queue(run, user, VERIFY, token(run, user))
        queue(run, user)
    assert db.value("select hum_erase(%s)", alice)
    assert {r[0] for r in db.rows("select user_id from mails union select user_id from mail_tokens")} == {bob}
    for call in (lambda: queue(run, alice), lambda: token(run, alice)):
        with pytest.raises(psycopg2.errors.ForeignKeyViolation):
            call()
    assert run("mail_token_person", token(run, bob)) != []


def test_erasure_and_a_link_that_is_followed(db, api, alice):
    """Both lock the person first: neither waits for the other while it holds what that one wants."""
    run = api()
    db.rows("insert into rooms (id, kind) values (%s, 4)", alice)
    link = token(run, alice)
    with contextlib.closing(db.connect(autocommit=False)) as erasing, erasing.cursor() as cursor:
        cursor.execute("select hum_erase(%s)", (alice,))
        with pytest.raises(psycopg2.errors.LockNotAvailable), run.connection.cursor() as follower:
            follower.execute("set lock_timeout = '300ms'")
            run("mail_token_person", link)
        erasing.commit()
    assert run("mail_token_person", link) == []
