"""The operator's tool for tokens of other systems."""

import os
import re
import shutil

import pytest

from lib.instance import Instance
from lib.rest import SECRETS, unique

pytestmark = pytest.mark.release_only  # of the script and PostgreSQL

TOKEN = re.compile(r"hst_[A-Za-z0-9_-]{43}")


def service_token(hum, *args, **settings):
    return hum.run("service-token", *args, **settings)


def test_a_token_is_printed_alone(hum):
    label = unique("svc.x-_")
    done = service_token(hum, label)
    assert done.returncode == 0, done.stderr
    token = done.stdout.removesuffix("\n")
    SECRETS.add(token)
    assert TOKEN.fullmatch(token)
    assert label in done.stderr and token not in done.stderr
    assert hum.database.value("select count(*) from service_tokens where hash = sha256(%s::bytea)", token) == 1
    assert token not in hum.database.value("select string_agg(t::text, '') from service_tokens t")


def test_tokens_differ(hum):
    tokens = {hum.service_token(unique("svc")) for _ in range(3)}
    assert len(tokens) == 3


def test_the_list_shows_no_token(hum):
    kept, gone = unique("svc"), unique("svc")
    tokens = [hum.service_token(kept), hum.service_token(gone)]
    assert service_token(hum, "revoke", gone).returncode == 0
    done = service_token(hum, "list")
    assert done.returncode == 0
    lines = {name: line for name in (kept, gone) for line in done.stdout.splitlines() if name in line}
    times = {name: len(re.findall(r"\d{4}-\d\d-\d\d", line)) for name, line in lines.items()}
    assert times == {kept: 1, gone: 2}, "made, and revoked"
    for token in tokens:
        assert token not in done.stdout
        assert hum.database.value("select encode(sha256(%s::bytea), 'hex')", token) not in done.stdout


def test_a_name_is_given_once(hum):
    label = unique("svc")
    hum.service_token(label)
    done = service_token(hum, label)
    assert (done.returncode, done.stdout) == (1, "")
    assert label in done.stderr and "revoke" in done.stderr


@pytest.mark.parametrize("args", [
    (), ("revoke",), ("list", "x"), ("a", "b"), ("revoke", "a", "b"), ("",), ("a b",), ("a/b",), ("-x",), ("é",),
    ("x" * 65,), ("a\nb",), ("revoke", "never-made"), ("revoke", ""), ("revoke", "'; drop table users; --"),
    ("'; drop table service_tokens; --",),
], ids=str)
def test_what_is_refused(hum, args):
    before = hum.database.rows("select * from service_tokens order by id")
    done = service_token(hum, *args)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.startswith("hum: ") and done.stderr.count("hum: ") == 1, done.stderr
    assert hum.database.rows("select * from service_tokens order by id") == before


def test_without_an_instance():
    idle = Instance()
    try:
        done = service_token(idle, "svc")
        assert done.returncode == 1 and "not running" in done.stderr
    finally:
        idle.remove()


@pytest.fixture
def programs(tmp_path):
    """Programs in front of those that the tool calls: each writes its arguments down, then runs the real one.
    Returns their folder and the file that they write to."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    said = tmp_path / "arguments"
    said.touch()
    said.chmod(0o666)
    for name in ("psql", "setpriv", "sha256sum", "base64", "head", "tr", "env", "sh", "bash"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\nprintf "%s " "$0" "$@" >> {said}\nexec {shutil.which(name)} "$@"\n')
        path.chmod(0o755)
    return tmp_path, said


def test_no_command_line_ever_has_it(hum, programs):
    folder, said = programs
    done = service_token(hum, unique("svc"), PATH=f"{folder}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    SECRETS.add(token)
    text = said.read_text()
    assert "psql" in text and "sha256sum" in text, "the test sees what is called"
    assert token not in text and token[4:] not in text
