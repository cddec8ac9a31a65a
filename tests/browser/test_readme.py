"""The lines in TypeScript that clients-sample/README.md shows are a client, and their types hold."""

import json
import re
import subprocess

import pytest

from lib import node
from lib.paths import ROOT

pytestmark = pytest.mark.release_only

HERE = ROOT / "tests" / "browser"
GIVEN = """declare const email: string, password: string, room: string;
declare function show(message: { seq: number; text?: string }): void;
declare function refused(error: object): void;
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    built = ROOT / "build" / "desktop"
    subprocess.run([ROOT / "deploy" / "build-desktop", built], check=True, timeout=300)
    (folder / "node_modules").symlink_to(built / "npm" / "node_modules")
    blocks = re.findall(r"```ts\n(.*?)```", (ROOT / "clients-sample" / "README.md").read_text(), re.S)
    assert blocks
    (folder / "client.ts").write_text("".join(blocks) + GIVEN + "export { send };\n")
    compiler = node.modules(HERE / "node", "checkers") / "typescript" / "bin" / "tsc"
    checks = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    done = subprocess.run(["node", compiler, *checks, folder / "client.ts"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    subprocess.run([built / "npm" / "node_modules" / ".bin" / "esbuild", folder / "client.ts", "--bundle", "--platform=node", "--format=esm",
                    "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
                    "--log-level=warning", f"--outfile={folder / 'client.mjs'}"], check=True, timeout=60)
    return folder / "client.mjs"


def test_it_catches_up_sends_and_is_acknowledged(hum, people, client):
    alice, bob, dm = people
    for i in range(3):
        bob.say(dm, f"missed {i}")
    what = {"origin": hum.http_url, "email": alice.email, "password": alice.password, "room": dm, "say": ["hello", "and again"], "count": 5}
    done = subprocess.run(["node", HERE / "readme_run.mjs", client], input=json.dumps(what), capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1 missed 0", "2 missed 1", "3 missed 2", "4 hello", "5 and again"]
    assert [m["text"] for m in alice.history(dm)[3:]] == ["hello", "and again"]
