"""Keys roll while all goes on: what the old ones have signed stays good, nobody is turned away, nothing restarts."""

import os
import signal
import subprocess
import threading
import time

import jwt
import pytest

from lib.instance import build_dir
from lib.mqtt import eventually
from lib.rest import Rest, ok, problem

KINDS = {"mqtt": ".key", "refresh": ".key", "mail": ".key", "api": ".jwk"}


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def shown(hum):
    return [key["kid"] for key in ok(hum.rest.get("/.well-known/jwks.json"))["keys"]]


def refresh(hum, session):
    return ok(hum.rest.post("/v1/auth/refresh", {"refresh_token": session["refresh_token"]}))


def roll(hum):
    done = hum.run("keys", "roll")
    assert done.returncode == 0, done.stderr
    return done


def works(client, dm):
    client.message(f"dm/{dm}/messages", client.send(dm, "still here"))


@pytest.fixture
def old(hum):
    """Somebody who has signed in before."""
    return hum.sign_up()


def test_what_the_old_keys_have_signed_stays_good(hum, connect, people):
    alice, bob, dm = people
    live = connect(bob)
    live.may(f"dm/{dm}/messages")
    before, pids = shown(hum), hum.pids()
    roll(hum)
    after = shown(hum)
    assert after[0] not in before and after[1:] == before, "the newest first, and those before"
    assert hum.pids() == pids
    fresh = alice.sign_in()
    assert kid(fresh.session["access_token"]) == after[0] > kid(alice.session["access_token"])
    assert kid(fresh.mqtt["password"]) > kid(alice.mqtt["password"])
    works(live, dm)
    for person in (alice, fresh):
        ok(Rest(hum.http_url, person.session["access_token"]).get("/v1/users/me"))
        with connect(person, suffix="rolled") as client:
            client.may(f"dm/{dm}/messages")
            works(client, dm)
    renewed = refresh(hum, alice.session)
    assert kid(renewed["access_token"]) == after[0]
    assert refresh(hum, renewed)["session_id"] == alice.sid


def test_others_verify_with_what_is_shown(hum, old):
    roll(hum)
    keys = {key["kid"]: key for key in ok(hum.rest.get("/.well-known/jwks.json"))["keys"]}
    for person in (old, old.sign_in()):
        token = person.session["access_token"]
        public = jwt.PyJWK(keys[kid(token)]).key
        assert jwt.decode(token, public, algorithms=["ES256"], audience="hum-api", issuer="hum")["sub"] == old.id


def test_nothing_is_signed_with_what_the_broker_does_not_know(hum, connect, old):
    """The broker stands still: until it goes on and has read its keys, the old one signs, even if the control API
    reads its own meanwhile."""
    before = kid(old.mqtt["password"])
    folder = hum.home / "keys" / "mqtt"
    broker, api = hum.pid("mosquitto"), hum.pid("api")
    done = []
    os.kill(broker, signal.SIGSTOP)
    try:
        rolling = threading.Thread(target=lambda: done.append(hum.run("keys", "roll")))
        rolling.start()
        (coming,) = eventually(lambda: [p.stem for p in folder.glob("*.next")])
        lines = hum.log("api").count("keys read")
        os.kill(api, signal.SIGHUP)
        eventually(lambda: hum.log("api").count("keys read") > lines)
        assert kid(old.sign_in().mqtt["password"]) == before
        assert not done
    finally:
        os.kill(broker, signal.SIGCONT)
    rolling.join()
    assert done[0].returncode == 0, done[0].stderr
    person = old.sign_in()
    assert kid(person.mqtt["password"]) == coming > before
    connect(person).barrier()


def test_a_key_that_is_gone_verifies_nothing(hum, old):
    """What an operator does about a key that somebody else has: its file removed, SIGHUP."""
    path = hum.home / "keys" / "api" / f"{kid(old.session['access_token'])}.jwk"
    mine = Rest(hum.http_url, old.session["access_token"])
    ok(mine.get("/v1/users/me"))  # and is remembered
    roll(hum)
    path.unlink()
    lines = hum.log("api").count("keys read")
    os.kill(hum.pid("api"), signal.SIGHUP)
    eventually(lambda: hum.log("api").count("keys read") > lines)
    problem(mine.get("/v1/users/me"), 401, "unauthorized")
    assert path.stem not in shown(hum)
    fresh = refresh(hum, old.session)
    ok(Rest(hum.http_url, fresh["access_token"]).get("/v1/users/me"))


