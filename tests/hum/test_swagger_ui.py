"""Fetching Swagger UI where there is no npm: what comes is what the lock says, or nothing."""

import functools
import http.server
import json
import shutil
import subprocess
import threading

import pytest

from lib.instance import ROOT

pytestmark = pytest.mark.release_only  # a script, npm and curl

LOCK = json.loads((ROOT / "deploy" / "swagger-ui" / "package-lock.json").read_text())
VERSION = LOCK["packages"]["node_modules/swagger-ui-dist"]["version"]
TARBALL = f"swagger-ui-dist-{VERSION}.tgz"
TOOLS = ("bash base64 cat curl dirname env flock gzip head jq mkdir mktemp printf readlink rm sed sha512sum tar").split()
FILES = {"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    """The package, fetched as one does with npm."""
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run(["npm", "pack", f"swagger-ui-dist@{VERSION}", "--ignore-scripts"], cwd=folder, check=True,
                   capture_output=True, timeout=120)
    return folder / TARBALL


@pytest.fixture
def registry(tmp_path):
    """A registry of our own: its URL and where its tarball lies."""
    root = tmp_path / "registry"
    place = root / "swagger-ui-dist" / "-"
    place.mkdir(parents=True)
    handler = functools.partial(Quiet, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", place / TARBALL
        server.shutdown()


@pytest.fixture
def fetch(tmp_path):
    """Runs deploy/fetch-swagger-ui without npm in sight."""
    tools, target = tmp_path / "bin", tmp_path / "ui"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))

    def run(url):
        done = subprocess.run([shutil.which("bash"), ROOT / "deploy" / "fetch-swagger-ui", target],
                              env={"PATH": str(tools), "npm_config_registry": url, "no_proxy": "127.0.0.1"},
                              capture_output=True, text=True, timeout=120)
        found = {p.name for p in target.iterdir()} if target.exists() else set()
        return done, found

    return run


def test_by_curl(tarball, registry, fetch):
    url, place = registry
    shutil.copy(tarball, place)
    done, found = fetch(url)
    assert done.returncode == 0, done.stderr
    assert FILES <= found
    place.unlink()
    done, found = fetch(url)  # and not again
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("spoil", [
    lambda text: text + b"\0", lambda text: text[:-1], lambda text: b"", lambda text: b"<html>",
    lambda text: text[:1000] + bytes([text[1000] ^ 1]) + text[1001:],
], ids=["longer", "shorter", "nothing", "a page", "a bit"])
def test_what_is_not_what_the_lock_says(tarball, registry, fetch, spoil):
    url, place = registry
    place.write_bytes(spoil(tarball.read_bytes()))
    done, found = fetch(url)
    assert done.returncode != 0
    assert "is not what package-lock.json says" in done.stderr
    assert not FILES & found
    shutil.copy(tarball, place)  # a later start gets it
    assert FILES <= fetch(url)[1]


def test_no_registry(registry, fetch):
    url, _ = registry  # which has nothing
    done, found = fetch(url)
    assert done.returncode != 0 and not FILES & found


def test_locks_name_no_host():
    for lock in ("deploy/swagger-ui", "tests/node", "tests/browser/node", "clients-sample/desktop"):
        text = (ROOT / lock / "package-lock.json").read_text()
        assert "resolved" not in text and "://" not in text
        packages = {k: p for k, p in json.loads(text)["packages"].items() if k}
        assert all(p["integrity"].startswith("sha512-") for p in packages.values())
