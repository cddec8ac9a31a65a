"""Settings that cannot work are refused in one clear line, before anything is done."""

import os
import pathlib
import socket
import subprocess

import pytest

from lib import processes
from lib.instance import Instance, build_dir

pytestmark = pytest.mark.release_only  # of the script, before anything runs


@pytest.fixture
def idle():
    """An instance that is never started."""
    instance = Instance()
    yield instance
    instance.remove()


def refused(instance, *words, command=("up", "-d"), **settings):
    done = instance.run(*command, **settings)
    lines = done.stderr.strip().splitlines()
    assert done.returncode != 0, done.stdout
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]
    assert not processes.of_home(instance.home)
    return lines[0]


@pytest.mark.parametrize("name", ["HUM_HTTP_PORT", "HUM_MQTT_PORT", "HUM_WS_PORT",
                                  "HUM_METRICS_PORT"])
@pytest.mark.parametrize("port", ["0", "65536", "99999999999999999999", "-1", "x", "08080", "80 81", "1e3"])
def test_what_is_no_port(idle, name, port):
    refused(idle, name, port, **{name: port})


def test_ports_must_differ(idle):
    refused(idle, "HUM_HTTP_PORT", "HUM_WS_PORT", HUM_WS_PORT=idle.http_port)
    refused(idle, "HUM_METRICS_PORT", HUM_METRICS_PORT=idle.mqtt_port)


@pytest.mark.parametrize("name", ["HUM_HTTP_PORT", "HUM_MQTT_PORT", "HUM_WS_PORT",
                                  "HUM_METRICS_PORT"])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_port_that_is_taken(idle, name, address):
    port = idle.settings[name]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        taken.bind((address, port))
        taken.listen()
        refused(idle, name, str(port))
    assert not (idle.home / "postgres").exists(), "nothing is made before"


@pytest.mark.parametrize("settings", [
    {"HUM_PRESET": "debug"}, {"HUM_LIMITS": "no"}, {"HUM_BIND": "localhost"}, {"HUM_BIND": "1.2.3"}, {"HUM_BIND": "; reboot"},
    {"HUM_TRUSTED_PROXIES": "proxy.example.org"}, {"HUM_OAUTH_PRIVATE": "yes"}, {"HUM_OAUTH_FILE": "/nowhere/oauth.json"}, {"HUM_EVENTS_DAYS": "0"}, {"HUM_EVENTS_DAYS": "36501"}, {"HUM_EVENTS_DAYS": "1.5"}, {"HUM_EVENTS_DAYS": "x"},
], ids=str)
def test_other_settings(idle, settings):
    ((name, value),) = settings.items()
    refused(idle, name, value, **settings)


@pytest.mark.parametrize("settings", [
    {"HUM_PUBLIC_URL": "chat.example.org"}, {"HUM_PUBLIC_URL": "ftp://chat.example.org"}, {"HUM_MQTT_URL": "mqtt://a"},
    {"HUM_MQTT_URL": "tcp://a:1883"}, {"HUM_WS_URL": "wss://a"}, {"HUM_WS_URL": "https://a/mqtt"},
    {"HUM_WS_URL": "ws://a/mqtt", "HUM_PUBLIC_URL": "https://a"},
], ids=str)
def test_public_addresses_that_are_none(idle, settings):
    name, value = next(iter(settings.items()))
    refused(idle, name, value, **settings)


@pytest.mark.parametrize("url", ["mail.example.org", "http://u:swordfish@mail", "smtp://u:sword fish@mail", "smtp://"])
def test_a_mail_server_that_is_none(idle, url):
    assert "swordfish" not in refused(idle, "HUM_SMTP_URL", HUM_SMTP_URL=url)


def test_a_home_with_a_space(idle, tmp_path):
    refused(idle, "HUM_HOME", HUM_HOME=tmp_path / "a b")


def test_a_home_too_long_for_its_sockets(idle, tmp_path):
    refused(idle, "HUM_HOME", "107", HUM_HOME=tmp_path / ("x" * 100))


def test_a_home_that_is_a_file(idle, tmp_path):
    (tmp_path / "file").write_text("")
    refused(idle, "HUM_HOME", HUM_HOME=tmp_path / "file" / "home")


def test_an_unknown_command(idle):
    done = idle.run("upp")
    assert done.returncode != 0
    assert "upp" in done.stderr and "usage" in done.stderr


def test_an_unknown_option(idle):
    refused(idle, "usage", command=("up", "-x"))


def test_help(idle):
    done = idle.run("help")
    assert done.returncode == 0
    for word in ("up", "down", "status", "test", "bench", "HUM_HOME", "HUM_DATABASE_URL"):
        assert word in done.stdout


def test_status_and_down_without_an_instance(idle):
    done = idle.run("status")
    assert done.returncode != 0 and "stopped" in done.stdout
    done = idle.run("down")
    assert done.returncode == 0 and "not running" in done.stdout


@pytest.mark.root_only
def test_a_package_that_cannot_be_installed(idle, tmp_path):
    """A dpkg that does not know jq, and an apt-get that fails."""
    stubs = {"dpkg-query": '/usr/bin/dpkg-query "$@" | grep -v " jq$"',
             "apt-get": "echo 'E: no such archive'; exit 100"}
    for name, text in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    before = policy.exists()
    done = idle.run("up", "-d", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "jq" in last and "not installed" in last
    assert "no such archive" in done.stderr
    assert not processes.of_home(idle.home)
    assert policy.exists() == before


@pytest.mark.parametrize("name, url", [
    *[("HUM_PUBLIC_URL", url) for url in (
        "chat.example.org", "https://", "https://a b", 'https://a"b', "https://a/?x=1", "https://a/#x", "https://a/<b>", "https://ü",
        "https://a\n", "https://u:p@a", "https://" + "a" * 2000)],
    ("HUM_MQTT_URL", "mqtt://a"), ("HUM_WS_URL", "wss://a;b/mqtt"), ("HUM_WS_URL", "ws://a/" + "b" * 400)])
def test_what_is_no_address(name, url):
    """It is written into what clients get as it is."""
    done = subprocess.run([build_dir() / "control-api" / "hum-api"], env={
        name: url, "HUM_DATABASE_URL": "postgresql:///x", "HUM_KEYS_DIR": "/nowhere"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert name in line
