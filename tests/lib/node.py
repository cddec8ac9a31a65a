"""What the tests need of npm: fetched once, by the lock of tests/node."""

import functools
import json
import os
import subprocess

from lib.paths import ROOT

FOLDER = ROOT / "tests" / "node"


@functools.cache
def modules(folder=FOLDER, name="tests"):
    """The folder node_modules, with all of the folder's package.json in it."""
    target = ROOT / "build" / "npm" / name
    done = subprocess.run([ROOT / "deploy" / "npm-packages", folder, target], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300)
    assert done.returncode == 0, f"npm: {done.stdout}\n{done.stderr}"
    return target / "node_modules"


def schema(path):
    """A JSON file of a package."""
    return json.loads((modules() / path).read_text())


def run(script, *args, timeout=180):
    """Runs a script of tests/node; what it prints, as JSON."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HUM_", "NODE_"))}
    done = subprocess.run(["node", FOLDER / script, *map(str, args)], env={**env, "NODE_PATH": str(modules())},
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout)
    assert done.returncode == 0, f"{script}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)
