"""The desktop client's sources: their types hold, their parts without a page do what they say, and what is built is small."""

import gzip
import os
import re
import shutil
import subprocess

import pytest

from lib import node
from lib.paths import ROOT

pytestmark = pytest.mark.release_only

CLIENT = ROOT / "clients-sample" / "desktop"
CHECKERS = ROOT / "tests" / "browser" / "node"
FIRST_VISIT_MAX = 150 * 1024
PARTS = ("desktop.html", "desktop-app.js", "desktop-app.css", "desktop-mqtt.js", "desktop-icon.svg")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The client, built by the one command; beside it what it was built with."""
    target = ROOT / "build" / "desktop"
    done = subprocess.run([ROOT / "deploy" / "build-desktop", target], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return target


def test_types(built, tmp_path):
    shutil.copytree(CLIENT / "src", tmp_path / "src")
    shutil.copy(CLIENT / "tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(built / "npm" / "node_modules")
    compiler = node.modules(CHECKERS, "checkers") / "typescript" / "bin" / "tsc"
    done = subprocess.run(["node", compiler, "-p", tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_the_parts_without_a_page(built, tmp_path):
    """clients-sample/desktop/test, by node's own runner."""
    esbuild = built / "npm" / "node_modules" / ".bin" / "esbuild"
    tests = sorted((CLIENT / "test").glob("*.ts"))
    env = {**os.environ, "NODE_PATH": str(node.modules(CHECKERS, "checkers"))}
    subprocess.run([esbuild, *tests, "--bundle", "--platform=node", "--format=cjs", "--log-level=warning", "--external:mqtt",
                    '--define:MQTT_URL="mqtt"', f"--outdir={tmp_path}"], check=True, timeout=60, env=env)
    done = subprocess.run(["node", "--test", "--test-reporter=tap", *sorted(tmp_path.glob("*.js"))], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    for name in re.findall(r'^test\("(.+?)", ', "".join(test.read_text() for test in tests), re.MULTILINE):
        assert re.search(f"^ *ok [0-9]+ - {re.escape(name)}$", done.stdout, re.MULTILINE), name


def test_the_first_visit_is_small(built):
    sizes = {part: (built / f"{part}.gz").stat().st_size for part in PARTS}
    assert sum(sizes.values()) <= FIRST_VISIT_MAX, sizes
    for part in PARTS:
        assert gzip.decompress((built / f"{part}.gz").read_bytes()) == (built / part).read_bytes()


def test_the_same_sources_build_the_same_files(built, tmp_path):
    shutil.copytree(built / "npm", tmp_path / "npm", symlinks=True)
    subprocess.run([ROOT / "deploy" / "build-desktop", tmp_path], check=True, timeout=300)
    for part in PARTS:
        assert (tmp_path / part).read_bytes() == (built / part).read_bytes()


def test_texts_are_complete():
    """The compiler sees to the names; here: nothing of one language was left in the other."""
    russian = (CLIENT / "src" / "texts" / "ru.ts").read_text()
    for line in russian.splitlines():
        if ": \"" in line and "lang:" not in line:
            text = line.split(": ", 1)[1]
            assert any("а" <= c.lower() <= "я" or c == "ё" for c in text), line
