"""The lines in C that clients-sample/README.md shows are a client."""

import re
import subprocess

import pytest

from lib.paths import ROOT

pytestmark = pytest.mark.release_only  # has its own sanitizers

HERE = ROOT / "tests" / "mobile"
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined"]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    blocks = re.findall(r"```c\n(.*?)```", (ROOT / "clients-sample" / "README.md").read_text(), re.S)
    assert blocks
    (folder / "readme.c").write_text("".join(blocks))
    found = subprocess.run(["pkg-config", "--cflags", "--libs", "libcurl", "jansson", "libmosquitto"],
                           capture_output=True, text=True, check=True).stdout.split()
    done = subprocess.run(["gcc", *FLAGS, "-I", folder, HERE / "readme_main.c", "-o", folder / "client", *found],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "client"


def test_it_sends_catches_up_and_is_acknowledged(hum, people, program):
    alice, bob, dm = people
    for i in range(3):
        bob.say(dm, f"missed {i}")
    command = [program, hum.http_url, alice.email, dm, hum.host, str(hum.mqtt_port)]
    done = subprocess.run(command, input=f"{alice.password}\nhello\nand again\n", capture_output=True, text=True,
                          timeout=90)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1 missed 0", "2 missed 1", "3 missed 2", "4 hello", "5 and again"]
    assert [m["nonce"] for m in alice.history(dm)[3:]] == ["readme-0", "readme-1"]
