"""Gives every fuzz target the inputs of its corpus: findings of earlier fuzzing, and what covers the code."""

import os
import subprocess

import pytest

from lib.instance import ROOT, build_dir

FOLDER = ROOT / "tests" / "fuzz"
TARGETS = sorted(source.stem.removeprefix("fuzz-") for source in FOLDER.glob("fuzz-*.c"))


@pytest.mark.parametrize("target", TARGETS)
def test_corpus(target):
    corpus = FOLDER / "corpus" / target
    program = build_dir() / "tests" / "fuzz" / f"fuzz-{target}"
    files = [path for path in corpus.iterdir() if path.is_file()]
    assert 0 < len(files) <= 250
    assert program.exists(), "not built: ./hum test builds it"
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    done = subprocess.run([program, corpus], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    assert done.stdout.decode().strip() == f"{len(files)} replayed"


def test_there_are_targets():
    assert {"topic", "message", "record", "journal", "picture", "provider"} <= set(TARGETS)
