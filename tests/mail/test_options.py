"""What the control API says of a mail server that cannot be: one line without the password."""

import subprocess

import pytest

from lib.instance import build_dir, environment, free_ports

API = build_dir() / "control-api" / "hum-api"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([API, "keys", folder], check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("name, settings", [
    ("HUM_SMTP_URL", {"HUM_SMTP_URL": "smtp://hum:swordfish@"}),
    ("HUM_SMTP_URL", {"HUM_SMTP_URL": "http://hum:swordfish@localhost"}),
    ("HUM_SMTP_URL", {"HUM_SMTP_URL": "smtp://hum:swordfish@localhost/path"}),
    ("HUM_SMTP_URL", {"HUM_SMTP_URL": "smtp://hum:swordfish@localhost:99999"}),
    ("HUM_MAIL_FROM", {"HUM_MAIL_FROM": "hum@example.org>\r\nBcc: x"}),
    ("HUM_MAIL_FROM", {"HUM_PUBLIC_URL": "http://[::1]:8080"}),
    ("HUM_PUBLIC_URL", {"HUM_PUBLIC_URL": f"http://example.org/{'x' * 900}"}),
    ("HUM_SMTP_CA_FILE", {"HUM_SMTP_CA_FILE": "/nowhere/ca.pem"}),
], ids=lambda v: v if isinstance(v, str) else next(iter(v.values()))[:40])
def test_refused_at_the_start(keys, name, settings):
    env = environment(HUM_SMTP_URL="smtp://hum:swordfish@localhost", HUM_KEYS_DIR=keys, HUM_HTTP_PORT=free_ports(1)[0],
                      HUM_DATABASE_URL="postgresql://127.0.0.1:1/none")
    del env["HUM_PRESET"]
    done = subprocess.run([API], env={**env, **settings}, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    (line,) = [x for x in said.splitlines() if "HUM_" in x]
    assert f"{name}: " in line and "swordfish" not in said
