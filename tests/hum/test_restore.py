"""A backup that is older than an erasure: what docs/operating.md tells an operator to do."""

import re
import shutil
import subprocess

import pytest

from lib.erasure import erase, sign_in, tombstone
from lib.instance import ROOT, environment
from lib.rest import ok, problem

pytestmark = pytest.mark.release_only  # what an operator does, and SQL

DOC = (ROOT / "docs" / "operating.md").read_text()
SECTION = DOC.split("### Erased accounts and backups\n")[1].split("\n## ")[0]
(COMMANDS,) = re.findall(r"```\n(.*?)```", SECTION, re.S)


def test_who_was_erased_since_is_erased_again(new_instance):
    hum = new_instance()
    hum.up()
    (alice, bob, dm), carol = hum.pair(), hum.sign_up()
    alice.say(dm, "stays")
    hum.down()
    subprocess.run(["cp", "-a", hum.home / "postgres", hum.home / "backup"], check=True)
    hum.up()
    erase(alice)
    problem(carol.delete("/v1/users/me", json={"password": "not this"}), 401, "invalid_credentials")
    hum.down()
    shutil.rmtree(hum.home / "postgres")
    subprocess.run(["cp", "-a", hum.home / "backup", hum.home / "postgres"], check=True)
    hum.up()
    assert ok(bob.get(f"/v1/users/{alice.id}"))["nickname"] == alice.nickname, "the backup has her back"

    env = environment(**hum.settings)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", COMMANDS], env=env, cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" t\n") == 1 and " f\n" not in done.stdout, done.stdout
    assert ok(bob.get(f"/v1/users/{alice.id}")) == tombstone(alice.id)
    problem(sign_in(alice), 401, "invalid_credentials")
    ok(sign_in(carol))
    assert [m["text"] for m in bob.history(dm)] == ["stays"]