def test_keys_that_cannot_be_read_change_nothing(hum, connect, old):
    bad = {part: hum.home / "keys" / kind / f"30000101T000000Z{suffix}"
           for part, kind, suffix in (("mosquitto", "mqtt", ".key"), ("api", "api", ".jwk"))}
    for part, path in bad.items():
        path.write_text("no key")
        path.chmod(0o644)
        lines = hum.log(part).count("stay as they were")
        os.kill(hum.pid(part), signal.SIGHUP)
        eventually(lambda p=part, n=lines: hum.log(p).count("stay as they were") > n)
        done = hum.run("keys", "roll")
        assert done.returncode == 1 and "stay as they were" in done.stderr
        path.unlink()
    ok(old.get("/v1/users/me"))
    connect(old.sign_in()).barrier()


@pytest.mark.parametrize("args", [(), ("list",), ("roll", "now"), ("roll", "")], ids=str)
def test_what_is_refused(hum, args):
    before = sorted(p for p in (hum.home / "keys").rglob("*"))
    done = hum.run("keys", *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hum: ")
    assert sorted(p for p in (hum.home / "keys").rglob("*")) == before


# --- the tool, on folders of its own ---


def keys(folder, *verb):
    return subprocess.run([build_dir() / "control-api" / "hum-api", "keys", folder, *verb], capture_output=True,
                          text=True, timeout=120)


def names(folder, kind):
    return sorted(p.name for p in (folder / kind).iterdir())


@pytest.fixture
def folder(tmp_path):
    assert keys(tmp_path).returncode == 0
    return tmp_path


def test_each_kind_gets_a_key(folder):
    first = {kind: names(folder, kind) for kind in KINDS}
    done = keys(folder, "roll")
    assert done.returncode == 0, done.stderr
    made = dict(line.split() for line in done.stdout.splitlines())
    assert set(made) == set(KINDS)
    for kind, suffix in KINDS.items():
        tail = ".next" if kind == "mqtt" else suffix
        assert names(folder, kind) == [*first[kind], made[kind] + tail]
        assert (folder / kind / (made[kind] + tail)).stat().st_mode & 0o777 == 0o600
    assert keys(folder, "use").returncode == 0
    assert names(folder, "mqtt") == [*first["mqtt"], made["mqtt"] + ".key"]
    assert keys(folder, "use").returncode == 1, "there is none to use"


def test_a_roll_that_was_cut_short_is_begun_anew(folder):
    (first,) = names(folder, "mqtt")
    keys(folder, "roll")
    made = dict(line.split() for line in keys(folder, "roll").stdout.splitlines())
    assert names(folder, "mqtt") == [first, made["mqtt"] + ".next"]


def test_there_is_an_end_to_them(folder):
    for _ in range(7):
        assert keys(folder, "roll").returncode == 0
        assert keys(folder, "use").returncode == 0
    before = {kind: names(folder, kind) for kind in KINDS}
    assert {len(n) for n in before.values()} == {8}
    done = keys(folder, "roll")
    assert done.returncode == 1 and "roll later" in done.stderr
    assert {kind: names(folder, kind) for kind in KINDS} == before


def backdate(folder, kind, *days):
    """In the place of the keys of a kind: copies of the first, made so many days ago."""
    suffix = KINDS[kind]
    body = (folder / kind / names(folder, kind)[0]).read_bytes()
    for path in (folder / kind).iterdir():
        path.unlink()
    made = []
    for ago in days:
        made.append(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - ago * 86400)) + suffix)
        (folder / kind / made[-1]).write_bytes(body)
        (folder / kind / made[-1]).chmod(0o600)
    return made


@pytest.mark.parametrize("kind, life", [("mqtt", 30), ("refresh", 90), ("mail", 1), ("api", 0)])
def test_a_key_goes_once_its_last_token_has_ended(folder, kind, life):
    """That is so long after the next one was made, and a day for good measure."""
    kept = backdate(folder, kind, 400, life + 2.5, life + 1.5, life + 0.5)
    assert keys(folder, "roll").returncode == 0
    assert names(folder, kind)[:-1] == kept[2:]


def test_a_key_of_another_name_stays(folder):
    backdate(folder, "refresh", 400)
    for name in ("0.key", "19990101T000000Z.key"):
        (folder / "refresh" / name).write_bytes(b"k" * 32)
    (newest,) = names(folder, "refresh")[2:]
    assert keys(folder, "roll").returncode == 0
    assert names(folder, "refresh")[:-1] == ["0.key", newest]
